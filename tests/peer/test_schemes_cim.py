"""cim, our own client, with each of its logins against our daemon: replies and requests beyond 16 KiB, channel bindings through a TLS proxy.

covers: security:S4 security:S12 security:S36 security:S37
"""
import json
import os
import subprocess
import unittest

import scenario_path
import kdc
from daemon import PASSWORD, USER, binary
from login_site import ENCRYPTION_TYPES, SIZES, Site, TlsProxy

HTTP = ("ntlm", "negotiate", "kerberos", "credssp")
HTTPS = (*HTTP, "basic", "digest", "certificate")


class Cim(Site):
    settings = {"auth.cbt": "strict"}

    def run_cim(self, verb, auth, *words, role="http", user=USER, password=PASSWORD, proxy=None, certificate=USER, options=()):
        port = proxy.port if proxy else self.daemon.address(role)[1]
        url = f"wsmv{'+https' if role == 'https' else ''}://localhost:{port}/root/default"
        if role == "https":
            options = (*options, "--cacert", proxy.certificate if proxy else self.daemon.certificate)
        if auth == "certificate":
            paths = self.certificate(certificate)
            options = (*options, "--cert", paths[0], "--key", paths[1])
        elif auth != "kerberos" or user != USER:
            options = (*options, "-u", user)
        env = {k: v for k, v in os.environ.items() if k not in ("CIM_PASSWORD", "XDG_CONFIG_HOME")}
        env["HOME"] = "/nonexistent"
        if "-u" in options:
            env["CIM_PASSWORD"] = password
        return subprocess.run([binary("cim"), verb, url, *words, "--auth", auth, *options], env=env, text=True, capture_output=True, timeout=60,
                              stdin=subprocess.DEVNULL)

    def use(self, auth, **more):
        done = self.run_cim("ls", auth, "Test_Long", "-o", "json", **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted((row["Id"], len(row["Text"])) for row in json.loads(done.stdout)), [(n, 1024 * n) for n in SIZES])
        for text in ("x" * 40000, "y" * 1024):  # a request of several parts
            done = self.run_cim("set", auth, "Test_Long.Id=1", f"Text={text}", **more)
            self.assertEqual(done.returncode, 0, done.stderr)
        done = self.run_cim("get", auth, "Test_Long.Id=1", "-o", "json", **more)
        self.assertIn("y" * 1024, done.stdout)
        self.assertNotIn("x" * 1024, done.stdout)

    def refuse(self, auth, **more):
        done = self.run_cim("ls", auth, "Test_Long", **more)
        self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
        self.assertNotIn("0123456789abcde", done.stdout)

    def may(self, auth):
        self.as_user("alice" if auth == "kerberos" else None)
        return auth != "kerberos" or self.realm

    def test_http(self):
        for auth in filter(self.may, HTTP):
            with self.subTest(auth=auth):
                self.may(auth)
                self.use(auth)

    def test_encryption_types(self):
        self.need_realm()
        for name in (*ENCRYPTION_TYPES, "arcfour-hmac"):
            with self.subTest(type=name):
                self.with_type(name)
                self.use("kerberos")

    def test_https(self):
        """With strict bindings."""
        for auth in filter(self.may, HTTPS):
            with self.subTest(auth=auth):
                self.may(auth)
                self.use(auth, role="https")

    def test_kerberos_with_a_password(self):
        self.need_realm()
        for role in ("http", "https"):
            with self.subTest(role=role):
                self.use("kerberos", role=role, user=f"alice@{kdc.REALM}", password=kdc.PASSWORDS["alice"])

    def test_delegation(self):
        self.need_realm()
        os.environ["KRB5CCNAME"] = self.realm.cache("alice", "-f")
        self.use("kerberos", options=("--delegate",))

    def test_refused(self):
        for auth in ("ntlm", "credssp", "digest"):
            with self.subTest(auth=auth):
                self.refuse(auth, role="https", password="wrong")
        self.refuse("certificate", role="https", certificate="stranger")
        if self.realm:
            self.refuse("kerberos")  # no ticket

    def test_who_has_no_rights(self):
        self.need_realm()
        self.as_user("bob")
        done = self.run_cim("ls", "kerberos", "Test_Long")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("denied", done.stderr)

    def test_proxy(self):
        proxy = TlsProxy(self.folder, self.daemon.address("https"))
        self.addCleanup(proxy.close)
        for auth in filter(self.may, ("ntlm", "negotiate", "kerberos")):
            with self.subTest(auth=auth):
                self.may(auth)
                self.refuse(auth, role="https", proxy=proxy)
        self.refuse("certificate", role="https", proxy=proxy)
        for auth in ("basic", "digest", "credssp"):
            with self.subTest(auth=auth):
                self.use(auth, role="https", proxy=proxy)


if __name__ == "__main__":
    unittest.main()
