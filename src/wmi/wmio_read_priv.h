/* wmi/wmio_read_priv.h - what the readers of class parts, methods and instances share. */
#ifndef WMI_WMIO_READ_PRIV_H
#define WMI_WMIO_READ_PRIV_H

#include "base/cursor.h"
#include "wmi/wmio.h"

#define WMIO_PROPERTIES 4096
#define WMIO_METHODS 4096
#define WMIO_ARRAY 1000000

/* One reading. The first failure is kept, with its place; after it everything answers false. */
struct wmio_reader {
    const struct wmio_read *r;
    struct arena *a;
    struct error *e;
    cimf_status status;
    size_t work;     /* left */
    unsigned depth;
};

bool wmio_fail(struct wmio_reader *x, const char *what);
bool wmio_spend(struct wmio_reader *x, size_t bytes); /* counts work; false when it is used up */
/* The rest of a block behind a u32 length that counts itself; the cursor moves past it. */
bool wmio_sized(struct wmio_reader *x, struct cursor *c, struct cursor *inner, const char *what);
bool wmio_heap_read(struct wmio_reader *x, struct cursor *c, struct slice *heap);
bool wmio_string_read(struct wmio_reader *x, struct cursor *c, struct slice *out);
/* A reference: into the heap, or (names and strings) the dictionary. WMIO none gives SLICE_NULL. */
bool wmio_string_at(struct wmio_reader *x, struct slice heap, uint32_t ref, struct slice *out);
bool wmio_heap_cursor(struct wmio_reader *x, struct slice heap, uint32_t ref, struct cursor *out, const char *what);
unsigned wmio_slot_of(unsigned type); /* 0: not a type */
/* The value of a slot; *null when the slot refers to nothing. */
bool wmio_value_read(struct wmio_reader *x, struct slice heap, struct cursor *slot, unsigned type, bool *null,
                     union cim_data *out);
bool wmio_qualifiers_read(struct wmio_reader *x, struct slice heap, struct cursor *c, struct cim_qualifiers *out);

/* A class part, taken apart. */
struct wmio_part_property {
    struct slice name;
    uint16_t type, order;
    uint32_t offset, origin;
    bool inherited, null, inherited_default;
    union cim_data def;
    struct cim_qualifiers qualifiers;
};
struct wmio_part {
    struct slice name;              /* SLICE_NULL: no class */
    const struct slice *derivation;
    unsigned derivation_count;
    struct cim_qualifiers qualifiers;
    struct wmio_part_property *properties;  /* in declaration order */
    const uint16_t *lookup;                 /* in the order of the lookup table */
    unsigned property_count;
    size_t value_size;              /* of the value table */
};
bool wmio_part_read(struct wmio_reader *x, struct cursor *c, struct wmio_part *out);
bool wmio_methods_read(struct wmio_reader *x, struct cursor *c, struct cim_class_decl *all,
                       struct cim_class_decl *local);
/* Declarations from a part. */
bool wmio_part_class(struct wmio_reader *x, const struct wmio_part *part, struct wmio_class *out);
bool wmio_instance_read(struct wmio_reader *x, struct cursor *c, const struct wmio_part *part, const struct cim_class *cls,
                        struct cim_instance **out);
bool wmio_block_read(struct wmio_reader *x, struct slice block, struct wmio_object *out);

#endif
