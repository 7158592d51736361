#include "auth/sd.h"

enum { SD_HEADER = 20, ACL_HEADER = 8, ACE_HEADER = 4, GUID_BYTES = 16 };

enum shape { SHAPE_OPAQUE, SHAPE_PLAIN, SHAPE_OBJECT };

static enum shape ace_shape(uint8_t type)
{
    switch (type) {
    case ACE_ALLOW: case ACE_DENY: case ACE_AUDIT: case ACE_ALARM: case ACE_ALLOW_CALLBACK:
    case ACE_DENY_CALLBACK: case ACE_AUDIT_CALLBACK: case ACE_ALARM_CALLBACK: case ACE_LABEL:
    case ACE_RESOURCE_ATTRIBUTE: case ACE_SCOPED_POLICY:
        return SHAPE_PLAIN;
    case ACE_ALLOW_OBJECT: case ACE_DENY_OBJECT: case ACE_AUDIT_OBJECT: case ACE_ALARM_OBJECT:
    case ACE_ALLOW_CALLBACK_OBJECT: case ACE_DENY_CALLBACK_OBJECT: case ACE_AUDIT_CALLBACK_OBJECT:
    case ACE_ALARM_CALLBACK_OBJECT:
        return SHAPE_OBJECT;
    default:
        return SHAPE_OPAQUE;
    }
}

bool ace_has_object(const struct ace *ace) { return ace_shape(ace->type) == SHAPE_OBJECT; }

static cimf_status bad(struct error *e, const char *part, const char *what)
{
    return error_set(e, CIMF_INVALID_PARAMETER, "auth", "security descriptor: %s: %s", part, what);
}

static struct guid guid_read(struct cursor *c)
{
    struct guid g;
    g.data1 = cursor_u32le(c);
    g.data2 = cursor_u16le(c);
    g.data3 = cursor_u16le(c);
    struct slice rest = cursor_bytes(c, 8);
    memset(g.data4, 0, sizeof g.data4);
    if (rest.n) memcpy(g.data4, rest.p, 8);
    return g;
}

/* body: what follows the ACE header. */
static cimf_status ace_parse(struct arena *a, struct slice body, struct ace *ace, const char *part,
                             struct error *e)
{
    struct cursor c = cursor_of(body);
    enum shape shape = ace_shape(ace->type);
    ace->opaque = shape == SHAPE_OPAQUE;
    if (shape != SHAPE_OPAQUE) {
        ace->mask = cursor_u32le(&c);
        if (shape == SHAPE_OBJECT) {
            ace->object_flags = cursor_u32le(&c);
            if (ace->object_flags & ACE_OBJECT_PRESENT) ace->object = guid_read(&c);
            if (ace->object_flags & ACE_INHERITED_OBJECT_PRESENT) ace->inherited_object = guid_read(&c);
        }
        if (c.bad || !sid_read(&c, &ace->sid)) return bad(e, part, "an ACE's SID is not valid");
    }
    struct slice rest = cursor_bytes(&c, cursor_left(&c));
    if (rest.n == 0) return CIMF_OK;
    ace->data = arena_dup(a, rest);
    return ace->data.p ? CIMF_OK : error_set(e, CIMF_OUT_OF_MEMORY, "auth", "security descriptor");
}

static cimf_status acl_parse(struct arena *a, struct slice bytes, uint32_t offset, const char *part,
                             const struct acl **out, struct error *e)
{
    if (offset < SD_HEADER || offset > bytes.n) return bad(e, part, "the offset is outside");
    struct cursor c = cursor_of(slice_sub(bytes, offset));
    struct acl *acl = ARENA_NEW(a, struct acl);
    if (!acl) return error_set(e, CIMF_OUT_OF_MEMORY, "auth", "security descriptor");
    acl->revision = cursor_u8(&c);
    cursor_u8(&c);
    uint16_t size = cursor_u16le(&c), count = cursor_u16le(&c);
    cursor_u16le(&c);
    if (c.bad || size < ACL_HEADER || size - ACL_HEADER > (int)cursor_left(&c))
        return bad(e, part, "it does not fit");
    if (acl->revision != 2 && acl->revision != 4) return bad(e, part, "the revision is not 2 or 4");
    struct slice body = cursor_bytes(&c, (size_t)size - ACL_HEADER);
    if (count > SD_ACES_MAX || count > body.n / ACE_HEADER)
        return bad(e, part, "it counts more ACEs than fit");
    struct ace *aces = ARENA_ARRAY(a, count ? count : 1, struct ace);
    if (!aces) return error_set(e, CIMF_OUT_OF_MEMORY, "auth", "security descriptor");
    c = cursor_of(body);
    for (unsigned i = 0; i < count; i++) {
        aces[i].type = cursor_u8(&c);
        aces[i].flags = cursor_u8(&c);
        uint16_t ace_size = cursor_u16le(&c);
        if (c.bad || ace_size < ACE_HEADER || ace_size % 4 || ace_size - ACE_HEADER > (int)cursor_left(&c))
            return bad(e, part, "an ACE's size is not valid");
        cimf_status st = ace_parse(a, cursor_bytes(&c, (size_t)ace_size - ACE_HEADER), &aces[i], part, e);
        if (st != CIMF_OK) return st;
    }
    acl->aces = aces;
    acl->count = count;
    *out = acl;
    return CIMF_OK;
}

