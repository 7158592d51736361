/* CredSSP's messages, our client against our server: every version; everyone in the middle who can be thought of; what
 * may be delegated. Mostly without TLS, to reach the messages. */
#include "codec/der.h"
#include "mech/test_credssp.h"

/* covers: security:S33 */
static void every_version(void **state)
{
    for (unsigned client = 2; client <= 6; client++) {
        for (unsigned server = 2; server <= 6; server++) {
            struct talk t;
            talk_init(&t, 2, client, BARE);
            t.s->max_version = server;
            t.s->min_version = 2;
            if (!talk_run(&t)) fail_msg("%u and %u: %s", client, server, t.server_error.text);
            assert_int_equal(credssp_version(t.s), client < server ? client : server);
            assert_int_equal(credssp_version(t.c), client < server ? client : server);
            assert_delegated(&t);
            talk_free(&t);
        }
    }
}

static void version_all(struct buf *token, unsigned version)
{
    struct credssp_request r;
    struct buf b;
    assert_int_equal(credssp_request_read(buf_slice(token), &r, NULL), CIMF_OK);
    buf_init(&b, 0);
    r.version = version;
    assert_true(credssp_request_write(&b, &r));
    buf_free(token);
    *token = b;
}
static void version_7(struct talk *t, unsigned index, struct buf *token)
{
    version_all(token, 7);
}
static void version_4(struct talk *t, unsigned index, struct buf *token)
{
    version_all(token, 4);
}

/* covers: security:S33 */
static void a_newer_peer_is_one_of_ours(void **state)
{
    struct talk t;
    talk_init(&t, 0, 0, BARE);
    t.meddle = version_7;
    assert_true(talk_run(&t));
    assert_int_equal(t.s->peer_version, 7);
    assert_int_equal(credssp_version(t.s), 6);
    talk_free(&t);
}

/* covers: security:S33 */
static void old_versions_are_refused_unless_configured(void **state)
{
    struct talk t;
    for (unsigned version = 2; version <= 4; version++) {
        talk_init(&t, 2, version, 0); /* the server takes 5 at least */
        assert_false(talk_run(&t));
        assert_int_equal(t.server, CREDSSP_FAILED);
        assert_int_equal(t.server_error.status, CIMF_ACCESS_DENIED);
        if (version >= 3) {
            assert_int_equal(t.client, CREDSSP_FAILED);
            assert_int_equal(t.client_error.native, NTSTATUS_NOT_SUPPORTED);
        } else {
            assert_int_equal(t.to_client.n, 0);
        }
        talk_free(&t);
        talk_init(&t, 5, 6, BARE);
        t.s->max_version = version;
        assert_false(talk_run(&t));
        assert_int_equal(t.client, CREDSSP_FAILED);
        assert_int_equal(t.client_error.status, CIMF_ACCESS_DENIED);
        assert_int_equal(t.count, 2); /* before anything secret */
        talk_free(&t);
    }
    talk_init(&t, 0, 0, BARE); /* both could do better, and someone makes them believe otherwise */
    t.s->min_version = 5;
    t.meddle = version_4;
    assert_false(talk_run(&t));
    assert_int_equal(t.server_error.status, CIMF_ACCESS_DENIED);
    talk_free(&t);
}

static void wrong_passwords(void **state)
{
    for (unsigned version = 2; version <= 6; version++) {
        struct talk t;
        talk_init(&t, 2, version, BARE);
        t.pair.client.password = SLICE("wrong");
        mech_free(t.c->inner);
        assert_int_equal(ntlm_client_new(&t.pair.client, &t.c->inner, NULL), CIMF_OK);
        mech_free(t.inner);
        assert_int_equal(ntlm_server_new(&t.pair.server, &t.inner, NULL), CIMF_OK);
        assert_false(talk_run(&t));
        assert_int_equal(t.server_error.status, CIMF_NOT_AUTHENTICATED);
        if (version == 2 || version == 5) {
            assert_int_equal(t.to_client.n, 0);
        } else {
            assert_int_equal(t.client, CREDSSP_FAILED);
            assert_int_equal(t.client_error.status, CIMF_NOT_AUTHENTICATED);
            assert_int_equal(t.client_error.native, NTSTATUS_LOGON_FAILURE);
        }
        talk_free(&t);
    }
}

