/* Kerberos in exchanges: which services are served, and who a ticket's user is here. */
#include "auth/broker_exchange.h"
#include "base/log.h"
#include "mech/kerberos.h"

cimf_status exchange_kerberos_new(struct exchange_local *x, struct mech_options options,
                                  struct mech **out, struct error *e)
{
    static const char *const http[] = { "HTTP", "WSMAN", "HOST", NULL };
    static const char *const rpc[] = { "HOST", "RPCSS", "RestrictedKrbHost", NULL };
    struct kerberos_server_config c = {
        .options = options,
        .keytab = x->broker->config.keytab,
        .services = x->config.service == AUTH_SERVICE_RPC ? rpc : http,
    };
    struct error own = ERROR_INIT;
    cimf_status status = kerberos_server_new(&c, out, &own);
    if (status != CIMF_OK) log_debug("auth", "no Kerberos reason=%s", error_text(&own));
    if (e) *e = own;
    return status;
}

const struct principal *exchange_kerberos_principal(struct exchange_local *x, struct mech *m)
{
    struct broker_local *b = x->broker;
    struct arena scratch;
    struct kerberos_pac pac = { .sid_count = 0 };
    struct error e = ERROR_INIT;
    const struct principal *p = NULL;
    arena_init(&scratch, 1 << 20);
    cimf_status status = m->pac_logon_info.n
                             ? kerberos_pac_read(&scratch, m->pac_logon_info, &pac, &e)
                             : CIMF_OK;
    struct accounts *all = broker_accounts(b, NULL);
    if (status == CIMF_OK)
        p = identity_of_realm_user(b, all, m->user, m->domain, pac.sids, pac.sid_count);
    else
        log_failure("auth", &e, "the PAC of a ticket cannot be read");
    accounts_unref(all);
    arena_free(&scratch);
    return p;
}
