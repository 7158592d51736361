/* What may be changed in the accounts file: accounts, their secrets, groups. */
#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "auth/accounts_priv.h"
#include "base/utf.h"
#include "mech/ntlm_crypto.h"

static cimf_status no_such(struct error *e, const char *what, struct slice name)
{
    error_set(e, CIMF_NOT_FOUND, "auth", "there is no %s of that name", what);
    error_subject(e, name);
    return CIMF_NOT_FOUND;
}

cimf_status edit_exists(struct error *e, struct slice name)
{
    error_set(e, CIMF_ALREADY_EXISTS, "auth", "an account of that name exists");
    error_subject(e, name);
    return CIMF_ALREADY_EXISTS;
}

static cimf_status bad_name(struct error *e, const char *what, struct slice name)
{
    error_set(e, CIMF_INVALID_PARAMETER, "auth", "%s is 1 to %d bytes without : , / \\ \" and control characters",
              what, ACCOUNTS_NAME_MAX);
    error_subject(e, name);
    return CIMF_INVALID_PARAMETER;
}

/* ---- secrets ---- */

static cimf_status check_password(struct slice password, struct error *e)
{
    if (password.n == 0 || password.n >= ACCOUNTS_PASSWORD_MAX || !utf8_valid(password) ||
        memchr(password.p, 0, password.n))
        return error_set(e, CIMF_INVALID_PARAMETER, "auth", "a password is 1 to %d bytes of UTF-8",
                         ACCOUNTS_PASSWORD_MAX - 1);
    return CIMF_OK;
}

static bool hash_basic(struct buf *out, struct slice password, unsigned long cost)
{
    char z[ACCOUNTS_PASSWORD_MAX];
    struct crypt_data *data = calloc(1, sizeof *data);
    char *setting = crypt_gensalt_ra("$y$", cost, NULL, 0);
    memcpy(z, password.p, password.n);
    z[password.n] = 0;
    const char *hash = data && setting ? crypt_r(z, setting, data) : NULL;
    bool ok = hash && hash[0] != '*' && buf_printf(out, "%s=%s", account_secret_names[ACCOUNT_BASIC], hash);
    OPENSSL_cleanse(z, sizeof z);
    if (data) OPENSSL_cleanse(data, sizeof *data);
    free(data);
    free(setting);
    return ok;
}

/* H(name:realm:password), RFC 7616 3.4.2. */
static bool hash_digest(const struct secret_owner *o, struct slice password, unsigned char out[ACCOUNT_SECRET_MAX])
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    const struct slice parts[] = { o->name, SLICE(":"), o->realm, SLICE(":"), password };
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = c && EVP_DigestInit_ex(c, o->which == ACCOUNT_DIGEST_MD5 ? EVP_md5() : EVP_sha256(), NULL);
    for (int i = 0; ok && i < 5; i++) ok = EVP_DigestUpdate(c, parts[i].p, parts[i].n);
    ok = ok && EVP_DigestFinal_ex(c, hash, NULL);
    EVP_MD_CTX_free(c);
    if (ok) memcpy(out, hash, account_secret_size(o->which));
    OPENSSL_cleanse(hash, sizeof hash);
    return ok;
}

static struct secret_owner owner_of(const struct accounts_edit *x, const struct account *row,
                                    enum account_secret which)
{
    return (struct secret_owner){ .domain = slice_str(x->domain), .name = row->name, .rid = row->rid,
                                  .realm = x->place.realm.n ? x->place.realm : SLICE("WSMAN"), .which = which };
}

static bool add_secret(struct accounts_edit *x, const struct account *row, enum account_secret which,
                       const struct account_change *c, struct buf *out)
{
    unsigned char bytes[ACCOUNT_SECRET_MAX];
    if (out->n) buf_byte(out, ' ');
    if (which == ACCOUNT_BASIC) return hash_basic(out, c->password, c->cost ? c->cost : x->place.cost);
    struct secret_owner o = owner_of(x, row, which);
    bool ok = which == ACCOUNT_NTLM ? ntlm_ntowf_v1(c->password, bytes) : hash_digest(&o, c->password, bytes);
    ok = ok && secret_seal(out, &o, &x->key, bytes);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return ok;
}

/* All secrets of a row anew, of one password; those of schemes not asked for go. */
static cimf_status set_secrets(struct accounts_edit *x, struct account *row, unsigned schemes,
                               const struct account_change *c, struct error *e)
{
    cimf_status s = check_password(c->password, e);
    if (s == CIMF_OK && (schemes & ~ACCOUNT_SCHEME(ACCOUNT_BASIC))) s = edit_key(x, e);
    if (s != CIMF_OK) return s;
    struct buf text;
    buf_init(&text, 4096);
    bool ok = true;
    for (int w = 0; ok && w < ACCOUNT_SECRETS; w++)
        if (schemes & ACCOUNT_SCHEME(w)) ok = add_secret(x, row, (enum account_secret)w, c, &text);
    struct slice secrets = ok ? arena_dup(&x->arena, buf_slice(&text)) : SLICE_NULL;
    buf_wipe(&text);
    if (!secrets.p) return error_set(e, CIMF_FAILED, "auth", "the password could not be hashed");
    row->secrets = secrets;
    return CIMF_OK;
}

