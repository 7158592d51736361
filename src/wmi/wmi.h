/*
 * wmi/wmi.h - the server role of MS-WMI over DCOM: IWbemLevel1Login and what it leads to. Everything it does goes
 * through the object manager (cim/op.h); it makes the class and the interfaces that a dcom_server offers.
 *
 * Threads: a login and all that it leads to - services, enumerators, call results - live on the executor that the first
 * call of the login came on (dcom_object_settle). Nothing here locks but the list of running operations.
 */
#ifndef WMI_WMI_H
#define WMI_WMI_H

#include "cim/op.h"
#include "dcom/dcom.h"

struct wmi_server;
struct wmi_wait;
/* Timers of waiting calls, on the thread of their executor. */
struct wmi_timers {
    void (*start)(struct wmi_wait *w, int64_t after_us);
    void (*stop)(struct wmi_wait *w); /* harmless when it does not run */
};
/* Care of everything that the object manager stores, by its owner (IWbemBackupRestoreEx). */
enum wmi_care { WMI_BACKUP, WMI_RESTORE, WMI_PAUSE, WMI_RESUME };
struct wmi_care_job {
    enum wmi_care what;
    const struct principal *principal;
    const char *peer;
    const char *file;              /* of backup and restore: a plain name, below a folder that the owner knows */
    cimf_status status;            /* set before done */
    struct exec *home;             /* where done is called */
    void (*done)(struct wmi_care_job *job);
};
struct wmi_care_hooks {
    /* Checks rights and does it on a thread that may block; false: nothing will come of it. */
    bool (*run)(void *arg, struct wmi_care_job *job);
    /* Another one after each restore; odd while one runs. Any thread. */
    uint64_t (*generation)(void *arg);
    void *arg;
};
struct wmi_settings {              /* strings are kept */
    struct cim_manager *manager;
    struct slice machine;          /* __SERVER of what is sent */
    unsigned window;               /* objects that an operation may be ahead of its readers; 0: 256 */
    size_t kept_bytes;             /* of results that may be read again; more: the oldest go. 0: 64 MiB */
    size_t kept_total;             /* the same of all results together, of answers that are gathered and of batches for sinks; half for
                                      one account (base/share.h). 0: 256 MiB */
    size_t inputs_total;           /* bytes of large parameters of all operations that go on, and of refreshers; half for one account. 0: 64 MiB */
    unsigned sinks, sinks_user;    /* operations that answer to sinks at once, of all and of one account; 0: 5000, 256 */
    const struct wmi_care_hooks *care; /* NULL: the class WbemBackupRestore is not there */
    const struct wmi_timers *timers; /* NULL: those of the loop (os/loop.h) */
};
cimf_status wmi_server_new(const struct wmi_settings *settings, struct wmi_server **out, struct error *e);
/* For dcom_settings. */
const struct dcom_class *wmi_server_classes(const struct wmi_server *s, unsigned *count);
extern const struct dcom_interface *const wmi_interfaces[];
/* Operations end with WBEM_E_SHUTTING_DOWN, new ones are refused. Any thread, while the loops still run. */
void wmi_server_stop(struct wmi_server *s);
void wmi_server_free(struct wmi_server *s); /* after dcom_server_free */

#endif
