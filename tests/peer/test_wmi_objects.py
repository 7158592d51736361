"""Objects and connections of impacket over WMI: activations side by side and after each other, many objects, objects that outlive their
connection, pings. Runs with the current release and with Debian's own, 0.10.0."""
import logging
import os
import pathlib
import subprocess
import sys
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "scenario")]
import apart
from daemon import PASSWORD, USER, Daemon

try:
    from impacket.dcerpc.v5 import dcomrt
    from impacket.dcerpc.v5.dcom import wmi
    from impacket.dcerpc.v5.dcomrt import DCOMConnection
    from impacket.dcerpc.v5.dtypes import NULL
    from impacket.dcerpc.v5.rpcrt import DCERPCException
    PEERS = True
except ImportError:
    PEERS = False

SAMPLE = HERE.parent / "scenario" / "sample.mof"
DEBIAN = "/usr/bin/python3"
FOREVER, S_FALSE = 0xffffffff, 1
SHORT = apart.HOST.split(".")[0]


# ---- inside ----

class Objects(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon({"listen.epmap": "0.0.0.0:135", "listen.wmi": "0.0.0.0:0"})
        cls.daemon.write_config()
        cls.daemon.add_user(USER, PASSWORD, "--group", "administrators", "--posix-user", "nobody")
        cls.daemon.run("mof", "--namespace", "root/default", str(SAMPLE))
        cls.daemon.start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)

    def connect(self, target=apart.ADDRESS, **more):
        connection = DCOMConnection(target, USER, PASSWORD, "", **more)
        self.addCleanup(self.disconnect, connection)
        return connection

    @staticmethod
    def disconnect(connection):
        try:
            connection.disconnect()
        except KeyError:  # it keeps one connection to a target
            pass
        for table in (dcomrt.INTERFACE.CONNECTIONS, DCOMConnection.OID_ADD, DCOMConnection.OID_DEL, DCOMConnection.OID_SET):
            table.clear()

    @staticmethod
    def activate(connection):
        return wmi.IWbemLevel1Login(connection.CoCreateInstanceEx(wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login))

    def services(self, connection, ns="//./root/default"):
        login = self.activate(connection)
        services = login.NTLMLogin(ns, NULL, NULL)
        login.RemRelease()
        return services

    def rows(self, enumerator):
        found = []
        while True:
            try:
                found += enumerator.Next(FOREVER, 1)
            except DCERPCException as e:
                self.assertEqual(e.get_error_code(), S_FALSE)
                return found

    def names(self, services):
        return sorted(o.Name for o in self.rows(services.ExecQuery("select * from Test_Base")))

    def test_everything_once(self):
        """A smoke test of what scripts do."""
        s = self.services(self.connect())
        self.assertEqual(self.names(s), ["alpha", "beta"])
        self.assertEqual(s.GetObject('Test_Base.Name="alpha",Slot=1')[0].Note, "first")
        o = s.GetObject("Test_Base")[0].SpawnInstance()
        o.Name, o.Slot, o.Note = "gamma", 3, "third"
        self.assertEqual(s.PutInstance(o.marshalMe()).GetCallStatus(0), 0)
        self.assertEqual(self.names(s), ["alpha", "beta", "gamma"])
        self.assertEqual(s.DeleteInstance('Test_Base.Name="gamma",Slot=3').GetCallStatus(0), 0)
        self.assertEqual(self.names(s), ["alpha", "beta"])
        process = self.services(self.connect(SHORT), "//./root/cimv2").GetObject("Win32_Process")[0]
        self.assertEqual(process.Create("true", "C:\\", None).getProperties()["ReturnValue"]["value"], 0)

    def test_activation_needs_a_new_bind(self):
        """impacket binds for each activation, on one connection. A connection is bound once (C706 12.6.4.3, MS-RPCE 3.3.1.5.2: what follows are
        alter_contexts), Windows refuses a second bind and closes; what was made before is not touched, and a new connection goes on."""
        connection = self.connect()
        first = self.activate(connection)
        with self.assertRaises(DCERPCException) as caught:
            self.activate(connection)
        self.assertIn("Bind context rejected", str(caught.exception))
        services = first.NTLMLogin("//./root/default", NULL, NULL)
        connection.get_dce_rpc().connect()
        second = self.activate(connection)
        self.assertNotEqual(first.get_iPid(), second.get_iPid())
        self.assertEqual(first.get_oxid(), second.get_oxid())
        other = second.NTLMLogin("//./root/cimv2", NULL, NULL)
        self.assertEqual(self.names(services), ["alpha", "beta"])
        self.assertEqual(len(self.rows(other.ExecQuery("select Name from Win32_ComputerSystem"))), 1)

    def test_activations_after_each_other(self):
        for _ in range(10):
            connection = self.connect()
            self.assertEqual(self.names(self.services(connection)), ["alpha", "beta"])
            self.disconnect(connection)

    def test_side_by_side(self):
        """Two connections with objects of their own, used by turns. impacket tells connections by what the user typed."""
        left, right = (self.services(self.connect(target)) for target in (apart.ADDRESS, SHORT))
        slow, fast = left.ExecQuery("select * from Test_Base"), right.ExecQuery("select * from Test_Base")
        found = [next(iter(e.Next(FOREVER, 1))).Name for e in (slow, fast, slow, fast)]
        self.assertEqual(sorted(found), ["alpha", "alpha", "beta", "beta"])
        left.RemRelease()
        self.assertEqual(self.names(right), ["alpha", "beta"])

    def test_threads(self):
        """impacket has a connection a thread to the same objects."""
        s = self.services(self.connect(apart.HOST))
        wrong = []

        def work():
            try:
                dcomrt.INTERFACE.CONNECTIONS[apart.HOST].setdefault(threading.current_thread().name, {})
                for _ in range(5):
                    wrong.extend([] if self.names(s) == ["alpha", "beta"] else ["wrong rows"])
            except Exception as e:
                wrong.append(repr(e))
        threads = [threading.Thread(target=work, name=f"worker{i}") for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_many_objects(self):
        """Enumerators that are all open, read by turns, given back in another order."""
        s = self.services(self.connect())
        several = [s.ExecQuery("select * from Test_Base") for _ in range(150)]
        self.assertEqual(len({e.get_iPid() for e in several}), 150)
        for _ in range(2):
            for enumerator in several:
                self.assertEqual(len(enumerator.Next(FOREVER, 1)), 1)
        for enumerator in several[::2] + several[1::2]:
            enumerator.RemRelease()
        self.assertEqual(self.names(s), ["alpha", "beta"])

    def test_given_back(self):
        """What impacket gives back is one of the references it was given: the object stays; with the others it goes, and says so at privacy too."""
        s = self.services(self.connect())
        s.RemRelease()
        self.assertEqual(self.names(s), ["alpha", "beta"])
        request = dcomrt.RemRelease()
        request["ORPCthis"] = s.get_cinstance().get_ORPCthis()
        request["ORPCthis"]["flags"] = 0
        request["cInterfaceRefs"] = 1
        element = dcomrt.REMINTERFACEREF()
        element["ipid"], element["cPublicRefs"] = s.get_iPid(), 1000
        request["InterfaceRefs"].append(element)
        s.request(request, dcomrt.IID_IRemUnknown, s.get_ipidRemUnknown())
        with self.assertRaisesRegex(DCERPCException, "RPC_E_DISCONNECTED"):
            s.GetObject("Test_Base")

    def test_objects_outlive_their_connection(self):
        """The exporter's connection goes; a new one finds the objects as they were."""
        s = self.services(self.connect())
        enumerator = s.ExecQuery("select * from Test_Base")
        first = enumerator.Next(FOREVER, 1)[0].Name
        s.disconnect()
        dcomrt.INTERFACE.CONNECTIONS[apart.ADDRESS][threading.current_thread().name] = {}
        self.assertEqual({first, enumerator.Next(FOREVER, 1)[0].Name}, {"alpha", "beta"})
        self.assertEqual(s.GetObject('Test_Base.Name="alpha",Slot=1')[0].Note, "first")

    def test_pings(self):
        """What its timer does every two minutes, done now: a set with what it got, without what it gave back, and with what was no object at all."""
        said = []
        handler = logging.Handler()
        handler.emit = lambda record: said.append(record.getMessage())
        logging.getLogger("impacket").addHandler(handler)
        self.addCleanup(logging.getLogger("impacket").removeHandler, handler)
        connection = self.connect(oxidResolver=True)
        login = self.activate(connection)
        services = login.NTLMLogin("//./root/default", NULL, NULL)

        def ping():
            DCOMConnection.PINGTIMER.cancel()  # each makes the next one
            DCOMConnection.pingServer()
        ping()
        entry = DCOMConnection.OID_SET[apart.ADDRESS]
        self.assertEqual(entry["oids"], {login.get_oid(), services.get_oid()})
        self.assertNotEqual(entry["setid"], 0)
        ping()
        login.RemRelease()
        enumerator = services.ExecQuery("select * from Test_Base")
        smart = services.RemQueryInterface(1, (wmi.IID_IWbemServices,))  # impacket takes its OXID for its OID
        smart.RemRelease()
        before = entry["setid"]
        ping()
        ping()
        self.assertEqual(entry["oids"], {services.get_oid(), enumerator.get_oid()})
        self.assertEqual(entry["setid"], before)
        self.assertEqual(said, [])
        self.assertEqual(self.names(services), ["alpha", "beta"])


if sys.argv[1:2] == ["--inside"]:
    apart.enter(sys.argv[2])
    apart.report([Objects], sys.argv[3:])
    sys.exit(0)


# ---- outside ----

def debian():
    return os.path.exists(DEBIAN) and subprocess.run([DEBIAN, "-c", "import impacket.dcerpc.v5.dcom.wmi"], capture_output=True).returncode == 0


@unittest.skipUnless((apart.available() and PEERS) or os.environ.get("CI"), "needs root and impacket")
class ObjectsTest(unittest.TestCase):
    maxDiff = None

    def judge(self, outcome, said):
        self.assertEqual(len(outcome), 9)
        for name, what in outcome.items():
            with self.subTest(test=name):
                self.assertEqual(what, "ok", said)

    def test_current(self):
        self.judge(*apart.run(__file__))

    @unittest.skipUnless(debian() or os.environ.get("CI"), "needs Debian's package python3-impacket")
    def test_debian(self):
        self.judge(*apart.run(__file__, python=DEBIAN))


def load_tests(loader, tests, pattern):
    return loader.loadTestsFromTestCase(ObjectsTest)


if __name__ == "__main__":
    unittest.main()
