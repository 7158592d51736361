/* The settings of clients: files, locks and options. */
#include "client/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ini.h"
#include "os/file.h"

enum kind { KIND_BOOL, KIND_NUMBER, KIND_HOSTS, KIND_NAMES };

static const struct row {
    const char *section, *key, *name, *def, *text;
    enum kind kind;
    uint64_t min, max;
} rows[CLIENT_SETTINGS] = {
#define CLIENT_SETTING(section, key, kind, def, min, max, text)                                    \
    { #section, #key, #section "." #key, def, text, KIND_##kind, min, max },
#include "client/config.def"
#undef CLIENT_SETTING
};

const char *client_setting_name(enum client_setting k) { return rows[k].name; }
const char *client_setting_text(enum client_setting k) { return rows[k].text; }

static int find_row(struct slice section, struct slice key)
{
    for (int i = 0; i < CLIENT_SETTINGS; i++)
        if (slice_is(section, rows[i].section) && slice_is(key, rows[i].key)) return i;
    return -1;
}

/* --- values -------------------------------------------------------------------------------------- */

static bool read_bool(struct slice v, uint64_t *number)
{
    static const char *const words[2][4] = { { "off", "no", "false", "0" }, { "on", "yes", "true", "1" } };
    for (unsigned on = 0; on < 2; on++)
        for (int i = 0; i < 4; i++)
            if (slice_ieq(v, slice_str(words[on][i]))) return *number = on, true;
    return false;
}

static bool read_number(const char *text, uint64_t *number)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    *number = n;
    return !errno && end != text && !*end && *text != '-';
}

static bool names_valid(struct slice list)
{
    for (struct slice rest = list; rest.p && rest.n;) {
        struct slice key, name = slice_trim(slice_split(rest, ',', &rest));
        if (slice_is(name, "*")) continue;
        struct slice section = slice_split(name, '.', &key);
        if (find_row(section, key) < 0) return false;
    }
    return true;
}

static cimf_status assign(struct client_settings *s, int k, struct slice value, struct error *e)
{
    const struct row *row = &rows[k];
    struct slice copy = arena_dup(&s->arena, value);
    uint64_t number = 0;
    if (!copy.p) return error_set(e, CIMF_OUT_OF_MEMORY, "client", "the settings are too large");
    bool ok = true;
    switch (row->kind) {
    case KIND_BOOL: ok = read_bool(copy, &number); break;
    case KIND_NUMBER: ok = read_number(copy.p, &number) && number >= row->min && number <= row->max; break;
    case KIND_HOSTS: ok = client_hosts_valid(copy); break;
    case KIND_NAMES: ok = names_valid(copy); break;
    }
    static const char *const wants[] = {
        [KIND_BOOL] = "on or off", [KIND_NUMBER] = "a number from 500 to 4294967295",
        [KIND_HOSTS] = "*, or a list of name, *suffix, prefix* and <local>", [KIND_NAMES] = "a list of section.key, or *",
    };
    if (!ok) {
        return error_set(e, CIMF_INVALID_PARAMETER, "client", "%s is %s, not '%.80s'", row->name, wants[row->kind], copy.p);
    }
    s->at[k].text = copy.p;
    s->at[k].number = number;
    return CIMF_OK;
}

/* --- files --------------------------------------------------------------------------------------- */

struct reading {
    struct client_settings *settings;
    const char *path;
    bool is_system;
};

static cimf_status take_line(void *arg, const struct ini_line *l, struct error *e)
{
    struct reading *r = arg;
    int k = find_row(l->section, l->key);
    if (k < 0)
        return error_set(e, CIMF_INVALID_PARAMETER, "client", SLICE_FMT "." SLICE_FMT " is no setting",
                         SLICE_ARG(slice_head(l->section, 60)), SLICE_ARG(slice_head(l->key, 60)));
    if (k == CLIENT_policy_locked && !r->is_system)
        return error_set(e, CIMF_INVALID_PARAMETER, "client", "%s belongs into " CLIENT_SYSTEM_FILE, rows[k].name);
    struct client_setting_value *v = &r->settings->at[k];
    if (!r->is_system && r->settings->locked[k]) {
        v->ignored = r->path;
        return CIMF_OK;
    }
    struct slice text = l->value;
    /* A list may go on in further lines, behind a comma or not. */
    bool list = rows[k].kind == KIND_HOSTS || rows[k].kind == KIND_NAMES;
    if (l->more && !list)
        return error_set(e, CIMF_INVALID_PARAMETER, "client", "%s is no list, it cannot go on in another line", rows[k].name);
    if (list && text.n && text.p[text.n - 1] == ',') text = slice_trim(slice_head(text, text.n - 1));
    if (l->more && *v->text)
        text = text.n ? arena_printf(&r->settings->arena, "%s," SLICE_FMT, v->text, SLICE_ARG(text)) : slice_str(v->text);
    cimf_status status = assign(r->settings, k, text, e);
    if (status == CIMF_OK) v->source = r->path;
    return status;
}

