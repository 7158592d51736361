/*
 * dcom/objref.h - object references and bindings in their packet forms (MS-DCOM 2.2.18, 2.2.19), decoders beside
 * encoders. Pure.
 */
#ifndef DCOM_OBJREF_H
#define DCOM_OBJREF_H

#include "codec/ndr.h"

enum { OBJREF_STANDARD = 1, OBJREF_HANDLER = 2, OBJREF_CUSTOM = 4, OBJREF_EXTENDED = 8 };
enum { SORF_NOPING = 0x1000 };
enum { TOWER_TCP = 7, TOWER_NP = 15 }; /* protocol sequence identifiers */

/* DUALSTRINGARRAY: words of string bindings, a zero, words of security bindings, a zero. security counts the words
 * before the latter. ndr type dcom_dual_type. */
struct dcom_dual {
    uint16_t count, security;
    uint16_t *words;
};
extern const struct ndr_type dcom_dual_type;

struct dcom_string_binding {
    uint16_t tower;
    struct slice host;     /* without the endpoint */
    uint16_t port;         /* 0: none */
};
struct dcom_security_binding {
    uint16_t service;      /* 9, 10, 16 */
    struct slice principal;
};
struct dcom_bindings {
    struct dcom_string_binding *strings;
    unsigned string_count;
    struct dcom_security_binding *securities;
    unsigned security_count;
};
/* Takes the words apart. CIMF_PROTOCOL_ERROR: offsets beyond the end, strings without an end. */
cimf_status dcom_dual_parse(struct arena *a, const struct dcom_dual *d, struct dcom_bindings *out, struct error *e);
/* And together; bindings that repeat an earlier one are left out, so are those that no longer fit 65535 words.
 * CIMF_OUT_OF_MEMORY. */
cimf_status dcom_dual_make(struct arena *a, const struct dcom_bindings *b, struct dcom_dual *out);

struct dcom_std {          /* STDOBJREF, 40 bytes; ndr type dcom_std_type */
    uint32_t flags, public_refs;
    uint64_t oxid, oid;
    struct guid ipid;
};
extern const struct ndr_type dcom_std_type;

struct dcom_objref {
    uint32_t form;         /* OBJREF_STANDARD ... */
    struct guid iid;
    struct dcom_std std;   /* all but CUSTOM */
    struct guid clsid;     /* HANDLER, CUSTOM */
    struct guid data_id;   /* EXTENDED: of the context */
    struct slice data;     /* CUSTOM, EXTENDED; borrowed */
    struct dcom_dual resolver; /* all but CUSTOM */
};
/* Bytes behind the reference are tolerated, except that CUSTOM takes them as its data. */
cimf_status dcom_objref_read(struct arena *a, struct slice s, struct dcom_objref *out, struct error *e);
bool dcom_objref_write(struct buf *b, const struct dcom_objref *r);

#endif
