/* ORPCTHIS and ORPCTHAT, which begin every request and every reply of ORPC (MS-DCOM 2.2.13.3, 2.2.13.4). */
#include "dcom/dcom_priv.h"

struct extent {            /* ORPC_EXTENT: room is size, rounded up to 8 */
    struct guid id;
    uint32_t size, room;
    uint8_t *data;
};
static const struct ndr_row extent_rows[] = {
    { NDR_AT(struct extent, id, GUID) },
    { NDR_AT(struct extent, size, U32) },
    { NDR_AT(struct extent, data, ARRAY), .flags = NDR_TAIL | NDR_COUNTED, .of = &ndr_u8, NDR_SIZE(struct extent, room) },
};
static const struct ndr_type extent_type = NDR_TYPE("ORPC_EXTENT", struct extent, extent_rows);

struct extent_pointer {
    struct extent *extent;
};
static const struct ndr_row extent_pointer_rows[] = {
    { NDR_AT(struct extent_pointer, extent, PTR), .of = &extent_type },
};
static const struct ndr_type extent_pointer_type = NDR_TYPE("ORPC_EXTENT *", struct extent_pointer, extent_pointer_rows);

struct dcom_extensions {   /* ORPC_EXTENT_ARRAY: room is size, rounded up to 2 */
    uint32_t size, reserved, room;
    struct extent_pointer *extents;
};
static const struct ndr_row extensions_rows[] = {
    { NDR_AT(struct dcom_extensions, size, U32) },
    { NDR_AT(struct dcom_extensions, reserved, U32) },
    { NDR_AT(struct dcom_extensions, extents, ARRAY), .flags = NDR_UNIQUE | NDR_COUNTED, .of = &extent_pointer_type,
      NDR_SIZE(struct dcom_extensions, room) },
};
static const struct ndr_type extensions_type = NDR_TYPE("ORPC_EXTENT_ARRAY", struct dcom_extensions, extensions_rows);

static const struct ndr_row version_rows[] = {
    { NDR_AT(struct dcom_version, major, U16) },
    { NDR_AT(struct dcom_version, minor, U16) },
};
const struct ndr_type dcom_version_type = NDR_TYPE("COMVERSION", struct dcom_version, version_rows);
const struct dcom_version dcom_version = { DCOM_MAJOR, DCOM_MINOR };

static const struct ndr_row this_rows[] = {
    { NDR_AT(struct dcom_this, version, STRUCT), .of = &dcom_version_type },
    { NDR_AT(struct dcom_this, flags, U32) },
    { NDR_AT(struct dcom_this, reserved, U32) },
    { NDR_AT(struct dcom_this, causality, GUID) },
    { NDR_AT(struct dcom_this, extensions, PTR), .of = &extensions_type },
};
static const struct ndr_type this_type = NDR_TYPE("ORPCTHIS", struct dcom_this, this_rows);

/* What we don't look at has to be well formed all the same. */
static bool extensions_fit(const struct dcom_extensions *x)
{
    if (x->extents && x->room != ((uint64_t)x->size + 1) / 2 * 2) return false;
    for (uint32_t i = 0; x->extents && i < x->room; i++) {
        const struct extent *e = x->extents[i].extent;
        if (e && e->room != ((uint64_t)e->size + 7) / 8 * 8) return false;
    }
    return true;
}

uint32_t dcom_this_read(struct ndr_reader *r, bool local_allowed, struct dcom_this *out)
{
    cimf_status status = ndr_read(r, &this_type, out, NULL);
    if (status == CIMF_OUT_OF_MEMORY) return RPC_FAULT_NO_MEMORY;
    if (status != CIMF_OK) return RPC_FAULT_BAD_STUB;
    if (out->version.major != DCOM_MAJOR || out->version.minor > DCOM_MINOR) return DCOM_E_VERSION_MISMATCH;
    if (out->extensions && !extensions_fit(out->extensions)) return RPC_FAULT_BAD_STUB;
    if (out->flags && !(local_allowed && out->flags == 1)) return DCOM_E_INVALID_HEADER;
    return 0;
}

bool dcom_this_write(struct ndr_writer *w, struct dcom_version version, const struct guid *causality)
{
    const struct dcom_this header = { .version = version, .causality = *causality };
    return ndr_write(w, &this_type, &header);
}

struct that {              /* ORPCTHAT */
    uint32_t flags;
    struct dcom_extensions *extensions;
};
static const struct ndr_row that_rows[] = {
    { NDR_AT(struct that, flags, U32) },
    { NDR_AT(struct that, extensions, PTR), .of = &extensions_type },
};
static const struct ndr_type that_type = NDR_TYPE("ORPCTHAT", struct that, that_rows);

cimf_status dcom_that_read(struct ndr_reader *r, struct error *e)
{
    struct that header = { 0 };
    cimf_status status = ndr_read(r, &that_type, &header, e);
    if (status == CIMF_OK && header.extensions && !extensions_fit(header.extensions))
        status = error_set(e, CIMF_PROTOCOL_ERROR, "dcom", "extensions that do not fit their sizes");
    return status;
}

bool dcom_that_write(struct ndr_writer *w)
{
    return buf_add(w->b, "\0\0\0\0\0\0\0\0", 8); /* flags, no extensions */
}

void dcom_reply_record(struct rpc_call *c, const struct ndr_type *t, const void *record)
{
    struct ndr_writer w;
    ndr_writer_init(&w, &c->reply);
    dcom_that_write(&w);
    if (ndr_write_parameters(&w, t, NDR_OUT, record)) {
        rpc_reply(c);
    } else {
        buf_clear(&c->reply);
        rpc_fault(c, RPC_FAULT_NO_MEMORY);
    }
}
