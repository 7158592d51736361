/* Any bytes as a configuration file: every part lies inside the text. */
#include <stdlib.h>

#include "base/ini.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static cimf_status look(void *arg, const struct ini_line *l, struct error *e)
{
    const struct slice *text = arg, parts[] = { l->section, l->key, l->value };
    for (int i = 0; i < 3; i++)
        if (parts[i].n && (parts[i].p < text->p || parts[i].p + parts[i].n > text->p + text->n)) abort();
    return l->key.n && !slice_find(l->key, '\n') ? CIMF_FAILED : CIMF_OK;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct slice text = slice_of((const char *)data, size);
    struct error e = ERROR_INIT;
    ini_read(text, "f", look, &text, &e);
    return 0;
}
