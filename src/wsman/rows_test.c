/* Tables of the configuration: as XML, and as what stands behind an enumeration. */
#include "base/test.h"

#include <stdlib.h>

#include "soap/names.h"
#include "wsman/config_tree.h"
#include "wsman/row_source.h"
#include "wsman/row_table.h"

#define MAPPING WSMAN_CONFIG_URI "/service/certmapping"
#define SECURITY "xmlns='" WSMAN_CONFIG_URI "/PluginConfiguration'"
#define LISTENER "xmlns='" WSMAN_CONFIG_URI "'"

static void uris(void **state)
{
    assert_int_equal(row_table_find(SLICE(MAPPING)), WSMAN_TABLE_CERTMAPPING);
    assert_int_equal(row_table_find(SLICE("HTTP://schemas.microsoft.com/wbem/wsman/1/CONFIG/Listener")), WSMAN_TABLE_LISTENER);
    assert_int_equal(row_table_find(SLICE(MAPPING "/")), WSMAN_TABLES);
    assert_int_equal(row_table_find(SLICE(WSMAN_CONFIG_URI "/service")), WSMAN_TABLES);
}

static cimf_status read_body(enum wsman_table t, const char *text, struct wsman_row *row)
{
    static struct arena a;
    struct error e = ERROR_INIT;
    struct xml_node *root;
    arena_free(&a);
    arena_init(&a, 1 << 20);
    assert_int_equal(xml_read(&a, slice_str(text), &soap_vocabulary, &root, &e), CIMF_OK);
    return row_read_body(t, root, row, &e);
}

static void bodies(void **state)
{
    static const struct { enum wsman_table t; const char *text; cimf_status status; } rows[] = {
        { WSMAN_TABLE_SECURITY, "<Security " SECURITY " Uri='u' Sddl='s' ExactMatch='1'/>", CIMF_OK },
        { WSMAN_TABLE_SECURITY, "<Security " LISTENER " Uri='u' Sddl='s' xml:lang='en'/>", CIMF_OK },
        { WSMAN_TABLE_SECURITY, "<Security Uri='u'/>", CIMF_WSMAN_SCHEMA_VALIDATION },
        { WSMAN_TABLE_SECURITY, "<Security " SECURITY " Sddl='s'/>", CIMF_WSMAN_SELECTORS_MISSING },
        { WSMAN_TABLE_SECURITY, "<Security " SECURITY " Uri='u' Name='s'/>", CIMF_WSMAN_SCHEMA_VALIDATION },
        { WSMAN_TABLE_SECURITY, "<Security " SECURITY " Uri='u' ExactMatch='often'/>", CIMF_WSMAN_SCHEMA_VALIDATION },
        { WSMAN_TABLE_SECURITY, "<Security " SECURITY " Uri='u'><Sddl>x</Sddl></Security>", CIMF_WSMAN_SCHEMA_VALIDATION },
        { WSMAN_TABLE_LISTENER, "<Listener " LISTENER "><Address>*</Address><Transport>HTTP</Transport>"
                                "<ListeningOn>1</ListeningOn><ListeningOn>2</ListeningOn></Listener>", CIMF_OK },
        { WSMAN_TABLE_LISTENER, "<Listener " LISTENER "><Address>*</Address><Address>*</Address></Listener>", CIMF_WSMAN_SCHEMA_VALIDATION },
        { WSMAN_TABLE_LISTENER, "<Listener " LISTENER "><Address><x/></Address></Listener>", CIMF_WSMAN_SCHEMA_VALIDATION },
        { WSMAN_TABLE_LISTENER, "<Listener " LISTENER "><Address xmlns='other'>*</Address></Listener>", CIMF_WSMAN_SCHEMA_VALIDATION },
        { WSMAN_TABLE_CERTMAPPING, "<Listener " LISTENER "/>", CIMF_WSMAN_SCHEMA_VALIDATION },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct wsman_row row = { { SLICE_NULL } };
        cimf_status status = read_body(rows[i].t, rows[i].text, &row);
        if (status != rows[i].status) fail_msg("%s: %s", rows[i].text, cimf_status_info(status)->name);
    }
    assert_int_equal(row_read_body(WSMAN_TABLE_SECURITY, NULL, &(struct wsman_row){ { SLICE_NULL } }, NULL), CIMF_WSMAN_SCHEMA_VALIDATION);
    struct wsman_row row = { { [WSMAN_SECURITY_URI] = SLICE("u") } };
    assert_int_equal(read_body(WSMAN_TABLE_SECURITY, "<Security " SECURITY " Uri='U' ExactMatch='FALSE'/>", &row), CIMF_OK);
    assert_slice(row.field[WSMAN_SECURITY_EXACT], "false");
    assert_null(row.field[WSMAN_SECURITY_SDDL].p);
    row = (struct wsman_row){ { [WSMAN_SECURITY_URI] = SLICE("u") } };
    assert_int_equal(read_body(WSMAN_TABLE_SECURITY, "<Security " SECURITY " Uri='other'/>", &row), CIMF_WSMAN_KEYS_CHANGED);
}

