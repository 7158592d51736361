/*
 * wsman/authorize.h - who may come through WS-Management at all (MS-WSMV 3.1.4.1.28): RootSDDL, and the
 * descriptors of single resources (2.2.4.30, 3.1.4.1.29.4), which are preferred to it. What a caller may do
 * with a class then is the object manager's to say.
 *
 * Any thread. A check works with what was in force when it began; changes count from the next request on,
 * also on open connections.
 */
#ifndef WSMAN_AUTHORIZE_H
#define WSMAN_AUTHORIZE_H

#include "auth/sd.h"
#include "auth/principal.h"
#include "base/status.h"

struct wsman_authorize;

/* root is copied; NULL: Windows' default, administrators only. The resources of the configuration begin
 * with a descriptor for administrators only. */
cimf_status wsman_authorize_new(const struct sd *root, struct wsman_authorize **out, struct error *e);
void wsman_authorize_free(struct wsman_authorize *w); /* NULL allowed; no check is under way */
cimf_status wsman_authorize_set_root(struct wsman_authorize *w, const struct sd *root, struct error *e);

/* A row of ResourceSecurity (cfg:Security). */
struct wsman_resource_security {
    struct slice uri;     /* key; compared without case */
    struct slice sddl;
    bool exact;           /* ExactMatch: this URI alone, else all that begin with it */
};
enum { WSMAN_RESOURCES_MAX = 1000 };
/* Reads the SDDL: CIMF_INVALID_SYNTAX and the like (auth/sddl.h); a descriptor without DACL is refused with
 * CIMF_INVALID_PARAMETER, as it would let in everybody. CIMF_ALREADY_EXISTS unless replace,
 * CIMF_QUOTA_VIOLATION past WSMAN_RESOURCES_MAX. */
cimf_status wsman_authorize_add(struct wsman_authorize *w, const struct wsman_resource_security *r,
                                bool replace, struct error *e);
/* CIMF_NOT_FOUND. */
cimf_status wsman_authorize_remove(struct wsman_authorize *w, struct slice uri, struct error *e);
/* One row by its key (in the arena): CIMF_NOT_FOUND. */
struct arena;
cimf_status wsman_authorize_find(struct wsman_authorize *w, struct slice uri, struct arena *a,
                                 struct wsman_resource_security *out);
/* All rows, sorted by URI, in the arena. */
cimf_status wsman_authorize_list(struct wsman_authorize *w, struct arena *a,
                                 struct wsman_resource_security **out, size_t *count);
/* Called after each change by add and remove, by the thread that made it, so that it may be stored. */
void wsman_authorize_on_change(struct wsman_authorize *w, void (*changed)(void *arg), void *arg);

/* The generic right that an action needs on a resource: GR, GW or GX; shells always GX. */
uint32_t wsman_action_right(struct slice action, struct slice uri);
/* CIMF_OK or CIMF_ACCESS_DENIED (recorded). Looks at the descriptor of the resource (an exact one, else the
 * longest that the URI begins with, else RootSDDL) and at what a certificate's mapping covers. */
cimf_status wsman_authorize_check(struct wsman_authorize *w, const struct principal *p, struct slice action,
                                  struct slice uri, struct slice peer, struct error *e);

#endif
