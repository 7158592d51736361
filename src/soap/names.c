#include "soap/names.h"

static const struct slice uris[] = {
    SLICE("http://www.w3.org/2003/05/soap-envelope"),
    SLICE("http://schemas.xmlsoap.org/ws/2004/08/addressing"),
    SLICE("http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"),
    SLICE("http://schemas.xmlsoap.org/ws/2004/09/enumeration"),
    SLICE("http://schemas.xmlsoap.org/ws/2004/09/transfer"),
    SLICE("http://schemas.xmlsoap.org/ws/2004/08/eventing"),
    SLICE("http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd"),
    SLICE("http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"),
    SLICE("http://schemas.dmtf.org/wbem/wscim/1/common"),
    SLICE("http://www.w3.org/2001/XMLSchema-instance"),
    SLICE("http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"),
    SLICE("http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"),
    SLICE("http://schemas.microsoft.com/wbem/wsman/1/windows/shell"),
    SLICE("http://schemas.microsoft.com/wbem/wsman/1/config"),
    SLICE("http://www.w3.org/XML/1998/namespace"),
    SLICE("http://schemas.xmlsoap.org/soap/envelope/"),
    SLICE("http://schemas.xmlsoap.org/ws/2005/06/management"),
    SLICE("http://schemas.xmlsoap.org/wsman/2005/06/management"),
};
_Static_assert(sizeof uris / sizeof *uris == NS_COUNT - 1, "one URI a namespace number");

static const char *const prefixes[NS_COUNT] = {
    "", "s", "a", "w", "n", "x", "e", "b", "p", "cim", "xsi", "wsmid", "f", "rsp", "cfg", "xml", "s11",
    "w", "w",
};

const struct xml_vocabulary soap_vocabulary = { uris, NS_COUNT - 1 };

struct slice soap_ns_uri(enum soap_ns ns)
{
    return ns > NS_NONE && ns < NS_COUNT ? uris[ns - 1] : SLICE("");
}

const char *soap_ns_prefix(enum soap_ns ns)
{
    return ns < NS_COUNT ? prefixes[ns] : "";
}

static const struct slice symbols[SOAP_DIALECT_COUNT][SYM_COUNT] = {
    [SOAP_WSMV] = {
        [SYM_NS_W] = SLICE("http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"),
        [SYM_NS_CIM] = SLICE("http://schemas.dmtf.org/wbem/wscim/1/common"),
        [SYM_NS_FAULT] = SLICE("http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"),
        [SYM_FAULT_DETAIL] = SLICE("http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/"),
        [SYM_URI_WMI] = SLICE("http://schemas.microsoft.com/wbem/wsman/1/wmi/"),
        [SYM_URI_CIM] = SLICE("http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/"),
        [SYM_URI_CIM_ALL] = SLICE("http://schemas.dmtf.org/wbem/wscim/1/*"),
        [SYM_URI_CIMXML] = SLICE("http://schemas.dmtf.org/wbem/cim-xml/2/cim-schema/2/"),
        [SYM_URI_WSCIM] = SLICE("http://schemas.dmtf.org/wbem/ws-cim/1/cim-schema/2/"),
        [SYM_URI_CONFIG] = SLICE("http://schemas.microsoft.com/wbem/wsman/1/config"),
        [SYM_DATETIME] = SLICE("CIM_DateTime"),
    },
    [SOAP_WSMAN_2003] = {
        [SYM_NS_W] = SLICE("http://schemas.xmlsoap.org/ws/2005/06/management"),
        [SYM_NS_CIM] = SLICE("http://schemas.dmtf.org/wsman/2005/06/base"),
        [SYM_NS_FAULT] = SLICE("http://schemas.microsoft.com/ws/2005/06/wsmanfault"),
        [SYM_FAULT_DETAIL] = SLICE("wsman:faultDetail/"),
        [SYM_URI_WMI] = SLICE("http://schemas.microsoft.com/wsman/2005/06/wmi/"),
        [SYM_URI_CIM] = SLICE("http://schemas.dmtf.org/wsman/2005/06/cimv2.9/"),
        [SYM_URI_CIM_ALL] = SLICE(""),
        [SYM_URI_CIMXML] = SLICE(""),
        [SYM_URI_WSCIM] = SLICE(""),
        [SYM_URI_CONFIG] = SLICE("wsman:microsoft.com/wsman/2005/06/config"),
        [SYM_DATETIME] = SLICE("CIM_DateTimeString"),
    },
};

struct slice soap_symbol(enum soap_dialect d, enum soap_symbol s)
{
    return symbols[d][s];
}
