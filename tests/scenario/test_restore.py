"""A backup restored into a running daemon: the next call sees it, whatever was at work ends in order, kill -9 leaves one of the two.

covers: cim-core:C17
"""
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

from daemon import PASSWORD, USER, Daemon, binary
from wsman import Client, Fault

NS, WIRE = "root/default", "http://schemas.microsoft.com/wbem/wsman/1/config"
ROUNDS = int(os.environ.get("CIMFONY_KILL_ROUNDS", "5" if os.environ.get("CIMFONY_FAST") else "20"))
SIZE = 60
MOF = "class T { [key] uint32 Id; string State; string Filler; };\n"


class Restore(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cimfony-restore-"))
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.daemon = Daemon(state=self.folder)

    def connect(self):
        client = Client(*self.daemon.address(), USER, PASSWORD, timeout=30)
        self.addCleanup(client.close)
        return client

    def mof(self, text):
        path = self.folder / "t.mof"
        path.write_text(text)
        self.daemon.run("mof", "--namespace", NS, str(path))

    def two_states(self):
        """Backups of one content and of another: all instances say which, and one class is only in the second."""
        self.mof(MOF + "".join(f'instance of T {{ Id = {i}; State = "a"; Filler = "{"x" * 300}"; }};\n' for i in range(SIZE)))
        self.daemon.run("backup", str(self.folder / "a"))
        self.mof("class OnlyB { [key] string K; };\n" +
                 "".join(f'instance of T {{ Id = {i}; State = "b"; Filler = "{"y" * 300}"; }};\n' for i in range(SIZE + 40)))
        self.daemon.run("backup", str(self.folder / "b"))

    def state(self, client):
        """Of everything: "a" or "b"; fails when it is a mixture."""
        found = client.enumerate(NS, "T", max_elements=20)
        states = {i["State"] for i in found}
        self.assertEqual(len(states), 1, "one content at a time")
        state, = states
        self.assertEqual(len(found), SIZE if state == "a" else SIZE + 40)
        return state

    def audit(self):
        return (self.folder / "state" / "audit.log").read_text()

    def test_the_next_call_sees_it(self):
        with self.daemon:
            self.two_states()
            client = self.connect()
            self.assertEqual(self.state(client), "b")
            done = self.daemon.run("restore", "--force", str(self.folder / "a"))
            self.assertIn("in force", done.stdout)
            self.assertEqual(self.state(client), "a")
            with self.assertRaises(Fault):
                client.enumerate(NS, "OnlyB")
            client.put(NS, "T", {"Id": 1, "State": "changed", "Filler": ""}, Id="1")
            self.assertEqual(client.get(NS, "T", Id="1")["State"], "changed")
            self.daemon.run("restore", "--force", str(self.folder / "b"))
            self.assertEqual(self.state(client), "b")
            self.assertEqual(client.enumerate(NS, "OnlyB"), [])
            self.assertRegex(self.audit(), r"event=backup .*object=\"cimd backup\"")
            self.assertRegex(self.audit(), r"event=restore .*object=\".*/a\"")
            bad = self.folder / "bad"
            bad.write_bytes((self.folder / "a").read_bytes()[:30000])
            done = self.daemon.run("restore", "--force", str(bad), check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(self.state(client), "b")
            self.assertRegex(self.audit(), r"event=restore status=CORRUPT_STORE")
        with self.daemon:
            self.assertEqual(self.state(self.connect()), "b")

    def test_without_a_daemon(self):
        """What is done to the repository while no daemon runs is in the audit log, too, in the same form, also when it failed."""
        with self.daemon:
            self.two_states()
        before = self.audit()
        self.daemon.run("backup", str(self.folder / "c"))
        self.daemon.run("restore", "--force", str(self.folder / "a"))
        bad = self.folder / "bad"
        bad.write_bytes((self.folder / "a").read_bytes()[:30000])
        self.assertNotEqual(self.daemon.run("restore", "--force", str(bad), check=False).returncode, 0)
        self.daemon.run("sd", "show", NS)
        self.daemon.run("sd", "set", NS, "O:BAG:BAD:(A;CI;CCDCLCSWRPWPRCWD;;;BA)")
        records = self.audit()[len(before):].splitlines()
        self.assertEqual(len(records), 4, records)
        common = r'name=".+" sid=S-1-\S+ .*user=".+" scheme="local" object='
        self.assertRegex(records[0], r"^time=\S+ event=backup status=OK " + common + '"cimd backup"')
        self.assertRegex(records[1], r"^time=\S+ event=restore status=OK " + common + f'"{self.folder}/a"')
        self.assertRegex(records[2], r"^time=\S+ event=restore status=CORRUPT_STORE " + common + f'"{self.folder}/bad"')
        self.assertRegex(records[3], r"^time=\S+ event=descriptor_changed status=OK ")
        with self.daemon:
            self.assertEqual(self.state(self.connect()), "a")

    def test_settings_come_along(self):
        with self.daemon:
            client = self.connect()

            def envelopes():
                reply = client.call("http://schemas.xmlsoap.org/ws/2004/09/transfer/Get", WIRE)
                return next(e.text for e in reply.iter() if e.tag.endswith("}MaxEnvelopeSizekb"))

            before = envelopes()
            self.daemon.run("backup", str(self.folder / "copy"))
            client.call("http://schemas.xmlsoap.org/ws/2004/09/transfer/Put", WIRE,
                        f'<cfg:Config xmlns:cfg="{WIRE}"><cfg:MaxEnvelopeSizekb>777</cfg:MaxEnvelopeSizekb></cfg:Config>')
            self.assertEqual(envelopes(), "777")
            self.daemon.run("restore", "--force", str(self.folder / "copy"))
            self.assertEqual(envelopes(), before)

    def test_under_load(self):
        """Readers see one content or a fault; what a writer was told is there as long as no restore came after it."""
        stop, wrong, whole = threading.Event(), [], [0]
        with self.daemon:
            self.two_states()

            def read():
                client = self.connect()
                while not stop.is_set():
                    try:
                        self.state(client)
                        whole[0] += 1
                    except Fault as e:
                        if e.subcode not in ("a:EndpointUnavailable", "a:DestinationUnreachable", "wsa:EndpointUnavailable", "wsa:DestinationUnreachable"):
                            wrong.append(str(e))
                    except AssertionError as e:
                        wrong.append(str(e))

            def write():
                client = self.connect()
                while not stop.is_set():
                    try:
                        client.create(NS, "__Namespace", Name="x")
                        client.delete(NS, "__Namespace", Name="x")
                    except Fault:
                        pass

            threads = [threading.Thread(target=f) for f in (read, read, write)]
            for t in threads:
                t.start()
            for i in range(10):
                self.daemon.run("restore", "--force", str(self.folder / "ab"[i % 2]))
                self.daemon.run("backup", str(self.folder / "other"))
            stop.set()
            for t in threads:
                t.join()
            self.assertEqual(wrong, [])
            self.assertGreater(whole[0], 0)
            self.assertEqual(self.state(self.connect()), "b")

    def wait_for_step(self, step, asking):
        """The copy is there; checked, when the former content is being kept; replaced or about to be; answered."""
        store = self.folder / "state" / "repository"
        old = store / "store.mdb.old"
        before = old.stat().st_mtime_ns if old.exists() else 0
        steps = [lambda: (store / "store.mdb.restore").exists(), lambda: (store / "store.mdb.old.part").exists(),
                 lambda: old.exists() and old.stat().st_mtime_ns != before, lambda: False]
        while asking.poll() is None and not steps[step]():
            time.sleep(0.0005)

    def test_kill_while_it_runs(self):
        """Old or new, and what was answered is there."""
        with self.daemon:
            self.two_states()
        for i in range(ROUNDS):
            self.daemon.start()
            client = self.connect()
            before = self.state(client)
            wanted = "b" if before == "a" else "a"
            command = [binary("cimd"), "restore", "--config", str(self.daemon.config), "--force", str(self.folder / wanted)]
            asking = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            self.wait_for_step(i % 4, asking)
            self.daemon.kill()
            answered = "in force" in asking.communicate()[0]
            self.daemon.start()
            after = self.state(self.connect())
            self.assertIn(after, (before, wanted))
            if answered:
                self.assertEqual(after, wanted)
            self.daemon.stop()
            self.assertFalse((self.folder / "state" / "repository" / "store.mdb.restore").exists())


if __name__ == "__main__":
    unittest.main()
