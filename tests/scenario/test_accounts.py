"""The commands that manage accounts, groups and certificate mappings, and what the daemon makes of them.

covers: security:S11
"""
import base64
import hashlib
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile
import time
import unittest

from daemon import Daemon
from wsman import DECLARATIONS, Client

IDENTIFY = f"<s:Envelope {DECLARATIONS}><s:Header/><s:Body><wsmid:Identify/></s:Body></s:Envelope>"
NT_HASH = "A4F49C406510BDCAB6824EE7C30FD852"  # of "Password", MS-NLMP 4.2.2.1.2
SMB = "{}:1001:" + "X" * 32 + ":" + NT_HASH + ":[{:11}]:LCT-5F000000:\n"


class Commands(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cimfony-accounts-"))
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.daemon = Daemon(state=self.folder, users=False)
        self.daemon.write_config()
        self.state = self.folder / "state"
        self.accounts = self.state / "accounts"

    def run_cimd(self, *args, stdin=None, check=True):
        return self.daemon.run(*args, stdin=stdin, check=check)

    def refused(self, *args, stdin=None):
        """The message of a command that must fail and change nothing."""
        before = self.accounts.read_bytes() if self.accounts.exists() else None
        done = self.run_cimd(*args, stdin=stdin, check=False)
        self.assertNotEqual(done.returncode, 0, args)
        self.assertEqual(self.accounts.read_bytes() if self.accounts.exists() else None, before, args)
        return done.stderr

    def add(self, name, *args, password="Password"):
        self.run_cimd("user", "add", name, "--password-stdin", *args, stdin=password + "\n")

    def users(self):
        rows = [line.split("\t") for line in self.run_cimd("user", "list").stdout.splitlines()]
        return {row[0]: dict(zip(("state", "groups", "posix", "schemes", "expires"), row[1:])) for row in rows}

    def audit(self):
        path = self.state / "audit.log"
        return path.read_text().splitlines() if path.exists() else []

    def test_secrets_and_files(self):
        self.add("alice")
        self.add("carol", "--scheme", "digest")
        self.assertEqual(self.users()["alice"]["schemes"], "basic,ntlm")
        self.assertEqual(self.users()["carol"]["schemes"], "digest")
        key = self.state / "accounts.key"
        for path, size in ((self.accounts, None), (key, 32), (self.state / "audit.log", None)):
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600, path)
            self.assertIn(path.stat().st_size, (size or path.stat().st_size,))
        text = self.accounts.read_bytes()
        listed = self.run_cimd("user", "list").stdout.encode()
        ha1 = hashlib.md5(b"carol:WSMAN:Password").digest()
        for secret in (b"Password", bytes.fromhex(NT_HASH), ha1):
            for form in (secret, secret.hex().encode(), secret.hex().upper().encode(), base64.b64encode(secret)):
                self.assertNotIn(form, text)
                self.assertNotIn(form, listed)
        self.assertIn(b"ntlm=", text)
        self.assertNotIn(b"ntlm=", listed)

    def test_digest_by_configuration(self):
        self.daemon.settings["auth.digest"] = "on"
        self.daemon.write_config()
        self.add("alice")
        self.assertEqual(self.users()["alice"]["schemes"], "basic,ntlm,digest")

    def test_passwd_keeps_schemes(self):
        self.add("alice", "--scheme", "ntlm")
        before = self.accounts.read_text()
        self.run_cimd("user", "passwd", "alice", "--password-stdin", stdin="other\n")
        self.assertEqual(self.users()["alice"]["schemes"], "ntlm")
        self.assertNotEqual(self.accounts.read_text(), before)
        self.run_cimd("user", "passwd", "alice", "--password-stdin", "--scheme", "basic,digest", stdin="other\n")
        self.assertEqual(self.users()["alice"]["schemes"], "basic,digest")
        self.assertIn("basic, ntlm, digest", self.refused("user", "passwd", "alice", "--password-stdin", "--scheme", "lm",
                                                          stdin="x\n"))

    def test_groups(self):
        self.add("alice", "--group", "administrators")
        self.assertIn("no group", self.refused("user", "mod", "alice", "--group", "Operators"))
        self.assertIn("no group", self.refused("user", "add", "bob", "--password-stdin", "--group", "Operators", stdin="x\n"))
        self.run_cimd("group", "add", "Operators")
        self.refused("group", "add", "OPERATORS")
        self.refused("group", "add", "Administrators")
        self.run_cimd("user", "mod", "alice", "--group", "operators", "--group", "Remote Management Users", "--no-group",
                      "Administrators")
        self.assertEqual(self.users()["alice"]["groups"], "operators,Remote Management Users")
        groups = {row[0]: row[1:] for row in (l.split("\t") for l in self.run_cimd("group", "list").stdout.splitlines())}
        self.assertRegex(groups["Operators"][0], r"^S-1-5-21-\d+-\d+-\d+-1001$")
        self.assertEqual(groups["Operators"][1], "alice")
        self.assertEqual(groups["Remote Management Users"], ["S-1-5-32-580", "alice"])
        self.assertIn("alice", self.run_cimd("group", "list", "operators").stdout)
        self.refused("group", "list", "nobody")
        self.refused("group", "del", "Administrators")
        self.run_cimd("group", "del", "operators")
        self.assertEqual(self.users()["alice"]["groups"], "Remote Management Users")
        self.run_cimd("group", "add", "Operators")  # another group of that name has another SID
        self.assertNotIn("-1001\t", self.run_cimd("group", "list").stdout)
        self.refused("user", "mod", "alice")
        self.refused("user", "mod", "alice", "--no-group", "Operators")
        self.refused("user", "mod", "nobody", "--group", "Operators")

    def test_import(self):
        source = self.folder / "smbpasswd"
        self.add("alice")
        source.write_text("# Samba\n\n" + SMB.format("bob", "U") + SMB.format("carol", "UD"))
        self.assertEqual(self.run_cimd("user", "import", str(source)).stdout, "2 accounts\n")
        users = self.users()
        self.assertEqual((users["bob"]["state"], users["bob"]["schemes"]), ("enabled", "ntlm"))
        self.assertEqual((users["carol"]["state"], users["carol"]["schemes"]), ("disabled", "ntlm"))
        self.assertNotIn(NT_HASH.lower(), self.accounts.read_text().lower())
        self.assertEqual(sum("user import" in line for line in self.audit()), 2)
        for bad in ("dave", SMB.format("dave", "N"), SMB.format("dave", "W"), SMB.format("alice", "U"),
                    SMB.format("dave", "U").replace(NT_HASH, NT_HASH[:-1]), SMB.format("dave", "U").replace("LCT-", ""),
                    SMB.format("dave", "Q"), SMB.format("", "U"), SMB.format("dave", "U").replace(NT_HASH, "X" * 32)):
            source.write_text(SMB.format("frank", "U") + "#\n" + bad)
            self.assertIn(f"{source}:3:", self.refused("user", "import", str(source)), bad)
        self.refused("user", "import", str(self.folder / "missing"))

    def test_lost_key(self):
        self.add("alice")
        key = self.state / "accounts.key"
        kept = key.read_bytes()
        key.unlink()
        self.assertIn("key", self.refused("user", "add", "bob", "--password-stdin", stdin="x\n"))
        self.assertFalse(key.exists())
        self.add("bob", "--scheme", "basic")  # needs no key
        key.write_bytes(os.urandom(32))
        key.chmod(0o600)
        self.assertIn("key", self.refused("user", "passwd", "bob", "--password-stdin", "--scheme", "ntlm", stdin="x\n"))
        key.write_bytes(kept)
        self.run_cimd("user", "passwd", "bob", "--password-stdin", "--scheme", "ntlm", stdin="x\n")
        key.chmod(0o644)
        self.assertIn("0600", self.refused("user", "add", "carol", "--password-stdin", stdin="x\n"))
        key.unlink()
        self.run_cimd("user", "passwd", "alice", "--password-stdin", "--force", stdin="x\n")
        self.assertEqual(key.stat().st_size, 32)

    def test_audit(self):
        self.add("alice", "--group", "administrators", password="secret word")
        self.run_cimd("user", "disable", "alice")
        self.run_cimd("group", "add", "Operators")
        self.refused("user", "del", "nobody")
        lines = self.audit()
        self.assertEqual(len(lines), 3)
        for line, words in zip(lines, ("user add: schemes=basic,ntlm groups=administrators", "user disable", "group add")):
            self.assertRegex(line, r"^time=\S+Z event=account_changed status=OK user=\"")
            self.assertIn(f'detail="{words}', line)
        self.assertIn('object="alice"', lines[0])
        self.assertNotIn("secret word", "".join(lines))

    def test_old_file(self):
        self.state.mkdir()
        self.accounts.write_text("cimfony-accounts 1\ndomain S-1-5-21-1-2-3\nnext 1001\n"
                                 "alice:1000:on:administrators,Operators::basic=$y$x\n")
        self.accounts.chmod(0o600)
        self.assertEqual(self.users()["alice"]["groups"], "administrators,Operators")
        self.run_cimd("user", "mod", "alice", "--posix-user", "nobody", "--expires", "2031-01-02")
        self.assertEqual(self.users()["alice"], {"state": "enabled", "groups": "administrators,Operators", "posix": "nobody",
                                                 "schemes": "basic", "expires": "2031-01-02"})
        self.assertIn("Operators\tS-1-5-21-1-2-3-1001\talice", self.run_cimd("group", "list").stdout)
        for day in ("2031-02-29", "31-01-02", "tomorrow", ""):
            self.assertIn("day", self.refused("user", "mod", "alice", "--expires", day))

    @unittest.skipUnless(os.geteuid() == 0, "only root gives files away")
    def test_owner(self):
        import pwd
        nobody = pwd.getpwnam("nobody")
        self.daemon.settings["cimd.auth_user"] = "nobody"
        self.daemon.write_config()
        self.add("alice")
        self.run_cimd("user", "disable", "alice")
        for path in (self.accounts, self.state / "accounts.key"):
            self.assertEqual((path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)), (nobody.pw_uid, 0o600))
        os.chown(self.accounts, pwd.getpwnam("daemon").pw_uid, 0)  # anybody else's is not trusted
        self.refused("user", "enable", "alice")

    def test_certificates(self):
        ca = self.folder / "ca.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                        "/dev/null", "-out", str(ca), "-subj", "/CN=ca"], check=True, capture_output=True)
        printed = subprocess.run(["openssl", "x509", "-in", str(ca), "-noout", "-fingerprint", "-sha1"], check=True,
                                 capture_output=True, text=True).stdout.strip().split("=")[1]
        thumbprint = printed.replace(":", "").lower()
        self.assertIn("no account", self.refused("certmap", "add", "alice", "--issuer", str(ca), "--subject", "alice@example.com"))
        self.add("alice")
        self.run_cimd("certmap", "add", "alice", "--issuer", str(ca), "--subject", "alice@example.com")
        self.refused("certmap", "add", "alice", "--issuer", printed, "--subject", "ALICE@example.com")
        self.run_cimd("certmap", "add", "alice", "--issuer", printed, "--subject", "*@example.com", "--uri", "http://a/*")
        self.refused("certmap", "add", "alice", "--issuer", printed, "--subject", "a*b")
        self.refused("certmap", "add", "alice", "--issuer", "12", "--subject", "a")
        self.assertEqual(self.run_cimd("certmap", "list").stdout,
                         f"alice\tenabled\t{thumbprint}\talice@example.com\t*\nalice\tenabled\t{thumbprint}\t*@example.com\thttp://a/*\n")
        self.run_cimd("certmap", "disable", "alice", "--uri", "http://a/*")
        self.assertIn("disabled", self.run_cimd("certmap", "list").stdout)
        self.run_cimd("certmap", "del", "alice")
        self.assertEqual(self.run_cimd("certmap", "list").stdout, "")
        self.refused("certmap", "del", "alice")
        self.assertEqual(len([l for l in self.audit() if "certmap" in l]), 4)


