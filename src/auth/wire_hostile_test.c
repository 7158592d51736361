/* Ends of the broker's wire that die or lie. */
#include "auth/wire_harness.h"

static void broker_dies(void **state)
{
    struct result r, wait[3];
    struct leg l = { .token = SLICE_NULL };
    struct auth_password q = password("secret");
    barrier();
    assert_int_equal(ask("secret", &r), CIMF_OK);
    for (int i = 0; i < 3; i++) {
        struct result bad;
        assert_int_equal(ask("no", &bad), CIMF_NOT_AUTHENTICATED);
    }
    assert_true(loop_call(home, leg_new, &l));
    struct auth_password no = password("no");
    for (int i = 0; i < 3; i++) { /* these wait for an hour */
        wait[i] = (struct result){ .done = false };
        auth_check_password(stand_in, &no, loop_exec(home), on_answer, &wait[i]);
    }
    shutdown(broker_fd, SHUT_RDWR);
    for (int i = 0; i < 3; i++) {
        await(&wait[i]);
        assert_int_equal(wait[i].status, CIMF_SHUTTING_DOWN);
    }
    assert_null(auth_check_cached(stand_in, &q)); /* nobody can say whether it still holds */
    assert_int_equal(ask("secret", &wait[0]), CIMF_SHUTTING_DOWN);
    assert_true(loop_call(home, leg_step, &l));
    await(&l.r);
    assert_int_equal(l.r.status, CIMF_SHUTTING_DOWN);
    assert_int_equal(auth_reload(stand_in, NULL), CIMF_SHUTTING_DOWN);
    end_serving();
    assert_true(loop_call(home, leg_free, &l)); /* both outlive the stand-in */
    principal_unref(r.p);
}

static void send_question(const struct wire_question *q)
{
    struct buf b;
    buf_init(&b, WIRE_MESSAGE_MAX);
    assert_true(wire_question_write(q, &b));
    assert_int_equal(wire_send(core_fd, buf_slice(&b), true), 0);
    buf_free(&b);
}

/* A core that lies gets no further. */
static void core_lies(void **state)
{
    static struct slice nobody = { ID, 36 };
    static const struct wire_question release = { .kind = WIRE_RELEASE, .principals = &nobody, .principal_count = 1 };
    static char big[WIRE_MESSAGE_MAX + 10] = { 1 };
    const struct slice junk[] = { SLICE("\x63"), SLICE("\1\1\1\1\1\1\1\1\1\xff\xff\xff\xff"), { big, sizeof big },
                                  { big, 100 }, SLICE_NULL };
    for (size_t i = 0; i < sizeof junk / sizeof junk[0]; i++) {
        if (junk[i].n) assert_int_equal(wire_send(core_fd, junk[i], true), 0);
        else send_question(&release);
        pthread_join(server, NULL);
        assert_int_equal(served, CIMF_PROTOCOL_ERROR);
        close(core_fd);
        start_serving();
    }
    /* Not a lie, but nothing to be had: an exchange that never was; somebody's id. */
    struct wire_question step = { .kind = WIRE_STEP, .id = 5, .exchange = 77 };
    struct wire_question refresh = { .kind = WIRE_REFRESH, .id = 6, .principals = &nobody, .principal_count = 1 };
    static char room[WIRE_MESSAGE_MAX];
    struct arena arena;
    struct wire_answer a;
    struct slice m;
    arena_init(&arena, 0);
    send_question(&step);
    send_question(&refresh);
    assert_int_equal(wire_receive(core_fd, room, &m, NULL), CIMF_OK);
    assert_int_equal(wire_answer_read(&arena, m, &a, NULL), CIMF_OK);
    assert_int_equal(a.kind, WIRE_HELLO);
    assert_int_equal(wire_receive(core_fd, room, &m, NULL), CIMF_OK);
    assert_int_equal(wire_answer_read(&arena, m, &a, NULL), CIMF_OK);
    assert_true(a.id == 5 && a.status == CIMF_SERVER_TOO_BUSY && a.result == MECH_FAILED);
    assert_int_equal(wire_receive(core_fd, room, &m, NULL), CIMF_OK);
    assert_int_equal(wire_answer_read(&arena, m, &a, NULL), CIMF_OK);
    assert_true(a.id == 6 && a.status == CIMF_NOT_AUTHENTICATED && !a.has_data);
    arena_free(&arena);
    close(core_fd);
    pthread_join(server, NULL);
    assert_int_equal(served, CIMF_OK);
}

static void quiet(enum log_level level, const char *line, void *arg) {}

/* A broker that lies makes nobody anything. */
static void broker_lies(void **state)
{
    log_set_sink(quiet, NULL);
    struct wire_answer hello = { .kind = WIRE_HELLO, .version = WIRE_VERSION, .generation = 1, .cache_us = 1000000 };
    struct wire_answer old = { .kind = WIRE_HELLO, .version = 99 };
    struct wire_answer unasked = { .kind = WIRE_ANSWER, .id = 99 };
    struct wire_answer early = { .kind = WIRE_GENERATION, .generation = 9 };
    struct wire_answer empty = { .kind = WIRE_ANSWER, .id = 1 }; /* success without a principal */
    struct wire_answer other = { .kind = WIRE_STEP_ANSWER, .id = 1, .result = MECH_CONTINUE };
    const struct wire_answer *const lies[][2] = { { &old, NULL }, { &hello, &unasked }, { &early, NULL },
                                                  { &hello, &empty }, { &hello, &other }, { &hello, &hello } };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        int fds[2];
        struct result r = { .done = false };
        struct auth_password q = password("secret");
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        struct auth_broker *b;
        assert_int_equal(auth_broker_connect(fds[0], &b, NULL), CIMF_OK);
        auth_check_password(b, &q, loop_exec(home), on_answer, &r);
        for (int k = 0; k < 2 && lies[i][k]; k++) {
            struct buf message;
            buf_init(&message, 0);
            assert_true(wire_answer_write(lies[i][k], &message));
            wire_send(fds[1], buf_slice(&message), true);
            buf_free(&message);
        }
        await(&r);
        assert_true(r.status == CIMF_FAILED || r.status == CIMF_SHUTTING_DOWN);
        assert_null(r.p);
        auth_broker_free(b);
        close(fds[1]);
    }
    log_set_sink(NULL, NULL);
    close(core_fd);
    pthread_join(server, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(broker_dies), ALONE(core_lies), ALONE(broker_lies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
