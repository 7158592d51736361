/* Paths as the public header shows them. */
#include <cimfony/path.h>

#include "cim/path.h"
#include "client/protocol.h"

static bool copy(struct slice s, char *out, size_t room)
{
    if (!room) return true;
    if (s.n >= room) return false;
    if (s.n) memcpy(out, s.p, s.n);
    out[s.n] = 0;
    return true;
}

cimf_status cimf_path_split(cimf_str text, char *ns, size_t ns_room, char *class_name, size_t class_room, cimf_error *e)
{
    struct error error = ERROR_INIT;
    struct cim_path path;
    struct arena a;
    arena_init(&a, 0);
    cimf_status status = cim_path_parse(&a, client_slice(text), &path, &error);
    if (status == CIMF_OK && !path.class_name.n) {
        status = error_set(&error, CIMF_INVALID_OBJECT_PATH, "client", "the path names no class");
    }
    if (status == CIMF_OK && !(copy(path.ns, ns, ns_room) && copy(path.class_name, class_name, class_room))) {
        status = error_set(&error, CIMF_QUOTA_VIOLATION, "client", "a name in the path is too long");
    }
    arena_free(&a);
    if (status == CIMF_OK) return CIMF_OK;
    if (error.status == CIMF_OK) error.status = status;
    return client_fail_error(NULL, &error, e);
}
