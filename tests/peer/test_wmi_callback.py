"""The daemon calls its callers' sinks (MS-DCOM 3.2, MS-WMI 3.2.4.1): asynchronous calls by impacket, delivered to sink_server.py, whose
resolver needs port 135. So the tests run in a network namespace of their own, as those of test_wmi_impacket.py: the daemon is at
127.0.0.2, its clients come from 127.0.0.1."""
import os
import pathlib
import sys
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "scenario")]
import sink_server
import test_wmi_impacket as base
from daemon import PASSWORD, TOP, USER, Daemon
from sink_server import LEVEL_INTEGRITY, LEVEL_NONE, LEVEL_PRIVACY, SinkServer

INSIDE = base.INSIDE
SAMPLE = base.SAMPLE
SERVER, CLIENT = "127.0.0.2", "127.0.0.1"
CALLBACK_USER, CALLBACK_PASSWORD = "CLIENTS\\callback", "what clients know 1"
ACCESS_DENIED = 0x80041003
CANCELLED = 0x80041032

if base.PEERS:
    from impacket.dcerpc.v5 import dcomrt
    from impacket.dcerpc.v5.dcom import wmi
    from impacket.dcerpc.v5.dcomrt import DCOMConnection
    from impacket.dcerpc.v5.dtypes import NULL
    from impacket.dcerpc.v5.rpcrt import DCERPCException


class Inside(unittest.TestCase):
    settings = {}
    login = True

    @classmethod
    def setUpClass(cls):
        settings = {"listen.epmap": f"{SERVER}:135", "listen.wmi": f"{SERVER}:0", "cimd.log_level": "info", **cls.settings}
        cls.daemon = Daemon(settings)
        if cls.login:
            secret = cls.daemon.state / "callback"
            secret.write_text(CALLBACK_PASSWORD + "\n")
            secret.chmod(0o600)
            cls.daemon.settings.update({"wmi.callback_user": CALLBACK_USER, "wmi.callback_password_file": str(secret)})
        cls.daemon.write_config()
        cls.daemon.add_user(USER, PASSWORD, "--group", "administrators")
        cls.daemon.run("mof", "--namespace", "root/default", str(SAMPLE))
        cls.daemon.start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)

    def sinks(self, **options):
        server = SinkServer(CLIENT, users={CALLBACK_USER: CALLBACK_PASSWORD}, **options)
        server.__enter__()
        self.addCleanup(server.__exit__, None, None, None)
        return server

    def services(self, ns="root/default"):
        connection = DCOMConnection(SERVER, USER, PASSWORD, "", authLevel=LEVEL_PRIVACY)
        self.addCleanup(base.Inside.disconnect, connection)
        made = connection.CoCreateInstanceEx(wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login)
        made.get_cinstance().set_auth_level(LEVEL_PRIVACY)
        services = wmi.IWbemLevel1Login(made).NTLMLogin(ns, NULL, NULL)
        return services

    @staticmethod
    def request(call, sink, objref=None, **fields):
        request = call()
        for name, value in fields.items():
            if isinstance(value, str):
                request[name]["asData"] = value
            else:
                request[name] = value
        data = objref or sink.objref()
        request["pResponseHandler"]["ulCntData"] = len(data)
        request["pResponseHandler"]["abData"] = list(data)
        return request

    def query(self, services, sink, text="select * from Test_Base", flags=0, objref=None):
        request = self.request(wmi.IWbemServices_ExecQueryAsync, sink, objref, strQueryLanguage="WQL\0", strQuery=text + "\0", lFlags=flags, pCtx=NULL)
        return services.request(request, iid=wmi.IID_IWbemServices, uuid=services.get_iPid())

    def names(self, sink):
        return sorted(sink_server.object_of(o).getProperties()["Name"]["value"] for o in sink.objects)

    def delivered(self, server, sink):
        try:
            status = sink.wait_status()
        except TimeoutError as e:
            raise AssertionError(self.daemon.log_text()[-2000:]) from e
        self.assertEqual(status[2], 0)
        self.assertEqual(self.names(sink), ["alpha", "beta"])

    def failed(self, what, seconds=30):
        end = time.monotonic() + seconds
        while what not in self.daemon.log_text():
            self.assertLess(time.monotonic(), end, self.daemon.log_text()[-2000:])
            time.sleep(0.01)

    def alive(self):
        """It still answers."""
        self.services().GetObject("Test_Base")


