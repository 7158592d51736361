/*
 * rpc/guard.h - signatures and sealing of fragments (MS-RPCE 2.2.2.11, 3.3.1.5.2.2): the same for what a server sends and
 * what a client does.
 */
#ifndef RPC_GUARD_H
#define RPC_GUARD_H

#include "mech/mech.h"
#include "rpc/pdu.h"

/* What a security context does to PDUs. */
struct rpc_guard {
    uint32_t id;
    uint8_t type, level;
    bool whole;               /* signatures always cover the whole PDU (NTLM) */
    struct mech *mech;        /* of whoever embeds this; NULL until the login is complete */
};

/* Verifies (and decrypts in place) a fragment whose signed but not sealed part ends at stub_at. header_sign: both sides
 * agreed on it. The fragment's memory is the caller's own. */
bool rpc_unprotect(const struct rpc_guard *g, bool header_sign, const struct rpc_pdu *p, size_t stub_at);
/* How much of a stub goes into a fragment of `max` octets behind `head` octets: a multiple of 16, so that only the last one
 * is padded; g may be NULL. */
size_t rpc_guard_room(const struct rpc_guard *g, uint16_t max, size_t head);
/* Appends trailer and signature to the PDU that begins at start and ends it; g may be NULL. */
bool rpc_protect(const struct rpc_guard *g, bool header_sign, struct buf *b, size_t start, size_t stub_at);

#endif
