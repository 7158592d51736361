/* The broker over its wire: messages, the stand-in and the serving end together, each against a liar. */
#include "base/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/broker_serve.h"
#include "base/log.h"
#include "mech/ntlm.h"
#include "os/loop.h"
#include "os/pool.h"

/* ---- messages ---- */

#define ID "01234567-89ab-4def-8123-456789abcdef"

static struct wire_question *questions(unsigned *count)
{
    static struct slice ids[] = { { ID, 36 }, { ID, 36 } };
    static struct wire_question q[] = {
        { .kind = WIRE_PASSWORD, .id = 1, .password = { SLICE("alice"), SLICE("secret"), SLICE("::1"), AUTH_BASIC } },
        { .kind = WIRE_DIGEST, .id = 2, .digest = { .algorithm = DIGEST_SHA256, .qop = DIGEST_QOP_AUTH,
          .username = SLICE("alice"), .realm = SLICE("WSMAN"), .nonce = SLICE("n"), .uri = SLICE("/"),
          .response = SLICE("00"), .cnonce = SLICE("c"), .opaque = SLICE(""), .nc = 7, .nc_text = SLICE("00000007"),
          .userhash = true }, .ha2 = "0123456789abcdef", .ha2_reply = "ff", .address = SLICE("::1") },
        { .kind = WIRE_CERTIFICATE, .id = 3, .certificate = SLICE("cert"), .issuer = SLICE(""), .address = SLICE("::1") },
        { .kind = WIRE_REFRESH, .id = 4, .principals = ids, .principal_count = 1 },
        { .kind = WIRE_RELOAD, .id = 5 },
        { .kind = WIRE_STEP, .id = UINT64_MAX, .exchange = 9, .token = SLICE("token\0more") },
        { .kind = WIRE_EXCHANGE, .exchange = 9, .config = { AUTH_MECH_KERBEROS, AUTH_SERVICE_RPC, MECH_SIGN,
          MECH_BINDING_STRICT, SLICE("tls-server-end-point:x"), SLICE("\1x"), SLICE("192.0.2.1") } },
        { .kind = WIRE_EXCHANGE_END, .exchange = 9 },
        { .kind = WIRE_RELEASE, .principals = ids, .principal_count = 2 },
        { .kind = WIRE_LOOK },
        { .kind = WIRE_MAPPING, .id = 6, .principals = ids, .principal_count = 1, .from = 3, .mapping = { AUTH_MAPPING_PUT,
          { SLICE("0123"), SLICE("*"), SLICE("http://x"), SLICE("alice"), true }, true } },
    };
    *count = sizeof q / sizeof q[0];
    return q;
}

static const struct principal *somebody(void)
{
    static const struct slice groups[] = { { "a", 1 }, { "Event Log Readers", 17 } }, uris[] = { { "http://x/*", 10 } };
    struct sid more;
    assert_true(sid_parse(SLICE("S-1-5-21-1-2-3-513"), &more));
    struct principal_data d = { .name = SLICE("alice"), .domain = SLICE("EXAMPLE.NET"), .groups = groups,
        .group_count = 2, .administrator = true, .has_posix = true, .uid = 1000, .gid = 1001, .scheme = AUTH_KERBEROS,
        .sid = "S-1-5-21-1-2-3-1104", .more = &more, .more_count = 1, .uri_patterns = uris, .uri_pattern_count = 1 };
    const struct principal *p = principal_make(&d);
    assert_non_null(p);
    return p;
}

static struct wire_answer *answers(const struct principal *p, unsigned *count)
{
    static struct wire_answer a[8];
    static const struct certmap_row rows[] = {
        { SLICE("01"), SLICE("*"), SLICE("http://x"), SLICE("alice"), true }, { SLICE("02"), SLICE("s"), SLICE("*"), SLICE(""), false },
    };
    a[0] = (struct wire_answer){ .kind = WIRE_HELLO, .version = 1, .generation = 3, .cache_us = -1 };
    a[1] = (struct wire_answer){ .kind = WIRE_GENERATION, .generation = 4 };
    a[2] = (struct wire_answer){ .kind = WIRE_ANSWER, .id = 1, .status = CIMF_NOT_AUTHENTICATED };
    a[3] = (struct wire_answer){ .kind = WIRE_ANSWER, .id = 2, .rspauth = SLICE("0123"), .principal = p };
    a[4] = (struct wire_answer){ .kind = WIRE_STEP_ANSWER, .id = 3, .result = MECH_CONTINUE, .token = SLICE("t") };
    a[5] = (struct wire_answer){ .kind = WIRE_STEP_ANSWER, .id = 4, .result = MECH_COMPLETE, .token = SLICE(""),
                                 .context = SLICE("context"), .mechanism = SLICE("NTLM"), .principal = p };
    a[6] = a[5]; /* the last one has a principal */
    a[5] = (struct wire_answer){ .kind = WIRE_MAPPINGS, .id = 5, .generation = 9, .next = 2, .rows = rows, .row_count = 2 };
    a[7] = a[6];
    a[6] = (struct wire_answer){ .kind = WIRE_MAPPINGS, .id = 5, .status = CIMF_NOT_FOUND, .reason = SLICE("why") };
    *count = 8;
    return a;
}

