/* The client machine: one exchange at a time; llhttp reads the reply. */
#include "net/http_client.h"

#include <stdlib.h>

#include "net/llhttp_priv.h"

struct span { size_t name, name_n, value, value_n; };

struct http_client {
    char *host;
    unsigned port;
    bool default_port;
    struct tls *tls;
    struct http_client_limits limits;
    enum http_client_state state;
    struct buf out;        /* for the socket */
    struct buf held;       /* request bytes that wait for the TLS handshake */
    struct buf plain;      /* TLS: decrypted, not yet parsed */
    llhttp_t parser;
    struct arena arena;    /* of the reply */
    struct buf text;       /* header text of the reply */
    struct buf body;
    struct span *spans;
    unsigned span_count, span_room;
    struct http_client_reply reply;
    bool in_value, interim, head_request, touched, whole, too_big, no_memory;
};

static void reply_reset(struct http_client *c)
{
    arena_reset(&c->arena);
    buf_clear(&c->text);
    if (c->body.room > 1 << 20) buf_free(&c->body);
    buf_clear(&c->body);
    c->spans = NULL;
    c->span_count = c->span_room = 0;
    c->in_value = false;
    c->reply = (struct http_client_reply){ .status = 0 };
}

/* ---- llhttp ---- */

static int text_add(struct http_client *c, const char *at, size_t n)
{
    if (buf_add(&c->text, at, n)) return 0;
    c->too_big = true;
    return -1;
}

static int on_field(llhttp_t *p, const char *at, size_t n)
{
    struct http_client *c = p->data;
    if (c->in_value || c->span_count == 0) {
        if (c->span_count >= c->limits.max_headers) {
            c->too_big = true;
            return -1;
        }
        if (c->span_count == c->span_room) {
            unsigned room = c->span_room ? c->span_room * 2 : 32;
            struct span *more = ARENA_ARRAY(&c->arena, room, struct span);
            if (!more) {
                c->no_memory = true;
                return -1;
            }
            if (c->span_count) memcpy(more, c->spans, c->span_count * sizeof *more);
            c->spans = more;
            c->span_room = room;
        }
        c->spans[c->span_count++] = (struct span){ .name = c->text.n };
        c->in_value = false;
    }
    c->spans[c->span_count - 1].name_n += n;
    return text_add(c, at, n);
}

static int on_value(llhttp_t *p, const char *at, size_t n)
{
    struct http_client *c = p->data;
    if (c->span_count == 0) return -1;
    struct span *s = &c->spans[c->span_count - 1];
    if (!c->in_value) s->value = c->text.n;
    c->in_value = true;
    s->value_n += n;
    return text_add(c, at, n);
}

static int on_value_complete(llhttp_t *p)
{
    ((struct http_client *)p->data)->in_value = true;
    return 0;
}

static int on_head(llhttp_t *p)
{
    struct http_client *c = p->data;
    p->upgrade = 0;
    if (p->status_code == 101 || p->http_major != 1) return -1;
    c->interim = p->status_code < 200;
    if (c->interim) return 0;
    struct http_header *list = ARENA_ARRAY(&c->arena, c->span_count + 1, struct http_header);
    if (!list) {
        c->no_memory = true;
        return -1;
    }
    for (unsigned i = 0; i < c->span_count; i++) {
        const struct span *s = &c->spans[i];
        list[i].name = arena_dup(&c->arena, slice_of(c->text.p + s->name, s->name_n));
        list[i].value = slice_trim(arena_dup(&c->arena, slice_of(c->text.p + s->value, s->value_n)));
    }
    if (arena_status(&c->arena) != CIMF_OK) {
        c->no_memory = true;
        return -1;
    }
    c->reply.status = p->status_code;
    c->reply.headers = list;
    c->reply.header_count = c->span_count;
    c->reply.content_type = http_client_reply_header(c, "Content-Type");
    if (!c->reply.content_type.p) c->reply.content_type = SLICE("");
    return c->head_request ? 1 : 0;
}

