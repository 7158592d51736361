/*
 * Every method of every interface with nothing where there may be nothing: NULL and empty pointers of every kind, counts of 0, arrays
 * of NULLs, in all combinations with values that lead on. Each call goes through the wire's form, each must be answered. A method
 * that is added is among them by itself.
 */
#include "base/test.h"

#include "wmi/fake_proxy.h"
#include "wmi/refresh.h"

enum { RECORD = 512, CHOICES = 10, OBJECTS = 10 };

static struct fake_wmi f;
static struct arena arena;
static struct dcom_object *objects[OBJECTS];
static unsigned object_count, calls;
static struct slice instance, class_reference;

/* ---- what there is to call ---- */

static bool care_run(void *arg, struct wmi_care_job *job) { return false; }
static uint64_t care_generation(void *arg) { return 0; }

static struct slice by_value(const struct cim_object *o)
{
    struct cim_op op = { .verb = CIM_OP_GET_INSTANCE };
    struct buf b;
    buf_init(&b, 0);
    assert_true(wmi_reference_write(&b, objects[1]->self, &op, o));
    struct slice s = arena_dup(&arena, buf_slice(&b));
    buf_free(&b);
    return s;
}

static void add(struct slice reference)
{
    objects[object_count++] = client_object(reference);
}

static void *ask(struct client_call *c, struct dcom_object *o, unsigned interface, uint16_t opnum, void *record)
{
    client_init(c, o, interface, opnum);
    client_run(c, record);
    fake_run();
    assert_true(c->answered);
    assert_int_equal(c->hresult, 0);
    return c->out;
}

static void make_objects(void)
{
    struct client_call c;
    struct stub_services query = { .text = SLICE("WQL"), .method = SLICE("select * from MyClass") };
    add(((struct stub_services *)ask(&c, objects[1], 0, 20, &query))->enumerator);
    client_end(&c);
    struct stub_reference smart = { .reference = SLICE_NULL };
    add(((struct stub_reference *)ask(&c, objects[2], 1, 3, &smart))->reference);
    client_end(&c);
    struct slice none = SLICE_NULL;
    struct stub_services get = { .text = SLICE("MyClass"), .flags = 0x10, .result = &none };
    add(*((struct stub_services *)ask(&c, objects[1], 0, 6, &get))->result);
    client_end(&c);
    struct stub_refresh_get refresher = { .flags = 0 };
    add(((struct stub_refresh_get *)ask(&c, objects[1], 1, 7, &refresher))->refresher);
    client_end(&c);
    struct stub_services sink = { .flags = 0 };
    add(((struct stub_services *)ask(&c, objects[1], 0, 5, &sink))->enumerator);
    client_end(&c);
}

static void make_classes(void)
{
    unsigned n;
    const struct dcom_class *classes = wmi_server_classes(f.server, &n);
    for (unsigned i = 1; i < n; i++) {
        if (i > 1 && strcmp(classes[i].name, classes[i - 1].name) == 0) continue;
        assert_int_equal(classes[i].create(&classes[i], NULL, &fake_caller, &objects[object_count]), DCOM_OK);
        dcom_object_settle(objects[object_count++], &loops[0].exec);
    }
}

static int setup(void **state)
{
    static const struct wmi_care_hooks care = { care_run, care_generation, NULL };
    arena_init(&arena, 0);
    fake_wmi_open_with(&f, &care);
    fake_sinks_open();
    fake_fill(&f.m, 3);
    cim_put_strz(fake_row(&f.m, "Live"), "Name", "a");
    objects[0] = dcom_object_ref(f.login);
    objects[1] = fake_wmi_login(&f);
    object_count = 2;
    instance = by_value(&f.m.rows[0]->object);
    class_reference = by_value(&f.m.rows[0]->cls->object);
    make_objects();
    make_classes();
    return 0;
}

static int teardown(void **state)
{
    while (object_count) client_release(objects[--object_count]);
    fake_run();
    fake_sinks_close();
    fake_wmi_close(&f);
    arena_free(&arena);
    return 0;
}

/* ---- what parameters may be ---- */

static void put(char *record, const struct ndr_row *row, const void *value, size_t n) { memcpy(record + row->at, value, n); }

static bool is_count(const struct ndr_type *t, const struct ndr_row *row)
{
    for (unsigned i = 0; i < t->count; i++)
        if (t->rows[i].kind == NDR_ARRAY && t->rows[i].flags & NDR_IN && t->rows[i].size_at == row->at) return true;
    return false;
}

static bool choose_text(char *record, const struct ndr_row *row, unsigned k)
{
    const struct slice choices[] = { SLICE_NULL, SLICE(""), SLICE("MyClass"), SLICE("WQL"), SLICE("Live.Name=\"a\""),
                                     SLICE("select * from MyClass"), SLICE("//./root/test") };
    if (k >= sizeof choices / sizeof *choices) return false;
    put(record, row, &choices[k], sizeof choices[k]);
    return true;
}

static bool choose_reference(char *record, const struct ndr_row *row, unsigned k)
{
    const struct slice choices[] = { SLICE_NULL, SLICE(""), SLICE("MEOW"), instance, class_reference, SLICE("SINK0") };
    bool sink = strcmp(row->name, "sink") == 0, context = strcmp(row->name, "context") == 0;
    if (k >= (context ? 3 : sink ? 4 : 5)) return false;
    put(record, row, sink && k == 3 ? &choices[5] : &choices[k], sizeof *choices);
    return true;
}