/* ---------------------------------------------------------------------- someone in the middle */

/* Tokens of a bare talk: 0 negotiate, 1 challenge, 2 authenticate and pubKeyAuth, 3 pubKeyAuth, 4 authInfo. */
static struct credssp_request read_token(struct buf *token)
{
    struct credssp_request r;
    assert_int_equal(credssp_request_read(buf_slice(token), &r, NULL), CIMF_OK);
    return r;
}

static void flip(struct slice s, size_t at)
{
    if (at / 8 < s.n) ((char *)s.p)[at / 8] ^= (char)(1 << at % 8);
}

static void flip_key(struct talk *t, unsigned index, struct buf *token)
{
    if (index == 2) flip(read_token(token).public_key, t->at);
}
static void flip_answer(struct talk *t, unsigned index, struct buf *token)
{
    if (index == 3) flip(read_token(token).public_key, t->at);
}
static void flip_credentials(struct talk *t, unsigned index, struct buf *token)
{
    if (index == 4) flip(read_token(token).auth_info, t->at);
}
static void flip_nonce(struct talk *t, unsigned index, struct buf *token)
{
    if (index == 2) flip(read_token(token).nonce, t->at);
}

static void every_flipped_bit_is_seen(void **state)
{
    static const struct {
        void (*meddle)(struct talk *, unsigned, struct buf *);
        size_t bytes;
        bool by_client;
    } rows[] = { { flip_key, 48, false },
                 { flip_answer, 48, true },
                 { flip_nonce, 32, false },
                 { flip_credentials, 64, false } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t bit = 0; bit < rows[i].bytes * 8; bit += 3) {
            struct talk t;
            talk_init(&t, 0, 0, BARE);
            t.meddle = rows[i].meddle;
            t.at = bit;
            assert_false(talk_run(&t));
            const struct error *e = rows[i].by_client ? &t.client_error : &t.server_error;
            assert_int_equal(rows[i].by_client ? t.client : t.server, CREDSSP_FAILED);
            assert_int_equal(e->status, CIMF_ACCESS_DENIED);
            struct slice s;
            assert_false(credssp_password(t.s, &s, &s, &s));
            talk_free(&t);
        }
    }
}

static void rewrite(struct buf *token, struct credssp_request r)
{
    struct buf b;
    buf_init(&b, 0);
    assert_true(credssp_request_write(&b, &r));
    buf_free(token);
    *token = b;
}

static void drop_nonce(struct talk *t, unsigned index, struct buf *token)
{
    struct credssp_request r = read_token(token);
    r.nonce = SLICE_NULL;
    rewrite(token, r);
}
static void lower_version(struct talk *t, unsigned index, struct buf *token)
{
    struct credssp_request r = read_token(token);
    if (index >= 2) r.version = 4;
    rewrite(token, r);
}
static void two_at_once(struct talk *t, unsigned index, struct buf *token)
{
    struct credssp_request r = read_token(token);
    r.auth_info = SLICE("x");
    rewrite(token, r);
}
static void no_token(struct talk *t, unsigned index, struct buf *token)
{
    struct credssp_request r = read_token(token);
    r.token = SLICE_NULL;
    rewrite(token, r);
}
static void early_key(struct talk *t, unsigned index, struct buf *token)
{
    struct credssp_request r = read_token(token);
    if (index == 0) r.public_key = SLICE("0123456789abcdef0123");
    rewrite(token, r);
}
static void another_key(struct talk *t, unsigned index, struct buf *token)
{
    t->s->key.p[3] ^= 1;
}
static void reflect(struct talk *t, unsigned index, struct buf *token)
{
    static unsigned char kept[64];
    static size_t n;
    struct credssp_request r = read_token(token);
    if (index == 2) memcpy(kept, r.public_key.p, n = r.public_key.n);
    if (index == 3) r.public_key = slice_of((char *)kept, n);
    rewrite(token, r);
}
static void no_list_mic(struct talk *t, unsigned index, struct buf *token)
{
    struct credssp_request r = read_token(token);
    if (index == 3) r.token = SLICE_NULL;
    rewrite(token, r);
}

