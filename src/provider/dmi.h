/* provider/dmi.h - labels of this machine from /sys/class/dmi/id, or from its device tree. */
#ifndef PROVIDER_DMI_H
#define PROVIDER_DMI_H

#include "base/arena.h"

/* Attribute of dmi/id ("sys_vendor"); "" when absent, unreadable or only a filler. Serial numbers
 * and the UUID are readable for root only. */
struct slice dmi_text(struct arena *a, const char *name);
bool dmi_present(void);
/* Maker and model, from dmi/id or, on boards without it, from the device tree. */
struct slice dmi_vendor(struct arena *a);
struct slice dmi_model(struct arena *a);
/* What only root may read of this machine's labels, read now: for a process that is about to be somebody else. Before
 * any other thread runs. */
void dmi_keep(void);

#endif
