/*
 * wsman/header.h - the WS-Management header blocks of a message, both directions.
 */
#ifndef WSMAN_HEADER_H
#define WSMAN_HEADER_H

#include "base/limits.h"
#include "soap/envelope.h"

struct wsman_selector {
    struct slice name;
    struct slice value;          /* text, untrimmed; "" when it is an endpoint reference */
    const struct xml_node *epr;  /* a:EndpointReference (or its content's parent), NULL for text */
};

struct wsman_selectors {
    const struct wsman_selector *s;
    uint32_t n;
};

struct wsman_option {
    struct slice name, value;
    struct slice type;           /* local name of @Type, "" if none: "string", "boolean", "unsignedInt" ... */
    bool must_comply, nil;
};

struct wsman_header {
    struct slice resource_uri;   /* trimmed; p == NULL when absent */
    struct wsman_selectors selectors;
    const struct wsman_option *options;
    uint32_t option_count;
    int64_t timeout_us;          /* OperationTimeout; -1 when absent */
    uint64_t max_envelope;       /* octets; 0 when absent */
    struct slice locale, data_locale; /* xml:lang, "" if none */
    struct slice operation_id, session_id, activity_id;
    bool fragment;               /* FragmentTransfer is present */
    struct slice fragment_path, fragment_dialect;
};

/* Reads the blocks that this header lists and checks all others for mustUnderstand. The header may be
 * NULL (none). Everything is in the arena or borrows from the tree.
 * SOAP_MUST_UNDERSTAND (*block is the one), WSMAN_INVALID_HEADER, WSMAN_INVALID_TIMEOUT,
 * WSMAN_MAX_ENVELOPE_SIZE, WSMAN_MINIMUM_ENVELOPE, WSMAN_LOCALE, WSMAN_DATA_LOCALE, WSMAN_OPTION_*,
 * WSMAN_SELECTOR_*. MustUnderstand comes before every other complaint. */
cimf_status wsman_header_read(struct arena *a, const struct xml_node *header, struct wsman_header *out,
                              const struct xml_node **block, struct error *e);

/* The children of a w:SelectorSet (of the header, an EPR or a Selector filter). */
cimf_status wsman_selectors_read(struct arena *a, const struct xml_node *set, struct wsman_selectors *out,
                                 struct error *e);
/* NULL when absent; names compare without case. */
const struct wsman_selector *wsman_selector_find(const struct wsman_selectors *set, const char *name);
const struct wsman_option *wsman_option_find(const struct wsman_header *h, const char *name);
/* The option is there and not false. An option without a value is true. */
bool wsman_option_true(const struct wsman_header *h, const char *name);

/* Client side: what a request carries besides addressing. Writes header blocks for soap_head.extra. */
struct wsman_header_out {
    struct slice resource_uri;
    struct slice selectors;      /* a w:SelectorSet element as wsman_epr writes it, or "" */
    const struct wsman_option *options; /* value and type as given; must_comply honoured */
    uint32_t option_count;
    int64_t timeout_us;          /* 0: none */
    uint64_t max_envelope;       /* 0: none */
    struct slice locale;         /* "" : none */
    struct slice operation_id, session_id; /* "" : none */
};
bool wsman_header_write(struct buf *out, const struct wsman_header_out *h);
/* xs:duration "PT60.000S". */
bool wsman_duration_write(struct buf *out, int64_t us);

#endif
