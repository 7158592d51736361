/* The stand-in for the broker in cimd-core: questions go out with a number, a thread reads the answers and posts them
 * to whoever asked. It decides nothing and makes no principal but those that the broker describes. */
#include <errno.h>
#include <linux/sock_diag.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/broker_remote_priv.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "os/thread.h"

enum { RELEASES_AT_ONCE = 256 };

static void remote_unref(struct broker_remote *b)
{
    if (__atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL) != 0) return;
    map_free(&b->pending);
    buf_wipe(&b->outbox);
    buf_free(&b->releases);
    pthread_mutex_destroy(&b->lock);
    pthread_mutex_destroy(&b->cache_lock);
    free(b);
}

static void remote_ref(struct broker_remote *b) { __atomic_add_fetch(&b->refs, 1, __ATOMIC_RELAXED); }

/* ---- sending; with the lock ---- */

/* What was left over goes first. 0, EAGAIN or another errno. */
static int flush(struct broker_remote *b)
{
    while (b->outbox.n) {
        uint32_t n;
        memcpy(&n, b->outbox.p, sizeof n);
        int error = wire_send(b->fd, slice_of(b->outbox.p + sizeof n, n), false);
        if (error) return error;
        buf_consume(&b->outbox, sizeof n + n);
    }
    return 0;
}

static int send_message(struct broker_remote *b, const struct wire_question *q, bool must)
{
    struct buf message;
    if (b->closed) return EPIPE;
    buf_init(&message, WIRE_MESSAGE_MAX);
    int error = wire_question_write(q, &message) ? flush(b) : EMSGSIZE;
    if (!error) error = wire_send(b->fd, buf_slice(&message), false);
    if (error == EAGAIN && must) {
        uint32_t n = (uint32_t)message.n;
        size_t mark = b->outbox.n;
        buf_add(&b->outbox, &n, sizeof n);
        if (!buf_slice_add(&b->outbox, buf_slice(&message))) buf_cut(&b->outbox, mark);
    }
    buf_wipe(&message);
    return error;
}

/* So little is on its way that questions find room for long. */
static bool calm(const struct broker_remote *b)
{
    uint32_t memory[SK_MEMINFO_VARS];
    socklen_t n = sizeof memory;
    if (getsockopt(b->fd, SOL_SOCKET, SO_MEMINFO, memory, &n) != 0) return true;
    return memory[SK_MEMINFO_WMEM_ALLOC] < memory[SK_MEMINFO_SNDBUF] / 4;
}

/* Who hangs up gives back all that he logged in as, thousands of principals: they go together, and never fill the socket, or nobody
 * could log in meanwhile. What is kept here goes with what is said next. */
static void send_releases(struct broker_remote *b)
{
    struct slice batch[RELEASES_AT_ONCE];
    while (b->releases.n && !b->closed && calm(b)) {
        struct wire_question w = { .kind = WIRE_RELEASE, .principals = batch };
        size_t all = b->releases.n / WIRE_ID;
        w.principal_count = all < RELEASES_AT_ONCE ? (unsigned)all : RELEASES_AT_ONCE;
        for (unsigned i = 0; i < w.principal_count; i++) batch[i] = slice_of(b->releases.p + (size_t)i * WIRE_ID, WIRE_ID);
        if (send_message(b, &w, false)) break;
        buf_consume(&b->releases, (size_t)w.principal_count * WIRE_ID);
    }
}

/* ---- answers ---- */

static void exchange_unref(struct remote_exchange *x)
{
    if (!x || __atomic_sub_fetch(&x->refs, 1, __ATOMIC_ACQ_REL) != 0) return;
    remote_unref(x->b);
    free(x);
}

void remote_question_free(struct question *q)
{
    struct broker_remote *b = q->b;
    principal_unref(q->principal);
    mech_free(q->context);
    mapping_pages_free(q->pages);
    buf_wipe(&q->token);
    exchange_unref(q->x);
    OPENSSL_cleanse(q, sizeof *q);
    free(q);
    remote_unref(b);
}

