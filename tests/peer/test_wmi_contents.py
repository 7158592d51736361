"""What MS-WMI's queries, enumerators and objects hold, over the wire: every keyword, every type, words of locales, descriptors of namespaces."""
import struct
import sys
import unittest

import scenario_path
import test_wmi_impacket as base
from test_wmi_rows import *

INSIDE = sys.argv[1:2] == ["--inside"]

# What 2.2.31 has in every namespace.
SYSTEM = """__SystemClass __SystemSecurity __IndicationRelated __NAMESPACE __PARAMETERS __Event __ExtrinsicEvent __NamespaceOperationEvent
__NamespaceCreationEvent __NamespaceDeletionEvent __NamespaceModificationEvent __ClassOperationEvent __ClassCreationEvent __ClassDeletionEvent
__ClassModificationEvent __InstanceOperationEvent __InstanceCreationEvent __InstanceDeletionEvent __InstanceModificationEvent __AggregateEvent
__TimerEvent __ExtendedStatus""".split()

TYPES = """
class T_Inner { string Name; uint32 Level; };
class T_All {
    [key] string Id;
    boolean B; char16 C; sint8 I8; uint8 U8; sint16 I16; uint16 U16; sint32 I32; uint32 U32; sint64 I64; uint64 U64; real32 R32; real64 R64;
    datetime When; [SubType("interval")] datetime Span; string Text; T_All ref Next; T_Inner Part;
    boolean Bs[]; char16 Cs[]; sint8 I8s[]; uint8 U8s[]; sint16 I16s[]; uint16 U16s[]; sint32 I32s[]; uint32 U32s[]; sint64 I64s[]; uint64 U64s[];
    real32 R32s[]; real64 R64s[]; datetime Whens[]; string Texts[]; T_Inner Parts[];
};
instance of T_All { Id = "null"; };
instance of T_All { Id = "low"; B = false; C = 1; I8 = -128; U8 = 0; I16 = -32768; U16 = 0; I32 = -2147483648; U32 = 0; I64 = -9223372036854775808;
    U64 = 0; R32 = -3.4028235e38; R64 = -1.7976931348623157e308; When = "00010101000000.000000-720"; Span = "00000000000000.000000:000"; Text = "";
    Next = "T_All.Id=\\"high\\""; Part = instance of T_Inner { Name = ""; Level = 0; };
    Bs = {}; Cs = {}; I8s = {-128}; U8s = {0}; I16s = {-32768}; U16s = {0}; I32s = {-2147483648}; U32s = {0}; I64s = {-9223372036854775808};
    U64s = {0}; R32s = {1.17549435e-38}; R64s = {4.9e-324}; Whens = {"00010101000000.000000+000"}; Texts = {""}; Parts = {}; };
instance of T_All { Id = "high"; B = true; C = 65535; I8 = 127; U8 = 255; I16 = 32767; U16 = 65535; I32 = 2147483647; U32 = 4294967295;
    I64 = 9223372036854775807; U64 = 18446744073709551615; R32 = 3.4028235e38; R64 = 1.7976931348623157e308; When = "99991231235959.999999+720";
    Span = "99999999235959.999999:000"; Text = "\\x00ff\\x0100\\x4e00\\xd83d\\xde00\\xffff"; Next = "T_All.Id=\\"low\\"";
    Part = instance of T_Inner { Name = "\\x4e00"; Level = 4294967295; };
    Bs = {true, false, true}; Cs = {1, 65535}; I8s = {-1, 127}; U8s = {0, 255}; I16s = {-1, 32767}; U16s = {0, 65535}; I32s = {-1, 2147483647};
    U32s = {0, 4294967295}; I64s = {-1, 9223372036854775807}; U64s = {0, 18446744073709551615}; R32s = {-0.5, 3.4028235e38}; R64s = {0.1, -0.0};
    Whens = {"20240229235959.123456+060", "00000001000000.000000:000"}; Texts = {"one", "", "\\x4e00\\x0100", "\\x00e9"};
    Parts = {instance of T_Inner { Name = "a"; Level = 1; }, instance of T_Inner { Name = "\\x4e00"; }}; };
"""
STRANGE = """
class T_\u00dcber\u6587\u5b57 { [key] string \u9375; uint32 \u0141\u00f6; };
instance of T_\u00dcber\u6587\u5b57 { \u9375 = "\u4e00"; \u0141\u00f6 = 5; };
"""


