/* Enumerations pulled, expired and released from two real threads at once: for the thread sanitizer, and
 * for order and loss. Nothing here waits for time. */
#include <sched.h>
#include "base/test.h"

#include "wsman/server_harness.h"

enum { ITEMS = 20, CLIENTS = 40, ROUNDS = 25 };

/* --- a thread that runs what is posted to it -------------------------------------------------- */

struct runner {
    struct exec exec;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct fake_task *tasks;
    size_t first, count, room;
    bool stop;
};
static struct runner runners[2];
static _Thread_local struct runner *self_runner;

static bool runner_post(struct exec *x, void (*fn)(void *), void *arg)
{
    struct runner *r = (struct runner *)x;
    pthread_mutex_lock(&r->lock);
    if (r->count == r->room) {
        r->room = r->room ? r->room * 2 : 256;
        r->tasks = realloc(r->tasks, r->room * sizeof *r->tasks);
        if (!r->tasks) abort();
    }
    r->tasks[r->count++] = (struct fake_task){ fn, arg };
    pthread_cond_signal(&r->more);
    pthread_mutex_unlock(&r->lock);
    return true;
}

static bool runner_here(struct exec *x)
{
    return self_runner == (struct runner *)x;
}

static void *runner_main(void *arg)
{
    struct runner *r = self_runner = arg;
    pthread_mutex_lock(&r->lock);
    for (;;) {
        while (r->first == r->count && !r->stop) pthread_cond_wait(&r->more, &r->lock);
        if (r->first == r->count) break;
        struct fake_task t = r->tasks[r->first++];
        if (r->first == r->count) r->first = r->count = 0;
        pthread_mutex_unlock(&r->lock);
        t.fn(t.arg);
        pthread_mutex_lock(&r->lock);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* --- a manager whose results come one posted task at a time ----------------------------------- */

static struct fixture f;
static atomic_int active;

struct slow {
    struct cim_op *op;
    size_t at;
    atomic_bool cancelled, waiting;
    bool inside;
};

static void slow_end(struct slow *s, cimf_status status)
{
    struct cim_op *op = s->op;
    free(s);
    atomic_fetch_sub(&active, 1);
    op->sink->done(op, status);
}

static void slow_step(void *arg)
{
    struct slow *s = arg;
    if (!exec_here(s->op->home)) abort();
    if (s->cancelled) {
        slow_end(s, CIMF_CALL_CANCELLED);
    } else if (s->at == ITEMS) {
        slow_end(s, CIMF_OK);
    } else if (s->op->sink->object(s->op, &f.m.rows[s->at]->object) == CIM_SINK_MORE) {
        s->at++;
        exec_post(s->op->home, slow_step, s);
    } else {
        s->waiting = true;
    }
}

static void slow_submit(struct cim_manager *m, struct cim_op *op)
{
    struct slow *s = calloc(1, sizeof *s);
    if (!s) abort();
    s->op = op;
    op->state = s;
    atomic_fetch_add(&active, 1);
    exec_post(op->home, slow_step, s);
}

static void slow_resume(struct cim_manager *m, struct cim_op *op)
{
    struct slow *s = op->state;
    if (!atomic_exchange(&s->waiting, false)) abort(); /* it was not paused */
    exec_post(op->home, slow_step, s);
}

static void slow_cancel(struct cim_manager *m, struct cim_op *op)
{
    struct slow *s = op->state;
    if (!exec_here(op->home)) abort();
    s->cancelled = true;
    if (atomic_exchange(&s->waiting, false)) slow_end(s, CIMF_CALL_CANCELLED);
}

/* --- clients ---------------------------------------------------------------------------------- */

struct client {
    struct wsman_request request;
    bool pending;
    unsigned seed, rounds, expected;
    char context[64];
    struct buf text;
};
static atomic_int finished;
static atomic_uint items_seen, timeouts_seen;

static void client_step(void *arg);

static unsigned roll(struct client *c, unsigned n)
{
    c->seed = c->seed * 1664525u + 1013904223u;
    return (c->seed >> 16) % n;
}

static void client_expire(void *arg)
{
    struct client *c = arg;
    if (c->pending) wsman_request_expire(&c->request); /* posted to the thread of the request */
    exec_post(&runners[roll(c, 2)].exec, client_step, c);
}

static void client_reply(struct wsman_request *r, int http_status, const char *type, const struct slice *parts, unsigned count)
{
    struct client *c = r->owner;
    struct buf b;
    buf_init(&b, 0);
    if (!c->pending || !runner_here(r->home)) abort();
    c->pending = false;
    for (unsigned i = 0; i < count; i++) buf_slice_add(&b, parts[i]);
    const char *text = buf_strz(&b), *at = text;
    if (http_status == 200) {
        while ((at = strstr(at, "<p:id>"))) { /* in order, none lost, none twice */
            if ((unsigned)atoi(at + 6) != ++c->expected) abort();
            atomic_fetch_add(&items_seen, 1);
            at++;
        }
        const char *id = strstr(text, "<n:EnumerationContext>uuid:");
        if (id) snprintf(c->context, sizeof c->context, "%.41s", id + 22);
        else c->context[0] = 0;
        if (strstr(text, "EndOfSequence") && c->expected != ITEMS) abort();
    } else if (strstr(text, "2150858793")) {
        atomic_fetch_add(&timeouts_seen, 1);
    } else {
        fprintf(stderr, "%s\n", text);
        abort();
    }
    buf_free(&b);
}

static void client_send(struct client *c)
{
    bool enumerate = !c->context[0], release = !enumerate && roll(c, 12) == 0;
    const char *verb = enumerate ? "Enumerate" : release ? "Release" : "Pull";
    buf_clear(&c->text);
    buf_printf(&c->text, ENVELOPE_OPEN ADDRESSING "<a:Action>" SOAP_ENUMERATION "%s</a:Action><w:ResourceURI>" WMI_URI
               "MyClass</w:ResourceURI></s:Header><s:Body><n:%s>", verb, verb);
    if (!enumerate) buf_printf(&c->text, "<n:EnumerationContext>%s</n:EnumerationContext>", c->context);
    if (!enumerate && !release) buf_printf(&c->text, "<n:MaxElements>%u</n:MaxElements>", 1 + roll(c, 7));
    buf_printf(&c->text, "</n:%s></s:Body></s:Envelope>", verb);
    if (enumerate) c->expected = 0;
    c->request = (struct wsman_request){ .content_type = SLICE(""), .body = buf_slice(&c->text), .principal = f.alice,
                                         .home = &self_runner->exec, .reply = client_reply, .owner = c };
    c->pending = true;
    if (enumerate) c->rounds++;
    wsman_server_handle(f.server, &c->request);
}

static void client_step(void *arg)
{
    struct client *c = arg;
    struct exec *here = &self_runner->exec;
    if (c->pending && !runner_here(c->request.home)) { /* look again where the request lives */
        exec_post(c->request.home, client_step, c);
        return;
    }
    if (!c->pending && c->rounds == ROUNDS && !c->context[0]) {
        atomic_fetch_add(&finished, 1);
        return;
    }
    if (!c->pending) client_send(c);
    /* Impatient now and then; otherwise look again, on either thread when nothing is pending. */
    if (c->pending) exec_post(here, roll(c, 6) == 0 ? client_expire : client_step, c);
    else exec_post(&runners[roll(c, 2)].exec, client_step, c);
}

static void enumerations_between_threads(void **state)
{
    static struct client clients[CLIENTS];
    fixture_open(&f);
    fake_fill(&f.m, ITEMS);
    f.m.base.submit = slow_submit;
    f.m.base.resume = slow_resume;
    f.m.base.cancel = slow_cancel;
    fixture_serve(&f);
    for (int i = 0; i < 2; i++) {
        runners[i].exec = (struct exec){ runner_post, runner_here };
        pthread_mutex_init(&runners[i].lock, NULL);
        pthread_cond_init(&runners[i].more, NULL);
        assert_int_equal(pthread_create(&runners[i].thread, NULL, runner_main, &runners[i]), 0);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i].seed = i + 1;
        buf_init(&clients[i].text, 0);
        exec_post(&runners[i % 2].exec, client_step, &clients[i]);
    }
    while (finished < CLIENTS) sched_yield();
    wsman_server_stop(f.server);
    while (active) sched_yield();
    for (int i = 0; i < 2; i++) {
        pthread_mutex_lock(&runners[i].lock);
        runners[i].stop = true;
        pthread_cond_signal(&runners[i].more);
        pthread_mutex_unlock(&runners[i].lock);
        pthread_join(runners[i].thread, NULL);
        free(runners[i].tasks);
    }
    for (unsigned i = 0; i < CLIENTS; i++) buf_free(&clients[i].text);
    struct wsman_server_stats stats;
    wsman_server_stats(f.server, &stats);
    assert_int_equal(stats.operations, 0);
    assert_true(items_seen > CLIENTS * ROUNDS);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(enumerations_between_threads) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
