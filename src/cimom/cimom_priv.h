/* cimom/cimom_priv.h - what the files of cimom share and nobody else sees. */
#ifndef CIMOM_PRIV_H
#define CIMOM_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "cimom/cimom.h"
#include "cimom/task.h"

/* Rights, MS-WMI 5.2 (auth/access.h has them all). */
enum {
    RIGHT_ENABLE = 0x1,
    RIGHT_METHOD_EXECUTE = 0x2,
    RIGHT_FULL_WRITE = 0x4,
    RIGHT_PARTIAL_WRITE = 0x8,
    RIGHT_WRITE_PROVIDER = 0x10,
    RIGHT_REMOTE_ENABLE = 0x20,
};

struct cimom_counter {
    _Atomic uint64_t calls, failed, objects;
};

/* One provider with its state of health (P17). */
struct provider_entry {
    const struct provider_class *provider;
    _Atomic uint32_t hanging; /* calls that were given up but have not returned */
    _Atomic bool told;        /* its failure was logged; cleared by the next success */
};
enum { PROVIDER_HANGING_MAX = 2 };

struct cimom_ns {
    _Atomic int refs;
    struct cimom *m;
    struct slice name;
    struct map providers;      /* class name -> struct provider_entry; fixed once made */
    struct security_change *given; /* what it was given itself (security.h); under the table lock */
    pthread_mutex_t lock;      /* of the three below */
    struct ns_security *security; /* in force; NULL: nobody may do anything */
    struct cim_schema *schema; /* NULL: not loaded */
    uint64_t seq;      /* of schema: number of the change that made it, unique in the store */
    _Atomic bool gone; /* deleted */
};

/* A schema that a write function made, until its transaction is durable. Writer thread only. */
struct pending_schema {
    struct pending_schema *next;
    uint64_t seq;
    struct cim_schema *schema;
};

struct plan_cache;
struct watch;

/* restore.c: an administrator, and nobody else is at it. */
cimf_status care_begin(struct cimom *m, const struct cimom_caller *who, struct error *e);
void care_end(struct cimom *m);

/* pause.c */
struct pause {
    pthread_mutex_t lock;
    pthread_cond_t over;
    pthread_t timer;
    bool ticking;          /* timer is to be joined */
    _Atomic bool on;       /* under the lock; read without */
    int64_t most_us;
    struct task *first, *last; /* held back */
};
void pause_init(struct cimom *m, int64_t most_us);
void pause_free(struct cimom *m);
/* Holds the task back when the server is paused. It is not dispatched yet. */
bool pause_hold(struct task *t);
/* Out of the list; the caller moved the state away from TASK_HELD. */
void pause_forget(struct task *t);

struct cimom {
    struct cim_manager manager; /* first */
    struct repo *repo;
    struct exec *pool;
    struct slice server;
    const struct schema_file *files;
    size_t file_count;
    const char *const *namespaces;
    const char *version;
    uint32_t max_requests, max_open;
    cimf_status (*host)(void *arg, const struct principal *p, const struct host_job *job, int64_t deadline_us, struct arena *a,
                        struct host_answer *out, struct error *e);
    void *host_arg;
    int64_t provider_timeout_us;
    size_t arena_cap;
    bool strict_parents;

    struct provider_entry *providers;
    size_t provider_count;
    pthread_rwlock_t table_lock;
    struct map table; /* namespace name -> struct cimom_ns */
    struct pending_schema *pending;
    pthread_mutex_t system_lock;   /* of the three below while they are made */
    struct arena system_arena;     /* holds system_units */
    struct mof_unit *system_units; /* parsed files for every namespace; made when first needed */
    size_t system_unit_count;
    struct plan_cache *plans;
    struct watch *watch;
    struct cimom_counter counters[CIM_OP_COUNT];
    _Atomic uint32_t open;    /* operations submitted and not done */
    _Atomic uint32_t running; /* of these, those that are not paused */
    _Atomic bool stopping;

    /* restore.c */
    pthread_mutex_t care;          /* one backup, restore, pause or resume at a time */
    _Atomic uint64_t generation;   /* odd: records are being replaced */
    bool unpublished;              /* a restore's transaction: what is published is not what it sees */
    void (*restored)(void *arg);
    void *restored_arg;
    struct pause pause;
};

/* --- namespace.c: the table ------------------------------------------------------------------- */
cimf_status table_init(struct cimom *m, struct error *e); /* reads names from the store */
void table_free(struct cimom *m);
/* The table that a transaction shows, beside the one in force; and the exchange of the two. The
 * former one ends with table_drop. */