class QueryTest(Rows):
    def names(self, s, text, flags=0):
        return sorted(opened(o).getClassName() + ":" + str(values(o).get("Id", values(o).get("Name", ""))) for o in s.rows(s.query(text, flags)))

    def test_data(self):
        """covers: wmi-dcom:W18"""
        s = self.session()
        for language in ("WQL", "wql", "Wql"):
            self.assertEqual(s.query("select * from R_Thing", language=language).hresult, 0)
        for language in ("SQL", "", "WQ", "WQL ", "CIM:CQL"):
            self.fails(INVALID_QUERY_TYPE, s.query("select * from R_Thing", language=language))
        for a in (s.query("select * from R_Thing", language=None), s.query(None)):
            self.fails(INVALID_PARAMETER, a)
        for text in ("select", "select * from", "select * R_Thing", "select Nope from R_Thing", "select * from R_Thing where Nope = 1",
                     "select * from R_Thing where Id = ", "select * from R_Thing where Name = 'open", "associators of {R_Thing.Id=1} where Nope = x"):
            self.assertIn(hex(s.query(text).hresult), (hex(INVALID_QUERY), hex(0x80041058)), text)
        self.fails(INVALID_CLASS, s.query("select * from R_None"))
        self.assertEqual(self.names(s, "select * from R_Thing"), ["R_Part:2", "R_Thing:1", "R_Thing:3"])
        self.assertEqual(self.names(s, "select * from R_Thing where not (Id = 1 or Name like '%w%')"), ["R_Thing:3"])
        self.assertEqual(self.names(s, "select Id from R_Thing where Name = '\u4e00\u4e8c \u00e9'"), ["R_Thing:3"])
        self.assertEqual(self.names(s, "select * from R_Thing where Id = '2' \0"), ["R_Part:2"])
        self.assertEqual(self.names(s, "select * from R_Thing", DIRECT), ["R_Thing:1", "R_Thing:3"])
        reduced = [set(opened(o).getProperties()) for o in s.rows(s.query("select Name from R_Thing"))]
        self.assertEqual(reduced, [{"Name"}] * 3)

    def test_schema(self):
        """covers: wmi-dcom:W18"""
        s = self.session()

        def classes(text):
            return sorted(opened(o).getClassName() for o in s.rows(s.query(text)))
        self.assertEqual(classes("select * from meta_class where __this isa 'R_Thing'"), ["R_Part", "R_Thing"])
        self.assertEqual(classes("select * from meta_class where __class = 'R_Place'"), ["R_Place"])
        self.assertEqual(classes("select * from meta_class where __superclass = 'R_Thing'"), ["R_Part"])
        self.assertLess({"R_Thing", "__SystemClass"}, set(classes("select * from meta_class")))

    def test_associations(self):
        """covers: wmi-dcom:W18"""
        s = self.session()
        one = "{R_Thing.Id=1}"
        for clause, expected in (("", ["R_Part:2", "R_Place:here"]), ("where AssocClass = R_At", ["R_Place:here"]),
                                 ("where ResultClass = R_Part", ["R_Part:2"]), ("where ResultClass = R_Thing", ["R_Part:2"]), ("where Role = Upper", ["R_Part:2"]),
                                 ("where Role = Lower", []), ("where ResultRole = Where", ["R_Place:here"]), ("where ResultRole = What", []),
                                 ("where RequiredAssocQualifier = Special", ["R_Part:2"]), ("where RequiredQualifier = Fast", ["R_Place:here"]),
                                 ("where AssocClass = R_Below ResultClass = R_Thing Role = Upper ResultRole = Lower", ["R_Part:2"])):
            self.assertEqual(self.names(s, f"associators of {one} {clause}"), expected, clause)
        self.assertEqual(self.names(s, f"ASSOCIATORS OF {one} WHERE ClassDefsOnly"), ["R_Part:None", "R_Place:None"])
        self.assertEqual(sorted(opened(o).getClassName() for o in s.rows(s.query("associators of {R_Thing} where SchemaOnly"))),
                         ["R_Place", "R_Thing"])
        found = [values(o) for o in s.rows(s.query(f"associators of {one} where KeysOnly"))]
        self.assertEqual(sorted({n: v for n, v in o.items() if v is not None} for o in found if "Id" in o), [{"Id": 2}])
        for clause, expected in (("", ["R_At", "R_Below"]), ("where ResultClass = R_At", ["R_At"]), ("where Role = Upper", ["R_Below"]),
                                 ("where Role = Lower", []), ("where RequiredQualifier = Special", ["R_Below"]), ("where ClassDefsOnly", ["R_At", "R_Below"])):
            found = sorted(opened(o).getClassName() for o in s.rows(s.query(f"references of {one} {clause}")))
            self.assertEqual(found, expected, clause)
        self.assertEqual(sorted(opened(o).getClassName() for o in s.rows(s.query("references of {R_Thing} where SchemaOnly"))), ["R_At", "R_Below"])
        at, = s.rows(s.query(f"references of {one} where ResultClass = R_At KeysOnly"))
        self.assertEqual({n for n, v in values(at).items() if v is not None}, {"What", "Where"})
        whole, = s.rows(s.query(f"references of {one} where ResultClass = R_At"))
        self.assertTrue(values(whole)["Where"].endswith('root\\rows:R_Place.Name="here"') or values(whole)["Where"] == 'R_Place.Name="here"',
                        values(whole)["Where"])


