/*
 * mof/lex_priv.h - tokens of MOF.
 *
 * The lexer walks one UTF-8 text and never copies a name; a string is borrowed from the text when it is
 * one literal without escapes, and built in the arena otherwise (adjacent literals are one string,
 * comments between them included). White space and comments vanish. Offsets, not lines: those are
 * counted when somebody asks.
 */
#ifndef MOF_LEX_PRIV_H
#define MOF_LEX_PRIV_H

#include "mof/mof.h"

enum mof_token_kind {
    MOF_T_END,
    MOF_T_NAME,    /* identifier or keyword: which one depends on where it stands */
    MOF_T_ALIAS,   /* $Name; text without the dollar sign */
    MOF_T_STRING,  /* text: the characters */
    MOF_T_CHAR,    /* number: UTF-16 unit */
    MOF_T_INTEGER, /* number, negative */
    MOF_T_REAL,    /* text: as written */
    MOF_T_BAD,     /* lex->problem tells why */
    /* Punctuation is its own character code: { } ( ) [ ] ; : , = # */
};

struct mof_token {
    int kind;             /* enum mof_token_kind or a character */
    uint32_t start, end;  /* offsets in the text */
    struct slice text;
    uint64_t number;      /* magnitude */
    bool negative;
};

struct mof_lexer {
    struct arena *a;
    const char *start, *at, *end;
    struct buf *scratch;  /* for strings under construction */
    bool strict;
    /* Why the last token is MOF_T_BAD, and where. */
    const char *problem;
    cimf_status problem_status;
    enum mof_error problem_code;
    uint32_t problem_offset;
};

void mof_lex_init(struct mof_lexer *lex, struct arena *a, struct slice text, struct buf *scratch,
                  bool strict);
void mof_lex_next(struct mof_lexer *lex, struct mof_token *t);
/* Moves to the end of the line that `from` is on: for directives that are not known. */
void mof_lex_skip_line(struct mof_lexer *lex, uint32_t from);
/* ASCII case-insensitive; word in lower case. */
bool mof_word_is(struct slice text, const char *word);
static inline bool mof_token_is(const struct mof_token *t, const char *word)
{
    return t->kind == MOF_T_NAME && mof_word_is(t->text, word);
}
/* A word that DSP0004 A.3 reserves. */
bool mof_word_reserved(struct slice text);

/* Bytes of a file to UTF-8 without byte order mark. INVALID_SYNTAX: a mark that lies. */
cimf_status mof_decode(struct arena *a, struct slice bytes, struct slice *text, struct error *e);

#endif
