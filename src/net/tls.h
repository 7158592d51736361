/*
 * net/tls.h - TLS 1.2 and later, sans-I/O: bytes of the wire in, bytes of the program out and back, over
 * OpenSSL memory BIOs. No sockets here. One `struct tls` per connection, one thread at a time; a
 * `struct tls_config` is shared by all connections of a listener (or client) and threads.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/buf.h"
#include "base/status.h"

struct tls_config;
struct tls;

struct tls_server_files {
    const char *certificate; /* PEM: chain, own certificate first */
    const char *key;         /* PEM; NULL: in `certificate` */
    const char *client_ca;   /* PEM of the authorities whose client certificates are accepted; NULL: none
                                is asked for. Presenting one is optional; see tls_peer_certificate */
};
cimf_status tls_server_config(const struct tls_server_files *files, struct tls_config **out,
                              struct error *e);

struct tls_client_files {
    const char *ca;          /* PEM file of trusted authorities; NULL: the system's */
    bool insecure;           /* no verification of chain and name */
    const char *certificate, *key; /* client certificate, or NULL */
};
cimf_status tls_client_config(const struct tls_client_files *files, struct tls_config **out,
                              struct error *e);
void tls_config_ref(struct tls_config *c);
void tls_config_unref(struct tls_config *c);

/* host: client only; the name or address to verify and to send as SNI. NULL answer: out of memory. */
struct tls *tls_new(struct tls_config *c, const char *host);
void tls_free(struct tls *t);

/* Wire bytes in; the program's bytes are appended to plain, what has to go to the wire to wire. CIMF_OK,
 * or CIMF_TLS_FAILED with the reason (an alert may still be in wire), or CIMF_OUT_OF_MEMORY. */
cimf_status tls_input(struct tls *t, struct slice in, struct buf *plain, struct buf *wire,
                      struct error *e);
/* Program bytes out. Only when tls_ready. */
cimf_status tls_output(struct tls *t, const struct slice *slices, unsigned count, struct buf *wire,
                       struct error *e);
/* Client: the first flight. Server: nothing. */
cimf_status tls_start(struct tls *t, struct buf *wire, struct error *e);
/* close_notify. */
void tls_shutdown(struct tls *t, struct buf *wire);
bool tls_ready(const struct tls *t);      /* the handshake is over */
bool tls_peer_closed(const struct tls *t);/* close_notify came */
/* RFC 5929 tls-server-end-point hash of the server's certificate (either side); 0 if there is none. */
size_t tls_server_end_point(const struct tls *t, unsigned char out[64]);
/* DER of the client's verified certificate, NULL when none was given; valid as long as t. */
struct slice tls_peer_certificate(struct tls *t);

/* DER of the certificate that signed it, if the client sent it or we have it. NULL: unknown, always so after a
 * resumed session; tickets are not given out where client certificates are asked for. */
struct slice tls_peer_issuer(struct tls *t);

/* Writes a self-signed P-256 certificate (and key, 0600) for these names and addresses, for development
 * and tests. days: validity from now. */
cimf_status tls_self_signed(const char *certificate_path, const char *key_path,
                            const char *const *names, unsigned name_count, int days,
                            struct error *e);

#endif
