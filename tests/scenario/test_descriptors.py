"""Security descriptors of namespaces, over the wire: who sees what, and who may change that."""
import copy
import struct
import tempfile
import time
import unittest
import xml.etree.ElementTree as ET

from daemon import PASSWORD, USER, Daemon
from wsman import NS, WMI, WQL, ENUMERATION, Client, Fault, find, local

ENABLE, METHOD, FULL, PARTIAL, PROVIDER, REMOTE = 1, 2, 4, 8, 0x10, 0x20
READ_CONTROL, WRITE_DAC = 0x20000, 0x40000
ALL = 0x6003F
ALLOW, DENY, AUDIT = 0, 1, 2
CI, NP, IO, INHERITED = 2, 4, 8, 0x10
PROTECTED = 0x1000
ADMINS, USERS, REMOTE_USERS = "S-1-5-32-544", "S-1-5-32-545", "S-1-5-32-580"
READERS, MONITORS = "S-1-5-32-573", "S-1-5-32-558"  # Event Log Readers, Performance Monitor Users
EVERYONE, OWNER_RIGHTS = "S-1-1-0", "S-1-3-4"
READ = ENABLE | METHOD | REMOTE


def sid_bytes(text):
    parts = [int(p) for p in text.split("-")[1:]]
    return bytes([parts[0], len(parts) - 2]) + parts[1].to_bytes(6, "big") + b"".join(
        struct.pack("<I", p) for p in parts[2:])


def acl(aces):
    body = b""
    for kind, flags, mask, sid in aces:
        data = struct.pack("<I", mask) + sid_bytes(sid)
        body += struct.pack("<BBH", kind, flags, 4 + len(data)) + data
    return struct.pack("<BBHHH", 2, 0, 8 + len(body), len(aces), 0) + body


def descriptor(aces, owner=ADMINS, group=ADMINS, control=0):
    """Self-relative; aces None: no DACL, "null": a NULL one."""
    out, offsets = b"", [0, 0, 0, 0]
    if aces is not None:
        control |= 4
        if aces != "null":
            offsets[3] = 20
            out += acl(aces)
    for i, sid in enumerate((owner, group)):
        if sid:
            offsets[i] = 20 + len(out)
            out += sid_bytes(sid)
    return struct.pack("<BBH4I", 1, 0, 0x8000 | control, *offsets) + out


ADMIN_ACE = (ALLOW, CI, ALL, ADMINS)


