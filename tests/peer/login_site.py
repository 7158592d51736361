"""What the tests of logins share: a daemon with every scheme over HTTP and HTTPS, a realm whose user alice is an administrator here, a
certificate of the user `tester`, and class Test_Long, whose instances make replies of as many KiB as their Id says."""
import hashlib
import os
import pathlib
import select
import socket
import ssl
import subprocess
import threading
import unittest

import scenario_path
import kdc
from daemon import PASSWORD, USER, Daemon
from wsman import WMI

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = HERE.parent / "scenario" / "sample.mof"
ENCRYPTION_TYPES = ("aes256-cts-hmac-sha1-96", "aes128-cts-hmac-sha1-96")
LONG = WMI + "root/default/Test_Long"
SIZES = (1, 14, 17, 70)  # KiB; CredSSP has 16 in a part
OFF = {"auth.basic": "off", "auth.allow_unencrypted": "off"}
EVERY = {"auth.basic": "on", "auth.digest": "on", "auth.negotiate": "on", "auth.ntlm": "on", "auth.credssp": "on", "auth.certificate": "on",
         "auth.allow_unencrypted": "off"}


def openssl(folder, *args):
    subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=folder)


def make_authority(folder):
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
            "-days", "2", "-subj", "/CN=authority")


def make_certificate(folder, name, *, usage="clientAuth", authority="ca"):
    """NAME.pem and NAME.key: a client's, with a user principal name."""
    (folder / "ext").write_text(f"extendedKeyUsage={usage}\nsubjectAltName=otherName:1.3.6.1.4.1.311.20.2.3;UTF8:{name}@example.com\n")
    openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", "c.csr",
            "-subj", f"/CN={name}")
    openssl(folder, "x509", "-req", "-in", "c.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial", "-days", "2",
            "-extfile", "ext", "-out", f"{name}.pem")


def long_mof():
    return "class Test_Long { [key] uint32 Id; string Text; };\n" + "".join(
        f'instance of Test_Long {{ Id = {size}; Text = "{"0123456789abcde " * 64 * size}"; }};\n' for size in SIZES)


class Site(unittest.TestCase):
    """`settings` on top of EVERY; `kerberos`: with a realm, where there is a KDC."""

    settings, kerberos = {}, True
    realm = None

    @classmethod
    def setUpClass(cls):
        before = dict(os.environ)
        cls.addClassCleanup(lambda: (os.environ.clear(), os.environ.update(before)))
        settings = dict(EVERY)
        if cls.kerberos and kdc.available():
            cls.realm = kdc.Realm().start()
            cls.addClassCleanup(cls.realm.stop)
            os.environ.update(cls.realm.environment)
            cls.tickets = {user: cls.realm.cache(user) for user in kdc.PASSWORDS}
            settings.update({"auth.kerberos": "on", "auth.keytab": str(cls.realm.keytab),
                             "auth.admin_groups": f"administrators, alice@{kdc.REALM}"})
        else:
            settings["auth.kerberos"] = "off"
        settings.update(cls.settings)
        daemon = Daemon(settings, tls=True)
        cls.folder = daemon.state
        make_authority(cls.folder)
        for name in (USER, "stranger"):
            make_certificate(cls.folder, name)
        daemon.settings["tls.client_ca"] = str(cls.folder / "ca.pem")
        cls.daemon = daemon.start()
        cls.addClassCleanup(cls.daemon.__exit__, None, None, None)
        daemon.run("certmap", "add", USER, "--issuer", str(cls.folder / "ca.pem"), "--subject", f"{USER}@example.com")
        (cls.folder / "long.mof").write_text(long_mof())
        daemon.run("mof", str(SAMPLE), str(cls.folder / "long.mof"))

    def setUp(self):
        self.as_user(None)

    def as_user(self, user):
        """Whose ticket the clients find; None: nobody's."""
        if self.realm:
            os.environ["KRB5CCNAME"] = self.tickets[user] if user else f"FILE:{self.realm.folder}/none"

    def with_type(self, encryption_type, user="alice"):
        """From here on the clients have a ticket of this user whose keys are all of one encryption type."""
        environment = self.realm.client_environment(encryption_type)
        os.environ.update(KRB5_CONFIG=environment["KRB5_CONFIG"], KRB5CCNAME=self.realm.cache(user, env=environment))
        self.addCleanup(os.environ.update, KRB5_CONFIG=self.realm.environment["KRB5_CONFIG"])

    def need_realm(self):
        if not self.realm:
            self.skipTest("no KDC is installed")

    def certificate(self, name=USER):
        """Paths of the certificate and its key."""
        return str(self.folder / f"{name}.pem"), str(self.folder / f"{name}.key")


class TlsProxy:
    """Ends TLS with a certificate of its own in front of the daemon, and speaks TLS to it: what a client binds its login to is
    not the daemon's certificate."""

    def __init__(self, folder, to, name="proxy"):
        openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out",
                f"{name}.pem", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        self.certificate, self.to = str(pathlib.Path(folder) / f"{name}.pem"), to
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(self.certificate, str(pathlib.Path(folder) / f"{name}.key"))
        self.client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.client.check_hostname, self.client.verify_mode = False, ssl.CERT_NONE
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    @property
    def sha256(self):
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pathlib.Path(self.certificate).read_text())).hexdigest()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(near,), daemon=True).start()

    def serve(self, near):
        """One loop for both ways, as a TLS socket is not for two threads."""
        try:
            with self.server.wrap_socket(near, server_side=True) as a, \
                    self.client.wrap_socket(socket.create_connection(self.to)) as b:
                while True:
                    ready = [s for s in (a, b) if s.pending()] or select.select([a, b], [], [])[0]
                    for s in ready:
                        data = s.recv(65536)
                        if not data:
                            return
                        (b if s is a else a).sendall(data)
        except OSError:
            near.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)
