/* The store as its callers see it: namespaces, classes, instances, references, settings, write groups. */
#include "base/test.h"

#include <stdlib.h>
#include <stdio.h>

#include "cim/path.h"
#include "repo/fixture.h"

static struct fixture f;

static int setup(void **state)
{
    static const struct repo_options o = { .no_sync = true };
    fixture_init(&f);
    fixture_open(&f, &o);
    return 0;
}

static int teardown(void **state)
{
    struct error e = ERROR_INIT;
    if (f.repo && repo_verify(f.repo, NULL, &e)) fail_msg("%s", e.text); /* after every test */
    fixture_free(&f);
    return 0;
}

static void reopen(void)
{
    fixture_close(&f);
    assert_int_equal(repo_open(f.dir, &(struct repo_options){ .no_sync = true }, &f.repo, NULL), CIMF_OK);
}

static cimf_status write_fn(repo_write_fn *fn, void *arg) { return repo_write_sync(f.repo, fn, arg, NULL); }

static struct repo_txn *begin(void)
{
    struct repo_txn *txn;
    assert_int_equal(repo_read_begin(f.repo, &txn, NULL), CIMF_OK);
    return txn;
}

/* --- namespaces ------------------------------------------------------------------------------------ */

static cimf_status make_spaces(struct repo_txn *txn, void *arg, struct error *e)
{
    assert_int_equal(repo_put_namespace(txn, SLICE("root/a/b"), e), CIMF_INVALID_NAMESPACE);
    assert_int_equal(repo_put_namespace(txn, SLICE("root//b"), e), CIMF_INVALID_NAMESPACE);
    assert_int_equal(repo_put_namespace(txn, SLICE("/root"), e), CIMF_INVALID_NAMESPACE);
    assert_int_equal(repo_put_namespace(txn, SLICE(""), e), CIMF_INVALID_NAMESPACE);
    assert_int_equal(repo_make_namespace(txn, SLICE("root/A/b/c"), e), CIMF_OK);
    assert_int_equal(repo_put_namespace(txn, SLICE("ROOT/a"), e), CIMF_ALREADY_EXISTS);
    assert_int_equal(repo_put_namespace(txn, SLICE("root/a-z"), e), CIMF_OK);
    return CIMF_OK;
}

static cimf_status delete_spaces(struct repo_txn *txn, void *arg, struct error *e)
{
    assert_int_equal(repo_delete_namespace(txn, SLICE("root/a"), false, e), CIMF_INVALID_OPERATION);
    assert_int_equal(repo_delete_namespace(txn, SLICE("root/none"), true, e), CIMF_INVALID_NAMESPACE);
    return repo_delete_namespace(txn, SLICE("root/a"), true, e);
}

struct names {
    char text[512];
};

static cimf_status collect(void *arg, struct slice name)
{
    struct names *n = arg;
    strncat(n->text, name.p, name.n);
    strcat(n->text, " ");
    return CIMF_OK;
}

/* covers: cim-core:C20 */
static void test_namespaces(void **state)
{
    struct names n = { "" };
    assert_int_equal(write_fn(make_spaces, NULL), CIMF_OK);
    reopen();
    struct repo_txn *txn = begin();
    assert_int_equal(repo_list_namespaces(txn, collect, &n, NULL), CIMF_OK);
    assert_string_equal(n.text, "root root/A root/a-z root/test root/A/b root/A/b/c ");
    assert_true(repo_has_namespace(txn, SLICE("ROOT/a/B")));
    repo_read_end(txn);
    assert_int_equal(write_fn(delete_spaces, NULL), CIMF_OK);
    txn = begin();
    n.text[0] = 0;
    assert_int_equal(repo_list_namespaces(txn, collect, &n, NULL), CIMF_OK);
    assert_string_equal(n.text, "root root/a-z root/test ");
    repo_read_end(txn);
}

static cimf_status fill_and_drop(struct repo_txn *txn, void *arg, struct error *e)
{
    struct slice ns = SLICE("root/full");
    assert_int_equal(repo_make_namespace(txn, ns, e), CIMF_OK);
    for (int i = 0; i < FIXTURE_CLASSES; i++) assert_int_equal(repo_put_class(txn, ns, &f.decl[i], e), CIMF_OK);
    struct cim_instance *in = fixture_instance(&f.a, f.cls[FIXTURE_SUB], "x", 1);
    assert_int_equal(repo_put_instance(txn, ns, in, SLICE("x"), 0, NULL, e), CIMF_OK);
    assert_int_equal(repo_put_setting(txn, ns, SLICE("sd"), SLICE("O:BA"), e), CIMF_OK);
    return repo_delete_namespace(txn, ns, false, e);
}