static int on_body(llhttp_t *p, const char *at, size_t n)
{
    struct http_client *c = p->data;
    if (buf_add(&c->body, at, n)) return 0;
    c->too_big = true;
    return -1;
}

static int on_message(llhttp_t *p)
{
    struct http_client *c = p->data;
    if (c->interim) { /* 100 Continue and the like: the reply is still to come */
        c->interim = false;
        c->span_count = 0;
        c->in_value = false;
        buf_clear(&c->text);
        return 0;
    }
    c->whole = true;
    c->reply.keep_alive = llhttp_should_keep_alive(p);
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_header_field = on_field, .on_header_value = on_value,
    .on_header_value_complete = on_value_complete, .on_headers_complete = on_head,
    .on_body = on_body, .on_message_complete = on_message,
};

/* ---- life ---- */

cimf_status http_client_new(const char *host, unsigned port, struct tls_config *tls,
                            const struct http_client_limits *limits, struct http_client **out,
                            struct error *e)
{
    *out = NULL;
    if (!host || !*host || strpbrk(host, " \t\r\n/@?#"))
        return error_set(e, CIMF_INVALID_PARAMETER, "net", "not a host name");
    struct http_client *c = calloc(1, sizeof *c);
    if (!c) return error_set(e, CIMF_OUT_OF_MEMORY, "net", "no memory for a connection");
    if (limits) c->limits = *limits;
    if (!c->limits.max_head) c->limits.max_head = 65536;
    if (!c->limits.max_body) c->limits.max_body = (size_t)64 << 20;
    if (!c->limits.max_headers) c->limits.max_headers = 200;
    c->host = strdup(host);
    c->port = port;
    c->default_port = port == (tls ? 443u : 80u);
    arena_init(&c->arena, 4 * c->limits.max_head + 65536);
    buf_init(&c->out, (size_t)1 << 30);
    buf_init(&c->held, (size_t)1 << 30);
    buf_init(&c->plain, (size_t)1 << 30);
    buf_init(&c->text, c->limits.max_head);
    buf_init(&c->body, c->limits.max_body + 1);
    llhttp_init(&c->parser, HTTP_RESPONSE, &settings);
    c->parser.data = c;
    cimf_status status = c->host ? CIMF_OK : CIMF_OUT_OF_MEMORY;
    if (status == CIMF_OK && tls) {
        c->tls = tls_new(tls, host);
        status = c->tls ? tls_start(c->tls, &c->out, e) : CIMF_TLS_FAILED;
    }
    if (status != CIMF_OK) {
        http_client_free(c);
        return error_set(e, status, "net", "the connection could not be prepared");
    }
    *out = c;
    return CIMF_OK;
}

void http_client_free(struct http_client *c)
{
    if (!c) return;
    tls_free(c->tls);
    arena_free(&c->arena);
    buf_wipe(&c->out); /* requests carry credentials */
    buf_wipe(&c->held);
    buf_free(&c->plain);
    buf_free(&c->text);
    buf_free(&c->body);
    free(c->host);
    free(c);
}

/* ---- sending ---- */

static bool head_ok(const struct http_header *headers, unsigned count, struct slice target)
{
    for (size_t i = 0; i < target.n; i++)
        if ((unsigned char)target.p[i] <= ' ' || target.p[i] == 0x7f) return false;
    for (unsigned i = 0; i < count; i++) {
        for (size_t k = 0; k < headers[i].value.n; k++)
            if (strchr("\r\n", headers[i].value.p[k])) return false; /* NUL too */
        for (size_t k = 0; k < headers[i].name.n; k++)
            if ((unsigned char)headers[i].name.p[k] <= ' ' || headers[i].name.p[k] == ':')
                return false;
    }
    return target.n > 0;
}

