/* Objects: the outer frames, and instances. */
#include "wmi/wmio_read_priv.h"

static bool no_memory(struct wmio_reader *x)
{
    if (x->status == CIMF_OK) x->status = error_set(x->e, CIMF_OUT_OF_MEMORY, "wmi", "no memory for the encoded object");
    return false;
}

/* ---- instances ---- */

/* The class that the instance gets: the caller's definition, or one made of the class part. */
static bool class_for(struct wmio_reader *x, const struct wmio_part *part, const struct wmio_class *w,
                      const struct cim_class **out)
{
    *out = x->r->find ? x->r->find(x->r->arg, part->name) : NULL;
    if (*out) return cim_class_hold(x->a, *out) || no_memory(x);
    if (!part->name.n) return wmio_fail(x, "an instance without a class");
    cimf_status status = cim_class_adhoc(x->a, part->name, w->all.properties, w->all.property_count, out);
    if (status == CIMF_OUT_OF_MEMORY) return no_memory(x);
    return status == CIMF_OK || wmio_fail(x, "a class part that makes no class");
}

/* Where the value of a property goes; -1: the caller's class does not have it as it is here. */
static int target(struct wmio_reader *x, const struct wmio_part_property *p, const struct cim_class *cls)
{
    int i = cim_class_property(cls, p->name);
    if (i < 0 || cls->properties[i].type == p->type) return i;
    unsigned mine = cls->properties[i].type, theirs = p->type;
    if (CIM_IS_ARRAY(mine) == CIM_IS_ARRAY(theirs) && cim_type_is_text(CIM_BASE(mine)) && cim_type_is_text(CIM_BASE(theirs)))
        return i; /* text is text; without CIMTYPE a date is a string (2.3.1) */
    wmio_fail(x, "a property that has another type in its class");
    return -1;
}

static bool take_value(struct wmio_reader *x, struct slice heap, struct slice nd, struct slice values,
                       const struct wmio_part_property *p, const struct cim_class *cls, struct cim_instance *in)
{
    unsigned bits = (unsigned char)nd.p[p->order / 4] >> (p->order % 4 * 2) & 3;
    int i = target(x, p, cls);
    if (x->status != CIMF_OK) return false;
    if (i < 0) return wmio_fail(x, "a property that its class does not have");
    if (p->offset > values.n || wmio_slot_of(p->type) > values.n - p->offset) return wmio_fail(x, "a value past its table");
    if (bits & 2) { /* the default of the class, whatever it is (Windows: with the NULL bit, too) */
        in->state[i] = CIM_DEFAULTED;
        return true;
    }
    if (bits & 1) {
        cim_set_null(in, (unsigned)i);
        return true;
    }
    struct cursor c = cursor_of(slice_sub(values, p->offset));
    bool none;
    union cim_data v;
    if (!wmio_value_read(x, heap, &c, p->type, &none, &v)) return false;
    if (none) cim_set_null(in, (unsigned)i);
    else cim_set(in, (unsigned)i, v);
    return true;
}

static bool property_qualifiers(struct wmio_reader *x, struct slice heap, struct cursor *c, const struct wmio_part *part,
                                const struct cim_class *cls, struct cim_instance *in)
{
    uint8_t flag = cursor_u8(c);
    if (c->bad || flag < 1 || flag > 2) return wmio_fail(x, "the flag of property qualifiers");
    if (flag == 1) return true;
    struct cim_qualifiers *list = ARENA_ARRAY(x->a, cls->property_count, struct cim_qualifiers);
    if (!list && cls->property_count) return no_memory(x);
    memset(list, 0, cls->property_count * sizeof *list);
    for (unsigned i = 0; i < part->property_count; i++) {
        struct cim_qualifiers q;
        if (!wmio_qualifiers_read(x, heap, c, &q)) return false;
        int k = cim_class_property(cls, part->properties[part->lookup[i]].name);
        if (k >= 0) list[k] = q;
    }
    in->property_qualifiers = list;
    return true;
}

/* The heap stands behind the qualifier sets, which refer to it: their lengths lead there. */
static bool find_heap(struct wmio_reader *x, struct cursor *c, unsigned properties)
{
    uint32_t n = cursor_u32le(c);
    if (c->bad || n < 4 || n - 4 > cursor_left(c)) return wmio_fail(x, "the length of the instance qualifiers");
    cursor_skip(c, n - 4);
    uint8_t flag = cursor_u8(c);
    for (unsigned i = 0; flag == 2 && i < properties; i++) {
        n = cursor_u32le(c);
        if (c->bad || n < 4 || n - 4 > cursor_left(c)) return wmio_fail(x, "the length of property qualifiers");
        cursor_skip(c, n - 4);
    }
    return true;
}

