/*
 * provider/smbios.h - the firmware's tables (DMTF DSP0134) as the kernel exports them. Readable for
 * root only; machines without such firmware have none.
 */
#ifndef PROVIDER_SMBIOS_H
#define PROVIDER_SMBIOS_H

#include "base/arena.h"

struct smbios {
    struct slice table;
    unsigned major,
        minor; /* version of the specification; 0.0 if the entry point is not readable */
};

/* One structure: `body` is its formatted part from the type byte on, `strings` what follows. */
struct smbios_entry {
    unsigned type, handle;
    struct slice body, strings;
};

bool smbios_read(struct arena *a, struct smbios *out);
/* Version from an entry point ("_SM_" or "_SM3_"). */
bool smbios_version(struct slice entry_point, unsigned *major, unsigned *minor);
/* Cuts the next structure off *rest; false at the end or where the table is damaged. */
bool smbios_next(struct slice *rest, struct smbios_entry *out);
/* First structure of a type at or after *rest. */
bool smbios_find(struct slice *rest, unsigned type, struct smbios_entry *out);
/* Little-endian number of 1, 2, 4 or 8 bytes; false past the end of the body. */
bool smbios_number(const struct smbios_entry *e, size_t offset, unsigned bytes, uint64_t *out);
/* String that the byte at offset names, trimmed and made clean; n == 0 when there is none or when
 * it is one of the fillers that makers leave ("To Be Filled By O.E.M."). */
struct slice smbios_string(struct arena *a, const struct smbios_entry *e, size_t offset);
/* True for such fillers: the value says nothing. */
bool smbios_filler(struct slice text);

#endif
