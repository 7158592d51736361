/* Levels of authentication as configured, with logins: what is served, what is refused, and to whom. */
#include "rpc/client_harness.h"

#include "dcom/activation_blob.h"
#include "dcom/dcom_priv.h"
#include "dcom/records.h"
#include "mech/ntlm.h"
#include "rpc/test_account.h"

/* ---- the server: a class whose objects count their calls ---- */

static unsigned calls;

static void count(struct dcom_call *c, void *record)
{
    calls++;
    dcom_reply(c, NULL, DCOM_OK);
}
static const struct dcom_method methods[] = { [3] = { "Count", NULL, count } };
static const struct dcom_interface thing_interface = { /* what the activation of tests/data asks for */
    { 0xf309ad18, 0xd86a, 0x11d0, { 0xa0, 0x75, 0x00, 0xc0, 0x4f, 0xb6, 0x88, 0x20 } }, "thing", methods, 4 };
static const struct dcom_interface *const interfaces[] = { &thing_interface, NULL };
static const struct dcom_object_type type = { .name = "thing", .interfaces = interfaces };

static uint32_t create(const struct dcom_class *class, struct dcom_server *s, const struct principal *p, struct dcom_object **out)
{
    *out = dcom_object_new(s, &type, &calls, p);
    return *out ? DCOM_OK : DCOM_E_OUTOFMEMORY;
}
static const struct dcom_class class = {
    { 0x8bc3f05e, 0xd86b, 0x11d0, { 0xa0, 0x75, 0x00, 0xc0, 0x4f, 0xb6, 0x88, 0x20 } }, "Thing", create, NULL };

static struct dcom_server *server;
static struct arena arena;
static struct guid ipid, unknown; /* of the object that was made last; of the exporter */
static const enum rpc_level levels[] = { RPC_LEVEL_CONNECT, RPC_LEVEL_PACKET, RPC_LEVEL_INTEGRITY, RPC_LEVEL_PRIVACY };
enum { LEVELS = sizeof levels / sizeof *levels };

static void serve(enum rpc_level activation_floor, enum rpc_level floor, bool local_flag)
{
    const struct dcom_settings settings = { .classes = &class, .class_count = 1, .interfaces = interfaces, .floor = floor,
                                            .activation_floor = activation_floor, .accept_local_flag = local_flag };
    calls = 0;
    arena_init(&arena, 0);
    assert_int_equal(dcom_server_new(&settings, &server, NULL), CIMF_OK);
    dcom_server_listens(server, 49152);
}

static void serve_no_more(void)
{
    dcom_server_free(server);
    arena_free(&arena);
}

/* ---- a client ---- */

static void log_in(const char *user, enum rpc_level level)
{
    const struct ntlm_client_config c = { .options = { .want = MECH_SIGN | MECH_SEAL }, .user = slice_str(user), .password = SLICE("secret") };
    struct mech *m = NULL;
    if (level > RPC_LEVEL_NONE) assert_int_equal(ntlm_client_new(&c, &m, NULL), CIMF_OK);
    pair_open(dcom_server_interfaces(server, DCOM_RESOLVER | DCOM_EXPORTER), broker, level, RPC_AUTH_NTLM, m);
    pair.client.guard.level = (uint8_t)level; /* ours would ask for integrity instead of packet */
    rpc_client_conn_connected(&pair.client);
}

/* The fault; 0: stub is the reply, in the arena. */
static uint32_t call(const struct guid *iid, uint16_t opnum, const struct guid *object, struct slice in, struct slice *stub)
{
    struct asked a = { .r = { .interface = *iid, .opnum = opnum, .stub = in, .done = on_done } };
    if (object) {
        a.r.has_object = true;
        a.r.object = *object;
    }
    buf_init(&a.stub, 0);
    rpc_client_conn_request(&pair.client, &a.r);
    pair_run();
    assert_int_equal(a.told, 1);
    *stub = arena_dup(&arena, buf_slice(&a.stub));
    buf_free(&a.stub);
    return a.fault;
}

