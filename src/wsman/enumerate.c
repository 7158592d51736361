/* Enumerate, Pull and Release: what their bodies say. The machine behind them is context.c. */
#include "wsman/server_priv.h"

#include <stdlib.h>

#include "base/clock.h"
#include "wsman/row_source.h"
#include "wsman/row_table.h"

#define DIALECT_WQL "http://schemas.microsoft.com/wbem/wsman/1/WQL"
#define DIALECT_SELECTOR "http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter"

struct asking {
    struct wsman_context *x;
    const struct xml_node *filter;
    struct slice dialect;
    uint64_t max_elements; /* 0: not given */
    bool optimized;
};

static cimf_status body_is(struct wsman_call *c, const char *name, struct error *e)
{
    const struct xml_node *n = c->envelope.content;
    if (n && xml_is(n, NS_N, name)) return CIMF_OK;
    return error_set(e, CIMF_WSMAN_SCHEMA_VALIDATION, "wsman", "the body lacks the element %s of WS-Enumeration", name);
}

static cimf_status read_count(const struct xml_node *n, uint64_t *out, struct error *e)
{
    struct slice s = slice_trim(n->text);
    uint64_t v = 0;
    bool bad = s.n == 0;
    for (size_t i = s.n && s.p[0] == '+'; i < s.n && !bad; i++) {
        bad = s.p[i] < '0' || s.p[i] > '9';
        if (!bad) v = v > UINT32_MAX ? v : v * 10 + (uint64_t)(s.p[i] - '0');
    }
    if (bad || v == 0) {
        error_set(e, CIMF_WSMAN_MAX_ELEMENTS, "wsman", SLICE_FMT " must be a positive number", SLICE_ARG(n->name));
        error_subject(e, n->name);
        return CIMF_WSMAN_MAX_ELEMENTS;
    }
    *out = v;
    return CIMF_OK;
}

/* Checked, then not needed: the enumeration ends after EnumerationTimeoutms without a Pull. */
static cimf_status read_expires(const struct wsman_call *c, const struct xml_node *n, struct error *e)
{
    struct slice s = slice_trim(n->text);
    int64_t us;
    bool negative, months;
    if (duration_parse(s, &us, &negative, &months) && !negative && us > 0) return CIMF_OK;
    bool date = s.n > 10 && s.p[4] == '-' && slice_find(s, 'T') < s.n;
    if (date) {
        return error_set(e, CIMF_WSMAN_EXPIRATION_TYPE, "wsman", "an expiration time must be a duration");
    }
    return error_set(e, CIMF_WSMAN_INVALID_EXPIRATION, "wsman", "the expiration time is not valid");
}

static cimf_status read_mode(struct wsman_call *c, struct asking *ask, const struct xml_node *n, struct error *e)
{
    struct slice mode = slice_trim(n->text);
    bool classes = c->uri.kind == WSMAN_URI_CIMXML;
    if (slice_is(mode, "EnumerateEPR")) {
        ask->x->items = classes ? WSMAN_ITEMS_CLASS_EPR : WSMAN_ITEMS_EPR;
    } else if (slice_is(mode, "EnumerateObjectAndEPR") && !classes) {
        ask->x->items = WSMAN_ITEMS_BOTH;
    } else if (!slice_is(mode, "EnumerateObject")) {
        return error_set(e, CIMF_WSMAN_ENUMERATION_MODE, "wsman", "the enumeration mode " SLICE_FMT
                         " is not supported here", SLICE_ARG(slice_head(mode, 60)));
    }
    return CIMF_OK;
}

static cimf_status read_polymorphism(struct wsman_call *c, struct asking *ask, const struct xml_node *n,
                                     struct error *e)
{
    struct slice mode = slice_trim(n->text);
    if (c->server->config.ignore_polymorphism) return CIMF_OK;
    if (slice_is(mode, "IncludeSubClassProperties")) return CIMF_OK;
    if (slice_is(mode, "ExcludeSubClassProperties")) {
        ask->x->op.flags |= CIM_CAST_TO_BASE;
        return CIMF_OK;
    }
    if (slice_is(mode, "None")) {
        ask->x->op.flags |= CIM_EXACT_CLASS;
        return CIMF_OK;
    }
    return error_set(e, CIMF_WSMAN_POLYMORPHISM, "wsman", "the polymorphism mode " SLICE_FMT " is not known",
                     SLICE_ARG(slice_head(mode, 60)));
}

