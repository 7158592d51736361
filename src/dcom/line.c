/*
 * Connections, as far as objects live by them: a client that keeps its connection keeps what it called over it last, however
 * long it rests. Clients that never ping (aiowmi) hold a namespace for days and ask now and then.
 *
 * Only objects that say so (dcom_object_type.lasting), that were in no ping set, and whose account does not hold very many:
 * clients that release one of five references would else keep every object of a connection's life.
 */
#include <stdlib.h>

#include "dcom/dcom_priv.h"

struct dcom_line {
    uint64_t id;
    unsigned objects;
    bool gone;
    int64_t ended;
};

static struct slice key_of(const uint64_t *id) { return slice_of((const char *)id, sizeof *id); }

static void gone(void *arg, uint64_t connection)
{
    struct dcom_server *s = arg;
    dcom_lock(s);
    struct dcom_line *l = map_get(&s->lines, key_of(&connection));
    if (l) {
        map_del(&s->lines, key_of(&l->id));
        l->gone = true;
        l->ended = dcom_now(s);
        if (!l->objects) free(l);
    }
    dcom_unlock(s);
}

void dcom_line_watch(struct dcom_server *s, struct rpc_call *c)
{
    struct dcom_line *l;
    if (!c->connection || map_get(&s->lines, key_of(&c->connection))) return;
    if (!(l = calloc(1, sizeof *l))) return;
    l->id = c->connection;
    if (rpc_watch(c, gone, s) && map_put(&s->lines, key_of(&l->id), l, NULL)) return;
    free(l); /* its objects live as if there were none */
}

void dcom_line_leave(struct dcom_object *o)
{
    struct dcom_line *l = o->line;
    o->line = NULL;
    if (l && --l->objects == 0 && l->gone) free(l);
}

void dcom_line_hold(struct dcom_object *o, uint64_t connection)
{
    struct dcom_line *l = o->type->lasting ? map_get(&o->server->lines, key_of(&connection)) : NULL;
    if (!l || l == o->line) return;
    dcom_line_leave(o);
    o->line = l;
    l->objects++;
}

bool dcom_line_holds(const struct dcom_object *o)
{
    return o->line && !o->line->gone && !o->pinged && o->user->objects <= o->server->settings.max_objects_user / 2;
}

int64_t dcom_line_used(const struct dcom_object *o)
{
    return o->line && o->line->gone && !o->pinged && o->line->ended > o->used ? o->line->ended : o->used;
}

void dcom_lines_free(struct dcom_server *s)
{
    struct slice key;
    void *value;
    for (size_t at = 0; map_next(&s->lines, &at, &key, &value);) free(value); /* without objects */
    map_free(&s->lines);
}
