#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "base/guid.h"
#include "net/tls_priv.h"

static struct tls_config *config_new(bool server, struct error *e)
{
    struct tls_config *c = calloc(1, sizeof *c);
    if (!c) {
        error_set(e, CIMF_OUT_OF_MEMORY, "net", "no memory for TLS");
        return NULL;
    }
    c->refs = 1;
    c->server = server;
    c->context = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    if (!c->context) {
        tls_error(e, "TLS cannot be set up");
        free(c);
        return NULL;
    }
    SSL_CTX_set_min_proto_version(c->context, TLS1_2_VERSION);
    SSL_CTX_set_options(c->context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                        SSL_OP_CIPHER_SERVER_PREFERENCE);
    /* Idle connections give their buffers back. */
    SSL_CTX_set_mode(c->context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return c;
}

void tls_config_ref(struct tls_config *c) { __atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED); }

void tls_config_unref(struct tls_config *c)
{
    if (!c || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) != 0) return;
    SSL_CTX_free(c->context);
    free(c);
}

/* Of a server nobody is there to type one; OpenSSL would ask the terminal. */
static int no_passphrase(char *to, int size, int writing, void *asked)
{
    *(bool *)asked = true;
    return -1;
}

static bool own_certificate(struct tls_config *c, const char *certificate, const char *key,
                            struct error *e)
{
    if (SSL_CTX_use_certificate_chain_file(c->context, certificate) != 1) {
        tls_error(e, "the certificate file cannot be used");
        error_subject(e, slice_str(certificate));
        return false;
    }
    bool asked = false;
    if (c->server) {
        SSL_CTX_set_default_passwd_cb(c->context, no_passphrase);
        SSL_CTX_set_default_passwd_cb_userdata(c->context, &asked);
    }
    bool ok = SSL_CTX_use_PrivateKey_file(c->context, key ? key : certificate, SSL_FILETYPE_PEM) == 1;
    SSL_CTX_set_default_passwd_cb_userdata(c->context, NULL);
    if (!ok || SSL_CTX_check_private_key(c->context) != 1) {
        tls_error(e, asked ? "the private key has a passphrase, and nobody is there to type it; store the key without one"
                           : "the private key cannot be used with this certificate");
        error_subject(e, slice_str(key ? key : certificate));
        return false;
    }
    return true;
}

