/*
 * cimom/source.h - the instances of exactly one class, whoever holds them: repository, provider, or
 * the object manager itself (namespaces). Private to cimom.
 */
#ifndef CIMOM_SOURCE_H
#define CIMOM_SOURCE_H

#include "cimom/cimom_priv.h"

enum source_kind { SOURCE_NONE, SOURCE_REPO, SOURCE_PROVIDER, SOURCE_NAMESPACES };

/* What the rows are for: read by provider and source alike; lives as long as the source. */
struct source_wish {
    const uint8_t *wants;       /* one byte a property of `of`; NULL = all */
    const struct cim_class *of; /* class that wants is about: the source's class or an ancestor */
    const struct cim_context_value *keys; /* fixed by equality */
    uint32_t key_count;
};

struct source {
    struct task *t;
    struct cimom_ns *ns;       /* borrowed */
    struct cim_schema *schema; /* borrowed */
    const struct cim_class *cls;
    enum source_kind kind;
    struct repo_txn *txn;
    struct repo_scan scan;
    bool scanning;
    struct repo_key after;
    struct provider_entry *entry;
    struct provider_call call;
    struct arena rows, scratch;
    struct error error;
    uint8_t *unsent; /* state bytes of a fresh instance, NULL: all unset */
    bool opened;
    void *state;
    size_t row_count, row;
    struct slice *names; /* children */
};

/* GEN_END: ready. GEN_POOL, GEN_ERROR. */
enum gen source_open(struct source *s, struct task *t, struct cimom_ns *ns,
                     struct cim_schema *schema, const struct cim_class *cls,
                     const struct source_wish *wish);
/* GEN_OBJECT with *out in the arena, GEN_MORE (a row vanished), GEN_END, GEN_ERROR. */
enum gen source_next(struct source *s, struct arena *a, struct cim_instance **out);
/* Place of the last instance delivered; source_seek goes back to just after it. */
struct source_place {
    struct slice key;
    size_t row;
};
bool source_place(struct source *s, struct arena *a, struct source_place *out);
void source_seek(struct source *s, const struct source_place *place);
void source_suspend(struct source *s); /* ends the snapshot, keeps the place */
void source_close(struct source *s);

/* One call of a provider for the task: limits, breaker, who is asked. */
enum gen provider_enter(struct task *t,
                        struct provider_entry *entry); /* GEN_END: go; GEN_POOL; GEN_ERROR */
void provider_leave(struct task *t);
void provider_hangs(struct task *t);   /* the task was given up */
void provider_returns(struct task *t); /* a task that was given up came back */
/* Fills *call for a call on cls. */
void provider_call_init(struct provider_call *call, struct task *t, struct cimom_ns *ns,
                        const struct cim_class *cls, struct arena *a, struct arena *scratch,
                        struct error *error);
/* A call that ends before it returns, without rows that anybody waits for. */
struct provider_once {
    struct arena rows, scratch;
    struct error error;
    struct provider_call call;
};
/* GEN_END: the provider may be called, provider_end is due. Anything else is the task's answer. */
enum gen provider_begin(struct provider_once *o, struct task *t, struct provider_entry *entry, const struct cim_class *cls);
/* With what the call came to: GEN_END, or its failure as the operation's. */
enum gen provider_end(struct provider_once *o, struct task *t, struct provider_entry *entry, cimf_status status);
/* A failure that a provider reported, as the operation's. */
enum gen provider_failed(struct task *t, const struct provider_entry *entry, cimf_status status,
                         const struct error *error);
enum source_kind source_kind_of(const struct cimom_ns *ns, const struct cim_class *cls);

#endif