class LoginTest(Inside):
    level = LEVEL_PRIVACY

    def test_query(self):
        """covers: wmi-dcom:X12 wmi-dcom:X13"""
        server = self.sinks(level=self.level)
        sink = server.sink()
        self.query(self.services(), sink)
        self.delivered(server, sink)
        self.assertEqual(set(sink.levels), {self.level})
        self.assertEqual(server.wait("ServerAlive2")[1], LEVEL_NONE)
        self.assertEqual(server.wait("ResolveOxid2")[1], self.level)
        self.assertIn("callback", str(server.wait("ResolveOxid2")[2]))
        sink.wait(lambda s: s.released == s.references)

    def test_forms(self):
        server = self.sinks(level=self.level)
        services = self.services()
        for form in (2, 8):
            with self.subTest(form=form):
                sink = server.sink()
                self.query(services, sink, objref=sink.objref(form))
                self.delivered(server, sink)

    def test_one_connection_for_all(self):
        server = self.sinks(level=self.level)
        services = self.services()
        sinks = [server.sink() for _ in range(4)]
        for sink in sinks:
            self.query(services, sink)
        for sink in sinks:
            self.delivered(server, sink)
        self.assertEqual(server.count("ResolveOxid2"), 1)
        self.assertEqual(server.count("connection"), 3)

    def test_no_references_given(self):
        server = self.sinks(level=self.level)
        sink = server.sink(references=0)
        self.query(self.services(), sink)
        self.delivered(server, sink)
        self.assertEqual(server.count("RemAddRef"), 1)
        sink.wait(lambda s: s.released == 1)

    def test_the_address_is_the_callers(self):
        """Bindings that name another machine lead nowhere but to the caller's own: what listens there hears nothing."""
        server = self.sinks(level=self.level)
        victim = SinkServer("127.0.0.3", level=LEVEL_NONE)
        with victim:
            server.binding = f"127.0.0.3[{server.port}]"
            sink = server.sink()
            self.query(self.services(), sink, objref=sink.objref(strings=["127.0.0.3"]))
            self.delivered(server, sink)
            self.assertEqual(victim.count("connection"), 0)

    def test_ports_of_the_system(self):
        """A resolver may be elsewhere than on 135, an exporter anywhere among users' ports; nothing leads to the others."""
        server = self.sinks(level=self.level, resolver_port=0)
        sink = server.sink()
        services = self.services()
        self.query(services, sink)
        self.delivered(server, sink)
        with self.assertRaises(DCERPCException):
            self.query(services, sink, objref=sink.objref(strings=[f"{CLIENT}[22]"]))

    def test_exporter_on_a_port_of_the_system(self):
        server = self.sinks(level=self.level)
        server.binding = f"{CLIENT}[22]"
        sink = server.sink()
        self.query(self.services(), sink)
        self.failed("names no TCP port of 1024 or above")
        self.assertEqual(sink.calls, [])
        self.alive()

    def test_nobody_there(self):
        server = SinkServer(CLIENT)
        with server:
            sink = server.sink()
            objref = sink.objref()
        self.query(self.services(), sink, objref=objref)
        self.failed("Connection refused")
        self.assertRegex(self.daemon.log_text(), r'out of reach peer=127.0.0.1 port=135 .*firewall')
        self.alive()

    def test_old_resolver(self):
        server = self.sinks(level=self.level)
        server.refuse = {(sink_server.RESOLVER, 5): sink_server.OP_RANGE, (sink_server.RESOLVER, 4): sink_server.OP_RANGE}
        server.version = (5, 1)
        sink = server.sink()
        self.query(self.services(), sink)
        self.delivered(server, sink)
        self.assertEqual(server.count("ResolveOxid"), 1)

    def test_client_knows_another_password(self):
        server = SinkServer(CLIENT, users={CALLBACK_USER: "another"}, level=LEVEL_INTEGRITY)
        with server:
            sink = server.sink()
            self.query(self.services(), sink)
            server.wait("login")
            self.failed('failed="log in at its resolver" why="the login is refused')
            self.failed("wmi.callback_password_file")
            self.assertEqual(sink.calls, [])
        self.alive()

    def test_connection_breaks(self):
        """What was under way has failed; what comes then goes over a new connection."""
        server = self.sinks(level=self.level)
        services = self.services()
        sink = server.sink()
        sink.before = lambda s, call: server.hang_up() if call[0] == "Indicate" else None
        self.query(services, sink)
        self.assertEqual(sink.wait_status()[2], CANCELLED)
        self.assertEqual(server.count("ResolveOxid2"), 2)
        whole = server.sink()
        self.query(services, whole)
        self.delivered(server, whole)


