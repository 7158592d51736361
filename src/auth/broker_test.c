/* The broker: names, equal answers, memory of successes, slowing failures, changes of the file. */
#include "base/test.h"

#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/access.h"
#include "auth/accounts.h"
#include "auth/broker_priv.h"
#include "auth/principal_priv.h"
#include "base/log.h"
#include "os/loop.h"
#include "os/pool.h"

static char path[64];
static struct auth_broker *broker;

static int setup(void **state)
{
    struct passwd *me = getpwuid(geteuid());
    struct slice admin = SLICE("Administrators");
    struct account_change c = { .name = SLICE("alice"), .password = SLICE("secret"), .cost = 1,
                                .groups = &admin, .group_count = 1,
                                .posix_user = slice_str(me ? me->pw_name : "root") };
    struct account_change d = { .name = SLICE("Bob"), .password = SLICE("secret2"), .cost = 1 };
    struct auth_broker_config bc = { .basic = true, .accounts_path = path, .dummy_cost = 1 };
    log_set_level(LOG_ERROR_);
    strcpy(path, "/tmp/cimfony-broker-XXXXXX");
    close(mkstemp(path));
    unlink(path);
    if (accounts_add(path, &c, NULL) != CIMF_OK || accounts_add(path, &d, NULL) != CIMF_OK) return -1;
    return auth_broker_new(&bc, &broker, NULL) == CIMF_OK ? 0 : -1;
}

static int teardown(void **state)
{
    static const char *const made[] = { "", ".lock", ".key" };
    auth_broker_free(broker);
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", path, made[i]);
        unlink(name);
    }
    return 0;
}

struct answer {
    cimf_status status;
    const struct principal *p;
    unsigned count;
};

static void on_answer(void *arg, cimf_status status, const struct principal *p)
{
    struct answer *a = arg;
    a->status = status;
    a->p = p;
    a->count++;
}

static struct auth_password question(const char *user, const char *password)
{
    return (struct auth_password){ slice_str(user), slice_str(password), SLICE("192.0.2.9"), AUTH_BASIC };
}

static cimf_status ask(const char *user, const char *password, const struct principal **out)
{
    struct answer a = { 0 };
    struct auth_password q = question(user, password);
    auth_check_password(broker, &q, NULL, on_answer, &a);
    assert_int_equal(a.count, 1);
    assert_true((a.status == CIMF_OK) == (a.p != NULL));
    if (out) *out = a.p;
    else principal_unref(a.p);
    return a.status;
}

