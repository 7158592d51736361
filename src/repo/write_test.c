/* The writer thread: groups, failures, races, limits, growth, full disks, snapshots. */
#include "base/test.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "repo/fixture.h"

static struct fixture f;

static void open_with(struct repo_options o)
{
    o.no_sync = true;
    fixture_init(&f);
    fixture_open(&f, &o);
}

static void close_all(void)
{
    struct error e = ERROR_INIT;
    if (repo_verify(f.repo, NULL, &e)) fail_msg("%s", e.text);
    fixture_free(&f);
}

static struct cim_instance *get(struct repo_txn *txn, struct arena *a, const char *name)
{
    struct cim_instance *in = NULL;
    repo_get_instance(txn, a, NS, SLICE("T_Base"), slice_str(name), &f.classes, &in, NULL);
    return in;
}

/* --- races ------------------------------------------------------------------------------------------ */

enum { THREADS = 4, TURNS = 200 };

struct merge {
    unsigned thread, turn;
};

/* Each writes Number (all of them) and Text (odd threads only), and adds one to List[0]. */
static cimf_status merge(struct repo_txn *txn, void *arg, struct error *e)
{
    struct merge *m = arg;
    struct arena a;
    arena_init(&a, 0);
    struct cim_instance *in = get(txn, &a, "shared");
    struct cim_array list;
    union cim_data v;
    if (!in || !cim_get(in, 3, &v)) return CIMF_FAILED;
    cim_array_new(&a, CIM_SINT64, 1, &list);
    cim_array_set(list, CIM_SINT64, 0, (union cim_data){ .i = cim_array_get(CIM_SINT64, v.a, 0).i + 1 });
    cim_set(in, 3, (union cim_data){ .a = list });
    cim_put_u64(in, "Number", m->thread * 1000 + m->turn);
    if (m->thread % 2) cim_put_str(in, "Text", arena_printf(&a, "%u", m->thread));
    cimf_status status = repo_put_instance(txn, NS, in, SLICE("shared"), REPO_UPDATE_ONLY, NULL, e);
    arena_free(&a);
    return status;
}

static void *merge_often(void *arg)
{
    struct merge m = { (unsigned)(uintptr_t)arg, 0 };
    while (++m.turn <= TURNS)
        if (repo_write_sync(f.repo, merge, &m, NULL)) return NULL;
    return arg;
}

/* Looks at the instance while it is written: never a mixture of two states of one transaction. */
static void *read_often(void *arg)
{
    int64_t last = 0;
    for (int i = 0; i < 500; i++) {
        struct repo_txn *txn;
        struct arena a;
        union cim_data v;
        arena_init(&a, 0);
        if (repo_read_begin(f.repo, &txn, NULL)) return NULL;
        struct cim_instance *in = get(txn, &a, "shared");
        bool ok = in && cim_get(in, 3, &v) && cim_array_get(CIM_SINT64, v.a, 0).i >= last;
        if (ok) last = cim_array_get(CIM_SINT64, v.a, 0).i;
        repo_read_end(txn);
        arena_free(&a);
        if (!ok) return NULL;
    }
    return &f;
}

/* covers: cim-core:C18 */
static void test_two_writers_of_one_instance(void **state)
{
    pthread_t threads[THREADS], reader;
    void *ok;
    open_with((struct repo_options){ 0 });
    assert_int_equal(fixture_put(&f, f.cls[FIXTURE_BASE], "shared", 0, 0), CIMF_OK);
    assert_int_equal(pthread_create(&reader, NULL, read_often, NULL), 0);
    for (uintptr_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, merge_often, (void *)(i + 1)), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &ok);
        assert_non_null(ok);
    }
    pthread_join(reader, &ok);
    assert_non_null(ok);
    struct repo_txn *txn;
    union cim_data v;
    assert_int_equal(repo_read_begin(f.repo, &txn, NULL), CIMF_OK);
    struct cim_instance *in = get(txn, &f.a, "shared");
    assert_non_null(in);
    assert_true(cim_get(in, 1, &v) && v.u % 1000 == TURNS); /* the last turn of one of them */
    assert_true(cim_get(in, 2, &v) && (slice_is(v.s, "1") || slice_is(v.s, "3")));
    assert_true(cim_get(in, 3, &v) && v.a.n == 1); /* no update was lost */
    assert_int_equal(cim_array_get(CIM_SINT64, v.a, 0).i, THREADS * TURNS);
    repo_read_end(txn);
    close_all();
}

