"""Samba's own reading of what our resolver and activation answer: stubs from the wire through ndrdump.

smbtorture cannot do that for activations: it hands talloc a pointer to its own stack and crashes as soon as one succeeds."""
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest

import test_dcom_activation as base

if base.dcomrt:
    from impacket.dcerpc.v5 import dcomrt, transport
    from impacket.dcerpc.v5.dcom import wmi
    from impacket.dcerpc.v5.rpcrt import RPC_C_AUTHN_LEVEL_PKT_INTEGRITY
    from impacket.uuid import bin_to_string

THIS = struct.pack("<HHII16xI", 5, 7, 0, 0, 0)
NDR_UNIQUE = struct.pack("<I", 0x20000)


@unittest.skipUnless(base.dcomrt and shutil.which("ndrdump"), "needs impacket and ndrdump")
class Dump(base.Activation):
    def ask(self, interface, opnum, stub):
        way = transport.DCERPCTransportFactory(f"ncacn_ip_tcp:{base.HOST}[{self.resolver}]")
        way.set_credentials("alice", "secret")
        dce = way.get_dce_rpc()
        dce.set_auth_level(RPC_C_AUTHN_LEVEL_PKT_INTEGRITY)
        dce.connect()
        self.addCleanup(dce.disconnect)
        dce.bind(interface)
        dce.call(opnum, stub)
        return dce.recv()

    def dump(self, pipe, function, sent, answer):
        """What ndrdump makes of an answer; it has to read all of it."""
        with tempfile.TemporaryDirectory() as folder:
            given, got = pathlib.Path(folder) / "in", pathlib.Path(folder) / "out"
            given.write_bytes(sent)
            got.write_bytes(answer)
            done = subprocess.run(["ndrdump", f"--context-file={given}", pipe, function, "out", str(got)], capture_output=True, text=True, timeout=60)
        text = done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, text)
        self.assertIn("dump OK", text)
        self.assertNotIn("unread", text)
        return text

    def test_answers(self):
        """Not ServerAlive2, in which Samba's IDL has another end than MS-DCOM 3.1.2.5.1.6; smbtorture asks for it."""
        sent = THIS + wmi.CLSID_WbemLevel1Login + struct.pack("<IIII", 0, 0, 2, 0) + struct.pack("<I", 1) + NDR_UNIQUE + struct.pack("<I", 1) + \
            wmi.IID_IWbemLevel1Login[:16] + struct.pack("<HxxIH", 1, 1, 7)
        answer = self.ask(dcomrt.IID_IActivation, 0, sent)
        text = self.dump("IRemoteActivation", "RemoteActivation", sent, answer)
        self.assertIn("HRES code 0x00000000", text)
        oxid = answer[8:16]
        for function, opnum in (("ResolveOxid", 0), ("ResolveOxid2", 4)):
            sent = oxid + struct.pack("<HxxIH", 1, 1, 7)
            text = self.dump("IOXIDResolver", function, sent, self.ask(dcomrt.IID_IObjectExporter, opnum, sent))
            self.assertIn("WERR_OK", text)
        sent = struct.pack("<QHHHxxII", 0, 1, 0, 0, 0, 0)
        text = self.dump("IOXIDResolver", "ComplexPing", sent, self.ask(dcomrt.IID_IObjectExporter, 2, sent))
        self.assertIn("WERR_OK", text)


def load_tests(loader, tests, pattern):
    return unittest.TestSuite([Dump("test_answers")]) if base.dcomrt else unittest.TestSuite()


if __name__ == "__main__":
    unittest.main()
