#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

enum { LINE_ROOM = 2048 };

static const char *const names[] = { "error", "warn", "info", "debug" };
static const char journal_priority[] = { '3', '4', '6', '7' };

static atomic_int threshold = LOG_INFO_;
static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER;
static void (*sink_fn)(enum log_level level, const char *line, void *arg);
static void *sink_arg;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&threshold, (int)level, memory_order_relaxed);
}

bool log_level_parse(struct slice s, enum log_level *level)
{
    for (int i = 0; i <= LOG_DEBUG_; i++) {
        if (slice_ieq(s, slice_str(names[i]))) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&threshold, memory_order_relaxed);
}

void log_set_sink(void (*sink)(enum log_level level, const char *line, void *arg), void *arg)
{
    pthread_mutex_lock(&sink_lock);
    sink_fn = sink;
    sink_arg = arg;
    pthread_mutex_unlock(&sink_lock);
}

/* Control characters would let what a peer sent forge lines or drive a terminal. */
static size_t escape(char *to, size_t room, const char *from)
{
    size_t n = 0;
    for (; *from; from++) {
        unsigned char c = (unsigned char)*from;
        bool plain = c >= 0x20 && c != 0x7F;
        if (n + (plain ? 1u : 4u) >= room) break;
        if (plain) {
            to[n++] = (char)c;
        } else if (c == '\n' || c == '\t' || c == '\r') {
            to[n++] = '\\';
            to[n++] = c == '\n' ? 'n' : c == '\t' ? 't' : 'r';
        } else {
            static const char hex[] = "0123456789abcdef";
            to[n++] = '\\';
            to[n++] = 'x';
            to[n++] = hex[c >> 4];
            to[n++] = hex[c & 15];
        }
    }
    to[n] = 0;
    return n;
}

static void write_stderr(enum log_level level, const char *line)
{
    char out[LINE_ROOM + 64];
    int n;
    if (getenv("JOURNAL_STREAM")) { /* systemd adds the time */
        n = snprintf(out, sizeof out, "<%c>%s\n", journal_priority[level], line);
    } else {
        struct civil c;
        civil_from_us(clock_wall_us(), &c);
        n = snprintf(out, sizeof out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ %s\n", c.year, c.month,
                     c.day, c.hour, c.minute, c.second, c.micro / 1000, line);
    }
    if (n > 0 && write(STDERR_FILENO, out, (size_t)n < sizeof out ? (size_t)n : sizeof out - 1) < 0) {
        return; /* nobody left to tell */
    }
}

void log_event(enum log_level level, const char *room, const char *format, ...)
{
    if (!log_enabled(level)) return;
    char text[LINE_ROOM], line[LINE_ROOM];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    int head = snprintf(line, sizeof line, "%s %s: ", names[level], room);
    if (head < 0 || (size_t)head >= sizeof line) head = 0;
    escape(line + head, sizeof line - (size_t)head, text);
    pthread_mutex_lock(&sink_lock);
    if (sink_fn) {
        sink_fn(level, line, sink_arg);
    } else {
        write_stderr(level, line);
    }
    pthread_mutex_unlock(&sink_lock);
}

void log_failure(const char *room, const struct error *e, const char *what)
{
    char place[32] = "";
    if (e->line) snprintf(place, sizeof place, " place=%u:%u", e->line, e->column);
    log_event(LOG_ERROR_, room, "%s: %s status=%s%s%s%s%s%s", what, error_text(e),
              cimf_status_name(e->status), e->room ? " from=" : "", e->room ? e->room : "",
              e->subject[0] ? " subject=" : "", e->subject, place);
}
