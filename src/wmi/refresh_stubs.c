/* Tables of the refreshing interfaces (MS-WMI appendix A). */
#include "wmi/refresh.h"

#define IN(record, field, kind) { NDR_AT(struct record, field, kind), .flags = NDR_IN }
#define OUT(record, field, kind) { NDR_AT(struct record, field, kind), .flags = NDR_OUT }
#define AT(record, field, kind) { NDR_AT(struct record, field, kind) }
#define TYPE(name, record) static const struct ndr_type name##_type = NDR_TYPE(#name, struct record, name##_rows)
#define REFRESHER(record) { NDR_AT(struct record, id, STRUCT), .flags = NDR_IN, .of = &refresher_id_type }

/* [string] LPSTR: octets and their NUL, which nobody looks at. */
static const struct ndr_row refresher_id_rows[] = {
    { NDR_AT(struct stub_refresher_id, machine, ARRAY), .flags = NDR_UNIQUE | NDR_VARYING | NDR_COUNTED, .of = &ndr_u8,
      NDR_LENGTH(struct stub_refresher_id, machine_size) },
    AT(stub_refresher_id, process, U32), AT(stub_refresher_id, client, GUID),
};
TYPE(refresher_id, stub_refresher_id);

static const struct ndr_row remote_rows[] = {
    { NDR_AT(struct stub_refresh_remote, refresher, INTERFACE), .flags = NDR_UNIQUE },
    { NDR_AT(struct stub_refresh_remote, template, INTERFACE), .flags = NDR_UNIQUE }, AT(stub_refresh_remote, id, GUID),
};
TYPE(remote, stub_refresh_remote);
static const struct ndr_row other_rows[] = {
    { NDR_AT(struct stub_refresh_other, ns, STRING), .flags = NDR_UNIQUE },
    { NDR_AT(struct stub_refresh_other, template, INTERFACE), .flags = NDR_UNIQUE },
};
TYPE(other, stub_refresh_other);
/* All at offset 0 of the union. */
static const struct ndr_row arm_rows[] = {
    { .name = "remote", .kind = NDR_STRUCT, .extent = REFRESH_REMOTE, .of = &remote_type },
    { .name = "other", .kind = NDR_STRUCT, .extent = REFRESH_NON_HIPERF, .of = &other_type },
    { .name = "hresult", .kind = NDR_U32, .extent = REFRESH_INVALID },
};
static const struct ndr_type arm_type = { "arm", arm_rows, 3, sizeof(((struct stub_refresh_info *)0)->of) };
static const struct ndr_row info_rows[] = {
    AT(stub_refresh_info, type, U32),
    { NDR_AT(struct stub_refresh_info, of, UNION), .of = &arm_type, NDR_SIZE(struct stub_refresh_info, type) },
    AT(stub_refresh_info, cancel, U32),
};
TYPE(info, stub_refresh_info);

#define ADDED                                                                                                          \
    IN(stub_refresh_add, flags, U32), IN(stub_refresh_add, context, INTERFACE), IN(stub_refresh_add, client_version, U32), \
    { NDR_AT(struct stub_refresh_add, info, STRUCT), .flags = NDR_OUT, .of = &info_type }, OUT(stub_refresh_add, version, U32)
static const struct ndr_row add_rows[] = { REFRESHER(stub_refresh_add), IN(stub_refresh_add, text, STRING), ADDED };
TYPE(add, stub_refresh_add);
static const struct ndr_row template_rows[] = { REFRESHER(stub_refresh_add), IN(stub_refresh_add, object, INTERFACE), ADDED };
TYPE(template, stub_refresh_add);
static const struct ndr_row remove_rows[] = {
    REFRESHER(stub_refresh_remove), IN(stub_refresh_remove, item, U32), IN(stub_refresh_remove, flags, U32),
    IN(stub_refresh_remove, client_version, U32), OUT(stub_refresh_remove, version, U32),
};
TYPE(remove, stub_refresh_remove);
static const struct ndr_row get_rows[] = {
    REFRESHER(stub_refresh_get), IN(stub_refresh_get, flags, U32), IN(stub_refresh_get, client_version, U32),
    OUT(stub_refresh_get, refresher, INTERFACE), OUT(stub_refresh_get, guid, GUID), OUT(stub_refresh_get, version, U32),
};
TYPE(get, stub_refresh_get);

