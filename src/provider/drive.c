/*
 * provider/drive.c - Win32_DiskDrive, Win32_DiskPartition, and what joins them and the mounted file
 * systems: Win32_DiskDriveToDiskPartition, Win32_LogicalDiskToPartition. Sizes and offsets are
 * bytes.
 */
#include "provider/block.h"
#include "provider/host.h"
#include "provider/mounts.h"
#include "provider/source.h"
#include "provider/table.h"
#include "provider/text.h"
#include "provider/udev.h"

static void put(struct cim_instance *out, const char *name, struct slice text)
{
    if (text.n) cim_put_str(out, name, text);
}

static struct block_list *read_blocks(struct provider_call *c, bool with_partitions)
{
    struct block_list *list = ARENA_NEW(c->arena, struct block_list);
    return list && block_read(c->arena, with_partitions, list) ? list : NULL;
}

static cimf_status drive_open(struct provider_call *c, void **state, size_t *rows)
{
    struct block_list *list = read_blocks(c, provider_wants(c, "Partitions"));
    struct slice id;
    if (!list) return CIMF_OUT_OF_MEMORY;
    if (provider_key_text(c, "DeviceID", &id)) {
        size_t kept = 0;
        for (size_t i = 0; i < list->disks; i++)
            if (slice_ieq(block_device(c->arena, list->disk[i].name), id))
                list->disk[kept++] = list->disk[i];
        list->disks = kept;
    }
    *state = list;
    *rows = list->disks;
    return CIMF_OK;
}

static bool path_has(const struct block_disk *d, const char *part)
{
    size_t n = strlen(part);
    for (size_t i = 0; i + n <= d->path.n; i++)
        if (memcmp(d->path.p + i, part, n) == 0) return true;
    return false;
}

/* The words that Windows knows; other buses stay NULL. */
static const char *interface_of(const struct block_disk *d)
{
    if (path_has(d, "/usb")) return "USB";
    if (path_has(d, "/ata")) return "IDE";
    if (path_has(d, "/fw")) return "1394";
    if (path_has(d, "/host") || path_has(d, "/virtio") || path_has(d, "/nvme")) return "SCSI";
    return NULL;
}

static struct slice serial_of(struct arena *a, const struct block_disk *d, struct slice record)
{
    struct slice text = udev_get(a, record, "ID_SERIAL_SHORT"), page;
    if (text.n) return text;
    if (source_text(a, &text, "/sys/" SLICE_FMT "/device/serial", SLICE_ARG(d->path)) ||
        source_text(a, &text, "/sys/" SLICE_FMT "/serial", SLICE_ARG(d->path)))
        return text;
    /* SPC unit serial number page: four bytes of header, then the number */
    if (source_read(a, &page, "/sys/" SLICE_FMT "/device/vpd_pg80", SLICE_ARG(d->path)) &&
        page.n > 4)
        return text_clean(a, slice_sub(page, 4));
    return SLICE("");
}

static void put_identity(struct cim_instance *out, struct arena *a, const struct block_disk *d)
{
    struct slice record = udev_block(a, d->major, d->minor), model, text;
    if (!source_text(a, &model, "/sys/" SLICE_FMT "/device/model", SLICE_ARG(d->path)) &&
        !source_text(a, &model, "/sys/" SLICE_FMT "/device/name", SLICE_ARG(d->path)))
        model = udev_get(a, record, "ID_MODEL");
    put(out, "Model", model);
    put(out, "Caption", model.n ? model : block_device(a, d->name));
    put(out, "SerialNumber", serial_of(a, d, record));
    if (source_text(a, &text, "/sys/" SLICE_FMT "/device/firmware_rev", SLICE_ARG(d->path)) ||
        source_text(a, &text, "/sys/" SLICE_FMT "/device/rev", SLICE_ARG(d->path)))
        cim_put_str(out, "FirmwareRevision", text);
    if (source_text(a, &text, "/sys/" SLICE_FMT "/device/vendor", SLICE_ARG(d->path)) &&
        !slice_is(text, "ATA") && !slice_starts(text, SLICE("0x")))
        cim_put_str(out, "Manufacturer", text);
    put(out, "PNPDeviceID", d->path);
}

/* "0:0:1:2" at the end of the link to a SCSI device. */
static void put_scsi(struct cim_instance *out, struct arena *a, const struct block_disk *d)
{
    static const char *const names[] = { "SCSIPort", "SCSIBus", "SCSITargetId", "SCSILogicalUnit" };
    struct slice link;
    uint64_t v[4];
    if (!source_link(a, &link, "/sys/" SLICE_FMT "/device", SLICE_ARG(d->path))) return;
    struct slice rest = text_base(link);
    for (int i = 0; i < 4; i++) {
        struct slice tail;
        if (!text_u64(slice_split(rest, ':', &tail), &v[i]) || v[i] > UINT16_MAX) return;
        rest = tail;
    }
    for (int i = 0; i < 4; i++) cim_put_u64(out, names[i], v[i]);
}

