"""pywinrm, unmodified: its own headers (mustUnderstand without a prefix, a fixed a:To) around WQL and Get, as its users send
them. Shells are a later matter: asking for one must end in a fault that it understands.

covers: wsman:C10 wsman:C11 wsman:E5
"""
import unittest
import xml.etree.ElementTree as ET

import winrm
import xmltodict
import scenario_path
from daemon import PASSWORD, USER, Daemon
from winrm.exceptions import InvalidCredentialsError, WinRMError, WSManFaultError
from winrm.protocol import Protocol
from wsman import ENUMERATION, NS, TRANSFER, WMI, WQL, instance_of


class Pywinrm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(tls=True).start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)

    def protocol(self, role="http", password=PASSWORD, **options):
        return Protocol(self.daemon.url(role), transport="plaintext" if role == "http" else "basic", username=USER, password=password,
                        **options)

    def ask(self, protocol, action, uri, body, selectors=None):
        header = protocol.build_wsman_header(action, uri)
        if selectors:
            header["env:Header"]["w:SelectorSet"] = {"w:Selector": [{"@Name": k, "#text": v} for k, v in selectors.items()]}
        message = xmltodict.unparse({"env:Envelope": {**header, "env:Body": body}})
        return ET.fromstring(protocol.send_message(message)).find("s:Body", NS)

    def query(self, protocol, text):
        body = {"n:Enumerate": {"w:OptimizeEnumeration": None, "w:MaxElements": "32000",
                                "w:Filter": {"@Dialect": WQL, "#text": text}}}
        items = self.ask(protocol, f"{ENUMERATION}/Enumerate", f"{WMI}root/cimv2/*", body).find(".//w:Items", NS)
        return [instance_of(item) for item in items]

    def test_wql(self):
        rows = self.query(self.protocol(), "SELECT Handle, Name FROM Win32_Process WHERE Handle = '1'")
        self.assertEqual([row["Handle"] for row in rows], ["1"])
        self.assertEqual(set(rows[0]), {"Handle", "Name"})

    def test_get(self):
        body = self.ask(self.protocol(), f"{TRANSFER}/Get", f"{WMI}root/cimv2/Win32_OperatingSystem", None)
        self.assertIn("Caption", instance_of(body[0]))
        body = self.ask(self.protocol(), f"{TRANSFER}/Get", f"{WMI}root/cimv2/Win32_Process", None, {"Handle": "1"})
        self.assertEqual(instance_of(body[0])["ProcessId"], "1")

    def test_https(self):
        rows = self.query(self.protocol("https", ca_trust_path=self.daemon.certificate), "SELECT * FROM Win32_ComputerSystem")
        self.assertEqual(len(rows), 1)

    def test_faults(self):
        with self.assertRaises(WSManFaultError) as caught:
            self.query(self.protocol(), "SELECT * FROM Win32_Nothing")
        self.assertEqual(caught.exception.fault_subcode, "a:DestinationUnreachable")
        with self.assertRaises(InvalidCredentialsError):
            self.query(self.protocol(password="wrong"), "SELECT * FROM Win32_ComputerSystem")

    def test_shells_are_refused_in_words(self):
        session = winrm.Session(self.daemon.url(), auth=(USER, PASSWORD), transport="plaintext")
        with self.assertRaises((WSManFaultError, WinRMError)) as caught:
            session.run_cmd("id")
        self.assertIn("windows/shell", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
