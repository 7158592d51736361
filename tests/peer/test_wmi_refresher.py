"""Refreshers of cimd's WMI over DCOM (MS-WMI 3.1.4.12, 3.1.4.13) and the classes that serve local callers only, over impacket's transport, objects and
those of its request classes that are right; the others and every answer are taken apart here, instances by a decoder of their own.

Runs in a network namespace of its own, as test_wmi_impacket does."""
import os
import pathlib
import struct
import subprocess
import sys
import unittest
import uuid

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]
import test_wmi_impacket as base
from test_wmi_impacket import ACCESS_DENIED, INSIDE, INVALID_CLASS, INVALID_NAMESPACE, INVALID_OPERATION, INVALID_PARAMETER, NOT_FOUND, PASSWORD, USER, Inside

NOT_AVAILABLE, E_NOINTERFACE, E_UNEXPECTED, SERVER_UNAVAILABLE = 0x80041009, 0x80004002, 0x8000ffff, 0x800706ba
PROVIDER_NOT_CAPABLE, INVALID_OBJECT_PATH = 0x80041024, 0x8004103a
INVALID, REMOTE, NON_HIPERF = 0, 3, 6
ALL, ERROR, ENUM = 2, 3, 4

if base.PEERS:
    from impacket.dcerpc.v5 import dcomrt
    from impacket.dcerpc.v5.dcom import wmi
    from impacket.dcerpc.v5.dcomrt import DCOMConnection
    from impacket.uuid import string_to_bin, uuidtup_to_bin
    REFRESHING = uuidtup_to_bin(("2c9273e0-1dc3-11d3-b364-00105a1f8177", "0.0"))
    REFRESHER = uuidtup_to_bin(("f1e9c5b2-f59b-11d2-b362-00105a1f8177", "0.0"))
    LOGIN_EX = uuidtup_to_bin(("9f6c78ef-fce5-42fa-abea-3e7df91921dc", "0.0"))


# ---- NDR by hand ----

class Writer:
    def __init__(self):
        self.data = b""

    def align(self, n=4):
        self.data += bytes(-len(self.data) % n)

    def u32(self, *values):
        self.align()
        self.data += struct.pack(f"<{len(values)}I", *values)
        return self

    def raw(self, data):
        self.data += data
        return self

    def text(self, s):
        """[string] wchar_t *, its pointee."""
        s += "\0"
        return self.u32(len(s), 0, len(s)).raw(s.encode("utf-16le"))

    def refresher(self, identifier):
        """_WBEM_REFRESHER_ID"""
        return self.u32(0x20000, 4711).raw(identifier.bytes_le).u32(5, 0, 5).raw(b"HOST\0")


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def raw(self, n):
        assert self.at + n <= len(self.data)
        self.at += n
        return self.data[self.at - n:self.at]

    def align(self):
        self.at += -self.at % 4

    def u32(self):
        self.align()
        return struct.unpack("<I", self.raw(4))[0]

    def guid(self):
        return uuid.UUID(bytes_le=self.raw(16))

    def sized(self):
        """MInterfacePointer"""
        size = self.u32()
        assert self.u32() == size
        return self.raw(size)

    def text(self):
        most, offset, n = self.u32(), self.u32(), self.u32()
        assert most == n and offset == 0
        return self.raw(2 * n).decode("utf-16le").rstrip("\0")


# ---- instances: what stands in a RefreshedSingleInstance (MS-WMIO 2.2.26, 2.2.56, 2.2.66, 2.2.71) ----

SLOTS = {2: "<h", 3: "<i", 4: "<f", 5: "<d", 11: "<H", 16: "<b", 17: "<B", 18: "<H", 19: "<I", 20: "<q", 21: "<Q", 103: "<H"}


def heap_text(heap, at):
    if heap[at] == 0:
        return heap[at + 1:heap.index(0, at + 1)].decode("latin-1")
    end = at + 1
    while heap[end:end + 2] != b"\0\0":
        end += 2
    return heap[at + 1:end].decode("utf-16le")


def heap_value(heap, kind, at):
    base_kind, array = kind & ~0x2000, kind & 0x2000
    if not array:
        return heap_text(heap, at)
    n, = struct.unpack_from("<I", heap, at)
    slot = SLOTS.get(base_kind, "<I")
    items = [struct.unpack_from(slot, heap, at + 4 + i * struct.calcsize(slot))[0] for i in range(n)]
    return items if base_kind in SLOTS else [heap_text(heap, i) for i in items]


