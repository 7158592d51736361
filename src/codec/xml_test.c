#include "base/test.h"
#include "base/test_arena.h"

#include <stdlib.h>

#include "base/limits.h"
#include "codec/xml.h"

static const struct slice uris[] = { SLICE("urn:one"), SLICE("urn:two") };
static const struct xml_vocabulary vocabulary = { uris, 2 };

static struct xml_node *read_ok(const char *text)
{
    struct xml_node *root;
    struct error e = ERROR_INIT;
    cimf_status status = xml_read(&arena, slice_str(text), &vocabulary, &root, &e);
    if (status != CIMF_OK) fail_msg("%s: %s", text, error_text(&e));
    return root;
}

static cimf_status read_bad(struct slice text, struct error *e)
{
    struct xml_node *root;
    cimf_status status = xml_read(&arena, text, &vocabulary, &root, e);
    if (status != CIMF_OK) assert_null(root);
    return status;
}

static void assert_text(struct slice got, const char *want)
{
    if (!slice_is(got, want)) fail_msg("got '" SLICE_FMT "', want '%s'", SLICE_ARG(got), want);
}

/* Pitfall 7: default namespaces, redefined prefixes, declarations on inner elements. */
static void reads_namespaces(void **state)
{
    struct xml_node *root = read_ok(
        "<?xml version='1.0'?><p:a xmlns:p='urn:one' x='1' p:y=\"&lt;2&#x41;\"> <b xmlns='urn:two'>t</b>"
        "<p:c xmlns:p='urn:two'/><d><!-- no --></d></p:a>");
    assert_true(xml_is(root, 1, "a"));
    assert_text(xml_attr_value(root, "x"), "1");
    assert_text(xml_attr_ns(root, 1, "y")->value, "<2A");
    assert_null(xml_attr(root, "y"));
    struct xml_node *b = xml_first(root);
    assert_true(xml_is(b, 2, "b"));
    assert_text(b->text, "t");
    struct xml_node *c = xml_next(b);
    assert_true(xml_is(c, 2, "c"));
    assert_text(xml_prefix_uri(c, SLICE("p")), "urn:two");
    assert_text(xml_prefix_uri(b, SLICE("p")), "urn:one");
    struct xml_node *d = xml_next(c);
    assert_true(xml_is(d, 0, "d"));
    assert_null(xml_next(d));
    assert_ptr_equal(xml_child(root, 2, "c"), c);
    assert_ptr_equal(xml_child_any(root, "d"), d);
    assert_null(xml_child(root, 1, "c"));
    struct slice uri, local;
    assert_true(xml_qname(c, SLICE(" p:X_Type "), &uri, &local));
    assert_text(uri, "urn:two");
    assert_text(local, "X_Type");
    assert_false(xml_qname(c, SLICE("q:X"), &uri, &local));
}

/* Pitfall 5: comments, instructions and CDATA anywhere. */
static void reads_text(void **state)
{
    struct xml_node *root = read_ok("<a>one<!-- x --><![CDATA[<2>]]><?pi z?>&amp;3</a>");
    assert_text(root->text, "one<2>&3");
    root = read_ok("<a>mixed <b>in</b> text</a>");
    assert_int_equal(root->child->kind, XML_TEXT);
    assert_text(xml_text(&arena, root), "mixed in text");
    assert_text(xml_first(root)->text, "in");
    root = read_ok("<a>\n <b/>\n <c> </c> </a>");
    assert_int_equal(root->child->kind, XML_ELEMENT);
    assert_text(xml_child_any(root, "c")->text, " ");
    assert_text(read_ok("<a>1\r\n2</a>")->text, "1\n2");
}

/* Pitfalls 1 and 8. */
static void refuses(void **state)
{
    static const char *const bad[] = {
        "<!DOCTYPE a><a/>", "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "<a>&x;</a>", "<a>", "<a></b>", "<a/><b/>", "<p:a/>",
        "<a x='1' x='2'/>", "<a>\xff</a>", "<a>\xed\xa0\x80</a>", "<a>\x01</a>", "<a>&#0;</a>", "text", " ",
        "<a p:x='1'/>", "<a>&#xD800;</a>", "<a", "<a x=1/>", "<a><![CDATA[x</a>",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error e = ERROR_INIT;
        if (read_bad(slice_str(bad[i]), &e) != CIMF_INVALID_SYNTAX) fail_msg("%s", bad[i]);
        assert_true(error_text(&e)[0]);
    }
    assert_int_equal(read_bad(slice_of("<a>\0</a>", 8), NULL), CIMF_INVALID_SYNTAX);
    assert_int_equal(read_bad(SLICE(""), NULL), CIMF_INVALID_SYNTAX);
    struct error e = ERROR_INIT;
    read_bad(SLICE("<a>\n\n<b></c></a>"), &e);
    assert_int_equal(e.line, 3);
    assert_text(read_ok("<a>still works</a>")->text, "still works");
}

