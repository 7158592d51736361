"""Kerberos and CredSSP of pyspnego over raw sockets, with tickets that are replayed or for another service and sealed messages that were
changed: none of them may do anything.

covers: security:S1 security:S36 security:S37 security:S41
"""
import base64
import struct
import unittest

import scenario_path
import kdc
import spnego
from daemon import PASSWORD, USER
from login_site import LONG, Site
from test_security_negative import KERBEROS_TYPE, SEALED, SPNEGO_TYPE, TRANSFER, WRITER, Wire, header, multipart

CREDSSP_TYPE = "application/HTTP-CredSSP-session-encrypted"
MULTI = f'multipart/x-multi-encrypted;protocol="{CREDSSP_TYPE}";boundary="Encrypted Boundary"'
END = b"--Encrypted Boundary--\r\n"
GET = WRITER.envelope(f"{TRANSFER}/Get", LONG, selectors={"Id": 1}).encode()


def put_message(size=64):
    text = ("touched " * (size // 8 + 1))[:size]
    return WRITER.envelope(f"{TRANSFER}/Put", LONG, WRITER.instance_xml("root/default", "Test_Long", {"Id": 1, "Text": text}),
                           selectors={"Id": 1}).encode()


class Tampered(Site):
    def wire(self):
        wire = Wire(self.daemon.address())
        self.addCleanup(wire.close)
        return wire

    def context(self, scheme, service="HTTP"):
        if scheme == "CredSSP":
            return spnego.client(USER, PASSWORD, hostname="localhost", service=service, protocol="credssp")
        self.as_user("alice")
        return spnego.client(hostname="localhost", service=service, protocol=scheme.lower())

    @staticmethod
    def answer(wire):
        """The token of an answer, None where the login is over. An empty one is one, too: TLS has nothing to say."""
        if len(wire.offered()) != 1:
            return None
        return base64.b64decode(wire.offered()[0].partition(" ")[2])

    def login(self, scheme):
        wire, context = self.wire(), self.context(scheme)
        status = wire.ask(header(context.step(), scheme))
        while (token := self.answer(wire)) is not None:
            token = context.step(token)
            if status == 200:
                break
            status = wire.ask(header(token, scheme))
        self.assertEqual(status, 200)
        return wire, context

    def body(self, scheme, context, text):
        if scheme != "CredSSP":
            sealed = context.wrap_winrm(text)
            return multipart(len(text) + sealed.padding_length, sealed.header, sealed.data, KERBEROS_TYPE if scheme == "Kerberos" else SPNEGO_TYPE)
        whole = b""
        for at in range(0, len(text), 16384):
            chunk = text[at:at + 16384]
            sealed = context.wrap_winrm(chunk)
            whole += multipart(len(chunk), sealed.header, sealed.data, CREDSSP_TYPE)[:-len(END)]
        return whole + END

    def content_type(self, scheme, text):
        if scheme == "CredSSP" and len(text) > 16384:
            return MULTI
        return SEALED.format({"Kerberos": KERBEROS_TYPE, "Negotiate": SPNEGO_TYPE, "CredSSP": CREDSSP_TYPE}[scheme])

    def untouched(self):
        """By what Test_Long.Id=1 holds, read over a connection of its own."""
        wire, context = self.login("CredSSP")
        self.assertEqual(wire.ask(body=self.body("CredSSP", context, GET), content_type=self.content_type("CredSSP", GET)), 200)
        inside = wire.body.split(b"octet-stream\r\n", 1)[1][:-len(END)]
        size = struct.unpack("<I", inside[:4])[0]
        text = context.unwrap_winrm(inside[4:4 + size], inside[4 + size:])
        self.assertIn(b"0123456789abcde", text)
        self.assertNotIn(b"touched", text)

    def schemes(self):
        return ("Kerberos", "Negotiate", "CredSSP") if self.realm else ("CredSSP",)

    def test_control(self):
        for scheme in self.schemes():
            with self.subTest(scheme=scheme):
                wire, context = self.login(scheme)
                for _ in range(2):
                    self.assertEqual(wire.ask(body=self.body(scheme, context, GET), content_type=self.content_type(scheme, GET)), 200)

    def broken(self, scheme, change, size=64, status=400):
        wire, context = self.login(scheme)
        text = put_message(size)
        body = bytes(change(bytearray(self.body(scheme, context, text))))
        self.assertEqual(wire.ask(body=body, content_type=self.content_type(scheme, text)), status)
        self.assertEqual(wire.body, b"")
        self.assertTrue(wire.ended())

    def test_flipped(self):
        """A bit of each region: lines, the length word, every part of the signature or record, the text, the end."""
        for scheme in self.schemes():
            wire, context = self.login(scheme)
            sample = self.body(scheme, context, put_message())
            start, stop = sample.index(b"octet-stream\r\n") + 14, len(sample) - len(END)
            places = [5, 60, sample.index(b"Length=") + 8, start - 4, *range(start + 4, start + 64, 5), (start + stop) // 2, stop - 1, stop + 3, len(sample) - 3]
            if scheme != "CredSSP":
                places += [start, start + 3]
            for at in places:
                with self.subTest(scheme=scheme, at=at - start):
                    def flip(body):
                        body[at] ^= 1
                        return body
                    self.broken(scheme, flip)
        self.untouched()

    def test_truncated(self):
        for scheme in self.schemes():
            wire, context = self.login(scheme)
            whole = len(self.body(scheme, context, put_message()))
            for n in (1, 30, 150, 200, 230, 300, whole // 2, whole - 40, whole - 27, whole - 26, whole - 24, whole - 5):
                with self.subTest(scheme=scheme, n=n):
                    self.broken(scheme, lambda body: body[:n])
        self.untouched()

    def test_parts_of_credssp(self):
        """Of a message of three parts one is left out, doubled, moved, cut, or of another length."""
        boundary = b"--Encrypted Boundary\r\n\tContent-Type: application/HTTP"

        def parts(body):
            pieces = bytes(body[:-len(END)]).split(boundary)[1:]
            self.assertEqual(len(pieces), 3)
            return [boundary + piece for piece in pieces]

        def joined(choose):
            return lambda body: b"".join(choose(parts(body))) + END

        for choose in (lambda p: p[1:], lambda p: [p[0], p[2]], lambda p: [p[1], p[0], p[2]], lambda p: [*p, p[2]],
                       lambda p: [p[0], p[0], p[1], p[2]], lambda p: [p[0][:-1], p[1], p[2]], lambda p: [p[0], p[1][:-100], p[2]],
                       lambda p: [p[0].replace(b"Length=16384", b"Length=16383"), p[1], p[2]],
                       lambda p: [p[0].replace(b"Length=16384", b"Length=99999999"), p[1], p[2]],
                       lambda p: [p[0] + p[1].split(b"octet-stream\r\n", 1)[1][4:], p[2]]):
            self.broken("CredSSP", joined(choose), size=40000)
        # Without the last: whole records, whose text is no XML.
        wire, context = self.login("CredSSP")
        text = put_message(40000)
        body = joined(lambda p: p[:2])(self.body("CredSSP", context, text))
        self.assertEqual(wire.ask(body=body, content_type=MULTI), 500)
        # All the parts, and the type of a single one.
        wire, context = self.login("CredSSP")
        text = put_message(40000)
        self.assertEqual(wire.ask(body=self.body("CredSSP", context, text), content_type=SEALED.format(CREDSSP_TYPE)), 400)
        self.untouched()

    def test_again(self):
        for scheme in self.schemes():
            with self.subTest(scheme=scheme):
                wire, context = self.login(scheme)
                body = self.body(scheme, context, GET)
                self.assertEqual(wire.ask(body=body, content_type=self.content_type(scheme, GET)), 200)
                self.assertEqual(wire.ask(body=body, content_type=self.content_type(scheme, GET)), 400)
                self.assertTrue(wire.ended())

    def test_of_another_connection(self):
        for scheme in self.schemes():
            with self.subTest(scheme=scheme):
                wire, context = self.login(scheme)
                other, _ = self.login(scheme)
                body = self.body(scheme, context, put_message())
                self.assertEqual(other.ask(body=body, content_type=self.content_type(scheme, GET)), 400)
                self.assertEqual(self.wire().ask(body=body, content_type=self.content_type(scheme, GET)), 401)
        self.untouched()

    def test_tickets(self):
        self.need_realm()
        for scheme in ("Kerberos", "Negotiate"):
            with self.subTest(scheme=scheme):
                token = self.context(scheme).step()
                first = self.wire()
                self.assertEqual(first.ask(header(token, scheme)), 200)
                for again in (self.wire(), first):
                    self.assertEqual(again.ask(header(token, scheme)), 401)  # a replay
                    self.assertFalse(any(" " in offer and not offer.startswith(("Digest", "Basic")) for offer in again.offered()))
                    self.assertTrue(again.ended())
                self.assertEqual(self.wire().ask(header(self.context(scheme, "ldap").step(), scheme)), 401)  # a ticket for another service
                self.assertEqual(self.wire().ask(header(self.context(scheme, "host").step(), scheme)), 200)
                for at in (1, 20, len(token) // 2, len(token) - 1):
                    broken = bytearray(self.context(scheme).step())
                    broken[min(at, len(broken) - 1)] ^= 1
                    wire = self.wire()
                    self.assertEqual(wire.ask(header(bytes(broken), scheme)), 401)
                    self.assertTrue(wire.ended())

    def test_credssp_on_its_way(self):
        """A flipped bit in a token of the login, and a token on another connection."""
        legs = 0
        for leg in range(10):
            wire, context = self.wire(), self.context("CredSSP")
            token, status = context.step(), None
            for number in range(leg):
                status = wire.ask(header(token, "CredSSP"))
                if status == 200:
                    break
                token = context.step(self.answer(wire))
            if status == 200:
                break
            legs = leg + 1
            broken = bytearray(token)
            broken[-5] ^= 1
            status = wire.ask(header(bytes(broken), "CredSSP"))
            self.assertEqual(status, 401)
            if leg > 0:  # of the first, a ClientHello, anything may change: the two sides do not agree later
                self.assertTrue(wire.ended())
                other = self.wire()
                self.assertEqual(other.ask(header(token, "CredSSP")), 401)
                self.assertIsNone(self.answer(other))
        self.assertGreaterEqual(legs, 4)


if __name__ == "__main__":
    unittest.main()
