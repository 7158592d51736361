"""Logins and sealed messages that were tampered with, byte by byte over raw sockets: none of them may do anything, and the daemon goes on.

covers: security:S1 security:S3 security:S10 security:S27 security:S36 security:S41
"""
import base64
import hashlib
import itertools
import re
import socket
import struct
import time
import unittest

import ntlm
from daemon import PASSWORD, USER, Daemon
from wsman import TRANSFER, WMI
from wsman import Client as Messages

MOF = "class Safe { [key] uint32 Id; string Text; }; instance of Safe { Id = 1; Text = \"untouched\"; };"
RESOURCE = WMI + "root/default/Safe"
SOAP = "application/soap+xml;charset=UTF-8"
SPNEGO_TYPE, KERBEROS_TYPE = "application/HTTP-SPNEGO-session-encrypted", "application/HTTP-Kerberos-session-encrypted"
SEALED = 'multipart/encrypted;protocol="{}";boundary="Encrypted Boundary"'
END = b"--Encrypted Boundary--\r\n"
WRITER = Messages("localhost", 1)
GET = WRITER.envelope(f"{TRANSFER}/Get", RESOURCE, selectors={"Id": 1}).encode()


def put_message(text):
    return WRITER.envelope(f"{TRANSFER}/Put", RESOURCE, WRITER.instance_xml("root/default", "Safe", {"Id": 1, "Text": text}),
                           selectors={"Id": 1}).encode()


def multipart(length, signature, sealed, kind=SPNEGO_TYPE, prefix=None):
    return (f"--Encrypted Boundary\r\n\tContent-Type: {kind}\r\n\tOriginalContent: type={SOAP};Length={length}\r\n--Encrypted Boundary\r\n"
            "\tContent-Type: application/octet-stream\r\n").encode() + struct.pack("<I", len(signature) if prefix is None else prefix) + \
        signature + sealed + END


class Wire:
    """One connection, each from another address of this machine: who fails often has to wait longer every time."""

    addresses = itertools.count(2)

    def __init__(self, address, source=None):
        number = next(self.addresses)
        self.socket = socket.create_connection(address, timeout=60, source_address=(source or f"127.0.{number // 250}.{number % 250 + 1}", 0))
        self.stream = self.socket.makefile("rb")

    def send(self, *headers, body=b"", length=None, content_type=SOAP, version="1.1"):
        lines = [f"POST /wsman HTTP/{version}", "Host: localhost", f"Content-Length: {len(body) if length is None else length}",
                 f"Content-Type: {content_type}", *headers]
        self.socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def reply(self):
        """Status; headers and body in self. None: the connection has ended."""
        try:
            first = self.stream.readline()
        except ConnectionResetError:
            first = b""
        if not first:
            return None
        self.headers = []
        while (line := self.stream.readline().decode().rstrip("\r\n")):
            name, _, value = line.partition(":")
            self.headers.append((name.lower(), value.strip()))
        self.body = self.stream.read(int(dict(self.headers)["content-length"]))
        return int(first.split()[1])

    def ask(self, *headers, **options):
        self.send(*headers, **options)
        return self.reply()

    def offered(self):
        return [value for name, value in self.headers if name == "www-authenticate"]

    def ended(self):
        """Whether the server has closed it: waits for that."""
        try:
            return self.stream.read(1) == b""
        except ConnectionResetError:
            return True

    def token(self):
        return base64.b64decode(next(v for v in self.offered() if " " in v).split(" ")[1])

    def close(self):
        self.stream.close()
        self.socket.close()


def header(token, scheme="Negotiate"):
    return f"Authorization: {scheme} {base64.b64encode(token).decode()}"


