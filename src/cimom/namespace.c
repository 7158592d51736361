/* The table of namespaces and their current schemas. */
#include <stdlib.h>

#include "cimom/plan.h"
#include "cimom/security.h"

static struct cimom_ns *ns_new(struct cimom *m, struct slice name)
{
    struct cimom_ns *ns = calloc(1, sizeof *ns + name.n + 1);
    if (!ns) return NULL;
    char *copy = (char *)(ns + 1);
    memcpy(copy, name.p, name.n);
    ns->name = slice_of(copy, name.n);
    ns->m = m;
    atomic_init(&ns->refs, 1);
    pthread_mutex_init(&ns->lock, NULL);
    map_init(&ns->providers, true);
    for (size_t i = 0; i < m->provider_count; i++) {
        const struct provider_class *p = m->providers[i].provider;
        if (strcmp(p->ns, PROVIDER_ANY_NAMESPACE) != 0 && !slice_ieq(slice_str(p->ns), name)) continue;
        if (!map_put(&ns->providers, slice_str(p->class_name), &m->providers[i], NULL)) {
            ns_unref(ns);
            return NULL;
        }
    }
    return ns;
}

struct cimom_ns *ns_ref(struct cimom_ns *ns)
{
    atomic_fetch_add_explicit(&ns->refs, 1, memory_order_relaxed);
    return ns;
}

void ns_unref(struct cimom_ns *ns)
{
    if (!ns || atomic_fetch_sub_explicit(&ns->refs, 1, memory_order_acq_rel) != 1) return;
    cim_schema_unref(ns->schema);
    security_unref(ns->security);
    security_change_free(ns->given);
    map_free(&ns->providers);
    pthread_mutex_destroy(&ns->lock);
    free(ns);
}

struct cimom_ns *table_add(struct cimom *m, struct slice name)
{
    struct cimom_ns *ns = map_get(&m->table, name);
    if (ns) return ns;
    ns = ns_new(m, name);
    if (ns && !map_put(&m->table, ns->name, ns, NULL)) {
        ns_unref(ns);
        ns = NULL;
    }
    if (ns) security_renew(ns);
    return ns;
}

static cimf_status add_name(void *arg, struct slice name)
{
    return table_add(arg, name) ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}

cimf_status table_init(struct cimom *m, struct error *e)
{
    struct repo_txn *txn;
    cimf_status s = repo_read_begin(m->repo, &txn, e);
    if (s) return s;
    pthread_rwlock_wrlock(&m->table_lock);
    s = repo_list_namespaces(txn, add_name, m, e);
    if (!s) s = security_load(m, txn, e);
    pthread_rwlock_unlock(&m->table_lock);
    repo_read_end(txn);
    return s;
}

void table_free(struct cimom *m)
{
    table_drop(m, &m->table);
}

void table_drop(struct cimom *m, struct map *table)
{
    size_t at = 0;
    struct slice key;
    void *value;
    while (map_next(table, &at, &key, &value)) {
        struct cimom_ns *ns = value;
        pthread_mutex_lock(&ns->lock);
        if (ns->schema) plan_cache_forget(m->plans, ns->schema);
        pthread_mutex_unlock(&ns->lock);
        atomic_store(&ns->gone, true);
        ns_unref(ns);
    }
    map_free(table);
}

void table_exchange(struct cimom *m, struct map *other)
{
    pthread_rwlock_wrlock(&m->table_lock);
    struct map was = m->table;
    m->table = *other;
    *other = was;
    pthread_rwlock_unlock(&m->table_lock);
}

/* Descriptors are worked out from the table of the manager: it stands there for a moment, unseen. */
cimf_status table_build(struct cimom *m, struct repo_txn *txn, struct map *out, struct error *e)
{
    map_init(out, true);
    pthread_rwlock_wrlock(&m->table_lock);
    struct map was = m->table;
    m->table = *out;
    cimf_status s = repo_list_namespaces(txn, add_name, m, e);
    if (!s) s = security_load(m, txn, e);
    *out = m->table;
    m->table = was;
    pthread_rwlock_unlock(&m->table_lock);
    return s;
}

struct cimom_ns *ns_find(struct cimom *m, struct slice name)
{
    if (!name.n) name = SLICE("root/default");
    pthread_rwlock_rdlock(&m->table_lock);
    struct cimom_ns *ns = map_get(&m->table, name);
    if (ns) ns_ref(ns);
    pthread_rwlock_unlock(&m->table_lock);
    return ns;
}

