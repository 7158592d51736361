/* Values, qualifiers and embedded objects of records. */
#include "repo/record_priv.h"

bool write_v(struct buf *out, uint64_t v)
{
    char *to = buf_reserve(out, 10);
    if (!to) return false;
    size_t n = 0;
    for (; v >= 0x80; v >>= 7) to[n++] = (char)(v | 0x80);
    to[n++] = (char)v;
    buf_added(out, n);
    return true;
}

bool write_text(struct buf *out, struct slice s) { return write_v(out, s.n) && buf_slice_add(out, s); }

static uint64_t zigzag(int64_t v) { return (uint64_t)v << 1 ^ (uint64_t)(v >> 63); }
static int64_t unzigzag(uint64_t v) { return (int64_t)(v >> 1 ^ -(v & 1)); }

uint16_t read_type(struct reader *r, bool none)
{
    uint32_t type = read_v32(r);
    if (type == CIM_NONE ? none : CIM_BASE(type) < 128 && cim_type_size(CIM_BASE(type)) != 0) {
        return (uint16_t)type;
    }
    return (uint16_t)reader_fail(r);
}

/* --- objects ---------------------------------------------------------------------------------- */

static bool write_object(struct buf *out, const struct cim_object *o, unsigned depth)
{
    const struct cim_class *cls = cim_as_class(o);
    if (cls) return buf_byte(out, CIM_KIND_CLASS) && write_class(out, &cls->decl, depth);
    const struct cim_instance *in = cim_as_instance(o);
    return in && buf_byte(out, CIM_KIND_INSTANCE) && write_text(out, in->cls->name) &&
           write_text(out, in->ns) && write_text(out, in->path) && write_layout(out, in->cls) &&
           write_instance(out, in, depth);
}

/* Length first, so that a reader can step over it. */
static bool write_sized_object(struct buf *out, const struct cim_object *o, unsigned depth)
{
    if (depth >= LIMIT_EMBEDDED_DEPTH) return false;
    size_t mark = out->n;
    if (!write_object(out, o, depth + 1)) return false;
    char head[10];
    struct buf size = { .p = head, .room = sizeof head, .cap = sizeof head };
    size_t body = out->n - mark;
    if (!write_v(&size, body) || !buf_reserve(out, size.n)) return false;
    memmove(out->p + mark + size.n, out->p + mark, body);
    memcpy(out->p + mark, head, size.n);
    buf_added(out, size.n);
    return true;
}

static void unref_class(void *cls) { cim_class_unref(cls); }

static const struct cim_class *find_class(const struct decode *d, struct slice name)
{
    return d->classes ? d->classes->find(d->classes->arg, name) : NULL;
}

static const struct cim_object *read_class_object(struct decode *d, struct reader *r)
{
    struct cim_class_decl decl;
    read_class(d, r, &decl);
    if (r->bad) return NULL;
    const struct cim_class *known = find_class(d, decl.name);
    if (known && cim_class_decl_equal(&known->decl, &decl)) {
        return cim_class_hold(d->a, known) ? &known->object : NULL;
    }
    const struct cim_class *super = decl.super.n ? find_class(d, decl.super) : NULL, *cls = NULL;
    if (decl.super.n && !super) decl.super = SLICE_NULL;
    if (cim_class_resolve(&decl, super, SLICE_NULL, CIM_RESOLVE_SYSTEM | CIM_RESOLVE_FORCE, &cls, NULL)) {
        return NULL;
    }
    return arena_hold(d->a, (void *)(uintptr_t)cls, unref_class) ? &cls->object : NULL;
}

/* A class with just the stored properties, for an embedded instance whose class is gone. */
static const struct cim_class *class_of_layout(struct decode *d, struct slice name, struct reader r)
{
    uint32_t n = read_v32(&r);
    struct cim_property_decl *props = n <= LIMIT_PROPERTIES
                                          ? ARENA_ARRAY(d->a, n ? n : 1, struct cim_property_decl)
                                          : NULL;
    if (!props) return NULL;
    for (uint32_t i = 0; i < n; i++) {
        props[i].type = read_type(&r, false);
        props[i].name = read_text(&r);
    }
    const struct cim_class *cls = NULL;
    return r.bad || cim_class_adhoc(d->a, name, props, n, &cls) ? NULL : cls;
}

