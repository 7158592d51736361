/* The rules of cim-core.md 2.5 and 2.6 that cim_class_resolve enforces, one by one. */
#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "cim/class.h"

#define LEN(x) (sizeof(x) / sizeof((x)[0]))
#define TRUE_Q(text, flavored) \
    { { text, sizeof text - 1 }, { .type = CIM_BOOLEAN, .v.u = 1 }, flavored }
#define SET(array) ((struct cim_qualifiers){ array, LEN(array) })

enum { SUB = CIM_FLAVOR_TO_SUBCLASS, FIX = CIM_FLAVOR_NOT_OVERRIDABLE };

static cimf_status resolve(const struct cim_class_decl *d, const struct cim_class *super,
                           unsigned flags, const struct cim_class **out)
{
    struct error e = ERROR_INIT;
    cimf_status st = cim_class_resolve(d, super, SLICE(""), flags, out, &e);
    assert_int_equal(e.status, st);
    if (st == CIMF_OK) return st;
    assert_null(*out);
    assert_true(e.text[0] != 0 && e.subject[0] != 0);
    return st;
}

static void expect(const struct cim_class_decl *d, const struct cim_class *super, cimf_status want)
{
    const struct cim_class *c;
    cimf_status st = resolve(d, super, 0, &c);
    if (st != want) fail_msg(SLICE_FMT ": %s", SLICE_ARG(d->name), cimf_status_name(st));
    cim_class_unref(c);
}

static const struct cim_class *ok(const struct cim_class_decl *d, const struct cim_class *super)
{
    const struct cim_class *c;
    cimf_status st = resolve(d, super, 0, &c);
    if (st != CIMF_OK) fail_msg(SLICE_FMT ": %s", SLICE_ARG(d->name), cimf_status_name(st));
    return c;
}

/* covers: cim-core:M5 */
static void test_singleton(void **state)
{
    static const struct cim_qualifier single[] = { TRUE_Q("Singleton", 0) };
    static const struct cim_qualifier abstract[] = { TRUE_Q("Abstract", SUB) };
    static const struct cim_qualifier key[] = { TRUE_Q("Key", 0) };
    struct cim_property_decl p = { .name = SLICE("K"), .type = CIM_STRING, .qualifiers = SET(key) };
    struct cim_class_decl base = { .name = SLICE("Base") };
    struct cim_class_decl sub = { .name = SLICE("Sub"), .super = SLICE("Base"), .qualifiers = SET(single) };
    const struct cim_class *c = ok(&base, NULL);
    expect(&sub, c, CIMF_CANNOT_BE_SINGLETON);
    cim_class_unref(c);
    base.qualifiers = SET(abstract);
    c = ok(&base, NULL);
    expect(&sub, c, CIMF_OK);
    cim_class_unref(c);
    base.properties = &p;
    base.property_count = 1;
    c = ok(&base, NULL);
    expect(&sub, c, CIMF_CANNOT_BE_SINGLETON);
    cim_class_unref(c);
    base.qualifiers = SET(single);
    expect(&base, NULL, CIMF_CANNOT_BE_SINGLETON);
    base.property_count = 0;
    c = ok(&base, NULL);
    sub.qualifiers.n = 0;
    const struct cim_class *s = ok(&sub, c);
    assert_true(s->flags & CIM_CLASS_SINGLETON); /* inherited whatever flavor was written */
    cim_class_unref(s);
    sub.properties = &p;
    sub.property_count = 1;
    expect(&sub, c, CIMF_CANNOT_BE_SINGLETON);
    cim_class_unref(c);
}

