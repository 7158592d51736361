/* mof/write_value.c - literals, lists and embedded objects as text. */
#include <stdio.h>

#include "base/utf.h"
#include "mof/write_priv.h"

void mof_put_indent(struct mof_writer *w)
{
    static const char blanks[] = "                                ";
    buf_byte(w->b, '\n');
    size_t n = (size_t)w->indent * 4;
    for (; n > sizeof blanks - 1; n -= sizeof blanks - 1) buf_add(w->b, blanks, sizeof blanks - 1);
    buf_add(w->b, blanks, n);
}

/* Four digits always: a shorter escape would take a following hexadecimal digit with it. */
static void put_code(struct buf *b, uint32_t c)
{
    char text[16];
    int n = snprintf(text, sizeof text, "\\x%04X", (unsigned)c);
    buf_add(b, text, (size_t)n);
}

/* One character of a string, `p` to `end` its bytes. */
static void put_char(struct buf *b, uint32_t c, const char *p, const char *end)
{
    switch (c) {
    case '\b': buf_lit(b, "\\b"); break;
    case '\t': buf_lit(b, "\\t"); break;
    case '\n': buf_lit(b, "\\n"); break;
    case '\f': buf_lit(b, "\\f"); break;
    case '\r': buf_lit(b, "\\r"); break;
    case '"': buf_lit(b, "\\\""); break;
    case '\\': buf_lit(b, "\\\\"); break;
    default:
        if (c < 0x20 || (c >= 0xd800 && c <= 0xdfff)) {
            put_code(b, c);
        } else {
            buf_add(b, p, (size_t)(end - p));
        }
    }
}

/* Long texts become several literals, broken behind a blank or a line end. */
static void put_string(struct mof_writer *w, struct slice s)
{
    const char *p = s.p, *end = s.p ? s.p + s.n : NULL;
    size_t start = w->b->n;
    buf_byte(w->b, '"');
    while (p < end) {
        unsigned char byte = (unsigned char)*p;
        const char *from = p;
        uint32_t c = byte;
        if (byte < 0x80) {
            p++;
        } else {
            bool valid;
            c = utf8_next(&p, end, true, &valid);
        }
        if (c == 0xfffd) {
            buf_lit(w->b, "\xef\xbf\xbd");
        } else {
            put_char(w->b, c, from, p);
        }
        size_t line = w->b->n - start;
        if (w->split && p < end && ((line > 64 && (c == ' ' || c == '\n')) || line > 88)) {
            buf_byte(w->b, '"');
            mof_put_indent(w);
            start = w->b->n;
            buf_byte(w->b, '"');
        }
    }
    buf_byte(w->b, '"');
}

/* A real must show that it is one: "1" becomes "1.0", "1e+20" becomes "1.0e+20". */
static void put_real(struct mof_writer *w, unsigned type, const union cim_data *v)
{
    size_t mark = w->b->n;
    cim_data_text(w->b, type, v);
    if (!buf_ok(w->b)) return;
    size_t digits = mark, n = w->b->n;
    while (digits < n && strchr("+-0123456789", w->b->p[digits])) digits++;
    if (digits < n && w->b->p[digits] == '.') return;
    char rest[64];
    size_t keep = n - digits;
    if (keep >= sizeof rest) return;
    memcpy(rest, w->b->p + digits, keep);
    bool number = keep == 0 || rest[0] == 'e' || rest[0] == 'E';
    if (number) {
        buf_cut(w->b, digits);
        buf_lit(w->b, ".0");
        buf_add(w->b, rest, keep);
    } else { /* INF, NaN: no literal, but their text converts */
        char whole[64];
        size_t all = n - mark;
        if (all >= sizeof whole) return;
        memcpy(whole, w->b->p + mark, all);
        buf_cut(w->b, mark);
        buf_byte(w->b, '"');
        buf_add(w->b, whole, all);
        buf_byte(w->b, '"');
    }
}

