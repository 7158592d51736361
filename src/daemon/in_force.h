/*
 * daemon/in_force.h - from the configuration to what the protocols take: once at the start, and again when a setting
 * changes while the daemon runs.
 */
#ifndef DAEMON_IN_FORCE_H
#define DAEMON_IN_FORCE_H

#include "daemon/config.h"
#include "net/http.h"
#include "wsman/server.h"

/* Limits and the profiles that Identify lists. */
void in_force_wsman(const struct config *c, struct wsman_server_config *out);
void in_force_limits(const struct config *c, struct http_limits *out);
/* Which logins are offered. realm lives as long as `keep`. */
struct http_auth_policy in_force_http(const struct config *c, struct credssp_server *credssp, struct slice more_bindings,
                                      const struct config *keep);

#endif
