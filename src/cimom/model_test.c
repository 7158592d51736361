/*
 * Random class trees and operations, compared step by step with a slow and simple model of the same
 * rules: statuses, instances, inherited properties, queries, and everything again after a restart.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cimom/test_driver.h"

enum { CLASSES = 12, PROPS = 6, KEYS = 10, STEPS = 1500, ABSENT = -1, NIL = -2 };

struct m_class {
    bool exists;
    int parent;   /* -1: a root, which declares the key */
    unsigned own; /* bit mask of declared properties P0..P5 */
};

struct m_instance {
    bool exists;
    int cls;
    int value[PROPS]; /* ABSENT, NIL or a number */
};

static struct m_class C[CLASSES];
static struct m_instance I[CLASSES][KEYS]; /* by root class and key */
static unsigned seed;

static unsigned rnd(unsigned n)
{
    seed = seed * 1103515245u + 12345u;
    return (seed >> 16) % n;
}

/* --- the model -------------------------------------------------------------------------------- */

static int root_of(int c)
{
    while (C[c].parent >= 0) c = C[c].parent;
    return c;
}

static bool isa(int c, int top)
{
    for (; c >= 0; c = C[c].parent) {
        if (c == top) return true;
    }
    return false;
}

static unsigned visible(int c)
{
    unsigned mask = 0;
    for (; c >= 0; c = C[c].parent) mask |= C[c].own;
    return mask;
}

static bool has_children(int c)
{
    for (int i = 0; i < CLASSES; i++) {
        if (C[i].exists && C[i].parent == c) return true;
    }
    return false;
}

static bool has_instances(int c)
{
    for (int k = 0; k < KEYS; k++) {
        const struct m_instance *in = &I[root_of(c)][k];
        if (in->exists && isa(in->cls, c)) return true;
    }
    return false;
}

static cimf_status model_put_class(int c, int parent, unsigned own, uint32_t flags)
{
    if (C[c].exists && (flags & CIM_CREATE_ONLY)) return CIMF_ALREADY_EXISTS;
    if (!C[c].exists && (flags & CIM_UPDATE_ONLY)) return CIMF_NOT_FOUND;
    if (parent >= 0 && !C[parent].exists) return CIMF_NOT_FOUND;
    if (!C[c].exists) {
        C[c] = (struct m_class){ true, parent, own };
        return CIMF_OK;
    }
    if (C[c].own == own) return CIMF_OK;
    if (has_children(c) && !(flags & (CIM_UPDATE_SAFE | CIM_UPDATE_FORCE)))
        return CIMF_CLASS_HAS_CHILDREN;
    if (has_instances(c)) return CIMF_CLASS_HAS_INSTANCES;
    unsigned below = 0;
    for (int i = 0; i < CLASSES; i++) {
        if (C[i].exists && i != c && isa(i, c)) below |= visible(i);
    }
    if ((flags & CIM_UPDATE_SAFE) && (own & ~visible(c) & below)) return CIMF_CLASS_HAS_CHILDREN;
    C[c].own = own;
    return CIMF_OK;
}

static cimf_status model_delete_class(int c)
{
    if (!C[c].exists) return CIMF_NOT_FOUND;
    int root = root_of(c);
    for (int k = 0; k < KEYS; k++) {
        if (I[root][k].exists && isa(I[root][k].cls, c)) I[root][k].exists = false;
    }
    bool gone[CLASSES];
    for (int i = 0; i < CLASSES; i++) gone[i] = C[i].exists && isa(i, c);
    for (int i = 0; i < CLASSES; i++) {
        if (gone[i]) C[i].exists = false;
    }
    return CIMF_OK;
}

static cimf_status model_put(int c, int key, const int *value, uint32_t flags)
{
    struct m_instance *in = &I[root_of(c)][key];
    if (in->exists && (in->cls != c || (flags & CIM_CREATE_ONLY))) return CIMF_ALREADY_EXISTS;
    if (!in->exists && (flags & CIM_UPDATE_ONLY)) return CIMF_NOT_FOUND;
    struct m_instance old = *in;
    *in = (struct m_instance){ .exists = true, .cls = c };
    for (int p = 0; p < PROPS; p++) {
        bool keep = (flags & CIM_PARTIAL) &&
                    (value[p] == ABSENT || ((flags & CIM_PARTIAL_LAX_NULLS) && value[p] == NIL));
        in->value[p] = !keep ? value[p] : old.exists ? old.value[p] : ABSENT;
    }
    return CIMF_OK;
}

/* --- the real thing --------------------------------------------------------------------------- */

static void name_class(char *out, int c)
{
    snprintf(out, 16, "M%d", c);
}

