/* Starting operations, waiting for results. */
#include <poll.h>
#include <stdlib.h>

#include "cim/path.h"
#include "client/protocol.h"

static cimf_status start(cimf_session *s, cimf_str ns, struct client_request *r, cimf_operation **out, cimf_error *e)
{
    struct error error = ERROR_INIT;
    struct cimf_operation *op = calloc(1, sizeof *op);
    if (!op) return client_fail_status(CIMF_OUT_OF_MEMORY, e);
    op->session = s;
    r->ns = s->ns;
    struct arena scratch;
    arena_init(&scratch, 0);
    cimf_status status = CIMF_OK;
    if (ns.n) {
        status = cim_namespace_normal(&scratch, client_slice(ns), &r->ns);
        if (status != CIMF_OK) {
            error_set(&error, status, "client", "the namespace is not valid");
            error_subject(&error, client_slice(ns));
        }
    }
    if (status == CIMF_OK) status = s->protocol->start(op, r, &error);
    arena_free(&scratch);
    if (status != CIMF_OK) {
        if (error.status == CIMF_OK) error.status = status;
        free(op);
        return client_fail_error(s, &error, e);
    }
    struct cimf_operation **last = &s->operations;
    while (*last) last = &(*last)->next;
    *last = op;
    *out = op;
    return CIMF_OK;
}

static cimf_status start_named(cimf_session *s, cimf_str ns, enum client_verb verb, cimf_str name, bool exact,
                               cimf_operation **out, cimf_error *e)
{
    struct client_request r = { .verb = verb, .class_name = client_slice(name), .exact = exact };
    bool optional = verb == CLIENT_CLASSES || verb == CLIENT_CLASS_NAMES;
    if ((name.n || !optional) && !cim_name_valid(r.class_name, true)) {
        struct error error = ERROR_INIT;
        error_set(&error, CIMF_INVALID_PARAMETER, "client", "this is not the name of a class");
        error_subject(&error, r.class_name);
        return client_fail_error(s, &error, e);
    }
    return start(s, ns, &r, out, e);
}

cimf_status cimf_identify(cimf_session *s, cimf_operation **out, cimf_error *e)
{
    struct client_request r = { .verb = CLIENT_IDENTIFY };
    return start(s, (cimf_str){ NULL, 0 }, &r, out, e);
}

cimf_status cimf_query(cimf_session *s, cimf_str ns, cimf_str wql, cimf_operation **out, cimf_error *e)
{
    struct client_request r = { .verb = CLIENT_QUERY, .query = client_slice(wql) };
    return start(s, ns, &r, out, e);
}

cimf_status cimf_enumerate(cimf_session *s, cimf_str ns, cimf_str class_name, unsigned flags, cimf_operation **out,
                           cimf_error *e)
{
    return start_named(s, ns, CLIENT_ENUMERATE, class_name, (flags & CIMF_EXACT_CLASS) != 0, out, e);
}

static cimf_status start_path(cimf_session *s, cimf_str ns, enum client_verb verb, cimf_str path, cimf_str method,
                              const cimf_instance *in, cimf_operation **out, cimf_error *e)
{
    struct client_request r = { .verb = verb, .path = client_slice(path), .method = client_slice(method),
                                .instance = (const struct cim_instance *)in };
    struct error error = ERROR_INIT;
    if (!path.n) error_set(&error, CIMF_INVALID_OBJECT_PATH, "client", "the path is empty");
    if (verb == CLIENT_INVOKE && !cim_name_valid(r.method, true)) {
        error_set(&error, CIMF_INVALID_METHOD, "client", "this is not the name of a method");
        error_subject(&error, r.method);
    }
    if (error.status != CIMF_OK) return client_fail_error(s, &error, e);
    return start(s, ns, &r, out, e);
}

cimf_status cimf_get(cimf_session *s, cimf_str ns, cimf_str path, cimf_operation **out, cimf_error *e)
{
    return start_path(s, ns, CLIENT_GET, path, (cimf_str){ NULL, 0 }, NULL, out, e);
}

cimf_status cimf_put(cimf_session *s, cimf_str ns, cimf_str path, const cimf_instance *changes, cimf_operation **out,
                     cimf_error *e)
{
    return start_path(s, ns, CLIENT_PUT, path, (cimf_str){ NULL, 0 }, changes, out, e);
}

cimf_status cimf_create(cimf_session *s, cimf_str ns, const cimf_instance *instance, cimf_operation **out, cimf_error *e)
{
    struct client_request r = { .verb = CLIENT_CREATE, .instance = (const struct cim_instance *)instance };
    return start(s, ns, &r, out, e);
}

