"""Backup, restore and pause over WMI (MS-WMI 3.1.4.10, 3.1.4.11) with impacket's request classes and with calls made by hand, beside the
other protocols. In a network namespace of its own, as test_wmi_impacket.py.

covers: cim-core:C17
"""
import os
import pathlib
import shutil
import sys
import tempfile
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "scenario")]
import test_wmi_impacket as base
from daemon import PASSWORD, USER, Daemon
from wsman import Client, Fault

INSIDE = sys.argv[1:2] == ["--inside"]
if base.PEERS:
    from impacket.dcerpc.v5 import dcomrt
    from impacket.dcerpc.v5.dcom import wmi
    from impacket.dcerpc.v5.rpcrt import DCERPCException
    from impacket.uuid import string_to_bin
    from wmi_stub import *

CLSID, IID, IID_EX = ("c49e32c6-bc8b-11d2-85d4-00105a1f8304", "c49e32c7-bc8b-11d2-85d4-00105a1f8304", "a359dec5-e813-4834-8a2a-ba7f1d777d76")
NOT_FOUND, ACCESS_DENIED, INVALID_PARAMETER, CRITICAL = 0x80041002, 0x80041003, 0x80041008, 0x8004100a
INVALID_NAMESPACE, INVALID_OPERATION, TOO_BUSY, STOPPING, BAD_STUB = 0x8004100e, 0x80041016, 0x80041045, 0x80080008, 0x6f7
SIZE = 300
NS = "root/backup"


