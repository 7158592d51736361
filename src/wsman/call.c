#include "wsman/server_priv.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/utf.h"

enum { SPARE_ROOM = 1 << 20 };

/* The reply buffers of the last call of this thread are taken by the next; they go with the thread. */
struct spare {
    struct buf buf[2];
};
static pthread_key_t spare_key;
static pthread_once_t spare_once = PTHREAD_ONCE_INIT;
static bool spare_made;

static void spare_free(void *arg)
{
    struct spare *s = arg;
    buf_free(&s->buf[0]);
    buf_free(&s->buf[1]);
    free(s);
}

static void spare_init(void) { spare_made = pthread_key_create(&spare_key, spare_free) == 0; }

/* NULL when there is no room for it: then every call allocates its own. */
static struct spare *spare_of_thread(void)
{
    pthread_once(&spare_once, spare_init);
    struct spare *s = spare_made ? pthread_getspecific(spare_key) : NULL;
    if (s || !spare_made) return s;
    s = calloc(1, sizeof *s);
    if (s && pthread_setspecific(spare_key, s) != 0) {
        free(s);
        s = NULL;
    }
    return s;
}

static void buf_take(struct buf *b, unsigned i)
{
    struct spare *s = spare_of_thread();
    *b = s ? s->buf[i] : (struct buf){ 0 };
    if (s) s->buf[i] = (struct buf){ 0 };
    b->cap = BUF_DEFAULT_CAP;
    buf_clear(b);
}

static void buf_give(struct buf *b, unsigned i)
{
    struct spare *s = spare_of_thread();
    if (!s || s->buf[i].p || b->room > SPARE_ROOM) buf_free(b);
    else s->buf[i] = *b;
}

static struct wsman_call *call_new(struct wsman_server *s, struct wsman_request *r)
{
    struct wsman_call *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->server = s;
    wsman_server_ref(s);
    c->request = r;
    c->home = r->home;
    c->refs = 1;
    c->principal = r->principal ? principal_ref(r->principal) : NULL;
    c->max_envelope = WSMAN_LIMIT(s, max_envelope);
    arena_init(&c->arena, 0);
    c->encrypted = r->encrypted;
    c->peer = arena_dup(&c->arena, r->peer);
    buf_take(&c->out, 0);
    buf_take(&c->items, 1);
    return c;
}

void wsman_call_ref(struct wsman_call *c)
{
    c->refs++;
}

void wsman_call_unref(struct wsman_call *c)
{
    if (--c->refs) return;
    buf_give(&c->out, 0);
    buf_give(&c->items, 1);
    if (c->schema) cim_schema_unref(c->schema);
    if (c->context) wsman_context_unref(c->context);
    arena_free(&c->arena);
    if (c->principal) principal_unref(c->principal);
    wsman_server_unref(c->server);
    free(c);
}

/* --- replies ---------------------------------------------------------------------------------- */

static void deliver(struct wsman_call *c, int http_status, const char *type, const struct slice *parts,
                    unsigned count)
{
    struct wsman_request *r = c->request;
    c->request = NULL;
    r->call = NULL;
    wsman_user_leave(c->server, c->user);
    c->user = NULL;
    r->reply(r, http_status, type, parts, count);
    wsman_call_unref(c);
}

static void deliver_utf16(struct wsman_call *c, int http_status, const struct slice *parts, unsigned count)
{
    enum utf16_order order = c->charset == XML_UTF16BE ? UTF16_BE : UTF16_LE;
    struct buf wide;
    buf_init(&wide, 0);
    buf_add(&wide, order == UTF16_BE ? "\xfe\xff" : "\xff\xfe", 2);
    for (unsigned i = 0; i < count; i++) utf8_to_utf16(&wide, parts[i], order);
    struct slice all = buf_ok(&wide) ? buf_slice(&wide) : SLICE_NULL;
    deliver(c, buf_ok(&wide) ? http_status : 500, "application/soap+xml;charset=UTF-16", &all, 1);
    buf_free(&wide);
}

static void deliver_xml(struct wsman_call *c, int http_status, size_t split)
{
    struct slice whole = buf_slice(&c->out);
    struct slice parts[] = { slice_head(whole, split), buf_slice(&c->items), slice_sub(whole, split) };
    if (!buf_ok(&c->out) || !buf_ok(&c->items)) {
        deliver(c, 500, NULL, NULL, 0); /* not even a fault could be written */
    } else if (c->charset != XML_UTF8) {
        deliver_utf16(c, http_status, parts, 3);
    } else {
        deliver(c, http_status, "application/soap+xml;charset=UTF-8", parts, 3);
    }
}

