#include "wsman/authorize.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "auth/authorize.h"
#include "auth/sddl.h"
#include "soap/names.h"
#include "wsman/config_tree.h"

/* Immutable; shared by the table and the checks under way. */
struct guard {
    _Atomic int refs;
    struct wsman_resource_security row; /* the root has none */
    const struct sd *sd;
    struct arena arena;
};

struct wsman_authorize {
    pthread_rwlock_t lock; /* of the table, not of what it points to */
    struct guard *root;
    struct guard *rows[WSMAN_RESOURCES_MAX]; /* sorted by URI */
    size_t count;
    void (*changed)(void *arg);
    void *changed_arg;
};

static void guard_unref(struct guard *g)
{
    if (!g || atomic_fetch_sub_explicit(&g->refs, 1, memory_order_acq_rel) != 1) return;
    struct arena a = g->arena; /* g itself lives in it */
    arena_free(&a);
}

static cimf_status memory(struct error *e)
{
    return error_set(e, CIMF_OUT_OF_MEMORY, "wsman", "no memory for a security descriptor");
}

/* Either of the text or a copy of root. */
static cimf_status guard_new(const struct wsman_resource_security *row, const struct sd *root,
                             struct guard **out, struct error *e)
{
    struct arena a;
    struct buf bytes;
    arena_init(&a, (size_t)1 << 20);
    buf_init(&bytes, SD_BYTES_MAX);
    struct guard *g = ARENA_NEW(&a, struct guard);
    cimf_status s = g ? CIMF_OK : memory(e);
    if (!s && !root) s = sddl_parse(&a, row->sddl, NULL, &root, e);
    if (!s && !sd_has_dacl(root)) {
        s = error_set(e, CIMF_INVALID_PARAMETER, "wsman", "a descriptor without DACL would let in everybody");
    }
    if (!s) s = sd_write(root, &bytes, e);
    if (!s) s = sd_parse(&a, buf_slice(&bytes), &g->sd, e);
    buf_free(&bytes);
    if (!s) {
        g->row = (struct wsman_resource_security){ arena_dup(&a, row->uri), arena_dup(&a, row->sddl), row->exact };
        s = arena_status(&a) ? memory(e) : CIMF_OK;
    }
    if (s) {
        arena_free(&a);
        return s;
    }
    atomic_init(&g->refs, 1);
    g->arena = a;
    *out = g;
    return CIMF_OK;
}

/* --- the table ------------------------------------------------------------------------------------ */

cimf_status wsman_authorize_new(const struct sd *root, struct wsman_authorize **out, struct error *e)
{
    const struct wsman_resource_security whole = { .sddl = SLICE(ACCESS_WSMAN_SDDL) };
    const struct wsman_resource_security config = { SLICE(WSMAN_CONFIG_URI), SLICE(ACCESS_WSMAN_SDDL), false };
    struct wsman_authorize *w = calloc(1, sizeof *w);
    if (!w) return memory(e);
    pthread_rwlock_init(&w->lock, NULL);
    cimf_status s = guard_new(&whole, root, &w->root, e);
    if (!s) s = wsman_authorize_add(w, &config, false, e);
    if (s) wsman_authorize_free(w);
    else *out = w;
    return s;
}

void wsman_authorize_free(struct wsman_authorize *w)
{
    if (!w) return;
    for (size_t i = 0; i < w->count; i++) guard_unref(w->rows[i]);
    guard_unref(w->root);
    pthread_rwlock_destroy(&w->lock);
    free(w);
}

cimf_status wsman_authorize_set_root(struct wsman_authorize *w, const struct sd *root, struct error *e)
{
    const struct wsman_resource_security whole = { .exact = false };
    struct guard *g;
    cimf_status s = guard_new(&whole, root, &g, e);
    if (s) return s;
    pthread_rwlock_wrlock(&w->lock);
    struct guard *old = w->root;
    w->root = g;
    pthread_rwlock_unlock(&w->lock);
    guard_unref(old);
    return CIMF_OK;
}

void wsman_authorize_on_change(struct wsman_authorize *w, void (*changed)(void *arg), void *arg)
{
    pthread_rwlock_wrlock(&w->lock);
    w->changed = changed;
    w->changed_arg = arg;
    pthread_rwlock_unlock(&w->lock);
}

