/* Records: what goes in comes out; every truncation and every changed byte ends in an answer. */
#include "base/test.h"

#include <math.h>
#include <stdlib.h>

#include "repo/checksum.h"
#include "repo/fixture.h"
#include "repo/record.h"

static struct arena a;
static struct buf out;

static int setup(void **state)
{
    arena_init(&a, 0);
    buf_init(&out, 0);
    return 0;
}

static int teardown(void **state)
{
    arena_free(&a);
    buf_free(&out);
    return 0;
}

/* RFC 3720 B.4 */
static void test_checksum(void **state)
{
    unsigned char bytes[32];
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(checksum_crc32c(0, bytes, 32), 0x8A9136AA);
    memset(bytes, 0xFF, sizeof bytes);
    assert_int_equal(checksum_crc32c(0, bytes, 32), 0x62A8AB43);
    for (unsigned i = 0; i < 32; i++) bytes[i] = (unsigned char)i;
    assert_int_equal(checksum_crc32c(0, bytes, 32), 0x46DD794E);
    assert_int_equal(checksum_crc32c_table(0, bytes, 32), 0x46DD794E);
    for (size_t n = 0; n < 32; n++) { /* in two steps, any alignment */
        uint32_t crc = checksum_crc32c(checksum_crc32c(0, bytes, n), bytes + n, 32 - n);
        assert_int_equal(crc, 0x46DD794E);
        assert_int_equal(checksum_crc32c(0, bytes + n, 32 - n), checksum_crc32c_table(0, bytes + n, 32 - n));
    }
}

/* One property of every type, scalar and array. */
static const uint16_t types[] = { CIM_SINT8, CIM_SINT16, CIM_SINT32, CIM_SINT64, CIM_UINT8, CIM_UINT16,
                                  CIM_UINT32, CIM_UINT64, CIM_REAL32, CIM_REAL64, CIM_BOOLEAN, CIM_CHAR16,
                                  CIM_STRING, CIM_DATETIME, CIM_REFERENCE, CIM_OBJECT };
enum { TYPES = sizeof types / sizeof *types };

static const struct cim_class *all_types(struct cim_property_decl *props)
{
    const struct cim_class *cls;
    for (unsigned i = 0; i < 2 * TYPES; i++) {
        props[i] = (struct cim_property_decl){ .name = arena_printf(&a, "p%u", i),
                                               .type = (uint16_t)(types[i % TYPES] | (i < TYPES ? 0 : CIM_ARRAY)) };
    }
    assert_int_equal(cim_class_adhoc(&a, SLICE("All"), props, 2 * TYPES, &cls), CIMF_OK);
    return cls;
}

static union cim_data sample(unsigned base, bool high, const struct cim_instance *inner)
{
    int64_t min;
    uint64_t max;
    if (cim_type_is_integer(base)) {
        cim_type_range(base, &min, &max);
        if (cim_type_is_signed(base)) return (union cim_data){ .i = high ? (int64_t)max : min };
        return (union cim_data){ .u = high ? max : 0 };
    }
    if (base == CIM_REAL32) return (union cim_data){ .r = high ? (double)3.5f : -INFINITY };
    if (base == CIM_REAL64) return (union cim_data){ .r = high ? 1e308 : -0.1 };
    if (base == CIM_BOOLEAN) return (union cim_data){ .u = high };
    if (base == CIM_CHAR16) return (union cim_data){ .u = high ? 0xFFFF : 0xD800 };
    if (base == CIM_OBJECT) return (union cim_data){ .o = &inner->object };
    return (union cim_data){ .s = high ? SLICE("\xC3\xA4 text") : SLICE("") };
}

static struct cim_instance *full(const struct cim_class *cls, const struct cim_instance *inner)
{
    struct cim_instance *in = cim_instance_new(&a, cls);
    for (unsigned i = 0; i < TYPES; i++) {
        struct cim_array array;
        if (types[i] == CIM_OBJECT && !inner) continue;
        cim_set(in, i, sample(types[i], true, inner));
        assert_true(cim_array_new(&a, types[i], 3, &array));
        for (uint32_t k = 0; k < 3; k++) cim_array_set(array, types[i], k, sample(types[i], k & 1, inner));
        cim_set(in, TYPES + i, (union cim_data){ .a = array });
    }
    return in;
}

