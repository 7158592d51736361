/* mof/lex.c - characters to tokens (DSP0004 A.1 to A.4, WmiSdk "Numbers" and "Strings"). */
#include "mof/lex_priv.h"

#include "base/utf.h"

enum { C_OTHER, C_SPACE, C_NAME, C_DIGIT, C_PUNCT };

static const unsigned char char_class[256] = {
    [' '] = C_SPACE, ['\t'] = C_SPACE, ['\r'] = C_SPACE, ['\n'] = C_SPACE, ['\f'] = C_SPACE,
    ['\v'] = C_SPACE,
    ['0' ... '9'] = C_DIGIT,
    ['a' ... 'z'] = C_NAME, ['A' ... 'Z'] = C_NAME, ['_'] = C_NAME, [0x80 ... 0xff] = C_NAME,
    ['{'] = C_PUNCT, ['}'] = C_PUNCT, ['('] = C_PUNCT, [')'] = C_PUNCT, ['['] = C_PUNCT,
    [']'] = C_PUNCT, [';'] = C_PUNCT, [':'] = C_PUNCT, [','] = C_PUNCT, ['='] = C_PUNCT,
    ['#'] = C_PUNCT,
};

/* Bytes that end the plain run inside a string literal. */
static const bool string_stop[256] = { [0] = true, ['"'] = true, ['\\'] = true, ['\n'] = true,
                                       ['\r'] = true };

static inline unsigned class_of(char c) { return char_class[(unsigned char)c]; }

void mof_lex_init(struct mof_lexer *lex, struct arena *a, struct slice text, struct buf *scratch,
                  bool strict)
{
    *lex = (struct mof_lexer){ .a = a, .start = text.p, .at = text.p,
                               .end = text.p ? text.p + text.n : NULL, .scratch = scratch,
                               .strict = strict };
}

bool mof_word_is(struct slice text, const char *word)
{
    size_t i = 0;
    for (; i < text.n && word[i]; i++) {
        char c = text.p[i];
        if (c >= 'A' && c <= 'Z') c = (char)(c | 0x20);
        if (c != word[i]) return false;
    }
    return i == text.n && !word[i];
}

bool mof_word_reserved(struct slice text)
{
    static const char *const words[] = {
        "any", "as", "association", "boolean", "char16", "class", "datetime", "disableoverride",
        "enableoverride", "false", "flavor", "indication", "instance", "method", "null", "of",
        "parameter", "pragma", "property", "qualifier", "real32", "real64", "ref", "reference",
        "restricted", "schema", "scope", "sint16", "sint32", "sint64", "sint8", "string",
        "tosubclass", "translatable", "true", "uint16", "uint32", "uint64", "uint8",
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (mof_word_is(text, words[i])) return true;
    }
    return false;
}

static void bad(struct mof_lexer *lex, struct mof_token *t, const char *at, cimf_status status,
                enum mof_error code, const char *problem)
{
    t->kind = MOF_T_BAD;
    lex->problem = problem;
    lex->problem_status = status;
    lex->problem_code = code;
    lex->problem_offset = (uint32_t)(at - lex->start);
}

/* Skips white space and comments; false (and t is bad) at a comment without end. */
static bool skip_blank(struct mof_lexer *lex, struct mof_token *t)
{
    const char *p = lex->at, *end = lex->end;
    for (;;) {
        while (p < end && class_of(*p) == C_SPACE) p++;
        if (end - p < 2 || *p != '/') break;
        if (p[1] == '/') {
            const char *line = memchr(p, '\n', (size_t)(end - p));
            p = line ? line + 1 : end;
        } else if (p[1] == '*') {
            const char *close = memmem(p + 2, (size_t)(end - p - 2), "*/", 2);
            if (!close) {
                bad(lex, t, p, CIMF_INVALID_SYNTAX, MOF_E_UNRECOGNIZED_TOKEN,
                    "the comment that starts here has no end");
                lex->at = end;
                return false;
            }
            p = close + 2;
        } else {
            break;
        }
    }
    lex->at = p;
    return true;
}

