#include "base/test.h"

#include <stdlib.h>

#include "host/host_message.h"

static const struct slice shell_line[] = { { "echo a; echo b", 14 } };
static const struct slice words[] = { { "/bin/cat", 8 }, { "", 0 }, { "-n", 2 } };
static const struct slice variables[] = { { "A=", 2 }, { "B=c=d", 5 } };

static const struct host_job good[] = {
    { .kind = HOST_SPAWN, .argv = shell_line, .argc = 1, .shell = true, .folder = { "/tmp", 4 } },
    { .kind = HOST_SPAWN, .argv = words, .argc = 3, .env = variables, .env_count = 2 },
    { .kind = HOST_RUN, .argv = words, .argc = 3, .input = { "a\0b", 3 }, .timeout_ms = 1000 },
    { .kind = HOST_SIGNAL, .pid = 12, .signal = 9 },
};
enum { GOOD = sizeof good / sizeof *good };

static void write_job(struct buf *b, const struct host_job *j, uint32_t number)
{
    struct error e = ERROR_INIT;
    const struct host_message m = { .what = HOST_ASKS, .number = number, .job = *j };
    buf_init(b, 0);
    assert_int_equal(host_message_write(b, &m, &e), CIMF_OK);
}

static bool same_list(const struct slice *a, uint32_t n, const struct slice *b, uint32_t m)
{
    bool same = n == m;
    for (uint32_t i = 0; same && i < n; i++) same = slice_eq(a[i], b[i]);
    return same;
}

static void test_jobs_arrive(void **state)
{
    for (unsigned i = 0; i < GOOD; i++) {
        struct buf b;
        struct arena a;
        struct host_message m;
        const struct host_job *j = &good[i];
        write_job(&b, j, 7 + i);
        arena_init(&a, 0);
        assert_int_equal(host_message_read(buf_slice(&b), &a, &m, NULL), CIMF_OK);
        assert_int_equal(m.what, HOST_ASKS);
        assert_int_equal(m.number, 7 + i);
        assert_int_equal(m.job.kind, j->kind);
        assert_true(slice_eq(m.job.folder, j->folder) && slice_eq(m.job.input, j->input) && m.job.shell == j->shell);
        assert_true(same_list(m.job.argv, m.job.argc, j->argv, j->argc));
        assert_true(same_list(m.job.env, m.job.env_count, j->env, j->env_count));
        assert_true(m.job.pid == j->pid && m.job.signal == j->signal && m.job.timeout_ms == j->timeout_ms);
        arena_free(&a);
        buf_free(&b);
    }
}

static void test_every_cut_and_every_longer_packet_is_refused(void **state)
{
    for (unsigned i = 0; i < GOOD; i++) {
        struct buf b;
        struct host_message m;
        struct error e = ERROR_INIT;
        write_job(&b, &good[i], 1);
        for (size_t n = 0; n <= b.n + 1; n++) {
            struct arena a;
            char *copy = calloc(1, n ? n : 1); /* exact, so that a sanitizer sees a read behind it */
            memcpy(copy, b.p, n < b.n ? n : b.n);
            arena_init(&a, 0);
            assert_int_equal(host_message_read(slice_of(copy, n), &a, &m, &e), n == b.n ? CIMF_OK : CIMF_PROTOCOL_ERROR);
            arena_free(&a);
            free(copy);
        }
        buf_free(&b);
    }
}

