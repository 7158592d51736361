"""MS-WMI row by row: each method's parameters, flags, rights and limits against the specification, with calls made by hand over impacket's
connections. In a network namespace of its own, as test_wmi_impacket.py."""
import json
import os
import pathlib
import struct
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "scenario")]
import test_wmi_impacket as base
from daemon import PASSWORD, USER, Daemon
from test_descriptors import ADMIN_ACE, ALL, ALLOW, CI, ENABLE, FULL, METHOD, PARTIAL, PROVIDER, READERS, REMOTE, descriptor

INSIDE = sys.argv[1:2] == ["--inside"]
if base.PEERS:
    from impacket.dcerpc.v5 import dcomrt
    from impacket.dcerpc.v5.dcom import wmi
    from wmi_stub import *

FAILED, NOT_FOUND, ACCESS_DENIED, INVALID_CONTEXT, INVALID_PARAMETER = 0x80041001, 0x80041002, 0x80041003, 0x80041007, 0x80041008
NOT_SUPPORTED, INVALID_NAMESPACE, INVALID_OBJECT, INVALID_CLASS = 0x8004100c, 0x8004100e, 0x8004100f, 0x80041010
INVALID_OPERATION, INVALID_QUERY, INVALID_QUERY_TYPE, ALREADY_EXISTS = 0x80041016, 0x80041017, 0x80041018, 0x80041019
INVALID_METHOD, METHOD_NOT_IMPLEMENTED, METHOD_DISABLED, QUOTA_VIOLATION = 0x8004102e, 0x80041055, 0x80041056, 0x8004106c
E_NOTIMPL, FAULT_DENIED, DISCONNECTED = 0x80004001, 5, 0x80010108
NOW, FORWARD, DIRECT, AMENDED = 0x10, 0x20, 0x200, 0x20000
NOTHING = {0x40, 0x100, *(1 << i for i in range(12, 17))}  # bits that are documented as without effect

MOF = """
class R_Thing { [key] uint32 Id; string Name; };
class R_Part : R_Thing { string More; };
[Fast] class R_Place { [key] string Name; };
[Association] class R_At { [key] R_Thing ref What; [key] R_Place ref Where; uint32 Since; };
[Association, Special] class R_Below { [key] R_Thing ref Upper; [key] R_Thing ref Lower; };
[Singleton] class R_Only { string Text; };
class R_Calls { [key] uint32 Id; uint32 Nowhere([in] uint32 A); [Disabled] uint32 Off(); [Static] uint32 Still(); };
instance of R_Thing { Id = 1; Name = "one"; };
instance of R_Part { Id = 2; Name = "two"; More = "m"; };
instance of R_Thing { Id = 3; Name = "\\x4e00\\x4e8c \\x00e9"; };
instance of R_Place { Name = "here"; };
instance of R_At { What = "R_Thing.Id=1"; Where = "R_Place.Name=\\"here\\""; Since = 7; };
instance of R_Below { Upper = "R_Thing.Id=1"; Lower = "R_Part.Id=2"; };
instance of R_Only { Text = "x"; };
instance of R_Calls { Id = 1; };
"""


