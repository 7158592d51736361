/*
 * One enumeration: an operation of the object manager that outlives the request that started it.
 *
 * The manager calls the sink on op.home, the thread of the call that is served. The sink answers AGAIN to
 * stop it: at the end of a batch, when an item does not fit, or when nobody waits. What follows from that
 * (a reply, or going on for another Pull, maybe on another thread) happens in settle(), after the manager
 * has seen the answer: in the frame of drive() if that is further up the stack, else by a post to op.home.
 */
#include "wsman/server_priv.h"

#include <stdlib.h>

#include "base/guid.h"

enum { ARENA_CAP = 16 << 20 };

static void settle(struct wsman_context *x);

/* --- life ------------------------------------------------------------------------------------- */

struct wsman_context *wsman_context_new(struct wsman_call *c)
{
    struct wsman_context *x = calloc(1, sizeof *x);
    if (!x) return NULL;
    x->refs = 1;
    x->server = c->server;
    wsman_server_ref(x->server);
    x->manager = x->server->config.manager;
    x->principal = principal_ref(c->principal);
    x->schema = cim_schema_ref(c->schema);
    arena_init(&x->arena, ARENA_CAP);
    pthread_mutex_init(&x->lock, NULL);
    x->uri = arena_dup(&x->arena, c->uri.text);
    x->ns = arena_dup(&x->arena, c->ns);
    x->form = c->codec.form;
    x->form.base = arena_dup(&x->arena, c->codec.form.base);
    x->op.locale = arena_dup(&x->arena, c->header.locale);
    x->extensions = c->codec.extensions;
    x->precise = c->codec.precise;
    return x;
}

void wsman_context_ref(struct wsman_context *x)
{
    atomic_fetch_add(&x->refs, 1);
}

void wsman_context_unref(struct wsman_context *x)
{
    if (atomic_fetch_sub(&x->refs, 1) != 1) return;
    if (x->schema) cim_schema_unref(x->schema);
    arena_free(&x->arena);
    principal_unref(x->principal);
    pthread_mutex_destroy(&x->lock);
    wsman_server_unref(x->server);
    free(x);
}

/* --- the server's table and its list by age: under server.lock --------------------------------- */

static void unlist(struct wsman_server *s, struct wsman_context *x)
{
    if (x->older) x->older->newer = x->newer;
    else s->oldest = x->newer;
    if (x->newer) x->newer->older = x->older;
    else s->newest = x->older;
    x->older = x->newer = NULL;
}

static void list_newest(struct wsman_server *s, struct wsman_context *x)
{
    x->touched_us = wsman_now(s);
    x->older = s->newest;
    x->newer = NULL;
    if (s->newest) s->newest->newer = x;
    else s->oldest = x;
    s->newest = x;
}

static void touch(struct wsman_context *x)
{
    struct wsman_server *s = x->server;
    pthread_mutex_lock(&s->lock);
    if (x->listed) {
        unlist(s, x);
        list_newest(s, x);
    }
    pthread_mutex_unlock(&s->lock);
}

static cimf_status enlist(struct wsman_context *x)
{
    struct wsman_server *s = x->server;
    struct guid id;
    guid_random(&id); /* 122 random bits: not to be guessed */
    guid_format(&id, true, x->id);
    pthread_mutex_lock(&s->lock);
    bool first = !s->oldest;
    bool fits = !s->stopped && map_put(&s->contexts, slice_str(x->id), x, NULL);
    if (fits) {
        x->listed = true;
        list_newest(s, x);
        wsman_context_ref(x);
    }
    pthread_mutex_unlock(&s->lock);
    if (!fits) return s->stopped ? CIMF_SHUTTING_DOWN : CIMF_OUT_OF_MEMORY;
    if (first && s->config.arm_sweep) s->config.arm_sweep(s->config.arm_arg, WSMAN_LIMIT(s, enumeration_timeout_us));
    return CIMF_OK;
}

struct wsman_context *wsman_context_find(struct wsman_server *s, struct slice id, const struct principal *p)
{
    struct guid parsed;
    char key[GUID_TEXT];
    if (!guid_parse(id, &parsed)) return NULL;
    guid_format(&parsed, true, key);
    pthread_mutex_lock(&s->lock);
    struct wsman_context *x = map_get(&s->contexts, slice_str(key));
    if (x) wsman_context_ref(x);
    pthread_mutex_unlock(&s->lock);
    if (x && !principal_same(x->principal, p)) { /* another user's: as if it did not exist */
        wsman_context_unref(x);
        return NULL;
    }
    return x;
}

