/* Provider dispatch: inline and on the pool, pushdown, vanishing rows, failures, hanging calls,
 * methods. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "cimom/test_driver.h"

static const char schema_mof[] =
    "[abstract] class P_Base { [key] string Id; uint32 Cost; };\n"
    "[dynamic, provider(\"t\")] class P_Row : P_Base {\n"
    "  uint32 Number; string Dear; string Owner;\n"
    "  [Implemented] uint32 Add([in] uint32 A, [in] sint32 B = 5, [out] sint64 Sum, [out] string "
    "On);\n"
    "  [Implemented, static] uint32 Make([in] string Name, [in] datetime When, [in] uint8 Bytes[], "
    "[out] string Echo);\n"
    "  [Disabled] uint32 Off(); uint32 Missing(); };\n"
    "[dynamic, provider(\"t\")] class P_Slow : P_Base { uint32 Number; [Implemented] uint32 "
    "Wait(); };\n"
    "[dynamic, provider(\"t\")] class P_Broken : P_Base { };\n"
    "[dynamic, provider(\"t\")] class P_Sum : P_Base { uint32 Total; };\n"
    "[dynamic, provider(\"t\")] class P_Loop { [key] string Id; };\n"
    "class P_Static : P_Base { };\n";

enum { ROWS = 100 };

static struct {
    unsigned opens, fills, dear, closes, keyed;
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool gate_closed;
    unsigned inside;
    unsigned put_flags;
    char put_seen[128];
    char told[256]; /* locales and correlation of the last open */
} T = { .lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER };

static cimf_status row_open(struct provider_call *c, void **state, size_t *rows)
{
    struct slice id;
    T.opens++;
    snprintf(T.told, sizeof T.told, SLICE_FMT "|" SLICE_FMT "|" SLICE_FMT, SLICE_ARG(c->ui_locale), SLICE_ARG(c->data_locale),
             SLICE_ARG(c->correlation));
    *rows = ROWS;
    *state = &T;
    if (provider_key_text(c, "Id", &id)) {
        T.keyed++;
        long *only = arena_alloc(c->arena, sizeof *only);
        *only = strtol(arena_strz(c->arena, slice_sub(id, 1)), NULL, 10);
        *state = only;
        *rows = *only >= 0 && *only < ROWS;
    }
    return CIMF_OK;
}

static cimf_status row_fill(struct provider_call *c, void *state, size_t row,
                            struct cim_instance *out)
{
    char id[16];
    if (state != &T) row = (size_t) * (long *)state;
    T.fills++;
    if (row % 10 == 9) return CIMF_NOT_FOUND; /* vanished */
    snprintf(id, sizeof id, "r%zu", row);
    cim_put_strz(out, "Id", id);
    cim_put_u64(out, "Number", row);
    cim_put_str(out, "Owner", c->principal->name);
    if (provider_wants(c, "Dear")) {
        T.dear++;
        cim_put_strz(out, "Dear", "costly");
    }
    return CIMF_OK;
}

static void row_close(struct provider_call *c, void *state)
{
    T.closes++;
}

static cimf_status row_put(struct provider_call *c, const struct cim_path *path,
                           const struct cim_instance *in, uint32_t flags)
{
    T.put_flags = flags;
    T.put_seen[0] = 0;
    for (uint32_t i = 0; i < in->cls->property_count; i++) {
        if (in->state[i] == CIM_UNSENT) continue;
        snprintf(T.put_seen + strlen(T.put_seen), sizeof T.put_seen - strlen(T.put_seen),
                 SLICE_FMT " ", SLICE_ARG(in->cls->properties[i].name));
    }
    return CIMF_OK;
}

static cimf_status row_del(struct provider_call *c, const struct cim_path *path)
{
    return slice_is(path->keys[0].value.v.s, "r1")
               ? CIMF_OK
               : error_set(c->error, CIMF_NOT_FOUND, "t", "only r1 can go");
}

