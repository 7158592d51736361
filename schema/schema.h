/*
 * schema/schema.h - the MOF files of this folder, embedded in the program, and the namespaces that exist
 * from the start.
 *
 * What lives here: MOF text only (Windows dialect). system.mof goes into every namespace, root.mof and
 * default.mof hold what only those two have, cimv2.mof is the classic CIM 2.x tree in its Windows shape,
 * win32.mof the classes of this machine. Whoever makes the store compiles the files of `schema_files` in
 * their order, and again when `schema_version` differs from the one recorded in the store.
 * All data is static, read-only and NUL-terminated past its length.
 */
#ifndef SCHEMA_H
#define SCHEMA_H

#include <stddef.h>

struct schema_file {
    const char *name; /* "win32.mof": for messages */
    const char *ns;   /* "root/cimv2"; "*" = every namespace */
    const char *text; /* UTF-8, no BOM */
    size_t length;
};

/* In order of compilation; for one namespace: those of "*" first. */
extern const struct schema_file schema_files[];
extern const size_t schema_file_count;

/* Parents before children, first "root"; NULL-terminated. */
extern const char *const schema_namespaces[];

/* Hash of names, namespaces and texts, 32 hexadecimal digits: changes when any of them does. */
extern const char schema_version[];

#endif
