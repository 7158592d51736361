"""impacket and aiowmi, unmodified, against cimd's WMI over DCOM: logins, queries, enumerators, objects, changes, methods; what is written
over one protocol is read over the other.

impacket always goes to port 135, so the tests run in a network namespace of their own: this file executes itself there and prints what
came of each test."""
import asyncio
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "scenario")]
from daemon import PASSWORD, USER, Daemon, binary

SAMPLE = HERE.parent / "scenario" / "sample.mof"
INSIDE = sys.argv[1:2] == ["--inside"]
INTEGRITY, PRIVACY = 5, 6
FOREVER = 0xffffffff
S_FALSE = 1
ACCESS_DENIED, INVALID_NAMESPACE, INVALID_PARAMETER = 0x80041003, 0x8004100e, 0x80041008
NOT_FOUND, INVALID_CLASS, INVALID_QUERY_TYPE, INVALID_OPERATION, NOT_SUPPORTED = 0x80041002, 0x80041010, 0x80041018, 0x80041016, 0x8004100c
QUOTA_VIOLATION, INVALID_CONTEXT, ALREADY_EXISTS = 0x8004106c, 0x80041007, 0x80041019

try:
    from impacket.dcerpc.v5 import dcomrt
    from impacket.dcerpc.v5.dcom import wmi
    from impacket.dcerpc.v5.dcomrt import DCOMConnection
    from impacket.dcerpc.v5.dtypes import NULL
    from impacket.dcerpc.v5.rpcrt import DCERPCException
    from aiowmi.connection import Connection
    from aiowmi.query import Query
    PEERS = True
except ImportError:
    PEERS = False


# ---- inside ----

class Inside(unittest.TestCase):
    level = PRIVACY

    @classmethod
    def setUpClass(cls):
        settings = {"listen.epmap": "127.0.0.1:135", "listen.wmi": "127.0.0.1:0"}
        cls.daemon = Daemon(settings)
        cls.daemon.write_config()
        cls.daemon.add_user(USER, PASSWORD, "--group", "administrators", "--posix-user", "nobody")
        cls.daemon.add_user("reader", PASSWORD)
        cls.daemon.run("mof", "--namespace", "root/default", str(SAMPLE))
        sealed = cls.daemon.state / "sealed.mof"
        sealed.write_text('[RequiresEncryption]\ninstance of __Namespace { Name = "sealed"; };\n')
        cls.daemon.run("mof", "--namespace", "root", str(sealed))
        cls.daemon.start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)

    def connect(self, user=USER, level=None):
        connection = DCOMConnection("127.0.0.1", user, PASSWORD, "", authLevel=level or self.level)
        self.addCleanup(self.disconnect, connection)
        made = connection.CoCreateInstanceEx(wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login)
        made.get_cinstance().set_auth_level(level or self.level)  # it would go by the server's hint
        return wmi.IWbemLevel1Login(made)

    @staticmethod
    def disconnect(connection):
        try:
            connection.disconnect()
        except KeyError:  # it knows one connection to a target
            pass

    def services(self, ns="//./root/default", **who):
        login = self.connect(**who)
        services = login.NTLMLogin(ns, NULL, NULL)
        login.RemRelease()
        return services

    def refused(self, code, call, *args, **named):
        with self.assertRaises(DCERPCException) as caught:
            call(*args, **named)
        self.assertEqual(hex(caught.exception.get_error_code() & 0xffffffff), hex(code))

    @staticmethod
    def values(o):
        return {name: p["value"] for name, p in o.getProperties().items()}

    def rows(self, enumerator):
        """Every object, one at a time; the end comes alone."""
        found = []
        while True:
            try:
                found += enumerator.Next(FOREVER, 1)
            except DCERPCException as e:
                self.assertEqual(e.get_error_code(), S_FALSE)
                return found

    def status(self, result):
        return result.GetCallStatus(0) & 0xffffffff

    def raw(self, thing, request, iid, **fields):
        for name, value in fields.items():
            if isinstance(value, str):
                request[name]["asData"] = value
            else:
                request[name] = value
        return thing.request(request, iid=iid, uuid=thing.get_iPid())

    def interface(self, parent, pointer):
        return dcomrt.INTERFACE(parent.get_cinstance(), b"".join(pointer["abData"]), parent.get_ipidRemUnknown(), target=parent.get_target())

    def cim(self, verb, *args):
        host, port = self.daemon.address()
        done = subprocess.run([binary("cim"), verb, f"wsmv://{USER}@{host}:{port}/root/default", *args, "--auth", "basic", "--allow-unencrypted", "-o", "json"],
                              env={**os.environ, "CIM_PASSWORD": PASSWORD}, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout) if done.stdout.strip() else None


