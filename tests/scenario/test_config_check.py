"""`cimd config check` and the start of the daemon find the same things, name the key, and say what to do."""
import fcntl
import os
import pathlib
import pty
import shutil
import socket
import subprocess
import tempfile
import termios
import unittest

from daemon import Daemon, binary


class ConfigCheck(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cimfony-check-"))
        self.addCleanup(shutil.rmtree, self.folder, True)
        (self.folder / "file").write_text("not PEM\n")
        (self.folder / "link").symlink_to(self.folder)
        secret = self.folder / "secret"
        secret.write_text("password\n")
        secret.chmod(0o600)

    def daemon(self, settings, tls=False):
        given = {k: v.format(d=self.folder) for k, v in settings.items()}
        return Daemon(given, state=self.folder, tls=tls)

    def check(self, daemon):
        daemon.write_config()
        done = daemon.run("config", "check", check=False)
        found = [line.partition(f"{daemon.config}: ")[2] for line in done.stderr.splitlines() if line.startswith("cimd config: ")]
        return done, found

    def serve(self, daemon):
        """What a start that fails says."""
        done = subprocess.run([binary("cimd"), "serve", "--config", str(daemon.config)], capture_output=True, text=True, timeout=60)
        return done, [line.partition(f"{daemon.config}: ")[2] for line in done.stderr.splitlines() if line.startswith("cimd serve: ")]

    def test_errors(self):
        """Settings, what the finding begins with, what it says."""
        secret = {"wmi.callback_user": "x", "listen.epmap": "127.0.0.1:0", "listen.wmi": "127.0.0.1:0"}
        https = {"listen.https": "127.0.0.1:0"}
        cases = [
            ({"listen.http": "127.0.0.1"}, "listen.http: ", "has no port"),
            ({"listen.http": "[::1]"}, "listen.http: ", "has no port"),
            ({"listen.http": "::1"}, "listen.http: ", "brackets"),
            ({"listen.http": "127.0.0.1:http"}, "listen.http: ", "0 to 65535"),
            ({"listen.http": "127.0.0.1:65536"}, "listen.http: ", "0 to 65535"),
            ({"listen.http": ":5985"}, "listen.http: ", "before the port"),
            ({"listen.http": "some.host.example:5985"}, "listen.http: ", "names are not looked up"),
            ({"listen.http": "127.0.0.999:5985"}, "listen.http: ", "127.0.0.999"),
            ({"listen.http": "127.0.0.1:15985, 127.0.0.1:15985"}, "listen.http: ", "the same address and port"),
            ({"listen.http": "127.0.0.1:15985", "listen.wmi": "0.0.0.0:15985", "listen.epmap": "127.0.0.1:0"}, "listen.wmi: ", "of listen.http"),
            ({"listen.http": "127.0.0.1:15985", "listen.epmap": "*:15985", "listen.wmi": "127.0.0.1:0"}, "listen.epmap: ", "of listen.http"),
            ({"listen.http": ",".join(["127.0.0.1:0"] * 49)}, "[listen]: ", "49"),
            ({"listen.http": ""}, "no client could get in", "listen.http"),
            ({"listen.http": "", "listen.wmi": "127.0.0.1:0"}, "no client could get in", "both listen.epmap and listen.wmi"),
            (https, "listen.https needs tls.certificate", "tls.key"),
            ({**https, "tls.certificate": "{d}/missing", "tls.key": "{d}/file"}, "tls.certificate: ", "{d}/missing: No such file"),
            ({**https, "tls.certificate": "{d}/file", "tls.key": "{d}/none"}, "tls.key: ", "{d}/none: No such file"),
            ({**https, "tls.certificate": "{d}", "tls.key": "{d}/file"}, "tls.certificate: ", "directory"),
            ({"cimd.state_dir": "{d}/file/below"}, "cimd.state_dir: ", ""),
            ({"cimd.state_dir": "{d}/file"}, "cimd.state_dir: ", "not a folder"),
            ({"cimd.state_dir": "{d}/link"}, "cimd.state_dir: ", "symbolic link"),
            ({"cimd.run_dir": "{d}/file"}, "cimd.run_dir: ", "not a folder"),
            ({"cimd.run_dir": "{d}/" + 100 * "x"}, "cimd.run_dir is too long", "bytes"),
            ({"cimd.audit_log": "{d}"}, "cimd.audit_log: ", "not a file"),
            ({"cimd.audit_log": "{d}/nowhere/audit.log"}, "cimd.audit_log: ", "{d}/nowhere"),
            ({"wmi.backup_dir": "{d}/nowhere"}, "wmi.backup_dir: ", "make it"),
            ({"wmi.backup_dir": "{d}/file"}, "wmi.backup_dir: ", "not a folder"),
            (secret, "wmi.callback_user needs wmi.callback_password_file", ""),
            ({**secret, "wmi.callback_password_file": "{d}/missing"}, "wmi.callback_password_file: ", "No such file"),
            ({**secret, "wmi.callback_password_file": "{d}/file"}, "wmi.callback_password_file: ", "mode 0644"),
            ({"policy.locked": "auth.nothing"}, "policy.locked: ", "auth.nothing"),
        ]
        if pathlib.Path("/proc/net/if_inet6").exists():
            cases.append(({"listen.http": "[fe80::1]:5985"}, "listen.http: ", "say which"))
        if os.geteuid() == 0:
            cases += [({"cimd.user": "nobody-of-this-name"}, "there is no user 'nobody-of-this-name' (cimd.user)", "useradd"),
                      ({"cimd.user": "64102"}, "cimd.user and cimd.auth_user must differ", "")]
        for settings, begin, text in cases:
            with self.subTest(settings=settings):
                daemon = self.daemon(settings)
                done, found = self.check(daemon)
                self.assertNotEqual(done.returncode, 0, done.stdout)
                self.assertIn("cimd does not start", done.stdout)
                errors = [f.removeprefix("error: ") for f in found if f.startswith("error: ")]
                self.assertTrue(any(f.startswith(begin) and text.format(d=self.folder) in done.stderr for f in errors), done.stderr)
                started, told = self.serve(daemon)
                self.assertEqual(started.returncode, done.returncode, started.stderr)
                self.assertEqual([f.removeprefix("error: ") for f in told], errors)
                self.assertFalse((self.folder / "state").exists() and settings.get("cimd.state_dir"), "nothing was made")

    @unittest.skipIf(os.geteuid(), "who the daemon becomes matters to root")
    def test_users_that_are_missing(self):
        """Both are told at once."""
        done, found = self.check(self.daemon({"cimd.user": "no-such-a", "cimd.auth_user": "no-such-b"}))
        self.assertEqual(len([f for f in found if "no-such-" in f]), 2, done.stderr)
        self.assertIn("2 errors", done.stdout)

    def test_account_without_a_group(self):
        """May do nothing: said when it is made."""
        daemon = self.daemon({})
        daemon.write_config()
        done = daemon.run("user", "add", "alice", "--password-stdin", stdin="secret 1\n")
        self.assertIn("alice is in no group", done.stderr)
        self.assertIn(f"cimd user mod --config {daemon.config} alice --group", done.stderr)
        done = daemon.run("user", "add", "bob", "--password-stdin", "--group", "administrators", stdin="secret 1\n")
        self.assertEqual(done.stderr, "")

    def test_all_at_once(self):
        done, found = self.check(self.daemon({"listen.http": "nonsense", "wmi.backup_dir": "{d}/nowhere", "listen.https": "127.0.0.1:0", "listen.wmi": "x:1"}))
        errors = [f for f in found if f.startswith("error: ")]
        self.assertEqual(len(errors), 4, done.stderr)
        self.assertIn("4 errors", done.stdout)

    def test_certificate_that_is_none(self):
        """Only the check parses it beforehand; of a start cimd-core says it, with the same code."""
        daemon = self.daemon({"listen.https": "127.0.0.1:0", "tls.certificate": "{d}/file", "tls.key": "{d}/file"})
        done, found = self.check(daemon)
        self.assertNotEqual(done.returncode, 0)
        self.assertTrue(any(f.startswith(f"error: tls.certificate: {self.folder}/file") for f in found), done.stderr)
        started, _ = self.serve(daemon)
        self.assertEqual(started.returncode, done.returncode, started.stderr)

    def test_key_with_a_passphrase(self):
        """Nobody is asked for it."""
        certificate, key = str(self.folder / "c.pem"), str(self.folder / "k.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=x",
                        "-passout", "pass:abcd"], check=True, capture_output=True)
        daemon = self.daemon({"listen.https": "127.0.0.1:0", "tls.certificate": certificate, "tls.key": key})
        daemon.write_config()
        terminal, other = pty.openpty()
        self.addCleanup(os.close, terminal)
        done = subprocess.run([binary("cimd"), "config", "--config", str(daemon.config), "check"], stdin=other, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, timeout=60, start_new_session=True,
                              preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(other)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("has a passphrase", done.stderr)

    def test_audit_log_that_is_no_file(self):
        with self.daemon({"cimd.audit_log": "/dev/null"}) as daemon:
            self.assertEqual(self.check(daemon)[0].returncode, 0)

    def test_warnings(self):
        """The daemon starts, and says the same in its log."""
        keytab = {"auth.kerberos": "on", "auth.keytab": "{d}/no.keytab"}
        cases = [
            ({"listen.epmap": "127.0.0.1:0"}, "listen.epmap is set and listen.wmi is not"),
            ({"listen.wmi": "127.0.0.1:0"}, "listen.wmi is set and listen.epmap is not"),
            ({"wmi.callback_password_file": "{d}/secret"}, "wmi.callback_password_file is set and wmi.callback_user is not"),
            ({"wmi.callback_user": "x", "wmi.callback_password_file": "{d}/secret"}, "wmi.callback_user is of no use"),
            ({"wmi.callback_anonymous": "on"}, "wmi.callback_anonymous is of no use"),
            ({"auth.allow_unencrypted": "off"}, "auth.basic is on, but nobody can use it"),
            ({"auth.certificate": "on"}, "auth.certificate is on, but no client is asked for one"),
            ({"tls.certificate": "{d}/file"}, "tls.certificate is not used"),
            (keytab, "auth.keytab: "),
            ({"listen.http": "127.0.0.1:0, 192.0.2.77:15985"}, "listen.http: no network interface"),
        ]
        if os.geteuid() == 0:
            (self.folder / "backups").mkdir(mode=0o755)
            cases.append(({"wmi.backup_dir": "{d}/backups"}, "wmi.backup_dir: "))
        for settings, begin in cases:
            with self.subTest(settings=settings):
                daemon = self.daemon(settings)
                with daemon:
                    log = daemon.log_text()
                done, found = self.check(daemon)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(len(found), 1, done.stderr)
                self.assertTrue(found[0].startswith("warning: " + begin), found)
                self.assertIn("ok, 1 warning\n", done.stdout)
                self.assertIn(found[0].removeprefix("warning: "), log)

    def test_addresses_of_links(self):
        """The same one on two links is two addresses."""
        links = [name for _, name in socket.if_nameindex()]
        if len(links) < 2 or not pathlib.Path("/proc/net/if_inet6").exists():
            self.skipTest("one link only")
        done, found = self.check(self.daemon({"listen.http": "[fe80::77%{}]:15985, [fe80::77%{}]:15985".format(*links)}))
        self.assertEqual(done.returncode, 0, done.stderr)
        done, found = self.check(self.daemon({"listen.http": "[fe80::77%{0}]:15985, [fe80::77%{0}]:15985".format(*links)}))
        self.assertIn("the same address and port", done.stderr)

    def test_nobody_can_log_in(self):
        if pathlib.Path("/etc/krb5.keytab").exists():
            self.skipTest("this machine has a keytab")
        daemon = self.daemon({})
        done, found = self.check(daemon)
        self.assertEqual(done.returncode, 0)
        self.assertIn("nobody can log in", found[0])
        daemon.add_user("alice", "secret 1")
        self.assertEqual(self.check(daemon)[1], [])

    def test_while_it_serves(self):
        """Its ports are taken then, by itself: no finding."""
        with self.daemon({"listen.http": "127.0.0.1:0"}, tls=True) as daemon:
            daemon.settings["listen.http"] = "%s:%d" % daemon.address()
            done, found = self.check(daemon)
            self.assertEqual((done.returncode, found), (0, []), done.stderr)
            self.assertEqual(done.stdout, f"{daemon.config}: ok\n")


if __name__ == "__main__":
    unittest.main()
