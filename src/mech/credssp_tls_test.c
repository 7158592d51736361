/* CredSSP in its TLS: whole exchanges, what is (not) in the handshake, protected records, the certificate. */
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "mech/test_credssp.h"

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

/* A process that may open nothing can still serve: the certificate of our own is made by the first session. */
static void without_files(void **state)
{
    struct credssp_server_config config = { 0 };
    struct credssp_server *kept = plain_server;
    struct rlimit before, none;
    struct talk t;
    assert_int_equal(credssp_server_new(&config, &plain_server, NULL), CIMF_OK);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    FILE *f = fopen("/dev/null", "r");
    talk_init(&t, 0, 0, 0);
    bool good = talk_run(&t);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_null(f);
    assert_true(good);
    talk_free(&t);
    credssp_server_free(plain_server);
    plain_server = kept;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_1_3),
        cmocka_unit_test(tls_1_2),
        cmocka_unit_test(nothing_is_resumed_and_no_certificate_asked_for),
        cmocka_unit_test(records),
        cmocka_unit_test(hostile_handshakes),
        cmocka_unit_test(cut_tokens_over_tls),
        cmocka_unit_test(configured_certificate),
        cmocka_unit_test(without_files),
        cmocka_unit_test(no_room_for_tokens),
    };
    return cmocka_run_group_tests(tests, talk_setup, talk_teardown);
}
