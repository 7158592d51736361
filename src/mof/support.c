/* mof/support.c - what every part of the parser uses: failures, tokens, lists, open files. */
#include <stdarg.h>
#include <stdio.h>

#include "mof/parse_priv.h"

static bool record(struct mof_parser *p, uint32_t file, uint32_t offset, cimf_status status, int code,
                   const char *text)
{
    if (p->status) return false;
    p->status = status;
    if (!p->e) return false;
    struct slice name;
    unsigned line, column;
    mof_locate(p->u, (struct mof_place){ file, offset }, &name, &line, &column);
    error_set(p->e, status, "mof", "%s", text);
    error_subject(p->e, name);
    error_place(p->e, line, column);
    p->e->native = code ? MOF_NATIVE(code) : 0;
    return false;
}

bool mof_fail(struct mof_parser *p, uint32_t offset, cimf_status status, int code,
              const char *format, ...)
{
    char text[320];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return record(p, p->file, offset, status, code, text);
}

bool mof_no_room(struct mof_parser *p)
{
    return mof_fail(p, p->t.start, CIMF_OUT_OF_MEMORY, 0,
                    "the text needs more memory than its limit allows");
}

/* The present token as it stands in the text, shortened. */
static void quote_token(const struct mof_parser *p, char out[64])
{
    if (p->t.kind == MOF_T_END) {
        snprintf(out, 64, "the end of the file");
        return;
    }
    const char *at = p->lex.start + p->t.start;
    size_t n = p->t.end - p->t.start, keep = n < 40 ? n : 40;
    while (keep && keep < n && ((unsigned char)at[keep] & 0xc0) == 0x80) keep--;
    const char *line = memchr(at, '\n', keep);
    if (line) keep = (size_t)(line - at);
    snprintf(out, 64, "'%.*s%s'", (int)keep, at, keep < n ? "..." : "");
}

bool mof_expected(struct mof_parser *p, int code, const char *what)
{
    char found[64];
    quote_token(p, found);
    return mof_fail(p, p->t.start, CIMF_INVALID_SYNTAX, code, "expected %s, found %s", what, found);
}

void mof_warn(struct mof_parser *p, uint32_t offset, const char *format, ...)
{
    if (!p->o->warn) return;
    char text[320];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct slice name;
    unsigned line, column;
    mof_locate(p->u, (struct mof_place){ p->file, offset }, &name, &line, &column);
    p->o->warn(p->o->arg, name, line, column, text);
}

bool mof_next(struct mof_parser *p)
{
    mof_lex_next(&p->lex, &p->t);
    if (p->t.kind != MOF_T_BAD) return true;
    return mof_fail(p, p->lex.problem_offset, p->lex.problem_status, p->lex.problem_code, "%s",
                    p->lex.problem);
}

bool mof_expect(struct mof_parser *p, int kind, int code, const char *what)
{
    if (p->t.kind != kind) return mof_expected(p, code, what);
    return mof_next(p);
}

bool mof_take_name(struct mof_parser *p, int code, const char *what, struct slice *name)
{
    if (p->t.kind != MOF_T_NAME) return mof_expected(p, code, what);
    if (p->o->strict && mof_word_reserved(p->t.text)) {
        return mof_fail(p, p->t.start, CIMF_INVALID_SYNTAX, code,
                        "expected %s, found the reserved word '" SLICE_FMT "'", what,
                        SLICE_ARG(p->t.text));
    }
    if (p->t.text.n > LIMIT_CLASS_NAME) {
        return mof_fail(p, p->t.start, CIMF_QUOTA_VIOLATION, code, "the name is longer than %d bytes",
                        LIMIT_CLASS_NAME);
    }
    *name = p->t.text;
    return mof_next(p);
}

bool mof_pile_push(struct mof_parser *p, const void *item, size_t size)
{
    if (buf_add(&p->pile, item, size)) return true;
    return mof_no_room(p);
}

