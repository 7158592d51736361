/* The decision about one password, and the accounts file behind it. */
#include <crypt.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/broker_priv.h"
#include "auth/principal_priv.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/utf.h"

/* Is it this machine? Short names count, as clients cut the domain off. */
static bool is_here(const struct auth_broker *b, struct slice machine)
{
    struct slice host = slice_str(b->host);
    return machine.n == 0 || slice_is(machine, ".") || slice_ieq(machine, SLICE("localhost")) ||
           slice_ieq(machine, host) || slice_ieq(machine, slice_head(host, slice_find(host, '.')));
}

struct slice broker_account_name(const struct auth_broker *b, struct slice user)
{
    size_t at = slice_find(user, '\\');
    if (at < user.n)
        return is_here(b, slice_head(user, at)) ? slice_sub(user, at + 1) : user;
    for (at = user.n; at > 0 && user.p[at - 1] != '@'; at--) {}
    if (at > 1 && is_here(b, slice_sub(user, at))) return slice_head(user, at - 1);
    return user;
}

static const struct account *find_account(const struct auth_broker *b, const struct accounts *all,
                                          struct slice user)
{
    const struct account *a = accounts_find(all, user);
    return a ? a : accounts_find(all, broker_account_name(b, user));
}

/* The hash to work on when there is no account: one like the others', so that it costs the same. */
static const char *dummy_hash(const struct auth_broker *b, const struct accounts *all)
{
    for (unsigned i = 0; all && i < accounts_count(all); i++)
        if (accounts_at(all, i)->basic.n) return accounts_at(all, i)->basic.p;
    return b->dummy;
}

static bool password_right(const char *stored, struct slice password, bool real)
{
    char z[ACCOUNTS_PASSWORD_MAX];
    size_t n = password.n < sizeof z - 1 ? password.n : sizeof z - 1;
    bool fits = n == password.n && n > 0 && !memchr(password.p, 0, n) && utf8_valid(password);
    if (n) memcpy(z, password.p, n);
    z[n] = 0;
    struct crypt_data *data = calloc(1, sizeof *data);
    const char *hash = data ? crypt_r(z, stored, data) : NULL;
    size_t length = strlen(stored);
    bool same = hash && hash[0] != '*' && strlen(hash) == length &&
                CRYPTO_memcmp(hash, stored, length) == 0;
    OPENSSL_cleanse(z, sizeof z);
    if (data) OPENSSL_cleanse(data, sizeof *data);
    free(data);
    return same && fits && real;
}

/* The local user an account maps to. Only by explicit mapping, never because names happen to agree. */
static void map_posix(struct slice user, struct principal_data *d)
{
    struct passwd pw, *found = NULL;
    char name[256];
    if (user.n == 0 || user.n >= sizeof name) return;
    memcpy(name, user.p, user.n);
    name[user.n] = 0;
    for (size_t size = 2048; size <= 1 << 20; size *= 2) {
        char *room = malloc(size);
        if (!room) return;
        int r = getpwnam_r(name, &pw, room, size, &found);
        if (r == 0 && found) {
            d->has_posix = true;
            d->uid = pw.pw_uid;
            d->gid = pw.pw_gid;
        }
        free(room);
        if (r != ERANGE) break;
    }
    if (!d->has_posix) log_warn("auth", "no local user posix_user=%s", name);
}

static const struct principal *account_principal(const struct auth_broker *b,
                                                 const struct accounts *all,
                                                 const struct account *a, enum auth_scheme scheme)
{
    char sid[96];
    snprintf(sid, sizeof sid, SLICE_FMT "-%u", SLICE_ARG(accounts_domain_sid(all)), a->rid);
    struct principal_data d = { .name = a->name, .domain = SLICE(""), .groups = a->groups,
                                .group_count = a->group_count, .scheme = scheme, .sid = sid };
    map_posix(a->posix_user, &d);
    d.administrator = d.has_posix && d.uid == 0;
    for (unsigned i = 0; i < a->group_count; i++)
        d.administrator |= slice_ieq(a->groups[i], SLICE("administrators"));
    return principal_make(&d);
}

