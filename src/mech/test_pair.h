/* mech/test_pair.h - an NTLM client and server that talk in memory, with fixed randomness and time.
 * Tests only. */
#ifndef MECH_TEST_PAIR_H
#define MECH_TEST_PAIR_H

#include "base/test.h"
#include "mech/ntlm.h"
#include "mech/ntlm_crypto.h"

struct pair {
    struct ntlm_client_config client;
    struct ntlm_server_config server;
    struct mech *c, *s;
    struct buf token[3]; /* negotiate, challenge, authenticate */
    struct error e;
};

static inline bool pair_random(void *arg, void *bytes, size_t n)
{
    memset(bytes, 0x55, n);
    return true;
}
static inline int64_t pair_now(void *arg)
{
    return 1700000000000000;
}
static inline bool pair_lookup(void *arg, struct slice user, struct slice domain,
                               unsigned char hash[16])
{
    return slice_ieq(user, SLICE("Alice")) && ntlm_ntowf_v1(SLICE("Secret"), hash);
}

static inline void pair_init(struct pair *p)
{
    memset(p, 0, sizeof *p);
    p->client.options.random = p->server.options.random = pair_random;
    p->client.options.now = p->server.options.now = pair_now;
    p->client.options.want = p->server.options.want = MECH_SIGN | MECH_SEAL;
    p->client.options.target = SLICE("HTTP/server");
    p->client.user = SLICE("alice");
    p->client.domain = SLICE("Dom");
    p->client.password = SLICE("Secret");
    p->server.computer = SLICE("SERVER");
    p->server.dns_computer = SLICE("server.example");
    p->server.lookup = pair_lookup;
    for (int i = 0; i < 3; i++) buf_init(&p->token[i], 0);
}

static inline void pair_free(struct pair *p)
{
    mech_free(p->c);
    mech_free(p->s);
    p->c = p->s = NULL;
    for (int i = 0; i < 3; i++) buf_free(&p->token[i]);
}

static inline void pair_new(struct pair *p)
{
    pair_free(p);
    assert_int_equal(ntlm_client_new(&p->client, &p->c, &p->e), CIMF_OK);
    assert_int_equal(ntlm_server_new(&p->server, &p->s, &p->e), CIMF_OK);
}

/* New contexts; steps up to the third token, which is not given to the server. */
static inline enum mech_result pair_client_done(struct pair *p)
{
    pair_new(p);
    assert_int_equal(mech_step(p->c, SLICE(""), &p->token[0], &p->e), MECH_CONTINUE);
    if (mech_step(p->s, buf_slice(&p->token[0]), &p->token[1], &p->e) != MECH_CONTINUE)
        return MECH_FAILED;
    return mech_step(p->c, buf_slice(&p->token[1]), &p->token[2], &p->e);
}

static inline enum mech_result pair_run(struct pair *p)
{
    struct buf none;
    enum mech_result result = pair_client_done(p);
    if (result != MECH_COMPLETE) return result;
    buf_init(&none, 0);
    result = mech_step(p->s, buf_slice(&p->token[2]), &none, &p->e);
    assert_int_equal(none.n, 0);
    buf_free(&none);
    return result;
}

#endif
