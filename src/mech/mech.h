/*
 * mech/mech.h - a security mechanism seen from outside: tokens in, tokens out, then signatures and
 * sealed bytes.
 *
 * Sans-I/O: nothing here reads a socket, waits or looks up a name. HTTP authentication, encrypted
 * HTTP bodies and DCE/RPC all use exactly this. One context belongs to one connection (or one RPC
 * security context) and one thread at a time; it is never moved to another. No pointer here confers
 * identity: the broker turns a completed context's names into a principal.
 */
#ifndef MECH_MECH_H
#define MECH_MECH_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

enum mech_side { MECH_CLIENT, MECH_SERVER };

enum mech_result {
    MECH_CONTINUE, /* send the token and step again with the answer */
    MECH_COMPLETE, /* the peer is who it says; send the token if there is one */
    MECH_FAILED,   /* for good; a token, if any, tells the peer so */
};

enum {
    MECH_SIGN = 1,      /* sign and verify work */
    MECH_SEAL = 2,      /* seal and unseal encrypt */
    MECH_MUTUAL = 4,    /* the client has proof of who the server is */
    MECH_DCE_STYLE = 8, /* tokens as DCE/RPC wants them; matters to Kerberos */
    MECH_IDENTIFY = 16, /* the server may know the caller but not act as him */
    MECH_DELEGATE = 32,
    MECH_BOUND = 64,     /* the channel bindings of both sides were compared and are equal */
    MECH_LIST_MIC = 128, /* under SPNEGO it counts only with the mechListMIC */
};

/* What a server demands of channel bindings. */
enum mech_binding {
    MECH_BINDING_NONE,    /* not looked at */
    MECH_BINDING_RELAXED, /* a client that sends some must send the right ones */
    MECH_BINDING_STRICT,  /* must be sent and right */
};

struct mech_options {
    uint32_t want; /* MECH_SIGN, MECH_SEAL, MECH_DCE_STYLE, MECH_IDENTIFY; a client's: without those
                      it asked for it fails */
    struct slice bindings;           /* "tls-server-end-point:" and the hash; empty: no channel */
    struct slice more_bindings;      /* servers: hashes of other certificates that are right too (a proxy
                                        in front), each behind a byte with its length */
    enum mech_binding binding_level; /* servers */
    struct slice target; /* clients: the service's name, "HTTP/host"; empty: none is sent */
    /* Randomness and time, replaceable in tests. NULL: the kernel's. random answers false when
     * there is none. */
    bool (*random)(void *arg, void *bytes, size_t n);
    int64_t (*now)(void *arg); /* microseconds since 1970 UTC */
    void *arg;
};

enum mech_part_kind {
    MECH_PART_SEAL, /* signed, and encrypted in place by seal */
    MECH_PART_SIGN, /* signed only: headers and trailers of PDUs */
    MECH_PART_PAD,  /* written by seal, of the size that mech_seal_sizes says, right behind the sealed bytes; for
                       unseal it is the end of the sealed part */
};
struct mech_part {
    enum mech_part_kind kind;
    unsigned char *p;
    size_t n;
};

#define MECH_SIGNATURE_MAX 256

struct mech;
struct mech_ops {
    const char *name; /* "NTLM" */
    struct slice oid; /* content bytes of its OBJECT IDENTIFIER */
    enum mech_result (*step)(struct mech *m, struct slice in, struct buf *out, struct error *e);
    /* Exact size of the signatures that seal (or sign) makes. */
    size_t (*signature_size)(const struct mech *m, bool seal);
    /* mech_seal_sizes; NULL: signature_size and no padding. */
    void (*seal_sizes)(const struct mech *m, size_t n, size_t *signature, size_t *padding);
    /* signature has room for signature_size bytes. */
    cimf_status (*seal)(struct mech *m, struct mech_part *parts, size_t count,
                        unsigned char *signature);
    cimf_status (*unseal)(struct mech *m, struct mech_part *parts, size_t count,
                          struct slice signature);
    cimf_status (*sign)(struct mech *m, const struct mech_part *parts, size_t count,
                        unsigned char *signature);
    cimf_status (*verify)(struct mech *m, const struct mech_part *parts, size_t count,
                          struct slice signature);
    /* SPNEGO's mechListMIC: as sign and verify, but where a mechanism treats these differently
     * (MS-SPNG 3.2.5.1) it does so here. */
    cimf_status (*sign_list)(struct mech *m, struct slice list, unsigned char *signature);
    cimf_status (*verify_list)(struct mech *m, struct slice list, struct slice signature);
    void (*free)(struct mech *m);
    /* A DONE context as bytes (mech_export); NULL: this mechanism cannot leave its process. */
    cimf_status (*export_)(struct mech *m, struct buf *out, struct error *e);
};

