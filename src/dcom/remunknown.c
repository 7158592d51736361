/* IRemUnknown and IRemUnknown2 (MS-DCOM 3.1.1.5.6, 3.1.1.5.7): one for the exporter, open to every caller, who finds only
 * what is his. */
#include "dcom/dcom_priv.h"
#include "dcom/records.h"

#define OLE { 0xc0, 0, 0, 0, 0, 0, 0, 0x46 }

static const struct dcom_method nothing[7];
const struct dcom_interface dcom_iremunknown = { { 0x131, 0, 0, OLE }, "IRemUnknown", nothing, 6 };
const struct dcom_interface dcom_iremunknown2 = { { 0x143, 0, 0, OLE }, "IRemUnknown2", nothing, 7 };

struct result {            /* REMQIRESULT */
    uint32_t hresult;
    struct dcom_std std;
};
static const struct ndr_row result_rows[] = {
    { NDR_AT(struct result, hresult, U32) },
    { NDR_AT(struct result, std, STRUCT), .of = &dcom_std_type },
};
static const struct ndr_type result_type = NDR_TYPE("REMQIRESULT", struct result, result_rows);

struct query {
    struct guid ipid;
    uint32_t refs;
    uint16_t count;
    struct guid *iids;
    struct result *results;
    uint32_t hresult;
};
static const struct ndr_row query_rows[] = {
    { NDR_AT(struct query, ipid, GUID), .flags = NDR_IN },
    { NDR_AT(struct query, refs, U32), .flags = NDR_IN },
    { NDR_AT(struct query, count, U16), .flags = NDR_IN },
    { NDR_AT(struct query, iids, ARRAY), .flags = NDR_IN, .of = &ndr_guid, NDR_SIZE(struct query, count) },
    { NDR_AT(struct query, results, ARRAY), .flags = NDR_OUT | NDR_UNIQUE, .of = &result_type, NDR_SIZE(struct query, count) },
    { NDR_AT(struct query, hresult, U32), .flags = NDR_OUT },
};
static const struct ndr_type query_type = NDR_TYPE("RemQueryInterface", struct query, query_rows);

struct query2 {
    struct guid ipid;
    uint16_t count;
    struct guid *iids;
    uint32_t *hresults;
    struct slice *interfaces;
    uint32_t hresult;
};
static const struct ndr_row query2_rows[] = {
    { NDR_AT(struct query2, ipid, GUID), .flags = NDR_IN },
    { NDR_AT(struct query2, count, U16), .flags = NDR_IN },
    { NDR_AT(struct query2, iids, ARRAY), .flags = NDR_IN, .of = &ndr_guid, NDR_SIZE(struct query2, count) },
    { NDR_AT(struct query2, hresults, ARRAY), .flags = NDR_OUT, .of = &ndr_u32, NDR_SIZE(struct query2, count) },
    { NDR_AT(struct query2, interfaces, ARRAY), .flags = NDR_OUT, .of = &ndr_interface, NDR_SIZE(struct query2, count) },
    { NDR_AT(struct query2, hresult, U32), .flags = NDR_OUT },
};
static const struct ndr_type query2_type = NDR_TYPE("RemQueryInterface2", struct query2, query2_rows);

static const struct ndr_row reference_rows[] = {
    { NDR_AT(struct dcom_reference, ipid, GUID) },
    { NDR_AT(struct dcom_reference, public_refs, U32) },
    { NDR_AT(struct dcom_reference, private_refs, U32) },
};
static const struct ndr_type reference_type = NDR_TYPE("REMINTERFACEREF", struct dcom_reference, reference_rows);

static const struct ndr_row add_rows[] = {
    { NDR_AT(struct dcom_references, count, U16), .flags = NDR_IN },
    { NDR_AT(struct dcom_references, references, ARRAY), .flags = NDR_IN, .of = &reference_type, NDR_SIZE(struct dcom_references, count) },
    { NDR_AT(struct dcom_references, results, ARRAY), .flags = NDR_OUT, .of = &ndr_u32, NDR_SIZE(struct dcom_references, count) },
    { NDR_AT(struct dcom_references, hresult, U32), .flags = NDR_OUT },
};
const struct ndr_type dcom_add_ref_type = NDR_TYPE("RemAddRef", struct dcom_references, add_rows);
static const struct ndr_row release_rows[] = {
    { NDR_AT(struct dcom_references, count, U16), .flags = NDR_IN },
    { NDR_AT(struct dcom_references, references, ARRAY), .flags = NDR_IN, .of = &reference_type, NDR_SIZE(struct dcom_references, count) },
    { NDR_AT(struct dcom_references, hresult, U32), .flags = NDR_OUT },
};
const struct ndr_type dcom_release_type = NDR_TYPE("RemRelease", struct dcom_references, release_rows);

static bool parameters(struct rpc_call *c, struct ndr_reader *r, const struct ndr_type *t, void *record)
{
    cimf_status status = ndr_read_parameters(r, t, NDR_IN, record, NULL);
    if (status != CIMF_OK) rpc_fault(c, status == CIMF_OUT_OF_MEMORY ? RPC_FAULT_NO_MEMORY : RPC_FAULT_BAD_STUB);
    return status == CIMF_OK;
}

