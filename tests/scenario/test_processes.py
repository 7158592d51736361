"""The processes of a running daemon: who they are, what they hold, what they may, and that they end together.

As root the roles have users of their own; else all are the same user and the kernel's own fences (Landlock, seccomp)
are what is left. Both are tested when this is root, the second by a daemon of another user.
"""
import errno
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from daemon import PASSWORD, TOP, USER, Daemon, binary, running
from wsman import Client

ROOT = os.geteuid() == 0
DEVELOPER = 64103
COMPROMISED = pathlib.Path(binary("cimd")).parent.parent / "tests" / "daemon" / "cimd-compromised"


def status(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {k: v.split() for k, v in (line.split(":", 1) for line in lines)}


def descriptors(pid):
    folder = f"/proc/{pid}/fd"
    return sorted(re.sub(r"\[\d+\]", "[N]", os.readlink(f"{folder}/{fd}")) for fd in os.listdir(folder) if int(fd) > 2)


def until(what, seconds=30):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True


class Processes(unittest.TestCase):
    def client(self, daemon, user=USER, password=PASSWORD):
        client = Client(*daemon.address(), user, password)
        self.addCleanup(client.close)
        return client

    def ended(self, pids, process):
        self.assertTrue(until(lambda: process.poll() is not None), "the supervisor still runs")
        self.assertTrue(until(lambda: not any(map(running, pids))), "a process was left behind")

    @unittest.skipUnless(ROOT, "users of their own need root")
    def test_second_start_leaves_the_first_alone(self):
        """It is refused, and the running daemon keeps its control socket."""
        with Daemon() as daemon:
            again = subprocess.run([binary("cimd"), "serve", "--config", str(daemon.config)], capture_output=True, text=True, timeout=60)
            self.assertNotEqual(again.returncode, 0)
            self.assertIn("another cimd", again.stderr)
            self.assertIn("D:", daemon.run("sd", "show", "root").stdout)

    def test_service_manager_is_told(self):
        """READY=1 when it listens, STOPPING=1 at the end, as Type=notify wants."""
        folder = tempfile.mkdtemp(prefix="cimfony-notify-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(f"{folder}/socket")
            os.environ["NOTIFY_SOCKET"] = f"{folder}/socket"
            try:
                with Daemon():
                    manager.settimeout(30)
                    self.assertEqual(manager.recv(100), b"READY=1")
                self.assertEqual(manager.recv(100), b"STOPPING=1")
            finally:
                del os.environ["NOTIFY_SOCKET"]

    def test_rights(self):
        with Daemon() as daemon:
            for name, uid in (("cimd-core", "64101"), ("cimd-auth", "64102")):
                got = status(daemon.processes()[name])
                self.assertEqual(got["Uid"], [uid] * 4)
                self.assertEqual(got["Gid"], [uid] * 4)
                self.assertEqual(got["Groups"], [])
                for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                    self.assertEqual(int(got[capabilities][0], 16), 0, f"{name} {capabilities}")

    def test_fences(self):
        with Daemon() as daemon:
            for name in ("cimd-core", "cimd-auth"):
                pid = daemon.processes()[name]
                for task in os.listdir(f"/proc/{pid}/task"):
                    got = status(f"{pid}/task/{task}")
                    self.assertEqual((got["NoNewPrivs"], got["Seccomp"]), (["1"], ["2"]), f"{name} thread {got['Name']}")
            limits = pathlib.Path(f"/proc/{daemon.processes()['cimd-auth']}/limits").read_text()
            self.assertRegex(limits, r"Max core file size\s+0\s+0")

    def test_descriptors(self):
        """Nobody holds what is another's: listeners are core's, the supervisor keeps no socket but those to its children, and
        the audit log, for the hosts that it starts."""
        with Daemon(tls=True) as daemon:
            pids = daemon.processes()
            state = str(daemon.state / "state")
            want = [f"{state}/audit.log", f"{state}/lock", "anon_inode:[signalfd]", "socket:[N]", "socket:[N]"]
            until(lambda: descriptors(pids["cimd"]) == want, 5)  # the ready file is there a moment before its folder is synced
            self.assertEqual(descriptors(pids["cimd"]), want)
            auth = descriptors(pids["cimd-auth"])
            self.assertEqual([d for d in auth if d.startswith(state)], [f"{state}/audit.log"])
            core = descriptors(pids["cimd-core"])
            files = {d for d in core if d.startswith("/")}
            self.assertEqual(files, {f"{state}/repository/store.{e}" for e in ("lock", "mdb", "mdb-lock")} | {f"{state}/backup"})
            held = {name: {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")} for name, pid in pids.items()}
            inodes = set()
            for table in ("tcp", "tcp6"):
                for line in pathlib.Path(f"/proc/{daemon.core}/net/{table}").read_text().splitlines()[1:]:
                    inodes.add(f"socket:[{line.split()[9]}]")
            self.assertEqual(len(held["cimd-core"] & inodes), 2)
            self.assertFalse(held["cimd"] & inodes or held["cimd-auth"] & inodes)

    def test_one_ends_all(self):
        for victim in ("cimd-core", "cimd-auth"):
            with self.subTest(victim):
                daemon = Daemon()
                self.addCleanup(shutil.rmtree, daemon.state, ignore_errors=True)
                daemon.start()
                pids, process = daemon.processes(), daemon.process
                os.kill(pids[victim], signal.SIGKILL)
                self.ended(pids.values(), process)
                self.assertEqual(process.returncode, 128 + signal.SIGKILL)
                self.assertFalse((daemon.state / "run" / "cimd.sock").exists())
                self.assertIn(f"role={victim} signal=9", daemon.log_text())
                daemon.process = None
                daemon.log.close()

    def test_killed_supervisor_leaves_nobody(self):
        daemon = Daemon()
        self.addCleanup(shutil.rmtree, daemon.state, ignore_errors=True)
        daemon.start()
        pids, process = daemon.processes(), daemon.process
        process.kill()
        self.ended(pids.values(), process)
        daemon.process = None
        daemon.log.close()
        daemon.start()  # and the next start finds nothing in its way
        daemon.stop()

    def test_no_zombies(self):
        with Daemon() as daemon:
            self.client(daemon).enumerate("root/cimv2", "Win32_OperatingSystem")
            children = pathlib.Path(f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children").read_text().split()
            self.assertEqual(len(children), 2)
            self.assertTrue(all(running(pid) for pid in children))

    def test_restart_keeps_users_and_objects(self):
        folder = tempfile.mkdtemp(prefix="cimfony-test-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        with Daemon(state=folder) as daemon:
            daemon.run("mof", str(TOP / "tests/scenario/sample.mof"))
            daemon.add_user("second", "another password 8")
            self.client(daemon, "second", "another password 8").identify()
        with Daemon(state=folder) as daemon:
            self.client(daemon, "second", "another password 8").identify()
            self.client(daemon).enumerate("root/default", "Test_Base")

    def test_reload(self):
        with Daemon() as daemon:
            daemon.process.send_signal(signal.SIGHUP)
            self.client(daemon).identify()

    def test_low_port_and_names(self):
        with Daemon({"listen.http": "localhost:0"}) as daemon:
            self.client(daemon).identify()

    @unittest.skipUnless(ROOT, "only root is told")
    def test_missing_users(self):
        daemon = Daemon({"cimd.user": "no-such-user"}, users=False)
        self.addCleanup(shutil.rmtree, daemon.state, ignore_errors=True)
        daemon.write_config()
        done = daemon.run("serve", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("useradd --system", done.stderr)
        for settings, says in (({"cimd.user": "0"}, "must not be root"), ({"cimd.user": "64102"}, "must differ")):
            daemon.settings.update(settings)
            daemon.write_config()
            self.assertIn(says, daemon.run("serve", check=False).stderr)


@unittest.skipUnless(ROOT, "users of their own need root")
class Alone(unittest.TestCase):
    """root's commands on the repository while no daemon runs: what cimd-core's user left there does not get root's rights."""

    def setUp(self):
        state = tempfile.mkdtemp(prefix="cimfony-test-")
        self.addCleanup(shutil.rmtree, state, ignore_errors=True)
        self.daemon = Daemon(state=state)
        with self.daemon:
            pass
        self.folder = self.daemon.state / "state" / "repository"
        self.mof = self.daemon.state / "a.mof"
        self.mof.write_text("class Left_Alone { [key] string Name; };")
        self.mof.chmod(0o600)

    def owners(self):
        return {path.stat().st_uid for path in (self.folder, *self.folder.iterdir())}

    def test_works(self):
        other, copy = self.daemon.state / "b.mof", self.daemon.state / "copy.mdb"
        other.write_text("class Left_Too { [key] string Name; };")
        other.chmod(0o600)
        run = self.daemon.run
        self.assertIn("1 classes", run("mof", "--namespace", "root/default", str(self.mof), str(other)).stdout)
        self.assertNotEqual(run("mof", str(self.daemon.state / "none.mof"), check=False).returncode, 0)
        self.assertIn("D:", run("sd", "show", "root/cimv2").stdout)
        self.assertNotEqual(run("sd", "show", "root/none", check=False).returncode, 0)
        run("backup", str(copy))
        self.assertEqual((copy.stat().st_uid, copy.stat().st_mode & 0o777), (0, 0o600))
        run("restore", "--force", str(copy))
        self.assertEqual(self.owners(), {64101})
        self.assertNotIn("backup.mdb", os.listdir(self.folder))
        self.assertNotIn("Traceback", run("mof", "--namespace", "root/default", str(self.mof)).stderr)

    def test_no_control_characters(self):
        """What a taken-over core answers to root's commands does not drive root's terminal."""
        run = self.daemon.state / "run"
        run.mkdir(exist_ok=True)
        server = socket.socket(socket.AF_UNIX)
        self.addCleanup(server.close)
        server.bind(str(run / "cimd.sock"))
        server.listen()

        def answer():
            for status in ("OK", "FAILED"):
                peer = server.accept()[0]
                peer.recv(65536)
                fields = [status, "O:BA\x1b]0;x\x07\x9b2J\x7f", *"000000", "\x1b[2J", "0", "0"]
                inner = b"".join(b"%d:%s," % (len(f.encode()), f.encode()) for f in fields)
                peer.sendall(b"%d:%s," % (len(inner), inner))
                peer.close()

        thread = threading.Thread(target=answer)
        thread.start()
        for _ in range(2):
            done = self.daemon.run("sd", "show", "root/cimv2", check=False)
            self.assertIn("O:BA", done.stdout + done.stderr)
            self.assertNotRegex(done.stdout + done.stderr, "[\x00-\x08\x0b-\x1f\x7f-\x9f]")
        thread.join()

    def test_links(self):
        victim = self.daemon.state / "victim"
        for name in ("store.lock", "store.mdb-lock", "backup.mdb"):
            with self.subTest(name):
                link = self.folder / name
                link.unlink(missing_ok=True)
                link.symlink_to(victim)
                for command in (["mof", str(self.mof)], ["sd", "show", "root/cimv2"], ["backup", str(self.daemon.state / "x.mdb")]):
                    self.daemon.run(*command, check=False)
                    self.assertFalse(victim.exists(), command)
                link.unlink(missing_ok=True)


@unittest.skipUnless(COMPROMISED.exists(), "this build has no cimd-compromised")
class Compromised(unittest.TestCase):
    """From inside cimd-core, after the sandbox is entered."""

    MAY = {"make-file-here", "found-auth"}

    def begin(self, user=None, **environment):
        """The daemon with the attacker in it: (harness, its process)."""
        daemon = Daemon()
        self.addCleanup(shutil.rmtree, daemon.state, ignore_errors=True)
        keytab = daemon.state / "test.keytab"
        keytab.write_bytes(b"\x05\x02")
        keytab.chmod(0o600)
        daemon.settings.update({"auth.keytab": str(keytab)})
        program = daemon.state / "cimd"  # a build folder may be closed to the other user
        shutil.copy(COMPROMISED, program)
        daemon.write_config()
        daemon.add_user(USER, PASSWORD, "--group", "administrators")
        if user:
            for path in (daemon.state, *daemon.state.rglob("*")):
                os.chown(path, user, user, follow_symlinks=False)
        log = open(daemon.state / "cimd.log", "wb")
        self.addCleanup(log.close)
        environment = {**os.environ, "CIMFONY_ATTACK_STATE": str(daemon.state / "state"), "CIMFONY_ATTACK_KEYTAB": str(keytab),
                       **environment}
        identity = {"user": user, "group": user, "extra_groups": []} if user else {}
        return daemon, subprocess.Popen([str(program), "serve", "--config", str(daemon.config)], stdout=log, stderr=log, env=environment,
                                        **identity)

    def attempts(self, user=None):
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)
        daemon, process = self.begin(user, CIMFONY_ATTACK_PORT=str(server.getsockname()[1]))
        done = daemon.state / "state" / "repository" / "attempts"
        try:
            self.assertTrue(until(lambda: done.exists() or process.poll() is not None), "no attempts were made")
            self.assertTrue(done.exists(), daemon.log_text())
            return {name: int(number) for name, number in (line.split() for line in done.read_text().splitlines())}
        finally:
            process.terminate()
            code = process.wait(30)
            self.assertEqual(code, 0, daemon.log_text())

    def judge(self, attempts):
        self.assertGreater(len(attempts), 40)
        self.assertEqual({name for name, number in attempts.items() if number == 0}, self.MAY)
        refused = (errno.EPERM, errno.EACCES)
        self.assertEqual({n: errno.errorcode[c] for n, c in attempts.items() if c and c not in refused}, {})

    @unittest.skipUnless(ROOT, "users of their own need root")
    def test_as_root(self):
        self.judge(self.attempts())

    def test_nonsense_ends_it(self):
        """Neither the supervisor nor the broker goes on with a core that breaks the rules."""
        for to, says in (("supervisor", "role=cimd-core"), ("broker", "cimd-auth")):
            with self.subTest(to):
                daemon, process = self.begin(CIMFONY_ATTACK_TELL=to)
                try:
                    self.assertNotEqual(process.wait(30), 0)
                finally:
                    process.kill()
                    process.wait()
                self.assertIn("broke the rules", daemon.log_text())
                self.assertIn(says, daemon.log_text())

    def test_as_one_user(self):
        self.judge(self.attempts(DEVELOPER if ROOT else None))


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not here")
class Unit(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cimfony-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        text = (TOP / "data/systemd/cimd.service.in").read_text().replace("@sysconfdir@", "/etc")
        self.unit = self.folder / "cimd.service"
        self.unit.write_text(re.sub(r"@sbindir@/cimd", os.path.abspath(binary("cimd")), text))

    def test_verify(self):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(self.unit)], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_security(self):
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=35", str(self.unit)], capture_output=True,
                              text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout)

    @unittest.skipUnless(shutil.which("systemd-sysusers"), "systemd-sysusers is not here")
    def test_users(self):
        done = subprocess.run(["systemd-sysusers", "--dry-run", str(TOP / "data/systemd/sysusers.conf")], capture_output=True, text=True,
                              timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        for user in ("cimfony", "cimfony-auth"):
            if subprocess.run(["getent", "passwd", user], capture_output=True).returncode:
                self.assertIn(f"user '{user}'", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
