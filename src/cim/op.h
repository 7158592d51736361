/*
 * cim/op.h - the operation interface: what every protocol asks of the object manager.
 *
 * A protocol room fills a `struct cim_op`, gives it a sink and submits it. Results come one by one into
 * the sink, always on the executor named in op->home: inside cim_submit or cim_resume when nothing has to
 * be waited for, later otherwise; callers must expect both. The sink may say "enough for now"; cim_resume
 * continues. Exactly one `done` call ends the operation; after it the owner may reuse or free
 * everything. A Pull, a Next, a Receive and a paged GET are the same pause of the same sink.
 *
 * The implementation is behind `struct cim_manager`: the daemon hands out the real object manager
 * (cimom/), tests hand out a fake one.
 */
#ifndef CIM_OP_H
#define CIM_OP_H

#include "base/exec.h"
#include "cim/path.h"

struct principal; /* auth/principal.h; opaque here. An operation without one is refused. */

enum cim_verb {
#define CIM_OP(verb, ...) CIM_OP_##verb,
#include "cim/ops.def"
#undef CIM_OP
    CIM_OP_COUNT
};

/* Flags; which verb reads which is in ops.def. Names after MS-WMI 2.2.6 ff. */
enum cim_op_flag {
    CIM_CREATE_ONLY = 1 << 0,
    CIM_UPDATE_ONLY = 1 << 1,      /* neither: create or update */
    CIM_UPDATE_SAFE = 1 << 2,      /* PutClass; neither: compatible */
    CIM_UPDATE_FORCE = 1 << 3,
    CIM_SHALLOW = 1 << 4,          /* enumerations: this class only; default deep */
    CIM_DIRECT_READ = 1 << 5,
    CIM_AMENDED = 1 << 6,          /* use amended qualifiers */
    CIM_PARTIAL = 1 << 7,          /* PutInstance: only sent properties change; NULLs count (strict) */
    CIM_PARTIAL_LAX_NULLS = 1 << 8,/* with CIM_PARTIAL: a NULL leaves the property alone */
    CIM_KEYS_ONLY = 1 << 9,        /* results need keys only */
    CIM_ENSURE_LOCATABLE = 1 << 10,/* projections carry keys */
    CIM_PROTOTYPE = 1 << 11,       /* ExecQuery: describe the result class only */
    CIM_CAST_TO_BASE = 1 << 12,    /* enumerations: derived instances as the enumerated class */
    CIM_EXACT_CLASS = 1 << 13,     /* enumerations: as shallow, for PolymorphismMode None */
    CIM_LOCAL_ONLY = 1 << 14,      /* class results: local members only */
};

/* Named values that callers pass through to providers (IWbemContext, WS-Man options "wmi:X"). */
struct cim_context_value {
    struct slice name;
    struct cim_value value;
};

enum cim_sink_answer {
    CIM_SINK_MORE,  /* taken; go on */
    CIM_SINK_PAUSE, /* taken; wait for cim_resume */
    CIM_SINK_AGAIN, /* not taken; wait for cim_resume and deliver this object again */
};

struct cim_op;
struct cim_sink {
    /* One result: an instance or a class; valid until the call returns (with AGAIN: until delivered). */
    enum cim_sink_answer (*object)(struct cim_op *op, const struct cim_object *object);
    /* The end. CIMF_OK or why not; op->error has details. For INVOKE: op->out and op->has_return are set. */
    void (*done)(struct cim_op *op, cimf_status status);
};

struct cim_op {
    enum cim_verb verb;
    uint32_t flags;                 /* enum cim_op_flag */
    struct slice ns;                /* normalised; "" = root/default */
    struct cim_path path;           /* target object, class name alone for class verbs; parsed, unbound */
    const struct cim_instance *instance; /* PUT_INSTANCE; SEND_EVENT, where NULL asks whether the caller might */
    const struct cim_class_decl *class_decl; /* PUT_CLASS */
    struct slice query, language;   /* QUERY, SUBSCRIBE; language "WQL" */
    struct slice method;            /* INVOKE */
    /* INVOKE: values by name; the manager checks and types them against the method. Text values
     * (CIM_STRING) are converted, as XML protocols know no types. */
    const struct cim_context_value *params;
    uint32_t param_count;
    const struct slice *wanted;     /* property names asked for; NULL = all */
    uint32_t wanted_count;
    const struct cim_context_value *context;
    uint32_t context_count;
    const struct principal *principal; /* held by the submitter until done */
    bool encrypted;                 /* nobody on the wire can read it (TLS, sealed messages, local socket):
                                       namespaces with RequiresEncryption ask for it */
    struct slice peer;              /* address text, for audit records; "" if unknown */
    struct slice locale;            /* "en-US", "MS_409"; "" = neutral */
    int64_t deadline_us;            /* clock_mono_us time; 0 = none */
    uint32_t call_depth;            /* of providers calling back; P16 */

    struct arena *arena;            /* the submitter's; for what the answer needs until done */
    struct exec *home;              /* sink runs here; may be changed while paused */
    const struct cim_sink *sink;
    void *owner;                    /* the submitter's own */

    /* Answer. */
    bool begun;                     /* the caller may do this here and it was taken on: what fails from then on
                                       failed at work. Set within submit */
    struct error error;
    const struct cim_instance *out; /* INVOKE: instance of the method's out class, NULL if none;
                                       PUT_INSTANCE: not set, see path_out */
    struct cim_path path_out;       /* PUT_INSTANCE: bound path of what was written (in op->arena) */
    bool created;                   /* PUT_*: true if it did not exist before */

    void *state;                    /* the manager's own */
};

struct cim_schema;
struct cim_manager {
    /* Takes the operation; results come by the sink. */
    void (*submit)(struct cim_manager *m, struct cim_op *op);
    /* After PAUSE or AGAIN, on any thread (op->home may have changed). */
    void (*resume)(struct cim_manager *m, struct cim_op *op);
    /* Ends it early, on the home thread: `done` comes (now or later) with CIMF_CALL_CANCELLED unless already
     * on its way. Allowed while paused. */
    void (*cancel)(struct cim_manager *m, struct cim_op *op);
    /* Current schema of a namespace, one reference for the caller, or NULL: for protocols that encode by
     * class (selectors to typed keys, class metadata). Takes the principal to check ENABLE. */
    struct cim_schema *(*schema)(struct cim_manager *m, struct slice ns, const struct principal *p);
};

static inline void cim_submit(struct cim_manager *m, struct cim_op *op) { m->submit(m, op); }
static inline void cim_resume(struct cim_manager *m, struct cim_op *op) { m->resume(m, op); }
static inline void cim_cancel(struct cim_manager *m, struct cim_op *op) { m->cancel(m, op); }

/* Row of ops.def. */
struct cim_op_info {
    const char *name;    /* "GetInstance" as DSP0223 calls it */
    const char *wmi;     /* IWbemServices method, MS-WMI */
    const char *wsman;   /* action, WS-Management */
    const char *odata;   /* HTTP method of MS-ODATA */
    const char *section; /* MS-WMI section */
    uint32_t right;      /* access right needed (MS-WMI 5.2); the write rights depend on the class */
};
const struct cim_op_info *cim_op_info(enum cim_verb verb);

#endif
