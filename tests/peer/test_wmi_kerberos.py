"""WMI over DCOM with Kerberos: impacket and aiowmi below SPNEGO without header signing, Samba's client below SPNEGO and with raw Kerberos, header signing
and several interfaces over one login; tickets of MIT's KDC and of a domain controller (Samba's), for host/ and RPCSS/, under AES and RC4 keys.

impacket always goes to port 135 and to a KDC's port 88, so the tests run in a network of their own."""
import asyncio
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "scenario")]
import apart
import kdc
import samba_dc
from daemon import Daemon

try:
    import samba_rpc
    from aiowmi.connection import Connection
    from aiowmi.query import Query
    from impacket.dcerpc.v5.dcom import wmi
    from impacket.dcerpc.v5.dcomrt import DCOMConnection
    from impacket.dcerpc.v5.dtypes import NULL
    from impacket.dcerpc.v5.rpcrt import DCERPCException
    from impacket.krb5.ccache import CCache
    PEERS = True
except ImportError:
    PEERS = False

INTEGRITY, PRIVACY = 5, 6
FOREVER = 0xffffffff
S_FALSE, ACCESS_DENIED = 1, 0x80041003
AES256, AES128, RC4 = "aes256-cts-hmac-sha1-96", "aes128-cts-hmac-sha1-96", "arcfour-hmac"
NUMBERS = {AES256: 18, AES128: 17, RC4: 23}
SERVICES = tuple(f"{service}/{apart.HOST}" for service in ("host", "RPCSS", "HTTP"))
# Both KDCs want a checksum in the authenticator of a request for a service's ticket (RFC 4120 5.4.1), which neither impacket nor aiowmi sends:
# Windows' does not mind. So MIT's tools fetch the ticket, and the peers find it in their caches.


# ---- inside ----

