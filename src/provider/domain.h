/* provider/domain.h - whether this machine is a member of a directory, from the files of samba and
 * sssd. */
#ifndef PROVIDER_DOMAIN_H
#define PROVIDER_DOMAIN_H

#include "base/arena.h"

struct domain_facts {
    bool joined;
    struct slice
        name; /* realm or domain when joined, else the DNS domain of the host; "" if unknown */
    struct slice workgroup; /* of samba; "" if unset */
};

void domain_read(struct arena *a, struct domain_facts *out);
/* Value of key in [section] of an INI text, the last one given; names in any case. */
bool domain_ini(struct slice text, const char *section, const char *key, struct slice *value);
/* DNS domain of a host from a hosts file: the dotted name on a line that also names it. "" if none.
 */
struct slice domain_of_hosts(struct slice hosts, struct slice host);

#endif