static size_t nd_size(const struct wmio_part *part)
{
    return part->property_count ? (part->property_count - 1) / 4 + 1 : 0;
}

/* From the qualifiers on, with everything else found. */
static bool make_instance(struct wmio_reader *x, struct cursor *in, struct slice heap, struct slice flags, struct slice values,
                          const struct wmio_part *part, const struct cim_class *cls, struct cim_instance **out)
{
    struct cim_instance *made = cim_instance_new(x->a, cls);
    if (!made) return no_memory(x);
    if (x->r->find) /* what a reduced class part leaves out was not sent */
        for (unsigned i = 0; i < cls->property_count; i++) made->state[i] = CIM_UNSENT;
    for (unsigned i = 0; i < part->property_count; i++)
        if (!take_value(x, heap, flags, values, &part->properties[i], cls, made)) return false;
    if (!wmio_qualifiers_read(x, heap, in, &made->qualifiers) || !property_qualifiers(x, heap, in, part, cls, made))
        return false;
    *out = made;
    return true;
}

bool wmio_instance_read(struct wmio_reader *x, struct cursor *c, const struct wmio_part *part, const struct cim_class *cls,
                        struct cim_instance **out)
{
    struct cursor in, rest;
    struct slice heap, name;
    if (!wmio_sized(x, c, &in, "the length of an instance")) return false;
    cursor_u8(&in);
    uint32_t name_ref = cursor_u32le(&in);
    struct slice flags = cursor_bytes(&in, nd_size(part)), values = cursor_bytes(&in, part->value_size);
    if (in.bad) return wmio_fail(x, "the values of an instance");
    rest = in;
    if (!find_heap(x, &rest, part->property_count) || !wmio_heap_read(x, &rest, &heap)) return false;
    if (!wmio_string_at(x, heap, name_ref, &name)) return false;
    if (name.n && part->name.n && !slice_ieq(name, part->name)) return wmio_fail(x, "an instance of another class");
    return make_instance(x, &in, heap, flags, values, part, cls, out);
}

/* The heap of a RefreshedSingleInstance: its length stood in front of everything. */
static bool bare_heap(struct wmio_reader *x, struct cursor *c, uint32_t length, struct slice *heap)
{
    struct cursor peek = *c;
    size_t left = cursor_left(c);
    bool counted = left >= 4 && cursor_u32le(&peek) == (0x80000000u | (left - 4));
    if (counted && (length == left || length == left - 4)) return wmio_heap_read(x, c, heap);
    if (length > left) return wmio_fail(x, "the length of the heap");
    *heap = cursor_bytes(c, length);
    return true;
}

/* ---- frames ---- */

static bool read_class(struct wmio_reader *x, struct cursor *c, unsigned flags, struct wmio_object *out)
{
    struct wmio_part part;
    struct wmio_class parent = { 0 }, *w = ARENA_NEW(x->a, struct wmio_class);
    if (!w) return no_memory(x);
    *w = (struct wmio_class){ .flags = flags };
    if (!wmio_part_read(x, c, &part) || !wmio_methods_read(x, c, &parent.all, &parent.local)) return false;
    struct slice super = part.name;
    if (!wmio_part_read(x, c, &part) || !wmio_part_class(x, &part, w) || !wmio_methods_read(x, c, &w->all, &w->local))
        return false;
    bool secret = flags & WMIO_PROTOTYPE && !w->derivation_count; /* MS-WMI 2.2.4.1 */
    if (super.n && !secret && (!w->derivation_count || !slice_ieq(super, w->derivation[0])))
        return wmio_fail(x, "a class whose parent is not the first of its derivation list");
    out->cls = w;
    return true;
}

static bool read_instance(struct wmio_reader *x, struct cursor *c, unsigned flags, struct wmio_object *out)
{
    struct wmio_part part;
    const struct cim_class *cls;
    struct cim_instance *in;
    struct wmio_class *w = ARENA_NEW(x->a, struct wmio_class);
    if (!w) return no_memory(x);
    *w = (struct wmio_class){ .flags = flags };
    if (!wmio_part_read(x, c, &part) || !wmio_part_class(x, &part, w) || !class_for(x, &part, w, &cls)) return false;
    if (!wmio_instance_read(x, c, &part, cls, &in)) return false;
    in->server = out->from.server;
    in->ns = out->from.ns;
    out->instance = in;
    out->cls = w;
    return true;
}

