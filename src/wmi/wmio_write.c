/* Objects: the outer frames, and instances. */
#include "wmi/wmio_write_priv.h"

static bool put_flags(struct buf *b, unsigned flags, const struct wmio_origin *from)
{
    bool decorated = from && (from->server.n || from->ns.n);
    buf_byte(b, (int)(flags | (decorated ? WMIO_DECORATED : 0)));
    if (!decorated) return buf_ok(b);
    return wmio_string(b, from->server) && wmio_string(b, from->ns);
}

static bool put_class(struct buf *b, const struct cim_class *cls, const struct wmio_origin *from, unsigned depth)
{
    return wmio_class_part(b, cls->super, from, depth) && wmio_methods_part(b, cls->super, from, depth) &&
           wmio_class_part(b, cls, from, depth) && wmio_methods_part(b, cls, from, depth);
}

/* ---- instances ---- */

/* NdTable bits and the slot of one property; a default is in the class part, the slot stays zero as Windows leaves
 * it. Unsent ones are not known: NULL. */
static bool put_slot(struct wmio_heap *h, const struct cim_instance *in, unsigned i, size_t nd, size_t at)
{
    const struct cim_property *p = &in->cls->properties[i];
    unsigned bits = 0;
    if (in->state[i] == CIM_DEFAULTED) bits = p->flags & CIM_PROP_HAS_DEFAULT ? 2 : 3;
    else if (in->state[i] != CIM_SET) bits = 1;
    if (!buf_ok(h->out)) return false;
    unsigned char *flags = (unsigned char *)h->out->p + nd + i / 4;
    *flags = (unsigned char)(*flags | bits << (i % 4 * 2));
    return bits || wmio_value(h, at, p->type, &in->slot[i]);
}

/* 2.2.65: a set for each property, in the order of the lookup table, only when one has something to say. */
static bool property_qualifiers(struct buf *b, const struct cim_instance *in, size_t *at)
{
    bool any = false;
    for (uint32_t i = 0; in->property_qualifiers && i < in->cls->property_count; i++)
        any |= in->property_qualifiers[i].n > 0;
    buf_byte(b, any ? 2 : 1);
    *at = b->n;
    if (!any) return buf_ok(b);
    for (uint32_t i = 0; i < in->cls->property_count; i++) {
        size_t unused;
        wmio_qualifiers(b, in->property_qualifiers[in->cls->by_name[i]], &unused);
    }
    return buf_ok(b);
}

static size_t set_size(struct cim_qualifiers set)
{
    size_t n = 4;
    for (uint32_t i = 0; i < set.n; i++)
        n += 9 + wmio_slot(set.q[i].value.type == CIM_NONE ? CIM_BOOLEAN : set.q[i].value.type);
    return n;
}

static bool property_qualifier_items(struct wmio_heap *h, const struct cim_instance *in, size_t at)
{
    if (h->out->p[at - 1] != 2) return true;
    for (uint32_t i = 0; i < in->cls->property_count; i++) {
        struct cim_qualifiers set = in->property_qualifiers[in->cls->by_name[i]];
        if (!wmio_qualifiers_items(h, set, at)) return false;
        at += set_size(set);
    }
    return true;
}

