/*
 * Power cuts, simulated. While a store is written, everything that reaches the file is recorded by functions that
 * stand in for the C library's. Then, for every moment of the recording, an image is made as a disk may hold it:
 * what was flushed, and of what was not any sectors or none. It must open and hold all that was acknowledged.
 */
#include "base/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <fcntl.h>

#include "repo/fixture.h"

enum { SECTOR = 512, MAX_EVENTS = 4096, OPERATIONS = 40, IMAGE_MAX = 8 << 20 };

enum event_kind { WRITTEN, WRITTEN_DURABLY, FLUSHED, ACKNOWLEDGED };

struct event {
    enum event_kind kind;
    off_t at;
    size_t n;
    char *bytes;
    uint32_t number;
};

static struct event events[MAX_EVENTS];
static unsigned event_count;
static bool recording;
static int fail_at = -1; /* so many more writes work */

static bool fails(void)
{
    return fail_at >= 0 && fail_at-- == 0;
}

static struct event *add(enum event_kind kind)
{
    if (event_count == MAX_EVENTS) abort();
    events[event_count] = (struct event){ .kind = kind };
    return &events[event_count++];
}

static bool is_store(int fd)
{
    char link[64], path[256];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = recording ? readlink(link, path, sizeof path - 1) : -1;
    return n > 10 && memcmp(path + n - 10, "/store.mdb", 10) == 0;
}

static void record(int fd, const void *p, size_t n, off_t at)
{
    if (!is_store(fd)) return;
    struct event *e = add(fcntl(fd, F_GETFL) & O_DSYNC ? WRITTEN_DURABLY : WRITTEN);
    e->bytes = malloc(n);
    memcpy(e->bytes, p, n);
    e->n = n;
    e->at = at;
}

