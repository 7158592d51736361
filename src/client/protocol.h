/*
 * client/protocol.h - what a protocol does for a session. The scheme of the URL picks the row; everything
 * above it (session.c, operation.c) is the same for all.
 *
 * Nothing here blocks. A protocol owns its connection; it moves when step is called.
 */
#ifndef CLIENT_PROTOCOL_H
#define CLIENT_PROTOCOL_H

#include <cimfony/operation.h>

#include "base/arena.h"
#include "base/buf.h"
#include "cim/instance.h"
#include "client/login.h"

enum client_verb {
    CLIENT_IDENTIFY, CLIENT_GET, CLIENT_PUT, CLIENT_CREATE, CLIENT_DELETE, CLIENT_INVOKE,
    CLIENT_ENUMERATE, CLIENT_QUERY, CLIENT_CLASS, CLIENT_CLASSES, CLIENT_CLASS_NAMES,
};

struct client_request {
    enum client_verb verb;
    struct slice ns, class_name, path, query, method;
    const struct cim_instance *instance;
    bool exact;
};

/* A failure as the protocol knows it. */
struct client_failure {
    struct error error;
    uint32_t fault_code;
    int http_status;
};

struct client_item {
    const struct cim_object *object;
    struct slice name;
};

enum client_turn { CLIENT_ITEM, CLIENT_WAIT, CLIENT_END, CLIENT_FAILURE };

struct client_protocol {
    const char *scheme;
    unsigned port;
    bool tls;
    cimf_status (*open)(struct cimf_session *s, struct error *e); /* sets s->state; makes no connection */
    void (*close)(struct cimf_session *s);                        /* frees state and all operations */
    cimf_status (*start)(struct cimf_operation *op, const struct client_request *r, struct error *e);
    /* The next result if it is here. Ends the life of the last one. */
    enum client_turn (*next)(struct cimf_operation *op, struct client_item *item);
    bool (*ready)(struct cimf_operation *op);
    const struct client_failure *(*failure)(const struct cimf_operation *op); /* after CLIENT_FAILURE */
    struct slice (*path)(const struct cimf_operation *op);
    /* Breaks off; what is open on the server is released later (then `finished` answers false). */
    void (*cancel)(struct cimf_operation *op);
    bool (*finished)(const struct cimf_operation *op);
    void (*free)(struct cimf_operation *op); /* op->state */
    void (*step)(struct cimf_session *s);
    int (*fd)(const struct cimf_session *s);
    short (*events)(const struct cimf_session *s);
    int64_t (*deadline)(const struct cimf_session *s); /* clock_mono_us; INT64_MAX: never */
    const char *(*login)(const struct cimf_session *s); /* how it was made, or is meant to be */
};
extern const struct client_protocol *const client_protocols[]; /* NULL-terminated */

struct cimf_session {
    const struct client_protocol *protocol;
    void *state;                        /* the protocol's */
    struct arena arena;                 /* texts */
    struct slice host, user, ns;
    unsigned port;
    struct client_login login;
    bool ticket;                        /* a Kerberos ticket of the credential cache is `user`'s */
    bool allow_unencrypted;             /* what the settings say */
    uint32_t network_delay_ms;
    struct cimf_session_options options;/* its texts are in the arena, but the password is only in `secret` */
    struct buf secret;                  /* wiped */
    struct cimf_operation *operations;  /* in the order of their turns; freed ones that still release too */
};

struct cimf_operation {
    struct cimf_session *session;
    struct cimf_operation *next;
    void *state;                        /* the protocol's */
    bool cancelled;
    bool orphan;                        /* the caller freed it */
};

/* fail.c: the public error; *out may be NULL. Answers the status. s may be NULL. */
cimf_status client_fail(const struct cimf_session *s, const struct client_failure *f, cimf_error *out);
cimf_status client_fail_error(const struct cimf_session *s, const struct error *e, cimf_error *out);
cimf_status client_fail_status(cimf_status status, cimf_error *out);

/* url.c */
struct client_url {
    const struct client_protocol *protocol;
    struct slice scheme, user, host; /* host without brackets */
    unsigned port;                   /* 0: not given */
    struct slice ns;                 /* "" : not given */
};
cimf_status client_url_read(struct slice text, struct client_url *out, struct error *e);
bool client_is_loopback(struct slice host);

/* options.c: of any version, or NULL, into the newest form. Nothing is copied. */
cimf_status client_options_take(const cimf_session_options *given, cimf_session_options *out, struct error *e);
/* The settings under these options. To be freed on failure too. */
cimf_status client_options_settings(const cimf_session_options *o, struct client_settings *s, struct error *e);
/* The login that is open for this URL. *ticket: the user of the Kerberos ticket that will be used, in the arena;
 * "" if none will. The hint of *out is good on failure too. */
cimf_status client_options_login(const cimf_session_options *o, struct client_settings *s, const struct client_url *url,
                                 struct arena *a, struct client_login *out, struct slice *ticket, struct error *e);

static inline struct slice client_slice(cimf_str s) { return slice_of(s.p, s.n); }
static inline cimf_str client_str(struct slice s)
{
    return (cimf_str){ s.p, s.n };
}

#endif
