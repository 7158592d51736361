/* CredSSP: our client against our server, over TLS and (to reach the messages) without it; every version; everyone
 * in the middle who can be thought of. */
#include <openssl/pem.h>
#include <stdlib.h>
#include <unistd.h>

#include "codec/der.h"
#include "mech/credssp_priv.h"
#include "mech/spnego.h"
#include "mech/test_hex.h"
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

static void talk_init(struct talk *t, unsigned client_min, unsigned client_max, int how)
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

static void talk_free(struct talk *t)
{
    credssp_free(t->c);
    credssp_free(t->s);
    mech_free(t->inner);
    buf_free(&t->to_server);
    buf_free(&t->to_client);
    buf_free(&t->token);
    pair_free(&t->pair);
}

static void serve(struct talk *t, struct slice token)
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
static bool talk_run(struct talk *t)
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

static void assert_delegated(struct talk *t)
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

static void both_ways(struct talk *t, size_t trailer)
{
    struct buf records, text;
    size_t got;
    buf_init(&records, 0);
    buf_init(&text, 0);
    for (int i = 0; i < 4; i++) {
        struct credssp *from = i % 2 ? t->c : t->s, *to = i % 2 ? t->s : t->c;
        buf_clear(&records);
        buf_clear(&text);
        assert_int_equal(credssp_wrap(from, SLICE("a message"), &records, &got, NULL), CIMF_OK);
        if (trailer) assert_int_equal(got, trailer);
        assert_int_equal(credssp_unwrap(to, buf_slice(&records), &text, NULL), CIMF_OK);
        assert_slice(buf_slice(&text), "a message");
    }
    buf_free(&records);
    buf_free(&text);
}

static void over_tls(int tls, const char *cipher, unsigned tokens, size_t trailer)
{
    struct talk t;
    for (int how = 0; how <= NTLM_ONLY; how += NTLM_ONLY) {
        talk_init(&t, 0, 0, how);
        SSL_set_max_proto_version(t.c->tls.ssl, tls);
        if (cipher) assert_int_equal(SSL_set_cipher_list(t.c->tls.ssl, cipher), 1);
        if (!talk_run(&t)) fail_msg("%s; %s", t.client_error.text, t.server_error.text);
        assert_int_equal(SSL_version(t.s->tls.ssl), tls);
        assert_int_equal(t.count, tokens);
        both_ways(&t, trailer);
        assert_delegated(&t);
        talk_free(&t);
    }
}