cimf_status table_build(struct cimom *m, struct repo_txn *txn, struct map *out, struct error *e);
void table_exchange(struct cimom *m, struct map *other);
void table_drop(struct cimom *m, struct map *table);
/* One reference, or NULL. "" is root/default. */
struct cimom_ns *ns_find(struct cimom *m, struct slice name);
/* The nearest one at or above it that exists, or the root; NULL only in an empty store. */
struct cimom_ns *ns_find_above(struct cimom *m, struct slice name);
/* With the table locked for writing: an existing or a new entry; NULL when out of memory. */
struct cimom_ns *table_add(struct cimom *m, struct slice name);
struct cimom_ns *ns_ref(struct cimom_ns *ns);
void ns_unref(struct cimom_ns *ns);
/* Current schema, loaded when needed; one reference. No snapshot may be open on this thread. */
cimf_status ns_schema(struct cimom_ns *ns, struct cim_schema **out, struct error *e);
struct provider_entry *ns_provider(const struct cimom_ns *ns, const struct cim_class *cls);
/* After a durable change: takes over the reference to schema. */
void table_publish(struct cimom *m, struct slice name, struct cim_schema *schema, uint64_t seq);
void table_remove(struct cimom *m, struct slice name); /* and those below it */
/* Names of direct children of a namespace (last part only), sorted, in the arena. */
cimf_status table_children(struct cimom *m, struct slice parent, struct arena *a,
                           struct slice **out, size_t *count);
extern const struct provider_class qualifier_provider; /* qualifier_provider.c */
bool is_namespace_class(const struct cim_class *cls); /* __NAMESPACE */

/* --- edit.c: changing schemas inside a write function -------------------------------------------
 */
struct edit_ns {
    struct slice name;
    struct cim_schema *base;      /* as the transaction sees it; one reference */
    struct cim_schema_editor *ed; /* NULL while nothing changed */
    struct cim_schema *next;      /* after edit_commit */
    uint64_t seq;
    struct security_change *security; /* to be shown, or NULL */
    bool deleted;
    bool force; /* subclasses may have been changed, too */
};
struct edit {
    struct cimom *m;
    struct repo_txn *txn;
    struct edit_ns **list;
    size_t count, room;
    uint64_t seq; /* of this change */
};
/* Also the way to begin again when the write function runs a second time. */
void edit_begin(struct edit *ed, struct cimom *m, struct repo_txn *txn);
cimf_status edit_open(struct edit *ed, struct slice ns, struct edit_ns **out, struct error *e);
const struct cim_class *edit_class(struct edit_ns *en, struct slice name);
cimf_status edit_put_class(struct edit *ed, struct edit_ns *en, const struct cim_class_decl *decl,
                           unsigned resolve_flags, const struct cim_class **out, struct error *e);
cimf_status edit_delete_class(struct edit *ed, struct edit_ns *en, const struct cim_class *cls,
                              struct error *e);
cimf_status edit_put_qualifier(struct edit *ed, struct edit_ns *en,
                               const struct cim_qualifier_decl *decl, struct error *e);
/* New namespace with the system classes; existing: nothing. */
cimf_status edit_make_namespace(struct edit *ed, struct slice ns, bool *created, struct error *e);
cimf_status edit_delete_namespace(struct edit *ed, struct slice ns, struct error *e);
/* Makes the next schemas, stores what changed. Last step of a write function. */
cimf_status edit_commit(struct edit *ed, struct error *e);
/* In `done` on the writer thread: shows the change to everyone, or forgets it. Ends the edit. */
void edit_end(struct edit *ed, bool durable);
/* Classes and qualifier declarations as the transaction has them, as a schema of their own. */
cimf_status schema_load(struct repo_txn *txn, struct slice ns, struct cim_schema **out,
                        struct error *e);
/* Number of the change that made them; 0 before the first. */
uint64_t schema_seq(struct repo_txn *txn, struct slice ns);
/* The schema of ns that the transaction sees; one reference for the caller. Writer thread. */
cimf_status edit_schema(struct cimom *m, struct repo_txn *txn, struct slice ns,
                        struct cim_schema **out, struct error *e);

/* --- compile.c ----------------------------------------------------------------------------------
 */
/* Applies a unit inside a write function. system: names may begin with "__", update modes do not
 * count. */
cimf_status compile_unit(struct edit *ed, struct arena *a, struct mof_unit *unit, bool system,
                         struct mof_counts *counts, struct error *e);
