#include "provider/dmi.h"

#include "provider/smbios.h"
#include "provider/source.h"
#include "provider/text.h"

struct slice dmi_text(struct arena *a, const char *name)
{
    struct slice text;
    if (!source_text(a, &text, "/sys/class/dmi/id/%s", name) || smbios_filler(text))
        return SLICE("");
    return text;
}

bool dmi_present(void)
{
    return source_exists("/sys/class/dmi/id");
}

struct slice dmi_vendor(struct arena *a)
{
    struct slice text = dmi_text(a, "sys_vendor");
    if (text.n) return text;
    /* "raspberrypi,4-model-b\0brcm,bcm2711\0" */
    if (!source_read(a, &text, "/proc/device-tree/compatible")) return SLICE("");
    text = slice_head(text, slice_find(text, 0));
    return text_clean(a, slice_head(text, slice_find(text, ',')));
}

struct slice dmi_model(struct arena *a)
{
    struct slice text = dmi_text(a, "product_name");
    if (text.n) return text;
    if (!source_read(a, &text, "/proc/device-tree/model")) return SLICE("");
    return text_clean(a, slice_head(text, slice_find(text, 0)));
}

void dmi_keep(void)
{
    static const char *const files[] = {
        "/sys/class/dmi/id/product_serial", "/sys/class/dmi/id/product_uuid", "/sys/class/dmi/id/board_serial",
        "/sys/class/dmi/id/chassis_serial", "/sys/firmware/dmi/tables/smbios_entry_point", "/sys/firmware/dmi/tables/DMI",
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) source_keep(files[i]);
}
