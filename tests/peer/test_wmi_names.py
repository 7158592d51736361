"""Where clients of WMI are told to come to: impacket connects to a binding whose text contains what its user typed, so each name and address
that leads here has to stand there, the address that was connected to first. In a network namespace with several addresses."""
import struct
import subprocess
import sys
import unittest

import scenario_path
import test_wmi_impacket as base
from daemon import PASSWORD, USER, Daemon

INSIDE = sys.argv[1:2] == ["--inside"]
if base.PEERS:
    from impacket.dcerpc.v5 import dcomrt, transport
    from impacket.dcerpc.v5.dcom import wmi
    from impacket.dcerpc.v5.dtypes import NULL

ONE, TWO, SIX, OUTSIDE = "10.78.0.1", "10.78.0.2", "fd78::1", "198.51.100.7"


class NamesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for command in ("ip link add d0 type veth peer name d1", "ip link set d1 up", "ip link set d0 up", f"ip address add {ONE}/24 dev d0", f"ip address add {TWO}/24 dev d0",
                        f"ip -6 address add {SIX}/64 dev d0 nodad", f"ip address add {OUTSIDE}/32 dev lo"):
            subprocess.run(command.split(), check=True)

    def start(self, **settings):
        daemon = Daemon({"listen.epmap": "0.0.0.0:135,[::]:135", "listen.wmi": "0.0.0.0:0,[::]:0", **settings})
        daemon.start()
        self.addCleanup(daemon.__exit__, None, None, None)
        return daemon

    @staticmethod
    def bindings(address):
        """String bindings of ServerAlive2, then those of an activation: with their ports."""
        way = transport.DCERPCTransportFactory(f"ncacn_ip_tcp:{address}")
        dce = way.get_dce_rpc()
        dce.connect()
        alive = [b["aNetworkAddr"].rstrip("\0") for b in dcomrt.IObjectExporter(dce).ServerAlive2() if b["wTowerId"] == 7]
        dce.disconnect()
        return alive

    def login(self, target, remote=None):
        """impacket's way, from the name that the user typed to an object."""
        connection = dcomrt.DCOMConnection(target, USER, PASSWORD, "", remoteHost=remote)
        self.addCleanup(base.Inside.disconnect, connection)
        made = connection.CoCreateInstanceEx(wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login)
        services = wmi.IWbemLevel1Login(made).NTLMLogin("//./root/cimv2", NULL, NULL)
        return services.GetObject("Win32_OperatingSystem")[0].getClassName()

    def test_what_is_told(self):
        host = subprocess.run(["hostname"], capture_output=True, text=True).stdout.strip().partition(".")[0]
        self.start(**{"wmi.names": "wmi.example.org, 203.0.113.9 ,wmi.example.org"})
        for address in (ONE, TWO, "127.0.0.1", SIX, "::1"):
            found = self.bindings(address)
            self.assertEqual(found[0], address)
            self.assertEqual(len(set(found)), len(found), found)  # each once
            self.assertLessEqual({host, "wmi.example.org", "203.0.113.9", ONE, TWO, SIX} - {""}, set(found))
            self.assertEqual("localhost" in found, address in ("127.0.0.1", "::1"))
            self.assertFalse([f for f in found if f.startswith("fe80")], found)

    def test_each_way_in(self):
        self.start(**{"wmi.names": f"wmi.example.org,{OUTSIDE}"})
        for target in (ONE, TWO, SIX, "127.0.0.1"):
            self.assertEqual(self.login(target), "Win32_OperatingSystem", target)
        # Under an alias, and behind a translated address (which leads to one of ours).
        for target in ("wmi.example.org", OUTSIDE):
            self.assertEqual(self.login(target, remote=ONE) if target == OUTSIDE else self.login_by_name(target), "Win32_OperatingSystem", target)

    def login_by_name(self, name):
        """A name that only this process can look up."""
        import socket
        plain = socket.getaddrinfo
        socket.getaddrinfo = lambda host, *more, **named: plain(TWO if host == name else host, *more, **named)
        try:
            return self.login(name)
        finally:
            socket.getaddrinfo = plain

    def test_one_address_only(self):
        """A listener of one address says nothing of the others."""
        daemon = Daemon({"listen.epmap": f"{ONE}:135", "listen.wmi": f"{ONE}:0"})
        daemon.start()
        self.addCleanup(daemon.__exit__, None, None, None)
        found = self.bindings(ONE)
        self.assertEqual(found[0], ONE)
        self.assertNotIn(TWO, found)
        self.assertNotIn(SIX, found)


CASES = [NamesTest]
if INSIDE and __name__ == "__main__":
    base.inside(sys.argv[2:], CASES)
    sys.exit(0)


@unittest.skipUnless(base.available(), "needs root, impacket and aiowmi")
class WmiNamesTest(unittest.TestCase):
    def test_all(self):
        base.run_inside(self, __file__, 3)


def load_tests(loader, tests, pattern):
    return loader.loadTestsFromTestCase(WmiNamesTest)


if __name__ == "__main__":
    unittest.main()
