/* daemon/checkup_priv.h - the parts of checkup.h: addresses (checkup_listen.c), files and folders (checkup_files.c). */
#ifndef DAEMON_CHECKUP_PRIV_H
#define DAEMON_CHECKUP_PRIV_H

#include "daemon/checkup.h"

/* status CIMF_OK: a warning. */
void checkup_add(struct checkup *x, cimf_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));
static inline bool checkup_set(const struct checkup *x, enum config_key k) { return *config_text(x->config, k) != 0; }

void checkup_addresses(struct checkup *x);
void checkup_folders(struct checkup *x);
void checkup_files(struct checkup *x, bool parse);

#endif