static void deliver_step(struct question *q)
{
    if (q->x->freed) return;
    bool ok = q->status == CIMF_OK;
    struct auth_exchange_answer a = { .result = ok ? q->result : MECH_FAILED, .status = q->status,
                                      .token = buf_slice(&q->token), .principal = q->principal,
                                      .context = q->context, .mechanism = q->mechanism };
    q->principal = NULL;
    q->context = NULL;
    q->done.step(q->arg, &a);
}

static void deliver(void *arg)
{
    struct question *q = arg;
    const struct principal *p = q->principal;
    if (q->kind == WIRE_STEP) {
        deliver_step(q);
    } else if (q->kind == WIRE_MAPPING) {
        remote_mappings_deliver(q);
    } else if (q->kind == WIRE_RELOAD) {
        q->done.sync(q->arg, q->status);
    } else {
        q->principal = NULL;
        if (q->kind == WIRE_DIGEST) q->done.digest(q->arg, q->status, p, q->rspauth[0] ? q->rspauth : NULL);
        else q->done.plain(q->arg, q->status, p);
    }
    remote_question_free(q);
}

/* An answer is there. */
static void settle(struct question *q)
{
    if (!q->home) deliver(q);
    else if (!exec_post(q->home, deliver, q)) remote_question_free(q);
}

static struct question *pending_take(struct broker_remote *b, uint64_t id)
{
    pthread_mutex_lock(&b->lock);
    struct question *q = map_del(&b->pending, slice_of((char *)&id, sizeof id));
    pthread_mutex_unlock(&b->lock);
    return q;
}

static void remember(struct broker_remote *b, struct question *q)
{
    int64_t life = __atomic_load_n(&b->cache_us, __ATOMIC_ACQUIRE);
    if (!q->remember || !q->principal || life <= 0) return;
    pthread_mutex_lock(&b->cache_lock);
    verified_put(&b->verified, q->mac, q->generation, clock_mono_us() + auth_life(q->principal, life),
                 q->principal);
    pthread_mutex_unlock(&b->cache_lock);
}

/* The broker's description becomes a principal of this process, which goes back to it with its last use. */
static cimf_status take_principal(struct broker_remote *b, struct wire_answer *a, struct question *q)
{
    if (!a->has_data) return CIMF_OK;
    a->data.owner = &b->owner;
    remote_ref(b);
    q->principal = principal_make(&a->data);
    if (q->principal) return CIMF_OK;
    struct slice id = slice_str(a->data.id);
    struct wire_question r = { .kind = WIRE_RELEASE, .principals = &id, .principal_count = 1 };
    pthread_mutex_lock(&b->lock);
    send_message(b, &r, true);
    pthread_mutex_unlock(&b->lock);
    remote_unref(b);
    return CIMF_OUT_OF_MEMORY;
}

static const char *mechanism_name(struct slice s)
{
    static const char *const names[] = { "NTLM", "Kerberos" };
    for (int i = 0; i < 2; i++)
        if (slice_is(s, names[i])) return names[i];
    return NULL;
}

