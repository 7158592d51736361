#include "provider/service.h"

const char *service_state(struct slice active)
{
    if (slice_is(active, "active") || slice_is(active, "reloading") ||
        slice_is(active, "refreshing"))
        return "Running";
    if (slice_is(active, "activating")) return "Start Pending";
    if (slice_is(active, "deactivating")) return "Stop Pending";
    return "Stopped";
}

bool service_start_mode_open(struct slice s)
{
    return slice_is(s, "static") || slice_is(s, "transient") || slice_starts(s, SLICE("linked"));
}

const char *service_start_mode(struct slice s, bool wanted)
{
    if (service_start_mode_open(s)) return wanted ? "Auto" : "Manual";
    if (slice_starts(s, SLICE("enabled")) || slice_is(s, "generated")) return "Auto";
    if (slice_is(s, "disabled") || slice_is(s, "indirect") || slice_is(s, "alias")) return "Manual";
    if (slice_starts(s, SLICE("masked")) || slice_is(s, "bad")) return "Disabled";
    return NULL;
}

struct slice service_short_name(struct slice unit)
{
    size_t n = sizeof SERVICE_SUFFIX - 1;
    return unit.n > n ? slice_head(unit, unit.n - n) : unit;
}
