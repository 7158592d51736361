/* The items of an enumeration and the replies that carry them. */
#include "wsman/row_source.h"
#include "wsman/row_table.h"
#include "wsman/server_priv.h"

bool wsman_item_matches(const struct wsman_context *x, const struct cim_object *o)
{
    if (x->match_count == 0) return true;
    const struct cim_instance *in = cim_as_instance(o);
    for (uint32_t i = 0; i < x->match_count; i++) {
        const struct wsman_match *m = &x->matches[i];
        int at = in ? cim_class_property(in->cls, m->name) : -1;
        union cim_data v;
        if (at < 0 || in->cls->properties[at].type != m->type || !cim_get(in, (unsigned)at, &v)) return false;
        bool same = m->type == CIM_STRING ? slice_ieq(v.s, m->value.s) : cim_data_equal(m->type, &v, &m->value);
        if (!same) return false;
    }
    return true;
}

static bool epr_write(struct wsman_call *c, const struct cim_instance *in)
{
    struct cim_path path;
    if (!in || cim_path_of(&c->arena, in, &path, NULL) != CIMF_OK) return false;
    if (slice_ieq(path.ns, c->codec.ns)) path.ns = SLICE("");
    buf_lit(&c->items, "<a:EndpointReference>");
    wsman_epr_write(&c->items, &c->codec, &path, 0);
    return buf_lit(&c->items, "</a:EndpointReference>");
}

static bool class_epr_write(struct wsman_call *c, const struct cim_class *cls)
{
    if (!cls) return false;
    struct buf *out = &c->items;
    buf_lit(out, "<a:EndpointReference><a:Address>" SOAP_ANONYMOUS "</a:Address><a:ReferenceParameters>"
                 "<w:ResourceURI>");
    buf_slice_add(out, soap_symbol(SOAP_WSMV, SYM_URI_CIMXML));
    buf_lit(out, "*</w:ResourceURI><w:SelectorSet><w:Selector Name=\"__cimnamespace\">");
    xml_escape(out, c->codec.ns);
    buf_lit(out, "</w:Selector><w:Selector Name=\"ClassName\">");
    xml_escape(out, cls->name);
    return buf_lit(out, "</w:Selector></w:SelectorSet></a:ReferenceParameters></a:EndpointReference>");
}

static bool row_item_write(struct wsman_call *c, const struct wsman_context *x, const struct wsman_row *row)
{
    struct buf *out = &c->items;
    if (x->items == WSMAN_ITEMS_BOTH) buf_lit(out, "<w:Item>");
    if (x->items != WSMAN_ITEMS_EPR) row_write(out, x->table, row);
    if (x->items == WSMAN_ITEMS_OBJECT) return buf_ok(out);
    buf_lit(out, "<a:EndpointReference>");
    row_write_epr(out, x->table, row);
    buf_lit(out, "</a:EndpointReference>");
    if (x->items == WSMAN_ITEMS_BOTH) buf_lit(out, "</w:Item>");
    return buf_ok(out);
}

bool wsman_item_write(struct wsman_call *c, const struct wsman_context *x, const struct cim_object *o)
{
    if (x->rows) return row_item_write(c, x, row_of(o));
    const struct cim_instance *in = cim_as_instance(o);
    const struct cim_class *cls = cim_as_class(o);
    switch (x->items) {
    case WSMAN_ITEMS_OBJECT:
        /* A schema query answers with classes. */
        return in ? wsman_instance_write(&c->items, &c->codec, in)
                  : cls && wsman_class_write(&c->items, cls, WSMAN_CLASS_QUALIFIERS | WSMAN_CLASS_INHERITED);
    case WSMAN_ITEMS_EPR: return epr_write(c, in);
    case WSMAN_ITEMS_BOTH:
        buf_lit(&c->items, "<w:Item>");
        return in && wsman_instance_write(&c->items, &c->codec, in) && epr_write(c, in) &&
               buf_lit(&c->items, "</w:Item>");
    case WSMAN_ITEMS_CLASS: return cls && wsman_class_write(&c->items, cls, x->class_flags);
    case WSMAN_ITEMS_CLASS_EPR: return class_epr_write(c, cls);
    }
    return false;
}

static void context_write(struct wsman_call *c, const struct wsman_context *x, bool last)
{
    buf_lit(&c->out, "<n:EnumerationContext>");
    if (!last) {
        buf_lit(&c->out, "uuid:");
        buf_str(&c->out, x->id);
    }
    buf_lit(&c->out, "</n:EnumerationContext>");
}

/* Items and EndOfSequence are of the w namespace in an optimized Enumerate, of n in a Pull. */
static void enumerate_reply(struct wsman_call *c, struct wsman_context *x, bool last)
{
    wsman_reply_begin(c, SLICE_NULL, 1u << NS_N);
    buf_lit(&c->out, "<n:EnumerateResponse>");
    context_write(c, x, last);
    bool items = c->optimized && c->item_count > 0;
    if (items) buf_lit(&c->out, "<w:Items>");
    size_t split = c->out.n;
    if (items) buf_lit(&c->out, "</w:Items>");
    if (last) buf_lit(&c->out, "<w:EndOfSequence/>");
    buf_lit(&c->out, "</n:EnumerateResponse>");
    soap_end(&c->out);
    wsman_reply_send(c, split);
}

static void pull_reply(struct wsman_call *c, struct wsman_context *x, bool last)
{
    wsman_reply_begin(c, SLICE_NULL, 1u << NS_N);
    buf_lit(&c->out, "<n:PullResponse>");
    if (!last) context_write(c, x, false);
    buf_lit(&c->out, "<n:Items>");
    size_t split = c->out.n;
    buf_lit(&c->out, "</n:Items>");
    if (last) buf_lit(&c->out, "<n:EndOfSequence/>");
    buf_lit(&c->out, "</n:PullResponse>");
    soap_end(&c->out);
    wsman_reply_send(c, split);
}

void wsman_items_reply(struct wsman_call *c, struct wsman_context *x, bool last)
{
    if (c->verb != WSMAN_PULL) enumerate_reply(c, x, last);
    else if (last || c->item_count) pull_reply(c, x, last);
    else wsman_reply_fault(c, CIMF_WSMAN_TIMED_OUT, NULL); /* the context stays (2150858793) */
}
