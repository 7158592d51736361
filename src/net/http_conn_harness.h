/* net/http_conn_harness.h - for tests and the fuzz target: a connection machine whose output is kept in a
 * buffer, with routes of every kind and an account "alice" / "secret". */
#ifndef NET_HTTP_CONN_HARNESS_H
#define NET_HTTP_CONN_HARNESS_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/accounts.h"
#include "net/http_conn.h"

#define ALICE "Authorization: Basic YWxpY2U6c2VjcmV0\r\n"

struct harness {
    struct http_conn conn;
    struct http_site site;
    struct http_server_config config;
    struct http_route routes[5];
    struct buf out;
    bool closed, lingered, reading;
    size_t queued;            /* what the transport claims */
    unsigned handled, aborted, released;
    struct http_request *held; /* by the handler of /later */
    struct buf last_body;
    char last_user[64], last_path[64];
};

static struct harness *harness_of(struct http_conn *c) { return (struct harness *)c; }

static void h_send(struct http_conn *c, const struct slice *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++) buf_slice_add(&harness_of(c)->out, s[i]);
}
static void h_close(struct http_conn *c, bool linger)
{
    harness_of(c)->closed = true;
    harness_of(c)->lingered = linger;
}
static void h_reading(struct http_conn *c, bool on) { harness_of(c)->reading = on; }
static size_t h_queued(struct http_conn *c) { return harness_of(c)->queued; }
static void h_released(struct http_conn *c) { harness_of(c)->released++; }
static void h_deadline(struct http_conn *c) {}

static const struct http_conn_ops h_ops = { h_send, h_close, h_reading, h_queued, h_released,
                                            h_deadline };

static void h_keep(struct http_request *r)
{
    struct harness *h = r->arg;
    h->handled++;
    buf_clear(&h->last_body);
    buf_slice_add(&h->last_body, r->body);
    snprintf(h->last_user, sizeof h->last_user, SLICE_FMT,
             SLICE_ARG(r->principal ? r->principal->name : SLICE("-")));
    snprintf(h->last_path, sizeof h->last_path, SLICE_FMT, SLICE_ARG(r->path));
}

static void h_echo(struct http_request *r)
{
    h_keep(r);
    http_reply_simple(r, 200, "text/plain", r->body);
}

static void h_on_abort(struct http_request *r) { ((struct harness *)r->arg)->aborted++; }

static void h_later(struct http_request *r)
{
    h_keep(r);
    r->on_abort = h_on_abort;
    ((struct harness *)r->arg)->held = r;
}

static const char *const h_types[] = { "application/soap+xml", "text/plain", NULL };
static char h_accounts[] = "/tmp/cimfony-conn-XXXXXX";
static struct auth_broker *h_broker;

static void harness_end(void)
{
    char lock[64];
    auth_broker_free(h_broker);
    h_broker = NULL;
    unlink(h_accounts);
    snprintf(lock, sizeof lock, "%s.lock", h_accounts);
    unlink(lock);
    snprintf(lock, sizeof lock, "%s.key", h_accounts);
    unlink(lock);
}

static void harness_broker(void)
{
    if (h_broker) return;
    atexit(harness_end);
    close(mkstemp(h_accounts));
    unlink(h_accounts);
    struct account_change add = { .name = SLICE("alice"), .password = SLICE("secret"), .cost = 1 };
    struct auth_broker_config c = { .basic = true, .digest = true, .ntlm = true, .accounts_path = h_accounts, .dummy_cost = 1 };
    if (accounts_add(h_accounts, &add, NULL) != CIMF_OK ||
        auth_broker_new(&c, &h_broker, NULL) != CIMF_OK)
        abort();
}

static inline struct harness *harness_new(void)
{
    struct harness *h = calloc(1, sizeof *h);
    if (!h) abort();
    struct http_route *routes = h->routes;
    harness_broker();
    routes[0] = (struct http_route){ .path = SLICE("/wsman"), .methods = HTTP_POST,
        .access = HTTP_ACCESS_PROBE, .probe_empty_post = true, .content_types = h_types,
        .anonymous_header = { SLICE("WSMANIDENTIFY"), SLICE("unauthenticated") },
        .handler = h_echo, .arg = h };
    routes[1] = (struct http_route){ .path = SLICE("/later"), .methods = HTTP_POST,
        .access = HTTP_ACCESS_ANYONE, .handler = h_later, .arg = h };
    routes[2] = (struct http_route){ .path = SLICE("/open"), .methods = HTTP_GET | HTTP_POST | HTTP_HEAD,
        .access = HTTP_ACCESS_ANYONE, .handler = h_echo, .arg = h };
    routes[3] = (struct http_route){ .path = SLICE("/odata"), .below = true,
        .methods = HTTP_GET | HTTP_MERGE, .access = HTTP_ACCESS_ANYONE, .handler = h_echo, .arg = h };
    routes[4] = (struct http_route){ .path = SLICE("/tiny"), .methods = HTTP_POST, .max_body = 10,
        .access = HTTP_ACCESS_ANYONE, .handler = h_echo, .arg = h };
    http_limits_default(&h->config.limits);
    h->config.auth = (struct http_auth_policy){ .basic = true, .allow_unencrypted = true };
    h->config.broker = h_broker;
    h->config.routes = routes;
    h->config.route_count = 5;
    buf_init(&h->out, 0);
    buf_init(&h->last_body, 0);
    http_site_init(&h->site, &h->config);
    h->site.ops = &h_ops;
    h->reading = true;
    http_conn_init(&h->conn, &h->site, "192.0.2.1", "192.0.2.2:5985", false);
    return h;
}

/* A handler's owed reply is given, as the contract asks. */
static inline void harness_free(struct harness *h)
{
    http_conn_broken(&h->conn);
    if (h->held) http_reply_simple(h->held, 200, NULL, SLICE(""));
    if (h->conn.slot && http_conn_busy(&h->conn)) abort();
    http_conn_free(&h->conn);
    http_site_free(&h->site);
    buf_free(&h->out);
    buf_free(&h->last_body);
    free(h);
}

#endif
