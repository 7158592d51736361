/* Digest from the client's side, against a server that calculates with mech/digest.h. */
#include "net/http_client_auth_harness.h"

#include "mech/digest.h"

#define AGAIN HTTP_CLIENT_AUTH_AGAIN
#define DELIVER HTTP_CLIENT_AUTH_DELIVER
#define FAILED HTTP_CLIENT_AUTH_FAILED
#define MD5 "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth\", algorithm=MD5"

/* The request is right for this nonce and count; what it says in *r. */
static void check_request(struct bench *b, const char *nonce, uint32_t nc, struct digest_response *r)
{
    char ha1[DIGEST_HEX], ha2[DIGEST_HEX], want[DIGEST_HEX];
    struct slice value = bench_header(b, "Authorization");
    assert_true(slice_starts(value, SLICE("Digest ")));
    if (digest_response_read(&b->arena, slice_sub(value, 7), r, &b->e) != CIMF_OK) fail_msg("%s", b->e.text);
    assert_slice(r->nonce, nonce);
    assert_slice(r->uri, "/wsman");
    assert_slice(r->realm, "r");
    if (r->qop != DIGEST_QOP_NONE) assert_int_equal(r->nc, nc);
    digest_ha1(r->algorithm, SLICE("alice"), SLICE("r"), SLICE("Secret"), ha1);
    digest_ha2(r->algorithm, r->qop, SLICE("POST"), SLICE("/wsman"), b->sent.body, ha2);
    digest_compute(r, ha1, ha2, want);
    assert_slice(r->response, want);
}

static void digest_open(struct bench *b, const char *challenge)
{
    bench_init(b, HTTP_LOGIN_DIGEST);
    bench_open(b, "");
    bench_next(b, "<a/>");
    assert_null(bench_header(b, "Authorization").p); /* nothing is known yet */
    assert_int_equal(b->sent.body.n, 0);
    assert_int_equal(bench_reply(b, 401, challenge), AGAIN);
    bench_next(b, "<a/>");
    assert_slice(b->sent.body, "<a/>");
}

/* covers: security:S4 */
static void test_counts(void **state)
{
    struct bench b;
    struct digest_response r;
    digest_open(&b, MD5);
    check_request(&b, "n1", 1, &r);
    assert_int_equal(bench_reply_body(&b, 200, "", "t", SLICE("<x/>")), DELIVER);
    assert_slice(b.got.body, "<x/>");
    for (uint32_t nc = 2; nc < 20; nc++) {
        struct slice cnonce = r.cnonce;
        http_client_auth_begin(b.a);
        if (nc == 10) http_client_auth_connected(b.a, SLICE("")); /* the nonce outlives the connection */
        bench_next(&b, "<b/>");
        check_request(&b, "n1", nc, &r);
        assert_true(slice_eq(cnonce, r.cnonce));
        assert_int_equal(bench_reply_body(&b, 500, "", "t", SLICE("<y/>")), DELIVER);
    }
    bench_free(&b);
}

static void test_forms(void **state)
{
    static const struct {
        const char *challenge;
        enum digest_algorithm algorithm;
        enum digest_qop qop;
    } rows[] = {
        { MD5, DIGEST_MD5, DIGEST_QOP_AUTH },
        { MD5 "\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth, auth-int\", algorithm=SHA-256", DIGEST_SHA256, DIGEST_QOP_AUTH },
        { MD5 ", Digest realm=\"r\", nonce=\"n1\", qop=\"auth\", algorithm=SHA-256-sess", DIGEST_SHA256_SESS, DIGEST_QOP_AUTH },
        { "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth-int\", algorithm=SHA-256", DIGEST_SHA256, DIGEST_QOP_AUTH_INT },
        { "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth\", algorithm=MD5-sess, opaque=\"o\"", DIGEST_MD5_SESS, DIGEST_QOP_AUTH },
        { "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\"", DIGEST_MD5, DIGEST_QOP_NONE },
        { "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", algorithm=SHA-512-256, qop=\"auth\"\n" MD5, DIGEST_MD5, DIGEST_QOP_AUTH },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench b;
        struct digest_response r;
        digest_open(&b, rows[i].challenge);
        check_request(&b, "n1", 1, &r);
        assert_int_equal(r.algorithm, rows[i].algorithm);
        assert_int_equal(r.qop, rows[i].qop);
        bench_free(&b);
    }
}