/* covers: cim-core:M6 */
static void test_abstract(void **state)
{
    static const struct cim_qualifier abstract[] = { TRUE_Q("Abstract", SUB) };
    struct cim_class_decl base = { .name = SLICE("Base") };
    struct cim_class_decl sub = { .name = SLICE("Sub"), .super = SLICE("Base"), .qualifiers = SET(abstract) };
    const struct cim_class *c = ok(&base, NULL), *s;
    expect(&sub, c, CIMF_CANNOT_BE_ABSTRACT);
    assert_int_equal(resolve(&sub, c, CIM_RESOLVE_DSP0004, &s), CIMF_OK);
    cim_class_unref(s);
    cim_class_unref(c);
    base.qualifiers = SET(abstract);
    c = ok(&base, NULL);
    sub.qualifiers.n = 0;
    s = ok(&sub, c);
    assert_true(c->flags & CIM_CLASS_ABSTRACT);
    assert_false(s->flags & CIM_CLASS_ABSTRACT);
    assert_null(cim_qualifier_find(s->qualifiers, SLICE("abstract")));
    cim_class_unref(s);
    cim_class_unref(c);
}

static void test_terminal_and_association(void **state)
{
    static const struct cim_qualifier q[] = { TRUE_Q("Terminal", SUB), TRUE_Q("Association", 0) };
    struct cim_class_decl base = { .name = SLICE("Base"), .qualifiers = SET(q) };
    struct cim_class_decl sub = { .name = SLICE("Sub"), .super = SLICE("Base") };
    const struct cim_class *c = ok(&base, NULL);
    expect(&sub, c, CIMF_INVALID_OPERATION);
    cim_class_unref(c);
    base.qualifiers.q++;
    base.qualifiers.n = 1;
    c = ok(&base, NULL);
    const struct cim_class *s = ok(&sub, c);
    assert_true(s->flags & CIM_CLASS_ASSOCIATION);
    const struct cim_qualifier *got = cim_qualifier_find(s->qualifiers, SLICE("association"));
    assert_int_equal(got->flavor, SUB | CIM_FLAVOR_PROPAGATED);
    cim_class_unref(s);
    cim_class_unref(c);
}

/* covers: cim-core:M7 */
static void test_flavors(void **state)
{
    static const struct cim_qualifier above[] = { TRUE_Q("Fixed", SUB | FIX), TRUE_Q("Free", SUB),
                                                  TRUE_Q("Here", CIM_FLAVOR_TO_INSTANCE) };
    static const struct cim_qualifier same[] = { { { "FIXED", 5 }, { .type = CIM_NONE }, 0 } };
    static const struct cim_qualifier other[] = { { { "fixed", 5 }, { .type = CIM_BOOLEAN }, SUB } };
    static const struct cim_qualifier freed[] = { { { "free", 4 }, { .type = CIM_BOOLEAN }, 0 } };
    struct cim_class_decl base = { .name = SLICE("Base"), .qualifiers = SET(above) };
    struct cim_class_decl sub = { .name = SLICE("Sub"), .super = SLICE("Base"), .qualifiers = SET(same) };
    const struct cim_class *c = ok(&base, NULL), *s = ok(&sub, c), *leaf;
    const struct cim_qualifier *q = cim_qualifier_find(s->qualifiers, SLICE("Fixed"));
    assert_int_equal(q->flavor, SUB | FIX | CIM_FLAVOR_PROPAGATED);
    assert_int_equal(s->qualifiers.n, 2); /* Here stays above */
    cim_class_unref(s);
    sub.qualifiers = SET(other);
    expect(&sub, c, CIMF_OVERRIDE_NOT_ALLOWED);
    assert_int_equal(resolve(&sub, c, CIM_RESOLVE_FORCE, &s), CIMF_OK);
    assert_true(cim_qualifier_true(s->qualifiers, "Fixed"));
    assert_int_equal(s->decl.qualifiers.n, 0); /* force drops what conflicts */
    cim_class_unref(s);
    sub.qualifiers = SET(freed);
    s = ok(&sub, c);
    q = cim_qualifier_find(s->qualifiers, SLICE("Free"));
    assert_int_equal(q->flavor, 0);
    assert_false(cim_qualifier_true(s->qualifiers, "free"));
    struct cim_class_decl below = { .name = SLICE("Leaf"), .super = SLICE("Sub") };
    leaf = ok(&below, s);
    assert_null(cim_qualifier_find(leaf->qualifiers, SLICE("Free"))); /* the override does not go on */
    assert_true(cim_qualifier_true(leaf->qualifiers, "Fixed"));
    cim_class_unref(leaf);
    cim_class_unref(s);
    cim_class_unref(c);
    static const struct cim_qualifier twice[] = { TRUE_Q("A", 0), TRUE_Q("a", 0) };
    base.qualifiers = SET(twice);
    expect(&base, NULL, CIMF_INVALID_QUALIFIER);
}

