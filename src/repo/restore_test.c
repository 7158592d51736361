/* A backup into the open store: all or nothing, beside readers and writers; what holding the writer means. */
#include "base/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "repo/fixture.h"

static struct fixture f;
static char backup[256];
static atomic_bool stop;

static int setup(void **state)
{
    fixture_init(&f);
    fixture_open(&f, &(struct repo_options){ .no_sync = true });
    snprintf(backup, sizeof backup, "%s", fixture_path(&f, "backup"));
    return 0;
}

static int teardown(void **state)
{
    fixture_free(&f);
    return 0;
}

static cimf_status import_open(struct repo_import **im, struct error *e)
{
    int fd = open(backup, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    cimf_status status = repo_import_open(f.repo, fd, im, e);
    close(fd);
    return status;
}

static cimf_status restore_with(repo_write_fn *fn, void *arg, struct error *e)
{
    struct repo_import *im = NULL;
    cimf_status status = import_open(&im, e);
    if (!status) status = repo_hold(f.repo, false, e);
    if (!status) {
        status = repo_import_run(im, fn, arg, e);
        repo_release(f.repo);
    }
    repo_import_free(im);
    assert_int_not_equal(access(fixture_path(&f, "store.mdb.restore"), F_OK), 0);
    return status;
}

static cimf_status put(const char *name, uint32_t number)
{
    return fixture_put(&f, f.cls[FIXTURE_BASE], name, number, 0);
}

static int64_t number_in(struct repo_txn *txn, const char *name)
{
    struct arena a;
    struct cim_instance *in;
    union cim_data value;
    arena_init(&a, 0);
    cimf_status status = repo_get_instance(txn, &a, NS, SLICE("T_Base"), slice_str(name), &f.classes, &in, NULL);
    int64_t n = status ? -1 : 0;
    if (!status) {
        assert_true(cim_get(in, 1, &value));
        n = (int64_t)value.u;
    }
    arena_free(&a);
    return n;
}

/* A snapshot goes on as it was, through a scan too; everybody else sees what the backup holds. */
static void test_readers_keep_what_they_see(void **state)
{
    struct repo_txn *txn;
    struct repo_info before, after;
    struct error e = ERROR_INIT;
    struct arena a;
    arena_init(&a, 0);
    for (uint32_t i = 0; i < 50; i++) {
        char name[16];
        snprintf(name, sizeof name, "i%02u", i);
        assert_int_equal(put(name, i), CIMF_OK);
    }
    assert_int_equal(repo_backup(f.repo, backup, &e), CIMF_OK);
    assert_int_equal(put("i00", 1000), CIMF_OK);
    assert_int_equal(put("later", 7), CIMF_OK);
    repo_info(f.repo, &before);
    assert_int_equal(repo_read_begin(f.repo, &txn, NULL), CIMF_OK);
    struct repo_scan s;
    assert_int_equal(repo_scan_begin(&s, txn, NS, f.cls[FIXTURE_BASE], NULL, &f.classes, &e), CIMF_OK);
    struct cim_instance *in;
    assert_int_equal(repo_scan_next(&s, &a, &in, &e), CIMF_OK);
    if (restore_with(NULL, NULL, &e)) fail_msg("%s", e.text);
    unsigned n = 1;
    while (!repo_scan_next(&s, &a, &in, &e) && in) n++;
    assert_int_equal(n, 51);
    assert_int_equal(number_in(txn, "i00"), 1000);
    repo_scan_end(&s);
    uint64_t seen = repo_txn_number(txn);
    repo_read_end(txn);
    assert_int_equal(repo_read_begin(f.repo, &txn, NULL), CIMF_OK);
    assert_true(repo_txn_number(txn) > seen);
    repo_read_end(txn);
    assert_int_equal(fixture_number(&f, "i00"), 0);
    assert_int_equal(fixture_number(&f, "later"), -1);
    assert_int_equal(put("later", 8), CIMF_OK);
    repo_info(f.repo, &after);
    assert_memory_equal(&before.guid, &after.guid, sizeof before.guid);
    assert_int_equal(repo_verify(f.repo, NULL, &e), CIMF_OK);
    /* The way back. */
    snprintf(backup, sizeof backup, "%s", fixture_path(&f, "store.mdb.old"));
    assert_int_equal(restore_with(NULL, NULL, &e), CIMF_OK);
    assert_int_equal(fixture_number(&f, "i00"), 1000);
    assert_int_equal(fixture_number(&f, "later"), 7);
    fixture_close(&f);
    assert_int_equal(repo_open(f.dir, NULL, &f.repo, NULL), CIMF_OK);
    assert_int_equal(fixture_number(&f, "later"), 7);
    arena_free(&a);
}

/* covers: cim-core:P25 */
static void test_bad_backups_change_nothing(void **state)
{
    struct error e = ERROR_INIT;
    assert_int_equal(put("kept", 1), CIMF_OK);
    assert_int_equal(repo_backup(f.repo, backup, &e), CIMF_OK);
    assert_int_equal(put("kept", 2), CIMF_OK);
    struct slice good = fixture_read(backup);
    char *p = (char *)(uintptr_t)good.p, *text = memmem(good.p, good.n, "text 1", 6);
    assert_non_null(text);
    text[5] = '2'; /* inside a value: only the checksum tells */
    fixture_write(backup, good);
    assert_int_equal(restore_with(NULL, NULL, &e), CIMF_CORRUPT_STORE);
    text[5] = '1';
    for (size_t n = 0; n < good.n; n += good.n / 7) {
        fixture_write(backup, slice_head(good, n));
        assert_int_equal(restore_with(NULL, NULL, &e), CIMF_CORRUPT_STORE);
    }
    int folder = open(f.dir, O_RDONLY | O_CLOEXEC);
    struct repo_import *im;
    assert_int_equal(repo_import_open(f.repo, folder, &im, &e), CIMF_CORRUPT_STORE);
    close(folder);
    assert_int_not_equal(access(fixture_path(&f, "store.mdb.old"), F_OK), 0);
    assert_int_equal(fixture_number(&f, "kept"), 2);
    fixture_write(backup, good);
    assert_int_equal(restore_with(NULL, NULL, &e), CIMF_OK);
    assert_int_equal(fixture_number(&f, "kept"), 1);
    free(p);
}

/* What happens to the file once it is checked does not count. */
static void test_the_checked_bytes_are_restored(void **state)
{
    struct repo_import *im;
    struct error e = ERROR_INIT;
    assert_int_equal(put("kept", 1), CIMF_OK);
    assert_int_equal(repo_backup(f.repo, backup, &e), CIMF_OK);
    assert_int_equal(put("kept", 2), CIMF_OK);
    assert_int_equal(import_open(&im, &e), CIMF_OK);
    assert_int_equal(truncate(backup, 0), 0);
    assert_int_equal(repo_hold(f.repo, false, &e), CIMF_OK);
    assert_int_equal(repo_import_run(im, NULL, NULL, &e), CIMF_OK);
    repo_release(f.repo);
    repo_import_free(im);
    assert_int_equal(fixture_number(&f, "kept"), 1);
}

static cimf_status refuse(struct repo_txn *txn, void *arg, struct error *e)
{
    assert_int_equal(number_in(txn, "kept"), 1); /* it sees the backup's records */
    return error_set(e, CIMF_QUOTA_VIOLATION, "test", "not this one");
}

static void test_a_failing_step_undoes_all(void **state)
{
    struct error e = ERROR_INIT;
    assert_int_equal(put("kept", 1), CIMF_OK);
    assert_int_equal(repo_backup(f.repo, backup, &e), CIMF_OK);
    assert_int_equal(put("kept", 2), CIMF_OK);
    assert_int_equal(restore_with(refuse, NULL, &e), CIMF_QUOTA_VIOLATION);
    assert_string_equal(e.text, "not this one");
    assert_int_equal(fixture_number(&f, "kept"), 2);
    assert_int_equal(put("kept", 3), CIMF_OK);
}

static cimf_status put_big(struct repo_txn *txn, void *arg, struct error *e)
{
    static char text[4 << 20];
    memset(text, 'x', sizeof text);
    return repo_put_setting(txn, SLICE_NULL, SLICE("big"), slice_of(text, sizeof text), e);
}

/* At each step that needs room: beside the store, for the former content, in the transaction. */
static void test_a_full_disk(void **state)
{
    struct rlimit old, small;
    struct error e = ERROR_INIT;
    struct stat st;
    bool done = false;
    unsigned refused = 0;
    assert_int_equal(put("kept", 1), CIMF_OK);
    assert_int_equal(repo_write_sync(f.repo, put_big, NULL, &e), CIMF_OK);
    assert_int_equal(repo_backup(f.repo, backup, &e), CIMF_OK);
    assert_int_equal(put("kept", 2), CIMF_OK);
    assert_int_equal(stat(fixture_path(&f, "store.mdb"), &st), 0);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    for (rlim_t room = 65536; !done; room += 1 << 20) {
        small = old;
        small.rlim_cur = room;
        setrlimit(RLIMIT_FSIZE, &small);
        cimf_status status = restore_with(NULL, NULL, &e);
        setrlimit(RLIMIT_FSIZE, &old);
        done = status == CIMF_OK;
        if (done) break;
        refused++;
        assert_int_equal(status, CIMF_OUT_OF_DISK_SPACE);
        assert_int_equal(fixture_number(&f, "kept"), 2);
        assert_int_equal(put("kept", 2), CIMF_OK); /* still usable */
    }
    assert_true(refused > 4);
    assert_int_equal(fixture_number(&f, "kept"), 1);
    assert_int_equal(repo_verify(f.repo, NULL, &e), CIMF_OK);
}

static void test_it_grows_as_needed(void **state)
{
    struct error e = ERROR_INIT;
    fixture_close(&f);
    assert_int_equal(repo_open(f.dir, &(struct repo_options){ .no_sync = true, .map_size = 6 << 20 }, &f.repo, NULL), CIMF_OK);
    assert_int_equal(put("kept", 1), CIMF_OK);
    assert_int_equal(repo_write_sync(f.repo, put_big, NULL, &e), CIMF_OK);
    assert_int_equal(repo_backup(f.repo, backup, &e), CIMF_OK);
    assert_int_equal(put("kept", 2), CIMF_OK);
    if (restore_with(NULL, NULL, &e)) fail_msg("%s", e.text);
    assert_int_equal(fixture_number(&f, "kept"), 1);
    struct repo_info info;
    repo_info(f.repo, &info);
    assert_true(info.map_size > 6 << 20);
}

/* --- beside others ------------------------------------------------------------------------------------ */

static void *write_pairs(void *arg)
{
    for (struct fixture_pair p = { &f, 1 }; !atomic_load(&stop); p.number++)
        if (repo_write_sync(f.repo, fixture_put_pair, &p, NULL)) return NULL;
    return &f;
}

static void *read_pairs(void *arg)
{
    while (!atomic_load(&stop)) {
        struct repo_txn *txn;
        if (repo_read_begin(f.repo, &txn, NULL)) return NULL;
        bool same = number_in(txn, "a") == number_in(txn, "b") && number_in(txn, "a") > 0;
        repo_read_end(txn);
        if (!same) return NULL;
    }
    return &f;
}

static void test_beside_readers_and_writers(void **state)
{
    pthread_t threads[3];
    struct error e = ERROR_INIT;
    assert_int_equal(repo_write_sync(f.repo, fixture_put_pair, &(struct fixture_pair){ &f, 1 }, NULL), CIMF_OK);
    assert_int_equal(repo_backup(f.repo, backup, &e), CIMF_OK);
    atomic_store(&stop, false);
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&threads[i], NULL, i ? read_pairs : write_pairs, NULL), 0);
    for (int i = 0; i < 20; i++)
        if (restore_with(NULL, NULL, &e)) fail_msg("%s", e.text);
    atomic_store(&stop, true);
    for (int i = 0; i < 3; i++) {
        void *ok;
        pthread_join(threads[i], &ok);
        assert_non_null(ok);
    }
    assert_int_equal(fixture_number(&f, "a"), fixture_number(&f, "b"));
    assert_int_equal(repo_verify(f.repo, NULL, &e), CIMF_OK);
}

