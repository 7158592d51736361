/*
 * cimfony/types.h - the small things that every other header uses: borrowed text, CIM types, errors.
 *
 * Manners of the whole library
 *   - Objects are opaque. What a `_new`, `_open`, `_copy` or `_ref` call returned is given back with the
 *     `_free` or `_unref` call of the same noun, which takes NULL too.
 *   - Calls answer with a cimf_status (cimfony/status.h). The result comes last in the arguments and is
 *     written only on CIMF_OK, except where the text says otherwise.
 *   - Text goes in and comes out as UTF-8 in a cimf_str: a pointer and a length, not NUL-terminated. What
 *     comes out is borrowed; the comment names the owner it lives as long as.
 *   - The library has no threads, no globals that change, no signal handlers, and prints nothing. A session
 *     and everything made from it belong to one thread at a time; different sessions are independent.
 *   - Running out of memory is CIMF_OUT_OF_MEMORY, never an abort.
 */
#ifndef CIMFONY_TYPES_H
#define CIMFONY_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cimfony/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Borrowed text. p may be NULL when n is 0. */
typedef struct cimf_str {
    const char *p;
    size_t n;
} cimf_str;

static inline cimf_str cimf_str_of(const char *zero_terminated)
{
    cimf_str s;
    s.p = zero_terminated;
    s.n = zero_terminated ? strlen(zero_terminated) : 0;
    return s;
}

/* Names of CIM things compare without case, by one fixed Unicode case fold. */
CIMF_API bool cimf_name_equal(cimf_str a, cimf_str b);

/* CIM types; the numbers are those of MS-WMIO 2.2.82. An array type is its element type with CIMF_ARRAY. */
enum cimf_type {
    CIMF_TYPE_NONE = 0,
    CIMF_SINT16 = 2,
    CIMF_SINT32 = 3,
    CIMF_REAL32 = 4,
    CIMF_REAL64 = 5,
    CIMF_STRING = 8,
    CIMF_BOOLEAN = 11,
    CIMF_OBJECT = 13, /* an embedded object */
    CIMF_SINT8 = 16,
    CIMF_UINT8 = 17,
    CIMF_UINT16 = 18,
    CIMF_UINT32 = 19,
    CIMF_SINT64 = 20,
    CIMF_UINT64 = 21,
    CIMF_DATETIME = 101,  /* 25 characters, DSP0004 5.2.4: "20240131235959.000000+060" */
    CIMF_REFERENCE = 102, /* an object path as text */
    CIMF_CHAR16 = 103,    /* a UTF-16 code unit */
    CIMF_ARRAY = 0x2000
};
#define CIMF_ELEMENT(type) ((unsigned)(type) & ~(unsigned)CIMF_ARRAY)
#define CIMF_IS_ARRAY(type) (((unsigned)(type) & (unsigned)CIMF_ARRAY) != 0)

/* "uint32", "string", ... (for an array: of its elements); "?" if it is not a type. */
CIMF_API const char *cimf_type_name(unsigned type);

/* What went wrong, for programs and for people. Plain data, copied freely; texts are NUL-terminated.
 * Every call that takes `cimf_error *` accepts NULL, and fills it only when it fails. */
typedef struct cimf_error {
    cimf_status status;
    uint32_t native;        /* the deepest code known: HRESULT of the provider, errno ...; 0 if none */
    uint32_t protocol;      /* code of the protocol's own fault (f:WSManFault/@Code); 0 if none */
    int http_status;        /* of the reply that carried it; 0 if there was none */
    unsigned line, column;  /* 1-based place in a text that was given; 0 if none */
    char subject[192];      /* the class, path, property or file it is about; "" if none */
    char text[320];         /* what went wrong */
    char hint[256];         /* what to try; "" if there is nothing to say */
} cimf_error;

#ifdef __cplusplus
}
#endif
#endif
