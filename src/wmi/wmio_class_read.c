/* Class parts and methods parts, and the declarations in them. */
#include "wmi/wmio_read_priv.h"

static bool no_memory(struct wmio_reader *x)
{
    if (x->status == CIMF_OK) x->status = error_set(x->e, CIMF_OUT_OF_MEMORY, "wmi", "no memory for the encoded class");
    return false;
}

/* ---- ClassPart ---- */

static bool read_derivation(struct wmio_reader *x, struct cursor *c, struct wmio_part *out)
{
    enum { DERIVATION = 128 };
    struct cursor in;
    struct slice *list = ARENA_ARRAY(x->a, DERIVATION, struct slice);
    if (!list) return no_memory(x);
    if (!wmio_sized(x, c, &in, "the length of the derivation list")) return false;
    while (cursor_left(&in)) {
        if (out->derivation_count == DERIVATION) return wmio_fail(x, "too many superclasses");
        if (!wmio_string_read(x, &in, &list[out->derivation_count])) return false;
        if (list[out->derivation_count++].n == 0) return wmio_fail(x, "a superclass without a name");
        cursor_u32le(&in);
        if (in.bad) return wmio_fail(x, "the derivation list");
    }
    out->derivation = list;
    return true;
}

/* PropertyInfo (2.2.30). */
static bool read_info(struct wmio_reader *x, struct slice heap, uint32_t name, uint32_t info, unsigned count,
                      struct wmio_part *part, uint16_t *lookup)
{
    struct cursor c;
    if (!wmio_heap_cursor(x, heap, info, &c, "a property past the heap")) return false;
    uint32_t type = cursor_u32le(&c) & 0xffff;
    uint16_t order = cursor_u16le(&c);
    if (c.bad || order >= count || part->properties[order].name.p) return wmio_fail(x, "the order of a property");
    struct wmio_part_property *p = &part->properties[order];
    *lookup = order;
    p->order = order;
    p->inherited = type & 0x4000;
    p->type = (uint16_t)(type & ~0x4000u);
    p->offset = cursor_u32le(&c);
    p->origin = cursor_u32le(&c);
    if (c.bad || !wmio_slot_of(p->type)) return wmio_fail(x, "the type of a property");
    if (!wmio_qualifiers_read(x, heap, &c, &p->qualifiers) || !wmio_string_at(x, heap, name, &p->name)) return false;
    return p->name.n ? true : wmio_fail(x, "a property without a name");
}

/* Text and nothing else on the wire: the qualifier says whether it is a date or a reference too (2.3.1). */
static bool read_default(struct wmio_reader *x, struct slice heap, struct slice nd, struct slice values,
                         struct wmio_part_property *p)
{
    unsigned bits = (unsigned char)nd.p[p->order / 4] >> (p->order % 4 * 2) & 3;
    bool none;
    p->null = bits & 1;
    p->inherited_default = bits & 2;
    if (p->null) return true;
    if (p->offset > values.n || wmio_slot_of(p->type) > values.n - p->offset) return wmio_fail(x, "a value past its table");
    struct cursor c = cursor_of(slice_sub(values, p->offset));
    if (!wmio_value_read(x, heap, &c, p->type, &none, &p->def)) return false;
    p->null = none;
    return true;
}

static bool read_properties(struct wmio_reader *x, struct slice heap, struct slice lookups, struct slice tables,
                            struct wmio_part *out)
{
    unsigned count = out->property_count;
    size_t nd = (count - 1) / 4 + 1;
    if (tables.n < nd) return wmio_fail(x, "the table of values");
    struct cursor c = cursor_of(lookups);
    uint16_t *lookup = ARENA_ARRAY(x->a, count, uint16_t);
    out->properties = ARENA_ARRAY(x->a, count, struct wmio_part_property);
    if (!out->properties || !lookup) return no_memory(x);
    memset(out->properties, 0, count * sizeof *out->properties);
    for (unsigned i = 0; i < count; i++) {
        uint32_t name = cursor_u32le(&c), info = cursor_u32le(&c);
        if (!read_info(x, heap, name, info, count, out, &lookup[i])) return false;
    }
    out->lookup = lookup;
    out->value_size = tables.n - nd;
    for (unsigned i = 0; i < count; i++)
        if (!read_default(x, heap, slice_head(tables, nd), slice_sub(tables, nd), &out->properties[i])) return false;
    return true;
}

