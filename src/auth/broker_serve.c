/* cimd-auth's end of the wire: one thread reads questions, asks the real broker, and sends what it answers. All of it
 * runs on that thread; the broker posts to it. */
#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/broker_serve.h"
#include "base/log.h"

/* ---- the thread as an executor ---- */

static struct broker_serve *serve_of(struct exec *x)
{
    return (struct broker_serve *)((char *)x - offsetof(struct broker_serve, exec));
}

static void ring(struct broker_serve *s)
{
    uint64_t one = 1;
    if (write(s->event, &one, sizeof one) < 0) {} /* full: it rings already */
}

static bool serve_post(struct exec *x, void (*fn)(void *arg), void *arg)
{
    struct broker_serve *s = serve_of(x);
    struct serve_job *job = malloc(sizeof *job);
    if (!job) return false;
    *job = (struct serve_job){ .fn = fn, .arg = arg };
    pthread_mutex_lock(&s->jobs_lock);
    *s->last_job = job;
    s->last_job = &job->next;
    ring(s); /* under the lock: once it is taken out, the thread may end */
    pthread_mutex_unlock(&s->jobs_lock);
    return true;
}

static bool serve_here(struct exec *x) { return pthread_equal(serve_of(x)->thread, pthread_self()); }

static void run_jobs(struct broker_serve *s)
{
    pthread_mutex_lock(&s->jobs_lock);
    struct serve_job *job = s->jobs;
    s->jobs = NULL;
    s->last_job = &s->jobs;
    pthread_mutex_unlock(&s->jobs_lock);
    while (job) {
        struct serve_job *next = job->next;
        job->fn(job->arg);
        free(job);
        job = next;
    }
}

/* With the broker's lock, on any thread. */
static void on_generation(struct broker_watch *w, uint64_t generation)
{
    struct broker_serve *s = (struct broker_serve *)((char *)w - offsetof(struct broker_serve, watch));
    __atomic_store_n(&s->new_generation, generation, __ATOMIC_RELEASE);
    ring(s);
}

/* ---- sending ---- */

static void send_answer(struct broker_serve *s, const struct wire_answer *a);

static void send_generation(struct broker_serve *s)
{
    uint64_t generation = __atomic_load_n(&s->new_generation, __ATOMIC_ACQUIRE);
    if (generation == s->told_generation) return;
    s->told_generation = generation;
    struct wire_answer a = { .kind = WIRE_GENERATION, .generation = generation };
    send_answer(s, &a);
}

static void send_answer(struct broker_serve *s, const struct wire_answer *a)
{
    struct buf message;
    if (a->kind != WIRE_HELLO && a->kind != WIRE_GENERATION) send_generation(s); /* news first */
    if (s->closed) return;
    buf_init(&message, WIRE_MESSAGE_MAX);
    if (wire_answer_write(a, &message)) {
        if (wire_send(s->fd, buf_slice(&message), true) != 0) s->closed = true;
    } else {
        struct wire_answer failed = { .kind = a->kind, .id = a->id, .status = CIMF_FAILED, .result = MECH_FAILED };
        log_error("auth", "an answer is too large for core");
        if (a->principal) serve_release(s, slice_str(a->principal->id));
        buf_clear(&message);
        if (!wire_answer_write(&failed, &message) || wire_send(s->fd, buf_slice(&message), true) != 0)
            s->closed = true;
    }
    buf_wipe(&message);
}

/* p goes out with this answer, and is given back by a RELEASE. */
static void send_principal(struct broker_serve *s, struct wire_answer *a, const struct principal *p)
{
    if (p && a->status == CIMF_OK && !serve_issue(s, p)) a->status = CIMF_SERVER_TOO_BUSY;
    if (p && a->status == CIMF_OK) a->principal = p;
    if (!a->principal && a->kind == WIRE_STEP_ANSWER && a->result == MECH_COMPLETE) a->result = MECH_FAILED;
    if (!a->principal) a->context = SLICE_NULL;
    send_answer(s, a);
    principal_unref(p);
}

/* ---- answers of the broker, on this thread ---- */

struct asked {
    struct broker_serve *s;
    struct served_exchange *x; /* of a step */
    uint64_t id;
    uint32_t from;             /* of a list */
};

static struct asked *asked_new(struct broker_serve *s, uint64_t id)
{
    struct asked *q = s->asked < SERVE_ASKED_MAX ? calloc(1, sizeof *q) : NULL;
    if (!q) return NULL;
    *q = (struct asked){ .s = s, .id = id };
    s->asked++;
    return q;
}

static void asked_done(struct asked *q)
{
    q->s->asked--;
    free(q);
}

static void on_digest(void *arg, cimf_status status, const struct principal *p, const char *rspauth)
{
    struct asked *q = arg;
    struct wire_answer a = { .kind = WIRE_ANSWER, .id = q->id, .status = status, .rspauth = slice_str(rspauth) };
    send_principal(q->s, &a, p);
    asked_done(q);
}

static void on_answer(void *arg, cimf_status status, const struct principal *p) { on_digest(arg, status, p, NULL); }

