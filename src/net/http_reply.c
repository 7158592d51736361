/* Replies: the head into the site's scratch buffer, then head and body in one send. */
#include <stdio.h>
#include <time.h>

#include "net/http_conn.h"

const char *http_method_name(enum http_method method)
{
    switch (method) {
    case HTTP_GET: return "GET";
    case HTTP_HEAD: return "HEAD";
    case HTTP_POST: return "POST";
    case HTTP_PUT: return "PUT";
    case HTTP_DELETE: return "DELETE";
    case HTTP_MERGE: return "MERGE";
    case HTTP_PATCH: return "PATCH";
    case HTTP_OPTIONS: return "OPTIONS";
    case HTTP_OTHER: break;
    }
    return "?";
}

const char *http_status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } names[] = {
        { 100, "Continue" }, { 200, "OK" }, { 201, "Created" }, { 202, "Accepted" },
        { 204, "No Content" }, { 206, "Partial Content" }, { 301, "Moved Permanently" },
        { 302, "Found" }, { 304, "Not Modified" }, { 400, "Bad Request" },
        { 401, "Unauthorized" }, { 403, "Forbidden" }, { 404, "Not Found" },
        { 405, "Method Not Allowed" }, { 406, "Not Acceptable" }, { 408, "Request Timeout" },
        { 409, "Conflict" }, { 410, "Gone" }, { 411, "Length Required" },
        { 412, "Precondition Failed" }, { 413, "Content Too Large" }, { 414, "URI Too Long" },
        { 415, "Unsupported Media Type" }, { 417, "Expectation Failed" },
        { 431, "Request Header Fields Too Large" }, { 500, "Internal Server Error" },
        { 501, "Not Implemented" }, { 502, "Bad Gateway" }, { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" }, { 505, "HTTP Version Not Supported" },
        { 507, "Insufficient Storage" },
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].status == status) return names[i].text;
    return "Unknown";
}

static void date_put(struct http_site *site)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != site->date_second) {
        struct tm t;
        gmtime_r(&now.tv_sec, &t);
        site->date_second = now.tv_sec;
        snprintf(site->date, sizeof site->date, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
                 days + t.tm_wday * 3, t.tm_mday % 100u, months + t.tm_mon * 3,
                 (t.tm_year + 1900u) % 10000u, t.tm_hour % 100u, t.tm_min % 100u,
                 t.tm_sec % 100u);
    }
    buf_lit(&site->head, "Date: ");
    buf_add(&site->head, site->date, sizeof site->date - 1);
    buf_lit(&site->head, "\r\n");
}

/* A header that would break the head apart is left out. */
static void header_put(struct buf *b, const struct http_header *h)
{
    for (size_t i = 0; i < h->value.n; i++)
        if (h->value.p[i] == '\r' || h->value.p[i] == '\n' || h->value.p[i] == 0) return;
    buf_slice_add(b, h->name);
    buf_lit(b, ": ");
    buf_slice_add(b, h->value);
    buf_lit(b, "\r\n");
}

/* A handler that refuses with 401 gets the challenge that belongs to it (RFC 9110, 11.6.1). */
static void challenge_put(struct http_conn *c, struct buf *b, const struct http_header *headers, unsigned count)
{
    struct http_auth_output out = { .header_count = 0 };
    for (unsigned i = 0; i < count; i++) {
        if (slice_ieq(headers[i].name, SLICE("WWW-Authenticate"))) return;
    }
    http_auth_offer(&c->auth, c->tls, slice_str(c->peer), &out);
    for (unsigned i = 0; i < out.header_count; i++) header_put(b, &out.headers[i]);
}

enum framing { FRAME_LENGTH, FRAME_CHUNKED, FRAME_CLOSE };

