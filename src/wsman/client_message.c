/* The messages that a client sends (wsman.md 2.4-2.7; rows L2-L7). */
#include "wsman/client_priv.h"

#define WQL_DIALECT "http://schemas.microsoft.com/wbem/wsman/1/WQL"

struct outgoing {
    const char *action;          /* NULL: uri + "/" + method */
    struct slice uri;            /* resource */
    struct slice selectors;      /* w:SelectorSet or "" */
    const struct wsman_option *options;
    uint32_t option_count;
    unsigned namespaces;
};

static bool begin(struct wsman_task *t, const struct outgoing *o)
{
    const struct wsman_client_config *config = &t->client->config;
    struct buf extra, action;
    buf_init(&extra, 0);
    buf_init(&action, 0);
    struct wsman_header_out header = {
        .resource_uri = o->uri, .selectors = o->selectors, .options = o->options,
        .option_count = o->option_count, .timeout_us = config->timeout_us,
        .max_envelope = config->max_envelope, .locale = config->locale,
    };
    wsman_header_write(&extra, &header);
    if (o->action) {
        buf_str(&action, o->action);
    } else {
        buf_slice_add(&action, o->uri);
        buf_byte(&action, '/');
        buf_slice_add(&action, t->request.method);
    }
    soap_message_id(t->message_id);
    struct soap_head head = {
        .action = buf_slice(&action), .to = config->to, .request = true,
        .message_id = slice_str(t->message_id), .namespaces = o->namespaces, .extra = buf_slice(&extra),
    };
    bool ok = buf_ok(&extra) && buf_ok(&action) && soap_begin(&t->message, &head);
    buf_free(&extra);
    buf_free(&action);
    return ok;
}

static bool uri_write(struct wsman_task *t, struct buf *out, struct slice ns, struct slice class_name)
{
    struct wsman_codec c = client_codec(t, &t->arena, t->space);
    if (slice_is(class_name, "*") && c.form.kind == WSMAN_URI_CIM) {
        return buf_slice_add(out, soap_symbol(SOAP_WSMV, SYM_URI_CIM_ALL));
    }
    return wsman_uri_write(out, &c.form, ns, class_name);
}

static bool namespace_selector(struct buf *out, struct slice ns)
{
    buf_lit(out, "<w:SelectorSet><w:Selector Name=\"__cimnamespace\">");
    xml_escape(out, ns);
    return buf_lit(out, "</w:Selector></w:SelectorSet>");
}

/* Resource URI and selectors of a path (Get, Put, Delete, Invoke) or of a class (Create, Enumerate). */
static bool target_write(struct wsman_task *t, struct buf *uri, struct buf *selectors)
{
    struct wsman_codec c = client_codec(t, &t->arena, t->space);
    struct slice ns = t->space->ns;
    if (!t->path.class_name.n) { /* a class of the request */
        struct slice name = t->request.verb == WSMAN_ASK_QUERY ? SLICE("*") : t->request.class_name;
        return uri_write(t, uri, ns, name) &&
               (c.form.kind == WSMAN_URI_WMI || namespace_selector(selectors, ns));
    }
    struct arena_mark mark = arena_mark(&t->arena);
    struct cim_path path = t->path;
    path.ns = ns;
    bool ok = uri_write(t, uri, ns, path.class_name) && wsman_selectors_write(selectors, &c, &path, 0);
    arena_rewind(&t->arena, mark);
    return ok;
}

static bool enumerate_body(struct wsman_task *t)
{
    struct buf *out = &t->message;
    bool query = t->request.verb == WSMAN_ASK_QUERY;
    buf_lit(out, "<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>");
    buf_u64(out, t->client->config.max_elements);
    buf_lit(out, "</w:MaxElements>");
    if (t->request.verb == WSMAN_ASK_CLASS_NAMES || t->by_names) {
        buf_lit(out, "<w:EnumerationMode>EnumerateEPR</w:EnumerationMode>");
    }
    if (t->request.exact) buf_lit(out, "<b:PolymorphismMode>None</b:PolymorphismMode>");
    if (query) {
        buf_lit(out, "<w:Filter Dialect=\"" WQL_DIALECT "\">");
        xml_escape(out, t->request.query);
        buf_lit(out, "</w:Filter>");
    }
    return buf_lit(out, "</n:Enumerate>");
}

static bool pull_body(struct wsman_task *t)
{
    struct buf *out = &t->message;
    buf_lit(out, "<n:Pull><n:EnumerationContext>");
    xml_escape(out, buf_slice(&t->context));
    buf_lit(out, "</n:EnumerationContext><n:MaxElements>");
    buf_u64(out, t->client->config.max_elements);
    return buf_lit(out, "</n:MaxElements></n:Pull>");
}

static bool release_body(struct wsman_task *t)
{
    buf_lit(&t->message, "<n:Release><n:EnumerationContext>");
    xml_escape(&t->message, buf_slice(&t->context));
    return buf_lit(&t->message, "</n:EnumerationContext></n:Release>");
}

static bool invoke_body(struct wsman_task *t, struct slice uri)
{
    struct wsman_codec c = client_codec(t, &t->arena, t->space);
    struct arena_mark mark = arena_mark(&t->arena);
    struct slice element = arena_printf(&t->arena, SLICE_FMT "_INPUT", SLICE_ARG(t->request.method));
    bool ok = element.p && wsman_output_write(&t->message, &c, uri, element, t->request.instance);
    arena_rewind(&t->arena, mark);
    return ok;
}

