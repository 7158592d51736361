"""What the repository survives, seen from outside.

covers: cim-core:C10 cim-core:C17 cim-core:C20
"""
import os
import pathlib
import random
import shutil
import tempfile
import threading
import unittest

from daemon import PASSWORD, USER, Daemon
from wsman import Client, Fault

MOF = pathlib.Path(__file__).with_name("sample.mof")
NS = "root/default"
ROUNDS = int(os.environ.get("CIMFONY_KILL_ROUNDS", "5" if os.environ.get("CIMFONY_FAST") else "30"))


class Store(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cimfony-store-"))
        self.addCleanup(shutil.rmtree, self.folder, True)

    def daemon(self):
        return Daemon(state=self.folder)

    def connect(self, daemon):
        client = Client(*daemon.address(), USER, PASSWORD)
        self.addCleanup(client.close)
        return client

    def test_restart_keeps_everything(self):
        with self.daemon() as daemon:
            daemon.run("mof", str(MOF))
            self.connect(daemon).create(NS, "Test_Base", Name="kept", Slot=1, Note="n")
            self.connect(daemon).create("root", "__Namespace", Name="kept")
        with self.daemon() as daemon:
            client = self.connect(daemon)
            self.assertEqual(client.get(NS, "Test_Base", Name="kept", Slot="1")["Note"], "n")
            self.assertIn("kept", [i["Name"] for i in client.enumerate("root", "__Namespace")])

    def test_second_daemon_is_refused(self):
        with self.daemon() as daemon:
            done = daemon.run("serve", check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(str(daemon.process.pid), done.stderr)

    def test_foreign_and_damaged_files_are_refused_and_kept(self):
        with self.daemon():
            pass
        store = self.folder / "state" / "repository" / "store.mdb"
        good = store.read_bytes()
        for damage in (b"this is no repository\n" * 300, good[: len(good) // 2], b"\0" * len(good), good[:100] + b"\xff" * 64 + good[164:]):
            store.write_bytes(damage)
            daemon = self.daemon()
            daemon.write_config()
            done = daemon.run("serve", check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("store.mdb", done.stderr)
            self.assertEqual(store.read_bytes(), damage)

    def test_backup_and_restore(self):
        copy = self.folder / "copy.mdb"
        with self.daemon() as daemon:
            daemon.run("mof", str(MOF))
            client = self.connect(daemon)
            client.create(NS, "Test_Base", Name="before", Slot=1)
            daemon.run("backup", str(copy))
            client.create(NS, "Test_Base", Name="after", Slot=1)
            self.assertIn("--force", daemon.run("restore", str(copy), check=False).stderr)
        daemon.run("restore", "--force", str(copy))
        with self.daemon() as daemon:
            client = self.connect(daemon)
            client.get(NS, "Test_Base", Name="before", Slot="1")
            with self.assertRaises(Fault):
                client.get(NS, "Test_Base", Name="after", Slot="1")

    def test_kill_under_load(self):
        """What was answered is there after kill -9; what was not is there whole or not at all."""
        acknowledged, attempted = {}, {}
        with self.daemon() as daemon:
            daemon.run("mof", str(MOF))
        rng = random.Random(7)
        for round_number in range(ROUNDS):
            daemon = self.daemon().start()
            stop, wanted, enough = threading.Event(), len(acknowledged) + rng.randint(1, 60), threading.Event()

            def write(thread):
                client = Client(*daemon.address(), USER, PASSWORD, timeout=20)
                count = 0
                try:
                    while not stop.is_set():
                        name = f"r{round_number}t{thread}n{count}"
                        attempted[name] = str(count)
                        client.create(NS, "Test_Derived", Name=name, Slot=thread, Note=f"note {count}", Extra=count)
                        acknowledged[name] = str(thread)
                        count += 1
                        if len(acknowledged) >= wanted:
                            enough.set()
                except Exception:
                    pass  # the daemon was killed
                finally:
                    client.close()

            threads = [threading.Thread(target=write, args=(i,)) for i in range(4)]
            for thread in threads:
                thread.start()
            self.assertTrue(enough.wait(60), "nothing was written")
            daemon.kill()
            stop.set()
            for thread in threads:
                thread.join()
        with self.daemon() as daemon:
            client = self.connect(daemon)
            stored = {i["Name"]: i for i in client.enumerate(NS, "Test_Derived", max_elements=1000)}
        for name, slot in acknowledged.items():
            self.assertIn(name, stored)
            self.assertEqual(stored[name]["Slot"], slot)
        for name, instance in stored.items():
            if name in attempted:
                self.assertEqual((instance["Extra"], instance["Note"]), (attempted[name], f"note {attempted[name]}"))


if __name__ == "__main__":
    unittest.main()