static struct slice head_put(struct http_conn *c, int status, const struct http_header *headers,
                             unsigned header_count, enum framing framing, size_t length)
{
    struct http_slot *s = c->slot;
    struct buf *b = &c->site->head;
    buf_clear(b);
    if (status == 200) {
        buf_lit(b, "HTTP/1.1 200 OK\r\n");
    } else {
        buf_printf(b, "HTTP/1.1 %d %s\r\n", status, http_status_text(status));
    }
    for (unsigned i = 0; i < header_count; i++) header_put(b, &headers[i]);
    if (status == 401) challenge_put(c, b, headers, header_count);
    else if (s->auth_header.value.p) header_put(b, &s->auth_header);
    if (framing == FRAME_CHUNKED) {
        buf_lit(b, "Transfer-Encoding: chunked\r\n");
    } else if (framing == FRAME_LENGTH && status != 204 && status != 304) {
        buf_lit(b, "Content-Length: ");
        buf_u64(b, length);
        buf_lit(b, "\r\n");
    }
    date_put(c->site);
    if (s->close_after) buf_lit(b, "Connection: close\r\n");
    else if (s->http10) buf_lit(b, "Connection: keep-alive\r\n");
    buf_lit(b, "\r\n");
    return buf_slice(b);
}

enum {
    SLICES = 64,
    JOIN = 4096, /* smaller bodies are copied behind their head: write(2) is cheaper than writev(2) */
};

/* Head and body; more slices than fit one vector go in a second send. */
static void send_with(struct http_conn *c, struct slice head, const struct slice *body, unsigned n)
{
    struct slice list[SLICES];
    unsigned count = 0;
    if (head.n) list[count++] = head;
    for (unsigned i = 0; i < n; i++) {
        if (body[i].n == 0) continue;
        if (count == SLICES) {
            c->site->ops->send(c, list, count);
            count = 0;
        }
        list[count++] = body[i];
    }
    if (count) c->site->ops->send(c, list, count);
}

static void lose(struct http_conn *c)
{
    c->abort_told = true; /* the handler is the one who is calling */
    http_conn_broken(c);
}

/* No memory for the head: half of one must not go out. true: the connection is closed. */
static bool head_lost(struct http_conn *c)
{
    if (buf_ok(&c->site->head)) return false;
    lose(c);
    return true;
}

void http_conn_answer(struct http_conn *c, int status, const struct http_header *headers,
                      unsigned header_count, bool close)
{
    struct http_slot *s = c->slot;
    if (close || http_conn_must_close(c)) s->close_after = 1;
    struct slice head = head_put(c, status, headers, header_count, FRAME_LENGTH, 0);
    if (head_lost(c)) return;
    send_with(c, head, NULL, 0);
    if (!s->whole && (c->state == HTTP_CONN_HEAD || c->state == HTTP_CONN_AUTH)) http_conn_skip_body(c);
    else http_conn_request_over(c);
}

/* ---- what handlers call ---- */

struct exec *http_request_exec(struct http_request *r)
{
    return ((struct http_slot *)r)->conn->site->home;
}

/* The handler is through with its request; true: the connection lives. */
static bool handed_back(struct http_slot *s)
{
    struct http_conn *c = s->conn;
    HTTP_UNCOUNT(c->site, requests_pending);
    if (c->state != HTTP_CONN_CLOSED) return true;
    http_slot_give(c->site, s);
    c->slot = NULL;
    c->site->ops->released(c);
    return false;
}

static void finish(struct http_slot *s)
{
    struct http_conn *c = s->conn;
    if (!handed_back(s)) return;
    http_conn_request_over(c);
    http_conn_go_on(c);
}