static void put_scalar(struct mof_writer *w, unsigned type, const union cim_data *v)
{
    switch (type) {
    case CIM_STRING:
    case CIM_DATETIME:
    case CIM_REFERENCE:
        put_string(w, v->s);
        break;
    case CIM_CHAR16:
        buf_byte(w->b, '\'');
        if (v->u >= 0x20 && v->u < 0x7f && v->u != '\'' && v->u != '\\') {
            buf_byte(w->b, (int)v->u);
        } else {
            put_code(w->b, (uint32_t)v->u);
        }
        buf_byte(w->b, '\'');
        break;
    case CIM_REAL32:
    case CIM_REAL64:
        put_real(w, type, v);
        break;
    case CIM_OBJECT:
        mof_put_object(w, v->o);
        break;
    default:
        cim_data_text(w->b, type, v);
    }
}

static void put_list(struct mof_writer *w, unsigned base, struct cim_array array)
{
    buf_byte(w->b, '{');
    size_t start = w->b->n;
    w->indent++;
    for (uint32_t i = 0; i < array.n && buf_ok(w->b); i++) {
        union cim_data item = cim_array_get(base, array, i);
        bool broken = w->split && (base == CIM_OBJECT || w->b->n - start > 64);
        if (i) buf_byte(w->b, ',');
        if (broken && (i || base == CIM_OBJECT)) {
            mof_put_indent(w);
            start = w->b->n;
        } else if (i) {
            buf_byte(w->b, ' ');
        }
        put_scalar(w, base, &item);
    }
    w->indent--;
    if (base == CIM_OBJECT && w->split && array.n) mof_put_indent(w);
    buf_byte(w->b, '}');
}

void mof_put_value(struct mof_writer *w, const struct cim_value *v)
{
    if (v->null) {
        buf_lit(w->b, "NULL");
    } else if (CIM_IS_ARRAY(v->type)) {
        put_list(w, CIM_BASE(v->type), v->v.a);
    } else {
        put_scalar(w, v->type, &v->v);
    }
}

void mof_put_object(struct mof_writer *w, const struct cim_object *o)
{
    if (w->status) return;
    if (++w->depth > LIMIT_EMBEDDED_DEPTH || !o) {
        w->status = CIMF_INVALID_OBJECT;
        return;
    }
    const struct cim_instance *in = cim_as_instance(o);
    if (in) {
        mof_put_instance(w, in);
    } else {
        const struct cim_class *cls = cim_as_class(o);
        mof_put_decl(w, &cls->decl, cls);
    }
    w->depth--;
}

/* True and *v when the property has a line of its own. */
static bool shown(const struct mof_writer *w, const struct cim_instance *in, unsigned i,
                  struct cim_value *v)
{
    *v = (struct cim_value){ .type = in->cls->properties[i].type };
    if (w->o->full && in->state[i] != CIM_UNSENT) {
        v->null = !cim_get(in, i, &v->v);
        return true;
    }
    if (in->state[i] == CIM_SET) v->v = in->slot[i];
    v->null = in->state[i] == CIM_NULL;
    return in->state[i] == CIM_SET || in->state[i] == CIM_NULL;
}

void mof_put_instance(struct mof_writer *w, const struct cim_instance *in)
{
    mof_put_qualifiers(w, in->qualifiers, false);
    buf_lit(w->b, "instance of ");
    buf_slice_add(w->b, in->cls->name);
    mof_put_indent(w);
    buf_byte(w->b, '{');
    w->indent++;
    for (unsigned i = 0; i < in->cls->property_count && buf_ok(w->b); i++) {
        struct cim_value v;
        struct cim_qualifiers own = { NULL, 0 };
        if (in->property_qualifiers) own = in->property_qualifiers[i];
        bool has_value = shown(w, in, i, &v);
        if (!has_value && (!own.n || in->state[i] == CIM_UNSENT)) continue;
        mof_put_indent(w);
        mof_put_qualifiers(w, own, false);
        buf_slice_add(w->b, in->cls->properties[i].name);
        if (has_value) {
            buf_lit(w->b, " = ");
            w->indent++;
            mof_put_value(w, &v);
            w->indent--;
        }
        buf_byte(w->b, ';');
    }
    w->indent--;
    mof_put_indent(w);
    buf_byte(w->b, '}');
}
