/* Exchanges of the real broker: NTLM bare and below SPNEGO, every refusal, bounds, bindings. */
#include "base/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/access.h"
#include "auth/accounts.h"
#include "auth/broker_priv.h"
#include "base/log.h"
#include "mech/ntlm.h"
#include "mech/ntlm_message.h"
#include "mech/spnego.h"
#include "os/loop.h"
#include "os/pool.h"

#define BINDINGS "tls-server-end-point:0123456789abcdef0123456789abcdef"
#define OTHER "tls-server-end-point:another hash of the same length.."

static char path[64];
static struct auth_broker *broker;
static struct auth_broker_config config;

static int setup(void **state)
{
    struct slice groups[] = { SLICE("Operators"), SLICE("Event Log Readers") };
    struct account_change alice = { .name = SLICE("alice"), .password = SLICE("secret"), .cost = 1,
                                    .groups = groups, .group_count = 2 };
    struct account_change basic = { .name = SLICE("basic"), .password = SLICE("secret"), .cost = 1,
                                    .schemes = ACCOUNT_SCHEME(ACCOUNT_BASIC) };
    struct account_change off = { .name = SLICE("off"), .password = SLICE("secret"), .cost = 1 };
    log_set_level(LOG_ERROR_);
    strcpy(path, "/tmp/cimfony-exchange-XXXXXX");
    close(mkstemp(path));
    unlink(path);
    if (accounts_add(path, &alice, NULL) != CIMF_OK || accounts_add(path, &basic, NULL) != CIMF_OK ||
        accounts_add(path, &off, NULL) != CIMF_OK ||
        accounts_enable(path, SLICE("off"), false, NULL) != CIMF_OK)
        return -1;
    config = (struct auth_broker_config){ .ntlm = true, .accounts_path = path, .dummy_cost = 1 };
    return auth_broker_new(&config, &broker, NULL) == CIMF_OK ? 0 : -1;
}

static void forget(const char *end)
{
    char name[80];
    snprintf(name, sizeof name, "%s%s", path, end);
    unlink(name);
}

static int teardown(void **state)
{
    auth_broker_free(broker);
    forget("");
    forget(".lock");
    forget(".key");
    return 0;
}

static void again(void) /* with the changed configuration */
{
    auth_broker_free(broker);
    assert_int_equal(auth_broker_new(&config, &broker, NULL), CIMF_OK);
}

/* One handshake under way. */
struct talk {
    const char *user, *password;
    struct slice client_bindings;
    struct auth_exchange_config x;
    bool spnego;
    struct mech *client;
    struct auth_exchange *exchange;
    struct buf token;            /* to the server */
    unsigned answers;
    enum mech_result result;     /* of the server's last answer */
    cimf_status status;
    struct buf answer;
    const struct principal *principal;
    struct mech *context;
    char mechanism[16];
};

static void on_answer(void *arg, const struct auth_exchange_answer *a)
{
    struct talk *t = arg;
    t->answers++;
    t->result = a->result;
    t->status = a->status;
    buf_clear(&t->answer);
    buf_slice_add(&t->answer, a->token);
    t->principal = a->principal;
    t->context = a->context;
    snprintf(t->mechanism, sizeof t->mechanism, "%s", a->mechanism ? a->mechanism : "");
    assert_true((a->result == MECH_COMPLETE) == (a->principal != NULL));
    assert_true((a->result == MECH_COMPLETE) == (a->context != NULL));
    assert_true((a->result == MECH_FAILED) == (a->status != CIMF_OK));
}

static struct talk talk_of(const char *user, const char *password)
{
    return (struct talk){ .user = user, .password = password,
                          .x = { .mechanism = AUTH_MECH_NEGOTIATE, .want = MECH_SIGN | MECH_SEAL,
                                 .address = SLICE("192.0.2.9") } };
}

