#include "codec/xml.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlerror.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/limits.h"

enum {
    LARGE = 8192,          /* from here on a document is scanned for absurd tags first */
    DICT_LIMIT = 64 << 10, /* bytes of names that a parser may collect before it is replaced */
    SCOPE_LIMIT = 512,     /* namespace declarations in scope */
};

struct level {
    struct xml_node *node, *last; /* the open element and its newest child */
    uint16_t ns_count;
};

/* One per thread; the libxml2 context and the text buffer are reused from document to document. */
struct reader {
    xmlParserCtxtPtr ctx;
    struct buf text;       /* character data since the last tag */
    struct arena *arena;
    const struct xml_vocabulary *vocabulary;
    struct xml_node *root;
    struct error *error;
    cimf_status status;
    size_t nodes;
    unsigned depth, scope;
    struct level level[LIMIT_XML_DEPTH];
    const xmlChar *last_uri; /* of libxml2's dictionary: equal pointers mean equal names */
    struct slice last_uri_text;
    uint16_t last_uri_ns;
};

static pthread_key_t reader_key;
static pthread_once_t reader_once = PTHREAD_ONCE_INIT;
static bool reader_key_made;

static void reader_free(void *arg)
{
    struct reader *r = arg;
    if (r->ctx) xmlFreeParserCtxt(r->ctx);
    buf_free(&r->text);
    free(r);
}

static void reader_init(void)
{
    xmlInitParser();
    reader_key_made = pthread_key_create(&reader_key, reader_free) == 0;
}

static struct slice slice_of_xml(const xmlChar *z)
{
    return slice_str((const char *)z);
}

static void stop(struct reader *r, cimf_status status, const char *text)
{
    if (r->status == CIMF_OK) {
        r->status = error_set(r->error, status, "xml", "%s", text);
        if (r->ctx->input) {
            error_place(r->error, (unsigned)r->ctx->input->line, (unsigned)r->ctx->input->col);
        }
    }
    xmlStopParser(r->ctx);
}

static uint16_t vocabulary_find(const struct xml_vocabulary *v, struct slice uri)
{
    for (uint16_t i = 0; v && i < v->count; i++) {
        if (slice_eq(v->uri[i], uri)) return (uint16_t)(i + 1);
    }
    return 0;
}

/* Neighbouring elements share their namespace: remember the last one. */
static uint16_t resolve(struct reader *r, const xmlChar *uri, struct slice *text)
{
    if (!uri) {
        *text = SLICE("");
        return 0;
    }
    if (uri != r->last_uri) {
        struct slice given = slice_of_xml(uri);
        uint16_t ns = vocabulary_find(r->vocabulary, given);
        r->last_uri_text = ns ? r->vocabulary->uri[ns - 1] : arena_dup(r->arena, given);
        r->last_uri_ns = ns;
        r->last_uri = uri;
    }
    *text = r->last_uri_text;
    return r->last_uri_ns;
}

static bool blank(struct slice s)
{
    return slice_trim(s).n == 0;
}

static struct xml_node *append(struct reader *r, struct level *parent)
{
    if (++r->nodes > LIMIT_XML_NODES) {
        stop(r, CIMF_QUOTA_VIOLATION, "the document has too many elements");
        return NULL;
    }
    struct xml_node *n = ARENA_NEW(r->arena, struct xml_node);
    if (!n) {
        stop(r, CIMF_OUT_OF_MEMORY, "the document needs more memory than a request may take");
        return NULL;
    }
    if (parent) {
        n->parent = parent->node;
        if (parent->last) parent->last->next = n;
        else parent->node->child = n;
        parent->last = n;
    }
    return n;
}

/* Character data stays in the element while it has no children, else it becomes text nodes. */
static void text_node(struct reader *r, struct level *at, struct slice text)
{
    struct xml_node *n = append(r, at);
    if (!n) return;
    n->kind = XML_TEXT;
    n->text = text;
}

static void flush_text(struct reader *r, bool child_follows)
{
    if (r->text.n == 0 || r->depth == 0) {
        r->text.n = 0;
        return;
    }
    struct level *at = &r->level[r->depth - 1];
    struct slice run = buf_slice(&r->text);
    bool alone = !at->last && !child_follows;
    if (alone || !blank(run)) {
        struct slice kept = arena_dup(r->arena, run);
        if (!kept.p) stop(r, CIMF_OUT_OF_MEMORY, "the document needs more memory than a request may take");
        else if (alone) at->node->text = kept;
        else text_node(r, at, kept);
    }
    r->text.n = 0;
}

static bool read_namespaces(struct reader *r, struct xml_node *n, int count, const xmlChar **given)
{
    if (count == 0) return true;
    if (r->scope + (unsigned)count > SCOPE_LIMIT) {
        stop(r, CIMF_QUOTA_VIOLATION, "too many namespace declarations");
        return false;
    }
    struct xml_ns *nss = ARENA_ARRAY(r->arena, (size_t)count, struct xml_ns);
    if (!nss) return false;
    for (int i = 0; i < count; i++) {
        const xmlChar *prefix = given[2 * i], *uri = given[2 * i + 1];
        nss[i].prefix = prefix ? arena_dup(r->arena, slice_of_xml(prefix)) : SLICE("");
        struct slice text = uri ? slice_of_xml(uri) : SLICE("");
        uint16_t known = vocabulary_find(r->vocabulary, text);
        nss[i].uri = known ? r->vocabulary->uri[known - 1] : arena_dup(r->arena, text);
    }
    n->nss = nss;
    n->ns_count = (uint16_t)count;
    return true;
}