static cimf_status take_answer(struct broker_remote *b, struct wire_answer *a, struct error *e)
{
    struct question *q = pending_take(b, a->id);
    if (!q) return error_set(e, CIMF_PROTOCOL_ERROR, "auth", "the broker answers what was not asked");
    enum wire_kind wanted = q->kind == WIRE_STEP ? WIRE_STEP_ANSWER : q->kind == WIRE_MAPPING ? WIRE_MAPPINGS : WIRE_ANSWER;
    bool fits = a->kind == wanted;
    if (fits && wanted == WIRE_MAPPINGS) {
        if (remote_mappings_take(q, a)) settle(q);
        return CIMF_OK;
    }
    q->status = fits ? a->status : CIMF_FAILED;
    if (fits && a->status == CIMF_OK) q->status = take_principal(b, a, q);
    if (q->status == CIMF_OK && !q->principal && q->kind != WIRE_STEP && q->kind != WIRE_RELOAD)
        q->status = CIMF_FAILED;
    if (q->status == CIMF_OK && q->kind == WIRE_STEP && a->result == MECH_COMPLETE && !q->principal != q->x->initiate)
        q->status = CIMF_FAILED;
    if (q->status == CIMF_OK && a->context.n) q->status = mech_import(a->context, &q->context, NULL);
    if (q->status == CIMF_OK) {
        q->result = a->result;
        q->mechanism = mechanism_name(a->mechanism);
        if (a->rspauth.n) memcpy(q->rspauth, a->rspauth.p, a->rspauth.n);
    } else {
        principal_unref(q->principal);
        q->principal = NULL;
    }
    buf_slice_add(&q->token, a->token);
    remember(b, q);
    settle(q);
    return fits ? CIMF_OK : error_set(e, CIMF_PROTOCOL_ERROR, "auth", "the broker answers another question");
}

static cimf_status take_message(struct broker_remote *b, struct slice message, bool first, struct error *e)
{
    struct arena arena;
    struct wire_answer a;
    arena_init(&arena, 8 << 20);
    cimf_status status = wire_answer_read(&arena, message, &a, e);
    if (status == CIMF_OK && (a.kind == WIRE_HELLO) != first)
        status = error_set(e, CIMF_PROTOCOL_ERROR, "auth", "the broker's first message is its greeting");
    if (status == CIMF_OK && first && a.version != WIRE_VERSION)
        status = error_set(e, CIMF_PROTOCOL_ERROR, "auth", "the broker speaks version %u", a.version);
    if (status == CIMF_OK && a.kind == WIRE_HELLO)
        __atomic_store_n(&b->cache_us, a.cache_us, __ATOMIC_RELEASE);
    if (status == CIMF_OK && (a.kind == WIRE_HELLO || a.kind == WIRE_GENERATION))
        __atomic_store_n(&b->generation, a.generation, __ATOMIC_RELEASE);
    else if (status == CIMF_OK)
        status = take_answer(b, &a, e);
    arena_free(&arena);
    return status;
}

/* Without a broker nothing that was decided holds any longer. */
static void fail_all(struct broker_remote *b)
{
    __atomic_store_n(&b->generation, UINT64_MAX, __ATOMIC_RELEASE);
    for (;;) {
        size_t at = 0;
        struct slice key;
        void *q = NULL;
        pthread_mutex_lock(&b->lock);
        b->closed = true;
        if (map_next(&b->pending, &at, &key, &q)) map_del(&b->pending, key);
        pthread_mutex_unlock(&b->lock);
        if (!q) return;
        ((struct question *)q)->status = CIMF_SHUTTING_DOWN;
        settle(q);
    }
}

static void *reader_main(void *arg)
{
    struct broker_remote *b = arg;
    struct error e = ERROR_INIT;
    struct slice message;
    cimf_status status = CIMF_OUT_OF_MEMORY;
    char *room = malloc(WIRE_MESSAGE_MAX);
    for (bool first = true; room; first = false) {
        status = wire_receive(b->fd, room, &message, &e);
        if (status != CIMF_OK || message.n == 0) break;
        status = take_message(b, message, first, &e);
        OPENSSL_cleanse(room, message.n);
        if (status != CIMF_OK) break;
        pthread_mutex_lock(&b->lock);
        if (!flush(b)) send_releases(b); /* there may be room again */
        pthread_mutex_unlock(&b->lock);
    }
    free(room);
    if (status != CIMF_OK) log_failure("auth", &e, "the broker is not understood");
    fail_all(b);
    shutdown(b->fd, SHUT_RDWR);
    return NULL;
}

/* ---- questions ---- */