static cimf_status row_invoke(struct provider_call *c, const struct cim_method *m,
                              const struct cim_instance *target, const struct cim_instance *in,
                              struct cim_instance *out)
{
    union cim_data a = { .u = 0 }, b = { .i = 0 };
    if (slice_ieq(m->name, SLICE("Add"))) {
        if (!cim_get(in, (unsigned)cim_class_property(in->cls, SLICE("A")), &a))
            return CIMF_INVALID_METHOD_PARAMETERS;
        cim_get(in, (unsigned)cim_class_property(in->cls, SLICE("B")), &b);
        cim_put_i64(out, "Sum", (int64_t)a.u + b.i);
        union cim_data id;
        cim_get(target, (unsigned)cim_class_property(target->cls, SLICE("Id")), &id);
        cim_put_str(out, "On", id.s);
        cim_put_u64(out, "ReturnValue", 0);
        return CIMF_OK;
    }
    struct cim_value when, bytes;
    char echo[64];
    cim_get_named(c->scratch, in, SLICE("When"), &when);
    cim_get_named(c->scratch, in, SLICE("Bytes"), &bytes);
    snprintf(echo, sizeof echo, "%s %u " SLICE_FMT, target ? "object" : "static",
             bytes.null ? 0 : bytes.v.a.n, SLICE_ARG(when.v.s));
    cim_put_strz(out, "Echo", echo);
    cim_put_u64(out, "ReturnValue", 7);
    return CIMF_OK;
}

static void gate(void)
{
    pthread_mutex_lock(&T.lock);
    T.inside++;
    pthread_cond_broadcast(&T.change);
    while (T.gate_closed) pthread_cond_wait(&T.change, &T.lock);
    T.inside--;
    pthread_cond_broadcast(&T.change);
    pthread_mutex_unlock(&T.lock);
}

static void gate_set(bool closed)
{
    pthread_mutex_lock(&T.lock);
    T.gate_closed = closed;
    pthread_cond_broadcast(&T.change);
    pthread_mutex_unlock(&T.lock);
}

static void gate_wait_inside(unsigned n)
{
    pthread_mutex_lock(&T.lock);
    while (T.inside != n) pthread_cond_wait(&T.change, &T.lock);
    pthread_mutex_unlock(&T.lock);
}

static cimf_status slow_open(struct provider_call *c, void **state, size_t *rows)
{
    gate();
    *rows = ROWS;
    return CIMF_OK;
}

static cimf_status slow_fill(struct provider_call *c, void *state, size_t row,
                             struct cim_instance *out)
{
    char id[16];
    snprintf(id, sizeof id, "s%zu", row);
    cim_put_strz(out, "Id", id);
    cim_put_u64(out, "Number", row);
    return CIMF_OK;
}

static cimf_status slow_invoke(struct provider_call *c, const struct cim_method *m,
                               const struct cim_instance *target, const struct cim_instance *in,
                               struct cim_instance *out)
{
    gate();
    cim_put_u64(out, "ReturnValue", 3);
    return CIMF_OK;
}

static cimf_status broken_open(struct provider_call *c, void **state, size_t *rows)
{
    return error_set(c->error, CIMF_PROVIDER_FAILURE, "t", "the disk is on fire");
}

static cimf_status broken_fill(struct provider_call *c, void *state, size_t row,
                               struct cim_instance *out)
{
    return CIMF_FAILED;
}

static bool add_row(void *arg, const struct cim_instance *in)
{
    union cim_data v;
    if (cim_get(in, (unsigned)cim_class_property(in->cls, SLICE("Number")), &v))
        *(uint64_t *)arg += v.u;
    return true;
}

static cimf_status sum_open(struct provider_call *c, void **state, size_t *rows)
{
    uint64_t *total = ARENA_NEW(c->arena, uint64_t);
    struct slice wanted[1] = { SLICE("Number") };
    *rows = 1;
    *state = total;
    cimf_status s =
        provider_enumerate(c, SLICE("root/test"), SLICE("P_Row"), wanted, 1, add_row, total);
    return s ? s
             : provider_enumerate(c, SLICE("root/test"), SLICE("P_Slow"), wanted, 1, add_row,
                                  total);
}

static cimf_status sum_fill(struct provider_call *c, void *state, size_t row,
                            struct cim_instance *out)
{
    cim_put_strz(out, "Id", "sum");
    cim_put_u64(out, "Total", *(uint64_t *)state);
    return CIMF_OK;
}

static bool ignore_row(void *arg, const struct cim_instance *in)
{
    return true;
}

/* Asks for itself: the depth is bounded (P16). */
static cimf_status loop_open(struct provider_call *c, void **state, size_t *rows)
{
    *rows = 0;
    return provider_enumerate(c, SLICE("root/test"), SLICE("P_Loop"), NULL, 0, ignore_row, NULL);
}

