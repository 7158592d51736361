/* SPNEGO over NTLM and over a mechanism of the test that stands for Kerberos; downgrades; hostile
 * tokens. */
#include <stdlib.h>

#include "codec/der.h"
#include "mech/ntlm_message.h"
#include "mech/spnego.h"
#include "mech/spnego_token.h"
#include "mech/test_hex.h"
#include "mech/test_pair.h"

/* Two messages, both sides then done; signatures are a sum. */
struct ticket {
    struct mech mech;
    bool refuse;
};

static enum mech_result ticket_step(struct mech *m, struct slice in, struct buf *out,
                                    struct error *e)
{
    bool first = m->side == MECH_CLIENT && in.n == 0;
    m->flags = MECH_SIGN;
    if (first) return buf_lit(out, "AP-REQ") ? MECH_CONTINUE : MECH_FAILED;
    if (((struct ticket *)m)->refuse ||
        !slice_is(in, m->side == MECH_CLIENT ? "AP-REP" : "AP-REQ")) {
        error_set(e, CIMF_NOT_AUTHENTICATED, "test", "no");
        return MECH_FAILED;
    }
    if (m->side == MECH_SERVER) buf_lit(out, "AP-REP");
    m->user = SLICE("ticket");
    return MECH_COMPLETE;
}
static size_t ticket_size(const struct mech *m, bool seal)
{
    return 1;
}
static cimf_status ticket_sign(struct mech *m, struct slice list, unsigned char *signature)
{
    *signature = m->side == MECH_CLIENT ? 1 : 2;
    for (size_t i = 0; i < list.n; i++) *signature = (unsigned char)(*signature * 31 + list.p[i]);
    return CIMF_OK;
}
static cimf_status ticket_verify(struct mech *m, struct slice list, struct slice signature)
{
    struct mech other = { .side = m->side == MECH_CLIENT ? MECH_SERVER : MECH_CLIENT };
    unsigned char expected;
    ticket_sign(&other, list, &expected);
    return signature.n == 1 && (unsigned char)signature.p[0] == expected ? CIMF_OK
                                                                         : CIMF_ACCESS_DENIED;
}
static void ticket_free(struct mech *m)
{
    free(m);
}
static const struct mech_ops ticket_ops = {
    .name = "ticket",
    .oid = { "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02", 9 },
    .step = ticket_step,
    .signature_size = ticket_size,
    .sign_list = ticket_sign,
    .verify_list = ticket_verify,
    .free = ticket_free,
};
static struct mech *ticket(enum mech_side side)
{
    struct ticket *t = calloc(1, sizeof *t);
    assert_non_null(t);
    t->mech.ops = &ticket_ops;
    t->mech.side = side;
    return &t->mech;
}

enum { TICKET = 1, NTLM = 2, NTLM_FIRST = 4 };
struct talk {
    struct pair pair;
    struct mech *c, *s;
    struct buf token[8];
    size_t count;
    struct error e;
    enum mech_result client, server;
    /* called on each token on its way: may change it */
    void (*meddle)(struct talk *t, size_t index, struct buf *token);
    size_t bit;
};

static struct mech *candidates(struct talk *t, enum mech_side side, int which)
{
    struct mech *list[3], *ntlm = NULL, *out;
    size_t n = 0;
    if (which & NTLM) {
        assert_int_equal(side == MECH_CLIENT ? ntlm_client_new(&t->pair.client, &ntlm, &t->e)
                                             : ntlm_server_new(&t->pair.server, &ntlm, &t->e),
                         CIMF_OK);
    }
    if (which & NTLM_FIRST) list[n++] = ntlm;
    if (which & TICKET) list[n++] = ticket(side);
    if (ntlm && !(which & NTLM_FIRST)) list[n++] = ntlm;
    assert_int_equal(side == MECH_CLIENT ? spnego_client_new(list, n, &out, &t->e)
                                         : spnego_server_new(list, n, &out, &t->e),
                     CIMF_OK);
    return out;
}