static cimf_status read_filter(struct asking *ask, const struct xml_node *n, struct error *e)
{
    if (ask->filter) {
        return error_set(e, CIMF_INVALID_QUERY, "wsman", "the request has two filters");
    }
    ask->filter = n;
    ask->dialect = slice_trim(xml_attr_value(n, "Dialect"));
    return CIMF_OK;
}

static cimf_status read_enumerate(struct wsman_call *c, struct asking *ask, struct error *e)
{
    cimf_status status = CIMF_OK;
    for (const struct xml_node *n = xml_first(c->envelope.content); n && status == CIMF_OK; n = xml_next(n)) {
        bool filter = slice_is(n->name, "Filter") && (n->ns == NS_N || n->ns == NS_W);
        if (filter) status = read_filter(ask, n, e);
        else if (xml_is(n, NS_N, "Expires")) status = read_expires(c, n, e);
        else if (xml_is(n, NS_W, "OptimizeEnumeration")) ask->optimized = true;
        else if (xml_is(n, NS_W, "MaxElements")) status = read_count(n, &ask->max_elements, e);
        else if (xml_is(n, NS_W, "EnumerationMode")) status = read_mode(c, ask, n, e);
        else if (xml_is(n, NS_B, "PolymorphismMode")) status = read_polymorphism(c, ask, n, e);
    }
    return status;
}

/* --- filters ---------------------------------------------------------------------------------- */

static cimf_status bad_filter(struct error *e, struct slice name, const char *why)
{
    error_set(e, CIMF_INVALID_QUERY, "wsman", "the filter on " SLICE_FMT " %s", SLICE_ARG(slice_head(name, 100)), why);
    error_subject(e, name);
    return CIMF_INVALID_QUERY;
}

/* Values are typed by the class and compared as values, never pasted into a query (pitfall 13). */
static cimf_status selector_filter(struct wsman_call *c, struct asking *ask, struct error *e)
{
    struct wsman_context *x = ask->x;
    struct wsman_selectors set;
    const struct xml_node *node = xml_child(ask->filter, NS_W, "SelectorSet");
    if (!c->cls) return error_set(e, CIMF_WSMAN_FILTER_DIALECT, "wsman", "a Selector filter needs a class resource URI");
    if (!node) return error_set(e, CIMF_INVALID_QUERY, "wsman", "the Selector filter has no SelectorSet");
    cimf_status status = wsman_selectors_read(&x->arena, node, &set, e);
    if (status != CIMF_OK) {
        e->status = CIMF_INVALID_QUERY;
        return status == CIMF_OUT_OF_MEMORY ? status : CIMF_INVALID_QUERY;
    }
    struct wsman_match *list = ARENA_ARRAY(&x->arena, set.n + 1, struct wsman_match);
    if (!list) return CIMF_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < set.n; i++) {
        struct slice name = set.s[i].name, value = set.s[i].value;
        int at = cim_class_property(c->cls, name);
        if (at < 0) return bad_filter(e, name, "names no property of the class");
        unsigned type = c->cls->properties[at].type;
        if (CIM_IS_ARRAY(type) || type == CIM_DATETIME || type == CIM_REFERENCE || type == CIM_OBJECT || set.s[i].epr) {
            return bad_filter(e, name, "is on a type that a Selector filter cannot compare");
        }
        if (slice_find(value, '\'') < value.n || slice_find(value, '"') < value.n) {
            return bad_filter(e, name, "has a quote in its value");
        }
        list[i].name = c->cls->properties[at].name;
        list[i].type = type;
        if (type == CIM_STRING) list[i].value.s = arena_dup(&x->arena, value);
        else if (cim_data_parse(&x->arena, type, value, &list[i].value) != CIMF_OK) {
            return bad_filter(e, name, "has a value of the wrong type");
        }
    }
    x->matches = list;
    x->match_count = set.n;
    return CIMF_OK;
}