static void test_stale(void **state)
{
    struct bench b;
    struct digest_response r;
    digest_open(&b, MD5);
    assert_int_equal(bench_reply(&b, 401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n2\", qop=\"auth\", stale=true"), AGAIN);
    bench_next(&b, "<a/>");
    check_request(&b, "n2", 1, &r);
    /* An old nonce is forgotten without a word: that is no wrong password yet. */
    assert_int_equal(bench_reply_body(&b, 200, "", "t", SLICE("<x/>")), DELIVER);
    http_client_auth_begin(b.a);
    bench_next(&b, "<b/>");
    assert_int_equal(bench_reply(&b, 401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n3\", qop=\"auth\""), AGAIN);
    bench_next(&b, "<b/>");
    check_request(&b, "n3", 1, &r);
    assert_int_equal(bench_reply(&b, 401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n4\", qop=\"auth\""), FAILED);
    assert_int_equal(b.e.status, CIMF_NOT_AUTHENTICATED);
    bench_free(&b);
    /* A server that finds everything stale is not believed for ever. */
    digest_open(&b, MD5);
    for (int i = 0;; i++) {
        assert_true(i < 10);
        assert_int_equal(bench_reply(&b, 401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n2\", qop=\"auth\", stale=true"), AGAIN);
        if (bench_next_status(&b, "<a/>") != CIMF_OK) break;
    }
    bench_free(&b);
}

static void test_proof(void **state)
{
    static const char body[] = "<answer/>";
    for (int wrong = 0; wrong < 3; wrong++) {
        for (int whole = 0; whole < 2; whole++) {
            struct bench b;
            struct digest_response r;
            char ha1[DIGEST_HEX], ha2[DIGEST_HEX], proof[DIGEST_HEX], head[300];
            digest_open(&b, whole ? "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth-int\", algorithm=SHA-256" : MD5);
            check_request(&b, "n1", 1, &r);
            digest_ha1(r.algorithm, SLICE("alice"), SLICE("r"), wrong == 1 ? SLICE("guess") : SLICE("Secret"), ha1);
            digest_ha2(r.algorithm, r.qop, SLICE(""), SLICE("/wsman"), wrong == 2 && whole ? SLICE("<other/>") : SLICE("<answer/>"), ha2);
            digest_compute(&r, ha1, ha2, proof);
            if (wrong == 2 && !whole) proof[5] ^= 1;
            snprintf(head, sizeof head, "Authentication-Info: qop=%s, rspauth=\"%s\", cnonce=\"%.*s\", nc=00000001%s", whole ? "auth-int" : "auth",
                     proof, (int)r.cnonce.n, r.cnonce.p, wrong ? "" : ", nextnonce=\"later\"");
            enum http_client_auth_answer answer = bench_reply_body(&b, 200, head, "t", slice_str(body));
            assert_int_equal(answer, wrong ? FAILED : DELIVER);
            if (wrong) {
                assert_int_equal(b.e.status, CIMF_PROTOCOL_ERROR);
            } else {
                http_client_auth_begin(b.a);
                bench_next(&b, "<b/>");
                check_request(&b, "later", 1, &r);
            }
            bench_free(&b);
        }
    }
}

static void test_refused(void **state)
{
    struct bench b;
    digest_open(&b, MD5);
    assert_int_equal(bench_reply(&b, 401, MD5), FAILED); /* the nonce was given for this very message */
    assert_int_equal(b.e.status, CIMF_NOT_AUTHENTICATED);
    bench_free(&b);
    static const struct {
        int status;
        const char *headers;
        cimf_status want;
    } rows[] = {
        { 401, "WWW-Authenticate: Basic realm=\"r\"\nWWW-Authenticate: Negotiate", CIMF_AUTH_SCHEME },
        { 401, "WWW-Authenticate: Digest realm=\"r\"", CIMF_PROTOCOL_ERROR },
        { 401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256", CIMF_PROTOCOL_ERROR },
        { 200, "", CIMF_AUTH_SCHEME },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bench_init(&b, HTTP_LOGIN_DIGEST);
        bench_open(&b, "");
        bench_next(&b, "<a/>");
        assert_int_equal(bench_reply(&b, rows[i].status, rows[i].headers), FAILED);
        if (b.e.status != rows[i].want || !b.e.text[0]) fail_msg("%zu: %s %s", i, cimf_status_name(b.e.status), b.e.text);
        bench_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts), cmocka_unit_test(test_forms), cmocka_unit_test(test_stale), cmocka_unit_test(test_proof),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
