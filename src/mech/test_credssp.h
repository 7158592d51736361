/* mech/test_credssp.h - a client and a server of CredSSP that talk in memory, with or without the TLS around their
 * messages; someone in the middle may change what passes. Tests only. */
#ifndef MECH_TEST_CREDSSP_H
#define MECH_TEST_CREDSSP_H

#include "mech/credssp_priv.h"
#include "mech/spnego.h"
#include "mech/test_pair.h"

static struct credssp_server *plain_server; /* versions 5 and 6 */

enum { BARE = 1, NTLM_ONLY = 2 };
struct talk {
    struct pair pair;
    struct credssp *c, *s;
    struct mech *inner; /* the server's */
    struct buf to_server, to_client, token;
    struct error client_error, server_error;
    enum credssp_result client, server;
    unsigned count; /* tokens of both */
    /* called on each token on its way */
    void (*meddle)(struct talk *t, unsigned index, struct buf *token);
    size_t at; /* for meddle */
};

static inline void talk_init(struct talk *t, unsigned client_min, unsigned client_max, int how)
{
    struct credssp_client_config c = { .domain = SLICE("D\xc3\xb6m"),
                                       .user = SLICE("alice"),
                                       .password = SLICE("S\xc3\xa9" "cret \xf0\x9f\x98\x80"),
                                       .min_version = client_min,
                                       .max_version = client_max };
    struct mech *s = NULL;
    memset(t, 0, sizeof *t);
    pair_init(&t->pair);
    c.random = &t->pair.client.options;
    assert_int_equal(ntlm_client_new(&t->pair.client, &c.inner, NULL), CIMF_OK);
    assert_int_equal(ntlm_server_new(&t->pair.server, &s, NULL), CIMF_OK);
    if (how & NTLM_ONLY) {
        t->inner = s;
    } else {
        struct mech *ntlm = c.inner;
        assert_int_equal(spnego_client_new(&ntlm, 1, &c.inner, NULL), CIMF_OK);
        assert_int_equal(spnego_server_new(&s, 1, &t->inner, NULL), CIMF_OK);
    }
    assert_int_equal(credssp_client_new(&c, &t->c, NULL), CIMF_OK);
    buf_init(&t->to_server, 0);
    buf_init(&t->to_client, 0);
    buf_init(&t->token, 0);
    if (how & BARE) {
        assert_int_equal(credssp_new(MECH_SERVER, 2, 6, &t->s, NULL), CIMF_OK);
        t->c->bare = t->s->bare = true;
        buf_lit(&t->c->key, "\x30the key");
        buf_lit(&t->s->key, "\x30the key");
    } else {
        assert_int_equal(credssp_accept(plain_server, &t->s, NULL), CIMF_OK);
    }
}

static inline void talk_free(struct talk *t)
{
    credssp_free(t->c);
    credssp_free(t->s);
    mech_free(t->inner);
    buf_free(&t->to_server);
    buf_free(&t->to_client);
    buf_free(&t->token);
    pair_free(&t->pair);
}

static inline void serve(struct talk *t, struct slice token)
{
    struct slice ask;
    t->server = credssp_step(t->s, token, &t->to_client, &ask, &t->server_error);
    if (t->server != CREDSSP_ASK) return;
    buf_clear(&t->token);
    struct error ignored;
    enum mech_result r = mech_step(t->inner, ask, &t->token, &ignored);
    struct mech *context = r == MECH_COMPLETE ? t->inner : NULL;
    if (context) t->inner = NULL;
    t->server = credssp_inner(t->s, r, buf_slice(&t->token), context, &t->to_client,
                              &t->server_error);
}

/* True: both complete. Ends when one fails, after it has told the other one. */
static inline bool talk_run(struct talk *t)
{
    struct slice none;
    t->client = t->server = CREDSSP_CONTINUE;
    for (t->count = 0; t->count < 40;) {
        buf_clear(&t->to_server);
        t->client = credssp_step(t->c, buf_slice(&t->to_client), &t->to_server, &none,
                                 &t->client_error);
        if (t->client == CREDSSP_FAILED || t->server != CREDSSP_CONTINUE) break;
        if (t->meddle) t->meddle(t, t->count, &t->to_server);
        t->count++;
        buf_clear(&t->to_client);
        serve(t, buf_slice(&t->to_server));
        if (t->client == CREDSSP_COMPLETE || (t->server == CREDSSP_FAILED && !t->to_client.n)) break;
        if (t->meddle) t->meddle(t, t->count, &t->to_client);
        t->count++;
    }
    return t->client == CREDSSP_COMPLETE && t->server == CREDSSP_COMPLETE;
}

static inline void assert_delegated(struct talk *t)
{
    struct slice domain, user, password;
    assert_true(credssp_password(t->s, &domain, &user, &password));
    assert_slice(domain, "D\xc3\xb6m");
    assert_slice(user, "alice");
    assert_slice(password, "S\xc3\xa9" "cret \xf0\x9f\x98\x80");
    assert_false(credssp_password(t->c, &domain, &user, &password));
    assert_null(t->c->secret.p);
    credssp_forget(t->s);
    assert_false(credssp_password(t->s, &domain, &user, &password));
}

/* Hands the first `upto` tokens over and keeps the next one. */
static inline void talk_until(struct talk *t, unsigned upto)
{
    struct slice none;
    t->client = t->server = CREDSSP_CONTINUE;
    for (unsigned i = 0; i < upto + 1; i++) {
        if (i % 2 == 0) {
            buf_clear(&t->to_server);
            t->client = credssp_step(t->c, buf_slice(&t->to_client), &t->to_server, &none, NULL);
        } else {
            buf_clear(&t->to_client);
            serve(t, buf_slice(&t->to_server));
        }
    }
}

static inline int talk_setup(void **state)
{
    struct credssp_server_config config = { 0 };
    return credssp_server_new(&config, &plain_server, NULL) != CIMF_OK;
}
static inline int talk_teardown(void **state)
{
    credssp_server_free(plain_server);
    return 0;
}

#endif