/* Choice k of a parameter; false: there are fewer. */
static bool choose(char *record, const struct ndr_type *t, const struct ndr_row *row, unsigned k)
{
    static const uint32_t numbers[] = { 0, 1, 0x10, 0x30, 0xffffffff };
    static struct slice pointees[16];
    static const uint64_t zeros[64];
    const void *p = NULL;
    size_t at = row->at / sizeof(void *) % 16;
    uint32_t n = 0;
    switch (row->kind) {
    case NDR_STRING: case NDR_BSTR: return choose_text(record, row, k);
    case NDR_INTERFACE: return choose_reference(record, row, k);
    case NDR_PTR:
        pointees[at] = k == 2 ? instance : SLICE_NULL;
        if (k) p = &pointees[at];
        put(record, row, &p, sizeof p);
        return k < 3;
    case NDR_ARRAY: /* the count is chosen before */
        memcpy(&n, record + row->size_at, sizeof n);
        if (n) p = zeros;
        put(record, row, &p, sizeof p);
        return k == 0;
    case NDR_U32:
        n = is_count(t, row) ? k : numbers[k < 5 ? k : 0];
        put(record, row, &n, sizeof n);
        return k < (is_count(t, row) ? 3 : 5);
    default: return k == 0; /* zeros */
    }
}

/* ---- calls ---- */

static void collect(struct slice reference, struct dcom_object **got, unsigned *n)
{
    if (reference.p && reference.n == sizeof *got) got[(*n)++] = client_object(reference);
}

static unsigned handed_out(const struct client_call *c, struct dcom_object **got)
{
    const struct ndr_type *t = c->c.method->parameters;
    unsigned n = 0;
    for (unsigned i = 0; t && c->out && i < t->count; i++) {
        const char *at = (const char *)c->out + t->rows[i].at;
        struct slice s = SLICE_NULL, *p = &s;
        if (!(t->rows[i].flags & NDR_OUT)) continue;
        if (t->rows[i].kind == NDR_INTERFACE) memcpy(&s, at, sizeof s);
        if (t->rows[i].kind == NDR_PTR) memcpy(&p, at, sizeof p);
        if (p) collect(*p, got, &n);
    }
    const struct stub_refresh_add *added = c->out;
    if (c->c.interface == &wmi_refreshing_interface && c->c.opnum <= 5 && added->info.type == REFRESH_REMOTE)
        collect(added->info.of.remote.refresher, got, &n);
    return n;
}

static void call(struct dcom_object *o, unsigned interface, uint16_t opnum, const void *chosen, uint32_t flags)
{
    struct client_call c;
    struct dcom_object *got[4];
    struct ndr_writer w;
    struct ndr_reader r;
    struct buf b;
    client_init(&c, o, interface, opnum);
    const struct ndr_type *t = c.c.method->parameters;
    void *record = t ? arena_zalloc(&c.arena, t->size) : NULL;
    buf_init(&b, 0);
    ndr_writer_init(&w, &b);
    bool said = !t || ndr_write_parameters(&w, t, NDR_IN, chosen); /* or NULL is not to be said there */
    if (said && t) {
        ndr_reader_init(&r, &c.arena, buf_slice(&b), false);
        assert_int_equal(ndr_read_parameters(&r, t, NDR_IN, record, NULL), CIMF_OK);
    }
    if (said) {
        calls++;
        c.c.flags = flags;
        client_run(&c, record);
        fake_run();
        fake_time_passes();
        fake_run();
        if (!c.answered) fail_msg("%s.%s is not answered", c.c.interface->name, c.c.method->name);
        for (unsigned n = handed_out(&c, got); n--;) client_release(got[n]);
    }
    buf_free(&b);
    arena_free(&c.arena);
}

static void every_choice(struct dcom_object *o, unsigned interface, uint16_t opnum, char *record, unsigned row)
{
    const struct ndr_type *t = o->type->interfaces[interface]->methods[opnum].parameters;
    while (t && row < t->count && !(t->rows[row].flags & NDR_IN)) row++;
    if (!t || row == t->count) {
        call(o, interface, opnum, record, 0);
        return;
    }
    for (unsigned k = 0; choose(record, t, &t->rows[row], k); k++) every_choice(o, interface, opnum, record, row + 1);
}

static void every_method(void)
{
    for (unsigned i = 0; i < object_count; i++) {
        for (unsigned n = 0; objects[i]->type->interfaces[n]; n++) {
            const struct dcom_interface *x = objects[i]->type->interfaces[n];
            for (uint16_t opnum = 3; opnum < x->count; opnum++) {
                static char record[RECORD];
                memset(record, 0, sizeof record);
                assert_true(!x->methods[opnum].parameters || x->methods[opnum].parameters->size <= RECORD);
                if (x->methods[opnum].run) every_choice(objects[i], n, opnum, record, 0);
                memset(record, 0, sizeof record);
                if (x->methods[opnum].run) call(objects[i], n, opnum, record, MECH_IDENTIFY);
            }
        }
    }
}

static void test_at_once(void **state)
{
    calls = 0;
    every_method();
    assert_true(calls > 5000);
}

static void test_later(void **state)
{
    f.m.mode = FAKE_ASYNC;
    fake_caller.administrator = true;
    every_method();
    fake_caller.administrator = false;
}

/* None is left out. */
static void test_all_interfaces(void **state)
{
    for (const struct dcom_interface *const *i = wmi_interfaces; *i; i++) {
        bool found = false;
        for (unsigned k = 0; k < object_count; k++)
            for (unsigned n = 0; objects[k]->type->interfaces[n]; n++) found |= objects[k]->type->interfaces[n] == *i;
        if (!found) fail_msg("%s is not called", (*i)->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_later, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_interfaces, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
