/* IClassFactory: what RemoteGetClassObject gives out; one object per request, which makes objects of its class. */
#include "dcom/dcom_priv.h"

struct create {
    struct guid iid;
    struct slice object;
};
static const struct ndr_row create_rows[] = {
    { NDR_AT(struct create, iid, GUID), .flags = NDR_IN },
    { NDR_AT(struct create, object, INTERFACE), .flags = NDR_OUT },
};
static const struct ndr_type create_type = NDR_TYPE("IClassFactory.CreateInstance", struct create, create_rows);

struct lock {
    uint32_t lock;
};
static const struct ndr_row lock_rows[] = { { NDR_AT(struct lock, lock, U32), .flags = NDR_IN } };
static const struct ndr_type lock_type = NDR_TYPE("IClassFactory.LockServer", struct lock, lock_rows);

static void create_instance(struct dcom_call *c, void *record)
{
    struct create *p = record;
    const struct dcom_class *class = c->self;
    struct dcom_object *o = NULL;
    uint32_t result = class->create(class, c->server, c->principal, &o);
    if (result == DCOM_OK) result = dcom_marshal(c, o, &p->iid, &p->object);
    dcom_object_unref(o);
    dcom_reply(c, p, result);
}

static void lock_server(struct dcom_call *c, void *record)
{
    dcom_reply(c, record, DCOM_OK); /* which runs anyway */
}

static const struct dcom_method methods[] = {
    [3] = { "CreateInstance", &create_type, create_instance },
    [4] = { "LockServer", &lock_type, lock_server },
};
const struct dcom_interface dcom_iclassfactory = { { 1, 0, 0, { 0xc0, 0, 0, 0, 0, 0, 0, 0x46 } }, "IClassFactory", methods, 5 };
static const struct dcom_interface *const interfaces[] = { &dcom_iclassfactory, NULL };
static const struct dcom_object_type factory_type = { "class factory", interfaces, NULL, NULL, 0 };

uint32_t dcom_factory_new(const struct dcom_class *class, struct dcom_server *s, const struct principal *p,
                          struct dcom_object **out)
{
    *out = dcom_object_new(s, &factory_type, (void *)(uintptr_t)class, p);
    return *out ? DCOM_OK : DCOM_E_OUTOFMEMORY;
}
