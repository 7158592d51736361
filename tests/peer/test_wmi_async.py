"""Asynchronous WMI: every method with a sink, cancellation, NextAsync, QueryObjectSink, error objects, and clients that do not listen.
impacket's requests go to the daemon, which calls back to a sink server made by hand (sink_server.py). In a network namespace of its own, as
test_wmi_impacket.py."""
import os
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest
import uuid

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "scenario")]
import test_wmi_impacket as base
from daemon import PASSWORD, USER, Daemon
from sink_server import SinkServer

INSIDE = sys.argv[1:2] == ["--inside"]
if base.PEERS:
    from impacket.dcerpc.v5 import dcomrt
    from impacket.dcerpc.v5.dcom import wmi
    from impacket.dcerpc.v5.dtypes import NULL
    from impacket.dcerpc.v5.rpcrt import DCERPCException
    from wmi_stub import *

NOT_FOUND, ACCESS_DENIED, INVALID_PARAMETER, NOT_SUPPORTED = 0x80041002, 0x80041003, 0x80041008, 0x8004100c
INVALID_OBJECT, INVALID_CLASS, INVALID_QUERY, ALREADY_EXISTS = 0x8004100f, 0x80041010, 0x80041017, 0x80041019
CANCELLED, NOT_EVENT_CLASS, QUOTA_VIOLATION, INVALID_OBJREF = 0x80041032, 0x80041059, 0x8004106c, 0x8001011d
S_FALSE, NOW, FORWARD, NO_ERROR_OBJECT, SEND_STATUS = 1, 0x10, 0x20, 0x40, 0x80
SINKS_OF_ONE = 256  # operations of one account that answer to sinks

MOF = """
class A_Thing { [key] uint32 Id; string Name; };
class A_Part : A_Thing { string More; };
class A_Alarm : __ExtrinsicEvent { string What; };
instance of A_Thing { Id = 1; Name = "one"; };
instance of A_Part { Id = 2; Name = "two"; More = "m"; };
instance of A_Thing { Id = 3; Name = "three"; };
"""
MANY = 600


def pointer(data):
    if data is None:
        return NULL
    p = dcomrt.PMInterfacePointer()
    p["ulCntData"], p["abData"] = len(data), list(data)
    return p


def request(name, *values, sink=None, flags=0, cid=None):
    """impacket's request of a method of IWbemServices: values are its parameters but for flags, context and sink."""
    r, values = getattr(wmi, "IWbemServices_" + name)(), list(values)
    for field, _ in r.structure:
        if field == "lFlags":
            r[field] = flags
        elif field in ("pCtx", "pResponseHandler", "IWbemObjectSink"):
            r[field] = NULL if field == "pCtx" else pointer(sink)
        else:
            value = values.pop(0)
            if isinstance(value, str):
                r[field]["asData"] = value
            else:
                r[field] = pointer(value)
    this = dcomrt.ORPCTHIS()
    this["flags"], this["extensions"], this["cid"] = 0, NULL, cid or os.urandom(16)
    r["ORPCthis"] = this
    return r


def shown(reference):
    o = opened(reference)
    return o.getClassName(), sorted((name, str(p["value"])) for name, p in o.getProperties().items())