class EnumeratorTest(Rows):
    def test_next(self):
        """covers: wmi-dcom:W26"""
        s = self.session()
        text = "select * from R_Thing"
        for flags in (0, NOW):
            e = ipid(s.query(text, flags).interface())

            def ids(count, timeout=FOREVER):
                hresult, some = s.next(e, count, timeout)
                return hresult, [values(o)["Id"] for o in some]
            self.assertEqual(ids(0), (0, []))
            hresult, first = ids(2)
            self.assertEqual((hresult, len(first)), (0, 2))
            hresult, rest = ids(2)
            self.assertEqual((hresult, len(rest)), (1, 1))
            self.assertEqual(ids(1), (1, []))
            self.assertEqual(ids(1, 0), (1, []))
            self.assertEqual(s.link.call(e, 3).hresult, 0)
            self.assertEqual(ids(3, 0), (0, first + rest))  # exactly as many: not yet the end
            self.assertEqual(ids(0xffffffff), (1, []))
            s.link.call(e, 3)
            self.assertEqual(ids(0xffffffff), (1, first + rest))
            s.link.call(e, 3)
            self.assertEqual(s.link.call(e, 7, Stub().u32(FOREVER, 1)).hresult, 0)
            copy = ipid(s.link.call(e, 6).interface())
            self.assertEqual(ids(1), (0, first[1:]))
            self.assertEqual([values(o)["Id"] for o in s.next(copy, 9)[1]], first[1:] + rest)
            self.assertEqual(s.link.call(e, 7, Stub().u32(0, 2)).hresult, 1)
            self.assertEqual(ids(1), (1, []))
            self.assertEqual(s.link.call(e, 7, Stub().u32(0, 0)).hresult, 0)
        for flags in (FORWARD, NOW | FORWARD):
            e = ipid(s.query(text, flags).interface())
            for opnum in (3, 6):
                self.fails(INVALID_OPERATION, s.link.call(e, opnum))
            self.assertEqual(s.link.call(e, 7, Stub().u32(FOREVER, 1)).hresult, 0)
            self.assertEqual(len(s.next(e, 9)[1]), 2)
        self.assertEqual(s.link.call(e, 5, Stub().u32(0).interface(b"MEOW")).hresult, 1)  # NextAsync of nothing

    def smart(self, s, enumerator):
        return ipid(s.link.call(RightsTest.query_interface(self, s, enumerator, "1c1c45ee-4395-11d2-b60b-00104b703efd"), 3).interface())

    def packet(self, a):
        """Type, class and encoding of each object of IWbemWCOSmartEnum::Next."""
        count, size = a.u32(), a.u32()
        if not a.u32():
            self.assertEqual((count, size), (0, 0))
            return []
        self.assertEqual(a.u32(), size)
        data = a.bytes(size)
        zero, name, one, first, flags, version, kind, two, second, three, third, n = struct.unpack_from("<I8sIIIBBIIIII", data)
        self.assertEqual((zero, name, one, first, flags, version, kind), (0, b"WBEMDATA", 0x1a, size - 0x1a, 0, 1, 1))
        self.assertEqual((two, second, three, third, n), (8, third + 12, 12, size - 46, count))
        at, out = 46, []
        for _ in range(n):
            head, length, kind = struct.unpack_from("<IIB", data, at)
            inner, rest = struct.unpack_from("<II", data, at + 9)
            self.assertEqual((head, inner, rest), (9, 8 if kind == 1 else 0x18, length - inner))
            out.append((kind, data[at + 17:at + 33] if kind > 1 else None, data[at + 9 + inner:at + 9 + length]))
            at += 9 + length
        self.assertEqual(at, size)
        return out

    def test_smart(self):
        """Classes of instances once, those of a mixed result each once; for another client again; the same objects as Next's.

        covers: wmi-dcom:W28"""
        s = self.session()
        e = ipid(s.query("select * from R_Thing", 0).interface())
        smart, me, other = self.smart(s, e), bytes(range(16)), bytes(16)

        def take(who, count, expected=0, timeout=FOREVER):
            a = s.link.call(smart, 3, Stub().raw(who).u32(timeout, count))
            self.assertEqual(a.hresult, expected)
            return self.packet(a)
        got = take(me, 2) + take(me, 1)
        self.assertEqual(take(me, 1, 1), [])
        ids = [c for _, c, _ in got]
        for i, (kind, cls, _) in enumerate(got):
            self.assertEqual(kind, 3 if cls in ids[:i] else 2)
        self.assertEqual(len(set(ids)), 2)
        s.link.call(e, 3)
        plain = s.next(e, 3)[1]
        whole = [self.unit(o) for o in plain]
        for (kind, _, block), unit in zip(got, whole):
            if kind == 2:
                self.assertEqual(block, unit)
            else:
                self.assertTrue(unit.endswith(block[block.index(b"rows\0") + 5:]))  # behind the decoration, which both have
        s.link.call(e, 3)
        self.assertEqual(take(me, 1)[0][0], 3)  # still known
        s.link.call(e, 3)
        self.assertEqual([kind for kind, _, _ in take(other, 3)].count(2), 2)
        classes = ipid(s.classes("R_Thing").interface())
        smart = self.smart(s, classes)
        (kind, _, block), = take(me, 5, 1)
        self.assertEqual((kind, block), (1, self.unit(s.get("R_Part").pair())))
        self.assertEqual(take(me, 0), [])

    @staticmethod
    def unit(reference):
        """The ObjectBlock within a reference."""
        return reference[56:56 + struct.unpack_from("<I", reference, 52)[0]]