static cimf_status real_put_class(struct driver *d, int c, int parent, unsigned own, uint32_t flags)
{
    struct buf text;
    buf_init(&text, 0);
    buf_printf(&text, "class M%d", c);
    if (parent >= 0) buf_printf(&text, " : M%d", parent);
    buf_str(&text, " { ");
    if (parent < 0) buf_str(&text, "[key] uint32 K; ");
    for (int p = 0; p < PROPS; p++) {
        if (own & 1u << p) buf_printf(&text, "%s P%d; ", p % 2 ? "string" : "sint32", p);
    }
    buf_str(&text, "};");
    struct mof_source source = { SLICE("model"), arena_dup(&d->arena, buf_slice(&text)) };
    buf_free(&text);
    struct mof_unit unit;
    struct error e = ERROR_INIT;
    if (mof_parse(&d->arena, &source, NULL, &unit, &e)) fail_msg("%s", error_text(&e));
    struct cim_op op = driver_op(d, CIM_OP_PUT_CLASS);
    struct answer a = { 0 };
    op.class_decl = &unit.productions[0].cls.decl;
    op.flags = flags;
    driver_run(d, &op, &a);
    return a.status;
}

static cimf_status real_delete_class(struct driver *d, int c)
{
    char name[16];
    struct cim_op op = driver_op(d, CIM_OP_DELETE_CLASS);
    struct answer a = { 0 };
    name_class(name, c);
    op.path.kind = CIM_PATH_CLASS;
    op.path.class_name = slice_str(name);
    driver_run(d, &op, &a);
    return a.status;
}

static cimf_status real_put(struct driver *d, int c, int key, const int *value, uint32_t flags)
{
    char name[16];
    name_class(name, c);
    struct cim_schema *schema = d->manager->schema(d->manager, SLICE("root/test"), &driver_admin);
    const struct cim_class *cls = cim_schema_class(schema, slice_str(name));
    assert_non_null(cls);
    struct cim_instance *in = cim_instance_new(&d->arena, cls);
    if (flags & CIM_PARTIAL) memset(in->state, CIM_UNSENT, cls->property_count);
    cim_put_u64(in, "K", (uint64_t)key);
    cim_set(in, (unsigned)cim_class_property(cls, SLICE("K")),
            (union cim_data){ .u = (uint64_t)key });
    for (int p = 0; p < PROPS; p++) {
        char property[8], text[16];
        if (value[p] == ABSENT) continue;
        sprintf(property, "P%d", p);
        sprintf(text, "%d", value[p]);
        struct cim_value v = { .type = CIM_STRING,
                               .null = value[p] == NIL,
                               .v.s = arena_dup(&d->arena, slice_str(text)) };
        assert_int_equal(cim_set_named(in, slice_str(property), &v), CIMF_OK);
    }
    cim_schema_unref(schema);
    struct cim_op op = driver_op(d, CIM_OP_PUT_INSTANCE);
    struct answer a = { 0 };
    op.instance = in;
    op.flags = flags;
    driver_run(d, &op, &a);
    return a.status;
}

/* --- comparing -------------------------------------------------------------------------------- */

static void compare_instance(struct driver *d, const struct answer *a, unsigned n,
                             const struct m_instance *in)
{
    char name[16];
    name_class(name, in->cls);
    assert_string_equal(driver_class_name(a, n), name);
    unsigned mask = visible(in->cls);
    for (int p = 0; p < PROPS; p++) {
        char property[8], want[16];
        sprintf(property, "P%d", p);
        if (!(mask & 1u << p))
            strcpy(want, "ABSENT");
        else if (in->value[p] < 0)
            strcpy(want, "NULL");
        else
            sprintf(want, "%d", in->value[p]);
        assert_string_equal(driver_text(d, a, n, property), want);
    }
}

static void compare_get(struct driver *d, int c, int key)
{
    char path[32];
    struct answer a = { 0 };
    const struct m_instance *in = &I[root_of(c)][key];
    sprintf(path, "M%d.K=%d", c, key);
    cimf_status s = driver_get(d, "root/test", path, &a);
    if (!C[c].exists) {
        assert_status(s, INVALID_CLASS);
    } else if (!in->exists || !isa(in->cls, c)) {
        assert_status(s, NOT_FOUND);
    } else {
        assert_status(s, OK);
        compare_instance(d, &a, 0, in);
    }
}

