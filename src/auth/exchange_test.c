/* Exchanges of the real broker: NTLM bare and below SPNEGO, every refusal, bounds, bindings. With workers and for names of a realm:
 * exchange_work_test.c. */
#include "auth/exchange_harness.h"

#include "auth/access.h"
#include "mech/ntlm_message.h"

#define BINDINGS "tls-server-end-point:0123456789abcdef0123456789abcdef"
#define OTHER "tls-server-end-point:another hash of the same length.."
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(succeeds), WITH(refuses_alike), WITH(replayed), WITH(deleted_between), WITH(mic_changed),
        WITH(binding_levels), WITH(bad_tokens), WITH(switched_off), WITH(bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
