/* Deep check: reads every record and holds indexes and numbers against each other. */
#include <stdio.h>

#include "repo/instance_priv.h"
#include "repo/record_priv.h"

struct verify {
    struct repo_txn *txn;
    struct repo_report *report;
    struct arena a;       /* of one record */
    uint32_t next[2];     /* numbers not used yet */
    uint32_t layout_class, layout_number; /* of `layout` */
    struct slice layout;
    struct error e;
};

static void problem(struct verify *v, const char *what, struct slice subject)
{
    struct repo_report *r = v->report;
    if (!r->problems++) {
        snprintf(r->first, sizeof r->first, "%s%s" SLICE_FMT, what, subject.n ? ": " : "",
                 SLICE_ARG(slice_head(subject, 200)));
    }
}

static void expect(struct verify *v, bool ok, const char *what)
{
    if (!ok) problem(v, what, SLICE_NULL);
}

static void decoded(struct verify *v, cimf_status status, struct slice subject)
{
    if (status) problem(v, error_text(&v->e), subject);
    v->e = ERROR_INIT;
}

static bool class_known(struct verify *v, uint32_t id)
{
    struct key k;
    key_start(&k, KEY_CLASS_ID);
    key_u32(&k, id);
    return repo_record_has(v->txn, &k);
}

/* --- one function a kind ---------------------------------------------------------------------------- */

static void on_class(struct verify *v, const struct walk *w)
{
    struct class_ref c;
    struct cim_class_decl decl;
    struct key k;
    v->report->classes++;
    cimf_status status = repo_class_parse(w->value, &c, &v->e);
    if (!status) status = record_class_decode(&v->a, c.decl, &decl, &v->e);
    decoded(v, status, c.name);
    if (status || w->key.mv_size < 5) return;
    uint32_t ns;
    struct slice name;
    status = repo_class_by_id(v->txn, c.id, &ns, &name, &v->e);
    decoded(v, status, c.name);
    expect(v, c.id < v->next[IDS_CLASS], "a class has a number that was not given out");
    if (!status && (ns != key_get_u32((const char *)w->key.mv_data + 1) || !slice_ieq(name, decl.name))) {
        problem(v, "a class and its number do not belong together", decl.name);
    }
    if (!c.super) return;
    key_start(&k, KEY_CHILD);
    key_u32(&k, c.super);
    key_u32(&k, c.id);
    if (!class_known(v, c.super)) problem(v, "the superclass is missing", decl.name);
    if (!repo_record_has(v->txn, &k)) problem(v, "the class is not listed below its superclass", decl.name);
}

static void on_class_id(struct verify *v, const struct walk *w)
{
    struct class_ref c = { 0 };
    uint32_t ns = 0;
    if (w->key.mv_size != 5 || w->value.n < sizeof ns) {
        problem(v, "a class number is not valid", SLICE_NULL);
        return;
    }
    memcpy(&ns, w->value.p, sizeof ns);
    cimf_status status = repo_class_find(v->txn, ns, slice_sub(w->value, sizeof ns), &c, &v->e);
    decoded(v, status, SLICE_NULL);
    if (!status) {
        expect(v, c.id == key_get_u32((const char *)w->key.mv_data + 1), "a class number names another class");
    }
}

static void on_child(struct verify *v, const struct walk *w)
{
    const char *p = w->key.mv_data;
    bool ok = w->key.mv_size == 9 && class_known(v, key_get_u32(p + 1)) && class_known(v, key_get_u32(p + 5));
    expect(v, ok, "an entry of the subclass index points to nothing");
}

static void on_layout(struct verify *v, const struct walk *w)
{
    struct record_plan plan;
    struct decode d = { .a = &v->a };
    struct reader r = reader_of(w->value);
    read_plan(&d, &r, NULL, &plan);
    decoded(v, record_end(&d, &r, "a layout", &v->e), SLICE_NULL);
    expect(v, w->key.mv_size == 7 && class_known(v, key_get_u32((const char *)w->key.mv_data + 1)),
           "a layout belongs to no class");
}

