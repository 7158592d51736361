/* Objects and their IPIDs: who holds what, and how it ends. */
#include "dcom/dcom_priv.h"

#include <stdlib.h>

static const struct dcom_method no_methods[3];
const struct dcom_interface dcom_unknown = { { 0, 0, 0, { 0xc0, 0, 0, 0, 0, 0, 0, 0x46 } }, "IUnknown", no_methods, 3 };

static struct slice key_of(const void *p, size_t n) { return slice_of(p, n); }

/* ---- references in memory ---- */

struct dcom_object *dcom_object_new(struct dcom_server *s, const struct dcom_object_type *type, void *self,
                                    const struct principal *owner)
{
    struct dcom_object *o = calloc(1, sizeof *o);
    if (!o) return NULL;
    dcom_lock(s);
    struct dcom_user *u = dcom_user_get(s, owner);
    bool room = u && s->objects < s->settings.max_objects && u->objects < s->settings.max_objects_user;
    if (room) {
        u->objects++;
        s->objects++;
    } else if (u) {
        dcom_user_put(s, u);
    }
    dcom_unlock(s);
    if (!room) {
        free(o);
        return NULL;
    }
    *o = (struct dcom_object){ .refs = 1, .server = s, .type = type, .self = self, .owner = principal_ref(owner), .user = u };
    return o;
}

void dcom_object_settle(struct dcom_object *o, struct exec *home)
{
    o->home = home;
}

struct dcom_object *dcom_object_ref(struct dcom_object *o)
{
    __atomic_add_fetch(&o->refs, 1, __ATOMIC_RELAXED);
    return o;
}

/* Where the object lives; here when that is nowhere, or has ended. */
static void at_home(struct dcom_object *o, void (*fn)(void *))
{
    if (!o->home || exec_here(o->home) || !exec_post(o->home, fn, o)) fn(o);
}

static void run_free(void *arg)
{
    struct dcom_object *o = arg;
    struct dcom_server *s = o->server;
    if (o->type->free) o->type->free(o->self);
    dcom_lock(s);
    o->user->objects--;
    s->objects--;
    dcom_user_put(s, o->user);
    dcom_unlock(s);
    principal_unref(o->owner);
    free(o);
}

void dcom_object_unref(struct dcom_object *o)
{
    if (o && __atomic_sub_fetch(&o->refs, 1, __ATOMIC_ACQ_REL) == 0) at_home(o, run_free);
}

static void run_closed(void *arg)
{
    struct dcom_object *o = arg;
    o->closed = true;
    o->type->closed(o->self);
    dcom_object_unref(o);
}

void dcom_objects_end(struct dcom_object *dead)
{
    while (dead) {
        struct dcom_object *o = dead;
        dead = o->next;
        if (o->type->closed) at_home(o, run_closed);
        else dcom_object_unref(o);
    }
}

/* ---- tables ---- */

struct dcom_ipid *dcom_ipid_find(struct dcom_server *s, const struct guid *id)
{
    return map_get(&s->ipids, key_of(id, sizeof *id));
}

struct dcom_object *dcom_oid_find(struct dcom_server *s, uint64_t oid)
{
    return map_get(&s->oids, key_of(&oid, sizeof oid));
}

static bool list(struct dcom_object *o)
{
    struct dcom_server *s = o->server;
    if (o->listed) return true;
    do o->oid = dcom_random_id(s);
    while (dcom_oid_find(s, o->oid));
    if (!map_put(&s->oids, key_of(&o->oid, sizeof o->oid), o, NULL)) return false;
    o->listed = true;
    dcom_object_ref(o);
    return true;
}

static void forget_ipid(struct dcom_ipid *i)
{
    struct dcom_ipid **at = &i->object->ipids;
    while (*at != i) at = &(*at)->next;
    *at = i->next;
    map_del(&i->object->server->ipids, key_of(&i->id, sizeof i->id));
    free(i);
}

void dcom_object_unlist(struct dcom_object *o, struct dcom_object **dead)
{
    while (o->ipids) forget_ipid(o->ipids);
    dcom_line_leave(o);
    map_del(&o->server->oids, key_of(&o->oid, sizeof o->oid));
    o->listed = false;
    o->ended = true;
    o->next = *dead;
    *dead = o;
}

