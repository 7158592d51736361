/*
 * tests/provider/driver.h - calls providers without an object manager: compiles the embedded schema
 * into memory, then opens, fills and closes one class.
 */
#ifndef TESTS_PROVIDER_DRIVER_H
#define TESTS_PROVIDER_DRIVER_H

#include "cim/schema.h"
#include "cimom/provider.h"

/* Compiles every file of schema/ that belongs to root/cimv2; prints and answers NULL on an error.
 */
const struct cim_schema *driver_schema(void);
void driver_end(void);

struct driver_query {
    const char *class_name;
    const char *key[4], *value[4]; /* fixed keys, all as text */
    unsigned keys;
    const char *const *wanted; /* NULL-terminated property names; NULL = all */
};

/* Instances of the class in the arena (rows that vanished are left out). */
cimf_status driver_rows(struct arena *a, const struct driver_query *q, struct cim_instance ***list,
                        size_t *count, struct error *e);
/* Text of a property of an instance, "" when it is NULL; arrays as "a, b". */
struct slice driver_text(struct arena *a, const struct cim_instance *in, const char *property);
/* Invokes a method of the provider's class on an instance. *out is an instance of the method's out
 * class. */
cimf_status driver_invoke(struct arena *a, const struct cim_instance *target, const char *method,
                          struct cim_instance **out, struct error *e);

#endif
