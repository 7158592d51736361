"""wmi.min_level and wmi.activation_min_level as impacket and Samba meet them, both unmodified, at every level that they speak: what is at the floor
or above it is served, the rest refused, and the rights are the same at each.

In a network namespace of its own, as test_wmi_impacket.py."""
import json
import os
import subprocess
import sys
import unittest

import scenario_path  # noqa: F401
import test_wmi_impacket as base
from daemon import PASSWORD, USER, Daemon

INSIDE = sys.argv[1:2] == ["--inside"]
if base.PEERS:
    from impacket import uuid
    from impacket.dcerpc.v5 import dcomrt
    from impacket.dcerpc.v5.dcom import wmi
    from impacket.dcerpc.v5.dcomrt import DCOMConnection
    from impacket.dcerpc.v5.dtypes import NULL
    from impacket.dcerpc.v5.rpcrt import DCERPCException
    from wmi_stub import Link, Stub

CONNECT, PACKET, INTEGRITY, PRIVACY = LEVELS = (2, 4, 5, 6)
WORDS = dict(zip(LEVELS, ("connect", "packet", "integrity", "privacy")))
SYSTEM_PYTHON = "/usr/bin/python3"
DENIED = 5
ESTABLISH_POSITION, NTLM_LOGIN = 3, 6
WARNING = "can be changed on their way"

# Executed by the Python that has the samba module: one call for each JSON row of binding, interface, operation, object and stub.
SAMBA = """
import json, sys
from samba.credentials import DONT_USE_KERBEROS, Credentials
from samba.dcerpc import ClientConnection, mgmt
from samba.param import LoadParm
lp = LoadParm()
lp.load(sys.argv[1])
for user, password, binding, interface, opnum, ipid, data in json.load(sys.stdin):
    c = Credentials()
    c.guess(lp)
    c.set_username(user)
    c.set_password(password)
    c.set_domain("")
    c.set_kerberos_state(DONT_USE_KERBEROS)
    try:
        first = mgmt.mgmt(binding, lp, c)  # a login belongs to an interface that Samba knows
        at = ClientConnection(binding, (interface, 0), lp, c, basis_connection=first)
        args = (opnum, bytes.fromhex(data)) + ((ipid,) if ipid else ())
        print(json.dumps(["answer", at.request(*args).hex()]))
    except Exception as e:
        print(json.dumps(["error", str(e)]))
"""
ACTIVATOR, LOGIN = "000001a0-0000-0000-c000-000000000046", "f309ad18-d86a-11d0-a075-00c04fb68820"
CREATE = base.HERE.parent / "data" / "dcom" / "RemoteCreateInstance.bin"
ESTABLISH = bytes([5, 0, 7, 0]) + bytes(28) + bytes(8)  # ORPCTHIS, no locales


def has_samba():
    return os.path.exists(SYSTEM_PYTHON) and subprocess.run([SYSTEM_PYTHON, "-c", "import samba.dcerpc"], capture_output=True).returncode == 0


class Daemons(base.Inside):
    floor = activation = INTEGRITY
    settings = {"auth.ntlm_allow_no_mic": "on"}  # impacket sends none, and connect has no signatures instead

    @classmethod
    def setUpClass(cls):
        levels = {"wmi.min_level": WORDS[cls.floor], "wmi.activation_min_level": WORDS[cls.activation]}
        cls.daemon = Daemon({"listen.epmap": "127.0.0.1:135", "listen.wmi": "127.0.0.1:0", **cls.settings, **levels})
        cls.daemon.write_config()
        cls.daemon.add_user(USER, PASSWORD, "--group", "administrators")
        cls.daemon.add_user("reader", PASSWORD)
        cls.daemon.run("mof", "--namespace", "root/default", str(base.SAMPLE))
        sealed = cls.daemon.state / "sealed.mof"
        sealed.write_text('[RequiresEncryption]\ninstance of __Namespace { Name = "sealed"; };\n')
        cls.daemon.run("mof", "--namespace", "root", str(sealed))
        cls.daemon.start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)

    @staticmethod
    def disconnect(connection):
        dcomrt.INTERFACE.CONNECTIONS.clear()  # or a connection of another level would be used again
        base.Inside.disconnect(connection)

    def made(self, level, user=USER):
        connection = DCOMConnection("127.0.0.1", user, PASSWORD, "", authLevel=level)
        self.addCleanup(self.disconnect, connection)
        return connection.CoCreateInstanceEx(wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login)

    def login(self, user=USER):
        """Made and reached at the highest level."""
        return wmi.IWbemLevel1Login(self.made(PRIVACY, user))

    def link(self, level, user=USER):
        """impacket's objects never go below integrity; its connections do."""
        link = Link(self.daemon.address("wmi"), user, PASSWORD, level)
        self.addCleanup(link.close)
        return link

    def denied(self, call, *args):
        with self.assertRaises(DCERPCException) as caught:
            call(*args)
        self.assertIn("access_denied", str(caught.exception).lower())


