/* Records of class and qualifier declarations. */
#include "repo/record_priv.h"

enum { HAS_DEFAULT = 1, DEFAULT_NULL = 2, HAS_CLASS = 4, HAS_MAX = 8, HAS_QUALIFIERS = 16 };

static bool write_property(struct buf *out, const struct cim_property_decl *p, unsigned depth)
{
    unsigned bits = (p->has_default ? HAS_DEFAULT : 0) |
                    (p->has_default && p->value.null ? DEFAULT_NULL : 0) |
                    (p->class_name.n ? HAS_CLASS : 0) | (p->max ? HAS_MAX : 0) |
                    (p->qualifiers.n ? HAS_QUALIFIERS : 0);
    bool ok = write_text(out, p->name) && write_v(out, p->type) && buf_byte(out, (int)bits);
    if (ok && bits & HAS_DEFAULT) ok = write_v(out, p->value.type);
    if (ok && (bits & HAS_DEFAULT) && !(bits & DEFAULT_NULL)) {
        ok = write_value(out, p->value.type, &p->value.v, depth);
    }
    if (ok && bits & HAS_CLASS) ok = write_text(out, p->class_name);
    if (ok && bits & HAS_MAX) ok = write_v(out, p->max);
    if (ok && bits & HAS_QUALIFIERS) ok = write_qualifiers(out, p->qualifiers, depth);
    return ok;
}

static void read_property(struct decode *d, struct reader *r, struct cim_property_decl *p)
{
    p->name = read_text(r);
    p->type = read_type(r, true);
    uint8_t bits = read_u8(r);
    p->has_default = bits & HAS_DEFAULT;
    p->value.null = true;
    if (bits & HAS_DEFAULT) {
        p->value.type = read_type(r, true);
        p->value.null = bits & DEFAULT_NULL;
        if (!p->value.null) read_value(d, r, p->value.type, &p->value.v);
    }
    if (bits & HAS_CLASS) p->class_name = read_text(r);
    if (bits & HAS_MAX) p->max = read_v32(r);
    if (bits & HAS_QUALIFIERS) p->qualifiers = read_qualifiers(d, r);
}

static bool write_properties(struct buf *out, const struct cim_property_decl *p, uint32_t n,
                             unsigned depth)
{
    bool ok = write_v(out, n);
    for (uint32_t i = 0; i < n && ok; i++) ok = write_property(out, &p[i], depth);
    return ok;
}

static struct cim_property_decl *read_properties(struct decode *d, struct reader *r, uint32_t limit,
                                                 uint32_t *n)
{
    *n = read_v32(r);
    if (!*n || r->bad) return NULL;
    struct cim_property_decl *p = *n <= limit && *n <= reader_left(r) / 3
                                      ? ARENA_ARRAY(d->a, *n, struct cim_property_decl)
                                      : NULL;
    if (!p) reader_fail(r);
    for (uint32_t i = 0; p && i < *n && !r->bad; i++) read_property(d, r, &p[i]);
    return p;
}

bool write_class(struct buf *out, const struct cim_class_decl *decl, unsigned depth)
{
    bool ok = write_text(out, decl->name) && write_text(out, decl->super) &&
              write_qualifiers(out, decl->qualifiers, depth) &&
              write_properties(out, decl->properties, decl->property_count, depth) &&
              write_v(out, decl->method_count);
    for (uint32_t i = 0; i < decl->method_count && ok; i++) {
        const struct cim_method_decl *m = &decl->methods[i];
        ok = write_text(out, m->name) && write_v(out, m->return_type) &&
             write_text(out, m->return_class) &&
             write_properties(out, m->params, m->param_count, depth) &&
             write_qualifiers(out, m->qualifiers, depth);
    }
    return ok;
}

static void read_method(struct decode *d, struct reader *r, struct cim_method_decl *m)
{
    m->name = read_text(r);
    m->return_type = read_type(r, true);
    m->return_class = read_text(r);
    m->params = read_properties(d, r, LIMIT_PARAMETERS, &m->param_count);
    m->qualifiers = read_qualifiers(d, r);
}

void read_class(struct decode *d, struct reader *r, struct cim_class_decl *out)
{
    *out = (struct cim_class_decl){ .name = read_text(r) };
    out->super = read_text(r);
    out->qualifiers = read_qualifiers(d, r);
    out->properties = read_properties(d, r, LIMIT_PROPERTIES, &out->property_count);
    out->method_count = read_v32(r);
    if (!out->method_count || r->bad) return;
    out->methods = out->method_count <= LIMIT_METHODS && out->method_count <= reader_left(r) / 5
                       ? ARENA_ARRAY(d->a, out->method_count, struct cim_method_decl)
                       : NULL;
    if (!out->methods) reader_fail(r);
    for (uint32_t i = 0; i < out->method_count && !r->bad; i++) read_method(d, r, &out->methods[i]);
}

bool record_class_encode(struct buf *out, const struct cim_class_decl *decl)
{
    return write_class(out, decl, 0);
}

cimf_status record_class_decode(struct arena *a, struct slice bytes, struct cim_class_decl *out,
                                struct error *e)
{
    struct decode d = { .a = a };
    struct reader r = reader_of(arena_dup(a, bytes));
    read_class(&d, &r, out);
    return record_end(&d, &r, "a class record", e);
}

bool record_qualifier_encode(struct buf *out, const struct cim_qualifier_decl *q)
{
    return write_text(out, q->name) && write_v(out, q->scope) && buf_byte(out, q->flavor) &&
           write_v(out, q->value.type) && buf_byte(out, q->value.null) &&
           (q->value.null || write_value(out, q->value.type, &q->value.v, 0));
}

cimf_status record_qualifier_decode(struct arena *a, struct slice bytes,
                                    struct cim_qualifier_decl *out, struct error *e)
{
    struct decode d = { .a = a };
    struct reader r = reader_of(arena_dup(a, bytes));
    *out = (struct cim_qualifier_decl){ .name = read_text(&r) };
    out->scope = read_v32(&r);
    out->flavor = read_u8(&r);
    out->value.type = read_type(&r, true);
    out->value.null = read_u8(&r) != 0;
    if (!out->value.null) read_value(&d, &r, out->value.type, &out->value.v);
    return record_end(&d, &r, "a qualifier declaration", e);
}
