#include <krb5/krb5.h>

#include "base/utf.h"
#include "mech/kerberos_priv.h"
#include "mech/spnego.h"
#include "mech/spnego_token.h"

enum { RAW_AP_REQ = 0x6e /* [APPLICATION 14], as DCE style sends it */ };

static enum mech_result fail(struct error *e, cimf_status status, const char *text)
{
    error_set(e, status, "kerberos", "%s", text);
    return MECH_FAILED;
}

/* Both spellings of the OID are equally long, so that one overwrites the other. False: not framed so. */
static bool respell(char *p, size_t n, struct slice from, struct slice to)
{
    struct slice inside = spnego_framed(slice_of(p, n), from);
    if (!inside.p) return false;
    memcpy((char *)inside.p - to.n, to.p, to.n);
    return true;
}

/* The client's first token as the library takes it: a copy in b. */
static enum mech_result unframe(struct kerberos *k, struct slice in, struct buf *b, struct error *e)
{
    static const struct slice ap_req = { "\x01\x00", 2 }; /* the token's id */
    struct buf name;
    if (!buf_slice_add(b, in)) return fail(e, CIMF_OUT_OF_MEMORY, "no memory for a token");
    k->raw = in.n && (unsigned char)in.p[0] == RAW_AP_REQ;
    struct slice message = in;
    if (!k->raw) {
        k->misspelt = respell(b->p, b->n, SPNEGO_OID_MS_KERBEROS, SPNEGO_OID_KERBEROS);
        message = spnego_framed(buf_slice(b), SPNEGO_OID_KERBEROS);
        if (!message.p || !slice_starts(message, ap_req)) {
            return fail(e, CIMF_BAD_REQUEST, "not a first token of Kerberos");
        }
        message = slice_sub(message, ap_req.n);
    }
    buf_init(&name, 1024);
    bool named = kerberos_ticket_service(message, &name);
    if (named) k->asked = arena_dup(&k->arena, buf_slice(&name));
    buf_free(&name);
    /* DCE style goes without the framing, and the library insists. Windows does not, and clients exist that frame it; the
     * style is in what is encrypted, so it is tried. */
    if (!k->raw && k->options.want & MECH_DCE_STYLE && !k->framed) {
        memmove(b->p, message.p, message.n);
        b->n = message.n;
        k->raw = k->unframed = true;
        k->misspelt = false;
    }
    return named && k->asked.p ? MECH_CONTINUE
                               : fail(e, CIMF_BAD_REQUEST, "a ticket for no service with a name");
}

/* Text of a name in the arena. */
static struct slice display(struct kerberos *k, gss_name_t name)
{
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;
    struct slice out = SLICE_NULL;
    if (!GSS_ERROR(gss_display_name(&minor, name, &text, NULL))) {
        out = arena_dup(&k->arena, slice_of(text.value, text.length));
    }
    gss_release_buffer(&minor, &text);
    return utf8_valid(out) ? out : SLICE_NULL;
}

/* "name@REALM" as libkrb5 writes it: a '\' takes the meaning from what follows. */
static bool split(struct slice text, struct slice *name, struct slice *realm)
{
    size_t at = 0;
    while (at < text.n && text.p[at] != '@') at += text.p[at] == '\\' ? 2 : 1;
    if (at == 0 || at + 1 >= text.n) return false;
    *name = slice_head(text, at);
    *realm = slice_sub(text, at + 1);
    return true;
}

static cimf_status take_pac(struct kerberos *k, gss_name_t client)
{
    gss_buffer_desc name = { sizeof "urn:mspac:logon-info" - 1, "urn:mspac:logon-info" };
    gss_buffer_desc value = GSS_C_EMPTY_BUFFER, text = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;
    int authenticated = 0, complete = 0, more = -1;
    OM_uint32 major = gss_get_name_attribute(&minor, client, &name, &authenticated, &complete,
                                             &value, &text, &more);
    if (!GSS_ERROR(major) && authenticated) {
        k->mech.pac_logon_info = arena_dup(&k->arena, slice_of(value.value, value.length));
    }
    gss_release_buffer(&minor, &value);
    gss_release_buffer(&minor, &text);
    return arena_status(&k->arena);
}

