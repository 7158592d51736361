"""A DCOM client's other half, for tests: an object resolver and an object exporter whose objects are IWbemObjectSinks that write down
what they are told. The PDUs and stubs are made here by hand, so that nothing of the daemon's own code proves itself; NTLM and SPNEGO
are pyspnego's, the protection of messages impacket's.

    with SinkServer("127.0.0.1", users={"callback": PASSWORD}) as server:   # resolver on port 135 of that address
        sink = server.sink()
        ... hand sink.objref() to the daemon as an IWbemObjectSink * ...
        sink.wait_status()                                                  # ("SetStatus", flags, hresult, text, object) of WBEM_STATUS_COMPLETE
        sink.objects                                                        # OBJREFs of what was indicated; object_of() decodes one

What to answer and when is told with sink.result (HRESULT of Indicate), sink.before (a function called before each answer) and
server.refuse (operations that are answered with a fault). level is the lowest that is taken of whoever is not just asking whether we live:
1 none, 5 integrity, 6 privacy."""
import os
import pathlib
import socket
import struct
import tempfile
import threading
import uuid

LEVEL_NONE, LEVEL_INTEGRITY, LEVEL_PRIVACY = 1, 5, 6
SPNEGO, NTLM = 9, 10
REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, BIND_NAK, ALTER, ALTER_RESP, AUTH3 = 0, 2, 3, 11, 12, 13, 14, 15, 16
FIRST, LAST, HEADER_SIGN, MPX, OBJECT = 1, 2, 4, 0x10, 0x80
NDR = uuid.UUID("8a885d04-1ceb-11c9-9fe8-08002b104860")
RESOLVER = uuid.UUID("99fcfec4-5260-101b-bbcb-00aa0021347a")
REM_UNKNOWN = uuid.UUID("00000131-0000-0000-c000-000000000046")
SINK = uuid.UUID("7c857801-7381-11cf-884d-00aa004b2e24")
ACCESS_DENIED, OP_RANGE, UNKNOWN_INTERFACE, BAD_STUB, DISCONNECTED = 5, 0x1c010002, 0x1c010003, 0x6f7, 0x80010108
COMPLETE = 0
INVALID_OXID, INVALID_SET = 0x776, 0x778


class Fault(Exception):
    def __init__(self, status):
        super().__init__(hex(status))
        self.status = status


class Reader:
    """NDR, little-endian."""
    def __init__(self, data):
        self.data, self.at = data, 0

    def align(self, n):
        self.at += -self.at % n

    def take(self, n):
        if self.at + n > len(self.data):
            raise Fault(BAD_STUB)
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, size):
        self.align(size)
        return int.from_bytes(self.take(size), "little")

    def guid(self):
        self.align(4)
        return uuid.UUID(bytes_le=self.take(16))

    def interface_body(self):
        maximum, count = self.number(4), self.number(4)
        if maximum != count:
            raise Fault(BAD_STUB)
        return self.take(count)

    def bstr(self):
        if not self.number(4):
            return None
        maximum, size, count = self.number(4), self.number(4), self.number(4)
        if maximum != count:
            raise Fault(BAD_STUB)
        text = self.take(2 * count)
        return None if size == 0xffffffff else text.decode("utf-16le")


def words(text):
    return text.encode("utf-16le") + b"\0\0"


def dual(strings, securities=()):
    """DUALSTRINGARRAY: the words, how many, where the security bindings begin."""
    first = b"".join(struct.pack("<H", 7) + words(s) for s in strings) + b"\0\0"
    if not strings:
        first += b"\0\0"
    second = b"".join(struct.pack("<HH", s, 0xffff) + words("") for s in securities) + b"\0\0"
    if not securities:
        second += b"\0\0"
    return first + second, len(first + second) // 2, len(first) // 2


