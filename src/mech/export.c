#include "mech/export_priv.h"

enum { MAGIC = 0x31584d43, /* "CMX1" */ ALL_FLAGS = MECH_LIST_MIC * 2 - 1 };

void mech_export_u32(struct buf *out, uint32_t v)
{
    unsigned char bytes[4];
    for (int i = 0; i < 4; i++) bytes[i] = (unsigned char)(v >> 8 * i);
    buf_add(out, bytes, sizeof bytes);
}

void mech_export_head(const struct mech *m, enum mech_export_kind kind, struct buf *out)
{
    mech_export_u32(out, MAGIC);
    buf_byte(out, (int)kind);
    buf_byte(out, (int)m->side);
    buf_byte(out, (int)m->session_key_n);
    buf_byte(out, 0);
    mech_export_u32(out, m->flags);
    buf_add(out, m->session_key, sizeof m->session_key);
}

cimf_status mech_export_bad(struct error *e, const char *what)
{
    return error_set(e, CIMF_BAD_REQUEST, "mech", "no exported context: %s", what);
}

cimf_status mech_export(struct mech *m, struct buf *out, struct error *e)
{
    size_t mark = out->n;
    if (m->state != MECH_DONE || !m->ops->export_) {
        return error_set(e, CIMF_INVALID_OPERATION, "mech", "%s: this context cannot be exported",
                         m->ops->name);
    }
    cimf_status status = m->ops->export_(m, out, e);
    m->state = MECH_DEAD; /* also on failure: two holders of one stream would break both */
    if (status == CIMF_OK && !buf_ok(out)) {
        status = error_set(e, CIMF_OUT_OF_MEMORY, "mech", "no room for an exported context");
    }
    if (status != CIMF_OK && out->p && out->n > mark) {
        explicit_bzero(out->p + mark, out->n - mark);
        buf_cut(out, mark);
    }
    return status;
}

cimf_status mech_import(struct slice bytes, struct mech **out, struct error *e)
{
    struct cursor c = cursor_of(bytes);
    struct mech head = { .state = MECH_DONE };
    *out = NULL;
    bool magic = cursor_u32le(&c) == MAGIC;
    unsigned kind = cursor_u8(&c), side = cursor_u8(&c), key_n = cursor_u8(&c), zero = cursor_u8(&c);
    head.flags = cursor_u32le(&c);
    struct slice key = cursor_bytes(&c, sizeof head.session_key);
    if (c.bad || !magic || zero) return mech_export_bad(e, "its head");
    if (side > MECH_SERVER || key_n > sizeof head.session_key || head.flags & ~(uint32_t)ALL_FLAGS) {
        return mech_export_bad(e, "a field of its head");
    }
    head.side = (enum mech_side)side;
    head.session_key_n = key_n;
    memcpy(head.session_key, key.p, sizeof head.session_key);
    struct slice state = cursor_bytes(&c, cursor_left(&c));
    cimf_status status;
    switch (kind) {
    case MECH_EXPORT_NTLM: status = ntlm_import(&head, state, out, e); break;
    case MECH_EXPORT_KERBEROS: status = kerberos_import(&head, state, out, e); break;
    default: status = mech_export_bad(e, "an unknown mechanism"); break;
    }
    explicit_bzero(&head, sizeof head);
    return status;
}
