/* The accounts file as the broker sees it: read when it changed, found by the forms of names. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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
    bool has_key = b->files.has_key;
    key = b->files.key;
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

/* What the file looks like now; all zero when it is not there. */
static struct broker_stamp stamp_of(const char *path)
{
    struct stat st;
    if (!path || stat(path, &st) != 0) return (struct broker_stamp){ .there = false };
    return (struct broker_stamp){ true, st.st_dev, st.st_ino, st.st_size, st.st_ctim, st.st_mtim };
}

static bool stamp_same(const struct broker_stamp *a, const struct broker_stamp *b)
{
    return a->there == b->there && a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec;
}

static void load(const struct auth_broker_config *c, struct broker_files *f, struct error *e)
{
    struct error own = ERROR_INIT;
    f->accounts_stamp = stamp_of(c->accounts_path);
    f->certmap_stamp = stamp_of(c->certificates_path);
    accounts_load(c->accounts_path, &f->accounts, e);
    cimf_status status = accounts_key_load(c->key_path, c->accounts_path, &f->key, &own);
    f->has_key = status == CIMF_OK;
    if (status != CIMF_OK && status != CIMF_NOT_FOUND)
        log_failure("auth", &own, "NTLM and Digest have no secrets: their key cannot be read");
    if (f->certmap_stamp.there && certmap_load(c->certificates_path, &f->certmap, &own) != CIMF_OK)
        log_failure("auth", &own, "no certificate logs anybody in: the map cannot be read");
    f->next_end = next_end(f->accounts);
}

void broker_files_free(struct broker_files *f)
{
    accounts_unref(f->accounts);
    certmap_unref(f->certmap);
    accounts_key_wipe(&f->key);
    *f = (struct broker_files){ .accounts = NULL };
}

bool broker_unreadable(const struct broker_local *b, const struct accounts *all)
{
    return !all && (access(b->config.accounts_path, F_OK) == 0 || errno != ENOENT);
}

/* A file that went missing or bad lets nobody in: a half-understood list must not decide. */
cimf_status broker_refresh(struct broker_local *b, bool force, struct error *e)
{
    struct error own = ERROR_INIT;
    struct broker_stamp accounts = stamp_of(b->config.accounts_path);
    struct broker_stamp map = stamp_of(b->config.certificates_path);
    __atomic_store_n(&b->looked, clock_mono_us(), __ATOMIC_RELEASE);
    pthread_mutex_lock(&b->lock);
    bool same = stamp_same(&accounts, &b->files.accounts_stamp) &&
                stamp_same(&map, &b->files.certmap_stamp) && clock_wall_us() < b->files.next_end;
    pthread_mutex_unlock(&b->lock);
    if (same && !force) return CIMF_OK;

    struct broker_files fresh = { .accounts = NULL };
    load(&b->config, &fresh, &own);
    pthread_mutex_lock(&b->lock);
    struct broker_files old = b->files;
    b->files = fresh;
    uint64_t generation = __atomic_add_fetch(&b->generation, 1, __ATOMIC_ACQ_REL);
    for (struct broker_watch *w = b->watches; w; w = w->next) w->changed(w, generation);
    pthread_mutex_unlock(&b->lock);
    if (own.status != CIMF_OK && (old.accounts || generation == 1))
        log_failure("auth", &own, "nobody can log in: the accounts cannot be read");
    broker_files_free(&old);
    OPENSSL_cleanse(&fresh.key, sizeof fresh.key);
    if (e) *e = own;
    return own.status;
}

struct accounts *broker_accounts(struct broker_local *b, uint64_t *generation)
{
    broker_refresh(b, false, NULL);
    pthread_mutex_lock(&b->lock);
    struct accounts *all = b->files.accounts ? accounts_ref(b->files.accounts) : NULL;
    if (generation) *generation = __atomic_load_n(&b->generation, __ATOMIC_ACQUIRE);
    pthread_mutex_unlock(&b->lock);
    return all;
}

struct certmap *broker_certmap(struct broker_local *b)
{
    broker_refresh(b, false, NULL);
    pthread_mutex_lock(&b->lock);
    struct certmap *map = b->files.certmap ? certmap_ref(b->files.certmap) : NULL;
    pthread_mutex_unlock(&b->lock);
    return map;
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
