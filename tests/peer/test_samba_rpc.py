"""Samba's tests of the DCE/RPC protocol (python3-samba, samba.tests.dcerpc.raw_protocol: PDUs written by hand) and smbtorture's of the endpoint
mapper and the management interface, unmodified, against cimd.

They want port 135 and a Kerberos realm, so everything runs in a network namespace of its own: this file executes itself there with the
system's Python, which has the samba module, and prints what came of each test."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SYSTEM_PYTHON = "/usr/bin/python3"
HOST = "server.cimfony.test"  # Samba takes no Kerberos to "localhost"

# Tests of raw_protocol that are not run, and why.
SMB = "speaks over SMB named pipes, which cimd does not serve"
NETLOGON = "calls netlogon, an interface of domain controllers"
LEVELS = "Windows refuses the levels 0 and call; MS-RPCE 2.2.1.1.8 has them mean connect and packet, and so has cimd"
EXCLUDED = {
    **dict.fromkeys(("test_assoc_group_ok2", "test_assoc_group_fail3", "test_lsa_multi_auth_sign_connect1u", "test_lsa_multi_auth_sign_connect1a",
                     *(f"test_lsa_multi_auth_connect{i}{who}" for i in (1, 2, 3, 4) for who in "ua")), SMB),
    **dict.fromkeys((*(f"test_fragmented_requests0{i}" for i in (1, 2, 3, 4, 5)), "test_first_only_requests", "test_none_only_requests",
                     "test_last_only_requests", "test_first_maybe_requests", "test_first_didnot_requests", "test_first_cmpx_requests",
                     "test_first_08_requests", "test_first_cancel_requests", "test_2nd_cancel_requests", "test_last_cancel_requests",
                     "test_mix_requests"), NETLOGON),
    **dict.fromkeys(("test_auth_none_0_bind", "test_spnego_0_bind", "test_spnego_call_bind"), LEVELS),
}
RUN = 194 - len(EXCLUDED)  # of Samba 4.17

# Suites of smbtorture, and what of them is not expected to succeed. rpc.objectuuid and rpc.altercontext call dssetup and lsarpc, which are a
# domain controller's; raw_protocol does the same with interfaces that are here.
SAMPLE = ("activates the class of a sample program of 1996 and is told that there is none; where there is one, Samba 4.17 crashes on any success "
          "(its NDR allocates below a pointer to the stack), so test_ndrdump reads these answers instead")
TORTURE = {
    "rpc.mgmt": {},
    "rpc.remact": {"remact.RemoteActivation": SAMPLE},
    "rpc.oxidresolve": {
        **dict.fromkeys(("oxidresolver.ComplexPing", "oxidresolver.ResolveOxid", "oxidresolver.ResolveOxid2"), SAMPLE),
        "oxidresolver.SimplePing": "pings set 0, which nobody made: MS-DCOM 3.1.2.5.1.2 has OR_INVALID_SET for it",
    },
    "rpc.epmapper": {
        "epmapper.Map_full": "inserts an entry first, which MS-RPCE 2.2.1.2.6 takes away",
        "epmapper.Insert_noreplace": "inserts an entry",
        "epmapper.Lookup_simple": "wants the status for 'none found' together with the last entries; MS-RPCE 2.2.1.2.4 says success, as Windows",
    },
}


def available():
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if os.geteuid() != 0 or not all(shutil.which(name) for name in ("unshare", "smbtorture", "krb5kdc", "kinit")) or not os.path.exists(SYSTEM_PYTHON):
        return False
    return subprocess.run([SYSTEM_PYTHON, "-c", "import samba.tests.dcerpc.raw_protocol"], capture_output=True).returncode == 0


# ---- inside ----

SMB_CONF = """[global]
workgroup = WORKGROUP
realm = {realm}
netbios name = TESTER
private dir = {folder}
lock dir = {folder}
state directory = {folder}
cache directory = {folder}
pid directory = {folder}
client ipc signing = no
log level = 0
"""


def raw_protocol(names):
    """Runs the suite; name -> "ok" or what went wrong."""
    from samba.tests.dcerpc import raw_protocol as module
    outcome = {}
    # Many of them log in as nobody, which cimd refuses on purpose: they get a name. What they test is no login.
    module.RawDCERPCTest.get_anon_creds = module.RawDCERPCTest.get_user_creds

    class Result(unittest.TestResult):
        def addSuccess(self, test):
            outcome[test._testMethodName] = "ok"

        def addFailure(self, test, error):
            outcome[test._testMethodName] = "failed: " + self._exc_info_to_string(error, test)

        addError = addFailure

        def addSkip(self, test, reason):
            outcome[test._testMethodName] = "skipped: " + reason

    suite = unittest.TestSuite()
    for test in unittest.defaultTestLoader.loadTestsFromTestCase(module.TestDCERPC_BIND):
        if test._testMethodName not in EXCLUDED and (not names or test._testMethodName in names):
            suite.addTest(test)
    suite.run(Result())
    return outcome


def smbtorture(suite):
    """Runs one suite in its machine-readable format; test -> "ok" or what went wrong."""
    done = subprocess.run(["smbtorture", "--format=subunit", f"--configfile={os.environ['SMB_CONF_PATH']}", "--user=alice%" + os.environ["PASSWORD"],
                           "ncacn_ip_tcp:127.0.0.1[135]", suite], capture_output=True, text=True, timeout=120)
    outcome, name, text = {}, None, []
    for line in done.stdout.splitlines():
        word, _, rest = line.partition(": ")
        if word in ("success", "failure", "error", "skip", "successful"):
            name = rest.split(" [")[0].strip()
            outcome[name] = "ok" if word.startswith("success") else word + ": "
        elif name and outcome.get(name, "ok") != "ok" and line != "]" and word not in ("time", "test", "progress"):
            outcome[name] += line + "\n"
    if not outcome:
        outcome[suite] = f"smbtorture ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return outcome


def inside(names):
    sys.path[:0] = [str(HERE), str(HERE.parent / "scenario")]
    import daemon
    import kdc
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cimfony-samba-"))
    try:
        with kdc.Realm() as realm:
            realm.kadmin(f"addprinc -randkey host/{HOST}", f"ktadd -k {realm.keytab} host/{HOST}")
            os.environ.update(realm.environment)
            settings = {"listen.epmap": "127.0.0.1:135,127.0.0.1:0,127.0.0.1:0",  # so that one lookup does not take all there is
                        "auth.keytab": str(realm.keytab),
                        "auth.ntlm_allow_no_mic": "on",  # at level connect Samba's client sends none
                        "cimd.log_level": os.environ.get("CIMFONY_LOG", "warn")}
            server = daemon.Daemon(settings, users=False)
            server.write_config()
            server.add_user("alice", kdc.PASSWORDS["alice"], "--group", "administrators")
            (folder / "smb.conf").write_text(SMB_CONF.format(realm=kdc.REALM, folder=folder))
            os.environ.update(SMB_CONF_PATH=str(folder / "smb.conf"), SERVER="127.0.0.1", TARGET_HOSTNAME=HOST, USERNAME="alice",
                              PASSWORD=kdc.PASSWORDS["alice"], DOMAIN="WORKGROUP", REALM=kdc.REALM, IGNORE_RANDOM_PAD="1", MAX_NUM_AUTH="2049")
            with server:
                outcome = {"raw_protocol": raw_protocol([n for n in names if n.startswith("test_")])}
                for suite in TORTURE:
                    if not names or suite in names:
                        outcome[suite] = smbtorture(suite)
                log = server.log_text()
        print(json.dumps({"outcome": outcome, "log": log}))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__" and sys.argv[1:2] == ["--inside"]:
    inside(sys.argv[2:])
    sys.exit(0)


# ---- outside ----

@unittest.skipUnless(available(), "needs root, python3-samba, samba-testsuite and krb5-kdc")
class SambaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        done = subprocess.run(["unshare", "--net", SYSTEM_PYTHON, __file__, "--inside"], capture_output=True, text=True, timeout=900)
        if done.returncode != 0:
            raise AssertionError(f"the tests did not run:\n{done.stdout[-2000:]}{done.stderr[-6000:]}")
        said = json.loads(done.stdout)
        cls.outcome, cls.log = said["outcome"], said["log"]

    def check(self, suite, count, expected):
        """Every test succeeds but the expected ones, which do not."""
        outcome = self.outcome[suite]
        for name, what in outcome.items():
            if name in expected:
                continue
            with self.subTest(suite=suite, test=name):
                self.assertEqual(what, "ok", self.log[-1500:])
        self.assertGreaterEqual(len(outcome), count)
        for name in expected:
            with self.subTest(suite=suite, test=name, expected=expected[name]):
                self.assertNotEqual(outcome[name], "ok")

    def test_raw_protocol(self):
        """covers: wmi-dcom:R3 wmi-dcom:R5 wmi-dcom:R6 wmi-dcom:R9 wmi-dcom:R10 wmi-dcom:R11 wmi-dcom:R12 wmi-dcom:R13 wmi-dcom:R16
        wmi-dcom:R17 wmi-dcom:R18 wmi-dcom:R21 wmi-dcom:R22 wmi-dcom:R23 wmi-dcom:R25 wmi-dcom:R28 wmi-dcom:R31 wmi-dcom:R32"""
        self.check("raw_protocol", RUN, {})

    def test_smbtorture_mgmt(self):
        """covers: wmi-dcom:E4"""
        self.check("rpc.mgmt", 1, TORTURE["rpc.mgmt"])

    def test_smbtorture_dcom(self):
        self.check("rpc.remact", 1, TORTURE["rpc.remact"])
        self.check("rpc.oxidresolve", 6, TORTURE["rpc.oxidresolve"])

    def test_smbtorture_epmapper(self):
        """covers: wmi-dcom:E1 wmi-dcom:E2 wmi-dcom:E3 wmi-dcom:E5"""
        self.check("rpc.epmapper", 1, TORTURE["rpc.epmapper"])


if __name__ == "__main__":
    unittest.main()
