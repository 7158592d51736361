/* wsman/server_asserts.h - for tests: one fixture and what is said about its last reply. Included by one test file each. */
#ifndef WSMAN_SERVER_ASSERTS_H
#define WSMAN_SERVER_ASSERTS_H

#include "base/test.h"

#include "wsman/server_harness.h"

static struct fixture f;

UNUSED_OK static int teardown(void **state)
{
    fixture_close(&f);
    return 0;
}

UNUSED_OK static void assert_text(struct slice got, const char *want)
{
    if (!slice_is(got, want)) fail_msg("got '" SLICE_FMT "', want '%s'", SLICE_ARG(got), want);
}

UNUSED_OK static void assert_fault(cimf_status want)
{
    const struct cimf_status_info *row = cimf_status_info(want);
    if (!f.x.replied) fail_msg("no reply");
    if (f.x.status != 500) fail_msg("no fault but %s", buf_strz(&f.x.reply));
    if (f.fault.wsman_code != row->wsman_code || !slice_is(f.fault.detail, row->detail)) {
        fail_msg("want %s: %s", row->name, buf_strz(&f.x.reply));
    }
    assert_text(f.fault.machine, "testhost");
    assert_true(f.fault.message.n > 0);
}

UNUSED_OK static struct xml_node *assert_ok(const char *action)
{
    if (!f.x.replied) fail_msg("no reply");
    if (f.x.status != 200) fail_msg("fault %s", buf_strz(&f.x.reply));
    assert_text(f.reply.action, action);
    assert_text(f.reply.relates_to, "uuid:Mixed-Case-1");
    return f.reply.content;
}

UNUSED_OK static void assert_contains(const char *want)
{
    if (!strstr(buf_strz(&f.x.reply), want)) fail_msg("'%s' is not in %s", want, buf_strz(&f.x.reply));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
