/* The client's login against scripted replies and a real acceptor. */
#include "net/http_client_auth_harness.h"

#define AGAIN HTTP_CLIENT_AUTH_AGAIN
#define DELIVER HTTP_CLIENT_AUTH_DELIVER
#define FAILED HTTP_CLIENT_AUTH_FAILED

#define assert_says(b, word)                                                                       \
    do {                                                                                           \
        if (!strstr((b)->e.text, (word))) fail_msg("'%s' does not say '%s'", (b)->e.text, (word)); \
    } while (0)

static void negotiate_bench(struct bench *b)
{
    bench_init(b, HTTP_LOGIN_NEGOTIATE);
    b->config.ntlm = true;
}

/* covers: security:S36 */
static void test_sealed(void **state)
{
    struct bench b;
    negotiate_bench(&b);
    bench_open(&b, "");
    bench_log_in(&b, "<question/>");
    assert_string_equal(http_client_auth_name(b.a), "Negotiate (NTLM)");
    assert_true(http_protect_is(bench_header(&b, "Content-Type")));
    assert_null(memmem(b.sent.body.p, b.sent.body.n, "question", 8));
    assert_slice(bench_opened(&b), "<question/>");
    const char *type = bench_seal(&b, "<answer/>");
    assert_int_equal(bench_reply_body(&b, 200, "", type, buf_slice(&b.body)), DELIVER);
    assert_slice(b.got.body, "<answer/>");
    assert_slice(b.got.content_type, "application/soap+xml;charset=UTF-8");
    /* The second message needs no login; faults are sealed too. */
    http_client_auth_begin(b.a);
    bench_next(&b, "<more/>");
    assert_null(bench_header(&b, "Authorization").p);
    assert_slice(bench_opened(&b), "<more/>");
    type = bench_seal(&b, "<fault/>");
    assert_int_equal(bench_reply_body(&b, 500, "", type, buf_slice(&b.body)), DELIVER);
    assert_int_equal(b.got.status, 500);
    assert_slice(b.got.body, "<fault/>");
    bench_free(&b);
}

static void test_replayed_reply(void **state)
{
    struct bench b;
    negotiate_bench(&b);
    bench_open(&b, "");
    bench_log_in(&b, "<a/>");
    const char *type = bench_seal(&b, "<answer/>");
    assert_int_equal(bench_reply_body(&b, 200, "", type, buf_slice(&b.body)), DELIVER);
    http_client_auth_begin(b.a);
    bench_next(&b, "<b/>");
    assert_int_equal(bench_reply_body(&b, 200, "", type, buf_slice(&b.body)), FAILED);
    assert_int_equal(b.e.status, CIMF_PROTOCOL_ERROR);
    bench_free(&b);
}

/* Every bit of a sealed answer that means something is watched. */
static void test_changed_reply(void **state)
{
    for (size_t at = 0;; at++) {
        struct bench b;
        negotiate_bench(&b);
        bench_open(&b, "");
        bench_log_in(&b, "<a/>");
        const char *type = bench_seal(&b, "<answer/>");
        bool end = at >= b.body.n - 24; /* the closing boundary */
        if (!end) b.body.p[at] ^= 1;
        enum http_client_auth_answer answer = bench_reply_body(&b, 200, "", type, buf_slice(&b.body));
        if (!end && answer == DELIVER) {
            /* The name of the text's type is not signed; what it says is no protection matter. */
            assert_slice(b.got.body, "<answer/>");
            assert_string_not_equal(arena_strz(&b.arena, b.got.content_type), "application/soap+xml;charset=UTF-8");
        }
        bench_free(&b);
        if (end) break;
        at += at % 3; /* a third more than half of them is enough */
    }
}

/* covers: security:S8 */
static void test_unsealed_reply(void **state)
{
    for (int allow = 0; allow < 2; allow++) {
        struct bench b;
        negotiate_bench(&b);
        b.config.allow_unencrypted = allow;
        bench_open(&b, "");
        bench_log_in(&b, "<a/>");
        enum http_client_auth_answer answer = bench_reply_body(&b, 200, "", "application/soap+xml", SLICE("<forged/>"));
        assert_int_equal(answer, allow ? DELIVER : FAILED);
        if (!allow) {
            assert_int_equal(b.e.status, CIMF_PROTOCOL_ERROR);
            assert_says(&b, "not protected");
        }
        bench_free(&b);
        /* A reply without content says nothing that could be forged. */
        negotiate_bench(&b);
        bench_open(&b, "");
        bench_log_in(&b, "<a/>");
        assert_int_equal(bench_reply(&b, 503, ""), DELIVER);
        assert_int_equal(b.got.status, 503);
        bench_free(&b);
    }
}

