/* First byte: what the rest is. 0 AV pairs, 1-3 the messages, 4 a server's first two tokens, 5 a
 * client's answer to a challenge, 6 a server's third token after a sound beginning. Nothing of this
 * may authenticate. */
#include <stdlib.h>

#include "mech/ntlm.h"
#include "mech/ntlm_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool fixed(void *arg, void *bytes, size_t n)
{
    memset(bytes, 0x55, n);
    return true;
}
static int64_t now(void *arg)
{
    return 1700000000000000;
}
static bool lookup(void *arg, struct slice user, struct slice domain, unsigned char hash[16])
{
    memset(hash, 0x11, 16); /* nobody's password */
    return true;
}

static void codecs(unsigned what, struct slice s)
{
    struct ntlm_avs avs;
    struct ntlm_negotiate n;
    struct ntlm_challenge c;
    struct ntlm_authenticate a;
    struct ntlm_v2_response r;
    struct buf b;
    buf_init(&b, 0);
    if (what == 0) ntlm_avs_read(s, &avs);
    if (what == 1 && ntlm_negotiate_read(s, &n, NULL) == CIMF_OK) ntlm_negotiate_write(&b, n.flags);
    if (what == 2 && ntlm_challenge_read(s, &c, NULL) == CIMF_OK) {
        struct ntlm_challenge back;
        if (!ntlm_challenge_write(&b, &c) ||
            ntlm_challenge_read(buf_slice(&b), &back, NULL) != CIMF_OK ||
            !slice_eq(c.target_info, back.target_info) ||
            !slice_eq(c.target_name, back.target_name)) {
            abort();
        }
    }
    if (what == 3 && ntlm_authenticate_read(s, &a, NULL) == CIMF_OK) {
        struct ntlm_authenticate back;
        ntlm_v2_response_read(a.nt, &r);
        if (!ntlm_authenticate_write(&b, &a) ||
            ntlm_authenticate_read(buf_slice(&b), &back, NULL) != CIMF_OK ||
            !slice_eq(a.nt, back.nt) || !slice_eq(a.user, back.user) ||
            !slice_eq(a.key, back.key) || !back.has_room_for_mic) {
            abort();
        }
    }
    buf_free(&b);
}

static void machines(unsigned what, struct slice s)
{
    struct ntlm_server_config server = { .options = { .random = fixed, .now = now },
                                         .lookup = lookup,
                                         .computer = SLICE("SERVER"),
                                         .allow_no_mic = true,
                                         .allow_v1 = true,
                                         .allow_weak = true };
    struct ntlm_client_config client = { .options = { .random = fixed, .now = now },
                                         .user = SLICE("u"),
                                         .domain = SLICE("d"),
                                         .password = SLICE("p") };
    struct mech *m = NULL, *c = NULL;
    struct buf out;
    buf_init(&out, 0);
    if (ntlm_client_new(&client, &c, NULL) != CIMF_OK ||
        ntlm_server_new(&server, &m, NULL) != CIMF_OK) {
        goto out;
    }
    if (what == 4) {
        struct slice first = slice_head(s, 40);
        if (mech_step(m, first, &out, NULL) == MECH_CONTINUE &&
            mech_step(m, slice_sub(s, 40), &out, NULL) == MECH_COMPLETE) {
            abort();
        }
    } else {
        struct buf first;
        buf_init(&first, 0);
        mech_step(c, SLICE(""), &first, NULL);
        if (what == 5) {
            mech_step(c, s, &out, NULL);
        } else if (mech_step(m, buf_slice(&first), &out, NULL) == MECH_CONTINUE &&
                   mech_step(m, s, &out, NULL) == MECH_COMPLETE) {
            abort();
        }
        buf_free(&first);
    }
out:
    mech_free(m);
    mech_free(c);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct slice s = slice_of((const char *)data + 1, size - 1);
    unsigned what = data[0] % 7;
    if (what < 4) {
        codecs(what, s);
    } else {
        machines(what, s);
    }
    return 0;
}
