/* Sessions against a small server on loopback that does what each test says. */
#include "base/test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cimfony/operation.h>

#include "base/buf.h"

#define OPEN "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" " \
             "xmlns:n=\"http://schemas.xmlsoap.org/ws/2004/09/enumeration\" xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\" " \
             "xmlns:wsmid=\"http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd\" " \
             "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><s:Header><a:RelatesTo>%s</a:RelatesTo></s:Header><s:Body>"
#define CLOSE "</s:Body></s:Envelope>"
#define IDENTITY OPEN "<wsmid:IdentifyResponse><wsmid:ProductVendor>T</wsmid:ProductVendor></wsmid:IdentifyResponse>" CLOSE
#define ITEM "<q:X xmlns:q=\"http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/X\"><q:K>%d</q:K></q:X>"

enum manner { WHOLE, TRICKLE, CUT, SILENT, HANG_UP_FIRST, REDIRECT };

struct server {
    pthread_t thread;
    int listener;
    unsigned port;
    enum manner manner;
    /* What it saw; read after the thread ended. */
    unsigned connections, requests, pulls, releases, class_gets;
    bool authorized;
};

static bool read_request(int fd, struct buf *in)
{
    buf_clear(in);
    for (;;) {
        char *p = buf_reserve(in, 4096);
        ssize_t n = read(fd, p, 4096);
        if (n <= 0) return false;
        buf_added(in, (size_t)n);
        buf_strz(in);
        char *body = strstr(in->p, "\r\n\r\n"), *length = strcasestr(in->p, "Content-Length:");
        if (body && length && in->n >= (size_t)(body + 4 - in->p) + strtoul(length + 15, NULL, 10)) return true;
    }
}

static bool put(int fd, const char *p, size_t n, bool trickle)
{
    for (size_t i = 0; i < n;) {
        size_t piece = trickle ? 1 : n - i;
        ssize_t done = send(fd, p + i, piece, MSG_NOSIGNAL);
        if (done <= 0) return false;
        i += (size_t)done;
    }
    return true;
}

/* The body that answers the request: 200, or 500 for what it does not know. */
static int answer(struct server *s, const char *request, struct buf *out)
{
    char id[64] = "";
    const char *at = strstr(request, "<a:MessageID>");
    if (at) sscanf(at + 13, "%63[^<]", id);
    buf_clear(out);
    if (strstr(request, "wsmid:Identify/")) {
        buf_printf(out, IDENTITY, id);
    } else if (strstr(request, "enumeration/Enumerate<")) {
        buf_printf(out, OPEN "<n:EnumerateResponse><n:EnumerationContext>c</n:EnumerationContext><w:Items>" ITEM "</w:Items></n:EnumerateResponse>" CLOSE,
                   id, 0);
    } else if (strstr(request, "enumeration/Pull<")) {
        const char *end = ++s->pulls % 3 == 0 ? "<n:EndOfSequence/>" : "<n:EnumerationContext>c</n:EnumerationContext>";
        buf_printf(out, OPEN "<n:PullResponse>%s<n:Items>" ITEM "</n:Items></n:PullResponse>" CLOSE, id, end, (int)s->pulls);
    } else if (strstr(request, "enumeration/Release<")) {
        s->releases++;
        buf_printf(out, OPEN CLOSE, id);
    } else {
        s->class_gets += strstr(request, "ClassName") != NULL;
        buf_printf(out, OPEN "<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang=\"en\">no</s:Text></s:Reason></s:Fault>" CLOSE, id);
        return 500;
    }
    return 200;
}

