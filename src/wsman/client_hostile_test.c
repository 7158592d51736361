/* Replies that are broken, foreign, endless or made to harm: an error each, never more. */
#include "wsman/client_harness.h"

#define HEAD "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" " \
             "xmlns:n=\"http://schemas.xmlsoap.org/ws/2004/09/enumeration\" xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\" " \
             "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><s:Header><a:RelatesTo>$ID</a:RelatesTo></s:Header><s:Body>"
#define TAIL "</s:Body></s:Envelope>"
#define WIDGET "xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_Widget\""

static struct wsman_request enumerate_request(void)
{
    return (struct wsman_request){ .verb = WSMAN_ASK_ENUMERATE, .class_name = SLICE("Win32_Widget") };
}

static cimf_status ends_with(const char *content_type, int http, const char *text)
{
    struct wsman_client *c = peer_client(WSMAN_URI_WMI);
    struct wsman_request r = enumerate_request();
    struct wsman_task *t = peer_start(c, &r);
    struct slice message = wsman_task_message(t);
    char *filled = peer_fill(text, peer_id(message));
    wsman_task_reply(t, http, slice_str(content_type), slice_str(filled));
    free(filled);
    cimf_status status = wsman_task_state(t) == WSMAN_TASK_FAILED ? wsman_task_failure(t)->error.status : CIMF_OK;
    if (status != CIMF_OK && !wsman_task_failure(t)->error.text[0]) fail_msg("a failure without words");
    wsman_task_free(t);
    wsman_client_free(c);
    return status;
}

static void test_not_an_answer(void **state)
{
    static const struct {
        int http;
        const char *type, *text;
        cimf_status want;
    } rows[] = {
        { 401, "", "", CIMF_NOT_AUTHENTICATED },
        { 401, "application/soap+xml", HEAD TAIL, CIMF_NOT_AUTHENTICATED },
        { 403, "text/html", "<html/>", CIMF_ACCESS_DENIED },
        { 404, "text/html", "<html/>", CIMF_PROTOCOL_ERROR },
        { 302, "", "", CIMF_PROTOCOL_ERROR }, /* redirects are not followed: no loop, no credentials for strangers */
        { 307, "application/soap+xml", HEAD TAIL, CIMF_PROTOCOL_ERROR },
        { 413, "", "", CIMF_WSMAN_SERVICE_ENVELOPE },
        { 500, "text/plain", "no", CIMF_PROTOCOL_ERROR },
        { 503, "", "", CIMF_SERVER_TOO_BUSY },
        { 200, "text/html", "<html><body>hello</body></html>", CIMF_PROTOCOL_ERROR },
        { 200, "application/soap+xml", "", CIMF_PROTOCOL_ERROR },
        { 200, "application/soap+xml", "\xff\xfe", CIMF_PROTOCOL_ERROR },
        { 200, "application/soap+xml;charset=koi8-r", HEAD TAIL, CIMF_PROTOCOL_ERROR },
        { 200, "application/soap+xml", HEAD TAIL, CIMF_PROTOCOL_ERROR },
        { 200, "application/soap+xml", HEAD "<n:PullResponse/>" TAIL, CIMF_PROTOCOL_ERROR },
        { 200, "application/soap+xml", "<!DOCTYPE x [<!ENTITY a \"b\">]>" HEAD "<n:EnumerateResponse/>" TAIL, CIMF_PROTOCOL_ERROR },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cimf_status got = ends_with(rows[i].type, rows[i].http, rows[i].text);
        if (got != rows[i].want) fail_msg("row %zu: %s", i, cimf_status_name(got));
    }
    assert_int_equal(ends_with("application/soap+xml", 200, HEAD "<n:EnumerateResponse/>" TAIL), CIMF_OK); /* nothing found */
}

static void test_relates_to(void **state)
{
    const char *reply = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\">"
                        "<s:Header><a:RelatesTo>uuid:11111111-2222-3333-4444-555555555555</a:RelatesTo></s:Header><s:Body>"
                        "<n:EnumerateResponse xmlns:n=\"http://schemas.xmlsoap.org/ws/2004/09/enumeration\"/></s:Body></s:Envelope>";
    assert_int_equal(ends_with("application/soap+xml", 200, reply), CIMF_PROTOCOL_ERROR);
}

/* Every truncation of every kind of reply is an error or (of faults that lost their end) never a success. */
static void test_truncated(void **state)
{
    static const char *const files[] = { "windows_enumerate.xml", "windows_fault_provider.xml", "windows_class.xml", "omi_get.xml" };
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        char *whole = peer_read(files[f]);
        size_t n = slice_trim(slice_str(whole)).n;
        for (size_t cut = 0; cut < n; cut += 1 + cut / 40) {
            char *part = strndup(whole, cut);
            assert_int_equal(ends_with("application/soap+xml", 200, part), CIMF_PROTOCOL_ERROR);
            free(part);
        }
        free(whole);
    }
}

static void repeat(struct buf *b, const char *text, unsigned n)
{
    while (n--) buf_str(b, text);
}

