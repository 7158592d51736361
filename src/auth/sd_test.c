/* The binary form: the example of MS-DTYP 2.5.1.4, every truncation, hostile sizes and offsets. */
#include <stdio.h>
#include <stdlib.h>

#include "auth/sd.h"
#include "base/test.h"
#include "base/test_arena.h"

/* O:BAG:BAD:P(A;CIOI;GRGX;;;BU)(A;CIOI;GA;;;BA)(A;CIOI;GA;;;SY)(A;CIOI;GA;;;CO)S:P(AU;FA;GR;;;WD) */
static const unsigned char example[] = {
    0x01, 0x00, 0x14, 0xb0, 0x90, 0x00, 0x00, 0x00, 0xa0, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00,
    0x30, 0x00, 0x00, 0x00, 0x02, 0x00, 0x1c, 0x00, 0x01, 0x00, 0x00, 0x00, 0x02, 0x80, 0x14, 0x00,
    0x00, 0x00, 0x00, 0x80, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00,
    0x02, 0x00, 0x60, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x03, 0x18, 0x00, 0x00, 0x00, 0x00, 0xa0,
    0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x20, 0x00, 0x00, 0x00, 0x21, 0x02, 0x00, 0x00,
    0x00, 0x03, 0x18, 0x00, 0x00, 0x00, 0x00, 0x10, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05,
    0x20, 0x00, 0x00, 0x00, 0x20, 0x02, 0x00, 0x00, 0x00, 0x03, 0x14, 0x00, 0x00, 0x00, 0x00, 0x10,
    0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x12, 0x00, 0x00, 0x00, 0x00, 0x03, 0x14, 0x00,
    0x00, 0x00, 0x00, 0x10, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00,
    0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x20, 0x00, 0x00, 0x00, 0x20, 0x02, 0x00, 0x00,
    0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x20, 0x00, 0x00, 0x00, 0x20, 0x02, 0x00, 0x00,
};

static cimf_status parse(const void *p, size_t n, const struct sd **out)
{
    char *exact = malloc(n ? n : 1);
    memcpy(exact, p, n);
    struct error e = ERROR_INIT;
    cimf_status st = sd_parse(&arena, slice_of(exact, n), out, &e);
    assert_true((st == CIMF_OK) == (e.text[0] == 0));
    free(exact); /* the parsed form must not need it */
    return st;
}

static void spec_example(void **state)
{
    const struct sd *sd = NULL;
    assert_int_equal(parse(example, sizeof example, &sd), CIMF_OK);
    assert_int_equal(sd->control, SD_SELF_RELATIVE | SD_DACL_PROTECTED | SD_SACL_PROTECTED |
                                      SD_DACL_PRESENT | SD_SACL_PRESENT);
    assert_true(sid_is(sd->owner, SID_ADMINISTRATORS) && sid_is(sd->group, SID_ADMINISTRATORS));
    assert_int_equal(sd->sacl->count, 1);
    const struct ace *ace = &sd->sacl->aces[0];
    assert_true(ace->type == ACE_AUDIT && ace->flags == ACE_AUDIT_FAILURE && ace->mask == 0x80000000 &&
                sid_is(&ace->sid, SID_EVERYONE));
    assert_int_equal(sd->dacl->count, 4);
    ace = &sd->dacl->aces[0];
    assert_true(ace->type == ACE_ALLOW && ace->mask == 0xA0000000 && sid_is(&ace->sid, SID_USERS) &&
                ace->flags == (ACE_OBJECT_INHERIT | ACE_CONTAINER_INHERIT) && ace->data.n == 0);
    assert_true(sid_is(&sd->dacl->aces[2].sid, SID_SYSTEM));
    assert_true(sid_is(&sd->dacl->aces[3].sid, SID_CREATOR_OWNER) && sd->dacl->aces[3].mask == 0x10000000);

    struct buf out;
    buf_init(&out, 0);
    assert_int_equal(sd_write(sd, &out, NULL), CIMF_OK);
    assert_int_equal(out.n, sizeof example);
    assert_int_equal(sd_size(sd), sizeof example);
    assert_memory_equal(out.p, example, sizeof example);
    buf_free(&out);
}

static void truncated(void **state)
{
    const struct sd *sd;
    for (size_t n = 0; n < sizeof example; n++)
        if (parse(example, n, &sd) != CIMF_INVALID_PARAMETER) fail_msg("%zu bytes", n);
}

