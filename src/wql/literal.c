#include "wql/literal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf.h"

static void read_number(struct wql_literal *l, struct slice text)
{
    char copy[128];
    text = slice_trim(text);
    if (text.n == 0 || text.n >= sizeof copy) return;
    memcpy(copy, text.p, text.n);
    copy[text.n] = 0;
    bool negative = copy[0] == '-';
    const char *digits = copy + (negative || copy[0] == '+');
    if (*digits < '0' || *digits > '9') {
        if (*digits != '.' || digits[1] < '0' || digits[1] > '9') return; /* no "inf", no "nan" */
    }
    char *end;
    bool hex = digits[0] == '0' && (digits[1] | 32) == 'x';
    unsigned long long u = strtoull(digits, &end, hex ? 16 : 10);
    size_t digit_count = (size_t)(end - digits);
    if (*end == 0 && end != digits && digit_count <= (hex ? 18u : 19u + (u >= 10000000000000000000ull))) {
        l->has_integer = true;
        l->magnitude = u;
        l->negative = negative && u != 0;
    }
    double real = strtod(copy, &end);
    if (*end != 0) return;
    l->has_real = true;
    l->real = real;
    if (!l->has_integer && isfinite(real) && real == floor(real) && fabs(real) < 18446744073709551616.0) {
        l->has_integer = true; /* 1000.0, 1e3 */
        l->negative = real < 0;
        l->magnitude = (uint64_t)fabs(real);
    }
}

static void read_text_forms(struct wql_literal *l, struct arena *a, struct slice ns)
{
    read_number(l, l->text);
    struct slice t = slice_trim(l->text);
    if (slice_ieq(t, SLICE("TRUE")) || slice_ieq(t, SLICE("FALSE"))) {
        l->has_boolean = true;
        l->boolean = slice_ieq(t, SLICE("TRUE"));
    }
    l->has_datetime = cim_datetime_read(t, l->datetime);
    if (l->has_datetime && memchr(l->datetime, '*', CIM_DATETIME_LENGTH)) {
        struct cim_datetime d;
        l->has_datetime = cim_datetime_parse(slice_str(l->datetime), &d) && !d.wild;
    }
    const char *p = l->text.p, *end = p + l->text.n;
    bool valid = true;
    uint32_t c = l->text.n ? utf8_next(&p, end, true, &valid) : 0;
    if (l->text.n && p == end && c < 0x10000) {
        l->has_character = true;
        l->character = (uint16_t)c;
    }
    if (cim_reference_key(a, l->text, ns, &l->reference) != CIMF_OK) l->reference = SLICE_NULL;
}

cimf_status wql_literal_make(struct arena *a, const struct cim_value *v, struct slice ns,
                             struct wql_literal *out)
{
    *out = (struct wql_literal){ .text = SLICE("") };
    switch (v->type) {
    case CIM_STRING:
        out->text = v->v.s;
        read_text_forms(out, a, ns);
        break;
    case CIM_BOOLEAN:
        out->has_boolean = out->has_integer = true;
        out->boolean = v->v.u != 0;
        out->magnitude = v->v.u;
        out->text = out->boolean ? SLICE("TRUE") : SLICE("FALSE");
        break;
    case CIM_UINT64:
        out->text = arena_printf(a, "%llu", (unsigned long long)v->v.u);
        break;
    case CIM_SINT64:
        out->text = arena_printf(a, "%lld", (long long)v->v.i);
        break;
    default:
        out->text = arena_printf(a, "%.17g", v->v.r);
        break;
    }
    if (v->type != CIM_STRING && v->type != CIM_BOOLEAN) read_number(out, out->text);
    if (out->has_integer && !out->has_boolean && out->magnitude <= 1 && !out->negative) {
        out->has_boolean = true;
        out->boolean = out->magnitude == 1;
    }
    if (v->type != CIM_STRING && out->has_integer && !out->negative && out->magnitude <= 0xffff) {
        out->has_character = true;
        out->character = (uint16_t)out->magnitude;
    }
    return arena_status(a);
}

