"""curl with messages in the shape of the specification's examples (MS-WSMV section 4), byte by byte ours.

covers: wsman:E1 wsman:E2
"""
import pathlib
import subprocess
import unittest
import xml.etree.ElementTree as ET

import scenario_path
from daemon import PASSWORD, USER, Daemon
from wsman import NS

HERE = pathlib.Path(__file__).resolve().parent
GET = """<?xml version="1.0" encoding="utf-8"?>
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd">
 <s:Header>
  <a:To>http://server:80/wsman</a:To>
  <w:ResourceURI s:mustUnderstand="true">
   http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_OperatingSystem
  </w:ResourceURI>
  <a:ReplyTo><a:Address s:mustUnderstand="true">
   http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous
  </a:Address></a:ReplyTo>
  <a:Action s:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2004/09/transfer/Get</a:Action>
  <w:MaxEnvelopeSize s:mustUnderstand="true">153600</w:MaxEnvelopeSize>
  <a:MessageID>uuid:9A989269-283B-4624-BAC5-BC291F72E854</a:MessageID>
  <w:Locale xml:lang="en-US" s:mustUnderstand="false"/>
  <p:DataLocale xml:lang="en-US" s:mustUnderstand="false"/>
  <w:OperationTimeout>PT60.000S</w:OperationTimeout>
 </s:Header>
 <s:Body/>
</s:Envelope>"""


class Curl(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(tls=True).start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)

    def curl(self, data, charset="UTF-8", role="http", *options):
        done = subprocess.run(["curl", "-s", "-S", "-u", f"{USER}:{PASSWORD}", "-H",
                               f"Content-Type: application/soap+xml;charset={charset}", "--data-binary", "@-", *options,
                               self.daemon.url(role)], input=data, capture_output=True, timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def check(self, data):
        root = ET.fromstring(data)
        self.assertEqual(root.find("s:Header/a:RelatesTo", NS).text, "uuid:9A989269-283B-4624-BAC5-BC291F72E854")
        self.assertTrue(root.find("s:Body", NS)[0].tag.endswith("Win32_OperatingSystem"))

    def test_utf8(self):
        self.check(self.curl(GET.encode()))
        self.check(self.curl(b"\xef\xbb\xbf" + GET.encode()))

    def test_utf16(self):
        text = GET.replace('encoding="utf-8"', 'encoding="utf-16"')
        for data in (text.encode("utf-16"), b"\xfe\xff" + text.encode("utf-16-be")):
            reply = self.curl(data, "UTF-16")
            self.assertIn(reply[:2], (b"\xff\xfe", b"\xfe\xff"))
            self.check(reply)

    def test_https(self):
        self.check(self.curl(GET.encode(), "UTF-8", "https", "--cacert", self.daemon.certificate))

    def test_large_request_with_expect(self):
        padded = GET.replace("<s:Body/>", "<!--" + " " * 300000 + "--><s:Body/>")
        self.check(self.curl(padded.encode(), "UTF-8", "http", "-H", "Expect: 100-continue"))

    def test_chunked(self):
        self.check(self.curl(GET.encode(), "UTF-8", "http", "-H", "Transfer-Encoding: chunked"))


if __name__ == "__main__":
    unittest.main()
