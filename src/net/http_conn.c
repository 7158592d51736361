/* The connection machine: states as in http_conn.h. Everything happens in run(), one request after the
 * other; a handler that answers at once does not recurse. */
#include "net/http_conn.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"

void http_limits_default(struct http_limits *l)
{
    *l = (struct http_limits){
        .max_head = 81920, .max_head_anonymous = 16384, .max_headers = 100, .max_body = 512000,
        .max_pipelined = 16384, .write_limit = 1 << 20, .head_timeout_us = 30000000,
        .body_timeout_us = 120000000, .idle_timeout_us = 300000000, .write_timeout_us = 60000000,
        .max_connections = 20000 };
}

void http_site_init(struct http_site *s, const struct http_server_config *config)
{
    *s = (struct http_site){ .limits = config->limits, .policy = config->auth,
                             .broker = config->broker, .routes = config->routes,
                             .route_count = config->route_count };
    buf_init(&s->head, 1 << 20);
    buf_init(&s->sealed, (size_t)256 << 20);
}

void http_site_free(struct http_site *s)
{
    while (s->pool) {
        struct http_slot *slot = s->pool;
        s->pool = slot->next;
        arena_free(&slot->arena);
        free(slot);
    }
    buf_free(&s->head);
    buf_free(&s->sealed);
}

static void wait_for(struct http_conn *c, int64_t timeout_us)
{
    struct http_site *site = c->site;
    if (!c->running || !site->now_us) site->now_us = clock_mono_us(); /* once per input is enough */
    c->deadline_us = timeout_us > 0 ? site->now_us + timeout_us : 0;
    if (c->deadline_us) site->ops->deadline(c);
}

void http_conn_init(struct http_conn *c, struct http_site *site, const char *peer, const char *local,
                    bool tls)
{
    *c = (struct http_conn){ .site = site, .peer = peer, .local = local, .tls = tls,
                             .state = HTTP_CONN_IDLE };
    llhttp_init(&c->parser, HTTP_REQUEST, &http_conn_settings);
    c->parser.data = c;
    http_auth_init(&c->auth, &site->policy, site->broker);
    wait_for(c, site->limits.head_timeout_us); /* a new peer has to say something soon */
}

void http_conn_free(struct http_conn *c)
{
    assert(!http_conn_busy(c));
    http_auth_free(&c->auth);
    if (c->slot) http_slot_give(c->site, c->slot);
    c->slot = NULL;
    free(c->pending);
    c->pending = NULL;
}

static void close_now(struct http_conn *c, bool linger)
{
    if (c->state == HTTP_CONN_CLOSED) return;
    http_auth_free(&c->auth);
    if (c->slot && c->state != HTTP_CONN_HANDLER) {
        http_slot_give(c->site, c->slot);
        c->slot = NULL;
    }
    c->state = HTTP_CONN_CLOSED;
    c->deadline_us = 0;
    free(c->pending);
    c->pending = NULL;
    c->pending_n = c->pending_room = 0;
    c->site->ops->close(c, linger);
}

static void answer_trouble(struct http_conn *c, int status)
{
    HTTP_COUNT(c->site, bad_requests);
    http_conn_answer(c, status, NULL, 0, true);
}

/* ---- after the head ---- */

static void challenge(struct http_conn *c, enum http_auth_answer answer,
                      const struct http_auth_output *out)
{
    int status = answer == HTTP_AUTH_FORBIDDEN ? 403 : answer == HTTP_AUTH_BUSY ? 503 : 401;
    HTTP_COUNT(c->site, auth_failures);
    http_conn_answer(c, status, out->headers, out->header_count, out->close);
}

/* A media type that the route takes. */
static bool type_fits(const struct http_slot *s)
{
    if (!s->route->content_types) return true;
    struct slice type = slice_trim(slice_head(s->r.content_type, slice_find(s->r.content_type, ';')));
    const char *const *t = s->route->content_types;
    while (*t && !slice_ieq(slice_str(*t), type)) t++;
    return *t != NULL;
}

/* A body in a form that the route takes, and no content coding (RFC 9110 8.4), as none is undone here. What a sealed
 * one holds is not known yet. */
