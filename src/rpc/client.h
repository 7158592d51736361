/*
 * rpc/client.h - client role of DCE/RPC over TCP (MS-RPCE 3.3.2): one association, bound to any number of interfaces,
 * with at most one security context, that carries requests one after another or side by side (PFC_CONC_MPX where the
 * server agreed).
 *
 * Enters: a socket that is connected or still connecting (who opens it is the owner's business: cimd-core may not), and
 * requests as stubs. Leaves: stubs of responses, verified and put together, or the status of a fault. No names, no
 * retries, no object references: those are DCOM's.
 *
 * Threads. A client belongs to one loop; every function is called there, every callback comes there, never from within
 * the call that caused it.
 */
#ifndef RPC_CLIENT_H
#define RPC_CLIENT_H

#include "rpc/rpc.h"

struct loop;
struct rpc_client;

/* Who makes the tokens: mech.h in a process that has the credentials, the broker for one that has not. One token at a
 * time; done is called on the client's loop, later or at once. */
struct rpc_initiator {
    /* in empty: the first. done: status OK and MECH_CONTINUE or MECH_COMPLETE; with COMPLETE the context, which the
     * client takes. token: borrowed for the call. */
    void (*step)(struct rpc_initiator *i, struct slice in,
                 void (*done)(void *arg, enum mech_result result, struct slice token, struct mech *context), void *arg);
    /* The client will not ask again; a pending done must not come. */
    void (*free)(struct rpc_initiator *i);
};
/* Makes tokens here with a client-side mechanism; takes it. NULL: no memory. */
struct rpc_initiator *rpc_initiator_mech(struct mech *m);

struct rpc_client_config {
    struct loop *loop;
    int fd;                        /* non-blocking, connected or connecting; taken */
    /* With these the client binds first; further ones are added when a request first names them. */
    const struct guid *interfaces; /* object interfaces have version 0.0; may be NULL */
    unsigned interface_count;
    enum rpc_level level;          /* NONE: no security, initiator NULL */
    enum rpc_auth_type type;       /* what the initiator's tokens are */
    struct rpc_initiator *initiator; /* taken, also by a failure */
    int64_t connect_timeout_us;    /* to the end of the login; 0: 10 s */
    uint32_t max_response;         /* bytes of one response; 0: 4 MiB */
    /* The connection is of no more use: broken, ended by the other side, or never came to be. Every pending request was
     * told before. May free the client. */
    void (*lost)(void *arg, struct rpc_client *c, const struct error *why);
    void *arg;
};
/* Starts at once; requests may be given at once and wait for the login. The configuration is copied. */
cimf_status rpc_client_new(const struct rpc_client_config *config, struct rpc_client **out, struct error *e);
/* Pending requests are not told any more. On the loop, not within rpc_client_request. */
void rpc_client_free(struct rpc_client *c);

struct rpc_request {               /* the owner's, until done */
    struct guid interface;
    uint16_t major, minor;         /* of the interface */
    uint16_t opnum;
    bool has_object;
    struct guid object;
    struct slice stub;             /* little-endian NDR; borrowed until done */
    int64_t timeout_us;            /* 0: 30 s */
    /* fault 0: stub is the response's, borrowed for the call. Otherwise a fault's status; RPC_FAULT_CANCELLED after
     * the timeout; RPC_CLIENT_LOST: no answer, or none that may be trusted. The request is the owner's again. */
    void (*done)(struct rpc_request *r, uint32_t fault, struct slice stub, bool big_endian);
    void *arg;
    struct rpc_request *next;      /* the room's own, as what follows */
    uint32_t call_id, outcome;
    int64_t deadline;
    struct buf response;
    uint16_t context;
    bool begun, big_endian;
};
#define RPC_CLIENT_LOST 0x000006beu /* RPC_S_CALL_FAILED */
void rpc_client_request(struct rpc_client *c, struct rpc_request *r);
/* done will not come; what arrives for it is dropped. */
void rpc_client_forget(struct rpc_client *c, struct rpc_request *r);
/* Why it is of no more use: within done with RPC_CLIENT_LOST, and in lost. NULL: it still is. */
const struct error *rpc_client_why(const struct rpc_client *c);
/* The level that is in force; NONE until the login is complete. */
enum rpc_level rpc_client_level(const struct rpc_client *c);

#endif
