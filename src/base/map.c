/* Linear probing; removal shifts followers back, so there are no tombstones. */
#include "base/map.h"

#include <stdlib.h>

#include "base/hash.h"

enum { FIRST_ROOM = 16 };

struct map_slot {
    struct slice key;
    void *value;
    uint64_t hash; /* 0: free */
};

void map_init(struct map *m, bool folded) { *m = (struct map){ .folded = folded }; }

void map_free(struct map *m)
{
    free(m->slots);
    map_init(m, m->folded);
}

static uint64_t key_hash(const struct map *m, struct slice key)
{
    uint64_t h = m->folded ? hash_folded(key) : hash_bytes(key);
    return h ? h : 1;
}

/* The slot of key, or the free one where it would go. The table is never full. */
static struct map_slot *find(const struct map *m, struct slice key, uint64_t hash)
{
    size_t i = hash & (m->room - 1);
    for (;; i = (i + 1) & (m->room - 1)) {
        struct map_slot *s = &m->slots[i];
        if (!s->hash) return s;
        if (s->hash != hash) continue;
        if (m->folded ? slice_ieq(s->key, key) : slice_eq(s->key, key)) return s;
    }
}

void *map_get(const struct map *m, struct slice key)
{
    return m->count ? find(m, key, key_hash(m, key))->value : NULL;
}

static bool map_grow(struct map *m)
{
    size_t room = m->room ? m->room * 2 : FIRST_ROOM;
    struct map_slot *slots = room > m->room ? calloc(room, sizeof *slots) : NULL;
    if (!slots) return false;
    for (size_t i = 0; i < m->room; i++) {
        const struct map_slot *s = &m->slots[i];
        if (!s->hash) continue;
        size_t to = s->hash & (room - 1);
        while (slots[to].hash) to = (to + 1) & (room - 1);
        slots[to] = *s;
    }
    free(m->slots);
    m->slots = slots;
    m->room = room;
    return true;
}

bool map_put(struct map *m, struct slice key, void *value, void **old)
{
    if (old) *old = NULL;
    uint64_t hash = key_hash(m, key);
    struct map_slot *s = m->room ? find(m, key, hash) : NULL;
    if (s && s->hash) { /* the key too: the former one may die with the former value */
        if (old) *old = s->value;
        s->key = key;
        s->value = value;
        return true;
    }
    if (m->count >= m->room / 4 * 3) {
        if (!map_grow(m)) return false;
        s = find(m, key, hash);
    }
    *s = (struct map_slot){ key, value, hash };
    m->count++;
    return true;
}

void *map_del(struct map *m, struct slice key)
{
    if (!m->count) return NULL;
    struct map_slot *s = find(m, key, key_hash(m, key));
    if (!s->hash) return NULL;
    void *value = s->value;
    size_t mask = m->room - 1, hole = (size_t)(s - m->slots);
    for (size_t i = (hole + 1) & mask; m->slots[i].hash; i = (i + 1) & mask) {
        size_t home = m->slots[i].hash & mask;
        /* May move back only when its home is not between the hole and itself. */
        if (((i - home) & mask) < ((i - hole) & mask)) continue;
        m->slots[hole] = m->slots[i];
        hole = i;
    }
    m->slots[hole] = (struct map_slot){ .hash = 0 };
    m->count--;
    return value;
}

bool map_next(const struct map *m, size_t *at, struct slice *key, void **value)
{
    while (*at < m->room) {
        const struct map_slot *s = &m->slots[(*at)++];
        if (!s->hash) continue;
        if (key) *key = s->key;
        if (value) *value = s->value;
        return true;
    }
    return false;
}
