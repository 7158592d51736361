/* Both roles of NTLM against each other, and everything that must not authenticate. */
#include <stdlib.h>

#include "mech/ntlm_message.h"
#include "mech/test_hex.h"
#include "mech/test_pair.h"

static cimf_status refused(struct pair *p)
{
    p->e = ERROR_INIT;
    assert_int_equal(pair_run(p), MECH_FAILED);
    return p->e.status;
}

static void protect_both_ways(struct mech *a, struct mech *b)
{
    unsigned char head[8] = "header", body[12] = "some bytes", signature[MECH_SIGNATURE_MAX];
    struct mech_part parts[2] = { { MECH_PART_SIGN, head, 8 }, { MECH_PART_SEAL, body, 12 } };
    for (int i = 0; i < 4; i++) {
        struct mech *from = i & 1 ? b : a, *to = i & 1 ? a : b;
        size_t n = from->ops->signature_size(from, true);
        assert_int_equal(mech_seal(from, parts, 2, signature), CIMF_OK);
        assert_memory_not_equal(body, "some bytes", 10);
        assert_int_equal(mech_unseal(to, parts, 2, slice_of((char *)signature, n)), CIMF_OK);
        assert_memory_equal(body, "some bytes", 10);
        assert_int_equal(mech_sign(from, parts, 2, signature), CIMF_OK);
        assert_int_equal(mech_verify(to, parts, 2, slice_of((char *)signature, n)), CIMF_OK);
    }
}

static void both_roles(void **state)
{
    struct pair p;
    struct buf out;
    pair_init(&p);
    buf_init(&out, 0);
    assert_int_equal(pair_run(&p), MECH_COMPLETE);
    assert_slice(p.s->user, "alice");
    assert_slice(p.s->domain, "Dom");
    assert_slice(p.s->target, "HTTP/server");
    assert_int_equal(p.s->flags, MECH_SIGN | MECH_SEAL | MECH_LIST_MIC);
    assert_int_equal(p.s->session_key_n, 16);
    assert_memory_equal(p.s->session_key, p.c->session_key, 16);
    protect_both_ways(p.c, p.s);
    /* Nothing follows the end. */
    assert_int_equal(mech_step(p.s, buf_slice(&p.token[2]), &out, &p.e), MECH_FAILED);
    assert_int_equal(p.s->state, MECH_DEAD);
    buf_free(&out);
    pair_free(&p);
}

/* Before the first message and between later ones; the streams go on where they were. */
static void moved_to_another_process(void **state)
{
    struct pair p;
    struct mech *moved = NULL;
    struct buf bytes;
    pair_init(&p);
    buf_init(&bytes, 0);
    assert_int_equal(pair_client_done(&p), MECH_COMPLETE);
    assert_int_equal(mech_export(p.s, &bytes, &p.e), CIMF_INVALID_OPERATION);
    assert_int_equal(bytes.n, 0);
    assert_int_equal(pair_run(&p), MECH_COMPLETE);
    for (int round = 0; round < 3; round++) {
        unsigned char key[64], signature[16], text[4] = "abc";
        struct mech *from = round ? moved : p.s;
        struct mech_part part = { MECH_PART_SEAL, text, sizeof text };
        uint32_t flags = from->flags;
        memcpy(key, from->session_key, sizeof key);
        buf_clear(&bytes);
        assert_int_equal(mech_export(from, &bytes, &p.e), CIMF_OK);
        assert_int_equal(from->state, MECH_DEAD);
        assert_int_equal(mech_seal(from, &part, 1, signature), CIMF_INVALID_OPERATION);
        if (round) mech_free(moved);
        assert_int_equal(mech_import(buf_slice(&bytes), &moved, &p.e), CIMF_OK);
        assert_int_equal(moved->side, MECH_SERVER);
        assert_int_equal(moved->state, MECH_DONE);
        assert_int_equal(moved->flags, flags);
        assert_int_equal(moved->session_key_n, 16);
        assert_memory_equal(moved->session_key, key, sizeof key);
        protect_both_ways(p.c, moved);
    }
    mech_free(moved);
    buf_free(&bytes);
    pair_free(&p);
}

