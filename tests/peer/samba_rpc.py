"""Samba's DCE/RPC client below impacket's objects: impacket builds and reads the stubs, Samba logs in, signs and seals. So its choice of
mechanism, raw Kerberos among them, header signing and several interfaces over one login meet the whole of WMI.

Samba's module lives with the system's Python: executed by that, this file is a process that takes one JSON line a step."""
import json
import os
import subprocess
import sys

SYSTEM_PYTHON = "/usr/bin/python3"


def available():
    return os.path.exists(SYSTEM_PYTHON) and subprocess.run([SYSTEM_PYTHON, "-c", "import samba.dcerpc"], capture_output=True).returncode == 0


# ---- the process ----

def serve(configuration):
    from samba.credentials import MUST_USE_KERBEROS, Credentials
    from samba.dcerpc import ClientConnection, mgmt
    from samba.param import LoadParm
    lp = LoadParm()
    lp.load(configuration)
    connections = []
    for line in sys.stdin:
        ask = json.loads(line)
        try:
            if ask["do"] == "request":
                given = bytes.fromhex(ask["data"])
                said = connections[ask["on"]].request(ask["opnum"], given, ask["object"]) if ask["object"] else \
                    connections[ask["on"]].request(ask["opnum"], given)
                answer = {"data": said.hex()}
            else:
                credentials = Credentials()
                credentials.guess(lp)
                credentials.set_username(ask["user"])
                credentials.set_password(ask["password"])
                credentials.set_realm(ask["realm"])
                credentials.set_domain(ask["realm"])
                credentials.set_kerberos_state(MUST_USE_KERBEROS)
                # A login belongs to an interface that Samba knows, and every server has mgmt; others join by alter_context.
                first = mgmt.mgmt(ask["binding"], lp, credentials) if ask["on"] is None else connections[ask["on"]]
                if ask["do"] == "interfaces":
                    answer = {"count": len(first.inq_if_ids().if_id)}
                else:
                    connections.append(ClientConnection(ask["binding"], (ask["interface"], ask["version"]), lp, credentials, basis_connection=first))
                    answer = {"on": len(connections) - 1}
        except Exception as e:  # NTSTATUSError and what else Samba raises: for the caller to judge
            answer = {"error": [str(a) for a in e.args] or [repr(e)]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
    sys.exit(0)


# ---- its user ----

from impacket.dcerpc.v5 import dcomrt, rpcrt
from impacket.uuid import bin_to_string, bin_to_uuidtup


class Samba:
    """The process, and who it logs in as. options: of Samba's binding string ("krb5,seal")."""

    def __init__(self, folder, user, password, realm, options):
        path = os.path.join(folder, "samba.conf")
        with open(path, "w") as f:
            f.write(f"[global]\nworkgroup = WORKGROUP\nrealm = {realm}\nnetbios name = TESTER\nlog level = 0\n" +
                    "".join(f"{name} = {folder}\n" for name in ("private dir", "lock dir", "state directory", "cache directory", "pid directory")))
        self.who, self.options = {"user": user, "password": password, "realm": realm}, options
        self.process = subprocess.Popen([SYSTEM_PYTHON, __file__, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise rpcrt.DCERPCException(" ".join(answer["error"]))
        return answer

    def interfaces(self, binding):
        """How many interfaces are at an endpoint, by mgmt_inq_if_ids over a login of its own."""
        return self.ask(do="interfaces", on=None, binding=f"ncacn_ip_tcp:{binding.rstrip(']')},{self.options}]", **self.who)["count"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def activate(self, host, clsid, iid):
        """CoCreateInstanceEx. The interface it answers is for one thread and one target, as impacket's are."""
        return dcomrt.IRemoteSCMActivator(Dce(self, f"{host}[135,{self.options}]")).RemoteCreateInstance(clsid, iid)


class Transport:
    """What impacket asks of a transport."""

    def __init__(self, samba, binding):
        self.samba, self.binding = samba, binding

    def get_dce_rpc(self):
        return Dce(self.samba, self.binding)

    def get_kerberos(self):
        return False

    def get_kdcHost(self):
        return None

    def getRemoteName(self):
        return self.binding.partition("[")[0]

    def connect(self):
        pass

    def set_connect_timeout(self, seconds):
        pass


class Dce(rpcrt.DCERPC):
    """An interface on a connection of Samba's."""

    def __init__(self, samba, binding, on=None):
        super().__init__(Transport(samba, binding))
        self.samba, self.binding, self.on, self.answer = samba, binding, on, b""

    def bind(self, iid, **options):
        interface, version = bin_to_uuidtup(iid)
        self.on = self.samba.ask(do="connect", binding="ncacn_ip_tcp:" + self.binding, interface=interface, version=int(version.split(".")[0]),
                                 on=self.on, **self.samba.who)["on"]

    def alter_ctx(self, iid, bogus_binds=""):
        other = Dce(self.samba, self.binding, self.on)
        other.bind(iid)
        return other

    def get_credentials(self):
        return ()

    def get_auth_type(self):
        return rpcrt.RPC_C_AUTHN_GSS_NEGOTIATE  # of impacket's own

    def call(self, function, body, uuid=None):
        data = body.getData() if hasattr(body, "getData") else body
        self.answer = bytes.fromhex(self.samba.ask(do="request", on=self.on, opnum=function, data=data.hex(),
                                                   object=uuid and bin_to_string(uuid).lower())["data"])

    def recv(self):
        return self.answer


def go_through(samba, test):
    """From here on impacket's objects connect through Samba."""
    saved, ports = dcomrt.transport.DCERPCTransportFactory, dict(dcomrt.DCOMConnection.PORTMAPS)

    def factory(binding):
        text = binding.removeprefix("ncacn_ip_tcp:").rstrip("\0")
        return Transport(samba, text.rstrip("]") + "," + samba.options + "]")
    dcomrt.transport.DCERPCTransportFactory = factory

    def back():
        dcomrt.transport.DCERPCTransportFactory = saved
        dcomrt.DCOMConnection.PORTMAPS = ports
        dcomrt.INTERFACE.CONNECTIONS.clear()
    test.addCleanup(back)