/* The client's first token; an exchange. */
static void talk_begin(struct talk *t)
{
    struct mech *ntlm;
    struct ntlm_client_config c = { .options = { .want = MECH_SIGN | MECH_SEAL,
                                                 .target = SLICE("HTTP/here"),
                                                 .bindings = t->client_bindings },
                                    .user = slice_str(t->user), .domain = SLICE("SOMEWHERE"),
                                    .password = slice_str(t->password) };
    buf_init(&t->token, 0);
    buf_init(&t->answer, 0);
    assert_int_equal(ntlm_client_new(&c, &ntlm, NULL), CIMF_OK);
    t->client = ntlm;
    if (t->spnego) assert_int_equal(spnego_client_new(&ntlm, 1, &t->client, NULL), CIMF_OK);
    assert_int_equal(mech_step(t->client, SLICE(""), &t->token, NULL), MECH_CONTINUE);
    assert_int_equal(auth_exchange_new(broker, &t->x, NULL, &t->exchange, NULL), CIMF_OK);
}

static void talk_step(struct talk *t)
{
    t->answers = 0;
    auth_exchange_step(t->exchange, buf_slice(&t->token), on_answer, t);
    assert_int_equal(t->answers, 1);
}

/* Up to the client's proof, which is in token. */
static void talk_to_proof(struct talk *t)
{
    talk_begin(t);
    talk_step(t);
    assert_int_equal(t->result, MECH_CONTINUE);
    buf_clear(&t->token);
    assert_int_not_equal(mech_step(t->client, buf_slice(&t->answer), &t->token, NULL), MECH_FAILED);
}

static void talk_end(struct talk *t)
{
    mech_free(t->client);
    mech_free(t->context);
    principal_unref(t->principal);
    auth_exchange_free(t->exchange);
    buf_free(&t->token);
    buf_free(&t->answer);
}

static cimf_status talk_all(struct talk *t)
{
    talk_to_proof(t);
    talk_step(t);
    if (t->result == MECH_CONTINUE) { /* SPNEGO: its last word */
        buf_clear(&t->token);
        mech_step(t->client, buf_slice(&t->answer), &t->token, NULL);
        talk_step(t);
    } else if (t->result == MECH_COMPLETE && t->answer.n) {
        struct buf none;
        buf_init(&none, 0);
        assert_int_equal(mech_step(t->client, buf_slice(&t->answer), &none, NULL), MECH_COMPLETE);
        buf_free(&none);
    }
    return t->status;
}

static cimf_status login(const char *user, const char *password)
{
    struct talk t = talk_of(user, password);
    cimf_status status = talk_all(&t);
    talk_end(&t);
    return status;
}

/* covers: security:S2 security:S31 */
static void succeeds(void **state)
{
    static const struct {
        enum auth_mechanism mechanism;
        bool spnego;
    } ways[] = { { AUTH_MECH_NTLM, false }, { AUTH_MECH_NEGOTIATE, false }, { AUTH_MECH_NEGOTIATE, true } };
    for (int i = 0; i < 3; i++) {
        struct talk t = talk_of("ALICE", "secret");
        unsigned char text[] = "sealed", signature[MECH_SIGNATURE_MAX];
        struct mech_part part = { MECH_PART_SEAL, text, sizeof text };
        struct sid s;
        t.x.mechanism = ways[i].mechanism;
        t.spnego = ways[i].spnego;
        assert_int_equal(talk_all(&t), CIMF_OK);
        assert_string_equal(t.mechanism, "NTLM");
        assert_true(slice_is(t.principal->name, "alice") && t.principal->scheme == AUTH_NTLM);
        assert_false(t.principal->administrator || t.principal->has_posix);
        s = sid_known(SID_NTLM);
        assert_true(access_token_has(t.principal->token, &s));
        assert_true(sid_builtin(SLICE("Event Log Readers"), &s) && access_token_has(t.principal->token, &s));
        struct accounts *all;
        assert_int_equal(accounts_load(path, &all, NULL), CIMF_OK);
        assert_true(accounts_group_sid(all, SLICE("operators"), &s));
        assert_true(access_token_has(t.principal->token, &s));
        accounts_unref(all);
        assert_int_equal(mech_seal(t.context, &part, 1, signature), CIMF_OK);
        assert_memory_not_equal(text, "sealed", 6);
        assert_int_equal(mech_unseal(t.client, &part, 1, slice_of((char *)signature, 16)), CIMF_OK);
        assert_string_equal((char *)text, "sealed");
        struct talk late = talk_of("alice", "secret"); /* nothing after the end */
        buf_init(&late.answer, 0);
        auth_exchange_step(t.exchange, buf_slice(&t.token), on_answer, &late);
        assert_int_equal(late.result, MECH_FAILED);
        buf_free(&late.answer);
        talk_end(&t);
    }
}