/* libxml2 leaves each & of an attribute's value, however it was written, as &#38;. */
static struct slice attribute_value(struct arena *a, struct slice given)
{
    static const struct slice amp = SLICE("&#38;");
    struct slice out = arena_dup(a, given);
    char *to = (char *)out.p;
    for (size_t i = 0; to && i < given.n; i++) {
        *to++ = given.p[i];
        if (slice_starts(slice_sub(given, i), amp)) i += amp.n - 1;
    }
    if (to) {
        *to = 0;
        out.n = (size_t)(to - out.p);
    }
    return out;
}

static bool read_attributes(struct reader *r, struct xml_node *n, int count, const xmlChar **given)
{
    if (count == 0) return true;
    if (count > LIMIT_XML_ATTRIBUTES) {
        stop(r, CIMF_QUOTA_VIOLATION, "an element has too many attributes");
        return false;
    }
    struct xml_attr *attrs = ARENA_ARRAY(r->arena, (size_t)count, struct xml_attr);
    if (!attrs) return false;
    for (int i = 0; i < count; i++) {
        const xmlChar **at = given + 5 * i; /* local name, prefix, URI, value, end of value */
        attrs[i].name = arena_dup(r->arena, slice_of_xml(at[0]));
        attrs[i].ns = resolve(r, at[2], &attrs[i].uri);
        attrs[i].value = attribute_value(r->arena, slice_of((const char *)at[3], (size_t)(at[4] - at[3])));
        if (attrs[i].name.n > LIMIT_XML_NAME) {
            stop(r, CIMF_QUOTA_VIOLATION, "an attribute name is too long");
            return false;
        }
    }
    n->attrs = attrs;
    n->attr_count = (uint16_t)count;
    return true;
}

static void on_start(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                     int ns_count, const xmlChar **nss, int attr_count, int defaulted,
                     const xmlChar **attrs)
{
    struct reader *r = arg;
    if (r->status != CIMF_OK) return;
    flush_text(r, true);
    if (r->depth == LIMIT_XML_DEPTH) {
        stop(r, CIMF_QUOTA_VIOLATION, "elements are nested too deeply");
        return;
    }
    struct level *parent = r->depth ? &r->level[r->depth - 1] : NULL;
    /* White space kept as text of a parent that turns out to have children is dropped by flush_text. */
    struct xml_node *n = append(r, parent);
    if (!n) return;
    n->kind = XML_ELEMENT;
    n->line = r->ctx->input ? (uint32_t)r->ctx->input->line : 0;
    struct slice local = slice_of_xml(name);
    if (local.n > LIMIT_XML_NAME) {
        stop(r, CIMF_QUOTA_VIOLATION, "an element name is too long");
        return;
    }
    n->name = arena_dup(r->arena, local);
    n->ns = resolve(r, uri, &n->uri);
    if (!r->root) r->root = n;
    r->level[r->depth] = (struct level){ .node = n, .ns_count = (uint16_t)ns_count };
    r->depth++;
    bool ok = read_namespaces(r, n, ns_count, nss) && read_attributes(r, n, attr_count, attrs);
    r->scope += (unsigned)ns_count;
    if (!ok || r->arena->overflow) {
        stop(r, CIMF_OUT_OF_MEMORY, "the document needs more memory than a request may take");
    }
}

static void on_end(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    struct reader *r = arg;
    if (r->status != CIMF_OK || r->depth == 0) return;
    flush_text(r, false);
    r->depth--;
    r->scope -= r->level[r->depth].ns_count;
}

static void on_text(void *arg, const xmlChar *p, int n)
{
    struct reader *r = arg;
    if (r->status != CIMF_OK) return;
    if (!buf_add(&r->text, p, (size_t)n)) {
        stop(r, CIMF_OUT_OF_MEMORY, "a text is too long");
    }
}

static void on_doctype(void *arg, const xmlChar *name, const xmlChar *id, const xmlChar *system)
{
    stop(arg, CIMF_INVALID_SYNTAX, "a DOCTYPE is not allowed");
}

static void on_error(void *arg, xmlErrorPtr error)
{
    struct reader *r = arg;
    if (r->status != CIMF_OK || error->level < XML_ERR_ERROR) return;
    struct slice text = slice_trim(slice_str(error->message));
    r->status = error_set(r->error, CIMF_INVALID_SYNTAX, "xml", SLICE_FMT, SLICE_ARG(text));
    error_place(r->error, (unsigned)(error->line > 0 ? error->line : 1),
                (unsigned)(error->int2 > 0 ? error->int2 : 0));
    xmlStopParser(r->ctx);
}

