/*
 * wsman/rows.h - the configuration resources that are tables (MS-WSMV 3.1.4.1.29.3 to .5): certificate mappings,
 * descriptors of resources, listeners. Rows are texts in the order of the enums below; a request names one by its key
 * fields. Whoever owns a table (the daemon) implements struct wsman_rows.
 */
#ifndef WSMAN_ROWS_H
#define WSMAN_ROWS_H

#include "auth/principal.h"
#include "base/arena.h"
#include "base/exec.h"
#include "base/status.h"

enum wsman_table { WSMAN_TABLE_CERTMAPPING, WSMAN_TABLE_SECURITY, WSMAN_TABLE_LISTENER, WSMAN_TABLES };

enum { WSMAN_MAPPING_URI, WSMAN_MAPPING_SUBJECT, WSMAN_MAPPING_ISSUER, WSMAN_MAPPING_USER, WSMAN_MAPPING_ENABLED,
       WSMAN_MAPPING_PASSWORD /* taken and forgotten: never in a row */ };
enum { WSMAN_SECURITY_URI, WSMAN_SECURITY_SDDL, WSMAN_SECURITY_EXACT };
enum { WSMAN_LISTENER_ADDRESS, WSMAN_LISTENER_TRANSPORT, WSMAN_LISTENER_PORT, WSMAN_LISTENER_HOSTNAME,
       WSMAN_LISTENER_ENABLED, WSMAN_LISTENER_PREFIX, WSMAN_LISTENER_THUMBPRINT,
       WSMAN_LISTENER_ON /* addresses, blanks between */ };
#define WSMAN_ROW_FIELDS 8

/* p NULL: not given, not there. Booleans are "true" and "false". */
struct wsman_row {
    struct slice field[WSMAN_ROW_FIELDS];
};

enum wsman_row_change { WSMAN_ROW_CREATE, WSMAN_ROW_PUT, WSMAN_ROW_DELETE };

/* rows in the arena that list was given. On home. */
typedef void wsman_rows_listed(void *arg, cimf_status status, const struct wsman_row *rows, size_t count,
                               const struct error *e);
typedef void wsman_rows_changed(void *arg, cimf_status status, const struct error *e);

struct wsman_rows {
    /* Those whose key fields are key's (NULL: all), in a steady order. None is no error. done maybe inside. Everything
     * given stays valid until done; so with change. */
    void (*list)(struct wsman_rows *t, const struct principal *by, const struct wsman_row *key, struct arena *a,
                 struct exec *home, wsman_rows_listed *done, void *arg);
    /* The key fields are there. PUT: what is not given stays as it is. Durable and in force when done is called.
     * CIMF_ALREADY_EXISTS, CIMF_NOT_FOUND, CIMF_INVALID_PARAMETER, CIMF_WSMAN_FEATURE_RETIRED: not changed this way. */
    void (*change)(struct wsman_rows *t, const struct principal *by, enum wsman_row_change change,
                   const struct wsman_row *row, struct slice peer, struct exec *home, wsman_rows_changed *done, void *arg);
};

#endif
