/*
 * The same work for an unknown user, a disabled or expired account, a wrong password and an account without that scheme: counted, as
 * clocks would only say so roughly. The linker puts counters around the expensive functions (--wrap).
 */
#include "base/test.h"

#include <crypt.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/accounts.h"
#include "auth/broker.h"
#include "base/log.h"
#include "mech/digest.h"

static struct work {
    unsigned crypts, decryptions;
    char setting[8];
} work;

char *__real_crypt_r(const char *phrase, const char *setting, struct crypt_data *data);
char *__wrap_crypt_r(const char *phrase, const char *setting, struct crypt_data *data);
char *__wrap_crypt_r(const char *phrase, const char *setting, struct crypt_data *data)
{
    work.crypts++;
    snprintf(work.setting, sizeof work.setting, "%s", setting); /* method and cost */
    return __real_crypt_r(phrase, setting, data);
}

int __real_EVP_DecryptFinal_ex(EVP_CIPHER_CTX *c, unsigned char *out, int *n);
int __wrap_EVP_DecryptFinal_ex(EVP_CIPHER_CTX *c, unsigned char *out, int *n);
int __wrap_EVP_DecryptFinal_ex(EVP_CIPHER_CTX *c, unsigned char *out, int *n)
{
    work.decryptions++;
    return __real_EVP_DecryptFinal_ex(c, out, n);
}

static char folder[64], path[96];
static struct auth_broker *broker;

static void add(const char *name, unsigned schemes, int64_t expires)
{
    struct account_change c = { .name = slice_str(name), .password = SLICE("right"), .schemes = schemes, .expires = expires, .cost = 1 };
    assert_int_equal(accounts_add(path, &c, NULL), CIMF_OK);
}

static int setup(void **state)
{
    log_set_level(LOG_ERROR_);
    strcpy(folder, "/tmp/cimfony-work-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/accounts", folder);
    add("alice", 0, 0);
    add("off", 0, 0);
    add("expired", 0, INT64_C(1577836800000000)); /* 2020 */
    add("basic", ACCOUNT_SCHEME(ACCOUNT_BASIC), 0);
    add("ntlm", ACCOUNT_SCHEME(ACCOUNT_NTLM), 0);
    assert_int_equal(accounts_enable(path, SLICE("off"), false, NULL), CIMF_OK);
    struct auth_broker_config config = { .accounts_path = path, .basic = true, .digest = true, .dummy_cost = 1, .cache_us = -1,
                                         .free_failures = 1000 };
    return auth_broker_new(&config, &broker, NULL) == CIMF_OK ? 0 : -1;
}

static int teardown(void **state)
{
    char command[96];
    auth_broker_free(broker);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static cimf_status last;
static void on_answer(void *arg, cimf_status status, const struct principal *p)
{
    last = status;
    principal_unref(p);
}
static void on_digest(void *arg, cimf_status status, const struct principal *p, const char *rspauth)
{
    on_answer(arg, status, p);
}

static struct work basic(const char *user, const char *password)
{
    struct auth_password q = { slice_str(user), slice_str(password), SLICE("192.0.2.1"), AUTH_BASIC };
    work = (struct work){ 0 };
    auth_check_password(broker, &q, NULL, on_answer, NULL);
    return work;
}

static struct work digest(const char *user, const char *password, enum digest_algorithm algorithm)
{
    char ha1[DIGEST_HEX], ha2[DIGEST_HEX], response[DIGEST_HEX];
    struct digest_response r = { .algorithm = algorithm, .qop = DIGEST_QOP_AUTH, .username = slice_str(user), .realm = SLICE("WSMAN"),
                                 .nonce = SLICE("n"), .uri = SLICE("/wsman"), .cnonce = SLICE("c"), .nc = 1, .nc_text = SLICE("00000001") };
    digest_ha1(algorithm, r.username, r.realm, slice_str(password), ha1);
    digest_ha2(algorithm, r.qop, SLICE("POST"), r.uri, SLICE(""), ha2);
    digest_compute(&r, ha1, ha2, response);
    r.response = slice_str(response);
    struct auth_digest q = { .response = &r, .ha2 = ha2, .address = SLICE("192.0.2.1") };
    work = (struct work){ 0 };
    auth_check_digest(broker, &q, NULL, on_digest, NULL);
    return work;
}

static const char *const refused[] = { "nobody", "off", "expired", "EXAMPLE\\alice", "", "a/b" };

static void same(struct work a, struct work b, const char *who)
{
    assert_int_equal(last, CIMF_NOT_AUTHENTICATED);
    if (a.crypts != b.crypts || a.decryptions != b.decryptions || strcmp(a.setting, b.setting) != 0)
        fail_msg("%s: %u hashes (%s), %u decryptions instead of %u (%s), %u", who, b.crypts, b.setting, b.decryptions, a.crypts,
                 a.setting, a.decryptions);
}

static void passwords(void **state)
{
    struct work right = basic("alice", "right");
    assert_int_equal(last, CIMF_OK);
    assert_int_equal(right.crypts, 1);
    same(right, basic("alice", "wrong"), "alice");
    same(right, basic("alice", ""), "no password");
    same(right, basic("ntlm", "right"), "an account without Basic");
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        same(right, basic(refused[i], "right"), refused[i]);
        same(right, basic(refused[i], "wrong"), refused[i]);
    }
}

static void digests(void **state)
{
    static const enum digest_algorithm algorithms[] = { DIGEST_MD5, DIGEST_SHA256 };
    for (int a = 0; a < 2; a++) {
        struct work right = digest("alice", "right", algorithms[a]);
        assert_int_equal(last, CIMF_OK);
        assert_int_equal(right.decryptions, 1);
        same(right, digest("alice", "wrong", algorithms[a]), "alice");
        same(right, digest("basic", "right", algorithms[a]), "an account without Digest");
        for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) same(right, digest(refused[i], "right", algorithms[a]), refused[i]);
    }
}

/* What NTLM and Digest ask: one decryption, whoever it is for. */
static void secrets(void **state)
{
    struct accounts *all;
    struct accounts_key key;
    unsigned char out[ACCOUNT_SECRET_MAX];
    assert_int_equal(accounts_load(path, &all, NULL), CIMF_OK);
    assert_int_equal(accounts_key_load(NULL, path, &key, NULL), CIMF_OK);
    static const char *const who[] = { "alice", "off", "expired", "basic", "nobody", "" };
    for (size_t i = 0; i < sizeof who / sizeof who[0]; i++) {
        for (int with_key = 0; with_key < 2; with_key++) {
            work = (struct work){ 0 };
            accounts_secret(all, accounts_find(all, slice_str(who[i])), ACCOUNT_NTLM, SLICE(""), with_key ? &key : NULL, out);
            if (work.decryptions != 1) fail_msg("%s: %u decryptions", who[i], work.decryptions);
        }
    }
    accounts_unref(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(passwords), cmocka_unit_test(digests), cmocka_unit_test(secrets) };
    return cmocka_run_group_tests(tests, setup, teardown);
}
