/* ExecQuery on repository classes: data, projections, schema queries, rejections, the plan cache.
 */
#include <stdio.h>

#include "cimom/test_driver.h"

static const char schema_mof[] =
    "[abstract] class Part { [key] string Name; string Kind; };\n"
    "class Disk : Part { uint64 Size; boolean Removable; string Model; };\n"
    "class Fast : Disk { uint32 Speed; };\n"
    "class Card : Part { uint16 Slot; };\n"
    "class Other { [key] uint32 A; [key] uint32 B; string V; };\n"
    "instance of Disk { Name = \"sda\"; Size = 100; Model = \"Alpha One\"; Kind = \"disk\"; };\n"
    "instance of Disk { Name = \"sdb\"; Size = 20000000000; Model = \"Beta_Two\"; Removable = "
    "TRUE; };\n"
    "instance of Fast { Name = \"nvme\"; Size = 5; Speed = 9; Model = \"Gamma\"; };\n"
    "instance of Card { Name = \"gpu\"; Slot = 3; };\n"
    "instance of Other { A = 1; B = 1; V = \"x\"; };\n"
    "instance of Other { A = 1; B = 2; V = \"y\"; };\n";

static int setup(void **state)
{
    static struct driver d;
    driver_open(&d, NULL);
    driver_mof(&d, "root/test", schema_mof);
    *state = &d;
    return 0;
}

static int teardown(void **state)
{
    driver_close(*state);
    return 0;
}

static unsigned rows(struct driver *d, const char *text)
{
    struct answer a = { 0 };
    cimf_status s = driver_query(d, "root/test", text, &a);
    if (s) fail_msg("%s: %s: %s", text, cimf_status_name(s), error_text(&a.error));
    return a.count;
}

static cimf_status status_of(struct driver *d, const char *text)
{
    struct answer a = { 0 };
    return driver_query(d, "root/test", text, &a);
}

/* covers: cim-core:Q1 cim-core:Q2 cim-core:Q3 cim-core:Q4 */
static void data(void **state)
{
    struct driver *d = *state;
    assert_int_equal(rows(d, "SELECT * FROM Part"), 4);
    assert_int_equal(rows(d, "select * from DISK where size >= 100"), 2);
    assert_int_equal(rows(d, "SELECT * FROM Disk WHERE Size = '20000000000'"), 1);
    assert_int_equal(rows(d, "SELECT * FROM Part WHERE Name LIKE 'sd_'"), 2);
    assert_int_equal(rows(d, "SELECT * FROM Disk WHERE Model LIKE '%[_]Two'"), 1);
    assert_int_equal(rows(d, "SELECT * FROM Part WHERE __CLASS = 'Disk'"), 2);
    assert_int_equal(rows(d, "SELECT * FROM Part WHERE __CLASS = 'Other'"), 0);
    assert_int_equal(rows(d, "SELECT * FROM Part WHERE NOT (Name = 'sda' OR Name = 'gpu')"), 2);
    assert_int_equal(rows(d, "SELECT * FROM Part WHERE Kind IS NULL"), 3);
    assert_int_equal(rows(d, "SELECT * FROM Part WHERE Name = 'SDA'"), 1);
    assert_int_equal(rows(d, "SELECT * FROM Part WHERE Name = 'sda' AND Kind = 'tape'"), 0);
    assert_int_equal(rows(d, "SELECT * FROM Other WHERE A = 1"), 2);
    assert_int_equal(rows(d, "SELECT * FROM Other WHERE A = 1 AND B = 2"), 1);
    assert_int_equal(rows(d, "SELECT * FROM Other WHERE A = 1 AND B = 2 AND V = 'x'"), 0);
    assert_int_equal(rows(d, "SELECT * FROM Other WHERE A = 1 AND A = 2 AND B = 2"), 0);
}