/* Takes the oldest that is due and that nobody pulls; pulled ones are made young again. */
struct wsman_context *wsman_context_due(struct wsman_server *s, int64_t *left)
{
    struct wsman_context *due = NULL;
    *left = -1;
    pthread_mutex_lock(&s->lock);
    for (struct wsman_context *x; !due && (x = s->oldest);) {
        *left = x->touched_us + WSMAN_LIMIT(s, enumeration_timeout_us) - wsman_now(s);
        if (*left > 0) break;
        pthread_mutex_lock(&x->lock);
        bool waits = x->pull != NULL;
        pthread_mutex_unlock(&x->lock);
        if (waits) {
            unlist(s, x);
            list_newest(s, x);
        } else {
            due = x;
            wsman_context_ref(x);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return due;
}

/* --- cancelling ------------------------------------------------------------------------------- */

static void cancel_task(void *arg)
{
    struct wsman_context *x = arg;
    pthread_mutex_lock(&x->lock);
    bool ended = x->phase == WSMAN_ENDED;
    struct exec *home = x->op.home;
    pthread_mutex_unlock(&x->lock);
    if (!ended && !exec_here(home) && exec_post(home, cancel_task, x)) return; /* it moved meanwhile */
    if (!ended) cim_cancel(x->manager, &x->op);
    wsman_context_unref(x);
}

void wsman_context_end(struct wsman_context *x)
{
    struct wsman_server *s = x->server;
    pthread_mutex_lock(&s->lock);
    bool was = x->listed;
    if (was) {
        unlist(s, x);
        map_del(&s->contexts, slice_str(x->id));
        x->listed = false;
    }
    pthread_mutex_unlock(&s->lock);
    if (!was) return;
    wsman_user_leave(s, x->user);
    pthread_mutex_lock(&x->lock);
    x->dead = true;
    bool running = x->phase != WSMAN_ENDED;
    struct exec *home = x->op.home;
    pthread_mutex_unlock(&x->lock);
    if (running) {
        wsman_context_ref(x);
        if (!exec_post(home, cancel_task, x)) cancel_task(x); /* shutting down: nothing runs there any more */
    }
    wsman_context_unref(x); /* the table's */
}

/* --- the machine ------------------------------------------------------------------------------ */

static void settle_task(void *arg)
{
    settle(arg);
    wsman_context_unref(arg);
}

static void post_settle(struct wsman_context *x, struct exec *where)
{
    wsman_context_ref(x);
    if (!exec_post(where, settle_task, x)) wsman_context_unref(x);
}

/* The sink's way to stop the manager. */
static enum cim_sink_answer stop(struct wsman_context *x, bool satisfied, cimf_status why)
{
    pthread_mutex_lock(&x->lock);
    x->unsettled = true;
    x->stopped = why;
    x->satisfied = satisfied;
    bool driving = x->driving;
    pthread_mutex_unlock(&x->lock);
    if (!driving) post_settle(x, x->op.home);
    return CIM_SINK_AGAIN;
}

static enum cim_sink_answer on_object(struct cim_op *op, const struct cim_object *o)
{
    struct wsman_context *x = op->owner;
    pthread_mutex_lock(&x->lock);
    struct wsman_call *c = x->dead ? NULL : x->pull;
    pthread_mutex_unlock(&x->lock);
    /* A call is detached on its own thread only: c stays while this runs there. */
    if (!c || !exec_here(c->home)) return stop(x, false, CIMF_OK);
    if (!wsman_item_matches(x, o)) return CIM_SINK_MORE;
    if (c->item_count >= c->max_items) return stop(x, true, CIMF_OK);
    size_t mark = c->items.n;
    bool written = wsman_item_write(c, x, o);
    if (written && c->items.n <= c->item_room) {
        c->item_count++;
        return CIM_SINK_MORE;
    }
    bool large = !buf_ok(&c->items) || c->items.n > c->item_room;
    buf_cut(&c->items, mark);
    if (c->item_count) return stop(x, true, CIMF_OK);
    return stop(x, true, large ? CIMF_WSMAN_MAX_ENVELOPE_SIZE_EXCEEDED : CIMF_WSMAN_ENUMERATION_MODE);
}

static void on_done(struct cim_op *op, cimf_status status)
{
    struct wsman_context *x = op->owner;
    pthread_mutex_lock(&x->lock);
    x->phase = WSMAN_ENDED;
    x->status = status;
    x->unsettled = true;
    bool driving = x->driving;
    struct exec *waiting = x->pull ? x->pull->home : NULL;
    pthread_mutex_unlock(&x->lock);
    if (!driving && waiting) {
        if (exec_here(waiting)) settle(x);
        else post_settle(x, waiting);
    }
    wsman_context_unref(x); /* the operation's */
}

static const struct cim_sink sink = { on_object, on_done };

/* Lets the manager work for the attached pull, on this thread. */
static void drive(struct wsman_context *x, bool first)
{
    struct cim_manager *m = x->manager;
    wsman_context_ref(x);
    if (first) cim_submit(m, &x->op);
    else cim_resume(m, &x->op);
    pthread_mutex_lock(&x->lock);
    x->driving = false;
    bool look = x->unsettled;
    pthread_mutex_unlock(&x->lock);
    if (look) settle(x);
    wsman_context_unref(x);
}

static void reply_ended(struct wsman_context *x, struct wsman_call *c)
{
    bool all = c->verb == WSMAN_PULL || c->optimized;
    cimf_status status = x->status;
    if (x->dead) {
        wsman_reply_fault(c, CIMF_WSMAN_INVALID_ENUMERATION_CONTEXT, NULL);
    } else if (status == CIMF_OK) {
        wsman_items_reply(c, x, all);
        if (all) wsman_context_end(x);
    } else if (c->item_count) {
        wsman_items_reply(c, x, false); /* what there is; the fault comes with the next Pull (pitfall 12) */
    } else {
        if (x->rows) wsman_reply_fault(c, status, &x->op.error);
        else wsman_reply_op_fault(c, &x->op, status);
        wsman_context_end(x);
    }
}

static void reply_stopped(struct wsman_context *x, struct wsman_call *c, cimf_status why)
{
    if (why == CIMF_OK) {
        wsman_items_reply(c, x, false);
        return;
    }
    bool lost = c->verb != WSMAN_PULL; /* the client does not know the context yet */
    wsman_reply_fault(c, why, NULL);
    if (lost) wsman_context_end(x);
}

/* Looks what the pull that waits needs now. On the thread of op.home, or of the pull when it has ended. */
static void settle(struct wsman_context *x)
{
    pthread_mutex_lock(&x->lock);
    /* Only after the sink stopped the manager: a settle that hopped threads may come late. */
    if (x->unsettled && x->phase == WSMAN_RUNNING && !x->driving) x->phase = WSMAN_PAUSED;
    x->unsettled = false;
    struct wsman_call *c = x->pull;
    if (!c) {
        pthread_mutex_unlock(&x->lock);
        return;
    }
    if (!exec_here(c->home)) {
        struct exec *where = c->home;
        pthread_mutex_unlock(&x->lock);
        post_settle(x, where);
        return;
    }
    bool ended = x->phase == WSMAN_ENDED;
    if (ended || x->satisfied) {
        cimf_status why = x->stopped;
        x->pull = NULL;
        x->satisfied = false;
        pthread_mutex_unlock(&x->lock);
        touch(x);
        if (ended) reply_ended(x, c);
        else reply_stopped(x, c, why);
        return;
    }
    bool go = x->phase == WSMAN_PAUSED && !x->dead;
    if (go) {
        x->phase = WSMAN_RUNNING;
        x->driving = true;
        x->op.home = c->home;
    }
    pthread_mutex_unlock(&x->lock);
    if (go) drive(x, false);
}

/* --- calls ------------------------------------------------------------------------------------ */

static size_t escaped_size(struct slice s)
{
    size_t n = s.n;
    for (size_t i = 0; i < s.n; i++) n += s.p[i] == '&' || s.p[i] == '<' || s.p[i] == '>' ? 4 : 0;
    return n;
}

/* Prepares the call to take items. */
static void attach(struct wsman_context *x, struct wsman_call *c)
{
    enum { FRAME = 1400 }; /* envelope, addressing headers and the response element, generously */
    size_t frame = FRAME + escaped_size(c->envelope.message_id);
    c->item_room = c->max_envelope > frame ? c->max_envelope - frame : 0;
    c->item_count = 0;
    c->codec = (struct wsman_codec){ .arena = &c->arena, .schema = x->schema, .ns = x->ns, .form = x->form,
                                     .extensions = x->extensions, .precise = x->precise };
    c->context = x;
    wsman_context_ref(x);
}

void wsman_context_start(struct wsman_context *x, struct wsman_call *c)
{
    /* The operation that the request counted for lives on as the enumeration. */
    x->user = c->user;
    c->user = NULL;
    cimf_status status = enlist(x);
    if (status != CIMF_OK) {
        wsman_user_leave(x->server, x->user);
        wsman_reply_fault(c, status, NULL);
        return;
    }
    attach(x, c);
    struct slice locale = x->op.locale;
    wsman_op_prepare(c, &x->op, x->op.verb, &x->arena, &sink, x);
    x->op.locale = locale;
    x->op.ns = x->ns;
    x->op.principal = x->principal;
    x->op.deadline_us = 0; /* a Pull times out, the enumeration does not */
    pthread_mutex_lock(&x->lock);
    x->pull = c;
    x->phase = WSMAN_RUNNING;
    x->driving = true;
    pthread_mutex_unlock(&x->lock);
    wsman_context_ref(x); /* the operation's */
    drive(x, true);
}

cimf_status wsman_context_pull(struct wsman_context *x, struct wsman_call *c)
{
    pthread_mutex_lock(&x->lock);
    cimf_status status = x->dead ? CIMF_WSMAN_INVALID_ENUMERATION_CONTEXT
                         : x->pull ? CIMF_WSMAN_PULL_IN_PROGRESS : CIMF_OK;
    bool look = x->phase != WSMAN_RUNNING;
    if (status == CIMF_OK) {
        attach(x, c);
        x->pull = c;
        x->satisfied = false;
    }
    pthread_mutex_unlock(&x->lock);
    if (status != CIMF_OK) return status;
    touch(x);
    if (look) settle(x);
    return CIMF_OK;
}

bool wsman_context_detach(struct wsman_context *x, struct wsman_call *c)
{
    pthread_mutex_lock(&x->lock);
    bool attached = x->pull == c;
    if (attached) {
        x->pull = NULL;
        x->satisfied = false;
    }
    pthread_mutex_unlock(&x->lock);
    if (attached) touch(x);
    return attached;
}
