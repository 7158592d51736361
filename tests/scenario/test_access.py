"""Who gets in, and what anonymous callers see.

covers: wsman:E26 wsman:E27 wsman:E12
"""
import base64
import unittest

from daemon import PASSWORD, USER, Daemon
from wsman import DECLARATIONS, Client, Fault

IDENTIFY = f"<s:Envelope {DECLARATIONS}><s:Header/><s:Body><wsmid:Identify/></s:Body></s:Envelope>"
ANONYMOUS = {"WSMANIDENTIFY": "unauthenticated"}


class Access(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon().start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)

    def client(self, user=None, password=None):
        client = Client(*self.daemon.address(), user, password)
        self.addCleanup(client.close)
        return client

    def test_no_credentials(self):
        client = self.client()
        status, _ = client.post(IDENTIFY)
        self.assertEqual(status, 401)
        self.assertTrue(any(value.startswith("Basic ") for value in client.reply_headers.get_all("WWW-Authenticate")))

    def test_wrong_credentials(self):
        for user, password in ((USER, "wrong"), ("nobody", PASSWORD), (USER, ""), ("", PASSWORD)):
            status, _ = self.client(user, password).post(IDENTIFY)
            self.assertEqual(status, 401, user)

    def test_broken_headers(self):
        for value in ("", "Basic", "Basic !!!", "Basic " + base64.b64encode(b"no-colon").decode(), "Bearer x",
                      "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode()):
            status, _ = self.client().post(IDENTIFY, headers={"Authorization": value})
            self.assertEqual(status, 401, value)

    def test_identify(self):
        known = self.client(USER, PASSWORD).identify()
        self.assertIn("SecurityProfiles", known)
        self.assertEqual(known["ProtocolVersion"], "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd")
        client = self.client()
        status, data = client.post(IDENTIFY, headers=ANONYMOUS)
        self.assertEqual(status, 200)
        self.assertNotIn(b"SecurityProfiles", data)
        self.assertIn(b"OS: 0.0.0", data)

    def test_the_anonymous_header_opens_nothing_else(self):
        client = self.client()
        envelope = client.envelope("http://schemas.xmlsoap.org/ws/2004/09/transfer/Get",
                                   "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_OperatingSystem")
        status, data = client.post(envelope, headers=ANONYMOUS)
        self.assertIn(status, (401, 500))
        self.assertNotIn(b"Win32_OperatingSystem_Type", data)

    def test_ordinary_user_reads_but_does_not_write(self):
        self.daemon.add_user("reader", "pw of reader", "--group", "Remote Management Users")
        client = self.client("reader", "pw of reader")
        self.assertIn("Caption", client.get("root/cimv2", "Win32_OperatingSystem"))
        with self.assertRaises(Fault) as caught:
            client.create("root", "__Namespace", Name="intruder")
        self.assertEqual(caught.exception.subcode, "w:AccessDenied")

    def test_user_without_groups_is_kept_out(self):
        self.daemon.add_user("nobody in particular", "pw of nobody")
        client = self.client("nobody in particular", "pw of nobody")
        client.identify()
        with self.assertRaises(Fault) as caught:
            client.get("root/cimv2", "Win32_OperatingSystem")
        self.assertEqual((caught.exception.status, caught.exception.subcode, caught.exception.wsman_code),
                         (500, "w:AccessDenied", 5))

    def test_account_deleted_while_connected(self):
        self.daemon.add_user("leaver", "pw of leaver")
        client = self.client("leaver", "pw of leaver")
        client.identify()
        self.daemon.run("user", "del", "leaver")
        for _ in range(300):
            status, _ = client.post(IDENTIFY)
            if status == 401:
                return
            import time
            time.sleep(0.02)
        self.fail("the deleted account still works")

    def test_http_levels(self):
        client = self.client(USER, PASSWORD)
        self.assertEqual(client.post(IDENTIFY, path="/elsewhere")[0], 404)
        self.assertEqual(client.post(IDENTIFY, content_type="text/plain")[0], 415)
        client.connection.request("GET", "/wsman", headers=client.headers)
        reply = client.connection.getresponse()
        reply.read()
        self.assertEqual(reply.status, 405)
        self.assertEqual(client.post("")[0], 200)
        fresh = self.client(USER, PASSWORD)
        self.assertEqual(fresh.post(b"x" * 600000)[0], 413)


class Transport(unittest.TestCase):
    def test_plain_http_needs_permission(self):
        with Daemon(settings={"auth.allow_unencrypted": "off"}) as daemon:
            client = Client(*daemon.address(), USER, PASSWORD)
            status, _ = client.post(IDENTIFY)
            self.assertIn(status, (401, 403))
            client.close()

    def test_https_and_ipv6(self):
        with Daemon(settings={"listen.http": "[::1]:0", "auth.allow_unencrypted": "off"}, tls=True) as daemon:
            host, port = daemon.address("https")
            client = Client("localhost", port, USER, PASSWORD, tls=True, cafile=daemon.certificate)
            self.assertIn("SecurityProfiles", client.identify())
            client.close()
            client = Client(*daemon.address("http"))
            status, _ = client.post(IDENTIFY, headers=ANONYMOUS)
            self.assertEqual(status, 200)
            client.close()


if __name__ == "__main__":
    unittest.main()
