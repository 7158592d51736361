/* Logins in one question: Digest, certificates; and the question whether a login still holds. */
#include "base/test.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <unistd.h>

#include "auth/access.h"
#include "auth/broker_priv.h"
#include "base/log.h"

static char path[64], map[80];
static struct auth_broker *broker;
static struct auth_broker_config config;

static int setup(void **state)
{
    struct account_change alice = { .name = SLICE("alice"), .password = SLICE("secret"), .cost = 1 };
    struct account_change basic = { .name = SLICE("basic"), .password = SLICE("secret"), .cost = 1,
                                    .schemes = ACCOUNT_SCHEME(ACCOUNT_BASIC) };
    log_set_level(LOG_ERROR_);
    strcpy(path, "/tmp/cimfony-login-XXXXXX");
    close(mkstemp(path));
    unlink(path);
    snprintf(map, sizeof map, "%s.map", path);
    if (accounts_add(path, &alice, NULL) != CIMF_OK || accounts_add(path, &basic, NULL) != CIMF_OK)
        return -1;
    config = (struct auth_broker_config){ .basic = true, .digest = true, .certificate = true,
                                          .accounts_path = path, .certificates_path = map, .dummy_cost = 1 };
    return auth_broker_new(&config, &broker, NULL) == CIMF_OK ? 0 : -1;
}

