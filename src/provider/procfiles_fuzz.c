/* Readers of kernel and configuration files on any bytes; the first byte chooses the reader. */
#include <assert.h>

#include "provider/cpu.h"
#include "provider/domain.h"
#include "provider/environment.h"
#include "provider/lease.h"
#include "provider/mounts.h"
#include "provider/process.h"
#include "provider/processor.h"
#include "provider/resolver.h"
#include "provider/text.h"
#include "provider/timezone.h"
#include "provider/udev.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool count(unsigned cpu, void *arg)
{
    unsigned *n = arg;
    ++*n;
    return cpu < CPU_MAX;
}

static void environment(struct arena *a, struct slice text)
{
    struct slice name, value;
    while (environment_next(a, &text, &name, &value)) assert(name.n && name.n <= text.n + name.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct slice text = slice_of((const char *)data + 1, size - 1), value;
    struct arena a;
    struct mount *mounts;
    struct process_stat stat;
    struct timezone_rule rule;
    struct resolver_facts names;
    size_t n;
    uint64_t x, y;
    unsigned cpus = 0;
    arena_init(&a, 16 << 20);
    switch (data[0] % 9) {
    case 0:
        if (mounts_parse(&a, text, &mounts, &n))
            for (size_t i = 0; i < n; i++) assert(mounts[i].point.n && mounts[i].type.n);
        break;
    case 1:
        if (process_stat_parse(text, &stat)) assert(stat.name.n <= text.n);
        break;
    case 2:
        if (timezone_footer(text, &value)) text = value;
        timezone_parse(text, &rule);
        break;
    case 3:
        resolver_parse(&a, text, &names);
        assert(names.servers <= RESOLVER_MAX);
        break;
    case 4: lease_dhclient(text, SLICE("eth0"), &value); break;
    case 5:
        domain_ini(text, "global", "realm", &value);
        domain_of_hosts(text, SLICE("atlas"));
        break;
    case 6: environment(&a, text); break;
    case 7:
        cpu_list(text, count, &cpus);
        cpu_block(text, 1);
        processor_ticks(text, 0, &x, &y);
        break;
    default:
        udev_get(&a, text, "ID_SERIAL_SHORT");
        process_command_line(&a, text);
        processor_name_mhz(text, &x);
    }
    arena_free(&a);
    return 0;
}
