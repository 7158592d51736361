/*
 * Differential test: random class trees are built, changed and deleted through the schema editor and in
 * parallel in a naive model, which looks every property and qualifier up from the root each time. After
 * every commit both must agree on every class, on every error, and older snapshots must not change.
 */
#include "base/test.h"

#include <stdio.h>

#include "cim/schema.h"

enum { CLASSES = 14, PROPS = 5, QUALS = 4, ROUNDS = 400, DEPTH = CLASSES + 1 };

static const char *const class_names[CLASSES] = { "C0", "c1", "C2", "c3", "C4", "c5", "C6",
                                                  "c7", "C8", "c9", "C10", "c11", "C12", "c13" };
static const char *const prop_names[PROPS] = { "Alpha", "beta", "Gamma", "delta", "Epsilon" };
static const char *const qual_names[QUALS] = { "Q0", "q1", "Q2", "q3" };

struct m_qual { bool given; int value; uint8_t flavor; };
struct m_prop { bool given; uint16_t type; bool has_default; int value; struct m_qual q[QUALS]; };
struct m_class { bool exists; int super; struct m_qual q[QUALS]; struct m_prop p[PROPS]; };
struct model { struct m_class c[CLASSES]; };

static uint32_t seed;
static unsigned draw(unsigned n)
{
    seed ^= seed << 13, seed ^= seed >> 17, seed ^= seed << 5;
    return seed % n;
}

static void draw_quals(struct m_qual *q)
{
    static const uint8_t flavors[] = { 0, CIM_FLAVOR_TO_SUBCLASS, CIM_FLAVOR_TO_SUBCLASS,
                                       CIM_FLAVOR_TO_SUBCLASS | CIM_FLAVOR_NOT_OVERRIDABLE };
    for (int i = 0; i < QUALS; i++) {
        q[i] = (struct m_qual){ draw(4) == 0, (int)draw(2), flavors[draw(4)] };
    }
}

static void draw_class(struct m_class *c, int super)
{
    *c = (struct m_class){ .exists = true, .super = super };
    draw_quals(c->q);
    for (int i = 0; i < PROPS; i++) {
        c->p[i] = (struct m_prop){ .given = draw(3) == 0, .type = draw(12) ? CIM_UINT8 : CIM_SINT32,
                                   .has_default = draw(2), .value = (int)draw(100) - 1 };
        draw_quals(c->p[i].q);
    }
}

/* --- the naive view --------------------------------------------------------------------------- */

/* The line of class i from the root down. */
static int line_of(const struct model *m, int i, int *line)
{
    int n = 0, up[DEPTH];
    for (; i >= 0; i = m->c[i].super) up[n++] = i;
    for (int k = 0; k < n; k++) line[k] = up[n - 1 - k];
    return n;
}

/* Folds the declared sets of a line into what the last class sees; false: a forbidden override. */
static bool fold_quals(const struct m_qual *const *sets, int n, struct m_qual *out)
{
    for (int q = 0; q < QUALS; q++) {
        out[q] = (struct m_qual){ 0 };
        for (int k = 0; k < n; k++) {
            if (k && !(out[q].flavor & CIM_FLAVOR_TO_SUBCLASS)) out[q].given = false;
            else if (k && out[q].given) out[q].flavor |= CIM_FLAVOR_PROPAGATED;
            if (!sets[k] || !sets[k][q].given) continue;
            bool fixed = out[q].given && (out[q].flavor & CIM_FLAVOR_NOT_OVERRIDABLE);
            if (fixed && out[q].value != sets[k][q].value) return false;
            if (!fixed) out[q] = sets[k][q];
        }
    }
    return true;
}

struct view { bool given; uint16_t type; bool has_default; int value; int origin; struct m_qual q[QUALS]; };

static cimf_status view_prop(const struct model *m, const int *line, int n, int p, struct view *v)
{
    const struct m_qual *sets[DEPTH];
    *v = (struct view){ 0 };
    int first = 0;
    while (first < n && !m->c[line[first]].p[p].given) first++;
    if (first == n) return CIMF_OK;
    v->given = true;
    v->origin = line[first];
    v->type = m->c[line[first]].p[p].type;
    for (int k = first; k < n; k++) {
        const struct m_prop *d = &m->c[line[k]].p[p];
        sets[k - first] = d->given ? d->q : NULL;
        if (!d->given) continue;
        if (d->type != v->type) return CIMF_TYPE_MISMATCH;
        if (!d->has_default) continue;
        v->has_default = d->value >= 0;
        v->value = d->value;
    }
    return fold_quals(sets, n - first, v->q) ? CIMF_OK : CIMF_OVERRIDE_NOT_ALLOWED;
}

