#include "auth/sddl_priv.h"

struct reader {
    struct arena *a;
    struct slice text;
    size_t at;
    const struct sid *domain;
    struct error *e;
};

/* The place is given as bytes before it. */
static cimf_status fail_at(struct reader *r, size_t at, cimf_status status, const char *what)
{
    error_set(r->e, status, "auth", "SDDL: %s", what);
    error_place(r->e, 1, (unsigned)at + 1);
    return status;
}

static cimf_status wrong(struct reader *r, size_t at, const char *what)
{
    return fail_at(r, at, CIMF_INVALID_SYNTAX, what);
}

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static void skip_blanks(struct reader *r)
{
    while (r->at < r->text.n && is_blank(r->text.p[r->at])) r->at++;
}

static struct slice rest(const struct reader *r) { return slice_sub(r->text, r->at); }

static bool take(struct reader *r, const char *word)
{
    struct slice w = slice_str(word);
    skip_blanks(r);
    if (!slice_istarts(rest(r), w)) return false;
    r->at += w.n;
    return true;
}

static cimf_status read_sid(struct reader *r, struct sid *out)
{
    skip_blanks(r);
    size_t n = sid_text_read(rest(r), out);
    if (n) {
        r->at += n;
        return CIMF_OK;
    }
    if (slice_istarts(rest(r), SLICE("S-"))) return wrong(r, r->at, "not a valid SID");
    if (rest(r).n < 2) return wrong(r, r->at, "a SID is missing");
    switch (sid_by_code(rest(r).p, r->domain, out)) {
    case SID_CODE_OK:
        r->at += 2;
        return CIMF_OK;
    case SID_CODE_DOMAIN:
        return wrong(r, r->at, "these letters need a domain, and there is none");
    default:
        return wrong(r, r->at, "not the letters of a SID");
    }
}

/* The row of the table that s is, without case; NULL if none. */
static const struct sddl_word *word_in(struct slice s, const struct sddl_word *words)
{
    for (; words->text[0]; words++)
        if (slice_ieq(s, slice_str(words->text))) return words;
    return NULL;
}

/* What stands before the next semicolon, bracket or end, without blanks at the ends. */
static struct slice field(struct reader *r, size_t *start)
{
    skip_blanks(r);
    *start = r->at;
    while (r->at < r->text.n && !strchr(";()", r->text.p[r->at])) r->at++;
    size_t end = r->at;
    while (end > *start && is_blank(r->text.p[end - 1])) end--;
    return slice_of(r->text.p + *start, end - *start);
}

static cimf_status semicolon(struct reader *r)
{
    return take(r, ";") ? CIMF_OK : wrong(r, r->at, "a semicolon is missing");
}

static cimf_status read_type(struct reader *r, bool dacl, struct ace *ace)
{
    static const struct sddl_word refused[] = { { "XA", 0 }, { "XD", 0 }, { "XU", 0 }, { "ZA", 0 },
                                                { "RA", 0 }, { "", 0 } };
    size_t start;
    struct slice s = field(r, &start);
    if (word_in(s, refused))
        return fail_at(r, start, CIMF_NOT_SUPPORTED,
                       "conditional ACEs and resource attributes are not supported");
    const struct sddl_word *type = word_in(s, sddl_types);
    if (!type) return wrong(r, start, "not an ACE type");
    if (sddl_type_in_dacl(type->value) != dacl)
        return wrong(r, start, dacl ? "this ACE type belongs in the SACL"
                                    : "this ACE type belongs in the DACL");
    ace->type = (uint8_t)type->value;
    return semicolon(r);
}

static cimf_status read_flags(struct reader *r, struct ace *ace)
{
    size_t start;
    struct slice s = field(r, &start);
    for (size_t i = 0; i < s.n;) {
        if (is_blank(s.p[i])) {
            i++;
            continue;
        }
        const struct sddl_word *w = word_in(slice_head(slice_sub(s, i), 2), sddl_flags);
        if (!w) return wrong(r, start + i, "not an ACE flag");
        ace->flags |= (uint8_t)w->value;
        i += 2;
    }
    return semicolon(r);
}

/* 0x hexadecimal, 0 octal, or decimal; at most 32 bits. */
static bool number(struct slice s, uint32_t *out)
{
    unsigned base = 10;
    if (s.n > 1 && s.p[0] == '0') {
        base = (s.p[1] | 0x20) == 'x' ? 16 : 8;
        s = slice_sub(s, base == 16 ? 2 : 1);
    }
    uint64_t v = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i], low = (char)(c | 0x20);
        unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0')
                         : low >= 'a' && low <= 'f' ? (unsigned)(low - 'a' + 10) : 16;
        if (digit >= base) return false;
        v = v * base + digit;
        if (v > UINT32_MAX) return false;
    }
    *out = (uint32_t)v;
    return s.n > 0;
}

static cimf_status read_rights(struct reader *r, struct ace *ace)
{
    size_t start;
    struct slice s = field(r, &start);
    if (s.n && s.p[0] >= '0' && s.p[0] <= '9') {
        if (!number(s, &ace->mask)) return wrong(r, start, "not a 32-bit number");
        return semicolon(r);
    }
    for (size_t i = 0; i < s.n;) {
        if (is_blank(s.p[i])) {
            i++;
            continue;
        }
        struct slice two = slice_head(slice_sub(s, i), 2);
        const struct sddl_word *w = word_in(two, sddl_bits);
        if (!w) w = word_in(two, sddl_masks);
        if (!w && ace->type == ACE_LABEL) w = word_in(two, sddl_labels);
        if (!w) return wrong(r, start + i, "not the letters of a right");
        ace->mask |= w->value;
        i += 2;
    }
    return semicolon(r);
}

