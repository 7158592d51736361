/*
 * rpc/conn.h - one server connection (an association) as a machine without I/O: bytes and the end of input go in; bytes
 * and a close come out through `struct rpc_conn_ops`. The socket side, tests and the fuzz target bring their own.
 *
 * Reading order: conn.c (fragments, calls), conn_bind.c (presentation contexts, authentication), conn_security.c
 * and guard.h (security contexts, signatures and sealing), conn_reply.c (replies and faults).
 */
#ifndef RPC_CONN_H
#define RPC_CONN_H

#include "rpc/guard.h"
#include "rpc/rpc.h"

struct rpc_conn;
struct rpc_conn_ops {
    void (*send)(struct rpc_conn *c, struct slice bytes); /* takes all */
    /* No more output; the object stays until rpc_conn_free. */
    void (*close)(struct rpc_conn *c);
    /* Stop or go on giving input. */
    void (*reading)(struct rpc_conn *c, bool on);
    /* The last call ended after the close: it may be freed now. */
    void (*released)(struct rpc_conn *c);
    /* Whether an answer of n bytes may wait to be read by the client, besides all that waits for others. NULL: always. */
    bool (*room)(struct rpc_conn *c, size_t n);
    /* The connection is this account's from now on: its first login. False: the account has too many. NULL: never. */
    bool (*owner)(struct rpc_conn *c, const struct principal *p);
    /* What it holds goes from c->held to n bytes. False: more than it may; c->held stays. NULL: it may have any. */
    bool (*hold)(struct rpc_conn *c, size_t n);
};
enum { RPC_HELD_FREE = 12 << 10 }; /* a connection holds so much for itself: a login, a call of one fragment */

struct rpc_limits { /* zeros: defaults */
    uint32_t max_stub;        /* bytes of one request; 4 MiB (MS-RPCE 3.3.3.5.4) */
    uint32_t max_contexts;    /* presentation contexts of a connection; 4000 for each interface (MS-RPCE 3.3.3.5.5) */
    uint32_t max_securities;  /* security contexts of a connection; 2049 */
    uint32_t max_calls;       /* at work at once on a connection; 64 */
    int64_t bind_timeout_us;  /* from accept to a login, or to the first call of an interface for anybody; 10 s */
    int64_t fragment_timeout_us; /* a request that has begun ends; 60 s */
    int64_t idle_timeout_us;  /* of who is logged in; 2 h: clients hold their objects for days and call now and then */
    int64_t idle_anonymous_us; /* of who is not; 60 s */
};

/* What C706's inq_stats counts. */
struct rpc_counts {
    uint64_t calls_in, calls_out, packets_in, packets_out;
};

/* What a connection waits for. */
enum rpc_wait { RPC_WAIT_PROOF, RPC_WAIT_REST, RPC_WAIT_NEXT, RPC_WAIT_WORK };

/* What the connections of a loop share. */
struct rpc_site {
    const struct rpc_conn_ops *ops;
    const struct rpc_interface *const *interfaces; /* NULL-terminated */
    struct auth_broker *broker;
    struct exec *home;
    struct rpc_limits limits;
    enum rpc_level floor;     /* of every interface that asks for more than NONE; INTEGRITY is what Windows demands */
    /* A new association group, or whether a client may join one (same address); 0: no. */
    uint32_t (*group)(struct rpc_site *s, uint32_t wanted, const char *peer);
    void (*leave)(struct rpc_site *s, uint32_t group); /* once a connection that got one */
    uint64_t next_connection;
    struct rpc_counts counts; /* atomic */
};
#define RPC_COUNT(site, counter) __atomic_add_fetch(&(site)->counts.counter, 1, __ATOMIC_RELAXED)
void rpc_site_defaults(struct rpc_site *s);

/* ---- the rest is the room's own ---- */

enum rpc_security_state { RPC_SECURITY_RUNNING, RPC_SECURITY_DONE, RPC_SECURITY_FAILED };
struct rpc_security {
    struct rpc_guard guard;
    uint8_t state;
    struct auth_exchange *exchange;
    const struct principal *principal;
};

struct rpc_presentation {
    uint16_t id;
    const struct rpc_interface *interface; /* NULL: a free place of the table */
};

/* A request being put together, or at work. */
struct rpc_slot {
    struct rpc_call call;     /* first: interfaces hold a pointer to it */
    struct rpc_slot *next;
    struct rpc_conn *conn;
    struct rpc_security *security;
    struct arena arena;
    struct buf stub;
    uint16_t context;
    uint8_t level, flags;     /* RPC_MAYBE ... of the first fragment */
    size_t held;              /* of the connection's */
    bool busy;                /* there is no room for it: passed over, and refused when it is whole */
    bool running, cancelled;
    bool trailer;             /* its fragments have one */
};

