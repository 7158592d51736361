/*
 * cli/output.h - results as text in one of the formats. An output takes instances one by one and writes
 * as early as its format allows.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdio.h>

#include <cimfony/mof.h>

enum output_format { OUTPUT_TABLE, OUTPUT_LIST, OUTPUT_JSON, OUTPUT_CSV, OUTPUT_XML, OUTPUT_MOF, OUTPUT_COUNT };
#define OUTPUT_ALL ((1u << OUTPUT_COUNT) - 1)
/* -1 if there is none of that name. */
int output_format_find(const char *name);
const char *output_format_name(enum output_format f);

struct output {
    FILE *out;
    bool single;      /* exactly one result is expected: JSON writes an object, not an array */
    bool terminal;    /* out is one */
    unsigned width;   /* columns of the terminal; 0: no limit */
    unsigned count;   /* instances written */
    void *state;      /* the format's */
    const struct output_kind *kind;
};

struct output_kind {
    const char *name;
    bool (*begin)(struct output *o);   /* writes nothing; false: out of memory */
    bool (*add)(struct output *o, const cimf_instance *in);
    bool (*end)(struct output *o);
    void (*free)(struct output *o);    /* o->state, not NULL; NULL when there is none */
};
extern const struct output_kind output_table, output_list, output_json, output_csv, output_xml, output_mof;

/* Writing errors show in ferror(out); out of memory answers false. */
bool output_begin(struct output *o, enum output_format f, FILE *out, bool single);
bool output_add(struct output *o, const cimf_instance *in);
bool output_end(struct output *o);
/* Instead of output_end: nothing more is written, and nothing at all when no instance was. */
void output_abandon(struct output *o);

/* --- text.c: growing text ----------------------------------------------------------------------- */

struct text {
    char *p;          /* NUL-terminated when n > 0 */
    size_t n, room;
    bool failed;
};
void text_free(struct text *t);
void text_clear(struct text *t);
void text_add(struct text *t, const char *p, size_t n);
void text_z(struct text *t, const char *z);
void text_char(struct text *t, char c);

/* A value for people: datetimes as ISO 8601, arrays {a, b}, embedded objects { Name = value; }, and no
 * control characters, so that no server can play with the terminal. NULL is "". */
void text_value(struct text *t, const cimf_value *v);
/* A single value for machines: as text_value, but control characters stay. */
void text_plain(struct text *t, const cimf_value *v);
/* A CIM datetime as ISO 8601 (timestamps without wildcards), else as it is. */
void text_datetime(struct text *t, cimf_str cim);
/* Columns that text takes on a terminal. */
unsigned text_width(const char *p, size_t n);
/* Bytes of the longest head that takes at most `columns`. */
size_t text_fit(const char *p, size_t n, unsigned columns);

/* Properties in the order they are shown: of a whole instance its keys first. false: out of memory. */
bool output_order(const cimf_instance *in, uint32_t **order);
/* A selection made by a query, or a result of Identify or a method: no identity of its own. */
bool output_is_whole(const cimf_instance *in);

#endif
