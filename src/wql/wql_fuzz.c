/* Any bytes as a query: parse, bind against a class of every type, match an instance. */
#include "wql/wql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    arena_init(&a, 8 << 20);
    static const unsigned types[] = { CIM_STRING, CIM_UINT64, CIM_SINT8, CIM_BOOLEAN, CIM_REAL32, CIM_DATETIME,
                                      CIM_CHAR16, CIM_REFERENCE, CIM_OBJECT, CIM_STRING | CIM_ARRAY };
    static const char *const names[] = { "S", "U", "I", "B", "R", "D", "C", "P", "O", "L" };
    struct cim_property_decl props[10];
    memset(props, 0, sizeof props);
    for (int i = 0; i < 10; i++) {
        props[i].name = slice_str(names[i]);
        props[i].type = (uint16_t)types[i];
    }
    struct wql_query q;
    const struct cim_class *cls;
    const struct wql_filter *f;
    if (wql_parse(&a, slice_of((const char *)data, size), &q, NULL) == CIMF_OK) {
        if (q.kind == WQL_SELECT && cim_class_adhoc(&a, SLICE("X"), props, 10, &cls) == CIMF_OK &&
            wql_bind(&a, &q, cls, &f, NULL) == CIMF_OK) {
            struct cim_instance *in = cim_instance_new(&a, cls);
            const struct wql_fixed *fixed;
            if (in) {
                cim_put_strz(in, "S", "abc");
                cim_put_u64(in, "U", 1);
                cim_put_strz(in, "D", "20070301120000.000000+060");
                cim_put_strz(in, "P", "A.b=\"c\"");
                cim_set(in, 8, (union cim_data){ .o = &in->object });
                wql_match(f, in, &a);
                wql_fixed_values(&a, f, &fixed);
                wql_fixed_class(f);
            }
        } else if (q.kind == WQL_SCHEMA) {
            wql_bind_schema(&a, &q, &f, NULL);
        }
    }
    arena_free(&a);
    return 0;
}
