/* The samples of MS-WMIO 3, two real Windows classes, round trips, truncations, hostile references. */
#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "wmi/wmio_write_priv.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "wmio_value_write.c stores reals by memcpy");

static struct arena a;
static struct buf dump;

static int setup(void **state)
{
    arena_init(&a, 64 << 20);
    buf_init(&dump, 0);
    return 0;
}

static int teardown(void **state)
{
    arena_free(&a);
    buf_free(&dump);
    return 0;
}

/* A file of hexadecimal digits. */
static struct slice load(const char *name)
{
    char path[512];
    unsigned byte;
    buf_clear(&dump);
    snprintf(path, sizeof path, "%s/%s.dump", DATA, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fscanf(f, "%2x", &byte) == 1) buf_byte(&dump, (int)byte);
    fclose(f);
    return arena_dup(&a, buf_slice(&dump));
}

static struct wmio_object decode(struct slice unit)
{
    struct wmio_object o;
    struct error e = ERROR_INIT;
    struct wmio_read r = { .arena = &a };
    if (wmio_read_unit(&r, unit, &o, &e) != CIMF_OK) fail_msg("%s", error_text(&e));
    return o;
}

/* The class of a decoded one, on a parent made of nothing but its name and depth. */
static const struct cim_class *resolve(const struct cim_class_decl *decl, const struct cim_class *super)
{
    const struct cim_class *c;
    struct error e = ERROR_INIT;
    if (cim_class_resolve(decl, super, SLICE("root"), CIM_RESOLVE_SYSTEM, &c, &e) != CIMF_OK) fail_msg("%s", error_text(&e));
    return c;
}

/* covers: wmi-dcom:W37 */
static void structure_sample(void **state)
{
    struct slice unit = load("wmio_structure_example");
    struct wmio_object o = decode(unit);
    assert_null(o.instance);
    assert_true(slice_is(o.from.server, "DPRAVAT-DEV"));
    assert_true(slice_is(o.from.ns, "ROOT"));
    assert_true(slice_is(o.cls->name, "MyClass"));
    assert_int_equal(o.cls->derivation_count, 1);
    assert_int_equal(o.cls->all.property_count, 4);
    assert_int_equal(o.cls->local.property_count, 3);
    assert_true(slice_is(o.cls->all.properties[0].name, "Id"));
    assert_true(slice_is(o.cls->local.properties[1].value.v.s, "defaultValue"));
    assert_int_equal(o.cls->local.properties[2].type, CIM_UINT32 | CIM_ARRAY);
    assert_true(slice_is(cim_qualifier_text(o.cls->local.qualifiers, "Description"), "MyClass Example"));

    /* Where the sample has no slack our bytes are its bytes: the class part of Base. */
    struct cim_class_decl base = { .name = SLICE("Base"), .properties = o.cls->all.properties, .property_count = 1 };
    struct cim_qualifier key = { .name = SLICE("key"), .value = { CIM_BOOLEAN, false, { .u = 1 } }, .flavor = 0x13 };
    struct cim_property_decl id = base.properties[0];
    id.qualifiers = (struct cim_qualifiers){ &key, 1 };
    base.properties = &id;
    const struct cim_class *b = resolve(&base, NULL), *c = resolve(&o.cls->local, b);
    struct buf out;
    buf_init(&out, 0);
    assert_true(wmio_class_part(&out, b, NULL, 0));
    assert_int_equal(out.n, 0x66);
    out.p[33] = 5; /* the sample's unused bits of the table are not zero */
    assert_memory_equal(out.p, unit.p + 28, 0x66);

    /* The derived class: what we write says what the sample says. */
    buf_clear(&out);
    struct wmio_origin from = { SLICE("DPRAVAT-DEV"), SLICE("ROOT") };
    assert_true(wmio_write_unit(&out, &c->object, &from, 0));
    assert_memory_equal(out.p + 8, unit.p + 8, 20);
    struct wmio_object again = decode(buf_slice(&out));
    assert_true(cim_class_decl_equal(&again.cls->all, &o.cls->all));
    assert_true(cim_class_decl_equal(&again.cls->local, &o.cls->local));
    buf_free(&out);
    cim_class_unref(c);
    cim_class_unref(b);
}

