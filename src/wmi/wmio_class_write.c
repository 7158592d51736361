/* ClassPart, MethodsPart, ClassType. */
#include <stdatomic.h>
#include <stdlib.h>

#include "wmi/wmio_write_priv.h"

/* ---- ClassPart ---- */

static bool put_derivation(struct buf *b, const struct cim_class *cls)
{
    size_t at = b->n;
    wmio_u32(b, 0);
    bool secret = cls && cls->flags & CIM_CLASS_PROTOTYPE; /* MS-WMI 2.2.4.1 */
    for (const struct cim_class *c = cls && !secret ? cls->super : NULL; c; c = c->super) {
        size_t string = b->n;
        wmio_string(b, c->name);
        wmio_u32(b, (uint32_t)(b->n - string));
    }
    wmio_patch32(b, at, (uint32_t)(b->n - at));
    return buf_ok(b);
}

/* The index by which origins are named: 0 is the root of the derivation list (the printed samples have it so), the
 * class itself comes after its ancestors. */
static uint32_t origin_index(const struct cim_class *cls, struct slice origin)
{
    uint32_t count = 0, index = 0;
    if (cls->flags & CIM_CLASS_PROTOTYPE) return 0; /* the list is empty */
    for (const struct cim_class *c = cls->super; c; c = c->super) count++;
    index = count;
    for (const struct cim_class *c = cls->super; c; c = c->super) {
        index--;
        if (slice_ieq(c->name, origin)) return index;
    }
    return count;
}

/* The default was given by this class. */
static bool own_default(const struct cim_class *cls, const struct cim_property *p)
{
    if (p->flags & CIM_PROP_LOCAL || cls->flags & CIM_CLASS_PROJECTED || !cls->super) return true;
    if (!(p->flags & CIM_PROP_OVERRIDDEN)) return false;
    for (uint32_t i = 0; i < cls->decl.property_count; i++) {
        const struct cim_property_decl *d = &cls->decl.properties[i];
        if (slice_ieq(d->name, p->name)) return d->has_default;
    }
    return false;
}

static size_t nd_bytes(uint32_t properties) { return properties ? (properties - 1) / 4 + 1 : 0; }

/* NdTable and value table, with holes; values are put when the heap begins. */
static bool put_tables(struct buf *b, const struct cim_class *cls, size_t *values)
{
    size_t nd = nd_bytes(cls->property_count), size = 0, table = b->n;
    for (uint32_t i = 0; i < cls->property_count; i++) size += wmio_slot(cls->properties[i].type);
    char *room = buf_reserve(b, nd + size);
    if (!room) return false;
    memset(room, 0, nd);
    memset(room + nd, 0xff, size);
    buf_added(b, nd + size);
    for (uint32_t i = 0; i < cls->property_count; i++) {
        const struct cim_property *p = &cls->properties[i];
        unsigned bits = (p->flags & CIM_PROP_HAS_DEFAULT ? 0 : 1) | (own_default(cls, p) ? 0 : 2);
        b->p[table + i / 4] = (char)((unsigned char)b->p[table + i / 4] | bits << (i % 4 * 2));
    }
    *values = table + nd;
    return true;
}

/* Name, PropertyInfo and what its qualifiers need, into the heap; lookup is the place of the references. */
static bool put_property(struct wmio_heap *h, const struct cim_class *cls, unsigned index, uint32_t offset, size_t lookup)
{
    const struct cim_property *p = &cls->properties[index];
    size_t qualifiers;
    bool local = p->flags & CIM_PROP_LOCAL || !cls->super;
    wmio_patch32(h->out, lookup, wmio_heap_string(h, p->name));
    wmio_patch32(h->out, lookup + 4, wmio_heap_at(h));
    wmio_u32(h->out, p->type | (local ? 0 : 0x4000u));
    wmio_u16(h->out, index);
    wmio_u32(h->out, offset);
    wmio_u32(h->out, origin_index(cls, p->origin));
    return wmio_qualifiers(h->out, p->qualifiers, &qualifiers) && wmio_qualifiers_items(h, p->qualifiers, qualifiers);
}

static bool put_defaults(struct wmio_heap *h, const struct cim_class *cls, size_t values)
{
    for (uint32_t i = 0; i < cls->property_count; i++) {
        const struct cim_property *p = &cls->properties[i];
        if (p->flags & CIM_PROP_HAS_DEFAULT && !wmio_value(h, values, p->type, &p->def)) return false;
        values += wmio_slot(p->type);
    }
    return buf_ok(h->out);
}

static bool put_no_class(struct buf *b)
{
    wmio_u32(b, 0x1d);
    buf_byte(b, 0);
    wmio_u32(b, WMIO_NOWHERE);
    wmio_u32(b, 0);
    wmio_u32(b, 4);
    wmio_u32(b, 4);
    wmio_u32(b, 0);
    return wmio_u32(b, 0x80000000u);
}

static bool put_properties(struct wmio_heap *h, const struct cim_class *cls, size_t lookups)
{
    for (uint32_t i = 0; i < cls->property_count; i++) {
        unsigned index = cls->by_name[i];
        uint32_t offset = 0;
        for (unsigned k = 0; k < index; k++) offset += wmio_slot(cls->properties[k].type);
        if (!put_property(h, cls, index, offset, lookups + (size_t)i * 8)) return false;
    }
    return buf_ok(h->out);
}

