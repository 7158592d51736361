/* auth/sddl_priv.h - the letters, shared by reader and writer. */
#ifndef AUTH_SDDL_PRIV_H
#define AUTH_SDDL_PRIV_H

#include "auth/sddl.h"

struct sddl_word {
    char text[3];
    uint32_t value;
};

extern const struct sddl_word sddl_types[];  /* value: enum ace_type */
extern const struct sddl_word sddl_flags[];  /* ACE flags, in the order that they are written */
extern const struct sddl_word sddl_bits[];   /* single rights, in the order of the bits */
extern const struct sddl_word sddl_masks[];  /* whole masks */
extern const struct sddl_word sddl_labels[]; /* rights of a mandatory label */
/* Each ends with an empty text. */

#define SDDL_NO_ACCESS_CONTROL "NO_ACCESS_CONTROL"

static inline bool sddl_type_in_dacl(uint32_t type)
{
    return type == ACE_ALLOW || type == ACE_DENY || type == ACE_ALLOW_OBJECT || type == ACE_DENY_OBJECT;
}

#endif