void http_reply(struct http_request *r, int status, const struct http_header *headers,
                unsigned header_count, const struct slice *body, unsigned slice_count)
{
    struct http_slot *s = (struct http_slot *)r;
    struct http_conn *c = s->conn;
    if (c->state == HTTP_CONN_HANDLER) {
        size_t length = 0;
        struct slice whole;
        for (unsigned i = 0; i < slice_count; i++) length += body[i].n;
        if (http_conn_must_close(c)) s->close_after = 1;
        if (r->sealed && length) {
            struct http_sealed x = { headers, header_count, body, slice_count, SLICE_NULL };
            if (!http_sealed_reply(c, &x)) {
                lose(c);
                finish(s);
                return;
            }
            headers = x.headers;
            header_count = x.header_count;
            whole = x.whole;
            body = &whole;
            slice_count = 1;
            length = whole.n;
        }
        if (r->method == HTTP_HEAD || status == 204 || status == 304) slice_count = 0;
        struct slice head = head_put(c, status, headers, header_count, FRAME_LENGTH, length);
        if (length <= JOIN) {
            for (unsigned i = 0; i < slice_count; i++) buf_slice_add(&c->site->head, body[i]);
            head = buf_slice(&c->site->head);
            slice_count = 0;
        }
        if (!head_lost(c)) send_with(c, head, body, slice_count);
    }
    finish(s);
}

void http_reply_simple(struct http_request *r, int status, const char *content_type,
                       struct slice body)
{
    struct http_header h = { SLICE("Content-Type"), slice_str(content_type) };
    http_reply(r, status, &h, content_type ? 1 : 0, &body, 1);
}

void http_reply_begin(struct http_request *r, int status, const struct http_header *headers,
                      unsigned header_count)
{
    struct http_slot *s = (struct http_slot *)r;
    struct http_conn *c = s->conn;
    s->begun = 1;
    if (c->state != HTTP_CONN_HANDLER) return;
    if (r->sealed) {
        if (!http_sealed_begin(s, status, headers, header_count)) lose(c);
        return;
    }
    if (s->http10 || http_conn_must_close(c)) s->close_after = 1;
    struct slice head = head_put(c, status, headers, header_count,
                                 s->http10 ? FRAME_CLOSE : FRAME_CHUNKED, 0);
    if (!head_lost(c)) send_with(c, head, NULL, 0);
}

bool http_reply_chunk(struct http_request *r, const struct slice *data, unsigned slice_count)
{
    struct http_slot *s = (struct http_slot *)r;
    struct http_conn *c = s->conn;
    if (c->state != HTTP_CONN_HANDLER) return true;
    if (s->collected) {
        if (!http_sealed_add(s, data, slice_count)) lose(c);
        return true;
    }
    size_t length = 0;
    for (unsigned i = 0; i < slice_count; i++) length += data[i].n;
    if (length == 0 || r->method == HTTP_HEAD) return true;
    struct slice list[SLICES], head = SLICE_NULL, tail = SLICE("\r\n");
    char text[24];
    if (!s->http10) head = slice_of(text, (size_t)snprintf(text, sizeof text, "%zx\r\n", length));
    if (slice_count < SLICES - 1) { /* one send for the chunk with its frame */
        for (unsigned i = 0; i < slice_count; i++) list[i] = data[i];
        if (!s->http10) list[slice_count++] = tail;
        send_with(c, head, list, slice_count);
    } else {
        send_with(c, head, data, slice_count);
        if (!s->http10 && c->state == HTTP_CONN_HANDLER) send_with(c, tail, NULL, 0);
    }
    return c->state != HTTP_CONN_HANDLER || c->site->ops->queued(c) < c->site->limits.write_limit;
}

void http_reply_end(struct http_request *r)
{
    struct http_slot *s = (struct http_slot *)r;
    struct http_conn *c = s->conn;
    if (s->collected) {
        http_sealed_end(s);
        return;
    }
    if (c->state == HTTP_CONN_HANDLER && !s->http10 && r->method != HTTP_HEAD)
        send_with(c, SLICE("0\r\n\r\n"), NULL, 0);
    finish(s);
}

void http_reply_cut(struct http_request *r)
{
    struct http_slot *s = (struct http_slot *)r;
    struct http_conn *c = s->conn;
    c->abort_told = true; /* the handler knows */
    http_conn_broken(c);
    (void)handed_back(s);
}