static void talk_free(struct talk *t)
{
    mech_free(t->c);
    mech_free(t->s);
    for (size_t i = 0; i < 8; i++) buf_free(&t->token[i]);
    pair_free(&t->pair);
}

static void talk_init(struct talk *t, int client, int server)
{
    memset(t, 0, sizeof *t);
    pair_init(&t->pair);
    t->c = candidates(t, MECH_CLIENT, client);
    t->s = candidates(t, MECH_SERVER, server);
    for (size_t i = 0; i < 8; i++) buf_init(&t->token[i], 0);
}

/* Until both are done or one fails. True: both complete. */
static bool talk_run(struct talk *t)
{
    struct slice in = SLICE("");
    t->client = t->server = MECH_CONTINUE;
    for (t->count = 0; t->count < 8; t->count++) {
        struct buf *out = &t->token[t->count];
        bool turn = t->count % 2 == 0;
        enum mech_result *r = turn ? &t->client : &t->server;
        *r = mech_step(turn ? t->c : t->s, in, out, &t->e);
        if (*r == MECH_FAILED) return false;
        if (out->n == 0) break;
        if (t->meddle) t->meddle(t, t->count, out);
        in = buf_slice(out);
    }
    return t->client == MECH_COMPLETE && t->server == MECH_COMPLETE;
}

static bool run(int client, int server, void (*meddle)(struct talk *, size_t, struct buf *))
{
    struct talk t;
    talk_init(&t, client, server);
    t.meddle = meddle;
    bool ok = talk_run(&t);
    if (!ok) assert_true(t.client == MECH_FAILED || t.server == MECH_FAILED);
    talk_free(&t);
    return ok;
}

static void ntlm_alone(void **state)
{
    struct talk t;
    unsigned char text[4] = "abc", signature[16];
    struct mech_part part = { MECH_PART_SEAL, text, 4 };
    talk_init(&t, NTLM, NTLM);
    assert_true(talk_run(&t));
    assert_int_equal(t.count, 4); /* init, challenge, authenticate with MIC, accept with MIC */
    assert_slice(t.s->user, "alice");
    assert_string_equal(spnego_chosen(t.s)->ops->name, "NTLM");
    assert_memory_equal(t.s->session_key, t.c->session_key, 16);
    assert_int_equal(mech_seal(t.c, &part, 1, signature), CIMF_OK);
    assert_int_equal(signature[12], 1); /* the MIC of the list was number 0 */
    assert_int_equal(mech_unseal(t.s, &part, 1, slice_of((char *)signature, 16)), CIMF_OK);
    assert_memory_equal(text, "abc", 4);
    assert_int_equal(mech_seal(t.s, &part, 1, signature), CIMF_OK);
    signature[5] ^= 1;
    assert_int_equal(mech_unseal(t.c, &part, 1, slice_of((char *)signature, 16)),
                     CIMF_ACCESS_DENIED);
    talk_free(&t);
}

/* The finished mechanism goes to another process; the list's MIC has counted there too. */
static void moved_after_the_list(void **state)
{
    struct talk t;
    struct mech *moved;
    struct buf bytes;
    unsigned char text[4] = "abc", signature[16];
    struct mech_part part = { MECH_PART_SEAL, text, 4 };
    buf_init(&bytes, 0);
    talk_init(&t, NTLM, NTLM);
    assert_int_equal(mech_export(t.s, &bytes, NULL), CIMF_INVALID_OPERATION);
    assert_true(talk_run(&t));
    assert_int_equal(mech_export(t.s, &bytes, NULL), CIMF_OK);
    assert_int_equal(t.s->state, MECH_DEAD);
    assert_int_equal(spnego_chosen(t.s)->state, MECH_DEAD);
    assert_int_equal(mech_import(buf_slice(&bytes), &moved, NULL), CIMF_OK);
    assert_null(spnego_chosen(moved));
    assert_int_equal(mech_seal(t.c, &part, 1, signature), CIMF_OK);
    assert_int_equal(mech_unseal(moved, &part, 1, slice_of((char *)signature, 16)), CIMF_OK);
    assert_memory_equal(text, "abc", 4);
    assert_int_equal(mech_seal(moved, &part, 1, signature), CIMF_OK);
    assert_int_equal(signature[12], 1); /* the MIC of the list was number 0 */
    assert_int_equal(mech_unseal(t.c, &part, 1, slice_of((char *)signature, 16)), CIMF_OK);
    mech_free(moved);
    buf_free(&bytes);
    talk_free(&t);
}

