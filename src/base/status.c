#include "base/status.h"

static const struct cimf_status_info rows[CIMF_STATUS_COUNT] = {
#define CIMF_STATUS(name, hresult, cim, side, subcode, detail, code, http, category, exit, text)  \
    { #name, hresult, cim, CIMF_SIDE_##side, subcode, detail, code, http, category, exit, text },
#include <cimfony/status.def>
#undef CIMF_STATUS
};

const struct cimf_status_info *cimf_status_info(cimf_status status)
{
    long row = -(long)status;
    if (row < 0 || row >= CIMF_STATUS_COUNT) row = CIMF_ROW_FAILED;
    return &rows[row];
}

const char *cimf_status_name(cimf_status status) { return cimf_status_info(status)->name; }

cimf_status cimf_status_from_hresult(uint32_t hresult)
{
    for (int i = 0; i < CIMF_STATUS_COUNT; i++) {
        if (rows[i].hresult == hresult) return (cimf_status)-i;
    }
    return CIMF_FAILED;
}

cimf_status cimf_status_from_wsman(uint32_t code)
{
    for (int i = 0; i < CIMF_STATUS_COUNT; i++) {
        if (rows[i].wsman_code == code) return (cimf_status)-i;
    }
    return CIMF_FAILED;
}
