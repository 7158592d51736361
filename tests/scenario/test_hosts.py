"""Hosts: what methods with side effects do, they do as the caller's own local user, in a process of his.

covers: security:S53
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from daemon import PASSWORD, USER, Daemon, binary, running
from test_processes import COMPROMISED, descriptors, status, until
from wsman import WMI, Client, Fault

ROOT = os.geteuid() == 0
NS = "root/cimv2"
LOCAL = f"cimt{os.getpid()}"
GROUPS = ("games", "users")


def hosts(daemon):
    """pids of the hosts that have become what they are."""
    found = []
    for pid in pathlib.Path(f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children").read_text().split():
        if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "cimd-host":
            found.append(int(pid))
    return found


class Base(unittest.TestCase):
    SETTINGS = {}

    @classmethod
    def setUpClass(cls):
        if not ROOT:
            raise unittest.SkipTest("other users need root")
        cls.home = pathlib.Path(tempfile.mkdtemp(prefix="cimfony-home-"))
        cls.addClassCleanup(shutil.rmtree, cls.home, ignore_errors=True)
        subprocess.run(["useradd", "--no-create-home", "--home-dir", str(cls.home), "--shell", "/bin/sh", "--groups", ",".join(GROUPS),
                        "--user-group", LOCAL], check=True, capture_output=True)
        cls.addClassCleanup(subprocess.run, ["userdel", LOCAL], check=True, capture_output=True)
        cls.uid = int(subprocess.run(["id", "-u", LOCAL], capture_output=True, text=True).stdout)
        cls.gids = sorted(map(int, subprocess.run(["id", "-G", LOCAL], capture_output=True, text=True).stdout.split()))
        os.chown(cls.home, cls.uid, -1)

    def start(self, settings=None, users=(("mapped", LOCAL),)):
        daemon = Daemon(settings)
        self.addCleanup(daemon.__exit__, None, None, None)
        daemon.write_config()
        daemon.add_user(USER, PASSWORD, "--group", "administrators")
        for name, local in users:
            daemon.add_user(name, PASSWORD, "--group", "administrators", "--posix-user", local)
        return daemon.start()

    def client(self, daemon, user="mapped"):
        client = Client(*daemon.address(), user, PASSWORD)
        self.addCleanup(client.close)
        return client

    def create(self, client, line, **params):
        answer = client.invoke(NS, "Win32_Process", "Create", CommandLine=line, **params)
        if answer["ReturnValue"] == "0":
            self.addCleanup(self.end, int(answer["ProcessId"]))
        return answer

    @staticmethod
    def end(pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def output(self, client, line, **params):
        """What a command line prints."""
        name = f"out{len(list(self.home.iterdir()))}"
        answer = self.create(client, f"({line}) > {self.home}/{name}.part 2>&1; mv {self.home}/{name}.part {self.home}/{name}", **params)
        self.assertEqual(answer["ReturnValue"], "0")
        self.assertTrue(until(lambda: (self.home / name).exists()), "the program did not end")
        return (self.home / name).read_text()

    def fault(self, call, subcode):
        with self.assertRaises(Fault) as caught:
            call()
        self.assertEqual(caught.exception.subcode, subcode, caught.exception)
        return caught.exception


class Hosts(Base):
    def setUp(self):
        self.daemon = self.start()
        self.caller = self.client(self.daemon)

    def test_who_it_is(self):
        text = self.output(self.caller, "id -u; id -g; id -G; umask; pwd; grep -E 'NoNewPrivs|CapEff|CapBnd' /proc/self/status")
        uid, gid, groups, mask, folder, *rest = text.splitlines()
        self.assertEqual((int(uid), int(gid), sorted(map(int, groups.split()))), (self.uid, self.gids[-1] if int(gid) == self.gids[-1] else
                                                                                 int(gid), self.gids))
        self.assertEqual((mask, folder), ("0077", str(self.home)))
        self.assertEqual([line.split()[1] for line in rest], ["0" * 16, "0" * 16, "1"])

    def test_nothing_of_the_daemon_goes_along(self):
        environment = dict(line.split("=", 1) for line in self.output(self.caller, "env").splitlines())
        for name in ("PWD", "OLDPWD", "SHLVL", "_"):
            environment.pop(name, None)
        self.assertEqual(environment, {"HOME": str(self.home), "USER": LOCAL, "LOGNAME": LOCAL, "SHELL": "/bin/sh", "LANG": "C.UTF-8",
                                       "PATH": "/usr/local/bin:/usr/bin:/bin"})
        [host] = hosts(self.daemon)
        self.assertEqual(descriptors(host), ["anon_inode:[signalfd]", "socket:[N]"])
        for fd in range(3):
            self.assertEqual(os.readlink(f"/proc/{host}/fd/{fd}"), "/dev/null")
        got = status(host)
        self.assertEqual((got["Uid"], got["Gid"]), ([str(self.uid)] * 4, [got["Gid"][0]] * 4))
        self.assertNotEqual(got["Gid"][0], "0")
        self.assertEqual(sorted(map(int, got["Groups"])), self.gids)
        for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(got[capabilities][0], 16), 0, capabilities)
        self.assertEqual(pathlib.Path(f"/proc/{host}/environ").read_bytes().count(b"CIMFONY"), 0)

    def test_folder_and_environment(self):
        self.assertEqual(self.output(self.caller, "pwd", CurrentDirectory="/usr/share").strip(), "/usr/share")
        uri = f"{WMI}{NS}/Win32_Process"
        startup = (f'<p:ProcessStartupInformation xmlns:s="{WMI}{NS}/Win32_ProcessStartup"><s:EnvironmentVariables>FIRST=1 2</s:EnvironmentVariables>'
                   f"<s:EnvironmentVariables>LANG=C</s:EnvironmentVariables></p:ProcessStartupInformation>")
        body = (f'<p:Create_INPUT xmlns:p="{uri}"><p:CommandLine>echo "$FIRST,$LANG,$USER" &gt; {self.home}/v.part; '
                f"mv {self.home}/v.part {self.home}/v</p:CommandLine>{startup}</p:Create_INPUT>")
        self.caller.call(f"{uri}/Create", uri, body)
        self.assertTrue(until(lambda: (self.home / "v").exists()))
        self.assertEqual((self.home / "v").read_text(), f"1 2,C,{LOCAL}\n")

    def test_what_callers_of_windows_write(self):
        """The root of drive C is ours; a shell that is asked for is the one that would run the line anyway."""
        for folder, line, want in (("C:\\", "cmd.exe /Q /c pwd", "/"), ("c:/usr\\share", "CMD /d /c pwd", "/usr/share"),
                                   ("C:", "%COMSPEC% /c pwd", "/"), ("/usr", "pwd", "/usr")):
            path = self.home / f"w{len(list(self.home.iterdir()))}"
            self.assertEqual(self.create(self.caller, f"{line} > {path}.part; mv {path}.part {path}", CurrentDirectory=folder)["ReturnValue"], "0")
            self.assertTrue(until(lambda: path.exists()), line)
            self.assertEqual(path.read_text().strip(), want)
        for folder in ("D:\\", "C:usr", "C:\\no\\such"):
            self.assertEqual(self.create(self.caller, "true", CurrentDirectory=folder)["ReturnValue"], "9", folder)
        self.assertEqual(self.create(self.caller, "cmd.exe /Q")["ReturnValue"], "9")
        self.assertEqual(self.create(self.caller, "cmd.exe /Q /c no-such-program")["ReturnValue"], "9")

    def test_return_values(self):
        def code(line, **params):
            return self.create(self.caller, line, **params)["ReturnValue"]
        self.assertEqual(code("/no/such/program --now"), "9")
        self.assertEqual(code("no-such-program"), "9")
        self.assertEqual(code("true", CurrentDirectory="/no/such/folder"), "9")
        self.assertEqual(code("true", CurrentDirectory=str(self.daemon.state)), "2")
        self.assertEqual(code("/etc/passwd"), "2")
        self.assertEqual(code(" "), "21")
        self.assertEqual(self.caller.invoke(NS, "Win32_Process", "Create")["ReturnValue"], "21")
        self.assertEqual(code("true"), "0")

    def test_terminate(self):
        pid = int(self.create(self.caller, "exec sleep 1000")["ProcessId"])
        self.assertTrue(running(pid))
        self.assertEqual(self.caller.invoke(NS, "Win32_Process", "Terminate", {"Handle": pid}, Reason=1)["ReturnValue"], "0")
        self.assertTrue(until(lambda: not pathlib.Path(f"/proc/{pid}").exists()), "it lives, or nobody reaped it")
        self.fault(lambda: self.caller.invoke(NS, "Win32_Process", "Terminate", {"Handle": pid}, Reason=1), "a:DestinationUnreachable")
        for foreign in (self.daemon.process.pid, self.daemon.core, os.getpid()):
            self.assertEqual(self.caller.invoke(NS, "Win32_Process", "Terminate", {"Handle": foreign}, Reason=1)["ReturnValue"], "2")
        self.caller.identify()

    def test_one_host_for_one_user(self):
        self.daemon.add_user("also", PASSWORD, "--group", "administrators", "--posix-user", LOCAL)
        for user in ("mapped", "also", "mapped"):
            self.output(self.client(self.daemon, user), "true")
        [host] = hosts(self.daemon)
        os.kill(host, signal.SIGKILL)  # its user may do so
        self.assertTrue(until(lambda: not running(host)))
        self.output(self.caller, "true")
        self.assertNotIn(host, hosts(self.daemon))

    @unittest.skipIf(pathlib.Path("/run/systemd/system").exists(), "services of this machine are left alone")
    def test_services_without_a_manager(self):
        names = [row["Name"] for row in self.caller.enumerate(NS, "Win32_Service")]
        if not names:
            self.skipTest("there is no unit file here")
        for method in ("StartService", "StopService"):
            self.assertEqual(self.caller.invoke(NS, "Win32_Service", method, {"Name": names[0]})["ReturnValue"], "1")

    def test_no_local_user(self):
        fault = self.fault(lambda: self.client(self.daemon, USER).invoke(NS, "Win32_Process", "Create", CommandLine="true"), "w:AccessDenied")
        self.assertIn("--posix-user", str(fault))
        self.assertEqual(hosts(self.daemon), [])

    def test_ends_with_the_daemon(self):
        for victim in ("cimd-core", "cimd"):
            with self.subTest(victim):
                daemon = self.start()
                pid = int(self.create(self.client(daemon), "exec sleep 1000")["ProcessId"])
                [host] = hosts(daemon)
                os.kill(daemon.processes()[victim], signal.SIGKILL)
                daemon.process.wait(30)
                self.assertTrue(until(lambda: not running(host)), "a host was left behind")
                self.assertTrue(running(pid), "what the user started goes on")
                daemon.process = None
                daemon.log.close()

    def test_audit(self):
        self.output(self.caller, "true")
        [record] = [line for line in (self.daemon.state / "state" / "audit.log").read_text().splitlines() if "event=host_started" in line]
        self.assertRegex(record, rf'status=OK user="mapped" object="uid {self.uid}" detail="sid=S-1-\S+ pid={hosts(self.daemon)[0]}"')
        self.assertIsNone(re.search(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-", record), "who reads an id could ask with it")


class Rules(Base):
    def refused(self, daemon, user, subcode="w:AccessDenied"):
        self.fault(lambda: self.client(daemon, user).invoke(NS, "Win32_Process", "Create", CommandLine="true"), subcode)
        self.assertEqual([pid for pid in hosts(daemon) if status(pid)["Uid"][0] != str(self.uid)], [])
        return (daemon.state / "state" / "audit.log").read_text()

    def test_root(self):
        daemon = self.start(users=(("mighty", "root"),))
        self.assertIn("host.allow_root is off", self.refused(daemon, "mighty"))
        daemon = self.start({"host.allow_root": "on"}, users=(("mighty", "root"),))
        self.create(self.client(daemon, "mighty"), "exec sleep 1000")
        self.assertTrue(until(lambda: hosts(daemon)))
        self.assertEqual(status(hosts(daemon)[0])["Uid"], ["0"] * 4)

    def test_users_of_the_daemon(self):
        for key in ("cimd.user", "cimd.auth_user"):
            daemon = self.start({key: LOCAL})
            self.assertIn("the daemon's own", self.refused(daemon, "mapped"))

    def test_switched_off(self):
        self.assertIn("host.enabled is off", self.refused(self.start({"host.enabled": "off"}), "mapped"))

    def test_limit(self):
        daemon = self.start({"quota.max_hosts": "1"}, users=(("mapped", LOCAL), ("other", "nobody")))
        self.output(self.client(daemon), "true")
        self.assertIn("quota.max_hosts is reached", self.refused(daemon, "other", "w:QuotaLimit"))
        self.output(self.client(daemon), "true")  # the one that is there still works

    def test_idle(self):
        daemon = self.start({"host.idle_timeout_seconds": "1"})
        self.output(self.client(daemon), "true")
        [host] = hosts(daemon)
        self.assertTrue(until(lambda: not pathlib.Path(f"/proc/{host}").exists()), "it did not end, or nobody reaped it")
        self.assertNotIn("ended badly", daemon.log_text())
        self.output(self.client(daemon), "true")


class Unprivileged(Base):
    """A daemon that is not root has hosts for its own user and nobody else."""

    def test_own_user_only(self):
        daemon = Daemon()
        self.addCleanup(shutil.rmtree, daemon.state, ignore_errors=True)
        program, ready = daemon.state / "cimd", daemon.state / "ready.json"
        shutil.copy(binary("cimd"), program)  # a build folder may be closed to the other user
        daemon.write_config()
        for name, local in (("mapped", LOCAL), ("other", "nobody"), ("mighty", "root")):
            daemon.add_user(name, PASSWORD, "--group", "administrators", "--posix-user", local)
        for path in (daemon.state, *daemon.state.rglob("*")):
            os.chown(path, self.uid, self.uid, follow_symlinks=False)
        log = open(daemon.state / "cimd.log", "wb")
        self.addCleanup(log.close)
        process = subprocess.Popen([str(program), "serve", "--config", str(daemon.config), "--ready-file", str(ready)], stdout=log, stderr=log,
                                   user=self.uid, group=self.uid, extra_groups=[])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertTrue(until(ready.exists), daemon.log_text())
        daemon.endpoints, daemon.process = json.loads(ready.read_text()), process
        self.assertEqual(self.output(self.client(daemon), "id -u").strip(), str(self.uid))
        for user in ("other", "mighty"):
            self.fault(lambda user=user: self.client(daemon, user).invoke(NS, "Win32_Process", "Create", CommandLine="true"), "w:AccessDenied")
        self.assertEqual([status(pid)["Uid"] for pid in hosts(daemon)], [[str(self.uid)] * 4])
        self.assertEqual(status(hosts(daemon)[0])["NoNewPrivs"], ["1"])
        process.terminate()
        self.assertEqual(process.wait(30), 0, daemon.log_text())


@unittest.skipUnless(COMPROMISED.exists(), "this build has no cimd-compromised")
class Compromised(Base):
    """An attacker owns cimd-core: he gets a host for who is logged in at this moment, and for nobody else."""

    def begin(self, tell):
        daemon = Daemon()
        self.addCleanup(shutil.rmtree, daemon.state, ignore_errors=True)
        daemon.write_config()
        for name, local in (("alice", LOCAL), ("plain", ""), ("mighty", "root")):
            daemon.add_user(name, PASSWORD, *(("--posix-user", local) if local else ()))
        log = open(daemon.state / "cimd.log", "wb")
        self.addCleanup(log.close)
        environment = {**os.environ, "CIMFONY_ATTACK_TELL": tell, "CIMFONY_ATTACK_PASSWORD": PASSWORD}
        process = subprocess.Popen([str(COMPROMISED), "serve", "--config", str(daemon.config)], stdout=log, stderr=log, env=environment)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return daemon, process

    def test_whose_hosts(self):
        daemon, process = self.begin("hosts")
        folder = daemon.state / "state" / "repository"
        self.assertTrue(until(lambda: (folder / "close-alice").exists() or process.poll() is not None), "no attempts were made")
        daemon.run("user", "disable", "alice")
        process.send_signal(signal.SIGHUP)
        (folder / "alice-is-closed").touch()
        self.assertTrue(until(lambda: (folder / "attempts").exists() or process.poll() is not None, 60), "no attempts were made")
        self.assertTrue((folder / "attempts").exists(), daemon.log_text())
        got = dict(line.split() for line in (folder / "attempts").read_text().splitlines())
        self.assertEqual(got.pop("logged-in"), "OK")
        self.assertEqual(got.pop("again"), "OK")
        self.assertEqual(got.pop("guesses"), "SERVER_TOO_BUSY")
        self.assertEqual(len(got), 11)
        self.assertEqual({name: status for name, status in got.items() if status != "ACCESS_DENIED"}, {})
        audit = (daemon.state / "state" / "audit.log").read_text()
        self.assertEqual(len(re.findall(r'event=host_started status=OK user="alice"', audit)), 2)
        self.assertIn("nobody is logged in with this id", audit)
        self.assertIn("host.allow_root is off", audit)
        process.terminate()
        self.assertEqual(process.wait(30), 0, daemon.log_text())

    def test_what_ends_it(self):
        for tell in ("descriptor", "answer", "deaf"):
            with self.subTest(tell):
                daemon, process = self.begin(tell)
                self.assertNotEqual(process.wait(60), 0)
                self.assertIn("broke the rules and is ended role=cimd-core", daemon.log_text())


if __name__ == "__main__":
    unittest.main()