static const struct provider_class loop = { "root/test", "P_Loop",    PROVIDER_BLOCKING,
                                            loop_open,   broken_fill, NULL,
                                            NULL,        NULL,        NULL };
static const struct provider_class row = { "root/test", "P_Row", 0,       row_open,  row_fill,
                                           row_close,   row_put, row_del, row_invoke };
static const struct provider_class slow = { "root/test", "P_Slow",  PROVIDER_BLOCKING,
                                            slow_open,   slow_fill, NULL,
                                            NULL,        NULL,      slow_invoke };
static const struct provider_class broken = { "root/test", "P_Broken",  0,
                                              broken_open, broken_fill, NULL,
                                              NULL,        NULL,        NULL };
static const struct provider_class sum = { "root/test", "P_Sum",  PROVIDER_BLOCKING,
                                           sum_open,    sum_fill, NULL,
                                           NULL,        NULL,     NULL };
static const struct provider_class *const providers[] = { &row, &slow, &broken, &sum, &loop, NULL };

static int setup(void **state)
{
    static struct driver d;
    struct cimom_config config = { .providers = providers, .max_open = 200, .max_requests = 3 };
    driver_open(&d, &config);
    driver_mof(&d, "root/test", schema_mof);
    *state = &d;
    return 0;
}

static int teardown(void **state)
{
    driver_close(*state);
    return 0;
}

/* covers: cim-core:C7 cim-core:C14 cim-core:C15 */
static void rows_inline(void **state)
{
    struct driver *d = *state;
    struct answer a = { 0 }, b = { .page = 7 }, c = { .again = 5 };
    assert_status(driver_enum(d, "root/test", "P_Row", 0, &a), OK);
    assert_int_equal(a.count, 90);
    assert_string_equal(driver_text(d, &a, 0, "Owner"), "root");
    unsigned closes = T.closes;
    assert_status(driver_enum(d, "root/test", "P_Row", 0, &b), OK);
    assert_int_equal(b.count, 90);
    for (unsigned i = 0; i < 90; i++) {
        assert_string_equal(driver_text(d, &a, i, "Id"), driver_text(d, &b, i, "Id"));
    }
    assert_status(driver_enum(d, "root/test", "P_Row", 0, &c), OK);
    assert_int_equal(c.count, 90);
    assert_int_equal(T.closes, closes + 2);
}

/* covers: cim-core:Q1 */
static void pushdown(void **state)
{
    struct driver *d = *state;
    T.fills = T.dear = T.keyed = 0;
    struct answer a = { 0 }, b = { 0 }, c = { 0 }, e = { 0 };
    driver_query(d, "root/test", "SELECT Number FROM P_Row WHERE Id = 'r42'", &a);
    assert_int_equal(a.count, 1);
    assert_string_equal(driver_text(d, &a, 0, "Number"), "42");
    assert_int_equal(T.keyed, 1);
    assert_int_equal(T.fills, 1);
    assert_int_equal(T.dear, 0);
    driver_query(d, "root/test", "SELECT Number FROM P_Row WHERE Dear = 'costly'", &b);
    assert_int_equal(b.count, 90);
    assert_int_equal(T.dear, 90);
    assert_status(driver_get(d, "root/test", "P_Row.Id=\"r3\"", &c), OK);
    assert_int_equal(T.keyed, 2);
    assert_status(driver_get(d, "root/test", "P_Row.Id=\"r9\"", &e), NOT_FOUND);
}

static void wanted_only(void **state)
{
    struct driver *d = *state;
    struct cim_op op = driver_op(d, CIM_OP_GET_INSTANCE);
    struct slice wanted[] = { SLICE("number"), SLICE("unknown") };
    struct answer a = { 0 };
    T.dear = 0;
    op.path = driver_path(d, "P_Row.Id=\"r5\"");
    op.wanted = wanted;
    op.wanted_count = 2;
    driver_run(d, &op, &a);
    assert_string_equal(driver_text(d, &a, 0, "Number"), "5");
    assert_string_equal(driver_text(d, &a, 0, "Dear"), "UNSENT");
    assert_string_equal(driver_text(d, &a, 0, "Id"), "r5");
    assert_int_equal(T.dear, 0);
}