static void right_and_wrong(void **state)
{
    const struct principal *p;
    assert_int_equal(ask("alice", "secret", &p), CIMF_OK);
    assert_true(slice_is(p->name, "alice") && p->scheme == AUTH_BASIC && p->administrator);
    assert_true(p->has_posix && p->uid == geteuid());
    assert_int_equal(p->group_count, 1);
    assert_true(strncmp(p->sid, "S-1-5-21-", 9) == 0 && strcmp(strrchr(p->sid, '-'), "-1000") == 0);
    assert_int_equal(strlen(p->id), 36);
    const struct principal *q;
    assert_int_equal(ask("ALICE", "secret", &q), CIMF_OK);
    assert_true(principal_same(p, q) && strcmp(p->id, q->id) != 0);
    principal_unref(p);
    assert_int_equal(ask("bob", "secret2", &p), CIMF_OK);
    /* No mapping: nobody, and never uid 0 by default. */
    assert_false(p->has_posix || p->administrator || p->uid == 0 || p->gid == 0);
    assert_false(principal_same(p, q));
    principal_unref(p);
    principal_unref(q);
    static const char *const wrong[][2] = { { "alice", "Secret" }, { "alice", "" }, { "alice", "secret2" },
        { "alice", "secretx" }, { "mallory", "secret" }, { "", "" }, { "", "secret" }, { "alice ", "secret" },
        { "alice", "\xff" }, { "root", "" }, { "alic", "secret" } };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(ask(wrong[i][0], wrong[i][1], NULL), CIMF_NOT_AUTHENTICATED);
    struct answer a = { 0 };
    struct auth_password nul = { SLICE("alice"), SLICE("secret\0x"), SLICE("::1"), AUTH_BASIC };
    auth_check_password(broker, &nul, NULL, on_answer, &a);
    assert_int_equal(a.status, CIMF_NOT_AUTHENTICATED);
    char big[9000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    assert_int_equal(ask(big, big, NULL), CIMF_NOT_AUTHENTICATED);
    assert_int_equal(ask("alice", big, NULL), CIMF_NOT_AUTHENTICATED);
}

static void name_forms(void **state)
{
    char host[256] = "", text[600];
    gethostname(host, sizeof host - 1);
    snprintf(text, sizeof text, "%s\\alice", host);
    assert_int_equal(ask(text, "secret", NULL), CIMF_OK);
    snprintf(text, sizeof text, "alice@%s", host);
    assert_int_equal(ask(text, "secret", NULL), CIMF_OK);
    assert_int_equal(ask(".\\Alice", "secret", NULL), CIMF_OK);
    assert_int_equal(ask("LOCALHOST\\alice", "secret", NULL), CIMF_OK);
    assert_int_equal(ask("elsewhere\\alice", "secret", NULL), CIMF_NOT_AUTHENTICATED);
    assert_int_equal(ask("alice@elsewhere", "secret", NULL), CIMF_NOT_AUTHENTICATED);
    assert_int_equal(ask("@localhost", "secret", NULL), CIMF_NOT_AUTHENTICATED);
    /* A full name that is an account goes first. */
    struct account_change c = { .name = SLICE("carol@elsewhere"), .password = SLICE("x"), .cost = 1 };
    assert_int_equal(accounts_add(path, &c, NULL), CIMF_OK);
    assert_int_equal(ask("carol@elsewhere", "x", NULL), CIMF_OK);
}

static void file_changes(void **state)
{
    struct auth_password q = question("alice", "secret");
    struct account_change c = { .name = SLICE("alice"), .password = SLICE("new"), .cost = 1 };
    assert_int_equal(ask("alice", "secret", NULL), CIMF_OK);
    const struct principal *p = auth_check_cached(broker, &q);
    assert_non_null(p);
    principal_unref(p);
    uint64_t generation = auth_generation(broker);
    assert_int_equal(accounts_passwd(path, &c, NULL), CIMF_OK);
    assert_int_equal(ask("alice", "secret", NULL), CIMF_NOT_AUTHENTICATED); /* looked by itself */
    assert_true(auth_generation(broker) != generation);
    assert_null(auth_check_cached(broker, &q));
    assert_int_equal(ask("alice", "new", NULL), CIMF_OK);
    assert_int_equal(accounts_enable(path, SLICE("alice"), false, NULL), CIMF_OK);
    assert_int_equal(ask("alice", "new", NULL), CIMF_NOT_AUTHENTICATED);
    assert_int_equal(accounts_enable(path, SLICE("alice"), true, NULL), CIMF_OK);
    assert_int_equal(ask("alice", "new", NULL), CIMF_OK);
    /* A file that cannot be trusted lets nobody in. */
    FILE *f = fopen(path, "a");
    fputs("junk\n", f);
    fclose(f);
    assert_int_equal(ask("alice", "new", NULL), CIMF_NOT_AUTHENTICATED);
    unlink(path);
    assert_int_equal(ask("alice", "new", NULL), CIMF_NOT_AUTHENTICATED);
    assert_int_equal(accounts_add(path, &c, NULL), CIMF_OK);
    assert_int_equal(ask("alice", "new", NULL), CIMF_OK);
}

static void memory_of_successes(void **state)
{
    struct verified v;
    unsigned char mac[32], other[32];
    struct principal_data d = { .name = SLICE("x"), .domain = SLICE(""), .sid = "S-1-0-0" };
    const struct principal *p = principal_make(&d);
    struct auth_password a = question("ab", "c"), b = question("a", "bc");
    verified_init(&v);
    assert_true(verified_mac(&v, &a, mac) && verified_mac(&v, &b, other));
    assert_memory_not_equal(mac, other, 32);
    assert_null(verified_find(&v, mac, 1, 0));
    verified_put(&v, mac, 1, 100, p);
    const struct principal *q = verified_find(&v, mac, 1, 99);
    assert_ptr_equal(q, p);
    principal_unref(q);
    assert_null(verified_find(&v, mac, 1, 100)); /* expired */
    assert_null(verified_find(&v, mac, 2, 99));  /* accounts changed */
    assert_null(verified_find(&v, other, 1, 99));
    for (int i = 0; i < 5000; i++) { /* bounded: more successes push old ones out */
        memcpy(mac, &i, sizeof i);
        mac[31] = (unsigned char)i;
        verified_put(&v, mac, 1, 100 + i, p);
    }
    verified_free(&v);
    assert_int_equal(p->refs, 1);
    principal_unref(p);
}

static void failures_slow_down(void **state)
{
    struct failures f;
    struct slice u = SLICE("alice"), here = SLICE("192.0.2.1"), there = SLICE("192.0.2.2");
    failures_init(&f, 250, 30000, 2);
    assert_int_equal(failures_due(&f, u, here, 1000), 0);
    failures_add(&f, u, here, 1000);
    failures_add(&f, u, here, 1000);
    assert_int_equal(failures_due(&f, u, here, 1000), 0);
    int64_t want = 250;
    for (int i = 0; i < 7; i++, want *= 2) {
        failures_add(&f, u, here, 1000);
        assert_int_equal(failures_due(&f, u, here, 1000), 1000 + want);
    }
    assert_int_equal(failures_due(&f, u, here, 1000 + want), 0);
    assert_int_equal(failures_due(&f, u, there, 1000), 0); /* the real alice elsewhere */
    failures_clear(&f, u, here);
    assert_int_equal(failures_due(&f, u, here, 1000), 0);
    /* One address trying many users is slowed for all; success of one user does not help it. */
    for (int i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof name, "u%d", i);
        failures_add(&f, slice_str(name), there, 2000);
    }
    assert_true(failures_due(&f, SLICE("new"), there, 2000) > 2000);
    failures_clear(&f, SLICE("u1"), there);
    assert_true(failures_due(&f, SLICE("new"), there, 2000) > 2000);
    /* One user from everywhere: mild. */
    for (int i = 0; i < 60; i++) {
        char address[32];
        snprintf(address, sizeof address, "198.51.100.%d", i);
        failures_add(&f, u, slice_str(address), 3000);
    }
    assert_int_equal(failures_due(&f, u, SLICE("203.0.113.1"), 3000), 3000 + 30000 / 8);
    /* An IPv6 peer owns its /64. */
    for (int i = 0; i < 12; i++) failures_add(&f, u, SLICE("2001:db8::1"), 4000);
    assert_true(failures_due(&f, SLICE("v"), SLICE("2001:db8::ffff"), 4000) > 4000);
    assert_int_equal(failures_due(&f, SLICE("v"), SLICE("2001:db8:0:1::1"), 4000), 0);
    /* An IPv4 address written as IPv6 is the same address, and not its neighbour's. */
    for (int i = 0; i < 12; i++) failures_add(&f, u, SLICE("203.0.113.50"), 4000);
    assert_true(failures_due(&f, SLICE("v"), SLICE("::ffff:203.0.113.50"), 4000) > 4000);
    assert_int_equal(failures_due(&f, SLICE("v"), SLICE("::ffff:203.0.113.51"), 4000), 0);
    assert_int_equal(failures_due(&f, u, here, 4000 + 2 * FAILURES_FORGOTTEN_US), 0);
    for (int i = 0; i < 3 * FAILURES_MAX; i++) { /* bounded */
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        failures_add(&f, slice_str(name), here, 5000);
    }
    assert_true(f.by_key.count <= FAILURES_MAX);
    failures_free(&f);
}

