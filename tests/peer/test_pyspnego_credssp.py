"""pyspnego's CredSSP against ours, in both roles, through tests/mech/credssp_tool: over NTLM and (with a real KDC) Kerberos.

Its tokens of Kerberos are not rotated as Windows' are, so this also proves that both forms are taken."""
import base64
import os
import pathlib
import ssl
import tempfile
import unittest

import kdc
import spnego
import spnego._credssp
import spnego.tls
from spnego.exceptions import SpnegoError
from token_tool import BUILD, Tool

try:
    import gssapi  # what pyspnego speaks Kerberos with
except ImportError:
    gssapi = None

PASSWORD = "S\u00e9cret 1"
WORDS = ("user=alice", "domain=DOMAIN", f"password={PASSWORD}", "target=HTTP/localhost")


class CredsspTool(Tool):
    path = BUILD / "tests" / "mech" / "credssp_tool"

    def wrap(self, text):
        number, _, records = self.ask("wrap", text).partition(" ")
        return int(number), base64.b64decode(records)


class WithCredssp(unittest.TestCase):
    inner, words, service = "ntlm", WORDS, {"hostname": "localhost", "service": "HTTP"}

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        users = pathlib.Path(folder.name) / "users"
        users.write_text(f"DOMAIN:alice:{PASSWORD}\n", encoding="utf-8")
        os.environ["NTLM_USER_FILE"] = str(users)
        self.addCleanup(os.environ.pop, "NTLM_USER_FILE")

    def tool(self, role, *more):
        tool = CredsspTool(role, self.inner, *more, *self.words)
        self.addCleanup(tool.close)
        return tool

    def inner_context(self, role, raw, password=PASSWORD):
        """What goes into their CredSSP: the mechanism without SPNEGO, or Kerberos, which needs no password."""
        kerberos = self.inner == "kerberos"
        common = dict(self.service, protocol=self.inner if raw else "negotiate",
                      options=spnego.NegotiateOptions.use_negotiate if not raw else
                      spnego.NegotiateOptions.use_gssapi if kerberos else spnego.NegotiateOptions.use_ntlm)
        if role == "server":
            return spnego.server(**common)
        if kerberos:
            return spnego.client(spnego.KerberosCCache(self.cache), **common)
        return spnego.client("DOMAIN\\alice", password, **common)

    def their_client(self, password=PASSWORD, tls=None, raw=False, **more):
        if tls:
            more["credssp_tls_context"] = spnego.tls.default_tls_context("initiate")
            more["credssp_tls_context"].context.maximum_version = tls
        if raw or self.inner == "kerberos":
            more["credssp_negotiate_context"] = self.inner_context("client", raw, password)
        return spnego.client("DOMAIN\\alice", password, protocol="credssp", **self.service, **more)

    def their_server(self, tls=None, raw=False, **more):
        if tls:
            more["credssp_tls_context"] = spnego._credssp._create_tls_context("accept")
            more["credssp_tls_context"].context.maximum_version = tls
        if raw or self.inner == "kerberos":
            more["credssp_negotiate_context"] = self.inner_context("server", raw)
        return spnego.server(protocol="credssp", **self.service, **more)

    def theirs_to_ours(self, client, server):
        """Our server's last word."""
        word, token = "continue", client.step()
        while word == "continue":
            word, answer = server.step(token)
            if word != "continue" and not answer:
                break
            token = client.step(answer)
        return word

    def ours_to_theirs(self, client, server):
        word, token = client.step(b"")
        while word == "continue":
            answer = server.step(token)
            word, token = client.step(answer or b"")
        if word == "complete":
            server.step(token)
        return word

    def protect(self, tool, peer, same_number=True):
        for size in (1, 10, 1000, 16384):
            text = bytes(i % 251 for i in range(size))
            number, records = tool.wrap(text)
            header, data, padding = peer.wrap_winrm(text)
            if same_number:
                self.assertEqual(number, len(header))
            self.assertEqual(padding, 0)
            self.assertEqual(len(records), len(header) + len(data))
            self.assertEqual(tool.bytes("unwrap", header + data), text)
            self.assertEqual(peer.unwrap_winrm(records[:number], records[number:]), text)
        with self.assertRaises(ValueError):
            tool.bytes("unwrap", b"\x17\x03\x03\x00\x05")

    def check_delegated(self, server):
        self.assertEqual(server.text("password").split("\0"), ["DOMAIN", "alice", PASSWORD])
        server.bytes("forget")
        with self.assertRaises(ValueError):
            server.bytes("password")