/* Locked. The object of an IPID of the caller. */
static uint32_t find(struct dcom_server *s, const struct rpc_call *c, const struct guid *ipid, uint32_t unknown,
                     struct dcom_ipid **out)
{
    *out = dcom_ipid_find(s, ipid);
    if (!*out) return unknown;
    return principal_same((*out)->object->owner, c->principal) ? DCOM_OK : DCOM_E_ACCESSDENIED;
}

/* What is asked of one interface fails alone: clients take a failure of the whole for the end of the object. */
static void query_interface(struct dcom_server *s, struct rpc_call *c, struct ndr_reader *r)
{
    struct query q = { 0 };
    struct dcom_ipid *i;
    if (!parameters(c, r, &query_type, &q)) return;
    dcom_lock(s);
    q.hresult = find(s, c, &q.ipid, DCOM_E_INVALID_OBJECT, &i);
    if (q.hresult == DCOM_OK) {
        q.results = ARENA_ARRAY(c->arena, q.count ? q.count : 1u, struct result);
        if (!q.results) q.hresult = DCOM_E_OUTOFMEMORY;
        struct dcom_object *o = i->object;
        o->used = dcom_now(s); /* also when it has none of the interfaces */
        for (unsigned n = 0; q.results && n < q.count; n++)
            q.results[n].hresult = dcom_export(o, &q.iids[n], q.refs, &q.results[n].std);
    }
    dcom_unlock(s);
    if (!q.results) q.count = 0;
    dcom_reply_record(c, &query_type, &q);
}

static void query_interface2(struct dcom_server *s, struct rpc_call *c, struct ndr_reader *r)
{
    struct query2 q = { 0 };
    struct dcom_ipid *i;
    struct dcom_object *o = NULL;
    struct dcom_dual resolver;
    if (!parameters(c, r, &query2_type, &q)) return;
    q.hresults = ARENA_ARRAY(c->arena, q.count ? q.count : 1u, uint32_t);
    q.interfaces = ARENA_ARRAY(c->arena, q.count ? q.count : 1u, struct slice);
    if (!q.hresults || !q.interfaces || dcom_bindings_make(s, c->arena, c->local, false, &resolver) != CIMF_OK) {
        rpc_fault(c, RPC_FAULT_NO_MEMORY);
        return;
    }
    dcom_lock(s);
    q.hresult = find(s, c, &q.ipid, DCOM_E_INVALID_OBJECT, &i);
    if (q.hresult == DCOM_OK) {
        o = dcom_object_ref(i->object);
        o->used = dcom_now(s);
    }
    dcom_unlock(s);
    for (unsigned n = 0; n < q.count; n++)
        q.hresults[n] = o ? dcom_marshal_for(o, &q.iids[n], c->arena, &resolver, &q.interfaces[n]) : q.hresult;
    dcom_object_unref(o);
    dcom_reply_record(c, &query2_type, &q);
}

static void add_references(struct dcom_server *s, struct rpc_call *c, struct ndr_reader *r)
{
    struct dcom_references a = { 0 };
    struct dcom_ipid *i;
    if (!parameters(c, r, &dcom_add_ref_type, &a)) return;
    a.results = ARENA_ARRAY(c->arena, a.count ? a.count : 1u, uint32_t);
    if (!a.results) {
        rpc_fault(c, RPC_FAULT_NO_MEMORY);
        return;
    }
    dcom_lock(s);
    for (unsigned n = 0; n < a.count; n++) {
        const struct dcom_reference *ref = &a.references[n];
        if (guid_eq(&ref->ipid, &s->unknown)) continue; /* lives as long as the exporter */
        a.results[n] = find(s, c, &ref->ipid, DCOM_E_OBJNOTREG, &i);
        if (a.results[n] != DCOM_OK) continue;
        i->public_refs += ref->public_refs;
        i->private_refs += ref->private_refs;
        i->object->used = dcom_now(s);
    }
    dcom_unlock(s);
    dcom_reply_record(c, &dcom_add_ref_type, &a);
}

static uint64_t less(uint64_t have, uint32_t n) { return have > n ? have - n : 0; }

static void release(struct dcom_server *s, struct rpc_call *c, struct ndr_reader *r)
{
    struct dcom_references a = { 0 };
    struct dcom_object *dead = NULL;
    struct dcom_ipid *i;
    if (!parameters(c, r, &dcom_release_type, &a)) return;
    dcom_lock(s);
    for (unsigned n = 0; n < a.count; n++) {
        const struct dcom_reference *ref = &a.references[n];
        if (find(s, c, &ref->ipid, DCOM_E_OBJNOTREG, &i) != DCOM_OK) continue;
        i->public_refs = less(i->public_refs, ref->public_refs);
        i->private_refs = less(i->private_refs, ref->private_refs);
        i->object->used = dcom_now(s);
        if (!i->public_refs && !i->private_refs) dcom_ipid_drop(i, &dead);
    }
    dcom_unlock(s);
    dcom_objects_end(dead);
    dcom_reply_record(c, &dcom_release_type, &a);
}

void dcom_remote_unknown(struct dcom_server *s, struct rpc_call *c, struct ndr_reader *r)
{
    switch (c->opnum) {
    case 3: query_interface(s, c, r); break;
    case 4: add_references(s, c, r); break;
    case 5: release(s, c, r); break;
    case 6: query_interface2(s, c, r); break;
    default: rpc_fault(c, RPC_FAULT_OP_RANGE); break;
    }
}