cimf_status tls_server_config(const struct tls_server_files *files, struct tls_config **out,
                              struct error *e)
{
    *out = NULL;
    struct tls_config *c = config_new(true, e);
    if (!c) return CIMF_OUT_OF_MEMORY;
    bool ok = own_certificate(c, files->certificate, files->key, e);
    if (ok && files->client_ca) {
        STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(files->client_ca);
        ok = names && SSL_CTX_load_verify_file(c->context, files->client_ca) == 1;
        if (ok) SSL_CTX_set_client_CA_list(c->context, names);
        else {
            tls_error(e, "the client authorities cannot be read");
            error_subject(e, slice_str(files->client_ca));
        }
        SSL_CTX_set_verify(c->context, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_purpose(c->context, X509_PURPOSE_SSL_CLIENT);
    }
    /* Sessions live in tickets at the client, never in a cache here. */
    SSL_CTX_set_session_cache_mode(c->context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(c->context, (const unsigned char *)"cimfony", 7);
    SSL_CTX_set_num_tickets(c->context, files->client_ca ? 0 : 1);
    if (files->client_ca) SSL_CTX_set_options(c->context, SSL_OP_NO_TICKET); /* a ticket does not carry the chain */
    if (!ok) {
        tls_config_unref(c);
        return CIMF_TLS_FAILED;
    }
    *out = c;
    return CIMF_OK;
}

cimf_status tls_client_config(const struct tls_client_files *files, struct tls_config **out,
                              struct error *e)
{
    *out = NULL;
    struct tls_config *c = config_new(false, e);
    bool ok = c != NULL;
    if (!c) return CIMF_OUT_OF_MEMORY;
    c->insecure = files->insecure;
    SSL_CTX_set_verify(c->context, files->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (files->ca && SSL_CTX_load_verify_file(c->context, files->ca) != 1) {
        tls_error(e, "the authorities file cannot be read");
        error_subject(e, slice_str(files->ca));
        ok = false;
    }
    if (!files->ca && !files->insecure) SSL_CTX_set_default_verify_paths(c->context);
    if (ok && files->certificate) ok = own_certificate(c, files->certificate, files->key, e);
    if (!ok) {
        tls_config_unref(c);
        return CIMF_TLS_FAILED;
    }
    *out = c;
    return CIMF_OK;
}

/* ---- self-signed certificates ---- */

static bool add_extension(X509 *x, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool ok = ext && X509_add_ext(x, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

/* "DNS:host,IP:127.0.0.1". Names come from the caller's configuration; odd characters are refused. */
static bool alternative_names(X509 *x, const char *const *names, unsigned count)
{
    struct buf b;
    unsigned char raw[16];
    buf_init(&b, 65536);
    for (unsigned i = 0; i < count; i++) {
        bool ip = inet_pton(AF_INET, names[i], raw) == 1 || inet_pton(AF_INET6, names[i], raw) == 1;
        if (strpbrk(names[i], ",;\n ")) b.failed = true;
        buf_printf(&b, "%s%s:%s", i ? "," : "", ip ? "IP" : "DNS", names[i]);
    }
    bool ok = buf_ok(&b) && buf_strz(&b) && add_extension(x, NID_subject_alt_name, b.p);
    buf_free(&b);
    return ok;
}

static X509 *make_certificate(EVP_PKEY *key, const char *const *names, unsigned count, int days)
{
    uint64_t serial;
    X509 *x = X509_new();
    if (!x) return NULL;
    random_bytes(&serial, sizeof serial);
    X509_NAME *name = X509_get_subject_name(x);
    bool ok = X509_set_version(x, 2) == 1 &&
              ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) == 1 &&
              X509_gmtime_adj(X509_getm_notBefore(x), -300) &&
              X509_time_adj_ex(X509_getm_notAfter(x), days, 0, NULL) &&
              X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                         (const unsigned char *)names[0], -1, -1, 0) == 1 &&
              X509_set_issuer_name(x, name) == 1 && X509_set_pubkey(x, key) == 1 &&
              add_extension(x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
              add_extension(x, NID_key_usage, "critical,digitalSignature,keyCertSign") &&
              add_extension(x, NID_ext_key_usage, "serverAuth") &&
              add_extension(x, NID_subject_key_identifier, "hash") &&
              alternative_names(x, names, count) && X509_sign(x, key, EVP_sha256()) > 0;
    if (ok) return x;
    X509_free(x);
    return NULL;
}

static bool write_pem(const char *path, mode_t mode, X509 *x, EVP_PKEY *key, struct error *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool ok = f && fchmod(fd, mode) == 0;
    if (ok && x) ok = PEM_write_X509(f, x) == 1;
    if (ok && key) ok = PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1;
    if (f && fclose(f) != 0) ok = false;
    else if (!f && fd >= 0) close(fd);
    if (!ok) error_errno(e, CIMF_IO_ERROR, "net", errno, "cannot write %s", path);
    return ok;
}

cimf_status tls_self_signed(const char *certificate_path, const char *key_path,
                            const char *const *names, unsigned name_count, int days,
                            struct error *e)
{
    if (name_count == 0 || days <= 0)
        return error_set(e, CIMF_INVALID_PARAMETER, "net", "a certificate needs a name and a term");
    cimf_status status = CIMF_OK;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = key ? make_certificate(key, names, name_count, days) : NULL;
    if (!x) status = tls_error(e, "no certificate could be made");
    else if (!write_pem(key_path, 0600, NULL, key, e) ||
             !write_pem(certificate_path, 0644, x, NULL, e))
        status = CIMF_IO_ERROR;
    X509_free(x);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return status;
}
