/* Times in every accepted form: what is read is canonical, and stays. */
#include <assert.h>

#include "cim/datetime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char out[CIM_DATETIME_LENGTH + 1], again[CIM_DATETIME_LENGTH + 1];
    struct slice text = slice_of((const char *)data, size);
    if (!cim_datetime_read(text, out)) return 0;
    struct cim_datetime d;
    struct slice canonical = slice_of(out, CIM_DATETIME_LENGTH);
    bool ok = cim_datetime_parse(canonical, &d) && cim_datetime_read(canonical, again);
    assert(ok && memcmp(out, again, sizeof out) == 0);
    bool defined;
    int sign = cim_datetime_compare(canonical, canonical, &defined);
    assert(sign == 0 && defined);
    struct buf b;
    buf_init(&b, 0);
    if (cim_datetime_xml(canonical, &b)) {
        ok = cim_datetime_read(buf_slice(&b), again);
        bool read_back = ok || d.us < -59011459200000000LL; /* years below 100 are not read */
        assert(read_back);
        if (ok && d.zoned) {
            sign = cim_datetime_compare(canonical, slice_of(again, CIM_DATETIME_LENGTH), &defined);
            assert(sign == 0 && defined);
        }
    }
    buf_free(&b);
    return 0;
}