def instance(blob, shape):
    """shape: what impacket finds in the template's class part."""
    properties = sorted(shape.values(), key=lambda p: p["order"])
    kinds = [p["type"] & ~0x4000 for p in properties]
    length, at = struct.unpack_from("<I", blob)[0], 4 + (len(properties) - 1) // 4 + 1
    nd, values = blob[4:at], at
    for kind in kinds:
        at += struct.calcsize(SLOTS.get(kind, "<I"))
    qualifiers, = struct.unpack_from("<I", blob, at)
    at += qualifiers
    assert blob[at] == 1  # no qualifiers of properties
    own, = struct.unpack_from("<I", blob, at + 1)
    assert own == length | 0x80000000 and at + 5 + length == len(blob), "the heap, which says its length twice, is the end"
    heap, found = blob[at + 5:], {}
    for p, kind in zip(properties, kinds):
        bits = nd[p["order"] // 4] >> (p["order"] % 4 * 2) & 3
        slot = SLOTS.get(kind, "<I")
        value, = struct.unpack_from(slot, blob, values)
        values += struct.calcsize(slot)
        if bits == 0:
            found[p["name"]] = value != 0 if kind == 11 else value if kind in SLOTS else heap_value(heap, kind, value)
        elif bits == 2:
            found[p["name"]] = p["value"]
    return found


def instances(blob, shape):
    """WBEM_INSTANCE_BLOB"""
    version, n = struct.unpack_from("<II", blob)
    assert version == 1
    at, found = 8, []
    for _ in range(n):
        size, = struct.unpack_from("<I", blob, at)
        found.append(instance(blob[at + 4:at + 4 + size], shape))
        at += 4 + size
    assert at == len(blob)
    return found


# ---- inside ----

class Info:
    """_WBEM_REFRESH_INFO"""

    def __init__(self, r):
        self.type = r.u32()
        assert r.u32() == self.type
        if self.type == REMOTE:
            assert r.u32() and r.u32()
            self.guid = r.guid()
            self.cancel = r.u32()
            self.refresher, self.template = r.sized(), r.sized()
        elif self.type == NON_HIPERF:
            assert r.u32() and r.u32()
            self.cancel = r.u32()
            self.ns, self.template = r.text(), r.sized()
        else:
            assert self.type == INVALID
            self.hresult, self.cancel = r.u32(), r.u32()


class Refreshing(Inside):
    def call(self, thing, iid, opnum, stub):
        """The answer behind ORPCTHAT, and its HRESULT."""
        thing.connect(iid)
        dce = thing.get_dce_rpc()
        this = dcomrt.ORPCTHIS()
        this["cid"] = os.urandom(16)
        this["extensions"] = base.NULL
        this["flags"] = 0
        dce.call(opnum, this.getData() + stub, thing.get_iPid())
        answer = dce.recv()
        return Reader(answer[8:]), struct.unpack("<I", answer[-4:])[0]

    def request(self, thing, iid, request):
        request["ORPCthis"]["cid"], request["ORPCthis"]["extensions"] = bytes(16), base.NULL
        return self.call(thing, iid, request.opnum, request.getData()[32:])

    def refreshing(self, services):
        return services.RemQueryInterface(1, [REFRESHING])

    def remote(self, parent, objref):
        return dcomrt.INTERFACE(parent.get_cinstance(), objref, parent.get_ipidRemUnknown(), target=parent.get_target())

    def shape(self, parent, template):
        return wmi.IWbemClassObject(self.remote(parent, template)).getProperties()

    def add(self, r, identifier, opnum, text, expected=0):
        answer, hresult = self.call(r, REFRESHING, opnum, Writer().refresher(identifier).text(text).u32(0, 0, 2).data)
        self.assertEqual(hex(hresult), hex(expected))
        info = Info(answer)
        self.assertEqual(answer.u32(), 1)  # version of the server
        self.assertEqual(answer.u32(), hresult)
        return info

    def refresh(self, refresher, expected=0):
        request = wmi.IWbemRemoteRefresher_RemoteRefresh()
        request["lFlags"] = 0
        r, hresult = self.request(refresher, REFRESHER, request)
        self.assertEqual(hex(hresult), hex(expected))
        n = r.u32()
        if hresult:
            self.assertEqual((n, r.u32()), (0, 0))
            return []
        self.assertNotEqual(r.u32(), 0)
        self.assertEqual(r.u32(), n)
        heads, found = [(r.u32(), r.u32(), r.u32(), r.u32()) for _ in range(n)], []
        for identifier, kind, size, pointer in heads:
            self.assertEqual(pointer == 0, kind == ERROR)
            blob = b""
            if pointer:
                self.assertEqual(r.u32(), size)
                blob = r.raw(size)
            self.assertEqual(len(blob), size)
            found.append((identifier, kind, blob))
        self.assertEqual(r.u32(), 0)
        return found

    def child(self):
        process = subprocess.Popen(["sleep", "600"])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def get(self, r, identifier):
        request = wmi.IWbemRefreshingServices_GetRemoteRefresher()
        request["pRefresherId"]["m_szMachineName"] = "HOST\0"
        request["pRefresherId"]["m_dwProcessId"] = 4711
        request["pRefresherId"]["m_guidRefresherId"] = identifier.bytes_le
        request["lFlags"], request["dwClientRefrVersion"] = 0, 2
        answer, hresult = self.request(r, REFRESHING, request)
        self.assertEqual(hresult, 0)
        self.assertNotEqual(answer.u32(), 0)
        objref = answer.sized()
        answer.align()
        guid = answer.guid()
        self.assertEqual(answer.u32(), 1)
        return self.remote(r, objref), guid


class RefresherTest(Refreshing):
    def test_objects(self):
        """covers: wmi-dcom:W35"""
        s = self.services("//./root/cimv2")
        r, me, process = self.refreshing(s), uuid.uuid4(), self.child()
        info = self.add(r, me, 3, f'Win32_Process.Handle="{process.pid}"')
        self.assertEqual(info.type, REMOTE)
        shape = self.shape(r, info.template)
        self.assertEqual({p["value"] for name, p in shape.items() if name in ("Handle", "ProcessId", "Name")}, {None})
        remote = self.remote(r, info.refresher)
        for _ in range(2):
            (identifier, kind, blob), = self.refresh(remote)
            self.assertEqual((identifier, kind), (info.cancel, ALL))
            values = instance(blob, shape)
            self.assertEqual((values["Handle"], values["ProcessId"], values["Name"]), (str(process.pid), process.pid, "sleep"))
        process.kill()
        process.wait()
        self.assertEqual(self.refresh(remote), [(info.cancel, ERROR, b"")])

    def test_what_changes(self):
        s = self.services("//./root/cimv2")
        r, me = self.refreshing(s), uuid.uuid4()
        process = subprocess.Popen([sys.executable, "-c", "import sys\nfor line in sys.stdin: x = bytearray(int(line)); print(flush=True)"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        info = self.add(r, me, 3, f'Win32_Process.Handle="{process.pid}"')
        shape, remote, sizes = self.shape(r, info.template), self.remote(r, info.refresher), []
        for size in (1, 200 << 20):
            process.stdin.write(f"{size}\n")
            process.stdin.flush()
            process.stdout.readline()
            sizes.append(int(instance(self.refresh(remote)[0][2], shape)["VirtualSize"]))
        self.assertGreaterEqual(sizes[1] - sizes[0], 190 << 20)

    def test_classes(self):
        s = self.services("//./root/cimv2")
        r, me, first, second = self.refreshing(s), uuid.uuid4(), self.child(), self.child()
        everyone = self.add(r, me, 5, "Win32_Process")
        one = self.add(r, me, 3, f'Win32_Process.Handle="{first.pid}"')
        self.assertEqual(everyone.guid, one.guid)
        shape, remote = self.shape(r, everyone.template), self.remote(r, everyone.refresher)
        found = self.refresh(remote)
        self.assertEqual([(i, kind) for i, kind, _ in found], [(everyone.cancel, ENUM), (one.cancel, ALL)])
        pids = {p["ProcessId"] for p in instances(found[0][2], shape)}
        self.assertTrue({first.pid, second.pid, os.getpid()} <= pids)
        self.assertEqual(instance(found[1][2], shape)["ProcessId"], first.pid)
        second.kill()
        second.wait()
        self.assertNotIn(second.pid, {p["ProcessId"] for p in instances(self.refresh(remote)[0][2], shape)})
        stop = Writer().u32(1, 1, everyone.cancel, 0).data
        self.assertEqual(self.call(remote, REFRESHER, 4, stop)[1], 0)
        self.assertEqual([i for i, _, _ in self.refresh(remote)], [one.cancel])
        self.assertEqual(self.call(remote, REFRESHER, 4, stop)[1], NOT_FOUND)

    def test_templates(self):
        s = self.services("//./root/cimv2")
        r, process = self.refreshing(s), self.child()
        sent = s.GetObject(f'Win32_Process.Handle="{process.pid}"')[0]
        data = sent.get_objRef()
        stub = Writer().refresher(uuid.uuid4()).u32(0x20010, len(data), len(data)).raw(data).u32(0, 0, 2).data
        answer, hresult = self.call(r, REFRESHING, 4, stub)
        self.assertEqual(hresult, 0)
        info = Info(answer)
        (_, kind, blob), = self.refresh(self.remote(r, info.refresher))
        self.assertEqual((kind, instance(blob, self.shape(r, info.template))["ProcessId"]), (ALL, process.pid))

    def test_what_the_repository_keeps(self):
        r = self.refreshing(self.services())
        info = self.add(r, uuid.uuid4(), 3, 'Test_Base.Name="alpha",Slot=1')
        self.assertEqual((info.type, info.ns, info.cancel), (NON_HIPERF, "root\\default", 0))
        self.assertEqual(set(self.shape(r, info.template)), {"Name", "Slot", "Note"})
        self.assertEqual(self.add(r, uuid.uuid4(), 5, "Test_Base").type, NON_HIPERF)

    def test_what_is_not_there(self):
        r, me = self.refreshing(self.services("//./root/cimv2")), uuid.uuid4()
        for opnum, text, expected in ((3, 'Win32_Process.Handle="99999999"', NOT_FOUND), (3, 'Test_Nothing.Name="x"', INVALID_CLASS),
                                      (5, "Test_Nothing", INVALID_CLASS), (3, "Win32_Process", INVALID_OBJECT_PATH), (5, "", INVALID_PARAMETER),
                                      (3, '\\\\.\\root\\default:Test_Base.Name="alpha",Slot=1', INVALID_NAMESPACE)):
            with self.subTest(text=text):
                info = self.add(r, me, opnum, text, expected)
                self.assertEqual((info.type, info.hresult, info.cancel), (INVALID, 0, 0))

    def test_versions_and_removal(self):
        r = self.refreshing(self.services("//./root/cimv2"))
        request = wmi.IWbemRefreshingServices_RemoveObjectFromRefresher()
        request["pRefresherId"]["m_szMachineName"] = "HOST\0"
        request["pRefresherId"]["m_dwProcessId"] = 1
        request["pRefresherId"]["m_guidRefresherId"] = uuid.uuid4().bytes_le
        for name, value in (("lId", 1), ("lFlags", 0), ("dwClientRefrVersion", 77)):
            request[name] = value
        answer, hresult = self.request(r, REFRESHING, request)
        self.assertEqual((answer.u32(), hresult), (1, NOT_AVAILABLE))

    def test_reconnection(self):
        s, process, me = self.services("//./root/cimv2"), self.child(), uuid.uuid4()
        r = self.refreshing(s)
        info = self.add(r, me, 5, "Win32_Process")
        again = self.refreshing(self.services("//./root/cimv2"))
        remote, guid = self.get(again, me)
        self.assertEqual(guid, info.guid)  # nothing to be told anew
        self.assertEqual([i for i, _, _ in self.refresh(remote)], [info.cancel])

        other = uuid.uuid4()
        wishes = [(0, f'Win32_Process.Handle="{process.pid}"'), (1, "Win32_Process"), (0, 'Win32_Process.Handle="99999999"'), (1, "Test_Nothing"),
                  (1, "__SystemClass")]
        w = Writer().refresher(other).u32(0, len(wishes), 2, len(wishes))
        for i, (kind, _) in enumerate(wishes):
            w.u32(kind, 0x20020 + 4 * i)
        for _, path in wishes:
            w.text(path)
        stub = w.u32(len(wishes), *([0] * 2 * len(wishes))).data
        self.assertEqual(self.call(again, REFRESHING, 8, stub)[1], INVALID_OPERATION)
        remote, guid = self.get(again, other)
        self.assertNotEqual(guid, info.guid)
        answer, hresult = self.call(again, REFRESHING, 8, stub)
        self.assertEqual((hresult, answer.u32()), (0, len(wishes)))
        results = [(answer.u32(), answer.u32()) for _ in wishes]
        self.assertEqual([hr for _, hr in results], [0, 0, NOT_FOUND, INVALID_CLASS, PROVIDER_NOT_CAPABLE])
        self.assertEqual([(i, kind) for i, kind, _ in self.refresh(remote)], [(results[0][0], ALL), (results[1][0], ENUM)])

    def test_others_keep_out(self):
        """A refresher belongs to its user; and what he may read is asked again each time."""
        s = self.services("//./root/cimv2")
        r, me = self.refreshing(s), uuid.uuid4()
        info = self.add(r, me, 5, "Win32_Process")
        remote = self.remote(r, info.refresher)
        self.daemon.add_user("second", PASSWORD, "--group", "administrators")
        self.doCleanups()
        other = self.refreshing(self.services("//./root/cimv2", user="second"))
        _, guid = self.get(other, me)
        self.assertNotEqual(guid, info.guid)
        other._INTERFACE__iPid = remote.get_iPid()
        with self.assertRaises(base.DCERPCException) as caught:
            self.refresh(other)
        self.assertRegex(str(caught.exception), "80041003|ACCESS_DENIED")


class LocalClassesTest(Refreshing):
    def activate(self, clsid, iid):
        connection = DCOMConnection("127.0.0.1", USER, PASSWORD, "", authLevel=self.level)
        self.addCleanup(self.disconnect, connection)
        made = connection.CoCreateInstanceEx(string_to_bin(clsid), uuidtup_to_bin((iid, "0.0")))
        made.get_cinstance().set_auth_level(self.level)
        return made

    def test_shutdown(self):
        for clsid in ("73e709ea-5d93-4b2e-bbb0-99b7938da9e4", "1f87137d-0e7c-44d5-8c73-4effb68962f2"):
            for iid in ("f309ad18-d86a-11d0-a075-00c04fb68820", "b7b31df9-d515-11d3-a11c-00105a1f515a"):
                with self.subTest(clsid=clsid, iid=iid):
                    thing = self.activate(clsid, iid)
                    self.assertEqual(self.call(thing, uuidtup_to_bin((iid, "0.0")), 3, bytes(12))[1], SERVER_UNAVAILABLE)

    def test_apartments(self):
        for iid, stub in (("1cfaba8c-1523-11d1-ad79-00c04fd8fdff", bytes(4)), ("31739d04-3471-4cf4-9a7c-57a44ae71956", bytes(12))):
            with self.subTest(iid=iid):
                thing = self.activate("49bd2028-1523-11d1-ad79-00c04fd8fdff", iid)
                answer, hresult = self.call(thing, uuidtup_to_bin((iid, "0.0")), 3, stub)
                self.assertEqual((answer.u32(), hresult), (0, E_UNEXPECTED))

    def test_faults(self):
        """Come in clear and leave the protection of what follows alone."""
        s = self.services()
        with self.assertRaises(base.DCERPCException) as caught:
            self.call(s, wmi.IID_IWbemServices, 200, b"")
        self.assertIn("nca_s_op_rng_error", str(caught.exception))
        self.assertEqual(s.GetObject('Test_Base.Name="alpha",Slot=1')[0].Slot, 1)

    def test_login(self):
        """IWbemLoginHelper does nothing; IWbemLoginClientIDEx is no interface of it."""
        login = self.connect()
        helper = uuidtup_to_bin(("541679ab-2e5f-11d3-b34e-00104bcc4b4a", "0.0"))
        thing = login.RemQueryInterface(1, [helper])
        self.assertEqual(self.call(thing, helper, 3, Writer().u32(3, 0, 3).raw(b"Ev\0").data)[1], 0)
        request = dcomrt.RemQueryInterface()
        request["ORPCthis"] = login.get_cinstance().get_ORPCthis()
        request["ORPCthis"]["flags"] = 0
        request["ripid"], request["cRefs"], request["cIids"] = login.get_iPid(), 1, 1
        iid = dcomrt.IID()
        iid["Data"] = LOGIN_EX[:16]
        request["iids"].append(iid)
        answer = login.request(request, dcomrt.IID_IRemUnknown, login.get_ipidRemUnknown())
        self.assertEqual(answer["ppQIResults"]["hResult"] & 0xffffffff, E_NOINTERFACE)


CASES = [RefresherTest, LocalClassesTest]
if INSIDE and __name__ == "__main__":
    base.inside(sys.argv[2:], CASES)
    sys.exit(0)


# ---- outside ----

@unittest.skipUnless(base.available(), "needs root, impacket and aiowmi")
class WmiRefresherTest(unittest.TestCase):
    def test_all(self):
        base.run_inside(self, __file__, sum(unittest.defaultTestLoader.loadTestsFromTestCase(c).countTestCases() for c in CASES))


def load_tests(loader, tests, pattern):
    return loader.loadTestsFromTestCase(WmiRefresherTest)


if __name__ == "__main__":
    unittest.main()