/* false: the connection ends. */
static bool serve_one(struct server *s, int fd, struct buf *in, struct buf *out)
{
    if (!read_request(fd, in)) return false;
    s->requests++;
    s->authorized = strstr(in->p, "Authorization: Basic bWU6cHc=") != NULL; /* me:pw */
    int status = answer(s, in->p, out);
    char head[200];
    if (s->manner == SILENT) {
        read_request(fd, in); /* until the client gives up */
        return false;
    }
    if (s->manner == REDIRECT) {
        snprintf(head, sizeof head, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%u/wsman\r\nContent-Length: 0\r\n\r\n", s->port);
        return put(fd, head, strlen(head), false);
    }
    snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Type: application/soap+xml;charset=UTF-8\r\nContent-Length: %zu\r\n\r\n", status, out->n);
    put(fd, head, strlen(head), s->manner == TRICKLE);
    if (s->manner == CUT) {
        put(fd, out->p, out->n / 2, false);
        return false;
    }
    if (!put(fd, out->p, out->n, s->manner == TRICKLE)) return false;
    return !(s->manner == HANG_UP_FIRST && s->connections == 1);
}

static void *serve(void *arg)
{
    struct server *s = arg;
    struct buf in, out;
    buf_init(&in, 0);
    buf_init(&out, 0);
    int fd;
    while ((fd = accept(s->listener, NULL, NULL)) >= 0) {
        s->connections++;
        while (serve_one(s, fd, &in, &out)) {
        }
        close(fd);
    }
    buf_free(&in);
    buf_free(&out);
    return NULL;
}

static void server_start(struct server *s, enum manner manner)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof a;
    *s = (struct server){ .listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .manner = manner };
    assert_int_equal(bind(s->listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(s->listener, 8), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&a, &n), 0);
    s->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

/* After the sessions were freed. */
static void server_stop(struct server *s)
{
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->listener);
}

static cimf_session *session_to(const struct server *s, uint32_t timeout_ms)
{
    char url[64];
    cimf_session_options o = CIMF_SESSION_OPTIONS_INIT;
    o.auth = CIMF_AUTH_BASIC;
    o.no_user_settings = true;
    o.password = cimf_str_of("pw");
    o.operation_timeout_ms = timeout_ms;
    o.network_delay_ms = 0;
    cimf_session *session = NULL;
    cimf_error e;
    snprintf(url, sizeof url, "wsmv://me@127.0.0.1:%u/root/cimv2", s->port);
    if (cimf_session_open(cimf_str_of(url), &o, &session, &e) != CIMF_OK) fail_msg("%s", e.text);
    return session;
}

static cimf_status identify(cimf_session *s, cimf_error *e)
{
    cimf_operation *op;
    assert_int_equal(cimf_identify(s, &op, e), CIMF_OK);
    const cimf_instance *in;
    cimf_status status = cimf_operation_next(op, &in, e);
    cimf_value v;
    if (status == CIMF_OK) {
        assert_non_null(in);
        assert_int_equal(cimf_instance_get(in, cimf_str_of("ProductVendor"), &v), CIMF_OK);
        assert_slice(slice_of(v.v.s.p, v.v.s.n), "T");
        assert_int_equal(cimf_operation_next(op, &in, e), CIMF_OK);
        assert_null(in);
    }
    cimf_operation_free(op);
    return status;
}

static void test_keep_alive(void **state)
{
    for (int trickle = 0; trickle < 2; trickle++) {
        struct server s;
        server_start(&s, trickle ? TRICKLE : WHOLE);
        cimf_session *session = session_to(&s, 60000);
        cimf_error e;
        for (int i = 0; i < 5; i++) assert_int_equal(identify(session, &e), CIMF_OK);
        cimf_session_free(session);
        server_stop(&s);
        assert_int_equal(s.connections, 1);
        assert_int_equal(s.requests, 5);
        assert_true(s.authorized);
    }
}

/* The server closed the idle connection: the next operation makes a new one. */
static void test_reconnect(void **state)
{
    struct server s;
    server_start(&s, HANG_UP_FIRST);
    cimf_session *session = session_to(&s, 60000);
    cimf_error e;
    for (int i = 0; i < 3; i++) assert_int_equal(identify(session, &e), CIMF_OK);
    cimf_session_free(session);
    server_stop(&s);
    assert_int_equal(s.connections, 2);
}

/* covers: wsman:L1 */
static void test_failures(void **state)
{
    static const struct {
        enum manner manner;
        cimf_status want;
    } rows[] = { { CUT, CIMF_CONNECTION_LOST }, { SILENT, CIMF_TIMED_OUT }, { REDIRECT, CIMF_PROTOCOL_ERROR } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct server s;
        server_start(&s, rows[i].manner);
        cimf_session *session = session_to(&s, rows[i].manner == SILENT ? 500 : 60000);
        cimf_error e;
        cimf_status status = identify(session, &e);
        if (status != rows[i].want) fail_msg("%zu: %s, %s", i, cimf_status_name(status), e.text);
        assert_int_equal(e.status, status);
        assert_true(e.text[0]);
        cimf_session_free(session);
        server_stop(&s);
        assert_true(s.requests <= 1); /* never sent again by itself */
    }
}

