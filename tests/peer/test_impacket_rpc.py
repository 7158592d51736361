"""impacket's clients of the endpoint mapper and of the management interface, as its rpcdump, rpcmap and tests/dcerpc use them, unmodified."""
import socket
import sys
import unittest

from impacket.dcerpc.v5 import epm, mgmt, rpcrt, transport
from impacket.dcerpc.v5.dtypes import NULL
from impacket.dcerpc.v5.rpcrt import DCERPCException
from impacket.uuid import bin_to_string, bin_to_uuidtup, uuidtup_to_bin

sys.path.insert(0, __file__.rsplit("/", 2)[0] + "/scenario")
from daemon import PASSWORD, USER, Daemon

EPM, MGMT, UNKNOWN = uuidtup_to_bin(("E1AF8308-5D1F-11C9-91A4-08002B14A0FA", "3.0")), mgmt.MSRPC_UUID_MGMT, uuidtup_to_bin(
    ("12345678-1234-1234-1234-123456789abc", "1.0"))


class ImpacketRpcTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # impacket sends no MIC: taken where every call is signed
        cls.daemon = Daemon({"listen.epmap": "127.0.0.1:0", "listen.wmi": "127.0.0.1:0"}).start()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def connect(self, role="epmap", level=None, password=PASSWORD):
        host, port = self.daemon.address(role)
        t = transport.DCERPCTransportFactory(f"ncacn_ip_tcp:{host}[{port}]")
        if level is not None:
            t.set_credentials(USER, password)
        dce = t.get_dce_rpc()
        if level is not None:
            dce.set_auth_type(rpcrt.RPC_C_AUTHN_WINNT)
            dce.set_auth_level(level)
        dce.connect()
        self.addCleanup(dce.disconnect)
        return dce

    def test_rpcdump(self):
        """covers: wmi-dcom:E2"""
        entries = epm.hept_lookup(None, dce=self.connect())
        bindings = {(str(e["tower"]["Floors"][0]).split()[0], epm.PrintStringBinding(e["tower"]["Floors"])) for e in entries}
        host, port = self.daemon.address("epmap")
        self.assertIn((bin_to_string(EPM), f"ncacn_ip_tcp:{host}[{port}]"), bindings)

    def test_map(self):
        """covers: wmi-dcom:E1"""
        host, port = self.daemon.address("epmap")
        self.assertEqual(epm.hept_map(host, EPM, protocol="ncacn_ip_tcp", dce=self.connect()), f"ncacn_ip_tcp:{host}[{port}]")
        with self.assertRaisesRegex(DCERPCException, "ept_s_not_registered"):
            epm.hept_map(host, UNKNOWN, protocol="ncacn_ip_tcp", dce=self.connect())

    def test_lookup_handle(self):
        dce = self.connect()
        dce.bind(epm.MSRPC_UUID_PORTMAP)
        request = epm.ept_lookup()
        request["inquiry_type"] = epm.RPC_C_EP_ALL_ELTS
        request["object"] = request["Ifid"] = NULL
        request["vers_option"] = epm.RPC_C_VERS_ALL
        request["max_ents"] = 10
        request["entry_handle"]["context_handle_uuid"] = b"\x01" * 16
        with self.assertRaisesRegex(DCERPCException, "nca_s_fault_context_mismatch"):
            dce.request(request)

    def test_mgmt(self):
        """covers: wmi-dcom:E4"""
        for role in ("epmap", "wmi"):
            dce = self.connect(role)
            dce.bind(MGMT)
            ids = mgmt.hinq_if_ids(dce)["if_id_vector"]
            found = {bin_to_uuidtup(ids["if_id"][i]["Data"].getData()) for i in range(ids["count"])}
            self.assertIn(bin_to_uuidtup(MGMT), found)
            self.assertEqual(bin_to_uuidtup(EPM) in found, role == "epmap")
            self.assertEqual(mgmt.hinq_stats(dce)["count"], 4)
            self.assertEqual(mgmt.his_server_listening(dce)["status"], 0)
            with self.assertRaisesRegex(DCERPCException, "access_denied"):
                mgmt.hstop_server_listening(dce)
            name = b"".join(mgmt.hinq_princ_name(dce, rpcrt.RPC_C_AUTHN_GSS_KERBEROS, 300)["princ_name"])
            self.assertEqual(name, b"host/" + socket.gethostname().encode() + b"\0")

    def test_logins(self):
        """covers: wmi-dcom:R13 wmi-dcom:R14 wmi-dcom:R15"""
        for level in (rpcrt.RPC_C_AUTHN_LEVEL_PKT, rpcrt.RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, rpcrt.RPC_C_AUTHN_LEVEL_PKT_PRIVACY):
            with self.subTest(level=level):
                dce = self.connect(level=level)
                dce.bind(MGMT)
                for _ in range(3):
                    self.assertEqual(mgmt.his_server_listening(dce)["status"], 0)

    def test_no_mic_below_integrity(self):
        """Nothing is signed at level connect: there a login without a MIC could be a relay's."""
        with self.assertRaises(DCERPCException):
            dce = self.connect(level=rpcrt.RPC_C_AUTHN_LEVEL_CONNECT)
            dce.bind(MGMT)
            mgmt.his_server_listening(dce)

    def test_wrong_password(self):
        """covers: wmi-dcom:R17"""
        dce = self.connect(level=rpcrt.RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, password="wrong")
        with self.assertRaises(DCERPCException):
            dce.bind(MGMT)
            mgmt.his_server_listening(dce)

    def test_unknown_interface(self):
        """covers: wmi-dcom:R7"""
        with self.assertRaisesRegex(DCERPCException, "abstract_syntax_not_supported"):
            self.connect().bind(UNKNOWN)


if __name__ == "__main__":
    unittest.main()
