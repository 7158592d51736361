/*
 * daemon/settings.h - the configuration while the daemon runs: what the file says, changes of the
 * configuration resources over it (durable in the repository), and [policy] locked, which no change passes.
 */
#ifndef DAEMON_SETTINGS_H
#define DAEMON_SETTINGS_H

#include "daemon/config.h"
#include "repo/repo.h"
#include "wsman/settings.h"

struct settings;
/* After each change, with the configuration now in force; valid during the call. On the repository's writer thread. */
typedef void settings_apply(void *arg, struct config *now);

/* Reads the changes of earlier runs; ones that do not fit any more are logged and left out. config, repo: outlive
 * it. */
cimf_status settings_new(const struct config *config, struct repo *repo, struct settings **out,
                         struct error *e);
void settings_free(struct settings *s);
/* The repository was replaced: what its changes make of the configuration is in force. Not while a change comes. */
cimf_status settings_reload(struct settings *s, struct error *e);
/* What is in force, to start from: only before the first change can come. */
const struct config *settings_now(const struct settings *s);
void settings_on_change(struct settings *s, settings_apply *apply, void *arg);
/* For the protocol. */
struct wsman_settings *settings_wsman(struct settings *s);

#endif
