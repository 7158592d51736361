#include "auth/audit.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/audit_priv.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/utf.h"

enum { VALUE_MAX = 1024, LINE_MAX_ = 32768 };

static const struct {
    const char *name, *sentence;
    bool warn;
} events[] = {
    [AUDIT_LOGIN] = { "login", "logged in", false },
    [AUDIT_LOGIN_FAILED] = { "login_failed", "login refused", true },
    [AUDIT_GRANTED] = { "granted", "access granted", false },
    [AUDIT_DENIED] = { "denied", "access denied", true },
    [AUDIT_DESCRIPTOR_CHANGED] = { "descriptor_changed", "security descriptor changed", false },
    [AUDIT_ACCOUNT_CHANGED] = { "account_changed", "account changed", false },
    [AUDIT_CONFIG_CHANGED] = { "config_changed", "configuration changed", false },
    [AUDIT_HOST_STARTED] = { "host_started", "host started", false },
    [AUDIT_BACKUP] = { "backup", "backup of the repository", false },
    [AUDIT_RESTORE] = { "restore", "restore of the repository", false },
    [AUDIT_PAUSE] = { "pause", "pause of the repository", false },
    [AUDIT_RESUME] = { "resume", "resumption of the repository", false },
};
enum { EVENTS = sizeof events / sizeof events[0] };

static const char *scheme_name(enum auth_scheme s)
{
    switch (s) {
    case AUTH_BASIC: return "Basic";
    case AUTH_DIGEST: return "Digest";
    case AUTH_NTLM: return "NTLM";
    case AUTH_KERBEROS: return "Kerberos";
    case AUTH_CREDSSP: return "CredSSP";
    case AUTH_CERTIFICATE: return "Certificate";
    case AUTH_LOCAL: return "local";
    case AUTH_NONE: break;
    }
    return "none";
}

bool audit_fields(const struct audit_record *r, audit_visit *visit, void *arg)
{
    char number[16];
    const struct principal *p = r->principal;
    const char *scheme = r->scheme ? r->scheme : p ? scheme_name(p->scheme) : NULL;
    unsigned event = (unsigned)r->event < EVENTS ? (unsigned)r->event : AUDIT_DENIED;
    bool ok = visit(arg, "event", slice_str(events[event].name), false) &&
              visit(arg, "status", slice_str(cimf_status_name(r->status)), false);
    if (p) {
        ok = ok && visit(arg, "name", p->name, true) && visit(arg, "sid", slice_str(p->sid), false);
        if (p->domain.n) ok = ok && visit(arg, "domain", p->domain, true);
    }
    if (r->user.n) ok = ok && visit(arg, "user", r->user, true);
    if (r->peer.n) ok = ok && visit(arg, "peer", r->peer, true);
    if (scheme) ok = ok && visit(arg, "scheme", slice_str(scheme), true);
    if (r->event == AUDIT_LOGIN || r->event == AUDIT_LOGIN_FAILED)
        ok = ok && visit(arg, "bound", r->bound ? SLICE("yes") : SLICE("no"), false);
    if (r->object.n) ok = ok && visit(arg, "object", r->object, true);
    if (r->wanted) {
        snprintf(number, sizeof number, "0x%08x", r->wanted);
        ok = ok && visit(arg, "wanted", slice_str(number), false);
        snprintf(number, sizeof number, "0x%08x", r->granted);
        ok = ok && visit(arg, "granted", slice_str(number), false);
    }
    if (r->detail.n) ok = ok && visit(arg, "detail", r->detail, true);
    if (r->left_out) {
        snprintf(number, sizeof number, "%u", r->left_out);
        ok = ok && visit(arg, "left_out", slice_str(number), false);
    }
    return ok;
}

/* What could end a line, drive a terminal, or turn a text around. */
static bool plain(uint32_t c)
{
    if (c < 0x20 || (c >= 0x7f && c < 0xa0)) return false;
    if (c == 0x2028 || c == 0x2029 || c == 0x61c || c == 0xfeff) return false;
    if ((c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f)) return false;
    return !(c >= 0xe0000 && c <= 0xe007f) && (c & 0xfffe) != 0xfffe;
}

