/* wmi/wmi_priv.h - sessions, operations, and what calls wait for. */
#ifndef WMI_WMI_PRIV_H
#define WMI_WMI_PRIV_H

#include <pthread.h>

#include "base/map.h"
#include "cim/schema.h"
#include "dcom/proxy.h"
#include "mech/mech.h"
#include "os/loop.h"
#include "wmi/stubs.h"
#include "wmi/wmi.h"
#include "wmi/wmio.h"

/* WBEM_GENERIC_FLAG_TYPE and its relatives (MS-WMI 2.2.5, 2.2.6, 2.2.9). */
enum {
    WBEM_RETURN_IMMEDIATELY = 0x10, WBEM_FORWARD_ONLY = 0x20, WBEM_ENSURE_LOCATABLE = 0x100, WBEM_DIRECT_READ = 0x200,
    WBEM_AMENDED = 0x20000, WBEM_SHALLOW = 1, WBEM_PROTOTYPE = 2, WBEM_UPDATE_ONLY = 1, WBEM_CREATE_ONLY = 2,
    WBEM_UPDATE_SAFE = 0x20, WBEM_UPDATE_FORCE = 0x40, WBEM_NO_ERROR_OBJECT = 0x40, WBEM_SEND_STATUS = 0x80,
    WBEM_STATUS_COMPLETE = 0, WBEM_STATUS_PROGRESS = 2,
    WBEM_IGNORED = 0x1f140, /* no error object, ensure locatable, reserved bits */
};
#define WBEM_S_FALSE 1u
#define WBEM_S_TIMEDOUT 0x40004u
#define WBEM_E_ACCESS_DENIED 0x80041003u
#define WMI_INFINITE 0xffffffffu
#define WMI_READERS 256u /* enumerators of one result set: each copy costs time with every object */
#define WMI_ANSWER_BYTES ((size_t)32 << 20) /* objects of one Next; what is left comes with the next one */

#define WMI_CROWDED_BYTES ((size_t)64 << 10) /* the same, when too much waits for the account */

struct wmi_work;
struct care_call;
struct wmi_server {
    struct wmi_settings settings;
    struct dcom_class classes[9];
    unsigned class_count;
    pthread_mutex_t lock;
    struct wmi_refresher *refreshers; /* refresh.h */
    struct wmi_work *works; /* that run */
    struct care_call *cares; /* backups and the like that run */
    size_t kept;            /* bytes of all results; atomic */
    pthread_mutex_t inputs_lock;
    size_t inputs;          /* of large parameters, and of refreshers */
    struct map shares;      /* SID: how much of it the account has */
    struct wmi_sink *sinks; /* AsyncOperationTable (MS-WMI 3.1.1) */
    unsigned sink_count;
    bool stopped;
};
static inline uint32_t wmi_hresult(cimf_status status) { return cimf_status_info(status)->hresult; }
static inline bool wmi_failed(uint32_t hresult) { return hresult & 0x80000000u; }

/* One wait for time to pass; fn runs once, on the executor that started it. */
struct wmi_wait {
    struct loop_timer timer;
    struct wmi_server *server;
    void (*fn)(struct wmi_wait *w);
    struct wmi_wait *next; /* of whoever keeps the time */
    bool runs;
};
void wmi_wait_start(struct wmi_wait *w, struct wmi_server *s, int64_t after_us, void (*fn)(struct wmi_wait *w));
void wmi_wait_stop(struct wmi_wait *w);

/* ---- backup and restore (backup.c) ---- */

uint32_t wmi_backup_create(const struct dcom_class *class, struct dcom_server *s, const struct principal *p, struct dcom_object **out);
/* The name that a path of a client comes down to; false: none that is allowed. */
enum { WMI_BACKUP_NAME = 200 };
bool wmi_backup_name(struct slice path, char out[WMI_BACKUP_NAME + 1]);
/* The calls are answered; what runs goes on. With the server's lock. */
void wmi_backup_stop(struct wmi_server *s);

/* ---- sessions (session.c): what an IWbemServices object stands for ---- */

