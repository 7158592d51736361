"""pypsrp's WS-Management client, unmodified.

covers: wsman:C2 wsman:C3 wsman:C4 wsman:C5 wsman:C6 wsman:C7 wsman:C8 wsman:C16
"""
import pathlib
import unittest
import xml.etree.ElementTree as ET

import scenario_path
from daemon import PASSWORD, USER, Daemon
from pypsrp.exceptions import AuthenticationError, WSManFaultError
from pypsrp.wsman import NAMESPACES, SelectorSet, WSMan, WSManAction
from wsman import WMI, WQL

MOF = pathlib.Path(__file__).resolve().parent.parent / "scenario" / "sample.mof"
BASE = WMI + "root/default/Test_Base"
WSEN, WSMAN_NS = NAMESPACES["wsen"], NAMESPACES["wsman"]


def selectors(**keys):
    result = SelectorSet()
    for name, value in keys.items():
        result.add_option(name, value)
    return result


def body(uri, name, **values):
    root = ET.Element(f"{{{uri}}}{name}")
    for key, value in values.items():
        ET.SubElement(root, f"{{{uri}}}{key}").text = value
    return root


class Pypsrp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(tls=True).start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)
        cls.daemon.run("mof", str(MOF))
        cls.wsman = cls.connect()
        cls.addClassCleanup(cls.wsman.close)

    @classmethod
    def connect(cls, user=USER, password=PASSWORD, **options):
        host, port = cls.daemon.address()
        return WSMan(host, port=port, ssl=False, auth="basic", encryption="never", username=user, password=password,
                     **options)

    def properties(self, reply):
        return {e.tag.rsplit("}")[-1]: e.text for e in reply[0]}

    def test_get(self):
        reply = self.wsman.get(BASE, selector_set=selectors(Name="alpha", Slot="1"))
        self.assertEqual(self.properties(reply)["Note"], "first")

    def test_create_put_delete(self):
        keys = selectors(Name="peer", Slot="3")
        reply = self.wsman.create(BASE, body(BASE, "Test_Base", Name="peer", Slot="3", Note="made"))
        self.assertIn("ResourceCreated", reply[0].tag)
        self.wsman.put(BASE, body(BASE, "Test_Base", Note="changed"), selector_set=keys)
        self.assertEqual(self.properties(self.wsman.get(BASE, selector_set=keys))["Note"], "changed")
        self.wsman.delete(BASE, selector_set=keys)
        with self.assertRaises(WSManFaultError) as caught:
            self.wsman.get(BASE, selector_set=keys)
        self.assertEqual(caught.exception.code, 2150858752)

    def test_invoke(self):
        uri = WMI + "root/cimv2/Win32_Process"
        reply = self.wsman.invoke(f"{uri}/GetOwner", uri, body(uri, "GetOwner_INPUT"),
                                  selector_set=selectors(Handle=str(self.daemon.process.pid)))
        output = reply.find("s:Body", NAMESPACES)[0]
        values = {e.tag.rsplit("}")[-1]: e.text for e in output}
        self.assertEqual(values["ReturnValue"], "0")
        import getpass
        self.assertEqual(values["User"], getpass.getuser())

    def enumerate_request(self, query=None, optimize=None):
        root = ET.Element(f"{{{WSEN}}}Enumerate")
        if optimize is not None:
            ET.SubElement(root, f"{{{WSMAN_NS}}}OptimizeEnumeration")
            ET.SubElement(root, f"{{{WSMAN_NS}}}MaxElements").text = str(optimize)
        if query:
            ET.SubElement(root, f"{{{WSMAN_NS}}}Filter", Dialect=WQL).text = query
        return root

    def pull_request(self, context, count):
        root = ET.Element(f"{{{WSEN}}}Pull")
        ET.SubElement(root, f"{{{WSEN}}}EnumerationContext").text = context
        ET.SubElement(root, f"{{{WSEN}}}MaxElements").text = str(count)
        return root

    def test_enumerate_pull_release(self):
        reply = self.wsman.enumerate(BASE, self.enumerate_request())
        context = reply[0].find("wsen:EnumerationContext", NAMESPACES).text
        reply = self.wsman.pull(BASE, self.pull_request(context, 1))
        self.assertEqual(len(reply[0].find("wsen:Items", NAMESPACES)), 1)
        context = reply[0].find("wsen:EnumerationContext", NAMESPACES).text
        release = ET.Element(f"{{{WSEN}}}Release")
        ET.SubElement(release, f"{{{WSEN}}}EnumerationContext").text = context
        self.wsman.invoke(NAMESPACES["wsen"] + "/Release", BASE, release)
        with self.assertRaises(WSManFaultError) as caught:
            self.wsman.pull(BASE, self.pull_request(context, 1))
        self.assertEqual(caught.exception.code, 2150858779)

    def test_optimized_query(self):
        uri = WMI + "root/cimv2/*"
        reply = self.wsman.enumerate(uri, self.enumerate_request("SELECT Handle, Name FROM Win32_Process", 32000))
        items = reply[0].find("wsman:Items", NAMESPACES)
        self.assertGreater(len(items), 0)
        self.assertIsNotNone(reply[0].find("wsman:EndOfSequence", NAMESPACES))

    def test_faults_are_understood(self):
        for resource, keys, code in ((BASE, selectors(Name="alpha"), 2150859002), (BASE + "x", selectors(Name="a"), None)):
            with self.assertRaises(WSManFaultError) as caught:
                self.wsman.get(resource, selector_set=keys)
            self.assertTrue(caught.exception.reason)
            if code:
                self.assertEqual(caught.exception.code, code)

    def test_wrong_password(self):
        with self.assertRaises(AuthenticationError):
            with self.connect(password="wrong") as wsman:
                wsman.get(BASE, selector_set=selectors(Name="alpha", Slot="1"))

    def test_https(self):
        _, port = self.daemon.address("https")
        with WSMan("localhost", port=port, ssl=True, auth="basic", username=USER, password=PASSWORD,
                   cert_validation=self.daemon.certificate) as wsman:
            self.assertEqual(self.properties(wsman.get(BASE, selector_set=selectors(Name="alpha", Slot="1")))["Note"], "first")


if __name__ == "__main__":
    unittest.main()