class ValuesTest(Rows):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mof("root/rows", TYPES)
        cls.mof("root/rows", STRANGE)

    def test_extremes(self):
        """What impacket reads: it cannot read objects with reals, which stand in theirs as they are."""
        s = self.session()
        names = "I8 U8 I16 U16 I32 U32 I64 U64 C When Span Text U64s I8s Texts".split()

        def read(name, wanted):
            one, = s.rows(s.query(f"select {', '.join(wanted)} from T_All where Id = '{name}'"))
            return values(one)
        low, high = read("low", names), read("high", names)
        whole = s.get('T_All.Id="high"').pair()
        for text in (struct.pack("<fd", 3.4028235e38, 1.7976931348623157e308), struct.pack("<Iff", 2, -0.5, 3.4028235e38), struct.pack("<Idd", 2, 0.1, -0.0)):
            self.assertIn(text, whole)
        self.assertEqual([low[n] for n in "I8 U8 I16 U16 I32 U32 I64 U64".split()], [-128, 0, -2**15, 0, -2**31, 0, -2**63, 0])
        self.assertEqual([high[n] for n in "I8 U8 I16 U16 I32 I64 U64 C".split()], [127, 255, 2**15 - 1, 65535, 2**31 - 1, 2**63 - 1, 2**64 - 1, 65535])
        self.assertIsNone(high["U32"])  # impacket takes 0xffffffff for no value
        self.assertEqual((high["When"], high["Span"], low["When"]), ("99991231235959.999999+720", "99999999235959.999999:000", "00010101000000.000000-720"))
        self.assertEqual(high["Text"], "\u00ff\u0100\u4e00\U0001f600\uffff")
        self.assertEqual((high["U64s"], high["I8s"], high["Texts"]), ([0, 2**64 - 1], [-1, 127], ["one", "", "\u4e00\u0100", "\u00e9"]))
        self.assertEqual({v for v in read("null", names).values()}, {None})

    def test_there_and_back(self):
        """Each object is deleted, written again as it came, and is the same: for WMI octet by octet, for WSMV by every value."""
        s = self.session()
        for name in ("null", "low", "high"):
            path = f'T_All.Id="{name}"'
            seen = self.cim("get", path)
            reference = s.get(path).pair()
            self.assertEqual(s.status(s.delete(path)), 0)
            self.fails(NOT_FOUND, s.get(path))
            self.assertEqual(hex(s.status(s.put(reference, 2))), "0x0", name)
            self.assertEqual(s.get(path).pair(), reference)
            self.assertEqual(self.cim("get", path), seen)
        cls = s.get("T_All").pair()
        rows = s.rows(s.instances("T_All"))
        self.assertEqual(s.status(s.delete_class("T_All")), 0)
        self.assertEqual(hex(s.status(s.put_class(cls, 2))), "0x0")
        self.assertEqual(s.get("T_All").pair(), cls)
        for o in rows:
            self.assertEqual(s.status(s.put(o, 2)), 0)
        self.assertEqual(sorted(s.rows(s.instances("T_All"))), sorted(rows))

    def test_names_of_any_letters(self):
        s = self.session()
        name, key = "T_\u00dcber\u6587\u5b57", "\u9375"
        for path in (f'{name}.{key}="\u4e00"', f'{name.lower()}="\u4e00"'):
            self.assertEqual(values(s.get(path).pair()), {key: "\u4e00", "\u0141\u00f6": 5})
        self.assertEqual(opened(s.get(name).pair()).getClassName(), name)
        found, = s.rows(s.query(f"select {key} from {name} where \u0141\u00f6 = 5"))
        self.assertEqual(values(found), {key: "\u4e00"})
        reference = s.get(f'{name}="\u4e00"').pair()
        self.assertEqual(s.status(s.delete(f'{name}="\u4e00"')), 0)
        self.assertEqual(s.status(s.put(reference)), 0)
        self.assertEqual(s.get(f'{name}="\u4e00"').pair(), reference)

    def cim(self, verb, *arguments):
        host, port = self.daemon.address()
        done = subprocess.run([base.binary("cim"), verb, f"wsmv://{USER}@{host}:{port}/root/rows", *arguments, "--auth", "basic", "--allow-unencrypted",
                               "-o", "json"], env={**os.environ, "CIM_PASSWORD": PASSWORD}, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)


