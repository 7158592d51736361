"""Live values over WS-Management (live_values.py says against what), and how little a query may build."""
import os
import subprocess
import unittest

from daemon import PASSWORD, USER, Daemon
from live_values import LiveValues
from wsman import Client, Fault

NS = "root/cimv2"


class Wire(LiveValues, unittest.TestCase):
    sees_programs = False  # cimd-core is another user, or fenced in

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon().start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)
        cls.client = Client(*cls.daemon.address(), USER, PASSWORD)
        cls.addClassCleanup(cls.client.close)

    def rows(self, cls, **keys):
        if not keys:
            return self.client.enumerate(NS, cls)
        where = " AND ".join(f"{k}='{v}'" for k, v in keys.items())
        return self.client.query(NS, f"SELECT * FROM {cls} WHERE {where}")

    def test_get_by_key(self):
        got = self.client.get(NS, "Win32_Process", Handle="1")
        self.assertEqual(got["ProcessId"], "1")
        with self.assertRaises(Fault) as caught:
            self.client.get(NS, "Win32_Process", Handle="4194304999")
        self.assertEqual(caught.exception.subcode, "a:DestinationUnreachable")

    def test_projection(self):
        rows = self.client.query(NS, "SELECT Name, ProcessId FROM Win32_Process WHERE Handle='1'")
        self.assertEqual(len(rows), 1)
        self.assertLessEqual({"Name", "ProcessId"}, set(rows[0]))
        self.assertNotIn("CommandLine", rows[0])

    def test_owner(self):
        owner = self.client.invoke(NS, "Win32_Process", "GetOwner", {"Handle": os.getpid()})
        self.assertEqual(owner["User"], subprocess.run(["id", "-un"], capture_output=True, text=True).stdout.strip())
        self.assertEqual(owner["ReturnValue"], "0")
        sid = self.client.invoke(NS, "Win32_Process", "GetOwnerSid", {"Handle": os.getpid()})
        self.assertEqual(sid["Sid"], f"S-1-22-1-{os.getuid()}")


if __name__ == "__main__":
    unittest.main()
