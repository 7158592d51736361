/*
 * cimfony/settings.h - what this machine and its user let clients do.
 *
 * Two INI files, which need not exist: /etc/cimfony/client.ini, then the user's cimfony/client.ini below
 * $XDG_CONFIG_HOME or ~/.config; then the options of a session. Section [policy] of the former may lock settings:
 * `locked = client.trusted_hosts, auth.basic`. Those are not changed by the user's file nor by options.
 */
#ifndef CIMFONY_SETTINGS_H
#define CIMFONY_SETTINGS_H

#include <cimfony/session.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cimf_settings cimf_settings;

/* All texts live as long as the settings. */
typedef struct cimf_setting {
    cimf_str name;    /* "client.trusted_hosts": section and key */
    cimf_str value;
    cimf_str source;  /* "default", the path of a file, or the option */
    cimf_str text;    /* what it means */
    cimf_str ignored; /* a file whose value does not count because the setting is locked; "" if none */
    bool locked;
} cimf_setting;

/* options may be NULL. CIMF_INVALID_PARAMETER: a file has a mistake, which the error names with its line;
 * CIMF_ACCESS_DENIED: a file may not be read, or an option wants to change what is locked. */
CIMF_API cimf_status cimf_settings_open(const cimf_session_options *options, cimf_settings **out, cimf_error *e);
CIMF_API void cimf_settings_free(cimf_settings *s);
CIMF_API size_t cimf_settings_count(const cimf_settings *s);
/* i below the count. */
CIMF_API void cimf_settings_at(const cimf_settings *s, size_t i, cimf_setting *out);

#ifdef __cplusplus
}
#endif
#endif
