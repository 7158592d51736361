/*
 * dcom/proxy.h - DCOM's client role (MS-DCOM 3.2) inside the daemon: calls to objects that callers handed in, such as
 * their IWbemObjectSinks.
 *
 * Where a call may go is decided here once, for all: only to the machine from which the caller that handed the object in
 * is connected (its address, not the addresses that its OBJREF claims), and only with the daemon's own credentials. An
 * OBJREF's bindings say which of the caller's ports, no more.
 *
 * A proxy is a reference to one interface of one such object: it holds the public references of the OBJREF it was made
 * from, pings the object while it lives, and releases them when it ends. Connections are shared by the proxies of one
 * caller and exporter.
 *
 * Threads. A proxy belongs to the executor where it was made (the home of the call's object); everything below is
 * called there, done comes there.
 */
#ifndef DCOM_PROXY_H
#define DCOM_PROXY_H

#include "dcom/dcom.h"

struct dcom_proxy;

/* Nothing is sent yet. HRESULT: DCOM_E_INVALID_OBJREF when objref is none or one of ours, or its interface is another;
 * DCOM_E_ACCESSDENIED when the server may not call out; DCOM_E_OUTOFMEMORY. */
uint32_t dcom_proxy_new(struct dcom_call *c, struct slice objref, const struct guid *iid, struct dcom_proxy **out);
struct dcom_proxy *dcom_proxy_ref(struct dcom_proxy *p);
/* The last one releases the client's object, when a call ever reached it. Pending calls are not told any more. NULL is fine. */
void dcom_proxy_unref(struct dcom_proxy *p);
/* Of the same object (OXID and OID), handed in by the same account: how a sink is found again (MS-WMI 3.1.4.3.2). Any
 * thread: it looks only at what never changes. */
bool dcom_proxy_same(const struct dcom_proxy *a, const struct dcom_proxy *b);

struct dcom_proxy_call {           /* the owner's, until done */
    const struct dcom_method *method; /* parameters and name; run is not looked at */
    uint16_t opnum;
    struct guid causality;         /* of the call that this one belongs to; zero: a new one */
    const void *record;            /* of method->parameters: its inputs are written before dcom_proxy_call returns */
    int64_t timeout_us;            /* 0: 30 s, what MS-WMI 3.1.2 gives a sink */
    /* hresult: the method's own, with its outputs read into out when there is one; or why there is none: a fault as
     * HRESULT_FROM_WIN32, RPC_E_DISCONNECTED, ... : failed says which of the two. */
    void (*done)(struct dcom_proxy_call *c, bool failed, uint32_t hresult);
    void *out;                     /* record for the outputs, zeroed; NULL: not wanted */
    struct arena *arena;           /* for what out points at */
    void *arg;
    void *room;                    /* the room's own, as what follows */
    struct dcom_proxy *proxy;
};
/* Several may be pending; they are sent in order. done never comes from within. */
void dcom_proxy_call(struct dcom_proxy *p, struct dcom_proxy_call *call);
/* Pending calls end as if their time were over: done comes. */
void dcom_proxy_cancel(struct dcom_proxy *p);

/* What the daemon gives the server so that it can call out (dcom_settings.outbound; NULL: it can't). */
struct rpc_initiator;
struct dcom_outbound {
    /* A socket, connecting, to a port of the machine that the connection with this number comes from. done on home with
     * the descriptor, or minus the errno that says why there is none. peer: address text of that machine, only for messages. */
    void (*connect)(struct dcom_outbound *o, uint64_t connection, const char *peer, uint16_t port, struct exec *home,
                    void (*done)(void *arg, int fd), void *arg);
    /* Tokens of the daemon's own credentials for a service ("RPCSS/192.0.2.9"); NULL: there are none (level NONE may then
     * be tried if anonymous). type: RPC_AUTH_SPNEGO, ... of its tokens. */
    struct rpc_initiator *(*initiate)(struct dcom_outbound *o, struct slice target, struct exec *home, enum rpc_auth_type *type);
    bool credentials;              /* initiate has some */
    enum rpc_level level;          /* wanted; PRIVACY */
    bool anonymous;                /* without security where that fails (AllowAnonymousCallback) */
    struct loop *(*loop)(struct dcom_outbound *o, struct exec *home); /* the loop behind an executor */
};

#endif