/* Each changes the example in one place. */
static void hostile(void **state)
{
    static const struct {
        unsigned at, value, width;
        const char *what;
    } changes[] = {
        { 0, 2, 1, "revision" },
        { 2, 0x3014, 2, "not self-relative" },
        { 2, 0xB010, 2, "DACL offset without its flag" },
        { 2, 0xB004, 2, "SACL offset without its flag" },
        { 4, 19, 4, "owner inside the header" },
        { 4, 0xFFFFFFFF, 4, "owner far outside" },
        { 4, sizeof example, 4, "owner at the end" },
        { 8, sizeof example - 8, 4, "group cut off" },
        { 12, 1, 4, "SACL inside the header" },
        { 16, 0x80000000, 4, "DACL far outside" },
        { 16, sizeof example - 4, 4, "DACL header cut off" },
        { 0x30, 3, 1, "ACL revision" },
        { 0x32, 7, 2, "ACL shorter than its header" },
        { 0x32, 0xFFFF, 2, "ACL longer than the rest" },
        { 0x34, 5, 2, "one ACE too many" },
        { 0x34, 0xFFFF, 2, "very many ACEs" },
        { 0x3A, 0, 2, "ACE without size: would not move on" },
        { 0x3A, 3, 2, "ACE smaller than its header" },
        { 0x3A, 4, 2, "ACE without mask and SID" },
        { 0x3A, 0x14, 2, "ACE shorter than its SID" },
        { 0x3A, 0x1A, 2, "ACE not a multiple of four" },
        { 0x3A, 0xFFFC, 2, "ACE longer than its ACL" },
        { 0x40, 0, 1, "SID revision in an ACE" },
        { 0x41, 16, 1, "SID with 16 sub-authorities in an ACE" },
        { 0x41, 15, 1, "SID longer than its ACE" },
        { 0x38, 5, 1, "object ACE made of a plain one" },
        { 0x90, 7, 1, "owner's revision" },
        { 0xA1, 3, 1, "group longer than the rest" },
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        unsigned char copy[sizeof example];
        memcpy(copy, example, sizeof example);
        for (unsigned b = 0; b < changes[i].width; b++)
            copy[changes[i].at + b] = (unsigned char)(changes[i].value >> 8 * b);
        const struct sd *sd;
        if (parse(copy, sizeof copy, &sd) != CIMF_INVALID_PARAMETER) fail_msg("%s", changes[i].what);
    }
    char *big = calloc(1, SD_BYTES_MAX + 1);
    memcpy(big, example, sizeof example);
    const struct sd *sd;
    assert_int_equal(parse(big, SD_BYTES_MAX, &sd), CIMF_OK); /* slack after the parts is ignored */
    assert_int_equal(parse(big, SD_BYTES_MAX + 1, &sd), CIMF_QUOTA_VIOLATION);
    free(big);
}

static void shared_and_slack(void **state)
{
    unsigned char copy[sizeof example];
    memcpy(copy, example, sizeof example);
    copy[8] = 0x90; /* group where the owner is */
    copy[16] = 0x14; /* the SACL's bytes as DACL too: each is read by itself */
    const struct sd *sd;
    assert_int_equal(parse(copy, sizeof copy, &sd), CIMF_OK);
    assert_true(sid_eq(sd->owner, sd->group) && sd->dacl->count == 1 && sd->sacl->count == 1);
    struct buf out;
    buf_init(&out, 0);
    assert_int_equal(sd_write(sd, &out, NULL), CIMF_OK);
    const struct sd *again;
    assert_int_equal(parse(out.p, out.n, &again), CIMF_OK);
    assert_true(again->dacl->count == 1 && sid_eq(again->owner, again->group));
    buf_free(&out);

    memcpy(copy, example, sizeof example);
    copy[0x34] = 2; /* fewer ACEs than bytes: the rest of the ACL is not used */
    assert_int_equal(parse(copy, sizeof copy, &sd), CIMF_OK);
    assert_int_equal(sd->dacl->count, 2);
    copy[0x56] = 0x00;
    copy[0x52] = 0x2C; /* an ACE longer than what it holds: kept, not interpreted */
    assert_int_equal(parse(copy, sizeof copy, &sd), CIMF_OK);
    assert_int_equal(sd->dacl->aces[1].data.n, 0x14);
}

static void no_dacl(void **state)
{
    /* Header only: absent; with the flag: NULL; with an ACL of no ACEs: empty. Three different things. */
    unsigned char bytes[28] = { 1, 0, 0, 0x80 };
    const struct sd *sd;
    assert_int_equal(parse(bytes, 20, &sd), CIMF_OK);
    assert_true(!sd_has_dacl(sd) && !sd->dacl && !sd->owner && !(sd->control & SD_DACL_PRESENT));
    bytes[2] = SD_DACL_PRESENT;
    assert_int_equal(parse(bytes, 20, &sd), CIMF_OK);
    assert_true(!sd_has_dacl(sd) && !sd->dacl && (sd->control & SD_DACL_PRESENT));
    bytes[16] = 20, bytes[20] = 2, bytes[22] = 8;
    assert_int_equal(parse(bytes, 28, &sd), CIMF_OK);
    assert_true(sd_has_dacl(sd) && sd->dacl->count == 0);
    struct buf out;
    buf_init(&out, 0);
    assert_int_equal(sd_write(sd, &out, NULL), CIMF_OK);
    assert_int_equal(out.n, 28);
    assert_memory_equal(out.p, bytes, 28);
    buf_free(&out);
}