class Logins(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon().start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)

    def login(self, user, password):
        client = Client(*self.daemon.address(), user, password)
        self.addCleanup(client.close)
        return client.post(IDENTIFY)[0]

    def becomes(self, status, user, password):
        """The file is looked at once a second."""
        deadline = time.monotonic() + 60
        while self.login(user, password) != status:
            self.assertLess(time.monotonic(), deadline, f"never {status}")
            time.sleep(0.05)

    def test_expired_and_disabled(self):
        self.daemon.add_user("temp", "pw of temp", "--expires", "2020-01-01")
        self.assertEqual(self.login("temp", "pw of temp"), 401)
        self.daemon.run("user", "mod", "temp", "--expires", "never")
        self.becomes(200, "temp", "pw of temp")
        self.daemon.run("user", "disable", "temp")
        self.becomes(401, "temp", "pw of temp")

    def test_account_without_basic(self):
        self.daemon.add_user("ntlmonly", "pw of ntlmonly", "--scheme", "ntlm")
        self.assertEqual(self.login("ntlmonly", "pw of ntlmonly"), 401)

    def test_every_login_is_recorded(self):
        self.daemon.add_user("seen", "pw of seen")
        self.assertEqual(self.login("seen", "pw of seen"), 200)
        self.assertEqual(self.login('se"en\n\x1b[2J', "x"), 401)
        lines = (self.daemon.state / "state" / "audit.log").read_text().splitlines()
        self.assertTrue(any(re.search(r'event=login .*name="seen"', l) for l in lines), lines)
        self.assertTrue(any(r'user="se\"en\n\u{1b}[2J"' in l and "event=login_failed" in l for l in lines), lines)


if __name__ == "__main__":
    unittest.main()
