/* Reading the accounts file. Changing it: accounts_edit.c. */
#include "auth/accounts_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/utf.h"

enum { ACCOUNTS_COUNT_MAX = 100000, ACCOUNTS_FIELDS = 8 };

const char *const account_secret_names[ACCOUNT_SECRETS] = { "basic", "ntlm", "digest-md5", "digest-sha256" };

bool account_name_ok(struct slice name)
{
    if (name.n == 0 || name.n > ACCOUNTS_NAME_MAX || !utf8_valid(name)) return false;
    if (name.p[0] == ' ' || name.p[name.n - 1] == ' ' || name.p[0] == '#') return false;
    if (slice_is(name, ".") || slice_is(name, "..")) return false;
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        if (c < 0x20 || c == 0x7f || strchr(":,/\\\"", c)) return false;
    }
    return true;
}

static bool u32_parse(struct slice s, uint32_t *out)
{
    uint64_t v = 0;
    if (s.n == 0 || s.n > 10) return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') return false;
        v = v * 10 + (unsigned)(s.p[i] - '0');
    }
    *out = (uint32_t)v;
    return v <= UINT32_MAX;
}

/* "S-1-5-21-a-b-c" */
static bool domain_sid_ok(struct slice s)
{
    static const struct slice head = { "S-1-5-21-", 9 };
    if (!slice_starts(s, head) || s.n > 64) return false;
    struct slice rest = slice_sub(s, head.n);
    for (int i = 0; i < 3; i++) {
        uint32_t v;
        if (!rest.p || !u32_parse(slice_split(rest, '-', &rest), &v)) return false;
    }
    return rest.p == NULL;
}

struct slice secret_find(struct slice secrets, const char *scheme)
{
    size_t n = strlen(scheme);
    while (secrets.p) {
        struct slice one = slice_split(secrets, ' ', &secrets);
        if (one.n > n && one.p[n] == '=' && memcmp(one.p, scheme, n) == 0)
            return slice_sub(one, n + 1);
    }
    return slice_of("", 0);
}

bool account_expiry_parse(struct slice text, int64_t *us)
{
    struct civil c = { 0 };
    *us = 0;
    if (text.n == 0) return true;
    if (text.n != 10 || text.p[4] != '-' || text.p[7] != '-') return false;
    uint32_t year, month, day;
    if (!u32_parse(slice_head(text, 4), &year) || !u32_parse(slice_of(text.p + 5, 2), &month) ||
        !u32_parse(slice_of(text.p + 8, 2), &day) || year < 1971)
        return false;
    c.year = (int)year;
    c.month = (int)month;
    c.day = (int)day;
    if (!civil_valid(&c)) return false;
    *us = civil_to_us(&c);
    return true;
}

void account_expiry_format(int64_t us, char out[ACCOUNT_EXPIRY_TEXT])
{
    struct civil c;
    civil_from_us(us, &c);
    int n = us ? snprintf(out, ACCOUNT_EXPIRY_TEXT, "%04d-%02d-%02d", c.year, c.month, c.day) : 0;
    if (n <= 0 || n >= ACCOUNT_EXPIRY_TEXT) out[0] = 0;
}

static cimf_status groups_parse(struct arena *a, struct slice text, struct account *to)
{
    to->group_count = 0;
    if (text.n == 0) return CIMF_OK;
    unsigned count = 1;
    for (size_t i = 0; i < text.n; i++) count += text.p[i] == ',';
    if (count > ACCOUNTS_GROUPS_MAX) return CIMF_BAD_REQUEST;
    struct slice *groups = ARENA_ARRAY(a, count, struct slice);
    if (!groups) return CIMF_OUT_OF_MEMORY;
    for (unsigned i = 0; i < count; i++) {
        groups[i] = slice_split(text, ',', &text);
        if (!account_name_ok(groups[i])) return CIMF_BAD_REQUEST;
    }
    to->groups = groups;
    to->group_count = count;
    return CIMF_OK;
}

