/*
 * daemon/care.h - backup, restore, pause and resume that clients of WMI ask for: jobs of the worker pool, files in the folder of
 * wmi.backup_dir and nowhere else.
 */
#ifndef DAEMON_CARE_H
#define DAEMON_CARE_H

#include "daemon/core.h"
#include "wmi/wmi.h"

/* For dcerpc_config; core outlives what uses them. The folder is ROLE_FD_BACKUP. */
struct wmi_care_hooks care_hooks(struct core *core);

#endif
