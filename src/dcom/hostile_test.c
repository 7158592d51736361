/* Clients of DCOM that mean no good: storms of questions, identifiers that are guessed, stubs that end early or lie. */
#include "dcom/test_client.h"

enum { MANY = 65535 };

/* Nothing of a thousand IPIDs stands still, and no two are the same: nobody guesses one. OIDs and OXIDs are as random. */
static void identifiers(void **state)
{
    struct guid set = { 0 }, clear;
    uint64_t oids_set = 0, oids_clear = ~(uint64_t)0;
    struct guid seen[1000];
    memset(&clear, 0xff, sizeof clear);
    for (int i = 0; i < 1000; i++) {
        activate();
        seen[i] = ref.std.ipid;
        for (size_t k = 0; k < sizeof set; k++) {
            ((unsigned char *)&set)[k] |= ((const unsigned char *)&ref.std.ipid)[k];
            ((unsigned char *)&clear)[k] &= ((const unsigned char *)&ref.std.ipid)[k];
        }
        oids_set |= ref.std.oid;
        oids_clear &= ref.std.oid;
        for (int k = 0; k < i; k++) assert_false(guid_eq(&seen[k], &seen[i]));
        arena_reset(&arena);
    }
    for (size_t k = 0; k < sizeof set; k++) {
        assert_int_equal(((const unsigned char *)&set)[k], 0xff);
        assert_int_equal(((const unsigned char *)&clear)[k], 0);
    }
    assert_true(oids_set == ~(uint64_t)0 && oids_clear == 0);
    assert_false(guid_eq(&done.unknown, &ref.std.ipid));
}

/* As many questions as fit into a call, often: no IPID more, no count that wraps, and all of it given back at once. */
static void storm_of_queries(void **state)
{
    struct guid *iids = calloc(MANY, sizeof *iids);
    activate();
    struct guid ipid = ref.std.ipid;
    for (int i = 0; i < MANY; i++) iids[i] = i % 3 ? thing_interface.iid : other_interface.iid;
    for (int round = 0; round < 4; round++) {
        struct query q = { ipid, UINT32_MAX, MANY, iids, NULL, 0 };
        assert_int_equal(unknown_call(3, &query_type, &q, &alice), 0);
        for (int i = 0; i < MANY; i += 777) assert_int_equal(q.results[i].hresult, 0);
        assert_int_equal(counts().ipids, 2);
        assert_int_equal(counts().objects, 1);
    }
    for (int i = 0; i < MANY; i++) iids[i].data1 = (uint32_t)i; /* interfaces that are none */
    struct query q = { ipid, 1, MANY, iids, NULL, 0 };
    assert_int_equal(unknown_call(3, &query_type, &q, &alice), 0);
    assert_int_equal(q.results[MANY - 1].hresult, DCOM_E_NOINTERFACE);
    assert_int_equal(counts().ipids, 2);
    echo(&ipid);
    free(iids);
}

static void storm_of_references(void **state)
{
    struct reference *refs = calloc(MANY, sizeof *refs);
    activate();
    struct guid ipid = ref.std.ipid;
    for (int i = 0; i < MANY; i++) refs[i] = (struct reference){ ipid, UINT32_MAX, UINT32_MAX };
    for (int i = 1; i < MANY; i += 2) refs[i].ipid.data1 ^= (uint32_t)i; /* half of them are nobody's */
    for (int round = 0; round < 3; round++) {
        struct references a = { MANY, refs, NULL };
        assert_int_equal(unknown_call(4, &references_type, &a, &alice), 0);
        assert_int_equal(a.results[0], 0);
        assert_int_equal(a.results[1], DCOM_E_OBJNOTREG);
    }
    struct references foreign = { MANY, refs, NULL };
    assert_int_equal(unknown_call(5, &references_type, &foreign, &bob), 0);
    echo(&ipid);
    for (int round = 0; round < 3; round++) {
        struct references a = { MANY, refs, NULL };
        assert_int_equal(unknown_call(5, &references_type, &a, &alice), 0);
    }
    echo(&ipid); /* those of the activation are left */
    release_as(&alice, &ipid, 5, 0);
    assert_int_equal(counts().objects, 0);
    free(refs);
}

/* Thousands of OIDs in a ping: a set holds what is the caller's, once. */
static void storm_of_pings(void **state)
{
    static uint64_t add[MANY], del[MANY];
    struct dcom_ping_change c = { 0 };
    activate();
    uint64_t mine = ref.std.oid;
    assert_int_equal(activate_as(&bob, load("RemoteCreateInstance"), 4, &done, &ref), 0);
    uint64_t his = ref.std.oid;
    for (int i = 0; i < MANY; i++) {
        add[i] = i % 3 == 0 ? mine : i % 3 == 1 ? his : mine + 1 + (uint64_t)i;
        del[i] = his + (uint64_t)i;
    }
    c.add = add;
    c.add_count = MANY;
    c.del = del;
    c.del_count = MANY;
    for (int round = 0; round < 4; round++) {
        assert_int_equal(dcom_ping_change(server, &alice, &c), 0);
        c.sequence++;
    }
    struct dcom_set *set = map_get(&server->sets, slice_of((char *)&c.set, 8));
    assert_int_equal(set->count, 1);
    assert_true(set->room <= 16);
    assert_int_equal(dcom_oid_find(server, mine)->sets, 1);
    assert_int_equal(dcom_oid_find(server, his)->sets, 0);
    assert_int_equal(counts().sets, 1);
    assert_int_equal(dcom_ping_change(server, &bob, &c), DCOM_INVALID_SET); /* not his */
    assert_int_equal(dcom_ping(server, &bob, c.set), DCOM_INVALID_SET);
}

