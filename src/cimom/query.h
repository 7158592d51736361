/* cimom/query.h - the forms of a query (private to cimom). Each start takes over the plan. */
#ifndef CIMOM_QUERY_H
#define CIMOM_QUERY_H

#include "cimom/plan.h"

cimf_status start_associate(struct task *t, struct plan *p);
/* WBEM_FLAG_PROTOTYPE: the class of the results. */
cimf_status start_prototype(struct task *t, struct plan *p);

#endif
