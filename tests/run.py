#!/usr/bin/env python3
"""Runs every test of the project and counts: house rules, unit tests and corpus replays (sanitized build),
thread tests (TSan build), scenarios, peers. Prints one line a failure, `N passed, N failed, N skipped` last."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import unittest

TOP = pathlib.Path(__file__).resolve().parent.parent
BUILD, TSAN, VENV = TOP / "build-check", TOP / "build-tsan", TOP / ".venv"
PEERS = ["impacket==0.13.1", "pypsrp==0.9.1", "pyspnego==0.12.4", "pywinrm==0.5.0", "gssapi==1.12.0", "krb5==0.10.0", "pykerberos==1.2.4", "requests-credssp==2.0.0",
         "aiowmi==1.1.3", "pytest==9.2.0"]
SOURCES = ["impacket==0.13.1"]  # packages whose own tests are run: as source, in .venv/src
THREADED = ["os", "auth", "repo", "cimom", "net", "rpc", "dcom", "wmi", "wsman"]  # suites run again under TSan


class Count:
    passed = failed = skipped = 0


def note(text):
    print(text, flush=True)


def step(name, command, **options):
    """One check that is a single command."""
    began = time.monotonic()
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, **options)
    if done.returncode == 0:
        Count.passed += 1
        note(f"ok      {name} ({time.monotonic() - began:.0f} s)")
        return True
    Count.failed += 1
    note(f"FAILED  {name}\n{(done.stdout + done.stderr)[-6000:]}")
    return False


def build(folder, sanitize):
    if not (folder / "build.ninja").exists():
        if not step(f"configure {folder.name}", ["meson", "setup", str(folder), f"-Db_sanitize={sanitize}", "-Db_lundef=false",
                                                "-Dwerror=true"]):
            return False
    return step(f"build {folder.name}", ["ninja", "-C", str(folder)])


def meson_tests(folder, suites):
    """Every meson test counts as one."""
    command = ["meson", "test", "-C", str(folder), "--no-rebuild", "--print-errorlogs", "--timeout-multiplier", "4"]
    for suite in suites:
        command += ["--suite", suite]
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=1:abort_on_error=0", UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1",
               TSAN_OPTIONS="halt_on_error=1")
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, env=env)
    log = folder / "meson-logs" / "testlog.json"
    results = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    for result in results:
        name = f"{folder.name}: {result['name']}"
        if result["result"] == "OK":
            Count.passed += 1
        elif result["result"] == "SKIP":
            Count.skipped += 1
            note(f"skipped {name}")
        else:
            Count.failed += 1
            note(f"FAILED  {name}: {result['result']}\n{(result.get('stdout') or '')[-3000:]}{(result.get('stderr') or '')[-5000:]}")
    if not results or (done.returncode != 0 and all(r["result"] in ("OK", "SKIP") for r in results)):
        Count.failed += 1
        note(f"FAILED  meson test in {folder.name}\n{(done.stdout + done.stderr)[-3000:]}")
    note(f"ok      {len(results)} tests ran in {folder.name}")


class Result(unittest.TextTestResult):
    def addSuccess(self, test):
        super().addSuccess(test)
        Count.passed += 1

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.tell(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.tell(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.tell(subtest, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        Count.skipped += 1
        note(f"skipped {test.id()}: {reason}")

    def tell(self, test, err):
        Count.failed += 1
        note(f"FAILED  {test.id()}\n{self._exc_info_to_string(err, test)}")


def python_tests(folder, interpreter_is_venv=False):
    sys.path.insert(0, str(TOP / "tests" / "scenario"))
    began = time.monotonic()
    suite = unittest.defaultTestLoader.discover(str(TOP / "tests" / folder), pattern="test_*.py", top_level_dir=str(TOP / "tests" / folder))
    with open(os.devnull, "w") as quiet:
        done = unittest.TextTestRunner(stream=quiet, resultclass=Result).run(suite)
    note(f"ok      {done.testsRun} {folder} tests ran ({time.monotonic() - began:.0f} s)")


def make_venv():
    """Peers from PyPI live in .venv; False when they cannot be had."""
    stamp, pip, source = VENV / "peers.txt", str(VENV / "bin" / "pip"), VENV / "src"
    wanted = "\n".join([*PEERS, *SOURCES])
    if stamp.exists() and stamp.read_text() == wanted:
        return True
    for command in (["python3", "-m", "venv", str(VENV)], [pip, "install", "-q", *PEERS], ["rm", "-rf", str(source)],
                    [pip, "download", "-q", "--no-deps", "--no-binary", ":all:", "--dest", str(source), *SOURCES]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            note((done.stdout + done.stderr)[-2000:])
            return False
    for archive in source.glob("*.tar.gz"):
        shutil.unpack_archive(archive, source)
    stamp.write_text(wanted)
    return True


def peers():
    """Peer tests run under the interpreter that has the peers; its counts come back as JSON."""
    if not make_venv():
        if os.environ.get("CI"):
            Count.failed += 1
            note("FAILED  the Python peers could not be installed")
        else:
            Count.skipped += 1
            note("skipped peer tests: the Python peers could not be installed")
        return
    done = subprocess.run([str(VENV / "bin" / "python"), __file__, "--only-peers"], cwd=TOP, stdout=subprocess.PIPE, text=True)
    lines = done.stdout.splitlines()
    for line in lines[:-1]:
        note(line)
    try:
        passed, failed, skipped = json.loads(lines[-1])
    except (IndexError, ValueError):
        passed, failed, skipped = 0, 1, 0
        note(f"FAILED  the peer tests ended with {done.returncode}: {lines[-1:]}")
    Count.passed, Count.failed, Count.skipped = Count.passed + passed, Count.failed + failed, Count.skipped + skipped


def main():
    os.environ.setdefault("CIMFONY_BIN", str(BUILD / "bin"))
    if "--only-peers" in sys.argv:
        python_tests("peer")
        print(json.dumps([Count.passed, Count.failed, Count.skipped]))
        return 0
    fast = "--fast" in sys.argv
    if fast:
        os.environ["CIMFONY_FAST"] = "1"
    step("rooms", ["tools/rooms"])
    step("conformance page", ["tools/conformance", "--check"])
    step("public headers alone", ["tools/headers"])
    if build(BUILD, "address,undefined"):
        meson_tests(BUILD, [])
        python_tests("scenario")
        if not fast:
            peers()
    if not fast and build(TSAN, "thread"):
        meson_tests(TSAN, THREADED)
    print(f"{Count.passed} passed, {Count.failed} failed, {Count.skipped} skipped")
    return 1 if Count.failed or not Count.passed else 0


if __name__ == "__main__":
    sys.exit(main())
