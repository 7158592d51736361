/*
 * wsman/server.h - the server role of WS-Management, WSMV dialect, without I/O.
 *
 * Enters: a whole HTTP body with its content type and the principal that sent it. Leaves: exactly one
 * reply. Behind it is a `struct cim_manager`: nothing here reads a repository or a provider. The core has
 * no sockets and no timers; wsman_server_mount (wsman/mount.h) puts it on net/http.h.
 *
 * Threads: a request is handled, replied to and expired on its home executor. Different requests may be
 * handled on different threads at once. Enumerations outlive requests and move to the thread of whoever
 * pulls.
 */
#ifndef WSMAN_SERVER_H
#define WSMAN_SERVER_H

#include "auth/principal.h"
#include "base/exec.h"
#include "cim/op.h"
#include "wsman/authorize.h"
#include "wsman/rows.h"

struct wsman_server;
struct wsman_settings;

/* Everything has the default of MS-WSMV when it is 0 (wsman_server_new fills it in). */
struct wsman_server_config {
    struct cim_manager *manager;
    struct slice machine;           /* f:WSManFault/@Machine */
    struct slice vendor, version;   /* of Identify; version is "OS: .. SP: .. Stack: ..", by
                                       default with the kernel's release */
    struct slice default_ns;        /* of DMTF URIs without __cimnamespace: "root/cimv2" */
    size_t max_envelope;            /* MaxEnvelopeSizekb * 1024: 512000 */
    int64_t max_timeout_us;         /* MaxTimeoutms: 60 s */
    uint32_t max_batch;             /* MaxBatchItems: 32000 */
    uint32_t max_operations;        /* MaxConcurrentOperations, all users: 4294967295 */
    uint32_t max_operations_per_user; /* requests and open enumerations: 1500 */
    int64_t enumeration_timeout_us; /* between two pulls: 60 s */
    bool ignore_polymorphism;       /* as MS-WSMV 3.1.4.1.27 has it; default: honour b:PolymorphismMode */
    int64_t (*now_us)(void);        /* monotonic; NULL: clock_mono_us */
    /* Enumerations exist: call wsman_server_sweep in after_us (any thread may be calling). NULL: the owner
     * sweeps by himself. */
    void (*arm_sweep)(void *arg, int64_t after_us);
    void *arm_arg;
    struct wsman_settings *settings; /* behind the configuration resources (wsman/settings.h); NULL: fixed texts
                                        only. Outlives the server */
    struct wsman_rows *rows[WSMAN_TABLES]; /* NULL: there is no such resource. Outlive the server */
    const struct sd *root_sd;       /* RootSDDL, copied; NULL: administrators only (wsman/authorize.h) */
    const char *const *profiles;    /* security profile URIs for authenticated Identify, NULL-terminated */
};

struct wsman_request {
    /* Set by the caller; borrowed until reply. */
    struct slice content_type;      /* HTTP header value */
    struct slice body;
    const struct principal *principal; /* NULL: only Identify is answered */
    bool encrypted;                 /* nobody on the wire could read it, nor the reply */
    struct slice peer;              /* address text, for audit records */
    struct exec *home;              /* where this is called and reply is wanted */
    /* Called exactly once, on home, maybe inside wsman_server_handle; afterwards the request is the
     * caller's again. Parts are valid during the call. */
    void (*reply)(struct wsman_request *r, int http_status, const char *content_type,
                  const struct slice *parts, unsigned count);
    /* The reply will take longer: call wsman_request_expire in after_us unless it was replied to. */
    void (*arm)(struct wsman_request *r, int64_t after_us);
    void *owner;
    /* The server's. */
    struct wsman_call *call;
};

/* machine, vendor and the like are copied. */
cimf_status wsman_server_new(const struct wsman_server_config *config, struct wsman_server **out,
                             struct error *e);
/* The numbers of config and its profiles hold from the next request on; the list of profiles stays. Any thread. */
void wsman_server_set_limits(struct wsman_server *s, const struct wsman_server_config *config);
/* Who may come in: to change it while the server runs. */
struct wsman_authorize *wsman_server_authorize(struct wsman_server *s);
/* Ends all enumerations; while the executors still run. */
void wsman_server_stop(struct wsman_server *s);
/* Drops the caller's reference; memory goes when the last enumeration has ended. */
void wsman_server_free(struct wsman_server *s);

void wsman_server_handle(struct wsman_server *s, struct wsman_request *r);
/* The time that arm asked for has passed: replies with what is there, or w:TimedOut. */
void wsman_request_expire(struct wsman_request *r);
/* Nobody waits any more (the connection broke): ends the work early. The reply still comes. */
void wsman_request_abort(struct wsman_request *r);

/* Ends enumerations that nobody pulled for too long. Returns microseconds until the next is due, -1 when
 * there are none. Any thread. */
int64_t wsman_server_sweep(struct wsman_server *s);

struct wsman_server_stats {
    uint64_t requests, faults, enumerations_open, operations;
};
void wsman_server_stats(struct wsman_server *s, struct wsman_server_stats *out);

#endif
