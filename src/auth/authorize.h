/*
 * auth/authorize.h - the one question "may he?", asked by the object manager (namespaces) and by protocols
 * (RootSDDL, resources). It checks, and it records: each denial, and each use that the descriptor's SACL asks
 * for. Denials of one principal on one object are recorded at most once a second.
 */
#ifndef AUTH_AUTHORIZE_H
#define AUTH_AUTHORIZE_H

#include "auth/access.h"

struct authorize {
    const struct principal *principal;
    const struct sd *sd;
    uint32_t wanted;
    const struct access_mapping *mapping;
    struct slice object;     /* for the record: "root/cimv2", a resource URI */
    struct slice peer;       /* "" if not known */
};
/* CIMF_OK or CIMF_ACCESS_DENIED with a sentence in e that names the missing rights. *granted (may be NULL)
 * gets what the caller has of all rights (as MAXIMUM_ALLOWED), also when denied. */
cimf_status authorize_check(const struct authorize *a, uint32_t *granted, struct error *e);

#endif
