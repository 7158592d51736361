/* Damaged, cut, foreign and newer store files: refused with a message or read right, never a crash, and never
 * rewritten. */
#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <lmdb.h>

#include "repo/fixture.h"
#include "repo/image.h"

enum { PAGE = 4096, HEAD = 16 };

static struct fixture f;
static struct slice good; /* bytes of a closed store with instances, large values and free pages */
static char store[256];

static cimf_status big_setting(struct repo_txn *txn, void *arg, struct error *e)
{
    static char text[3 * PAGE];
    return repo_put_setting(txn, SLICE(""), SLICE("big"), slice_of(text, sizeof text), e);
}

static int setup(void **state)
{
    char name[32];
    fixture_init(&f);
    fixture_open(&f, &(struct repo_options){ .no_sync = true });
    for (unsigned i = 0; i < 60; i++) {
        snprintf(name, sizeof name, "instance number %u", i);
        assert_int_equal(fixture_put(&f, f.cls[i % 2], name, i, 0), CIMF_OK);
    }
    assert_int_equal(repo_write_sync(f.repo, big_setting, NULL, NULL), CIMF_OK);
    for (unsigned i = 0; i < 60; i += 3) {
        snprintf(name, sizeof name, "instance number %u", i);
        assert_int_equal(fixture_delete(&f, name), CIMF_OK);
    }
    fixture_close(&f);
    snprintf(store, sizeof store, "%s", fixture_path(&f, "store.mdb"));
    good = fixture_read(store);
    return 0;
}

static int teardown(void **state)
{
    free((void *)(uintptr_t)good.p);
    fixture_free(&f);
    return 0;
}

static bool unchanged(struct slice bytes)
{
    struct slice now = fixture_read(store);
    bool same = slice_eq(now, bytes);
    free((void *)(uintptr_t)now.p);
    return same;
}

/* Opens the file as it is now: refused and untouched, or usable. */
static bool open_and_use(struct slice bytes, bool skip_verify)
{
    struct error e = ERROR_INIT;
    struct repo *r;
    struct repo_options o = { .no_sync = true, .skip_verify = skip_verify, .map_size = 1 << 20 };
    cimf_status status = repo_open(f.dir, &o, &r, &e);
    if (status) {
        assert_int_equal(status, CIMF_CORRUPT_STORE);
        assert_true(e.text[0] != 0);
        assert_true(unchanged(bytes));
        return false;
    }
    f.repo = r;
    repo_verify(r, NULL, NULL);
    cimf_status put = fixture_put(&f, f.cls[FIXTURE_BASE], "new", 1, 0);
    assert_true(put == CIMF_OK || put == CIMF_CORRUPT_STORE || put == CIMF_INVALID_CLASS ||
                put == CIMF_INVALID_NAMESPACE || put == CIMF_ALREADY_EXISTS);
    fixture_close(&f);
    return true;
}

struct tally {
    unsigned refused, deep, harmless;
};

/* One changed byte; the page check alone, then the deep check where that passes. */
static void flip(size_t at, unsigned char mask, struct tally *t)
{
    char *bytes = (char *)(uintptr_t)good.p;
    struct image_info info;
    bytes[at] = (char)(bytes[at] ^ mask);
    if (image_check(good, SLICE("hstore"), &info, NULL)) {
        t->refused++;
    } else {
        fixture_write(store, good);
        if (repo_verify_file(store, NULL, NULL)) t->deep++;
        else t->harmless++;
        open_and_use(good, true);
    }
    bytes[at] = (char)(bytes[at] ^ mask);
}

/* covers: cim-core:P25 */
static void test_every_page_header_byte(void **state)
{
    struct tally t = { 0 };
    size_t pages = good.n / PAGE;
    for (size_t page = 0; page < pages; page++) {
        for (size_t i = 0; i < HEAD; i++) {
            flip(page * PAGE + i, 0xFF, &t);
            flip(page * PAGE + i, 0x01, &t);
        }
    }
    /* Number, flags and bounds count in every page in use, number and flags in the two meta pages. */
    struct image_info info;
    assert_int_equal(image_check(good, SLICE("hstore"), &info, NULL), CIMF_OK);
    uint64_t heads = info.pages - 3; /* the large value has four pages and one head */
    assert_true(t.refused >= heads * 2 * 14 + 2 * 2 * 10);
    fixture_write(store, good);
    assert_true(open_and_use(good, false));
    fixture_write(store, good);
}

static void test_every_byte_of_the_meta_pages(void **state)
{
    struct tally t = { 0 };
    for (size_t at = 0; at < 160; at++) {
        flip(at, 0xFF, &t);
        flip(PAGE + at, 0xFF, &t);
        flip(at, 0x01, &t);
        flip(PAGE + at, 0x80, &t);
    }
    assert_true(t.refused > 160);
    fixture_write(store, good);
}

