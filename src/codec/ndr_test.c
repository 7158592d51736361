/* NDR by tables: the vectors of the digest, every kind both ways, both byte orders, and counts that lie. */
#include "base/test.h"

#include "codec/ndr.h"

/* ---- tables ---- */

struct login {
    struct slice resource, locale;
    uint32_t flags;
    struct slice context;
    struct slice *services; /* [in,out,unique] pair */
    uint32_t result;
};
static const struct ndr_row login_rows[] = {
    { NDR_AT(struct login, resource, STRING), .flags = NDR_IN | NDR_UNIQUE },
    { NDR_AT(struct login, locale, STRING), .flags = NDR_IN | NDR_UNIQUE },
    { NDR_AT(struct login, flags, U32), .flags = NDR_IN },
    { NDR_AT(struct login, context, INTERFACE), .flags = NDR_IN },
    { NDR_AT(struct login, services, PTR), .flags = NDR_OUT, .of = &ndr_interface },
    { NDR_AT(struct login, result, U32), .flags = NDR_OUT },
};
static const struct ndr_type login_type = NDR_TYPE("NTLMLogin", struct login, login_rows);

struct next {
    uint32_t timeout, count;
    struct slice *objects;
    uint32_t returned, result;
};
static const struct ndr_row next_rows[] = {
    { NDR_AT(struct next, timeout, U32), .flags = NDR_IN },
    { NDR_AT(struct next, count, U32), .flags = NDR_IN },
    { NDR_AT(struct next, objects, ARRAY), .flags = NDR_OUT | NDR_VARYING | NDR_COUNTED, .of = &ndr_interface,
      NDR_SIZE(struct next, count), NDR_LENGTH(struct next, returned) },
    { NDR_AT(struct next, returned, U32), .flags = NDR_OUT | NDR_COUNTED },
    { NDR_AT(struct next, result, U32), .flags = NDR_OUT },
};
static const struct ndr_type next_type = NDR_TYPE("Next", struct next, next_rows);

struct query_interface {
    struct guid ipid;
    uint32_t refs;
    uint16_t count;
    struct guid *iids;
};
static const struct ndr_row query_rows[] = {
    { NDR_AT(struct query_interface, ipid, GUID), .flags = NDR_IN },
    { NDR_AT(struct query_interface, refs, U32), .flags = NDR_IN },
    { NDR_AT(struct query_interface, count, U16), .flags = NDR_IN },
    { NDR_AT(struct query_interface, iids, ARRAY), .flags = NDR_IN, .of = &ndr_guid,
      NDR_SIZE(struct query_interface, count) },
};
static const struct ndr_type query_type = NDR_TYPE("RemQueryInterface", struct query_interface, query_rows);

struct inner {
    uint8_t kind;
    uint64_t number;
    struct slice name;
};
static const struct ndr_row inner_rows[] = {
    { NDR_AT(struct inner, kind, U8) },
    { NDR_AT(struct inner, number, U64) },
    { NDR_AT(struct inner, name, STRING), .flags = NDR_UNIQUE },
};
static const struct ndr_type inner_type = NDR_TYPE("inner", struct inner, inner_rows);
struct tail {
    uint16_t count, more;
    uint16_t *words;
};
static const struct ndr_row tail_rows[] = {
    { NDR_AT(struct tail, count, U16) },
    { NDR_AT(struct tail, more, U16) },
    { NDR_AT(struct tail, words, ARRAY), .flags = NDR_TAIL, .of = &ndr_u16, NDR_SIZE(struct tail, count) },
};
static const struct ndr_type tail_type = NDR_TYPE("tail", struct tail, tail_rows);
struct outer {
    struct outer *next;
    uint32_t count, kind, byte_count;
    struct inner *array;
    struct inner one;
    struct slice text;
    struct tail *tail;
    uint8_t *bytes;
    uint16_t fixed[3];
    struct slice *names;
    uint32_t name_count;
};
static const struct ndr_type outer_type;
static const struct ndr_row outer_rows[] = {
    { NDR_AT(struct outer, next, PTR), .of = &outer_type },
    { NDR_AT(struct outer, count, U32) },
    { NDR_AT(struct outer, kind, ENUM) },
    { NDR_AT(struct outer, byte_count, U32) },
    { NDR_AT(struct outer, array, ARRAY), .flags = NDR_UNIQUE, .of = &inner_type, NDR_SIZE(struct outer, count) },
    { NDR_AT(struct outer, one, STRUCT), .of = &inner_type },
    { NDR_AT(struct outer, text, BSTR) },
    { NDR_AT(struct outer, tail, PTR), .flags = NDR_REF, .of = &tail_type },
    { NDR_AT(struct outer, bytes, ARRAY), .flags = NDR_UNIQUE, .of = &ndr_u8, NDR_SIZE(struct outer, byte_count) },
    { NDR_AT(struct outer, fixed, FIXED), .extent = 3, .of = &ndr_u16 },
    { NDR_AT(struct outer, names, ARRAY), .flags = NDR_UNIQUE, .of = &ndr_string,
      NDR_SIZE(struct outer, name_count) },
    { NDR_AT(struct outer, name_count, U32) },
};
static const struct ndr_type outer_type = NDR_TYPE("outer", struct outer, outer_rows);

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

