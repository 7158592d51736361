#include "auth/access.h"

#define GENERIC                                                                                    \
    (ACCESS_GENERIC_READ | ACCESS_GENERIC_WRITE | ACCESS_GENERIC_EXECUTE | ACCESS_GENERIC_ALL)
#define STANDARD                                                                                   \
    (ACCESS_DELETE | ACCESS_READ_CONTROL | ACCESS_WRITE_DAC | ACCESS_WRITE_OWNER)
#define WRITES (ACCESS_WMI_FULL_WRITE | ACCESS_WMI_PARTIAL_WRITE | ACCESS_WMI_WRITE_PROVIDER)

const struct access_mapping access_namespace = {
    .read = ACCESS_WMI_ENABLE | ACCESS_READ_CONTROL,
    .write = WRITES,
    .execute = ACCESS_WMI_METHOD_EXECUTE,
    .all = ACCESS_WMI_ENABLE | ACCESS_WMI_METHOD_EXECUTE | WRITES | ACCESS_WMI_REMOTE_ENABLE |
           ACCESS_WMI_SUBSCRIBE | ACCESS_WMI_PUBLISH | ACCESS_READ_CONTROL | ACCESS_WRITE_DAC,
};

const struct access_mapping access_wsman = {
    .read = ACCESS_GENERIC_READ,
    .write = ACCESS_GENERIC_WRITE,
    .execute = ACCESS_GENERIC_EXECUTE,
    .all = ACCESS_GENERIC_READ | ACCESS_GENERIC_WRITE | ACCESS_GENERIC_EXECUTE | STANDARD,
};

uint32_t access_map(uint32_t mask, const struct access_mapping *m)
{
    uint32_t out = mask & ~GENERIC;
    if (mask & ACCESS_GENERIC_READ) out |= m->read;
    if (mask & ACCESS_GENERIC_WRITE) out |= m->write;
    if (mask & ACCESS_GENERIC_EXECUTE) out |= m->execute;
    if (mask & ACCESS_GENERIC_ALL) out |= m->all;
    return out;
}

struct builder {
    struct sid *sids;
    unsigned count, room;
};

static void add(struct builder *b, const struct sid *s)
{
    for (unsigned i = 0; i < b->count; i++)
        if (sid_eq(&b->sids[i], s)) return;
    if (b->count < b->room) b->sids[b->count++] = *s;
}

static void add_known(struct builder *b, enum sid_known which)
{
    struct sid s = sid_known(which);
    add(b, &s);
}

static void add_scheme(struct builder *b, enum auth_scheme scheme)
{
    if (scheme == AUTH_NTLM) add_known(b, SID_NTLM);
    else if (scheme == AUTH_CERTIFICATE) add_known(b, SID_SCHANNEL);
    else if (scheme == AUTH_DIGEST) add_known(b, SID_DIGEST);
}

static void add_account(struct builder *b, const struct principal *p)
{
    struct sid s;
    bool guest = false;
    if (p->has_posix && sid_of_uid(p->uid, &s)) add(b, &s);
    if (p->has_posix && sid_of_gid(p->gid, &s)) add(b, &s);
    for (unsigned i = 0; i < p->group_count; i++) {
        if (!sid_builtin(p->groups[i], &s)) continue;
        /* Only the broker says who is an administrator. */
        if (sid_is(&s, SID_ADMINISTRATORS)) continue;
        guest |= sid_is(&s, SID_GUESTS);
        add(b, &s);
    }
    if (p->administrator) add_known(b, SID_ADMINISTRATORS);
    add_known(b, SID_EVERYONE);
    if (!guest) {
        add_known(b, SID_AUTHENTICATED);
        add_known(b, SID_USERS);
    }
    add_known(b, SID_THIS_ORGANIZATION);
    if (p->domain.n == 0) {
        add_known(b, SID_LOCAL_ACCOUNT);
        if (p->administrator) add_known(b, SID_LOCAL_ADMINISTRATOR);
    }
    add_scheme(b, p->scheme);
}

