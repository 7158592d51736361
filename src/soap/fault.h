/*
 * soap/fault.h - SOAP faults as WS-Management writes them (MS-WSMV 2.2.4.43, wsman.md 2.9).
 *
 * Out: one status row gives code, subcode, action, detail URI and WSMan code; a failure of the object
 * manager adds f:ProviderFault with the HRESULT and the __ExtendedStatus instance. In: the decoder takes
 * what Windows, OMI and Openwsman send.
 */
#ifndef SOAP_FAULT_H
#define SOAP_FAULT_H

#include "soap/envelope.h"

/* A fault to write. */
struct soap_fault {
    cimf_status status;
    const struct error *error;   /* its text and subject; NULL: the row's sentence */
    struct slice machine;        /* host name; may be "" */
    bool provider;               /* it came from the object manager: adds ProviderFault */
    struct slice operation;      /* __ExtendedStatus.Operation, "ExecQuery" */
    struct slice parameter;      /* __ExtendedStatus.ParameterInfo: the path or query */
    struct slice not_understood_uri, not_understood_name; /* SOAP_MUST_UNDERSTAND: the header block */
};

/* The whole envelope. relates_to as in soap_head. */
bool soap_fault_write(struct buf *out, const struct soap_fault *fault, struct slice relates_to,
                      enum soap_dialect dialect);
/* The action URI of a fault with this subcode ("w:InvalidSelectors"). */
struct slice soap_fault_action(const char *subcode);

/* A fault that was received. Slices live in the arena or the tree. */
struct soap_fault_info {
    cimf_status status;          /* what it amounts to here: the most exact code that is known */
    struct slice code;           /* "Sender", local name */
    struct slice subcode_uri, subcode; /* namespace and local name, "" if none */
    struct slice reason;
    struct slice detail;         /* last segment of w:FaultDetail */
    uint32_t wsman_code;         /* f:WSManFault/@Code, 0 if none */
    struct slice machine;
    struct slice message;        /* innermost f:Message text, else the reason */
    struct slice provider;       /* f:ProviderFault/@provider */
    uint32_t provider_code;      /* innermost WSManFault or CIM_Error code, 0 if none */
    struct slice description, operation, parameter; /* of __ExtendedStatus or CIM_Error */
};
/* The envelope carries a fault: fills *out. */
bool soap_fault_read(struct arena *a, const struct soap_envelope *envelope, struct soap_fault_info *out);

#endif
