/* Opening, closing and driving a session. */
#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cim/path.h"
#include "client/protocol.h"

static cimf_status bad_option(struct error *e, cimf_status status, const char *text)
{
    return error_set(e, status, "client", "%s", text);
}

static const char *copy_text(struct arena *a, const char *z)
{
    return z ? arena_strz(a, slice_str(z)) : NULL;
}

static cimf_status check_options(const struct cimf_session_options *o, struct error *e)
{
    static const char *const names[] = { "basic", "digest", "ntlm", "kerberos", "negotiate", "credssp", "certificate" };
    if (o->version != CIMF_SESSION_OPTIONS_VERSION) {
        return bad_option(e, CIMF_INVALID_PARAMETER, "the options are of another version of the library");
    }
    if (o->auth >= sizeof names / sizeof *names) return bad_option(e, CIMF_INVALID_PARAMETER, "this authentication is not known");
    if (o->auth != CIMF_AUTH_BASIC) {
        return error_set(e, CIMF_NOT_SUPPORTED, "client", "authentication %s is not supported yet; use basic", names[o->auth]);
    }
    if (o->operation_timeout_ms < 500) return bad_option(e, CIMF_INVALID_PARAMETER, "the timeout is less than half a second");
    if (o->max_envelope < 8192) return bad_option(e, CIMF_INVALID_PARAMETER, "the largest envelope is less than 8192 octets");
    if (o->max_elements == 0) return bad_option(e, CIMF_INVALID_PARAMETER, "the largest number of elements is 0");
    return CIMF_OK;
}

/* User, password and the rule that it does not travel in the clear (wsman L10). */
static cimf_status take_credentials(struct cimf_session *s, const struct client_url *url, struct error *e)
{
    const struct cimf_session_options *o = &s->options;
    s->user = arena_dup(&s->arena, o->user.n ? client_slice(o->user) : url->user);
    if (slice_find(s->user, ':') < s->user.n) {
        return bad_option(e, CIMF_INVALID_PARAMETER, "a user name with a colon cannot be sent with Basic");
    }
    if (!s->user.n && o->password.n) return bad_option(e, CIMF_INVALID_PARAMETER, "there is a password but no user");
    buf_slice_add(&s->secret, client_slice(o->password));
    if (s->user.n && !url->protocol->tls && !s->loopback && !o->allow_clear_password) {
        return bad_option(e, CIMF_ACCESS_DENIED,
                          "the password would travel over the network in the clear");
    }
    return buf_ok(&s->secret) && s->user.p ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}

static cimf_status fill(struct cimf_session *s, struct slice text, const struct cimf_session_options *options,
                        struct error *e)
{
    struct client_url url;
    cimf_status status = client_url_read(text, &url, e);
    if (status != CIMF_OK) return status;
    s->protocol = url.protocol;
    s->options = *options;
    status = check_options(options, e);
    if (status != CIMF_OK) return status;
    s->host = arena_dup(&s->arena, url.host);
    s->port = url.port ? url.port : url.protocol->port;
    s->loopback = client_is_loopback(url.host);
    s->options.ca_file = copy_text(&s->arena, options->ca_file);
    s->options.locale = copy_text(&s->arena, options->locale);
    s->options.http_path = copy_text(&s->arena, options->http_path ? options->http_path : "/wsman");
    status = cim_namespace_normal(&s->arena, url.ns.n ? url.ns : SLICE("root/cimv2"), &s->ns);
    if (status != CIMF_OK) return bad_option(e, CIMF_INVALID_PARAMETER, "the namespace in the URL is not valid");
    status = take_credentials(s, &url, e);
    s->options.user = s->options.password = (cimf_str){ NULL, 0 };
    if (status == CIMF_OK) status = arena_status(&s->arena);
    return status == CIMF_OK ? s->protocol->open(s, e) : status;
}

cimf_status cimf_session_open(cimf_str url, const cimf_session_options *options, cimf_session **out, cimf_error *e)
{
    static const cimf_session_options defaults = CIMF_SESSION_OPTIONS_INIT;
    struct error error = ERROR_INIT;
    struct cimf_session *s = calloc(1, sizeof *s);
    if (!s) return client_fail_status(CIMF_OUT_OF_MEMORY, e);
    arena_init(&s->arena, 0);
    buf_init(&s->secret, 0);
    cimf_status status = fill(s, client_slice(url), options ? options : &defaults, &error);
    if (status != CIMF_OK) {
        if (error.status == CIMF_OK) error.status = status;
        client_fail_error(s->protocol ? s : NULL, &error, e);
        cimf_session_free(s);
        return status;
    }
    *out = s;
    return CIMF_OK;
}

static bool releasing(const struct cimf_session *s)
{
    for (const struct cimf_operation *op = s->operations; op; op = op->next) {
        if (op->cancelled && !s->protocol->finished(op)) return true;
    }
    return false;
}

void cimf_session_free(cimf_session *s)
{
    if (!s) return;
    if (s->state) {
        for (struct cimf_operation *op = s->operations; op; op = op->next) cimf_operation_cancel(op);
        int64_t end = clock_mono_us() + 1000000, now;
        while (releasing(s) && (now = clock_mono_us()) < end) {
            cimf_session_step(s);
            if (!releasing(s)) break;
            struct pollfd p = { .fd = cimf_session_fd(s), .events = cimf_session_events(s) };
            poll(&p, p.fd >= 0, (int)((end - now) / 1000) + 1);
        }
    }
    while (s->operations) {
        struct cimf_operation *op = s->operations;
        s->operations = op->next;
        s->protocol->free(op);
        free(op);
    }
    if (s->state) s->protocol->close(s);
    buf_wipe(&s->secret);
    arena_free(&s->arena);
    free(s);
}

cimf_str cimf_session_host(const cimf_session *s)
{
    return client_str(s->host);
}

cimf_str cimf_session_user(const cimf_session *s)
{
    return client_str(s->user);
}

cimf_str cimf_session_namespace(const cimf_session *s)
{
    return client_str(s->ns);
}

int cimf_session_fd(const cimf_session *s)
{
    return s->protocol->fd(s);
}

short cimf_session_events(const cimf_session *s)
{
    return s->protocol->events(s);
}

int cimf_session_timeout(const cimf_session *s)
{
    int64_t deadline = s->protocol->deadline(s);
    if (deadline == INT64_MAX) return -1;
    int64_t left = deadline - clock_mono_us();
    if (left <= 0) return 0;
    return left / 1000 >= INT32_MAX ? INT32_MAX : (int)(left / 1000) + 1;
}

/* Operations that the caller freed and that have nothing left to release. */
static void sweep(struct cimf_session *s)
{
    for (struct cimf_operation **at = &s->operations; *at;) {
        struct cimf_operation *op = *at;
        if (!op->orphan || !s->protocol->finished(op)) {
            at = &op->next;
            continue;
        }
        *at = op->next;
        s->protocol->free(op);
        free(op);
    }
}

void cimf_session_step(cimf_session *s)
{
    s->protocol->step(s);
    sweep(s);
}