struct question *remote_question(struct broker_remote *b, enum wire_kind kind, struct exec *home, void *arg)
{
    struct question *q = calloc(1, sizeof *q);
    if (!q) return NULL;
    q->kind = kind;
    q->b = b;
    q->home = home;
    q->arg = arg;
    q->result = MECH_FAILED;
    buf_init(&q->token, LIMIT_MECH_TOKEN);
    remote_ref(b);
    return q;
}

/* Takes q. What cannot be sent is answered here, by post. */
void remote_ask(struct broker_remote *b, struct question *q, struct wire_question *w)
{
    pthread_mutex_lock(&b->lock);
    w->kind = q->kind;
    w->id = q->id = ++b->next_id;
    int error = b->closed ? EPIPE : 0;
    if (!error && !map_put(&b->pending, slice_of((char *)&q->id, sizeof q->id), q, NULL)) error = ENOMEM;
    if (!error) {
        error = send_message(b, w, false);
        if (!error) send_releases(b);
        else map_del(&b->pending, slice_of((char *)&q->id, sizeof q->id));
    }
    pthread_mutex_unlock(&b->lock);
    if (!error) return;
    q->status = error == EAGAIN ? CIMF_SERVER_TOO_BUSY
                : error == EMSGSIZE ? CIMF_BAD_REQUEST
                : error == ENOMEM ? CIMF_OUT_OF_MEMORY : CIMF_SHUTTING_DOWN;
    settle(q);
}

static void remote_check_password(struct auth_broker *base, const struct auth_password *p, struct exec *home,
                                  auth_done *done, void *arg)
{
    struct broker_remote *b = remote_of(base);
    struct question *q = remote_question(b, WIRE_PASSWORD, home, arg);
    struct wire_question w = { .password = *p };
    if (!q) {
        done(arg, CIMF_OUT_OF_MEMORY, NULL);
        return;
    }
    w.password.user = slice_head(p->user, WIRE_TEXT_MAX); /* longer ones match nothing anyway */
    w.password.password = slice_head(p->password, WIRE_TEXT_MAX);
    q->done.plain = done;
    q->generation = __atomic_load_n(&b->generation, __ATOMIC_ACQUIRE);
    q->remember = verified_mac(&b->verified, p, q->mac);
    remote_ask(b, q, &w);
}