static void ace_types(void **state)
{
    struct guid g = { 0x00112233, 0x4455, 0x6677, { 8, 9, 10, 11, 12, 13, 14, 15 } };
    struct ace aces[] = {
        { .type = ACE_ALLOW_OBJECT, .mask = 0x100, .object_flags = ACE_OBJECT_PRESENT, .object = g },
        { .type = ACE_DENY_OBJECT, .mask = 1, .object_flags = ACE_INHERITED_OBJECT_PRESENT,
          .inherited_object = g },
        { .type = ACE_ALLOW_CALLBACK_OBJECT, .mask = 3, .object_flags = 3, .object = g,
          .inherited_object = g, .data = SLICE("artx") },
        { .type = ACE_DENY_OBJECT, .mask = 7 },
        { .type = ACE_ALLOW_CALLBACK, .mask = 5, .data = SLICE("artx\1\2\3\4") },
        { .type = 0x42, .flags = 0x20, .opaque = true, .data = SLICE("what is this?   ") },
        { .type = ACE_ALLOW_COMPOUND, .opaque = true, .data = SLICE("") },
        { .type = ACE_LABEL, .mask = 1 },
    };
    enum { COUNT = sizeof aces / sizeof *aces };
    for (int i = 0; i < COUNT; i++)
        if (!aces[i].opaque) aces[i].sid = sid_known(SID_EVERYONE);
    struct acl acl = { 2, COUNT, aces };
    struct sd sd = { .control = SD_DACL_PRESENT | SD_RM_CONTROL_VALID, .rm_control = 0x5A, .dacl = &acl };
    struct buf out, again;
    buf_init(&out, 0);
    buf_init(&again, 0);
    assert_int_equal(sd_write(&sd, &out, NULL), CIMF_OK);
    const struct sd *back;
    assert_int_equal(parse(out.p, out.n, &back), CIMF_OK);
    assert_true(back->rm_control == 0x5A && back->dacl->revision == 4 && back->dacl->count == COUNT);
    for (int i = 0; i < COUNT; i++) {
        const struct ace *x = &aces[i], *y = &back->dacl->aces[i];
        assert_true(x->type == y->type && x->flags == y->flags && x->opaque == y->opaque &&
                    x->mask == y->mask && x->object_flags == y->object_flags);
        assert_true(guid_eq(&x->object, &y->object) &&
                    guid_eq(&x->inherited_object, &y->inherited_object) && sid_eq(&x->sid, &y->sid));
        assert_true(slice_eq(x->data, y->data));
    }
    assert_int_equal(sd_write(back, &again, NULL), CIMF_OK);
    assert_true(slice_eq(buf_slice(&out), buf_slice(&again)));
    for (size_t n = 0; n < out.n; n++)
        if (parse(out.p, n, &back) == CIMF_OK) fail_msg("%zu bytes", n);
    buf_free(&out);
    buf_free(&again);
}

static void too_long(void **state)
{
    static struct ace aces[4000];
    for (int i = 0; i < 4000; i++) aces[i].sid = sid_known(SID_EVERYONE); /* 20 bytes each */
    struct acl acl = { 2, 3276, aces };
    struct sd sd = { .control = SD_DACL_PRESENT, .dacl = &acl };
    struct buf out;
    buf_init(&out, 0);
    assert_int_equal(sd_size(&sd), 20 + 8 + 65520);
    assert_int_equal(sd_write(&sd, &out, NULL), CIMF_QUOTA_VIOLATION);
    acl.count = 3275;
    assert_int_equal(sd_write(&sd, &out, NULL), CIMF_OK);
    const struct sd *back;
    assert_int_equal(parse(out.p, out.n, &back), CIMF_OK);
    assert_int_equal(back->dacl->count, 3275);
    buf_free(&out);

    struct buf small;
    buf_init(&small, 100);
    acl.count = 4;
    assert_int_equal(sd_write(&sd, &small, NULL), CIMF_OUT_OF_MEMORY);
    assert_int_equal(small.n, 0);
    buf_free(&small);
}

static void out_of_memory(void **state)
{
    /* Every cap up to what it needs gives an error, never a descriptor with a part missing. */
    bool ok = false;
    for (size_t cap = 0x40; cap < 1 << 16 && !ok; cap += 0x40) {
        struct arena a;
        arena_init(&a, cap);
        const struct sd *sd;
        cimf_status st = sd_parse(&a, slice_of((const char *)example, sizeof example), &sd, NULL);
        ok = st == CIMF_OK;
        assert_true(ok ? sd->dacl && sd->sacl && sd->owner && sd->group : st == CIMF_OUT_OF_MEMORY);
        arena_free(&a);
    }
    assert_true(ok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(spec_example, setup, teardown),
        cmocka_unit_test_setup_teardown(truncated, setup, teardown),
        cmocka_unit_test_setup_teardown(hostile, setup, teardown),
        cmocka_unit_test_setup_teardown(shared_and_slack, setup, teardown),
        cmocka_unit_test_setup_teardown(no_dacl, setup, teardown),
        cmocka_unit_test_setup_teardown(ace_types, setup, teardown),
        cmocka_unit_test_setup_teardown(too_long, setup, teardown),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