static struct cim_instance *again(const struct cim_instance *in, const struct cim_class *cls)
{
    struct record_plan plan;
    struct cim_instance *back = NULL;
    struct buf layout;
    buf_init(&layout, 0);
    buf_clear(&out);
    assert_true(record_layout_encode(&layout, in->cls));
    assert_int_equal(record_instance_encode(&out, in), CIMF_OK);
    struct slice copy = arena_dup(&a, buf_slice(&layout));
    buf_free(&layout);
    assert_int_equal(record_layout_is(copy, cls), in->cls == cls);
    assert_int_equal(record_plan(&a, copy, cls, &plan, NULL), CIMF_OK);
    assert_int_equal(record_instance_decode(&a, &plan, buf_slice(&out), NULL, &back, NULL), CIMF_OK);
    assert_int_equal(record_instance_check(&a, copy, buf_slice(&out), NULL), CIMF_OK);
    return back;
}

static void test_every_type(void **state)
{
    struct cim_property_decl props[2 * TYPES];
    const struct cim_class *cls = all_types(props);
    struct cim_instance *inner = full(cls, NULL), *in = full(cls, inner);
    inner->ns = SLICE("root/x");
    inner->path = SLICE("All.p12=\"x\"");
    struct cim_instance *back = again(in, cls);
    assert_true(cim_instance_equal(in, back));
    const struct cim_instance *object = cim_as_instance(back->slot[TYPES - 1].o);
    assert_non_null(object);
    assert_true(slice_is(object->ns, "root/x") && slice_eq(object->path, inner->path));
    assert_true(slice_is(object->cls->name, "All"));
}

static void test_states(void **state)
{
    struct cim_property_decl props[2 * TYPES];
    const struct cim_class *cls = all_types(props);
    struct cim_instance *in = cim_instance_new(&a, cls);
    cim_set_null(in, 1);
    cim_set(in, 2, (union cim_data){ .i = -1 });
    in->state[3] = CIM_UNSENT;
    struct cim_instance *back = again(in, cls);
    assert_int_equal(back->state[0], CIM_DEFAULTED);
    assert_int_equal(back->state[1], CIM_NULL);
    assert_int_equal(back->state[2], CIM_SET);
    assert_int_equal(back->state[3], CIM_DEFAULTED);
    assert_int_equal(back->slot[2].i, -1);
    assert_true(out.n <= 1 + (2 * TYPES + 3) / 4 + 1); /* compact: bits, states, one byte */
}

static void test_instance_qualifiers(void **state)
{
    struct cim_property_decl props[2 * TYPES];
    const struct cim_class *cls = all_types(props);
    struct cim_instance *in = cim_instance_new(&a, cls);
    struct cim_qualifier q[] = { { SLICE("Q"), { CIM_SINT32, false, { .i = -7 } }, 3 },
                                 { SLICE("N"), { CIM_NONE, true, { .i = 0 } }, 0 } };
    struct cim_qualifiers *sets = ARENA_ARRAY(&a, cls->property_count, struct cim_qualifiers);
    in->qualifiers = (struct cim_qualifiers){ q, 2 };
    sets[5] = (struct cim_qualifiers){ q, 1 };
    in->property_qualifiers = sets;
    struct cim_instance *back = again(in, cls);
    assert_int_equal(back->qualifiers.n, 2);
    assert_int_equal(back->qualifiers.q[0].value.v.i, -7);
    assert_true(back->qualifiers.q[1].value.null);
    assert_int_equal(back->property_qualifiers[5].n, 1);
    assert_int_equal(back->property_qualifiers[4].n, 0);
}

static void test_embedded_depth_is_bounded(void **state)
{
    struct cim_property_decl props[2 * TYPES];
    const struct cim_class *cls = all_types(props);
    struct cim_instance *in = cim_instance_new(&a, cls);
    for (int i = 0; i < LIMIT_EMBEDDED_DEPTH - 1; i++) {
        struct cim_instance *outer = cim_instance_new(&a, cls);
        cim_set(outer, TYPES - 1, (union cim_data){ .o = &in->object });
        in = outer;
    }
    assert_non_null(again(in, cls));
    for (int i = 0; i < 2; i++) {
        struct cim_instance *outer = cim_instance_new(&a, cls);
        cim_set(outer, TYPES - 1, (union cim_data){ .o = &in->object });
        in = outer;
    }
    assert_int_equal(record_instance_encode(&out, in), CIMF_QUOTA_VIOLATION);
}

