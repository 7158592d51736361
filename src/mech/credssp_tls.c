#include "mech/credssp_tls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

enum { RECORD_HEAD = 5, RECORD_MAX = 16384 + 2048, DAY = 24 * 60 * 60 };

static cimf_status failed(struct error *e, cimf_status status, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    error_set(e, status, "credssp", "%s%s%s", what, reason ? ": " : "", reason ? reason : "");
    ERR_clear_error();
    return status;
}

cimf_status credssp_tls_context(bool server, const char *certificate, const char *key,
                                SSL_CTX **out, struct error *e)
{
    ERR_clear_error();
    SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    *out = NULL;
    if (!ctx) return failed(e, CIMF_OUT_OF_MEMORY, "TLS");
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    bool good = SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
                SSL_CTX_set_num_tickets(ctx, 0) == 1;
    if (good && certificate) {
        good = SSL_CTX_use_certificate_chain_file(ctx, certificate) == 1 &&
               SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1 &&
               SSL_CTX_check_private_key(ctx) == 1;
    }
    if (!good) {
        SSL_CTX_free(ctx);
        cimf_status status = failed(e, CIMF_INVALID_PARAMETER, "the certificate of CredSSP");
        if (certificate) error_subject(e, slice_str(certificate));
        return status;
    }
    *out = ctx;
    return CIMF_OK;
}

static bool describe(X509 *x, EVP_PKEY *key)
{
    unsigned char serial[8];
    X509_NAME *name = X509_get_subject_name(x);
    if (!name || RAND_bytes(serial, sizeof serial) != 1) return false;
    serial[0] &= 0x7f;
    BIGNUM *number = BN_bin2bn(serial, sizeof serial, NULL);
    bool good = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x));
    BN_free(number);
    return good && X509_set_version(x, X509_VERSION_3) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"CREDSSP", -1,
                                      -1, 0) == 1 &&
           X509_set_issuer_name(x, name) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(x), -(long)DAY) &&
           X509_gmtime_adj(X509_getm_notAfter(x), 3650L * DAY) && X509_set_pubkey(x, key) == 1 &&
           X509_sign(x, key, EVP_sha256()) != 0;
}

cimf_status credssp_tls_self_signed(SSL_CTX *ctx, struct error *e)
{
    ERR_clear_error();
    EVP_PKEY *key = EVP_RSA_gen(2048);
    X509 *x = X509_new();
    bool good = key && x && describe(x, key) && SSL_CTX_use_certificate(ctx, x) == 1 &&
                SSL_CTX_use_PrivateKey(ctx, key) == 1;
    X509_free(x);
    EVP_PKEY_free(key);
    return good ? CIMF_OK : failed(e, CIMF_FAILED, "a certificate for CredSSP cannot be made");
}

cimf_status credssp_tls_open(struct credssp_tls *t, SSL_CTX *ctx, bool server, struct error *e)
{
    ERR_clear_error();
    memset(t, 0, sizeof *t);
    t->ssl = SSL_new(ctx);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    if (!t->ssl || !t->in || !t->out) {
        BIO_free(t->in);
        BIO_free(t->out);
        SSL_free(t->ssl);
        memset(t, 0, sizeof *t);
        return failed(e, CIMF_OUT_OF_MEMORY, "TLS");
    }
    SSL_set_bio(t->ssl, t->in, t->out);
    if (server) {
        SSL_set_accept_state(t->ssl);
    } else {
        SSL_set_connect_state(t->ssl);
    }
    return CIMF_OK;
}

void credssp_tls_close(struct credssp_tls *t)
{
    SSL_free(t->ssl);
    memset(t, 0, sizeof *t);
}

static bool feed(struct credssp_tls *t, struct slice bytes)
{
    size_t written = 0;
    return bytes.n == 0 ||
           (BIO_write_ex(t->in, bytes.p, bytes.n, &written) == 1 && written == bytes.n);
}

cimf_status credssp_tls_shake(struct credssp_tls *t, struct slice token, struct error *e)
{
    ERR_clear_error();
    if (!feed(t, token)) return failed(e, CIMF_OUT_OF_MEMORY, "TLS");
    int r = SSL_do_handshake(t->ssl);
    if (r == 1) {
        t->shaken = true;
        return CIMF_OK;
    }
    return SSL_get_error(t->ssl, r) == SSL_ERROR_WANT_READ
               ? CIMF_OK
               : failed(e, CIMF_BAD_REQUEST, "TLS handshake");
}