static struct slice hex(const char *text)
{
    char *p = arena_alloc(&arena, strlen(text) / 2 + 1);
    size_t n = 0;
    for (int high = -1; *text; text++) {
        int v = *text >= 'a' ? *text - 'a' + 10 : *text >= '0' ? *text - '0' : -1;
        if (*text == ' ' || v < 0) continue;
        if (high < 0) high = v;
        else p[n++] = (char)(high << 4 | v), high = -1;
    }
    return slice_of(p, n);
}

static cimf_status in(struct slice stub, bool big, const struct ndr_type *t, unsigned direction, void *record)
{
    struct ndr_reader r;
    struct error e = ERROR_INIT;
    ndr_reader_init(&r, &arena, stub, big);
    return direction ? ndr_read_parameters(&r, t, direction, record, &e) : ndr_read(&r, t, record, &e);
}

/* ---- tests ---- */

/* Padding between the strings is not zero, and no byte behind the last parameter is asked for. */
static void login_of_a_client(void **state)
{
    struct slice stub = hex("c8310000 09000000 00000000 09000000 2f002f002e002f0072006f006f0074000000 bfbf"
                            "00000000 00000000 00000000");
    struct login l = { 0 };
    assert_int_equal(in(stub, false, &login_type, NDR_IN, &l), CIMF_OK);
    assert_slice(l.resource, "//./root");
    assert_null(l.locale.p);
    assert_int_equal(l.flags, 0);
    assert_null(l.context.p);

    struct ndr_writer w;
    ndr_writer_init(&w, &out);
    assert_true(ndr_write_parameters(&w, &login_type, NDR_IN, &l));
    assert_int_equal(out.n, stub.n);
    assert_memory_equal(out.p + 4, stub.p + 4, 30);
    for (size_t n = 0; n < stub.n; n++) {
        struct login cut = { 0 };
        assert_int_equal(in(slice_head(stub, n), false, &login_type, NDR_IN, &cut), CIMF_PROTOCOL_ERROR);
    }
}

static void pairs_of_pointers(void **state)
{
    struct slice object = SLICE("object");
    struct login l = { .services = &object, .result = 5 }, back = { 0 };
    struct ndr_writer w;
    ndr_writer_init(&w, &out);
    assert_true(ndr_write_parameters(&w, &login_type, NDR_OUT, &l));
    assert_int_equal(out.n, 4 + 4 + 4 + 4 + 8 + 4);
    assert_int_equal(in(buf_slice(&out), false, &login_type, NDR_OUT, &back), CIMF_OK);
    assert_slice(*back.services, "object");
    assert_int_equal(back.result, 5);
    buf_clear(&out); /* an outer NULL, and an outer one with nothing in it */
    l.services = NULL;
    ndr_writer_init(&w, &out);
    assert_true(ndr_write_parameters(&w, &login_type, NDR_OUT, &l));
    assert_int_equal(out.n, 8);
    buf_clear(&out);
    object = SLICE_NULL;
    l.services = &object;
    ndr_writer_init(&w, &out);
    assert_true(ndr_write_parameters(&w, &login_type, NDR_OUT, &l));
    assert_int_equal(out.n, 12);
    assert_int_equal(in(buf_slice(&out), false, &login_type, NDR_OUT, &back), CIMF_OK);
    assert_non_null(back.services);
    assert_null(back.services->p);
}

