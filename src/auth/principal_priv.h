/* auth/principal_priv.h - making principals: for the broker alone. */
#ifndef AUTH_PRINCIPAL_PRIV_H
#define AUTH_PRINCIPAL_PRIV_H

#include "auth/principal.h"

struct principal_data {
    struct slice name, domain;
    const struct slice *groups;
    unsigned group_count;
    bool administrator, has_posix;
    uint32_t uid, gid;
    enum auth_scheme scheme;
    const char *sid;
};
/* Copies everything; one reference. NULL when out of memory. */
const struct principal *principal_make(const struct principal_data *d);

#endif