/* The same layout serves many instances in a row. */
static cimf_status use_layout(struct verify *v, uint32_t class_id, uint32_t number)
{
    if (v->layout.p && v->layout_class == class_id && v->layout_number == number) return CIMF_OK;
    v->layout_class = class_id;
    v->layout_number = number;
    v->layout = SLICE_NULL;
    return layout_get(v->txn, class_id, number, &v->layout, &v->e);
}

static void check_refs(struct verify *v, const struct walk *w, uint32_t ns, struct slice refs)
{
    for (size_t i = 0; i + KEY_HASH <= refs.n; i += KEY_HASH) {
        struct key k;
        key_start(&k, KEY_REFERENCE);
        key_u32(&k, ns);
        key_bytes(&k, refs.p + i, KEY_HASH);
        key_bytes(&k, (const char *)w->key.mv_data + 1, w->key.mv_size - 1);
        expect(v, repo_record_has(v->txn, &k), "a reference is not in the index");
    }
}

static void on_instance(struct verify *v, const struct walk *w)
{
    struct instance_ref ref;
    struct repo_key place;
    struct slice name = SLICE_NULL;
    uint32_t ns = 0;
    v->report->instances++;
    if (!instance_place(w->key.mv_data, w->key.mv_size, &place)) {
        problem(v, "the key of an instance is not valid", SLICE_NULL);
        return;
    }
    uint32_t class_id = key_get_u32((const char *)w->key.mv_data + 1);
    cimf_status status = repo_instance_parse(w->value, &ref, &v->e);
    if (!status) status = repo_class_by_id(v->txn, class_id, &ns, &name, &v->e);
    if (!status) status = use_layout(v, class_id, ref.layout);
    if (!status) status = record_instance_check(&v->a, v->layout, ref.body, &v->e);
    decoded(v, status, name);
    if (status) return;
    check_refs(v, w, ns, ref.refs);
    if (ref.key_class == class_id) return;
    struct key k;
    instance_key_at(KEY_UNIQUE, ref.key_class, &place, &k);
    if (!class_known(v, ref.key_class)) problem(v, "the key class of an instance is missing", name);
    if (!repo_record_has(v->txn, &k)) problem(v, "an instance is not in the index of keys", name);
}

static void on_unique(struct verify *v, const struct walk *w)
{
    struct repo_key place;
    struct key k;
    uint32_t class_id;
    if (w->value.n != sizeof class_id || !instance_place(w->key.mv_data, w->key.mv_size, &place)) {
        problem(v, "an entry of the index of keys is not valid", SLICE_NULL);
        return;
    }
    memcpy(&class_id, w->value.p, sizeof class_id);
    instance_key_at(KEY_INSTANCE, class_id, &place, &k);
    expect(v, repo_record_has(v->txn, &k), "an entry of the index of keys points to nothing");
}

static void on_reference(struct verify *v, const struct walk *w)
{
    struct reference_key rk;
    struct key k;
    struct slice value;
    struct instance_ref ref;
    v->report->references++;
    if (!reference_key_parse(w->key.mv_data, w->key.mv_size, &rk)) {
        problem(v, "a key of the reference index is not valid", SLICE_NULL);
        return;
    }
    instance_key_at(KEY_INSTANCE, rk.class_id, &rk.place, &k);
    cimf_status status = repo_record_get(v->txn, &k, &value, &v->e);
    if (!status) status = repo_instance_parse(value, &ref, &v->e);
    decoded(v, status, SLICE_NULL);
    if (status) return;
    bool listed = false;
    for (size_t i = 0; i + KEY_HASH <= ref.refs.n; i += KEY_HASH) {
        listed |= memcmp(ref.refs.p + i, rk.hash, KEY_HASH) == 0;
    }
    expect(v, listed, "an entry of the reference index is not from its instance");
}

static void on_qualifier(struct verify *v, const struct walk *w)
{
    struct cim_qualifier_decl decl;
    v->report->qualifiers++;
    decoded(v, record_qualifier_decode(&v->a, w->value, &decl, &v->e), SLICE_NULL);
}

