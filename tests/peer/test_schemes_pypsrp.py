"""pypsrp's WS-Management client, unmodified, with each of its logins: Get, replies beyond 16 KiB, faults, several messages on a connection and
several connections at once; sealed messages over HTTP, and over HTTPS where it is told to.

covers: security:S1 security:S2 security:S5 security:S12 security:S35 security:S36 security:S37
"""
import os
import pathlib
import tempfile
import threading
import unittest
import xml.etree.ElementTree as ET

import scenario_path
import kdc
from daemon import PASSWORD, USER
from login_site import ENCRYPTION_TYPES, LONG, SIZES, Site, TlsProxy
from pypsrp.exceptions import AuthenticationError, WinRMTransportError, WSManFaultError
from pypsrp.wsman import NAMESPACES, SelectorSet, WSMan
from wsman import WMI

ALICE = kdc.PASSWORDS["alice"]
PASSWORDS, TICKETS = ("basic", "ntlm", "negotiate", "credssp"), ("kerberos", "negotiate")


def all_instances(count):
    root = ET.Element(f"{{{NAMESPACES['wsen']}}}Enumerate")
    ET.SubElement(root, f"{{{NAMESPACES['wsman']}}}OptimizeEnumeration")
    ET.SubElement(root, f"{{{NAMESPACES['wsman']}}}MaxElements").text = str(count)
    return root


class Client(Site):
    def connect(self, auth, ssl=False, encryption=None, user=USER, password=PASSWORD, proxy=None, **options):
        """encryption: "always" unless over TLS. "kerberos" takes the ticket."""
        role = "https" if ssl else "http"
        if auth == "certificate":
            options["certificate_pem"], options["certificate_key_pem"] = self.certificate(options.pop("certificate", USER))
        if auth in ("kerberos", "certificate"):
            user = password = None
        if ssl:
            options["cert_validation"] = proxy.certificate if proxy else self.daemon.certificate
        client = WSMan("localhost", port=proxy.port if proxy else self.daemon.address(role)[1], ssl=ssl, auth=auth, username=user,
                       password=password, encryption=encryption or ("auto" if ssl else "always"), **options)
        self.addCleanup(client.close)
        return client

    def get(self, client, size):
        keys = SelectorSet()
        keys.add_option("Id", str(size))
        reply = client.get(LONG, selector_set=keys)
        values = {e.tag.rsplit("}")[-1]: e.text for e in reply[0]}
        self.assertEqual((values["Id"], len(values["Text"])), (str(size), size * 1024))

    def use(self, client):
        """Everything on one connection."""
        for size in SIZES:
            self.get(client, size)
        reply = client.enumerate(LONG, all_instances(len(SIZES)))
        items = reply[0].find("wsman:Items", NAMESPACES)
        self.assertEqual(sum(len(e.text) for e in items.iter() if e.tag.endswith("}Text")), sum(SIZES) * 1024)
        with self.assertRaises(WSManFaultError) as caught:
            self.get(client, 9999)
        self.assertEqual(caught.exception.code, 2150858752)
        for text in ("x" * 40000, "y" * 1024):  # a request of several parts
            keys, values = SelectorSet(), ET.Element(f"{{{LONG}}}Test_Long")
            keys.add_option("Id", "1")
            ET.SubElement(values, f"{{{LONG}}}Text").text = text
            client.put(LONG, values, selector_set=keys)
        self.get(client, 1)