/* covers: cim-core:M4 */
static void test_keys(void **state)
{
    static const struct cim_qualifier key[] = { TRUE_Q("KEY", 0) };
    static const struct cim_qualifier no_key[] = { { { "key", 3 }, { .type = CIM_BOOLEAN }, 0 } };
    static const uint16_t refused[] = { CIM_REAL32, CIM_REAL64, CIM_OBJECT, CIM_STRING | CIM_ARRAY };
    struct cim_property_decl p = { .name = SLICE("K"), .qualifiers = SET(key) };
    struct cim_class_decl d = { .name = SLICE("A"), .properties = &p, .property_count = 1 };
    for (size_t i = 0; i < LEN(refused); i++) {
        p.type = refused[i];
        expect(&d, NULL, CIMF_CANNOT_BE_KEY);
    }
    /* An abstract line may get its key lower down, even on an inherited property. */
    p.type = CIM_STRING;
    p.qualifiers.n = 0;
    const struct cim_class *a = ok(&d, NULL);
    struct cim_property_decl q = { .name = SLICE("k"), .type = CIM_STRING, .qualifiers = SET(key) };
    struct cim_class_decl b = { .name = SLICE("B"), .super = SLICE("A"), .properties = &q, .property_count = 1 };
    const struct cim_class *keyed = ok(&b, a);
    assert_null(a->key_class);
    assert_ptr_equal(keyed->key_class, keyed);
    assert_true(keyed->flags & CIM_CLASS_KEYED);
    const struct cim_qualifier *got = cim_qualifier_find(keyed->properties[0].qualifiers, SLICE("key"));
    assert_int_equal(got->flavor, 0x13); /* MS-WMIO 3.2 */
    b.name = SLICE("C");
    b.super = SLICE("B");
    const struct cim_class *below = ok(&b, keyed); /* said again: no new key */
    assert_int_equal(below->key_count, 1);
    assert_ptr_equal(below->keys, keyed->keys);
    assert_int_equal(cim_qualifier_find(below->properties[0].qualifiers, SLICE("key"))->flavor, 0x33);
    cim_class_unref(below);
    q.qualifiers = SET(no_key);
    expect(&b, keyed, CIMF_OVERRIDE_NOT_ALLOWED);
    cim_class_unref(keyed);
    cim_class_unref(a);
}

