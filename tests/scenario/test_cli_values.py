"""Values on the command line of cim, and back out in every format."""
import csv
import io
import json
import os
import pathlib
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ET

from daemon import PASSWORD, USER, Daemon, binary

MOF = pathlib.Path(__file__).with_name("sample.mof")


class Values(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon().start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)
        cls.daemon.run("mof", str(MOF))
        host, port = cls.daemon.address()
        cls.url = f"wsmv://{USER}@{host}:{port}/root/default"

    def cim(self, *args, code=0, **options):
        done = subprocess.run([binary("cim"), *args], capture_output=True, text=True, timeout=60,
                              env=dict(os.environ, CIM_PASSWORD=PASSWORD), **options)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout if code == 0 else done.stderr

    def make(self, name, *words):
        path = self.cim("create", self.url, "Test_Types", f"Id={name}", *words).strip()
        self.assertEqual(path, f'Test_Types.Id="{name}"')
        return json.loads(self.cim("get", self.url, path, "-o", "json"))

    def test_every_type(self):
        got = self.make("all", "B=TRUE", "C=x", "I8=-128", "U8=0xff", "I64=-9223372036854775808", "U64=18446744073709551615", "R64=1.5e300",
                        "When=2024-02-29T12:00:00+01:00", "Span=00000001020304.000000:000", 'Text="with \\"quotes\\" and \\n"',
                        'Names={a, "b, c" ,""}', "Numbers=1", "Numbers=2", "Flags={true,false}", "Bytes={}",
                        'Next=Test_Types.Id="other"')
        self.assertEqual((got["B"], got["C"], got["I8"], got["U8"], got["I64"], got["U64"], got["R64"]),
                         (True, "x", -128, 255, -2**63, 2**64 - 1, 1.5e300))
        self.assertEqual((got["When"], got["Span"]), ("2024-02-29T12:00:00+01:00", "00000001020304.000000:000"))
        self.assertEqual(got["Text"], 'with "quotes" and \n')
        self.assertEqual((got["Names"], got["Numbers"], got["Flags"], got["Bytes"]), (["a", "b, c", ""], [1, 2], [True, False], []))
        self.assertEqual(got["Next"], 'Test_Types.Id="other"')
        self.assertIsNone(got["Part"])

    def test_null_and_files(self):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("from a file\n")
            file.flush()
            got = self.make("file", f"Text=@{file.name}", "U32=null", "Names={@@x}")
        self.assertEqual((got["Text"], got["U32"]), ("from a file\n", None))
        self.assertEqual(self.make("at", "Text=@@home")["Text"], "@home")
        self.assertEqual(self.make("word", 'Text="null"')["Text"], "null")
        self.assertEqual(self.make("empty", "Text=")["Text"], "")

    def test_a_namespace_in_the_path(self):
        cimv2 = self.url.replace("root/default", "root/cimv2")
        path = self.cim("create", cimv2, "root/default:Test_Types", "Id=elsewhere", "U8=1").strip()
        self.assertTrue(path.endswith('Test_Types.Id="elsewhere"'), path)
        path = 'root/default:Test_Types.Id="elsewhere"'
        self.cim("set", cimv2, path, "U8=2")
        self.assertEqual(json.loads(self.cim("get", cimv2, path, "-o", "json"))["U8"], 2)
        self.cim("delete", cimv2, path)
        self.cim("get", self.url, 'Test_Types.Id="elsewhere"', code=3)
        self.assertIn("cim classes", self.cim("class", self.url, "Nope", code=3))

    def test_schema_query(self):
        rows = json.loads(self.cim("query", self.url, "SELECT * FROM meta_class WHERE __this ISA 'Test_Base'", "-o", "json"))
        self.assertEqual(sorted((r["__CLASS"], r["__SUPERCLASS"]) for r in rows), [("Test_Base", None), ("Test_Derived", "Test_Base")])

    def test_refused(self):
        for words, said in ((["U8=256"], "uint8"), (["U8=x"], "uint8"), (["When=yesterday"], "datetime"), (["Nope=1"], "Nope"),
                            (["Flags={true,2x}"], "boolean"), (["Names={a"], "list"), (["noequals"], "NAME=VALUE"),
                            (["U8=1", "U8=2"], "uint8"), (["Text=@/nonexistent"], "/nonexistent"), (['Text="open'], "quote")):
            with self.subTest(words):
                self.assertIn(said, self.cim("create", self.url, "Test_Types", "Id=bad", *words, code=2))
        self.cim("get", self.url, 'Test_Types.Id="bad"', code=3)

    def test_formats_agree(self):
        self.make("format", 'Text=a,"b"', "U32=5", 'Names={x,y}')
        query = "SELECT Id, Text, U32, Names, R64 FROM Test_Types WHERE Id = 'format'"
        row = json.loads(self.cim("query", self.url, query, "-o", "json"))[0]
        self.assertEqual(list(row.items()), [("Id", "format"), ("Text", 'a,"b"'), ("U32", 5), ("Names", ["x", "y"]), ("R64", None)])
        row = next(csv.DictReader(io.StringIO(self.cim("query", self.url, query, "-o", "csv"))))
        self.assertEqual(list(row.items()), [("Id", "format"), ("Text", 'a,"b"'), ("U32", "5"), ("Names", "x;y"), ("R64", "")])
        found = {p.get("name"): p for p in ET.fromstring(self.cim("query", "-o", "xml", self.url, query)).iter("property")}
        self.assertEqual((found["Text"].text, found["U32"].get("type"), found["R64"].get("null")), ('a,"b"', "uint32", "true"))
        self.assertEqual([v.text for v in found["Names"].iter("value")], ["x", "y"])

    def test_password_from_stdin(self):
        environment = {k: v for k, v in os.environ.items() if k != "CIM_PASSWORD"}
        done = subprocess.run([binary("cim"), "identify", self.url, "--password-stdin"], input=PASSWORD + "\n", capture_output=True,
                              text=True, env=environment, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = subprocess.run([binary("cim"), "identify", self.url], capture_output=True, text=True, env=environment, timeout=60,
                              stdin=subprocess.DEVNULL, start_new_session=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("CIM_PASSWORD", done.stderr)

    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([binary("cim"), "identify", self.url], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
                                  env=dict(os.environ, CIM_PASSWORD=PASSWORD))
        self.assertEqual(done.returncode, 1)
        self.assertIn("could not be written", done.stderr)


if __name__ == "__main__":
    unittest.main()
