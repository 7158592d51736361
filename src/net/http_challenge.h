/*
 * net/http_challenge.h - the values of WWW-Authenticate (RFC 9110 11.6.1): several challenges in one line and
 * several lines. Pure; everything is borrowed from the values.
 */
#ifndef NET_HTTP_CHALLENGE_H
#define NET_HTTP_CHALLENGE_H

#include "base/buf.h"

#define HTTP_CHALLENGES_MAX 16

struct http_challenge {
    struct slice scheme; /* a token; compared without case */
    struct slice rest;   /* its token68, or its parameters with the commas between them; "" if none */
};
struct http_challenges {
    struct http_challenge at[HTTP_CHALLENGES_MAX];
    unsigned count;
};

/* Adds the challenges of one header line. From the first character that fits no grammar on, the line is left
 * out; so are challenges beyond the maximum. The answer is false then. */
bool http_challenges_add(struct http_challenges *c, struct slice value);
/* The first one of this scheme, or NULL. */
const struct http_challenge *http_challenges_find(const struct http_challenges *c, const char *scheme);
/* "Negotiate, Kerberos, Basic": each scheme once, for people. "nothing" when there are none. */
bool http_challenges_text(const struct http_challenges *c, struct buf *out);

/* Takes the next name=value off the front of *rest. The value is without its quotes, but what a backslash
 * escapes in it is not undone. False at the end and where the text fits no grammar. */
bool http_param_next(struct slice *rest, struct slice *name, struct slice *value);

#endif
