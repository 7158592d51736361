"""pywinrm and pypsrp, unmodified, with NTLM and sealed messages over plain HTTP.

covers: security:S36
"""
import unittest

import scenario_path
import test_pywinrm
from daemon import PASSWORD, USER, Daemon
from pypsrp.wsman import WSMan
from winrm.exceptions import InvalidCredentialsError
from winrm.protocol import Protocol


class Sealed(unittest.TestCase):
    query, ask = test_pywinrm.Pywinrm.query, test_pywinrm.Pywinrm.ask

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon({"auth.basic": "off", "auth.allow_unencrypted": "off", "auth.kerberos": "off"}).start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)

    def protocol(self, password=PASSWORD):
        return Protocol(self.daemon.url(), transport="ntlm", username=USER, password=password, message_encryption="always")

    def test_pywinrm(self):
        protocol = self.protocol()
        for _ in range(3):
            rows = self.query(protocol, "SELECT Handle, Name FROM Win32_Process WHERE Handle = '1'")
            self.assertEqual([row["Handle"] for row in rows], ["1"])
        with self.assertRaises(InvalidCredentialsError):
            self.query(self.protocol("wrong"), "SELECT * FROM Win32_ComputerSystem")

    def test_pypsrp(self):
        host, port = self.daemon.address()
        with WSMan(host, port=port, ssl=False, auth="ntlm", username=USER, password=PASSWORD, encryption="always") as client:
            for _ in range(3):
                body = client.get("http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_OperatingSystem")
                self.assertTrue(any(item.tag.endswith("}Caption") for item in body.iter()))


if __name__ == "__main__":
    unittest.main()