static const struct ndr_row reconnect_info_rows[] = {
    AT(stub_reconnect_info, type, U32), { NDR_AT(struct stub_reconnect_info, path, STRING), .flags = NDR_UNIQUE },
};
TYPE(reconnect_info, stub_reconnect_info);
static const struct ndr_row reconnect_result_rows[] = {
    AT(stub_reconnect_result, id, U32), AT(stub_reconnect_result, hresult, U32),
};
TYPE(reconnect_result, stub_reconnect_result);
static const struct ndr_row reconnect_rows[] = {
    REFRESHER(stub_reconnect), IN(stub_reconnect, flags, U32), IN(stub_reconnect, count, U32),
    IN(stub_reconnect, client_version, U32),
    { NDR_AT(struct stub_reconnect, infos, ARRAY), .flags = NDR_IN, .of = &reconnect_info_type,
      NDR_SIZE(struct stub_reconnect, count) },
    { NDR_AT(struct stub_reconnect, results, ARRAY), .flags = NDR_IN | NDR_OUT, .of = &reconnect_result_type,
      NDR_SIZE(struct stub_reconnect, count) },
    OUT(stub_reconnect, version, U32),
};
TYPE(reconnect, stub_reconnect);
static const struct dcom_method refreshing_methods[] = {
    [3] = { "AddObjectToRefresher", &add_type, wmi_refresh_add_object },
    [4] = { "AddObjectToRefresherByTemplate", &template_type, wmi_refresh_add_template },
    [5] = { "AddEnumToRefresher", &add_type, wmi_refresh_add_enum },
    [6] = { "RemoveObjectFromRefresher", &remove_type, wmi_refresh_remove },
    [7] = { "GetRemoteRefresher", &get_type, wmi_refresh_get },
    [8] = { "ReconnectRemoteRefresher", &reconnect_type, wmi_refresh_reconnect },
};

static const struct ndr_row refreshed_rows[] = {
    AT(stub_refreshed, request, U32), AT(stub_refreshed, type, U32), AT(stub_refreshed, size, U32),
    { NDR_AT(struct stub_refreshed, blob, ARRAY), .flags = NDR_UNIQUE, .of = &ndr_u8, NDR_SIZE(struct stub_refreshed, size) },
};
TYPE(refreshed, stub_refreshed);
static const struct ndr_row refresh_rows[] = {
    IN(stub_refresh, flags, U32), OUT(stub_refresh, count, U32),
    { NDR_AT(struct stub_refresh, objects, ARRAY), .flags = NDR_OUT | NDR_UNIQUE, .of = &refreshed_type,
      NDR_SIZE(struct stub_refresh, count) },
};
TYPE(refresh, stub_refresh);
static const struct ndr_row stop_rows[] = {
    IN(stub_refresh_stop, count, U32),
    { NDR_AT(struct stub_refresh_stop, ids, ARRAY), .flags = NDR_IN, .of = &ndr_u32, NDR_SIZE(struct stub_refresh_stop, count) },
    IN(stub_refresh_stop, flags, U32),
};
TYPE(stop, stub_refresh_stop);
static const struct ndr_row guid_rows[] = { IN(stub_refresh_guid, flags, U32), OUT(stub_refresh_guid, guid, GUID) };
TYPE(guid, stub_refresh_guid);
static const struct dcom_method refresher_methods[] = {
    [3] = { "RemoteRefresh", &refresh_type, wmi_remote_refresh },
    [4] = { "StopRefreshing", &stop_type, wmi_remote_stop },
    [5] = { "Opnum5NotUsedOnWire", &guid_type, wmi_remote_guid },
};

#define INTERFACE(symbol, text, table, ...)                                                                            \
    const struct dcom_interface symbol = { { __VA_ARGS__ }, text, table, sizeof(table) / sizeof *(table) }

INTERFACE(wmi_refreshing_interface, "IWbemRefreshingServices", refreshing_methods,
          0x2c9273e0, 0x1dc3, 0x11d3, { 0xb3, 0x64, 0x00, 0x10, 0x5a, 0x1f, 0x81, 0x77 });
INTERFACE(wmi_refresher_interface, "IWbemRemoteRefresher", refresher_methods,
          0xf1e9c5b2, 0xf59b, 0x11d2, { 0xb3, 0x62, 0x00, 0x10, 0x5a, 0x1f, 0x81, 0x77 });
