"""Debian's wsl (bash and curl), unmodified: the shape of requests that openwsman clients send.

wslput and wslinvoke are left out: they cut lines out of the reply as text and paste them into a request that declares
the prefixes wsman and wsa and expects instance elements without attributes. Replies in the shape of WinRM (prefixes w
and a, xmlns and xsi:type on the instance) cannot be cut so, Windows' own included.

covers: wsman:C1 wsman:C9 wsman:E26
"""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import scenario_path
from daemon import PASSWORD, USER, Daemon

MOF = pathlib.Path(__file__).resolve().parent.parent / "scenario" / "sample.mof"
DMTF = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2"


@unittest.skipUnless(shutil.which("wslid") or os.environ.get("CI"), "Debian's package wsl is not installed")
class Wsl(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon().start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)
        cls.daemon.add_user("wsl", "simplepassword", "--group", "administrators")
        cls.daemon.run("mof", str(MOF))

    def wsl(self, *command):
        """(exit code, last response file)."""
        folder = tempfile.mkdtemp(prefix="cimfony-wsl-")
        self.addCleanup(shutil.rmtree, folder, True)
        host, port = self.daemon.address()
        env = dict(os.environ, HOME=folder, OUTPREFIX=folder, WSENDPOINT=f"{host}:{port}", WSUSER="wsl", WSPASS="simplepassword",
                   WSNOSSL="1", WSDONTASK="y", WSAUTOMATED="1", OUTLEVEL="1", KEEPHISTORY="0", TERM="dumb")
        done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout + done.stderr

    def test_identify(self):
        code, text = self.wsl("wslid", "check")
        self.assertEqual(code, 0, text)
        self.assertIn("IdentifyResponse", text)

    def test_get(self):
        code, text = self.wsl("wslget", f"{DMTF}/Test_Base", "__cimnamespace=root/default", "Name=alpha", "Slot=1")
        self.assertEqual(code, 0, text)
        self.assertIn("first", text)
        code, text = self.wsl("wslget", f"{DMTF}/Win32_OperatingSystem")
        self.assertIn("LastBootUpTime", text)

    def test_enumerate_modes(self):
        _, text = self.wsl("wslenum", f"{DMTF}/Test_Base", "-ns", "root/default")
        self.assertEqual(len(re.findall(r":Test_(?:Base|Derived)\b[^>]*xsi:type", text)), 2, text)
        _, text = self.wsl("wslenum", f"{DMTF}/Test_Base", "-ns", "root/default", "-mode", "epr")
        self.assertEqual(text.count('Name="Slot"'), 2, text)
        self.assertNotIn("first", text)
        _, text = self.wsl("wslenum", f"{DMTF}/Test_Base", "-ns", "root/default", "-mode", "objepr", "-opti", "10")
        self.assertEqual(text.count('Name="Slot"'), 2, text)
        self.assertIn("first", text)

    def test_filters(self):
        dialect = "http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter"
        _, text = self.wsl("wslenum", f"{DMTF}/Test_Base", "-ns", "root/default", "-dialect", dialect, "-filter", "Name=beta")
        self.assertIn("beta", text)
        self.assertNotIn("alpha", text)
        _, text = self.wsl("wslenum", f"{DMTF}/Test_Base", "-ns", "root/default", "-dialect", "urn:nothing", "-filter", "x")
        self.assertIn("FilterDialectRequestedUnavailable", text)

    def test_unknown_things_are_faults(self):
        code, text = self.wsl("wslget", f"{DMTF}/Test_Nothing", "__cimnamespace=root/default", "Name=x")
        self.assertNotEqual(code, 0)
        self.assertIn("DestinationUnreachable", text)


if __name__ == "__main__":
    unittest.main()