/* covers: security:S12 */
static void test_tls_bindings(void **state)
{
    static const struct {
        const char *client, *server;
        bool ok;
    } rows[] = { { "0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef", true },
                 { "0123456789abcdef0123456789abcdef", "another-hash-another-hash-anothe", false },
                 { "", "0123456789abcdef0123456789abcdef", false } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench b;
        negotiate_bench(&b);
        b.config.tls = true;
        b.server_options.binding_level = MECH_BINDING_STRICT;
        b.server_options.bindings = arena_printf(&b.arena, "tls-server-end-point:%s", rows[i].server);
        bench_open(&b, rows[i].client);
        if (rows[i].ok) {
            bench_log_in(&b, "<plain/>");
            assert_true(b.server->flags & MECH_BOUND);
            assert_slice(b.sent.body, "<plain/>"); /* TLS protects it */
            assert_int_equal(bench_reply_body(&b, 200, "", "t", SLICE("<answer/>")), DELIVER);
        } else {
            bench_next(&b, "<plain/>");
            assert_int_equal(bench_serve(&b), AGAIN);
            bench_next(&b, "<plain/>");
            assert_int_equal(bench_serve(&b), FAILED);
            assert_int_equal(b.e.status, CIMF_NOT_AUTHENTICATED);
        }
        bench_free(&b);
    }
}

static void test_wrong_password(void **state)
{
    struct bench b;
    negotiate_bench(&b);
    b.config.password = SLICE("wrong");
    bench_open(&b, "");
    bench_next(&b, "<a/>");
    assert_int_equal(bench_serve(&b), AGAIN);
    bench_next(&b, "<a/>");
    assert_int_equal(bench_serve(&b), FAILED);
    assert_int_equal(b.e.status, CIMF_NOT_AUTHENTICATED);
    bench_free(&b);
}

/* The server says yes too early, or with something that is no token. */
static void test_hostile_logins(void **state)
{
    static const struct {
        int status;
        const char *headers;
        enum http_client_auth_answer answer;
        cimf_status want;
    } rows[] = {
        { 200, "", FAILED, CIMF_PROTOCOL_ERROR },
        { 200, "WWW-Authenticate: Negotiate", FAILED, CIMF_PROTOCOL_ERROR },
        { 200, "WWW-Authenticate: Negotiate AAAA", FAILED, CIMF_PROTOCOL_ERROR },
        { 401, "WWW-Authenticate: Negotiate AAAA", FAILED, CIMF_PROTOCOL_ERROR },
        { 401, "WWW-Authenticate: Negotiate =", FAILED, CIMF_AUTH_SCHEME },
        { 401, "WWW-Authenticate: Negotiate A", FAILED, CIMF_PROTOCOL_ERROR },
        { 401, "WWW-Authenticate: Negotiate", FAILED, CIMF_NOT_AUTHENTICATED },
        { 401, "", FAILED, CIMF_AUTH_SCHEME },
        { 401, "WWW-Authenticate: Kerberos, Basic realm=\"x, Negotiate\"", FAILED, CIMF_AUTH_SCHEME },
        { 503, "", DELIVER, CIMF_OK },
        { 403, "", DELIVER, CIMF_OK },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench b;
        negotiate_bench(&b);
        bench_open(&b, "");
        bench_next(&b, "<a/>");
        enum http_client_auth_answer answer = bench_reply_body(&b, rows[i].status, rows[i].headers, "t", SLICE("<lie/>"));
        if (answer != rows[i].answer || b.e.status != rows[i].want)
            fail_msg("%zu: %d %s %s", i, (int)answer, cimf_status_name(b.e.status), b.e.text);
        if (answer == DELIVER) assert_int_equal(b.got.body.n, 0);
        bench_free(&b);
    }
}