static void refuses_alike(void **state)
{
    static const char *const wrong[][2] = { { "alice", "Secret" }, { "nobody", "secret" }, { "off", "secret" },
                                            { "basic", "secret" }, { "alice@elsewhere", "secret" } };
    for (int spnego = 0; spnego < 2; spnego++) {
        struct buf first;
        buf_init(&first, 0);
        for (int i = 0; i < 5; i++) {
            struct talk t = talk_of(wrong[i][0], wrong[i][1]);
            t.spnego = spnego;
            assert_int_equal(talk_all(&t), CIMF_NOT_AUTHENTICATED);
            if (i == 0) buf_slice_add(&first, buf_slice(&t.answer));
            assert_true(slice_eq(buf_slice(&first), buf_slice(&t.answer)));
            talk_end(&t);
        }
        buf_free(&first);
    }
    assert_int_equal(login("alice", "secret"), CIMF_OK);
}

static void replayed(void **state)
{
    struct talk t = talk_of("alice", "secret"), u = talk_of("alice", "secret");
    talk_to_proof(&t);
    talk_to_proof(&u);
    buf_clear(&u.token);
    buf_slice_add(&u.token, buf_slice(&t.token));
    talk_step(&t);
    assert_int_equal(t.result, MECH_COMPLETE);
    talk_step(&u); /* another challenge */
    assert_int_equal(u.status, CIMF_NOT_AUTHENTICATED);
    talk_end(&t);
    talk_end(&u);
    struct talk v = talk_of("alice", "secret"); /* a proof as the first token */
    talk_to_proof(&v);
    auth_exchange_free(v.exchange);
    assert_int_equal(auth_exchange_new(broker, &v.x, NULL, &v.exchange, NULL), CIMF_OK);
    talk_step(&v);
    assert_int_equal(v.result, MECH_FAILED);
    talk_end(&v);
}

/* The account goes, or becomes another, between the legs. */
static void deleted_between(void **state)
{
    struct account_change c = { .name = SLICE("alice"), .password = SLICE("secret"), .cost = 1 };
    struct talk t = talk_of("alice", "secret");
    talk_to_proof(&t);
    assert_int_equal(accounts_del(path, SLICE("alice"), NULL), CIMF_OK);
    talk_step(&t);
    assert_int_equal(t.status, CIMF_NOT_AUTHENTICATED);
    talk_end(&t);
    assert_int_equal(accounts_add(path, &c, NULL), CIMF_OK);
    assert_int_equal(login("alice", "secret"), CIMF_OK);
    struct talk u = talk_of("alice", "secret");
    talk_to_proof(&u);
    assert_int_equal(accounts_enable(path, SLICE("alice"), false, NULL), CIMF_OK);
    talk_step(&u);
    assert_int_equal(u.status, CIMF_NOT_AUTHENTICATED);
    talk_end(&u);
}

/* covers: security:S27 */
static void mic_changed(void **state)
{
    struct talk t = talk_of("alice", "secret");
    talk_to_proof(&t);
    t.token.p[NTLM_MIC_OFFSET + 3] ^= 1;
    talk_step(&t);
    assert_int_equal(t.status, CIMF_NOT_AUTHENTICATED);
    talk_end(&t);
    struct talk u = talk_of("alice", "secret"); /* taken out: the flag in the proven blob still says so */
    talk_to_proof(&u);
    memset(u.token.p + NTLM_MIC_OFFSET, 0, NTLM_MIC_SIZE);
    talk_step(&u);
    assert_int_equal(u.status, CIMF_NOT_AUTHENTICATED);
    talk_end(&u);
}