struct wmi_session {
    unsigned refs;
    uint64_t generation; /* of what is stored, when it began */
    struct wmi_server *server;
    const struct principal *principal;
    struct slice ns, shown, locale; /* "root/cimv2", "root\cimv2" */
    char text[];
};
/* One reference, or NULL. */
struct wmi_session *wmi_session_new(struct wmi_server *s, const struct principal *p, struct slice ns, struct slice locale);
struct wmi_session *wmi_session_ref(struct wmi_session *x);
void wmi_session_unref(struct wmi_session *x);
/* It ends with a restore (3.1.4): SERVER_STOPPING while one runs, INVALID_NAMESPACE afterwards. */
cimf_status wmi_session_status(const struct wmi_session *x);
static inline uint32_t wmi_session_check(const struct wmi_session *x) { return wmi_hresult(wmi_session_status(x)); }
/* An object for the session, given to the caller: its reference in *out. HRESULT. */
uint32_t wmi_session_give(struct dcom_call *c, struct wmi_session *x, struct slice *out);
/* Of the classes without use for remote callers (apartment.c). */
uint32_t wmi_shutdown_create(const struct dcom_class *class, struct dcom_server *s, const struct principal *p,
                             struct dcom_object **out);
uint32_t wmi_apartment_create(const struct dcom_class *class, struct dcom_server *s, const struct principal *p,
                              struct dcom_object **out);
extern const struct dcom_interface wmi_shutdown_interface, wmi_apartment_interface, wmi_wbem_apartment_interface;
/* Marshals a new object that lives where the call's object does; takes self also when it fails. */
uint32_t wmi_give(struct dcom_call *c, const struct dcom_object_type *type, void *self, const struct guid *iid,
                  struct slice *out);
extern const struct dcom_object_type wmi_services_type, wmi_enum_type, wmi_smart_type, wmi_result_type,
    wmi_event_sink_type;
/* "a, b": items of a locale list, each as MS_409 or en-US; false: it is none. */
bool wmi_locale_valid(struct slice list);

/* ---- operations (work.c) ---- */

struct wmi_work {
    struct wmi_work *next, *prev;
    unsigned refs;
    struct wmi_session *session;
    struct exec *home;
    struct arena arena;
    size_t inputs;             /* of the server's, for this one */
    struct cim_schema *schema; /* when asked for; held by the arena */
    struct cim_op op;
    enum rpc_level level;      /* of the call that started it: readers need no less */
    bool running, driving, posted, settling, again;
    /* Something has happened; not called from within the manager. */
    void (*settle)(struct wmi_work *w);
    void (*free)(struct wmi_work *w); /* its own things; the work itself goes afterwards */
};
/* size: of the structure that begins with a work. One reference, or NULL. The operation has namespace, locale,
 * principal and peer. */
void *wmi_work_new(struct dcom_call *c, struct wmi_session *x, size_t size, const struct cim_sink *sink);
void wmi_work_unref(struct wmi_work *w);
/* It is over: parameters and schema go, what is answered later must not be among them. */
void wmi_work_forget(struct wmi_work *w);
/* What clients sent and is kept longer than their call (share.c): a memory of `used` bytes, if that is more than `small`, is
 * counted in *inputs. False: there is too much of all, or of this account, which may have half. */
enum { WMI_INPUTS_SMALL = 16 << 10 };
bool wmi_inputs_take(struct wmi_session *x, size_t used, size_t small, size_t *inputs);
void wmi_inputs_give(struct wmi_session *x, size_t *inputs);
/* What waits for an account's clients: results, answers that are gathered, batches for sinks. A share is the account's, counted. */
struct wmi_share;
struct wmi_share *wmi_share_join(struct wmi_server *s, const struct principal *p); /* NULL: no memory */
void wmi_share_leave(struct wmi_server *s, struct wmi_share *a);
void wmi_share_keep(struct wmi_server *s, struct wmi_share *a, size_t had, size_t has);
/* The account has as much as it may, or all have and it has not little: nothing more than must be is to be kept for it. */
bool wmi_share_crowded(const struct wmi_server *s, const struct wmi_share *a);
bool wmi_share_speaks(struct wmi_share *a); /* the log is to be told of it, again */
/* Of what PutInstance wrote, as __PATH is, in the arena. */
struct slice wmi_work_path(struct wmi_work *w);
/* IWbemContext and flags into the operation. HRESULT. */
uint32_t wmi_work_context(struct wmi_work *w, struct slice objref);
uint32_t wmi_work_schema(struct wmi_work *w);
void wmi_work_submit(struct wmi_work *w);
void wmi_work_resume(struct wmi_work *w);
void wmi_work_cancel(struct wmi_work *w);
/* settle, now; when it runs already: once more. Not from within the manager. */
void wmi_work_settle(struct wmi_work *w);
/* For sinks: settle will be called. */
void wmi_work_changed(struct wmi_work *w);
void wmi_work_done(struct wmi_work *w); /* of the sink's done; the work may be gone afterwards */

