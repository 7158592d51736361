/*
 * cimom/localised.h - classes with the amended qualifiers of a locale (MS-WMI 3.1.1.2, 2.2.6):
 * those that stand in child namespace "ms_409" and the like are merged into the neutral class;
 * neutral ones win.
 */
#ifndef CIMOM_LOCALISED_H
#define CIMOM_LOCALISED_H

#include "cimom/cimom_priv.h"

enum { LOCALES_MAX = 4 };

struct localised {
    struct cim_schema *schema[LOCALES_MAX]; /* in order of preference */
    unsigned count;
    struct map done; /* class name -> merged class */
};

/* "en-US", "MS_409", "de,en": opens what there is of the child namespaces of t->ns. "" stands for
 * MS_409. */
cimf_status localised_open(struct localised *l, struct task *t);
/* The merged class, held by t->arena; cls itself where nothing is to be merged. */
const struct cim_class *localised_class(struct localised *l, struct task *t,
                                        const struct cim_class *cls);
void localised_close(struct localised *l);
/* "ms_409" of one locale name; false: unknown. */
bool localised_name(struct slice locale, char out[16]);
/* Of the first known one of a list: where the words of a change go. An empty list is the server's own locale. */
bool localised_first(struct slice list, char out[16]);

#endif