/* Parses the files for every namespace, once: before a write that may make a namespace. */
cimf_status compile_system_units(struct cimom *m, struct error *e);
cimf_status compile_parse(struct arena *a, const struct schema_file *f, struct slice ns,
                          struct mof_unit *unit, struct error *e);
/* Applies one of the units of every namespace to ns. */
cimf_status compile_system(struct edit *ed, struct slice ns, struct error *e);

/* --- put_class.c: the rules, for PutClass and for MOF -------------------------------------------
 */
cimf_status put_class_in(struct edit *ed, struct edit_ns *en, const struct cim_class_decl *decl,
                         uint32_t op_flags, bool *created, struct error *e);
cimf_status delete_class_in(struct edit *ed, struct edit_ns *en, struct slice name,
                            struct error *e);
cimf_status put_class_check_name(struct slice name, struct error *e);

/* --- boot.c -------------------------------------------------------------------------------------
 */
cimf_status boot(struct cimom *m, struct error *e);
/* The built-in schema into a store of another version, as a step of a write: parse, the step, and what follows it. */
struct first_start;
cimf_status boot_prepare(struct cimom *m, struct first_start **out, struct error *e);
cimf_status boot_step(struct repo_txn *txn, struct first_start *f, struct error *e);
void boot_end(struct first_start *f, bool durable); /* writer thread, or who stands in for it; NULL allowed */

/* --- access.c -----------------------------------------------------------------------------------
 */
/* All that the principal has in the namespace, without regard to where it comes from. */
uint32_t rights_of(struct cimom_ns *ns, const struct principal *p);
/* Of an operation: `needed`, REMOTE_ENABLE unless it is local, and encryption where the namespace asks for
 * it. Recorded when denied. */
cimf_status rights_check(struct cimom_ns *ns, const struct cim_op *op, uint32_t needed,
                         struct error *e);
/* May the caller send an event that has this descriptor of its own (MS-WMI 5.2)? */
struct sd;
cimf_status rights_publish(const struct cim_op *op, const struct sd *sd, struct error *e);
/* The same rights without a record, for answers that are not denials; encryption is not looked at. */
bool rights_have(struct cimom_ns *ns, const struct principal *p, uint32_t needed);
/* Right that changes a class (MS-WMI 3.1.4.3.6, .8). */
uint32_t rights_write_class(const struct cimom_ns *ns, const struct cim_class *cls);
/* Right that changes an instance of cls (MS-WMI 3.1.4.3.12). */
uint32_t rights_write_instance(const struct cimom_ns *ns, const struct cim_class *cls);

/* --- dispatch.c ---------------------------------------------------------------------------------
 */
/* Namespace, access, schema; then the verb's start. */
cimf_status dispatch(struct task *t);
cimf_status input_copy(struct arena *a, const struct cim_op *op, struct cim_op *out);
cimf_status path_copy(struct arena *a, const struct cim_path *in, struct cim_path *out);
/* Context value by name, NULL when absent. */
const struct cim_value *input_context(const struct cim_op *op, const char *name);
/* Present and true, in any type that protocols use for it. */
bool input_true(const struct cim_op *op, const char *name);
/* What the context asks of the provider of a class (MS-WMI 3.1.4): INVALID_PARAMETER for an architecture that there is
 * nowhere, PROVIDER_LOAD_FAILURE for one that is required and not this program's. cls may be NULL. */
cimf_status input_architecture(struct task *t, const struct cim_class *cls);
/* The target class: INVALID_CLASS with its name. */
cimf_status input_class(struct task *t, struct slice name, const struct cim_class **out);

/* Starts of the verbs: check what needs no waiting, set t->next and friends. */
cimf_status start_get_class(struct task *t);
cimf_status start_enum_classes(struct task *t);
cimf_status start_put_class(struct task *t);
cimf_status start_delete_class(struct task *t);
cimf_status start_get_instance(struct task *t);
cimf_status start_enum_instances(struct task *t);
cimf_status start_put_instance(struct task *t);
cimf_status start_delete_instance(struct task *t);
cimf_status start_query(struct task *t);
cimf_status start_invoke(struct task *t);
cimf_status start_subscribe(struct task *t);
cimf_status start_send_event(struct task *t);

/* --- watch.c: deadlines of calls on the pool ----------------------------------------------------
 */
struct watch *watch_new(void);
void watch_free(struct watch *w);
void watch_add(struct task *t, int64_t deadline);
void watch_remove(struct task *t);
void task_expired(void *arg); /* takes over one reference; runs on the home thread */

#endif
