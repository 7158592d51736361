/* Any bytes as stubs of a handful of tables, in both byte orders; what is read writes, and reads again as the same. */
#include <stdlib.h>

#include "codec/ndr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct node {
    struct node *next;
    struct slice text, name, object;
    uint64_t number;
    uint16_t count;
    uint32_t byte_count, returned;
    struct guid *ids;
    uint8_t *bytes;
    struct slice *objects;
    struct slice *pair;
};
static const struct ndr_type node_type;
static const struct ndr_row node_rows[] = {
    { NDR_AT(struct node, next, PTR), .flags = NDR_IN, .of = &node_type },
    { NDR_AT(struct node, text, BSTR), .flags = NDR_IN },
    { NDR_AT(struct node, name, STRING), .flags = NDR_IN | NDR_UNIQUE },
    { NDR_AT(struct node, object, INTERFACE), .flags = NDR_IN },
    { NDR_AT(struct node, number, U64), .flags = NDR_IN },
    { NDR_AT(struct node, count, U16), .flags = NDR_IN },
    { NDR_AT(struct node, ids, ARRAY), .flags = NDR_IN | NDR_UNIQUE, .of = &ndr_guid, NDR_SIZE(struct node, count) },
    { NDR_AT(struct node, byte_count, U32), .flags = NDR_IN },
    { NDR_AT(struct node, bytes, ARRAY), .flags = NDR_IN | NDR_UNIQUE, .of = &ndr_u8, NDR_SIZE(struct node, byte_count) },
    { NDR_AT(struct node, returned, U32), .flags = NDR_IN },
    { NDR_AT(struct node, objects, ARRAY), .flags = NDR_IN | NDR_UNIQUE, .of = &ndr_interface,
      NDR_SIZE(struct node, returned) },
    { NDR_AT(struct node, pair, PTR), .flags = NDR_IN, .of = &ndr_interface },
};
static const struct ndr_type node_type = NDR_TYPE("node", struct node, node_rows);

struct words {
    uint16_t count, offset;
    uint16_t *words;
};
static const struct ndr_row words_rows[] = {
    { NDR_AT(struct words, count, U16) },
    { NDR_AT(struct words, offset, U16) },
    { NDR_AT(struct words, words, ARRAY), .flags = NDR_TAIL, .of = &ndr_u16, NDR_SIZE(struct words, count) },
};
static const struct ndr_type words_type = NDR_TYPE("words", struct words, words_rows);
struct lists {
    uint32_t max, actual;
    struct node *nodes;
    struct words *words;
    uint8_t fixed[3];
};
static const struct ndr_row lists_rows[] = {
    { NDR_AT(struct lists, words, PTR), .flags = NDR_IN, .of = &words_type },
    { NDR_AT(struct lists, max, U32), .flags = NDR_IN },
    { NDR_AT(struct lists, nodes, ARRAY), .flags = NDR_IN | NDR_VARYING | NDR_COUNTED, .of = &node_type,
      NDR_SIZE(struct lists, max), NDR_LENGTH(struct lists, actual) },
    { NDR_AT(struct lists, actual, U32), .flags = NDR_IN | NDR_COUNTED },
    { NDR_AT(struct lists, fixed, FIXED), .flags = NDR_IN, .extent = 3, .of = &ndr_u8 },
};
static const struct ndr_type lists_type = NDR_TYPE("lists", struct lists, lists_rows);

static void one(struct slice s, bool big, const struct ndr_type *t, unsigned direction)
{
    union { struct node node; struct lists lists; struct words words; } record, back;
    struct arena a;
    struct ndr_reader r;
    struct ndr_writer w;
    struct buf b, again;
    memset(&record, 0, sizeof record);
    memset(&back, 0, sizeof back);
    arena_init(&a, 8 << 20);
    buf_init(&b, 0);
    buf_init(&again, 0);
    ndr_reader_init(&r, &a, s, big);
    if ((direction ? ndr_read_parameters(&r, t, direction, &record, NULL) : ndr_read(&r, t, &record, NULL)) == CIMF_OK) {
        ndr_writer_init(&w, &b);
        if (!(direction ? ndr_write_parameters(&w, t, direction, &record) : ndr_write(&w, t, &record))) abort();
        ndr_reader_init(&r, &a, buf_slice(&b), false);
        if ((direction ? ndr_read_parameters(&r, t, direction, &back, NULL) : ndr_read(&r, t, &back, NULL)) != CIMF_OK) {
            if (!r.memory) abort();
        } else {
            ndr_writer_init(&w, &again);
            if (!(direction ? ndr_write_parameters(&w, t, direction, &back) : ndr_write(&w, t, &back))) abort();
            if (!slice_eq(buf_slice(&b), buf_slice(&again))) abort();
        }
    }
    buf_free(&b);
    buf_free(&again);
    arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    struct slice s = slice_of((const char *)data + 1, size - 1);
    bool big = data[0] & 1;
    switch (data[0] >> 1 & 3) {
    case 0: one(s, big, &node_type, 0); break;
    case 1: one(s, big, &node_type, NDR_IN); break;
    case 2: one(s, big, &lists_type, NDR_IN); break;
    default: {
        struct words words = { 0 };
        struct arena a;
        arena_init(&a, 1 << 20);
        ndr_unpickle(&a, s, &words_type, &words, NULL, NULL);
        arena_free(&a);
    }
    }
    return 0;
}