cimf_status access_token_make(struct arena *a, const struct principal *p, const struct sid *more,
                              unsigned more_count, const struct access_token **out, struct error *e)
{
    struct sid user;
    if (!p || !sid_parse(slice_str(p->sid), &user))
        return error_set(e, CIMF_INVALID_PARAMETER, "auth", "the principal has no valid SID");
    if (p->group_count > ACCESS_TOKEN_SIDS - ACCESS_TOKEN_OWN || more_count > ACCESS_TOKEN_SIDS - ACCESS_TOKEN_OWN - p->group_count)
        return error_set(e, CIMF_INVALID_PARAMETER, "auth", "the principal is in too many groups");
    struct access_token *t = ARENA_NEW(a, struct access_token);
    struct builder b = { .room = ACCESS_TOKEN_OWN + p->group_count + more_count };
    b.sids = ARENA_ARRAY(a, b.room, struct sid);
    if (!t || !b.sids) return error_set(e, CIMF_OUT_OF_MEMORY, "auth", "token");
    bool anonymous = p->scheme == AUTH_NONE || sid_is(&user, SID_ANONYMOUS);
    add(&b, &user);
    if (p->scheme == AUTH_LOCAL) {
        add_known(&b, SID_INTERACTIVE);
        add_known(&b, SID_LOCAL);
    } else {
        add_known(&b, SID_NETWORK);
    }
    if (!anonymous) {
        add_account(&b, p);
        for (unsigned i = 0; i < more_count; i++) add(&b, &more[i]);
        t->security = t->take_ownership = p->administrator;
    }
    t->sids = b.sids;
    t->count = b.count;
    *out = t;
    return CIMF_OK;
}

bool access_token_has(const struct access_token *t, const struct sid *s)
{
    for (unsigned i = 0; i < t->count; i++)
        if (sid_eq(&t->sids[i], s)) return true;
    return false;
}

enum effect { EFFECT_NONE, EFFECT_ALLOW, EFFECT_DENY };

static enum effect ace_effect(const struct ace *ace)
{
    if (ace->opaque || (ace->flags & ACE_INHERIT_ONLY)) return EFFECT_NONE;
    bool typed = ace->object_flags & ACE_OBJECT_PRESENT;
    switch (ace->type) {
    case ACE_ALLOW: return EFFECT_ALLOW;
    case ACE_DENY: case ACE_DENY_CALLBACK: return EFFECT_DENY;
    case ACE_ALLOW_OBJECT: return typed ? EFFECT_NONE : EFFECT_ALLOW;
    case ACE_DENY_OBJECT: case ACE_DENY_CALLBACK_OBJECT: return typed ? EFFECT_NONE : EFFECT_DENY;
    default: return EFFECT_NONE;
    }
}

struct ownership {
    bool owner;            /* the caller owns the object */
    bool owner_rights;     /* some ACE names OWNER RIGHTS */
};

static struct ownership ownership(const struct access_token *t, const struct sd *sd)
{
    struct ownership s = { .owner = sd->owner && access_token_has(t, sd->owner) };
    for (unsigned i = 0; sd_has_dacl(sd) && i < sd->dacl->count; i++) {
        const struct ace *ace = &sd->dacl->aces[i];
        s.owner_rights |= !ace->opaque && !(ace->flags & ACE_INHERIT_ONLY) &&
                          sid_is(&ace->sid, SID_OWNER_RIGHTS);
    }
    return s;
}

static bool ace_matches(const struct access_token *t, const struct ace *ace, bool owner)
{
    return sid_is(&ace->sid, SID_OWNER_RIGHTS) ? owner : access_token_has(t, &ace->sid);
}