static void test_refused(void **state)
{
    struct server s;
    server_start(&s, WHOLE);
    server_stop(&s);
    cimf_session *session = session_to(&s, 60000);
    cimf_error e;
    assert_int_equal(identify(session, &e), CIMF_CONNECT_FAILED);
    assert_non_null(strstr(e.hint, "127.0.0.1"));
    cimf_session_free(session);
}

/* A loop of the caller's own; two enumerations take turns on one connection. */
static void test_own_loop(void **state)
{
    struct server s;
    server_start(&s, WHOLE);
    cimf_session *session = session_to(&s, 60000);
    cimf_operation *ops[2];
    cimf_error e;
    unsigned got = 0, ended = 0;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(cimf_enumerate(session, cimf_str_of(""), cimf_str_of("X"), 0, &ops[i], &e), CIMF_OK);
        assert_false(cimf_operation_ready(ops[i]));
    }
    bool done[2] = { false, false };
    while (ended < 2) {
        cimf_session_step(session);
        for (int i = 0; i < 2; i++) {
            while (!done[i] && cimf_operation_ready(ops[i])) {
                const cimf_instance *in;
                assert_int_equal(cimf_operation_next(ops[i], &in, &e), CIMF_OK);
                done[i] = in == NULL;
                got += in != NULL;
                ended += done[i];
            }
        }
        struct pollfd p = { .fd = cimf_session_fd(session), .events = cimf_session_events(session) };
        if (ended < 2) poll(&p, p.fd >= 0, cimf_session_timeout(session));
    }
    assert_int_equal(got, 2 + s.pulls);
    for (int i = 0; i < 2; i++) cimf_operation_free(ops[i]);
    cimf_session_free(session);
    server_stop(&s);
    assert_int_equal(s.connections, 1);
    assert_in_range(s.class_gets, 1, 2); /* the class is not told: not asked again for every page */
}

/* Freed before its end: the context is released, at the latest when the session ends. */
static void test_release(void **state)
{
    for (int use = 0; use < 2; use++) {
        struct server s;
        server_start(&s, WHOLE);
        cimf_session *session = session_to(&s, 60000);
        cimf_operation *op;
        cimf_error e;
        const cimf_instance *in;
        assert_int_equal(cimf_enumerate(session, cimf_str_of(""), cimf_str_of("X"), 0, &op, &e), CIMF_OK);
        assert_int_equal(cimf_operation_next(op, &in, &e), CIMF_OK);
        assert_non_null(in);
        cimf_operation_cancel(op);
        assert_int_equal(cimf_operation_next(op, &in, &e), CIMF_CALL_CANCELLED);
        cimf_operation_free(op);
        if (use) assert_int_equal(identify(session, &e), CIMF_OK);
        cimf_session_free(session);
        server_stop(&s);
        assert_int_equal(s.releases, 1);
    }
}

/* An operation in the middle of its message: the connection goes, the session lives on. */
static void test_cancel_under_way(void **state)
{
    struct server s;
    server_start(&s, SILENT);
    cimf_session *session = session_to(&s, 60000);
    cimf_operation *op;
    cimf_error e;
    assert_int_equal(cimf_identify(session, &op, &e), CIMF_OK);
    cimf_session_step(session);
    cimf_operation_cancel(op);
    assert_true(cimf_operation_ready(op));
    cimf_operation_free(op);
    cimf_session_free(session);
    server_stop(&s);
}

/* covers: wsman:L10 */
static void test_no_clear_password(void **state)
{
    static const struct {
        const char *url;
        bool allow;
        cimf_status want;
    } rows[] = {
        { "wsmv://me@example.org", false, CIMF_ACCESS_DENIED },
        { "wsmv://me@127.0.0.1.example.org", false, CIMF_ACCESS_DENIED },
        { "wsmv://me@localhost.example.org", false, CIMF_ACCESS_DENIED },
        { "wsmv://me@192.0.2.1:1", false, CIMF_ACCESS_DENIED },
        { "wsmv://me@example.org", true, CIMF_OK },
        { "wsmv+https://me@example.org", false, CIMF_OK },
        { "wsmv://me@localhost", false, CIMF_OK },
        { "wsmv://me@127.1.2.3", false, CIMF_OK },
        { "wsmv://me@[::1]", false, CIMF_OK },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cimf_session_options o = CIMF_SESSION_OPTIONS_INIT;
        o.auth = CIMF_AUTH_BASIC;
        o.no_user_settings = true;
        o.password = cimf_str_of("pw");
        o.allow_clear_password = rows[i].allow;
        cimf_session *s = NULL;
        cimf_error e;
        assert_int_equal(cimf_session_open(cimf_str_of(rows[i].url), &o, &s, &e), rows[i].want);
        cimf_session_free(s);
    }
}

