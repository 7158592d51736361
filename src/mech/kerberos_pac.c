/*
 * KERB_VALIDATION_INFO (MS-PAC 2.5) in NDR with type serialization 1 (MS-RPCE 2.2.6): who the user is and
 * which groups he is in, as his realm says. One pass: the fixed part, then what its pointers point to, in the
 * order of the pointers; every count is compared with the count that the array itself carries and with the
 * bytes left before anything is allocated.
 */
#include "base/cursor.h"
#include "base/limits.h"
#include "base/utf.h"
#include "mech/kerberos.h"

enum {
    SUBAUTHORITIES = 15,           /* of a SID */
    SID_HEAD = 8,                  /* revision, count, authority */
    FLAG_EXTRA_SIDS = 0x20,        /* UserFlags: the extra SIDs count */
    FLAG_RESOURCE_GROUPS = 0x200,  /* ... the resource groups do */
    GROUP_ENABLED = 4,             /* attributes of a membership */
    GROUP_DENY_ONLY = 0x10,
};

struct text { /* RPC_UNICODE_STRING */
    uint16_t length, maximum;
    uint32_t pointer;
};
struct sids {
    struct arena *a;
    struct slice *list;
    unsigned count, room;
};

static cimf_status bad(struct error *e, const char *what)
{
    return error_set(e, CIMF_BAD_REQUEST, "kerberos", "malformed PAC: %s", what);
}

static struct text text_head(struct cursor *c)
{
    struct text t;
    t.length = cursor_u16le(c);
    t.maximum = cursor_u16le(c);
    t.pointer = cursor_u32le(c);
    return t;
}

/* A conformant varying array of UTF-16; false: its counts are not the ones of the head. */
static bool text_body(struct cursor *c, const struct text *t, struct slice *utf16)
{
    *utf16 = SLICE("");
    if (!t->pointer) return t->length == 0;
    cursor_align(c, 4);
    uint32_t maximum = cursor_u32le(c), offset = cursor_u32le(c), actual = cursor_u32le(c);
    if (t->length % 2 || t->length > t->maximum || maximum != t->maximum / 2u || offset ||
        actual != t->length / 2u) {
        return false;
    }
    *utf16 = cursor_bytes(c, t->length);
    return !c->bad;
}

/* The count in front of a conformant array, which must be the one promised and fit what is left. */
static bool array_head(struct cursor *c, uint32_t promised, size_t element)
{
    cursor_align(c, 4);
    return cursor_u32le(c) == promised && promised <= cursor_left(c) / element;
}

/* A SID as MS-DTYP has it; its count of subauthorities stands in front once more. */
static bool sid_body(struct cursor *c, struct slice *sid)
{
    cursor_align(c, 4);
    uint32_t count = cursor_u32le(c);
    if (count > SUBAUTHORITIES) return false;
    *sid = cursor_bytes(c, SID_HEAD + 4 * (size_t)count);
    return !c->bad && sid->p[0] == 1 && (unsigned char)sid->p[1] == count;
}

static uint32_t subauthority(struct slice sid, unsigned i)
{
    struct cursor c = cursor_of(sid);
    cursor_seek(&c, SID_HEAD + 4 * (size_t)i);
    return cursor_u32le(&c);
}

/* What a realm may say of a user at the boundary of a member (MS-PAC 4.1.2.2): identities of domains, asserted
 * ones, extensions. Never what only this machine decides: built-in groups, "everyone", the system's own and
 * (in Samba's and our notation) POSIX users. */
static bool passes(struct slice sid)
{
    static const unsigned char nt[] = { 0, 0, 0, 0, 0, 5 }, passport[] = { 0, 0, 0, 0, 0, 10 },
                               asserted[] = { 0, 0, 0, 0, 0, 18 };
    unsigned count = (unsigned char)sid.p[1];
    const char *authority = sid.p + 2;
    if (memcmp(authority, passport, 6) == 0 || memcmp(authority, asserted, 6) == 0) return count > 0;
    if (memcmp(authority, nt, 6) != 0 || count == 0) return false;
    switch (subauthority(sid, 0)) {
    case 21: return count == 5;      /* domain and RID, no less, no more */
    case 9: case 15: return count == 1; /* enterprise domain controllers, this organisation */
    default: return subauthority(sid, 0) >= 1000;
    }
}

static bool sids_add(struct sids *s, struct slice sid)
{
    if (!passes(sid)) return true;
    struct slice copy = arena_dup(s->a, sid);
    if (!copy.p || s->count == s->room) return false;
    s->list[s->count++] = copy;
    return true;
}

