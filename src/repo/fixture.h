/* repo/fixture.h - for tests only: a throw-away store and a few classes. */
#ifndef REPO_FIXTURE_H
#define REPO_FIXTURE_H

#include "cim/instance.h"
#include "repo/repo.h"

#define NS SLICE("root/test")

/* T_Base { [key] string Name; uint32 Number; string Text; sint64 List[]; datetime When; T_Sub adds
 * boolean Flag; T_Link { [key] ref Left; [key] ref Right; string Note }, T_Only is a singleton. */
enum { FIXTURE_BASE, FIXTURE_SUB, FIXTURE_LINK, FIXTURE_ONLY, FIXTURE_CLASSES };

struct fixture {
    char dir[64];
    struct arena a;
    struct repo *repo;
    struct cim_class_decl decl[FIXTURE_CLASSES];
    const struct cim_class *cls[FIXTURE_CLASSES];
    struct repo_classes classes;
};

/* Makes a folder below TMPDIR and resolves the classes; opens nothing. */
void fixture_init(struct fixture *f);
/* Opens (creating) and puts the namespace and classes. Asserts. */
void fixture_open(struct fixture *f, const struct repo_options *options);
void fixture_close(struct fixture *f);
/* Closes and removes everything. */
void fixture_free(struct fixture *f);
/* dir/name, static storage. */
const char *fixture_path(const struct fixture *f, const char *name);

/* An instance of T_Base (or T_Sub) with all properties set from number. */
struct cim_instance *fixture_instance(struct arena *a, const struct cim_class *cls, const char *name,
                                      uint32_t number);
/* Put of it under key text = name, synchronously. */
cimf_status fixture_put(struct fixture *f, const struct cim_class *cls, const char *name, uint32_t number,
                        unsigned flags);
cimf_status fixture_delete(struct fixture *f, const char *name);
/* Its Number; asserts that Text and List go with it. -1 when there is none. */
int64_t fixture_number(struct fixture *f, const char *name);

/* "a" and "b" of T_Sub with the same Number, in one transaction: what a reader must never see apart. For repo_write; arg is
 * a struct fixture_pair. */
struct fixture_pair {
    struct fixture *f;
    uint32_t number;
};
cimf_status fixture_put_pair(struct repo_txn *txn, void *arg, struct error *e);

/* A whole file into malloc'ed memory, and back. */
struct slice fixture_read(const char *path);
void fixture_write(const char *path, struct slice bytes);

#endif
