/* base/utf.h - UTF-8 and UTF-16. Lone surrogates are kept as three bytes (WTF-8) where said so. */
#ifndef BASE_UTF_H
#define BASE_UTF_H

#include "base/arena.h"
#include "base/buf.h"

/* Next code point; advances *p; 0xFFFD and one byte on invalid input: then *valid = false (never set to
 * true, so one flag serves a whole loop; may be NULL). With wtf set, encoded surrogates D800-DFFF are
 * valid. */
uint32_t utf8_next(const char **p, const char *end, bool wtf, bool *valid);
bool utf8_valid(struct slice s);
bool utf8_is_ascii(struct slice s);
/* Surrogates are written as WTF-8; what is past 10FFFF becomes FFFD. */
bool utf8_put(struct buf *b, uint32_t codepoint);
/* Length in UTF-16 units. Limits of MS-WMI count these. */
size_t utf16_units(struct slice utf8);
/* Simple case fold of one code point (CaseFolding.txt status C and S). */
uint32_t utf_fold(uint32_t codepoint);
/* Simple upper case within the basic plane, as Windows maps account names. */
uint32_t utf_upper(uint32_t codepoint);

enum utf16_order { UTF16_LE, UTF16_BE };
/* Converts; odd length or (strict) lone surrogates make it fail with CIMF_BAD_REQUEST. Not strict:
 * lone surrogates become WTF-8. */
cimf_status utf16_to_utf8(struct arena *a, struct slice utf16, enum utf16_order order, bool strict,
                          struct slice *out);
/* Appends, whole or not at all. WTF-8 surrogates become lone units; any other invalid byte, or a full
 * buffer, gives false. */
bool utf8_to_utf16(struct buf *out, struct slice utf8, enum utf16_order order);

#endif
