#include "base/status.h"

#include <errno.h>

#include "base/test.h"

static void rows_are_whole(void **state)
{
    assert_int_equal(CIMF_OK, 0);
    for (int i = 0; i < CIMF_STATUS_COUNT; i++) {
        const struct cimf_status_info *row = cimf_status_info((cimf_status)-i);
        assert_true(row->name[0] && row->text[0] && row->category[0]);
        assert_true(row->http_status >= 200 && row->http_status < 600);
        assert_true(row->text[strlen(row->text) - 1] != '.');
        assert_true(row->exit_code >= 0 && row->exit_code <= 9);
        assert_int_equal(row->exit_code == 0, row->hresult == 0 || row->hresult < 0x80000000u);
        /* A decoder answers the first row of a code: one that carries the same code, no later one. */
        cimf_status back = cimf_status_from_hresult(row->hresult);
        assert_true(-(int)back <= i);
        assert_int_equal(cimf_status_info(back)->hresult, row->hresult);
        back = cimf_status_from_wsman(row->wsman_code);
        assert_true(-(int)back <= i);
        assert_int_equal(cimf_status_info(back)->wsman_code, row->wsman_code);
    }
}

static void lookups(void **state)
{
    assert_string_equal(cimf_status_name(CIMF_NOT_FOUND), "NOT_FOUND");
    assert_int_equal(cimf_status_from_hresult(0x80041002), CIMF_NOT_FOUND);
    assert_int_equal(cimf_status_from_wsman(2150858779u), CIMF_WSMAN_INVALID_ENUMERATION_CONTEXT);
    assert_int_equal(cimf_status_from_hresult(0xDEADBEEF), CIMF_FAILED);
    assert_int_equal(cimf_status_from_wsman(0xDEADBEEF), CIMF_FAILED);
    assert_string_equal(cimf_status_name((cimf_status)1), "FAILED");
    assert_string_equal(cimf_status_name((cimf_status)-100000), "FAILED");
}

static void errors_carry_detail(void **state)
{
    struct error e = ERROR_INIT;
    assert_int_equal(error_set(&e, CIMF_INVALID_CLASS, "repo", "no class %s", "X_Y"), CIMF_INVALID_CLASS);
    assert_string_equal(error_text(&e), "no class X_Y");
    assert_string_equal(e.room, "repo");
    error_subject(&e, SLICE("X_Y"));
    error_place(&e, 3, 14);
    assert_string_equal(e.subject, "X_Y");
    /* Wrapping one's own text is allowed; subject and place belong to the former error. */
    error_set(&e, CIMF_FAILED, "mof", "in file: %s", e.text);
    assert_string_equal(e.text, "in file: no class X_Y");
    assert_string_equal(e.subject, "");
    assert_int_equal(e.line, 0);
    assert_int_equal(error_errno(&e, CIMF_IO_ERROR, "os", ENOENT, "open %s", "f"), CIMF_IO_ERROR);
    assert_string_equal(e.text, "open f: No such file or directory");
    assert_int_equal(e.native, ENOENT);
    error_set(&e, CIMF_ACCESS_DENIED, "auth", "%s", "");
    assert_string_equal(error_text(&e), cimf_status_info(CIMF_ACCESS_DENIED)->text);
    assert_int_equal(error_set(NULL, CIMF_FAILED, "x", "y"), CIMF_FAILED);
    assert_int_equal(error_errno(NULL, CIMF_FAILED, "x", 1, "y"), CIMF_FAILED);
    error_subject(NULL, SLICE("x"));
    error_place(NULL, 1, 1);
}

static void long_texts_are_cut_between_characters(void **state)
{
    char wide[1000];
    for (size_t i = 0; i + 2 < sizeof wide; i += 2) memcpy(wide + i, "\xc3\xa9", 2);
    wide[998] = 0;
    struct error e = ERROR_INIT;
    error_set(&e, CIMF_FAILED, "base", "%s", wide);
    assert_int_equal(strlen(e.text), 318);
    error_subject(&e, slice_str(wide));
    assert_int_equal(strlen(e.subject), 190);
    error_subject(&e, SLICE_NULL);
    assert_string_equal(e.subject, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_whole),
        cmocka_unit_test(lookups),
        cmocka_unit_test(errors_carry_detail),
        cmocka_unit_test(long_texts_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
