/* repo/instance_priv.h - what instances, scans and references share. */
#ifndef REPO_INSTANCE_PRIV_H
#define REPO_INSTANCE_PRIV_H

#include "repo/repo_priv.h"

#define INSTANCE_KEY_HEAD 5 /* tag, class number */

cimf_status instance_key(enum key_tag tag, uint32_t class_id, struct slice text, struct key *k,
                         struct error *e);
void instance_key_at(enum key_tag tag, uint32_t class_id, const struct repo_key *at, struct key *k);
/* The place part of a record's key; false when the key is too short or long. */
bool instance_place(const void *key, size_t n, struct repo_key *out);
/* CORRUPT_STORE when missing. */
cimf_status layout_get(struct repo_txn *txn, uint32_t class_id, uint32_t number, struct slice *out,
                       struct error *e);
cimf_status instance_read(struct repo_txn *txn, struct arena *a, struct slice ns, uint32_t class_id,
                          const struct cim_class *cls, struct slice value,
                          const struct repo_classes *classes, struct cim_instance **out,
                          struct error *e);

/* Targets of an instance's reference properties. */
struct reference_entry {
    unsigned char hash[KEY_HASH];
    uint32_t property; /* index in the class */
};
struct references {
    struct reference_entry *entries; /* sorted by hash, then property */
    size_t count;
    struct slice hashes; /* the different ones, KEY_HASH bytes each */
};
/* Values that are no object paths are not indexed. */
cimf_status references_of(struct arena *a, struct slice ns, const struct cim_instance *in,
                          struct references *out, struct error *e);
/* key is that of the instance record. */
cimf_status references_put(struct repo_txn *txn, uint32_t ns, const struct key *key,
                           const struct cim_instance *in, const struct references *refs,
                           struct error *e);
cimf_status references_delete(struct repo_txn *txn, uint32_t ns, const struct key *key,
                              struct slice hashes, struct error *e);
/* Parses an index key. */
struct reference_key {
    uint32_t ns, class_id;
    const unsigned char *hash;
    struct repo_key place;
};
bool reference_key_parse(const void *key, size_t n, struct reference_key *out);

#endif