/* covers: cim-core:M15 */
static void test_override(void **state)
{
    struct cim_property_decl props[] = {
        { .name = SLICE("R"), .type = CIM_REFERENCE, .class_name = SLICE("X") },
        { .name = SLICE("O"), .type = CIM_OBJECT },
        { .name = SLICE("D"), .type = CIM_DATETIME, .has_default = true,
          .value = { .type = CIM_STRING, .v.s = { "19700101000000.000000+000", 25 } } },
    };
    struct cim_class_decl base = { .name = SLICE("Base"), .properties = props, .property_count = 3 };
    const struct cim_class *c = ok(&base, NULL);
    assert_true(slice_is(cim_qualifier_text(c->properties[1].qualifiers, "CIMTYPE"), "object"));
    static const struct cim_qualifier typed[] = {
        { { "CIMTYPE", 7 }, { .type = CIM_STRING, .v.s = { "object:Y", 8 } }, 0 },
    };
    struct cim_property_decl over[] = {
        { .name = SLICE("r"), .type = CIM_REFERENCE, .class_name = SLICE("SubX") },
        { .name = SLICE("o"), .type = CIM_OBJECT, .qualifiers = SET(typed) },
        { .name = SLICE("d"), .type = CIM_NONE, .has_default = true, .value = { .null = true } },
    };
    struct cim_class_decl sub = { .name = SLICE("Sub"), .super = SLICE("Base"), .properties = over, .property_count = 3 };
    const struct cim_class *s = ok(&sub, c);
    assert_int_equal(s->property_count, 3);
    assert_true(slice_is(cim_qualifier_text(s->properties[0].qualifiers, "CIMTYPE"), "ref:SubX"));
    assert_true(slice_is(s->properties[1].class_name, "Y"));
    assert_false(s->properties[2].flags & CIM_PROP_HAS_DEFAULT);
    assert_true(slice_is(s->properties[0].name, "R")); /* the first spelling stays */
    cim_class_unref(s);
    over[0].type = CIM_STRING;
    expect(&sub, c, CIMF_TYPE_MISMATCH);
    over[0].type = CIM_REFERENCE | CIM_ARRAY;
    expect(&sub, c, CIMF_TYPE_MISMATCH);
    over[0].type = CIM_NONE;
    over[1].name = SLICE("R");
    expect(&sub, c, CIMF_INVALID_OBJECT);
    sub.property_count = 1;
    over[0].name = SLICE("Gone");
    expect(&sub, c, CIMF_INVALID_PROPERTY);
    assert_int_equal(resolve(&sub, c, CIM_RESOLVE_FORCE, &s), CIMF_OK);
    assert_int_equal(s->decl.property_count, 0);
    cim_class_unref(s);
    cim_class_unref(c);
    props[0].has_default = true;
    props[0].value = (struct cim_value){ .type = CIM_UINT8, .v.u = 1 };
    expect(&base, NULL, CIMF_TYPE_MISMATCH);
    props[0] = props[1];
    expect(&base, NULL, CIMF_INVALID_OBJECT);
    props[0].name = SLICE("P");
    props[0].type = 77;
    expect(&base, NULL, CIMF_INVALID_CIM_TYPE);
}

static struct cim_qualifier id_of(int n)
{
    return (struct cim_qualifier){ SLICE("ID"), { .type = CIM_SINT32, .v.i = n }, 0 };
}

/* covers: cim-core:M10 */
static void test_parameter_ids(void **state)
{
    static const struct { int ids[3]; cimf_status want; int got[3]; } rows[] = {
        { { -1, -1, -1 }, CIMF_OK, { 0, 1, 2 } }, { { 2, 1, 0 }, CIMF_OK, { 2, 1, 0 } },
        { { -1, 0, -1 }, CIMF_OK, { 1, 0, 2 } }, { { 0, 1, 3 }, CIMF_INVALID_PARAMETER, { 0 } },
        { { 0, 0, 1 }, CIMF_INVALID_PARAMETER, { 0 } }, { { 1, 2, 3 }, CIMF_INVALID_PARAMETER, { 0 } },
        { { 0, 1, -7 }, CIMF_INVALID_PARAMETER, { 0 } },
    };
    static const char *names[] = { "A", "B", "C" };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct cim_qualifier ids[3];
        struct cim_property_decl params[3] = { 0 };
        for (int j = 0; j < 3; j++) {
            ids[j] = id_of(rows[i].ids[j]);
            params[j] = (struct cim_property_decl){ .name = slice_str(names[j]), .type = CIM_UINT8 };
            if (rows[i].ids[j] != -1) params[j].qualifiers = (struct cim_qualifiers){ &ids[j], 1 };
        }
        struct cim_method_decl m = { .name = SLICE("M"), .params = params, .param_count = 3 };
        struct cim_class_decl d = { .name = SLICE("C"), .methods = &m, .method_count = 1 };
        const struct cim_class *c;
        cimf_status st = resolve(&d, NULL, 0, &c);
        if (st != rows[i].want) fail_msg("row %zu: %s", i, cimf_status_name(st));
        if (st != CIMF_OK) continue;
        for (int j = 0; j < 3; j++) {
            /* Without In and Out a parameter is both (P30). */
            const struct cim_class *sides[] = { c->methods[0].in, c->methods[0].out };
            for (int k = 0; k < 2; k++) {
                int at = cim_class_property(sides[k], slice_str(names[j]));
                assert_int_equal(at, rows[i].got[j]);
                const struct cim_property *p = &sides[k]->properties[at];
                assert_int_equal(p->param_id, rows[i].got[j]);
                assert_int_equal(cim_qualifier_find(p->qualifiers, SLICE("id"))->value.v.i, rows[i].got[j]);
                assert_int_equal(p->flags & (CIM_PROP_IN | CIM_PROP_OUT), CIM_PROP_IN | CIM_PROP_OUT);
            }
        }
        cim_class_unref(c);
    }
}