static void test_namespace_takes_everything_along(void **state)
{
    struct repo_report before, after;
    assert_int_equal(repo_verify(f.repo, &before, NULL), CIMF_OK);
    assert_int_equal(write_fn(fill_and_drop, NULL), CIMF_OK);
    assert_int_equal(repo_verify(f.repo, &after, NULL), CIMF_OK);
    assert_int_equal(before.classes, after.classes);
    assert_int_equal(after.instances, 0);
    assert_int_equal(before.namespaces, after.namespaces);
}

/* --- classes --------------------------------------------------------------------------------------- */

static cimf_status class_rules(struct repo_txn *txn, void *arg, struct error *e)
{
    struct cim_class_decl d = { .name = SLICE("T_New"), .super = SLICE("T_Missing") };
    assert_int_equal(repo_put_class(txn, NS, &d, e), CIMF_INVALID_SUPERCLASS);
    assert_int_equal(repo_put_class(txn, SLICE("root/none"), &d, e), CIMF_INVALID_NAMESPACE);
    assert_int_equal(repo_delete_class(txn, NS, SLICE("T_New"), e), CIMF_NOT_FOUND);
    assert_int_equal(repo_delete_class(txn, NS, SLICE("t_base"), e), CIMF_CLASS_HAS_CHILDREN);
    d.super = SLICE("T_SUB");
    assert_int_equal(repo_put_class(txn, NS, &d, e), CIMF_OK);
    d = (struct cim_class_decl){ .name = SLICE("T_Base"), .super = SLICE("T_New") };
    assert_int_equal(repo_put_class(txn, NS, &d, e), CIMF_INVALID_SUPERCLASS); /* a circle */
    d = (struct cim_class_decl){ .name = SLICE("t_new"), .super = SLICE("T_Base") };
    assert_int_equal(repo_put_class(txn, NS, &d, e), CIMF_OK); /* moves below another */
    return repo_delete_class(txn, NS, SLICE("T_Sub"), e);
}

struct order {
    char names[16][32];
    int count;
};

static cimf_status note_class(void *arg, const struct cim_class_decl *decl)
{
    struct order *o = arg;
    snprintf(o->names[o->count++], 32, SLICE_FMT, SLICE_ARG(decl->name));
    return o->count == 16 ? CIMF_QUOTA_VIOLATION : CIMF_OK;
}

static int position(const struct order *o, const char *name)
{
    for (int i = 0; i < o->count; i++)
        if (!strcmp(o->names[i], name)) return i;
    return -1;
}

/* covers: cim-core:C20 */
static void test_classes(void **state)
{
    struct order o = { .count = 0 };
    struct cim_class_decl decl;
    assert_int_equal(write_fn(class_rules, NULL), CIMF_OK);
    reopen();
    struct repo_txn *txn = begin();
    assert_int_equal(repo_load_classes(txn, NS, note_class, &o, NULL), CIMF_OK);
    assert_int_equal(o.count, 4);
    assert_true(position(&o, "T_Base") >= 0 && position(&o, "T_Base") < position(&o, "T_New"));
    assert_int_equal(position(&o, "T_Sub"), -1);
    assert_int_equal(repo_get_class(txn, &f.a, NS, SLICE("t_BASE"), &decl, NULL), CIMF_OK);
    assert_true(cim_class_decl_equal(&decl, &f.decl[FIXTURE_BASE]));
    assert_int_equal(repo_get_class(txn, &f.a, NS, SLICE("none"), &decl, NULL), CIMF_NOT_FOUND);
    repo_read_end(txn);
}

static cimf_status deep_tree(struct repo_txn *txn, void *arg, struct error *e)
{
    char name[8], super[8] = "";
    for (int i = 14; i >= 5; i--) { /* names sort against the derivation */
        snprintf(name, sizeof name, "D%02d", i);
        struct cim_class_decl d = { .name = slice_str(name), .super = slice_str(super) };
        assert_int_equal(repo_put_class(txn, NS, &d, e), CIMF_OK);
        memcpy(super, name, sizeof super);
    }
    return CIMF_OK;
}

