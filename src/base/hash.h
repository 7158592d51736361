/*
 * base/hash.h - SipHash-1-3 with a key drawn once per process, so that peers cannot choose collisions.
 * Values differ from run to run: never store or send them.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/slice.h"

uint64_t hash_bytes(struct slice s);
/* Over the folded form: agrees with slice_ieq. */
uint64_t hash_folded(struct slice s);
/* The same function under a given key, for tests against published vectors. */
uint64_t hash_keyed(struct slice s, uint64_t k0, uint64_t k1);

#endif