static void test_methods(void **state)
{
    static const struct cim_qualifier stat[] = { TRUE_Q("Static", 0), TRUE_Q("Implemented", 0) };
    static const struct cim_qualifier not_in[] = { { { "In", 2 }, { .type = CIM_BOOLEAN }, 0 }, TRUE_Q("Out", 0) };
    struct cim_property_decl params[] = {
        { .name = SLICE("P"), .type = CIM_STRING, .qualifiers = SET(not_in) },
        { .name = SLICE("p"), .type = CIM_STRING, .qualifiers = SET(not_in) },
    };
    struct cim_method_decl m = { .name = SLICE("M"), .return_type = CIM_OBJECT, .return_class = SLICE("X"),
                                 .params = params, .param_count = 1, .qualifiers = SET(stat) };
    struct cim_class_decl d = { .name = SLICE("C"), .methods = &m, .method_count = 1 };
    const struct cim_class *c = ok(&d, NULL);
    assert_null(c->methods[0].in);
    const struct cim_class *out = c->methods[0].out;
    assert_true(slice_is(out->name, "__PARAMETERS"));
    assert_true(cim_qualifier_true(out->qualifiers, "abstract"));
    const struct cim_property *value = &out->properties[1];
    assert_true(slice_is(cim_qualifier_text(value->qualifiers, "CIMTYPE"), "object:X"));
    assert_null(cim_qualifier_find(value->qualifiers, SLICE("ID")));
    assert_int_equal(c->methods[0].flags, CIM_METHOD_LOCAL | CIM_METHOD_STATIC | CIM_METHOD_IMPLEMENTED);
    struct cim_class_decl sub = { .name = SLICE("S"), .super = SLICE("C") };
    const struct cim_class *s = ok(&sub, c);
    assert_int_equal(s->methods[0].flags, CIM_METHOD_STATIC); /* Implemented was local */
    assert_ptr_equal(s->methods[0].out, out);
    cim_class_unref(s);
    struct cim_method_decl over = m;
    over.name = SLICE("m");
    over.qualifiers.n = 0;
    sub.methods = &over;
    sub.method_count = 1;
    s = ok(&sub, c);
    assert_int_equal(s->method_count, 1);
    assert_true(slice_is(s->methods[0].origin, "C"));
    assert_int_equal(s->methods[0].flags, CIM_METHOD_LOCAL | CIM_METHOD_STATIC);
    cim_class_unref(s);
    over.return_type = CIM_NONE;
    expect(&sub, c, CIMF_UPDATE_PROPAGATED_METHOD);
    cim_class_unref(c);
    m.param_count = 2;
    expect(&d, NULL, CIMF_INVALID_PARAMETER);
    m.param_count = 1;
    params[0].name = SLICE("returnvalue");
    expect(&d, NULL, CIMF_INVALID_PARAMETER);
    params[0].name = SLICE("P");
    m.return_type = CIM_STRING | CIM_ARRAY;
    expect(&d, NULL, CIMF_INVALID_CIM_TYPE);
}