class Async(base.Inside):
    level = None

    @classmethod
    def setUpClass(cls):
        cls.server = SinkServer("127.0.0.1", resolver_port=0, users={"callback": PASSWORD}, threads=True).__enter__()
        cls.addClassCleanup(cls.server.__exit__, None, None, None)
        cls.daemon = Daemon({"listen.epmap": "127.0.0.1:135", "listen.wmi": "127.0.0.1:0"})
        secret = cls.daemon.state / "callback"
        secret.write_text(PASSWORD + "\n")
        secret.chmod(0o600)
        cls.daemon.settings.update({"wmi.callback_user": "callback", "wmi.callback_password_file": str(secret)})
        cls.daemon.write_config()
        cls.daemon.add_user(USER, PASSWORD, "--group", "administrators", "--posix-user", "nobody")
        cls.daemon.add_user("reader", PASSWORD, "--group", "Remote Management Users")
        cls.mof("root", 'instance of __Namespace { Name = "async"; };')
        cls.mof("root/async", MOF)
        cls.mof("root/async", "class A_Row { [key] uint32 Id; string Text; };" + "".join(
            f'instance of A_Row {{ Id = {i}; Text = "{"x" * 400}"; }};' for i in range(MANY)))
        cls.daemon.start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)

    @classmethod
    def mof(cls, ns, text):
        path = cls.daemon.state / "async.mof"
        path.write_text(text)
        cls.daemon.run("mof", "--namespace", ns, str(path))

    def link(self, user=USER):
        link = Link(self.daemon.address("wmi"), user, PASSWORD)
        self.addCleanup(link.close)
        return link

    def session(self, ns="root/async", user=USER):
        connection = dcomrt.DCOMConnection("127.0.0.1", user, PASSWORD, "")
        self.addCleanup(self.disconnect, connection)
        login = connection.CoCreateInstanceEx(wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login).get_iPid()
        link = self.link(user)
        a = link.call(login, 6, Stub().text(ns).text(None).u32(0).interface(None))
        self.assertEqual(hex(a.hresult), "0x0")
        return Session(link, a.interface())

    @staticmethod
    def ask(s, name, *values, **named):
        """HRESULT of an asynchronous method."""
        try:
            s.link.dce.request(request(name, *values, **named), uuid=s.ipid)
            return 0
        except DCERPCException as e:
            return status_of(e)

    def begin(self, s, name, *values, sink, **named):
        self.assertEqual(hex(self.ask(s, name, *values, sink=sink.objref(), **named)), "0x0")

    def cancel(self, s, sink):
        return self.ask(s, "CancelAsyncCall", sink=sink.objref())

    def ended(self, sink, hresult=0):
        """What the final status says; it is the only one, and the last call."""
        status = sink.wait_status()
        self.assertEqual(hex(status[2]), hex(hresult))
        self.assertEqual(len(sink.statuses), 1)
        self.assertEqual(sink.calls[-1], status)
        return status


