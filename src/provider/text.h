/*
 * provider/text.h - small readers for the texts that the kernel and system files consist of. All
 * work on borrowed slices, never past their end, and answer false instead of guessing.
 */
#ifndef PROVIDER_TEXT_H
#define PROVIDER_TEXT_H

#include "base/arena.h"

/* Cuts the next line (without its newline) off *rest; false at the end. */
bool text_line(struct slice *rest, struct slice *line);
/* Cuts the next run of non-blank characters (blank: space, tab, newline) off *rest; n == 0 at the
 * end. */
struct slice text_word(struct slice *rest);
/* The whole of s (blanks around allowed) as a decimal or hexadecimal ("0x" optional) number. */
bool text_u64(struct slice s, uint64_t *out);
bool text_hex(struct slice s, uint64_t *out);
/* Number at the front of s, whatever follows ("16384 kB"). */
bool text_leading_u64(struct slice s, uint64_t *out);
/* Value of the first line "key SEP value" (blanks around SEP allowed), trimmed. */
bool text_field(struct slice text, const char *key, char sep, struct slice *value);
/* Same, as a number at the front of the value. */
bool text_field_u64(struct slice text, const char *key, char sep, uint64_t *value);
/* word is one of the blank-separated words of list. */
bool text_has_word(struct slice list, const char *word);
/* Last part after '/', all of it when there is none. */
struct slice text_base(struct slice path);
/* Value of a shell-like assignment (os-release, environment files): quotes and backslashes taken
 * off. SLICE_NULL when out of room. */
struct slice text_unquote(struct arena *a, struct slice s);
/* Octal escapes of mountinfo (\040) turned into bytes. */
struct slice text_unescape_octal(struct arena *a, struct slice s);
/* Order of names with numbers in them: sda, sdb, sdaa; nvme0n1, nvme0n2, nvme0n10. */
int text_natural(struct slice a, struct slice b);
/* Text without control characters and made valid UTF-8 (bad bytes become '?'), trimmed: names that
 * processes and devices give themselves. */
struct slice text_clean(struct arena *a, struct slice s);

#endif
