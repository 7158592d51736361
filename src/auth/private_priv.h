/* auth/private_priv.h - files with secrets: accounts, their key, the certificate map. Mode 0600, owned by root, by this
 * user or by the broker's; never through a symbolic link. */
#ifndef AUTH_PRIVATE_PRIV_H
#define AUTH_PRIVATE_PRIV_H

#include <sys/stat.h>

#include "auth/accounts.h"
#include "base/buf.h"

/* The whole file; CIMF_ACCESS_DENIED for one of another owner (than root, this user, *owner if not NULL) or mode. st is
 * of what was read. CIMF_NOT_FOUND. */
cimf_status private_read(const char *path, const uid_t *owner, struct buf *text, struct stat *st, struct error *e);
/* Waits for "<path>.lock"; close(*fd) (-1: none) lets it go. */
cimf_status private_lock(const char *path, int *fd, struct error *e);
/* A new text by way of a file beside it, durable, whole or not at all. was: of the file replaced, NULL if there is none. */
cimf_status private_replace(const struct accounts_place *place, const struct stat *was, struct slice text,
                            struct error *e);

#endif