struct activated {
    struct slice out;
};
static const struct ndr_row activated_rows[] = { { NDR_AT(struct activated, out, INTERFACE), .flags = NDR_OUT } };
static const struct ndr_type activated_type = NDR_TYPE("reply", struct activated, activated_rows);
static const struct guid activator = { 0x1a0, 0, 0, { 0xc0, 0, 0, 0, 0, 0, 0, 0x46 } };
static const struct guid resolver = { 0x99fcfec4, 0x5260, 0x101b, { 0xbb, 0xcb, 0x00, 0xaa, 0x00, 0x21, 0x34, 0x7a } };

static uint32_t activate(void)
{
    char bytes[4096];
    struct slice stub;
    struct ndr_reader r;
    struct activated a = { 0 };
    struct dcom_activated done;
    struct dcom_objref ref;
    FILE *file = fopen(DATA "/RemoteCreateInstance.bin", "rb");
    assert_non_null(file);
    size_t n = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    uint32_t fault = call(&activator, 4, NULL, slice_of(bytes, n), &stub);
    if (fault) return fault;
    ndr_reader_init(&r, &arena, stub, false);
    assert_non_null(cursor_bytes(&r.c, 8).p);
    assert_int_equal(ndr_read_parameters(&r, &activated_type, NDR_OUT, &a, NULL), CIMF_OK);
    assert_int_equal(dcom_activated_read(&arena, a.out, &done, NULL), CIMF_OK);
    assert_int_equal(dcom_objref_read(&arena, done.interfaces[0], &ref, NULL), CIMF_OK);
    ipid = ref.std.ipid;
    unknown = done.unknown;
    return 0;
}

static struct slice header(uint8_t flags)
{
    const unsigned char bytes[32] = { 5, 0, 7, 0, flags, 0, 0, 0, 0, 0, 0, 0, 0xcc };
    return arena_dup(&arena, slice_of((const char *)bytes, sizeof bytes));
}

static uint32_t count_call(uint8_t flags)
{
    struct slice stub;
    return call(&thing_interface.iid, 3, &ipid, header(flags), &stub);
}

/* RemAddRef; *result: of the one reference. */
static uint32_t add_ref(uint8_t flags, uint32_t *result)
{
    struct dcom_reference one = { .ipid = ipid, .public_refs = 1 };
    struct dcom_references a = { 1, &one, NULL, 0 };
    struct slice stub;
    struct ndr_writer w;
    struct ndr_reader r;
    struct buf b;
    buf_init(&b, 0);
    ndr_writer_init(&w, &b);
    buf_slice_add(&b, header(flags));
    assert_true(ndr_write_parameters(&w, &dcom_add_ref_type, NDR_IN, &a));
    uint32_t fault = call(&dcom_iremunknown.iid, UNKNOWN_ADD_REF, &unknown, buf_slice(&b), &stub);
    buf_free(&b);
    if (fault) return fault;
    ndr_reader_init(&r, &arena, stub, false);
    assert_non_null(cursor_bytes(&r.c, 8).p);
    assert_int_equal(ndr_read_parameters(&r, &dcom_add_ref_type, NDR_OUT, &a, NULL), CIMF_OK);
    *result = a.results[0];
    return 0;
}

/* ---- tests ---- */

static uint32_t verdict(enum rpc_level level, enum rpc_level floor) { return level < floor ? RPC_FAULT_ACCESS_DENIED : 0; }

/* covers: wmi-dcom:D16 wmi-dcom:X8 wmi-dcom:R14 */
static void as_configured(void **state)
{
    for (int a = 0; a < LEVELS; a++)
        for (int o = 0; o < LEVELS; o++) {
            unsigned served = 0;
            uint32_t result;
            serve(levels[a], levels[o], false);
            log_in("alice", RPC_LEVEL_PRIVACY);
            assert_int_equal(activate(), 0);
            pair_close();
            for (int l = 0; l < LEVELS; l++) {
                const struct guid object = ipid;
                log_in("alice", levels[l]);
                assert_int_equal(activate(), verdict(levels[l], levels[a]));
                ipid = object; /* with the one that is there for sure */
                served += levels[l] >= levels[o];
                assert_int_equal(count_call(0), verdict(levels[l], levels[o]));
                assert_int_equal(calls, served);
                assert_int_equal(add_ref(0, &result), verdict(levels[l], levels[o]));
                pair_close();
            }
            serve_no_more();
        }
}

