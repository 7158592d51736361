/* Event queries and events from clients, as far as they go: who may, and of which classes. */
#include "cimom/test_driver.h"

#include "auth/sd.h"
#include "auth/sddl.h"

#include <stdlib.h>
#include <string.h>

static int setup(void **state)
{
    struct driver *d = calloc(1, sizeof *d);
    driver_open(d, NULL);
    driver_mof(d, "root/test", "class Thing { [key] uint32 Id; }; class Alarm : __ExtrinsicEvent { string What; };"
                               "instance of Thing { Id = 1; };");
    *state = d;
    return 0;
}

static int teardown(void **state)
{
    driver_close(*state);
    free(*state);
    return 0;
}

static cimf_status subscribe(struct driver *d, const char *query)
{
    struct cim_op op = driver_op(d, CIM_OP_SUBSCRIBE);
    struct answer a = { 0 };
    op.language = SLICE("WQL");
    op.query = slice_str(query);
    driver_run(d, &op, &a);
    assert_int_equal(a.count, 0);
    return a.status;
}

static void test_event_queries(void **state)
{
    struct driver *d = *state;
    assert_status(subscribe(d, "select"), INVALID_QUERY);
    assert_status(subscribe(d, "associators of {Thing.Id=1}"), INVALID_QUERY);
    assert_status(subscribe(d, "select * from Nothing"), INVALID_CLASS);
    assert_status(subscribe(d, "select * from Thing"), NOT_EVENT_CLASS);
    assert_status(subscribe(d, "select * from Alarm group by What"), MISSING_GROUP_WITHIN);
    assert_status(subscribe(d, "select * from Alarm where What = 'x'"), NOT_SUPPORTED);
    assert_status(subscribe(d, "select * from __InstanceCreationEvent within 5 where TargetInstance isa 'Thing'"),
                  NOT_SUPPORTED);
}

static cimf_status send_with(struct driver *d, const struct principal *p, const char *cls, const char *sddl, bool *begun)
{
    struct cim_op op = driver_op(d, CIM_OP_SEND_EVENT);
    struct answer a = { 0 };
    struct cim_schema *schema = d->manager->schema(d->manager, SLICE("root/test"), &driver_admin);
    op.principal = p;
    if (cls) op.instance = cim_instance_new(&d->arena, cim_schema_class(schema, slice_str(cls)));
    if (sddl) {
        struct cim_value v = { .type = CIM_UINT8 | CIM_ARRAY };
        const struct sd *sd;
        struct buf b;
        buf_init(&b, 0);
        if (*sddl) {
            assert_status(sddl_parse(&d->arena, slice_str(sddl), NULL, &sd, NULL), OK);
            assert_status(sd_write(sd, &b, NULL), OK);
        } else {
            buf_lit(&b, "what?");
        }
        v.v.a.p = arena_dup(&d->arena, buf_slice(&b)).p;
        v.v.a.n = (uint32_t)b.n;
        buf_free(&b);
        assert_status(cim_set_named((struct cim_instance *)(uintptr_t)op.instance, SLICE("SECURITY_DESCRIPTOR"), &v), OK);
    }
    driver_run(d, &op, &a);
    cim_schema_unref(schema);
    *begun = op.begun;
    return a.status;
}

static cimf_status send(struct driver *d, const struct principal *p, const char *cls, bool *begun)
{
    return send_with(d, p, cls, NULL, begun);
}

static void test_events_that_are_sent(void **state)
{
    struct driver *d = *state;
    bool begun;
    assert_status(send(d, &driver_admin, NULL, &begun), OK);
    assert_status(send(d, &driver_admin, "Alarm", &begun), OK);
    assert_status(send(d, &driver_admin, "Thing", &begun), NOT_EVENT_CLASS);
    assert_true(begun);
    assert_status(send(d, &driver_admin, "__InstanceCreationEvent", &begun), NOT_EVENT_CLASS);
    assert_status(send(d, &driver_admin, "__EventQueueOverflowEvent", &begun), NOT_EVENT_CLASS);
    assert_status(send_with(d, &driver_admin, "Alarm", "O:BAG:BAD:(A;;0x80;;;BA)", &begun), OK);
    assert_status(send_with(d, &driver_admin, "Alarm", "O:BAG:BAD:(A;;0x40;;;BA)", &begun), ACCESS_DENIED);
    assert_true(begun);
    assert_status(send_with(d, &driver_admin, "Alarm", "", &begun), INVALID_PARAMETER);
    assert_status(send(d, &driver_user, NULL, &begun), ACCESS_DENIED);
    assert_false(begun); /* it was not even taken on */
    assert_status(send(d, &driver_plain, "Alarm", &begun), ACCESS_DENIED);
    assert_false(begun);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_event_queries, setup, teardown),
        cmocka_unit_test_setup_teardown(test_events_that_are_sent, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
