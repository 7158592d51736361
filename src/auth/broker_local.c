/* The life of the real broker. */
#include <ctype.h>
#include <crypt.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/broker_priv.h"
#include "base/log.h"

static void defaults(struct auth_broker_config *c)
{
    static const char *const administrators[] = { "administrators", NULL };
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (!c->max_concurrent) c->max_concurrent = cpus > 3 ? (unsigned)cpus / 2 : 1;
    if (!c->max_waiting) c->max_waiting = 256;
    if (!c->max_waiting_address) c->max_waiting_address = 16;
    if (!c->max_exchanges) c->max_exchanges = 4096;
    if (!c->max_exchanges_address) c->max_exchanges_address = 64;
    if (!c->exchange_timeout_us) c->exchange_timeout_us = 30000000;
    if (!c->cache_us) c->cache_us = (int64_t)300 * 1000000;
    if (!c->delay_us) c->delay_us = 250000;
    if (!c->max_delay_us) c->max_delay_us = 30000000;
    if (!c->free_failures) c->free_failures = 2;
    if (!c->realm) c->realm = "WSMAN";
    if (!c->admin_groups) c->admin_groups = administrators;
}

static void copy(struct arena *a, const char **text)
{
    if (*text) *text = arena_strz(a, slice_str(*text));
}

static bool config_copy(struct broker_local *b, const struct auth_broker_config *from)
{
    struct auth_broker_config *c = &b->config;
    struct arena *a = &b->arena;
    *c = *from;
    defaults(c);
    copy(a, &c->accounts_path);
    copy(a, &c->key_path);
    copy(a, &c->certificates_path);
    copy(a, &c->pam_service);
    copy(a, &c->keytab);
    copy(a, &c->realm);
    copy(a, &c->netbios_name);
    copy(a, &c->initiate_user);
    unsigned count = 0;
    while (c->admin_groups[count]) count++;
    const char **groups = ARENA_ARRAY(a, (size_t)count + 1, const char *);
    for (unsigned i = 0; groups && i < count; i++) {
        groups[i] = c->admin_groups[i];
        copy(a, &groups[i]);
    }
    c->admin_groups = groups;
    return arena_status(a) == CIMF_OK && c->accounts_path;
}

/* What NTLM calls this machine: the host name's first label in upper case. */
static void names(struct broker_local *b)
{
    if (gethostname(b->host, sizeof b->host - 1) != 0) b->host[0] = 0;
    const char *from = b->config.netbios_name ? b->config.netbios_name : b->host;
    size_t n = 0;
    while (n < 15 && from[n] && (b->config.netbios_name || from[n] != '.')) {
        b->netbios[n] = (char)toupper((unsigned char)from[n]);
        n++;
    }
    if (n == 0) memcpy(b->netbios, "LOCALHOST", 10);
}

void broker_local_unref(struct broker_local *b)
{
    if (__atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL) != 0) return;
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->wake);
    map_free(&b->exchange_addresses);
    arena_free(&b->arena);
    free(b);
}

static void local_free(struct auth_broker *base)
{
    struct broker_local *b = broker_local(base);
    broker_queue_stop(b);
    broker_files_free(&b->files);
    failures_free(&b->failures);
    verified_free(&b->verified);
    free(b->dummy);
    b->dummy = NULL;
    broker_local_unref(b);
}

static cimf_status local_reload(struct auth_broker *b, struct error *e)
{
    return broker_refresh(broker_local(b), true, e);
}

static const struct broker_ops local_ops = {
    .free = local_free,
    .check_password = local_check_password,
    .check_cached = local_check_cached,
    .check_digest = local_check_digest,
    .check_certificate = local_check_certificate,
    .exchange_new = local_exchange_new,
    .exchange_step = local_exchange_step,
    .exchange_free = local_exchange_free,
    .generation = broker_generation,
    .refresh = local_refresh,
    .mappings = local_mappings,
    .resolve = local_resolve,
    .reload = local_reload,
};

cimf_status auth_broker_new(const struct auth_broker_config *config, struct auth_broker **out,
                            struct error *e)
{
    *out = NULL;
    struct broker_local *b = calloc(1, sizeof *b);
    if (!b) return error_set(e, CIMF_OUT_OF_MEMORY, "auth", "no memory for the broker");
    b->base.ops = &local_ops;
    b->refs = 1;
    arena_init(&b->arena, 0);
    bool ok = config_copy(b, config);
    broker_queue_start(b);
    failures_init(&b->failures, b->config.delay_us, b->config.max_delay_us,
                  b->config.free_failures);
    verified_init(&b->verified);
    map_init(&b->exchange_addresses, false);
    b->dummy = crypt_gensalt_ra("$y$", config->dummy_cost, NULL, 0);
    names(b);
    if (ok && b->dummy) {
        broker_refresh(b, true, NULL);
        ok = !config->pool || broker_queue_clock(b);
    }
    if (!ok || !b->dummy) {
        auth_broker_free(&b->base);
        return error_set(e, CIMF_OUT_OF_MEMORY, "auth", "the broker could not start");
    }
    *out = &b->base;
    return CIMF_OK;
}
