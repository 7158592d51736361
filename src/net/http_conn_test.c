/* The connection machine: framing, limits, authentication, order, time; a byte at a time and at once. */
#include "base/test.h"

#include "base/clock.h"
#include "net/http_conn_harness.h"

static void feed(struct harness *h, const char *text, size_t n, size_t step)
{
    for (size_t at = 0; at < n; at += step) {
        size_t part = n - at < step ? n - at : step;
        char *exact = malloc(part); /* so that the sanitizer sees reads past the input */
        memcpy(exact, text + at, part);
        http_conn_input(&h->conn, slice_of(exact, part));
        free(exact);
    }
}

static void say(struct harness *h, const char *text, size_t step) { feed(h, text, strlen(text), step); }

/* First status line number of the output. */
static int status_of(const struct harness *h)
{
    return h->out.n > 12 && memcmp(h->out.p, "HTTP/1.1 ", 9) == 0 ? atoi(h->out.p + 9) : 0;
}

static bool has(struct harness *h, const char *text)
{
    return buf_strz(&h->out) && strstr(h->out.p, text) != NULL;
}

struct expectation {
    const char *request;
    int status;
    bool closes;
};

static void run_one(const struct expectation *x, size_t step)
{
    struct harness *h = harness_new();
    feed(h, x->request, strlen(x->request), step);
    if (status_of(h) != x->status || h->closed != x->closes)
        fail_msg("step %zu: got %d closed %d for: %s", step, status_of(h), h->closed, x->request);
    if (x->closes && !has(h, "Connection: close\r\n")) fail_msg("no close: %s", x->request);
    harness_free(h);
}

static void run_all(const struct expectation *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        run_one(&list[i], 1);
        run_one(&list[i], 7);
        run_one(&list[i], 1 << 20);
    }
}
#define RUN(list) run_all(list, sizeof list / sizeof list[0])

#define POST(path) "POST " path " HTTP/1.1\r\nHost: h\r\n"
#define SOAP "Content-Type: application/soap+xml;charset=UTF-8\r\n"

/* covers: wsman:E1 */
static void good_requests(void **state)
{
    static const struct expectation list[] = {
        { POST("/wsman") ALICE SOAP "Content-Length: 3\r\n\r\nabc", 200, false },
        { POST("/wsman?PSVersion=5.1") ALICE SOAP "Content-Length: 3\r\n\r\nabc", 200, false },
        { POST("/WSMan/") ALICE SOAP "Content-Length: 3\r\n\r\nabc", 200, false },
        { POST("http://h:5985/wsman") ALICE SOAP "Content-Length: 3\r\n\r\nabc", 200, false },
        { POST("/wsman") ALICE SOAP "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, false },
        { POST("/wsman") ALICE SOAP "Transfer-Encoding: Chunked\r\n\r\n1;x=y\r\na\r\n2\r\nbc\r\n0\r\nT: v\r\n\r\n",
          200, false },
        { POST("/wsman") ALICE "content-type:  Application/SOAP+xml \r\nContent-Length: 3\r\n\r\nabc", 200, false },
        { "\r\n\r\nPOST /wsman HTTP/1.1\r\nHost: h\r\n" ALICE SOAP "Content-Length: 3\r\n\r\nabc", 200, false },
        { "POST /wsman HTTP/1.0\r\n" ALICE SOAP "Content-Length: 3\r\n\r\nabc", 200, true },
        { POST("/wsman") ALICE SOAP "Connection: close\r\nContent-Length: 3\r\n\r\nabc", 200, true },
        { POST("/wsman") ALICE SOAP "Empty:\r\nContent-Length: 3\r\n\r\nabc", 200, false },
        { POST("/wsman") ALICE SOAP "Upgrade: h2c\r\nConnection: upgrade\r\nContent-Length: 3\r\n\r\nabc", 200, false },
    };
    RUN(list);
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct harness *h = harness_new();
        feed(h, list[i].request, strlen(list[i].request), 1);
        assert_int_equal(h->handled, 1);
        assert_true(slice_is(buf_slice(&h->last_body), "abc"));
        assert_string_equal(h->last_user, "alice");
        assert_true(has(h, "Content-Length: 3\r\n"));
        assert_true(has(h, "\r\n\r\nabc"));
        harness_free(h);
    }
}

