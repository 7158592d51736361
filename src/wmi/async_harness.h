/* wmi/async_harness.h - for tests: IWbemServices of a namespace with 20 instances, calls of it whose results go to fake sinks.
 * Included by one test file each. */
#ifndef WMI_ASYNC_HARNESS_H
#define WMI_ASYNC_HARNESS_H

#include "base/test.h"

#include "dcom/objref.h"
#include "wmi/fake_proxy.h"

static struct fake_wmi f;
static struct dcom_object *services;

/* As every namespace has it. */
static struct cim_property_decl status_props[] = {
    FAKE_PROP("StatusCode", CIM_UINT32), FAKE_PROP("Description", CIM_STRING), FAKE_PROP("Operation", CIM_STRING),
    FAKE_PROP("ParameterInfo", CIM_STRING), FAKE_PROP("ProviderName", CIM_STRING),
};
static struct cim_class_decl system_decls[] = {
    { .name = { "__SystemClass", 13 } },
    { .name = { "__ExtendedStatus", 16 }, .properties = status_props, .property_count = 5 },
};

static void add_classes(void)
{
    struct cim_schema_editor *ed = cim_schema_edit(f.m.schema);
    struct cim_schema *next;
    for (size_t i = 0; i < sizeof system_decls / sizeof *system_decls; i++)
        assert_int_equal(cim_schema_put(ed, &system_decls[i], CIM_RESOLVE_SYSTEM, NULL, NULL), 0);
    assert_int_equal(cim_schema_commit(ed, &next, NULL), 0);
    cim_schema_unref(f.m.schema);
    f.m.schema = next;
}

UNUSED_OK static int setup(void **state)
{
    fake_wmi_open(&f);
    fake_sinks_open();
    add_classes();
    fake_fill(&f.m, 20);
    services = fake_wmi_login(&f);
    return 0;
}

UNUSED_OK static int teardown(void **state)
{
    client_release(services);
    fake_run();
    fake_sinks_close();
    if (f.server->sinks || f.server->sink_count) abort();
    fake_wmi_close(&f);
    return 0;
}

UNUSED_OK static uint32_t call(uint16_t opnum, struct stub_services r)
{
    struct client_call c;
    client_init(&c, services, 0, opnum);
    c.c.causality = (struct guid){ .data1 = 7 };
    client_run(&c, &r);
    assert_true(c.answered); /* whatever the operation does */
    uint32_t hresult = c.hresult;
    client_end(&c);
    return hresult;
}

UNUSED_OK static struct stub_services query_of(unsigned sink)
{
    return (struct stub_services){ .text = SLICE("WQL"), .method = SLICE("select * from MyClass"),
                                   .sink = fake_sink_reference(sink) };
}

UNUSED_OK static struct stub_services class_of(unsigned sink)
{
    return (struct stub_services){ .text = SLICE("MyClass"), .sink = fake_sink_reference(sink) };
}

/* CancelAsyncCall. */
UNUSED_OK static uint32_t cancel(unsigned sink)
{
    return call(4, (struct stub_services){ .sink = fake_sink_reference(sink) });
}

/* What was got by GetObject: an instance of MyClass, as clients send one. */
UNUSED_OK static struct slice instance_reference(struct arena *a, int64_t id)
{
    struct cim_instance *in = cim_instance_new(a, cim_schema_class(f.m.schema, SLICE("MyClass")));
    struct wmi_session x = { .server = f.server, .ns = SLICE("root/test"), .shown = SLICE("root\\test") };
    struct cim_op op = { 0 };
    struct buf b;
    cim_put_i64(in, "id", id);
    buf_init(&b, 0);
    assert_true(wmi_reference_write(&b, &x, &op, &in->object));
    struct slice s = arena_dup(a, buf_slice(&b));
    buf_free(&b);
    return s;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
