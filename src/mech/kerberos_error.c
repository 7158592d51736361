/* What GSSAPI and libkrb5 say, as one sentence for the log. Peers are never told. */
#include <krb5/krb5.h>
#include <stdio.h>

#include "mech/kerberos_priv.h"

static const struct {
    krb5_error_code code;
    const char *text;
} sentences[] = {
    { KRB5KRB_AP_ERR_SKEW, "the clocks of this machine and the other side are too far apart" },
    { KRB5KRB_AP_ERR_TKT_EXPIRED, "the ticket is over" },
    { KRB5KRB_AP_ERR_TKT_NYV, "the ticket is not valid yet" },
    { KRB5KRB_AP_ERR_REPEAT, "the token was used before" },
    { KRB5KRB_AP_ERR_BAD_INTEGRITY, "the ticket is not encrypted with our key" },
    { KRB5KRB_AP_ERR_MODIFIED, "the token was changed on its way" },
    { KRB5KRB_AP_ERR_BADKEYVER, "the keytab has no key of this version" },
    { KRB5KRB_AP_ERR_NOKEY, "the keytab has no key for the ticket's service" },
    { KRB5KRB_AP_ERR_NOT_US, "the ticket is for another service" },
    { KRB5KRB_AP_WRONG_PRINC, "the ticket is for another service" },
    { KRB5_KT_KVNONOTFOUND, "the keytab has no key of this version" },
    { KRB5_KT_NOTFOUND, "the keytab has no key for the ticket's service" },
    { KRB5_CC_NOTFOUND, "there is no ticket" },
    { KRB5_FCC_NOFILE, "there is no ticket" },
    { KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN, "the realm knows no such service" },
    { KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, "the realm knows no such user" },
    { KRB5KDC_ERR_PREAUTH_FAILED, "the password is wrong" },
    { KRB5KDC_ERR_CLIENT_REVOKED, "the account is locked" },
    { KRB5KDC_ERR_KEY_EXP, "the password is too old" },
    { KRB5_KDC_UNREACH, "no server of the realm answers" },
    { KRB5_REALM_UNKNOWN, "nothing says where the realm's servers are" },
    { KRB5_CONFIG_NODEFREALM, "there is no default realm" },
};

static const char *sentence(krb5_error_code code)
{
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++) {
        if (sentences[i].code == code) return sentences[i].text;
    }
    return NULL;
}

static cimf_status tell(struct error *e, cimf_status status, krb5_error_code code,
                        const char *doing, const char *library)
{
    const char *text = sentence(code);
    if (text && *library) {
        error_set(e, status, "kerberos", "%s: %s (%s)", doing, text, library);
    } else {
        error_set(e, status, "kerberos", "%s: %s", doing, text ? text : library);
    }
    if (e) e->native = (uint32_t)code;
    return status;
}

cimf_status kerberos_error(struct error *e, OM_uint32 major, OM_uint32 minor, const char *doing)
{
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    OM_uint32 ignored, more = 0;
    char copy[200];
    int type = minor ? GSS_C_MECH_CODE : GSS_C_GSS_CODE;
    cimf_status status = CIMF_NOT_AUTHENTICATED;
    switch (GSS_ROUTINE_ERROR(major)) {
    case GSS_S_BAD_BINDINGS: status = CIMF_ACCESS_DENIED; break;
    case GSS_S_DEFECTIVE_TOKEN:
        if (!sentence((krb5_error_code)minor)) status = CIMF_BAD_REQUEST;
        break;
    default: break;
    }
    gss_display_status(&ignored, minor ? minor : major, type, (gss_OID)gss_mech_krb5, &more, &text);
    snprintf(copy, sizeof copy, SLICE_FMT, (int)text.length,
             text.value ? (const char *)text.value : "");
    gss_release_buffer(&ignored, &text);
    return tell(e, status, (krb5_error_code)minor, doing, copy);
}

cimf_status kerberos_code_error(struct error *e, krb5_context context, krb5_error_code code,
                                const char *doing)
{
    const char *text = context ? krb5_get_error_message(context, code) : NULL;
    tell(e, CIMF_NOT_AUTHENTICATED, code, doing, text ? text : "");
    if (text) krb5_free_error_message(context, text);
    return CIMF_NOT_AUTHENTICATED;
}
