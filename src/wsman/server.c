#include "wsman/server_priv.h"

#include <stdlib.h>
#include <sys/utsname.h>

#include "base/clock.h"

static void defaults(struct wsman_server_config *c)
{
    if (!c->vendor.n) c->vendor = SLICE("Cimfony");
    if (!c->default_ns.n) c->default_ns = SLICE("root/cimv2");
    if (!c->max_envelope) c->max_envelope = 500 * 1024;
    if (!c->max_timeout_us) c->max_timeout_us = 60 * 1000000;
    if (!c->max_batch) c->max_batch = 32000;
    if (!c->max_operations) c->max_operations = UINT32_MAX;
    if (!c->max_operations_per_user) c->max_operations_per_user = 1500;
    if (!c->enumeration_timeout_us) c->enumeration_timeout_us = 60 * 1000000;
    if (!c->now_us) c->now_us = clock_mono_us;
}

/* "OS: 6.1.0 SP: 0.0 Stack: 3.0": clients parse the numbers, so of the kernel's release only those. */
static struct slice version_text(struct arena *a)
{
    struct utsname u;
    if (uname(&u) != 0) return SLICE("OS: 0.0.0 SP: 0.0 Stack: 3.0");
    size_t n = strspn(u.release, "0123456789.");
    while (n && u.release[n - 1] == '.') n--;
    return arena_printf(a, "OS: %.*s SP: 0.0 Stack: 3.0", (int)n, u.release);
}

cimf_status wsman_server_new(const struct wsman_server_config *config, struct wsman_server **out,
                             struct error *e)
{
    struct wsman_server *s = calloc(1, sizeof *s);
    if (!s) return error_set(e, CIMF_OUT_OF_MEMORY, "wsman", "no memory for the server");
    s->refs = 1;
    s->config = *config;
    defaults(&s->config);
    arena_init(&s->arena, 0);
    s->config.machine = arena_dup(&s->arena, s->config.machine);
    s->config.vendor = arena_dup(&s->arena, s->config.vendor);
    s->config.version = s->config.version.n ? arena_dup(&s->arena, s->config.version) : version_text(&s->arena);
    s->config.default_ns = arena_dup(&s->arena, s->config.default_ns);
    pthread_mutex_init(&s->lock, NULL);
    map_init(&s->users, true);
    map_init(&s->contexts, false);
    s->config.root_sd = NULL; /* the caller's */
    cimf_status status = wsman_authorize_new(config->root_sd, &s->authorize, e);
    if (status == CIMF_OK && s->arena.overflow) {
        status = error_set(e, CIMF_OUT_OF_MEMORY, "wsman", "no memory for the server");
    }
    if (status != CIMF_OK) {
        wsman_server_unref(s);
        return status;
    }
    *out = s;
    return CIMF_OK;
}

struct wsman_authorize *wsman_server_authorize(struct wsman_server *s) { return s->authorize; }

void wsman_server_ref(struct wsman_server *s)
{
    atomic_fetch_add(&s->refs, 1);
}

void wsman_server_unref(struct wsman_server *s)
{
    if (atomic_fetch_sub(&s->refs, 1) != 1) return;
    size_t at = 0;
    struct slice key;
    void *user;
    while (map_next(&s->users, &at, &key, &user)) {
        free((char *)((struct wsman_user *)user)->key.p);
        free(user);
    }
    map_free(&s->users);
    map_free(&s->contexts);
    wsman_authorize_free(s->authorize);
    pthread_mutex_destroy(&s->lock);
    arena_free(&s->arena);
    free(s);
}

void wsman_server_stop(struct wsman_server *s)
{
    for (;;) {
        pthread_mutex_lock(&s->lock);
        s->stopped = true;
        struct wsman_context *x = s->oldest;
        if (x) wsman_context_ref(x);
        pthread_mutex_unlock(&s->lock);
        if (!x) return;
        wsman_context_end(x);
        wsman_context_unref(x);
    }
}

void wsman_server_free(struct wsman_server *s)
{
    if (!s) return;
    wsman_server_stop(s);
    wsman_server_unref(s);
}

void wsman_server_set_limits(struct wsman_server *s, const struct wsman_server_config *config)
{
    struct wsman_server_config c = *config;
    defaults(&c);
#define STORE(name) __atomic_store_n(&s->config.name, c.name, __ATOMIC_RELAXED)
    STORE(max_envelope);
    STORE(max_timeout_us);
    STORE(max_batch);
    STORE(max_operations);
    STORE(max_operations_per_user);
    STORE(enumeration_timeout_us);
    STORE(profiles);
#undef STORE
}

/* --- quotas ----------------------------------------------------------------------------------- */

static struct wsman_user *user_find(struct wsman_server *s, const struct principal *p)
{
    char key[512];
    size_t n = 0;
    struct slice parts[] = { p->domain, SLICE("\\"), p->name };
    for (size_t i = 0; i < 3; i++) {
        size_t take = parts[i].n < sizeof key - n ? parts[i].n : sizeof key - n;
        if (take) memcpy(key + n, parts[i].p, take);
        n += take;
    }
    struct wsman_user *user = map_get(&s->users, slice_of(key, n));
    if (user) return user;
    user = calloc(1, sizeof *user);
    char *copy = malloc(n + 1);
    if (!user || !copy) goto fail;
    memcpy(copy, key, n);
    user->key = slice_of(copy, n);
    if (!map_put(&s->users, user->key, user, NULL)) goto fail;
    return user;
fail:
    free(user);
    free(copy);
    return NULL;
}

cimf_status wsman_user_enter(struct wsman_server *s, const struct principal *p, struct wsman_user **out)
{
    cimf_status status = CIMF_OK;
    pthread_mutex_lock(&s->lock);
    struct wsman_user *user = user_find(s, p);
    if (!user) status = CIMF_OUT_OF_MEMORY;
    else if (user->operations >= WSMAN_LIMIT(s, max_operations_per_user)) status = CIMF_WSMAN_QUOTA;
    else if (s->operations >= WSMAN_LIMIT(s, max_operations)) status = CIMF_WSMAN_CONNECTIONS_QUOTA;
    if (status == CIMF_OK) {
        user->operations++;
        s->operations++;
        *out = user;
    }
    pthread_mutex_unlock(&s->lock);
    return status;
}

void wsman_user_leave(struct wsman_server *s, struct wsman_user *user)
{
    if (!user) return;
    pthread_mutex_lock(&s->lock);
    user->operations--;
    s->operations--;
    pthread_mutex_unlock(&s->lock);
}

int64_t wsman_server_sweep(struct wsman_server *s)
{
    int64_t left;
    struct wsman_context *due;
    while ((due = wsman_context_due(s, &left))) {
        wsman_context_end(due);
        wsman_context_unref(due);
    }
    return left;
}

void wsman_server_stats(struct wsman_server *s, struct wsman_server_stats *out)
{
    pthread_mutex_lock(&s->lock);
    *out = (struct wsman_server_stats){ .requests = s->requests, .faults = s->faults,
                                        .enumerations_open = s->contexts.count, .operations = s->operations };
    pthread_mutex_unlock(&s->lock);
}
