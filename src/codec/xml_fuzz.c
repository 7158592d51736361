/* Any bytes: decode, read, write back, read again: the second tree writes the same text. */
#include "codec/xml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    arena_init(&a, 8 << 20);
    struct slice text;
    enum xml_charset seen;
    struct xml_node *root, *again;
    struct buf one, two;
    buf_init(&one, 0);
    buf_init(&two, 0);
    struct error e;
    if (xml_decode(&a, slice_of((const char *)data, size), SLICE(""), &text, &seen, &e) == CIMF_OK &&
        xml_read(&a, text, NULL, &root, &e) == CIMF_OK && xml_write_node(&one, root) && one.n < 100000) {
        cimf_status status = xml_read(&a, buf_slice(&one), NULL, &again, &e);
        if (status == CIMF_OK) {
            xml_write_node(&two, again);
            if (!slice_eq(buf_slice(&one), buf_slice(&two))) abort();
        } else if (status != CIMF_OUT_OF_MEMORY && status != CIMF_QUOTA_VIOLATION) {
            abort();
        }
    }
    buf_free(&one);
    buf_free(&two);
    arena_free(&a);
    return 0;
}