static void test_superclasses_come_first(void **state)
{
    struct order o = { .count = 0 };
    assert_int_equal(write_fn(deep_tree, NULL), CIMF_OK);
    struct repo_txn *txn = begin();
    assert_int_equal(repo_load_classes(txn, NS, note_class, &o, NULL), CIMF_OK);
    assert_int_equal(o.count, 14);
    for (int i = 14; i > 5; i--) {
        char super[8], name[8];
        snprintf(super, sizeof super, "D%02d", i);
        snprintf(name, sizeof name, "D%02d", i - 1);
        assert_true(position(&o, super) < position(&o, name));
    }
    repo_read_end(txn);
}

static cimf_status put_qualifier(struct repo_txn *txn, void *arg, struct error *e)
{
    return repo_put_qualifier(txn, NS, arg, e);
}

static cimf_status note_qualifier(void *arg, const struct cim_qualifier_decl *decl)
{
    struct cim_qualifier_decl *out = arg;
    out->name = arena_dup(&f.a, decl->name);
    out->scope += decl->scope;
    out->flavor = decl->flavor;
    return cim_data_copy(&f.a, decl->value.type, &decl->value.v, &out->value.v);
}

static void test_qualifier_declarations(void **state)
{
    struct cim_qualifier_decl q = { SLICE("Units"), { CIM_STRING, false, { .s = SLICE("none") } },
                                    CIM_SCOPE_PROPERTY | CIM_SCOPE_METHOD, CIM_FLAVOR_AMENDED };
    struct cim_qualifier_decl got = { .scope = 0 };
    assert_int_equal(write_fn(put_qualifier, &q), CIMF_OK);
    assert_int_equal(write_fn(put_qualifier, &q), CIMF_OK);
    struct repo_txn *txn = begin();
    assert_int_equal(repo_load_qualifiers(txn, NS, note_qualifier, &got, NULL), CIMF_OK);
    assert_true(slice_is(got.name, "Units") && slice_is(got.value.v.s, "none"));
    assert_int_equal(got.scope, q.scope);
    assert_int_equal(got.flavor, q.flavor);
    repo_read_end(txn);
}

/* --- instances --------------------------------------------------------------------------------------- */

/* covers: cim-core:C20 */
static void test_put_get_delete(void **state)
{
    assert_int_equal(fixture_put(&f, f.cls[FIXTURE_BASE], "one", 1, REPO_CREATE_ONLY), CIMF_OK);
    assert_int_equal(fixture_put(&f, f.cls[FIXTURE_BASE], "one", 2, REPO_CREATE_ONLY), CIMF_ALREADY_EXISTS);
    assert_int_equal(fixture_put(&f, f.cls[FIXTURE_BASE], "two", 2, REPO_UPDATE_ONLY), CIMF_NOT_FOUND);
    assert_int_equal(fixture_number(&f, "one"), 1);
    assert_int_equal(fixture_put(&f, f.cls[FIXTURE_BASE], "one", 5, REPO_UPDATE_ONLY), CIMF_OK);
    reopen();
    assert_int_equal(fixture_number(&f, "one"), 5);
    assert_int_equal(fixture_number(&f, "two"), -1);
    assert_int_equal(fixture_delete(&f, "one"), CIMF_OK);
    assert_int_equal(fixture_delete(&f, "one"), CIMF_NOT_FOUND);
    assert_int_equal(fixture_number(&f, "one"), -1);
}

static void test_key_is_unique_in_the_tree(void **state)
{
    struct slice name;
    struct repo_key key;
    struct cim_instance *in;
    assert_int_equal(fixture_put(&f, f.cls[FIXTURE_SUB], "k", 1, 0), CIMF_OK);
    assert_int_equal(fixture_put(&f, f.cls[FIXTURE_BASE], "k", 1, 0), CIMF_ALREADY_EXISTS);
    assert_int_equal(fixture_put(&f, f.cls[FIXTURE_BASE], "other", 1, 0), CIMF_OK);
    assert_int_equal(fixture_put(&f, f.cls[FIXTURE_SUB], "other", 1, 0), CIMF_ALREADY_EXISTS);
    struct repo_txn *txn = begin();
    assert_int_equal(repo_find_instance(txn, &f.a, NS, SLICE("T_Base"), SLICE("k"), &name, &key, NULL), CIMF_OK);
    assert_true(slice_is(name, "T_Sub"));
    assert_int_equal(repo_get_at(txn, &f.a, NS, f.cls[FIXTURE_SUB], &key, &f.classes, &in, NULL), CIMF_OK);
    assert_int_equal(repo_get_at(txn, &f.a, NS, f.cls[FIXTURE_BASE], &key, &f.classes, &in, NULL), CIMF_NOT_FOUND);
    repo_read_end(txn);
    assert_int_equal(fixture_delete(&f, "k"), CIMF_OK);
    assert_int_equal(fixture_put(&f, f.cls[FIXTURE_BASE], "k", 1, REPO_CREATE_ONLY), CIMF_OK);
}

