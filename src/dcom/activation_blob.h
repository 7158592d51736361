/* dcom/activation_blob.h - activation properties (MS-DCOM 2.2.22): what a client asks for, and the answer, each as an
 * OBJREF. Pure; the decoders and encoders of both directions, so that tests and clients use them too. */
#ifndef DCOM_ACTIVATION_BLOB_H
#define DCOM_ACTIVATION_BLOB_H

#include "dcom/objref.h"

enum { ACTIVATION_32_BIT = 4, ACTIVATION_64_BIT = 8 }; /* ACTVFLAGS */

struct dcom_activation {
    struct guid clsid;
    uint32_t flags;
    uint32_t iid_count;
    struct guid *iids;
    uint16_t protseq_count;
    uint16_t *protseqs;
    bool has_session, console;
    uint32_t session;          /* 0xffffffff: any */
};
/* From the OBJREF that RemoteCreateInstance and RemoteGetClassObject take. CIMF_PROTOCOL_ERROR: not such a reference,
 * sizes that do not fit, a property missing that must be there. */
cimf_status dcom_activation_read(struct arena *a, struct slice objref, struct dcom_activation *out, struct error *e);
bool dcom_activation_write(struct buf *b, const struct dcom_activation *r);

struct dcom_activated {
    uint32_t count;
    struct guid *iids;
    uint32_t *hresults;
    struct slice *interfaces;  /* OBJREFs; p NULL where the HRESULT says so */
    uint64_t oxid;
    struct dcom_dual *bindings;
    struct guid unknown;
    uint32_t hint;
    uint16_t major, minor;
};
/* Exactly two properties, the interfaces first, as clients cut them out by position. */
bool dcom_activated_write(struct buf *b, const struct dcom_activated *r);
cimf_status dcom_activated_read(struct arena *a, struct slice objref, struct dcom_activated *out, struct error *e);

#endif
