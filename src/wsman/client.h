/*
 * wsman/client.h - the client half of WS-Management as a machine without I/O.
 *
 * A wsman_client is what the operations of one session share: how to talk, and the classes it has seen. A
 * wsman_task is one operation. Its driver turns: while the state is SEND, take a message and post it (then
 * the state is WAIT); hand the reply to wsman_task_reply; while the state is ITEMS, take the items. A task
 * may need several messages: the class of what it reads, pages of an enumeration.
 *
 * Read tolerantly: replies of Windows, OMI and Openwsman (wsman.md 2.5, 2.8, 2.9). Instances are typed by
 * their class, which is fetched as CIM-XML once per session (MS-WSMV 3.1.4.1.38); a server that does not
 * tell its classes costs only the types.
 */
#ifndef WSMAN_CLIENT_H
#define WSMAN_CLIENT_H

#include "cim/instance.h"
#include "wsman/uri.h"

struct wsman_client_config {
    struct slice to;         /* URL of the service */
    struct slice ns;         /* of requests that name none; normalised */
    int64_t timeout_us;      /* OperationTimeout */
    uint64_t max_envelope;   /* octets */
    uint32_t max_elements;   /* of one Pull */
    struct slice locale;     /* "" : none */
    enum wsman_uri_kind form;/* how classes are named: WSMAN_URI_WMI or WSMAN_URI_CIM */
};

struct wsman_client;
cimf_status wsman_client_new(const struct wsman_client_config *config, struct wsman_client **out);
/* After its tasks. Classes that were handed out live on by their references. */
void wsman_client_free(struct wsman_client *c);

enum wsman_ask {
    WSMAN_ASK_IDENTIFY,
    WSMAN_ASK_GET,         /* path */
    WSMAN_ASK_PUT,         /* path, instance */
    WSMAN_ASK_CREATE,      /* instance */
    WSMAN_ASK_DELETE,      /* path */
    WSMAN_ASK_INVOKE,      /* path (of an instance or class), method, instance: in-parameters or NULL */
    WSMAN_ASK_ENUMERATE,   /* class_name, exact */
    WSMAN_ASK_QUERY,       /* query */
    WSMAN_ASK_CLASS,       /* class_name */
    WSMAN_ASK_CLASSES,     /* class_name ("" : all): whole classes, superclasses first */
    WSMAN_ASK_CLASS_NAMES, /* class_name */
};

struct wsman_request {
    enum wsman_ask verb;
    struct slice ns;         /* normalised; "" = the client's */
    struct slice class_name;
    struct slice path;       /* text */
    struct slice query;
    struct slice method;
    const struct cim_instance *instance;
    bool exact;
};

enum wsman_task_state {
    WSMAN_TASK_SEND,
    WSMAN_TASK_WAIT,
    WSMAN_TASK_ITEMS, /* wsman_task_next has something */
    WSMAN_TASK_DONE,
    WSMAN_TASK_FAILED,
};

struct wsman_item {
    const struct cim_object *object; /* NULL for names */
    struct slice name;               /* CLASS_NAMES */
};

/* What a failed exchange leaves besides struct error. */
struct wsman_failure {
    struct error error;
    uint32_t fault_code;     /* f:WSManFault/@Code, 0 if none */
    int http_status;         /* 0 if there was no reply */
};

struct wsman_task;
/* Copies the request. INVALID_OBJECT_PATH, QUOTA_VIOLATION. */
cimf_status wsman_task_new(struct wsman_client *c, const struct wsman_request *r, struct wsman_task **out,
                           struct error *e);
void wsman_task_free(struct wsman_task *t);
enum wsman_task_state wsman_task_state(const struct wsman_task *t);
/* The message of SEND, an envelope in UTF-8; valid until the reply. Enters WAIT (or FAILED). */
struct slice wsman_task_message(struct wsman_task *t);
/* The whole reply, whatever its status. Borrowed for the call. */
void wsman_task_reply(struct wsman_task *t, int http_status, struct slice content_type, struct slice body);
/* The message under way may be sent once more when its connection broke: it only reads and keeps no place. */
bool wsman_task_repeatable(const struct wsman_task *t);
/* Instead of a reply: SEND again, with the same request under a new MessageID. */
void wsman_task_repeat(struct wsman_task *t);
/* Instead of a reply. */
void wsman_task_fail(struct wsman_task *t, const struct error *e);
/* wsman_task_next has an item, or the end is known. */
bool wsman_task_ready(const struct wsman_task *t);
/* The next item in ITEMS; it lives until the next reply. false: none here, see the state. */
bool wsman_task_next(struct wsman_task *t, struct wsman_item *out);
/* Turns a task that is not in WAIT (or whose exchange was broken off) into the Release of its enumeration:
 * SEND, then DONE or FAILED. false: nothing is open on the server. */
bool wsman_task_release(struct wsman_task *t);

const struct wsman_failure *wsman_task_failure(const struct wsman_task *t); /* of FAILED */
struct slice wsman_task_path(const struct wsman_task *t);                   /* CREATE: of the new object, or "" */

#endif
