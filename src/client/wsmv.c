/* WS-Management for a session: one HTTP connection, on which the messages of the operations take turns. */
#include <stdio.h>
#include <stdlib.h>

#include "client/protocol.h"
#include "net/http_client_auth.h"
#include "wsman/client.h"

struct wsmv {
    struct wsman_client *client;
    struct http_session *http;
    struct tls_config *tls;
    struct http_client_auth *auth;
    struct slice target;             /* "/wsman", in the session's arena */
    struct cimf_operation *current;  /* whose message is under way */
    bool reused;                     /* the connection has carried a reply already */
};

struct wsmv_task {
    struct wsman_task *task;
    bool anonymous;                  /* Identify without a login (DSP0226 11) */
    struct client_failure failure;
};

static struct wsmv_task *task_of(const struct cimf_operation *op)
{
    return op->state;
}

/* --- opening ------------------------------------------------------------------------------------ */

static cimf_status open_client(struct cimf_session *s, struct wsmv *w)
{
    const struct cimf_session_options *o = &s->options;
    bool v6 = slice_find(s->host, ':') < s->host.n;
    w->target = slice_str(o->http_path);
    struct slice to = arena_printf(&s->arena, "http%s://%s" SLICE_FMT "%s:%u" SLICE_FMT, s->protocol->tls ? "s" : "",
                                   v6 ? "[" : "", SLICE_ARG(s->host), v6 ? "]" : "", s->port, SLICE_ARG(w->target));
    if (!to.p) return CIMF_OUT_OF_MEMORY;
    struct wsman_client_config config = {
        .to = to, .ns = s->ns, .timeout_us = (int64_t)o->operation_timeout_ms * 1000, .max_envelope = o->max_envelope,
        .max_elements = o->max_elements, .locale = slice_str(o->locale),
        .form = o->class_uri == CIMF_URI_DMTF ? WSMAN_URI_CIM : WSMAN_URI_WMI,
    };
    return wsman_client_new(&config, &w->client);
}

static cimf_status open_http(struct cimf_session *s, struct wsmv *w, struct error *e)
{
    const struct cimf_session_options *o = &s->options;
    if (s->protocol->tls) {
        struct tls_client_files files = {
            .ca = o->ca_file, .insecure = o->insecure, .certificate = o->certificate, .key = o->key,
        };
        cimf_status status = tls_client_config(&files, &w->tls, e);
        if (status != CIMF_OK) return status;
    }
    struct http_client_auth_config auth = {
        .login = s->login.login, .ntlm = s->login.ntlm, .kerberos = s->login.kerberos, .ticket = s->ticket,
        .basic_fallback = s->login.basic_fallback, .tls = s->protocol->tls, .allow_unencrypted = s->allow_unencrypted, .delegate = o->delegate, .host = s->host,
        .user = s->user, .password = buf_slice(&s->secret),
    };
    cimf_status known = http_client_auth_new(&auth, &w->auth, e);
    if (known != CIMF_OK) return known;
    const char *host = arena_strz(&s->arena, s->host);
    if (!host) return CIMF_OUT_OF_MEMORY;
    struct http_session_config http = {
        .host = host, .port = s->port, .tls = w->tls, .connect_timeout_us = (int64_t)o->connect_timeout_ms * 1000,
        /* Client Operation Timeout, MS-WSMV 3.2.2 */
        .exchange_timeout_us = ((int64_t)o->operation_timeout_ms + s->network_delay_ms) * 1000,
        .auth = w->auth,
        /* Some servers overshoot the envelope size they were given; a limit is for those who want to harm. */
        .limits = { .max_body = (size_t)o->max_envelope * 4 + 65536 },
    };
    return http_session_new(&http, &w->http, e);
}

static void wsmv_close(struct cimf_session *s)
{
    struct wsmv *w = s->state;
    if (!w) return;
    http_session_free(w->http);
    wsman_client_free(w->client);
    if (w->tls) tls_config_unref(w->tls);
    http_client_auth_free(w->auth);
    free(w);
    s->state = NULL;
}

static cimf_status wsmv_open(struct cimf_session *s, struct error *e)
{
    struct wsmv *w = calloc(1, sizeof *w);
    if (!w) return CIMF_OUT_OF_MEMORY;
    s->state = w;
    cimf_status status = open_client(s, w);
    if (status == CIMF_OK) status = open_http(s, w, e);
    if (status != CIMF_OK) wsmv_close(s);
    return status;
}