static void exported_bytes_are_checked(void **state)
{
    struct pair p;
    struct mech *moved = NULL;
    struct buf bytes;
    pair_init(&p);
    buf_init(&bytes, 0);
    assert_int_equal(pair_run(&p), MECH_COMPLETE);
    assert_int_equal(mech_export(p.s, &bytes, &p.e), CIMF_OK);
    for (size_t n = 0; n < bytes.n; n++) {
        assert_int_equal(mech_import(slice_of(bytes.p, n), &moved, &p.e), CIMF_BAD_REQUEST);
        assert_null(moved);
    }
    static const struct {
        size_t at;
        unsigned char value;
    } wrong[] = { { 0, 0 },    { 4, 9 },    { 5, 2 },   { 6, 65 },
                  { 6, 8 },    { 7, 1 },    { 9, 1 },   { 11, 0x80 } };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char was = bytes.p[wrong[i].at];
        bytes.p[wrong[i].at] = (char)wrong[i].value;
        assert_int_equal(mech_import(buf_slice(&bytes), &moved, &p.e), CIMF_BAD_REQUEST);
        bytes.p[wrong[i].at] = was;
    }
    bytes.p[bytes.n - 1] = bytes.p[bytes.n - 2]; /* no permutation any more */
    assert_int_equal(mech_import(buf_slice(&bytes), &moved, &p.e), CIMF_BAD_REQUEST);
    assert_null(moved);
    buf_free(&bytes);
    pair_free(&p);
}

static void wrong_credentials(void **state)
{
    struct pair p;
    pair_init(&p);
    p.client.password = SLICE("secret");
    assert_int_equal(refused(&p), CIMF_NOT_AUTHENTICATED);
    assert_null(p.s->user.p);
    assert_int_equal(p.s->session_key_n, 0);
    p.client.password = SLICE("Secret");
    p.client.user = SLICE("bob");
    assert_int_equal(refused(&p), CIMF_NOT_AUTHENTICATED);
    p.client.user = SLICE("");
    assert_int_equal(refused(&p), CIMF_NOT_AUTHENTICATED);
    p.client.user = SLICE("alice\0x");
    assert_int_equal(refused(&p), CIMF_BAD_REQUEST);
    p.client.user = SLICE("alice");
    p.client.domain = SLICE("\0");
    assert_int_equal(refused(&p), CIMF_BAD_REQUEST);
    pair_free(&p);
    p.client.password = SLICE("\xff");
    assert_int_equal(ntlm_client_new(&p.client, &p.c, &p.e), CIMF_BAD_REQUEST);
}

/* The third message of another exchange: the challenge differs. */
static bool counting_random(void *arg, void *bytes, size_t n)
{
    memset(bytes, (*(int *)arg)++, n);
    return true;
}
static void replayed(void **state)
{
    struct pair p;
    struct buf old, out;
    int counter = 1;
    pair_init(&p);
    buf_init(&old, 0);
    buf_init(&out, 0);
    p.server.options.random = counting_random;
    p.server.options.arg = &counter;
    assert_int_equal(pair_run(&p), MECH_COMPLETE);
    buf_slice_add(&old, buf_slice(&p.token[2]));
    assert_int_equal(pair_client_done(&p), MECH_COMPLETE);
    assert_int_equal(mech_step(p.s, buf_slice(&old), &out, &p.e), MECH_FAILED);
    assert_int_equal(p.e.status, CIMF_NOT_AUTHENTICATED);
    buf_free(&old);
    buf_free(&out);
    pair_free(&p);
}