/* ---- with workers ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;
static unsigned ok_count, refused_count, busy_count, stopped_count, answers;
static struct loop *home;

static void count_answer(void *arg, cimf_status status, const struct principal *p)
{
    assert_true(exec_here(loop_exec(home)));
    principal_unref(p);
    pthread_mutex_lock(&lock);
    answers++;
    ok_count += status == CIMF_OK;
    refused_count += status == CIMF_NOT_AUTHENTICATED;
    busy_count += status == CIMF_SERVER_TOO_BUSY;
    stopped_count += status == CIMF_SHUTTING_DOWN;
    pthread_cond_broadcast(&change);
    pthread_mutex_unlock(&lock);
}

static void wait_answers(unsigned n)
{
    pthread_mutex_lock(&lock);
    while (answers < n) pthread_cond_wait(&change, &lock);
    pthread_mutex_unlock(&lock);
}

static void asynchronous(void **state)
{
    struct auth_broker *b;
    struct pool *pool = pool_new("work", 2, 0, NULL);
    home = loop_new("home", NULL);
    assert_int_equal(loop_start(home, NULL), CIMF_OK);
    struct auth_broker_config c = { .basic = true, .accounts_path = path, .pool = pool_exec(pool), .dummy_cost = 1,
        .delay_us = 1, .max_delay_us = 2, .max_waiting = 40, .max_waiting_address = 20 };
    assert_int_equal(auth_broker_new(&c, &b, NULL), CIMF_OK);
    struct auth_password good = question("alice", "secret"), bad = question("alice", "no");
    for (int i = 0; i < 10; i++) {
        auth_check_password(b, i % 2 ? &bad : &good, loop_exec(home), count_answer, NULL);
    }
    wait_answers(10);
    assert_int_equal(ok_count, 5);
    assert_int_equal(refused_count, 5);
    auth_broker_free(b);

    /* Long delays: what waits is bounded by address, and answered at the end. */
    answers = busy_count = stopped_count = ok_count = refused_count = 0;
    c.delay_us = c.max_delay_us = 3600000000;
    c.free_failures = 1;
    assert_int_equal(auth_broker_new(&c, &b, NULL), CIMF_OK);
    bad.address = SLICE("2001:db8::1");
    auth_check_password(b, &bad, loop_exec(home), count_answer, NULL);
    wait_answers(1);
    auth_check_password(b, &bad, loop_exec(home), count_answer, NULL);
    wait_answers(2);
    assert_int_equal(refused_count, 2);
    for (int i = 0; i < 30; i++) { /* who has one address of IPv6 has its /64 */
        char address[32];
        snprintf(address, sizeof address, "2001:db8::1:%x", i);
        bad.address = slice_str(address);
        auth_check_password(b, &bad, loop_exec(home), count_answer, NULL);
    }
    wait_answers(12);
    assert_int_equal(busy_count, 10);
    good.address = SLICE("192.0.2.10"); /* somebody else is not held up */
    auth_check_password(b, &good, loop_exec(home), count_answer, NULL);
    wait_answers(13);
    assert_int_equal(ok_count, 1);
    auth_broker_free(b);
    wait_answers(33);
    assert_int_equal(stopped_count, 20);
    pool_free(pool);
    loop_stop(home);
    loop_free(home);
}

