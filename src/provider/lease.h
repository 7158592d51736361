/* provider/lease.h - which DHCP server gave an address, from the files of the usual clients. */
#ifndef PROVIDER_LEASE_H
#define PROVIDER_LEASE_H

#include "base/arena.h"

/* Server of the lease of an interface: systemd-networkd, NetworkManager, dhclient. false if none
 * knows. */
bool lease_server(struct arena *a, uint32_t index, struct slice name, struct slice *server);
/* From a dhclient.leases(5) text: the last lease of the interface. */
bool lease_dhclient(struct slice text, struct slice name, struct slice *server);

#endif