class LoginTest(Inside):
    def test_establish_position(self):
        self.assertEqual(self.connect().EstablishPosition(), 1)

    def test_old_logins(self):
        login = self.connect()
        self.refused(NOT_SUPPORTED, self.raw, login, wmi.IWbemLevel1Login_RequestChallenge(), wmi.IID_IWbemLevel1Login, reserved1=NULL, reserved2=NULL)

    def test_namespaces(self):
        for ns in ("//./root/default", "root/default", "\\\\127.0.0.1\\root\\default", "ROOT\\Default"):
            with self.subTest(ns=ns):
                self.services(ns).GetObject("Test_Base")
        login = self.connect()
        self.refused(INVALID_NAMESPACE, login.NTLMLogin, "//./root/nowhere", NULL, NULL)
        self.refused(QUOTA_VIOLATION, login.NTLMLogin, "root/" + "x" * 9000, NULL, NULL)
        self.refused(INVALID_PARAMETER, login.NTLMLogin, "root/default", "no locale!\0", NULL)

    def test_rights(self):
        self.refused(ACCESS_DENIED, self.connect("reader").NTLMLogin, "//./root/default", NULL, NULL)

    def test_namespace_that_asks_for_encryption(self):
        """covers: wmi-dcom:W6"""
        self.services("root/sealed", level=PRIVACY).GetObject("__SystemClass")
        self.doCleanups()  # impacket would use that connection again
        self.refused(ACCESS_DENIED, self.connect(level=INTEGRITY).NTLMLogin, "root/sealed", NULL, NULL)

    def test_children(self):
        root = self.services("//./root")
        answer = self.raw(root, wmi.IWbemServices_OpenNamespace(), wmi.IID_IWbemServices, strNamespace="default", lFlags=0, pCtx=NULL)
        child = wmi.IWbemServices(self.interface(root, answer["ppWorkingNamespace"]))
        self.assertEqual(child.GetObject("Test_Base")[0].getClassName(), "Test_Base")
        self.refused(INVALID_NAMESPACE, self.raw, root, wmi.IWbemServices_OpenNamespace(), wmi.IID_IWbemServices,
                     strNamespace="nowhere", lFlags=0, pCtx=NULL)