/* domain and one more subauthority. */
static bool sids_add_rid(struct sids *s, struct slice domain, uint32_t rid)
{
    unsigned char sid[SID_HEAD + 4 * SUBAUTHORITIES];
    if (!domain.p || (unsigned char)domain.p[1] >= SUBAUTHORITIES) return false;
    memcpy(sid, domain.p, domain.n);
    sid[1]++;
    for (size_t i = 0; i < 4; i++) sid[domain.n + i] = (unsigned char)(rid >> 8 * i);
    return sids_add(s, slice_of((char *)sid, domain.n + 4));
}

static bool counts(uint32_t attributes)
{
    return (attributes & GROUP_ENABLED) && !(attributes & GROUP_DENY_ONLY);
}

/* Pairs of RID and attributes, read where they stand. */
static bool groups_add(struct sids *s, struct slice domain, struct slice groups, bool *has, uint32_t rid)
{
    struct cursor c = cursor_of(groups);
    while (cursor_left(&c)) {
        uint32_t group = cursor_u32le(&c), attributes = cursor_u32le(&c);
        if (!counts(attributes)) continue;
        if (!sids_add_rid(s, domain, group)) return false;
        if (has && group == rid) *has = true;
    }
    return true;
}

/* The fixed part. */
struct info {
    struct text account, texts[5], server, domain; /* texts: full name, script, profile, home, drive */
    uint32_t user_id, primary_group, group_count, groups, user_flags, domain_sid;
    uint32_t extra_count, extra, resource_sid, resource_count, resource;
};

static void info_read(struct cursor *c, struct info *i)
{
    cursor_skip(c, 6 * 8); /* times */
    i->account = text_head(c);
    for (int k = 0; k < 5; k++) i->texts[k] = text_head(c);
    cursor_skip(c, 4); /* logon counts */
    i->user_id = cursor_u32le(c);
    i->primary_group = cursor_u32le(c);
    i->group_count = cursor_u32le(c);
    i->groups = cursor_u32le(c);
    i->user_flags = cursor_u32le(c);
    cursor_skip(c, 16); /* session key */
    i->server = text_head(c);
    i->domain = text_head(c);
    i->domain_sid = cursor_u32le(c);
    cursor_skip(c, 8 + 4 + 4 + 8 + 8 + 4 + 4); /* reserved, account control, status, last logons */
    i->extra_count = cursor_u32le(c);
    i->extra = cursor_u32le(c);
    i->resource_sid = cursor_u32le(c);
    i->resource_count = cursor_u32le(c);
    i->resource = cursor_u32le(c);
}

/* What the pointers point to. */
struct referents {
    struct slice account, domain; /* UTF-16 */
    struct slice groups, domain_sid, resource_sid, resource;
    struct slice extra;           /* pairs of pointer and attributes */
    struct slice *extra_sids;
};

static bool memberships(struct cursor *c, uint32_t pointer, uint32_t count, struct slice *out)
{
    *out = SLICE("");
    if (!pointer) return count == 0;
    if (!array_head(c, count, 8)) return false;
    *out = cursor_bytes(c, (size_t)count * 8);
    return true;
}

static const char *extra_read(struct cursor *c, const struct info *i, struct arena *a,
                              struct referents *r)
{
    if (!memberships(c, i->extra, i->extra_count, &r->extra)) return "the extra SIDs";
    /* Each points to at least a count and the head of a SID. */
    if (i->extra_count > cursor_left(c) / (4 + SID_HEAD)) return "the number of extra SIDs";
    r->extra_sids = ARENA_ARRAY(a, i->extra_count + 1, struct slice);
    if (!r->extra_sids) return "its size";
    struct cursor pairs = cursor_of(r->extra);
    for (uint32_t k = 0; k < i->extra_count; k++) {
        uint32_t pointer = cursor_u32le(&pairs);
        cursor_skip(&pairs, 4);
        if (!pointer || !sid_body(c, &r->extra_sids[k])) return "an extra SID";
    }
    return NULL;
}