static cimf_status bound_login(const char *server, const char *client, struct slice more, bool *bound)
{
    struct talk t = talk_of("alice", "secret");
    t.x.bindings = slice_str(server);
    t.x.more_bindings = more;
    t.client_bindings = slice_str(client);
    cimf_status status = talk_all(&t);
    *bound = t.context && (t.context->flags & MECH_BOUND);
    talk_end(&t);
    return status;
}

/* covers: security:S12 */
static void binding_levels(void **state)
{
    static const struct {
        enum mech_binding level;
        const char *server, *client;
        bool ok, bound;
    } cases[] = {
        { MECH_BINDING_NONE, BINDINGS, BINDINGS, true, false },
        { MECH_BINDING_NONE, BINDINGS, OTHER, true, false },
        { MECH_BINDING_NONE, BINDINGS, "", true, false },
        { MECH_BINDING_RELAXED, BINDINGS, BINDINGS, true, true },
        { MECH_BINDING_RELAXED, BINDINGS, OTHER, false, false },
        { MECH_BINDING_RELAXED, BINDINGS, "", true, false },
        { MECH_BINDING_STRICT, BINDINGS, BINDINGS, true, true },
        { MECH_BINDING_STRICT, BINDINGS, OTHER, false, false },
        { MECH_BINDING_STRICT, BINDINGS, "", false, false },
        /* Without TLS no level applies, whatever the client sends. */
        { MECH_BINDING_STRICT, "", "", true, false },
        { MECH_BINDING_STRICT, "", BINDINGS, true, false },
    };
    bool bound;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        config.binding_level = cases[i].level;
        again();
        cimf_status status = bound_login(cases[i].server, cases[i].client, SLICE(""), &bound);
        assert_int_equal(status, cases[i].ok ? CIMF_OK : CIMF_NOT_AUTHENTICATED);
        assert_int_equal(bound, cases[i].bound);
    }
    /* A proxy's certificate, behind another one; lists that are none. */
    config.binding_level = MECH_BINDING_STRICT;
    again();
    struct slice more = SLICE("\x03" "abc" "\x20" "another hash of the same length.");
    assert_int_equal(bound_login(BINDINGS, "tls-server-end-point:another hash of the same length.", more, &bound),
                     CIMF_OK);
    assert_true(bound);
    assert_int_equal(bound_login(BINDINGS, OTHER, more, &bound), CIMF_NOT_AUTHENTICATED);
    assert_int_equal(bound_login(BINDINGS, OTHER, SLICE("\xff" "abc"), &bound), CIMF_NOT_AUTHENTICATED);
    assert_int_equal(bound_login(BINDINGS, OTHER, SLICE("\0\0"), &bound), CIMF_NOT_AUTHENTICATED);
}

static void bad_tokens(void **state)
{
    static char big[65536 + 1];
    const struct slice tokens[] = { SLICE_NULL, SLICE(""), SLICE("x"), SLICE("NTLMSSP"), { big, 65536 },
                                    SLICE("\x60\x84\xff\xff\xff\xff"), SLICE("NTLMSSP\0\2\0\0\0") };
    for (int m = AUTH_MECH_NEGOTIATE; m <= AUTH_MECH_NTLM; m++) {
        for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
            for (int second = 0; second < 2; second++) {
                struct talk t = talk_of("alice", "secret");
                t.x.mechanism = (enum auth_mechanism)m;
                talk_begin(&t);
                if (second) talk_step(&t);
                buf_clear(&t.token);
                buf_slice_add(&t.token, tokens[i]);
                talk_step(&t);
                assert_int_equal(t.result, MECH_FAILED);
                assert_true(t.status == CIMF_BAD_REQUEST || t.status == CIMF_NOT_AUTHENTICATED);
                talk_step(&t); /* and stays so */
                assert_int_equal(t.result, MECH_FAILED);
                talk_end(&t);
            }
        }
    }
}