class Inside(unittest.TestCase):
    def setUp(self):
        os.environ.pop("KRB5CCNAME", None)

    @classmethod
    def start(cls, keytab, admins, accounts=()):
        cls.folder = tempfile.mkdtemp(prefix="cimfony-kerberos-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.daemon = Daemon({"listen.epmap": "0.0.0.0:135", "listen.wmi": "0.0.0.0:0", "auth.kerberos": "on", "auth.negotiate": "on",
                             "auth.keytab": str(keytab), "auth.admin_groups": f"administrators, {admins}"}, users=False)
        cls.daemon.write_config()
        for name in accounts:
            cls.daemon.add_user(name, "not used 1", "--posix-user", "nobody")
        cls.daemon.start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)

    def ticket(self, user="alice", types=AES256, service="host", host=apart.HOST):
        """A cache with a ticket for the service, as path."""
        path = tempfile.mktemp(prefix="cache-", dir=self.folder)
        for command in (["kinit", "-c", path, user], ["kvno", "-q", "-e", types, "-c", path, f"{service}/{host}"]):
            subprocess.run(command, input=self.passwords[user] + "\n", text=True, capture_output=True, check=True)
        return path

    def credential(self, **which):
        """The ticket for the service itself."""
        path = self.ticket(**which)
        return next(c for c in CCache.loadFile(path).credentials if not c["server"].prettyPrint().startswith(b"krbtgt/"))

    def impacket(self, level, user="alice", host=apart.HOST, **more):
        connection = DCOMConnection(host, user, "", self.realm_name, authLevel=level, doKerberos=True, kdcHost="127.0.0.1", **more)
        self.addCleanup(connection.disconnect)
        made = connection.CoCreateInstanceEx(wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login)
        made.get_cinstance().get_auth_level = lambda: level  # it would take privacy whenever it is Kerberos
        return wmi.IWbemLevel1Login(made)

    def samba(self, options, user="alice"):
        """A login over Samba's client."""
        samba = samba_rpc.Samba(self.folder, user, self.passwords[user], self.realm_name, options)
        self.addCleanup(samba.close)
        samba_rpc.go_through(samba, self)
        DCOMConnection.PORTMAPS[apart.HOST] = samba_rpc.Dce(samba, f"{apart.HOST}[135]")
        return samba, wmi.IWbemLevel1Login(samba.activate(apart.HOST, wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login))

    def rows(self, enumerator):
        found = []
        while True:
            try:
                found += enumerator.Next(FOREVER, 1)
            except DCERPCException as e:
                self.assertEqual(e.get_error_code(), S_FALSE)
                return found

    def use(self, login):
        """A query, a class, a method: requests and answers of one fragment and of several."""
        services = login.NTLMLogin("//./root/cimv2", NULL, NULL)
        login.RemRelease()
        self.assertEqual([o.Name for o in self.rows(services.ExecQuery("select Name from Win32_ComputerSystem"))], [apart.HOST.split(".")[0]])
        self.assertIn("Create", services.GetObject("Win32_Process")[0].getMethods())
        mine = self.rows(services.ExecQuery(f"select * from Win32_Process where ProcessId = {os.getpid()}"))[0]
        self.assertEqual(mine.GetOwner().getProperties()["User"]["value"], "root")

    def refused(self, code, call, *args):
        with self.assertRaises(DCERPCException) as caught:
            call(*args)
        self.assertEqual(hex(caught.exception.get_error_code() & 0xffffffff), hex(code))

    def use_aiowmi(self, types):
        credential = self.credential(types=types)

        class Cache:
            def open(self, logger):
                key = bytes(credential["key"]["keyvalue"])
                return (b"", b"", b"", 0), (bytes(credential.ticket["data"]), key, NUMBERS[types], float(credential["time"]["endtime"]))

            def write(self, tgt, tgs, logger):
                raise AssertionError("the ticket would have done")
        asyncio.run(self.aiowmi(Cache()))

    async def aiowmi(self, cache):
        connection = Connection(apart.HOST, "alice", "", domain=self.realm_name, kerberos_cache=cache)
        await connection.connect()
        service, found = None, []
        try:
            service = await connection.negotiate_kerberos()
            async with Query("select ProcessId, Name from Win32_Process", namespace="root/cimv2").context(connection, service) as context:
                async for properties in context.results():
                    found.append(properties["ProcessId"].value)
        finally:
            if service:
                service.close()
            connection.close()
        self.assertIn(os.getpid(), found)

    def samba_wmi(self):
        """Below SPNEGO; one login carries all interfaces of a connection."""
        for level in ("sign", "seal"):
            for target in ("", f",target_principal=RPCSS/{apart.HOST}@{self.realm_name}"):
                with self.subTest(level=level, target=target):
                    self.use(self.samba(f"spnego,{level}{target}")[1])
                self.doCleanups()

    def samba_raw(self):
        """Raw Kerberos, on both ports. (Samba can't add an interface to such a login: it repeats the last token, which servers refuse, its own too.)"""
        exporter = self.daemon.address("wmi")[1]
        for level in ("sign", "seal"):
            for port in (135, exporter):
                with self.subTest(level=level, port=port):
                    samba = samba_rpc.Samba(self.folder, "alice", self.passwords["alice"], self.realm_name, f"krb5,{level}")
                    self.addCleanup(samba.close)
                    for _ in range(3):
                        self.assertGreater(samba.interfaces(f"{apart.HOST}[{port}]"), 2)


class MitTest(Inside):
    realm_name, passwords = kdc.REALM, kdc.PASSWORDS

    @classmethod
    def setUpClass(cls):
        cls.realm = kdc.Realm(port=88, services=SERVICES).start()
        cls.addClassCleanup(cls.realm.stop)
        os.environ.update(cls.realm.environment)
        cls.start(cls.realm.keytab, f"alice@{kdc.REALM}", [f"alice@{kdc.REALM}"])

    def test_impacket(self):
        for types in NUMBERS:
            for level in (INTEGRITY, PRIVACY):
                with self.subTest(types=types, level=level):
                    os.environ["KRB5CCNAME"] = self.ticket(types=types)
                    self.use(self.impacket(level))
                self.doCleanups()

    def test_program(self):
        """The account of that name says as whom programs run."""
        os.environ["KRB5CCNAME"] = self.ticket()
        place = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        for path in (pathlib.Path(self.folder), place):
            path.chmod(0o777)
        services = self.impacket(PRIVACY).NTLMLogin("//./root/cimv2", NULL, NULL)
        answer = services.GetObject("Win32_Process")[0].Create(f"cmd.exe /Q /c id -un > {place}/part; mv {place}/part {place}/whole", "C:\\", None)
        self.assertEqual(answer.getProperties()["ReturnValue"]["value"], 0)
        deadline = time.monotonic() + 60
        while not (place / "whole").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual((place / "whole").read_text(), "nobody\n")

    def test_impacket_script(self):
        queries = pathlib.Path(self.folder) / "queries"
        queries.write_text("select Name, Domain from Win32_ComputerSystem\n")
        for level in ("integrity", "privacy", "default"):
            os.environ["KRB5CCNAME"] = self.ticket()
            done = subprocess.run([sys.executable, str(pathlib.Path(sys.prefix) / "bin" / "wmiquery.py"), "-k", "-no-pass", "-dc-ip", "127.0.0.1", "-file", str(queries),
                                   "-rpc-auth-level", level, f"{kdc.REALM}/alice@{apart.HOST}"], capture_output=True, text=True, timeout=120)
            self.assertIn("| server |", done.stdout, done.stderr)

    def test_who_has_no_rights(self):
        os.environ["KRB5CCNAME"] = self.ticket("bob")
        self.refused(ACCESS_DENIED, self.impacket(PRIVACY, "bob").NTLMLogin, "//./root/cimv2", NULL, NULL)

    def test_ticket_for_something_else(self):
        """Of the services whose keys are in the keytab, those of DCE/RPC count."""
        with self.assertRaisesRegex(DCERPCException, "00000721"):  # sec_pkg_error, on the third leg
            self.impacket(PRIVACY, TGS=self.credential(service="HTTP").toTGS())

    def test_aiowmi(self):
        for types in NUMBERS:
            with self.subTest(types=types):
                self.use_aiowmi(types)

    def test_samba(self):
        self.samba_wmi()

    def test_samba_raw_kerberos(self):
        self.samba_raw()

    def test_samba_and_who_has_no_rights(self):
        self.refused(ACCESS_DENIED, self.samba("spnego,seal", "bob")[1].NTLMLogin, "//./root/cimv2", NULL, NULL)