static void test_long_keys(void **state)
{
    char name[3][1500];
    for (int i = 0; i < 3; i++) {
        memset(name[i], 'k', sizeof name[i]);
        name[i][1490] = (char)('0' + i); /* differ behind any prefix */
        name[i][1499] = 0;
        assert_int_equal(fixture_put(&f, f.cls[i % 2 ? FIXTURE_SUB : FIXTURE_BASE], name[i], (uint32_t)i, 0), CIMF_OK);
    }
    for (int i = 0; i < 3; i++) assert_int_equal(fixture_number(&f, name[i]), i);
    assert_int_equal(fixture_delete(&f, name[1]), CIMF_OK);
    assert_int_equal(fixture_number(&f, name[1]), -1);
    assert_int_equal(fixture_number(&f, name[2]), 2);
}

static void test_scan_pauses_and_goes_on(void **state)
{
    char name[16];
    struct repo_key after = { 0 };
    unsigned seen = 0;
    for (unsigned i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "i%02u", i);
        assert_int_equal(fixture_put(&f, f.cls[i % 5 ? FIXTURE_BASE : FIXTURE_SUB], name, i, 0), CIMF_OK);
    }
    for (int round = 0;; round++) { /* three at a time, each in a snapshot of its own */
        struct repo_txn *txn = begin();
        struct repo_scan s;
        struct cim_instance *in = NULL;
        assert_int_equal(repo_scan_begin(&s, txn, NS, f.cls[FIXTURE_BASE], &after, &f.classes, NULL), CIMF_OK);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(repo_scan_next(&s, &f.a, &in, NULL), CIMF_OK);
            if (!in) break;
            union cim_data v;
            assert_ptr_equal(in->cls, f.cls[FIXTURE_BASE]);
            assert_true(cim_get(in, 1, &v));
            if (seen) assert_true(v.u % 5 != 0);
            seen++;
        }
        after = s.key;
        repo_scan_end(&s);
        repo_read_end(txn);
        if (!in) break;
        if (round == 2) assert_int_equal(fixture_delete(&f, "i11"), CIMF_OK); /* where it stands: 9 seen */
    }
    assert_int_equal(seen, 40);
    struct repo_txn *txn = begin();
    assert_int_equal(repo_count_instances(txn, NS, SLICE("T_Base"), 1000), 39);
    assert_int_equal(repo_count_instances(txn, NS, SLICE("T_Base"), 5), 5);
    assert_int_equal(repo_count_instances(txn, NS, SLICE("T_Sub"), 1000), 10);
    assert_int_equal(repo_count_instances(txn, NS, SLICE("none"), 1000), 0);
    repo_read_end(txn);
}

static cimf_status put_only(struct repo_txn *txn, void *arg, struct error *e)
{
    bool created = false;
    struct cim_instance *in = cim_instance_new(&f.a, f.cls[FIXTURE_ONLY]);
    cim_put_i64(in, "Value", -5);
    cimf_status status = repo_put_instance(txn, NS, in, SLICE("@"), 0, &created, e);
    assert_int_equal(created, arg == NULL);
    return status;
}

static void test_singleton(void **state)
{
    struct cim_instance *in;
    assert_int_equal(write_fn(put_only, NULL), CIMF_OK);
    assert_int_equal(write_fn(put_only, &f), CIMF_OK);
    struct repo_txn *txn = begin();
    assert_int_equal(repo_get_instance(txn, &f.a, NS, SLICE("T_Only"), SLICE("@"), &f.classes, &in, NULL), CIMF_OK);
    repo_read_end(txn);
}

/* --- the class changes below its instances -------------------------------------------------------------- */

static struct cim_property_decl changed_properties[] = {
    { .name = SLICE("Added"), .type = CIM_SINT8 },
    { .name = SLICE("Number"), .type = CIM_STRING },
    { .name = SLICE("Text"), .type = CIM_UINT8 },
    { .name = SLICE("Name"), .type = CIM_STRING },
};