static void next_of_an_enumerator(void **state)
{
    struct next n = { 0 };
    assert_int_equal(in(hex("ffffffff 01000000 00000000"), false, &next_type, NDR_IN, &n), CIMF_OK);
    assert_int_equal(n.timeout, UINT32_MAX);
    assert_int_equal(n.count, 1);
    struct slice objects[2] = { SLICE("abc"), SLICE("defgh") };
    struct next o = { .count = 3, .objects = objects, .returned = 2, .result = 1 }, back = { .count = 3 };
    struct ndr_writer w;
    ndr_writer_init(&w, &out);
    assert_true(ndr_write_parameters(&w, &next_type, NDR_OUT, &o));
    struct slice stub = buf_slice(&out);
    assert_memory_equal(stub.p, "\3\0\0\0\0\0\0\0\2\0\0\0", 12);
    assert_memory_equal(stub.p + stub.n - 8, "\2\0\0\0\1\0\0\0", 8);
    assert_int_equal(in(stub, false, &next_type, NDR_OUT, &back), CIMF_OK);
    assert_int_equal(back.returned, 2);
    assert_slice(back.objects[1], "defgh");
    /* The count behind the array says more than there is; the array is larger than what was asked for. */
    out.p[out.n - 8] = 3;
    back = (struct next){ .count = 3 };
    assert_int_equal(in(stub, false, &next_type, NDR_OUT, &back), CIMF_PROTOCOL_ERROR);
    out.p[out.n - 8] = 2;
    back = (struct next){ .count = 2 };
    assert_int_equal(in(stub, false, &next_type, NDR_OUT, &back), CIMF_PROTOCOL_ERROR);
}

static void counts_agree(void **state)
{
    static const char *const bad[] = {
        "0200 0000 01000000", /* the array is shorter than its count */
        "0100 0000 02000000", /* and longer */
        "ffff 0000 ffff0000", /* more than there are bytes */
        "0100 0000 ffffffff",
    };
    char text[256] = "00112233 4455 6677 8899aabbccddeeff 05000000 ";
    size_t n = strlen(text);
    struct query_interface q = { 0 };
    strcpy(text + n, "0100 0000 01000000 00112233445566778899aabbccddeeff");
    assert_int_equal(in(hex(text), false, &query_type, NDR_IN, &q), CIMF_OK);
    assert_int_equal(q.count, 1);
    assert_int_equal(q.ipid.data1, 0x33221100);
    assert_true(guid_eq(&q.iids[0], &q.ipid));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        strcpy(text + n, bad[i]);
        strcat(text, "00112233445566778899aabbccddeeff");
        assert_int_equal(in(hex(text), false, &query_type, NDR_IN, &q), CIMF_PROTOCOL_ERROR);
    }
}

static void make_outer(struct outer *o)
{
    static uint16_t words[] = { 1, 2, 3 };
    static struct tail tail = { 3, 77, words };
    static struct inner many[] = { { 1, 1ull << 40, SLICE("eins") }, { 2, 2, { NULL, 0 } }, { 3, 3, { "", 0 } } };
    static struct slice names[] = { SLICE("a"), { NULL, 0 }, SLICE("\xc3\xa4\xf0\x9f\x98\x80") };
    *o = (struct outer){ .count = 3, .kind = 500, .byte_count = 5, .array = many, .one = { 9, 10, SLICE("one") },
                         .text = SLICE("text"), .tail = &tail, .bytes = (uint8_t *)"12345", .fixed = { 7, 8, 9 },
                         .names = names, .name_count = 3 };
}

