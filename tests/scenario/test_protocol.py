"""What clients of all kinds send, and what the specification says of it: messages as they go over the wire.

covers: wsman:E8 wsman:E9 wsman:E10 wsman:E11 wsman:C3
"""
import pathlib
import unittest

from daemon import PASSWORD, USER, Daemon
from wsman import TRANSFER, WMI, Client, Fault, instance_of

MOF = pathlib.Path(__file__).with_name("sample.mof")
TRAPS = """
class Trap_Number { [key] uint64 Big; [key] sint64 Signed; string Note; };
class Trap_Text { [key] string Id; datetime When; };
class Trap_Reference { [key] Trap_Text ref Target; string Note; };
[Association] class Trap_Link { [key] Trap_Text ref From; [key] Trap_Text ref To; [key] uint32 Lane; };
instance of Trap_Text { Id = "zoned"; When = "20260101120000.000000+000"; };
instance of Trap_Text { Id = "unzoned"; When = "20260101120000.000000+***"; };
instance of Trap_Link { From = "Trap_Text.Id=\\"zoned\\""; To = "Trap_Text.Id=\\"unzoned\\""; Lane = 1; };
instance of Trap_Link { From = "Trap_Text.Id=\\"zoned\\""; To = "Trap_Text.Id=\\"unzoned\\""; Lane = 2; };
"""
NS = "root/default"
URI = f"{WMI}{NS}/"
ALPHA = {"Name": "alpha", "Slot": "1"}
BETA = {"Name": "beta", "Slot": "2"}