static cimf_status put_changed(struct repo_txn *txn, void *arg, struct error *e)
{
    return repo_put_class(txn, NS, arg, e);
}

static const struct cim_class *changed;
static const struct cim_class *find_changed(void *arg, struct slice name) { return changed; }

static void test_class_update_keeps_instances_readable(void **state)
{
    struct cim_class_decl d = f.decl[FIXTURE_BASE];
    struct cim_instance *in;
    union cim_data v;
    changed_properties[3].qualifiers = f.decl[FIXTURE_BASE].properties[0].qualifiers;
    d.properties = changed_properties;
    d.property_count = 4;
    assert_int_equal(fixture_put(&f, f.cls[FIXTURE_BASE], "old", 33, 0), CIMF_OK);
    assert_int_equal(write_fn(put_changed, &d), CIMF_OK);
    assert_int_equal(cim_class_resolve(&d, NULL, NS, 0, &changed, NULL), CIMF_OK);
    struct repo_classes classes = { find_changed, NULL };
    struct repo_txn *txn = begin();
    assert_int_equal(repo_get_instance(txn, &f.a, NS, SLICE("T_Base"), SLICE("old"), &classes, &in, NULL), CIMF_OK);
    assert_ptr_equal(in->cls, changed);
    assert_int_equal(in->state[0], CIM_DEFAULTED);
    assert_true(cim_get(in, 1, &v) && slice_is(v.s, "33")); /* retyped */
    assert_int_equal(in->state[2], CIM_DEFAULTED);          /* "text 33" is no uint8 */
    assert_true(cim_get(in, 3, &v) && slice_is(v.s, "old"));
    repo_read_end(txn);
    cim_class_unref(changed);
}

/* --- references ------------------------------------------------------------------------------------------- */

struct link {
    const char *key, *left, *right;
};

static cimf_status put_link(struct repo_txn *txn, void *arg, struct error *e)
{
    struct link *l = arg;
    struct cim_instance *in = cim_instance_new(&f.a, f.cls[FIXTURE_LINK]);
    cim_put_strz(in, "Left", l->left);
    cim_put_strz(in, "Right", l->right);
    return repo_put_instance(txn, NS, in, slice_str(l->key), 0, NULL, e);
}

static cimf_status delete_link(struct repo_txn *txn, void *arg, struct error *e)
{
    return repo_delete_instance(txn, NS, SLICE("T_Link"), slice_str(arg), e);
}

struct found {
    char text[256];
    int count, stop; /* refuses the one after stop */
};

static cimf_status note_reference(void *arg, const struct repo_reference *ref)
{
    struct found *found = arg;
    if (found->count == found->stop) return CIMF_CALL_CANCELLED;
    found->count++;
    assert_true(slice_is(ref->class_name, "T_Link"));
    strncat(found->text, (const char *)ref->key.p, ref->key.n);
    strcat(found->text, ".");
    strncat(found->text, ref->property.p, ref->property.n);
    strcat(found->text, " ");
    return CIMF_OK;
}

static const char *references(const char *path)
{
    static struct found found;
    struct slice target;
    found = (struct found){ .stop = -1 };
    assert_int_equal(cim_reference_key(&f.a, slice_str(path), NS, &target), CIMF_OK);
    struct repo_txn *txn = begin();
    assert_int_equal(repo_references(txn, NS, target, NULL, NULL, note_reference, &found, NULL), CIMF_OK);
    repo_read_end(txn);
    return found.text;
}

static void test_references(void **state)
{
    struct link links[] = { { "1", "T_Base.Name=\"a\"", "T_Base.Name=\"b\"" },
                            { "2", "T_Base.Name=\"b\"", "\\\\.\\root\\test:t_base.name=\"B\"" },
                            { "3", "root/other:T_Base.Name=\"a\"", "not a path" } };
    for (int i = 0; i < 3; i++) assert_int_equal(write_fn(put_link, &links[i]), CIMF_OK);
    assert_string_equal(references("T_Base.Name=\"a\""), "1.Left ");
    assert_string_equal(references("T_Base.Name=\"b\""), "1.Right 2.Left 2.Right ");
    assert_string_equal(references("root/other:T_Base.Name=\"a\""), "3.Left ");
    assert_string_equal(references("T_Base.Name=\"c\""), "");
    links[0].right = "T_Base.Name=\"c\"";
    assert_int_equal(write_fn(put_link, &links[0]), CIMF_OK);
    assert_string_equal(references("T_Base.Name=\"b\""), "2.Left 2.Right ");
    assert_string_equal(references("T_Base.Name=\"c\""), "1.Right ");
    assert_int_equal(write_fn(delete_link, (void *)(uintptr_t) "2"), CIMF_OK);
    assert_string_equal(references("T_Base.Name=\"b\""), "");
}

