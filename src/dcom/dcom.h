/*
 * dcom/dcom.h - DCOM's server role (MS-DCOM): an object exporter, the object resolver and activation, over rpc/rpc.h. No
 * sockets, no timers: calls come in as `struct rpc_call`, time and randomness may be given.
 *
 * A class is something that clients may activate by CLSID; it makes objects. An object has a type: the interfaces it
 * answers. An interface is a table of methods; each method's parameters are an NDR table, so that it runs with a decoded
 * record and answers with the same record filled in. Clients hold an object by IPIDs, one per interface they have
 * asked for, unguessable and good for one account only: the one that the object was made for.
 *
 * Threads. Any number of loops may call into one server; one mutex guards its tables and is never held while anything
 * of an object runs. An object belongs to one executor, its home: that of the first call that reached it. All its
 * methods, closed and free run there, one at a time, so objects need no locks; calls that come on other loops are
 * posted there and back. An object that nobody called yet has none and its closed and free run wherever it ends.
 *
 * Lifetime. Each marshalled reference counts some public references of an IPID (settings.initial_refs); clients release
 * them, or don't: most release one of five. So an object also ends when no ping set names it and no call reached it
 * for settings.idle_us, or, once it was in a ping set, for a ping period. closed then tells it so, once; free comes
 * when the last call is answered and the last dcom_object_unref is done.
 */
#ifndef DCOM_DCOM_H
#define DCOM_DCOM_H

#include "codec/ndr.h"
#include "rpc/rpc.h"

/* HRESULTs of the room (MS-ERREF 2.1). Those of management are in status.def. */
#define DCOM_OK 0u
#define DCOM_E_NOTIMPL 0x80004001u
#define DCOM_E_NOINTERFACE 0x80004002u
#define DCOM_E_UNEXPECTED 0x8000ffffu
#define DCOM_E_ACCESSDENIED 0x80070005u
#define DCOM_E_OUTOFMEMORY 0x8007000eu
#define DCOM_E_INVALIDARG 0x80070057u
#define DCOM_E_DISCONNECTED 0x80010108u     /* RPC_E_DISCONNECTED */
#define DCOM_E_VERSION_MISMATCH 0x80010110u /* RPC_E_VERSION_MISMATCH */
#define DCOM_E_INVALID_HEADER 0x80010111u   /* RPC_E_INVALID_HEADER */
#define DCOM_E_INVALID_OBJECT 0x80010114u   /* RPC_E_INVALID_OBJECT */
#define DCOM_E_INVALID_OBJREF 0x8001011du   /* RPC_E_INVALID_OBJREF */
#define DCOM_E_CLASSNOTREG 0x80040154u      /* REGDB_E_CLASSNOTREG */
#define DCOM_E_NOAGGREGATION 0x80040110u    /* CLASS_E_NOAGGREGATION */
#define DCOM_E_OBJNOTREG 0x800401fbu        /* CO_E_OBJNOTREG */
#define DCOM_E_RUNAS_LOGON_FAILURE 0x8000401au /* CO_E_RUNAS_LOGON_FAILURE */
#define DCOM_E_QUOTA 0x80070718u            /* ERROR_NOT_ENOUGH_QUOTA */
#define DCOM_E_UNREACHABLE 0x800706bau      /* RPC_S_SERVER_UNAVAILABLE */
#define DCOM_E_SERVER_STOPPING 0x80080008u  /* CO_E_SERVER_STOPPING */

struct dcom_server;
struct dcom_object;
struct dcom_call;
struct dcom_outbound;

/* ---- what an interface is ---- */

struct dcom_method {
    const char *name;
    const struct ndr_type *parameters; /* without the HRESULT; NULL: none */
    /* record: of parameters, zeroed, its inputs read; lives as long as the call. Answers now or later, on the object's
     * home, exactly once: dcom_reply or dcom_fault. NULL: the operation number is refused. */
    void (*run)(struct dcom_call *c, void *record);
};
struct dcom_interface {
    struct guid iid;
    const char *name;
    const struct dcom_method *methods; /* by operation number; 0 to 2 are IUnknown's and never called */
    unsigned count;
};
struct dcom_object_type {
    const char *name;
    const struct dcom_interface *const *interfaces; /* NULL-terminated; IUnknown is implied */
    /* No client can reach it any more: stop what runs for it. No method is called afterwards. May be NULL. */
    void (*closed)(void *self);
    void (*free)(void *self);                       /* may be NULL */
    uint32_t foreign; /* what callers of another account are told; 0: access denied, as a fault of RPC */
    bool lasting;     /* lives while the connection stands over which it was called or given out last, as if it were pinged */
};
struct dcom_class {
    struct guid clsid;
    const char *name;
    /* Makes an object for the caller, on the caller's loop: DCOM_OK and one reference, or an HRESULT. */
    uint32_t (*create)(const struct dcom_class *class, struct dcom_server *s, const struct principal *p,
                       struct dcom_object **out);
    void *arg;
};
extern const struct dcom_interface dcom_unknown;

/* ---- calls ---- */

