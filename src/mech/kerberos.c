#include <krb5/krb5.h>
#include <stdlib.h>

#include "mech/export_priv.h"
#include "mech/kerberos_priv.h"

enum { RC4_SIGNATURE = 37 /* 13 of framing, 24 of RFC 4757 7.2 */ };

static void dispose(struct kerberos *k)
{
    OM_uint32 minor;
    if (k->context) gss_delete_sec_context(&minor, &k->context, GSS_C_NO_BUFFER);
    if (k->credential) gss_release_cred(&minor, &k->credential);
    if (k->trial) gss_release_cred(&minor, &k->trial);
    if (k->delegated) gss_release_cred(&minor, &k->delegated);
    if (k->target) gss_release_name(&minor, &k->target);
    kerberos_cache_destroy(k->cache);
    buf_wipe(&k->first);
    arena_free(&k->arena);
    explicit_bzero(k, sizeof *k);
    free(k);
}

struct kerberos *kerberos_alloc(const struct mech_options *options, const struct mech_ops *ops,
                                enum mech_side side)
{
    struct kerberos *k = calloc(1, sizeof *k);
    if (!k) return NULL;
    k->mech.ops = ops;
    k->mech.side = side;
    arena_init(&k->arena, (size_t)1 << 20);
    buf_init(&k->first, LIMIT_MECH_TOKEN);
    if (options) {
        k->options = *options;
        k->options.bindings = arena_dup(&k->arena, options->bindings);
        k->options.more_bindings = arena_dup(&k->arena, options->more_bindings);
        k->options.target = arena_dup(&k->arena, options->target);
    }
    if (arena_status(&k->arena) == CIMF_OK) return k;
    dispose(k);
    return NULL;
}

void kerberos_op_free(struct mech *m)
{
    dispose((struct kerberos *)m);
}

gss_channel_bindings_t kerberos_channel(struct kerberos *k)
{
    struct slice b = k->options.bindings;
    if (b.n == 0) return GSS_C_NO_CHANNEL_BINDINGS;
    k->channel.application_data = (gss_buffer_desc){ b.n, (char *)b.p }; /* no addresses */
    return &k->channel;
}

/* Key and encryption type: the last arc of the OID that comes with the key, all of them below 128. */
static cimf_status take_key(struct kerberos *k, struct error *e)
{
    OM_uint32 minor;
    gss_buffer_set_t set = GSS_C_NO_BUFFER_SET;
    OM_uint32 major = gss_inquire_sec_context_by_oid(&minor, k->context, GSS_C_INQ_SSPI_SESSION_KEY,
                                                     &set);
    cimf_status status = CIMF_OK;
    if (GSS_ERROR(major)) {
        status = kerberos_error(e, major, minor, "there is no session key");
    } else if (set->count < 2 || set->elements[0].length > sizeof k->mech.session_key ||
               set->elements[1].length == 0) {
        status = error_set(e, CIMF_NOT_AUTHENTICATED, "kerberos", "no session key of a known size");
    } else {
        const unsigned char *oid = set->elements[1].value;
        k->type = oid[set->elements[1].length - 1];
        k->mech.session_key_n = set->elements[0].length;
        memcpy(k->mech.session_key, set->elements[0].value, k->mech.session_key_n);
    }
    for (size_t i = 0; set && i < set->count; i++) {
        explicit_bzero(set->elements[i].value, set->elements[i].length);
    }
    gss_release_buffer_set(&minor, &set);
    return status;
}

static uint32_t flags_of(OM_uint32 granted)
{
    static const struct {
        OM_uint32 gss;
        uint32_t mech;
    } map[] = {
        { GSS_C_INTEG_FLAG, MECH_SIGN },
        { GSS_C_CONF_FLAG, MECH_SIGN | MECH_SEAL },
        { GSS_C_MUTUAL_FLAG, MECH_MUTUAL },
        { GSS_C_DCE_STYLE, MECH_DCE_STYLE },
        { GSS_C_IDENTIFY_FLAG, MECH_IDENTIFY },
        { GSS_C_DELEG_FLAG, MECH_DELEGATE },
        { GSS_C_CHANNEL_BOUND_FLAG, MECH_BOUND },
    };
    uint32_t flags = 0;
    for (size_t i = 0; i < sizeof map / sizeof *map; i++) {
        if (granted & map[i].gss) flags |= map[i].mech;
    }
    return flags;
}

