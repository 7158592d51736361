/* auth/broker_serve.h - one core that the real broker answers: broker_serve.c (questions), broker_issued.c (which
 * principals it has). */
#ifndef AUTH_BROKER_SERVE_H
#define AUTH_BROKER_SERVE_H

#include <stdlib.h>

#include "auth/broker_priv.h"
#include "auth/broker_wire.h"
#include "base/buf.h"
#include "base/limits.h"

#define SERVE_ASKED_MAX 8192     /* questions without an answer */
#define SERVE_ISSUED_MAX 65536   /* principals out there */

struct serve_job {
    struct serve_job *next;
    void (*fn)(void *arg);
    void *arg;
};

struct served_exchange {
    struct broker_serve *serve;
    struct auth_exchange *exchange;
    uint64_t id;
    bool busy, ended;            /* a step runs; core is done with it */
};
static inline void served_exchange_free(struct served_exchange *x)
{
    auth_exchange_free(x->exchange);
    free(x);
}

struct broker_serve {
    struct broker_serve *next;   /* under the broker's lock */
    struct broker_local *b;
    int fd, event;
    bool closed;
    pthread_t thread;
    struct exec exec;            /* the serving thread */
    pthread_mutex_t jobs_lock;
    struct serve_job *jobs, **last_job;
    struct broker_watch watch;
    uint64_t new_generation;     /* atomic */
    uint64_t told_generation;
    unsigned asked;
    struct map exchanges;        /* by core's number */
    struct map issued;           /* under the broker's lock; by id */
};

/* ---- broker_issued.c ---- */
void serve_attach(struct broker_serve *s);
void serve_detach(struct broker_serve *s); /* forgets all it issued */
/* One more use of p out there; false: too many. */
bool serve_issue(struct broker_serve *s, const struct principal *p);
/* One use less; false: it is not out there. */
bool serve_release(struct broker_serve *s, struct slice id);
const struct principal *serve_find(struct broker_serve *s, struct slice id); /* one reference or NULL */

#endif
