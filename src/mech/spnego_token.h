/*
 * mech/spnego_token.h - NegTokenInit (both RFC 4178's and Microsoft's NegTokenInit2) and
 * NegTokenResp. Decoded values are borrowed from the token.
 */
#ifndef MECH_SPNEGO_TOKEN_H
#define MECH_SPNEGO_TOKEN_H

#include "base/buf.h"
#include "base/limits.h"
#include "base/status.h"

#define SPNEGO_OID SLICE("\x2b\x06\x01\x05\x05\x02")
#define SPNEGO_OID_KERBEROS SLICE("\x2a\x86\x48\x86\xf7\x12\x01\x02\x02")
/* What Windows 2000 made of it by cutting an arc to 16 bits; still offered first by Windows. */
#define SPNEGO_OID_MS_KERBEROS SLICE("\x2a\x86\x48\x82\xf7\x12\x01\x02\x02")

enum spnego_state {
    SPNEGO_ACCEPTED,
    SPNEGO_INCOMPLETE,
    SPNEGO_REJECTED,
    SPNEGO_REQUEST_MIC,
    SPNEGO_NO_STATE = -1,
};

struct spnego_init {
    struct slice list; /* MechTypeList, whole with its header: what mechListMIC is over */
    struct slice mechs[LIMIT_MECH_LIST]; /* OID contents */
    size_t mech_count;
    struct slice token; /* p NULL: none */
    struct slice mic;
    struct slice hint; /* negHints.hintName; for nothing */
};
struct spnego_resp {
    enum spnego_state state;
    struct slice mech, token, mic; /* p NULL: none */
};

/* The token begins as GSS framing of this mechanism's OID: 0x60 length OID. Content behind the OID,
 * or p NULL. */
struct slice spnego_framed(struct slice token, struct slice oid);
/* reqFlags are skipped: they are not protected. */
cimf_status spnego_init_read(struct slice token, struct spnego_init *out, struct error *e);
cimf_status spnego_resp_read(struct slice token, struct spnego_resp *out, struct error *e);

/* The list alone, as it stands in the message. */
bool spnego_list_write(struct buf *b, const struct slice *mechs, size_t count);
/* out->list as made by spnego_list_write; with a hint it is a NegTokenInit2. */
bool spnego_init_write(struct buf *b, const struct spnego_init *init);
bool spnego_resp_write(struct buf *b, const struct spnego_resp *resp);

#endif