static void selectors(void **state)
{
    struct wsman_selector s[] = { { .name = SLICE("issuer"), .value = SLICE(" i ") }, { .name = SLICE("SUBJECT"), .value = SLICE("s") },
                                  { .name = SLICE("Uri"), .value = SLICE("u") } };
    struct wsman_selectors set = { s, 3 };
    struct wsman_row row;
    assert_int_equal(row_read_selectors(WSMAN_TABLE_CERTMAPPING, &set, false, &row, NULL), CIMF_OK);
    assert_slice(row.field[WSMAN_MAPPING_ISSUER], "i");
    set.n = 2;
    assert_int_equal(row_read_selectors(WSMAN_TABLE_CERTMAPPING, &set, false, &row, NULL), CIMF_WSMAN_SELECTORS_MISSING);
    assert_int_equal(row_read_selectors(WSMAN_TABLE_CERTMAPPING, &set, true, &row, NULL), CIMF_OK);
    s[0].name = SLICE("UserName"); /* a field, no key */
    assert_int_equal(row_read_selectors(WSMAN_TABLE_CERTMAPPING, &set, true, &row, NULL), CIMF_WSMAN_SELECTORS_UNEXPECTED);
}

/* What was written says the same when it is read; nothing of a value becomes markup. */
static void writing(void **state)
{
    struct wsman_row row = { { [WSMAN_MAPPING_URI] = SLICE("http://x/\"'<&>*"), [WSMAN_MAPPING_SUBJECT] = SLICE("a&b"),
                               [WSMAN_MAPPING_ISSUER] = SLICE("00"), [WSMAN_MAPPING_ENABLED] = SLICE("true"),
                               [WSMAN_MAPPING_PASSWORD] = SLICE("secret") } }, again = { { SLICE_NULL } };
    struct buf out;
    buf_init(&out, 0);
    assert_true(row_write(&out, WSMAN_TABLE_CERTMAPPING, &row));
    assert_null(strstr(buf_strz(&out), "secret"));
    assert_int_equal(read_body(WSMAN_TABLE_CERTMAPPING, buf_strz(&out), &again), CIMF_OK);
    assert_true(row_same_key(WSMAN_TABLE_CERTMAPPING, &row, &again));
    assert_slice(again.field[WSMAN_MAPPING_ENABLED], "true");
    assert_null(again.field[WSMAN_MAPPING_USER].p);
    buf_clear(&out);
    struct wsman_row guard = { { [WSMAN_SECURITY_URI] = SLICE("u\"<"), [WSMAN_SECURITY_SDDL] = SLICE("D:(A;;GA;;;\"&&#38;)") } };
    assert_true(row_write(&out, WSMAN_TABLE_SECURITY, &guard));
    again = (struct wsman_row){ { SLICE_NULL } };
    assert_int_equal(read_body(WSMAN_TABLE_SECURITY, buf_strz(&out), &again), CIMF_OK);
    assert_true(slice_eq(again.field[WSMAN_SECURITY_SDDL], guard.field[WSMAN_SECURITY_SDDL]));
    buf_free(&out);
}

