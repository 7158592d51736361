/* Any text as a certificate map (first byte even) or any bytes as a certificate (odd). */
#include "auth/certmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct certmap *m;
    struct arena a;
    struct certmap_names names;
    struct slice text = slice_of((const char *)data, size);
    if (size == 0) return 0;
    if (data[0] & 1) {
        arena_init(&a, 0);
        if (certmap_names(&a, slice_sub(text, 1), &names, NULL) == CIMF_OK && !names.count) __builtin_trap();
        arena_free(&a);
        return 0;
    }
    if (certmap_parse(slice_sub(text, 1), &m, NULL) != CIMF_OK) return 0;
    for (unsigned i = 0; i < certmap_count(m); i++) {
        const struct certmap_row *r = certmap_at(m, i);
        if (r->issuer.n != CERTMAP_ISSUER || !r->user.n) __builtin_trap();
        certmap_subject_matches(r->subject, r->user);
        if (!certmap_uri_matches(r->uri, slice_head(r->uri, r->uri.n - (r->uri.p[r->uri.n - 1] == '*')))) __builtin_trap();
    }
    certmap_unref(m);
    return 0;
}
