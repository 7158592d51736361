"""Wireshark's dissectors read our traffic: everything that impacket and aiowmi exchange with cimd at integrity and, with the password, at privacy,
without a malformed packet and without an error of DCE/RPC, DCOM, the resolver, activation or WMI."""
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import scenario_path
import test_wmi_impacket as base
from daemon import PASSWORD

INSIDE = sys.argv[1:2] == ["--inside"]
if base.PEERS:
    from impacket.dcerpc.v5 import dcomrt
    from impacket.dcerpc.v5.dcom import wmi
    from impacket.dcerpc.v5.rpcrt import DCERPCException


class ResolverTest(base.Inside):
    """What WMI's clients do beside WMI, and some of what goes wrong."""

    def portmap(self):
        """A connection of its own: impacket binds each to one interface."""
        connection = dcomrt.DCOMConnection("127.0.0.1", base.USER, PASSWORD, "", authLevel=base.INTEGRITY)
        self.addCleanup(self.disconnect, connection)
        return connection.get_dce_rpc()

    def test_resolver(self):
        resolver = dcomrt.IObjectExporter(self.portmap())
        resolver.ServerAlive2()
        made = dcomrt.IActivation(self.portmap()).RemoteActivation(wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login)
        for ask in (lambda r: r.ResolveOxid(made.get_oxid(), (7,)), lambda r: r.ResolveOxid2(made.get_oxid(), (7,)),
                    lambda r: r.ComplexPing(0, 1, (made.get_oid(),), ())):
            ask(dcomrt.IObjectExporter(self.portmap()))
        with self.assertRaises(DCERPCException):
            dcomrt.IObjectExporter(self.portmap()).SimplePing(99)
        dcomrt.IRemoteSCMActivator(self.portmap()).RemoteGetClassObject(wmi.CLSID_WbemLevel1Login, dcomrt.IID_IClassFactory)
        with self.assertRaises(DCERPCException):
            dcomrt.IRemoteSCMActivator(self.portmap()).RemoteCreateInstance(wmi.IID_IWbemServices, wmi.IID_IWbemServices)

    def test_references(self):
        login = self.connect(level=base.INTEGRITY)
        login.RemAddRef()
        login.RemQueryInterface(1, (wmi.IID_IWbemLoginClientID,))
        login.RemRelease()


CAPTURED = [ResolverTest, base.ReadTest, base.IntegrityTest, base.ChangeTest, base.MethodTest, base.AiowmiTest]
FIELDS = ["frame.number", "frame.protocols", "_ws.malformed", "_ws.expert.message", "_ws.expert.severity"]
ERROR = 0x800000


def dissect(capture, *filters):
    """Rows of FIELDS of what the filter shows."""
    done = subprocess.run(["tshark", "-r", str(capture), "-o", f"ntlmssp.nt_password:{PASSWORD}", "-o", "tcp.desegment_tcp_streams:TRUE",
                           "-T", "fields", *[x for f in FIELDS for x in ("-e", f)], *filters], capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise AssertionError(done.stderr[-2000:])
    return [(line.split("\t") + [""] * len(FIELDS))[:len(FIELDS)] for line in done.stdout.splitlines()]


def inside():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory(prefix="cimfony-tshark-") as folder:
        os.chmod(folder, 0o777)  # dumpcap gives up its rights
        capture = pathlib.Path(folder) / "wmi.pcapng"
        dump = subprocess.Popen(["dumpcap", "-q", "-i", "lo", "-w", str(capture), "-B", "64"], stderr=subprocess.PIPE, text=True)
        while "File:" not in dump.stderr.readline():  # it captures
            pass
        result = unittest.TestResult()
        for case in CAPTURED:
            unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
        dump.terminate()
        dump.wait(30)
        rows = dissect(capture)
        protocols = collections.Counter(p for row in rows for p in set(row[1].split(":")))
        wrong = [row for row in rows if row[2] or any(int(s, 0) >= ERROR for s in row[4].split(",") if s)]
        shown = {p: len(dissect(capture, "-Y", p)) for p in ("isystemactivator", "remact", "oxid", "remunk", "dcerpc.decrypted_stub_data")}
        if os.environ.get("KEEP"):
            shutil.copy(capture, os.environ["KEEP"])
    failed = [error for _, error in result.failures + result.errors]
    pathlib.Path(os.environ["OUTCOME"]).write_text(json.dumps({"failed": failed, "protocols": protocols, "shown": shown, "wrong": wrong, "frames": len(rows)}))


if INSIDE and __name__ == "__main__":
    inside()
    sys.exit(0)


# ---- outside ----

def available():
    return base.available() and all(shutil.which(name) for name in ("tshark", "dumpcap"))


@unittest.skipUnless(available(), "needs root, impacket, aiowmi and tshark")
class TsharkTest(unittest.TestCase):
    def test_traffic(self):
        with tempfile.TemporaryDirectory() as folder:
            outcome = pathlib.Path(folder) / "outcome.json"
            done = subprocess.run(["unshare", "--net", sys.executable, __file__, "--inside"], capture_output=True, text=True, timeout=600,
                                  env={**os.environ, "OUTCOME": str(outcome)})
            self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr[-4000:])
            found = json.loads(outcome.read_text())
        self.assertEqual(found["failed"], [])
        for frame in found["wrong"]:
            with self.subTest(frame=frame[0]):
                self.fail(frame)
        self.assertGreater(found["protocols"]["dcerpc"], 1000)
        for protocol, frames in found["shown"].items():  # it did look into these
            with self.subTest(protocol=protocol):
                self.assertGreater(frames, 1)


def load_tests(loader, tests, pattern):
    return loader.loadTestsFromTestCase(TsharkTest)


if __name__ == "__main__":
    unittest.main()
