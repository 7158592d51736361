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
    unsigned max_version;          /* 0: 6 */
};
/* What the sessions of one server share: certificate, TLS settings (no resumption, no request for a client
 * certificate: MS-CSSP 3.1.5). Any thread. Sessions may outlive it. Files are read here and never again; a
 * certificate of our own (RSA 2048) is made by the first session. CIMF_INVALID_PARAMETER: versions out of 2
 * to 6, or a file that is none; the subject names it. */
struct credssp_server;
cimf_status credssp_server_new(const struct credssp_server_config *config, struct credssp_server **out,
                               struct error *e);
void credssp_server_free(struct credssp_server *s);

enum credssp_result {
    CREDSSP_CONTINUE, /* send `out`, even if it is empty (TLS 1.3), step again with the peer's answer */
    CREDSSP_ASK,      /* server: give `ask` to the inner mechanism, then call credssp_inner */
    CREDSSP_COMPLETE, /* send `out` if not empty; wrap and unwrap work */
    CREDSSP_FAILED,   /* for good; `out`, if any, tells the peer */
};
cimf_status credssp_accept(struct credssp_server *s, struct credssp **out, struct error *e);
/* One token. A client's first is empty. After COMPLETE or FAILED, or before the ASK is answered, it fails for good.
 * CIMF_NOT_AUTHENTICATED: wrong credentials; CIMF_ACCESS_DENIED: someone in the middle, or a version below
 * min_version; CIMF_BAD_REQUEST: a malformed message, its field named. native: NTSTATUS that the server sent. */
enum credssp_result credssp_step(struct credssp *c, struct slice token, struct buf *out,
                                 struct slice *ask, struct error *e);
/* The inner mechanism's answer to ASK. context: once it is complete, owned by c from here on; NULL before. */
enum credssp_result credssp_inner(struct credssp *c, enum mech_result result, struct slice token,
                                  struct mech *context, struct buf *out, struct error *e);

/* Server, COMPLETE: what the client delegated (TSPasswordCreds; other kinds are refused), UTF-8, borrowed, wiped
 * by credssp_forget and by free. False: forgotten, or not COMPLETE. The client says them, nobody has checked
 * them: they need not be those of the user that the inner mechanism authenticated. */
bool credssp_password(const struct credssp *c, struct slice *domain, struct slice *user,
                      struct slice *password);
void credssp_forget(struct credssp *c);

struct credssp_client_config {
    struct mech *inner;            /* SPNEGO, NTLM or Kerberos client that wants MECH_SEAL; owned, also on failure */
    struct slice domain, user, password; /* delegated, copied; UTF-8 */
    unsigned min_version;          /* 0: 5 */
    unsigned max_version;          /* 0: 6 */
    const struct mech_options *random; /* tests; NULL: the kernel's */
};
cimf_status credssp_client_new(const struct credssp_client_config *config, struct credssp **out,
                               struct error *e);

/* Protected bytes after COMPLETE: TLS records. wrap makes one record of at most CREDSSP_WRAP_MAX bytes (none of an
 * empty text), appends it to out and says the length of its trailer (tag, or MAC and padding: the number
 * that WinRM puts before it, MS-WSMV 2.2.9.1.3). unwrap takes whole records, appends their text; a wrong one
 * (CIMF_ACCESS_DENIED, or CIMF_BAD_REQUEST when cut) ends the session. */
#define CREDSSP_WRAP_MAX 16384
cimf_status credssp_wrap(struct credssp *c, struct slice text, struct buf *out, size_t *trailer,
                         struct error *e);
cimf_status credssp_unwrap(struct credssp *c, struct slice records, struct buf *text, struct error *e);
void credssp_free(struct credssp *c);

#endif
