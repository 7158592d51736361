/*
 * wsman/mount.h - the server on net/http.h: routes, timers, replies.
 *
 * Order of life: wsman_mount_new with a running loop; its routes into http_server_config; at the end
 * http_server_stop, wsman_mount_stop while the loops run, stop the loops, wsman_mount_free.
 */
#ifndef WSMAN_MOUNT_H
#define WSMAN_MOUNT_H

#include "net/http.h"
#include "wsman/server.h"

struct wsman_mount;

/* config.arm_sweep and arm_arg are set here; sweeping runs on `loop`. */
cimf_status wsman_mount_new(const struct wsman_server_config *config, struct loop *loop,
                            struct wsman_mount **out, struct error *e);
struct wsman_server *wsman_mount_server(struct wsman_mount *m);

/* "/wsman" (authenticated, or Identify with the header WSMANIDENTIFY: unauthenticated) and
 * "/wsman-anon/identify" as Openwsman has it. Fills two routes; they point to the mount. */
#define WSMAN_ROUTES 2
void wsman_mount_routes(struct wsman_mount *m, struct http_route routes[WSMAN_ROUTES]);

/* Ends the enumerations and the sweeping; on no loop thread; the loops still run. */
void wsman_mount_stop(struct wsman_mount *m);
void wsman_mount_free(struct wsman_mount *m);

#endif
