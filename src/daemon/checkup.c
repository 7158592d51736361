#include "daemon/checkup_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/state.h"

void checkup_add(struct checkup *x, cimf_status status, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (status != CIMF_OK) x->fatal++;
    if (x->count == CHECKUP_FINDINGS) return;
    x->findings[x->count++] = (struct finding){ status != CIMF_OK, status, arena_dup(&x->arena, slice_str(text)).p };
}

/* Who the processes of a daemon that root starts become. */
static void users(struct checkup *x)
{
    struct identity who[ROLE_COUNT];
    static const enum config_key keys[] = { CONFIG_cimd_user, CONFIG_cimd_auth_user };
    unsigned before = x->count;
    struct error e = ERROR_INIT;
    if (geteuid() != 0) return;
    for (int i = 0; i < ROLE_COUNT; i++)
        if (state_user(x->config, keys[i], &who[i], &e) != CIMF_OK) checkup_add(x, e.status, "%s", error_text(&e));
    if (x->count == before && state_users(x->config, who, &e) != CIMF_OK) checkup_add(x, e.status, "%s", error_text(&e));
}

/* Half of WMI is of use to nobody. The rest of a daemon need not stay away for that. */
static void wmi(struct checkup *x)
{
    bool map = checkup_set(x, CONFIG_listen_epmap), wmi = checkup_set(x, CONFIG_listen_wmi);
    if (map && !wmi)
        checkup_add(x, CIMF_OK, "listen.epmap is set and listen.wmi is not: clients of WMI find the endpoint mapper, and nothing behind it; "
                                "set listen.wmi, too (port 0 will do), or neither");
    if (wmi && !map)
        checkup_add(x, CIMF_OK, "listen.wmi is set and listen.epmap is not: no client of WMI gets in, for each begins at the endpoint mapper; "
                                "set listen.epmap, too (they look for it at port 135), or neither");
    if (checkup_set(x, CONFIG_wmi_callback_password_file) && !checkup_set(x, CONFIG_wmi_callback_user))
        checkup_add(x, CIMF_OK, "wmi.callback_password_file is set and wmi.callback_user is not: the daemon has no account to log in with at clients");
    bool calls = checkup_set(x, CONFIG_wmi_callback_user) || config_on(x->config, CONFIG_wmi_callback_anonymous);
    if (calls && !map && !wmi)
        checkup_add(x, CIMF_OK, "wmi.callback_%s is of no use without listen.epmap and listen.wmi",
                    checkup_set(x, CONFIG_wmi_callback_user) ? "user" : "anonymous");
}

/* Schemes that are on and never offered. */
static void logins(struct checkup *x)
{
    const struct config *c = x->config;
    bool tls = checkup_set(x, CONFIG_listen_https);
    if (config_on(c, CONFIG_auth_basic) && !tls && !config_on(c, CONFIG_auth_allow_unencrypted))
        checkup_add(x, CIMF_OK, "auth.basic is on, but nobody can use it: it needs listen.https, or auth.allow_unencrypted = on");
    if (config_on(c, CONFIG_auth_certificate) && !(tls && checkup_set(x, CONFIG_tls_client_ca)))
        checkup_add(x, CIMF_OK, "auth.certificate is on, but no client is asked for one: set %s", tls ? "tls.client_ca" : "listen.https and tls.client_ca");
    if (!tls && (checkup_set(x, CONFIG_tls_certificate) || checkup_set(x, CONFIG_tls_client_ca)))
        checkup_add(x, CIMF_OK, "tls.%s is not used: listen.https is empty", checkup_set(x, CONFIG_tls_certificate) ? "certificate" : "client_ca");
}

cimf_status checkup_run(struct checkup *x, struct config *config, bool parse, struct error *e)
{
    struct error why = ERROR_INIT;
    *x = (struct checkup){ .config = config };
    arena_init(&x->arena, 1 << 20);
    cimf_status status = config_check(config, &why);
    if (status != CIMF_OK) checkup_add(x, status, "%s", error_text(&why));
    users(x);
    checkup_folders(x);
    checkup_addresses(x);
    checkup_files(x, parse);
    logins(x);
    wmi(x);
    if (status != CIMF_OUT_OF_MEMORY && !x->arena.overflow && !config->arena.overflow) return CIMF_OK;
    checkup_free(x);
    return error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "no memory to check the configuration");
}

void checkup_free(struct checkup *x) { arena_free(&x->arena); }
