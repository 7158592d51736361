/* wmi/wmio_write_priv.h - what the writers of class parts, methods and instances share. */
#ifndef WMI_WMIO_WRITE_PRIV_H
#define WMI_WMIO_WRITE_PRIV_H

#include "wmi/wmio.h"

#define WMIO_SIGNATURE 0x12345678u
#define WMIO_NOWHERE 0xffffffffu

/* A heap is the last thing of its block: its items are appended to out, references to them are patched into
 * what stands before. */
struct wmio_heap {
    struct buf *out;
    size_t length_at; /* of the length field */
    size_t base;      /* of the first item */
    const struct wmio_origin *from; /* of embedded objects */
    unsigned depth;
};

bool wmio_u16(struct buf *b, uint32_t v);
bool wmio_u32(struct buf *b, uint32_t v);
bool wmio_u64(struct buf *b, uint64_t v);
/* Overwrites; at must lie inside. Nothing when the buffer has failed. */
void wmio_patch32(struct buf *b, size_t at, uint32_t v);

void wmio_heap_begin(struct wmio_heap *h, struct buf *out, const struct wmio_origin *from, unsigned depth);
void wmio_heap_end(struct wmio_heap *h);
/* Where the next item will be. */
static inline uint32_t wmio_heap_at(const struct wmio_heap *h) { return (uint32_t)(h->out->n - h->base); }
uint32_t wmio_heap_string(struct wmio_heap *h, struct slice s);
/* Encoded-String (2.2.78); UTF-8 in, cut at a NUL. */
bool wmio_string(struct buf *b, struct slice s);

/* Bytes that a value of this type takes in a table (2.2.71). */
unsigned wmio_slot(unsigned type);
/* Writes the slot at `at` (which is reserved), and the heap item of what does not fit in it. */
bool wmio_value(struct wmio_heap *h, size_t at, unsigned type, const union cim_data *v);

/* A QualifierSet whose names and values go to a heap: first the set itself, with holes; when the heap stands where
 * it shall, the items. */
bool wmio_qualifiers(struct buf *b, struct cim_qualifiers set, size_t *at);
bool wmio_qualifiers_items(struct wmio_heap *h, struct cim_qualifiers set, size_t at);

/* ClassPart (2.2.15); cls NULL: that of no class. */
bool wmio_class_part(struct buf *b, const struct cim_class *cls, const struct wmio_origin *from, unsigned depth);
/* The same, made once for a class of the schema. */
bool wmio_class_part_kept(struct buf *b, const struct cim_class *cls);
bool wmio_methods_part(struct buf *b, const struct cim_class *cls, const struct wmio_origin *from, unsigned depth);
bool wmio_block(struct buf *b, const struct cim_object *o, const struct wmio_origin *from, unsigned flags,
                unsigned depth);

#endif
