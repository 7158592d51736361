#include "base/utf.h"
#include "mech/ntlm_priv.h"

static bool target_info(struct ntlm *n, struct buf *b)
{
    const struct ntlm_server_config *c = &n->server;
    const struct {
        enum ntlm_av id;
        struct slice name;
    } names[] = {
        { NTLM_AV_NB_DOMAIN, c->domain.n ? c->domain : c->computer },
        { NTLM_AV_NB_COMPUTER, c->computer },
        { NTLM_AV_DNS_DOMAIN, c->dns_domain },
        { NTLM_AV_DNS_COMPUTER, c->dns_computer },
    };
    unsigned char time[8];
    uint64_t now = ntlm_filetime(mech_now(&n->options));
    bool ok = true;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && ok; i++) {
        if (i >= 2 && names[i].name.n == 0) continue;
        struct slice utf16 = ntlm_utf16(&n->arena, names[i].name);
        ok = utf16.p && ntlm_av_put(b, names[i].id, utf16);
    }
    for (int i = 0; i < 8; i++) time[i] = (unsigned char)(now >> 8 * i);
    /* No empty flags pair: Windows leaves such a one out of its MIC. */
    return ok && ntlm_av_put(b, NTLM_AV_TIMESTAMP, slice_of((char *)time, 8)) &&
           ntlm_av_put(b, NTLM_AV_EOL, SLICE(""));
}

/* Of a client that asks for these. One that neither signs nor seals may have short keys, as nothing comes of them,
 * and write its names as plain text (curl). */
static uint32_t demanded(const struct ntlm *n, uint32_t asked)
{
    uint32_t flags = NTLM_ESS;
    if (n->options.want & MECH_SIGN) flags |= NTLM_SIGN;
    if (n->options.want & MECH_SEAL) flags |= NTLM_SEAL;
    if (!((asked | flags) & (NTLM_SIGN | NTLM_SEAL))) return flags;
    return flags | NTLM_UNICODE | (n->server.allow_weak ? 0 : NTLM_128);
}

static enum mech_result challenge(struct ntlm *n, struct slice in, struct buf *out, struct error *e)
{
    const uint32_t echoed = NTLM_UNICODE | NTLM_REQUEST_TARGET | NTLM_SIGN | NTLM_SEAL | NTLM_NTLM |
                            NTLM_ALWAYS_SIGN | NTLM_ESS | NTLM_IDENTIFY | NTLM_VERSION | NTLM_128 |
                            NTLM_KEY_EXCH | NTLM_56;
    uint32_t required;
    struct ntlm_negotiate asked;
    struct ntlm_challenge c = { 0 };
    struct buf info;
    if (ntlm_negotiate_read(in, &asked, e) != CIMF_OK) return MECH_FAILED;
    required = demanded(n, asked.flags);
    if ((asked.flags & required) != required || !(asked.flags & (NTLM_UNICODE | NTLM_OEM))) {
        return ntlm_fail(e, CIMF_ACCESS_DENIED,
                         "the client offers less security than this server demands");
    }
    if (!mech_random(&n->options, n->server_challenge, 8)) {
        return ntlm_fail(e, CIMF_FAILED, "no randomness");
    }
    buf_init(&info, 0);
    c.flags = (asked.flags & echoed) | NTLM_NTLM | NTLM_TARGET_INFO | NTLM_TARGET_SERVER;
    if (!(c.flags & NTLM_UNICODE)) c.flags |= NTLM_OEM;
    memcpy(c.challenge, n->server_challenge, 8);
    c.target_name = c.flags & NTLM_UNICODE ? ntlm_utf16(&n->arena, n->server.computer) : n->server.computer;
    size_t mark = out->n;
    bool ok = target_info(n, &info);
    c.target_info = buf_slice(&info);
    ok = ok && ntlm_challenge_write(out, &c);
    buf_free(&info);
    if (ok) {
        n->negotiate = arena_dup(&n->arena, in);
        n->challenge = arena_dup(&n->arena, slice_of(out->p + mark, out->n - mark));
    }
    if (!ok || arena_status(&n->arena) != CIMF_OK) {
        return ntlm_fail(e, CIMF_OUT_OF_MEMORY, "no room for a token");
    }
    n->negotiated = c.flags;
    n->phase = NTLM_WAIT_AUTHENTICATE;
    return MECH_CONTINUE;
}

static enum mech_result denied(struct error *e)
{
    return ntlm_fail(e, CIMF_NOT_AUTHENTICATED, "the user name or password is not accepted");
}

/* Proves with the client's domain and with none (3.2.5.1.2, for clients that leave it out); both
 * always, so that time does not tell which, nor whether there is such a user. */