static void test_random_bytes(void **state)
{
    struct tally t = { 0 };
    uint32_t x = 12345;
    for (int i = 0; i < 1500; i++) {
        x = x * 1664525 + 1013904223;
        flip(x % good.n, (unsigned char)(1u << (x >> 28 & 7)), &t);
    }
    assert_true(t.refused + t.deep > 300);
    fixture_write(store, good);
}

static void test_refused_files_stay_as_they_are(void **state)
{
    struct slice bytes = { NULL, good.n };
    char *p = malloc(good.n);
    memcpy(p, good.p, good.n);
    bytes.p = p;
    for (size_t page = 0; page < good.n / PAGE; page++) {
        p[page * PAGE + 12] ^= 0x55; /* the lower bound */
        fixture_write(store, bytes);
        open_and_use(bytes, false);
        p[page * PAGE + 12] ^= 0x55;
    }
    free(p);
    fixture_write(store, good);
}

static void test_every_truncation(void **state)
{
    size_t refused = 0, n = 0;
    for (size_t size = 0; size < good.n; size += size < 400 ? 7 : 511, n++) {
        struct slice cut = slice_head(good, size);
        fixture_write(store, cut);
        refused += !open_and_use(cut, true);
    }
    assert_true(refused > n / 2); /* a cut tail of free pages loses nothing */
    fixture_write(store, good);
}

/* --- files of others --------------------------------------------------------------------------------- */

static void expect_refusal(const char *text)
{
    struct error e = ERROR_INIT;
    struct slice before = fixture_read(store);
    struct repo *r;
    assert_int_equal(repo_open(f.dir, NULL, &r, &e), CIMF_CORRUPT_STORE);
    if (!strstr(e.text, text)) fail_msg("\"%s\" does not say \"%s\"", e.text, text);
    assert_string_equal(e.subject, store);
    assert_true(unchanged(before));
    free((void *)(uintptr_t)before.p);
}

static void test_foreign_files(void **state)
{
    fixture_write(store, SLICE(""));
    expect_refusal("empty");
    fixture_write(store, SLICE("SQLite format 3\0 and more of the same, long enough to hold a header"));
    expect_refusal("not written by this program");
    unlink(store);
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val key = { 5, "hello" }, value = { 5, "world" };
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_open(env, store, MDB_NOSUBDIR | MDB_NOLOCK, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    expect_refusal("another program");
    fixture_write(store, good);
}

/* covers: cim-core:P25 */
static void test_newer_format(void **state)
{
    char *p = malloc(good.n);
    memcpy(p, good.p, good.n);
    for (size_t i = 0; i + 18 < good.n; i++)
        if (memcmp(p + i, "CIMFONY STORE\n", 14) == 0) p[i + 14] = 9;
    fixture_write(store, slice_of(p, good.n));
    free(p);
    expect_refusal("format 9");
    fixture_write(store, good);
}

static void test_second_owner_is_refused(void **state)
{
    struct error e = ERROR_INIT;
    struct repo *r, *second;
    char pid[32];
    assert_int_equal(repo_open(f.dir, NULL, &r, &e), CIMF_OK);
    assert_int_equal(repo_open(f.dir, NULL, &second, &e), CIMF_ALREADY_EXISTS);
    snprintf(pid, sizeof pid, "process %d ", (int)getpid());
    assert_non_null(strstr(e.text, pid));
    assert_int_equal(repo_restore(f.dir, store, &e), CIMF_ALREADY_EXISTS);
    repo_close(r);
    assert_int_equal(repo_open(f.dir, NULL, &r, &e), CIMF_OK);
    struct repo_info info;
    repo_info(r, &info);
    assert_true(info.clean);
    repo_close(r);
}

static void test_unclean_end_is_noticed(void **state)
{
    struct repo *r;
    struct repo_info info;
    fixture_write(fixture_path(&f, "store.lock"), SLICE("open 1\n"));
    assert_int_equal(repo_open(f.dir, NULL, &r, NULL), CIMF_OK);
    repo_info(r, &info);
    assert_false(info.clean);
    repo_close(r);
}

static void test_nothing_there(void **state)
{
    struct repo *r;
    struct error e = ERROR_INIT;
    unlink(store);
    assert_int_equal(repo_open(f.dir, &(struct repo_options){ .must_exist = true }, &r, &e), CIMF_NOT_FOUND);
    assert_int_equal(repo_open(f.dir, &(struct repo_options){ .read_only = true }, &r, &e), CIMF_NOT_FOUND);
    assert_int_not_equal(access(store, F_OK), 0);
    fixture_write(store, good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_page_header_byte), cmocka_unit_test(test_every_byte_of_the_meta_pages),
        cmocka_unit_test(test_random_bytes), cmocka_unit_test(test_refused_files_stay_as_they_are),
        cmocka_unit_test(test_every_truncation), cmocka_unit_test(test_foreign_files),
        cmocka_unit_test(test_newer_format), cmocka_unit_test(test_second_owner_is_refused),
        cmocka_unit_test(test_unclean_end_is_noticed), cmocka_unit_test(test_nothing_there),
    };
    return cmocka_run_group_tests_name("damage", tests, setup, teardown);
}
