/*
 * cimfony/status.h - the one list of conditions that every call answers with.
 *
 * A status is 0 (CIMF_OK) or negative. Each row of status.def also fixes how the condition looks in
 * every protocol: CIM status code (DSP0223), HRESULT (MS-WMI 2.2.11), WS-Management fault (DSP0226
 * 14.6, MS-WSMV 2.2.4.43), HTTP status, PowerShell error category, exit code of the command line
 * programs, and a sentence. No other place in the project maps errors.
 */
#ifndef CIMFONY_STATUS_H
#define CIMFONY_STATUS_H

#include <stdint.h>

#if defined(__GNUC__)
#define CIMF_API __attribute__((visibility("default")))
#else
#define CIMF_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum {
#define CIMF_STATUS(name, hresult, cim, side, subcode, detail, code, http, category, exit, text)  \
    CIMF_ROW_##name,
#include <cimfony/status.def>
#undef CIMF_STATUS
    CIMF_STATUS_COUNT
};

typedef enum cimf_status {
#define CIMF_STATUS(name, hresult, cim, side, subcode, detail, code, http, category, exit, text)  \
    CIMF_##name = -CIMF_ROW_##name,
#include <cimfony/status.def>
#undef CIMF_STATUS
} cimf_status;

/* Which SOAP fault code carries the condition (SOAP 1.2 part 1, 5.4.6). */
enum cimf_fault_side {
    CIMF_SIDE_SENDER,
    CIMF_SIDE_RECEIVER,
    CIMF_SIDE_MUST_UNDERSTAND,
    CIMF_SIDE_VERSION_MISMATCH,
    CIMF_SIDE_DATA_ENCODING,
};

/* One row of the table; everything points to static storage. */
struct cimf_status_info {
    const char *name;     /* "NOT_FOUND" */
    uint32_t hresult;     /* MS-WMI / MS-ERREF value; 0 for CIMF_OK */
    uint32_t cim_status;  /* DSP0223 CIM status code */
    enum cimf_fault_side side;
    const char *subcode;  /* "w:AccessDenied", prefix as wsman.md 2.1; "" where SOAP has none */
    const char *detail;   /* last segment of the fault detail URI, "" if none */
    uint32_t wsman_code;  /* f:WSManFault/@Code */
    int http_status;      /* for HTTP-native protocols (OData); SOAP faults use 500 */
    const char *category; /* PowerShell ErrorCategory */
    int exit_code;        /* of cim and cimd */
    const char *text;     /* one sentence, no trailing period */
};

/* Never NULL: an unknown status gives the row of CIMF_FAILED. */
CIMF_API const struct cimf_status_info *cimf_status_info(cimf_status status);
/* Short name, "NOT_FOUND". */
CIMF_API const char *cimf_status_name(cimf_status status);
/* First row that carries this HRESULT / WSMan fault code; CIMF_FAILED if none does. */
CIMF_API cimf_status cimf_status_from_hresult(uint32_t hresult);
CIMF_API cimf_status cimf_status_from_wsman(uint32_t code);

#ifdef __cplusplus
}
#endif
#endif
