/* References and bindings in packet form, and activation properties. */
#include "base/test.h"

#include <stdio.h>

#include "dcom/activation_blob.h"

static struct arena arena;
static struct buf out;

static int setup(void **state)
{
    arena_init(&arena, 0);
    buf_init(&out, 0);
    return 0;
}
static int teardown(void **state)
{
    arena_free(&arena);
    buf_free(&out);
    return 0;
}

static struct slice load(const char *name)
{
    char path[512];
    char *bytes = arena_alloc(&arena, 4096);
    snprintf(path, sizeof path, DATA "/%s.bin", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, 4096, f);
    fclose(f);
    char *exact = arena_alloc(&arena, n);
    memcpy(exact, bytes, n);
    return slice_of(exact, n);
}

static struct dcom_dual some_bindings(void)
{
    struct dcom_string_binding strings[] = { { TOWER_TCP, SLICE("192.0.2.1"), 49152 }, { TOWER_TCP, SLICE("HOST"), 49152 },
                                             { TOWER_TCP, SLICE("host"), 49152 }, { TOWER_TCP, SLICE("2001:db8::1"), 0 } };
    struct dcom_security_binding securities[] = { { 9, SLICE("") }, { 16, SLICE("RPCSS/host") }, { 10, SLICE("") } };
    struct dcom_bindings b = { strings, 4, securities, 3 };
    struct dcom_dual d;
    assert_int_equal(dcom_dual_make(&arena, &b, &d), CIMF_OK);
    return d;
}

static void bindings(void **state)
{
    struct dcom_dual d = some_bindings();
    struct dcom_bindings b;
    assert_int_equal(dcom_dual_parse(&arena, &d, &b, NULL), CIMF_OK);
    assert_int_equal(b.string_count, 3); /* names are the same in any case */
    assert_slice(b.strings[0].host, "192.0.2.1");
    assert_int_equal(b.strings[0].port, 49152);
    assert_slice(b.strings[1].host, "HOST");
    assert_slice(b.strings[2].host, "2001:db8::1");
    assert_int_equal(b.strings[2].port, 0);
    assert_int_equal(b.security_count, 3);
    assert_int_equal(b.securities[1].service, 16);
    assert_slice(b.securities[1].principal, "RPCSS/host");
}

static void no_bindings(void **state)
{
    struct dcom_bindings none = { 0 }, back;
    struct dcom_dual d;
    assert_int_equal(dcom_dual_make(&arena, &none, &d), CIMF_OK);
    assert_int_equal(d.count, 4); /* the smallest */
    assert_int_equal(d.security, 2);
    for (int i = 0; i < 4; i++) assert_int_equal(d.words[i], 0);
    assert_int_equal(dcom_dual_parse(&arena, &d, &back, NULL), CIMF_OK);
    assert_int_equal(back.string_count + back.security_count, 0);
}

static void bindings_that_lie(void **state)
{
    struct dcom_dual good = some_bindings(), d = good;
    struct dcom_bindings b;
    d.security = (uint16_t)(d.count + 1);
    assert_int_equal(dcom_dual_parse(&arena, &d, &b, NULL), CIMF_PROTOCOL_ERROR);
    d.security = 3; /* within the first text */
    assert_int_equal(dcom_dual_parse(&arena, &d, &b, NULL), CIMF_PROTOCOL_ERROR);
    d = good;
    d.count -= 2; /* the last text has no end */
    assert_int_equal(dcom_dual_parse(&arena, &d, &b, NULL), CIMF_PROTOCOL_ERROR);
    uint16_t one[] = { 7 };
    d = (struct dcom_dual){ 1, 1, one };
    assert_int_equal(dcom_dual_parse(&arena, &d, &b, NULL), CIMF_PROTOCOL_ERROR);
}

