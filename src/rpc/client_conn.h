/*
 * rpc/client_conn.h - one client association as a machine without I/O: bytes and the passing of time go in; bytes and the
 * wish to be asked again come out through `struct rpc_client_ops`. client.c brings a socket, tests and the fuzz target
 * their own.
 *
 * Reading order: client_conn.c (fragments in, responses, what becomes of requests), client_bind.c (presentation contexts,
 * the login), client_request.c (requests out).
 */
#ifndef RPC_CLIENT_CONN_H
#define RPC_CLIENT_CONN_H

#include "rpc/client.h"
#include "rpc/guard.h"

struct rpc_client_conn;
struct rpc_client_ops {
    void (*send)(struct rpc_client_conn *c, struct slice bytes); /* takes all */
    /* Something is to be told: rpc_client_conn_deliver at the next turn, not from within. */
    void (*later)(struct rpc_client_conn *c);
};

enum rpc_client_state {
    RPC_CLIENT_NEW,     /* nothing was sent */
    RPC_CLIENT_TOKEN,   /* the initiator is at work */
    RPC_CLIENT_BINDING, /* an answer to a leg of the login is awaited */
    RPC_CLIENT_READY,   /* requests are sent */
    RPC_CLIENT_ENDED,   /* of no more use; why says the reason */
};

enum rpc_offer { RPC_OFFER_WANTED, RPC_OFFER_SENT, RPC_OFFER_ACCEPTED, RPC_OFFER_REJECTED };
/* A presentation context; its number is its place in the table. */
struct rpc_client_context {
    struct rpc_syntax syntax;
    uint8_t offer;      /* enum rpc_offer */
    bool vouched;       /* a signed request said which interface it means */
};

struct rpc_requests {
    struct rpc_request *first;
};

struct rpc_client_conn {
    const struct rpc_client_ops *ops;
    struct rpc_initiator *initiator;
    struct rpc_guard guard;      /* level NONE: no security */
    uint8_t state;
    bool connected, paused, running;
    bool proven;                 /* our side of the login is complete */
    bool header_sign, multiplex, keep_on_orphan; /* agreed */
    bool closing;                /* the server wants no further calls */
    bool asked;                  /* ops->later was called, nothing delivered since */
    uint16_t max_send;
    uint32_t max_response;
    uint32_t last_call;          /* identifiers grow by one */
    uint32_t bind_call;          /* the bind or alter_context that waits for its answer; 0: none */
    uint32_t busy_call;          /* without multiplexing: what has to be answered before more is sent */
    struct rpc_client_context *contexts;
    unsigned context_count, context_room;
    unsigned offer;              /* the context of the latest bind or alter_context: one at a time, as Windows; Samba takes
                                    no more of different interfaces */
    bool features;               /* with it was asked for what is negotiated at bind time */
    struct rpc_requests waiting, pending, finished;
    struct buf in;
    struct error why;
};

/* The initiator is taken; NULL with level NONE. max_response 0: 4 MiB. */
void rpc_client_conn_init(struct rpc_client_conn *c, const struct rpc_client_ops *ops, enum rpc_level level,
                          enum rpc_auth_type type, struct rpc_initiator *initiator, uint32_t max_response);
/* Nobody is told any more. */
void rpc_client_conn_free(struct rpc_client_conn *c);
/* One more interface (version 0.0) that is bound to before a request asks for it; false: no room. */
bool rpc_client_conn_want(struct rpc_client_conn *c, const struct guid *interface);
/* Binds, as soon as there is something to bind. */
void rpc_client_conn_connected(struct rpc_client_conn *c);
void rpc_client_conn_input(struct rpc_client_conn *c, struct slice bytes);
/* The transport is gone, or time is over: what is in the error. The first one counts. */
void rpc_client_conn_fail(struct rpc_client_conn *c, const struct error *why);
void rpc_client_conn_pause(struct rpc_client_conn *c, bool on); /* too much output waits */
/* r->deadline is set; 0: none. */
void rpc_client_conn_request(struct rpc_client_conn *c, struct rpc_request *r);
void rpc_client_conn_forget(struct rpc_client_conn *c, struct rpc_request *r);
/* The earliest deadline, 0: none; and what happens to requests whose time is over. */
int64_t rpc_client_conn_due(const struct rpc_client_conn *c);
void rpc_client_conn_expire(struct rpc_client_conn *c, int64_t now);
/* Tells requests what became of them; when ENDED, all of them. */
void rpc_client_conn_deliver(struct rpc_client_conn *c);

/* ---- the rest is the machine's own ---- */

enum { RPC_CLIENT_CONTEXTS = 1024 };

/* client_conn.c */
cimf_status rpc_client_broken(struct rpc_client_conn *c, cimf_status status, uint32_t native, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void rpc_client_put(struct rpc_client_conn *c, struct buf *b); /* sends and frees b; a failed buffer ends it */
/* 0: there are no more, the association ends. */
uint32_t rpc_client_next_call(struct rpc_client_conn *c);
void rpc_client_append(struct rpc_requests *list, struct rpc_request *r);
bool rpc_client_remove(struct rpc_requests *list, struct rpc_request *r);
/* Taken off its list already; told later. */
void rpc_client_finish(struct rpc_client_conn *c, struct rpc_request *r, uint32_t fault);
/* client_bind.c */
/* The number of the interface's context, which is asked for when it is new; -1: no room. */
int rpc_client_context_of(struct rpc_client_conn *c, const struct guid *interface, uint16_t major, uint16_t minor);
void rpc_client_offer(struct rpc_client_conn *c); /* binds or alters when there is a reason and it may */
void rpc_client_on_answer(struct rpc_client_conn *c, const struct rpc_pdu *p); /* bind_ack, alter_context_response */
void rpc_client_on_refusal(struct rpc_client_conn *c, const struct rpc_pdu *p, uint32_t fault);
/* client_request.c */
void rpc_client_go_on(struct rpc_client_conn *c); /* offers and sends what may be */
void rpc_client_give_up(struct rpc_client_conn *c, const struct rpc_request *r); /* tells the server: sent, not wanted any more */

#endif
