/*
 * auth/sd.h - security descriptors (MS-DTYP 2.4.4 to 2.4.6): the self-relative binary form and the parsed
 * one. Parsed descriptors are immutable and live as long as their arena; they borrow nothing from the
 * bytes they came from. sddl.h has the text form, access.h the decision, inherit.h what children get.
 */
#ifndef AUTH_SD_H
#define AUTH_SD_H

#include "auth/sid.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/guid.h"

#define SD_BYTES_MAX 65536 /* a whole descriptor; an ACE is therefore never one of more than 4096 */
#define SD_ACES_MAX 4096   /* in one ACL */

/* Control (2.4.6) */
#define SD_OWNER_DEFAULTED 0x0001
#define SD_GROUP_DEFAULTED 0x0002
#define SD_DACL_PRESENT 0x0004
#define SD_DACL_DEFAULTED 0x0008
#define SD_SACL_PRESENT 0x0010
#define SD_SACL_DEFAULTED 0x0020
#define SD_DACL_TRUSTED 0x0040
#define SD_SERVER_SECURITY 0x0080
#define SD_DACL_INHERIT_REQUIRED 0x0100 /* AR */
#define SD_SACL_INHERIT_REQUIRED 0x0200
#define SD_DACL_AUTO_INHERITED 0x0400   /* AI */
#define SD_SACL_AUTO_INHERITED 0x0800
#define SD_DACL_PROTECTED 0x1000        /* P */
#define SD_SACL_PROTECTED 0x2000
#define SD_RM_CONTROL_VALID 0x4000
#define SD_SELF_RELATIVE 0x8000

enum ace_type {                         /* 2.4.4.1 */
    ACE_ALLOW = 0, ACE_DENY = 1, ACE_AUDIT = 2, ACE_ALARM = 3, ACE_ALLOW_COMPOUND = 4,
    ACE_ALLOW_OBJECT = 5, ACE_DENY_OBJECT = 6, ACE_AUDIT_OBJECT = 7, ACE_ALARM_OBJECT = 8,
    ACE_ALLOW_CALLBACK = 9, ACE_DENY_CALLBACK = 10, ACE_ALLOW_CALLBACK_OBJECT = 11,
    ACE_DENY_CALLBACK_OBJECT = 12, ACE_AUDIT_CALLBACK = 13, ACE_ALARM_CALLBACK = 14,
    ACE_AUDIT_CALLBACK_OBJECT = 15, ACE_ALARM_CALLBACK_OBJECT = 16, ACE_LABEL = 17,
    ACE_RESOURCE_ATTRIBUTE = 18, ACE_SCOPED_POLICY = 19
};

#define ACE_OBJECT_INHERIT 0x01
#define ACE_CONTAINER_INHERIT 0x02
#define ACE_NO_PROPAGATE 0x04
#define ACE_INHERIT_ONLY 0x08
#define ACE_INHERITED 0x10
#define ACE_AUDIT_SUCCESS 0x40
#define ACE_AUDIT_FAILURE 0x80

#define ACE_OBJECT_PRESENT 1            /* object_flags */
#define ACE_INHERITED_OBJECT_PRESENT 2

struct ace {
    uint8_t type, flags;
    bool opaque;                 /* a type that we don't know: only type, flags and data are set */
    uint32_t mask;
    uint32_t object_flags;       /* object types only */
    struct guid object, inherited_object; /* zero unless their flag is set */
    struct sid sid;
    struct slice data;           /* what follows the SID: condition, attribute; kept, not interpreted */
};

struct acl {
    uint8_t revision;            /* 2 or 4 */
    unsigned count;              /* 0: nobody may do anything (but the owner's implied rights) */
    const struct ace *aces;
};

/* No DACL, absent (SD_DACL_PRESENT clear) or present and NULL, means that everybody may do everything:
 * sd_has_dacl tells it from an empty one. */
struct sd {
    uint16_t control;            /* always SD_SELF_RELATIVE */
    uint8_t rm_control;          /* resource manager bits, with SD_RM_CONTROL_VALID */
    const struct sid *owner, *group;      /* NULL if there is none */
    const struct acl *sacl, *dacl;        /* NULL if absent or NULL */
};

static inline bool sd_has_dacl(const struct sd *sd)
{
    return (sd->control & SD_DACL_PRESENT) && sd->dacl;
}
bool ace_has_object(const struct ace *ace); /* its type has object_flags */

/* CIMF_INVALID_PARAMETER names what is wrong and where; bytes past the last part are ignored, parts may
 * share bytes (each is read by itself). CIMF_QUOTA_VIOLATION past SD_BYTES_MAX. */
cimf_status sd_parse(struct arena *a, struct slice bytes, const struct sd **out, struct error *e);

/* Appends the self-relative form: header, SACL, DACL, owner, group, without gaps. The ACL revision
 * becomes 4 where object ACEs need it. CIMF_QUOTA_VIOLATION when it would be longer than SD_BYTES_MAX;
 * CIMF_OUT_OF_MEMORY when the buffer is full. */
cimf_status sd_write(const struct sd *sd, struct buf *out, struct error *e);
size_t sd_size(const struct sd *sd); /* bytes that sd_write needs; may be more than it allows */

#endif