class Rows(base.Inside):
    level = None

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon({"listen.epmap": "127.0.0.1:135", "listen.wmi": "127.0.0.1:0"})
        cls.daemon.write_config()
        cls.daemon.add_user(USER, PASSWORD, "--group", "administrators", "--posix-user", "nobody")
        cls.daemon.add_user("limited", PASSWORD, "--group", "Event Log Readers")
        for ns in ("rows", "sealed"):
            cls.mof("root", f'instance of __Namespace {{ Name = "{ns}"; }};')
        cls.mof("root/rows", MOF)
        cls.mof("root", '[RequiresEncryption]\ninstance of __Namespace { Name = "sealed"; };\n')
        cls.daemon.start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)

    @classmethod
    def mof(cls, ns, text):
        path = cls.daemon.state / "rows.mof"
        path.write_text(text)
        cls.daemon.run("mof", "--namespace", ns, str(path))

    def link(self, user=USER, level=base.PRIVACY):
        link = Link(self.daemon.address("wmi"), user, PASSWORD, level)
        self.addCleanup(link.close)
        return link

    def login(self, user=USER):
        """IPID of IWbemLevel1Login."""
        connection = dcomrt.DCOMConnection("127.0.0.1", user, PASSWORD, "")
        self.addCleanup(self.disconnect, connection)
        return connection.CoCreateInstanceEx(wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login).get_iPid()

    def enter(self, link, login, ns, locale=None, flags=0, context=None):
        """HRESULT and IWbemServices' reference of NTLMLogin."""
        a = link.call(login, 6, Stub().text(ns).text(locale).u32(flags).interface(context))
        return a.hresult, a.interface() if a.data is not None else None

    def session(self, ns="root/rows", user=USER, locale=None, link=None):
        link = link or self.link(user)
        hresult, reference = self.enter(link, self.login(user), ns, locale)
        self.assertEqual(hex(hresult), "0x0")
        return Session(link, reference)

    def fails(self, code, a):
        """An Answer with this HRESULT, whose outputs are NULL."""
        self.assertEqual(hex(a.hresult), hex(code))

    def set_descriptor(self, session, data):
        """__SystemSecurity.SetSD"""
        sent = octets(session.get("__SystemSecurity").pair(), "SetSD", data)
        answer = session.invoke("__SystemSecurity=@", "SetSD", sent)
        self.assertEqual(hex(answer.hresult), "0x0", data.hex())
        self.assertEqual(values(answer.pair())["ReturnValue"], 0)

    def grant(self, session, mask):
        """The rights of user limited; administrators keep theirs. Nothing comes from root, whose list is protected."""
        self.set_descriptor(session, descriptor([ADMIN_ACE, (ALLOW, 0, mask, READERS)], control=0x1000))

    def thing(self, session, id, cls="R_Thing", **more):
        return instance(session.get(cls).pair(), Id=id, **more)


