/* base/test.h - what every cmocka test includes, in the order that cmocka asks for. */
#ifndef BASE_TEST_H
#define BASE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"

#define assert_slice(s, z)                                                                         \
    do {                                                                                           \
        struct slice got_ = (s);                                                                   \
        assert_int_equal(got_.n, strlen(z));                                                       \
        if (got_.n) assert_memory_equal(got_.p, z, got_.n);                                        \
    } while (0)

#endif
