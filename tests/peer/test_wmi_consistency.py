"""One object manager behind two protocols: what is written over WSMV is read over WMI by the very next call, and the other way round, by clients
that stay connected all the time. Rights that are set over one bind the other."""
import sys
import unittest

import scenario_path
import test_wmi_impacket as base
from test_descriptors import DENY
from test_wmi_rows import *
from wsman import Client, Fault

INSIDE = sys.argv[1:2] == ["--inside"]


class ConsistencyTest(Rows):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.daemon.add_user("both", PASSWORD, "--group", "Remote Management Users", "--group", "Event Log Readers")
        cls.mof("root/rows", "class C_New { [key] string K; };")
        cls.number = 0

    def setUp(self):
        """A namespace of the test's own, seen by both."""
        type(self).number += 1
        self.name = f"own{self.number}"
        self.ns = f"root/{self.name}"
        self.mof("root", f'instance of __Namespace {{ Name = "{self.name}"; }};')
        self.mof(self.ns, 'class C_Base { [key] uint32 Id; string Name; }; class C_More : C_Base { uint64 Big; };')
        self.wsmv = Client(*self.daemon.address(), USER, PASSWORD)
        self.addCleanup(self.wsmv.close)
        self.wmi = self.session(self.ns)
        self.model = self.session("root/rows").get("C_New").pair()

    def gone(self, call, *arguments, **named):
        with self.assertRaises(Fault):
            call(*arguments, **named)

    def ids(self):
        """Both protocols' lists, which are the same."""
        found = sorted(values(o)["Id"] for o in self.wmi.rows(self.wmi.query("select * from C_Base")))
        self.assertEqual(found, sorted(values(o)["Id"] for o in self.wmi.rows(self.wmi.instances("C_Base"))))
        self.assertEqual(found, sorted(int(o["Id"]) for o in self.wsmv.enumerate(self.ns, "C_Base")))
        self.assertEqual(found, sorted(int(o["Id"]) for o in self.wsmv.query(self.ns, "select * from C_Base")))
        return found

    def test_instances(self):
        w, s, ns = self.wsmv, self.wmi, self.ns
        for i in range(1, 4):
            w.create(ns, "C_Base", Id=i, Name=f"wsmv {i}")
            self.assertEqual(values(s.get(f"C_Base.Id={i}").pair())["Name"], f"wsmv {i}")
            self.assertEqual(s.status(s.put(instance(s.get("C_Base").pair(), Id=i, Name=f"wmi {i}"), 1)), 0)
            self.assertEqual(w.get(ns, "C_Base", Id=i)["Name"], f"wmi {i}")
            w.put(ns, "C_Base", {"Id": i, "Name": "again"}, Id=i)
            found, = s.rows(s.query(f"select Name from C_Base where Id = {i}"))
            self.assertEqual(values(found)["Name"], "again")
        self.assertEqual(s.status(s.put(instance(s.get("C_More").pair(), Id=9, Name="n", Big=2**64 - 1), 2)), 0)
        self.assertEqual(w.get(ns, "C_Base", Id=9)["Big"], str(2**64 - 1))
        self.assertEqual(self.ids(), [1, 2, 3, 9])
        self.assertEqual(s.status(s.delete("C_Base.Id=1")), 0)
        self.gone(w.get, ns, "C_Base", Id=1)
        w.delete(ns, "C_Base", Id=2)
        self.fails(NOT_FOUND, s.get("C_Base.Id=2"))
        self.assertEqual(self.ids(), [3, 9])
        with self.assertRaises(Fault):
            w.create(ns, "C_Base", Id=9)
        self.assertEqual(s.status(s.put(instance(s.get("C_Base").pair(), Id=3), 2)), ALREADY_EXISTS)

    def mof_of(self, name):
        """Of a class, over WSMV."""
        host, port = self.daemon.address()
        done = subprocess.run([base.binary("cim"), "class", f"wsmv://{USER}@{host}:{port}/{self.ns}", name, "--auth", "basic", "--allow-unencrypted"],
                              env={**os.environ, "CIM_PASSWORD": PASSWORD}, capture_output=True, text=True, timeout=60)
        return done.stdout if done.returncode == 0 else None

    def test_classes(self):
        w, s, ns = self.wsmv, self.wmi, self.ns
        self.assertEqual(s.status(s.put_class(self.model, 2)), 0)
        self.assertNotIn("Added", self.mof_of("C_New"))
        # Another definition, by the tool of the running daemon: at the next call of both.
        self.mof(ns, '[Description("changed")] class C_New { [key, Description("its key")] string K; uint32 Added = 7; };')
        self.assertIn("Added", self.mof_of("C_New"))
        w.create(ns, "C_New", K="first")
        self.assertEqual(w.get(ns, "C_New", K="first")["Added"], "7")
        self.assertEqual(set(values(s.get('C_New.K="first"').pair())), {"K", "Added"})
        cls = s.get("C_New").pair()
        self.assertIn(b"changed", cls)
        self.assertEqual(s.status(s.delete_class("C_New")), 0)
        for call in (lambda: w.get(ns, "C_New", K="first"), lambda: w.enumerate(ns, "C_New"), lambda: w.create(ns, "C_New", K="x")):
            self.gone(call)
        self.assertEqual(s.status(s.put_class(cls, 2)), 0)
        w.create(ns, "C_New", K="second")
        self.assertEqual(w.get(ns, "C_New", K="second")["Added"], "7")
        found, = s.rows(s.instances("C_New"))
        self.assertEqual(values(found)["K"], "second")

    def test_qualifiers(self):
        s = self.wmi
        self.mof(self.ns, '[Description("one")] class C_Words { [key, Description("a key")] string K; [Units("bytes")] uint64 N; };')
        before = s.get("C_Words").pair()
        text = self.mof_of("C_Words")
        for word in ("one", "a key", "bytes"):
            self.assertIn(word, text)
            self.assertIn(word.encode(), before)
        self.assertEqual(s.status(s.put_class(before.replace(b"bytes", b"BYTES"), 1)), 0)
        self.assertIn('"BYTES"', self.mof_of("C_Words"))
        self.assertEqual(s.status(s.delete_class("C_Words")), 0)
        self.assertIsNone(self.mof_of("C_Words"))

    def test_namespaces(self):
        w, s, link, login = self.wsmv, self.wmi, self.link(), self.login()
        w.create(self.ns, "__NAMESPACE", Name="over")
        a = s.open("over")
        self.assertEqual(a.hresult, 0)
        child = Session(s.link, a.pair())
        self.assertEqual(self.enter(link, login, f"{self.ns}/over")[0], 0)
        self.assertEqual(child.status(child.put_class(self.model)), 0)
        w.create(f"{self.ns}/over", "C_New", K="k")
        self.assertEqual(values(child.get('C_New.K="k"').pair()), {"K": "k"})
        w.delete(self.ns, "__NAMESPACE", Name="over")
        for a in (child.get("C_New"), s.open("over"), child.query("select * from C_New")):
            self.fails(INVALID_NAMESPACE, a)
        self.assertEqual(self.enter(link, login, f"{self.ns}/over")[0], INVALID_NAMESPACE)
        self.assertEqual(s.status(s.put(instance(s.get("__NAMESPACE").pair(), Name="under"), 2)), 0)
        self.assertEqual([o["Name"] for o in w.enumerate(self.ns, "__NAMESPACE")], ["under"])
        self.mof(f"{self.ns}/under", "class C_Below { [key] string K; };")
        w.create(f"{self.ns}/under", "C_Below", K="k")
        self.assertEqual(s.status(s.delete('__NAMESPACE.Name="under"')), 0)
        self.gone(w.get, f"{self.ns}/under", "C_Below", K="k")
        self.assertEqual(w.enumerate(self.ns, "__NAMESPACE"), [])

    def test_descriptors(self):
        """Three ways to set a descriptor; after each, both protocols let the same account in, or neither does, on connections that stand."""
        w, s, ns = self.wsmv, self.wmi, self.ns
        w.create(ns, "C_Base", Id=1)
        other = Client(*self.daemon.address(), "both", PASSWORD)
        self.addCleanup(other.close)
        link, login = self.link("both"), self.login("both")
        hresult, reference = self.enter(link, login, ns)
        self.assertEqual(hresult, 0)
        theirs = Session(link, reference)

        def both():
            """(WMI, WSMV): may the account read?"""
            over_wmi = theirs.get("C_Base.Id=1").hresult
            self.assertIn(over_wmi, (0, ACCESS_DENIED))
            self.assertEqual(self.enter(link, login, ns)[0], over_wmi)
            try:
                other.get(ns, "C_Base", Id=1)
                return over_wmi == 0, True
            except Fault as e:
                self.assertEqual(e.subcode, "w:AccessDenied")
                return over_wmi == 0, False

        def write():
            """Over WMI; over WSMV RootSDDL lets this account read only."""
            done = theirs.status(theirs.put(instance(s.get("C_Base").pair(), Id=1, Name="w"), 1))
            self.assertIn(done, (0, ACCESS_DENIED))
            return done == 0
        rights = {"none": 0, "read": ENABLE | REMOTE, "write": ENABLE | REMOTE | PARTIAL}
        sddl = {"none": "(D;;CCSWWP;;;ER)", "read": "(D;;SW;;;ER)(A;;CCWP;;;ER)", "write": "(A;;CCSWWP;;;ER)"}
        expected = {"none": (False, False), "read": (True, False), "write": (True, True)}

        def bytes_of(what):
            return descriptor([ADMIN_ACE, (DENY, 0, rights["write"] & ~rights[what] or 0x80, READERS), (ALLOW, 0, rights[what], READERS)])

        def by_wsmv(what):
            self.assertEqual(w.invoke(ns, "__SystemSecurity", "SetSD", SD=list(bytes_of(what)))["ReturnValue"], "0")

        def by_wmi(what):
            self.set_descriptor(s, bytes_of(what))

        def by_tool(what):
            self.daemon.run("sd", "set", ns, f"O:BAG:BAD:P{sddl[what]}(A;CI;CCDCLCSWRPWPRCWD;;;BA)")
        for setter in (by_wsmv, by_wmi, by_wsmv, by_tool, by_wmi, by_tool):
            for what in ("none", "write", "read", "none", "read"):
                setter(what)
                with self.subTest(setter=setter.__name__, rights=what):
                    self.assertEqual(both(), (expected[what][0],) * 2)
                    self.assertEqual(write(), expected[what][1])
            over_wmi = bytes(values(s.invoke("__SystemSecurity=@", "GetSD").pair())["SD"])
            self.assertEqual(over_wmi, bytes(int(b) for b in w.invoke(ns, "__SystemSecurity", "GetSD")["SD"]))


CASES = [ConsistencyTest]
if INSIDE and __name__ == "__main__":
    base.inside(sys.argv[2:], CASES)
    sys.exit(0)


@unittest.skipUnless(base.available(), "needs root, impacket and aiowmi")
class WmiConsistencyTest(unittest.TestCase):
    def test_all(self):
        base.run_inside(self, __file__, 5)


def load_tests(loader, tests, pattern):
    return loader.loadTestsFromTestCase(WmiConsistencyTest)


if __name__ == "__main__":
    unittest.main()
