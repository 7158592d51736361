"""Replies recorded from real Windows machines, as pypsrp's source distribution carries them for its own tests: cim reads every one.

They are fetched when the test runs and not kept; without a package index the test is skipped.
"""
import collections
import html
import http.server
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import threading
import unittest

import scenario_path
from daemon import binary

PACKAGE = "pypsrp==0.9.1"
ACTION = re.compile(r"<a:Action>([^<]*)</a:Action>")
RELATES = re.compile(r"<a:RelatesTo>[^<]*</a:RelatesTo>")
UNTOLD = ('<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code>'
          '<s:Reason><s:Text xml:lang="en">no</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>')


def recorded():
    """(name, status, reply) of every transcript."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-binary", ":all:", "--no-deps", PACKAGE, "-d", folder],
                              capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise unittest.SkipTest("the package index cannot be reached")
        with tarfile.open(os.path.join(folder, os.listdir(folder)[0])) as archive:
            for member in archive.getmembers():
                if "/responses/" not in member.name or not member.name.endswith(".yml"):
                    continue
                text = archive.extractfile(member).read().decode()
                for message in re.split(r"^- request:", text, flags=re.M)[1:]:
                    reply = re.search(r"^  response: *['\"]?(<s:Envelope.*</s:Envelope>)", message, re.M)
                    if reply:
                        code = re.search(r"^    code: (\d+)", message, re.M)
                        yield os.path.basename(member.name), int(code[1]) if code else 200, reply[1]


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    reply, status = "", 200


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = self.rfile.read(int(self.headers["Content-Length"])).decode()
        message = re.search(r"<a:MessageID>([^<]*)<", request)[1]
        status, text = self.server.status, self.server.reply
        if "cim-xml" in request:
            status, text = 500, UNTOLD
        body = RELATES.sub(f"<a:RelatesTo>{message}</a:RelatesTo>", text).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/soap+xml;charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Replies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.replies = list(recorded())
        cls.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.server.server_close)
        cls.addClassCleanup(cls.server.shutdown)
        cls.url = f"wsmv://127.0.0.1:{cls.server.server_address[1]}/root/cimv2"

    def cim(self, *args):
        return subprocess.run([binary("cim"), args[0], self.url, *args[1:]], capture_output=True, text=True, timeout=60)

    def ask(self, action):
        """The command that such a reply answers."""
        name = action.rsplit("/", 1)[-1]
        return {
            "GetResponse": ["get", 'X.K="1"', "-o", "json"], "EnumerateResponse": ["ls", "X", "-o", "json"],
            "CreateResponse": ["create", "X", "K=1"], "DeleteResponse": ["delete", 'X.K="1"'], "fault": ["get", 'X.K="1"'],
        }.get(name)

    def test_every_reply(self):
        seen, kinds = set(), collections.Counter()
        for name, status, reply in self.replies:
            action = ACTION.search(reply)[1]
            command, shape = self.ask(action), re.sub(r"[0-9A-Fa-f-]{36}|\d+", "#", reply)
            if not command or shape in seen:
                continue
            seen.add(shape)
            kinds[action.rsplit("/", 1)[-1]] += 1
            with self.subTest(name, action=action):
                self.server.reply, self.server.status = reply, status
                done = self.cim(*command)
                if action.endswith("fault"):
                    said = re.search(r"<f:Message>([^<]+)", reply) or re.search(r"<s:Text[^>]*>([^<]+)", reply)
                    words = html.unescape(said[1]).strip().replace("\n", " ")
                    self.assertNotEqual(done.returncode, 0)
                    self.assertIn(words[:100], done.stderr)
                    self.assertNotIn("Sanitizer", done.stderr)
                else:
                    self.assertEqual(done.returncode, 0, done.stderr)
        for kind in ("GetResponse", "CreateResponse", "EnumerateResponse", "fault"):
            self.assertGreater(kinds[kind], 0, kinds)


if __name__ == "__main__":
    unittest.main()