class ReadTest(Inside):
    def test_query(self):
        s = self.services()
        found = {o.Name: o.Slot for o in self.rows(s.ExecQuery("select * from Test_Base"))}
        self.assertEqual(found, {"alpha": 1, "beta": 2})
        chosen = self.rows(s.ExecQuery("select Note from Test_Base where Slot = 1"))
        self.assertEqual([self.values(o)["Note"] for o in chosen], ["first"])
        self.assertEqual([o.Name for o in self.rows(s.ExecQuery('associators of {Test_Base.Name="alpha",Slot=1}'))], ["beta"])
        self.refused(INVALID_CLASS, s.ExecQuery, "select * from Test_Nothing")
        request = wmi.IWbemServices_ExecQuery()
        self.refused(INVALID_QUERY_TYPE, self.raw, s, request, wmi.IID_IWbemServices, strQueryLanguage="SQL\0",
                     strQuery="select * from Test_Base\0", lFlags=0, pCtx=NULL)

    def test_semisynchronous(self):
        s = self.services()
        for flags in (0x10, 0x20, 0x30):
            with self.subTest(flags=hex(flags)):
                self.assertEqual(sorted(o.Name for o in self.rows(s.ExecQuery("select * from Test_Base", flags))), ["alpha", "beta"])

    def test_flags(self):
        s = self.services()
        self.refused(INVALID_PARAMETER, s.ExecQuery, "select * from Test_Base", 0x400)
        self.refused(INVALID_PARAMETER, s.GetObject, "Test_Base", 0x20)
        self.refused(INVALID_PARAMETER, s.CreateInstanceEnum, "Test_Base", 0x800)

    def test_objects(self):
        """covers: wmi-dcom:W12"""
        s = self.services()
        self.assertEqual(s.GetObject("Test_Base")[0].getClassName(), "Test_Base")
        one = s.GetObject('Test_Base.Name="alpha",Slot=1')[0]
        self.assertEqual((one.Name, one.Slot, one.Note), ("alpha", 1, "first"))
        self.assertEqual(self.values(s.GetObject("Test_Single=@")[0])["Value"], 7)
        self.refused(NOT_FOUND, s.GetObject, 'Test_Base.Name="nobody",Slot=1')
        self.assertEqual(len(s.GetObject("")[0].getProperties()), 0)

    def test_batches(self):
        s = self.services()
        enumerator = s.ExecQuery("select * from Test_Base")
        self.assertEqual(len(enumerator.Next(FOREVER, 2)), 2)
        self.refused(S_FALSE, enumerator.Next, FOREVER, 1)
        enumerator.Reset()
        first = enumerator.Next(FOREVER, 1)[0].Name
        copy = wmi.IEnumWbemClassObject(self.interface(enumerator, self.raw(enumerator, wmi.IEnumWbemClassObject_Clone(),
                                                                             wmi.IID_IEnumWbemClassObject)["ppEnum"]), s)
        rest = copy.Next(FOREVER, 1)[0].Name
        self.assertEqual({first, rest}, {"alpha", "beta"})
        self.assertEqual(enumerator.Next(FOREVER, 1)[0].Name, rest)
        enumerator.Reset()
        enumerator.Skip(FOREVER, 1)
        self.assertEqual(enumerator.Next(0, 1)[0].Name, rest)
        self.refused(S_FALSE, enumerator.Skip, FOREVER, 5)
        forward = s.ExecQuery("select * from Test_Base", 0x20)
        self.refused(INVALID_OPERATION, forward.Reset)
        self.refused(INVALID_OPERATION, forward.Clone)

    def test_instances(self):
        """covers: wmi-dcom:W16"""
        s = self.services()
        deep = self.rows(s.CreateInstanceEnum("Test_Base", 0))
        self.assertEqual(sorted(o.Name for o in deep), ["alpha", "beta"])
        self.assertEqual([o.Name for o in self.rows(s.CreateInstanceEnum("Test_Base", 1))], ["alpha"])

    def class_names(self, s, name, flags):
        answer = self.raw(s, wmi.IWbemServices_CreateClassEnum(), wmi.IID_IWbemServices, strSuperClass=name, lFlags=flags, pCtx=NULL)
        return [o.getClassName() for o in self.rows(wmi.IEnumWbemClassObject(self.interface(s, answer["ppEnum"]), s))]

    def test_classes(self):
        """covers: wmi-dcom:W15"""
        s = self.services()
        self.assertEqual(self.class_names(s, "Test_Base\0", 0), ["Test_Derived"])
        everything, top = self.class_names(s, "", 0), self.class_names(s, "", 1)
        self.assertTrue({"Test_Base", "Test_Derived", "__SystemClass"} <= set(everything))
        self.assertIn("Test_Base", top)
        self.assertNotIn("Test_Derived", top)

    def test_prototype(self):
        """covers: wmi-dcom:W19"""
        s = self.services()
        shape, = self.rows(s.ExecQuery("select Note, Name from Test_Base", 2))
        self.assertEqual(shape.getClassName(), "Test_Base")
        self.assertEqual(set(shape.getProperties()), {"Note", "Name"})

    def test_notifications_answer(self):
        s = self.services()
        self.refused(INVALID_PARAMETER, s.ExecNotificationQuery, "select * from __InstanceCreationEvent within 1", 0x10)

    def test_processes(self):
        s = self.services("//./root/cimv2")
        mine = self.rows(s.ExecQuery(f"select * from Win32_Process where ProcessId = {os.getpid()}"))
        self.assertEqual([o.ProcessId for o in mine], [os.getpid()])
        self.assertIn("Create", s.GetObject("Win32_Process")[0].getMethods())


class IntegrityTest(ReadTest):
    level = INTEGRITY


