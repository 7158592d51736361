/*
 * net/http_client_auth_harness.h - the client's login against a server in memory: scripted replies, and a real
 * SPNEGO acceptor with NTLM behind it. Tests only.
 */
#ifndef NET_HTTP_CLIENT_AUTH_HARNESS_H
#define NET_HTTP_CLIENT_AUTH_HARNESS_H

#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "codec/base64.h"
#include "mech/ntlm.h"
#include "mech/ntlm_crypto.h"
#include "mech/spnego.h"
#include "net/http_client_auth.h"
#include "net/http_protect.h"

struct bench {
    struct http_client_auth_config config;
    struct http_client_auth *a;
    struct arena arena;
    struct error e;
    struct http_client_message sent;   /* what the client wants to send */
    struct http_client_reply got;      /* what it made of the reply */
    struct mech *server;
    struct mech_options server_options;
    struct buf token, body;
};

static inline bool bench_lookup(void *arg, struct slice user, struct slice domain, unsigned char hash[16])
{
    return slice_ieq(user, SLICE("alice")) && ntlm_ntowf_v1(SLICE("Secret"), hash);
}

static inline void bench_init(struct bench *b, enum http_login login)
{
    memset(b, 0, sizeof *b);
    arena_init(&b->arena, 0);
    buf_init(&b->token, 0);
    buf_init(&b->body, 0);
    b->config = (struct http_client_auth_config){
        .login = login, .host = SLICE("server.example"), .user = SLICE("alice"), .password = SLICE("Secret"),
    };
    b->server_options.want = MECH_SIGN | MECH_SEAL;
}

static inline void bench_open(struct bench *b, const char *end_point)
{
    assert_int_equal(http_client_auth_new(&b->config, &b->a, &b->e), CIMF_OK);
    http_client_auth_begin(b->a);
    http_client_auth_connected(b->a, slice_str(end_point));
}

static inline void bench_free(struct bench *b)
{
    http_client_auth_free(b->a);
    mech_free(b->server);
    buf_free(&b->token);
    buf_free(&b->body);
    arena_free(&b->arena);
    b->a = NULL;
    b->server = NULL;
}

static inline cimf_status bench_next_status(struct bench *b, const char *text)
{
    static const struct http_header headers[] = { { SLICE("Content-Type"), SLICE("application/soap+xml;charset=UTF-8") },
                                                  { SLICE("User-Agent"), SLICE("test") } };
    struct http_client_message m = { .method = HTTP_POST, .target = SLICE("/wsman"), .headers = headers,
                                     .header_count = 2, .body = slice_str(text) };
    b->e = (struct error)ERROR_INIT;
    return http_client_auth_next(b->a, &m, &b->sent, &b->e);
}

static inline void bench_next(struct bench *b, const char *text)
{
    cimf_status status = bench_next_status(b, text);
    if (status != CIMF_OK) fail_msg("%s", b->e.text);
}

static inline struct slice bench_header(const struct bench *b, const char *name)
{
    for (unsigned i = 0; i < b->sent.header_count; i++)
        if (slice_ieq(b->sent.headers[i].name, slice_str(name))) return b->sent.headers[i].value;
    return SLICE_NULL;
}

/* headers: "Name: value\n..." */
static inline enum http_client_auth_answer bench_reply_body(struct bench *b, int status, const char *headers,
                                                            const char *type, struct slice body)
{
    struct http_header list[16];
    unsigned count = 0;
    char *own = malloc(body.n + 1);
    memcpy(own, body.p ? body.p : "", body.n);
    own[body.n] = 0;
    for (struct slice rest = slice_str(headers); rest.p && rest.n && count < 16; count++) {
        struct slice line = slice_split(rest, '\n', &rest);
        list[count].name = slice_split(line, ':', &list[count].value);
        list[count].value = slice_trim(list[count].value);
    }
    struct http_client_reply in = { .status = status, .headers = list, .header_count = count,
                                    .content_type = slice_str(type), .body = slice_of(own, body.n), .keep_alive = true };
    b->e = (struct error)ERROR_INIT;
    enum http_client_auth_answer answer = http_client_auth_reply(b->a, &in, &b->got, &b->e);
    if (answer == HTTP_CLIENT_AUTH_DELIVER) { /* for as long as the test likes */
        b->got.body = arena_dup(&b->arena, b->got.body);
        b->got.content_type = arena_dup(&b->arena, b->got.content_type);
    }
    free(own);
    return answer;
}