static void instance_sample(void **state)
{
    struct slice o_unit = load("wmio_instance_encoding");
    struct wmio_object o = decode(o_unit);
    struct cim_value v;
    assert_non_null(o.instance);
    assert_true(slice_is(o.instance->cls->name, "MyClass"));
    assert_int_equal(cim_get_named(&a, o.instance, SLICE("Id"), &v), CIMF_OK);
    assert_int_equal(v.v.i, 123);
    assert_int_equal(cim_get_named(&a, o.instance, SLICE("Data1"), &v), CIMF_OK);
    assert_true(slice_is(v.v.s, "StringField"));
    assert_int_equal(cim_get_named(&a, o.instance, SLICE("Array"), &v), CIMF_OK);
    assert_int_equal(v.v.a.n, 3);
    assert_int_equal(((const uint32_t *)v.v.a.p)[2], 3);
    int data1 = cim_class_property(o.instance->cls, SLICE("Data1"));
    assert_null(o.instance->property_qualifiers);
    struct cim_qualifiers sets[4] = { 0 };
    struct cim_qualifier test = { .name = SLICE("test"), .value = { CIM_BOOLEAN, false, { .u = 1 } } };
    sets[data1] = (struct cim_qualifiers){ &test, 1 };

    struct buf out;
    buf_init(&out, 0);
    assert_true(wmio_write_unit(&out, &o.instance->object, &o.from, 0));
    struct wmio_object again = decode(buf_slice(&out));
    assert_true(cim_instance_equal(again.instance, o.instance));
    /* Up to the references, whose heap may have any order: length, name, NdTable, Id, and the total. */
    assert_memory_equal(out.p + out.n - 0x49, o_unit.p + o_unit.n - 0x49, 14);

    ((struct cim_instance *)(uintptr_t)o.instance)->property_qualifiers = sets;
    buf_clear(&out);
    assert_true(wmio_write_unit(&out, &o.instance->object, &o.from, 0));
    again = decode(buf_slice(&out));
    assert_int_equal(again.instance->property_qualifiers[data1].n, 1);
    buf_free(&out);
}

/* Real ones of Windows: names, inheritance, methods with parameters in order. */
static void windows_classes(void **state)
{
    struct wmio_object o = decode(load("wmio_win32_process"));
    assert_true(slice_is(o.cls->name, "Win32_Process"));
    assert_int_equal(o.cls->all.property_count, 45);
    assert_int_equal(o.cls->all.method_count, 7);
    assert_int_equal(o.cls->derivation_count, 3);
    assert_true(slice_is(o.cls->derivation[2], "CIM_ManagedSystemElement"));
    assert_true(slice_is(o.cls->local.super, "CIM_Process"));
    assert_true(o.cls->local.property_count < 45);
    const struct cim_method_decl *create = &o.cls->all.methods[0];
    assert_true(slice_is(create->name, "Create"));
    assert_int_equal(create->return_type, CIM_UINT32);
    assert_int_equal(create->param_count, 4);
    assert_true(slice_is(create->params[0].name, "CommandLine"));
    assert_true(slice_is(create->params[2].class_name, "Win32_ProcessStartup"));
    assert_true(slice_is(create->params[3].name, "ProcessId"));
    o = decode(load("wmio_win32_process_startup"));
    assert_true(slice_is(o.cls->name, "Win32_ProcessStartup"));
    decode(load("wmio_class_encoding_with_methods"));
}

