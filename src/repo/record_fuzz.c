/* First byte: which decoder. What decodes must encode to something that decodes to the same. */
#include <assert.h>
#include <stdlib.h>

#include "repo/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena a;
static struct buf out;

static void on_class(struct slice bytes)
{
    struct cim_class_decl decl, again;
    if (record_class_decode(&a, bytes, &decl, NULL)) return;
    if (!record_class_encode(&out, &decl)) return;
    if (record_class_decode(&a, buf_slice(&out), &again, NULL)) assert(arena_status(&a));
}

static void on_qualifier(struct slice bytes)
{
    struct cim_qualifier_decl decl, again;
    if (record_qualifier_decode(&a, bytes, &decl, NULL)) return;
    assert(record_qualifier_encode(&out, &decl));
    if (record_qualifier_decode(&a, buf_slice(&out), &again, NULL)) assert(arena_status(&a));
}

/* Half of the names are those of a layout that a fuzzer finds soon; types differ on purpose. */
static const struct cim_class *some_class(void)
{
    static struct cim_property_decl p[] = {
        { .name = { "a", 1 }, .type = CIM_UINT8 },
        { .name = { "b", 1 }, .type = CIM_STRING | CIM_ARRAY },
        { .name = { "c", 1 }, .type = CIM_STRING },
        { .name = { "d", 1 }, .type = CIM_OBJECT },
    };
    const struct cim_class *cls;
    return cim_class_adhoc(&a, SLICE("Fuzz"), p, 4, &cls) ? NULL : cls;
}

/* A byte with the size of the layout, layout, instance. */
static void on_instance(struct slice bytes)
{
    struct record_plan plan;
    struct cim_instance *in;
    const struct cim_class *cls = some_class();
    if (!bytes.n || !cls) return;
    size_t n = (unsigned char)bytes.p[0];
    struct slice layout = slice_head(slice_sub(bytes, 1), n), body = slice_sub(bytes, 1 + n);
    record_instance_check(&a, layout, body, NULL);
    if (record_plan(&a, layout, cls, &plan, NULL)) return;
    if (record_instance_decode(&a, &plan, body, NULL, &in, NULL)) return;
    record_instance_encode(&out, in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    struct slice bytes = { (const char *)data + 1, size - 1 };
    arena_init(&a, (size_t)8 << 20);
    buf_init(&out, (size_t)8 << 20);
    switch (data[0] % 3) {
    case 0: on_class(bytes); break;
    case 1: on_qualifier(bytes); break;
    default: on_instance(bytes);
    }
    buf_free(&out);
    arena_free(&a);
    return 0;
}