static void check_outer(const struct outer *o)
{
    assert_int_equal(o->kind, 500);
    assert_int_equal(o->count, 3);
    assert_slice(o->array[0].name, "eins");
    assert_true(o->array[0].number == 1ull << 40);
    assert_null(o->array[1].name.p);
    assert_non_null(o->array[2].name.p);
    assert_int_equal(o->array[2].name.n, 0);
    assert_slice(o->one.name, "one");
    assert_slice(o->text, "text");
    assert_int_equal(o->tail->more, 77);
    assert_int_equal(o->tail->words[2], 3);
    assert_memory_equal(o->bytes, "12345", 5);
    assert_int_equal(o->fixed[2], 9);
    assert_int_equal(o->name_count, 3);
    assert_slice(o->names[2], "\xc3\xa4\xf0\x9f\x98\x80");
}

static void every_kind_both_ways(void **state)
{
    struct outer o, second, back = { 0 };
    struct ndr_writer w;
    make_outer(&o);
    second = o;
    o.next = &second;
    ndr_writer_init(&w, &out);
    assert_true(ndr_write(&w, &outer_type, &o));
    assert_int_equal(in(buf_slice(&out), false, &outer_type, 0, &back), CIMF_OK);
    check_outer(&back);
    check_outer(back.next);
    assert_null(back.next->next);
    for (size_t n = 0; n < out.n; n++) {
        struct outer cut = { 0 };
        char *exact = memcpy(arena_alloc(&arena, n + 1), out.p, n);
        assert_int_equal(in(slice_of(exact, n), false, &outer_type, 0, &cut), CIMF_PROTOCOL_ERROR);
    }
}

/* A list that is longer than the bound ends in an error, not on the stack. */
static void depth(void **state)
{
    struct outer list[40], back = { 0 };
    struct ndr_writer w;
    for (int i = 0; i < 40; i++) {
        make_outer(&list[i]);
        list[i].next = i < 39 ? &list[i + 1] : NULL;
    }
    ndr_writer_init(&w, &out);
    assert_true(ndr_write(&w, &outer_type, &list[0]));
    assert_int_equal(in(buf_slice(&out), false, &outer_type, 0, &back), CIMF_PROTOCOL_ERROR);
    buf_clear(&out);
    list[20].next = NULL;
    ndr_writer_init(&w, &out);
    assert_true(ndr_write(&w, &outer_type, &list[0]));
    assert_int_equal(in(buf_slice(&out), false, &outer_type, 0, &back), CIMF_OK);
}

static void big_endian(void **state)
{
    struct query_interface q = { 0 };
    struct slice stub = hex("33221100 5544 7766 8899aabbccddeeff 00000005 0001 0000 00000001"
                            "33221100 5544 7766 8899aabbccddeeff");
    assert_int_equal(in(stub, true, &query_type, NDR_IN, &q), CIMF_OK);
    assert_int_equal(q.refs, 5);
    assert_int_equal(q.iids[0].data2, 0x5544);
    struct login l = { 0 };
    stub = hex("00000001 00000003 00000000 00000003 0061 00e4 0000 0000 00000000 00000007 00000000");
    assert_int_equal(in(stub, true, &login_type, NDR_IN, &l), CIMF_OK);
    assert_slice(l.resource, "a\xc3\xa4");
    assert_int_equal(l.flags, 7);
}

static void strings_that_are_none(void **state)
{
    static const char *const bad[] = {
        "01000000 02000000 00000000 02000000 41004100", /* no terminator */
        "01000000 03000000 00000000 03000000 410000000000", /* two */
        "01000000 02000000 01000000 01000000 0000", /* begins later */
        "01000000 01000000 00000000 02000000 41000000", /* more than there may be */
        "01000000 00000000 00000000 00000000", /* nothing at all */
        "01000000 ffffffff 00000000 ffffffff 41000000",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct slice s = SLICE_NULL;
        assert_int_equal(in(hex(bad[i]), false, &ndr_string, 0, &s), CIMF_PROTOCOL_ERROR);
    }
}

