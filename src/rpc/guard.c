#include "rpc/guard.h"

#include "rpc/rpc.h"

/* What a signature covers: all of the PDU, its middle sealed; or its middle alone. */
static size_t parts_of(bool whole, unsigned char *pdu, size_t stub_at, size_t trailer_at, bool seal, struct mech_part parts[3])
{
    size_t n = 0;
    if (whole) parts[n++] = (struct mech_part){ MECH_PART_SIGN, pdu, stub_at };
    parts[n++] = (struct mech_part){ seal ? MECH_PART_SEAL : MECH_PART_SIGN, pdu + stub_at, trailer_at - stub_at };
    if (whole) parts[n++] = (struct mech_part){ MECH_PART_SIGN, pdu + trailer_at, RPC_TRAILER };
    return n;
}

bool rpc_unprotect(const struct rpc_guard *g, bool header_sign, const struct rpc_pdu *p, size_t stub_at)
{
    struct mech_part parts[3];
    unsigned char *pdu = (unsigned char *)(uintptr_t)p->whole.p; /* the caller's own memory */
    size_t trailer_at = RPC_HEADER + p->body.n;
    if (g->level < RPC_LEVEL_PACKET) return true; /* connect: nothing is protected */
    if (stub_at > trailer_at || !g->mech) return false;
    size_t n = parts_of(g->whole || header_sign, pdu, stub_at, trailer_at, g->level == RPC_LEVEL_PRIVACY, parts);
    return (g->level == RPC_LEVEL_PRIVACY ? mech_unseal(g->mech, parts, n, p->auth.token)
                                          : mech_verify(g->mech, parts, n, p->auth.token)) == CIMF_OK;
}

static size_t signature_size(const struct rpc_guard *g)
{
    if (!g->mech) return 0;
    return g->mech->ops->signature_size(g->mech, g->level == RPC_LEVEL_PRIVACY);
}

size_t rpc_guard_room(const struct rpc_guard *g, uint16_t max, size_t head)
{
    size_t taken = head + (g && g->level >= RPC_LEVEL_PACKET ? RPC_TRAILER + signature_size(g) : 0) + 16;
    return taken + 16 < max ? (max - taken) & ~(size_t)15 : 16;
}

bool rpc_protect(const struct rpc_guard *g, bool header_sign, struct buf *b, size_t start, size_t stub_at)
{
    if (!g || g->level < RPC_LEVEL_PACKET) {
        rpc_pdu_end(b, start, 0);
        return buf_ok(b);
    }
    struct rpc_auth a = { .type = g->type, .level = g->level, .context = g->id };
    struct mech_part parts[3];
    size_t size = signature_size(g);
    rpc_trailer_put(b, start + stub_at - RPC_HEADER, 16, &a); /* counted from the stub */
    size_t trailer_at = b->n - start - RPC_TRAILER;
    char *signature = buf_reserve(b, size);
    if (!signature || !g->mech) return false;
    buf_added(b, size);
    rpc_pdu_end(b, start, (uint16_t)size); /* before: the header is signed */
    bool seal = g->level == RPC_LEVEL_PRIVACY;
    size_t n = parts_of(g->whole || header_sign, (unsigned char *)b->p + start, stub_at, trailer_at, seal, parts);
    return (seal ? mech_seal(g->mech, parts, n, (unsigned char *)signature)
                 : mech_sign(g->mech, parts, n, (unsigned char *)signature)) == CIMF_OK;
}
