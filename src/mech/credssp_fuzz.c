/* First byte: 0 TSRequest, 1 TSCredentials (both read; the first written back), 2 a server's messages, 3 a
 * client's, without the TLS around them, each split at its length. 4 a server's TLS. Nobody gets in: the password is
 * nobody's. */
#include <stdlib.h>

#include "mech/credssp_priv.h"
#include "mech/ntlm.h"
#include "mech/spnego.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool fixed(void *arg, void *bytes, size_t n)
{
    memset(bytes, 0x55, n);
    return true;
}
static bool lookup(void *arg, struct slice user, struct slice domain, unsigned char hash[16])
{
    memset(hash, 0x11, 16);
    return true;
}

static void same(struct slice a, struct slice b)
{
    if (!slice_eq(a, b) || !a.p != !b.p) abort();
}

static void request(struct slice s)
{
    struct credssp_request r, again;
    struct buf b;
    if (credssp_request_read(s, &r, NULL) != CIMF_OK) return;
    buf_init(&b, 0);
    if (!credssp_request_write(&b, &r)) abort();
    if (credssp_request_read(buf_slice(&b), &again, NULL) != CIMF_OK) abort();
    same(r.token, again.token);
    same(r.auth_info, again.auth_info);
    same(r.public_key, again.public_key);
    same(r.nonce, again.nonce);
    if (r.version != again.version || r.error != again.error) abort();
    buf_free(&b);
}

static struct mech *inner(bool client)
{
    struct ntlm_server_config sc = { .options = { .random = fixed }, .lookup = lookup,
                                     .computer = SLICE("S"), .allow_no_mic = true };
    struct ntlm_client_config cc = { .options = { .random = fixed, .want = MECH_SEAL },
                                     .user = SLICE("u"), .password = SLICE("p") };
    struct mech *m = NULL, *outer = NULL;
    if (client) {
        if (ntlm_client_new(&cc, &m, NULL) == CIMF_OK) spnego_client_new(&m, 1, &outer, NULL);
    } else {
        if (ntlm_server_new(&sc, &m, NULL) == CIMF_OK) spnego_server_new(&m, 1, &outer, NULL);
    }
    if (!outer) abort();
    return outer;
}

static struct slice next(struct slice *s)
{
    size_t n = s->n > 1 ? (unsigned char)s->p[0] | (size_t)(unsigned char)s->p[1] << 8 : 0;
    struct slice one = slice_head(slice_sub(*s, 2), n);
    *s = slice_sub(*s, 2 + one.n);
    return one;
}

static void server(struct credssp *c, struct slice s)
{
    struct mech *m = inner(false);
    struct slice ask;
    struct buf out, token;
    enum credssp_result r = CREDSSP_CONTINUE;
    buf_init(&out, 0);
    buf_init(&token, 0);
    while (r == CREDSSP_CONTINUE && s.n > 1) {
        r = credssp_step(c, next(&s), &out, &ask, NULL);
        if (r != CREDSSP_ASK) continue;
        buf_clear(&token);
        enum mech_result result = mech_step(m, ask, &token, NULL);
        if (result == MECH_COMPLETE) abort();
        r = credssp_inner(c, result, buf_slice(&token), NULL, &out, NULL);
    }
    if (r == CREDSSP_COMPLETE || credssp_password(c, &ask, &ask, &ask)) abort();
    credssp_free(c);
    mech_free(m);
    buf_free(&out);
    buf_free(&token);
}

static void client(struct slice s)
{
    struct credssp_client_config config = { .inner = inner(true), .user = SLICE("u"),
                                            .password = SLICE("p"), .min_version = 2 };
    struct credssp *c;
    struct slice none;
    struct buf out;
    if (credssp_client_new(&config, &c, NULL) != CIMF_OK) abort();
    c->bare = true;
    c->random = fixed;
    buf_lit(&c->key, "\x30key");
    buf_init(&out, 0);
    enum credssp_result r = credssp_step(c, SLICE(""), &out, &none, NULL);
    while (r == CREDSSP_CONTINUE && s.n > 1) r = credssp_step(c, next(&s), &out, &none, NULL);
    if (r == CREDSSP_COMPLETE) abort();
    credssp_free(c);
    buf_free(&out);
}

static void machine(unsigned what, struct slice s)
{
    static struct credssp_server *shared;
    struct credssp_server_config config = { 0 };
    struct credssp *c;
    if (what == 3) {
        client(s);
    } else if (what == 2) {
        if (credssp_new(MECH_SERVER, 2, 6, &c, NULL) != CIMF_OK) abort();
        c->bare = true;
        buf_lit(&c->key, "\x30key");
        server(c, s);
    } else {
        if (!shared && credssp_server_new(&config, &shared, NULL) != CIMF_OK) abort();
        if (credssp_accept(shared, &c, NULL) != CIMF_OK) abort();
        server(c, s);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct credssp_credentials k;
    if (size == 0) return 0;
    struct slice s = slice_of((const char *)data + 1, size - 1);
    switch (data[0] % 5) {
    case 0: request(s); break;
    case 1: credssp_credentials_read(s, &k, NULL); break;
    default: machine(data[0] % 5, s);
    }
    return 0;
}