static void bstrs(void **state)
{
    static const struct { const char *wire, *text; } good[] = {
        { "01000000 02000000 04000000 02000000 61006200", "ab" },
        { "01000000 03000000 06000000 03000000 610062000000", "ab" }, /* a terminator that is counted */
        { "01000000 00000000 00000000 00000000", "" },
        { "01000000 00000000 ffffffff 00000000", NULL },
        { "00000000", NULL },
    };
    static const char *const bad[] = {
        "01000000 02000000 03000000 02000000 61006200", "01000000 02000000 06000000 02000000 61006200",
        "01000000 01000000 04000000 02000000 61006200", "01000000 01000000 ffffffff 01000000 6100",
        "01000000 ffffff7f feffffff ffffff7f 6100",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct slice s = SLICE("x");
        assert_int_equal(in(hex(good[i].wire), false, &ndr_bstr, 0, &s), CIMF_OK);
        if (good[i].text) assert_slice(s, good[i].text);
        else assert_null(s.p);
        if (good[i].text) assert_non_null(s.p);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct slice s;
        assert_int_equal(in(hex(bad[i]), false, &ndr_bstr, 0, &s), CIMF_PROTOCOL_ERROR);
    }
    struct ndr_writer w;
    struct slice null = SLICE_NULL, s = SLICE("ab");
    ndr_writer_init(&w, &out);
    assert_true(ndr_write(&w, &ndr_bstr, &s));
    assert_memory_equal(out.p + 4, "\2\0\0\0\4\0\0\0\2\0\0\0a\0b\0", 16);
    buf_clear(&out);
    ndr_writer_init(&w, &out);
    assert_true(ndr_write(&w, &ndr_bstr, &null));
    assert_memory_equal(out.p + 4, "\0\0\0\0\xff\xff\xff\xff\0\0\0\0", 12);
}

/* covers: wmi-dcom:R30 */
static void serialised_types(void **state)
{
    struct outer o, back = { 0 };
    struct slice rest;
    make_outer(&o);
    assert_true(ndr_pickle(&out, &outer_type, &o));
    assert_int_equal(out.n % 8, 0);
    assert_memory_equal(out.p, "\x01\x10\x08\x00\xcc\xcc\xcc\xcc", 8);
    size_t first = out.n;
    assert_true(ndr_pickle(&out, &outer_type, &o));
    assert_int_equal(ndr_unpickle(&arena, buf_slice(&out), &outer_type, &back, &rest, NULL), CIMF_OK);
    check_outer(&back);
    assert_int_equal(rest.n, out.n - first);
    assert_int_equal(ndr_unpickle(&arena, rest, &outer_type, &back, &rest, NULL), CIMF_OK);
    assert_int_equal(rest.n, 0);
    for (size_t n = 0; n < first; n++)
        assert_int_equal(ndr_unpickle(&arena, slice_head(buf_slice(&out), n), &outer_type, &back, NULL, NULL), CIMF_PROTOCOL_ERROR);
    out.p[0] = 2;
    assert_int_equal(ndr_unpickle(&arena, buf_slice(&out), &outer_type, &back, NULL, NULL), CIMF_PROTOCOL_ERROR);
}

struct choice {
    uint32_t kind, more;
    union {
        struct slice object;
        struct inner inner;
    } of;
};
static const struct ndr_row arm_rows[] = {
    { .name = "object", .kind = NDR_INTERFACE, .extent = 3 },
    { .name = "inner", .kind = NDR_STRUCT, .extent = 6, .of = &inner_type },
};
static const struct ndr_type arms_type = { "arms", arm_rows, 2, sizeof(struct inner) };
static const struct ndr_row choice_rows[] = {
    { NDR_AT(struct choice, kind, U32) },
    { NDR_AT(struct choice, of, UNION), .of = &arms_type, NDR_SIZE(struct choice, kind) },
    { NDR_AT(struct choice, more, U32) },
};
static const struct ndr_type choice_type = NDR_TYPE("choice", struct choice, choice_rows);

