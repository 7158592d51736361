/*
 * mech/export_priv.h - a finished context as bytes: the head that every mechanism's export begins with.
 * All integers little-endian. Both ends are one build: there is no promise to other versions, only that
 * bytes of another kind or length are refused.
 *
 *   u32 magic, u8 kind, u8 side, u8 key length, u8 0, u32 flags, key[64], then the mechanism's own
 */
#ifndef MECH_EXPORT_PRIV_H
#define MECH_EXPORT_PRIV_H

#include "base/cursor.h"
#include "mech/mech.h"

enum mech_export_kind { MECH_EXPORT_NTLM = 1, MECH_EXPORT_KERBEROS = 2 };
enum { MECH_EXPORT_HEAD = 12 + 64 }; /* its bytes */

void mech_export_u32(struct buf *out, uint32_t v);
void mech_export_head(const struct mech *m, enum mech_export_kind kind, struct buf *out);
cimf_status mech_export_bad(struct error *e, const char *what);

/* The mechanisms' halves of mech_import. head holds side, flags and key, nothing else; state is what the
 * mechanism wrote behind the head. */
cimf_status ntlm_import(const struct mech *head, struct slice state, struct mech **out,
                        struct error *e);
cimf_status kerberos_import(const struct mech *head, struct slice state, struct mech **out,
                            struct error *e);

#endif