/* Workers that wait to be let go, and remember whose work it is. */
static struct {
    struct exec exec;
    unsigned count;
    struct { uint64_t owner; void (*fn)(void *arg); void *arg; } posts[32];
} held;

static bool hold_for(struct exec *self, uint64_t owner, void (*fn)(void *arg), void *arg)
{
    pthread_mutex_lock(&lock);
    bool ok = held.count < 32;
    if (ok) {
        held.posts[held.count].owner = owner;
        held.posts[held.count].fn = fn;
        held.posts[held.count++].arg = arg;
    }
    pthread_mutex_unlock(&lock);
    return ok;
}
static bool hold(struct exec *self, void (*fn)(void *arg), void *arg) { return hold_for(self, 0, fn, arg); }
static bool not_here(struct exec *self) { return false; }

/* Who logs in again and again, under whatever names, takes the turns of one address; an account that is asked for, its own. */
static void a_flood_of_one_address(void **state)
{
    static const char *const from[] = { "192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1" };
    struct auth_broker *b;
    struct answer a[7] = { 0 };
    held.exec = (struct exec){ hold, not_here, hold_for };
    held.count = 0;
    struct auth_broker_config c = { .basic = true, .accounts_path = path, .pool = &held.exec, .dummy_cost = 1, .max_concurrent = 16 };
    assert_int_equal(auth_broker_new(&c, &b, NULL), CIMF_OK);
    for (unsigned i = 0; i < 5; i++) {
        struct auth_password q = question(i % 2 ? "bob" : "alice", i % 2 ? "no" : "secret");
        q.address = slice_str(from[i]);
        auth_check_password(b, &q, NULL, on_answer, &a[i]);
    }
    assert_int_equal(held.count, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_true(held.posts[i].owner != 0);
        for (unsigned j = 0; j < i; j++) assert_int_equal(held.posts[i].owner == held.posts[j].owner, i < 4 && i / 2 == j / 2);
    }
    for (unsigned i = 0; i < 5; i++) held.posts[i].fn(held.posts[i].arg);
    for (unsigned i = 0; i < 5; i++) assert_int_equal(a[i].status, i % 2 ? CIMF_NOT_AUTHENTICATED : CIMF_OK);
    assert_true(principal_owner(a[0].p) == principal_owner(a[2].p)); /* one account, two logins */
    for (unsigned i = 5; i < 7; i++) auth_refresh(b, a[0].p, NULL, on_answer, &a[i]);
    assert_int_equal(held.count, 7);
    for (unsigned i = 5; i < 7; i++) {
        assert_true(held.posts[i].owner == principal_owner(a[0].p));
        held.posts[i].fn(held.posts[i].arg);
        assert_int_equal(a[i].status, CIMF_OK);
    }
    for (unsigned i = 0; i < 7; i++) principal_unref(a[i].p);
    auth_broker_free(b);
}

