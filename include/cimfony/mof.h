/*
 * cimfony/mof.h - objects as MOF text that compiles back to the same object.
 *
 * Each call hands the text piece by piece to `write`, which answers false to stop.
 */
#ifndef CIMFONY_MOF_H
#define CIMFONY_MOF_H

#include <cimfony/instance.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef bool (*cimf_write)(cimf_str text, void *arg);

enum cimf_mof_flag {
    CIMF_MOF_FULL = 1 /* of a class: inherited members too; to read, not to compile */
};
/* CIMF_IO_ERROR: write answered false. CIMF_INVALID_OBJECT: objects are embedded too deeply. */
CIMF_API cimf_status cimf_mof_class(const cimf_class *c, unsigned flags, cimf_write write, void *arg);
CIMF_API cimf_status cimf_mof_instance(const cimf_instance *in, cimf_write write, void *arg);
/* One value as an initialiser: "text", 12, {1, 2}, NULL. */
CIMF_API cimf_status cimf_mof_value(const cimf_value *value, cimf_write write, void *arg);
/* #pragma namespace of "root/cimv2". */
CIMF_API cimf_status cimf_mof_namespace(cimf_str ns, cimf_write write, void *arg);

#ifdef __cplusplus
}
#endif
#endif
