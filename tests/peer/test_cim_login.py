"""cim against a server whose logins and sealed bodies are pyspnego's: NTLM, Kerberos and CredSSP over plain HTTP, and servers that
misbehave.

covers: security:S4 security:S36 security:S37
"""
import base64
import http.server
import os
import pathlib
import re
import struct
import subprocess
import tempfile
import threading
import unittest

import scenario_path
import kdc
import spnego

from daemon import binary

try:
    import gssapi  # what pyspnego speaks Kerberos with
except ImportError:
    gssapi = None

USER, PASSWORD = "alice", "Alice's pass 1"
TYPES = {"Negotiate": "application/HTTP-SPNEGO-session-encrypted", "Kerberos": "application/HTTP-Kerberos-session-encrypted",
         "CredSSP": "application/HTTP-CredSSP-session-encrypted"}
IDENTITY = ('<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.dmtf.org/wbem/wsman/identity/1/'
            'wsmanidentity.xsd"><s:Header/><s:Body><w:IdentifyResponse><w:ProductVendor>Peer %s</w:ProductVendor></w:IdentifyResponse>'
            '</s:Body></s:Envelope>')
BOUNDARY = b"--Encrypted Boundary"


def seal(context, scheme, text):
    kind, out = TYPES[scheme].encode(), b""
    chunks = [text] if scheme != "CredSSP" else [text[i:i + 16384] for i in range(0, len(text), 16384)]
    for chunk in chunks:
        if scheme == "CredSSP":
            data = struct.pack("<I", 16) + context.wrap(chunk).data
        else:
            sealed = context.wrap_winrm(chunk)
            data = struct.pack("<I", len(sealed.header)) + sealed.header + sealed.data
        out += (BOUNDARY + b"\r\n\tContent-Type: " + kind + b"\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=" +
                str(len(chunk)).encode() + b"\r\n" + BOUNDARY + b"\r\n\tContent-Type: application/octet-stream\r\n" + data)
    form = "x-multi-encrypted" if len(chunks) > 1 else "encrypted"
    return f'multipart/{form};protocol="{TYPES[scheme]}";boundary="Encrypted Boundary"', out + BOUNDARY + b"--\r\n"


def unseal(context, scheme, body):
    head, rest = body.split(b"\tContent-Type: application/octet-stream\r\n", 1)
    assert rest.endswith(BOUNDARY + b"--\r\n") and TYPES[scheme].encode() in head
    rest, (size,) = rest[:-len(BOUNDARY) - 4], struct.unpack("<I", rest[:4])
    text = context.unwrap(rest[4:]).data if scheme == "CredSSP" else context.unwrap_winrm(rest[4:4 + size], rest[4 + size:])
    assert len(text) == int(re.search(rb"Length=(\d+)\r\n", head).group(1))
    return text


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    context = scheme = None

    def log_message(self, *args):
        pass

    def reply(self, status, headers=(), kind="", body=b""):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if kind:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        server = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        scheme, _, token = (self.headers.get("Authorization") or "").partition(" ")
        server.seen.append((scheme, len(body)))
        if token and scheme in server.schemes:
            return self.leg(scheme, base64.b64decode(token))
        if scheme or not self.context or not self.context.complete:
            return self.reply(401, [("WWW-Authenticate", s) for s in server.schemes])
        question = unseal(self.context, self.scheme, body)
        server.questions.append(question)
        if server.manner == "forget" and len(server.questions) == 1:
            self.context = None
            return self.reply(401, [("WWW-Authenticate", s) for s in server.schemes])
        answer = (IDENTITY % (self.scheme + server.padding)).encode()
        if server.manner == "plain":
            return self.reply(200, kind="application/soap+xml;charset=UTF-8", body=answer)
        kind, sealed = seal(self.context, self.scheme, answer)
        if server.manner == "flip":
            sealed = sealed[:-30] + bytes([sealed[-30] ^ 1]) + sealed[-29:]
        self.reply(200, kind=kind, body=sealed)

    def leg(self, scheme, token):
        if self.context is None or self.context.complete:
            self.scheme = scheme
            self.context = spnego.server(protocol=scheme.lower(), **self.server.options)
        try:
            answer = self.context.step(token)
        except spnego.exceptions.SpnegoError as e:
            self.server.failures.append(str(e))
            self.context = None
            return self.reply(401, [("WWW-Authenticate", s) for s in self.server.schemes])
        value = scheme + (" " + base64.b64encode(answer).decode() if answer else "")
        if self.context.complete:
            self.server.granted.append(self.context.context_attr)
            return self.reply(200, [("WWW-Authenticate", value)] if answer else [])
        return self.reply(401, [("WWW-Authenticate", value)])


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *schemes, manner="", padding="", **options):
        super().__init__(("127.0.0.1", 0), Handler)
        self.schemes, self.manner, self.padding, self.options = schemes, manner, padding, options
        self.seen, self.questions, self.failures, self.granted = [], [], [], []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *args):
        self.shutdown()
        super().__exit__(*args)


