/*
 * mof/mof.h - the Managed Object Format: text to declarations, declarations to a store, objects to text.
 *
 * Three steps that know nothing of each other. mof_parse turns a text (and what it includes) into a
 * unit: a list of productions in file order, each with the namespace, update flags and place in force;
 * it needs no schema. mof_apply compiles a unit against an abstract target, which the object manager
 * implements with one transaction and mof/memory.h with plain memory. mof_write_* is the way back and
 * writes what compiles to the same object again.
 *
 * Both dialects are read at once: DSP0004 annex A, and Windows (forward aliases, short qualifier
 * declarations, native embedded objects; WmiSdk). `strict` refuses what is Windows only.
 * Rules: cim-core.md 1.2, 2.5, 2.11.
 */
#ifndef MOF_MOF_H
#define MOF_MOF_H

#include "cim/instance.h"
#include "cim/op.h"

/* --- the unit: what a text says ----------------------------------------------------------------- */

/* Where something stands; mof_locate makes line and column of it. */
struct mof_place {
    uint32_t file;   /* index in mof_unit.files */
    uint32_t offset; /* bytes in the (UTF-8) text of that file */
};

struct mof_file {
    struct slice name; /* as its host names it */
    struct slice text; /* UTF-8, byte order mark removed; lives as long as the unit */
    uint32_t seen_offset, seen_line, seen_column; /* memory of mof_locate */
};

enum mof_value_kind {
    MOF_LITERAL,  /* one literal or NULL: integer (sint64, or uint64 beyond it), real64, string, char16, boolean */
    MOF_LIST,     /* { ... } */
    MOF_ALIAS,    /* $Name, still a symbol */
    MOF_INSTANCE, /* instance of Class { ... } */
    MOF_CLASS,    /* class Name { ... } as a value: what the writer makes of an embedded class object */
};

struct mof_value {
    enum mof_value_kind kind;
    struct mof_place place;
    union {
        struct cim_value literal;
        struct {
            struct mof_value *items;
            uint32_t count;
        } list;
        struct {
            struct slice name; /* without the dollar sign */
            uint32_t target;   /* production that declares it */
        } alias;
        struct mof_instance *instance;
        struct mof_class *cls;
    };
};

/* One line of an instance body. */
struct mof_assignment {
    struct slice name;
    struct mof_place place;
    struct cim_qualifiers qualifiers;
    bool has_value; /* false: [qualifiers] Name; of the Windows dialect */
    struct mof_value value;
};

struct mof_instance {
    struct slice class_name;
    struct mof_place place; /* of the class name */
    struct cim_qualifiers qualifiers;
    struct mof_assignment *items;
    uint32_t count;
};

/* A default that needs a schema to become a value: an alias, an embedded object. */
struct mof_default {
    uint32_t property;
    struct mof_value value;
};

struct mof_class {
    struct cim_class_decl decl; /* literal defaults already have the declared type */
    struct mof_place *property_places, *method_places;
    struct mof_place place;     /* of the name */
    struct mof_default *defaults;
    uint32_t default_count;
};

enum mof_kind { MOF_PUT_QUALIFIER, MOF_PUT_CLASS, MOF_PUT_INSTANCE, MOF_DELETE_CLASS, MOF_DELETE_INSTANCE };

struct mof_production {
    enum mof_kind kind;
    struct mof_place place;
    struct slice ns;    /* "root/cimv2": of #pragma namespace, else of the options */
    struct slice alias; /* without the dollar sign, "" if none */
    uint32_t flags;     /* CIM_CREATE_ONLY ... of enum cim_op_flag: classflags or instanceflags in force */
    union {
        struct cim_qualifier_decl qualifier;
        struct mof_class cls;
        struct mof_instance instance;
        struct {
            struct slice target; /* class name or object path */
            bool must_exist;     /* "fail" */
        } remove;
    };
};

struct mof_unit {
    struct mof_production *productions; /* file order */
    uint32_t count;
    const uint32_t *order;              /* to apply in: file order, but after what an alias names */
    struct mof_file *files;             /* the first is what mof_parse was given */
    uint32_t file_count;
    bool autorecover;
    struct slice amendment;             /* "ms_409" of #pragma amendment or of the options, else "" */
    struct slice locale;                /* of #pragma locale, else "" */
};

/* Line and column (in characters), 1-based; *file the name. Cheap for places asked in file order. */
void mof_locate(struct mof_unit *u, struct mof_place place, struct slice *file, unsigned *line,
                unsigned *column);

/* --- parsing ------------------------------------------------------------------------------------ */

struct mof_source {
    struct slice name; /* for messages, and what includes are relative to */
    struct slice text; /* bytes of the file: UTF-8, UTF-16 with byte order mark, else Windows-1252 */
};