/* Cut at each byte, one byte longer, each byte changed: refused or at least harmless. */
static void torture(struct slice message, cimf_status (*read)(struct arena *a, struct slice m))
{
    struct arena arena;
    char *copy = malloc(message.n + 1);
    arena_init(&arena, 8 << 20);
    for (size_t n = 0; n < message.n; n++) {
        char *cut = malloc(n + 1); /* of its own size, for the address sanitizer */
        memcpy(cut, message.p, n);
        assert_int_equal(read(&arena, slice_of(cut, n)), CIMF_PROTOCOL_ERROR);
        free(cut);
    }
    memcpy(copy, message.p, message.n);
    copy[message.n] = 0;
    assert_int_equal(read(&arena, slice_of(copy, message.n + 1)), CIMF_PROTOCOL_ERROR);
    for (size_t i = 0; i < message.n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            copy[i] ^= (char)(1 << bit);
            read(&arena, slice_of(copy, message.n));
            copy[i] ^= (char)(1 << bit);
            arena_reset(&arena);
        }
    }
    arena_free(&arena);
    free(copy);
}

static cimf_status read_question(struct arena *a, struct slice m)
{
    struct wire_question q;
    return wire_question_read(a, m, &q, NULL);
}
static cimf_status read_answer(struct arena *a, struct slice m)
{
    struct wire_answer x;
    return wire_answer_read(a, m, &x, NULL);
}

/* CIMFONY_SEEDS names a folder: the messages are put there, as seeds for the fuzz target. */
static void seed(const char *what, unsigned i, struct slice m)
{
    const char *folder = getenv("CIMFONY_SEEDS");
    char name[256];
    if (!folder) return;
    snprintf(name, sizeof name, "%s/%s-%u", folder, what, i);
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    fwrite(m.p, 1, m.n, f);
    fclose(f);
}

static void messages(void **state)
{
    const struct principal *p = somebody();
    struct buf b, again;
    struct arena arena;
    unsigned count;
    struct wire_question *q = questions(&count), back;
    buf_init(&b, WIRE_MESSAGE_MAX);
    buf_init(&again, WIRE_MESSAGE_MAX);
    arena_init(&arena, 0);
    for (unsigned i = 0; i < count; i++) {
        buf_clear(&b);
        buf_clear(&again);
        assert_true(wire_question_write(&q[i], &b));
        assert_int_equal(wire_question_read(&arena, buf_slice(&b), &back, NULL), CIMF_OK);
        assert_true(back.kind == q[i].kind && back.id == q[i].id);
        assert_true(wire_question_write(&back, &again) && slice_eq(buf_slice(&b), buf_slice(&again)));
        torture(buf_slice(&b), read_question);
        seed("question", i, buf_slice(&b));
    }
    struct wire_answer *a = answers(p, &count), read;
    for (unsigned i = 0; i < count; i++) {
        buf_clear(&b);
        assert_true(wire_answer_write(&a[i], &b));
        assert_int_equal(wire_answer_read(&arena, buf_slice(&b), &read, NULL), CIMF_OK);
        assert_true(read.kind == a[i].kind && read.status == a[i].status && read.has_data == (a[i].principal != NULL));
        torture(buf_slice(&b), read_answer);
        seed("answer", i, buf_slice(&b));
    }
    const struct principal *r = principal_make(&read.data); /* the last one */
    assert_true(principal_same(p, r) && strcmp(p->id, r->id) == 0 && r->administrator && r->uid == 1000 && r->gid == 1001);
    assert_true(r->group_count == 2 && slice_is(r->groups[1], "Event Log Readers") && r->scheme == AUTH_KERBEROS);
    assert_true(r->uri_pattern_count == 1 && slice_is(r->uri_patterns[0], "http://x/*"));
    assert_true(r->token->count == p->token->count && r->token->security && r->token->take_ownership);
    for (unsigned i = 0; i < r->token->count; i++) assert_true(sid_eq(&r->token->sids[i], &p->token->sids[i]));
    principal_unref(r);
    principal_unref(p);
    /* Too long to be written. */
    static char big[WIRE_MESSAGE_MAX];
    struct wire_question long_one = { .kind = WIRE_PASSWORD, .password.user = { big, WIRE_TEXT_MAX + 1 } };
    assert_false(wire_question_write(&long_one, &b));
    buf_free(&b);
    buf_free(&again);
    arena_free(&arena);
}

