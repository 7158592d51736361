/* wsman/server_priv.h - the server's own structures; read server.c, then call.c, then context.c. */
#ifndef WSMAN_SERVER_PRIV_H
#define WSMAN_SERVER_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "soap/fault.h"
#include "wsman/classxml.h"
#include "wsman/codec.h"
#include "wsman/rows.h"
#include "wsman/server.h"

/* --- server ----------------------------------------------------------------------------------- */

struct wsman_user {
    struct slice key;      /* domain\name */
    uint32_t operations;   /* requests in work and open enumerations; under server.lock */
};

struct wsman_server {
    atomic_int refs;
    struct wsman_server_config config;
    struct arena arena;    /* of the copied configuration */
    struct wsman_authorize *authorize;
    pthread_mutex_t lock;
    struct map users;      /* key -> struct wsman_user, kept for good: as many as there are accounts */
    struct map contexts;   /* id -> struct wsman_context */
    struct wsman_context *oldest, *newest; /* by the time of the last pull */
    uint32_t operations;
    bool stopped;
    atomic_uint_fast64_t requests, faults;
};

/* One of the numbers of the configuration that wsman_server_set_limits changes. */
#define WSMAN_LIMIT(s, name) __atomic_load_n(&(s)->config.name, __ATOMIC_RELAXED)

void wsman_server_ref(struct wsman_server *s);
void wsman_server_unref(struct wsman_server *s);
static inline int64_t wsman_now(const struct wsman_server *s) { return s->config.now_us(); }
/* Counts one operation of p, or WSMAN_QUOTA / WSMAN_CONNECTIONS_QUOTA. */
cimf_status wsman_user_enter(struct wsman_server *s, const struct principal *p, struct wsman_user **user);
void wsman_user_leave(struct wsman_server *s, struct wsman_user *user);

/* --- routing ---------------------------------------------------------------------------------- */

enum wsman_verb { WSMAN_GET, WSMAN_PUT, WSMAN_CREATE, WSMAN_DELETE, WSMAN_INVOKE, WSMAN_ENUMERATE, WSMAN_PULL,
                  WSMAN_RELEASE, WSMAN_VERB_COUNT, WSMAN_UNSUPPORTED, WSMAN_UNKNOWN };

struct wsman_call;
/* What serves a family of resource URIs (MS-WSMV 3.1.4.1.34). */
struct wsman_plugin {
    const char *name;
    struct slice prefix;
    bool exact;
    unsigned capabilities;  /* 1 << enum wsman_verb */
    bool filtering;
    void (*handler)(struct wsman_call *c);
};
/* An exact match wins, else the longest prefix; NULL if none. Compares without case. */
const struct wsman_plugin *wsman_route(const struct wsman_plugin *table, size_t count, struct slice uri);
extern const struct wsman_plugin wsman_plugins[];
extern const size_t wsman_plugin_count;

enum wsman_verb wsman_action_verb(struct slice action);

/* --- one message ------------------------------------------------------------------------------ */

struct wsman_call {
    struct wsman_server *server;
    struct wsman_request *request;  /* NULL once replied to */
    const struct principal *principal; /* own reference; NULL for anonymous Identify */
    struct slice peer;              /* in the arena */
    bool encrypted;
    struct wsman_user *user;
    struct exec *home;
    int refs;                       /* home thread only: the request, a running op, frames that look later */
    struct arena arena;
    enum xml_charset charset;
    struct soap_envelope envelope;
    struct wsman_header header;
    struct wsman_uri uri;
    const struct wsman_plugin *plugin;
    enum wsman_verb verb;
    struct slice ns;                /* of the target, normalised */
    struct cim_schema *schema;      /* own reference or NULL */
    const struct cim_class *cls;    /* of schema, or NULL */
    struct wsman_codec codec;
    size_t max_envelope;            /* of the reply, in bytes of UTF-8 */
    int64_t deadline_us;
    bool changed;                   /* something was written: a reply too large is UnreportableSuccess */
    bool fetching;                  /* Put: reads back what it wrote, or looks at what is there */
    const struct cim_class *put_class; /* Put: what the instance is, once looked at */
    struct slice method;
    struct buf out;                 /* the reply, or its head and tail around items */
    size_t body_mark;               /* out.n where the body begins */

    struct cim_op op;
    struct cim_op fetch;            /* of Put, when fetching */
    bool op_active;

    /* Enumerate and Pull. */
    struct wsman_context *context;
    struct buf items;
    uint32_t item_count, max_items;
    size_t item_room;               /* bytes that items may take */
    bool optimized;
};

void wsman_call_ref(struct wsman_call *c);
void wsman_call_unref(struct wsman_call *c);
static inline bool wsman_call_replied(const struct wsman_call *c) { return !c->request; }

/* Begins a reply of the request's action (or of action) + "Response"; namespaces as in soap_head. */
void wsman_reply_begin(struct wsman_call *c, struct slice action, unsigned namespaces);
/* Closes and sends it, or the fault of a reply that is too large. */
void wsman_reply_end(struct wsman_call *c);
/* Sends out[0..split], items, out[split..] without looking at the size. */
void wsman_reply_send(struct wsman_call *c, size_t split);
void wsman_reply_fault(struct wsman_call *c, cimf_status status, const struct error *e);
/* The same for failures of the object manager: adds ProviderFault and __ExtendedStatus. */
void wsman_reply_op_fault(struct wsman_call *c, const struct cim_op *op, cimf_status status);

