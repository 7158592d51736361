#include "daemon/settings.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/audit.h"
#include "base/log.h"
#include "client/settings.h"

#define PREFIX "setting:"
#define CLIENT "client." /* in the tree of the protocol */

struct settings {
    struct wsman_settings wsman; /* first: the protocol's pointer is ours */
    struct repo *repo;
    const struct config *file;   /* without changes */
    pthread_mutex_t lock;        /* of what follows */
    struct config now;
    settings_apply *apply;
    void *apply_arg;
};

/* A change on its way through the writer of the repository. */
struct change {
    struct settings *settings;
    const struct principal *by;
    const struct wsman_setting *list; /* the caller's, until done */
    unsigned count;
    struct exec *home;           /* where done is called */
    wsman_settings_done *done;
    void *arg;
    cimf_status status;
    struct error error;
};

/* --- reading ---------------------------------------------------------------------------------- */

/* The client's settings are another file's, that of the machine: they are read each time. Of one that clients could not
 * read either the defaults are shown. */
static bool client_get(struct slice key, struct arena *a, struct slice *value, bool *locked)
{
    struct client_settings c;
    struct error e = ERROR_INIT;
    int k = 0;
    struct slice name = slice_sub(key, sizeof CLIENT - 1);
    if (client_settings_read(&c, CLIENT_SYSTEM_FILE, NULL, &e) != CIMF_OK) log_failure("cimd", &e, "the client's settings");
    for (; k < CLIENT_SETTINGS; k++) { /* "auth.basic" is client.basic here */
        struct slice last, own = slice_str(client_setting_name(k));
        slice_split(own, '.', &last);
        if (slice_eq(last, name) && k != CLIENT_policy_locked) break;
    }
    bool known = k < CLIENT_SETTINGS && c.at[k].text;
    /* A switch that is on has the number 1, however it was spelled; no other setting has. */
    *value = known ? arena_dup(a, slice_str(c.at[k].number == 1 ? "on" : c.at[k].text)) : SLICE_NULL;
    *locked = known && c.locked[k];
    client_settings_free(&c);
    return value->p != NULL;
}

static bool settings_get(struct wsman_settings *w, const char *key, struct arena *a, struct slice *value,
                         bool *locked)
{
    struct settings *s = (struct settings *)w;
    if (slice_starts(slice_str(key), SLICE(CLIENT))) return client_get(slice_str(key), a, value, locked);
    pthread_mutex_lock(&s->lock);
    const char *text = config_find(&s->now, slice_str(key));
    *value = text ? arena_dup(a, slice_str(text)) : SLICE_NULL;
    *locked = config_locked(&s->now, slice_str(key));
    pthread_mutex_unlock(&s->lock);
    return value->p != NULL;
}

/* --- changing --------------------------------------------------------------------------------- */

/* The configuration as it would be. */
static cimf_status with_changes(const struct config *now, const struct wsman_setting *list, unsigned count,
                                struct config *out, struct error *e)
{
    struct buf text;
    buf_init(&text, 0);
    cimf_status status = config_copy(out, now, e);
    for (unsigned i = 0; i < count && status == CIMF_OK; i++) {
        buf_clear(&text);
        buf_slice_add(&text, slice_str(list[i].key));
        buf_byte(&text, '=');
        buf_slice_add(&text, list[i].value);
        buf_byte(&text, 0);
        status = buf_ok(&text) ? config_set(out, text.p, e) : CIMF_OUT_OF_MEMORY;
    }
    if (status == CIMF_OK) status = config_check(out, e);
    buf_free(&text);
    if (status != CIMF_OK) config_free(out);
    return status;
}

static cimf_status check(struct settings *s, const struct wsman_setting *list, unsigned count, struct error *e)
{
    struct config next;
    for (unsigned i = 0; i < count; i++)
        if (slice_starts(slice_str(list[i].key), SLICE(CLIENT)))
            return error_set(e, CIMF_WSMAN_FEATURE_RETIRED, "cimd", "the client's settings are changed in " CLIENT_SYSTEM_FILE
                             " of this machine: this service may not write there");
    pthread_mutex_lock(&s->lock);
    cimf_status status = CIMF_OK;
    for (unsigned i = 0; i < count && status == CIMF_OK; i++) {
        if (!config_locked(&s->now, slice_str(list[i].key))) continue;
        status = error_set(e, CIMF_ACCESS_DENIED, "cimd", "%s is locked by policy", list[i].key);
    }
    if (status == CIMF_OK) {
        status = with_changes(&s->now, list, count, &next, e);
        if (status == CIMF_OK) config_free(&next);
        else if (status != CIMF_OUT_OF_MEMORY) status = e->status = CIMF_WSMAN_SCHEMA_VALIDATION;
    }
    pthread_mutex_unlock(&s->lock);
    return status;
}

static cimf_status store(struct repo_txn *txn, void *arg, struct error *e)
{
    const struct change *c = arg;
    char name[128];
    cimf_status status = CIMF_OK;
    for (unsigned i = 0; i < c->count && status == CIMF_OK; i++) {
        snprintf(name, sizeof name, PREFIX "%s", c->list[i].key);
        status = repo_put_setting(txn, SLICE_NULL, slice_str(name), c->list[i].value, e);
    }
    return status;
}