/* The escape after a backslash at p (p points past it). Gives the UTF-16 unit; NULL if not valid. */
static const char *escape(const char *p, const char *end, unsigned *unit)
{
    if (p == end) return NULL;
    switch (*p) {
    case 'b': *unit = '\b'; return p + 1;
    case 't': *unit = '\t'; return p + 1;
    case 'n': *unit = '\n'; return p + 1;
    case 'f': *unit = '\f'; return p + 1;
    case 'r': *unit = '\r'; return p + 1;
    case '"': case '\'': case '\\': *unit = (unsigned char)*p; return p + 1;
    case 'x': case 'X': {
        unsigned v = 0;
        int n = 0;
        for (p++; n < 4 && p < end && hex_digit(*p) >= 0; n++, p++) v = v << 4 | (unsigned)hex_digit(*p);
        *unit = v;
        return n ? p : NULL;
    }
    default: return NULL;
    }
}

/* Appends a code point; surrogates as three bytes, so that a lone one survives (MS-WMI 3.1.4). */
static bool put_unit(struct buf *b, unsigned c)
{
    char out[4];
    size_t n;
    if (c < 0x80) {
        out[0] = (char)c;
        n = 1;
    } else if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        n = 2;
    } else if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        n = 3;
    } else {
        out[0] = (char)(0xf0 | c >> 18);
        out[1] = (char)(0x80 | (c >> 12 & 0x3f));
        out[2] = (char)(0x80 | (c >> 6 & 0x3f));
        out[3] = (char)(0x80 | (c & 0x3f));
        n = 4;
    }
    return buf_add(b, out, n);
}

/* \x escapes are UTF-16 units: a high and a low one in a row are one character. */
static bool put_escaped(struct buf *b, unsigned unit)
{
    if (unit >= 0xdc00 && unit <= 0xdfff && b->n >= 3) {
        const unsigned char *h = (const unsigned char *)b->p + b->n - 3;
        if (h[0] == 0xed && h[1] >= 0xa0 && h[1] <= 0xaf) {
            unsigned high = 0xd000u | (h[1] & 0x3fu) << 6 | (h[2] & 0x3fu);
            buf_cut(b, b->n - 3);
            return put_unit(b, 0x10000 + ((high & 0x3ff) << 10) + (unit & 0x3ff));
        }
    }
    return put_unit(b, unit);
}

/* One literal whose opening quote is behind p; appends to scratch from `run` on. NULL after bad(). */
static const char *string_rest(struct mof_lexer *lex, struct mof_token *t, const char *p)
{
    struct buf *b = lex->scratch;
    const char *end = lex->end, *run = p;
    for (;;) {
        while (p < end && !string_stop[(unsigned char)*p]) p++;
        buf_add(b, run, (size_t)(p - run));
        if (p < end && *p == '"') return p + 1;
        if (p == end || *p != '\\') {
            bad(lex, t, p, CIMF_INVALID_SYNTAX, MOF_E_ILLEGAL_CONSTANT_VALUE,
                p < end && !*p ? "a NUL byte stands in the string"
                               : "the string has no closing quotation mark on its line");
            return NULL;
        }
        unsigned unit = 0;
        const char *next = escape(p + 1, end, &unit);
        if (!next) {
            bad(lex, t, p, CIMF_INVALID_SYNTAX, MOF_E_ILLEGAL_CONSTANT_VALUE,
                "expected one of \\b \\t \\n \\f \\r \\\" \\' \\\\ \\xH after the backslash");
            return NULL;
        }
        put_escaped(b, unit);
        run = p = next;
    }
}

