/*
 * rpc/pdu.h - the PDUs of connection-oriented DCE/RPC (C706 12.6, MS-RPCE 2.2.2), decoders beside encoders. Both byte
 * orders are read; little-endian is written. Pure.
 */
#ifndef RPC_PDU_H
#define RPC_PDU_H

#include "base/buf.h"
#include "base/cursor.h"
#include "base/guid.h"
#include "base/status.h"

enum rpc_pdu_type {
    RPC_REQUEST = 0, RPC_RESPONSE = 2, RPC_FAULT = 3, RPC_BIND = 11, RPC_BIND_ACK = 12, RPC_BIND_NAK = 13,
    RPC_ALTER = 14, RPC_ALTER_RESPONSE = 15, RPC_AUTH3 = 16, RPC_SHUTDOWN = 17, RPC_CANCEL = 18, RPC_ORPHANED = 19,
};
enum {
    RPC_FIRST = 0x01, RPC_LAST = 0x02,
    RPC_HEADER_SIGN = 0x04, /* bind family; in others PENDING_CANCEL */
    RPC_MULTIPLEX = 0x10, RPC_DID_NOT_EXECUTE = 0x20, RPC_MAYBE = 0x40, RPC_OBJECT = 0x80,
};
enum {
    RPC_HEADER = 16,
    RPC_TRAILER = 8,         /* sec_trailer */
    RPC_FRAGMENT_MAX = 5840, /* what we offer and take, as Windows */
    RPC_FRAGMENT_MIN = 1432, /* C706: everybody takes so much */
    RPC_FAULT_HINT = 32,     /* alloc_hint of a fault: its octets */
    RPC_FAULT_HEAD = 32,     /* of a fault: everything but what is never there, stub data */
    RPC_BIND_MAX = 65535,    /* the bind family carries tickets */
};

struct rpc_syntax {
    struct guid uuid;
    uint16_t major, minor;
};
extern const struct rpc_syntax rpc_ndr;   /* NDR 2.0 */
extern const struct rpc_syntax rpc_ndr64; /* known, not spoken */
bool rpc_syntax_eq(const struct rpc_syntax *a, const struct rpc_syntax *b);
/* Bind time feature negotiation (MS-RPCE 2.2.2.14): true with the client's bits. */
bool rpc_syntax_features(const struct rpc_syntax *s, uint8_t *bits);
/* What a client offers in the place of a transfer syntax to ask for it. */
struct rpc_syntax rpc_syntax_of_features(uint8_t bits);
enum { RPC_FEATURE_CONTEXTS = 1, RPC_FEATURE_KEEP_ON_ORPHAN = 2 };

/* A fragment, taken apart. */
struct rpc_auth {
    uint8_t type, level, pad;
    uint32_t context;
    struct slice token;
};
struct rpc_pdu {
    uint8_t type, flags;
    bool big_endian, has_auth;
    uint32_t call_id;
    struct slice whole;
    struct slice body;      /* behind the header, up to the trailer; padding of the trailer included */
    struct rpc_auth auth;
};
/* Octets of the fragment that begins with these 16; 0: this is no DCE/RPC of version 5.0 or 5.1, or the length is impossible. */
uint16_t rpc_pdu_length(const unsigned char header[RPC_HEADER]);
/* Its call. */
uint32_t rpc_pdu_call(const unsigned char header[RPC_HEADER]);
/* CIMF_PROTOCOL_ERROR: lengths that do not fit; type, flags and call are there all the same. */
cimf_status rpc_pdu_read(struct slice fragment, struct rpc_pdu *out, struct error *e);

/* A reader of the byte order of its PDU. */
struct rpc_reader {
    struct cursor c;
    bool big;
};
static inline struct rpc_reader rpc_reader_of(const struct rpc_pdu *p, struct slice s)
{
    return (struct rpc_reader){ cursor_of(s), p->big_endian };
}
uint16_t rpc_u16(struct rpc_reader *r);
uint32_t rpc_u32(struct rpc_reader *r);
void rpc_guid(struct rpc_reader *r, struct guid *g);
void rpc_guid_put(struct buf *b, const struct guid *g);
void rpc_syntax_put(struct buf *b, const struct rpc_syntax *s);
bool rpc_put16(struct buf *b, uint32_t v);
bool rpc_put32(struct buf *b, uint32_t v);

