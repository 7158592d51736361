/* The endpoint mapper and the management interface: towers, searches with handles, what is refused. */
#include "base/test.h"

#include <stdlib.h>

#include "rpc/call_harness.h"
#include "rpc/epm.h"
#include "rpc/mgmt.h"
#include "rpc/tower.h"

static const struct rpc_interface login = {
    { 0xaaaaaaaa, 1, 2, { 1, 2, 3, 4, 5, 6, 7, 8 } }, 1, 2, "login", 4, RPC_LEVEL_CONNECT, false, NULL, NULL };
static const struct rpc_interface other = {
    { 0xbbbbbbbb, 1, 2, { 1, 2, 3, 4, 5, 6, 7, 8 } }, 0, 0, "other", 4, RPC_LEVEL_CONNECT, false, NULL, NULL };
static const struct guid object = { 0x0b1ec7, 1, 2, { 8, 7, 6, 5, 4, 3, 2, 1 } };

static struct epm *epm;
static struct harness h;
static struct buf stub, reply;

static int setup(void **state)
{
    buf_init(&stub, 0);
    buf_init(&reply, 0);
    epm = epm_new();
    if (!epm) return -1;
    harness_open(&h, epm_interface(epm), "192.0.2.7:135");
    return 0;
}

static int teardown(void **state)
{
    harness_shut(&h);
    epm_free(epm);
    buf_free(&stub);
    buf_free(&reply);
    return 0;
}

static uint32_t call(uint16_t opnum)
{
    buf_clear(&reply);
    uint32_t status = harness_call(&h, opnum, buf_slice(&stub), &reply);
    buf_clear(&stub);
    return status;
}

static struct rpc_reader answer(void) { return (struct rpc_reader){ cursor_of(buf_slice(&reply)), false }; }

static void tower_of(struct buf *b, const struct rpc_interface *i, uint16_t minor)
{
    struct tower t = { .interface = { i->uuid, i->major, minor }, .transfer = rpc_ndr };
    buf_init(b, 0);
    tower_put(b, &t);
}

/* ept_map of these octets. */
static void put_map(struct slice octets, const char handle[20], uint32_t max)
{
    static const char none[20];
    rpc_put32(&stub, 0);
    rpc_put32(&stub, 1);
    rpc_put32(&stub, (uint32_t)octets.n);
    rpc_put32(&stub, (uint32_t)octets.n);
    buf_slice_add(&stub, octets);
    while (stub.n % 4) buf_byte(&stub, 0);
    buf_add(&stub, handle ? handle : none, 20);
    rpc_put32(&stub, max);
}

static void put_lookup(uint32_t type, const struct guid *o, const struct rpc_syntax *i, uint32_t versions,
                       const char handle[20], uint32_t max)
{
    static const char none[20];
    rpc_put32(&stub, type);
    rpc_put32(&stub, o != NULL);
    if (o) rpc_guid_put(&stub, o);
    rpc_put32(&stub, i != NULL);
    if (i) {
        rpc_guid_put(&stub, &i->uuid);
        rpc_put16(&stub, i->major);
        rpc_put16(&stub, i->minor);
    }
    rpc_put32(&stub, versions);
    buf_add(&stub, handle ? handle : none, 20);
    rpc_put32(&stub, max);
}

/* How many came; the handle is copied. */
static uint32_t come(char handle[20])
{
    struct rpc_reader r = answer();
    memcpy(handle, cursor_bytes(&r.c, 20).p, 20);
    return rpc_u32(&r);
}

static uint32_t last_word(void)
{
    struct rpc_reader r = answer();
    cursor_seek(&r.c, reply.n - 4);
    return rpc_u32(&r);
}

static bool empty(const char handle[20])
{
    static const char none[20];
    return memcmp(handle, none, 20) == 0;
}

