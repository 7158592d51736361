/*
 * provider/unitfiles.h - services where systemd does not run, as in most containers: unit files
 * (systemd.unit(5)) say what there is and whether it would start, processes say what runs.
 *
 * Drop-in files and generators are not read. A service runs when a process has its program (and,
 * for interpreters, its arguments); one-shot services never look like running.
 */
#ifndef PROVIDER_UNITFILES_H
#define PROVIDER_UNITFILES_H

#include "provider/service.h"

struct unitfiles_process {
    uint32_t pid;
    struct slice exe;     /* "" if unknown */
    struct slice cmdline; /* arguments, each with its NUL */
};

struct unitfiles_process_list {
    struct unitfiles_process *process;
    size_t count;
};

/* only: a short name in any case, n == 0 for all. */
bool unitfiles_services(struct arena *a, struct slice only, struct service_unit **list,
                        size_t *count);
bool unitfiles_details(struct arena *a, const struct service_unit *unit,
                       struct service_details *out);
bool unitfiles_processes(struct arena *a, struct unitfiles_process_list *out);
/* Process id of the service with this command, 0 if none runs. */
uint32_t unitfiles_running(struct arena *a, const struct unitfiles_process_list *list,
                           struct slice command);

#endif