void wsman_reply_send(struct wsman_call *c, size_t split)
{
    deliver_xml(c, 200, split);
}

void wsman_reply_begin(struct wsman_call *c, struct slice action, unsigned namespaces)
{
    struct soap_head head = {
        .action = action.p ? action : c->envelope.action, .action_suffix = SLICE("Response"),
        .relates_to = c->envelope.message_id, .namespaces = namespaces,
    };
    buf_clear(&c->out);
    soap_begin(&c->out, &head);
    c->body_mark = c->out.n;
}

void wsman_reply_end(struct wsman_call *c)
{
    soap_end(&c->out);
    if (!buf_ok(&c->out) || c->out.n > c->max_envelope) {
        wsman_reply_fault(c, c->changed ? CIMF_WSMAN_UNREPORTABLE_SUCCESS : CIMF_WSMAN_MAX_ENVELOPE_SIZE_EXCEEDED,
                          NULL);
        return;
    }
    deliver_xml(c, 200, c->out.n);
}

static void fault(struct wsman_call *c, const struct soap_fault *f)
{
    atomic_fetch_add_explicit(&c->server->faults, 1, memory_order_relaxed);
    buf_clear(&c->out);
    buf_clear(&c->items);
    soap_fault_write(&c->out, f, c->envelope.message_id, SOAP_WSMV);
    deliver_xml(c, 500, c->out.n);
}

void wsman_reply_fault(struct wsman_call *c, cimf_status status, const struct error *e)
{
    struct soap_fault f = { .status = status, .error = e && e->status == status ? e : NULL,
                            .machine = c->server->config.machine };
    fault(c, &f);
}

static struct slice op_parameter(struct wsman_call *c, const struct cim_op *op)
{
    if (op->query.n) return op->query;
    struct buf b;
    buf_init(&b, 65536);
    struct slice text = SLICE("");
    if (op->path.class_name.n && cim_path_write(&b, &op->path, true)) text = arena_dup(&c->arena, buf_slice(&b));
    buf_free(&b);
    return text;
}

void wsman_reply_op_fault(struct wsman_call *c, const struct cim_op *op, cimf_status status)
{
    /* Of a cancelled operation the client wants to know why it was cancelled. */
    bool late = status == CIMF_CALL_CANCELLED && op->deadline_us && wsman_now(c->server) >= op->deadline_us;
    if (late) {
        wsman_reply_fault(c, CIMF_WSMAN_TIMED_OUT, NULL);
        return;
    }
    const struct cim_op_info *info = cim_op_info(op->verb);
    struct soap_fault f = {
        .status = status, .error = op->error.status == status ? &op->error : NULL,
        .machine = c->server->config.machine, .provider = true,
        .operation = slice_str(info->wmi), .parameter = op_parameter(c, op),
    };
    fault(c, &f);
}

/* --- entry ------------------------------------------------------------------------------------ */

static struct slice charset_of(struct slice content_type)
{
    struct slice rest;
    slice_split(content_type, ';', &rest);
    while (rest.p) {
        struct slice value, param = slice_split(rest, ';', &rest);
        struct slice name = slice_split(param, '=', &value);
        if (!slice_ieq(slice_trim(name), SLICE("charset"))) continue;
        value = slice_trim(value);
        if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"') value = slice_of(value.p + 1, value.n - 2);
        return value;
    }
    return SLICE("");
}

static cimf_status need(struct slice value, const char *name, cimf_status status, struct error *e)
{
    return value.n ? CIMF_OK : error_set(e, status, "wsman", "the header %s is missing or empty", name);
}