/* ---- both ends ---- */

static char path[64], map_path[80];
static struct pool *pool;
static struct loop *home;
static struct auth_broker *real, *stand_in;
static int core_fd, broker_fd;
static pthread_t server;
static cimf_status served;

static void *serve_main(void *arg)
{
    served = auth_broker_serve(real, broker_fd, NULL);
    close(broker_fd);
    return NULL;
}

static void start_serving(void)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    core_fd = fds[0];
    broker_fd = fds[1];
    assert_int_equal(pthread_create(&server, NULL, serve_main, NULL), 0);
}

static int setup(void **state)
{
    struct slice group = SLICE("administrators");
    struct account_change alice = { .name = SLICE("alice"), .password = SLICE("secret"), .cost = 1,
                                    .groups = &group, .group_count = 1 };
    log_set_level(LOG_ERROR_);
    strcpy(path, "/tmp/cimfony-wire-XXXXXX");
    close(mkstemp(path));
    unlink(path);
    if (accounts_add(path, &alice, NULL) != CIMF_OK) return -1;
    struct account_change carl = { .name = SLICE("carl"), .password = SLICE("secret"), .cost = 1 };
    if (accounts_add(path, &carl, NULL) != CIMF_OK) return -1;
    snprintf(map_path, sizeof map_path, "%s.map", path);
    pool = pool_new("work", 2, 0, NULL);
    home = loop_new("home", NULL);
    struct auth_broker_config c = { .accounts_path = path, .certificates_path = map_path, .pool = pool_exec(pool), .dummy_cost = 1, .basic = true,
                                    .ntlm = true, .digest = true, .certificate = true, .delay_us = 3600000000,
                                    .max_delay_us = 3600000000 };
    if (loop_start(home, NULL) != CIMF_OK || auth_broker_new(&c, &real, NULL) != CIMF_OK) return -1;
    start_serving();
    stand_in = NULL;
    return 0;
}

static int setup_both(void **state)
{
    return setup(state) == 0 && auth_broker_connect(core_fd, &stand_in, NULL) == CIMF_OK ? 0 : -1;
}

static void end_serving(void)
{
    auth_broker_free(stand_in);
    stand_in = NULL;
    pthread_join(server, NULL);
}

