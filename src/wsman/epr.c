#include "wsman/codec.h"

#include "base/limits.h"
#include "cim/datetime.h"

static cimf_status selector_fails(struct error *e, cimf_status status, struct slice name, const char *why)
{
    error_set(e, status, "wsman", "the selector " SLICE_FMT " %s", SLICE_ARG(slice_head(name, 100)), why);
    error_subject(e, name);
    return status;
}

static cimf_status too_deep(struct error *e)
{
    return error_set(e, CIMF_WSMAN_SELECTOR_DEPTH, "wsman",
                     "endpoint references are nested more than %d deep", LIMIT_EPR_DEPTH);
}

/* The text form that reference values have in the object model. */
static cimf_status path_text(struct wsman_codec *c, const struct cim_path *path, struct slice *out)
{
    struct buf b;
    buf_init(&b, 0);
    bool ok = cim_path_write(&b, path, path->ns.n == 0);
    if (ok) *out = arena_dup(c->arena, buf_slice(&b));
    buf_free(&b);
    return ok && out->p ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}

static cimf_status key_value(struct wsman_codec *c, const struct wsman_selector *s, unsigned type,
                             unsigned depth, struct cim_value *out, struct error *e)
{
    *out = (struct cim_value){ .type = (uint16_t)type };
    if (s->epr) {
        if (type != CIM_REFERENCE && type != CIM_STRING) {
            return selector_fails(e, CIMF_WSMAN_SELECTOR_TYPE, s->name, "is an endpoint reference, its key is not");
        }
        struct cim_path path;
        cimf_status status = wsman_epr_read(c, s->epr, depth + 1, &path, e);
        return status == CIMF_OK ? path_text(c, &path, &out->v.s) : status;
    }
    if (type == CIM_DATETIME) {
        char text[CIM_DATETIME_LENGTH + 1];
        if (!cim_datetime_read(slice_trim(s->value), text)) {
            return selector_fails(e, CIMF_WSMAN_SELECTOR_TYPE, s->name, "is not a datetime");
        }
        out->v.s = arena_dup(c->arena, slice_of(text, CIM_DATETIME_LENGTH));
        return out->v.s.p ? CIMF_OK : CIMF_OUT_OF_MEMORY;
    }
    cimf_status status = cim_data_parse(c->arena, type, s->value, &out->v);
    if (status == CIMF_TYPE_MISMATCH) {
        return selector_fails(e, CIMF_WSMAN_SELECTOR_TYPE, s->name, "does not have the type of its key");
    }
    return status;
}

static bool is_namespace(struct slice name)
{
    return slice_ieq(name, SLICE("__cimnamespace"));
}

static cimf_status typed_keys(struct wsman_codec *c, const struct wsman_selectors *set,
                              const struct cim_class *cls, unsigned depth, struct cim_path *out,
                              struct error *e)
{
    for (uint32_t i = 0; i < set->n; i++) {
        int p = cim_class_property(cls, set->s[i].name);
        if ((p < 0 || !(cls->properties[p].flags & CIM_PROP_KEY)) && !is_namespace(set->s[i].name)) {
            return selector_fails(e, CIMF_WSMAN_SELECTORS_UNEXPECTED, set->s[i].name, "is not a key of the class");
        }
    }
    for (uint32_t k = 0; k < cls->key_count; k++) {
        const struct cim_property *p = &cls->properties[cls->keys[k]];
        const struct wsman_selector *s = NULL;
        for (uint32_t i = 0; i < set->n && !s; i++) {
            if (slice_ieq(set->s[i].name, p->name)) s = &set->s[i];
        }
        if (!s) return selector_fails(e, CIMF_WSMAN_SELECTORS_MISSING, p->name, "is missing");
        out->keys[k].name = p->name;
        cimf_status status = key_value(c, s, p->type, depth, &out->keys[k].value, e);
        if (status != CIMF_OK) return status;
    }
    out->key_count = cls->key_count;
    return CIMF_OK;
}

/* Nothing is known of the class: keys are text, and the object manager judges. */
static cimf_status text_keys(struct wsman_codec *c, const struct wsman_selectors *set, unsigned depth,
                             struct cim_path *out, struct error *e)
{
    for (uint32_t i = 0; i < set->n; i++) {
        if (is_namespace(set->s[i].name)) continue;
        struct cim_key *k = &out->keys[out->key_count++];
        k->name = set->s[i].name;
        cimf_status status = key_value(c, &set->s[i], set->s[i].epr ? CIM_REFERENCE : CIM_STRING, depth, &k->value, e);
        if (status != CIMF_OK) return status;
    }
    return CIMF_OK;
}

cimf_status wsman_selectors_path(struct wsman_codec *c, const struct wsman_selectors *set, struct slice class_name,
                                 const struct cim_class *cls, unsigned depth, struct cim_path *out,
                                 struct error *e)
{
    *out = (struct cim_path){ .kind = CIM_PATH_INSTANCE, .class_name = class_name };
    if (depth > LIMIT_EPR_DEPTH) return too_deep(e);
    uint32_t count = set->n;
    for (uint32_t i = 0; i < set->n; i++) count -= is_namespace(set->s[i].name);
    if (cls && (cls->flags & CIM_CLASS_SINGLETON) && count == 0) {
        out->kind = CIM_PATH_SINGLETON;
        return CIMF_OK;
    }
    if (count == 0 && (!cls || cls->key_count == 0)) {
        out->kind = CIM_PATH_CLASS;
        return CIMF_OK;
    }
    uint32_t room = cls && cls->key_count > set->n ? cls->key_count : set->n;
    out->keys = ARENA_ARRAY(c->arena, room ? room : 1, struct cim_key);
    if (!out->keys) return CIMF_OUT_OF_MEMORY;
    return cls ? typed_keys(c, set, cls, depth, out, e) : text_keys(c, set, depth, out, e);
}

