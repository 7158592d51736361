/* Tables of parameters and methods (MS-WMI appendix A). */
#include "wmi/stubs.h"

#define IN(record, field, kind) { NDR_AT(struct record, field, kind), .flags = NDR_IN }
#define IN_PTR(record, field, kind) { NDR_AT(struct record, field, kind), .flags = NDR_IN | NDR_UNIQUE }
#define OUT(record, field, kind) { NDR_AT(struct record, field, kind), .flags = NDR_OUT }
#define PAIR(field)                                                                                                    \
    { NDR_AT(struct stub_services, field, PTR), .flags = NDR_IN | NDR_OUT | NDR_UNIQUE, .of = &ndr_interface }
#define TYPE(name, record) static const struct ndr_type name##_type = NDR_TYPE(#name, struct record, name##_rows)

static const struct ndr_row position_rows[] = {
    IN_PTR(stub_position, reserved1, STRING), IN(stub_position, reserved2, U32), OUT(stub_position, locale_version, U32),
};
TYPE(position, stub_position);
static const struct ndr_row challenge_rows[] = {
    IN_PTR(stub_challenge, network, STRING), IN_PTR(stub_challenge, user, STRING),
    { NDR_AT(struct stub_challenge, nonce, ARRAY), .flags = NDR_OUT | NDR_VARYING, .of = &ndr_u8,
      NDR_SIZE(struct stub_challenge, size), NDR_LENGTH(struct stub_challenge, size) },
};
TYPE(challenge, stub_challenge);
/* The token, [size_is(16), unique], may not follow: what stands behind it is not read, as the answer is fixed. */
static const struct ndr_row wbem_login_rows[] = {
    IN_PTR(stub_wbem_login, network, STRING), OUT(stub_wbem_login, services, INTERFACE),
};
TYPE(wbem_login, stub_wbem_login);
static const struct ndr_row ntlm_login_rows[] = {
    IN_PTR(stub_ntlm_login, network, STRING), IN_PTR(stub_ntlm_login, locale, STRING), IN(stub_ntlm_login, flags, U32),
    IN(stub_ntlm_login, context, INTERFACE), OUT(stub_ntlm_login, services, INTERFACE),
};
TYPE(ntlm_login, stub_ntlm_login);
static const struct dcom_method login_methods[] = {
    [3] = { "EstablishPosition", &position_type, wmi_establish_position },
    [4] = { "RequestChallenge", &challenge_type, wmi_request_challenge },
    [5] = { "WBEMLogin", &wbem_login_type, wmi_wbem_login },
    [6] = { "NTLMLogin", &ntlm_login_type, wmi_ntlm_login },
};

static const struct ndr_row client_rows[] = {
    IN_PTR(stub_client, machine, STRING), IN(stub_client, process, U32), IN(stub_client, reserved, U32),
};
TYPE(client, stub_client);
static const struct dcom_method client_methods[] = { [3] = { "SetClientInfo", &client_type, wmi_set_client_info } };

/* The name is [string] LPCSTR and means nothing: not read. */
static const struct dcom_method helper_methods[] = { [3] = { "SetEvent", NULL, wmi_set_event } };

#define SERVICES(field, kind) IN(stub_services, field, kind)
static const struct ndr_row open_namespace_rows[] = {
    SERVICES(text, BSTR), SERVICES(flags, U32), SERVICES(context, INTERFACE), PAIR(out), PAIR(result),
};
TYPE(open_namespace, stub_services);
static const struct ndr_row sink_rows[] = { SERVICES(sink, INTERFACE) };
TYPE(sink, stub_services);
static const struct ndr_row query_sink_rows[] = { SERVICES(flags, U32), OUT(stub_services, enumerator, INTERFACE) };
TYPE(query_sink, stub_services);
static const struct ndr_row get_object_rows[] = {
    SERVICES(text, BSTR), SERVICES(flags, U32), SERVICES(context, INTERFACE), PAIR(out), PAIR(result),
};
TYPE(get_object, stub_services);
static const struct ndr_row put_rows[] = {
    SERVICES(object, INTERFACE), SERVICES(flags, U32), SERVICES(context, INTERFACE), PAIR(result),
};
TYPE(put, stub_services);
static const struct ndr_row delete_rows[] = {
    SERVICES(text, BSTR), SERVICES(flags, U32), SERVICES(context, INTERFACE), PAIR(result),
};
TYPE(delete, stub_services);
static const struct ndr_row enum_rows[] = {
    SERVICES(text, BSTR), SERVICES(flags, U32), SERVICES(context, INTERFACE), OUT(stub_services, enumerator, INTERFACE),
};
TYPE(enum, stub_services);
static const struct ndr_row query_rows[] = {
    SERVICES(text, BSTR), SERVICES(method, BSTR), SERVICES(flags, U32), SERVICES(context, INTERFACE),
    OUT(stub_services, enumerator, INTERFACE),
};
TYPE(query, stub_services);
static const struct ndr_row method_rows[] = {
    SERVICES(text, BSTR), SERVICES(method, BSTR), SERVICES(flags, U32), SERVICES(context, INTERFACE),
    SERVICES(object, INTERFACE), PAIR(out), PAIR(result),
};
TYPE(method, stub_services);