struct mof_options {
    bool strict;           /* DSP0004 only: no forward alias, no reserved word as a name, qualifiers
                              declared before use and inside their scope */
    struct slice ns;       /* until the first #pragma namespace; "" means "root/default" */
    uint32_t class_flags, instance_flags; /* enum cim_op_flag, until the first pragma */
    struct slice amendment;/* "MS_409": as #pragma amendment */
    size_t max_bytes;      /* of all files together; 0 means LIMIT_MOF_FILE */

    /* Opens what `#pragma include` names, seen from the file `from`. The host decides what may be
     * opened. out->name must be the same for the same file (the cycle check compares it); out->text
     * must live as long as the arena. NULL: includes are refused. */
    cimf_status (*include)(void *arg, struct arena *a, struct slice from, struct slice path,
                           struct mof_source *out, struct error *e);
    /* A qualifier declaration that namespace ns already holds, for default type and flavor; the answer
     * lives until mof_parse returns. Asked about once per name and namespace. May be NULL.
     * Declarations of the text itself come first. */
    const struct cim_qualifier_decl *(*qualifier)(void *arg, struct slice ns, struct slice name);
    /* Told of what is odd but not wrong (unknown pragma ...). May be NULL. */
    void (*warn)(void *arg, struct slice file, unsigned line, unsigned column, const char *text);
    void *arg; /* of the three above */
};

/* Everything in *out lives in the arena; source->text must live as long. options may be NULL.
 * On failure: INVALID_SYNTAX and the like with e->line, e->column, e->subject = file, e->native = the
 * compiler code of MS-WMI appendix C (enum mof_error) where one fits. QUOTA_VIOLATION past a limit. */
cimf_status mof_parse(struct arena *a, const struct mof_source *source,
                      const struct mof_options *options, struct mof_unit *out, struct error *e);

/* --- compiling ---------------------------------------------------------------------------------- */

/* What a unit is compiled into. Whatever a call changes must show in the next one. The first failure
 * ends mof_apply, and the caller throws the transaction away: all or nothing. Errors set in *e get the
 * place of the production. Declared data and instances live until the call returns: copy to keep. The
 * arena of mof_apply is rewound between productions, so it is no place to keep anything either. */
struct mof_target {
    bool (*has_namespace)(void *arg, struct slice ns);
    /* Borrowed until the next call that changes something. NULL if absent. */
    const struct cim_class *(*find_class)(void *arg, struct slice ns, struct slice name);
    cimf_status (*put_qualifier)(void *arg, struct slice ns, const struct cim_qualifier_decl *decl,
                                 struct error *e);
    /* flags: CIM_CREATE_ONLY, CIM_UPDATE_ONLY, CIM_UPDATE_SAFE, CIM_UPDATE_FORCE. */
    cimf_status (*put_class)(void *arg, struct slice ns, const struct cim_class_decl *decl,
                             uint32_t flags, struct error *e);
    /* An instance of __Namespace makes the namespace, which later calls see (P26: again is fine). */
    cimf_status (*put_instance)(void *arg, struct slice ns, struct cim_instance *in, uint32_t flags,
                                struct error *e);
    cimf_status (*delete_class)(void *arg, struct slice ns, struct slice name, struct error *e);
    cimf_status (*delete_instance)(void *arg, struct slice ns, struct slice path, struct error *e);
};

struct mof_counts {
    uint32_t qualifiers, classes, instances, deleted;
};

/* Compiles in file order; an instance that names a later alias waits for it. Instances are typed by
 * their class as the target knows it; scratch memory comes from the arena. counts may be NULL.
 * With an amendment every class with amended qualifiers is put twice: without them where it belongs,
 * and reduced to them in the child namespace ("root/cimv2/ms_409"), which is made when missing. */
cimf_status mof_apply(struct arena *a, struct mof_unit *u, const struct mof_target *target, void *arg,
                      struct mof_counts *counts, struct error *e);

/* The two halves of an amended class (MS-WMI 3.1.1.2): *neutral without amended qualifiers, *localised
 * with nothing else (plus AMENDMENT, LOCALE and the keys' own names). false in *amended when the class
 * has no amended qualifier; then *neutral is the class as it is and *localised is not set. */
cimf_status mof_split_class(struct arena *a, const struct cim_class_decl *decl, struct slice locale,
                            struct cim_class_decl *neutral, struct cim_class_decl *localised,
                            bool *amended);

/* --- writing ------------------------------------------------------------------------------------ */

