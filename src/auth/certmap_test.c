/* The certificate map: what is read, which row a certificate has, changes. */
#include "base/test.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "auth/certmap.h"

#define HEAD "cimfony-certificates 1\n"
#define ISSUER "0123456789abcdef0123456789abcdef01234567"
#define OTHER "1123456789abcdef0123456789abcdef01234567"
#define ROW "on\t" ISSUER "\talice@example.com\t*\talice\n"

static EVP_PKEY *pair;

/* A certificate with this subject and UPN (NULL: none), DER in the arena. */
static struct slice certificate(struct arena *a, const char *o, const char *cn, const char *upn)
{
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, pair);
    X509_NAME *name = X509_get_subject_name(x);
    if (o) X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)o, -1, -1, 0);
    if (cn) X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
    if (upn) {
        char text[256];
        snprintf(text, sizeof text, "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:%s", upn);
        X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text);
        assert_non_null(san);
        X509_add_ext(x, san, -1);
        X509_EXTENSION_free(san);
    }
    assert_true(X509_sign(x, pair, EVP_sha256()) > 0);
    unsigned char *der = NULL;
    int n = i2d_X509(x, &der);
    struct slice out = arena_dup(a, slice_of((char *)der, (size_t)n));
    OPENSSL_free(der);
    X509_free(x);
    return out;
}

static struct certmap *parse(const char *text)
{
    struct certmap *m;
    struct error e = ERROR_INIT;
    if (certmap_parse(slice_str(text), &m, &e) != CIMF_OK) fail_msg("%s", error_text(&e));
    return m;
}

static void patterns(void **state)
{
    static const struct { const char *pattern, *text; bool yes; } subjects[] = {
        { "alice", "ALICE", true }, { "alice", "alicex", false }, { "*", "x", true }, { "*", "", true },
        { "*@example.com", "Alice@EXAMPLE.com", true }, { "*@example.com", "@example.com", true },
        { "*@example.com", "alice@example.com.evil.org", false }, { "al*", "Alice", true }, { "al*", "al", true },
        { "al*", "a", false }, { "", "", false }, { "*\xc3\xa4", "x\xc3\x84", true },
    }, uris[] = {
        { "*", "http://x/y", true }, { "http://x/*", "http://x/y", true }, { "http://x/*", "http://x", false },
        { "http://x", "HTTP://X", true }, { "http://x", "http://x/", false }, { "", "", false },
    };
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++)
        if (certmap_subject_matches(slice_str(subjects[i].pattern), slice_str(subjects[i].text)) != subjects[i].yes)
            fail_msg("%s %s", subjects[i].pattern, subjects[i].text);
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++)
        if (certmap_uri_matches(slice_str(uris[i].pattern), slice_str(uris[i].text)) != uris[i].yes)
            fail_msg("%s %s", uris[i].pattern, uris[i].text);
}

static void parse_bad(void **state)
{
    static const char *const bad[] = {
        "", "x\n", "cimfony-certificates 2\n", HEAD "on\n", HEAD "yes\t" ISSUER "\ts\t*\talice\n",
        HEAD "on\t" ISSUER "\ts\t*\n", HEAD "on\t" ISSUER "\ts\t*\talice\tx\n", HEAD "on\t0123\ts\t*\talice\n",
        HEAD "on\tg123456789abcdef0123456789abcdef01234567\ts\t*\talice\n", HEAD "on\t" ISSUER "\t\t*\talice\n",
        HEAD "on\t" ISSUER "\ta*b\t*\talice\n", HEAD "on\t" ISSUER "\t*b*\t*\talice\n", HEAD "on\t" ISSUER "\ts\t\talice\n",
        HEAD "on\t" ISSUER "\ts\thttp://a b\talice\n", HEAD "on\t" ISSUER "\ts\thttp://a?b\talice\n",
        HEAD "on\t" ISSUER "\ts\t*a\talice\n", HEAD "on\t" ISSUER "\ts\t*\tEXAMPLE\\alice\n", HEAD "on\t" ISSUER "\ts\t*\t\n",
        HEAD "on\t" ISSUER "\t\xff\t*\talice\n", HEAD ROW "off\t" ISSUER "\tALICE@example.com\t*\tbob\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct certmap *m;
        struct error e = ERROR_INIT;
        if (certmap_parse(slice_str(bad[i]), &m, &e) != CIMF_INVALID_SYNTAX || m || !e.line) fail_msg("accepted: %s", bad[i]);
    }
    struct certmap *m = parse(HEAD "# remark\n\n" ROW "off\t" OTHER "\tCN=bob, O=x\thttp://a/*\tbob");
    assert_int_equal(certmap_count(m), 2);
    assert_slice(certmap_at(m, 1)->subject, "CN=bob, O=x");
    assert_false(certmap_at(m, 1)->enabled);
    assert_null(certmap_at(m, 2));
    certmap_unref(m);
}

