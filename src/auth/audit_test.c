/* Audit records: one line each, whatever a peer wrote; file and journal. */
#include "base/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "auth/audit_priv.h"
#include "base/log.h"
#include "os/file.h"

static struct slice format(struct buf *b, const struct audit_record *r)
{
    buf_clear(b);
    assert_true(audit_format(r, b));
    return slice_sub(buf_slice(b), slice_find(buf_slice(b), ' ') + 1); /* without the time */
}

static void lines(void **state)
{
    struct buf b;
    buf_init(&b, 0);
    struct principal p = { .name = SLICE("alice"), .domain = SLICE("EXAMPLE.COM"), .scheme = AUTH_KERBEROS, .sid = "S-1-5-21-1-2-3-1000",
                           .id = "8b5f3c5e-0000-4000-8000-000000000000" };
    struct audit_record r = { .event = AUDIT_DENIED, .principal = &p, .peer = SLICE("::1"), .object = SLICE("root/cimv2"),
                              .wanted = 0x21, .granted = 1, .status = CIMF_ACCESS_DENIED };
    assert_slice(format(&b, &r), "event=denied status=ACCESS_DENIED name=\"alice\" sid=S-1-5-21-1-2-3-1000 domain=\"EXAMPLE.COM\" "
                                 "peer=\"::1\" scheme=\"Kerberos\" object=\"root/cimv2\" wanted=0x00000021 granted=0x00000001");
    /* The id of a login is what the supervisor starts hosts for: in no record. */
    assert_null(memmem(b.p, b.n, "8b5f3c5e", 8));
    struct audit_record login = { .event = AUDIT_LOGIN_FAILED, .user = SLICE("EX\\bob \"x\"\n\xff\x1b[1m\xe2\x80\xae\xc2\x85\xc3\xa4"),
                                  .scheme = "NTLM", .status = CIMF_NOT_AUTHENTICATED, .bound = true };
    assert_slice(format(&b, &login), "event=login_failed status=NOT_AUTHENTICATED user=\"EX\\\\bob \\\"x\\\"\\n\\xff\\u{1b}[1m\\u{202e}\\u{85}"
                                     "\xc3\xa4\" scheme=\"NTLM\" bound=yes");
    assert_memory_equal(b.p, "time=2", 6);
    char big[5000];
    memset(big, 'x', sizeof big);
    login.user = slice_of(big, sizeof big);
    struct slice line = format(&b, &login);
    assert_in_range(line.n, 1024, 1200);
    assert_non_null(memmem(line.p, line.n, "x\"... scheme", 12));
    buf_free(&b);
}

/* Random bytes: one line of printable text whose quotes pair up, so that no field can be forged. */
static void property(void **state)
{
    struct buf b;
    char raw[300];
    uint32_t seed = 12345;
    buf_init(&b, 0);
    for (int round = 0; round < 20000; round++) {
        size_t n = (seed >> 8) % sizeof raw;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525 + 1013904223;
            raw[i] = (char)(round % 3 == 0 ? "\"\\\n= \xe2\x80\xa8x"[(seed >> 16) % 9] : (int)(seed >> 24));
        }
        struct audit_record r = { .event = AUDIT_LOGIN_FAILED, .user = slice_of(raw, n), .peer = slice_of(raw, n / 2),
                                  .detail = slice_of(raw, n / 3), .status = CIMF_NOT_AUTHENTICATED };
        struct slice line = format(&b, &r);
        bool quoted = false;
        unsigned pairs = 0;
        for (size_t i = 0; i < line.n; i++) {
            unsigned char c = (unsigned char)line.p[i];
            if (c < 0x20 || c == 0x7f) fail_msg("control character %u", c);
            if (quoted && c == '\\') i++;
            else if (c == '"') quoted = !quoted;
            else if (!quoted) pairs += c == '=';
        }
        assert_false(quoted);
        assert_int_equal(pairs, 3u + (n > 0) + (n / 2 > 0) + (n / 3 > 0));
        seed++;
    }
    buf_free(&b);
}

static int logged;
static void sink(enum log_level level, const char *line, void *arg)
{
    logged++;
    assert_null(strchr(line, '\n'));
}

static void destinations(void **state)
{
    char folder[] = "/tmp/cimfony-audit-XXXXXX", name[64], journal[64], text[4096];
    assert_non_null(mkdtemp(folder));
    snprintf(name, sizeof name, "%s/audit.log", folder);
    snprintf(journal, sizeof journal, "%s/journal", folder);
    struct audit_record r = { .event = AUDIT_LOGIN_FAILED, .user = SLICE("a\nEVIL=1"), .status = CIMF_NOT_AUTHENTICATED, .scheme = "Basic" };
    log_set_sink(sink, NULL);
    audit_attach_at(-1, journal); /* nobody listens */
    audit_write(&r);
    assert_int_equal(logged, 1);

    struct sockaddr_un at = { .sun_family = AF_UNIX };
    snprintf(at.sun_path, sizeof at.sun_path, "%s", journal);
    int listener = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    audit_attach_at(open(name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600), journal);
    audit_write(&r);
    audit_write(&r);
    assert_int_equal(logged, 1);
    ssize_t n = recv(listener, text, sizeof text, 0);
    assert_true(n > 0);
    static const char length[] = "CIMFONY_USER\n\x08\0\0\0\0\0\0\0a\nEVIL=1\n";
    assert_non_null(memmem(text, (size_t)n, length, sizeof length - 1));
    assert_non_null(memmem(text, (size_t)n, "CIMFONY_EVENT=login_failed\n", 27));
    assert_non_null(memmem(text, (size_t)n, "MESSAGE=login refused: event=login_failed", 41));
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    n = read(fd, text, sizeof text);
    close(fd);
    unsigned count = 0;
    for (ssize_t i = 0; i < n; i++) count += text[i] == '\n';
    assert_int_equal(count, 2);
    assert_int_equal(text[n - 1], '\n');

    close(listener); /* the journal goes away: the log takes over, the caller notices nothing */
    audit_write(&r);
    assert_int_equal(logged, 2);
    audit_attach_at(-1, journal);
    log_set_sink(NULL, NULL);
    snprintf(text, sizeof text, "rm -r %s", folder);
    assert_int_equal(system(text), 0);
}

