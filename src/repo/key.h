/*
 * repo/key.h - keys of the one LMDB tree: a tag byte, big-endian numbers, at most one text at the end.
 *
 * LMDB allows 511 bytes. A text of up to KEY_TEXT_INLINE bytes is kept as it is; of a longer one the key
 * has a prefix, the byte FF (which no UTF-8 text has) and its SHA-256, and the record has all of it.
 */
#ifndef REPO_KEY_H
#define REPO_KEY_H

#include <lmdb.h>

#include "base/buf.h"

enum key_tag {
    KEY_CHILD = 'd',     /* superclass id, class id -> nothing */
    KEY_CLASS = 'c',     /* namespace id, folded name -> class */
    KEY_CLASS_ID = 'i',  /* class id -> namespace id, spelled name, folded key text */
    KEY_HEADER = 'h',    /* "store" -> what file this is; "ids" -> next free numbers */
    KEY_INSTANCE = 'x',  /* class id, key text -> instance */
    KEY_LAYOUT = 'l',    /* class id, number -> names and types of properties */
    KEY_NAMESPACE = 'n', /* depth, folded name -> namespace */
    KEY_QUALIFIER = 'q', /* namespace id, folded name -> qualifier declaration */
    KEY_REFERENCE = 'r', /* namespace id, hash of the target, class id, key text -> property names */
    KEY_SETTING = 's',   /* namespace id (0: the store), folded name -> name, bytes */
    KEY_UNIQUE = 'u',    /* key class id, key text -> class id, where that is another class */
};

#define KEY_MAX 511
#define KEY_TEXT_INLINE 200
#define KEY_TEXT_PREFIX 170
#define KEY_TEXT_MAX 203 /* prefix, FF, SHA-256 */
#define KEY_HASH 16

struct key {
    size_t n;
    unsigned char p[KEY_MAX];
};

void key_start(struct key *k, enum key_tag tag);
void key_u8(struct key *k, uint8_t v);
void key_u16(struct key *k, uint16_t v);
void key_u32(struct key *k, uint32_t v);
void key_bytes(struct key *k, const void *p, size_t n);
/* Bounded as above. false only when SHA-256 is not available. */
bool key_text(struct key *k, struct slice text);
/* Case folded first; scratch is used for texts that are not short ASCII. */
bool key_folded(struct key *k, struct slice text, struct buf *scratch);
/* First KEY_HASH bytes of SHA-256. */
bool key_hash(struct slice text, unsigned char out[KEY_HASH]);
static inline MDB_val key_val(const struct key *k)
{
    return (MDB_val){ k->n, (void *)(uintptr_t)k->p };
}
/* Big-endian number inside a key that was read; the caller has checked the length. */
static inline uint32_t key_get_u32(const void *p)
{
    const unsigned char *b = p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}
/* Simple case fold (agrees with slice_ieq; bytes that are not UTF-8 stay), appended. */
bool key_fold(struct buf *out, struct slice text);
/* Does this database key begin with the bytes of k? */
static inline bool key_starts(const MDB_val *v, const struct key *k)
{
    return v->mv_size >= k->n && memcmp(v->mv_data, k->p, k->n) == 0;
}

#endif