class CimLogin(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        users = pathlib.Path(folder.name) / "users"
        users.write_text(f"DOMAIN:{USER}:{PASSWORD}\n", encoding="utf-8")
        before = dict(os.environ)
        cls.addClassCleanup(lambda: (os.environ.clear(), os.environ.update(before)))
        os.environ["NTLM_USER_FILE"] = str(users)
        cls.realm = kdc.Realm().start() if gssapi and kdc.available() else None
        if cls.realm:
            cls.addClassCleanup(cls.realm.stop)
            os.environ.update(cls.realm.environment, KRB5_KTNAME=f"FILE:{cls.realm.keytab}")

    def cim(self, server, *args, code=0, user=f"DOMAIN\\{USER}", password=PASSWORD, host="127.0.0.1", cache=None):
        env = {k: v for k, v in os.environ.items() if k not in ("CIM_PASSWORD", "XDG_CONFIG_HOME")}
        env["HOME"] = "/nonexistent"
        if password:
            env["CIM_PASSWORD"] = password
        if cache:
            env["KRB5CCNAME"] = cache
        who = ["-u", user] if user else []
        done = subprocess.run([binary("cim"), "identify", f"wsmv://{host}:{server.server_address[1]}", *who, *args], env=env, text=True,
                              capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, code, f"{done.stdout}{done.stderr}\n{server.failures}")
        return done.stdout if code == 0 else done.stderr

    def ntlm(self, **options):
        return Server("Negotiate", "Basic", options=spnego.NegotiateOptions.use_negotiate, **options)

    def test_ntlm(self):
        for args in ((), ("--auth", "ntlm"), ("--auth", "negotiate")):
            with self.ntlm() as server:
                self.assertIn("Peer Negotiate", self.cim(server, *args))
                self.assertEqual(len(server.questions), 1)
                self.assertEqual([n for scheme, n in server.seen if scheme], [0, 0])  # no body before the login's end
                self.assertNotIn("Basic", [scheme for scheme, _ in server.seen])

    def test_wrong_password(self):
        with self.ntlm() as server:
            self.assertIn("refuses", self.cim(server, code=4, password="guess"))
            self.assertEqual(server.questions, [])
            self.assertNotIn("Basic", [scheme for scheme, _ in server.seen])

    def test_servers_that_misbehave(self):
        for manner, word in (("plain", "not protected"), ("flip", "signature")):
            with self.ntlm(manner=manner) as server:
                self.assertIn(word, self.cim(server, code=5))

    def test_server_that_forgets(self):
        with self.ntlm(manner="forget") as server:
            self.assertIn("Peer Negotiate", self.cim(server))
            self.assertEqual(len(server.questions), 2)

    def test_offers(self):
        with Server("Kerberos", "CredSSP") as server:
            text = self.cim(server, "--auth", "basic", code=4)
            self.assertIn("the server offers Kerberos, CredSSP; Basic is not among them", text)

    def test_credssp(self):
        for padding in ("", "x" * 40000):
            with Server("Negotiate", "CredSSP", padding=padding) as server:
                self.assertIn("Peer CredSSP", self.cim(server, "--auth", "credssp"))
                self.assertEqual(len(server.questions), 1)
        with Server("Negotiate", "CredSSP") as server:
            self.cim(server, "--auth", "credssp", code=4, password="guess")

    def kerberos(self):
        if not self.realm:
            self.skipTest("no KDC, or python-gssapi is missing")
        return self.realm.cache("alice")

    def test_kerberos(self):
        cache = self.kerberos()
        for scheme in ("Kerberos", "Negotiate"):  # where Kerberos is not offered, inside Negotiate
            with Server(scheme) as server:
                self.assertIn(f"Peer {scheme}", self.cim(server, "--auth", "kerberos", user=None, password=None, host="localhost", cache=cache))
        with Server("Negotiate") as server:
            self.assertIn("Peer Negotiate", self.cim(server, "--auth", "negotiate", user=None, password=None, host="localhost", cache=cache))
        with Server("Kerberos") as server:  # with a password instead of a ticket
            self.assertIn("Peer Kerberos", self.cim(server, "--auth", "kerberos", user="alice", host="localhost"))
        with Server("Kerberos") as server:
            self.cim(server, "--auth", "kerberos", user=None, password=None, host="localhost", code=4)
            self.assertEqual(server.seen, [])

    def test_delegation(self):
        self.kerberos()
        cache = self.realm.cache("alice", "-f")  # a ticket that may be forwarded
        for words, want in (((), False), (("--delegate",), True)):
            with Server("Kerberos") as server:
                self.cim(server, "--auth", "kerberos", *words, user=None, password=None, host="localhost", cache=cache)
                self.assertEqual(bool(server.granted[0] & spnego.ContextReq.delegate), want)


if __name__ == "__main__":
    unittest.main()