static cimf_status open_with(const char *url, const cimf_session_options *o, cimf_error *e)
{
    cimf_session *s = NULL;
    cimf_status status = cimf_session_open(cimf_str_of(url), o, &s, e);
    cimf_session_free(s);
    return status;
}

static void test_options(void **state)
{
    cimf_error e;
    const cimf_session_options plain = CIMF_SESSION_OPTIONS_INIT;
    cimf_session_options o = plain;
    o.version = 3;
    assert_int_equal(open_with("wsmv://h", &o, &e), CIMF_INVALID_PARAMETER);
    o = plain;
    o.ca_file = "/nonexistent/ca.pem";
    assert_int_equal(open_with("wsmv+https://h", &o, &e), CIMF_TLS_FAILED);
    o = plain;
    o.auth = 100;
    assert_int_equal(open_with("wsmv://h", &o, &e), CIMF_INVALID_PARAMETER);
    o = plain;
    o.key = "/nonexistent/key.pem";
    assert_int_equal(open_with("wsmv+https://h", &o, &e), CIMF_INVALID_PARAMETER);
    o = plain;
    o.certificate = "/nonexistent/cert.pem";
    assert_int_equal(open_with("wsmv+https://h", &o, &e), CIMF_TLS_FAILED);
    assert_int_equal(open_with("wsmv://h", &o, &e), CIMF_INVALID_PARAMETER);
    assert_non_null(strstr(e.hint, "https"));
    o = plain;
    o.password = cimf_str_of("pw");
    assert_int_equal(open_with("wsmv://h", &o, &e), CIMF_INVALID_PARAMETER);
}

/* A program that was compiled with the header before: its structure ends earlier. */
static void test_old_options(void **state)
{
    cimf_session_options now = CIMF_SESSION_OPTIONS_INIT;
    size_t n = offsetof(cimf_session_options, certificate);
    cimf_session_options *old = malloc(n);
    cimf_error e;
    now.version = 1;
    now.auth = CIMF_AUTH_BASIC;
    memcpy(old, &now, n);
    assert_int_equal(open_with("wsmv://me@localhost", old, &e), CIMF_OK);
    assert_int_equal(open_with("wsmv://me@example.org", old, &e), CIMF_ACCESS_DENIED);
    free(old);
}

/* covers: security:S9 */
static void test_trusted_hosts(void **state)
{
    static const struct {
        const char *url, *trusted;
        uint32_t auth;
        bool insecure;
        cimf_status want;
    } rows[] = {
        { "wsmv://me@server.example.org", NULL, CIMF_AUTH_NTLM, false, CIMF_ACCESS_DENIED },
        { "wsmv://me@server.example.org", NULL, CIMF_AUTH_DEFAULT, false, CIMF_ACCESS_DENIED },
        { "wsmv://me@server.example.org", NULL, CIMF_AUTH_NEGOTIATE, false, CIMF_ACCESS_DENIED },
        { "wsmv://me@server.example.org", "*", CIMF_AUTH_NTLM, false, CIMF_OK },
        { "wsmv://me@server.example.org", "a,*.EXAMPLE.org", CIMF_AUTH_DEFAULT, false, CIMF_OK },
        { "wsmv://me@server.example.org", "*.example.com", CIMF_AUTH_DEFAULT, false, CIMF_ACCESS_DENIED },
        { "wsmv://me@localhost", NULL, CIMF_AUTH_NTLM, false, CIMF_OK },
        { "wsmv+https://me@server.example.org", NULL, CIMF_AUTH_NTLM, false, CIMF_OK },
        { "wsmv+https://me@server.example.org", NULL, CIMF_AUTH_BASIC, false, CIMF_OK },
        { "wsmv+https://me@server.example.org", NULL, CIMF_AUTH_BASIC, true, CIMF_ACCESS_DENIED },
        { "wsmv+https://me@server.example.org", NULL, CIMF_AUTH_DEFAULT, true, CIMF_ACCESS_DENIED },
        { "wsmv+https://me@server.example.org", NULL, CIMF_AUTH_KERBEROS, true, CIMF_ACCESS_DENIED },
        { "wsmv+https://me@server.example.org", "server*", CIMF_AUTH_BASIC, true, CIMF_OK },
        { "wsmv://me@server.example.org", "*", CIMF_AUTH_BASIC, false, CIMF_ACCESS_DENIED },
        { "wsmv://me@server.example.org", "*", CIMF_AUTH_DIGEST, false, CIMF_ACCESS_DENIED },
        { "wsmv://me@server.example.org", "a*b", CIMF_AUTH_NTLM, false, CIMF_INVALID_PARAMETER },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cimf_session_options o = CIMF_SESSION_OPTIONS_INIT;
        cimf_error e;
        o.no_user_settings = true;
        o.password = cimf_str_of("pw");
        o.auth = rows[i].auth;
        o.insecure = rows[i].insecure;
        o.trusted_hosts = rows[i].trusted;
        cimf_status status = open_with(rows[i].url, &o, &e);
        if (status != rows[i].want) fail_msg("%zu: %s: %s", i, cimf_status_name(status), status == CIMF_OK ? "" : e.text);
        if (status == CIMF_ACCESS_DENIED) assert_true(e.hint[0]);
    }
}