/* A broken provider fails the question for its own class, not the one for a superclass. */
static void failures(void **state)
{
    struct driver *d = *state;
    struct answer a = { 0 }, b = { 0 };
    assert_status(driver_enum(d, "root/test", "P_Broken", 0, &a), PROVIDER_FAILURE);
    assert_string_equal(error_text(&a.error), "the disk is on fire");
    assert_string_equal(a.error.subject, "P_Broken");
    assert_status(driver_put(d, "root/test", "P_Static", 0, "Id=static", NULL), OK);
    assert_status(driver_enum(d, "root/test", "P_Base", 0, &b), OK);
    assert_int_equal(b.count, 90 + ROWS + 1 + 1);
}

static void rows_on_the_pool(void **state)
{
    struct driver *d = *state;
    struct answer a = { 0 }, b = { .page = 9 }, c = { 0 }, e = { 0 };
    assert_status(driver_enum(d, "root/test", "P_Slow", 0, &a), OK);
    assert_int_equal(a.count, ROWS);
    assert_status(driver_query(d, "root/test", "SELECT Id FROM P_Slow WHERE Number >= 50", &b), OK);
    assert_int_equal(b.count, 50);
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(atoi(driver_text(d, &b, i, "Id") + 1), 50 + (int)i);
    assert_status(driver_get(d, "root/test", "P_Base.Id=\"s7\"", &c), OK);
    assert_string_equal(driver_class_name(&c, 0), "P_Slow");
    /* A provider made of others. */
    assert_status(driver_enum(d, "root/test", "P_Sum", 0, &e), OK);
    assert_int_equal(atoi(driver_text(d, &e, 0, "Total")),
                     4950 - 9 - 19 - 29 - 39 - 49 - 59 - 69 - 79 - 89 - 99 + 4950);
}

/* covers: cim-core:C5 cim-core:C6 */
static void writes(void **state)
{
    struct driver *d = *state;
    assert_status(driver_put(d, "root/test", "P_Row", CIM_UPDATE_ONLY, "Id=r2", "Number=9", NULL),
                  OK);
    assert_int_equal(T.put_flags, CIM_UPDATE_ONLY);
    assert_status(driver_put(d, "root/test", "P_Row", CIM_PARTIAL, "Id=r2", "Number=9", NULL), OK);
    assert_string_equal(T.put_seen, "Id Number ");
    assert_status(driver_delete(d, "root/test", "P_Row.Id=\"r1\""), OK);
    assert_status(driver_delete(d, "root/test", "P_Row.Id=\"r2\""), NOT_FOUND);
    assert_status(driver_put(d, "root/test", "P_Slow", 0, "Id=s1", NULL), PROVIDER_NOT_CAPABLE);
    assert_status(driver_delete(d, "root/test", "P_Slow.Id=\"s1\""), PROVIDER_NOT_CAPABLE);
}

static cimf_status invoke(struct driver *d, const char *path, const char *method,
                          const struct cim_context_value *params, uint32_t n, struct answer *a)
{
    struct cim_op op = driver_op(d, CIM_OP_INVOKE);
    op.path = driver_path(d, path);
    op.method = slice_str(method);
    op.params = params;
    op.param_count = n;
    driver_run(d, &op, a);
    return a->status;
}

#define TEXT(name_, text_)                                                                         \
    {                                                                                              \
        SLICE(name_),                                                                              \
        {                                                                                          \
            .type = CIM_STRING, .v.s = SLICE(text_)                                                \
        }                                                                                          \
    }

/* covers: cim-core:C8 cim-core:M10 */
static void methods(void **state)
{
    struct driver *d = *state;
    const struct cim_context_value add[] = { TEXT("a", "40"), TEXT("B", "-2"), TEXT("Sum", "1") };
    const struct cim_context_value bad[] = { TEXT("A", "forty") };
    struct answer a = { 0 }, b = { 0 }, c = { 0 }, e = { 0 }, f = { 0 }, g = { 0 }, h = { 0 },
                  i = { 0 }, j = { 0 };
    assert_status(invoke(d, "P_Row.Id=\"r4\"", "add", add, 2, &a), OK);
    assert_string_equal(driver_text(d, &a, 0, "Sum"), "38");
    assert_string_equal(driver_text(d, &a, 0, "On"), "r4");
    assert_string_equal(driver_text(d, &a, 0, "ReturnValue"), "0");
    /* A missing parameter has its default; an out-parameter is none of the in-parameters. */
    assert_status(invoke(d, "P_Row.Id=\"r4\"", "Add", add, 1, &b), OK);
    assert_string_equal(driver_text(d, &b, 0, "Sum"), "45");
    assert_status(invoke(d, "P_Row.Id=\"r4\"", "Add", add, 3, &c), INVALID_METHOD_PARAMETERS);
    assert_status(invoke(d, "P_Row.Id=\"r4\"", "Add", bad, 1, &e), TYPE_MISMATCH);
    assert_status(invoke(d, "P_Row", "Add", add, 2, &f), INVALID_METHOD_PARAMETERS);
    assert_status(invoke(d, "P_Row.Id=\"r9\"", "Add", add, 2, &g), NOT_FOUND);
    assert_status(invoke(d, "P_Row.Id=\"r4\"", "Nope", NULL, 0, &h), INVALID_METHOD);
    assert_status(invoke(d, "P_Row.Id=\"r4\"", "Off", NULL, 0, &i), METHOD_DISABLED);
    assert_status(invoke(d, "P_Row.Id=\"r4\"", "Missing", NULL, 0, &j), METHOD_NOT_IMPLEMENTED);
}

