#include "os/signals.h"

#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/test.h"
#include "os/loop.h"

static struct loop *loop;
static struct signals *signals;
static int got[8], count;
static sem_t arrived;

static void on_signal(int signo, void *arg)
{
    if (loop_current() != loop || arg != &arrived) abort();
    got[count++] = signo;
    sem_post(&arrived);
}

static void wait_one(void)
{
    while (sem_wait(&arrived) != 0) continue;
}

static void delivered_on_the_loop(void **state)
{
    static const int all[] = { SIGTERM, SIGINT, SIGHUP };
    struct error e = ERROR_INIT;
    sem_init(&arrived, 0, 0);
    kill(getpid(), SIGHUP); /* blocked: waits for who asks */
    signals = signals_start(loop, on_signal, &arrived, &e);
    assert_non_null(signals);
    wait_one();
    assert_int_equal(got[0], SIGHUP);
    for (int i = 0; i < 3; i++) {
        kill(getpid(), all[i]);
        wait_one();
        assert_int_equal(got[i + 1], all[i]);
    }
    signals_stop(signals);
    kill(getpid(), SIGHUP);
    signals = signals_start(loop, on_signal, &arrived, &e); /* may be started again */
    wait_one();
    assert_int_equal(count, 5);
    signals_stop(signals);
    sem_destroy(&arrived);
}

static void stop_inside(int signo, void *arg)
{
    signals_stop(signals);
    loop_stop(loop_current());
    count = -signo;
}

static void on_loop_start(void *arg)
{
    signals = signals_start(loop, stop_inside, NULL, NULL);
    kill(getpid(), SIGTERM);
}

/* As a daemon does: the callback stops the watching and the loop. */
static void stopped_from_the_callback(void **state)
{
    assert_true(loop_call(loop, on_loop_start, NULL));
    loop_join(loop);
    assert_int_equal(count, -SIGTERM);
    struct error e = ERROR_INIT;
    assert_null(signals_start(loop, on_signal, NULL, &e));
    assert_int_equal(e.status, CIMF_SHUTTING_DOWN);
    signals_stop(NULL);
}

static void broken_pipes_are_errors(void **state)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    close(ends[1]);
}

int main(void)
{
    signals_block();
    struct error e = ERROR_INIT;
    loop = loop_new("signals", &e);
    if (!loop || loop_start(loop, &e) != CIMF_OK) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delivered_on_the_loop),
        cmocka_unit_test(stopped_from_the_callback),
        cmocka_unit_test(broken_pipes_are_errors),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    loop_free(loop);
    return failed;
}
