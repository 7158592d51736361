/* provider/mounts.h - the mount table (mountinfo, proc(5)) as a list of file systems worth showing.
 */
#ifndef PROVIDER_MOUNTS_H
#define PROVIDER_MOUNTS_H

#include "base/arena.h"

/* Values of Win32_LogicalDisk.DriveType. */
enum mount_kind {
    MOUNT_REMOVABLE = 2,
    MOUNT_FIXED = 3,
    MOUNT_NETWORK = 4,
    MOUNT_OPTICAL = 5,
    MOUNT_RAM = 6
};

struct mount {
    struct slice point;  /* "/home" */
    struct slice root;   /* what of the file system is mounted: "/", "/@home" */
    struct slice type;   /* "ext4" */
    struct slice source; /* "/dev/sda1", "server:/export" */
    uint32_t major, minor;
    bool read_only;
    enum mount_kind kind;
};

#define MOUNTS_MAX 16384

/* All mounts as the kernel lists them; bad lines are skipped. */
bool mounts_parse(struct arena *a, struct slice text, struct mount **list, size_t *count);
/* Those that hold files of people: no pseudo file systems, one per mount point (the visible one),
 * no bind mounts of files or of what is shown already. */
bool mounts_read(struct arena *a, struct mount **list, size_t *count);
/* The mount at that point in the list, or NULL. */
const struct mount *mounts_at(const struct mount *list, size_t count, struct slice point);

#endif