/* covers: wmi-dcom:X10 */
static void every_form(void **state)
{
    static const uint32_t forms[] = { OBJREF_STANDARD, OBJREF_HANDLER, OBJREF_CUSTOM, OBJREF_EXTENDED };
    for (int i = 0; i < 4; i++) {
        struct dcom_objref r = { .form = forms[i], .iid = { 1, 2, 3, { 4 } }, .clsid = { 9, 8, 7, { 6 } }, .resolver = some_bindings(),
                                 .std = { SORF_NOPING, 5, 0x1122334455667788, 42, { 5, 5, 5, { 5 } } },
                                 .data = SLICE("hello"), .data_id = { 3, 3, 3, { 3 } } }, back;
        buf_clear(&out);
        assert_true(dcom_objref_write(&out, &r));
        assert_memory_equal(out.p, "MEOW", 4);
        assert_int_equal(dcom_objref_read(&arena, buf_slice(&out), &back, NULL), CIMF_OK);
        assert_int_equal(back.form, forms[i]);
        assert_true(guid_eq(&back.iid, &r.iid));
        if (forms[i] != OBJREF_CUSTOM) {
            assert_memory_equal(&back.std, &r.std, sizeof r.std);
            assert_int_equal(back.resolver.count, r.resolver.count);
            assert_memory_equal(back.resolver.words, r.resolver.words, r.resolver.count * 2);
        }
        if (forms[i] == OBJREF_HANDLER || forms[i] == OBJREF_CUSTOM) assert_true(guid_eq(&back.clsid, &r.clsid));
        if (forms[i] == OBJREF_CUSTOM || forms[i] == OBJREF_EXTENDED) assert_slice(back.data, "hello");
        for (size_t n = 0; n < out.n; n++) {
            char *exact = memcpy(arena_alloc(&arena, n + 1), out.p, n);
            /* Data of the custom form end where they end; rounding behind an element may be missing. */
            if (n >= (forms[i] == OBJREF_CUSTOM ? 48 : forms[i] == OBJREF_EXTENDED ? out.n - 3 : out.n)) continue;
            assert_int_equal(dcom_objref_read(&arena, slice_of(exact, n), &back, NULL), CIMF_PROTOCOL_ERROR);
        }
        out.p[4] |= 3; /* two forms at once */
        assert_int_equal(dcom_objref_read(&arena, buf_slice(&out), &back, NULL), CIMF_PROTOCOL_ERROR);
        out.p[0] = 'X';
        assert_int_equal(dcom_objref_read(&arena, buf_slice(&out), &back, NULL), CIMF_PROTOCOL_ERROR);
    }
}

/* What impacket asks for: within the stub at 0x30 stands the OBJREF. */
static void activation_of_a_client(void **state)
{
    struct dcom_activation q;
    struct slice stub = load("RemoteCreateInstance");
    struct error e = ERROR_INIT;
    struct slice objref = slice_sub(stub, 0x30);
    assert_int_equal(dcom_activation_read(&arena, objref, &q, &e), CIMF_OK);
    assert_int_equal(q.clsid.data1, 0x8bc3f05e);
    assert_int_equal(q.iid_count, 1);
    assert_int_equal(q.iids[0].data1, 0xf309ad18);
    assert_int_equal(q.protseq_count, 1);
    assert_int_equal(q.protseqs[0], TOWER_TCP);
    assert_false(q.has_session);
    for (size_t n = 0; n < objref.n - 6; n++) { /* six octets of padding at the end */
        char *exact = memcpy(arena_alloc(&arena, n + 1), objref.p, n);
        assert_int_not_equal(dcom_activation_read(&arena, slice_of(exact, n), &q, NULL), CIMF_OK);
    }
}

/* covers: wmi-dcom:D13 */
static void special_properties_in_both_layouts(void **state)
{
    struct guid iids[2] = { { 1, 0, 0, { 0 } }, { 2, 0, 0, { 0 } } };
    uint16_t protseqs[] = { 7, 15 };
    struct dcom_activation q = { .clsid = { 9, 9, 9, { 9 } }, .flags = 4, .iid_count = 2, .iids = iids, .protseq_count = 2,
                                 .protseqs = protseqs, .has_session = true, .session = 3 }, back;
    assert_true(dcom_activation_write(&out, &q));
    assert_int_equal(dcom_activation_read(&arena, buf_slice(&out), &back, NULL), CIMF_OK);
    assert_true(back.has_session);
    assert_int_equal(back.session, 3);
    assert_int_equal(back.flags, 4);
    assert_int_equal(back.iid_count, 2);
    assert_true(guid_eq(&back.iids[1], &iids[1]));
    assert_int_equal(back.protseqs[1], 15);
    /* The other layout is shorter by 8: the last property, its size in the header, the type's length. */
    size_t special = out.n - 104;
    assert_memory_equal(out.p + special, "\x01\x10\x08\x00\xcc\xcc\xcc\xcc\x58\0\0\0", 12);
    out.p[special + 8] = 0x50;
    for (size_t i = 48 + 8; i < special; i++)
        if (memcmp(out.p + i, "\x68\0\0\0\x01\x10\x08\0", 8) == 0) out.p[i] = 0x60;
    assert_int_equal(dcom_activation_read(&arena, slice_head(buf_slice(&out), out.n - 8), &back, NULL), CIMF_OK);
    assert_int_equal(back.session, 3);
}

