/*
 * table: columns as wide as their longest text. Rows are held back a while to measure them; on a terminal
 * columns without any value are left out, wide ones are cut, and what still does not fit is named below.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"

enum { HOLD = 1000, NARROW = 8, WIDE = 28, GAP = 2 };

struct column {
    char *name;
    unsigned width;   /* of the widest text so far, or of the name */
    bool right;       /* numbers */
    bool used;        /* some row has a value */
    bool shown;
};

struct row {
    struct text *cells;
};

struct table {
    struct column *columns;
    uint32_t column_count;
    struct row *rows;
    uint32_t row_count;
    bool headed;      /* the header of these columns is out: widths are fixed */
    bool any;         /* some header is out */
    uint32_t hidden;  /* columns that some table leaves out */
    bool whole;       /* rows are whole instances, not selections */
};

static bool begin(struct output *o)
{
    o->state = calloc(1, sizeof(struct table));
    return o->state != NULL;
}

static void free_rows(struct table *t)
{
    for (uint32_t r = 0; r < t->row_count; r++) {
        for (uint32_t i = 0; i < t->column_count; i++) text_free(&t->rows[r].cells[i]);
        free(t->rows[r].cells);
    }
    t->row_count = 0;
}

static void free_columns(struct table *t)
{
    for (uint32_t i = 0; i < t->column_count; i++) free(t->columns[i].name);
    free(t->columns);
    t->columns = NULL;
    t->column_count = 0;
    t->headed = false;
}

static bool is_number(unsigned type)
{
    return type != CIMF_STRING && type != CIMF_DATETIME && type != CIMF_REFERENCE && type != CIMF_OBJECT &&
           type != CIMF_BOOLEAN && type != CIMF_CHAR16 && !CIMF_IS_ARRAY(type);
}

static bool make_columns(struct table *t, const cimf_instance *in)
{
    uint32_t *order, count = cimf_instance_count(in);
    bool whole = output_is_whole(in);
    if (!output_order(in, &order)) return false;
    t->whole = whole;
    t->columns = calloc((size_t)count + 1, sizeof *t->columns);
    for (uint32_t k = 0; t->columns && k < count; k++) {
        if (whole && cimf_instance_state(in, order[k]) == CIMF_STATE_ABSENT) continue;
        cimf_property p = cimf_class_property(cimf_instance_class(in), order[k]);
        struct column *c = &t->columns[t->column_count];
        c->name = strndup(p.name.p, p.name.n);
        if (!c->name) break;
        c->width = text_width(c->name, strlen(c->name));
        c->right = is_number(p.type);
        t->column_count++;
    }
    free(order);
    return t->columns != NULL;
}

/* The instance has the columns of the table and none more. */
static bool fits(const struct table *t, const cimf_instance *in)
{
    const cimf_class *c = cimf_instance_class(in);
    uint32_t sent = 0;
    for (uint32_t i = 0; i < cimf_instance_count(in); i++) sent += cimf_instance_state(in, i) != CIMF_STATE_ABSENT;
    for (uint32_t i = 0; i < t->column_count; i++) {
        int at = cimf_class_find_property(c, cimf_str_of(t->columns[i].name));
        if (at < 0) return false;
    }
    return sent <= t->column_count;
}

static unsigned total_width(const struct table *t)
{
    unsigned total = 0;
    for (uint32_t i = 0; i < t->column_count; i++) {
        if (t->columns[i].shown) total += t->columns[i].width + GAP;
    }
    return total ? total - GAP : 0;
}

static const char *cell_text(const struct table *t, uint32_t row, uint32_t column)
{
    const struct text *cell = &t->rows[row].cells[column];
    return cell->n ? cell->p : "";
}

/* Every row says the same as the column before it does. */
static bool repeats(const struct table *t, uint32_t column, uint32_t before)
{
    for (uint32_t r = 0; r < t->row_count; r++) {
        if (strcmp(cell_text(t, r, column), cell_text(t, r, before)) != 0) return false;
    }
    return true;
}

static bool constant(const struct table *t, uint32_t column)
{
    for (uint32_t r = 1; r < t->row_count; r++) {
        if (strcmp(cell_text(t, r, column), cell_text(t, 0, column)) != 0) return false;
    }
    return t->row_count > 1;
}

static bool is_creation_class(const char *name)
{
    static const char tail[] = "CreationClassName";
    size_t n = strlen(name), m = sizeof tail - 1;
    return n >= m && strcmp(name + n - m, tail) == 0;
}

/* Whole instances have many properties of little news; one kind after another goes until the rest fits. */
static void leave_out(struct table *t, unsigned width)
{
    for (int kind = 0; kind < 3 && total_width(t) > width; kind++) {
        for (uint32_t i = 1; i < t->column_count; i++) {
            struct column *c = &t->columns[i];
            if (kind == 0 && is_creation_class(c->name)) c->shown = false;
            for (uint32_t k = 0; kind == 1 && c->shown && k < i; k++) {
                if (t->columns[k].shown && repeats(t, i, k)) c->shown = false;
            }
            if (kind == 2 && constant(t, i)) c->shown = false;
        }
    }
}