static void refuses_every_truncation(void **state)
{
    static const char text[] = "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:E xmlns:s=\"urn:one\"><!-- c -->"
                               "<s:H a='b'>&lt;<![CDATA[x]]></s:H><s:B/></s:E>";
    size_t n = sizeof text - 1;
    for (size_t i = 0; i < n; i++) {
        char *part = malloc(i + 1); /* exact size: the sanitizer sees reads past the end */
        memcpy(part, text, i);
        if (read_bad(slice_of(part, i), NULL) == CIMF_OK) fail_msg("%zu bytes", i);
        free(part);
    }
    read_ok(text);
}

static void is_bounded(void **state)
{
    struct buf b;
    buf_init(&b, 0);
    for (int i = 0; i < LIMIT_XML_DEPTH; i++) buf_lit(&b, "<a>");
    for (int i = 0; i < LIMIT_XML_DEPTH; i++) buf_lit(&b, "</a>");
    assert_int_equal(read_bad(buf_slice(&b), NULL), CIMF_OK);
    buf_clear(&b);
    for (int i = 0; i < 100000; i++) buf_lit(&b, "<a>");
    assert_int_equal(read_bad(buf_slice(&b), NULL), CIMF_QUOTA_VIOLATION);
    buf_clear(&b);
    buf_lit(&b, "<a");
    for (int i = 0; i < 200000; i++) buf_printf(&b, " a%d='1'", i);
    buf_lit(&b, "/>");
    assert_int_equal(read_bad(buf_slice(&b), NULL), CIMF_QUOTA_VIOLATION);
    buf_clear(&b);
    buf_lit(&b, "<a");
    for (int i = 0; i <= LIMIT_XML_ATTRIBUTES; i++) buf_printf(&b, " a%d='1'", i);
    buf_lit(&b, "/>");
    assert_int_equal(read_bad(buf_slice(&b), NULL), CIMF_QUOTA_VIOLATION);
    buf_clear(&b);
    buf_lit(&b, "<a>");
    for (int i = 0; i < LIMIT_XML_NODES; i++) buf_lit(&b, "<b/>");
    buf_lit(&b, "</a>");
    assert_int_equal(read_bad(buf_slice(&b), NULL), CIMF_QUOTA_VIOLATION);
    buf_clear(&b);
    buf_lit(&b, "<");
    for (int i = 0; i <= LIMIT_XML_NAME; i++) buf_lit(&b, "n");
    buf_lit(&b, "/>");
    assert_int_equal(read_bad(buf_slice(&b), NULL), CIMF_QUOTA_VIOLATION);
    struct arena small;
    arena_init(&small, 8192);
    buf_clear(&b);
    buf_lit(&b, "<a>");
    for (int i = 0; i < 1000; i++) buf_lit(&b, "<b>text</b>");
    buf_lit(&b, "</a>");
    struct xml_node *root;
    assert_int_equal(xml_read(&small, buf_slice(&b), NULL, &root, NULL), CIMF_OUT_OF_MEMORY);
    arena_free(&small);
    buf_free(&b);
}

/* Names that peers invent do not pile up: the parser is replaced now and then. */
static void survives_many_names(void **state)
{
    for (int i = 0; i < 3000; i++) {
        struct arena_mark mark = arena_mark(&arena);
        struct slice text = arena_printf(&arena, "<n%d_%0100d xmlns='urn:%d'>x</n%d_%0100d>", i, i, i, i, i);
        struct xml_node *root;
        assert_int_equal(xml_read(&arena, text, &vocabulary, &root, NULL), CIMF_OK);
        arena_rewind(&arena, mark);
    }
}