class Protocol(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon().start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)
        cls.daemon.run("mof", str(MOF))
        traps = cls.daemon.state / "traps.mof"
        traps.write_text(TRAPS)
        cls.daemon.run("mof", str(traps))
        cls.client = Client(*cls.daemon.address(), USER, PASSWORD)
        cls.addClassCleanup(cls.client.close)

    def fault(self, subcode, detail, call, *args, **options):
        with self.assertRaises(Fault) as caught:
            call(*args, **options)
        self.assertEqual(caught.exception.subcode, subcode, str(caught.exception))
        self.assertEqual(caught.exception.detail.rsplit("/", 1)[-1], detail, str(caught.exception))
        return caught.exception

    def get(self, extra, timeout=None, max_size=None):
        return self.client.call(f"{TRANSFER}/Get", f"{URI}Test_Base", selectors=ALPHA, extra=extra, timeout=timeout,
                                max_size=max_size)

    def put(self, cls, element, inner, keys):
        body = f'<q:{element} xmlns:q="{URI}{element}">{inner}</q:{element}>'
        return instance_of(self.client.call(f"{TRANSFER}/Put", f"{URI}{cls}", body, selectors=keys)[0])

    def test_a_timeout_beyond_counting_is_the_longest(self):
        for text in ("PT99999999999999S", "P99999999999999999999D", "P9223372036854775807Y"):
            self.get(f"<w:OperationTimeout>{text}</w:OperationTimeout>")

    def test_headers_given_twice(self):
        for block in ("<w:OperationTimeout>PT5S</w:OperationTimeout>", "<w:MaxEnvelopeSize>10000</w:MaxEnvelopeSize>",
                      f"<w:ResourceURI>{URI}Test_Base</w:ResourceURI>", "<a:MessageID>uuid:1</a:MessageID>"):
            self.fault("a:InvalidMessageInformationHeader", "", self.get, block * 2)

    def test_put_of_the_superclass_element(self):
        """A client that knows only the superclass changes its properties in an instance of a subclass."""
        got = self.put("Test_Base", "Test_Base", "<q:Note>through the base</q:Note>", BETA)
        self.assertEqual((got["Note"], got["Extra"]), ("through the base", "18446744073709551615"))
        got = self.put("Test_Base", "Test_Derived", '<q:Note xsi:nil="true"/>', BETA)
        self.assertIsNone(got["Note"])
        self.fault("x:InvalidRepresentation", "InvalidValues", self.put, "Test_Base", "Test_Base", "<q:Extra>1</q:Extra>", BETA)

    def test_put_of_an_element_that_the_instance_is_not(self):
        self.fault("x:InvalidRepresentation", "InvalidNamespace", self.put, "Test_Base", "Test_Derived", "<q:Note>x</q:Note>", ALPHA)
        self.assertEqual(self.client.get(NS, "Test_Base", **ALPHA)["Note"], "first")

    def test_embedded_objects_as_clients_write_them(self):
        self.client.create(NS, "Test_Types", Id="parts")
        key, typed = {"Id": "parts"}, f'xmlns:i="{URI}Test_Inner" xsi:type='
        for part in (f'<q:Part {typed}"i:Test_Inner_Type"><i:Name>z</i:Name></q:Part>', f'<q:Part {typed}"Test_Inner"><q:Name>z</q:Name></q:Part>',
                     "<q:Part><q:Test_Inner><q:Name>z</q:Name></q:Test_Inner></q:Part>", "<q:Part><q:Name>z</q:Name></q:Part>"):
            self.put("Test_Types", "Test_Types", '<q:Part xsi:nil="true"/>', key)
            got = self.put("Test_Types", "Test_Types", part, key)
            self.assertEqual(got["Part"], {"Name": "z", "Level": None}, part)
        for part in ('<q:Part xmlns:i="urn:i" xsi:type="i:Test_Base_Type"><i:Name>z</i:Name></q:Part>', "<q:Part>text</q:Part>",
                     "<q:Part><q:Nix>1</q:Nix></q:Part>"):
            self.fault("x:InvalidRepresentation", "InvalidValues", self.put, "Test_Types", "Test_Types", part, key)

    def test_an_interval_longer_than_cim_can_hold(self):
        self.client.create(NS, "Test_Types", Id="spans")
        self.fault("x:InvalidRepresentation", "InvalidValues", self.put, "Test_Types", "Test_Types",
                   "<q:Span><cim:Interval>P100000000D</cim:Interval></q:Span>", {"Id": "spans"})

    def test_the_unauthenticated_way_challenges_what_is_not_identify(self):
        nobody = Client(*self.daemon.address())
        self.addCleanup(nobody.close)
        get = self.client.envelope(f"{TRANSFER}/Get", f"{URI}Test_Base", selectors=ALPHA)
        status, data = nobody.post(get, headers={"WSMANIDENTIFY": "unauthenticated"})
        self.assertEqual((status, data), (401, b""))
        self.assertTrue(any(value.startswith("Basic ") for value in nobody.reply_headers.get_all("WWW-Authenticate")))

    def test_missing_properties_are_not_null(self):
        """covers: cim-core:P6"""
        self.client.create(NS, "Test_Types", Id="kept", Text="changed", U32=5)
        got = self.put("Test_Types", "Test_Types", "<q:I32>-1</q:I32>", {"Id": "kept"})
        self.assertEqual((got["Text"], got["U32"], got["I32"]), ("changed", "5", "-1"))

    def test_a_changed_key_never_renames(self):
        """covers: cim-core:P5"""
        self.fault("w:InvalidSelectors", "", self.put, "Test_Base", "Test_Base", "<q:Name>omega</q:Name>", ALPHA)
        self.assertEqual(self.client.create(NS, "Test_Base", Name="omega", Slot=1), {"Name": "omega", "Slot": "1"})
        self.assertEqual(self.client.get(NS, "Test_Base", **ALPHA)["Name"], "alpha")
        self.client.delete(NS, "Test_Base", Name="omega", Slot=1)

    def test_keys_of_64_bits_are_numbers(self):
        """covers: cim-core:P12"""
        made = self.client.create(NS, "Trap_Number", Big="0xFFFFFFFFFFFFFFFF", Signed="-9223372036854775808")
        self.assertEqual(made, {"Big": "18446744073709551615", "Signed": "-9223372036854775808"})
        for big in ("18446744073709551615", "0xffffffffffffffff", "+18446744073709551615", " 018446744073709551615 "):
            got = self.client.get(NS, "Trap_Number", Big=big, Signed="-9223372036854775808")
            self.assertEqual(got["Big"], "18446744073709551615", big)
        relpath = "Trap_Number.Big=18446744073709551615,Signed=-9223372036854775808"
        found = self.client.query(NS, f"select * from Trap_Number where __RELPATH = '{relpath}'")
        self.assertEqual(len(found), 1)

    def test_references_as_keys(self):
        """covers: cim-core:P23"""
        name = 'a "quoted" \\ b\\" c'
        self.client.create(NS, "Trap_Text", Id=name)
        plain = name.replace("\\", "\\\\").replace('"', '\\"')
        made = self.client.create(NS, "Trap_Reference", Target=f'Trap_Text.Id="{plain}"')
        self.assertIn("Target", made)
        path = f'//./root/default:trap_text="{plain}"'
        self.assertEqual(instance_of(self.client.call(f"{TRANSFER}/Get", f"{URI}Trap_Reference", selectors={"Target": path})[0])["Note"], None)
        found = self.client.query(NS, f'references of {{Trap_Text.Id="{plain}"}}')
        self.assertEqual(len(found), 1)
        self.client.delete(NS, "Trap_Reference", Target=path)
        self.assertEqual(self.client.enumerate(NS, "Trap_Reference"), [])

    def test_times_without_a_zone(self):
        """covers: cim-core:P27"""
        for operator, ids in (("=", {"zoned"}), ("<=", {"zoned"}), (">=", {"zoned"}), ("<", set()), (">", set())):
            found = self.client.query(NS, f"select Id from Trap_Text where When {operator} '20260101120000.000000+000'")
            self.assertEqual({row["Id"] for row in found}, ids, operator)

    def test_an_endpoint_comes_once_for_each_association(self):
        """covers: cim-core:P9"""
        found = self.client.query(NS, 'associators of {Trap_Text.Id="zoned"}')
        self.assertEqual([row["Id"] for row in found], ["unzoned", "unzoned"])

    def test_names_that_no_namespace_may_have(self):
        for name in ("a b", "a/b", "a\\b", "a:b", "*", ".", "..", "a'b"):
            self.fault("w:InvalidParameter", "InvalidValue", self.client.create, NS, "__Namespace", Name=name)
        self.client.create(NS, "__Namespace", Name="a.b-c")
        self.assertIn("a.b-c", [row["Name"] for row in self.client.enumerate(NS, "__Namespace")])
        self.client.delete(NS, "__Namespace", Name="A.B-C")


if __name__ == "__main__":
    unittest.main()
