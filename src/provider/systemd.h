/* provider/systemd.h - the service manager over D-Bus (org.freedesktop.systemd1(5)). */
#ifndef PROVIDER_SYSTEMD_H
#define PROVIDER_SYSTEMD_H

#include "base/status.h"
#include "provider/service.h"

struct sd_bus;

/* systemd is the service manager of this machine (sd_booted(3)). */
bool systemd_runs(void);
/* For tests: where the manager listens instead of the system bus; NULL = the system bus. */
void systemd_set_address(const char *address);
/* A connection of the caller; systemd_close accepts NULL. */
cimf_status systemd_open(struct sd_bus **out, struct error *e);
void systemd_close(struct sd_bus *bus);
/* Services that are loaded or have a unit file; templates and aliases are left out. only: a short
 * name in any case, n == 0 for all. */
cimf_status systemd_services(struct sd_bus *bus, struct arena *a, struct slice only,
                             struct service_unit **list, size_t *count, struct error *e);
/* Asks for one half of the details or both; each is a call in which systemd looks at some hundred
 * values. */
#define SYSTEMD_UNIT 1u    /* description, file_state, can_stop, wanted */
#define SYSTEMD_SERVICE 2u /* command, user, type, result, pid, status */
/* false when the unit is gone. */
bool systemd_details(struct sd_bus *bus, struct arena *a, const struct service_unit *unit,
                     unsigned what, struct service_details *out);
/* Environment that services get, "NAME=value" each; false where there is no manager to ask. */
bool systemd_environment(struct arena *a, struct slice **list, uint32_t *count);

#endif
