"""Kerberos over plain HTTP through the real daemon: sealed bodies in both directions (MS-WSMV 2.2.9.1). The callers are pypsrp (python-gssapi),
curl (MIT's SPNEGO) and our own cim, each with a ticket of a private realm."""
import os
import subprocess
import unittest

import scenario_path
import kdc
from daemon import Daemon, binary
from wsman import WMI

try:
    from pypsrp.exceptions import AuthenticationError, WSManFaultError
    from pypsrp.wsman import SelectorSet, WSMan
    import gssapi  # what pypsrp speaks Kerberos with
except ImportError:
    WSMan = None

CLASS = WMI + "root/cimv2/Win32_OperatingSystem"


@unittest.skipUnless(kdc.available() and WSMan, "no KDC, or pypsrp with python-gssapi, is installed")
class KerberosHttp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        saved = dict(os.environ)
        cls.addClassCleanup(lambda: (os.environ.clear(), os.environ.update(saved)))
        cls.realm = kdc.Realm().start()
        cls.addClassCleanup(cls.realm.stop)
        os.environ.update(cls.realm.environment)
        cls.caches = {user: cls.realm.cache(user) for user in kdc.PASSWORDS}
        cls.daemon = Daemon({"auth.kerberos": "on", "auth.negotiate": "on", "auth.basic": "off", "auth.allow_unencrypted": "off",
                             "auth.keytab": str(cls.realm.keytab), "auth.admin_groups": f"administrators, alice@{kdc.REALM}"}).start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)
        cls.port = cls.daemon.address()[1]

    def as_user(self, user):
        os.environ["KRB5CCNAME"] = self.caches[user]

    def wsman(self, auth, encryption="always"):
        client = WSMan("localhost", port=self.port, ssl=False, auth=auth, encryption=encryption, negotiate_delegate=False)
        self.addCleanup(client.close)
        return client

    # covers: security:S36
    def test_pypsrp(self):
        """Both forms: under Negotiate and under Kerberos, several messages on a connection."""
        for auth in ("kerberos", "negotiate"):
            with self.subTest(auth):
                self.as_user("alice")
                client = self.wsman(auth)
                for _ in range(3):
                    reply = client.get(CLASS)
                    names = {e.tag.rsplit("}")[-1]: e.text for e in reply[0]}
                    self.assertTrue(names["CSName"])
                with self.assertRaises(WSManFaultError):  # a fault is sealed as well
                    client.get(WMI + "root/cimv2/No_Such_Class", selector_set=SelectorSet())

    def test_who_is_nobody_here(self):
        self.as_user("bob")
        with self.assertRaises(WSManFaultError) as caught:
            self.wsman("kerberos").get(CLASS)
        self.assertEqual(caught.exception.code, 5)  # known, but without rights

    def test_no_ticket_no_answer(self):
        os.environ["KRB5CCNAME"] = f"FILE:{self.realm.folder}/none"
        with self.assertRaises(Exception) as caught:
            self.wsman("kerberos").get(CLASS)
        self.assertNotIsInstance(caught.exception, WSManFaultError)

    def test_cim(self):
        self.as_user("alice")
        for auth in ("kerberos", "negotiate"):
            done = subprocess.run([binary("cim"), "query", f"wsmv://localhost:{self.port}", "select CSName from Win32_OperatingSystem",
                                   "--auth", auth], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("CSName", done.stdout)

    def test_curl(self):
        """A login is not enough where bodies must be sealed: curl cannot."""
        self.as_user("alice")
        done = subprocess.run(["curl", "-sS", "-i", "--negotiate", "-u", ":", "-H", "Content-Type: application/soap+xml;charset=UTF-8", "-d", "<x/>",
                               f"http://localhost:{self.port}/wsman"], capture_output=True, text=True)
        self.assertIn("WWW-Authenticate: Negotiate oY", done.stdout)  # the server's proof
        self.assertNotIn("HTTP/1.1 200", done.stdout)


if __name__ == "__main__":
    unittest.main()
