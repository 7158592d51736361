/*
 * provider/disk.c - Win32_LogicalDisk: mounted file systems, named by their mount point. Sizes are
 * bytes; FreeSpace is what unprivileged users may still write, as df says it.
 */
#include <limits.h>
#include <sys/statvfs.h>

#include "provider/host.h"
#include "provider/mounts.h"
#include "provider/source.h"
#include "provider/table.h"
#include "provider/text.h"

struct disk_rows {
    struct mount *mount;
    struct slice *label, *uuid; /* one each, "" if unknown */
};

/* Name under /dev/disk/by-X of the device of a mount. */
static void names_by(struct arena *a, const char *kind, const struct mount *m, size_t count,
                     struct slice *out)
{
    struct slice *names, target;
    size_t n;
    if (!source_names(a, NULL, &names, &n, "/dev/disk/%s", kind)) return;
    for (size_t i = 0; i < n; i++) {
        if (!source_link(a, &target, "/dev/disk/%s/" SLICE_FMT, kind, SLICE_ARG(names[i])))
            continue;
        for (size_t j = 0; j < count; j++)
            if (slice_starts(m[j].source, SLICE("/dev/")) &&
                slice_eq(text_base(m[j].source), text_base(target)))
                out[j] = names[i];
    }
}

/* udev writes other bytes of a label as \x20. */
static struct slice plain_label(struct arena *a, struct slice s)
{
    char *out = arena_alloc(a, s.n + 1);
    size_t n = 0;
    if (!out) return SLICE("");
    for (size_t i = 0; i < s.n; i++) {
        uint64_t byte;
        if (s.n - i >= 4 && s.p[i] == '\\' && s.p[i + 1] == 'x' &&
            text_hex(slice_of(s.p + i + 2, 2), &byte)) {
            out[n++] = (char)byte;
            i += 3;
        } else {
            out[n++] = s.p[i];
        }
    }
    return text_clean(a, slice_of(out, n));
}

static cimf_status disk_open(struct provider_call *c, void **state, size_t *rows)
{
    struct disk_rows *r = ARENA_NEW(c->arena, struct disk_rows);
    struct slice id;
    if (!r) return CIMF_OUT_OF_MEMORY;
    if (!mounts_read(c->arena, &r->mount, rows))
        return error_set(c->error, CIMF_PROVIDER_FAILURE, "provider",
                         "the mount table cannot be read");
    if (provider_key_text(c, "DeviceID", &id)) {
        size_t kept = 0;
        for (size_t i = 0; i < *rows; i++)
            if (slice_ieq(text_clean(c->arena, r->mount[i].point), id))
                r->mount[kept++] = r->mount[i];
        *rows = kept;
    }
    r->label = ARENA_ARRAY(c->arena, *rows + 1, struct slice);
    r->uuid = ARENA_ARRAY(c->arena, *rows + 1, struct slice);
    if (!r->label || !r->uuid) return CIMF_OUT_OF_MEMORY;
    if (provider_wants(c, "VolumeName")) names_by(c->arena, "by-label", r->mount, *rows, r->label);
    if (provider_wants(c, "VolumeSerialNumber"))
        names_by(c->arena, "by-uuid", r->mount, *rows, r->uuid);
    *state = r;
    return CIMF_OK;
}

/* Touches the file system: a dead server may block here, so only when somebody wants it. */
static void put_space(struct provider_call *c, const struct mount *m, struct cim_instance *out)
{
    static const char *const from_here[] = { "Size", "FreeSpace", "BlockSize", "NumberOfBlocks",
                                             "MaximumComponentLength" };
    char path[PATH_MAX];
    struct statvfs v;
    bool wanted = false;
    for (size_t i = 0; i < sizeof from_here / sizeof from_here[0]; i++)
        wanted |= provider_wants(c, from_here[i]);
    if (!wanted) return;
    if (!source_path(path, sizeof path, SLICE_FMT, SLICE_ARG(m->point)) || statvfs(path, &v))
        return;
    uint64_t unit = v.f_frsize ? v.f_frsize : v.f_bsize;
    cim_put_u64(out, "MaximumComponentLength", v.f_namemax);
    if (unit == 0 || v.f_blocks == 0) return;
    cim_put_u64(out, "Size", v.f_blocks * unit);
    cim_put_u64(out, "FreeSpace", v.f_bavail * unit);
    cim_put_u64(out, "BlockSize", unit);
    cim_put_u64(out, "NumberOfBlocks", v.f_blocks);
}

static const char *description(enum mount_kind kind)
{
    switch (kind) {
    case MOUNT_REMOVABLE: return "Removable Disk";
    case MOUNT_NETWORK: return "Network Connection";
    case MOUNT_OPTICAL: return "CD-ROM Disc";
    case MOUNT_RAM: return "RAM Disk";
    default: return "Local Fixed Disk";
    }
}

static cimf_status disk_fill(struct provider_call *c, void *state, size_t row,
                             struct cim_instance *out)
{
    const struct disk_rows *r = state;
    const struct mount *m = &r->mount[row];
    struct arena *a = c->scratch;
    struct slice id = text_clean(a, m->point);
    cim_put_str(out, "DeviceID", id);
    cim_put_str(out, "Name", id);
    cim_put_str(out, "Caption", id);
    cim_put_strz(out, "Description", description(m->kind));
    host_put_device(out, a);
    cim_put_u64(out, "DriveType", m->kind);
    cim_put_str(out, "FileSystem", text_clean(a, m->type));
    cim_put_u64(out, "Access", m->read_only ? 1 : 3);
    if (m->kind == MOUNT_FIXED) cim_put_u64(out, "MediaType", 12);
    if (m->kind == MOUNT_REMOVABLE || m->kind == MOUNT_OPTICAL) cim_put_u64(out, "MediaType", 11);
    if (m->kind == MOUNT_NETWORK) cim_put_str(out, "ProviderName", text_clean(a, m->source));
    if (r->label[row].n) cim_put_str(out, "VolumeName", plain_label(a, r->label[row]));
    if (r->uuid[row].n) cim_put_str(out, "VolumeSerialNumber", text_clean(a, r->uuid[row]));
    put_space(c, m, out);
    return arena_status(a);
}

const struct provider_class provider_disk = {
    .ns = "root/cimv2",
    .class_name = "Win32_LogicalDisk",
    .flags = PROVIDER_BLOCKING,
    .open = disk_open,
    .fill = disk_fill,
};
