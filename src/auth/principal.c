#include "auth/principal_priv.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/guid.h"
#include "base/hash.h"

enum { PRINCIPAL_MAGIC = 0x50524e43, TEXT_MAX = 4096, LIST_MAX = 65536, ITEM = 17 /* a NUL and rounding */ };

/* A principal and the memory that its fields point into. */
struct made {
    struct principal p;
    struct principal_owner *owner;
    struct arena arena;
};

static bool copy_list(struct arena *a, const struct slice *from, unsigned count,
                      const struct slice **out)
{
    struct slice *list = ARENA_ARRAY(a, (size_t)count + 1, struct slice);
    if (!list) return false;
    for (unsigned i = 0; i < count; i++) {
        list[i] = arena_dup(a, from[i]);
        if (!list[i].p) return false;
    }
    *out = list;
    return true;
}

static bool copy_token(struct arena *a, const struct access_token *from,
                       const struct access_token **out)
{
    struct access_token *t = ARENA_NEW(a, struct access_token);
    struct sid *sids = ARENA_ARRAY(a, (size_t)from->count + 1, struct sid);
    if (!t || !sids) return false;
    *t = *from;
    if (from->count) memcpy(sids, from->sids, from->count * sizeof *sids);
    t->sids = sids;
    *out = t;
    return true;
}

static size_t list_room(const struct slice *list, unsigned count)
{
    size_t n = ITEM + count * sizeof *list;
    for (unsigned i = 0; i < count; i++) n += list[i].n + ITEM;
    return n;
}

/* What fill takes of the arena, about: principals live as long as what they made, there are many. */
static size_t room_of(const struct principal_data *d)
{
    size_t sids = d->token ? d->token->count : ACCESS_TOKEN_OWN + (size_t)d->group_count + d->more_count;
    return d->name.n + d->domain.n + 4 * ITEM + list_room(d->groups, d->group_count) +
           list_room(d->uri_patterns, d->uri_pattern_count) + sizeof(struct access_token) + (sids + 1) * sizeof(struct sid);
}

static bool fill(struct made *m, const struct principal_data *d)
{
    struct principal *p = &m->p;
    struct arena *a = &m->arena;
    struct guid id;
    p->administrator = d->administrator;
    p->has_posix = d->has_posix;
    /* Never 0 by accident: whoever forgets to look at has_posix is nobody, not root. */
    p->uid = d->has_posix ? d->uid : UINT32_MAX;
    p->gid = d->has_posix ? d->gid : UINT32_MAX;
    p->scheme = d->scheme;
    p->group_count = d->group_count;
    p->uri_pattern_count = d->uri_pattern_count;
    snprintf(p->sid, sizeof p->sid, "%s", d->sid ? d->sid : "");
    if (d->id) {
        snprintf(p->id, sizeof p->id, "%s", d->id);
    } else {
        guid_random(&id);
        guid_format(&id, false, p->id);
    }
    p->name = arena_dup(a, d->name);
    p->domain = arena_dup(a, d->domain);
    return p->name.p && p->domain.p && copy_list(a, d->groups, d->group_count, &p->groups) &&
           copy_list(a, d->uri_patterns, d->uri_pattern_count, &p->uri_patterns) &&
           (d->token ? copy_token(a, d->token, &p->token)
                     : access_token_make(a, p, d->more, d->more_count, &p->token, NULL) == CIMF_OK);
}

const struct principal *principal_make(const struct principal_data *d)
{
    if (d->name.n > TEXT_MAX || d->domain.n > TEXT_MAX || d->group_count > LIST_MAX ||
        d->uri_pattern_count > LIST_MAX || (d->token && d->token->count > ACCESS_TOKEN_SIDS))
        return NULL;
    struct made *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    arena_init(&m->arena, 0);
    if (!arena_reserve(&m->arena, room_of(d)) || !fill(m, d)) {
        arena_free(&m->arena);
        free(m);
        return NULL;
    }
    m->p.magic = PRINCIPAL_MAGIC;
    m->p.refs = 1;
    m->owner = d->owner;
    return &m->p;
}

const struct principal *principal_ref(const struct principal *p)
{
    assert(p->magic == PRINCIPAL_MAGIC);
    __atomic_add_fetch(&((struct principal *)(uintptr_t)p)->refs, 1, __ATOMIC_RELAXED);
    return p;
}

void principal_unref(const struct principal *p)
{
    if (!p) return;
    assert(p->magic == PRINCIPAL_MAGIC);
    struct made *m = (struct made *)(uintptr_t)p;
    if (__atomic_sub_fetch(&m->p.refs, 1, __ATOMIC_ACQ_REL) != 0) return;
    if (m->owner) m->owner->released(m->owner, p);
    m->p.magic = 0;
    arena_free(&m->arena);
    free(m);
}

bool principal_same(const struct principal *a, const struct principal *b)
{
    if (a == b) return true;
    return strcmp(a->sid, b->sid) == 0 && slice_ieq(a->name, b->name) &&
           slice_ieq(a->domain, b->domain);
}

uint64_t principal_owner(const struct principal *p)
{
    const uint64_t parts[] = { hash_bytes(slice_str(p->sid)), hash_folded(p->name), hash_folded(p->domain) };
    uint64_t key = hash_bytes(slice_of((const char *)parts, sizeof parts));
    return key ? key : 1;
}