/* Place of uri among the rows; true when it is there. Under the lock. */
static bool place_of(const struct wsman_authorize *w, struct slice uri, size_t *at)
{
    size_t low = 0, high = w->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_casecmp(w->rows[middle]->row.uri, uri);
        if (!order) {
            *at = middle;
            return true;
        }
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    *at = low;
    return false;
}

/* Ends a change: unlocks, then tells. */
static void end_change(struct wsman_authorize *w, bool changed)
{
    void (*tell)(void *arg) = changed ? w->changed : NULL;
    void *arg = w->changed_arg;
    pthread_rwlock_unlock(&w->lock);
    if (tell) tell(arg);
}

static cimf_status row_fault(struct error *e, cimf_status s, struct slice uri, const char *why)
{
    error_set(e, s, "wsman", "%s", why);
    error_subject(e, uri);
    return s;
}

cimf_status wsman_authorize_add(struct wsman_authorize *w, const struct wsman_resource_security *r,
                                bool replace, struct error *e)
{
    struct guard *g;
    size_t at;
    if (!r->uri.n) return error_set(e, CIMF_INVALID_PARAMETER, "wsman", "the resource has no URI");
    cimf_status s = guard_new(r, NULL, &g, e);
    if (s) return s;
    pthread_rwlock_wrlock(&w->lock);
    bool there = place_of(w, r->uri, &at);
    if (there && !replace) {
        s = row_fault(e, CIMF_ALREADY_EXISTS, r->uri, "the resource has a descriptor");
    } else if (there) {
        struct guard *old = w->rows[at];
        w->rows[at] = g;
        g = old;
    } else if (w->count == WSMAN_RESOURCES_MAX) {
        s = row_fault(e, CIMF_QUOTA_VIOLATION, r->uri, "there are too many descriptors of resources");
    } else {
        memmove(w->rows + at + 1, w->rows + at, (w->count - at) * sizeof(struct guard *));
        w->rows[at] = g;
        w->count++;
        g = NULL;
    }
    end_change(w, !s);
    guard_unref(g);
    return s;
}

cimf_status wsman_authorize_remove(struct wsman_authorize *w, struct slice uri, struct error *e)
{
    struct guard *old = NULL;
    size_t at;
    pthread_rwlock_wrlock(&w->lock);
    if (place_of(w, uri, &at)) {
        old = w->rows[at];
        w->count--;
        memmove(w->rows + at, w->rows + at + 1, (w->count - at) * sizeof(struct guard *));
    }
    end_change(w, old != NULL);
    guard_unref(old);
    return old ? CIMF_OK : row_fault(e, CIMF_NOT_FOUND, uri, "the resource has no descriptor of its own");
}

static bool row_copy(struct arena *a, const struct guard *g, struct wsman_resource_security *out)
{
    *out = (struct wsman_resource_security){ arena_dup(a, g->row.uri), arena_dup(a, g->row.sddl), g->row.exact };
    return !a->overflow;
}

cimf_status wsman_authorize_find(struct wsman_authorize *w, struct slice uri, struct arena *a,
                                 struct wsman_resource_security *out)
{
    size_t at;
    pthread_rwlock_rdlock(&w->lock);
    cimf_status s = !place_of(w, uri, &at) ? CIMF_NOT_FOUND : row_copy(a, w->rows[at], out) ? CIMF_OK : CIMF_OUT_OF_MEMORY;
    pthread_rwlock_unlock(&w->lock);
    return s;
}

cimf_status wsman_authorize_list(struct wsman_authorize *w, struct arena *a,
                                 struct wsman_resource_security **out, size_t *count)
{
    pthread_rwlock_rdlock(&w->lock);
    struct wsman_resource_security *rows = ARENA_ARRAY(a, w->count + 1, struct wsman_resource_security);
    bool ok = rows != NULL;
    for (size_t i = 0; ok && i < w->count; i++) ok = row_copy(a, w->rows[i], &rows[i]);
    *count = w->count;
    pthread_rwlock_unlock(&w->lock);
    *out = rows;
    return ok ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}

/* --- the check ------------------------------------------------------------------------------------ */