/* "..." with \" \\ \n \xNN (of a byte that is not UTF-8) \u{...} ; cut after VALUE_MAX bytes with a mark behind the
 * closing quote. */
static bool quote(struct buf *out, struct slice s)
{
    bool cut = s.n > VALUE_MAX;
    const char *p = s.p, *end = s.p + (cut ? VALUE_MAX : s.n);
    buf_byte(out, '"');
    while (p < end) {
        const char *from = p;
        bool valid = true;
        uint32_t c = utf8_next(&p, end, false, &valid);
        if (!valid) buf_printf(out, "\\x%02x", (unsigned char)*from);
        else if (c == '"' || c == '\\') buf_printf(out, "\\%c", (int)c);
        else if (c == '\n') buf_lit(out, "\\n");
        else if (plain(c)) buf_add(out, from, (size_t)(p - from));
        else buf_printf(out, "\\u{%x}", c);
    }
    return buf_str(out, cut ? "\"..." : "\"");
}

static bool line_field(void *arg, const char *key, struct slice value, bool quoted)
{
    struct buf *out = arg;
    buf_byte(out, ' ');
    buf_str(out, key);
    buf_byte(out, '=');
    return quoted ? quote(out, value) : buf_slice_add(out, value);
}

bool audit_format(const struct audit_record *r, struct buf *out)
{
    struct civil c;
    civil_from_us(clock_wall_us(), &c);
    buf_printf(out, "time=%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", c.year, c.month, c.day, c.hour, c.minute, c.second,
               c.micro);
    return audit_fields(r, line_field, out) && buf_ok(out);
}

static bool entry_field(void *arg, const char *key, struct slice value, bool quoted)
{
    char name[32] = "CIMFONY_";
    size_t n = strlen(name);
    for (; *key && n < sizeof name - 1; key++) name[n++] = (char)(*key >= 'a' && *key <= 'z' ? *key - 32 : *key);
    name[n] = 0;
    return journal_field(arg, name, slice_head(value, VALUE_MAX));
}

/* MESSAGE is the line, escaped; the fields are as they came: the journal stores any bytes. */
static bool to_journal(int fd, const struct audit_record *r, const char *line)
{
    struct buf entry;
    buf_init(&entry, LINE_MAX_ * 2);
    unsigned event = (unsigned)r->event < EVENTS ? (unsigned)r->event : AUDIT_DENIED;
    const char *fields = strchr(line, ' ');
    buf_printf(&entry, "MESSAGE=%s:%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=cimd\nSYSLOG_FACILITY=10\n",
               events[event].sentence, fields ? fields : "", events[event].warn ? 4 : 5);
    bool ok = audit_fields(r, entry_field, &entry) && buf_ok(&entry) && journal_send(fd, buf_slice(&entry));
    buf_free(&entry);
    return ok;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of opening against writing */
static int file = -1, journal = -1;
static bool file_failed, file_socket; /* socket: audit_relay is at its other end */

void audit_attach_at(int fd, const char *path)
{
    pthread_mutex_lock(&lock);
    if (file >= 0) close(file);
    if (journal >= 0) close(journal);
    file = fd;
    file_failed = false;
    int type;
    socklen_t n = sizeof type;
    file_socket = fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0;
    journal = journal_open(path ? path : "/run/systemd/journal/socket");
    pthread_mutex_unlock(&lock);
}

void audit_attach(int fd) { audit_attach_at(fd, NULL); }

/* One write a line, at the end of the file: lines of several processes don't mix. */
static bool to_file(int fd, struct buf *line)
{
    ssize_t n;
    if (!buf_byte(line, '\n')) return false;
    do n = file_socket ? send(fd, line->p, line->n, MSG_NOSIGNAL) : write(fd, line->p, line->n);
    while (n < 0 && errno == EINTR);
    buf_cut(line, line->n - 1);
    return n == (ssize_t)line->n + 1;
}

bool audit_line_ok(struct slice line)
{
    static const enum audit_event theirs[] = { AUDIT_GRANTED, AUDIT_DENIED, AUDIT_DESCRIPTOR_CHANGED, AUDIT_CONFIG_CHANGED,
                                               AUDIT_BACKUP, AUDIT_RESTORE, AUDIT_PAUSE, AUDIT_RESUME };
    struct slice rest;
    if (!slice_starts(line, SLICE("time=")) || !line.n || line.p[line.n - 1] != '\n') return false;
    for (size_t i = 0; i + 1 < line.n; i++)
        if ((unsigned char)line.p[i] < 0x20 || line.p[i] == 0x7f) return false;
    slice_split(line, ' ', &rest);
    struct slice event = slice_split(rest, ' ', &rest);
    if (!slice_starts(event, SLICE("event="))) return false;
    event = slice_sub(event, 6);
    for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++)
        if (slice_is(event, events[theirs[i]].name)) return true;
    return false;
}