/* A bind or alter_context that waits for its token. */
struct rpc_answer {
    bool active;
    uint8_t type;             /* of the request */
    uint8_t echo;             /* flags that are agreed on */
    uint32_t call_id;
    struct rpc_security *security;
    struct rpc_result *results;
    unsigned count;
};

enum rpc_conn_state { RPC_CONN_NEW, RPC_CONN_BOUND, RPC_CONN_CLOSED };
struct rpc_conn {
    struct rpc_site *site;
    const char *peer, *local; /* owned by whoever embeds this */
    uint64_t id;
    uint8_t state;
    bool header_sign, multiplex, features, running, proven;
    bool proven_as;           /* there was a login: the connection is an account's */
    bool paused;              /* too much output waits; see rpc_conn_pause */
    bool stopping;
    uint16_t max_xmit, max_recv;
    uint32_t group;
    struct buf in;
    struct rpc_presentation *presentations; /* by number: a table of half as many as it has places, a power of two */
    unsigned presentation_count, presentation_room;
    struct rpc_security **securities;
    unsigned security_count, security_room;
    struct rpc_slot *slots;   /* in the order they came */
    unsigned slot_count;
    struct rpc_watch *watches;
    struct rpc_answer answer; /* while active nothing else is read */
    size_t held;              /* bytes of calls, contexts and unfinished input, as ops->hold was told */
    size_t in_held;           /* of those: input */
};

void rpc_conn_init(struct rpc_conn *c, struct rpc_site *site, const char *peer, const char *local);
void rpc_conn_input(struct rpc_conn *c, struct slice bytes);
/* The peer is gone (or the server stops): calls at work are told; ops->close. */
void rpc_conn_end(struct rpc_conn *c);
bool rpc_conn_busy(const struct rpc_conn *c); /* a call is at work: keep the object until ops->released */
void rpc_conn_free(struct rpc_conn *c);       /* not while busy */
/* Whether the owner has more output of it than it likes: nothing more is taken from the input until it has not. */
void rpc_conn_pause(struct rpc_conn *c, bool on);
/* Ends when nothing is at work, at once or then. */
void rpc_conn_stop(struct rpc_conn *c);
/* What it waits for now, and how long it may (0: as long as it likes). The owner ends it when that passed. */
enum rpc_wait rpc_conn_waits(const struct rpc_conn *c);
int64_t rpc_conn_patience(const struct rpc_conn *c, enum rpc_wait wait);

/* conn.c */
void rpc_conn_close(struct rpc_conn *c);
void rpc_conn_send(struct rpc_conn *c, struct buf *b); /* and frees b; a failed buffer closes */
void rpc_conn_go_on(struct rpc_conn *c);
/* n bytes more, or fewer. False: more than it may hold. */
bool rpc_conn_hold(struct rpc_conn *c, size_t n);
void rpc_conn_let_go(struct rpc_conn *c, size_t n);
void rpc_slot_drop(struct rpc_slot *s);
/* conn_bind.c */
/* The level that a trailer means, MS-RPCE 2.2.1.1.8: 0 is connect, call is taken for packet. */
uint8_t rpc_level_of(const struct rpc_auth *a);
void rpc_conn_bind(struct rpc_conn *c, const struct rpc_pdu *p);
/* bind_nak and the end. */
void rpc_conn_refuse(struct rpc_conn *c, uint32_t call_id, uint16_t reason);
void rpc_conn_auth3(struct rpc_conn *c, const struct rpc_pdu *p);
const struct rpc_interface *rpc_conn_interface(const struct rpc_conn *c, uint16_t context, bool *known);
/* conn_security.c */
struct rpc_security *rpc_security_find(const struct rpc_conn *c, uint32_t id);
struct rpc_security *rpc_security_add(struct rpc_conn *c, const struct rpc_auth *a);
void rpc_security_remove(struct rpc_conn *c, struct rpc_security *s);
/* trailer.c: cuts the verification trailer off the call's stub; false: it says that somebody changed the call. */
bool rpc_verify_trailer(struct rpc_slot *s);
/* conn_watch.c */
void rpc_watches_tell(struct rpc_conn *c);
/* conn_reply.c */
/* The call never got to its interface. */
void rpc_conn_fault(struct rpc_conn *c, uint32_t call_id, uint16_t context, uint32_t status);
/* The same, and the end of the connection. Windows leaves DID_NOT_EXECUTE out where a request was at fault. */
enum rpc_at_fault { RPC_AT_REQUEST, RPC_AT_BIND };
void rpc_conn_fault_end(struct rpc_conn *c, uint32_t call_id, uint16_t context, uint32_t status, enum rpc_at_fault at);

#endif