class WithDaemon(unittest.TestCase):
    settings, more_users = {}, ()

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon({"auth.basic": "off", "auth.allow_unencrypted": "off", "auth.kerberos": "off", **cls.settings})
        cls.daemon.write_config()
        for user in (USER, *cls.more_users):
            cls.daemon.add_user(user, PASSWORD, "--group", "administrators")
        cls.daemon.start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)
        (cls.daemon.state / "safe.mof").write_text(MOF)
        cls.daemon.run("mof", str(cls.daemon.state / "safe.mof"))

    def wire(self):
        wire = Wire(self.daemon.address())
        self.addCleanup(wire.close)
        return wire

    def challenge(self, wire, client):
        self.assertEqual(wire.ask(header(client.negotiate())), 401)
        return wire.token()

    def login(self, user=USER, password=PASSWORD, wire=None, **options):
        """A connection with an identity, and what seals on it."""
        wire, client = wire or self.wire(), ntlm.Client(user, password, **options)
        self.assertEqual(wire.ask(header(client.authenticate(self.challenge(wire, client)))), 200)
        return wire, client

    def sealed(self, wire, client, text, body=None, **options):
        """Status and the text of the answer."""
        body = body or multipart(len(text), *client.seal(text))
        status = wire.ask(body=body, content_type=options.pop("content_type", SEALED.format(SPNEGO_TYPE)), **options)
        if status is None or not wire.body:
            return status, b""
        found = re.search(rb"Length=(\d+)\r\n--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n(.*)--Encrypted Boundary--\r\n$",
                          wire.body, re.S)
        data = found.group(2)
        size = struct.unpack("<I", data[:4])[0]
        plain = client.unseal(data[4:4 + size], data[4 + size:])
        self.assertEqual(len(plain), int(found.group(1)))
        return status, plain

    def untouched(self):
        status, text = self.sealed(*self.login(), GET)
        self.assertEqual(status, 200)
        self.assertIn(b"untouched", text)

    def no_identity(self, wire):
        """What follows on this connection is nobody's."""
        status = wire.ask(body=GET)
        self.assertIn(status, (401, None))
        self.assertTrue(status is None or wire.body == b"")


