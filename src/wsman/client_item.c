/* Items of replies as instances: by their class when it is known, by their shape otherwise. */
#include "wsman/client_priv.h"

struct wsman_codec client_codec(struct wsman_task *t, struct arena *a, struct client_space *s)
{
    const struct wsman_client_config *config = &t->client->config;
    return (struct wsman_codec){
        .arena = a, .schema = cim_schema_count(s->schema) ? s->schema : NULL, .ns = s->ns, .precise = true,
        .form = { .kind = config->form, .base = soap_symbol(SOAP_WSMV, SYM_URI_CIM) },
    };
}

/* <w:Item> holds an object and its reference. */
static const struct xml_node *unwrap(const struct xml_node *n)
{
    return xml_is(n, NS_W, "Item") && xml_first(n) ? xml_first(n) : n;
}

static bool is_fragment(const struct xml_node *n)
{
    return slice_is(n->name, "XmlFragment");
}

bool client_item_class(struct wsman_task *t, const struct xml_node *n, struct slice *ns, struct slice *name)
{
    n = unwrap(n);
    *ns = t->space->ns;
    if (is_fragment(n)) {
        *name = t->select_from;
        return name->n > 0;
    }
    struct wsman_uri uri;
    if (n->ns != NS_NONE || wsman_uri_read(&t->batch, n->uri, &uri, NULL) != CIMF_OK) return false;
    if ((uri.kind != WSMAN_URI_WMI && uri.kind != WSMAN_URI_CIM) || uri.all) return false;
    if (uri.ns.n) *ns = uri.ns;
    *name = n->name;
    return true;
}

/* The next element below root in document order. */
static const struct xml_node *walk(const struct xml_node *n, const struct xml_node *root)
{
    if (xml_first(n)) return xml_first(n);
    for (; n != root; n = n->parent) {
        if (xml_next(n)) return xml_next(n);
    }
    return NULL;
}

/* The class of an embedded object ("q:Class_Type") or of the object that a reference names. */
static bool inner_class(struct wsman_task *t, const struct xml_node *n, struct slice *ns, struct slice *name)
{
    struct slice text = SLICE(""), local = SLICE("");
    struct wsman_uri uri;
    if (xml_is(n, NS_W, "ResourceURI")) {
        text = n->text;
    } else {
        const struct xml_attr *type = xml_attr_ns(n, NS_XSI, "type");
        if (type) xml_qname(n, type->value, &text, &local);
    }
    if (!text.n || wsman_uri_read(&t->batch, text, &uri, NULL) != CIMF_OK) return false;
    if (uri.kind != WSMAN_URI_WMI && uri.kind != WSMAN_URI_CIM) return false;
    *ns = uri.ns.n ? uri.ns : t->space->ns;
    *name = uri.class_name;
    return name->n > 0;
}

bool client_item_inner_class(struct wsman_task *t, const struct xml_node *item, const struct xml_node **at,
                             struct slice *ns, struct slice *name)
{
    const struct xml_node *n = *at ? *at : item;
    while ((n = walk(n, item))) {
        if (!inner_class(t, n, ns, name)) continue;
        *at = n;
        return true;
    }
    return false;
}

/* --- fragments: the selected properties of a query ---------------------------------------------- */

struct columns {
    struct cim_property_decl *p;
    uint32_t n, room;
};

static cimf_status column_add(struct wsman_task *t, struct columns *c, struct slice name,
                              const struct cim_class *cls, bool array)
{
    for (uint32_t i = 0; i < c->n; i++) {
        if (!slice_ieq(c->p[i].name, name)) continue;
        if (array && cim_class_property(cls, name) < 0) c->p[i].type |= CIM_ARRAY;
        return CIMF_OK;
    }
    if (c->n == c->room) return CIMF_QUOTA_VIOLATION;
    struct cim_property_decl *p = &c->p[c->n++];
    int at = cim_class_property(cls, name);
    *p = (struct cim_property_decl){ .name = name, .type = (uint16_t)(array ? CIM_STRING | CIM_ARRAY : CIM_STRING) };
    if (at >= 0) {
        p->name = cls->properties[at].name;
        p->type = cls->properties[at].type;
        p->class_name = cls->properties[at].class_name;
    }
    return CIMF_OK;
}

