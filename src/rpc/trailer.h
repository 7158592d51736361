/*
 * rpc/trailer.h - the verification trailer (MS-RPCE 2.2.2.13): behind the stub, within what is signed, a client repeats
 * parts of PDUs that nothing else signs. A server looks at it with rpc_verify_trailer (conn.h).
 */
#ifndef RPC_TRAILER_H
#define RPC_TRAILER_H

#include "rpc/pdu.h"

struct rpc_trailer {
    const struct rpc_syntax *interface; /* of the presentation context; NULL: this and the next are not said */
    bool header_signing;                /* the client offered it, whatever came back */
    bool header;                        /* the three below are said */
    uint32_t call_id;
    uint16_t context, opnum;
};
/* Appends it, with an interface or a header at least; b holds a stub, or what comes behind a stub of a multiple of four octets. */
void rpc_trailer_append(struct buf *b, const struct rpc_trailer *t);

#endif
