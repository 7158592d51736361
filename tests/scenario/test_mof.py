"""MOF into the repository: all or nothing, places in errors, the DMTF schema, dump and back.

covers: cim-core:F1 cim-core:F5 cim-core:C2 cim-core:C3 cim-core:C4
"""
import os
import pathlib
import shutil
import subprocess
import unittest
import zipfile

from daemon import PASSWORD, TOP, USER, Daemon, binary
from wsman import Client, Fault

MOF = pathlib.Path(__file__).with_name("sample.mof")
DMTF = TOP / "tests" / "data" / "dmtf" / "cim_schema_2.49.0Final-MOFs.zip"


class Mof(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon().start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)
        cls.client = Client(*cls.daemon.address(), USER, PASSWORD)
        cls.addClassCleanup(cls.client.close)

    def write(self, name, text):
        path = self.daemon.state / name
        path.write_text(text)
        return str(path)

    def namespace(self, name):
        self.client.create("root", "__Namespace", Name=name)
        return f"root/{name}"

    def cim(self, *args, check=True):
        host, port = self.daemon.address()
        done = subprocess.run([binary("cim"), *args], capture_output=True, text=True, timeout=300,
                              env=dict(os.environ, CIM_PASSWORD=PASSWORD))
        if check:
            self.assertEqual(done.returncode, 0, done.stderr[-3000:])
        return done.stdout

    def url(self, ns):
        host, port = self.daemon.address()
        return f"wsmv://{USER}@{host}:{port}/{ns}"

    def test_errors_have_places(self):
        for text, place in (("class A { [key] string N; };\nclass B {\n  string 5;\n};\n", ":3:10:"),
                            ("class C : Missing { string N; };\n", ":1:"),
                            ('instance of Nothing { N = "x"; };\n', ":1:"),
                            ("class D { [key] string N; };\ninstance of D { N = 5 5; };\n", ":2:")):
            done = self.daemon.run("mof", self.write("bad.mof", text), check=False)
            self.assertEqual(done.returncode, 3 if "Missing" in text or "Nothing" in text else 2, done.stderr)
            self.assertIn(f"bad.mof{place}", done.stderr)

    def test_all_or_nothing(self):
        path = self.write("half.mof", 'class Half { [key] string N; };\ninstance of Half { N = "a"; };\ninstance of Half { M = "b"; };\n')
        self.assertNotEqual(self.daemon.run("mof", path, check=False).returncode, 0)
        with self.assertRaises(Fault):
            self.client.enumerate("root/default", "Half")

    def test_include(self):
        self.write("inner.mof", 'class Inner_Included { [key] string N; };\n')
        self.daemon.run("mof", self.write("outer.mof", '#pragma include("inner.mof")\ninstance of Inner_Included { N = "x"; };\n'))
        self.assertEqual(len(self.client.enumerate("root/default", "Inner_Included")), 1)
        done = self.daemon.run("mof", self.write("loop.mof", '#pragma include("loop.mof")\n'), check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("loop.mof:1:", done.stderr)

    def round_trip(self, source, copy):
        """Dumps a namespace, compiles the dump into another one, dumps that: the same text. Answers it."""
        first = self.cim("dump", self.url(source))
        self.assertTrue(first.startswith("#pragma namespace("))
        rest = first.split("\n", 1)[1]  # without the pragma, so that --namespace decides
        self.daemon.run("mof", "--namespace", copy, self.write("dump.mof", rest))
        again = self.cim("dump", self.url(copy)).split("\n", 1)[1]
        self.assertEqual(again.replace(copy, source), rest)
        return first

    def test_dump_compiles_back(self):
        source, copy = self.namespace("dumped"), self.namespace("copied")
        self.daemon.run("mof", "--namespace", source, str(MOF))
        self.round_trip(source, copy)

    def test_dump_of_cimv2_compiles_back(self):
        text = self.round_trip("root/cimv2", self.namespace("cimv2copy"))
        self.assertIn("class Win32_OperatingSystem", text)

    def test_dmtf_schema(self):
        folder = self.daemon.state / "dmtf"
        with zipfile.ZipFile(DMTF) as archive:
            archive.extractall(folder)
        self.addCleanup(shutil.rmtree, folder, True)
        ns = self.namespace("dmtf249")
        done = self.daemon.run("mof", "--namespace", ns, str(next(folder.rglob("cim_schema_2.49.0.mof"))))
        self.assertIn("1631 classes", done.stdout)
        text = self.cim("class", self.url(ns), "CIM_ComputerSystem")
        self.assertIn("class CIM_ComputerSystem : CIM_System", text)
        text = self.round_trip(ns, self.namespace("dmtfcopy"))
        self.assertEqual(text.count("\nQualifier "), 70)


if __name__ == "__main__":
    unittest.main()