/* covers: cim-core:Q1 cim-core:M11 */
static void projection(void **state)
{
    struct driver *d = *state;
    struct answer a = { 0 }, b = { 0 }, c = { 0 }, e = { 0 };
    driver_query(d, "root/test", "SELECT Size, Model, Size FROM Disk WHERE Name = 'nvme'", &a);
    assert_int_equal(a.count, 1);
    const struct cim_class *cls = cim_object_class(a.objects[0]);
    assert_int_equal(cls->property_count, 2);
    assert_string_equal(arena_strz(&d->arena, cls->properties[0].name), "Size");
    assert_string_equal(driver_text(d, &a, 0, "__CLASS"), "Fast");
    assert_string_equal(driver_text(d, &a, 0, "__PROPERTY_COUNT"), "2");
    assert_string_equal(driver_text(d, &a, 0, "__RELPATH"), "NULL");
    assert_string_equal(driver_text(d, &a, 0, "Speed"), "ABSENT");
    driver_query(d, "root/test", "SELECT Name FROM Disk WHERE Size = 100", &b);
    assert_string_equal(driver_text(d, &b, 0, "__RELPATH"), "Disk.Name=\"sda\"");
    driver_query(d, "root/test", "SELECT __RELPATH, Size FROM Disk WHERE Size = 100", &c);
    assert_string_equal(driver_text(d, &c, 0, "__RELPATH"), "Disk.Name=\"sda\"");
    struct cim_op op = driver_op(d, CIM_OP_QUERY);
    op.query = SLICE("SELECT Size FROM Disk WHERE Size = 100");
    op.flags = CIM_ENSURE_LOCATABLE;
    driver_run(d, &op, &e);
    assert_string_equal(driver_text(d, &e, 0, "Name"), "sda");
    assert_string_equal(driver_text(d, &e, 0, "__PATH"),
                        "\\\\testhost\\root\\test:Disk.Name=\"sda\"");
}

/* covers: cim-core:Q6 */
static void schema(void **state)
{
    struct driver *d = *state;
    assert_int_equal(rows(d, "SELECT * FROM meta_class WHERE __this ISA 'Part'"), 4);
    assert_int_equal(rows(d, "SELECT * FROM meta_class WHERE __CLASS = 'Disk'"), 1);
    assert_int_equal(rows(d, "SELECT * FROM meta_class WHERE __SUPERCLASS = 'Part'"), 2);
    assert_int_equal(
        rows(d, "SELECT * FROM meta_class WHERE __DYNASTY = 'Part' AND NOT __CLASS = 'Part'"), 3);
    assert_int_equal(
        rows(d, "SELECT * FROM meta_class WHERE __CLASS LIKE 'F%' AND __this ISA 'Part'"), 1);
}

/* covers: cim-core:Q10 */
static void prototype(void **state)
{
    struct driver *d = *state;
    struct cim_op op = driver_op(d, CIM_OP_QUERY);
    struct answer a = { 0 };
    op.query = SLICE("SELECT Size, Model, Size FROM Disk");
    op.flags = CIM_PROTOTYPE;
    driver_run(d, &op, &a);
    assert_status(a.status, OK);
    assert_int_equal(a.count, 1);
    const struct cim_class *c = cim_as_class(a.objects[0]);
    assert_non_null(c);
    assert_int_equal(c->property_count, 2);
    const struct cim_qualifier *q = cim_qualifier_find(c->properties[0].qualifiers, SLICE("Order"));
    assert_non_null(q);
    assert_int_equal(q->value.v.a.n, 2);
    assert_int_equal(cim_array_get(CIM_SINT32, q->value.v.a, 1).i, 2);
    assert_int_equal(c->flags & (CIM_CLASS_PROJECTED | CIM_CLASS_PROTOTYPE), CIM_CLASS_PROJECTED | CIM_CLASS_PROTOTYPE);

    struct answer b = { 0 }, all = { 0 };
    op.query = SLICE("SELECT __SUPERCLASS, Size FROM Disk"); /* the ancestors are asked for */
    driver_run(d, &op, &b);
    assert_status(b.status, OK);
    c = cim_as_class(b.objects[0]);
    assert_int_equal(c->property_count, 1);
    assert_int_equal(c->flags & CIM_CLASS_PROTOTYPE, 0);
    q = cim_qualifier_find(c->properties[0].qualifiers, SLICE("Order"));
    assert_int_equal(cim_array_get(CIM_SINT32, q->value.v.a, 0).i, 1);

    op.query = SLICE("SELECT * FROM Disk");
    driver_run(d, &op, &all);
    assert_status(all.status, OK);
    c = cim_as_class(all.objects[0]);
    assert_int_equal(c->flags & (CIM_CLASS_PROJECTED | CIM_CLASS_PROTOTYPE), 0);
    for (uint32_t i = 0; i < c->property_count; i++) {
        q = cim_qualifier_find(c->properties[i].qualifiers, SLICE("Order"));
        assert_int_equal(q->value.v.a.n, 1);
        assert_int_equal(cim_array_get(CIM_SINT32, q->value.v.a, 0).i, i);
    }
}