static void channel_bindings(void **state)
{
    static const struct {
        const char *client, *server;
        enum mech_binding level;
        bool ok, bound;
    } cases[] = {
        { "tls-server-end-point:a", "tls-server-end-point:a", MECH_BINDING_STRICT, true, true },
        { "tls-server-end-point:a", "tls-server-end-point:a", MECH_BINDING_RELAXED, true, true },
        { "tls-server-end-point:b", "tls-server-end-point:a", MECH_BINDING_STRICT, false, false },
        { "tls-server-end-point:b", "tls-server-end-point:a", MECH_BINDING_RELAXED, false, false },
        { "tls-server-end-point:b", "tls-server-end-point:a", MECH_BINDING_NONE, true, false },
        { "", "tls-server-end-point:a", MECH_BINDING_STRICT, false, false },
        { "", "tls-server-end-point:a", MECH_BINDING_RELAXED, true, false },
        { "tls-server-end-point:a", "", MECH_BINDING_RELAXED, true, false },
        { "tls-server-end-point:a", "", MECH_BINDING_STRICT, false, false },
    };
    struct pair p;
    pair_init(&p);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        p.client.options.bindings = slice_str(cases[i].client);
        p.server.options.bindings = slice_str(cases[i].server);
        p.server.options.binding_level = cases[i].level;
        if (cases[i].ok) {
            assert_int_equal(pair_run(&p), MECH_COMPLETE);
            assert_int_equal(!!(p.s->flags & MECH_BOUND), cases[i].bound);
        } else {
            assert_int_equal(refused(&p), CIMF_ACCESS_DENIED);
        }
    }
    pair_free(&p);
}

/* Gives the server a changed third message; it must refuse. */
static void deliver(struct pair *p, struct slice third)
{
    struct buf out;
    buf_init(&out, 0);
    mech_free(p->s);
    assert_int_equal(ntlm_server_new(&p->server, &p->s, &p->e), CIMF_OK);
    assert_int_equal(mech_step(p->s, buf_slice(&p->token[0]), &out, &p->e), MECH_CONTINUE);
    assert_int_equal(mech_step(p->s, third, &out, &p->e), MECH_FAILED);
    assert_int_equal(p->s->state, MECH_DEAD);
    buf_free(&out);
}

static void every_bit_and_truncation_of_the_third(void **state)
{
    struct pair p;
    pair_init(&p);
    assert_int_equal(pair_client_done(&p), MECH_COMPLETE);
    struct slice third = buf_slice(&p.token[2]);
    char *copy = malloc(third.n);
    assert_non_null(copy);
    for (size_t n = 0; n < third.n; n++) {
        memcpy(copy, third.p, n);
        deliver(&p, slice_of(copy, n));
    }
    for (size_t bit = 0; bit < 8 * third.n; bit++) {
        memcpy(copy, third.p, third.n);
        copy[bit / 8] ^= (char)(1 << bit % 8);
        deliver(&p, slice_of(copy, third.n));
    }
    free(copy);
    pair_free(&p);
}

/* Changing either of the first two messages on the way breaks the MIC. */
static void every_bit_of_the_first_two(void **state)
{
    struct pair p;
    pair_init(&p);
    for (int which = 0; which < 2; which++) {
        assert_int_equal(pair_client_done(&p), MECH_COMPLETE);
        size_t n = p.token[which].n;
        for (size_t bit = 0; bit < 8 * n; bit++) {
            pair_new(&p);
            struct buf out;
            buf_init(&out, 0);
            assert_int_equal(mech_step(p.c, SLICE(""), &p.token[0], &p.e), MECH_CONTINUE);
            if (which == 0) p.token[0].p[bit / 8] ^= (char)(1 << bit % 8);
            enum mech_result r = mech_step(p.s, buf_slice(&p.token[0]), &p.token[1], &p.e);
            if (r == MECH_CONTINUE && which == 1) p.token[1].p[bit / 8] ^= (char)(1 << bit % 8);
            if (r == MECH_CONTINUE) r = mech_step(p.c, buf_slice(&p.token[1]), &p.token[2], &p.e);
            if (r == MECH_COMPLETE) {
                r = mech_step(p.s, buf_slice(&p.token[2]), &out, &p.e);
                assert_int_equal(r, MECH_FAILED);
            }
            buf_free(&out);
        }
    }
    pair_free(&p);
}

