/* provider/block.h - disks and their partitions from /sys/block, numbered as the classes show them.
 */
#ifndef PROVIDER_BLOCK_H
#define PROVIDER_BLOCK_H

#include "base/arena.h"

#define BLOCK_MAX 16384

struct block_disk {
    struct slice name; /* "sda" */
    struct slice path; /* below /sys: "devices/pci0000:00/.../block/sda" */
    unsigned index;    /* order of names, from 0 */
    uint32_t major, minor;
    uint64_t bytes;
    uint32_t sector; /* logical block size, bytes */
    bool removable, read_only;
    unsigned partitions;
    size_t first_partition; /* in block_list.partition */
};

struct block_partition {
    struct slice name; /* "sda1" */
    size_t disk;       /* in block_list.disk */
    unsigned number;   /* in the partition table, from 1 */
    unsigned index;    /* by place on the disk, from 0 */
    uint32_t major, minor;
    uint64_t start, bytes; /* bytes */
};

struct block_list {
    struct block_disk *disk;
    size_t disks;
    struct block_partition *partition;
    size_t partitions;
};

/* Whole disks that hold data: no loop, ram, device mapper, optical or floppy devices, none of size
 * 0. with_partitions false leaves those out (and their counts 0). */
bool block_read(struct arena *a, bool with_partitions, struct block_list *out);
/* "Disk #0, Partition #1" */
struct slice block_partition_id(struct arena *a, const struct block_list *list,
                                const struct block_partition *p);
/* "/dev/sda"; '!' in names of /sys stands for '/'. */
struct slice block_device(struct arena *a, struct slice name);

#endif
