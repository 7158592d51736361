/* The daemon's own login, over the wire between core and broker and against an accepting exchange of the same broker. */
#include "base/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/accounts.h"
#include "auth/broker.h"
#include "base/log.h"

static char path[64];
static struct auth_broker *real, *stand_in;
static int fds[2];
static pthread_t server;

static void *serve(void *arg)
{
    auth_broker_serve(real, fds[1], NULL);
    close(fds[1]);
    return NULL;
}

static int start(const char *user)
{
    struct account_change alice = { .name = SLICE("alice"), .password = SLICE("secret"), .cost = 1 };
    struct auth_broker_config c = { .accounts_path = path, .dummy_cost = 1, .ntlm = true, .initiate_user = user,
                                    .initiate_password = SLICE("secret") };
    log_set_level(LOG_ERROR_);
    strcpy(path, "/tmp/cimfony-initiate-XXXXXX");
    close(mkstemp(path));
    unlink(path);
    if (accounts_add(path, &alice, NULL) != CIMF_OK || auth_broker_new(&c, &real, NULL) != CIMF_OK) return -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0 || pthread_create(&server, NULL, serve, NULL) != 0) return -1;
    return auth_broker_connect(fds[0], &stand_in, NULL) == CIMF_OK ? 0 : -1;
}

static int setup(void **state) { return start("SOMEWHERE\\alice"); }
static int setup_without(void **state) { return start(NULL); }

static int teardown(void **state)
{
    static const char *const ends[] = { "", ".lock", ".key" };
    auth_broker_free(stand_in);
    pthread_join(server, NULL);
    auth_broker_free(real);
    for (int i = 0; i < 3; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
    return 0;
}

/* ---- one step, waited for: answers of the wire come on an executor ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;
static void (*posted)(void *arg);
static void *posted_arg;

static bool post(struct exec *x, void (*fn)(void *arg), void *arg)
{
    pthread_mutex_lock(&lock);
    posted = fn;
    posted_arg = arg;
    pthread_cond_broadcast(&change);
    pthread_mutex_unlock(&lock);
    return true;
}
static bool here(struct exec *x) { return true; }
static struct exec home = { post, here };

struct side {
    struct auth_exchange *x;
    bool answered;
    enum mech_result result;
    cimf_status status;
    struct buf token;
    const struct principal *principal;
    struct mech *context;
};

static void on_step(void *arg, const struct auth_exchange_answer *a)
{
    struct side *s = arg;
    s->answered = true;
    s->result = a->result;
    s->status = a->status;
    s->principal = a->principal;
    s->context = a->context;
    buf_clear(&s->token);
    buf_slice_add(&s->token, a->token);
}

static void step(struct side *s, struct slice token)
{
    s->answered = false;
    auth_exchange_step(s->x, token, on_step, s);
    while (!s->answered) {
        pthread_mutex_lock(&lock);
        while (!posted) pthread_cond_wait(&change, &lock);
        void (*fn)(void *arg) = posted;
        posted = NULL;
        pthread_mutex_unlock(&lock);
        fn(posted_arg);
    }
}

static struct side side_new(struct auth_broker *b, bool initiate, struct slice target)
{
    struct side s = { .answered = false };
    const struct auth_exchange_config c = { .mechanism = AUTH_MECH_NEGOTIATE, .service = AUTH_SERVICE_RPC, .initiate = initiate,
                                            .want = MECH_SIGN | MECH_SEAL | MECH_DCE_STYLE, .target = target, .address = SLICE("192.0.2.9") };
    buf_init(&s.token, 0);
    assert_int_equal(auth_exchange_new(b, &c, b == real ? NULL : &home, &s.x, NULL), CIMF_OK);
    return s;
}

static void side_end(struct side *s)
{
    auth_exchange_free(s->x);
    mech_free(s->context);
    principal_unref(s->principal);
    buf_free(&s->token);
}

static void logs_in(void **state)
{
    struct side out = side_new(stand_in, true, SLICE("RPCSS/192.0.2.9")), in = side_new(real, false, SLICE(""));
    unsigned char text[] = "sealed", signature[MECH_SIGNATURE_MAX];
    struct mech_part part = { MECH_PART_SEAL, text, sizeof text };
    step(&out, SLICE(""));
    for (int legs = 0; legs < 4 && out.result == MECH_CONTINUE; legs++) {
        step(&in, buf_slice(&out.token));
        assert_int_not_equal(in.result, MECH_FAILED);
        step(&out, buf_slice(&in.token));
    }
    assert_int_equal(out.result, MECH_COMPLETE);
    assert_int_equal(in.result, MECH_COMPLETE);
    assert_null(out.principal); /* nobody has logged in here */
    assert_true(slice_is(in.principal->name, "alice"));
    assert_true(in.context->flags & MECH_IDENTIFY); /* may know us, not act as us */
    assert_int_equal(mech_seal(out.context, &part, 1, signature), CIMF_OK);
    assert_memory_not_equal(text, "sealed", 6);
    assert_int_equal(mech_unseal(in.context, &part, 1, slice_of((char *)signature, 16)), CIMF_OK);
    assert_string_equal((char *)text, "sealed");
    side_end(&out);
    side_end(&in);
}

static void refused_begin(struct slice target)
{
    struct side out = side_new(stand_in, true, target);
    step(&out, SLICE(""));
    assert_int_equal(out.result, MECH_FAILED);
    assert_int_not_equal(out.status, CIMF_OK);
    assert_int_equal(out.token.n, 0);
    side_end(&out);
}

static void other_targets(void **state)
{
    refused_begin(SLICE("cifs/192.0.2.9"));
    refused_begin(SLICE(""));
}

static void without_login(void **state) { refused_begin(SLICE("RPCSS/192.0.2.9")); }

/* The other side's nonsense ends it. */
static void nonsense(void **state)
{
    struct side out = side_new(stand_in, true, SLICE("HOST/192.0.2.9"));
    step(&out, SLICE(""));
    assert_int_equal(out.result, MECH_CONTINUE);
    step(&out, SLICE("NTLMSSP\0\2\0\0\0 and no more"));
    assert_int_equal(out.result, MECH_FAILED);
    side_end(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(logs_in, setup, teardown), cmocka_unit_test_setup_teardown(other_targets, setup, teardown),
        cmocka_unit_test_setup_teardown(without_login, setup_without, teardown),
        cmocka_unit_test_setup_teardown(nonsense, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
