/* provider/users.h - who is logged in: login records of /run/utmp (utmp(5)), else those of logind.
 */
#ifndef PROVIDER_USERS_H
#define PROVIDER_USERS_H

#include "base/arena.h"

/* Number of login sessions; false when this system keeps no record of them. */
bool users_count(struct arena *a, uint32_t *count);
/* Name of the user at the first console (tty1.., :0, seat0); "" if nobody is. */
struct slice users_console(struct arena *a);

#endif
