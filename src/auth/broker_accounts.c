/* The accounts file as the broker sees it: read when it changed, found by the forms of names. */
#include <stdlib.h>
#include <sys/stat.h>

#include "auth/broker_priv.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/utf.h"

/* Is it this machine? Short names count, as clients cut the domain off. */
static bool is_here(const struct broker_local *b, struct slice machine)
{
    struct slice host = slice_str(b->host);
    return machine.n == 0 || slice_is(machine, ".") || slice_ieq(machine, SLICE("localhost")) ||
           slice_ieq(machine, host) || slice_ieq(machine, slice_head(host, slice_find(host, '.'))) ||
           slice_ieq(machine, slice_str(b->netbios));
}

struct slice broker_account_name(const struct broker_local *b, struct slice user)
{
    size_t at = slice_find(user, '\\');
    if (at < user.n)
        return is_here(b, slice_head(user, at)) ? slice_sub(user, at + 1) : user;
    for (at = user.n; at > 0 && user.p[at - 1] != '@'; at--) {}
    if (at > 1 && is_here(b, slice_sub(user, at))) return slice_head(user, at - 1);
    return user;
}

const struct account *broker_account(const struct broker_local *b, const struct accounts *all,
                                     struct slice user)
{
    const struct account *a = all ? accounts_find(all, user) : NULL;
    return a || !all ? a : accounts_find(all, broker_account_name(b, user));
}

bool broker_key(const struct broker_local *b, struct slice user, struct buf *out)
{
    struct slice name = broker_account_name(b, slice_head(user, ACCOUNTS_NAME_MAX * 2));
    for (const char *p = name.p, *end = name.p + name.n; p < end;) {
        bool valid = true;
        utf8_put(out, utf_fold(utf8_next(&p, end, false, &valid)));
    }
    return buf_ok(out);
}

bool broker_active(const struct account *a)
{
    return a && account_active(a, clock_wall_us());
}

bool broker_secret(struct broker_local *b, const struct accounts *all, const struct account *a,
                   enum account_secret which, unsigned char out[ACCOUNT_SECRET_MAX])
{
    struct accounts_key key;
    pthread_mutex_lock(&b->lock);
    bool has_key = b->has_key;
    key = b->key;
    pthread_mutex_unlock(&b->lock);
    bool ok = accounts_secret(all, a, which, slice_str(b->config.realm), has_key ? &key : NULL, out);
    accounts_key_wipe(&key);
    return ok;
}

/* The first moment from now on at which an account ends; INT64_MAX: none does. */
static int64_t next_end(const struct accounts *all)
{
    int64_t now = clock_wall_us(), first = INT64_MAX;
    for (unsigned i = 0; all && i < accounts_count(all); i++) {
        int64_t end = accounts_at(all, i)->expires;
        if (end > now && end < first) first = end;
    }
    return first;
}

static bool stamp_same(const struct accounts_stamp *a, const struct stat *st)
{
    return a->dev == st->st_dev && a->ino == st->st_ino && a->size == st->st_size &&
           a->changed.tv_sec == st->st_ctim.tv_sec && a->changed.tv_nsec == st->st_ctim.tv_nsec &&
           a->modified.tv_sec == st->st_mtim.tv_sec && a->modified.tv_nsec == st->st_mtim.tv_nsec;
}

/* A file that went missing or bad lets nobody in: a half-understood list must not decide. */
cimf_status broker_refresh(struct broker_local *b, bool force, struct error *e)
{
    struct stat st;
    struct accounts *fresh = NULL;
    struct error own = ERROR_INIT, key_error = ERROR_INIT;
    bool there = stat(b->config.accounts_path, &st) == 0;
    __atomic_store_n(&b->looked, clock_mono_us(), __ATOMIC_RELEASE);
    pthread_mutex_lock(&b->lock);
    bool same = there ? b->stamp_valid && stamp_same(&b->stamp, &st)
                      : !b->stamp_valid && b->generation > 0;
    same = same && clock_wall_us() < b->next_end;
    pthread_mutex_unlock(&b->lock);
    if (same && !force) return CIMF_OK;

    struct accounts_key key = { .id = "" };
    cimf_status status = accounts_load(b->config.accounts_path, &fresh, &own);
    cimf_status keyed = accounts_key_load(b->config.key_path, b->config.accounts_path, &key, &key_error);
    if (keyed != CIMF_OK && keyed != CIMF_NOT_FOUND)
        log_failure("auth", &key_error, "NTLM and Digest have no secrets: their key cannot be read");
    pthread_mutex_lock(&b->lock);
    struct accounts *old = b->accounts;
    b->accounts = fresh;
    b->key = key;
    b->has_key = keyed == CIMF_OK;
    b->next_end = next_end(fresh);
    b->stamp_valid = there;
    if (there)
        b->stamp = (struct accounts_stamp){ st.st_dev, st.st_ino, st.st_ctim, st.st_mtim,
                                            st.st_size };
    uint64_t generation = __atomic_add_fetch(&b->generation, 1, __ATOMIC_ACQ_REL);
    for (struct broker_watch *w = b->watches; w; w = w->next) w->changed(w, generation);
    pthread_mutex_unlock(&b->lock);
    accounts_key_wipe(&key);
    if (status != CIMF_OK && (old || generation == 1))
        log_failure("auth", &own, "nobody can log in: the accounts cannot be read");
    accounts_unref(old);
    if (e) *e = own;
    return status;
}

struct accounts *broker_accounts(struct broker_local *b, uint64_t *generation)
{
    broker_refresh(b, false, NULL);
    pthread_mutex_lock(&b->lock);
    struct accounts *all = b->accounts ? accounts_ref(b->accounts) : NULL;
    if (generation) *generation = __atomic_load_n(&b->generation, __ATOMIC_ACQUIRE);
    pthread_mutex_unlock(&b->lock);
    return all;
}

static void refresh_job(void *arg)
{
    struct broker_local *b = arg;
    broker_refresh(b, false, NULL);
    pthread_mutex_lock(&b->lock);
    b->reloading--;
    pthread_cond_broadcast(&b->wake);
    pthread_mutex_unlock(&b->lock);
}

uint64_t broker_generation(struct auth_broker *base)
{
    struct broker_local *b = broker_local(base);
    int64_t now = clock_mono_us(), last = __atomic_load_n(&b->looked, __ATOMIC_ACQUIRE);
    if (now - last > 1000000 &&
        __atomic_compare_exchange_n(&b->looked, &last, now, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED)) {
        if (!b->config.pool) {
            broker_refresh(b, false, NULL);
        } else {
            pthread_mutex_lock(&b->lock);
            if (!b->stopping && exec_post(b->config.pool, refresh_job, b)) b->reloading++;
            pthread_mutex_unlock(&b->lock);
        }
    }
    return __atomic_load_n(&b->generation, __ATOMIC_ACQUIRE);
}
