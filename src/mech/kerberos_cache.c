/* Credential caches: whose tickets are there, and one in memory for a password. */
#include <krb5/krb5.h>
#include <stdlib.h>
#include <time.h>

#include "base/utf.h"
#include "mech/kerberos_priv.h"

static krb5_error_code cache_open(krb5_context context, const char *name, krb5_ccache *cache)
{
    return name ? krb5_cc_resolve(context, name, cache) : krb5_cc_default(context, cache);
}

static bool is_granting(krb5_context context, krb5_const_principal server)
{
    const krb5_data *first = krb5_princ_size(context, server) == 2
                                 ? krb5_princ_component(context, server, 0) : NULL;
    return first && slice_is(slice_of(first->data, first->length), KRB5_TGS_NAME);
}

static bool has_ticket(krb5_context context, krb5_ccache cache)
{
    krb5_cc_cursor at;
    krb5_creds found;
    krb5_timestamp now;
    bool has = false;
    if (krb5_timeofday(context, &now) || krb5_cc_start_seq_get(context, cache, &at)) return false;
    while (!has && krb5_cc_next_cred(context, cache, &at, &found) == 0) {
        has = is_granting(context, found.server) &&
              (uint32_t)found.times.endtime > (uint32_t)now; /* unsigned until 2106 */
        krb5_free_cred_contents(context, &found);
    }
    krb5_cc_end_seq_get(context, cache, &at);
    return has;
}

struct slice kerberos_default_user(struct arena *a, const char *ccache)
{
    krb5_context context = NULL;
    krb5_ccache cache = NULL;
    krb5_principal principal = NULL;
    char *name = NULL;
    struct slice user = SLICE_NULL;
    if (krb5_init_context(&context)) return user;
    if (cache_open(context, ccache, &cache) == 0 &&
        krb5_cc_get_principal(context, cache, &principal) == 0 && has_ticket(context, cache) &&
        krb5_unparse_name(context, principal, &name) == 0) {
        user = arena_dup(a, slice_str(name));
    }
    krb5_free_unparsed_name(context, name);
    krb5_free_principal(context, principal);
    if (cache) krb5_cc_close(context, cache);
    krb5_free_context(context);
    return user;
}

/* The ticket into a new cache. */
static krb5_error_code fill(krb5_context context, const char *user, const char *password,
                            bool forwardable, char **name)
{
    krb5_ccache cache = NULL;
    krb5_principal principal = NULL;
    krb5_get_init_creds_opt *options = NULL;
    krb5_creds creds;
    memset(&creds, 0, sizeof creds);
    krb5_error_code code = krb5_parse_name(context, user, &principal);
    if (!code) code = krb5_cc_new_unique(context, "MEMORY", NULL, &cache);
    if (!code) code = krb5_get_init_creds_opt_alloc(context, &options);
    if (!code) {
        if (forwardable) krb5_get_init_creds_opt_set_forwardable(options, 1);
        code = krb5_get_init_creds_opt_set_out_ccache(context, options, cache);
    }
    if (!code) {
        code = krb5_get_init_creds_password(context, &creds, principal, password, NULL, NULL, 0,
                                            NULL, options);
    }
    if (!code) code = krb5_cc_get_full_name(context, cache, name);
    krb5_free_cred_contents(context, &creds);
    if (options) krb5_get_init_creds_opt_free(context, options);
    krb5_free_principal(context, principal);
    if (cache) {
        if (code) krb5_cc_destroy(context, cache);
        else krb5_cc_close(context, cache);
    }
    return code;
}

cimf_status kerberos_cache_fill(struct slice user, struct slice password, bool forwardable,
                                char **name, struct error *e)
{
    krb5_context context = NULL;
    struct buf u, p;
    *name = NULL;
    if (slice_find(user, 0) < user.n || slice_find(password, 0) < password.n || !utf8_valid(user) ||
        !utf8_valid(password) || password.n > 1024 || user.n > 1024) {
        return error_set(e, CIMF_BAD_REQUEST, "kerberos", "a name or password that is no text");
    }
    krb5_error_code code = krb5_init_context(&context);
    if (code) return kerberos_code_error(e, NULL, code, "Kerberos does not start");
    buf_init(&u, 0);
    buf_init(&p, 0);
    buf_slice_add(&u, user);
    buf_reserve(&p, password.n + 1); /* so that it is not moved when the NUL is added */
    buf_slice_add(&p, password);
    const char *uz = buf_strz(&u), *pz = buf_strz(&p);
    cimf_status status = CIMF_OK;
    if (!uz || !pz) {
        status = error_set(e, CIMF_OUT_OF_MEMORY, "kerberos", "no memory");
    } else {
        code = fill(context, uz, pz, forwardable, name);
        /* Without preauthentication the wrong password shows when the answer cannot be read. */
        if (code == KRB5KRB_AP_ERR_BAD_INTEGRITY) code = KRB5KDC_ERR_PREAUTH_FAILED;
        if (code) status = kerberos_code_error(e, context, code, "no ticket for this password");
    }
    buf_wipe(&u);
    buf_wipe(&p);
    krb5_free_context(context);
    return status;
}

void kerberos_cache_destroy(char *name)
{
    krb5_context context = NULL;
    krb5_ccache cache = NULL;
    if (!name) return;
    if (krb5_init_context(&context) == 0) {
        if (krb5_cc_resolve(context, name, &cache) == 0) krb5_cc_destroy(context, cache);
        krb5_free_string(context, name);
        krb5_free_context(context);
    }
}
