/*
 * daemon/control.h - the control socket of a running daemon: `cimd mof`, `cimd sd`, `cimd backup` and `cimd restore` ask it to do what
 * only the owner of the repository can. A local socket in run_dir, mode 0600; the peer must be this user or
 * root. One thread, one request at a time, messages as in message.h.
 *
 * Requests: "mof", namespace, then name and text of each file (the first is compiled, the others are what it
 * includes) · "backup" · "restore", path (with a descriptor of the file) · "sd", "show" or "reset", namespace; "sd", "set", namespace, SDDL · "ping".
 * Reply (always nine fields): name of a status, text (of "sd": the descriptor now in force), four counts of "mof", and
 * what and where a failure is about (file, line, column). With the reply of "backup" comes a descriptor of the copy:
 * the daemon may write to no other folder than its own.
 */
#ifndef DAEMON_CONTROL_H
#define DAEMON_CONTROL_H

#include <sys/types.h>

#include "cimom/cimom.h"
#include "daemon/bundle.h"
#include "daemon/config.h"

struct control;
/* The supervisor's part: the listening socket, in run_dir; and its removal. */
cimf_status control_listen(const struct config *config, int *fd, struct error *e);
void control_forget(const struct config *config);
/* Whether a socket can have its name in run_dir. */
cimf_status control_check(const struct config *config, struct error *e);
/* cimd-core's: answers on fd, which is taken, peers that are root or starter. */
cimf_status control_start(int fd, uid_t starter, struct cimom *cimom, struct control **out, struct error *e);
void control_stop(struct control *c); /* waits for a request in progress; NULL allowed */

/* The asking side. *running false (and CIMF_OK) when no daemon listens. give: a descriptor to send, or -1.
 * fd: a descriptor that came along or -1; NULL: none is expected. */
cimf_status control_ask(const struct config *config, const struct slice *fields, size_t count, struct arena *a,
                        struct slice **reply, size_t *reply_count, bool *running, int give, int *fd, struct error *e);

/* Status and error of a reply. */
cimf_status control_reply(struct slice *reply, size_t count, struct error *e);

/* What "sd" asks for; also what `cimd sd` does without a daemon. */
cimf_status control_descriptor(struct cimom *m, const struct principal *p, const struct slice *fields, size_t count,
                               struct buf *text, struct error *e);
/* Compiles a bundle as the local administrator; what both `cimd mof` without a daemon and the control socket do. */
cimf_status control_compile(struct cimom *m, struct slice ns, const struct bundle *b, struct mof_counts *counts,
                            struct error *e);

#endif
