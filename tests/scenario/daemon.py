"""Starts a private cimd for a test: own state folder, ports chosen by the kernel, stopped by pid.

CIMFONY_BIN is the folder of the binaries (default: build-check/bin beside the sources).
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
USER, PASSWORD = "tester", "correct horse 7"


def binary(name):
    return str(pathlib.Path(os.environ.get("CIMFONY_BIN", TOP / "build-check" / "bin")) / name)


def running(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Daemon:
    """Use as a context manager. `settings` are extra section.key=value pairs; state may be kept between
    two daemons by passing the same folder. below: a command that executes the daemon, as unshare(1) does."""

    def __init__(self, settings=None, state=None, users=True, tls=False, below=()):
        self.own_state = state is None
        self.state = pathlib.Path(state or tempfile.mkdtemp(prefix="cimfony-test-"))
        self.settings = {
            "cimd.state_dir": str(self.state / "state"),
            "cimd.run_dir": str(self.state / "run"),
            "cimd.log_level": "warn",
            "listen.http": "127.0.0.1:0",
            "auth.basic": "on",
            "auth.allow_unencrypted": "on",
        }
        if os.geteuid() == 0:  # numbers without users: nothing has to be made on this machine
            self.settings.update({"cimd.user": "64101", "cimd.auth_user": "64102"})
        if tls:
            self.certificate = str(self.state / "cert.pem")
            key = str(self.state / "key.pem")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                            "-keyout", key, "-out", self.certificate, "-days", "2", "-subj", "/CN=localhost", "-addext",
                            "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
            os.chmod(key, 0o600)
            self.settings.update({"listen.https": "127.0.0.1:0", "tls.certificate": self.certificate, "tls.key": key})
        self.settings.update(settings or {})
        self.config = self.state / "cimd.ini"
        self.users, self.below = users, list(below)
        self.process = None
        self.log = None

    def write_config(self):
        sections = {}
        for name, value in self.settings.items():
            section, key = name.split(".", 1)
            sections.setdefault(section, []).append(f"{key} = {value}\n")
        self.config.write_text("".join(f"[{s}]\n{''.join(lines)}" for s, lines in sections.items()))

    def run(self, *args, stdin=None, check=True):
        """Another cimd command with this configuration."""
        done = subprocess.run([binary("cimd"), args[0], "--config", str(self.config), *args[1:]], input=stdin,
                              capture_output=True, text=True, timeout=120)
        if check and done.returncode != 0:
            raise AssertionError(f"cimd {' '.join(args)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def add_user(self, name, password, *args):
        self.run("user", "add", name, "--password-stdin", *args, stdin=password + "\n")

    def start(self, timeout=60):
        self.write_config()
        if self.users and not (self.state / "state" / "accounts").exists():
            self.add_user(USER, PASSWORD, "--group", "administrators")
        ready = self.state / "ready.json"
        ready.unlink(missing_ok=True)
        self.log = open(self.state / "cimd.log", "ab")
        self.process = subprocess.Popen([*self.below, binary("cimd"), "serve", "--config", str(self.config), "--ready-file", str(ready)],
                                        stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + timeout
        while not ready.exists():
            if self.process.poll() is not None:
                raise AssertionError(f"cimd ended with {self.process.returncode}:\n{self.log_text()}")
            if time.monotonic() > deadline:
                self.stop()
                raise AssertionError("cimd did not become ready:\n" + self.log_text())
            time.sleep(0.005)
        self.endpoints = json.loads(ready.read_text())
        return self

    def processes(self):
        """Name -> pid of every process of the daemon: the supervisor is "cimd"."""
        top = self.process.pid
        found = {"cimd": top}
        for pid in pathlib.Path(f"/proc/{top}/task/{top}/children").read_text().split():
            found[pathlib.Path(f"/proc/{pid}/comm").read_text().strip()] = int(pid)
        return found

    @property
    def core(self):
        """The pid of the process that answers."""
        return self.processes()["cimd-core"]

    def log_text(self):
        path = self.state / "cimd.log"
        return path.read_text(errors="replace")[-8000:] if path.exists() else ""

    def address(self, role="http", index=0):
        host, port = self.endpoints[role][index].rsplit(":", 1)
        return host.strip("[]"), int(port)

    def url(self, role="http"):
        host, port = self.address(role)
        return f"{role}://{'localhost' if role == 'https' else host}:{port}/wsman"

    def kill(self):
        pids = self.processes().values()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for pid in pids:  # the kernel ends the others, a moment later
            while running(pid):
                time.sleep(0.001)
        self.process = None
        self.log.close()

    def stop(self):
        """Ends it; anything but exit 0 (a sanitizer report, a crash) fails the test."""
        if not self.process:
            return
        process, self.process = self.process, None
        if process.poll() is None:
            process.terminate()
        try:
            code = process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError("cimd did not stop:\n" + self.log_text())
        finally:
            self.log.close()
        if code != 0:
            raise AssertionError(f"cimd ended with {code}:\n{self.log_text()}")

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        try:
            self.stop()
        finally:
            if self.own_state:
                shutil.rmtree(self.state, ignore_errors=True)
