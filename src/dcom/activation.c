/* Activation (MS-DCOM 3.1.2.5.2): IActivation and IRemoteSCMActivator make an object of a class, or its factory, and hand
 * out references to the interfaces that were asked for. */
#include "dcom/activation_blob.h"
#include "dcom/dcom_priv.h"

/* Old: everything as parameters. */
struct remote_activation {
    struct guid clsid;
    struct slice name, storage;
    uint32_t impersonation, mode, count;
    struct guid *iids;
    uint16_t protseq_count;
    uint16_t *protseqs;
    uint64_t oxid;
    struct dcom_dual *bindings;
    struct guid unknown;
    uint32_t hint;
    struct dcom_version version;
    uint32_t hresult;
    struct slice *interfaces;
    uint32_t *results;
    uint32_t status;
};
#define AT(field, what) NDR_AT(struct remote_activation, field, what)
#define SIZE(field) NDR_SIZE(struct remote_activation, field)
static const struct ndr_row remote_activation_rows[] = {
    { AT(clsid, GUID), .flags = NDR_IN },
    { AT(name, STRING), .flags = NDR_IN | NDR_UNIQUE },
    { AT(storage, INTERFACE), .flags = NDR_IN },
    { AT(impersonation, U32), .flags = NDR_IN },
    { AT(mode, U32), .flags = NDR_IN },
    { AT(count, U32), .flags = NDR_IN },
    { AT(iids, ARRAY), .flags = NDR_IN | NDR_UNIQUE, .of = &ndr_guid, SIZE(count) },
    { AT(protseq_count, U16), .flags = NDR_IN },
    { AT(protseqs, ARRAY), .flags = NDR_IN, .of = &ndr_u16, SIZE(protseq_count) },
    { AT(oxid, U64), .flags = NDR_OUT },
    { AT(bindings, PTR), .flags = NDR_OUT, .of = &dcom_dual_type },
    { AT(unknown, GUID), .flags = NDR_OUT },
    { AT(hint, U32), .flags = NDR_OUT },
    { AT(version, STRUCT), .flags = NDR_OUT, .of = &dcom_version_type },
    { AT(hresult, U32), .flags = NDR_OUT },
    { AT(interfaces, ARRAY), .flags = NDR_OUT, .of = &ndr_interface, SIZE(count) },
    { AT(results, ARRAY), .flags = NDR_OUT, .of = &ndr_u32, SIZE(count) },
    { AT(status, U32), .flags = NDR_OUT },
};
static const struct ndr_type remote_activation_type =
    NDR_TYPE("RemoteActivation", struct remote_activation, remote_activation_rows);

/* New: properties in, properties out. */
struct properties {
    struct slice outer, in, out;
    uint32_t hresult;
};
static const struct ndr_row create_rows[] = {
    { NDR_AT(struct properties, outer, INTERFACE), .flags = NDR_IN },
    { NDR_AT(struct properties, in, INTERFACE), .flags = NDR_IN },
    { NDR_AT(struct properties, out, INTERFACE), .flags = NDR_OUT },
    { NDR_AT(struct properties, hresult, U32), .flags = NDR_OUT },
};
static const struct ndr_type create_type = NDR_TYPE("RemoteCreateInstance", struct properties, create_rows);
static const struct ndr_row factory_rows[] = {
    { NDR_AT(struct properties, in, INTERFACE), .flags = NDR_IN },
    { NDR_AT(struct properties, out, INTERFACE), .flags = NDR_OUT },
    { NDR_AT(struct properties, hresult, U32), .flags = NDR_OUT },
};
static const struct ndr_type factory_type = NDR_TYPE("RemoteGetClassObject", struct properties, factory_rows);

/* What the parameters are preceded by. False: answered with a fault. A version that does not fit is an HRESULT. */
static bool begin(struct rpc_call *c, struct ndr_reader *r, const struct ndr_type *t, void *record, uint32_t *hresult)
{
    struct dcom_this header = { 0 };
    ndr_reader_init(r, c->arena, c->stub, c->big_endian);
    uint32_t fault = c->principal ? dcom_this_read(r, true, &header) : RPC_FAULT_ACCESS_DENIED;
    if (fault == DCOM_E_VERSION_MISMATCH || fault == DCOM_E_INVALID_HEADER) {
        *hresult = fault;
        return true;
    }
    if (!fault) {
        cimf_status status = ndr_read_parameters(r, t, NDR_IN, record, NULL);
        if (status == CIMF_OUT_OF_MEMORY) fault = RPC_FAULT_NO_MEMORY;
        else if (status != CIMF_OK) fault = RPC_FAULT_BAD_STUB;
    }
    if (fault) rpc_fault(c, fault);
    return !fault;
}

static const struct dcom_class *find_class(const struct dcom_server *s, const struct guid *clsid)
{
    for (unsigned i = 0; i < s->settings.class_count; i++)
        if (guid_eq(&s->settings.classes[i].clsid, clsid)) return &s->settings.classes[i];
    return NULL;
}