static bool body_form_fits(const struct http_slot *s)
{
    struct slice coding = slice_trim(http_request_header(&s->r, "Content-Encoding"));
    if (coding.n && !slice_ieq(coding, SLICE("identity"))) return false;
    return s->sealed || type_fits(s);
}

/* Plain bodies, asked or answered, on a connection that may not have them (MS-WSMV 3.1.4.1.29.1). A content type
 * that promises a sealed body proves nothing where there is none. */
static bool too_open(const struct http_conn *c, bool body)
{
    const struct http_slot *s = c->slot;
    if (!s->r.principal || (s->sealed && body) || c->tls || c->site->policy.allow_unencrypted) return false;
    return body || !s->route->probe_empty_post || s->r.method != HTTP_POST;
}

/* Memory for bodies of peers that have proved nothing yet (Digest over the body, probes) is bounded in all, not only
 * for each. */
static bool stranger_fits(struct http_conn *c, size_t room)
{
    enum { SMALL = 16384, MOST = 32 << 20 };
    struct http_slot *s = c->slot;
    if (s->r.principal || room <= SMALL) return true;
    size_t taken = c->site->unproved; /* alone even the largest fits */
    if (taken && (taken >= MOST || room > MOST - taken)) return false;
    s->unproved = room;
    c->site->unproved += room;
    return true;
}

/* Lets the parser read the body; what must be refused without reading it is refused here. */
static void begin_body(struct http_conn *c)
{
    static const struct slice go_on = { "HTTP/1.1 100 Continue\r\n\r\n", 25 };
    struct http_slot *s = c->slot;
    const struct http_limits *l = &c->site->limits;
    uint64_t length = s->chunk_coded ? 0 : c->parser.content_length;
    bool body = s->chunk_coded || length > 0;
    s->body_max = s->route->max_body ? s->route->max_body : l->max_body;
    if (s->sealed) s->body_max += s->body_max / 32 + 4096; /* lines and signatures around the parts */
    if (!s->has_length && !s->chunk_coded &&
        (s->r.method & (HTTP_POST | HTTP_PUT | HTTP_MERGE | HTTP_PATCH))) {
        http_conn_answer(c, 411, NULL, 0, false);
        return;
    }
    if (too_open(c, body)) {
        http_conn_answer(c, 500, NULL, 0, false);
        return;
    }
    if (length > s->body_max) {
        answer_trouble(c, 413);
        return;
    }
    if (body && !body_form_fits(s)) {
        http_conn_answer(c, 415, NULL, 0, false);
        return;
    }
    if (body && !stranger_fits(c, s->chunk_coded ? s->body_max : (size_t)length)) {
        answer_trouble(c, 503);
        return;
    }
    if (length > 0) {
        s->body_room = (size_t)length + 1;
        s->body = arena_alloc(&s->arena, s->body_room);
        if (!s->body) {
            answer_trouble(c, 503);
            return;
        }
    }
    if (body && s->expect && !s->http10) c->site->ops->send(c, &go_on, 1);
    s->expect = 0;
    c->state = HTTP_CONN_BODY;
    wait_for(c, l->body_timeout_us);
}

static void resume_after_auth(void *arg);

static bool is_probe(const struct http_slot *s)
{
    const struct http_header *want = &s->route->anonymous_header;
    return s->route->access == HTTP_ACCESS_PROBE && !s->authorization.p && want->name.n &&
           slice_ieq(http_request_header(&s->r, want->name.p), want->value);
}

static void dispatch(struct http_conn *c);

static void accepted(struct http_conn *c, const struct http_auth_output *out)
{
    struct http_slot *s = c->slot;
    struct http_protect protection;
    s->r.principal = principal_ref(out->principal);
    if (out->header_count) {
        s->auth_header.name = out->headers[0].name; /* a literal */
        s->auth_header.value = arena_dup(&s->arena, out->headers[0].value);
    }
    s->sealed = http_protect_is(s->r.content_type);
    if (s->sealed && !http_auth_protection(&c->auth, &protection)) { /* under a context that is gone */
        http_conn_answer(c, 401, NULL, 0, true);
    } else if (s->whole) {
        dispatch(c);
    } else {
        begin_body(c);
    }
}

