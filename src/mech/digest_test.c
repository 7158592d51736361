/* Digest: the examples of RFC 7616 3.9 and RFC 2617 3.5, every form of the calculation (values of the other
 * forms made with Python's hashlib), header texts both ways, hostile headers. */
#include <stdio.h>

#include "base/test.h"
#include "base/test_arena.h"
#include "mech/digest.h"

static void assert_response(const struct digest_response *r, const char *user, const char *password,
                            const char *method, const char *body, const char *want)
{
    char ha1[DIGEST_HEX], ha2[DIGEST_HEX], got[DIGEST_HEX];
    digest_ha1(r->algorithm, slice_str(user), r->realm, slice_str(password), ha1);
    digest_ha2(r->algorithm, r->qop, slice_str(method), r->uri, slice_str(body), ha2);
    digest_compute(r, ha1, ha2, got);
    assert_string_equal(got, want);
}

static struct digest_response read_good(const char *value)
{
    struct digest_response r;
    struct error e = ERROR_INIT;
    if (digest_response_read(&arena, slice_str(value), &r, &e) != CIMF_OK) fail_msg("%s", e.text);
    return r;
}

#define RFC7616                                                                                    \
    "username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", "              \
    "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, "                        \
    "cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, "                          \
    "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\", "

static void rfc_7616_md5(void **state)
{
    struct digest_response r =
        read_good(RFC7616 "response=\"8ca523f5e9506fed4657c9700eebdbec\", algorithm=MD5");
    assert_slice(r.username, "Mufasa");
    assert_slice(r.opaque, "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS");
    assert_slice(r.response, "8ca523f5e9506fed4657c9700eebdbec");
    assert_int_equal(r.nc, 1);
    assert_int_equal(r.qop, DIGEST_QOP_AUTH);
    assert_response(&r, "Mufasa", "Circle of Life", "GET", "", "8ca523f5e9506fed4657c9700eebdbec");
}

static void rfc_7616_sha256(void **state)
{
    const char *want = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1";
    struct digest_response r = read_good(
        RFC7616 "algorithm=SHA-256, "
                "response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\"");
    assert_int_equal(r.algorithm, DIGEST_SHA256);
    assert_response(&r, "Mufasa", "Circle of Life", "GET", "", want);
}

#define RFC2617                                                                                    \
    "username=\"Mufasa\",realm=\"testrealm@host.com\",uri=\"/dir/index.html\","                    \
    "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\",opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""

static void rfc_2617(void **state)
{
    struct digest_response r = read_good(RFC2617 ",qop=\"auth\",nc=00000001,cnonce=\"0a4f113b\","
                                                 "response=\"6629FAE49393A05397450978507C4EF1\"");
    assert_slice(r.response, "6629fae49393a05397450978507c4ef1");
    assert_response(&r, "Mufasa", "Circle Of Life", "GET", "", "6629fae49393a05397450978507c4ef1");
}

static void rfc_2069_form(void **state)
{
    struct digest_response r = read_good(RFC2617 ",response=\"670fd8c2df070c60b045671b8b24ff02\"");
    assert_int_equal(r.qop, DIGEST_QOP_NONE);
    assert_null(r.cnonce.p);
    assert_response(&r, "Mufasa", "Circle Of Life", "GET", "", "670fd8c2df070c60b045671b8b24ff02");
}

