/*
 * provider/service.h - services as both sources tell them: systemd over D-Bus (systemd.c), or unit
 * files and processes where systemd does not run (unitfiles.c). service.c makes instances of them.
 */
#ifndef PROVIDER_SERVICE_H
#define PROVIDER_SERVICE_H

#include "base/arena.h"

#define SERVICE_SUFFIX ".service"
#define SERVICES_MAX 16384

/* What a list shows. Words are systemd's own; "" = unknown. */
struct service_unit {
    struct slice name; /* "ssh.service" */
    struct slice description;
    struct slice active;     /* active, activating, deactivating, inactive, failed, reloading */
    struct slice file_state; /* enabled, static, disabled, masked, generated, indirect, ... */
    struct slice object;     /* D-Bus path of a loaded unit */
    struct slice path;       /* unit file (unitfiles.c) */
};

/* What one unit tells when asked. */
struct service_details {
    struct slice description, file_state, command, user, type, result;
    uint32_t pid;
    int32_t status;        /* exit status of the main process */
    bool can_stop, wanted; /* wanted: another unit pulls it in */
};

/* Windows words for systemd's. */
const char *service_state(struct slice active);
/* "Auto", "Manual" or "Disabled"; NULL if unknown. wanted decides about static units. */
const char *service_start_mode(struct slice file_state, bool wanted);
/* The mode depends on who wants the unit. */
bool service_start_mode_open(struct slice file_state);
/* "ssh" of "ssh.service" */
struct slice service_short_name(struct slice unit);

struct provider_call;
struct cim_instance;
/* StartService and StopService (service_change.c); out gets the ReturnValue. */
cimf_status service_change(struct provider_call *c, bool start, const struct cim_instance *target, struct cim_instance *out);
/* Return value of what systemctl came to. */
uint32_t service_change_code(cimf_status status, int exit_code, struct slice err);

#endif
