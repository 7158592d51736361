/* provider/netadapter.h - what the two classes of a network interface have in common. */
#ifndef PROVIDER_NETADAPTER_H
#define PROVIDER_NETADAPTER_H

#include "provider/netlink.h"

/* An address of six bytes that are not all zero. */
bool netadapter_has_mac(const struct net_link *l);
/* Kernel module of a device, kind of a virtual interface ("bridge"), "" for neither. */
struct slice netadapter_driver(struct arena *a, const struct net_link *l);
struct slice netadapter_description(struct arena *a, const struct net_link *l);
/* "[00000002] eth0" */
struct slice netadapter_caption(struct arena *a, const struct net_link *l);

#endif