static void choices(void **state)
{
    struct talk t;
    talk_init(&t, TICKET | NTLM, TICKET | NTLM);
    assert_true(talk_run(&t));
    assert_int_equal(t.count, 2); /* the first choice needs no MIC */
    assert_slice(t.s->user, "ticket");
    talk_free(&t);
    talk_init(&t, TICKET | NTLM, NTLM); /* second choice: request-mic, another round */
    assert_true(talk_run(&t));
    assert_slice(t.s->user, "alice");
    talk_free(&t);
    talk_init(&t, NTLM | TICKET | NTLM_FIRST, TICKET);
    assert_true(talk_run(&t));
    assert_slice(t.s->user, "ticket");
    talk_free(&t);
    talk_init(&t, TICKET, NTLM);
    assert_false(talk_run(&t));
    assert_int_equal(t.e.status, CIMF_AUTH_SCHEME);
    struct spnego_resp r;
    assert_int_equal(spnego_resp_read(buf_slice(&t.token[1]), &r, &t.e), CIMF_OK);
    assert_int_equal(r.state, SPNEGO_REJECTED);
    talk_free(&t);
}

/* The client's first choice is struck out of its list on the way. */
static void strike_out(struct talk *t, size_t index, struct buf *token)
{
    struct spnego_init init;
    struct slice oid = SLICE("\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a");
    struct buf list;
    if (index != 0) return;
    buf_init(&list, 0);
    assert_int_equal(spnego_init_read(buf_slice(token), &init, &t->e), CIMF_OK);
    assert_true(spnego_list_write(&list, &oid, 1));
    init.list = buf_slice(&list);
    init.token = SLICE_NULL;
    init.mic = SLICE_NULL;
    struct buf out;
    buf_init(&out, 0);
    assert_true(spnego_init_write(&out, &init));
    buf_free(token);
    *token = out;
    buf_free(&list);
}

/* MICs are taken off the client's last message; and off the server's. */
static void strip(struct talk *t, struct buf *token, bool accept)
{
    struct spnego_resp r;
    struct buf out;
    buf_init(&out, 0);
    assert_int_equal(spnego_resp_read(buf_slice(token), &r, &t->e), CIMF_OK);
    r.mic = SLICE_NULL;
    if (accept) r.state = SPNEGO_ACCEPTED;
    assert_true(spnego_resp_write(&out, &r));
    buf_free(token);
    *token = out;
}
static void strip_clients(struct talk *t, size_t index, struct buf *token)
{
    if (index == 2) strip(t, token, false);
}
static void strip_servers(struct talk *t, size_t index, struct buf *token)
{
    if (index == 3) strip(t, token, true);
}
static void claim_acceptance(struct talk *t, size_t index, struct buf *token)
{
    if (index == 1) strip(t, token, true);
}

static void downgrades(void **state)
{
    assert_true(run(TICKET | NTLM, TICKET | NTLM, NULL));
    assert_false(run(TICKET | NTLM, TICKET | NTLM, strike_out));
    assert_false(run(NTLM, NTLM, strip_clients));
    assert_false(run(NTLM, NTLM, strip_servers));
    assert_false(run(NTLM, NTLM, claim_acceptance));
}

