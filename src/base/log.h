/*
 * base/log.h - log events: a level, a room, a sentence, and key=value fields. One line each on standard
 * error (or the journal); values are escaped. Never logs secrets: callers see to that.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/status.h"

enum log_level { LOG_ERROR_, LOG_WARN_, LOG_INFO_, LOG_DEBUG_ };

void log_set_level(enum log_level level);
bool log_level_parse(struct slice s, enum log_level *level);
bool log_enabled(enum log_level level);
/* Receives each finished line (no newline). NULL restores standard error. */
void log_set_sink(void (*sink)(enum log_level level, const char *line, void *arg), void *arg);
void log_event(enum log_level level, const char *room, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#define log_error(room, ...) log_event(LOG_ERROR_, room, __VA_ARGS__)
#define log_warn(room, ...) log_event(LOG_WARN_, room, __VA_ARGS__)
#define log_info(room, ...) log_event(LOG_INFO_, room, __VA_ARGS__)
#define log_debug(room, ...)                                                                       \
    do {                                                                                           \
        if (log_enabled(LOG_DEBUG_)) log_event(LOG_DEBUG_, room, __VA_ARGS__);                     \
    } while (0)
void log_failure(const char *room, const struct error *e, const char *what);

#endif
