/*
 * cimom/provider.h - the provider contract: how managed objects of this machine reach the object manager.
 * The only header of cimom that room `provider` includes.
 *
 * A provider serves one class with a static `struct provider_class`. It is asked for rows: open() finds
 * them (cheaply: keys, file names, kernel tables), fill() makes one instance of one row. The object
 * manager evaluates filters, projections, access, paths and paging; a provider fills properties by name
 * (cim_put_*), and properties that nobody asked for are skipped by those setters. Expensive properties are
 * guarded with provider_wants(). Unknown facts stay unset (NULL), never 0 or "".
 *
 * Calls for one row set come from one thread at a time, on the worker pool when PROVIDER_BLOCKING is set and
 * on the caller's loop otherwise. Different calls may run at once: no unprotected static state.
 */
#ifndef CIMOM_PROVIDER_H
#define CIMOM_PROVIDER_H

#include "auth/principal.h"
#include "cim/instance.h"
#include "cim/op.h"

enum provider_flag {
    PROVIDER_BLOCKING = 1, /* may wait: D-Bus, disks, name services */
};

struct provider_call {
    enum cim_verb verb;
    const struct cim_class *cls;     /* class to make instances of */
    struct slice ns;
    const struct principal *principal;
    struct arena *arena;             /* lives as long as the row set (open to close) */
    struct arena *scratch;           /* lives for one fill/put/delete/invoke */
    int64_t deadline_us;
    bool (*cancelled)(const struct provider_call *c);
    /* Key properties that the request fixes by equality (from a path or from WHERE key=...); an open()
     * that honours them returns only rows that can match. NULL when none is fixed. */
    const struct cim_context_value *keys;
    uint32_t key_count;
    struct error *error;             /* details of a failure */
    struct slice ui_locale;          /* of text for people: "MS_409", "en-US, en"; "" = neutral */
    struct slice data_locale;        /* of dates and numbers that are text */
    struct slice correlation;        /* the caller's name for what this belongs to, for log lines; "" = none */
    struct cim_manager *manager;     /* for calling back; use provider_enumerate */
    uint32_t call_depth;
    const uint8_t *wants;            /* one byte per property of cls; NULL = all */
    void *manager_state;
};

#define PROVIDER_ANY_NAMESPACE "*"

struct provider_class {
    const char *ns;                  /* "root/cimv2", or PROVIDER_ANY_NAMESPACE */
    const char *class_name;
    unsigned flags;                  /* enum provider_flag */
    /* Finds the rows. *state is the provider's own, given to fill and close. */
    cimf_status (*open)(struct provider_call *c, void **state, size_t *rows);
    /* Makes row i into `out` (all properties unset). CIMF_NOT_FOUND: vanished meanwhile, skipped. */
    cimf_status (*fill)(struct provider_call *c, void *state, size_t row, struct cim_instance *out);
    void (*close)(struct provider_call *c, void *state); /* may be NULL: state is in c->arena */
    /* Optional; NULL answers PROVIDER_NOT_CAPABLE / METHOD_NOT_IMPLEMENTED. */
    cimf_status (*put)(struct provider_call *c, const struct cim_path *path,
                       const struct cim_instance *in, uint32_t op_flags);
    cimf_status (*del)(struct provider_call *c, const struct cim_path *path);
    /* target is NULL for a static call. in: instance of method->in or NULL; out: of method->out or NULL;
     * a ReturnValue is set with cim_put_u64(out, "ReturnValue", n). */
    cimf_status (*invoke)(struct provider_call *c, const struct cim_method *method,
                          const struct cim_instance *target, const struct cim_instance *in,
                          struct cim_instance *out);
};

static inline bool provider_wants(const struct provider_call *c, const char *property)
{
    if (!c->wants) return true;
    int i = cim_class_property(c->cls, slice_str(property));
    return i >= 0 && c->wants[i];
}
/* The text of a fixed key (string keys), or the number; false when it is not fixed. */
bool provider_key_text(const struct provider_call *c, const char *property, struct slice *out);
bool provider_key_u64(const struct provider_call *c, const char *property, uint64_t *out);
/* Of a fixed reference: the class it names, and one of its keys as text (decimal for numbers). NULL or "" as
 * key: the only one. Memory of c->arena. false when it is not fixed or has no such key. */
bool provider_key_reference(const struct provider_call *c, const char *property, const char *key,
                            struct slice *class_name, struct slice *out);

/* For blocking providers that are made of others: instances of another class of any namespace, one by one;
 * each lives until fn returns; fn answers false to stop. Rights are the caller's. wanted NULL: everything. */
typedef bool provider_row_fn(void *arg, const struct cim_instance *in);
cimf_status provider_enumerate(struct provider_call *c, struct slice ns, struct slice class_name,
                               const struct slice *wanted, uint32_t wanted_count, provider_row_fn *fn,
                               void *arg);

/* For blocking providers: what is to be done as the caller's own user (host/job.h says what there is). Waits until it
 * answered. CIMF_PRIVILEGE_NOT_HELD: the caller is no local user; CIMF_NOT_SUPPORTED: this object manager has no hosts.
 * The status is that of the job when it got so far. Texts of the answer live in c->scratch. */
struct host_job;
struct host_answer;
cimf_status provider_host(struct provider_call *c, const struct host_job *job, struct host_answer *out);

/* Every provider of room `provider`, NULL-terminated: linked in by the daemon. */
extern const struct provider_class *const provider_classes[];

#endif
