/* auth/pam_priv.h - for tests of PAM. */
#ifndef AUTH_PAM_PRIV_H
#define AUTH_PAM_PRIV_H

#include "auth/pam.h"

extern const char *pam_folder; /* of the service files instead of /etc/pam.d; NULL: that one */

#endif
