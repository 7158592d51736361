/* The client machine: replies in every framing, cut anywhere, a byte at a time. */
#include "base/test.h"

#include <stdlib.h>

#include "net/http_client.h"

static struct http_client *begun(enum http_method method)
{
    struct http_client *c;
    struct http_client_limits l = { .max_head = 1000, .max_body = 5000, .max_headers = 10 };
    struct http_header h = { SLICE("Authorization"), SLICE("Basic eDp5") };
    assert_int_equal(http_client_new("example.org", 5985, NULL, &l, &c, NULL), CIMF_OK);
    assert_int_equal(http_client_send(c, method, SLICE("/wsman"), &h, 1,
                                      method == HTTP_POST ? SLICE("body") : SLICE(""), NULL), CIMF_OK);
    return c;
}

static cimf_status feed(struct http_client *c, const char *text, size_t n, size_t step)
{
    for (size_t at = 0; at < n; at += step) {
        size_t part = n - at < step ? n - at : step;
        char *exact = malloc(part);
        memcpy(exact, text + at, part);
        cimf_status status = http_client_input(c, slice_of(exact, part), NULL);
        free(exact);
        if (status != CIMF_OK) return status;
    }
    return CIMF_OK;
}

static void request_text(void **state)
{
    struct http_client *c = begun(HTTP_POST);
    assert_true(slice_is(http_client_output(c), "POST /wsman HTTP/1.1\r\nHost: example.org:5985\r\n"
                         "Authorization: Basic eDp5\r\nContent-Length: 4\r\n\r\nbody"));
    http_client_wrote(c, 5);
    assert_true(slice_starts(http_client_output(c), SLICE("/wsman HTTP")));
    http_client_free(c);
    struct http_header bad[3] = { { SLICE("A"), SLICE("b\r\nC: d") }, { SLICE("A B"), SLICE("c") },
                                  { SLICE("A:"), SLICE("c") } };
    for (int i = 0; i < 3; i++) {
        assert_int_equal(http_client_new("::1", 80, NULL, NULL, &c, NULL), CIMF_OK);
        assert_int_equal(http_client_send(c, HTTP_GET, SLICE("/"), &bad[i], 1, SLICE(""), NULL),
                         CIMF_INVALID_PARAMETER);
        assert_int_equal(http_client_send(c, HTTP_GET, SLICE("/a b"), NULL, 0, SLICE(""), NULL),
                         CIMF_INVALID_PARAMETER);
        assert_int_equal(http_client_send(c, HTTP_GET, SLICE("/"), NULL, 0, SLICE(""), NULL), CIMF_OK);
        assert_true(slice_is(http_client_output(c), "GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n"));
        http_client_free(c);
    }
    assert_int_equal(http_client_new("a/b", 80, NULL, NULL, &c, NULL), CIMF_INVALID_PARAMETER);
}

static const struct {
    const char *text, *body;
    int status;
    bool keep, by_close;
} replies[] = {
    { "HTTP/1.1 200 OK\r\nContent-Type: t\r\nContent-Length: 5\r\n\r\nhello", "hello", 200, true, false },
    { "HTTP/1.1 200 OK\r\ncontent-type:  t \r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
      "hello", 200, true, false },
    { "HTTP/1.1 200 OK\r\nContent-Type: t\r\n\r\nhello", "hello", 200, false, true },
    { "HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 500 No\r\nContent-Type: t\r\nContent-Length: 0\r\n\r\n", "",
      500, true, false },
    { "HTTP/1.1 401 Unauthorized\r\nContent-Type: t\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", "x", 401,
      false, false },
    { "HTTP/1.0 200 OK\r\nContent-Type: t\r\nContent-Length: 1\r\n\r\nx", "x", 200, false, false },
};

