"""The scripts that come with impacket, unmodified, against cimd on port 135: wmiquery, wmiexec, wmipersist, rpcdump, rpcmap."""
import os
import pathlib
import re
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "scenario")]
import apart
from daemon import PASSWORD, USER, Daemon

SCRIPTS = pathlib.Path(sys.prefix) / "bin"
NAMES = ("wmiquery.py", "wmiexec.py", "wmipersist.py", "rpcdump.py", "rpcmap.py")
TARGET = f"{USER}:{PASSWORD}@{apart.ADDRESS}"
BOUND = 120  # seconds; a script that waits for ever is ended


# ---- inside ----

class Scripts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(sys.argv[2])
        cls.open = cls.folder / "open"
        cls.open.mkdir()
        cls.open.chmod(0o777)
        cls.daemon = Daemon({"listen.epmap": "0.0.0.0:135", "listen.wmi": "0.0.0.0:0"})
        cls.daemon.write_config()
        cls.daemon.add_user(USER, PASSWORD, "--group", "administrators", "--posix-user", "nobody")
        cls.daemon.add_user("reader", PASSWORD)
        cls.daemon.start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)

    def script(self, name, *words, code=0):
        done = subprocess.run([sys.executable, str(SCRIPTS / name), *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=BOUND)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        return done.stdout

    def query(self, *lines, words=()):
        path = self.folder / "queries"
        path.write_text("".join(line + "\n" for line in lines))
        return self.script("wmiquery.py", TARGET, "-file", str(path), *words)

    def wait_for(self, path):
        deadline = time.monotonic() + BOUND
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        return path.read_text()

    def test_wmiquery(self):
        for words in ((), ("-namespace", "//./root/cimv2", "-rpc-auth-level", "integrity"), ("-rpc-auth-level", "privacy")):
            with self.subTest(words=words):
                said = self.query("select Name, Domain from Win32_ComputerSystem", "select nonsense from", "select * from Nothing_Here",
                                  f"select Handle, ProcessId from Win32_Process where ProcessId = {os.getpid()}", words=words)
                self.assertRegex(said, rf"\| {apart.HOST.split('.')[0]} \|")
                self.assertRegex(said, "WBEM_E_(UNPARSABLE|INVALID)_QUERY")
                self.assertIn("WBEM_E_INVALID_CLASS", said)
                self.assertRegex(said, rf"\| {os.getpid()} \|")

    def test_wmiquery_describes(self):
        said = self.query("describe Win32_Process")
        self.assertIn("class Win32_Process : CIM_Process", said)
        self.assertIn("uint32 Create(", said)
        self.assertIn("[out]    uint32 ProcessId", said)

    def test_every_class(self):
        """All there is of some classes with many kinds of values."""
        classes = ("Win32_OperatingSystem", "Win32_Processor", "Win32_Service", "Win32_LogicalDisk", "Win32_NetworkAdapterConfiguration", "Win32_UserAccount",
                   "Win32_Group", "Win32_BIOS", "Win32_TimeZone", "Win32_Environment")
        said = self.query(*(f"select * from {name}" for name in classes))
        self.assertNotIn("[-]", said)

    def test_wmiexec(self):
        for option, shell in (("-nooutput", "cmd.exe"), ("-silentcommand", "none")):
            with self.subTest(option):
                path = self.open / shell
                said = self.script("wmiexec.py", option, TARGET, f"id -un > {path}.part; mv {path}.part {path}")
                self.assertIn("uint32 ReturnValue = 0", said)
                self.assertRegex(said, r"uint32 ProcessId = \d+")
                self.assertEqual(self.wait_for(path), "nobody\n")

    def test_wmiexec_without_rights(self):
        said = self.script("wmiexec.py", "-nooutput", f"reader:{PASSWORD}@{apart.ADDRESS}", "true", code=1)
        self.assertIn("WBEM_E_ACCESS_DENIED", said)
        said = self.script("wmiexec.py", "-nooutput", f"{USER}:wrong@{apart.ADDRESS}", "true", code=1)
        self.assertRegex(said, "rpc_s_access_denied")

    def test_wmiexec_unknown_program(self):
        said = self.script("wmiexec.py", "-silentcommand", TARGET, "no-such-program")
        self.assertIn("uint32 ReturnValue = 9", said)

    def test_wmipersist(self):
        vbs = self.folder / "script.vbs"
        vbs.write_text('WScript.Echo "hello"\n')
        there = [f'select Name from {name}' for name in ("ActiveScriptEventConsumer", "__EventFilter")]
        bindings = "select Consumer, Filter from __FilterToConsumerBinding"
        timers = "select TimerId, IntervalBetweenEvents from __IntervalTimerInstruction"
        words = ("-namespace", "//./root/subscription")
        said = self.script("wmipersist.py", TARGET, "install", "-name", "ASEC", "-vbs", str(vbs), "-timer", "1000")
        for what in ("ActiveScriptEventConsumer ASEC", "IntervalTimerInstruction", "EventFilter EF_ASEC", "FilterToConsumerBinding"):
            self.assertIn(f"[*] Adding {what} - OK", said)
        said = self.query(*there, bindings, timers, words=words)
        self.assertRegex(said, r"\| ASEC \|")
        self.assertRegex(said, r"\| EF_ASEC \|")
        self.assertRegex(said, r"\| TI_ASEC \| 1000 \||\| 1000 \| TI_ASEC \|")
        self.assertIn('ActiveScriptEventConsumer.Name="ASEC"', said)
        said = self.script("wmipersist.py", TARGET, "install", "-name", "OTHER", "-vbs", str(vbs), "-filter",
                           "select * from __InstanceCreationEvent within 5 where TargetInstance isa 'Win32_Process'")
        self.assertEqual(said.count("- OK"), 3)
        self.assertEqual(self.script("wmipersist.py", TARGET, "remove", "-name", "ASEC").count("- OK"), 4)
        said = self.script("wmipersist.py", TARGET, "remove", "-name", "OTHER")
        self.assertEqual(said.count("- OK"), 3)  # it had no timer
        self.assertIn("[-] Removing IntervalTimerInstruction TI_OTHER - ERROR: WBEM_E_NOT_FOUND", said)
        self.assertNotIn("ASEC", self.query(*there, bindings, timers, words=words).replace("EventConsumer", ""))

    def test_rpcdump(self):
        said = self.script("rpcdump.py", "-port", "135", TARGET)
        wmi = self.daemon.address("wmi")[1]
        for uuid, port in (("F309AD18-D86A-11D0-A075-00C04FB68820", wmi), ("9556DC99-828C-11CF-A37E-00AA003240C7", wmi),
                           ("99FCFEC4-5260-101B-BBCB-00AA0021347A", 135), ("E1AF8308-5D1F-11C9-91A4-08002B14A0FA", 135)):
            self.assertRegex(said, rf"UUID    : {uuid} v\d\.0 .*\nBindings: \n +ncacn_ip_tcp:{re.escape(apart.ADDRESS)}\[{port}\]")
        self.assertRegex(said, r"Received \d+ endpoints")

    def test_rpcmap(self):
        """What is at an endpoint by asking it, and by trying; every operation number of what is there."""
        login = ("-auth-rpc", f"{USER}:{PASSWORD}", "-auth-level", "6")
        here = f"ncacn_ip_tcp:{apart.ADDRESS}"
        asked = self.script("rpcmap.py", f"{here}[135]", *login)
        found = set(re.findall(r"UUID: (\S+)", asked))
        self.assertEqual(len(found), 5)
        tried = self.script("rpcmap.py", f"{here}[135]", "-brute-uuids", "-brute-opnums", "-opnum-max", "8", *login)
        self.assertEqual(set(re.findall(r"UUID: (\S+)", tried)), found)
        self.assertNotIn("Unknown", tried)
        for line in ("Opnum 2: nca_s_op_rng_error (opnum not found)\nOpnum 3: rpc_x_bad_stub_data\nOpnum 4: rpc_x_bad_stub_data\nOpnums 5-8: nca_s_op_rng_error",
                     "Opnum 3: success\nOpnum 4: rpc_x_bad_stub_data\nOpnum 5: success\nOpnums 6-8: nca_s_op_rng_error"):
            self.assertIn(line, tried)
        exporter = self.script("rpcmap.py", f"{here}[{self.daemon.address('wmi')[1]}]", "-brute-opnums", "-opnum-max", "30", *login)
        self.assertIn("UUID: 9556DC99-828C-11CF-A37E-00AA003240C7 v0.0\nOpnums 0-30: rpc_x_bad_stub_data", exporter)  # calls without an object


if sys.argv[1:2] == ["--inside"]:
    apart.enter(sys.argv[2])
    apart.report([Scripts], sys.argv[3:])
    sys.exit(0)


# ---- outside ----

@unittest.skipUnless((apart.available() and all((SCRIPTS / name).exists() for name in NAMES)) or os.environ.get("CI"), "needs root and impacket")
class ScriptsTest(unittest.TestCase):
    maxDiff = None

    def test_all(self):
        outcome, said = apart.run(__file__)
        self.assertEqual(len(outcome), 9)
        for name, what in outcome.items():
            with self.subTest(test=name):
                self.assertEqual(what, "ok", said)


def load_tests(loader, tests, pattern):
    return loader.loadTestsFromTestCase(ScriptsTest)


if __name__ == "__main__":
    unittest.main()
