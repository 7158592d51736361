/*
 * wql/literal.h - the constant of a predicate, converted once to every type it can be compared with, and
 * its comparison with a value (cim-core.md 2.9). Private to the room.
 */
#ifndef WQL_LITERAL_H
#define WQL_LITERAL_H

#include "cim/datetime.h"
#include "wql/wql.h"

struct wql_literal {
    struct slice text;      /* as a string; numbers and booleans in canonical text */
    bool has_integer, has_real, has_boolean, has_datetime, has_character;
    bool negative;          /* integer = negative ? -magnitude : magnitude */
    uint64_t magnitude;
    double real;
    bool boolean;
    uint16_t character;
    char datetime[CIM_DATETIME_LENGTH + 1];
    struct slice reference; /* normal form of the text as an object path; p == NULL if it is none */
};

/* Everything the constant can be; strings are tried as number, boolean, datetime and path. */
cimf_status wql_literal_make(struct arena *a, const struct cim_value *v, struct slice ns,
                             struct wql_literal *out);
/* Why a property of this type cannot be compared so (static text), or NULL when it can. */
const char *wql_literal_refuses(const struct wql_literal *l, unsigned type, enum wql_op op);
/* Comparison with a value that is not NULL. false where the constant has no form of this type. */
bool wql_literal_compare(const struct wql_literal *l, enum wql_op op, unsigned type,
                         const union cim_data *v, struct slice ns, struct arena *scratch);

#endif
