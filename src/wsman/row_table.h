/*
 * wsman/row_table.h - the tables of rows.h as XML and selectors. Private to room wsman; no I/O.
 */
#ifndef WSMAN_ROW_TABLE_H
#define WSMAN_ROW_TABLE_H

#include "base/buf.h"
#include "codec/xml.h"
#include "wsman/header.h"
#include "wsman/rows.h"

/* The table that the resource URI names, without case; WSMAN_TABLES: none. */
enum wsman_table row_table_find(struct slice uri);

/* Fills the key fields of row. WSMAN_SELECTORS_UNEXPECTED, WSMAN_SELECTORS_MISSING (unless lax: of a Create, whose body
 * may say them), WSMAN_SELECTOR_TYPE. */
cimf_status row_read_selectors(enum wsman_table t, const struct wsman_selectors *s, bool lax, struct wsman_row *row,
                               struct error *e);
/* Adds the fields of the element to the key fields. WSMAN_SCHEMA_VALIDATION: not this table's, twice, not of its type;
 * WSMAN_KEYS_CHANGED: another key than the selectors'; WSMAN_SELECTORS_MISSING: neither has it. */
cimf_status row_read_body(enum wsman_table t, const struct xml_node *n, struct wsman_row *row, struct error *e);

bool row_write(struct buf *out, enum wsman_table t, const struct wsman_row *row);
/* a:Address and a:ReferenceParameters, without an outer element. */
bool row_write_epr(struct buf *out, enum wsman_table t, const struct wsman_row *row);
/* The same keys? Without case. */
bool row_same_key(enum wsman_table t, const struct wsman_row *x, const struct wsman_row *y);

#endif