class LocaleTest(Rows):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for locale, words in (("MS_409", ("a thing", "its key")), ("MS_407", ("ein Ding", None))):
            key = f'[key, Description("{words[1]}") : Amended ToSubclass]' if words[1] else "[key]"
            cls.mof("root/rows", f'#pragma amendment("{locale}")\n[Description("{words[0]}") : Amended ToSubclass, Version("1")]\n'
                                 f'class W_Thing {{ {key} string K; string Plain; }};')
        cls.mof("root/rows", 'class W_Child : W_Thing { uint32 More; }; instance of W_Thing { K = "1"; };')

    def words(self, locale, path="W_Thing", flags=AMENDED):
        """Descriptions of the class and of K."""
        o = opened(self.session(locale=locale).get(path, flags).pair()).getObject()
        part = o.ctCurrent if o.isInstance() else o.ctCurrent
        return part["qualifiers"].get("Description") if "qualifiers" in part else None, part["properties"]["K"]["qualifiers"].get("Description")

    def test_reading(self):
        """covers: wmi-dcom:W30"""
        self.assertEqual(self.words("en-US", flags=0), (None, None))
        for locale, expected in (("en-US", ("a thing", "its key")), ("MS_409", ("a thing", "its key")), (None, ("a thing", "its key")),
                                 ("de-DE", ("ein Ding", None)), ("MS_407,MS_409", ("ein Ding", None)), ("MS_40c,en-US", ("a thing", "its key")),
                                 ("xx-YY, de-DE, en-US", ("ein Ding", None)), ("MS_40c", (None, None))):
            self.assertEqual(self.words(locale), expected, locale)
        self.assertEqual(self.words("en-US", "W_Child"), ("a thing", "its key"))
        s = self.session(locale="de-DE")
        for a in (s.classes("", AMENDED), s.query("select * from meta_class where __class = 'W_Thing'", AMENDED)):
            text = b"".join(s.rows(a, 50))
            self.assertIn(b"ein Ding", text)
            self.assertNotIn(b"a thing", text)
        for a in (s.get("W_Thing.K=1", AMENDED).pair(), s.rows(s.instances("W_Thing", AMENDED))[0], s.rows(s.query("select * from W_Thing", AMENDED))[0]):
            self.assertIn(b"ein Ding", a)
        for a in (s.get("W_Thing.K=1").pair(), s.rows(s.instances("W_Thing"))[0], b"".join(s.rows(s.classes(""), 50))):
            self.assertNotIn(b"ein Ding", a)
        # Where the words are: a namespace below, which has nothing else of the class.
        there = opened(self.session("root/rows/ms_407").get("W_Thing").pair())
        self.assertNotIn("Plain", there.getProperties())
        # Words without a class are no class.
        self.mof("root/rows/ms_407", '[Description("nur Worte") : Amended] class W_Lost { [key] string K; };')
        for flags in (0, AMENDED):
            self.fails(NOT_FOUND, s.get("W_Lost", flags))

    def test_writing(self):
        """covers: wmi-dcom:W30"""
        s = self.session(locale="MS_407,MS_409")
        self.mof("root/rows", "class W_New { [key] string K; };")
        self.mof("root/default", '[Description("neu") : Amended ToSubclass, Version("2")] class W_New { [key] string K; };')
        sent = self.session("root/default").get("W_New").pair()
        self.assertIn(b"neu", sent)  # 3.1.1.2: created with its words, which are not stripped
        self.assertEqual(hex(s.status(s.put_class(sent, AMENDED | 1))), "0x0")
        self.assertNotIn(b"neu", s.get("W_New").pair())
        self.assertIn(b"neu", s.get("W_New", AMENDED).pair())
        self.assertIn(b"neu", self.session("root/rows/ms_407").get("W_New").pair())
        self.fails(NOT_FOUND, self.session("root/rows/ms_409").get("W_New"))  # the first of the list alone
        # Without the flag the neutral class is what was sent, words and all.
        self.assertEqual(hex(s.status(s.put_class(sent, 1))), "0x0")
        self.assertIn(b"neu", s.get("W_New").pair())
        # Deleting leaves the words where they are.
        self.assertEqual(s.status(s.delete_class("W_New")), 0)
        self.fails(NOT_FOUND, s.get("W_New", AMENDED))
        self.assertIn(b"neu", self.session("root/rows/ms_407").get("W_New").pair())
        # Nothing can be made of an amendment.
        self.mof("root/rows", "[Amendment, Locale(1031)] class W_Words { [key] string K; };")
        self.assertEqual(hex(s.status(s.put(instance(s.get("W_Words").pair(), K="x")))), hex(INVALID_OPERATION))