class ChangeTest(Inside):
    def put(self, s, name, slot, note):
        o = s.GetObject("Test_Base")[0].SpawnInstance()
        o.Name, o.Slot, o.Note = name, slot, note
        return s.PutInstance(o.marshalMe())

    def test_consistency(self):
        s = self.services()
        self.assertEqual(self.status(self.put(s, "written", 5, "over WMI")), 0)
        seen = self.cim("get", 'Test_Base.Name="written",Slot=5')
        self.assertIn("over WMI", json.dumps(seen))
        self.cim("set", 'Test_Base.Name="written",Slot=5', "Note=over WSMV")
        self.assertEqual(s.GetObject('Test_Base.Name="written",Slot=5')[0].Note, "over WSMV")
        self.assertEqual(self.status(s.DeleteInstance('Test_Base.Name="written",Slot=5')), 0)
        self.refused(NOT_FOUND, s.GetObject, 'Test_Base.Name="written",Slot=5')
        self.assertEqual(self.status(s.DeleteInstance('Test_Base.Name="written",Slot=5')), NOT_FOUND)

    def test_path_of_what_was_written(self):
        s = self.services()
        result = self.put(s, "path", 6, "x")
        text = self.raw(result, wmi.IWbemCallResult_GetResultString(), wmi.IID_IWbemCallResult, lTimeout=0)["pstrResultString"]["asData"]
        self.assertTrue(text.rstrip("\0").endswith('root\\default:Test_Base.Name="path",Slot=6'), text)
        self.refused(INVALID_OPERATION, self.raw, result, wmi.IWbemCallResult_GetResultObject(), wmi.IID_IWbemCallResult, lTimeout=0)
        gone = s.DeleteInstance('Test_Base.Name="path",Slot=6')
        self.refused(INVALID_OPERATION, self.raw, gone, wmi.IWbemCallResult_GetResultString(), wmi.IID_IWbemCallResult, lTimeout=0)

    @staticmethod
    def context(**values):
        """IWbemContext of booleans and lists of strings (MS-WMI 2.2.13)."""
        def text(s):
            return struct.pack("<I", len(s)) + s.encode("utf-16le")
        data = struct.pack("<I16xI", 1, len(values))
        for name, value in values.items():
            data += text(name) + bytes(4)
            if isinstance(value, bool):
                data += struct.pack("<HH6x", 11, 0xffff if value else 0)
            else:
                data += struct.pack("<HII", 0x2008, len(value), 4) + b"".join(text(v) for v in value)
        return (b"MEOW" + struct.pack("<I", 4) + bytes.fromhex("74a6ac44fce8d011a07c00c04fb68820") +
                bytes.fromhex("98664b6792eed011ad7100c04fd8fdff") + struct.pack("<II", 0, len(data)) + data)

    def put_with(self, s, reference, context, flags=0):
        request = wmi.IWbemServices_PutInstance()
        for name, data in (("pInst", reference), ("pCtx", context)):
            request[name]["ulCntData"] = len(data)
            request[name]["abData"] = list(data)
        answer = self.raw(s, request, wmi.IID_IWbemServices, lFlags=flags)
        return self.status(wmi.IWbemCallResult(self.interface(s, answer["ppCallResult"])))

    def test_partial_update(self):
        """covers: wmi-dcom:W17"""
        s = self.services()
        o = s.GetObject("Test_Derived")[0].SpawnInstance()
        o.Name, o.Slot, o.Note, o.Extra = "partial", 8, "before", 11
        self.assertEqual(self.status(s.PutInstance(o.marshalMe())), 0)
        o.Note, o.Extra = "after", 12
        sent = o.marshalMe().getData()
        self.assertEqual(self.put_with(s, sent, self.context(__PUT_EXTENSIONS=True, __PUT_EXT_PROPERTIES=["Note"])), 0)
        now = s.GetObject('Test_Derived.Name="partial",Slot=8')[0]
        self.assertEqual((now.Note, now.Extra), ("after", 11))
        self.assertEqual(self.put_with(s, sent, self.context(__PUT_EXTENSIONS=True)), INVALID_CONTEXT)
        s.DeleteInstance('Test_Base.Name="partial",Slot=8')

    def test_put_class(self):
        s, other = self.services(), self.services("root/cimv2")
        answer = self.raw(s, wmi.IWbemServices_GetObject(), wmi.IID_IWbemServices, strObjectPath="Test_Base", lFlags=0, pCtx=NULL)
        reference = b"".join(answer["ppObject"]["abData"])

        def put(flags):
            request = wmi.IWbemServices_PutClass()
            request["pObject"]["ulCntData"] = len(reference)
            request["pObject"]["abData"] = list(reference)
            answer = self.raw(other, request, wmi.IID_IWbemServices, lFlags=flags, pCtx=NULL)
            return self.status(wmi.IWbemCallResult(self.interface(other, answer["ppCallResult"])))
        self.assertEqual(put(1), NOT_FOUND)  # update only
        self.assertEqual(put(2), 0)
        self.assertEqual(put(2), ALREADY_EXISTS)  # create only
        self.assertEqual(put(1), 0)
        self.refused(INVALID_PARAMETER, put, 3)
        self.assertEqual(set(other.GetObject("Test_Base")[0].getProperties()), {"Name", "Slot", "Note"})
        self.assertEqual(self.status(other.DeleteClass("Test_Base")), 0)

    def test_delete_class(self):
        s = self.services()
        self.assertEqual(self.status(s.DeleteClass("Test_Nothing")), NOT_FOUND)
        self.assertEqual(self.status(s.DeleteClass("Test_Abstract")), 0)
        self.refused(NOT_FOUND, s.GetObject, "Test_Abstract")


