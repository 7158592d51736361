"""Samba as an Active Directory domain controller, for tickets with real PACs. It lives in a network and a mount namespace of its own, with
tmpfs over Samba's folders, so nothing of this machine is touched; needs root. Some ten seconds to start.

`run` and `popen` start processes inside (loopback only, the domain's KDC on port 88), `environment` knows the realm."""
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

REALM, DOMAIN = "AD.CIMFONY.TEST", "CIMDOM"
PASSWORDS = {"alice": "Alice's pass 1", "bob": "Bob's pass 22"}
GROUPS = {"Operators": ("alice",), "Everyone of us": ("alice", "bob"), "Whole": ("Operators",)}  # the last by nesting
# Accounts of services: SPNs and msDS-SupportedEncryptionTypes (4 RC4, 8 and 16 AES).
SERVICES = {"svc-aes": (("HTTP/localhost", "host/localhost", "host/server.cimfony.test", "RPCSS/server.cimfony.test"), 24),
            "svc-rc4": (("HTTP/rc4.localhost", "host/server"), 4)}
ADMINISTRATOR = "Adm1n of a test"
ENCLOSED = ("/var/lib/samba", "/var/cache/samba", "/run/samba", "/var/log/samba", "/etc/samba")


def available():
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    if os.geteuid() != 0 or not all(shutil.which(name, path=path) for name in ("samba", "samba-tool", "unshare", "nsenter", "kinit", "ip")):
        return False
    return subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True).returncode == 0


