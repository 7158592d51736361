/* Workers are shared between accounts: who has calls that do not return, or many that are slow, holds up himself. */
#include <stdlib.h>

#include "cimom/test_driver.h"

static struct {
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool closed; /* for alice */
    unsigned inside, opened;
} gate = { .lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER };

static cimf_status slow_open(struct provider_call *c, void **state, size_t *rows)
{
    *rows = 1;
    if (!slice_is(c->principal->name, "alice")) return CIMF_OK;
    pthread_mutex_lock(&gate.lock);
    gate.inside++;
    gate.opened++;
    pthread_cond_broadcast(&gate.change);
    while (gate.closed) pthread_cond_wait(&gate.change, &gate.lock);
    gate.inside--;
    pthread_mutex_unlock(&gate.lock);
    return CIMF_OK;
}

static cimf_status slow_fill(struct provider_call *c, void *state, size_t row, struct cim_instance *out)
{
    cim_put_str(out, "Id", c->principal->name);
    return CIMF_OK;
}

static const struct provider_class slow = { .ns = "root/test", .class_name = "F_Slow", .flags = PROVIDER_BLOCKING,
                                            .open = slow_open, .fill = slow_fill };
static const struct provider_class *const providers[] = { &slow, NULL };

enum { HELD = 3, QUEUE = 1024, FLOOD = HELD + QUEUE + 100 }; /* as the pool of test_driver.c has it: four threads */
static struct cim_op flood[FLOOD];
static struct answer answers[FLOOD];

static void begin(struct driver *d, const struct principal *who, struct cim_op *op, struct answer *a)
{
    *a = (struct answer){ 0 };
    *op = driver_op(d, CIM_OP_ENUM_INSTANCES);
    op->principal = who;
    op->path = (struct cim_path){ .kind = CIM_PATH_CLASS, .class_name = SLICE("F_Slow") };
    driver_start(d, op, a);
}

static void gate_set(bool closed)
{
    pthread_mutex_lock(&gate.lock);
    gate.closed = closed;
    pthread_cond_broadcast(&gate.change);
    pthread_mutex_unlock(&gate.lock);
}

static unsigned wait_inside(unsigned n)
{
    pthread_mutex_lock(&gate.lock);
    while (gate.inside < n) pthread_cond_wait(&gate.change, &gate.lock);
    unsigned now = gate.inside;
    pthread_mutex_unlock(&gate.lock);
    return now;
}

/* However many of alice's wait; and hers leave a thread. */
static void others_are_served(struct driver *d)
{
    for (int i = 0; i < 20; i++) {
        struct cim_op op;
        struct answer a;
        begin(d, &driver_admin, &op, &a);
        driver_pump(d, &a);
        assert_status(a.status, OK);
        assert_int_equal(a.count, 1);
        assert_string_equal(driver_text(d, &a, 0, "Id"), "root");
    }
    assert_int_equal(wait_inside(HELD), HELD);
}

static int setup(void **state)
{
    static struct driver d;
    struct cimom_config config = { .providers = providers };
    driver_open(&d, &config);
    driver_mof(&d, "root/test", "[dynamic, provider(\"t\")] class F_Slow { [key] string Id; };\n");
    gate.closed = true;
    gate.inside = gate.opened = 0;
    *state = &d;
    return 0;
}

static int teardown(void **state)
{
    driver_close(*state);
    return 0;
}

static void calls_that_do_not_return(void **state)
{
    enum { MANY = 200, CANCELLED = 150 };
    struct driver *d = *state;
    for (int i = 0; i < MANY; i++) begin(d, &driver_user, &flood[i], &answers[i]);
    assert_int_equal(wait_inside(HELD), HELD);
    others_are_served(d);
    for (int i = MANY - CANCELLED; i < MANY; i++) {
        cim_cancel(d->manager, &flood[i]);
        assert_status(answers[i].status, CALL_CANCELLED);
    }
    others_are_served(d);
    gate_set(false);
    for (int i = 0; i < MANY; i++) {
        driver_pump(d, &answers[i]);
        if (i < MANY - CANCELLED) assert_status(answers[i].status, OK);
    }
    pool_stop(d->pool); /* what was given up is taken there, too */
    assert_int_equal(gate.opened, MANY - CANCELLED);
}

/* What is given up while it waits stays until its turn: so there is an end, for that account. */
static void more_than_may_wait(void **state)
{
    struct driver *d = *state;
    for (int i = 0; i < FLOOD; i++) {
        begin(d, &driver_user, &flood[i], &answers[i]);
        if (i < HELD) wait_inside((unsigned)i + 1);
    }
    for (int i = 0; i < FLOOD; i++) {
        assert_int_equal(answers[i].done, i >= HELD + QUEUE);
        if (answers[i].done) assert_status(answers[i].status, SERVER_TOO_BUSY);
    }
    others_are_served(d);
    for (int i = HELD; i < HELD + QUEUE; i++) cim_cancel(d->manager, &flood[i]);
    assert_int_equal(cimom_active(d->m), HELD);
    begin(d, &driver_user, &flood[FLOOD - 1], &answers[FLOOD - 1]);
    assert_status(answers[FLOOD - 1].status, SERVER_TOO_BUSY);
    others_are_served(d);
    gate_set(false);
    for (int i = 0; i < HELD; i++) {
        driver_pump(d, &answers[i]);
        assert_status(answers[i].status, OK);
    }
    pool_stop(d->pool);
    assert_int_equal(gate.opened, HELD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(calls_that_do_not_return, setup, teardown),
        cmocka_unit_test_setup_teardown(more_than_may_wait, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
