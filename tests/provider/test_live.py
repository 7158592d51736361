"""The providers of this machine, without a daemon, against independent readings.

usage: test_live.py PROVIDER_DUMP
"""
import json
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scenario"))
from live_values import LiveValues  # noqa: E402


class Providers(LiveValues, unittest.TestCase):
    def rows(self, cls, **keys):
        done = subprocess.run([DUMP, cls, "-j", *(f"{k}={v}" for k, v in keys.items())], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]


if __name__ == "__main__":
    DUMP = sys.argv.pop(1)
    unittest.main()
