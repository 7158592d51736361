/* Association groups (C706 9.1.3.1, MS-RPCE 3.3.1.5.7): connections of one client; what is bound to a group outlives one
 * of them. Nobody joins one from another address. */
#include <stdio.h>
#include <stdlib.h>

#include "base/guid.h"
#include "rpc/server_priv.h"

struct rpc_group {
    uint32_t number;
    unsigned members;
    char peer[NET_PEER_TEXT];
};

static struct slice key_of(const uint32_t *number) { return slice_of((const char *)number, sizeof *number); }

void rpc_groups_init(struct rpc_groups *g)
{
    pthread_mutex_init(&g->lock, NULL);
    map_init(&g->map, false);
    random_bytes(&g->last, sizeof g->last);
}

void rpc_groups_free(struct rpc_groups *g)
{
    map_free(&g->map); /* empty: every member has left */
    pthread_mutex_destroy(&g->lock);
}

static struct rpc_group *begin(struct rpc_groups *g, const char *peer)
{
    struct rpc_group *x = calloc(1, sizeof *x);
    if (!x) return NULL;
    do g->last++;
    while (g->last == 0 || map_get(&g->map, key_of(&g->last)));
    x->number = g->last;
    snprintf(x->peer, sizeof x->peer, "%s", peer);
    if (map_put(&g->map, key_of(&x->number), x, NULL)) return x;
    free(x);
    return NULL;
}

uint32_t rpc_groups_join(struct rpc_groups *g, uint32_t wanted, const char *peer)
{
    uint32_t number = 0;
    pthread_mutex_lock(&g->lock);
    struct rpc_group *x = wanted ? map_get(&g->map, key_of(&wanted)) : begin(g, peer);
    if (x && strcmp(x->peer, peer) == 0) {
        x->members++;
        number = x->number;
    }
    pthread_mutex_unlock(&g->lock);
    return number;
}

void rpc_groups_leave(struct rpc_groups *g, uint32_t group)
{
    pthread_mutex_lock(&g->lock);
    struct rpc_group *x = map_get(&g->map, key_of(&group));
    if (x && --x->members == 0) {
        map_del(&g->map, key_of(&x->number));
        free(x);
    }
    pthread_mutex_unlock(&g->lock);
}
