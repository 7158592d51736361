/* Firmware tables, any bytes. */
#include <assert.h>

#include "provider/smbios.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of((const char *)data, size);
    struct smbios_entry e;
    struct arena a;
    unsigned major, minor;
    arena_init(&a, 16 << 20);
    smbios_version(rest, &major, &minor);
    while (smbios_next(&rest, &e)) {
        uint64_t v;
        assert(e.body.n >= 4 && e.strings.n >= 1);
        for (size_t at = 4; at < e.body.n && at < 48; at++) {
            struct arena_mark mark = arena_mark(&a);
            smbios_string(&a, &e, at);
            smbios_number(&e, at, 8, &v);
            arena_rewind(&a, mark);
        }
    }
    arena_free(&a);
    return 0;
}