class SameResultsTest(Async):
    """covers: wmi-dcom:W9"""

    def synchronous(self, s, name, *values, flags=0):
        if name in ("get", "invoke"):
            a = getattr(s, name)(*values, flags=flags)
            return a.hresult, [a.pair()] if not a.hresult else [], None
        if name in ("put", "put_class", "delete", "delete_class"):
            return getattr(s, name)(*values, flags=flags, result=False).hresult, [], None
        return *self.gathered(s, getattr(s, name)(*values, flags=flags | (NOW | FORWARD if name == "notify" else 0))), None

    def gathered(self, s, a):
        if a.hresult:
            return a.hresult, []
        enumerator, out, hresult = ipid(a.interface()), [], 0
        while not hresult:
            hresult, some = s.next(enumerator, 2)
            out += some
        return hresult if hresult != S_FALSE else 0, out

    def semisynchronous(self, s, name, *values, flags=0):
        if name in ("get", "invoke"):
            a = getattr(s, name)(*values, flags=flags | NOW, result=True)
            self.assertIsNone(a.pair())
        elif name in ("put", "put_class", "delete", "delete_class"):
            a = getattr(s, name)(*values, flags=flags | NOW, result=True)
        else:
            return *self.gathered(s, getattr(s, name)(*values, flags=flags | NOW | (FORWARD if name == "notify" else 0))), None
        if a.hresult:
            return a.hresult, [], None
        result = ipid(a.pair())
        status = s.link.call(result, 6, Stub().u32(FOREVER)).u32()
        found = s.link.call(result, 3, Stub().u32(FOREVER))
        text = s.link.call(result, 4, Stub().u32(FOREVER))
        return status, [] if found.hresult else [found.interface()], None if text.hresult else text.bstr()

    METHODS = {"get": "GetObjectAsync", "invoke": "ExecMethodAsync", "put": "PutInstanceAsync", "put_class": "PutClassAsync",
               "delete": "DeleteInstanceAsync", "delete_class": "DeleteClassAsync", "classes": "CreateClassEnumAsync",
               "instances": "CreateInstanceEnumAsync", "query": "ExecQueryAsync", "notify": "ExecNotificationQueryAsync"}

    def asynchronous(self, s, name, *values, flags=0):
        sink = self.server.sink()
        if name in ("query", "notify"):
            values = ("WQL", *values)
        if name == "invoke" and len(values) == 2:
            values = (*values, None)
        hresult = self.ask(s, self.METHODS[name], *values, sink=sink.objref(), flags=flags)
        if hresult:
            self.assertEqual(sink.calls, [])
            return hresult, [], None
        _, _, hresult, text, thing = sink.wait_status()
        self.ended(sink, hresult)
        self.assertEqual(thing is None, not hresult)  # __ExtendedStatus
        return hresult, sink.objects, text

    def test_every_method(self):
        s, cim = self.session(), self.session("root/cimv2")
        mine = f'Win32_Process.Handle="{os.getpid()}"'
        thing, empty = s.get("A_Thing").pair(), s.get(None).pair()
        new = instance(thing, Id=50, Name="new")
        cls = new_class(empty, "A_New", "Name")
        rows = [
            (s, "get", ("A_Thing",)), (s, "get", ("A_Part",)), (s, "get", ("A_Thing.Id=1",)), (s, "get", ("A_Thing.Id=99",)),
            (s, "get", ("A_None",)), (s, "get", ("A_Thing.Id=",)), (s, "get", (None,)), (s, "get", ("A_Thing", 0x200)),
            (s, "get", ("A_Thing", 0x400)), (s, "get", ("A_Thing", 0x20000)),
            (s, "classes", ("A_Thing",)), (s, "classes", ("__Event",)), (s, "classes", ("__Event", 1)), (s, "classes", ("A_None",)),
            (s, "instances", ("A_Thing",)), (s, "instances", ("A_Thing", 1)), (s, "instances", ("A_None",)), (s, "instances", (None,)),
            (s, "query", ("select Id, Name from A_Thing where Id < 3",)), (s, "query", ("select * from A_Thing",)),
            (s, "query", ("select * from A_Thing where Id = 99",)), (s, "query", ("select from",)), (s, "query", (None,)),
            (s, "query", ("select Name from A_Thing", 2)), (s, "query", ("select * from A_Row where Id < 300",)),
            (s, "notify", ("select * from A_Thing",)), (s, "notify", ("select * from A_Alarm",)), (s, "notify", ("select",)),
            (cim, "invoke", (mine, "GetOwner")), (cim, "invoke", (mine, "Nothing")), (cim, "invoke", ("Win32_Process.Handle=\"0\"", "GetOwner")),
            (cim, "invoke", (None, "GetOwner")), (cim, "query", (f"select * from Win32_Process where ProcessId = {os.getppid()}",)),
            (s, "put", (new, 2)), (s, "put", (instance(thing, Id=1, Name="one"), 2)), (s, "put", (instance(thing, Id=98), 1)),
            (s, "put", (new, 3)), (s, "put", (None,)), (s, "put", (cls,)), (s, "put", (b"MEOW",)),
            (s, "put_class", (cls,)), (s, "put_class", (cls, 1)), (s, "put_class", (thing, 2)), (s, "put_class", (new,)), (s, "put_class", (cls, 0x60)),
            (s, "delete", ("A_Thing.Id=50",)), (s, "delete", ("A_Thing.Id=51",)), (s, "delete", (None,)), (s, "delete", ("A_Thing",)),
            (s, "delete_class", ("A_New",)), (s, "delete_class", ("A_None",)), (s, "delete_class", (None,)),
        ]
        for session, name, values in rows:
            with self.subTest(method=name, values=str(values)[:80]):
                flags = 0
                if isinstance(values[-1], int):
                    *values, flags = values
                outcome = []
                for how in (self.synchronous, self.semisynchronous, self.asynchronous):
                    s.delete("A_Thing.Id=50")
                    s.delete_class("A_New")
                    if name == "delete":
                        s.put(new)
                    if name == "delete_class" or flags == 1:
                        s.put_class(cls)
                    hresult, objects, text = how(session, name, *values, flags=flags)
                    outcome.append((hex(hresult), [shown(o) for o in objects], text))
                self.assertEqual(outcome[0][:2], outcome[1][:2])
                self.assertEqual(outcome[0][:2], outcome[2][:2])
                self.assertEqual(outcome[1][2], outcome[2][2])
                if name == "put" and outcome[0][0] == "0x0":
                    self.assertTrue(outcome[2][2].lower().endswith("\\root\\async:a_thing.id=50"), outcome[2][2])


