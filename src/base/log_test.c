#include "base/log.h"

#include "base/test.h"

static char last[4096];
static int lines;

static void sink(enum log_level level, const char *line, void *arg)
{
    assert_ptr_equal(arg, &lines);
    assert_true(strlen(line) < sizeof last);
    strcpy(last, line);
    lines++;
}

static int setup(void **state)
{
    log_set_sink(sink, &lines);
    log_set_level(LOG_INFO_);
    lines = 0;
    return 0;
}

static int teardown(void **state)
{
    log_set_sink(NULL, NULL);
    return 0;
}

static int evaluated;
static int evaluate(void) { return ++evaluated; }

static void levels(void **state)
{
    log_info("base", "n=%d", 5);
    assert_string_equal(last, "info base: n=5");
    log_debug("base", "n=%d", evaluate());
    assert_int_equal(lines, 1);
    assert_int_equal(evaluated, 0);
    log_set_level(LOG_DEBUG_);
    log_debug("base", "n=%d", evaluate());
    assert_string_equal(last, "debug base: n=1");
    log_set_level(LOG_ERROR_);
    log_warn("base", "quiet");
    assert_int_equal(lines, 2);
    log_error("base", "loud");
    assert_string_equal(last, "error base: loud");
    enum log_level level = LOG_ERROR_;
    assert_true(log_level_parse(SLICE("DEBUG"), &level));
    assert_int_equal(level, LOG_DEBUG_);
    assert_false(log_level_parse(SLICE("loud"), &level));
}

static void lines_cannot_be_forged(void **state)
{
    log_info("net", "user=%s", "a\nerror net: fake\x1b[31m\x7f\t\r\xc3\xa9");
    assert_string_equal(last, "info net: user=a\\nerror net: fake\\x1b[31m\\x7f\\t\\r\xc3\xa9");
    char wide[8000];
    memset(wide, '\x01', sizeof wide - 1);
    wide[sizeof wide - 1] = 0;
    log_info("net", "%s", wide);
    assert_true(strlen(last) < 2048);
    assert_int_equal(lines, 2);
}

static void failures(void **state)
{
    struct error e = ERROR_INIT;
    error_set(&e, CIMF_INVALID_CLASS, "repo", "no such class");
    log_failure("mof", &e, "load");
    assert_string_equal(last, "error mof: load: no such class status=INVALID_CLASS from=repo");
    error_subject(&e, SLICE("A\nB"));
    error_place(&e, 2, 9);
    log_failure("mof", &e, "load");
    assert_string_equal(last, "error mof: load: no such class status=INVALID_CLASS from=repo "
                              "subject=A\\nB place=2:9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(levels, setup, teardown),
        cmocka_unit_test_setup_teardown(lines_cannot_be_forged, setup, teardown),
        cmocka_unit_test_setup_teardown(failures, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