/* Durable: now in force. Changes that came meanwhile are kept, as this starts from what is there now. */
static void put_in_force(struct settings *s, const struct change *c)
{
    struct config next;
    struct error e = ERROR_INIT;
    pthread_mutex_lock(&s->lock);
    if (with_changes(&s->now, c->list, c->count, &next, &e) == CIMF_OK) {
        config_free(&s->now);
        s->now = next;
        if (s->apply) s->apply(s->apply_arg, &s->now);
    } else {
        log_failure("cimd", &e, "stored settings are not in force before the next start");
    }
    pthread_mutex_unlock(&s->lock);
}

static void tell(void *arg)
{
    struct change *c = arg;
    principal_unref(c->by);
    c->done(c->arg, c->status, &c->error);
    free(c);
}

/* On the repository's writer thread, so that changes come into force in the order in which they became durable. */
static void stored(void *arg, cimf_status status, const struct error *e)
{
    struct change *c = arg;
    c->status = status;
    if (e) c->error = *e;
    if (status == CIMF_OK) put_in_force(c->settings, c);
    for (unsigned i = 0; i < c->count; i++) {
        struct audit_record r = { .event = AUDIT_CONFIG_CHANGED, .principal = c->by, .status = status,
                                  .object = slice_str(c->list[i].key), .detail = c->list[i].value };
        audit_write(&r);
    }
    if (!exec_post(c->home, tell, c)) tell(c); /* the home's loop has ended: nobody else will */
}

static void settings_set(struct wsman_settings *w, const struct principal *by, const struct wsman_setting *list,
                         unsigned count, struct exec *home, wsman_settings_done *done, void *arg)
{
    struct settings *s = (struct settings *)w;
    struct error e = ERROR_INIT;
    struct change *c = NULL;
    cimf_status status = check(s, list, count, &e);
    if (status == CIMF_OK && !(c = malloc(sizeof *c)))
        status = error_set(&e, CIMF_OUT_OF_MEMORY, "cimd", "no memory for the change");
    if (status == CIMF_OK) {
        *c = (struct change){ .settings = s, .by = principal_ref(by), .list = list, .count = count, .home = home, .done = done,
                              .arg = arg, .error = ERROR_INIT };
        status = repo_write(s->repo, store, c, NULL, stored, &e);
        if (status == CIMF_OK) return;
        principal_unref(c->by);
    }
    free(c);
    done(arg, status, &e);
}

/* --- life ------------------------------------------------------------------------------------- */

/* One change of an earlier run. */
static cimf_status recall(void *arg, struct slice name, struct slice value)
{
    struct settings *s = arg;
    struct config next;
    struct error e = ERROR_INIT;
    char key[128];
    struct slice rest = slice_sub(name, sizeof PREFIX - 1);
    if (rest.n >= sizeof key) return CIMF_OK;
    snprintf(key, sizeof key, SLICE_FMT, SLICE_ARG(rest));
    if (config_locked(&s->now, rest)) {
        log_info("cimd", "a stored setting is locked by policy: key=%s", key);
        return CIMF_OK;
    }
    struct wsman_setting one = { key, value };
    if (with_changes(&s->now, &one, 1, &next, &e) == CIMF_OK) {
        config_free(&s->now);
        s->now = next;
    } else {
        log_failure("cimd", &e, "a stored setting is left out");
    }
    return CIMF_OK;
}

/* s->now from the file and what the repository has. */
static cimf_status recall_all(struct settings *s, struct error *e)
{
    struct repo_txn *txn = NULL;
    cimf_status status = config_copy(&s->now, s->file, e);
    if (status != CIMF_OK) return status;
    status = repo_read_begin(s->repo, &txn, e);
    if (status != CIMF_OK) return status;
    status = repo_list_settings(txn, SLICE_NULL, SLICE(PREFIX), recall, s, e);
    repo_read_end(txn);
    return status;
}

cimf_status settings_reload(struct settings *s, struct error *e)
{
    pthread_mutex_lock(&s->lock);
    struct config was = s->now;
    s->now = (struct config){ 0 };
    cimf_status status = recall_all(s, e);
    config_free(status == CIMF_OK ? &was : &s->now);
    if (status != CIMF_OK) s->now = was;
    else if (s->apply) s->apply(s->apply_arg, &s->now);
    pthread_mutex_unlock(&s->lock);
    return status;
}

cimf_status settings_new(const struct config *config, struct repo *repo, struct settings **out,
                         struct error *e)
{
    struct settings *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s) return error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "no memory for the settings");
    s->wsman = (struct wsman_settings){ settings_get, settings_set };
    s->repo = repo;
    s->file = config;
    pthread_mutex_init(&s->lock, NULL);
    cimf_status status = recall_all(s, e);
    if (status != CIMF_OK) {
        settings_free(s);
        return status;
    }
    *out = s;
    return CIMF_OK;
}

void settings_free(struct settings *s)
{
    if (!s) return;
    config_free(&s->now);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void settings_on_change(struct settings *s, settings_apply *apply, void *arg)
{
    pthread_mutex_lock(&s->lock);
    s->apply = apply;
    s->apply_arg = arg;
    pthread_mutex_unlock(&s->lock);
}

const struct config *settings_now(const struct settings *s) { return &s->now; }

struct wsman_settings *settings_wsman(struct settings *s) { return &s->wsman; }