class DeliveryTest(Async):
    def test_batches_in_turn(self):
        """One call at a time, all with the identifier of the call that asked; then the sink is released."""
        s, sink, cid, at_work, most = self.session(), self.server.sink(), uuid.uuid4(), [0], [0]

        def before(_, call):
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
            at_work[0] -= 1
        sink.before = before
        self.begin(s, "ExecQueryAsync", "WQL", "select * from A_Row", sink=sink, cid=cid.bytes_le, flags=SEND_STATUS)
        self.ended(sink)
        self.assertEqual(sorted(values(o)["Id"] for o in sink.objects), list(range(MANY)))
        self.assertGreater(len(sink.calls), 3)
        self.assertEqual(most[0], 1)
        self.assertEqual(set(sink.causalities), {cid})
        self.assertEqual(set(sink.levels), {6})
        sink.wait(lambda k: k.released == 5)

    def test_a_client_that_thinks(self):
        """It gets no more before it has answered; what the call says does not wait for it."""
        s, sink, go = self.session(), self.server.sink(), threading.Event()
        sink.before = lambda _, call: go.wait(60)
        self.begin(s, "ExecQueryAsync", "WQL", "select * from A_Row", sink=sink)
        self.assertEqual(s.get("A_Thing").hresult, 0)
        self.assertEqual(sink.calls, [])
        go.set()
        self.ended(sink)
        self.assertEqual(len(sink.objects), MANY)

    def test_new_style_is_no_failure(self):
        s, sink = self.session(), self.server.sink()
        sink.result = 0x400ff
        self.begin(s, "ExecQueryAsync", "WQL", "select * from A_Row", sink=sink)
        self.ended(sink)
        self.assertEqual(len(sink.objects), MANY)

    def test_an_indicate_that_fails(self):
        s, sink = self.session(), self.server.sink()
        sink.result = 0x80004005
        self.begin(s, "ExecQueryAsync", "WQL", "select * from A_Row", sink=sink)
        self.ended(sink, CANCELLED)
        self.assertEqual([c[0] for c in sink.calls], ["Indicate", "SetStatus"])

    def test_what_failed_is_explained(self):
        s, sink, silent = self.session(), self.server.sink(), self.server.sink()
        self.begin(s, "GetObjectAsync", "A_None", sink=sink)
        reference = self.ended(sink, NOT_FOUND)[4]
        self.assertEqual(opened(reference).getClassName(), "__ExtendedStatus")
        why = values(reference)
        self.assertEqual((why["StatusCode"], why["Operation"], why["ParameterInfo"]), (NOT_FOUND, "GetObject", "A_None"))
        self.assertTrue(why["Description"])
        self.begin(s, "GetObjectAsync", "A_None", sink=silent, flags=NO_ERROR_OBJECT)
        self.assertIsNone(self.ended(silent, NOT_FOUND)[4])

    def test_refused_before_it_begins(self):
        s, sink = self.session(), self.server.sink()
        self.assertEqual(hex(self.ask(s, "GetObjectAsync", "A_Thing")), hex(INVALID_PARAMETER))
        for flags in (NOW, FORWARD, 0x400):
            self.assertEqual(hex(self.ask(s, "ExecQueryAsync", "WQL", "select * from A_Row", sink=sink.objref(), flags=flags)), hex(INVALID_PARAMETER))
        self.assertEqual(hex(self.ask(s, "GetObjectAsync", "A_Thing", sink=b"MEOW")), hex(INVALID_OBJREF))
        reader = self.session(user="reader")
        self.begin(reader, "GetObjectAsync", "A_Thing", sink=self.server.sink())
        thing = s.get("A_Thing").pair()
        # That he may not write turns out at work (3.1.4.3.7), that he may not look at all is told at once.
        denied = self.server.sink()
        self.begin(reader, "PutInstanceAsync", instance(thing, Id=60), sink=denied)
        self.ended(denied, ACCESS_DENIED)
        self.assertEqual(sink.calls, [])

    def test_sinks_that_are_nobodys(self):
        s = self.session()
        ours = s.query("select * from A_Thing").interface()
        self.assertEqual(hex(self.ask(s, "GetObjectAsync", "A_Thing", sink=ours)), hex(INVALID_OBJREF))
        gone = self.server.sink()
        del self.server.sinks[gone.ipid]
        self.begin(s, "ExecQueryAsync", "WQL", "select * from A_Row", sink=gone)
        nobody = self.server.sink()
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        lost = nobody.objref(strings=[f"127.0.0.1[{port}]"])
        lost = lost[:32] + os.urandom(16) + lost[48:]  # of another exporter and object
        for _ in range(20):
            self.until_room(s, lost)
        for _ in range(2 * SINKS_OF_ONE):  # they all end, and make room
            self.until_room(s, gone.objref())
        sink = self.server.sink()
        self.until_room(s, sink.objref())
        self.ended(sink)

    def until_room(self, s, objref):
        deadline = time.monotonic() + 60
        while (hresult := self.ask(s, "GetObjectAsync", "A_Thing", sink=objref)) == QUOTA_VIOLATION:
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(hex(hresult), "0x0")

    def test_too_many(self):
        s, sink, go = self.session(), self.server.sink(), threading.Event()
        self.addCleanup(go.set)
        sink.before = lambda _, call: go.wait(60)
        self.until_room(s, sink.objref())
        began = 1
        while (hresult := self.ask(s, "GetObjectAsync", "A_Thing", sink=sink.objref())) == 0:
            began += 1
            self.assertLessEqual(began, SINKS_OF_ONE)
        self.assertEqual(hex(hresult), hex(QUOTA_VIOLATION))
        other = self.session(user="reader")
        quick = self.server.sink()
        self.begin(other, "GetObjectAsync", "A_Thing", sink=quick)  # another account has its own
        go.set()
        sink.wait(lambda k: len([c for c in k.calls if c[0] == "SetStatus"]) == began)
        self.assertEqual({c[2] for c in sink.statuses}, {0})
        self.ended(quick)

    def test_a_client_that_is_gone(self):
        s = self.session()
        with SinkServer("127.0.0.1", resolver_port=0, users={"callback": PASSWORD}) as server:
            sink = server.sink()
            called, go = threading.Event(), threading.Event()

            def before(_, call):
                called.set()
                go.wait(60)
            sink.before = before
            self.begin(s, "ExecQueryAsync", "WQL", "select * from A_Row", sink=sink)
            self.assertTrue(called.wait(60))
        go.set()
        after = self.server.sink()
        self.begin(s, "GetObjectAsync", "A_Thing", sink=after)
        self.ended(after)


