"""Kerberos in an Active Directory domain (Samba's): who the caller is comes from the ticket's PAC, signed with the service's key."""
import os
import pathlib
import struct
import subprocess
import unittest

import scenario_path
import samba_dc
from daemon import Daemon, binary
from token_tool import Tool


def sid_text(data):
    authority = int.from_bytes(data[2:8], "big")
    return "-".join(["S-1", str(authority), *(str(s) for s in struct.unpack(f"<{data[1]}I", data[8:]))])


@unittest.skipUnless(samba_dc.available(), "needs root and Samba's domain controller")
class Domain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.domain = samba_dc.DomainController().start()
        cls.addClassCleanup(cls.domain.stop)

    def tool(self, *words):
        tool = Tool(*words, env=self.domain.environment, prefix=self.domain.namespaces())
        self.addCleanup(tool.close)
        return tool

    def login(self, user, target="HTTP/localhost", protocol="kerberos", *words):
        """A server to which the user has proved who he is, and his client."""
        client = self.tool("client", protocol, f"target={target}@{samba_dc.REALM}", f"ccache={self.domain.cache(user)}", *words)
        server = self.tool("server", protocol, f"keytab={self.domain.keytab}", "service=HTTP", *words)
        word, token = client.step(b"")
        while token and word != "failed":
            word, token = server.step(token)
            self.assertNotEqual(word, "failed", server.text("why"))
            if token:
                word, token = client.step(token)
        self.assertEqual(server.text("who"), f"{samba_dc.REALM}\\{user}")
        return server, client

    def sids(self, server):
        account, domain, *sids = server.text("pac").split(" ")
        self.assertEqual(domain, samba_dc.DOMAIN)
        return account, [sid_text(bytes.fromhex(s)) for s in sids]

    def check_pac(self, server, user):
        account, sids = self.sids(server)
        self.assertEqual(account, user)
        self.assertEqual(sids[0], self.domain.sid(user))
        named = {name for name in (*samba_dc.GROUPS, "Domain Users", "Domain Admins", "Users", "Administrators") if self.domain.sid(name) in sids}
        direct = {name for name, members in samba_dc.GROUPS.items() if user in members}
        nested = {name for name, members in samba_dc.GROUPS.items() if direct & set(members)}
        self.assertEqual(named, direct | nested | {"Domain Users"})
        self.assertIn("S-1-18-1", sids)  # asserted by the authority
        self.assertEqual(len(sids), len(set(sids)))

    def test_users_and_groups(self):
        """With tickets and PACs under AES and RC4 keys, bare and inside SPNEGO, in both styles."""
        for target in ("HTTP/localhost", "HTTP/rc4.localhost"):
            for protocol, want in (("kerberos", "se"), ("spnego-kerberos", "se"), ("kerberos", "sec"), ("spnego-kerberos", "sec")):
                for user in samba_dc.PASSWORDS:
                    with self.subTest(target=target, protocol=protocol, want=want, user=user):
                        server, client = self.login(user, target, protocol, f"want={want}")
                        self.check_pac(server, user)
                        self.assertEqual(client.bytes("unseal", server.bytes("seal", b"text " * 100)), b"text " * 100)

    def test_passwords(self):
        client = self.tool("client", "kerberos", f"target=HTTP/localhost@{samba_dc.REALM}", "user=bob", f"password={samba_dc.PASSWORDS['bob']}")
        server = self.tool("server", "kerberos", f"keytab={self.domain.keytab}", "service=http")
        self.assertEqual(server.step(client.step(b"")[1])[0], "complete")
        self.check_pac(server, "bob")

    def test_services_of_one_account(self):
        """host/localhost has the same keys as HTTP/localhost: the keytab's order does not matter, the ticket's name does."""
        for target, service, result in (("host/localhost", "HTTP", "failed"), ("host/localhost", "host", "complete"),
                                        ("HTTP/localhost", "HTTP", "complete"), ("HTTP/localhost", "host", "failed")):
            client = self.tool("client", "kerberos", f"target={target}@{samba_dc.REALM}", f"ccache={self.domain.cache('alice')}")
            server = self.tool("server", "kerberos", f"keytab={self.domain.keytab}", f"service={service}")
            self.assertEqual(server.step(client.step(b"")[1])[0], result, (target, service, server.text("why")))
            if result == "complete":
                self.assertEqual(server.text("target"), f"{target}@{samba_dc.REALM}")
            else:
                self.assertEqual(server.bytes("raw-pac"), b"")


    def test_daemon(self):
        """The real daemon inside: whoever is in the domain's group, be it by nesting, is an administrator; others are not."""
        inside = pathlib.Path(self.domain.folder) / "bin"
        inside.mkdir()
        for name in ("cimd", "cim"):
            (inside / name).write_text(f"#!/bin/sh\nexec {' '.join(self.domain.namespaces())} {binary(name)} \"$@\"\n")
            (inside / name).chmod(0o755)
        saved = dict(os.environ)
        self.addCleanup(lambda: (os.environ.clear(), os.environ.update(saved)))
        os.environ.update(self.domain.environment, CIMFONY_BIN=str(inside))
        with Daemon({"auth.kerberos": "on", "auth.negotiate": "on", "auth.allow_unencrypted": "off", "auth.keytab": str(self.domain.keytab),
                     "auth.admin_groups": f"administrators, {self.domain.sid('Whole')}"}) as daemon:
            port = daemon.address()[1]
            for user, code in (("alice", 0), ("bob", 4)):
                done = subprocess.run([binary("cim"), "query", f"wsmv://localhost:{port}", "select CSName from Win32_OperatingSystem",
                                       "--auth", "kerberos"], capture_output=True, text=True,
                                      env=dict(os.environ, KRB5CCNAME=self.domain.cache(user)))
                self.assertEqual(done.returncode, code, (user, done.stderr))
            self.assertIn("access is denied", done.stderr)
            audit = (daemon.state / "state" / "audit.log").read_text()
            for user in ("alice", "bob"):  # the ticket's SID, none of ours
                self.assertIn(self.domain.sid(user), audit)


if __name__ == "__main__":
    unittest.main()