class DomainTest(Inside):
    """Who may do what comes from the PAC: alice is in a group that is an administrator here, bob is not."""
    realm_name, passwords = samba_dc.REALM, samba_dc.PASSWORDS

    @classmethod
    def setUpClass(cls):
        cls.start(os.environ["DOMAIN_KEYTAB"], os.environ["DOMAIN_ADMINS"])

    def test_impacket(self):
        for types in (AES256, AES128):
            for level in (INTEGRITY, PRIVACY):
                with self.subTest(types=types, level=level):
                    os.environ["KRB5CCNAME"] = self.ticket(types=types)
                    self.use(self.impacket(level))
                self.doCleanups()

    def test_impacket_rc4(self):
        """The short name is a service of an account that has an RC4 key only."""
        os.environ["KRB5CCNAME"] = self.ticket(types=RC4, host="server")
        self.use(self.impacket(PRIVACY, host="server"))

    def test_who_has_no_rights(self):
        os.environ["KRB5CCNAME"] = self.ticket("bob")
        self.refused(ACCESS_DENIED, self.impacket(PRIVACY, "bob").NTLMLogin, "//./root/cimv2", NULL, NULL)

    def test_aiowmi(self):
        self.use_aiowmi(AES256)

    def test_samba(self):
        self.samba_wmi()

    def test_samba_raw_kerberos(self):
        self.samba_raw()


if sys.argv[1:2] == ["--inside"]:
    apart.enter(sys.argv[2])
    apart.report([DomainTest if "DOMAIN_KEYTAB" in os.environ else MitTest], sys.argv[3:])
    sys.exit(0)


# ---- outside ----

@unittest.skipUnless((apart.available() and PEERS and samba_rpc.available()) or os.environ.get("CI"), "needs root, impacket, aiowmi and python3-samba")
class KerberosTest(unittest.TestCase):
    maxDiff = None

    def judge(self, outcome, said, count):
        self.assertEqual(len(outcome), count)
        for name, what in outcome.items():
            with self.subTest(test=name):
                self.assertEqual(what, "ok", said)

    @unittest.skipUnless(kdc.available() or os.environ.get("CI"), "needs krb5-kdc")
    # covers: wmi-dcom:R13 wmi-dcom:R15 security:S25
    def test_mit(self):
        self.judge(*apart.run(__file__), 9)

    @unittest.skipUnless(samba_dc.available() or os.environ.get("CI"), "needs Samba's domain controller")
    def test_domain(self):
        with samba_dc.DomainController() as domain:
            saved = dict(os.environ)
            self.addCleanup(lambda: (os.environ.clear(), os.environ.update(saved)))
            os.environ.update(domain.environment, DOMAIN_KEYTAB=str(domain.keytab), DOMAIN_ADMINS=domain.sid("Whole"))
            self.judge(*apart.run(__file__, below=[*domain.namespaces(), "unshare", "--uts", "--mount"]), 6)


def load_tests(loader, tests, pattern):
    return loader.loadTestsFromTestCase(KerberosTest)


if __name__ == "__main__":
    unittest.main()
