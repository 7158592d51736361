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

/* libuv closes by the bare system call and mkostemp opens by one, and ThreadSanitizer sees neither: a number that a
 * loop's connection had seems to be that connection still, whose end it then reports at our own close(). */
#ifdef __SANITIZE_THREAD__
const char *__tsan_default_suppressions(void);
__attribute__((weak, visibility("default"))) const char *__tsan_default_suppressions(void) { return "race:^__interceptor_close$\n"; }
#endif

#endif
