/*
 * mech/credssp.h - CredSSP (MS-CSSP), both roles, sans-I/O: a TLS session inside tokens, SPNEGO inside that,
 * then the binding of both, then (client) the credentials. The server's SPNEGO runs elsewhere (in the
 * broker), so the machine asks for each step. Versions 2 to 6; what is accepted at least is configured,
 * default 5 (CVE-2018-0886).
 */
#ifndef MECH_CREDSSP_H
#define MECH_CREDSSP_H

#include "mech/mech.h"

struct credssp;

struct credssp_server_config {
    const char *certificate, *key; /* PEM files; NULL: one made for this process, self-signed */
    unsigned min_version;          /* 0: 5 */
};
/* What the sessions of one server share: certificate, TLS settings (no resumption, no request for a client
 * certificate: MS-CSSP 3.1.5). Any thread. */
struct credssp_server;
cimf_status credssp_server_new(const struct credssp_server_config *config, struct credssp_server **out,
                               struct error *e);
void credssp_server_free(struct credssp_server *s);

enum credssp_result {
    CREDSSP_CONTINUE, /* send `out`, step again with the peer's answer */
    CREDSSP_ASK,      /* server: give `ask` to the inner mechanism, then call credssp_inner */
    CREDSSP_COMPLETE, /* send `out` if not empty; wrap and unwrap work */
    CREDSSP_FAILED,   /* for good; `out`, if any, tells the peer */
};
cimf_status credssp_accept(struct credssp_server *s, struct credssp **out, struct error *e);
enum credssp_result credssp_step(struct credssp *c, struct slice token, struct buf *out,
                                 struct slice *ask, struct error *e);
/* The inner mechanism's answer to ASK. context: once it is complete, owned by c from here on; NULL before. */
enum credssp_result credssp_inner(struct credssp *c, enum mech_result result, struct slice token,
                                  struct mech *context, struct buf *out, struct error *e);

/* Server, COMPLETE: what the client delegated (TSPasswordCreds), borrowed, wiped by credssp_forget and by
 * free. False: none, or a kind we do not take. */
bool credssp_password(const struct credssp *c, struct slice *domain, struct slice *user,
                      struct slice *password);
void credssp_forget(struct credssp *c);

struct credssp_client_config {
    struct mech *inner;            /* SPNEGO or NTLM or Kerberos client; owned, also on failure */
    struct slice domain, user, password; /* delegated, copied; UTF-8 */
    unsigned min_version;          /* 0: 5 */
    const struct mech_options *random; /* tests; NULL: the kernel's */
};
cimf_status credssp_client_new(const struct credssp_client_config *config, struct credssp **out,
                               struct error *e);

/* Protected bytes after COMPLETE: TLS records. wrap appends the records to out and says how many bytes they
 * are longer than the text (the number WinRM puts before them). unwrap takes whole records. */
cimf_status credssp_wrap(struct credssp *c, struct slice text, struct buf *out, size_t *trailer,
                         struct error *e);
cimf_status credssp_unwrap(struct credssp *c, struct slice records, struct buf *text, struct error *e);
void credssp_free(struct credssp *c);

#endif