/* An object and its interfaces: the first HRESULT that says why there is none. */
static uint32_t activate(struct dcom_server *s, struct rpc_call *c, const struct dcom_activation *q, bool factory,
                         struct dcom_activated *out)
{
    const struct dcom_class *class = find_class(s, &q->clsid);
    struct dcom_object *o = NULL;
    struct dcom_dual resolver;
    unsigned good = 0;
    if (__atomic_load_n(&s->stopping, __ATOMIC_RELAXED)) return DCOM_E_SERVER_STOPPING;
    if (!class) return DCOM_E_CLASSNOTREG;
    out->count = q->iid_count;
    out->iids = q->iids;
    out->hresults = ARENA_ARRAY(c->arena, q->iid_count, uint32_t);
    out->interfaces = ARENA_ARRAY(c->arena, q->iid_count, struct slice);
    out->bindings = ARENA_NEW(c->arena, struct dcom_dual);
    if (!out->hresults || !out->interfaces || !out->bindings ||
        dcom_bindings_make(s, c->arena, c->local, true, out->bindings) != CIMF_OK ||
        dcom_bindings_make(s, c->arena, c->local, false, &resolver) != CIMF_OK)
        return DCOM_E_OUTOFMEMORY;
    uint32_t result = (factory ? dcom_factory_new : class->create)(class, s, c->principal, &o);
    if (result != DCOM_OK) return result;
    for (uint32_t i = 0; i < q->iid_count; i++) {
        out->hresults[i] = dcom_marshal_for(o, &q->iids[i], c->arena, &resolver, &out->interfaces[i]);
        good += out->hresults[i] == DCOM_OK;
    }
    dcom_object_unref(o); /* and ends, if nobody got a reference */
    out->oxid = s->oxid;
    out->unknown = s->unknown;
    out->hint = s->settings.authn_hint;
    out->major = dcom_version.major;
    out->minor = dcom_version.minor;
    return good ? DCOM_OK : out->hresults[0];
}

/* Sessions, and address spaces of a width, that there are none of here. */
static uint32_t unsatisfiable(const struct dcom_activation *q)
{
    uint32_t other = sizeof(void *) == 8 ? ACTIVATION_32_BIT : ACTIVATION_64_BIT;
    if (q->has_session && (q->console || q->session != UINT32_MAX)) return DCOM_E_RUNAS_LOGON_FAILURE;
    return q->flags & other ? DCOM_E_CLASSNOTREG : DCOM_OK;
}

static uint32_t by_properties(struct dcom_server *s, struct rpc_call *c, bool factory, struct properties *p)
{
    struct dcom_activation q;
    struct dcom_activated done = { 0 };
    struct buf b;
    cimf_status status = p->in.p ? dcom_activation_read(c->arena, p->in, &q, NULL) : CIMF_PROTOCOL_ERROR;
    if (status == CIMF_OUT_OF_MEMORY) return DCOM_E_OUTOFMEMORY;
    if (status != CIMF_OK) return DCOM_E_INVALIDARG;
    uint32_t result = unsatisfiable(&q);
    if (result == DCOM_OK) result = activate(s, c, &q, factory, &done);
    if (result != DCOM_OK) return result;
    buf_init(&b, 0);
    if (dcom_activated_write(&b, &done)) p->out = arena_dup(c->arena, buf_slice(&b));
    buf_free(&b);
    return p->out.p ? DCOM_OK : DCOM_E_OUTOFMEMORY;
}

void dcom_activator_call(struct rpc_call *c)
{
    struct dcom_server *s = c->interface->arg;
    struct properties p = { 0 };
    struct ndr_reader r;
    const struct ndr_type *t = c->opnum == 4 ? &create_type : &factory_type;
    if (c->opnum != 3 && c->opnum != 4) {
        rpc_fault(c, RPC_FAULT_OP_RANGE);
        return;
    }
    if (!begin(c, &r, t, &p, &p.hresult)) return;
    if (p.hresult == DCOM_OK) p.hresult = by_properties(s, c, c->opnum == 3, &p);
    dcom_reply_record(c, t, &p);
}

static uint32_t by_parameters(struct dcom_server *s, struct rpc_call *c, struct remote_activation *p)
{
    struct dcom_activation q = { .clsid = p->clsid, .iid_count = p->count, .iids = p->iids, .session = UINT32_MAX };
    struct dcom_activated done = { 0 };
    uint32_t result = activate(s, c, &q, p->mode == UINT32_MAX, &done);
    if (result != DCOM_OK) return result;
    p->oxid = done.oxid;
    p->bindings = done.bindings;
    p->unknown = done.unknown;
    p->hint = done.hint;
    p->version = dcom_version;
    memcpy(p->interfaces, done.interfaces, p->count * sizeof *p->interfaces);
    memcpy(p->results, done.hresults, p->count * sizeof *p->results);
    return DCOM_OK;
}

void dcom_activation_call(struct rpc_call *c)
{
    struct dcom_server *s = c->interface->arg;
    struct remote_activation p = { 0 };
    struct ndr_reader r;
    if (c->opnum != 0) {
        rpc_fault(c, RPC_FAULT_OP_RANGE);
        return;
    }
    if (!begin(c, &r, &remote_activation_type, &p, &p.hresult)) return;
    if (p.hresult == DCOM_OK && (!p.count || p.count > DCOM_IIDS || p.protseq_count > DCOM_PROTSEQS)) {
        rpc_fault(c, RPC_FAULT_BAD_STUB); /* ranges of the IDL */
        return;
    }
    p.interfaces = ARENA_ARRAY(c->arena, p.count + 1, struct slice);
    p.results = ARENA_ARRAY(c->arena, p.count + 1, uint32_t);
    if (!p.interfaces || !p.results) {
        rpc_fault(c, RPC_FAULT_NO_MEMORY);
        return;
    }
    if (p.hresult == DCOM_OK) p.hresult = by_parameters(s, c, &p);
    dcom_reply_record(c, &remote_activation_type, &p);
}
