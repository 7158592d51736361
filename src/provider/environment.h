/* provider/environment.h - assignments of environment files. */
#ifndef PROVIDER_ENVIRONMENT_H
#define PROVIDER_ENVIRONMENT_H

#include "base/arena.h"

/* Cuts the next assignment off *rest: comments, blank lines and "export" are skipped, quotes taken
 * off. */
bool environment_next(struct arena *a, struct slice *rest, struct slice *name, struct slice *value);

#endif
