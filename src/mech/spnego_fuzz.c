/* First byte: 0 NegTokenInit, 1 NegTokenResp (both written back and read again), 2 a server's
 * tokens, 3 a client's answers, each split at its length byte. Nothing of this may authenticate. */
#include <stdlib.h>

#include "mech/ntlm.h"
#include "mech/spnego.h"
#include "mech/spnego_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool fixed(void *arg, void *bytes, size_t n)
{
    memset(bytes, 0x55, n);
    return true;
}
static bool lookup(void *arg, struct slice user, struct slice domain, unsigned char hash[16])
{
    memset(hash, 0x11, 16); /* nobody's password */
    return true;
}

static void same(struct slice a, struct slice b)
{
    if (!slice_eq(a, b)) abort();
}

static void codecs(unsigned what, struct slice s)
{
    struct spnego_init init, init2;
    struct spnego_resp resp, resp2;
    struct buf b;
    buf_init(&b, 0);
    if (what == 0 && spnego_init_read(s, &init, NULL) == CIMF_OK) {
        if (!spnego_init_write(&b, &init) ||
            spnego_init_read(buf_slice(&b), &init2, NULL) != CIMF_OK)
            abort();
        same(init.list, init2.list);
        same(init.token, init2.token);
        same(init.mic, init2.mic);
    }
    if (what == 1 && spnego_resp_read(s, &resp, NULL) == CIMF_OK) {
        if (!spnego_resp_write(&b, &resp)) abort();
        same(s, buf_slice(&b)); /* DER: one way to say it */
        if (spnego_resp_read(buf_slice(&b), &resp2, NULL) != CIMF_OK) abort();
    }
    buf_free(&b);
}

static void machine(bool server, struct slice s)
{
    struct ntlm_server_config sc = { .options = { .random = fixed },
                                     .lookup = lookup,
                                     .computer = SLICE("S"),
                                     .allow_no_mic = true };
    struct ntlm_client_config cc = { .options = { .random = fixed },
                                     .user = SLICE("u"),
                                     .password = SLICE("p") };
    struct mech *ntlm = NULL, *m = NULL;
    struct buf out;
    buf_init(&out, 0);
    cimf_status made =
        server ? ntlm_server_new(&sc, &ntlm, NULL) : ntlm_client_new(&cc, &ntlm, NULL);
    if (made == CIMF_OK) {
        made =
            server ? spnego_server_new(&ntlm, 1, &m, NULL) : spnego_client_new(&ntlm, 1, &m, NULL);
    }
    enum mech_result result = MECH_FAILED;
    if (made == CIMF_OK) result = server ? MECH_CONTINUE : mech_step(m, SLICE(""), &out, NULL);
    while (result == MECH_CONTINUE && s.n > 1) {
        size_t n = (unsigned char)s.p[0] | (size_t)(unsigned char)s.p[1] << 8;
        s = slice_sub(s, 2);
        result = mech_step(m, slice_head(s, n), &out, NULL);
        s = slice_sub(s, n < s.n ? n : s.n);
    }
    if (result == MECH_COMPLETE) abort();
    mech_free(m);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct slice s = slice_of((const char *)data + 1, size - 1);
    unsigned what = data[0] % 4;
    if (what < 2) {
        codecs(what, s);
    } else {
        machine(what == 2, s);
    }
    return 0;
}
