#include "mech/mech.h"

#include <nettle/md5.h>
#include <nettle/memops.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/limits.h"

enum mech_result mech_step(struct mech *m, struct slice in, struct buf *out, struct error *e)
{
    if (m->state != MECH_RUNNING) {
        error_set(e, CIMF_BAD_REQUEST, "mech", "a token after the end of the authentication");
        m->state = MECH_DEAD;
        return MECH_FAILED;
    }
    if (in.n > LIMIT_MECH_TOKEN) {
        error_set(e, CIMF_BAD_REQUEST, "mech", "a token of %zu bytes; at most %d are taken", in.n,
                  LIMIT_MECH_TOKEN);
        m->state = MECH_DEAD;
        return MECH_FAILED;
    }
    enum mech_result result = m->ops->step(m, in, out, e);
    if (result != MECH_FAILED && !buf_ok(out)) {
        error_set(e, CIMF_OUT_OF_MEMORY, "mech", "no room for a token");
        result = MECH_FAILED;
    }
    if (result == MECH_COMPLETE) m->state = MECH_DONE;
    if (result == MECH_FAILED) {
        m->state = MECH_DEAD;
        m->user = m->domain = m->target = m->workstation = m->pac_logon_info = SLICE_NULL;
        explicit_bzero(m->session_key, sizeof m->session_key);
        m->session_key_n = 0;
    }
    return result;
}

static bool usable(const struct mech *m, uint32_t flag)
{
    return m->state == MECH_DONE && (m->flags & flag);
}

cimf_status mech_seal(struct mech *m, struct mech_part *parts, size_t count,
                      unsigned char *signature)
{
    if (!usable(m, MECH_SEAL)) return CIMF_INVALID_OPERATION;
    return m->ops->seal(m, parts, count, signature);
}

void mech_seal_sizes(const struct mech *m, size_t n, size_t *signature, size_t *padding)
{
    *signature = *padding = 0;
    if (m->state != MECH_DONE) return;
    if (m->ops->seal_sizes) {
        m->ops->seal_sizes(m, n, signature, padding);
    } else {
        *signature = m->ops->signature_size(m, true);
    }
}

cimf_status mech_unseal(struct mech *m, struct mech_part *parts, size_t count,
                        struct slice signature)
{
    if (!usable(m, MECH_SEAL)) return CIMF_INVALID_OPERATION;
    cimf_status status = m->ops->unseal(m, parts, count, signature);
    if (status == CIMF_OK) return status;
    m->state = MECH_DEAD;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].kind == MECH_PART_SEAL && parts[i].n) explicit_bzero(parts[i].p, parts[i].n);
    }
    return status;
}

cimf_status mech_sign(struct mech *m, const struct mech_part *parts, size_t count,
                      unsigned char *signature)
{
    if (!usable(m, MECH_SIGN)) return CIMF_INVALID_OPERATION;
    return m->ops->sign(m, parts, count, signature);
}

cimf_status mech_verify(struct mech *m, const struct mech_part *parts, size_t count,
                        struct slice signature)
{
    if (!usable(m, MECH_SIGN)) return CIMF_INVALID_OPERATION;
    cimf_status status = m->ops->verify(m, parts, count, signature);
    if (status != CIMF_OK) m->state = MECH_DEAD;
    return status;
}

void mech_free(struct mech *m)
{
    if (m) m->ops->free(m);
}

bool mech_random(const struct mech_options *o, void *bytes, size_t n)
{
    if (o->random) return o->random(o->arg, bytes, n);
    return n <= 256 && getrandom(bytes, n, 0) == (ssize_t)n;
}

int64_t mech_now(const struct mech_options *o)
{
    return o->now ? o->now(o->arg) : clock_wall_us();
}

bool mech_equal(const void *a, const void *b, size_t n)
{
    return memeql_sec(a, b, n);
}

void mech_binding_hash(struct slice bindings, unsigned char hash[16])
{
    struct md5_ctx md5;
    unsigned char head[20] = { 0 }; /* two empty addresses, then the length of the data */
    for (int i = 0; i < 4; i++) head[16 + i] = (unsigned char)(bindings.n >> 8 * i);
    md5_init(&md5);
    md5_update(&md5, sizeof head, head);
    md5_update(&md5, bindings.n, (const uint8_t *)bindings.p);
    md5_digest(&md5, 16, hash);
}

struct slice mech_binding_next(struct slice *more, char text[MECH_BINDING_MAX])
{
    static const struct slice type = { "tls-server-end-point:", 21 };
    size_t n = more->n ? (unsigned char)more->p[0] : 0;
    if (n == 0 || n >= more->n) return SLICE_NULL;
    memcpy(text, type.p, type.n);
    memcpy(text + type.n, more->p + 1, n);
    *more = slice_sub(*more, n + 1);
    return slice_of(text, type.n + n);
}
