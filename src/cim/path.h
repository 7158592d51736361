/*
 * cim/path.h - object paths (MS-WMI 2.2.2, cim-core.md 2.3): parsing, canonical text, comparison.
 */
#ifndef CIM_PATH_H
#define CIM_PATH_H

#include "cim/instance.h"

enum cim_path_kind { CIM_PATH_NAMESPACE, CIM_PATH_CLASS, CIM_PATH_INSTANCE, CIM_PATH_SINGLETON };

struct cim_key {
    struct slice name;       /* "" for the short one-key form Class="x" */
    struct cim_value value;  /* string, sint64/uint64, boolean, reference (text), as written; typed by bind */
};

struct cim_path {
    enum cim_path_kind kind;
    struct slice server;     /* "" if not given; "." kept */
    struct slice ns;         /* normalised: '/' between parts, no leading one; "" if not given */
    struct slice class_name;
    struct cim_key *keys;
    uint32_t key_count;
};

/* Result and everything in it live in the arena. INVALID_OBJECT_PATH (with column), QUOTA_VIOLATION. */
cimf_status cim_path_parse(struct arena *a, struct slice text, struct cim_path *out, struct error *e);
/* Gives the keys the names and types of cls and class order: unknown, missing or duplicate keys, values
 * of the wrong type -> INVALID_OBJECT_PATH. Class paths and singletons pass unchanged. */
cimf_status cim_path_bind(struct arena *a, const struct cim_path *in, const struct cim_class *cls,
                          struct cim_path *out, struct error *e);
/* Canonical __RELPATH: keys in class order, strings in double quotes. */
bool cim_path_write(struct buf *out, const struct cim_path *path, bool relative);
/* Of an instance with its keys set; ILLEGAL_NULL names the missing one. */
cimf_status cim_path_of(struct arena *a, const struct cim_instance *in, struct cim_path *out,
                        struct error *e);
/* Folded canonical key text that is equal exactly when two bound paths name the same instance of one key
 * class: what the repository indexes. Reference keys are normalised recursively (relative to ns). */
cimf_status cim_path_key_text(struct arena *a, const struct cim_path *bound, struct slice ns,
                              struct slice *out);
/* The same normal form for the text of a reference value, with namespace and class: "ns:class.keys".
 * Works without a schema (key names sorted). */
cimf_status cim_reference_key(struct arena *a, struct slice text, struct slice ns, struct slice *out);
/* Splits and normalises "\\\\.\\root\\cimv2", "root/cimv2", "//srv/root": '/' form. */
cimf_status cim_namespace_normal(struct arena *a, struct slice text, struct slice *out);

#endif