class LoginTest(Rows):
    def test_position(self):
        """covers: wmi-dcom:W1"""
        login, link = self.login(), self.link()
        a = link.call(login, 3, Stub().text(None).u32(0))
        self.assertEqual((a.hresult, a.u32()), (0, 1))
        # What version 1 promises: a name that nobody knows fails no login.
        self.assertEqual(self.enter(link, login, "root/rows", "xx-YY")[0], 0)

    def test_old_logins(self):
        """covers: wmi-dcom:W2"""
        login, link = self.login(), self.link()
        self.fails(NOT_SUPPORTED, link.call(login, 4, Stub().text(None).text(None)))
        a = link.call(login, 5, Stub().text(None).u32(0, 0, 0))
        self.fails(E_NOTIMPL, a)
        self.assertIsNone(a.interface())

    def test_namespaces(self):
        """covers: wmi-dcom:W3"""
        login, link = self.login(), self.link()
        for flags in (0, 0x40, 0x100, 0x140):
            self.assertEqual(self.enter(link, login, "root/rows", flags=flags)[0], 0)
        for bit in set(range(32)) - {6, 8}:
            self.assertEqual(self.enter(link, login, "root/rows", flags=1 << bit), (INVALID_PARAMETER, None), bit)
        for ns in ("root/rows", "root\\rows", "//./root/rows", "\\\\.\\root\\rows", "\\\\127.0.0.1\\root\\rows", "//an-alias.of.ours/root/rows",
                   "ROOT/Rows", "\\\\.\\root/rows", "//./root\\rows/", "\\\\.\\root\\rows\\"):
            hresult, reference = self.enter(link, login, ns)
            self.assertEqual(hex(hresult), "0x0", ns)
            self.assertEqual(opened(Session(link, reference).get("R_Thing").pair()).getClassName(), "R_Thing")
        for ns in ("root", "//./root", "\\\\other\\root"):
            hresult, reference = self.enter(link, login, ns)
            self.assertEqual(hex(hresult), "0x0", ns)
            self.fails(NOT_FOUND, Session(link, reference).get("R_Thing"))

    def test_refusals(self):
        """A daemon whose object manager did not begin listens nowhere: INITIALIZATION_FAILURE has nobody to be told to.

        covers: wmi-dcom:W4"""
        login, link = self.login(), self.link()
        for ns in ("", "root/nowhere", "nowhere", "root/rows/..", "..", "root//rows", "//.", "root:rows", "root/r ows", "\ud800"):
            self.assertEqual(self.enter(link, login, ns), (INVALID_NAMESPACE, None), repr(ns))
        self.assertEqual(self.enter(link, login, None), (INVALID_PARAMETER, None))
        self.assertEqual(self.enter(link, login, "root/" + "x" * 8168), (INVALID_NAMESPACE, None))
        self.assertEqual(self.enter(link, login, "root/" + "x" * 8169), (QUOTA_VIOLATION, None))
        for locale in ("", "MS_409", "ms_409,ms_407", "en-US,de", "en-US, MS_407 ,xx", "zh-Hans-CN"):
            self.assertEqual(self.enter(link, login, "root/rows", locale)[0], 0, locale)
        for locale in ("no locale!", "MS_", "MS_xyz", "MS_123456789", "en_US", "e", ",", "-", "en-", "x" * 2000):
            self.assertEqual(self.enter(link, login, "root/rows", locale), (INVALID_PARAMETER, None), locale)
        self.assertEqual(self.enter(link, login, "root/rows", context=context(a=1))[0], 0)
        self.assertEqual(self.enter(link, login, "root/rows", context=context(a=1)[:-3])[0], INVALID_CONTEXT)

    def test_rights(self):
        """Either right alone opens nothing.

        covers: wmi-dcom:W4"""
        admin, login, link = self.session(), self.login("limited"), self.link("limited")
        self.grant(self.session("root"), 0)
        for mask, expected in ((0, ACCESS_DENIED), (ENABLE, ACCESS_DENIED), (REMOTE, ACCESS_DENIED), (ALL & ~ENABLE, ACCESS_DENIED),
                               (ALL & ~REMOTE, ACCESS_DENIED), (ENABLE | REMOTE, 0)):
            self.grant(admin, mask)
            hresult, reference = self.enter(link, login, "root/rows")
            self.assertEqual(hex(hresult), hex(expected), hex(mask))
            self.assertEqual(reference is None, expected != 0)
        self.grant(admin, 0)

    def test_levels(self):
        """Calls below packet integrity are refused, whatever they ask for.

        covers: wmi-dcom:W5 security:S19 security:S20"""
        login = self.login()
        for level in (NONE, CONNECT):
            link = self.link(level=level)
            hresult, _ = self.enter(link, login, "root/rows")
            self.assertEqual(hex(hresult), hex(FAULT_DENIED), level)
        for level in (INTEGRITY, PRIVACY):
            self.assertEqual(self.enter(self.link(level=level), login, "root/rows")[0], 0)

    def test_encryption(self):
        """covers: wmi-dcom:W6 security:S22"""
        link, open = self.link(), self.link(level=INTEGRITY)
        s = self.session("root/sealed", link=link)
        self.assertEqual(s.get("__SystemClass").hresult, 0)
        plain = s.on(open)
        cls = s.get("").pair()
        for a in (plain.get("__SystemClass"), plain.get("X.k=1"), plain.get(""), plain.put_class(new_class(cls, "X", "k"), result=False),
                  plain.delete_class("X", result=False), plain.classes(""), plain.instances("__NAMESPACE"), plain.query("select * from meta_class"),
                  plain.invoke("__SystemSecurity=@", "GetSD"), plain.delete("X.k=1", result=False)):
            self.fails(ACCESS_DENIED, a)
        self.assertEqual(self.enter(open, self.login(), "root/sealed"), (ACCESS_DENIED, None))
        root = self.session("root", link=open)
        self.fails(ACCESS_DENIED, root.open("sealed"))

    def test_children(self):
        root = self.session("root")
        for path in ("rows", "ROWS", "root/rows", "\\\\.\\root\\rows", "\\root\\rows"):
            a = root.open(path)
            self.assertEqual(hex(a.hresult), "0x0", path)
            self.assertEqual(Session(root.link, a.pair()).get("R_Thing").hresult, 0)
        for path in ("nowhere", "..", "root", "default/..", "//./other/rows", "root/rows/x"):
            a = root.open(path, result=True)
            self.fails(INVALID_NAMESPACE, a)
            self.assertEqual((a.pair(), a.pair()), (None, None))
        for a in (root.open(None), root.open(""), root.open("rows", context=context(a=1)), root.open("rows", NOW), root.open("rows", out=False)):
            self.fails(INVALID_PARAMETER, a)
        rows = self.session("root/rows")
        self.fails(INVALID_NAMESPACE, rows.open("root/default"))  # no child of this one
        a = root.open("rows", NOW, result=True)
        self.assertEqual((a.hresult, a.pair()), (0, None))
        result = ipid(a.pair())
        a = root.link.call(result, 5, Stub().u32(FOREVER))
        self.assertEqual(Session(root.link, a.interface()).get("R_Thing").hresult, 0)
        a = root.open("rows", result=True)  # both ways at once
        self.assertEqual(a.hresult, 0)
        self.assertEqual(Session(root.link, a.pair()).get("R_Thing").hresult, 0)
        a = root.link.call(ipid(a.pair()), 5, Stub().u32(0))
        self.assertEqual(Session(root.link, a.interface()).get("R_Thing").hresult, 0)


