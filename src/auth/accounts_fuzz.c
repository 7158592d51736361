/* Any text as an accounts file. */
#include "auth/accounts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct accounts *a;
    struct error e = ERROR_INIT;
    if (accounts_parse(slice_of((const char *)data, size), &a, &e) != CIMF_OK) return 0;
    for (unsigned i = 0; i < accounts_count(a); i++)
        if (accounts_find(a, accounts_at(a, i)->name) != accounts_at(a, i)) __builtin_trap();
    accounts_unref(a);
    return 0;
}
