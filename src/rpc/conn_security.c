/* Signatures and sealing (MS-RPCE 2.2.2.11, 3.3.1.5.2.2). */
#include <stdlib.h>
#include <strings.h>

#include "rpc/conn.h"

struct rpc_security *rpc_security_find(const struct rpc_conn *c, uint32_t id)
{
    for (unsigned i = c->security_count; i--;) /* the newest is what clients use */
        if (c->securities[i]->id == id) return c->securities[i];
    return NULL;
}

struct rpc_security *rpc_security_add(struct rpc_conn *c, const struct rpc_auth *a)
{
    if (c->security_count == c->site->limits.max_securities) return NULL;
    if (c->security_count == c->security_room) {
        unsigned room = c->security_room ? c->security_room * 2 : 4;
        struct rpc_security **more = realloc(c->securities, room * sizeof *more);
        if (!more) return NULL;
        c->securities = more;
        c->security_room = room;
    }
    struct rpc_security *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->id = a->context;
    s->type = a->type;
    s->level = a->level;
    c->securities[c->security_count++] = s;
    return s;
}

void rpc_security_remove(struct rpc_conn *c, struct rpc_security *s)
{
    unsigned i = 0;
    while (c->securities[i] != s) i++;
    memmove(&c->securities[i], &c->securities[i + 1], (--c->security_count - i) * sizeof *c->securities);
    auth_exchange_free(s->exchange);
    mech_free(s->mech);
    if (s->principal) principal_unref(s->principal);
    free(s);
}

/* What a signature covers: all of the PDU, its middle sealed; or its middle alone. */
static size_t parts_of(const struct rpc_conn *c, const struct rpc_security *s, unsigned char *pdu, size_t stub_at,
                       size_t trailer_at, bool seal, struct mech_part parts[3])
{
    size_t n = 0;
    bool whole = s->whole || c->header_sign;
    if (whole) parts[n++] = (struct mech_part){ MECH_PART_SIGN, pdu, stub_at };
    parts[n++] = (struct mech_part){ seal ? MECH_PART_SEAL : MECH_PART_SIGN, pdu + stub_at, trailer_at - stub_at };
    if (whole) parts[n++] = (struct mech_part){ MECH_PART_SIGN, pdu + trailer_at, RPC_TRAILER };
    return n;
}

bool rpc_unprotect(struct rpc_conn *c, struct rpc_security *s, const struct rpc_pdu *p, size_t stub_at)
{
    struct mech_part parts[3];
    unsigned char *pdu = (unsigned char *)(uintptr_t)p->whole.p; /* in the connection's own buffer */
    size_t trailer_at = RPC_HEADER + p->body.n;
    if (s->level < RPC_LEVEL_PACKET) return true; /* connect: nothing is protected */
    if (stub_at > trailer_at || !s->mech) return false;
    size_t n = parts_of(c, s, pdu, stub_at, trailer_at, s->level == RPC_LEVEL_PRIVACY, parts);
    return (s->level == RPC_LEVEL_PRIVACY ? mech_unseal(s->mech, parts, n, p->auth.token)
                                          : mech_verify(s->mech, parts, n, p->auth.token)) == CIMF_OK;
}

static size_t signature_size(const struct rpc_security *s)
{
    if (!s->mech) return 0;
    return s->mech->ops->signature_size(s->mech, s->level == RPC_LEVEL_PRIVACY);
}

size_t rpc_protection(const struct rpc_security *s, unsigned level)
{
    return s && level >= RPC_LEVEL_PACKET ? RPC_TRAILER + signature_size(s) : 0;
}

bool rpc_protect(struct rpc_conn *c, struct rpc_security *s, struct buf *b, size_t start, size_t stub_at)
{
    if (!s || s->level < RPC_LEVEL_PACKET) {
        rpc_pdu_end(b, start, 0);
        return buf_ok(b);
    }
    struct rpc_auth a = { .type = s->type, .level = s->level, .context = s->id };
    struct mech_part parts[3];
    size_t size = signature_size(s);
    rpc_trailer_put(b, start + stub_at - RPC_HEADER, 16, &a); /* counted from the stub */
    size_t trailer_at = b->n - start - RPC_TRAILER;
    char *signature = buf_reserve(b, size);
    if (!signature || !s->mech) return false;
    buf_added(b, size);
    rpc_pdu_end(b, start, (uint16_t)size); /* before: the header is signed */
    bool seal = s->level == RPC_LEVEL_PRIVACY;
    size_t n = parts_of(c, s, (unsigned char *)b->p + start, stub_at, trailer_at, seal, parts);
    return (seal ? mech_seal(s->mech, parts, n, (unsigned char *)signature)
                 : mech_sign(s->mech, parts, n, (unsigned char *)signature)) == CIMF_OK;
}
