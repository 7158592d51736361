/* smbpasswd lines (smbpasswd(5) of Samba) become accounts with an NT hash alone. */
#include <openssl/crypto.h>

#include "auth/accounts_priv.h"

enum { HASH_HEX = 32, FLAGS = 11 + 2 }; /* [UX         ] */

struct smbpasswd {
    struct slice name;
    unsigned char nt[16];
    bool disabled;
};

/* "XXXX..." and "NO PASSWORDXXX..." stand where there is no hash. */
static bool hash_absent(struct slice text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] != 'X' && text.p[i] != '*') return slice_starts(text, SLICE("NO PASSWORD"));
    return text.n == HASH_HEX;
}

static bool number_ok(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9') return false;
    return s.n > 0 && s.n <= 10;
}

/* NULL: fine; else what is wrong with the line. */
static const char *flags_read(struct slice text, struct smbpasswd *out, cimf_status *status)
{
    *status = CIMF_INVALID_SYNTAX;
    if (text.n < 2 || text.n > FLAGS || text.p[0] != '[' || text.p[text.n - 1] != ']')
        return "the fifth field is not [flags]";
    for (size_t i = 1; i + 1 < text.n; i++) {
        char flag = text.p[i];
        if (flag == 'D') out->disabled = true;
        if (!strchr(" UDXNWSITHLMG", flag)) return "a flag is not known";
        *status = CIMF_NOT_SUPPORTED;
        if (flag == 'N') return "an account without a password";
        if (flag == 'W' || flag == 'S' || flag == 'I') return "an account of a machine or domain, not of a user";
        *status = CIMF_INVALID_SYNTAX;
    }
    return NULL;
}

static const char *line_read(struct slice line, struct smbpasswd *out, cimf_status *status)
{
    struct slice f[6], rest = line;
    *out = (struct smbpasswd){ .disabled = false };
    *status = CIMF_INVALID_SYNTAX;
    for (int i = 0; i < 6; i++) {
        if (!rest.p) return "it is not name:uid:LM hash:NT hash:[flags]:LCT-time:";
        f[i] = slice_split(rest, ':', &rest);
    }
    out->name = f[0];
    if (!account_name_ok(f[0])) return "the name can't be one of an account";
    if (!number_ok(f[1])) return "the second field is not a uid";
    unsigned char lm[16];
    if (!hash_absent(f[2]) && (f[2].n != HASH_HEX || !slice_unhex(f[2], lm)))
        return "the third field is not a hash of 32 hexadecimal digits";
    const char *what = flags_read(f[4], out, status);
    if (what) return what;
    if (!slice_starts(f[5], SLICE("LCT-"))) return "the sixth field is not LCT-time";
    *status = CIMF_NOT_SUPPORTED;
    if (hash_absent(f[3])) return "an account without an NT hash";
    *status = CIMF_INVALID_SYNTAX;
    if (f[3].n != HASH_HEX || !slice_unhex(f[3], out->nt)) return "the fourth field is not a hash of 32 hexadecimal digits";
    *status = CIMF_OK;
    return NULL;
}

static cimf_status add(struct accounts_edit *x, const struct smbpasswd *s, struct error *e)
{
    if (edit_find(x, s->name)) return edit_exists(e, s->name);
    cimf_status status = edit_key(x, e);
    if (status != CIMF_OK) return status;
    struct account *row = edit_row_add(x, e);
    if (!row) return CIMF_OUT_OF_MEMORY;
    row->name = arena_dup(&x->arena, s->name);
    row->posix_user = SLICE("");
    row->enabled = !s->disabled;
    struct buf secret;
    buf_init(&secret, 4096);
    struct secret_owner o = { .domain = slice_str(x->domain), .name = row->name, .rid = row->rid,
                              .which = ACCOUNT_NTLM };
    if (row->name.p && secret_seal(&secret, &o, &x->key, s->nt)) row->secrets = arena_dup(&x->arena, buf_slice(&secret));
    buf_wipe(&secret);
    return row->secrets.p ? CIMF_OK : edit_no_memory(e);
}

static cimf_status import(struct accounts_edit *x, struct slice text, void (*imported)(void *, struct slice),
                          void *arg, unsigned *count, struct error *e)
{
    for (unsigned number = 1; text.p; number++) {
        struct slice line = slice_split(text, '\n', &text);
        struct smbpasswd s;
        if (line.n && line.p[line.n - 1] == '\r') line.n--;
        if (line.n == 0 || line.p[0] == '#') continue;
        cimf_status status;
        const char *what = line_read(line, &s, &status);
        if (what) error_set(e, status, "auth", "%s", what);
        else status = add(x, &s, e);
        OPENSSL_cleanse(s.nt, sizeof s.nt);
        if (status != CIMF_OK) {
            error_place(e, number, 1);
            return status;
        }
        if (imported) imported(arg, x->rows[x->count - 1].name);
        (*count)++;
    }
    return CIMF_OK;
}

cimf_status accounts_edit_import(struct accounts_edit *x, struct slice text, void (*imported)(void *, struct slice),
                                 void *arg, unsigned *count, struct error *e)
{
    unsigned rows = x->count;
    *count = 0;
    cimf_status status = import(x, text, imported, arg, count, e);
    if (status != CIMF_OK) x->count = rows;
    return status;
}