class ContextTest(Rows):
    def test_architecture(self):
        """Of the provider: what a context may ask, and what it then gets."""
        s = self.session("root/cimv2")
        path, text = f"Win32_Process.Handle={os.getpid()}", f"select * from Win32_Process where ProcessId = {os.getpid()}"

        def each(c):
            """Every kind of operation on a dynamic class."""
            yield s.get(path, 0, c)
            yield s.instances("Win32_OperatingSystem", 0, c)
            yield s.query(text, 0, c)
            yield s.invoke(path, "GetOwner", None, 0, c)
            yield s.delete('Win32_Process.Handle="99999999"', 0, c, result=False)
        for value in (16, 0, -1, 128, "many"):
            for a in each(context(__ProviderArchitecture=value)):
                self.fails(INVALID_PARAMETER, a)
        for a in each(context(__ProviderArchitecture=32, __RequiredArchitecture=True)):
            self.fails(0x80041013, a)
        for c in (context(__ProviderArchitecture=64, __RequiredArchitecture=True), context(__ProviderArchitecture=32), context(__RequiredArchitecture=True),
                  context(__ProviderArchitecture=32, __RequiredArchitecture=False), context(__CorrelationId="{00000000-0000-0000-0000-000000000001}")):
            for a in each(c):
                self.assertNotIn(hex(a.hresult), (hex(INVALID_PARAMETER), hex(0x80041013)))
        rows = self.session("root/rows")  # what is in the repository has no provider
        self.assertEqual(rows.get("R_Thing.Id=1", 0, context(__ProviderArchitecture=16)).hresult, 0)