static void compare_rows(struct driver *d, int c, const char *text, int property, int value,
                         bool shallow)
{
    struct answer a = { .page = rnd(5), .again = rnd(4) };
    char name[16];
    name_class(name, c);
    cimf_status s = text ? driver_query(d, "root/test", text, &a)
                         : driver_enum(d, "root/test", name, shallow ? CIM_SHALLOW : 0, &a);
    if (!C[c].exists) {
        assert_status(s, INVALID_CLASS);
        return;
    }
    assert_status(s, OK);
    unsigned want = 0, seen = 0;
    for (int k = 0; k < KEYS; k++) {
        const struct m_instance *in = &I[root_of(c)][k];
        if (!in->exists || (shallow ? in->cls != c : !isa(in->cls, c))) continue;
        want += property < 0 || in->value[property] == value;
    }
    for (unsigned i = 0; i < a.count; i++) {
        int k = atoi(driver_text(d, &a, i, "K"));
        assert_false(seen & 1u << k);
        seen |= 1u << k;
        compare_instance(d, &a, i, &I[root_of(c)][k]);
    }
    assert_int_equal(a.count, want);
}

static void random_class_step(struct driver *d)
{
    int c = (int)rnd(CLASSES);
    if (!rnd(6)) {
        cimf_status want = model_delete_class(c);
        assert_string_equal(cimf_status_name(real_delete_class(d, c)), cimf_status_name(want));
        return;
    }
    /* A superclass has a smaller number, so that there are no circles. */
    int parent = C[c].exists ? C[c].parent : c && rnd(4) ? (int)rnd((unsigned)c) : -1;
    unsigned own = rnd(1u << PROPS);
    static const uint32_t flags[] = {
        0, 0, CIM_CREATE_ONLY, CIM_UPDATE_ONLY, CIM_UPDATE_SAFE, CIM_UPDATE_FORCE
    };
    uint32_t f = flags[rnd(6)];
    cimf_status want = model_put_class(c, parent, own, f);
    assert_string_equal(cimf_status_name(real_put_class(d, c, parent, own, f)),
                        cimf_status_name(want));
}

static void random_instance_step(struct driver *d)
{
    int c = (int)rnd(CLASSES), key = (int)rnd(KEYS), value[PROPS];
    if (!C[c].exists) return;
    if (!rnd(4)) {
        char path[32];
        struct m_instance *in = &I[root_of(c)][key];
        bool there = in->exists && isa(in->cls, c);
        sprintf(path, "M%d.K=%d", c, key);
        assert_string_equal(cimf_status_name(driver_delete(d, "root/test", path)),
                            there ? "OK" : "NOT_FOUND");
        if (there) in->exists = false;
        return;
    }
    unsigned mask = visible(c);
    for (int p = 0; p < PROPS; p++) {
        value[p] = !(mask & 1u << p) ? ABSENT : rnd(3) ? (int)rnd(4) : rnd(2) ? NIL : ABSENT;
    }
    static const uint32_t flags[] = { 0, CIM_CREATE_ONLY, CIM_UPDATE_ONLY, CIM_PARTIAL,
                                      CIM_PARTIAL | CIM_PARTIAL_LAX_NULLS };
    uint32_t f = flags[rnd(5)];
    cimf_status want = model_put(c, key, value, f);
    assert_string_equal(cimf_status_name(real_put(d, c, key, value, f)), cimf_status_name(want));
}

static void random_question(struct driver *d)
{
    int c = (int)rnd(CLASSES), p = (int)rnd(PROPS), v = (int)rnd(4);
    char text[96];
    compare_get(d, c, (int)rnd(KEYS));
    compare_rows(d, c, NULL, -1, 0, rnd(2));
    if (!C[c].exists || !(visible(c) & 1u << p)) return;
    sprintf(text, "SELECT * FROM M%d WHERE P%d = %s%d%s", c, p, p % 2 ? "'" : "", v,
            p % 2 ? "'" : "");
    compare_rows(d, c, text, p, v, false);
}

/* covers: cim-core:C2 cim-core:C3 cim-core:C5 cim-core:C6 cim-core:C7 cim-core:C20 */
static void random_walk(void **state)
{
    struct driver d;
    seed = 20 + (unsigned)(uintptr_t)*state;
    for (int i = 0; i < CLASSES; i++) C[i] = (struct m_class){ .parent = -1 };
    memset(I, 0, sizeof I);
    driver_open(&d, NULL);
    for (int i = 0; i < STEPS; i++) {
        if (rnd(3)) {
            random_instance_step(&d);
        } else {
            random_class_step(&d);
        }
        random_question(&d);
        if (i % 500 == 499) {
            driver_reopen(&d);
            for (int c = 0; c < CLASSES; c++) compare_rows(&d, c, NULL, -1, 0, false);
        }
        if (i % 100 == 99) arena_reset(&d.arena);
    }
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(random_walk, (void *)1),
        cmocka_unit_test_prestate(random_walk, (void *)2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
