#include "base/test.h"

#include <pthread.h>
#include <stdio.h>

#include "cim/instance.h"
#include "cim/schema.h"

static struct cim_class_decl decl(const char *name, const char *super)
{
    return (struct cim_class_decl){ .name = slice_str(name), .super = slice_str(super) };
}

static void put(struct cim_schema_editor *ed, const char *name, const char *super, cimf_status want)
{
    struct cim_class_decl d = decl(name, super);
    struct error e = ERROR_INIT;
    cimf_status st = cim_schema_put(ed, &d, 0, NULL, &e);
    if (st != want) fail_msg("%s: %s %s", name, cimf_status_name(st), e.text);
}

static struct cim_schema *commit(struct cim_schema_editor *ed)
{
    struct cim_schema *s = NULL;
    struct error e = ERROR_INIT;
    if (cim_schema_commit(ed, &s, &e) != CIMF_OK) fail_msg("commit: %s", e.text);
    return s;
}

static struct cim_schema *sample(void)
{
    struct cim_schema *empty = cim_schema_new(SLICE("root/test"));
    struct cim_schema_editor *ed = cim_schema_edit(empty);
    cim_schema_unref(empty);
    put(ed, "B", "", CIMF_OK);
    put(ed, "A", "", CIMF_OK);
    put(ed, "A2", "A", CIMF_OK);
    put(ed, "A1", "A", CIMF_OK);
    put(ed, "A1x", "a1", CIMF_OK);
    put(ed, "C", "Missing", CIMF_NOT_FOUND);
    return commit(ed);
}

/* covers: cim-core:M1 cim-core:M3 */
static void test_tree(void **state)
{
    struct cim_schema *s = sample();
    static const char *order[] = { "A", "A1", "A1x", "A2", "B" };
    size_t at = 0;
    for (int i = 0; i < 5; i++) {
        assert_true(slice_is(cim_schema_walk(s, NULL, &at)->name, order[i]));
    }
    assert_null(cim_schema_walk(s, NULL, &at));
    const struct cim_class *a = cim_schema_class(s, SLICE("a")), *a1 = cim_schema_class(s, SLICE("A1"));
    const struct cim_class *b = cim_schema_class(s, SLICE("B")), *x = cim_schema_class(s, SLICE("A1X"));
    at = 0;
    int n = 0;
    while (cim_schema_walk(s, a1, &at)) n++;
    assert_int_equal(n, 2);
    assert_true(cim_schema_isa(s, x, a));
    assert_true(cim_schema_isa(s, x, x));
    assert_false(cim_schema_isa(s, a, x));
    assert_false(cim_schema_isa(s, x, b));
    assert_ptr_equal(cim_schema_child(s, a, 0), a1);
    assert_true(slice_is(cim_schema_child(s, a, 1)->name, "A2"));
    assert_null(cim_schema_child(s, a, 2));
    assert_ptr_equal(cim_schema_child(s, NULL, 1), b);
    assert_null(cim_schema_child(s, NULL, 2));
    assert_null(cim_schema_class(s, SLICE("A3")));
    cim_schema_unref(s);
}

