#include <arpa/inet.h>
#include <stdlib.h>

#include "auth/broker_priv.h"

struct failure {
    struct failure *newer, *older;
    int64_t last;
    unsigned count;
    size_t key_n;
    char key[];
};

enum { KEY_MAX = 1 + ACCOUNTS_NAME_MAX * 4 + 1 + FAILURES_ADDRESS };

/* Three counters watch one attempt; patience says after how many failures each begins to slow. */
static const struct {
    char kind;
    bool user, address;
    unsigned patience;  /* times free_failures */
    unsigned mildness;  /* the longest delay is divided by it */
} watches[] = {
    { 'p', true, true, 1, 1 },   /* one user from one address */
    { 'a', false, true, 5, 1 },  /* one address, whatever user */
    { 'u', true, false, 10, 8 }, /* one user from anywhere: mild, or strangers could lock him out */
};
enum { WATCHES = sizeof watches / sizeof watches[0] };

void failures_init(struct failures *f, int64_t delay_us, int64_t max_delay_us, unsigned free_failures)
{
    *f = (struct failures){ .delay_us = delay_us, .max_delay_us = max_delay_us,
                            .free_failures = free_failures };
    map_init(&f->by_key, false);
}

static void unlink_failure(struct failures *f, struct failure *x)
{
    if (x->newer) x->newer->older = x->older;
    else f->newest = x->older;
    if (x->older) x->older->newer = x->newer;
    else f->oldest = x->newer;
}

static void link_newest(struct failures *f, struct failure *x)
{
    x->newer = NULL;
    x->older = f->newest;
    if (f->newest) f->newest->newer = x;
    else f->oldest = x;
    f->newest = x;
}

static void drop(struct failures *f, struct failure *x)
{
    map_del(&f->by_key, slice_of(x->key, x->key_n));
    unlink_failure(f, x);
    free(x);
}

void failures_free(struct failures *f)
{
    while (f->oldest) drop(f, f->oldest);
    map_free(&f->by_key);
}

struct slice failures_address(struct slice address, char out[FAILURES_ADDRESS])
{
    char z[FAILURES_ADDRESS];
    unsigned char raw[16];
    size_t n = address.n < sizeof z - 1 ? address.n : sizeof z - 1;
    if (n) memcpy(z, address.p, n);
    z[n] = 0;
    z[strcspn(z, "%")] = 0;
    static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
    if (inet_pton(AF_INET6, z, raw) == 1) {
        if (memcmp(raw, mapped, sizeof mapped) == 0)
            inet_ntop(AF_INET, raw + 12, out, FAILURES_ADDRESS);
        else
            memcpy(out, raw, 8);
        return slice_of(out, memcmp(raw, mapped, sizeof mapped) == 0 ? strlen(out) : 8);
    }
    memcpy(out, z, n);
    return slice_of(out, n);
}

static struct slice key_of(unsigned watch, struct slice user, struct slice address,
                           char out[KEY_MAX])
{
    size_t n = 0;
    out[n++] = watches[watch].kind;
    if (watches[watch].user) {
        size_t take = user.n < ACCOUNTS_NAME_MAX * 4 ? user.n : ACCOUNTS_NAME_MAX * 4;
        if (take) memcpy(out + n, user.p, take);
        n += take;
        out[n++] = 0;
    }
    if (watches[watch].address) n += failures_address(address, out + n).n;
    return slice_of(out, n);
}

static int64_t delay_of(const struct failures *f, unsigned watch, unsigned count)
{
    unsigned patience = f->free_failures * watches[watch].patience;
    int64_t most = f->max_delay_us / watches[watch].mildness;
    if (count <= patience) return 0;
    unsigned doublings = count - patience - 1;
    if (doublings > 20 || f->delay_us << doublings > most) return most;
    return f->delay_us << doublings;
}

int64_t failures_due(struct failures *f, struct slice user, struct slice address, int64_t now)
{
    int64_t due = 0;
    for (unsigned w = 0; w < WATCHES; w++) {
        char key[KEY_MAX];
        const struct failure *x = map_get(&f->by_key, key_of(w, user, address, key));
        if (!x || now - x->last > FAILURES_FORGOTTEN_US) continue;
        int64_t delay = delay_of(f, w, x->count);
        if (delay && x->last + delay > due) due = x->last + delay;
    }
    return due > now ? due : 0;
}

static void count_one(struct failures *f, struct slice key, int64_t now)
{
    struct failure *x = map_get(&f->by_key, key);
    if (x) {
        unlink_failure(f, x);
        if (now - x->last > FAILURES_FORGOTTEN_US) x->count = 0;
    } else {
        if (f->by_key.count >= FAILURES_MAX) drop(f, f->oldest);
        x = calloc(1, sizeof *x + key.n);
        if (!x) return;
        memcpy(x->key, key.p, key.n);
        x->key_n = key.n;
        if (!map_put(&f->by_key, slice_of(x->key, x->key_n), x, NULL)) {
            free(x);
            return;
        }
    }
    if (x->count < UINT32_MAX) x->count++;
    x->last = now;
    link_newest(f, x);
}

void failures_add(struct failures *f, struct slice user, struct slice address, int64_t now)
{
    for (unsigned w = 0; w < WATCHES; w++) {
        char key[KEY_MAX];
        count_one(f, key_of(w, user, address, key), now);
    }
}

void failures_clear(struct failures *f, struct slice user, struct slice address)
{
    char key[KEY_MAX];
    struct failure *x = map_get(&f->by_key, key_of(0, user, address, key));
    if (x) drop(f, x);
}
