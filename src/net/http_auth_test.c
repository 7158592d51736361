/* Logins on the server's side: our client's machine, with real mechanisms in it, against the connection machine and
 * a broker; and what must be refused. */
#include "base/test.h"

#include "net/http_client_auth.h"
#include "net/http_conn_harness.h"
#include "net/http_nonces.h"

#define SOAP "application/soap+xml;charset=UTF-8"

struct duel {
    struct harness *h;
    struct http_client_auth *client;
    struct arena arena;
    struct error e;
    struct http_client_message sent;
    struct http_client_reply got;
    struct buf request, body;
    char headers[16384];           /* of the last reply */
    int status;
};

static struct http_nonces *nonces;

/* login < 0: no client. */
static void duel_init(struct duel *d, int login)
{
    memset(d, 0, sizeof *d);
    arena_init(&d->arena, 0);
    buf_init(&d->request, 0);
    buf_init(&d->body, 0);
    d->h = harness_new();
    d->h->site.policy = (struct http_auth_policy){ .negotiate = true, .basic = true };
    if (login < 0) return;
    struct http_client_auth_config c = { .login = (enum http_login)login, .ntlm = true, .host = SLICE("server.example"),
                                         .user = SLICE("alice"), .password = SLICE("secret") };
    c.allow_unencrypted = login == HTTP_LOGIN_DIGEST;
    assert_int_equal(http_client_auth_new(&c, &d->client, &d->e), CIMF_OK);
    http_client_auth_begin(d->client);
    http_client_auth_connected(d->client, SLICE(""));
}

static void duel_free(struct duel *d)
{
    http_client_auth_free(d->client);
    harness_free(d->h);
    buf_free(&d->request);
    buf_free(&d->body);
    arena_free(&d->arena);
}

/* What the client wants to send, as a request. */
static void duel_next(struct duel *d, const char *text)
{
    struct http_header type = { SLICE("Content-Type"), SLICE(SOAP) };
    struct http_client_message m = { .method = HTTP_POST, .target = SLICE("/wsman"), .headers = &type, .header_count = 1,
                                     .body = slice_str(text) };
    if (http_client_auth_next(d->client, &m, &d->sent, &d->e) != CIMF_OK) fail_msg("%s", d->e.text);
    buf_clear(&d->request);
    buf_lit(&d->request, "POST /wsman HTTP/1.1\r\nHost: h\r\n");
    for (unsigned i = 0; i < d->sent.header_count; i++)
        buf_printf(&d->request, SLICE_FMT ": " SLICE_FMT "\r\n", SLICE_ARG(d->sent.headers[i].name),
                   SLICE_ARG(d->sent.headers[i].value));
    buf_printf(&d->request, "Content-Length: %zu\r\n\r\n", d->sent.body.n);
    buf_slice_add(&d->request, d->sent.body);
}

/* Gives bytes to the server and takes its reply apart; 0: there was none. */
static int say_bytes(struct duel *d, struct slice bytes)
{
    buf_clear(&d->h->out);
    for (size_t at = 0; at < bytes.n; at += 1000) http_conn_input(&d->h->conn, slice_head(slice_sub(bytes, at), 1000));
    d->status = 0;
    d->headers[0] = 0;
    if (d->h->out.n == 0) return 0;
    const char *text = buf_strz(&d->h->out), *end = strstr(text, "\r\n\r\n");
    assert_non_null(end);
    d->status = atoi(text + 9);
    snprintf(d->headers, sizeof d->headers, "%.*s", (int)(end + 2 - text), text);
    buf_clear(&d->body);
    buf_add(&d->body, end + 4, d->h->out.n - (size_t)(end + 4 - text));
    return d->status;
}

static int say(struct duel *d, const char *text) { return say_bytes(d, slice_str(text)); }

static enum http_client_auth_answer hear(struct duel *d)
{
    struct http_header list[16];
    unsigned n = 0;
    struct slice rest = slice_str(d->headers), type = SLICE("");
    slice_split(rest, '\n', &rest);
    for (; rest.n && n < 16; n++) {
        list[n].name = slice_split(slice_split(rest, '\n', &rest), ':', &list[n].value);
        list[n].value = slice_trim(list[n].value);
        if (slice_ieq(list[n].name, SLICE("Content-Type"))) type = list[n].value;
    }
    struct slice body = arena_dup(&d->arena, buf_slice(&d->body));
    struct http_client_reply in = { .status = d->status, .headers = list, .header_count = n, .content_type = type,
                                    .body = body, .keep_alive = !d->h->closed };
    return http_client_auth_reply(d->client, &in, &d->got, &d->e);
}