static int teardown(void **state)
{
    static const char *const ends[] = { "", ".lock", ".key", ".map", ".map.lock" };
    if (stand_in) end_serving();
    auth_broker_free(real);
    pool_free(pool);
    loop_stop(home);
    loop_free(home);
    for (int i = 0; i < 5; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
    return 0;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;

struct result {
    bool done;
    cimf_status status;
    const struct principal *p;
    char rspauth[DIGEST_HEX];
    enum mech_result result;
    struct mech *context;
    char mechanism[16];
    char token[8192];
    size_t token_n;
};

static void finish(struct result *r)
{
    assert_true(exec_here(loop_exec(home)));
    pthread_mutex_lock(&lock);
    assert_false(r->done);
    r->done = true;
    pthread_cond_broadcast(&change);
    pthread_mutex_unlock(&lock);
}

static void on_answer(void *arg, cimf_status status, const struct principal *p)
{
    struct result *r = arg;
    r->status = status;
    r->p = p;
    finish(r);
}

static void on_digest(void *arg, cimf_status status, const struct principal *p, const char *rspauth)
{
    struct result *r = arg;
    snprintf(r->rspauth, sizeof r->rspauth, "%s", rspauth ? rspauth : "");
    on_answer(arg, status, p);
}

static void on_step(void *arg, const struct auth_exchange_answer *a)
{
    struct result *r = arg;
    r->result = a->result;
    r->context = a->context;
    snprintf(r->mechanism, sizeof r->mechanism, "%s", a->mechanism ? a->mechanism : "");
    assert_true(a->token.n <= sizeof r->token);
    memcpy(r->token, a->token.p ? a->token.p : "", a->token.n);
    r->token_n = a->token.n;
    on_answer(arg, a->status, a->principal);
}

static void await(struct result *r)
{
    pthread_mutex_lock(&lock);
    while (!r->done) pthread_cond_wait(&change, &lock);
    r->done = false;
    pthread_mutex_unlock(&lock);
}

static struct auth_password password(const char *text)
{
    return (struct auth_password){ SLICE("alice"), slice_str(text), SLICE("192.0.2.9"), AUTH_BASIC };
}

static cimf_status ask(const char *text, struct result *r)
{
    struct auth_password q = password(text);
    *r = (struct result){ .done = false };
    auth_check_password(stand_in, &q, loop_exec(home), on_answer, r);
    await(r);
    return r->status;
}

/* All that was sent before is dealt with. */
static void barrier(void) { auth_reload(stand_in, NULL); }

static void passwords(void **state)
{
    struct result r;
    struct auth_password q = password("secret");
    assert_null(auth_check_cached(stand_in, &q));
    barrier(); /* the greeting is here */
    assert_int_equal(ask("secret", &r), CIMF_OK);
    assert_true(slice_is(r.p->name, "alice") && r.p->administrator && r.p->scheme == AUTH_BASIC && !r.p->has_posix);
    struct sid s = sid_known(SID_ADMINISTRATORS);
    assert_true(access_token_has(r.p->token, &s));
    const struct principal *known = auth_resolve(real, slice_str(r.p->id));
    assert_true(known && known != r.p && principal_same(known, r.p) && known->administrator);
    principal_unref(known);
    assert_null(auth_resolve(stand_in, slice_str(r.p->id)));
    const struct principal *cached = auth_check_cached(stand_in, &q);
    assert_ptr_equal(cached, r.p); /* no question */
    principal_unref(cached);
    char id[37];
    strcpy(id, r.p->id);
    /* Still the same, with a principal of today. */
    struct result f = { .done = false };
    auth_refresh(stand_in, r.p, loop_exec(home), on_answer, &f);
    await(&f);
    assert_true(f.status == CIMF_OK && principal_same(f.p, r.p));
    principal_unref(f.p);
    /* A change of the accounts is told. */
    uint64_t generation = auth_generation(stand_in);
    assert_int_equal(accounts_enable(path, SLICE("alice"), false, NULL), CIMF_OK);
    barrier(); /* the new generation was sent before this answer */
    assert_true(auth_generation(stand_in) != generation);
    assert_null(auth_check_cached(stand_in, &q));
    assert_null(auth_resolve(real, slice_str(id))); /* in use, but closed */
    auth_refresh(stand_in, r.p, loop_exec(home), on_answer, &f);
    await(&f);
    assert_int_equal(f.status, CIMF_NOT_AUTHENTICATED);
    const struct principal *own = auth_local_principal(false); /* core itself stays who it is */
    auth_refresh(stand_in, own, loop_exec(home), on_answer, &f);
    await(&f);
    assert_ptr_equal(f.p, own);
    principal_unref(f.p);
    principal_unref(own);
    assert_int_equal(accounts_enable(path, SLICE("alice"), true, NULL), CIMF_OK);
    struct result wrong;
    assert_int_equal(ask("Secret", &wrong), CIMF_NOT_AUTHENTICATED);
    assert_null(wrong.p);
    principal_unref(r.p);
}

static void released_ids(void **state)
{
    struct result r;
    char id[37];
    struct auth_password q = password("secret");
    assert_int_equal(ask("secret", &r), CIMF_OK); /* before the greeting or not: perhaps remembered */
    strcpy(id, r.p->id);
    const struct principal *second = principal_ref(r.p);
    principal_unref(r.p);
    barrier();
    const struct principal *known = auth_resolve(real, slice_str(id));
    assert_non_null(known);
    principal_unref(known);
    principal_unref(second);
    struct account_change bob = { .name = SLICE("bob"), .password = SLICE("x"), .cost = 1 };
    assert_int_equal(accounts_add(path, &bob, NULL), CIMF_OK);
    barrier();
    end_serving(); /* nothing of it is left */
    assert_int_equal(served, CIMF_OK);
    assert_null(auth_resolve(real, slice_str(id)));
    assert_null(auth_resolve(real, SLICE("")));
    start_serving();
    assert_int_equal(auth_broker_connect(core_fd, &stand_in, NULL), CIMF_OK);
    barrier();
    assert_int_equal(ask("secret", &r), CIMF_OK);
    principal_unref(r.p);
    known = auth_check_cached(stand_in, &q);
    assert_non_null(known); /* core's memory has it */
    struct result out = { .done = false };
    auth_refresh(stand_in, known, loop_exec(home), on_answer, &out);
    principal_unref(known);
    await(&out);
    strcpy(id, out.p->id);
    known = auth_resolve(real, slice_str(id));
    assert_non_null(known);
    principal_unref(known);
    principal_unref(out.p);
    barrier();
    assert_null(auth_resolve(real, slice_str(id))); /* given back */
}

/* ---- exchanges over the wire ---- */

struct leg {
    struct auth_exchange *x;
    struct slice token;
    struct result r;
};
static void leg_new(void *arg)
{
    struct auth_exchange_config c = { .mechanism = AUTH_MECH_NEGOTIATE, .want = MECH_SIGN | MECH_SEAL,
                                      .address = SLICE("192.0.2.9") };
    assert_int_equal(auth_exchange_new(stand_in, &c, loop_exec(home), &((struct leg *)arg)->x, NULL), CIMF_OK);
}
static void leg_step(void *arg)
{
    struct leg *l = arg;
    auth_exchange_step(l->x, l->token, on_step, &l->r);
}
static void leg_free(void *arg) { auth_exchange_free(((struct leg *)arg)->x); }

static struct mech *client_new(const char *text, struct buf *token)
{
    struct mech *m;
    struct ntlm_client_config c = { .options = { .want = MECH_SIGN | MECH_SEAL, .target = SLICE("HTTP/here") },
                                    .user = SLICE("alice"), .password = slice_str(text) };
    assert_int_equal(ntlm_client_new(&c, &m, NULL), CIMF_OK);
    assert_int_equal(mech_step(m, SLICE(""), token, NULL), MECH_CONTINUE);
    return m;
}

/* The proof's answer is in l->r; l->x lives. */
static struct mech *run_exchange(struct leg *l, const char *text)
{
    struct buf token;
    buf_init(&token, 0);
    struct mech *client = client_new(text, &token);
    *l = (struct leg){ .token = buf_slice(&token) };
    assert_true(loop_call(home, leg_new, l) && loop_call(home, leg_step, l));
    await(&l->r);
    assert_int_equal(l->r.result, MECH_CONTINUE);
    buf_clear(&token);
    assert_int_equal(mech_step(client, slice_of(l->r.token, l->r.token_n), &token, NULL), MECH_COMPLETE);
    l->token = buf_slice(&token);
    assert_true(loop_call(home, leg_step, l));
    await(&l->r);
    buf_free(&token);
    return client;
}

/* In one turn of the loop, so that no answer comes between. */
static void leg_step_and_free(void *arg)
{
    leg_step(arg);
    leg_free(arg);
}

static void exchanges(void **state)
{
    struct leg l;
    struct mech *client = run_exchange(&l, "secret");
    assert_int_equal(l.r.result, MECH_COMPLETE);
    assert_true(slice_is(l.r.p->name, "alice") && l.r.p->scheme == AUTH_NTLM);
    assert_string_equal(l.r.mechanism, "NTLM");
    unsigned char text[] = "sealed", signature[MECH_SIGNATURE_MAX];
    struct mech_part part = { MECH_PART_SEAL, text, sizeof text };
    assert_int_equal(mech_seal(l.r.context, &part, 1, signature), CIMF_OK);
    assert_int_equal(mech_unseal(client, &part, 1, slice_of((char *)signature, 16)), CIMF_OK);
    assert_string_equal((char *)text, "sealed");
    mech_free(client);
    mech_free(l.r.context);
    principal_unref(l.r.p);
    assert_true(loop_call(home, leg_free, &l));
    client = run_exchange(&l, "wrong");
    assert_int_equal(l.r.status, CIMF_NOT_AUTHENTICATED);
    assert_null(l.r.p);
    mech_free(client);
    assert_true(loop_call(home, leg_free, &l));
    /* Too long a token; the end of an exchange whose step is under way: no answer comes. */
    static char big[70000];
    l = (struct leg){ .token = { big, sizeof big } };
    assert_true(loop_call(home, leg_new, &l) && loop_call(home, leg_step, &l));
    await(&l.r);
    assert_int_equal(l.r.status, CIMF_BAD_REQUEST);
    assert_true(loop_call(home, leg_step_and_free, &l));
    barrier();
    assert_false(l.r.done);
}

static void digest_and_certificate(void **state)
{
    char ha1[DIGEST_HEX], ha2[DIGEST_HEX], want[DIGEST_HEX], text[DIGEST_HEX];
    struct digest_response d = { .algorithm = DIGEST_MD5_SESS, .qop = DIGEST_QOP_AUTH, .username = SLICE("alice"),
                                 .realm = SLICE("WSMAN"), .nonce = SLICE("n"), .uri = SLICE("/"), .cnonce = SLICE("c"),
                                 .nc = 1, .nc_text = SLICE("00000001"), .opaque = SLICE("") };
    struct auth_digest q = { .response = &d, .ha2 = ha2, .ha2_reply = ha2, .address = SLICE("::1") };
    struct result r = { .done = false };
    digest_ha1(d.algorithm, d.username, d.realm, SLICE("secret"), ha1);
    digest_ha2(d.algorithm, d.qop, SLICE("GET"), d.uri, SLICE(""), ha2);
    digest_compute(&d, ha1, ha2, text);
    digest_compute(&d, ha1, ha2, want);
    d.response = slice_str(text);
    auth_check_digest(stand_in, &q, loop_exec(home), on_digest, &r);
    await(&r);
    assert_int_equal(r.status, CIMF_OK);
    assert_string_equal(r.rspauth, want);
    principal_unref(r.p);
    text[0] ^= 1;
    auth_check_digest(stand_in, &q, loop_exec(home), on_digest, &r);
    await(&r);
    assert_int_equal(r.status, CIMF_NOT_AUTHENTICATED);
    struct auth_certificate c = { SLICE("no certificate"), SLICE(""), SLICE("::1") };
    auth_check_certificate(stand_in, &c, loop_exec(home), on_answer, &r);
    await(&r);
    assert_int_equal(r.status, CIMF_NOT_AUTHENTICATED);
}

/* ---- the certificate map ---- */

struct mapped {
    struct result r;
    unsigned count, wrong;
    char reason[256], user[32];
    bool enabled;
};

#define ISSUER "0123456789abcdef0123456789abcdef01234567"

static void on_mappings(void *arg, const struct auth_mappings_answer *a)
{
    struct mapped *m = arg;
    m->count = a->count;
    m->wrong = 0;
    for (unsigned i = 0; i < a->count; i++) {
        char uri[64];
        snprintf(uri, sizeof uri, "http://x/%04u/", i);
        m->wrong += !slice_starts(a->rows[i].uri, slice_str(uri)) || !slice_is(a->rows[i].issuer, ISSUER);
    }
    snprintf(m->user, sizeof m->user, SLICE_FMT, a->count ? (int)a->rows[0].user.n : 0, a->count ? a->rows[0].user.p : "");
    m->enabled = a->count && a->rows[0].enabled;
    snprintf(m->reason, sizeof m->reason, "%s", a->error && a->status ? error_text(a->error) : "");
    on_answer(&m->r, a->status, NULL);
}

static cimf_status mapping(const struct principal *by, enum auth_mapping_verb verb, const char *uri, const char *user,
                           struct mapped *m)
{
    struct auth_mapping q = { verb, { SLICE(ISSUER), SLICE("alice"), slice_str(uri), slice_str(user), true }, true };
    *m = (struct mapped){ .count = 0 };
    auth_mappings(stand_in, by, &q, loop_exec(home), on_mappings, m);
    await(&m->r);
    return m->r.status;
}

/* More rows than a message holds. */
static void write_map(unsigned rows)
{
    FILE *f = fopen(map_path, "w");
    assert_non_null(f);
    fprintf(f, "cimfony-certificates 1\n");
    for (unsigned i = 0; i < rows; i++) {
        fprintf(f, "on\t" ISSUER "\talice\thttp://x/%04u/", i);
        for (int k = 0; k < 1900; k++) fputc('x', f);
        fprintf(f, "\talice\n");
    }
    fclose(f);
    assert_int_equal(chmod(map_path, 0600), 0);
    assert_int_equal(auth_reload(real, NULL), CIMF_OK);
}

/* covers: security:S11 */
static void mappings(void **state)
{
    struct result r;
    struct mapped m;
    assert_int_equal(ask("secret", &r), CIMF_OK);
    const struct principal *alice = r.p, *forged = auth_local_principal(true);
    struct auth_password q = { SLICE("carl"), SLICE("secret"), SLICE("192.0.2.9"), AUTH_BASIC };
    r = (struct result){ .done = false };
    auth_check_password(stand_in, &q, loop_exec(home), on_answer, &r);
    await(&r);
    const struct principal *carl = r.p;
    assert_true(alice && carl && alice->administrator && !carl->administrator);
    assert_int_equal(mapping(alice, AUTH_MAPPING_LIST, "", "", &m), CIMF_OK);
    assert_int_equal(m.count, 0);
    assert_int_equal(mapping(alice, AUTH_MAPPING_ADD, "http://x/0000/", "alice", &m), CIMF_OK);
    assert_int_equal(mapping(alice, AUTH_MAPPING_ADD, "http://x/0000/", "alice", &m), CIMF_ALREADY_EXISTS);
    assert_true(m.reason[0] != 0);
    assert_int_equal(mapping(alice, AUTH_MAPPING_ADD, "http://x/1", "nobody", &m), CIMF_INVALID_PARAMETER);
    assert_int_equal(mapping(alice, AUTH_MAPPING_PUT, "http://x/0000/", "carl", &m), CIMF_OK);
    assert_int_equal(mapping(alice, AUTH_MAPPING_LIST, "http://x/0000/", "", &m), CIMF_OK);
    assert_true(m.count == 1 && strcmp(m.user, "carl") == 0 && m.enabled && !m.wrong);
    /* Whatever core says: the broker issued these, or did not. */
    for (enum auth_mapping_verb v = AUTH_MAPPING_LIST; v <= AUTH_MAPPING_DELETE; v++) {
        assert_int_equal(mapping(carl, v, "http://x/0000/", "carl", &m), CIMF_ACCESS_DENIED);
        assert_int_equal(mapping(forged, v, "http://x/0000/", "carl", &m), CIMF_ACCESS_DENIED);
    }
    assert_int_equal(mapping(alice, AUTH_MAPPING_DELETE, "http://x/0000/", "", &m), CIMF_OK);
    assert_int_equal(mapping(alice, AUTH_MAPPING_DELETE, "http://x/0000/", "", &m), CIMF_NOT_FOUND);
    write_map(400);
    assert_int_equal(mapping(alice, AUTH_MAPPING_LIST, "", "", &m), CIMF_OK);
    assert_true(m.count == 400 && m.wrong == 0);
    /* He is none any more. */
    assert_int_equal(accounts_del(path, SLICE("alice"), NULL), CIMF_OK);
    assert_int_equal(auth_reload(real, NULL), CIMF_OK);
    assert_int_equal(mapping(alice, AUTH_MAPPING_LIST, "", "", &m), CIMF_ACCESS_DENIED);
    principal_unref(alice);
    principal_unref(carl);
    principal_unref(forged);
}

/* ---- ends that die or lie ---- */

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

/* ---- many at once ---- */

enum { THREADS = 4, EACH = 60 };

static void *hammer(void *arg)
{
    unsigned *right = arg;
    for (int i = 0; i < EACH; i++) {
        struct auth_password q = password("secret");
        const struct principal *p = auth_check_cached(stand_in, &q);
        struct result r = { .done = false };
        if (p) {
            auth_refresh(stand_in, p, loop_exec(home), on_answer, &r);
            principal_unref(p);
        } else {
            auth_check_password(stand_in, &q, loop_exec(home), on_answer, &r);
        }
        await(&r);
        *right += r.p != NULL;
        principal_unref(r.p);
        if (i % 20 == 10) auth_reload(stand_in, NULL); /* a new generation */
    }
    return NULL;
}

static void together(void **state)
{
    pthread_t threads[THREADS];
    unsigned right[THREADS] = { 0 };
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, hammer, &right[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(right[i], EACH);
    }
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, setup_both, teardown)
#define ALONE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages), WITH(passwords), WITH(released_ids), WITH(exchanges),
        WITH(digest_and_certificate), WITH(mappings), WITH(broker_dies), ALONE(core_lies), ALONE(broker_lies), WITH(together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
