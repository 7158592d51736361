/* Who wants to know of a connection's end. */
#include <stdlib.h>

#include "rpc/conn.h"

struct rpc_watch {
    struct rpc_watch *next;
    void (*gone)(void *arg, uint64_t connection);
    void *arg;
};

bool rpc_watch(struct rpc_call *call, void (*gone)(void *arg, uint64_t connection), void *arg)
{
    struct rpc_conn *c = ((struct rpc_slot *)call)->conn;
    struct rpc_watch *w = c->watches;
    while (w && (w->gone != gone || w->arg != arg)) w = w->next;
    if (w) return true;
    if (!(w = malloc(sizeof *w))) return false;
    *w = (struct rpc_watch){ c->watches, gone, arg };
    c->watches = w;
    return true;
}

void rpc_watches_tell(struct rpc_conn *c)
{
    struct rpc_watch *w;
    while ((w = c->watches)) {
        c->watches = w->next;
        w->gone(w->arg, c->id);
        free(w);
    }
}