/* As many rows as fit into a message. */
static void on_mappings(void *arg, const struct auth_mappings_answer *from)
{
    struct asked *q = arg;
    size_t bytes = 0;
    unsigned first = q->from < from->count ? q->from : from->count, n = first;
    for (; n < from->count && bytes < WIRE_ROWS_BYTES; n++)
        bytes += 32 + from->rows[n].issuer.n + from->rows[n].subject.n + from->rows[n].uri.n + from->rows[n].user.n;
    struct wire_answer a = { .kind = WIRE_MAPPINGS, .id = q->id, .status = from->status, .generation = from->generation,
                             .rows = from->rows ? from->rows + first : NULL, .row_count = n - first,
                             .next = n < from->count ? n : 0 };
    if (from->status != CIMF_OK && from->error) a.reason = slice_head(slice_str(error_text(from->error)), WIRE_TEXT_MAX);
    send_answer(q->s, &a);
    asked_done(q);
}

static void on_step(void *arg, const struct auth_exchange_answer *from)
{
    struct asked *q = arg;
    struct served_exchange *x = q->x;
    struct buf context;
    struct wire_answer a = { .kind = WIRE_STEP_ANSWER, .id = q->id, .status = from->status,
                             .result = from->result, .token = from->token };
    buf_init(&context, LIMIT_MECH_TOKEN);
    if (from->context) {
        struct error e = ERROR_INIT;
        cimf_status status = mech_export(from->context, &context, &e);
        if (status != CIMF_OK) log_failure("auth", &e, "a context cannot leave");
        if (status != CIMF_OK) a.status = CIMF_FAILED;
        a.context = buf_slice(&context);
        a.mechanism = slice_str(from->mechanism);
    }
    mech_free(from->context);
    bool own = from->result == MECH_COMPLETE && !from->principal; /* the daemon's own login */
    if (own && a.status != CIMF_OK) a.result = MECH_FAILED;
    if (own) send_answer(q->s, &a);
    else send_principal(q->s, &a, from->principal);
    buf_wipe(&context);
    x->busy = false;
    asked_done(q);
    if (x->ended) served_exchange_free(x);
}

/* ---- questions ---- */

static void refuse(struct broker_serve *s, enum wire_kind kind, uint64_t id, cimf_status status)
{
    struct wire_answer a = { .kind = kind, .id = id, .status = status, .result = MECH_FAILED };
    send_answer(s, &a);
}

static void begin_exchange(struct broker_serve *s, const struct wire_question *q)
{
    struct served_exchange *x = calloc(1, sizeof *x);
    struct auth_exchange *made = NULL;
    if (!x) return; /* its first step finds nothing */
    x->serve = s;
    x->id = q->exchange;
    if (s->exchanges.count >= 2 * (size_t)s->b->config.max_exchanges ||
        auth_exchange_new(&s->b->base, &q->config, &s->exec, &made, NULL) != CIMF_OK ||
        !map_put(&s->exchanges, slice_of((char *)&x->id, sizeof x->id), x, NULL)) {
        auth_exchange_free(made);
        free(x);
        return;
    }
    x->exchange = made;
}

static void step(struct broker_serve *s, const struct wire_question *q)
{
    struct served_exchange *x = map_get(&s->exchanges, slice_of((char *)&q->exchange, sizeof q->exchange));
    bool second = x && x->busy;
    struct asked *a = x && !second ? asked_new(s, q->id) : NULL;
    if (!a) {
        refuse(s, WIRE_STEP_ANSWER, q->id, second ? CIMF_BAD_REQUEST : CIMF_SERVER_TOO_BUSY);
        return;
    }
    a->x = x;
    x->busy = true;
    auth_exchange_step(x->exchange, q->token, on_step, a);
}

static void end_exchange(struct broker_serve *s, const struct wire_question *q)
{
    struct served_exchange *x = map_del(&s->exchanges, slice_of((char *)&q->exchange, sizeof q->exchange));
    if (!x) return;
    x->ended = true;
    if (!x->busy) served_exchange_free(x);
}

static void refresh(struct broker_serve *s, const struct wire_question *q, struct asked *a)
{
    const struct principal *p = serve_find(s, q->principals[0]);
    if (p) auth_refresh(&s->b->base, p, &s->exec, on_answer, a);
    else on_answer(a, CIMF_NOT_AUTHENTICATED, NULL);
    principal_unref(p);
}

static void mappings(struct broker_serve *s, const struct wire_question *q)
{
    const struct principal *p = serve_find(s, q->principals[0]); /* whom it never issued has no rights */
    struct asked *a = p ? asked_new(s, q->id) : NULL;
    if (a) {
        a->from = q->from;
        auth_mappings(&s->b->base, p, &q->mapping, &s->exec, on_mappings, a);
    } else {
        refuse(s, WIRE_MAPPINGS, q->id, p ? CIMF_SERVER_TOO_BUSY : CIMF_ACCESS_DENIED);
    }
    principal_unref(p);
}

