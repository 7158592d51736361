/* KERB_VALIDATION_INFO: the example of MS-PAC, one of Samba, ones built here; every cut, wrong counts. */
#include "base/cursor.h"
#include "mech/kerberos.h"
#include "mech/test_hex.h"
#include "mech/test_pac.h"

#include <stdio.h>

/* What the builder is told; everything else is zero or empty. */
struct plan {
    const char *account, *domain; /* ASCII; NULL: a null pointer */
    uint32_t user, primary, flags;
    unsigned domain_count;        /* subauthorities of the domain's SID; 0: a null pointer */
    uint32_t groups[4][2];        /* RID, attributes; ends with RID 0 */
    uint32_t extra[4][3];         /* S-1-5-[0]-[1] with attributes [2]; ends with attributes 0 */
    bool resource;                /* a resource domain with groups 600 and, disabled, 601 */
    /* lies */
    uint32_t group_count, extra_count, text_actual, text_offset, text_maximum, sid_count;
};

struct built {
    unsigned char p[2048];
    size_t n;
};

static void u8(struct built *b, unsigned v)
{
    assert_true(b->n < sizeof b->p);
    b->p[b->n++] = (unsigned char)v;
}
static void u16(struct built *b, unsigned v)
{
    u8(b, v & 255);
    u8(b, v >> 8 & 255);
}
static void u32(struct built *b, uint32_t v)
{
    u16(b, v & 0xffff);
    u16(b, v >> 16);
}
static void zeros(struct built *b, size_t n)
{
    while (n--) u8(b, 0);
}
static void text_head(struct built *b, const char *z)
{
    size_t n = z ? strlen(z) * 2 : 0;
    u16(b, (unsigned)n);
    u16(b, (unsigned)n);
    u32(b, z ? 0x20000 : 0);
}
static void text_body(struct built *b, const struct plan *p, const char *z)
{
    uint32_t n = z ? (uint32_t)strlen(z) : 0;
    if (!z) return;
    u32(b, n + p->text_maximum);
    u32(b, p->text_offset);
    u32(b, n + p->text_actual);
    for (; *z; z++) u16(b, (unsigned char)*z);
    if (n % 2) u16(b, 0xeeee); /* what stands in gaps does not matter */
}
static void sid(struct built *b, const struct plan *p, unsigned count, const uint32_t *sub)
{
    u32(b, count + p->sid_count);
    u8(b, 1);
    u8(b, count);
    zeros(b, 5);
    u8(b, 5);
    for (unsigned i = 0; i < count; i++) u32(b, sub ? sub[i] : i ? i : 21);
}

static void build(struct built *b, const struct plan *p)
{
    uint32_t groups = 0, extra = 0;
    while (groups < 4 && p->groups[groups][0]) groups++;
    while (extra < 4 && p->extra[extra][2]) extra++;
    b->n = 0;
    u8(b, 1);
    u8(b, 0x10);
    u16(b, 8);
    u32(b, 0xcccccccc);
    zeros(b, 8); /* length: below */
    u32(b, 0x20000);
    zeros(b, 48);
    text_head(b, p->account);
    for (int i = 0; i < 5; i++) text_head(b, NULL);
    zeros(b, 4);
    u32(b, p->user);
    u32(b, p->primary);
    u32(b, groups + p->group_count);
    u32(b, groups ? 0x20004 : 0);
    u32(b, p->flags);
    zeros(b, 16);
    text_head(b, NULL);
    text_head(b, p->domain);
    u32(b, p->domain_count ? 0x20008 : 0);
    zeros(b, 40);
    u32(b, extra + p->extra_count);
    u32(b, extra ? 0x2000c : 0);
    u32(b, p->resource ? 0x20010 : 0);
    u32(b, p->resource ? 2 : 0);
    u32(b, p->resource ? 0x20014 : 0);
    text_body(b, p, p->account);
    if (groups) u32(b, groups);
    for (uint32_t i = 0; i < groups; i++) {
        u32(b, p->groups[i][0]);
        u32(b, p->groups[i][1]);
    }
    text_body(b, p, p->domain);
    if (p->domain_count) sid(b, p, p->domain_count, NULL);
    if (extra) u32(b, extra);
    for (uint32_t i = 0; i < extra; i++) {
        u32(b, 0x20100 + i);
        u32(b, p->extra[i][2]);
    }
    for (uint32_t i = 0; i < extra; i++) sid(b, p, 2, p->extra[i]);
    if (p->resource) {
        sid(b, p, 4, (const uint32_t[]){ 21, 7, 8, 9 });
        u32(b, 2);
        u32(b, 600);
        u32(b, 0x20000007);
        u32(b, 601);
        u32(b, 0);
    }
    uint32_t length = (uint32_t)b->n - 16;
    for (int i = 0; i < 4; i++) b->p[8 + i] = (unsigned char)(length >> 8 * i);
}