enum mech_state { MECH_RUNNING, MECH_DONE, MECH_DEAD };

/* Read the fields; only mechanisms write them. Names are valid while the context lives and only
 * once DONE. */
struct mech {
    const struct mech_ops *ops;
    enum mech_side side;
    enum mech_state state;
    uint32_t flags; /* agreed */
    /* Servers: who called, UTF-8 as the client wrote it, authenticated. */
    struct slice user, domain;
    struct slice workstation; /* as the client claims; for the log only */
    struct slice target;      /* servers: the service the client meant; empty: it did not say */
    /* Servers, Kerberos: NDR of KERB_VALIDATION_INFO (MS-PAC 2.5) when the ticket has one whose
     * signature was verified with our key; else empty. */
    struct slice pac_logon_info;
    unsigned char session_key[64];
    size_t session_key_n; /* 0 until DONE */
};

/*
 * Takes the peer's token (empty on a client's first step) and appends the answer to out. After
 * COMPLETE or FAILED every further step fails. CIMF_NOT_AUTHENTICATED in e is the one answer for
 * every wrong credential; CIMF_BAD_REQUEST for malformed tokens; CIMF_ACCESS_DENIED where policy
 * forbids.
 */
enum mech_result mech_step(struct mech *m, struct slice in, struct buf *out, struct error *e);
/* These need DONE and the agreed flag, else CIMF_INVALID_OPERATION. Parts are in the order of the
 * wire; all of them are signed as plain text. A wrong signature gives CIMF_ACCESS_DENIED, leaves
 * sealed parts undefined (wiped) and ends the context: state becomes MECH_DEAD, as the streams of
 * both sides no longer agree. */
cimf_status mech_seal(struct mech *m, struct mech_part *parts, size_t count,
                      unsigned char *signature);
/* Takes padding off the sealed part's n. */
cimf_status mech_unseal(struct mech *m, struct mech_part *parts, size_t count,
                        struct slice signature);
/* What seal needs for n bytes: the exact size of the signature, and how many bytes of padding. Both depend on n,
 * and padding is not 0, only in Kerberos with RC4 without DCE style; elsewhere signature_size says it all. */
void mech_seal_sizes(const struct mech *m, size_t n, size_t *signature, size_t *padding);
cimf_status mech_sign(struct mech *m, const struct mech_part *parts, size_t count,
                      unsigned char *signature);
cimf_status mech_verify(struct mech *m, const struct mech_part *parts, size_t count,
                        struct slice signature);
/* A DONE context, before or after some messages, as bytes for another process: appended to out, with
 * keys and sequence numbers but without names. The context is used up (MECH_DEAD). SPNEGO exports what
 * it chose. Wipe the buffer. mech_import makes a DONE context of the same side, flags and session key;
 * CIMF_BAD_REQUEST for bytes that are none. */
cimf_status mech_export(struct mech *m, struct buf *out, struct error *e);
cimf_status mech_import(struct slice bytes, struct mech **out, struct error *e);
/* Wipes keys. NULL is fine. */
void mech_free(struct mech *m);

/* For mechanisms. */
bool mech_random(const struct mech_options *o, void *bytes, size_t n);
int64_t mech_now(const struct mech_options *o);
bool mech_equal(const void *a, const void *b, size_t n); /* in constant time */
/* The MD5 that stands for these bindings in NTLM and Kerberos (RFC 4121 4.1.1.2 with no addresses).
 */
void mech_binding_hash(struct slice bindings, unsigned char hash[16]);
/* The next of more_bindings as application data ("tls-server-end-point:" and the hash) in text; empty at the
 * end, or when what is left is no such thing. */
#define MECH_BINDING_MAX (21 + 255)
struct slice mech_binding_next(struct slice *more, char text[MECH_BINDING_MAX]);

#endif
