/*
 * dcom/proxy_priv.h - the parts of the client role: proxies and their calls (proxy.c), how the exporter of a client is
 * found and reached (proxy_link.c), what keeps its objects alive (proxy_ping.c).
 *
 * A link stands for one exporter (OXID) at one address, for one account, on one loop: its tables are those of MS-DCOM
 * 3.2.1, cut to size. Everything of a link but its place in the server's table is touched on its home only.
 */
#ifndef DCOM_PROXY_PRIV_H
#define DCOM_PROXY_PRIV_H

#include "dcom/proxy.h"
#include "dcom/records.h"
#include "rpc/client.h"

enum {
    PROXY_PROXIES_USER = 1000, PROXY_LINKS_USER = 64, PROXY_LINKS = 1024,
    PROXY_CALLS_LINK = 1024,        /* that wait for an answer */
    PROXY_STUB = 4 << 20,           /* what a peer has to take (MS-RPCE 3.3.3.5.4) */
    PROXY_RESOLVER_PORT = 135,
    PROXY_USER_PORTS = 1024,        /* exporters listen there or above */
};
#define PROXY_CALL_US (30 * (int64_t)1000000)
#define PROXY_LEG_US (10 * (int64_t)1000000)  /* for each question on the way to the exporter: three make up a call's time */
#define PROXY_IDLE_US (60 * (int64_t)1000000) /* a link without proxies waits so long for the next */
#define DCOM_WIN32(code) (0x80070000u | (code)) /* HRESULT_FROM_WIN32 */
#define DCOM_E_CALL_FAILED DCOM_WIN32(0x6be)    /* RPC_S_CALL_FAILED */
#define DCOM_E_TIMED_OUT DCOM_WIN32(0x71a)      /* RPC_S_CALL_CANCELLED */
#define DCOM_E_BAD_STUB DCOM_WIN32(0x6f7)

struct dcom_link;

/* A socket on its way: outlives the leg that wanted it. */
struct dcom_dial {
    struct dcom_link *link; /* counted */
    struct dcom_leg *leg;   /* NULL: nobody waits for it any more */
};
/* One connection to the client's machine. The two to its resolver carry one question of ours. */
struct dcom_leg {
    struct dcom_link *link;
    struct rpc_client *client;
    struct dcom_dial *dial;
    bool secure;
    const char *service;    /* "RPCSS": of the target name */
    uint16_t port;          /* where to */
    struct rpc_request request;
    bool asked;
    struct buf stub;
    void (*opened)(struct dcom_leg *leg, bool ok);
    void (*answered)(struct dcom_leg *leg, uint32_t fault, struct slice stub, bool big_endian);
};

enum dcom_link_state {
    LINK_DOWN,     /* the next call begins */
    LINK_ALIVE,    /* the resolver is asked, without security, whether it lives */
    LINK_RESOLVE,  /* and where the exporter is */
    LINK_EXPORTER, /* waits for a socket to it */
    LINK_UP,       /* calls are sent */
};

struct dcom_link {
    int refs;                      /* atomic: the table's, proxies', what is on its way */
    struct dcom_server *server;
    struct exec *home;
    const struct principal *owner;
    struct dcom_user *user;        /* counts under the server's mutex */
    char peer[64];
    uint64_t oxid;
    char key[256];
    bool listed;                   /* under the server's mutex */
    int ticked;                    /* atomic: a tick is on its way */
    struct dcom_link *next;        /* while the server collects them */

    uint64_t connection;           /* the newest that an object came in on */
    uint16_t resolver_port, port;
    uint32_t hint;                 /* the exporter's least level */
    enum dcom_link_state state;
    bool plain;                    /* without security: the only way, or the other did not work */
    bool old;                      /* knows ResolveOxid only */
    bool closed;
    struct dcom_version version;
    struct guid unknown;           /* IPID of its IRemUnknown */
    struct dcom_leg resolver, exporter, pinger;
    struct dcom_proxy *proxies;
    struct dcom_pending *calls;    /* in the order of their coming */
    struct dcom_proxy_call *starved; /* for which there was no memory; by their room */
    unsigned call_count;
    int64_t idle;                  /* since when it has no proxies */
    bool answered;                 /* a call, since it is up; or the log says why not */
    char why[200];                 /* the newest failure on the way, for the log; where; and what to try, "" if nothing is known */
    uint16_t port_asked;
    const char *advice;

    uint64_t set;                  /* SETID; 0: none yet */
    uint16_t sequence;
    int64_t pinged;
    uint64_t *gone;                /* OIDs that are in the set and have no proxy any more */
    unsigned gone_count, gone_told; /* told: in the ping that is on its way */
};

struct dcom_proxy {
    int refs;                      /* atomic */
    struct dcom_link *link;
    struct guid iid;
    struct dcom_std std;
    bool reached;                  /* a call was answered */
    bool asked_refs;
    bool in_set, in_ping;          /* pinged; to be, in the ping that is on its way */
    struct dcom_proxy *next;
};

/* A request to the exporter: a call of a proxy, or one of ours to IRemUnknown. */
struct dcom_pending {
    struct rpc_request request;    /* first */
    struct dcom_pending *next;
    struct dcom_link *link;
    struct dcom_proxy *proxy;      /* NULL: ours */
    struct dcom_proxy_call *call;
    struct buf stub;
    int64_t deadline;
    size_t counted;                /* bytes of the account's */
    bool sent, over;               /* over: hresult is why, its owner will be told */
    uint32_t hresult;
};

/* ---- proxy.c ---- */
/* The way to the exporter is there: what waits is sent, in its order. */
void dcom_link_send_calls(struct dcom_link *l);
/* All that wait end so. Later: told by a task of the home's, not from here. */
void dcom_link_end_calls(struct dcom_link *l, uint32_t hresult, bool later);
uint32_t dcom_fault_hresult(uint32_t fault);

/* ---- proxy_why.c ---- */
/* Why there is no socket; what a request ended with, within its done. */
void dcom_link_note_socket(struct dcom_leg *leg, int number);
void dcom_link_note_fault(struct dcom_leg *leg, uint32_t fault);
/* The log gets what was noted. */
void dcom_link_tell(struct dcom_link *l, uint32_t hresult);

/* ---- proxy_link.c ---- */
/* The link for an object of this call's caller: one reference, counted as a proxy of his; or an HRESULT. */
uint32_t dcom_link_get(struct dcom_call *c, uint64_t oxid, uint16_t resolver_port, struct dcom_link **out);
struct dcom_link *dcom_link_ref(struct dcom_link *l);
void dcom_link_unref(struct dcom_link *l);
/* A proxy has gone. */
void dcom_link_put(struct dcom_link *l);
/* Begins to look for the exporter. */
void dcom_link_start(struct dcom_link *l);
/* opened comes once: later, or at once when there is no memory. */
void dcom_leg_open(struct dcom_leg *leg, uint16_t port);
void dcom_leg_close(struct dcom_leg *leg);
/* A question to the resolver: answered comes later, unless the leg is closed first. */
void dcom_leg_ask(struct dcom_leg *leg, uint16_t opnum, const struct ndr_type *t, const void *record);
bool dcom_leg_read(struct arena *a, struct slice stub, bool big_endian, const struct ndr_type *t, void *record);

/* ---- proxy_ping.c ---- */
void dcom_link_ping(struct dcom_link *l, int64_t now);
/* A proxy of its objects is about to go. */
void dcom_link_left(struct dcom_link *l, struct dcom_proxy *p);

#endif
