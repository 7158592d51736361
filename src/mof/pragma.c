/* mof/pragma.c - compiler directives (DSP0004 A.7; WmiSdk "Preprocessor Commands"). */
#include "mof/parse_priv.h"

#include "cim/path.h"

/* ( string {, string|word|number} ): the arguments, at most 8; *count 0 without parentheses. */
struct argument {
    int kind; /* MOF_T_STRING, MOF_T_NAME, MOF_T_INTEGER */
    struct slice text;
    uint64_t number;
    uint32_t offset;
};
#define MAX_ARGUMENTS 8

static bool arguments(struct mof_parser *p, int code, struct argument out[MAX_ARGUMENTS],
                      unsigned *count)
{
    *count = 0;
    bool parentheses = p->t.kind == '(';
    if (parentheses && !mof_next(p)) return false;
    for (;;) {
        if (p->t.kind != MOF_T_STRING && p->t.kind != MOF_T_NAME && p->t.kind != MOF_T_INTEGER)
            return mof_expected(p, code, "a value of the directive in parentheses");
        if (*count == MAX_ARGUMENTS) return mof_expected(p, code, "')'");
        out[(*count)++] = (struct argument){ p->t.kind, p->t.text, p->t.number, p->t.start };
        if (!mof_next(p)) return false;
        if (!parentheses) return true;
        if (p->t.kind == ')') return mof_next(p);
        if (!mof_expect(p, ',', MOF_E_EXPECTED_CLOSE_PAREN, "',' or ')'")) return false;
    }
}

static bool one_string(struct mof_parser *p, int code, const char *what, struct argument *out)
{
    struct argument list[MAX_ARGUMENTS];
    unsigned count;
    if (p->o->strict && p->t.kind != '(') return mof_expected(p, MOF_E_EXPECTED_OPEN_PAREN, "'('");
    if (!arguments(p, code, list, &count)) return false;
    if (count != 1 || list[0].kind != MOF_T_STRING) {
        return mof_fail(p, list[0].offset, CIMF_INVALID_SYNTAX, code, "expected %s as one string", what);
    }
    *out = list[0];
    return true;
}

static bool namespace_pragma(struct mof_parser *p)
{
    struct argument value;
    if (!one_string(p, MOF_E_INVALID_NAMESPACE_SYNTAX, "a namespace", &value)) return false;
    struct slice ns;
    cimf_status st = cim_namespace_normal(p->a, value.text, &ns);
    if (st || !ns.n) {
        return mof_fail(p, value.offset, st ? st : CIMF_INVALID_NAMESPACE, MOF_E_INVALID_NAMESPACE_SYNTAX,
                        "'" SLICE_FMT "' is not a namespace path", SLICE_ARG(value.text));
    }
    p->ns = ns;
    return true;
}

/* Adds the flag that a word names; false if there is none. Words may be several in one string. */
static bool flag_word(struct slice word, bool classes, uint32_t *flags)
{
    word = slice_trim(word);
    if (mof_word_is(word, "createonly")) *flags |= CIM_CREATE_ONLY;
    else if (mof_word_is(word, "updateonly")) *flags |= CIM_UPDATE_ONLY;
    else if (classes && mof_word_is(word, "safeupdate")) *flags |= CIM_UPDATE_SAFE;
    else if (classes && mof_word_is(word, "forceupdate")) *flags |= CIM_UPDATE_FORCE;
    else return false;
    return true;
}

/* The number form: WBEM_FLAG_* of MS-WMI 2.2.6. */
static bool flag_number(uint64_t n, bool classes, uint32_t *flags)
{
    if (n & ~(uint64_t)(classes ? 0x63 : 0x3)) return false;
    if (n & 1) *flags |= CIM_UPDATE_ONLY;
    if (n & 2) *flags |= CIM_CREATE_ONLY;
    if (n & 0x20) *flags |= CIM_UPDATE_SAFE;
    if (n & 0x40) *flags |= CIM_UPDATE_FORCE;
    return true;
}

