/* The ten system properties: cim-core.md 2.4. */
#include "cim/path.h"

static const struct {
    struct slice name;
    uint16_t type;
} rows[CIM_SYS_COUNT] = {
    [CIM_SYS_GENUS] = { { "__GENUS", 7 }, CIM_SINT32 },
    [CIM_SYS_CLASS] = { { "__CLASS", 7 }, CIM_STRING },
    [CIM_SYS_SUPERCLASS] = { { "__SUPERCLASS", 12 }, CIM_STRING },
    [CIM_SYS_DYNASTY] = { { "__DYNASTY", 9 }, CIM_STRING },
    [CIM_SYS_RELPATH] = { { "__RELPATH", 9 }, CIM_STRING },
    [CIM_SYS_PROPERTY_COUNT] = { { "__PROPERTY_COUNT", 16 }, CIM_SINT32 },
    [CIM_SYS_DERIVATION] = { { "__DERIVATION", 12 }, CIM_STRING | CIM_ARRAY },
    [CIM_SYS_SERVER] = { { "__SERVER", 8 }, CIM_STRING },
    [CIM_SYS_NAMESPACE] = { { "__NAMESPACE", 11 }, CIM_STRING },
    [CIM_SYS_PATH] = { { "__PATH", 6 }, CIM_STRING },
};

static struct slice local_server = { ".", 1 };

void cim_set_local_server(struct slice name)
{
    local_server = name.n ? name : SLICE(".");
}

int cim_system_property_find(struct slice name)
{
    if (name.n < 2 || name.p[0] != '_' || name.p[1] != '_') return -1;
    for (int i = 0; i < CIM_SYS_COUNT; i++) {
        if (slice_ieq(name, rows[i].name)) return i;
    }
    return -1;
}

const char *cim_system_property_name(enum cim_system_property p)
{
    return (unsigned)p < CIM_SYS_COUNT ? rows[p].name.p : NULL;
}

static cimf_status text(struct cim_value *value, struct slice s)
{
    value->null = !s.p;
    value->v.s = s;
    return CIMF_OK;
}

static cimf_status derivation(struct arena *a, const struct cim_class *c, struct cim_value *value)
{
    uint32_t n = 0;
    for (const struct cim_class *s = c->super; s; s = s->super) n++;
    if (!cim_array_new(a, CIM_STRING, n, &value->v.a)) return CIMF_OUT_OF_MEMORY;
    n = 0;
    for (const struct cim_class *s = c->super; s; s = s->super) {
        cim_array_set(value->v.a, CIM_STRING, n++, (union cim_data){ .s = s->name });
    }
    value->null = false;
    return CIMF_OK;
}

static cimf_status backslashed(struct arena *a, struct slice ns, struct slice *out)
{
    char *p = arena_strz(a, ns);
    if (!p) return CIMF_OUT_OF_MEMORY;
    for (size_t i = 0; i < ns.n; i++) {
        if (p[i] == '/') p[i] = '\\';
    }
    *out = slice_of(p, ns.n);
    return CIMF_OK;
}

/* NULL (p) where the object has none: query results, events, keyless or half-keyed instances. */
static cimf_status relpath(struct arena *a, const struct cim_object *o, struct slice *out)
{
    const struct cim_instance *in = cim_as_instance(o);
    *out = in ? SLICE_NULL : cim_object_class(o)->name;
    if (!in || in->result) return CIMF_OK;
    if (in->path.n) {
        *out = in->path;
        return CIMF_OK;
    }
    struct cim_path path;
    cimf_status st = cim_path_of(a, in, &path, NULL);
    if (st != CIMF_OK) return st == CIMF_OUT_OF_MEMORY ? st : CIMF_OK;
    struct buf b;
    buf_init(&b, 0);
    st = CIMF_OUT_OF_MEMORY;
    if (cim_path_write(&b, &path, true)) {
        *out = arena_dup(a, buf_slice(&b));
        if (out->p) st = CIMF_OK;
    }
    buf_free(&b);
    return st;
}

static cimf_status full_path(struct arena *a, const struct cim_object *o, struct slice server,
                             struct slice ns, struct slice *out)
{
    struct slice rel, space;
    *out = SLICE_NULL;
    cimf_status st = relpath(a, o, &rel);
    if (st != CIMF_OK || !rel.p || !ns.n) return st;
    st = backslashed(a, ns, &space);
    if (st != CIMF_OK) return st;
    *out = arena_printf(a, "\\\\" SLICE_FMT "\\" SLICE_FMT ":" SLICE_FMT, SLICE_ARG(server),
                        SLICE_ARG(space), SLICE_ARG(rel));
    return out->p ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}

static int32_t sent_count(const struct cim_object *o)
{
    const struct cim_instance *in = cim_as_instance(o);
    const struct cim_class *c = cim_object_class(o);
    if (!in) return (int32_t)c->property_count;
    int32_t n = 0;
    for (uint32_t i = 0; i < c->property_count; i++) n += cim_is_sent(in, i);
    return n;
}

cimf_status cim_system_property_get(struct arena *a, const struct cim_object *o,
                                    enum cim_system_property p, struct cim_value *value)
{
    const struct cim_instance *in = cim_as_instance(o);
    const struct cim_class *c = cim_object_class(o);
    if (!c || (unsigned)p >= CIM_SYS_COUNT) return CIMF_INVALID_PROPERTY;
    struct slice ns = in ? in->ns : c->ns, server = in && in->server.n ? in->server : local_server;
    if (in && in->result) ns = SLICE_NULL;
    struct slice s = SLICE_NULL;
    cimf_status st = CIMF_OK;
    *value = (struct cim_value){ .type = rows[p].type };
    switch (p) {
    case CIM_SYS_GENUS: value->v.i = in ? 2 : 1; return CIMF_OK;
    case CIM_SYS_PROPERTY_COUNT: value->v.i = sent_count(o); return CIMF_OK;
    case CIM_SYS_DERIVATION: return derivation(a, c, value);
    case CIM_SYS_CLASS: s = c->name; break;
    case CIM_SYS_SUPERCLASS: s = c->super ? c->super->name : SLICE_NULL; break;
    case CIM_SYS_DYNASTY: s = c->dynasty->name; break;
    case CIM_SYS_RELPATH: st = relpath(a, o, &s); break;
    case CIM_SYS_SERVER: s = ns.n ? server : SLICE_NULL; break;
    case CIM_SYS_NAMESPACE: st = ns.n ? backslashed(a, ns, &s) : CIMF_OK; break;
    case CIM_SYS_PATH: st = full_path(a, o, server, ns, &s); break;
    default: break;
    }
    return st == CIMF_OK ? text(value, s) : st;
}
