/* mof/apply_priv.h - the state of one mof_apply, shared by apply.c (productions) and build.c (values). */
#ifndef MOF_APPLY_PRIV_H
#define MOF_APPLY_PRIV_H

#include "mof/mof.h"

/* What an alias stands for once its production is done. */
struct mof_symbol {
    const struct cim_class *cls;      /* of a class; held by the arena */
    struct cim_instance *instance;    /* of an instance */
    struct slice path;                /* relative; made when first asked for */
};

struct mof_compile {
    struct arena *a;
    struct mof_unit *u;
    const struct mof_target *target;
    void *arg;
    struct error *e;
    struct mof_symbol *symbols;       /* one per production; NULL when there are no aliases */
    struct slice ns;                  /* of the production at work */
    struct slice checked_ns;          /* last one found to exist */
    struct mof_counts counts;
};

/* Puts the failure `cause` (may be NULL) and its place into c->e. Answers status. */
cimf_status mof_compile_failed(struct mof_compile *c, struct mof_place place, cimf_status status,
                               const struct error *cause);
cimf_status mof_compile_error(struct mof_compile *c, struct mof_place place, cimf_status status,
                              int code, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
cimf_status mof_compile_no_room(struct mof_compile *c, struct mof_place place);

/* An instance typed by its class in c->ns. */
cimf_status mof_build_instance(struct mof_compile *c, const struct mof_instance *in,
                               struct cim_instance **out);
/* The declaration with the defaults that need a schema filled in. */
cimf_status mof_build_class(struct mof_compile *c, const struct mof_class *in,
                            struct cim_class_decl *out);

#endif
