/*
 * rpc/rpc.h - what an interface sees of DCE/RPC (C706, MS-RPCE), server role.
 *
 * Enters: whole, verified, reassembled requests, one `struct rpc_call` each, on the loop thread that owns the
 * connection. An interface answers now or later (then on that same thread), exactly once, with a stub or with a
 * fault. Everything else was answered before: broken PDUs, contexts that were never offered, operation numbers out
 * of range, levels below the interface's floor, wrong signatures.
 */
#ifndef RPC_RPC_H
#define RPC_RPC_H

#include "auth/broker.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/exec.h"
#include "base/guid.h"

enum rpc_level { /* MS-RPCE 2.2.1.1.8 */
    RPC_LEVEL_NONE = 1, RPC_LEVEL_CONNECT = 2, RPC_LEVEL_CALL = 3, RPC_LEVEL_PACKET = 4,
    RPC_LEVEL_INTEGRITY = 5, RPC_LEVEL_PRIVACY = 6,
};
enum rpc_auth_type { RPC_AUTH_NONE = 0, RPC_AUTH_SPNEGO = 9, RPC_AUTH_NTLM = 10, RPC_AUTH_KERBEROS = 16, RPC_AUTH_DEFAULT = 0xff };

/* Status words of faults and bind results. */
#define RPC_FAULT_ACCESS_DENIED 0x00000005u
#define RPC_FAULT_SEC_PKG 0x00000721u /* the mechanism refused */
#define RPC_FAULT_BAD_STUB 0x000006f7u
#define RPC_FAULT_OP_RANGE 0x1c010002u
#define RPC_FAULT_UNKNOWN_INTERFACE 0x1c010003u
#define RPC_FAULT_PROTOCOL 0x1c01000bu
#define RPC_FAULT_BUSY 0x1c010014u
#define RPC_FAULT_CANCELLED 0x1c00000du
#define RPC_FAULT_NO_MEMORY 0x1c00001bu
#define RPC_FAULT_CONTEXT_MISMATCH 0x1c00001au
#define RPC_FAULT_AUTH_LEVEL 0x1c00001du

struct rpc_call;
struct rpc_interface {
    struct guid uuid;
    uint16_t major, minor;
    const char *name;
    uint16_t opnums;        /* operations are 0 .. opnums - 1 */
    enum rpc_level floor;   /* calls below it are refused; NONE: anybody, also without a principal */
    /* The presentation context does not say whose interface is meant: DCOM, where the object UUID does, and clients
     * that call everything over one context (aiowmi). Then operation numbers are not checked here either. */
    bool by_object;
    void (*call)(struct rpc_call *c);
    void *arg;
};

struct rpc_call {
    const struct rpc_interface *interface; /* of the presentation context */
    uint16_t opnum;
    uint32_t call_id;
    struct guid object;
    bool has_object;
    struct slice stub;      /* NDR, first byte 8-aligned as in the request; borrowed from the arena */
    bool big_endian;        /* of the stub */
    /* Who and how. */
    const struct principal *principal; /* NULL only where the floor is NONE */
    enum rpc_level level;
    uint32_t flags;         /* of the mechanism: MECH_IDENTIFY: the caller may be known, not acted for */
    const char *peer;       /* address text */
    const char *local;      /* "address:port" that the peer connected to */
    uint64_t connection;    /* a number per connection, never used again */
    struct arena *arena;    /* of the call */
    struct exec *home;
    /* The interface's own. */
    struct buf reply;       /* the stub of the reply, appended to by the interface */
    void *user;
    /* The connection ended, or the client cancelled: a hint to stop. At most once, on home; the interface still owes its
     * answer, which is then dropped. */
    void (*on_abort)(struct rpc_call *c);
};
/* The call is gone afterwards. */
void rpc_reply(struct rpc_call *c);
void rpc_fault(struct rpc_call *c, uint32_t status);
/* gone is called once, on home, when the connection of this call has ended and its last call was answered; the same again
 * changes nothing. false: no memory. For state that lives as long as a client's connection. */
bool rpc_watch(struct rpc_call *c, void (*gone)(void *arg, uint64_t connection), void *arg);

#endif
