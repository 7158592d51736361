/* Records of logins. */
#include "auth/broker_priv.h"
#include "base/log.h"

void broker_audit(const struct broker_login *l)
{
    if (l->principal)
        log_info("auth", "login user=" SLICE_FMT " address=" SLICE_FMT " scheme=%s",
                 SLICE_ARG(l->principal->name), SLICE_ARG(l->address), l->scheme);
    else
        log_warn("auth", "login refused user=" SLICE_FMT " address=" SLICE_FMT " scheme=%s",
                 SLICE_ARG(l->user), SLICE_ARG(l->address), l->scheme);
}
