"""cim's logins against cimd: which way it takes, what it refuses before it sends anything, and what its settings say.

covers: security:S8 security:S9 security:S15 security:S54
"""
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import unittest

from daemon import PASSWORD, USER, Daemon, binary


def cim(*args, password=PASSWORD, settings=None):
    """(exit code, output, errors) with settings as the user's client.ini."""
    with tempfile.TemporaryDirectory() as home:
        folder = pathlib.Path(home, "cimfony")
        folder.mkdir()
        if settings is not None:
            (folder / "client.ini").write_text(settings)
        env = dict(os.environ, XDG_CONFIG_HOME=home, KRB5CCNAME=f"FILE:{home}/none")
        env.pop("CIM_PASSWORD", None)
        if password:
            env["CIM_PASSWORD"] = password
        done = subprocess.run([binary("cim"), *args], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, env=env)
    return done.returncode, done.stdout, done.stderr


class WithDaemon(unittest.TestCase):
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(cls.settings, tls=True).start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)
        cls.http = f"wsmv://127.0.0.1:{cls.daemon.address()[1]}"
        cls.https = f"wsmv+https://localhost:{cls.daemon.address('https')[1]}"

    def ok(self, *args, **more):
        code, out, errors = cim("identify", *args, **more)
        self.assertEqual(code, 0, errors)
        self.assertIn("Cimfony", out)

    def refused(self, code, *args, **more):
        got, out, errors = cim("identify", *args, **more)
        self.assertEqual(got, code, out + errors)
        self.assertIn("try: ", errors)
        return errors


class OnlyBasic(WithDaemon):
    """A server that offers Basic and nothing else."""

    settings = {"auth.negotiate": "off", "auth.kerberos": "off"}

    def test_falls_back_where_the_password_is_safe(self):
        self.ok(self.http, "-u", USER)  # loopback
        self.ok(self.https, "-u", USER, "--cacert", self.daemon.certificate)

    def test_only_when_no_scheme_was_named(self):
        for scheme in ("negotiate", "ntlm"):
            text = self.refused(4, self.http, "-u", USER, "--auth", scheme)
            self.assertIn("the server offers Basic; Negotiate is not among them", text)
        self.assertIn("the server offers Basic; Digest is not among them", self.refused(4, self.http, "-u", USER, "--auth", "digest"))
        self.assertIn("the server offers Basic; CredSSP is not among them", self.refused(4, self.http, "-u", USER, "--auth", "credssp"))

    def test_settings_of_the_user(self):
        off = "[auth]\nbasic = off\n"
        self.assertIn("Negotiate is not among them", self.refused(4, self.http, "-u", USER, settings=off))
        text = self.refused(4, self.http, "-u", USER, "--auth", "basic", settings=off)
        self.assertIn("auth.basic is off", text)
        self.assertIn("client.ini", text)
        self.assertIn("client.ini:2", self.refused_usage(self.http, settings="[auth]\nbasic = perhaps\n"))

    def refused_usage(self, *args, **more):
        code, _, errors = cim("identify", *args, **more)
        self.assertEqual(code, 2, errors)
        return errors

    def test_nobody(self):
        """Who a server is may be asked by anybody, nothing else."""
        self.ok(self.http, password=None)
        code, _, errors = cim("ls", self.http, "Win32_Process", password=None)
        self.assertEqual(code, 4)
        self.assertIn("it offers Basic", errors)


class EveryScheme(WithDaemon):
    """Defaults of the server (no unencrypted messages), strict channel bindings, and the schemes that are off by default."""

    settings = {"auth.basic": "on", "auth.allow_unencrypted": "off", "auth.digest": "on", "auth.credssp": "on", "auth.cbt": "strict"}

    def test_sealed_without_a_word(self):
        self.ok(self.http, "-u", USER)
        code, out, errors = cim("query", self.http.replace("://", f"://{USER}@") + "/root/cimv2", "SELECT Handle FROM Win32_Process", "-o", "csv")
        self.assertEqual(code, 0, errors)
        self.assertGreater(len(out.splitlines()), 3)

    def test_over_http(self):
        for scheme in ("ntlm", "negotiate", "credssp"):
            self.ok(self.http, "-u", USER, "--auth", scheme)
            self.refused(4, self.http, "-u", USER, "--auth", scheme, password="wrong")

    def test_over_https_with_strict_bindings(self):
        for scheme in ("ntlm", "negotiate", "credssp", "digest", "basic"):
            self.ok(self.https, "-u", USER, "--auth", scheme, "--cacert", self.daemon.certificate)
            self.refused(4, self.https, "-u", USER, "--auth", scheme, "--cacert", self.daemon.certificate, password="wrong")
        self.ok(self.https, "-u", USER, "--cacert", self.daemon.certificate)


class NothingIsSent(unittest.TestCase):
    """What is refused is refused before a connection is made: the address belongs to nobody who answers."""

    def setUp(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        listener.setblocking(False)
        self.listener = listener
        # Not loopback's name to cim, though it would lead there.
        self.url = f"://0.0.0.0:{listener.getsockname()[1]}"

    def refuse(self, *args, code=4, **more):
        got, out, errors = cim("identify", *args, **more)
        self.assertEqual(got, code, out + errors)
        with self.assertRaises(BlockingIOError):
            self.listener.accept()
        return errors

    def test_untrusted(self):
        for args in ((), ("--auth", "ntlm"), ("--auth", "negotiate"), ("--auth", "credssp")):
            text = self.refuse("wsmv" + self.url, "-u", USER, *args)
            self.assertIn("is not among the trusted hosts", text)
            self.assertIn("--trusted-hosts", text)
        for args in (("--auth", "basic"), ("--auth", "ntlm"), ()):
            self.assertIn("--insecure", self.refuse("wsmv+https" + self.url, "-u", USER, "--insecure", *args))

    def test_in_the_clear(self):
        for scheme in ("basic", "digest"):
            text = self.refuse("wsmv" + self.url, "-u", USER, "--auth", scheme, "--trusted-hosts", "*")
            self.assertIn("in the clear", text)

    def test_without_a_way(self):
        self.assertIn("ticket", self.refuse("wsmv" + self.url, "--auth", "kerberos", password=None))
        self.assertIn("HTTPS", self.refuse("wsmv" + self.url, "--auth", "certificate", password=None, code=2))
        self.assertIn("--cert", self.refuse("wsmv+https" + self.url, "--auth", "certificate", password=None, code=2))


class Config(unittest.TestCase):
    def test_sources(self):
        code, out, errors = cim("config", "-o", "json", "--allow-unencrypted",
                                settings="[client]\ntrusted_hosts = a,\n   *.b\n[auth]\nbasic = off\n")
        self.assertEqual(code, 0, errors)
        rows = {row["Name"]: row for row in json.loads(out)}
        self.assertEqual(rows["client.trusted_hosts"]["Value"], "a,*.b")
        self.assertTrue(rows["client.trusted_hosts"]["Source"].endswith("cimfony/client.ini"))
        self.assertEqual((rows["auth.basic"]["Value"], rows["auth.digest"]["Value"]), ("off", "on"))
        self.assertEqual(rows["auth.digest"]["Source"], "default")
        self.assertEqual(rows["client.allow_unencrypted"]["Source"], "--allow-unencrypted")
        code, out, _ = cim("config")
        self.assertEqual(code, 0)
        self.assertIn("client.network_delay_ms = 5000", out)


if __name__ == "__main__":
    unittest.main()
