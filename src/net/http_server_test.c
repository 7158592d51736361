/* The whole server on loopback: two loops, a worker pool, plain and TLS, many connections. */
#include "base/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/accounts.h"
#include "auth/broker.h"
#include "auth/principal.h"
#include "base/log.h"
#include "net/acceptor.h"
#include "net/http.h"
#include "net/http_auth.h"
#include "net/http_client.h"
#include "net/tls.h"
#include "os/loop.h"
#include "os/pool.h"

static char folder[] = "/tmp/cimfony-net-XXXXXX";
static char accounts[64], certificate[64], key[64], client_certificate[64], client_key[64];
static struct loops *loops;
static struct pool *pool;
static struct auth_broker *broker;
static struct http_server *server;
static char plain_at[64], tls_at[64], tls6_at[64];

/* Handler's doings, seen from the test's thread. */
static pthread_mutex_t seen_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t seen_change = PTHREAD_COND_INITIALIZER;
static struct http_request *held;
static unsigned aborted, handled, drains;

static void changed(void) { pthread_cond_broadcast(&seen_change); }

static void on_echo(struct http_request *r)
{
    struct http_header h[2] = { { SLICE("Content-Type"), SLICE("text/plain") },
                                { SLICE("X-User"), r->principal ? r->principal->name : SLICE("-") } };
    http_reply(r, 200, h, 2, &r->body, 1);
}

/* A reply made on a worker. */
static void reply_late(void *arg) { on_echo(arg); }
static void on_worker(void *arg)
{
    struct http_request *r = arg;
    assert_true(exec_post(http_request_exec(r), reply_late, r));
}
static void on_blocking(struct http_request *r) { assert_true(exec_post(pool_exec(pool), on_worker, r)); }

static void on_gone(struct http_request *r)
{
    pthread_mutex_lock(&seen_lock);
    aborted++;
    changed();
    pthread_mutex_unlock(&seen_lock);
}

static void on_hold(struct http_request *r)
{
    r->on_abort = on_gone;
    pthread_mutex_lock(&seen_lock);
    held = r;
    handled++;
    changed();
    pthread_mutex_unlock(&seen_lock);
}

/* 8 MB in chunks, as fast as the peer takes them. */
static void pour(struct http_request *r)
{
    static char block[65536];
    struct slice s = slice_of(block, sizeof block);
    unsigned sent = (unsigned)(uintptr_t)r->user;
    while (sent < 128) {
        sent++;
        r->user = (void *)(uintptr_t)sent;
        if (!http_reply_chunk(r, &s, 1)) {
            pthread_mutex_lock(&seen_lock);
            drains++;
            changed();
            pthread_mutex_unlock(&seen_lock);
            return; /* on_drain goes on */
        }
    }
    http_reply_end(r);
}
static void on_stream(struct http_request *r)
{
    r->on_drain = pour;
    http_reply_begin(r, 200, NULL, 0);
    pour(r);
}

static const struct http_route routes[] = {
    { .path = { "/echo", 5 }, .methods = HTTP_POST, .handler = on_echo, .max_body = 4 << 20 },
    { .path = { "/blocking", 9 }, .methods = HTTP_POST, .handler = on_blocking },
    { .path = { "/hold", 5 }, .methods = HTTP_POST, .access = HTTP_ACCESS_ANYONE, .handler = on_hold },
    { .path = { "/stream", 7 }, .methods = HTTP_GET, .access = HTTP_ACCESS_ANYONE, .handler = on_stream },
    { .path = { "/open", 5 }, .methods = HTTP_POST, .access = HTTP_ACCESS_ANYONE, .handler = on_echo },
};

