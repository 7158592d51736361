/* provider/resolver.h - name servers and search domains (resolv.conf(5), systemd-networkd's links).
 */
#ifndef PROVIDER_RESOLVER_H
#define PROVIDER_RESOLVER_H

#include "base/arena.h"

#define RESOLVER_MAX 32

struct resolver_facts {
    struct slice server[RESOLVER_MAX], search[RESOLVER_MAX];
    uint32_t servers, searches;
    struct slice domain; /* "domain" line, else the first search domain; "" if neither */
};

void resolver_parse(struct arena *a, struct slice text, struct resolver_facts *out);
/* Of one link where networkd keeps them apart, else those of the whole machine: the upstream
 * servers, not the local stub, when systemd-resolved runs. */
void resolver_read(struct arena *a, uint32_t link, struct resolver_facts *out);

#endif