/* A class decoded, made anew as a root class and encoded says the same of everything it has. */
static void classes_round_trip(void **state)
{
    static const char *const names[] = { "wmio_win32_process", "wmio_win32_process_startup", "wmio_class_encoding_with_methods" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct wmio_object o = decode(load(names[i]));
        struct cim_class_decl flat = o.cls->all;
        struct buf out;
        flat.super = SLICE("");
        const struct cim_class *c = resolve(&flat, NULL);
        buf_init(&out, 0);
        assert_true(wmio_write_unit(&out, &c->object, &o.from, WMIO_PROTOTYPE));
        struct wmio_object again = decode(buf_slice(&out));
        assert_int_equal(again.cls->flags, WMIO_CLASS | WMIO_DECORATED | WMIO_PROTOTYPE);
        assert_int_equal(again.cls->all.property_count, o.cls->all.property_count);
        for (uint32_t k = 0; k < o.cls->all.property_count; k++) {
            const struct cim_property_decl *x = &o.cls->all.properties[k], *y = &again.cls->all.properties[k];
            assert_true(slice_eq(x->name, y->name));
            assert_int_equal(x->type, y->type);
            assert_int_equal(x->has_default, y->has_default);
            assert_int_equal(x->qualifiers.n, y->qualifiers.n);
        }
        assert_int_equal(again.cls->all.method_count, o.cls->all.method_count);
        for (uint32_t k = 0; k < o.cls->all.method_count; k++)
            assert_int_equal(again.cls->all.methods[k].param_count, o.cls->all.methods[k].param_count);
        buf_free(&out);
        cim_class_unref(c);
    }
}

/* Nothing shorter than a unit is one, and nothing of it is read past its end (the sanitizer looks). */
static void truncated(void **state)
{
    static const char *const names[] = { "wmio_structure_example", "wmio_instance_encoding" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct slice unit = load(names[i]);
        for (size_t n = 0; n < unit.n - 40; n++) {
            struct arena own;
            struct wmio_object o;
            struct error e = ERROR_INIT;
            char *copy = malloc(n ? n : 1);
            memcpy(copy, unit.p, n);
            arena_init(&own, 1 << 20);
            struct wmio_read r = { .arena = &own };
            assert_int_not_equal(wmio_read_unit(&r, slice_of(copy, n), &o, &e), CIMF_OK);
            arena_free(&own);
            free(copy);
        }
    }
}

static const struct cim_class *all_types(void)
{
    static const unsigned types[] = { CIM_SINT8, CIM_UINT8, CIM_SINT16, CIM_UINT16, CIM_SINT32, CIM_UINT32, CIM_SINT64,
                                      CIM_UINT64, CIM_REAL32, CIM_REAL64, CIM_BOOLEAN, CIM_CHAR16, CIM_STRING, CIM_DATETIME };
    enum { N = sizeof types / sizeof *types };
    static struct cim_property_decl p[N * 2 + 1];
    const struct cim_class *c;
    static char names[N * 2 + 1][8];
    for (unsigned i = 0; i < N * 2; i++) {
        snprintf(names[i], sizeof names[i], "P%u", i);
        p[i] = (struct cim_property_decl){ .name = slice_str(names[i]), .type = (uint16_t)(types[i % N] | (i < N ? 0 : CIM_ARRAY)) };
    }
    p[N * 2] = (struct cim_property_decl){ .name = SLICE("Inner"), .type = CIM_OBJECT };
    assert_int_equal(cim_class_adhoc(&a, SLICE("AllTypes"), p, N * 2 + 1, &c), CIMF_OK);
    return c;
}

static union cim_data sample_value(unsigned base, uint32_t i)
{
    static const char *const texts[] = { "plain", "caf\xc3\xa9", "\xe2\x82\xac and \xf0\x9f\x98\x80", "" };
    if (base == CIM_DATETIME) return (union cim_data){ .s = SLICE("20261122101112.000000+060") };
    if (base == CIM_STRING) return (union cim_data){ .s = slice_str(texts[i % 4]) };
    if (base == CIM_REAL32 || base == CIM_REAL64) return (union cim_data){ .r = 1.5 + i };
    if (base == CIM_BOOLEAN) return (union cim_data){ .u = i & 1 };
    return cim_type_is_signed(base) ? (union cim_data){ .i = -3 - (int64_t)i } : (union cim_data){ .u = 100 + i };
}

