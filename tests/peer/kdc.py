"""A private Kerberos realm for a test: MIT's KDC on a loopback port, principals, a keytab; everything in one folder.

Needs krb5-kdc and krb5-user. `environment` is what processes of this realm run with; nothing else is changed, and only the
KDC started here is ended. About a second to start. In a network of its own it may have port 88, which some clients take for granted."""
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

REALM = "CIMFONY.TEST"
PASSWORDS = {"alice": "Alice's pass 1", "bob": "Bob's pass 2"}
SERVICES = ("HTTP/localhost", "host/localhost", "ldap/localhost")
TYPES = "aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha1-96 arcfour-hmac"


def available():
    return all(shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") for name in ("krb5kdc", "kdb5_util", "kinit"))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Realm:
    """Use as a context manager, or start() and stop()."""

    def __init__(self, types=TYPES, port=None, services=SERVICES):
        self.services, self.port = services, port
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cimfony-kdc-"))
        self.types, self.process, self.caches = types, None, 0
        self.keytab = self.folder / "service.keytab"
        self.environment = self.client_environment()

    def client_environment(self, types=None):
        """A copy of our environment that knows this realm only; `types` narrows the encryption types of this side."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("KRB5")}
        name = "krb5.conf" if types is None else "krb5-" + types.replace(" ", "-") + ".conf"
        env.update(KRB5_CONFIG=str(self.folder / name), KRB5_KDC_PROFILE=str(self.folder / "kdc.conf"), KRB5RCACHEDIR=str(self.folder),
                   KRB5CCNAME=f"FILE:{self.folder}/none", PATH=env.get("PATH", "") + ":/usr/sbin:/sbin")
        if types is not None:
            self.write_config(name, types)
        return env

    def write_config(self, name, types):
        (self.folder / name).write_text(f"""[libdefaults]
default_realm = {REALM}
dns_lookup_kdc = false
dns_lookup_realm = false
rdns = false
dns_canonicalize_hostname = false
udp_preference_limit = 1
allow_rc4 = true
permitted_enctypes = {types}
[realms]
{REALM} = {{
  kdc = 127.0.0.1:{self.port}
}}
[domain_realm]
localhost = {REALM}
""")

    def run(self, *command, text=None, env=None):
        return subprocess.run(command, input=text, env=env or self.environment, text=True, capture_output=True, check=True).stdout

    def start(self):
        self.folder.chmod(0o755)  # a daemon's processes run as other users; keys and tickets are readable to us only
        self.port = self.port or free_port()
        self.write_config("krb5.conf", self.types)
        (self.folder / "kdc.conf").write_text(f"""[kdcdefaults]
kdc_listen = 127.0.0.1:{self.port}
kdc_tcp_listen = 127.0.0.1:{self.port}
[realms]
{REALM} = {{
  database_name = {self.folder}/principal
  key_stash_file = {self.folder}/stash
  supported_enctypes = {" ".join(t + ":normal" for t in self.types.split())}
  max_life = 10h
  default_principal_flags = +forwardable
}}
[logging]
kdc = FILE:{self.folder}/kdc.log
""")
        try:
            self.run("kdb5_util", "create", "-s", "-r", REALM, "-P", "master of a test")
            lines = [f'addprinc -pw "{password}" {name}' for name, password in PASSWORDS.items()]
            lines += [f"addprinc -randkey {name}" for name in self.services]
            lines += [f'setstr {name} session_enctypes "{self.types}"' for name in (f"krbtgt/{REALM}", *self.services)]
            lines += [f"ktadd -k {self.keytab} {' '.join(self.services)}"]
            self.kadmin(*lines)
            self.process = subprocess.Popen(["krb5kdc", "-n", "-r", REALM, "-P", str(self.folder / "pid")], env=self.environment,
                                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.wait()
        except BaseException:
            self.stop()
            raise
        return self

    def wait(self):
        for _ in range(1000):
            if self.process.poll() is not None:
                raise RuntimeError(f"krb5kdc ended: {(self.folder / 'kdc.log').read_text()}")
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.01)
        raise RuntimeError("krb5kdc does not answer")

    def kadmin(self, *lines):
        self.run("kadmin.local", "-r", REALM, text="\n".join(lines) + "\n")

    def cache(self, user="alice", *options, env=None, password=None):
        """A credential cache ("FILE:/...") with a ticket for this user."""
        self.caches += 1
        name = f"FILE:{self.folder}/cache{self.caches}"
        self.run("kinit", "-c", name, *options, user, text=(password or PASSWORDS[user]) + "\n", env=env)
        return name

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(10)
            self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    __enter__ = start

    def __exit__(self, *args):
        self.stop()