static xmlSAXHandler handler = {
    .initialized = XML_SAX2_MAGIC,
    .startElementNs = on_start,
    .endElementNs = on_end,
    .characters = on_text,
    .ignorableWhitespace = on_text,
    .cdataBlock = on_text,
    .internalSubset = on_doctype,
    .serror = on_error,
};

static struct reader *reader_get(void)
{
    pthread_once(&reader_once, reader_init);
    if (!reader_key_made) return NULL;
    struct reader *r = pthread_getspecific(reader_key);
    if (!r) {
        r = calloc(1, sizeof *r);
        if (!r) return NULL;
        buf_init(&r->text, 0);
        if (pthread_setspecific(reader_key, r) != 0) {
            reader_free(r);
            return NULL;
        }
    }
    if (r->ctx && xmlDictGetUsage(r->ctx->dict) > DICT_LIMIT) {
        xmlFreeParserCtxt(r->ctx); /* peers choose the names that pile up in it */
        r->ctx = NULL;
    }
    if (!r->ctx) r->ctx = xmlCreatePushParserCtxt(&handler, r, NULL, 0, NULL);
    return r->ctx ? r : NULL;
}

/* libxml2 compares every attribute of a tag with every other before it asks us: refuse tags with an
 * absurd number of them in documents large enough for that to matter. Text between tags is skipped at
 * the speed of memchr. Comments, CDATA and instructions are skipped whole; what is malformed is left to
 * the parser. */
static const char *skip_until(const char *p, const char *end, const char *mark)
{
    const char *at = memmem(p, (size_t)(end - p), mark, strlen(mark));
    return at ? at + strlen(mark) : end;
}

static bool tags_bounded(struct slice text)
{
    const char *p = text.p, *end = text.p + text.n;
    while (p < end && (p = memchr(p, '<', (size_t)(end - p)))) {
        struct slice rest = slice_of(p, (size_t)(end - p));
        if (slice_starts(rest, SLICE("<!--"))) {
            p = skip_until(p + 4, end, "-->");
        } else if (slice_starts(rest, SLICE("<![CDATA["))) {
            p = skip_until(p, end, "]]>");
        } else if (slice_starts(rest, SLICE("<?"))) {
            p = skip_until(p, end, "?>");
        } else {
            unsigned count = 0;
            for (p++; p < end && *p != '>' && *p != '<'; p++) {
                if (*p != '"' && *p != '\'') continue;
                const char *close = memchr(p + 1, *p, (size_t)(end - p - 1));
                if (!close) return true;
                p = close;
                if (++count > 2 * LIMIT_XML_ATTRIBUTES) return false;
            }
        }
    }
    return true;
}

static cimf_status run(struct reader *r, struct slice text)
{
    if (xmlCtxtResetPush(r->ctx, NULL, 0, NULL, NULL) != 0) return CIMF_OUT_OF_MEMORY;
    xmlCtxtUseOptions(r->ctx, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
    r->ctx->userData = r;
    /* The first four bytes alone: libxml2 looks for the encoding in them. */
    size_t first = text.n < 4 ? text.n : 4;
    xmlParseChunk(r->ctx, text.p, (int)first, 0);
    if (r->status == CIMF_OK) xmlParseChunk(r->ctx, text.p + first, (int)(text.n - first), 1);
    if (r->status != CIMF_OK) return r->status;
    if (!r->ctx->wellFormed || !r->ctx->nsWellFormed || !r->root || r->depth != 0) {
        return error_set(r->error, CIMF_INVALID_SYNTAX, "xml", "the document is not complete");
    }
    return CIMF_OK;
}

cimf_status xml_read(struct arena *a, struct slice text, const struct xml_vocabulary *v,
                     struct xml_node **root, struct error *e)
{
    *root = NULL;
    if (text.n == 0) return error_set(e, CIMF_INVALID_SYNTAX, "xml", "the document is empty");
    if (text.n > INT32_MAX / 2) return error_set(e, CIMF_QUOTA_VIOLATION, "xml", "the document is too large");
    if (memchr(text.p, 0, text.n)) {
        return error_set(e, CIMF_INVALID_SYNTAX, "xml", "the document has a NUL character");
    }
    if (text.n > LARGE && !tags_bounded(text)) {
        return error_set(e, CIMF_QUOTA_VIOLATION, "xml", "an element has too many attributes");
    }
    struct reader *r = reader_get();
    if (!r) return error_set(e, CIMF_OUT_OF_MEMORY, "xml", "no memory for a parser");
    struct error local = ERROR_INIT;
    r->arena = a;
    r->vocabulary = v;
    r->root = NULL;
    r->error = e ? e : &local;
    r->status = CIMF_OK;
    r->nodes = 0;
    r->depth = r->scope = 0;
    r->last_uri = NULL;
    buf_clear(&r->text);
    cimf_status status = run(r, text);
    if (status != CIMF_OK) {
        xmlFreeParserCtxt(r->ctx); /* never reuse a parser that failed */
        r->ctx = NULL;
    } else {
        *root = r->root;
    }
    if (r->text.room > LARGE * 8) buf_free(&r->text);
    r->arena = NULL;
    r->error = NULL;
    return status;
}
