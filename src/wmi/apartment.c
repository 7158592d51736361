/*
 * Classes that do something for local callers only (MS-WMI 3.1.4.14 to 3.1.4.16): remote ones are told so. What they send is not
 * looked at. IWbemShutdown is printed with the identifier of IWbemLevel1Login; objects of its classes have that one and the one of
 * the SDK.
 */
#include "wmi/wmi_priv.h"

struct stub_nothing { struct slice reference; };
static const struct ndr_row nothing_rows[] = { { NDR_AT(struct stub_nothing, reference, INTERFACE), .flags = NDR_OUT } };
static const struct ndr_type nothing_type = NDR_TYPE("nothing", struct stub_nothing, nothing_rows);

static void shut_down(struct dcom_call *c, void *record)
{
    dcom_reply(c, record, 0x800706ba); /* RPC_S_SERVER_UNAVAILABLE */
}

static void create_stub(struct dcom_call *c, void *record)
{
    dcom_reply(c, record, DCOM_E_UNEXPECTED);
}

static const struct dcom_method shutdown_methods[] = { [3] = { "Shutdown", NULL, shut_down } };
static const struct dcom_method object_stub_methods[] = { [3] = { "CreateObjectStub", &nothing_type, create_stub } };
static const struct dcom_method sink_stub_methods[] = { [3] = { "CreateSinkStub", &nothing_type, create_stub } };

static const struct dcom_interface printed_shutdown_interface = {
    { 0xf309ad18, 0xd86a, 0x11d0, { 0xa0, 0x75, 0x00, 0xc0, 0x4f, 0xb6, 0x88, 0x20 } }, "IWbemShutdown", shutdown_methods, 4,
};
const struct dcom_interface wmi_shutdown_interface = {
    { 0xb7b31df9, 0xd515, 0x11d3, { 0xa1, 0x1c, 0x00, 0x10, 0x5a, 0x1f, 0x51, 0x5a } }, "IWbemShutdown", shutdown_methods, 4,
};
const struct dcom_interface wmi_apartment_interface = {
    { 0x1cfaba8c, 0x1523, 0x11d1, { 0xad, 0x79, 0x00, 0xc0, 0x4f, 0xd8, 0xfd, 0xff } }, "IUnsecuredApartment", object_stub_methods, 4,
};
const struct dcom_interface wmi_wbem_apartment_interface = {
    { 0x31739d04, 0x3471, 0x4cf4, { 0x9a, 0x7c, 0x57, 0xa4, 0x4a, 0xe7, 0x19, 0x56 } }, "IWbemUnsecuredApartment", sink_stub_methods, 4,
};

static const struct dcom_object_type shutdown_type = {
    "shutdown", (const struct dcom_interface *const[]){ &wmi_shutdown_interface, &printed_shutdown_interface, NULL }, NULL, NULL,
};
static const struct dcom_object_type apartment_type = {
    "UnsecuredApartment", (const struct dcom_interface *const[]){ &wmi_apartment_interface, &wmi_wbem_apartment_interface, NULL },
    NULL, NULL,
};

static uint32_t create(const struct dcom_object_type *type, const struct dcom_class *class, struct dcom_server *s,
                       const struct principal *p, struct dcom_object **out)
{
    *out = dcom_object_new(s, type, class->arg, p);
    return *out ? DCOM_OK : DCOM_E_OUTOFMEMORY;
}

uint32_t wmi_shutdown_create(const struct dcom_class *class, struct dcom_server *s, const struct principal *p,
                             struct dcom_object **out)
{
    return create(&shutdown_type, class, s, p, out);
}

uint32_t wmi_apartment_create(const struct dcom_class *class, struct dcom_server *s, const struct principal *p,
                              struct dcom_object **out)
{
    return create(&apartment_type, class, s, p, out);
}
