#include "daemon/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <unistd.h>

#include "auth/sddl.h"
#include "base/ini.h"
#include "os/file.h"

struct config_row {
    const char *section, *key, *def, *text;
    enum config_kind kind;
    uint64_t min, max;
};

static const struct config_row rows[CONFIG_COUNT] = {
#define CONFIG(section, key, kind, def, min, max, text)                                                                \
    { #section, #key, def, text, CONFIG_##kind, min, max },
#include "daemon/config.def"
#undef CONFIG
};

static int find_row(struct slice section, struct slice key)
{
    for (int i = 0; i < CONFIG_COUNT; i++)
        if (slice_is(section, rows[i].section) && slice_is(key, rows[i].key)) return i;
    return -1;
}

static bool section_exists(struct slice section)
{
    for (int i = 0; i < CONFIG_COUNT; i++)
        if (slice_is(section, rows[i].section)) return true;
    return false;
}

/* What is wrong with the value (in a static buffer of the caller), or false. */
static bool bad_value(const struct config_row *row, const char *value, uint64_t *number, char *why, size_t size)
{
    static const char *const on[] = { "on", "yes", "true", "1" }, *const off[] = { "off", "no", "false", "0" };
    struct slice v = slice_str(value);
    switch (row->kind) {
    case CONFIG_BOOL:
        for (int i = 0; i < 4; i++) {
            if (slice_ieq(v, slice_str(on[i]))) return *number = 1, false;
            if (slice_ieq(v, slice_str(off[i]))) return *number = 0, false;
        }
        snprintf(why, size, "'%.60s' is neither on nor off", value);
        return true;
    case CONFIG_NUMBER: {
        char *end;
        errno = 0;
        unsigned long long n = strtoull(value, &end, 10);
        if (errno || end == value || *end || *value == '-') {
            snprintf(why, size, "'%.60s' is not a number", value);
            return true;
        }
        if (row->max && (n < row->min || n > row->max)) {
            snprintf(why, size, "%llu is outside %llu..%llu", n, (unsigned long long)row->min,
                     (unsigned long long)row->max);
            return true;
        }
        *number = n;
        return false;
    }
    case CONFIG_CHOICE: {
        struct slice rest = slice_head(slice_str(row->text), slice_find(slice_str(row->text), ':'));
        while (rest.p && rest.n) {
            struct slice word = slice_split(rest, '|', &rest);
            if (slice_eq(word, v)) return false;
        }
        snprintf(why, size, "'%.60s' is not one of %.80s", value, row->text);
        return true;
    }
    default: return false;
    }
}

/* Relative paths of a file are below its folder; those of --set and defaults stay as they are. */
static struct slice absolute(struct config *c, const struct config_row *row, struct slice value)
{
    const char *slash = c->path ? strrchr(c->path, '/') : NULL;
    if (row->kind != CONFIG_PATH || value.n == 0 || value.p[0] == '/' || !slash) return arena_dup(&c->arena, value);
    return arena_printf(&c->arena, "%.*s/" SLICE_FMT, (int)(slash - c->path), c->path, SLICE_ARG(value));
}

static cimf_status assign(struct config *c, int k, struct slice value, struct error *e)
{
    char why[160];
    struct slice copy = absolute(c, &rows[k], value);
    if (!copy.p) return error_set(e, CIMF_OUT_OF_MEMORY, "config", "the configuration is too large");
    if (bad_value(&rows[k], copy.p, &c->number[k], why, sizeof why))
        return error_set(e, CIMF_INVALID_PARAMETER, "config", "%s.%s: %s", rows[k].section, rows[k].key, why);
    c->value[k] = rows[k].kind != CONFIG_BOOL ? copy.p : c->number[k] ? "on" : "off"; /* however it was spelled */
    return CIMF_OK;
}

cimf_status config_init(struct config *c, struct error *e)
{
    *c = (struct config){ 0 };
    arena_init(&c->arena, 16 << 20);
    for (int i = 0; i < CONFIG_COUNT; i++) {
        cimf_status s = assign(c, i, slice_str(rows[i].def), e);
        if (s != CIMF_OK) return s;
    }
    return CIMF_OK;
}

void config_free(struct config *c) { arena_free(&c->arena); }

cimf_status config_copy(struct config *out, const struct config *c, struct error *e)
{
    *out = (struct config){ 0 };
    arena_init(&out->arena, 16 << 20);
    for (int i = 0; i < CONFIG_COUNT; i++) {
        out->value[i] = arena_dup(&out->arena, slice_str(c->value[i])).p;
        out->number[i] = c->number[i];
    }
    out->path = c->path ? arena_dup(&out->arena, slice_str(c->path)).p : NULL;
    if (!out->arena.overflow) return CIMF_OK;
    config_free(out);
    return error_set(e, CIMF_OUT_OF_MEMORY, "config", "the configuration is too large");
}

static int find_key(struct slice key)
{
    struct slice name, section = slice_split(key, '.', &name);
    return name.p ? find_row(section, name) : -1;
}

const char *config_find(const struct config *c, struct slice key)
{
    int k = find_key(key);
    return k < 0 ? NULL : c->value[k];
}

bool config_locked(const struct config *c, struct slice key)
{
    struct slice rest = slice_str(c->value[CONFIG_policy_locked]);
    while (rest.p && rest.n)
        if (slice_eq(slice_trim(slice_split(rest, ',', &rest)), key)) return true;
    return false;
}

enum mech_binding config_binding_level(const struct config *c)
{
    const char *word = config_text(c, CONFIG_auth_cbt);
    if (strcmp(word, "none") == 0) return MECH_BINDING_NONE;
    return strcmp(word, "strict") == 0 ? MECH_BINDING_STRICT : MECH_BINDING_RELAXED;
}

/* What is locked must exist: a slip of the pen would lock nothing. */
static cimf_status check_locked(const struct config *c, struct error *e)
{
    struct slice rest = slice_str(c->value[CONFIG_policy_locked]);
    while (rest.p && rest.n) {
        struct slice item = slice_trim(slice_split(rest, ',', &rest));
        if (item.n == 0 || find_key(item) >= 0) continue;
        return error_set(e, CIMF_INVALID_PARAMETER, "config", "policy.locked: there is no setting " SLICE_FMT,
                         SLICE_ARG(slice_head(item, 80)));
    }
    return CIMF_OK;
}

/* A list may go on in further lines, behind a comma or not. */
static cimf_status take_more(struct config *c, int k, struct slice value, struct error *e)
{
    if (rows[k].kind != CONFIG_LIST)
        return error_set(e, CIMF_INVALID_PARAMETER, "config", "%s.%s is no list, it cannot go on in another line",
                         rows[k].section, rows[k].key);
    if (!value.n) return CIMF_OK;
    struct slice all = slice_str(c->value[k]);
    bool comma = all.n == 0 || all.p[all.n - 1] == ',';
    all = arena_printf(&c->arena, SLICE_FMT "%s" SLICE_FMT, SLICE_ARG(all), comma ? "" : ",", SLICE_ARG(value));
    return all.p ? assign(c, k, all, e) : error_set(e, CIMF_OUT_OF_MEMORY, "config", "the configuration is too large");
}

static cimf_status take_line(void *arg, const struct ini_line *l, struct error *e)
{
    struct config *c = arg;
    int k = find_row(l->section, l->key);
    struct slice section = slice_head(l->section, 60), key = slice_head(l->key, 60);
    if (k >= 0) return l->more ? take_more(c, k, l->value, e) : assign(c, k, l->value, e);
    if (section_exists(l->section))
        return error_set(e, CIMF_INVALID_PARAMETER, "config", "section [" SLICE_FMT "] has no key '" SLICE_FMT "'",
                         SLICE_ARG(section), SLICE_ARG(key));
    return error_set(e, CIMF_INVALID_PARAMETER, "config", "there is no section [" SLICE_FMT "]", SLICE_ARG(section));
}

cimf_status config_read(struct config *c, const char *path, struct error *e)
{
    struct slice text;
    struct error why = ERROR_INIT;
    c->path = arena_dup(&c->arena, slice_str(path)).p;
    cimf_status status = file_read(&c->arena, path, FILE_SMALL, &text, &why);
    if (status == CIMF_OK) return ini_read(text, path, take_line, c, e);
    if (!why.native) why.native = EFBIG;
    status = error_errno(e, why.native == EACCES ? CIMF_ACCESS_DENIED : CIMF_NOT_FOUND, "config", why.native,
                         "cannot read the configuration file %s", path);
    error_subject(e, slice_str(path));
    return status;
}

cimf_status config_set(struct config *c, const char *assignment, struct error *e)
{
    struct slice value, key, section = slice_split(slice_str(assignment), '=', &value);
    section = slice_split(section, '.', &key);
    if (!value.p || !key.p)
        return error_set(e, CIMF_USAGE, "config", "--set '%.100s': section.key=value is expected", assignment);
    int k = find_row(section, key);
    if (k < 0)
        return error_set(e, CIMF_USAGE, "config", "--set: there is no key " SLICE_FMT "." SLICE_FMT, SLICE_ARG(section),
                         SLICE_ARG(key));
    const char *path = c->path;
    c->path = NULL; /* paths of the command line are relative to where it was typed */
    cimf_status s = assign(c, k, value, e);
    c->path = path;
    return s;
}

/* One hash behind its length byte; false: it is none. */
static bool put_hash(struct buf *b, struct slice hex)
{
    enum { SHA1 = 20, SHA512 = 64 };
    unsigned char hash[SHA512];
    size_t n = hex.n / 2;
    return n >= SHA1 && n <= SHA512 && slice_unhex(hex, hash) && buf_byte(b, (int)n) && buf_add(b, hash, n);
}

cimf_status config_cbt_hashes(const struct config *c, struct arena *a, struct slice *out, struct error *e)
{
    struct buf b;
    struct slice rest = slice_str(c->value[CONFIG_auth_cbt_hashes]);
    cimf_status status = CIMF_OK;
    buf_init(&b, 1 << 16);
    while (rest.p && rest.n && status == CIMF_OK) {
        struct slice item = slice_trim(slice_split(rest, ',', &rest));
        if (item.n && !put_hash(&b, item))
            status = error_set(e, CIMF_INVALID_PARAMETER, "config", "auth.cbt_hashes: '" SLICE_FMT "' is no hexadecimal hash",
                               SLICE_ARG(slice_head(item, 130)));
    }
    *out = arena_dup(a, buf_slice(&b));
    if (status == CIMF_OK && (!buf_ok(&b) || !out->p)) status = error_set(e, CIMF_OUT_OF_MEMORY, "config", "auth.cbt_hashes is too long");
    buf_free(&b);
    return status;
}

static cimf_status check_cbt_hashes(const struct config *c, struct error *e)
{
    struct arena a;
    struct slice hashes;
    arena_init(&a, 1 << 20);
    cimf_status status = config_cbt_hashes(c, &a, &hashes, e);
    arena_free(&a);
    return status;
}

/* A descriptor without a DACL would let everybody in. */
static cimf_status check_root_sddl(const struct config *c, struct error *e)
{
    struct arena a;
    struct error why = ERROR_INIT;
    const struct sd *sd;
    arena_init(&a, 1 << 20);
    cimf_status status = sddl_parse(&a, slice_str(c->value[CONFIG_wsman_root_sddl]), NULL, &sd, &why);
    if (status != CIMF_OK) {
        status = error_set(e, CIMF_INVALID_PARAMETER, "config", "wsman.root_sddl: %s", error_text(&why));
    } else if (!sd_has_dacl(sd)) {
        status = error_set(e, CIMF_INVALID_PARAMETER, "config", "wsman.root_sddl has no DACL: that would let everybody in");
    }
    arena_free(&a);
    return status;
}

cimf_status config_check(const struct config *c, struct error *e)
{
    if (*c->value[CONFIG_listen_https] && (!*c->value[CONFIG_tls_certificate] || !*c->value[CONFIG_tls_key]))
        return error_set(e, CIMF_INVALID_PARAMETER, "config",
                         "listen.https needs tls.certificate and tls.key: PEM files");
    bool wmi = *c->value[CONFIG_listen_epmap] && *c->value[CONFIG_listen_wmi]; /* one is of no use */
    if (!*c->value[CONFIG_listen_http] && !*c->value[CONFIG_listen_https] && !wmi)
        return error_set(e, CIMF_INVALID_PARAMETER, "config",
                         "no client could get in: set listen.http, listen.https, or both listen.epmap and listen.wmi");
    if (!*c->value[CONFIG_cimd_state_dir] || !*c->value[CONFIG_cimd_run_dir])
        return error_set(e, CIMF_INVALID_PARAMETER, "config", "cimd.state_dir and cimd.run_dir must be set");
    cimf_status status = check_root_sddl(c, e);
    if (status == CIMF_OK) status = check_cbt_hashes(c, e);
    return status == CIMF_OK ? check_locked(c, e) : status;
}

bool config_dump(const struct config *c, struct buf *out)
{
    const char *section = "";
    for (int i = 0; i < CONFIG_COUNT; i++) {
        if (strcmp(section, rows[i].section) != 0) {
            buf_printf(out, "%s[%s]\n", i ? "\n" : "", rows[i].section);
            section = rows[i].section;
        }
        buf_printf(out, "; %s", rows[i].text);
        if (rows[i].kind == CONFIG_NUMBER && rows[i].max)
            buf_printf(out, " (%llu..%llu)", (unsigned long long)rows[i].min, (unsigned long long)rows[i].max);
        if (strcmp(c->value[i], rows[i].def) != 0) buf_printf(out, "; default: %s", *rows[i].def ? rows[i].def : "empty");
        buf_printf(out, "\n%s = %s\n", rows[i].key, c->value[i]);
    }
    return buf_ok(out);
}

bool config_freeze(const struct config *c, struct buf *out)
{
    char here[4096];
    if (!getcwd(here, sizeof here)) here[0] = 0;
    for (int i = 0; i < CONFIG_COUNT; i++) {
        const char *value = c->value[i];
        bool relative = rows[i].kind == CONFIG_PATH && *value && *value != '/';
        buf_printf(out, "%s.%s=%s%s%s", rows[i].section, rows[i].key, relative ? here : "", relative ? "/" : "", value);
        buf_byte(out, 0);
    }
    return buf_ok(out);
}

cimf_status config_thaw(struct config *c, struct slice frozen, struct error *e)
{
    while (frozen.n) {
        const char *end = memchr(frozen.p, 0, frozen.n);
        if (!end) return error_set(e, CIMF_INVALID_PARAMETER, "config", "the frozen configuration is cut");
        cimf_status s = config_set(c, frozen.p, e);
        if (s != CIMF_OK) return s;
        frozen = slice_sub(frozen, (size_t)(end - frozen.p) + 1);
    }
    return CIMF_OK;
}

const char *config_item(struct config *c, enum config_key k, unsigned i)
{
    struct slice rest = slice_str(c->value[k]);
    while (rest.p && rest.n) {
        struct slice item = slice_trim(slice_split(rest, ',', &rest));
        if (item.n && i-- == 0) return arena_dup(&c->arena, item).p;
    }
    return NULL;
}

const char *config_keytab(const struct config *c)
{
    const char *path = c->value[CONFIG_auth_keytab];
    if (!*path) path = getenv("KRB5_KTNAME");
    if (!path || !*path) path = "/etc/krb5.keytab";
    return strncmp(path, "FILE:", 5) == 0 ? path + 5 : path;
}

const char *config_accounts(struct config *c)
{
    if (*c->value[CONFIG_cimd_accounts]) return c->value[CONFIG_cimd_accounts];
    return arena_printf(&c->arena, "%s/accounts", c->value[CONFIG_cimd_state_dir]).p;
}

const char *config_audit_log(struct config *c)
{
    if (*c->value[CONFIG_cimd_audit_log]) return c->value[CONFIG_cimd_audit_log];
    return arena_printf(&c->arena, "%s/audit.log", c->value[CONFIG_cimd_state_dir]).p;
}

const char *config_certificates(struct config *c)
{
    if (*c->value[CONFIG_auth_certificates]) return c->value[CONFIG_auth_certificates];
    return arena_printf(&c->arena, "%s/auth/certificates", c->value[CONFIG_cimd_state_dir]).p;
}