bool wmio_class_part(struct buf *b, const struct cim_class *cls, const struct wmio_origin *from, unsigned depth)
{
    if (!cls) return put_no_class(b);
    struct wmio_heap h;
    size_t start = b->n, qualifiers, lookups, values = 0;
    wmio_u32(b, 0);
    buf_byte(b, 0);
    wmio_u32(b, 0); /* name: heap item 0 */
    wmio_u32(b, 0);
    put_derivation(b, cls);
    wmio_qualifiers(b, cls->qualifiers, &qualifiers);
    wmio_u32(b, cls->property_count);
    lookups = b->n;
    for (uint32_t i = 0; i < cls->property_count; i++) wmio_u64(b, 0);
    size_t tables = b->n;
    if (!buf_ok(b) || (cls->property_count && !put_tables(b, cls, &values))) return false;
    wmio_patch32(b, start + 9, (uint32_t)(b->n - tables));
    wmio_heap_begin(&h, b, from, depth);
    wmio_heap_string(&h, cls->name);
    if (!wmio_qualifiers_items(&h, cls->qualifiers, qualifiers) || !put_properties(&h, cls, lookups) ||
        !put_defaults(&h, cls, values))
        return false;
    wmio_heap_end(&h);
    wmio_patch32(b, start, (uint32_t)(b->n - start));
    return buf_ok(b);
}

/* ---- the kept class part ---- */

struct kept {
    size_t n;
    char bytes[];
};

static const struct kept *keep(const struct cim_class *cls)
{
    struct buf b;
    struct cim_class *c = (struct cim_class *)(uintptr_t)cls;
    void *none = NULL;
    buf_init(&b, 0);
    struct kept *k = wmio_class_part(&b, cls, NULL, 0) ? malloc(sizeof *k + b.n) : NULL;
    if (k) {
        k->n = b.n;
        memcpy(k->bytes, b.p, b.n);
        atomic_store(&c->cache_free[0], free);
        if (!atomic_compare_exchange_strong(&c->cache[0], &none, k)) {
            free(k);
            k = none;
        }
    }
    buf_free(&b);
    return k;
}

/* Without decoration: only defaults that are embedded objects have one, and need none. */
bool wmio_class_part_kept(struct buf *b, const struct cim_class *cls)
{
    const struct kept *k = atomic_load(&cls->cache[0]);
    if (!k) k = keep(cls);
    return k && buf_add(b, k->bytes, k->n);
}

/* ---- MethodsPart ---- */

enum { METHOD_BYTES = 24, METHOD_INHERITED = 0x20 };

/* MethodSignatureBlock (2.2.70): a length without itself, then the object. */
static bool put_signature(struct wmio_heap *h, const struct cim_class *parameters)
{
    size_t at = h->out->n;
    wmio_u32(h->out, 0);
    if (parameters && !wmio_block(h->out, &parameters->object, h->from, 0, h->depth + 1)) return false;
    wmio_patch32(h->out, at, (uint32_t)(h->out->n - at - 4));
    return buf_ok(h->out);
}

static bool put_method(struct wmio_heap *h, const struct cim_class *cls, const struct cim_method *m, size_t at)
{
    size_t qualifiers;
    struct buf *b = h->out;
    wmio_patch32(b, at, wmio_heap_string(h, m->name));
    if (!buf_ok(b)) return false;
    b->p[at + 4] = m->flags & CIM_METHOD_LOCAL || !cls->super ? 0 : METHOD_INHERITED;
    wmio_patch32(b, at + 8, origin_index(cls, m->origin));
    wmio_patch32(b, at + 16, wmio_heap_at(h));
    if (!put_signature(h, m->in)) return false;
    wmio_patch32(b, at + 20, wmio_heap_at(h));
    if (!put_signature(h, m->out)) return false;
    wmio_patch32(b, at + 12, wmio_heap_at(h));
    return wmio_qualifiers(b, m->qualifiers, &qualifiers) && wmio_qualifiers_items(h, m->qualifiers, qualifiers);
}

bool wmio_methods_part(struct buf *b, const struct cim_class *cls, const struct wmio_origin *from, unsigned depth)
{
    struct wmio_heap h;
    size_t start = b->n;
    uint32_t count = cls ? cls->method_count : 0;
    if (count > UINT16_MAX || depth >= WMIO_DEPTH) return false;
    wmio_u32(b, 0);
    wmio_u16(b, count);
    wmio_u16(b, 0);
    size_t table = b->n;
    for (uint32_t i = 0; i < count * (METHOD_BYTES / 8); i++) wmio_u64(b, 0);
    wmio_heap_begin(&h, b, from, depth);
    for (uint32_t i = 0; i < count; i++)
        if (!put_method(&h, cls, &cls->methods[i], table + (size_t)i * METHOD_BYTES)) return false;
    wmio_heap_end(&h);
    wmio_patch32(b, start, (uint32_t)(b->n - start));
    return buf_ok(b);
}
