"""j-Interop, unmodified, against cimd's WMI over DCOM, both ways: it logs in, reads, and hands in sinks, objects of Java's that the daemon
calls (MS-DCOM 3.2, MS-WMI 3.2.4.1). It always goes to port 135, so the tests run in a network of their own: this file executes itself
there. As a server of sinks it knows no login that could be made by NTLMv2, so that it is called without (wmi.callback_anonymous)."""
import os
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "scenario")]
import apart
import java_peer
from daemon import PASSWORD, USER, Daemon

SAMPLE = HERE.parent / "scenario" / "sample.mof"
INSIDE = sys.argv[1:2] == ["--inside"]
WELL, DENIED, NO_NAMESPACE, NOT_FOUND, BAD_QUERY = "0x00000000", "0x80041003", "0x8004100e", "0x80041002", "0x80041017"
DELIVERED = {"sink-query": f"2 {WELL} true", "sink-instances": f"1 {WELL}", "sink-get": f"1 {WELL}", "sink-missing": f"0 {NOT_FOUND}",
             "sink-classes": f"true {WELL}", "sink-many": "3"}
READ = {"get": "true", "get-missing": NOT_FOUND, "query": "2 in 3 end 1 true", "query-wrong": BAD_QUERY, "classes": "true"}
BEGUN = {"activate": WELL, "login": WELL}
END = {"end": "well"}


class Inside(unittest.TestCase):
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon({"listen.epmap": f"{apart.ADDRESS}:135", "listen.wmi": f"{apart.ADDRESS}:0", "cimd.log_level": "info",
                             "wmi.callback_anonymous": "on", **cls.settings})
        cls.prepare()
        cls.daemon.write_config()
        cls.daemon.add_user(USER, PASSWORD, "--group", "administrators")
        cls.daemon.add_user("reader", PASSWORD)
        cls.daemon.run("mof", "--namespace", "root/default", str(SAMPLE))
        cls.daemon.start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)

    @classmethod
    def prepare(cls):
        pass

    def java(self, *steps, user=USER, password=PASSWORD, level="privacy", namespace="root/default"):
        return java_peer.run(os.environ["JAVA_PEER"], apart.ADDRESS, user, password, level, namespace, *steps)


class ReadTest(Inside):
    # covers: wmi-dcom:D7 wmi-dcom:X1 wmi-dcom:X2 wmi-dcom:X3
    def test_privacy(self):
        self.assertEqual(self.java("get", "query", "classes"), {**BEGUN, **READ, **END})

    def test_integrity(self):
        self.assertEqual(self.java("get", "query", "classes", level="integrity"), {**BEGUN, **READ, **END})

    def test_open_namespace(self):
        found = self.java("namespace", namespace="//./root")
        self.assertEqual(found, {**BEGUN, "get": "true", "get-missing": NOT_FOUND, **END})

    def test_refusals(self):
        self.assertEqual(self.java(password="wrong"), {"activate": "0x00000005"})
        self.assertEqual(self.java(level="none"), {"activate": "0x00000005"})  # level connect: what it does unless told otherwise
        self.assertEqual(self.java(user="reader"), {"activate": WELL, "login": DENIED, **END})
        self.assertEqual(self.java(namespace="root/nowhere"), {"activate": WELL, "login": NO_NAMESPACE, **END})


class SinkTest(Inside):
    # covers: wmi-dcom:X12 wmi-dcom:X13
    def test_sinks(self):
        for level in ("privacy", "integrity"):
            with self.subTest(level):
                self.assertEqual(self.java("sinks", level=level), {**BEGUN, **DELIVERED, **END})


class LoginRefusedTest(Inside):
    """The daemon has a login for its callers, which Java's resolver does not take: it is left out, as the configuration says."""

    @classmethod
    def prepare(cls):
        secret = cls.daemon.state / "callback"
        secret.write_text("what clients know 1\n")
        secret.chmod(0o600)
        cls.daemon.settings.update({"wmi.callback_user": "CLIENTS\\callback", "wmi.callback_password_file": str(secret)})

    def test_sinks(self):
        self.assertEqual(self.java("sinks"), {**BEGUN, **DELIVERED, **END})
        self.assertIn("a client does not take the daemon's login", (self.daemon.state / "cimd.log").read_text())


class WmiJavaTest(unittest.TestCase):
    def test_all(self):
        path, why = java_peer.make()
        if path is None:
            (self.fail if os.environ.get("CI") else self.skipTest)(why)
        os.environ["JAVA_PEER"] = path
        found, said = apart.run(__file__)
        self.assertEqual(len(found), 6, said)
        for name, what in found.items():
            with self.subTest(name):
                self.assertEqual(what, "ok", said)


if INSIDE and __name__ == "__main__":
    apart.enter(sys.argv[2])
    apart.report([ReadTest, SinkTest, LoginRefusedTest], sys.argv[3:])
    sys.exit(0)


def load_tests(loader, tests, pattern):
    if not apart.available():
        WmiJavaTest.test_all = unittest.skip("needs root, unshare, ip, mount and hostname")(WmiJavaTest.test_all)
    return loader.loadTestsFromTestCase(WmiJavaTest)


if __name__ == "__main__":
    unittest.main()