static void all_types_round_trip(void **state)
{
    const struct cim_class *c = all_types();
    struct cim_instance *in = cim_instance_new(&a, c), *inner = cim_instance_new(&a, c);
    struct buf out;
    cim_set(inner, 0, (union cim_data){ .i = -7 });
    for (unsigned i = 0; i + 1 < c->property_count; i++) {
        unsigned type = c->properties[i].type, base = CIM_BASE(type);
        if (CIM_IS_ARRAY(type)) {
            struct cim_array v;
            assert_true(cim_array_new(&a, base, i % 4, &v));
            for (uint32_t k = 0; k < i % 4; k++) cim_array_set(v, base, k, sample_value(base, k));
            cim_set(in, i, (union cim_data){ .a = v });
        } else if (i % 5 == 4) {
            cim_set_null(in, i);
        } else {
            cim_set(in, i, sample_value(base, i));
        }
    }
    cim_set(in, c->property_count - 1, (union cim_data){ .o = &inner->object });
    buf_init(&out, 0);
    assert_true(wmio_write_unit(&out, &in->object, NULL, 0));
    struct wmio_object o = decode(buf_slice(&out));
    assert_true(cim_instance_equal(o.instance, in));

    buf_clear(&out); /* without its class, for one who has it */
    assert_true(wmio_write_no_class(&out, in, &(struct wmio_origin){ SLICE("h"), SLICE("root") }));
    struct error e = ERROR_INIT;
    struct wmio_read r = { .arena = &a };
    assert_int_equal(wmio_read_no_class(&r, buf_slice(&out), c, &o, &e), CIMF_OK);
    assert_true(cim_instance_equal(o.instance, in));
    assert_true(slice_is(o.instance->server, "h"));
    buf_free(&out);
}

/* RefreshedSingleInstance: the length of the heap in front; the heap with its own length, or as the text could also be meant, without. */
static void refreshed(void **state)
{
    const struct cim_class *c = all_types();
    struct cim_instance *in = cim_instance_new(&a, c);
    const struct cim_instance *back;
    struct wmio_read r = { .arena = &a };
    struct buf out, bare;
    size_t values = (c->property_count - 1) / 4 + 1;
    for (unsigned i = 0; i < c->property_count; i++) values += wmio_slot(c->properties[i].type);
    for (unsigned i = 0; i < 14; i++) cim_set(in, i, sample_value(c->properties[i].type, i));
    for (unsigned i = 14; i < c->property_count; i++) cim_set_null(in, i);
    buf_init(&out, 0);
    buf_init(&bare, 0);
    assert_true(wmio_write_refreshed(&out, in));
    size_t heap = 4 + values + 5; /* behind no qualifiers */
    assert_memory_equal(out.p + heap - 5, "\4\0\0\0\1", 5);
    struct cursor at = cursor_of(buf_slice(&out));
    assert_int_equal(cursor_u32le(&at), out.n - heap - 4);
    cursor_skip(&at, heap - 4);
    assert_int_equal(cursor_u32le(&at), 0x80000000u | (out.n - heap - 4));
    assert_int_equal(wmio_read_refreshed(&r, buf_slice(&out), c, &back, NULL), CIMF_OK);
    assert_true(cim_instance_equal(back, in));

    buf_add(&bare, out.p, heap);
    buf_add(&bare, out.p + heap + 4, out.n - heap - 4);
    assert_int_equal(wmio_read_refreshed(&r, buf_slice(&bare), c, &back, NULL), CIMF_OK);
    assert_true(cim_instance_equal(back, in));
    for (size_t n = 0; n < bare.n; n++) {
        char *copy = malloc(n ? n : 1);
        memcpy(copy, bare.p, n);
        assert_int_equal(wmio_read_refreshed(&r, slice_of(copy, n), c, &back, NULL), CIMF_INVALID_OBJECT);
        assert_null(back);
        free(copy);
    }
    buf_free(&bare);
    buf_free(&out);
}

