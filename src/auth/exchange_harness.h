/* auth/exchange_harness.h - for tests: a broker with three accounts, and NTLM handshakes with it, a leg at a time. Included by one test
 * file each. */
#ifndef AUTH_EXCHANGE_HARNESS_H
#define AUTH_EXCHANGE_HARNESS_H

#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/accounts.h"
#include "auth/broker_priv.h"
#include "base/log.h"
#include "mech/ntlm.h"
#include "mech/spnego.h"

#define TALK_USED __attribute__((unused))

static char path[64];
static struct auth_broker *broker;
static struct auth_broker_config config;

TALK_USED static int setup(void **state)
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

TALK_USED static void forget(const char *end)
{
    char name[80];
    snprintf(name, sizeof name, "%s%s", path, end);
    unlink(name);
}

TALK_USED static int teardown(void **state)
{
    auth_broker_free(broker);
    forget("");
    forget(".lock");
    forget(".key");
    return 0;
}

TALK_USED static void again(void) /* with the changed configuration */
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

TALK_USED static void on_answer(void *arg, const struct auth_exchange_answer *a)
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

TALK_USED static struct talk talk_of(const char *user, const char *password)
{
    return (struct talk){ .user = user, .password = password,
                          .x = { .mechanism = AUTH_MECH_NEGOTIATE, .want = MECH_SIGN | MECH_SEAL,
                                 .address = SLICE("192.0.2.9") } };
}

/* The client's first token; an exchange. */
TALK_USED static void talk_begin(struct talk *t)
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

TALK_USED static void talk_step(struct talk *t)
{
    t->answers = 0;
    auth_exchange_step(t->exchange, buf_slice(&t->token), on_answer, t);
    assert_int_equal(t->answers, 1);
}

/* Up to the client's proof, which is in token. */
TALK_USED static void talk_to_proof(struct talk *t)
{
    talk_begin(t);
    talk_step(t);
    assert_int_equal(t->result, MECH_CONTINUE);
    buf_clear(&t->token);
    assert_int_not_equal(mech_step(t->client, buf_slice(&t->answer), &t->token, NULL), MECH_FAILED);
}

TALK_USED static void talk_end(struct talk *t)
{
    mech_free(t->client);
    mech_free(t->context);
    principal_unref(t->principal);
    auth_exchange_free(t->exchange);
    buf_free(&t->token);
    buf_free(&t->answer);
}

TALK_USED static cimf_status talk_all(struct talk *t)
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

TALK_USED static cimf_status login(const char *user, const char *password)
{
    struct talk t = talk_of(user, password);
    cimf_status status = talk_all(&t);
    talk_end(&t);
    return status;
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