bool wmio_part_read(struct wmio_reader *x, struct cursor *c, struct wmio_part *out)
{
    struct cursor in, set;
    struct slice heap;
    *out = (struct wmio_part){ 0 };
    if (!wmio_sized(x, c, &in, "the length of a class part")) return false;
    cursor_u8(&in);
    uint32_t name = cursor_u32le(&in), tables_n = cursor_u32le(&in);
    if (!read_derivation(x, &in, out)) return false;
    set = in; /* its strings are in the heap, which comes last */
    uint32_t set_n = cursor_u32le(&in);
    if (in.bad || set_n < 4 || set_n - 4 > cursor_left(&in)) return wmio_fail(x, "the length of the class qualifiers");
    cursor_skip(&in, set_n - 4);
    uint32_t count = cursor_u32le(&in);
    if (in.bad || count > WMIO_PROPERTIES || count > cursor_left(&in) / 8) return wmio_fail(x, "the number of properties");
    struct slice lookups = cursor_bytes(&in, (size_t)count * 8), tables = cursor_bytes(&in, tables_n);
    if (in.bad) return wmio_fail(x, "the table of values");
    if (!wmio_heap_read(x, &in, &heap) || !wmio_qualifiers_read(x, heap, &set, &out->qualifiers)) return false;
    if (!wmio_string_at(x, heap, name, &out->name)) return false;
    out->property_count = count;
    return count == 0 || read_properties(x, heap, lookups, tables, out);
}

/* ---- declarations ---- */

/* Of inherited things a class declares what is its own: qualifiers that were not propagated. */
static bool own_qualifiers(struct wmio_reader *x, struct cim_qualifiers all, struct cim_qualifiers *out)
{
    struct cim_qualifier *list = ARENA_ARRAY(x->a, all.n, struct cim_qualifier);
    uint32_t n = 0;
    if (!list && all.n) return no_memory(x);
    for (uint32_t i = 0; i < all.n; i++) {
        bool made = slice_ieq(all.q[i].name, SLICE("CIMTYPE")); /* follows from the type */
        if (!(all.q[i].flavor & CIM_FLAVOR_PROPAGATED) && !made) list[n++] = all.q[i];
    }
    *out = (struct cim_qualifiers){ list, n };
    return true;
}

/* "ref:Win32_Process" and "object:__ACE" name a class. */
static struct slice class_of(struct cim_qualifiers q)
{
    struct slice text = cim_qualifier_text(q, "CIMTYPE");
    size_t colon = slice_find(text, ':');
    return colon < text.n ? slice_sub(text, colon + 1) : SLICE("");
}

static bool declare(struct wmio_reader *x, const struct wmio_part_property *p, struct cim_property_decl *all,
                    struct cim_property_decl *local, bool *is_local)
{
    *all = (struct cim_property_decl){ .name = p->name, .type = p->type, .has_default = !p->null,
                                       .class_name = class_of(p->qualifiers), .qualifiers = p->qualifiers,
                                       .value = { p->type, p->null, p->def } };
    *local = *all;
    if (!own_qualifiers(x, p->qualifiers, &local->qualifiers)) return false;
    bool own_default = !p->inherited_default && !p->null;
    *is_local = !p->inherited || own_default || local->qualifiers.n;
    local->has_default = own_default;
    if (p->inherited) local->type = CIM_NONE;
    return true;
}

bool wmio_part_class(struct wmio_reader *x, const struct wmio_part *part, struct wmio_class *out)
{
    unsigned n = part->property_count;
    struct cim_property_decl *all = ARENA_ARRAY(x->a, n, struct cim_property_decl);
    struct cim_property_decl *local = ARENA_ARRAY(x->a, n, struct cim_property_decl);
    if (n && (!all || !local)) return no_memory(x);
    unsigned locals = 0;
    for (unsigned i = 0; i < n; i++) {
        bool is_local;
        if (!declare(x, &part->properties[i], &all[i], &local[locals], &is_local)) return false;
        locals += is_local;
    }
    out->name = part->name.p ? part->name : SLICE("");
    out->derivation = part->derivation;
    out->derivation_count = part->derivation_count;
    struct slice super = part->derivation_count ? part->derivation[0] : SLICE("");
    out->all = (struct cim_class_decl){ .name = out->name, .super = super, .qualifiers = part->qualifiers,
                                        .properties = all, .property_count = n };
    out->local = out->all;
    out->local.properties = local;
    out->local.property_count = locals;
    return own_qualifiers(x, part->qualifiers, &out->local.qualifiers);
}

/* ---- MethodsPart ---- */

/* The parameters of one direction. */
static bool read_signature(struct wmio_reader *x, struct slice heap, uint32_t ref, const struct wmio_class **out)
{
    struct cursor c;
    struct wmio_object o;
    *out = NULL;
    if (ref == 0xffffffffu) return true;
    if (!wmio_heap_cursor(x, heap, ref, &c, "a signature past the heap")) return false;
    uint32_t n = cursor_u32le(&c);
    if (c.bad || n > cursor_left(&c)) return wmio_fail(x, "the length of a signature");
    if (n == 0) return true;
    if (x->depth >= WMIO_DEPTH) return wmio_fail(x, "objects embedded too deeply");
    x->depth++;
    bool ok = wmio_block_read(x, cursor_bytes(&c, n), &o);
    x->depth--;
    if (!ok) return false;
    if (o.instance || !o.cls) return wmio_fail(x, "a signature that is no class");
    *out = o.cls;
    return true;
}