bool mof_pile_take(struct mof_parser *p, size_t mark, size_t size, void *items, uint32_t *count)
{
    size_t bytes = p->pile.n - mark;
    void *out = NULL;
    if (bytes) {
        out = arena_alloc(p->a, bytes);
        if (!out) return mof_no_room(p);
        memcpy(out, p->pile.p + mark, bytes);
    }
    p->pile.n = mark;
    memcpy(items, &out, sizeof out);
    *count = (uint32_t)(bytes / size);
    return true;
}

void mof_names_begin(struct mof_parser *p)
{
    p->names.generation++;
    p->names.count = 0;
}

bool mof_names_add(struct mof_parser *p, struct slice name)
{
    struct mof_names *set = &p->names;
    if (set->count >= MOF_NAMES_ROOM / 2) return true; /* past every limit: the caller refuses it */
    uint32_t hash = slice_ihash(name);
    for (uint32_t i = hash;; i++) {
        struct mof_name_slot *s = &set->slots[i % MOF_NAMES_ROOM];
        if (s->generation != set->generation) {
            *s = (struct mof_name_slot){ set->generation, hash, name };
            set->count++;
            return true;
        }
        if (s->hash == hash && slice_ieq(s->name, name)) return false;
    }
}

/* Doubles an arena array when count has reached *room. */
static void *grown(struct mof_parser *p, void *items, uint32_t count, uint32_t *room, size_t size)
{
    if (count < *room) return items;
    uint32_t more = *room ? *room * 2 : 16;
    void *out = more > *room ? arena_array(p->a, more, size) : NULL;
    if (!out) {
        mof_no_room(p);
        return NULL;
    }
    if (count) memcpy(out, items, count * size);
    *room = more;
    return out;
}

struct mof_production *mof_add_production(struct mof_parser *p, enum mof_kind kind,
                                          struct mof_place place)
{
    struct mof_production *list = grown(p, p->u->productions, p->u->count, &p->productions_room,
                                        sizeof *list);
    if (!list) return NULL;
    p->u->productions = list;
    struct mof_production *made = &list[p->u->count++];
    made->kind = kind;
    made->place = place;
    made->ns = p->ns;
    made->flags = kind == MOF_PUT_CLASS ? p->class_flags
                                        : kind == MOF_PUT_INSTANCE ? p->instance_flags : 0;
    return made;
}

bool mof_declare_alias(struct mof_parser *p, struct slice name, uint32_t offset, uint32_t production)
{
    if (!name.n) return true;
    if (map_get(&p->aliases, name)) {
        return mof_fail(p, offset, CIMF_INVALID_SYNTAX, MOF_E_MULTIPLE_ALIASES,
                        "the alias $" SLICE_FMT " is declared twice", SLICE_ARG(name));
    }
    p->u->productions[production].alias = name;
    void *value = (void *)(uintptr_t)(production + 1);
    return map_put(&p->aliases, name, value, NULL) || mof_no_room(p);
}

bool mof_open_file(struct mof_parser *p, const struct mof_source *source, uint32_t offset)
{
    struct slice text;
    size_t cap = p->o->max_bytes ? p->o->max_bytes : LIMIT_MOF_FILE;
    struct mof_file *files = grown(p, p->u->files, p->u->file_count, &p->files_room, sizeof *files);
    if (!files) return false;
    p->u->files = files;
    uint32_t file = p->u->file_count++;
    files[file] = (struct mof_file){ .name = source->name };
    if (source->text.n > cap - p->bytes || file >= LIMIT_MOF_FILES) {
        return mof_fail(p, offset, CIMF_QUOTA_VIOLATION, MOF_E_INVALID_FILE,
                        "the text and what it includes are larger than %zu bytes or %d files", cap,
                        LIMIT_MOF_FILES);
    }
    p->bytes += source->text.n;
    struct error cause = ERROR_INIT;
    cimf_status st = mof_decode(p->a, source->text, &text, &cause);
    if (st) {
        return mof_fail(p, offset, st, MOF_E_INVALID_FILE, SLICE_FMT ": %s", SLICE_ARG(source->name),
                        error_text(&cause));
    }
    files[file].text = text;
    p->file = file;
    mof_lex_init(&p->lex, p->a, text, &p->scratch, p->o->strict);
    return mof_next(p);
}