static void on_namespace(struct verify *v, const struct walk *w)
{
    uint32_t id = 0;
    v->report->namespaces++;
    if (w->value.n <= sizeof id) {
        problem(v, "a namespace record is cut", SLICE_NULL);
        return;
    }
    memcpy(&id, w->value.p, sizeof id);
    expect(v, id && id < v->next[IDS_NAMESPACE], "a namespace has a number that was not given out");
}

static void on_setting(struct verify *v, const struct walk *w)
{
    struct reader r = reader_of(w->value);
    v->report->settings++;
    read_text(&r);
    expect(v, !r.bad, "a setting cannot be read");
}

static void on_header(struct verify *v, const struct walk *w)
{
    static const char ids[] = "ids";
    struct slice name = slice_sub(slice_of(w->key.mv_data, w->key.mv_size), 1);
    if (slice_is(name, ids) && w->value.n == sizeof v->next) memcpy(v->next, w->value.p, sizeof v->next);
    expect(v, slice_is(name, ids) || slice_is(name, "store"), "there is a header record of an unknown name");
}

/* Header first: others need the numbers. */
static const struct {
    enum key_tag tag;
    void (*check)(struct verify *v, const struct walk *w);
} kinds[] = {
    { KEY_HEADER, on_header },       { KEY_NAMESPACE, on_namespace }, { KEY_CLASS, on_class },
    { KEY_CLASS_ID, on_class_id },   { KEY_CHILD, on_child },         { KEY_LAYOUT, on_layout },
    { KEY_QUALIFIER, on_qualifier }, { KEY_INSTANCE, on_instance },   { KEY_UNIQUE, on_unique },
    { KEY_REFERENCE, on_reference }, { KEY_SETTING, on_setting },
};

static uint64_t check_kind(struct verify *v, size_t kind)
{
    struct key prefix;
    struct walk w;
    uint64_t n = 0;
    key_start(&prefix, kinds[kind].tag);
    cimf_status status = walk_begin(&w, v->txn, &prefix, NULL, &v->e);
    while (!status || status == CIMF_CORRUPT_STORE) {
        status = walk_next(&w, v->txn, &v->e);
        if (w.end) break;
        n++;
        if (!status) kinds[kind].check(v, &w);
        else decoded(v, status, SLICE_NULL);
        arena_reset(&v->a);
    }
    if (status && !w.end) decoded(v, status, SLICE_NULL);
    walk_end(&w);
    return n;
}

cimf_status store_verify(struct repo_txn *txn, struct repo_report *report, struct error *e)
{
    struct repo_report own;
    struct verify v = { .txn = txn, .report = report ? report : &own, .next = { 1, 1 } };
    MDB_stat stat = { 0 };
    *v.report = (struct repo_report){ 0 };
    arena_init(&v.a, 0);
    mdb_stat(txn->txn, txn->dbi, &stat);
    v.report->pages = stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
    uint64_t n = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) n += check_kind(&v, i);
    expect(&v, n == stat.ms_entries, "there are records of an unknown kind");
    arena_free(&v.a);
    if (!v.report->problems) return CIMF_OK;
    return error_set(e, CIMF_CORRUPT_STORE, "repo", "the repository has %llu damaged records; the first: %s",
                     (unsigned long long)v.report->problems, v.report->first);
}

cimf_status repo_verify(struct repo *r, struct repo_report *report, struct error *e)
{
    struct repo_txn *txn;
    cimf_status status = repo_read_begin(r, &txn, e);
    if (status) return status;
    status = store_verify(txn, report, e);
    repo_read_end(txn);
    if (status == CIMF_CORRUPT_STORE && r->dir) error_subject(e, slice_str(r->dir));
    return status;
}

cimf_status repo_verify_file(const char *path, struct repo_report *report, struct error *e)
{
    struct store_header h;
    struct repo r;
    if (report) *report = (struct repo_report){ 0 };
    cimf_status status = store_check_file(path, &h, NULL, NULL, e);
    if (status) return status;
    status = store_open_alone(path, &r, e);
    if (!status) status = repo_verify(&r, report, e);
    store_close_alone(&r);
    if (status) error_subject(e, slice_str(path));
    return status;
}