static bool v2_matches(struct ntlm *n, const unsigned char nt_hash[16],
                       const struct ntlm_v2_response *r, unsigned char key[NTLM_KEY])
{
    struct ntlm_v2_proof with = { 0 }, without = { 0 };
    bool ok = ntlm_ntowf_v2(nt_hash, n->mech.user, n->mech.domain, with.response_key) &&
              ntlm_ntowf_v2(nt_hash, n->mech.user, SLICE(""), without.response_key);
    bool first = false, second = false;
    if (ok) {
        ntlm_v2_prove(&with, n->server_challenge, r->blob);
        ntlm_v2_prove(&without, n->server_challenge, r->blob);
        first = mech_equal(with.proof, r->proof.p, NTLM_KEY);
        second = mech_equal(without.proof, r->proof.p, NTLM_KEY);
        memcpy(key, first ? with.base_key : without.base_key, NTLM_KEY);
    }
    explicit_bzero(&with, sizeof with);
    explicit_bzero(&without, sizeof without);
    return first || second;
}

static bool v1_matches(struct ntlm *n, const unsigned char nt_hash[16],
                       const struct ntlm_authenticate *a, unsigned char key[NTLM_KEY])
{
    unsigned char response[24], base[NTLM_KEY];
    if (a->lm.n != 24) return false;
    const unsigned char *lm = (const unsigned char *)a->lm.p;
    ntlm_v1_ess(nt_hash, n->server_challenge, lm, response);
    ntlm_v1_base_key(nt_hash, base);
    bool ok = ntlm_v1_kxkey(n->negotiated, base, NULL, lm, n->server_challenge, key) &&
              mech_equal(response, a->nt.p, sizeof response);
    explicit_bzero(base, sizeof base);
    return ok;
}

/* Channel bindings of the authenticated blob against ours. */
static bool bindings_hold(struct ntlm *n, const struct ntlm_avs *avs)
{
    static const unsigned char zero[16];
    unsigned char ours[16];
    bool sent = ntlm_av_has(avs, NTLM_AV_BINDINGS) &&
                memcmp(avs->value[NTLM_AV_BINDINGS].p, zero, sizeof zero) != 0;
    if (n->options.binding_level == MECH_BINDING_NONE) return true;
    if (!sent) return n->options.binding_level != MECH_BINDING_STRICT;
    if (n->options.bindings.n == 0) return n->options.binding_level != MECH_BINDING_STRICT;
    struct slice more = n->options.more_bindings;
    char text[MECH_BINDING_MAX];
    mech_binding_hash(n->options.bindings, ours);
    bool same = mech_equal(ours, avs->value[NTLM_AV_BINDINGS].p, sizeof ours);
    for (struct slice one; !same && (one = mech_binding_next(&more, text)).n;) {
        mech_binding_hash(one, ours);
        same = mech_equal(ours, avs->value[NTLM_AV_BINDINGS].p, sizeof ours);
    }
    if (same) n->mech.flags |= MECH_BOUND;
    return same;
}

/* Names of the message into the context, UTF-8. A NUL inside would make two names of one. */
static bool take_names(struct ntlm *n, const struct ntlm_authenticate *a)
{
    struct mech *m = &n->mech;
    return ntlm_name_read(&n->arena, a, a->user, &m->user) && ntlm_name_read(&n->arena, a, a->domain, &m->domain) &&
           ntlm_name_read(&n->arena, a, a->workstation, &m->workstation) &&
           slice_find(m->user, 0) == m->user.n && slice_find(m->domain, 0) == m->domain.n &&
           slice_find(m->workstation, 0) == m->workstation.n;
}

/* What the blob promises beyond its proof: a MIC, bindings, a fresh clock, the service meant. */
static enum mech_result check_blob(struct ntlm *n, const struct ntlm_v2_response *r,
                                   const struct ntlm_authenticate *a,
                                   const unsigned char key[NTLM_KEY], struct slice in,
                                   struct error *e)
{
    unsigned char mic[NTLM_MIC_SIZE];
    if (r->avs.flags & NTLM_AVF_MIC) {
        ntlm_mic(key, n->negotiate, n->challenge, in, mic);
        if (!a->has_room_for_mic || !mech_equal(mic, in.p + NTLM_MIC_OFFSET, sizeof mic)) {
            return ntlm_fail(e, CIMF_NOT_AUTHENTICATED, "the messages were changed on their way");
        }
        n->mech.flags |= MECH_LIST_MIC;
    } else if (!n->server.allow_no_mic) {
        return ntlm_fail(e, CIMF_ACCESS_DENIED,
                         "the client does not protect its messages with a MIC");
    }
    if (!bindings_hold(n, &r->avs)) {
        return ntlm_fail(e, CIMF_ACCESS_DENIED,
                         "the channel bindings are missing or of another channel");
    }
    if (n->server.max_skew_us > 0) {
        uint64_t now = ntlm_filetime(mech_now(&n->options));
        uint64_t apart = now > r->timestamp ? now - r->timestamp : r->timestamp - now;
        if (apart / 10 > (uint64_t)n->server.max_skew_us) {
            return ntlm_fail(e, CIMF_NOT_AUTHENTICATED, "the clocks are too far apart");
        }
    }
    if (ntlm_av_has(&r->avs, NTLM_AV_TARGET_NAME) && !(r->avs.flags & NTLM_AVF_UNVERIFIED_TARGET) &&
        utf16_to_utf8(&n->arena, r->avs.value[NTLM_AV_TARGET_NAME], UTF16_LE, true,
                      &n->mech.target) != CIMF_OK) {
        return ntlm_fail(e, CIMF_BAD_REQUEST, "the target name is not UTF-16");
    }
    return MECH_COMPLETE;
}