class Sink:
    def __init__(self, server, noping=False, references=5):
        self.server, self.references, self.noping = server, references, noping
        self.oid = int.from_bytes(os.urandom(8), "little")
        self.ipid = uuid.uuid4()
        self.calls = []        # ("Indicate", [OBJREF, ...]) and ("SetStatus", flags, hresult, text, OBJREF or None)
        self.causalities = []  # of each of them
        self.levels = []
        self.released = 0
        self.result = 0
        self.before = None     # before(sink, call): may wait, may raise Fault
        self.lock = threading.Condition()

    def objref(self, form=1, strings=None, iid=SINK):
        """OBJREF: 1 standard, 2 handler, 8 extended. strings: other bindings than those of the server."""
        std = struct.pack("<IIQQ", 0x1000 if self.noping else 0, self.references, self.server.oxid, self.oid) + self.ipid.bytes_le
        binding, count, security = dual(self.server.resolver_bindings() if strings is None else strings, (SPNEGO, NTLM))
        binding = struct.pack("<HH", count, security) + binding
        head = b"MEOW" + struct.pack("<I", form) + iid.bytes_le + std
        if form == 2:
            return head + bytes(16) + binding
        if form == 8:
            context = struct.pack("<HH16sIIIIIII", 1, 1, os.urandom(16), 2, 0, 0, 0, 0, 0, 1)
            padded = context + bytes(-len(context) % 8)
            return (head + struct.pack("<I", 0x4e535956) + binding + struct.pack("<II", 1, 0x4e535956) +
                    uuid.UUID("0000033b-0000-0000-c000-000000000046").bytes_le + struct.pack("<II", len(context), len(padded)) + padded)
        return head + binding

    @property
    def objects(self):
        with self.lock:
            return [o for call in self.calls if call[0] == "Indicate" for o in call[1]]

    @property
    def statuses(self):
        with self.lock:
            return [call for call in self.calls if call[0] == "SetStatus"]

    def wait(self, enough, seconds=30):
        """Until enough(sink); what it said."""
        with self.lock:
            if not self.lock.wait_for(lambda: enough(self), seconds):
                raise TimeoutError(f"the sink has only {self.calls!r}, its server {self.server.calls!r}"[:3000])
            return enough(self)

    def wait_status(self, seconds=30):
        """The final status."""
        return self.wait(lambda s: next((c for c in s.calls if c[0] == "SetStatus" and c[1] == COMPLETE), None), seconds)

    def called(self, call, request):
        if self.before:
            self.before(self, call)
        with self.lock:
            self.calls.append(call)
            self.causalities.append(request.causality)
            self.levels.append(request.level)
            self.lock.notify_all()


class Request:
    def __init__(self, interface, opnum, ipid, stub, level, user, address):
        self.interface, self.opnum, self.ipid, self.stub = interface, opnum, ipid, stub
        self.level, self.user, self.address, self.causality = level, user, address, None


class Security:
    """One login and the protection that follows from it."""
    def __init__(self, server, kind, level, number):
        import spnego
        self.kind, self.level, self.number, self.done = kind, level, number, False
        with server.user_file():
            self.context = spnego.server(hostname="sink", service="RPCSS", protocol="ntlm" if kind == NTLM else "negotiate",
                                         options=spnego.NegotiateOptions.use_ntlm if kind == NTLM else spnego.NegotiateOptions.use_negotiate)

    def step(self, server, token):
        with server.user_file():
            answer = self.context.step(token)
        if self.context.complete and not self.done:
            self.keys()
        return answer or b""

    def keys(self):
        from impacket import ntlm
        from Cryptodome.Cipher import ARC4
        flags = (ntlm.NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY | ntlm.NTLMSSP_NEGOTIATE_KEY_EXCH | ntlm.NTLMSSP_NEGOTIATE_128)
        key, inner = self.context.session_key, getattr(self.context, "_context", self.context)
        self.flags, self.sign = flags, ntlm.SIGN
        # The mechListMICs of SPNEGO had numbers too.
        self.incoming = [ntlm.SIGNKEY(flags, key, "Client"), ARC4.new(ntlm.SEALKEY(flags, key, "Client")), inner._seq_num_in]
        self.outgoing = [ntlm.SIGNKEY(flags, key, "Server"), ARC4.new(ntlm.SEALKEY(flags, key, "Server")), inner._seq_num_out]
        self.done = True

    def signature(self, side, pdu):
        key, cipher, number = side
        side[2] += 1
        return self.sign(self.flags, key, pdu, number, cipher.encrypt).getData()

    def open(self, pdu, start, end, length):
        """The stub, verified; pdu with its signature, stub from start to end."""
        body = pdu[start:end]
        if self.level == LEVEL_PRIVACY:
            body = self.incoming[1].decrypt(body)
        plain = pdu[:start] + body + pdu[end:-length]
        if self.signature(self.incoming, plain) != pdu[-length:]:
            raise ConnectionError("a wrong signature")
        return body

    def close(self, head, body, trailer):
        plain = head + body + trailer
        if self.level == LEVEL_PRIVACY:
            body = self.outgoing[1].encrypt(body)
        return head + body + trailer + self.signature(self.outgoing, plain)