static void answers(void **state)
{
    struct guid iids[2] = { { 1, 0, 0, { 0 } }, { 2, 0, 0, { 0 } } };
    uint32_t hresults[2] = { 0, 0x80004002 };
    struct slice interfaces[2] = { SLICE("an objref"), { NULL, 0 } };
    struct dcom_dual d = some_bindings();
    struct dcom_activated a = { 2, iids, hresults, interfaces, 77, &d, { 4, 4, 4, { 4 } }, 5, 5, 7 }, back;
    struct dcom_objref r;
    assert_true(dcom_activated_write(&out, &a));
    assert_int_equal(dcom_activated_read(&arena, buf_slice(&out), &back, NULL), CIMF_OK);
    assert_int_equal(back.count, 2);
    assert_slice(back.interfaces[0], "an objref");
    assert_null(back.interfaces[1].p);
    assert_int_equal(back.hresults[1], 0x80004002);
    assert_int_equal(back.oxid, 77);
    assert_int_equal(back.hint, 5);
    assert_int_equal(back.bindings->count, d.count);
    /* Clients cut out the properties by position: a header of 112 octets, two properties, in this order. */
    assert_int_equal(dcom_objref_read(&arena, buf_slice(&out), &r, NULL), CIMF_OK);
    const unsigned char *p = (const unsigned char *)r.data.p + 8;
    assert_int_equal(p[16 + 4], 112);
    assert_int_equal(p[16 + 16], 2);
    assert_memory_equal(p + 16 + 52, "\x39\x03\0\0", 4);
    assert_memory_equal(p + 16 + 68, "\xb6\x01\0\0", 4);
    uint32_t total = p[16] | (uint32_t)p[17] << 8, first = p[104] | (uint32_t)p[105] << 8, second = p[108] | (uint32_t)p[109] << 8;
    assert_int_equal(total, 112 + first + second);
    assert_int_equal(r.data.n, 8 + total);
    assert_int_equal(first % 8 + second % 8, 0);
}

/* Sizes that sum up to more than there is, and counts beyond the limits. */
static void properties_that_lie(void **state)
{
    struct dcom_activation q;
    struct slice objref = slice_sub(load("RemoteCreateInstance"), 0x30);
    static const struct { size_t at; unsigned char value; } lies[] = {
        { 0x88 - 0x30, 0 }, { 0x88 - 0x30, 11 }, { 0x88 - 0x30, 5 }, /* how many: none, too many, not as many */
        { 0xf2 - 0x30, 1 }, { 0xfe - 0x30, 1 },                      /* their sizes */
        { 0x7c - 0x30, 8 }, { 0x7f - 0x30, 0x80 },                   /* the size of the header */
        { 0x12c - 0x30, 0 }, { 0x12c - 0x30, 2 },                    /* interfaces */
        { 0xac - 0x30, 0xff }, { 0xdc - 0x30, 0xff },                /* what must be there is not */
        { 0x101 - 0x30, 7 }, { 0x108 - 0x30, 0xff },                 /* a serialised type that is none */
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        char *copy = memcpy(arena_alloc(&arena, objref.n), objref.p, objref.n);
        copy[lies[i].at] = (char)lies[i].value;
        if (dcom_activation_read(&arena, slice_of(copy, objref.n), &q, NULL) != CIMF_PROTOCOL_ERROR) fail_msg("lie %zu", i);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(bindings), T(no_bindings), T(bindings_that_lie), T(every_form), T(activation_of_a_client),
        T(special_properties_in_both_layouts), T(answers), T(properties_that_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