/* --- groups ------------------------------------------------------------------------------------------ */

static sem_t gate, entered;

/* Holds the writer thread so that a group forms behind it. */
static cimf_status hold(struct repo_txn *txn, void *arg, struct error *e)
{
    sem_post(&entered);
    while (sem_wait(&gate)) continue;
    return CIMF_OK;
}

struct item {
    unsigned number;
    cimf_status wish, status;
    unsigned order; /* of its answer */
};
static unsigned answers;

static cimf_status item_write(struct repo_txn *txn, void *arg, struct error *e)
{
    struct item *it = arg;
    char name[16];
    snprintf(name, sizeof name, "g%u", it->number);
    struct arena a;
    arena_init(&a, 0);
    struct cim_instance *in = fixture_instance(&a, f.cls[FIXTURE_SUB], name, it->number);
    cimf_status status = repo_put_instance(txn, NS, in, slice_str(name), 0, NULL, e);
    if (!status && it->number) { /* sees the one before, unless that one failed */
        snprintf(name, sizeof name, "g%u", it->number - 1);
        bool before = get(txn, &a, name) != NULL, wanted = (it->number - 1) % 3 != 1;
        if (before != wanted) status = CIMF_CRITICAL_ERROR;
    }
    arena_free(&a);
    return status ? status : it->wish;
}

static void item_done(void *arg, cimf_status status, const struct error *e)
{
    struct item *it = arg;
    it->status = status;
    it->order = ++answers;
}

static void hold_done(void *arg, cimf_status status, const struct error *e) {}

/* An executor that keeps what is posted until it is run. */
struct collector {
    struct exec exec;
    pthread_mutex_t lock;
    struct { void (*fn)(void *); void *arg; } posts[64];
    unsigned count;
};

static bool collect(struct exec *self, void (*fn)(void *), void *arg)
{
    struct collector *c = (struct collector *)self;
    pthread_mutex_lock(&c->lock);
    c->posts[c->count].fn = fn;
    c->posts[c->count++].arg = arg;
    pthread_mutex_unlock(&c->lock);
    return true;
}

static bool elsewhere(struct exec *self) { return false; }

/* covers: cim-core:C20 */
static void test_failure_in_a_group_undoes_itself_only(void **state)
{
    static struct item items[30];
    struct collector c = { { collect, elsewhere }, PTHREAD_MUTEX_INITIALIZER, .count = 0 };
    struct repo_info before, after;
    sem_init(&gate, 0, 0);
    sem_init(&entered, 0, 0);
    open_with((struct repo_options){ 0 });
    repo_info(f.repo, &before);
    answers = 0;
    assert_int_equal(repo_write(f.repo, hold, NULL, NULL, hold_done, NULL), CIMF_OK);
    sem_wait(&entered);
    for (unsigned i = 0; i < 30; i++) {
        items[i] = (struct item){ i, i % 3 == 1 ? CIMF_VETO_PUT : CIMF_OK, CIMF_OK, 0 };
        assert_int_equal(repo_write(f.repo, item_write, &items[i], &c.exec, item_done, NULL), CIMF_OK);
    }
    sem_post(&gate);
    assert_int_equal(fixture_put(&f, f.cls[FIXTURE_BASE], "behind", 1, 0), CIMF_OK); /* all are answered now */
    assert_int_equal(c.count, 30);
    assert_int_equal(answers, 0); /* not before the executor runs them */
    for (unsigned i = 0; i < c.count; i++) c.posts[i].fn(c.posts[i].arg);
    for (unsigned i = 0; i < 30; i++) {
        char name[16];
        snprintf(name, sizeof name, "g%u", i);
        assert_int_equal(items[i].status, items[i].wish);
        assert_int_equal(items[i].order, i + 1);
        assert_int_equal(fixture_number(&f, name), i % 3 == 1 ? -1 : (int64_t)i);
    }
    repo_info(f.repo, &after);
    assert_true(after.commits - before.commits <= 3); /* hold; the group; perhaps the one behind */
    close_all();
}