class Connection:
    """An association, from the first byte to the last."""
    def __init__(self, server, sock, interfaces):
        self.server, self.sock, self.interfaces = server, sock, interfaces
        self.contexts, self.securities, self.parts = {}, {}, {}
        self.replies = threading.Lock()  # signatures count what is sent

    def exactly(self, n):
        data = b""
        while len(data) < n:
            more = self.sock.recv(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def run(self):
        try:
            while True:
                head = self.exactly(16)
                size, = struct.unpack_from("<H", head, 8)
                self.pdu(head + self.exactly(size - 16))
        except Exception as e:  # whatever it was: that connection is over, and the test may look why
            self.server.note("end", repr(e))
        finally:
            self.sock.close()

    def pdu(self, pdu):
        kind, flags = pdu[2], pdu[3]
        auth, call = struct.unpack_from("<HI", pdu, 10)
        trailer = None
        if auth:
            at = len(pdu) - auth - 8
            trailer = (at, *struct.unpack_from("<BBBxI", pdu, at), pdu[at + 8:])
        if kind in (BIND, ALTER):
            self.bind(kind, flags, call, pdu, trailer)
        elif kind == AUTH3:
            at, _, _, _, number, token = trailer
            self.securities[number].step(self.server, token)
        elif kind == REQUEST:
            self.request(flags, call, pdu, trailer)

    def send(self, kind, flags, call, body, token=None, security=None):
        trailer = b""
        if token is not None:
            pad = -len(body) % 4
            body += bytes(pad)
            trailer = struct.pack("<BBBxI", security.kind, security.level, pad, security.number)
        length = 16 + len(body) + len(trailer) + len(token or b"")
        self.sock.sendall(struct.pack("<BBBB4sHHI", 5, 0, kind, flags, b"\x10\0\0\0", length, len(token or b""), call) + body + trailer + (token or b""))

    def bind(self, kind, flags, call, pdu, trailer):
        results, at = b"", 28
        for _ in range(pdu[24]):
            number, count = struct.unpack_from("<HB", pdu, at)
            interface = uuid.UUID(bytes_le=pdu[at + 4:at + 20])
            transfers = [pdu[at + 24 + 20 * i:at + 40 + 20 * i] for i in range(count)]
            at += 24 + 20 * count
            if transfers[0][:8] == bytes.fromhex("2c1cb76c12984045"):
                results += struct.pack("<HH20x", 3, 0)
            elif interface not in self.interfaces or NDR.bytes_le not in transfers:
                results += struct.pack("<HH20x", 2, 1)
            else:
                self.contexts[number] = interface
                results += struct.pack("<HH16sI", 0, 0, NDR.bytes_le, 2)
        count = pdu[24]
        port = (b"" if kind == ALTER else str(self.sock.getsockname()[1]).encode() + b"\0")
        body = pdu[16:18] + pdu[18:20] + struct.pack("<IH", 0x1234, len(port)) + port
        body += bytes(-len(body) % 4) + struct.pack("<B3x", count) + results
        answer = (FIRST | LAST) | flags & (HEADER_SIGN | MPX)
        if not trailer:
            self.send(BIND_ACK if kind == BIND else ALTER_RESP, answer, call, body)
            return
        _, service, level, _, number, token = trailer
        if number not in self.securities:
            self.securities[number] = Security(self.server, service, level, number)
        security = self.securities[number]
        try:
            token = security.step(self.server, token)
        except Exception as e:  # whatever pyspnego thinks of it
            self.server.note("login", str(e))
            if kind == BIND:
                self.send(BIND_NAK, FIRST | LAST, call, struct.pack("<HBBB", 8, 1, 5, 0))
            else:
                self.fault(call, 0, ACCESS_DENIED, None)
            raise ConnectionError from e
        self.send(BIND_ACK if kind == BIND else ALTER_RESP, answer, call, body, token, security)

    def request(self, flags, call, pdu, trailer):
        _, context, opnum = struct.unpack_from("<IHH", pdu, 16)
        at, ipid = 24, None
        if flags & OBJECT:
            ipid, at = uuid.UUID(bytes_le=pdu[24:40]), 40
        security, stub = None, pdu[at:]
        if trailer:
            end, _, level, pad, number, token = trailer
            security = self.securities.get(number)
            if not security or not security.done or level != security.level:
                raise ConnectionError("a context that is none")
            if level >= LEVEL_INTEGRITY:
                stub = security.open(pdu, at, end, len(token))
            else:
                stub = pdu[at:end]
            stub = stub[:len(stub) - pad]
        if flags & FIRST:
            self.parts[call] = b""
        self.parts[call] += stub
        if not flags & LAST:
            return
        user = security.context.client_principal if security else None
        request = Request(self.contexts.get(context), opnum, ipid, self.parts.pop(call), security.level if security else LEVEL_NONE, user,
                          self.sock.getpeername()[0])
        if self.server.threads:
            threading.Thread(target=self.answer, args=(call, context, request, security), daemon=True).start()
        else:
            self.answer(call, context, request, security)

    def answer(self, call, context, request, security):
        try:
            body = struct.pack("<IHBB", 0, context, 0, 0) + self.server.call(request)
        except Fault as e:
            self.fault(call, context, e.status, security)
            return
        self.reply(RESPONSE, call, body, security)

    def fault(self, call, context, status, security):
        self.reply(FAULT, call, struct.pack("<IHBBII", 0, context, 0, 0, status, 0), security)

    def reply(self, kind, call, body, security):
        try:
            with self.replies:
                self.reply_now(kind, call, body, security)
        except OSError:
            pass

    def reply_now(self, kind, call, body, security):
        if not security or security.level < LEVEL_INTEGRITY:
            self.send(kind, FIRST | LAST, call, body)
            return
        size = 16 if kind == FAULT else 8  # a fault's status can be read without a key
        head, stub = body[:size], body[size:]
        pad = -len(stub) % 16
        stub += bytes(pad)
        trailer = struct.pack("<BBBxI", security.kind, security.level, pad, security.number)
        length = 16 + len(head) + len(stub) + len(trailer) + 16
        header = struct.pack("<BBBB4sHHI", 5, 0, kind, FIRST | LAST, b"\x10\0\0\0", length, 16, call)
        self.sock.sendall(security.close(header + head, stub, trailer))


class SinkServer:
    def __init__(self, address="127.0.0.1", resolver_port=135, users=None, level=LEVEL_NONE, threads=False):
        self.address, self.resolver_port, self.users, self.level, self.threads = address, resolver_port, users or {}, level, threads
        self.oxid = int.from_bytes(os.urandom(8), "little")
        self.unknown = uuid.uuid4()
        self.version = (5, 7)
        self.sinks, self.sets, self.next_set = {}, {}, 1
        self.refuse = {}          # (interface, opnum): status of a fault
        self.binding = None       # what ResolveOxid2 answers instead of our own address: "host[port]"
        self.calls = []           # (what, details), in order
        self.connections = []
        self.lock = threading.Condition()
        self.logins = threading.Lock()
        self.sockets = []

    # ---- life ----

    def __enter__(self):
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        for port, interfaces in ((self.resolver_port, {RESOLVER}), (0, {REM_UNKNOWN, SINK})):
            s = socket.socket(family)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((self.address, port))
            s.listen(64)
            self.sockets.append(s)
            threading.Thread(target=self.accept, args=(s, interfaces), daemon=True).start()
        self.resolver_port, self.port = (s.getsockname()[1] for s in self.sockets)
        self.folder = tempfile.TemporaryDirectory()
        self.file = pathlib.Path(self.folder.name) / "users"
        self.file.write_text("".join(f"{name.rpartition(chr(92))[0]}:{name.rpartition(chr(92))[2]}:{word}\n" for name, word in self.users.items()))
        return self

    def __exit__(self, *error):
        for s in self.sockets:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()
        self.hang_up()
        self.folder.cleanup()

    def hang_up(self):
        """Every connection breaks."""
        with self.lock:
            connections, self.connections = self.connections, []
        for s in connections:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def accept(self, listener, interfaces):
        while True:
            try:
                s, peer = listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections.append(s)
            self.note("connection", listener.getsockname()[1], peer[0])
            threading.Thread(target=Connection(self, s, interfaces).run, daemon=True).start()

    def user_file(self):
        """pyspnego reads the users from a file named in the environment."""
        server = self

        class Environment:
            def __enter__(self):
                server.logins.acquire()
                self.was = os.environ.get("NTLM_USER_FILE")
                os.environ["NTLM_USER_FILE"] = str(server.file)

            def __exit__(self, *error):
                if self.was is None:
                    del os.environ["NTLM_USER_FILE"]
                else:
                    os.environ["NTLM_USER_FILE"] = self.was
                server.logins.release()
        return Environment()

    # ---- what tests ask ----

    def sink(self, **options):
        sink = Sink(self, **options)
        self.sinks[sink.ipid] = sink
        return sink

    def note(self, *what):
        with self.lock:
            self.calls.append(what)
            self.lock.notify_all()

    def wait(self, what, seconds=30):
        """Until a call of this name has come; that call."""
        def found():
            return next((c for c in self.calls if c[0] == what), None)
        with self.lock:
            if not self.lock.wait_for(found, seconds):
                raise TimeoutError(f"no {what} among {self.calls!r}"[:2000])
            return found()

    def count(self, what):
        with self.lock:
            return sum(c[0] == what for c in self.calls)

    def resolver_bindings(self):
        return [self.address if self.resolver_port == 135 else f"{self.address}[{self.resolver_port}]"]

    # ---- calls ----

    def call(self, request):
        status = self.refuse.get((request.interface, request.opnum))
        if status is not None:
            raise Fault(status)
        if request.interface == RESOLVER:
            return self.resolver(request)
        if request.level < self.level:
            raise Fault(ACCESS_DENIED)
        reader = Reader(request.stub)
        major, minor, flags, _ = (reader.number(n) for n in (2, 2, 4, 4))
        request.causality = reader.guid()
        if reader.number(4) or flags or (major, minor) > self.version:
            raise Fault(BAD_STUB)
        if request.ipid == self.unknown:
            return bytes(8) + self.rem_unknown(request, reader)
        sink = self.sinks.get(request.ipid)
        if not sink:
            raise Fault(DISCONNECTED)
        return bytes(8) + struct.pack("<I", self.sink_call(sink, request, reader))

    def resolver(self, request):
        reader = Reader(request.stub)
        if request.opnum == 5:
            self.note("ServerAlive2", request.level)
            data, count, security = dual([self.address], (SPNEGO, NTLM))
            body = struct.pack("<HHIIHH", *self.version, 0x20000, count, count, security) + data
            return body + bytes(-len(body) % 4) + bytes(8)
        if request.level < self.level:
            raise Fault(ACCESS_DENIED)
        if request.opnum in (0, 4):
            return self.resolve(request, reader)
        if request.opnum == 1:
            number = reader.number(8)
            self.note("SimplePing", number, request.level)
            return struct.pack("<I", 0 if number in self.sets else INVALID_SET)
        if request.opnum == 2:
            return self.complex_ping(request, reader)
        raise Fault(OP_RANGE)

    def resolve(self, request, reader):
        oxid = reader.number(8)
        self.note("ResolveOxid2" if request.opnum == 4 else "ResolveOxid", request.level, request.user)
        version = struct.pack("<HH", *self.version) if request.opnum == 4 else b""
        if oxid != self.oxid:
            return bytes(4) + bytes(16) + bytes(4) + version + struct.pack("<I", INVALID_OXID)
        data, count, security = dual([self.binding or f"{self.address}[{self.port}]"], (SPNEGO, NTLM))
        body = struct.pack("<IIHH", 0x20000, count, count, security) + data
        body += bytes(-len(body) % 4) + self.unknown.bytes_le + struct.pack("<I", LEVEL_INTEGRITY)
        return body + version + struct.pack("<I", 0)

    def complex_ping(self, request, reader):
        number, sequence, adds, dels = reader.number(8), reader.number(2), reader.number(2), reader.number(2)

        def oids(count):
            if not reader.number(4):
                return []
            reader.number(4)
            return [reader.number(8) for _ in range(count)]
        add, remove = oids(adds), oids(dels)
        status = 0
        if not number:
            number, self.next_set = self.next_set, self.next_set + 1
            self.sets[number] = set()
        if number in self.sets:
            self.sets[number] = self.sets[number] - set(remove) | set(add)
        else:
            status = INVALID_SET
        self.note("ComplexPing", number, sequence, add, remove, request.level)
        return struct.pack("<QHxxI", number, 0, status)

    def rem_unknown(self, request, reader):
        if request.opnum not in (4, 5):
            raise Fault(OP_RANGE)
        count = reader.number(2)
        reader.number(4)
        results = []
        for _ in range(count):
            ipid, public, private = reader.guid(), reader.number(4), reader.number(4)
            self.note("RemAddRef" if request.opnum == 4 else "RemRelease", ipid, public, private)
            sink = self.sinks.get(ipid)
            if sink and request.opnum == 4:
                sink.references += public
            if sink and request.opnum == 5:
                with sink.lock:
                    sink.released += public
                    sink.lock.notify_all()
            results.append(0 if sink else 0x800401fb)
        if request.opnum == 5:
            return struct.pack("<I", 0)
        return struct.pack(f"<I{count}II", count, *results, 0)

    def sink_call(self, sink, request, reader):
        if request.opnum == 3:
            count = reader.number(4)
            if reader.number(4) != count:
                raise Fault(BAD_STUB)
            pointers = [reader.number(4) for _ in range(count)]
            sink.called(("Indicate", [reader.interface_body() if p else None for p in pointers]), request)
            return sink.result
        if request.opnum == 4:
            flags, hresult = reader.number(4), reader.number(4)
            text = reader.bstr()
            thing = reader.interface_body() if reader.number(4) else None
            sink.called(("SetStatus", flags, hresult, text, thing), request)
            return 0
        raise Fault(OP_RANGE)


def object_of(objref):
    """impacket's IWbemClassObject of an OBJREF that was indicated: getProperties(), getClassName()."""
    from impacket.dcerpc.v5 import dcomrt
    from impacket.dcerpc.v5.dcom import wmi
    return wmi.IWbemClassObject(dcomrt.INTERFACE(None, objref, None, target="sink"))