static cimf_status check_addressing(const struct soap_envelope *env, struct error *e)
{
    cimf_status status = need(env->action, "wsa:Action", CIMF_WSMAN_HEADER_REQUIRED, e);
    if (status == CIMF_OK) status = need(env->message_id, "wsa:MessageID", CIMF_WSMAN_INVALID_HEADER, e);
    if (status == CIMF_OK && !env->reply_to.p) status = need(env->reply_to, "wsa:ReplyTo", CIMF_WSMAN_HEADER_REQUIRED, e);
    if (status == CIMF_OK) status = need(env->to, "wsa:To", CIMF_WSMAN_HEADER_REQUIRED, e);
    if (status != CIMF_OK) return status;
    if (env->message_id.n > LIMIT_MESSAGE_ID) {
        return error_set(e, CIMF_WSMAN_INVALID_HEADER, "wsman", "the wsa:MessageID is longer than %d", LIMIT_MESSAGE_ID);
    }
    if (!slice_is(env->reply_to, SOAP_ANONYMOUS) ||
        (env->fault_to.p && !slice_is(env->fault_to, SOAP_ANONYMOUS))) {
        return error_set(e, CIMF_WSMAN_ADDRESSING_MODE, "wsman", "replies go to the anonymous address only");
    }
    return CIMF_OK;
}

/* Limits of the reply: min of what the client asks and the service has. UTF-16 takes up to two bytes for
 * each byte of UTF-8. */
static void limits_take(struct wsman_call *c)
{
    uint64_t size = c->header.max_envelope, most = WSMAN_LIMIT(c->server, max_envelope);
    int64_t longest = WSMAN_LIMIT(c->server, max_timeout_us);
    if (size == 0 || size > most) size = most;
    c->max_envelope = (size_t)(c->charset == XML_UTF8 ? size : size / 2);
    int64_t timeout = c->header.timeout_us;
    if (timeout <= 0 || timeout > longest) timeout = longest;
    c->deadline_us = wsman_now(c->server) + timeout;
}

static cimf_status check_message(struct wsman_call *c, const struct xml_node **block, struct error *e)
{
    cimf_status status = wsman_header_read(&c->arena, c->envelope.header, &c->header, block, e);
    if (status == CIMF_SOAP_MUST_UNDERSTAND) return status;
    struct error addressing = ERROR_INIT;
    cimf_status first = check_addressing(&c->envelope, &addressing);
    if (first != CIMF_OK) {
        *e = addressing;
        return first;
    }
    if (status == CIMF_OK) limits_take(c);
    return status;
}

/* Pull and Release belong to an enumeration that is counted already: a user at the limit may end some. */
static cimf_status check_quota(struct wsman_call *c, struct error *e)
{
    if (c->verb == WSMAN_PULL || c->verb == WSMAN_RELEASE) return CIMF_OK;
    cimf_status status = wsman_user_enter(c->server, c->principal, &c->user);
    return status == CIMF_OK ? CIMF_OK : error_set(e, status, "wsman", "%s", cimf_status_info(status)->text);
}

static cimf_status check_route(struct wsman_call *c, struct error *e)
{
    c->verb = wsman_action_verb(c->envelope.action);
    struct error bad_uri = ERROR_INIT;
    cimf_status read = wsman_uri_read(&c->arena, c->header.resource_uri, &c->uri, &bad_uri);
    /* Before anything is told about actions and resources. */
    cimf_status status = wsman_authorize_check(c->server->authorize, c->principal, c->envelope.action,
                                               read ? c->header.resource_uri : c->uri.text, c->peer, e);
    if (status != CIMF_OK) return status;
    if (c->verb == WSMAN_UNKNOWN) {
        return error_set(e, CIMF_WSMAN_INVALID_ACTION, "wsman", "the action " SLICE_FMT " is not known",
                         SLICE_ARG(slice_head(c->envelope.action, 200)));
    }
    status = check_quota(c, e);
    if (status != CIMF_OK) return status;
    if (read != CIMF_OK) {
        *e = bad_uri;
        return read;
    }
    c->plugin = wsman_route(wsman_plugins, wsman_plugin_count, c->uri.text);
    if (!c->plugin && c->uri.kind == WSMAN_URI_CIM) {
        /* A vendor's classes: same resource, another prefix. */
        c->plugin = wsman_route(wsman_plugins, wsman_plugin_count, soap_symbol(SOAP_WSMV, SYM_URI_CIM));
    }
    if (!c->plugin) {
        error_set(e, CIMF_WSMAN_INVALID_RESOURCE_URI, "wsman", "nothing here serves the resource URI " SLICE_FMT,
                  SLICE_ARG(slice_head(c->uri.text, 200)));
        return CIMF_WSMAN_INVALID_RESOURCE_URI;
    }
    if (c->verb == WSMAN_UNSUPPORTED || !(c->plugin->capabilities & 1u << c->verb)) {
        return error_set(e, CIMF_WSMAN_ACTION_NOT_SUPPORTED, "wsman", "the resource does not support the action "
                         SLICE_FMT, SLICE_ARG(slice_head(c->envelope.action, 200)));
    }
    if (c->header.fragment) {
        return error_set(e, CIMF_WSMAN_FRAGMENT_ACCESS, "wsman", "the resource does not support fragments");
    }
    return CIMF_OK;
}

