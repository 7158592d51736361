/* provider/bios.c - Win32_BIOS and Win32_ComputerSystemProduct: what firmware and maker say (DMI).
 */
#include "base/clock.h"
#include "provider/dmi.h"
#include "provider/host.h"
#include "provider/smbios.h"
#include "provider/table.h"
#include "provider/text.h"

static void put(struct cim_instance *out, const char *name, struct slice text)
{
    if (text.n) cim_put_str(out, name, text);
}

static cimf_status dmi_open(struct provider_call *c, void **state, size_t *rows)
{
    *state = NULL;
    *rows = dmi_present() || dmi_model(c->arena).n;
    return CIMF_OK;
}

static cimf_status bios_open(struct provider_call *c, void **state, size_t *rows)
{
    (void)c;
    *state = NULL;
    *rows = dmi_present();
    return CIMF_OK;
}

/* "04/01/2014", in older tables "04/01/14"; a date without a time. */
static void put_release(struct cim_instance *out, struct slice text)
{
    struct slice rest, year, month = slice_split(text, '/', &rest),
                             day = slice_split(rest, '/', &year);
    uint64_t y, m, d;
    if (!text_u64(month, &m) || !text_u64(day, &d) || !text_u64(year, &y) || y > 9999) return;
    if (y < 100) y += y < 80 ? 2000 : 1900;
    struct civil date = { .year = (int)y,
                          .month = m < 13 ? (int)m : 0,
                          .day = d < 32 ? (int)d : 0 };
    if (civil_valid(&date)) cim_put_datetime(out, "ReleaseDate", civil_to_us(&date), 0);
}

/* "1.15" as two numbers of one byte. */
static void put_pair(struct cim_instance *out, const char *major, const char *minor,
                     struct slice text)
{
    struct slice rest, head = slice_split(text, '.', &rest);
    uint64_t a, b;
    if (!text_u64(head, &a) || !text_u64(rest, &b) || a > 255 || b > 255) return;
    cim_put_u64(out, major, a);
    cim_put_u64(out, minor, b);
}

/* DSP0134 7.1.1: the numbers of Win32_BIOS are those of the bits. */
static void put_characteristics(struct cim_instance *out, const struct smbios_entry *e)
{
    uint64_t bits, extra, list[64];
    uint32_t n = 0;
    if (!smbios_number(e, 0x0a, 8, &bits)) return;
    for (unsigned i = 0; i < 32; i++)
        if (bits >> i & 1) list[n++] = i;
    if (smbios_number(e, 0x12, 1, &extra))
        for (unsigned i = 0; i < 8; i++)
            if (extra >> i & 1) list[n++] = 32 + i;
    cim_put_u64v(out, "BiosCharacteristics", list, n);
}

static cimf_status bios_fill(struct provider_call *c, void *state, size_t row,
                             struct cim_instance *out)
{
    struct arena *a = c->scratch;
    struct slice version = dmi_text(a, "bios_version");
    struct smbios tables;
    struct smbios_entry e;
    (void)state;
    (void)row;
    /* keys cannot be NULL: an unknown version is "" there */
    cim_put_str(out, "Name", version);
    cim_put_str(out, "SoftwareElementID", version);
    cim_put_u64(out, "SoftwareElementState", 3); /* running */
    cim_put_u64(out, "TargetOperatingSystem", 0);
    cim_put_str(out, "Version", version);
    put(out, "Caption", version);
    put(out, "Description", version);
    put(out, "SMBIOSBIOSVersion", version);
    if (version.n) cim_put_strv(out, "BIOSVersion", &version, 1);
    put(out, "Manufacturer", dmi_text(a, "bios_vendor"));
    put(out, "SerialNumber", dmi_text(a, "product_serial"));
    put_release(out, dmi_text(a, "bios_date"));
    put_pair(out, "SystemBiosMajorVersion", "SystemBiosMinorVersion", dmi_text(a, "bios_release"));
    put_pair(out, "EmbeddedControllerMajorVersion", "EmbeddedControllerMinorVersion",
             dmi_text(a, "ec_firmware_release"));
    cim_put_bool(out, "PrimaryBIOS", true);
    cim_put_bool(out, "SMBIOSPresent", true);
    cim_put_strz(out, "Status", "OK");
    if (smbios_read(a, &tables)) {
        if (tables.major) {
            cim_put_u64(out, "SMBIOSMajorVersion", tables.major);
            cim_put_u64(out, "SMBIOSMinorVersion", tables.minor);
        }
        struct slice rest = tables.table;
        if (smbios_find(&rest, 0, &e)) put_characteristics(out, &e);
    }
    return arena_status(a);
}

static cimf_status product_fill(struct provider_call *c, void *state, size_t row,
                                struct cim_instance *out)
{
    struct arena *a = c->scratch;
    (void)state;
    (void)row;
    cim_put_strz(out, "Caption", "Computer System Product");
    cim_put_strz(out, "Description", "Computer System Product");
    cim_put_str(out, "IdentifyingNumber", dmi_text(a, "product_serial")); /* keys: "" if unknown */
    cim_put_str(out, "Name", dmi_model(a));
    cim_put_str(out, "Version", dmi_text(a, "product_version"));
    put(out, "Vendor", dmi_vendor(a));
    put(out, "SKUNumber", dmi_text(a, "product_sku"));
    struct slice uuid = dmi_text(a, "product_uuid");
    char *upper = uuid.n ? arena_strz(a, uuid) : NULL;
    if (upper) {
        for (char *p = upper; *p; p++)
            if (*p >= 'a' && *p <= 'f') *p = (char)(*p - 'a' + 'A');
        cim_put_strz(out, "UUID", upper);
    }
    return arena_status(a);
}

const struct provider_class provider_bios = {
    .ns = "root/cimv2",
    .class_name = "Win32_BIOS",
    .flags = PROVIDER_BLOCKING,
    .open = bios_open,
    .fill = bios_fill,
};
const struct provider_class provider_product = {
    .ns = "root/cimv2",
    .class_name = "Win32_ComputerSystemProduct",
    .flags = PROVIDER_BLOCKING,
    .open = dmi_open,
    .fill = product_fill,
};
