"""Samba's tests of the DCE/RPC protocol (python3-samba, samba.tests.dcerpc.raw_protocol: PDUs written by hand) and smbtorture's of the endpoint
mapper and the management interface, unmodified, against cimd.

They want port 135 and a Kerberos realm, so everything runs in a network namespace of its own: this file executes itself there with the
system's Python, which has the samba module, and prints what came of each test.

covers: wmi-dcom:R2 wmi-dcom:R3"""
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

# Tests of raw_protocol that are not run, and why.
EXCLUDED = {}


def available():
    if os.geteuid() != 0 or not shutil.which("unshare") or not os.path.exists(SYSTEM_PYTHON):
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


def inside(names):
    sys.path[:0] = [str(HERE), str(HERE.parent / "scenario")]
    import daemon
    import kdc
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cimfony-samba-"))
    try:
        with kdc.Realm() as realm:
            os.environ.update(realm.environment)
            settings = {"listen.epmap": "127.0.0.1:135", "auth.keytab": str(realm.keytab), "cimd.log_level": os.environ.get("CIMFONY_LOG", "warn")}
            server = daemon.Daemon(settings, users=False)
            server.write_config()
            server.add_user("alice", kdc.PASSWORDS["alice"], "--group", "administrators")
            (folder / "smb.conf").write_text(SMB_CONF.format(realm=kdc.REALM, folder=folder))
            os.environ.update(SMB_CONF_PATH=str(folder / "smb.conf"), SERVER="127.0.0.1", TARGET_HOSTNAME="localhost", USERNAME="alice",
                              PASSWORD=kdc.PASSWORDS["alice"], DOMAIN="WORKGROUP", REALM=kdc.REALM, IGNORE_RANDOM_PAD="1", MAX_NUM_AUTH="2048")
            with server:
                outcome = raw_protocol(names)
                log = server.log_text()
        print(json.dumps({"outcome": outcome, "log": log}))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__" and sys.argv[1:2] == ["--inside"]:
    inside(sys.argv[2:])
    sys.exit(0)
