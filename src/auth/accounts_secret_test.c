/* Password-equivalent secrets: what opens them, what doesn't; groups, expiry and imports in the file. */
#include "base/test.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/accounts.h"
#include "base/buf.h"
#include "mech/digest.h"
#include "os/file.h"

static char folder[64], path[96], key_path[112];

static int setup(void **state)
{
    strcpy(folder, "/tmp/cimfony-secrets-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    unsetenv("CREDENTIALS_DIRECTORY");
    snprintf(path, sizeof path, "%s/accounts", folder);
    snprintf(key_path, sizeof key_path, "%s.key", path);
    return 0;
}

static int teardown(void **state)
{
    char command[96];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static void add(const char *name, const char *password, unsigned schemes)
{
    struct account_change c = { .name = slice_str(name), .password = slice_str(password), .schemes = schemes, .cost = 1 };
    struct error e = ERROR_INIT;
    if (accounts_add(path, &c, &e) != CIMF_OK) fail_msg("%s", error_text(&e));
}

static struct accounts *load(void)
{
    struct accounts *a;
    struct error e = ERROR_INIT;
    if (accounts_load(path, &a, &e) != CIMF_OK) fail_msg("%s", error_text(&e));
    return a;
}

static void key_load(struct accounts_key *k)
{
    struct error e = ERROR_INIT;
    if (accounts_key_load(NULL, path, k, &e) != CIMF_OK) fail_msg("%s", error_text(&e));
}

/* The file with one piece replaced, parsed. */
static struct accounts *altered(struct slice from, struct slice to)
{
    struct buf text, other;
    struct accounts *a;
    buf_init(&text, 0);
    buf_init(&other, 0);
    assert_int_equal(file_read_buf(&text, path, NULL), CIMF_OK);
    char *at = memmem(text.p, text.n, from.p, from.n);
    assert_non_null(at);
    buf_add(&other, text.p, (size_t)(at - text.p));
    buf_slice_add(&other, to);
    buf_add(&other, at + from.n, text.n - (size_t)(at - text.p) - from.n);
    struct error e = ERROR_INIT;
    if (accounts_parse(buf_slice(&other), &a, &e) != CIMF_OK) fail_msg("%s", error_text(&e));
    buf_free(&text);
    buf_free(&other);
    return a;
}

static const unsigned char nt_of_password[16] = { 0xa4, 0xf4, 0x9c, 0x40, 0x65, 0x10, 0xbd, 0xca,
                                                  0xb6, 0x82, 0x4e, 0xe7, 0xc3, 0x0f, 0xd8, 0x52 }; /* MS-NLMP 4.2.2.1.2 */

static bool opens(const struct accounts *a, const char *name, enum account_secret which, const char *realm,
                  const struct accounts_key *k, unsigned char out[ACCOUNT_SECRET_MAX])
{
    return accounts_secret(a, accounts_find(a, slice_str(name)), which, slice_str(realm), k, out);
}

static void values(void **state)
{
    struct accounts_key k;
    unsigned char out[ACCOUNT_SECRET_MAX];
    char hex[DIGEST_HEX], ours[DIGEST_HEX];
    add("alice", "Password", 0);
    add("bob", "Password", ACCOUNT_SCHEME(ACCOUNT_BASIC));
    struct accounts *a = load();
    key_load(&k);
    const struct account *alice = accounts_find(a, SLICE("alice")), *bob = accounts_find(a, SLICE("bob"));
    assert_true(alice->ntlm && alice->digest_md5 && alice->digest_sha256 && alice->basic.n);
    assert_true(!bob->ntlm && !bob->digest_md5 && !bob->digest_sha256 && bob->basic.n);
    assert_true(opens(a, "ALICE", ACCOUNT_NTLM, "", &k, out));
    assert_memory_equal(out, nt_of_password, 16);
    static const struct { enum account_secret which; enum digest_algorithm algorithm; } digests[] = {
        { ACCOUNT_DIGEST_MD5, DIGEST_MD5 }, { ACCOUNT_DIGEST_SHA256, DIGEST_SHA256 } };
    for (int d = 0; d < 2; d++) {
        assert_true(opens(a, "alice", digests[d].which, "WSMAN", &k, out));
        digest_ha1(digests[d].algorithm, SLICE("alice"), SLICE("WSMAN"), SLICE("Password"), hex);
        for (size_t i = 0; i < account_secret_size(digests[d].which); i++) snprintf(ours + 2 * i, 3, "%02x", out[i]);
        assert_string_equal(hex, ours);
        assert_false(opens(a, "alice", digests[d].which, "OTHER", &k, out));
    }
    assert_false(opens(a, "bob", ACCOUNT_NTLM, "", &k, out));
    assert_false(opens(a, "nobody", ACCOUNT_NTLM, "", &k, out));
    assert_false(opens(a, "alice", ACCOUNT_NTLM, "", NULL, out));
    assert_false(opens(a, "alice", ACCOUNT_BASIC, "", &k, out));
    assert_false(accounts_secret(NULL, NULL, ACCOUNT_NTLM, SLICE(""), &k, out));
    struct accounts_key other = k;
    other.bytes[0] ^= 1;
    assert_false(opens(a, "alice", ACCOUNT_NTLM, "", &other, out));
    assert_memory_not_equal(out, nt_of_password, 16);
    accounts_unref(a);
    accounts_key_wipe(&k);
}

/* A secret works in its own place only, and no bit of it may be other. */
static void bound(void **state)
{
    struct accounts_key k;
    unsigned char out[ACCOUNT_SECRET_MAX];
    add("alice", "Password", ACCOUNT_SCHEME(ACCOUNT_NTLM));
    struct accounts *a = load(), *b;
    key_load(&k);
    char domain[64];
    snprintf(domain, sizeof domain, SLICE_FMT, SLICE_ARG(accounts_domain_sid(a)));
    const struct { const char *from, *to, *name; } moves[] = {
        { "alice:1000", "alicf:1000", "alicf" }, { "next 1001\nuser:alice:1000", "next 1002\nuser:alice:1001", "alice" },
        { domain, "S-1-5-21-1-2-3", "alice" }, { ":ntlm=", ":digest-md5=", "alice" } };
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        b = altered(slice_str(moves[i].from), slice_str(moves[i].to));
        assert_non_null(accounts_find(b, slice_str(moves[i].name)));
        assert_false(opens(b, moves[i].name, ACCOUNT_NTLM, "", &k, out));
        assert_false(opens(b, moves[i].name, ACCOUNT_DIGEST_MD5, "", &k, out));
        accounts_unref(b);
    }
    struct slice secret = accounts_at(a, 0)->secrets;
    for (size_t i = 5; i < secret.n; i++) {
        char copy[256];
        memcpy(copy, secret.p, secret.n);
        copy[i] = copy[i] == 'A' ? 'B' : 'A';
        b = altered(secret, slice_of(copy, secret.n));
        if (opens(b, "alice", ACCOUNT_NTLM, "", &k, out)) fail_msg("opens with byte %zu changed", i);
        accounts_unref(b);
        b = altered(secret, slice_head(secret, i));
        assert_false(opens(b, "alice", ACCOUNT_NTLM, "", &k, out));
        accounts_unref(b);
    }
    /* The same password twice: nothing shows it. */
    add("bob", "Password", ACCOUNT_SCHEME(ACCOUNT_NTLM));
    b = load();
    assert_memory_not_equal(accounts_at(b, 0)->secrets.p + 14, accounts_at(b, 1)->secrets.p + 14, 40);
    accounts_unref(a);
    accounts_unref(b);
}

static void keys(void **state)
{
    struct accounts_key k, from_credential;
    struct stat st;
    char text[32], credential[160];
    assert_int_equal(accounts_key_load(NULL, path, &k, NULL), CIMF_NOT_FOUND);
    add("basic", "x", ACCOUNT_SCHEME(ACCOUNT_BASIC));
    assert_int_equal(accounts_key_load(NULL, path, &k, NULL), CIMF_NOT_FOUND); /* not needed, not made */
    add("alice", "x", 0);
    key_load(&k);
    assert_int_equal(stat(key_path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, 32);
    chmod(key_path, 0640);
    assert_int_equal(accounts_key_load(NULL, path, &k, NULL), CIMF_ACCESS_DENIED);
    chmod(key_path, 0600);
    assert_int_equal(truncate(key_path, 31), 0);
    assert_int_equal(accounts_key_load(NULL, path, &k, NULL), CIMF_INVALID_PARAMETER);
    /* The service's credential comes first. */
    memset(text, 7, sizeof text);
    snprintf(credential, sizeof credential, "%s/cimfony-accounts-key", folder);
    int fd = open(credential, O_WRONLY | O_CREAT | O_EXCL, 0440);
    assert_int_equal(write(fd, text, sizeof text), sizeof text);
    close(fd);
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    key_load(&from_credential);
    assert_memory_equal(from_credential.bytes, text, sizeof text);
    unlink(credential);
    assert_int_equal(accounts_key_load(NULL, path, &k, NULL), CIMF_INVALID_PARAMETER); /* the file again */
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void passwords(void **state)
{
    struct accounts_key k;
    unsigned char before[ACCOUNT_SECRET_MAX], after[ACCOUNT_SECRET_MAX];
    add("alice", "old", ACCOUNT_SCHEME(ACCOUNT_NTLM) | ACCOUNT_SCHEME(ACCOUNT_DIGEST_MD5));
    struct accounts *a = load();
    key_load(&k);
    assert_true(opens(a, "alice", ACCOUNT_NTLM, "", &k, before));
    struct account_change c = { .name = SLICE("alice"), .password = SLICE("new") };
    assert_int_equal(accounts_passwd(path, &c, NULL), CIMF_OK);
    struct accounts *b = load();
    const struct account *alice = accounts_at(b, 0);
    assert_true(alice->ntlm && alice->digest_md5 && !alice->digest_sha256 && !alice->basic.n);
    assert_true(opens(b, "alice", ACCOUNT_NTLM, "", &k, after));
    assert_memory_not_equal(before, after, 16);
    accounts_unref(a);
    accounts_unref(b);
}

static void expiry(void **state)
{
    struct account a = { .enabled = true };
    int64_t day;
    char text[ACCOUNT_EXPIRY_TEXT];
    assert_true(account_active(&a, INT64_MAX));
    assert_true(account_expiry_parse(SLICE("2027-03-01"), &day));
    assert_int_equal(day, INT64_C(1803859200000000));
    account_expiry_format(day, text);
    assert_string_equal(text, "2027-03-01");
    a.expires = day;
    assert_true(account_active(&a, day - 1));
    assert_false(account_active(&a, day));
    a.expires = 0;
    a.enabled = false;
    assert_false(account_active(&a, 0));
    static const char *const bad[] = { "2027-02-29", "2027-13-01", "1970-01-01", "2027-3-01", "2027/03/01", "x", "+027-03-01" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (account_expiry_parse(slice_str(bad[i]), &day)) fail_msg("%s", bad[i]);
    static const int64_t no_day[] = { 1, -1, 1000000, INT64_MAX, INT64_MIN, INT64_C(1803859200000001) };
    for (size_t i = 0; i < sizeof no_day / sizeof no_day[0]; i++) {
        struct account_change c = { .name = SLICE("alice"), .password = SLICE("x"), .expires = no_day[i], .cost = 1 };
        assert_int_equal(accounts_add(path, &c, NULL), CIMF_INVALID_PARAMETER);
    }
}

static void groups(void **state)
{
    struct sid sid;
    char text[SID_TEXT];
    struct accounts *a;
    static const char good[] = "cimfony-accounts 2\ndomain S-1-5-21-1-2-3\nnext 1010\ngroup:Operators:1005\n"
                               "user:operators:1001:on:operators,Event Log Readers::2030-01-01:\n";
    static const char *const bad[] = { "group:x\n", "group:x:1010\n", "group:x:0\n", "group:a/b:1001\n", "group:x:1001:\n",
                                       "group:Administrators:1001\n", "group:x:1001\ngroup:X:1002\n", "other:x:1001\n",
                                       "user:x:1001:on::::\nx:1001:on:::\n", "user:x:1001:on:::never:\n" };
    assert_int_equal(accounts_parse(slice_str(good), &a, NULL), CIMF_OK);
    assert_int_equal(accounts_group_count(a), 1);
    assert_slice(accounts_group_at(a, 0)->name, "Operators");
    assert_true(accounts_group_sid(a, SLICE("OPERATORS"), &sid));
    sid_format(&sid, text);
    assert_string_equal(text, "S-1-5-21-1-2-3-1005");
    static const struct { const char *name, *sid; } builtin[] = {
        { "Remote Management Users", "S-1-5-32-580" }, { "Distributed COM Users", "S-1-5-32-562" },
        { "Event Log Readers", "S-1-5-32-573" }, { "Performance Monitor Users", "S-1-5-32-558" },
        { "administrators", "S-1-5-32-544" } };
    for (size_t i = 0; i < sizeof builtin / sizeof builtin[0]; i++) {
        assert_true(accounts_group_sid(a, slice_str(builtin[i].name), &sid));
        sid_format(&sid, text);
        assert_string_equal(text, builtin[i].sid);
    }
    assert_false(accounts_group_sid(a, SLICE("nobody"), &sid));
    accounts_unref(a);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char whole[256];
        snprintf(whole, sizeof whole, "cimfony-accounts 2\ndomain S-1-5-21-1-2-3\nnext 1010\n%s", bad[i]);
        struct error e = ERROR_INIT;
        if (accounts_parse(slice_str(whole), &a, &e) != CIMF_INVALID_SYNTAX || !e.line) fail_msg("accepted: %s", bad[i]);
    }
}

/* An edit that fails, or is not committed, changes nothing; an import is whole or not. */
static void transactions(void **state)
{
    struct accounts_place place = { .path = path, .cost = 1 };
    struct accounts_edit *x;
    struct error e = ERROR_INIT;
    unsigned count;
    static const char line[] = "bob:1:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:A4F49C406510BDCAB6824EE7C30FD852:[UD         ]:LCT-0:\n";
    add("alice", "x", 0);
    struct accounts *a = load();
    assert_int_equal(accounts_edit_begin(&place, &x, &e), CIMF_OK);
    assert_int_equal(accounts_edit_del(x, SLICE("alice"), &e), CIMF_OK);
    accounts_edit_end(x);
    struct accounts *b = load();
    assert_int_equal(accounts_count(b), 1);
    accounts_unref(b);
    assert_int_equal(accounts_edit_begin(&place, &x, &e), CIMF_OK);
    struct account_change bad = { .name = SLICE("carol"), .password = SLICE("") };
    assert_int_equal(accounts_edit_add(x, &bad, &e), CIMF_INVALID_PARAMETER);
    char twice[512];
    snprintf(twice, sizeof twice, "%s%s", line, line);
    assert_int_equal(accounts_edit_import(x, slice_str(twice), NULL, NULL, &count, &e), CIMF_ALREADY_EXISTS);
    assert_int_equal(e.line, 2);
    assert_int_equal(accounts_edit_import(x, slice_str(line), NULL, NULL, &count, &e), CIMF_OK);
    assert_int_equal(count, 1);
    assert_int_equal(accounts_edit_commit(x, &e), CIMF_OK);
    accounts_edit_end(x);
    b = load();
    assert_int_equal(accounts_count(b), 2);
    struct accounts_key k;
    unsigned char out[ACCOUNT_SECRET_MAX];
    key_load(&k);
    assert_true(opens(b, "bob", ACCOUNT_NTLM, "", &k, out));
    assert_memory_equal(out, nt_of_password, 16);
    assert_false(accounts_find(b, SLICE("bob"))->enabled);
    accounts_unref(a);
    accounts_unref(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values, setup, teardown), cmocka_unit_test_setup_teardown(bound, setup, teardown),
        cmocka_unit_test_setup_teardown(keys, setup, teardown), cmocka_unit_test_setup_teardown(passwords, setup, teardown),
        cmocka_unit_test_setup_teardown(expiry, setup, teardown), cmocka_unit_test(groups), cmocka_unit_test_setup_teardown(transactions, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
