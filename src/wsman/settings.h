/*
 * wsman/settings.h - the settings behind the configuration resources (MS-WSMV 2.2.4.10 and following),
 * as the protocol sees them: texts by name. Whoever owns the configuration (the daemon) implements it.
 */
#ifndef WSMAN_SETTINGS_H
#define WSMAN_SETTINGS_H

#include "auth/principal.h"
#include "base/arena.h"
#include "base/exec.h"
#include "base/status.h"

struct wsman_setting {
    const char *key;    /* "section.key" */
    struct slice value;
};

typedef void wsman_settings_done(void *arg, cimf_status status, const struct error *e);

struct wsman_settings {
    /* The text in force, in the arena. *locked: policy has set it, changes at run time do not touch it.
     * false: there is no such setting (or no memory). Any thread. */
    bool (*get)(struct wsman_settings *s, const char *key, struct arena *a, struct slice *value,
                bool *locked);
    /* All of them or none: checked, stored durably, in force for the next request of every connection when
     * done is called (on home). CIMF_ACCESS_DENIED: locked; CIMF_WSMAN_SCHEMA_VALIDATION: not a value of this
     * setting. Everything given stays valid until done. */
    void (*set)(struct wsman_settings *s, const struct principal *by,
                const struct wsman_setting *changes, unsigned count, struct exec *home,
                wsman_settings_done *done, void *arg);
};

#endif
