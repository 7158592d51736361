#include "codec/xml.h"

static struct xml_node *element_from(struct xml_node *n)
{
    while (n && n->kind != XML_ELEMENT) n = n->next;
    return n;
}

struct xml_node *xml_first(const struct xml_node *n)
{
    return n ? element_from(n->child) : NULL;
}

struct xml_node *xml_next(const struct xml_node *n)
{
    return element_from(n->next);
}

struct xml_node *xml_child(const struct xml_node *n, unsigned ns, const char *name)
{
    for (struct xml_node *c = xml_first(n); c; c = xml_next(c)) {
        if (xml_is(c, ns, name)) return c;
    }
    return NULL;
}

struct xml_node *xml_child_any(const struct xml_node *n, const char *name)
{
    for (struct xml_node *c = xml_first(n); c; c = xml_next(c)) {
        if (slice_is(c->name, name)) return c;
    }
    return NULL;
}

const struct xml_attr *xml_attr(const struct xml_node *n, const char *name)
{
    for (unsigned i = 0; i < n->attr_count; i++) {
        if (n->attrs[i].uri.n == 0 && slice_is(n->attrs[i].name, name)) return &n->attrs[i];
    }
    return NULL;
}

const struct xml_attr *xml_attr_ns(const struct xml_node *n, unsigned ns, const char *name)
{
    for (unsigned i = 0; i < n->attr_count; i++) {
        if (n->attrs[i].ns == ns && slice_is(n->attrs[i].name, name)) return &n->attrs[i];
    }
    return NULL;
}

struct slice xml_attr_value(const struct xml_node *n, const char *name)
{
    const struct xml_attr *a = xml_attr(n, name);
    return a ? a->value : SLICE("");
}

/* Next node in document order below top. */
static const struct xml_node *walk(const struct xml_node *n, const struct xml_node *top)
{
    if (n->child) return n->child;
    while (n != top && !n->next) n = n->parent;
    return n == top ? NULL : n->next;
}

struct slice xml_text(struct arena *a, const struct xml_node *n)
{
    if (!n->child) return n->text;
    size_t total = 0;
    for (const struct xml_node *c = n; c; c = walk(c, n)) total += c->text.n;
    char *p = arena_alloc(a, total + 1);
    if (!p) return SLICE_NULL;
    size_t at = 0;
    for (const struct xml_node *c = n; c; c = walk(c, n)) {
        if (c->text.n) memcpy(p + at, c->text.p, c->text.n);
        at += c->text.n;
    }
    p[at] = 0;
    return slice_of(p, at);
}

struct slice xml_prefix_uri(const struct xml_node *n, struct slice prefix)
{
    for (; n; n = n->parent) {
        for (unsigned i = 0; i < n->ns_count; i++) {
            if (slice_eq(n->nss[i].prefix, prefix)) return n->nss[i].uri;
        }
    }
    return SLICE_NULL;
}

bool xml_qname(const struct xml_node *n, struct slice text, struct slice *uri, struct slice *local)
{
    struct slice rest, head = slice_split(slice_trim(text), ':', &rest);
    bool prefixed = rest.p != NULL;
    *local = prefixed ? rest : head;
    *uri = xml_prefix_uri(n, prefixed ? head : SLICE(""));
    bool known = uri->p != NULL;
    if (!known) *uri = SLICE("");
    return known || !prefixed;
}

bool xml_bool(struct slice text, bool *value)
{
    text = slice_trim(text);
    if (slice_is(text, "1") || slice_ieq(text, SLICE("true"))) *value = true;
    else if (slice_is(text, "0") || slice_ieq(text, SLICE("false"))) *value = false;
    else return false;
    return true;
}
