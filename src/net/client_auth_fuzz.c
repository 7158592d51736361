/*
 * A hostile server against the client's login. First byte: the scheme and the settings; then replies: a status
 * byte, a length of headers (u16), a length of the body (u16), and those. "Name: value" lines are split at LF.
 */
#include <stdlib.h>

#include "net/http_client_auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool take(const uint8_t **p, size_t *left, size_t n, struct slice *out)
{
    if (n > *left) n = *left;
    *out = slice_of((const char *)*p, n);
    *p += n;
    *left -= n;
    return *left > 0;
}

static size_t split(struct slice text, struct http_header *list, size_t room, struct slice *type)
{
    size_t count = 0;
    *type = SLICE("");
    for (struct slice rest = text; rest.p && rest.n && count < room; count++) {
        struct slice line = slice_split(rest, '\n', &rest);
        list[count].name = slice_split(line, ':', &list[count].value);
        list[count].value = slice_trim(list[count].value.p ? list[count].value : SLICE(""));
        if (slice_ieq(list[count].name, SLICE("Content-Type"))) *type = list[count].value;
    }
    return count;
}

static bool fixed_random(void *arg, void *bytes, size_t n)
{
    memset(bytes, 0x55, n);
    return true;
}

static int64_t fixed_now(void *arg)
{
    return 1700000000000000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum http_login logins[] = { HTTP_LOGIN_NEGOTIATE, HTTP_LOGIN_DIGEST, HTTP_LOGIN_BASIC, HTTP_LOGIN_CERTIFICATE,
                                              HTTP_LOGIN_NONE, HTTP_LOGIN_NEGOTIATE, HTTP_LOGIN_DIGEST, HTTP_LOGIN_NEGOTIATE };
    static const int statuses[] = { 401, 200, 500, 503 };
    static const struct http_header own = { SLICE("Content-Type"), SLICE("application/soap+xml") };
    if (size < 1) return 0;
    struct http_client_auth_config config = {
        .login = logins[data[0] & 7], .ntlm = true, .tls = data[0] & 8, .basic_fallback = data[0] & 16,
        .allow_unencrypted = data[0] & 32, .host = SLICE("h"), .user = SLICE("D\\u"), .password = SLICE("p"),
        .random = fixed_random, .now = fixed_now,
    };
    struct http_client_message m = { .method = HTTP_POST, .target = SLICE("/wsman"), .headers = &own, .header_count = 1,
                                     .body = SLICE("<question/>") }, out;
    struct http_client_auth *a;
    struct error e = ERROR_INIT;
    if (http_client_auth_new(&config, &a, &e) != CIMF_OK) abort();
    http_client_auth_begin(a);
    http_client_auth_connected(a, config.tls ? SLICE("0123456789abcdef") : SLICE(""));
    const uint8_t *p = data + 1;
    size_t left = size - 1;
    for (int turn = 0; turn < 40 && left >= 5; turn++) {
        struct http_header list[12];
        struct slice head, body, type;
        int status = statuses[p[0] & 3];
        size_t head_n = p[1] | (size_t)p[2] << 8, body_n = p[3] | (size_t)p[4] << 8;
        p += 5;
        left -= 5;
        take(&p, &left, head_n, &head);
        take(&p, &left, body_n, &body);
        if (http_client_auth_next(a, &m, &out, &e) != CIMF_OK) break;
        char *exact = malloc(body.n + 1);
        if (!exact) abort();
        memcpy(exact, body.p, body.n);
        exact[body.n] = 0;
        size_t count = split(head, list, 12, &type);
        struct http_client_reply in = { .status = status, .headers = list, .header_count = (unsigned)count, .content_type = type,
                                        .body = slice_of(exact, body.n), .keep_alive = true }, got;
        enum http_client_auth_answer answer = http_client_auth_reply(a, &in, &got, &e);
        /* Without protection nothing is taken where the login protects. */
        bool bound = config.login == HTTP_LOGIN_NEGOTIATE && !config.tls && !config.basic_fallback && !config.allow_unencrypted;
        if (answer == HTTP_CLIENT_AUTH_DELIVER && bound && got.body.n) abort();
        if (answer == HTTP_CLIENT_AUTH_DELIVER && got.body.p[got.body.n] != 0) abort();
        free(exact);
        if (answer == HTTP_CLIENT_AUTH_FAILED) break;
        if (answer == HTTP_CLIENT_AUTH_DELIVER) http_client_auth_begin(a);
    }
    http_client_auth_free(a);
    return 0;
}
