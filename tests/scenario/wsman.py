"""A small WS-Management client for scenarios, from the Python library alone. Peers prove interoperability;
this one is for saying exactly what goes over the wire."""
import base64
import http.client
import ssl
import uuid
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

NS = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "n": "http://schemas.xmlsoap.org/ws/2004/09/enumeration",
    "x": "http://schemas.xmlsoap.org/ws/2004/09/transfer",
    "b": "http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd",
    "p": "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd",
    "cim": "http://schemas.dmtf.org/wbem/wscim/1/common",
    "f": "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "wsmid": "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd",
}
WMI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/"
WQL = "http://schemas.microsoft.com/wbem/wsman/1/WQL"
SELECTOR = "http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter"
TRANSFER, ENUMERATION = NS["x"], NS["n"]
DECLARATIONS = " ".join(f'xmlns:{p}="{u}"' for p, u in NS.items())
NIL = f"{{{NS['xsi']}}}nil"


def local(tag):
    return tag.rsplit("}", 1)[-1]


def find(node, path):
    return node.find(path, NS)


class Fault(Exception):
    def __init__(self, status, root):
        def text(path):
            element = find(fault, path)
            return element.text.strip() if element is not None and element.text else ""

        self.status, self.root = status, root
        fault = find(root, "s:Body/s:Fault")
        self.code = text("s:Code/s:Value")
        self.subcode = text("s:Code/s:Subcode/s:Value")
        self.reason = text("s:Reason/s:Text")
        self.detail = text("s:Detail/w:FaultDetail")
        wsman = find(fault, "s:Detail/f:WSManFault")
        self.wsman_code = int(wsman.get("Code")) if wsman is not None else None
        super().__init__(f"HTTP {status} {self.code} {self.subcode} {self.wsman_code} {self.detail}: {self.reason}")


def value_of(element):
    """Text, dict of an embedded object or reference, or None."""
    if element.get(NIL) == "true":
        return None
    children = list(element)
    if not children:
        return element.text or ""
    if local(children[0].tag).lower() in ("datetime", "interval", "cim_datetime", "date", "time"):
        return children[0].text
    return instance_of(element)


def instance_of(element):
    result = {}
    for child in element:
        name, value = local(child.tag), value_of(child)
        if name in result:
            if not isinstance(result[name], list):
                result[name] = [result[name]]
            result[name].append(value)
        else:
            result[name] = value
    return result


