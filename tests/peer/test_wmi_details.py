"""What is put, read, deleted and described over MS-WMI, object by object: GetObject, PutClass with its modes, DeleteClass, enumerations, partial updates,
prototypes of queries, and what a context says to providers. Calls are made by hand (wmi_stub); classes that no client would send are real ones
with other names of the same length."""
import os
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "scenario")]
import test_wmi_impacket as base
from test_wmi_rows import (ALREADY_EXISTS, AMENDED, DIRECT, FORWARD, INSIDE, INVALID_CLASS, INVALID_CONTEXT, INVALID_NAMESPACE, INVALID_OBJECT, INVALID_OPERATION,
                           INVALID_PARAMETER, INVALID_QUERY, NOT_FOUND, NOW, Rows)

if base.PEERS:
    from wmi_stub import context, instance, opened, values

CLASS_HAS_CHILDREN, CLASS_HAS_INSTANCES, CANNOT_BE_SINGLETON = 0x80041025, 0x80041026, 0x8004102c
INVALID_OBJECT_PATH, PROVIDER_LOAD_FAILURE = 0x8004103a, 0x80041013
UPDATE_ONLY, CREATE_ONLY, SAFE, FORCE, SHALLOW, PROTOTYPE = 1, 2, 0x20, 0x40, 1, 2

MOF = """
class O_Base { [key] string Name; uint64 Extrx; string Note; };
class O_Child : O_Base { uint64 Extra; };
class O_Grandchild : O_Child { };
class O_Alone { [key] string Name; string Text; };
class O_Once { [key] string Name; string Text; };
[Singletox] class O_Keyed { [key] string Name; };
[Singletox] class O_Plain { string Name; };
class O_Open { string Name; };
[Singletox] class O_Below : O_Open { string More; };
class O_Full { [key] string Name; uint32 Size; string Note = "none"; string Other; };
[Singleton] class O_Only { string Text; };
class O_Tree { [key] string Name; };
class O_Leaf : O_Tree { };
[Description("top")] class O_Shape { [key] string Id; [Grade(3): ToSubclass] uint32 Size = 7; string Note; uint32 Measure(); };
class O_Shape2 : O_Shape { uint32 More; };
instance of O_Base { Name = "b"; };
instance of O_Child { Name = "c"; Extra = 1; };
instance of O_Grandchild { Name = "g"; };
instance of O_Once { Name = "here"; };
instance of O_Only { Text = "x"; };
instance of O_Tree { Name = "t"; };
instance of O_Leaf { Name = "l"; };
"""