/* Prepares op for the target, principal, options, deadline. */
void wsman_op_prepare(struct wsman_call *c, struct cim_op *op, enum cim_verb verb, struct arena *arena,
                      const struct cim_sink *sink, void *owner);
/* Adds the context values that the options name, in the arena. WSMAN_OPTION_VALUE. */
cimf_status wsman_op_context(const struct wsman_call *c, struct cim_op *op, struct arena *a, struct error *e);
/* Submits c->op (or c->fetch); the operation holds a reference to the call until done. */
void wsman_call_submit(struct wsman_call *c);

/* Namespace and class of the target: fills ns, schema, cls, codec. false: replied (or a lookup that ends
 * in a fault is under way). need_class: a class that does not exist is a fault. */
bool wsman_call_target(struct wsman_call *c, bool need_class);

/* Handlers of wsman_plugins. */
void wsman_handle_cim(struct wsman_call *c);
void wsman_handle_classes(struct wsman_call *c);
void wsman_handle_refused(struct wsman_call *c);
void wsman_handle_config(struct wsman_call *c);
void wsman_handle_rows(struct wsman_call *c);
void wsman_handle_enumerate(struct wsman_call *c);
void wsman_handle_pull(struct wsman_call *c);
void wsman_handle_release(struct wsman_call *c);
void wsman_identify(struct wsman_call *c);

/* Metadata options of the request (C24). */
unsigned wsman_class_flags(const struct wsman_call *c);

/* --- enumerations ----------------------------------------------------------------------------- */

enum wsman_items { WSMAN_ITEMS_OBJECT, WSMAN_ITEMS_EPR, WSMAN_ITEMS_BOTH, WSMAN_ITEMS_CLASS, WSMAN_ITEMS_CLASS_EPR };

/* One property of a Selector filter. */
struct wsman_match {
    struct slice name;
    unsigned type;
    union cim_data value;
};

enum wsman_phase {
    WSMAN_RUNNING, /* the manager works; it will call the sink on op.home */
    WSMAN_PAUSED,  /* the manager waits for cim_resume */
    WSMAN_ENDED,   /* done was called; status says how */
};

struct wsman_context {
    atomic_int refs;
    struct wsman_server *server;
    char id[37];                   /* upper-case GUID */
    struct wsman_context *older, *newer; /* server's list; under server.lock */
    bool listed;
    int64_t touched_us;
    const struct principal *principal;
    struct wsman_user *user;       /* counted */
    struct slice uri;              /* what Enumerate named */
    struct cim_schema *schema;
    struct wsman_form form;
    struct slice ns;
    enum wsman_items items;
    bool extensions, precise;
    unsigned class_flags;
    const struct wsman_match *matches;
    uint32_t match_count;
    struct arena arena;            /* of the operation */
    struct cim_op op;
    struct cim_manager *manager;   /* the server's; a row_source in the arena when rows are enumerated */
    bool rows;                     /* of `table` */
    enum wsman_table table;

    pthread_mutex_t lock;          /* of what follows */
    enum wsman_phase phase;
    cimf_status status;            /* when ENDED */
    bool dead;                     /* released or expired */
    bool driving;                  /* the home thread is inside context_drive: it settles afterwards */
    bool unsettled;                /* the sink stopped the manager; nobody has looked yet */
    cimf_status stopped;           /* why: OK (full), or the fault of an item that does not fit */
    struct wsman_call *pull;       /* waits for items */
    bool satisfied;                /* the pull has what it gets; its reply is next */
};

struct wsman_context *wsman_context_new(struct wsman_call *c);
void wsman_context_ref(struct wsman_context *x);
void wsman_context_unref(struct wsman_context *x);
/* Lists it under its id and starts the operation for the Enumerate call; replies when that fails. */
void wsman_context_start(struct wsman_context *x, struct wsman_call *c);
/* The caller's own context of that id, referenced; or NULL. */
struct wsman_context *wsman_context_find(struct wsman_server *s, struct slice id, const struct principal *p);
/* Makes c the pull that is served; WSMAN_PULL_IN_PROGRESS, WSMAN_INVALID_ENUMERATION_CONTEXT. */
cimf_status wsman_context_pull(struct wsman_context *x, struct wsman_call *c);
/* The pull gives up waiting. true: it was attached and is the caller's to reply to. */
bool wsman_context_detach(struct wsman_context *x, struct wsman_call *c);
/* One that timed out, referenced; else NULL and the microseconds until the next does (-1: there is none). */
struct wsman_context *wsman_context_due(struct wsman_server *s, int64_t *left);
/* Takes it out of the table and cancels its operation. */
void wsman_context_end(struct wsman_context *x);

/* Appends one item to c->items. false: did not work (out of memory, or it has no path). */
bool wsman_item_write(struct wsman_call *c, const struct wsman_context *x, const struct cim_object *o);
bool wsman_item_matches(const struct wsman_context *x, const struct cim_object *o);
/* Replies to Enumerate or Pull with the items so far. last: the enumeration has ended. */
void wsman_items_reply(struct wsman_call *c, struct wsman_context *x, bool last);

#endif
