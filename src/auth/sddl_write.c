#include <inttypes.h>

#include "auth/sddl_priv.h"

const struct sddl_word sddl_types[] = {
    { "A", ACE_ALLOW }, { "D", ACE_DENY }, { "OA", ACE_ALLOW_OBJECT }, { "OD", ACE_DENY_OBJECT },
    { "AU", ACE_AUDIT }, { "OU", ACE_AUDIT_OBJECT }, { "ML", ACE_LABEL }, { "SP", ACE_SCOPED_POLICY },
    { "", 0 },
};

const struct sddl_word sddl_flags[] = {
    { "OI", ACE_OBJECT_INHERIT }, { "CI", ACE_CONTAINER_INHERIT }, { "NP", ACE_NO_PROPAGATE },
    { "IO", ACE_INHERIT_ONLY }, { "ID", ACE_INHERITED }, { "SA", ACE_AUDIT_SUCCESS },
    { "FA", ACE_AUDIT_FAILURE }, { "", 0 },
};

const struct sddl_word sddl_bits[] = {
    { "CC", 0x00000001 }, { "DC", 0x00000002 }, { "LC", 0x00000004 }, { "SW", 0x00000008 },
    { "RP", 0x00000010 }, { "WP", 0x00000020 }, { "DT", 0x00000040 }, { "LO", 0x00000080 },
    { "CR", 0x00000100 }, { "SD", 0x00010000 }, { "RC", 0x00020000 }, { "WD", 0x00040000 },
    { "WO", 0x00080000 }, { "GA", 0x10000000 }, { "GX", 0x20000000 }, { "GW", 0x40000000 },
    { "GR", 0x80000000 }, { "", 0 },
};

const struct sddl_word sddl_masks[] = {
    { "FA", 0x001F01FF }, { "FX", 0x001200A0 }, { "FW", 0x00120116 }, { "FR", 0x00120089 },
    { "KA", 0x000F003F }, { "KR", 0x00020019 }, { "KX", 0x00020019 }, { "KW", 0x00020006 }, { "", 0 },
};

/* 2.4.4.13; the letters are those of the Windows SDK. */
const struct sddl_word sddl_labels[] = { { "NW", 1 }, { "NR", 2 }, { "NX", 4 }, { "", 0 } };

static cimf_status cannot(struct error *e, const char *what)
{
    return error_set(e, CIMF_NOT_SUPPORTED, "auth", "SDDL cannot express this descriptor: %s", what);
}

static void put_sid(struct buf *b, const struct sid *s)
{
    const char *code = sid_code(s);
    char text[SID_TEXT];
    if (!code) sid_format(s, text);
    buf_str(b, code ? code : text);
}

/* The letters of all bits, or nothing and false when a bit has none. */
static bool put_bits(struct buf *b, uint32_t mask, const struct sddl_word *words)
{
    size_t mark = b->n;
    for (; words->text[0]; words++)
        if (mask & words->value) {
            buf_str(b, words->text);
            mask &= ~words->value;
        }
    if (mask && buf_ok(b)) buf_cut(b, mark);
    return mask == 0;
}

static void put_rights(struct buf *b, const struct ace *ace)
{
    if (ace->type == ACE_LABEL && put_bits(b, ace->mask, sddl_labels)) return;
    for (const struct sddl_word *w = sddl_masks; w->text[0]; w++)
        if (ace->mask == w->value) {
            buf_str(b, w->text);
            return;
        }
    if (!put_bits(b, ace->mask, sddl_bits)) buf_printf(b, "0x%" PRIx32, ace->mask);
}

static cimf_status put_ace(struct buf *b, const struct ace *ace, bool dacl, struct error *e)
{
    const struct sddl_word *type = sddl_types;
    while (type->text[0] && type->value != ace->type) type++;
    if (!type->text[0]) return cannot(e, "a conditional, attribute or unknown ACE");
    if (sddl_type_in_dacl(ace->type) != dacl) return cannot(e, "an ACE in the wrong list");
    if (ace->object_flags & ~(uint32_t)(ACE_OBJECT_PRESENT | ACE_INHERITED_OBJECT_PRESENT))
        return cannot(e, "an unknown object flag");
    buf_printf(b, "(%s;", type->text);
    if (!put_bits(b, ace->flags, sddl_flags)) return cannot(e, "an unknown ACE flag");
    buf_byte(b, ';');
    put_rights(b, ace);
    char guid[GUID_TEXT];
    buf_byte(b, ';');
    if (ace->object_flags & ACE_OBJECT_PRESENT) {
        guid_format(&ace->object, false, guid);
        buf_str(b, guid);
    }
    buf_byte(b, ';');
    if (ace->object_flags & ACE_INHERITED_OBJECT_PRESENT) {
        guid_format(&ace->inherited_object, false, guid);
        buf_str(b, guid);
    }
    buf_byte(b, ';');
    put_sid(b, &ace->sid);
    buf_byte(b, ')');
    return CIMF_OK;
}

static cimf_status put_acl(struct buf *b, const struct acl *acl, bool dacl, unsigned control,
                           struct error *e)
{
    buf_str(b, dacl ? "D:" : "S:");
    if (control & (dacl ? SD_DACL_PROTECTED : SD_SACL_PROTECTED)) buf_lit(b, "P");
    if (control & (dacl ? SD_DACL_INHERIT_REQUIRED : SD_SACL_INHERIT_REQUIRED)) buf_lit(b, "AR");
    if (control & (dacl ? SD_DACL_AUTO_INHERITED : SD_SACL_AUTO_INHERITED)) buf_lit(b, "AI");
    if (!acl) buf_lit(b, SDDL_NO_ACCESS_CONTROL);
    for (unsigned i = 0; acl && i < acl->count; i++) {
        cimf_status st = put_ace(b, &acl->aces[i], dacl, e);
        if (st != CIMF_OK) return st;
    }
    return CIMF_OK;
}

cimf_status sddl_write(const struct sd *sd, struct buf *out, struct error *e)
{
    size_t mark = out->n;
    cimf_status st = CIMF_OK;
    if (sd->owner) {
        buf_lit(out, "O:");
        put_sid(out, sd->owner);
    }
    if (sd->group) {
        buf_lit(out, "G:");
        put_sid(out, sd->group);
    }
    if (sd->control & SD_DACL_PRESENT) st = put_acl(out, sd->dacl, true, sd->control, e);
    if (st == CIMF_OK && (sd->control & SD_SACL_PRESENT))
        st = put_acl(out, sd->sacl, false, sd->control, e);
    if (st == CIMF_OK && !buf_ok(out)) st = error_set(e, CIMF_OUT_OF_MEMORY, "auth", "SDDL");
    if (st != CIMF_OK) buf_cut(out, mark);
    return st;
}