class Pypsrp(Client):
    def test_http(self):
        for auth in ("ntlm", "negotiate", "credssp"):
            with self.subTest(auth=auth):
                self.use(self.connect(auth))

    def test_http_kerberos(self):
        self.need_realm()
        self.as_user("alice")
        for auth in ("kerberos", "negotiate"):
            with self.subTest(auth=auth):
                self.use(self.connect(auth, user=None, password=None))

    def test_encryption_types(self):
        self.need_realm()
        for name in ENCRYPTION_TYPES:
            self.with_type(name)
            for auth in ("kerberos", "negotiate"):
                with self.subTest(type=name, auth=auth):
                    self.use(self.connect(auth, user=None, password=None))

    def test_https(self):
        for auth in (*PASSWORDS, "certificate"):
            for encryption in ("auto", "never", "always"):
                if encryption == "always" and auth in ("basic", "certificate"):
                    continue
                with self.subTest(auth=auth, encryption=encryption):
                    self.use(self.connect(auth, ssl=True, encryption=encryption))

    def test_https_kerberos(self):
        self.need_realm()
        self.as_user("alice")
        for auth in ("kerberos", "negotiate"):
            for encryption in ("auto", "always"):
                with self.subTest(auth=auth, encryption=encryption):
                    self.use(self.connect(auth, ssl=True, encryption=encryption, user=None, password=None))

    def test_credssp(self):
        """Both mechanisms inside, and the versions."""
        self.use(self.connect("credssp", credssp_auth_mechanism="ntlm"))
        self.use(self.connect("credssp", credssp_auth_mechanism="ntlm", credssp_disable_tlsv1_2=True))
        if self.realm:
            self.use(self.connect("credssp", credssp_auth_mechanism="kerberos", user=f"alice@{kdc.REALM}", password=ALICE))

    def test_kerberos_with_a_password(self):
        self.need_realm()
        self.use(self.connect("negotiate", user=f"alice@{kdc.REALM}", password=ALICE))

    def test_delegation(self):
        """A ticket that is forwarded changes nothing."""
        self.need_realm()
        os.environ["KRB5CCNAME"] = self.realm.cache("alice", "-f")
        self.get(self.connect("kerberos", negotiate_delegate=True), 17)

    def test_refused(self):
        for ssl in (False, True):
            for auth in PASSWORDS:
                if auth == "basic" and not ssl:
                    continue
                for user, password in ((USER, "wrong"), ("nobody", PASSWORD)):
                    with self.subTest(auth=auth, ssl=ssl, user=user):
                        with self.assertRaises(Exception) as caught:
                            self.get(self.connect(auth, ssl=ssl, user=user, password=password), 1)
                        self.assertNotIsInstance(caught.exception, (WSManFaultError, AssertionError))
        with self.assertRaises(AuthenticationError):
            self.get(self.connect("certificate", ssl=True, certificate="stranger"), 1)

    # covers: security:S10
    def test_plain_bodies_over_http(self):
        for auth in ("ntlm", "kerberos", "basic"):
            if auth == "kerberos" and not self.realm:
                continue
            self.as_user("alice")
            with self.subTest(auth=auth):
                with self.assertRaises((WinRMTransportError, AuthenticationError)):
                    self.get(self.connect(auth, encryption="never"), 1)

    def test_who_has_no_rights(self):
        self.need_realm()
        self.as_user("bob")
        for _ in range(2):
            with self.assertRaises(WSManFaultError) as caught:
                self.get(self.connect("kerberos"), 1)
            self.assertEqual(caught.exception.code, 5)

    def test_at_once(self):
        kinds = ["ntlm", "credssp"] * 3 + (["kerberos"] * 3 if self.realm else [])
        self.as_user("alice")
        failures, clients = [], [self.connect(kind) for kind in kinds]

        def work(client):
            try:
                for size in (1, 17, 1):
                    self.get(client, size)
            except BaseException as e:  # told by the test's own thread
                failures.append(e)

        threads = [threading.Thread(target=work, args=(c,)) for c in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])


class Bindings:
    """Logins over TLS with the right bindings, without any, and through a proxy with those of its certificate."""

    level = ""

    def attempt(self, auth, **options):
        try:
            self.get(self.connect(auth, ssl=True, user=None if auth == "kerberos" else USER, **options), 1)
            return "taken"
        except WSManFaultError:
            raise
        except Exception:
            return "refused"

    @classmethod
    def setUpClass(cls):
        cls.settings = {"auth.cbt": cls.level}
        super().setUpClass()

    def test(self):
        right, none, wrong = {"none": ("taken", "taken", "taken"), "relaxed": ("taken", "taken", "refused"),
                              "strict": ("taken", "refused", "refused")}[self.level]
        proxy = TlsProxy(self.folder, self.daemon.address("https"))
        self.addCleanup(proxy.close)
        self.as_user("alice")
        for auth in ("ntlm", "kerberos") if self.realm else ("ntlm",):
            with self.subTest(auth=auth):
                self.assertEqual(self.attempt(auth), right)
                self.assertEqual(self.attempt(auth, negotiate_send_cbt=False), none)
                self.assertEqual(self.attempt(auth, proxy=proxy), wrong)
        for auth in ("basic", "certificate", "credssp"):  # not subject to the level
            with self.subTest(auth=auth):
                self.assertEqual(self.attempt(auth), "taken")
        self.assertEqual(self.attempt("credssp", proxy=proxy), "taken")  # bound to its own TLS inside
        self.get(self.connect("ntlm"), 1)  # nothing to bind to


class BindingsNone(Bindings, Client):
    level = "none"


class BindingsRelaxed(Bindings, Client):
    level = "relaxed"


class BindingsStrict(Bindings, Client):
    level = "strict"


class BindingsOfAProxy(Client):
    """A proxy that the administrator has named is right too, another one is not."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.proxies = [TlsProxy(pathlib.Path(folder.name), None, name) for name in ("known", "unknown")]
        cls.settings = {"auth.cbt": "strict", "auth.cbt_hashes": cls.proxies[0].sha256}
        for proxy in cls.proxies:
            cls.addClassCleanup(proxy.close)
        super().setUpClass()
        for proxy in cls.proxies:
            proxy.to = cls.daemon.address("https")

    attempt = Bindings.attempt

    def test(self):
        self.as_user("alice")
        for auth in ("ntlm", "kerberos") if self.realm else ("ntlm",):
            for proxy, want in ((None, "taken"), (self.proxies[0], "taken"), (self.proxies[1], "refused")):
                with self.subTest(auth=auth, proxy=proxy):
                    self.assertEqual(self.attempt(auth, proxy=proxy), want)


if __name__ == "__main__":
    unittest.main()
