/* wsman/client_priv.h - what the client_*.c files share. */
#ifndef WSMAN_CLIENT_PRIV_H
#define WSMAN_CLIENT_PRIV_H

#include "base/map.h"
#include "cim/schema.h"
#include "wsman/client.h"
#include "wsman/codec.h"

enum {
    CLIENT_CONTEXT = 65536,     /* bytes of an enumeration context */
    CLIENT_EMPTY_PULLS = 100,   /* replies without an item in a row before an enumeration is given up */
    CLIENT_INNER_CLASSES = 1000,/* classes fetched because a reply mentions them, an operation */
    CLIENT_CLASSES = 20000,     /* classes remembered of one namespace */
};

/* The classes of one namespace that this client has seen. */
struct client_space {
    struct client_space *next;
    struct slice ns;
    struct cim_schema *schema;
    struct map missing;         /* folded names that the server did not tell; keys in client->arena */
};

struct wsman_client {
    struct wsman_client_config config;
    struct arena arena;         /* config texts, names */
    struct client_space *spaces;
    bool classes_untold;        /* the server has no class metadata at all */
};

/* NULL: out of memory. */
struct client_space *client_space_get(struct wsman_client *c, struct slice ns);
/* Borrowed from the schema. */
static inline const struct cim_class *client_class_find(const struct client_space *s, struct slice name)
{
    return cim_schema_class(s->schema, name);
}
bool client_class_missing(const struct wsman_client *c, const struct client_space *s, struct slice name);
cimf_status client_class_mark_missing(struct wsman_client *c, struct client_space *s, struct slice name);
/* Adds declared classes in any order; each superclass is among them or known already. */
cimf_status client_class_add(struct client_space *s, const struct cim_class_decl *const *decls, uint32_t n,
                             struct error *e);

enum client_phase {
    PHASE_START,    /* nothing sent yet: perhaps a class is wanted first */
    PHASE_MAIN,     /* the operation's own message */
    PHASE_TYPES,    /* the reply is here; classes of its items are wanted */
    PHASE_PULL,
    PHASE_NAMES,    /* CLASSES by names: one Get a class */
    PHASE_RELEASE,
};

struct client_decls { /* growing list of declared classes in the task's arena */
    struct cim_class_decl **d;
    uint32_t n, room;
};

struct wsman_task {
    struct wsman_client *client;
    struct wsman_request request;   /* deep copy in arena */
    struct client_space *space;     /* of request.ns */
    struct cim_path path;           /* parsed; bound once the class is known */
    struct arena arena;             /* as long as the task */
    enum wsman_task_state state;
    enum client_phase phase;

    /* A class that has to be fetched before going on: name and its superclasses so far. */
    struct client_space *want_space;
    struct slice want;              /* the class asked for; "" : none */
    struct slice want_now;          /* it, or a superclass of it */
    unsigned wanted;                /* classes that replies mentioned and that were asked for */
    struct arena want_arena;        /* the declarations of the chain */
    struct client_decls chain;

    struct buf message;
    char message_id[SOAP_MESSAGE_ID_SIZE];
    struct buf context;             /* enumeration open on the server; n == 0: none */
    unsigned empty_pulls;

    struct arena batch;             /* the last reply: tree and items */
    const struct xml_node **nodes;  /* items of the reply */
    uint32_t node_count, node_at;   /* node_at: next whose class is looked at */
    struct wsman_item *items;
    uint32_t item_count, item_at;

    struct client_decls decls;      /* CLASSES */
    bool by_names;                  /* CLASSES: the server enumerates names only */
    struct slice select_from;       /* QUERY: class after FROM, "" if not plain */
    struct slice *select;           /* selected names; NULL for '*' */
    uint32_t select_count;

    struct slice created;           /* path text */
    struct wsman_failure failure;
};

/* client_message.c: writes t->message for the phase (or for the wanted class) and t->message_id. */
cimf_status client_message_write(struct wsman_task *t);
/* client_query.c: fills select_from, select, select_count of a QUERY. */
cimf_status client_query_scan(struct wsman_task *t);
/* client_item.c: t->items from t->nodes; every class that can be known is known. */
cimf_status client_items_read(struct wsman_task *t, struct error *e);
/* The class (of which namespace) that an item needs; false: none (fragments, references). */
bool client_item_class(struct wsman_task *t, const struct xml_node *n, struct slice *ns, struct slice *name);
/* The classes of embedded objects and references in it, one by one; start with *at = NULL. */
bool client_item_inner_class(struct wsman_task *t, const struct xml_node *item, const struct xml_node **at,
                             struct slice *ns, struct slice *name);
/* Identify and Invoke replies as one item. */
cimf_status client_identity_read(struct wsman_task *t, const struct xml_node *n, struct error *e);
cimf_status client_output_read(struct wsman_task *t, struct error *e);
/* client_reply.c: what the reply says, with t->phase as it was when the message was sent. */
cimf_status client_reply_read(struct wsman_task *t, int http_status, struct slice content_type,
                              struct slice body);
struct wsman_codec client_codec(struct wsman_task *t, struct arena *a, struct client_space *s);
cimf_status client_decls_add(struct arena *a, struct client_decls *list, const struct cim_class_decl *d);

#endif