static void flip_first(struct talk *t, size_t index, struct buf *token)
{
    if (index == 0 && t->bit / 8 < token->n) token->p[t->bit / 8] ^= (char)(1 << t->bit % 8);
}
static void flip_last(struct talk *t, size_t index, struct buf *token)
{
    if (index == 2 && t->bit / 8 < token->n) token->p[t->bit / 8] ^= (char)(1 << t->bit % 8);
}
static void flip_accept(struct talk *t, size_t index, struct buf *token)
{
    if (index == 3 && t->bit / 8 < token->n) token->p[t->bit / 8] ^= (char)(1 << t->bit % 8);
}

/* A flipped bit anywhere in a token: never another identity, and nothing protected passes. */
static void flipped_bits(void **state)
{
    static void (*const ways[])(struct talk *, size_t, struct buf *) = { flip_first, flip_last,
                                                                         flip_accept };
    static const size_t indexes[] = { 0, 2, 3 };
    for (size_t w = 0; w < 3; w++) {
        struct talk t;
        talk_init(&t, NTLM, NTLM);
        assert_true(talk_run(&t));
        size_t bits = 8 * t.token[indexes[w]].n;
        talk_free(&t);
        for (size_t bit = 0; bit < bits; bit++) {
            talk_init(&t, NTLM, NTLM);
            t.meddle = ways[w];
            t.bit = bit;
            if (talk_run(&t)) fail_msg("token %zu, bit %zu", indexes[w], bit);
            talk_free(&t);
        }
    }
}

static void raw_ntlm(void **state)
{
    struct talk t;
    struct pair p;
    struct buf out;
    talk_init(&t, NTLM, TICKET | NTLM);
    pair_init(&p);
    pair_new(&p);
    buf_init(&out, 0);
    assert_int_equal(mech_step(p.c, SLICE(""), &p.token[0], &p.e), MECH_CONTINUE);
    assert_int_equal(mech_step(t.s, buf_slice(&p.token[0]), &p.token[1], &p.e), MECH_CONTINUE);
    assert_int_equal(mech_step(p.c, buf_slice(&p.token[1]), &p.token[2], &p.e), MECH_COMPLETE);
    assert_int_equal(mech_step(t.s, buf_slice(&p.token[2]), &out, &p.e), MECH_COMPLETE);
    assert_slice(t.s->user, "alice");
    assert_int_equal(out.n, 0);
    pair_free(&p);
    talk_free(&t);
}

/* Windows fails unless the server answers with the very OID that it offered (MS-SPNG 3.1.5.2, note
 * 9). */
static void wrong_kerberos_oid(void **state)
{
    const struct slice oids[] = { SPNEGO_OID_MS_KERBEROS, SPNEGO_OID_KERBEROS };
    for (size_t i = 0; i < 2; i++) {
        struct talk t;
        struct buf list, init, out;
        struct spnego_init m = { .token = SLICE("AP-REQ") };
        struct spnego_resp r;
        buf_init(&list, 0);
        buf_init(&init, 0);
        buf_init(&out, 0);
        talk_init(&t, NTLM, TICKET);
        assert_true(spnego_list_write(&list, oids + i, 2 - i));
        m.list = buf_slice(&list);
        assert_true(spnego_init_write(&init, &m));
        assert_int_equal(mech_step(t.s, buf_slice(&init), &out, &t.e), MECH_COMPLETE);
        assert_int_equal(spnego_resp_read(buf_slice(&out), &r, &t.e), CIMF_OK);
        assert_int_equal(r.state, SPNEGO_ACCEPTED);
        assert_true(slice_eq(r.mech, oids[i]));
        assert_slice(r.token, "AP-REP");
        buf_free(&list);
        buf_free(&init);
        buf_free(&out);
        talk_free(&t);
    }
}

/* The server's hints before the client's first message: MS-SPNG 3.2.5.2 and the shape of its
 * example. */