static cimf_status wql_filter(struct wsman_call *c, struct asking *ask, struct error *e)
{
    struct wsman_context *x = ask->x;
    if (!c->uri.all) {
        return error_set(e, CIMF_WSMAN_ALL_CLASSES_FILTER, "wsman", "%s",
                         cimf_status_info(CIMF_WSMAN_ALL_CLASSES_FILTER)->text);
    }
    x->op.verb = CIM_OP_QUERY;
    x->op.language = SLICE("WQL");
    x->op.query = arena_dup(&x->arena, slice_trim(xml_text(&x->arena, ask->filter)));
    if (x->items != WSMAN_ITEMS_OBJECT) x->op.flags |= CIM_ENSURE_LOCATABLE;
    return x->op.query.p ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}

static cimf_status apply_filter(struct wsman_call *c, struct asking *ask, struct error *e)
{
    if (!ask->filter) {
        if (!c->uri.all || c->uri.kind == WSMAN_URI_CIMXML) return CIMF_OK;
        return error_set(e, CIMF_WSMAN_FILTERING_REQUIRED, "wsman", "%s",
                         cimf_status_info(CIMF_WSMAN_FILTERING_REQUIRED)->text);
    }
    if (!c->plugin->filtering) {
        return error_set(e, CIMF_WSMAN_FILTERING_NOT_SUPPORTED, "wsman", "the resource does not support filters");
    }
    if (slice_ieq(ask->dialect, SLICE(DIALECT_WQL))) return wql_filter(c, ask, e);
    if (slice_ieq(ask->dialect, SLICE(DIALECT_SELECTOR))) return selector_filter(c, ask, e);
    return error_set(e, CIMF_WSMAN_FILTER_DIALECT, "wsman", "the filter dialect " SLICE_FMT " is not supported; use "
                     DIALECT_WQL, SLICE_ARG(slice_head(ask->dialect.n ? ask->dialect : SLICE("XPath"), 120)));
}

/* --- Enumerate -------------------------------------------------------------------------------- */

/* A table of the configuration: its rows instead of the object manager's instances. */
static cimf_status prepare_rows(struct wsman_call *c, struct wsman_context *x, struct error *e)
{
    x->rows = true;
    x->table = row_table_find(c->uri.text);
    x->manager = row_source_new(&x->arena, c->server->config.rows[x->table]);
    if (!x->manager) return CIMF_OUT_OF_MEMORY;
    return c->header.selectors.n == 0 ? CIMF_OK
           : error_set(e, CIMF_WSMAN_SELECTORS_UNEXPECTED, "wsman", "an Enumerate of this resource takes no selectors");
}

static cimf_status prepare(struct wsman_call *c, struct asking *ask, struct error *e)
{
    struct wsman_context *x = ask->x;
    bool classes = c->uri.kind == WSMAN_URI_CIMXML;
    x->items = classes ? WSMAN_ITEMS_CLASS : WSMAN_ITEMS_OBJECT;
    x->op.verb = classes ? CIM_OP_ENUM_CLASSES : CIM_OP_ENUM_INSTANCES;
    x->op.path.kind = CIM_PATH_CLASS;
    x->op.path.class_name = arena_dup(&x->arena, c->uri.class_name);
    if (classes) {
        bool deep = wsman_option_true(&c->header, "IncludeSubClasses") ||
                    wsman_option_true(&c->header, "wmi:IncludeSubClasses");
        if (!deep) x->op.flags |= CIM_SHALLOW;
        x->class_flags = wsman_class_flags(c);
    }
    cimf_status status = body_is(c, "Enumerate", e);
    if (status == CIMF_OK) status = read_enumerate(c, ask, e);
    if (status == CIMF_OK) status = apply_filter(c, ask, e);
    if (status == CIMF_OK && c->plugin->handler == wsman_handle_rows) return prepare_rows(c, x, e);
    if (status == CIMF_OK && !classes) status = wsman_op_context(c, &x->op, &x->arena, e);
    if (x->items == WSMAN_ITEMS_EPR && !x->match_count) x->op.flags |= CIM_KEYS_ONLY;
    return status == CIMF_OK ? arena_status(&x->arena) : status;
}