static void truncated_first_two(void **state)
{
    struct pair p;
    struct buf out;
    pair_init(&p);
    buf_init(&out, 0);
    assert_int_equal(pair_client_done(&p), MECH_COMPLETE);
    struct buf first = p.token[0], second = p.token[1];
    buf_init(&p.token[0], 0);
    buf_init(&p.token[1], 0);
    for (size_t n = 0; n < 16; n++) { /* flags end there; the rest of the first may be missing */
        pair_new(&p);
        assert_int_equal(mech_step(p.s, slice_of(first.p, n), &out, &p.e), MECH_FAILED);
        assert_int_equal(p.e.status, CIMF_BAD_REQUEST);
    }
    for (size_t n = 0; n < second.n; n++) {
        pair_new(&p);
        assert_int_equal(mech_step(p.c, SLICE(""), &out, &p.e), MECH_CONTINUE);
        assert_int_equal(mech_step(p.c, slice_of(second.p, n), &out, &p.e), MECH_FAILED);
    }
    buf_free(&first);
    buf_free(&second);
    buf_free(&out);
    pair_free(&p);
}

/* A third message of one's own making: what a dishonest client with the password may try. */
static struct buf forged(struct pair *p, uint32_t avflags, bool v1)
{
    static const unsigned char nonce[8] = { 7 };
    struct ntlm_challenge c;
    struct ntlm_v2_proof proof;
    unsigned char hash[16], response[24], lm[24] = { 7 };
    struct buf avs, nt, out;
    buf_init(&avs, 0);
    buf_init(&nt, 0);
    buf_init(&out, 0);
    assert_int_equal(ntlm_challenge_read(buf_slice(&p->token[1]), &c, &p->e), CIMF_OK);
    assert_true(ntlm_ntowf_v1(SLICE("Secret"), hash));
    if (v1) {
        ntlm_v1_ess(hash, c.challenge, lm, response);
        buf_add(&nt, response, sizeof response);
    } else {
        if (avflags) ntlm_av_put_u32(&avs, NTLM_AV_FLAGS, avflags);
        ntlm_av_put(&avs, NTLM_AV_EOL, SLICE(""));
        buf_add(&nt, hash, 16);
        assert_true(ntlm_v2_blob_write(&nt, 0, nonce, buf_slice(&avs)));
        assert_true(ntlm_ntowf_v2(hash, SLICE("alice"), SLICE(""), proof.response_key));
        ntlm_v2_prove(&proof, c.challenge, slice_sub(buf_slice(&nt), 16));
        memcpy(nt.p, proof.proof, 16);
    }
    struct ntlm_authenticate a = { .flags = c.flags,
                                   .nt = buf_slice(&nt),
                                   .lm = slice_of((char *)lm, 24),
                                   .user = slice_of("a\0l\0i\0c\0e\0", 10),
                                   .domain = slice_of("X\0", 2),
                                   .key = slice_of("0123456789abcdef", 16) };
    assert_true(ntlm_authenticate_write(&out, &a));
    buf_free(&avs);
    buf_free(&nt);
    return out;
}

static enum mech_result try_forged(struct pair *p, uint32_t avflags, bool v1)
{
    struct buf out;
    buf_init(&out, 0);
    pair_client_done(p);
    struct buf third = forged(p, avflags, v1);
    enum mech_result result = mech_step(p->s, buf_slice(&third), &out, &p->e);
    buf_free(&third);
    buf_free(&out);
    return result;
}

/* covers: security:S30 */
static void policy(void **state)
{
    struct pair p;
    pair_init(&p);
    assert_int_equal(try_forged(&p, 0, false), MECH_FAILED);
    assert_int_equal(p.e.status, CIMF_ACCESS_DENIED); /* right password, no MIC */
    assert_int_equal(try_forged(&p, NTLM_AVF_MIC, false), MECH_FAILED);
    assert_int_equal(p.e.status, CIMF_NOT_AUTHENTICATED); /* MIC promised and stripped */
    p.server.allow_no_mic = true;
    assert_int_equal(try_forged(&p, NTLM_AVF_MIC, false), MECH_FAILED);
    assert_int_equal(try_forged(&p, 0, false),
                     MECH_COMPLETE); /* and the proof was made with no domain */
    p.server.max_skew_us = 3600000000;
    assert_int_equal(try_forged(&p, 0, false), MECH_FAILED); /* of the year 1601 */
    assert_int_equal(try_forged(&p, 0, true), MECH_FAILED);
    assert_int_equal(p.e.status, CIMF_NOT_AUTHENTICATED);
    p.server.allow_v1 = true;
    assert_int_equal(try_forged(&p, 0, true), MECH_COMPLETE);
    p.server.options.binding_level = MECH_BINDING_STRICT;
    assert_int_equal(try_forged(&p, 0, true), MECH_FAILED);
    pair_free(&p);
}