static void head_put(const struct http_client *c, struct buf *b, enum http_method method,
                     struct slice target, const struct http_header *headers, unsigned count,
                     size_t body_n)
{
    bool v6 = strchr(c->host, ':') != NULL;
    buf_printf(b, "%s " SLICE_FMT " HTTP/1.1\r\nHost: %s%s%s", http_method_name(method),
               SLICE_ARG(target), v6 ? "[" : "", c->host, v6 ? "]" : "");
    if (!c->default_port) buf_printf(b, ":%u", c->port);
    buf_lit(b, "\r\n");
    for (unsigned i = 0; i < count; i++) {
        buf_slice_add(b, headers[i].name);
        buf_lit(b, ": ");
        buf_slice_add(b, headers[i].value);
        buf_lit(b, "\r\n");
    }
    if (body_n || method == HTTP_POST || method == HTTP_PUT)
        buf_printf(b, "Content-Length: %zu\r\n", body_n);
    buf_lit(b, "\r\n");
}

static cimf_status fail(struct http_client *c, struct error *e, cimf_status status, const char *what)
{
    c->state = HTTP_CLIENT_FAILED;
    return error_set(e, status, "net", "%s", what);
}

/* Requests wait in the clear until the handshake is over. */
static cimf_status flush_held(struct http_client *c, struct error *e)
{
    struct slice s = buf_slice(&c->held);
    if (!c->tls || s.n == 0 || !tls_ready(c->tls)) return CIMF_OK;
    cimf_status status = tls_output(c->tls, &s, 1, &c->out, e);
    buf_wipe(&c->held);
    if (status != CIMF_OK) c->state = HTTP_CLIENT_FAILED;
    return status;
}

cimf_status http_client_send(struct http_client *c, enum http_method method, struct slice target,
                             const struct http_header *headers, unsigned header_count,
                             struct slice body, struct error *e)
{
    if (c->state != HTTP_CLIENT_IDLE)
        return error_set(e, CIMF_INVALID_OPERATION, "net", "the connection is not idle");
    if (!head_ok(headers, header_count, target))
        return error_set(e, CIMF_INVALID_PARAMETER, "net", "a header or the target is not valid");
    struct buf *b = c->tls ? &c->held : &c->out;
    head_put(c, b, method, target, headers, header_count, body.n);
    buf_slice_add(b, body);
    if (!buf_ok(b)) return fail(c, e, CIMF_OUT_OF_MEMORY, "no memory for the request");
    c->head_request = method == HTTP_HEAD;
    c->touched = c->whole = c->too_big = c->no_memory = c->interim = false;
    c->state = HTTP_CLIENT_BUSY;
    return flush_held(c, e);
}

struct slice http_client_output(const struct http_client *c) { return buf_slice(&c->out); }

void http_client_wrote(struct http_client *c, size_t n)
{
    if (n >= c->out.n) buf_clear(&c->out);
    else buf_consume(&c->out, n);
}

/* ---- receiving ---- */

static cimf_status done(struct http_client *c)
{
    buf_strz(&c->body);
    c->reply.body = slice_of(c->body.p ? c->body.p : "", c->body.n);
    if (c->out.n || c->held.n) c->reply.keep_alive = false; /* answered before it was all sent */
    c->state = HTTP_CLIENT_DONE;
    return CIMF_OK;
}

static cimf_status parse(struct http_client *c, struct slice in, struct error *e)
{
    if (in.n == 0) return CIMF_OK;
    if (c->state != HTTP_CLIENT_BUSY) { /* bytes that nobody asked for */
        if (c->state == HTTP_CLIENT_DONE) c->reply.keep_alive = false;
        else if (c->state == HTTP_CLIENT_IDLE) c->state = HTTP_CLIENT_CLOSED;
        return CIMF_OK;
    }
    c->touched = true;
    llhttp_errno_t err = llhttp_execute(&c->parser, in.p, in.n);
    if (err == HPE_PAUSED && c->whole) {
        llhttp_resume(&c->parser);
        done(c);
        if (llhttp_get_error_pos(&c->parser) != in.p + in.n && c->reply.keep_alive)
            c->reply.keep_alive = false;
        return CIMF_OK;
    }
    if (err == HPE_OK) return CIMF_OK;
    if (c->no_memory) return fail(c, e, CIMF_OUT_OF_MEMORY, "no memory for the reply");
    if (c->too_big) return fail(c, e, CIMF_QUOTA_VIOLATION, "the reply is larger than the limit");
    c->state = HTTP_CLIENT_FAILED;
    return error_set(e, CIMF_PROTOCOL_ERROR, "net", "the answer is not HTTP/1.1 (%s)",
                     llhttp_errno_name(err));
}