/* covers: cim-core:M3 */
static void test_names(void **state)
{
    static const struct { const char *name; bool user, system; } rows[] = {
        { "A", true, true }, { "a1_b", true, true }, { "\xC3\x84", true, true }, { "_A", false, true },
        { "__A", false, true }, { "1A", false, false }, { "", false, false }, { "A-B", false, false },
        { "A B", false, false }, { "A\xFF", false, false }, { "A.B", false, false },
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        assert_int_equal(cim_name_valid(slice_str(rows[i].name), false), rows[i].user);
        assert_int_equal(cim_name_valid(slice_str(rows[i].name), true), rows[i].system);
    }
    char *longest = malloc(4098);
    memset(longest, 'x', 4098);
    struct cim_class_decl d = { .name = { longest, 4096 } };
    expect(&d, NULL, CIMF_OK);
    d.name.n = 4097;
    expect(&d, NULL, CIMF_QUOTA_VIOLATION);
    free(longest);
    struct cim_property_decl p = { .name = SLICE("_p"), .type = CIM_UINT8 };
    d = (struct cim_class_decl){ .name = SLICE("__Sys"), .properties = &p, .property_count = 1 };
    const struct cim_class *c;
    assert_int_equal(resolve(&d, NULL, CIM_RESOLVE_SYSTEM, &c), CIMF_OK);
    assert_true(c->flags & CIM_CLASS_SYSTEM);
    cim_class_unref(c);
    d.name = SLICE("User");
    expect(&d, NULL, CIMF_INVALID_PARAMETER);
}

static void test_limits(void **state)
{
    enum { MANY = LIMIT_PROPERTIES + 1 };
    struct cim_property_decl *p = calloc(MANY, sizeof *p);
    char (*names)[8] = calloc(MANY, sizeof *names);
    for (unsigned i = 0; i < MANY; i++) {
        p[i].name = slice_of(names[i], (size_t)snprintf(names[i], sizeof names[i], "P%u", i));
        p[i].type = CIM_UINT8;
    }
    struct cim_class_decl d = { .name = SLICE("Wide"), .properties = p, .property_count = LIMIT_PROPERTIES };
    const struct cim_class *c = ok(&d, NULL);
    for (unsigned i = 0; i < LIMIT_PROPERTIES; i++) assert_int_equal(cim_class_property(c, p[i].name), i);
    struct cim_class_decl sub = { .name = SLICE("Sub"), .super = SLICE("Wide"),
                                  .properties = p + LIMIT_PROPERTIES, .property_count = 1 };
    expect(&sub, c, CIMF_QUOTA_VIOLATION);
    cim_class_unref(c);
    d.property_count = MANY;
    expect(&d, NULL, CIMF_QUOTA_VIOLATION);
    static const struct cim_qualifier key[] = { TRUE_Q("key", 0) };
    for (unsigned i = 0; i <= LIMIT_KEYS; i++) p[i].qualifiers = SET(key);
    d.property_count = LIMIT_KEYS;
    expect(&d, NULL, CIMF_OK);
    d.property_count = LIMIT_KEYS + 1;
    expect(&d, NULL, CIMF_QUOTA_VIOLATION);
    free(names);
    free(p);
}

static void test_depth(void **state)
{
    const struct cim_class *c = NULL;
    char name[16], super[16] = "";
    for (int i = 0; i < LIMIT_DERIVATION; i++) {
        snprintf(name, sizeof name, "C%d", i);
        struct cim_class_decl d = { .name = slice_str(name), .super = slice_str(super) };
        const struct cim_class *next = ok(&d, c);
        assert_int_equal(next->depth, i);
        cim_class_unref(c);
        c = next;
        memcpy(super, name, sizeof super);
    }
    struct cim_class_decl d = { .name = SLICE("Last"), .super = c->name };
    expect(&d, c, CIMF_QUOTA_VIOLATION);
    d.name = SLICE("c7");
    expect(&d, c, CIMF_CIRCULAR_REFERENCE);
    expect(&d, NULL, CIMF_NOT_FOUND);
    cim_class_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_singleton), cmocka_unit_test(test_abstract),
        cmocka_unit_test(test_terminal_and_association), cmocka_unit_test(test_flavors),
        cmocka_unit_test(test_keys), cmocka_unit_test(test_override),
        cmocka_unit_test(test_parameter_ids), cmocka_unit_test(test_methods),
        cmocka_unit_test(test_names), cmocka_unit_test(test_limits), cmocka_unit_test(test_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