static void test_bounds(void **state)
{
    struct repo_txn *txn[3];
    sem_init(&gate, 0, 0);
    sem_init(&entered, 0, 0);
    open_with((struct repo_options){ .max_queue = 3, .max_readers = 2 });
    assert_int_equal(repo_write(f.repo, hold, NULL, NULL, hold_done, NULL), CIMF_OK);
    sem_wait(&entered);
    static struct item items[3];
    for (unsigned i = 0; i < 3; i++) {
        items[i].number = 0;
        assert_int_equal(repo_write(f.repo, item_write, &items[i], NULL, item_done, NULL), CIMF_OK);
    }
    assert_int_equal(repo_write(f.repo, item_write, &items[0], NULL, item_done, NULL), CIMF_SERVER_TOO_BUSY);
    sem_post(&gate);
    assert_int_equal(fixture_put(&f, f.cls[FIXTURE_BASE], "x", 1, 0), CIMF_OK); /* waits for room */
    for (int i = 0; i < 2; i++) assert_int_equal(repo_read_begin(f.repo, &txn[i], NULL), CIMF_OK);
    assert_int_equal(repo_read_begin(f.repo, &txn[2], NULL), CIMF_SERVER_TOO_BUSY);
    for (int i = 0; i < 2; i++) repo_read_end(txn[i]);
    assert_int_equal(fixture_number(&f, "x"), 1);
    close_all();
}

static void test_close_finishes_what_is_queued(void **state)
{
    static struct item items[20];
    open_with((struct repo_options){ 0 });
    answers = 0;
    for (unsigned i = 0; i < 20; i++) {
        items[i] = (struct item){ .number = 0, .status = CIMF_FAILED };
        assert_int_equal(repo_write(f.repo, item_write, &items[i], NULL, item_done, NULL), CIMF_OK);
    }
    fixture_close(&f);
    assert_int_equal(answers, 20);
    assert_int_equal(repo_open(f.dir, &(struct repo_options){ .no_sync = true }, &f.repo, NULL), CIMF_OK);
    assert_int_equal(fixture_number(&f, "g0"), 0);
    close_all();
}

static void test_snapshot_stays_as_it_was(void **state)
{
    struct repo_txn *old;
    open_with((struct repo_options){ 0 });
    assert_int_equal(fixture_put(&f, f.cls[FIXTURE_BASE], "s", 1, 0), CIMF_OK);
    assert_int_equal(repo_read_begin(f.repo, &old, NULL), CIMF_OK);
    for (uint32_t i = 2; i < 60; i++) assert_int_equal(fixture_put(&f, f.cls[FIXTURE_BASE], "s", i, 0), CIMF_OK);
    union cim_data v;
    assert_true(cim_get(get(old, &f.a, "s"), 1, &v));
    assert_int_equal(v.u, 1);
    uint64_t number = repo_txn_number(old);
    repo_read_end(old);
    assert_int_equal(fixture_number(&f, "s"), 59);
    assert_int_equal(repo_read_begin(f.repo, &old, NULL), CIMF_OK);
    assert_true(repo_txn_number(old) > number);
    repo_read_end(old);
    close_all();
}

/* --- space -------------------------------------------------------------------------------------------- */

