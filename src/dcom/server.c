/* A server: its settings, its tables, what it offers to RPC, and the passing of time. */
#include "dcom/dcom_priv.h"

#include <stdlib.h>

#include "base/clock.h"

#define OLE { 0xc0, 0, 0, 0, 0, 0, 0, 0x46 }

static const struct rpc_interface natives[3] = {
    { { 0x99fcfec4, 0x5260, 0x101b, { 0xbb, 0xcb, 0x00, 0xaa, 0x00, 0x21, 0x34, 0x7a } }, 0, 0, "IObjectExporter", 6,
      RPC_LEVEL_NONE, false, dcom_resolver_call, NULL },
    { { 0x4d9f4ab8, 0x7d1c, 0x11cf, { 0x86, 0x1e, 0x00, 0x20, 0xaf, 0x6e, 0x7c, 0x57 } }, 0, 0, "IActivation", 1,
      RPC_LEVEL_INTEGRITY, false, dcom_activation_call, NULL },
    { { 0x000001a0, 0, 0, OLE }, 0, 0, "IRemoteSCMActivator", 5, RPC_LEVEL_INTEGRITY, false, dcom_activator_call,
      NULL },
};

int64_t dcom_now(const struct dcom_server *s)
{
    return s->settings.now ? s->settings.now(s->settings.arg) : clock_mono_us();
}

void dcom_random(const struct dcom_server *s, void *p, size_t n)
{
    if (s->settings.random) s->settings.random(s->settings.arg, p, n);
    else random_bytes(p, n);
}

uint64_t dcom_random_id(const struct dcom_server *s)
{
    uint64_t v = 0;
    while (!v) dcom_random(s, &v, sizeof v);
    return v;
}

struct dcom_user *dcom_user_get(struct dcom_server *s, const struct principal *p)
{
    struct dcom_user *u = map_get(&s->users, slice_str(p->sid));
    if (u) return u;
    if (!(u = calloc(1, sizeof *u))) return NULL;
    memcpy(u->sid, p->sid, sizeof u->sid);
    if (map_put(&s->users, slice_str(u->sid), u, NULL)) return u;
    free(u);
    return NULL;
}

void dcom_user_put(struct dcom_server *s, struct dcom_user *u)
{
    if (!u || u->objects || u->sets || u->proxies || u->links) return;
    map_del(&s->users, slice_str(u->sid));
    free(u);
}

static void defaults(struct dcom_settings *c)
{
    if (!c->activation_floor) c->activation_floor = RPC_LEVEL_INTEGRITY;
    if (!c->floor) c->floor = RPC_LEVEL_INTEGRITY;
    /* Clients that know no better go by the hint, impacket even downwards: a lower floor is for those that can't do more. */
    if (!c->authn_hint) c->authn_hint = c->floor > RPC_LEVEL_INTEGRITY ? c->floor : RPC_LEVEL_INTEGRITY;
    if (!c->initial_refs) c->initial_refs = 5;
    if (!c->idle_us) c->idle_us = 360 * (int64_t)1000000;
    if (!c->ping_period_us) c->ping_period_us = 120 * (int64_t)1000000;
    if (!c->max_objects) c->max_objects = 100000;
    if (!c->max_objects_user) c->max_objects_user = 10000;
    if (!c->max_call_bytes) c->max_call_bytes = (size_t)64 << 20;
    if (!c->max_sets || c->max_sets > 60000) c->max_sets = 10000;
    if (!c->max_sets_user) c->max_sets_user = 256;
}

static void orpc_interface(struct dcom_server *s, struct rpc_interface *out, const struct dcom_interface *i)
{
    *out = (struct rpc_interface){ i->iid, 0, 0, i->name, (uint16_t)i->count, s->settings.floor, true,
                                   dcom_exporter_call, s };
}