/* --- operations --------------------------------------------------------------------------------- */

static cimf_status wsmv_start(struct cimf_operation *op, const struct client_request *r, struct error *e)
{
    static const enum wsman_ask verbs[] = {
        [CLIENT_IDENTIFY] = WSMAN_ASK_IDENTIFY, [CLIENT_GET] = WSMAN_ASK_GET, [CLIENT_PUT] = WSMAN_ASK_PUT,
        [CLIENT_CREATE] = WSMAN_ASK_CREATE, [CLIENT_DELETE] = WSMAN_ASK_DELETE, [CLIENT_INVOKE] = WSMAN_ASK_INVOKE,
        [CLIENT_ENUMERATE] = WSMAN_ASK_ENUMERATE, [CLIENT_QUERY] = WSMAN_ASK_QUERY, [CLIENT_CLASS] = WSMAN_ASK_CLASS,
        [CLIENT_CLASSES] = WSMAN_ASK_CLASSES, [CLIENT_CLASS_NAMES] = WSMAN_ASK_CLASS_NAMES,
    };
    struct wsmv *w = op->session->state;
    /* Nobody logs in, so nothing protects what is asked; who a server is may be asked by anybody. */
    if (op->session->login.messages_plain && r->verb != CLIENT_IDENTIFY) {
        return error_set(e, CIMF_ACCESS_DENIED, "client",
                         "without a user the question and its answer would travel over the network in the clear");
    }
    struct wsmv_task *t = calloc(1, sizeof *t);
    if (!t) return CIMF_OUT_OF_MEMORY;
    t->anonymous = op->session->login.login == HTTP_LOGIN_NONE && r->verb == CLIENT_IDENTIFY;
    struct wsman_request request = {
        .verb = verbs[r->verb], .ns = r->ns, .class_name = r->class_name, .path = r->path, .query = r->query,
        .method = r->method, .instance = r->instance, .exact = r->exact,
    };
    cimf_status status = wsman_task_new(w->client, &request, &t->task, e);
    if (status != CIMF_OK) {
        free(t);
        return status;
    }
    op->state = t;
    return CIMF_OK;
}

static bool wsmv_finished(const struct cimf_operation *op)
{
    struct wsmv *w = op->session->state;
    enum wsman_task_state state = wsman_task_state(task_of(op)->task);
    return w->current != op && (state == WSMAN_TASK_DONE || state == WSMAN_TASK_FAILED);
}

static void wsmv_cancel(struct cimf_operation *op)
{
    struct wsmv *w = op->session->state;
    struct wsman_task *t = task_of(op)->task;
    if (w->current == op) {
        http_session_close(w->http); /* HTTP knows no other way to take a request back */
        w->reused = false;
        w->current = NULL;
    }
    if (wsman_task_release(t)) return;
    struct error e = ERROR_INIT;
    error_set(&e, CIMF_CALL_CANCELLED, "client", "the operation was cancelled");
    wsman_task_fail(t, &e);
}

static void wsmv_free(struct cimf_operation *op)
{
    struct wsmv *w = op->session->state;
    if (w->current == op) w->current = NULL;
    wsman_task_free(task_of(op)->task);
    free(op->state);
    op->state = NULL;
}

static enum client_turn wsmv_next(struct cimf_operation *op, struct client_item *item)
{
    struct wsman_item found;
    struct wsman_task *t = task_of(op)->task;
    if (wsman_task_next(t, &found)) {
        item->object = found.object;
        item->name = found.name;
        return CLIENT_ITEM;
    }
    switch (wsman_task_state(t)) {
    case WSMAN_TASK_DONE: return CLIENT_END;
    case WSMAN_TASK_FAILED: return CLIENT_FAILURE;
    default: return CLIENT_WAIT;
    }
}

static bool wsmv_ready(struct cimf_operation *op)
{
    struct wsman_task *t = task_of(op)->task;
    struct wsman_item none;
    if (wsman_task_ready(t)) return true;
    if (wsman_task_state(t) == WSMAN_TASK_ITEMS) wsman_task_next(t, &none); /* none is left: to the next page */
    return wsman_task_ready(t);
}

static const struct client_failure *wsmv_failure(const struct cimf_operation *op)
{
    struct wsmv_task *t = task_of(op);
    const struct wsman_failure *f = wsman_task_failure(t->task);
    t->failure = (struct client_failure){ f->error, f->fault_code, f->http_status };
    return &t->failure;
}

