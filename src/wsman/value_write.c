#include "wsman/codec.h"

#include <stdio.h>

#include "base/limits.h"
#include "cim/datetime.h"
#include "wsman/layout.h"

static const struct {
    uint16_t type;
    const char *cim, *xs; /* WS-CIM name, XML schema name */
} names[] = {
    { CIM_BOOLEAN, "cimBoolean", "boolean" },
    { CIM_UINT8, "cimUnsignedByte", "unsignedByte" },
    { CIM_SINT8, "cimByte", "byte" },
    { CIM_UINT16, "cimUnsignedShort", "unsignedShort" },
    { CIM_SINT16, "cimShort", "short" },
    { CIM_UINT32, "cimUnsignedInt", "unsignedInt" },
    { CIM_SINT32, "cimInt", "int" },
    { CIM_UINT64, "cimUnsignedLong", "unsignedLong" },
    { CIM_SINT64, "cimLong", "long" },
    { CIM_REAL32, "cimFloat", "float" },
    { CIM_REAL64, "cimDouble", "double" },
    { CIM_CHAR16, "cimChar16", "" },
    { CIM_STRING, "cimString", "string" },
    { CIM_DATETIME, "cimDateTime", "dateTime" },
    { CIM_REFERENCE, "cimReference", "" },
    { CIM_STRING, "cimAnySimpleType", "anyURI" },
    { CIM_DATETIME, "cimInterval", "duration" },
    { CIM_SINT64, "", "integer" },
};

const char *wsman_type_name(unsigned base)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].type == base) return names[i].cim;
    }
    return "";
}

enum cim_type wsman_type_parse(struct slice local)
{
    for (size_t i = 0; local.n && i < sizeof names / sizeof *names; i++) {
        if (slice_is(local, names[i].cim) || slice_is(local, names[i].xs)) return names[i].type;
    }
    return CIM_NONE;
}

static void datetime_write(struct buf *out, struct slice text)
{
    size_t mark = out->n;
    bool interval = text.n == CIM_DATETIME_LENGTH && text.p[21] == ':';
    buf_str(out, interval ? "<cim:Interval>" : "<cim:Datetime>");
    if (cim_datetime_xml(text, out)) {
        buf_str(out, interval ? "</cim:Interval>" : "</cim:Datetime>");
        return;
    }
    /* Wildcards have no XML schema form: encode them and go on (PowerShell #15799). */
    buf_cut(out, mark);
    buf_lit(out, "<cim:CIM_DateTime>");
    xml_escape(out, text);
    buf_lit(out, "</cim:CIM_DateTime>");
}

static void char16_write(struct buf *out, uint64_t unit)
{
    char text[4];
    size_t n;
    if (unit < 0x80) {
        text[0] = (char)unit;
        n = 1;
    } else if (unit < 0x800) {
        text[0] = (char)(0xc0 | unit >> 6);
        text[1] = (char)(0x80 | (unit & 0x3f));
        n = 2;
    } else {
        text[0] = (char)(0xe0 | unit >> 12);
        text[1] = (char)(0x80 | (unit >> 6 & 0x3f));
        text[2] = (char)(0x80 | (unit & 0x3f));
        n = 3;
    }
    xml_escape(out, slice_of(text, n));
}

static void reference_write(struct buf *out, struct wsman_codec *c, struct slice text)
{
    struct arena_mark mark = arena_mark(c->arena);
    struct cim_path path;
    if (cim_path_parse(c->arena, text, &path, NULL) == CIMF_OK && path.class_name.n) {
        wsman_epr_write(out, c, &path, 0);
    } else {
        xml_escape(out, text); /* not a path: show what is stored */
    }
    arena_rewind(c->arena, mark);
}

bool wsman_scalar_write(struct buf *out, struct wsman_codec *c, unsigned base, const union cim_data *v)
{
    switch (base) {
    case CIM_STRING: return xml_escape(out, v->s);
    case CIM_BOOLEAN: return v->u ? buf_lit(out, "true") : buf_lit(out, "false");
    case CIM_UINT8: case CIM_UINT16: case CIM_UINT32: case CIM_UINT64: return buf_u64(out, v->u);
    case CIM_SINT8: case CIM_SINT16: case CIM_SINT32: case CIM_SINT64: return buf_i64(out, v->i);
    case CIM_DATETIME: datetime_write(out, v->s); break;
    case CIM_REFERENCE: reference_write(out, c, v->s); break;
    case CIM_CHAR16: char16_write(out, v->u); break;
    default: return cim_data_text(out, base, v);
    }
    return buf_ok(out);
}

/* --- properties ------------------------------------------------------------------------------- */

struct writing {
    struct buf *out;
    struct wsman_codec *c;
    unsigned depth; /* of embedded objects */
};

static void properties_write(struct writing *w, const struct cim_instance *in);

/* Tags of embedded objects use the prefixes q1, q2 ... by depth; only the outermost has ready-made tags. */
static void tag_open(struct writing *w, struct slice name)
{
    buf_printf(w->out, "<q%u:" SLICE_FMT, w->depth, SLICE_ARG(name));
}

static void tag_close(struct writing *w, const struct wsman_column *col)
{
    if (w->depth == 0) buf_slice_add(w->out, col->close);
    else buf_printf(w->out, "</q%u:" SLICE_FMT ">", w->depth, SLICE_ARG(col->name));
}