static bool body_write(struct wsman_task *t, struct slice uri)
{
    if (t->phase == PHASE_PULL) return pull_body(t);
    if (t->phase == PHASE_RELEASE) return release_body(t);
    struct wsman_codec c = client_codec(t, &t->arena, t->space);
    switch (t->request.verb) {
    case WSMAN_ASK_PUT: case WSMAN_ASK_CREATE: return wsman_instance_write(&t->message, &c, t->request.instance);
    case WSMAN_ASK_INVOKE: return invoke_body(t, uri);
    case WSMAN_ASK_ENUMERATE: case WSMAN_ASK_QUERY: case WSMAN_ASK_CLASSES: case WSMAN_ASK_CLASS_NAMES: return enumerate_body(t);
    default: return true; /* Get and Delete have none */
    }
}

static const char *action_of(const struct wsman_task *t)
{
    if (t->phase == PHASE_PULL) return SOAP_ENUMERATION "Pull";
    if (t->phase == PHASE_RELEASE) return SOAP_ENUMERATION "Release";
    switch (t->request.verb) {
    case WSMAN_ASK_PUT: return SOAP_TRANSFER "Put";
    case WSMAN_ASK_CREATE: return SOAP_TRANSFER "Create";
    case WSMAN_ASK_DELETE: return SOAP_TRANSFER "Delete";
    case WSMAN_ASK_INVOKE: return NULL;
    case WSMAN_ASK_GET: case WSMAN_ASK_CLASS: case WSMAN_ASK_IDENTIFY: return SOAP_TRANSFER "Get";
    default: return SOAP_ENUMERATION "Enumerate";
    }
}

/* Class metadata: the class is a selector (DSP0227 15). */
static bool metadata_selectors(struct buf *out, struct slice ns, struct slice name)
{
    buf_lit(out, "<w:SelectorSet>");
    if (name.n) {
        buf_lit(out, "<w:Selector Name=\"ClassName\">");
        xml_escape(out, name);
        buf_lit(out, "</w:Selector>");
    }
    buf_lit(out, "<w:Selector Name=\"__cimnamespace\">");
    xml_escape(out, ns);
    return buf_lit(out, "</w:Selector></w:SelectorSet>");
}

static const struct wsman_option class_options[] = {
    { .name = SLICE("IncludeQualifiers"), .value = SLICE("true"), .type = SLICE("boolean") },
    { .name = SLICE("IncludeClassOrigin"), .value = SLICE("true"), .type = SLICE("boolean") },
    { .name = SLICE("IncludeInheritedElements"), .value = SLICE("false"), .type = SLICE("boolean") },
    { .name = SLICE("IncludeSubClasses"), .value = SLICE("true"), .type = SLICE("boolean") },
};
static const struct wsman_option instance_options[] = {
    { .name = SLICE("msftwinrm:UsePreciseArrays"), .value = SLICE("true"), .type = SLICE("boolean") },
};

static bool class_get_write(struct wsman_task *t)
{
    struct buf uri, selectors;
    buf_init(&uri, 0);
    buf_init(&selectors, 0);
    buf_slice_add(&uri, soap_symbol(SOAP_WSMV, SYM_URI_CIMXML));
    buf_byte(&uri, '*');
    metadata_selectors(&selectors, t->want_space->ns, t->want_now);
    struct outgoing o = { .action = SOAP_TRANSFER "Get", .uri = buf_slice(&uri), .selectors = buf_slice(&selectors),
                          .options = class_options, .option_count = 3 };
    bool ok = buf_ok(&uri) && buf_ok(&selectors) && begin(t, &o) && soap_end(&t->message);
    buf_free(&uri);
    buf_free(&selectors);
    return ok;
}

static bool identify_write(struct wsman_task *t)
{
    t->message_id[0] = 0;
    return buf_lit(&t->message, "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:wsmid=\""
                                "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd\"><s:Header/>"
                                "<s:Body><wsmid:Identify/></s:Body></s:Envelope>");
}

static bool main_write(struct wsman_task *t)
{
    enum wsman_ask verb = t->request.verb;
    bool metadata = verb == WSMAN_ASK_CLASSES || verb == WSMAN_ASK_CLASS_NAMES;
    bool reads = verb == WSMAN_ASK_GET || verb == WSMAN_ASK_PUT || verb == WSMAN_ASK_ENUMERATE || verb == WSMAN_ASK_QUERY;
    struct buf uri, selectors;
    buf_init(&uri, 0);
    buf_init(&selectors, 0);
    if (metadata) {
        buf_slice_add(&uri, soap_symbol(SOAP_WSMV, SYM_URI_CIMXML));
        buf_byte(&uri, '*');
        metadata_selectors(&selectors, t->space->ns, t->request.class_name);
    } else {
        target_write(t, &uri, &selectors);
    }
    struct outgoing o = { .action = action_of(t), .uri = buf_slice(&uri), .selectors = buf_slice(&selectors),
                          .namespaces = 1u << NS_N | 1u << NS_B };
    if (metadata) {
        o.options = class_options;
        o.option_count = sizeof class_options / sizeof *class_options;
    } else if ((reads || verb == WSMAN_ASK_CREATE || verb == WSMAN_ASK_INVOKE) && t->client->config.form == WSMAN_URI_WMI) {
        o.options = instance_options;
        o.option_count = 1;
    }
    bool ok = buf_ok(&uri) && buf_ok(&selectors) && begin(t, &o) && body_write(t, o.uri) && soap_end(&t->message);
    buf_free(&uri);
    buf_free(&selectors);
    return ok;
}

cimf_status client_message_write(struct wsman_task *t)
{
    buf_clear(&t->message);
    bool ok;
    if (t->want.n) ok = class_get_write(t);
    else if (t->request.verb == WSMAN_ASK_IDENTIFY) ok = identify_write(t);
    else ok = main_write(t);
    return ok ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}
