/* Any bytes at the control socket. */
#include "daemon/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct slice *fields;
    size_t count, used, total = 0;
    arena_init(&a, 1 << 20);
    if (message_read(&a, slice_of((const char *)data, size), 1000, &fields, &count, &used) == 1)
        for (size_t i = 0; i < count; i++) total += fields[i].n;
    arena_free(&a);
    return total > size; /* never */
}
