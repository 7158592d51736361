/* net/http_protect_pair.h - both sides of a finished NTLM login, always with the same keys. Tests and fuzzing only. */
#ifndef NET_HTTP_PROTECT_PAIR_H
#define NET_HTTP_PROTECT_PAIR_H

#include <stdlib.h>

#include "mech/ntlm.h"
#include "mech/ntlm_crypto.h"

static inline bool pair_random(void *arg, void *bytes, size_t n)
{
    memset(bytes, 0x55, n);
    return true;
}

static inline int64_t pair_now(void *arg)
{
    return 1700000000000000;
}

static inline bool pair_lookup(void *arg, struct slice user, struct slice domain, unsigned char hash[16])
{
    return ntlm_ntowf_v1(SLICE("Secret"), hash);
}

/* abort() when it does not work. */
static inline void http_protect_pair(struct mech **client, struct mech **server)
{
    struct ntlm_client_config c = { .user = SLICE("alice"), .password = SLICE("Secret") };
    struct ntlm_server_config s = { .computer = SLICE("S"), .dns_computer = SLICE("s.example"), .lookup = pair_lookup };
    struct buf token[3];
    c.options.want = s.options.want = MECH_SIGN | MECH_SEAL;
    c.options.random = s.options.random = pair_random;
    c.options.now = s.options.now = pair_now;
    for (int i = 0; i < 3; i++) buf_init(&token[i], 0);
    bool ok = ntlm_client_new(&c, client, NULL) == CIMF_OK && ntlm_server_new(&s, server, NULL) == CIMF_OK &&
              mech_step(*client, SLICE(""), &token[0], NULL) == MECH_CONTINUE &&
              mech_step(*server, buf_slice(&token[0]), &token[1], NULL) == MECH_CONTINUE &&
              mech_step(*client, buf_slice(&token[1]), &token[2], NULL) == MECH_COMPLETE;
    struct buf none;
    buf_init(&none, 0);
    if (!ok || mech_step(*server, buf_slice(&token[2]), &none, NULL) != MECH_COMPLETE) abort();
    for (int i = 0; i < 3; i++) buf_free(&token[i]);
    buf_free(&none);
}

#endif
