/* The client's driver: a nonblocking socket under the machine. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/http_client_auth.h"

enum { INPUT_SIZE = 65536 };

struct http_session {
    struct http_session_config config;
    char *host;
    struct http_client *client;
    struct addrinfo *addresses, *at; /* at: the one being tried */
    int fd;
    bool connecting, busy, reused;
    bool announced;                  /* the login knows of this connection */
    bool queued;                     /* the request (or a leg before it) went into the machine */
    struct http_client_reply meant;  /* what the login made of the reply */
    int64_t connect_due, exchange_due;
    /* The request, for sending again on a new connection. */
    enum http_method method;
    struct buf request;              /* head parts and body, see keep_request */
    size_t target_n, body_n;
    unsigned header_count;
    struct http_header *headers;
};

cimf_status http_session_new(const struct http_session_config *config, struct http_session **out,
                             struct error *e)
{
    *out = NULL;
    struct http_session *s = calloc(1, sizeof *s);
    if (s) s->host = strdup(config->host);
    if (!s || !s->host) {
        free(s);
        return error_set(e, CIMF_OUT_OF_MEMORY, "net", "no memory for a session");
    }
    s->config = *config;
    s->config.host = s->host;
    if (s->config.tls) tls_config_ref(s->config.tls);
    if (!s->config.connect_timeout_us) s->config.connect_timeout_us = 10000000;
    if (!s->config.exchange_timeout_us) s->config.exchange_timeout_us = 60000000;
    s->fd = -1;
    buf_init(&s->request, (size_t)1 << 30);
    *out = s;
    return CIMF_OK;
}

void http_session_close(struct http_session *s)
{
    if (s->fd >= 0) close(s->fd);
    s->fd = -1;
    http_client_free(s->client);
    s->client = NULL;
    s->connecting = false;
}

static void request_forget(struct http_session *s)
{
    buf_wipe(&s->request);
    free(s->headers);
    s->headers = NULL;
}

void http_session_free(struct http_session *s)
{
    if (!s) return;
    http_session_close(s);
    request_forget(s);
    if (s->addresses) freeaddrinfo(s->addresses);
    tls_config_unref(s->config.tls);
    free(s->host);
    free(s);
}

static cimf_status give_up(struct http_session *s, cimf_status status)
{
    http_session_close(s);
    request_forget(s);
    s->busy = false;
    return status;
}

/* ---- connecting ---- */