class Backup(base.Inside):
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="cimfony-wmi-backup-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.daemon = Daemon({"listen.epmap": "127.0.0.1:135", "listen.wmi": "127.0.0.1:0", **cls.settings}, state=cls.folder)
        cls.daemon.write_config()
        cls.daemon.add_user(USER, PASSWORD, "--group", "administrators", "--posix-user", "nobody")
        cls.daemon.add_user("limited", PASSWORD, "--group", "Remote Management Users")
        cls.mof("root", 'instance of __Namespace { Name = "backup"; };')
        cls.mof(NS, "class T { [key] uint32 Id; string State; };\n" + "".join(f'instance of T {{ Id = {i}; State = "a"; }};\n' for i in range(SIZE)))
        cls.daemon.start()
        cls.addClassCleanup(lambda: cls.daemon.stop())
        cls.backups = cls.folder / "state" / "backup"

    @classmethod
    def mof(cls, ns, text):
        path = cls.folder / "t.mof"
        path.write_text(text)
        cls.daemon.run("mof", "--namespace", ns, str(path))

    def link(self, user=USER):
        link = Link(self.daemon.address("wmi"), user, PASSWORD)
        self.addCleanup(link.close)
        return link

    def activate(self, user=USER, clsid=CLSID, iid=IID):
        connection = dcomrt.DCOMConnection("127.0.0.1", user, PASSWORD, "")
        self.addCleanup(self.disconnect, connection)
        return connection.CoCreateInstanceEx(string_to_bin(clsid), string_to_bin(iid) + b"\0\0\0\0")

    def care(self, user=USER, link=None):
        """name(file, flags), pause(), resume(): HRESULTs of calls made by hand."""
        link, object = link or self.link(user), self.activate(user, iid=IID_EX).get_iPid()

        class Care:
            @staticmethod
            def file(opnum, text, flags):
                stub = Stub()
                data = words(text + "\0")
                stub.u32(len(data) // 2, 0, len(data) // 2)
                return link.call(object, opnum, stub.raw(data).u32(flags)).hresult

            backup = staticmethod(lambda text, flags=0: Care.file(3, text, flags))
            restore = staticmethod(lambda text, flags=1: Care.file(4, text, flags))
            pause = staticmethod(lambda: link.call(object, 5).hresult)
            resume = staticmethod(lambda: link.call(object, 6).hresult)
        return Care

    def session(self, ns=NS, user=USER):
        link = self.link(user)
        login = self.activate(user, "8bc3f05e-d86b-11d0-a075-00c04fb68820", "f309ad18-d86a-11d0-a075-00c04fb68820").get_iPid()
        a = link.call(login, 6, Stub().text(ns).text(None).u32(0).interface(None))
        self.assertEqual(hex(a.hresult), "0x0")
        return Session(link, a.interface())

    def wsmv(self):
        client = Client(*self.daemon.address(), USER, PASSWORD, timeout=60)
        self.addCleanup(client.close)
        return client

    def is_(self, hresult, expected=0):
        self.assertEqual(hex(hresult), hex(expected))

    def audit(self):
        return (self.folder / "state" / "audit.log").read_text().splitlines()


class BackupTest(Backup):
    def test_impacket(self):
        """impacket's own class of the request; what is written over WSMV is backed up and restored over WMI and read over both."""
        made = self.activate()
        client = self.wsmv()
        client.put(NS, "T", {"Id": 1, "State": "before"}, Id="1")
        request = wmi.IWbemBackupRestore_Backup()
        request["strBackupToFile"] = "C:\\Windows\\Temp\\first.rec\0"
        request["lFlags"] = 0
        made.request(request, iid=string_to_bin(IID) + b"\0\0\0\0", uuid=made.get_iPid())
        self.assertTrue((self.backups / "first.rec").is_file())
        self.assertEqual((self.backups / "first.rec").stat().st_mode & 0o777, 0o600)
        client.put(NS, "T", {"Id": 1, "State": "after"}, Id="1")
        client.create("root", "__Namespace", Name="later")
        self.assertEqual(values(self.session().get("T.Id=1").pair())["State"], "after")
        request = wmi.IWbemBackupRestore_Restore()
        request["strRestoreFromFile"] = "C:\\Windows\\Temp\\first.rec\0"
        request["lFlags"] = 1
        made.request(request, iid=string_to_bin(IID) + b"\0\0\0\0", uuid=made.get_iPid())
        self.assertEqual(client.get(NS, "T", Id="1")["State"], "before")
        self.assertEqual(values(self.session().get("T.Id=1").pair())["State"], "before")
        self.assertNotIn("later", [i["Name"] for i in client.enumerate("root", "__Namespace")])
        self.assertTrue(any('event=restore status=OK' in line and 'object="first.rec"' in line and "peer=" in line for line in self.audit()))

    def test_sessions_end(self):
        """Who was logged in before a restore begins again (3.1.4)."""
        care, s = self.care(), self.session()
        self.is_(care.backup("ends.rec"))
        enumerator, forward = (ipid(s.query("select * from T", flags=f).interface()) for f in (0, 0x20))
        self.assertEqual(s.next(enumerator, 3)[0], 0)
        self.is_(care.restore("ends.rec"))
        for a in (s.get("T.Id=1"), s.query("select * from T"), s.instances("T"), s.classes("T"), s.delete("T.Id=1"), s.get("")):
            self.is_(a.hresult, INVALID_NAMESPACE)
        for e in (enumerator, forward):
            self.is_(s.next(e, 3)[0], INVALID_NAMESPACE)
        self.assertEqual(len(self.rows_of()), SIZE)
        self.is_(care.backup("again.rec"))  # the object itself lives on

    def rows_of(self):
        s = self.session()
        return s.rows(s.query("select * from T"), 50)

    def test_parameters(self):
        """covers: wmi-dcom:W34"""
        care = self.care()
        self.is_(care.backup("p.rec"))
        for flags in (0, 2, 3, 0x80000001):
            self.is_(care.restore("p.rec", flags), INVALID_PARAMETER)
        for flags in (1, 2):
            self.is_(care.backup("flag.rec", flags), INVALID_PARAMETER)
        self.assertFalse((self.backups / "flag.rec").exists())
        # A NULL name is none of the parameter's values: the call is not decoded.
        link, object = self.link(), self.activate().get_iPid()
        self.is_(link.call(object, 3, Stub().u32(0, 0)).hresult, BAD_STUB)
        self.is_(care.restore("none.rec"), NOT_FOUND)

    def test_names(self):
        """Nothing is written or read outside of the folder."""
        care = self.care()
        before = {p for p in self.folder.rglob("*") if p.parent != self.backups}
        for name in ("", ".", "..", "/", "C:\\", "../x.rec", "..\\x.rec", "C:\\..\\x.rec", "a/../x.rec", "/etc/../x", ".hidden", "xx:y", "C:x:$DATA", "x\ty",
                     "x.part", "n" * 201, "/" + "n" * 201, "\x7f"):
            for call in (care.backup, care.restore):
                with self.subTest(name=name):
                    self.is_(call(name), INVALID_PARAMETER)
        for name, file in (("plain", "plain"), ("C:\\a\\b c.rec", "b c.rec"), ("/etc/passwd", "passwd"), ("\\\\server\\share\\f", "f"), ("d:g", "g"), ("\u00fc", "\u00fc"),
                           ("..x", None), ("m" * 200, "m" * 200)):
            with self.subTest(name=name):
                self.is_(care.backup(name), 0 if file else INVALID_PARAMETER)
                self.assertTrue(not file or (self.backups / file).is_file())
        self.assertEqual({p for p in self.folder.rglob("*") if p.parent != self.backups} - before, set())
        self.assertNotIn("CIMFONY", pathlib.Path("/etc/passwd").read_text())

    def test_files_that_are_none(self):
        care = self.care()
        self.is_(care.backup("good.rec"))
        good = (self.backups / "good.rec").read_bytes()
        s = self.session()
        (self.backups / "link.rec").symlink_to("good.rec")
        self.is_(care.restore("link.rec"), ACCESS_DENIED)
        os.mkfifo(self.backups / "fifo.rec", 0o666)
        (self.backups / "folder.rec").mkdir()
        for name, data in (("half.rec", good[:len(good) // 2]), ("empty.rec", b""), ("text.rec", b"no backup\n" * 100),
                           ("changed.rec", good.replace("State".encode(), "Stake".encode(), 1))):
            (self.backups / name).write_bytes(data)
            os.chmod(self.backups / name, 0o644)
        os.chmod(self.backups / "folder.rec", 0o755)
        os.chmod(self.backups / "fifo.rec", 0o644)
        for name in ("half.rec", "empty.rec", "text.rec", "changed.rec", "folder.rec", "fifo.rec"):
            with self.subTest(name=name):
                self.is_(care.restore(name), CRITICAL)
        self.is_(s.get("T.Id=1").hresult)  # nobody was disturbed
        os.chown(self.backups / "good.rec", 0, 0)
        self.daemon.stop()
        self.daemon.start()  # whatever lies there; files come to belong to the daemon
        self.is_(self.care().restore("good.rec"))

    def test_rights(self):
        self.is_(self.care().backup("r.rec"))
        care, old = self.care("limited"), self.session()
        for call in (lambda: care.backup("limited.rec"), lambda: care.restore("r.rec"), lambda: care.restore("nothing.rec"), lambda: care.restore("..", 7),
                     care.pause, care.resume):
            self.is_(call(), ACCESS_DENIED)
        self.assertFalse((self.backups / "limited.rec").exists())
        self.is_(old.get("T.Id=1").hresult)
        found = [line for line in self.audit() if 'name="limited"' in line]
        for event in ("backup", "restore", "pause", "resume"):
            self.assertTrue(any(f"event={event} status=ACCESS_DENIED" in line for line in found), event)
        # An object of somebody else's.
        object = self.activate(iid=IID_EX).get_iPid()
        self.is_(self.link("limited").call(object, 5).hresult, ACCESS_DENIED)

    def test_pause(self):
        """covers: wmi-dcom:W34"""
        care, s = self.care(), self.session()
        client = self.wsmv()
        self.is_(care.resume(), INVALID_OPERATION)
        self.is_(care.pause())
        self.is_(care.pause(), INVALID_OPERATION)
        done, order = threading.Event(), []

        def ask():
            client.put(NS, "T", {"Id": 2, "State": "during"}, Id="2")
            order.append("answered")
            done.set()

        store = self.folder / "state" / "repository" / "store.mdb"
        before = store.read_bytes()
        thread = threading.Thread(target=ask)
        thread.start()
        s.link.send(s.ipid, 6, Stub().bstr("T.Id=1").u32(0).interface(None).pair(True).pair(False))
        self.assertNotEqual(self.daemon.run("mof", "--namespace", NS, str(self.folder / "t.mof"), check=False).returncode, 0)
        self.is_(care.backup("paused.rec"))
        self.is_(care.restore("paused.rec"), INVALID_OPERATION)
        self.assertEqual(store.read_bytes(), before)
        order.append("resumed")
        self.is_(care.resume())
        self.assertTrue(done.wait(30))
        thread.join()
        self.assertEqual(order, ["resumed", "answered"])
        self.is_(s.link.answer().hresult)
        self.assertEqual(client.get(NS, "T", Id="2")["State"], "during")
        self.is_(care.resume(), INVALID_OPERATION)

    def test_under_load(self):
        """Readers over WMI and WSMV and a writer, beside backups and restores: each answer is of one content."""
        care = self.care()
        self.is_(care.backup("load-a"))
        self.mof(NS, "".join(f'instance of T {{ Id = {i}; State = "b"; }};\n' for i in range(SIZE + 50)))
        self.is_(care.backup("load-b"))
        stop, wrong, whole = threading.Event(), [], [0, 0]

        def check(states, count, who):
            kinds = {"b" if x == "b" else "a" for x in states}
            if len(kinds) != 1 or count != (SIZE + 50 if "b" in kinds else SIZE):
                wrong.append(f"{who}: {kinds} {count}")
            whole[who == "wmi"] += 1

        def wsmv():
            client = self.wsmv()
            while not stop.is_set():
                try:
                    states = [i["State"] for i in client.enumerate(NS, "T", max_elements=40)]
                    check(states, len(states), "wsmv")
                except Fault as e:
                    if not e.subcode.endswith((":EndpointUnavailable", ":DestinationUnreachable")):
                        wrong.append(str(e))

        def over_wmi():
            s, link = None, self.link()
            login = self.activate(clsid="8bc3f05e-d86b-11d0-a075-00c04fb68820", iid="f309ad18-d86a-11d0-a075-00c04fb68820").get_iPid()
            while not stop.is_set():
                if not s:
                    a = link.call(login, 6, Stub().text(NS).text(None).u32(0).interface(None))
                    if a.hresult not in (0, STOPPING, INVALID_NAMESPACE):
                        wrong.append(f"login {a.hresult:#x}")
                    s = Session(link, a.interface()) if not a.hresult else None
                    continue
                a = s.query("select * from T", flags=0x30)
                found, hresult = [], a.hresult
                enumerator = ipid(a.interface()) if not hresult else None
                while not hresult:
                    hresult, some = s.next(enumerator, 60)
                    found += some
                if hresult == 1:
                    check([values(o)["State"] for o in found[:1] + found[100::100]], len(found), "wmi")
                elif hresult in (STOPPING, INVALID_NAMESPACE):
                    s = None
                else:
                    wrong.append(hex(hresult))

        threads = [threading.Thread(target=f) for f in (wsmv, over_wmi)]
        for t in threads:
            t.start()
        for i in range(12):
            self.is_(care.restore("load-" + "ab"[i % 2]))
            self.is_(care.backup("other"))
        stop.set()
        for t in threads:
            t.join()
        self.assertEqual(wrong, [])
        self.assertGreater(whole[0], 0)
        self.is_(care.restore("load-a"))


class ElsewhereTest(Backup):
    """wmi.backup_dir elsewhere, wmi.pause_seconds short, and the end of the server in a pause."""

    @classmethod
    def setUpClass(cls):
        cls.elsewhere = pathlib.Path(tempfile.mkdtemp(prefix="cimfony-backups-"))
        cls.addClassCleanup(shutil.rmtree, cls.elsewhere, True)
        os.chown(cls.elsewhere, 64101, 64101)
        cls.settings = {"wmi.backup_dir": str(cls.elsewhere), "wmi.pause_seconds": "1"}
        super().setUpClass()

    def test_folder(self):
        care = self.care()
        self.is_(care.backup("/x/y.rec"))
        self.assertEqual([p.name for p in self.elsewhere.iterdir()], ["y.rec"])
        self.assertFalse(self.backups.exists())
        self.is_(care.restore("y.rec"))

    def test_pause_ends_by_itself(self):
        """covers: wmi-dcom:W34"""
        care, client = self.care(), self.wsmv()
        self.is_(care.pause())
        self.assertEqual(client.get(NS, "T", Id="1")["State"], "a")  # waits until nobody could resume it
        self.is_(care.resume(), INVALID_OPERATION)
        self.assertTrue(any("event=resume" in line and "the longest pause is over" in line for line in self.audit()))

    def test_stop_while_paused(self):
        s = self.session()
        self.is_(self.care().pause())
        s.link.send(s.ipid, 6, Stub().bstr("T.Id=1").u32(0).interface(None).pair(True).pair(False))
        self.daemon.stop()
        self.daemon.start()
        self.is_(self.session().get("T.Id=1").hresult)


CASES = [BackupTest, ElsewhereTest]
if INSIDE and __name__ == "__main__":
    base.inside(sys.argv[2:], CASES)
    sys.exit(0)


@unittest.skipUnless(base.available(), "needs root, impacket and aiowmi")
class WmiBackupTest(unittest.TestCase):
    def test_all(self):
        base.run_inside(self, __file__, sum(unittest.defaultTestLoader.loadTestsFromTestCase(c).countTestCases() for c in CASES))


def load_tests(loader, tests, pattern):
    return loader.loadTestsFromTestCase(WmiBackupTest)


if __name__ == "__main__":
    unittest.main()
