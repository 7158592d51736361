/*
 * mof/parse_priv.h - the parser's state and the pieces that its files share.
 *
 * parse.c: entry, the list of productions · support.c: failures, lists, files · pragma.c: directives ·
 * qualifier.c: qualifier lists and declarations · declare.c: classes · value.c: initialisers and
 * instances · alias.c: what symbols mean, and the order that follows.
 *
 * Every parse function answers false after a failure; the failure is then recorded once, in p->e and
 * p->status, with its place.
 */
#ifndef MOF_PARSE_PRIV_H
#define MOF_PARSE_PRIV_H

#include "base/map.h"
#include "mof/lex_priv.h"

/* What is known of a qualifier: a declaration or a Windows flavor line of the text, or both; else what
 * the namespace holds. */
struct mof_known {
    struct slice name;
    const struct cim_qualifier_decl *decl; /* NULL: flavor line only */
    bool has_flavor;
    uint8_t flavor;                        /* of the flavor line */
    bool asked;                            /* the host, for asked_ns; held is its answer */
    struct slice asked_ns;
    const struct cim_qualifier_decl *held;
};

/* Names seen in one list, for duplicates: open addressing, emptied by counting up a generation. */
#define MOF_NAMES_ROOM 2048
struct mof_names {
    uint32_t generation, count;
    struct mof_name_slot {
        uint32_t generation, hash;
        struct slice name;
    } *slots;
};

struct mof_open_file {
    struct mof_lexer lex;
    uint32_t file;
};

struct mof_parser {
    struct arena *a;
    const struct mof_options *o;
    struct mof_unit *u;
    struct error *e;
    cimf_status status;
    struct mof_lexer lex;
    struct mof_token t;       /* the token to look at */
    uint32_t file;            /* that lex reads */
    struct mof_open_file stack[LIMIT_MOF_INCLUDES];
    unsigned open;            /* files waiting in stack */
    size_t bytes;             /* of all files so far */
    struct buf scratch;       /* the lexer's */
    struct buf pile;          /* lists under construction, innermost on top */
    struct map known;         /* folded name -> struct mof_known */
    struct map aliases;       /* folded name -> production index + 1 */
    bool alias_used;
    struct mof_names names;
    unsigned depth;           /* of values */
    unsigned objects;         /* of embedded objects */
    uint32_t files_room, productions_room;
    /* In force: */
    struct slice ns;
    uint32_t class_flags, instance_flags;
};

/* Failures. The first one is kept. Always false. */
bool mof_fail(struct mof_parser *p, uint32_t offset, cimf_status status, int code,
              const char *format, ...) __attribute__((format(printf, 5, 6)));
/* "expected WHAT, found TOKEN" at the present token. */
bool mof_expected(struct mof_parser *p, int code, const char *what);
bool mof_no_room(struct mof_parser *p);
void mof_warn(struct mof_parser *p, uint32_t offset, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Moves on. false when the next token is bad. */
bool mof_next(struct mof_parser *p);
bool mof_expect(struct mof_parser *p, int kind, int code, const char *what);
/* Takes an identifier; strict mode refuses reserved words. */
bool mof_take_name(struct mof_parser *p, int code, const char *what, struct slice *name);
static inline struct mof_place mof_here(const struct mof_parser *p)
{
    return (struct mof_place){ p->file, p->t.start };
}

/* Lists: push items of one size, then take everything above the mark into the arena. */
static inline size_t mof_pile_mark(const struct mof_parser *p) { return p->pile.n; }
bool mof_pile_push(struct mof_parser *p, const void *item, size_t size);
bool mof_pile_take(struct mof_parser *p, size_t mark, size_t size, void *items, uint32_t *count);

void mof_names_begin(struct mof_parser *p);
bool mof_names_add(struct mof_parser *p, struct slice name); /* false: was there already */

/* One per file. Production without a body; the caller fills the union. */
struct mof_production *mof_add_production(struct mof_parser *p, enum mof_kind kind,
                                          struct mof_place place);
bool mof_declare_alias(struct mof_parser *p, struct slice name, uint32_t offset, uint32_t production);
bool mof_open_file(struct mof_parser *p, const struct mof_source *source, uint32_t offset);

bool mof_parse_directive(struct mof_parser *p);              /* at '#' */
bool mof_parse_qualifier_decl(struct mof_parser *p);         /* at `qualifier` */
bool mof_parse_qualifiers(struct mof_parser *p, struct cim_qualifiers *out); /* at '[' or not: empty */
bool mof_check_scope(struct mof_parser *p, struct cim_qualifiers set, uint32_t scope, uint32_t offset);
/* At `class`, after its qualifiers. alias gets the name, "" if none. */
bool mof_parse_class(struct mof_parser *p, struct cim_qualifiers qualifiers, struct mof_class *out,
                     struct slice *alias, uint32_t *alias_offset);
/* At `instance`. */
bool mof_parse_instance(struct mof_parser *p, struct cim_qualifiers qualifiers,
                        struct mof_instance *out, struct slice *alias, uint32_t *alias_offset);
bool mof_parse_value(struct mof_parser *p, struct mof_value *out);
/* Constant value of a declared type; NONE keeps the type it has (and gives integers the Windows
 * qualifier type). Fails on what needs a schema. */
bool mof_constant(struct mof_parser *p, const struct mof_value *in, unsigned type,
                  struct cim_value *out);
/* Finds the production of every alias, computes unit.order; fails on unknown and circular ones. */
bool mof_resolve_aliases(struct mof_parser *p);
/* Needs a schema: an alias or an embedded object in it. */
bool mof_is_symbolic(const struct mof_value *v);

#endif