class Descriptors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(settings={"cimd.log_level": "info"}).start()
        for name, group in (("reader", "Event Log Readers"), ("monitor", "Performance Monitor Users")):
            cls.daemon.add_user(name, f"pw of {name}", "--group", "Remote Management Users", "--group", group)
        cls.daemon.add_user("plain", "pw of plain")
        cls.clients = []
        cls.admin, cls.reader, cls.monitor = cls.login(USER, PASSWORD), cls.login("reader"), cls.login("monitor")
        cls.number = 0

    @classmethod
    def login(cls, name, password=None):
        client = Client(*cls.daemon.address(), name, password or f"pw of {name}")
        cls.clients.append(client)
        return client

    @classmethod
    def tearDownClass(cls):
        for client in cls.clients:
            client.close()
        cls.daemon.stop()

    def namespace(self, parent="root"):
        """A fresh one with a class and three instances."""
        type(self).number += 1
        name = f"sec{self.number}"
        self.admin.create(parent, "__Namespace", Name=name)
        mof = self.daemon.state / f"{name}.mof"
        mof.write_text("class Thing { [key] uint32 Id; };" +
                       "".join(f"instance of Thing {{ Id = {i}; }};" for i in range(3)))
        self.daemon.run("mof", "--namespace", f"{parent}/{name}", str(mof))
        return f"{parent}/{name}"

    def get_sd(self, client, ns):
        answer = client.invoke(ns, "__SystemSecurity", "GetSD")
        self.assertEqual(answer["ReturnValue"], "0")
        return bytes(int(b) for b in answer["SD"])

    def set_sd(self, client, ns, data):
        answer = client.invoke(ns, "__SystemSecurity", "SetSD", SD=list(data))
        self.assertEqual(answer["ReturnValue"], "0")

    def rights(self, client, ns):
        return int(client.invoke(ns, "__SystemSecurity", "GetCallerAccessRights")["rights"])

    def things(self, client, ns):
        return len(client.enumerate(ns, "Thing"))

    def assert_denied(self, call, *args, **options):
        with self.assertRaises(Fault) as caught:
            call(*args, **options)
        fault = caught.exception
        self.assertEqual((fault.status, fault.code, fault.subcode, fault.wsman_code),
                         (500, "s:Sender", "w:AccessDenied", 5))

    def assert_refused(self, call, *args, **options):
        with self.assertRaises(Fault) as caught:
            call(*args, **options)
        self.assertNotEqual(caught.exception.subcode, "w:AccessDenied")

    # covers: security:S45 security:S48 security:S55 wsman:C28
    def test_two_users_see_different_things(self):
        one, two = self.namespace(), self.namespace()
        only = [ADMIN_ACE, (DENY, CI, ENABLE, MONITORS)], [ADMIN_ACE, (DENY, CI, ENABLE, READERS)]
        self.assertEqual((self.things(self.reader, two), self.things(self.monitor, one)), (3, 3))
        self.set_sd(self.admin, one, descriptor(only[0]))
        self.set_sd(self.admin, two, descriptor(only[1]))
        # The very next call on connections that were open all the time.
        self.assertEqual((self.things(self.reader, one), self.things(self.monitor, two)), (3, 3))
        self.assert_denied(self.reader.enumerate, two, "Thing")
        self.assert_denied(self.monitor.enumerate, one, "Thing")
        self.assert_denied(self.monitor.query, one, "SELECT * FROM Thing")
        self.assert_denied(self.monitor.get, one, "Thing", Id=1)
        self.set_sd(self.admin, one, descriptor([ADMIN_ACE]))
        self.assertEqual(self.things(self.monitor, one), 3)

    # covers: cim-core:C11 security:S48
    def test_every_namespace_has_one_and_users_may_not_change_it(self):
        for ns in ("root", "root/cimv2", "root/default", self.namespace()):
            data = self.get_sd(self.reader, ns)
            self.assertEqual(data[:4], b"\x01\x00\x04\x80", ns)
            self.assert_denied(self.set_sd, self.reader, ns, data)
            self.assert_denied(self.get_sd, self.login("plain"), ns)
        self.assert_denied(self.get_sd, self.reader, "root/security")
        self.assertTrue(self.get_sd(self.admin, "root/security"))

    # covers: security:S50
    def test_rights_of_the_caller(self):
        ns = self.namespace()
        self.assertEqual(self.rights(self.admin, ns), ALL)
        self.assertEqual(self.rights(self.reader, ns), ENABLE | METHOD | PROVIDER | REMOTE | READ_CONTROL)
        self.set_sd(self.admin, ns, descriptor([ADMIN_ACE, (ALLOW, 0, PARTIAL, READERS), (DENY, 0, PROVIDER, USERS)]))
        self.assertEqual(self.rights(self.reader, ns), ENABLE | METHOD | PARTIAL | REMOTE | READ_CONTROL)
        for method in ("Get9XUserList", "Set9XUserList"):
            with self.assertRaises(Fault) as caught:
                self.admin.invoke(ns, "__SystemSecurity", method)
            self.assertEqual(caught.exception.wsman_code, 0x80041056 & 0xFFFFFFFF)

    # covers: security:S49
    def test_inheritance(self):
        top = self.namespace()
        child = self.namespace(top)
        grandchild = self.namespace(child)
        self.set_sd(self.admin, top, descriptor([ADMIN_ACE, (DENY, CI | NP, ENABLE, READERS)]))
        self.assert_denied(self.things, self.reader, top)
        self.assert_denied(self.things, self.reader, child)
        self.assertEqual(self.things(self.reader, grandchild), 3)
        self.assertEqual(self.things(self.monitor, child), 3)
        later = self.namespace(top)
        self.assert_denied(self.things, self.reader, later)
        # Its own come first, so that a child may deny what its parent allows.
        self.set_sd(self.admin, later, descriptor([(DENY, 0, ENABLE, MONITORS)]))
        self.assert_denied(self.things, self.monitor, later)
        # Taken back above, it is gone below; what is the child's own stays.
        self.set_sd(self.admin, top, descriptor([ADMIN_ACE]))
        self.assertEqual((self.things(self.reader, child), self.things(self.reader, later)), (3, 3))
        self.assert_denied(self.things, self.monitor, later)
        # A protected DACL hands nothing down.
        self.set_sd(self.admin, child, descriptor([ADMIN_ACE, (ALLOW, CI, READ, READERS)], control=PROTECTED))
        self.set_sd(self.admin, grandchild, descriptor([ADMIN_ACE, (ALLOW, 0, READ, MONITORS)]))
        self.assert_denied(self.things, self.reader, grandchild)
        self.assertEqual(self.things(self.monitor, grandchild), 3)

    def test_what_was_read_can_be_written(self):
        ns = self.namespace(self.namespace())
        self.set_sd(self.admin, ns, descriptor([(DENY, 0, PARTIAL, READERS), ADMIN_ACE]))
        data = self.get_sd(self.admin, ns)
        self.set_sd(self.admin, ns, data)
        self.assertEqual(self.get_sd(self.admin, ns), data)

    def test_order_of_aces_and_owner(self):
        ns = self.namespace()
        self.set_sd(self.admin, ns, descriptor([ADMIN_ACE, (DENY, 0, ENABLE, USERS), (ALLOW, 0, ENABLE, READERS)]))
        self.assert_denied(self.things, self.reader, ns)
        self.set_sd(self.admin, ns, descriptor([ADMIN_ACE, (ALLOW, 0, ENABLE | REMOTE, READERS), (DENY, 0, ENABLE, USERS)]))
        self.assertEqual(self.things(self.reader, ns), 3)
        self.assert_denied(self.things, self.monitor, ns)
        # The owner may change it without WRITE_DAC, unless an ACE for OWNER RIGHTS says what the owner may.
        self.set_sd(self.admin, ns, descriptor([ADMIN_ACE], owner=READERS))
        self.set_sd(self.reader, ns, descriptor([ADMIN_ACE, (ALLOW, 0, READ_CONTROL, OWNER_RIGHTS)], owner=READERS))
        self.assert_denied(self.set_sd, self.reader, ns, descriptor([ADMIN_ACE], owner=READERS))

    def test_empty_and_missing_dacl(self):
        ns = self.namespace()
        before = self.get_sd(self.admin, ns)
        self.assert_refused(self.set_sd, self.admin, ns, descriptor(None))
        self.assert_refused(self.set_sd, self.admin, ns, descriptor("null"))
        self.assert_refused(self.set_sd, self.admin, ns, descriptor([ADMIN_ACE], owner=None))
        self.assert_refused(self.set_sd, self.admin, ns, descriptor([ADMIN_ACE], group=None))
        self.assertEqual(self.get_sd(self.admin, ns), before)
        self.set_sd(self.admin, ns, descriptor([]))  # only what it inherits
        self.assertEqual(self.things(self.reader, ns), 3)
        # Below a protected parent an empty one lets in nobody; the way back is from above.
        self.set_sd(self.admin, ns, descriptor([ADMIN_ACE], control=PROTECTED))
        child = self.namespace(ns)
        self.set_sd(self.admin, child, descriptor([]))
        self.assert_denied(self.things, self.admin, child)
        self.set_sd(self.admin, ns, descriptor([ADMIN_ACE]))
        self.assertEqual(self.things(self.admin, child), 3)

    def test_hostile_descriptors(self):
        ns = self.namespace()
        before = self.get_sd(self.admin, ns)
        good = descriptor([ADMIN_ACE, (ALLOW, CI, READ, READERS)])
        bad = [b"", b"\x01", good[:19], good[:-1], b"\x02" + good[1:], b"\x00" * 20, b"\xff" * 100]
        for at in (4, 8, 16):  # offsets outside and into the header
            for value in (1, 19, len(good) - 3, len(good), 0x7FFFFFFF, 0xFFFFFFFF):
                bad.append(good[:at] + struct.pack("<I", value) + good[at + 4:])
        bad.append(good[:16] + struct.pack("<I", struct.unpack_from("<I", good, 4)[0]) + good[20:])  # a SID as DACL
        for at, value in ((22, 0xFFFF), (22, 0), (22, 8), (24, 0xFFFF), (30, 0), (30, 0xFFFF), (30, 7)):  # ACL and ACE sizes
            bad.append(good[:at] + struct.pack("<H", value) + good[at + 2:])
        for i, data in enumerate(bad):
            with self.subTest(i):
                self.assert_refused(self.set_sd, self.admin, ns, data)
        for params in ({}, {"SD": "many"}, {"SD": [1, 256]}, {"SD": ["-1"]}, {"Other": [1]}):
            with self.assertRaises(Fault):
                self.admin.invoke(ns, "__SystemSecurity", "SetSD", **params)
        self.assertEqual(self.get_sd(self.admin, ns), before)
        self.assertEqual(self.things(self.reader, ns), 3)

    # covers: security:S51
    def test_object_form(self):
        ns = self.namespace()
        self.set_sd(self.admin, ns, descriptor([(DENY, 0, PARTIAL, READERS), ADMIN_ACE]))
        data = self.get_sd(self.admin, ns)
        uri = f"{WMI}{ns}/__SystemSecurity"
        call = f'<p:GetSecurityDescriptor_INPUT xmlns:p="{uri}"/>'
        output = self.admin.call(f"{uri}/GetSecurityDescriptor", uri, call)[0]
        given = next(e for e in output if local(e.tag) == "Descriptor")
        aces = [e for e in given if local(e.tag) == "DACL"]
        names = {local(e.tag): e.text for e in next(e for e in aces[1] if local(e.tag) == "Trustee")}
        self.assertEqual((names["SIDString"], names["Domain"], names["Name"]), (ADMINS, "BUILTIN", "Administrators"))
        again = ET.Element(f"{{{uri}}}SetSecurityDescriptor_INPUT")
        moved = copy.deepcopy(given)
        moved.tag = f"{{{uri}}}Descriptor"
        again.append(moved)
        body = ET.tostring(again, encoding="unicode")
        self.set_sd(self.admin, ns, descriptor([]))
        self.assertNotEqual(self.get_sd(self.admin, ns), data)
        self.admin.call(f"{uri}/SetSecurityDescriptor", uri, body)
        self.assertEqual(self.get_sd(self.admin, ns), data)
        self.assert_denied(self.reader.call, f"{uri}/SetSecurityDescriptor", uri, body)

    def test_open_enumeration_goes_on(self):
        """Rights are looked at when an operation begins; what was begun is not cut, what begins next is refused."""
        ns = self.namespace()
        uri = f"{WMI}{ns}/Thing"
        reply = self.reader.call(f"{ENUMERATION}/Enumerate", uri, "<n:Enumerate/>")[0]
        context = find(reply, "n:EnumerationContext").text
        self.set_sd(self.admin, ns, descriptor([ADMIN_ACE, (DENY, 0, ENABLE, READERS)]))
        pull = f"<n:Pull><n:EnumerationContext>{context}</n:EnumerationContext><n:MaxElements>9</n:MaxElements></n:Pull>"
        self.assertEqual(len(find(self.reader.call(f"{ENUMERATION}/Pull", uri, pull)[0], "n:Items")), 3)
        self.assert_denied(self.things, self.reader, ns)

    def test_command(self):
        """cimd sd: what the administrator of the machine does, also when nobody is let in any more."""
        ns = self.namespace()
        shown = self.daemon.run("sd", "show", ns).stdout.strip()
        self.assertIn("(A;CIID;CCDCWPRC;;;RM)", shown)
        self.daemon.run("sd", "set", "root", "O:BAG:BAD:P")
        self.assert_denied(self.things, self.admin, "root")
        self.assertEqual(self.daemon.run("sd", "set", ns, "O:BAG:BAD:(A;;CCDCWP;;;ER)").stdout.strip(),
                         "O:BAG:BAD:(A;;CCDCWP;;;ER)")
        self.assertEqual(self.things(self.reader, ns), 3)
        self.assertEqual(self.daemon.run("sd", "reset", ns).stdout.strip(), "O:BAG:BAD:P")
        self.assert_denied(self.things, self.reader, ns)
        self.daemon.run("sd", "reset", "root")
        self.assertEqual(self.daemon.run("sd", "show", ns).stdout.strip(), shown)
        self.daemon.run("sd", "set", ns, shown)
        self.assertEqual(self.things(self.reader, ns), 3)
        for bad in (["set", ns, "O:BAG:BA"], ["set", ns, ""], ["set", ns, "D:(A;;XX;;;WD)"], ["show", "root/none"],
                    ["set", ns], ["show"], ["hide", ns], []):
            done = self.daemon.run("sd", *bad, check=False)
            self.assertNotEqual(done.returncode, 0, bad)
            self.assertTrue(done.stderr, bad)

    def test_changes_are_recorded(self):
        ns = self.namespace()
        self.set_sd(self.admin, ns, descriptor([ADMIN_ACE]))
        self.assert_denied(self.set_sd, self.reader, ns, descriptor([ADMIN_ACE]))
        lines = [line for line in self.audit() if f'object="{ns}"' in line]
        for event, name in (("descriptor_changed", USER), ("denied", "reader")):
            self.assertTrue([x for x in lines if f"event={event}" in x and f'name="{name}"' in x], lines)

    def audit(self):
        path = self.daemon.state / "state" / "audit.log"
        text = path.read_text() if path.exists() else ""
        return (text + (self.daemon.state / "cimd.log").read_text(errors="replace")).splitlines()


