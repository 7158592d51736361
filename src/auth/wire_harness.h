/* auth/wire_harness.h - for the tests of the broker's wire: a broker that serves at one end of a socket, a stand-in or the test itself at the other,
 * a loop that answers come to, and a client of NTLM. Included by one file of a program. */
#ifndef AUTH_WIRE_HARNESS_H
#define AUTH_WIRE_HARNESS_H

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

#define WIRE_USED __attribute__((unused))
#define ID "01234567-89ab-4def-8123-456789abcdef"

/* ---- both ends ---- */

static char path[64], map_path[80];
static struct pool *pool;
static struct loop *home;
static struct auth_broker *real, *stand_in;
static int core_fd, broker_fd;
static pthread_t server;
static cimf_status served;

WIRE_USED static void *serve_main(void *arg)
{
    served = auth_broker_serve(real, broker_fd, NULL);
    close(broker_fd);
    return NULL;
}

WIRE_USED static void start_serving(void)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    core_fd = fds[0];
    broker_fd = fds[1];
    assert_int_equal(pthread_create(&server, NULL, serve_main, NULL), 0);
}

WIRE_USED static int setup(void **state)
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

WIRE_USED static int setup_both(void **state)
{
    return setup(state) == 0 && auth_broker_connect(core_fd, &stand_in, NULL) == CIMF_OK ? 0 : -1;
}

WIRE_USED static void end_serving(void)
{
    auth_broker_free(stand_in);
    stand_in = NULL;
    pthread_join(server, NULL);
}

WIRE_USED static int teardown(void **state)
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

WIRE_USED static void finish(struct result *r)
{
    assert_true(exec_here(loop_exec(home)));
    pthread_mutex_lock(&lock);
    assert_false(r->done);
    r->done = true;
    pthread_cond_broadcast(&change);
    pthread_mutex_unlock(&lock);
}

WIRE_USED static void on_answer(void *arg, cimf_status status, const struct principal *p)
{
    struct result *r = arg;
    r->status = status;
    r->p = p;
    finish(r);
}

WIRE_USED static void on_digest(void *arg, cimf_status status, const struct principal *p, const char *rspauth)
{
    struct result *r = arg;
    snprintf(r->rspauth, sizeof r->rspauth, "%s", rspauth ? rspauth : "");
    on_answer(arg, status, p);
}

WIRE_USED static void on_step(void *arg, const struct auth_exchange_answer *a)
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

WIRE_USED static void await(struct result *r)
{
    pthread_mutex_lock(&lock);
    while (!r->done) pthread_cond_wait(&change, &lock);
    r->done = false;
    pthread_mutex_unlock(&lock);
}

WIRE_USED static struct auth_password password(const char *text)
{
    return (struct auth_password){ SLICE("alice"), slice_str(text), SLICE("192.0.2.9"), AUTH_BASIC };
}

WIRE_USED static cimf_status ask(const char *text, struct result *r)
{
    struct auth_password q = password(text);
    *r = (struct result){ .done = false };
    auth_check_password(stand_in, &q, loop_exec(home), on_answer, r);
    await(r);
    return r->status;
}

/* All that was sent before is dealt with. */
WIRE_USED static void barrier(void) { auth_reload(stand_in, NULL); }

/* ---- exchanges over the wire ---- */

struct leg {
    struct auth_exchange *x;
    struct slice token;
    struct result r;
};
WIRE_USED static void leg_new(void *arg)
{
    struct auth_exchange_config c = { .mechanism = AUTH_MECH_NEGOTIATE, .want = MECH_SIGN | MECH_SEAL,
                                      .address = SLICE("192.0.2.9") };
    assert_int_equal(auth_exchange_new(stand_in, &c, loop_exec(home), &((struct leg *)arg)->x, NULL), CIMF_OK);
}
WIRE_USED static void leg_step(void *arg)
{
    struct leg *l = arg;
    auth_exchange_step(l->x, l->token, on_step, &l->r);
}
WIRE_USED static void leg_free(void *arg) { auth_exchange_free(((struct leg *)arg)->x); }

WIRE_USED static struct mech *client_new(const char *text, struct buf *token)
{
    struct mech *m;
    struct ntlm_client_config c = { .options = { .want = MECH_SIGN | MECH_SEAL, .target = SLICE("HTTP/here") },
                                    .user = SLICE("alice"), .password = slice_str(text) };
    assert_int_equal(ntlm_client_new(&c, &m, NULL), CIMF_OK);
    assert_int_equal(mech_step(m, SLICE(""), token, NULL), MECH_CONTINUE);
    return m;
}

/* The proof's answer is in l->r; l->x lives. */
WIRE_USED static struct mech *run_exchange(struct leg *l, const char *text)
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

#define WITH(name) cmocka_unit_test_setup_teardown(name, setup_both, teardown)
#define ALONE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