/* The asynchronous forms: a sink instead of what comes back. */
static const struct ndr_row text_async_rows[] = {
    SERVICES(text, BSTR), SERVICES(flags, U32), SERVICES(context, INTERFACE), SERVICES(sink, INTERFACE),
};
TYPE(text_async, stub_services);
static const struct ndr_row put_async_rows[] = {
    SERVICES(object, INTERFACE), SERVICES(flags, U32), SERVICES(context, INTERFACE), SERVICES(sink, INTERFACE),
};
TYPE(put_async, stub_services);
static const struct ndr_row query_async_rows[] = {
    SERVICES(text, BSTR), SERVICES(method, BSTR), SERVICES(flags, U32), SERVICES(context, INTERFACE),
    SERVICES(sink, INTERFACE),
};
TYPE(query_async, stub_services);
static const struct ndr_row method_async_rows[] = {
    SERVICES(text, BSTR), SERVICES(method, BSTR), SERVICES(flags, U32), SERVICES(context, INTERFACE),
    SERVICES(object, INTERFACE), SERVICES(sink, INTERFACE),
};
TYPE(method_async, stub_services);
static const struct dcom_method services_methods[] = {
    [3] = { "OpenNamespace", &open_namespace_type, wmi_open_namespace },
    [4] = { "CancelAsyncCall", &sink_type, wmi_cancel_async },
    [5] = { "QueryObjectSink", &query_sink_type, wmi_query_sink },
    [6] = { "GetObject", &get_object_type, wmi_get_object },
    [7] = { "GetObjectAsync", &text_async_type, wmi_get_object },
    [8] = { "PutClass", &put_type, wmi_put_class },
    [9] = { "PutClassAsync", &put_async_type, wmi_put_class },
    [10] = { "DeleteClass", &delete_type, wmi_delete_class },
    [11] = { "DeleteClassAsync", &text_async_type, wmi_delete_class },
    [12] = { "CreateClassEnum", &enum_type, wmi_class_enum },
    [13] = { "CreateClassEnumAsync", &text_async_type, wmi_class_enum },
    [14] = { "PutInstance", &put_type, wmi_put_instance },
    [15] = { "PutInstanceAsync", &put_async_type, wmi_put_instance },
    [16] = { "DeleteInstance", &delete_type, wmi_delete_instance },
    [17] = { "DeleteInstanceAsync", &text_async_type, wmi_delete_instance },
    [18] = { "CreateInstanceEnum", &enum_type, wmi_instance_enum },
    [19] = { "CreateInstanceEnumAsync", &text_async_type, wmi_instance_enum },
    [20] = { "ExecQuery", &query_type, wmi_exec_query },
    [21] = { "ExecQueryAsync", &query_async_type, wmi_exec_query },
    [22] = { "ExecNotificationQuery", &query_type, wmi_exec_notification },
    [23] = { "ExecNotificationQueryAsync", &query_async_type, wmi_exec_notification },
    [24] = { "ExecMethod", &method_type, wmi_exec_method },
    [25] = { "ExecMethodAsync", &method_async_type, wmi_exec_method },
};

static const struct ndr_row next_rows[] = {
    IN(stub_next, timeout, U32), IN(stub_next, count, U32),
    { NDR_AT(struct stub_next, objects, ARRAY), .flags = NDR_OUT | NDR_VARYING | NDR_COUNTED, .of = &ndr_interface,
      NDR_SIZE(struct stub_next, count), NDR_LENGTH(struct stub_next, returned) },
    { NDR_AT(struct stub_next, returned, U32), .flags = NDR_OUT | NDR_COUNTED },
};
TYPE(next, stub_next);
static const struct ndr_row next_async_rows[] = { IN(stub_next_async, count, U32), IN(stub_next_async, sink, INTERFACE) };
TYPE(next_async, stub_next_async);
static const struct ndr_row reference_rows[] = { OUT(stub_reference, reference, INTERFACE) };
TYPE(reference, stub_reference);
static const struct ndr_row skip_rows[] = { IN(stub_skip, timeout, U32), IN(stub_skip, count, U32) };
TYPE(skip, stub_skip);
static const struct dcom_method enum_methods[] = {
    [3] = { "Reset", NULL, wmi_enum_reset },
    [4] = { "Next", &next_type, wmi_enum_next },
    [5] = { "NextAsync", &next_async_type, wmi_enum_next_async },
    [6] = { "Clone", &reference_type, wmi_enum_clone },
    [7] = { "Skip", &skip_type, wmi_enum_skip },
};
static const struct dcom_method fetch_methods[] = { [3] = { "GetSmartEnum", &reference_type, wmi_get_smart_enum } };

