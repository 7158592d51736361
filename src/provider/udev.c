#include "provider/udev.h"

#include "provider/source.h"
#include "provider/text.h"

struct slice udev_block(struct arena *a, uint32_t major, uint32_t minor)
{
    struct slice text;
    return source_read(a, &text, "/run/udev/data/b%u:%u", major, minor) ? text : SLICE("");
}

struct slice udev_net(struct arena *a, uint32_t ifindex)
{
    struct slice text;
    return source_read(a, &text, "/run/udev/data/n%u", ifindex) ? text : SLICE("");
}

struct slice udev_get(struct arena *a, struct slice record, const char *name)
{
    struct slice line, key = slice_str(name);
    while (text_line(&record, &line)) {
        if (!slice_starts(line, SLICE("E:"))) continue;
        line = slice_sub(line, 2);
        if (slice_starts(line, key) && line.n > key.n && line.p[key.n] == '=')
            return text_clean(a, slice_sub(line, key.n + 1));
    }
    return SLICE("");
}
