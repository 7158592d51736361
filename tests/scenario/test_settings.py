"""The configuration over WS-Management: what Get says, what Put changes and for whom, what policy has locked, and that a change
outlives the daemon."""
import pathlib
import os
import shutil
import subprocess
import tempfile
import unittest

from daemon import PASSWORD, USER, Daemon, binary
from wsman import TRANSFER, Client, Fault, find, local

CONFIG = "http://schemas.microsoft.com/wbem/wsman/1/config"


def texts(node):
    """{path: (text, Source)} of the leaves."""
    result = {}

    def walk(element, path):
        children = list(element)
        if not children:
            result["/".join(path)] = (element.text or "", element.get("Source"))
        for child in children:
            walk(child, path + [local(child.tag)])
    walk(node, [])
    return result


class Settings(unittest.TestCase):
    def setUp(self):
        self.state = tempfile.mkdtemp(prefix="cimfony-test-")
        self.addCleanup(shutil.rmtree, self.state, ignore_errors=True)

    def daemon(self, **settings):
        return Daemon(state=self.state, settings={k.replace("__", "."): v for k, v in settings.items()})

    def client(self, daemon, user=USER, password=PASSWORD):
        client = Client(*daemon.address(), user, password)
        self.addCleanup(client.close)
        return client

    def get(self, client, branch=""):
        return texts(list(client.call(f"{TRANSFER}/Get", CONFIG + branch))[0])

    def put(self, client, branch, element, inner):
        return texts(list(client.call(f"{TRANSFER}/Put", CONFIG + branch, f'<c:{element} xmlns:c="{CONFIG}">{inner}</c:{element}>'))[0])

    def test_get(self):
        """covers: wsman:C27"""
        with self.daemon() as daemon:
            client = self.client(daemon)
            whole = self.get(client)
            self.assertEqual(whole["MaxEnvelopeSizekb"], ("500", None))
            self.assertEqual(whole["Service/Auth/CbtHardeningLevel"], ("Relaxed", None))
            self.assertEqual(whole["Service/Auth/Basic"], ("true", None))
            self.assertIn("(A;;GA;;;BA)", whole["Service/RootSDDL"][0])
            self.assertEqual(self.get(client, "/service/auth")["Negotiate"], ("true", None))
            with self.assertRaises(Fault) as refused:
                self.get(client, "/nothing")
            self.assertEqual(refused.exception.subcode, "a:DestinationUnreachable")

    def test_put_takes_effect_on_open_connections_and_stays(self):
        """covers: security:S6 security:S54"""
        with self.daemon() as daemon:
            admin, other = self.client(daemon), self.client(daemon)
            other.identify()
            changed = self.put(admin, "/service", "Service", "<c:MaxConcurrentOperationsPerUser>77</c:MaxConcurrentOperationsPerUser>"
                               "<c:Auth><c:CbtHardeningLevel>Strict</c:CbtHardeningLevel></c:Auth>")
            self.assertEqual(changed["MaxConcurrentOperationsPerUser"][0], "77")
            self.assertEqual(changed["Auth/CbtHardeningLevel"][0], "Strict")
            self.put(admin, "/service/auth", "Auth", "<c:Basic>false</c:Basic>")
            status, _ = other.post("")  # a connection that was logged in by Basic
            self.assertEqual(status, 401)
            self.assertFalse([v for v in other.reply_headers.get_all("WWW-Authenticate") if v.startswith("Basic")])
        with self.daemon(auth__basic="on") as daemon:  # the stored change stands over the file
            status, _ = self.client(daemon).post("")
            self.assertEqual(status, 401)
        with self.daemon(policy__locked="auth.basic") as daemon:  # unless policy locks what the file says
            self.assertEqual(self.get(self.client(daemon))["Service/MaxConcurrentOperationsPerUser"][0], "77")

    def test_credssp_switched_on(self):
        """What was off at the start, and had nothing made for it, works once it is on. covers: security:S5"""
        with self.daemon() as daemon:
            self.put(self.client(daemon), "/service/auth", "Auth", "<c:CredSSP>true</c:CredSSP>")
            port = daemon.address()[1]
            done = subprocess.run([binary("cim"), "identify", f"wsmv://{USER}@127.0.0.1:{port}", "--auth", "credssp"], capture_output=True,
                                  text=True, env={**os.environ, "CIM_PASSWORD": PASSWORD, "HOME": self.state}, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            audit = daemon.state / "state" / "audit.log"
            self.assertIn('scheme="CredSSP"', [line for line in audit.read_text().splitlines() if "event=login " in line][-1])

    def test_what_policy_locks(self):
        """covers: security:S54"""
        with self.daemon(policy__locked="auth.basic, auth.allow_unencrypted") as daemon:
            admin = self.client(daemon)
            self.assertEqual(self.get(admin, "/service/auth")["Basic"], ("true", "GPO"))
            with self.assertRaises(Fault) as refused:
                self.put(admin, "/service/auth", "Auth", "<c:Basic>false</c:Basic>")
            self.assertEqual(refused.exception.wsman_code, 5)
            self.assertEqual(self.put(admin, "/service/auth", "Auth", "<c:Basic>true</c:Basic><c:Kerberos>false</c:Kerberos>")
                             ["Kerberos"][0], "false")

    def test_root_sddl(self):
        """covers: security:S42"""
        with self.daemon() as daemon:
            daemon.add_user("reader", PASSWORD, "--group", "Remote Management Users")
            admin, reader = self.client(daemon), self.client(daemon, "reader")
            reader.get("root/cimv2", "Win32_OperatingSystem")
            self.put(admin, "/service", "Service", "<c:RootSDDL>O:NSG:BAD:P(A;;GA;;;BA)</c:RootSDDL>")
            with self.assertRaises(Fault) as refused:
                reader.get("root/cimv2", "Win32_OperatingSystem")
            self.assertEqual(refused.exception.wsman_code, 5)
            for bad in ("nonsense", "O:BAG:BA", "O:BAG:BAD:(A;;GA;;;XX)"):
                with self.assertRaises(Fault):
                    self.put(admin, "/service", "Service", f"<c:RootSDDL>{bad}</c:RootSDDL>")
            admin.get("root/cimv2", "Win32_OperatingSystem")

    def test_who_may(self):
        """covers: security:S44"""
        with self.daemon() as daemon:
            daemon.add_user("reader", PASSWORD, "--group", "Remote Management Users")
            reader = self.client(daemon, "reader")
            for call in (lambda: self.get(reader), lambda: self.put(reader, "/service/auth", "Auth", "<c:Basic>true</c:Basic>")):
                with self.assertRaises(Fault) as refused:
                    call()
                self.assertEqual(refused.exception.wsman_code, 5)

    def test_client(self):
        """The client's settings are the machine's; this service shows them and changes nothing there."""
        layer = pathlib.Path(self.state, "layer")
        layer.mkdir()
        script = ("mount -t tmpfs none $0 && mkdir -p $0/upper/cimfony $0/work && touch $0/upper/cimfony/client.ini && "
                  "mount -t overlay -o lowerdir=/etc,upperdir=$0/upper,workdir=$0/work none /etc && exec \"$@\"")
        below = ["unshare", "--mount", "sh", "-c", script, str(layer)]  # an /etc of its own
        if subprocess.run([*below, "true"], capture_output=True).returncode != 0:
            self.skipTest("no mount namespaces here")
        with Daemon(state=self.state, below=below) as daemon:
            admin = self.client(daemon)
            self.assertEqual(self.get(admin, "/client")["Auth/Basic"], ("true", None))
            path = pathlib.Path(f"/proc/{daemon.process.pid}/root/etc/cimfony/client.ini")
            path.write_text("[auth]\nbasic = no\ncredssp = yes\n[client]\ntrusted_hosts = a, b,\n  *.example\nnetwork_delay_ms = 700\n"
                            "[policy]\nlocked = auth.basic\n")
            client = self.get(admin, "/client")
            self.assertEqual(client["Auth/Basic"], ("false", "GPO"))
            self.assertEqual(client["Auth/CredSSP"], ("true", None))
            self.assertEqual(client["TrustedHosts"], ("a, b,*.example", None))
            self.assertEqual(client["NetworkDelayms"], ("700", None))
            with self.assertRaises(Fault) as refused:
                self.put(admin, "/client/auth", "Auth", "<c:CredSSP>false</c:CredSSP>")
            self.assertEqual(refused.exception.subcode, "w:InternalError")
            self.assertIn("/etc/cimfony/client.ini", refused.exception.reason)
            self.assertEqual(self.put(admin, "/client/auth", "Auth", "<c:CredSSP>true</c:CredSSP>")["CredSSP"], ("true", None))

    def test_long_values(self):
        """Nothing in the configuration file is cut, however long, on its way to every process."""
        sddl = "O:NSG:BAD:P" + "".join(f"(A;;GA;;;S-1-5-21-1-2-3-{i})" for i in range(60)) + "(A;;GA;;;BA)"
        with self.daemon(wsman__root_sddl=sddl, policy__locked=", ".join(["wsman.root_sddl"] * 20) + ",\n  auth.basic") as daemon:
            whole = self.get(self.client(daemon), "/service")
            self.assertEqual(whole["RootSDDL"], (sddl, "GPO"))
            self.assertEqual(whole["Auth/Basic"], ("true", "GPO"))

    def test_bad_values_change_nothing(self):
        with self.daemon() as daemon:
            admin = self.client(daemon)
            for element, inner in (("Auth", "<c:Magic>true</c:Magic>"), ("Auth", "<c:Negotiate>maybe</c:Negotiate>"),
                                   ("Service", ""), ("Auth", "<c:Kerberos>false</c:Kerberos><c:CbtHardeningLevel>Weak</c:CbtHardeningLevel>")):
                with self.assertRaises(Fault) as refused:
                    self.put(admin, "/service/auth", element, inner)
                self.assertEqual(refused.exception.subcode, "w:SchemaValidationError")
            with self.assertRaises(Fault) as refused:
                self.put(admin, "", "Config", "<c:MaxProviderRequests>7</c:MaxProviderRequests>")
            self.assertEqual(refused.exception.wsman_code, 0x803381AE)
            self.assertEqual(self.get(admin, "/service/auth")["Kerberos"][0], "true")


if __name__ == "__main__":
    unittest.main()
