/* IObjectExporter, the object resolver (MS-DCOM 3.1.2.5.1). Who only asks whether we live is not asked who he is. */
#include "dcom/dcom_priv.h"
#include "dcom/records.h"

const struct guid dcom_resolver_iid = { 0x99fcfec4, 0x5260, 0x101b, { 0xbb, 0xcb, 0x00, 0xaa, 0x00, 0x21, 0x34, 0x7a } };

#define RESOLVE_ROWS                                                                                                   \
    { NDR_AT(struct dcom_resolve, oxid, U64), .flags = NDR_IN }, { NDR_AT(struct dcom_resolve, count, U16), .flags = NDR_IN },   \
    { NDR_AT(struct dcom_resolve, protseqs, ARRAY), .flags = NDR_IN, .of = &ndr_u16, NDR_SIZE(struct dcom_resolve, count) },     \
    { NDR_AT(struct dcom_resolve, bindings, PTR), .flags = NDR_OUT, .of = &dcom_dual_type },                                \
    { NDR_AT(struct dcom_resolve, unknown, GUID), .flags = NDR_OUT }, { NDR_AT(struct dcom_resolve, hint, U32), .flags = NDR_OUT }
static const struct ndr_row resolve_rows[] = { RESOLVE_ROWS, { NDR_AT(struct dcom_resolve, status, U32), .flags = NDR_OUT } };
const struct ndr_type dcom_resolve_type = NDR_TYPE("ResolveOxid", struct dcom_resolve, resolve_rows);
static const struct ndr_row resolve2_rows[] = {
    RESOLVE_ROWS,
    { NDR_AT(struct dcom_resolve, version, STRUCT), .flags = NDR_OUT, .of = &dcom_version_type },
    { NDR_AT(struct dcom_resolve, status, U32), .flags = NDR_OUT },
};
const struct ndr_type dcom_resolve2_type = NDR_TYPE("ResolveOxid2", struct dcom_resolve, resolve2_rows);

static const struct ndr_row simple_rows[] = {
    { NDR_AT(struct dcom_ping_record, set, U64), .flags = NDR_IN },
    { NDR_AT(struct dcom_ping_record, status, U32), .flags = NDR_OUT },
};
const struct ndr_type dcom_simple_ping_type = NDR_TYPE("SimplePing", struct dcom_ping_record, simple_rows);
static const struct ndr_row complex_rows[] = {
    { NDR_AT(struct dcom_ping_record, set, U64), .flags = NDR_IN | NDR_OUT },
    { NDR_AT(struct dcom_ping_record, sequence, U16), .flags = NDR_IN },
    { NDR_AT(struct dcom_ping_record, add_count, U16), .flags = NDR_IN },
    { NDR_AT(struct dcom_ping_record, del_count, U16), .flags = NDR_IN },
    { NDR_AT(struct dcom_ping_record, add, ARRAY), .flags = NDR_IN | NDR_UNIQUE, .of = &ndr_u64, NDR_SIZE(struct dcom_ping_record, add_count) },
    { NDR_AT(struct dcom_ping_record, del, ARRAY), .flags = NDR_IN | NDR_UNIQUE, .of = &ndr_u64, NDR_SIZE(struct dcom_ping_record, del_count) },
    { NDR_AT(struct dcom_ping_record, backoff, U16), .flags = NDR_OUT },
    { NDR_AT(struct dcom_ping_record, status, U32), .flags = NDR_OUT },
};
const struct ndr_type dcom_complex_ping_type = NDR_TYPE("ComplexPing", struct dcom_ping_record, complex_rows);

static const struct ndr_row alive_rows[] = { { NDR_AT(struct dcom_alive, status, U32), .flags = NDR_OUT } };
const struct ndr_type dcom_alive_type = NDR_TYPE("ServerAlive", struct dcom_alive, alive_rows);
static const struct ndr_row alive2_rows[] = {
    { NDR_AT(struct dcom_alive, version, STRUCT), .flags = NDR_OUT, .of = &dcom_version_type },
    { NDR_AT(struct dcom_alive, bindings, PTR), .flags = NDR_OUT, .of = &dcom_dual_type },
    { NDR_AT(struct dcom_alive, reserved, U32), .flags = NDR_OUT },
    { NDR_AT(struct dcom_alive, status, U32), .flags = NDR_OUT },
};
const struct ndr_type dcom_alive2_type = NDR_TYPE("ServerAlive2", struct dcom_alive, alive2_rows);