class Ntlm(WithCredssp):
    def test_their_client(self):  # covers: security:S33
        for tls in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for raw in (False, True):
                with self.subTest(tls=tls, raw=raw):
                    client, server = self.their_client(tls=tls, raw=raw), self.tool("server")
                    self.assertEqual(self.theirs_to_ours(client, server), "complete")
                    self.assertTrue(client.complete)
                    self.assertEqual(client.get_extra_info("protocol_version"), 6)
                    self.assertEqual(server.text("who"), "DOMAIN\\alice")
                    self.check_delegated(server)
                    self.protect(server, client)

    def test_their_server(self):  # covers: security:S33
        for tls in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for raw in (False, True):
                with self.subTest(tls=tls, raw=raw):
                    client, server = self.tool("client", *(["inner=raw"] if raw else [])), self.their_server(tls=tls, raw=raw)
                    self.assertEqual(self.ours_to_theirs(client, server), "complete")
                    self.assertTrue(server.complete)
                    self.protect(client, server)
                    got = server.get_extra_info("client_credential")
                    self.assertEqual((got.domain_name, got.username, got.password), ("DOMAIN", "alice", PASSWORD))

    def test_other_ciphers(self):
        for cipher in ("ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-SHA384", "AES128-SHA256", "AES256-SHA"):
            with self.subTest(cipher):
                client, server = self.their_client(tls=ssl.TLSVersion.TLSv1_2), self.tool("server", "tls=1.2", f"cipher={cipher}")
                client._tls_context.context.set_ciphers(cipher)
                client = self.their_client(credssp_tls_context=client._tls_context)
                self.assertEqual(self.theirs_to_ours(client, server), "complete")
                # Between two OpenSSLs the MAC of a CBC suite comes last of all, and theirs does not count so.
                self.protect(server, client, same_number="GCM" in cipher)

    def test_versions(self):
        for version in range(2, 7):
            with self.subTest(version):
                client, server = self.their_client(), self.tool("server", "min=2", f"max={version}")
                self.assertEqual(self.theirs_to_ours(client, server), "complete")
                self.assertEqual(client.get_extra_info("protocol_version"), version)
                self.check_delegated(server)
                client, server = self.tool("client", "min=2", f"max={version}"), self.their_server()
                self.assertEqual(self.ours_to_theirs(client, server), "complete")

    def test_versions_that_are_too_old(self):
        with self.assertRaisesRegex(SpnegoError, "version"):
            self.theirs_to_ours(self.their_client(credssp_min_protocol=5), self.tool("server", "min=2", "max=4"))
        spnego._credssp._CREDSSP_VERSION, kept = 4, spnego._credssp._CREDSSP_VERSION
        self.addCleanup(setattr, spnego._credssp, "_CREDSSP_VERSION", kept)
        server = self.tool("server")
        with self.assertRaises(SpnegoError):  # told by errorCode
            self.theirs_to_ours(self.their_client(), server)
        self.assertIn("version", server.text("why"))
        client = self.tool("client")
        self.assertEqual(self.ours_to_theirs(client, self.their_server()), "failed")
        self.assertIn("version", client.text("why"))

    def test_wrong_passwords(self):
        server = self.tool("server")
        with self.assertRaises(SpnegoError):
            self.theirs_to_ours(self.their_client(password="wrong"), server)
        self.assertIn("credentials", server.text("why"))
        self.words = tuple(w for w in WORDS if not w.startswith("password")) + ("password=wrong",)
        client = self.tool("client")
        self.assertEqual(self.ours_to_theirs(client, self.their_server()), "failed")
        self.assertIn("refuses", client.text("why"))


@unittest.skipUnless(gssapi and kdc.available(), "needs a KDC and python-gssapi")
class Kerberos(WithCredssp):
    inner = "kerberos"

    @classmethod
    def setUpClass(cls):
        cls.realm = kdc.Realm().start()
        cls.addClassCleanup(cls.realm.stop)
        environment = dict(os.environ)
        cls.addClassCleanup(lambda: (os.environ.clear(), os.environ.update(environment)))
        cls.cache = cls.realm.cache("alice")
        os.environ.update(cls.realm.environment, KRB5_KTNAME=str(cls.realm.keytab))
        cls.words = (*WORDS, f"ccache={cls.cache}", f"keytab={cls.realm.keytab}")

    def test_ours(self):
        for raw in ([], ["inner=raw"]):
            with self.subTest(raw):
                client, server = self.tool("client", *raw), self.tool("server")
                word, token = client.step(b"")
                while word == "continue":
                    answer, back = server.step(token)
                    word, token = client.step(back)
                self.assertEqual(word, "complete", client.text("why") + server.text("why"))
                self.assertEqual(server.step(token)[0], "complete")
                self.check_delegated(server)

    def test_their_client(self):
        for raw in (False, True):
            with self.subTest(raw=raw):
                client, server = self.their_client(raw=raw), self.tool("server", *(["inner=raw"] if raw else []))
                self.assertEqual(self.theirs_to_ours(client, server), "complete", server.text("why"))
                self.assertTrue(server.text("who").endswith("alice"))
                self.check_delegated(server)
                self.protect(server, client)

    def test_their_server(self):
        for raw in (False, True):
            with self.subTest(raw=raw):
                client, server = self.tool("client", *(["inner=raw"] if raw else [])), self.their_server(raw=raw)
                self.assertEqual(self.ours_to_theirs(client, server), "complete", client.text("why"))
                self.protect(client, server)
                self.assertEqual(server.get_extra_info("client_credential").password, PASSWORD)


if __name__ == "__main__":
    unittest.main()
