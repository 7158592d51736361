"""pyspnego's own NTLM and SPNEGO against ours, in both roles, through tests/mech/token_tool."""
import hashlib
import os
import pathlib
import tempfile
import unittest

import spnego
from spnego.channel_bindings import AddressType, GssChannelBindings
from spnego.exceptions import SpnegoError
from spnego.iov import BufferType

from token_tool import Tool

PASSWORD = "S\u00e9cret 1"
BINDINGS = b"tls-server-end-point:" + hashlib.sha256(b"certificate").hexdigest().encode()


def bindings(data):
    return GssChannelBindings(initiator_addrtype=AddressType.unspecified, acceptor_addrtype=AddressType.unspecified,
                              application_data=data) if data else None


class Pyspnego(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        users = pathlib.Path(self.folder.name) / "users"
        users.write_text(f"DOMAIN:alice:{PASSWORD}\n", encoding="utf-8")
        os.environ["NTLM_USER_FILE"] = str(users)
        self.addCleanup(os.environ.pop, "NTLM_USER_FILE")

    def tool(self, role, protocol, user="alice", domain="DOMAIN", password=PASSWORD, bindings=None):
        tool = Tool(role, protocol, user, domain, password, *([bindings.decode()] if bindings else []))
        self.addCleanup(tool.close)
        return tool

    def theirs_to_ours(self, protocol, password=PASSWORD, user="DOMAIN\\alice", their_data=None, our_data=None):
        """Our server's last word, the server and their client."""
        server = self.tool("server", "spnego" if protocol == "negotiate" else protocol, bindings=our_data)
        client = spnego.client(user, password, hostname="server", service="HTTP", protocol=protocol,
                               options=spnego.NegotiateOptions.use_negotiate if protocol == "negotiate" else
                               spnego.NegotiateOptions.use_ntlm, channel_bindings=bindings(their_data))
        token, word = client.step(), "continue"
        while word == "continue" and token:
            word, answer = server.step(token)
            token = client.step(answer) if answer and word != "failed" else None
        return word, server, client

    def ours_to_theirs(self, protocol, password=PASSWORD, our_data=None, their_data=None):
        client = self.tool("client", "spnego" if protocol == "negotiate" else protocol, password=password, bindings=our_data)
        server = spnego.server(hostname="server", service="HTTP", protocol=protocol,
                               options=spnego.NegotiateOptions.use_negotiate if protocol == "negotiate" else
                               spnego.NegotiateOptions.use_ntlm, channel_bindings=bindings(their_data))
        word, token = client.step(b"")
        while not server.complete and token:
            answer = server.step(token)
            if answer:
                word, token = client.step(answer)
            else:
                token = None
        return word, client, server

    def protect(self, tool, peer):
        self.assertEqual(tool.bytes("key"), peer.session_key)
        for i in range(3):
            text = b"message %d" % i
            sealed = tool.bytes("seal", text)
            self.assertEqual(peer.unwrap(sealed).data, text)
            self.assertEqual(tool.bytes("unseal", peer.wrap(text).data), text)
            peer.verify(text, tool.bytes("sign", text))
        parts = peer.wrap_iov([BufferType.header, b"two halves"])
        self.assertEqual(tool.bytes("unseal", parts.buffers[0].data + parts.buffers[1].data), b"two halves")
        damaged = bytearray(tool.bytes("seal", b"text"))
        damaged[-1] ^= 1
        with self.assertRaises(SpnegoError):
            peer.unwrap(bytes(damaged))

    def test_their_client(self):
        for protocol in ("ntlm", "negotiate"):
            with self.subTest(protocol):
                word, server, client = self.theirs_to_ours(protocol)
                self.assertEqual(word, "complete")
                self.assertTrue(client.complete)
                self.assertEqual(server.bytes("who").decode(), "DOMAIN\\alice")
                self.protect(server, client)

    def test_their_server(self):
        for protocol in ("ntlm", "negotiate"):
            with self.subTest(protocol):
                word, client, server = self.ours_to_theirs(protocol)
                self.assertEqual(word, "complete")
                self.assertTrue(server.complete)
                self.assertEqual(server.client_principal, "DOMAIN\\alice")
                self.protect(client, server)

    def test_wrong_passwords(self):
        self.assertEqual(self.theirs_to_ours("ntlm", password="x")[0], "failed")
        self.assertEqual(self.theirs_to_ours("negotiate", password="x")[0], "failed")
        self.assertEqual(self.theirs_to_ours("ntlm", user="DOMAIN\\bob")[0], "failed")
        with self.assertRaises(SpnegoError):
            self.ours_to_theirs("ntlm", password="x")

    def test_channel_bindings(self):
        self.assertEqual(self.theirs_to_ours("negotiate", their_data=BINDINGS, our_data=BINDINGS)[0], "complete")
        self.assertEqual(self.theirs_to_ours("negotiate", their_data=BINDINGS + b"x", our_data=BINDINGS)[0], "failed")
        self.assertEqual(self.theirs_to_ours("ntlm", our_data=BINDINGS)[0], "failed")
        self.assertEqual(self.ours_to_theirs("negotiate", our_data=BINDINGS, their_data=BINDINGS)[0], "complete")
        with self.assertRaises(SpnegoError):
            self.ours_to_theirs("ntlm", our_data=BINDINGS + b"x", their_data=BINDINGS)


if __name__ == "__main__":
    unittest.main()
