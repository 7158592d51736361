#include "codec/xml.h"

#include "base/utf.h"

/* What a byte needs: 0 nothing; 1 a replacement; 2 it starts or continues a multibyte character. */
static const uint8_t text_class[256] = {
    [0 ... 8] = 1, [9] = 0, [10] = 0, [11 ... 31] = 1, [127] = 0,
    ['&'] = 1, ['<'] = 1, ['>'] = 1, [0x80 ... 0xff] = 2,
};
static const uint8_t attr_class[256] = {
    [0 ... 31] = 1, ['&'] = 1, ['<'] = 1, ['>'] = 1, ['"'] = 1, [0x80 ... 0xff] = 2,
};

static bool replacement(struct buf *out, unsigned char c)
{
    switch (c) {
    case '&': return buf_lit(out, "&amp;");
    case '<': return buf_lit(out, "&lt;");
    case '>': return buf_lit(out, "&gt;");
    case '"': return buf_lit(out, "&quot;");
    case '\t': return buf_lit(out, "&#9;");
    case '\n': return buf_lit(out, "&#10;");
    case '\r': return buf_lit(out, "&#13;");
    default: return buf_byte(out, '?');
    }
}

static bool escape(struct buf *out, struct slice text, const uint8_t class[256])
{
    const char *p = text.p, *end = text.p + text.n, *run = p;
    while (p < end) {
        const unsigned char *u = (const unsigned char *)p;
        while (end - p >= 4 && !(class[u[0]] | class[u[1]] | class[u[2]] | class[u[3]])) u = (const unsigned char *)(p += 4);
        if (p == end) break;
        unsigned char c = *u;
        if (class[c] == 0) {
            p++;
            continue;
        }
        const char *next = p + 1;
        if (class[c] == 2) {
            bool valid = true;
            next = p;
            uint32_t cp = utf8_next(&next, end, false, &valid);
            if (valid && cp != 0xfffe && cp != 0xffff) {
                p = next;
                continue;
            }
            if (!valid && c == 0xed && end - p >= 3) next = p + 3; /* a surrogate kept as WTF-8 */
            c = 0;
        }
        buf_add(out, run, (size_t)(p - run));
        replacement(out, c);
        run = p = next;
    }
    return text.n == 0 || buf_add(out, run, (size_t)(end - run));
}

bool xml_escape(struct buf *out, struct slice text)
{
    return escape(out, text, text_class);
}

bool xml_escape_attr(struct buf *out, struct slice text)
{
    return escape(out, text, attr_class);
}

static void declare(struct buf *out, const struct xml_ns *ns)
{
    buf_lit(out, " xmlns:");
    buf_slice_add(out, ns->prefix);
    buf_lit(out, "=\"");
    xml_escape_attr(out, ns->uri);
    buf_byte(out, '"');
}

/* The outermost element declares every prefix in scope: values may use them too. */
static void declare_scope(struct buf *out, const struct xml_node *top)
{
    for (const struct xml_node *n = top; n; n = n->parent) {
        for (unsigned i = 0; i < n->ns_count; i++) {
            const struct xml_ns *ns = &n->nss[i];
            bool seen = ns->prefix.n == 0;
            for (const struct xml_node *m = top; m != n && !seen; m = m->parent) {
                for (unsigned k = 0; k < m->ns_count && !seen; k++) {
                    seen = slice_eq(m->nss[k].prefix, ns->prefix);
                }
            }
            if (!seen) declare(out, ns);
        }
    }
}

/* A prefix that means uri at n: reading made sure that an attribute's namespace has one. */
static struct slice prefix_for(const struct xml_node *n, struct slice uri)
{
    if (slice_is(uri, "http://www.w3.org/XML/1998/namespace")) return SLICE("xml");
    for (const struct xml_node *m = n; m; m = m->parent) {
        for (unsigned i = 0; i < m->ns_count; i++) {
            struct slice prefix = m->nss[i].prefix;
            if (prefix.n && slice_eq(m->nss[i].uri, uri) && slice_eq(xml_prefix_uri(n, prefix), uri)) {
                return prefix;
            }
        }
    }
    return SLICE("");
}

/* Elements keep their meaning without keeping prefixes: each states its namespace where it differs from
 * its parent's. */
static void open_tag(struct buf *out, const struct xml_node *n, bool top)
{
    buf_byte(out, '<');
    buf_slice_add(out, n->name);
    if (top || !slice_eq(n->parent->uri, n->uri)) {
        buf_lit(out, " xmlns=\"");
        xml_escape_attr(out, n->uri);
        buf_byte(out, '"');
    }
    if (top) declare_scope(out, n);
    for (unsigned i = 0; !top && i < n->ns_count; i++) {
        if (n->nss[i].prefix.n) declare(out, &n->nss[i]);
    }
    for (unsigned i = 0; i < n->attr_count; i++) {
        const struct xml_attr *a = &n->attrs[i];
        buf_byte(out, ' ');
        if (a->uri.n) {
            buf_slice_add(out, prefix_for(n, a->uri));
            buf_byte(out, ':');
        }
        buf_slice_add(out, a->name);
        buf_lit(out, "=\"");
        xml_escape_attr(out, a->value);
        buf_byte(out, '"');
    }
}

static void close_tag(struct buf *out, const struct xml_node *n)
{
    buf_lit(out, "</");
    buf_slice_add(out, n->name);
    buf_byte(out, '>');
}

bool xml_write_node(struct buf *out, const struct xml_node *top)
{
    const struct xml_node *n = top;
    for (;;) {
        if (n->kind == XML_TEXT) {
            xml_escape(out, n->text);
        } else {
            open_tag(out, n, n == top);
            if (n->child || n->text.n) {
                buf_byte(out, '>');
                xml_escape(out, n->text);
            } else {
                buf_lit(out, "/>");
            }
            if (n->child) {
                n = n->child;
                continue;
            }
            if (n->text.n) close_tag(out, n);
        }
        while (n != top && !n->next) {
            n = n->parent;
            close_tag(out, n);
        }
        if (n == top) return buf_ok(out);
        n = n->next;
    }
}