#define SHELL_PREFIX SLICE("http://schemas.microsoft.com/wbem/wsman/1/windows/shell")
#define EVENTING "http://schemas.xmlsoap.org/ws/2004/08/eventing/"

uint32_t wsman_action_right(struct slice action, struct slice uri)
{
    static const struct {
        struct slice action;
        uint32_t right;
    } rights[] = {
        { SLICE(SOAP_TRANSFER "Get"), ACCESS_GENERIC_READ },
        { SLICE(SOAP_TRANSFER "Put"), ACCESS_GENERIC_WRITE },
        { SLICE(SOAP_TRANSFER "Create"), ACCESS_GENERIC_WRITE },
        { SLICE(SOAP_TRANSFER "Delete"), ACCESS_GENERIC_WRITE },
        { SLICE(SOAP_ENUMERATION "Pull"), ACCESS_GENERIC_READ },
        { SLICE(SOAP_ENUMERATION "Enumerate"), ACCESS_GENERIC_READ },
        { SLICE(SOAP_ENUMERATION "Release"), ACCESS_GENERIC_READ },
        { SLICE(EVENTING "Subscribe"), ACCESS_GENERIC_READ },
        { SLICE(EVENTING "Unsubscribe"), ACCESS_GENERIC_READ },
    };
    if (slice_istarts(uri, SHELL_PREFIX)) return ACCESS_GENERIC_EXECUTE;
    for (size_t i = 0; i < sizeof rights / sizeof *rights; i++) {
        if (slice_eq(action, rights[i].action)) return rights[i].right;
    }
    return ACCESS_GENERIC_EXECUTE;
}

static struct guard *guard_of(struct wsman_authorize *w, struct slice uri)
{
    pthread_rwlock_rdlock(&w->lock);
    struct guard *best = w->root;
    size_t longest = 0;
    for (size_t i = 0; i < w->count; i++) {
        const struct wsman_resource_security *row = &w->rows[i]->row;
        if (row->uri.n < longest || !slice_istarts(uri, row->uri)) continue;
        if (row->exact && row->uri.n != uri.n) continue;
        best = w->rows[i];
        longest = row->uri.n;
    }
    atomic_fetch_add_explicit(&best->refs, 1, memory_order_relaxed);
    pthread_rwlock_unlock(&w->lock);
    return best;
}

static bool covered(const struct principal *p, struct slice uri)
{
    for (uint32_t i = 0; i < p->uri_pattern_count; i++) {
        struct slice pattern = p->uri_patterns[i];
        bool open = pattern.n && pattern.p[pattern.n - 1] == '*';
        if (open ? slice_istarts(uri, slice_head(pattern, pattern.n - 1)) : slice_ieq(uri, pattern)) return true;
    }
    return p->uri_pattern_count == 0;
}

/* Recorded as every denial is: as of a descriptor that lets in nobody. */
static cimf_status not_covered(const struct principal *p, struct slice uri, struct slice peer, uint32_t right,
                               struct error *e)
{
    static const struct ace none;
    static const struct acl empty = { 2, 0, &none };
    static const struct sd nobody = { .control = SD_SELF_RELATIVE | SD_DACL_PRESENT, .dacl = &empty };
    const struct authorize a = { p, &nobody, right, &access_wsman, uri, peer };
    authorize_check(&a, NULL, NULL);
    error_set(e, CIMF_ACCESS_DENIED, "wsman", "the mapping of the certificate does not cover this resource");
    error_subject(e, uri);
    return CIMF_ACCESS_DENIED;
}

cimf_status wsman_authorize_check(struct wsman_authorize *w, const struct principal *p, struct slice action,
                                  struct slice uri, struct slice peer, struct error *e)
{
    uint32_t right = wsman_action_right(action, uri);
    if (!covered(p, uri)) return not_covered(p, uri, peer, right, e);
    struct guard *g = guard_of(w, uri);
    cimf_status s = access_check(p->token, g->sd, right, &access_wsman, NULL);
    if (s || access_audited(p->token, g->sd, right, true, &access_wsman)) {
        const struct authorize a = { p, g->sd, right, &access_wsman, uri, peer };
        s = authorize_check(&a, NULL, e);
        if (s) error_subject(e, uri);
    }
    guard_unref(g);
    return s;
}
