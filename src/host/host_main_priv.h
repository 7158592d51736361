/* host/host_main_priv.h - from a job to a program that can be started (host_program.c). */
#ifndef HOST_HOST_MAIN_PRIV_H
#define HOST_HOST_MAIN_PRIV_H

#include "base/arena.h"
#include "host/job.h"
#include "os/process.h"

/* Everything lives in the arena. Looks whether folder and program are there and may be used, for errors that say so:
 * CIMF_NOT_FOUND, CIMF_ACCESS_DENIED, CIMF_OUT_OF_MEMORY. */
cimf_status host_program(struct arena *a, const struct host_job *j, struct process_spec *out, struct error *e);

#endif