/* What does not depend on the length of the message: all but RC4 without DCE style. */
static cimf_status take_sizes(struct kerberos *k, struct error *e)
{
    OM_uint32 minor;
    size_t padding;
    gss_iov_buffer_desc mic[2] = { { GSS_IOV_BUFFER_TYPE_DATA, { 0, NULL } },
                                   { GSS_IOV_BUFFER_TYPE_MIC_TOKEN, { 0, NULL } } };
    if (k->type == ENCTYPE_DES3_CBC_SHA1) {
        return error_set(e, CIMF_NOT_AUTHENTICATED, "kerberos", "DES is not taken");
    }
    kerberos_op_seal_sizes(&k->mech, 0, &k->seal_size, &padding);
    k->padded = padding > 0;
    OM_uint32 major = gss_get_mic_iov_length(&minor, k->context, GSS_C_QOP_DEFAULT, mic, 2);
    if (GSS_ERROR(major)) return kerberos_error(e, major, minor, "signatures have no size");
    k->sign_size = mic[1].buffer.length;
    /* For RC4 the library counts a confounder, which signatures do not have. */
    if (k->type == ENCTYPE_ARCFOUR_HMAC) k->sign_size = RC4_SIGNATURE;
    /* A peer chooses the encryption type, so this is no assertion. */
    if (k->seal_size == 0 || k->seal_size > MECH_SIGNATURE_MAX ||
        k->sign_size > MECH_SIGNATURE_MAX) {
        return error_set(e, CIMF_NOT_AUTHENTICATED, "kerberos",
                         "an encryption type with signatures of %zu bytes", k->seal_size);
    }
    return CIMF_OK;
}

cimf_status kerberos_establish(struct kerberos *k, OM_uint32 granted, struct error *e)
{
    k->mech.flags = flags_of(granted);
    cimf_status status = take_key(k, e);
    return status == CIMF_OK ? take_sizes(k, e) : status;
}

static uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Length of the list of configuration files that begins here: magic, count, (length, name)..., magic, as
 * libprofile writes it; 0: none. */
static size_t file_list(const unsigned char *p, size_t n)
{
    const uint32_t magic = 0xaaca6012;
    size_t at = 8;
    if (n < 12 || be32(p) != magic) return 0;
    for (uint32_t i = be32(p + 4); i; i--) {
        if (n - at < 8) return 0;
        uint32_t length = be32(p + at);
        at += 4;
        if (length == 0 || length > n - at - 4) return 0;
        at += length;
    }
    return be32(p + at) == magic ? at + 4 : 0;
}

/* The library puts the names of its configuration files into an exported context and opens them on import, where
 * a sandbox forbids just that and the import fails. The list is optional; sealing needs no configuration. */
static void export_without_files(const unsigned char *p, size_t n, struct buf *out)
{
    size_t list = 0, at = 0;
    while (at < n && !(list = file_list(p + at, n - at))) at++;
    buf_add(out, p, at);
    if (at + list < n) buf_add(out, p + at + list, n - at - list);
}

cimf_status kerberos_op_export(struct mech *m, struct buf *out, struct error *e)
{
    struct kerberos *k = (struct kerberos *)m;
    gss_buffer_desc token = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor, major;
    major = gss_export_sec_context(&minor, &k->context, &token);
    if (GSS_ERROR(major)) return kerberos_error(e, major, minor, "the context cannot be exported");
    buf_reserve(out, MECH_EXPORT_HEAD + token.length); /* growing would leave keys in freed memory */
    mech_export_head(m, MECH_EXPORT_KERBEROS, out);
    export_without_files(token.value, token.length, out);
    explicit_bzero(token.value, token.length);
    gss_release_buffer(&minor, &token);
    return CIMF_OK;
}

static enum mech_result no_step(struct mech *m, struct slice in, struct buf *out, struct error *e)
{
    error_set(e, CIMF_BAD_REQUEST, "kerberos", "an imported context takes no tokens");
    return MECH_FAILED;
}

static const struct mech_ops imported_ops = KERBEROS_OPS(no_step);

cimf_status kerberos_import(const struct mech *head, struct slice state, struct mech **out,
                            struct error *e)
{
    struct kerberos *k = kerberos_alloc(NULL, &imported_ops, head->side);
    gss_buffer_desc token = { state.n, (char *)state.p };
    OM_uint32 minor = 0, major;
    if (!k) return error_set(e, CIMF_OUT_OF_MEMORY, "kerberos", "no memory for a context");
    major = state.n ? gss_import_sec_context(&minor, &token, &k->context) : GSS_S_DEFECTIVE_TOKEN;
    struct error own = ERROR_INIT;
    cimf_status status = CIMF_OK;
    if (GSS_ERROR(major)) {
        status = kerberos_error(&own, major, minor, "the library");
    } else if ((status = take_key(k, &own)) == CIMF_OK && (status = take_sizes(k, &own)) == CIMF_OK &&
               (k->mech.session_key_n != head->session_key_n ||
                !mech_equal(k->mech.session_key, head->session_key, head->session_key_n))) {
        status = error_set(&own, CIMF_BAD_REQUEST, "kerberos", "another key");
    }
    if (status != CIMF_OK) {
        dispose(k);
        return error_set(e, CIMF_BAD_REQUEST, "kerberos", "no exported context: %s", error_text(&own));
    }
    k->mech.flags = head->flags;
    k->mech.state = MECH_DONE;
    *out = &k->mech;
    return CIMF_OK;
}

void kerberos_without_files(void)
{
    setenv("KRB5_CONFIG", "", 1);
}
