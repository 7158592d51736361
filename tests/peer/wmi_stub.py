"""Calls of MS-WMI with parameters made by hand: every pointer may be NULL, every length and flag may be wrong, as no client sends it.

impacket activates, logs in and moves the bytes. Objects are reached by their IPIDs over one connection."""
import contextlib
import io
import struct

from impacket.dcerpc.v5 import dcomrt, transport
from impacket.dcerpc.v5.dcom import wmi
from impacket import hresult_errors
from impacket.dcerpc.v5.rpcrt import DCERPCException, rpc_status_codes

NONE, CONNECT, INTEGRITY, PRIVACY = 1, 2, 5, 6
FOREVER = 0xffffffff


def words(text):
    return text.encode("utf-16le", "surrogatepass")


class Stub(bytearray):
    """Parameters in NDR, one after the other; each call returns the stub."""

    def align(self, n=4):
        self.extend(bytes(-len(self) % n))
        return self

    def u32(self, *values):
        self.align()
        for v in values:
            self += struct.pack("<I", v & 0xffffffff)
        return self

    def text(self, s):
        """[unique, string] wchar_t *"""
        if s is None:
            return self.u32(0)
        data = words(s + "\0")
        self.u32(0x20000, len(data) // 2, 0, len(data) // 2)
        self += data
        return self.align()

    def bstr(self, s):
        if s is None:
            return self.u32(0)
        data = words(s)
        self.u32(0x20000, len(data) // 2, len(data), len(data) // 2)
        self += data
        return self.align()

    def interface(self, data):
        if data is None:
            return self.u32(0)
        self.u32(0x20000, len(data), len(data))
        self += data
        return self.align()

    def pair(self, wanted):
        """[in, out, unique] IFoo **"""
        return self.u32(0x20000, 0) if wanted else self.u32(0)

    def raw(self, data):
        self += data
        return self


class Answer:
    """What came back, behind ORPCTHAT; the HRESULT is apart."""

    def __init__(self, data):
        flags, extensions = struct.unpack_from("<II", data)
        assert not extensions, "extensions were not asked for"
        self.data, self.at = data[8:-4], 0
        self.hresult, = struct.unpack("<I", data[-4:])

    def bytes(self, n):
        out = self.data[self.at:self.at + n]
        assert len(out) == n, "the answer ends early"
        self.at += n
        return out

    def u32(self):
        self.at += -self.at % 4
        return struct.unpack("<I", self.bytes(4))[0]

    def interface(self):
        """The reference, or None."""
        if not self.u32():
            return None
        most, n = self.u32(), self.u32()
        assert most == n
        return self.bytes(n)

    def pair(self):
        """None: NULL was sent."""
        return self.interface() if self.u32() else None

    def bstr(self):
        if not self.u32():
            return None
        self.u32()
        size, n = self.u32(), self.u32()
        return None if size == 0xffffffff else self.bytes(2 * n).decode("utf-16le")

    def objects(self):
        """Of Next: the references."""
        most, first, n = self.u32(), self.u32(), self.u32()
        referents = [self.u32() for _ in range(n)]
        out = []
        for r in referents:
            assert r and not first and n <= most
            self.u32()
            out.append(self.bytes(self.u32()))
        return out, self.u32()


def status_of(e):
    """Of a fault, which impacket has made words of."""
    text = str(e)
    if e.get_error_code() is not None:
        return e.get_error_code() & 0xffffffff
    if "status code: " in text:
        return int(text.rsplit(": ", 1)[1], 16)
    for code, name in rpc_status_codes.items():
        if name == text:
            return code
    for code, names in hresult_errors.ERROR_MESSAGES.items():
        if text.startswith(names[0] + " - "):
            return code
    raise e


def ipid(reference):
    assert reference[:8] == b"MEOW" + struct.pack("<I", 1), "a standard reference"
    return reference[48:64]


def opened(reference):
    """impacket's reading of an object by value."""
    return wmi.IWbemClassObject(dcomrt.INTERFACE(objRef=reference, target="by value"))


def values(reference):
    return {name: p["value"] for name, p in opened(reference).getProperties().items()}


class Link:
    """A connection to the exporter."""

    def __init__(self, address, user, password, level=PRIVACY):
        way = transport.DCERPCTransportFactory(f"ncacn_ip_tcp:{address[0]}[{address[1]}]")
        way.set_credentials(user, password)
        self.dce = way.get_dce_rpc()
        self.dce.set_auth_level(level)
        self.dce.connect()
        self.dce.bind(wmi.IID_IWbemServices)

    def close(self):
        self.dce.disconnect()

    def call(self, object, opnum, stub=b""):
        """An Answer; a fault answers with its status alone."""
        self.send(object, opnum, stub)
        return self.answer()

    def send(self, object, opnum, stub=b""):
        self.dce.call(opnum, struct.pack("<HHII16xI", 5, 7, 0, 0, 0) + bytes(stub), uuid=object)

    def answer(self):
        try:
            return Answer(self.dce.recv())
        except DCERPCException as e:
            fault = Answer(bytes(12))
            fault.hresult, fault.data = status_of(e), None
            return fault


class Session:
    """IWbemServices on a connection. Methods return Answers."""

    def __init__(self, link, reference):
        self.link, self.ipid = link, ipid(reference)

    def __getattr__(self, name):
        opnum, make = METHODS[name]
        return lambda *args, **named: self.link.call(self.ipid, opnum, make(*args, **named))

    def on(self, link):
        """The same object over another connection."""
        other = object.__new__(Session)
        other.link, other.ipid = link, self.ipid
        return other

    def next(self, enumerator, count=1, timeout=FOREVER):
        """HRESULT, references."""
        a = self.link.call(enumerator, 4, Stub().u32(timeout, count))
        return (a.hresult, a.objects()[0]) if a.data is not None else (a.hresult, [])

    def rows(self, answer, count=7):
        """All references of an answer with an enumerator."""
        assert answer.hresult == 0, hex(answer.hresult)
        enumerator, out = ipid(answer.interface()), []
        while True:
            hresult, some = self.next(enumerator, count)
            out += some
            if hresult:
                assert hresult == 1, hex(hresult)
                return out

    def status(self, answer):
        """Of a change with a call result: how it went, once it has."""
        if answer.hresult:
            return answer.hresult
        reference = answer.pair()
        if reference is None:
            return 0
        a = self.link.call(ipid(reference), 6, Stub().u32(FOREVER))
        assert a.hresult == 0
        return a.u32()


def _one(text, flags=0, context=None, out=True, result=False):
    return Stub().bstr(text).u32(flags).interface(context).pair(out).pair(result)


def _put(object, flags=0, context=None, result=True):
    return Stub().interface(object).u32(flags).interface(context).pair(result)


def _delete(path, flags=0, context=None, result=True):
    return Stub().bstr(path).u32(flags).interface(context).pair(result)


def _enumerate(name, flags=0, context=None):
    return Stub().bstr(name).u32(flags).interface(context)


def _query(text, flags=0, context=None, language="WQL"):
    return Stub().bstr(language).bstr(text).u32(flags).interface(context)


def _method(path, name, object=None, flags=0, context=None, out=True, result=False):
    return Stub().bstr(path).bstr(name).u32(flags).interface(context).interface(object).pair(out).pair(result)


METHODS = {"open": (3, _one), "get": (6, _one), "put_class": (8, _put), "delete_class": (10, _delete), "classes": (12, _enumerate),
           "put": (14, _put), "delete": (16, _delete), "instances": (18, _enumerate), "query": (20, _query), "notify": (22, _query),
           "invoke": (24, _method)}


def _async(*texts):
    """Of a method that tells a sink: its texts, then what is given by name."""
    def make(*given, flags=0, context=None, object=None, sink=None):
        stub = Stub()
        for text in given:
            stub.bstr(text)
        if "object" in texts:
            stub.interface(object)
        stub.u32(flags).interface(context)
        if "in" in texts:
            stub.interface(object)
        return stub.interface(sink)
    return make


METHODS |= {"get_async": (7, _async()), "put_class_async": (9, _async("object")), "delete_class_async": (11, _async()), "classes_async": (13, _async()),
            "put_async": (15, _async("object")), "delete_async": (17, _async()), "instances_async": (19, _async()), "query_async": (21, _async()),
            "notify_async": (23, _async()), "invoke_async": (25, _async("in"))}


def sink(address="127.0.0.1"):
    """A reference to an IWbemObjectSink that is nowhere."""
    host = words(address + "\0")
    strings = struct.pack("<H", 7) + host + b"\0\0"
    dual = strings + struct.pack("<HHHH", 10, 0xffff, 0, 0)
    return (b"MEOW" + struct.pack("<I", 1) + guid("7c857801-7381-11cf-884d-00aa004b2e24") + struct.pack("<IIQQ16x", 0, 5, 77, 78) +
            struct.pack("<HH", len(dual) // 2, len(strings) // 2) + dual)


def context(**named):
    """IWbemContext of booleans, numbers, strings and lists of strings (MS-WMI 2.2.13)."""
    def text(s):
        return struct.pack("<I", len(words(s)) // 2) + words(s)
    data = struct.pack("<I16xI", 1, len(named))
    for name, value in named.items():
        data += text(name) + bytes(4)
        if isinstance(value, bool):
            data += struct.pack("<HH6x", 11, 0xffff if value else 0)
        elif isinstance(value, int):
            data += struct.pack("<Hi4x", 3, value)
        elif isinstance(value, str):
            data += struct.pack("<H", 8) + text(value)
        else:
            data += struct.pack("<HII", 0x2008, len(value), 4) + b"".join(text(v) for v in value)
    return custom("44aca674-e8fc-11d0-a07c-00c04fb68820", "674b6698-ee92-11d0-ad71-00c04fd8fdff", data)


def guid(text):
    a, b, c, d, e = text.split("-")
    return struct.pack("<IHH", int(a, 16), int(b, 16), int(c, 16)) + bytes.fromhex(d + e)


def custom(iid, clsid, data):
    return b"MEOW" + struct.pack("<I", 4) + guid(iid) + guid(clsid) + struct.pack("<II", 0, len(data)) + data


def parameters(cls, method, *arguments):
    """The instance of __PARAMETERS that impacket makes for a method of a class."""
    class Catch:
        def ExecMethod(self, path, name, pInParams=None, **_):
            self.sent = pInParams.getData()
    catch = Catch()
    getattr(wmi.IWbemClassObject(dcomrt.INTERFACE(objRef=cls, target="by value"), catch), method)(*arguments)
    return catch.sent


def octets(cls, method, data):
    """The same for a method of one parameter, uint8[]: impacket makes four bytes of each of them, which is put right."""
    sent, less = bytearray(parameters(cls, method, list(data))), 3 * len(data)
    sent[len(sent) - 4 * len(data):] = data
    inner = 57 + struct.unpack_from("<I", sent, 57)[0]  # behind the class part
    heap = next(at for at in range(inner, len(sent)) if struct.unpack_from("<I", sent, at)[0] == 0x80000000 | len(sent) + less - at - 4)
    for at in (44, 52, inner, heap):
        struct.pack_into("<I", sent, at, struct.unpack_from("<I", sent, at)[0] - less)
    return bytes(sent)


def instance(cls, **given):
    """An instance that impacket makes of a class."""
    o = opened(cls).SpawnInstance()
    for name, value in given.items():
        setattr(o, name, value)
    with contextlib.redirect_stdout(io.StringIO()):  # it shows what it packs
        return o.marshalMe().getData()


def new_class(empty, name, key):
    """A class with a key of type string, that impacket makes of the empty one."""
    o = opened(empty)
    o.setClassName(name)
    o.addNewAttribute(key, wmi.CIM_TYPE_ENUM.CIM_TYPE_STRING)
    with contextlib.redirect_stdout(io.StringIO()):
        return o.marshalMe().getData()
