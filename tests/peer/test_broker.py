"""Kerberos through the broker and its wire, with a real KDC: who a ticket's user is here, and what must fail."""
import os
import pathlib
import subprocess
import tempfile
import unittest

import kdc
from token_tool import BUILD

TOOL = BUILD / "tests" / "auth" / "login_tool"
CIMD = BUILD / "bin" / "cimd"
HASH, OTHER = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"


@unittest.skipUnless(kdc.available(), "no KDC is installed")
class Broker(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.realm = kdc.Realm().start()
        cls.addClassCleanup(cls.realm.stop)
        cls.alice = cls.realm.cache("alice")
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.config = pathlib.Path(cls.folder.name) / "cimd.conf"
        cls.config.write_text(f"[cimd]\nstate_dir = {cls.folder.name}\nrun_dir = {cls.folder.name}\n")
        cls.user("add", "carol")

    @classmethod
    def user(cls, verb, *words):
        subprocess.run([CIMD, "user", verb, "--config", cls.config, *words, *(["--password-stdin"] if verb == "add" else [])],
                       input="Carol's pass 3\n", text=True, check=True, capture_output=True)

    def login(self, *words, expected=0, **options):
        values = {"accounts": f"{self.folder.name}/accounts", "keytab": self.realm.keytab, "ccache": self.alice,
                  "target": "HTTP/localhost", "mechanism": "negotiate", **options}
        command = [TOOL, *(f"{k}={v}" for k, v in values.items() if v is not None)]
        done = subprocess.run(command, env=self.realm.environment, text=True, capture_output=True, timeout=60)
        self.assertEqual(done.returncode, expected, done.stdout + done.stderr)
        return dict(word.partition("=")[::2] for word in done.stdout.split())

    # covers: security:S2 security:S24
    def test_who(self):
        for mechanism in ("negotiate", "kerberos"):
            with self.subTest(mechanism):
                got = self.login(mechanism=mechanism)
                self.assertEqual((got["mechanism"], got["name"], got["domain"]), ("Kerberos", "alice", kdc.REALM))
                self.assertEqual((got["administrator"], got["posix"], got["sealed"], got["resolved"]), ("0", "0", "1", "1"))
                self.assertRegex(got["sid"], r"^S-1-22-16(-\d+){4}$")
                self.assertEqual(self.login(mechanism=mechanism)["sid"], got["sid"])

    def test_administrator_by_name(self):
        self.assertEqual(self.login(admin=f"alice@{kdc.REALM}")["administrator"], "1")
        self.assertEqual(self.login(admin=f"ALICE@{kdc.REALM}")["administrator"], "0")

    def test_account_of_that_name(self):
        name = f"alice@{kdc.REALM}"
        self.user("add", name, "--group", "administrators", "--posix-user", "root")
        try:
            got = self.login()
            self.assertEqual((got["administrator"], got["posix"]), ("1", "0"))  # by the group; root is nobody's
        finally:
            self.user("del", name)

    def test_ntlm_below_negotiate(self):
        got = self.login(ccache=None, user="carol", password="Carol's pass 3")
        self.assertEqual((got["mechanism"], got["name"], got["domain"], got["sealed"]), ("NTLM", "carol", "", "1"))
        self.login(ccache=None, user="carol", password="Carol's", expected=1)

    def test_services(self):
        self.login(mechanism="kerberos", service="rpc", expected=1)  # a ticket for HTTP is none for DCE/RPC
        self.login(mechanism="kerberos", target="ldap/localhost", expected=1)
        self.login(mechanism="kerberos", target="host/localhost", service="rpc")
        self.assertEqual(self.login(keytab="/nonexistent", expected=1)["status"], "NOT_AUTHENTICATED")

    # covers: security:S12
    def test_bindings(self):
        server = f"tls-server-end-point:{HASH}"
        for level, client, passes, bound in (("strict", server, True, 1), ("strict", None, False, 0),
                                             ("relaxed", server, True, 1), ("relaxed", None, True, 0),
                                             ("relaxed", f"tls-server-end-point:{OTHER}", False, 0), ("none", None, True, 0)):
            with self.subTest(level=level, client=client):
                got = self.login(level=level, server=server, client=client, expected=0 if passes else 1)
                self.assertEqual(got.get("bound", "0"), str(bound))
        got = self.login(level="strict", server=server, client=f"tls-server-end-point:{OTHER}", more=OTHER)
        self.assertEqual(got["bound"], "1")


if __name__ == "__main__":
    unittest.main()