static int64_t id_of(const struct cim_property_decl *p)
{
    const struct cim_qualifier *q = cim_qualifier_find(p->qualifiers, SLICE("ID"));
    return q && !q->value.null && cim_type_is_integer(q->value.type) ? q->value.v.i : INT32_MAX;
}

/* In and out parameters as one list by ID; one in both directions is there once, with both qualifiers. */
static bool merge(struct wmio_reader *x, const struct wmio_class *in, const struct wmio_class *out, struct cim_method_decl *m)
{
    unsigned n = (in ? in->all.property_count : 0) + (out ? out->all.property_count : 0), count = 0;
    struct cim_property_decl *list = ARENA_ARRAY(x->a, n, struct cim_property_decl);
    if (n && !list) return no_memory(x);
    for (unsigned i = 0; in && i < in->all.property_count; i++) list[count++] = in->all.properties[i];
    unsigned ins = count;
    for (unsigned i = 0; out && i < out->all.property_count; i++) {
        const struct cim_property_decl *p = &out->all.properties[i];
        unsigned k = 0;
        if (slice_ieq(p->name, SLICE("ReturnValue"))) {
            m->return_type = p->type;
            m->return_class = p->class_name;
            continue;
        }
        while (k < ins && !slice_ieq(list[k].name, p->name)) k++;
        if (k == ins) {
            list[count++] = *p;
            continue;
        }
        struct cim_qualifier *q = ARENA_ARRAY(x->a, list[k].qualifiers.n + 1, struct cim_qualifier);
        if (!q) return no_memory(x);
        memcpy(q, list[k].qualifiers.q, list[k].qualifiers.n * sizeof *q);
        q[list[k].qualifiers.n] = (struct cim_qualifier){ .name = SLICE("Out"), .value = { CIM_BOOLEAN, false, { .u = 1 } } };
        list[k].qualifiers = (struct cim_qualifiers){ q, list[k].qualifiers.n + 1 };
    }
    for (unsigned i = 1; i < count; i++) { /* few, and nearly sorted */
        struct cim_property_decl p = list[i];
        unsigned k = i;
        for (; k && id_of(&list[k - 1]) > id_of(&p); k--) list[k] = list[k - 1];
        list[k] = p;
    }
    m->params = list;
    m->param_count = count;
    return true;
}

static bool read_method(struct wmio_reader *x, struct slice heap, struct cursor *c, struct cim_method_decl *out, bool *inherited)
{
    struct cursor q;
    const struct wmio_class *ins, *outs;
    uint32_t name = cursor_u32le(c);
    *inherited = cursor_u8(c) & 0x20;
    cursor_skip(c, 3 + 4);
    uint32_t qualifiers = cursor_u32le(c), in_ref = cursor_u32le(c), out_ref = cursor_u32le(c);
    *out = (struct cim_method_decl){ 0 };
    if (c->bad || !wmio_string_at(x, heap, name, &out->name)) return wmio_fail(x, "a method");
    if (out->name.n == 0) return wmio_fail(x, "a method without a name");
    if (qualifiers != 0xffffffffu && (!wmio_heap_cursor(x, heap, qualifiers, &q, "method qualifiers past the heap") ||
                                      !wmio_qualifiers_read(x, heap, &q, &out->qualifiers)))
        return false;
    return read_signature(x, heap, in_ref, &ins) && read_signature(x, heap, out_ref, &outs) && merge(x, ins, outs, out);
}

bool wmio_methods_read(struct wmio_reader *x, struct cursor *c, struct cim_class_decl *all,
                       struct cim_class_decl *local)
{
    struct cursor in;
    struct slice heap;
    if (!wmio_sized(x, c, &in, "the length of a methods part")) return false;
    uint16_t count = cursor_u16le(&in);
    cursor_skip(&in, 2);
    if (in.bad || count > WMIO_METHODS || count > cursor_left(&in) / 24) return wmio_fail(x, "the number of methods");
    struct cursor table = cursor_of(cursor_bytes(&in, (size_t)count * 24));
    if (!wmio_heap_read(x, &in, &heap)) return false;
    struct cim_method_decl *list = ARENA_ARRAY(x->a, count, struct cim_method_decl);
    struct cim_method_decl *own = ARENA_ARRAY(x->a, count, struct cim_method_decl);
    if (count && (!list || !own)) return no_memory(x);
    unsigned owns = 0;
    for (unsigned i = 0; i < count; i++) {
        bool inherited;
        if (!read_method(x, heap, &table, &list[i], &inherited)) return false;
        own[owns] = list[i];
        if (!own_qualifiers(x, list[i].qualifiers, &own[owns].qualifiers)) return false;
        owns += !inherited || own[owns].qualifiers.n;
    }
    all->methods = list;
    all->method_count = count;
    local->methods = own;
    local->method_count = owns;
    return true;
}