class Floors(Daemons):
    def served(self, floor):
        """Level by level whether impacket is served. At packet it logs in and then sends calls without signatures: nobody's."""
        for level in LEVELS:
            yield level, level >= floor and level != PACKET
            self.doCleanups()  # impacket would use a connection again

    def test_activation(self):
        """covers: wmi-dcom:D16"""
        for level, served in self.served(self.activation):
            if served:
                hint = self.made(level).get_cinstance()._CLASS_INSTANCE__authLevel
                self.assertEqual(hint, max(INTEGRITY, self.floor), WORDS[level])
            else:
                self.denied(self.made, level)

    def test_objects(self):
        """covers: wmi-dcom:X8"""
        for level, served in self.served(self.floor):
            answer = self.link(level).call(self.login().get_iPid(), ESTABLISH_POSITION, bytes(8))
            self.assertEqual(answer.hresult, 0 if served else DENIED, WORDS[level])

    def test_query(self):
        for level in (INTEGRITY, PRIVACY):
            if level < max(self.floor, self.activation):
                continue
            with self.subTest(level=WORDS[level]):
                services = wmi.IWbemLevel1Login(self.made(level)).NTLMLogin("//./root/default", NULL, NULL)
                found = services.ExecQuery("select Name from Test_Base")
                self.assertEqual(sorted(self.values(o)["Name"] for o in self.rows(found)), ["alpha", "beta"])
                self.doCleanups()

    def test_rights(self):
        """An account may do at each level what it may at any; a namespace that asks for encryption takes privacy alone."""
        for level, served in self.served(self.floor):
            for user, ns, lowest in (("reader", "root/default", None), (USER, "root/default", CONNECT), (USER, "root/sealed", PRIVACY)):
                login = self.login(user)
                answer = self.link(level, user).call(login.get_iPid(), NTLM_LOGIN, Stub().text(ns).text(None).u32(0, 0))
                wanted = DENIED if not served else 0 if lowest and level >= lowest else base.ACCESS_DENIED
                self.assertEqual(hex(answer.hresult), hex(wanted), (WORDS[level], user, ns))
                self.doCleanups()

    def test_warning(self):
        self.assertEqual(self.daemon.log_text().count(WARNING), (self.floor < INTEGRITY) + (self.activation < INTEGRITY))

    @unittest.skipUnless(has_samba(), "needs python3-samba")
    def test_samba(self):
        """Samba signs at packet, too; each level, both calls.
        covers: wmi-dcom:D16 wmi-dcom:X8 wmi-dcom:R14"""
        configuration = self.daemon.state / "smb.conf"
        configuration.write_text("[global]\n")
        login = self.login()
        login.EstablishPosition()
        ipid = uuid.bin_to_string(login.get_iPid()).lower()
        port = self.daemon.address("wmi")[1]
        options = ((CONNECT, "connect"), (PACKET, "packet"), (INTEGRITY, "sign"), (PRIVACY, "seal"))
        asked, wanted = [], []
        for level, option in options:
            for user in (USER, "reader"):  # an object is its maker's, at any level
                asked.append((user, PASSWORD, f"ncacn_ip_tcp:127.0.0.1[135,{option}]", ACTIVATOR, 4, None, CREATE.read_bytes().hex()))
                wanted.append(level >= self.activation)
                asked.append((user, PASSWORD, f"ncacn_ip_tcp:127.0.0.1[{port},{option}]", LOGIN, 3, ipid, ESTABLISH.hex()))
                wanted.append(level >= self.floor and user == USER)
        done = subprocess.run([SYSTEM_PYTHON, "-c", SAMBA, str(configuration)], input=json.dumps(asked), capture_output=True, text=True, timeout=120)
        found = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(found), len(asked), done.stderr)
        for ask, want, (kind, what) in zip(asked, wanted, found):
            with self.subTest(user=ask[0], binding=ask[2]):
                self.assertEqual(kind, "answer" if want else "error", what)
                if kind == "error":
                    self.assertRegex(what.lower(), "access.denied|0xc0041003")  # as RPC says it; as WMI says it of another's objects
                else:
                    self.assertEqual(what[-8:], "00000000")


class ConnectTest(Floors):
    floor = activation = CONNECT

    def test_of_another(self):
        """A login at connect speaks for its own account alone, whatever identifiers it knows."""
        login = self.login()
        login.EstablishPosition()
        for user, status in (("reader", base.ACCESS_DENIED), (USER, 0)):
            answer = self.link(CONNECT, user).call(login.get_iPid(), ESTABLISH_POSITION, bytes(8))
            self.assertEqual(answer.hresult, status)


class PacketTest(Floors):
    floor = activation = PACKET


class DefaultTest(Floors):
    pass


class PrivacyTest(Floors):
    floor = activation = PRIVACY


class ObjectsTest(Floors):
    """As old clients need it: made at connect, everything else signed."""
    activation = CONNECT


class NoMicTest(Daemons):
    floor = activation = CONNECT
    settings = {}

    def test_no_mic(self):
        """A login that nothing is signed after needs a MIC, wherever the floor is."""
        self.denied(self.made, CONNECT)
        self.doCleanups()
        self.made(INTEGRITY)


CASES = [ConnectTest, PacketTest, DefaultTest, PrivacyTest, ObjectsTest, NoMicTest]
if INSIDE and __name__ == "__main__":
    base.inside(sys.argv[2:], CASES)
    sys.exit(0)


# ---- outside ----

@unittest.skipUnless(base.available(), "needs root, impacket and aiowmi")
class WmiLevelsTest(unittest.TestCase):
    def test_all(self):
        base.run_inside(self, __file__, 32)


def load_tests(loader, tests, pattern):
    return loader.loadTestsFromTestCase(WmiLevelsTest)


if __name__ == "__main__":
    unittest.main()
