/* mech/kerberos_priv.h - what both roles of Kerberos share. */
#ifndef MECH_KERBEROS_PRIV_H
#define MECH_KERBEROS_PRIV_H

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>

#include "base/limits.h"
#include "mech/kerberos.h"

#define KERBEROS_PARTS 16    /* of one message */
#define KERBEROS_SERVICES 16 /* classes a server may be told to serve */

struct kerberos {
    struct mech mech; /* first */
    gss_ctx_id_t context;
    gss_cred_id_t credential;
    struct arena arena; /* names, bindings, the PAC; no keys */
    struct mech_options options;
    struct gss_channel_bindings_struct channel;
    size_t seal_size, sign_size; /* of signatures; from DONE on */
    int type;    /* of encryption: ENCTYPE_* of libkrb5 */
    bool padded; /* sealed bytes end with padding */
    bool started;

    /* clients */
    char *cache;      /* "MEMORY:..." that a password filled; destroyed with the context */
    gss_name_t target;
    struct buf first; /* the token that the first step hands out */

    /* servers */
    gss_cred_id_t delegated;
    gss_cred_id_t trial; /* without a replay cache; only where there are several bindings */
    bool raw;      /* the client's first token has no framing: DCE style */
    bool unframed; /* it had some, which was taken off */
    bool framed;   /* it is not to be taken off: the client has another style */
    bool misspelt; /* the client's tokens are framed under Microsoft's OID */
    struct slice services[KERBEROS_SERVICES];
    size_t service_count; /* 0: every one */
    const char *keytab;   /* NULL: the system's */
    struct slice asked;   /* the service that the ticket names */
};

/* NULL without memory. Copies bindings and target. */
struct kerberos *kerberos_alloc(const struct mech_options *options, const struct mech_ops *ops,
                                enum mech_side side);
/* The channel's bindings for GSSAPI, or none. */
gss_channel_bindings_t kerberos_channel(struct kerberos *k);
/* Flags, key and sizes of signatures from the finished GSS context. */
cimf_status kerberos_establish(struct kerberos *k, OM_uint32 granted, struct error *e);

/* Sentences for the log; always CIMF_NOT_AUTHENTICATED but for malformed tokens (CIMF_BAD_REQUEST) and wrong
 * bindings (CIMF_ACCESS_DENIED). doing: what failed, "the ticket is refused". */
cimf_status kerberos_error(struct error *e, OM_uint32 major, OM_uint32 minor, const char *doing);
/* The same for a code of libkrb5. */
cimf_status kerberos_code_error(struct error *e, krb5_context context, krb5_error_code code,
                                const char *doing);

/* Appends "class/host@REALM" of the ticket in an AP-REQ. False: malformed, or a name that is no service's. */
bool kerberos_ticket_service(struct slice message, struct buf *out);
/* The name is of a class that k was told to serve. */
bool kerberos_class_served(const struct kerberos *k, struct slice service);
/* The key of this entry of the keytab is one of a served class. Reads the keytab if it must. */
bool kerberos_key_served(const struct kerberos *k, struct slice owner);

/* A cache in memory with a ticket for this user; its name in *name, to be freed with
 * kerberos_cache_destroy. */
cimf_status kerberos_cache_fill(struct slice user, struct slice password, bool forwardable,
                                char **name, struct error *e);
void kerberos_cache_destroy(char *name);

/* The vtable's other half, the same for both roles. */
size_t kerberos_op_signature_size(const struct mech *m, bool seal);
void kerberos_op_seal_sizes(const struct mech *m, size_t n, size_t *signature, size_t *padding);
cimf_status kerberos_op_seal(struct mech *m, struct mech_part *parts, size_t count,
                             unsigned char *signature);
cimf_status kerberos_op_unseal(struct mech *m, struct mech_part *parts, size_t count,
                               struct slice signature);
cimf_status kerberos_op_sign(struct mech *m, const struct mech_part *parts, size_t count,
                             unsigned char *signature);
cimf_status kerberos_op_verify(struct mech *m, const struct mech_part *parts, size_t count,
                               struct slice signature);
cimf_status kerberos_op_sign_list(struct mech *m, struct slice list, unsigned char *signature);
cimf_status kerberos_op_verify_list(struct mech *m, struct slice list, struct slice signature);
cimf_status kerberos_op_export(struct mech *m, struct buf *out, struct error *e);
void kerberos_op_free(struct mech *m);

#define KERBEROS_OPS(step_)                                                                        \
    {                                                                                              \
        .name = "Kerberos", .oid = { "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02", 9 },                  \
        .step = (step_), .signature_size = kerberos_op_signature_size,                             \
        .seal_sizes = kerberos_op_seal_sizes, .seal = kerberos_op_seal,                            \
        .unseal = kerberos_op_unseal, .sign = kerberos_op_sign, .verify = kerberos_op_verify,      \
        .sign_list = kerberos_op_sign_list, .verify_list = kerberos_op_verify_list,                \
        .free = kerberos_op_free, .export_ = kerberos_op_export                                    \
    }

#endif