static cimf_status sid_at(struct arena *a, struct slice bytes, uint32_t offset, const char *part,
                          const struct sid **out, struct error *e)
{
    if (offset == 0) return CIMF_OK;
    if (offset < SD_HEADER || offset > bytes.n) return bad(e, part, "the offset is outside");
    struct cursor c = cursor_of(slice_sub(bytes, offset));
    struct sid *sid = ARENA_NEW(a, struct sid);
    if (!sid) return error_set(e, CIMF_OUT_OF_MEMORY, "auth", "security descriptor");
    if (!sid_read(&c, sid)) return bad(e, part, "the SID is not valid");
    *out = sid;
    return CIMF_OK;
}

cimf_status sd_parse(struct arena *a, struct slice bytes, const struct sd **out, struct error *e)
{
    if (bytes.n > SD_BYTES_MAX)
        return error_set(e, CIMF_QUOTA_VIOLATION, "auth", "security descriptor: longer than %d bytes",
                         SD_BYTES_MAX);
    struct cursor c = cursor_of(bytes);
    struct sd *sd = ARENA_NEW(a, struct sd);
    if (!sd) return error_set(e, CIMF_OUT_OF_MEMORY, "auth", "security descriptor");
    uint8_t revision = cursor_u8(&c), rm = cursor_u8(&c);
    sd->control = cursor_u16le(&c);
    uint32_t owner = cursor_u32le(&c), group = cursor_u32le(&c);
    uint32_t sacl = cursor_u32le(&c), dacl = cursor_u32le(&c);
    if (c.bad) return bad(e, "header", "it is cut off");
    if (revision != 1) return bad(e, "header", "the revision is not 1");
    if (!(sd->control & SD_SELF_RELATIVE)) return bad(e, "header", "it is not self-relative");
    sd->rm_control = sd->control & SD_RM_CONTROL_VALID ? rm : 0;
    /* An ACL that is there but said to be absent is two opinions about who may do what: refused. */
    if (sacl && !(sd->control & SD_SACL_PRESENT)) return bad(e, "SACL", "an offset without the flag");
    if (dacl && !(sd->control & SD_DACL_PRESENT)) return bad(e, "DACL", "an offset without the flag");

    cimf_status st = sid_at(a, bytes, owner, "owner", &sd->owner, e);
    if (st == CIMF_OK) st = sid_at(a, bytes, group, "group", &sd->group, e);
    if (st == CIMF_OK && sacl) st = acl_parse(a, bytes, sacl, "SACL", &sd->sacl, e);
    if (st == CIMF_OK && dacl) st = acl_parse(a, bytes, dacl, "DACL", &sd->dacl, e);
    if (st == CIMF_OK) *out = sd;
    return st;
}

static size_t ace_size(const struct ace *ace)
{
    size_t n = ACE_HEADER + ace->data.n;
    if (!ace->opaque) n += 4 + sid_size(&ace->sid);
    if (ace_has_object(ace)) {
        n += 4;
        if (ace->object_flags & ACE_OBJECT_PRESENT) n += GUID_BYTES;
        if (ace->object_flags & ACE_INHERITED_OBJECT_PRESENT) n += GUID_BYTES;
    }
    return (n + 3) & ~(size_t)3;
}

static size_t acl_size(const struct acl *acl)
{
    size_t n = ACL_HEADER;
    for (unsigned i = 0; i < acl->count; i++) n += ace_size(&acl->aces[i]);
    return n;
}