static cimf_status read_file(struct client_settings *s, const char *path, bool is_system, struct error *e)
{
    struct reading r = { .settings = s, .path = arena_strz(&s->arena, slice_str(path)), .is_system = is_system };
    struct slice text;
    struct error why = ERROR_INIT;
    if (!r.path) return error_set(e, CIMF_OUT_OF_MEMORY, "client", "the settings are too large");
    cimf_status status = file_read(&s->arena, path, FILE_SMALL, &text, &why);
    if (status != CIMF_OK && (why.native == ENOENT || why.native == ENOTDIR)) return CIMF_OK;
    if (status == CIMF_OK) status = ini_read(text, path, take_line, &r, e);
    else status = error_errno(e, CIMF_ACCESS_DENIED, "client", why.native ? why.native : EFBIG, "cannot read the settings in %s", path);
    if (status != CIMF_OK) error_subject(e, slice_str(path));
    return status;
}

static void take_locks(struct client_settings *s, const char *path)
{
    for (struct slice rest = slice_str(s->at[CLIENT_policy_locked].text); rest.p && rest.n;) {
        struct slice key, name = slice_trim(slice_split(rest, ',', &rest));
        struct slice section = slice_split(name, '.', &key);
        int one = find_row(section, key);
        for (int k = 0; k < CLIENT_SETTINGS; k++)
            if (slice_is(name, "*") || k == one) s->locked[k] = true;
        s->locked_by = path;
    }
}

cimf_status client_settings_read(struct client_settings *s, const char *system_file, const char *user_file,
                                 struct error *e)
{
    *s = (struct client_settings){ 0 };
    arena_init(&s->arena, 16 << 20);
    cimf_status status = CIMF_OK;
    for (int k = 0; k < CLIENT_SETTINGS && status == CIMF_OK; k++) {
        status = assign(s, k, slice_str(rows[k].def), e);
        s->at[k].source = "default";
    }
    if (status == CIMF_OK && system_file) status = read_file(s, system_file, true, e);
    if (status == CIMF_OK && system_file) take_locks(s, s->at[CLIENT_policy_locked].source);
    if (status == CIMF_OK && user_file && *user_file) status = read_file(s, user_file, false, e);
    return status;
}

struct slice client_settings_user_file(struct arena *a)
{
    const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (base && base[0] == '/') return arena_printf(a, "%s/cimfony/client.ini", base);
    if (home && home[0] == '/') return arena_printf(a, "%s/.config/cimfony/client.ini", home);
    return SLICE("");
}

cimf_status client_settings_option(struct client_settings *s, enum client_setting k, const char *value,
                                   const char *option, struct error *e)
{
    if (s->locked[k] && strcmp(s->at[k].text, value) != 0) {
        return error_set(e, CIMF_ACCESS_DENIED, "client", "%s: %s locks %s = %s", option, s->locked_by, rows[k].name,
                         *s->at[k].text ? s->at[k].text : "(empty)");
    }
    cimf_status status = assign(s, (int)k, slice_str(value), e);
    if (status == CIMF_OK && !s->locked[k]) s->at[k].source = option;
    return status;
}

void client_settings_free(struct client_settings *s) { arena_free(&s->arena); }

/* --- trusted hosts ------------------------------------------------------------------------------- */

static size_t stars(struct slice s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) n += s.p[i] == '*';
    return n;
}

static bool pattern_valid(struct slice p)
{
    if (p.n == 0 || p.n > 255) return false;
    if (slice_ieq(p, SLICE("<local>"))) return true;
    for (size_t i = 0; i < p.n; i++)
        if ((unsigned char)p.p[i] <= ' ' || strchr("<>/\"", p.p[i])) return false;
    if (stars(p) == 0) return true;
    return stars(p) == 1 && p.n > 1 && (p.p[0] == '*' || p.p[p.n - 1] == '*');
}

bool client_hosts_valid(struct slice list)
{
    list = slice_trim(list);
    if (list.n == 0 || slice_is(list, "*")) return true;
    for (struct slice rest = list; rest.p;)
        if (!pattern_valid(slice_trim(slice_split(rest, ',', &rest)))) return false;
    return true;
}

static bool pattern_match(struct slice p, struct slice host)
{
    if (slice_ieq(p, SLICE("<local>"))) return slice_find(host, '.') == host.n && slice_find(host, ':') == host.n;
    size_t n = p.n - 1;
    if (p.p[0] == '*') return host.n >= n && slice_ieq(slice_sub(host, host.n - n), slice_sub(p, 1));
    if (p.p[n] == '*') return host.n >= n && slice_ieq(slice_head(host, n), slice_head(p, n));
    return slice_ieq(p, host);
}

bool client_hosts_match(struct slice list, struct slice host)
{
    list = slice_trim(list);
    if (host.n == 0 || !client_hosts_valid(list)) return false;
    if (slice_is(list, "*")) return true;
    for (struct slice rest = list; rest.p && rest.n;)
        if (pattern_match(slice_trim(slice_split(rest, ',', &rest)), host)) return true;
    return false;
}