static cimf_status drive_fill(struct provider_call *c, void *state, size_t row,
                              struct cim_instance *out)
{
    const struct block_list *list = state;
    const struct block_disk *d = &list->disk[row];
    struct arena *a = c->scratch;
    if (!source_exists("/sys/" SLICE_FMT, SLICE_ARG(d->path))) return CIMF_NOT_FOUND;
    struct slice device = block_device(a, d->name);
    cim_put_str(out, "DeviceID", device);
    cim_put_str(out, "Name", device);
    cim_put_strz(out, "Description", "Disk drive");
    host_put_device(out, a);
    cim_put_u64(out, "Index", d->index);
    cim_put_u64(out, "Size", d->bytes);
    if (d->sector) {
        cim_put_u64(out, "BytesPerSector", d->sector);
        cim_put_u64(out, "TotalSectors", d->bytes / d->sector);
    }
    if (provider_wants(c, "Partitions")) cim_put_u64(out, "Partitions", d->partitions);
    const char *bus = interface_of(d);
    if (bus) cim_put_strz(out, "InterfaceType", bus);
    cim_put_strz(out, "MediaType",
                 d->removable         ? "Removable Media"
                 : bus && *bus == 'U' ? "External hard disk media"
                                      : "Fixed hard disk media");
    cim_put_bool(out, "MediaLoaded", true);
    uint64_t abilities[] = { 3, 4, 7 }; /* random access, writing, removable media */
    uint32_t n = d->read_only ? 1 : 2;
    if (d->removable) abilities[n++] = 7;
    cim_put_u64v(out, "Capabilities", abilities, n);
    put_identity(out, a, d);
    put_scsi(out, a, d);
    cim_put_strz(out, "Status", "OK");
    return arena_status(a);
}

static cimf_status partition_open(struct provider_call *c, void **state, size_t *rows)
{
    struct block_list *list = read_blocks(c, true);
    struct slice id;
    if (!list) return CIMF_OUT_OF_MEMORY;
    if (provider_key_text(c, "DeviceID", &id)) {
        size_t kept = 0;
        for (size_t i = 0; i < list->partitions; i++)
            if (slice_ieq(block_partition_id(c->arena, list, &list->partition[i]), id))
                list->partition[kept++] = list->partition[i];
        list->partitions = kept;
    }
    *state = list;
    *rows = list->partitions;
    return CIMF_OK;
}