/* covers: wmi-dcom:E1 wmi-dcom:E5 wmi-dcom:R24 */
static void map(void **state)
{
    char handle[20];
    struct buf t;
    struct tower found;
    assert_int_equal(epm_register(epm, &login, NULL, 49152, "WMI", NULL), CIMF_OK);
    assert_int_equal(epm_register(epm, &login, NULL, 49152, "WMI again", NULL), CIMF_OK);
    tower_of(&t, &login, 1);
    put_map(buf_slice(&t), NULL, 4);
    assert_int_equal(call(3), 0);
    assert_int_equal(come(handle), 1);
    assert_true(empty(handle));
    assert_int_equal(last_word(), 0);
    struct rpc_reader r = answer();
    cursor_skip(&r.c, 24);
    assert_int_equal(rpc_u32(&r), 4); /* maximum, offset, count, one referent */
    cursor_skip(&r.c, 12);
    assert_int_equal(rpc_u32(&r), 75);
    struct slice octets = cursor_bytes(&r.c, rpc_u32(&r));
    assert_true(tower_read(octets, &found));
    assert_true(found.tcp);
    assert_int_equal(found.port, 49152);
    assert_int_equal(found.interface.minor, 2); /* ours */
    assert_memory_equal(octets.p + 71, "\300\0\2\7", 4); /* the address that was connected to */
    buf_free(&t);

    tower_of(&t, &login, 3); /* a newer one than we have */
    put_map(buf_slice(&t), NULL, 4);
    assert_int_equal(call(3), 0);
    assert_int_equal(come(handle), 0);
    assert_int_equal(last_word(), EPM_STATUS_NOT_REGISTERED);
    put_map(slice_head(buf_slice(&t), 30), NULL, 4); /* no tower */
    assert_int_equal(call(3), 0);
    assert_int_equal(last_word(), EPM_STATUS_CANNOT);
    put_map(buf_slice(&t), NULL, 501);
    assert_int_equal(call(3), RPC_FAULT_BAD_STUB);
    put_map(buf_slice(&t), NULL, 4);
    stub.n -= 2;
    assert_int_equal(call(3), RPC_FAULT_BAD_STUB);
    static const char large[2001];
    put_map(slice_of(large, sizeof large), NULL, 4);
    assert_int_equal(call(3), RPC_FAULT_BAD_STUB);
    buf_free(&t);
    epm_unregister(epm, 49152);
    tower_of(&t, &login, 0);
    put_map(buf_slice(&t), NULL, 4);
    assert_int_equal(call(3), 0);
    assert_int_equal(last_word(), EPM_STATUS_NOT_REGISTERED);
    buf_free(&t);
}

/* covers: wmi-dcom:E2 */
static void lookup_in_pieces(void **state)
{
    char handle[20], first[20];
    unsigned total = 0;
    for (uint16_t port = 1; port <= 5; port++) assert_int_equal(epm_register(epm, &login, NULL, port, "x", NULL), CIMF_OK);
    put_lookup(0, NULL, NULL, 1, NULL, 2);
    assert_int_equal(call(2), 0);
    assert_int_equal(come(first), 2);
    memcpy(handle, first, 20);
    for (total = 2; !empty(handle);) {
        put_lookup(0, NULL, NULL, 1, handle, 2);
        assert_int_equal(call(2), 0);
        total += come(handle);
        assert_int_equal(last_word(), 0);
    }
    assert_int_equal(total, 5);
    /* A handle goes on where it stood, also when entries before that are gone. */
    epm_unregister(epm, 1);
    put_lookup(0, NULL, NULL, 1, first, 10);
    assert_int_equal(call(2), 0);
    assert_int_equal(come(handle), 3);
    buf_add(&stub, first, 20);
    assert_int_equal(call(4), 0);
    assert_true(come(handle) == 0 && empty(handle));
    /* What was not given is refused: changed, of another operation, of another connection. */
    first[10] ^= 1;
    put_lookup(0, NULL, NULL, 1, first, 2);
    assert_int_equal(call(2), RPC_FAULT_CONTEXT_MISMATCH);
    buf_add(&stub, first, 20);
    assert_int_equal(call(4), RPC_FAULT_CONTEXT_MISMATCH);
    first[10] ^= 1;
    struct buf t;
    tower_of(&t, &login, 0);
    put_map(buf_slice(&t), first, 4);
    assert_int_equal(call(3), RPC_FAULT_CONTEXT_MISMATCH);
    buf_free(&t);
    harness_shut(&h);
    harness_open(&h, epm_interface(epm), "192.0.2.7:135");
    h.conn.id = 77;
    put_lookup(0, NULL, NULL, 1, first, 2);
    assert_int_equal(call(2), RPC_FAULT_CONTEXT_MISMATCH);
}