cimf_status wsman_epr_read(struct wsman_codec *c, const struct xml_node *n, unsigned depth,
                           struct cim_path *out, struct error *e)
{
    if (depth > LIMIT_EPR_DEPTH) return too_deep(e);
    if (!xml_is(n, NS_A, "EndpointReference")) {
        const struct xml_node *inner = xml_child(n, NS_A, "EndpointReference");
        if (inner) n = inner;
    }
    const struct xml_node *params = xml_child(n, NS_A, "ReferenceParameters");
    const struct xml_node *uri_node = params ? xml_child(params, NS_W, "ResourceURI") : NULL;
    if (!uri_node) {
        return error_set(e, CIMF_WSMAN_SELECTOR_VALUE, "wsman", "an endpoint reference has no ResourceURI");
    }
    struct wsman_uri uri;
    cimf_status status = wsman_uri_read(c->arena, uri_node->text, &uri, e);
    if (status != CIMF_OK) return status;
    if ((uri.kind != WSMAN_URI_WMI && uri.kind != WSMAN_URI_CIM) || uri.all) {
        return error_set(e, CIMF_WSMAN_SELECTOR_VALUE, "wsman", "an endpoint reference does not name a class");
    }
    struct wsman_selectors set = { 0 };
    const struct xml_node *set_node = xml_child(params, NS_W, "SelectorSet");
    if (set_node) status = wsman_selectors_read(c->arena, set_node, &set, e);
    if (status != CIMF_OK) return status;
    const struct wsman_selector *space = wsman_selector_find(&set, "__cimnamespace");
    struct slice ns = uri.ns;
    if (space && !space->epr) status = cim_namespace_normal(c->arena, slice_trim(space->value), &ns);
    if (status != CIMF_OK) return status;
    bool here = ns.n == 0 || slice_ieq(ns, c->ns);
    const struct cim_class *cls = c->schema && here ? cim_schema_class(c->schema, uri.class_name) : NULL;
    status = wsman_selectors_path(c, &set, uri.class_name, cls, depth, out, e);
    if (!here) out->ns = ns;
    return status;
}

bool wsman_selectors_write(struct buf *out, struct wsman_codec *c, const struct cim_path *path, unsigned depth)
{
    bool space = c->form.kind != WSMAN_URI_WMI;
    struct slice ns = path->ns.n ? path->ns : c->ns;
    if (path->key_count == 0 && !(space && ns.n)) return buf_ok(out);
    buf_lit(out, "<w:SelectorSet>");
    if (space && ns.n) {
        buf_lit(out, "<w:Selector Name=\"__cimnamespace\">");
        xml_escape(out, ns);
        buf_lit(out, "</w:Selector>");
    }
    for (uint32_t i = 0; i < path->key_count; i++) {
        const struct cim_key *k = &path->keys[i];
        buf_lit(out, "<w:Selector Name=\"");
        xml_escape_attr(out, k->name);
        buf_lit(out, "\">");
        struct cim_path ref;
        if (k->value.null) {
            /* a selector without text */
        } else if (k->value.type == CIM_REFERENCE && depth < LIMIT_EPR_DEPTH &&
                   cim_path_parse(c->arena, k->value.v.s, &ref, NULL) == CIMF_OK) {
            buf_lit(out, "<a:EndpointReference>");
            wsman_epr_write(out, c, &ref, depth + 1);
            buf_lit(out, "</a:EndpointReference>");
        } else {
            wsman_scalar_write(out, c, k->value.type == CIM_REFERENCE || k->value.type == CIM_DATETIME
                                           ? CIM_STRING : k->value.type, &k->value.v);
        }
        buf_lit(out, "</w:Selector>");
    }
    return buf_lit(out, "</w:SelectorSet>");
}

/* A key written without its name ("Class=\"x\"") gets the one from the schema. */
static void name_key(struct wsman_codec *c, struct cim_path *path)
{
    if (path->key_count != 1 || path->keys[0].name.n || !c->schema) return;
    const struct cim_class *cls = cim_schema_class(c->schema, path->class_name);
    struct cim_path bound;
    if (cls && cim_path_bind(c->arena, path, cls, &bound, NULL) == CIMF_OK) *path = bound;
}

bool wsman_epr_write(struct buf *out, struct wsman_codec *c, const struct cim_path *given, unsigned depth)
{
    struct cim_path path = *given;
    name_key(c, &path);
    buf_lit(out, "<a:Address>" SOAP_ANONYMOUS "</a:Address><a:ReferenceParameters><w:ResourceURI>");
    wsman_uri_write(out, &c->form, path.ns.n ? path.ns : c->ns, path.class_name);
    buf_lit(out, "</w:ResourceURI>");
    wsman_selectors_write(out, c, &path, depth);
    return buf_lit(out, "</a:ReferenceParameters>");
}