static unsigned schemes_of(const struct account *row)
{
    unsigned schemes = 0;
    for (int w = 0; w < ACCOUNT_SECRETS; w++)
        if (secret_find(row->secrets, account_secret_names[w]).n) schemes |= ACCOUNT_SCHEME(w);
    return schemes;
}

/* ---- groups of an account ---- */

static cimf_status check_groups(const struct accounts_edit *x, const struct slice *groups, unsigned count,
                                struct error *e)
{
    for (unsigned i = 0; i < count; i++) {
        if (!account_name_ok(groups[i])) return bad_name(e, "a group name", groups[i]);
        if (!edit_group_known(x, groups[i])) return no_such(e, "group", groups[i]);
    }
    return CIMF_OK;
}

static bool is_in(const struct slice *list, unsigned count, struct slice name)
{
    for (unsigned i = 0; i < count; i++)
        if (slice_ieq(list[i], name)) return true;
    return false;
}

/* The row's groups without those to leave, with those to join; each once. */
static cimf_status change_groups(struct accounts_edit *x, struct account *row, const struct account_change *c,
                                 struct error *e)
{
    unsigned n = 0, count = row->group_count + c->group_count;
    struct slice *groups = ARENA_ARRAY(&x->arena, (size_t)count + 1, struct slice);
    if (!groups) return edit_no_memory(e);
    for (unsigned i = 0; i < count; i++) {
        bool old = i < row->group_count;
        struct slice name = old ? row->groups[i] : c->groups[i - row->group_count];
        if ((old && is_in(c->leave, c->leave_count, name)) || is_in(groups, n, name)) continue;
        groups[n] = old ? name : arena_dup(&x->arena, name);
        if (!groups[n++].p) return edit_no_memory(e);
    }
    if (n > ACCOUNTS_GROUPS_MAX)
        return error_set(e, CIMF_INVALID_PARAMETER, "auth", "an account has at most %d groups", ACCOUNTS_GROUPS_MAX);
    row->groups = groups;
    row->group_count = n;
    return CIMF_OK;
}

/* ---- the changes ---- */

static cimf_status check_change(const struct accounts_edit *x, const struct account_change *c, struct error *e)
{
    if (!account_name_ok(c->name)) return bad_name(e, "an account name", c->name);
    if (c->posix_user.n && !account_name_ok(c->posix_user)) return bad_name(e, "a local user's name", c->posix_user);
    char day[ACCOUNT_EXPIRY_TEXT];
    int64_t back;
    account_expiry_format(c->expires, day);
    if (!account_expiry_parse(slice_str(day), &back) || back != c->expires)
        return error_set(e, CIMF_INVALID_PARAMETER, "auth", "an account expires at the beginning of a day from 1971 to 9999");
    return check_groups(x, c->groups, c->group_count, e);
}

cimf_status accounts_edit_add(struct accounts_edit *x, const struct account_change *c, struct error *e)
{
    cimf_status s = check_change(x, c, e);
    if (s != CIMF_OK) return s;
    if (edit_find(x, c->name)) return edit_exists(e, c->name);
    struct account *row = edit_row_add(x, e);
    if (!row) return CIMF_OUT_OF_MEMORY;
    row->name = arena_dup(&x->arena, c->name);
    row->posix_user = arena_dup(&x->arena, c->posix_user);
    row->enabled = true;
    row->expires = c->expires;
    if (!row->name.p || !row->posix_user.p) s = edit_no_memory(e);
    if (s == CIMF_OK) s = change_groups(x, row, c, e);
    if (s == CIMF_OK) s = set_secrets(x, row, c->schemes ? c->schemes : ACCOUNT_SCHEMES_ALL, c, e);
    if (s != CIMF_OK) x->count--;
    return s;
}

cimf_status accounts_edit_passwd(struct accounts_edit *x, const struct account_change *c, struct error *e)
{
    struct account *row = edit_find(x, c->name);
    if (!row) return no_such(e, "account", c->name);
    unsigned schemes = c->schemes ? c->schemes : schemes_of(row);
    return set_secrets(x, row, schemes ? schemes : ACCOUNT_SCHEMES_ALL, c, e);
}