struct mof_write_options {
    bool full;         /* inherited members and effective values too: to read, not to compile */
    bool no_amended;   /* leave out amended qualifiers */
    bool no_flavors;
    unsigned indent;   /* levels of four blanks */
    /* Declarations the reader will know: a flavor they imply is not spelled. NULL: all are spelled. */
    const struct cim_qualifier_decl *(*qualifier)(void *arg, struct slice name);
    void *arg;
};

/* Append to out; options may be NULL. OUT_OF_MEMORY when the buffer is full, INVALID_OBJECT when
 * embedding is deeper than LIMIT_EMBEDDED_DEPTH. */
cimf_status mof_write_class(struct buf *out, const struct cim_class *cls,
                            const struct mof_write_options *options);
cimf_status mof_write_class_decl(struct buf *out, const struct cim_class_decl *decl,
                                 const struct mof_write_options *options);
cimf_status mof_write_instance(struct buf *out, const struct cim_instance *in,
                               const struct mof_write_options *options);
cimf_status mof_write_qualifier_decl(struct buf *out, const struct cim_qualifier_decl *decl);
/* One initialiser: literal, list, NULL or embedded object. */
cimf_status mof_write_value(struct buf *out, const struct cim_value *value);
/* #pragma namespace of a namespace in '/' form. */
cimf_status mof_write_namespace(struct buf *out, struct slice ns);

/* Default flavor of a qualifier that spells none: of its declaration, else the Windows rule of
 * cim-core.md 2.5. decl may be NULL. */
uint8_t mof_default_flavor(struct slice name, const struct cim_qualifier_decl *decl);

/* Compiler error codes, MS-WMI appendix C. */
enum mof_error {
#define MOF_ERRORS(X)                                                                              \
    X(EXPECTED_QUALIFIER_NAME, 0x01) X(EXPECTED_SEMI, 0x02) X(EXPECTED_OPEN_BRACE, 0x03)           \
    X(EXPECTED_CLOSE_BRACE, 0x04) X(EXPECTED_CLOSE_BRACKET, 0x05) X(EXPECTED_CLOSE_PAREN, 0x06)    \
    X(ILLEGAL_CONSTANT_VALUE, 0x07) X(EXPECTED_TYPE_IDENTIFIER, 0x08) X(EXPECTED_OPEN_PAREN, 0x09) \
    X(UNRECOGNIZED_TOKEN, 0x0A) X(UNRECOGNIZED_TYPE, 0x0B) X(EXPECTED_PROPERTY_NAME, 0x0C)         \
    X(UNEXPECTED_ALIAS, 0x0E) X(UNEXPECTED_ARRAY_INIT, 0x0F) X(INVALID_AMENDMENT_SYNTAX, 0x10)     \
    X(INVALID_DUPLICATE_AMENDMENT, 0x11) X(INVALID_PRAGMA, 0x12) X(INVALID_NAMESPACE_SYNTAX, 0x13) \
    X(EXPECTED_CLASS_NAME, 0x14) X(TYPE_MISMATCH, 0x15) X(EXPECTED_ALIAS_NAME, 0x16)               \
    X(INVALID_CLASS_DECLARATION, 0x17) X(INVALID_INSTANCE_DECLARATION, 0x18)                       \
    X(EXPECTED_DOLLAR, 0x19) X(CIMTYPE_QUALIFIER, 0x1A) X(DUPLICATE_PROPERTY, 0x1B)                \
    X(OUT_OF_RANGE, 0x1D) X(INVALID_FILE, 0x1E) X(ALIASES_IN_EMBEDDED, 0x1F)                       \
    X(NULL_ARRAY_ELEM, 0x20) X(DUPLICATE_QUALIFIER, 0x21) X(EXPECTED_FLAVOR_TYPE, 0x22)            \
    X(MULTIPLE_ALIASES, 0x24) X(INCOMPATIBLE_FLAVOR_TYPES, 0x25) X(NO_ARRAYS_RETURNED, 0x26)       \
    X(INVALID_FLAGS_SYNTAX, 0x28) X(EXPECTED_BRACE_OR_BAD_TYPE, 0x29)                              \
    X(INVALID_DELETEINSTANCE_SYNTAX, 0x2C) X(INVALID_QUALIFIER_SYNTAX, 0x2D)                       \
    X(QUALIFIER_USED_OUTSIDE_SCOPE, 0x2E) X(INVALID_INCLUDE_FILE, 0x30)                            \
    X(INVALID_DELETECLASS_SYNTAX, 0x31)
#define X(name, number) MOF_E_##name = 0x44000 + number,
    MOF_ERRORS(X)
#undef X
};
/* As it stands in struct error.native: 0x80044001 ... */
#define MOF_NATIVE(code) (0x80000000u | (uint32_t)(code))

#endif