static void authenticate(struct http_conn *c)
{
    struct http_slot *s = c->slot;
    if (s->route->access == HTTP_ACCESS_ANYONE || is_probe(s)) {
        begin_body(c);
        return;
    }
    struct http_auth_input in = { .authorization = s->authorization, .peer = s->r.peer,
                                  .method = slice_str(http_method_name(s->r.method)),
                                  .target = slice_of(s->text, s->target_n), .body = s->r.body,
                                  .has_body = s->whole, .tls = c->tls, .persistent = s->keep_alive,
                                  .channel = c->channel };
    struct http_auth_output out;
    enum http_auth_answer answer =
        http_auth_step(&c->auth, &in, &out, c->site->home, resume_after_auth, c);
    if (answer == HTTP_AUTH_PENDING) {
        c->state = HTTP_CONN_AUTH;
        c->deadline_us = 0;
    } else if (answer == HTTP_AUTH_ACCEPTED) {
        accepted(c, &out);
    } else if (answer == HTTP_AUTH_BODY) {
        s->auth_body = 1;
        begin_body(c);
    } else {
        challenge(c, answer, &out);
    }
}

static void head_done(struct http_conn *c)
{
    bool known;
    unsigned methods;
    int status = http_head_check(c);
    if (status) {
        answer_trouble(c, status);
        return;
    }
    c->slot->route = http_head_route(c, &known, &methods);
    if (!known) {
        http_conn_answer(c, 404, NULL, 0, false);
    } else if (!c->slot->route) {
        char text[96] = "";
        for (unsigned m = 1; m < HTTP_OTHER; m <<= 1) {
            if (!(methods & m)) continue;
            if (text[0]) strcat(text, ", ");
            strcat(text, http_method_name(m));
        }
        struct http_header allow = { SLICE("Allow"), slice_str(text) };
        http_conn_answer(c, 405, &allow, 1, false);
    } else {
        authenticate(c);
    }
}

/* ---- after the body ---- */

static void message_done(struct http_conn *c)
{
    struct http_slot *s = c->slot;
    if (s->body) s->body[s->body_n] = 0;
    s->r.body = slice_of(s->body ? s->body : "", s->body_n);
    s->whole = 1;
    c->deadline_us = 0;
    if (s->auth_body) authenticate(c);
    else dispatch(c);
}

static void dispatch(struct http_conn *c)
{
    struct http_slot *s = c->slot;
    if (s->sealed && s->body_n == 0 && too_open(c, false)) { /* chunks that were none */
        http_conn_answer(c, 500, NULL, 0, false);
        return;
    }
    int status = s->sealed && s->body_n ? http_sealed_open(c) : 0;
    if (status) {
        answer_trouble(c, status);
        return;
    }
    if (s->r.sealed && !type_fits(s)) {
        http_conn_answer(c, 415, NULL, 0, false);
        return;
    }
    s->r.arg = s->route->arg;
    s->conn = c;
    if (s->body_n == 0 && s->r.principal && s->route->probe_empty_post &&
        s->r.method == HTTP_POST) {
        http_conn_answer(c, 200, NULL, 0, false);
        return;
    }
    c->state = HTTP_CONN_HANDLER;
    c->abort_told = false;
    HTTP_COUNT(c->site, requests);
    HTTP_COUNT(c->site, requests_pending);
    s->route->handler(&s->r);
}

/* The reply is out and the input of the request is consumed. */
void http_conn_request_over(struct http_conn *c)
{
    bool keep = !c->slot->close_after;
    http_slot_give(c->site, c->slot);
    c->slot = NULL;
    if (!keep) {
        close_now(c, true);
        return;
    }
    c->state = HTTP_CONN_IDLE;
    const struct http_limits *l = &c->site->limits;
    int64_t short_us = 2 * l->head_timeout_us; /* nobody stays without saying who he is */
    wait_for(c, !c->auth.principal && short_us < l->idle_timeout_us ? short_us : l->idle_timeout_us);
}

