/* cimfony/path.h - object paths as text (MS-WMI 2.2.2): `root/cimv2:Class.Key="value",Other=5`, `Class=@`. */
#ifndef CIMFONY_PATH_H
#define CIMFONY_PATH_H

#include <cimfony/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Checks a path and copies its class name and namespace ("" if it has none), NUL-terminated, into the
 * buffers; either may be NULL with room 0. CIMF_INVALID_OBJECT_PATH with the column; CIMF_QUOTA_VIOLATION:
 * a buffer is too small. */
CIMF_API cimf_status cimf_path_split(cimf_str path, char *ns, size_t ns_room, char *class_name, size_t class_room,
                                     cimf_error *e);

#ifdef __cplusplus
}
#endif
#endif
