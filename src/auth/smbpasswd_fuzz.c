/* Any text as smbpasswd lines: all of it becomes accounts that the file can be read back with, or nothing does. */
#include <stdlib.h>

#include "auth/accounts_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void imported(void *arg, struct slice name)
{
    unsigned *count = arg;
    if (!account_name_ok(name)) __builtin_trap();
    (*count)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct accounts_edit x = { .lock = -1, .next_rid = ACCOUNTS_FIRST_RID, .domain = "S-1-5-21-1-2-3", .has_key = true,
                               .key = { .id = "00000000" } };
    struct error e = ERROR_INIT;
    unsigned count = 0, told = 0;
    arena_init(&x.arena, 0);
    cimf_status s = accounts_edit_import(&x, slice_of((const char *)data, size), imported, &told, &count, &e);
    if (s == CIMF_OK ? x.count != count || told != count : x.count != 0 || (s != CIMF_OUT_OF_MEMORY && !e.line)) __builtin_trap();
    arena_free(&x.arena);
    free(x.rows);
    free(x.groups);
    return 0;
}