/* NULL, or what is wrong. */
static const char *referents_read(struct cursor *c, const struct info *i, struct arena *a,
                                  struct referents *r)
{
    struct slice ignored;
    if (!text_body(c, &i->account, &r->account)) return "the account's name";
    for (int k = 0; k < 5; k++) {
        if (!text_body(c, &i->texts[k], &ignored)) return "a text";
    }
    if (!memberships(c, i->groups, i->group_count, &r->groups)) return "the groups";
    if (!text_body(c, &i->server, &ignored)) return "the server's name";
    if (!text_body(c, &i->domain, &r->domain)) return "the domain's name";
    if (i->domain_sid && !sid_body(c, &r->domain_sid)) return "the domain's SID";
    const char *wrong = extra_read(c, i, a, r);
    if (wrong) return wrong;
    if (i->resource_sid && !sid_body(c, &r->resource_sid)) return "the resource domain's SID";
    if (!memberships(c, i->resource, i->resource_count, &r->resource)) return "the resource groups";
    return c->bad ? "its end is missing" : NULL;
}

static const char *collect(struct sids *s, const struct info *i, const struct referents *r)
{
    bool primary = false;
    size_t groups = r->groups.n / 8, resource = r->resource.n / 8;
    s->room = (unsigned)(2 + groups + resource + i->extra_count);
    s->list = ARENA_ARRAY(s->a, s->room, struct slice);
    if (!s->list) return "its size";
    /* Without a RID the first extra SID is the user's own. */
    if (i->user_id && !sids_add_rid(s, r->domain_sid, i->user_id)) return "the user's SID";
    bool takes_extra = i->user_flags & FLAG_EXTRA_SIDS;
    if (!i->user_id && (!takes_extra || i->extra_count == 0)) return "a user without a SID";
    if (!i->user_id && !sids_add(s, r->extra_sids[0])) return "the user's SID";
    if (s->count == 0) return "a user's SID that no realm gives";
    if (!groups_add(s, r->domain_sid, r->groups, &primary, i->primary_group)) return "a group's SID";
    if (i->user_id && i->primary_group && !primary &&
        !sids_add_rid(s, r->domain_sid, i->primary_group)) {
        return "the primary group's SID";
    }
    struct cursor pairs = cursor_of(r->extra);
    for (uint32_t k = 0; takes_extra && k < i->extra_count; k++) {
        cursor_skip(&pairs, 4);
        bool own = k == 0 && !i->user_id;
        if (counts(cursor_u32le(&pairs)) && !own && !sids_add(s, r->extra_sids[k])) {
            return "an extra SID";
        }
    }
    if ((i->user_flags & FLAG_RESOURCE_GROUPS) &&
        !groups_add(s, r->resource_sid, r->resource, NULL, 0)) {
        return "a resource group's SID";
    }
    return NULL;
}

/* The two headers of type serialization and the pointer to it all; c becomes the object alone. */
static bool open_object(struct slice ndr, struct cursor *c)
{
    *c = cursor_of(ndr);
    bool version = cursor_u8(c) == 1 && cursor_u8(c) == 0x10; /* 1, little-endian */
    bool size = cursor_u16le(c) == 8;
    cursor_skip(c, 4);
    uint32_t length = cursor_u32le(c);
    cursor_skip(c, 4);
    if (c->bad || !version || !size || length > cursor_left(c)) return false;
    *c = cursor_of(cursor_bytes(c, length));
    return cursor_u32le(c) != 0 && !c->bad;
}

cimf_status kerberos_pac_read(struct arena *a, struct slice ndr, struct kerberos_pac *out,
                              struct error *e)
{
    struct cursor c;
    struct info info;
    struct referents r = { .extra = SLICE_NULL };
    struct sids sids = { .a = a };
    memset(out, 0, sizeof *out);
    if (ndr.n > LIMIT_MECH_TOKEN || !open_object(ndr, &c)) return bad(e, "its header");
    info_read(&c, &info);
    const char *wrong = c.bad ? "its end is missing" : referents_read(&c, &info, a, &r);
    if (!wrong) wrong = collect(&sids, &info, &r);
    if (!wrong && (utf16_to_utf8(a, r.account, UTF16_LE, true, &out->account) != CIMF_OK ||
                   utf16_to_utf8(a, r.domain, UTF16_LE, true, &out->domain) != CIMF_OK)) {
        wrong = "a name that is not UTF-16";
    }
    if (arena_status(a) != CIMF_OK) {
        memset(out, 0, sizeof *out);
        return error_set(e, CIMF_OUT_OF_MEMORY, "kerberos", "no memory for a PAC");
    }
    if (wrong) {
        memset(out, 0, sizeof *out);
        return bad(e, wrong);
    }
    out->sids = sids.list;
    out->sid_count = sids.count;
    return CIMF_OK;
}