static void good_replies(void **state)
{
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        size_t n = strlen(replies[i].text);
        for (size_t step = 1; step <= n; step = step < 20 ? step + 1 : n + (step == n)) {
            struct http_client *c = begun(HTTP_POST);
            http_client_wrote(c, 1 << 20);
            assert_int_equal(feed(c, replies[i].text, n, step), CIMF_OK);
            if (replies[i].by_close) {
                assert_int_equal(http_client_state(c), HTTP_CLIENT_BUSY);
                assert_int_equal(http_client_input(c, SLICE(""), NULL), CIMF_OK);
            }
            assert_int_equal(http_client_state(c), HTTP_CLIENT_DONE);
            const struct http_client_reply *r = http_client_reply(c);
            assert_int_equal(r->status, replies[i].status);
            assert_true(slice_is(r->body, replies[i].body));
            assert_int_equal(r->body.p[r->body.n], 0);
            assert_true(slice_is(r->content_type, "t"));
            assert_int_equal(r->keep_alive, replies[i].keep);
            http_client_reply_clear(c);
            assert_int_equal(http_client_state(c),
                             replies[i].keep ? HTTP_CLIENT_IDLE : HTTP_CLIENT_CLOSED);
            http_client_free(c);
        }
    }
}

static void truncated(void **state)
{
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        if (replies[i].by_close) continue;
        for (size_t n = 0; n < strlen(replies[i].text); n++) {
            struct http_client *c = begun(HTTP_POST);
            assert_int_equal(feed(c, replies[i].text, n, 7), CIMF_OK);
            assert_int_equal(http_client_input(c, SLICE(""), NULL), CIMF_CONNECTION_LOST);
            assert_int_equal(http_client_state(c), HTTP_CLIENT_FAILED);
            assert_null(http_client_reply(c));
            http_client_free(c);
        }
    }
}

static void bad_replies(void **state)
{
    static const struct { const char *text; cimf_status status; } bad[] = {
        { "SSH-2.0-OpenSSH\r\n", CIMF_PROTOCOL_ERROR },
        { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n", CIMF_PROTOCOL_ERROR },
        { "HTTP/1.1 101 Switching\r\n\r\n", CIMF_PROTOCOL_ERROR },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", CIMF_PROTOCOL_ERROR },
        { "HTTP/1.1 200 OK\r\nA:\r\nB:\r\nC:\r\nD:\r\nE:\r\nF:\r\nG:\r\nH:\r\nI:\r\nJ:\r\nK:\r\n\r\n", CIMF_QUOTA_VIOLATION },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct http_client *c = begun(HTTP_POST);
        assert_int_equal(feed(c, bad[i].text, strlen(bad[i].text), 3), bad[i].status);
        http_client_free(c);
    }
    struct http_client *c = begun(HTTP_POST);
    struct buf b;
    buf_init(&b, 0);
    buf_str(&b, "HTTP/1.1 200 OK\r\n\r\n");
    while (b.n < 6000) buf_byte(&b, 'x');
    assert_int_equal(feed(c, b.p, b.n, 100), CIMF_QUOTA_VIOLATION);
    http_client_free(c);
    buf_free(&b);
}

/* A reply that comes before the request is out, or with more behind it, ends the connection. */
static void early_and_extra(void **state)
{
    static const char text[] = "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n";
    struct http_client *c = begun(HTTP_POST);
    assert_int_equal(feed(c, text, sizeof text - 1, 100), CIMF_OK);
    assert_false(http_client_reply(c)->keep_alive);
    http_client_free(c);
    static const char extra[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n";
    for (size_t step = 1; step < sizeof extra; step += 5) {
        c = begun(HTTP_POST);
        http_client_wrote(c, 1 << 20);
        assert_int_equal(feed(c, extra, sizeof extra - 1, step), CIMF_OK);
        assert_false(http_client_reply(c)->keep_alive);
        http_client_free(c);
    }
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n";
    c = begun(HTTP_HEAD);
    http_client_wrote(c, 1 << 20);
    assert_int_equal(feed(c, head, sizeof head - 1, 4), CIMF_OK);
    assert_int_equal(http_client_state(c), HTTP_CLIENT_DONE);
    assert_int_equal(http_client_reply(c)->body.n, 0);
    http_client_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_text), cmocka_unit_test(good_replies), cmocka_unit_test(truncated),
        cmocka_unit_test(bad_replies), cmocka_unit_test(early_and_extra),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