/* ---- references to objects by value (reference.c) ---- */

/* OBJREF_CUSTOM with an encoding unit. False: no room or it cannot be encoded. */
bool wmi_reference_write(struct buf *b, const struct wmi_session *x, const struct cim_op *op, const struct cim_object *o);
bool wmi_reference_empty(struct buf *b, const struct wmi_session *x);
/* An IWbemClassObject that a client sent; find may be NULL. WBEM_E_INVALID_OBJECT, ... */
cimf_status wmi_reference_read(struct wmi_work *w, struct slice objref, bool with_schema, struct wmio_object *out,
                               struct error *e);
struct wmio_origin wmi_origin(const struct wmi_session *x);
/* WMIO_PROTOTYPE and the like, of a class. */
unsigned wmi_object_flags(const struct cim_op *op, const struct cim_object *o);
/* IWbemContext (2.2.13), values in the arena. CIMF_INVALID_CONTEXT names the place. */
cimf_status wmi_context_read(struct arena *a, struct slice objref, struct cim_context_value **out, uint32_t *count,
                             struct error *e);

/* What every method of IWbemServices begins with: its flags are among those allowed, there is a sink where one is
 * needed, the caller may be acted for. Outputs are NULL afterwards. HRESULT. */
uint32_t wmi_services_begin(struct dcom_call *c, struct stub_services *r, uint32_t allowed);

/* ---- operations with one outcome (outcome.c) ---- */

struct outcome_wait;
/* What GetObject, OpenNamespace, ExecMethod and the changes end with; an IWbemCallResult is another reference to it. */
struct wmi_outcome {
    struct wmi_work w;
    bool finished;
    uint32_t hresult;
    struct slice object;         /* OBJREF, in the arena; p NULL: none */
    struct slice text;           /* path of what was written; p NULL: none */
    char *kept;                  /* both, when the arena has gone */
    struct wmi_session *opened;  /* of OpenNamespace */
    struct outcome_wait *waits;
};
enum wmi_delivery {
    WMI_DIRECT,      /* the outcome is the method's answer (GetObject) */
    WMI_BOTH,        /* and, where it is asked for, a call result (ExecMethod, OpenNamespace) */
    WMI_BY_RESULT,   /* the changes, when a call result is asked for: it alone says how they went */
};
struct wmi_outcome *wmi_outcome_new(struct dcom_call *c, struct wmi_session *x);
/* Submits and answers the call as its flags say. Takes the outcome. */
void wmi_outcome_start(struct dcom_call *c, struct wmi_outcome *o, struct stub_services *record, enum wmi_delivery how);
void wmi_outcome_login(struct dcom_call *c, struct wmi_outcome *o, struct stub_ntlm_login *record);

/* ---- result sets and their readers (results.c, enumerator.c) ---- */

struct wmi_enum;
struct wmi_page; /* some objects and their memory */
/* The results of one operation: those that a reader may still want are kept. */
struct wmi_results {
    struct wmi_work w;
    struct wmi_page *first, *last, *hint;
    uint64_t from, end;      /* numbers of the first object kept and of the next to come */
    size_t kept;             /* bytes of pages */
    struct wmi_share *share; /* in which they count */
    bool forward;            /* read once */
    bool lost;               /* too many to be read again */
    bool finished, paused;
    uint32_t hresult;
    struct wmi_enum *readers;
    unsigned reader_count;
    struct dcom_call *start; /* a synchronous call that waits for the results */
    struct stub_services *start_record;
};
/* The object of this number, while it is kept. */
const struct cim_object *wmi_results_at(struct wmi_results *r, uint64_t number);
/* Frees what no reader needs. */
void wmi_results_trim(struct wmi_results *r);
struct wmi_results *wmi_results_new(struct dcom_call *c, struct wmi_session *x, uint32_t flags);
/* Submits; answers the call with an enumerator, or why there is none. Takes the results. */
void wmi_results_start(struct dcom_call *c, struct wmi_results *r, struct stub_services *record);

