/* Records of logins. */
#include "auth/broker_priv.h"

void broker_audit(const struct broker_login *l)
{
    struct audit_record r = { .event = l->principal ? AUDIT_LOGIN : AUDIT_LOGIN_FAILED,
                              .principal = l->principal,
                              .user = l->principal ? SLICE_NULL : l->user,
                              .peer = l->address,
                              .scheme = l->scheme,
                              .bound = l->bound,
                              .status = l->status,
                              .detail = slice_str(l->detail) };
    audit_write(&r);
}