static void test_change(void **state)
{
    struct cim_schema *s = sample();
    struct cim_schema_editor *ed = cim_schema_edit(s);
    struct cim_property_decl p = { .name = SLICE("New"), .type = CIM_UINT8 };
    struct cim_class_decl d = decl("A", "");
    d.properties = &p;
    d.property_count = 1;
    assert_int_equal(cim_schema_put(ed, &d, 0, NULL, NULL), CIMF_OK);
    assert_int_equal(cim_class_property(cim_schema_edit_class(ed, SLICE("A1x")), SLICE("new")), 0);
    put(ed, "A", "A1x", CIMF_CIRCULAR_REFERENCE);
    assert_int_equal(cim_schema_delete(ed, SLICE("A1"), NULL), CIMF_CLASS_HAS_CHILDREN);
    assert_int_equal(cim_schema_delete(ed, SLICE("A1x"), NULL), CIMF_OK);
    assert_int_equal(cim_schema_delete(ed, SLICE("A1x"), NULL), CIMF_NOT_FOUND);
    assert_int_equal(cim_schema_delete(ed, SLICE("A1"), NULL), CIMF_OK);
    put(ed, "Z", "A2", CIMF_OK);
    struct cim_schema *t = commit(ed);
    assert_int_equal(cim_schema_count(s), 5);
    assert_int_equal(cim_schema_count(t), 4);
    assert_int_equal(cim_class_property(cim_schema_class(s, SLICE("A2")), SLICE("New")), -1);
    assert_int_equal(cim_class_property(cim_schema_class(t, SLICE("A2")), SLICE("New")), 0);
    assert_int_equal(cim_class_property(cim_schema_class(t, SLICE("Z")), SLICE("New")), 0);
    assert_ptr_equal(cim_schema_class(s, SLICE("B")), cim_schema_class(t, SLICE("B")));
    assert_true(cim_schema_generation(t) > cim_schema_generation(s));
    cim_schema_unref(s);
    cim_schema_unref(t);
}

static void test_conflict_below(void **state)
{
    struct cim_schema *s = sample();
    struct cim_schema_editor *ed = cim_schema_edit(s);
    struct cim_property_decl p = { .name = SLICE("P"), .type = CIM_UINT8 };
    struct cim_class_decl d = decl("A1x", "A1");
    d.properties = &p;
    d.property_count = 1;
    assert_int_equal(cim_schema_put(ed, &d, 0, NULL, NULL), CIMF_OK);
    cim_schema_unref(s);
    s = commit(ed);
    ed = cim_schema_edit(s);
    d = decl("A", "");
    p.type = CIM_STRING;
    d.properties = &p;
    d.property_count = 1;
    assert_int_equal(cim_schema_put(ed, &d, 0, NULL, NULL), CIMF_OK);
    struct cim_schema *t;
    struct error e = ERROR_INIT;
    assert_int_equal(cim_schema_commit(ed, &t, &e), CIMF_TYPE_MISMATCH);
    assert_string_equal(e.subject, "A1x");
    assert_null(t);
    cim_schema_unref(s);
}

