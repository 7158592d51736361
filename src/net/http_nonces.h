/*
 * net/http_nonces.h - nonces of HTTP Digest (RFC 7616 3.3, 5.12): made without being remembered (time, random bytes,
 * and a MAC over both and the peer's address), remembered from their first good use on, so that no nc counts
 * twice. Any thread; shared by the loops of a server.
 */
#ifndef NET_HTTP_NONCES_H
#define NET_HTTP_NONCES_H

#include "base/slice.h"

struct http_nonces;

#define HTTP_NONCE_TEXT 65 /* 64 hexadecimal digits and NUL */

struct http_nonces *http_nonces_new(void); /* NULL: no memory or no randomness */
void http_nonces_free(struct http_nonces *n);
void http_nonces_make(struct http_nonces *n, struct slice address, int64_t now_us, char out[HTTP_NONCE_TEXT]);

enum http_nonce { HTTP_NONCE_GOOD, HTTP_NONCE_STALE /* ours, but too old: a new one will do */, HTTP_NONCE_WRONG };
/* Lives 5 minutes. Says nothing about nc. */
enum http_nonce http_nonces_check(struct http_nonces *n, struct slice nonce, struct slice address, int64_t now_us);
/* Marks nc as used; after the response was found right. STALE: it was used before, or what was used is no longer
 * known. Requests may overtake each other by up to 63. */
enum http_nonce http_nonces_use(struct http_nonces *n, struct slice nonce, uint32_t nc);

#endif
