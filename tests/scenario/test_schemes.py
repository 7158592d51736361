"""Logins as curl makes them, Digest and Basic, over plain HTTP and TLS, and as cim makes them, Negotiate with NTLM and sealed
bodies; what is offered, and what Identify says.

covers: security:S2 security:S3 security:S6
"""
import subprocess
import unittest

from daemon import PASSWORD, USER, Daemon, binary
from wsman import TRANSFER, Client

PROFILE = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/"
IDENTIFY = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"><s:Header/><s:Body><i:Identify/></s:Body></s:Envelope>"""
SCHEMES = {"auth.digest": "on", "auth.negotiate": "on", "auth.ntlm": "on", "auth.kerberos": "off"}


def curl(daemon, *options, role="http", password=PASSWORD, body=IDENTIFY):
    """Status and body."""
    done = subprocess.run(["curl", "-s", "-k", "-w", "\n%{http_code}", "-u", f"{USER}:{password}", *options, "-H",
                           "Content-Type: application/soap+xml;charset=UTF-8", "--data-binary", body, daemon.url(role)],
                          capture_output=True, text=True, timeout=60)
    text, _, status = done.stdout.rpartition("\n")
    return int(status), text


class Schemes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(SCHEMES, tls=True).start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)

    def test_each(self):
        for role in ("http", "https"):
            for option in ("--digest", "--basic"):
                with self.subTest(role=role, option=option):
                    status, text = curl(self.daemon, option, role=role)
                    self.assertEqual(status, 200)
                    self.assertIn("IdentifyResponse", text)
                    self.assertEqual(curl(self.daemon, option, role=role, password="wrong")[0], 401)

    def test_profiles(self):
        text = curl(self.daemon, "--basic")[1]
        for name in ("http/spnego-kerberos", "https/spnego-kerberos", "http/digest", "https/digest", "http/basic", "https/basic"):
            self.assertIn(PROFILE + name, text)
        self.assertNotIn(PROFILE + "https/mutual", text)


class Certificate(unittest.TestCase):
    def test_mutual(self):
        """covers: security:S11"""
        daemon = Daemon({"auth.certificate": "on"}, tls=True)
        state = daemon.state

        def openssl(*args):
            subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=state)

        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
                "-days", "2", "-subj", "/CN=authority")
        for name in (USER, "stranger"):
            (state / "ext").write_text("extendedKeyUsage=clientAuth\nsubjectAltName=otherName:1.3.6.1.4.1.311.20.2.3;UTF8:"
                                       f"{name}@example.com\n")
            openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", "c.csr",
                    "-subj", f"/CN={name}")
            openssl("x509", "-req", "-in", "c.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "ext",
                    "-out", f"{name}.pem")
        daemon.settings["tls.client_ca"] = str(state / "ca.pem")
        with daemon:
            daemon.run("certmap", "add", USER, "--issuer", str(state / "ca.pem"), "--subject", f"{USER}@example.com")

            def ask(*options, header="Authorization: " + PROFILE + "https/mutual"):
                done = subprocess.run(["curl", "-s", "-k", "-w", "\n%{http_code}", *options, "-H", header, "-H",
                                       "Content-Type: application/soap+xml;charset=UTF-8", "--data-binary", IDENTIFY,
                                       daemon.url("https")], capture_output=True, text=True, timeout=60)
                text, _, status = done.stdout.rpartition("\n")
                return int(status), text

            def certificate(name):
                return "--cert", str(state / f"{name}.pem"), "--key", str(state / f"{name}.key")

            status, text = ask(*certificate(USER))
            self.assertEqual(status, 200)
            self.assertIn(PROFILE + "https/mutual", text)
            self.assertEqual(ask(*certificate("stranger"))[0], 401)
            self.assertEqual(ask()[0], 401)  # the header without a certificate
            self.assertEqual(ask(*certificate(USER), header="X: y")[0], 401)  # the certificate without the header
            # the mapping as an administrator changes it over the network: at once
            admin = Client(*daemon.address(), USER, PASSWORD)
            self.addCleanup(admin.close)
            uri = "http://schemas.microsoft.com/wbem/wsman/1/config/service/certmapping"
            key = {e.tag.rsplit("}")[1]: e.text for e in list(admin.enumerate_raw(uri))[0]}
            for enabled, status in (("false", 401), ("true", 200)):
                admin.call(f"{TRANSFER}/Put", uri, f'<c:CertMapping xmlns:c="{uri}"><c:Enabled>{enabled}</c:Enabled></c:CertMapping>',
                           selectors={k: key[k] for k in ("Issuer", "Subject", "URI")})
                self.assertEqual(ask(*certificate(USER))[0], status)


class Bindings(unittest.TestCase):
    def test_strict(self):
        """Our client's NTLM names the server's certificate, and the server knows it again."""
        with Daemon({"auth.basic": "off", "auth.cbt": "strict"}, tls=True) as daemon:
            host, port = daemon.address("https")
            done = subprocess.run([binary("cim"), "get", f"wsmv+https://{USER}@localhost:{port}", "Win32_OperatingSystem", "--auth", "ntlm",
                                   "--cacert", daemon.certificate, "--password-stdin"], input=PASSWORD + "\n", capture_output=True,
                                  text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("Caption", done.stdout)


class Defaults(unittest.TestCase):
    def test_only_negotiate(self):
        with Daemon({"auth.basic": "off", "auth.allow_unencrypted": "off"}) as daemon:
            done = subprocess.run(["curl", "-s", "-i", "-d", "", daemon.url()], capture_output=True, text=True, timeout=60)
            offered = [line.split(":", 1)[1].strip() for line in done.stdout.splitlines()
                       if line.lower().startswith("www-authenticate:")]
            self.assertEqual(offered, ["Negotiate", "Kerberos"])
            self.assertEqual(curl(daemon, "--basic")[0], 401)

            def cim(scheme, password=PASSWORD):
                host, port = daemon.address()
                return subprocess.run([binary("cim"), "get", f"wsmv://{USER}@{host}:{port}", "Win32_OperatingSystem", "--auth", scheme,
                                       "--password-stdin"], input=password + "\n", capture_output=True, text=True, timeout=60)

            for scheme in ("ntlm", "negotiate"):
                done = cim(scheme)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("Caption", done.stdout)
            self.assertNotEqual(cim("ntlm", "wrong").returncode, 0)


if __name__ == "__main__":
    unittest.main()