class Client:
    def __init__(self, host, port, user=None, password=None, tls=False, cafile=None, timeout=60):
        if tls:
            context = ssl.create_default_context(cafile=cafile)
            self.connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
        else:
            self.connection = http.client.HTTPConnection(host, port, timeout=timeout)
        self.url = f"{'https' if tls else 'http'}://{host}:{port}/wsman"
        self.headers = {}
        if user is not None:
            self.headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def close(self):
        self.connection.close()

    def post(self, body, content_type="application/soap+xml;charset=UTF-8", path="/wsman", headers=None):
        """One raw request; (status, reply bytes)."""
        if isinstance(body, str):
            body = body.encode()
        self.connection.request("POST", path, body, {"Content-Type": content_type, **self.headers, **(headers or {})})
        reply = self.connection.getresponse()
        self.reply_headers = reply.headers
        return reply.status, reply.read()

    def envelope(self, action, uri, body="", selectors=None, extra="", max_size=512000, timeout="PT60S"):
        header = [f"<a:To>{escape(self.url)}</a:To>",
                  f"<a:ReplyTo><a:Address>{NS['a']}/role/anonymous</a:Address></a:ReplyTo>",
                  f"<a:Action>{escape(action)}</a:Action>", f"<a:MessageID>uuid:{uuid.uuid4()}</a:MessageID>",
                  f"<w:ResourceURI>{escape(uri)}</w:ResourceURI>"]
        if max_size:
            header.append(f"<w:MaxEnvelopeSize>{max_size}</w:MaxEnvelopeSize>")
        if timeout:
            header.append(f"<w:OperationTimeout>{timeout}</w:OperationTimeout>")
        if selectors:
            items = "".join(f"<w:Selector Name={quoteattr(k)}>{escape(str(v))}</w:Selector>" for k, v in selectors.items())
            header.append(f"<w:SelectorSet>{items}</w:SelectorSet>")
        return (f"<s:Envelope {DECLARATIONS}><s:Header>{''.join(header)}{extra}</s:Header>"
                f"<s:Body>{body}</s:Body></s:Envelope>")

    def send(self, envelope, **options):
        """Root element of the reply; raises Fault."""
        status, data = self.post(envelope, **options)
        if not data:
            raise AssertionError(f"HTTP {status} without a body")
        root = ET.fromstring(data)
        if find(root, "s:Body/s:Fault") is not None:
            raise Fault(status, root)
        if status != 200:
            raise AssertionError(f"HTTP {status}: {data[:500]!r}")
        return root

    def call(self, action, uri, body="", **options):
        return find(self.send(self.envelope(action, uri, body, **options)), "s:Body")

    def identify(self):
        root = self.send(f"<s:Envelope {DECLARATIONS}><s:Header/><s:Body><wsmid:Identify/></s:Body></s:Envelope>")
        return instance_of(find(root, "s:Body/wsmid:IdentifyResponse"))

    def get(self, ns, cls, **keys):
        body = self.call(f"{TRANSFER}/Get", f"{WMI}{ns}/{cls}", selectors=keys)
        return instance_of(body[0])

    @staticmethod
    def instance_xml(ns, cls, values):
        parts = []
        for name, value in values.items():
            for item in value if isinstance(value, list) else [value]:
                parts.append(f'<p:{name} xsi:nil="true"/>' if item is None else f"<p:{name}>{escape(str(item))}</p:{name}>")
        return f'<p:{cls} xmlns:p="{WMI}{ns}/{cls}">{"".join(parts)}</p:{cls}>'

    def put(self, ns, cls, values, **keys):
        body = self.call(f"{TRANSFER}/Put", f"{WMI}{ns}/{cls}", self.instance_xml(ns, cls, values), selectors=keys)
        return instance_of(body[0]) if len(body) else None

    def create(self, ns, cls, **values):
        """Selectors of what was created."""
        body = self.call(f"{TRANSFER}/Create", f"{WMI}{ns}/{cls}", self.instance_xml(ns, cls, values))
        return {s.get("Name"): s.text for s in body.iter(f"{{{NS['w']}}}Selector")}

    def delete(self, ns, cls, **keys):
        self.call(f"{TRANSFER}/Delete", f"{WMI}{ns}/{cls}", selectors=keys)

    def invoke(self, ns, cls, method, keys=None, **params):
        uri = f"{WMI}{ns}/{cls}"
        inner = "".join(f"<p:{k}>{escape(str(item))}</p:{k}>"
                        for k, v in params.items() for item in (v if isinstance(v, list) else [v]))
        body = self.call(f"{uri}/{method}", uri, f'<p:{method}_INPUT xmlns:p="{uri}">{inner}</p:{method}_INPUT>', selectors=keys)
        return instance_of(body[0])

    def enumerate_raw(self, uri, body="", optimize=True, max_elements=50, **options):
        """Yields item elements."""
        tags = "<w:OptimizeEnumeration/>" if optimize else ""
        tags += f"<w:MaxElements>{max_elements}</w:MaxElements>" if optimize and max_elements else ""
        reply = self.call(f"{ENUMERATION}/Enumerate", uri, f"<n:Enumerate>{tags}{body}</n:Enumerate>", **options)[0]
        prefix = "w"
        while True:
            items = find(reply, f"{prefix}:Items")
            yield from items if items is not None else []
            context = find(reply, "n:EnumerationContext")
            if find(reply, f"{prefix}:EndOfSequence") is not None or context is None or not context.text:
                return
            elements = f"<n:MaxElements>{max_elements}</n:MaxElements>" if max_elements else ""
            reply = self.call(f"{ENUMERATION}/Pull", uri,
                              f"<n:Pull><n:EnumerationContext>{context.text}</n:EnumerationContext>{elements}</n:Pull>")[0]
            prefix = "n"

    def enumerate(self, ns, cls, **options):
        return [instance_of(e) for e in self.enumerate_raw(f"{WMI}{ns}/{cls}", **options)]

    def query(self, ns, text, **options):
        body = f'<w:Filter Dialect="{WQL}">{escape(text)}</w:Filter>'
        return [instance_of(e) for e in self.enumerate_raw(f"{WMI}{ns}/*", body, **options)]