static uint32_t maximum(const struct access_token *t, const struct sd *sd, bool owner,
                        const struct access_mapping *m)
{
    uint32_t allowed = 0, denied = 0;
    for (unsigned i = 0; i < sd->dacl->count; i++) {
        const struct ace *ace = &sd->dacl->aces[i];
        enum effect effect = ace_effect(ace);
        if (effect == EFFECT_NONE || !ace_matches(t, ace, owner)) continue;
        *(effect == EFFECT_ALLOW ? &allowed : &denied) |= access_map(ace->mask, m);
    }
    return allowed & ~denied;
}

/* Every bit of `want` is allowed by an ACE before one denies it. */
static bool covered(const struct access_token *t, const struct sd *sd, uint32_t want, bool owner,
                    const struct access_mapping *m)
{
    for (unsigned i = 0; want && i < sd->dacl->count; i++) {
        const struct ace *ace = &sd->dacl->aces[i];
        enum effect effect = ace_effect(ace);
        if (effect == EFFECT_NONE || !ace_matches(t, ace, owner)) continue;
        uint32_t mask = access_map(ace->mask, m);
        if (effect == EFFECT_ALLOW) want &= ~mask;
        else if (want & mask) return false;
    }
    return want == 0;
}

cimf_status access_check(const struct access_token *t, const struct sd *sd, uint32_t desired,
                         const struct access_mapping *m, uint32_t *granted)
{
    /* Bits that no ACE can give. */
    const uint32_t special = ACCESS_MAXIMUM_ALLOWED | ACCESS_SYSTEM_SECURITY;
    if (granted) *granted = 0;
    if (!t || !sd || !m || desired == 0) return CIMF_ACCESS_DENIED;
    desired = access_map(desired, m);
    bool most = desired & ACCESS_MAXIMUM_ALLOWED;
    uint32_t want = desired & ~special, have = 0;
    if (desired & ACCESS_SYSTEM_SECURITY) {
        if (!t->security) return CIMF_ACCESS_DENIED;
        have |= ACCESS_SYSTEM_SECURITY;
    }
    if (!want && !most && !have) return CIMF_ACCESS_DENIED; /* a mapping that gives nothing */
    if (!sd_has_dacl(sd)) {
        have |= want | (most ? m->all & ~special : 0);
    } else {
        struct ownership s = ownership(t, sd);
        if (t->take_ownership && (want & ACCESS_WRITE_OWNER)) have |= ACCESS_WRITE_OWNER;
        if (s.owner && !s.owner_rights)
            have |= (ACCESS_READ_CONTROL | ACCESS_WRITE_DAC) & (most ? UINT32_MAX : want);
        if (most) have |= maximum(t, sd, s.owner, m) & ~special;
        else if (covered(t, sd, want & ~have, s.owner, m)) have |= want;
    }
    if ((want & ~have) || have == 0) return CIMF_ACCESS_DENIED;
    if (granted) *granted = have;
    return CIMF_OK;
}

bool access_audited(const struct access_token *t, const struct sd *sd, uint32_t mask, bool granted,
                    const struct access_mapping *m)
{
    if (!sd || !sd->sacl) return false;
    uint8_t flag = granted ? ACE_AUDIT_SUCCESS : ACE_AUDIT_FAILURE;
    mask = access_map(mask, m);
    for (unsigned i = 0; i < sd->sacl->count; i++) {
        const struct ace *ace = &sd->sacl->aces[i];
        bool audits = ace->type == ACE_AUDIT || ace->type == ACE_AUDIT_CALLBACK ||
                      ((ace->type == ACE_AUDIT_OBJECT || ace->type == ACE_AUDIT_CALLBACK_OBJECT) &&
                       !(ace->object_flags & ACE_OBJECT_PRESENT));
        if (!audits || (ace->flags & ACE_INHERIT_ONLY) || !(ace->flags & flag)) continue;
        if (!(access_map(ace->mask, m) & mask)) continue;
        /* An audit of everybody means also those who are no members of Everyone, and who have no token. */
        if (sid_is(&ace->sid, SID_EVERYONE) || (t && access_token_has(t, &ace->sid))) return true;
    }
    return false;
}
