/* TLS over memory BIOs. Making configurations: tls_config.c. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "net/tls_priv.h"

struct tls {
    SSL *ssl;
    BIO *in, *out; /* owned by ssl */
    struct tls_config *config;
    unsigned char *certificate; /* DER of the peer's, made on demand */
    int certificate_n;
    unsigned char *issuer;
    int issuer_n;
    bool server, peer_closed, failed;
};

cimf_status tls_error(struct error *e, const char *what)
{
    unsigned long code = ERR_get_error();
    char text[160] = "";
    if (code) ERR_error_string_n(code, text, sizeof text);
    ERR_clear_error();
    return error_set(e, CIMF_TLS_FAILED, "net", "%s%s%s", what, text[0] ? ": " : "", text);
}

struct tls *tls_new(struct tls_config *c, const char *host)
{
    struct tls *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->ssl = SSL_new(c->context);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    if (!t->ssl || !t->in || !t->out) {
        BIO_free(t->in);
        BIO_free(t->out);
        SSL_free(t->ssl);
        free(t);
        ERR_clear_error();
        return NULL;
    }
    BIO_set_mem_eof_return(t->in, -1);
    BIO_set_mem_eof_return(t->out, -1);
    SSL_set_bio(t->ssl, t->in, t->out);
    t->server = c->server;
    t->config = c;
    tls_config_ref(c);
    if (c->server) {
        SSL_set_accept_state(t->ssl);
        return t;
    }
    SSL_set_connect_state(t->ssl);
    X509_VERIFY_PARAM *check = SSL_get0_param(t->ssl);
    bool ok = host && *host;
    if (ok && X509_VERIFY_PARAM_set1_ip_asc(check, host) != 1) /* a name, not an address */
        ok = SSL_set_tlsext_host_name(t->ssl, host) == 1 && SSL_set1_host(t->ssl, host) == 1;
    ERR_clear_error();
    if (!ok && !c->insecure) {
        tls_free(t);
        return NULL;
    }
    return t;
}

void tls_free(struct tls *t)
{
    if (!t) return;
    SSL_free(t->ssl);
    OPENSSL_free(t->certificate);
    OPENSSL_free(t->issuer);
    tls_config_unref(t->config);
    free(t);
}

/* Moves what OpenSSL wants to send. */
static cimf_status take_out(struct tls *t, struct buf *wire)
{
    size_t n = BIO_ctrl_pending(t->out);
    if (n == 0) return CIMF_OK;
    char *p = buf_reserve(wire, n);
    if (!p) return CIMF_OUT_OF_MEMORY;
    int got = BIO_read(t->out, p, (int)n);
    if (got > 0) buf_added(wire, (size_t)got);
    return CIMF_OK;
}

static cimf_status refuse(struct tls *t, struct buf *wire, struct error *e)
{
    long verify = SSL_get_verify_result(t->ssl);
    t->failed = true;
    take_out(t, wire); /* the alert */
    if (!t->server && verify != X509_V_OK) {
        ERR_clear_error();
        return error_set(e, CIMF_TLS_FAILED, "net", "the server's certificate is not trusted: %s",
                         X509_verify_cert_error_string(verify));
    }
    return tls_error(e, t->server ? "TLS with this peer failed" : "TLS with the server failed");
}

/* Handshake as far as it goes. true: done. */
static cimf_status handshake(struct tls *t, struct buf *wire, struct error *e)
{
    if (SSL_is_init_finished(t->ssl)) return CIMF_OK;
    ERR_clear_error();
    int r = SSL_do_handshake(t->ssl);
    if (r != 1) {
        int why = SSL_get_error(t->ssl, r);
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) return refuse(t, wire, e);
    }
    return take_out(t, wire);
}

static cimf_status read_plain(struct tls *t, struct buf *plain, struct buf *wire, struct error *e)
{
    while (SSL_is_init_finished(t->ssl)) {
        char *p = buf_reserve(plain, 16384);
        if (!p) return CIMF_OUT_OF_MEMORY;
        ERR_clear_error();
        int n = SSL_read(t->ssl, p, 16384);
        if (n > 0) {
            buf_added(plain, (size_t)n);
            continue;
        }
        int why = SSL_get_error(t->ssl, n);
        if (why == SSL_ERROR_ZERO_RETURN) t->peer_closed = true;
        else if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
            return refuse(t, wire, e);
        break;
    }
    return take_out(t, wire); /* tickets, key updates */
}