/* Cuts the widest columns, but to no less than `least`. */
static void squeeze(struct table *t, unsigned width, unsigned least)
{
    for (unsigned total = total_width(t); total > width; total--) {
        struct column *widest = NULL;
        for (uint32_t i = 0; i < t->column_count; i++) {
            struct column *c = &t->columns[i];
            bool cut = c->shown && !c->right && c->width > least;
            if (cut && (!widest || c->width > widest->width)) widest = c;
        }
        if (!widest) return;
        widest->width--;
    }
}

/* Which columns are shown, and how wide; the number of those that are not. */
static uint32_t layout(struct output *o, struct table *t)
{
    uint32_t hidden = 0;
    unsigned taken = 0;
    for (uint32_t i = 0; i < t->column_count; i++) {
        t->columns[i].shown = !o->width || t->columns[i].used || !t->whole;
    }
    if (!o->width || total_width(t) <= o->width) return 0;
    if (t->whole) leave_out(t, o->width);
    squeeze(t, o->width, t->whole ? WIDE : NARROW);
    for (uint32_t i = 0; i < t->column_count; i++) {
        struct column *c = &t->columns[i];
        if (c->shown && taken && taken + c->width > o->width) c->shown = false;
        if (c->shown) taken += c->width + GAP;
        hidden += !c->shown && c->used;
    }
    return hidden;
}

static void cell(FILE *out, const struct column *c, const char *p, size_t n, bool last)
{
    unsigned width = text_width(p, n);
    size_t keep = n;
    if (width > c->width) {
        keep = text_fit(p, n, c->width - 1);
        width = text_width(p, keep) + 1;
    }
    int pad = (int)(c->width - width);
    if (c->right) fprintf(out, "%*s", pad, "");
    fwrite(p, 1, keep, out);
    if (keep < n) fputs("\xe2\x80\xa6", out);
    if (!last) fprintf(out, "%*s", (c->right ? 0 : pad) + GAP, "");
}

static void line(struct output *o, struct table *t, const struct row *r)
{
    uint32_t last = 0;
    for (uint32_t i = 0; i < t->column_count; i++) {
        if (t->columns[i].shown) last = i;
    }
    for (uint32_t i = 0; i <= last && i < t->column_count; i++) {
        const struct column *c = &t->columns[i];
        if (!c->shown) continue;
        const char *p = r ? r->cells[i].p : c->name;
        cell(o->out, c, p ? p : "", r ? r->cells[i].n : strlen(c->name), i == last);
    }
    fputc('\n', o->out);
}

static void flush(struct output *o, struct table *t)
{
    if (!t->row_count) return;
    if (!t->headed) {
        uint32_t hidden = layout(o, t);
        if (t->any) fputc('\n', o->out);
        line(o, t, NULL);
        if (hidden > t->hidden) t->hidden = hidden;
        t->headed = t->any = true;
    }
    for (uint32_t r = 0; r < t->row_count; r++) line(o, t, &t->rows[r]);
    free_rows(t);
}

static bool add(struct output *o, const cimf_instance *in)
{
    struct table *t = o->state;
    if (t->columns && !fits(t, in)) {
        flush(o, t);
        free_columns(t);
    }
    if (!t->columns && !make_columns(t, in)) return false;
    if (t->row_count == HOLD) flush(o, t);
    if (!t->rows) t->rows = calloc(HOLD, sizeof *t->rows);
    struct row *r = t->rows ? &t->rows[t->row_count] : NULL;
    if (!r || !(r->cells = calloc((size_t)t->column_count + 1, sizeof *r->cells))) return false;
    t->row_count++;
    bool ok = true;
    for (uint32_t i = 0; i < t->column_count; i++) {
        struct column *c = &t->columns[i];
        int at = cimf_class_find_property(cimf_instance_class(in), cimf_str_of(c->name));
        if (at < 0) continue;
        cimf_value v = cimf_instance_at(in, (uint32_t)at);
        text_value(&r->cells[i], &v);
        unsigned width = text_width(r->cells[i].p ? r->cells[i].p : "", r->cells[i].n);
        if (!t->headed && width > c->width) c->width = width;
        c->used = c->used || r->cells[i].n;
        ok = ok && !r->cells[i].failed;
    }
    return ok;
}

static bool end(struct output *o)
{
    struct table *t = o->state;
    flush(o, t);
    fflush(o->out);
    if (t->hidden) fprintf(stderr, "(%u more columns do not fit; -o list shows everything)\n", t->hidden);
    return true;
}

static void free_state(struct output *o)
{
    struct table *t = o->state;
    free_rows(t);
    free_columns(t);
    free(t->rows);
    free(t);
}

const struct output_kind output_table = { "table", begin, add, end, free_state };
