/*
 * dcom_tool ACCOUNTS: resolver and exporter on loopback, for the account alice with the password "secret", and one class:
 * the CLSID of the WMI login, with objects that answer EstablishPosition with 1 and NTLMLogin with an object of their
 * own. Prints the two ports as a line, then for each line on its input moves its clock by so many seconds and prints how
 * many objects, IPIDs and ping sets there are. Ends with its input.
 */
#include <stdio.h>
#include <stdlib.h>

#include "auth/accounts.h"
#include "base/clock.h"
#include "base/log.h"
#include "dcom/dcom.h"
#include "os/loop.h"
#include "rpc/server.h"

struct position {
    struct slice locale;
    uint32_t reserved, version;
};
static const struct ndr_row position_rows[] = {
    { NDR_AT(struct position, locale, STRING), .flags = NDR_IN | NDR_UNIQUE },
    { NDR_AT(struct position, reserved, U32), .flags = NDR_IN },
    { NDR_AT(struct position, version, U32), .flags = NDR_OUT },
};
static const struct ndr_type position_type = NDR_TYPE("EstablishPosition", struct position, position_rows);

struct login {
    struct slice resource, locale;
    uint32_t flags;
    struct slice context, services;
};
static const struct ndr_row login_rows[] = {
    { NDR_AT(struct login, resource, STRING), .flags = NDR_IN | NDR_UNIQUE },
    { NDR_AT(struct login, locale, STRING), .flags = NDR_IN | NDR_UNIQUE },
    { NDR_AT(struct login, flags, U32), .flags = NDR_IN },
    { NDR_AT(struct login, context, INTERFACE), .flags = NDR_IN },
    { NDR_AT(struct login, services, INTERFACE), .flags = NDR_OUT },
};
static const struct ndr_type login_type = NDR_TYPE("NTLMLogin", struct login, login_rows);

static const struct dcom_method no_methods[3];
static const struct dcom_interface services = {
    { 0x9556dc99, 0x828c, 0x11cf, { 0xa3, 0x7e, 0x00, 0xaa, 0x00, 0x32, 0x40, 0xc7 } }, "services", no_methods, 3 };
static const struct dcom_interface *const service_interfaces[] = { &services, NULL };
static const struct dcom_object_type services_type = { "services", service_interfaces, NULL, NULL };

static void establish(struct dcom_call *c, void *record)
{
    ((struct position *)record)->version = 1;
    dcom_reply(c, record, DCOM_OK);
}

static void log_in(struct dcom_call *c, void *record)
{
    struct login *l = record;
    struct dcom_object *o;
    uint32_t result = DCOM_E_OUTOFMEMORY;
    if (!slice_is(l->resource, "//./root/cimv2")) {
        dcom_reply(c, l, 0x8004100e); /* WBEM_E_INVALID_NAMESPACE */
        return;
    }
    if ((o = dcom_object_new(c->server, &services_type, NULL, c->principal))) result = dcom_marshal(c, o, &services.iid, &l->services);
    dcom_object_unref(o);
    dcom_reply(c, l, result);
}

static const struct dcom_method login_methods[] = {
    [3] = { "EstablishPosition", &position_type, establish }, [6] = { "NTLMLogin", &login_type, log_in },
};
static const struct dcom_interface login = {
    { 0xf309ad18, 0xd86a, 0x11d0, { 0xa0, 0x75, 0x00, 0xc0, 0x4f, 0xb6, 0x88, 0x20 } }, "login", login_methods, 7 };
static const struct dcom_interface *const login_interfaces[] = { &login, NULL };
static const struct dcom_interface *const all_interfaces[] = { &login, &services, NULL };
static const struct dcom_object_type login_object = { "login", login_interfaces, NULL, NULL };

static uint32_t create(const struct dcom_class *class, struct dcom_server *s, const struct principal *p, struct dcom_object **out)
{
    *out = dcom_object_new(s, &login_object, NULL, p);
    return *out ? DCOM_OK : DCOM_E_OUTOFMEMORY;
}
static const struct dcom_class class = {
    { 0x8bc3f05e, 0xd86b, 0x11d0, { 0xa0, 0x75, 0x00, 0xc0, 0x4f, 0xb6, 0x88, 0x20 } }, "login", create, NULL };

static int64_t moved;
static int64_t now(void *arg) { return clock_mono_us() + __atomic_load_n(&moved, __ATOMIC_RELAXED); }

static int fail(const struct error *e)
{
    fprintf(stderr, "%s\n", error_text(e));
    return 1;
}

static void nothing(void *arg) {}

static void answer(struct dcom_server *s, struct loops *loops, const char *line)
{
    struct dcom_counts c;
    __atomic_add_fetch(&moved, atoll(line) * 1000000, __ATOMIC_RELAXED);
    dcom_server_tick(s);
    for (unsigned i = 0; i < loops_count(loops); i++) loop_call(loops_at(loops, i), nothing, NULL); /* objects end at home */
    dcom_server_count(s, &c);
    printf("%u %u %u\n", c.objects, c.ipids, c.sets);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct account_change alice = { .name = SLICE("alice"), .password = SLICE("secret"), .cost = 1 };
    struct account_change bob = { .name = SLICE("bob"), .password = SLICE("secret"), .cost = 1 };
    struct dcom_settings settings = { .classes = &class, .class_count = 1, .interfaces = all_interfaces, .now = now };
    struct auth_broker *broker;
    struct dcom_server *dcom;
    struct rpc_server *rpc;
    struct error e = ERROR_INIT;
    char resolver[64], exporter[64], line[64];
    if (argc != 2) return 2;
    log_set_level(LOG_ERROR_);
    struct auth_broker_config auth = { .ntlm = true, .ntlm_allow_no_mic = true, .accounts_path = argv[1], .dummy_cost = 1 };
    if (accounts_add(argv[1], &alice, &e) != CIMF_OK || accounts_add(argv[1], &bob, &e) != CIMF_OK) return fail(&e);
    struct loops *loops = loops_new(2, "dcom", &e);
    if (!loops || auth_broker_new(&auth, &broker, &e) != CIMF_OK || dcom_server_new(&settings, &dcom, &e) != CIMF_OK) return fail(&e);
    struct rpc_server_config config = { .broker = broker, .loops = loops_all(loops), .loop_count = loops_count(loops) };
    if (rpc_server_new(&config, &rpc, &e) != CIMF_OK ||
        rpc_server_listen(rpc, "127.0.0.1:0", dcom_server_interfaces(dcom, DCOM_EXPORTER), exporter, sizeof exporter, &e) != CIMF_OK)
        return fail(&e);
    dcom_server_listens(dcom, (uint16_t)atoi(strrchr(exporter, ':') + 1));
    if (rpc_server_listen(rpc, "127.0.0.1:0", dcom_server_interfaces(dcom, DCOM_RESOLVER), resolver, sizeof resolver, &e) != CIMF_OK)
        return fail(&e);
    printf("%s %s\n", strrchr(resolver, ':') + 1, strrchr(exporter, ':') + 1);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) answer(dcom, loops, line);
    rpc_server_stop(rpc, 0);
    rpc_server_free(rpc);
    loops_stop(loops);
    dcom_server_free(dcom);
    auth_broker_free(broker);
    loops_free(loops);
    return 0;
}