class Durability(unittest.TestCase):
    # covers: security:S48
    def test_restart_and_kill(self):
        with tempfile.TemporaryDirectory() as state:
            aces = [ADMIN_ACE, (DENY, CI, ENABLE, REMOTE_USERS)]
            with Daemon(state=state) as daemon:
                daemon.add_user("reader", "pw of reader", "--group", "Remote Management Users")
                admin = Client(*daemon.address(), USER, PASSWORD)
                admin.create("root", "__Namespace", Name="kept")
                admin.invoke("root/kept", "__SystemSecurity", "SetSD", SD=list(descriptor(aces)))
                before = admin.invoke("root/kept", "__SystemSecurity", "GetSD")["SD"]
                admin.close()
                daemon.kill()
            shown = daemon.run("sd", "show", "root/kept").stdout  # without a daemon
            self.assertIn("(D;CI;CC;;;RM)", shown)
            for _ in range(2):
                with Daemon(state=state) as daemon:
                    admin = Client(*daemon.address(), USER, PASSWORD)
                    self.assertEqual(admin.invoke("root/kept", "__SystemSecurity", "GetSD")["SD"], before)
                    reader = Client(*daemon.address(), "reader", "pw of reader")
                    with self.assertRaises(Fault) as caught:
                        reader.get("root/kept", "__SystemSecurity")
                    self.assertEqual(caught.exception.wsman_code, 5)
                    self.assertIn("Caption", reader.get("root/cimv2", "Win32_OperatingSystem"))
                    admin.close()
                    reader.close()