class MethodTest(Inside):
    def test_static_method(self):
        s = self.services("//./root/cimv2")
        process = s.GetObject("Win32_Process")[0]
        answer = process.Create("/bin/true", "/", None)
        self.assertEqual(answer.getProperties()["ReturnValue"]["value"], 0)

    def test_method_of_an_instance(self):
        s = self.services("//./root/cimv2")
        mine = s.GetObject(f'Win32_Process.Handle="{os.getpid()}"')[0]
        answer = mine.GetOwner()
        self.assertEqual(answer.getProperties()["ReturnValue"]["value"], 0)
        self.assertEqual(answer.getProperties()["User"]["value"], "root")


class AiowmiTest(Inside):
    """Goes through IWbemFetchSmartEnum."""

    async def query(self, text, ns):
        connection = Connection("127.0.0.1", USER, PASSWORD)
        await connection.connect()
        service, found = None, []
        try:
            service = await connection.negotiate_ntlm()
            async with Query(text, namespace=ns).context(connection, service) as context:
                async for properties in context.results():
                    found.append({name: p.value for name, p in properties.items()})
        finally:
            if service:
                service.close()
            connection.close()
        return found

    def test_query(self):
        """covers: wmi-dcom:W28"""
        rows = asyncio.run(self.query("select Name, Slot from Test_Base", "root/default"))
        self.assertEqual(sorted((r["Name"], r["Slot"]) for r in rows), [("alpha", 1), ("beta", 2)])
        rows = asyncio.run(self.query(f"select ProcessId, Name from Win32_Process where ProcessId = {os.getpid()}", "root/cimv2"))
        self.assertEqual([r["ProcessId"] for r in rows], [os.getpid()])


def inside(names, cases):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    outcome = {}

    class Result(unittest.TestResult):
        def addSuccess(self, test):
            outcome.setdefault(test.id(), "ok")

        def addFailure(self, test, error):
            outcome[test.id()] = self._exc_info_to_string(error, test)

        addError = addFailure

        def addSubTest(self, test, subtest, error):
            if error:
                outcome[test.id()] = self._exc_info_to_string(error, test)

    loader = unittest.defaultTestLoader
    for case in cases:
        tests = loader.loadTestsFromTestCase(case)
        unittest.TestSuite(t for t in tests if not names or t._testMethodName in names or case.__name__ in names).run(Result())
    with open(os.environ["OUTCOME"], "w") as f:
        json.dump(outcome, f)


CASES = [LoginTest, ReadTest, IntegrityTest, ChangeTest, MethodTest, AiowmiTest]
if INSIDE and __name__ == "__main__":
    inside(sys.argv[2:], CASES)
    sys.exit(0)


# ---- outside ----

def available():
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    return PEERS and os.geteuid() == 0 and all(shutil.which(name) for name in ("unshare", "ip"))


def run_inside(case, path, least):
    """Executes a test file in a network namespace; each of its tests becomes a subtest of the case."""
    outcome = pathlib.Path(os.environ.get("TMPDIR", "/tmp")) / f"cimfony-wmi-{os.getpid()}.json"
    case.addCleanup(outcome.unlink, missing_ok=True)
    done = subprocess.run(["unshare", "--net", sys.executable, path, "--inside"], capture_output=True, text=True, timeout=600,
                          env={**os.environ, "OUTCOME": str(outcome)})
    case.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr[-4000:])
    found = json.loads(outcome.read_text())
    case.assertGreaterEqual(len(found), least)
    for name, what in found.items():
        with case.subTest(test=name):
            case.assertEqual(what, "ok", done.stdout[-2000:])


@unittest.skipUnless(available(), "needs root, impacket and aiowmi")
class WmiTest(unittest.TestCase):
    def test_all(self):
        run_inside(self, __file__, 34)


def load_tests(loader, tests, pattern):
    return loader.loadTestsFromTestCase(WmiTest)


if __name__ == "__main__":
    unittest.main()
