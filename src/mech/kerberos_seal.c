/* Signatures and sealed bytes of a finished Kerberos context (RFC 4121 4.2; RFC 4757 7 for RC4). */
#include <stdlib.h>

#include "mech/kerberos_priv.h"

enum { PADDING_MAX = 8 }; /* RC4 has 1, DES3 up to a block */

static gss_ctx_id_t context_of(const struct mech *m)
{
    return ((const struct kerberos *)m)->context;
}

size_t kerberos_op_signature_size(const struct mech *m, bool seal)
{
    const struct kerberos *k = (const struct kerberos *)m;
    return seal ? k->seal_size : k->sign_size;
}

void kerberos_op_seal_sizes(const struct mech *m, size_t n, size_t *signature, size_t *padding)
{
    OM_uint32 minor;
    int sealed;
    gss_iov_buffer_desc iov[3] = { { GSS_IOV_BUFFER_TYPE_HEADER, { 0, NULL } },
                                   { GSS_IOV_BUFFER_TYPE_DATA, { n, NULL } },
                                   { GSS_IOV_BUFFER_TYPE_PADDING, { 0, NULL } } };
    OM_uint32 major =
        gss_wrap_iov_length(&minor, context_of(m), 1, GSS_C_QOP_DEFAULT, &sealed, iov, 3);
    *signature = GSS_ERROR(major) ? 0 : iov[0].buffer.length;
    *padding = GSS_ERROR(major) ? 0 : iov[2].buffer.length;
}

/* Parts behind the first element of iov, which is the signature's. Empty ones are left out, but what is to be sealed:
 * the library insists on some. The number of elements, 0: too many parts. */
static int iov_fill(gss_iov_buffer_desc *iov, const struct mech_part *parts, size_t count,
                    const OM_uint32 types[3])
{
    int n = 1;
    if (count > KERBEROS_PARTS) return 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].n == 0 && types[parts[i].kind] != GSS_IOV_BUFFER_TYPE_DATA) continue;
        iov[n].type = types[parts[i].kind];
        iov[n++].buffer = (gss_buffer_desc){ parts[i].n, parts[i].p };
    }
    return n;
}

static const OM_uint32 seal_types[] = {
    [MECH_PART_SEAL] = GSS_IOV_BUFFER_TYPE_DATA,
    [MECH_PART_SIGN] = GSS_IOV_BUFFER_TYPE_SIGN_ONLY,
    [MECH_PART_PAD] = GSS_IOV_BUFFER_TYPE_PADDING,
};
/* A MIC is over everything; padding has no part in it. */
static const OM_uint32 sign_types[] = {
    [MECH_PART_SEAL] = GSS_IOV_BUFFER_TYPE_DATA,
    [MECH_PART_SIGN] = GSS_IOV_BUFFER_TYPE_DATA,
    [MECH_PART_PAD] = GSS_IOV_BUFFER_TYPE_EMPTY,
};

/* Repeated, lost and reordered messages are as wrong as changed ones: these are streams. */
static cimf_status judge(OM_uint32 major)
{
    const OM_uint32 misplaced =
        GSS_S_DUPLICATE_TOKEN | GSS_S_OLD_TOKEN | GSS_S_UNSEQ_TOKEN | GSS_S_GAP_TOKEN;
    return GSS_ERROR(major) || (major & misplaced) ? CIMF_ACCESS_DENIED : CIMF_OK;
}

static size_t sealed_bytes(const struct mech_part *parts, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) n += parts[i].kind == MECH_PART_SEAL ? parts[i].n : 0;
    return n;
}

cimf_status kerberos_op_seal(struct mech *m, struct mech_part *parts, size_t count,
                             unsigned char *signature)
{
    gss_iov_buffer_desc iov[KERBEROS_PARTS + 1];
    OM_uint32 minor;
    int sealed = 0;
    size_t size, padding, room = 0;
    int n = iov_fill(iov, parts, count, seal_types);
    for (size_t i = 0; i < count; i++) room += parts[i].kind == MECH_PART_PAD ? parts[i].n : 0;
    kerberos_op_seal_sizes(m, sealed_bytes(parts, count), &size, &padding);
    if (n == 0 || size == 0 || size > MECH_SIGNATURE_MAX || room != padding) {
        return CIMF_INVALID_PARAMETER;
    }
    iov[0].type = GSS_IOV_BUFFER_TYPE_HEADER;
    iov[0].buffer = (gss_buffer_desc){ size, signature };
    OM_uint32 major = gss_wrap_iov(&minor, context_of(m), 1, GSS_C_QOP_DEFAULT, &sealed, iov, n);
    return GSS_ERROR(major) || !sealed ? CIMF_FAILED : CIMF_OK;
}

/* The last byte of the last sealed part says how many there are. False: more than there can be. */
static bool unpad(const struct kerberos *k, struct mech_part *parts, size_t count)
{
    struct mech_part *last = NULL;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].kind == MECH_PART_SEAL && parts[i].n) last = &parts[i];
    }
    if (!k->padded) return true;
    size_t padding = last ? last->p[last->n - 1] : 0;
    if (padding == 0 || padding > PADDING_MAX || padding > last->n) return false;
    last->n -= padding;
    return true;
}