static bool read_frame(struct wmio_reader *x, struct cursor *c, unsigned *flags, struct wmio_object *out)
{
    *out = (struct wmio_object){ 0 };
    *flags = cursor_u8(c);
    if (c->bad || ((*flags & WMIO_CLASS) != 0) == ((*flags & WMIO_INSTANCE) != 0)) return wmio_fail(x, "the object flags");
    if (!(*flags & WMIO_DECORATED)) return true;
    return wmio_string_read(x, c, &out->from.server) && wmio_string_read(x, c, &out->from.ns);
}

bool wmio_block_read(struct wmio_reader *x, struct slice block, struct wmio_object *out)
{
    struct cursor c = cursor_of(block);
    unsigned flags;
    if (!wmio_spend(x, block.n) || !read_frame(x, &c, &flags, out)) return false;
    return flags & WMIO_CLASS ? read_class(x, &c, flags, out) : read_instance(x, &c, flags, out);
}

static cimf_status finish(struct wmio_reader *x, bool ok)
{
    if (ok && x->status == CIMF_OK) return CIMF_OK;
    return x->status != CIMF_OK ? x->status : CIMF_INVALID_OBJECT;
}

static struct wmio_reader reader(const struct wmio_read *r, struct error *e)
{
    return (struct wmio_reader){ .r = r, .a = r->arena, .e = e, .work = WMIO_WORK };
}

cimf_status wmio_read_unit(const struct wmio_read *r, struct slice unit, struct wmio_object *out, struct error *e)
{
    struct wmio_reader x = reader(r, e);
    struct cursor c = cursor_of(unit);
    uint32_t signature = cursor_u32le(&c), n = cursor_u32le(&c);
    if (c.bad || signature != 0x12345678u) return finish(&x, wmio_fail(&x, "the signature"));
    /* The length may say more than is there (the printed samples do). */
    return finish(&x, wmio_block_read(&x, cursor_bytes(&c, n < cursor_left(&c) ? n : cursor_left(&c)), out));
}

/* The layout that the class part of this class has. */
static bool part_of(struct wmio_reader *x, const struct cim_class *cls, struct wmio_part *out)
{
    uint32_t offset = 0, n = cls->property_count;
    *out = (struct wmio_part){ .name = cls->name, .lookup = cls->by_name, .property_count = n };
    out->properties = ARENA_ARRAY(x->a, n, struct wmio_part_property);
    if (!out->properties && n) return no_memory(x);
    for (uint32_t i = 0; i < n; i++) {
        out->properties[i] = (struct wmio_part_property){ .name = cls->properties[i].name, .type = cls->properties[i].type,
                                                          .order = (uint16_t)i, .offset = offset };
        offset += wmio_slot_of(cls->properties[i].type);
    }
    out->value_size = offset;
    return true;
}

cimf_status wmio_read_no_class(const struct wmio_read *r, struct slice block, const struct cim_class *cls,
                               struct wmio_object *out, struct error *e)
{
    struct wmio_reader x = reader(r, e);
    struct cursor c = cursor_of(block);
    struct wmio_part part;
    struct cim_instance *in;
    unsigned flags;
    if (!wmio_spend(&x, block.n) || !read_frame(&x, &c, &flags, out)) return finish(&x, false);
    if (!(flags & WMIO_INSTANCE)) return finish(&x, wmio_fail(&x, "the object flags"));
    if (!cim_class_hold(x.a, cls)) return finish(&x, no_memory(&x));
    if (!part_of(&x, cls, &part) || !wmio_instance_read(&x, &c, &part, cls, &in)) return finish(&x, false);
    in->server = out->from.server;
    in->ns = out->from.ns;
    out->instance = in;
    return finish(&x, true);
}

cimf_status wmio_read_refreshed(const struct wmio_read *r, struct slice blob, const struct cim_class *cls,
                                const struct cim_instance **out, struct error *e)
{
    struct wmio_read known = { .arena = r->arena };
    struct wmio_reader x = reader(&known, e);
    struct cursor in = cursor_of(blob), rest;
    struct wmio_part part;
    struct slice heap;
    struct cim_instance *made;
    *out = NULL;
    if (!wmio_spend(&x, blob.n)) return finish(&x, false);
    if (!cim_class_hold(x.a, cls)) return finish(&x, no_memory(&x));
    if (!part_of(&x, cls, &part)) return finish(&x, false);
    uint32_t length = cursor_u32le(&in);
    struct slice flags = cursor_bytes(&in, nd_size(&part)), values = cursor_bytes(&in, part.value_size);
    if (in.bad) return finish(&x, wmio_fail(&x, "the values of an instance"));
    rest = in;
    if (!find_heap(&x, &rest, part.property_count) || !bare_heap(&x, &rest, length, &heap)) return finish(&x, false);
    if (!make_instance(&x, &in, heap, flags, values, &part, cls, &made)) return finish(&x, false);
    *out = made;
    return finish(&x, true);
}
