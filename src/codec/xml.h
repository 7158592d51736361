/*
 * codec/xml.h - XML in and out.
 *
 * In: a namespace-aware reader on libxml2's SAX2 interface that builds a small tree in an arena. It
 * knows no entities but the five of XML, refuses every DOCTYPE, and is bounded in depth, nodes,
 * attributes and names (base/limits.h). It takes UTF-8; xml_decode makes that of what HTTP carried.
 * Out: escaping for text that is appended to a `struct buf`; documents are written by appending.
 */
#ifndef CODEC_XML_H
#define CODEC_XML_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

/* --- tree ------------------------------------------------------------------------------------- */

struct xml_attr {
    struct slice name;  /* local name */
    struct slice uri;   /* namespace, "" if none */
    struct slice value; /* entities resolved */
    uint16_t ns;        /* 1 + index of uri in the vocabulary, 0 otherwise */
};

struct xml_ns {
    struct slice prefix, uri; /* prefix "" for the default namespace; uri "" undeclares it */
};

enum xml_kind { XML_ELEMENT = 1, XML_TEXT };

struct xml_node {
    uint8_t kind;       /* enum xml_kind */
    uint16_t ns;        /* 1 + index of uri in the vocabulary, 0 otherwise */
    uint16_t attr_count, ns_count;
    uint32_t line;
    struct slice name;  /* local name */
    struct slice uri;   /* namespace, "" if none */
    struct slice text;  /* all character data of an element without child elements; of a text node */
    const struct xml_attr *attrs;
    const struct xml_ns *nss; /* declared on this element */
    struct xml_node *parent, *child, *next;
};

/* Namespaces that the caller wants as small numbers in xml_node.ns: number i + 1 for uri[i]. */
struct xml_vocabulary {
    const struct slice *uri;
    uint16_t count;
};

/* Parses a whole document; vocabulary may be NULL. The tree lives in the arena and does not borrow from
 * text. White space between elements is dropped; other text between elements becomes text nodes.
 * INVALID_SYNTAX with line and column: not well formed, not UTF-8, an undeclared prefix or entity, any
 * DOCTYPE; QUOTA_VIOLATION: a limit; OUT_OF_MEMORY: the arena's cap. */
cimf_status xml_read(struct arena *a, struct slice text, const struct xml_vocabulary *v,
                     struct xml_node **root, struct error *e);

/* First child element / next sibling element, text nodes skipped. NULL at the end. */
struct xml_node *xml_first(const struct xml_node *n);
struct xml_node *xml_next(const struct xml_node *n);
/* ns is a vocabulary number. */
static inline bool xml_is(const struct xml_node *n, unsigned ns, const char *name)
{
    return n->ns == ns && slice_is(n->name, name);
}
/* First child element of that namespace number and local name, or NULL. */
struct xml_node *xml_child(const struct xml_node *n, unsigned ns, const char *name);
/* Same by local name only, in any namespace. */
struct xml_node *xml_child_any(const struct xml_node *n, const char *name);
/* Attribute without a namespace; NULL if absent. */
const struct xml_attr *xml_attr(const struct xml_node *n, const char *name);
const struct xml_attr *xml_attr_ns(const struct xml_node *n, unsigned ns, const char *name);
/* Its value, "" if absent. */
struct slice xml_attr_value(const struct xml_node *n, const char *name);
/* All character data below n, concatenated (in the arena when there is more than one piece). */
struct slice xml_text(struct arena *a, const struct xml_node *n);
/* Namespace that a prefix means at this element ("" prefix: the default one); SLICE_NULL if none. */
struct slice xml_prefix_uri(const struct xml_node *n, struct slice prefix);
/* Splits QName content such as "p:Name_Type" and resolves its prefix at n; an undeclared prefix gives
 * uri "" and false. */
bool xml_qname(const struct xml_node *n, struct slice text, struct slice *uri, struct slice *local);
/* Text is true/1 (after trimming, any case). */
bool xml_bool(struct slice text, bool *value);

/* --- character sets --------------------------------------------------------------------------- */

enum xml_charset { XML_UTF8, XML_UTF16LE, XML_UTF16BE };

/* Turns an HTTP body into UTF-8 without a byte order mark. charset is the parameter of the content type
 * ("" when it was not given: then a byte order mark or the look of the first bytes decides); the header
 * wins over the XML declaration. *text borrows from body when nothing had to be converted.
 * WSMAN_CHARACTER_SET: another character set; INVALID_SYNTAX: broken UTF-16. */
cimf_status xml_decode(struct arena *a, struct slice body, struct slice charset, struct slice *text,
                       enum xml_charset *seen, struct error *e);

/* --- writing ---------------------------------------------------------------------------------- */

/* Element content: & < > escaped, CR as &#13;, other control characters, U+FFFE, U+FFFF, lone
 * surrogates and invalid bytes as '?' (MS-WSMV 3.1.4.1.25). */
bool xml_escape(struct buf *out, struct slice text);
/* Attribute value in double quotes: also " and TAB, LF, CR as character references. */
bool xml_escape_attr(struct buf *out, struct slice text);
/* Writes n and everything below it, declaring the namespaces it uses: for open content. */
bool xml_write_node(struct buf *out, const struct xml_node *n);

#endif