static int teardown(void **state)
{
    static const char *const ends[] = { "", ".lock", ".key", ".map", ".map.lock" };
    auth_broker_free(broker);
    for (int i = 0; i < 5; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
    return 0;
}

static void again(void)
{
    auth_broker_free(broker);
    assert_int_equal(auth_broker_new(&config, &broker, NULL), CIMF_OK);
}

struct answer {
    unsigned count;
    cimf_status status;
    const struct principal *p;
    char rspauth[DIGEST_HEX];
};

static void on_answer(void *arg, cimf_status status, const struct principal *p)
{
    struct answer *a = arg;
    a->count++;
    a->status = status;
    a->p = p;
    assert_true((status == CIMF_OK) == (p != NULL));
}

static void on_digest(void *arg, cimf_status status, const struct principal *p, const char *rspauth)
{
    struct answer *a = arg;
    on_answer(arg, status, p);
    assert_true(!rspauth || p);
    snprintf(a->rspauth, sizeof a->rspauth, "%s", rspauth ? rspauth : "");
}

/* ---- Digest ---- */

struct attempt_of {
    const char *user, *password;
    enum digest_algorithm algorithm;
    bool userhash;
    const char *realm;
};

static cimf_status digest(const struct attempt_of *d, struct answer *a)
{
    char ha1[DIGEST_HEX], ha2[DIGEST_HEX], reply[DIGEST_HEX], want[DIGEST_HEX], response[DIGEST_HEX], hash[DIGEST_HEX];
    struct slice user = slice_str(d->user), realm = slice_str(d->realm ? d->realm : "WSMAN");
    struct digest_response r = { .algorithm = d->algorithm, .qop = DIGEST_QOP_AUTH, .username = user,
                                 .realm = realm, .nonce = SLICE("abc"), .uri = SLICE("/wsman"),
                                 .cnonce = SLICE("def"), .nc = 1, .nc_text = SLICE("00000001"),
                                 .userhash = d->userhash };
    struct auth_digest q = { .response = &r, .ha2 = ha2, .ha2_reply = reply, .address = SLICE("192.0.2.9") };
    digest_ha1(d->algorithm, user, realm, slice_str(d->password), ha1);
    digest_ha2(d->algorithm, r.qop, SLICE("POST"), r.uri, SLICE(""), ha2);
    digest_ha2(d->algorithm, r.qop, SLICE(""), r.uri, SLICE(""), reply);
    digest_compute(&r, ha1, ha2, response);
    digest_compute(&r, ha1, reply, want);
    r.response = slice_str(response);
    if (d->userhash) {
        digest_userhash(d->algorithm, user, realm, hash);
        r.username = slice_str(hash);
    }
    *a = (struct answer){ 0 };
    auth_check_digest(broker, &q, NULL, on_digest, a);
    assert_int_equal(a->count, 1);
    if (a->p) assert_string_equal(a->rspauth, want);
    return a->status;
}

/* covers: security:S3 */
static void digests(void **state)
{
    struct answer a;
    struct sid s = sid_known(SID_DIGEST);
    for (int algorithm = 0; algorithm < DIGEST_ALGORITHMS; algorithm++) {
        for (int hashed = 0; hashed < 2; hashed++) {
            struct attempt_of d = { "alice", "secret", (enum digest_algorithm)algorithm, hashed, NULL };
            assert_int_equal(digest(&d, &a), CIMF_OK);
            assert_true(slice_is(a.p->name, "alice") && a.p->scheme == AUTH_DIGEST);
            assert_true(access_token_has(a.p->token, &s));
            principal_unref(a.p);
            static const struct attempt_of wrong[] = {
                { "alice", "Secret", 0, false, NULL }, { "nobody", "secret", 0, false, NULL },
                { "basic", "secret", 0, false, NULL }, { "alice", "secret", 0, false, "other" },
                { "", "secret", 0, false, NULL },
            };
            for (int i = 0; i < 5; i++) {
                struct attempt_of w = wrong[i];
                w.algorithm = d.algorithm;
                w.userhash = hashed;
                assert_int_equal(digest(&w, &a), CIMF_NOT_AUTHENTICATED);
                assert_int_equal(strlen(a.rspauth), 0);
            }
        }
    }
    struct attempt_of d = { "alice", "secret", DIGEST_SHA256, false, NULL };
    assert_int_equal(accounts_enable(path, SLICE("alice"), false, NULL), CIMF_OK);
    assert_int_equal(digest(&d, &a), CIMF_NOT_AUTHENTICATED);
    assert_int_equal(accounts_enable(path, SLICE("alice"), true, NULL), CIMF_OK);
    assert_int_equal(digest(&d, &a), CIMF_OK);
    principal_unref(a.p);
    char key[80];
    snprintf(key, sizeof key, "%s.key", path);
    unlink(key); /* without its key no secret opens */
    assert_int_equal(auth_reload(broker, NULL), CIMF_OK);
    assert_int_equal(digest(&d, &a), CIMF_NOT_AUTHENTICATED);
    config.digest = false;
    again();
    assert_int_equal(digest(&d, &a), CIMF_NOT_AUTHENTICATED);
}

/* What was not decoded by mech/digest.h is refused, not trusted. */
static void digest_out_of_range(void **state)
{
    struct digest_response r = { .algorithm = (enum digest_algorithm)77 };
    struct auth_digest q = { .response = &r, .ha2 = "" };
    struct answer a = { 0 };
    auth_check_digest(broker, &q, NULL, on_digest, &a);
    assert_int_equal(a.status, CIMF_BAD_REQUEST);
    char longer[200];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    r.algorithm = DIGEST_MD5;
    q.ha2 = longer;
    auth_check_digest(broker, &q, NULL, on_digest, &a);
    assert_int_equal(a.status, CIMF_BAD_REQUEST);
}

/* ---- certificates ---- */

/* DER of a certificate with this common name; signs nothing. */
static struct slice certificate(struct arena *a, const char *cn)
{
    X509 *x = X509_new();
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    unsigned char *der = NULL;
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    int n = i2d_X509(x, &der);
    assert_true(n > 0);
    struct slice out = arena_dup(a, slice_of((char *)der, (size_t)n));
    OPENSSL_free(der);
    X509_free(x);
    EVP_PKEY_free(key);
    return out;
}

static cimf_status present(struct slice cert, struct slice issuer, struct answer *a)
{
    struct auth_certificate q = { cert, issuer, SLICE("192.0.2.9") };
    *a = (struct answer){ 0 };
    auth_check_certificate(broker, &q, NULL, on_answer, a);
    assert_int_equal(a->count, 1);
    return a->status;
}

/* covers: security:S11 */
static void certificates(void **state)
{
    struct arena arena;
    struct answer a;
    struct accounts_place place = { .path = map };
    char thumb[CERTMAP_ISSUER + 1];
    arena_init(&arena, 0);
    struct slice ca = certificate(&arena, "ca"), alice = certificate(&arena, "alice.example");
    certmap_thumbprint(ca, thumb);
    assert_int_equal(present(alice, ca, &a), CIMF_NOT_AUTHENTICATED); /* no map */
    struct certmap_row row = { .issuer = slice_str(thumb), .subject = SLICE("*.example"),
                               .uri = SLICE("http://schemas.microsoft.com/*"), .user = SLICE("alice"), .enabled = true };
    assert_int_equal(certmap_add(&place, &row, NULL), CIMF_OK);
    uint64_t before = auth_generation(broker);
    assert_int_equal(present(alice, ca, &a), CIMF_OK);
    assert_true(auth_generation(broker) != before); /* the map counts as a change */
    assert_true(slice_is(a.p->name, "alice") && a.p->scheme == AUTH_CERTIFICATE);
    assert_int_equal(a.p->uri_pattern_count, 1);
    assert_true(slice_is(a.p->uri_patterns[0], "http://schemas.microsoft.com/*"));
    struct sid s = sid_known(SID_SCHANNEL);
    assert_true(access_token_has(a.p->token, &s));
    struct answer f = { 0 };
    auth_refresh(broker, a.p, NULL, on_answer, &f); /* without the certificate nobody can tell */
    assert_int_equal(f.status, CIMF_NOT_AUTHENTICATED);
    principal_unref(a.p);
    assert_int_equal(present(alice, alice, &a), CIMF_NOT_AUTHENTICATED); /* another issuer */
    assert_int_equal(present(ca, ca, &a), CIMF_NOT_AUTHENTICATED);       /* another subject */
    assert_int_equal(present(SLICE("junk"), ca, &a), CIMF_NOT_AUTHENTICATED);
    assert_int_equal(present(SLICE(""), SLICE_NULL, &a), CIMF_NOT_AUTHENTICATED);
    assert_int_equal(accounts_enable(path, SLICE("alice"), false, NULL), CIMF_OK);
    assert_int_equal(present(alice, ca, &a), CIMF_NOT_AUTHENTICATED);
    assert_int_equal(accounts_enable(path, SLICE("alice"), true, NULL), CIMF_OK);
    assert_int_equal(present(alice, ca, &a), CIMF_OK);
    principal_unref(a.p);
    assert_int_equal(certmap_del(&place, &row, NULL, NULL), CIMF_OK);
    assert_int_equal(present(alice, ca, &a), CIMF_NOT_AUTHENTICATED);
    config.certificate = false;
    assert_int_equal(certmap_add(&place, &row, NULL), CIMF_OK);
    again();
    assert_int_equal(present(alice, ca, &a), CIMF_NOT_AUTHENTICATED);
    arena_free(&arena);
}

/* ---- still the same? ---- */

static const struct principal *refreshed(const struct principal *p)
{
    struct answer a = { 0 };
    auth_refresh(broker, p, NULL, on_answer, &a);
    assert_int_equal(a.count, 1);
    if (!a.p) assert_int_equal(a.status, CIMF_NOT_AUTHENTICATED);
    return a.p;
}

static void holds(void **state)
{
    struct answer a = { 0 };
    struct auth_password q = { SLICE("alice"), SLICE("secret"), SLICE("192.0.2.9"), AUTH_BASIC };
    auth_check_password(broker, &q, NULL, on_answer, &a);
    const struct principal *p = a.p, *r = refreshed(p);
    assert_true(r && principal_same(p, r) && r->group_count == 0 && r->scheme == AUTH_BASIC);
    principal_unref(r);
    /* New groups at once. */
    struct accounts_place place = { .path = path };
    struct accounts_edit *x;
    struct slice group = SLICE("administrators");
    struct account_change join = { .name = SLICE("alice"), .groups = &group, .group_count = 1 };
    assert_int_equal(accounts_edit_begin(&place, &x, NULL), CIMF_OK);
    assert_int_equal(accounts_edit_modify(x, &join, NULL), CIMF_OK);
    assert_int_equal(accounts_edit_commit(x, NULL), CIMF_OK);
    accounts_edit_end(x);
    r = refreshed(p);
    assert_true(r && r->group_count == 1 && r->administrator && !p->administrator);
    principal_unref(r);
    assert_int_equal(accounts_enable(path, SLICE("alice"), false, NULL), CIMF_OK);
    assert_null(refreshed(p));
    /* Deleted, and another one of the same name. */
    struct account_change c = { .name = SLICE("alice"), .password = SLICE("secret"), .cost = 1 };
    assert_int_equal(accounts_del(path, SLICE("alice"), NULL), CIMF_OK);
    assert_null(refreshed(p));
    assert_int_equal(accounts_add(path, &c, NULL), CIMF_OK);
    assert_null(refreshed(p));
    principal_unref(p);
    p = auth_local_principal(false);
    r = refreshed(p);
    assert_ptr_equal(r, p);
    principal_unref(r);
    principal_unref(p);
    /* A realm's user stays; unless closed here. */
    struct account_change eve = { .name = SLICE("eve@EXAMPLE.NET"), .password = SLICE("x"), .cost = 1 };
    struct broker_local *b = broker_local(broker);
    struct accounts *all = broker_accounts(b, NULL);
    p = identity_of_realm_user(b, all, SLICE("eve"), SLICE("EXAMPLE.NET"), NULL, 0);
    accounts_unref(all);
    r = refreshed(p);
    assert_true(r && principal_same(r, p) && r->scheme == AUTH_KERBEROS && r->token->count == p->token->count);
    principal_unref(r);
    assert_int_equal(accounts_add(path, &eve, NULL), CIMF_OK);
    assert_int_equal(accounts_enable(path, SLICE("eve@EXAMPLE.NET"), false, NULL), CIMF_OK);
    assert_null(refreshed(p));
    principal_unref(p);
}

/* What the account of a realm's user gave goes with it; what the ticket brought stays. */
static void realm_loses(void **state)
{
    struct broker_local *b = broker_local(broker);
    struct slice group = SLICE("administrators");
    char binary[2][SID_BYTES];
    struct slice pac[2];
    struct sid domain_group, machine;
    static const char *const texts[] = { "S-1-5-21-7-8-9-1001", "S-1-5-21-7-8-9-513" };
    for (int i = 0; i < 2; i++) {
        assert_true(sid_parse(slice_str(texts[i]), &domain_group));
        sid_write(&domain_group, binary[i]);
        pac[i] = slice_of(binary[i], sid_size(&domain_group));
    }
    struct account_change eve = { .name = SLICE("eve@EXAMPLE.NET"), .password = SLICE("x"), .cost = 1, .groups = &group,
                                  .group_count = 1, .posix_user = SLICE("nobody") };
    assert_int_equal(accounts_add(path, &eve, NULL), CIMF_OK);
    struct accounts *all = broker_accounts(b, NULL);
    const struct principal *p = identity_of_realm_user(b, all, SLICE("eve"), SLICE("EXAMPLE.NET"), pac, 2), *r;
    assert_true(accounts_sid(all, accounts_find(all, eve.name)->rid, &machine));
    accounts_unref(all);
    assert_true(p && p->administrator && p->has_posix && access_token_has(p->token, &machine));
    r = refreshed(p);
    assert_true(r && principal_same(r, p) && r->administrator && r->has_posix && r->token->count == p->token->count);
    principal_unref(r);
    assert_int_equal(accounts_del(path, eve.name, NULL), CIMF_OK);
    r = refreshed(p);
    assert_true(r && principal_same(r, p) && !r->administrator && !r->has_posix && r->group_count == 0);
    assert_true(access_token_has(r->token, &domain_group) && !access_token_has(r->token, &machine));
    principal_unref(r);
    /* A file that nobody understands may have closed the account. */
    FILE *f = fopen(path, "w");
    assert_true(f && fputs("nonsense\n", f) >= 0 && fclose(f) == 0);
    all = broker_accounts(b, NULL);
    assert_null(all);
    assert_null(identity_of_realm_user(b, all, SLICE("eve"), SLICE("EXAMPLE.NET"), pac, 2));
    assert_null(refreshed(p));
    principal_unref(p);
}

static void on_mappings(void *arg, const struct auth_mappings_answer *a) { *(cimf_status *)arg = a->status; }

static cimf_status map_alice(enum auth_mapping_verb verb)
{
    const struct auth_mapping q = { .verb = verb, .row = { .issuer = SLICE("0123456789abcdef0123456789abcdef01234567"),
                                    .subject = SLICE("alice@example.net"), .uri = SLICE("*"), .user = SLICE("alice"), .enabled = true } };
    const struct principal *p = auth_local_principal(true);
    cimf_status status = CIMF_FAILED;
    auth_mappings(broker, p, &q, NULL, on_mappings, &status);
    principal_unref(p);
    return status;
}

/* What the administrator of the machine has locked nobody changes from elsewhere, whoever he is. */
static void map_locked(void **state)
{
    struct broker_local *b = broker_local(broker);
    b->config.certificates_fixed = true;
    assert_int_equal(map_alice(AUTH_MAPPING_ADD), CIMF_ACCESS_DENIED);
    assert_int_equal(map_alice(AUTH_MAPPING_LIST), CIMF_OK);
    b->config.certificates_fixed = false;
    assert_int_equal(map_alice(AUTH_MAPPING_ADD), CIMF_OK);
    b->config.certificates_fixed = true;
    assert_int_equal(map_alice(AUTH_MAPPING_DELETE), CIMF_ACCESS_DENIED);
    b->config.certificates_fixed = false;
    assert_int_equal(map_alice(AUTH_MAPPING_DELETE), CIMF_OK);
}

/* An account that ends is a new generation and lets nobody in. */
static void expires(void **state)
{
    struct account_change c = { .name = SLICE("old"), .password = SLICE("secret"), .cost = 1, .expires = 978307200000000 };
    struct auth_password q = { SLICE("old"), SLICE("secret"), SLICE("192.0.2.9"), AUTH_BASIC };
    struct answer a = { 0 };
    assert_int_equal(accounts_add(path, &c, NULL), CIMF_OK);
    auth_check_password(broker, &q, NULL, on_answer, &a);
    assert_int_equal(a.status, CIMF_NOT_AUTHENTICATED);
    struct broker_local *b = broker_local(broker);
    assert_true(b->files.next_end == INT64_MAX);
    uint64_t before = b->generation;
    b->files.next_end = 1; /* as if one ended now */
    assert_int_equal(broker_refresh(b, false, NULL), CIMF_OK);
    assert_int_equal(b->generation, before + 1);
    assert_int_equal(broker_refresh(b, false, NULL), CIMF_OK);
    assert_int_equal(b->generation, before + 1);
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(digests), WITH(digest_out_of_range), WITH(certificates), WITH(holds), WITH(realm_loses), WITH(map_locked), WITH(expires),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