#define SHOWN __attribute__((visibility("default"), used))
/* By its plain name: with 64-bit offsets the headers turn pwrite into pwrite64. */
ssize_t stand_in_pwrite(int fd, const void *p, size_t n, off_t at) __asm__("pwrite") SHOWN;
ssize_t stand_in_pwrite(int fd, const void *p, size_t n, off_t at)
{
    record(fd, p, n, at);
    if (is_store(fd) && fails()) return errno = EIO, -1;
    return syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t writev(int fd, const struct iovec *v, int count) SHOWN;
ssize_t writev(int fd, const struct iovec *v, int count)
{
    off_t at = lseek(fd, 0, SEEK_CUR);
    for (int i = 0; i < count; at += (off_t)v[i++].iov_len) record(fd, v[i].iov_base, v[i].iov_len, at);
    if (is_store(fd) && fails()) return errno = EIO, -1;
    return syscall(SYS_writev, fd, v, count);
}

int fdatasync(int fd) SHOWN;
int fdatasync(int fd)
{
    if (!is_store(fd)) return 0; /* the lock file: of no interest here, and slow */
    add(FLUSHED);
    return 0; /* only the recording counts */
}

/* --- images ------------------------------------------------------------------------------------------ */

static char *image;
static size_t image_size;
static uint32_t chance = 2463534242u;

static bool toss(void)
{
    chance ^= chance << 13;
    chance ^= chance >> 17;
    chance ^= chance << 5;
    return chance & 0x10000;
}

static void apply(const struct event *e, bool whole)
{
    for (size_t i = 0; i < e->n;) {
        size_t n = SECTOR - ((size_t)e->at + i) % SECTOR;
        if (n > e->n - i) n = e->n - i;
        if (whole || toss()) {
            memcpy(image + e->at + i, e->bytes + i, n);
            if ((size_t)e->at + i + n > image_size) image_size = (size_t)e->at + i + n;
        }
        i += n;
    }
}

/* What a disk may hold when the power goes before event `end`. style 0: nothing unflushed, 1: all, else any. */
static void make_image(struct slice base, unsigned end, int style)
{
    unsigned flushed = 0;
    memset(image, 0, IMAGE_MAX);
    memcpy(image, base.p, base.n);
    image_size = base.n;
    for (unsigned i = 0; i < end; i++)
        if (events[i].kind == FLUSHED) flushed = i;
    for (unsigned i = 0; i < end; i++) {
        bool kept = i < flushed || events[i].kind == WRITTEN_DURABLY || style == 1;
        if (events[i].bytes && (kept || style == 2)) apply(&events[i], kept);
    }
}

static uint32_t acknowledged(unsigned end)
{
    uint32_t number = 0;
    for (unsigned i = 0; i < end; i++)
        if (events[i].kind == ACKNOWLEDGED) number = events[i].number;
    return number;
}

struct pair {
    struct fixture *f;
    uint32_t number;
};

static cimf_status put_pair(struct repo_txn *txn, void *arg, struct error *e)
{
    struct pair *p = arg;
    struct arena a;
    char name[16];
    cimf_status status = CIMF_OK;
    arena_init(&a, 0);
    for (unsigned i = 0; i < 3 && !status; i++) { /* a pair that must agree, and one of many */
        if (i < 2) snprintf(name, sizeof name, "p%u", i);
        else snprintf(name, sizeof name, "n%u", p->number % 8);
        struct cim_instance *in = fixture_instance(&a, p->f->cls[FIXTURE_BASE], name, p->number);
        status = repo_put_instance(txn, NS, in, slice_str(name), 0, NULL, e);
    }
    arena_free(&a);
    return status;
}

static struct slice record_writes(struct fixture *f)
{
    struct pair p = { f, 0 };
    char path[256];
    fixture_init(f);
    fixture_open(f, NULL);
    assert_int_equal(repo_write_sync(f->repo, put_pair, &p, NULL), CIMF_OK);
    snprintf(path, sizeof path, "%s", fixture_path(f, "store.mdb"));
    struct slice base = fixture_read(path);
    recording = true;
    for (p.number = 1; p.number <= OPERATIONS; p.number++) {
        assert_int_equal(repo_write_sync(f->repo, put_pair, &p, NULL), CIMF_OK);
        add(ACKNOWLEDGED)->number = p.number;
    }
    recording = false;
    fixture_close(f);
    return base;
}

static void forget_events(void)
{
    for (unsigned i = 0; i < event_count; i++) free(events[i].bytes);
    event_count = 0;
}

/* covers: cim-core:C20 */
static void test_every_moment(void **state)
{
    static struct fixture f;
    char path[256];
    unsigned flushes = 0, durable = 0;
    struct slice base = record_writes(&f);
    snprintf(path, sizeof path, "%s", fixture_path(&f, "store.mdb"));
    for (unsigned i = 0; i < event_count; i++) {
        flushes += events[i].kind == FLUSHED;
        durable += events[i].kind == WRITTEN_DURABLY;
    }
    assert_true(flushes >= OPERATIONS && durable >= OPERATIONS); /* the recorder sees what LMDB does */
    image = malloc(IMAGE_MAX);
    for (unsigned end = 0; end <= event_count; end++) {
        for (int style = 0; style < 4; style++) {
            struct error e = ERROR_INIT;
            make_image(base, end, style < 2 ? style : 2);
            fixture_write(path, slice_of(image, image_size));
            unlink(fixture_path(&f, "store.lock"));
            struct repo_options o = { .no_sync = true };
            if (repo_open(f.dir, &o, &f.repo, &e)) fail_msg("moment %u: %s", end, e.text);
            int64_t a = fixture_number(&f, "p0"), b = fixture_number(&f, "p1");
            assert_int_equal(a, b);
            assert_true(a >= (int64_t)acknowledged(end) && a <= OPERATIONS);
            fixture_close(&f);
        }
    }
    forget_events();
    free(image);
    free((void *)(uintptr_t)base.p);
    fixture_free(&f);
}

/* --- restore ------------------------------------------------------------------------------------------- */

static cimf_status restore(struct fixture *f, const char *backup)
{
    struct error e = ERROR_INIT;
    struct repo_import *im = NULL;
    int fd = open(backup, O_RDONLY | O_CLOEXEC);
    cimf_status status = repo_import_open(f->repo, fd, &im, &e);
    if (!status) status = repo_hold(f->repo, false, &e);
    if (!status) {
        recording = true;
        status = repo_import_run(im, NULL, NULL, &e);
        recording = false;
        repo_release(f->repo);
    }
    repo_import_free(im);
    close(fd);
    return status;
}

/* All is as in the backup (number 1) or all as before (number 2). */
static int64_t check_whole(struct fixture *f)
{
    int64_t n = fixture_number(f, "p0");
    assert_true(n == 1 || n == 2);
    assert_int_equal(fixture_number(f, "p1"), n);
    assert_int_equal(fixture_number(f, "n1"), n == 1 ? 1 : -1);
    assert_int_equal(fixture_number(f, "n2"), n == 2 ? 2 : -1);
    assert_int_equal(repo_verify(f->repo, NULL, NULL), CIMF_OK);
    return n;
}

/* A backup of number 1, and number 2 with one instance gone and one new. */
static void two_states(struct fixture *f, char backup[256])
{
    struct pair p = { f, 1 };
    fixture_init(f);
    fixture_open(f, NULL);
    assert_int_equal(repo_write_sync(f->repo, put_pair, &p, NULL), CIMF_OK);
    snprintf(backup, 256, "%s", fixture_path(f, "backup"));
    assert_int_equal(repo_backup(f->repo, backup, NULL), CIMF_OK);
    p.number = 2;
    assert_int_equal(fixture_delete(f, "n1"), CIMF_OK);
    assert_int_equal(repo_write_sync(f->repo, put_pair, &p, NULL), CIMF_OK);
}

/* covers: cim-core:C17 */
static void test_every_moment_of_a_restore(void **state)
{
    static struct fixture f;
    char path[256], backup[256];
    unsigned old = 0, new = 0;
    two_states(&f, backup);
    snprintf(path, sizeof path, "%s", fixture_path(&f, "store.mdb"));
    struct slice base = fixture_read(path);
    assert_int_equal(restore(&f, backup), CIMF_OK);
    add(ACKNOWLEDGED)->number = 1;
    assert_int_equal(check_whole(&f), 1);
    fixture_close(&f);
    image = malloc(IMAGE_MAX);
    for (unsigned end = 0; end <= event_count; end++) {
        for (int style = 0; style < 12; style++) {
            struct error e = ERROR_INIT;
            make_image(base, end, style < 2 ? style : 2);
            fixture_write(path, slice_of(image, image_size));
            unlink(fixture_path(&f, "store.lock"));
            if (repo_open(f.dir, &(struct repo_options){ .no_sync = true }, &f.repo, &e)) fail_msg("moment %u: %s", end, e.text);
            int64_t n = check_whole(&f);
            if (acknowledged(end)) assert_int_equal(n, 1);
            old += n == 2;
            new += n == 1;
            fixture_close(&f);
        }
    }
    assert_true(old && new);
    forget_events();
    free(image);
    free((void *)(uintptr_t)base.p);
    fixture_free(&f);
}

/* Each write of the store fails once: what is acknowledged as failed has changed nothing, also for the next process. */
static void test_every_failure_of_a_restore(void **state)
{
    static struct fixture f;
    char backup[256];
    unsigned closed = 0;
    cimf_status status = CIMF_FAILED;
    for (int n = 0; status; n++) {
        two_states(&f, backup);
        fail_at = n;
        status = restore(&f, backup);
        fail_at = -1;
        forget_events();
        struct repo_txn *txn; /* LMDB closes up when the last write, that of its meta page, fails */
        bool readable = repo_read_begin(f.repo, &txn, NULL) == CIMF_OK;
        repo_read_end(txn);
        if (readable) assert_int_equal(check_whole(&f), status ? 2 : 1);
        else closed++;
        fixture_close(&f);
        assert_int_equal(repo_open(f.dir, NULL, &f.repo, NULL), CIMF_OK);
        assert_int_equal(check_whole(&f), status ? 2 : 1);
        if (status) assert_int_equal(restore(&f, backup), CIMF_OK);
        forget_events();
        assert_int_equal(check_whole(&f), 1);
        fixture_free(&f);
        assert_true(n < 1000);
        if (!status) assert_true(n >= 2); /* pages and the end of the transaction */
    }
    assert_true(closed <= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_moment),
        cmocka_unit_test(test_every_moment_of_a_restore),
        cmocka_unit_test(test_every_failure_of_a_restore),
    };
    return cmocka_run_group_tests_name("power", tests, NULL, NULL);
}