/* Names, and what the names decide. */
static enum mech_result identify(struct kerberos *k, gss_name_t client, struct error *e)
{
    struct mech *m = &k->mech;
    gss_name_t service = GSS_C_NO_NAME;
    OM_uint32 minor, major;
    if (!split(display(k, client), &m->user, &m->domain)) {
        return fail(e, CIMF_NOT_AUTHENTICATED, "a client without a readable name");
    }
    if (slice_starts(m->user, SLICE("WELLKNOWN/")) || slice_starts(m->domain, SLICE("WELLKNOWN:"))) {
        return fail(e, CIMF_NOT_AUTHENTICATED, "an anonymous client");
    }
    major = gss_inquire_context(&minor, k->context, NULL, &service, NULL, NULL, NULL, NULL, NULL);
    if (GSS_ERROR(major)) {
        kerberos_error(e, major, minor, "the ticket's service");
        return MECH_FAILED;
    }
    struct slice owner = display(k, service);
    gss_release_name(&minor, &service);
    m->target = k->asked;
    if (owner.n == 0 || !kerberos_class_served(k, k->asked) || !kerberos_key_served(k, owner)) {
        error_set(e, CIMF_NOT_AUTHENTICATED, "kerberos",
                  "the ticket is for '" SLICE_FMT "' with the key of '" SLICE_FMT
                  "', which is not served here", SLICE_ARG(k->asked), SLICE_ARG(owner));
        return MECH_FAILED;
    }
    if (take_pac(k, client) != CIMF_OK) return fail(e, CIMF_OUT_OF_MEMORY, "no memory for the PAC");
    return MECH_COMPLETE;
}

static enum mech_result finish(struct kerberos *k, gss_name_t client, OM_uint32 granted,
                               struct error *e)
{
    if (granted & GSS_C_ANON_FLAG) return fail(e, CIMF_NOT_AUTHENTICATED, "an anonymous client");
    if (k->options.binding_level == MECH_BINDING_STRICT && !(granted & GSS_C_CHANNEL_BOUND_FLAG)) {
        return fail(e, CIMF_ACCESS_DENIED, "the client does not send channel bindings");
    }
    if (!k->delegated) granted &= ~(OM_uint32)GSS_C_DELEG_FLAG;
    enum mech_result result = identify(k, client, e);
    if (result == MECH_COMPLETE && kerberos_establish(k, granted, e) != CIMF_OK) result = MECH_FAILED;
    return result;
}

static enum mech_result accept(struct kerberos *k, struct slice in, struct buf *out,
                               struct error *e)
{
    bool look = k->options.binding_level != MECH_BINDING_NONE;
    gss_buffer_desc given = { in.n, (char *)in.p }, token = GSS_C_EMPTY_BUFFER;
    gss_name_t client = GSS_C_NO_NAME;
    OM_uint32 minor, ignored, granted = 0;
    OM_uint32 major = gss_accept_sec_context(
        &minor, &k->context, k->credential, &given,
        look ? kerberos_channel(k) : GSS_C_NO_CHANNEL_BINDINGS, &client, NULL, &token, &granted,
        NULL, &k->delegated);
    enum mech_result result = MECH_CONTINUE;
    if (GSS_ERROR(major)) {
        kerberos_error(e, major, minor, "the ticket is refused");
        k->framed = k->unframed && GSS_ROUTINE_ERROR(major) == GSS_S_DEFECTIVE_TOKEN &&
                    minor != (OM_uint32)KRB5KRB_AP_ERR_REPEAT;
        result = MECH_FAILED;
    } else if (!(major & GSS_S_CONTINUE_NEEDED)) {
        result = finish(k, client, granted, e);
    } else if (!k->raw || minor) { /* answered with an error message */
        result = fail(e, CIMF_BAD_REQUEST, "not the first message of Kerberos");
    }
    if (result != MECH_FAILED && token.length) {
        size_t mark = out->n;
        if (buf_add(out, token.value, token.length) && k->misspelt) {
            respell(out->p + mark, token.length, SPNEGO_OID_KERBEROS, SPNEGO_OID_MS_KERBEROS);
        }
    }
    gss_release_buffer(&ignored, &token); /* on failure too: it would tell the peer why */
    if (client) gss_release_name(&ignored, &client);
    return result;
}

/* Of several bindings that would do, the one of this token goes into the options. The library compares with
 * one, and after the token is in the replay cache; so the others are tried without that cache. */
static void choose_bindings(struct kerberos *k, struct slice in)
{
    gss_buffer_desc given = { in.n, (char *)in.p };
    struct slice more = k->options.more_bindings, first = k->options.bindings, one = first;
    char text[MECH_BINDING_MAX];
    OM_uint32 minor, major = GSS_S_BAD_BINDINGS;
    if (k->options.binding_level == MECH_BINDING_NONE || more.n == 0 || !k->trial) return;
    while (GSS_ROUTINE_ERROR(major) == GSS_S_BAD_BINDINGS) {
        gss_ctx_id_t context = GSS_C_NO_CONTEXT;
        gss_buffer_desc token = GSS_C_EMPTY_BUFFER;
        k->options.bindings = one;
        major = gss_accept_sec_context(&minor, &context, k->trial, &given, kerberos_channel(k), NULL,
                                       NULL, &token, NULL, NULL, NULL);
        gss_release_buffer(&minor, &token);
        if (context) gss_delete_sec_context(&minor, &context, GSS_C_NO_BUFFER);
        if (GSS_ROUTINE_ERROR(major) == GSS_S_BAD_BINDINGS) {
            one = mech_binding_next(&more, text);
            if (one.n == 0) break;
        }
    }
    bool other = !GSS_ERROR(major) && one.p != first.p;
    k->options.bindings = other ? arena_dup(&k->arena, one) : first;
}

