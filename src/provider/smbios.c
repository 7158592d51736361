#include "provider/smbios.h"

#include "provider/source.h"
#include "provider/text.h"

bool smbios_version(struct slice p, unsigned *major, unsigned *minor)
{
    const unsigned char *b = (const unsigned char *)p.p;
    size_t at = slice_starts(p, SLICE("_SM3_")) ? 7 : slice_starts(p, SLICE("_SM_")) ? 6 : 0;
    if (at == 0 || p.n < at + 2) return false;
    *major = b[at];
    *minor = b[at + 1];
    return true;
}

bool smbios_read(struct arena *a, struct smbios *out)
{
    struct slice point;
    memset(out, 0, sizeof *out);
    if (source_read(a, &point, "/sys/firmware/dmi/tables/smbios_entry_point"))
        smbios_version(point, &out->major, &out->minor);
    return source_read(a, &out->table, "/sys/firmware/dmi/tables/DMI") && out->table.n > 0;
}

bool smbios_next(struct slice *rest, struct smbios_entry *out)
{
    const unsigned char *b = (const unsigned char *)rest->p;
    if (rest->n < 4 || b[1] < 4 || b[1] > rest->n) return false;
    out->type = b[0];
    out->handle = b[2] | (unsigned)b[3] << 8;
    out->body = slice_head(*rest, b[1]);
    struct slice tail = slice_sub(*rest, b[1]);
    size_t end = 0; /* strings end with two NULs; none at all is two NULs as well */
    while (end + 1 < tail.n && (tail.p[end] || tail.p[end + 1])) end++;
    if (end + 1 >= tail.n) return false;
    out->strings = slice_head(tail, end + 1);
    *rest = slice_sub(tail, end + 2);
    return true;
}

bool smbios_find(struct slice *rest, unsigned type, struct smbios_entry *out)
{
    while (smbios_next(rest, out)) {
        if (out->type == type) return true;
        if (out->type == 127) break;
    }
    return false;
}

bool smbios_number(const struct smbios_entry *e, size_t offset, unsigned bytes, uint64_t *out)
{
    if (offset > e->body.n || e->body.n - offset < bytes) return false;
    *out = 0;
    for (unsigned i = 0; i < bytes; i++)
        *out |= (uint64_t)(unsigned char)e->body.p[offset + i] << (8 * i);
    return true;
}

bool smbios_filler(struct slice t)
{
    static const char *const fillers[] = {
        "To Be Filled By O.E.M.",
        "To Be Filled By O.E.M",
        "Not Specified",
        "Default string",
        "System Product Name",
        "System manufacturer",
        "System Version",
        "System Serial Number",
        "None",
        "Unknown",
        "N/A",
        "Not Available",
        "OEM",
        "O.E.M.",
        "INVALID",
        "Unspecified",
        "Empty",
        "NO DIMM",
        "[Empty]",
        "x.x",
        "Not Applicable",
        "SKU",
    };
    for (size_t i = 0; i < sizeof fillers / sizeof fillers[0]; i++)
        if (slice_ieq(t, slice_str(fillers[i]))) return true;
    return false;
}

struct slice smbios_string(struct arena *a, const struct smbios_entry *e, size_t offset)
{
    uint64_t index;
    if (!smbios_number(e, offset, 1, &index) || index == 0) return SLICE("");
    struct slice rest = e->strings;
    while (rest.n) {
        size_t n = slice_find(rest, 0);
        if (--index == 0) {
            struct slice text = text_clean(a, slice_head(rest, n));
            return smbios_filler(text) ? SLICE("") : text;
        }
        rest = slice_sub(rest, n + 1);
    }
    return SLICE("");
}