static const char *sid_text(struct slice s)
{
    static char text[256];
    struct cursor c = cursor_of(s);
    cursor_skip(&c, 1);
    unsigned count = cursor_u8(&c);
    cursor_skip(&c, 5);
    int n = snprintf(text, sizeof text, "S-1-%u", cursor_u8(&c));
    while (count--) n += snprintf(text + n, sizeof text - (size_t)n, "-%u", cursor_u32le(&c));
    assert_false(c.bad);
    assert_int_equal(cursor_left(&c), 0);
    return text;
}

static const struct plan simple = { .account = "alice",
                                    .domain = "DOM",
                                    .user = 1104,
                                    .primary = 513,
                                    .domain_count = 4,
                                    .flags = 0x220,
                                    .groups = { { 513, 7 }, { 1200, 7 }, { 1201, 0 } },
                                    .extra = { { 1000, 5, 7 }, { 32, 544, 7 }, { 2000, 6, 0x17 } },
                                    .resource = true };

static struct kerberos_pac read_plan(struct arena *a, const struct plan *p, cimf_status expected)
{
    struct built b;
    struct kerberos_pac pac;
    struct error e = ERROR_INIT;
    build(&b, p);
    assert_int_equal(kerberos_pac_read(a, slice_of((char *)b.p, b.n), &pac, &e), expected);
    if (expected != CIMF_OK) assert_int_equal(pac.sid_count, 0);
    return pac;
}

static void own_sid_first(void **state)
{
    struct arena a;
    arena_init(&a, 0);
    struct kerberos_pac pac = read_plan(&a, &simple, CIMF_OK);
    assert_slice(pac.account, "alice");
    assert_slice(pac.domain, "DOM");
    static const char *const expected[] = { "S-1-5-21-1-2-3-1104", "S-1-5-21-1-2-3-513",
                                            "S-1-5-21-1-2-3-1200", "S-1-5-1000-5",
                                            "S-1-5-21-7-8-9-600" };
    assert_int_equal(pac.sid_count, 5); /* no disabled, deny-only and built-in ones */
    for (unsigned i = 0; i < 5; i++) assert_string_equal(sid_text(pac.sids[i]), expected[i]);
    arena_free(&a);
}

static void variants(void **state)
{
    struct arena a;
    arena_init(&a, 0);
    struct plan p = simple;
    p.flags = 0; /* neither extra SIDs nor resource groups count */
    assert_int_equal(read_plan(&a, &p, CIMF_OK).sid_count, 3);
    p.primary = 514; /* not among the groups: still one of them */
    struct kerberos_pac pac = read_plan(&a, &p, CIMF_OK);
    assert_int_equal(pac.sid_count, 4);
    assert_string_equal(sid_text(pac.sids[3]), "S-1-5-21-1-2-3-514");
    p = simple;
    p.user = 0; /* the first extra SID is the user's own */
    pac = read_plan(&a, &p, CIMF_OK);
    assert_string_equal(sid_text(pac.sids[0]), "S-1-5-1000-5");
    assert_int_equal(pac.sid_count, 4);
    p.extra[0][0] = 18; /* the system? no realm says so */
    read_plan(&a, &p, CIMF_BAD_REQUEST);
    p.flags = 0;
    read_plan(&a, &p, CIMF_BAD_REQUEST);
    p = (struct plan){ .user = 500, .domain_count = 4 }; /* as bare as can be */
    pac = read_plan(&a, &p, CIMF_OK);
    assert_slice(pac.account, "");
    assert_int_equal(pac.sid_count, 1);
    p.domain_count = 3; /* not the SID of a domain */
    read_plan(&a, &p, CIMF_BAD_REQUEST);
    p.domain_count = 0;
    read_plan(&a, &p, CIMF_BAD_REQUEST);
    p.domain_count = 15; /* no room for a RID */
    read_plan(&a, &p, CIMF_BAD_REQUEST);
    arena_free(&a);
}

static void lies(void **state)
{
    struct arena a;
    arena_init(&a, 0);
    static const struct plan changes[] = {
        { .group_count = 1 },           { .group_count = 0xfffffff0 }, { .extra_count = 1 },
        { .extra_count = 0x7fffffff },  { .text_actual = 1 },          { .text_offset = 1 },
        { .text_maximum = 0x80000000 }, { .sid_count = 1 },            { .sid_count = 0xffffff00 },
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct plan p = simple;
        p.group_count = changes[i].group_count;
        p.extra_count = changes[i].extra_count;
        p.text_actual = changes[i].text_actual;
        p.text_offset = changes[i].text_offset;
        p.text_maximum = changes[i].text_maximum;
        p.sid_count = changes[i].sid_count;
        read_plan(&a, &p, CIMF_BAD_REQUEST);
    }
    struct built b;
    struct kerberos_pac pac;
    static const struct {
        size_t at;
        unsigned char value;
    } head[] = { { 0, 2 }, { 1, 0 }, { 2, 4 }, { 11, 1 } };
    for (size_t i = 0; i < sizeof head / sizeof *head; i++) {
        build(&b, &simple);
        b.p[head[i].at] = head[i].value;
        assert_int_equal(kerberos_pac_read(&a, slice_of((char *)b.p, b.n), &pac, NULL), CIMF_BAD_REQUEST);
    }
    build(&b, &simple);
    memset(b.p + 16, 0, 4); /* a pointer to nothing */
    assert_int_equal(kerberos_pac_read(&a, slice_of((char *)b.p, b.n), &pac, NULL), CIMF_BAD_REQUEST);
    arena_free(&a);
}