cimf_status tls_input(struct tls *t, struct slice in, struct buf *plain, struct buf *wire,
                      struct error *e)
{
    if (t->failed) return error_set(e, CIMF_TLS_FAILED, "net", "the TLS connection has failed");
    while (in.n) {
        int part = in.n > 1 << 16 ? 1 << 16 : (int)in.n;
        int n = BIO_write(t->in, in.p, part);
        if (n <= 0) return error_set(e, CIMF_OUT_OF_MEMORY, "net", "no memory for TLS");
        in = slice_sub(in, (size_t)n);
        cimf_status status = handshake(t, wire, e);
        if (status == CIMF_OK) status = read_plain(t, plain, wire, e);
        if (status != CIMF_OK) return status;
    }
    return CIMF_OK;
}

cimf_status tls_start(struct tls *t, struct buf *wire, struct error *e)
{
    return t->server ? CIMF_OK : handshake(t, wire, e);
}

/* Small slices are put together, so that a reply is one record and not one per slice. */
cimf_status tls_output(struct tls *t, const struct slice *slices, unsigned count, struct buf *wire,
                       struct error *e)
{
    char record[16384];
    size_t have = 0;
    if (t->failed) return error_set(e, CIMF_TLS_FAILED, "net", "the TLS connection has failed");
    for (unsigned i = 0; i <= count; i++) {
        struct slice s = i < count ? slices[i] : SLICE_NULL;
        do {
            size_t n = s.n < sizeof record - have ? s.n : sizeof record - have;
            if (n) memcpy(record + have, s.p, n);
            have += n;
            s = slice_sub(s, n);
            if (have == 0 || (have < sizeof record && i < count)) continue;
            ERR_clear_error();
            if (SSL_write(t->ssl, record, (int)have) <= 0) return refuse(t, wire, e);
            have = 0;
        } while (s.n);
    }
    cimf_status status = take_out(t, wire);
    return status == CIMF_OK ? status : error_set(e, status, "net", "no memory for TLS");
}

void tls_shutdown(struct tls *t, struct buf *wire)
{
    if (t->failed || !SSL_is_init_finished(t->ssl)) return;
    SSL_shutdown(t->ssl);
    ERR_clear_error();
    take_out(t, wire);
}

bool tls_ready(const struct tls *t) { return !t->failed && SSL_is_init_finished(t->ssl); }
bool tls_peer_closed(const struct tls *t) { return t->peer_closed; }

/* RFC 5929 section 4.1: MD5 and SHA-1 become SHA-256. */
size_t tls_server_end_point(const struct tls *t, unsigned char out[64])
{
    X509 *own = t->server ? SSL_get_certificate(t->ssl) : NULL;
    X509 *peer = t->server ? NULL : SSL_get1_peer_certificate(t->ssl);
    X509 *x = t->server ? own : peer;
    int digest = NID_undef;
    unsigned n = 0;
    if (x && X509_get_signature_info(x, &digest, NULL, NULL, NULL) == 1 && digest != NID_undef) {
        const EVP_MD *md = digest == NID_md5 || digest == NID_sha1 ? EVP_sha256()
                                                                   : EVP_get_digestbynid(digest);
        if (!md || X509_digest(x, md, out, &n) != 1) n = 0;
    }
    X509_free(peer);
    ERR_clear_error();
    return n;
}

struct slice tls_peer_certificate(struct tls *t)
{
    if (!t->certificate && t->server) {
        X509 *x = SSL_get1_peer_certificate(t->ssl);
        if (x && SSL_get_verify_result(t->ssl) == X509_V_OK)
            t->certificate_n = i2d_X509(x, &t->certificate);
        X509_free(x);
    }
    if (!t->certificate || t->certificate_n <= 0) return SLICE_NULL;
    return slice_of((const char *)t->certificate, (size_t)t->certificate_n);
}

struct slice tls_peer_issuer(struct tls *t)
{
    if (!t->issuer && t->server && SSL_get_verify_result(t->ssl) == X509_V_OK) {
        STACK_OF(X509) *chain = SSL_get0_verified_chain(t->ssl);
        int n = chain ? sk_X509_num(chain) : 0;
        if (n > 0) t->issuer_n = i2d_X509(sk_X509_value(chain, n > 1 ? 1 : 0), &t->issuer);
    }
    if (!t->issuer || t->issuer_n <= 0) return SLICE_NULL;
    return slice_of((const char *)t->issuer, (size_t)t->issuer_n);
}
