#include "wsman/mount.h"

#include <stdlib.h>

#include "os/loop.h"

struct wsman_mount {
    struct wsman_server *server;
    struct loop *loop;
    struct loop_timer sweep; /* on loop */
    bool stopped;            /* on loop */
};

/* One HTTP request in work; lives in its arena. */
struct exchange {
    struct wsman_request request;
    struct http_request *http;
    struct loop_timer timer;
};

static void on_reply(struct wsman_request *r, int http_status, const char *content_type,
                     const struct slice *parts, unsigned count)
{
    struct exchange *x = r->owner;
    struct http_header type = { SLICE("Content-Type"), slice_str(content_type) };
    loop_timer_stop(&x->timer);
    http_reply(x->http, http_status, &type, content_type ? 1 : 0, parts, count);
}

static void on_expired(struct loop_timer *t, void *arg)
{
    struct exchange *x = arg;
    wsman_request_expire(&x->request);
}

static void on_arm(struct wsman_request *r, int64_t after_us)
{
    struct exchange *x = r->owner;
    loop_timer_start(loop_current(), &x->timer, after_us);
}

static void on_abort(struct http_request *http)
{
    struct exchange *x = http->user;
    wsman_request_abort(&x->request);
}

static void on_request(struct http_request *http)
{
    struct wsman_mount *m = http->arg;
    struct exchange *x = ARENA_NEW(http->arena, struct exchange);
    if (!x) {
        http_reply_simple(http, 503, NULL, SLICE_NULL);
        return;
    }
    x->http = http;
    loop_timer_init(&x->timer, on_expired, x);
    x->request = (struct wsman_request){
        .content_type = http->content_type, .body = http->body, .principal = http->principal,
        .encrypted = http->tls || http->sealed, .peer = http->peer,
        .home = http_request_exec(http), .reply = on_reply, .arm = on_arm, .owner = x,
    };
    http->user = x;
    http->on_abort = on_abort;
    wsman_server_handle(m->server, &x->request);
}

/* --- sweeping --------------------------------------------------------------------------------- */

static void on_sweep(struct loop_timer *t, void *arg)
{
    struct wsman_mount *m = arg;
    int64_t next = wsman_server_sweep(m->server);
    if (next >= 0 && !m->stopped) loop_timer_start(m->loop, &m->sweep, next);
}

/* Sweeping once now tells when the next is due. */
static void start_sweep(void *arg)
{
    struct wsman_mount *m = arg;
    if (!m->stopped && !loop_timer_active(&m->sweep)) on_sweep(&m->sweep, m);
}

static void arm_sweep(void *arg, int64_t after_us)
{
    struct wsman_mount *m = arg;
    exec_post(loop_exec(m->loop), start_sweep, m);
}

static void stop_sweep(void *arg)
{
    struct wsman_mount *m = arg;
    m->stopped = true;
    loop_timer_stop(&m->sweep);
}

/* --- life ------------------------------------------------------------------------------------- */

cimf_status wsman_mount_new(const struct wsman_server_config *config, struct loop *loop,
                            struct wsman_mount **out, struct error *e)
{
    struct wsman_mount *m = calloc(1, sizeof *m);
    if (!m) return error_set(e, CIMF_OUT_OF_MEMORY, "wsman", "no memory for the server");
    m->loop = loop;
    loop_timer_init(&m->sweep, on_sweep, m);
    struct wsman_server_config own = *config;
    own.arm_sweep = arm_sweep;
    own.arm_arg = m;
    cimf_status status = wsman_server_new(&own, &m->server, e);
    if (status != CIMF_OK) {
        free(m);
        return status;
    }
    *out = m;
    return CIMF_OK;
}

struct wsman_server *wsman_mount_server(struct wsman_mount *m)
{
    return m->server;
}

void wsman_mount_routes(struct wsman_mount *m, struct http_route routes[WSMAN_ROUTES])
{
    static const char *const types[] = { "application/soap+xml", "text/xml", "application/xml", NULL };
    struct http_route main_route = {
        .path = SLICE("/wsman"), .methods = HTTP_POST, .access = HTTP_ACCESS_PROBE,
        .anonymous_header = { SLICE("WSMANIDENTIFY"), SLICE("unauthenticated") },
        .content_types = types, .probe_empty_post = true, .handler = on_request, .arg = m,
    };
    struct http_route anonymous = {
        .path = SLICE("/wsman-anon/identify"), .methods = HTTP_POST, .access = HTTP_ACCESS_ANYONE,
        .content_types = types, .max_body = 8192, .handler = on_request, .arg = m,
    };
    routes[0] = main_route;
    routes[1] = anonymous;
}

void wsman_mount_stop(struct wsman_mount *m)
{
    loop_call(m->loop, stop_sweep, m);
    wsman_server_stop(m->server);
}

void wsman_mount_free(struct wsman_mount *m)
{
    if (!m) return;
    wsman_server_free(m->server);
    free(m);
}
