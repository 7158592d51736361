/* mof/test_unit.h - a text, its unit and its memory, for the tests of this room. */
#ifndef MOF_TEST_UNIT_H
#define MOF_TEST_UNIT_H

#include "base/test.h"

#include "mof/memory.h"

struct bench {
    struct arena a;
    struct mof_unit u;
    struct error e;
    struct mof_counts counts;
};

static inline void bench_open(struct bench *b)
{
    memset(b, 0, sizeof *b);
    arena_init(&b->a, 0);
}

static inline void bench_close(struct bench *b) { arena_free(&b->a); }

static inline cimf_status bench_parse(struct bench *b, struct slice text, const struct mof_options *o)
{
    struct mof_source source = { .name = SLICE("test.mof"), .text = text };
    b->e = ERROR_INIT;
    return mof_parse(&b->a, &source, o, &b->u, &b->e);
}

/* Fails the test with the message of the parser. */
static inline void bench_ok(struct bench *b, cimf_status st)
{
    if (st)
        fail_msg("%s:%u:%u: %s", b->e.subject, b->e.line, b->e.column, error_text(&b->e));
}

static inline cimf_status bench_compile(struct bench *b, struct mof_memory *m, const char *text,
                                        const struct mof_options *o)
{
    cimf_status st = bench_parse(b, slice_str(text), o);
    if (!st) st = mof_memory_apply(m, &b->a, &b->u, &b->counts, &b->e);
    return st;
}

#endif