static unsigned found(uint32_t type, const struct guid *o, const struct rpc_syntax *i, uint32_t versions)
{
    char handle[20];
    put_lookup(type, o, i, versions, NULL, 100);
    assert_int_equal(call(2), 0);
    return come(handle);
}

static void lookup_by(void **state)
{
    struct rpc_syntax v12 = { login.uuid, 1, 2 }, v11 = { login.uuid, 1, 1 }, v13 = { login.uuid, 1, 3 }, v20 = { login.uuid, 2, 0 };
    assert_int_equal(epm_register(epm, &login, NULL, 1, "", NULL), CIMF_OK);
    assert_int_equal(epm_register(epm, &login, &object, 2, "", NULL), CIMF_OK);
    assert_int_equal(epm_register(epm, &other, &object, 3, "", NULL), CIMF_OK);
    assert_int_equal(found(0, NULL, NULL, 1), 3);
    assert_int_equal(found(1, NULL, &v20, 1), 2);  /* all versions */
    assert_int_equal(found(1, NULL, &v11, 2), 2);  /* compatible */
    assert_int_equal(found(1, NULL, &v13, 2), 0);
    assert_int_equal(found(1, NULL, &v12, 3), 2);  /* exact */
    assert_int_equal(found(1, NULL, &v11, 3), 0);
    assert_int_equal(found(1, NULL, &v13, 4), 2);  /* major only */
    assert_int_equal(found(1, NULL, &v20, 5), 2);  /* up to */
    assert_int_equal(found(1, NULL, &v11, 5), 0);
    assert_int_equal(found(2, &object, NULL, 1), 2);
    assert_int_equal(found(3, &object, &v12, 3), 1);
    assert_int_equal(found(1, NULL, NULL, 1), 0);  /* an interface it does not name */
    assert_int_equal(last_word(), EPM_STATUS_CANNOT);
    assert_int_equal(found(9, NULL, NULL, 1), 0);
    assert_int_equal(found(1, NULL, &v12, 6), 0);
}

/* covers: wmi-dcom:E3 */
static void nobody_registers(void **state)
{
    for (uint16_t opnum = 0; opnum < 7; opnum++) {
        if (opnum >= 2 && opnum <= 4) continue;
        assert_int_equal(call(opnum), 0);
        assert_int_equal(last_word(), EPM_STATUS_CANT_PERFORM_OP);
        assert_int_equal(reply.n, opnum == 5 ? 20 : 4);
    }
    assert_int_equal(call(7), RPC_FAULT_OP_RANGE);
}

static void a_full_map(void **state)
{
    struct rpc_interface i = login;
    for (unsigned k = 0; k < EPM_ENTRIES; k++) {
        i.uuid.data1 = k;
        assert_int_equal(epm_register(epm, &i, NULL, 1, "", NULL), CIMF_OK);
    }
    i.uuid.data1 = EPM_ENTRIES;
    assert_int_equal(epm_register(epm, &i, NULL, 1, "", NULL), CIMF_QUOTA_VIOLATION);
    assert_int_equal(found(0, NULL, NULL, 1), 100);
}

