/*
 * auth/principal.h - who is calling. Immutable, reference counted, made only by the authentication
 * broker; absence is NULL and nothing accepts NULL.
 */
#ifndef AUTH_PRINCIPAL_H
#define AUTH_PRINCIPAL_H

#include "base/slice.h"

enum auth_scheme { AUTH_NONE, AUTH_BASIC, AUTH_DIGEST, AUTH_NTLM, AUTH_KERBEROS, AUTH_CREDSSP,
                   AUTH_CERTIFICATE, AUTH_LOCAL /* same user over a local socket */ };

struct access_token;

struct principal {
    uint32_t magic;
    int32_t refs;
    struct slice name;         /* account name as stored, "alice" */
    struct slice domain;       /* realm or host name; "" for local accounts */
    const struct slice *groups;/* names of the account's groups */
    uint32_t group_count;
    bool administrator;        /* member of the administrators group, or uid 0 */
    bool has_posix;            /* maps to a local user: methods with side effects may run as it */
    uint32_t uid, gid;
    enum auth_scheme scheme;
    char sid[96];              /* text form "S-1-..." */
    char id[37];               /* unique per authentication, unguessable; what the supervisor asks the
                                  broker about before it starts anything for this caller */
    const struct access_token *token; /* what access checks look at (auth/access.h); never NULL */
    /* AUTH_CERTIFICATE: the resource URIs that the mapping covers ("*" at an end); count 0: all. */
    const struct slice *uri_patterns;
    uint32_t uri_pattern_count;
};

const struct principal *principal_ref(const struct principal *p);
void principal_unref(const struct principal *p);
/* Same account (not: same authentication). */
bool principal_same(const struct principal *a, const struct principal *b);
/* A key of the account, for whoever shares something between accounts (exec_post_for): the same where principal_same says
 * so, never 0, another one in each process. */
uint64_t principal_owner(const struct principal *p);

#endif
