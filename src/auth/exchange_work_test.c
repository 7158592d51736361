/* Exchanges whose work is done elsewhere: on the pool, delayed, stopped, abandoned; and who a name of a realm is. */
#include "auth/exchange_harness.h"

#include <pthread.h>

#include "auth/access.h"
#include "os/loop.h"
#include "os/pool.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(delayed_and_stopped), WITH(abandoned), WITH(realm_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