/* Whole, cut anywhere, and with a length that says so. */
static void cut(const unsigned char *p, size_t n, unsigned sids, const char *account, const char *own)
{
    unsigned char copy[2048];
    struct arena a;
    struct kerberos_pac pac;
    arena_init(&a, 0);
    assert_int_equal(kerberos_pac_read(&a, slice_of((const char *)p, n), &pac, NULL), CIMF_OK);
    assert_slice(pac.account, account);
    assert_int_equal(pac.sid_count, sids);
    assert_string_equal(sid_text(pac.sids[0]), own);
    size_t used = n;
    for (size_t at = 0; at < n; at++) {
        memcpy(copy, p, n);
        assert_int_equal(kerberos_pac_read(&a, slice_of((char *)copy, at), &pac, NULL),
                         CIMF_BAD_REQUEST);
        if (at < 16) continue;
        for (int i = 0; i < 4; i++) copy[8 + i] = (unsigned char)((at - 16) >> 8 * i);
        cimf_status status = kerberos_pac_read(&a, slice_of((char *)copy, at), &pac, NULL);
        if (status == CIMF_OK && at < used) used = at;
        if (status != CIMF_OK) assert_int_equal(status, CIMF_BAD_REQUEST);
    }
    assert_true(n - used < 8); /* only what fills up to a multiple of 8 may be missing */
    arena_free(&a);
}

static void example_of_the_specification(void **state)
{
    unsigned char bytes[2048];
    size_t n = hex_bytes(pac_example, bytes, sizeof bytes);
    struct kerberos_pac pac;
    struct arena a;
    arena_init(&a, 0);
    cut(bytes, n, 1 + 26 + 13, "lzhu", "S-1-5-21-397955417-626881126-188441444-2914711");
    assert_int_equal(kerberos_pac_read(&a, slice_of((char *)bytes, n), &pac, NULL), CIMF_OK);
    assert_slice(pac.domain, "NTDEV");
    assert_string_equal(sid_text(pac.sids[1]), "S-1-5-21-397955417-626881126-188441444-3392609");
    assert_string_equal(sid_text(pac.sids[27]), "S-1-5-21-773533881-1816936887-355810188-513");
    assert_string_equal(sid_text(pac.sids[39]), "S-1-5-21-397955417-626881126-188441444-3038983");
    arena_free(&a);
}

static void one_of_samba(void **state)
{
    unsigned char bytes[2048];
    size_t n = hex_bytes(pac_samba, bytes, sizeof bytes);
    struct kerberos_pac pac;
    struct arena a;
    arena_init(&a, 0);
    cut(bytes, n, 6, "alice", "S-1-5-21-3524883042-3022405993-2613653936-1102");
    assert_int_equal(kerberos_pac_read(&a, slice_of((char *)bytes, n), &pac, NULL), CIMF_OK);
    assert_slice(pac.domain, "CIMDOM");
    static const unsigned rids[] = { 1102, 513, 1104, 1106, 1105 };
    for (unsigned i = 0; i < 5; i++) {
        char expected[64];
        snprintf(expected, sizeof expected, "S-1-5-21-3524883042-3022405993-2613653936-%u", rids[i]);
        assert_string_equal(sid_text(pac.sids[i]), expected);
    }
    assert_string_equal(sid_text(pac.sids[5]), "S-1-18-1");
    arena_free(&a);
}

static void cut_anywhere(void **state)
{
    struct built b;
    build(&b, &simple);
    cut(b.p, b.n, 5, "alice", "S-1-5-21-1-2-3-1104");
}

static void no_memory(void **state)
{
    struct built b;
    struct kerberos_pac pac;
    struct arena a;
    build(&b, &simple);
    bool enough = false;
    for (size_t cap = 0; !enough; cap += 16) {
        assert_true(cap < 65536);
        arena_init(&a, cap ? cap : 1);
        cimf_status status = kerberos_pac_read(&a, slice_of((char *)b.p, b.n), &pac, NULL);
        enough = status == CIMF_OK;
        if (!enough) assert_int_equal(status, CIMF_OUT_OF_MEMORY);
        assert_int_equal(pac.sid_count, enough ? 5 : 0);
        arena_free(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_sid_first), cmocka_unit_test(variants),
        cmocka_unit_test(lies),          cmocka_unit_test(example_of_the_specification),
        cmocka_unit_test(one_of_samba),  cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