static void hints_first(void **state)
{
    struct talk t;
    struct buf list, init;
    const struct slice oids[] = { SLICE("\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x1e"),
                                  SLICE("\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a") };
    struct spnego_init m = { .hint = SLICE("not_defined_in_RFC4178@please_ignore") }, back;
    buf_init(&list, 0);
    buf_init(&init, 0);
    talk_init(&t, TICKET | NTLM, NTLM);
    assert_true(spnego_list_write(&list, oids, 2));
    m.list = buf_slice(&list);
    assert_true(spnego_init_write(&init, &m));
    assert_int_equal(spnego_init_read(buf_slice(&init), &back, &t.e), CIMF_OK);
    assert_int_equal(back.mech_count, 2);
    assert_slice(back.hint, "not_defined_in_RFC4178@please_ignore");
    assert_int_equal(mech_step(t.c, buf_slice(&init), &t.token[0], &t.e), MECH_CONTINUE);
    assert_int_equal(spnego_init_read(buf_slice(&t.token[0]), &back, &t.e), CIMF_OK);
    assert_int_equal(back.mech_count, 1);
    assert_int_equal(ntlm_message_type(back.token), 1);
    buf_free(&list);
    buf_free(&init);
    talk_free(&t);
}

/* The NegTokenInit2 of MS-SPNG section 4: NEGOEX and NTLM, a token of the former, hints. */
static void example_of_the_specification(void **state)
{
    unsigned char bytes[512];
    struct spnego_init init;
    struct error e;
    struct buf back;
    size_t n = hex_bytes(
        "6082015d06062b0601050502a08201513082014da01a3018060a2b06010401823702021e060a2b0601040182"
        "3702020aa28201010481fe4e45474f4558545301000000000000006000000070000000cffa11765e12599a34"
        "7d766852bfce7097458710bb8242b4c7dfbad2da897aa311a7d868463430952562dc13c554f2010000000000"
        "000000600000000100000000000000000000005c33530deaf90d4db2ec4ae3786ec3084e45474f4558545303"
        "00000001000000400000008e000000cffa11765e12599a347d766852bfce705c33530deaf90d4db2ec4ae378"
        "6ec308400000004e000000304ca04a3048302a80283026312430220603550403131b584d4c50726f76696465"
        "7220496e7465726d656469617465204341301a80183016311430120603550403130b584d4c50726f76696465"
        "72a32a3028a0261b246e6f745f646566696e65645f696e5f5246433431373840706c656173655f69676e6f72"
        "65",
        bytes, sizeof bytes);
    assert_int_equal(spnego_init_read(slice_of((char *)bytes, n), &init, &e), CIMF_OK);
    assert_int_equal(init.mech_count, 2);
    assert_slice(init.mechs[0], "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x1e");
    assert_slice(init.mechs[1], "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a");
    assert_int_equal(init.token.n, 0xfe);
    assert_true(slice_starts(init.token, SLICE("NEGOEXTS\x01")));
    assert_slice(init.hint, "not_defined_in_RFC4178@please_ignore");
    assert_null(init.mic.p);
    buf_init(&back, 0);
    assert_true(spnego_init_write(&back, &init));
    assert_int_equal(back.n, n);
    assert_memory_equal(back.p, bytes, n);
    buf_free(&back);
}

/* Room for a token runs out: a failure, nothing worse. */
static void no_room(void **state)
{
    for (size_t cap = 1; cap < 700; cap += 7) {
        struct talk t;
        talk_init(&t, NTLM, NTLM);
        for (size_t i = 0; i < 8; i++) {
            buf_free(&t.token[i]);
            buf_init(&t.token[i], cap);
        }
        if (talk_run(&t)) {
            for (size_t i = 0; i < t.count; i++) assert_true(buf_ok(&t.token[i]));
        } else {
            assert_int_equal(t.e.status, CIMF_OUT_OF_MEMORY);
        }
        talk_free(&t);
    }
}

