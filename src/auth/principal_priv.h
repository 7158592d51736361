/* auth/principal_priv.h - making principals: for the broker (and its stand-in, from the broker's answers)
 * alone. */
#ifndef AUTH_PRINCIPAL_PRIV_H
#define AUTH_PRINCIPAL_PRIV_H

#include "auth/access.h"
#include "auth/principal.h"

/* Is told when the last reference went; frees nothing of the principal. */
struct principal_owner {
    void (*released)(struct principal_owner *owner, const struct principal *p);
};

struct principal_data {
    struct slice name, domain;
    const struct slice *groups;
    unsigned group_count;
    bool administrator, has_posix;
    uint32_t uid, gid;
    enum auth_scheme scheme;
    const char *sid;
    const struct sid *more;           /* SIDs of groups, beside those that access_token_make finds */
    unsigned more_count;
    const struct slice *uri_patterns;
    unsigned uri_pattern_count;
    /* Of a principal that was made elsewhere: taken as they are. NULL: made here. */
    const struct access_token *token;
    const char *id;
    struct principal_owner *owner;    /* may be NULL */
};
/* Copies everything (but the owner); one reference. NULL when out of memory, when a text is too long or
 * when the SID is none: without it there is no token. */
const struct principal *principal_make(const struct principal_data *d);

#endif
