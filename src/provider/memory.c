/* provider/memory.c - Win32_PhysicalMemory: populated modules, SMBIOS type 17 (DSP0134 7.18). */
#include "provider/host.h"
#include "provider/smbios.h"
#include "provider/table.h"

#define MODULES_MAX 4096

struct module_rows {
    struct smbios_entry *module;
    unsigned *number; /* of the socket, counted over all of them */
};

/* Bytes; false for an empty socket or an unknown size. */
static bool module_size(const struct smbios_entry *e, uint64_t *bytes)
{
    uint64_t v;
    if (!smbios_number(e, 0x0c, 2, &v) || v == 0 || v == 0xffff) return false;
    if (v == 0x7fff) {
        if (!smbios_number(e, 0x1c, 4, &v)) return false;
        *bytes = (v & 0x7fffffff) << 20;
    } else {
        *bytes = v & 0x8000 ? (v & 0x7fff) << 10 : v << 20;
    }
    return true;
}

static cimf_status memory_open(struct provider_call *c, void **state, size_t *rows)
{
    struct smbios tables;
    struct smbios_entry e;
    uint64_t bytes;
    unsigned number = 0;
    *rows = 0;
    if (!smbios_read(c->arena, &tables)) return CIMF_OK;
    struct module_rows *r = ARENA_NEW(c->arena, struct module_rows);
    if (!r) return CIMF_OUT_OF_MEMORY;
    r->module = ARENA_ARRAY(c->arena, MODULES_MAX, struct smbios_entry);
    r->number = ARENA_ARRAY(c->arena, MODULES_MAX, unsigned);
    if (!r->module || !r->number) return CIMF_OUT_OF_MEMORY;
    for (struct slice rest = tables.table; *rows < MODULES_MAX && smbios_find(&rest, 17, &e);
         number++)
        if (module_size(&e, &bytes)) {
            r->module[*rows] = e;
            r->number[(*rows)++] = number;
        }
    *state = r;
    return CIMF_OK;
}

/* Form factors and types of CIM_Chip and CIM_PhysicalMemory by the codes of SMBIOS (DSP0134 7.18.1
 * and 2). */
static const uint8_t form_factors[] = { 0, 1, 0, 7, 2, 1, 3, 4, 6, 8, 9, 1, 11, 12, 13, 24, 1 };
static const uint8_t memory_types[] = { 0,  1,  0,  2,  6,  7,  8,  9,  10, 11, 12, 13, 14,
                                        15, 16, 17, 18, 19, 20, 21, 22, 0,  0,  0,  24, 25 };

static void put_speed(struct cim_instance *out, const char *name, const struct smbios_entry *e,
                      size_t at, size_t extended)
{
    uint64_t v;
    if (!smbios_number(e, at, 2, &v) || v == 0) return;
    if (v == 0xffff && (!smbios_number(e, extended, 4, &v) || v == 0)) return;
    cim_put_u64(out, name, v & 0x7fffffff);
}

static void put_word(struct cim_instance *out, const char *name, const struct smbios_entry *e,
                     size_t at)
{
    uint64_t v;
    if (smbios_number(e, at, 2, &v) && v != 0 && v != 0xffff) cim_put_u64(out, name, v);
}

static void put_text(struct cim_instance *out, const char *name, struct arena *a,
                     const struct smbios_entry *e, size_t at)
{
    struct slice text = smbios_string(a, e, at);
    if (text.n) cim_put_str(out, name, text);
}

static cimf_status memory_fill(struct provider_call *c, void *state, size_t row,
                               struct cim_instance *out)
{
    const struct module_rows *r = state;
    const struct smbios_entry *e = &r->module[row];
    struct arena *a = c->scratch;
    uint64_t v;
    cim_put_str(out, "Tag", arena_printf(a, "Physical Memory %u", r->number[row]));
    cim_put_str(out, "CreationClassName", out->cls->name);
    cim_put_strz(out, "Name", "Physical Memory");
    cim_put_strz(out, "Caption", "Physical Memory");
    cim_put_strz(out, "Description", "Physical Memory");
    if (module_size(e, &v)) cim_put_u64(out, "Capacity", v);
    put_word(out, "TotalWidth", e, 0x08);
    put_word(out, "DataWidth", e, 0x0a);
    if (smbios_number(e, 0x0e, 1, &v))
        cim_put_u64(out, "FormFactor", v < sizeof form_factors ? form_factors[v] : 0);
    put_text(out, "DeviceLocator", a, e, 0x10);
    put_text(out, "BankLabel", a, e, 0x11);
    if (smbios_number(e, 0x12, 1, &v)) {
        cim_put_u64(out, "SMBIOSMemoryType", v);
        cim_put_u64(out, "MemoryType", v < sizeof memory_types ? memory_types[v] : 0);
    }
    if (smbios_number(e, 0x13, 2, &v)) cim_put_u64(out, "TypeDetail", v);
    put_speed(out, "Speed", e, 0x15, 0x54);
    put_text(out, "Manufacturer", a, e, 0x17);
    put_text(out, "SerialNumber", a, e, 0x18);
    put_text(out, "PartNumber", a, e, 0x1a);
    if (smbios_number(e, 0x1b, 1, &v)) cim_put_u64(out, "Attributes", v);
    put_speed(out, "ConfiguredClockSpeed", e, 0x20, 0x58);
    put_word(out, "MinVoltage", e, 0x22);
    put_word(out, "MaxVoltage", e, 0x24);
    put_word(out, "ConfiguredVoltage", e, 0x26);
    return arena_status(a);
}

const struct provider_class provider_memory = {
    .ns = "root/cimv2",
    .class_name = "Win32_PhysicalMemory",
    .flags = PROVIDER_BLOCKING,
    .open = memory_open,
    .fill = memory_fill,
};