/* --- holding ------------------------------------------------------------------------------------------ */

static atomic_uint done_count;
static unsigned order[8];

static cimf_status note(struct repo_txn *txn, void *arg, struct error *e)
{
    return CIMF_OK;
}
static void noted(void *arg, cimf_status status, const struct error *e)
{
    assert_int_equal(status, CIMF_OK);
    unsigned at = atomic_load(&done_count);
    order[at] = (unsigned)(uintptr_t)arg;
    atomic_store(&done_count, at + 1);
}

static void test_holding_the_writer(void **state)
{
    struct error e = ERROR_INIT;
    atomic_store(&done_count, 0);
    repo_release(f.repo); /* of nobody */
    assert_int_equal(repo_write(f.repo, note, (void *)(uintptr_t)1, NULL, noted, &e), CIMF_OK);
    assert_int_equal(repo_hold(f.repo, true, &e), CIMF_OK);
    assert_int_equal(atomic_load(&done_count), 1); /* what waited is done */
    assert_int_equal(repo_hold(f.repo, true, &e), CIMF_BACKUP_RESTORE_RUNNING);
    for (uintptr_t i = 2; i < 5; i++) assert_int_equal(repo_write(f.repo, note, (void *)i, NULL, noted, &e), CIMF_OK);
    assert_int_equal(put("x", 1), CIMF_SERVER_TOO_BUSY);
    assert_int_equal(repo_write_soon(f.repo, note, NULL, NULL, noted, &e), CIMF_SERVER_TOO_BUSY);
    assert_int_equal(fixture_number(&f, "x"), -1); /* reading goes on */
    assert_int_equal(repo_backup(f.repo, backup, &e), CIMF_OK);
    assert_int_equal(atomic_load(&done_count), 1);
    repo_release(f.repo);
    assert_int_equal(put("x", 1), CIMF_OK); /* behind those */
    assert_int_equal(atomic_load(&done_count), 4);
    for (unsigned i = 0; i < 4; i++) assert_int_equal(order[i], i + 1);
    /* A store that closes while it is held ends what waits. */
    assert_int_equal(repo_hold(f.repo, true, &e), CIMF_OK);
    assert_int_equal(repo_write(f.repo, note, (void *)(uintptr_t)5, NULL, noted, &e), CIMF_OK);
    fixture_close(&f);
    assert_int_equal(atomic_load(&done_count), 5);
    assert_int_equal(repo_open(f.dir, NULL, &f.repo, NULL), CIMF_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_readers_keep_what_they_see, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_backups_change_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_checked_bytes_are_restored, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_failing_step_undoes_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_it_grows_as_needed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_beside_readers_and_writers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_holding_the_writer, setup, teardown),
    };
    return cmocka_run_group_tests_name("restore", tests, NULL, NULL);
}