static bool flags_pragma(struct mof_parser *p, bool classes, uint32_t *out)
{
    struct argument list[MAX_ARGUMENTS];
    unsigned count;
    uint32_t flags = 0;
    if (!arguments(p, MOF_E_INVALID_FLAGS_SYNTAX, list, &count)) return false;
    for (unsigned i = 0; i < count; i++) {
        bool known;
        if (list[i].kind == MOF_T_INTEGER) {
            known = flag_number(list[i].number, classes, &flags);
        } else {
            struct slice rest = list[i].text;
            known = true;
            do known &= flag_word(slice_split(rest, ',', &rest), classes, &flags);
            while (rest.p);
        }
        if (!known) {
            return mof_fail(p, list[i].offset, CIMF_INVALID_SYNTAX, MOF_E_INVALID_FLAGS_SYNTAX, "%s",
                            classes ? "expected createonly, updateonly, safeupdate, forceupdate or "
                                      "their number"
                                    : "expected createonly, updateonly or their number");
        }
    }
    uint32_t both = CIM_CREATE_ONLY | CIM_UPDATE_ONLY, modes = CIM_UPDATE_SAFE | CIM_UPDATE_FORCE;
    if ((flags & both) == both || (flags & modes) == modes) {
        return mof_fail(p, list[0].offset, CIMF_INVALID_SYNTAX, MOF_E_INVALID_FLAGS_SYNTAX,
                        "the flags exclude each other");
    }
    *out = flags;
    return true;
}

static bool delete_pragma(struct mof_parser *p, enum mof_kind kind, int code, uint32_t offset)
{
    struct argument list[MAX_ARGUMENTS];
    unsigned count;
    if (!arguments(p, code, list, &count)) return false;
    bool fail = count == 2 && mof_word_is(list[1].text, "fail");
    if (count != 2 || list[0].kind != MOF_T_STRING || !list[0].text.n ||
        (!fail && !mof_word_is(list[1].text, "nofail"))) {
        return mof_fail(p, list[0].offset, CIMF_INVALID_SYNTAX, code,
                        "expected (\"%s\", fail) or (\"%s\", nofail)",
                        kind == MOF_DELETE_CLASS ? "Class" : "path",
                        kind == MOF_DELETE_CLASS ? "Class" : "path");
    }
    struct mof_production *made = mof_add_production(p, kind, (struct mof_place){ p->file, offset });
    if (!made) return false;
    made->remove.target = list[0].text;
    made->remove.must_exist = fail;
    return true;
}

/* "MS_409" to "ms_409"; the number is a Windows LCID in hexadecimal. */
static bool amendment_pragma(struct mof_parser *p)
{
    struct argument value;
    if (!one_string(p, MOF_E_INVALID_AMENDMENT_SYNTAX, "a locale (MS_409)", &value)) return false;
    struct slice text = value.text;
    bool valid = text.n > 3 && text.n <= 8 && slice_istarts(text, SLICE("ms_"));
    for (size_t i = 3; valid && i < text.n; i++) valid = strchr("0123456789abcdefABCDEF", text.p[i]);
    if (!valid) {
        return mof_fail(p, value.offset, CIMF_INVALID_SYNTAX, MOF_E_INVALID_AMENDMENT_SYNTAX,
                        "expected a locale like MS_409");
    }
    struct slice lower = arena_lower(p->a, text);
    if (!lower.p) return mof_no_room(p);
    if (p->u->amendment.n && !slice_eq(p->u->amendment, lower)) {
        return mof_fail(p, value.offset, CIMF_INVALID_SYNTAX, MOF_E_INVALID_DUPLICATE_AMENDMENT,
                        "the text already has the amendment " SLICE_FMT, SLICE_ARG(p->u->amendment));
    }
    p->u->amendment = lower;
    return true;
}

/* Opens the file and reads on in it; the present token stays to be read when it ends. */
static bool include_pragma(struct mof_parser *p, uint32_t offset)
{
    struct argument value;
    if (!one_string(p, MOF_E_INVALID_INCLUDE_FILE, "a file", &value)) return false;
    if (!p->o->include) {
        return mof_fail(p, offset, CIMF_NOT_SUPPORTED, MOF_E_INVALID_INCLUDE_FILE,
                        "include is not allowed here");
    }
    if (p->open == LIMIT_MOF_INCLUDES) {
        return mof_fail(p, offset, CIMF_QUOTA_VIOLATION, MOF_E_INVALID_INCLUDE_FILE,
                        "files include each other more than %d deep", LIMIT_MOF_INCLUDES);
    }
    struct mof_source source = { .name = SLICE_NULL };
    struct error cause = ERROR_INIT;
    cimf_status st = p->o->include(p->o->arg, p->a, p->u->files[p->file].name, value.text, &source,
                                   &cause);
    if (st) {
        return mof_fail(p, value.offset, st, MOF_E_INVALID_INCLUDE_FILE,
                        "'" SLICE_FMT "' cannot be included: %s", SLICE_ARG(value.text),
                        error_text(&cause));
    }
    bool open = slice_eq(p->u->files[p->file].name, source.name);
    for (unsigned i = 0; i < p->open && !open; i++)
        open = slice_eq(p->u->files[p->stack[i].file].name, source.name);
    if (open) {
        return mof_fail(p, value.offset, CIMF_INVALID_SYNTAX, MOF_E_INVALID_INCLUDE_FILE,
                        "'" SLICE_FMT "' includes itself", SLICE_ARG(value.text));
    }
    struct mof_open_file *back = &p->stack[p->open++];
    back->lex = p->lex;
    back->file = p->file;
    back->lex.at = p->lex.start + p->t.start; /* the token behind the directive is read again */
    return mof_open_file(p, &source, value.offset);
}