static inline enum http_client_auth_answer bench_reply(struct bench *b, int status, const char *headers)
{
    return bench_reply_body(b, status, headers, "", SLICE(""));
}

/* The acceptor's turn: reads the token of the request and replies 401 or 200 with its own. */
static inline enum http_client_auth_answer bench_serve(struct bench *b)
{
    struct slice value = bench_header(b, "Authorization"), token;
    char head[8192] = "";
    assert_true(slice_istarts(value, SLICE("Negotiate ")));
    assert_int_equal(base64_decode(&b->arena, slice_sub(value, 10), BASE64_STRICT, &token), CIMF_OK);
    if (!b->server) {
        struct ntlm_server_config n = { .options = b->server_options, .lookup = bench_lookup,
                                        .computer = SLICE("SERVER"), .dns_computer = SLICE("server.example") };
        struct mech *candidate;
        assert_int_equal(ntlm_server_new(&n, &candidate, NULL), CIMF_OK);
        assert_int_equal(spnego_server_new(&candidate, 1, &b->server, NULL), CIMF_OK);
    }
    struct buf b64;
    buf_init(&b64, 0);
    buf_clear(&b->token);
    enum mech_result result = mech_step(b->server, token, &b->token, &b->e);
    base64_encode(&b64, buf_slice(&b->token));
    if (b64.n) snprintf(head, sizeof head, "WWW-Authenticate: Negotiate %.*s", (int)b64.n, b64.p);
    else if (result != MECH_COMPLETE) snprintf(head, sizeof head, "WWW-Authenticate: Negotiate");
    buf_free(&b64);
    return bench_reply(b, result == MECH_COMPLETE ? 200 : 401, head);
}

static inline void bench_log_in(struct bench *b, const char *text)
{
    for (int leg = 0; leg < 4; leg++) {
        bench_next(b, text);
        if (!bench_header(b, "Authorization").p) break;
        assert_int_equal(b->sent.body.n, 0); /* nothing of the message before the end of the login */
        if (bench_serve(b) != HTTP_CLIENT_AUTH_AGAIN) fail_msg("%s", b->e.text);
    }
    assert_int_equal(b->server->state, MECH_DONE);
}

/* What the server finds in the sealed request. */
static inline struct slice bench_opened(struct bench *b)
{
    struct http_protect p = { .kind = HTTP_PROTECT_SPNEGO, .mech = b->server };
    struct slice text, original, copy = arena_dup(&b->arena, b->sent.body);
    if (http_protect_open(&p, &b->arena, bench_header(b, "Content-Type"), (char *)copy.p, copy.n, &text, &original,
                          &b->e) != CIMF_OK) fail_msg("%s", b->e.text);
    assert_slice(original, "application/soap+xml;charset=UTF-8");
    return text;
}

/* A sealed answer in b->body; its type. */
static inline const char *bench_seal(struct bench *b, const char *text)
{
    struct http_protect p = { .kind = HTTP_PROTECT_SPNEGO, .mech = b->server };
    struct slice whole = slice_str(text), outer;
    buf_clear(&b->body);
    assert_int_equal(http_protect_seal(&p, &b->arena, SLICE("application/soap+xml;charset=UTF-8"), &whole, 1, &b->body,
                                       &outer, &b->e), CIMF_OK);
    return arena_strz(&b->arena, outer);
}

#endif
