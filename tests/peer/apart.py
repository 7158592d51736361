"""A network, a host name and a hosts file of a test's own, for clients that always go to port 135 or 88 and for services that are found by name.

A test file executes itself with `run`; there it calls `enter` first and gives `report` its test cases."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HOST, ADDRESS = "server.cimfony.test", "10.77.0.1"


def available():
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if os.geteuid() != 0 or not all(shutil.which(name) for name in ("unshare", "ip", "mount", "hostname")):
        return False
    return subprocess.run(["unshare", "--net", "--uts", "--mount", "true"], capture_output=True).returncode == 0


def enter(folder):
    """Inside: the network is up, the host has its name and address."""
    hosts = pathlib.Path(folder) / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n::1 localhost\n{ADDRESS} {HOST} {HOST.split('.')[0]}\n")
    hosts.chmod(0o644)
    for command in (f"hostname {HOST.split('.')[0]}", "ip link set lo up", f"ip address add {ADDRESS}/32 dev lo", f"mount --bind {hosts} /etc/hosts"):
        subprocess.run(command.split(), check=True)


class Outcome(unittest.TestResult):
    """Test -> "ok", "skipped: ..." or what went wrong."""

    def __init__(self):
        super().__init__()
        self.found = {}

    def addSuccess(self, test):
        self.found.setdefault(test.id().split(".", 1)[-1], "ok")

    def addSkip(self, test, reason):
        self.found[test.id().split(".", 1)[-1]] = "skipped: " + reason

    def addFailure(self, test, error):
        self.found[getattr(test, "id", lambda: str(test))().split(".", 1)[-1]] = self._exc_info_to_string(error, test)

    addError = addFailure

    def addSubTest(self, test, subtest, error):
        if error:
            name = test.id().split(".", 1)[-1]
            self.found[name] = self.found.get(name, "") + f"{subtest}\n{self._exc_info_to_string(error, test)}\n"


def report(cases, names):
    """Inside: runs the cases, or those of these names, and leaves what came of them for `run`."""
    outcome = Outcome()
    for case in cases:
        tests = unittest.defaultTestLoader.loadTestsFromTestCase(case)
        unittest.TestSuite(t for t in tests if not names or t._testMethodName in names or case.__name__ in names).run(outcome)
    pathlib.Path(os.environ["OUTCOME"]).write_text(json.dumps(outcome.found))


def run(file, *names, below=("unshare", "--net", "--uts", "--mount"), python=sys.executable, timeout=600):
    """Executes a test file apart; what came of its tests, and what it wrote."""
    with tempfile.TemporaryDirectory(prefix="cimfony-apart-") as folder:
        os.chmod(folder, 0o755)
        path = pathlib.Path(folder) / "outcome.json"
        done = subprocess.run([*below, python, file, "--inside", folder, *names], capture_output=True, text=True, timeout=timeout,
                              env={**os.environ, "OUTCOME": str(path)})
        said = done.stdout[-2000:] + done.stderr[-4000:]
        if done.returncode or not path.exists():
            raise AssertionError(f"{file} ended with {done.returncode}:\n{said}")
        return json.loads(path.read_text()), said