/* A directive that is not known: its parentheses if it has some on the same line, else the line. */
static bool skip_unknown(struct mof_parser *p, struct slice name, uint32_t offset, bool warn)
{
    if (warn) mof_warn(p, offset, "the directive '" SLICE_FMT "' is not known", SLICE_ARG(name));
    const char *text = p->lex.start;
    bool same_line = !memchr(text + offset, '\n', p->t.start - offset);
    if (p->t.kind != '(' || !same_line) {
        if (!same_line) return true;
        mof_lex_skip_line(&p->lex, p->t.start);
        return mof_next(p);
    }
    unsigned depth = 0;
    do {
        if (p->t.kind == '(') depth++;
        if (p->t.kind == ')') depth--;
        if (p->t.kind == MOF_T_END) return mof_expected(p, MOF_E_EXPECTED_CLOSE_PAREN, "')'");
        if (!mof_next(p)) return false;
    } while (depth);
    return true;
}

bool mof_parse_directive(struct mof_parser *p)
{
    uint32_t offset = p->t.start;
    if (!mof_next(p)) return false;
    if (mof_token_is(&p->t, "include")) return mof_next(p) && include_pragma(p, offset);
    if (mof_token_is(&p->t, "line")) { /* left behind by a C preprocessor */
        mof_lex_skip_line(&p->lex, p->t.start);
        return mof_next(p);
    }
    if (!mof_token_is(&p->t, "pragma"))
        return mof_expected(p, MOF_E_INVALID_PRAGMA, "'pragma' or 'include' after '#'");
    if (!mof_next(p)) return false;
    if (p->t.kind != MOF_T_NAME)
        return mof_expected(p, MOF_E_INVALID_PRAGMA, "the name of a directive after '#pragma'");
    struct slice name = p->t.text;
    offset = p->t.start;
    if (mof_word_is(name, "autorecover")) {
        p->u->autorecover = true;
        return mof_next(p);
    }
    /* What follows an unknown directive may be anything, so the next token is not to be trusted. */
    struct mof_lexer before = p->lex;
    mof_lex_next(&p->lex, &p->t);
    if (p->t.kind == MOF_T_BAD) {
        p->lex = before;
        mof_lex_skip_line(&p->lex, offset);
        mof_warn(p, offset, "the directive '" SLICE_FMT "' is not known", SLICE_ARG(name));
        return mof_next(p);
    }
    if (mof_word_is(name, "include")) return include_pragma(p, offset);
    if (mof_word_is(name, "namespace")) return namespace_pragma(p);
    if (mof_word_is(name, "classflags")) return flags_pragma(p, true, &p->class_flags);
    if (mof_word_is(name, "instanceflags")) return flags_pragma(p, false, &p->instance_flags);
    if (mof_word_is(name, "deleteclass"))
        return delete_pragma(p, MOF_DELETE_CLASS, MOF_E_INVALID_DELETECLASS_SYNTAX, offset);
    if (mof_word_is(name, "deleteinstance"))
        return delete_pragma(p, MOF_DELETE_INSTANCE, MOF_E_INVALID_DELETEINSTANCE_SYNTAX, offset);
    if (mof_word_is(name, "amendment")) return amendment_pragma(p);
    if (mof_word_is(name, "locale")) {
        struct argument value;
        if (!one_string(p, MOF_E_INVALID_PRAGMA, "a locale", &value)) return false;
        p->u->locale = value.text;
        return true;
    }
    /* DSP0004 directives about where instances come from: understood, without effect. */
    bool silent = mof_word_is(name, "instancelocale") || mof_word_is(name, "source") ||
                  mof_word_is(name, "nonlocal") || mof_word_is(name, "nonlocaltype") ||
                  mof_word_is(name, "sourcetype");
    return skip_unknown(p, name, offset, !silent);
}