/* f: name rid state groups posix expires secrets */
static cimf_status user_parse(struct accounts *all, const struct slice *f, struct account *to)
{
    struct slice secrets = f[6];
    for (size_t i = 0; i < secrets.n; i++)
        if ((unsigned char)secrets.p[i] < 0x20 || (unsigned char)secrets.p[i] > 0x7e)
            return CIMF_BAD_REQUEST;
    to->name = f[0];
    if (!account_name_ok(f[0]) || !u32_parse(f[1], &to->rid) || to->rid == 0 ||
        to->rid >= all->next_rid)
        return CIMF_BAD_REQUEST;
    if (slice_is(f[2], "on")) to->enabled = true;
    else if (!slice_is(f[2], "off")) return CIMF_BAD_REQUEST;
    cimf_status status = groups_parse(&all->arena, f[3], to);
    if (status != CIMF_OK) return status;
    if (f[4].n && !account_name_ok(f[4])) return CIMF_BAD_REQUEST;
    if (!account_expiry_parse(f[5], &to->expires)) return CIMF_BAD_REQUEST;
    to->posix_user = f[4];
    to->secrets = secrets;
    to->ntlm = secret_find(secrets, account_secret_names[ACCOUNT_NTLM]).n > 0;
    to->digest_md5 = secret_find(secrets, account_secret_names[ACCOUNT_DIGEST_MD5]).n > 0;
    to->digest_sha256 = secret_find(secrets, account_secret_names[ACCOUNT_DIGEST_SHA256]).n > 0;
    to->basic = arena_dup(&all->arena, secret_find(secrets, account_secret_names[ACCOUNT_BASIC]));
    return to->basic.p ? CIMF_OK : CIMF_OUT_OF_MEMORY;
}

/* f: name rid */
static cimf_status group_parse(struct accounts *all, const struct slice *f, struct account_group *to)
{
    struct sid builtin;
    to->name = f[0];
    if (!account_name_ok(f[0]) || sid_builtin(f[0], &builtin) || !u32_parse(f[1], &to->rid) || to->rid == 0 ||
        to->rid >= all->next_rid)
        return CIMF_BAD_REQUEST;
    return CIMF_OK;
}

static cimf_status bad_line(struct error *e, unsigned line, const char *what)
{
    error_set(e, CIMF_INVALID_SYNTAX, "auth", "the accounts file is not valid in line %u: %s", line,
              what);
    error_place(e, line, 1);
    return CIMF_INVALID_SYNTAX;
}

/* The next line without its end; false at the end of the text. */
static bool next_line(struct slice *text, struct slice *line, unsigned *number)
{
    if (text->n == 0) return false;
    size_t n = slice_find(*text, '\n');
    *line = slice_head(*text, n);
    *text = slice_sub(*text, n < text->n ? n + 1 : n);
    (*number)++;
    return true;
}

static cimf_status head_parse(struct accounts *a, struct slice *text, unsigned *number,
                              struct error *e)
{
    static const char *const words[] = { "cimfony-accounts", "domain", "next" };
    for (unsigned i = 0; i < 3; i++) {
        struct slice line, value;
        if (!next_line(text, &line, number)) return bad_line(e, *number + 1, "the head is missing");
        if (!slice_is(slice_split(line, ' ', &value), words[i]))
            return bad_line(e, *number, "the head is not one of an accounts file");
        if (i == 0) a->version = slice_is(value, "1") ? 1 : slice_is(value, "2") ? 2 : 0;
        if (!a->version) return bad_line(e, *number, "the version is not known to this program");
        if (i == 1 && !domain_sid_ok(value)) return bad_line(e, *number, "not a domain SID");
        if (i == 1) a->domain = value;
        if (i == 2 && (!u32_parse(value, &a->next_rid) || a->next_rid < ACCOUNTS_FIRST_RID))
            return bad_line(e, *number, "not a relative id");
    }
    return CIMF_OK;
}

/* The fields between colons; ACCOUNTS_FIELDS + 1 for more than these. */
static unsigned split(struct slice line, struct slice f[ACCOUNTS_FIELDS])
{
    unsigned n = 0;
    while (line.p && n < ACCOUNTS_FIELDS) f[n++] = slice_split(line, ':', &line);
    return line.p ? ACCOUNTS_FIELDS + 1 : n;
}

/* *what: what is wrong with the line when the answer is CIMF_BAD_REQUEST. */
static cimf_status line_parse(struct accounts *a, struct slice line, const char **what)
{
    struct slice f[ACCOUNTS_FIELDS] = { { NULL, 0 } }, empty = SLICE("");
    unsigned n = split(line, f);
    struct map *names = &a->by_name;
    void *row = &a->list[a->count];
    cimf_status status = CIMF_BAD_REQUEST;
    if (a->version == 1) {
        const struct slice fields[7] = { f[0], f[1], f[2], f[3], f[4], empty, f[5] };
        *what = "it is not name:rid:on|off:groups:posix:secrets";
        if (n == 6) status = user_parse(a, fields, row);
    } else if (slice_is(f[0], "group")) {
        *what = "it is not group:name:rid";
        names = &a->group_by_name;
        row = &a->groups[a->group_count];
        if (n == 3) status = group_parse(a, f + 1, row);
    } else {
        *what = "it is not user:name:rid:on|off:groups:posix:expires:secrets";
        if (n == 8 && slice_is(f[0], "user")) status = user_parse(a, f + 1, row);
    }
    if (status != CIMF_OK) return status;
    struct slice name = a->version == 1 ? f[0] : f[1];
    *what = "the name is there twice";
    if (map_get(names, name)) return CIMF_BAD_REQUEST;
    if (!map_put(names, name, row, NULL)) return CIMF_OUT_OF_MEMORY;
    (*(names == &a->by_name ? &a->count : &a->group_count))++;
    return CIMF_OK;
}

