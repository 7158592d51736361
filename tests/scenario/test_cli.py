"""The cim command as a person and a script use it."""
import csv
import io
import json
import os
import pathlib
import subprocess
import unittest

from daemon import PASSWORD, USER, Daemon, binary

MOF = pathlib.Path(__file__).with_name("sample.mof")


class Cli(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(tls=True).start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)
        cls.daemon.run("mof", str(MOF))
        host, port = cls.daemon.address()
        cls.url = f"wsmv://{USER}@{host}:{port}/root/default"

    def cim(self, *args, code=0, password=PASSWORD):
        done = subprocess.run([binary("cim"), *args], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
                              env=dict(os.environ, CIM_PASSWORD=password))
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout if code == 0 else done.stderr

    def json(self, *args):
        return json.loads(self.cim(*args, "-o", "json"))

    def test_identify(self):
        self.assertIn("Cimfony", self.cim("identify", self.url))

    def test_query_formats(self):
        query = "SELECT Name, Slot, Note FROM Test_Base"
        rows = self.json("query", self.url, query)
        self.assertEqual(sorted((r["Name"], r["Slot"], r["Note"]) for r in rows), [("alpha", 1, "first"), ("beta", 2, None)])
        table = self.cim("query", self.url, query)
        self.assertIn("alpha", table)
        rows = list(csv.DictReader(io.StringIO(self.cim("query", self.url, query, "-o", "csv"))))
        self.assertEqual(len(rows), 2)
        self.assertIn("<", self.cim("query", self.url, query, "-o", "xml"))
        self.assertIn("Name", self.cim("query", self.url, query, "-o", "list"))
        self.assertIn("instance of Test_Base", self.cim("ls", self.url, "Test_Base", "-o", "mof"))

    def test_life_of_an_instance(self):
        self.cim("create", self.url, "Test_Base", "Name=cli", "Slot=4", "Note=a note")
        path = 'Test_Base.Name="cli",Slot=4'
        self.assertEqual(self.json("get", self.url, path)["Note"], "a note")
        self.cim("set", self.url, path, "Note=other")
        self.assertEqual(self.json("get", self.url, path)["Note"], "other")
        self.cim("delete", self.url, path)
        self.assertIn("no instance", self.cim("get", self.url, path, code=3).lower())

    def test_call(self):
        url = self.url.replace("root/default", "root/cimv2")
        out = self.json("call", url, f'Win32_Process.Handle="{self.daemon.process.pid}"', "GetOwner")
        self.assertEqual(out["ReturnValue"], 0)

    def test_classes(self):
        names = self.cim("classes", self.url, "Test_*").split()
        self.assertIn("Test_Derived", names)
        self.assertNotIn("__Namespace", names)
        text = self.cim("class", self.url, "Test_Types")
        self.assertIn("class Test_Types", text)
        self.assertIn('string Text = "default"', text)

    def test_exit_codes_and_messages(self):
        self.assertIn("password", self.cim("identify", self.url, code=4, password="wrong").lower())
        self.assertIn("127.0.0.1", self.cim("identify", "wsmv://u@127.0.0.1:1/", code=5))
        self.cim("query", self.url, "SELEKT", code=2)
        self.cim("nonsense", code=2)
        self.assertIn("wsmv+https", self.cim("identify", "wsmv+ftp://x", code=2).lower())
        self.cim("get", self.url, "Test_Nothing.A=1", code=3)

    def test_https_checks_the_certificate(self):
        _, port = self.daemon.address("https")
        url = f"wsmv+https://{USER}@localhost:{port}/root/default"
        self.assertIn("certificate", self.cim("identify", url, code=5).lower())
        self.assertIn("Cimfony", self.cim("identify", url, "--cacert", self.daemon.certificate))
        self.assertIn("Cimfony", self.cim("identify", url, "--insecure"))
        self.cim("identify", url.replace("localhost", "127.0.0.1"), "--cacert", self.daemon.certificate)

    def test_password_never_travels_in_the_clear_unasked(self):
        self.assertIn("https", self.cim("identify", "wsmv://u@192.0.2.1/", "--timeout", "1", code=4).lower())


if __name__ == "__main__":
    unittest.main()
