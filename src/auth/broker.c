/* The public face of both kinds of broker. */
#include "auth/broker_priv.h"

void auth_broker_free(struct auth_broker *b)
{
    if (b) b->ops->free(b);
}

void auth_check_password(struct auth_broker *b, const struct auth_password *q, struct exec *home,
                         auth_done *done, void *arg)
{
    b->ops->check_password(b, q, home, done, arg);
}

const struct principal *auth_check_cached(struct auth_broker *b, const struct auth_password *q)
{
    return b->ops->check_cached(b, q);
}

void auth_check_digest(struct auth_broker *b, const struct auth_digest *q, struct exec *home,
                       auth_digest_done *done, void *arg)
{
    b->ops->check_digest(b, q, home, done, arg);
}

void auth_check_certificate(struct auth_broker *b, const struct auth_certificate *q,
                            struct exec *home, auth_done *done, void *arg)
{
    b->ops->check_certificate(b, q, home, done, arg);
}

cimf_status auth_exchange_new(struct auth_broker *b, const struct auth_exchange_config *config,
                              struct exec *home, struct auth_exchange **out, struct error *e)
{
    return b->ops->exchange_new(b, config, home, out, e);
}

void auth_exchange_step(struct auth_exchange *x, struct slice token, auth_exchange_done *done,
                        void *arg)
{
    x->broker->ops->exchange_step(x, token, done, arg);
}

void auth_exchange_free(struct auth_exchange *x)
{
    if (x) x->broker->ops->exchange_free(x);
}

uint64_t auth_generation(struct auth_broker *b) { return b->ops->generation(b); }

void auth_refresh(struct auth_broker *b, const struct principal *p, struct exec *home, auth_done *done,
                  void *arg)
{
    b->ops->refresh(b, p, home, done, arg);
}

void auth_mappings(struct auth_broker *b, const struct principal *by, const struct auth_mapping *q, struct exec *home,
                   auth_mappings_done *done, void *arg)
{
    b->ops->mappings(b, by, q, home, done, arg);
}

cimf_status auth_reload(struct auth_broker *b, struct error *e) { return b->ops->reload(b, e); }

const struct principal *auth_resolve(struct auth_broker *b, struct slice id) { return b->ops->resolve(b, id); }
