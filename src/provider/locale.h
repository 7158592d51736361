/* provider/locale.h - Windows numbers for POSIX locale names. */
#ifndef PROVIDER_LOCALE_H
#define PROVIDER_LOCALE_H

#include "base/arena.h"

struct locale_facts {
    const char *name; /* "de_DE" */
    uint16_t lcid;    /* MS-LCID: 0x0407 */
    uint16_t phone;   /* country code as LOCALE_ICOUNTRY gives it (telephone prefix) */
};

/* Row of a LANG value ("de_DE.UTF-8"), NULL for "C" and for what the table lacks. */
const struct locale_facts *locale_find(struct slice lang);
/* LANG of the system: /etc/locale.conf or /etc/default/locale; "" if unset. */
struct slice locale_system(struct arena *a);
/* "de-DE" of "de_DE.UTF-8"; n == 0 for "C" and "POSIX". */
struct slice locale_tag(struct arena *a, struct slice lang);
/* Code page of the character set of LANG: 65001 for UTF-8; 0 if unknown. */
unsigned locale_code_page(struct slice lang);

#endif
