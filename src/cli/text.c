/* Values as text for terminals and files. */
#define _XOPEN_SOURCE 700
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "cli/output.h"

void text_free(struct text *t)
{
    free(t->p);
    *t = (struct text){ 0 };
}

void text_clear(struct text *t)
{
    t->n = 0;
    if (t->p) t->p[0] = 0;
}

void text_add(struct text *t, const char *p, size_t n)
{
    if (t->failed || n == 0) return;
    if (t->n + n + 1 > t->room) {
        size_t room = t->room ? t->room * 2 : 64;
        while (room < t->n + n + 1) room *= 2;
        char *more = realloc(t->p, room);
        if (!more) {
            t->failed = true;
            return;
        }
        t->p = more;
        t->room = room;
    }
    memcpy(t->p + t->n, p, n);
    t->n += n;
    t->p[t->n] = 0;
}

void text_z(struct text *t, const char *z)
{
    text_add(t, z, strlen(z));
}

void text_char(struct text *t, char c)
{
    text_add(t, &c, 1);
}

static bool digits(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9') return false;
    }
    return true;
}

/* yyyymmddHHMMSS.mmmmmmsUUU */
void text_datetime(struct text *t, cimf_str s)
{
    bool plain = s.n == 25 && (s.p[21] == '+' || s.p[21] == '-') && s.p[14] == '.' && digits(s.p, 14) &&
                 digits(s.p + 15, 6) && digits(s.p + 22, 3);
    if (!plain) {
        text_add(t, s.p, s.n);
        return;
    }
    char out[48];
    int minutes = (s.p[22] - '0') * 100 + (s.p[23] - '0') * 10 + (s.p[24] - '0');
    snprintf(out, sizeof out, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2s", s.p, s.p + 4, s.p + 6, s.p + 8, s.p + 10, s.p + 12);
    text_z(t, out);
    if (memcmp(s.p + 15, "000000", 6) != 0) text_add(t, s.p + 14, 7);
    if (minutes == 0) {
        text_char(t, 'Z');
        return;
    }
    snprintf(out, sizeof out, "%c%02d:%02d", s.p[21], minutes / 60, minutes % 60);
    text_z(t, out);
}

void text_plain(struct text *t, const cimf_value *v)
{
    if (v->null) return;
    if (v->type == CIMF_DATETIME) {
        text_datetime(t, v->v.s);
    } else if (v->type == CIMF_STRING || v->type == CIMF_REFERENCE) {
        text_add(t, v->v.s.p, v->v.s.n);
    } else if (v->type == CIMF_BOOLEAN) {
        text_z(t, v->v.u ? "true" : "false");
    } else {
        char small[64];
        cimf_value_text(v, small, sizeof small);
        text_z(t, small);
    }
}

/* C0, DEL and C1 controls and broken UTF-8 become harmless. */
static void add_clean(struct text *t, const char *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        unsigned char c = (unsigned char)p[i];
        size_t length = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
        bool whole = length > 0 && i + length <= n;
        for (size_t k = 1; whole && k < length; k++) whole = ((unsigned char)p[i + k] & 0xc0) == 0x80;
        bool c1 = whole && c == 0xc2 && (unsigned char)p[i + 1] < 0xa0;
        if (c == '\n' || c == '\t') text_char(t, ' ');
        else if (c == '\r') { /* goes with its line feed */ }
        else if (!whole || c < 0x20 || c == 0x7f || c1) text_char(t, '?');
        else text_add(t, p + i, length);
        i += whole ? length : 1;
    }
}

static void value_add(struct text *t, const cimf_value *v, unsigned depth);

static void instance_add(struct text *t, const cimf_instance *in, unsigned depth)
{
    cimf_str name = cimf_instance_class_name(in);
    text_add(t, name.p, name.n);
    text_z(t, " { ");
    for (uint32_t i = 0; i < cimf_instance_count(in); i++) {
        if (cimf_instance_state(in, i) == CIMF_STATE_ABSENT) continue;
        cimf_value v = cimf_instance_at(in, i);
        if (v.null) continue;
        cimf_property p = cimf_class_property(cimf_instance_class(in), i);
        text_add(t, p.name.p, p.name.n);
        text_z(t, "=");
        value_add(t, &v, depth + 1);
        text_z(t, "; ");
    }
    text_z(t, "}");
}

static void value_add(struct text *t, const cimf_value *v, unsigned depth)
{
    if (v->null || depth > 32) return;
    if (CIMF_IS_ARRAY(v->type)) {
        text_char(t, '{');
        for (uint32_t i = 0; i < cimf_value_count(v); i++) {
            cimf_value element = cimf_value_at(v, i);
            if (i) text_z(t, ", ");
            value_add(t, &element, depth + 1);
        }
        text_char(t, '}');
    } else if (v->type == CIMF_OBJECT) {
        const cimf_instance *in = cimf_value_instance(v);
        if (in) instance_add(t, in, depth);
    } else {
        struct text plain = { 0 };
        text_plain(&plain, v);
        add_clean(t, plain.p, plain.n);
        t->failed = t->failed || plain.failed;
        text_free(&plain);
    }
}

void text_value(struct text *t, const cimf_value *v)
{
    value_add(t, v, 0);
}

/* One character: its bytes and columns. */
static size_t character(const char *p, size_t n, unsigned *columns)
{
    wchar_t w;
    mbstate_t state;
    memset(&state, 0, sizeof state);
    size_t length = mbrtowc(&w, p, n, &state);
    *columns = 1;
    if (length == 0 || length > n) return 1;
    int width = wcwidth(w);
    if (width >= 0) *columns = (unsigned)width;
    return length;
}

unsigned text_width(const char *p, size_t n)
{
    unsigned total = 0, columns;
    for (size_t i = 0; i < n;) {
        i += character(p + i, n - i, &columns);
        total += columns;
    }
    return total;
}

size_t text_fit(const char *p, size_t n, unsigned limit)
{
    unsigned total = 0, columns;
    for (size_t i = 0; i < n;) {
        size_t length = character(p + i, n - i, &columns);
        if (total + columns > limit) return i;
        total += columns;
        i += length;
    }
    return n;
}