static void test_references_go_on_after_a_mark(void **state)
{
    struct link links[] = { { "1", "T_Base.Name=\"b\"", "T_Base.Name=\"b\"" },
                            { "2", "T_Base.Name=\"b\"", "T_Base.Name=\"b\"" },
                            { "3", "T_Base.Name=\"b\"", "T_Base.Name=\"a\"" } };
    struct slice target;
    struct repo_mark mark = { 0 };
    struct found found = { "", 0, 0 };
    for (int i = 0; i < 3; i++) assert_int_equal(write_fn(put_link, &links[i]), CIMF_OK);
    assert_int_equal(cim_reference_key(&f.a, slice_str("T_Base.Name=\"b\""), NS, &target), CIMF_OK);
    cimf_status status = CIMF_CALL_CANCELLED;
    for (int i = 0; i < 10 && status; i++) {
        struct repo_txn *txn = begin();
        found.stop = found.count + 1;
        status = repo_references(txn, NS, target, &mark, &mark, note_reference, &found, NULL);
        repo_read_end(txn);
    }
    assert_int_equal(status, CIMF_OK);
    assert_string_equal(found.text, "1.Left 1.Right 2.Left 2.Right 3.Left ");
}

/* --- settings ------------------------------------------------------------------------------------------------ */

static cimf_status put_settings(struct repo_txn *txn, void *arg, struct error *e)
{
    size_t big = 300000;
    char *text = calloc(1, big);
    cimf_status status = repo_put_setting(txn, SLICE(""), SLICE("mof/2"), slice_of(text, big), e);
    free(text);
    if (!status) status = repo_put_setting(txn, SLICE(""), SLICE("MOF/1"), SLICE("one"), e);
    if (!status) status = repo_put_setting(txn, SLICE(""), SLICE("hash"), SLICE(""), e);
    return status ? status : repo_put_setting(txn, NS, SLICE("hash"), SLICE("of ns"), e);
}

static cimf_status note_setting(void *arg, struct slice name, struct slice value)
{
    *(size_t *)arg = *(size_t *)arg * 1000000 + value.n;
    return CIMF_OK;
}

static cimf_status drop_setting(struct repo_txn *txn, void *arg, struct error *e)
{
    return repo_delete_setting(txn, NS, SLICE("HASH"), e);
}

static void test_settings(void **state)
{
    struct slice v;
    size_t sizes = 0;
    assert_int_equal(write_fn(put_settings, NULL), CIMF_OK);
    struct repo_txn *txn = begin();
    assert_int_equal(repo_get_setting(txn, &f.a, SLICE(""), SLICE("Hash"), &v, NULL), CIMF_OK);
    assert_int_equal(v.n, 0);
    assert_int_equal(repo_get_setting(txn, &f.a, NS, SLICE("hash"), &v, NULL), CIMF_OK);
    assert_true(slice_is(v, "of ns"));
    assert_int_equal(repo_get_setting(txn, &f.a, NS, SLICE("mof/1"), &v, NULL), CIMF_NOT_FOUND);
    assert_int_equal(repo_list_settings(txn, SLICE(""), SLICE("mof/"), note_setting, &sizes, NULL), CIMF_OK);
    assert_int_equal(sizes, 3 * 1000000 + 300000);
    repo_read_end(txn);
    assert_int_equal(write_fn(drop_setting, NULL), CIMF_OK);
    assert_int_equal(write_fn(drop_setting, NULL), CIMF_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
        T(test_namespaces), T(test_namespace_takes_everything_along), T(test_classes),
        T(test_superclasses_come_first), T(test_qualifier_declarations), T(test_put_get_delete),
        T(test_key_is_unique_in_the_tree), T(test_long_keys), T(test_scan_pauses_and_goes_on),
        T(test_singleton), T(test_class_update_keeps_instances_readable), T(test_references),
        T(test_references_go_on_after_a_mark), T(test_settings),
    };
    return cmocka_run_group_tests_name("repo", tests, NULL, NULL);
}
