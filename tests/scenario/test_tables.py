"""The tables of the configuration over WS-Management: descriptors of resources, listeners, certificate mappings."""
import shutil
import tempfile
import unittest
from xml.sax.saxutils import quoteattr

from daemon import PASSWORD, USER, Daemon
from wsman import ENUMERATION, NS, TRANSFER, WMI, Client, Fault, find, local

CONFIG = "http://schemas.microsoft.com/wbem/wsman/1/config"
SECURITY = f"{CONFIG}/service/security"
SECURITY_NS = f"{CONFIG}/PluginConfiguration"
MAPPING = f"{CONFIG}/service/certmapping"
LISTENER = f"{CONFIG}/listener"
OS = f"{WMI}root/cimv2/Win32_OperatingSystem"
ADMINS = "O:NSG:BAD:P(A;;GA;;;BA)"


def fields(element):
    result = {}
    for child in element:
        name = local(child.tag)
        result[name] = [*result[name], child.text] if isinstance(result.get(name), list) else \
            [result[name], child.text] if name in result else child.text or ""
    return result


def mode(name):
    return f"<w:EnumerationMode>{name}</w:EnumerationMode>"


class Tables(unittest.TestCase):
    def setUp(self):
        self.state = tempfile.mkdtemp(prefix="cimfony-test-")
        self.addCleanup(shutil.rmtree, self.state, ignore_errors=True)

    def daemon(self, **settings):
        return Daemon(state=self.state, settings={k.replace("__", "."): v for k, v in settings.items()})

    def client(self, daemon, user=USER, password=PASSWORD):
        client = Client(*daemon.address(), user, password)
        self.addCleanup(client.close)
        return client

    def refused(self, what, **expected):
        with self.assertRaises(Fault) as caught:
            what()
        for name, value in expected.items():
            self.assertEqual(getattr(caught.exception, name), value, str(caught.exception))
        return caught.exception

    # --- descriptors of resources

    def security(self, client, verb, uri=None, sddl=None, exact=None, body_uri=None):
        attributes = "".join(f" {n}={quoteattr(v)}" for n, v in (("Uri", body_uri), ("Sddl", sddl), ("ExactMatch", exact)) if v)
        body = f'<c:Security xmlns:c="{SECURITY_NS}"{attributes}/>' if verb in ("Put", "Create") else ""
        return client.call(f"{TRANSFER}/{verb}", SECURITY, body, selectors={"Uri": uri} if uri else None)

    def rows(self, client, **options):
        return {e.get("Uri"): (e.get("Sddl"), e.get("ExactMatch")) for e in client.enumerate_raw(SECURITY, **options)}

    def test_security(self):
        """covers: security:S43"""
        with self.daemon() as daemon:
            daemon.add_user("reader", PASSWORD, "--group", "Remote Management Users")
            admin, reader = self.client(daemon), self.client(daemon, "reader")
            reader.get("root/cimv2", "Win32_OperatingSystem")
            self.assertEqual(list(self.rows(admin)), [CONFIG])
            made = self.security(admin, "Create", OS, ADMINS, "true")
            self.assertEqual({s.get("Name"): s.text for s in made.iter(f"{{{NS['w']}}}Selector")}, {"Uri": OS})
            self.refused(lambda: reader.get("root/cimv2", "Win32_OperatingSystem"), wsman_code=5)
            reader.enumerate("root/cimv2", "Win32_ComputerSystem")
            self.assertEqual(self.rows(admin)[OS], (ADMINS, "true"))
            got = self.security(admin, "Get", OS.upper())[0]
            self.assertEqual((got.tag, got.get("Uri"), got.get("Sddl")), (f"{{{SECURITY_NS}}}Security", OS, ADMINS))
            self.refused(lambda: self.security(admin, "Create", OS, ADMINS), subcode="w:AlreadyExists")
            # the others who may: preferred to RootSDDL, not in addition to it
            sddl = "O:NSG:BAD:P(A;;GA;;;BA)(A;;GR;;;RM)"
            self.assertEqual(self.security(admin, "Put", OS, sddl)[0].get("ExactMatch"), "true")
            reader.get("root/cimv2", "Win32_OperatingSystem")
            self.refused(lambda: reader.call(f"{OS}/Reboot", OS), wsman_code=5)
            # by prefix
            self.security(admin, "Create", f"{WMI}root/cimv2/Win32_C", ADMINS)
            self.refused(lambda: reader.enumerate("root/cimv2", "Win32_ComputerSystem"), wsman_code=5)
        self.assertRegex(self.audit(), rf'event=descriptor_changed status=OK name="{USER}".*object="{OS}"')
        with self.daemon() as daemon:  # stored
            admin, reader = self.client(daemon), self.client(daemon, "reader")
            self.assertEqual(self.rows(admin)[OS], (sddl, "true"))
            self.refused(lambda: reader.enumerate("root/cimv2", "Win32_ComputerSystem"), wsman_code=5)
            self.assertEqual(len(self.security(admin, "Delete", f"{WMI}root/cimv2/win32_c")), 0)
            reader.enumerate("root/cimv2", "Win32_ComputerSystem")
            self.refused(lambda: self.security(admin, "Delete", f"{WMI}root/cimv2/win32_c"), subcode="a:DestinationUnreachable")
            self.refused(lambda: self.security(admin, "Get", f"{WMI}root/cimv2/win32_c"), subcode="a:DestinationUnreachable")
        with self.daemon() as daemon:
            self.assertEqual(sorted(self.rows(self.client(daemon))), sorted([CONFIG, OS]))

    def audit(self):
        with open(f"{self.state}/state/audit.log") as f:
            return f.read()

    def test_who_may_change_descriptors(self):
        """covers: security:S43"""
        with self.daemon() as daemon:
            daemon.add_user("reader", PASSWORD, "--group", "Remote Management Users")
            admin, reader = self.client(daemon), self.client(daemon, "reader")
            for what in (lambda: self.rows(reader), lambda: self.security(reader, "Get", CONFIG),
                         lambda: self.security(reader, "Create", OS, ADMINS)):
                self.refused(what, wsman_code=5)
            # a descriptor may let others read this table; changing it stays with administrators
            self.security(admin, "Create", SECURITY, "O:NSG:BAD:P(A;;GA;;;BA)(A;;GA;;;RM)")
            self.assertIn(SECURITY, self.rows(reader))
            self.refused(lambda: self.security(reader, "Create", OS, ADMINS), wsman_code=5)
            self.assertNotIn(OS, self.rows(admin))

    def test_bad_descriptors(self):
        with self.daemon() as daemon:
            admin = self.client(daemon)
            for sddl in ("nonsense", "O:BAG:BA", "O:BAG:BAD:(A;;GA;;;XX)"):
                self.refused(lambda: self.security(admin, "Create", OS, sddl), subcode="w:InvalidParameter")
            self.refused(lambda: self.security(admin, "Create", OS), subcode="w:InvalidParameter")
            self.refused(lambda: self.security(admin, "Create", "http://x/a b", ADMINS), subcode="w:InvalidParameter")
            self.refused(lambda: self.security(admin, "Create", OS, ADMINS, "perhaps"), subcode="w:SchemaValidationError")
            self.refused(lambda: self.security(admin, "Create", None, ADMINS), subcode="w:InvalidSelectors")
            self.refused(lambda: self.security(admin, "Create", OS, ADMINS, body_uri=CONFIG), subcode="w:InvalidSelectors")
            self.refused(lambda: self.security(admin, "Put", OS, ADMINS), subcode="a:DestinationUnreachable")
            self.refused(lambda: admin.call(f"{TRANSFER}/Get", SECURITY, selectors={"Name": "x"}), subcode="w:InvalidSelectors")
            self.refused(lambda: admin.call(f"{TRANSFER}/Create", SECURITY, "<Other/>", selectors={"Uri": OS}),
                         subcode="w:SchemaValidationError")
            self.assertEqual(list(self.rows(admin)), [CONFIG])

    def test_enumeration(self):
        """covers: wsman:C7 wsman:C8 wsman:C9 wsman:C15 wsman:C16"""
        with self.daemon() as daemon:
            daemon.add_user("boss", PASSWORD, "--group", "administrators")
            admin = self.client(daemon)
            uris = sorted(f"http://example.com/{i:03}" for i in range(20))
            for uri in uris:
                self.security(admin, "Create", None, ADMINS, body_uri=uri)
            for optimize in (True, False):
                for elements in (1, 7, 100):
                    got = list(self.rows(admin, optimize=optimize, max_elements=elements))
                    self.assertEqual(got, [*uris, CONFIG])
            for name, tag in (("EnumerateEPR", "EndpointReference"), ("EnumerateObjectAndEPR", "Item")):
                items = list(admin.enumerate_raw(SECURITY, mode(name), max_elements=3))
                self.assertEqual({local(i.tag) for i in items}, {tag})
                self.assertEqual([s.text for i in items for s in i.iter(f"{{{NS['w']}}}Selector")], [*uris, CONFIG])
            self.refused(lambda: list(admin.enumerate_raw(SECURITY, f'<w:Filter Dialect="{NS["x"]}">x</w:Filter>')),
                         subcode="n:FilteringNotSupported")
            # a context: its owner's only, of this resource only, gone after Release
            def begin():
                return find(admin.call(f"{ENUMERATION}/Enumerate", SECURITY, "<n:Enumerate/>")[0], "n:EnumerationContext").text

            def pull(client, context, uri=SECURITY, verb="Pull"):
                return client.call(f"{ENUMERATION}/{verb}", uri, f"<n:{verb}><n:EnumerationContext>{context}</n:EnumerationContext></n:{verb}>")
            context = begin()
            self.refused(lambda: pull(self.client(daemon, "boss"), context), subcode="n:InvalidEnumerationContext")
            self.refused(lambda: pull(admin, context, LISTENER), subcode="n:InvalidEnumerationContext")
            first = pull(admin, context)[0]
            self.assertEqual([e.get("Uri") for e in find(first, "n:Items")], uris[:1])
            pull(admin, context, verb="Release")
            self.refused(lambda: pull(admin, context), subcode="n:InvalidEnumerationContext")

    # --- certificate mappings

    def mapping(self, client, verb, key, **values):
        inner = "".join(f"<c:{n}>{v}</c:{n}>" for n, v in values.items())
        body = f'<c:CertMapping xmlns:c="{MAPPING}">{inner}</c:CertMapping>' if verb in ("Put", "Create") else ""
        return client.call(f"{TRANSFER}/{verb}", MAPPING, body, selectors=key)

    def test_mappings(self):
        """covers: security:S11"""
        with self.daemon() as daemon:
            daemon.add_user("reader", PASSWORD, "--group", "Remote Management Users")
            admin, reader = self.client(daemon), self.client(daemon, "reader")
            key = {"Issuer": "AB" * 20, "Subject": "*@example.com", "URI": "http://example.com/*"}
            self.assertEqual(list(admin.enumerate_raw(MAPPING)), [])
            made = self.mapping(admin, "Create", key, UserName="reader", Enabled="false", Password="it is forgotten")
            self.assertEqual({s.get("Name"): s.text for s in made.iter(f"{{{NS['w']}}}Selector")}, key)
            row = {**key, "Issuer": "ab" * 20, "UserName": "reader", "Enabled": "false"}
            got = self.mapping(admin, "Get", key)[0]
            self.assertEqual((got.tag, fields(got)), (f"{{{MAPPING}}}CertMapping", row))
            self.assertIn(f"off\t{'ab' * 20}\t*@example.com\thttp://example.com/*\treader", self.map())
            self.assertNotIn("forgotten", self.map())
            self.assertEqual(fields(self.mapping(admin, "Put", key, Enabled="true", UserName=USER)[0]), {**row, "UserName": USER, "Enabled": "true"})
            self.refused(lambda: self.mapping(admin, "Create", key, UserName=USER), subcode="w:AlreadyExists")
            self.refused(lambda: self.mapping(admin, "Create", {**key, "URI": "*"}, UserName="nobody"), subcode="w:InvalidParameter")
            self.refused(lambda: self.mapping(admin, "Create", {**key, "Issuer": "12"}, UserName=USER), subcode="w:InvalidParameter")
            self.refused(lambda: self.mapping(admin, "Create", {**key, "Subject": "a*b"}, UserName=USER), subcode="w:InvalidParameter")
            self.refused(lambda: self.mapping(admin, "Put", key, Password=""), subcode="w:SchemaValidationError")
            self.refused(lambda: self.mapping(admin, "Put", {**key, "URI": "http://other"}, Enabled="true"), subcode="a:DestinationUnreachable")
            for i in range(5):
                self.mapping(admin, "Create", None, UserName=USER, URI=f"http://example.com/{i}", Issuer="ab" * 20, Subject="*")
            items = list(admin.enumerate_raw(MAPPING, mode("EnumerateObjectAndEPR"), max_elements=2))
            self.assertEqual([fields(i[0])["URI"] for i in items], [key["URI"], *(f"http://example.com/{i}" for i in range(5))])
            self.assertEqual(fields(items[0][0]), {**row, "UserName": USER, "Enabled": "true"})
            # the same map as that of the command, in both directions
            self.assertEqual(len(daemon.run("certmap", "list").stdout.splitlines()), 6)
            daemon.run("certmap", "del", USER, "--uri", "http://example.com/3")
            self.assertEqual(len(list(admin.enumerate_raw(MAPPING))), 5)
            self.mapping(admin, "Delete", key)
            self.refused(lambda: self.mapping(admin, "Delete", key), subcode="a:DestinationUnreachable")
            self.refused(lambda: self.mapping(admin, "Get", key), subcode="a:DestinationUnreachable")
            daemon.run("certmap", "add", USER, "--issuer", "ab" * 20, "--subject", "*", "--uri", "http://example.com/3")
            self.mapping(admin, "Delete", {**key, "Subject": "*", "URI": "http://example.com/3"})
            # who may, by the descriptor and whatever it says
            self.refused(lambda: list(reader.enumerate_raw(MAPPING)), wsman_code=5)
            self.security(admin, "Create", MAPPING, "O:NSG:BAD:P(A;;GA;;;BA)(A;;GA;;;RM)")
            self.refused(lambda: list(reader.enumerate_raw(MAPPING)), wsman_code=5)
            self.refused(lambda: self.mapping(reader, "Create", key, UserName="reader"), wsman_code=5)
        audit = self.audit()
        self.assertRegex(audit, rf'event=account_changed status=OK name="{USER}".*object="reader" detail="certmap add: issuer=ABAB')
        self.assertRegex(audit, r'event=denied status=ACCESS_DENIED name="reader".*detail="certmap list')
        self.assertNotIn("forgotten", audit)

    def test_locked_mappings(self):
        """covers: security:S54"""
        with self.daemon(policy__locked="auth.certificates") as daemon:
            admin = self.client(daemon)
            daemon.run("certmap", "add", USER, "--issuer", "ab" * 20, "--subject", "*", "--uri", "http://example.com/3")
            key = {k: v for k, v in fields(list(admin.enumerate_raw(MAPPING))[0]).items() if k in ("Issuer", "Subject", "URI")}
            for verb in ("Put", "Delete"):
                self.refused(lambda: self.mapping(admin, verb, key, Enabled="false"), wsman_code=5)
            self.refused(lambda: self.mapping(admin, "Create", {**key, "URI": "*"}, UserName=USER), wsman_code=5)
            self.assertEqual(len(list(admin.enumerate_raw(MAPPING))), 1)

    def map(self):
        with open(f"{self.state}/state/auth/certificates") as f:
            return f.read()

    # --- listeners

    def test_listeners(self):
        """covers: wsman:C9"""
        with self.daemon(listen__http="127.0.0.1:0,0.0.0.0:0") as daemon:
            admin = self.client(daemon)
            ports = [str(a.rsplit(":", 1)[1]) for a in daemon.endpoints["http"]]
            rows = [fields(e) for e in admin.enumerate_raw(LISTENER)]
            self.assertEqual([(r["Address"], r["Transport"], r["Port"]) for r in rows],
                             [("IP:127.0.0.1", "HTTP", ports[0]), ("*", "HTTP", ports[1])])
            self.assertEqual((rows[0]["Enabled"], rows[0]["URLPrefix"], rows[0]["ListeningOn"]), ("true", "wsman", "127.0.0.1"))
            self.assertIn("127.0.0.1", rows[1]["ListeningOn"])
            key = {"Address": "*", "Transport": "http"}
            one = admin.call(f"{TRANSFER}/Get", LISTENER, selectors=key)[0]
            self.assertEqual((one.tag, fields(one)["Port"]), (f"{{{CONFIG}}}Listener", ports[1]))
            items = list(admin.enumerate_raw(LISTENER, mode("EnumerateObjectAndEPR")))
            self.assertEqual([s.text for s in items[1].iter(f"{{{NS['w']}}}Selector")], ["*", "HTTP"])
            body = f'<c:Listener xmlns:c="{CONFIG}"><c:Port>5985</c:Port></c:Listener>'
            for verb in ("Put", "Create", "Delete"):
                fault = self.refused(lambda: admin.call(f"{TRANSFER}/{verb}", LISTENER, "" if verb == "Delete" else body, selectors=key),
                                     subcode="w:InternalError")
                self.assertIn("listen.http", fault.reason)
            self.refused(lambda: admin.call(f"{TRANSFER}/Get", LISTENER, selectors={"Address": "*"}), subcode="w:InvalidSelectors")
            self.refused(lambda: admin.call(f"{TRANSFER}/Get", LISTENER, selectors={"Address": "*", "Transport": "HTTPS"}),
                         subcode="a:DestinationUnreachable")


if __name__ == "__main__":
    unittest.main()