static cimf_status lines_parse(struct accounts *a, struct slice text, unsigned number,
                               struct error *e)
{
    unsigned room = 0;
    for (size_t i = 0; i < text.n; i++) room += text.p[i] == '\n';
    if (room > ACCOUNTS_COUNT_MAX) return bad_line(e, number, "there are too many accounts");
    a->list = ARENA_ARRAY(&a->arena, (size_t)room + 1, struct account);
    a->groups = ARENA_ARRAY(&a->arena, (size_t)room + 1, struct account_group);
    if (!a->list || !a->groups) return CIMF_OUT_OF_MEMORY;
    struct slice line;
    while (next_line(&text, &line, &number)) {
        const char *what;
        if (line.n == 0 || line.p[0] == '#') continue;
        cimf_status status = line_parse(a, line, &what);
        if (status == CIMF_BAD_REQUEST) return bad_line(e, number, what);
        if (status != CIMF_OK) return status;
    }
    return CIMF_OK;
}

cimf_status accounts_parse(struct slice text, struct accounts **out, struct error *e)
{
    *out = NULL;
    struct accounts *a = calloc(1, sizeof *a);
    if (!a) return CIMF_OUT_OF_MEMORY;
    a->refs = 1;
    arena_init(&a->arena, (size_t)256 << 20);
    map_init(&a->by_name, true);
    map_init(&a->group_by_name, true);
    unsigned number = 0;
    cimf_status status = CIMF_OUT_OF_MEMORY;
    struct slice own = arena_dup(&a->arena, text);
    if (own.p) status = head_parse(a, &own, &number, e);
    if (status == CIMF_OK) status = lines_parse(a, own, number, e);
    if (status == CIMF_OUT_OF_MEMORY)
        error_set(e, status, "auth", "the accounts file does not fit into memory");
    if (status == CIMF_OK) *out = a;
    else accounts_unref(a);
    return status;
}

cimf_status accounts_load_place(const struct accounts_place *place, struct accounts **out, struct error *e)
{
    *out = NULL;
    struct buf text;
    struct stat st;
    buf_init(&text, ACCOUNTS_FILE_MAX);
    cimf_status status = private_read(place->path, place->has_owner ? &place->owner : NULL, &text, &st, e);
    if (status == CIMF_OK) status = accounts_parse(buf_slice(&text), out, e);
    if (status != CIMF_OK) error_subject(e, slice_str(place->path));
    buf_wipe(&text);
    return status;
}

cimf_status accounts_load(const char *path, struct accounts **out, struct error *e)
{
    struct accounts_place place = { .path = path };
    return accounts_load_place(&place, out, e);
}

struct accounts *accounts_ref(struct accounts *a)
{
    __atomic_add_fetch(&a->refs, 1, __ATOMIC_RELAXED);
    return a;
}

void accounts_unref(struct accounts *a)
{
    if (!a || __atomic_sub_fetch(&a->refs, 1, __ATOMIC_ACQ_REL) != 0) return;
    map_free(&a->by_name);
    map_free(&a->group_by_name);
    arena_free(&a->arena);
    free(a);
}

unsigned accounts_count(const struct accounts *a) { return a->count; }

const struct account *accounts_at(const struct accounts *a, unsigned i)
{
    return i < a->count ? &a->list[i] : NULL;
}

const struct account *accounts_find(const struct accounts *a, struct slice name)
{
    return map_get(&a->by_name, name);
}

struct slice accounts_domain_sid(const struct accounts *a) { return a->domain; }

unsigned accounts_group_count(const struct accounts *a) { return a->group_count; }

const struct account_group *accounts_group_at(const struct accounts *a, unsigned i)
{
    return i < a->group_count ? &a->groups[i] : NULL;
}

bool accounts_sid(const struct accounts *a, uint32_t rid, struct sid *out)
{
    struct sid domain;
    return sid_parse(a->domain, &domain) && sid_of_rid(&domain, rid, out);
}

bool accounts_group_sid(const struct accounts *a, struct slice name, struct sid *out)
{
    if (sid_builtin(name, out)) return true;
    const struct account_group *g = map_get(&a->group_by_name, name);
    return g && accounts_sid(a, g->rid, out);
}
