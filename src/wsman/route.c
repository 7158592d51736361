#include "wsman/config_tree.h"
#include "wsman/server_priv.h"

#define CAN(verb) (1u << WSMAN_##verb)
#define CAN_ENUMERATE (CAN(ENUMERATE) | CAN(PULL) | CAN(RELEASE))
#define CAN_TABLE (CAN(GET) | CAN(PUT) | CAN(CREATE) | CAN(DELETE) | CAN_ENUMERATE)
#define CAN_ALL (CAN(GET) | CAN(PUT) | CAN(CREATE) | CAN(DELETE) | CAN(INVOKE) | CAN_ENUMERATE)

const struct wsman_plugin wsman_plugins[] = {
    { "WMI", SLICE("http://schemas.microsoft.com/wbem/wsman/1/wmi/"), false, CAN_ALL, true, wsman_handle_cim },
    { "CIM", SLICE("http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/"), false, CAN_ALL, true, wsman_handle_cim },
    { "CIM all classes", SLICE("http://schemas.dmtf.org/wbem/wscim/1/*"), true, CAN_ENUMERATE, true,
      wsman_handle_cim },
    { "class metadata", SLICE("http://schemas.dmtf.org/wbem/cim-xml/2/cim-schema/2/"), false,
      CAN(GET) | CAN_ENUMERATE, false, wsman_handle_classes },
    { "WS-CIM class metadata", SLICE("http://schemas.dmtf.org/wbem/ws-cim/1/cim-schema/2/"), false, CAN_ALL,
      false, wsman_handle_refused },
    { "certificate mappings", SLICE(WSMAN_CONFIG_URI "/service/certmapping"), true, CAN_TABLE, false, wsman_handle_rows },
    { "descriptors of resources", SLICE(WSMAN_CONFIG_URI "/service/security"), true, CAN_TABLE, false, wsman_handle_rows },
    { "listeners", SLICE(WSMAN_CONFIG_URI "/listener"), true, CAN_TABLE, false, wsman_handle_rows },
    { "configuration", SLICE(WSMAN_CONFIG_URI), true, CAN(GET) | CAN(PUT), false, wsman_handle_config },
    { "configuration below", SLICE(WSMAN_CONFIG_URI "/"), false, CAN(GET) | CAN(PUT), false, wsman_handle_config },
};
const size_t wsman_plugin_count = sizeof wsman_plugins / sizeof *wsman_plugins;

const struct wsman_plugin *wsman_route(const struct wsman_plugin *table, size_t count, struct slice uri)
{
    const struct wsman_plugin *best = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct wsman_plugin *p = &table[i];
        if (p->exact) {
            if (slice_ieq(p->prefix, uri)) return p;
        } else if (slice_istarts(uri, p->prefix) && (!best || p->prefix.n > best->prefix.n)) {
            best = p;
        }
    }
    return best;
}

enum wsman_verb wsman_action_verb(struct slice action)
{
    static const struct {
        struct slice name;
        enum wsman_verb verb;
    } transfer[] = {
        { SLICE("Get"), WSMAN_GET }, { SLICE("Put"), WSMAN_PUT },
        { SLICE("Create"), WSMAN_CREATE }, { SLICE("Delete"), WSMAN_DELETE },
    }, enumeration[] = {
        { SLICE("Pull"), WSMAN_PULL }, { SLICE("Enumerate"), WSMAN_ENUMERATE },
        { SLICE("Release"), WSMAN_RELEASE }, { SLICE("Renew"), WSMAN_UNSUPPORTED },
        { SLICE("GetStatus"), WSMAN_UNSUPPORTED },
    };
    bool is_transfer = slice_starts(action, SLICE(SOAP_TRANSFER));
    if (!is_transfer && !slice_starts(action, SLICE(SOAP_ENUMERATION))) return WSMAN_INVOKE;
    struct slice name = slice_sub(action, is_transfer ? sizeof SOAP_TRANSFER - 1 : sizeof SOAP_ENUMERATION - 1);
    if (is_transfer) {
        for (size_t i = 0; i < sizeof transfer / sizeof *transfer; i++) {
            if (slice_eq(name, transfer[i].name)) return transfer[i].verb;
        }
        return WSMAN_UNKNOWN;
    }
    for (size_t i = 0; i < sizeof enumeration / sizeof *enumeration; i++) {
        if (slice_eq(name, enumeration[i].name)) return enumeration[i].verb;
    }
    return WSMAN_UNKNOWN;
}
