/* Text to values: the first byte chooses the type; what parses survives the way to text and back. */
#include <assert.h>

#include "cim/type.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint16_t types[] = {
    CIM_SINT8, CIM_UINT8, CIM_SINT16, CIM_UINT16, CIM_SINT32, CIM_UINT32, CIM_SINT64, CIM_UINT64,
    CIM_REAL32, CIM_REAL64, CIM_BOOLEAN, CIM_STRING, CIM_DATETIME, CIM_REFERENCE, CIM_CHAR16,
};
enum { COUNT = sizeof types / sizeof types[0] };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    struct arena a;
    arena_init(&a, 0);
    unsigned type = types[data[0] % COUNT];
    struct cim_value v = { .type = (uint16_t)type };
    if (cim_data_parse(&a, type, slice_of((const char *)data + 1, size - 1), &v.v) == CIMF_OK) {
        struct buf b;
        union cim_data again;
        buf_init(&b, 0);
        bool ok = cim_data_text(&b, type, &v.v) &&
                  cim_data_parse(&a, type, buf_slice(&b), &again) == CIMF_OK;
        assert(ok);
        bool nan = cim_type_is_real(type) && v.v.r != v.v.r;
        ok = nan || cim_data_equal(type, &v.v, &again);
        assert(ok);
        buf_free(&b);
        for (unsigned i = 0; i < COUNT; i++) {
            struct cim_value to, list;
            cim_value_convert(&a, &v, types[i] | CIM_ARRAY, &list);
            if (cim_value_convert(&a, &v, types[i], &to) != CIMF_OK) continue;
            assert(to.type == types[i] && !to.null);
        }
    }
    arena_free(&a);
    return 0;
}