/* covers: cim-core:M15 */
static void test_associations(void **state)
{
    static const struct cim_qualifier association[] = {
        { { "Association", 11 }, { .type = CIM_BOOLEAN, .v.u = 1 }, 0 },
    };
    struct cim_schema *s = sample();
    struct cim_schema_editor *ed = cim_schema_edit(s);
    cim_schema_unref(s);
    struct cim_property_decl refs[] = {
        { .name = SLICE("Left"), .type = CIM_REFERENCE, .class_name = SLICE("A1") },
        { .name = SLICE("Right"), .type = CIM_REFERENCE, .class_name = SLICE("B") },
    };
    struct cim_class_decl d = decl("Link", "");
    d.qualifiers = (struct cim_qualifiers){ association, 1 };
    d.properties = refs;
    d.property_count = 2;
    assert_int_equal(cim_schema_put(ed, &d, 0, NULL, NULL), CIMF_OK);
    struct cim_class_decl sub = decl("SubLink", "Link");
    struct cim_property_decl narrow = { .name = SLICE("Left"), .type = CIM_REFERENCE,
                                        .class_name = SLICE("B") };
    sub.properties = &narrow;
    sub.property_count = 1;
    assert_int_equal(cim_schema_put(ed, &sub, 0, NULL, NULL), CIMF_TYPE_MISMATCH);
    narrow.class_name = SLICE("A1x");
    assert_int_equal(cim_schema_put(ed, &sub, 0, NULL, NULL), CIMF_OK);
    s = commit(ed);
    static const struct { const char *name; int count; } rows[] = {
        { "A", 2 }, { "A1", 2 }, { "A1x", 2 }, { "A2", 0 }, { "B", 2 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t at = 0;
        int n = 0;
        while (cim_schema_association(s, cim_schema_class(s, slice_str(rows[i].name)), &at)) n++;
        assert_int_equal(n, rows[i].count);
    }
    cim_schema_unref(s);
}

static void test_qualifiers(void **state)
{
    struct cim_schema *s = sample(), *t;
    struct cim_schema_editor *ed = cim_schema_edit(s);
    struct cim_qualifier_decl d = { .name = SLICE("Key"), .value = { .type = CIM_BOOLEAN },
                                    .scope = CIM_SCOPE_PROPERTY, .flavor = CIM_FLAVOR_TO_SUBCLASS };
    assert_int_equal(cim_schema_put_qualifier(ed, &d), CIMF_OK);
    d.name = SLICE("Abstract");
    assert_int_equal(cim_schema_put_qualifier(ed, &d), CIMF_OK);
    t = commit(ed);
    assert_null(cim_schema_qualifier(s, SLICE("key")));
    assert_int_equal(cim_schema_qualifier(t, SLICE("key"))->scope, CIM_SCOPE_PROPERTY);
    assert_true(slice_is(cim_schema_qualifier_at(t, 0)->name, "Abstract"));
    assert_null(cim_schema_qualifier_at(t, 2));
    cim_schema_unref(s);
    s = commit(cim_schema_edit(t));
    cim_schema_unref(t);
    assert_non_null(cim_schema_qualifier(s, SLICE("ABSTRACT")));
    cim_schema_unref(s);
}

/* Readers take the present snapshot and use it, and what they made of it, while a writer replaces it. */
struct shared {
    pthread_mutex_t lock;
    struct cim_schema *now;
    bool ended;
};

static struct cim_schema *present(struct shared *sh, bool *ended)
{
    pthread_mutex_lock(&sh->lock);
    struct cim_schema *s = cim_schema_ref(sh->now);
    *ended = sh->ended;
    pthread_mutex_unlock(&sh->lock);
    return s;
}

static void *reader(void *arg)
{
    struct shared *sh = arg;
    size_t wrong = 0;
    bool ended = false;
    while (!ended) {
        struct arena a;
        arena_init(&a, 0);
        struct cim_schema *s = present(sh, &ended);
        const struct cim_class *c = cim_schema_class(s, SLICE("A1x"));
        const struct cim_class *top = cim_schema_class(s, SLICE("A"));
        struct cim_instance *in = cim_instance_new(&a, c);
        wrong += !cim_schema_isa(s, c, top);
        cim_schema_unref(s);
        cim_put_u64(in, "P", 5); /* the snapshot may be gone, the class is held */
        wrong += in->cls->property_count != in->cls->super->property_count;
        arena_free(&a);
    }
    return (void *)wrong;
}

static void test_threads(void **state)
{
    struct shared sh = { .now = sample() };
    pthread_t threads[3];
    pthread_mutex_init(&sh.lock, NULL);
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&threads[i], NULL, reader, &sh), 0);
    struct cim_property_decl p = { .name = SLICE("P"), .type = CIM_UINT8 };
    for (int i = 0; i < 200; i++) {
        struct cim_schema_editor *ed = cim_schema_edit(sh.now);
        struct cim_class_decl d = decl("A", "");
        d.properties = &p;
        d.property_count = i & 1;
        assert_int_equal(cim_schema_put(ed, &d, 0, NULL, NULL), CIMF_OK);
        struct cim_schema *next = commit(ed), *old;
        pthread_mutex_lock(&sh.lock);
        old = sh.now;
        sh.now = next;
        sh.ended = i == 199;
        pthread_mutex_unlock(&sh.lock);
        cim_schema_unref(old);
    }
    for (int i = 0; i < 3; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    pthread_mutex_destroy(&sh.lock);
    cim_schema_unref(sh.now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree), cmocka_unit_test(test_change),
        cmocka_unit_test(test_conflict_below), cmocka_unit_test(test_associations),
        cmocka_unit_test(test_qualifiers),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