static uint64_t remote_generation(struct auth_broker *base)
{
    struct broker_remote *b = remote_of(base);
    int64_t now = clock_mono_us(), last = __atomic_load_n(&b->looked, __ATOMIC_ACQUIRE);
    if (now - last > 1000000 &&
        __atomic_compare_exchange_n(&b->looked, &last, now, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
        struct wire_question w = { .kind = WIRE_LOOK };
        pthread_mutex_lock(&b->lock);
        send_message(b, &w, false);
        pthread_mutex_unlock(&b->lock);
    }
    return __atomic_load_n(&b->generation, __ATOMIC_ACQUIRE);
}

static const struct principal *remote_check_cached(struct auth_broker *base, const struct auth_password *p)
{
    struct broker_remote *b = remote_of(base);
    unsigned char mac[32];
    uint64_t generation = remote_generation(base);
    if (!verified_mac(&b->verified, p, mac)) return NULL;
    pthread_mutex_lock(&b->cache_lock);
    const struct principal *found = verified_find(&b->verified, mac, generation, clock_mono_us());
    pthread_mutex_unlock(&b->cache_lock);
    return found;
}

static void remote_check_digest(struct auth_broker *base, const struct auth_digest *d, struct exec *home,
                                auth_digest_done *done, void *arg)
{
    struct broker_remote *b = remote_of(base);
    struct wire_question w = { .digest = *d->response, .address = d->address };
    struct question *q = remote_question(b, WIRE_DIGEST, home, arg);
    bool fits = strlen(d->ha2) < DIGEST_HEX && (!d->ha2_reply || strlen(d->ha2_reply) < DIGEST_HEX);
    if (!q || !fits) {
        if (q) remote_question_free(q);
        done(arg, fits ? CIMF_OUT_OF_MEMORY : CIMF_BAD_REQUEST, NULL, NULL);
        return;
    }
    strcpy(w.ha2, d->ha2);
    if (d->ha2_reply) strcpy(w.ha2_reply, d->ha2_reply);
    q->done.digest = done;
    remote_ask(b, q, &w);
}

static void remote_check_certificate(struct auth_broker *base, const struct auth_certificate *c,
                                     struct exec *home, auth_done *done, void *arg)
{
    struct broker_remote *b = remote_of(base);
    struct question *q = remote_question(b, WIRE_CERTIFICATE, home, arg);
    struct wire_question w = { .certificate = slice_head(c->certificate, WIRE_CERTIFICATE_MAX),
                               .issuer = slice_head(c->issuer, WIRE_CERTIFICATE_MAX), .address = c->address };
    if (!q) {
        done(arg, CIMF_OUT_OF_MEMORY, NULL);
        return;
    }
    q->done.plain = done;
    remote_ask(b, q, &w);
}

static void remote_refresh(struct auth_broker *base, const struct principal *p, struct exec *home,
                           auth_done *done, void *arg)
{
    struct broker_remote *b = remote_of(base);
    struct question *q = remote_question(b, WIRE_REFRESH, home, arg);
    struct slice id = slice_str(p->id);
    struct wire_question w = { .principals = &id, .principal_count = 1 };
    if (!q) {
        done(arg, CIMF_OUT_OF_MEMORY, NULL);
        return;
    }
    q->done.plain = done;
    if (p->scheme == AUTH_LOCAL) { /* this process's own: not the broker's business */
        q->principal = principal_ref(p);
        settle(q);
        return;
    }
    remote_ask(b, q, &w);
}

struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool answered;
    cimf_status status;
};

static void reloaded(void *arg, cimf_status status)
{
    struct waiting *x = arg;
    pthread_mutex_lock(&x->lock);
    x->answered = true;
    x->status = status;
    pthread_cond_signal(&x->changed);
    pthread_mutex_unlock(&x->lock);
}

static cimf_status remote_reload(struct auth_broker *base, struct error *e)
{
    struct broker_remote *b = remote_of(base);
    struct question *q = remote_question(b, WIRE_RELOAD, NULL, NULL);
    struct wire_question w = { .kind = WIRE_RELOAD };
    if (!q) return error_set(e, CIMF_OUT_OF_MEMORY, "auth", "no memory for a question");
    struct waiting x = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
    q->done.sync = reloaded;
    q->arg = &x;
    remote_ask(b, q, &w);
    pthread_mutex_lock(&x.lock);
    while (!x.answered) pthread_cond_wait(&x.changed, &x.lock);
    pthread_mutex_unlock(&x.lock);
    if (x.status != CIMF_OK) error_set(e, x.status, "auth", "the broker could not read the accounts");
    return x.status;
}

/* ---- exchanges ---- */

static cimf_status remote_exchange_new(struct auth_broker *base, const struct auth_exchange_config *config,
                                       struct exec *home, struct auth_exchange **out, struct error *e)
{
    struct broker_remote *b = remote_of(base);
    struct remote_exchange *x = calloc(1, sizeof *x);
    *out = NULL;
    if (!x) return error_set(e, CIMF_OUT_OF_MEMORY, "auth", "no memory for an exchange");
    x->base.broker = base;
    x->b = b;
    x->refs = 1;
    x->home = home;
    x->initiate = config->initiate;
    remote_ref(b);
    pthread_mutex_lock(&b->lock);
    x->id = ++b->next_id;
    struct wire_question w = { .kind = WIRE_EXCHANGE, .exchange = x->id, .config = *config };
    int error = send_message(b, &w, false);
    pthread_mutex_unlock(&b->lock);
    if (error) {
        exchange_unref(x);
        return error_set(e, error == EPIPE ? CIMF_SHUTTING_DOWN : CIMF_SERVER_TOO_BUSY, "auth",
                         "the broker takes no further authentication");
    }
    *out = &x->base;
    return CIMF_OK;
}

