/*
 * daemon/tables.h - the tables among the configuration resources (wsman/rows.h): descriptors of resources, which live
 * in the repository, the listeners this daemon has, and the certificate map, which is cimd-auth's.
 */
#ifndef DAEMON_TABLES_H
#define DAEMON_TABLES_H

#include "auth/broker.h"
#include "daemon/config.h"
#include "repo/repo.h"
#include "wsman/authorize.h"
#include "wsman/rows.h"

/* --- .../config/service/security (MS-WSMV 3.1.4.1.29.4): resource_security.c --- */
struct security_table;
/* repo outlives it. */
cimf_status security_table_new(struct repo *repo, struct security_table **out, struct error *e);
void security_table_free(struct security_table *t); /* NULL allowed */
/* Puts in force what earlier runs stored, and from now on each change. Before the first request. */
cimf_status security_table_start(struct security_table *t, struct wsman_authorize *w, struct error *e);
/* The repository was replaced. */
cimf_status security_table_reload(struct security_table *t, struct error *e);
struct wsman_rows *security_table_rows(struct security_table *t);

/* --- .../config/listener (3.1.4.1.29.5): listeners.c --- */
struct listener_table;
/* host: of this machine; certificate: PEM of the server's, an open file, or -1. Texts are copied. */
cimf_status listener_table_new(const struct config *config, const char *host, int certificate,
                               struct listener_table **out, struct error *e);
void listener_table_free(struct listener_table *t); /* NULL allowed */
/* A socket that listens. */
cimf_status listener_table_add(struct listener_table *t, int fd, bool tls, struct error *e);
struct wsman_rows *listener_table_rows(struct listener_table *t);

/* --- .../config/service/certmapping (3.1.4.1.29.3): mappings.c --- */
struct mapping_table;
/* broker outlives it. */
cimf_status mapping_table_new(struct auth_broker *broker, struct mapping_table **out, struct error *e);
void mapping_table_free(struct mapping_table *t); /* NULL allowed */
struct wsman_rows *mapping_table_rows(struct mapping_table *t);

#endif