size_t sd_size(const struct sd *sd)
{
    return SD_HEADER + (sd->sacl ? acl_size(sd->sacl) : 0) + (sd->dacl ? acl_size(sd->dacl) : 0) +
           (sd->owner ? sid_size(sd->owner) : 0) + (sd->group ? sid_size(sd->group) : 0);
}

static void put16(struct buf *b, unsigned v)
{
    buf_byte(b, v & 0xFF);
    buf_byte(b, v >> 8 & 0xFF);
}

static void put32(struct buf *b, uint32_t v)
{
    put16(b, v & 0xFFFF);
    put16(b, v >> 16);
}

static void put_guid(struct buf *b, const struct guid *g)
{
    put32(b, g->data1);
    put16(b, g->data2);
    put16(b, g->data3);
    buf_add(b, g->data4, 8);
}

static void put_sid(struct buf *b, const struct sid *s)
{
    char bytes[SID_BYTES];
    sid_write(s, bytes);
    buf_add(b, bytes, sid_size(s));
}

static void put_ace(struct buf *b, const struct ace *ace)
{
    size_t size = ace_size(ace), start = b->n;
    buf_byte(b, ace->type);
    buf_byte(b, ace->flags);
    put16(b, (unsigned)size);
    if (!ace->opaque) {
        put32(b, ace->mask);
        if (ace_has_object(ace)) {
            put32(b, ace->object_flags);
            if (ace->object_flags & ACE_OBJECT_PRESENT) put_guid(b, &ace->object);
            if (ace->object_flags & ACE_INHERITED_OBJECT_PRESENT) put_guid(b, &ace->inherited_object);
        }
        put_sid(b, &ace->sid);
    }
    buf_slice_add(b, ace->data);
    while (buf_ok(b) && b->n - start < size) buf_byte(b, 0);
}

static void put_acl(struct buf *b, const struct acl *acl)
{
    uint8_t revision = acl->revision == 4 ? 4 : 2;
    for (unsigned i = 0; i < acl->count; i++)
        if (ace_has_object(&acl->aces[i])) revision = 4;
    buf_byte(b, revision);
    buf_byte(b, 0);
    put16(b, (unsigned)acl_size(acl));
    put16(b, acl->count);
    put16(b, 0);
    for (unsigned i = 0; i < acl->count; i++) put_ace(b, &acl->aces[i]);
}

cimf_status sd_write(const struct sd *sd, struct buf *out, struct error *e)
{
    /* An ACL's own 16-bit size is only a few bytes tighter than the whole. */
    if (sd_size(sd) > SD_BYTES_MAX || (sd->sacl && acl_size(sd->sacl) > UINT16_MAX) ||
        (sd->dacl && acl_size(sd->dacl) > UINT16_MAX))
        return error_set(e, CIMF_QUOTA_VIOLATION, "auth", "security descriptor: longer than %d bytes",
                         SD_BYTES_MAX);
    size_t sacl = SD_HEADER, dacl = sacl + (sd->sacl ? acl_size(sd->sacl) : 0);
    size_t owner = dacl + (sd->dacl ? acl_size(sd->dacl) : 0);
    size_t group = owner + (sd->owner ? sid_size(sd->owner) : 0);
    size_t mark = out->n;
    buf_byte(out, 1);
    buf_byte(out, sd->control & SD_RM_CONTROL_VALID ? sd->rm_control : 0);
    put16(out, sd->control | SD_SELF_RELATIVE | (sd->sacl ? SD_SACL_PRESENT : 0) |
                   (sd->dacl ? SD_DACL_PRESENT : 0));
    put32(out, sd->owner ? (uint32_t)owner : 0);
    put32(out, sd->group ? (uint32_t)group : 0);
    put32(out, sd->sacl ? (uint32_t)sacl : 0);
    put32(out, sd->dacl ? (uint32_t)dacl : 0);
    if (sd->sacl) put_acl(out, sd->sacl);
    if (sd->dacl) put_acl(out, sd->dacl);
    if (sd->owner) put_sid(out, sd->owner);
    if (sd->group) put_sid(out, sd->group);
    if (buf_ok(out)) return CIMF_OK;
    buf_cut(out, mark);
    return error_set(e, CIMF_OUT_OF_MEMORY, "auth", "security descriptor");
}