/* OK, or that something of class i contradicts its line. */
static bool model_resolves(const struct model *m, int i)
{
    int line[DEPTH], n = line_of(m, i, line);
    const struct m_qual *sets[DEPTH];
    struct m_qual folded[QUALS];
    struct view v;
    for (int k = 0; k < n; k++) sets[k] = m->c[line[k]].q;
    if (!fold_quals(sets, n, folded)) return false;
    for (int p = 0; p < PROPS; p++) {
        if (view_prop(m, line, n, p, &v) != CIMF_OK) return false;
    }
    return true;
}

static bool is_above(const struct model *m, int ancestor, int i)
{
    for (; i >= 0; i = m->c[i].super) {
        if (i == ancestor) return true;
    }
    return false;
}

/* --- comparison ------------------------------------------------------------------------------- */

static void same_quals(struct cim_qualifiers got, const struct m_qual *want, unsigned extra)
{
    unsigned n = extra;
    for (int q = 0; q < QUALS; q++) {
        const struct cim_qualifier *g = cim_qualifier_find(got, slice_str(qual_names[q]));
        assert_int_equal(g != NULL, want[q].given);
        if (!g) continue;
        n++;
        assert_int_equal(g->value.v.i, want[q].value);
        assert_int_equal(g->flavor, want[q].flavor);
    }
    assert_int_equal(got.n, n);
}

static void same_class(const struct model *m, int i, const struct cim_class *c)
{
    int line[DEPTH], n = line_of(m, i, line);
    const struct m_qual *sets[DEPTH];
    struct m_qual folded[QUALS];
    for (int k = 0; k < n; k++) sets[k] = m->c[line[k]].q;
    assert_true(fold_quals(sets, n, folded));
    same_quals(c->qualifiers, folded, 0);
    assert_int_equal(c->depth, n - 1);
    assert_true(slice_is(c->dynasty->name, class_names[line[0]]));
    uint32_t count = 0;
    int last_level = -1;
    for (int p = 0; p < PROPS; p++) {
        struct view v;
        assert_int_equal(view_prop(m, line, n, p, &v), CIMF_OK);
        int at = cim_class_property(c, slice_str(prop_names[p]));
        assert_int_equal(at >= 0, v.given);
        if (at < 0) continue;
        count++;
        const struct cim_property *g = &c->properties[at];
        assert_int_equal(g->type, v.type);
        assert_true(slice_is(g->origin, class_names[v.origin]));
        assert_int_equal((g->flags & CIM_PROP_HAS_DEFAULT) != 0, v.has_default);
        if (v.has_default) assert_int_equal(g->def.i, v.value);
        bool local = v.origin == i;
        assert_int_equal((g->flags & CIM_PROP_LOCAL) != 0, local);
        assert_int_equal((g->flags & CIM_PROP_OVERRIDDEN) != 0, !local && m->c[i].p[p].given);
        same_quals(g->qualifiers, v.q, 1);
    }
    assert_int_equal(c->property_count, count);
    for (uint32_t k = 0; k < c->property_count; k++) { /* inherited ones first */
        int level = 0;
        while (!slice_is(c->properties[k].origin, class_names[line[level]])) level++;
        assert_true(level >= last_level);
        last_level = level;
    }
}

static void same_schema(const struct model *m, const struct cim_schema *s)
{
    size_t count = 0;
    for (int i = 0; i < CLASSES; i++) {
        const struct cim_class *c = cim_schema_class(s, slice_str(class_names[i]));
        assert_int_equal(c != NULL, m->c[i].exists);
        if (!c) continue;
        count++;
        same_class(m, i, c);
        int super = m->c[i].super;
        assert_ptr_equal(c->super, super < 0 ? NULL : cim_schema_class(s, slice_str(class_names[super])));
        for (int j = 0; j < CLASSES; j++) {
            const struct cim_class *d = cim_schema_class(s, slice_str(class_names[j]));
            if (d) assert_int_equal(cim_schema_isa(s, c, d), is_above(m, j, i));
        }
        size_t at = 0, below = 0, want = 0;
        const struct cim_class *w;
        while ((w = cim_schema_walk(s, c, &at))) below++;
        for (int j = 0; j < CLASSES; j++) want += m->c[j].exists && is_above(m, i, j);
        assert_int_equal(below, want);
    }
    assert_int_equal(cim_schema_count(s), count);
}

/* --- operations ------------------------------------------------------------------------------- */

struct decls {
    struct cim_class_decl d;
    struct cim_property_decl p[PROPS];
    struct cim_qualifier q[QUALS], pq[PROPS][QUALS];
};