static void weak_offers(void **state)
{
    static const uint32_t dropped[] = { NTLM_UNICODE, NTLM_ESS, NTLM_128, NTLM_SIGN, NTLM_SEAL };
    struct pair p;
    struct buf out, m;
    pair_init(&p);
    buf_init(&out, 0);
    buf_init(&m, 0);
    assert_int_equal(pair_client_done(&p), MECH_COMPLETE);
    struct ntlm_negotiate first;
    assert_int_equal(ntlm_negotiate_read(buf_slice(&p.token[0]), &first, &p.e), CIMF_OK);
    for (size_t i = 0; i < sizeof dropped / sizeof dropped[0]; i++) {
        buf_cut(&m, 0);
        assert_true(ntlm_negotiate_write(&m, first.flags & ~dropped[i]));
        pair_new(&p);
        assert_int_equal(mech_step(p.s, buf_slice(&m), &out, &p.e), MECH_FAILED);
        assert_int_equal(p.e.status, CIMF_ACCESS_DENIED);
    }
    /* Where nothing is to be signed or sealed, a client without Unicode and long keys is enough (curl). */
    static const uint32_t plain = NTLM_NTLM | NTLM_ESS;
    static const struct { uint32_t flags; enum mech_result result; } offers[] = {
        { plain | NTLM_OEM, MECH_CONTINUE }, { plain | NTLM_UNICODE, MECH_CONTINUE }, { plain, MECH_FAILED },
        { NTLM_NTLM | NTLM_OEM, MECH_FAILED }, { plain | NTLM_OEM | NTLM_SIGN, MECH_FAILED },
        { plain | NTLM_UNICODE | NTLM_SEAL, MECH_FAILED }, { plain | NTLM_UNICODE | NTLM_SEAL | NTLM_128, MECH_CONTINUE } };
    uint32_t want = p.server.options.want;
    p.server.options.want = 0;
    for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
        struct ntlm_challenge c;
        buf_cut(&m, 0);
        buf_cut(&out, 0);
        assert_true(ntlm_negotiate_write(&m, offers[i].flags));
        pair_new(&p);
        assert_int_equal(mech_step(p.s, buf_slice(&m), &out, &p.e), offers[i].result);
        if (offers[i].result != MECH_CONTINUE) continue;
        assert_int_equal(ntlm_challenge_read(buf_slice(&out), &c, &p.e), CIMF_OK);
        assert_int_equal(c.flags & (NTLM_OEM | NTLM_UNICODE), offers[i].flags & (NTLM_OEM | NTLM_UNICODE));
        assert_int_equal(c.target_name.n, c.flags & NTLM_UNICODE ? 2 * p.server.computer.n : p.server.computer.n);
    }
    p.server.options.want = want;
    /* and a server that offers too little */
    for (size_t i = 0; i < sizeof dropped / sizeof dropped[0]; i++) {
        struct ntlm_challenge c;
        assert_int_equal(pair_client_done(&p), MECH_COMPLETE);
        assert_int_equal(ntlm_challenge_read(buf_slice(&p.token[1]), &c, &p.e), CIMF_OK);
        c.flags &= ~dropped[i];
        buf_cut(&m, 0);
        assert_true(ntlm_challenge_write(&m, &c));
        pair_new(&p);
        assert_int_equal(mech_step(p.c, SLICE(""), &out, &p.e), MECH_CONTINUE);
        assert_int_equal(mech_step(p.c, buf_slice(&m), &out, &p.e), MECH_FAILED);
        assert_int_equal(p.e.status, CIMF_ACCESS_DENIED);
    }
    buf_free(&out);
    buf_free(&m);
    pair_free(&p);
}

