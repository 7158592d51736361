#include "provider/host.h"

#include <sys/utsname.h>

#include "base/clock.h"
#include "provider/source.h"
#include "provider/text.h"

struct slice host_node(struct arena *a)
{
    struct slice name;
    if (source_text(a, &name, "/proc/sys/kernel/hostname")) return name;
    return SLICE("localhost");
}

struct slice host_name(struct arena *a)
{
    struct slice node = host_node(a);
    struct slice head = slice_head(node, slice_find(node, '.'));
    return head.n ? head : node;
}

struct slice host_release(struct arena *a, const char *key)
{
    struct slice text, value;
    if (!source_read(a, &text, "/etc/os-release") && !source_read(a, &text, "/usr/lib/os-release"))
        return SLICE("");
    if (!text_field(text, key, '=', &value)) return SLICE("");
    value = text_unquote(a, value);
    return value.p ? text_clean(a, value) : SLICE("");
}

struct slice host_os_caption(struct arena *a)
{
    struct slice name = host_release(a, "PRETTY_NAME");
    if (name.n == 0) name = host_release(a, "NAME");
    return name.n ? name : SLICE("Linux");
}

/* "6.1.0-25-amd64" */
static struct slice kernel_release(struct arena *a)
{
    struct slice text;
    if (source_text(a, &text, "/proc/sys/kernel/osrelease")) return text;
    struct utsname u;
    return uname(&u) == 0 ? arena_dup(a, slice_str(u.release)) : SLICE("");
}

/* Parts are kept as written ("22.04" is "22.04.0"), missing ones are 0. */
struct slice host_os_version(struct arena *a)
{
    struct slice text = host_release(a, "VERSION_ID");
    if (text.n == 0 || text.p[0] < '0' || text.p[0] > '9') text = kernel_release(a);
    size_t at = 0;
    struct slice part[3] = { SLICE("0"), SLICE("0"), SLICE("0") };
    for (int i = 0; i < 3; i++) {
        size_t from = at;
        while (at < text.n && text.p[at] >= '0' && text.p[at] <= '9') at++;
        if (at == from) break;
        part[i] = slice_of(text.p + from, at - from);
        if (at >= text.n || text.p[at] != '.') break;
        at++;
    }
    return arena_printf(a, SLICE_FMT "." SLICE_FMT "." SLICE_FMT, SLICE_ARG(part[0]),
                        SLICE_ARG(part[1]), SLICE_ARG(part[2]));
}

int64_t host_boot_us(struct arena *a)
{
    struct slice text;
    uint64_t seconds;
    if (!source_read(a, &text, "/proc/stat") || !text_field_u64(text, "btime", ' ', &seconds) ||
        seconds > INT64_MAX / 1000000)
        return 0;
    return (int64_t)seconds * 1000000;
}

unsigned host_chassis(void)
{
    uint64_t type;
    return source_u64(&type, "/sys/class/dmi/id/chassis_type") && type < 256 ? (unsigned)type & 0x7f
                                                                             : 0;
}

bool host_is_workstation(unsigned chassis)
{
    return (chassis >= 3 && chassis <= 16) || chassis == 24 || (chassis >= 30 && chassis <= 36);
}

void host_put_time(struct cim_instance *out, const char *name, int64_t wall_us)
{
    cim_put_datetime(out, name, wall_us, clock_local_offset(wall_us));
}

void host_put_device(struct cim_instance *out, struct arena *a)
{
    cim_put_str(out, "CreationClassName", out->cls->name);
    cim_put_strz(out, "SystemCreationClassName", HOST_COMPUTER_CLASS);
    cim_put_str(out, "SystemName", host_name(a));
}

struct slice host_reference(struct arena *a, const char *class_name, const char *key,
                            struct slice value)
{
    struct slice host = host_name(a);
    struct buf b;
    buf_init(&b, 0);
    buf_printf(&b, "\\\\" SLICE_FMT "\\root\\cimv2:%s.%s=\"", SLICE_ARG(host), class_name, key);
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '"' || value.p[i] == '\\') buf_byte(&b, '\\');
        buf_byte(&b, value.p[i]);
    }
    buf_byte(&b, '"');
    struct slice out = buf_ok(&b) ? arena_dup(a, buf_slice(&b)) : SLICE_NULL;
    buf_free(&b);
    return out;
}

struct slice host_user_sid(struct arena *a, uint32_t uid)
{
    return arena_printf(a, "S-1-22-1-%u", uid);
}

struct slice host_group_sid(struct arena *a, uint32_t gid)
{
    return arena_printf(a, "S-1-22-2-%u", gid);
}

cimf_status host_open_single(struct provider_call *c, void **state, size_t *rows)
{
    (void)c;
    *state = NULL;
    *rows = 1;
    return CIMF_OK;
}