static const struct cim_object *read_instance_object(struct decode *d, struct reader *r)
{
    struct slice name = read_text(r), ns = read_text(r), path = read_text(r);
    const struct cim_class *cls = find_class(d, name);
    if (!cls) cls = class_of_layout(d, name, *r);
    if (r->bad || !cls) return NULL;
    struct record_plan plan;
    read_plan(d, r, cls, &plan);
    struct cim_instance *in = read_instance(d, r, &plan);
    if (!in) return NULL;
    in->ns = ns;
    in->path = path;
    return &in->object;
}

static const struct cim_object *read_object(struct decode *d, struct reader *r)
{
    struct slice body = read_text(r);
    struct reader inner = reader_of(body);
    const struct cim_object *o = NULL;
    if (!r->bad && d->depth < LIMIT_EMBEDDED_DEPTH) {
        d->depth++;
        uint8_t kind = read_u8(&inner);
        if (kind == CIM_KIND_CLASS) o = read_class_object(d, &inner);
        if (kind == CIM_KIND_INSTANCE) o = read_instance_object(d, &inner);
        d->depth--;
    }
    if (!o || inner.bad || reader_left(&inner)) reader_fail(r);
    return o;
}

/* --- values ----------------------------------------------------------------------------------- */

static bool write_array(struct buf *out, unsigned base, struct cim_array array, unsigned depth)
{
    if (!write_v(out, array.n)) return false;
    bool ok = true;
    if (cim_type_is_text(base)) {
        const struct slice *s = array.p;
        for (uint32_t i = 0; i < array.n && ok; i++) ok = write_text(out, s[i]);
    } else if (base == CIM_OBJECT) {
        const struct cim_object *const *o = array.p;
        for (uint32_t i = 0; i < array.n && ok; i++) ok = write_sized_object(out, o[i], depth);
    } else {
        ok = buf_add(out, array.p, array.n * cim_type_size(base));
    }
    return ok;
}

bool write_value(struct buf *out, unsigned type, const union cim_data *v, unsigned depth)
{
    if (CIM_IS_ARRAY(type)) return write_array(out, CIM_BASE(type), v->a, depth);
    switch (type) {
    case CIM_SINT8: case CIM_SINT16: case CIM_SINT32: case CIM_SINT64:
        return write_v(out, zigzag(v->i));
    case CIM_UINT8: case CIM_UINT16: case CIM_UINT32: case CIM_UINT64: case CIM_CHAR16:
        return write_v(out, v->u);
    case CIM_BOOLEAN:
        return buf_byte(out, v->u != 0);
    case CIM_REAL32: {
        float f = (float)v->r;
        return buf_add(out, &f, sizeof f);
    }
    case CIM_REAL64:
        return buf_add(out, &v->r, sizeof v->r);
    case CIM_OBJECT:
        return write_sized_object(out, v->o, depth);
    default:
        return cim_type_is_text(type) && write_text(out, v->s);
    }
}

static void read_numbers(struct reader *r, unsigned base, struct cim_array *out)
{
    size_t size = cim_type_size(base);
    struct slice raw = read_bytes(r, (uint64_t)out->n * size);
    if (r->bad || !raw.n) return;
    unsigned char *to = (unsigned char *)(uintptr_t)out->p;
    memcpy(to, raw.p, raw.n);
    if (base == CIM_BOOLEAN)
        for (uint32_t i = 0; i < out->n; i++) to[i] = to[i] != 0;
}

static void read_array(struct decode *d, struct reader *r, unsigned base, struct cim_array *out)
{
    uint32_t n = read_v32(r);
    size_t least = cim_type_is_text(base) || base == CIM_OBJECT ? 1 : cim_type_size(base);
    *out = (struct cim_array){ NULL, 0 };
    if (r->bad || n > LIMIT_ARRAY || n > reader_left(r) / least || !cim_array_new(d->a, base, n, out)) {
        reader_fail(r);
        return;
    }
    if (cim_type_is_text(base)) {
        struct slice *s = (struct slice *)(uintptr_t)out->p;
        for (uint32_t i = 0; i < n && !r->bad; i++) s[i] = read_text(r);
    } else if (base == CIM_OBJECT) {
        const struct cim_object **o = (const struct cim_object **)(uintptr_t)out->p;
        for (uint32_t i = 0; i < n && !r->bad; i++) o[i] = read_object(d, r);
    } else {
        read_numbers(r, base, out);
    }
}

