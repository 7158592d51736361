"""NTLM version 2 (MS-NLMP), the client's side, and the little of SPNEGO that carries it, from the Python library alone and independent of
ours: for scenarios that have to break a login or a sealed message in a chosen place."""
import hashlib
import hmac
import os
import struct

UNICODE, REQUEST_TARGET, SIGN, SEAL, NTLM, ALWAYS_SIGN, ESS = 1, 4, 0x10, 0x20, 0x200, 0x8000, 0x80000
TARGET_INFO, VERSION, KEY_128, KEY_EXCH, KEY_56 = 0x800000, 0x2000000, 0x20000000, 0x40000000, 0x80000000
FLAGS = UNICODE | REQUEST_TARGET | SIGN | SEAL | NTLM | ALWAYS_SIGN | ESS | KEY_128 | KEY_EXCH | KEY_56
MIC_AT, HEAD = 72, 88
KERBEROS, MS_KERBEROS = bytes.fromhex("2a864886f712010202"), bytes.fromhex("2a864882f712010202")
NTLMSSP, SPNEGO = bytes.fromhex("2b06010401823702020a"), bytes.fromhex("2b0601050502")


def md4(data):
    """RFC 1320; the library's is switched off where OpenSSL has no legacy provider."""
    def rotate(value, by):
        value &= 0xffffffff
        return (value << by | value >> 32 - by) & 0xffffffff

    state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]
    rounds = ((lambda x, y, z: x & y | ~x & z, 0, range(16), (3, 7, 11, 19)),
              (lambda x, y, z: x & y | x & z | y & z, 0x5a827999, (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), (3, 5, 9, 13)),
              (lambda x, y, z: x ^ y ^ z, 0x6ed9eba1, (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15), (3, 9, 11, 15)))
    whole = data + b"\x80" + b"\0" * ((55 - len(data)) % 64) + struct.pack("<Q", 8 * len(data))
    for at in range(0, len(whole), 64):
        words, (a, b, c, d) = struct.unpack("<16I", whole[at:at + 64]), state
        for mix, constant, order, shifts in rounds:
            for i, k in enumerate(order):
                a, b, c, d = d, rotate(a + mix(b, c, d) + words[k] + constant, shifts[i % 4]), b, c
        state = [(x + y) & 0xffffffff for x, y in zip(state, (a, b, c, d))]
    return struct.pack("<4I", *state)


class Rc4:
    def __init__(self, key):
        self.s, self.i, self.j = list(range(256)), 0, 0
        j = 0
        for i in range(256):
            j = (j + self.s[i] + key[i % len(key)]) % 256
            self.s[i], self.s[j] = self.s[j], self.s[i]

    def __call__(self, data):
        s, out = self.s, bytearray()
        for byte in data:
            self.i = (self.i + 1) % 256
            self.j = (self.j + s[self.i]) % 256
            s[self.i], s[self.j] = s[self.j], s[self.i]
            out.append(byte ^ s[(s[self.i] + s[self.j]) % 256])
        return bytes(out)

    def state(self):
        return list(self.s), self.i, self.j


def mac(key, *data):
    return hmac.new(key, b"".join(data), "md5").digest()


class Stream:
    """One direction of the protected messages: "client-to-server" or "server-to-client"."""

    def __init__(self, key, direction):
        def made(kind):
            return hashlib.md5(key + f"session key to {direction} {kind} key magic constant\0".encode()).digest()

        self.key, self.rc4, self.sequence = made("signing"), Rc4(made("sealing")), 0

    def signature(self, text):
        checksum = self.rc4(mac(self.key, struct.pack("<I", self.sequence), text)[:8])
        self.sequence += 1
        return struct.pack("<I8sI", 1, checksum, self.sequence - 1)


