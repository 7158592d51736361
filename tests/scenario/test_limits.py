"""Many, slow, large and hostile peers against a running daemon.

covers: wsman:C25 wsman:E23 wsman:E24 cim-core:C19
"""
import re
import resource
import socket
import time
import unittest

from daemon import PASSWORD, USER, Daemon
from wsman import DECLARATIONS, ENUMERATION, WMI, Client, Fault

IDENTIFY = f"<s:Envelope {DECLARATIONS}><s:Header/><s:Body><wsmid:Identify/></s:Body></s:Envelope>"
URI = WMI + "root/default/Limit"


def memory(pid):
    """Proportional resident memory in bytes."""
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return int(re.search(r"^Pss:\s+(\d+) kB", f.read(), re.M).group(1)) * 1024


def files(limit):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < limit:
        return hard - 200
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, limit), hard))
    return limit


class Limits(unittest.TestCase):
    def start(self, **settings):
        daemon = Daemon(settings={k.replace("__", "."): str(v) for k, v in settings.items()}).start()
        self.addCleanup(daemon.__exit__, None, None, None)
        return daemon

    def client(self, daemon):
        client = Client(*daemon.address(), USER, PASSWORD)
        self.addCleanup(client.close)
        return client

    def fill(self, daemon, count=60):
        mof = daemon.state / "limit.mof"
        rows = "".join(f'instance of Limit {{ Name = "n{i:03}"; Text = "{"x" * 200}"; }};\n' for i in range(count))
        mof.write_text("class Limit { [key] string Name; string Text; };\n" + rows)
        daemon.run("mof", str(mof))

    def test_abandoned_enumerations(self):
        daemon = self.start(quota__max_concurrent_operations_per_user=12000, quota__max_concurrent_operations=12000,
                            quota__enumeration_timeout_ms=500)
        self.fill(daemon)
        client = self.client(daemon)
        client.identify()
        envelope = client.envelope(f"{ENUMERATION}/Enumerate", URI, "<n:Enumerate/>")
        before, opened = memory(daemon.core), 0
        began = time.monotonic()
        for _ in range(10000):
            client.send(envelope)
            opened += 1
        self.assertEqual(opened, 10000)
        # the timeout has freed or will free them all: a new user of the quota gets in
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            time.sleep(0.6)
            try:
                self.assertEqual(len(client.enumerate("root/default", "Limit")), 60)
                break
            except Fault:
                continue
        else:
            self.fail("enumerations were not freed")
        grown = memory(daemon.core) - before
        print(f"10,000 enumerations in {time.monotonic() - began:.1f} s, {grown >> 20} MiB kept")

    def test_quota_of_operations(self):
        daemon = self.start(quota__max_concurrent_operations_per_user=3)
        self.fill(daemon)
        client = self.client(daemon)
        contexts = []
        for _ in range(3):
            reply = client.call(f"{ENUMERATION}/Enumerate", URI, "<n:Enumerate/>")
            contexts.append(reply[0][0].text)
        with self.assertRaises(Fault) as caught:
            client.call(f"{ENUMERATION}/Enumerate", URI, "<n:Enumerate/>")
        self.assertEqual(caught.exception.subcode, "w:QuotaLimit")
        client.call(f"{ENUMERATION}/Release", URI, f"<n:Release><n:EnumerationContext>{contexts[0]}</n:EnumerationContext></n:Release>")
        client.call(f"{ENUMERATION}/Enumerate", URI, "<n:Enumerate/>")

    def test_context_expires(self):
        daemon = self.start(quota__enumeration_timeout_ms=500)
        self.fill(daemon)
        client = self.client(daemon)
        context = client.call(f"{ENUMERATION}/Enumerate", URI, "<n:Enumerate/>")[0][0].text
        time.sleep(2)
        with self.assertRaises(Fault) as caught:
            client.call(f"{ENUMERATION}/Pull", URI, f"<n:Pull><n:EnumerationContext>{context}</n:EnumerationContext></n:Pull>")
        self.assertEqual(caught.exception.wsman_code, 2150858779)

    def test_context_belongs_to_its_user(self):
        daemon = self.start()
        self.fill(daemon)
        daemon.add_user("other", "pw of other", "--group", "administrators")
        other = Client(*daemon.address(), "other", "pw of other")
        self.addCleanup(other.close)
        context = self.client(daemon).call(f"{ENUMERATION}/Enumerate", URI, "<n:Enumerate/>")[0][0].text
        for action in ("Pull", "Release"):
            with self.assertRaises(Fault) as caught:
                other.call(f"{ENUMERATION}/{action}", URI,
                           f"<n:{action}><n:EnumerationContext>{context}</n:EnumerationContext></n:{action}>")
            self.assertEqual(caught.exception.wsman_code, 2150858779)

    def test_idle_connections(self):
        count = min(10000, files(10600) - 300)
        daemon = self.start()
        host, port = daemon.address()
        client = self.client(daemon)
        client.identify()
        before = memory(daemon.core)
        idle = []
        self.addCleanup(lambda: [s.close() for s in idle])
        for i in range(count):
            s = socket.create_connection((host, port))
            idle.append(s)
        client.identify()
        fresh = self.client(daemon)
        fresh.identify()
        grown = memory(daemon.core) - before
        print(f"{count} idle connections: {grown / count:.0f} bytes each")

    def test_slow_peer_is_ended(self):
        daemon = self.start(quota__max_packet_retrieval_time_seconds=1)
        host, port = daemon.address()
        with socket.create_connection((host, port), timeout=20) as s:
            auth = self.client(daemon).headers["Authorization"]
            s.sendall(f"POST /wsman HTTP/1.1\r\nHost: x\r\nAuthorization: {auth}\r\nContent-Type: application/soap+xml\r\n"
                      "Content-Length: 1000\r\n\r\n<s:Env".encode())
            self.assertIn(b" 500 ", s.recv(4096))
        self.client(daemon).identify()

    def test_hostile_messages(self):
        daemon = self.start()
        client = self.client(daemon)
        bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + IDENTIFY
        deep = "<a>" * 5000 + "</a>" * 5000
        cases = [bomb, deep, "<s:Envelope", "", "\0", "<a/>", IDENTIFY[:-20], "x" * 1000, "<a " + "b='' " * 3000 + "/>",
                 IDENTIFY.replace("2003/05/soap-envelope", "2001/12/soap-envelope"), IDENTIFY + IDENTIFY,
                 IDENTIFY.replace("<s:Header/>", "<s:Header>" + "<x:y xmlns:x='urn:x'/>" * 20000 + "</s:Header>"),
                 b"\xff\xfe<\x00a", IDENTIFY.encode().replace(b"Identify/", b"Identify>\xff</wsmid:Identify")]
        for case in cases:
            status, data = client.post(case)
            self.assertLess(len(data), 20000)
            if case:
                self.assertIn(status, (200, 400, 500), case[:60])
        self.assertIn("ProductVendor", client.identify())


if __name__ == "__main__":
    unittest.main()