/* covers: wsman:E22 */
static void escapes(void **state)
{
    struct buf b;
    buf_init(&b, 0);
    xml_escape(&b, SLICE("a<b>&\"\t\n\r\x01\x1f\x7f\xc3\xa4\xed\xa0\x80z\xef\xbf\xbf\xff."));
    buf_byte(&b, '|');
    xml_escape_attr(&b, SLICE("\"<\t\n\r\x02\xe2\x82\xac"));
    assert_text(buf_slice(&b), "a&lt;b&gt;&amp;\"\t\n&#13;??\x7f\xc3\xa4?z??.|&quot;&lt;&#9;&#10;&#13;?\xe2\x82\xac");
    buf_free(&b);
}

static void writes_nodes(void **state)
{
    struct xml_node *root = read_ok("<s:a xmlns:s='urn:one' xmlns:q='urn:q' t='q:X'><s:b>1 &amp; 2</s:b><q:c/>"
                                    "<d xmlns='' s:e='&quot;' xml:lang='en'/></s:a>");
    struct buf b;
    buf_init(&b, 0);
    assert_true(xml_write_node(&b, root));
    struct xml_node *again = read_ok(buf_strz(&b));
    assert_text(xml_prefix_uri(again, SLICE("q")), "urn:q");
    struct xml_node *one = xml_first(again);
    assert_true(xml_is(one, 1, "b"));
    assert_text(one->text, "1 & 2");
    struct xml_node *c = xml_next(one);
    assert_text(c->uri, "urn:q");
    struct xml_node *d = xml_next(c);
    assert_text(d->uri, "");
    assert_text(xml_attr_ns(d, 1, "e")->value, "\"");
    buf_free(&b);
}

static void check_decode(const void *p, size_t n, const char *charset, cimf_status want, const char *text,
                         enum xml_charset want_seen)
{
    struct slice got;
    enum xml_charset seen;
    cimf_status status = xml_decode(&arena, slice_of(p, n), slice_str(charset), &got, &seen, NULL);
    assert_int_equal(status, want);
    if (status != CIMF_OK) return;
    assert_text(got, text);
    assert_int_equal(seen, want_seen);
}

/* Pitfall 3. */
static void decodes_charsets(void **state)
{
    check_decode("<a/>", 4, "", CIMF_OK, "<a/>", XML_UTF8);
    check_decode("\xef\xbb\xbf<a/>", 7, "UTF-8", CIMF_OK, "<a/>", XML_UTF8);
    check_decode("<\0a\0", 4, "utf-16", CIMF_OK, "<a", XML_UTF16LE);
    check_decode("<\0a\0", 4, "UTF-16LE", CIMF_OK, "<a", XML_UTF16LE);
    check_decode("<\0a\0", 4, "", CIMF_OK, "<a", XML_UTF16LE);
    check_decode("\xff\xfe<\0a\0", 6, "utf-16", CIMF_OK, "<a", XML_UTF16LE);
    check_decode("\xfe\xff\0<\0a", 6, "utf-16", CIMF_OK, "<a", XML_UTF16BE);
    check_decode("\0<\0a", 4, "utf-16be", CIMF_OK, "<a", XML_UTF16BE);
    check_decode("<\0a", 3, "utf-16", CIMF_INVALID_SYNTAX, NULL, XML_UTF8);
    check_decode("\0\xd8", 2, "utf-16le", CIMF_INVALID_SYNTAX, NULL, XML_UTF8);
    check_decode("<a/>", 4, "windows-1252", CIMF_WSMAN_CHARACTER_SET, NULL, XML_UTF8);
    assert_text(read_ok("<?xml version='1.0' encoding='utf-16'?><a>\xc3\xa4</a>")->text, "\xc3\xa4");
    assert_text(read_ok("<?xml version='1.0' encoding='iso-8859-1'?><a>\xc3\xa4</a>")->text, "\xc3\xa4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_namespaces, setup, teardown),
        cmocka_unit_test_setup_teardown(reads_text, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_every_truncation, setup, teardown),
        cmocka_unit_test_setup_teardown(is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(survives_many_names, setup, teardown),
        cmocka_unit_test_setup_teardown(escapes, setup, teardown),
        cmocka_unit_test_setup_teardown(writes_nodes, setup, teardown),
        cmocka_unit_test_setup_teardown(decodes_charsets, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