/* What a client adds: a MIC where the server gave the time, bindings always, zeros when there is no channel. And whom it
 * does not talk to: a server that does not name itself.
 * covers: security:S28 security:S29 */
static void what_a_client_says(void **state)
{
    static const char zeros[16];
    struct pair p;
    struct ntlm_authenticate third;
    struct ntlm_v2_response nt;
    struct ntlm_challenge c;
    struct ntlm_avs avs;
    struct buf pairs, m, out;
    pair_init(&p);
    assert_int_equal(pair_client_done(&p), MECH_COMPLETE);
    assert_int_equal(ntlm_authenticate_read(buf_slice(&p.token[2]), &third, &p.e), CIMF_OK);
    assert_true(ntlm_v2_response_read(third.nt, &nt));
    assert_true(nt.avs.flags & NTLM_AVF_MIC);
    assert_true(slice_eq(nt.avs.value[NTLM_AV_BINDINGS], slice_of(zeros, sizeof zeros)));
    p.client.options.bindings = SLICE("tls-server-end-point:x");
    assert_int_equal(pair_client_done(&p), MECH_COMPLETE);
    assert_int_equal(ntlm_authenticate_read(buf_slice(&p.token[2]), &third, &p.e), CIMF_OK);
    assert_true(ntlm_v2_response_read(third.nt, &nt));
    assert_int_equal(nt.avs.value[NTLM_AV_BINDINGS].n, 16);
    assert_false(slice_eq(nt.avs.value[NTLM_AV_BINDINGS], slice_of(zeros, sizeof zeros)));

    buf_init(&pairs, 0);
    buf_init(&m, 0);
    buf_init(&out, 0);
    assert_int_equal(ntlm_challenge_read(buf_slice(&p.token[1]), &c, &p.e), CIMF_OK);
    assert_true(ntlm_avs_read(c.target_info, &avs));
    for (int drop = NTLM_AV_NB_COMPUTER; drop <= NTLM_AV_NB_DOMAIN; drop++) {
        buf_clear(&pairs);
        for (int id = 1; id < NTLM_AV_COUNT; id++)
            if (id != drop && ntlm_av_has(&avs, (enum ntlm_av)id)) ntlm_av_put(&pairs, (enum ntlm_av)id, avs.value[id]);
        ntlm_av_put(&pairs, NTLM_AV_EOL, SLICE(""));
        struct ntlm_challenge nameless = c;
        nameless.target_info = buf_slice(&pairs);
        buf_clear(&m);
        buf_clear(&out);
        assert_true(ntlm_challenge_write(&m, &nameless));
        struct mech *client;
        assert_int_equal(ntlm_client_new(&p.client, &client, &p.e), CIMF_OK);
        assert_int_equal(mech_step(client, SLICE(""), &out, &p.e), MECH_CONTINUE);
        assert_int_equal(mech_step(client, buf_slice(&m), &out, &p.e), MECH_FAILED);
        assert_int_equal(p.e.status, CIMF_ACCESS_DENIED);
        mech_free(client);
    }
    buf_free(&pairs);
    buf_free(&m);
    buf_free(&out);
    pair_free(&p);
}