/* covers: cim-core:Q11 cim-core:Q12 */
static void rejections(void **state)
{
    struct driver *d = *state;
    assert_status(status_of(d, ""), INVALID_PARAMETER);
    assert_status(status_of(d, "SELECT * FROM Nothing"), INVALID_CLASS);
    assert_status(status_of(d, "SELECT Nope FROM Disk"), INVALID_QUERY);
    assert_status(status_of(d, "SELECT * FROM Part WHERE Size = 1"), INVALID_QUERY);
    assert_status(status_of(d, "SELECT * FROM Disk ORDER BY Size"), INVALID_QUERY);
    assert_status(status_of(d, "SELECT * FROM Disk WITHIN 2"), INVALID_QUERY);
    assert_status(status_of(d, "SELECT COUNT(*) FROM Disk"), INVALID_QUERY);
    struct cim_op op = driver_op(d, CIM_OP_QUERY);
    struct answer a = { 0 }, b = { 0 };
    op.query = SLICE("SELECT * FROM Disk");
    op.language = SLICE("CQL");
    driver_run(d, &op, &a);
    assert_status(a.status, INVALID_QUERY_TYPE);
    op.language = SLICE("wql");
    driver_run(d, &op, &b);
    assert_status(b.status, OK);
    char *longer = arena_alloc(&d->arena, 20000);
    memset(longer, ' ', 19999);
    longer[19999] = 0;
    memcpy(longer, "SELECT * FROM Disk", 18);
    memcpy(longer + 19990, "WHERE A=1", 9);
    assert_status(status_of(d, longer), QUOTA_VIOLATION);
}

/* A plan is kept with the schema it was made for: a change of the schema must show in the next
 * query. */
static void plans_follow_the_schema(void **state)
{
    struct driver *d = *state;
    driver_mof(d, "root/test", "class Moving { [key] uint32 K; };");
    for (int i = 0; i < 3; i++) assert_int_equal(rows(d, "SELECT * FROM Moving"), 0);
    assert_status(status_of(d, "SELECT Later FROM Moving"), INVALID_QUERY);
    driver_mof(d, "root/test", "class Moving { [key] uint32 K; string Later; };");
    assert_int_equal(rows(d, "SELECT Later FROM Moving"), 0);
    for (unsigned i = 0; i < 600; i++) {
        char text[64];
        snprintf(text, sizeof text, "SELECT * FROM Disk WHERE Size > %u", i);
        rows(d, text);
    }
}

/* A result may be taken page by page, also where a filter drops most rows. */
static void pages(void **state)
{
    struct driver *d = *state;
    driver_mof(d, "root/test", "class Many { [key] uint32 K; uint32 M; };");
    for (unsigned i = 0; i < 300; i++) {
        char k[16], m[16];
        snprintf(k, sizeof k, "K=%u", i);
        snprintf(m, sizeof m, "M=%u", i % 3);
        assert_status(driver_put(d, "root/test", "Many", 0, k, m, NULL), OK);
    }
    for (unsigned page = 1; page < 40; page += 3) {
        struct answer a = { .page = page }, b = { .again = page + 1 };
        driver_query(d, "root/test", "SELECT K FROM Many WHERE M = 1", &a);
        assert_int_equal(a.count, 100);
        assert_int_equal(a.pauses, 100 / page);
        driver_query(d, "root/test", "SELECT * FROM Many WHERE M = 1", &b);
        assert_int_equal(b.count, 100);
    }
}

/* An operation that is cancelled between pages ends once, with the code that says so. */
static void cancel(void **state)
{
    struct driver *d = *state;
    struct cim_op op = driver_op(d, CIM_OP_QUERY);
    struct answer a = { .page = 1 }, b = { .cancel_after = 2 };
    op.query = SLICE("SELECT * FROM Part");
    driver_start(d, &op, &a);
    assert_false(a.done);
    assert_int_equal(a.count, 1);
    cim_cancel(d->manager, &op);
    driver_pump(d, &a);
    assert_status(a.status, CALL_CANCELLED);
    driver_run(d, &op, &b);
    assert_status(b.status, CALL_CANCELLED);
    assert_int_equal(b.count, 2);
}

static void deadline(void **state)
{
    struct driver *d = *state;
    struct cim_op op = driver_op(d, CIM_OP_QUERY);
    struct answer a = { 0 };
    op.query = SLICE("SELECT * FROM Part");
    op.deadline_us = 1;
    driver_run(d, &op, &a);
    assert_status(a.status, TIMED_OUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data),       cmocka_unit_test(projection),
        cmocka_unit_test(schema),     cmocka_unit_test(prototype),
        cmocka_unit_test(rejections), cmocka_unit_test(plans_follow_the_schema),
        cmocka_unit_test(pages),      cmocka_unit_test(cancel),
        cmocka_unit_test(deadline),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