static cimf_status put_big(struct repo_txn *txn, void *arg, struct error *e)
{
    char name[16];
    size_t n = 200000;
    char *text = calloc(1, n);
    snprintf(name, sizeof name, "big%u", *(unsigned *)arg);
    cimf_status status = repo_put_setting(txn, SLICE(""), slice_str(name), slice_of(text, n), e);
    free(text);
    return status;
}

static void test_map_grows(void **state)
{
    struct repo_info info;
    pthread_t reader;
    void *ok;
    open_with((struct repo_options){ .map_size = 256 << 10 });
    assert_int_equal(fixture_put(&f, f.cls[FIXTURE_BASE], "shared", 0, 0), CIMF_OK);
    assert_int_equal(pthread_create(&reader, NULL, read_often, NULL), 0);
    for (unsigned i = 0; i < 40; i++) assert_int_equal(repo_write_sync(f.repo, put_big, &i, NULL), CIMF_OK);
    pthread_join(reader, &ok);
    assert_non_null(ok);
    repo_info(f.repo, &info);
    assert_true(info.map_size >= 8 << 20 && info.used_size >= 8000000 && info.file_size >= info.used_size);
    assert_int_equal(fixture_number(&f, "shared"), 0);
    close_all();
}

/* The kernel refuses to make the file larger, as on a full disk. */
static void test_full_disk(void **state)
{
    struct rlimit old, small;
    struct stat st;
    unsigned n = 0;
    open_with((struct repo_options){ 0 });
    assert_int_equal(fixture_put(&f, f.cls[FIXTURE_BASE], "before", 4, 0), CIMF_OK);
    assert_int_equal(stat(fixture_path(&f, "store.mdb"), &st), 0);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = (rlim_t)st.st_size + 65536;
    setrlimit(RLIMIT_FSIZE, &small);
    struct error e = ERROR_INIT;
    assert_int_equal(repo_write_sync(f.repo, put_big, &n, &e), CIMF_OUT_OF_DISK_SPACE);
    assert_int_equal(fixture_number(&f, "before"), 4);
    assert_int_equal(fixture_put(&f, f.cls[FIXTURE_BASE], "small", 5, 0), CIMF_OK); /* still usable */
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(repo_write_sync(f.repo, put_big, &n, &e), CIMF_OK);
    assert_int_equal(fixture_number(&f, "small"), 5);
    close_all();
}

/* --- beside a daemon ------------------------------------------------------------------------------------ */

static int read_beside(void)
{
    struct repo *r;
    struct repo_txn *txn;
    struct arena a;
    struct error e = ERROR_INIT;
    arena_init(&a, 0);
    if (repo_open(f.dir, &(struct repo_options){ .read_only = true }, &r, &e)) return 1;
    if (repo_read_begin(r, &txn, &e)) return 2;
    if (!get(txn, &a, "x")) return 3;
    repo_read_end(txn);
    if (repo_write_sync(r, merge, NULL, &e) != CIMF_READ_ONLY) return 4;
    char path[256];
    snprintf(path, sizeof path, "%s", fixture_path(&f, "copy"));
    if (repo_backup(r, path, &e)) return 5;
    if (repo_verify_file(path, NULL, &e)) return 6;
    repo_close(r);
    return 0;
}

static void test_tool_reads_beside_the_daemon(void **state)
{
    int status;
    open_with((struct repo_options){ 0 });
    assert_int_equal(fixture_put(&f, f.cls[FIXTURE_BASE], "x", 1, 0), CIMF_OK);
    pid_t pid = fork();
    if (pid == 0) _exit(read_beside());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(fixture_put(&f, f.cls[FIXTURE_BASE], "x", 2, 0), CIMF_OK);
    close_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tool_reads_beside_the_daemon),
        cmocka_unit_test(test_two_writers_of_one_instance),
        cmocka_unit_test(test_failure_in_a_group_undoes_itself_only),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_close_finishes_what_is_queued),
        cmocka_unit_test(test_snapshot_stays_as_it_was),
        cmocka_unit_test(test_map_grows),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests_name("write", tests, NULL, NULL);
}