static void remote_exchange_step(struct auth_exchange *base, struct slice token, auth_exchange_done *done, void *arg)
{
    struct remote_exchange *x = (struct remote_exchange *)base;
    struct question *q = remote_question(x->b, WIRE_STEP, x->home, arg);
    struct wire_question w = { .exchange = x->id, .token = slice_head(token, LIMIT_MECH_TOKEN + 1) };
    if (!q) {
        struct auth_exchange_answer a = { .result = MECH_FAILED, .status = CIMF_OUT_OF_MEMORY };
        done(arg, &a);
        return;
    }
    q->x = x;
    __atomic_add_fetch(&x->refs, 1, __ATOMIC_RELAXED);
    q->done.step = done;
    remote_ask(x->b, q, &w);
}

static void remote_exchange_free(struct auth_exchange *base)
{
    struct remote_exchange *x = (struct remote_exchange *)base;
    struct wire_question w = { .kind = WIRE_EXCHANGE_END, .exchange = x->id };
    x->freed = true;
    pthread_mutex_lock(&x->b->lock);
    send_message(x->b, &w, true);
    pthread_mutex_unlock(&x->b->lock);
    exchange_unref(x);
}

/* ---- life ---- */

static void released(struct principal_owner *owner, const struct principal *p)
{
    struct broker_remote *b = (struct broker_remote *)((char *)owner - offsetof(struct broker_remote, owner));
    pthread_mutex_lock(&b->lock);
    if (!b->closed && strlen(p->id) == WIRE_ID) buf_add(&b->releases, p->id, WIRE_ID);
    send_releases(b);
    pthread_mutex_unlock(&b->lock);
    remote_unref(b);
}

static const struct principal *remote_resolve(struct auth_broker *b, struct slice id) { return NULL; }

static void remote_free(struct auth_broker *base)
{
    struct broker_remote *b = remote_of(base);
    pthread_mutex_lock(&b->lock);
    b->closed = true;
    pthread_mutex_unlock(&b->lock);
    shutdown(b->fd, SHUT_RDWR);
    pthread_join(b->reader, NULL);
    close(b->fd);
    pthread_mutex_lock(&b->cache_lock);
    verified_free(&b->verified);
    pthread_mutex_unlock(&b->cache_lock);
    remote_unref(b);
}

static const struct broker_ops remote_ops = {
    .free = remote_free,
    .check_password = remote_check_password,
    .check_cached = remote_check_cached,
    .check_digest = remote_check_digest,
    .check_certificate = remote_check_certificate,
    .exchange_new = remote_exchange_new,
    .exchange_step = remote_exchange_step,
    .exchange_free = remote_exchange_free,
    .generation = remote_generation,
    .refresh = remote_refresh,
    .mappings = remote_mappings,
    .reload = remote_reload,
    .resolve = remote_resolve,
};

cimf_status auth_broker_connect(int fd, struct auth_broker **out, struct error *e)
{
    struct broker_remote *b = calloc(1, sizeof *b);
    *out = NULL;
    if (b) {
        b->base.ops = &remote_ops;
        b->owner.released = released;
        b->refs = 1;
        b->fd = fd;
        pthread_mutex_init(&b->lock, NULL);
        pthread_mutex_init(&b->cache_lock, NULL);
        map_init(&b->pending, false);
        buf_init(&b->outbox, 0);
        buf_init(&b->releases, 0);
        verified_init(&b->verified);
        if (thread_start(&b->reader, "auth-answers", reader_main, b) == 0) {
            *out = &b->base;
            return CIMF_OK;
        }
        remote_unref(b);
    }
    close(fd);
    return error_set(e, CIMF_OUT_OF_MEMORY, "auth", "the stand-in for the broker could not start");
}
