/* Instances: making, copying, casting, reading and setting by index and name, equality. */
#include "cim/instance.h"

#include "cim/cim_priv.h"

struct cim_instance *cim_instance_new(struct arena *a, const struct cim_class *cls)
{
    size_t n = cls->property_count;
    struct cim_instance *in = arena_zalloc(a, sizeof *in + n * (sizeof(union cim_data) + 1));
    if (!in || !cim_class_hold(a, cls)) return NULL;
    in->object.magic = CIM_OBJECT_MAGIC;
    in->object.kind = CIM_KIND_INSTANCE;
    in->cls = cls;
    in->arena = a;
    in->slot = (union cim_data *)(in + 1);
    in->state = (uint8_t *)(in->slot + n);
    return in;
}
_Static_assert(sizeof(struct cim_instance) % sizeof(void *) == 0, "slots follow the head");

static bool copy_text(struct arena *a, struct slice in, struct slice *out)
{
    *out = SLICE_NULL;
    if (!in.n) return true;
    *out = arena_dup(a, in);
    return out->p != NULL;
}

static cimf_status copy_head(struct arena *a, const struct cim_instance *in,
                             struct cim_instance *out)
{
    out->result = in->result;
    if (a == in->arena) { /* a cast within one arena shares */
        out->ns = in->ns;
        out->server = in->server;
        out->qualifiers = in->qualifiers;
        return CIMF_OK;
    }
    if (!copy_text(a, in->ns, &out->ns) || !copy_text(a, in->server, &out->server)) {
        return CIMF_OUT_OF_MEMORY;
    }
    return qualifiers_copy(a, in->qualifiers, &out->qualifiers);
}

cimf_status instance_copy(struct arena *a, const struct cim_instance *in, unsigned depth,
                          struct cim_instance **out)
{
    *out = NULL;
    if (depth > LIMIT_EMBEDDED_DEPTH) return CIMF_QUOTA_VIOLATION;
    struct cim_instance *copy = cim_instance_new(a, in->cls);
    if (!copy) return CIMF_OUT_OF_MEMORY;
    uint32_t n = in->cls->property_count;
    cimf_status st = copy_head(a, in, copy);
    if (st == CIMF_OK && !copy_text(a, in->path, &copy->path)) st = CIMF_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < n && st == CIMF_OK; i++) {
        copy->state[i] = in->state[i];
        if (in->state[i] != CIM_SET) continue;
        st = data_copy(a, in->cls->properties[i].type, &in->slot[i], &copy->slot[i], depth);
    }
    if (st == CIMF_OK && in->property_qualifiers) {
        struct cim_qualifiers *sets = ARENA_ARRAY(a, n, struct cim_qualifiers);
        if (!sets) return CIMF_OUT_OF_MEMORY;
        for (uint32_t i = 0; i < n && st == CIMF_OK; i++) {
            st = qualifiers_copy(a, in->property_qualifiers[i], &sets[i]);
        }
        copy->property_qualifiers = sets;
    }
    if (st == CIMF_OK) *out = copy;
    return st;
}

struct cim_instance *cim_instance_copy(struct arena *a, const struct cim_instance *in)
{
    struct cim_instance *out;
    return instance_copy(a, in, 0, &out) == CIMF_OK ? out : NULL;
}

/* The value of property `from` of in as `to` of out has it; left out when it does not fit. */
static cimf_status cast_value(const struct cim_instance *in, uint32_t from,
                              struct cim_instance *out, uint32_t to)
{
    unsigned old = in->cls->properties[from].type, type = out->cls->properties[to].type;
    out->state[to] = in->state[from];
    if (in->state[from] != CIM_SET) return CIMF_OK;
    struct cim_value v = { .type = (uint16_t)old, .v = in->slot[from] };
    if (old != type) {
        cimf_status st = cim_value_convert(out->arena, &v, type, &v);
        if (st == CIMF_OUT_OF_MEMORY) return st;
        if (st != CIMF_OK) {
            out->state[to] = CIM_DEFAULTED;
            return CIMF_OK;
        }
    }
    out->slot[to] = v.v;
    return out->arena == in->arena ? CIMF_OK
                                   : data_copy(out->arena, type, &v.v, &out->slot[to], 0);
}