/* --- behind an enumeration -------------------------------------------------------------------- */

struct fake_rows {
    struct wsman_rows rows;
    wsman_rows_listed *done; /* one that is waited for */
    void *arg;
    bool wait;
};
static struct wsman_row three[3];

static void list(struct wsman_rows *t, const struct principal *by, const struct wsman_row *key, struct arena *a,
                 struct exec *home, wsman_rows_listed *done, void *arg)
{
    struct fake_rows *f = (struct fake_rows *)t;
    f->done = done;
    f->arg = arg;
    if (!f->wait) done(arg, CIMF_OK, three, 3, NULL);
}

struct seen {
    unsigned rows, ends;
    cimf_status status;
    enum cim_sink_answer answer;
};

static enum cim_sink_answer on_row(struct cim_op *op, const struct cim_object *o)
{
    struct seen *s = op->owner;
    assert_ptr_equal(row_of(o), &three[s->rows]);
    if (s->answer != CIM_SINK_AGAIN) s->rows++;
    return s->answer;
}

static void on_done(struct cim_op *op, cimf_status status)
{
    struct seen *s = op->owner;
    s->ends++;
    s->status = status;
}

static const struct cim_sink sink = { on_row, on_done };

static void source(void **state)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    struct fake_rows f = { .rows = { list, NULL } };
    for (enum cim_sink_answer answer = CIM_SINK_MORE; answer <= CIM_SINK_PAUSE; answer++) {
        struct seen s = { .answer = answer };
        struct cim_op op = { .sink = &sink, .owner = &s, .arena = &a };
        struct cim_manager *m = row_source_new(&a, &f.rows);
        cim_submit(m, &op);
        while (!s.ends) cim_resume(m, &op);
        assert_true(s.rows == 3 && s.ends == 1 && s.status == CIMF_OK);
    }
    struct seen s = { .answer = CIM_SINK_AGAIN };
    struct cim_op op = { .sink = &sink, .owner = &s, .arena = &a };
    struct cim_manager *m = row_source_new(&a, &f.rows);
    cim_submit(m, &op);
    cim_resume(m, &op);
    assert_true(s.rows == 0 && s.ends == 0);
    s.answer = CIM_SINK_PAUSE;
    cim_resume(m, &op); /* the same again, now taken */
    assert_int_equal(s.rows, 1);
    cim_cancel(m, &op);
    cim_cancel(m, &op);
    assert_true(s.rows == 1 && s.ends == 1 && s.status == CIMF_CALL_CANCELLED);
    /* Cancelled before the list is there: the end comes with it. */
    f.wait = true;
    s = (struct seen){ .answer = CIM_SINK_MORE };
    m = row_source_new(&a, &f.rows);
    cim_submit(m, &op);
    cim_cancel(m, &op);
    assert_int_equal(s.ends, 0);
    f.done(f.arg, CIMF_OK, three, 3, NULL);
    assert_true(s.rows == 0 && s.ends == 1 && s.status == CIMF_CALL_CANCELLED);
    /* The owner refuses. */
    struct error e = ERROR_INIT;
    error_set(&e, CIMF_ACCESS_DENIED, "test", "not you");
    s = (struct seen){ .answer = CIM_SINK_MORE };
    m = row_source_new(&a, &f.rows);
    cim_submit(m, &op);
    f.done(f.arg, CIMF_ACCESS_DENIED, NULL, 0, &e);
    assert_true(s.ends == 1 && s.status == CIMF_ACCESS_DENIED);
    assert_string_equal(error_text(&op.error), "not you");
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uris), cmocka_unit_test(bodies), cmocka_unit_test(selectors), cmocka_unit_test(writing), cmocka_unit_test(source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