static void every_form(void **state)
{
    static const struct {
        enum digest_algorithm algorithm;
        enum digest_qop qop;
        const char *method, *body, *want;
    } rows[] = {
        { DIGEST_MD5, DIGEST_QOP_AUTH, "GET", "",
          "6629fae49393a05397450978507c4ef1" },
        { DIGEST_MD5, DIGEST_QOP_AUTH_INT, "POST", "hello",
          "b3da9049011b9dafbd8fc28b2deecc0b" },
        { DIGEST_MD5, DIGEST_QOP_NONE, "GET", "",
          "670fd8c2df070c60b045671b8b24ff02" },
        { DIGEST_MD5, DIGEST_QOP_AUTH, "", "",
          "376602cfd2f4e8e5e78b948a85263e85" },
        { DIGEST_MD5_SESS, DIGEST_QOP_AUTH, "GET", "",
          "8e3825c57e897f5a0dec6c2d4e5059d0" },
        { DIGEST_MD5_SESS, DIGEST_QOP_AUTH_INT, "POST", "hello",
          "663893ff97f02100977c85e0a7d71b69" },
        { DIGEST_MD5_SESS, DIGEST_QOP_NONE, "GET", "",
          "4726bc10c33fa6cb357eb27807b1cce8" },
        { DIGEST_MD5_SESS, DIGEST_QOP_AUTH, "", "",
          "b600873c6b5797f53d87684d8fc17026" },
        { DIGEST_SHA256, DIGEST_QOP_AUTH, "GET", "",
          "5abdd07184ba512a22c53f41470e5eea7dcaa3a93a59b630c13dfe0a5dc6e38b" },
        { DIGEST_SHA256, DIGEST_QOP_AUTH_INT, "POST", "hello",
          "629dd36790a0f98aa62aed160b1e9d87e53a5307b39fe91e5345c33db2aa5c90" },
        { DIGEST_SHA256, DIGEST_QOP_NONE, "GET", "",
          "e71f89d8267982ee1cd4dfb3637698eaf2f55848fe056aee7be175262aab5d2a" },
        { DIGEST_SHA256, DIGEST_QOP_AUTH, "", "",
          "4e45f148392186049914ceaa233084f1670479136368ed2616253aef371956df" },
        { DIGEST_SHA256_SESS, DIGEST_QOP_AUTH, "GET", "",
          "b8822e12417cb7750f4e2b8515f0dcf25b7dd26993e80bee1426201446a7f59b" },
        { DIGEST_SHA256_SESS, DIGEST_QOP_AUTH_INT, "POST", "hello",
          "68f58f9996e78c2276d23e21ec9c926c18d8bcbdd744cadc54928c3fc3011d93" },
        { DIGEST_SHA256_SESS, DIGEST_QOP_NONE, "GET", "",
          "6f421709505a71923c950606510a113314a303e5224f5d6390e4ad42cb718479" },
        { DIGEST_SHA256_SESS, DIGEST_QOP_AUTH, "", "",
          "2d8e4fe69da08826355fa1f5bab7d9d5e84201b213f4b835e90b5a7850fbc63a" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct digest_response r = { .algorithm = rows[i].algorithm,
                                     .qop = rows[i].qop,
                                     .realm = SLICE("testrealm@host.com"),
                                     .nonce = SLICE("dcd98b7102dd2f0e8b11d0f600bfb0c093"),
                                     .uri = SLICE("/dir/index.html"),
                                     .cnonce = SLICE("0a4f113b"),
                                     .nc_text = SLICE("00000001") };
        assert_response(&r, "Mufasa", "Circle Of Life", rows[i].method, rows[i].body, rows[i].want);
    }
}

/* RFC 7616 3.9.2 with SHA-256 in the place of SHA-512-256, which is not offered. */
static void userhash(void **state)
{
    char hash[DIGEST_HEX];
    digest_userhash(DIGEST_SHA256, SLICE("J\xc3\xa4s\xc3\xb8n Doe"), SLICE("api@example.org"), hash);
    assert_string_equal(hash, "5a1a8a47df5c298551b9b42ba9b05835174a5bd7d511ff7fe9191d8e946fc4e7");
    char text[1024], zeros[65];
    memset(zeros, '0', 64);
    zeros[64] = '\0';
    snprintf(text, sizeof text,
             "username=\"%s\",realm=\"api@example.org\",uri=\"/doe.json\",nonce=\"n\",userhash=true,"
             "algorithm=SHA-256,response=\"%s\",qop=auth,cnonce=\"c\",nc=0000000a",
             hash, zeros);
    struct digest_response r = read_good(text);
    assert_true(r.userhash);
    assert_slice(r.username, hash);
    assert_int_equal(r.nc, 10);
}

static const char bare[] = "realm=r,nonce=n,uri=u,response=00000000000000000000000000000000";

static void extended_username(void **state)
{
    char text[1024];
    snprintf(text, sizeof text, "username*=UTF-8''J%%C3%%A4s%%c3%%b8n%%20Doe, %s", bare);
    struct digest_response r = read_good(text);
    assert_slice(r.username, "J\xc3\xa4s\xc3\xb8n Doe");
    snprintf(text, sizeof text, "username*=utf-8'en'x, %s", bare);
    r = read_good(text);
    assert_slice(r.username, "x");
    struct buf b;
    buf_init(&b, 0);
    r.username = SLICE("J\xc3\xa4s\xc3\xb8n Doe*");
    assert_true(digest_response_write(&r, &b));
    assert_non_null(strstr(buf_strz(&b), "username*=UTF-8''J%C3%A4s%C3%B8n%20Doe%2A, "));
    buf_free(&b);
}

static void escapes(void **state)
{
    struct digest_response r = read_good(
        " ,, username = \"DOM\\\\a\\\"b, c=\\d\" ,\trealm=\"\",nonce=n,uri=\"/\",opaque=\"\","
        "response=00000000000000000000000000000000,auth-param=\"x\\\"\",charset=utf-8 ,");
    assert_slice(r.username, "DOM\\a\"b, c=d");
    assert_slice(r.realm, "");
    assert_non_null(r.opaque.p);
    struct buf b;
    buf_init(&b, 0);
    assert_true(digest_response_write(&r, &b));
    assert_non_null(strstr(buf_strz(&b), "Digest username=\"DOM\\\\a\\\"b, c=d\", realm=\"\", "));
    assert_non_null(strstr(b.p, ", opaque=\"\""));
    buf_free(&b);
}

static void writing_never_splits_a_header(void **state)
{
    struct digest_response r = read_good("username=u,realm=r,nonce=n,uri=u,"
                                         "response=00000000000000000000000000000000");
    struct buf b;
    buf_init(&b, 0);
    buf_lit(&b, "kept");
    r.uri = SLICE("/a\r\nHost: b");
    assert_false(digest_response_write(&r, &b));
    assert_slice(buf_slice(&b), "kept");
    struct digest_challenge c = { .realm = SLICE("a\nb"), .nonce = SLICE("n") };
    assert_false(digest_challenge_write(&c, &b));
    assert_slice(buf_slice(&b), "kept");
    buf_free(&b);
}

static void challenges(void **state)
{
    struct digest_challenge c;
    struct buf b;
    buf_init(&b, 0);
    assert_int_equal(
        digest_challenge_read(&arena,
                              SLICE("realm=\"http-auth@example.org\", qop=\"auth, auth-int\", "
                                    "algorithm=SHA-256, nonce=\"7ypf/xlj9XXwfDPEoM4URrv\", "
                                    "opaque=\"FQhe\", stale=TRUE, charset=UTF-8, userhash=true, "
                                    "domain=\"/a /b\""),
                              &c, NULL),
        CIMF_OK);
    assert_int_equal(c.algorithm, DIGEST_SHA256);
    assert_true(c.qop_auth && c.qop_auth_int && c.stale && c.utf8 && c.userhash);
    assert_slice(c.realm, "http-auth@example.org");
    assert_true(digest_challenge_write(&c, &b));
    assert_slice(buf_slice(&b),
                 "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=SHA-256, "
                 "nonce=\"7ypf/xlj9XXwfDPEoM4URrv\", opaque=\"FQhe\", stale=true, charset=UTF-8, "
                 "userhash=true");
    buf_free(&b);
    /* WinRM's */
    assert_int_equal(digest_challenge_read(
                         &arena,
                         SLICE("qop=\"auth\",algorithm=MD5-sess,nonce=\"+Upgraded+v1ab\","
                               "charset=utf-8,realm=\"Digest\""),
                         &c, NULL),
                     CIMF_OK);
    assert_int_equal(c.algorithm, DIGEST_MD5_SESS);
    assert_true(c.qop_auth && !c.qop_auth_int && !c.stale && c.utf8);
    assert_null(c.opaque.p);
    /* RFC 2069 */
    assert_int_equal(digest_challenge_read(&arena, SLICE("realm=r,nonce=n"), &c, NULL), CIMF_OK);
    assert_true(!c.qop_auth && !c.qop_auth_int);
}

static void bad_challenges(void **state)
{
    static const char *const rows[][2] = {
        { "nonce=n", "realm" },
        { "realm=r", "nonce" },
        { "realm=r,nonce=\"\"", "nonce" },
        { "realm=r,nonce=n,algorithm=SHA-512-256", "algorithm" },
        { "realm=r,nonce=n,qop=token", "qop" },
        { "realm=r,nonce=n,qop=\"\"", "qop" },
        { "realm=r,nonce=n,stale=maybe", "stale" },
        { "realm=r,nonce=n, Basic realm=x", "" }, /* the next challenge of a list is not ours to take */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct digest_challenge c;
        struct error e = ERROR_INIT;
        assert_int_equal(digest_challenge_read(&arena, slice_str(rows[i][0]), &c, &e),
                         CIMF_BAD_REQUEST);
        assert_string_equal(e.subject, rows[i][1]);
    }
}

#define ZEROS "00000000000000000000000000000000"
static void bad_responses(void **state)
{
    static const char *const rows[][2] = {
        { "", "username" },
        { "username=u", "realm" },
        { "username=u,realm=r", "nonce" },
        { "username=u,realm=r,nonce=n", "uri" },
        { "username=u,realm=r,nonce=n,uri=\"\"", "uri" },
        { "username=u,realm=r,nonce=n,uri=u", "response" },
        { "username=u,realm=r,nonce=n,uri=u,response=00", "response" },
        { "username=u,realm=r,nonce=n,uri=u,response=\"" ZEROS ZEROS "\"", "response" },
        { "username=u,realm=r,nonce=n,uri=u,response=0000000000000000000000000000000g", "response" },
        { "username=u,realm=r,nonce=n,uri=u,algorithm=SHA-256,response=" ZEROS, "response" },
        { "username=u,realm=r,nonce=n,uri=u,algorithm=MD4,response=" ZEROS, "algorithm" },
        { "username=u,realm=r,nonce=n,uri=u,qop=auth,cnonce=c,response=" ZEROS, "nc" },
        { "username=u,realm=r,nonce=n,uri=u,qop=auth,nc=00000001,response=" ZEROS, "cnonce" },
        { "username=u,realm=r,nonce=n,uri=u,algorithm=MD5-sess,response=" ZEROS, "cnonce" },
        { "username=u,realm=r,nonce=n,uri=u,qop=auth,cnonce=c,nc=1,response=" ZEROS, "nc" },
        { "username=u,realm=r,nonce=n,uri=u,qop=auth,cnonce=c,nc=0000000g,response=" ZEROS, "nc" },
        { "username=u,realm=r,nonce=n,uri=u,qop=auth,cnonce=c,nc=000000001,response=" ZEROS, "nc" },
        { "username=u,realm=r,nonce=n,uri=u,qop=both,cnonce=c,nc=00000001,response=" ZEROS, "qop" },
        { "username=u,username=u", "username" },
        { "username=u,realm=r,REALM=r", "realm" },
        { "username=u,username*=UTF-8''u,realm=r", "username*" },
        { "username*=latin1''u,realm=r", "username*" },
        { "username*=UTF-8'u,realm=r", "username*" },
        { "username*=UTF-8''%C3,realm=r", "username*" },
        { "username*=UTF-8''%C,realm=r", "username*" },
        { "username*=UTF-8''%zz,realm=r", "username*" },
        { "username*=UTF-8''a%00b,realm=r", "username*" },
        { "username*=UTF-8''a%0Ab,realm=r", "username*" },
        { "username*=UTF-8''a,userhash=true", "username*" },
        { "username=\"\xe9\",realm=r", "username" },
        { "username=00,userhash=true", "username" },
        { "username=u,userhash=yes", "userhash" },
        { "username=\"u", "username" },
        { "username=\"u\\", "username" },
        { "username=\"u\"x", "username" },
        { "username=\"a\rb\"", "username" },
        { "username=\"a\\\nb\"", "username" },
        { "username=", "username" },
        { "username", "" },
        { "=u", "" },
        { "username u", "" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct digest_response r;
        struct error e = ERROR_INIT;
        if (digest_response_read(&arena, slice_str(rows[i][0]), &r, &e) != CIMF_BAD_REQUEST)
            fail_msg("taken: %s", rows[i][0]);
        if (strcmp(e.subject, rows[i][1]) != 0)
            fail_msg("%s: names %s, not %s", rows[i][0], e.subject, rows[i][1]);
    }
}

static void bounds(void **state)
{
    struct digest_response r;
    struct error e;
    struct buf b;
    buf_init(&b, 0);
    for (int over = 0; over < 2; over++) {
        buf_clear(&b);
        buf_lit(&b, "nonce=n,uri=u,response=" ZEROS ",realm=r,username=\"");
        for (int i = 0; i < 1024 + over; i++) buf_lit(&b, "\\a");
        buf_lit(&b, "\"");
        assert_int_equal(digest_response_read(&arena, buf_slice(&b), &r, &e),
                         over ? CIMF_BAD_REQUEST : CIMF_OK);
    }
    assert_string_equal(e.subject, "username");
    for (int over = 0; over < 2; over++) {
        buf_clear(&b);
        buf_lit(&b, "username=u,nonce=n,uri=u,response=" ZEROS ",realm=r");
        for (int i = 5; i < 64 + over; i++) buf_printf(&b, ",x%d=y", i);
        assert_int_equal(digest_response_read(&arena, buf_slice(&b), &r, NULL),
                         over ? CIMF_BAD_REQUEST : CIMF_OK);
    }
    buf_free(&b);
}

static void every_truncation_and_no_memory(void **state)
{
    static const char text[] = RFC7616 "userhash=false,algorithm=MD5,response=\"" ZEROS "\"";
    struct digest_response r;
    for (size_t n = 0; n < sizeof text - 1; n++)
        assert_int_equal(digest_response_read(&arena, slice_of(text, n), &r, NULL),
                         CIMF_BAD_REQUEST);
    assert_int_equal(digest_response_read(&arena, slice_str(text), &r, NULL), CIMF_OK);
    struct arena small;
    arena_init(&small, 1);
    assert_int_equal(digest_response_read(&small, slice_str(text), &r, NULL), CIMF_OUT_OF_MEMORY);
    arena_free(&small);
    struct buf b;
    for (size_t cap = 1; cap < 64; cap++) {
        buf_init(&b, cap);
        assert_false(digest_response_write(&r, &b));
        buf_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_7616_md5),
        cmocka_unit_test(rfc_7616_sha256),
        cmocka_unit_test(rfc_2617),
        cmocka_unit_test(rfc_2069_form),
        cmocka_unit_test(every_form),
        cmocka_unit_test(userhash),
        cmocka_unit_test(extended_username),
        cmocka_unit_test(escapes),
        cmocka_unit_test(writing_never_splits_a_header),
        cmocka_unit_test(challenges),
        cmocka_unit_test(bad_challenges),
        cmocka_unit_test(bad_responses),
        cmocka_unit_test(bounds),
        cmocka_unit_test(every_truncation_and_no_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
