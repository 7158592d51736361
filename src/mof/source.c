/* mof/source.c - bytes of a file to UTF-8, and offsets back to lines. */
#include "base/utf.h"
#include "mof/lex_priv.h"

/* Windows-1252 where it differs from Latin-1: 0x80 to 0x9f. Unassigned ones stay C1 controls. */
static const uint16_t ansi_high[32] = {
    0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008d, 0x017d, 0x008f, 0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
};

static cimf_status from_ansi(struct arena *a, struct slice bytes, struct slice *text)
{
    size_t n = 0;
    for (size_t i = 0; i < bytes.n; i++) {
        unsigned char c = (unsigned char)bytes.p[i];
        n += c < 0x80 ? 1 : c < 0xa0 && ansi_high[c - 0x80] >= 0x800 ? 3 : 2;
    }
    char *out = arena_alloc(a, n + 1);
    if (!out) return CIMF_OUT_OF_MEMORY;
    *text = slice_of(out, n);
    for (size_t i = 0; i < bytes.n; i++) {
        unsigned c = (unsigned char)bytes.p[i];
        if (c >= 0x80 && c < 0xa0) c = ansi_high[c - 0x80];
        if (c < 0x80) {
            *out++ = (char)c;
        } else if (c < 0x800) {
            *out++ = (char)(0xc0 | c >> 6);
            *out++ = (char)(0x80 | (c & 0x3f));
        } else {
            *out++ = (char)(0xe0 | c >> 12);
            *out++ = (char)(0x80 | (c >> 6 & 0x3f));
            *out++ = (char)(0x80 | (c & 0x3f));
        }
    }
    *out = 0;
    return CIMF_OK;
}

cimf_status mof_decode(struct arena *a, struct slice bytes, struct slice *text, struct error *e)
{
    cimf_status st = CIMF_OK;
    if (slice_starts(bytes, SLICE("\xef\xbb\xbf"))) {
        *text = slice_sub(bytes, 3);
        if (!utf8_valid(*text)) {
            st = error_set(e, CIMF_INVALID_SYNTAX, "mof",
                           "the file begins with the UTF-8 mark but is not UTF-8");
        }
    } else if (slice_starts(bytes, SLICE("\xff\xfe")) || slice_starts(bytes, SLICE("\xfe\xff"))) {
        enum utf16_order order = bytes.p[0] == '\xff' ? UTF16_LE : UTF16_BE;
        st = utf16_to_utf8(a, slice_sub(bytes, 2), order, false, text);
        if (st == CIMF_OUT_OF_MEMORY) {
            error_set(e, st, "mof", "the text needs more memory than its limit allows");
        } else if (st) {
            st = error_set(e, CIMF_INVALID_SYNTAX, "mof",
                           "the file begins with the UTF-16 mark but is not UTF-16");
        }
    } else if (utf8_valid(bytes)) {
        *text = bytes;
    } else {
        st = from_ansi(a, bytes, text);
        if (st) error_set(e, st, "mof", "the text needs more memory than its limit allows");
    }
    if (st && e && st != CIMF_OUT_OF_MEMORY) e->native = MOF_NATIVE(MOF_E_INVALID_FILE);
    return st;
}

void mof_locate(struct mof_unit *u, struct mof_place place, struct slice *file, unsigned *line,
                unsigned *column)
{
    *file = SLICE_NULL;
    *line = *column = 0;
    if (place.file >= u->file_count) return;
    struct mof_file *f = &u->files[place.file];
    *file = f->name;
    if (place.offset < f->seen_offset || !f->seen_line) {
        f->seen_offset = 0;
        f->seen_line = f->seen_column = 1;
    }
    size_t stop = place.offset < f->text.n ? place.offset : f->text.n;
    for (; f->seen_offset < stop; f->seen_offset++) {
        unsigned char c = (unsigned char)f->text.p[f->seen_offset];
        if (c == '\n') {
            f->seen_line++;
            f->seen_column = 1;
        } else if ((c & 0xc0) != 0x80) {
            f->seen_column++;
        }
    }
    *line = f->seen_line;
    *column = f->seen_column;
}
