/* How much of what clients sent is kept at once: by all, and by each account, so that one cannot take what others need. */
#include <stdlib.h>

#include "auth/principal.h"
#include "wmi/wmi_priv.h"

struct share {
    size_t bytes;
    char sid[sizeof ((struct principal *)0)->sid];
};

static struct share *share_of(struct wmi_server *s, const struct principal *p)
{
    struct share *a = map_get(&s->shares, slice_str(p->sid));
    if (a || !(a = calloc(1, sizeof *a))) return a;
    memcpy(a->sid, p->sid, sizeof a->sid);
    if (map_put(&s->shares, slice_str(a->sid), a, NULL)) return a;
    free(a);
    return NULL;
}

static void forget_empty(struct wmi_server *s, struct share *a)
{
    if (!a || a->bytes) return;
    map_del(&s->shares, slice_str(a->sid));
    free(a);
}

bool wmi_inputs_take(struct wmi_session *x, size_t used, size_t small, size_t *inputs)
{
    struct wmi_server *s = x->server;
    size_t most = s->settings.inputs_total;
    if (used <= small) return true;
    pthread_mutex_lock(&s->inputs_lock);
    struct share *a = share_of(s, x->principal);
    bool ok = a && used <= most && s->inputs <= most - used && a->bytes + used <= most / 2;
    if (ok) {
        *inputs = used;
        s->inputs += used;
        a->bytes += used;
    }
    forget_empty(s, a);
    pthread_mutex_unlock(&s->inputs_lock);
    return ok;
}

void wmi_inputs_give(struct wmi_session *x, size_t *inputs)
{
    struct wmi_server *s = x->server;
    if (!*inputs) return;
    pthread_mutex_lock(&s->inputs_lock);
    struct share *a = map_get(&s->shares, slice_str(x->principal->sid)); /* there while it has some */
    s->inputs -= *inputs;
    a->bytes -= *inputs;
    *inputs = 0;
    forget_empty(s, a);
    pthread_mutex_unlock(&s->inputs_lock);
}
