#include <nettle/memops.h>
#include <stdlib.h>
#include <string.h>

#include "auth/broker_priv.h"
#include "base/guid.h"

void verified_init(struct verified *v)
{
    *v = (struct verified){ .sets = NULL };
    unsigned char key[32];
    random_bytes(key, sizeof key);
    hmac_sha256_set_key(&v->keyed, sizeof key, key);
    explicit_bzero(key, sizeof key);
}

void verified_free(struct verified *v)
{
    for (unsigned s = 0; v->sets && s < VERIFIED_SETS; s++)
        for (unsigned w = 0; w < VERIFIED_WAYS; w++) principal_unref(v->sets[s][w].principal);
    free(v->sets);
    explicit_bzero(v, sizeof *v);
}

/* Lengths go in front, so that "ab","c" and "a","bc" differ. */
bool verified_mac(const struct verified *v, const struct auth_password *q, unsigned char mac[32])
{
    uint32_t n[3] = { (uint32_t)q->scheme, (uint32_t)q->user.n, (uint32_t)q->password.n };
    if (q->user.n > 480 || q->password.n > 520) return false;
    struct hmac_sha256_ctx c = v->keyed;
    hmac_sha256_update(&c, sizeof n, (const uint8_t *)n);
    if (q->user.n) hmac_sha256_update(&c, q->user.n, (const uint8_t *)q->user.p);
    if (q->password.n) hmac_sha256_update(&c, q->password.n, (const uint8_t *)q->password.p);
    hmac_sha256_digest(&c, 32, mac);
    explicit_bzero(&c, sizeof c);
    return true;
}

static struct verified_entry *set_of(struct verified *v, const unsigned char mac[32])
{
    return v->sets ? v->sets[mac[31] % VERIFIED_SETS] : NULL;
}

const struct principal *verified_find(struct verified *v, const unsigned char mac[32],
                                      uint64_t generation, int64_t now)
{
    struct verified_entry *set = set_of(v, mac);
    for (unsigned w = 0; set && w < VERIFIED_WAYS; w++)
        if (set[w].principal && set[w].generation == generation && set[w].expires > now &&
            memeql_sec(set[w].mac, mac, 32))
            return principal_ref(set[w].principal);
    return NULL;
}

void verified_put(struct verified *v, const unsigned char mac[32], uint64_t generation,
                  int64_t expires, const struct principal *p)
{
    if (!v->sets) v->sets = calloc(VERIFIED_SETS, sizeof *v->sets);
    struct verified_entry *set = set_of(v, mac);
    if (!set) return;
    struct verified_entry *victim = &set[0];
    for (unsigned w = 0; w < VERIFIED_WAYS; w++) {
        if (set[w].principal && memeql_sec(set[w].mac, mac, 32)) {
            victim = &set[w];
            break;
        }
        if (!set[w].principal || set[w].expires < victim->expires) victim = &set[w];
    }
    principal_unref(victim->principal);
    memcpy(victim->mac, mac, 32);
    victim->generation = generation;
    victim->expires = expires;
    victim->principal = principal_ref(p);
}

int64_t auth_life(const struct principal *p, int64_t life)
{
    enum { PAM_US = 60 * 1000000 };
    bool pam = slice_starts(slice_str(p->sid), SLICE("S-1-22-1-"));
    return pam && life > PAM_US ? PAM_US : life;
}
