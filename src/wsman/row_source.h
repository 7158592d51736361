/*
 * wsman/row_source.h - a table of rows.h as the object manager behind an enumeration: it answers every operation with
 * the rows that there were when it was submitted. So Enumerate, Pull and Release of tables are those of context.c.
 * Private to room wsman.
 */
#ifndef WSMAN_ROW_SOURCE_H
#define WSMAN_ROW_SOURCE_H

#include "cim/op.h"
#include "wsman/rows.h"

/* For one operation; lives in the arena. NULL: no memory. */
struct cim_manager *row_source_new(struct arena *a, struct wsman_rows *rows);
/* The row of a result: it is neither a class nor an instance, nobody else may look at it. */
const struct wsman_row *row_of(const struct cim_object *o);

#endif