/* Names as Windows prints them, by the type codes of both kinds of table. */
static const char *partition_type(struct slice scheme, struct slice type)
{
    static const struct {
        const char *code, *name;
    } gpt[] = {
        { "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "GPT: System" },
        { "e3c9e316-0b5c-4db8-817d-f92df00215ae", "GPT: Reserved" },
        { "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", "GPT: Basic Data" },
        { "e6d6d379-f507-44c2-a23c-238f2a3df928", "GPT: Logical Volume Manager" },
    };
    static const char *const dos[16] = {
        "Unused",
        "12-bit FAT",
        NULL,
        NULL,
        "16-bit FAT",
        "Extended Partition",
        "MS-DOS V4 Huge",
        "Installable File System",
        NULL,
        NULL,
        "OS/2 Boot Manager",
        "FAT32",
        "FAT32 Extended",
        "XINT13",
        "XINT13 Extended",
        "Extended Partition",
    };
    uint64_t code;
    if (slice_is(scheme, "gpt")) {
        for (size_t i = 0; i < sizeof gpt / sizeof gpt[0]; i++)
            if (slice_ieq(type, slice_str(gpt[i].code))) return gpt[i].name;
        return "GPT: Unknown";
    }
    if (!slice_is(scheme, "dos")) return NULL;
    return text_hex(type, &code) && code < 16 && dos[code] ? dos[code] : "Unknown";
}

static void put_table(struct cim_instance *out, struct arena *a, const struct block_partition *p)
{
    struct slice record = udev_block(a, p->major, p->minor);
    struct slice scheme = udev_get(a, record, "ID_PART_ENTRY_SCHEME");
    struct slice type = udev_get(a, record, "ID_PART_ENTRY_TYPE"), flags;
    const char *name = partition_type(scheme, type);
    if (!name) return;
    cim_put_strz(out, "Type", name);
    bool gpt = slice_is(scheme, "gpt");
    uint64_t bits = 0;
    flags = udev_get(a, record, "ID_PART_ENTRY_FLAGS");
    if (flags.n) text_hex(flags, &bits);
    /* the active flag of the old table; in the new one the EFI system partition and flag 2 start
     * machines */
    bool boot = gpt ? !strcmp(name, "GPT: System") || (bits & 4) : (bits & 0x80) != 0;
    cim_put_bool(out, "Bootable", boot);
    cim_put_bool(out, "BootPartition", boot);
    cim_put_bool(out, "PrimaryPartition", gpt || p->number <= 4);
}

static cimf_status partition_fill(struct provider_call *c, void *state, size_t row,
                                  struct cim_instance *out)
{
    const struct block_list *list = state;
    const struct block_partition *p = &list->partition[row];
    const struct block_disk *d = &list->disk[p->disk];
    struct arena *a = c->scratch;
    struct slice id = block_partition_id(a, list, p);
    if (!source_exists("/sys/" SLICE_FMT "/" SLICE_FMT, SLICE_ARG(d->path), SLICE_ARG(p->name)))
        return CIMF_NOT_FOUND;
    cim_put_str(out, "DeviceID", id);
    cim_put_str(out, "Name", id);
    cim_put_str(out, "Caption", id);
    cim_put_str(out, "Description", block_device(a, p->name));
    host_put_device(out, a);
    cim_put_u64(out, "DiskIndex", d->index);
    cim_put_u64(out, "Index", p->index);
    cim_put_u64(out, "Size", p->bytes);
    cim_put_u64(out, "StartingOffset", p->start);
    if (d->sector) {
        cim_put_u64(out, "BlockSize", d->sector);
        cim_put_u64(out, "NumberOfBlocks", p->bytes / d->sector);
    }
    put_table(out, a, p);
    return arena_status(a);
}

/* Rows that a fixed reference on either side leaves. */
static cimf_status drive_partition_open(struct provider_call *c, void **state, size_t *rows)
{
    cimf_status s = partition_open(c, state, rows);
    struct slice disk, partition;
    if (s) return s;
    struct block_list *list = *state;
    bool by_disk = provider_key_reference(c, "Antecedent", "DeviceID", NULL, &disk);
    bool by_partition = provider_key_reference(c, "Dependent", "DeviceID", NULL, &partition);
    size_t kept = 0;
    for (size_t i = 0; i < list->partitions; i++) {
        struct block_partition *p = &list->partition[i];
        if ((!by_disk || slice_ieq(block_device(c->arena, list->disk[p->disk].name), disk)) &&
            (!by_partition || slice_ieq(block_partition_id(c->arena, list, p), partition)))
            list->partition[kept++] = *p;
    }
    *rows = list->partitions = kept;
    return CIMF_OK;
}

static cimf_status drive_partition_fill(struct provider_call *c, void *state, size_t row,
                                        struct cim_instance *out)
{
    const struct block_list *list = state;
    const struct block_partition *p = &list->partition[row];
    struct arena *a = c->scratch;
    cim_put_str(out, "Antecedent",
                host_reference(a, "Win32_DiskDrive", "DeviceID",
                               block_device(a, list->disk[p->disk].name)));
    cim_put_str(
        out, "Dependent",
        host_reference(a, "Win32_DiskPartition", "DeviceID", block_partition_id(a, list, p)));
    return arena_status(a);
}

struct join {
    const struct block_partition *partition;
    const struct mount *mount;
    bool direct; /* no volume manager in between */
};

struct join_rows {
    struct block_list blocks;
    struct join *join;
    size_t count, room;
};

static bool add_join(struct join_rows *r, struct arena *a, const struct block_partition *p,
                     const struct mount *m, bool direct)
{
    if (r->count == r->room) {
        size_t room = r->room ? r->room * 2 : 16;
        struct join *bigger = ARENA_ARRAY(a, room, struct join);
        if (!bigger) return false;
        if (r->count) memcpy(bigger, r->join, r->count * sizeof *bigger);
        r->join = bigger;
        r->room = room;
    }
    r->join[r->count++] = (struct join){ .partition = p, .mount = m, .direct = direct };
    return true;
}

/* Follows the volumes that a block device is made of (LVM, dm-crypt, RAID) down to partitions. */
static bool join_device(struct join_rows *r, struct arena *a, const struct mount *m, uint32_t major,
                        uint32_t minor, int depth)
{
    const struct block_list *b = &r->blocks;
    for (size_t i = 0; i < b->partitions; i++)
        if (b->partition[i].major == major && b->partition[i].minor == minor)
            return add_join(r, a, &b->partition[i], m, depth == 0);
    struct slice *names, text, low;
    size_t n;
    if (depth == 8 ||
        !source_names(a, NULL, &names, &n, "/sys/dev/block/%u:%u/slaves", major, minor))
        return true;
    for (size_t i = 0; i < n; i++) {
        uint64_t x, y;
        if (!source_read(a, &text, "/sys/dev/block/%u:%u/slaves/" SLICE_FMT "/dev", major, minor,
                         SLICE_ARG(names[i])))
            continue;
        struct slice high = slice_split(slice_trim(text), ':', &low);
        if (text_u64(high, &x) && text_u64(low, &y) &&
            !join_device(r, a, m, (uint32_t)x, (uint32_t)y, depth + 1))
            return false;
    }
    return true;
}

/* Device number of a mount; file systems with numbers of their own (btrfs) name it by their source.
 */
static void mount_device(struct arena *a, const struct mount *m, uint32_t *major, uint32_t *minor)
{
    struct slice text, low;
    uint64_t x, y;
    *major = m->major;
    *minor = m->minor;
    if (m->major != 0 || !slice_starts(m->source, SLICE("/dev/"))) return;
    if (!source_read(a, &text, "/sys/class/block/" SLICE_FMT "/dev",
                     SLICE_ARG(text_base(m->source))))
        return;
    struct slice high = slice_split(slice_trim(text), ':', &low);
    if (!text_u64(high, &x) || !text_u64(low, &y)) return;
    *major = (uint32_t)x;
    *minor = (uint32_t)y;
}

static bool joins(struct provider_call *c, const struct join_rows *r, const struct join *j)
{
    struct slice id;
    if (provider_key_reference(c, "Antecedent", "DeviceID", NULL, &id) &&
        !slice_ieq(block_partition_id(c->arena, &r->blocks, j->partition), id))
        return false;
    return !provider_key_reference(c, "Dependent", "DeviceID", NULL, &id) ||
           slice_ieq(text_clean(c->arena, j->mount->point), id);
}

static cimf_status join_open(struct provider_call *c, void **state, size_t *rows)
{
    struct join_rows *r = ARENA_NEW(c->arena, struct join_rows);
    struct mount *mount;
    size_t mounts;
    if (!r || !block_read(c->arena, true, &r->blocks)) return CIMF_OUT_OF_MEMORY;
    if (r->blocks.partitions && mounts_read(c->arena, &mount, &mounts))
        for (size_t i = 0; i < mounts; i++) {
            uint32_t major, minor;
            if (mount[i].kind == MOUNT_NETWORK || mount[i].kind == MOUNT_RAM) continue;
            mount_device(c->arena, &mount[i], &major, &minor);
            if (!join_device(r, c->arena, &mount[i], major, minor, 0)) return CIMF_OUT_OF_MEMORY;
        }
    *state = r;
    *rows = 0;
    for (size_t i = 0; i < r->count; i++)
        if (joins(c, r, &r->join[i])) r->join[(*rows)++] = r->join[i];
    return CIMF_OK;
}

static cimf_status join_fill(struct provider_call *c, void *state, size_t row,
                             struct cim_instance *out)
{
    const struct join_rows *r = state;
    const struct join *j = &r->join[row];
    struct arena *a = c->scratch;
    cim_put_str(out, "Antecedent",
                host_reference(a, "Win32_DiskPartition", "DeviceID",
                               block_partition_id(a, &r->blocks, j->partition)));
    cim_put_str(out, "Dependent",
                host_reference(a, "Win32_LogicalDisk", "DeviceID", text_clean(a, j->mount->point)));
    if (j->direct && j->partition->bytes) {
        cim_put_u64(out, "StartingAddress", 0);
        cim_put_u64(out, "EndingAddress", j->partition->bytes - 1);
    }
    return arena_status(a);
}

const struct provider_class provider_drive = {
    .ns = "root/cimv2",
    .class_name = "Win32_DiskDrive",
    .flags = PROVIDER_BLOCKING,
    .open = drive_open,
    .fill = drive_fill,
};
const struct provider_class provider_partition = {
    .ns = "root/cimv2",
    .class_name = "Win32_DiskPartition",
    .flags = PROVIDER_BLOCKING,
    .open = partition_open,
    .fill = partition_fill,
};
const struct provider_class provider_drive_partition = {
    .ns = "root/cimv2",
    .class_name = "Win32_DiskDriveToDiskPartition",
    .flags = PROVIDER_BLOCKING,
    .open = drive_partition_open,
    .fill = drive_partition_fill,
};
const struct provider_class provider_disk_partition = {
    .ns = "root/cimv2",
    .class_name = "Win32_LogicalDiskToPartition",
    .flags = PROVIDER_BLOCKING,
    .open = join_open,
    .fill = join_fill,
};
