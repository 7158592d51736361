/* The daemon's own login to another machine: what it needs to call a client's objects back. Only for the services that such calls
 * need, only under signatures, and so that the other side learns who we are and cannot act as us. */
#include "auth/broker_exchange.h"
#include "mech/ntlm.h"
#include "mech/spnego.h"

static bool for_calls(struct slice target)
{
    return slice_starts(target, SLICE("RPCSS/")) || slice_starts(target, SLICE("HOST/"));
}

cimf_status exchange_initiate_new(struct exchange_local *x, struct mech **out, struct error *e)
{
    const struct auth_broker_config *c = &x->broker->config;
    struct slice user = slice_str(c->initiate_user), domain = SLICE("");
    struct mech *ntlm;
    if (!user.n || x->config.mechanism != AUTH_MECH_NEGOTIATE || x->config.service != AUTH_SERVICE_RPC || !for_calls(x->config.target))
        return error_set(e, CIMF_ACCESS_DENIED, "auth", "the daemon has no login of its own for this");
    size_t at = slice_find(user, '\\');
    if (at < user.n) {
        domain = slice_head(user, at);
        user = slice_sub(user, at + 1);
    }
    const struct ntlm_client_config config = {
        .options = { .want = x->config.want | MECH_SIGN | MECH_IDENTIFY, .target = x->config.target },
        .user = user, .domain = domain, .password = c->initiate_password, .workstation = slice_str(x->broker->netbios),
        .unverified_target = true, /* it is the caller's address */
    };
    cimf_status status = ntlm_client_new(&config, &ntlm, e);
    return status == CIMF_OK ? spnego_client_new(&ntlm, 1, out, e) : status;
}