static void names(void **state)
{
    struct arena a;
    struct certmap_names n;
    arena_init(&a, 0);
    /* The principal name counts alone when there is one. */
    assert_int_equal(certmap_names(&a, certificate(&a, "Example", "Bob", "alice@example.com"), &n, NULL), CIMF_OK);
    assert_int_equal(n.count, 1);
    assert_slice(n.list[0], "alice@example.com");
    assert_int_equal(certmap_names(&a, certificate(&a, "Example", "B\xc3\xb6" "b", NULL), &n, NULL), CIMF_OK);
    assert_int_equal(n.count, 3);
    assert_slice(n.list[0], "B\xc3\xb6" "b");
    assert_slice(n.list[1], "CN=B\xc3\xb6" "b,O=Example");
    assert_slice(n.list[2], "CN=B\xc3\xb6" "b, O=Example");
    assert_int_equal(certmap_names(&a, certificate(&a, NULL, NULL, NULL), &n, NULL), CIMF_BAD_REQUEST);
    /* No certificate, one cut at every byte, one with bytes behind. */
    struct slice whole = certificate(&a, "Example", "Bob", "alice@example.com");
    for (size_t i = 0; i < whole.n; i++)
        assert_int_equal(certmap_names(&a, slice_head(whole, i), &n, NULL), CIMF_BAD_REQUEST);
    char *longer = arena_alloc(&a, whole.n + 1);
    memcpy(longer, whole.p, whole.n);
    longer[whole.n] = 'x';
    assert_int_equal(certmap_names(&a, slice_of(longer, whole.n + 1), &n, NULL), CIMF_BAD_REQUEST);
    arena_free(&a);
}

/* covers: security:S11 */
static void matches(void **state)
{
    struct arena a;
    struct certmap_match m;
    char print[CERTMAP_ISSUER + 1], text[2048];
    arena_init(&a, 0);
    struct slice ca = certificate(&a, "Example", "CA", NULL), alice = certificate(&a, NULL, "x", "alice@example.com");
    certmap_thumbprint(ca, print);
    assert_int_equal(strlen(print), 40);
    snprintf(text, sizeof text,
             HEAD "on\t%s\t*@example.com\t*\teverybody\non\t%s\talice@example.com\thttp://a/*\talice\n"
                  "on\t%s\talice@*\thttp://b/*\tAlice\noff\t%s\tbob@example.com\t*\tbob\n"
                  "on\t" OTHER "\talice@example.com\t*\tmallory\n",
             print, print, print, print);
    struct certmap *map = parse(text);
    assert_int_equal(certmap_match(&a, map, alice, ca, &m, NULL), CIMF_OK);
    assert_slice(m.user, "alice"); /* the longest subject; with the URIs of her rows */
    assert_int_equal(m.uri_pattern_count, 2);
    assert_slice(m.uri_patterns[0], "http://a/*");
    assert_slice(m.uri_patterns[1], "http://b/*");
    /* A row that is off does not count; the general one does. */
    assert_int_equal(certmap_match(&a, map, certificate(&a, NULL, "x", "bob@example.com"), ca, &m, NULL), CIMF_OK);
    assert_slice(m.user, "everybody");
    assert_int_equal(m.uri_pattern_count, 0);
    assert_int_equal(certmap_match(&a, map, certificate(&a, NULL, "x", "eve@example.org"), ca, &m, NULL),
                     CIMF_NOT_AUTHENTICATED);
    /* Another issuer: the same names prove nothing. */
    assert_int_equal(certmap_match(&a, map, alice, certificate(&a, "Example", "CA", "x@y"), &m, NULL), CIMF_NOT_AUTHENTICATED);
    assert_int_equal(certmap_match(&a, map, alice, SLICE(""), &m, NULL), CIMF_NOT_AUTHENTICATED);
    certmap_unref(map);
    /* Two accounts for subjects of the same length. */
    snprintf(text, sizeof text, HEAD "on\t%s\talice@example.com\thttp://a\talice\non\t%s\talice@example.com\t*\tbob\n", print, print);
    map = parse(text);
    assert_int_equal(certmap_match(&a, map, alice, ca, &m, NULL), CIMF_NOT_AUTHENTICATED);
    certmap_unref(map);
    arena_free(&a);
}