static cimf_status connect_next(struct http_session *s, int number, struct error *e)
{
    for (; s->at; s->at = s->at->ai_next) {
        int on = 1;
        s->fd = socket(s->at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (s->fd < 0) {
            number = errno;
            continue;
        }
        setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (connect(s->fd, s->at->ai_addr, s->at->ai_addrlen) == 0 || errno == EINPROGRESS) {
            s->connecting = true;
            return CIMF_OK;
        }
        number = errno;
        close(s->fd);
        s->fd = -1;
    }
    return error_errno(e, CIMF_CONNECT_FAILED, "net", number, "cannot connect to %s port %u",
                       s->host, s->config.port);
}

static cimf_status connect_begin(struct http_session *s, struct error *e)
{
    http_session_close(s);
    if (!s->addresses) {
        char port[8];
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
        snprintf(port, sizeof port, "%u", s->config.port & 0xffff);
        int r = getaddrinfo(s->host, port, &hints, &s->addresses);
        if (r != 0) {
            s->addresses = NULL;
            return error_set(e, CIMF_CONNECT_FAILED, "net", "the host %s is not known: %s", s->host,
                             gai_strerror(r));
        }
    }
    cimf_status status = http_client_new(s->host, s->config.port, s->config.tls, &s->config.limits,
                                         &s->client, e);
    if (status != CIMF_OK) return status;
    s->reused = s->announced = s->queued = false;
    s->at = s->addresses;
    s->connect_due = clock_mono_us() + s->config.connect_timeout_us;
    return connect_next(s, ENETUNREACH, e);
}

/* ---- sending ---- */

/* One block of text; the headers point into it. */
static bool keep_request(struct http_session *s, enum http_method method, struct slice target,
                         const struct http_header *headers, unsigned header_count, struct slice body)
{
    request_forget(s);
    s->method = method;
    s->target_n = target.n;
    s->body_n = body.n;
    s->header_count = header_count;
    s->headers = calloc(header_count + 1, sizeof *s->headers);
    if (!s->headers) return false;
    buf_slice_add(&s->request, target);
    for (unsigned i = 0; i < header_count; i++) {
        buf_slice_add(&s->request, headers[i].name);
        buf_slice_add(&s->request, headers[i].value);
    }
    buf_slice_add(&s->request, body);
    const char *p = s->request.p + target.n;
    for (unsigned i = 0; i < header_count && buf_ok(&s->request); i++) {
        s->headers[i].name = slice_of(p, headers[i].name.n);
        p += headers[i].name.n;
        s->headers[i].value = slice_of(p, headers[i].value.n);
        p += headers[i].value.n;
    }
    return buf_ok(&s->request);
}

/* The connection stands (TLS too): a login needs to know what it is bound to before it says anything. */
static cimf_status queue_request(struct http_session *s, struct error *e)
{
    struct http_client_message m = {
        .method = s->method, .target = slice_of(s->request.p, s->target_n), .headers = s->headers,
        .header_count = s->header_count,
        .body = slice_of(s->request.p + (s->request.n - s->body_n), s->body_n),
    };
    if (s->config.auth) {
        unsigned char hash[64];
        struct http_client_message meant = m;
        if (!s->announced) {
            size_t n = http_client_end_point(s->client, hash);
            http_client_auth_connected(s->config.auth, slice_of((const char *)hash, n));
        }
        s->announced = true;
        cimf_status status = http_client_auth_next(s->config.auth, &meant, &m, e);
        if (status != CIMF_OK) return status;
    }
    s->queued = true;
    return http_client_send(s->client, m.method, m.target, m.headers, m.header_count, m.body, e);
}

/* Has the peer closed (or said something) while the connection rested? */
static bool still_good(struct http_session *s)
{
    char c;
    if (s->fd < 0 || !s->client || http_client_state(s->client) != HTTP_CLIENT_IDLE) return false;
    if (!s->config.tls)
        return recv(s->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EINTR);
    /* With TLS there may be tickets to read; only an end shows. */
    struct pollfd p = { .fd = s->fd, .events = POLLRDHUP };
    return poll(&p, 1, 0) == 0;
}

cimf_status http_session_send(struct http_session *s, enum http_method method, struct slice target,
                              const struct http_header *headers, unsigned header_count,
                              struct slice body, struct error *e)
{
    if (s->busy) return error_set(e, CIMF_INVALID_OPERATION, "net", "an exchange is under way");
    if (s->client) http_client_reply_clear(s->client);
    if (!keep_request(s, method, target, headers, header_count, body)) {
        request_forget(s);
        return error_set(e, CIMF_OUT_OF_MEMORY, "net", "no memory for the request");
    }
    cimf_status status = CIMF_OK;
    s->queued = false;
    if (s->config.auth) http_client_auth_begin(s->config.auth);
    if (still_good(s)) s->reused = true;
    else status = connect_begin(s, e);
    if (status != CIMF_OK) return give_up(s, status);
    s->exchange_due = clock_mono_us() + s->config.exchange_timeout_us;
    s->busy = true;
    return CIMF_OK;
}

/* ---- moving ---- */

int http_session_fd(const struct http_session *s) { return s->fd; }

short http_session_events(const struct http_session *s)
{
    if (s->fd < 0) return 0;
    if (s->connecting) return POLLOUT;
    return (short)(POLLIN | (http_client_output(s->client).n ? POLLOUT : 0));
}

int64_t http_session_deadline(const struct http_session *s)
{
    if (!s->busy) return INT64_MAX;
    return s->connecting && s->connect_due < s->exchange_due ? s->connect_due : s->exchange_due;
}

static cimf_status step_connect(struct http_session *s, struct error *e)
{
    struct pollfd p = { .fd = s->fd, .events = POLLOUT };
    if (poll(&p, 1, 0) <= 0) return CIMF_OK;
    int number = 0;
    socklen_t n = sizeof number;
    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &number, &n);
    if (number == 0) {
        s->connecting = false;
        return CIMF_OK;
    }
    close(s->fd);
    s->fd = -1;
    s->at = s->at->ai_next;
    return connect_next(s, number, e);
}

/* A connection that had rested may turn out dead. The request is sent again only when it was not sent
 * whole before: then the server cannot have acted on it. */
static cimf_status lost(struct http_session *s, int number, struct error *e)
{
    if (s->reused && http_client_untouched(s->client) && http_client_output(s->client).n > 0) {
        return connect_begin(s, e);
    }
    return error_errno(e, CIMF_CONNECTION_LOST, "net", number, "the connection to %s broke", s->host);
}

static cimf_status step_write(struct http_session *s, struct error *e)
{
    for (struct slice out; (out = http_client_output(s->client)).n > 0;) {
        ssize_t n = send(s->fd, out.p, out.n, MSG_NOSIGNAL);
        if (n >= 0) http_client_wrote(s->client, (size_t)n);
        else if (errno == EAGAIN) return CIMF_OK;
        else if (errno == EPIPE || errno == ECONNRESET) {
            /* The server may have answered before it closed: read first. */
            return http_client_untouched(s->client) && s->reused ? lost(s, errno, e) : CIMF_OK;
        } else if (errno != EINTR) return lost(s, errno, e);
    }
    return CIMF_OK;
}