cimf_status accounts_edit_modify(struct accounts_edit *x, const struct account_change *c, struct error *e)
{
    struct account *row = edit_find(x, c->name);
    if (!row) return no_such(e, "account", c->name);
    cimf_status s = check_change(x, c, e);
    for (unsigned i = 0; s == CIMF_OK && i < c->leave_count; i++)
        if (!is_in(row->groups, row->group_count, c->leave[i])) s = no_such(e, "group that the account is in", c->leave[i]);
    struct slice posix = c->set_posix ? arena_dup(&x->arena, c->posix_user) : row->posix_user;
    if (s == CIMF_OK && !posix.p) s = edit_no_memory(e);
    if (s == CIMF_OK) s = change_groups(x, row, c, e);
    if (s != CIMF_OK) return s;
    row->posix_user = posix;
    if (c->set_expires) row->expires = c->expires;
    return CIMF_OK;
}

cimf_status accounts_edit_del(struct accounts_edit *x, struct slice name, struct error *e)
{
    struct account *row = edit_find(x, name);
    if (!row) return no_such(e, "account", name);
    memmove(row, row + 1, (x->count - (unsigned)(row - x->rows) - 1) * sizeof *row);
    x->count--;
    return CIMF_OK;
}

cimf_status accounts_edit_enable(struct accounts_edit *x, struct slice name, bool enabled, struct error *e)
{
    struct account *row = edit_find(x, name);
    if (!row) return no_such(e, "account", name);
    row->enabled = enabled;
    return CIMF_OK;
}

cimf_status accounts_edit_group_add(struct accounts_edit *x, struct slice name, struct error *e)
{
    struct sid builtin;
    if (!account_name_ok(name)) return bad_name(e, "a group name", name);
    if (edit_group_known(x, name)) {
        error_set(e, CIMF_ALREADY_EXISTS, "auth", sid_builtin(name, &builtin) ? "the group is built in"
                                                                            : "a group of that name exists");
        error_subject(e, name);
        return CIMF_ALREADY_EXISTS;
    }
    return edit_group_row_add(x, name, e);
}

cimf_status accounts_edit_group_del(struct accounts_edit *x, struct slice name, struct error *e)
{
    struct sid builtin;
    unsigned at = 0;
    while (at < x->group_count && !slice_ieq(x->groups[at].name, name)) at++;
    if (at == x->group_count) {
        if (!sid_builtin(name, &builtin)) return no_such(e, "group", name);
        error_set(e, CIMF_INVALID_PARAMETER, "auth", "the group is built in");
        error_subject(e, name);
        return CIMF_INVALID_PARAMETER;
    }
    struct account_change leave = { .leave = &name, .leave_count = 1 };
    for (unsigned i = 0; i < x->count; i++) {
        cimf_status s = change_groups(x, &x->rows[i], &leave, e);
        if (s != CIMF_OK) return s;
    }
    memmove(&x->groups[at], &x->groups[at + 1], (x->group_count - at - 1) * sizeof *x->groups);
    x->group_count--;
    return CIMF_OK;
}

/* ---- one change by a path ---- */

static cimf_status finish(struct accounts_edit *x, cimf_status s, struct error *e)
{
    if (s == CIMF_OK) s = accounts_edit_commit(x, e);
    accounts_edit_end(x);
    return s;
}

cimf_status accounts_add(const char *path, const struct account_change *c, struct error *e)
{
    struct accounts_place place = { .path = path };
    struct accounts_edit *x;
    cimf_status s = accounts_edit_begin(&place, &x, e);
    if (s != CIMF_OK) return s;
    for (unsigned i = 0; s == CIMF_OK && i < c->group_count; i++)
        if (!edit_group_known(x, c->groups[i])) s = accounts_edit_group_add(x, c->groups[i], e);
    return finish(x, s == CIMF_OK ? accounts_edit_add(x, c, e) : s, e);
}

cimf_status accounts_passwd(const char *path, const struct account_change *c, struct error *e)
{
    struct accounts_place place = { .path = path };
    struct accounts_edit *x;
    cimf_status s = accounts_edit_begin(&place, &x, e);
    return s == CIMF_OK ? finish(x, accounts_edit_passwd(x, c, e), e) : s;
}

cimf_status accounts_del(const char *path, struct slice name, struct error *e)
{
    struct accounts_place place = { .path = path };
    struct accounts_edit *x;
    cimf_status s = accounts_edit_begin(&place, &x, e);
    return s == CIMF_OK ? finish(x, accounts_edit_del(x, name, e), e) : s;
}

cimf_status accounts_enable(const char *path, struct slice name, bool enabled, struct error *e)
{
    struct accounts_place place = { .path = path };
    struct accounts_edit *x;
    cimf_status s = accounts_edit_begin(&place, &x, e);
    return s == CIMF_OK ? finish(x, accounts_edit_enable(x, name, enabled, e), e) : s;
}