static void exchange(struct duel *d, const char *text)
{
    for (int leg = 0; leg < 10; leg++) {
        duel_next(d, text);
        if (!say_bytes(d, buf_slice(&d->request))) fail_msg("no answer");
        enum http_client_auth_answer answer = hear(d);
        if (answer == HTTP_CLIENT_AUTH_DELIVER) return;
        if (answer == HTTP_CLIENT_AUTH_FAILED) fail_msg("%s", d->e.text);
    }
    fail_msg("the login does not end");
}

/* covers: security:S1 security:S36 security:S10 */
static void sealed_exchange(void **state)
{
    struct duel d;
    duel_init(&d, HTTP_LOGIN_NEGOTIATE);
    for (int i = 0; i < 3; i++) {
        char text[32];
        snprintf(text, sizeof text, "<message n='%d'/>", i);
        exchange(&d, text);
        assert_int_equal(d.got.status, 200);
        assert_slice(d.got.body, text);
        assert_slice(buf_slice(&d.h->last_body), text);
        assert_string_equal(d.h->last_user, "alice");
        assert_null(strstr(buf_strz(&d.body), "message")); /* nothing of it went in the clear */
        assert_non_null(strstr(d.headers, "multipart/encrypted"));
    }
    assert_int_equal(d.h->handled, 3);
    duel_free(&d);
}

/* A reply in pieces is sealed as one. covers: security:S36 */
static void sealed_pieces(void **state)
{
    struct duel d;
    duel_init(&d, HTTP_LOGIN_NEGOTIATE);
    exchange(&d, "<a/>");
    struct http_route later = d.h->site.routes[0];
    later.handler = h_later;
    d.h->site.routes = &later;
    d.h->site.route_count = 1;
    duel_next(&d, "<b/>");
    assert_int_equal(say_bytes(&d, buf_slice(&d.request)), 0);
    struct http_request *r = d.h->held;
    struct http_header type = { SLICE("Content-Type"), SLICE("text/plain") };
    struct slice one = SLICE("one "), two = SLICE("two");
    assert_non_null(r);
    assert_true(r->sealed);
    d.h->held = NULL;
    http_reply_begin(r, 200, &type, 1);
    http_reply_chunk(r, &one, 1);
    http_reply_chunk(r, &two, 1);
    assert_int_equal(d.h->out.n, 0);
    http_reply_end(r);
    struct buf kept = d.h->out;
    buf_init(&d.h->out, 0);
    const char *end = strstr(buf_strz(&kept), "\r\n\r\n");
    d.status = 200;
    snprintf(d.headers, sizeof d.headers, "%.*s", (int)(end + 2 - kept.p), kept.p);
    buf_clear(&d.body);
    buf_add(&d.body, end + 4, kept.n - (size_t)(end + 4 - kept.p));
    assert_int_equal(hear(&d), HTTP_CLIENT_AUTH_DELIVER);
    assert_slice(d.got.body, "one two");
    buf_free(&kept);
    duel_free(&d);
}

/* Somebody on the way puts requests between those of a login: they have the connection's identity, but no proof. A
 * content type is none. covers: security:S36 */