static void lex_string(struct mof_lexer *lex, struct mof_token *t)
{
    const char *p = lex->at + 1, *end = lex->end, *run = p;
    while (p < end && !string_stop[(unsigned char)*p]) p++;
    t->kind = MOF_T_STRING;
    if (p < end && *p == '"') {
        lex->at = p + 1;
        t->end = (uint32_t)(lex->at - lex->start);
        if (!skip_blank(lex, t)) return;
        if (lex->at == end || *lex->at != '"') { /* alone and plain: borrow */
            t->text = slice_of(run, (size_t)(p - run));
            return;
        }
        buf_clear(lex->scratch);
        buf_add(lex->scratch, run, (size_t)(p - run));
    } else {
        buf_clear(lex->scratch);
        if (!(lex->at = string_rest(lex, t, run))) goto stop;
    }
    for (;;) {
        t->end = (uint32_t)(lex->at - lex->start);
        if (!skip_blank(lex, t)) return;
        if (lex->at == end || *lex->at != '"') break;
        if (!(lex->at = string_rest(lex, t, lex->at + 1))) goto stop;
        if (lex->scratch->n > LIMIT_MOF_STRING) break;
    }
    if (!buf_ok(lex->scratch) || lex->scratch->n > LIMIT_MOF_STRING) {
        bad(lex, t, lex->start + t->start, CIMF_QUOTA_VIOLATION, MOF_E_ILLEGAL_CONSTANT_VALUE,
            "the string is too long");
        goto stop;
    }
    t->text = arena_dup(lex->a, buf_slice(lex->scratch));
    if (t->text.p) return;
    bad(lex, t, lex->start + t->start, CIMF_OUT_OF_MEMORY, MOF_E_ILLEGAL_CONSTANT_VALUE,
        "the text needs more memory than its limit allows");
stop:
    lex->at = end;
}

static void lex_char(struct mof_lexer *lex, struct mof_token *t)
{
    const char *p = lex->at + 1, *end = lex->end;
    unsigned unit = 0;
    bool valid = p < end && *p != '\'' && *p != '\n' && *p != '\r' && *p != 0;
    if (valid && *p == '\\') {
        p = escape(p + 1, end, &unit);
        valid = p != NULL;
    } else if (valid) {
        unit = utf8_next(&p, end, true, &valid);
        valid = valid && unit < 0x10000;
    }
    if (!valid || p == end || *p != '\'') {
        bad(lex, t, lex->at, CIMF_INVALID_SYNTAX, MOF_E_ILLEGAL_CONSTANT_VALUE,
            "expected one 16-bit character between apostrophes");
        lex->at = end;
        return;
    }
    lex->at = p + 1;
    t->kind = MOF_T_CHAR;
    t->number = unit;
}

/* Magnitude of digits in a base; false past 64 bits. */
static bool magnitude(const char *p, const char *end, unsigned base, uint64_t *out)
{
    uint64_t v = 0;
    for (; p < end; p++) {
        uint64_t digit = (uint64_t)hex_digit(*p);
        if (__builtin_mul_overflow(v, (uint64_t)base, &v) || __builtin_add_overflow(v, digit, &v))
            return false;
    }
    *out = v;
    return true;
}

static bool all_in(const char *p, const char *end, const char *set)
{
    if (p == end) return false;
    while (p < end && *p && strchr(set, *p)) p++;
    return p == end;
}

/* [0-9]* [. [0-9]*] [e [+-] [0-9]+] with a digit somewhere. */
static bool real_form(const char *p, const char *end, bool strict)
{
    const char *whole = p;
    while (p < end && class_of(*p) == C_DIGIT) p++;
    size_t before = (size_t)(p - whole), after = 0;
    bool dot = p < end && *p == '.';
    if (dot) {
        const char *fraction = ++p;
        while (p < end && class_of(*p) == C_DIGIT) p++;
        after = (size_t)(p - fraction);
    }
    if (before + after == 0 || (strict && (!dot || !after))) return false;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        const char *exponent = p;
        while (p < end && class_of(*p) == C_DIGIT) p++;
        if (p == exponent) return false;
    }
    return p == end;
}