/* heap: gets the bytes of the heap. */
static bool instance_values(struct buf *b, const struct cim_instance *in, const struct wmio_origin *from, unsigned depth,
                            bool with_name, uint32_t *heap)
{
    const struct cim_class *cls = in->cls;
    struct wmio_heap h;
    size_t nd_size = cls->property_count ? (cls->property_count - 1) / 4 + 1 : 0, size = nd_size;
    size_t nd = b->n, set, sets;
    for (uint32_t i = 0; i < cls->property_count; i++) size += wmio_slot(cls->properties[i].type);
    char *room = buf_reserve(b, size);
    if (!room) return false;
    memset(room, 0, size);
    buf_added(b, size);
    if (!wmio_qualifiers(b, in->qualifiers, &set) || !property_qualifiers(b, in, &sets)) return false;
    wmio_heap_begin(&h, b, from, depth);
    if (with_name) wmio_heap_string(&h, cls->name);
    else buf_byte(b, 0); /* item 0 is never a value: a zero slot says "no value here" */
    size_t at = nd + nd_size;
    for (uint32_t i = 0; i < cls->property_count; i++) {
        if (!put_slot(&h, in, i, nd, at)) return false;
        at += wmio_slot(cls->properties[i].type);
    }
    if (!wmio_qualifiers_items(&h, in->qualifiers, set) || !property_qualifier_items(&h, in, sets)) return false;
    wmio_heap_end(&h);
    *heap = wmio_heap_at(&h);
    return buf_ok(b);
}

static bool put_instance_part(struct buf *b, const struct cim_instance *in, const struct wmio_origin *from, unsigned depth)
{
    size_t start = b->n;
    uint32_t heap;
    wmio_u32(b, 0);
    buf_byte(b, 0);
    wmio_u32(b, 0);
    if (!instance_values(b, in, from, depth, true, &heap)) return false;
    wmio_patch32(b, start, (uint32_t)(b->n - start));
    return buf_ok(b);
}

/* Signatures share the memory of their class, caches too; all others keep their class part. */
static bool put_current_class(struct buf *b, const struct cim_class *cls, const struct wmio_origin *from, unsigned depth)
{
    return cls->owner ? wmio_class_part(b, cls, from, depth) : wmio_class_part_kept(b, cls);
}

/* ---- frames ---- */

bool wmio_block(struct buf *b, const struct cim_object *o, const struct wmio_origin *from, unsigned flags, unsigned depth)
{
    const struct cim_class *cls = cim_as_class(o);
    const struct cim_instance *in = cim_as_instance(o);
    if (depth > WMIO_DEPTH) return false;
    if (cls) return put_flags(b, WMIO_CLASS | flags, from) && put_class(b, cls, from, depth);
    return in && put_flags(b, WMIO_INSTANCE, from) && put_current_class(b, in->cls, from, depth) &&
           put_instance_part(b, in, from, depth);
}

bool wmio_write_block(struct buf *out, const struct cim_object *o, const struct wmio_origin *from, unsigned flags)
{
    return wmio_block(out, o, from, flags, 0);
}

static bool begin_unit(struct buf *out, size_t *at)
{
    wmio_u32(out, WMIO_SIGNATURE);
    *at = out->n;
    return wmio_u32(out, 0);
}

bool wmio_write_unit(struct buf *out, const struct cim_object *o, const struct wmio_origin *from, unsigned flags)
{
    size_t at;
    if (!begin_unit(out, &at) || !wmio_block(out, o, from, flags, 0)) return false;
    wmio_patch32(out, at, (uint32_t)(out->n - at - 4));
    return buf_ok(out);
}

bool wmio_write_no_class(struct buf *out, const struct cim_instance *in, const struct wmio_origin *from)
{
    return put_flags(out, WMIO_INSTANCE, from) && put_instance_part(out, in, from, 0);
}

bool wmio_write_refreshed(struct buf *out, const struct cim_instance *in)
{
    size_t at = out->n;
    uint32_t heap;
    if (!wmio_u32(out, 0) || !instance_values(out, in, NULL, 0, false, &heap)) return false;
    wmio_patch32(out, at, heap);
    return buf_ok(out);
}

bool wmio_write_empty_class(struct buf *out, const struct wmio_origin *from)
{
    size_t at;
    if (!begin_unit(out, &at) || !put_flags(out, WMIO_CLASS, from)) return false;
    for (int i = 0; i < 2; i++)
        if (!wmio_class_part(out, NULL, from, 0) || !wmio_methods_part(out, NULL, from, 0)) return false;
    wmio_patch32(out, at, (uint32_t)(out->n - at - 4));
    return buf_ok(out);
}