class CancelTest(Async):
    def test_of_whom(self):
        s, sink = self.session(), self.server.sink()
        self.assertEqual(hex(self.ask(s, "CancelAsyncCall")), hex(INVALID_PARAMETER))
        self.assertEqual(hex(self.cancel(s, sink)), hex(NOT_FOUND))
        self.begin(s, "GetObjectAsync", "A_Thing", sink=sink)
        self.ended(sink)
        sink.wait(lambda k: k.released)
        self.assertEqual(hex(self.cancel(s, sink)), hex(NOT_FOUND))

    def test_within_indicate(self):
        """The answer comes though the client is within a call of ours; so does the last word."""
        s, sink, other = self.session(), self.server.sink(), self.session()
        went, answers = threading.Event(), []

        def before(k, call):
            if call[0] == "Indicate" and not answers:
                answers.append(self.cancel(other, k))
                went.set()
        sink.before = before
        self.begin(s, "ExecQueryAsync", "WQL", "select * from A_Row", sink=sink)
        self.assertTrue(went.wait(60))
        self.assertEqual(answers, [0])
        self.assertEqual(hex(sink.wait_status()[2]), hex(CANCELLED))
        sink.wait(lambda k: k.released)
        self.assertEqual(sorted(c[0] for c in sink.calls), ["Indicate", "SetStatus"])

    def test_all_of_a_sink(self):
        s, sink, spared, go = self.session(), self.server.sink(), self.server.sink(), threading.Event()
        self.addCleanup(go.set)
        for k in (sink, spared):
            k.before = lambda _, call: call[0] == "Indicate" and go.wait(60)
        for k in (sink, sink, spared, sink):
            self.begin(s, "ExecQueryAsync", "WQL", "select * from A_Row", sink=k)
        stranger = self.session(user="reader")
        self.assertEqual(hex(self.cancel(stranger, sink)), hex(NOT_FOUND))
        self.assertEqual(self.cancel(s, sink), 0)
        sink.wait(lambda k: len([c for c in k.calls if c[0] == "SetStatus"]) == 3)
        self.assertEqual({c[2] for c in sink.statuses}, {CANCELLED})
        self.assertEqual(spared.calls, [])
        go.set()
        self.ended(spared)
        self.assertEqual(len(spared.objects), MANY)