/* What llhttp alone would let through is refused as well. covers: wsman:E12 */
static void bad_requests(void **state)
{
    static const struct expectation list[] = {
        { "nonsense\r\n\r\n", 400, true },
        { "POST /wsman HTTP/1.1\nHost: h\r\n\r\n", 400, true },
        { "\nPOST /wsman HTTP/1.1\r\nHost: h\r\n\r\n", 400, true },
        { "POST /wsman HTTP/1.1\r\nHost: h\n\r\n", 400, true },
        { "POST /wsman HTTP/1.1\r\nHost: h\r\n\n", 400, true },
        { POST("/wsman") "A: b\r\n c\r\n\r\n", 400, true },
        { POST("/wsman") "A: b\r\n\tc\r\n\r\n", 400, true },
        { POST("/wsman") "A : b\r\n\r\n", 400, true },
        { POST("/wsman") "A(b: c\r\n\r\n", 400, true },
        { POST("/wsman") "Host: i\r\n\r\n", 400, true },
        { "POST /wsman HTTP/1.1\r\n\r\n", 400, true },
        { POST("/wsman") ALICE ALICE "\r\n", 400, true },
        { POST("/wsman") "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, true },
        { POST("/wsman") "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400, true },
        { POST("/wsman") "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400, true },
        { POST("/wsman") "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", 400, true },
        { POST("/wsman") "Content-Length: -1\r\n\r\n", 400, true },
        { POST("/wsman") "Content-Length: 99999999999999999999999\r\n\r\n", 400, true },
        { POST("/wsman") "Transfer-Encoding: gzip, chunked\r\n\r\n", 501, true },
        { POST("/wsman") ALICE SOAP "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, true },
        { POST("/wsman") ALICE SOAP "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n", 400, true },
        { POST("/wsman") ALICE SOAP "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400, true },
        { "POST /wsman HTTP/1.0\r\n" ALICE "Transfer-Encoding: chunked\r\n\r\n", 400, true },
        { "POST /wsman HTTP/2.0\r\nHost: h\r\n\r\n", 505, true },
        { "GET /wsman HTTP/1.1\r\nHost: h\r\n\r\n", 405, false },
        { "PUT /wsman HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab", 405, false },
        { "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", 400, true },
        { POST("/other") "Content-Length: 0\r\n\r\n", 404, false },
        { POST("/wsman2") "Content-Length: 0\r\n\r\n", 404, false },
        { POST("/wsman/x") "Content-Length: 0\r\n\r\n", 404, false },
        { POST("/") "Content-Length: 0\r\n\r\n", 404, false },
        { POST("/wsman") ALICE "Expect: much\r\nContent-Length: 0\r\n\r\n", 417, true },
        { POST("/wsman") ALICE SOAP "Content-Length: 512001\r\n\r\n", 413, true },
        { POST("/tiny") "Content-Length: 11\r\n\r\n", 413, true },
        { POST("/tiny") "Transfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n6\r\nabcdef\r\n", 413, true },
        { POST("/wsman") ALICE "Content-Type: text/html\r\nContent-Length: 1\r\n\r\nx", 415, false },
        { POST("/wsman") ALICE "Content-Length: 1\r\n\r\nx", 415, false },
        { POST("/wsman") ALICE SOAP "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", 415, false },
        { POST("/wsman") ALICE SOAP "\r\n", 411, false },
    };
    RUN(list);
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct harness *h = harness_new();
        feed(h, list[i].request, strlen(list[i].request), 3);
        assert_int_equal(h->handled, 0);
        harness_free(h);
    }
}

static void methods_and_paths(void **state)
{
    static const struct expectation list[] = {
        { "GET /odata HTTP/1.1\r\nHost: h\r\n\r\n", 200, false },
        { "GET /odata/a/b?c HTTP/1.1\r\nHost: h\r\n\r\n", 200, false },
        { "GET /odata(1) HTTP/1.1\r\nHost: h\r\n\r\n", 200, false },
        { "GET /odatax HTTP/1.1\r\nHost: h\r\n\r\n", 404, false },
        { "MERGE /odata/a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}", 200, false },
        { "POST /odata/a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}", 405, false },
        { "HEAD /open HTTP/1.1\r\nHost: h\r\n\r\n", 200, false },
    };
    RUN(list);
    struct harness *h = harness_new();
    say(h, "DELETE /odata/a HTTP/1.1\r\nHost: h\r\n\r\n", 39);
    assert_true(has(h, "Allow: GET, MERGE\r\n"));
    harness_free(h);
}

static void who_asks(void **state)
{
    static const struct expectation list[] = {
        { POST("/wsman") SOAP "Content-Length: 3\r\n\r\nabc", 401, false },
        { POST("/wsman") "Authorization:\r\n" SOAP "Content-Length: 3\r\n\r\nabc", 401, false },
        { POST("/wsman") "Authorization: Negotiate\r\n" SOAP "Content-Length: 3\r\n\r\nabc", 401, false },
        { POST("/wsman") "Authorization: Basic\r\n" SOAP "Content-Length: 3\r\n\r\nabc", 401, false },
        { POST("/wsman") "Authorization: Basic !!!!\r\n" SOAP "Content-Length: 3\r\n\r\nabc", 401, false },
        { POST("/wsman") "Authorization: Basic YWxpY2U=\r\n" SOAP "Content-Length: 3\r\n\r\nabc", 401, false },
        { POST("/wsman") "Authorization: Basic YWxpY2U6d3Jvbmc=\r\n" SOAP "Content-Length: 3\r\n\r\nabc", 401, false },
        { POST("/wsman") "Authorization: Basic Ym9iOnNlY3JldA==\r\n" SOAP "Content-Length: 3\r\n\r\nabc", 401, false },
        { POST("/wsman") "Content-Length: 0\r\n\r\n", 401, false },
        /* The identify header with credentials is an authenticated request; other values are none. */
        { POST("/wsman") "WSMANIDENTIFY: authenticated\r\n" SOAP "Content-Length: 3\r\n\r\nabc", 401, false },
        { POST("/wsman") "WSMANIDENTIFY: unauthenticated\r\nAuthorization: Basic YWxpY2U6d3Jvbmc=\r\n" SOAP
          "Content-Length: 3\r\n\r\nabc", 401, false },
    };
    RUN(list);
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct harness *h = harness_new();
        feed(h, list[i].request, strlen(list[i].request), 5);
        assert_int_equal(h->handled, 0);
        assert_true(has(h, "WWW-Authenticate: Basic realm=\"WSMAN\""));
        /* The body was thrown away: the next request is understood. */
        h->out.n = 0;
        static const char next[] = POST("/wsman") ALICE SOAP "Content-Length: 2\r\n\r\nok";
        feed(h, next, sizeof next - 1, 4);
        assert_int_equal(status_of(h), 200);
        assert_int_equal(h->handled, 1);
        harness_free(h);
    }
    struct harness *h = harness_new();
    static const char identify[] = POST("/wsman") "wsmanidentify: Unauthenticated\r\n" SOAP
        "Content-Length: 2\r\n\r\nid";
    feed(h, identify, sizeof identify - 1, 6);
    assert_int_equal(status_of(h), 200);
    assert_string_equal(h->last_user, "-");
    harness_free(h);
}

/* Plain HTTP without allow_unencrypted: nothing is offered, credentials are refused unread. */
static void unencrypted_policy(void **state)
{
    struct harness *h = harness_new();
    h->site.policy.allow_unencrypted = false;
    static const char first[] = POST("/wsman") SOAP "Content-Length: 3\r\n\r\nabc";
    feed(h, first, sizeof first - 1, 9);
    assert_int_equal(status_of(h), 401);
    assert_false(has(h, "Basic"));
    h->out.n = 0;
    static const char second[] = POST("/wsman") ALICE SOAP "Content-Length: 3\r\n\r\nabc";
    feed(h, second, sizeof second - 1, 9);
    assert_int_equal(status_of(h), 403);
    assert_int_equal(h->handled, 0);
    harness_free(h);
}

/* One identity at a time: another Authorization on the connection drops the first. */
static void identity_changes(void **state)
{
    struct harness *h = harness_new();
    static const char good[] = POST("/wsman") ALICE SOAP "Content-Length: 1\r\n\r\na";
    static const char wrong[] = POST("/wsman") "Authorization: Basic YWxpY2U6d3Jvbmc=\r\n" SOAP
        "Content-Length: 1\r\n\r\na";
    static const char none[] = POST("/wsman") SOAP "Content-Length: 1\r\n\r\na";
    static const struct { const char *text; int status; } turns[] = {
        { good, 200 }, { good, 200 }, { none, 401 }, { wrong, 401 }, { none, 401 }, { good, 200 } };
    for (size_t i = 0; i < sizeof turns / sizeof turns[0]; i++) {
        h->out.n = 0;
        feed(h, turns[i].text, strlen(turns[i].text), 1 << 20);
        assert_int_equal(status_of(h), turns[i].status);
        if (turns[i].text == wrong) assert_null(h->conn.auth.principal);
    }
    assert_int_equal(h->handled, 3);
    harness_free(h);
}

/* wsman.md 5.4 */
static void empty_post_probe(void **state)
{
    struct harness *h = harness_new();
    static const char text[] = POST("/wsman") ALICE "Content-Length: 0\r\n\r\n";
    feed(h, text, sizeof text - 1, 1);
    assert_int_equal(status_of(h), 200);
    assert_true(has(h, "Content-Length: 0\r\n"));
    assert_int_equal(h->handled, 0);
    assert_false(h->closed);
    harness_free(h);
}

static void expect_continue(void **state)
{
    static const char head[] = POST("/open") "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    struct harness *h = harness_new();
    feed(h, head, sizeof head - 1, 1);
    assert_true(slice_is(buf_slice(&h->out), "HTTP/1.1 100 Continue\r\n\r\n"));
    h->out.n = 0;
    say(h, "abc", 1);
    assert_int_equal(status_of(h), 200);
    assert_false(h->closed);
    harness_free(h);
    /* Refused before the body: whether it follows is unknown, so the connection ends. */
    static const char no[] = POST("/wsman") "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    h = harness_new();
    feed(h, no, sizeof no - 1, 1);
    assert_int_equal(status_of(h), 401);
    assert_true(h->closed && h->lingered);
    harness_free(h);
}

static void pipelining(void **state)
{
    static const char three[] = POST("/open") "Content-Length: 1\r\n\r\n1" POST("/nowhere")
        "Content-Length: 1\r\n\r\n2" POST("/open") "Content-Length: 1\r\n\r\n3";
    for (size_t step = 1; step < sizeof three; step++) {
        struct harness *h = harness_new();
        feed(h, three, sizeof three - 1, step);
        assert_true(buf_strz(&h->out) != NULL);
        const char *one = strstr(h->out.p, "\r\n\r\n1"), *two = strstr(h->out.p, " 404 "),
                   *last = strstr(h->out.p, "\r\n\r\n3");
        assert_true(one && two && last && one < two && two < last);
        assert_int_equal(h->handled, 2);
        harness_free(h);
    }
}

/* Bytes behind a request that is with its handler wait, within bounds; reading stops and goes on. */
static void pipelining_waits(void **state)
{
    static const char one[] = POST("/later") "Content-Length: 1\r\n\r\n1";
    struct harness *h = harness_new();
    feed(h, one, sizeof one - 1, 1 << 20);
    assert_non_null(h->held);
    unsigned sent = 0;
    while (h->reading && sent < 10000) {
        feed(h, one, sizeof one - 1, 1 << 20);
        sent++;
    }
    assert_false(h->reading);
    assert_true(sent * (sizeof one - 1) < h->site.limits.max_pipelined + sizeof one);
    for (unsigned i = 0; i <= sent; i++) {
        struct http_request *r = h->held;
        assert_non_null(r);
        h->held = NULL;
        http_reply_simple(r, 200, NULL, SLICE(""));
    }
    assert_null(h->held);
    assert_int_equal(h->handled, sent + 1);
    assert_true(h->reading);
    assert_int_equal(h->conn.state, HTTP_CONN_IDLE);
    assert_null(h->conn.pending); /* idle connections hold nothing */
    assert_null(h->conn.slot);
    harness_free(h);
}

static void head_limits(void **state)
{
    struct harness *h = harness_new();
    struct buf b;
    buf_init(&b, 0);
    buf_str(&b, POST("/open"));
    for (int i = 0; i < 120; i++) buf_printf(&b, "H%d: v\r\n", i);
    buf_str(&b, "Content-Length: 0\r\n\r\n");
    feed(h, b.p, b.n, 100);
    assert_int_equal(status_of(h), 431);
    assert_true(h->closed);
    harness_free(h);

    h = harness_new(); /* an endless head */
    buf_clear(&b);
    buf_str(&b, POST("/open") "A: ");
    while (b.n < 90000) buf_str(&b, "0123456789012345678901234567890123456789");
    feed(h, b.p, b.n, 1000);
    assert_int_equal(status_of(h), 431);
    harness_free(h);

    h = harness_new(); /* a big head is for those who authenticate with it */
    buf_clear(&b);
    buf_str(&b, POST("/open") "A: ");
    while (b.n < 20000) buf_str(&b, "0123456789");
    buf_str(&b, "\r\nContent-Length: 0\r\n\r\n");
    feed(h, b.p, b.n, 1 << 20);
    assert_int_equal(status_of(h), 431);
    harness_free(h);

    h = harness_new();
    buf_clear(&b);
    buf_str(&b, POST("/wsman") "Content-Length: 0\r\nAuthorization: Negotiate ");
    while (b.n < 40000) buf_str(&b, "0123456789");
    buf_str(&b, "\r\n\r\n");
    feed(h, b.p, b.n, 1 << 20);
    assert_int_equal(status_of(h), 401);
    harness_free(h);
    buf_free(&b);
}

/* covers: wsman:E23 */
static void timeouts(void **state)
{
    struct harness *h = harness_new();
    say(h, POST("/open") "Content-Length: 3\r\n\r\nab", 1);
    h->out.n = 0;
    if (h->conn.state == HTTP_CONN_BODY) http_conn_timeout(&h->conn);
    assert_int_equal(status_of(h), 500);
    assert_true(h->closed);
    assert_int_equal(h->handled, 0);
    harness_free(h);

    h = harness_new();
    int64_t begun = h->conn.deadline_us;
    say(h, "POST /open HT", 1);
    assert_int_equal(h->conn.state, HTTP_CONN_HEAD);
    int64_t due = h->conn.deadline_us;
    assert_true(begun > 0 && due > 0);
    say(h, "TP/1.1\r\n", 1);
    assert_true(h->conn.deadline_us == due); /* trickling buys no time */
    http_conn_timeout(&h->conn);
    assert_int_equal(status_of(h), 408);
    assert_true(h->closed);
    harness_free(h);

    h = harness_new();
    http_conn_timeout(&h->conn);
    assert_true(h->closed);
    assert_int_equal(h->out.n, 0);
    harness_free(h);

    h = harness_new(); /* a request with its handler has its own deadline elsewhere */
    say(h, POST("/later") "Content-Length: 0\r\n\r\n", 100);
    assert_int_equal(h->conn.state, HTTP_CONN_HANDLER);
    assert_int_equal(h->conn.deadline_us, 0);
    http_conn_timeout(&h->conn);
    assert_false(h->closed);
    harness_free(h);
}

static void peer_goes(void **state)
{
    static const char text[] = POST("/later") "Content-Length: 0\r\n\r\n";
    struct harness *h = harness_new(); /* half close: told once, still answered */
    feed(h, text, sizeof text - 1, 100);
    http_conn_eof(&h->conn);
    http_conn_eof(&h->conn);
    assert_int_equal(h->aborted, 1);
    assert_false(h->closed);
    struct http_request *r = h->held;
    h->held = NULL;
    http_reply_simple(r, 200, NULL, SLICE("late"));
    assert_int_equal(status_of(h), 200);
    assert_true(h->closed);
    harness_free(h);

    h = harness_new(); /* broken: closed at once, the reply is dropped */
    feed(h, text, sizeof text - 1, 100);
    http_conn_broken(&h->conn);
    assert_int_equal(h->aborted, 1);
    assert_true(h->closed && http_conn_busy(&h->conn));
    r = h->held;
    h->held = NULL;
    http_reply_simple(r, 200, NULL, SLICE("late"));
    assert_int_equal(h->out.n, 0);
    assert_int_equal(h->released, 1);
    harness_free(h);

    h = harness_new(); /* in the middle of a request */
    feed(h, text, 20, 100);
    http_conn_eof(&h->conn);
    assert_true(h->closed);
    harness_free(h);
}

static void every_truncation(void **state)
{
    static const char text[] = POST("/wsman") ALICE SOAP
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    for (size_t n = 0; n < sizeof text - 1; n++) {
        struct harness *h = harness_new();
        feed(h, text, n, 11);
        assert_int_equal(h->handled, 0);
        assert_int_equal(h->out.n, 0);
        http_conn_eof(&h->conn);
        assert_true(h->closed);
        assert_int_equal(h->handled, 0);
        harness_free(h);
    }
}

static void chunked_reply(void **state)
{
    static const char text[] = POST("/later") "Content-Length: 0\r\n\r\n";
    struct harness *h = harness_new();
    feed(h, text, sizeof text - 1, 100);
    struct http_request *r = h->held;
    struct slice data[2] = { SLICE("hello "), SLICE("world") };
    h->held = NULL;
    http_reply_begin(r, 200, NULL, 0);
    assert_true(http_reply_chunk(r, data, 2));
    h->queued = 2 << 20;
    assert_false(http_reply_chunk(r, data, 1));
    http_reply_end(r);
    assert_true(has(h, "Transfer-Encoding: chunked\r\n"));
    assert_true(has(h, "\r\n\r\nb\r\nhello world\r\n6\r\nhello \r\n0\r\n\r\n"));
    assert_false(h->closed);
    h->queued = 0;
    feed(h, text, sizeof text - 1, 100);
    r = h->held;
    h->held = NULL;
    http_reply_begin(r, 200, NULL, 0);
    http_reply_cut(r);
    assert_true(h->closed);
    harness_free(h);
}

/* A handler cannot be made to break the head apart. */
static void header_injection(void **state)
{
    static const char text[] = POST("/later") "Content-Length: 0\r\n\r\n";
    struct harness *h = harness_new();
    feed(h, text, sizeof text - 1, 100);
    struct http_request *r = h->held;
    struct http_header bad[2] = { { SLICE("Location"), SLICE("x\r\nSet-Cookie: y") },
                                  { SLICE("Fine"), SLICE("z") } };
    h->held = NULL;
    http_reply(r, 201, bad, 2, NULL, 0);
    assert_false(has(h, "Set-Cookie"));
    assert_true(has(h, "Fine: z\r\n"));
    harness_free(h);
}

/* A head that does not fit into memory is not sent in halves. */
static void no_room_for_head(void **state)
{
    static const char text[] = POST("/later") "Content-Length: 0\r\n\r\n";
    static char big[2000];
    for (int begun = 0; begun < 2; begun++) {
        struct harness *h = harness_new();
        feed(h, text, sizeof text - 1, 100);
        struct http_request *r = h->held;
        struct http_header x = { SLICE("X"), slice_of(big, sizeof big) };
        memset(big, 'x', sizeof big);
        h->site.head.cap = 1024;
        h->held = NULL;
        if (begun) {
            http_reply_begin(r, 200, &x, 1);
            http_reply_end(r);
        } else {
            http_reply(r, 200, &x, 1, NULL, 0);
        }
        assert_int_equal(h->out.n, 0);
        assert_true(h->closed && h->released == 1 && h->aborted == 0);
        harness_free(h);
    }
}

/* Strangers are not kept as long as those who have said who they are. */
static void strangers_are_short(void **state)
{
    const int64_t short_us = 60000000;
    struct harness *h = harness_new();
    say(h, POST("/open") "Content-Length: 0\r\n\r\n", 100);
    assert_int_equal(h->conn.state, HTTP_CONN_IDLE);
    assert_true(h->conn.deadline_us <= clock_mono_us() + short_us);
    say(h, POST("/wsman") SOAP "Content-Length: 1\r\n\r\nx", 100); /* 401 */
    assert_true(h->conn.deadline_us <= clock_mono_us() + short_us);
    say(h, POST("/wsman") ALICE SOAP "Content-Length: 1\r\n\r\nx", 100);
    assert_int_equal(h->conn.state, HTTP_CONN_IDLE);
    assert_true(h->conn.deadline_us > clock_mono_us() + short_us);
    harness_free(h);
}

/* What strangers may make the server keep is bounded in all; who has an identity is not held up by them. */
static void strangers_share_memory(void **state)
{
    enum { BODY = 400000, ROOM = 32 << 20, FIT = ROOM / BODY };
    char text[256];
    struct harness *h = harness_new();
    struct harness *many = calloc(FIT, sizeof *many); /* on one site */
    assert_non_null(many);
    snprintf(text, sizeof text, POST("/open") "Content-Length: %d\r\n\r\n", BODY);
    for (int i = 0; i < FIT; i++) {
        http_conn_init(&many[i].conn, &h->site, "192.0.2.1", "192.0.2.2:5985", false);
        http_conn_input(&many[i].conn, slice_str(text));
        assert_int_equal(many[i].conn.state, HTTP_CONN_BODY);
    }
    say(h, text, 1000);
    assert_int_equal(status_of(h), 503);
    assert_true(h->closed);
    for (int i = 0; i < FIT; i++) {
        http_conn_broken(&many[i].conn);
        http_conn_free(&many[i].conn);
    }
    free(many);
    assert_int_equal(h->site.unproved, 0);
    harness_free(h);
    h = harness_new();
    snprintf(text, sizeof text, POST("/open") "Content-Length: %d\r\n\r\n", BODY);
    say(h, text, 1000);
    assert_int_equal(h->conn.state, HTTP_CONN_BODY);
    harness_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_are_short), cmocka_unit_test(strangers_share_memory),
        cmocka_unit_test(good_requests), cmocka_unit_test(bad_requests),
        cmocka_unit_test(methods_and_paths), cmocka_unit_test(who_asks),
        cmocka_unit_test(unencrypted_policy), cmocka_unit_test(identity_changes),
        cmocka_unit_test(empty_post_probe), cmocka_unit_test(expect_continue),
        cmocka_unit_test(pipelining), cmocka_unit_test(pipelining_waits),
        cmocka_unit_test(head_limits), cmocka_unit_test(timeouts), cmocka_unit_test(peer_goes),
        cmocka_unit_test(every_truncation), cmocka_unit_test(chunked_reply),
        cmocka_unit_test(header_injection), cmocka_unit_test(no_room_for_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