/* covers: security:S6 */
static void switched_off(void **state)
{
    config.ntlm = false;
    again();
    for (int m = AUTH_MECH_NEGOTIATE; m <= AUTH_MECH_KERBEROS; m++) {
        struct talk t = talk_of("alice", "secret");
        t.x.mechanism = (enum auth_mechanism)m;
        talk_begin(&t);
        talk_step(&t);
        assert_int_equal(t.status, CIMF_NOT_AUTHENTICATED);
        talk_end(&t);
    }
}

static void bounded(void **state)
{
    struct auth_exchange *x[8];
    struct auth_exchange_config c = { .address = SLICE("192.0.2.1") };
    config.max_exchanges = 4;
    config.max_exchanges_address = 3;
    again();
    for (int i = 0; i < 3; i++) assert_int_equal(auth_exchange_new(broker, &c, NULL, &x[i], NULL), CIMF_OK);
    assert_int_equal(auth_exchange_new(broker, &c, NULL, &x[3], NULL), CIMF_SERVER_TOO_BUSY);
    assert_null(x[3]);
    c.address = SLICE("::ffff:192.0.2.1"); /* the same peer */
    assert_int_equal(auth_exchange_new(broker, &c, NULL, &x[3], NULL), CIMF_SERVER_TOO_BUSY);
    c.address = SLICE("192.0.2.2");
    assert_int_equal(auth_exchange_new(broker, &c, NULL, &x[3], NULL), CIMF_OK);
    c.address = SLICE("192.0.2.3");
    assert_int_equal(auth_exchange_new(broker, &c, NULL, &x[4], NULL), CIMF_SERVER_TOO_BUSY);
    auth_exchange_free(x[1]);
    assert_int_equal(auth_exchange_new(broker, &c, NULL, &x[1], NULL), CIMF_OK);
    for (int i = 0; i < 4; i++) auth_exchange_free(x[i]);
    auth_exchange_free(NULL);
    /* What is finished counts no more, even while its owner keeps it. */
    config.max_exchanges = 1;
    again();
    struct talk t = talk_of("alice", "secret");
    assert_int_equal(talk_all(&t), CIMF_OK);
    assert_int_equal(login("alice", "secret"), CIMF_OK);
    talk_end(&t);
    /* Too slow. */
    config.exchange_timeout_us = -1;
    again();
    struct talk u = talk_of("alice", "secret");
    talk_begin(&u);
    talk_step(&u);
    assert_int_equal(u.status, CIMF_NOT_AUTHENTICATED);
    talk_end(&u);
}

/* ---- with workers ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;
static unsigned done_count;
static struct loop *home;

static void on_home(void *arg, const struct auth_exchange_answer *a)
{
    assert_true(exec_here(loop_exec(home)));
    on_answer(arg, a);
    pthread_mutex_lock(&lock);
    done_count++;
    pthread_cond_broadcast(&change);
    pthread_mutex_unlock(&lock);
}

static void wait_done(unsigned n)
{
    pthread_mutex_lock(&lock);
    while (done_count < n) pthread_cond_wait(&change, &lock);
    pthread_mutex_unlock(&lock);
}

static void start_step(void *arg)
{
    struct talk *t = arg;
    if (!t->exchange)
        assert_int_equal(auth_exchange_new(broker, &t->x, loop_exec(home), &t->exchange, NULL), CIMF_OK);
    auth_exchange_step(t->exchange, buf_slice(&t->token), on_home, t);
}
static void free_exchange(void *arg)
{
    struct talk *t = arg;
    auth_exchange_free(t->exchange);
    t->exchange = NULL;
}

static void post_step(struct talk *t)
{
    assert_true(loop_call(home, start_step, t));
}

/* The first leg, then the proof goes in; its answer is not waited for. */
static void post_login(struct talk *t)
{
    talk_begin(t);
    auth_exchange_free(t->exchange);
    t->exchange = NULL;
    unsigned before = done_count;
    post_step(t);
    wait_done(before + 1);
    assert_int_equal(t->result, MECH_CONTINUE);
    buf_clear(&t->token);
    assert_int_equal(mech_step(t->client, buf_slice(&t->answer), &t->token, NULL), MECH_COMPLETE);
    post_step(t);
}

