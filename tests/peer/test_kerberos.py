"""Kerberos with a real KDC: ours with ours, pyspnego (MIT's library through python-gssapi) with ours in both roles; what must fail."""
import hashlib
import os
import subprocess
import unittest

import kdc
from token_tool import BUILD, Tool, failure

try:
    import spnego
    from spnego.channel_bindings import AddressType, GssChannelBindings
    from spnego.exceptions import SpnegoError
    from spnego.iov import BufferType
    import gssapi  # what pyspnego speaks Kerberos with
except ImportError:
    spnego = None

SIGN, SEAL, MUTUAL, DCE_STYLE, IDENTIFY, DELEGATE, BOUND = (1 << i for i in range(7))
OID, MS_OID = bytes.fromhex("06092a864886f712010202"), bytes.fromhex("06092a864882f712010202")
BINDINGS = "tls-server-end-point:" + hashlib.sha256(b"certificate").hexdigest()
OTHER_BINDINGS = "tls-server-end-point:" + hashlib.sha256(b"another").hexdigest()

class WithRealm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.realm = kdc.Realm().start()
        cls.addClassCleanup(cls.realm.stop)
        cls.alice = cls.realm.cache("alice")
        cls.environment = dict(os.environ)
        os.environ.update(cls.realm.environment)  # for python-gssapi in this process
        cls.addClassCleanup(cls.restore)

    @classmethod
    def restore(cls):
        os.environ.clear()
        os.environ.update(cls.environment)

    def tool(self, *words, env=None):
        tool = Tool(*words, env=env or self.realm.environment)
        self.addCleanup(tool.close)
        return tool

    def client(self, protocol="kerberos", *words, env=None, cache=None, target="HTTP/localhost"):
        return self.tool("client", protocol, f"target={target}", f"ccache={cache or self.alice}", *words, env=env)

    def server(self, protocol="kerberos", *words, env=None, keytab=None, service=("HTTP", "host")):
        return self.tool("server", protocol, f"keytab={keytab or self.realm.keytab}", *(f"service={s}" for s in service), *words, env=env)

    def talk(self, client, server, change=None):
        """Last words of both; `change` may alter a token: (side, number, token) -> token."""
        last, token, number = {client: "continue", server: "continue"}, b"", 0
        turn, other = client, server
        while last[turn] == "continue" or token:
            last[turn], token = turn.step(token)
            if change and token:
                token = change("client" if turn is client else "server", number, token)
            if not token:
                break
            turn, other, number = other, turn, number + 1
        return last[client], last[server]

    def pair(self, protocol="kerberos", *words):
        client, server = self.client(protocol, *words), self.server(protocol, *words)
        self.assertEqual(self.talk(client, server), ("complete", "complete"))
        return client, server

    def protect(self, a, b, pdu=True):
        for one, two in ((a, b), (b, a), (a, b)):
            for text in (b"x", b"text " * 50, b"more " * 5000):
                sealed = one.bytes("seal", text)
                self.assertNotIn(text[:20] if len(text) > 1 else b"\0" * 40, sealed)
                self.assertEqual(two.bytes("unseal", sealed), text)
            two.bytes("verify", one.bytes("sign", b"signed"), b"signed")
            if not pdu:
                continue
            sealed = one.bytes("seal3", b"head", b"", b"tail")  # a PDU without a body
            self.assertEqual(two.bytes("unseal3", sealed, b"head", b"", b"tail"), b"")
            sealed = one.bytes("seal3", b"head", b"body of a PDU", b"tail")
            self.assertEqual(two.bytes("unseal3", sealed[:-13], b"head", sealed[-13:], b"tail"), b"body of a PDU")