static bool ordering(enum wql_op op) { return op == WQL_LT || op == WQL_LE || op == WQL_GT || op == WQL_GE; }

const char *wql_literal_refuses(const struct wql_literal *l, unsigned type, enum wql_op op)
{
    if (CIM_IS_ARRAY(type)) return "arrays cannot be compared";
    if (op == WQL_LIKE) {
        if (!wql_like_valid(l->text)) return "a '[' of the pattern is not closed";
        if (type == CIM_STRING || type == CIM_REFERENCE) return NULL;
        if (wql_like_has_meta(l->text)) return "LIKE with wildcards needs a string property";
    }
    if (cim_type_is_integer(type))
        return l->has_integer ? NULL : "the constant is not an integer, but the property is";
    if (cim_type_is_real(type)) return l->has_real ? NULL : "the constant is not a number";
    switch (type) {
    case CIM_STRING: return NULL;
    case CIM_BOOLEAN:
        if (ordering(op)) return "booleans have no order";
        return l->has_boolean ? NULL : "the constant is not a boolean";
    case CIM_DATETIME: return l->has_datetime ? NULL : "the constant is not a date and time";
    case CIM_CHAR16: return l->has_character ? NULL : "the constant is not a character";
    case CIM_REFERENCE: return ordering(op) ? "references have no order" : NULL;
    default: return "embedded objects cannot be compared; use ISA or name one of their properties";
    }
}

static bool decide(enum wql_op op, int order)
{
    switch (op) {
    case WQL_EQ: case WQL_LIKE: return order == 0;
    case WQL_NE: return order != 0;
    case WQL_LT: return order < 0;
    case WQL_LE: return order <= 0;
    case WQL_GT: return order > 0;
    case WQL_GE: return order >= 0;
    default: return false;
    }
}

static int compare_integer(const struct wql_literal *l, unsigned type, const union cim_data *v)
{
    __int128 left = cim_type_is_signed(type) ? (__int128)v->i : (__int128)v->u;
    __int128 right = l->negative ? -(__int128)l->magnitude : (__int128)l->magnitude;
    return left < right ? -1 : left > right;
}

static bool compare_datetime(const struct wql_literal *l, enum wql_op op, struct slice value)
{
    bool defined = false;
    int order = cim_datetime_compare(value, slice_of(l->datetime, CIM_DATETIME_LENGTH), &defined);
    if (!defined) return op == WQL_NE;
    return decide(op, order);
}

static bool compare_reference(const struct wql_literal *l, enum wql_op op, struct slice value,
                              struct slice ns, struct arena *scratch)
{
    if (op == WQL_LIKE) return wql_like(value, l->text);
    struct slice key;
    if (l->reference.p && cim_reference_key(scratch, value, ns, &key) == CIMF_OK)
        return decide(op, slice_casecmp(key, l->reference) != 0);
    return decide(op, slice_casecmp(value, l->text) != 0);
}

bool wql_literal_compare(const struct wql_literal *l, enum wql_op op, unsigned type,
                         const union cim_data *v, struct slice ns, struct arena *scratch)
{
    if (CIM_IS_ARRAY(type)) return false;
    if (cim_type_is_integer(type))
        return l->has_integer && decide(op, compare_integer(l, type, v));
    if (cim_type_is_real(type)) {
        if (!l->has_real || isnan(v->r)) return false;
        return decide(op, v->r < l->real ? -1 : v->r > l->real);
    }
    switch (type) {
    case CIM_STRING:
        return op == WQL_LIKE ? wql_like(v->s, l->text) : decide(op, slice_casecmp(v->s, l->text));
    case CIM_BOOLEAN: return l->has_boolean && decide(op, (v->u != 0) != l->boolean);
    case CIM_DATETIME: return l->has_datetime && compare_datetime(l, op, v->s);
    case CIM_CHAR16:
        return l->has_character && decide(op, (int)v->u - (int)l->character);
    case CIM_REFERENCE: return compare_reference(l, op, v->s, ns, scratch);
    default: return false;
    }
}