static void read_signed(struct reader *r, unsigned type, union cim_data *out)
{
    int64_t min;
    uint64_t max;
    out->i = unzigzag(read_v(r));
    cim_type_range(type, &min, &max);
    if (out->i < min || (out->i > 0 && (uint64_t)out->i > max)) reader_fail(r);
}

static void read_unsigned(struct reader *r, unsigned type, union cim_data *out)
{
    int64_t min;
    uint64_t max = UINT16_MAX;
    if (type != CIM_CHAR16) cim_type_range(type, &min, &max);
    out->u = read_v(r);
    if (out->u > max) reader_fail(r);
}

void read_value(struct decode *d, struct reader *r, unsigned type, union cim_data *out)
{
    *out = (union cim_data){ .s = SLICE_NULL };
    if (CIM_IS_ARRAY(type)) {
        read_array(d, r, CIM_BASE(type), &out->a);
        return;
    }
    switch (type) {
    case CIM_SINT8: case CIM_SINT16: case CIM_SINT32: case CIM_SINT64:
        read_signed(r, type, out);
        break;
    case CIM_UINT8: case CIM_UINT16: case CIM_UINT32: case CIM_UINT64: case CIM_CHAR16:
        read_unsigned(r, type, out);
        break;
    case CIM_BOOLEAN:
        out->u = read_u8(r) != 0;
        break;
    case CIM_REAL32: {
        float f = 0;
        struct slice raw = read_bytes(r, sizeof f);
        if (raw.n) memcpy(&f, raw.p, sizeof f);
        out->r = f;
        break;
    }
    case CIM_REAL64: {
        struct slice raw = read_bytes(r, sizeof out->r);
        if (raw.n) memcpy(&out->r, raw.p, sizeof out->r);
        break;
    }
    case CIM_OBJECT:
        out->o = read_object(d, r);
        break;
    default:
        if (cim_type_is_text(type)) out->s = read_text(r);
        else reader_fail(r);
    }
}

/* --- qualifiers ------------------------------------------------------------------------------- */

bool write_qualifiers(struct buf *out, struct cim_qualifiers set, unsigned depth)
{
    bool ok = write_v(out, set.n);
    for (uint32_t i = 0; i < set.n && ok; i++) {
        const struct cim_qualifier *q = &set.q[i];
        ok = write_text(out, q->name) && write_v(out, q->value.type) && buf_byte(out, q->flavor) &&
             buf_byte(out, q->value.null) &&
             (q->value.null || write_value(out, q->value.type, &q->value.v, depth));
    }
    return ok;
}

struct cim_qualifiers read_qualifiers(struct decode *d, struct reader *r)
{
    uint32_t n = read_v32(r);
    if (!n || r->bad) return (struct cim_qualifiers){ NULL, 0 };
    struct cim_qualifier *q = n <= LIMIT_QUALIFIERS && n <= reader_left(r) / 4
                                  ? ARENA_ARRAY(d->a, n, struct cim_qualifier)
                                  : NULL;
    if (!q) {
        reader_fail(r);
        return (struct cim_qualifiers){ NULL, 0 };
    }
    for (uint32_t i = 0; i < n && !r->bad; i++) {
        q[i].name = read_text(r);
        q[i].value.type = read_type(r, true);
        q[i].flavor = read_u8(r);
        q[i].value.null = read_u8(r) != 0;
        if (!q[i].value.null) read_value(d, r, q[i].value.type, &q[i].value.v);
    }
    return (struct cim_qualifiers){ q, n };
}

cimf_status record_end(const struct decode *d, const struct reader *r, const char *what,
                       struct error *e)
{
    if (arena_status(d->a)) return error_set(e, CIMF_OUT_OF_MEMORY, "repo", "%s is too large", what);
    if (r->bad || reader_left(r)) {
        return error_set(e, CIMF_CORRUPT_STORE, "repo", "%s cannot be read: its bytes are not valid", what);
    }
    return CIMF_OK;
}
