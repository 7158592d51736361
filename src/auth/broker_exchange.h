/* auth/broker_exchange.h - an exchange of the real broker: broker_exchange.c (its life and steps),
 * broker_mech.c (its mechanism). */
#ifndef AUTH_BROKER_EXCHANGE_H
#define AUTH_BROKER_EXCHANGE_H

#include "auth/broker_priv.h"

struct exchange_local {
    struct auth_exchange base;
    int32_t refs;                  /* the owner's and the running step's */
    struct broker_local *broker;   /* counted */
    struct exec *home;
    struct arena arena;            /* the texts of config */
    struct auth_exchange_config config;
    bool freed;                    /* by its owner; on home */

    /* Of the running step, else of nobody; the clock only when there is none. */
    struct mech *mech;
    struct slice key;              /* folded account name that the step was delayed for */
    uint32_t rid;                  /* of the account that NTLM looked up; 0: none */

    /* Under the broker's lock. */
    struct exchange_local *older, *newer;
    int64_t deadline;
    bool listed, busy, over;
};

/* With the broker's lock. Ends unfinished exchanges that took too long. */
void exchanges_expire(struct broker_local *b, int64_t now);

/* ---- broker_mech.c ---- */
/* Makes x->mech; token is the first one. */
cimf_status exchange_mech_new(struct exchange_local *x, struct slice token, struct error *e);
const char *exchange_mech_name(const struct exchange_local *x);
/* The user that an NTLM proof in the token is about, UTF-8; SLICE_NULL when there is no proof in it. */
struct slice exchange_claimed(struct arena *a, struct slice token);

/* ---- broker_initiate.c ---- */
/* The daemon's own login: CIMF_ACCESS_DENIED when it has none, or none for this target. */
cimf_status exchange_initiate_new(struct exchange_local *x, struct mech **out, struct error *e);

/* ---- broker_kerberos.c ---- */
cimf_status exchange_kerberos_new(struct exchange_local *x, struct mech_options options,
                                  struct mech **out, struct error *e);
/* Of the chosen mechanism once it is done. */
const struct principal *exchange_kerberos_principal(struct exchange_local *x, struct mech *m);

#endif