static cimf_status acquire(const char *keytab, bool replay_cache_off, gss_cred_id_t *out,
                           struct error *e)
{
    gss_OID_set_desc mechs = { 1, (gss_OID)gss_mech_krb5 };
    gss_key_value_element_desc elements[2];
    gss_key_value_set_desc store = { 0, elements };
    OM_uint32 minor;
    if (keytab) elements[store.count++] = (gss_key_value_element_desc){ "keytab", keytab };
    if (replay_cache_off) {
        elements[store.count++] = (gss_key_value_element_desc){ "rcache", "none:" };
    }
    OM_uint32 major = gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &mechs,
                                            GSS_C_ACCEPT, &store, out, NULL, NULL);
    if (!GSS_ERROR(major)) return CIMF_OK;
    kerberos_error(e, major, minor, "the keytab has no keys");
    if (e) e->status = CIMF_NOT_FOUND;
    return CIMF_NOT_FOUND;
}

static enum mech_result first(struct kerberos *k, struct slice in, struct buf *out, struct error *e)
{
    struct buf copy;
    buf_init(&copy, LIMIT_MECH_TOKEN);
    enum mech_result result = unframe(k, in, &copy, e);
    if (result == MECH_CONTINUE) {
        choose_bindings(k, buf_slice(&copy));
        result = accept(k, buf_slice(&copy), out, e);
    }
    buf_free(&copy);
    return result;
}

/* The same token in the other style. It is in the replay cache by now, and was not there before: so without that cache. */
static enum mech_result again(struct kerberos *k, struct slice in, struct buf *out, struct error *e)
{
    OM_uint32 minor;
    if (!k->trial && acquire(k->keytab, true, &k->trial, e) != CIMF_OK) return MECH_FAILED;
    gss_release_cred(&minor, &k->credential);
    k->credential = k->trial;
    k->trial = NULL;
    return first(k, in, out, e);
}

static enum mech_result step(struct mech *m, struct slice in, struct buf *out, struct error *e)
{
    struct kerberos *k = (struct kerberos *)m;
    if (k->started) return accept(k, in, out, e); /* DCE style's third leg */
    k->started = true;
    enum mech_result result = first(k, in, out, e);
    return result == MECH_FAILED && k->framed ? again(k, in, out, e) : result;
}

static const struct mech_ops server_ops = KERBEROS_OPS(step);

cimf_status kerberos_server_new(const struct kerberos_server_config *config, struct mech **out,
                                struct error *e)
{
    struct kerberos *k = kerberos_alloc(&config->options, &server_ops, MECH_SERVER);
    *out = NULL;
    if (!k) return error_set(e, CIMF_OUT_OF_MEMORY, "kerberos", "no memory for a context");
    cimf_status status = CIMF_OK;
    for (const char *const *s = config->services; s && *s && status == CIMF_OK; s++) {
        if (k->service_count == KERBEROS_SERVICES) {
            status = error_set(e, CIMF_INVALID_PARAMETER, "kerberos", "too many service classes");
        } else {
            k->services[k->service_count++] = arena_dup(&k->arena, slice_str(*s));
        }
    }
    if (config->keytab) k->keytab = arena_strz(&k->arena, slice_str(config->keytab));
    if (status == CIMF_OK && arena_status(&k->arena) != CIMF_OK) {
        status = error_set(e, CIMF_OUT_OF_MEMORY, "kerberos", "no memory for a context");
    }
    if (status == CIMF_OK) {
        status = acquire(config->keytab, config->replay_cache_off, &k->credential, e);
    }
    if (status == CIMF_OK && k->options.more_bindings.n) {
        status = acquire(config->keytab, true, &k->trial, e);
    }
    if (status != CIMF_OK) {
        kerberos_op_free(&k->mech);
        return status;
    }
    *out = &k->mech;
    return CIMF_OK;
}

cimf_status kerberos_store_delegated(struct mech *m, const char *ccache, struct error *e)
{
    gss_key_value_element_desc element = { "ccache", ccache };
    gss_key_value_set_desc store = { 1, &element };
    OM_uint32 minor;
    struct mech *chosen = spnego_chosen(m);
    if (chosen) m = chosen;
    struct kerberos *k = (struct kerberos *)m;
    if (m->ops != &server_ops || !k->delegated || !(m->flags & MECH_DELEGATE)) {
        return error_set(e, CIMF_INVALID_OPERATION, "kerberos", "no ticket was forwarded");
    }
    OM_uint32 major = gss_store_cred_into(&minor, k->delegated, GSS_C_INITIATE,
                                          (gss_OID)gss_mech_krb5, 1, 1, &store, NULL, NULL);
    return GSS_ERROR(major) ? kerberos_error(e, major, minor, "the forwarded ticket") : CIMF_OK;
}
