/*
 * base/map.h - hash map from bytes to a pointer (open addressing, seeded hash, so peers cannot choose
 * collisions). Keys are borrowed: they live as long as their entry. Folded maps compare as slice_ieq.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/slice.h"

struct map_slot;
struct map {
    struct map_slot *slots;
    size_t count, room;
    bool folded;
};

void map_init(struct map *m, bool folded);
void map_free(struct map *m);
void *map_get(const struct map *m, struct slice key); /* NULL if absent */
/* Adds or replaces; *old (may be NULL) gets the former value. false when out of memory. */
bool map_put(struct map *m, struct slice key, void *value, void **old);
void *map_del(struct map *m, struct slice key); /* the value removed, or NULL */
/* Iterates: start with *at = 0; false at the end. Do not change the map meanwhile. */
bool map_next(const struct map *m, size_t *at, struct slice *key, void **value);

#endif
