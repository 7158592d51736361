/* auth/certmap_priv.h - what reading the certificate map (certmap.c) and asking it (certmap_match.c) share. */
#ifndef AUTH_CERTMAP_PRIV_H
#define AUTH_CERTMAP_PRIV_H

#include "auth/certmap.h"
#include "base/map.h"

#define CERTMAP_HEAD "cimfony-certificates 1"

struct certmap {
    int32_t refs;
    struct arena arena; /* the text and the rows */
    struct certmap_row *rows;
    unsigned count;
    struct map by_key;  /* folded */
};

/* "issuer TAB subject TAB uri"; p NULL without memory. */
static inline struct slice certmap_key(struct arena *a, const struct certmap_row *r)
{
    return arena_printf(a, SLICE_FMT "\t" SLICE_FMT "\t" SLICE_FMT, SLICE_ARG(r->issuer), SLICE_ARG(r->subject),
                        SLICE_ARG(r->uri));
}

#endif