static struct slice wsmv_path(const struct cimf_operation *op)
{
    return wsman_task_path(task_of(op)->task);
}

/* --- the connection ----------------------------------------------------------------------------- */

static void post(struct wsmv *w, struct cimf_operation *op, struct slice message)
{
    struct http_header headers[] = {
        { SLICE("Content-Type"), SLICE("application/soap+xml;charset=UTF-8") },
        { SLICE("User-Agent"), SLICE("cimfony") },
        { SLICE("WSMANIDENTIFY"), SLICE("unauthenticated") },
    };
    struct error e = ERROR_INIT;
    cimf_status status = http_session_send(w->http, HTTP_POST, w->target, headers, task_of(op)->anonymous ? 3 : 2, message, &e);
    if (status == CIMF_OK) {
        w->current = op;
        return;
    }
    if (e.status == CIMF_OK) e.status = status;
    wsman_task_fail(task_of(op)->task, &e);
}

/* The operation that has waited longest gets the connection and goes to the end of the line. */
static bool take_turn(struct cimf_session *s)
{
    struct wsmv *w = s->state;
    for (struct cimf_operation **at = &s->operations; *at; at = &(*at)->next) {
        struct cimf_operation *op = *at;
        struct wsman_task *t = task_of(op)->task;
        if (wsman_task_state(t) != WSMAN_TASK_SEND) continue;
        struct slice message = wsman_task_message(t);
        if (wsman_task_state(t) != WSMAN_TASK_WAIT) continue; /* it needed none, or failed */
        post(w, op, message);
        if (!w->current) continue;
        *at = op->next;
        op->next = NULL;
        while (*at) at = &(*at)->next;
        *at = op;
        return true;
    }
    return false;
}

static void wsmv_step(struct cimf_session *s)
{
    struct wsmv *w = s->state;
    while (w->current || take_turn(s)) {
        struct error e = ERROR_INIT;
        bool done = false;
        cimf_status status = http_session_step(w->http, &done, &e);
        struct wsman_task *t = task_of(w->current)->task;
        if (status != CIMF_OK) {
            if (e.status == CIMF_OK) e.status = status;
            w->current = NULL;
            /* A server may end an idle connection just when a request is on its way (RFC 9110, 9.2.2). */
            bool again = w->reused && status == CIMF_CONNECTION_LOST && wsman_task_repeatable(t);
            w->reused = false;
            if (again) wsman_task_repeat(t);
            else wsman_task_fail(t, &e);
            continue;
        }
        if (!done) return;
        const struct http_client_reply *reply = http_session_reply(w->http);
        w->current = NULL;
        w->reused = reply->keep_alive;
        wsman_task_reply(t, reply->status, reply->content_type, reply->body);
    }
}

static int wsmv_fd(const struct cimf_session *s)
{
    const struct wsmv *w = s->state;
    return w->current ? http_session_fd(w->http) : -1;
}

static short wsmv_events(const struct cimf_session *s)
{
    const struct wsmv *w = s->state;
    return w->current ? http_session_events(w->http) : 0;
}

static int64_t wsmv_deadline(const struct cimf_session *s)
{
    const struct wsmv *w = s->state;
    if (w->current) return http_session_deadline(w->http);
    for (const struct cimf_operation *op = s->operations; op; op = op->next) {
        if (wsman_task_state(task_of(op)->task) == WSMAN_TASK_SEND) return 0;
    }
    return INT64_MAX;
}

static const char *wsmv_login(const struct cimf_session *s)
{
    const struct wsmv *w = s->state;
    return http_client_auth_name(w->auth);
}

#define WSMV_CALLS                                                                                 \
    .open = wsmv_open, .close = wsmv_close, .start = wsmv_start, .next = wsmv_next,                \
    .ready = wsmv_ready, .failure = wsmv_failure, .path = wsmv_path, .cancel = wsmv_cancel,        \
    .finished = wsmv_finished, .free = wsmv_free, .step = wsmv_step, .fd = wsmv_fd,                \
    .events = wsmv_events, .deadline = wsmv_deadline,                                               \
    .login = wsmv_login

static const struct client_protocol wsmv_plain = { .scheme = "wsmv", .port = 5985, WSMV_CALLS };
static const struct client_protocol wsmv_tls = { .scheme = "wsmv+https", .port = 5986, .tls = true, WSMV_CALLS };

const struct client_protocol *const client_protocols[] = { &wsmv_plain, &wsmv_tls, NULL };
