#include "cimom/task.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cimom/source.h"

/* An operation that runs inline gives other work of its loop thread a turn after this long. */
#define SLICE_US 4000
#define SLICE_CHECK 64
/* A worker hands over an incomplete batch after this long, so that a slow provider shows progress.
 */
#define BATCH_US 50000

static void run(struct task *t);

enum gen task_fail(struct task *t, cimf_status status)
{
    t->status = status;
    return GEN_ERROR;
}

enum gen task_failf(struct task *t, cimf_status status, const char *format, ...)
{
    char text[320];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    error_set(t->error, status, "cimom", "%s", text);
    return task_fail(t, status);
}

struct task *task_ref(struct task *t)
{
    atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

static void generator_close(struct task *t)
{
    if (t->suspend) t->suspend(t);
    if (t->close) t->close(t);
    t->suspend = NULL;
    t->close = NULL;
    t->next = NULL;
}

void task_unref(struct task *t)
{
    if (atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1) return;
    if (t->holds_principal) principal_unref(t->in->principal);
    arena_free(&t->item);
    arena_free(&t->arena);
    cim_schema_unref(t->schema);
    ns_unref(t->ns);
    free(t);
}

bool task_stopped(const struct task *t)
{
    if (atomic_load_explicit(&t->cancelled, memory_order_relaxed)) return true;
    return atomic_load_explicit(&t->state, memory_order_relaxed) == TASK_DONE;
}

int64_t task_deadline(const struct task *t)
{
    int64_t latest = clock_mono_us() + t->m->provider_timeout_us;
    return t->in->deadline_us && t->in->deadline_us < latest ? t->in->deadline_us : latest;
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Facts of __ExtendedStatus (MS-WMI 2.2.31): what was asked, when the failing place named nothing.
 */
static void name_subject(struct cim_op *op, cimf_status status)
{
    struct error *e = &op->error;
    e->status = status;
    if (!e->room) e->room = "cimom";
    if (e->subject[0]) return;
    struct slice what = op->path.class_name;
    if (op->verb == CIM_OP_QUERY) what = op->query;
    if (op->verb == CIM_OP_PUT_INSTANCE && op->instance) what = op->instance->cls->name;
    if (op->verb == CIM_OP_PUT_CLASS && op->class_decl) what = op->class_decl->name;
    error_subject(e, what);
}

static void answer(struct task *t, struct cim_op *op)
{
    op->created = t->created;
    if (t->out) {
        op->out = cim_instance_copy(op->arena, t->out);
        if (!op->out) t->status = CIMF_OUT_OF_MEMORY;
    }
    if (op->verb == CIM_OP_PUT_INSTANCE && path_copy(op->arena, &t->path_out, &op->path_out)) {
        t->status = CIMF_OUT_OF_MEMORY;
    }
}

static void finish_op(struct cimom *m, struct cim_op *op, cimf_status status)
{
    struct cimom_counter *c = &m->counters[op->verb];
    if (status) {
        atomic_fetch_add_explicit(&c->failed, 1, memory_order_relaxed);
        name_subject(op, status);
    }
    op->state = NULL;
    atomic_fetch_sub_explicit(&m->running, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&m->open, 1, memory_order_acq_rel);
    op->sink->done(op, status);
}

static void finish(struct task *t, cimf_status status)
{
    struct cim_op *op = t->op;
    struct cimom *m = t->m;
    t->status = status;
    if (status == CIMF_OK) {
        answer(t, op);
        status = t->status;
    } else if (t->error != &op->error) {
        op->error = *t->error;
    }
    generator_close(t);
    t->op = NULL;
    atomic_store_explicit(&t->state, TASK_DONE, memory_order_release);
    task_unref(t);
    finish_op(m, op, status);
}

/* The worker keeps the task: it may hang in a provider. The caller moved the state to TASK_DONE. */
static void finish_without(struct task *t, cimf_status status)
{
    struct cim_op *op = t->op;
    struct cimom *m = t->m;
    op->error = ERROR_INIT;
    if (status == CIMF_PROVIDER_TIMED_OUT) {
        error_set(&op->error, status, "cimom", "the provider did not answer in time");
    }
    t->op = NULL;
    provider_hangs(t);
    task_unref(t);
    finish_op(m, op, status);
}

/* --- the pool --------------------------------------------------------------------------------- */

static void on_home_after_pool(void *arg)
{
    struct task *t = arg;
    atomic_store_explicit(&t->state, TASK_RUNNING, memory_order_relaxed);
    run(t);
    task_unref(t);
}

enum fill { FILL_DONE, FILL_WRITE };

/* Collects the next results. Stops early for time, for room, and for what a home thread cannot do.
 */
static enum fill fill_batch(struct task *t)
{
    int64_t until = 0;
    arena_reset(&t->item);
    t->batch_at = t->batch_count = 0;
    t->batch_number++;
    t->batch_max = t->batch_max ? t->batch_max * 2 : TASK_BATCH_FIRST;
    if (t->batch_max > TASK_BATCH) t->batch_max = TASK_BATCH;
    t->batch = arena_alloc(&t->item, t->batch_max * sizeof *t->batch);
    enum gen g = t->batch ? GEN_MORE : task_fail(t, CIMF_OUT_OF_MEMORY);
    for (unsigned n = 1; g == GEN_MORE; n++) {
        const struct cim_object *o = NULL;
        g = t->next(t, &o);
        if (g == GEN_OBJECT) {
            t->batch[t->batch_count++] = o;
            if (t->batch_count == t->batch_max || t->item.used >= TASK_BATCH_BYTES) break;
            g = GEN_MORE;
        }
        if (t->on_pool || n % SLICE_CHECK == 0) {
            int64_t now = clock_mono_us();
            if (!until) until = now + (t->on_pool ? BATCH_US : SLICE_US);
            if (now > until && (t->batch_count || !t->on_pool)) break;
            if (task_stopped(t)) break;
        }
    }
    if (g == GEN_WRITE) return FILL_WRITE; /* t may be gone already */
    if (g == GEN_POOL) t->pool_mode = true;
    if (g == GEN_END || g == GEN_ERROR) {
        t->ended = true;
        t->end_status = g == GEN_END ? CIMF_OK : t->status ? t->status : CIMF_FAILED;
    }
    if (t->suspend) t->suspend(t);
    return FILL_DONE;
}

static void on_worker(void *arg)
{
    struct task *t = arg;
    if (!task_stopped(t)) { /* given up while it waited for its turn: its provider is not asked */
        t->on_pool = true;
        fill_batch(t);
        t->on_pool = false;
    }
    watch_remove(t);
    int was = TASK_POOL;
    if (atomic_compare_exchange_strong(&t->state, &was, TASK_POSTED)) {
        if (exec_post(t->home, on_home_after_pool, t)) return;
    } else {
        provider_returns(t);
    }
    generator_close(t);
    task_unref(t);
}

void task_expired(void *arg)
{
    struct task *t = arg;
    int was = TASK_POOL, held = TASK_HELD;
    if (atomic_compare_exchange_strong(&t->state, &was, TASK_DONE)) {
        finish_without(t, CIMF_PROVIDER_TIMED_OUT);
    } else if (atomic_compare_exchange_strong(&t->state, &held, TASK_RUNNING)) {
        pause_forget(t);
        error_set(t->error, CIMF_TIMED_OUT, "cimom", "the server is paused; the operation's time limit passed");
        finish(t, CIMF_TIMED_OUT);
    }
    task_unref(t);
}

/* From now on the task owns everything it reads. */
bool task_own_inputs(struct task *t)
{
    if (t->in != t->op) {
        struct cim_op *in = (struct cim_op *)(uintptr_t)t->in;
        in->deadline_us = t->op->deadline_us;
        return true;
    }
    struct cim_op *in = ARENA_NEW(&t->arena, struct cim_op);
    struct error *error = ARENA_NEW(&t->arena, struct error);
    if (!in || !error || input_copy(&t->arena, t->op, in)) return false;
    in->principal = principal_ref(t->op->principal);
    t->holds_principal = true;
    t->in = in;
    t->error = error;
    return true;
}

/* Accounts take turns there: the owner is the caller's, whatever protocol and connection he came by. */
static void to_pool(struct task *t)
{
    if (!task_own_inputs(t)) {
        finish(t, CIMF_OUT_OF_MEMORY);
        return;
    }
    t->home = t->op->home;
    task_ref(t);
    atomic_store_explicit(&t->state, TASK_POOL, memory_order_release);
    watch_add(t, task_deadline(t));
    if (exec_post_for(t->m->pool, principal_owner(t->in->principal), on_worker, t)) return;
    watch_remove(t);
    atomic_store_explicit(&t->state, TASK_RUNNING, memory_order_relaxed);
    task_unref(t);
    bool stopping = atomic_load_explicit(&t->m->stopping, memory_order_relaxed);
    if (!stopping) error_set(t->error, CIMF_SERVER_TOO_BUSY, "cimom", "too much of this account waits for a worker");
    finish(t, stopping ? CIMF_SHUTTING_DOWN : CIMF_SERVER_TOO_BUSY);
}

/* --- the store may be replaced ------------------------------------------------------------------ */

/* It worked with what the store held before a restore. */
static bool outdated(const struct task *t)
{
    return t->generation != atomic_load_explicit(&t->m->generation, memory_order_acquire);
}

static cimf_status outdated_status(const struct task *t, struct error *e)
{
    if (cimom_restoring(t->m)) return error_set(e, CIMF_SERVER_STOPPING, "cimom", "%s", "");
    return error_set(e, CIMF_INVALID_NAMESPACE, "cimom", "the repository was restored from a backup meanwhile");
}

/* Whether results that wait for delivery are of no use when the store was replaced: those of changes and calls tell what happened. */
static bool only_reads(const struct task *t)
{
    switch (t->op->verb) {
    case CIM_OP_GET_CLASS: case CIM_OP_ENUM_CLASSES: case CIM_OP_GET_INSTANCE: case CIM_OP_ENUM_INSTANCES: case CIM_OP_QUERY:
        return true;
    default: return false;
    }
}

/* --- writes ----------------------------------------------------------------------------------- */

static void on_home_after_write(void *arg)
{
    struct task *t = arg;
    /* A cancel that came meanwhile is too late: what was written stays. */
    atomic_store_explicit(&t->cancelled, false, memory_order_relaxed);
    atomic_store_explicit(&t->state, TASK_RUNNING, memory_order_relaxed);
    if (t->status) {
        finish(t, t->status);
    } else {
        t->written = true;
        run(t);
    }
}

/* On the writer thread. */
static void write_done(void *arg, cimf_status status, const struct error *e)
{
    struct task *t = arg;
    if (t->edit) edit_end(t->edit, status == CIMF_OK);
    if (status && e) *t->error = *e;
    t->status = status;
    atomic_store_explicit(&t->state, TASK_POSTED, memory_order_release);
    exec_post(t->home, on_home_after_write, t);
}

static cimf_status checked_write(struct repo_txn *txn, void *arg, struct error *e)
{
    struct task *t = arg;
    return outdated(t) ? outdated_status(t, e) : t->write(txn, t, e);
}

enum gen task_write(struct task *t, repo_write_fn *fn)
{
    t->write = fn;
    t->home = t->op->home;
    atomic_store_explicit(&t->state, TASK_WRITING, memory_order_release);
    cimf_status s = repo_write(t->m->repo, checked_write, t, NULL, write_done, t->error);
    if (!s) return GEN_WRITE;
    atomic_store_explicit(&t->state, TASK_RUNNING, memory_order_relaxed);
    return task_fail(t, s);
}

/* --- the loop --------------------------------------------------------------------------------- */

static void on_home_again(void *arg)
{
    struct task *t = arg;
    atomic_store_explicit(&t->state, TASK_RUNNING, memory_order_relaxed);
    run(t);
}

/* False when a resume came first: go on. */
static bool pause_keeping(struct task *t)
{
    struct cimom *m = t->m;
    int was = TASK_RUNNING;
    atomic_fetch_sub_explicit(&m->running, 1, memory_order_relaxed);
    if (atomic_compare_exchange_strong(&t->state, &was, TASK_PAUSED)) return true;
    atomic_fetch_add_explicit(&m->running, 1, memory_order_relaxed);
    atomic_store_explicit(&t->state, TASK_RUNNING, memory_order_relaxed);
    return false;
}

/* The same; what the sink did not see of the batch is dropped where it can be had again. */
static bool pause_task(struct task *t)
{
    if (t->batch_at < t->batch_count && !t->pool_mode && t->rewind && t->rewind(t, t->batch_at)) {
        t->batch_at = t->batch_count = 0;
        t->ended = false;
    }
    if (t->batch_at >= t->batch_count) arena_free(&t->item);
    t->batch_max = 0;
    return pause_keeping(t);
}

/* True when the loop is to stop: the sink paused. */
static bool deliver_batch(struct task *t)
{
    struct cim_op *op = t->op;
    while (t->batch_at < t->batch_count) {
        enum cim_sink_answer answer = op->sink->object(op, t->batch[t->batch_at]);
        if (answer != CIM_SINK_AGAIN) {
            t->batch_at++;
            atomic_fetch_add_explicit(&t->m->counters[op->verb].objects, 1, memory_order_relaxed);
        }
        if (atomic_load_explicit(&t->cancelled, memory_order_relaxed)) return false;
        if (answer == CIM_SINK_MORE) continue;
        /* An object that is to come again must stay as it is. */
        if (answer == CIM_SINK_AGAIN ? pause_keeping(t) : pause_task(t)) return true;
    }
    return false;
}

/* Time is up for now: others of this loop thread get their turn. */
static bool yield_task(struct task *t)
{
    atomic_store_explicit(&t->state, TASK_POSTED, memory_order_release);
    if (exec_post(t->op->home, on_home_again, t)) return true;
    atomic_store_explicit(&t->state, TASK_RUNNING, memory_order_relaxed);
    return false;
}

static bool late(const struct task *t)
{
    return t->op->deadline_us && clock_mono_us() > t->op->deadline_us;
}

static void run(struct task *t)
{
    int64_t start = 0;
    for (;;) {
        if (atomic_load_explicit(&t->cancelled, memory_order_relaxed)) {
            finish(t, CIMF_CALL_CANCELLED);
            return;
        }
        if ((!t->ended || only_reads(t)) && !t->written && outdated(t)) {
            finish(t, outdated_status(t, t->error));
            return;
        }
        if (deliver_batch(t)) return;
        if (atomic_load_explicit(&t->cancelled, memory_order_relaxed)) continue;
        if (t->ended) {
            finish(t, t->end_status);
            return;
        }
        if (late(t)) {
            error_set(t->error, CIMF_TIMED_OUT, "cimom", "the operation's time limit passed");
            finish(t, CIMF_TIMED_OUT);
            return;
        }
        if (t->pool_mode) {
            to_pool(t);
            return;
        }
        /* The clock is read once per batch: a Get reads it never. */
        if (t->batch_max) {
            int64_t now = clock_mono_us();
            if (!start) start = now;
            if (now - start > SLICE_US && yield_task(t)) return;
        }
        if (fill_batch(t) == FILL_WRITE) return; /* write_done posts: t may be gone already */
    }
}

/* --- entry ------------------------------------------------------------------------------------ */

static void on_home_start(void *arg)
{
    struct task *t = arg;
    run(t);
}

static cimf_status admit(struct cimom *m, struct cim_op *op)
{
    if ((unsigned)op->verb >= CIM_OP_COUNT) return CIMF_INVALID_PARAMETER;
    if (!op->principal) {
        return error_set(&op->error, CIMF_ACCESS_DENIED, "cimom", "no principal");
    }
    if (atomic_load_explicit(&m->stopping, memory_order_relaxed)) return CIMF_SHUTTING_DOWN;
    if (cimom_restoring(m)) return error_set(&op->error, CIMF_SERVER_STOPPING, "cimom", "%s", "");
    if (atomic_load_explicit(&m->running, memory_order_relaxed) > m->max_requests) {
        return error_set(&op->error, CIMF_SERVER_TOO_BUSY, "cimom",
                         "more than %u operations are at work", m->max_requests);
    }
    if (atomic_load_explicit(&m->open, memory_order_relaxed) > m->max_open) {
        return error_set(&op->error, CIMF_SERVER_TOO_BUSY, "cimom",
                         "more than %u operations are open", m->max_open);
    }
    if (op->call_depth > LIMIT_CALL_DEPTH) {
        return error_set(&op->error, CIMF_QUOTA_VIOLATION, "cimom",
                         "providers call each other more than %d deep", LIMIT_CALL_DEPTH);
    }
    return CIMF_OK;
}

static struct task *task_new(struct cimom *m, struct cim_op *op)
{
    struct task *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->m = m;
    t->op = op;
    t->in = op;
    t->error = &op->error;
    t->home = op->home;
    t->generation = atomic_load_explicit(&m->generation, memory_order_acquire);
    atomic_init(&t->refs, 1);
    atomic_init(&t->state, TASK_RUNNING);
    arena_init(&t->arena, m->arena_cap);
    arena_init(&t->item, m->arena_cap);
    return t;
}

void task_submit(struct cim_manager *manager, struct cim_op *op)
{
    struct cimom *m = (struct cimom *)manager;
    op->state = NULL;
    op->out = NULL;
    op->created = op->begun = false;
    op->error = ERROR_INIT;
    memset(&op->path_out, 0, sizeof op->path_out);
    atomic_fetch_add_explicit(&m->open, 1, memory_order_acq_rel);
    atomic_fetch_add_explicit(&m->running, 1, memory_order_relaxed);
    cimf_status s = admit(m, op);
    struct task *t = NULL;
    if (!s && !(t = task_new(m, op))) s = CIMF_OUT_OF_MEMORY;
    if (!s && pause_hold(t)) return;
    if (!s) s = dispatch(t);
    if (!s) {
        atomic_fetch_add_explicit(&m->counters[op->verb].calls, 1, memory_order_relaxed);
        op->state = t;
        if (exec_here(op->home)) {
            run(t);
        } else if (!exec_post(op->home, on_home_start, t)) {
            finish(t, CIMF_SHUTTING_DOWN);
        }
        return;
    }
    if (t) {
        generator_close(t);
        task_unref(t);
    }
    if ((unsigned)op->verb >= CIM_OP_COUNT) op->verb = CIM_OP_GET_CLASS;
    atomic_fetch_add_explicit(&m->counters[op->verb].calls, 1, memory_order_relaxed);
    finish_op(m, op, s);
}

static void on_home_release(void *arg)
{
    struct task *t = arg;
    atomic_store_explicit(&t->state, TASK_RUNNING, memory_order_relaxed);
    cimf_status s = atomic_load_explicit(&t->m->stopping, memory_order_relaxed) ? CIMF_SHUTTING_DOWN : CIMF_OK;
    if (!s && atomic_load_explicit(&t->cancelled, memory_order_relaxed)) s = CIMF_CALL_CANCELLED;
    if (!s) s = dispatch(t);
    if (s) finish(t, s);
    else run(t);
}

void task_release(struct task *t)
{
    atomic_store_explicit(&t->state, TASK_POSTED, memory_order_release);
    if (!exec_post(t->op->home, on_home_release, t)) finish(t, CIMF_SHUTTING_DOWN);
}

void task_resume(struct cim_manager *manager, struct cim_op *op)
{
    struct task *t = op->state;
    if (!t) return;
    int was = TASK_RUNNING;
    if (atomic_compare_exchange_strong(&t->state, &was, TASK_RESUMED)) return;
    was = TASK_PAUSED;
    if (!atomic_compare_exchange_strong(&t->state, &was, TASK_RUNNING)) return;
    atomic_fetch_add_explicit(&t->m->running, 1, memory_order_relaxed);
    t->home = op->home;
    if (exec_here(op->home)) {
        run(t);
    } else if (!exec_post(op->home, on_home_again, t)) {
        atomic_fetch_sub_explicit(&t->m->running, 1, memory_order_relaxed);
        atomic_store_explicit(&t->state, TASK_PAUSED, memory_order_release);
    }
}

void task_cancel(struct cim_manager *manager, struct cim_op *op)
{
    struct task *t = op->state;
    if (!t) return;
    atomic_store_explicit(&t->cancelled, true, memory_order_relaxed);
    int was = TASK_PAUSED;
    if (atomic_compare_exchange_strong(&t->state, &was, TASK_RUNNING)) {
        atomic_fetch_add_explicit(&t->m->running, 1, memory_order_relaxed);
        finish(t, CIMF_CALL_CANCELLED);
        return;
    }
    was = TASK_HELD;
    if (atomic_compare_exchange_strong(&t->state, &was, TASK_RUNNING)) {
        pause_forget(t);
        finish(t, CIMF_CALL_CANCELLED);
        return;
    }
    was = TASK_POOL;
    if (atomic_compare_exchange_strong(&t->state, &was, TASK_DONE)) {
        finish_without(t, CIMF_CALL_CANCELLED);
    }
}