/* A reply is awaited, or the TLS handshake before the request. */
static bool wants_input(const struct http_session *s)
{
    return s->queued ? http_client_state(s->client) == HTTP_CLIENT_BUSY : !http_client_ready(s->client);
}

static cimf_status step_read(struct http_session *s, struct error *e)
{
    char in[INPUT_SIZE];
    while (wants_input(s)) {
        ssize_t n = recv(s->fd, in, sizeof in, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return CIMF_OK;
        if (n < 0) return lost(s, errno, e);
        cimf_status status = http_client_input(s->client, slice_of(in, (size_t)n), e);
        if (status == CIMF_OK && !s->queued && http_client_state(s->client) != HTTP_CLIENT_IDLE) {
            return lost(s, ECONNRESET, e);
        }
        if (status == CIMF_CONNECTION_LOST && http_client_output(s->client).n)
            return lost(s, ECONNRESET, e);
        if (status != CIMF_OK) {
            struct slice alert = http_client_output(s->client);
            if (alert.n && send(s->fd, alert.p, alert.n, MSG_NOSIGNAL) < 0) {}
            return status;
        }
        if (http_client_output(s->client).n) { /* a TLS handshake wants to go on */
            status = step_write(s, e);
            if (status != CIMF_OK) return status;
        }
    }
    return CIMF_OK;
}

static cimf_status move(struct http_session *s, struct error *e)
{
    if (s->connecting) {
        cimf_status status = step_connect(s, e);
        if (status != CIMF_OK || s->connecting) return status;
    }
    if (!s->queued && http_client_ready(s->client)) {
        cimf_status status = queue_request(s, e);
        if (status != CIMF_OK) return status;
    }
    cimf_status status = step_write(s, e);
    return status != CIMF_OK || s->connecting ? status : step_read(s, e);
}

/* The reply is whole. *finished: it is the one that was waited for. */
static cimf_status take_reply(struct http_session *s, bool *finished, struct error *e)
{
    s->meant = *http_client_reply(s->client);
    *finished = true;
    if (!s->config.auth) return CIMF_OK;
    struct error own = ERROR_INIT;
    switch (http_client_auth_reply(s->config.auth, http_client_reply(s->client), &s->meant, &own)) {
    case HTTP_CLIENT_AUTH_DELIVER: return CIMF_OK;
    case HTTP_CLIENT_AUTH_FAILED:
        if (e) *e = own;
        return own.status == CIMF_OK ? CIMF_NOT_AUTHENTICATED : own.status;
    case HTTP_CLIENT_AUTH_AGAIN: break;
    }
    *finished = false;
    http_client_reply_clear(s->client);
    s->queued = false;
    return still_good(s) ? CIMF_OK : connect_begin(s, e);
}

cimf_status http_session_step(struct http_session *s, bool *finished, struct error *e)
{
    *finished = false;
    if (!s->busy) return error_set(e, CIMF_INVALID_OPERATION, "net", "no exchange is under way");
    for (bool again = true; again;) {
        cimf_status status = move(s, e);
        again = status == CIMF_OK && http_client_state(s->client) == HTTP_CLIENT_DONE;
        if (again) status = take_reply(s, finished, e);
        /* Behind a TLS handshake the request follows at once. */
        else again = status == CIMF_OK && !s->connecting && !s->queued && http_client_ready(s->client);
        if (status != CIMF_OK) return give_up(s, status);
        if (*finished) {
            s->busy = false;
            request_forget(s);
            return CIMF_OK;
        }
    }
    if (clock_mono_us() < http_session_deadline(s)) return CIMF_OK;
    bool connecting = s->connecting;
    give_up(s, CIMF_TIMED_OUT);
    return error_set(e, connecting ? CIMF_CONNECT_FAILED : CIMF_TIMED_OUT, "net",
                     connecting ? "%s port %u did not accept the connection in time"
                                : "%s port %u did not answer in time", s->host, s->config.port);
}

cimf_status http_session_wait(struct http_session *s, struct error *e)
{
    for (bool finished = false;;) {
        cimf_status status = http_session_step(s, &finished, e);
        if (status != CIMF_OK || finished) return status;
        int64_t left = http_session_deadline(s) - clock_mono_us();
        struct pollfd p = { .fd = s->fd, .events = http_session_events(s) };
        poll(&p, 1, left <= 0 ? 0 : left > 60000000 ? 60000 : (int)(left / 1000) + 1);
    }
}

const struct http_client_reply *http_session_reply(const struct http_session *s)
{
    return s->client && !s->busy && http_client_reply(s->client) ? &s->meant : NULL;
}

struct slice http_session_reply_header(const struct http_session *s, const char *name)
{
    return http_session_reply(s) ? http_client_reply_header(s->client, name) : SLICE_NULL;
}

struct http_client *http_session_client(struct http_session *s) { return s->client; }