static void lex_number(struct mof_lexer *lex, struct mof_token *t)
{
    const char *p = lex->at, *end = lex->end;
    t->negative = *p == '-';
    if (*p == '-' || *p == '+') p++;
    const char *digits = p;
    bool hex = end - p > 1 && *p == '0' && (p[1] | 0x20) == 'x';
    while (p < end && (class_of(*p) == C_DIGIT || class_of(*p) == C_NAME || *p == '.' ||
                       (!hex && p > digits && (*p == '+' || *p == '-') && (p[-1] | 0x20) == 'e')))
        p++;
    const char *stop = p;
    lex->at = p;
    t->kind = MOF_T_INTEGER;
    bool fits, known = true;
    if (hex) {
        known = all_in(digits + 2, stop, "0123456789abcdefABCDEF");
        fits = known && magnitude(digits + 2, stop, 16, &t->number);
    } else if (stop > digits && (stop[-1] | 0x20) == 'b' && all_in(digits, stop - 1, "01")) {
        fits = magnitude(digits, stop - 1, 2, &t->number);
    } else if (all_in(digits, stop, "0123456789")) {
        bool octal = *digits == '0' && stop - digits > 1;
        if (octal && !all_in(digits, stop, "01234567")) {
            /* 08: an error of DSP0004; the Windows compiler reads it as decimal (cim-core.md 2.11). */
            known = !lex->strict;
            octal = false;
        }
        fits = magnitude(digits, stop, octal ? 8 : 10, &t->number);
    } else {
        known = real_form(digits, stop, lex->strict);
        fits = true;
        t->kind = MOF_T_REAL;
        t->text = slice_of(lex->start + t->start, (size_t)(stop - (lex->start + t->start)));
    }
    if (!known) {
        bad(lex, t, lex->start + t->start, CIMF_INVALID_SYNTAX, MOF_E_ILLEGAL_CONSTANT_VALUE,
            "expected a number: decimal, 0x hexadecimal, 0 octal, binary ending in b, or real");
    } else if (!fits || (t->kind == MOF_T_INTEGER && t->negative &&
                         t->number > (uint64_t)INT64_MAX + 1)) {
        bad(lex, t, lex->start + t->start, CIMF_INVALID_SYNTAX, MOF_E_OUT_OF_RANGE,
            "the number needs more than 64 bits");
    }
}

static const char *name_end(const char *p, const char *end)
{
    while (p < end && (class_of(*p) == C_NAME || class_of(*p) == C_DIGIT)) p++;
    return p;
}

void mof_lex_next(struct mof_lexer *lex, struct mof_token *t)
{
    t->text = SLICE_NULL;
    t->negative = false;
    t->start = (uint32_t)(lex->at - lex->start);
    if (!skip_blank(lex, t)) return;
    const char *p = lex->at;
    t->start = (uint32_t)(p - lex->start);
    if (p == lex->end || (*p == 0x1a && p + 1 == lex->end)) { /* Ctrl-Z ends old files */
        t->kind = MOF_T_END;
        t->end = t->start;
        return;
    }
    switch (class_of(*p)) {
    case C_NAME:
        t->kind = MOF_T_NAME;
        lex->at = name_end(p, lex->end);
        t->text = slice_of(p, (size_t)(lex->at - p));
        break;
    case C_PUNCT:
        t->kind = *p;
        lex->at++;
        break;
    case C_DIGIT:
        lex_number(lex, t);
        break;
    default:
        if (*p == '"') {
            lex_string(lex, t);
            return; /* has set its own end */
        }
        if (*p == '\'') {
            lex_char(lex, t);
        } else if (*p == '$') {
            t->kind = MOF_T_ALIAS;
            lex->at = name_end(p + 1, lex->end);
            t->text = slice_of(p + 1, (size_t)(lex->at - p - 1));
            if (!t->text.n || class_of(p[1]) == C_DIGIT)
                bad(lex, t, p, CIMF_INVALID_SYNTAX, MOF_E_EXPECTED_ALIAS_NAME,
                    "expected an alias name after '$'");
        } else if (*p == '-' || *p == '+' || *p == '.') {
            lex_number(lex, t);
        } else {
            bad(lex, t, p, CIMF_INVALID_SYNTAX, MOF_E_UNRECOGNIZED_TOKEN,
                *p ? "the character has no meaning here" : "a NUL byte stands in the text");
            lex->at++;
        }
    }
    t->end = (uint32_t)(lex->at - lex->start);
}

void mof_lex_skip_line(struct mof_lexer *lex, uint32_t from)
{
    const char *p = lex->start + from;
    const char *line = memchr(p, '\n', (size_t)(lex->end - p));
    lex->at = line ? line + 1 : lex->end;
}