struct cim_instance *cim_instance_cast(struct arena *a, const struct cim_instance *in,
                                       const struct cim_class *cls)
{
    struct cim_instance *out = cim_instance_new(a, cls);
    if (!out || copy_head(a, in, out) != CIMF_OK) return NULL;
    bool same = slice_ieq(in->cls->name, cls->name); /* else the path names another class */
    if (same && a == in->arena) out->path = in->path;
    else if (same && !copy_text(a, in->path, &out->path)) return NULL;
    for (uint32_t i = 0; i < cls->property_count; i++) {
        const struct cim_property *p = &cls->properties[i];
        /* Mostly the same place: base classes come first. */
        int from = i < in->cls->property_count && in->cls->properties[i].name.p == p->name.p
                       ? (int)i : cim_class_property(in->cls, p->name);
        if (from >= 0 && cast_value(in, (uint32_t)from, out, i) != CIMF_OK) return NULL;
    }
    return out;
}

bool cim_get(const struct cim_instance *in, unsigned index, union cim_data *out)
{
    if (index >= in->cls->property_count) return false;
    switch (in->state[index]) {
    case CIM_SET:
        *out = in->slot[index];
        return true;
    case CIM_DEFAULTED:
        if (!(in->cls->properties[index].flags & CIM_PROP_HAS_DEFAULT)) return false;
        *out = in->cls->properties[index].def;
        return true;
    default:
        return false;
    }
}

cimf_status cim_get_named(struct arena *a, const struct cim_instance *in, struct slice name,
                          struct cim_value *out)
{
    int i = cim_class_property(in->cls, name);
    if (i >= 0) {
        *out = (struct cim_value){ .type = in->cls->properties[i].type };
        out->null = !cim_get(in, (unsigned)i, &out->v);
        return CIMF_OK;
    }
    int system = cim_system_property_find(name);
    if (system < 0) return CIMF_INVALID_PROPERTY;
    return cim_system_property_get(a, &in->object, (enum cim_system_property)system, out);
}

void cim_set(struct cim_instance *in, unsigned index, union cim_data v)
{
    if (index >= in->cls->property_count) return;
    in->slot[index] = v;
    in->state[index] = CIM_SET;
}

void cim_set_null(struct cim_instance *in, unsigned index)
{
    if (index < in->cls->property_count) in->state[index] = CIM_NULL;
}

cimf_status cim_set_named(struct cim_instance *in, struct slice name, const struct cim_value *v)
{
    int i = cim_class_property(in->cls, name);
    if (i < 0) return CIMF_INVALID_PROPERTY;
    struct cim_value typed;
    cimf_status st = cim_value_convert(in->arena, v, in->cls->properties[i].type, &typed);
    if (st != CIMF_OK) return st;
    if (typed.null) cim_set_null(in, (unsigned)i);
    else cim_set(in, (unsigned)i, typed.v);
    return CIMF_OK;
}

bool instance_equal(const struct cim_instance *a, const struct cim_instance *b, unsigned depth)
{
    if (a == b) return true;
    if (depth > LIMIT_EMBEDDED_DEPTH || !slice_ieq(a->cls->name, b->cls->name) ||
        a->cls->property_count != b->cls->property_count) {
        return false;
    }
    for (uint32_t i = 0; i < a->cls->property_count; i++) {
        const struct cim_property *p = &a->cls->properties[i];
        int j = a->cls == b->cls ? (int)i : cim_class_property(b->cls, p->name);
        if (j < 0 || b->cls->properties[j].type != p->type) return false;
        if (cim_is_sent(a, i) != cim_is_sent(b, (unsigned)j)) return false;
        union cim_data x, y;
        bool has = cim_get(a, i, &x);
        if (has != cim_get(b, (unsigned)j, &y)) return false;
        if (has && !data_equal(p->type, &x, &y, depth)) return false;
    }
    return true;
}

bool cim_instance_equal(const struct cim_instance *a, const struct cim_instance *b)
{
    return instance_equal(a, b, 0);
}
