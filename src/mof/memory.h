/*
 * mof/memory.h - a compile target in plain memory: schemas and instances of a few namespaces.
 *
 * For checking a text without a store (every error that needs a schema), for tests, fuzzing and the
 * benchmark. One thread. A unit is applied whole or not at all.
 */
#ifndef MOF_MEMORY_H
#define MOF_MEMORY_H

#include "cim/schema.h"
#include "mof/mof.h"

struct mof_memory;

/* Knows one namespace, empty. NULL when out of memory. */
struct mof_memory *mof_memory_new(struct slice ns);
void mof_memory_free(struct mof_memory *m);

/* mof_apply in one transaction. An instance of __Namespace makes the child namespace, with the system
 * classes (names with "__") of its parent. */
cimf_status mof_memory_apply(struct mof_memory *m, struct arena *a, struct mof_unit *u,
                             struct mof_counts *counts, struct error *e);

/* Borrowed until the next apply. NULL if absent. */
const struct cim_schema *mof_memory_schema(const struct mof_memory *m, struct slice ns);
/* Instances in the order they were last put. NULL past the end. */
const struct cim_instance *mof_memory_instance(const struct mof_memory *m, size_t i);
size_t mof_memory_count(const struct mof_memory *m);
/* By relative path as cim_path_write has it; NULL if absent. */
const struct cim_instance *mof_memory_find(const struct mof_memory *m, struct slice ns,
                                           struct slice path);
/* For mof_options.qualifier, arg = the memory. */
const struct cim_qualifier_decl *mof_memory_qualifier(void *m, struct slice ns, struct slice name);

#endif