static cimf_status peer_closed(struct http_client *c, struct error *e)
{
    if (c->state == HTTP_CLIENT_DONE) {
        c->reply.keep_alive = false;
        return CIMF_OK;
    }
    if (c->state == HTTP_CLIENT_BUSY) {
        llhttp_errno_t err = c->touched ? llhttp_finish(&c->parser) : HPE_INVALID_EOF_STATE;
        if (c->whole && (err == HPE_OK || err == HPE_PAUSED)) {
            done(c);
            c->reply.keep_alive = false;
            return CIMF_OK;
        }
        return fail(c, e, CIMF_CONNECTION_LOST, c->touched
                        ? "the server closed the connection in the middle of its answer"
                        : "the server closed the connection without an answer");
    }
    if (c->state == HTTP_CLIENT_IDLE) c->state = HTTP_CLIENT_CLOSED;
    return CIMF_OK;
}

cimf_status http_client_input(struct http_client *c, struct slice bytes, struct error *e)
{
    if (c->state == HTTP_CLIENT_FAILED || c->state == HTTP_CLIENT_CLOSED) return CIMF_OK;
    if (bytes.n == 0) {
        /* A TLS stream that ends without close_notify may have been cut by somebody else: what has no
         * length of its own is not complete then. */
        if (c->tls && c->state == HTTP_CLIENT_BUSY && !tls_peer_closed(c->tls))
            return fail(c, e, CIMF_CONNECTION_LOST, "the TLS connection was cut");
        return peer_closed(c, e);
    }
    if (!c->tls) return parse(c, bytes, e);
    buf_clear(&c->plain);
    cimf_status status = tls_input(c->tls, bytes, &c->plain, &c->out, e);
    if (status != CIMF_OK) {
        c->state = HTTP_CLIENT_FAILED;
        return status;
    }
    status = flush_held(c, e);
    if (status == CIMF_OK) status = parse(c, buf_slice(&c->plain), e);
    if (c->plain.room > 1 << 18) buf_free(&c->plain);
    if (status == CIMF_OK && tls_peer_closed(c->tls)) status = peer_closed(c, e);
    return status;
}

enum http_client_state http_client_state(const struct http_client *c) { return c->state; }

const struct http_client_reply *http_client_reply(const struct http_client *c)
{
    return c->state == HTTP_CLIENT_DONE ? &c->reply : NULL;
}

struct slice http_client_reply_header(const struct http_client *c, const char *name)
{
    for (unsigned i = 0; i < c->reply.header_count; i++)
        if (slice_ieq(c->reply.headers[i].name, slice_str(name))) return c->reply.headers[i].value;
    return SLICE_NULL;
}

void http_client_reply_clear(struct http_client *c)
{
    if (c->state != HTTP_CLIENT_DONE) return;
    c->state = c->reply.keep_alive ? HTTP_CLIENT_IDLE : HTTP_CLIENT_CLOSED;
    reply_reset(c);
}

bool http_client_untouched(const struct http_client *c) { return !c->touched; }

bool http_client_ready(const struct http_client *c) { return !c->tls || tls_ready(c->tls); }

size_t http_client_end_point(const struct http_client *c, unsigned char out[64])
{
    return c->tls ? tls_server_end_point(c->tls, out) : 0;
}
