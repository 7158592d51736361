"""curl's and Python's own logins, unmodified: Basic, Digest with SHA-256 and MD5, NTLM, Negotiate with a ticket, client certificates. None of them
seals bodies, so plain HTTP is for a daemon that allows that.

covers: security:S1 security:S2 security:S3 security:S6 security:S10 security:S12 security:S35
"""
import re
import subprocess
import unittest

import requests
import scenario_path
from daemon import PASSWORD, USER
from login_site import LONG, Site
from wsman import Client as Messages
from wsman import TRANSFER

MUTUAL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
TYPE = "Content-Type: application/soap+xml;charset=UTF-8"
PASSWORDS = ("--basic", "--digest", "--ntlm")


class Curl(Site):
    def curl(self, *options, role="http", user=USER, password=PASSWORD, size=1, count=1):
        """Statuses of count requests on one connection, each for the instance of this size; all that curl says in self.said."""
        message = Messages("localhost", 1).envelope(f"{TRANSFER}/Get", LONG, selectors={"Id": str(size)})
        url = self.daemon.url(role).replace("127.0.0.1", "localhost")
        who = [] if user is None else ["-u", f"{user}:{password}"]
        common = ["-v", "-s", "-S", "--cacert", self.daemon.certificate, *who, *options, "-H", TYPE, "--data-binary", message, "-w",
                  "\nstatus=%{http_code} connects=%{num_connects}\n", url]
        command = ["curl", *common]
        for _ in range(count - 1):
            command += ["--next", *common]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.said = done.stderr + done.stdout
        for text in re.findall(r"Text>(\w[^<]*)<", done.stdout):
            self.assertEqual(len(text), size * 1024)
        found = re.findall(r"status=(\d+) connects=(\d+)", done.stdout)
        self.connects = sum(int(n) for _, n in found)
        return [int(status) for status, _ in found]

    def takes(self, *options, **more):
        for size in (1, 70):
            self.assertEqual(self.curl(*options, size=size, count=3, **more), [200] * 3, self.said)
            self.assertEqual(self.said.count("<w:RelatesTo"), 0)
            self.assertEqual(self.connects, 1, self.said)

    def refuses(self, *options, status=401, **more):
        self.assertEqual(self.curl(*options, **more), [status], self.said)
        self.assertNotIn("Test_Long>", self.said.split("< HTTP/1.1")[-1])


class Default(Curl):
    """auth.allow_unencrypted off, auth.cbt relaxed."""

    def test_https(self):
        for scheme in ("--basic", "--digest"):
            with self.subTest(scheme=scheme):
                self.takes(scheme, role="https")
                self.refuses(scheme, role="https", password="wrong")
                self.refuses(scheme, role="https", user="nobody")
        self.assertIn("algorithm=SHA-256", self.curl("--digest", role="https") and self.said)

    def test_ntlm_without_a_mic(self):
        """What a relay could have changed is not believed."""
        self.refuses("--ntlm", role="https")
        self.assertIn("Authorization: NTLM TlRMTVNTUAAD", self.said)  # it came to its third message

    def test_negotiate(self):
        self.need_realm()
        self.as_user("alice")
        self.takes("--negotiate", role="https", user="", password="")
        self.as_user("bob")
        self.assertEqual(self.curl("--negotiate", role="https", user="", password=""), [500])
        self.assertIn("AccessDenied", self.said)
        self.as_user(None)
        self.refuses("--negotiate", role="https", user="", password="")

    def test_certificate(self):
        def options(name):
            certificate, key = self.certificate(name)
            return "--cert", certificate, "--key", key, "-H", "Authorization: " + MUTUAL

        self.takes(*options(USER), role="https", user=None)
        self.refuses(*options("stranger"), role="https", user=None)
        self.refuses("-H", "Authorization: " + MUTUAL, role="https", user=None)
        self.refuses(*options(USER)[:4], role="https", user=None)
        self.refuses("-H", "Authorization: " + MUTUAL, role="http", user=None)

    def test_plain_http(self):
        """Neither Basic nor Digest are offered; the others get their login, and no plain body."""
        for scheme in ("--basic", "--digest"):
            self.assertIn(self.curl(scheme), ([401], [403]), self.said)
        self.assertNotRegex(self.said, "WWW-Authenticate: (Basic|Digest)")
        if self.realm:
            self.as_user("alice")
            self.refuses("--negotiate", user="", password="", status=500)


class Open(Curl):
    """Plain bodies over HTTP, NTLM without a MIC."""

    settings = {"auth.allow_unencrypted": "on", "auth.ntlm_allow_no_mic": "on"}

    def test_passwords(self):
        for role in ("http", "https"):
            for scheme in PASSWORDS:
                with self.subTest(role=role, scheme=scheme):
                    self.takes(scheme, role=role)
        # Few of these: who guesses has to wait, longer every time.
        self.refuses("--ntlm", password="wrong")
        self.refuses("--ntlm", user="nobody")
        self.refuses("--digest", password="wrong")
        self.refuses("--basic", user="nobody")

    def test_negotiate(self):
        self.need_realm()
        self.as_user("alice")
        self.takes("--negotiate", user="", password="")

    def test_md5(self):
        """requests takes the last challenge, which is MD5's."""
        for role in ("http", "https"):
            for password, status in ((PASSWORD, 200), ("wrong", 401)):
                with requests.Session() as session:
                    session.trust_env = False
                    session.auth = requests.auth.HTTPDigestAuth(USER, password)
                    session.verify = self.daemon.certificate
                    message = Messages("localhost", 1).envelope(f"{TRANSFER}/Get", LONG, selectors={"Id": "17"})
                    for _ in range(3):
                        reply = session.post(self.daemon.url(role), data=message, headers=dict([TYPE.split(": ")]))
                        self.assertEqual(reply.status_code, status)
                        self.assertIn('algorithm="MD5"', reply.request.headers["Authorization"])


class Strict(Curl):
    settings = {"auth.cbt": "strict", "auth.ntlm_allow_no_mic": "on"}

    def test(self):
        """curl's logins name no channel; Basic and Digest are not asked to."""
        self.refuses("--ntlm", role="https")
        self.takes("--basic", role="https")
        if self.realm:
            self.as_user("alice")
            self.refuses("--negotiate", role="https", user="", password="")


class Off(Curl):
    """Only what is switched on is offered and taken."""

    settings = {"auth.basic": "off", "auth.digest": "off", "auth.negotiate": "off", "auth.kerberos": "off", "auth.credssp": "off",
                "auth.certificate": "on", "auth.allow_unencrypted": "on", "auth.ntlm_allow_no_mic": "on"}

    def test(self):
        for role in ("http", "https"):
            for scheme in (*PASSWORDS, "--negotiate"):
                with self.subTest(role=role, scheme=scheme):
                    self.refuses(scheme, role=role)
                    self.assertNotIn("WWW-Authenticate", self.said)


if __name__ == "__main__":
    unittest.main()
