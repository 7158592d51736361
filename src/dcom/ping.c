/* Ping sets (MS-DCOM 3.1.2.5.1.2, .3): named by small numbers, good for the account that made them. Clients add objects
 * that were released meanwhile and delete ones that never were: such OIDs are passed over. */
#include "dcom/dcom_priv.h"

#include <stdlib.h>

static struct slice key_of(const uint64_t *id) { return slice_of((const char *)id, sizeof *id); }

/* Where oid is, or belongs. */
static size_t place(const struct dcom_set *set, uint64_t oid)
{
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->oids[middle] < oid) low = middle + 1;
        else high = middle;
    }
    return low;
}

static bool has(const struct dcom_set *set, uint64_t oid)
{
    size_t i = place(set, oid);
    return i < set->count && set->oids[i] == oid;
}

/* Forgets objects that are gone, then makes room for one more. */
static bool make_room(struct dcom_server *s, struct dcom_set *set)
{
    size_t kept = 0;
    if (set->count < set->room) return true;
    for (size_t i = 0; i < set->count; i++)
        if (dcom_oid_find(s, set->oids[i])) set->oids[kept++] = set->oids[i];
    set->count = kept;
    if (set->count < set->room / 2) return true;
    size_t room = set->room ? set->room * 2 : 8;
    uint64_t *more = realloc(set->oids, room * sizeof *more);
    if (!more) return set->count < set->room;
    set->oids = more;
    set->room = room;
    return true;
}

static bool add(struct dcom_server *s, struct dcom_set *set, uint64_t oid)
{
    struct dcom_object *o = dcom_oid_find(s, oid);
    if (!o || has(set, oid) || !principal_same(o->owner, set->owner)) return true;
    if (!make_room(s, set)) return false;
    size_t i = place(set, oid);
    memmove(set->oids + i + 1, set->oids + i, (set->count++ - i) * sizeof *set->oids);
    set->oids[i] = oid;
    o->sets++;
    o->pinged = true;
    return true;
}

static void let_go(struct dcom_server *s, uint64_t oid)
{
    struct dcom_object *o = dcom_oid_find(s, oid);
    if (o && o->sets) o->sets--;
}

static void del(struct dcom_server *s, struct dcom_set *set, uint64_t oid)
{
    size_t i = place(set, oid);
    if (i == set->count || set->oids[i] != oid) return;
    memmove(set->oids + i, set->oids + i + 1, (--set->count - i) * sizeof *set->oids);
    let_go(s, oid);
}

void dcom_set_end(struct dcom_server *s, struct dcom_set *set)
{
    map_del(&s->sets, key_of(&set->id));
    for (size_t i = 0; i < set->count; i++) let_go(s, set->oids[i]);
    set->user->sets--;
    dcom_user_put(s, set->user);
    principal_unref(set->owner);
    free(set->oids);
    free(set);
}

static struct dcom_set *set_new(struct dcom_server *s, const struct principal *p)
{
    struct dcom_user *u = dcom_user_get(s, p);
    struct dcom_set *set = NULL;
    if (!u) return NULL;
    if (u->sets < s->settings.max_sets_user && s->sets.count < s->settings.max_sets && (set = calloc(1, sizeof *set))) {
        do set->id = s->next_set = s->next_set % 65535 + 1; /* some clients keep 16 bits of it */
        while (map_get(&s->sets, key_of(&set->id)));
        if (map_put(&s->sets, key_of(&set->id), set, NULL)) {
            set->owner = principal_ref(p);
            set->user = u;
            u->sets++;
            return set;
        }
        free(set);
    }
    dcom_user_put(s, u);
    return NULL;
}

static struct dcom_set *find(struct dcom_server *s, const struct principal *p, uint64_t id)
{
    struct dcom_set *set = map_get(&s->sets, key_of(&id));
    return set && principal_same(set->owner, p) ? set : NULL;
}

uint32_t dcom_ping(struct dcom_server *s, const struct principal *p, uint64_t id)
{
    struct dcom_set *set = find(s, p, id);
    if (!set) return DCOM_INVALID_SET;
    set->pinged = dcom_now(s);
    return 0;
}

uint32_t dcom_ping_change(struct dcom_server *s, const struct principal *p, struct dcom_ping_change *c)
{
    struct dcom_set *set = c->set ? find(s, p, c->set) : set_new(s, p);
    bool memory = true;
    if (!set) return c->set ? DCOM_INVALID_SET : DCOM_NO_MEMORY;
    if (c->set && set->sequence > c->sequence) return 0; /* an old one, late */
    for (unsigned i = 0; i < c->add_count; i++) memory &= add(s, set, c->add[i]);
    for (unsigned i = 0; i < c->del_count; i++) del(s, set, c->del[i]);
    set->sequence = c->sequence;
    set->pinged = dcom_now(s);
    c->set = set->id;
    return memory ? 0 : DCOM_NO_MEMORY;
}

void dcom_sets_expire(struct dcom_server *s, int64_t now)
{
    struct dcom_set *list = NULL, *set;
    struct slice key;
    void *value;
    for (size_t at = 0; map_next(&s->sets, &at, &key, &value);) {
        set = value;
        if (now - set->pinged <= 3 * s->settings.ping_period_us) continue;
        set->next = list;
        list = set;
    }
    while ((set = list)) {
        list = set->next;
        dcom_set_end(s, set);
    }
}
