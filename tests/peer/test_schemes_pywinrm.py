"""pywinrm, unmodified, with each of its transports: requests-ntlm, pykerberos, requests-credssp, client certificates, Basic; its own writing and
reading of sealed messages.

covers: security:S1 security:S2 security:S5 security:S12 security:S35 security:S36 security:S37
"""
import threading
import unittest
import xml.etree.ElementTree as ET

import scenario_path
import kdc
import xmltodict
from daemon import PASSWORD, USER
from login_site import ENCRYPTION_TYPES, LONG, SIZES, Site, TlsProxy
from winrm.exceptions import WSManFaultError
from winrm.protocol import Protocol
from wsman import ENUMERATION, NS, TRANSFER, instance_of


class Client(Site):
    def protocol(self, transport, role="http", encryption="auto", password=PASSWORD, user=USER, proxy=None, **options):
        port = proxy.port if proxy else self.daemon.address(role)[1]
        if role == "https":
            options["ca_trust_path"] = proxy.certificate if proxy else self.daemon.certificate
        if transport == "kerberos":
            user = password = None
        if transport == "certificate" or options.pop("with_certificate", False):
            options["cert_pem"], options["cert_key_pem"] = self.certificate(options.pop("certificate", USER))
            user = password = None
        return Protocol(f"{role}://localhost:{port}/wsman", transport=transport, username=user, password=password, message_encryption=encryption,
                        **options)

    def ask(self, protocol, action, body, selectors=None):
        header = protocol.build_wsman_header(action, LONG)
        if selectors:
            header["env:Header"]["w:SelectorSet"] = {"w:Selector": [{"@Name": k, "#text": v} for k, v in selectors.items()]}
        message = xmltodict.unparse({"env:Envelope": {**header, "env:Body": body}})
        return ET.fromstring(protocol.send_message(message)).find("s:Body", NS)

    def get(self, protocol, size):
        values = instance_of(self.ask(protocol, f"{TRANSFER}/Get", None, {"Id": str(size)})[0])
        self.assertEqual((values["Id"], len(values["Text"])), (str(size), size * 1024))

    def use(self, protocol):
        for size in SIZES:
            self.get(protocol, size)
        items = self.ask(protocol, f"{ENUMERATION}/Enumerate",
                         {"n:Enumerate": {"w:OptimizeEnumeration": None, "w:MaxElements": "100"}}).find(".//w:Items", NS)
        self.assertEqual(sum(len(instance_of(item)["Text"]) for item in items), sum(SIZES) * 1024)
        with self.assertRaises(WSManFaultError) as caught:
            self.get(protocol, 9999)
        self.assertEqual(caught.exception.fault_subcode, "a:DestinationUnreachable")
        text = "x" * 40000  # a request of several parts
        body = {"p:Test_Long": {"@xmlns:p": LONG, "p:Id": "1", "p:Text": text}}
        try:
            self.assertEqual(instance_of(self.ask(protocol, f"{TRANSFER}/Put", body, {"Id": "1"})[0])["Text"], text)
        finally:
            body["p:Test_Long"]["p:Text"] = "y" * 1024
            self.ask(protocol, f"{TRANSFER}/Put", body, {"Id": "1"})
        self.get(protocol, 1)


class Pywinrm(Client):
    def test_http(self):
        for transport in ("ntlm", "credssp"):
            for encryption in ("auto", "always"):
                with self.subTest(transport=transport, encryption=encryption):
                    self.use(self.protocol(transport, encryption=encryption))

    def test_http_kerberos(self):
        self.need_realm()
        self.as_user("alice")
        self.use(self.protocol("kerberos", encryption="always"))

    def test_encryption_types(self):
        self.need_realm()
        for name in ENCRYPTION_TYPES:
            with self.subTest(type=name):
                self.with_type(name)
                self.use(self.protocol("kerberos", encryption="always"))

    def test_https(self):
        for transport, encryption in (("ntlm", "auto"), ("ntlm", "always"), ("credssp", "auto"), ("credssp", "always"), ("basic", "never"),
                                      ("ssl", "never"), ("certificate", "never")):
            with self.subTest(transport=transport, encryption=encryption):
                self.use(self.protocol(transport, "https", encryption))
        self.use(self.protocol("ssl", "https", with_certificate=True))

    def test_https_kerberos(self):
        self.need_realm()
        self.as_user("alice")
        for encryption in ("auto", "always"):
            with self.subTest(encryption=encryption):
                self.use(self.protocol("kerberos", "https", encryption))

    def test_credssp_with_kerberos(self):
        self.need_realm()
        self.use(self.protocol("credssp", user=f"alice@{kdc.REALM}", password=kdc.PASSWORDS["alice"]))

    def refused(self, *args, **options):
        with self.assertRaises(Exception) as caught:
            self.get(self.protocol(*args, **options), 1)
        self.assertNotIsInstance(caught.exception, (WSManFaultError, AssertionError))

    def test_refused(self):
        for transport in ("ntlm", "credssp"):
            for role in ("http", "https"):
                with self.subTest(transport=transport, role=role):
                    self.refused(transport, role, password="wrong")
        self.refused("basic", "https", password="wrong")
        self.refused("certificate", "https", certificate="stranger")
        self.refused("plaintext")
        self.refused("ntlm", encryption="never")  # a login, but plain bodies

    def test_bindings(self):
        """The default level takes none and refuses wrong ones."""
        proxy = TlsProxy(self.folder, self.daemon.address("https"))
        self.addCleanup(proxy.close)
        self.as_user("alice")
        for transport in ("ntlm", "kerberos") if self.realm else ("ntlm",):
            with self.subTest(transport=transport):
                self.get(self.protocol(transport, "https", send_cbt=False), 1)
                if transport == "ntlm":  # pykerberos is used before the certificate is known: its first token names none
                    self.refused(transport, "https", proxy=proxy)
        self.refused("certificate", "https", proxy=proxy)
        self.get(self.protocol("basic", "https", proxy=proxy), 1)

    def test_at_once(self):
        self.as_user("alice")
        failures = []

        def work(transport):
            try:
                protocol = self.protocol(transport, encryption="always")
                for size in (1, 17, 1):
                    self.get(protocol, size)
            except BaseException as e:  # told by the test's own thread
                failures.append(e)

        threads = [threading.Thread(target=work, args=(t,)) for t in ["ntlm", "credssp", *(["kerberos"] if self.realm else [])] * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])


class Strict(Client):
    settings = {"auth.cbt": "strict"}

    refused = Pywinrm.refused

    def test_strict(self):
        self.as_user("alice")
        proxy = TlsProxy(self.folder, self.daemon.address("https"))
        self.addCleanup(proxy.close)
        for transport in ("ntlm", "kerberos") if self.realm else ("ntlm",):
            with self.subTest(transport=transport):
                self.get(self.protocol(transport, "https"), 1)
                self.refused(transport, "https", send_cbt=False)
                self.refused(transport, "https", proxy=proxy)


if __name__ == "__main__":
    unittest.main()