/* covers: security:S15 */
static void test_offers(void **state)
{
    struct bench b;
    negotiate_bench(&b);
    bench_open(&b, "");
    bench_next(&b, "<a/>");
    assert_int_equal(bench_reply(&b, 401, "WWW-Authenticate: CredSSP\nWWW-Authenticate: Digest realm=\"a\", nonce=\"b\", Basic realm=\"c\""),
                     FAILED);
    assert_string_equal(b.e.text, "the server offers CredSSP, Digest, Basic; Negotiate is not among them");
    bench_free(&b);
    bench_init(&b, HTTP_LOGIN_BASIC);
    bench_open(&b, "");
    bench_next(&b, "<a/>");
    assert_int_equal(bench_reply(&b, 401, "WWW-Authenticate: Negotiate\nWWW-Authenticate: Kerberos"), FAILED);
    assert_string_equal(b.e.text, "the server offers Negotiate, Kerberos; Basic is not among them");
    assert_int_equal(b.e.status, CIMF_AUTH_SCHEME);
    bench_free(&b);
}

/* The password goes in the clear only where that was allowed, and only if the server has nothing else. */
static void test_downgrade(void **state)
{
    static const struct {
        bool allowed, falls;
        const char *headers;
    } rows[] = {
        { true, true, "WWW-Authenticate: Basic realm=\"WSMAN\"" },
        { false, false, "WWW-Authenticate: Basic realm=\"WSMAN\"" },
        { true, false, "WWW-Authenticate: Basic realm=\"WSMAN\"\nWWW-Authenticate: Kerberos" },
        { true, false, "WWW-Authenticate: Negotiate, Basic realm=\"WSMAN\"" },
        { true, false, "WWW-Authenticate: Negotiate\nWWW-Authenticate: Basic realm=\"WSMAN\"" },
        { true, false, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\nWWW-Authenticate: Basic realm=\"WSMAN\"" },
        { true, false, "" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench b;
        negotiate_bench(&b);
        b.config.basic_fallback = rows[i].allowed;
        bench_open(&b, "");
        bench_next(&b, "<a/>");
        assert_int_equal(bench_reply(&b, 401, rows[i].headers), rows[i].falls ? AGAIN : FAILED);
        if (rows[i].falls) {
            bench_next(&b, "<a/>");
            assert_slice(bench_header(&b, "Authorization"), "Basic YWxpY2U6U2VjcmV0");
            assert_slice(b.sent.body, "<a/>");
            assert_int_equal(bench_reply(&b, 401, rows[i].headers), FAILED);
            assert_int_equal(b.e.status, CIMF_NOT_AUTHENTICATED);
        }
        bench_free(&b);
    }
    /* Nor in the middle of a login, nor after it. */
    struct bench b;
    negotiate_bench(&b);
    b.config.basic_fallback = true;
    bench_open(&b, "");
    bench_next(&b, "<a/>");
    assert_int_equal(bench_serve(&b), AGAIN);
    bench_next(&b, "<a/>");
    assert_int_equal(bench_reply(&b, 401, "WWW-Authenticate: Basic realm=\"WSMAN\""), FAILED);
    assert_int_equal(b.e.status, CIMF_NOT_AUTHENTICATED);
    bench_free(&b);
}

/* The server forgot: the login is made again, and the message sealed anew; but not for ever. */
static void test_context_lost(void **state)
{
    struct bench b;
    negotiate_bench(&b);
    bench_open(&b, "");
    bench_log_in(&b, "<a/>");
    assert_int_equal(bench_reply(&b, 401, "WWW-Authenticate: Negotiate"), AGAIN);
    mech_free(b.server);
    b.server = NULL;
    bench_log_in(&b, "<a/>");
    assert_slice(bench_opened(&b), "<a/>");
    for (int i = 0; i < 3; i++) {
        enum http_client_auth_answer answer = bench_reply(&b, 401, "WWW-Authenticate: Negotiate");
        assert_int_equal(answer, AGAIN);
        cimf_status status = bench_next_status(&b, "<a/>");
        if (status != CIMF_OK) {
            assert_int_equal(status, CIMF_CONNECTION_LOST);
            bench_free(&b);
            return;
        }
        mech_free(b.server);
        b.server = NULL;
        if (bench_serve(&b) != AGAIN) fail_msg("%s", b.e.text);
        bench_log_in(&b, "<a/>");
    }
    fail_msg("the client never gives up");
}

/* A new connection knows nothing of the old one's login. */
static void test_new_connection(void **state)
{
    struct bench b;
    negotiate_bench(&b);
    bench_open(&b, "");
    bench_log_in(&b, "<a/>");
    http_client_auth_connected(b.a, SLICE(""));
    bench_next(&b, "<a/>");
    assert_true(bench_header(&b, "Authorization").n > 10);
    assert_int_equal(b.sent.body.n, 0);
    /* And a server that closes in the middle each time ends it. */
    for (int i = 0; i < 2; i++) {
        http_client_auth_connected(b.a, SLICE(""));
        bench_next(&b, "<a/>");
    }
    http_client_auth_connected(b.a, SLICE(""));
    assert_int_equal(bench_next_status(&b, "<a/>"), CIMF_CONNECTION_LOST);
    bench_free(&b);
}

static void test_simple_schemes(void **state)
{
    struct bench b;
    bench_init(&b, HTTP_LOGIN_BASIC);
    bench_open(&b, "");
    bench_next(&b, "<a/>");
    assert_slice(bench_header(&b, "authorization"), "Basic YWxpY2U6U2VjcmV0");
    assert_slice(b.sent.body, "<a/>");
    assert_int_equal(bench_reply_body(&b, 200, "", "t", SLICE("<b/>")), DELIVER);
    assert_slice(b.got.body, "<b/>");
    bench_free(&b);

    bench_init(&b, HTTP_LOGIN_CERTIFICATE);
    b.config.user = b.config.password = SLICE("");
    b.config.tls = true;
    bench_open(&b, "hash");
    bench_next(&b, "<a/>");
    assert_slice(bench_header(&b, "Authorization"), "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual");
    assert_slice(b.sent.body, "<a/>");
    assert_int_equal(bench_reply(&b, 401, "WWW-Authenticate: Negotiate"), FAILED);
    assert_int_equal(b.e.status, CIMF_NOT_AUTHENTICATED);
    bench_free(&b);

    bench_init(&b, HTTP_LOGIN_NONE);
    b.config.user = b.config.password = SLICE("");
    bench_open(&b, "");
    bench_next(&b, "<a/>");
    assert_null(bench_header(&b, "Authorization").p);
    assert_int_equal(bench_reply(&b, 401, "WWW-Authenticate: Negotiate"), FAILED);
    assert_says(&b, "Negotiate");
    bench_free(&b);

    bench_init(&b, HTTP_LOGIN_BASIC);
    b.config.user = SLICE("a:b");
    assert_int_equal(http_client_auth_new(&b.config, &b.a, &b.e), CIMF_INVALID_PARAMETER);
    b.config.user = SLICE("");
    assert_int_equal(http_client_auth_new(&b.config, &b.a, &b.e), CIMF_INVALID_PARAMETER);
    b.config.login = HTTP_LOGIN_NEGOTIATE;
    assert_int_equal(http_client_auth_new(&b.config, &b.a, &b.e), CIMF_INVALID_PARAMETER);
    bench_free(&b);
}

/* No ticket: said before anything is sent; with NTLM open, that is used. */
static void test_no_ticket(void **state)
{
    struct bench b;
    bench_init(&b, HTTP_LOGIN_KERBEROS);
    b.config.user = SLICE("");
    b.config.ticket = true;
    b.config.ccache = "FILE:/nonexistent/cache";
    bench_open(&b, "");
    assert_int_equal(bench_next_status(&b, "<a/>"), CIMF_NOT_AUTHENTICATED);
    assert_true(b.e.text[0]);
    bench_free(&b);
    negotiate_bench(&b);
    b.config.kerberos = b.config.ticket = true;
    b.config.ccache = "FILE:/nonexistent/cache";
    bench_open(&b, "");
    bench_log_in(&b, "<a/>");
    assert_string_equal(http_client_auth_name(b.a), "Negotiate (NTLM)");
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sealed), cmocka_unit_test(test_replayed_reply), cmocka_unit_test(test_changed_reply),
        cmocka_unit_test(test_unsealed_reply), cmocka_unit_test(test_tls_bindings), cmocka_unit_test(test_wrong_password),
        cmocka_unit_test(test_hostile_logins), cmocka_unit_test(test_offers), cmocka_unit_test(test_downgrade),
        cmocka_unit_test(test_context_lost), cmocka_unit_test(test_new_connection), cmocka_unit_test(test_simple_schemes),
        cmocka_unit_test(test_no_ticket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
