/* provider/udev.h - what udev found out about a device (/run/udev/data); containers have none of
 * it. */
#ifndef PROVIDER_UDEV_H
#define PROVIDER_UDEV_H

#include "base/arena.h"

/* Record of a block device or a network interface; n == 0 if there is none. */
struct slice udev_block(struct arena *a, uint32_t major, uint32_t minor);
struct slice udev_net(struct arena *a, uint32_t ifindex);
/* Property of a record ("ID_SERIAL_SHORT"); "" if unset. */
struct slice udev_get(struct arena *a, struct slice record, const char *name);

#endif
