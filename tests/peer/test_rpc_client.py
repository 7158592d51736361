"""Our DCE/RPC client (tests/rpc/rpc_tool) against a domain controller's endpoint mapper and management interface (Samba's): NTLM, Kerberos and SPNEGO
at every level, several interfaces over one login, fragments both ways."""
import os
import pathlib
import struct
import subprocess
import unittest
import uuid

import samba_dc

BUILD = pathlib.Path(os.environ.get("CIMFONY_BIN", pathlib.Path(__file__).resolve().parents[2] / "build-check" / "bin")).parent
TOOL = BUILD / "tests" / "rpc" / "rpc_tool"
MGMT, EPM = "afa8bd80-7d8a-11c9-bef4-08002b102989", "e1af8308-5d1f-11c9-91a4-08002b14a0fa"
CONNECT, PACKET, INTEGRITY, PRIVACY = 2, 4, 5, 6
INQ_IF_IDS, IS_LISTENING, EPT_LOOKUP = 0, 2, 2
OP_RANGE, UNKNOWN_INTERFACE, NO_MORE = 0x1c010002, 0x1c010003, 0x16c9a0d6
LOOKUP = struct.pack("<4I", 0, 0, 0, 0) + bytes(20)  # all entries, no objects, no interface, a new search; how many follows


def call(interface, version, opnum, stub=b"", *more):
    return " ".join(["call", interface, version, str(opnum), stub.hex() or "-", *more])


@unittest.skipUnless(samba_dc.available(), "needs root and Samba's domain controller")
class Client(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.domain = samba_dc.DomainController(rpc=True).start()
        cls.addClassCleanup(cls.domain.stop)

    def talk(self, kind, level, *lines, password=samba_dc.PASSWORDS["alice"], **more):
        """What became of each call: bytes, or the fault's number; and the last line."""
        words = [f"{key}={value}" for key, value in more.items()]
        if "kerberos" in kind:
            words.append(f"ccache={self.domain.cache()}")
        else:
            words += ["user=alice", f"domain={samba_dc.DOMAIN}", f"password={password}"]
        words.append(f"target=HOST/dc.{samba_dc.REALM.lower()}")
        process = self.domain.popen(str(TOOL), "127.0.0.1", "135", kind, str(level), *words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True)
        out, errors = process.communicate("\n".join(lines) + "\n", timeout=60)
        self.assertEqual(process.returncode, 0, errors[-2000:])
        *answers, last = out.splitlines()
        self.assertEqual(len(answers), len(lines))
        return [bytes.fromhex(a[3:]) if a.startswith("ok") else int(a[6:], 16) for a in answers], last

    def check_interfaces(self, stub):
        """Of rpc_if_id_vector_t: both of the endpoint are listed."""
        self.assertIsInstance(stub, bytes, stub)
        for interface in (MGMT, EPM):
            self.assertIn(uuid.UUID(interface).bytes_le, stub)

    def ways(self):
        yield "none", 1, 1
        for level, real in ((CONNECT, CONNECT), (PACKET, INTEGRITY), (INTEGRITY, INTEGRITY), (PRIVACY, PRIVACY)):
            for kind in ("ntlm", "spnego", "kerberos", "spnego-kerberos"):
                # Whoever offers to sign with NTLM, as ours always does, gets no answer from Samba at level connect.
                if level > CONNECT or "kerberos" in kind:
                    yield kind, level, real

    def test_every_way(self):
        for kind, level, real in self.ways():
            with self.subTest(kind, level=level):
                answers, last = self.talk(kind, level, call(MGMT, "1.0", INQ_IF_IDS), call(EPM, "3.0", EPT_LOOKUP, LOOKUP + struct.pack("<I", 1)),
                                          call(MGMT, "1.0", 99), call(MGMT, "7.0", 0), call(MGMT, "1.0", IS_LISTENING),
                                          call(MGMT, "1.0", IS_LISTENING, b"", str(uuid.uuid4())))
                self.check_interfaces(answers[0])
                self.assertIn(struct.unpack("<I", answers[1][-4:])[0], (0, NO_MORE))
                self.assertEqual(answers[2:4], [OP_RANGE, UNKNOWN_INTERFACE])
                self.assertEqual(answers[4:], [struct.pack("<II", 0, 1)] * 2)
                self.assertEqual(last, f"level {real}")

    def test_fragments(self):
        """A request of many fragments (what is behind the parameters nobody reads), and a response of some."""
        for kind in ("none", "ntlm", "kerberos", "spnego-kerberos"):
            for level in (INTEGRITY, PRIVACY) if kind != "none" else (1,):
                with self.subTest(kind, level=level):
                    answers, _ = self.talk(kind, level, call(MGMT, "1.0", IS_LISTENING, bytes(40001)), call(MGMT, "1.0", INQ_IF_IDS, bytes(5817)),
                                           call(EPM, "3.0", EPT_LOOKUP, LOOKUP + struct.pack("<I", 500) + bytes(12000)))
                    self.assertEqual(answers[0], struct.pack("<II", 0, 1))
                    self.check_interfaces(answers[1])
                    self.assertGreater(len(answers[2]), 6000)
                    self.assertGreater(struct.unpack_from("<I", answers[2], 20)[0], 20)
                    self.assertEqual(answers[2][-4:], bytes(4))

    def test_too_long_an_answer(self):
        answers, last = self.talk("spnego-kerberos", PRIVACY, call(EPM, "3.0", EPT_LOOKUP, LOOKUP + struct.pack("<I", 500)), call(MGMT, "1.0", IS_LISTENING),
                                  max=4000)
        self.assertEqual(answers[0], 0x6be)

    def test_wrong_password(self):
        answers, last = self.talk("spnego", PRIVACY, call(MGMT, "1.0", INQ_IF_IDS), password="wrong")
        self.assertEqual(answers, [0x6be])
        self.assertIn("lost", last)
        answers, last = self.talk("ntlm", PRIVACY, call(MGMT, "1.0", INQ_IF_IDS), password="wrong")
        self.assertIsInstance(answers[0], int)


if __name__ == "__main__":
    unittest.main()