/* One class for all fragments of the batch: the SELECT list in its order, then what else came. */
static cimf_status fragment_class(struct wsman_task *t, const struct cim_class *cls, const struct cim_class **out,
                                  struct error *e)
{
    struct columns c = { .room = LIMIT_PROPERTIES };
    c.p = ARENA_ARRAY(&t->batch, c.room, struct cim_property_decl);
    if (!c.p) return CIMF_OUT_OF_MEMORY;
    cimf_status status = CIMF_OK;
    for (uint32_t i = 0; i < t->select_count && status == CIMF_OK; i++) {
        status = column_add(t, &c, t->select[i], cls, false);
    }
    for (uint32_t i = 0; i < t->node_count && status == CIMF_OK; i++) {
        const struct xml_node *n = unwrap(t->nodes[i]);
        for (const struct xml_node *p = is_fragment(n) ? xml_first(n) : NULL; p && status == CIMF_OK; p = xml_next(p)) {
            const struct xml_node *next = xml_next(p);
            status = column_add(t, &c, p->name, cls, next && slice_ieq(next->name, p->name));
        }
    }
    if (status == CIMF_OK) status = cim_class_adhoc(&t->batch, cls->name, c.p, c.n, out);
    return status == CIMF_OK ? status : error_set(e, status, "wsman", "the selected properties cannot be read");
}

/* --- any item ----------------------------------------------------------------------------------- */

static cimf_status object_read(struct wsman_task *t, const struct xml_node *n, struct client_space *space,
                               const struct cim_class *cls, struct slice class_name, struct cim_instance **out,
                               struct error *e)
{
    struct wsman_codec c = client_codec(t, &t->batch, space);
    if (cls && wsman_instance_read(&c, n, cls, out, NULL) == CIMF_OK) return CIMF_OK;
    /* Not as the class says (a newer class, an odd server): as it looks. */
    c.schema = NULL;
    return wsman_instance_guess(&c, n, class_name, out, e);
}

/* A schema query answers with classes: they are shown by name, as instances of meta_class. */
static cimf_status class_item_read(struct wsman_task *t, const struct xml_node *n, struct cim_instance **out)
{
    static const struct cim_property_decl properties[] = {
        { .name = SLICE("__CLASS"), .type = CIM_STRING }, { .name = SLICE("__SUPERCLASS"), .type = CIM_STRING },
    };
    const struct cim_class *cls;
    cimf_status status = cim_class_adhoc(&t->batch, SLICE("meta_class"), properties, 2, &cls);
    struct cim_instance *in = status == CIMF_OK ? cim_instance_new(&t->batch, cls) : NULL;
    if (!in) return CIMF_OUT_OF_MEMORY;
    const struct xml_attr *super = xml_attr(n, "SUPERCLASS");
    cim_put_str(in, "__CLASS", xml_attr_value(n, "NAME"));
    if (super) cim_put_str(in, "__SUPERCLASS", super->value);
    in->result = 1;
    *out = in;
    return CIMF_OK;
}

static cimf_status item_read(struct wsman_task *t, const struct xml_node *n, const struct cim_class *fragment,
                             struct wsman_item *out, struct error *e)
{
    struct slice ns, name;
    n = unwrap(n);
    struct cim_instance *in;
    cimf_status status;
    if (is_fragment(n)) {
        status = object_read(t, n, t->space, fragment, t->select_from.n ? t->select_from : SLICE("Result"), &in, e);
        if (status == CIMF_OK) in->result = 1;
    } else if (slice_is(n->name, "CLASS") && xml_attr(n, "NAME")) {
        status = class_item_read(t, n, &in);
    } else {
        struct client_space *space = t->space;
        const struct cim_class *cls = NULL;
        bool known = client_item_class(t, n, &ns, &name);
        if (known) space = client_space_get(t->client, ns);
        if (!space) return CIMF_OUT_OF_MEMORY;
        if (known) cls = client_class_find(space, name);
        status = object_read(t, n, space, cls, n->name, &in, e);
        if (status == CIMF_OK) in->ns = space->ns;
    }
    if (status != CIMF_OK) return status;
    out->object = &in->object;
    return CIMF_OK;
}

