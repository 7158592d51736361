#include "cimom/cimom_priv.h"

#include <stdlib.h>

#include "cimom/plan.h"
#include "cimom/security.h"

enum { MAX_REQUESTS = 5000, MAX_OPEN = 20000 };
#define PROVIDER_TIMEOUT_US ((int64_t)60 * 1000000)

static struct cim_schema *manager_schema(struct cim_manager *manager, struct slice ns,
                                         const struct principal *p)
{
    struct cimom *m = (struct cimom *)manager;
    struct cimom_ns *space = ns_find(m, ns);
    struct cim_schema *schema = NULL;
    /* Not recorded: the operation that follows is. */
    if (space && rights_have(space, p, RIGHT_ENABLE)) ns_schema(space, &schema, NULL);
    ns_unref(space);
    return schema;
}

static bool take_providers(struct cimom *m, const struct provider_class *const *list)
{
    size_t n = 0;
    while (list && list[n]) n++;
    /* Of the object manager itself. */
    static const struct provider_class *const own[] = { &qualifier_provider, &security_provider,
                                                        &this_namespace_provider };
    const size_t own_count = sizeof own / sizeof *own;
    m->providers = calloc(n + own_count, sizeof *m->providers);
    if (!m->providers) return false;
    for (size_t i = 0; i < n; i++) m->providers[i].provider = list[i];
    for (size_t i = 0; i < own_count; i++) m->providers[n + i].provider = own[i];
    m->provider_count = n + own_count;
    return true;
}

static struct cimom *cimom_new(const struct cimom_config *c)
{
    struct cimom *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    m->manager = (struct cim_manager){ task_submit, task_resume, task_cancel, manager_schema };
    m->repo = c->repo;
    m->pool = c->pool;
    m->server = c->server;
    m->files = c->files;
    m->file_count = c->file_count;
    m->namespaces = c->namespaces;
    m->version = c->version ? c->version : "";
    m->host = c->host;
    m->host_arg = c->host_arg;
    m->max_requests = c->max_requests ? c->max_requests : MAX_REQUESTS;
    m->max_open = c->max_open ? c->max_open : MAX_OPEN;
    m->provider_timeout_us = c->provider_timeout_us ? c->provider_timeout_us : PROVIDER_TIMEOUT_US;
    m->arena_cap = c->operation_memory;
    m->strict_parents = c->strict_parents;
    pthread_rwlock_init(&m->table_lock, NULL);
    pthread_mutex_init(&m->system_lock, NULL);
    pthread_mutex_init(&m->care, NULL);
    pause_init(m, c->pause_us);
    map_init(&m->table, true);
    arena_init(&m->system_arena, 0);
    return m;
}

cimf_status cimom_create(const struct cimom_config *config, struct cimom **out, struct error *e)
{
    *out = NULL;
    struct cimom *m = cimom_new(config);
    if (!m) return CIMF_OUT_OF_MEMORY;
    m->plans = plan_cache_new();
    m->watch = watch_new();
    cimf_status s = CIMF_OUT_OF_MEMORY;
    if (m->plans && m->watch && take_providers(m, config->providers)) s = boot(m, e);
    if (s) {
        cimom_destroy(m);
        return s;
    }
    *out = m;
    return CIMF_OK;
}

void cimom_stop(struct cimom *m)
{
    atomic_store(&m->stopping, true);
    cimom_unpause(m); /* what is held ends, too */
}

void cimom_destroy(struct cimom *m)
{
    if (!m) return;
    pause_free(m);
    watch_free(m->watch);
    table_free(m);
    plan_cache_free(m->plans);
    arena_free(&m->system_arena);
    pthread_rwlock_destroy(&m->table_lock);
    pthread_mutex_destroy(&m->system_lock);
    pthread_mutex_destroy(&m->care);
    free(m->providers);
    free(m);
}

struct cim_manager *cimom_manager(struct cimom *m)
{
    return &m->manager;
}

uint32_t cimom_active(const struct cimom *m)
{
    return atomic_load_explicit(&m->open, memory_order_acquire);
}

void cimom_stats(const struct cimom *m, enum cim_verb verb, struct cimom_stats *out)
{
    const struct cimom_counter *c = &m->counters[verb];
    out->calls = atomic_load_explicit(&c->calls, memory_order_relaxed);
    out->failed = atomic_load_explicit(&c->failed, memory_order_relaxed);
    out->objects = atomic_load_explicit(&c->objects, memory_order_relaxed);
}