class MethodsTest(Rows):
    """IWbemServices, method by method."""

    def test_flags(self):
        """Bit by bit: those of the method's list, those that say nothing, and the others.

        covers: wmi-dcom:W8"""
        s = self.session()
        lists = {
            "open": (NOW, lambda f: s.open("nowhere", f, result=True)),
            "get": (AMENDED | NOW | DIRECT, lambda f: s.get("R_None", f, result=True)),
            "put_class": (AMENDED | NOW | 1 | 2 | 0x20 | 0x40, lambda f: s.put_class(b"no object", f, result=True)),
            "delete_class": (NOW, lambda f: s.delete_class("R_None", f)),
            "classes": (AMENDED | NOW | 1 | FORWARD, lambda f: s.classes("R_None", f)),
            "put": (AMENDED | NOW | 1 | 2, lambda f: s.put(b"no object", f)),
            "delete": (NOW, lambda f: s.delete("R_None.Id=1", f)),
            "instances": (AMENDED | NOW | DIRECT | 1 | FORWARD, lambda f: s.instances("R_None", f)),
            "query": (AMENDED | NOW | DIRECT | 2 | FORWARD, lambda f: s.query("select * from R_None", f)),
            "notify": (AMENDED, lambda f: s.notify("select * from R_None within 1", f | NOW | FORWARD)),
            "invoke": (NOW, lambda f: s.invoke("R_None", "x", flags=f, result=True)),
        }
        told, status = dict(sink=sink()), 0x80
        lists |= {
            "get_async": (AMENDED | DIRECT | status, lambda f: s.get_async("R_None", flags=f, **told)),
            "put_class_async": (AMENDED | status | 1 | 2 | 0x20 | 0x40, lambda f: s.put_class_async(object=b"no object", flags=f, **told)),
            "delete_class_async": (status, lambda f: s.delete_class_async("R_None", flags=f, **told)),
            "classes_async": (AMENDED | status | 1, lambda f: s.classes_async("R_None", flags=f, **told)),
            "put_async": (AMENDED | status | 1 | 2, lambda f: s.put_async(object=b"no object", flags=f, **told)),
            "delete_async": (status, lambda f: s.delete_async("R_None.Id=1", flags=f, **told)),
            "instances_async": (AMENDED | status | DIRECT | 1, lambda f: s.instances_async("R_None", flags=f, **told)),
            "query_async": (AMENDED | status | DIRECT | 2, lambda f: s.query_async("WQL", "select * from R_None", flags=f, **told)),
            "notify_async": (AMENDED | status, lambda f: s.notify_async("WQL", "select * from R_None within 1", flags=f, **told)),
            "invoke_async": (status, lambda f: s.invoke_async("R_None", "x", flags=f, **told)),
        }
        for name, (allowed, call) in lists.items():
            for bit in range(32):
                flag = 1 << bit
                if name == "notify" and flag in (NOW, FORWARD):
                    continue
                refused = not flag & allowed and flag not in NOTHING
                with self.subTest(method=name, flag=hex(flag)):
                    (self.assertEqual if refused else self.assertNotEqual)(hex(call(flag).hresult), hex(INVALID_PARAMETER))
        for a in (s.put_class(b"", 3), s.put_class(b"", 0x60), s.put(b"", 3), s.notify("select * from X", NOW), s.notify("select * from X", FORWARD)):
            self.fails(INVALID_PARAMETER, a)

    def test_later_needs_a_place(self):
        """covers: wmi-dcom:W11"""
        s = self.session()
        cls, thing = s.get("R_Thing").pair(), self.thing(s, 9)
        for a in (s.open("nowhere", NOW), s.get("R_Thing", NOW), s.put_class(cls, NOW, result=False), s.delete_class("R_None", NOW, result=False),
                  s.put(thing, NOW, result=False), s.delete("R_Thing.Id=9", NOW, result=False), s.invoke("R_Calls", "Still", flags=NOW)):
            self.fails(INVALID_PARAMETER, a)
        self.fails(NOT_FOUND, s.get("R_Thing.Id=9"))  # and nothing was done

    def test_results_of_changes(self):
        """With a place for a call result the method itself succeeds and the result says how it went; without one the method says it.

        covers: wmi-dcom:W10"""
        s = self.session()
        for flags in (0, NOW):
            for call in (lambda **r: s.put(self.thing(s, 1), flags | 2, **r), lambda **r: s.put(self.thing(s, 77), flags | 1, **r),
                         lambda **r: s.delete("R_Thing.Id=77", flags, **r), lambda **r: s.delete_class("R_None", flags, **r),
                         lambda **r: s.put_class(s.get("R_Thing").pair(), flags | 2, **r)):
                a = call(result=True)
                self.assertEqual(hex(a.hresult), "0x0")
                failed = s.status(a)
                self.assertIn(failed, (NOT_FOUND, ALREADY_EXISTS))
                if not flags:
                    a = call(result=False)
                    self.fails(failed, a)
                    self.assertIsNone(a.pair())
            self.assertEqual(s.status(s.put(self.thing(s, 78, Name="n"), flags | 2)), 0)
            self.assertEqual(s.status(s.delete("R_Thing.Id=78", flags)), 0)
        self.fails(0, s.put(self.thing(s, 78), result=False))
        self.fails(0, s.delete("R_Thing.Id=78", result=False))
        # Those that give something out: at once what they found, and the call result beside it.
        a = s.invoke("__SystemSecurity=@", "GetSD", result=True)
        self.assertEqual(a.hresult, 0)
        self.assertEqual(values(a.pair())["ReturnValue"], 0)
        kept = s.link.call(ipid(a.pair()), 3, Stub().u32(0))
        self.assertEqual(values(kept.interface())["ReturnValue"], 0)
        a = s.get("R_Thing", result=True)  # 3.1.4.3.4: none but for the semisynchronous call
        self.assertIsNotNone(a.pair())
        self.assertIsNone(a.pair())

    def test_call_results(self):
        """covers: wmi-dcom:W27"""
        s = self.session()

        def ask(answer, opnum, timeout=FOREVER):
            return s.link.call(answer, opnum, Stub().u32(timeout))
        a = s.put(self.thing(s, 80), NOW)
        put = ipid(a.pair())
        a = ask(put, 6)
        self.assertEqual((a.hresult, a.u32()), (0, 0))
        text = ask(put, 4)
        self.assertEqual(text.hresult, 0)
        self.assertRegex(text.bstr(), r"^\\\\[^\\]+\\root\\rows:R_Thing\.Id=80$")
        for opnum in (3, 5):
            self.fails(INVALID_OPERATION, ask(put, opnum))
        a = s.get("R_Thing.Id=80", NOW, result=True)
        self.assertEqual((a.hresult, a.pair()), (0, None))
        got = ipid(a.pair())
        for timeout in (FOREVER, 0, 1000):  # as often as one likes
            self.assertEqual(values(ask(got, 3, timeout).interface())["Id"], 80)
        a = ask(got, 4)
        self.fails(INVALID_OPERATION, a)
        self.assertIsNone(a.bstr())
        a = ask(got, 5)
        self.fails(INVALID_OPERATION, a)
        self.assertIsNone(a.interface())
        gone = s.delete("R_Thing.Id=80", NOW)
        gone = ipid(gone.pair())
        self.assertEqual(ask(gone, 6).u32(), 0)
        for opnum in (3, 4, 5):
            self.fails(INVALID_OPERATION, ask(gone, opnum))
        a = s.get("R_Thing.Id=80", NOW, result=True)
        if a.hresult == 0:  # it began, and failed
            a.pair()
            failed = ipid(a.pair())
            self.assertEqual(ask(failed, 6).u32(), NOT_FOUND)
            for opnum in (3, 4, 5):
                self.fails(NOT_FOUND, ask(failed, opnum))
        else:
            self.fails(NOT_FOUND, a)
            self.assertEqual((a.pair(), a.pair()), (None, None))

    def test_empty_and_wrong_paths(self):
        s = self.session()
        for path in (None, ""):
            self.assertEqual(len(opened(s.get(path).pair()).getProperties()), 0)
            for a in (s.delete_class(path, result=False), s.delete(path, result=False), s.invoke(path, "Still"), s.invoke("R_Calls", path), s.open(path)):
                self.fails(INVALID_PARAMETER, a)
            self.assertGreater(len(s.rows(s.classes(path), 100)), 10)
            self.fails(INVALID_CLASS, s.instances(path))
        self.fails(INVALID_PARAMETER, s.put(None, result=False))
        self.fails(INVALID_PARAMETER, s.put_class(None, result=False))
        for path in ("R_Thing.", "R_Thing.Id=", "R_Thing.Nope=1", "R_Thing.Id=\"1", "root\\rows", "a b"):
            self.assertIn(hex(s.get(path).hresult), (hex(0x8004103a), hex(NOT_FOUND), hex(INVALID_CLASS)), path)
        for path in ("\\\\.\\root\\rows:R_Thing.Id=1", "//any/root/rows:R_Thing=1", "root/rows:r_thing.ID=1", "R_Thing.Id=\"1\""):
            self.assertEqual(values(s.get(path).pair())["Name"], "one", path)
        self.fails(INVALID_NAMESPACE, s.get("\\\\.\\root\\cimv2:Win32_Process"))
        self.assertEqual(values(s.get("R_Only=@").pair())["Text"], "x")

    def test_methods(self):
        """covers: wmi-dcom:W22"""
        s, cimv2 = self.session(), self.session("root/cimv2")
        process = cimv2.get("Win32_Process").pair()
        a = cimv2.invoke("Win32_Process", "Create", parameters(process, "Create", "/bin/true", "/", None))
        out = values(a.pair())
        self.assertEqual((a.hresult, out["ReturnValue"]), (0, 0))
        a = cimv2.invoke(f"Win32_Process.Handle={os.getpid()}", "GetOwner", None)
        self.assertEqual(values(a.pair())["User"], "root")
        a = s.invoke("__SystemSecurity=@", "GetSD", None, flags=NOW, out=False, result=True)
        self.assertEqual((a.hresult, a.pair()), (0, None))
        kept = s.link.call(ipid(a.pair()), 3, Stub().u32(FOREVER))
        self.assertEqual(values(kept.interface())["ReturnValue"], 0)
        calls = "R_Calls.Id=1"
        self.fails(METHOD_DISABLED, s.invoke(calls, "Off"))
        self.fails(METHOD_NOT_IMPLEMENTED, s.invoke(calls, "Nowhere", parameters(s.get("R_Calls").pair(), "Nowhere", 1)))
        self.fails(METHOD_NOT_IMPLEMENTED, s.invoke("R_Calls", "Still"))
        self.fails(INVALID_METHOD, s.invoke(calls, "NoSuch"))
        self.fails(NOT_FOUND, s.invoke(f"{calls[:-1]}2", "Nowhere"))
        self.fails(INVALID_PARAMETER, s.invoke(calls, "Off", out=False))
        self.assertTrue(s.invoke(calls, "Nowhere", s.get("R_Calls").pair()).hresult & 0x80000000)  # a class is no parameter
        for a in (s.invoke("R_None", "x", result=True), s.invoke(calls, "Off", result=True)):
            self.assertTrue(a.hresult & 0x80000000)
            self.assertEqual((a.pair(), a.pair()), (None, None))

    def test_lengths(self):
        """covers: wmi-dcom:W40"""
        s = self.session()
        empty = s.get("").pair()

        def exact(call, most):
            self.assertEqual(hex(call(most + 1)), hex(QUOTA_VIOLATION))
            self.assertNotEqual(hex(call(most)), hex(QUOTA_VIOLATION))
        for call in (lambda n: s.classes("c" * n).hresult, lambda n: s.instances("c" * n).hresult, lambda n: s.delete_class("c" * n, result=False).hresult,
                     lambda n: s.put_class(new_class(empty, "c" * n, "k"), 1, result=False).hresult):
            exact(call, 4096)
        exact(lambda n: s.delete("R_Thing.Id=" + "9" * (n - 11), result=False).hresult, 8192)
        exact(lambda n: s.query("select * from R_Thing where Name='" + "x" * (n - 35) + "'").hresult, 16384)
        exact(lambda n: s.notify("select * from R_Thing where Name='" + "x" * (n - 35) + "'", NOW | FORWARD).hresult, 16384)
        exact(lambda n: s.open("c" * (n - len("root/rows/"))).hresult, 8173)
        place = s.get("R_Place").pair()
        exact(lambda n: s.status(s.put(instance(place, Name="x" * (n - len('R_Place.Name=""'))), 1)), 8192)
        self.assertEqual(self.enter(s.link, self.login(), "x" * 8174)[0], QUOTA_VIOLATION)

    def test_classes(self):
        """PutClass and DeleteClass (3.1.4.3.6, 3.1.4.3.8), but for their events."""
        self.mof("root/rows", "class R_Top { [key] uint32 Id; }; class R_Middle : R_Top { string A; }; class R_Low : R_Middle { string B; };\n"
                              "instance of R_Top { Id = 1; }; instance of R_Low { Id = 2; };")
        s, elsewhere = self.session(), self.session("root/default")
        empty = s.get("").pair()
        for names, code in ((("_X", "__X"), INVALID_OPERATION), (("X_", ""), INVALID_OBJECT), (("a b", "1X", "X-Y", "X.Y"), INVALID_PARAMETER)):
            for name in names:
                self.fails(code, s.put_class(new_class(empty, name, "k"), result=False))
        low = s.get("R_Low").pair()
        self.fails(NOT_FOUND, elsewhere.put_class(low, result=False))  # no superclass there
        self.fails(INVALID_OPERATION, s.put_class(s.get("__NAMESPACE").pair(), result=False))
        self.fails(0, s.delete_class("R_Top", result=False))
        for path in ("R_Top", "R_Middle", "R_Low"):
            self.fails(NOT_FOUND, s.get(path))
            self.fails(INVALID_CLASS, s.get(f"{path}.Id=2"))
        self.fails(NOT_FOUND, s.put_class(low, result=False))
        self.fails(NOT_FOUND, s.delete_class("R_Top", result=False))

    def test_malformed_objects(self):
        """covers: wmi-dcom:W37"""
        s = self.session()
        for good, call in ((self.thing(s, 90), s.put), (new_class(s.get("").pair(), "R_Torn", "k"), s.put_class)):
            data = good[48:]
            for n in range(0, len(data), 3):
                cut = good[:44] + struct.pack("<I", n) + data[:n]
                a = call(cut, result=False)
                self.assertTrue(a.hresult & 0x80000000, n)
            for text in (b"", b"MEOW", good[:40], b"W" + good[1:], good[:24] + bytes(16) + good[40:]):
                self.assertTrue(call(text, result=False).hresult & 0x80000000)
        self.fails(INVALID_OBJECT, s.put(s.get("R_Thing").pair(), result=False))  # a class is no instance
        self.fails(INVALID_OBJECT, s.put_class(self.thing(s, 90), result=False))
        self.fails(NOT_FOUND, s.get("R_Thing.Id=90"))


