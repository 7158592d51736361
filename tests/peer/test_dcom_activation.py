"""impacket, unmodified, against our resolver, activation and exporter over sockets: both ways to activate, references, pings, other
accounts, what must fail.

covers: wmi-dcom:D3 wmi-dcom:D5 wmi-dcom:D6 wmi-dcom:D7 wmi-dcom:D8 wmi-dcom:D9 wmi-dcom:X1 wmi-dcom:X3 wmi-dcom:X7
"""
import pathlib
import subprocess
import tempfile
import unittest
import warnings

from token_tool import BUILD

try:
    from impacket.dcerpc.v5 import dcomrt, transport
    from impacket.dcerpc.v5.dcom import wmi
    from impacket.dcerpc.v5.dtypes import NULL
    from impacket.dcerpc.v5.rpcrt import RPC_C_AUTHN_LEVEL_CONNECT, RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, DCERPCException
    from impacket.uuid import string_to_bin
except ImportError:
    dcomrt = RPC_C_AUTHN_LEVEL_PKT_INTEGRITY = None

HOST = "127.0.0.1"


@unittest.skipUnless(dcomrt, "impacket is not installed")
class Activation(unittest.TestCase):
    def setUp(self):
        warnings.simplefilter("ignore", ResourceWarning)  # of impacket's sockets
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.server = subprocess.Popen([str(BUILD / "tests" / "dcom" / "dcom_tool"), str(pathlib.Path(folder.name) / "accounts")],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.stop)
        self.resolver, self.exporter = (int(p) for p in self.server.stdout.readline().split())

    def stop(self):
        self.server.stdin.close()
        self.assertEqual(self.server.wait(30), 0)
        self.server.stdout.close()

    def counts(self, seconds=0):
        """Objects, IPIDs, ping sets; the server's clock is moved first."""
        self.server.stdin.write(f"{seconds}\n")
        self.server.stdin.flush()
        return [int(n) for n in self.server.stdout.readline().split()]

    def connect(self, user="alice", level=None, password="secret"):
        connection = dcomrt.DCOMConnection(f"{HOST}[{self.resolver}]", user, password,
                                           **({} if level is None else {"authLevel": level}))
        # It keeps this under what it was given, and looks for it under the host's name alone: nobody else has a port there.
        dcomrt.DCOMConnection.PORTMAPS[HOST] = connection.get_dce_rpc()
        self.addCleanup(self.disconnect, connection)
        return connection

    @staticmethod
    def disconnect(connection):
        # Connections to exporters are kept by host name, whatever their port: the next server is another one.
        dcomrt.INTERFACE.CONNECTIONS.clear()
        connection.disconnect()

    def login(self, connection=None):
        activated = (connection or self.connect()).CoCreateInstanceEx(wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login)
        return wmi.IWbemLevel1Login(activated)

    def plain(self, level=RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, user="alice", port=None):
        dce = transport.DCERPCTransportFactory(f"ncacn_ip_tcp:{HOST}[{port or self.resolver}]")
        if level:
            dce.set_credentials(user, "secret")
        dce = dce.get_dce_rpc()
        if level:
            dce.set_auth_level(level)
        dce.connect()
        self.addCleanup(dce.disconnect)
        return dce

    def test_login_and_release(self):
        login = self.login()
        self.assertEqual(login.EstablishPosition(), 1)
        services = login.NTLMLogin("//./root/cimv2", NULL, NULL)
        self.assertEqual(self.counts(), [2, 2, 0])
        login.RemRelease()  # one reference of five
        self.assertEqual(self.counts(), [2, 2, 0])
        found = services.RemQueryInterface(1, (string_to_bin("00000000-0000-0000-c000-000000000046"),))
        self.assertEqual(self.counts(), [2, 3, 0])
        found.RemRelease()
        self.assertEqual(self.counts(), [2, 2, 0])
        self.assertEqual(self.counts(361), [0, 0, 0])
        with self.assertRaises(DCERPCException) as raised:
            login.EstablishPosition()
        self.assertIn("disconnected", str(raised.exception).lower())

    def test_levels(self):
        for level in (RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, RPC_C_AUTHN_LEVEL_PKT_PRIVACY):
            connection = self.connect(level=level)
            self.assertEqual(self.login(connection).EstablishPosition(), 1)
            self.disconnect(connection)
        with self.assertRaises(DCERPCException) as raised:
            self.login(self.connect(level=RPC_C_AUTHN_LEVEL_CONNECT))
        self.assertIn("access_denied", str(raised.exception).lower())

    def test_failures_of_methods(self):
        with self.assertRaises(DCERPCException) as raised:
            self.login().NTLMLogin("//./root/nowhere", NULL, NULL)
        self.assertEqual(raised.exception.get_error_code(), 0x8004100E)

    def test_unknown_class_and_interface(self):
        with self.assertRaises(DCERPCException) as raised:
            self.connect().CoCreateInstanceEx(string_to_bin("11111111-2222-3333-4444-555555555555"), wmi.IID_IWbemLevel1Login)
        self.assertEqual(raised.exception.get_error_code(), 0x80040154)
        with self.assertRaises(DCERPCException) as raised:
            self.connect().CoCreateInstanceEx(wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemServices)
        self.assertEqual(raised.exception.get_error_code(), 0x80004002)
        self.assertEqual(self.counts(), [0, 0, 0])

    def test_remote_activation(self):
        activated = dcomrt.IActivation(self.plain()).RemoteActivation(wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login)
        self.assertEqual(len(activated.get_iPid()), 16)
        self.assertEqual(self.counts(), [1, 1, 0])

    def test_class_object(self):
        factory = dcomrt.IRemoteSCMActivator(self.plain()).RemoteGetClassObject(
            wmi.CLSID_WbemLevel1Login, string_to_bin("00000001-0000-0000-c000-000000000046"))
        self.assertEqual(len(factory.get_iPid()), 16)
        self.assertEqual(self.counts(), [1, 1, 0])

    def test_resolver(self):
        for level in (None, RPC_C_AUTHN_LEVEL_PKT_INTEGRITY):
            exporter = dcomrt.IObjectExporter(self.plain(level))
            bindings = [b["aNetworkAddr"].rstrip("\0") for b in exporter.ServerAlive2()]
            self.assertEqual(bindings[0], HOST)
        exporter.ServerAlive()
        login = self.login()
        bindings = dcomrt.IObjectExporter(self.plain()).ResolveOxid2(login.get_oxid(), (7,))
        self.assertEqual(bindings[0]["aNetworkAddr"].rstrip("\0"), f"{HOST}[{self.exporter}]")
        with self.assertRaises(DCERPCException):
            dcomrt.IObjectExporter(self.plain()).ResolveOxid2(1, (7,))
        with self.assertRaises(DCERPCException):  # nobody in particular
            dcomrt.IObjectExporter(self.plain(None)).ResolveOxid2(login.get_oxid(), (7,))

    def test_pings(self):
        login = self.login()
        exporter = dcomrt.IObjectExporter(self.plain())
        made = exporter.ComplexPing(0, 0, (login.get_oid(), 12345), ())["pSetId"]
        self.assertEqual(self.counts(), [1, 1, 1])
        for _ in range(5):
            self.assertEqual(self.counts(300), [1, 1, 1])
            exporter.SimplePing(made)
        self.assertEqual(exporter.ComplexPing(made, 0, (), (login.get_oid(), 999))["pSetId"], made)
        self.assertEqual(self.counts(121), [0, 0, 1])
        self.assertEqual(self.counts(361), [0, 0, 0])
        with self.assertRaises(DCERPCException):
            exporter.SimplePing(made)

    def test_an_object_of_another(self):
        login = self.login()
        dce = self.plain(user="bob", port=self.exporter)
        dce.bind(wmi.IID_IWbemLevel1Login)
        request = wmi.IWbemLevel1Login_EstablishPosition()
        request["reserved1"] = NULL
        request["reserved2"] = 0
        this = dcomrt.ORPCTHIS()
        this["cid"] = dcomrt.generate()
        this["extensions"] = NULL
        request["ORPCthis"] = this
        with self.assertRaises(DCERPCException) as raised:
            dce.request(request, login.get_iPid())
        self.assertIn("access_denied", str(raised.exception).lower())
        self.assertEqual(login.EstablishPosition(), 1)


if __name__ == "__main__":
    unittest.main()