/* bind, alter_context */
struct rpc_context {
    uint16_t id;
    struct rpc_syntax abstract;
    uint8_t transfer_count;
    const unsigned char *transfers; /* 20 octets each, in the PDU */
};
struct rpc_bind {
    uint16_t max_xmit, max_recv;
    uint32_t group;
    uint8_t count;          /* of contexts */
    struct rpc_reader rest; /* they follow; rpc_bind_next takes one */
};
bool rpc_bind_read(const struct rpc_pdu *p, struct rpc_bind *out);
/* Behind it `count` times rpc_context_put, each with one transfer syntax. */
void rpc_bind_put(struct buf *b, uint16_t fragment, uint32_t group, unsigned count);
void rpc_context_put(struct buf *b, uint16_t id, const struct rpc_syntax *abstract, const struct rpc_syntax *transfer);
bool rpc_bind_next(struct rpc_bind *b, struct rpc_context *out);
/* Transfer syntax i of a context. */
void rpc_bind_transfer(const struct rpc_bind *b, const struct rpc_context *x, unsigned i, struct rpc_syntax *out);

/* request */
struct rpc_request_head {
    uint32_t hint;
    uint16_t context, opnum;
    struct guid object;
    bool has_object;
    size_t stub_at;         /* in the whole fragment */
};
bool rpc_request_read(const struct rpc_pdu *p, struct rpc_request_head *out);

/* response, fault: the status is a fault's alone. */
struct rpc_response_head {
    uint32_t hint, status;
    uint16_t context;
    size_t stub_at;         /* in the whole fragment; of a fault: where its status is */
};
bool rpc_response_read(const struct rpc_pdu *p, struct rpc_response_head *out);

/* Writing: a header with holes, the body by the caller, then the end fills the holes. Answers where the PDU begins. */
size_t rpc_pdu_begin(struct buf *b, enum rpc_pdu_type type, unsigned flags, uint32_t call_id);
/* Appends padding to a multiple of `align`, counted from RPC_HEADER behind start, and the trailer; the token (or room for a signature) follows. */
void rpc_trailer_put(struct buf *b, size_t start, unsigned align, const struct rpc_auth *a);
void rpc_pdu_end(struct buf *b, size_t start, uint16_t auth_length);

/* bind_ack result of one context. */
enum { RPC_ACCEPT = 0, RPC_REJECT = 2, RPC_NEGOTIATE_ACK = 3 };
enum { RPC_REASON_NONE = 0, RPC_REASON_ABSTRACT = 1, RPC_REASON_TRANSFER = 2, RPC_REASON_LIMIT = 3 };
struct rpc_result {
    uint16_t result, reason;
    const struct rpc_syntax *syntax; /* NULL: zeros */
};
void rpc_ack_put(struct buf *b, uint16_t max_xmit, uint16_t max_recv, uint32_t group, struct slice secondary,
                 const struct rpc_result *results, unsigned count, size_t start);
struct rpc_ack {
    uint16_t max_xmit, max_recv;
    uint32_t group;
    uint8_t count;          /* of results */
    struct rpc_reader rest; /* they follow; rpc_ack_next takes one */
};
struct rpc_ack_result {
    uint16_t result, reason;
    struct rpc_syntax syntax;
};
bool rpc_ack_read(const struct rpc_pdu *p, struct rpc_ack *out);
bool rpc_ack_next(struct rpc_ack *a, struct rpc_ack_result *out);
/* bind_nak reasons (C706 12.6.4.5, MS-RPCE 2.2.2.5). */
enum { RPC_NAK_UNSPECIFIED = 0, RPC_NAK_LIMIT = 2, RPC_NAK_VERSION = 4, RPC_NAK_AUTH_TYPE = 8, RPC_NAK_CHECKSUM = 9 };
bool rpc_nak_put(struct buf *b, uint32_t call_id, uint16_t reason);
/* The reason; versions, signature and extended error information behind it (MS-RPCE 2.2.2.9) are not looked at. */
bool rpc_nak_read(const struct rpc_pdu *p, uint16_t *reason);
/* Statuses that no server may send (MS-RPCE 3.3.3.5.1). */
bool rpc_fault_forbidden(uint32_t status);
/* One of those goes out as a protocol error. */
bool rpc_fault_put(struct buf *b, uint32_t call_id, uint16_t context, uint32_t status, unsigned flags);

#endif