/* Whatever the floor, nobody is no caller: only the resolver's own questions are for everybody. */
static void nobody(void **state)
{
    struct slice stub;
    uint32_t result;
    serve(RPC_LEVEL_CONNECT, RPC_LEVEL_CONNECT, false);
    log_in("alice", RPC_LEVEL_CONNECT);
    assert_int_equal(activate(), 0);
    pair_close();
    log_in(NULL, RPC_LEVEL_NONE);
    assert_int_equal(call(&resolver, 3, NULL, SLICE(""), &stub), 0); /* ServerAlive */
    assert_int_equal(activate(), RPC_FAULT_ACCESS_DENIED);
    assert_int_equal(count_call(0), RPC_FAULT_ACCESS_DENIED);
    assert_int_equal(add_ref(0, &result), RPC_FAULT_ACCESS_DENIED);
    pair_close();
    serve_no_more();
}

/* A login at connect speaks for its own account: another's object is not there for it, also not for references. */
static void of_another(void **state)
{
    uint32_t result = 0;
    struct dcom_counts counts;
    serve(RPC_LEVEL_CONNECT, RPC_LEVEL_CONNECT, false);
    log_in("alice", RPC_LEVEL_PRIVACY);
    assert_int_equal(activate(), 0);
    pair_close();
    log_in("bob", RPC_LEVEL_CONNECT);
    assert_int_equal(count_call(0), RPC_FAULT_ACCESS_DENIED);
    assert_int_equal(add_ref(0, &result), 0);
    assert_int_not_equal(result, 0);
    pair_close();
    assert_int_equal(calls, 0);
    log_in("alice", RPC_LEVEL_CONNECT);
    assert_int_equal(count_call(0), 0);
    assert_int_equal(add_ref(0, &result), 0);
    assert_int_equal(result, 0);
    pair_close();
    dcom_server_count(server, &counts);
    assert_int_equal(counts.objects, 1);
    serve_no_more();
}

/* What clients are told to use: never less than integrity, as some would go down to it. */
static void hints(void **state)
{
    for (int o = 0; o < LEVELS; o++) {
        serve(RPC_LEVEL_CONNECT, levels[o], false);
        assert_int_equal(server->settings.authn_hint, levels[o] == RPC_LEVEL_PRIVACY ? RPC_LEVEL_PRIVACY : RPC_LEVEL_INTEGRITY);
        serve_no_more();
    }
}

/* ORPCF_LOCAL, of old clients; no other bit. */
static void local_flag(void **state)
{
    for (int on = 0; on < 2; on++) {
        uint32_t result;
        serve(0, 0, on);
        log_in("alice", RPC_LEVEL_INTEGRITY);
        assert_int_equal(activate(), 0);
        assert_int_equal(count_call(1), on ? 0 : DCOM_E_INVALID_HEADER);
        assert_int_equal(add_ref(1, &result), on ? 0 : DCOM_E_INVALID_HEADER);
        assert_int_equal(count_call(2), DCOM_E_INVALID_HEADER);
        assert_int_equal(count_call(3), DCOM_E_INVALID_HEADER);
        assert_int_equal(calls, (unsigned)on);
        pair_close();
        serve_no_more();
    }
}

static int setup_two(void **state)
{
    struct account_change bob = { .name = SLICE("bob"), .password = SLICE("secret"), .cost = 1 };
    struct auth_broker_config config = { .ntlm = true, .accounts_path = path, .dummy_cost = 1 };
    if (setup(state)) return -1;
    auth_broker_free(broker);
    if (accounts_add(path, &bob, NULL) != CIMF_OK) return -1;
    return auth_broker_new(&config, &broker, NULL) == CIMF_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_configured), cmocka_unit_test(nobody), cmocka_unit_test(of_another), cmocka_unit_test(hints),
        cmocka_unit_test(local_flag),
    };
    return cmocka_run_group_tests(tests, setup_two, teardown);
}