static void ask(struct broker_serve *s, const struct wire_question *q)
{
    struct auth_broker *b = &s->b->base;
    struct asked *a = asked_new(s, q->id);
    if (!a) {
        refuse(s, WIRE_ANSWER, q->id, CIMF_SERVER_TOO_BUSY);
        return;
    }
    if (q->kind == WIRE_PASSWORD) {
        auth_check_password(b, &q->password, &s->exec, on_answer, a);
    } else if (q->kind == WIRE_DIGEST) {
        struct auth_digest d = { &q->digest, q->ha2, q->ha2_reply[0] ? q->ha2_reply : NULL, q->address };
        auth_check_digest(b, &d, &s->exec, on_digest, a);
    } else if (q->kind == WIRE_CERTIFICATE) {
        struct auth_certificate c = { q->certificate, q->issuer, q->address };
        auth_check_certificate(b, &c, &s->exec, on_answer, a);
    } else {
        refresh(s, q, a);
    }
}

static cimf_status handle(struct broker_serve *s, const struct wire_question *q)
{
    switch (q->kind) {
    case WIRE_EXCHANGE: begin_exchange(s, q); break;
    case WIRE_STEP: step(s, q); break;
    case WIRE_EXCHANGE_END: end_exchange(s, q); break;
    case WIRE_RELEASE:
        for (unsigned i = 0; i < q->principal_count; i++)
            if (!serve_release(s, q->principals[i])) return CIMF_PROTOCOL_ERROR;
        break;
    case WIRE_MAPPING: mappings(s, q); break;
    case WIRE_LOOK: auth_generation(&s->b->base); break;
    case WIRE_RELOAD: refuse(s, WIRE_ANSWER, q->id, auth_reload(&s->b->base, NULL)); break;
    default: ask(s, q);
    }
    return CIMF_OK;
}

static cimf_status read_one(struct broker_serve *s, char *room, struct error *e)
{
    struct slice message;
    struct arena arena;
    struct wire_question q;
    cimf_status status = wire_receive(s->fd, room, &message, e);
    if (status != CIMF_OK || message.n == 0) {
        s->closed = true;
        return status;
    }
    arena_init(&arena, 8 << 20);
    status = wire_question_read(&arena, message, &q, e);
    if (status == CIMF_OK) {
        status = handle(s, &q);
        if (status != CIMF_OK) error_set(e, status, "auth", "core asks what does not fit");
    }
    arena_free(&arena);
    OPENSSL_cleanse(room, message.n);
    OPENSSL_cleanse(&q, sizeof q);
    return status;
}

static cimf_status serve_loop(struct broker_serve *s, struct error *e)
{
    struct pollfd polled[] = { { .fd = s->fd, .events = POLLIN }, { .fd = s->event, .events = POLLIN } };
    char *room = malloc(WIRE_MESSAGE_MAX);
    cimf_status status = room ? CIMF_OK : error_set(e, CIMF_OUT_OF_MEMORY, "auth", "no memory for messages");
    while (status == CIMF_OK && !s->closed) {
        uint64_t rings;
        if (poll(polled, 2, -1) < 0 && errno != EINTR) {
            status = error_errno(e, CIMF_FAILED, "auth", errno, "waiting for questions");
            break;
        }
        if (polled[1].revents && read(s->event, &rings, sizeof rings) < 0) {}
        run_jobs(s);
        send_generation(s);
        if (polled[0].revents) status = read_one(s, room, e);
    }
    free(room);
    return status;
}

/* Nobody waits for the answers any more, but they come to this thread. */
static void serve_end(struct broker_serve *s)
{
    size_t at;
    struct slice key;
    void *x;
    s->closed = true;
    while (at = 0, map_next(&s->exchanges, &at, &key, &x)) {
        map_del(&s->exchanges, key);
        ((struct served_exchange *)x)->ended = true;
        if (!((struct served_exchange *)x)->busy) served_exchange_free(x);
    }
    broker_queue_cancel(s->b, &s->exec);
    while (s->asked) {
        uint64_t rings;
        run_jobs(s);
        if (s->asked && read(s->event, &rings, sizeof rings) < 0 && errno != EINTR && errno != EAGAIN) break;
    }
    serve_detach(s);
    map_free(&s->exchanges);
    close(s->event);
    pthread_mutex_destroy(&s->jobs_lock);
}

cimf_status auth_broker_serve(struct auth_broker *base, int fd, struct error *e)
{
    struct broker_local *b = broker_local(base);
    struct broker_serve s = { .b = b, .fd = fd, .thread = pthread_self(), .last_job = &s.jobs };
    s.exec.post = serve_post;
    s.exec.here = serve_here;
    s.watch.changed = on_generation;
    s.event = eventfd(0, EFD_CLOEXEC);
    if (s.event < 0) return error_errno(e, CIMF_FAILED, "auth", errno, "cannot serve core");
    pthread_mutex_init(&s.jobs_lock, NULL);
    map_init(&s.exchanges, false);
    serve_attach(&s);
    struct wire_answer hello = { .kind = WIRE_HELLO, .version = WIRE_VERSION, .generation = s.told_generation,
                                 .cache_us = b->config.basic ? b->config.cache_us : 0 };
    send_answer(&s, &hello);
    cimf_status status = serve_loop(&s, e);
    serve_end(&s);
    return status;
}