static cimf_status read_guid(struct reader *r, struct ace *ace, uint32_t flag, struct guid *out)
{
    size_t start;
    struct slice s = field(r, &start);
    if (s.n) {
        if (!ace_has_object(ace)) return wrong(r, start, "this ACE type takes no GUID");
        if (s.n != GUID_TEXT - 1 || !guid_parse(s, out)) return wrong(r, start, "not a GUID");
        ace->object_flags |= flag;
    }
    return semicolon(r);
}

static cimf_status read_ace(struct reader *r, bool dacl, struct ace *ace)
{
    *ace = (struct ace){ 0 };
    cimf_status st = read_type(r, dacl, ace);
    if (st == CIMF_OK) st = read_flags(r, ace);
    if (st == CIMF_OK) st = read_rights(r, ace);
    if (st == CIMF_OK) st = read_guid(r, ace, ACE_OBJECT_PRESENT, &ace->object);
    if (st == CIMF_OK) st = read_guid(r, ace, ACE_INHERITED_OBJECT_PRESENT, &ace->inherited_object);
    if (st == CIMF_OK) st = read_sid(r, &ace->sid);
    if (st != CIMF_OK) return st;
    skip_blanks(r);
    return take(r, ")") ? CIMF_OK : wrong(r, r->at, "a closing bracket is missing");
}

/* Answers the control bits in *control, the ACL (NULL for NO_ACCESS_CONTROL) in *out. */
static cimf_status read_acl(struct reader *r, bool dacl, uint16_t *control, const struct acl **out)
{
    *control |= dacl ? SD_DACL_PRESENT : SD_SACL_PRESENT;
    for (;;) {
        if (take(r, SDDL_NO_ACCESS_CONTROL)) {
            skip_blanks(r);
            if (slice_starts(rest(r), SLICE("(")))
                return wrong(r, r->at, "no ACE can follow " SDDL_NO_ACCESS_CONTROL);
            return CIMF_OK;
        }
        if (take(r, "P")) *control |= dacl ? SD_DACL_PROTECTED : SD_SACL_PROTECTED;
        else if (take(r, "AR")) *control |= dacl ? SD_DACL_INHERIT_REQUIRED : SD_SACL_INHERIT_REQUIRED;
        else if (take(r, "AI")) *control |= dacl ? SD_DACL_AUTO_INHERITED : SD_SACL_AUTO_INHERITED;
        else break;
    }
    unsigned room = 0, count = 0;
    for (size_t i = r->at; i < r->text.n; i++) room += r->text.p[i] == '(';
    if (room > SD_ACES_MAX) room = SD_ACES_MAX;
    struct acl *acl = ARENA_NEW(r->a, struct acl);
    struct ace *aces = ARENA_ARRAY(r->a, room ? room : 1, struct ace);
    if (!acl || !aces) return fail_at(r, r->at, CIMF_OUT_OF_MEMORY, "out of memory");
    acl->revision = 2;
    while (take(r, "(")) {
        if (count == room) return fail_at(r, r->at, CIMF_QUOTA_VIOLATION, "too many ACEs");
        cimf_status st = read_ace(r, dacl, &aces[count]);
        if (st != CIMF_OK) return st;
        if (ace_has_object(&aces[count])) acl->revision = 4;
        count++;
    }
    acl->aces = aces;
    acl->count = count;
    *out = acl;
    return CIMF_OK;
}

static cimf_status read_party(struct reader *r, const struct sid **out)
{
    struct sid *sid = ARENA_NEW(r->a, struct sid);
    if (!sid) return fail_at(r, r->at, CIMF_OUT_OF_MEMORY, "out of memory");
    *out = sid;
    return read_sid(r, sid);
}

cimf_status sddl_parse(struct arena *a, struct slice text, const struct sid *domain,
                       const struct sd **out, struct error *e)
{
    struct reader r = { .a = a, .text = text, .domain = domain, .e = e };
    if (text.n > SDDL_TEXT_MAX) return fail_at(&r, 0, CIMF_QUOTA_VIOLATION, "the text is too long");
    struct sd *sd = ARENA_NEW(a, struct sd);
    if (!sd) return fail_at(&r, 0, CIMF_OUT_OF_MEMORY, "out of memory");
    sd->control = SD_SELF_RELATIVE;
    for (skip_blanks(&r); r.at < text.n; skip_blanks(&r)) {
        size_t start = r.at;
        bool again = false;
        cimf_status st = CIMF_OK;
        if (take(&r, "O:")) again = sd->owner, st = again ? CIMF_OK : read_party(&r, &sd->owner);
        else if (take(&r, "G:")) again = sd->group, st = again ? CIMF_OK : read_party(&r, &sd->group);
        else if (take(&r, "D:")) {
            again = sd->control & SD_DACL_PRESENT;
            if (!again) st = read_acl(&r, true, &sd->control, &sd->dacl);
        } else if (take(&r, "S:")) {
            again = sd->control & SD_SACL_PRESENT;
            if (!again) st = read_acl(&r, false, &sd->control, &sd->sacl);
        } else {
            return wrong(&r, start, "O:, G:, D:, S: or the end is expected here");
        }
        if (again) return wrong(&r, start, "this part is there twice");
        if (st != CIMF_OK) return st;
    }
    if (sd_size(sd) > SD_BYTES_MAX)
        return fail_at(&r, 0, CIMF_QUOTA_VIOLATION, "the descriptor is too long");
    *out = sd;
    return CIMF_OK;
}
