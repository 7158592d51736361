#include "wsman/row_table.h"

#include "soap/names.h"
#include "wsman/config_tree.h"

enum field_kind {
    TEXT,
    BOOL,
    LIST,      /* an element for each word */
    FORGOTTEN, /* may be sent, must not be empty, is never kept */
};
struct field {
    const char *name;
    enum field_kind kind;
    bool key;
};
struct table {
    const char *uri, *element, *prefix, *ns;
    bool attributes; /* fields are attributes of the element */
    unsigned count;
    struct field fields[WSMAN_ROW_FIELDS];
};

static const struct table tables[WSMAN_TABLES] = {
    /* 2.2.4.3 */
    [WSMAN_TABLE_CERTMAPPING] = {
        WSMAN_CONFIG_URI "/service/certmapping", "CertMapping", "cert", WSMAN_CONFIG_URI "/service/certmapping", false, 6, {
            [WSMAN_MAPPING_URI] = { "URI", TEXT, true },
            [WSMAN_MAPPING_SUBJECT] = { "Subject", TEXT, true },
            [WSMAN_MAPPING_ISSUER] = { "Issuer", TEXT, true },
            [WSMAN_MAPPING_USER] = { "UserName", TEXT, false },
            [WSMAN_MAPPING_ENABLED] = { "Enabled", BOOL, false },
            [WSMAN_MAPPING_PASSWORD] = { "Password", FORGOTTEN, false },
        } },
    /* 2.2.4.30 */
    [WSMAN_TABLE_SECURITY] = {
        WSMAN_CONFIG_URI "/service/security", "Security", "cfg", WSMAN_CONFIG_URI "/PluginConfiguration", true, 3, {
            [WSMAN_SECURITY_URI] = { "Uri", TEXT, true },
            [WSMAN_SECURITY_SDDL] = { "Sddl", TEXT, false },
            [WSMAN_SECURITY_EXACT] = { "ExactMatch", BOOL, false },
        } },
    /* 2.2.4.19 */
    [WSMAN_TABLE_LISTENER] = {
        WSMAN_CONFIG_URI "/listener", "Listener", "cfg", WSMAN_CONFIG_URI, false, 8, {
            [WSMAN_LISTENER_ADDRESS] = { "Address", TEXT, true },
            [WSMAN_LISTENER_TRANSPORT] = { "Transport", TEXT, true },
            [WSMAN_LISTENER_PORT] = { "Port", TEXT, false },
            [WSMAN_LISTENER_HOSTNAME] = { "Hostname", TEXT, false },
            [WSMAN_LISTENER_ENABLED] = { "Enabled", BOOL, false },
            [WSMAN_LISTENER_PREFIX] = { "URLPrefix", TEXT, false },
            [WSMAN_LISTENER_THUMBPRINT] = { "CertificateThumbprint", TEXT, false },
            [WSMAN_LISTENER_ON] = { "ListeningOn", LIST, false },
        } },
};

enum wsman_table row_table_find(struct slice uri)
{
    enum wsman_table t = 0;
    while (t < WSMAN_TABLES && !slice_ieq(uri, slice_str(tables[t].uri))) t++;
    return t;
}

bool row_same_key(enum wsman_table t, const struct wsman_row *x, const struct wsman_row *y)
{
    for (unsigned i = 0; i < tables[t].count; i++)
        if (tables[t].fields[i].key && !slice_ieq(x->field[i], y->field[i])) return false;
    return true;
}

/* --- reading ---------------------------------------------------------------------------------- */

static cimf_status refuse(struct error *e, cimf_status status, struct slice name, const char *why)
{
    error_set(e, status, "wsman", SLICE_FMT " %s", SLICE_ARG(slice_head(name, 80)), why);
    error_subject(e, slice_head(name, 80));
    return status;
}

static int find_field(const struct table *t, struct slice name, bool any_case)
{
    for (unsigned i = 0; i < t->count; i++) {
        struct slice own = slice_str(t->fields[i].name);
        if (any_case ? slice_ieq(name, own) : slice_eq(name, own)) return (int)i;
    }
    return -1;
}

static cimf_status check_keys(const struct table *t, const struct wsman_row *row, struct error *e)
{
    for (unsigned i = 0; i < t->count; i++)
        if (t->fields[i].key && !row->field[i].n)
            return refuse(e, CIMF_WSMAN_SELECTORS_MISSING, slice_str(t->fields[i].name), "must be said: it is a key");
    return CIMF_OK;
}

cimf_status row_read_selectors(enum wsman_table which, const struct wsman_selectors *s, bool lax, struct wsman_row *row,
                               struct error *e)
{
    const struct table *t = &tables[which];
    *row = (struct wsman_row){ { SLICE_NULL } };
    for (uint32_t i = 0; i < s->n; i++) {
        int at = find_field(t, s->s[i].name, true);
        if (at < 0 || !t->fields[at].key)
            return refuse(e, CIMF_WSMAN_SELECTORS_UNEXPECTED, s->s[i].name, "is no selector of this resource");
        if (s->s[i].epr) return refuse(e, CIMF_WSMAN_SELECTOR_TYPE, s->s[i].name, "is a text");
        row->field[at] = slice_trim(s->s[i].value);
    }
    return lax ? CIMF_OK : check_keys(t, row, e);
}

