#include "provider/block.h"

#include <stdlib.h>

#include "provider/source.h"
#include "provider/text.h"

static bool is_disk_name(struct slice name)
{
    static const char *const others[] = { "loop", "ram", "zram", "dm-", "md",
                                          "sr",   "fd",  "nbd",  "zd" };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (slice_starts(name, slice_str(others[i]))) return false;
    return true;
}

static bool device_number(struct arena *a, struct slice dir, uint32_t *major, uint32_t *minor)
{
    struct slice text, low, high;
    uint64_t x, y;
    if (!source_read(a, &text, "/sys/" SLICE_FMT "/dev", SLICE_ARG(dir))) return false;
    high = slice_split(slice_trim(text), ':', &low);
    if (!text_u64(high, &x) || !text_u64(low, &y) || x > UINT32_MAX || y > UINT32_MAX) return false;
    *major = (uint32_t)x;
    *minor = (uint32_t)y;
    return true;
}

/* "../devices/pci0000:00/.../block/sda" without its first dots; the plain folder where /sys/block
 * has folders instead of links. */
static struct slice sys_path(struct arena *a, struct slice name)
{
    struct slice link;
    if (source_link(a, &link, "/sys/block/" SLICE_FMT, SLICE_ARG(name))) {
        while (slice_starts(link, SLICE("../"))) link = slice_sub(link, 3);
        return link;
    }
    return arena_printf(a, "block/" SLICE_FMT, SLICE_ARG(name));
}

static bool read_disk(struct arena *a, struct slice name, struct block_disk *d)
{
    uint64_t blocks, v;
    memset(d, 0, sizeof *d);
    d->name = name;
    d->path = sys_path(a, name);
    if (!d->path.p || !device_number(a, d->path, &d->major, &d->minor)) return false;
    if (!source_u64(&blocks, "/sys/" SLICE_FMT "/size", SLICE_ARG(d->path)) || blocks == 0)
        return false;
    d->bytes = blocks * 512; /* sysfs counts 512-byte blocks whatever the sector */
    d->sector = source_u64(&v, "/sys/" SLICE_FMT "/queue/logical_block_size", SLICE_ARG(d->path))
                    ? (uint32_t)v
                    : 512;
    d->removable = source_u64(&v, "/sys/" SLICE_FMT "/removable", SLICE_ARG(d->path)) && v;
    d->read_only = source_u64(&v, "/sys/" SLICE_FMT "/ro", SLICE_ARG(d->path)) && v;
    return !(source_u64(&v, "/sys/" SLICE_FMT "/hidden", SLICE_ARG(d->path)) && v);
}

static int by_start(const void *x, const void *y)
{
    const struct block_partition *a = x, *b = y;
    if (a->start != b->start) return a->start < b->start ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static bool read_partitions(struct arena *a, struct block_list *out, size_t room, size_t disk)
{
    struct block_disk *d = &out->disk[disk];
    struct slice *names;
    size_t n;
    d->first_partition = out->partitions;
    if (!source_names(a, NULL, &names, &n, "/sys/" SLICE_FMT, SLICE_ARG(d->path))) return true;
    for (size_t i = 0; i < n && out->partitions < room; i++) {
        uint64_t number, start, size;
        if (!slice_starts(names[i], d->name)) continue;
        struct slice dir =
            arena_printf(a, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(d->path), SLICE_ARG(names[i]));
        struct block_partition p = { .name = names[i], .disk = disk };
        if (!dir.p) return false;
        if (!source_u64(&number, "/sys/" SLICE_FMT "/partition", SLICE_ARG(dir)) ||
            !source_u64(&start, "/sys/" SLICE_FMT "/start", SLICE_ARG(dir)) ||
            !source_u64(&size, "/sys/" SLICE_FMT "/size", SLICE_ARG(dir)) ||
            !device_number(a, dir, &p.major, &p.minor))
            continue;
        p.number = (unsigned)number;
        p.start = start * 512;
        p.bytes = size * 512;
        out->partition[out->partitions++] = p;
        d->partitions++;
    }
    struct block_partition *first = out->partition + d->first_partition;
    if (d->partitions) qsort(first, d->partitions, sizeof *first, by_start);
    for (unsigned i = 0; i < d->partitions; i++) first[i].index = i;
    return true;
}

/* How many folders there can be, to size the list. */
static size_t partition_room(const struct block_list *list)
{
    uint64_t all = 0, n;
    for (size_t i = 0; i < list->disks; i++)
        if (source_count(NULL, &n, "/sys/" SLICE_FMT, SLICE_ARG(list->disk[i].path))) all += n;
    return all < BLOCK_MAX ? (size_t)all : BLOCK_MAX;
}

bool block_read(struct arena *a, bool with_partitions, struct block_list *out)
{
    struct slice *names;
    size_t n;
    memset(out, 0, sizeof *out);
    if (!source_names(a, is_disk_name, &names, &n, "/sys/block"))
        return true; /* no sysfs, no disks */
    if (n > BLOCK_MAX) n = BLOCK_MAX;
    out->disk = ARENA_ARRAY(a, n + 1, struct block_disk);
    if (!out->disk) return false;
    for (size_t i = 0; i < n; i++)
        if (read_disk(a, names[i], &out->disk[out->disks])) {
            out->disk[out->disks].index = (unsigned)out->disks;
            out->disks++;
        }
    if (!with_partitions) return true;
    size_t room = partition_room(out);
    out->partition = ARENA_ARRAY(a, room + 1, struct block_partition);
    if (!out->partition) return false;
    for (size_t i = 0; i < out->disks && out->partitions < room; i++)
        if (!read_partitions(a, out, room, i)) return false;
    return true;
}

struct slice block_partition_id(struct arena *a, const struct block_list *list,
                                const struct block_partition *p)
{
    return arena_printf(a, "Disk #%u, Partition #%u", list->disk[p->disk].index, p->index);
}

struct slice block_device(struct arena *a, struct slice name)
{
    struct slice path = arena_printf(a, "/dev/" SLICE_FMT, SLICE_ARG(name));
    char *p = path.p ? arena_strz(a, path) : NULL;
    if (!p) return SLICE("");
    for (size_t i = 0; i < path.n; i++)
        if (p[i] == '!') p[i] = '/';
    return slice_of(p, path.n);
}