/* What the configuration says of schemes and administrators; what a token holds. */
static void configured(void **state)
{
    struct auth_broker *b;
    struct answer a = { 0 };
    struct auth_password q = question("bob", "secret2"), m = question("alice", "secret");
    struct group *mine = getgrgid(getegid());
    struct auth_broker_config c = { .accounts_path = path, .dummy_cost = 1 };
    assert_int_equal(auth_broker_new(&c, &b, NULL), CIMF_OK);
    auth_check_password(b, &q, NULL, on_answer, &a);
    assert_int_equal(a.status, CIMF_NOT_AUTHENTICATED); /* Basic is off */
    auth_broker_free(b);
    const char *nobody[] = { "no such group", NULL }, *group[] = { mine ? mine->gr_name : "root", NULL };
    c.basic = true;
    c.admin_groups = nobody;
    assert_int_equal(auth_broker_new(&c, &b, NULL), CIMF_OK);
    auth_check_password(b, &m, NULL, on_answer, &a);
    assert_int_equal(a.status, CIMF_OK);
    assert_int_equal(a.p->administrator, geteuid() == 0); /* its group counts no more */
    struct sid s;
    assert_true(sid_of_gid(getegid(), &s) && access_token_has(a.p->token, &s));
    assert_true(sid_of_uid(geteuid(), &s) && access_token_has(a.p->token, &s));
    principal_unref(a.p);
    auth_check_password(b, &q, NULL, on_answer, &a);
    assert_int_equal(a.status, CIMF_OK);
    s = sid_known(SID_AUTHENTICATED);
    assert_true(access_token_has(a.p->token, &s));
    s = sid_known(SID_ADMINISTRATORS);
    assert_false(access_token_has(a.p->token, &s) || a.p->administrator);
    principal_unref(a.p);
    auth_broker_free(b);
    c.admin_groups = group; /* a group of this machine */
    assert_int_equal(auth_broker_new(&c, &b, NULL), CIMF_OK);
    auth_check_password(b, &m, NULL, on_answer, &a);
    assert_true(a.p && a.p->administrator && access_token_has(a.p->token, &s));
    principal_unref(a.p);
    auth_broker_free(b);
}

static void local(void **state)
{
    const struct principal *p = auth_local_principal(false);
    assert_true(p->has_posix && p->uid == geteuid() && p->scheme == AUTH_LOCAL);
    assert_int_equal(p->administrator, geteuid() == 0);
    const struct principal *q = principal_ref(p);
    principal_unref(p);
    assert_true(principal_same(q, q));
    principal_unref(q);
    principal_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(right_and_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(name_forms, setup, teardown),
        cmocka_unit_test_setup_teardown(file_changes, setup, teardown),
        cmocka_unit_test(memory_of_successes), cmocka_unit_test(failures_slow_down),
        cmocka_unit_test_setup_teardown(a_flood_of_one_address, setup, teardown),
        cmocka_unit_test_setup_teardown(configured, setup, teardown),
        cmocka_unit_test_setup_teardown(asynchronous, setup, teardown), cmocka_unit_test(local),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