class IntegrityTest(LoginTest):
    settings = {"wmi.callback_level": "integrity"}
    level = LEVEL_INTEGRITY


class AnonymousTest(Inside):
    settings = {"wmi.callback_anonymous": "on"}
    login = False

    def test_query(self):
        server = self.sinks()
        sink = server.sink()
        self.query(self.services(), sink)
        self.delivered(server, sink)
        self.assertEqual(set(sink.levels), {LEVEL_NONE})

    def test_client_wants_a_login(self):
        server = self.sinks(level=LEVEL_INTEGRITY)
        sink = server.sink()
        self.query(self.services(), sink)
        self.failed("the call without a login is refused with status 0x00000005")
        self.failed("set wmi.callback_user")
        self.assertEqual(sink.calls, [])


class StepDownTest(Inside):
    settings = {"wmi.callback_anonymous": "on"}

    def test_login_is_tried_first(self):
        server = self.sinks()
        sink = server.sink()
        self.query(self.services(), sink)
        self.delivered(server, sink)
        self.assertEqual(set(sink.levels), {LEVEL_PRIVACY})

    def test_without_it_where_the_client_does_not_take_it(self):
        server = SinkServer(CLIENT, users={CALLBACK_USER: "another"})
        with server:
            sink = server.sink()
            self.query(self.services(), sink)
            self.delivered(server, sink)
            self.assertEqual(set(sink.levels), {LEVEL_NONE})


class StopTest(Inside):
    def test_while_a_client_thinks(self):
        """The daemon does not wait for it, and leaves nothing behind."""
        server = self.sinks(threads=True)
        sink, come, go = server.sink(), threading.Event(), threading.Event()
        self.addCleanup(go.set)

        def think(sink, call):
            come.set()
            go.wait(60)
        sink.before = think
        self.query(self.services(), sink)
        self.assertTrue(come.wait(30))
        self.daemon.stop()  # fails unless it ends well


class OffTest(Inside):
    """As it comes."""
    login = False

    def test_refused_at_once(self):
        server = self.sinks()
        sink = server.sink()
        with self.assertRaises(DCERPCException) as caught:
            self.query(self.services(), sink)
        self.assertIn(caught.exception.get_error_code() & 0xffffffff, (ACCESS_DENIED, 0x80070005))
        self.failed("not configured")
        self.assertEqual(server.calls, [])
        self.alive()


CASES = [LoginTest, IntegrityTest, AnonymousTest, StepDownTest, StopTest, OffTest]
if INSIDE and __name__ == "__main__":
    base.inside(sys.argv[2:], CASES)
    sys.exit(0)


@unittest.skipUnless(base.available(), "needs root, impacket and pyspnego")
class CallbackTest(unittest.TestCase):
    def test_all(self):
        base.run_inside(self, __file__, 28)


def load_tests(loader, tests, pattern):
    return loader.loadTestsFromTestCase(CallbackTest)


if __name__ == "__main__":
    unittest.main()