void audit_relay(int fd)
{
    struct buf line;
    bool told = false;
    buf_init(&line, LINE_MAX_ + 1);
    for (;;) {
        buf_clear(&line);
        char *room = buf_reserve(&line, LINE_MAX_);
        ssize_t n = room ? recv(fd, room, LINE_MAX_, MSG_TRUNC) : 0;
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        if (n > LINE_MAX_ || !audit_line_ok(slice_of(room, (size_t)n))) {
            if (!told) log_error("audit", "another process sends what is no record of it");
            told = true;
            continue;
        }
        buf_added(&line, (size_t)n - 1); /* the line end is added again */
        pthread_mutex_lock(&lock);
        if (file >= 0 && !to_file(file, &line) && !file_failed) {
            log_error("audit", "the audit file cannot be written: %s", strerror(errno));
            file_failed = true;
        }
        pthread_mutex_unlock(&lock);
    }
    buf_free(&line);
}

bool audit_budget_take(struct audit_budget *b, int64_t now_us)
{
    const int64_t one = 1000000, most = AUDIT_FAILURES * one;
    int64_t passed = now_us - b->then;
    b->left = !b->then || passed > most / AUDIT_FAILURES_S ? most : b->left + passed * AUDIT_FAILURES_S;
    if (b->left > most) b->left = most;
    b->then = now_us;
    if (b->left < one) {
        if (b->left_out < UINT32_MAX) b->left_out++;
        return false;
    }
    b->left -= one;
    return true;
}

static void write_record(const struct audit_record *r);

void audit_write(const struct audit_record *r)
{
    static struct audit_budget budget; /* under the lock */
    struct audit_record own = *r;
    bool take = true;
    if (r->event == AUDIT_LOGIN_FAILED) {
        pthread_mutex_lock(&lock);
        take = audit_budget_take(&budget, clock_mono_us());
        own.left_out = take ? budget.left_out : 0;
        if (take) budget.left_out = 0;
        pthread_mutex_unlock(&lock);
    }
    if (take) write_record(&own);
}

static void write_record(const struct audit_record *r)
{
    struct buf line;
    buf_init(&line, LINE_MAX_);
    unsigned event = (unsigned)r->event < EVENTS ? (unsigned)r->event : AUDIT_DENIED;
    if (!audit_format(r, &line) || !buf_strz(&line)) {
        log_error("audit", "a record is lost: no memory");
        buf_free(&line);
        return;
    }
    pthread_mutex_lock(&lock);
    bool told = journal >= 0 && to_journal(journal, r, line.p);
    if (file >= 0 && !to_file(file, &line)) {
        if (!file_failed) log_error("audit", "the audit file cannot be written: %s", strerror(errno));
        file_failed = true;
    } else {
        file_failed = false;
    }
    pthread_mutex_unlock(&lock);
    const char *fields = buf_strz(&line) ? strchr(line.p, ' ') : NULL;
    if (!told)
        log_event(events[event].warn ? LOG_WARN_ : LOG_INFO_, "audit", "%s%s", events[event].sentence,
                  fields ? fields : "");
    buf_free(&line);
}