class RightsTest(Rows):
    def test_each_method(self):
        """Every right that a method needs is needed, and no other one.

        covers: wmi-dcom:W7"""
        link = self.link("limited")
        root, rows, admin = self.session("root"), self.session(), self.session("root/cimv2")
        cls, thing, empty = rows.get("R_Thing").pair(), self.thing(rows, 95), rows.get("").pair()
        space = instance(rows.get("__NAMESPACE").pair(), Name="fresh")
        login = self.login("limited")
        sessions = {}
        for ns, who in (("root", root), ("root/rows", rows), ("root/cimv2", admin)):
            self.grant(who, ENABLE | REMOTE)
            sessions[ns] = Session(link, self.enter(link, login, ns)[1])
        up, s, dynamic = sessions["root"], sessions["root/rows"], sessions["root/cimv2"]
        process = admin.get(f"Win32_Process.Handle={os.getpid()}").pair()
        system = admin.get("Win32_Process").pair()
        read = ENABLE | REMOTE
        table = [
            (rows, read, s.get, ("R_Thing",)), (rows, read, s.get, ("R_Thing.Id=1",)), (rows, read, s.get, ("",)), (rows, read, s.classes, ("",)),
            (rows, read, s.instances, ("R_Thing",)), (rows, read, s.query, ("select * from R_Thing",)),
            (rows, read, s.query, ("associators of {R_Thing.Id=1}",)), (rows, read, up.open, ("rows",)),
            (rows, read, s.notify, ("select * from __InstanceCreationEvent within 1", NOW | FORWARD)),
            (rows, FULL | PARTIAL | PROVIDER | read, s.put_class, (cls,)), (rows, FULL | PARTIAL | PROVIDER | read, s.put_class, (new_class(empty, "R_New", "k"),)),
            (rows, FULL | PARTIAL | PROVIDER | read, s.delete_class, ("R_New",)),
            (rows, PARTIAL | read, s.put, (thing,)), (rows, PARTIAL | read, s.delete, ("R_Thing.Id=95",)),
            (rows, FULL | PARTIAL | PROVIDER | read, s.put, (space,)), (rows, FULL | PARTIAL | PROVIDER | read, s.delete, ('__NAMESPACE.Name="fresh"',)),
            (rows, FULL | PARTIAL | PROVIDER | read, lambda _: link.call(s.ipid, 5, Stub().u32(0)), ("QueryObjectSink",)),
            (rows, METHOD | REMOTE, s.invoke, ("R_Calls", "Still")), (rows, METHOD | REMOTE, s.invoke, ("R_Calls.Id=1", "Off")),
            (admin, PROVIDER | read, dynamic.put, (process,)), (admin, PROVIDER | read, dynamic.delete, ('Win32_Process.Handle="99999999"',)),
            (admin, PROVIDER | read, dynamic.put_class, (system,)), (admin, PROVIDER | read, dynamic.delete_class, ("Win32_Process",)),
        ]
        for who, needed, call, arguments in table:
            name = (needed, call, arguments[0][:30])
            for bit in (ENABLE, REMOTE, METHOD, FULL, PARTIAL, PROVIDER):
                if not needed & bit or (needed & FULL and bit in (PARTIAL, PROVIDER)):  # which FULL_WRITE has to come with
                    continue
                self.grant(who, needed & ~bit)
                self.assertEqual(hex(self.went(s, call(*arguments))), hex(ACCESS_DENIED), (name, hex(bit)))
            self.grant(who, needed)
            self.assertNotEqual(hex(self.went(s, call(*arguments))), hex(ACCESS_DENIED), name)
        for who in (root, rows, admin):
            self.grant(who, 0)

    @staticmethod
    def went(s, a):
        """A change says it in its call result; the others answer at once, or with the first Next."""
        if a.hresult or a.data is None or a.at == len(a.data):
            return a.hresult
        mark = a.at
        try:
            reference = a.pair()
        except AssertionError:
            return 0
        if reference and reference[:8] == b"MEOW" + struct.pack("<I", 1) and reference[8:24] == guid("44aca675-e8fc-11d0-a07c-00c04fb68820"):
            a.at = mark
            return s.status(a)
        return 0

    def test_impersonation_of_strangers(self):
        """What was made for one account serves no other: WBEM_E_ACCESS_DENIED, and it lives on."""
        s, other = self.session(), self.link("limited")
        enumerator = ipid(s.query("select * from R_Thing").interface())
        smart = ipid(s.link.call(self.query_interface(s, enumerator, "1c1c45ee-4395-11d2-b60b-00104b703efd"), 3).interface())
        for object, opnum, stub in ((enumerator, 4, Stub().u32(FOREVER, 1)), (enumerator, 3, b""), (enumerator, 6, b""), (enumerator, 7, Stub().u32(0, 1)),
                                    (smart, 3, Stub().raw(bytes(16)).u32(FOREVER, 1)), (s.ipid, 6, Stub().bstr("R_Thing").u32(0, 0, 0, 0))):
            self.fails(ACCESS_DENIED, other.call(object, opnum, stub))
        self.assertEqual(s.next(enumerator)[0], 0)

    def query_interface(self, s, object, iid):
        """IRemUnknown::RemQueryInterface: the IPID."""
        connection = dcomrt.DCOMConnection("127.0.0.1", USER, PASSWORD, "")
        self.addCleanup(self.disconnect, connection)
        unknown = connection.CoCreateInstanceEx(wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login).get_ipidRemUnknown()
        a = s.link.call(unknown, 3, Stub().raw(object).u32(1, 1, 1).raw(guid(iid)))
        a.u32(), a.u32()
        self.assertEqual(hex(a.u32()), "0x0")
        a.u32(), a.u32()
        return a.data[-16:]


CASES = [LoginTest, MethodsTest, RightsTest]
if INSIDE and __name__ == "__main__":
    base.inside(sys.argv[2:], CASES)
    sys.exit(0)


@unittest.skipUnless(base.available(), "needs root, impacket and aiowmi")
class WmiRowsTest(unittest.TestCase):
    def test_all(self):
        base.run_inside(self, __file__, sum(unittest.defaultTestLoader.loadTestsFromTestCase(c).countTestCases() for c in CASES))


def load_tests(loader, tests, pattern):
    return loader.loadTestsFromTestCase(WmiRowsTest)


if __name__ == "__main__":
    unittest.main()