void wsman_handle_enumerate(struct wsman_call *c)
{
    struct error e = ERROR_INIT;
    struct asking ask = { .x = wsman_context_new(c) };
    if (!ask.x) {
        wsman_reply_fault(c, CIMF_OUT_OF_MEMORY, NULL);
        return;
    }
    cimf_status status = prepare(c, &ask, &e);
    if (status != CIMF_OK) {
        wsman_reply_fault(c, status, &e);
        wsman_context_unref(ask.x);
        return;
    }
    c->optimized = ask.optimized;
    uint32_t batch = WSMAN_LIMIT(c->server, max_batch);
    uint64_t most = ask.max_elements ? ask.max_elements : 1;
    c->max_items = ask.optimized ? (uint32_t)(most < batch ? most : batch) : 0;
    wsman_context_start(ask.x, c);
    wsman_context_unref(ask.x);
}

/* --- Pull and Release ------------------------------------------------------------------------- */

static cimf_status read_context(struct wsman_call *c, const char *verb, struct wsman_context **out, struct error *e)
{
    cimf_status status = body_is(c, verb, e);
    if (status != CIMF_OK) return status;
    const struct xml_node *n = xml_child(c->envelope.content, NS_N, "EnumerationContext");
    if (!n) {
        return error_set(e, CIMF_WSMAN_SCHEMA_VALIDATION, "wsman", "%s lacks the element EnumerationContext", verb);
    }
    *out = wsman_context_find(c->server, slice_trim(n->text), c->principal);
    if (!*out) {
        return error_set(e, CIMF_WSMAN_INVALID_ENUMERATION_CONTEXT, "wsman", "%s",
                         cimf_status_info(CIMF_WSMAN_INVALID_ENUMERATION_CONTEXT)->text);
    }
    if ((*out)->op.encrypted && !c->encrypted) {
        return error_set(e, CIMF_ACCESS_DENIED, "wsman", "what was begun encrypted goes on encrypted");
    }
    if (slice_ieq((*out)->uri, c->uri.text)) return CIMF_OK;
    return error_set(e, CIMF_WSMAN_PULL_MISMATCH, "wsman", "the resource URI is not that of the Enumerate");
}

static cimf_status read_pull(struct wsman_call *c, struct error *e)
{
    uint64_t elements = 1, characters = 0;
    cimf_status status = CIMF_OK;
    for (const struct xml_node *n = xml_first(c->envelope.content); n && status == CIMF_OK; n = xml_next(n)) {
        if (n->ns != NS_N) continue;
        if (slice_is(n->name, "MaxElements")) {
            status = read_count(n, &elements, e);
        } else if (slice_is(n->name, "MaxCharacters")) {
            status = read_count(n, &characters, e);
        } else if (slice_is(n->name, "MaxTime")) {
            int64_t us, now = wsman_now(c->server);
            bool negative, months;
            if (!duration_parse(slice_trim(n->text), &us, &negative, &months) || negative || us <= 0) {
                return error_set(e, CIMF_WSMAN_INVALID_EXPIRATION, "wsman", "MaxTime must be a positive duration");
            }
            if (us < c->deadline_us - now) c->deadline_us = now + us;
        }
    }
    uint32_t batch = WSMAN_LIMIT(c->server, max_batch);
    c->max_items = (uint32_t)(elements < batch ? elements : batch);
    /* A limit below the smallest envelope would let nothing through: the envelope's own limit rules then. */
    if (characters >= 8192 && characters < c->max_envelope) c->max_envelope = (size_t)characters;
    return status;
}

void wsman_handle_pull(struct wsman_call *c)
{
    struct error e = ERROR_INIT;
    struct wsman_context *x = NULL;
    cimf_status status = read_context(c, "Pull", &x, &e);
    if (status == CIMF_OK) status = read_pull(c, &e);
    if (status == CIMF_OK) {
        status = wsman_context_pull(x, c);
        if (status != CIMF_OK) error_set(&e, status, "wsman", "%s", cimf_status_info(status)->text);
    }
    if (status != CIMF_OK) wsman_reply_fault(c, status, &e);
    if (x) wsman_context_unref(x);
}

void wsman_handle_release(struct wsman_call *c)
{
    struct error e = ERROR_INIT;
    struct wsman_context *x = NULL;
    cimf_status status = read_context(c, "Release", &x, &e);
    if (status == CIMF_OK) {
        wsman_context_end(x);
        wsman_reply_begin(c, SLICE_NULL, 0);
        wsman_reply_end(c);
    } else {
        wsman_reply_fault(c, status, &e);
    }
    if (x) wsman_context_unref(x);
}