static void delayed_and_stopped(void **state)
{
    struct pool *pool = pool_new("work", 2, 0, NULL);
    struct talk t[5];
    home = loop_new("home", NULL);
    assert_int_equal(loop_start(home, NULL), CIMF_OK);
    config.pool = pool_exec(pool);
    config.free_failures = 1;
    config.delay_us = config.max_delay_us = 3600000000;
    again();
    for (int i = 0; i < 5; i++) t[i] = talk_of(i == 4 ? "basic" : "alice", i < 2 ? "wrong" : "secret");
    for (unsigned i = 0; i < 2; i++) {
        post_login(&t[i]);
        wait_done(2 * (i + 1));
        assert_int_equal(t[i].status, CIMF_NOT_AUTHENTICATED);
    }
    post_login(&t[2]); /* right, but has to wait now */
    post_login(&t[3]);
    post_login(&t[4]); /* another user does not */
    wait_done(8);
    assert_int_equal(t[2].result, MECH_CONTINUE);
    assert_int_equal(t[4].status, CIMF_NOT_AUTHENTICATED);
    assert_true(loop_call(home, free_exchange, &t[3])); /* its answer will not come */
    auth_broker_free(broker);
    wait_done(9);
    assert_int_equal(t[2].status, CIMF_SHUTTING_DOWN);
    t[2].answers = 0;
    post_step(&t[2]); /* the broker is gone, the exchange knows */
    wait_done(10);
    assert_int_equal(t[2].status, CIMF_SHUTTING_DOWN);
    for (int i = 0; i < 5; i++) assert_true(loop_call(home, free_exchange, &t[i]));
    pool_free(pool);
    loop_stop(home);
    loop_free(home);
    assert_int_equal(done_count, 10);
    for (int i = 0; i < 5; i++) talk_end(&t[i]);
    config.pool = NULL;
    assert_int_equal(auth_broker_new(&config, &broker, NULL), CIMF_OK);
}

/* The clock ends what nobody goes on with. */
static void abandoned(void **state)
{
    struct pool *pool = pool_new("work", 1, 0, NULL);
    struct auth_exchange_config c = { .address = SLICE("192.0.2.1") };
    struct auth_exchange *x[3];
    config.pool = pool_exec(pool);
    config.exchange_timeout_us = 1000;
    again();
    struct broker_local *b = broker_local(broker);
    for (int i = 0; i < 3; i++) assert_int_equal(auth_exchange_new(broker, &c, NULL, &x[i], NULL), CIMF_OK);
    for (bool left = true; left;) {
        usleep(1000);
        pthread_mutex_lock(&b->lock);
        left = b->exchange_count > 0;
        pthread_mutex_unlock(&b->lock);
    }
    for (int i = 0; i < 3; i++) auth_exchange_free(x[i]);
    config.pool = NULL;
    again();
    pool_free(pool);
}

/* ---- names of a realm ---- */

static struct slice binary(const char *text, char out[SID_BYTES])
{
    struct sid s;
    assert_true(sid_parse(slice_str(text), &s));
    sid_write(&s, out);
    return slice_of(out, sid_size(&s));
}