@unittest.skipUnless(kdc.available(), "no KDC is installed")
class Kerberos(WithRealm):
    def test_both_ends_ours(self):
        for protocol in ("kerberos", "spnego-kerberos"):
            for want in ("se", "sec"):
                with self.subTest(protocol, want=want):
                    client, server = self.pair(protocol, f"want={want}")
                    self.assertEqual(server.text("who"), f"{kdc.REALM}\\alice")
                    self.assertEqual(server.text("target"), f"HTTP/localhost@{kdc.REALM}")
                    self.assertEqual(server.text("name"), "Kerberos")
                    flags = SIGN | SEAL | MUTUAL | (DCE_STYLE if "c" in want else 0)
                    self.assertEqual((client.text("flags"), server.text("flags")), (str(flags), str(flags)))
                    self.assertEqual(len(server.bytes("key")), 32)
                    self.assertEqual(server.bytes("key"), client.bytes("key"))
                    self.protect(client, server)

    def test_identify(self):
        for protocol in ("kerberos", "spnego-kerberos"):
            client, server = self.pair(protocol, "want=sei")
            self.assertEqual(server.text("flags"), str(SIGN | SEAL | MUTUAL | IDENTIFY))

    def test_sizes_of_signatures(self):
        """What MS-WSMV's length field and DCE/RPC's auth_length carry."""
        for types, plain, dce, mic in (("aes256-cts-hmac-sha1-96", 60, 76, 28), ("aes128-cts-hmac-sha1-96", 60, 76, 28),
                                       ("arcfour-hmac", None, 45, 37)):
            env = self.realm.client_environment(types)
            for want in ("se", "sec"):
                with self.subTest(types, want=want):
                    client = self.client("kerberos", f"want={want}", env=env, cache=self.realm.cache("alice", env=env))
                    server = self.server("kerberos", f"want={want}")
                    self.assertEqual(self.talk(client, server), ("complete", "complete"))
                    self.protect(client, server, pdu=want == "sec" or plain is not None)  # RC4's padding has no place in a PDU
                    size = plain if want == "se" else dce
                    for n in (1, 16, 1000, 70000):
                        sealed = client.bytes("seal", b"x" * n)
                        if size:
                            self.assertEqual(len(sealed) - n, size)
                        self.assertEqual(server.bytes("unseal", sealed), b"x" * n)
                    self.assertEqual(len(client.bytes("sign", b"x")), mic)

    def test_damage(self):
        """A bit in any part, and the context is over: for the streams of both sides no longer agree."""
        for want in ("se", "sec"):
            client, server = self.pair("kerberos", f"want={want}")
            size = len(client.bytes("seal3", b"head", b"body", b"tail")) - 4
            for part, at in [(0, 0), (0, 2), (0, 4), (0, size // 2), (0, size - 1), (1, 0), (2, 3), (3, 1)]:
                with self.subTest(want=want, part=part, at=at):
                    client, server = self.pair("kerberos", f"want={want}")
                    sealed = client.bytes("seal3", b"head", b"body", b"tail")
                    parts = [bytearray(p) for p in (sealed[:size], b"head", sealed[size:], b"tail")]
                    parts[part][at] ^= 1
                    self.assertRaises(ValueError, server.bytes, "unseal3", *parts)
                    whole = client.bytes("seal3", b"head", b"body", b"tail")
                    self.assertRaises(ValueError, server.bytes, "unseal3", whole[:size], b"head", whole[size:], b"tail")
        client, server = self.pair()
        signature = bytearray(client.bytes("sign", b"text"))
        signature[-1] ^= 1
        self.assertRaises(ValueError, server.bytes, "verify", signature, b"text")

    def test_messages_out_of_place(self):
        client, server = self.pair()
        first = client.bytes("seal", b"one")
        self.assertEqual(server.bytes("unseal", first), b"one")
        self.assertRaises(ValueError, server.bytes, "unseal", first)
        client, server = self.pair()
        client.bytes("seal", b"lost")
        self.assertRaises(ValueError, server.bytes, "unseal", client.bytes("seal", b"two"))
        client, server = self.pair()
        self.assertRaises(ValueError, client.bytes, "unseal", client.bytes("seal", b"sent back"))
        client, server = self.pair()  # signed is not sealed
        self.assertRaises(ValueError, server.bytes, "unseal", client.bytes("sign", b"text") + b"text" * 20)

    def test_bindings(self):
        """None, relaxed, strict against right, wrong and absent ones."""
        for protocol in ("kerberos", "spnego-kerberos"):
            for level, sent, result, bound in (
                    ("none", BINDINGS, "complete", 0), ("none", OTHER_BINDINGS, "complete", 0), ("none", None, "complete", 0),
                    ("relaxed", BINDINGS, "complete", BOUND), ("relaxed", OTHER_BINDINGS, "failed", 0), ("relaxed", None, "complete", 0),
                    ("strict", BINDINGS, "complete", BOUND), ("strict", OTHER_BINDINGS, "failed", 0), ("strict", None, "failed", 0)):
                with self.subTest(protocol, level=level, sent=sent):
                    client = self.client(protocol, *([f"bindings={sent}"] if sent else []))
                    server = self.server(protocol, f"bindings={BINDINGS}", f"level={level}")
                    self.assertEqual(self.talk(client, server)[1], result)
                    self.assertEqual(int(server.text("flags")) & BOUND, bound)
                    if result == "failed":
                        self.assertEqual(server.text("who"), "\\")

    def test_several_bindings(self):
        """A proxy in front has another certificate; what is refused and replayed stays so."""
        third = BINDINGS[:-1] + "x"
        for sent, level, result in ((BINDINGS, "strict", "complete"), (OTHER_BINDINGS, "strict", "complete"), (third, "relaxed", "failed"),
                                    (None, "relaxed", "complete"), (None, "strict", "failed")):
            with self.subTest(sent=sent, level=level):
                token = self.client("kerberos", *([f"bindings={sent}"] if sent else [])).step(b"")[1]
                words = (f"bindings={BINDINGS}", f"more={OTHER_BINDINGS}", f"level={level}")
                server = self.server("kerberos", *words)
                self.assertEqual(server.step(token)[0], result)
                self.assertEqual(bool(int(server.text("flags")) & BOUND), result == "complete" and sent is not None)
                self.assertEqual(self.server("kerberos", *words).step(token)[0], "failed")

    def test_services(self):
        for target, service, result in (("HTTP/localhost", ("http",), "complete"), ("host/localhost", ("HTTP", "HOST"), "complete"),
                                        ("ldap/localhost", ("HTTP", "HOST"), "failed"), ("host/localhost", ("HTTP",), "failed"),
                                        ("ldap/localhost", (), "complete"), (f"HTTP/localhost@{kdc.REALM}", ("HTTP",), "complete")):
            with self.subTest(target, service=service):
                server = self.server(service=service)
                self.assertEqual(self.talk(self.client(target=target), server)[1], result)
                if result == "failed":
                    self.assertIn(f"the ticket is for '{target}@{kdc.REALM}' with the key of '{target}@{kdc.REALM}', which", server.text("why"))

    def test_renamed_tickets(self):
        """The name in a ticket is not protected; the key decides as well."""
        token = self.client(target="ldap/localhost").step(b"")[1]
        renamed = token.replace(b"\x1b\x04ldap\x1b\x09localhost", b"\x1b\x04HTTP\x1b\x09localhost")
        self.assertNotEqual(token, renamed)
        server = self.server("kerberos", service=("HTTP",))
        self.assertEqual(server.step(renamed)[0], "failed")
        self.assertIn("with the key of 'ldap/localhost", server.text("why"))

    def test_replayed(self):
        for protocol in ("kerberos", "spnego-kerberos"):
            token = self.client(protocol).step(b"")[1]
            self.assertEqual(self.server(protocol).step(token)[0], "complete")
            again = self.server(protocol)
            word, answer = again.step(token)
            self.assertEqual(word, "failed")
            self.assertIn("the token was used before", again.text("why"))
            self.assertNotIn(b"\x7e", answer)  # no KRB-ERROR tells the peer

    def test_damaged_tokens(self):
        """Nobody is authenticated by a token that was changed, nor by a part of one."""
        token = self.client().step(b"")[1]
        for at in (0, 5, 16, 20, 60, 150, 300, 450, len(token) - 1):
            changed = bytearray(token)
            changed[at] ^= 4
            server = self.server("kerberos", "replay=off")
            self.assertEqual(server.step(changed)[0], "failed", at)
            self.assertEqual(server.text("who"), "\\")
        for n in (0, 1, 10, 17, 100, len(token) - 1):
            self.assertEqual(self.server("kerberos", "replay=off").step(token[:n])[0], "failed", n)
        self.assertEqual(self.server("kerberos", "replay=off").step(token + b"x")[0], "failed")
        # mutual: the server's answer counts as much
        for protocol in ("kerberos", "spnego-kerberos"):
            def change(side, number, token):
                return token[:-3] + bytes([token[-3] ^ 1]) + token[-2:] if side == "server" else token
            self.assertEqual(self.talk(self.client(protocol), self.server(protocol), change)[0], "failed")

    def test_clocks(self):
        """The server's clock is moved: by an hour, and past the ticket's end."""
        for seconds, text in ((3600, "too far apart"), (-3600, "not valid yet"), (86400 * 2, "the ticket is over")):
            env = dict(self.realm.environment, LD_PRELOAD=str(BUILD / "tests" / "mech" / "shift_clock.so"), SHIFT_SECONDS=str(seconds),
                       ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")
            server = self.server(env=env)
            word, answer = server.step(self.client().step(b"")[1])
            self.assertEqual((word, answer), ("failed", b""))
            self.assertIn(text, server.text("why"))

    def test_default_user(self):
        shifted = dict(self.realm.environment, LD_PRELOAD=str(BUILD / "tests" / "mech" / "shift_clock.so"), SHIFT_SECONDS=str(86400 * 2),
                       ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")
        now, later = self.server(), self.server(env=shifted)
        self.assertEqual(now.text("default", self.alice.encode()), f"alice@{kdc.REALM}")
        self.assertEqual(later.text("default", self.alice.encode()), "")
        self.assertEqual(now.text("default", b""), "")  # KRB5CCNAME names a cache that is not there
        env = dict(self.realm.environment, KRB5CCNAME=self.alice)
        self.assertEqual(self.server(env=env).text("default", b""), f"alice@{kdc.REALM}")
        only = self.realm.cache("alice", "-S", "HTTP/localhost")  # a ticket, but none that gets others
        self.assertEqual(now.text("default", only.encode()), "")

    def test_keytabs(self):
        self.assertIn("the keytab has no keys", failure("server", "kerberos", f"keytab={self.realm.folder}/missing", env=self.realm.environment))
        with kdc.Realm() as other:  # the same names, other keys
            server = self.server(keytab=other.keytab)
            word, answer = server.step(self.client().step(b"")[1])
            self.assertEqual((word, answer), ("failed", b""))
            self.assertIn("not encrypted with our key", server.text("why"))
        only = f"{self.realm.folder}/only.keytab"  # no key of this service; a newer key version than the ticket's
        self.realm.kadmin("addprinc -randkey HTTP/other", f"ktadd -k {only} HTTP/other")
        server = self.server(keytab=only)
        self.assertEqual(server.step(self.client().step(b"")[1])[0], "failed")
        self.assertIn("keytab", server.text("why"))

    def test_clients_without_tickets(self):
        env = self.realm.environment
        none = f"ccache=FILE:{self.realm.folder}/no-such-cache"
        self.assertIn("there is no ticket", failure("client", "kerberos", "target=HTTP/localhost", none, env=env))
        self.assertIn("knows no such service", failure("client", "kerberos", "target=HTTP/nowhere.test@" + kdc.REALM, f"ccache={self.alice}", env=env))
        for user, password, text in (("alice", "x", "the password is wrong"), ("nobody", "x", "knows no such user"),
                                     ("alice@ELSEWHERE.TEST", "x", "where the realm's servers are")):
            self.assertIn(text, failure("client", "kerberos", "target=HTTP/localhost", f"user={user}", f"password={password}", env=env))
        self.assertIn("a target is like", failure("client", "kerberos", "target=localhost", f"ccache={self.alice}", env=env))

    def test_passwords(self):
        for user in ("bob", f"bob@{kdc.REALM}"):
            client = self.tool("client", "kerberos", "target=HTTP/localhost", f"user={user}", f"password={kdc.PASSWORDS['bob']}")
            server = self.server()
            self.assertEqual(self.talk(client, server), ("complete", "complete"))
            self.assertEqual(server.text("who"), f"{kdc.REALM}\\bob")

    def test_moved_half_way(self):
        """Contexts leave their process between messages; sequence numbers go on."""
        for protocol, want in (("kerberos", "se"), ("spnego-kerberos", "se"), ("kerberos", "sec")):
            with self.subTest(protocol, want=want):
                client, server = self.pair(protocol, f"want={want}")
                key, flags = server.bytes("key"), server.text("flags")
                for _ in range(3):
                    server.bytes("move")
                    self.protect(client, server)
                    client.bytes("move")
                    self.protect(server, client)
                self.assertEqual((server.bytes("key"), server.text("flags")), (key, flags))
                old = client.bytes("seal", b"old")
                self.assertEqual(server.bytes("unseal", old), b"old")
                server.bytes("move")
                self.assertRaises(ValueError, server.bytes, "unseal", old)

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_moved_to_a_process_that_reads_nothing(self):
        """As the one that serves the network: neither configuration nor keytab can be opened."""
        for types in ("aes256-cts-hmac-sha1-96", "arcfour-hmac"):
            for want in ("se", "sec"):
                with self.subTest(types, want=want):
                    env = self.realm.client_environment(types)
                    client = self.client("kerberos", f"want={want}", env=env, cache=self.realm.cache("alice", env=env))
                    server = self.server("kerberos", f"want={want}")
                    self.assertEqual(self.talk(client, server), ("complete", "complete"))
                    key = server.bytes("key")
                    self.assertEqual(server.text("drop"), "")
                    server.bytes("move")
                    self.assertEqual(server.bytes("key"), key)
                    self.protect(client, server, pdu=want == "sec" or types.startswith("aes"))

    def test_delegation(self):
        cache = self.realm.cache("alice", "-f")
        for protocol in ("kerberos", "spnego-kerberos"):
            client, server = self.client(protocol, "want=sed", cache=cache), self.server(protocol)
            self.assertEqual(self.talk(client, server), ("complete", "complete"))
            self.assertTrue(int(server.text("flags")) & DELEGATE)
            stored = f"FILE:{self.realm.folder}/delegated-{protocol}"
            self.assertEqual(server.text("store", stored.encode()), "")
            onward = self.server()  # the server goes on as alice
            self.assertEqual(self.talk(self.client(cache=stored), onward), ("complete", "complete"))
            self.assertEqual(onward.text("who"), f"{kdc.REALM}\\alice")
        client, server = self.pair()
        self.assertFalse(int(server.text("flags")) & DELEGATE)
        self.assertIn("no ticket was forwarded", server.text("store", f"FILE:{self.realm.folder}/none2".encode()))
        client = self.tool("client", "kerberos", "target=HTTP/localhost", "want=sed", "user=bob", f"password={kdc.PASSWORDS['bob']}")
        server = self.server()
        self.assertEqual(self.talk(client, server), ("complete", "complete"))
        self.assertTrue(int(server.text("flags")) & DELEGATE)

    def test_no_pac_no_sids(self):
        client, server = self.pair()
        self.assertEqual(server.bytes("raw-pac"), b"")  # MIT's PACs have no logon information

    # covers: security:S32
    def test_microsofts_oid(self):
        """Answers are spelt as the question was, in SPNEGO's list and in the token's framing."""
        def framing(side, number, token):
            if side == "client":
                self.assertEqual(token.count(OID), 1)
                return token.replace(OID, MS_OID)
            self.assertIn(MS_OID, token)
            self.assertNotIn(OID, token)
            return token.replace(MS_OID, OID)
        client, server = self.client(), self.server()
        self.assertEqual(self.talk(client, server, framing), ("complete", "complete"))
        client, server = self.client(), self.server("spnego-kerberos")  # bare, for a server of SPNEGO
        self.assertEqual(self.talk(client, server, framing), ("complete", "complete"))
        self.protect(client, server)
        client, server = self.client("spnego-kerberos"), self.server("spnego-both")

        def listed(side, number, token):
            if side == "client":
                self.assertEqual(token.count(OID), 2)
                return token.replace(OID, MS_OID, 1)  # only the list's, as Windows has it
            self.assertEqual((token.count(MS_OID), token.count(OID)), (1, 1))
            return token
        self.assertEqual(self.talk(client, server, listed), ("complete", "complete"))
        self.protect(client, server)

    # covers: security:S32
    def test_req_flags_are_ignored(self):
        """reqFlags in NegTokenInit are not protected, so they decide nothing."""
        def length(n):
            return bytes([n]) if n < 128 else bytes([0x82, n >> 8, n & 255])

        def element(data, at):
            """Content's place and end of the DER element at `at`."""
            first = data[at + 1]
            size = first & 127 if first > 127 else 0
            n = int.from_bytes(data[at + 2:at + 2 + size], "big") if size else first
            return at + 2 + size, at + 2 + size + n

        def flags(side, number, token):
            if side == "server":
                return token
            oid, _ = element(token, 0)
            choice, _ = element(token, element(token, oid)[1])
            fields, end = element(token, choice)
            _, mechs = element(token, fields)
            inner = token[fields:mechs] + bytes.fromhex("a10403020182") + token[mechs:end]
            for tag in (0x30, 0xa0):
                inner = bytes([tag]) + length(len(inner)) + inner
            inner = token[oid:element(token, oid)[1]] + inner
            return b"\x60" + length(len(inner)) + inner
        client, server = self.client("spnego-kerberos"), self.server("spnego-kerberos")
        self.assertEqual(self.talk(client, server, flags), ("complete", "complete"))
        self.protect(client, server)

    def test_bare_tokens(self):
        """Kerberos without SPNEGO in front of a server of SPNEGO; in DCE style without any framing."""
        for want, first in (("se", b"\x60"), ("sec", b"\x6e")):
            client, server = self.client("kerberos", f"want={want}"), self.server("spnego-both", f"want={want}")
            self.assertEqual(self.talk(client, server, lambda s, n, t: self.assertTrue(t.startswith(first)) or t if n == 0 else t),
                             ("complete", "complete"))
            self.assertEqual((server.text("who"), server.text("name")), (f"{kdc.REALM}\\alice", "Kerberos"))
            self.protect(client, server)

    def test_styles(self):
        """A server of DCE/RPC takes tokens with a framing in DCE style (as impacket and aiowmi send them) and in the usual one; none of them twice."""
        oid = bytes.fromhex("06092a864886f712010202")

        def frame(token):
            inner = oid + b"\1\0" + token
            return b"\x60\x82" + len(inner).to_bytes(2, "big") + inner
        for want in ("se", "sec"):
            with self.subTest(want=want):
                client, server = self.client("kerberos", f"want={want}"), self.server("kerberos", "want=sec")
                _, first = client.step(b"")
                self.assertEqual(first.startswith(b"\x60"), want == "se")
                first = first if want == "se" else frame(first)
                word, answer = server.step(first)
                self.assertEqual((word, answer.startswith(b"\x60")), ("complete", True) if want == "se" else ("continue", False))
                word, last = client.step(answer)
                self.assertEqual(word, "complete")
                if last:
                    self.assertEqual(server.step(last)[0], "complete")
                self.protect(client, server, pdu=want == "sec")
                server = self.server("kerberos", "want=sec")
                self.assertEqual(server.step(first), ("failed", b""))
                self.assertIn("the token was used before", server.text("why"))

    def test_choices(self):
        for ours, theirs, name in (("spnego-both", "spnego-both", "Kerberos"), ("spnego-both", "spnego-kerberos", "Kerberos"),
                                   ("spnego-kerberos", "spnego-both", "Kerberos")):
            client, server = self.client(ours), self.server(theirs)
            self.assertEqual(self.talk(client, server), ("complete", "complete"))
            self.assertEqual(server.text("name"), name)
            self.protect(client, server)
        # The server has NTLM alone: another round, and the lists are compared.
        server = self.tool("server", "spnego", "alice", "DOMAIN", "NTLM secret")
        client = self.client("spnego-both")
        self.assertEqual(self.talk(client, server), ("complete", "complete"))
        self.assertEqual(server.text("name"), "NTLM")
        self.protect(client, server)

    def test_threads(self):
        done = subprocess.run([str(BUILD / "tests" / "mech" / "kerberos_threads"), str(self.realm.keytab), self.alice, "6", "10"],
                              env=self.realm.environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

@unittest.skipUnless(kdc.available() and spnego, "no KDC, or pyspnego with python-gssapi, is installed")
class Pyspnego(WithRealm):
    """The other side is pyspnego: its own SPNEGO, and Kerberos of MIT's library."""

    def peer(self, role, protocol, data=None, dce=False, **options):
        bindings = GssChannelBindings(initiator_addrtype=AddressType.unspecified, acceptor_addrtype=AddressType.unspecified,
                                      application_data=data.encode()) if data else None
        flags = spnego.ContextReq.default | (spnego.ContextReq.dce_style if dce else spnego.ContextReq.none)
        common = dict(hostname="localhost", service="HTTP", protocol=protocol, channel_bindings=bindings, context_req=flags,
                      options=spnego.NegotiateOptions.use_negotiate if protocol == "negotiate" else spnego.NegotiateOptions.use_gssapi)
        if role == "client":
            return spnego.client(spnego.KerberosCCache(options.get("cache", self.alice)), **common)
        os.environ["KRB5_KTNAME"] = str(self.realm.keytab)
        return spnego.server(**common)

    def run_peers(self, tool, peer, tool_first):
        word, token = tool.step(b"") if tool_first else ("continue", peer.step())
        if tool_first:
            while token and not peer.complete:
                token = peer.step(token)
                if token:
                    word, token = tool.step(token)
        else:
            while token and word == "continue":
                word, token = tool.step(token)
                if token and word != "failed":
                    token = peer.step(token)
        return word

    def exchange(self, tool, peer):
        self.assertEqual(tool.bytes("key"), peer.session_key)
        for text in (b"x", b"text " * 3000):
            sealed = tool.bytes("seal", text)
            if int(tool.text("flags")) & DCE_STYLE:  # which has no form in one piece
                opened = peer.unwrap_iov([(BufferType.header, sealed[:-len(text)]), (BufferType.data, sealed[-len(text):])])
                self.assertEqual(opened.buffers[1].data, text)
            else:
                self.assertEqual(peer.unwrap(sealed).data, text)
            parts = peer.wrap_iov([BufferType.header, text, BufferType.padding]).buffers
            self.assertEqual(tool.bytes("unseal", b"".join(p.data or b"" for p in parts)), text)
            peer.verify(text, tool.bytes("sign", text))
            tool.bytes("verify", peer.sign(text), text)
        sealed = tool.bytes("seal3", b"head", b"body", b"tail")
        opened = peer.unwrap_iov([(BufferType.header, sealed[:-4]), (BufferType.sign_only, b"head"), (BufferType.data, sealed[-4:]),
                                  (BufferType.sign_only, b"tail")])
        self.assertEqual(opened.buffers[2].data, b"body")
        parts = peer.wrap_iov([BufferType.header, (BufferType.sign_only, b"head"), b"body", (BufferType.sign_only, b"tail")]).buffers
        self.assertEqual(tool.bytes("unseal3", parts[0].data, b"head", parts[2].data, b"tail"), b"body")

    def test_their_client(self):
        for protocol in ("kerberos", "negotiate"):
            for dce in (False, True):
                with self.subTest(protocol, dce=dce):
                    client = self.peer("client", protocol, dce=dce)
                    server = self.server("kerberos" if protocol == "kerberos" else "spnego-both")
                    self.assertEqual(self.run_peers(server, client, False), "complete")
                    self.assertTrue(client.complete)
                    self.assertEqual(server.text("who"), f"{kdc.REALM}\\alice")
                    self.exchange(server, client)

    def test_their_server(self):
        for protocol in ("kerberos", "negotiate"):
            for want in ("se", "sec"):
                with self.subTest(protocol, want=want):
                    server = self.peer("server", protocol)
                    client = self.client("kerberos" if protocol == "kerberos" else "spnego-kerberos", f"want={want}")
                    self.assertEqual(self.run_peers(client, server, True), "complete")
                    self.assertTrue(server.complete)
                    self.assertEqual(server.client_principal, f"alice@{kdc.REALM}")
                    self.exchange(client, server)

    def test_their_bindings(self):
        for protocol, ours in (("kerberos", "kerberos"), ("negotiate", "spnego-kerberos")):
            for data, level, result in ((BINDINGS, "strict", "complete"), (OTHER_BINDINGS, "relaxed", "failed"), (None, "strict", "failed"),
                                        (None, "relaxed", "complete")):
                client, server = self.peer("client", protocol, data), self.server(ours, f"bindings={BINDINGS}", f"level={level}")
                self.assertEqual(self.run_peers(server, client, False), result)
                self.assertEqual(bool(int(server.text("flags")) & BOUND), data is not None and result == "complete")
            server = self.peer("server", protocol, BINDINGS)
            self.assertEqual(self.run_peers(self.client(ours, f"bindings={BINDINGS}"), server, True), "complete")
            with self.assertRaises((SpnegoError, AttributeError)):  # python-gssapi stumbles over its own failure
                self.run_peers(self.client(ours, f"bindings={OTHER_BINDINGS}"), self.peer("server", protocol, BINDINGS), True)

    def test_winrm_form(self):
        """pyspnego's own cut of a protected body into header and data."""
        client, server = self.peer("client", "negotiate"), self.server("spnego-kerberos")
        self.assertEqual(self.run_peers(server, client, False), "complete")
        wrapped = client.wrap_winrm(b"<s:Envelope/>")
        self.assertEqual((len(wrapped.header), wrapped.padding_length), (60, 0))
        self.assertEqual(server.bytes("unseal", wrapped.header + wrapped.data), b"<s:Envelope/>")
        sealed = server.bytes("seal", b"<answer/>")
        self.assertEqual(client.unwrap_winrm(sealed[:60], sealed[60:]), b"<answer/>")

if __name__ == "__main__":
    unittest.main()