/* covers: cim-core:C8 */
static void static_methods(void **state)
{
    struct driver *d = *state;
    struct cim_array bytes;
    cim_array_new(&d->arena, CIM_STRING, 2, &bytes);
    cim_array_set(bytes, CIM_STRING, 0, (union cim_data){ .s = SLICE("1") });
    cim_array_set(bytes, CIM_STRING, 1, (union cim_data){ .s = SLICE("255") });
    const struct cim_context_value make[] = {
        TEXT("When", "2020-02-03T04:05:06Z"),
        { SLICE("Bytes"), { .type = CIM_STRING | CIM_ARRAY, .v.a = bytes } },
    };
    struct answer a = { 0 }, b = { 0 }, c = { 0 };
    assert_status(invoke(d, "P_Row", "Make", make, 2, &a), OK);
    assert_string_equal(driver_text(d, &a, 0, "Echo"), "static 2 20200203040506.000000+000");
    assert_string_equal(driver_text(d, &a, 0, "ReturnValue"), "7");
    assert_status(invoke(d, "P_Row.Id=\"r4\"", "Make", make, 1, &b), OK);
    assert_status(invoke(d, "P_Slow.Id=\"s1\"", "Wait", NULL, 0, &c), OK);
    assert_string_equal(driver_text(d, &c, 0, "ReturnValue"), "3");
}

/* P17: a call that does not return is given up; when several hang, the provider is suspended;
 * others are served meanwhile; when the calls return, all is well again. */
static void hanging_provider(void **state)
{
    struct driver *d = *state;
    gate_set(true);
    struct cim_op op[3];
    struct answer a[3] = { { 0 }, { 0 }, { 0 } };
    for (int i = 0; i < 2; i++) {
        op[i] = driver_op(d, CIM_OP_ENUM_INSTANCES);
        op[i].path.kind = CIM_PATH_CLASS;
        op[i].path.class_name = SLICE("P_Slow");
    }
    op[0].deadline_us = clock_mono_us() + 20000;
    driver_start(d, &op[0], &a[0]);
    driver_start(d, &op[1], &a[1]);
    assert_false(a[1].done);
    gate_wait_inside(2);
    driver_pump(d, &a[0]);
    assert_status(a[0].status, PROVIDER_TIMED_OUT);
    cim_cancel(d->manager, &op[1]);
    driver_pump(d, &a[1]);
    assert_status(a[1].status, CALL_CANCELLED);
    assert_status(driver_enum(d, "root/test", "P_Slow", 0, &a[2]), PROVIDER_SUSPENDED);
    struct answer other = { 0 };
    assert_status(driver_enum(d, "root/test", "P_Row", 0, &other), OK);
    gate_set(false);
    gate_wait_inside(0);
    for (int i = 0;; i++) {
        struct answer again = { 0 };
        if (!driver_enum(d, "root/test", "P_Slow", 0, &again)) break;
        assert_true(i < 2000);
        usleep(1000);
    }
}