static void realm_users(void **state)
{
    const char *admins[] = { "boss@EXAMPLE.NET", "S-1-5-21-1-2-3-512", NULL };
    struct account_change c = { .name = SLICE("eve@EXAMPLE.NET"), .password = SLICE("x"), .cost = 1,
                                .posix_user = SLICE("root") };
    assert_int_equal(accounts_add(path, &c, NULL), CIMF_OK);
    config.admin_groups = admins;
    again();
    struct broker_local *b = broker_local(broker);
    struct accounts *all = broker_accounts(b, NULL);
    struct slice realm = SLICE("EXAMPLE.NET");
    struct sid s;
    char room[6][SID_BYTES];
    /* Names alone: stable, distinct, never local accounts. */
    const struct principal *p = identity_of_realm_user(b, all, SLICE("alice"), realm, NULL, 0);
    const struct principal *q = identity_of_realm_user(b, all, SLICE("alice"), realm, NULL, 0);
    assert_true(p && q && principal_same(p, q) && strncmp(p->sid, "S-1-22-16-", 10) == 0);
    assert_true(slice_is(p->domain, "EXAMPLE.NET") && p->scheme == AUTH_KERBEROS);
    assert_false(p->has_posix || p->administrator || p->group_count);
    s = sid_known(SID_LOCAL_ACCOUNT);
    assert_false(access_token_has(p->token, &s));
    principal_unref(q);
    q = identity_of_realm_user(b, all, SLICE("alice"), SLICE("EXAMPLE.ORG"), NULL, 0);
    assert_false(principal_same(p, q));
    principal_unref(p);
    principal_unref(q);
    p = identity_of_realm_user(b, all, SLICE("boss"), realm, NULL, 0);
    assert_true(p && p->administrator);
    principal_unref(p);
    p = identity_of_realm_user(b, all, SLICE("Boss"), realm, NULL, 0); /* another name to a realm */
    assert_false(p->administrator);
    principal_unref(p);
    /* An account of that name: groups, and a local user that is not root. */
    p = identity_of_realm_user(b, all, SLICE("eve"), realm, NULL, 0);
    assert_true(p && !p->has_posix && !p->administrator && p->uid == UINT32_MAX);
    assert_true(sid_of_gid(0, &s) && !access_token_has(p->token, &s));
    principal_unref(p);
    /* A PAC speaks for its own domain only. */
    char local[SID_TEXT];
    snprintf(local, sizeof local, SLICE_FMT "-1000", SLICE_ARG(accounts_domain_sid(all)));
    struct slice sids[] = { binary("S-1-5-21-1-2-3-1104", room[0]), binary("S-1-5-21-1-2-3-513", room[1]),
                            binary("S-1-5-32-544", room[2]), binary("S-1-22-1-0", room[3]),
                            binary(local, room[4]), binary("S-1-5-18", room[5]), SLICE("\1\17junk") };
    p = identity_of_realm_user(b, all, SLICE("dom"), realm, sids, 7);
    assert_true(p && strcmp(p->sid, "S-1-5-21-1-2-3-1104") == 0 && !p->administrator);
    assert_true(sid_parse(SLICE("S-1-5-21-1-2-3-513"), &s) && access_token_has(p->token, &s));
    for (int i = 2; i < 6; i++) {
        struct cursor at = cursor_of(sids[i]);
        assert_true(sid_read(&at, &s) && !access_token_has(p->token, &s));
    }
    principal_unref(p);
    sids[1] = binary("S-1-5-21-1-2-3-512", room[1]);
    p = identity_of_realm_user(b, all, SLICE("dom"), realm, sids, 2);
    assert_true(p && p->administrator);
    principal_unref(p);
    accounts_unref(all);
    assert_int_equal(accounts_enable(path, SLICE("eve@EXAMPLE.NET"), false, NULL), CIMF_OK);
    all = broker_accounts(b, NULL);
    assert_null(identity_of_realm_user(b, all, SLICE("eve"), realm, NULL, 0));
    accounts_unref(all);
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(succeeds), WITH(refuses_alike), WITH(replayed), WITH(deleted_between), WITH(mic_changed),
        WITH(binding_levels), WITH(bad_tokens), WITH(switched_off), WITH(bounded),
        WITH(delayed_and_stopped), WITH(abandoned), WITH(realm_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
