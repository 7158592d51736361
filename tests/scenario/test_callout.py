"""What a taken-over cimd-core gets of the supervisor when it asks for connections: a socket to who is connected to it over DCE/RPC, where
the administrator has switched that on, and nothing else."""
import json
import os
import shutil
import signal
import socket
import subprocess
import unittest

from daemon import PASSWORD, USER, Daemon
from test_processes import COMPROMISED, until

DENIED = "ACCESS_DENIED"


@unittest.skipUnless(COMPROMISED.exists(), "this build has no cimd-compromised")
class Callout(unittest.TestCase):
    def attempts(self, **settings):
        daemon = Daemon({"listen.epmap": "127.0.0.1:0", "listen.wmi": "127.0.0.1:0", **settings})
        self.addCleanup(shutil.rmtree, daemon.state, ignore_errors=True)
        daemon.write_config()
        daemon.add_user(USER, PASSWORD)
        mine = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(mine.close)
        log = open(daemon.state / "cimd.log", "wb")
        self.addCleanup(log.close)
        environment = {**os.environ, "CIMFONY_ATTACK_TELL": "connect", "CIMFONY_ATTACK_PORT": str(mine.getsockname()[1])}
        ready, done = daemon.state / "ready.json", daemon.state / "state" / "repository" / "attempts"
        process = subprocess.Popen([str(COMPROMISED), "serve", "--config", str(daemon.config), "--ready-file", str(ready)], stdout=log, stderr=log,
                                   env=environment)
        try:
            self.assertTrue(until(lambda: ready.exists() or process.poll() is not None))
            self.assertTrue(ready.exists(), daemon.log_text())
            endpoints = json.loads(ready.read_text())
            for role in ("wmi", "http"):
                host, port = endpoints[role][0].rsplit(":", 1)
                connection = socket.create_connection((host, int(port)))
                self.addCleanup(connection.close)
            self.assertTrue(until(lambda: done.exists() or process.poll() is not None), "no attempts were made")
            self.assertTrue(done.exists(), daemon.log_text())
            return dict(line.split(maxsplit=1) for line in done.read_text().splitlines())
        finally:
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(30), 0, daemon.log_text())

    FORBIDDEN = ("no-proof", "local-socket", "file", "listener", "connection-of-another-listener", "port-22", "port-445", "port-0")

    def test_switched_on(self):
        got = self.attempts(**{"wmi.callback_anonymous": "on"})
        self.assertEqual({name: got.pop(name) for name in self.FORBIDDEN}, dict.fromkeys(self.FORBIDDEN, DENIED))
        if got.get("made-another") == "OK" and tuple(int(n) for n in os.uname().release.split(".")[:2]) < (6, 7):
            got["made-another"] = "REFUSED"  # as docs/security.md says: Landlock does not know TCP there
        self.assertEqual(got, {"the-peer": "OK", "made-another": "REFUSED", "scanning": "SERVER_TOO_BUSY"})

    def test_as_it_comes(self):
        got = self.attempts()
        self.assertEqual({name: got.pop(name) for name in (*self.FORBIDDEN, "the-peer")}, dict.fromkeys((*self.FORBIDDEN, "the-peer"), DENIED))
        self.assertEqual(got, {"scanning": "SERVER_TOO_BUSY"})


if __name__ == "__main__":
    unittest.main()