void broker_verify(struct auth_broker *b, struct attempt *t)
{
    broker_refresh(b, false, NULL);
    pthread_mutex_lock(&b->lock);
    struct accounts *all = b->accounts ? accounts_ref(b->accounts) : NULL;
    uint64_t generation = __atomic_load_n(&b->generation, __ATOMIC_ACQUIRE);
    pthread_mutex_unlock(&b->lock);

    const struct account *a = all ? find_account(b, all, t->q.user) : NULL;
    bool real = a && a->enabled && a->basic.n > 0;
    t->status = CIMF_NOT_AUTHENTICATED;
    if (password_right(real ? a->basic.p : dummy_hash(b, all), t->q.password, real)) {
        t->principal = account_principal(b, all, a, t->q.scheme);
        t->status = t->principal ? CIMF_OK : CIMF_FAILED;
    }
    unsigned char mac[32];
    bool remember = t->principal && b->config.cache_us > 0 && verified_mac(&b->verified, &t->q, mac);

    int64_t now = clock_mono_us();
    pthread_mutex_lock(&b->lock);
    if (t->principal) failures_clear(&b->failures, t->key, t->q.address);
    else failures_add(&b->failures, t->key, t->q.address, now);
    if (remember)
        verified_put(&b->verified, mac, generation, now + b->config.cache_us, t->principal);
    pthread_mutex_unlock(&b->lock);
    accounts_unref(all);
    if (t->principal)
        log_info("auth", "login user=" SLICE_FMT " address=" SLICE_FMT, SLICE_ARG(t->q.user),
                 SLICE_ARG(t->q.address));
    else
        log_warn("auth", "login refused user=" SLICE_FMT " address=" SLICE_FMT,
                 SLICE_ARG(t->q.user), SLICE_ARG(t->q.address));
}

static bool stamp_same(const struct accounts_stamp *a, const struct stat *st)
{
    return a->dev == st->st_dev && a->ino == st->st_ino && a->size == st->st_size &&
           a->changed.tv_sec == st->st_ctim.tv_sec && a->changed.tv_nsec == st->st_ctim.tv_nsec &&
           a->modified.tv_sec == st->st_mtim.tv_sec && a->modified.tv_nsec == st->st_mtim.tv_nsec;
}

/* A file that went missing or bad lets nobody in: a half-understood list must not decide. */
cimf_status broker_refresh(struct auth_broker *b, bool force, struct error *e)
{
    struct stat st;
    struct accounts *fresh = NULL;
    struct error own = ERROR_INIT;
    bool there = stat(b->path, &st) == 0;
    __atomic_store_n(&b->looked, clock_mono_us(), __ATOMIC_RELEASE);
    pthread_mutex_lock(&b->lock);
    bool same = there ? b->stamp_valid && stamp_same(&b->stamp, &st)
                      : !b->stamp_valid && b->generation > 0;
    pthread_mutex_unlock(&b->lock);
    if (same && !force) return CIMF_OK;

    cimf_status status = accounts_load(b->path, &fresh, &own);
    pthread_mutex_lock(&b->lock);
    struct accounts *old = b->accounts;
    b->accounts = fresh;
    b->stamp_valid = there;
    if (there)
        b->stamp = (struct accounts_stamp){ st.st_dev, st.st_ino, st.st_ctim, st.st_mtim,
                                            st.st_size };
    uint64_t generation = __atomic_add_fetch(&b->generation, 1, __ATOMIC_ACQ_REL);
    pthread_mutex_unlock(&b->lock);
    accounts_unref(old);
    if (status != CIMF_OK && (old || generation == 1))
        log_failure("auth", &own, "nobody can log in: the accounts cannot be read");
    if (e) *e = own;
    return status;
}

const struct principal *auth_local_principal(bool administrator)
{
    struct passwd pw, *found = NULL;
    char room[16384], sid[64];
    struct principal_data d = { .has_posix = true, .uid = geteuid(), .gid = getegid(),
                                .scheme = AUTH_LOCAL, .sid = sid, .domain = SLICE("") };
    snprintf(sid, sizeof sid, "S-1-22-1-%u", d.uid); /* Samba's range for users without a SID */
    d.administrator = administrator || d.uid == 0;
    d.name = SLICE("local");
    if (getpwuid_r(d.uid, &pw, room, sizeof room, &found) == 0 && found)
        d.name = slice_str(pw.pw_name);
    return principal_make(&d);
}
