#include "net/http_nonces.h"

#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/guid.h"

enum {
    BUCKETS = 512, WAYS = 8, WINDOW = 64,
    RAW = 32, /* time 8, random 8, MAC 16 */
    MARK = 16, /* of these: what tells nonces apart */
};
static const int64_t life_us = 300 * (int64_t)1000000;

struct used {
    uint64_t time, random;
    uint64_t seen;  /* bit i: high - i was used */
    uint32_t high;  /* 0: free */
};
struct bucket {
    struct used used[WAYS];
    uint64_t floor; /* nonces up to this time that are not here have been forgotten */
};
struct http_nonces {
    pthread_mutex_t lock;
    unsigned char secret[32];
    struct bucket buckets[BUCKETS];
};

struct http_nonces *http_nonces_new(void)
{
    struct http_nonces *n = calloc(1, sizeof *n);
    if (!n) return NULL;
    random_bytes(n->secret, sizeof n->secret);
    pthread_mutex_init(&n->lock, NULL);
    return n;
}

void http_nonces_free(struct http_nonces *n)
{
    if (!n) return;
    pthread_mutex_destroy(&n->lock);
    explicit_bzero(n->secret, sizeof n->secret);
    free(n);
}

/* nettle's: OpenSSL, which nothing else needs before somebody speaks TLS, takes 1 ms and 1 MB to get ready. */
static void mac(const struct http_nonces *n, const unsigned char *mark, struct slice address, unsigned char out[32])
{
    struct hmac_sha256_ctx c;
    address = slice_head(address, 64);
    hmac_sha256_set_key(&c, sizeof n->secret, n->secret);
    hmac_sha256_update(&c, MARK, mark);
    if (address.n) hmac_sha256_update(&c, address.n, (const uint8_t *)address.p);
    hmac_sha256_digest(&c, 32, out);
    explicit_bzero(&c, sizeof c);
}

void http_nonces_make(struct http_nonces *n, struct slice address, int64_t now_us, char out[HTTP_NONCE_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char raw[MARK + 32];
    uint64_t now = (uint64_t)now_us;
    memcpy(raw, &now, 8);
    random_bytes(raw + 8, 8);
    mac(n, raw, address, raw + MARK);
    for (int i = 0; i < RAW; i++) {
        out[2 * i] = digits[raw[i] >> 4];
        out[2 * i + 1] = digits[raw[i] & 15];
    }
    out[2 * RAW] = 0;
}

static bool raw_of(struct slice text, unsigned char raw[RAW])
{
    if (text.n != 2 * RAW) return false;
    for (int i = 0; i < 2 * RAW; i++) {
        char c = text.p[i];
        int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (v < 0) return false;
        raw[i / 2] = (unsigned char)(i & 1 ? raw[i / 2] | v : v << 4);
    }
    return true;
}

enum http_nonce http_nonces_check(struct http_nonces *n, struct slice nonce, struct slice address, int64_t now_us)
{
    unsigned char raw[RAW], want[32];
    uint64_t time;
    if (!raw_of(nonce, raw)) return HTTP_NONCE_WRONG;
    mac(n, raw, address, want);
    if (!memeql_sec(raw + MARK, want, RAW - MARK)) return HTTP_NONCE_WRONG;
    memcpy(&time, raw, 8);
    return (int64_t)time > now_us || now_us - (int64_t)time > life_us ? HTTP_NONCE_STALE : HTTP_NONCE_GOOD;
}

static enum http_nonce mark_used(struct used *u, uint32_t nc)
{
    if (nc > u->high) {
        uint32_t by = nc - u->high;
        u->seen = by >= WINDOW ? 1 : u->seen << by | 1;
        u->high = nc;
        return HTTP_NONCE_GOOD;
    }
    uint32_t back = u->high - nc;
    if (back >= WINDOW || u->seen >> back & 1) return HTTP_NONCE_STALE;
    u->seen |= (uint64_t)1 << back;
    return HTTP_NONCE_GOOD;
}

enum http_nonce http_nonces_use(struct http_nonces *n, struct slice nonce, uint32_t nc)
{
    unsigned char raw[RAW];
    uint64_t time, random;
    if (nc == 0 || !raw_of(nonce, raw)) return HTTP_NONCE_STALE;
    memcpy(&time, raw, 8);
    memcpy(&random, raw + 8, 8);
    struct bucket *b = &n->buckets[random % BUCKETS];
    struct used *place = &b->used[0];
    enum http_nonce answer = HTTP_NONCE_STALE;
    pthread_mutex_lock(&n->lock);
    for (unsigned i = 0; i < WAYS; i++) {
        struct used *u = &b->used[i];
        if (u->high && u->time == time && u->random == random) {
            answer = mark_used(u, nc);
            goto done;
        }
        if (u->high == 0 ? place->high != 0 : place->high != 0 && u->time < place->time) place = u;
    }
    if (time > b->floor) { /* the oldest makes room, and nothing as old as it comes back */
        if (place->high && place->time > b->floor) b->floor = place->time;
        if (time > b->floor) {
            *place = (struct used){ .time = time, .random = random };
            answer = mark_used(place, nc);
        }
    }
done:
    pthread_mutex_unlock(&n->lock);
    return answer;
}