/* covers: wmi-dcom:R4 */
static void big_endian(void **state)
{
    static const char question[] = "\0\0\0\0" "\0\0\0\0" "\0\0\0\0" "\0\0\0\1" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" "\0\0\0\144";
    char handle[20];
    assert_int_equal(epm_register(epm, &login, NULL, 1, "", NULL), CIMF_OK);
    h.big = true;
    buf_add(&stub, question, sizeof question - 1);
    assert_int_equal(call(2), 0);
    assert_int_equal(come(handle), 1);
    h.big = false;
}

/* covers: wmi-dcom:E5 */
static void towers(void **state)
{
    struct buf b;
    struct tower t;
    tower_of(&b, &login, 2);
    assert_int_equal(b.n, 75);
    for (size_t n = 0; n < b.n; n++) assert_false(tower_read(slice_head(buf_slice(&b), n), &t));
    assert_true(tower_read(buf_slice(&b), &t));
    b.p[0] = 7; /* floors */
    assert_false(tower_read(buf_slice(&b), &t));
    b.p[0] = 2;
    assert_true(tower_read(buf_slice(&b), &t) && !t.tcp);
    b.p[0] = 5;
    b.p[4] = 0x0c; /* the first floor is no interface */
    assert_false(tower_read(buf_slice(&b), &t));
    buf_free(&b);
}

/* covers: wmi-dcom:E4 */
static void management(void **state)
{
    static const struct rpc_interface *served[3];
    struct rpc_server_config config = { 0 };
    struct rpc_server *server;
    assert_int_equal(rpc_server_new(&config, &server, NULL), CIMF_OK);
    struct rpc_mgmt *m = rpc_mgmt_new(server, served, "host/box");
    served[0] = &login;
    served[1] = rpc_mgmt_interface(m);
    harness_shut(&h);
    harness_open(&h, rpc_mgmt_interface(m), "192.0.2.7:135");
    assert_int_equal(call(0), 0); /* inq_if_ids */
    struct rpc_reader r = answer();
    assert_true(rpc_u32(&r) != 0);
    assert_int_equal(rpc_u32(&r), 2);
    assert_int_equal(rpc_u32(&r), 2);
    cursor_skip(&r.c, 8);
    struct guid g;
    rpc_guid(&r, &g);
    assert_true(guid_eq(&g, &login.uuid));
    assert_int_equal(rpc_u16(&r), 1);
    assert_int_equal(rpc_u16(&r), 2);
    assert_int_equal(last_word(), 0);
    rpc_put32(&stub, 50);
    assert_int_equal(call(1), 0); /* inq_stats: four of them */
    assert_int_equal(reply.n, 8 + 16 + 4);
    rpc_put32(&stub, 51);
    assert_int_equal(call(1), RPC_FAULT_BAD_STUB);
    assert_int_equal(call(2), 0); /* is_server_listening: status, answer */
    assert_int_equal(last_word(), 1);
    assert_int_equal(call(3), 0); /* stop_server_listening */
    assert_int_equal(last_word(), 5);
    rpc_put32(&stub, RPC_AUTH_KERBEROS);
    rpc_put32(&stub, 9);
    assert_int_equal(call(4), 0); /* inq_princ_name */
    assert_memory_equal(reply.p + 12, "host/box", 9);
    assert_int_equal(last_word(), 0);
    rpc_put32(&stub, RPC_AUTH_KERBEROS);
    rpc_put32(&stub, 8);
    assert_int_equal(call(4), 0);
    assert_int_equal(last_word(), 122);
    rpc_put32(&stub, 99);
    rpc_put32(&stub, 0);
    assert_int_equal(call(4), 0);
    assert_int_equal(last_word(), 1747);
    rpc_put32(&stub, 9);
    rpc_put32(&stub, 4097);
    assert_int_equal(call(4), RPC_FAULT_BAD_STUB);
    harness_shut(&h);
    rpc_mgmt_free(m);
    rpc_server_free(server);
    harness_open(&h, epm_interface(epm), "192.0.2.7:135");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(map), TEST(lookup_in_pieces), TEST(lookup_by), TEST(nobody_registers), TEST(a_full_map), TEST(big_endian),
        TEST(towers), TEST(management),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