class Headers(WithDaemon):
    def test_absent_empty_and_foreign(self):
        for values in ([], [""], [" "], ["Negotiate"], ["Negotiate "], ["negotiate"], ["Bearer x"], ["Negotiate !!!"], ["Negotiate ===="],
                       ["Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()], ['Digest username="tester"'],
                       ["Kerberos YII="], ["CredSSP MDA="], ["NegotiateX TlRMTVNTUAAB"], ["Negotiate\x0bTlRMTVNTUAAB"],
                       ["http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"]):
            with self.subTest(values=values):
                wire = self.wire()
                status = wire.ask(*(f"Authorization: {value}" for value in values), body=put_message("touched"))
                self.assertIn(status, (400, 401))
                self.assertEqual(wire.body, b"")
                if status == 401:
                    self.assertEqual(wire.offered(), ["Negotiate"])
        self.untouched()

    def test_two(self):
        client = ntlm.Client(USER, PASSWORD)
        wire = self.wire()
        good = header(client.authenticate(self.challenge(wire, client)))
        for lines in ((good, good), (good, "Authorization: Basic eA=="), ("Authorization: Basic eA==", good)):
            self.assertEqual(self.wire().ask(*lines), 400)
        self.assertEqual(wire.ask(good, good), 400)
        self.assertTrue(wire.ended())

    def test_behind_a_refusal(self):
        """A request that is on its way already when the login fails."""
        wire, client = self.wire(), ntlm.Client(USER, "wrong")
        third = client.authenticate(self.challenge(wire, client))
        wire.send(header(third))
        try:
            wire.send(body=put_message("touched"))
        except OSError:
            pass
        self.assertEqual(wire.reply(), 401)
        self.assertTrue(wire.ended())
        self.untouched()

    def test_connections_that_do_not_stay(self):
        """A login of several legs has no place on them."""
        for more, version in (((), "1.0"), (("Connection: close",), "1.1")):
            wire, client = self.wire(), ntlm.Client(USER, PASSWORD)
            self.assertEqual(wire.ask(header(client.negotiate()), *more, version=version), 401)
            self.assertEqual(wire.offered(), ["Negotiate"])
            self.assertTrue(wire.ended())
        wire, client = self.wire(), ntlm.Client(USER, PASSWORD)
        keep = ("Connection: keep-alive",)
        self.assertEqual(wire.ask(header(client.negotiate()), *keep, version="1.0"), 401)
        self.assertEqual(wire.ask(header(client.authenticate(wire.token())), *keep, version="1.0"), 200)

    def test_another_login_begins(self):
        """With the first word of it the identity is gone, whatever comes of it."""
        for scheme in ("Negotiate", "NTLM"):
            wire, client = self.login()
            body = multipart(len(GET), *client.seal(GET))
            self.challenge(wire, ntlm.Client(USER, "wrong"))
            self.assertEqual(wire.ask(body=body, content_type=SEALED.format(SPNEGO_TYPE)), 401)
        wire, client = self.login()
        self.assertEqual(wire.ask("Authorization: Bearer x", body=GET), 401)
        self.no_identity(wire)


class Logins(WithDaemon):
    more_users = ("replayed", "mic", "flags", "flipped", "listed")  # a user's failures slow him down from every address

    def refused(self, change, user, **options):
        """A whole login whose last token is changed."""
        wire, client = self.wire(), ntlm.Client(user, PASSWORD, **options)
        third = change(bytearray(client.authenticate(self.challenge(wire, client))))
        self.assertEqual(wire.ask(header(bytes(third)), body=put_message("touched")), 401)
        self.assertFalse(any(" " in offer for offer in wire.offered()))
        self.assertTrue(wire.ended())

    def test_on_another_connection(self):
        first, second = self.wire(), self.wire()
        client = ntlm.Client(USER, PASSWORD)
        third = client.authenticate(self.challenge(first, client))
        self.assertEqual(second.ask(header(third)), 401)
        self.no_identity(second)
        self.assertEqual(first.ask(header(third)), 200)
        # Its context is there and nowhere else.
        body = multipart(len(GET), *client.seal(GET))
        self.assertEqual(self.wire().ask(body=body, content_type=SEALED.format(SPNEGO_TYPE)), 401)
        other, _ = self.login()
        self.assertEqual(other.ask(body=body, content_type=SEALED.format(SPNEGO_TYPE)), 400)
        self.assertTrue(other.ended())
        self.assertIn(b"untouched", self.sealed(first, client, GET, body=body)[1])

    def test_replay(self):
        wire, client = self.wire(), ntlm.Client("replayed", PASSWORD)
        third = client.authenticate(self.challenge(wire, client))
        self.assertEqual(wire.ask(header(third)), 200)
        again = self.wire()
        self.challenge(again, ntlm.Client("replayed", PASSWORD))  # a fresh challenge, the old answer
        self.assertEqual(again.ask(header(third)), 401)
        self.no_identity(again)
        self.assertEqual(self.wire().ask(header(third)), 401)
        self.assertEqual(wire.ask(header(third)), 401)  # nor on its own connection
        self.no_identity(wire)

    def test_mic(self):
        def zeroed(token):
            token[ntlm.MIC_AT:ntlm.MIC_AT + 16] = b"\0" * 16
            return token

        def cut(token):  # the fields are where the MIC was
            for at in range(12, 60, 8):
                struct.pack_into("<I", token, at + 4, struct.unpack_from("<I", token, at + 4)[0] - 16)
            return token[:ntlm.MIC_AT] + token[ntlm.MIC_AT + 16:]

        def flipped(token):
            token[ntlm.MIC_AT] ^= 1
            return token

        for change in (zeroed, cut, flipped):
            with self.subTest(change=change.__name__):
                self.refused(change, "mic")
        self.refused(lambda token: token, "mic", mic=False)

    def test_flags(self):
        """Chosen away in the last message, which the MIC covers, and in the first."""
        def without(flag):
            def change(token):
                struct.pack_into("<I", token, 60, struct.unpack_from("<I", token, 60)[0] & ~flag)
                return token
            return change

        for flag in (ntlm.SIGN, ntlm.SEAL, ntlm.KEY_128, ntlm.ESS, ntlm.KEY_EXCH, ntlm.UNICODE):
            with self.subTest(flag=hex(flag)):
                self.refused(without(flag), "flags")
                if flag == ntlm.KEY_EXCH:
                    continue
                wire = self.wire()
                self.assertEqual(wire.ask(header(ntlm.Client(USER, PASSWORD, flags=ntlm.FLAGS & ~flag).negotiate())), 401)
                self.assertFalse(any(" " in offer for offer in wire.offered()))

    def test_flipped_anywhere(self):
        """One bit in each field of the last message. Padding bytes are covered by the MIC too."""
        client = ntlm.Client(USER, PASSWORD)
        length = len(client.authenticate(self.challenge(self.wire(), client)))
        for at in (8, 12, 20, 24, 28, 36, 44, 52, 60, 64, *range(ntlm.HEAD + 24, length, 29), length - 1):
            with self.subTest(at=at):
                def flip(token):
                    token[at] ^= 1
                    return token
                self.refused(flip, "flipped")
        self.login()

    def test_list_of_mechanisms(self):
        both, only = ntlm.mech_list(ntlm.KERBEROS, ntlm.NTLMSSP), ntlm.mech_list(ntlm.NTLMSSP)

        def attempt(sent, signed, first):
            """Status of a login inside SPNEGO; first: with the optimistic token."""
            wire, client = self.wire(), ntlm.Client("listed", PASSWORD)
            token = client.negotiate()
            self.assertEqual(wire.ask(header(ntlm.neg_init(sent, token if first else None))), 401)
            if not first:
                self.assertEqual(wire.ask(header(ntlm.neg_resp(token))), 401)
            answer = client.authenticate(ntlm.ntlm_inside(wire.token()))
            status = wire.ask(header(ntlm.neg_resp(answer, client.sign_list(signed) if signed else None)))
            if status == 401 and not any(" " in offer for offer in wire.offered()):
                self.assertTrue(wire.ended())
            return status

        self.assertEqual(attempt(both, both, False), 200)
        self.assertEqual(attempt(only, only, True), 200)
        for sent, signed, first in ((only, both, True), (both, only, False), (both, None, False), (only, None, True)):
            with self.subTest(sent=sent.hex(), signed=signed, first=first):
                self.assertEqual(attempt(sent, signed, first), 401)
                self.untouched()

    def test_lengths_of_asn1(self):
        inside = ntlm.neg_init(ntlm.mech_list(ntlm.NTLMSSP), ntlm.Client(USER, PASSWORD).negotiate())
        huge = [b"\x60\x84\x7f\xff\xff\xff", b"\x60\x84\xff\xff\xff\xff", b"\x60\x88" + b"\xff" * 8, b"\x60\x80", b"\x60\xff" + b"\xff" * 127,
                b"\x60\x84\0\0\0\x05\6\6" + ntlm.SPNEGO, b"\xa1\x84\xff\xff\xff\xf0", b"\x60" * 5000, b"\x60\x80" * 5000, inside[:-1], inside + b"x",
                inside[:1] + b"\x83\xff\xff\xff" + inside[2:], ntlm.neg_init(ntlm.mech_list(*[ntlm.KERBEROS] * 2000)), b"\x6e\x84\xff\xff\xff\xff",
                ntlm.der(0x60, ntlm.der(6, ntlm.KERBEROS), b"\1\0\x6e\x84\xff\xff\xff\xff")]
        for nested in (b"\x30\x84\xff\xff\xff\xff", b"\x30\x82\xff\xff", b"\x06\x84\xff\xff\xff\xff"):
            huge.append(ntlm.der(0x60, ntlm.der(6, ntlm.SPNEGO), ntlm.der(0xa0, ntlm.der(0x30, ntlm.der(0xa0, nested)))))
        for token in huge:
            with self.subTest(token=token[:12].hex()):
                wire = self.wire()
                self.assertEqual(wire.ask(header(token), body=put_message("touched")), 401)
                self.assertFalse(any(" " in offer for offer in wire.offered()))
                self.assertTrue(wire.ended())
        self.untouched()


class SealedBodies(WithDaemon):
    def broken(self, change, status=400, text=None, **options):
        """A sealed Put whose body is changed does nothing and ends the connection. change: of the whole body."""
        wire, client = self.login()
        text = text or put_message("touched")
        body = change(bytearray(multipart(len(text), *client.seal(text))))
        self.assertEqual(wire.ask(body=bytes(body), content_type=options.get("content_type", SEALED.format(SPNEGO_TYPE))), status)
        self.assertEqual(wire.body, b"")
        self.assertTrue(wire.ended())

    def test_control(self):
        wire, client = self.login()
        for i in range(3):
            self.assertIn(b"untouched", self.sealed(wire, client, GET)[1])
        status, fault = self.sealed(wire, client, WRITER.envelope(f"{TRANSFER}/Get", RESOURCE, selectors={"Id": 7}).encode())
        self.assertEqual(status, 500)
        self.assertIn(b"Fault", fault)  # sealed, too

    def test_flipped(self):
        text = put_message("touched")
        sample = multipart(len(text), b"S" * 16, b"c" * len(text))
        at = sample.index(b"octet-stream\r\n") + len(b"octet-stream\r\n")
        body = at + 4 + 16
        regions = {"first boundary": 3, "second type": 40, "OriginalContent": sample.index(b"Original"), "type=": sample.index(b"type=application/soap"),
                   "second boundary": sample.index(b"--Encrypted Boundary", 10) + 4, "octet-stream": at - 5, "length word": at, "high length": at + 3,
                   "signature version": at + 4, "checksum": at + 8, "sequence": at + 16, "first of the text": body,
                   "middle of the text": body + len(text) // 2, "last of the text": body + len(text) - 1,
                   "end": body + len(text) + 4, "end's dashes": len(sample) - 3}
        for name, place in regions.items():
            with self.subTest(region=name):
                def flip(data):
                    data[place] ^= 1
                    return data
                self.broken(flip)
        self.untouched()

    def test_length(self):
        text = put_message("touched")
        for length in (len(text) - 1, len(text) + 1, 0, 1 << 31, 1 << 40, "", "-1", f"0x{len(text):x}"):
            with self.subTest(length=length):
                wire, client = self.login()
                self.assertEqual(wire.ask(body=multipart(length, *client.seal(text)), content_type=SEALED.format(SPNEGO_TYPE)), 400)
                self.assertTrue(wire.ended())
        self.untouched()

    def test_prefix(self):
        text = put_message("touched")
        for prefix in (0, 15, 17, 1 << 16, 0x7fffffff, 0xffffffff, 0xfffffffc):
            with self.subTest(prefix=prefix):
                wire, client = self.login()
                self.assertEqual(wire.ask(body=multipart(len(text), *client.seal(text), prefix=prefix), content_type=SEALED.format(SPNEGO_TYPE)), 400)
                self.assertTrue(wire.ended())
        self.untouched()

    def test_truncated(self):
        text = put_message("touched")
        whole = len(multipart(len(text), b"S" * 16, text))
        for cut in (1, 2, 20, 60, 120, 160, 185, 190, 200, whole - 60, whole - 26, whole - 25, whole - 24, whole - 10, whole - 1):
            with self.subTest(cut=cut):
                self.broken(lambda body: body[:cut])
        # The rest never comes.
        wire, client = self.login()
        body = multipart(len(text), *client.seal(text))
        wire.send(body=body[:-30], length=len(body), content_type=SEALED.format(SPNEGO_TYPE))
        wire.socket.shutdown(socket.SHUT_WR)
        self.assertIsNone(wire.reply())
        self.untouched()

    def test_types(self):
        text = put_message("touched")
        self.broken(lambda body: body, content_type=SEALED.format(KERBEROS_TYPE))
        self.broken(lambda body: body, content_type=SEALED.format("application/HTTP-CredSSP-session-encrypted"))
        self.broken(lambda body: body, content_type="multipart/encrypted")
        self.broken(lambda body: body, content_type=SEALED.format(SPNEGO_TYPE).replace("encrypted;", "x-multi-encrypted;", 1))
        self.broken(lambda body: body.replace(SPNEGO_TYPE.encode(), KERBEROS_TYPE.encode()))
        self.broken(lambda body: bytearray(text))  # said to be sealed, and plain
        self.untouched()

    def test_again(self):
        """The same message twice: its number is used up."""
        wire, client = self.login()
        body = multipart(len(GET), *client.seal(GET))
        self.assertIn(b"untouched", self.sealed(wire, client, GET, body=body)[1])
        self.assertEqual(wire.ask(body=body, content_type=SEALED.format(SPNEGO_TYPE)), 400)
        self.assertTrue(wire.ended())
        wire, client = self.login()
        first, second = (multipart(len(GET), *client.seal(GET)) for _ in range(2))
        self.assertEqual(wire.ask(body=second, content_type=SEALED.format(SPNEGO_TYPE)), 400)  # out of order
        self.assertTrue(wire.ended())

    def test_plain(self):
        """On a connection whose bodies are sealed."""
        wire, client = self.login()
        self.assertEqual(wire.ask(body=put_message("touched")), 500)
        self.assertEqual(wire.body, b"")
        wire, client = self.wire(), ntlm.Client(USER, PASSWORD)
        third = client.authenticate(self.challenge(wire, client))
        self.assertEqual(wire.ask(header(third), body=put_message("touched")), 500)  # together with the login
        self.assertEqual(wire.body, b"")
        self.untouched()

    def test_padding_of_others(self):
        """A context that is gone: 401 without content, not a guess."""
        wire, client = self.login()
        body = multipart(len(GET), *client.seal(GET))
        wire.close()
        again = self.wire()
        self.assertEqual(again.ask(body=body, content_type=SEALED.format(SPNEGO_TYPE)), 401)
        self.assertEqual(again.body, b"")


class Changes(WithDaemon):
    """What happens to accounts while their owners are connected: at the next request, a second later at most."""

    more_users = ("leaver", "sleeper", "mover", "stayer")

    def until(self, wire, client, status, word):
        """Requests, until one is answered so."""
        for _ in range(1000):
            seen, text = self.sealed(wire, client, GET)
            if seen == status and word in text:
                return text
            time.sleep(0.01)
        self.fail(f"still {seen} {text[-300:]}")

    def test(self):
        users = {name: self.login(name) for name in self.more_users}
        for wire, client in users.values():
            self.assertEqual(self.sealed(wire, client, GET)[0], 200)
        self.daemon.run("user", "del", "leaver")
        self.daemon.run("user", "disable", "sleeper")
        self.daemon.run("user", "mod", "mover", "--no-group", "administrators")
        self.until(*users["mover"], 500, b"AccessDenied")
        for name in ("leaver", "sleeper"):
            self.assertEqual(self.until(*users[name], 401, b""), b"")
            self.no_identity(users[name][0])
            wire, client = self.wire(), ntlm.Client(name, PASSWORD)
            self.assertEqual(wire.ask(header(client.authenticate(self.challenge(wire, client)))), 401)
        self.daemon.run("user", "mod", "mover", "--group", "administrators")
        self.until(*users["mover"], 200, b"untouched")
        self.assertEqual(self.sealed(*users["stayer"], GET)[0], 200)  # of no concern to him


class Digest(WithDaemon):
    """What was proven for one request does not prove another."""

    settings = {"auth.digest": "on", "auth.allow_unencrypted": "on"}

    def challenges(self, wire):
        self.assertEqual(wire.ask(body=GET), 401)
        return {c["algorithm"]: c for c in (dict(re.findall(r'(\w+)="?([^",]*)"?', offer)) for offer in wire.offered()
                                            if offer.startswith("Digest "))}

    def proof(self, c, nc=1, qop="auth", body=GET, uri="/wsman", method="POST", password=PASSWORD, realm=None, nonce=None, said=None):
        """said: fields that the header holds instead."""
        def h(*parts):
            data = b":".join(p if isinstance(p, bytes) else p.encode() for p in parts)
            return hashlib.new("md5" if c["algorithm"] == "MD5" else "sha256", data).hexdigest()

        v = {"username": USER, "realm": realm or c["realm"], "nonce": nonce or c["nonce"], "uri": uri, "cnonce": "0a4f113b"}
        a2 = (method, uri, h(body)) if qop == "auth-int" else (method, uri)
        v["response"] = h(h(USER, v["realm"], password), v["nonce"], f"{nc:08x}", v["cnonce"], qop, h(*a2))
        v.update(said or {})
        quoted = ", ".join(f'{name}="{value}"' for name, value in v.items())
        return f'Authorization: Digest {quoted}, algorithm={c["algorithm"]}, qop={qop}, nc={nc:08x}'

    def test_control(self):
        wire = self.wire()
        offered = self.challenges(wire)
        self.assertEqual(list(offered), ["SHA-256", "MD5"])
        for number, (c, qop) in enumerate(((c, qop) for c in offered.values() for qop in ("auth", "auth-int")), 1):
            with self.subTest(algorithm=c["algorithm"], qop=qop):
                self.assertEqual(wire.ask(self.proof(c, number, qop), body=GET), 200)

    def test_again(self):
        wire = self.wire()
        c = self.challenges(wire)["SHA-256"]
        first, second, third = (self.proof(c, n) for n in (1, 2, 3))
        self.assertEqual(wire.ask(first, body=GET), 200)
        self.assertEqual(wire.ask(third, body=GET), 200)
        for proof in (first, third):
            for other in (wire, self.wire()):
                self.assertEqual(other.ask(proof, body=put_message("touched")), 401)
        self.assertEqual(wire.ask(body=GET), 401)  # nothing is left of it on the connection
        self.untouched()

    def test_changed(self):
        for algorithm in ("SHA-256", "MD5"):
            wire = self.wire()
            c = self.challenges(wire)[algorithm]
            cases = [dict(uri="/elsewhere"), dict(method="GET"), dict(password="wrong"), dict(realm="elsewhere"), dict(nonce="0" * len(c["nonce"])),
                     dict(nonce=c["nonce"][:-1] + ("0" if c["nonce"][-1] != "0" else "1")), dict(said={"uri": "/elsewhere"}), dict(said={"response": ""}),
                     dict(said={"response": "0" * 64}), dict(said={"username": "nobody"}), dict(said={"nonce": ""}), dict(said={"cnonce": "other"})]
            for number, case in enumerate(cases, 1):
                with self.subTest(algorithm=algorithm, case=case):
                    self.assertEqual(self.wire_from(wire).ask(self.proof(c, number, **case), body=put_message("touched")), 401)
            self.assertEqual(wire.ask(self.proof(c, 50, "auth-int"), body=put_message("touched")), 401)  # of another body
        self.untouched()

    def wire_from(self, wire):
        """Another connection of the same address, which nonces are bound to."""
        again = Wire(self.daemon.address(), wire.socket.getsockname()[0])
        self.addCleanup(again.close)
        return again

    def test_from_elsewhere(self):
        wire = self.wire()
        proof = self.proof(self.challenges(wire)["SHA-256"])
        self.assertEqual(self.wire().ask(proof, body=GET), 401)
        self.assertEqual(self.wire_from(wire).ask(proof, body=GET), 200)

    def untouched(self):
        wire = self.wire()
        self.assertEqual(wire.ask(self.proof(self.challenges(wire)["SHA-256"]), body=GET), 200)
        self.assertIn(b"untouched", wire.body)


class WithoutMic(WithDaemon):
    """auth.ntlm_allow_no_mic: for old clients; those who promise a MIC still have to keep that."""

    settings = {"auth.ntlm_allow_no_mic": "on"}

    def test(self):
        wire, client = self.login(mic=False)
        self.assertIn(b"untouched", self.sealed(wire, client, GET)[1])
        wire, client = self.wire(), ntlm.Client(USER, PASSWORD)
        third = bytearray(client.authenticate(self.challenge(wire, client)))
        third[ntlm.MIC_AT:ntlm.MIC_AT + 16] = b"\0" * 16
        self.assertEqual(wire.ask(header(bytes(third))), 401)


if __name__ == "__main__":
    unittest.main()
