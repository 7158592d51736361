/*
 * wsman/config_tree.h - the configuration as XML: one table of elements, each with the setting behind it.
 * It writes the whole or a branch and reads what a Put sends. Private to room wsman; no I/O.
 */
#ifndef WSMAN_CONFIG_TREE_H
#define WSMAN_CONFIG_TREE_H

#include "base/buf.h"
#include "codec/xml.h"
#include "wsman/settings.h"

#define WSMAN_CONFIG_URI "http://schemas.microsoft.com/wbem/wsman/1/config"
#define WSMAN_CONFIG_CHANGES 64

/* A branch: an element with children. NULL: the rest of the URI behind WSMAN_CONFIG_URI ("", "/service/auth",
 * without case) names none. */
struct config_element;
const struct config_element *config_branch(struct slice uri_rest);

/* Appends the branch with the values in force; what policy has locked carries Source="GPO". */
bool config_write(struct buf *out, const struct config_element *branch, struct wsman_settings *s,
                  struct arena *a);

/* The changes that a Put of this branch asks for: elements it has and whose value differs from the one in
 * force; those that are missing stay as they are, as `winrm set` sends only what changes. Values are in the
 * form of the setting, in the arena. CIMF_WSMAN_SCHEMA_VALIDATION: an element that is not in the branch, or twice, or
 * a value that its type does not have; CIMF_WSMAN_FEATURE_RETIRED: one that cannot be set any more;
 * CIMF_ACCESS_DENIED: one that is locked. e->subject is the element. */
cimf_status config_read_put(struct arena *a, const struct xml_node *n,
                            const struct config_element *branch, struct wsman_settings *s,
                            struct wsman_setting *changes, unsigned *count, struct error *e);

#endif