static void unions(void **state)
{
    struct choice c = { .kind = 3, .more = 9, .of.object = SLICE("obj") }, back = { 0 };
    struct ndr_writer w;
    ndr_writer_init(&w, &out);
    assert_true(ndr_write(&w, &choice_type, &c));
    assert_memory_equal(out.p, "\3\0\0\0\3\0\0\0", 8);
    assert_memory_equal(out.p + 12, "\x09\0\0\0\3\0\0\0\3\0\0\0obj", 15);
    assert_int_equal(in(buf_slice(&out), false, &choice_type, 0, &back), CIMF_OK);
    assert_slice(back.of.object, "obj");
    assert_int_equal(back.more, 9);
    out.p[4] = 6; /* its own discriminant says something else */
    assert_int_equal(in(buf_slice(&out), false, &choice_type, 0, &back), CIMF_PROTOCOL_ERROR);
    out.p[0] = out.p[4] = 5; /* a kind that there is not */
    assert_int_equal(in(buf_slice(&out), false, &choice_type, 0, &back), CIMF_PROTOCOL_ERROR);
    buf_clear(&out);
    c = (struct choice){ .kind = 6, .more = 9, .of.inner = { 1, 2, SLICE("name") } };
    ndr_writer_init(&w, &out);
    assert_true(ndr_write(&w, &choice_type, &c));
    assert_int_equal(in(buf_slice(&out), false, &choice_type, 0, &back), CIMF_OK);
    assert_slice(back.of.inner.name, "name");
    c.kind = 7;
    assert_false(ndr_write(&w, &choice_type, &c));
}

static void what_cannot_be_said(void **state)
{
    struct outer o;
    struct ndr_writer w;
    make_outer(&o);
    o.tail = NULL; /* a reference */
    ndr_writer_init(&w, &out);
    assert_false(ndr_write(&w, &outer_type, &o));
    make_outer(&o);
    o.text = SLICE("\xff");
    ndr_writer_init(&w, &out);
    assert_false(ndr_write(&w, &outer_type, &o));
    make_outer(&o);
    o.array = NULL; /* but counted */
    ndr_writer_init(&w, &out);
    assert_false(ndr_write(&w, &outer_type, &o));
}

/* The arena's cap is the bound of memory. */
static void memory(void **state)
{
    struct outer o, back = { 0 };
    struct arena small;
    struct ndr_reader r;
    struct ndr_writer w;
    make_outer(&o);
    ndr_writer_init(&w, &out);
    assert_true(ndr_write(&w, &outer_type, &o));
    arena_init(&small, 256);
    ndr_reader_init(&r, &small, buf_slice(&out), false);
    assert_int_equal(ndr_read(&r, &outer_type, &back, NULL), CIMF_OUT_OF_MEMORY);
    arena_free(&small);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

struct file {
    struct slice name;
    uint32_t flags;
};
static const struct ndr_row file_rows[] = {
    { NDR_AT(struct file, name, STRING), .flags = NDR_IN | NDR_EITHER },
    { NDR_AT(struct file, flags, U32), .flags = NDR_IN },
};
static const struct ndr_type file_type = NDR_TYPE("Backup", struct file, file_rows);

/* A string in place, and the same behind a referent. */
static void test_either_form_of_a_string(void **state)
{
    static const char in_place[] = "\2\0\0\0\0\0\0\0\2\0\0\0a\0\0\0\7\0\0\0";
    static const char behind[] = "\0\0\2\0\2\0\0\0\0\0\0\0\2\0\0\0a\0\0\0\7\0\0\0";
    static const char null[] = "\0\0\0\0\7\0\0\0\0\0\0\0\0\0\0\0";
    const struct slice forms[] = { slice_of(in_place, sizeof in_place - 1), slice_of(behind, sizeof behind - 1),
                                   slice_of(null, sizeof null - 1) };
    for (int i = 0; i < 3; i++) {
        for (size_t n = 0; n <= forms[i].n; n++) {
            struct arena a;
            struct ndr_reader r;
            struct file f = { .flags = 0 };
            struct error e = ERROR_INIT;
            arena_init(&a, 0);
            ndr_reader_init(&r, &a, slice_head(forms[i], n), false);
            cimf_status s = ndr_read_parameters(&r, &file_type, NDR_IN, &f, &e);
            if (i == 2 || n < forms[i].n) {
                assert_int_equal(s, CIMF_PROTOCOL_ERROR);
            } else {
                assert_int_equal(s, CIMF_OK);
                assert_true(slice_is(f.name, "a"));
                assert_int_equal(f.flags, 7);
            }
            arena_free(&a);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_either_form_of_a_string),
        T(login_of_a_client), T(pairs_of_pointers), T(next_of_an_enumerator), T(counts_agree), T(every_kind_both_ways),
        T(depth), T(big_endian), T(strings_that_are_none), T(bstrs), T(serialised_types), T(unions), T(what_cannot_be_said), T(memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
