"""Objects over WS-Management, from MOF to the wire and back.

covers: wsman:C2 wsman:C3 wsman:C4 wsman:C5 wsman:C7 wsman:C8 wsman:C11 wsman:C21 cim-core:C1 cim-core:C5 cim-core:C6
covers: cim-core:C7 cim-core:M9 cim-core:C18
"""
import pathlib
import unittest

from daemon import PASSWORD, USER, Daemon
from wsman import Client, Fault, SELECTOR, WMI

MOF = pathlib.Path(__file__).with_name("sample.mof")
NS = "root/default"


class Objects(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon().start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)
        cls.daemon.run("mof", str(MOF))
        cls.client = Client(*cls.daemon.address(), USER, PASSWORD)
        cls.addClassCleanup(cls.client.close)

    def fault(self, subcode, call, *args, **options):
        with self.assertRaises(Fault) as caught:
            call(*args, **options)
        self.assertEqual(caught.exception.subcode, subcode, str(caught.exception))
        self.assertEqual(caught.exception.status, 500)
        return caught.exception

    def test_get(self):
        got = self.client.get(NS, "Test_Base", Name="ALPHA", Slot="1")
        self.assertEqual((got["Name"], got["Slot"], got["Note"]), ("alpha", "1", "first"))

    def test_get_of_a_derived_instance_through_its_base(self):
        got = self.client.get(NS, "Test_Base", Name="beta", Slot="0x2")
        self.assertEqual(got["Extra"], "18446744073709551615")

    def test_get_faults(self):
        self.fault("a:DestinationUnreachable", self.client.get, NS, "Test_Base", Name="nobody", Slot="9")
        self.fault("a:DestinationUnreachable", self.client.get, NS, "Test_Nothing", Name="x")
        self.fault("a:DestinationUnreachable", self.client.get, "root/nowhere", "Test_Base", Name="x")
        fault = self.fault("w:InvalidSelectors", self.client.get, NS, "Test_Base", Name="alpha")
        self.assertTrue(fault.detail.endswith("InsufficientSelectors"))
        fault = self.fault("w:InvalidSelectors", self.client.get, NS, "Test_Base", Name="alpha", Slot="1", Other="x")
        self.assertTrue(fault.detail.endswith("UnexpectedSelectors"))
        fault = self.fault("w:InvalidSelectors", self.client.get, NS, "Test_Base", Name="alpha", Slot="many")
        self.assertTrue(fault.detail.endswith("TypeMismatch"))

    def test_singleton(self):
        self.assertEqual(self.client.get(NS, "Test_Single")["Value"], "7")
        self.client.put(NS, "Test_Single", {"Value": 8})
        got = self.client.get(NS, "Test_Single")
        self.assertEqual((got["Value"], got["Label"]), ("8", "only"))
        self.client.put(NS, "Test_Single", {"Value": 7})

    def test_every_type_round_trips(self):
        values = {
            "Id": "types", "B": "true", "C": "Z", "I8": -128, "U8": 255, "I16": -32768, "U16": 65535, "I32": -2147483648,
            "U32": 4294967295, "I64": -9223372036854775808, "U64": 18446744073709551615, "R32": 1.5, "R64": 1e300,
            "Text": "<&>\"' \u00e4\u20ac\U0001f600", "Names": ["a", "", "c"], "Numbers": [0, 1, 4294967295],
            "Flags": ["true", "false"], "Bytes": [0, 255],
        }
        created = self.client.create(NS, "Test_Types", **values)
        self.assertEqual(created.get("Id"), "types")
        self.addCleanup(self.client.delete, NS, "Test_Types", Id="types")
        got = self.client.get(NS, "Test_Types", Id="types")
        for name, value in values.items():
            if name in ("R32", "R64"):
                self.assertEqual(float(got[name]), value)
            else:
                self.assertEqual(got[name], [str(v) for v in value] if isinstance(value, list) else str(value), name)
        self.assertIsNone(got["When"])
        self.assertIsNone(got["Times"])

    def test_defaults_and_nulls(self):
        self.client.create(NS, "Test_Types", Id="nulls")
        self.addCleanup(self.client.delete, NS, "Test_Types", Id="nulls")
        self.assertEqual(self.client.get(NS, "Test_Types", Id="nulls")["Text"], "default")
        self.client.put(NS, "Test_Types", {"Text": None, "U8": 3}, Id="nulls")
        got = self.client.get(NS, "Test_Types", Id="nulls")
        self.assertIsNone(got["Text"])
        self.assertEqual(got["U8"], "3")
        self.client.put(NS, "Test_Types", {"I8": 1}, Id="nulls")
        got = self.client.get(NS, "Test_Types", Id="nulls")
        self.assertEqual((got["U8"], got["I8"], got["Text"]), ("3", "1", None))

    def test_create_and_delete(self):
        self.client.create(NS, "Test_Base", Name="new", Slot=5, Note="x")
        self.fault("w:AlreadyExists", self.client.create, NS, "Test_Base", Name="NEW", Slot=5)
        self.fault("w:AlreadyExists", self.client.create, NS, "Test_Derived", Name="new", Slot=5)
        self.client.delete(NS, "Test_Base", Name="new", Slot="5")
        self.fault("a:DestinationUnreachable", self.client.delete, NS, "Test_Base", Name="new", Slot="5")
        self.fault("a:DestinationUnreachable", self.client.get, NS, "Test_Base", Name="new", Slot="5")

    def test_create_is_refused(self):
        self.fault("x:InvalidRepresentation", self.client.create, NS, "Test_Base", Name="half")
        self.fault("x:InvalidRepresentation", self.client.create, NS, "Test_Base", Name="x", Slot="many")
        self.fault("x:InvalidRepresentation", self.client.create, NS, "Test_Base", Name="x", Slot=1, Unknown="y")
        with self.assertRaises(Fault):
            self.client.create(NS, "Test_Abstract", Name="x")
        with self.assertRaises(Fault):
            self.client.create("root/cimv2", "Win32_OperatingSystem", Caption="x")

    def test_put_is_refused(self):
        self.fault("x:InvalidRepresentation", self.client.put, NS, "Test_Base", {"Note": "x", "Unknown": "y"}, Name="alpha", Slot="1")
        fault = self.fault("w:InvalidSelectors", self.client.put, NS, "Test_Base", {"Name": "other"}, Name="alpha", Slot="1")
        self.assertEqual(fault.wsman_code, 2150858989)
        self.fault("a:DestinationUnreachable", self.client.put, NS, "Test_Base", {"Note": "x"}, Name="nobody", Slot="1")

    def test_enumerate_is_deep(self):
        names = sorted(i["Name"] for i in self.client.enumerate(NS, "Test_Base"))
        self.assertEqual(names, ["alpha", "beta"])
        for max_elements in (1, 2, 32000):
            self.assertEqual(len(self.client.enumerate(NS, "Test_Base", max_elements=max_elements)), 2)
        self.assertEqual(len(self.client.enumerate(NS, "Test_Base", optimize=False)), 2)

    def test_queries(self):
        query = lambda text: self.client.query(NS, text)
        self.assertEqual([i["Name"] for i in query("SELECT * FROM Test_Base WHERE Slot > 1")], ["beta"])
        self.assertEqual(query("SELECT Name FROM Test_Base WHERE Note = 'FIRST'"), [{"Name": "alpha"}])
        self.assertEqual(query("SELECT * FROM Test_Base WHERE Name LIKE 'z%'"), [])
        self.assertEqual([i["Name"] for i in query("ASSOCIATORS OF {Test_Base.Name='alpha',Slot=1}")], ["beta"])
        self.assertEqual([i["Why"] for i in query("REFERENCES OF {Test_Base.Name='beta',Slot=2}")], ["test"])
        self.fault("n:CannotProcessFilter", query, "SELECT * FROM Test_Base WHERE Nothing = 1")
        self.fault("n:CannotProcessFilter", query, "SELEKT * FROM Test_Base")
        self.fault("a:DestinationUnreachable", query, "SELECT * FROM Test_Nothing")

    def test_selector_filter(self):
        body = (f'<w:Filter Dialect="{SELECTOR}"><w:SelectorSet><w:Selector Name="Name">beta</w:Selector>'
                "</w:SelectorSet></w:Filter>")
        items = list(self.client.enumerate_raw(f"{WMI}{NS}/Test_Base", body))
        self.assertEqual(len(items), 1)

    def test_class_change_keeps_instances(self):
        extended = self.daemon.state / "extended.mof"
        extended.write_text('class Test_Single2 { [key] string K; }; instance of Test_Single2 { K = "k"; };\n'
                            'class Test_Single2 { [key] string K; uint32 Added = 5; };\n')
        done = self.daemon.run("mof", str(extended), check=False)
        # compatible update of a class that has instances is refused, and nothing of the file stays
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("extended.mof:2:", done.stderr)
        self.fault("a:DestinationUnreachable", self.client.enumerate, NS, "Test_Single2")


if __name__ == "__main__":
    unittest.main()