cimf_status cimf_delete(cimf_session *s, cimf_str ns, cimf_str path, cimf_operation **out, cimf_error *e)
{
    return start_path(s, ns, CLIENT_DELETE, path, (cimf_str){ NULL, 0 }, NULL, out, e);
}

cimf_status cimf_invoke(cimf_session *s, cimf_str ns, cimf_str path, cimf_str method, const cimf_instance *in,
                        cimf_operation **out, cimf_error *e)
{
    return start_path(s, ns, CLIENT_INVOKE, path, method, in, out, e);
}

cimf_status cimf_get_class(cimf_session *s, cimf_str ns, cimf_str class_name, cimf_operation **out, cimf_error *e)
{
    return start_named(s, ns, CLIENT_CLASS, class_name, false, out, e);
}

cimf_status cimf_classes(cimf_session *s, cimf_str ns, cimf_str top, unsigned flags, cimf_operation **out, cimf_error *e)
{
    return start_named(s, ns, flags & CIMF_CLASS_NAMES ? CLIENT_CLASS_NAMES : CLIENT_CLASSES, top, false, out, e);
}

/* --- results ------------------------------------------------------------------------------------ */

static void wait_for(struct cimf_session *s)
{
    struct pollfd p = { .fd = cimf_session_fd(s), .events = cimf_session_events(s) };
    int timeout = cimf_session_timeout(s);
    if (p.fd < 0 && timeout < 0) return;
    poll(&p, p.fd >= 0, timeout); /* a signal ends it early: harmless */
}

static cimf_status next_item(cimf_operation *op, struct client_item *item, bool *end, cimf_error *e)
{
    struct cimf_session *s = op->session;
    *end = false;
    for (;;) {
        if (op->cancelled) return client_fail_status(CIMF_CALL_CANCELLED, e);
        switch (s->protocol->next(op, item)) {
        case CLIENT_ITEM: return CIMF_OK;
        case CLIENT_END: *end = true; return CIMF_OK;
        case CLIENT_FAILURE: return client_fail(s, s->protocol->failure(op), e);
        case CLIENT_WAIT: break;
        }
        cimf_session_step(s);
        if (!s->protocol->ready(op)) wait_for(s);
    }
}

cimf_status cimf_operation_next(cimf_operation *op, const cimf_instance **out, cimf_error *e)
{
    struct client_item item = { 0 };
    bool end;
    *out = NULL;
    cimf_status status = next_item(op, &item, &end, e);
    if (status != CIMF_OK || end) return status;
    *out = (const cimf_instance *)cim_as_instance(item.object);
    return *out ? CIMF_OK : client_fail_status(CIMF_INVALID_OPERATION, e);
}

cimf_status cimf_operation_next_class(cimf_operation *op, const cimf_class **out, cimf_error *e)
{
    struct client_item item = { 0 };
    bool end;
    *out = NULL;
    cimf_status status = next_item(op, &item, &end, e);
    if (status != CIMF_OK || end) return status;
    *out = (const cimf_class *)cim_as_class(item.object);
    return *out ? CIMF_OK : client_fail_status(CIMF_INVALID_OPERATION, e);
}

cimf_status cimf_operation_next_name(cimf_operation *op, cimf_str *out, cimf_error *e)
{
    struct client_item item = { 0 };
    bool end;
    *out = (cimf_str){ NULL, 0 };
    cimf_status status = next_item(op, &item, &end, e);
    if (status == CIMF_OK && !end) *out = client_str(item.name);
    return status;
}

bool cimf_operation_ready(cimf_operation *op)
{
    return op->cancelled || op->session->protocol->ready(op);
}

cimf_status cimf_operation_finish(cimf_operation *op, cimf_error *e)
{
    struct client_item item;
    bool end = false;
    cimf_status status = CIMF_OK;
    while (status == CIMF_OK && !end) status = next_item(op, &item, &end, e);
    return status;
}

cimf_str cimf_operation_path(const cimf_operation *op)
{
    return client_str(op->session->protocol->path(op));
}

void cimf_operation_cancel(cimf_operation *op)
{
    if (op->cancelled) return;
    op->cancelled = true;
    op->session->protocol->cancel(op);
}

void cimf_operation_free(cimf_operation *op)
{
    if (!op) return;
    struct cimf_session *s = op->session;
    cimf_operation_cancel(op);
    op->orphan = true;
    if (!s->protocol->finished(op)) return; /* the session frees it when its enumeration is released */
    for (struct cimf_operation **at = &s->operations; *at; at = &(*at)->next) {
        if (*at != op) continue;
        *at = op->next;
        break;
    }
    s->protocol->free(op);
    free(op);
}
