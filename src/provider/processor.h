/* provider/processor.h - readers of processor.c, for its tests. */
#ifndef PROVIDER_PROCESSOR_H
#define PROVIDER_PROCESSOR_H

#include "base/slice.h"

/* Busy and all ticks of a processor since boot, from /proc/stat (proc(5)); waiting for I/O is not
 * busy. */
bool processor_ticks(struct slice stat, unsigned cpu, uint64_t *busy, uint64_t *total);
/* MHz of "... CPU @ 2.60GHz". */
bool processor_name_mhz(struct slice name, uint64_t *mhz);

#endif
