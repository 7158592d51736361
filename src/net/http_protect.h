/*
 * net/http_protect.h - HTTP bodies under the protection of an authentication mechanism (MS-WSMV 2.2.9.1):
 * multipart/encrypted with one part (Negotiate, Kerberos) or several (CredSSP over 16 KiB). Server and client
 * use the same codec. Pure: bytes in, bytes out.
 */
#ifndef NET_HTTP_PROTECT_H
#define NET_HTTP_PROTECT_H

#include "base/arena.h"
#include "base/buf.h"
#include "mech/credssp.h"
#include "mech/mech.h"

enum http_protect_kind { HTTP_PROTECT_SPNEGO, HTTP_PROTECT_KERBEROS, HTTP_PROTECT_CREDSSP };
/* One of mech and credssp is set. */
struct http_protect {
    enum http_protect_kind kind;
    struct mech *mech;
    struct credssp *credssp;
};
/* The media type says that the body is protected (multipart/encrypted or x-multi-encrypted). */
bool http_protect_is(struct slice content_type);
/* body becomes text, original its content type ("application/soap+xml;charset=UTF-8"). The body is overwritten: text
 * lies in it or in the arena, and has a 0 behind; original lies in it. CIMF_BAD_REQUEST: not well formed or of
 * another kind than p; CIMF_ACCESS_DENIED: its signature is wrong. After any failure the context is of no use:
 * what the peer sealed next is not what we would open. */
cimf_status http_protect_open(struct http_protect *p, struct arena *a, struct slice content_type,
                              char *body, size_t body_n, struct slice *text, struct slice *original,
                              struct error *e);
/* Appends the protected form of the text (given in pieces) to out. type: of the text, may be ""; an empty text
 * is sent without protection, so do not call it then. The header value for the whole is put in *outer (static
 * or in the arena). */
cimf_status http_protect_seal(struct http_protect *p, struct arena *a, struct slice type,
                              const struct slice *text, unsigned count, struct buf *out,
                              struct slice *outer, struct error *e);

#endif