static void truncations(void **state)
{
    struct talk t;
    talk_init(&t, NTLM, NTLM);
    assert_true(talk_run(&t));
    for (size_t i = 0; i < t.count; i++) {
        for (size_t n = 0; n < t.token[i].n; n++) {
            struct spnego_init init;
            struct spnego_resp resp;
            char *copy = malloc(n + 1);
            assert_non_null(copy);
            memcpy(copy, t.token[i].p, n);
            struct slice cut = slice_of(copy, n);
            assert_int_equal(i == 0 ? spnego_init_read(cut, &init, &t.e)
                                    : spnego_resp_read(cut, &resp, &t.e),
                             CIMF_BAD_REQUEST);
            free(copy);
        }
    }
    talk_free(&t);
}

static void malformed(void **state)
{
    static const struct slice bad[] = {
        SLICE(""),
        SLICE("\xa1\x00"),
        SLICE("\xa1\x02\x30\x01"),
        SLICE("\xa1\x84\xff\xff\xff\xff\x30"),
        SLICE("\xa1\x07\x30\x05\xa0\x03\x0a\x01\x04"),                 /* no such state */
        SLICE("\xa1\x04\x30\x02\xa5\x00"),                             /* no such field */
        SLICE("\xa1\x08\x30\x06\xa2\x02\x04\x00\xa2\x00"),             /* a field twice */
        SLICE("\xa1\x0b\x30\x09\xa2\x02\x04\x00\xa0\x03\x0a\x01\x00"), /* order */
        SLICE("\xa1\x07\x30\x05\xa2\x03\x04\x00\x00"),                 /* more inside a field */
        SLICE("\xa1\x02\x30\x00\x00"),                                 /* more behind */
    };
    struct spnego_resp r;
    struct spnego_init init;
    struct error e;
    struct buf b;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(spnego_resp_read(bad[i], &r, &e), CIMF_BAD_REQUEST);
    }
    assert_int_equal(spnego_resp_read(SLICE("\xa1\x02\x30\x00"), &r, &e), CIMF_OK);
    assert_int_equal(r.state, SPNEGO_NO_STATE);
    buf_init(&b, 0);
    for (int count = 1; count <= LIMIT_MECH_LIST + 1; count++) {
        struct slice oids[LIMIT_MECH_LIST + 1];
        struct spnego_init m = { 0 };
        struct buf list;
        buf_init(&list, 0);
        buf_cut(&b, 0);
        for (int i = 0; i < count; i++) oids[i] = SPNEGO_OID_KERBEROS;
        assert_true(spnego_list_write(&list, oids, (size_t)count));
        m.list = buf_slice(&list);
        assert_true(spnego_init_write(&b, &m));
        assert_int_equal(spnego_init_read(buf_slice(&b), &init, &e),
                         count <= LIMIT_MECH_LIST ? CIMF_OK : CIMF_BAD_REQUEST);
        buf_free(&list);
    }
    buf_free(&b);
}

static void too_long_a_token(void **state)
{
    static char bytes[LIMIT_MECH_TOKEN + 1];
    struct talk t;
    talk_init(&t, NTLM, NTLM);
    assert_int_equal(mech_step(t.s, slice_of(bytes, sizeof bytes), &t.token[0], &t.e), MECH_FAILED);
    assert_int_equal(t.e.status, CIMF_BAD_REQUEST);
    talk_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ntlm_alone),
        cmocka_unit_test(moved_after_the_list),
        cmocka_unit_test(choices),
        cmocka_unit_test(downgrades),
        cmocka_unit_test(flipped_bits),
        cmocka_unit_test(raw_ntlm),
        cmocka_unit_test(wrong_kerberos_oid),
        cmocka_unit_test(hints_first),
        cmocka_unit_test(example_of_the_specification),
        cmocka_unit_test(no_room),
        cmocka_unit_test(truncations),
        cmocka_unit_test(malformed),
        cmocka_unit_test(too_long_a_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