/* After an answer that came before the body was read. */
void http_conn_skip_body(struct http_conn *c)
{
    struct http_slot *s = c->slot;
    bool body = s->chunk_coded || c->parser.content_length > 0;
    size_t most = s->route && s->route->max_body ? s->route->max_body : c->site->limits.max_body;
    if (body && (s->expect || (!s->chunk_coded && c->parser.content_length > most)))
        s->close_after = 1; /* the reply said so, see http_conn_must_close */
    if (s->close_after) {
        http_conn_request_over(c);
        return;
    }
    s->body_max = most;
    c->state = HTTP_CONN_DRAIN;
    wait_for(c, c->site->limits.body_timeout_us);
}

bool http_conn_must_close(const struct http_conn *c)
{
    const struct http_slot *s = c->slot;
    if (s->close_after || !s->keep_alive || c->site->stopping) return true;
    if (c->state == HTTP_CONN_HANDLER || c->state == HTTP_CONN_BODY || s->whole) return false;
    bool body = s->chunk_coded || c->parser.content_length > 0;
    size_t most = s->route && s->route->max_body ? s->route->max_body : c->site->limits.max_body;
    return body && (s->expect || (!s->chunk_coded && c->parser.content_length > most));
}

/* ---- input ---- */

/* What llhttp lets through: a line end without CR, a continuation line (RFC 9112 2.2, 5.2). */
static bool lines_ok(struct http_conn *c, const char *p, size_t n)
{
    const char *end = p + n, *at = p;
    if (n == 0) return true;
    if (c->last_byte == '\n' && (*p == ' ' || *p == '\t')) return false;
    while ((at = memchr(at, '\n', (size_t)(end - at)))) {
        if ((at > p ? at[-1] : (char)c->last_byte) != '\r') return false;
        if (++at == end) break;
        if (*at == ' ' || *at == '\t') return false;
    }
    c->last_byte = (uint8_t)end[-1];
    return true;
}

static bool begin_request(struct http_conn *c)
{
    c->slot = http_slot_take(c->site);
    if (!c->slot) {
        close_now(c, false);
        return false;
    }
    c->slot->keep_alive = 0; /* until the head says otherwise, an answer ends the connection */
    c->state = HTTP_CONN_HEAD;
    c->head_bytes = 0;
    c->last_byte = 0;
    wait_for(c, c->site->limits.head_timeout_us);
    return true;
}

static void parse_failed(struct http_conn *c, llhttp_errno_t err)
{
    if (c->state == HTTP_CONN_DRAIN) {
        close_now(c, true);
        return;
    }
    int status = c->slot->trouble ? c->slot->trouble : err == HPE_INVALID_VERSION ? 505 : 400;
    answer_trouble(c, status);
}

/* One step of the parser over p; how many bytes it took. *more: there may be something left to do. */
static size_t parse(struct http_conn *c, const char *p, size_t n, bool *more)
{
    bool head = c->state == HTTP_CONN_HEAD;
    llhttp_errno_t err = llhttp_execute(&c->parser, p, n);
    size_t used = err == HPE_OK ? n : (size_t)(llhttp_get_error_pos(&c->parser) - p);
    *more = err != HPE_OK;
    if (head) {
        c->head_bytes += used;
        if (!lines_ok(c, p, used)) err = HPE_STRICT;
        else if (c->head_bytes > c->site->limits.max_head) {
            c->slot->trouble = 431;
            err = HPE_USER;
        }
    }
    if (err == HPE_OK) return used;
    *more = true;
    if (err != HPE_PAUSED) {
        parse_failed(c, err);
        return n;
    }
    llhttp_resume(&c->parser);
    if (head) head_done(c);
    else if (c->state == HTTP_CONN_DRAIN) http_conn_request_over(c);
    else message_done(c);
    return used;
}

static bool waits(const struct http_conn *c)
{
    return c->state == HTTP_CONN_AUTH || c->state == HTTP_CONN_HANDLER;
}

