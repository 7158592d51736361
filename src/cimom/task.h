/*
 * cimom/task.h - one operation on its way: the run loop that every verb shares (private to cimom).
 *
 * A verb is a generator: `next` makes one result at a time and says what it needs. The loop
 * collects a small batch, lets the generator end its read transaction (suspend), delivers the batch
 * to the sink and stops when the sink pauses. It yields to other work of the loop thread after a
 * slice of time, moves to the worker pool when the generator meets something that may block, and
 * waits for a durable write. On the pool a worker fills the batch and the home thread delivers it.
 *
 * Ownership: while an operation runs on its home thread or is paused it borrows what the submitter
 * put into `struct cim_op`. Before it goes to the pool the inputs are copied, because a provider
 * that hangs is left alone with the task (deadline, cancel) after the submitter got its `done`.
 */
#ifndef CIMOM_TASK_H
#define CIMOM_TASK_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "cim/op.h"
#include "cim/schema.h"

struct cimom;
struct cimom_ns;
struct provider_entry;
struct edit;
struct repo_txn;
struct task;

enum gen {
    GEN_OBJECT, /* *out is the next result */
    GEN_MORE,   /* no result this time, call again: lets the loop look at the clock */
    GEN_END,    /* no more: the operation succeeded */
    GEN_POOL,   /* nothing was done: call again on the worker pool */
    GEN_WRITE,  /* a durable write is under way; task_written follows */
    GEN_ERROR,  /* t->status (and *t->error) say why */
};

enum task_state {
    TASK_RUNNING, /* on the home thread */
    TASK_RESUMED, /* on the home thread, resume came before its pause was seen */
    TASK_PAUSED,
    TASK_POOL,    /* a worker has it */
    TASK_WRITING, /* the repository's writer has it */
    TASK_POSTED,  /* on its way back to the home thread */
    TASK_HELD,    /* the server is paused: not begun (pause.c) */
    TASK_DONE,
};

enum { TASK_BATCH = 64, TASK_BATCH_FIRST = 8, TASK_BATCH_BYTES = 96 << 10 };

struct task {
    struct cimom *m;
    struct cim_op *op;       /* NULL after done */
    const struct cim_op *in; /* the inputs: op itself, or a copy in `arena` */
    struct cimom_ns *ns;
    struct cim_schema *schema; /* snapshot that the operation works with */
    enum gen (*next)(struct task *t, const struct cim_object **out);
    void (*suspend)(
        struct task *t); /* may be NULL: let go of read transactions, keep the position */
    /* May be NULL. The sink paused: go back to just after the first `kept` results of this batch,
     * so that the rest can be dropped. false: it cannot; the rest is kept. */
    bool (*rewind)(struct task *t, unsigned kept);
    void (*close)(struct task *t); /* may be NULL: the generator's end, on any thread */
    void *gen;                     /* the generator's state, in arena */
    struct arena arena;            /* lives as long as the task */
    struct arena item;             /* the current batch */
    struct error *error;           /* op->error, or a record of its own while on the pool */
    cimf_status status;
    const struct cim_instance *out; /* INVOKE: the answer */
    struct cim_path path_out;       /* PUT_INSTANCE */
    bool created;
    bool pool_mode; /* results come from the pool */
    bool on_pool;   /* this very call of `next` runs on a worker */
    bool ended;     /* the generator is at its end, the batch maybe not */
    bool holds_principal;
    _Atomic bool cancelled;
    _Atomic int state; /* enum task_state */
    _Atomic int refs;
    const struct cim_object **batch; /* in item */
    uint16_t batch_at, batch_count, batch_max;
    uint32_t batch_number;  /* counts batches: generators see that a new one began */
    cimf_status end_status; /* of the generator when ended */
    struct edit *edit;      /* schema change of a write under way */
    bool written;           /* the write is durable */
    struct exec *home;      /* where the pool answers */
    struct provider_entry *_Atomic in_provider; /* that a worker is in now */
    struct provider_entry *hung;
    unsigned nesting; /* of provider_enumerate */
    _Atomic int hung_state;
    uint64_t generation;             /* of the store, when it was submitted */
    cimf_status (*write)(struct repo_txn *txn, void *task, struct error *e);
    struct task *held_next, *held_prev;
    /* Watch list of calls on the pool, and of held ones (watch.c). */
    int64_t watch_deadline;
    size_t watch_index; /* 1-based place in the heap, 0: not in it */
};

/* enum gen shorthands for generators. */
enum gen task_fail(struct task *t, cimf_status status); /* details were set in t->error */
enum gen task_failf(struct task *t, cimf_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void task_submit(struct cim_manager *manager, struct cim_op *op);
void task_resume(struct cim_manager *manager, struct cim_op *op);
void task_cancel(struct cim_manager *manager, struct cim_op *op);
/* Queues a durable write: fn(txn, t) on the repository's writer thread, which may run it twice and
 * may use t->item (cleared before each run) and what the generator prepared in t->gen. Answers
 * GEN_WRITE or GEN_ERROR. When it is durable, t->written is set and `next` is called again; a
 * failure ends the operation. An edit begun in t->edit is shown or forgotten. */
enum gen task_write(struct task *t,
                    cimf_status (*fn)(struct repo_txn *txn, void *task, struct error *e));
/* From now on t->in is a copy that lives as long as the task. Home thread. false: out of memory. */
bool task_own_inputs(struct task *t);
/* True when whoever works for the task should stop. Any thread. */
bool task_stopped(const struct task *t);
/* When a call on behalf of this task must have ended; never 0. */
int64_t task_deadline(const struct task *t);
/* A held task begins now, or ends with the status; on its home thread if there is one yet. It is held no longer. */
void task_release(struct task *t);
struct task *task_ref(struct task *t);
void task_unref(struct task *t);

#endif
