/* Packets between cimd-core and a host: any bytes are refused, or are a message that is the same bytes again. */
#include <assert.h>

#include "host/host_message.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct arena a;
    struct host_message m;
    struct error e = ERROR_INIT;
    struct slice packet = slice_of((const char *)data, size);
    arena_init(&a, 1 << 20);
    if (host_message_read(packet, &a, &m, &e) == CIMF_OK) {
        struct buf again;
        buf_init(&again, 0);
        assert(host_message_write(&again, &m, &e) == CIMF_OK);
        assert(slice_eq(buf_slice(&again), packet));
        buf_free(&again);
    } else {
        assert(e.status != CIMF_OK);
    }
    arena_free(&a);
    return 0;
}