void dcom_ipid_drop(struct dcom_ipid *i, struct dcom_object **dead)
{
    struct dcom_object *o = i->object;
    forget_ipid(i);
    if (!o->ipids) dcom_object_unlist(o, dead);
}

static const struct dcom_interface *find_interface(const struct dcom_object *o, const struct guid *iid)
{
    if (guid_eq(iid, &dcom_unknown.iid)) return &dcom_unknown;
    for (const struct dcom_interface *const *i = o->type->interfaces; i && *i; i++)
        if (guid_eq(&(*i)->iid, iid)) return *i;
    return NULL;
}

static struct dcom_ipid *new_ipid(struct dcom_object *o, const struct dcom_interface *interface)
{
    struct dcom_server *s = o->server;
    struct dcom_ipid *i = calloc(1, sizeof *i);
    if (!i) return NULL;
    do dcom_random(s, &i->id, sizeof i->id);
    while (dcom_ipid_find(s, &i->id) || guid_eq(&i->id, &s->unknown) || guid_eq(&i->id, &(struct guid){ 0 }));
    i->object = o;
    i->interface = interface;
    if (!map_put(&s->ipids, key_of(&i->id, sizeof i->id), i, NULL)) {
        free(i);
        return NULL;
    }
    i->next = o->ipids;
    o->ipids = i;
    return i;
}

uint32_t dcom_export(struct dcom_object *o, const struct guid *iid, uint32_t refs, struct dcom_std *out)
{
    const struct dcom_interface *interface = find_interface(o, iid);
    struct dcom_ipid *i;
    if (!interface) return DCOM_E_NOINTERFACE;
    if (o->ended) return DCOM_E_DISCONNECTED; /* closed is on its way */
    for (i = o->ipids; i && i->interface != interface; i = i->next) {
    }
    if (!i && (!list(o) || !(i = new_ipid(o, interface)))) {
        struct dcom_object *dead = NULL; /* listed without an IPID: the caller still holds it */
        if (o->listed && !o->ipids) dcom_object_unlist(o, &dead), dcom_object_unref(o);
        return DCOM_E_OUTOFMEMORY;
    }
    i->public_refs += refs;
    o->used = dcom_now(o->server);
    *out = (struct dcom_std){ 0, refs, o->server->oxid, o->oid, i->id };
    return DCOM_OK;
}

/* ---- as bytes ---- */

uint32_t dcom_marshal_for(struct dcom_object *o, const struct guid *iid, struct arena *a, const struct dcom_dual *resolver,
                          struct slice *out)
{
    struct dcom_server *s = o->server;
    struct dcom_objref r = { .form = OBJREF_STANDARD, .iid = *iid, .resolver = *resolver };
    struct buf b;
    *out = SLICE_NULL;
    dcom_lock(s);
    uint32_t result = dcom_export(o, iid, s->settings.initial_refs, &r.std);
    dcom_unlock(s);
    if (result != DCOM_OK) return result;
    buf_init(&b, 0);
    if (dcom_objref_write(&b, &r)) *out = arena_dup(a, buf_slice(&b));
    buf_free(&b);
    return out->p ? DCOM_OK : DCOM_E_OUTOFMEMORY;
}

uint32_t dcom_marshal(struct dcom_call *c, struct dcom_object *o, const struct guid *iid, struct slice *out)
{
    struct dcom_dual resolver;
    *out = SLICE_NULL;
    if (!principal_same(c->principal, o->owner)) return DCOM_E_ACCESSDENIED;
    if (dcom_bindings_make(c->server, c->arena, c->local, false, &resolver) != CIMF_OK) return DCOM_E_OUTOFMEMORY;
    uint32_t result = dcom_marshal_for(o, iid, c->arena, &resolver, out);
    dcom_lock(c->server);
    if (result == DCOM_OK && o->listed) dcom_line_hold(o, c->connection);
    dcom_unlock(c->server);
    return result;
}