/* IUnknown and its kind, then those of the settings. */
static bool interfaces(struct dcom_server *s)
{
    const struct dcom_interface *const own[] = { &dcom_iremunknown, &dcom_iremunknown2, &dcom_unknown, &dcom_iclassfactory };
    unsigned given = 0, n = 0;
    while (s->settings.interfaces && s->settings.interfaces[given]) given++;
    if (!(s->orpc = calloc(given + 4, sizeof *s->orpc))) return false;
    for (unsigned i = 0; i < 4; i++) orpc_interface(s, &s->orpc[n++], own[i]);
    for (unsigned i = 0; i < given; i++) orpc_interface(s, &s->orpc[n++], s->settings.interfaces[i]);
    for (unsigned i = 0; i < 3; i++) {
        s->native[i] = natives[i];
        s->native[i].arg = s;
        if (i) s->native[i].floor = s->settings.activation_floor;
    }
    for (unsigned roles = 0; roles < 4; roles++) {
        unsigned at = 0;
        if (!(s->lists[roles] = calloc(n + 4, sizeof **s->lists))) return false;
        for (unsigned i = 0; roles & DCOM_RESOLVER && i < 3; i++) s->lists[roles][at++] = &s->native[i];
        for (unsigned i = 0; roles & DCOM_EXPORTER && i < n; i++) s->lists[roles][at++] = &s->orpc[i];
    }
    return true;
}

cimf_status dcom_server_new(const struct dcom_settings *settings, struct dcom_server **out, struct error *e)
{
    struct dcom_server *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s) return error_set(e, CIMF_OUT_OF_MEMORY, "dcom", "out of memory");
    s->settings = *settings;
    defaults(&s->settings);
    pthread_mutex_init(&s->mutex, NULL);
    map_init(&s->users, false);
    map_init(&s->oids, false);
    map_init(&s->ipids, false);
    map_init(&s->sets, false);
    map_init(&s->links, false);
    map_init(&s->lines, false);
    s->oxid = dcom_random_id(s);
    dcom_random(s, &s->unknown, sizeof s->unknown);
    if (!interfaces(s)) {
        dcom_server_free(s);
        return error_set(e, CIMF_OUT_OF_MEMORY, "dcom", "out of memory");
    }
    *out = s;
    return CIMF_OK;
}

void dcom_server_free(struct dcom_server *s)
{
    struct dcom_object *dead = NULL;
    struct slice key;
    void *value;
    if (!s) return;
    dcom_lock(s);
    for (size_t at = 0; map_next(&s->sets, &at, &key, &value); at = 0) dcom_set_end(s, value);
    for (size_t at = 0; map_next(&s->oids, &at, &key, &value); at = 0) {
        struct dcom_object *o = value;
        o->home = NULL; /* whose thread may have ended */
        dcom_object_unlist(o, &dead);
    }
    dcom_unlock(s);
    dcom_objects_end(dead);
    dcom_links_free(s);
    map_free(&s->links);
    dcom_lines_free(s);
    map_free(&s->users);
    map_free(&s->oids);
    map_free(&s->ipids);
    map_free(&s->sets);
    for (unsigned i = 0; i < 4; i++) free(s->lists[i]);
    free(s->orpc);
    dcom_bindings_free(s);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

void dcom_server_listens(struct dcom_server *s, uint16_t port) { s->port = port; }
void dcom_server_stop(struct dcom_server *s) { __atomic_store_n(&s->stopping, true, __ATOMIC_RELAXED); }

/* No client asked for it, and none will be missed. */
static bool over(const struct dcom_server *s, const struct dcom_object *o, int64_t now)
{
    return !o->running && !o->sets && !dcom_line_holds(o) &&
           now - dcom_line_used(o) > (o->pinged ? s->settings.ping_period_us : s->settings.idle_us);
}

void dcom_server_tick(struct dcom_server *s)
{
    struct dcom_object *dead = NULL, *list = NULL, *o;
    struct slice key;
    void *value;
    dcom_lock(s);
    int64_t now = dcom_now(s);
    dcom_sets_expire(s, now);
    for (size_t at = 0; map_next(&s->oids, &at, &key, &value);) {
        o = value;
        if (!over(s, o, now)) continue;
        o->next = list;
        list = o;
    }
    while ((o = list)) {
        list = o->next;
        dcom_object_unlist(o, &dead);
    }
    dcom_unlock(s);
    dcom_objects_end(dead);
    dcom_links_tick(s);
}

const struct rpc_interface *const *dcom_server_interfaces(struct dcom_server *s, unsigned roles)
{
    return s->lists[roles & 3];
}

void dcom_server_count(struct dcom_server *s, struct dcom_counts *out)
{
    dcom_lock(s);
    *out = (struct dcom_counts){ s->objects, (unsigned)s->ipids.count, (unsigned)s->sets.count };
    dcom_unlock(s);
}