struct enum_wait;
/* A position in results: IEnumWbemClassObject, and its IWbemWCOSmartEnums share it. */
struct wmi_enum {
    struct wmi_enum *next;   /* reader of the same results */
    struct wmi_results *r;
    unsigned refs, open;     /* objects that refer to it; those that clients can still reach */
    uint64_t at;
    struct enum_wait *waits; /* calls, in their order */
};
struct wmi_enum *wmi_enum_new(struct wmi_results *r); /* takes a reference of r; not open yet */
uint32_t wmi_enum_give(struct dcom_call *c, struct wmi_enum *e, struct slice *out); /* takes e */
bool wmi_enum_serve(struct wmi_enum *e); /* answers the first call if that can be: true */
bool wmi_enum_hungry(const struct wmi_enum *e);
/* An object that comes just now goes straight to the call that waits for it: false: it has to be kept. */
bool wmi_enum_feed(struct wmi_enum *e, const struct cim_object *o);

/* ---- clients' sinks (sink.c) ---- */

/* An entry of AsyncOperationTable: one operation and the IWbemObjectSink that hears of it. */
struct wmi_sink {
    struct wmi_sink *next, *prev; /* of the server */
    unsigned refs;
    struct wmi_session *session;
    struct exec *home;
    struct dcom_proxy *proxy;
    struct guid causality;
    struct sink_batch *batch; /* objects for the next Indicate */
    struct wmi_share *share;  /* in which they count */
    struct dcom_proxy_call indicate, status;
    bool calling;             /* an Indicate is on its way */
    _Atomic bool told;        /* so is the final SetStatus: nothing comes after it */
    bool finished;            /* the owner has nothing more to say but this: */
    uint32_t hresult;
    struct slice text, object;
    char *kept;               /* both */
    /* The owner's, until it calls finish. more: an Indicate has come back; cancel: nothing is wanted any more, the
     * client has been told. Both from the executor, not from within what is called here. */
    void *owner;
    void (*more)(struct wmi_sink *s);
    void (*cancel)(struct wmi_sink *s);
};
/* HRESULT: of dcom_proxy_new, WBEM_E_QUOTA_VIOLATION, WBEM_E_SERVER_TOO_BUSY. One reference, the owner's. */
uint32_t wmi_sink_new(struct dcom_call *c, struct wmi_session *x, struct slice objref, void *owner, struct wmi_sink **out);
/* Without a word to the client. NULL is fine. */
void wmi_sink_drop(struct wmi_sink *s);
/* To go with the next Indicate; NULL: the empty class. CIMF_OUT_OF_MEMORY; CIMF_QUOTA_VIOLATION: it is large, and too much waits for
 * the account. */
cimf_status wmi_sink_add(struct wmi_sink *s, const struct cim_op *op, const struct cim_object *o);
/* Better wait until more is called. */
bool wmi_sink_full(const struct wmi_sink *s);
/* Sends what was added unless an Indicate is on its way. */
void wmi_sink_flush(struct wmi_sink *s);
/* After what was added: SetStatus. text and object (OBJREF) may have p NULL. Takes the owner's reference. */
void wmi_sink_finish(struct wmi_sink *s, uint32_t hresult, struct slice text, struct slice object);

/* The server stops: all that answer to sinks are cancelled, and told so. */
void wmi_sinks_stop(struct wmi_server *s);

/* ---- operations that answer to a sink (push.c) ---- */

struct wmi_work *wmi_push_new(struct dcom_call *c, struct wmi_session *x);
/* Submits and answers the call: whether it could begin. Takes the work. */
void wmi_push_start(struct dcom_call *c, struct wmi_work *w, const struct stub_services *record);
/* Before: what it delivers is the empty class, once it has succeeded. */
void wmi_push_empty(struct wmi_work *w);
/* __ExtendedStatus of an operation that failed, as an OBJREF in its arena; p NULL: there is none. */
struct slice wmi_extended_status(struct wmi_work *w, uint32_t hresult);

/* ObjectArray (2.2.14), with the classes that a reader has been told. */
struct wmi_told {
    uint32_t generation;
    const struct cim_class *cls; /* held */
    struct guid id;
};
struct wmi_packet {
    struct wmi_told *told;
    unsigned count, room;
};
void wmi_packet_forget(struct wmi_packet *p);
bool wmi_packet_begin(struct buf *b);
bool wmi_packet_add(struct wmi_packet *p, struct buf *b, const struct wmi_session *x, const struct cim_op *op,
                    const struct cim_object *o);
bool wmi_packet_end(struct buf *b, uint32_t count);

#endif
