#!/usr/bin/env python3
"""Makes the stubs in this folder with impacket's client classes: what that client would send. Needs impacket (PyPI)."""
import pathlib
import sys

from impacket.dcerpc.v5 import dcomrt
from impacket.dcerpc.v5.dcom import wmi
from impacket.dcerpc.v5.dtypes import NULL
from impacket.uuid import string_to_bin, uuidtup_to_bin

HERE = pathlib.Path(__file__).resolve().parent
CID = string_to_bin("c0ffee00-0102-0304-0506-070809101112")
CLSID = string_to_bin("8bc3f05e-d86b-11d0-a075-00c04fb68820")
IID = string_to_bin("f309ad18-d86a-11d0-a075-00c04fb68820")
IPID = string_to_bin("00112233-4455-6677-8899-aabbccddeeff")


class Sent(Exception):
    pass


class Wire:
    """Stands where a connection would."""

    def bind(self, *args):
        pass

    connect = bind

    def request(self, request, *args, **kwargs):
        raise Sent(request)


def stub(request):
    return request.getData()


def sent(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except Sent as e:
        return stub(e.args[0])
    raise SystemExit("nothing was sent")


def orpc(request):
    this = dcomrt.ORPCTHIS()
    this["cid"] = CID
    this["extensions"] = NULL
    this["flags"] = 0
    request["ORPCthis"] = this
    return stub(request)


def references(kind, refs):
    request = kind()
    request["cInterfaceRefs"] = len(refs)
    for ipid, public, private in refs:
        item = dcomrt.REMINTERFACEREF()
        item["ipid"] = ipid
        item["cPublicRefs"] = public
        item["cPrivateRefs"] = private
        request["InterfaceRefs"].append(item)
    return orpc(request)


def query_interface():
    request = dcomrt.RemQueryInterface()
    request["ripid"] = IPID
    request["cRefs"] = 1
    request["cIids"] = 2
    for iid in (IID, wmi.IID_IWbemFetchSmartEnum[:16]):
        item = dcomrt.IID()
        item["Data"] = iid
        request["iids"].append(item)
    return orpc(request)


def login():
    request = wmi.IWbemLevel1Login_NTLMLogin()
    request["wszNetworkResource"] = "//./root\0"
    request["wszPreferredLocale"] = NULL
    request["lFlags"] = 0
    request["pCtx"] = NULL
    return orpc(request)


def get_object():
    request = wmi.IWbemServices_GetObject()
    request["strObjectPath"]["asData"] = "Win32_Process"
    request["lFlags"] = 0
    request["pCtx"] = NULL
    return orpc(request)


def exec_query():
    request = wmi.IWbemServices_ExecQuery()
    request["strQueryLanguage"]["asData"] = "WQL\0"
    request["strQuery"]["asData"] = "select * from Win32_Process\0"
    request["lFlags"] = 0x30
    request["pCtx"] = NULL
    return orpc(request)


def main():
    dcomrt.generate = lambda: CID
    activator, old = dcomrt.IRemoteSCMActivator(Wire()), dcomrt.IActivation(Wire())
    resolver = dcomrt.IObjectExporter(Wire())
    files = {
        "RemoteCreateInstance": sent(activator.RemoteCreateInstance, CLSID, IID),
        "RemoteGetClassObject": sent(activator.RemoteGetClassObject, CLSID, dcomrt.IID_IClassFactory[:16]
                                     if hasattr(dcomrt, "IID_IClassFactory") else
                                     uuidtup_to_bin(("00000001-0000-0000-C000-000000000046", "0.0"))[:16]),
        "RemoteActivation": sent(old.RemoteActivation, CLSID, IID),
        "ResolveOxid": sent(resolver.ResolveOxid, 0x1122334455667788, (7,)),
        "ResolveOxid2": sent(resolver.ResolveOxid2, 0x1122334455667788, (7, 15)),
        "SimplePing": sent(resolver.SimplePing, 7),
        "ComplexPing": sent(resolver.ComplexPing, 7, 0, (0x1122334455667788, 2), (3,)),
        "RemQueryInterface": query_interface(),
        "RemAddRef": references(dcomrt.RemAddRef, [(IPID, 5, 1)]),
        "RemRelease": references(dcomrt.RemRelease, [(IPID, 1, 0), (CLSID, 0xFFFFFFFF, 2)]),
        "NTLMLogin": login(),
        "GetObject": get_object(),
        "ExecQuery": exec_query(),
    }
    for name, data in files.items():
        (HERE / f"{name}.bin").write_bytes(data)
    print(f"{len(files)} stubs")


if __name__ == "__main__":
    sys.exit(main())
