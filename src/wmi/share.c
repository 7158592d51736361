/* How much of what clients sent, and of what waits for them, is kept at once: by all, and by each account, so that one cannot take what others need. */
#include <stdlib.h>

#include "auth/principal.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/share.h"
#include "wmi/wmi_priv.h"

struct wmi_share {
    unsigned refs;       /* of what counts in kept */
    size_t bytes;
    int64_t said;        /* when the log was told of it last; atomic */
    size_t kept;         /* of results and the like; atomic */
    char sid[sizeof ((struct principal *)0)->sid];
};

static struct wmi_share *share_of(struct wmi_server *s, const struct principal *p)
{
    struct wmi_share *a = map_get(&s->shares, slice_str(p->sid));
    if (a || !(a = calloc(1, sizeof *a))) return a;
    memcpy(a->sid, p->sid, sizeof a->sid);
    if (map_put(&s->shares, slice_str(a->sid), a, NULL)) return a;
    free(a);
    return NULL;
}

static void forget_empty(struct wmi_server *s, struct wmi_share *a)
{
    if (!a || a->bytes || a->refs) return;
    map_del(&s->shares, slice_str(a->sid));
    free(a);
}

bool wmi_share_speaks(struct wmi_share *a)
{
    return share_speaks(&a->said, clock_mono_us());
}

bool wmi_inputs_take(struct wmi_session *x, size_t used, size_t small, size_t *inputs)
{
    struct wmi_server *s = x->server;
    if (used <= small) return true;
    pthread_mutex_lock(&s->inputs_lock);
    struct wmi_share *a = share_of(s, x->principal);
    bool ok = a && share_fits(s->settings.inputs_total, s->inputs, a->bytes, used);
    if (ok) {
        *inputs = used;
        s->inputs += used;
        a->bytes += used;
    } else if (a && wmi_share_speaks(a)) {
        log_info("wmi", "an account has too much kept user=" SLICE_FMT " kept=%zu asked=%zu all=%zu", SLICE_ARG(x->principal->name), a->bytes, used, s->inputs);
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
    struct wmi_share *a = map_get(&s->shares, slice_str(x->principal->sid)); /* there while it has some */
    s->inputs -= *inputs;
    a->bytes -= *inputs;
    *inputs = 0;
    forget_empty(s, a);
    pthread_mutex_unlock(&s->inputs_lock);
}

/* ---- what waits for clients ---- */

struct wmi_share *wmi_share_join(struct wmi_server *s, const struct principal *p)
{
    pthread_mutex_lock(&s->inputs_lock);
    struct wmi_share *a = share_of(s, p);
    if (a) a->refs++;
    pthread_mutex_unlock(&s->inputs_lock);
    return a;
}

void wmi_share_leave(struct wmi_server *s, struct wmi_share *a)
{
    if (!a) return;
    pthread_mutex_lock(&s->inputs_lock);
    a->refs--;
    forget_empty(s, a);
    pthread_mutex_unlock(&s->inputs_lock);
}

void wmi_share_keep(struct wmi_server *s, struct wmi_share *a, size_t had, size_t has)
{
    __atomic_add_fetch(&a->kept, has - had, __ATOMIC_RELAXED);
    __atomic_add_fetch(&s->kept, has - had, __ATOMIC_RELAXED);
}

bool wmi_share_crowded(const struct wmi_server *s, const struct wmi_share *a)
{
    return !share_fits(s->settings.kept_total, __atomic_load_n(&s->kept, __ATOMIC_RELAXED), __atomic_load_n(&a->kept, __ATOMIC_RELAXED), 0);
}
