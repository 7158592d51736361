#include "provider/locale.h"

#include "provider/source.h"
#include "provider/text.h"

static const struct locale_facts table[] = {
    { "ar_SA", 0x0401, 966 }, { "bg_BG", 0x0402, 359 }, { "ca_ES", 0x0403, 34 },
    { "zh_TW", 0x0404, 886 }, { "cs_CZ", 0x0405, 420 }, { "da_DK", 0x0406, 45 },
    { "de_DE", 0x0407, 49 },  { "el_GR", 0x0408, 30 },  { "en_US", 0x0409, 1 },
    { "fi_FI", 0x040b, 358 }, { "fr_FR", 0x040c, 33 },  { "he_IL", 0x040d, 972 },
    { "hu_HU", 0x040e, 36 },  { "is_IS", 0x040f, 354 }, { "it_IT", 0x0410, 39 },
    { "ja_JP", 0x0411, 81 },  { "ko_KR", 0x0412, 82 },  { "nl_NL", 0x0413, 31 },
    { "nb_NO", 0x0414, 47 },  { "pl_PL", 0x0415, 48 },  { "pt_BR", 0x0416, 55 },
    { "ro_RO", 0x0418, 40 },  { "ru_RU", 0x0419, 7 },   { "hr_HR", 0x041a, 385 },
    { "sk_SK", 0x041b, 421 }, { "sv_SE", 0x041d, 46 },  { "th_TH", 0x041e, 66 },
    { "tr_TR", 0x041f, 90 },  { "id_ID", 0x0421, 62 },  { "uk_UA", 0x0422, 380 },
    { "sl_SI", 0x0424, 386 }, { "et_EE", 0x0425, 372 }, { "lv_LV", 0x0426, 371 },
    { "lt_LT", 0x0427, 370 }, { "vi_VN", 0x042a, 84 },  { "hi_IN", 0x0439, 91 },
    { "zh_CN", 0x0804, 86 },  { "de_CH", 0x0807, 41 },  { "en_GB", 0x0809, 44 },
    { "es_MX", 0x080a, 52 },  { "fr_BE", 0x080c, 32 },  { "it_CH", 0x0810, 41 },
    { "nl_BE", 0x0813, 32 },  { "nn_NO", 0x0814, 47 },  { "pt_PT", 0x0816, 351 },
    { "sv_FI", 0x081d, 358 }, { "de_AT", 0x0c07, 43 },  { "en_AU", 0x0c09, 61 },
    { "es_ES", 0x0c0a, 34 },  { "fr_CA", 0x0c0c, 2 },   { "en_CA", 0x1009, 2 },
    { "fr_CH", 0x100c, 41 },  { "en_NZ", 0x1409, 64 },  { "en_IE", 0x1809, 353 },
    { "en_ZA", 0x1c09, 27 },  { "es_AR", 0x2c0a, 54 },  { "es_CL", 0x340a, 56 },
    { "en_IN", 0x4009, 91 },
};

/* "de_DE" of "de_DE.UTF-8@euro" */
static struct slice short_name(struct slice lang)
{
    return slice_head(slice_head(lang, slice_find(lang, '.')), slice_find(lang, '@'));
}

const struct locale_facts *locale_find(struct slice lang)
{
    struct slice name = short_name(lang);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (slice_is(name, table[i].name)) return &table[i];
    return NULL;
}

struct slice locale_system(struct arena *a)
{
    struct slice text, value;
    if (!source_read(a, &text, "/etc/locale.conf") && !source_read(a, &text, "/etc/default/locale"))
        return SLICE("");
    if (!text_field(text, "LANG", '=', &value)) return SLICE("");
    value = text_unquote(a, value);
    return value.p ? text_clean(a, value) : SLICE("");
}

struct slice locale_tag(struct arena *a, struct slice lang)
{
    struct slice name = short_name(lang);
    if (slice_is(name, "C") || slice_is(name, "POSIX")) return SLICE("");
    char *p = arena_strz(a, name);
    if (!p) return SLICE("");
    for (size_t i = 0; i < name.n; i++)
        if (p[i] == '_') p[i] = '-';
    return slice_of(p, name.n);
}

unsigned locale_code_page(struct slice lang)
{
    struct slice set = slice_sub(lang, slice_find(lang, '.') + 1);
    set = slice_head(set, slice_find(set, '@'));
    if (slice_ieq(set, SLICE("UTF-8")) || slice_ieq(set, SLICE("utf8"))) return 65001;
    if (slice_ieq(set, SLICE("ISO-8859-1")) || slice_ieq(set, SLICE("iso88591"))) return 28591;
    if (slice_ieq(set, SLICE("ISO-8859-15")) || slice_ieq(set, SLICE("iso885915"))) return 28605;
    return 0;
}
