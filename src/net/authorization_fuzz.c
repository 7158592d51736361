/* Any Authorization header value. What parses as Basic makes the same value again; and with every scheme on, no value
 * that a fuzzer finds logs anybody in, whatever legs (separated by line ends) come on one connection. */
#include <stdlib.h>

#include "base/log.h"
#include "net/http_conn_harness.h"
#include "net/http_nonces.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void basic(struct slice text)
{
    struct arena a;
    struct slice user, password;
    struct buf b;
    arena_init(&a, 0);
    buf_init(&b, 0);
    if (http_basic_parse(&a, text, &user, &password) == CIMF_OK) {
        if (user.n == 0 || !http_basic_make(&b, user, password)) abort();
        struct slice made = slice_sub(buf_slice(&b), 6);
        if (!slice_eq(slice_trim(slice_sub(text, 5)), made)) abort();
    }
    buf_free(&b);
    arena_free(&a);
}

static void every_scheme(struct slice text)
{
    static struct credssp_server *credssp;
    static struct http_nonces *nonces;
    struct http_auth a;
    struct http_auth_output out;
    harness_broker();
    if (!nonces) nonces = http_nonces_new();
    if (!credssp && credssp_server_new(&(struct credssp_server_config){ .min_version = 5 }, &credssp, NULL) != CIMF_OK)
        abort();
    struct http_auth_policy policy = { .digest = true, .negotiate = true, .kerberos = true, .credssp = true,
                                       .certificate = true, .allow_unencrypted = true, .nonces = nonces,
                                       .credssp_server = credssp };
    http_auth_init(&a, &policy, h_broker);
    for (int legs = 0; text.p && legs < 8; legs++) {
        struct http_auth_input in = { .authorization = slice_split(text, '\n', &text), .peer = SLICE("192.0.2.1"),
                                      .method = SLICE("POST"), .target = SLICE("/wsman"), .body = SLICE(""),
                                      .tls = (legs & 1) != 0, .persistent = true };
        enum http_auth_answer answer = http_auth_step(&a, &in, &out, NULL, NULL, NULL);
        if (answer == HTTP_AUTH_BODY) {
            in.has_body = true;
            answer = http_auth_step(&a, &in, &out, NULL, NULL, NULL);
        }
        if (answer == HTTP_AUTH_ACCEPTED || answer == HTTP_AUTH_PENDING || answer == HTTP_AUTH_BODY) abort();
    }
    http_auth_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of((const char *)data, size);
    log_set_level(LOG_ERROR_);
    basic(text);
    every_scheme(text);
    return 0;
}
