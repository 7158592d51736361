/*
 * soap/envelope.h - SOAP 1.2 envelopes with WS-Addressing headers, in and out.
 *
 * In: soap_envelope_read parses, checks what SOAP itself demands and collects the addressing headers.
 * It fills in as much as it can even when it fails, so that a fault can relate to the message.
 * Out: soap_begin writes everything up to the opened body, the caller appends the body's content,
 * soap_end closes. Prefixes s a w n x e b p cim xsi are fixed (soap/names.h).
 */
#ifndef SOAP_ENVELOPE_H
#define SOAP_ENVELOPE_H

#include "soap/names.h"

struct soap_envelope {
    struct xml_node *root, *header; /* header NULL when the message has none */
    struct xml_node *body;
    struct xml_node *content;       /* first element of the body, NULL when it is empty */
    /* Trimmed; p == NULL when the header is absent. */
    struct slice action, message_id, to, relates_to;
    struct slice reply_to, fault_to; /* their a:Address; "" when that is missing */
};

/* text is UTF-8 (xml_decode). WSMAN_SCHEMA_VALIDATION: not XML, a DOCTYPE, not an envelope, two bodies;
 * SOAP_VERSION_MISMATCH; SOAP_DATA_ENCODING; WSMAN_INVALID_HEADER: an addressing header given twice. */
cimf_status soap_envelope_read(struct arena *a, struct slice text, struct soap_envelope *out,
                               struct error *e);

/* The header block is meant for this node (its role is absent, "next" or "ultimateReceiver"). */
bool soap_header_for_us(const struct xml_node *block);
/* s:mustUnderstand (the attribute without a namespace does not count). false: its value is not a boolean. */
bool soap_must_understand(const struct xml_node *block, bool *must);

/* What a reply or request says in its addressing headers. */
struct soap_head {
    struct slice action;
    struct slice action_suffix; /* appended to action: "Response" */
    struct slice relates_to;    /* replies: the request's MessageID, byte for byte; p == NULL: none */
    struct slice to;            /* p == NULL: anonymous */
    bool request;               /* writes ReplyTo anonymous */
    struct slice message_id;    /* p == NULL: a fresh one */
    unsigned namespaces;        /* 1 << NS_...: declared besides s, a and w */
    enum soap_dialect dialect;
    struct slice extra;         /* further header blocks, written as they are */
};
bool soap_begin(struct buf *out, const struct soap_head *head);
bool soap_end(struct buf *out);
/* Bytes that soap_end appends. */
#define SOAP_END "</s:Body></s:Envelope>"

/* "uuid:" and an upper-case GUID that this process has not used before. */
#define SOAP_MESSAGE_ID_SIZE 42
void soap_message_id(char out[SOAP_MESSAGE_ID_SIZE]);

#endif
