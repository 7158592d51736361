/* Any bytes as a store file: the page check ends, and reads nothing outside of them. */
#include "repo/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image_info info;
    image_check(slice_of((const char *)data, size), SLICE("hstore"), &info, NULL);
    return 0;
}
