/*
 * client/settings.h - what this machine and its user let clients do: two INI files over the defaults of
 * config.def, then the options of the call. What the system's file locks stays as it says.
 */
#ifndef CLIENT_SETTINGS_H
#define CLIENT_SETTINGS_H

#include "base/arena.h"
#include "base/buf.h"

enum client_setting {
#define CLIENT_SETTING(section, key, kind, def, min, max, text) CLIENT_##section##_##key,
#include "client/config.def"
#undef CLIENT_SETTING
    CLIENT_SETTINGS
};

#define CLIENT_SYSTEM_FILE "/etc/cimfony/client.ini"

struct client_setting_value {
    const char *text;        /* never NULL */
    uint64_t number;         /* BOOL and NUMBER */
    const char *source;      /* "default", a path, "--trusted-hosts" */
    const char *ignored;     /* a file that says something else and may not; NULL: none */
};

struct client_settings {
    struct arena arena;
    struct client_setting_value at[CLIENT_SETTINGS];
    bool locked[CLIENT_SETTINGS];
    const char *locked_by;   /* the system's file, when it locks something */
};

/* Defaults, then the files that exist; NULL leaves one out. CIMF_INVALID_PARAMETER: file:line and what is wrong
 * there; CIMF_ACCESS_DENIED: a file that may not be read. On failure too client_settings_free is due. */
cimf_status client_settings_read(struct client_settings *s, const char *system_file, const char *user_file,
                                 struct error *e);
/* The user's file, "" when there is no home: $XDG_CONFIG_HOME/cimfony/client.ini, or below ~/.config. */
struct slice client_settings_user_file(struct arena *a);
/* An option that wins over the files. CIMF_ACCESS_DENIED: it is locked, and by whom. */
cimf_status client_settings_option(struct client_settings *s, enum client_setting k, const char *value,
                                   const char *option, struct error *e);
void client_settings_free(struct client_settings *s);

static inline bool client_setting_on(const struct client_settings *s, enum client_setting k)
{
    return s->at[k].number != 0;
}
const char *client_setting_name(enum client_setting k); /* "auth.basic" */
const char *client_setting_text(enum client_setting k); /* what it means */

/* TrustedHosts (MS-WSMV 2.2.4.6): is the list of its form, and is the host on it? Without case. */
bool client_hosts_valid(struct slice list);
bool client_hosts_match(struct slice list, struct slice host);

#endif