static size_t run(struct http_conn *c, struct slice in)
{
    size_t at = 0;
    bool more = true;
    c->running = true;
    c->site->now_us = 0;
    while (more && !waits(c) && c->state != HTTP_CONN_CLOSED) {
        if (c->state == HTTP_CONN_IDLE && (at == in.n || !begin_request(c))) break;
        at += parse(c, in.n ? in.p + at : "", in.n - at, &more);
    }
    c->running = false;
    return at;
}

static void store(struct http_conn *c, struct slice bytes)
{
    if (bytes.n == 0 || c->state == HTTP_CONN_CLOSED) return;
    if (bytes.n > c->pending_room - c->pending_n) {
        size_t room = c->pending_n + bytes.n;
        char *more = realloc(c->pending, room);
        if (!more) {
            http_conn_broken(c);
            return;
        }
        c->pending = more;
        c->pending_room = room;
    }
    memcpy(c->pending + c->pending_n, bytes.p, bytes.n);
    c->pending_n += bytes.n;
    if (c->pending_n >= c->site->limits.max_pipelined && !c->paused) {
        c->paused = true;
        c->site->ops->reading(c, false);
    }
}

/* Goes on with what had to wait. */
static void pump(struct http_conn *c)
{
    char *own = c->pending;
    size_t n = c->pending_n;
    c->pending = NULL;
    c->pending_n = c->pending_room = 0;
    size_t used = run(c, slice_of(own, n));
    if (used < n) store(c, slice_of(own + used, n - used));
    free(own);
    if (c->paused && c->pending_n < c->site->limits.max_pipelined &&
        c->state != HTTP_CONN_CLOSED) {
        c->paused = false;
        c->site->ops->reading(c, true);
    }
    if (c->eof && !waits(c)) close_now(c, false);
}

void http_conn_go_on(struct http_conn *c)
{
    if (!c->running && c->state != HTTP_CONN_CLOSED) pump(c);
}

static void resume_after_auth(void *arg)
{
    struct http_conn *c = arg;
    if (c->state != HTTP_CONN_AUTH) return;
    authenticate(c);
    http_conn_go_on(c);
}

void http_conn_input(struct http_conn *c, struct slice bytes)
{
    assert(!c->running);
    if (c->state == HTTP_CONN_CLOSED) return;
    size_t used = waits(c) ? 0 : run(c, bytes);
    if (used < bytes.n) store(c, slice_sub(bytes, used));
}

/* ---- the end ---- */

static void tell_abort(struct http_conn *c)
{
    if (c->abort_told || !c->slot) return;
    c->abort_told = true;
    HTTP_COUNT(c->site, aborted);
    if (c->slot->r.on_abort) c->slot->r.on_abort(&c->slot->r);
}

void http_conn_eof(struct http_conn *c)
{
    if (c->eof || c->state == HTTP_CONN_CLOSED) return;
    c->eof = true;
    if (c->state == HTTP_CONN_HANDLER) tell_abort(c);
    else if (c->state != HTTP_CONN_AUTH) close_now(c, false);
}

void http_conn_broken(struct http_conn *c)
{
    if (c->state == HTTP_CONN_CLOSED) return;
    bool handled = c->state == HTTP_CONN_HANDLER;
    c->broken = c->eof = true;
    close_now(c, false);
    if (handled) tell_abort(c);
}

void http_conn_timeout(struct http_conn *c)
{
    c->deadline_us = 0;
    if (c->state == HTTP_CONN_CLOSED || waits(c)) return;
    HTTP_COUNT(c->site, timeouts);
    if (c->state == HTTP_CONN_HEAD) http_conn_answer(c, 408, NULL, 0, true);
    else if (c->state == HTTP_CONN_BODY) http_conn_answer(c, 500, NULL, 0, true);
    else close_now(c, false);
}

void http_conn_drained(struct http_conn *c)
{
    if (c->state == HTTP_CONN_HANDLER && c->slot->begun && c->slot->r.on_drain)
        c->slot->r.on_drain(&c->slot->r);
}

void http_conn_stop(struct http_conn *c)
{
    if (c->state == HTTP_CONN_IDLE) close_now(c, false);
}

bool http_conn_busy(const struct http_conn *c)
{
    return c->slot && (c->state == HTTP_CONN_HANDLER || c->state == HTTP_CONN_CLOSED);
}
