/* The group of loop threads, declared in os/loop.h. */
#include <stdio.h>
#include <stdlib.h>

#include "os/loop.h"

struct loops {
    unsigned count;
    struct loop *all[];
};

struct loops *loops_new(unsigned count, const char *name, struct error *e)
{
    if (count == 0) count = os_processors();
    struct loops *g = calloc(1, sizeof *g + count * sizeof g->all[0]);
    if (!g) {
        error_set(e, CIMF_OUT_OF_MEMORY, "os", "no memory for %u event loops", count);
        return NULL;
    }
    for (unsigned i = 0; i < count; i++) {
        char numbered[32];
        snprintf(numbered, sizeof numbered, "%.11s-%u", name ? name : "loop", i);
        struct loop *l = loop_new(numbered, e);
        if (l && loop_start(l, e) != CIMF_OK) {
            loop_free(l);
            l = NULL;
        }
        if (!l) {
            loops_free(g);
            return NULL;
        }
        g->all[g->count++] = l;
    }
    return g;
}

unsigned loops_count(const struct loops *g) { return g->count; }
struct loop *loops_at(const struct loops *g, unsigned i) { return g->all[i]; }
struct loop *const *loops_all(const struct loops *g) { return g->all; }

void loops_stop(struct loops *g)
{
    for (unsigned i = 0; i < g->count; i++) loop_stop(g->all[i]);
    for (unsigned i = 0; i < g->count; i++) loop_join(g->all[i]);
}

void loops_free(struct loops *g)
{
    if (!g) return;
    loops_stop(g);
    for (unsigned i = 0; i < g->count; i++) loop_free(g->all[i]);
    free(g);
}