/* A token of gss_wrap or of another library, in which header and trailer lie on both sides of the data (RFC 4121
 * 4.2.5 with a rotation of 0), so that what comes here as the signature is only its first bytes. */
static bool unrotated(const struct mech_part *parts, size_t count, struct slice signature)
{
    return count == 1 && parts[0].kind == MECH_PART_SEAL && signature.n >= 16 &&
           memcmp(signature.p, "\x05\x04", 2) == 0 && memcmp(signature.p + 6, "\0\0", 2) == 0;
}

static cimf_status unseal_stream(gss_ctx_id_t context, struct mech_part *part, struct slice signature)
{
    OM_uint32 minor;
    int sealed = 0;
    size_t n = signature.n + part->n;
    char *copy = malloc(n); /* turned round and decrypted in place */
    if (!copy) return CIMF_OUT_OF_MEMORY;
    memcpy(copy, signature.p, signature.n);
    if (part->n) memcpy(copy + signature.n, part->p, part->n);
    gss_iov_buffer_desc iov[2] = { { GSS_IOV_BUFFER_TYPE_STREAM, { n, copy } },
                                   { GSS_IOV_BUFFER_TYPE_DATA, { 0, NULL } } };
    cimf_status status = judge(gss_unwrap_iov(&minor, context, &sealed, NULL, iov, 2));
    if (status == CIMF_OK && (!sealed || iov[1].buffer.length > part->n)) status = CIMF_ACCESS_DENIED;
    if (status == CIMF_OK) {
        part->n = iov[1].buffer.length;
        if (part->n) memcpy(part->p, iov[1].buffer.value, part->n);
    }
    explicit_bzero(copy, n);
    free(copy);
    return status;
}

cimf_status kerberos_op_unseal(struct mech *m, struct mech_part *parts, size_t count,
                               struct slice signature)
{
    gss_iov_buffer_desc iov[KERBEROS_PARTS + 1];
    unsigned char copy[MECH_SIGNATURE_MAX]; /* decrypted in place, too */
    OM_uint32 minor;
    int sealed = 0;
    int n = iov_fill(iov, parts, count, seal_types);
    if (n == 0 || signature.n == 0 || signature.n > sizeof copy) return CIMF_ACCESS_DENIED;
    if (unrotated(parts, count, signature)) return unseal_stream(context_of(m), parts, signature);
    memcpy(copy, signature.p, signature.n);
    iov[0].type = GSS_IOV_BUFFER_TYPE_HEADER;
    iov[0].buffer = (gss_buffer_desc){ signature.n, copy };
    OM_uint32 major = gss_unwrap_iov(&minor, context_of(m), &sealed, NULL, iov, n);
    explicit_bzero(copy, sizeof copy);
    cimf_status status = judge(major);
    if (status != CIMF_OK) return status;
    if (!sealed) return CIMF_ACCESS_DENIED; /* signed only: anyone could have read it */
    return unpad((const struct kerberos *)m, parts, count) ? CIMF_OK : CIMF_ACCESS_DENIED;
}

cimf_status kerberos_op_sign(struct mech *m, const struct mech_part *parts, size_t count,
                             unsigned char *signature)
{
    const struct kerberos *k = (const struct kerberos *)m;
    gss_iov_buffer_desc iov[KERBEROS_PARTS + 1];
    OM_uint32 minor;
    int n = iov_fill(iov, parts, count, sign_types);
    if (n == 0) return CIMF_INVALID_PARAMETER;
    iov[0].type = GSS_IOV_BUFFER_TYPE_MIC_TOKEN;
    iov[0].buffer = (gss_buffer_desc){ k->sign_size, signature };
    OM_uint32 major = gss_get_mic_iov(&minor, k->context, GSS_C_QOP_DEFAULT, iov, n);
    return GSS_ERROR(major) || iov[0].buffer.length != k->sign_size ? CIMF_FAILED : CIMF_OK;
}

cimf_status kerberos_op_verify(struct mech *m, const struct mech_part *parts, size_t count,
                               struct slice signature)
{
    gss_iov_buffer_desc iov[KERBEROS_PARTS + 1];
    unsigned char copy[MECH_SIGNATURE_MAX];
    OM_uint32 minor;
    int n = iov_fill(iov, parts, count, sign_types);
    if (n == 0 || signature.n == 0 || signature.n > sizeof copy) return CIMF_ACCESS_DENIED;
    memcpy(copy, signature.p, signature.n);
    iov[0].type = GSS_IOV_BUFFER_TYPE_MIC_TOKEN;
    iov[0].buffer = (gss_buffer_desc){ signature.n, copy };
    return judge(gss_verify_mic_iov(&minor, context_of(m), NULL, iov, n));
}

cimf_status kerberos_op_sign_list(struct mech *m, struct slice list, unsigned char *signature)
{
    struct mech_part part = { MECH_PART_SIGN, (unsigned char *)list.p, list.n };
    return kerberos_op_sign(m, &part, 1, signature);
}

cimf_status kerberos_op_verify_list(struct mech *m, struct slice list, struct slice signature)
{
    struct mech_part part = { MECH_PART_SIGN, (unsigned char *)list.p, list.n };
    return kerberos_op_verify(m, &part, 1, signature);
}
