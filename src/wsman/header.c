#include "wsman/header.h"

#include "base/clock.h"

struct reading {
    struct arena *a;
    struct wsman_header *out;
    struct error *e;
};

static cimf_status bad_header(struct error *e, cimf_status status, const struct xml_node *block, const char *why)
{
    error_set(e, status, "wsman", "the header " SLICE_FMT " %s", SLICE_ARG(slice_head(block->name, 60)), why);
    error_subject(e, block->name);
    return status;
}

static cimf_status read_timeout(struct reading *r, const struct xml_node *block)
{
    bool negative, months;
    int64_t us;
    struct slice text = slice_trim(block->text);
    bool duration = duration_parse(text, &us, &negative, &months);
    /* Windows answers PT-1S, which is no xs:duration at all, like -PT1S. */
    if (duration ? negative : slice_starts(text, SLICE("PT-"))) {
        return bad_header(r->e, CIMF_WSMAN_INVALID_HEADER, block, "is a negative duration");
    }
    if (!duration) return bad_header(r->e, CIMF_WSMAN_INVALID_TIMEOUT, block, "is not a duration");
    r->out->timeout_us = us;
    return CIMF_OK;
}

static cimf_status read_envelope_size(struct reading *r, const struct xml_node *block)
{
    struct slice s = slice_trim(block->text);
    uint64_t v = 0;
    bool negative = s.n > 1 && s.p[0] == '-';
    if (s.n == 0) return bad_header(r->e, CIMF_WSMAN_MAX_ENVELOPE_SIZE, block, "is empty");
    for (size_t i = s.p[0] == '+' || negative; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') {
            return bad_header(r->e, CIMF_WSMAN_MAX_ENVELOPE_SIZE, block, "is not a number");
        }
        unsigned digit = (unsigned)(s.p[i] - '0');
        v = v > (UINT64_MAX - digit) / 10 ? UINT64_MAX : v * 10 + digit; /* huge means no limit */
    }
    if (negative || v < 8192) {
        return bad_header(r->e, CIMF_WSMAN_MINIMUM_ENVELOPE, block, "is below the minimum of 8192");
    }
    r->out->max_envelope = v;
    return CIMF_OK;
}

static cimf_status read_locale(struct reading *r, const struct xml_node *block, cimf_status unsupported,
                               struct slice *to)
{
    bool must;
    soap_must_understand(block, &must);
    if (must) return bad_header(r->e, unsupported, block, "cannot be guaranteed; it must not be mandatory");
    const struct xml_attr *lang = xml_attr_ns(block, NS_XML, "lang");
    *to = lang ? slice_trim(lang->value) : SLICE("");
    return CIMF_OK;
}

cimf_status wsman_selectors_read(struct arena *a, const struct xml_node *set, struct wsman_selectors *out,
                                 struct error *e)
{
    *out = (struct wsman_selectors){ 0 };
    uint32_t count = 0;
    for (const struct xml_node *n = xml_first(set); n; n = xml_next(n)) count++;
    if (count > LIMIT_SELECTORS) {
        return error_set(e, CIMF_WSMAN_SELECTOR_LIMIT, "wsman", "there are %u selectors, more than %d", count,
                         LIMIT_SELECTORS);
    }
    struct wsman_selector *list = ARENA_ARRAY(a, count ? count : 1, struct wsman_selector);
    if (!list) return CIMF_OUT_OF_MEMORY;
    uint32_t used = 0;
    for (const struct xml_node *n = xml_first(set); n; n = xml_next(n)) {
        if (!slice_is(n->name, "Selector")) {
            return bad_header(e, CIMF_WSMAN_INVALID_SELECTORS, n, "is not a selector");
        }
        struct slice name = slice_trim(xml_attr_value(n, "Name"));
        if (!name.n) return error_set(e, CIMF_WSMAN_INVALID_SELECTORS, "wsman", "a selector has no Name");
        for (uint32_t i = 0; i < used; i++) {
            if (!slice_ieq(list[i].name, name)) continue;
            error_set(e, CIMF_WSMAN_SELECTOR_DUPLICATE, "wsman", "the selector " SLICE_FMT " is given twice",
                      SLICE_ARG(slice_head(name, 100)));
            error_subject(e, name);
            return CIMF_WSMAN_SELECTOR_DUPLICATE;
        }
        const struct xml_node *child = xml_first(n);
        if (child && !xml_is(child, NS_A, "EndpointReference")) child = n; /* its content, unwrapped */
        list[used++] = (struct wsman_selector){ .name = name, .value = child ? SLICE("") : n->text, .epr = child };
    }
    out->s = list;
    out->n = used;
    return CIMF_OK;
}

