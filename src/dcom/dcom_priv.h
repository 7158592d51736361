/* dcom/dcom_priv.h - the tables of a server, and what its files offer each other. */
#ifndef DCOM_DCOM_PRIV_H
#define DCOM_DCOM_PRIV_H

#include <pthread.h>

#include "auth/principal.h"
#include "base/limits.h"
#include "base/map.h"
#include "dcom/dcom.h"
#include "dcom/objref.h"

/* COM versions (MS-DCOM 1.7). */
enum { DCOM_MAJOR = 5, DCOM_MINOR = 7 };
enum { DCOM_LISTENERS = 16, DCOM_TOLD = 64 };
enum { DCOM_INTERFACES = 64 /* of one kind of port */, DCOM_PROTSEQS = 0x8000, DCOM_IIDS = 0x8000 };
/* Status words of the resolver (MS-ERREF 2.2). */
enum { DCOM_INVALID_OXID = 0x776, DCOM_INVALID_OID = 0x777, DCOM_INVALID_SET = 0x778, DCOM_NO_MEMORY = 14 };

struct dcom_user {         /* how much an account holds */
    char sid[96];
    unsigned objects, sets;
    unsigned proxies, links; /* of the client role */
    int64_t said;            /* when the log was told that those are too many */
    size_t call_bytes;       /* of its calls to clients that wait for an answer */
};

struct dcom_ipid {
    struct guid id;
    struct dcom_object *object;
    const struct dcom_interface *interface;
    uint64_t public_refs, private_refs;
    struct dcom_ipid *next; /* of the same object */
};

struct dcom_object {
    int refs;               /* atomic; of those: one of the tables while listed, one per call */
    struct dcom_server *server;
    const struct dcom_object_type *type;
    void *self;
    const struct principal *owner;
    struct dcom_user *user;
    struct exec *home;      /* set by the first call; NULL: none yet */
    bool closed;            /* the type was told so; at home. No call runs after that */
    /* Under the server's mutex. */
    uint64_t oid;
    struct dcom_ipid *ipids;
    int64_t used;           /* last call or reference */
    unsigned running, sets; /* calls at work; ping sets that name it */
    struct dcom_line *line; /* the connection that used it last; NULL: none that counts */
    bool ended;             /* clients have let it go: it is not given out again */
    bool listed, pinged;    /* pinged: was in a ping set once */
    struct dcom_object *next;     /* while it is on its way out */
};

struct dcom_set {
    uint64_t id;
    const struct principal *owner;
    struct dcom_user *user;
    uint16_t sequence;
    int64_t pinged;
    uint64_t *oids;         /* sorted */
    size_t count, room;
    struct dcom_set *next;  /* while it is on its way out */
};

/* Bindings as they were told to a client: every reference that is marshalled has them, and a host has few addresses.
 * Nothing changes in one, nor leaves the list, before the server ends: it is read without a lock. */
struct dcom_told {
    struct dcom_told *next;
    char local[64];
    unsigned listeners; /* that there were */
    uint16_t port;
    bool ports;
    struct dcom_dual dual;
    uint16_t words[];
};

struct dcom_server {
    struct dcom_settings settings;
    pthread_mutex_t mutex;
    struct map users, oids, ipids, sets, links, lines;
    uint64_t oxid;
    struct guid unknown;    /* IPID of IRemUnknown */
    uint64_t next_set;
    uint16_t port;             /* of the first listener */
    struct dcom_listener {
        char address[64];      /* "0.0.0.0", "::": any of the kind */
        uint16_t port;
    } listeners[DCOM_LISTENERS];
    unsigned listener_count;
    struct dcom_told *told; /* atomic; the newest first */
    unsigned told_count;    /* locked */
    bool stopping, hung_up; /* atomic */
    size_t call_bytes;      /* of all calls to clients */
    unsigned objects;       /* also those that no client has yet */
    struct rpc_interface native[3], *orpc;
    const struct rpc_interface **lists[4];
};

static inline void dcom_lock(struct dcom_server *s) { pthread_mutex_lock(&s->mutex); }
static inline void dcom_unlock(struct dcom_server *s) { pthread_mutex_unlock(&s->mutex); }
int64_t dcom_now(const struct dcom_server *s);
void dcom_random(const struct dcom_server *s, void *p, size_t n);
uint64_t dcom_random_id(const struct dcom_server *s);
struct dcom_user *dcom_user_get(struct dcom_server *s, const struct principal *p); /* locked */
void dcom_user_put(struct dcom_server *s, struct dcom_user *u);                   /* locked; forgets an empty one */