/* Records and nothing else, the last one whole: else OpenSSL would wait for more. */
static bool whole(struct slice s)
{
    while (s.n) {
        const unsigned char *p = (const unsigned char *)s.p;
        if (s.n < RECORD_HEAD || p[0] < 20 || p[0] > 23 || p[1] != 3) return false;
        size_t n = (size_t)p[3] << 8 | p[4];
        if (n > RECORD_MAX || n > s.n - RECORD_HEAD) return false;
        s = slice_sub(s, RECORD_HEAD + n);
    }
    return true;
}

cimf_status credssp_tls_read(struct credssp_tls *t, struct slice records, struct buf *text,
                             struct error *e)
{
    ERR_clear_error();
    if (!whole(records))
        return error_set(e, CIMF_BAD_REQUEST, "credssp", "the TLS records are malformed or cut");
    if (!feed(t, records)) return failed(e, CIMF_OUT_OF_MEMORY, "TLS");
    size_t room = BIO_ctrl_pending(t->in) + 256, n = 0; /* text is shorter than its records */
    char *p = buf_reserve(text, room);
    if (!p) return error_set(e, CIMF_OUT_OF_MEMORY, "credssp", "the message is too long");
    for (;; p += n, room -= n) {
        int r = SSL_read_ex(t->ssl, p, room, &n);
        if (r != 1)
            return SSL_get_error(t->ssl, r) == SSL_ERROR_WANT_READ
                       ? CIMF_OK
                       : failed(e, CIMF_ACCESS_DENIED, "a TLS record");
        buf_added(text, n);
    }
}

cimf_status credssp_tls_write(struct credssp_tls *t, struct slice text, struct error *e)
{
    ERR_clear_error();
    size_t n = 0;
    if (text.n == 0) return CIMF_OK;
    return SSL_write_ex(t->ssl, text.p, text.n, &n) == 1 && n == text.n
               ? CIMF_OK
               : failed(e, CIMF_OUT_OF_MEMORY, "TLS");
}

bool credssp_tls_flush(struct credssp_tls *t, struct buf *out)
{
    char *p = NULL;
    long n = BIO_get_mem_data(t->out, &p);
    if (n <= 0) return true;
    bool good = buf_add(out, p, (size_t)n);
    return BIO_reset(t->out) == 1 && good;
}

cimf_status credssp_tls_key(const struct credssp_tls *t, bool server, struct buf *key,
                            struct error *e)
{
    X509 *x = server ? SSL_get_certificate(t->ssl) : SSL_get1_peer_certificate(t->ssl);
    const ASN1_BIT_STRING *bits = x ? X509_get0_pubkey_bitstr(x) : NULL;
    int n = bits ? ASN1_STRING_length(bits) : 0;
    bool good = n > 0 && buf_add(key, ASN1_STRING_get0_data(bits), (size_t)n);
    if (!server) X509_free(x);
    return good ? CIMF_OK : failed(e, CIMF_FAILED, "the server's certificate has no key");
}

/* What SChannel calls cbTrailer: MAC and padding, or the AEAD's tag; in TLS 1.3 the content type belongs to it. */
size_t credssp_tls_trailer(const struct credssp_tls *t, struct slice records, size_t text_n)
{
    const SSL_CIPHER *cipher = SSL_get_current_cipher(t->ssl);
    size_t front = 0, last = 0; /* of the last record; a key update may come before it */
    while (records.n >= RECORD_HEAD) {
        const unsigned char *p = (const unsigned char *)records.p;
        last = (size_t)p[3] << 8 | p[4];
        records = slice_sub(records, RECORD_HEAD + last);
    }
    if (SSL_version(t->ssl) < TLS1_3_VERSION && cipher &&
        SSL_CIPHER_get_cipher_nid(cipher) != NID_chacha20_poly1305)
        front = SSL_CIPHER_is_aead(cipher) ? 8 : 16; /* explicit nonce; IV of a CBC block */
    return last > front + text_n ? last - front - text_n : 0;
}
