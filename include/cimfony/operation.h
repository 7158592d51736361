/*
 * cimfony/operation.h - asking a server: start an operation, read its results, free it.
 *
 *   cimf_operation *op;
 *   const cimf_instance *in;
 *   cimf_query(session, cimf_str_of("SELECT Name FROM Win32_Service"), &op, &error);
 *   while (cimf_operation_next(op, &in, &error) == CIMF_OK && in) { ... }
 *   cimf_operation_free(op);
 *
 * Starting copies what it is given and does not wait: errors that only the server can find come from
 * cimf_operation_next. Results stream: the next batch is asked for when the last one was read. Several
 * operations of one session may be open; their messages take turns on the one connection.
 *
 * Namespace arguments: "" means the session's. Paths are object paths (MS-WMI 2.2.2), `Win32_Service.Name=
 * "cron"`, `Win32_OperatingSystem=@`, a class name alone where a class is meant, optionally with a namespace
 * before a colon.
 */
#ifndef CIMFONY_OPERATION_H
#define CIMFONY_OPERATION_H

#include <cimfony/instance.h>
#include <cimfony/session.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cimf_operation cimf_operation;

/* --- starting ----------------------------------------------------------------------------------- */

/* What is this server? One result: an instance with ProductVendor, ProductVersion, ProtocolVersion,
 * SecurityProfiles. */
CIMF_API cimf_status cimf_identify(cimf_session *s, cimf_operation **out, cimf_error *e);
/* WQL. Results are instances; with a SELECT list they have the selected properties only. */
CIMF_API cimf_status cimf_query(cimf_session *s, cimf_str ns, cimf_str wql, cimf_operation **out,
                                cimf_error *e);
/* All instances of a class. */
enum cimf_enumerate_flag {
    CIMF_EXACT_CLASS = 1 /* none of its subclasses' */
};
CIMF_API cimf_status cimf_enumerate(cimf_session *s, cimf_str ns, cimf_str class_name, unsigned flags,
                                    cimf_operation **out, cimf_error *e);
/* One result: the instance. */
CIMF_API cimf_status cimf_get(cimf_session *s, cimf_str ns, cimf_str path, cimf_operation **out,
                              cimf_error *e);
/* Changes the properties that are set (or NULL) in `changes`, nothing else. The result is the instance after
 * the change when the server sends it. */
CIMF_API cimf_status cimf_put(cimf_session *s, cimf_str ns, cimf_str path, const cimf_instance *changes,
                              cimf_operation **out, cimf_error *e);
/* No result objects; cimf_operation_path has the new object's path. */
CIMF_API cimf_status cimf_create(cimf_session *s, cimf_str ns, const cimf_instance *instance,
                                 cimf_operation **out, cimf_error *e);
CIMF_API cimf_status cimf_delete(cimf_session *s, cimf_str ns, cimf_str path, cimf_operation **out,
                                 cimf_error *e);
/* A method of an instance, or a static one of a class. in: NULL, or an instance of cimf_class_method_in (or
 * an untyped one). One result: the out-parameters and ReturnValue. */
CIMF_API cimf_status cimf_invoke(cimf_session *s, cimf_str ns, cimf_str path, cimf_str method,
                                 const cimf_instance *in, cimf_operation **out, cimf_error *e);
/* One class, by cimf_operation_next_class. The session remembers the classes it has seen. */
CIMF_API cimf_status cimf_get_class(cimf_session *s, cimf_str ns, cimf_str class_name, cimf_operation **out,
                                    cimf_error *e);
/* All classes of a namespace, or those below `top` (not "" ), superclasses before their subclasses. */
enum cimf_classes_flag {
    CIMF_CLASS_NAMES = 1 /* names only, by cimf_operation_next_name, in the order of the server */
};
CIMF_API cimf_status cimf_classes(cimf_session *s, cimf_str ns, cimf_str top, unsigned flags,
                                  cimf_operation **out, cimf_error *e);

/* --- results ------------------------------------------------------------------------------------ */

/* The next result, waiting for it. *out is NULL at the end. The instance lives until the next call with this
 * operation. After an error every further call gives the same error. */
CIMF_API cimf_status cimf_operation_next(cimf_operation *op, const cimf_instance **out, cimf_error *e);
/* Same for operations that answer with classes. cimf_class_ref to keep one. */
CIMF_API cimf_status cimf_operation_next_class(cimf_operation *op, const cimf_class **out, cimf_error *e);
/* Same for CIMF_CLASS_NAMES: the next name; p is NULL at the end. */
CIMF_API cimf_status cimf_operation_next_name(cimf_operation *op, cimf_str *out, cimf_error *e);
/* A _next call would not wait: a result is here, or the end, or an error. When none is left of the last
 * batch, asking ends the life of the last result and lets the session fetch the next batch. */
CIMF_API bool cimf_operation_ready(cimf_operation *op);
/* Reads the rest, throws it away, and answers how the operation ended. */
CIMF_API cimf_status cimf_operation_finish(cimf_operation *op, cimf_error *e);
/* The path of what cimf_create made; "" when the server did not tell. Until the operation is freed. */
CIMF_API cimf_str cimf_operation_path(const cimf_operation *op);

/* Ends it early: the next call answers CIMF_CALL_CANCELLED. Does not wait; an enumeration is released on the
 * server when the session is next used. A message that is under way costs the connection. */
CIMF_API void cimf_operation_cancel(cimf_operation *op);
/* Cancels if need be. NULL is fine. */
CIMF_API void cimf_operation_free(cimf_operation *op);

#ifdef __cplusplus
}
#endif
#endif
