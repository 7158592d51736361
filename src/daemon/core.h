/*
 * daemon/core.h - the repository, the worker pool and the object manager, put together from the
 * configuration. `cimd serve` adds listeners to it; `cimd mof` uses it alone when no daemon runs.
 */
#ifndef DAEMON_CORE_H
#define DAEMON_CORE_H

#include "cimom/cimom.h"
#include "daemon/config.h"
#include "host/host.h"
#include "os/pool.h"

struct core {
    struct pool *pool;
    struct repo *repo;
    struct cimom *cimom;
    char server[256]; /* host name, for __SERVER */
};

/* CIMF_ALREADY_EXISTS when a running daemon has the repository open. Blocks; the first start of a store compiles the
 * built-in schema. On failure nothing stays open. */
cimf_status core_open(struct core *c, const struct config *config, struct error *e);
/* The same on the repository in this folder, which is there: how cimd-core does it. hosts: for providers, may be NULL;
 * outlives it. */
cimf_status core_open_in(struct core *c, const struct config *config, const char *folder, struct hosts *hosts, struct error *e);
/* Loops that operations run on must have ended before. */
void core_close(struct core *c);

#endif