static void av_pairs(void **state)
{
    static const struct slice bad[] = { SLICE(""),
                                        SLICE("\0\0"),
                                        SLICE("\0\0\1\0x"),
                                        SLICE("\1\0\2\0a\0"),
                                        SLICE("\1\0\xff\xffz\0\0\0\0\0"),
                                        SLICE("\6\0\2\0\2\0\0\0\0\0"),
                                        SLICE("\7\0\0\0\0\0\0\0"),
                                        SLICE("\x0a\0\2\0\2\0\0\0\0\0"),
                                        SLICE("\1\0\2\0a\0\1\0\2\0b\0\0\0\0\0"),
                                        SLICE("\1\0\1\0a\0\0\0\0") };
    struct ntlm_avs avs;
    struct buf b;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(ntlm_avs_read(bad[i], &avs));
    assert_true(ntlm_avs_read(SLICE("\1\0\2\0a\0\x77\0\1\0?\0\0\0\0ignored"), &avs));
    assert_int_equal(avs.present, 1 << NTLM_AV_NB_COMPUTER);
    buf_init(&b, 0);
    for (int i = 0; i < 64; i++) buf_lit(&b, "\x77\0\0\0");
    buf_lit(&b, "\0\0\0\0");
    assert_false(ntlm_avs_read(buf_slice(&b), &avs)); /* more pairs than there can be */
    buf_free(&b);
}

/* The messages of MS-NLMP 4.2.4.3 read as they say. */
static void example_messages(void **state)
{
    unsigned char m[256];
    struct ntlm_challenge c;
    struct ntlm_authenticate a;
    struct ntlm_v2_response r;
    struct error e;
    size_t n =
        hex_bytes("4e544c4d53535000020000000c000c00 3800000033828ae20123456789abcdef "
                  "00000000000000002400240044000000"
                  "060070170000000f5300650072007600 6500720002000c0044006f006d006100 690066000000",
                  m, sizeof m);
    assert_int_equal(ntlm_challenge_read(slice_of((char *)m, n), &c, &e), CIMF_BAD_REQUEST);
    n = hex_bytes("4e544c4d53535000020000000c000c00 3800000033828ae20123456789abcdef "
                  "00000000000000002400240044000000"
                  "060070170000000f5300650072007600 6500720002000c0044006f006d006100 "
                  "69006e0001000c005300650072007600"
                  "6500720000000000",
                  m, sizeof m);
    assert_int_equal(ntlm_challenge_read(slice_of((char *)m, n), &c, &e), CIMF_OK);
    assert_int_equal(c.flags, 0xe28a8233);
    assert_int_equal(c.target_info.n, 0x24);
    assert_int_equal(c.target_name.n, 12);
    n = hex_bytes(
        "4e544c4d535350000300000018001800 6c00000054005400840000000c000c00 "
        "48000000080008005400000010001000"
        "5c00000010001000d8000000358288e2 0501280a0000000f44006f006d006100 "
        "69006e00550073006500720043004f00"
        "4d0050005500540045005200 86c35097 ac9cec102554764a57cccc19aaaaaaaa "
        "aaaaaaaa68cd0ab851e51c96aabc927b"
        "ebef6a1c010100000000000000000000 00000000aaaaaaaaaaaaaaaa00000000 "
        "02000c0044006f006d00610069006e00"
        "01000c00530065007200760065007200 0000000000000000c5dad2544fc97990 94ce1ce90bc9d03e",
        m, sizeof m);
    assert_int_equal(ntlm_authenticate_read(slice_of((char *)m, n), &a, &e), CIMF_OK);
    assert_int_equal(a.flags, 0xe2888235);
    assert_false(a.has_room_for_mic);
    assert_hex(a.key.p, "c5dad2544fc9799094ce1ce90bc9d03e");
    assert_true(ntlm_v2_response_read(a.nt, &r));
    assert_hex(r.proof.p, "68cd0ab851e51c96aabc927bebef6a1c");
    assert_int_equal(r.avs.present, 1 << NTLM_AV_NB_COMPUTER | 1 << NTLM_AV_NB_DOMAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_roles),
        cmocka_unit_test(moved_to_another_process),
        cmocka_unit_test(exported_bytes_are_checked),
        cmocka_unit_test(wrong_credentials),
        cmocka_unit_test(replayed),
        cmocka_unit_test(channel_bindings),
        cmocka_unit_test(every_bit_and_truncation_of_the_third),
        cmocka_unit_test(every_bit_of_the_first_two),
        cmocka_unit_test(truncated_first_two),
        cmocka_unit_test(policy),
        cmocka_unit_test(weak_offers),
        cmocka_unit_test(what_a_client_says), cmocka_unit_test(av_pairs),
        cmocka_unit_test(example_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
