/*
 * auth/pam.h - passwords of this machine's own users, asked of PAM (auth.pam_service; security digest 3.11). Blocks, on a
 * worker of the broker.
 */
#ifndef AUTH_PAM_H
#define AUTH_PAM_H

#include "base/status.h"

/*
 * authenticate and acct_mgmt under that service. CIMF_OK or CIMF_NOT_AUTHENTICATED: one answer for an unknown user, a wrong or
 * empty password, a locked, expired or password-less account and one whose password must be changed first; why is in
 * the debug log and in what the modules log themselves. CIMF_FAILED when PAM does not work at all (no such service), with
 * the reason in e. root (any user of uid 0) is refused: it comes in by an account that maps to it, not by its own password.
 * PAM's own delay after failures is switched off, as the broker has its. peer: the address, PAM_RHOST.
 */
cimf_status pam_check(const char *service, struct slice user, struct slice password, struct slice peer, struct error *e);

#endif
