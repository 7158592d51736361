/*
 * auth/certmap.h - the certificate map: which client certificates log in which accounts (CertMappingType,
 * MS-WSMV 2.2.4.3). A text file, mode 0600, that `cimd certmap` writes and the broker reads; tabs between fields:
 *
 *   cimfony-certificates 1
 *   on|off  issuer  subject  uri  user
 *
 * issuer: SHA-1 thumbprint, 40 hexadecimal digits, of the certificate that signed the client's (not of the root). It
 * names a certificate and is no proof: the chain is verified before. subject: a pattern with at most one '*', first or
 * last, compared without case. uri: a resource URI, '*' at most once, at the end; no white space, no '?'. user: an
 * account. No two rows have the same issuer, subject and uri, as these are the row's key. No password is
 * kept: nothing here needs one.
 */
#ifndef AUTH_CERTMAP_H
#define AUTH_CERTMAP_H

#include "auth/accounts.h"

#define CERTMAP_ISSUER 40
#define CERTMAP_PATTERN_MAX 1024 /* bytes, subject */
#define CERTMAP_URI_MAX 2048     /* bytes */
#define CERTMAP_ROWS_MAX 10000
#define CERTMAP_FILE_MAX (16u << 20)

struct certmap_row {
    struct slice issuer;  /* lower case */
    struct slice subject, uri, user;
    bool enabled;
};

/* One reading; immutable, reference counted. */
struct certmap;
/* CIMF_INVALID_SYNTAX with the line. */
cimf_status certmap_parse(struct slice text, struct certmap **out, struct error *e);
/* As accounts_load: CIMF_NOT_FOUND, CIMF_ACCESS_DENIED. */
cimf_status certmap_load(const char *path, struct certmap **out, struct error *e);
cimf_status certmap_load_place(const struct accounts_place *place, struct certmap **out, struct error *e);
struct certmap *certmap_ref(struct certmap *m);
void certmap_unref(struct certmap *m);
unsigned certmap_count(const struct certmap *m);
const struct certmap_row *certmap_at(const struct certmap *m, unsigned i);

/* What of a certificate is compared: the user principal names of its subject alternative name if it has any,
 * else the subject's common name and its distinguished name ("CN=alice,O=Example", RFC 4514, and the order that
 * Windows shows). Texts in the arena. Names with a NUL or that are not UTF-8 are left out. */
#define CERTMAP_NAMES_MAX 16
struct certmap_names {
    struct slice list[CERTMAP_NAMES_MAX];
    unsigned count;
};
/* CIMF_BAD_REQUEST: not a certificate, or no name. */
cimf_status certmap_names(struct arena *a, struct slice certificate, struct certmap_names *out, struct error *e);

struct certmap_match {
    struct slice user;                /* borrowed from the map */
    const struct slice *uri_patterns; /* in the arena; what the mapping covers */
    unsigned uri_pattern_count;       /* 0: everything */
};
/*
 * The account of a certificate (3.1.4.1.35). The enabled rows of this issuer whose subject matches count; the
 * longest subject decides the account. As an account is decided once a connection, before a URI is known, its
 * uri_patterns are those of all matching rows for the same account; rows for others don't apply.
 * CIMF_NOT_AUTHENTICATED when none matches or the longest subject names several accounts.
 */
cimf_status certmap_match(struct arena *a, const struct certmap *m, struct slice certificate, struct slice issuer,
                          struct certmap_match *out, struct error *e);
/* The resource URI is one of the pattern's. */
bool certmap_uri_matches(struct slice pattern, struct slice uri);
bool certmap_subject_matches(struct slice pattern, struct slice name);
/* Lower case hexadecimal SHA-1 of a DER certificate. */
void certmap_thumbprint(struct slice certificate, char out[CERTMAP_ISSUER + 1]);

/* Changes, under a lock and by rename. add: CIMF_ALREADY_EXISTS for the same issuer, subject and uri,
 * CIMF_INVALID_PARAMETER says what is not as above. place: path, owner. */
cimf_status certmap_add(const struct accounts_place *place, const struct certmap_row *row, struct error *e);
/* The rows that have all those of key's texts that are not "" (one at least: CIMF_INVALID_PARAMETER). *count (may be
 * NULL) gets how many, CIMF_NOT_FOUND for none. */
cimf_status certmap_del(const struct accounts_place *place, const struct certmap_row *key, unsigned *count,
                        struct error *e);
/* The row with row's issuer, subject and uri gets its user ("": keeps its own) and, unless keep_enabled, its enabled. */
cimf_status certmap_put(const struct accounts_place *place, const struct certmap_row *row, bool keep_enabled,
                        struct error *e);
cimf_status certmap_enable(const struct accounts_place *place, const struct certmap_row *key, bool enabled,
                           unsigned *count, struct error *e);

#endif
