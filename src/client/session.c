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
    if (o->auth > CIMF_AUTH_DEFAULT) return bad_option(e, CIMF_INVALID_PARAMETER, "this authentication is not known");
    if (o->operation_timeout_ms < 500) return bad_option(e, CIMF_INVALID_PARAMETER, "the timeout is less than half a second");
    if (o->max_envelope < 8192) return bad_option(e, CIMF_INVALID_PARAMETER, "the largest envelope is less than 8192 octets");
    if (o->max_elements == 0) return bad_option(e, CIMF_INVALID_PARAMETER, "the largest number of elements is 0");
    if (o->key && !o->certificate) return bad_option(e, CIMF_INVALID_PARAMETER, "there is a key but no certificate");
    return CIMF_OK;
}

/* Who asks, and by which login: decided here, before anything is sent. */
static cimf_status take_login(struct cimf_session *s, const struct client_url *url, struct error *e)
{
    struct client_settings settings = { 0 };
    struct slice ticket = SLICE("");
    const struct cimf_session_options *o = &s->options;
    cimf_status status = client_options_settings(o, &settings, e);
    if (status == CIMF_OK) status = client_options_login(o, &settings, url, &s->arena, &s->login, &ticket, e);
    if (status == CIMF_OK) {
        struct slice user = o->user.n ? client_slice(o->user) : url->user;
        if (!user.n && o->password.n) status = bad_option(e, CIMF_INVALID_PARAMETER, "there is a password but no user");
        s->user = arena_dup(&s->arena, user.n ? user : ticket);
        s->ticket = ticket.n > 0;
        s->allow_unencrypted = client_setting_on(&settings, CLIENT_client_allow_unencrypted);
        s->network_delay_ms = o->network_delay_ms == CIMF_NETWORK_DELAY_SETTING
                                  ? (uint32_t)settings.at[CLIENT_client_network_delay_ms].number : o->network_delay_ms;
        buf_slice_add(&s->secret, client_slice(o->password));
    }
    client_settings_free(&settings);
    if (status != CIMF_OK) return status;
    return buf_ok(&s->secret) && s->user.p ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}

static cimf_status fill(struct cimf_session *s, struct slice text, const struct cimf_session_options *options,
                        struct error *e)
{
    struct client_url url;
    cimf_status status = client_url_read(text, &url, e);
    if (status == CIMF_OK) status = client_options_take(options, &s->options, e);
    if (status != CIMF_OK) return status;
    s->protocol = url.protocol;
    struct cimf_session_options *o = &s->options;
    status = check_options(o, e);
    if (status != CIMF_OK) return status;
    s->host = arena_dup(&s->arena, url.host);
    s->port = url.port ? url.port : url.protocol->port;
    o->ca_file = copy_text(&s->arena, o->ca_file);
    o->certificate = copy_text(&s->arena, o->certificate);
    o->key = copy_text(&s->arena, o->key);
    o->locale = copy_text(&s->arena, o->locale);
    o->http_path = copy_text(&s->arena, o->http_path ? o->http_path : "/wsman");
    status = cim_namespace_normal(&s->arena, url.ns.n ? url.ns : SLICE("root/cimv2"), &s->ns);
    if (status != CIMF_OK) return bad_option(e, CIMF_INVALID_PARAMETER, "the namespace in the URL is not valid");
    status = take_login(s, &url, e);
    o->user = o->password = (cimf_str){ NULL, 0 };
    o->trusted_hosts = NULL;
    if (status == CIMF_OK) status = arena_status(&s->arena);
    return status == CIMF_OK ? s->protocol->open(s, e) : status;
}

cimf_status cimf_session_open(cimf_str url, const cimf_session_options *options, cimf_session **out, cimf_error *e)
{
    struct error error = ERROR_INIT;
    struct cimf_session *s = calloc(1, sizeof *s);
    if (!s) return client_fail_status(CIMF_OUT_OF_MEMORY, e);
    arena_init(&s->arena, 0);
    buf_init(&s->secret, 0);
    cimf_status status = fill(s, client_slice(url), options, &error);
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

cimf_str cimf_session_login(const cimf_session *s)
{
    return client_str(slice_str(s->protocol->login(s)));
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
