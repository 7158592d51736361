#include "provider/mounts.h"

#include <limits.h>
#include <sys/stat.h>

#include "provider/source.h"
#include "provider/text.h"

static const char network_types[] =
    "nfs nfs4 cifs smb3 smbfs ncpfs 9p afs ceph coda davfs fuse.sshfs fuse.glusterfs glusterfs "
    "fuse.davfs2 fuse.s3fs fuse.rclone lustre gfs2 ocfs2 orangefs beegfs gpfs virtiofs";
static const char ram_types[] = "tmpfs ramfs";
static const char optical_types[] = "iso9660 udf";
/* File systems without a block device that hold files all the same. */
static const char virtual_types[] =
    "overlay aufs zfs btrfs bcachefs fuse.mergerfs fuse.ntfs-3g fuseblk "
    "unionfs ubifs jffs2";

static bool parse_line(struct arena *a, struct slice line, struct mount *m)
{
    struct slice field[6];
    for (int i = 0; i < 6; i++)
        if ((field[i] = text_word(&line)).n == 0) return false;
    struct slice word;
    do { /* optional fields end with a single '-' */
        word = text_word(&line);
        if (word.n == 0) return false;
    } while (!slice_is(word, "-"));
    m->type = text_word(&line);
    m->source = text_unescape_octal(a, text_word(&line));
    struct slice minor, major = slice_split(field[2], ':', &minor);
    uint64_t high, low;
    if (m->type.n == 0 || !text_u64(major, &high) || !text_u64(minor, &low) || high > UINT32_MAX ||
        low > UINT32_MAX)
        return false;
    m->major = (uint32_t)high;
    m->minor = (uint32_t)low;
    m->root = text_unescape_octal(a, field[3]);
    m->point = text_unescape_octal(a, field[4]);
    struct slice options = field[5];
    while (options.n) {
        struct slice rest, option = slice_split(options, ',', &rest);
        if (slice_is(option, "ro")) m->read_only = true;
        options = rest;
    }
    return m->point.n > 0;
}

bool mounts_parse(struct arena *a, struct slice text, struct mount **list, size_t *count)
{
    size_t lines = 0, n = 0;
    for (size_t i = 0; i < text.n; i++) lines += text.p[i] == '\n';
    if (++lines > MOUNTS_MAX) lines = MOUNTS_MAX;
    struct mount *all = ARENA_ARRAY(a, lines, struct mount);
    if (!all) return false;
    struct slice line;
    while (n < lines && text_line(&text, &line)) {
        all[n] = (struct mount){ .kind = MOUNT_FIXED };
        if (parse_line(a, line, &all[n])) n++;
    }
    *list = all;
    *count = n;
    return arena_status(a) == CIMF_OK;
}

static bool below(struct slice path, const char *dir)
{
    struct slice d = slice_str(dir);
    return slice_starts(path, d) && (path.n == d.n || path.p[d.n] == '/');
}

/* Kind of a file system that is worth showing; false for the kernel's own. */
static bool classify(struct mount *m)
{
    char type[64];
    if (m->type.n >= sizeof type) return false;
    memcpy(type, m->type.p, m->type.n);
    type[m->type.n] = 0;
    if (below(m->point, "/proc") || below(m->point, "/sys")) return false;
    if (below(m->point, "/dev") && !slice_is(m->point, "/dev/shm")) return false;
    if (text_has_word(slice_str(ram_types), type))
        m->kind = MOUNT_RAM;
    else if (text_has_word(slice_str(network_types), type))
        m->kind = MOUNT_NETWORK;
    else if (text_has_word(slice_str(optical_types), type))
        m->kind = MOUNT_OPTICAL;
    else if (!slice_starts(m->source, SLICE("/dev/")) &&
             !text_has_word(slice_str(virtual_types), type))
        return false;
    if (m->kind == MOUNT_FIXED) {
        uint64_t removable;
        /* a partition's own folder has no such file, its disk's has */
        if ((source_u64(&removable, "/sys/dev/block/%u:%u/removable", m->major, m->minor) ||
             source_u64(&removable, "/sys/dev/block/%u:%u/../removable", m->major, m->minor)) &&
            removable)
            m->kind = MOUNT_REMOVABLE;
    }
    return true;
}

/* Containers mount single files such as /etc/hosts. Remote file systems are not touched here. */
static bool is_file(const struct mount *m)
{
    char path[PATH_MAX];
    struct stat st;
    return m->kind != MOUNT_NETWORK &&
           source_path(path, sizeof path, "%.*s", (int)m->point.n, m->point.p) &&
           lstat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* A later mount on the same point hides earlier ones; a bind mount shows again what another one
 * shows. Subvolumes of btrfs are told apart by their root. */
static bool hidden(const struct mount *list, size_t n, size_t i)
{
    const struct mount *m = &list[i];
    for (size_t j = i + 1; j < n; j++)
        if (slice_eq(list[j].point, m->point)) return true;
    if (m->kind == MOUNT_RAM) return false;
    for (size_t j = 0; j < n; j++) {
        const struct mount *o = &list[j];
        if (j == i || o->major != m->major || o->minor != m->minor) continue;
        if (slice_eq(o->root, m->root) ? j < i : slice_is(o->root, "/")) return true;
    }
    return false;
}

bool mounts_read(struct arena *a, struct mount **list, size_t *count)
{
    struct slice text;
    struct mount *all;
    size_t n, kept = 0;
    if (!source_read(a, &text, "/proc/self/mountinfo") || !mounts_parse(a, text, &all, &n))
        return false;
    struct mount *shown = ARENA_ARRAY(a, n + 1, struct mount);
    if (!shown) return false;
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (classify(&all[i]) && !is_file(&all[i])) all[m++] = all[i];
    for (size_t i = 0; i < m; i++)
        if (!hidden(all, m, i)) shown[kept++] = all[i];
    *list = shown;
    *count = kept;
    return true;
}

const struct mount *mounts_at(const struct mount *list, size_t count, struct slice point)
{
    for (size_t i = 0; i < count; i++)
        if (slice_eq(list[i].point, point)) return &list[i];
    return NULL;
}