static void tls_1_3(void **state) /* covers: security:S33 */
{
    over_tls(TLS1_3_VERSION, NULL, 9, 17);
}
static void tls_1_2(void **state)
{
    over_tls(TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256", 9, 16);
    over_tls(TLS1_2_VERSION, "ECDHE-RSA-CHACHA20-POLY1305", 9, 16);
    /* a MAC of 48 (20), and padding of 9 bytes of text up to whole blocks */
    over_tls(TLS1_2_VERSION, "ECDHE-RSA-AES256-SHA384", 9, 48 + 7);
    over_tls(TLS1_2_VERSION, "ECDHE-RSA-AES256-SHA", 9, 20 + 7);
}

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

/* Hands the first `upto` tokens over and keeps the next one. */
static void talk_until(struct talk *t, unsigned upto)
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

/* ---------------------------------------------------------------------- TLS */

struct seen {
    bool certificate_request, ticket;
};

static void watch(int sent, int version, int type, const void *p, size_t n, SSL *ssl, void *arg)
{
    struct seen *seen = arg;
    if (type != SSL3_RT_HANDSHAKE || n == 0) return;
    if (*(const unsigned char *)p == SSL3_MT_CERTIFICATE_REQUEST) seen->certificate_request = true;
    if (*(const unsigned char *)p == SSL3_MT_NEWSESSION_TICKET) seen->ticket = true;
}

/* covers: security:S34 */
static void nothing_is_resumed_and_no_certificate_asked_for(void **state)
{
    for (int tls = TLS1_2_VERSION; tls <= TLS1_3_VERSION; tls++) {
        SSL_SESSION *session = NULL;
        for (int i = 0; i < 2; i++) {
            struct talk t;
            struct seen seen = { 0 };
            talk_init(&t, 0, 0, 0);
            SSL_set_max_proto_version(t.c->tls.ssl, tls);
            SSL_clear_options(t.c->tls.ssl, SSL_OP_NO_TICKET); /* a client that would like one */
            SSL_set_msg_callback(t.c->tls.ssl, watch);
            SSL_set_msg_callback_arg(t.c->tls.ssl, &seen);
            if (session) SSL_set_session(t.c->tls.ssl, session);
            assert_true(talk_run(&t));
            both_ways(&t, 0);
            assert_false(seen.certificate_request);
            assert_false(seen.ticket);
            assert_int_equal(SSL_session_reused(t.s->tls.ssl), 0);
            SSL_SESSION_free(session);
            session = SSL_get1_session(t.c->tls.ssl);
            talk_free(&t);
        }
        SSL_SESSION_free(session);
    }
}

static void records(void **state)
{
    static char text[CREDSSP_WRAP_MAX + 1];
    struct talk t;
    struct buf wire, got;
    size_t trailer;
    buf_init(&wire, 0);
    buf_init(&got, 0);
    for (size_t cut = 0; cut < 60; cut++) {
        talk_init(&t, 0, 0, 0);
        assert_int_equal(credssp_wrap(t.c, SLICE("x"), &wire, &trailer, NULL), CIMF_INVALID_OPERATION);
        assert_int_equal(credssp_unwrap(t.c, SLICE("x"), &got, NULL), CIMF_INVALID_OPERATION);
        assert_true(talk_run(&t));
        buf_clear(&wire);
        buf_clear(&got);
        if (cut == 0) {
            assert_int_equal(credssp_wrap(t.c, SLICE(""), &wire, &trailer, NULL), CIMF_OK);
            assert_int_equal(wire.n, 0);
            assert_int_equal(credssp_wrap(t.c, slice_of(text, sizeof text), &wire, &trailer, NULL),
                             CIMF_INVALID_PARAMETER);
            assert_int_equal(credssp_wrap(t.c, slice_of(text, CREDSSP_WRAP_MAX), &wire, &trailer, NULL),
                             CIMF_OK);
            assert_int_equal(wire.n, CREDSSP_WRAP_MAX + 22); /* one record */
            assert_int_equal(credssp_wrap(t.c, SLICE("and"), &wire, &trailer, NULL), CIMF_OK);
            assert_int_equal(credssp_unwrap(t.s, buf_slice(&wire), &got, NULL), CIMF_OK);
            assert_int_equal(got.n, CREDSSP_WRAP_MAX + 3);
            assert_int_equal(credssp_unwrap(t.s, buf_slice(&wire), &got, NULL), CIMF_ACCESS_DENIED);
        } else {
            assert_int_equal(credssp_wrap(t.c, SLICE("a message"), &wire, &trailer, NULL), CIMF_OK);
            bool short_of = cut < wire.n; /* cut there, else a flipped bit */
            if (!short_of) wire.p[5 + cut % (wire.n - 5)] ^= 4;
            assert_int_equal(credssp_unwrap(t.s, slice_head(buf_slice(&wire), cut), &got, NULL),
                             short_of ? CIMF_BAD_REQUEST : CIMF_ACCESS_DENIED);
        }
        /* dead */
        assert_int_equal(credssp_wrap(t.s, SLICE("x"), &wire, &trailer, NULL), CIMF_INVALID_OPERATION);
        talk_free(&t);
    }
    buf_free(&wire);
    buf_free(&got);
}

static void hostile_handshakes(void **state)
{
    struct credssp *s;
    struct buf out;
    struct slice ask;
    struct error e;
    static char big[LIMIT_MECH_TOKEN + 1];
    static const struct slice rows[] = {
        { "GET / HTTP/1.1\r\n\r\n", 18 }, { "\x16\x03\x01\x00\x05\x01\xff\xff\xff\xff", 10 }
    };
    buf_init(&out, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(credssp_accept(plain_server, &s, NULL), CIMF_OK);
        struct slice token = i < 2 ? rows[i] : slice_of(big, sizeof big);
        assert_int_equal(credssp_step(s, token, &out, &ask, &e), CREDSSP_FAILED);
        assert_int_equal(e.status, CIMF_BAD_REQUEST);
        credssp_free(s);
    }
    /* one that never ends */
    assert_int_equal(credssp_accept(plain_server, &s, NULL), CIMF_OK);
    enum credssp_result r = CREDSSP_CONTINUE;
    for (int i = 0; i <= CREDSSP_LEGS && r == CREDSSP_CONTINUE; i++)
        r = credssp_step(s, i ? SLICE("\x01") : SLICE("\x16\x03\x01\x10"), &out, &ask, &e);
    assert_int_equal(r, CREDSSP_FAILED);
    credssp_free(s);
    buf_free(&out);
}

/* A token of the handshake may come in pieces, one of the messages may not. */
static void cut_tokens_over_tls(void **state)
{
    for (size_t cut = 1; cut < 120; cut += 17) {
        struct talk t;
        struct slice none;
        struct buf out;
        buf_init(&out, 0);
        talk_init(&t, 0, 0, 0);
        talk_until(&t, 0);
        assert_true(t.to_server.n > cut);
        serve(&t, slice_head(buf_slice(&t.to_server), cut));
        assert_int_equal(t.server, CREDSSP_CONTINUE);
        assert_int_equal(t.to_client.n, 0);
        serve(&t, slice_sub(buf_slice(&t.to_server), cut));
        assert_int_equal(t.server, CREDSSP_CONTINUE);
        assert_int_equal(credssp_step(t.c, buf_slice(&t.to_client), &out, &none, NULL),
                         CREDSSP_CONTINUE);
        buf_clear(&t.to_client);
        serve(&t, buf_slice(&out));
        assert_int_equal(t.server, CREDSSP_CONTINUE);
        assert_true(t.s->tls.shaken);
        assert_int_equal(t.to_client.n, 0); /* TLS 1.3: nothing to say, and no ticket */
        buf_clear(&out);
        assert_int_equal(credssp_step(t.c, SLICE(""), &out, &none, NULL), CREDSSP_CONTINUE);
        serve(&t, slice_head(buf_slice(&out), out.n > cut ? cut : out.n - 1));
        assert_int_equal(t.server, CREDSSP_FAILED);
        assert_int_equal(t.server_error.status, CIMF_BAD_REQUEST);
        buf_free(&out);
        talk_free(&t);
    }
}

/* The server's files are read once. */
static void configured_certificate(void **state)
{
    char path[] = "/tmp/credssp-test-XXXXXX";
    int fd = mkstemp(path);
    SSL_CTX *ctx = NULL;
    assert_int_equal(credssp_tls_context(true, NULL, NULL, &ctx, NULL), CIMF_OK);
    assert_int_equal(credssp_tls_self_signed(ctx, NULL), CIMF_OK);
    FILE *f = fdopen(fd, "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, SSL_CTX_get0_certificate(ctx)), 1);
    assert_int_equal(PEM_write_PrivateKey(f, SSL_CTX_get0_privatekey(ctx), NULL, NULL, 0, NULL, NULL),
                     1);
    fclose(f);
    struct credssp_server_config config = { .certificate = path, .key = path };
    struct credssp_server *s, *kept = plain_server;
    struct error e = ERROR_INIT;
    assert_int_equal(credssp_server_new(&config, &s, &e), CIMF_OK);
    unlink(path);
    struct talk t;
    plain_server = s;
    talk_init(&t, 0, 0, 0);
    credssp_server_free(s); /* sessions go on */
    plain_server = kept;
    assert_true(talk_run(&t));
    X509 *got = SSL_get1_peer_certificate(t.c->tls.ssl);
    assert_int_equal(X509_cmp(got, SSL_CTX_get0_certificate(ctx)), 0);
    X509_free(got);
    talk_free(&t);
    SSL_CTX_free(ctx);
    assert_int_equal(credssp_server_new(&config, &s, &e), CIMF_INVALID_PARAMETER);
    assert_string_equal(e.subject, path);
    config.key = NULL;
    assert_int_equal(credssp_server_new(&config, &s, &e), CIMF_INVALID_PARAMETER);
    static const unsigned versions[][2] = { { 1, 6 }, { 5, 4 }, { 2, 7 } };
    for (int i = 0; i < 3; i++) {
        struct credssp_server_config c = { .min_version = versions[i][0],
                                           .max_version = versions[i][1] };
        assert_int_equal(credssp_server_new(&c, &s, NULL), CIMF_INVALID_PARAMETER);
        struct credssp_client_config cc = { .min_version = versions[i][0],
                                            .max_version = versions[i][1] };
        struct credssp *client;
        assert_int_equal(credssp_client_new(&cc, &client, NULL), CIMF_INVALID_PARAMETER);
    }
}

static void no_room_for_tokens(void **state)
{
    for (size_t cap = 1; cap < 900; cap += 97) { /* less than the server's certificate */
        struct talk t;
        talk_init(&t, 0, 0, 0);
        buf_init(&t.to_client, cap);
        assert_false(talk_run(&t));
        assert_int_equal(t.server_error.status, CIMF_OUT_OF_MEMORY);
        talk_free(&t);
    }
}

static int setup(void **state)
{
    struct credssp_server_config config = { 0 };
    return credssp_server_new(&config, &plain_server, NULL) != CIMF_OK;
}
static int teardown(void **state)
{
    credssp_server_free(plain_server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_1_3),
        cmocka_unit_test(tls_1_2),
        cmocka_unit_test(every_version),
        cmocka_unit_test(a_newer_peer_is_one_of_ours),
        cmocka_unit_test(old_versions_are_refused_unless_configured),
        cmocka_unit_test(wrong_passwords),
        cmocka_unit_test(every_flipped_bit_is_seen),
        cmocka_unit_test(lies_are_refused),
        cmocka_unit_test(every_truncation),
        cmocka_unit_test(tokens_out_of_turn),
        cmocka_unit_test(kinds_of_credentials),
        cmocka_unit_test(nothing_is_resumed_and_no_certificate_asked_for),
        cmocka_unit_test(records),
        cmocka_unit_test(hostile_handshakes),
        cmocka_unit_test(cut_tokens_over_tls),
        cmocka_unit_test(configured_certificate),
        cmocka_unit_test(no_room_for_tokens),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
