"""Users of an Active Directory domain (Samba's) over plain HTTP, sealed by Kerberos: what the daemon lets them do follows from the SIDs in their
tickets' PACs. The daemon stands outside the domain's network and has nothing of it but a keytab.

covers: security:S2 security:S36 security:S42 security:S45
"""
import os
import unittest

import scenario_path
import samba_dc
import xmltodict
from daemon import Daemon
from pypsrp.exceptions import AuthenticationError, WSManFaultError
from pypsrp.wsman import SelectorSet, WSMan
from winrm.protocol import Protocol
from wsman import WMI

MOF = 'class Thing { [key] uint32 Id; string Text; }; instance of Thing { Id = 1; Text = "of the domain"; };'
NAMESPACE = "root/operations"
THING = WMI + NAMESPACE + "/Thing"


@unittest.skipUnless(samba_dc.available(), "needs root and Samba's domain controller")
class DomainHttp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        before = dict(os.environ)
        cls.addClassCleanup(lambda: (os.environ.clear(), os.environ.update(before)))
        cls.domain = samba_dc.DomainController().start()
        cls.addClassCleanup(cls.domain.stop)
        os.environ.update(cls.domain.environment)
        cls.tickets = {}
        for user in samba_dc.PASSWORDS:
            cls.tickets[user] = cls.domain.cache(user)
            for service in ("HTTP/localhost", "host/localhost"):
                cls.domain.run("kvno", "-c", cls.tickets[user], service)
        operators, everyone = cls.domain.sid("Operators"), cls.domain.sid("Everyone of us")
        cls.daemon = Daemon({"auth.basic": "off", "auth.allow_unencrypted": "off", "auth.keytab": str(cls.domain.keytab),
                             "wsman.root_sddl": f"O:NSG:BAD:P(A;;GA;;;BA)(A;;GXGRGW;;;{everyone})"}).start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)
        for namespace, text in (("root", 'instance of __Namespace { Name = "operations"; };'), (NAMESPACE, MOF)):
            (cls.daemon.state / "thing.mof").write_text(text)
            cls.daemon.run("mof", "--namespace", namespace, str(cls.daemon.state / "thing.mof"))
        cls.grant(operators)

    @classmethod
    def grant(cls, sid, rights="CCDCWP"):
        """Who may read the namespace, besides administrators."""
        cls.daemon.run("sd", "set", NAMESPACE, f"O:BAG:BAD:P(A;CI;CCDCLCSWRPWPRCWD;;;BA)(A;CI;{rights};;;{sid})")

    def client(self, user, **options):
        os.environ["KRB5CCNAME"] = self.tickets[user]
        client = WSMan("localhost", port=self.daemon.address()[1], ssl=False, encryption="always", **{"auth": "kerberos", **options})
        self.addCleanup(client.close)
        return client

    def get(self, client):
        keys = SelectorSet()
        keys.add_option("Id", "1")
        return {e.tag.rsplit("}")[-1]: e.text for e in client.get(THING, selector_set=keys)[0]}

    def refused(self, client):
        with self.assertRaises(WSManFaultError) as caught:
            self.get(client)
        self.assertEqual(caught.exception.code, 5)

    def test_groups_of_the_domain(self):
        """Operators may read, and alice is one; the next call of an open connection knows when that changes."""
        for auth in ("kerberos", "negotiate"):
            with self.subTest(auth=auth):
                alice, bob = self.client("alice", auth=auth), None
                self.assertEqual(self.get(alice)["Text"], "of the domain")
                bob = self.client("bob", auth=auth)
                self.refused(bob)
                self.grant(self.domain.sid("bob"))
                self.assertEqual(self.get(bob)["Text"], "of the domain")
                self.refused(alice)
                self.grant(self.domain.sid("Whole"))  # a group of groups
                self.assertEqual(self.get(alice)["Text"], "of the domain")
                self.refused(bob)
                self.grant(self.domain.sid("Operators"))

    def test_another_service(self):
        """A ticket for a name that the keytab has too, though not of this service's kinds, opens HTTP only where it should: host is one."""
        self.assertEqual(self.get(self.client("alice", negotiate_service="host"))["Text"], "of the domain")

    def test_pykerberos(self):
        os.environ["KRB5CCNAME"] = self.tickets["alice"]
        protocol = Protocol(f"http://localhost:{self.daemon.address()[1]}/wsman", transport="kerberos", message_encryption="always")
        headers = protocol.build_wsman_header("http://schemas.xmlsoap.org/ws/2004/09/transfer/Get", THING)
        headers["env:Header"]["w:SelectorSet"] = {"w:Selector": [{"@Name": "Id", "#text": "1"}]}
        self.assertIn(b"of the domain", protocol.send_message(xmltodict.unparse({"env:Envelope": {**headers, "env:Body": None}})))

    def test_administrators_by_sid(self):
        with Daemon({"auth.basic": "off", "auth.allow_unencrypted": "off", "auth.keytab": str(self.domain.keytab),
                     "auth.admin_groups": f"administrators, {self.domain.sid('Operators')}"}) as daemon:
            for user, may in (("alice", True), ("bob", False)):
                os.environ["KRB5CCNAME"] = self.tickets[user]
                with WSMan("localhost", port=daemon.address()[1], ssl=False, auth="kerberos", encryption="always") as client:
                    if may:
                        self.assertTrue(client.get(WMI + "root/cimv2/Win32_OperatingSystem")[0].tag)
                    else:
                        with self.assertRaises(WSManFaultError) as caught:
                            client.get(WMI + "root/cimv2/Win32_OperatingSystem")
                        self.assertEqual(caught.exception.code, 5)

    def test_without_a_key(self):
        """A daemon whose keytab has none of the domain's keys."""
        empty = self.domain.folder / "empty.keytab"
        empty.write_bytes(b"\5\2")
        with Daemon({"auth.basic": "off", "auth.allow_unencrypted": "off", "auth.keytab": str(empty)}) as daemon:
            os.environ["KRB5CCNAME"] = self.tickets["alice"]
            with WSMan("localhost", port=daemon.address()[1], ssl=False, auth="kerberos", encryption="always") as client:
                with self.assertRaises(AuthenticationError):
                    self.get(client)


if __name__ == "__main__":
    unittest.main()