/* covers: cim-core:C19 */
static void too_many_operations(void **state)
{
    struct driver *d = *state;
    static struct cim_op op[202];
    static struct answer a[202];
    memset(a, 0, sizeof a);
    for (int i = 0; i < 202; i++) {
        op[i] = driver_op(d, CIM_OP_ENUM_INSTANCES);
        op[i].path.kind = CIM_PATH_CLASS;
        op[i].path.class_name = SLICE("P_Row");
        a[i].page = 3;
        driver_start(d, &op[i], &a[i]);
    }
    assert_false(a[199].done); /* paused ones are not at work */
    assert_true(a[200].done);
    assert_status(a[201].status, SERVER_TOO_BUSY);
    for (int i = 0; i < 200; i++) cim_cancel(d->manager, &op[i]);
    assert_int_equal(cimom_active(d->m), 0);
}

static void endless_providers(void **state)
{
    struct driver *d = *state;
    struct answer a = { 0 };
    assert_status(driver_enum(d, "root/test", "P_Loop", 0, &a), QUOTA_VIOLATION);
    struct cim_op op = driver_op(d, CIM_OP_GET_INSTANCE);
    struct answer b = { 0 };
    op.path = driver_path(d, "P_Row.Id=\"r1\"");
    op.call_depth = LIMIT_CALL_DEPTH + 1;
    driver_run(d, &op, &b);
    assert_status(b.status, QUOTA_VIOLATION);
}

static void counters(void **state)
{
    struct driver *d = *state;
    struct cimom_stats was, is;
    struct answer a = { 0 };
    cimom_stats(d->m, CIM_OP_ENUM_INSTANCES, &was);
    driver_enum(d, "root/test", "P_Row", 0, &a);
    cimom_stats(d->m, CIM_OP_ENUM_INSTANCES, &is);
    assert_int_equal(is.calls, was.calls + 1);
    assert_int_equal(is.objects, was.objects + 90);
}

/* covers: wmi-dcom:W36 */
static void context_of_callers(void **state)
{
    struct driver *d = *state;
    struct cim_context_value context[] = {
        { SLICE("__MI_DESTINATIONOPTIONS_UI_LOCALE"), { .type = CIM_STRING, .v.s = SLICE("MS_407") } },
        { SLICE("__MI_DESTINATIONOPTIONS_DATA_LOCALE"), { .type = CIM_STRING, .v.s = SLICE("MS_409") } },
        { SLICE("__CorrelationId"), { .type = CIM_STRING, .v.s = SLICE("{01234567-89AB-CDEF-0123-456789ABCDEF}") } },
        { SLICE("__RequiredArchitecture"), { .type = CIM_BOOLEAN, .v.u = 1 } },
        { SLICE("__ProviderArchitecture"), { .type = CIM_SINT32, .v.i = 64 } },
    };
    static const struct { int64_t bits; bool required; cimf_status status; } rows[] = {
        { 64, true, CIMF_OK }, { 32, false, CIMF_OK }, { 32, true, CIMF_PROVIDER_LOAD_FAILURE }, { 16, false, CIMF_INVALID_PARAMETER },
        { -1, true, CIMF_INVALID_PARAMETER },
    };
    if (sizeof(void *) != 8) skip();
    struct cim_op op = driver_op(d, CIM_OP_ENUM_INSTANCES);
    op.path = (struct cim_path){ .kind = CIM_PATH_CLASS, .class_name = SLICE("P_Row") };
    op.locale = SLICE("fr-FR, en");
    struct answer plain = { 0 };
    driver_run(d, &op, &plain);
    assert_string_equal(T.told, "fr-FR, en|fr-FR, en|");
    op.context = context;
    op.context_count = 5;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct answer a = { 0 };
        context[3].value.v.u = rows[i].required;
        context[4].value.v.i = rows[i].bits;
        driver_run(d, &op, &a);
        assert_int_equal(a.status, rows[i].status);
    }
    assert_string_equal(T.told, "MS_407|MS_409|{01234567-89AB-CDEF-0123-456789ABCDEF}");
    op.path.class_name = SLICE("P_Static"); /* nobody is asked */
    struct answer stored = { 0 };
    driver_run(d, &op, &stored);
    assert_status(stored.status, OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_inline),
        cmocka_unit_test(pushdown),
        cmocka_unit_test(wanted_only),
        cmocka_unit_test(failures),
        cmocka_unit_test(rows_on_the_pool),
        cmocka_unit_test(writes),
        cmocka_unit_test(methods),
        cmocka_unit_test(static_methods),
        cmocka_unit_test(context_of_callers),
        cmocka_unit_test(hanging_provider),
        cmocka_unit_test(too_many_operations),
        cmocka_unit_test(counters),
        cmocka_unit_test(endless_providers),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
