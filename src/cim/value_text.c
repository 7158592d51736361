/* Values as text and back. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf.h"
#include "cim/datetime.h"

/* Fewest digits that read back as the same number. */
static int real_digits(char *out, size_t room, double r, bool narrow)
{
    int n = 0;
    for (int digits = narrow ? 6 : 15; digits <= (narrow ? 9 : 17); digits++) {
        n = snprintf(out, room, "%.*g", digits, r);
        if (narrow ? strtof(out, NULL) == (float)r : strtod(out, NULL) == r) break;
    }
    return n;
}

static bool real_text(struct buf *out, double r, bool narrow)
{
    if (isnan(r)) return buf_lit(out, "NaN");
    if (isinf(r)) return r < 0 ? buf_lit(out, "-INF") : buf_lit(out, "INF");
    char text[40];
    int n = real_digits(text, sizeof text, r, narrow);
    return buf_add(out, text, (size_t)n);
}

/* A character that text protocols can carry as itself; others are written as 0x.. */
static bool char16_is_plain(uint64_t c)
{
    return c >= 0x20 && c != 0x7F && !(c >= 0xD800 && c <= 0xDFFF) && c < 0xFFFE;
}

bool cim_data_text(struct buf *out, unsigned type, const union cim_data *v)
{
    if (cim_type_is_integer(type)) {
        return cim_type_is_signed(type) ? buf_i64(out, v->i) : buf_u64(out, v->u);
    }
    if (cim_type_is_text(type)) return buf_slice_add(out, v->s);
    switch (type) {
    case CIM_BOOLEAN: return v->u ? buf_lit(out, "TRUE") : buf_lit(out, "FALSE");
    case CIM_REAL32: return real_text(out, v->r, true);
    case CIM_REAL64: return real_text(out, v->r, false);
    case CIM_CHAR16:
        if (char16_is_plain(v->u)) return utf8_put(out, (uint32_t)v->u);
        return buf_printf(out, "0x%02X", (unsigned)v->u);
    default: return false;
    }
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return 99;
}

static bool magnitude_parse(struct slice s, uint64_t *out)
{
    int base = 10;
    if (s.n > 2 && s.p[0] == '0' && (s.p[1] | 0x20) == 'x') {
        base = 16;
        s = slice_sub(s, 2);
    }
    if (!s.n) return false;
    uint64_t v = 0;
    for (size_t i = 0; i < s.n; i++) {
        int d = digit_of(s.p[i]);
        if (d >= base) return false;
        if (__builtin_mul_overflow(v, (uint64_t)base, &v)) return false;
        if (__builtin_add_overflow(v, (uint64_t)d, &v)) return false;
    }
    *out = v;
    return true;
}

static cimf_status integer_parse(unsigned type, struct slice s, union cim_data *out)
{
    bool minus = s.n && s.p[0] == '-';
    if (s.n && (s.p[0] == '-' || s.p[0] == '+')) s = slice_sub(s, 1);
    int64_t min;
    uint64_t max, v;
    cim_type_range(type, &min, &max);
    if (!magnitude_parse(s, &v)) return CIMF_TYPE_MISMATCH;
    if (!minus) {
        if (v > max) return CIMF_TYPE_MISMATCH;
        out->u = v;
        return CIMF_OK;
    }
    if (v > (uint64_t)0 - (uint64_t)min) return CIMF_TYPE_MISMATCH;
    out->u = (uint64_t)0 - v; /* two's complement: also the signed member */
    return CIMF_OK;
}

/* [+-] digits [. digits] [e [+-] digits], at least one digit before the exponent. */
static bool real_is_plain(struct slice s)
{
    size_t i = 0, digits = 0;
    if (i < s.n && (s.p[i] == '+' || s.p[i] == '-')) i++;
    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++) digits++;
    if (i < s.n && s.p[i] == '.') {
        for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++) digits++;
    }
    if (!digits) return false;
    if (i < s.n && (s.p[i] | 0x20) == 'e') {
        i++;
        if (i < s.n && (s.p[i] == '+' || s.p[i] == '-')) i++;
        size_t from = i;
        while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9') i++;
        if (i == from) return false;
    }
    return i == s.n;
}

static bool real_is_named(struct slice s, double *out)
{
    bool minus = s.n && s.p[0] == '-';
    if (s.n && (s.p[0] == '-' || s.p[0] == '+')) s = slice_sub(s, 1);
    if (slice_ieq(s, SLICE("INF")) || slice_ieq(s, SLICE("Infinity"))) {
        *out = minus ? -(double)INFINITY : (double)INFINITY;
        return true;
    }
    if (!slice_ieq(s, SLICE("NaN"))) return false;
    *out = (double)NAN;
    return true;
}

static cimf_status real_parse(unsigned type, struct slice s, union cim_data *out)
{
    double r;
    if (!real_is_named(s, &r)) {
        char text[512];
        if (s.n >= sizeof text || !real_is_plain(s)) return CIMF_TYPE_MISMATCH;
        memcpy(text, s.p, s.n);
        text[s.n] = 0;
        r = type == CIM_REAL32 ? (double)strtof(text, NULL) : strtod(text, NULL);
        if (isinf(r)) return CIMF_TYPE_MISMATCH; /* a finite text beyond the type's range */
    }
    out->r = r;
    return CIMF_OK;
}

static cimf_status boolean_parse(struct slice s, union cim_data *out)
{
    if (slice_ieq(s, SLICE("TRUE")) || slice_is(s, "1")) {
        out->u = 1;
    } else if (slice_ieq(s, SLICE("FALSE")) || slice_is(s, "0")) {
        out->u = 0;
    } else {
        return CIMF_TYPE_MISMATCH;
    }
    return CIMF_OK;
}

static cimf_status char16_parse(struct slice text, union cim_data *out)
{
    const char *p = text.p, *end = text.p + text.n;
    bool valid = true;
    if (text.n) {
        uint32_t c = utf8_next(&p, end, true, &valid);
        if (valid && p == end && c <= 0xFFFF) {
            out->u = c;
            return CIMF_OK;
        }
    }
    return integer_parse(CIM_UINT16, slice_trim(text), out);
}

static cimf_status text_parse(struct arena *a, unsigned type, struct slice text,
                              union cim_data *out)
{
    char date[CIM_DATETIME_LENGTH + 1];
    if (type == CIM_DATETIME) {
        if (!cim_datetime_read(slice_trim(text), date)) return CIMF_TYPE_MISMATCH;
        text = slice_of(date, CIM_DATETIME_LENGTH);
    }
    out->s = arena_dup(a, text);
    return out->s.p ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}

cimf_status cim_data_parse(struct arena *a, unsigned type, struct slice text, union cim_data *out)
{
    memset(out, 0, sizeof *out);
    if (cim_type_is_text(type)) return text_parse(a, type, text, out);
    if (cim_type_is_integer(type)) return integer_parse(type, slice_trim(text), out);
    if (cim_type_is_real(type)) return real_parse(type, slice_trim(text), out);
    if (type == CIM_BOOLEAN) return boolean_parse(slice_trim(text), out);
    if (type == CIM_CHAR16) return char16_parse(text, out);
    return CIMF_TYPE_MISMATCH;
}
