/*
 * wmi/stubs.h - the parameters of the methods of MS-WMI as records (appendix A), and the interfaces made of them. A
 * pair [in,out,unique] IFoo ** is a `struct slice *`: NULL when the caller passed NULL; what it points to is the OBJREF.
 */
#ifndef WMI_STUBS_H
#define WMI_STUBS_H

#include "dcom/dcom.h"

struct stub_position { struct slice reserved1; uint32_t reserved2, locale_version; };
struct stub_challenge { struct slice network, user; uint32_t size; uint8_t *nonce; };
struct stub_wbem_login { struct slice network, services; };
struct stub_ntlm_login { struct slice network, locale; uint32_t flags; struct slice context, services; };
struct stub_client { struct slice machine; uint32_t process, reserved; };

/* IWbemServices: one record for its methods, each reads and answers the members that its table names. */
struct stub_services {
    struct slice text, method;          /* namespace, path, class or language; method or query */
    uint32_t flags;
    struct slice context, object;       /* references: IWbemContext, IWbemClassObject */
    struct slice sink;
    struct slice enumerator;            /* [out] */
    struct slice *out, *result;         /* pairs: object or services, IWbemCallResult */
};
struct stub_next { uint32_t timeout, count; struct slice *objects; uint32_t returned; };
struct stub_skip { uint32_t timeout, count; };
struct stub_reference { struct slice reference; };
struct stub_next_async { uint32_t count; struct slice sink; };
struct stub_smart { struct guid client; uint32_t timeout, count, returned, size; uint8_t *bytes; };
struct stub_result { uint32_t timeout; struct slice value; uint32_t status; };
struct stub_indicate { uint32_t count; struct slice *objects; };
struct stub_status { uint32_t flags, hresult; struct slice text, object; };

void wmi_establish_position(struct dcom_call *c, void *record);
void wmi_request_challenge(struct dcom_call *c, void *record);
void wmi_wbem_login(struct dcom_call *c, void *record);
void wmi_ntlm_login(struct dcom_call *c, void *record);
void wmi_set_client_info(struct dcom_call *c, void *record);
void wmi_set_event(struct dcom_call *c, void *record);

void wmi_open_namespace(struct dcom_call *c, void *record);
void wmi_cancel_async(struct dcom_call *c, void *record);
void wmi_query_sink(struct dcom_call *c, void *record);
void wmi_get_object(struct dcom_call *c, void *record);
void wmi_put_class(struct dcom_call *c, void *record);
void wmi_delete_class(struct dcom_call *c, void *record);
void wmi_put_instance(struct dcom_call *c, void *record);
void wmi_delete_instance(struct dcom_call *c, void *record);
void wmi_exec_method(struct dcom_call *c, void *record);
void wmi_class_enum(struct dcom_call *c, void *record);
void wmi_instance_enum(struct dcom_call *c, void *record);
void wmi_exec_query(struct dcom_call *c, void *record);
void wmi_exec_notification(struct dcom_call *c, void *record);

void wmi_enum_reset(struct dcom_call *c, void *record);
void wmi_enum_next(struct dcom_call *c, void *record);
void wmi_enum_next_async(struct dcom_call *c, void *record);
void wmi_enum_clone(struct dcom_call *c, void *record);
void wmi_enum_skip(struct dcom_call *c, void *record);
void wmi_get_smart_enum(struct dcom_call *c, void *record);
void wmi_smart_next(struct dcom_call *c, void *record);

void wmi_indicate(struct dcom_call *c, void *record);
void wmi_set_status(struct dcom_call *c, void *record);

void wmi_result_object(struct dcom_call *c, void *record);
void wmi_result_string(struct dcom_call *c, void *record);
void wmi_result_services(struct dcom_call *c, void *record);
void wmi_result_status(struct dcom_call *c, void *record);

struct stub_backup { struct slice file; uint32_t flags; };
extern const struct dcom_interface wmi_backup_interface, wmi_backup_ex_interface; /* backup.c */

extern const struct dcom_interface wmi_login_interface, wmi_client_interface, wmi_helper_interface,
    wmi_services_interface, wmi_enum_interface, wmi_fetch_interface, wmi_smart_interface, wmi_result_interface,
    wmi_sink_interface; /* of our objects and of clients' */
enum { WMI_OPNUM_INDICATE = 3, WMI_OPNUM_SET_STATUS = 4 };
/* The forms of IWbemServices' methods that answer to a sink stand behind the others. */
static inline bool wmi_asynchronous(const struct dcom_call *c)
{
    return c->interface == &wmi_services_interface && c->opnum >= 7 && c->opnum & 1;
}

#endif