struct cimom_ns *ns_find_above(struct cimom *m, struct slice name)
{
    struct cimom_ns *ns = ns_find(m, name);
    while (!ns && name.n) {
        while (name.n && name.p[name.n - 1] != '/') name.n--;
        if (name.n) name.n--;
        ns = ns_find(m, name.n ? name : SLICE("root"));
    }
    return ns;
}

/* Loads from the last commit. The schema may already be newer than the one that table_publish is
 * about to bring: seq tells. */
static cimf_status ns_load(struct cimom_ns *ns, struct error *e)
{
    struct repo_txn *txn;
    cimf_status s = repo_read_begin(ns->m->repo, &txn, e);
    if (s) return s;
    s = schema_load(txn, ns->name, &ns->schema, e);
    if (!s) ns->seq = schema_seq(txn, ns->name);
    repo_read_end(txn);
    return s;
}

cimf_status ns_schema(struct cimom_ns *ns, struct cim_schema **out, struct error *e)
{
    cimf_status s = CIMF_OK;
    pthread_mutex_lock(&ns->lock);
    if (!ns->schema) s = ns_load(ns, e);
    *out = s ? NULL : cim_schema_ref(ns->schema);
    pthread_mutex_unlock(&ns->lock);
    return s;
}

struct provider_entry *ns_provider(const struct cimom_ns *ns, const struct cim_class *cls)
{
    return map_get(&ns->providers, cls->name);
}

void table_publish(struct cimom *m, struct slice name, struct cim_schema *schema, uint64_t seq)
{
    pthread_rwlock_wrlock(&m->table_lock);
    struct cimom_ns *ns = table_add(m, name);
    if (ns) ns_ref(ns);
    pthread_rwlock_unlock(&m->table_lock);
    struct cim_schema *old = schema;
    if (ns) {
        pthread_mutex_lock(&ns->lock);
        if (!ns->schema || ns->seq < seq) {
            old = ns->schema;
            ns->schema = schema;
            ns->seq = seq;
        }
        pthread_mutex_unlock(&ns->lock);
    }
    if (old) plan_cache_forget(m->plans, old);
    cim_schema_unref(old);
    ns_unref(ns);
}

static bool is_at_or_below(struct slice name, struct slice top)
{
    return slice_istarts(name, top) && (name.n == top.n || name.p[top.n] == '/');
}

void table_remove(struct cimom *m, struct slice name)
{
    pthread_rwlock_wrlock(&m->table_lock);
    for (;;) {
        size_t at = 0;
        struct slice key;
        void *value;
        bool found = false;
        while (!found && map_next(&m->table, &at, &key, &value)) {
            found = is_at_or_below(key, name);
        }
        if (!found) break;
        struct cimom_ns *ns = value;
        map_del(&m->table, ns->name);
        pthread_mutex_lock(&ns->lock);
        if (ns->schema) plan_cache_forget(m->plans, ns->schema);
        pthread_mutex_unlock(&ns->lock);
        atomic_store(&ns->gone, true);
        ns_unref(ns);
    }
    pthread_rwlock_unlock(&m->table_lock);
}

static int by_name(const void *a, const void *b)
{
    return slice_casecmp(*(const struct slice *)a, *(const struct slice *)b);
}

cimf_status table_children(struct cimom *m, struct slice parent, struct arena *a,
                           struct slice **out, size_t *count)
{
    pthread_rwlock_rdlock(&m->table_lock);
    size_t n = 0, at = 0;
    struct slice *names = ARENA_ARRAY(a, m->table.count + 1, struct slice);
    struct slice key;
    void *value;
    while (names && map_next(&m->table, &at, &key, &value)) {
        if (key.n <= parent.n + 1 || !is_at_or_below(key, parent)) continue;
        struct slice last = slice_sub(key, parent.n + 1);
        if (slice_find(last, '/') == last.n) names[n++] = arena_dup(a, last);
    }
    pthread_rwlock_unlock(&m->table_lock);
    if (!names || a->overflow) return CIMF_OUT_OF_MEMORY;
    qsort(names, n, sizeof *names, by_name);
    *out = names;
    *count = n;
    return CIMF_OK;
}

bool is_namespace_class(const struct cim_class *cls)
{
    return slice_ieq(cls->name, SLICE("__NAMESPACE"));
}