static const struct ndr_row smart_rows[] = {
    IN(stub_smart, client, GUID), IN(stub_smart, timeout, U32), IN(stub_smart, count, U32),
    OUT(stub_smart, returned, U32), { NDR_AT(struct stub_smart, size, U32), .flags = NDR_OUT },
    { NDR_AT(struct stub_smart, bytes, ARRAY), .flags = NDR_OUT | NDR_UNIQUE, .of = &ndr_u8,
      NDR_SIZE(struct stub_smart, size) },
};
TYPE(smart, stub_smart);
static const struct dcom_method smart_methods[] = { [3] = { "Next", &smart_type, wmi_smart_next } };

static const struct ndr_row result_object_rows[] = { IN(stub_result, timeout, U32), OUT(stub_result, value, INTERFACE) };
TYPE(result_object, stub_result);
static const struct ndr_row result_string_rows[] = { IN(stub_result, timeout, U32), OUT(stub_result, value, BSTR) };
TYPE(result_string, stub_result);
static const struct ndr_row result_status_rows[] = { IN(stub_result, timeout, U32), OUT(stub_result, status, U32) };
TYPE(result_status, stub_result);
static const struct dcom_method result_methods[] = {
    [3] = { "GetResultObject", &result_object_type, wmi_result_object },
    [4] = { "GetResultString", &result_string_type, wmi_result_string },
    [5] = { "GetResultServices", &result_object_type, wmi_result_services },
    [6] = { "GetCallStatus", &result_status_type, wmi_result_status },
};

static const struct ndr_row indicate_rows[] = {
    IN(stub_indicate, count, U32),
    { NDR_AT(struct stub_indicate, objects, ARRAY), .flags = NDR_IN, .of = &ndr_interface,
      NDR_SIZE(struct stub_indicate, count) },
};
TYPE(indicate, stub_indicate);
static const struct ndr_row status_rows[] = {
    IN(stub_status, flags, U32), IN(stub_status, hresult, U32), IN(stub_status, text, BSTR),
    IN(stub_status, object, INTERFACE),
};
TYPE(status, stub_status);
static const struct dcom_method sink_methods[] = {
    [WMI_OPNUM_INDICATE] = { "Indicate", &indicate_type, wmi_indicate },
    [WMI_OPNUM_SET_STATUS] = { "SetStatus", &status_type, wmi_set_status },
};

#define INTERFACE(symbol, text, table, ...)                                                                            \
    const struct dcom_interface symbol = { { __VA_ARGS__ }, text, table, sizeof(table) / sizeof *(table) }

INTERFACE(wmi_login_interface, "IWbemLevel1Login", login_methods,
          0xf309ad18, 0xd86a, 0x11d0, { 0xa0, 0x75, 0x00, 0xc0, 0x4f, 0xb6, 0x88, 0x20 });
INTERFACE(wmi_client_interface, "IWbemLoginClientID", client_methods,
          0xd4781cd6, 0xe5d3, 0x44df, { 0xad, 0x94, 0x93, 0x0e, 0xfe, 0x48, 0xa8, 0x87 });
INTERFACE(wmi_helper_interface, "IWbemLoginHelper", helper_methods,
          0x541679ab, 0x2e5f, 0x11d3, { 0xb3, 0x4e, 0x00, 0x10, 0x4b, 0xcc, 0x4b, 0x4a });
INTERFACE(wmi_services_interface, "IWbemServices", services_methods,
          0x9556dc99, 0x828c, 0x11cf, { 0xa3, 0x7e, 0x00, 0xaa, 0x00, 0x32, 0x40, 0xc7 });
INTERFACE(wmi_enum_interface, "IEnumWbemClassObject", enum_methods,
          0x027947e1, 0xd731, 0x11ce, { 0xa3, 0x57, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01 });
INTERFACE(wmi_fetch_interface, "IWbemFetchSmartEnum", fetch_methods,
          0x1c1c45ee, 0x4395, 0x11d2, { 0xb6, 0x0b, 0x00, 0x10, 0x4b, 0x70, 0x3e, 0xfd });
INTERFACE(wmi_smart_interface, "IWbemWCOSmartEnum", smart_methods,
          0x423ec01e, 0x2e35, 0x11d2, { 0xb6, 0x04, 0x00, 0x10, 0x4b, 0x70, 0x3e, 0xfd });
INTERFACE(wmi_result_interface, "IWbemCallResult", result_methods,
          0x44aca675, 0xe8fc, 0x11d0, { 0xa0, 0x7c, 0x00, 0xc0, 0x4f, 0xb6, 0x88, 0x20 });
INTERFACE(wmi_sink_interface, "IWbemObjectSink", sink_methods,
          0x7c857801, 0x7381, 0x11cf, { 0x88, 0x4d, 0x00, 0xaa, 0x00, 0x4b, 0x2e, 0x24 });