static void budget(void **state)
{
    struct audit_budget b = { 0 };
    const int64_t start = 5000000;
    unsigned taken = 0;
    for (int i = 0; i < 1000; i++) taken += audit_budget_take(&b, start);
    assert_int_equal(taken, AUDIT_FAILURES);
    assert_int_equal(b.left_out, 1000 - AUDIT_FAILURES);
    for (int i = 1; i <= 1000; i++) taken += audit_budget_take(&b, start + i * 1000); /* one second of a flood */
    assert_int_equal(taken, AUDIT_FAILURES + AUDIT_FAILURES_S);
    taken = 0;
    for (int i = 0; i < 1000; i++) taken += audit_budget_take(&b, INT64_MAX); /* a long rest gives no more than at the start */
    assert_int_equal(taken, AUDIT_FAILURES);
}

/* Refused logins by the thousand don't fill the disk; what is left out is counted; others are not held up. */
static void flood(void **state)
{
    char name[] = "/tmp/cimfony-audit-XXXXXX";
    struct audit_record bad = { .event = AUDIT_LOGIN_FAILED, .user = SLICE("x"), .status = CIMF_NOT_AUTHENTICATED };
    struct audit_record other = { .event = AUDIT_CONFIG_CHANGED, .object = SLICE("auth.basic") };
    struct buf b;
    audit_attach_at(mkstemp(name), "/nonexistent");
    log_set_sink(sink, NULL);
    for (int i = 0; i < 20000; i++) audit_write(&bad);
    audit_write(&other);
    log_set_sink(NULL, NULL);
    audit_attach_at(-1, "/nonexistent");
    buf_init(&b, 0);
    assert_int_equal(file_read_buf(&b, name, NULL), CIMF_OK);
    unlink(name);
    size_t lines = 0;
    for (size_t i = 0; i < b.n; i++) lines += b.p[i] == '\n';
    assert_true(lines > 1 && lines < 10000); /* a slow machine earns some more */
    assert_non_null(strstr(buf_strz(&b), "event=config_changed"));
    bad.left_out = 7;
    assert_non_null(memmem(format(&b, &bad).p, b.n, " left_out=7", 11));
    buf_free(&b);
}

static void *relay(void *arg)
{
    audit_relay(*(int *)arg);
    return NULL;
}

/* Another process adds records of what it decides, and nothing else; it has no way to the file. */
static void relayed(void **state)
{
    static const char *const lines[] = {
        "time=1 event=denied status=ACCESS_DENIED\n", "time=2 event=login status=OK name=\"root\"\n", "time=3 event=denied\ntime=4 event=login\n",
        "time=5 event=denied", "event=denied\n", "", "\n", "time=6\n", "time=7 event=account_changed\n", "time=8 event=denied \033[2J\n",
        "time=9 event=config_changed object=\"x\"\n",
    };
    char name[] = "/tmp/cimfony-audit-XXXXXX";
    struct audit_record own = { .event = AUDIT_ACCOUNT_CHANGED, .user = SLICE("own") };
    struct buf b;
    int pair[2];
    pthread_t thread;
    audit_attach_at(mkstemp(name), "/nonexistent");
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    log_set_sink(sink, NULL);
    assert_int_equal(pthread_create(&thread, NULL, relay, &pair[1]), 0);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (*lines[i]) assert_true(send(pair[0], lines[i], strlen(lines[i]), MSG_NOSIGNAL) > 0);
    char big[40000];
    memset(big, 'x', sizeof big);
    memcpy(big, "time=1 event=denied ", 20);
    big[sizeof big - 1] = '\n';
    assert_true(send(pair[0], big, sizeof big, MSG_NOSIGNAL) > 0);
    close(pair[0]);
    pthread_join(thread, NULL);
    close(pair[1]);
    audit_write(&own);
    log_set_sink(NULL, NULL);
    buf_init(&b, 0);
    assert_int_equal(file_read_buf(&b, name, NULL), CIMF_OK);
    unlink(name);
    static const char want[] = "time=1 event=denied status=ACCESS_DENIED\ntime=9 event=config_changed object=\"x\"\ntime=20";
    assert_true(b.n > sizeof want && memcmp(b.p, want, sizeof want - 1) == 0);
    /* What audit_write makes is taken at the other end. */
    buf_clear(&b);
    struct audit_record r = { .event = AUDIT_DENIED, .object = SLICE("a\nb"), .user = SLICE("\xff\x01"), .status = CIMF_ACCESS_DENIED };
    assert_true(audit_format(&r, &b) && buf_byte(&b, '\n') && audit_line_ok(buf_slice(&b)));
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    audit_attach_at(pair[0], "/nonexistent");
    log_set_sink(sink, NULL);
    audit_write(&r);
    ssize_t n = recv(pair[1], big, sizeof big, 0);
    assert_true(n > 0 && audit_line_ok(slice_of(big, (size_t)n)));
    close(pair[1]); /* nobody is there any more: no signal */
    audit_write(&r);
    log_set_sink(NULL, NULL);
    audit_attach_at(-1, "/nonexistent");
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(lines), cmocka_unit_test(property), cmocka_unit_test(destinations),
                                        cmocka_unit_test(budget), cmocka_unit_test(flood), cmocka_unit_test(relayed) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