static void handle(struct wsman_call *c)
{
    struct error e = ERROR_INIT;
    struct slice text;
    const struct xml_node *block = NULL;
    struct wsman_request *r = c->request;
    cimf_status status = xml_decode(&c->arena, r->body, charset_of(r->content_type), &text, &c->charset, &e);
    if (status == CIMF_OK) status = soap_envelope_read(&c->arena, text, &c->envelope, &e);
    else if (status == CIMF_INVALID_SYNTAX) status = e.status = CIMF_WSMAN_SCHEMA_VALIDATION;
    bool identify = status == CIMF_OK && c->envelope.content && xml_is(c->envelope.content, NS_WSMID, "Identify");
    if (identify) {
        wsman_identify(c);
        return;
    }
    if (!c->principal) {
        deliver(c, 401, NULL, NULL, 0); /* the unauthenticated way leads to Identify only */
        return;
    }
    if (status == CIMF_OK) status = check_message(c, &block, &e);
    if (status == CIMF_OK) status = check_route(c, &e);
    if (status == CIMF_OK) {
        c->plugin->handler(c);
        return;
    }
    struct soap_fault f = { .status = status, .error = &e, .machine = c->server->config.machine };
    if (block) {
        f.not_understood_uri = block->uri;
        f.not_understood_name = block->name;
    }
    fault(c, &f);
}

void wsman_server_handle(struct wsman_server *s, struct wsman_request *r)
{
    atomic_fetch_add_explicit(&s->requests, 1, memory_order_relaxed);
    struct wsman_call *c = call_new(s, r);
    if (!c) {
        r->reply(r, 503, NULL, NULL, 0);
        return;
    }
    r->call = c;
    wsman_call_ref(c);
    if (r->body.n > WSMAN_LIMIT(s, max_envelope)) {
        deliver(c, 413, NULL, NULL, 0); /* E12: not parsed */
    } else {
        handle(c);
    }
    if (!wsman_call_replied(c) && r->arm) {
        int64_t left = c->deadline_us - wsman_now(s);
        r->arm(r, left > 0 ? left : 0);
    }
    wsman_call_unref(c);
}

/* --- operations ------------------------------------------------------------------------------- */

void wsman_op_prepare(struct wsman_call *c, struct cim_op *op, enum cim_verb verb, struct arena *arena,
                      const struct cim_sink *sink, void *owner)
{
    op->verb = verb;
    op->ns = c->ns;
    op->principal = c->principal;
    op->encrypted = c->encrypted;
    op->peer = arena == &c->arena ? c->peer : arena_dup(arena, c->peer); /* enumerations outlive the call */
    op->locale = c->header.locale;
    op->deadline_us = c->deadline_us;
    op->arena = arena;
    op->home = c->home;
    op->sink = sink;
    op->owner = owner;
}

void wsman_call_submit(struct wsman_call *c)
{
    wsman_call_ref(c); /* the operation's, until done */
    c->op_active = true;
    cim_submit(c->server->config.manager, c->fetching ? &c->fetch : &c->op);
}

void wsman_request_expire(struct wsman_request *r)
{
    struct wsman_call *c = r->call;
    if (!c) return;
    wsman_call_ref(c);
    if (c->context) {
        if (wsman_context_detach(c->context, c)) wsman_items_reply(c, c->context, false);
    } else {
        bool active = c->op_active;
        wsman_reply_fault(c, CIMF_WSMAN_TIMED_OUT, NULL);
        if (active && c->op_active) cim_cancel(c->server->config.manager, c->fetching ? &c->fetch : &c->op);
    }
    wsman_call_unref(c);
}

void wsman_request_abort(struct wsman_request *r)
{
    struct wsman_call *c = r->call;
    if (!c || c->context || !c->op_active) return;
    wsman_call_ref(c);
    cim_cancel(c->server->config.manager, c->fetching ? &c->fetch : &c->op);
    wsman_call_unref(c);
}