class Encryption(unittest.TestCase):
    # covers: cim-core:C13
    def test_namespace_that_asks_for_encryption(self):
        with Daemon(tls=True) as daemon:
            mof = daemon.state / "sealed.mof"
            mof.write_text('[RequiresEncryption, NamespaceSecuritySDDL("D:(D;;CC;;;RM)")]\n'
                           'instance of __Namespace { Name = "sealed"; };\n'
                           '#pragma namespace("//./root/sealed")\n'
                           "class Thing { [key] uint32 Id; }; instance of Thing { Id = 1; };\n")
            daemon.run("mof", "--namespace", "root", str(mof))
            daemon.add_user("reader", "pw of reader", "--group", "Remote Management Users")
            plain = Client(*daemon.address(), USER, PASSWORD)
            _, port = daemon.address("https")
            sealed = Client("localhost", port, USER, PASSWORD, tls=True, cafile=daemon.certificate)
            reader = Client("localhost", port, "reader", "pw of reader", tls=True, cafile=daemon.certificate)
            self.assertEqual(len(sealed.enumerate("root/sealed", "Thing")), 1)
            for client in (plain, reader):  # not encrypted; encrypted, but kept out by the descriptor
                with self.assertRaises(Fault) as caught:
                    client.enumerate("root/sealed", "Thing")
                self.assertEqual((caught.exception.subcode, caught.exception.wsman_code), ("w:AccessDenied", 5))
            # What was begun there cannot be fetched in the clear.
            uri = f"{WMI}root/sealed/Thing"
            context = find(sealed.call(f"{ENUMERATION}/Enumerate", uri, "<n:Enumerate/>")[0], "n:EnumerationContext").text
            pull = f"<n:Pull><n:EnumerationContext>{context}</n:EnumerationContext></n:Pull>"
            with self.assertRaises(Fault):
                plain.call(f"{ENUMERATION}/Pull", uri, pull)
            self.assertEqual(len(find(sealed.call(f"{ENUMERATION}/Pull", uri, pull)[0], "n:Items")), 1)
            for client in (plain, sealed, reader):
                client.close()