/* The opening tag without its '>'. */
static void tag_begin(struct writing *w, const struct wsman_column *col)
{
    if (w->depth == 0) buf_slice_add(w->out, slice_head(col->open, col->open.n - 1));
    else tag_open(w, col->name);
}

static void null_write(struct writing *w, const struct wsman_column *col)
{
    bool plain = w->depth == 0 && !w->c->extensions && !(w->c->precise && CIM_IS_ARRAY(col->type));
    if (plain) {
        buf_slice_add(w->out, col->null);
        return;
    }
    tag_begin(w, col);
    if (w->c->extensions && wsman_type_name(CIM_BASE(col->type))[0]) {
        buf_printf(w->out, " xsi:type=\"cim:%s\"", wsman_type_name(CIM_BASE(col->type)));
    }
    if (w->c->precise && CIM_IS_ARRAY(col->type)) {
        buf_lit(w->out, " xmlns:m=\"http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd\" m:IsNullArray=\"true\"");
    }
    buf_lit(w->out, " xsi:nil=\"true\"/>");
}

static void object_write(struct writing *w, const struct wsman_column *col, const struct cim_object *o)
{
    const struct cim_instance *in = cim_as_instance(o);
    if (!in || w->depth >= LIMIT_EMBEDDED_DEPTH) {
        null_write(w, col);
        return;
    }
    tag_begin(w, col);
    buf_printf(w->out, " xmlns:q%u=\"", w->depth + 1);
    wsman_uri_write(w->out, &w->c->form, in->cls->ns.n ? in->cls->ns : w->c->ns, in->cls->name);
    buf_printf(w->out, "\" xsi:type=\"q%u:" SLICE_FMT "_Type\">", w->depth + 1, SLICE_ARG(in->cls->name));
    w->depth++;
    properties_write(w, in);
    w->depth--;
    tag_close(w, col);
}

static void one_write(struct writing *w, const struct wsman_column *col, unsigned base, const union cim_data *v)
{
    if (base == CIM_OBJECT) {
        object_write(w, col, v->o);
        return;
    }
    if (w->depth == 0 && !w->c->extensions) {
        buf_slice_add(w->out, col->open);
    } else {
        tag_begin(w, col);
        if (w->c->extensions) buf_printf(w->out, " xsi:type=\"cim:%s\"", wsman_type_name(base));
        buf_byte(w->out, '>');
    }
    wsman_scalar_write(w->out, w->c, base, v);
    tag_close(w, col);
}

static void array_write(struct writing *w, const struct wsman_column *col, struct cim_array array)
{
    unsigned base = CIM_BASE(col->type);
    if (array.n == 0 && w->c->precise) {
        tag_begin(w, col);
        buf_lit(w->out, " xmlns:m=\"http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd\""
                        " m:IsEmptyArray=\"true\"/>");
    }
    for (uint32_t i = 0; i < array.n && buf_ok(w->out); i++) {
        union cim_data v = cim_array_get(base, array, i);
        bool none = base == CIM_OBJECT && !v.o; /* no NULL elements inside an array (C21) */
        if (!none) one_write(w, col, base, &v);
    }
}

static void properties_write(struct writing *w, const struct cim_instance *in)
{
    const struct wsman_layout *l = wsman_layout_get(w->c, in->cls);
    if (!l) {
        w->out->failed = true;
        return;
    }
    for (uint32_t i = 0; i < l->count; i++) {
        const struct wsman_column *col = &l->column[i];
        union cim_data v;
        if (!cim_is_sent(in, col->index)) continue;
        if (!cim_get(in, col->index, &v)) null_write(w, col);
        else if (CIM_IS_ARRAY(col->type)) array_write(w, col, v.a);
        else one_write(w, col, col->type, &v);
    }
}

bool wsman_instance_write(struct buf *out, struct wsman_codec *c, const struct cim_instance *in)
{
    const struct cim_class *cls = in->cls;
    const struct wsman_layout *l = wsman_layout_get(c, cls);
    if (!l) return false;
    struct writing w = { out, c, 0 };
    struct slice ns = in->ns.n ? in->ns : cls->ns.n ? cls->ns : c->ns;
    bool ready = (cls->flags & CIM_CLASS_PROJECTED) || (c->form.kind == WSMAN_URI_WMI && slice_eq(ns, cls->ns));
    if (ready) {
        buf_slice_add(out, l->open);
    } else {
        buf_printf(out, "<p:" SLICE_FMT " xsi:type=\"p:" SLICE_FMT "_Type\" xmlns:p=\"", SLICE_ARG(cls->name),
                   SLICE_ARG(cls->name));
        wsman_uri_write(out, &c->form, ns, cls->name);
        buf_lit(out, "\" xmlns:cim=\"http://schemas.dmtf.org/wbem/wscim/1/common\""
                     " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">");
    }
    properties_write(&w, in);
    return buf_slice_add(out, l->close);
}

bool wsman_output_write(struct buf *out, struct wsman_codec *c, struct slice uri, struct slice element,
                        const struct cim_instance *in)
{
    struct writing w = { out, c, 0 };
    buf_printf(out, "<p:" SLICE_FMT " xmlns:p=\"", SLICE_ARG(element));
    xml_escape_attr(out, uri);
    buf_lit(out, "\" xmlns:cim=\"http://schemas.dmtf.org/wbem/wscim/1/common\""
                 " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">");
    if (in) properties_write(&w, in);
    return buf_printf(out, "</p:" SLICE_FMT ">", SLICE_ARG(element));
}
