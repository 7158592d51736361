/* Any bytes as xs:duration: never negative, same answer with white space around, GUID text likewise. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/guid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice s = slice_of((const char *)data, size);
    int64_t us = -1, again = -1;
    bool negative, months;
    if (duration_parse(s, &us, &negative, &months)) {
        if (us < 0) abort();
        struct arena a;
        arena_init(&a, 0);
        struct slice spaced = arena_printf(&a, " \n" SLICE_FMT "\t", SLICE_ARG(s));
        if (!duration_parse(spaced, &again, NULL, NULL) || again != us) abort();
        arena_free(&a);
    }
    struct guid g, same;
    if (guid_parse(s, &g)) {
        char text[GUID_TEXT];
        guid_format(&g, false, text);
        if (!guid_parse(slice_str(text), &same) || !guid_eq(&g, &same)) abort();
    }
    return 0;
}
