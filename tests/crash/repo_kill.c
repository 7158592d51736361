/*
 * Kills a writing process at random moments and looks at what it left.
 *
 *   repo_kill [ROUNDS [SEED]]      20 rounds by default
 *
 * The child has several writers, so that commits are grouped. Each operation of a writer changes three instances at
 * once (a pair that must agree, and a new one), or replaces a class, and is acknowledged over a pipe when its
 * `done` came. After kill -9 the parent opens the store (which verifies every record) and holds it against the
 * acknowledgements: all that was acknowledged is there, and every operation is there whole or not at all.
 */
#undef NDEBUG
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "repo/fixture.h"

enum { WRITERS = 4, KEEP = 64 };

struct ack {
    uint32_t writer, number;
};

struct operation {
    struct fixture *f;
    uint32_t writer, number;
};

static const char *name_of(char out[32], const char *kind, uint32_t writer, uint32_t number)
{
    snprintf(out, 32, "%s-%u-%u", kind, writer, number);
    return out;
}

static cimf_status put(struct repo_txn *txn, struct fixture *f, const char *name, uint32_t number,
                       struct arena *a, struct error *e)
{
    struct cim_instance *in = fixture_instance(a, f->cls[number % 2 && name[0] == 'n'], name, number);
    return repo_put_instance(txn, NS, in, slice_str(name), 0, NULL, e);
}

/* The pair and the new instance get the number; old ones go; now and then the class changes too. */
static cimf_status operate(struct repo_txn *txn, void *arg, struct error *e)
{
    struct operation *op = arg;
    char name[32];
    struct arena a;
    arena_init(&a, 0);
    cimf_status status = put(txn, op->f, name_of(name, "a", op->writer, 0), op->number, &a, e);
    if (!status) status = put(txn, op->f, name_of(name, "b", op->writer, 0), op->number, &a, e);
    if (!status) status = put(txn, op->f, name_of(name, "new", op->writer, op->number), op->number, &a, e);
    if (!status && op->number > KEEP) {
        name_of(name, "new", op->writer, op->number - KEEP);
        status = repo_delete_instance(txn, NS, SLICE("T_Base"), slice_str(name), e);
        if (status == CIMF_NOT_FOUND && (op->number - KEEP) % 7 == 0) status = CIMF_OK; /* never was */
    }
    if (!status && op->number % 16 == 0) {
        status = repo_put_class(txn, NS, &op->f->decl[FIXTURE_LINK], e);
    }
    if (!status && op->number % 7 == 0) { /* a failure in the middle of a group undoes itself only */
        struct repo_txn *same = txn;
        assert(put(same, op->f, name_of(name, "half", op->writer, op->number), 1, &a, e) == CIMF_OK);
        arena_free(&a);
        return CIMF_FAILED;
    }
    arena_free(&a);
    return status;
}

struct writer {
    struct fixture *f;
    uint32_t id, number;
    int pipe;
};

static void *write_on(void *arg)
{
    struct writer *w = arg;
    for (;;) {
        struct operation op = { w->f, w->id, ++w->number };
        cimf_status status = repo_write_sync(w->f->repo, operate, &op, NULL);
        assert(status == (op.number % 7 ? CIMF_OK : CIMF_FAILED));
        struct ack ack = { w->id, op.number };
        if (status == CIMF_OK && write(w->pipe, &ack, sizeof ack) != sizeof ack) return NULL;
    }
}

static void child(struct fixture *f, const uint32_t *numbers, int fd)
{
    struct writer w[WRITERS];
    pthread_t threads[WRITERS];
    fixture_open(f, NULL);
    if (write(fd, &(struct ack){ WRITERS, 0 }, sizeof(struct ack)) != sizeof(struct ack)) _exit(1); /* ready */
    for (uint32_t i = 0; i < WRITERS; i++) {
        w[i] = (struct writer){ f, i, numbers[i], fd };
        if (pthread_create(&threads[i], NULL, write_on, &w[i])) _exit(1);
    }
    for (;;) pause();
}

/* Numbers of the last acknowledged operations, updated from the pipe until it closes. */
static void read_acks(int fd, uint32_t *acked)
{
    struct ack ack;
    ssize_t n;
    while ((n = read(fd, &ack, sizeof ack)) > 0) {
        assert(n == sizeof ack);
        if (ack.writer < WRITERS) acked[ack.writer] = ack.number;
    }
}

static bool check_writer(struct fixture *f, uint32_t w, uint32_t acked, uint32_t *last)
{
    char name[32];
    int64_t a = fixture_number(f, name_of(name, "a", w, 0)), b = fixture_number(f, name_of(name, "b", w, 0));
    *last = a < 0 ? 0 : (uint32_t)a; /* killed before its first write */
    bool ok = a == b && *last >= acked;
    for (uint32_t n = *last > KEEP ? *last - KEEP : 0; n <= *last + 8; n++) {
        bool there = fixture_number(f, name_of(name, "new", w, n)) >= 0;
        bool wanted = n > 0 && n <= *last && n + KEEP > *last && n % 7;
        /* One whose deleter failed (a multiple of seven) stays. */
        bool kept = n > 0 && n <= *last && n % 7 && (n + KEEP) % 7 == 0;
        if (there != wanted && !(kept && there)) ok = false;
        if (fixture_number(f, name_of(name, "half", w, n)) >= 0) ok = false;
    }
    if (!ok) fprintf(stderr, "writer %u: acknowledged %u, found %lld and %lld\n", w, acked, (long long)a, (long long)b);
    return ok;
}

/* A random moment up to ~40 ms after the first write. */
static bool round_of(struct fixture *f, uint32_t *numbers, unsigned *seed, uint64_t *total)
{
    int fds[2];
    uint32_t acked[WRITERS];
    struct ack ready;
    memcpy(acked, numbers, sizeof acked);
    assert(pipe(fds) == 0);
    pid_t pid = fork();
    assert(pid >= 0);
    if (pid == 0) {
        close(fds[0]);
        child(f, numbers, fds[1]);
    }
    close(fds[1]);
    assert(read(fds[0], &ready, sizeof ready) == sizeof ready);
    struct timespec moment = { 0, (long)(rand_r(seed) % 40000) * 1000 };
    nanosleep(&moment, NULL);
    kill(pid, SIGKILL);
    int status;
    waitpid(pid, &status, 0);
    assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    read_acks(fds[0], acked);
    close(fds[0]);

    struct error e = ERROR_INIT;
    if (repo_open(f->dir, NULL, &f->repo, &e)) {
        fprintf(stderr, "the store does not open: %s\n", error_text(&e));
        return false;
    }
    bool ok = true;
    for (uint32_t w = 0; w < WRITERS; w++) {
        uint32_t before = numbers[w];
        ok &= check_writer(f, w, acked[w], &numbers[w]);
        *total += numbers[w] - before;
    }
    fixture_close(f);
    return ok;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 20;
    unsigned seed = argc > 2 ? (unsigned)atoi(argv[2]) : (unsigned)time(NULL), first = seed;
    struct fixture f;
    uint32_t numbers[WRITERS] = { 0 };
    uint64_t total = 0;
    fixture_init(&f);
    bool ok = true;
    for (int i = 0; i < rounds && ok; i++) ok = round_of(&f, numbers, &seed, &total);
    printf("repo_kill: %d rounds, seed %u, %llu operations survived: %s\n", rounds, first,
           (unsigned long long)total, ok ? "ok" : "FAILED");
    if (ok) fixture_free(&f);
    else fprintf(stderr, "the store is in %s\n", f.dir);
    return !ok;
}