static cimf_status read_options(struct reading *r, const struct xml_node *set)
{
    uint32_t count = 0;
    for (const struct xml_node *n = xml_first(set); n; n = xml_next(n)) count++;
    if (count > LIMIT_OPTIONS) {
        return error_set(r->e, CIMF_WSMAN_OPTION_LIMIT, "wsman", "there are %u options, more than %d", count,
                         LIMIT_OPTIONS);
    }
    struct wsman_option *list = ARENA_ARRAY(r->a, count ? count : 1, struct wsman_option);
    if (!list) return CIMF_OUT_OF_MEMORY;
    uint32_t used = 0;
    for (const struct xml_node *n = xml_first(set); n; n = xml_next(n)) {
        struct wsman_option *o = &list[used];
        struct slice uri;
        o->name = slice_trim(xml_attr_value(n, "Name"));
        if (!slice_is(n->name, "Option") || !o->name.n) {
            return error_set(r->e, CIMF_WSMAN_OPTION_NAME, "wsman", "an option has no Name");
        }
        o->value = n->text;
        xml_qname(n, xml_attr_value(n, "Type"), &uri, &o->type);
        xml_bool(xml_attr_value(n, "MustComply"), &o->must_comply);
        const struct xml_attr *nil = xml_attr_ns(n, NS_XSI, "nil");
        if (nil) xml_bool(nil->value, &o->nil);
        used++;
    }
    r->out->options = list;
    r->out->option_count = used;
    return CIMF_OK;
}

static cimf_status read_fragment(struct reading *r, const struct xml_node *block)
{
    const struct xml_attr *mu = xml_attr_ns(block, NS_S, "mustUnderstand");
    bool must;
    if (soap_must_understand(block, &must) && mu && !must) {
        return bad_header(r->e, CIMF_WSMAN_INVALID_HEADER, block, "must be marked mustUnderstand=\"true\"");
    }
    r->out->fragment = true;
    r->out->fragment_path = slice_trim(xml_text(r->a, block));
    r->out->fragment_dialect = slice_trim(xml_attr_value(block, "Dialect"));
    return CIMF_OK;
}

static cimf_status read_management(struct reading *r, const struct xml_node *h, bool *known)
{
    struct wsman_header *out = r->out;
    *known = true;
    if (slice_is(h->name, "ResourceURI")) {
        if (out->resource_uri.p) return bad_header(r->e, CIMF_WSMAN_INVALID_HEADER, h, "is given twice");
        out->resource_uri = slice_trim(h->text);
        if (!out->resource_uri.p) out->resource_uri = SLICE("");
        return CIMF_OK;
    }
    if (slice_is(h->name, "SelectorSet")) {
        if (out->selectors.s) return bad_header(r->e, CIMF_WSMAN_INVALID_SELECTORS, h, "is given twice");
        return wsman_selectors_read(r->a, h, &out->selectors, r->e);
    }
    if (slice_is(h->name, "OptionSet")) {
        if (out->options) return bad_header(r->e, CIMF_WSMAN_INVALID_HEADER, h, "is given twice");
        return read_options(r, h);
    }
    if (slice_is(h->name, "OperationTimeout")) {
        if (out->timeout_us >= 0) return bad_header(r->e, CIMF_WSMAN_INVALID_HEADER, h, "is given twice");
        return read_timeout(r, h);
    }
    if (slice_is(h->name, "MaxEnvelopeSize")) {
        if (out->max_envelope) return bad_header(r->e, CIMF_WSMAN_INVALID_HEADER, h, "is given twice");
        return read_envelope_size(r, h);
    }
    if (slice_is(h->name, "Locale")) return read_locale(r, h, CIMF_WSMAN_LOCALE, &out->locale);
    if (slice_is(h->name, "FragmentTransfer")) return read_fragment(r, h);
    *known = slice_is(h->name, "RequestTotalItemsCountEstimate") || slice_is(h->name, "RequestEPR");
    return CIMF_OK;
}