class RootSddl(unittest.TestCase):
    # covers: wsman:C28 security:S42
    def test_protocol_is_closed_first(self):
        """Not even what is there is told to those whom RootSDDL keeps out; and reading is not writing."""
        sddl = f"O:NSG:BAD:P(A;;GA;;;BA)(A;;GR;;;{READERS})"
        with Daemon(settings={"wsman.root_sddl": sddl}) as daemon:
            for name, group in (("reader", "Event Log Readers"), ("other", "Backup Operators")):
                daemon.add_user(name, f"pw of {name}", "--group", "Remote Management Users", "--group", group)
            reader = Client(*daemon.address(), "reader", "pw of reader")
            other = Client(*daemon.address(), "other", "pw of other")
            admin = Client(*daemon.address(), USER, PASSWORD)
            admin.invoke("root", "__SystemSecurity", "SetSD", SD=list(descriptor([(ALLOW, CI, ALL, USERS), ADMIN_ACE])))
            self.assertIn("Caption", reader.get("root/cimv2", "Win32_OperatingSystem"))
            for call in (lambda: reader.create("root", "__Namespace", Name="x"),
                         lambda: reader.invoke("root", "__SystemSecurity", "GetSD"),
                         lambda: other.get("root/cimv2", "Win32_OperatingSystem"),
                         lambda: other.call("urn:nonsense", "urn:nowhere"),
                         lambda: reader.call(f"{NS['x']}/Get", "http://schemas.microsoft.com/wbem/wsman/1/config")):
                with self.assertRaises(Fault) as caught:
                    call()
                self.assertEqual((caught.exception.subcode, caught.exception.wsman_code), ("w:AccessDenied", 5))
            other.identify()
            for client in (reader, other, admin):
                client.close()


if __name__ == "__main__":
    unittest.main()