/* One field of a body. */
static cimf_status take(const struct table *t, struct slice name, struct slice text, bool seen[WSMAN_ROW_FIELDS],
                        struct wsman_row *row, struct error *e)
{
    int at = find_field(t, name, false);
    struct slice value = slice_trim(text.p ? text : SLICE(""));
    bool yes;
    if (at < 0) return refuse(e, CIMF_WSMAN_SCHEMA_VALIDATION, name, "is nothing that this resource has");
    const struct field *f = &t->fields[at];
    if (seen[at] && f->kind != LIST) return refuse(e, CIMF_WSMAN_SCHEMA_VALIDATION, name, "is there twice");
    seen[at] = true;
    if (f->kind == FORGOTTEN) return value.n ? CIMF_OK : refuse(e, CIMF_WSMAN_SCHEMA_VALIDATION, name, "is empty");
    if (f->kind == BOOL) {
        if (!xml_bool(value, &yes)) return refuse(e, CIMF_WSMAN_SCHEMA_VALIDATION, name, "is neither true nor false");
        value = yes ? SLICE("true") : SLICE("false");
    }
    if (f->key && row->field[at].n && !slice_ieq(row->field[at], value))
        return refuse(e, CIMF_WSMAN_KEYS_CHANGED, name, "is another one than the selector's");
    row->field[at] = value;
    return CIMF_OK;
}

/* 2.2.4.30 and its example disagree on the namespace of Security. */
static bool is_element(const struct table *t, const struct xml_node *n)
{
    if (!n || !slice_is(n->name, t->element)) return false;
    return slice_is(n->uri, t->ns) || (t->attributes && n->ns == NS_CFG);
}

cimf_status row_read_body(enum wsman_table which, const struct xml_node *n, struct wsman_row *row, struct error *e)
{
    const struct table *t = &tables[which];
    bool seen[WSMAN_ROW_FIELDS] = { false };
    cimf_status status = CIMF_OK;
    if (!is_element(t, n))
        return error_set(e, CIMF_WSMAN_SCHEMA_VALIDATION, "wsman", "the body is not a %s of %s", t->element, t->ns);
    if (t->attributes && xml_first(n))
        return refuse(e, CIMF_WSMAN_SCHEMA_VALIDATION, xml_first(n)->name, "is an element; only attributes are known");
    for (unsigned i = 0; t->attributes && i < n->attr_count && status == CIMF_OK; i++)
        if (!n->attrs[i].uri.n) status = take(t, n->attrs[i].name, n->attrs[i].value, seen, row, e);
    for (const struct xml_node *c = t->attributes ? NULL : xml_first(n); c && status == CIMF_OK; c = xml_next(c)) {
        if (xml_first(c)) status = refuse(e, CIMF_WSMAN_SCHEMA_VALIDATION, c->name, "holds elements");
        else if (!slice_eq(c->uri, n->uri)) status = refuse(e, CIMF_WSMAN_SCHEMA_VALIDATION, c->name, "is of another namespace");
        else status = take(t, c->name, c->text, seen, row, e);
    }
    return status == CIMF_OK ? check_keys(t, row, e) : status;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void write_element(struct buf *out, const struct table *t, const struct field *f, struct slice value)
{
    buf_printf(out, "<%s:%s>", t->prefix, f->name);
    xml_escape(out, value);
    buf_printf(out, "</%s:%s>", t->prefix, f->name);
}

static void write_words(struct buf *out, const struct table *t, const struct field *f, struct slice words)
{
    while (words.p && words.n) {
        struct slice one = slice_split(words, ' ', &words);
        if (one.n) write_element(out, t, f, one);
    }
}

bool row_write(struct buf *out, enum wsman_table which, const struct wsman_row *row)
{
    const struct table *t = &tables[which];
    buf_printf(out, "<%s:%s xmlns:%s=\"%s\" xml:lang=\"en-US\"", t->prefix, t->element, t->prefix, t->ns);
    for (unsigned i = 0; t->attributes && i < t->count; i++) {
        if (!row->field[i].p) continue;
        buf_printf(out, " %s=\"", t->fields[i].name);
        xml_escape_attr(out, row->field[i]);
        buf_byte(out, '"');
    }
    if (t->attributes) return buf_lit(out, "/>");
    buf_byte(out, '>');
    for (unsigned i = 0; i < t->count; i++) {
        const struct field *f = &t->fields[i];
        if (f->kind == FORGOTTEN || !row->field[i].p) continue;
        if (f->kind == LIST) write_words(out, t, f, row->field[i]);
        else write_element(out, t, f, row->field[i]);
    }
    return buf_printf(out, "</%s:%s>", t->prefix, t->element);
}

bool row_write_epr(struct buf *out, enum wsman_table which, const struct wsman_row *row)
{
    const struct table *t = &tables[which];
    buf_printf(out, "<a:Address>" SOAP_ANONYMOUS "</a:Address><a:ReferenceParameters><w:ResourceURI>%s</w:ResourceURI>"
                    "<w:SelectorSet>", t->uri);
    for (unsigned i = 0; i < t->count; i++) {
        if (!t->fields[i].key) continue;
        buf_printf(out, "<w:Selector Name=\"%s\">", t->fields[i].name);
        xml_escape(out, row->field[i]);
        buf_lit(out, "</w:Selector>");
    }
    return buf_lit(out, "</w:SelectorSet></a:ReferenceParameters>");
}