class DetailsTest(Rows):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mof("root", 'instance of __Namespace { Name = "objects"; };')
        cls.mof("root/objects", MOF)

    def here(self):
        return self.session("root/objects")

    def put(self, s, reference, flags=0):
        return hex(s.status(s.put_class(reference, flags)))

    def names(self, references):
        return sorted(opened(r).getProperties()["Name"]["value"] for r in references)

    def test_paths(self):
        """covers: wmi-dcom:W12"""
        s = self.here()
        for path in ("O_Full", "o_full", "root\\objects:O_Full", "\\\\.\\root\\objects:O_Full", "//./root/objects:O_Full"):
            self.assertEqual(opened(s.get(path).pair()).getClassName(), "O_Full", path)
        for path in ('O_Base.Name="b"', 'O_Base="b"', '\\\\.\\ROOT\\Objects:O_Base.Name="b"'):
            self.assertEqual(values(s.get(path).pair())["Name"], "b", path)
        self.assertEqual(values(s.get("O_Only=@").pair())["Text"], "x")
        for path in (None, ""):
            self.assertEqual(len(opened(s.get(path).pair()).getProperties()), 0)
        child = s.get('O_Base.Name="c"').pair()  # the whole hierarchy is looked at
        self.assertEqual(opened(child).getClassName(), "O_Child")
        self.fails(NOT_FOUND, s.get('O_Base.Name="c"', DIRECT))
        self.assertEqual(values(s.get('O_Base.Name="b"', DIRECT).pair())["Name"], "b")
        self.fails(NOT_FOUND, s.get('O_Full.Name="nobody"'))
        self.fails(INVALID_OBJECT_PATH, s.get('O_Full.Size=3'))
        self.fails(INVALID_OBJECT_PATH, s.get('O_Full.Name='))
        self.fails(INVALID_NAMESPACE, s.get("\\\\.\\root\\rows:R_Thing"))

    def test_names_of_classes(self):
        s = self.here()
        alone = s.get("O_Alone").pair()
        self.assertEqual(self.put(s, alone.replace(b"O_Alone", b"_OAlone")), hex(INVALID_OPERATION))
        self.assertEqual(self.put(s, alone.replace(b"O_Alone", b"OAlone_")), hex(INVALID_OBJECT))
        self.assertEqual(self.put(s, alone.replace(b"O_Alone", b"1_Alone")), hex(INVALID_PARAMETER))
        self.assertEqual(self.put(s, alone.replace(b"O_Alone", b"O-Alone")), hex(INVALID_PARAMETER))
        below = s.get("O_Child").pair()
        self.assertEqual(self.put(s, below.replace(b"O_Child", b"N_Child").replace(b"O_Base", b"N_Base")), hex(NOT_FOUND))

    def test_modes_of_existence(self):
        s = self.here()
        alone = s.get("O_Alone").pair().replace(b"O_Alone", b"N_Alone")
        self.assertEqual(self.put(s, alone, UPDATE_ONLY), hex(NOT_FOUND))
        self.assertEqual(self.put(s, alone, CREATE_ONLY), "0x0")
        self.assertEqual(self.put(s, alone, CREATE_ONLY), hex(ALREADY_EXISTS))
        changed = alone.replace(b"Text", b"Word")
        self.assertEqual(self.put(s, changed, CREATE_ONLY), hex(ALREADY_EXISTS))
        self.assertEqual(self.put(s, changed, UPDATE_ONLY), "0x0")
        self.assertEqual(set(opened(s.get("N_Alone").pair()).getProperties()), {"Name", "Word"})
        self.assertEqual(self.put(s, alone), "0x0")
        self.assertEqual(set(opened(s.get("N_Alone").pair()).getProperties()), {"Name", "Text"})
        self.assertEqual(s.status(s.delete_class("N_Alone")), 0)

    def test_singletons(self):
        s = self.here()
        keyed, plain, below = (s.get(n).pair().replace(b"Singletox", b"Singleton") for n in ("O_Keyed", "O_Plain", "O_Below"))
        self.assertEqual(self.put(s, keyed.replace(b"O_Keyed", b"N_Keyed")), hex(CANNOT_BE_SINGLETON))
        self.assertEqual(self.put(s, below.replace(b"O_Below", b"N_Below")), hex(CANNOT_BE_SINGLETON))
        self.assertEqual(self.put(s, plain.replace(b"O_Plain", b"N_Plain")), "0x0")

    def test_modes_of_change(self):
        s = self.here()
        once = s.get("O_Once").pair()
        for mode in (0, SAFE, FORCE):  # there is an instance
            self.assertEqual(self.put(s, once.replace(b"Text", b"Word"), mode), hex(CLASS_HAS_INSTANCES))
        self.assertEqual(self.put(s, once), "0x0")  # nothing changes
        for name in "bcg":
            self.assertEqual(s.status(s.delete(f'O_Base.Name="{name}"')), 0)
        whole = s.get("O_Base").pair()
        self.assertEqual(self.put(s, whole.replace(b"Extrx", b"Extry")), hex(CLASS_HAS_CHILDREN))
        self.assertEqual(self.put(s, whole.replace(b"Extrx", b"Extry"), SAFE), "0x0")
        self.assertEqual(set(opened(s.get("O_Grandchild").pair()).getProperties()), {"Name", "Note", "Extra", "Extry"})
        self.assertEqual(self.put(s, whole.replace(b"Extrx", b"Extra"), SAFE), hex(CLASS_HAS_CHILDREN))
        self.assertEqual(self.put(s, whole.replace(b"Extrx", b"Extra"), FORCE), "0x0")
        self.assertEqual(set(opened(s.get("O_Grandchild").pair()).getProperties()), {"Name", "Note", "Extra"})
        self.mof("root/objects", 'instance of O_Base { Name = "b"; }; instance of O_Child { Name = "c"; }; instance of O_Grandchild { Name = "g"; };')

    def test_deleted_with_all_below(self):
        s = self.here()
        self.fails(INVALID_PARAMETER, s.delete_class(None))
        self.assertEqual(s.status(s.delete_class("O_Tree")), 0)
        for name in ("O_Tree", "O_Leaf"):
            self.assertIn(s.get(name).hresult, (NOT_FOUND, INVALID_CLASS))
            self.fails(INVALID_CLASS, s.instances(name))
        self.assertEqual(hex(s.status(s.delete_class("O_Tree"))), hex(NOT_FOUND))
        self.mof("root/objects", "class O_Tree { [key] string Name; }; class O_Leaf : O_Tree { };")
        self.assertEqual(s.rows(s.instances("O_Tree")), [])  # its instances went with it

    def test_enumerations(self):
        """covers: wmi-dcom:W16"""
        s = self.here()
        for flags in (0, NOW, FORWARD, NOW | FORWARD, AMENDED):
            self.assertEqual(self.names(s.rows(s.instances("O_Base", flags))), ["b", "c", "g"], hex(flags))
            self.assertEqual(self.names(s.rows(s.instances("O_Base", flags | SHALLOW))), ["b"], hex(flags))
            self.assertEqual(self.names(s.rows(s.instances("O_Base", flags | DIRECT))), ["b"], hex(flags))
        self.assertEqual(self.names(s.rows(s.query("select * from O_Child", DIRECT))), ["c"])
        self.assertEqual(self.names(s.rows(s.query("select * from O_Child"))), ["c", "g"])
        self.fails(INVALID_CLASS, s.instances("O_Nothing"))

    def full(self, s, name):
        return values(s.get(f'O_Full.Name="{name}"').pair())

    def test_partial_updates(self):
        """covers: wmi-dcom:W17"""
        s = self.here()
        shape = s.get("O_Full").pair()
        first = instance(shape, Name="p", Size=1, Note="before", Other="o")
        self.assertEqual(s.status(s.put(first)), 0)
        sent = instance(shape, Name="p", Size=2, Note="after", Other="p")
        for wrong in (context(__PUT_EXTENSIONS=True), context(__PUT_EXT_PROPERTIES=["Note"]), context(__PUT_EXT_STRICT_NULLS=True),
                      context(__PUT_EXT_ATOMIC=True), context(__PUT_EXTENSIONS=False, __PUT_EXT_PROPERTIES=["Note"]),
                      context(__PUT_EXTENSIONS=True, __PUT_EXT_PROPERTIES="Note")):
            self.assertEqual(hex(s.status(s.put(sent, context=wrong))), hex(INVALID_CONTEXT))
        self.assertEqual(self.full(s, "p"), {"Name": "p", "Size": 1, "Note": "before", "Other": "o"})
        self.assertEqual(s.status(s.put(sent, context=context(__PUT_EXTENSIONS=True, __PUT_EXT_PROPERTIES=["note", "Other"], __PUT_EXT_ATOMIC=True))), 0)
        self.assertEqual(self.full(s, "p"), {"Name": "p", "Size": 1, "Note": "after", "Other": "p"})
        self.assertEqual(s.status(s.put(sent, context=context(Whatever=True))), 0)  # of no partial update: everything
        self.assertEqual(self.full(s, "p")["Size"], 2)
        self.assertEqual(s.status(s.put(instance(shape, Name="p", Size=3))), 0)
        self.assertEqual(s.status(s.delete('O_Full.Name="p"')), 0)

    def shape(self, s, text):
        """ObjectFlags, ancestors in the class part, positions by property, methods."""
        reference, = s.rows(s.query(text, PROTOTYPE))
        o = opened(reference)
        part = o.encodingUnit["ObjectBlock"]["ClassType"]["CurrentClass"]["ClassPart"]
        orders = {name: p["qualifiers"]["Order"] for name, p in o.getProperties().items()}
        self.assertIn("Grade", o.getProperties()["Size"]["qualifiers"])  # what else there was stays
        return reference[56] & 0x50, part["DerivationList"]["EncodingLength"] > 4, orders, set(o.getMethods())

    def test_prototypes(self):
        """covers: wmi-dcom:W19"""
        s = self.here()
        for name, above in (("O_Shape", False), ("O_Shape2", True)):
            with self.subTest(name=name):
                flags, ancestors, orders, methods = self.shape(s, f"select Size, Note, Size from {name}")
                self.assertEqual((flags, ancestors), (0x50, False))
                self.assertEqual({n: list(o) for n, o in orders.items()}, {"Size": [0, 2], "Note": [1]})
                flags, ancestors, orders, methods = self.shape(s, f"select Id, Size from {name} where Size = 3")
                self.assertEqual((flags, ancestors), (0x10, False))
                for extra in ("__DERIVATION", "__SUPERCLASS", "__DYNASTY"):
                    flags, ancestors, orders, methods = self.shape(s, f"select {extra}, Size from {name}")
                    self.assertEqual((flags, ancestors), (0x50, above))
                    self.assertEqual({n: list(o) for n, o in orders.items()}, {"Size": [1]})
                flags, ancestors, orders, methods = self.shape(s, f"select * from {name}")
                self.assertEqual((flags, ancestors), (0, above))
                self.assertEqual(sorted(list(o) for o in orders.values()), [[i] for i in range(len(orders))])
                self.assertEqual(methods, {"Measure"} if name == "O_Shape" else methods)
        self.fails(INVALID_QUERY, s.query("select Nothing from O_Shape", PROTOTYPE))

    def test_what_a_context_says(self):
        """covers: wmi-dcom:W36"""
        s, mine = self.session("root/cimv2"), f"select ProcessId from Win32_Process where ProcessId = {os.getpid()}"
        locales = {"__MI_DESTINATIONOPTIONS_DATA_LOCALE": "MS_409", "__MI_DESTINATIONOPTIONS_UI_LOCALE": "MS_407",
                   "__CorrelationId": "{01234567-89ab-cdef-0123-456789abcdef}"}
        for named, code in (({}, 0), ({"__ProviderArchitecture": 64, "__RequiredArchitecture": True}, 0), ({"__ProviderArchitecture": 32}, 0),
                            ({"__ProviderArchitecture": 32, "__RequiredArchitecture": False}, 0),
                            ({"__ProviderArchitecture": 32, "__RequiredArchitecture": True}, PROVIDER_LOAD_FAILURE),
                            ({"__ProviderArchitecture": 16}, INVALID_PARAMETER)):
            with self.subTest(context=named):
                said = context(**named, **locales)
                self.assertEqual(hex(s.query(mine, context=said).hresult), hex(code))
                self.assertEqual(hex(s.get(f'Win32_Process.Handle="{os.getpid()}"', context=said).hresult), hex(code))
                self.assertEqual(hex(s.invoke(f'Win32_Process.Handle="{os.getpid()}"', "GetOwner", context=said).hresult), hex(code))
        stored = self.here()  # nothing of a provider
        self.fails(0, stored.instances("O_Base", context=context(__ProviderArchitecture=16)))


CASES = [DetailsTest]
if INSIDE and __name__ == "__main__":
    base.inside(sys.argv[2:], CASES)
    sys.exit(0)


# ---- outside ----

@unittest.skipUnless(base.available(), "needs root, impacket and aiowmi")
class WmiDetailsTest(unittest.TestCase):
    def test_all(self):
        base.run_inside(self, __file__, sum(unittest.defaultTestLoader.loadTestsFromTestCase(c).countTestCases() for c in CASES))


def load_tests(loader, tests, pattern):
    return loader.loadTestsFromTestCase(WmiDetailsTest)


if __name__ == "__main__":
    unittest.main()