static void changes(void **state)
{
    char folder[] = "/tmp/cimfony-certmap-XXXXXX", path[64], command[64];
    struct stat st;
    unsigned count;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/certificates", folder);
    struct accounts_place place = { .path = path };
    struct certmap_row row = { SLICE("0123456789ABCDEF0123456789abcdef01234567"), SLICE("alice@example.com"), SLICE("*"),
                               SLICE("alice"), true }, key = { .subject = SLICE("ALICE@example.com") };
    assert_int_equal(certmap_del(&place, &key, &count, NULL), CIMF_NOT_FOUND);
    assert_int_equal(certmap_add(&place, &row, NULL), CIMF_OK);
    assert_int_equal(certmap_add(&place, &row, NULL), CIMF_ALREADY_EXISTS);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    row.uri = SLICE("http://a/*");
    assert_int_equal(certmap_add(&place, &row, NULL), CIMF_OK);
    row.subject = SLICE("bob");
    assert_int_equal(certmap_add(&place, &row, NULL), CIMF_OK);
    row.subject = SLICE("b*b");
    assert_int_equal(certmap_add(&place, &row, NULL), CIMF_INVALID_PARAMETER);
    row.subject = SLICE("bob\nx");
    assert_int_equal(certmap_add(&place, &row, NULL), CIMF_INVALID_PARAMETER);
    struct certmap *m;
    assert_int_equal(certmap_load(path, &m, NULL), CIMF_OK);
    assert_int_equal(certmap_count(m), 3);
    assert_slice(certmap_at(m, 0)->issuer, ISSUER);
    certmap_unref(m);
    key.uri = SLICE("http://a/*");
    assert_int_equal(certmap_del(&place, &key, &count, NULL), CIMF_OK);
    assert_int_equal(count, 1);
    key.uri = SLICE("");
    key.issuer = SLICE(OTHER);
    assert_int_equal(certmap_del(&place, &key, &count, NULL), CIMF_NOT_FOUND);
    key.issuer = SLICE("");
    struct certmap_row nothing = { .enabled = true }, bob = { .user = SLICE("Alice"), .subject = SLICE("BOB") };
    assert_int_equal(certmap_del(&place, &nothing, &count, NULL), CIMF_INVALID_PARAMETER);
    assert_int_equal(certmap_enable(&place, &bob, false, &count, NULL), CIMF_OK);
    assert_int_equal(count, 1);
    assert_int_equal(certmap_load(path, &m, NULL), CIMF_OK);
    assert_true(certmap_at(m, 0)->enabled && !certmap_at(m, 1)->enabled);
    certmap_unref(m);
    /* Another user, the rest as it was; then enabled again. */
    struct certmap_row other = { SLICE(ISSUER), SLICE("Bob"), SLICE("http://a/*"), SLICE("carol"), true };
    assert_int_equal(certmap_put(&place, &other, true, NULL), CIMF_OK);
    assert_int_equal(certmap_load(path, &m, NULL), CIMF_OK);
    assert_slice(certmap_at(m, 1)->user, "carol");
    assert_slice(certmap_at(m, 1)->subject, "bob");
    assert_false(certmap_at(m, 1)->enabled);
    certmap_unref(m);
    other.user = SLICE("");
    assert_int_equal(certmap_put(&place, &other, false, NULL), CIMF_OK);
    assert_int_equal(certmap_load(path, &m, NULL), CIMF_OK);
    assert_slice(certmap_at(m, 1)->user, "carol");
    assert_true(certmap_at(m, 1)->enabled);
    certmap_unref(m);
    other.user = SLICE("a\tb");
    assert_int_equal(certmap_put(&place, &other, false, NULL), CIMF_INVALID_PARAMETER);
    other.uri = SLICE("http://b");
    assert_int_equal(certmap_put(&place, &other, false, NULL), CIMF_NOT_FOUND);
    assert_int_equal(certmap_del(&place, &key, &count, NULL), CIMF_OK);
    assert_int_equal(certmap_load(path, &m, NULL), CIMF_OK);
    assert_int_equal(certmap_count(m), 1);
    certmap_unref(m);
    chmod(path, 0644);
    assert_int_equal(certmap_load(path, &m, NULL), CIMF_ACCESS_DENIED);
    assert_int_equal(certmap_add(&place, &row, NULL), CIMF_INVALID_PARAMETER);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns), cmocka_unit_test(parse_bad), cmocka_unit_test(names), cmocka_unit_test(matches),
        cmocka_unit_test(changes),
    };
    pair = EVP_EC_gen("P-256");
    int failed = !pair ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
    EVP_PKEY_free(pair);
    return failed;
}