/* ---- object.c; all locked but where said ---- */

/* References of an interface for the object's owner: STDOBJREF filled in. */
uint32_t dcom_export(struct dcom_object *o, const struct guid *iid, uint32_t refs, struct dcom_std *out);
struct dcom_ipid *dcom_ipid_find(struct dcom_server *s, const struct guid *id);
struct dcom_object *dcom_oid_find(struct dcom_server *s, uint64_t oid);
void dcom_ipid_drop(struct dcom_ipid *i, struct dcom_object **dead);
/* Out of the tables, onto the list. */
void dcom_object_unlist(struct dcom_object *o, struct dcom_object **dead);
/* Not locked: tells them. */
void dcom_objects_end(struct dcom_object *dead);
/* Not locked: the same as an OBJREF. resolver: the caller's bindings, made once for many. */
uint32_t dcom_marshal_for(struct dcom_object *o, const struct guid *iid, struct arena *a, const struct dcom_dual *resolver,
                          struct slice *out);

/* ---- ping.c; locked ---- */
uint32_t dcom_ping(struct dcom_server *s, const struct principal *p, uint64_t set);
struct dcom_ping_change {
    uint64_t set;
    uint16_t sequence;
    const uint64_t *add, *del;
    unsigned add_count, del_count;
};
uint32_t dcom_ping_change(struct dcom_server *s, const struct principal *p, struct dcom_ping_change *c);
void dcom_sets_expire(struct dcom_server *s, int64_t now);
void dcom_set_end(struct dcom_server *s, struct dcom_set *set);

/* ---- line.c; locked but where said ---- */
void dcom_line_watch(struct dcom_server *s, struct rpc_call *c); /* the call's connection is one */
void dcom_line_hold(struct dcom_object *o, uint64_t connection);
void dcom_line_leave(struct dcom_object *o);
bool dcom_line_holds(const struct dcom_object *o);
int64_t dcom_line_used(const struct dcom_object *o); /* when it was used last, its connection's life counted */
void dcom_lines_free(struct dcom_server *s);         /* not locked; no objects any more */

/* ---- bindings.c ---- */
/* For a client that connected to `local` ("address:port"); with the exporter's port, or without any for the resolver. */
/* They live as long as the server or the arena, whichever ends first; not to be written to. Not locked. */
cimf_status dcom_bindings_make(struct dcom_server *s, struct arena *a, const char *local, bool ports, struct dcom_dual *out);
void dcom_bindings_free(struct dcom_server *s); /* not locked; nobody calls any more */

/* ---- orpc.c: ORPCTHIS and ORPCTHAT (MS-DCOM 2.2.13) ---- */
struct dcom_version {
    uint16_t major, minor;
};
extern const struct ndr_type dcom_version_type;
extern const struct dcom_version dcom_version;
struct dcom_this {
    struct dcom_version version;
    uint32_t flags, reserved;
    struct guid causality;
    struct dcom_extensions *extensions;
};
/* 0, or the status of a fault: a broken header, another version, flags that are not allowed. */
uint32_t dcom_this_read(struct ndr_reader *r, bool local_allowed, struct dcom_this *out);
bool dcom_that_write(struct ndr_writer *w);
/* The same of calls that go out. */
bool dcom_this_write(struct ndr_writer *w, struct dcom_version version, const struct guid *causality);
cimf_status dcom_that_read(struct ndr_reader *r, struct error *e); /* extensions are passed over */
/* Answers a call of the daemon's own objects: ORPCTHAT, then the out parameters of the record. */
void dcom_reply_record(struct rpc_call *c, const struct ndr_type *t, const void *record);

/* ---- proxy_link.c ---- */
void dcom_links_tick(struct dcom_server *s);
void dcom_links_free(struct dcom_server *s);

/* ---- handlers of RPC calls ---- */
void dcom_resolver_call(struct rpc_call *c);
void dcom_activation_call(struct rpc_call *c); /* IActivation */
void dcom_activator_call(struct rpc_call *c);  /* IRemoteSCMActivator */
void dcom_exporter_call(struct rpc_call *c);   /* every ORPC interface */
void dcom_remote_unknown(struct dcom_server *s, struct rpc_call *c, struct ndr_reader *r);
extern const struct dcom_interface dcom_iremunknown, dcom_iremunknown2, dcom_iclassfactory;
uint32_t dcom_factory_new(const struct dcom_class *class, struct dcom_server *s, const struct principal *p,
                          struct dcom_object **out);

#endif
