/* A logon information as it comes in a ticket. What is read must be sound SIDs. */
#include <stdlib.h>

#include "base/utf.h"
#include "mech/kerberos.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kerberos_pac pac;
    struct arena a;
    arena_init(&a, 1 << 20);
    cimf_status status = kerberos_pac_read(&a, slice_of((const char *)data, size), &pac, NULL);
    if (status == CIMF_OK) {
        if (pac.sid_count == 0 || pac.sid_count > size) abort();
        if (!utf8_valid(pac.account) || !utf8_valid(pac.domain)) abort();
    } else if (pac.sid_count) {
        abort();
    }
    for (unsigned i = 0; i < pac.sid_count; i++) {
        struct slice s = pac.sids[i];
        if (s.n < 8 || s.p[0] != 1 || s.n != 8 + 4 * (size_t)(unsigned char)s.p[1]) abort();
    }
    arena_free(&a);
    return 0;
}