class DomainController:
    """Use as a context manager, or start() and stop()."""

    def __init__(self, rpc=False):
        """rpc: its DCE/RPC services listen too, the endpoint mapper on port 135."""
        self.services = ("kdc", "rpc") if rpc else ("kdc",)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cimfony-dc-"))
        self.keytab = self.folder / "service.keytab"
        self.process, self.caches = None, 0
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("KRB5")}
        self.environment.update(KRB5_CONFIG=str(self.folder / "krb5.conf"), KRB5RCACHEDIR=str(self.folder),
                                KRB5CCNAME=f"FILE:{self.folder}/none", PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")

    def start(self):
        self.folder.chmod(0o755)  # a daemon's processes run as other users; keys and tickets are readable to us only
        (self.folder / "krb5.conf").write_text(f"""[libdefaults]
default_realm = {REALM}
dns_lookup_kdc = false
dns_lookup_realm = false
rdns = false
dns_canonicalize_hostname = false
udp_preference_limit = 1
allow_rc4 = true
[realms]
{REALM} = {{
  kdc = 127.0.0.1
}}
[domain_realm]
localhost = {REALM}
.localhost = {REALM}
""")
        self.process = subprocess.Popen(["unshare", "--net", "--mount", "/usr/bin/python3", __file__, str(self.folder), *self.services], env=self.environment,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = []
        for line in self.process.stdout:
            if line.startswith("ready "):
                return self
            said.append(line)
        self.stop()
        raise RuntimeError("the domain controller does not start:\n" + "".join(said)[-4000:])

    def namespaces(self):
        """What a command is run with to be inside."""
        return ["nsenter", f"--target={self.process.pid}", "--net", "--mount"]

    def popen(self, *command, env=None, **options):
        return subprocess.Popen([*self.namespaces(), *command], env=env or self.environment, **options)

    def run(self, *command, text=None, env=None):
        return subprocess.run([*self.namespaces(), *command], input=text, env=env or self.environment, text=True, capture_output=True,
                              check=True).stdout

    def cache(self, user="alice", *options):
        self.caches += 1
        name = f"FILE:{self.folder}/cache{self.caches}"
        self.run("kinit", "-c", name, *options, user, text=PASSWORDS[user] + "\n")
        return name

    def sid(self, name):
        """Of a user or a group, as text."""
        return (self.folder / "sids" / name).read_text()

    def stop(self):
        if self.process:
            self.process.stdin.close()  # the script inside ends Samba and itself
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
            self.process.stdout.close()
            self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    __enter__ = start

    def __exit__(self, *args):
        self.stop()


def tool(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        print(" ".join(command[:3]), done.stdout, sep="\n", flush=True)
        sys.exit(1)
    return done.stdout


def provision(services):
    """As `samba-tool domain provision`, but for the file system's ACLs of a share that is not served."""
    import logging
    from samba.auth import system_session
    from samba.dsdb import DS_DOMAIN_FUNCTION_2008_R2
    from samba.param import LoadParm
    from samba.provision import provision as samba_provision
    path = "/etc/samba/smb.conf"
    pathlib.Path(path).write_text(f"""[global]
realm = {REALM}
workgroup = {DOMAIN}
netbios name = DC
server role = active directory domain controller
server services = {", ".join(services)}
interfaces = lo
bind interfaces only = yes
log level = 0
[sysvol]
path = /var/lib/samba/sysvol
[netlogon]
path = /var/lib/samba/sysvol/{REALM.lower()}/scripts
""")
    lp = LoadParm()
    lp.load(path)
    samba_provision(logging.getLogger("provision"), system_session(), smbconf=path, realm=REALM, domain=DOMAIN, lp=lp, hostname="dc",
                    hostip="127.0.0.1", adminpass=ADMINISTRATOR, serverrole="active directory domain controller", dns_backend="NONE",
                    dom_for_fun_level=DS_DOMAIN_FUNCTION_2008_R2)


def populate(folder):
    """In one process and through the database: samba-tool takes a second for each word."""
    from samba.auth import system_session
    from samba.ndr import ndr_unpack
    from samba.dcerpc import security
    from samba.param import LoadParm
    from samba.samdb import SamDB
    import ldb
    lp = LoadParm()
    lp.load_default()
    db = SamDB(url=lp.private_path("sam.ldb"), session_info=system_session(), lp=lp)
    for name, password in PASSWORDS.items():
        db.newuser(name, password)
    for name, members in GROUPS.items():
        db.newgroup(name)
        db.add_remove_group_members(name, list(members), add_members_operation=True)
    for name, (principals, types) in SERVICES.items():
        db.newuser(name, "Service's pass 1")
        dn = db.search(expression=f"(sAMAccountName={name})", attrs=[])[0].dn
        change = ldb.Message(dn)
        change["spn"] = ldb.MessageElement(list(principals), ldb.FLAG_MOD_REPLACE, "servicePrincipalName")
        change["types"] = ldb.MessageElement(str(types), ldb.FLAG_MOD_REPLACE, "msDS-SupportedEncryptionTypes")
        db.modify(change)
    (folder / "sids").mkdir()
    for entry in db.search(expression="(objectSid=*)", attrs=["sAMAccountName", "objectSid"]):
        if "sAMAccountName" in entry:
            sid = ndr_unpack(security.dom_sid, entry["objectSid"][0])
            (folder / "sids" / str(entry["sAMAccountName"])).write_text(str(sid))


def main(folder, *services):
    for path in ENCLOSED:
        os.makedirs(path, exist_ok=True)
        tool("mount", "-t", "tmpfs", "tmpfs", path)
    tool("ip", "link", "set", "lo", "up")
    provision(services)
    populate(folder)
    for principals, _ in SERVICES.values():
        for principal in principals:
            tool("samba-tool", "domain", "exportkeytab", str(folder / "service.keytab"), f"--principal={principal}")
    samba = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "samba", "-i", "-M", "single"], stdin=subprocess.DEVNULL, stdout=open(folder / "samba.log", "w"),
                             stderr=subprocess.STDOUT)
    ports = [88] + [135] * ("rpc" in services)
    while ports:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", ports[0])) == 0:
                ports.pop(0)
                continue
        if samba.poll() is not None:
            print("samba ended:", (folder / "samba.log").read_text(), flush=True)
            sys.exit(1)
        time.sleep(0.05)
    print("ready", samba.pid, flush=True)
    sys.stdin.read()
    samba.terminate()
    samba.wait(10)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), *sys.argv[2:])