class Client:
    """One login: negotiate(), authenticate(challenge), then seal() and unseal(). mic False: neither a MIC nor the flag that says
    so; bindings: the 16 bytes of the channel."""

    def __init__(self, user, password, domain="", mic=True, flags=FLAGS, bindings=b"\0" * 16):
        self.user, self.password, self.domain, self.mic, self.flags, self.bindings = user, password, domain, mic, flags, bindings

    def negotiate(self):
        self.first = b"NTLMSSP\0" + struct.pack("<II", 1, self.flags) + struct.pack("<HHI", 0, 0, 32) * 2
        return self.first

    def authenticate(self, challenge):
        length, _, at = struct.unpack_from("<HHI", challenge, 40)
        self.challenge = challenge
        pairs, info = [], challenge[at:at + length]
        while struct.unpack_from("<H", info)[0]:
            kind, size = struct.unpack_from("<HH", info)
            pairs.append((kind, info[4:4 + size]))
            info = info[4 + size:]
        time = dict(pairs)[7]
        if self.mic:
            pairs.append((6, struct.pack("<I", 2)))
        pairs += [(10, self.bindings), (9, "HTTP/localhost".encode("utf-16-le")), (0, b"")]
        values = b"".join(struct.pack("<HH", kind, len(value)) + value for kind, value in pairs)
        blob = b"\1\1" + b"\0" * 6 + time + os.urandom(8) + b"\0" * 4 + values + b"\0" * 4
        user, domain = self.user.encode("utf-16-le"), self.domain.encode("utf-16-le")
        key = mac(md4(self.password.encode("utf-16-le")), self.user.upper().encode("utf-16-le"), domain)
        proof = mac(key, challenge[24:32], blob)
        base, self.key = mac(key, proof), os.urandom(16)
        parts = (b"\0" * 24, proof + blob, domain, user, b"", Rc4(base)(self.key))
        fields, offset = b"", HEAD
        for part in parts:
            fields += struct.pack("<HHI", len(part), len(part), offset)
            offset += len(part)
        third = b"NTLMSSP\0" + struct.pack("<I", 3) + fields + struct.pack("<I", self.flags | TARGET_INFO) + b"\0" * 8
        third += b"\0" * 16 + b"".join(parts)
        if self.mic:
            third = third[:MIC_AT] + mac(self.key, self.first, challenge, third) + third[MIC_AT + 16:]
        self.to_server, self.to_client = Stream(self.key, "client-to-server"), Stream(self.key, "server-to-client")
        return third

    def seal(self, text):
        """Signature and ciphertext."""
        sealed = self.to_server.rc4(text)
        return self.to_server.signature(text), sealed

    def unseal(self, signature, sealed):
        text = self.to_client.rc4(sealed)
        if self.to_client.signature(text) != signature:
            raise ValueError("the server's signature is wrong")
        return text

    def sign_list(self, mechanisms):
        """mechListMIC: the key stream is as before afterwards, the number is not (MS-SPNG 3.2.5.1)."""
        before = self.to_server.rc4.state()
        result = self.to_server.signature(mechanisms)
        self.to_server.rc4.s, self.to_server.rc4.i, self.to_server.rc4.j = before
        return result


# ---- SPNEGO ----

def der(tag, *contents):
    content = b"".join(contents)
    n = len(content)
    size = bytes([n]) if n < 128 else bytes([0x81, n]) if n < 256 else b"\x82" + n.to_bytes(2, "big")
    return bytes([tag]) + size + content


def mech_list(*mechanisms):
    return der(0x30, *(der(6, oid) for oid in mechanisms))


def neg_init(mechanisms, token=None):
    """mechanisms: a mech_list."""
    fields = der(0xa0, mechanisms) + (der(0xa2, der(4, token)) if token else b"")
    return der(0x60, der(6, SPNEGO), der(0xa0, der(0x30, fields)))


def neg_resp(token=None, mic=None):
    return der(0xa1, der(0x30, der(0xa2, der(4, token)) if token else b"", der(0xa3, der(4, mic)) if mic else b""))


def ntlm_inside(token):
    """The NTLM message that a token carries, wherever it stands."""
    return token[token.index(b"NTLMSSP\0"):]