cimf_status client_items_read(struct wsman_task *t, struct error *e)
{
    const struct cim_class *from = t->select_from.n ? client_class_find(t->space, t->select_from) : NULL;
    const struct cim_class *fragment = NULL;
    t->items = ARENA_ARRAY(&t->batch, t->node_count + 1, struct wsman_item);
    if (!t->items) return CIMF_OUT_OF_MEMORY;
    cimf_status status = CIMF_OK;
    for (uint32_t i = 0; i < t->node_count && from && !fragment && status == CIMF_OK; i++) {
        if (is_fragment(unwrap(t->nodes[i]))) status = fragment_class(t, from, &fragment, e);
    }
    for (uint32_t i = 0; i < t->node_count && status == CIMF_OK; i++) {
        status = item_read(t, t->nodes[i], fragment, &t->items[t->item_count], e);
        if (status == CIMF_OK) t->item_count++;
    }
    return status;
}

static cimf_status one_item(struct wsman_task *t, struct cim_instance *in)
{
    t->items = ARENA_NEW(&t->batch, struct wsman_item);
    if (!t->items) return CIMF_OUT_OF_MEMORY;
    t->items[0].object = &in->object;
    t->item_count = 1;
    return CIMF_OK;
}

/* --- Identify and Invoke ------------------------------------------------------------------------ */

cimf_status client_identity_read(struct wsman_task *t, const struct xml_node *n, struct error *e)
{
    static const struct cim_property_decl properties[] = {
        { .name = SLICE("ProductVendor"), .type = CIM_STRING },
        { .name = SLICE("ProductVersion"), .type = CIM_STRING },
        { .name = SLICE("ProtocolVersion"), .type = CIM_STRING | CIM_ARRAY },
        { .name = SLICE("SecurityProfiles"), .type = CIM_STRING | CIM_ARRAY },
    };
    enum { COUNT = sizeof properties / sizeof *properties, MANY = 64 };
    const struct cim_class *cls;
    cimf_status status = cim_class_adhoc(&t->batch, SLICE("IdentifyResponse"), properties, COUNT, &cls);
    struct cim_instance *in = status == CIMF_OK ? cim_instance_new(&t->batch, cls) : NULL;
    if (!in) return CIMF_OUT_OF_MEMORY;
    struct slice versions[MANY], profiles[MANY];
    uint32_t version_count = 0, profile_count = 0;
    for (const struct xml_node *p = xml_first(n); p; p = xml_next(p)) {
        struct slice text = slice_trim(p->text);
        if (slice_is(p->name, "ProductVendor")) cim_put_str(in, "ProductVendor", text);
        if (slice_is(p->name, "ProductVersion")) cim_put_str(in, "ProductVersion", text);
        if (slice_is(p->name, "ProtocolVersion") && version_count < MANY) versions[version_count++] = text;
        if (!slice_is(p->name, "SecurityProfiles")) continue;
        for (const struct xml_node *s = xml_first(p); s && profile_count < MANY; s = xml_next(s)) {
            profiles[profile_count++] = slice_trim(s->text);
        }
    }
    if (version_count) cim_put_strv(in, "ProtocolVersion", versions, version_count);
    if (profile_count) cim_put_strv(in, "SecurityProfiles", profiles, profile_count);
    return one_item(t, in);
}

cimf_status client_output_read(struct wsman_task *t, struct error *e)
{
    if (!t->node_count) return CIMF_OK;
    const struct cim_class *cls = client_class_find(t->space, t->path.class_name);
    const struct cim_method *m = cls ? cim_class_method(cls, t->request.method) : NULL;
    struct cim_instance *in;
    cimf_status status = object_read(t, t->nodes[0], t->space, m ? m->out : NULL, SLICE("__PARAMETERS"), &in, e);
    return status == CIMF_OK ? one_item(t, in) : status;
}