class NextAsyncTest(Async):
    def enumerator(self, s, flags=NOW | FORWARD):
        return ipid(s.query("select * from A_Row", flags=flags).interface())

    def ahead(self, s, enumerator, count, sink):
        return s.link.call(enumerator, 5, Stub().u32(count).interface(sink and sink.objref())).hresult

    def test_counts(self):
        s = self.session()
        for flags in (0, NOW, FORWARD, NOW | FORWARD):
            e, first, last, none = self.enumerator(s, flags), self.server.sink(), self.server.sink(), self.server.sink()
            self.assertEqual(self.ahead(s, e, 0, none), S_FALSE)
            self.assertEqual(hex(self.ahead(s, e, 1, None)), hex(INVALID_PARAMETER))
            self.assertEqual(self.ahead(s, e, 500, first), 0)
            self.ended(first)
            self.assertEqual(len(first.objects), 500)
            self.assertEqual(self.ahead(s, e, 0xffffffff, last), 0)
            self.ended(last, S_FALSE)
            self.assertEqual(len(last.objects), MANY - 500)
            self.assertEqual(s.next(e)[0], S_FALSE)
            self.assertEqual(none.calls, [])

    def test_in_order(self):
        """Next, Skip, Reset and Clone come after the NextAsync before them."""
        s, a, b, go = self.session(), self.server.sink(), self.server.sink(), threading.Event()
        self.addCleanup(go.set)
        everything = [values(o)["Id"] for o in s.rows(s.query("select * from A_Row"), 100)]
        e = self.enumerator(s, NOW)
        a.before = lambda _, call: call[0] == "Indicate" and go.wait(60)
        self.assertEqual(self.ahead(s, e, 300, a), 0)
        other = self.link()
        other.send(e, 7, Stub().u32(FOREVER, 7))
        go.set()
        self.assertEqual(other.answer().hresult, 0)
        hresult, some = s.next(e, 3)
        self.assertEqual(self.ahead(s, e, 5, b), 0)
        copy = s.link.call(e, 6)
        self.assertEqual(copy.hresult, 0)
        self.assertEqual(s.link.call(e, 3).hresult, 0)
        self.ended(a)
        self.ended(b)
        self.assertEqual([values(o)["Id"] for o in a.objects], everything[:300])
        self.assertEqual([values(o)["Id"] for o in some], everything[307:310])
        self.assertEqual([values(o)["Id"] for o in b.objects], everything[310:315])
        self.assertEqual([values(o)["Id"] for o in s.next(ipid(copy.interface()))[1]], everything[315:316])
        self.assertEqual([values(o)["Id"] for o in s.next(e)[1]], everything[:1])

    def test_cancelled(self):
        s, sink, go = self.session(), self.server.sink(), threading.Event()
        self.addCleanup(go.set)
        sink.before = lambda _, call: call[0] == "Indicate" and go.wait(60)
        e = self.enumerator(s)
        self.assertEqual(self.ahead(s, e, MANY, sink), 0)
        self.assertEqual(self.cancel(s, sink), 0)
        self.assertEqual(hex(sink.wait_status()[2]), hex(CANCELLED))
        go.set()
        self.assertEqual(s.next(e)[0], 0)  # others may read on


