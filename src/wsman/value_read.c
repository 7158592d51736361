#include "wsman/codec.h"

#include "base/limits.h"
#include "cim/datetime.h"
#include "wsman/read_priv.h"

static cimf_status mismatch(struct error *e, const struct xml_node *n, unsigned base)
{
    const char *type = cim_type_name(base);
    error_set(e, CIMF_TYPE_MISMATCH, "wsman", "the value of " SLICE_FMT " is not a %s",
              SLICE_ARG(slice_head(n->name, 100)), type ? type : "value");
    error_subject(e, n->name);
    return CIMF_TYPE_MISMATCH;
}

/* cim:Datetime, Interval, CIM_DateTime, Date, Time in any spelling, or bare text (OMI). */
static cimf_status datetime_read(struct wsman_codec *c, const struct xml_node *n, union cim_data *out,
                                 struct error *e)
{
    const struct xml_node *child = xml_first(n);
    struct slice text = slice_trim(child ? child->text : n->text);
    char canonical[CIM_DATETIME_LENGTH + 1];
    /* xs:duration begins with P; a timestamp before year 0 is refused. */
    if (text.n == 0 || text.p[0] == '-' || !cim_datetime_read(text, canonical)) {
        return mismatch(e, n, CIM_DATETIME);
    }
    out->s = arena_dup(c->arena, slice_of(canonical, CIM_DATETIME_LENGTH));
    return out->s.p ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}

static cimf_status reference_read(struct wsman_codec *c, const struct xml_node *n, union cim_data *out,
                                  struct error *e)
{
    struct cim_path path;
    if (!xml_first(n)) { /* a path as text */
        out->s = slice_trim(n->text);
        cimf_status status = cim_path_parse(c->arena, out->s, &path, e);
        return status == CIMF_OK ? CIMF_OK : mismatch(e, n, CIM_REFERENCE);
    }
    cimf_status status = wsman_epr_read(c, n, 1, &path, e);
    if (status != CIMF_OK) return status == CIMF_OUT_OF_MEMORY ? status : mismatch(e, n, CIM_REFERENCE);
    struct buf b;
    buf_init(&b, 0);
    bool ok = cim_path_write(&b, &path, path.ns.n == 0);
    out->s = ok ? arena_dup(c->arena, buf_slice(&b)) : SLICE_NULL;
    buf_free(&b);
    return out->s.p ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}

/* "q:Class_Type" -> Class; also "Class", where there is such a class. */
static struct slice type_class(const struct wsman_codec *c, const struct xml_node *n)
{
    const struct xml_attr *type = xml_attr_ns(n, NS_XSI, "type");
    struct slice uri, local;
    if (!type) return SLICE("");
    xml_qname(n, type->value, &uri, &local);
    bool suffixed = local.n > 5 && slice_is(slice_sub(local, local.n - 5), "_Type");
    if (suffixed) return slice_head(local, local.n - 5);
    return c->schema && cim_schema_class(c->schema, local) ? local : SLICE("");
}

static cimf_status object_mismatch(struct error *e, struct slice name, const char *why)
{
    error_set(e, CIMF_TYPE_MISMATCH, "wsman", "the class " SLICE_FMT " of the embedded object %s",
              SLICE_ARG(slice_head(name, 100)), why);
    error_subject(e, name);
    return CIMF_TYPE_MISMATCH;
}

/* The class of the object in n, and the element that holds its properties. declared may be NULL. */
static struct slice object_class(const struct wsman_codec *c, const struct xml_node *n,
                                 const struct cim_class *declared, const struct xml_node **holder)
{
    struct slice name = type_class(c, n);
    const struct xml_node *child = xml_first(n);
    *holder = n;
    if (name.n || !child) return name;
    if (!xml_next(child)) {
        const struct cim_class *cls = declared ? cim_schema_class(c->schema, child->name) : NULL;
        bool wrapper = xml_first(child) || !child->text.n;
        if (declared ? cls && cim_class_isa(cls, declared->name) : wrapper) {
            *holder = child;
            return child->name;
        }
    }
    return declared ? declared->name : SLICE("");
}

cimf_status wsman_object_read(struct wsman_codec *c, const struct xml_node *n, struct slice class_name,
                              unsigned depth, union cim_data *out, struct error *e)
{
    if (depth >= LIMIT_EMBEDDED_DEPTH) {
        return error_set(e, CIMF_TYPE_MISMATCH, "wsman", "objects are embedded more than %d deep",
                         LIMIT_EMBEDDED_DEPTH);
    }
    const struct cim_class *declared = c->schema && class_name.n ? cim_schema_class(c->schema, class_name) : NULL;
    const struct xml_node *holder;
    struct slice name = object_class(c, n, declared, &holder);
    if (!name.n && c->schema) return mismatch(e, n, CIM_OBJECT);
    if (!name.n) name = n->name; /* a structure of no class, as in configuration resources */
    const struct cim_class *cls = c->schema ? cim_schema_class(c->schema, name) : NULL;
    if (!cls && c->schema) return object_mismatch(e, name, "does not exist");
    if (cls && declared && !cim_class_isa(cls, declared->name)) {
        return object_mismatch(e, name, "is not the declared one or below it");
    }
    struct cim_instance *in;
    cimf_status status = cls ? wsman_read_typed(c, holder, cls, depth + 1, &in, e)
                             : wsman_read_guessed(c, holder, name, depth + 1, &in, e);
    if (status == CIMF_OK) out->o = &in->object;
    return status;
}

cimf_status wsman_value_read(struct wsman_codec *c, const struct xml_node *n, unsigned base, unsigned depth,
                             union cim_data *out, struct error *e)
{
    switch (base) {
    case CIM_DATETIME: return datetime_read(c, n, out, e);
    case CIM_REFERENCE: return reference_read(c, n, out, e);
    case CIM_OBJECT: return wsman_object_read(c, n, SLICE(""), depth, out, e);
    case CIM_STRING:
        if (xml_first(n)) return mismatch(e, n, base);
        out->s = n->text.p ? n->text : SLICE("");
        return CIMF_OK;
    default: break;
    }
    if (xml_first(n)) return mismatch(e, n, base);
    cimf_status status = cim_data_parse(c->arena, base, n->text, out);
    return status == CIMF_TYPE_MISMATCH ? mismatch(e, n, base) : status;
}