static cimf_status ends_with_buf(struct buf *b)
{
    cimf_status status = ends_with("application/soap+xml", 200, buf_strz(b));
    buf_free(b);
    return status;
}

static void test_deep_and_wide(void **state)
{
    struct buf b;
    buf_init(&b, (size_t)1 << 30);
    buf_str(&b, HEAD);
    repeat(&b, "<d>", 100000);
    assert_int_not_equal(ends_with_buf(&b), CIMF_OK);

    buf_init(&b, (size_t)1 << 30);
    buf_str(&b, HEAD "<n:EnumerateResponse><w:Items>");
    repeat(&b, "<p:Win32_Widget " WIDGET "/>", 500000);
    buf_str(&b, "</w:Items></n:EnumerateResponse>" TAIL);
    assert_int_not_equal(ends_with_buf(&b), CIMF_OK);

    buf_init(&b, (size_t)1 << 30);
    buf_str(&b, HEAD "<n:EnumerateResponse><n:EnumerationContext>");
    repeat(&b, "context", 100000);
    buf_str(&b, "</n:EnumerationContext></n:EnumerateResponse>" TAIL);
    assert_int_equal(ends_with_buf(&b), CIMF_PROTOCOL_ERROR);
}

/* An enumeration that goes on without giving anything ends. */
static void test_endless(void **state)
{
    struct wsman_client *c = peer_client(WSMAN_URI_WMI);
    struct wsman_request r = enumerate_request();
    struct wsman_task *t = peer_start(c, &r);
    unsigned messages = 0;
    struct wsman_item item;
    while (wsman_task_state(t) != WSMAN_TASK_FAILED) {
        if (wsman_task_state(t) == WSMAN_TASK_ITEMS) {
            assert_false(wsman_task_next(t, &item));
            continue;
        }
        struct slice message = wsman_task_message(t);
        if (messages++ > 10000) fail_msg("it does not end");
        bool pull = memmem(message.p, message.n, "<n:Pull>", 8) != NULL;
        peer_answer(t, message, 200, pull ? HEAD "<n:PullResponse><n:EnumerationContext>x</n:EnumerationContext></n:PullResponse>" TAIL
                                          : HEAD "<n:EnumerateResponse><n:EnumerationContext>x</n:EnumerationContext></n:EnumerateResponse>" TAIL);
    }
    assert_int_equal(wsman_task_failure(t)->error.status, CIMF_PROTOCOL_ERROR);
    wsman_task_free(t);
    wsman_client_free(c);
}

/* Classes whose superclasses go round, and a class under another's name. */
static void test_lying_classes(void **state)
{
    static const struct exchange round[] = {
        { NULL, 200, HEAD "<CLASS NAME=\"A\" SUPERCLASS=\"B\"/>" TAIL },
        { NULL, 200, HEAD "<CLASS NAME=\"B\" SUPERCLASS=\"A\"/>" TAIL },
        { 0 },
    };
    static const struct exchange other[] = { { NULL, 200, HEAD "<CLASS NAME=\"Z\"/>" TAIL }, { 0 } };
    const struct exchange *scripts[] = { round, other };
    for (int i = 0; i < 2; i++) {
        struct wsman_client *c = peer_client(WSMAN_URI_WMI);
        struct wsman_request r = { .verb = WSMAN_ASK_CLASS, .class_name = SLICE("A") };
        struct peer p = { c, peer_start(c, &r), scripts[i], 0 };
        assert_int_equal(peer_run(&p), WSMAN_TASK_FAILED);
        wsman_task_free(p.task);
        wsman_client_free(c);
    }
}

/* A server that mentions a new class in every reference does not get a request for each. */
static void test_too_many_classes(void **state)
{
    struct buf b;
    buf_init(&b, (size_t)1 << 30);
    buf_str(&b, HEAD "<n:EnumerateResponse><w:Items>");
    for (int i = 0; i < 5000; i++) {
        buf_printf(&b, "<p:C%d xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/C%d\"/>", i, i);
    }
    buf_str(&b, "</w:Items></n:EnumerateResponse>" TAIL);
    struct wsman_client *c = peer_client(WSMAN_URI_WMI);
    struct wsman_request r = enumerate_request();
    struct wsman_task *t = peer_start(c, &r);
    unsigned messages = 0;
    while (wsman_task_state(t) == WSMAN_TASK_SEND) {
        struct slice message = wsman_task_message(t);
        bool class = memmem(message.p, message.n, "ClassName", 9) != NULL;
        peer_answer(t, message, class ? 500 : 200, class ? "windows_fault_unsupported.xml" : buf_strz(&b));
        messages++;
    }
    assert_int_equal(wsman_task_state(t), WSMAN_TASK_ITEMS);
    assert_in_range(messages, 2, 2000);
    buf_free(&b);
    wsman_task_free(t);
    wsman_client_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_an_answer), cmocka_unit_test(test_relates_to),
        cmocka_unit_test(test_truncated), cmocka_unit_test(test_deep_and_wide),
        cmocka_unit_test(test_endless), cmocka_unit_test(test_lying_classes),
        cmocka_unit_test(test_too_many_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