class EventSinkTest(Async):
    def asked(self, s, flags=0):
        a = s.link.call(s.ipid, 5, Stub().u32(flags))
        return a.hresult, a.interface()

    @staticmethod
    def indicate(objects):
        stub = Stub().u32(len(objects), len(objects), *(0x20000 + 4 * i for i in range(len(objects))))
        for o in objects:
            stub.u32(len(o), len(o)).raw(o)
            stub.align()
        return stub

    def test_events(self):
        s, reader = self.session(), self.session(user="reader")
        self.assertEqual(self.asked(reader), (ACCESS_DENIED, None))
        self.assertEqual(self.asked(s, 1), (INVALID_PARAMETER, None))
        hresult, reference = self.asked(s)
        self.assertEqual(hresult, 0)
        sink = ipid(reference)
        alarm = instance(s.get("A_Alarm").pair(), What="fire")
        thing = instance(s.get("A_Thing").pair(), Id=1)
        status = lambda flags: s.link.call(sink, 4, Stub().u32(flags, 0).bstr(None).interface(None)).hresult
        send = lambda *objects: s.link.call(sink, 3, self.indicate(objects)).hresult
        self.assertEqual(send(alarm), 0)
        self.assertEqual(send(alarm, alarm, alarm), 0)
        self.assertEqual(hex(send(alarm, thing)), hex(NOT_EVENT_CLASS))
        self.assertEqual(hex(send(alarm, s.get("A_Alarm").pair())), hex(INVALID_OBJECT))
        self.assertEqual(hex(send(b"MEOW")), hex(INVALID_OBJECT))
        self.assertEqual((status(0), status(2)), (0, 0))
        self.assertEqual(hex(status(1)), hex(INVALID_PARAMETER))
        self.assertEqual(hex(reader.link.call(sink, 3, self.indicate([alarm])).hresult), hex(ACCESS_DENIED))


CASES = [SameResultsTest, DeliveryTest, CancelTest, NextAsyncTest, EventSinkTest]
if INSIDE and __name__ == "__main__":
    base.inside(sys.argv[2:], CASES)
    sys.exit(0)


@unittest.skipUnless(base.available(), "needs root, impacket and aiowmi")
class WmiAsyncTest(unittest.TestCase):
    def test_all(self):
        base.run_inside(self, __file__, sum(unittest.defaultTestLoader.loadTestsFromTestCase(c).countTestCases() for c in CASES))


def load_tests(loader, tests, pattern):
    return loader.loadTestsFromTestCase(WmiAsyncTest)


if __name__ == "__main__":
    unittest.main()
