/* Configuration files. */
#include "base/test.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/ini.h"

static cimf_status write_line(void *arg, const struct ini_line *l, struct error *e)
{
    if (slice_is(l->value, "bad")) return error_set(e, CIMF_ACCESS_DENIED, "test", "no");
    buf_printf(arg, "%u%s " SLICE_FMT "." SLICE_FMT "=" SLICE_FMT "|", l->number, l->more ? "+" : "", SLICE_ARG(l->section),
               SLICE_ARG(l->key), SLICE_ARG(l->value));
    return CIMF_OK;
}

static void lines(void **state)
{
    static const struct { const char *text, *entries; } rows[] = {
        { "", "" }, { "\n\n  \n# x\n; y\n  # z\n", "" }, { "a=1", "1 .a=1|" }, { "[s]\na = 1\r\n\nb:2\n", "2 s.a=1|4 s.b=2|" },
        { "\xef\xbb\xbf[ s ] rest\na=", "2 s.a=|" }, { "a = x ; comment\nb = x;y\nc = ; none\n", "1 .a=x|2 .b=x;y|3 .c=|" },
        { "a = 1,\n  2\n\t3 ; c\n # c\nb=\n x\n", "1 .a=1,|2+ .a=2|3+ .a=3|5 .b=|6+ .b=x|" }, { "a = b = c: d", "1 .a=b = c: d|" },
        { "[s]\na=1\n[t]\n b=2\n", "2 s.a=1|4 t.b=2|" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out;
        struct error e = ERROR_INIT;
        buf_init(&out, 0);
        assert_int_equal(ini_read(slice_str(rows[i].text), "f", write_line, &out, &e), CIMF_OK);
        buf_byte(&out, 0);
        assert_string_equal(out.p, rows[i].entries);
        buf_free(&out);
    }
}

static void failures(void **state)
{
    static const struct { struct slice text; cimf_status status; const char *says; } rows[] = {
        { SLICE("[s]\nx\n"), CIMF_INVALID_PARAMETER, "f:2: not a section" }, { SLICE("[s\n"), CIMF_INVALID_PARAMETER, "f:1: " },
        { SLICE("\n = 1\n"), CIMF_INVALID_PARAMETER, "f:2: " }, { SLICE("a=b\0c"), CIMF_INVALID_PARAMETER, "f:1: " },
        { SLICE("a=b\n\n c\nd=bad"), CIMF_ACCESS_DENIED, "f:4: no" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out;
        struct error e = ERROR_INIT;
        buf_init(&out, 0);
        assert_int_equal(ini_read(rows[i].text, "f", write_line, &out, &e), rows[i].status);
        assert_ptr_equal(strstr(error_text(&e), rows[i].says), error_text(&e));
        buf_free(&out);
    }
}

/* A long line is read whole, one byte after the other that might be a limit. */
static void long_lines(void **state)
{
    for (size_t n = 100; n < 100000; n = n < 600 ? n + 1 : n * 3) {
        struct buf text, out;
        struct error e = ERROR_INIT;
        buf_init(&text, 0);
        buf_init(&out, 0);
        buf_lit(&text, "[s]\nkey = ");
        for (size_t i = 0; i < n; i++) buf_byte(&text, 'x');
        buf_lit(&text, "\nnext = 1\n");
        assert_int_equal(ini_read(buf_slice(&text), "f", write_line, &out, &e), CIMF_OK);
        assert_int_equal(out.n, strlen("2 s.key=|3 s.next=1|") + n);
        buf_free(&text);
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(lines), cmocka_unit_test(failures), cmocka_unit_test(long_lines) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
