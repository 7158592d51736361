/* Backup while writers go on; restore; what is refused. */
#include "base/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "repo/fixture.h"

static struct fixture f;
static atomic_bool stop;

static int setup(void **state)
{
    fixture_init(&f);
    fixture_open(&f, &(struct repo_options){ .no_sync = true });
    return 0;
}

static int teardown(void **state)
{
    fixture_free(&f);
    return 0;
}

static void *write_pairs(void *arg)
{
    for (struct fixture_pair p = { &f, 1 }; !atomic_load(&stop); p.number++)
        if (repo_write_sync(f.repo, fixture_put_pair, &p, NULL)) return NULL;
    return &f;
}

/* covers: cim-core:C17 */
static void test_backup_is_one_moment(void **state)
{
    pthread_t writer;
    char path[256];
    void *ok;
    struct fixture_pair first = { &f, 1 };
    assert_int_equal(repo_write_sync(f.repo, fixture_put_pair, &first, NULL), CIMF_OK);
    snprintf(path, sizeof path, "%s", fixture_path(&f, "backup"));
    atomic_store(&stop, false);
    assert_int_equal(pthread_create(&writer, NULL, write_pairs, NULL), 0);
    for (int i = 0; i < 5; i++) {
        struct repo_report report;
        struct error e = ERROR_INIT;
        if (repo_backup(f.repo, path, &e)) fail_msg("%s", e.text);
        assert_int_equal(repo_verify_file(path, &report, &e), CIMF_OK);
        assert_int_equal(report.instances, 2);
        assert_int_equal(report.classes, FIXTURE_CLASSES);
    }
    atomic_store(&stop, true);
    pthread_join(writer, &ok);
    assert_non_null(ok);
    struct repo_info before, after;
    repo_info(f.repo, &before);
    fixture_close(&f);
    assert_int_equal(repo_restore(f.dir, path, NULL), CIMF_OK);
    assert_int_equal(repo_open(f.dir, &(struct repo_options){ .no_sync = true }, &f.repo, NULL), CIMF_OK);
    int64_t a = fixture_number(&f, "a");
    assert_true(a >= 1);
    assert_int_equal(a, fixture_number(&f, "b"));
    repo_info(f.repo, &after);
    assert_memory_equal(&before.guid, &after.guid, sizeof before.guid);
    assert_int_equal(access(fixture_path(&f, "store.mdb.old"), F_OK), 0);
}

static void test_restore_brings_the_state_back(void **state)
{
    char path[256];
    snprintf(path, sizeof path, "%s", fixture_path(&f, "backup"));
    assert_int_equal(fixture_put(&f, f.cls[FIXTURE_BASE], "kept", 1, 0), CIMF_OK);
    assert_int_equal(repo_backup(f.repo, path, NULL), CIMF_OK);
    assert_int_equal(fixture_put(&f, f.cls[FIXTURE_BASE], "kept", 2, 0), CIMF_OK);
    assert_int_equal(fixture_put(&f, f.cls[FIXTURE_BASE], "later", 3, 0), CIMF_OK);
    assert_int_equal(repo_restore(f.dir, path, NULL), CIMF_ALREADY_EXISTS);
    fixture_close(&f);
    assert_int_equal(repo_restore(f.dir, path, NULL), CIMF_OK);
    assert_int_equal(repo_open(f.dir, NULL, &f.repo, NULL), CIMF_OK);
    assert_int_equal(fixture_number(&f, "kept"), 1);
    assert_int_equal(fixture_number(&f, "later"), -1);
    assert_int_equal(fixture_put(&f, f.cls[FIXTURE_BASE], "later", 4, 0), CIMF_OK);
}

/* covers: cim-core:P25 */
static void test_bad_backups_change_nothing(void **state)
{
    char path[256], store[256];
    struct error e = ERROR_INIT;
    snprintf(path, sizeof path, "%s", fixture_path(&f, "backup"));
    snprintf(store, sizeof store, "%s", fixture_path(&f, "store.mdb"));
    assert_int_equal(fixture_put(&f, f.cls[FIXTURE_BASE], "kept", 1, 0), CIMF_OK);
    assert_int_equal(repo_backup(f.repo, "backup", &e), CIMF_INVALID_PARAMETER);
    assert_int_equal(repo_backup(f.repo, "/proc/nothing/here", &e), CIMF_NOT_FOUND);
    assert_int_equal(repo_backup(f.repo, path, NULL), CIMF_OK);
    fixture_close(&f);
    struct slice before = fixture_read(store), backup = fixture_read(path);
    char *p = (char *)(uintptr_t)backup.p, *text = memmem(backup.p, backup.n, "text 1", 6);
    assert_non_null(text);
    text[5] = '2'; /* inside a value: only the checksum tells */
    fixture_write(path, backup);
    assert_int_equal(repo_restore(f.dir, path, &e), CIMF_CORRUPT_STORE);
    assert_non_null(strstr(e.text, "checksum"));
    fixture_write(path, slice_head(backup, backup.n / 2));
    assert_int_equal(repo_restore(f.dir, path, &e), CIMF_CORRUPT_STORE);
    fixture_write(path, SLICE("no backup"));
    assert_int_equal(repo_restore(f.dir, path, &e), CIMF_CORRUPT_STORE);
    assert_int_equal(repo_restore(f.dir, fixture_path(&f, "none"), &e), CIMF_NOT_FOUND);
    struct slice after = fixture_read(store);
    assert_true(slice_eq(before, after));
    free((void *)(uintptr_t)before.p);
    free((void *)(uintptr_t)after.p);
    free(p);
    assert_int_equal(repo_open(f.dir, NULL, &f.repo, NULL), CIMF_OK);
    assert_int_equal(fixture_number(&f, "kept"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_backup_is_one_moment, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restore_brings_the_state_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_backups_change_nothing, setup, teardown),
    };
    return cmocka_run_group_tests_name("backup", tests, NULL, NULL);
}