static void test_what_no_job_may_say(void **state)
{
    const struct slice nul[] = { { "a\0b", 3 } }, nothing[] = { { "", 0 } }, unnamed[] = { { "=b", 2 } }, bare[] = { { "ab", 2 } };
    char *long_text = calloc(1, HOST_TEXT + 1);
    memset(long_text, 'x', HOST_TEXT + 1);
    const struct slice huge[] = { { long_text, HOST_TEXT + 1 } };
    static struct slice many[HOST_WORDS + 1];
    for (unsigned i = 0; i <= HOST_WORDS; i++) many[i] = SLICE("A=b");
    const struct host_job bad[] = {
        { .kind = HOST_JOB_NONE },
        { .kind = HOST_JOB_COUNT, .argv = words, .argc = 1 },
        { .kind = HOST_SPAWN },
        { .kind = HOST_SPAWN, .argv = nothing, .argc = 1 },
        { .kind = HOST_SPAWN, .argv = nul, .argc = 1 },
        { .kind = HOST_SPAWN, .argv = huge, .argc = 1 },
        { .kind = HOST_SPAWN, .argv = many, .argc = HOST_WORDS + 1 },
        { .kind = HOST_SPAWN, .argv = words, .argc = 1, .env = many, .env_count = HOST_WORDS + 1 },
        { .kind = HOST_SPAWN, .argv = words, .argc = 1, .env = unnamed, .env_count = 1 },
        { .kind = HOST_SPAWN, .argv = words, .argc = 1, .env = bare, .env_count = 1 },
        { .kind = HOST_SPAWN, .argv = words, .argc = 1, .folder = nul[0] },
        { .kind = HOST_SPAWN, .argv = words, .argc = 3, .shell = true },
        { .kind = HOST_SPAWN, .argv = words, .argc = 1, .input = SLICE("a") },
        { .kind = HOST_SPAWN, .argv = words, .argc = 1, .pid = 1 },
        { .kind = HOST_RUN, .argv = words, .argc = 1 },
        { .kind = HOST_RUN, .argv = words, .argc = 1, .timeout_ms = HOST_RUN_LIMIT_MS + 1 },
        { .kind = HOST_SIGNAL, .pid = -1, .signal = 9 },
        { .kind = HOST_SIGNAL, .pid = 0, .signal = 9 },
        { .kind = HOST_SIGNAL, .pid = 2, .signal = 0 },
        { .kind = HOST_SIGNAL, .pid = 2, .signal = 65 },
        { .kind = HOST_SIGNAL, .pid = 2, .signal = 9, .argv = words, .argc = 1 },
    };
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buf b;
        struct error e = ERROR_INIT;
        const struct host_message m = { .what = HOST_ASKS, .number = 1, .job = bad[i] };
        buf_init(&b, 0);
        assert_int_equal(host_message_write(&b, &m, &e), CIMF_INVALID_PARAMETER);
        assert_true(e.text[0] && b.n == 0);
        buf_free(&b);
    }
    free(long_text);
}

/* A pid that is negative on the wire must not become "every process". */
static void test_a_forged_signal_is_refused(void **state)
{
    struct buf b;
    struct arena a;
    struct host_message m;
    write_job(&b, &good[3], 1);
    memset(b.p + 8, 0xff, 4);
    arena_init(&a, 0);
    assert_int_equal(host_message_read(buf_slice(&b), &a, &m, NULL), CIMF_PROTOCOL_ERROR);
    arena_free(&a);
    buf_free(&b);
}

static void test_answers_arrive_and_are_bounded(void **state)
{
    struct buf b;
    struct arena a;
    struct host_message got;
    char *output = calloc(1, HOST_OUTPUT + 5);
    struct host_message m = { .what = HOST_ANSWERS, .number = 3 };
    m.answer = (struct host_answer){ .status = CIMF_NOT_FOUND, .number = 2, .pid = 8, .exit_code = 137, .out = { output, HOST_OUTPUT + 5 },
                                     .err = SLICE("oh"), .text = SLICE("no such thing") };
    buf_init(&b, 0);
    arena_init(&a, 0);
    assert_int_equal(host_message_write(&b, &m, NULL), CIMF_OK);
    assert_int_equal(host_message_read(buf_slice(&b), &a, &got, NULL), CIMF_OK);
    assert_int_equal(got.answer.status, CIMF_NOT_FOUND);
    assert_int_equal(got.answer.exit_code, 137);
    assert_int_equal(got.answer.out.n, HOST_OUTPUT);
    assert_true(got.answer.truncated && got.answer.number == 2 && got.answer.pid == 8);
    assert_slice(got.answer.err, "oh");
    assert_slice(got.answer.text, "no such thing");
    uint32_t beyond = CIMF_STATUS_COUNT;
    memcpy(b.p + 8, &beyond, 4);
    assert_int_equal(host_message_read(buf_slice(&b), &a, &got, NULL), CIMF_PROTOCOL_ERROR);
    free(output);
    arena_free(&a);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jobs_arrive),
        cmocka_unit_test(test_every_cut_and_every_longer_packet_is_refused),
        cmocka_unit_test(test_what_no_job_may_say),
        cmocka_unit_test(test_a_forged_signal_is_refused),
        cmocka_unit_test(test_answers_arrive_and_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