/* Spelling is loose in real traffic: SequenceId, SequenceID. */
static cimf_status read_microsoft(struct reading *r, const struct xml_node *h, bool *known)
{
    struct slice text = slice_trim(h->text);
    *known = true;
    if (slice_is(h->name, "DataLocale")) {
        return read_locale(r, h, CIMF_WSMAN_DATA_LOCALE, &r->out->data_locale);
    }
    if (slice_ieq(h->name, SLICE("OperationID"))) {
        r->out->operation_id = text;
    } else if (slice_ieq(h->name, SLICE("SessionId"))) {
        r->out->session_id = text;
    } else if (slice_ieq(h->name, SLICE("ActivityId"))) {
        r->out->activity_id = text;
        if (text.n > 2048) return bad_header(r->e, CIMF_WSMAN_INVALID_HEADER, h, "is longer than 2048");
    } else {
        *known = slice_ieq(h->name, SLICE("SequenceId"));
    }
    return CIMF_OK;
}

static bool addressing_known(struct slice name)
{
    static const char *const known[] = { "Action", "MessageID", "To", "ReplyTo", "FaultTo", "RelatesTo", "From" };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (slice_is(name, known[i])) return true;
    }
    return false;
}

cimf_status wsman_header_read(struct arena *a, const struct xml_node *header, struct wsman_header *out,
                              const struct xml_node **block, struct error *e)
{
    *out = (struct wsman_header){ .timeout_us = -1 };
    struct reading r = { a, out, e };
    cimf_status first = CIMF_OK;
    struct error kept = ERROR_INIT, now;
    r.e = &now;
    for (const struct xml_node *h = xml_first(header); h; h = xml_next(h)) {
        bool known = false, must;
        cimf_status status = CIMF_OK;
        now = ERROR_INIT;
        if (!soap_header_for_us(h)) continue;
        if (h->ns == NS_A) known = addressing_known(h->name);
        else if (h->ns == NS_W) status = read_management(&r, h, &known);
        else if (h->ns == NS_P) status = read_microsoft(&r, h, &known);
        bool well = soap_must_understand(h, &must);
        if (!known && must) {
            *block = h;
            return error_set(e, CIMF_SOAP_MUST_UNDERSTAND, "wsman", "the header " SLICE_FMT " is not understood",
                             SLICE_ARG(slice_head(h->name, 100)));
        }
        if (status == CIMF_OK && !well) {
            status = bad_header(&now, CIMF_WSMAN_INVALID_HEADER, h, "has a mustUnderstand that is not a boolean");
        }
        if (status != CIMF_OK && first == CIMF_OK) {
            first = status;
            kept = now;
        }
    }
    if (first != CIMF_OK && e) *e = kept;
    return first;
}

const struct wsman_selector *wsman_selector_find(const struct wsman_selectors *set, const char *name)
{
    for (uint32_t i = 0; i < set->n; i++) {
        if (slice_ieq(set->s[i].name, slice_str(name))) return &set->s[i];
    }
    return NULL;
}

const struct wsman_option *wsman_option_find(const struct wsman_header *h, const char *name)
{
    for (uint32_t i = 0; i < h->option_count; i++) {
        if (slice_ieq(h->options[i].name, slice_str(name))) return &h->options[i];
    }
    return NULL;
}

bool wsman_option_true(const struct wsman_header *h, const char *name)
{
    const struct wsman_option *o = wsman_option_find(h, name);
    bool value = true;
    if (!o || o->nil) return o != NULL;
    if (slice_trim(o->value).n) xml_bool(o->value, &value);
    return value;
}
