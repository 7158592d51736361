#include "mech/kerberos_priv.h"

#include <stdlib.h>

static OM_uint32 wanted(const struct kerberos *k)
{
    uint32_t want = k->options.want;
    OM_uint32 flags = GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG;
    if (want & (MECH_SIGN | MECH_SEAL)) flags |= GSS_C_INTEG_FLAG;
    if (want & MECH_SEAL) flags |= GSS_C_CONF_FLAG;
    if (want & MECH_DCE_STYLE) flags |= GSS_C_DCE_STYLE;
    if (want & MECH_IDENTIFY) flags |= GSS_C_IDENTIFY_FLAG;
    if (want & MECH_DELEGATE) flags |= GSS_C_DELEG_FLAG;
    if (k->options.bindings.n) flags |= GSS_C_CHANNEL_BOUND_FLAG; /* we know of bindings */
    return flags;
}

/* One call of the library; its token goes to out. */
static enum mech_result call(struct kerberos *k, struct slice in, struct buf *out, struct error *e)
{
    gss_buffer_desc given = { in.n, (char *)in.p }, token = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor, ignored, granted = 0;
    OM_uint32 major = gss_init_sec_context(&minor, k->credential, &k->context, k->target,
                                           (gss_OID)gss_mech_krb5, wanted(k), 0,
                                           kerberos_channel(k), &given, NULL, &token, &granted,
                                           NULL);
    if (GSS_ERROR(major)) {
        kerberos_error(e, major, minor,
                       k->started ? "the server does not prove who it is" : "no ticket for the server");
    } else {
        buf_add(out, token.value, token.length);
    }
    gss_release_buffer(&ignored, &token);
    if (GSS_ERROR(major)) return MECH_FAILED;
    if (major & GSS_S_CONTINUE_NEEDED) return MECH_CONTINUE;
    OM_uint32 needed = wanted(k) & (GSS_C_MUTUAL_FLAG | GSS_C_INTEG_FLAG | GSS_C_CONF_FLAG);
    if ((granted & needed) != needed) {
        error_set(e, CIMF_ACCESS_DENIED, "kerberos", "the server grants less than is needed");
        return MECH_FAILED;
    }
    if (k->options.bindings.n == 0) granted &= ~(OM_uint32)GSS_C_CHANNEL_BOUND_FLAG;
    return kerberos_establish(k, granted, e) == CIMF_OK ? MECH_COMPLETE : MECH_FAILED;
}

static enum mech_result step(struct mech *m, struct slice in, struct buf *out, struct error *e)
{
    struct kerberos *k = (struct kerberos *)m;
    if (!k->started) {
        k->started = true;
        if (in.n) {
            error_set(e, CIMF_BAD_REQUEST, "kerberos", "a token before the first one");
            return MECH_FAILED;
        }
        buf_slice_add(out, buf_slice(&k->first));
        buf_wipe(&k->first);
        return MECH_CONTINUE;
    }
    if (in.n == 0) {
        error_set(e, CIMF_BAD_REQUEST, "kerberos", "the server's token is missing");
        return MECH_FAILED;
    }
    return call(k, in, out, e);
}

static const struct mech_ops client_ops = KERBEROS_OPS(step);

/* "HTTP/host" is a service on a host, whose realm the configuration knows; with "@REALM" it is a principal. */
static cimf_status import_target(struct kerberos *k, struct error *e)
{
    struct slice target = k->options.target;
    char name[1024];
    size_t slash = slice_find(target, '/');
    OM_uint32 major, minor;
    if (target.n == 0 || target.n >= sizeof name || slash == 0 || slash + 1 >= target.n ||
        memchr(target.p, 0, target.n)) {
        return error_set(e, CIMF_INVALID_PARAMETER, "kerberos",
                         "a target is like HTTP/host, not '" SLICE_FMT "'", SLICE_ARG(target));
    }
    memcpy(name, target.p, target.n);
    name[target.n] = 0;
    gss_buffer_desc text = { target.n, name };
    if (slice_find(target, '@') < target.n) {
        major = gss_import_name(&minor, &text, (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME, &k->target);
    } else {
        name[slash] = '@';
        major = gss_import_name(&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, &k->target);
    }
    return GSS_ERROR(major) ? kerberos_error(e, major, minor, "the target's name") : CIMF_OK;
}

static cimf_status acquire(struct kerberos *k, const struct kerberos_client_config *config,
                           struct error *e)
{
    gss_OID_set_desc mechs = { 1, (gss_OID)gss_mech_krb5 };
    gss_key_value_element_desc element = { "ccache", config->ccache };
    gss_key_value_set_desc store = { config->ccache ? 1 : 0, &element };
    OM_uint32 minor;
    if (config->user.n) {
        cimf_status status =
            kerberos_cache_fill(config->user, config->password,
                                (config->options.want & MECH_DELEGATE) != 0, &k->cache, e);
        if (status != CIMF_OK) return status;
        store.count = 1;
        element.value = k->cache;
    }
    OM_uint32 major = gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &mechs,
                                            GSS_C_INITIATE, &store, &k->credential, NULL, NULL);
    if (GSS_ERROR(major)) return kerberos_error(e, major, minor, "no ticket");
    /* The library offers sealing unasked, and Samba then counts every signature of DCE/RPC as a sealing one. */
    gss_buffer_desc nothing = GSS_C_EMPTY_BUFFER;
    if (config->options.want & MECH_DCE_STYLE)
        major = gss_set_cred_option(&minor, &k->credential, (gss_OID)GSS_KRB5_CRED_NO_CI_FLAGS_X, &nothing);
    return GSS_ERROR(major) ? kerberos_error(e, major, minor, "the credentials' options") : CIMF_OK;
}

cimf_status kerberos_client_new(const struct kerberos_client_config *config, struct mech **out,
                                struct error *e)
{
    struct kerberos *k = kerberos_alloc(&config->options, &client_ops, MECH_CLIENT);
    *out = NULL;
    if (!k) return error_set(e, CIMF_OUT_OF_MEMORY, "kerberos", "no memory for a context");
    cimf_status status = import_target(k, e);
    if (status == CIMF_OK) status = acquire(k, config, e);
    if (status == CIMF_OK) {
        enum mech_result first = call(k, SLICE(""), &k->first, e);
        if (first == MECH_FAILED) {
            status = CIMF_NOT_AUTHENTICATED;
            if (e) e->status = status;
        } else if (!buf_ok(&k->first) || first != MECH_CONTINUE) {
            status = error_set(e, CIMF_OUT_OF_MEMORY, "kerberos", "no room for the first token");
        }
    }
    if (status != CIMF_OK) {
        kerberos_op_free(&k->mech);
        return status;
    }
    *out = &k->mech;
    return CIMF_OK;
}
