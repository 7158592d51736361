"""Logins as curl makes them, Digest and Basic, over plain HTTP and TLS, and as cim makes them, Negotiate with NTLM and sealed
bodies; what is offered, and what Identify says. (curl's NTLM wants a scheme of that name, which WinRM has not.)

covers: security:S2 security:S3 security:S6
"""
import subprocess
import unittest

from daemon import PASSWORD, USER, Daemon, binary

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