/* Counts at the ends of their ranges. */
static void counts_that_lie(void **state)
{
    static uint16_t protseqs[MANY];
    struct guid *iids = calloc(MANY, sizeof *iids);
    struct dcom_activation q = { .clsid = thing_class.clsid, .iid_count = 1, .iids = iids, .protseqs = protseqs }, back;
    static const struct { uint32_t iids; uint16_t protseqs; bool fine; } rows[] = {
        { 1, 1, true }, { 0, 1, false }, { 0x8000, 1, true }, { 0x8001, 1, false }, { MANY, 1, false }, { 1, 0x8000, true }, { 1, 0x8001, false }, { 1, MANY, false } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf b;
        buf_init(&b, 0);
        q.iid_count = rows[i].iids;
        q.protseq_count = rows[i].protseqs;
        assert_true(dcom_activation_write(&b, &q));
        assert_int_equal(dcom_activation_read(&arena, buf_slice(&b), &back, NULL), rows[i].fine ? CIMF_OK : CIMF_PROTOCOL_ERROR);
        buf_free(&b);
    }
    activate();
    struct query none = { ref.std.ipid, 1, 0, iids, NULL, 0 };
    assert_int_equal(unknown_call(3, &query_type, &none, &alice), 0); /* of no interface at all */
    assert_int_equal(none.count, 0);
    free(iids);
}

static uint32_t outcome(unsigned roles, uint32_t interface, uint16_t opnum, const struct guid *object, struct slice stub)
{
    /* of exactly its size, for the sanitizer */
    char *copy = malloc(stub.n ? stub.n : 1);
    memcpy(copy, stub.p, stub.n);
    call_init(&f, offered(server, roles, interface), opnum, slice_of(copy, stub.n));
    f.rpc.principal = &alice;
    f.rpc.level = RPC_LEVEL_INTEGRITY;
    f.rpc.has_object = object != NULL;
    if (object) f.rpc.object = *object;
    call_run(&f);
    assert_true(f.answered);
    call_free(&f);
    free(copy);
    return f.fault;
}

/* Every stub of a client, cut at every byte and with every byte lying: an answer or a fault, nothing else. */
static void stubs_that_lie(void **state)
{
    static const struct { const char *name; unsigned roles; uint32_t interface; uint16_t opnum; bool unknown; size_t needed; } stubs[] = {
        { "RemoteCreateInstance", DCOM_RESOLVER, I_ACTIVATOR, 4, false, 40 }, { "RemoteGetClassObject", DCOM_RESOLVER, I_ACTIVATOR, 3, false, 40 },
        { "RemoteActivation", DCOM_RESOLVER, I_ACTIVATION, 0, false, 100 },   { "ComplexPing", DCOM_RESOLVER, I_RESOLVER, 2, false, 16 },
        { "SimplePing", DCOM_RESOLVER, I_RESOLVER, 1, false, 8 },             { "ResolveOxid", DCOM_RESOLVER, I_RESOLVER, 0, false, 12 },
        { "ResolveOxid2", DCOM_RESOLVER, I_RESOLVER, 4, false, 12 },          { "RemQueryInterface", DCOM_EXPORTER, I_UNKNOWN, 3, true, 60 },
        { "RemAddRef", DCOM_EXPORTER, I_UNKNOWN, 4, true, 60 },               { "RemRelease", DCOM_EXPORTER, I_UNKNOWN, 5, true, 60 },
    };
    static const unsigned char values[] = { 0, 1, 0x7f, 0x80, 0xff };
    activate();
    struct guid unknown = done.unknown;
    for (size_t i = 0; i < sizeof stubs / sizeof *stubs; i++) {
        struct slice good = load(stubs[i].name);
        const struct guid *object = stubs[i].unknown ? &unknown : NULL;
        for (size_t n = 0; n < good.n; n++) {
            uint32_t fault = outcome(stubs[i].roles, stubs[i].interface, stubs[i].opnum, object, slice_head(good, n));
            if (n < stubs[i].needed && fault != RPC_FAULT_BAD_STUB) fail_msg("%s of %zu bytes: %08x", stubs[i].name, n, fault);
        }
        for (size_t n = 0; n < good.n; n++) {
            char *at = (char *)(uintptr_t)good.p + n, was = *at;
            for (size_t v = 0; v < sizeof values; v++) {
                *at = (char)values[v];
                (void)outcome(stubs[i].roles, stubs[i].interface, stubs[i].opnum, object, good);
            }
            *at = was;
        }
    }
    assert_true(counts().sets < 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(identifiers), T(storm_of_queries), T(storm_of_references), T(storm_of_pings), T(counts_that_lie), T(stubs_that_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