static void test_urls(void **state)
{
    static const struct {
        const char *url, *user, *host, *ns;
        cimf_status want;
    } rows[] = {
        { "wsmv://h", "", "h", "root/cimv2", CIMF_OK },
        { "WSMV://h/", "", "h", "root/cimv2", CIMF_OK },
        { "wsmv://me@localhost:1/root/other/", "me", "localhost", "root/other", CIMF_OK },
        { "wsmv+https://me@corp.example@h:65535/root", "me@corp.example", "h", "root", CIMF_OK },
        { "wsmv://[2001:db8::1]:80/root\\cimv2", "", "2001:db8::1", "root/cimv2", CIMF_OK },
        { "wsmv:h", NULL, NULL, NULL, CIMF_INVALID_PARAMETER },
        { "h", NULL, NULL, NULL, CIMF_INVALID_PARAMETER },
        { "wsmv://", NULL, NULL, NULL, CIMF_INVALID_PARAMETER },
        { "wsmv://:80", NULL, NULL, NULL, CIMF_INVALID_PARAMETER },
        { "wsmv://h:0", NULL, NULL, NULL, CIMF_INVALID_PARAMETER },
        { "wsmv://h:65536", NULL, NULL, NULL, CIMF_INVALID_PARAMETER },
        { "wsmv://h:8a", NULL, NULL, NULL, CIMF_INVALID_PARAMETER },
        { "wsmv://::1", NULL, NULL, NULL, CIMF_INVALID_PARAMETER },
        { "wsmv://[::1", NULL, NULL, NULL, CIMF_INVALID_PARAMETER },
        { "wsmv://[::1]x", NULL, NULL, NULL, CIMF_INVALID_PARAMETER },
        { "wsmv://me:secret@h", NULL, NULL, NULL, CIMF_INVALID_PARAMETER },
        { "wsmv://h\r\nX: y/root", NULL, NULL, NULL, CIMF_INVALID_PARAMETER },
        { "wsmv://h/root?x=1", NULL, NULL, NULL, CIMF_INVALID_PARAMETER },
        { "http://h", NULL, NULL, NULL, CIMF_INVALID_PARAMETER },
        { "wmi://h", NULL, NULL, NULL, CIMF_NOT_SUPPORTED },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cimf_session_options o = CIMF_SESSION_OPTIONS_INIT;
        cimf_session *s = NULL;
        cimf_error e;
        cimf_status status = cimf_session_open(cimf_str_of(rows[i].url), &o, &s, &e);
        if (status != rows[i].want) fail_msg("%s: %s", rows[i].url, cimf_status_name(status));
        if (status != CIMF_OK) {
            assert_null(strstr(e.text, "secret"));
            assert_null(strstr(e.subject, "secret"));
            continue;
        }
        cimf_str user = cimf_session_user(s), host = cimf_session_host(s), ns = cimf_session_namespace(s);
        assert_slice(slice_of(user.p, user.n), rows[i].user);
        assert_slice(slice_of(host.p, host.n), rows[i].host);
        assert_slice(slice_of(ns.p, ns.n), rows[i].ns);
        cimf_session_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keep_alive), cmocka_unit_test(test_reconnect), cmocka_unit_test(test_failures),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_own_loop), cmocka_unit_test(test_release),
        cmocka_unit_test(test_cancel_under_way), cmocka_unit_test(test_no_clear_password),
        cmocka_unit_test(test_options), cmocka_unit_test(test_old_options),
        cmocka_unit_test(test_trusted_hosts), cmocka_unit_test(test_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