static void sealed_nothing(void **state)
{
#define SEALED "Content-Type: multipart/encrypted;protocol=\"application/HTTP-SPNEGO-session-encrypted\";" \
               "boundary=\"Encrypted Boundary\"\r\n"
    static const char *const requests[] = {
        "DELETE /wsman HTTP/1.1\r\nHost: h\r\n" SEALED "\r\n",
        "DELETE /wsman HTTP/1.1\r\nHost: h\r\n" SEALED "Content-Length: 0\r\n\r\n",
        "POST /wsman HTTP/1.1\r\nHost: h\r\n" SEALED "Content-Length: 0\r\n\r\n",
        "POST /wsman HTTP/1.1\r\nHost: h\r\n" SEALED "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    };
    struct duel d;
    duel_init(&d, HTTP_LOGIN_NEGOTIATE);
    exchange(&d, "<a/>");
    struct http_route open = d.h->site.routes[0];
    open.probe_empty_post = false;
    open.methods = HTTP_POST | HTTP_DELETE;
    d.h->site.routes = &open;
    d.h->site.route_count = 1;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        if (say(&d, requests[i]) != 500) fail_msg("%d for %s", d.status, requests[i]);
    assert_int_equal(d.h->handled, 1);
    exchange(&d, "<b/>"); /* what is sealed goes on */
    assert_slice(d.got.body, "<b/>");
    duel_free(&d);
}

/* What was right once is asked about again when its time is over; that of accounts has no end, as changes are told. How
 * long it is for others says auth_life. */
static void asked_again(void **state)
{
    struct duel d;
    const char *request = "POST /wsman HTTP/1.1\r\nHost: h\r\n" ALICE "Content-Type: " SOAP "\r\nContent-Length: 4\r\n\r\n<a/>";
    duel_init(&d, -1);
    d.h->site.policy.allow_unencrypted = true;
    assert_int_equal(say(&d, request), 200);
    assert_true(d.h->conn.auth.until_us == INT64_MAX);
    d.h->conn.auth.until_us = 1;
    assert_int_equal(say(&d, request), 200);
    assert_true(d.h->conn.auth.until_us == INT64_MAX); /* by a new answer */
    duel_free(&d);
}

#define HEAD "POST /wsman HTTP/1.1\r\nHost: h\r\n"
#define PLAIN "Content-Type: " SOAP "\r\nContent-Length: 4\r\n\r\n<a/>"

/* No request without an identity reaches a handler. covers: security:S1 security:S6 */
static void nobody(void **state)
{
    static const char *const requests[] = {
        HEAD PLAIN, HEAD "Authorization:\r\n" PLAIN, HEAD "Authorization: Negotiate\r\n" PLAIN,
        HEAD "Authorization: NEGOTIATE \r\n" PLAIN, HEAD "Authorization: Kerberos YII=\r\n" PLAIN,
        HEAD "Authorization: Digest username=\"alice\"\r\n" PLAIN, HEAD "Authorization: CredSSP YII=\r\n" PLAIN,
        HEAD "Authorization: Bearer x\r\n" PLAIN, HEAD "Authorization: Negotiate !\r\n" PLAIN,
        HEAD "Authorization: Negotiate AAAA\r\n" PLAIN, HEAD "Authorization: Negotiate TlRMTVNTUAADAAAA\r\n" PLAIN,
        HEAD "Authorization: http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual\r\n" PLAIN,
        HEAD "Content-Type: multipart/encrypted;protocol=\"application/HTTP-SPNEGO-session-encrypted\";"
             "boundary=\"Encrypted Boundary\"\r\nContent-Length: 4\r\n\r\n<a/>",
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct duel d;
        duel_init(&d, -1);
        if (say(&d, requests[i]) != 401) fail_msg("%d for %s", d.status, requests[i]);
        assert_int_equal(d.h->handled, 0);
        assert_non_null(strstr(d.headers, "WWW-Authenticate: Negotiate\r\n"));
        assert_null(strstr(d.headers, "Basic")); /* plain HTTP */
        assert_null(strstr(d.headers, "Kerberos"));
        duel_free(&d);
    }
    struct duel d;
    duel_init(&d, -1);
    assert_int_equal(say(&d, HEAD "Authorization: Negotiate AAAA\r\nAuthorization: Negotiate AAAA\r\n" PLAIN), 400);
    assert_int_equal(say(&d, HEAD PLAIN), 0);
    duel_free(&d);
    duel_init(&d, -1);
    assert_int_equal(say(&d, HEAD ALICE PLAIN), 403);
    assert_int_equal(d.h->handled, 0);
    duel_free(&d);
}

/* The challenges, strong ones first. covers: security:S2 security:S6 */
static void offers(void **state)
{
    struct duel d;
    duel_init(&d, -1);
    d.h->site.policy = (struct http_auth_policy){ .negotiate = true, .kerberos = true, .basic = true, .digest = true,
                                                  .nonces = nonces };
    assert_int_equal(say(&d, HEAD PLAIN), 401);
    const char *n = strstr(d.headers, "WWW-Authenticate: Negotiate\r\n"), *k = strstr(d.headers, "WWW-Authenticate: Kerberos\r\n");
    assert_true(n && k && n < k);
    assert_null(strstr(d.headers, "Digest"));
    d.h->site.policy.allow_unencrypted = true;
    assert_int_equal(say(&d, HEAD PLAIN), 401);
    const char *digest = strstr(d.headers, "algorithm=SHA-256"), *md5 = strstr(d.headers, "algorithm=MD5"),
               *basic = strstr(d.headers, "WWW-Authenticate: Basic realm=\"WSMAN\"");
    assert_true(digest && md5 && basic && digest < md5 && md5 < basic);
    duel_free(&d);
}

/* Plain bodies under Negotiate are refused before they are read, unless they are allowed. covers: security:S10 */
static void plain_body(void **state)
{
    struct duel d;
    duel_init(&d, HTTP_LOGIN_NEGOTIATE);
    exchange(&d, "<a/>");
    assert_int_equal(say(&d, HEAD PLAIN), 500);
    assert_int_equal(d.h->handled, 1);
    assert_int_equal(say(&d, HEAD "Content-Length: 0\r\n\r\n"), 200); /* nothing to protect */
    assert_int_equal(d.h->handled, 1);
    exchange(&d, "<b/>"); /* the context goes on */
    d.h->site.policy.allow_unencrypted = true;
    assert_int_equal(say(&d, HEAD PLAIN), 200);
    assert_int_equal(d.h->handled, 3);
    duel_free(&d);
}

/* Another Authorization drops the identity before anything else; the context is not found on another connection. */
static void bound_to_connection(void **state)
{
    struct duel d, other;
    duel_init(&d, HTTP_LOGIN_NEGOTIATE);
    duel_init(&other, -1);
    exchange(&d, "<a/>");
    duel_next(&d, "<b/>");
    assert_int_equal(say_bytes(&other, buf_slice(&d.request)), 401);
    assert_int_equal(other.h->handled, 0);
    assert_int_equal(say(&d, HEAD "Authorization: Bearer x\r\nContent-Length: 0\r\n\r\n"), 401);
    assert_int_equal(say_bytes(&d, buf_slice(&d.request)), 401);
    assert_int_equal(d.h->handled, 1);
    duel_free(&d);
    duel_free(&other);
}

/* A login's second message on a connection that did not see the first. */
static void moved_login(void **state)
{
    struct duel d, other;
    duel_init(&d, HTTP_LOGIN_NEGOTIATE);
    duel_init(&other, -1);
    for (int leg = 0; leg < 2; leg++) {
        duel_next(&d, "<a/>");
        if (leg == 1) break;
        say_bytes(&d, buf_slice(&d.request));
        assert_int_equal(hear(&d), HTTP_CLIENT_AUTH_AGAIN);
    }
    if (!d.sent.headers) fail_msg("nothing sent");
    assert_int_equal(say_bytes(&other, buf_slice(&d.request)), 401);
    assert_true(other.h->closed);
    duel_free(&d);
    duel_free(&other);
}

/* Replayed, cut, or with any bit of it flipped: never dispatched, and the connection ends. covers: security:S36 */
static void damaged(void **state)
{
    struct duel d;
    duel_init(&d, HTTP_LOGIN_NEGOTIATE);
    exchange(&d, "<a/>");
    duel_next(&d, "<b/>");
    assert_int_equal(say_bytes(&d, buf_slice(&d.request)), 200);
    assert_int_equal(say_bytes(&d, buf_slice(&d.request)), 400); /* replay */
    assert_true(d.h->closed);
    assert_int_equal(d.h->handled, 2);
    duel_free(&d);
    size_t n = 1;
    for (size_t at = 0; at < n; at += at + 40 < n ? 7 : 1) {
        duel_init(&d, HTTP_LOGIN_NEGOTIATE);
        exchange(&d, "<a/>");
        duel_next(&d, "<b/>");
        n = d.sent.body.n;
        size_t head = d.request.n - n;
        d.request.p[head + at] ^= 1;
        int status = say_bytes(&d, buf_slice(&d.request));
        bool same = d.h->handled == 2 && slice_is(buf_slice(&d.h->last_body), "<b/>"); /* a harmless byte of the frame */
        if (d.h->handled != 1 && !same) fail_msg("byte %zu: %d", at, status);
        if (!same) assert_true(status >= 400 && (d.h->closed || status == 415));
        duel_free(&d);
    }
    for (size_t cut = 1; cut < n; cut += 11) { /* a shorter body, with a length that says so */
        duel_init(&d, HTTP_LOGIN_NEGOTIATE);
        exchange(&d, "<a/>");
        duel_next(&d, "<b/>");
        char *length = strstr(d.request.p, "Content-Length: ");
        assert_non_null(length);
        struct buf b;
        buf_init(&b, 0);
        buf_add(&b, d.request.p, (size_t)(length - d.request.p));
        buf_printf(&b, "Content-Length: %zu\r\n\r\n", n - cut);
        buf_add(&b, d.request.p + d.request.n - n, n - cut);
        int status = say_bytes(&d, buf_slice(&b));
        if (d.h->handled == 2) assert_slice(buf_slice(&d.h->last_body), "<b/>"); /* only the last line end was cut */
        else assert_true(status == 400 && d.h->closed);
        if (cut > 2) assert_int_equal(d.h->handled, 1);
        buf_free(&b);
        duel_free(&d);
    }
}

/* NTLM needs a connection that stays. */
static void http10(void **state)
{
    struct duel d;
    struct buf b;
    duel_init(&d, HTTP_LOGIN_NEGOTIATE);
    duel_next(&d, "<a/>");
    buf_init(&b, 0);
    buf_add(&b, d.request.p, d.request.n);
    memcpy(strstr(b.p, "HTTP/1.1"), "HTTP/1.0", 8);
    assert_int_equal(say_bytes(&d, buf_slice(&b)), 401);
    assert_null(strstr(d.headers, "Negotiate T"));
    assert_null(strstr(d.headers, "Negotiate o"));
    assert_true(d.h->closed);
    buf_free(&b);
    duel_free(&d);
}

/* A user who is closed while connected is asked about before the next request. */
static void disabled_while_connected(void **state)
{
    struct duel d;
    duel_init(&d, HTTP_LOGIN_NEGOTIATE);
    exchange(&d, "<a/>");
    assert_int_equal(accounts_enable(h_accounts, SLICE("alice"), false, NULL), CIMF_OK);
    assert_int_equal(auth_reload(h_broker, NULL), CIMF_OK);
    duel_next(&d, "<b/>");
    assert_int_equal(say_bytes(&d, buf_slice(&d.request)), 401);
    assert_int_equal(d.h->handled, 1);
    assert_int_equal(accounts_enable(h_accounts, SLICE("alice"), true, NULL), CIMF_OK);
    assert_int_equal(auth_reload(h_broker, NULL), CIMF_OK);
    duel_free(&d);
}

/* Small ones in one part, large ones in several. covers: security:S5 security:S37 */
static void credssp_login(void **state)
{
    static char large[50001];
    struct credssp_server *server;
    struct credssp_server_config config = { .min_version = 5 };
    struct duel d;
    memset(large, 'x', sizeof large - 1);
    assert_int_equal(credssp_server_new(&config, &server, NULL), CIMF_OK);
    duel_init(&d, HTTP_LOGIN_CREDSSP);
    d.h->site.policy = (struct http_auth_policy){ .credssp = true, .credssp_server = server };
    exchange(&d, "<a/>");
    assert_slice(d.got.body, "<a/>");
    assert_non_null(strstr(d.headers, "multipart/encrypted"));
    exchange(&d, large);
    assert_slice(d.got.body, large);
    assert_non_null(strstr(d.headers, "multipart/x-multi-encrypted"));
    assert_string_equal(d.h->last_user, "alice");
    duel_next(&d, "<b/>");
    d.request.p[d.request.n - 40] ^= 1;
    assert_true(say_bytes(&d, buf_slice(&d.request)) == 400 && d.h->closed);
    assert_int_equal(d.h->handled, 2);
    duel_free(&d);
    duel_init(&d, HTTP_LOGIN_CREDSSP);
    d.h->site.policy = (struct http_auth_policy){ .negotiate = true, .credssp_server = server }; /* off */
    duel_next(&d, "<a/>");
    assert_int_equal(say_bytes(&d, buf_slice(&d.request)), 401);
    assert_null(strstr(d.headers, "CredSSP"));
    duel_free(&d);
    credssp_server_free(server);
}

/* covers: security:S3 */
static void digest_login(void **state)
{
    struct duel d;
    duel_init(&d, HTTP_LOGIN_DIGEST);
    d.h->site.policy = (struct http_auth_policy){ .digest = true, .allow_unencrypted = true, .nonces = nonces };
    exchange(&d, "<a/>");
    assert_slice(d.got.body, "<a/>");
    assert_string_equal(d.h->last_user, "alice");
    assert_non_null(strstr(d.headers, "Authentication-Info: qop=auth, rspauth="));
    duel_next(&d, "<b/>");
    assert_int_equal(say_bytes(&d, buf_slice(&d.request)), 200);
    assert_int_equal(say_bytes(&d, buf_slice(&d.request)), 401); /* the same nc again */
    assert_non_null(strstr(d.headers, "stale=true"));
    assert_int_equal(say(&d, HEAD PLAIN), 401); /* no header, no identity */
    assert_int_equal(d.h->handled, 2);
    duel_free(&d);
}

static void nonce_rules(void **state)
{
    char text[HTTP_NONCE_TEXT];
    struct slice me = SLICE("192.0.2.1"), s = slice_of(text, sizeof text - 1);
    http_nonces_make(nonces, me, 1000000, text);
    assert_int_equal(http_nonces_check(nonces, s, me, 1000001), HTTP_NONCE_GOOD);
    assert_int_equal(http_nonces_check(nonces, s, SLICE("192.0.2.2"), 1000001), HTTP_NONCE_WRONG);
    assert_int_equal(http_nonces_check(nonces, s, me, 302000000), HTTP_NONCE_STALE);
    assert_int_equal(http_nonces_use(nonces, s, 0), HTTP_NONCE_STALE);
    assert_int_equal(http_nonces_use(nonces, s, 2), HTTP_NONCE_GOOD);
    assert_int_equal(http_nonces_use(nonces, s, 2), HTTP_NONCE_STALE);
    assert_int_equal(http_nonces_use(nonces, s, 1), HTTP_NONCE_GOOD); /* overtaken */
    assert_int_equal(http_nonces_use(nonces, s, 1), HTTP_NONCE_STALE);
    assert_int_equal(http_nonces_use(nonces, s, UINT32_MAX), HTTP_NONCE_GOOD);
    assert_int_equal(http_nonces_use(nonces, s, 3), HTTP_NONCE_STALE);
    for (size_t i = 0; i < s.n; i++) {
        text[i] ^= 1;
        assert_int_equal(http_nonces_check(nonces, s, me, 1000001), HTTP_NONCE_WRONG);
        text[i] ^= 1;
    }
    /* However many come: what was used does not become good again. */
    for (int i = 2; i < 20000; i++) {
        char more[HTTP_NONCE_TEXT];
        http_nonces_make(nonces, me, 1000000 + i, more);
        assert_int_equal(http_nonces_use(nonces, slice_str(more), 1), HTTP_NONCE_GOOD);
    }
    assert_int_equal(http_nonces_use(nonces, s, 2), HTTP_NONCE_STALE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sealed_exchange), cmocka_unit_test(sealed_pieces),
        cmocka_unit_test(sealed_nothing), cmocka_unit_test(asked_again), cmocka_unit_test(nobody),
        cmocka_unit_test(offers), cmocka_unit_test(plain_body), cmocka_unit_test(bound_to_connection),
        cmocka_unit_test(moved_login), cmocka_unit_test(damaged), cmocka_unit_test(http10),
        cmocka_unit_test(disabled_while_connected), cmocka_unit_test(credssp_login), cmocka_unit_test(digest_login), cmocka_unit_test(nonce_rules),
    };
    nonces = http_nonces_new();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    http_nonces_free(nonces);
    return failed;
}