static int start(void **state)
{
    struct error e = ERROR_INIT;
    log_set_level(LOG_ERROR_);
    if (!mkdtemp(folder)) return -1;
    snprintf(accounts, sizeof accounts, "%s/accounts", folder);
    snprintf(certificate, sizeof certificate, "%s/cert.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    snprintf(client_certificate, sizeof client_certificate, "%s/client.pem", folder);
    snprintf(client_key, sizeof client_key, "%s/client-key.pem", folder);
    const char *names[] = { "localhost", "127.0.0.1", "::1" };
    struct account_change add = { .name = SLICE("alice"), .password = SLICE("s\xc3\xa9" "cret"), .cost = 1 };
    if (accounts_add(accounts, &add, &e) != CIMF_OK ||
        tls_self_signed(certificate, key, names, 3, 2, &e) != CIMF_OK ||
        tls_self_signed(client_certificate, client_key, names, 1, 2, &e) != CIMF_OK)
        return -1;
    loops = loops_new(2, "http", &e);
    pool = pool_new("work", 2, 0, &e);
    struct auth_broker_config bc = { .basic = true, .accounts_path = accounts, .pool = pool_exec(pool),
                                     .dummy_cost = 1, .delay_us = 1000, .max_delay_us = 2000 };
    struct tls_server_files files = { .certificate = certificate, .key = key };
    struct tls_config *tls;
    if (!loops || !pool || auth_broker_new(&bc, &broker, &e) != CIMF_OK ||
        tls_server_config(&files, &tls, &e) != CIMF_OK)
        return -1;
    struct http_server_config c = { .broker = broker, .routes = routes,
        .route_count = sizeof routes / sizeof routes[0],
        .auth = { .basic = true, .allow_unencrypted = true },
        .loops = loops_all(loops), .loop_count = loops_count(loops) };
    http_limits_default(&c.limits);
    if (http_server_new(&c, &server, &e) != CIMF_OK ||
        http_server_listen(server, "127.0.0.1:0", NULL, plain_at, sizeof plain_at, &e) != CIMF_OK ||
        http_server_listen(server, "localhost:0", tls, tls_at, sizeof tls_at, &e) != CIMF_OK ||
        http_server_listen(server, "*:0", NULL, tls6_at, sizeof tls6_at, &e) != CIMF_OK)
        return -1;
    tls_config_unref(tls);
    return 0;
}

static int stop(void **state)
{
    http_server_stop(server, 2000000);
    struct http_stats st;
    http_server_stats(server, &st);
    if (st.connections || st.requests_pending) return -1;
    http_server_free(server);
    auth_broker_free(broker);
    pool_free(pool);
    loops_free(loops);
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static unsigned port_of(const char *at) { return (unsigned)atoi(strrchr(at, ':') + 1); }

static struct http_session *session_to(const char *host, unsigned port, struct tls_config *tls)
{
    struct http_session_config c = { .host = host, .port = port, .tls = tls };
    struct http_session *s;
    assert_int_equal(http_session_new(&c, &s, NULL), CIMF_OK);
    return s;
}

static cimf_status post(struct http_session *s, const char *path, const char *user, const char *password,
                        struct slice body, struct error *e)
{
    struct buf b;
    buf_init(&b, 4096);
    if (user) assert_true(http_basic_make(&b, slice_str(user), slice_str(password)));
    struct http_header h[2] = { { SLICE("Content-Type"), SLICE("text/plain") },
                                { SLICE("Authorization"), buf_slice(&b) } };
    cimf_status status = http_session_send(s, HTTP_POST, slice_str(path), h, user ? 2 : 1, body, e);
    if (status == CIMF_OK) status = http_session_wait(s, e);
    buf_wipe(&b);
    return status;
}

static void expect(struct http_session *s, const char *path, const char *user, const char *password,
                   int status)
{
    struct error e = ERROR_INIT;
    if (post(s, path, user, password, SLICE("hello"), &e) != CIMF_OK) fail_msg("%s", error_text(&e));
    assert_int_equal(http_session_reply(s)->status, status);
}

static void round_trips(void **state)
{
    struct http_session *s = session_to("127.0.0.1", port_of(plain_at), NULL);
    for (int i = 0; i < 20; i++) {
        expect(s, i % 2 ? "/echo" : "/blocking", "alice", "s\xc3\xa9" "cret", 200);
        assert_true(slice_is(http_session_reply(s)->body, "hello"));
        assert_true(slice_is(http_session_reply_header(s, "x-user"), "alice"));
    }
    expect(s, "/echo", NULL, NULL, 401);
    expect(s, "/echo", "alice", "wrong", 401);
    expect(s, "/echo", "mallory", "s\xc3\xa9" "cret", 401);
    expect(s, "/echo", ".\\ALICE", "s\xc3\xa9" "cret", 200);
    expect(s, "/nowhere", NULL, NULL, 404);
    http_session_free(s);
    s = session_to("localhost", port_of(tls6_at), NULL);
    expect(s, "/echo", "alice", "s\xc3\xa9" "cret", 200);
    http_session_free(s);
}

/* A body larger than any buffer, there and back, plain and TLS. */
static void large_bodies(void **state)
{
    struct tls_client_files files = { .ca = certificate };
    struct tls_config *tls;
    assert_int_equal(tls_client_config(&files, &tls, NULL), CIMF_OK);
    size_t n = 3 << 20;
    char *body = malloc(n);
    for (size_t i = 0; i < n; i++) body[i] = (char)(i * 31 + i / 7);
    for (int t = 0; t < 2; t++) {
        struct http_session *s = session_to("localhost", port_of(t ? tls_at : plain_at), t ? tls : NULL);
        for (int i = 0; i < 2; i++) {
            struct error e = ERROR_INIT;
            if (post(s, "/echo", "alice", "s\xc3\xa9" "cret", slice_of(body, n), &e) != CIMF_OK)
                fail_msg("%s", error_text(&e));
            const struct http_client_reply *r = http_session_reply(s);
            assert_int_equal(r->status, 200);
            assert_int_equal(r->body.n, n);
            assert_memory_equal(r->body.p, body, n);
        }
        http_session_free(s);
    }
    free(body);
    tls_config_unref(tls);
}

/* ---- TLS ---- */

static cimf_status tls_try(const char *host, const struct tls_client_files *files, struct error *e)
{
    struct tls_config *tls;
    assert_int_equal(tls_client_config(files, &tls, e), CIMF_OK);
    struct http_session *s = session_to(host, port_of(tls_at), tls);
    cimf_status status = post(s, "/echo", "alice", "s\xc3\xa9" "cret", SLICE("hello"), e);
    if (status == CIMF_OK) {
        unsigned char hash[64];
        assert_int_equal(http_session_reply(s)->status, 200);
        assert_int_equal(http_client_end_point(http_session_client(s), hash), 32);
    }
    http_session_free(s);
    tls_config_unref(tls);
    return status;
}

static void tls_trust(void **state)
{
    struct error e = ERROR_INIT;
    struct tls_client_files good = { .ca = certificate }, system_only = { .ca = NULL },
                            careless = { .insecure = true }, other = { .ca = client_certificate };
    assert_int_equal(tls_try("localhost", &good, &e), CIMF_OK);
    assert_int_equal(tls_try("127.0.0.1", &good, &e), CIMF_OK);
    assert_int_equal(tls_try("127.0.0.2", &careless, &e), CIMF_CONNECT_FAILED);
    assert_int_equal(tls_try("localhost", &careless, &e), CIMF_OK);
    assert_int_equal(tls_try("localhost", &system_only, &e), CIMF_TLS_FAILED);
    assert_non_null(strstr(error_text(&e), "certificate"));
    assert_int_equal(tls_try("localhost", &other, &e), CIMF_TLS_FAILED);
    /* Right authority, wrong name: the host's own name is not in the certificate. */
    assert_int_equal(tls_try("ip6-localhost", &good, &e) == CIMF_OK, false);
    struct tls_config *none;
    struct tls_client_files missing = { .ca = "/nonexistent" };
    assert_int_equal(tls_client_config(&missing, &none, &e), CIMF_TLS_FAILED);
    struct tls_server_files mixed = { .certificate = certificate, .key = client_key };
    assert_int_equal(tls_server_config(&mixed, &none, &e), CIMF_TLS_FAILED);
}

static int raw_connect(const char *at)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port_of(at)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

static void write_text(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Everything until the server closes. */
static size_t read_all(int fd, char *out, size_t size)
{
    size_t n = 0;
    while (n < size - 1) {
        ssize_t got = recv(fd, out + n, size - 1 - n, 0);
        if (got <= 0) break;
        n += (size_t)got;
    }
    out[n] = 0;
    return n;
}

static void tls_garbage(void **state)
{
    char text[4096];
    struct http_stats before, after;
    http_server_stats(server, &before);
    int fd = raw_connect(tls_at);
    write_text(fd, "POST /echo HTTP/1.1\r\nHost: h\r\n\r\n");
    read_all(fd, text, sizeof text);
    assert_null(strstr(text, "HTTP/1.1 "));
    close(fd);
    http_server_stats(server, &after);
    assert_int_equal(after.tls_failures, before.tls_failures + 1);
    assert_int_equal(after.requests, before.requests);
}

/* ---- the peer goes away ---- */

static void wait_count(const unsigned *what, unsigned value)
{
    pthread_mutex_lock(&seen_lock);
    while (*what < value) pthread_cond_wait(&seen_change, &seen_lock);
    pthread_mutex_unlock(&seen_lock);
}

/* A reply of unknown length waits for a peer that does not read, then comes whole. */
static void streams(void **state)
{
    int fd = raw_connect(plain_at);
    write_text(fd, "GET /stream HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    wait_count(&drains, 1);
    size_t room = (size_t)16 << 20;
    char *text = malloc(room);
    size_t n = read_all(fd, text, room);
    assert_true(n > 128 * 65536);
    assert_memory_equal(text + n - 5, "0\r\n\r\n", 5);
    free(text);
    close(fd);
}

static void reply_held(void *arg) { http_reply_simple(arg, 200, "text/plain", SLICE("late")); }

static void abort_while_pending(void **state)
{
    int fd = raw_connect(plain_at);
    struct linger now = { 1, 0 };
    unsigned before = aborted;
    write_text(fd, "POST /hold HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx");
    wait_count(&handled, 1);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd); /* a reset */
    wait_count(&aborted, before + 1);
    exec_post(http_request_exec(held), reply_held, held); /* owed all the same */
    /* Half closed: told, and the reply still arrives. */
    char text[512];
    fd = raw_connect(plain_at);
    write_text(fd, "POST /hold HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx");
    wait_count(&handled, 2);
    shutdown(fd, SHUT_WR);
    wait_count(&aborted, before + 2);
    exec_post(http_request_exec(held), reply_held, held);
    read_all(fd, text, sizeof text);
    assert_non_null(strstr(text, "\r\n\r\nlate"));
    close(fd);
}

/* covers: wsman:E12 */
static void too_large_is_answered(void **state)
{
    char text[1024];
    int fd = raw_connect(plain_at);
    write_text(fd, "POST /open HTTP/1.1\r\nHost: h\r\nContent-Length: 600000\r\n\r\n");
    char block[4096];
    memset(block, 'x', sizeof block); /* keeps sending: the answer must survive the close */
    for (int i = 0; i < 100; i++)
        if (send(fd, block, sizeof block, MSG_NOSIGNAL) < 0) break;
    shutdown(fd, SHUT_WR);
    read_all(fd, text, sizeof text);
    assert_non_null(strstr(text, "HTTP/1.1 413 "));
    close(fd);
}

/* A changed password ends the old one's life on open connections. */
static void accounts_change(void **state)
{
    struct http_session *s = session_to("127.0.0.1", port_of(plain_at), NULL);
    struct account_change bob = { .name = SLICE("bob"), .password = SLICE("one"), .cost = 1 };
    assert_int_equal(accounts_add(accounts, &bob, NULL), CIMF_OK);
    expect(s, "/echo", "bob", "one", 200);
    bob.password = SLICE("two");
    assert_int_equal(accounts_passwd(accounts, &bob, NULL), CIMF_OK);
    assert_int_equal(auth_reload(broker, NULL), CIMF_OK);
    expect(s, "/echo", "bob", "one", 401);
    expect(s, "/echo", "bob", "two", 200);
    assert_int_equal(accounts_enable(accounts, SLICE("bob"), false, NULL), CIMF_OK);
    assert_int_equal(auth_reload(broker, NULL), CIMF_OK);
    expect(s, "/echo", "bob", "two", 401);
    http_session_free(s);
}

/* ---- many ---- */

static long resident_kb(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f) {
        if (fscanf(f, "%*d %ld", &pages) != 1) pages = 0;
        fclose(f);
    }
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* As many as descriptors allow (both ends are ours), at most 10,000. The requests before and after show
 * that they block nobody; each has sent part of a head or a whole request. */
static void idle_connections(void **state)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    unsigned want = limit.rlim_cur < 20400 ? (unsigned)(limit.rlim_cur - 400) / 2 : 10000, open = 0;
    int *fds = calloc(want, sizeof *fds);
    char text[512];
    long before = resident_kb();
    for (; open < want; open++) {
        fds[open] = raw_connect(plain_at);
        if (fds[open] < 0) break;
        write_text(fds[open], "POST /open HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok");
        assert_true(recv(fds[open], text, sizeof text, 0) > 0);
    }
    long after = resident_kb();
    struct http_session *s = session_to("127.0.0.1", port_of(plain_at), NULL);
    expect(s, "/echo", "alice", "s\xc3\xa9" "cret", 200);
    struct http_stats st;
    http_server_stats(server, &st);
    assert_true(st.connections >= open);
    print_message("%u idle connections, %.2f KB each (resident, this build)\n", open,
                  open ? (double)(after - before) / open : 0);
    for (unsigned i = 0; i < open; i++) close(fds[i]);
    free(fds);
    expect(s, "/echo", "alice", "s\xc3\xa9" "cret", 200);
    http_session_free(s);
    assert_true(open >= want - 8);
}

struct hammer {
    pthread_t thread;
    unsigned failures;
};

static void *hammer_run(void *arg)
{
    struct hammer *h = arg;
    struct http_session *s = session_to("127.0.0.1", port_of(plain_at), NULL);
    for (int i = 0; i < 200; i++) {
        struct error e = ERROR_INIT;
        if (i % 50 == 49) http_session_close(s);
        if (post(s, i % 2 ? "/echo" : "/blocking", "alice", "s\xc3\xa9" "cret", SLICE("hello"), &e) != CIMF_OK ||
            http_session_reply(s)->status != 200)
            h->failures++;
    }
    http_session_free(s);
    return NULL;
}

static void many_at_once(void **state)
{
    struct hammer all[8] = { 0 };
    for (int i = 0; i < 8; i++) pthread_create(&all[i].thread, NULL, hammer_run, &all[i]);
    for (int i = 0; i < 8; i++) {
        pthread_join(all[i].thread, NULL);
        assert_int_equal(all[i].failures, 0);
    }
}

static void bad_addresses(void **state)
{
    static const char *const bad[] = { "", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000",
                                       "::1:80", ":80", "[::1]", "no.such.host.invalid:80" };
    struct error e = ERROR_INIT;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_true(http_server_listen(server, bad[i], NULL, NULL, 0, &e) != CIMF_OK);
    assert_true(http_server_listen(server, plain_at, NULL, NULL, 0, &e) != CIMF_OK); /* taken */
    assert_int_equal(e.native, EADDRINUSE);
    struct http_session *s = session_to("127.0.0.1", 1, NULL);
    assert_int_equal(post(s, "/", NULL, NULL, SLICE(""), &e), CIMF_CONNECT_FAILED);
    http_session_free(s);
}

static void places(void **state)
{
    static const char *const same[][2] = { { "2001:db8:1:2::1", "2001:db8:1:2:ffff::9" }, { "fe80::1", "fe80::ffff:1:2:3" },
                                           { "192.0.2.7", "192.0.2.7" } };
    static const char *const apart[][2] = { { "2001:db8:1:2::1", "2001:db8:1:3::1" }, { "192.0.2.7", "192.0.2.8" } };
    char a[NET_PEER_TEXT], b[NET_PEER_TEXT];
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        assert_true(slice_eq(net_address_place(same[i][0], a), net_address_place(same[i][1], b)));
    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++)
        assert_false(slice_eq(net_address_place(apart[i][0], a), net_address_place(apart[i][1], b)));
}

/* An address that no interface has yet is taken for the daemon, and not for those that look names up; one of loopback never comes. */
static void addresses_that_come(void **state)
{
    static const char *const late[] = { "192.0.2.77:0", "[2001:db8::77]:0" };
    struct sockaddr_storage at;
    struct error e = ERROR_INIT;
    char bound[NET_LOCAL_TEXT];
    bool every;
    int fd;
    for (size_t i = 0; i < sizeof late / sizeof *late; i++) {
        assert_true(net_bind(late[i], false, &fd, NULL, 0, &e) != CIMF_OK);
        if (e.native == EAFNOSUPPORT) continue;
        assert_int_equal(e.native, EADDRNOTAVAIL);
        assert_int_equal(net_address_parse(late[i], &at, &every, &e), CIMF_OK);
        assert_true(net_address_may_come(&at));
        assert_int_equal(net_bind(late[i], true, &fd, bound, sizeof bound, &e), CIMF_OK);
        assert_memory_equal(bound, late[i], strlen(late[i]) - 1);
        close(fd);
    }
    assert_int_equal(net_address_parse("127.0.0.9:0", &at, &every, &e), CIMF_OK);
    assert_false(net_address_may_come(&at));
    assert_int_equal(net_address_parse("[::1]:0", &at, &every, &e), CIMF_OK);
    assert_false(net_address_may_come(&at));
}

/* The server closed a rested connection: the session notices and connects again. */
static void session_reconnects(void **state)
{
    struct http_session *s = session_to("127.0.0.1", port_of(plain_at), NULL);
    expect(s, "/open", NULL, NULL, 200);
    shutdown(http_session_fd(s), SHUT_RDWR);
    expect(s, "/open", NULL, NULL, 200);
    http_session_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips), cmocka_unit_test(large_bodies), cmocka_unit_test(streams),
        cmocka_unit_test(tls_trust), cmocka_unit_test(tls_garbage),
        cmocka_unit_test(abort_while_pending), cmocka_unit_test(too_large_is_answered),
        cmocka_unit_test(accounts_change), cmocka_unit_test(many_at_once),
        cmocka_unit_test(bad_addresses), cmocka_unit_test(places), cmocka_unit_test(addresses_that_come), cmocka_unit_test(session_reconnects),
        cmocka_unit_test(idle_connections),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