/* The flags of the last message may leave out services, never what is demanded, and add nothing. */
static const char *flags_unsound(struct ntlm *n, const struct ntlm_authenticate *a)
{
    uint32_t required = demanded(n, n->negotiated);
    n->negotiated &= a->flags;
    if ((n->negotiated & required) != required) {
        return "the client chose less security than this server demands";
    }
    if (!(n->negotiated & (NTLM_SIGN | NTLM_SEAL))) n->negotiated &= ~(uint32_t)NTLM_KEY_EXCH;
    if ((n->negotiated & NTLM_KEY_EXCH) && a->key.n != NTLM_KEY) return "there is no session key";
    return NULL;
}

static enum mech_result verify(struct ntlm *n, struct slice in, struct error *e)
{
    struct ntlm_authenticate a;
    struct ntlm_v2_response r;
    unsigned char nt_hash[NTLM_KEY], base[NTLM_KEY] = { 0 }, key[NTLM_KEY];
    if (ntlm_authenticate_read(in, &a, e) != CIMF_OK) return MECH_FAILED;
    const char *unsound = flags_unsound(n, &a);
    if (unsound) return ntlm_fail(e, CIMF_ACCESS_DENIED, unsound);
    if (!take_names(n, &a)) return ntlm_fail(e, CIMF_BAD_REQUEST, "a name is not sound text");
    if (a.user.n == 0) return denied(e); /* anonymous */
    bool v1 = a.nt.n <= 24;
    if (v1 ? !n->server.allow_v1 || a.nt.n != 24 : !ntlm_v2_response_read(a.nt, &r))
        return denied(e);
    bool known = n->server.lookup(n->server.lookup_arg, n->mech.user, n->mech.domain, nt_hash);
    if (!known) memset(nt_hash, 0, sizeof nt_hash);
    bool right = v1 ? v1_matches(n, nt_hash, &a, base) : v2_matches(n, nt_hash, &r, base);
    explicit_bzero(nt_hash, sizeof nt_hash);
    enum mech_result result = MECH_FAILED;
    if (!known || !right) {
        denied(e);
    } else {
        memcpy(key, base, sizeof key);
        if (n->negotiated & NTLM_KEY_EXCH) ntlm_rc4k(base, (const unsigned char *)a.key.p, key);
        if (!v1) {
            result = check_blob(n, &r, &a, key, in, e);
        } else if (n->options.binding_level == MECH_BINDING_STRICT) {
            ntlm_fail(e, CIMF_ACCESS_DENIED,
                      "the channel bindings are missing or of another channel");
        } else {
            result = MECH_COMPLETE;
        }
    }
    if (result == MECH_COMPLETE) ntlm_establish(n, key);
    explicit_bzero(base, sizeof base);
    explicit_bzero(key, sizeof key);
    return result;
}

static enum mech_result step(struct mech *m, struct slice in, struct buf *out, struct error *e)
{
    struct ntlm *n = (struct ntlm *)m;
    return n->phase == NTLM_START ? challenge(n, in, out, e) : verify(n, in, e);
}

static const struct mech_ops server_ops = NTLM_OPS(step);

cimf_status ntlm_server_new(const struct ntlm_server_config *config, struct mech **out,
                            struct error *e)
{
    struct ntlm *n = ntlm_alloc(&config->options, &server_ops, MECH_SERVER);
    *out = NULL;
    if (!n) return error_set(e, CIMF_OUT_OF_MEMORY, "ntlm", "no memory");
    n->server = *config;
    n->server.computer = arena_dup(&n->arena, config->computer);
    n->server.domain = arena_dup(&n->arena, config->domain);
    n->server.dns_computer = arena_dup(&n->arena, config->dns_computer);
    n->server.dns_domain = arena_dup(&n->arena, config->dns_domain);
    if (arena_status(&n->arena) != CIMF_OK) {
        ntlm_op_free(&n->mech);
        return error_set(e, CIMF_OUT_OF_MEMORY, "ntlm", "no memory");
    }
    *out = &n->mech;
    return CIMF_OK;
}
