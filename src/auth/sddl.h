/*
 * auth/sddl.h - security descriptors as text (SDDL, MS-DTYP 2.5.1), both ways.
 *
 * Read: parts in any order, each at most once; letters without case; white space between tokens;
 * "NO_ACCESS_CONTROL" instead of ACEs for an ACL that is present and NULL, as Windows has it. DACL ACEs
 * are A D OA OD, SACL ACEs AU OU ML SP. Conditional ACEs and resource attributes (XA XD XU ZA RA) are
 * refused with CIMF_NOT_SUPPORTED: a condition that nobody evaluates must not look accepted.
 *
 * Written: O G D S in this order, SIDs as letters only where these mean the same on every machine, masks
 * as the letters of files or registry keys if they are exactly one of these, else as single letters in
 * the order of the bits, else in hexadecimal: what Windows prints.
 */
#ifndef AUTH_SDDL_H
#define AUTH_SDDL_H

#include "auth/sd.h"

#define SDDL_TEXT_MAX (512 * 1024)

/* domain: what DA, LA and their like are relative to; NULL refuses them. CIMF_INVALID_SYNTAX with the
 * column (1-based, bytes) in the error, CIMF_NOT_SUPPORTED as above, CIMF_QUOTA_VIOLATION for a text or
 * a descriptor that is too long: what is read can always be written by sd_write. */
cimf_status sddl_parse(struct arena *a, struct slice text, const struct sid *domain,
                       const struct sd **out, struct error *e);

/* Appends. CIMF_NOT_SUPPORTED when the descriptor holds what this text cannot say: conditional, attribute
 * and unknown ACEs, unknown ACE flags, an ACE in the wrong list. Lost without a word: defaulted, trusted
 * and resource manager bits, and the bytes after the SID that 2.4.4.1 says to ignore. */
cimf_status sddl_write(const struct sd *sd, struct buf *out, struct error *e);

#endif