static void lies_are_refused(void **state)
{
    static const struct {
        void (*meddle)(struct talk *, unsigned, struct buf *);
        unsigned version;
    } rows[] = {
        { drop_nonce, 6 },  { lower_version, 6 }, { two_at_once, 6 }, { no_token, 6 }, { early_key, 6 },
        { another_key, 6 }, { another_key, 4 },   { reflect, 6 },     { reflect, 4 },  { reflect, 2 },
        { no_list_mic, 6 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct talk t;
        talk_init(&t, 2, rows[i].version, BARE);
        t.meddle = rows[i].meddle;
        if (talk_run(&t)) fail_msg("lie %zu is believed", i);
        assert_true(t.client == CREDSSP_FAILED || t.server == CREDSSP_FAILED);
        struct slice s;
        assert_false(credssp_password(t.s, &s, &s, &s));
        talk_free(&t);
    }
}

static void every_truncation(void **state)
{
    for (unsigned index = 0; index < 5; index++) {
        for (size_t n = 0;; n++) {
            struct talk t;
            struct slice none;
            talk_init(&t, 0, 0, BARE);
            talk_until(&t, index);
            struct buf *token = index % 2 ? &t.to_client : &t.to_server;
            bool end = n >= token->n;
            if (!end && index % 2) {
                struct buf out;
                buf_init(&out, 0);
                t.client = credssp_step(t.c, slice_of(token->p, n), &out, &none, &t.client_error);
                assert_int_equal(t.client, CREDSSP_FAILED);
                buf_free(&out);
            } else if (!end) {
                serve(&t, slice_of(token->p, n));
                assert_int_equal(t.server, CREDSSP_FAILED);
                assert_int_equal(t.server_error.status, CIMF_BAD_REQUEST);
            }
            talk_free(&t);
            if (end) break;
            if (n > 40 && n % 7) n += 6;
        }
    }
}

static void tokens_out_of_turn(void **state)
{
    struct talk t;
    struct slice ask;
    struct buf out;
    buf_init(&out, 0);
    talk_init(&t, 0, 0, BARE);
    talk_until(&t, 0);
    assert_int_equal(credssp_step(t.s, buf_slice(&t.to_server), &out, &ask, NULL), CREDSSP_ASK);
    assert_true(ask.n > 0);
    assert_int_equal(credssp_step(t.s, buf_slice(&t.to_server), &out, &ask, NULL), CREDSSP_FAILED);
    assert_int_equal(credssp_inner(t.s, MECH_CONTINUE, SLICE("x"), NULL, &out, NULL),
                     CREDSSP_FAILED);
    talk_free(&t);

    /* a replayed token, and one after the end */
    talk_init(&t, 0, 0, BARE);
    talk_until(&t, 2);
    serve(&t, buf_slice(&t.to_server));
    assert_int_equal(t.server, CREDSSP_CONTINUE);
    serve(&t, buf_slice(&t.to_server));
    assert_int_equal(t.server, CREDSSP_FAILED);
    talk_free(&t);
    talk_init(&t, 0, 0, BARE);
    assert_true(talk_run(&t));
    serve(&t, buf_slice(&t.to_server));
    assert_int_equal(t.server, CREDSSP_FAILED);
    assert_int_equal(credssp_step(t.c, SLICE("x"), &out, &ask, NULL), CREDSSP_FAILED);
    assert_false(credssp_password(t.s, &ask, &ask, &ask));
    talk_free(&t);
    buf_free(&out);
}

/* ---------------------------------------------------------------------- what is delegated */

static void der_field(struct buf *b, unsigned number, unsigned tag, struct slice s)
{
    size_t mark = b->n;
    der_put(b, tag, s);
    der_wrap(b, mark, DER_CONTEXT | number);
}

/* The end of an exchange, with these bytes as TSCredentials. */
static enum credssp_result delegate(struct slice credentials, struct error *e)
{
    struct talk t;
    struct buf sealed;
    talk_init(&t, 0, 0, BARE);
    talk_until(&t, 3);
    /* what the client would do with the server's answer, up to its own credentials */
    struct credssp_request r = read_token(&t.to_client);
    buf_clear(&t.token);
    assert_int_equal(mech_step(t.c->inner, r.token, &t.token, NULL), MECH_COMPLETE);
    buf_init(&sealed, 0);
    assert_true(credssp_seal(t.c->inner, credentials, &sealed));
    struct credssp_request last = { .version = 6, .auth_info = buf_slice(&sealed) };
    buf_clear(&t.to_server);
    assert_true(credssp_request_write(&t.to_server, &last));
    buf_clear(&t.to_client);
    serve(&t, buf_slice(&t.to_server));
    *e = t.server_error;
    enum credssp_result result = t.server;
    if (e->status == CIMF_NOT_SUPPORTED)
        assert_int_equal(read_token(&t.to_client).error, NTSTATUS_NOT_SUPPORTED);
    buf_free(&sealed);
    talk_free(&t);
    return result;
}

static struct slice with_kind(struct buf *b, unsigned kind, struct slice inside)
{
    buf_clear(b);
    der_put_u31(b, DER_INTEGER, kind);
    der_wrap(b, 0, DER_CONTEXT);
    der_field(b, 1, DER_OCTETS, inside);
    der_wrap(b, 0, DER_SEQUENCE);
    return buf_slice(b);
}

static struct slice password_creds(struct buf *b, struct slice user)
{
    buf_clear(b);
    der_field(b, 0, DER_OCTETS, SLICE(""));
    der_field(b, 1, DER_OCTETS, user);
    der_field(b, 2, DER_OCTETS, SLICE("p\0"));
    der_wrap(b, 0, DER_SEQUENCE);
    return buf_slice(b);
}

static void kinds_of_credentials(void **state)
{
    struct error e;
    struct buf b, inside;
    buf_init(&b, 0);
    buf_init(&inside, 0);
    assert_int_equal(delegate(with_kind(&b, 1, password_creds(&inside, SLICE("u\0"))), &e),
                     CREDSSP_COMPLETE);
    /* halves of a character, a lone surrogate, NUL */
    static const struct slice names[] = { { "u", 1 }, { "\0\xd8", 2 }, { "\0\xdc", 2 }, { "\0", 2 } };
    for (int i = 0; i < 4; i++) {
        assert_int_equal(delegate(with_kind(&b, 1, password_creds(&inside, names[i])), &e),
                         CREDSSP_FAILED);
        assert_int_equal(e.status, CIMF_BAD_REQUEST);
    }
    buf_clear(&inside); /* a package and no more */
    der_field(&inside, 0, DER_OCTETS, SLICE("n"));
    der_field(&inside, 1, DER_OCTETS, SLICE("c"));
    der_wrap(&inside, 0, DER_SEQUENCE);
    der_wrap(&inside, 0, DER_CONTEXT);
    der_wrap(&inside, 0, DER_SEQUENCE);
    assert_int_equal(delegate(with_kind(&b, 6, buf_slice(&inside)), &e), CREDSSP_FAILED);
    assert_int_equal(e.status, CIMF_NOT_SUPPORTED);
    assert_int_equal(delegate(with_kind(&b, 3, buf_slice(&inside)), &e), CREDSSP_FAILED);
    assert_int_equal(e.status, CIMF_BAD_REQUEST);
    assert_int_equal(delegate(SLICE("\x30\x84\x7f\xff\xff\xff"), &e), CREDSSP_FAILED);
    assert_int_equal(e.status, CIMF_BAD_REQUEST);
    buf_free(&b);
    buf_free(&inside);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_version),
        cmocka_unit_test(a_newer_peer_is_one_of_ours),
        cmocka_unit_test(old_versions_are_refused_unless_configured),
        cmocka_unit_test(wrong_passwords),
        cmocka_unit_test(every_flipped_bit_is_seen),
        cmocka_unit_test(lies_are_refused),
        cmocka_unit_test(every_truncation),
        cmocka_unit_test(tokens_out_of_turn),
        cmocka_unit_test(kinds_of_credentials),
    };
    return cmocka_run_group_tests(tests, talk_setup, talk_teardown);
}
