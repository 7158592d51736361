/* The mechanism of an exchange: made from the configuration; whom a token claims to come from. */
#include "auth/broker_exchange.h"

#include <openssl/crypto.h>

#include "mech/kerberos.h"
#include "mech/ntlm.h"
#include "mech/ntlm_message.h"
#include "mech/spnego.h"
#include "mech/spnego_token.h"

/* The NTLM message in a token, bare or in SPNEGO's answer; type 3 is the only one that names a user. */
static bool authenticate_of(struct slice token, struct ntlm_authenticate *out)
{
    struct spnego_resp r;
    if (!ntlm_message_type(token)) {
        if (spnego_resp_read(token, &r, NULL) != CIMF_OK || !r.token.p) return false;
        token = r.token;
    }
    return ntlm_message_type(token) == 3 && ntlm_authenticate_read(token, out, NULL) == CIMF_OK;
}

struct slice exchange_claimed(struct arena *a, struct slice token)
{
    struct ntlm_authenticate m;
    struct slice user;
    if (!authenticate_of(token, &m) || m.user.n == 0 || !ntlm_name_read(a, &m, m.user, &user)) return SLICE_NULL;
    return user;
}

/* The names are not authenticated yet. What the attempt was delayed for must be what is verified now: a
 * token that hides its user from exchange_claimed gets nowhere. A domain is no reason to refuse: clients
 * send their own machine's for local accounts, and the password proves the account. */
static bool lookup(void *arg, struct slice user, struct slice domain, unsigned char nt_hash[16])
{
    struct exchange_local *x = arg;
    struct broker_local *b = x->broker;
    unsigned char secret[ACCOUNT_SECRET_MAX];
    struct buf key;
    buf_init(&key, 4096);
    bool expected = broker_key(b, user, &key) && slice_eq(buf_slice(&key), x->key);
    buf_free(&key);
    struct accounts *all = broker_accounts(b, NULL);
    const struct account *a = broker_account(b, all, user);
    bool real = broker_secret(b, all, a, ACCOUNT_NTLM, secret);
    memcpy(nt_hash, secret, 16);
    OPENSSL_cleanse(secret, sizeof secret);
    real = real && expected && broker_active(a);
    x->rid = real ? a->rid : 0;
    accounts_unref(all);
    return real;
}

static struct mech_options options_of(const struct exchange_local *x)
{
    struct mech_options o = { .want = x->config.want };
    if (x->config.bindings.n == 0) return o; /* no channel: nothing to bind to */
    o.bindings = x->config.bindings;
    o.more_bindings = x->config.more_bindings;
    o.binding_level = x->config.binding_level > x->broker->config.binding_level ? x->config.binding_level
                                                                                  : x->broker->config.binding_level;
    return o;
}

/* A MIC keeps a relay from changing what was agreed on. Where every call is signed (DCE/RPC at integrity and above) a relay
 * has no key to sign with: there the tools that send none (impacket, aiowmi) are as good. One that was promised is still due. */
static bool mic_may_lack(const struct exchange_local *x)
{
    bool signs = x->config.service == AUTH_SERVICE_RPC && x->config.want & MECH_SIGN;
    return x->broker->config.ntlm_allow_no_mic || signs;
}

static cimf_status ntlm_new(struct exchange_local *x, struct mech **out, struct error *e)
{
    const struct broker_local *b = x->broker;
    struct ntlm_server_config c = {
        .options = options_of(x),
        .lookup = lookup,
        .lookup_arg = x,
        .computer = slice_str(b->netbios),
        .dns_computer = slice_str(b->host),
        .allow_no_mic = mic_may_lack(x),
        .allow_weak = b->config.ntlm_allow_weak,
        .allow_v1 = b->config.ntlm_allow_v1,
    };
    return ntlm_server_new(&c, out, e);
}

static cimf_status switched_off(struct error *e, const char *what)
{
    return error_set(e, CIMF_AUTH_SCHEME, "auth", "%s is switched off", what);
}

/* A client that does not speak Kerberos needs no look at the keytab. */
static bool wants_kerberos(struct slice token)
{
    struct spnego_init init;
    if (ntlm_message_type(token)) return false;
    if (spnego_init_read(token, &init, NULL) != CIMF_OK) return true; /* perhaps Kerberos' own framing */
    for (size_t i = 0; i < init.mech_count; i++)
        if (slice_eq(init.mechs[i], SPNEGO_OID_KERBEROS) || slice_eq(init.mechs[i], SPNEGO_OID_MS_KERBEROS)) return true;
    return false;
}

cimf_status exchange_mech_new(struct exchange_local *x, struct slice token, struct error *e)
{
    const struct auth_broker_config *c = &x->broker->config;
    struct mech *candidates[SPNEGO_MECHS];
    size_t count = 0;
    cimf_status status = CIMF_OK;
    if (x->config.initiate) return exchange_initiate_new(x, &x->mech, e);
    if (x->config.mechanism == AUTH_MECH_NTLM)
        return c->ntlm ? ntlm_new(x, &x->mech, e) : switched_off(e, "NTLM");
    if (x->config.mechanism == AUTH_MECH_KERBEROS)
        return c->kerberos ? exchange_kerberos_new(x, options_of(x), &x->mech, e)
                           : switched_off(e, "Kerberos");
    if (c->kerberos && wants_kerberos(token) &&
        exchange_kerberos_new(x, options_of(x), &candidates[count], e) == CIMF_OK)
        count++;
    if (c->ntlm) {
        status = ntlm_new(x, &candidates[count], e);
        if (status == CIMF_OK) count++;
    }
    if (count == 0) return status != CIMF_OK ? status : switched_off(e, "Negotiate");
    return spnego_server_new(candidates, count, &x->mech, e);
}

const char *exchange_mech_name(const struct exchange_local *x)
{
    static const char *const names[] = { [AUTH_MECH_NEGOTIATE] = "Negotiate", [AUTH_MECH_NTLM] = "NTLM",
                                         [AUTH_MECH_KERBEROS] = "Kerberos" };
    struct mech *m = x->mech && x->config.mechanism == AUTH_MECH_NEGOTIATE ? spnego_chosen(x->mech) : x->mech;
    return m ? m->ops->name : names[x->config.mechanism];
}
