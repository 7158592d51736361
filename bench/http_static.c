/*
 * bench/http_static.c - the HTTP layer alone: the project's server with Basic authentication and a handler
 * that answers a fixed body. What it costs above bench/ceiling is the price of HTTP and authentication.
 *
 *   http_static ACCOUNTS [body bytes, default 200] [loops, default 1] [CERTIFICATE KEY]    prints the port
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/broker.h"
#include "net/http.h"
#include "net/tls.h"
#include "os/loop.h"
#include "os/pool.h"

static char body[1 << 20];
static size_t body_n = 200;

static void on_request(struct http_request *r)
{
    http_reply_simple(r, 200, "application/soap+xml;charset=UTF-8", slice_of(body, body_n));
}

int main(int argc, char **argv)
{
    struct error e = ERROR_INIT;
    struct http_server *server;
    struct auth_broker *broker;
    struct tls_config *tls = NULL;
    char bound[64];
    if (argc < 2) return 2;
    if (argc > 2) body_n = strtoul(argv[2], NULL, 10);
    if (body_n > sizeof body) return 2;
    memset(body, 'x', sizeof body);
    struct loops *loops = loops_new(argc > 3 ? (unsigned)atoi(argv[3]) : 1, "http", &e);
    struct pool *pool = pool_new("work", 2, 0, &e);
    if (!loops || !pool) return 1;
    struct auth_broker_config bc = { .accounts_path = argv[1], .pool = pool_exec(pool) };
    static const char *const types[] = { "application/soap+xml", NULL };
    struct http_route route = { .path = SLICE("/wsman"), .methods = HTTP_POST, .handler = on_request,
                                .content_types = types, .probe_empty_post = true };
    struct http_server_config config = { .routes = &route, .route_count = 1,
        .auth = { .basic = true, .allow_unencrypted = true },
        .loops = loops_all(loops), .loop_count = loops_count(loops) };
    http_limits_default(&config.limits);
    struct tls_server_files files = { .certificate = argc > 5 ? argv[4] : NULL, .key = argc > 5 ? argv[5] : NULL };
    if (auth_broker_new(&bc, &broker, &e) != CIMF_OK ||
        (argc > 5 && tls_server_config(&files, &tls, &e) != CIMF_OK)) {
        fprintf(stderr, "%s\n", error_text(&e));
        return 1;
    }
    config.broker = broker;
    if (http_server_new(&config, &server, &e) != CIMF_OK ||
        http_server_listen(server, "127.0.0.1:0", tls, bound, sizeof bound, &e) != CIMF_OK) {
        fprintf(stderr, "%s\n", error_text(&e));
        return 1;
    }
    printf("%s\n", strrchr(bound, ':') + 1);
    fflush(stdout);
    pause();
    return 0;
}