class NamespaceTest(Rows):
    def test_system_classes(self):
        """covers: wmi-dcom:W33"""
        for ns in ("root", "root/cimv2", "root/default", "root/rows", "root/sealed", "root/subscription"):
            s = self.session(ns)
            found = {opened(o).getClassName() for o in s.rows(s.query("select * from meta_class"), 50)}
            self.assertLessEqual(set(SYSTEM), found, ns)
            for name in SYSTEM:
                self.assertEqual(s.get(name).hresult, 0)
            for a in (s.delete_class("__SystemClass", result=False), s.delete_class("__ExtendedStatus", result=False)):
                self.assertTrue(a.hresult & 0x80000000)

    def test_namespaces(self):
        """__Namespace: made, read, seen at once by everybody, deleted with all it has."""
        s = self.session("root/rows")
        other = self.session("root/rows")
        sent = instance(s.get("__NAMESPACE").pair(), Name="made")
        self.assertEqual(s.status(s.put(sent, 2)), 0)
        self.assertEqual(s.status(s.put(sent, 2)), ALREADY_EXISTS)
        self.assertEqual(values(other.get('__NAMESPACE.Name="made"').pair())["Name"], "made")
        child = other.open("made")
        self.assertEqual(child.hresult, 0)
        child = Session(other.link, child.pair())
        self.assertEqual(child.status(child.put_class(new_class(child.get("").pair(), "N_Class", "K"))), 0)
        self.assertEqual(s.status(s.delete('__NAMESPACE.Name="made"')), 0)
        self.fails(INVALID_NAMESPACE, other.open("made"))
        for a in (child.get("N_Class"), child.query("select * from meta_class"), child.classes("")):
            self.fails(INVALID_NAMESPACE, a)
        self.assertEqual(s.status(s.put(sent, 2)), 0)
        self.fails(NOT_FOUND, child.get("N_Class"))

    def test_descriptors(self):
        """GetSD, SetSD with what comes from above, in each namespace.

        covers: wmi-dcom:W31"""
        top = self.session("root/rows")
        top.status(top.put(instance(top.get("__NAMESPACE").pair(), Name="below")))
        s = self.session("root/rows/below")
        self.assertTrue(opened(s.get("__SystemSecurity=@").pair()).getClassName(), "__SystemSecurity")
        self.assertEqual(len(s.rows(s.instances("__SystemSecurity"))), 1)

        def aces(data):
            at = struct.unpack_from("<I", data, 16)[0]
            n, at, out = struct.unpack_from("<H", data, at + 4)[0], at + 8, []
            for _ in range(n):
                kind, flags, size, mask = struct.unpack_from("<BBHI", data, at)
                out.append((kind, flags & ~0x14, mask, data[at + 8:at + size]))
                at += size
            return out

        def get(session):
            a = session.invoke("__SystemSecurity=@", "GetSD")
            self.assertEqual((a.hresult, values(a.pair())["ReturnValue"]), (0, 0))
            a.at = 0
            return bytes(values(a.pair())["SD"])
        mine = (ALLOW, 0, ENABLE | REMOTE, READERS)
        # Three ACEs above: one stays there, one goes one level down, one is for those below alone.
        above = [ADMIN_ACE, (ALLOW, 0, 1, "S-1-5-32-558"), (ALLOW, CI | 4, 2, "S-1-5-32-559"), (ALLOW, CI | 8, 0x20, "S-1-5-32-555")]
        self.set_descriptor(top, descriptor(above))
        self.set_descriptor(s, descriptor([mine, ADMIN_ACE]))
        from test_descriptors import sid_bytes
        found = aces(get(s))
        self.assertIn((ALLOW, 0, ENABLE | REMOTE, sid_bytes(READERS)), found)
        self.assertNotIn(sid_bytes("S-1-5-32-558"), [a[3] for a in found])
        self.assertIn((ALLOW, 0, 2, sid_bytes("S-1-5-32-559")), found)
        self.assertIn((ALLOW, CI, 0x20, sid_bytes("S-1-5-32-555")), found)
        # Nothing comes from a protected list.
        self.set_descriptor(top, descriptor(above, control=0x1000))
        self.set_descriptor(s, descriptor([mine, ADMIN_ACE]))
        self.assertEqual(sorted(a[2:] for a in aces(get(s))), sorted([(ENABLE | REMOTE, sid_bytes(READERS)), (ADMIN_ACE[2], sid_bytes(ADMIN_ACE[3]))]))
        # What is no descriptor changes nothing.
        before = get(s)
        for data in (b"\0", before[:-1], before[:19], b"\2" + before[1:], before[:16] + b"\xff\xff\0\0" + before[20:]):
            sent = octets(s.get("__SystemSecurity").pair(), "SetSD", data)
            self.assertTrue(s.invoke("__SystemSecurity=@", "SetSD", sent).hresult & 0x80000000)
        self.assertEqual(get(s), before)
        # And neither may everybody.
        limited = self.session("root/rows/below", "limited")
        self.fails(ACCESS_DENIED, limited.invoke("__SystemSecurity=@", "SetSD", octets(s.get("__SystemSecurity").pair(), "SetSD", before)))
        self.fails(ACCESS_DENIED, limited.invoke("__SystemSecurity=@", "GetSD"))


CASES = [QueryTest, EnumeratorTest, ValuesTest, LocaleTest, ContextTest, NamespaceTest]
if INSIDE and __name__ == "__main__":
    base.inside(sys.argv[2:], CASES)
    sys.exit(0)


@unittest.skipUnless(base.available(), "needs root, impacket and aiowmi")
class WmiContentsTest(unittest.TestCase):
    def test_all(self):
        base.run_inside(self, __file__, sum(unittest.defaultTestLoader.loadTestsFromTestCase(c).countTestCases() for c in CASES))


def load_tests(loader, tests, pattern):
    return loader.loadTestsFromTestCase(WmiContentsTest)


if __name__ == "__main__":
    unittest.main()