static struct cim_qualifiers decl_quals(const struct m_qual *in, struct cim_qualifier *out)
{
    uint32_t n = 0;
    for (int i = 0; i < QUALS; i++) {
        if (!in[i].given) continue;
        out[n++] = (struct cim_qualifier){ slice_str(qual_names[i]),
                                           { .type = CIM_SINT32, .v.i = in[i].value }, in[i].flavor };
    }
    return (struct cim_qualifiers){ out, n };
}

static void to_decl(const struct m_class *c, int i, struct decls *o)
{
    o->d = (struct cim_class_decl){ .name = slice_str(class_names[i]), .properties = o->p };
    if (c->super >= 0) o->d.super = slice_str(class_names[c->super]);
    o->d.qualifiers = decl_quals(c->q, o->q);
    for (int k = 0; k < PROPS; k++) {
        if (!c->p[k].given) continue;
        o->p[o->d.property_count++] = (struct cim_property_decl){
            .name = slice_str(prop_names[k]), .type = c->p[k].type, .has_default = c->p[k].has_default,
            .value = { .type = CIM_SINT64, .null = c->p[k].value < 0, .v.i = c->p[k].value },
            .qualifiers = decl_quals(c->p[k].q, o->pq[k]),
        };
    }
}

static void step_put(struct cim_schema_editor *ed, struct model *m)
{
    int i = (int)draw(CLASSES), super = (int)draw(CLASSES + 4);
    struct m_class c;
    struct decls o;
    struct error e = ERROR_INIT;
    draw_class(&c, super < CLASSES ? super : -1);
    to_decl(&c, i, &o);
    cimf_status st = cim_schema_put(ed, &o.d, 0, NULL, &e);
    if (c.super >= 0 && !m->c[c.super].exists) {
        assert_int_equal(st, CIMF_NOT_FOUND);
        return;
    }
    /* An ancestor that a change above already broke fails first; the commit will fail anyway. */
    bool sound = c.super < 0 || model_resolves(m, c.super);
    if (c.super >= 0 && is_above(m, i, c.super)) {
        if (sound) assert_int_equal(st, CIMF_CIRCULAR_REFERENCE);
        else assert_int_not_equal(st, CIMF_OK);
        return;
    }
    struct m_class old = m->c[i];
    m->c[i] = c;
    bool resolves = sound && model_resolves(m, i);
    if ((st == CIMF_OK) != resolves) fail_msg("put %s: %s %s", class_names[i], cimf_status_name(st), e.text);
    if (!resolves) m->c[i] = old;
}

static void step_delete(struct cim_schema_editor *ed, struct model *m)
{
    int i = (int)draw(CLASSES);
    bool parent = false;
    for (int j = 0; j < CLASSES; j++) parent |= m->c[j].exists && m->c[j].super == i;
    cimf_status want = !m->c[i].exists ? CIMF_NOT_FOUND : parent ? CIMF_CLASS_HAS_CHILDREN : CIMF_OK;
    assert_int_equal(cim_schema_delete(ed, slice_str(class_names[i]), NULL), want);
    if (want == CIMF_OK) m->c[i].exists = false;
}

static void test_random_trees(void **state)
{
    unsigned committed = 0, refused = 0;
    for (uint32_t run = 1; run <= 8; run++) {
        seed = run * 2654435761u;
        struct model now = { 0 }, before;
        struct cim_schema *s = cim_schema_new(SLICE("root/model")), *old = NULL;
        for (int round = 0; round < ROUNDS / 8; round++) {
            struct model next = now;
            struct cim_schema_editor *ed = cim_schema_edit(s);
            for (unsigned k = draw(6) + 1; k > 0; k--) {
                if (draw(5)) step_put(ed, &next);
                else step_delete(ed, &next);
            }
            bool sound = true;
            for (int i = 0; i < CLASSES; i++) sound &= !next.c[i].exists || model_resolves(&next, i);
            struct cim_schema *made;
            struct error e = ERROR_INIT;
            cimf_status st = cim_schema_commit(ed, &made, &e);
            if ((st == CIMF_OK) != sound) fail_msg("commit: %s %s", cimf_status_name(st), e.text);
            if (old) same_schema(&before, old);
            if (!sound) {
                refused++;
                continue;
            }
            committed++;
            cim_schema_unref(old);
            old = s;
            before = now;
            s = made;
            now = next;
            same_schema(&now, s);
        }
        cim_schema_unref(old);
        cim_schema_unref(s);
    }
    assert_true(committed > 50 && refused > 10); /* the draw must exercise both */
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_random_trees) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
