/* net/tls_priv.h - shared by tls.c and tls_config.c. */
#ifndef NET_TLS_PRIV_H
#define NET_TLS_PRIV_H

#include <openssl/ssl.h>

#include "net/tls.h"

struct tls_config {
    int32_t refs;
    bool server, insecure;
    SSL_CTX *context;
};

/* CIMF_TLS_FAILED with OpenSSL's reason; clears its queue. */
cimf_status tls_error(struct error *e, const char *what);

#endif