struct dcom_call {
    struct dcom_server *server;
    struct dcom_object *object;
    void *self;                        /* of the object */
    const struct dcom_interface *interface;
    const struct dcom_method *method;
    uint16_t opnum;
    const struct principal *principal;
    enum rpc_level level;
    uint32_t flags;                    /* MECH_IDENTIFY: may be known, not acted for */
    const char *peer, *local;
    uint64_t connection;
    struct guid causality;
    struct arena *arena;               /* of the call */
    struct exec *home;                 /* the object's: where to answer */
    /* The method's own. */
    void *user;
    /* The client is gone or cancelled: a hint to stop, at most once, on the object's home. The answer is still owed. */
    void (*on_abort)(struct dcom_call *c);
};
/* Out parameters of record, then the HRESULT. The call is gone afterwards. On the object's home. */
void dcom_reply(struct dcom_call *c, const void *record, uint32_t hresult);
void dcom_fault(struct dcom_call *c, uint32_t status);

/* ---- objects ---- */

/* For one account; one reference for the caller. NULL when out of memory or over a limit: self is then still the
 * caller's. */
struct dcom_object *dcom_object_new(struct dcom_server *s, const struct dcom_object_type *type, void *self,
                                    const struct principal *owner);
/* Its home from now on, before anybody can reach it: for objects that belong to one that is at home there. */
void dcom_object_settle(struct dcom_object *o, struct exec *home);
struct dcom_object *dcom_object_ref(struct dcom_object *o);
/* The last reference of an object that was never given to a client ends it. */
void dcom_object_unref(struct dcom_object *o);
/* The OBJREF of an interface of the object, in the call's arena, for an INTERFACE parameter of a reply: counts
 * references of the client. DCOM_E_NOINTERFACE, DCOM_E_OUTOFMEMORY. */
uint32_t dcom_marshal(struct dcom_call *c, struct dcom_object *o, const struct guid *iid, struct slice *out);

/* ---- the server ---- */

struct dcom_settings {                 /* zeros: defaults. Strings are kept, not copied. */
    const struct dcom_class *classes;
    unsigned class_count;
    /* Every interface that an object may have: RPC binds by them. NULL-terminated. */
    const struct dcom_interface *const *interfaces;
    /* Bindings that clients are given, behind the local address that they connected to. All may be NULL; the lists are
     * NULL-terminated. names: further ones, as under NAT. */
    const char *short_name, *full_name;
    const char *const *addresses, *const *names;
    const char *service_principal;     /* of the Kerberos security binding */
    bool no_kerberos, no_ntlm;         /* which security bindings there are */
    enum rpc_level authn_hint;         /* that clients are given; INTEGRITY, or floor when that is higher */
    enum rpc_level activation_floor;   /* INTEGRITY */
    enum rpc_level floor;              /* of calls to objects and IRemUnknown; INTEGRITY. RPC's own floor holds beside it */
    bool accept_local_flag;            /* ORPCTHIS.flags 1 on calls to objects, as old clients send it */
    uint32_t initial_refs;             /* 5 */
    int64_t idle_us;                   /* 6 minutes */
    int64_t ping_period_us;            /* 2 minutes; a set lives for three */
    uint32_t max_objects, max_objects_user; /* 100,000 and 10,000 */
    size_t max_call_bytes; /* of calls to clients that wait for an answer; half for one account (base/share.h). 64 MiB */
    uint32_t max_sets, max_sets_user;  /* 10,000 and 256 */
    struct dcom_outbound *outbound;    /* how it calls back (proxy.h); NULL: it does not */
    int64_t (*now)(void *arg);         /* clock_mono_us */
    void (*random)(void *arg, void *p, size_t n);
    void *arg;
};
cimf_status dcom_server_new(const struct dcom_settings *settings, struct dcom_server **out, struct error *e);
/* Ends all objects, on the calling thread: no call may be at work, no loop run any more. */
void dcom_server_free(struct dcom_server *s);
/* The port that the exporter listens on; before the first call. */
void dcom_server_listens(struct dcom_server *s, uint16_t port);
/* The same for each of several listeners, with the address it is bound to: "0.0.0.0:49152", "[::1]:49153". Clients are
 * told the port of the one that serves the address they came to. */
void dcom_server_listens_at(struct dcom_server *s, const char *bound);
/* From now on activation answers CO_E_SERVER_STOPPING. Any thread. */
void dcom_server_stop(struct dcom_server *s);
/* No more calls to clients: those that wait end, connections close. While the loops still run; any thread. */
void dcom_server_hang_up(struct dcom_server *s);
/* Ends ping sets and objects whose time is over, pings those of clients: every ten seconds or so, any thread. */
void dcom_server_tick(struct dcom_server *s);
enum { DCOM_RESOLVER = 1 /* port 135 */, DCOM_EXPORTER = 2 };
/* What RPC offers on these ports, for rpc_site.interfaces; NULL-terminated, belongs to the server. */
const struct rpc_interface *const *dcom_server_interfaces(struct dcom_server *s, unsigned roles);
struct dcom_counts {
    unsigned objects, ipids, sets;
};
void dcom_server_count(struct dcom_server *s, struct dcom_counts *out);

#endif