/* An object whose embedded object is itself: ends at the depth, not with the stack. */
static void embedded_in_itself(void **state)
{
    struct cim_property_decl p = { .name = SLICE("O"), .type = CIM_OBJECT };
    const struct cim_class *c;
    struct buf out;
    struct wmio_object o;
    struct error e = ERROR_INIT;
    struct wmio_read r = { .arena = &a };
    assert_int_equal(cim_class_adhoc(&a, SLICE("Loop"), &p, 1, &c), CIMF_OK);
    struct cim_instance *in = cim_instance_new(&a, c), *inner = cim_instance_new(&a, c);
    cim_set(in, 0, (union cim_data){ .o = &inner->object });
    buf_init(&out, 0);
    assert_true(wmio_write_unit(&out, &in->object, NULL, 0));
    for (size_t i = 8; i + 4 < out.n; i++) { /* every length that could reach further, made to */
        struct buf bad;
        buf_init(&bad, 0);
        buf_slice_add(&bad, buf_slice(&out));
        bad.p[i] = (char)0xff;
        (void)wmio_read_unit(&r, buf_slice(&bad), &o, &e);
        buf_free(&bad);
    }
    struct cim_instance *deep = inner;
    for (int i = 0; i < WMIO_DEPTH + 2; i++) {
        struct cim_instance *outer = cim_instance_new(&a, c);
        cim_set(outer, 0, (union cim_data){ .o = &deep->object });
        deep = outer;
    }
    buf_clear(&out);
    assert_false(wmio_write_unit(&out, &deep->object, NULL, 0));
    buf_free(&out);
}

static const struct cim_class *known;
static const struct cim_class *find(void *arg, struct slice name) { return slice_ieq(name, known->name) ? known : NULL; }

/* Instances of a client are put on our definition: reduced ones leave out, altered ones are refused. */
static void mapped_to_our_class(void **state)
{
    struct cim_property_decl ours[] = { { .name = SLICE("A"), .type = CIM_UINT32 }, { .name = SLICE("B"), .type = CIM_STRING } };
    struct cim_property_decl theirs[] = { { .name = SLICE("b"), .type = CIM_STRING } };
    struct cim_property_decl altered[] = { { .name = SLICE("A"), .type = CIM_STRING } };
    struct cim_property_decl alien[] = { { .name = SLICE("C"), .type = CIM_STRING } };
    const struct { struct cim_property_decl *p; cimf_status want; } rows[] = {
        { theirs, CIMF_OK }, { altered, CIMF_INVALID_OBJECT }, { alien, CIMF_INVALID_OBJECT } };
    assert_int_equal(cim_class_adhoc(&a, SLICE("Mine"), ours, 2, &known), CIMF_OK);
    for (int i = 0; i < 3; i++) {
        const struct cim_class *c;
        struct buf out;
        struct wmio_object o;
        struct error e = ERROR_INIT;
        struct wmio_read r = { .arena = &a, .find = find };
        assert_int_equal(cim_class_adhoc(&a, SLICE("Mine"), rows[i].p, 1, &c), CIMF_OK);
        struct cim_instance *in = cim_instance_new(&a, c);
        cim_set(in, 0, (union cim_data){ .s = SLICE("x") });
        buf_init(&out, 0);
        assert_true(wmio_write_unit(&out, &in->object, NULL, 0));
        assert_int_equal(wmio_read_unit(&r, buf_slice(&out), &o, &e), rows[i].want);
        if (i == 0) {
            assert_ptr_equal(o.instance->cls, known);
            assert_false(cim_is_sent(o.instance, 0));
            assert_true(slice_is(o.instance->slot[1].s, "x"));
        }
        buf_free(&out);
    }
}

static void empty_class(void **state)
{
    struct buf out;
    buf_init(&out, 0);
    assert_true(wmio_write_empty_class(&out, NULL));
    struct wmio_object o = decode(buf_slice(&out));
    assert_int_equal(o.cls->name.n, 0);
    assert_int_equal(o.cls->all.property_count, 0);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structure_sample), cmocka_unit_test(instance_sample), cmocka_unit_test(windows_classes),
        cmocka_unit_test(classes_round_trip), cmocka_unit_test(truncated), cmocka_unit_test(all_types_round_trip), cmocka_unit_test(refreshed),
        cmocka_unit_test(embedded_in_itself), cmocka_unit_test(mapped_to_our_class), cmocka_unit_test(empty_class),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
