/* The principals that are in use out there: what a supervisor may ask about before it starts something for one. */
#include <stdlib.h>

#include "auth/broker_serve.h"

struct issued {
    const struct principal *principal;
    uint64_t count;
};

void serve_attach(struct broker_serve *s)
{
    struct broker_local *b = s->b;
    map_init(&s->issued, false);
    pthread_mutex_lock(&b->lock);
    s->next = b->serves;
    b->serves = s;
    s->watch.next = b->watches;
    b->watches = &s->watch;
    s->new_generation = s->told_generation = __atomic_load_n(&b->generation, __ATOMIC_ACQUIRE);
    pthread_mutex_unlock(&b->lock);
}

void serve_detach(struct broker_serve *s)
{
    struct broker_local *b = s->b;
    size_t at = 0;
    struct slice key;
    void *x;
    pthread_mutex_lock(&b->lock);
    struct broker_serve **serve = &b->serves;
    while (*serve != s) serve = &(*serve)->next;
    *serve = s->next;
    struct broker_watch **watch = &b->watches;
    while (*watch != &s->watch) watch = &(*watch)->next;
    *watch = s->watch.next;
    pthread_mutex_unlock(&b->lock);
    while (map_next(&s->issued, &at, &key, &x)) {
        principal_unref(((struct issued *)x)->principal);
        free(x);
    }
    map_free(&s->issued);
}

bool serve_issue(struct broker_serve *s, const struct principal *p)
{
    struct slice id = slice_str(p->id);
    bool ok = true;
    pthread_mutex_lock(&s->b->lock);
    struct issued *x = map_get(&s->issued, id);
    if (!x && s->issued.count < SERVE_ISSUED_MAX && (x = calloc(1, sizeof *x))) {
        x->principal = principal_ref(p);
        if (!map_put(&s->issued, id, x, NULL)) { /* the key lives in the principal */
            principal_unref(p);
            free(x);
            x = NULL;
        }
    }
    if (x) x->count++;
    else ok = false;
    pthread_mutex_unlock(&s->b->lock);
    return ok;
}

bool serve_release(struct broker_serve *s, struct slice id)
{
    pthread_mutex_lock(&s->b->lock);
    struct issued *x = map_get(&s->issued, id);
    bool known = x != NULL, last = known && --x->count == 0;
    if (last) map_del(&s->issued, id);
    pthread_mutex_unlock(&s->b->lock);
    if (last) {
        principal_unref(x->principal);
        free(x);
    }
    return known;
}

const struct principal *serve_find(struct broker_serve *s, struct slice id)
{
    pthread_mutex_lock(&s->b->lock);
    const struct issued *x = map_get(&s->issued, id);
    const struct principal *p = x ? principal_ref(x->principal) : NULL;
    pthread_mutex_unlock(&s->b->lock);
    return p;
}

const struct principal *local_resolve(struct auth_broker *base, struct slice id)
{
    struct broker_local *b = broker_local(base);
    const struct principal *p = NULL, *now = NULL;
    cimf_status status;
    struct accounts *all = broker_accounts(b, NULL);
    pthread_mutex_lock(&b->lock);
    for (struct broker_serve *s = b->serves; s && !p; s = s->next) {
        const struct issued *x = map_get(&s->issued, id);
        if (x) p = principal_ref(x->principal);
    }
    pthread_mutex_unlock(&b->lock);
    if (p) now = broker_now(b, all, p, &status);
    principal_unref(p);
    accounts_unref(all);
    return now;
}