/* --- classes ---------------------------------------------------------------------------------------- */

static struct cim_class_decl rich_class(void)
{
    static struct cim_qualifier q[] = {
        { SLICE("Description"), { CIM_STRING, false, { .s = SLICE("What it is") } }, CIM_FLAVOR_AMENDED },
        { SLICE("Abstract"), { CIM_BOOLEAN, false, { .u = 1 } }, 0 },
    };
    static struct slice values[] = { SLICE("a"), SLICE(""), SLICE("c") };
    static struct cim_qualifier v[] = { { SLICE("Values"),
                                          { CIM_STRING | CIM_ARRAY, false, { .a = { values, 3 } } }, 0 } };
    static struct cim_property_decl p[] = {
        { .name = SLICE("State"), .type = CIM_UINT16, .has_default = true,
          .value = { CIM_UINT16, false, { .u = 65535 } }, .qualifiers = { v, 1 } },
        { .name = SLICE("Empty"), .type = CIM_STRING, .has_default = true, .value = { CIM_STRING, true, { .u = 0 } } },
        { .name = SLICE("Ref"), .type = CIM_REFERENCE, .class_name = SLICE("Other") },
        { .name = SLICE("Array"), .type = CIM_UINT8 | CIM_ARRAY, .max = 300, .qualifiers = { q, 2 } },
    };
    static struct cim_method_decl m[] = {
        { .name = SLICE("Start"), .return_type = CIM_UINT32, .params = p, .param_count = 4, .qualifiers = { q, 1 } },
        { .name = SLICE("Stop") },
    };
    return (struct cim_class_decl){ .name = SLICE("Rich"), .super = SLICE("Poor"), .qualifiers = { q, 2 },
                                    .properties = p, .property_count = 4, .methods = m, .method_count = 2 };
}

static void test_class(void **state)
{
    struct cim_class_decl decl = rich_class(), back;
    assert_true(record_class_encode(&out, &decl));
    assert_int_equal(record_class_decode(&a, buf_slice(&out), &back, NULL), CIMF_OK);
    assert_true(cim_class_decl_equal(&decl, &back));
    assert_int_equal(back.properties[3].max, 300);
    assert_true(back.properties[1].has_default && back.properties[1].value.null);
    assert_false(back.properties[2].has_default);
}

static void test_damaged_classes(void **state)
{
    struct cim_class_decl decl = rich_class(), back;
    assert_true(record_class_encode(&out, &decl));
    char *p = malloc(out.n);
    for (size_t n = 0; n < out.n; n++) {
        memcpy(p, out.p, n); /* so that a read past the end is seen */
        assert_int_equal(record_class_decode(&a, slice_of(p, n), &back, NULL), CIMF_CORRUPT_STORE);
        arena_reset(&a);
    }
    memcpy(p, out.p, out.n);
    for (size_t i = 0; i < out.n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            p[i] = (char)(p[i] ^ 1 << bit);
            record_class_decode(&a, slice_of(p, out.n), &back, NULL);
            p[i] = (char)(p[i] ^ 1 << bit);
            arena_reset(&a);
        }
    }
    free(p);
}

static void test_arena_too_small(void **state)
{
    struct cim_class_decl decl = rich_class(), back;
    assert_true(record_class_encode(&out, &decl));
    cimf_status status = CIMF_OUT_OF_MEMORY;
    for (size_t cap = 64; status; cap *= 2) {
        struct arena small;
        arena_init(&small, cap);
        status = record_class_decode(&small, buf_slice(&out), &back, NULL);
        assert_true(status == CIMF_OK || status == CIMF_OUT_OF_MEMORY);
        arena_free(&small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
        T(test_checksum), T(test_every_type), T(test_states), T(test_instance_qualifiers),
        T(test_embedded_depth_is_bounded), T(test_class), T(test_damaged_classes), T(test_arena_too_small),
    };
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