static void reply(struct rpc_call *c, const struct ndr_type *t, const void *record)
{
    struct ndr_writer w;
    ndr_writer_init(&w, &c->reply);
    if (ndr_write_parameters(&w, t, NDR_OUT, record)) {
        rpc_reply(c);
    } else {
        buf_clear(&c->reply);
        rpc_fault(c, RPC_FAULT_NO_MEMORY);
    }
}

static bool parameters(struct rpc_call *c, const struct ndr_type *t, void *record)
{
    struct ndr_reader r;
    ndr_reader_init(&r, c->arena, c->stub, c->big_endian);
    cimf_status status = ndr_read_parameters(&r, t, NDR_IN, record, NULL);
    if (status != CIMF_OK) rpc_fault(c, status == CIMF_OUT_OF_MEMORY ? RPC_FAULT_NO_MEMORY : RPC_FAULT_BAD_STUB);
    return status == CIMF_OK;
}

static void resolve(struct dcom_server *s, struct rpc_call *c, const struct ndr_type *t)
{
    struct dcom_resolve q = { 0 };
    struct dcom_dual bindings;
    if (!parameters(c, t, &q)) return;
    if (q.oxid != s->oxid) {
        q.status = DCOM_INVALID_OXID;
    } else if (dcom_bindings_make(s, c->arena, c->local, true, &bindings) != CIMF_OK) {
        q.status = DCOM_NO_MEMORY;
    } else {
        q.bindings = &bindings;
        q.unknown = s->unknown;
        q.hint = s->settings.authn_hint;
        q.version = dcom_version;
    }
    reply(c, t, &q);
}

static void simple_ping(struct dcom_server *s, struct rpc_call *c)
{
    struct dcom_ping_record q = { 0 };
    if (!parameters(c, &dcom_simple_ping_type, &q)) return;
    dcom_lock(s);
    q.status = dcom_ping(s, c->principal, q.set);
    dcom_unlock(s);
    reply(c, &dcom_simple_ping_type, &q);
}

static void complex_ping(struct dcom_server *s, struct rpc_call *c)
{
    struct dcom_ping_record q = { 0 };
    if (!parameters(c, &dcom_complex_ping_type, &q)) return;
    struct dcom_ping_change change = { q.set, q.sequence, q.add, q.del, q.add_count, q.del_count };
    dcom_lock(s);
    q.status = dcom_ping_change(s, c->principal, &change);
    dcom_unlock(s);
    q.set = change.set;
    reply(c, &dcom_complex_ping_type, &q);
}

static void alive(struct dcom_server *s, struct rpc_call *c, bool second)
{
    struct dcom_alive q = { .version = dcom_version };
    struct dcom_dual bindings;
    if (second && dcom_bindings_make(s, c->arena, c->local, false, &bindings) != CIMF_OK) q.status = DCOM_NO_MEMORY;
    else q.bindings = &bindings;
    reply(c, second ? &dcom_alive2_type : &dcom_alive_type, &q);
}

void dcom_resolver_call(struct rpc_call *c)
{
    struct dcom_server *s = c->interface->arg;
    bool anybody = c->opnum == 3 || c->opnum == 5;
    if (!anybody && (!c->principal || c->level < RPC_LEVEL_CONNECT)) {
        rpc_fault(c, RPC_FAULT_ACCESS_DENIED);
        return;
    }
    switch (c->opnum) {
    case 0: resolve(s, c, &dcom_resolve_type); break;
    case 1: simple_ping(s, c); break;
    case 2: complex_ping(s, c); break;
    case 3: alive(s, c, false); break;
    case 4: resolve(s, c, &dcom_resolve2_type); break;
    case 5: alive(s, c, true); break;
    default: rpc_fault(c, RPC_FAULT_OP_RANGE); break;
    }
}
