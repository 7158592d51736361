/* base/test_arena.h - for tests whose fixture is one arena. Included by one file of a program, behind base/test.h. */
#ifndef BASE_TEST_ARENA_H
#define BASE_TEST_ARENA_H

#include "base/arena.h"

static struct arena arena;

static int setup(void **state)
{
    arena_init(&arena, 0);
    return 0;
}

static int teardown(void **state)
{
    arena_free(&arena);
    return 0;
}

#endif
