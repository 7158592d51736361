/* Reading and changing the certificate map. Which row a certificate has: certmap_match.c. */
#include "auth/certmap.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/accounts_priv.h"
#include "auth/certmap_priv.h"
#include "base/utf.h"

static bool text_ok(struct slice s, size_t max)
{
    if (s.n == 0 || s.n > max || !utf8_valid(s)) return false;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f) return false;
    return true;
}

static bool issuer_ok(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!strchr("0123456789abcdef", s.p[i]) || !s.p[i]) return false;
    return s.n == CERTMAP_ISSUER;
}

static bool subject_ok(struct slice s)
{
    if (!text_ok(s, CERTMAP_PATTERN_MAX)) return false;
    unsigned stars = 0;
    for (size_t i = 0; i < s.n; i++) stars += s.p[i] == '*';
    return stars == 0 || (stars == 1 && (s.p[0] == '*' || s.p[s.n - 1] == '*'));
}

static bool uri_ok(struct slice s)
{
    if (!text_ok(s, CERTMAP_URI_MAX) || memchr(s.p, '?', s.n) || memchr(s.p, ' ', s.n)) return false;
    size_t star = slice_find(s, '*');
    return star >= s.n - 1;
}

/* NULL: fine; else what is wrong. */
static const char *row_check(const struct certmap_row *r)
{
    if (!issuer_ok(r->issuer)) return "the issuer is not a thumbprint of 40 hexadecimal digits";
    if (!subject_ok(r->subject)) return "the subject is not a pattern with at most one *, first or last";
    if (!uri_ok(r->uri)) return "the URI is not one, or has a * that is not last, white space or ?";
    if (!account_name_ok(r->user)) return "the user is not an account name";
    return NULL;
}

static bool same_key(const struct certmap_row *a, const struct certmap_row *b)
{
    return slice_eq(a->issuer, b->issuer) && slice_ieq(a->subject, b->subject) && slice_eq(a->uri, b->uri);
}

static const char *row_parse(struct slice line, struct certmap_row *out)
{
    struct slice f[5], rest = line;
    for (int i = 0; i < 5; i++) {
        if (!rest.p) return "it is not state, issuer, subject, uri and user with tabs between";
        f[i] = slice_split(rest, '\t', &rest);
    }
    *out = (struct certmap_row){ f[1], f[2], f[3], f[4], slice_is(f[0], "on") };
    if (rest.p || (!out->enabled && !slice_is(f[0], "off")))
        return "it is not on|off, issuer, subject, uri and user with tabs between";
    return row_check(out);
}

static cimf_status bad_line(struct error *e, unsigned line, const char *what)
{
    error_set(e, CIMF_INVALID_SYNTAX, "auth", "the certificate map is not valid in line %u: %s", line, what);
    error_place(e, line, 1);
    return CIMF_INVALID_SYNTAX;
}

static cimf_status rows_parse(struct certmap *m, struct slice text, struct error *e)
{
    unsigned room = 0;
    for (size_t i = 0; i < text.n; i++) room += text.p[i] == '\n';
    if (room > CERTMAP_ROWS_MAX) return bad_line(e, 1, "there are too many rows");
    m->rows = ARENA_ARRAY(&m->arena, (size_t)room + 1, struct certmap_row);
    if (!m->rows) return CIMF_OUT_OF_MEMORY;
    for (unsigned number = 1; text.p && text.n; number++) {
        struct slice line = slice_split(text, '\n', &text);
        if (number == 1) {
            if (!slice_is(line, CERTMAP_HEAD)) return bad_line(e, 1, "the head is not one of a certificate map");
            continue;
        }
        if (line.n == 0 || line.p[0] == '#') continue;
        struct certmap_row *row = &m->rows[m->count];
        const char *what = row_parse(line, row);
        if (what) return bad_line(e, number, what);
        struct slice key = certmap_key(&m->arena, row);
        if (!key.p) return CIMF_OUT_OF_MEMORY;
        if (map_get(&m->by_key, key)) return bad_line(e, number, "issuer, subject and uri are there twice");
        if (!map_put(&m->by_key, key, row, NULL)) return CIMF_OUT_OF_MEMORY;
        m->count++;
    }
    return CIMF_OK;
}

cimf_status certmap_parse(struct slice text, struct certmap **out, struct error *e)
{
    *out = NULL;
    struct certmap *m = calloc(1, sizeof *m);
    if (!m) return error_set(e, CIMF_OUT_OF_MEMORY, "auth", "no memory for the certificate map");
    m->refs = 1;
    arena_init(&m->arena, (size_t)64 << 20);
    map_init(&m->by_key, true);
    struct slice own = arena_dup(&m->arena, text);
    cimf_status s = !own.p ? CIMF_OUT_OF_MEMORY : own.n == 0 ? bad_line(e, 1, "it is empty") : rows_parse(m, own, e);
    if (s == CIMF_OUT_OF_MEMORY) error_set(e, s, "auth", "the certificate map does not fit into memory");
    if (s == CIMF_OK) *out = m;
    else certmap_unref(m);
    return s;
}

static cimf_status load(const struct accounts_place *place, struct certmap **out, struct stat *st, struct error *e)
{
    *out = NULL;
    struct buf text;
    buf_init(&text, CERTMAP_FILE_MAX);
    cimf_status s = private_read(place->path, place->has_owner ? &place->owner : NULL, &text, st, e);
    if (s == CIMF_OK) s = certmap_parse(buf_slice(&text), out, e);
    if (s != CIMF_OK) error_subject(e, slice_str(place->path));
    buf_free(&text);
    return s;
}

cimf_status certmap_load(const char *path, struct certmap **out, struct error *e)
{
    struct accounts_place place = { .path = path };
    struct stat st;
    return load(&place, out, &st, e);
}

cimf_status certmap_load_place(const struct accounts_place *place, struct certmap **out, struct error *e)
{
    struct stat st;
    return load(place, out, &st, e);
}

struct certmap *certmap_ref(struct certmap *m)
{
    __atomic_add_fetch(&m->refs, 1, __ATOMIC_RELAXED);
    return m;
}

void certmap_unref(struct certmap *m)
{
    if (!m || __atomic_sub_fetch(&m->refs, 1, __ATOMIC_ACQ_REL) != 0) return;
    map_free(&m->by_key);
    arena_free(&m->arena);
    free(m);
}

unsigned certmap_count(const struct certmap *m) { return m->count; }

const struct certmap_row *certmap_at(const struct certmap *m, unsigned i)
{
    return i < m->count ? &m->rows[i] : NULL;
}

/* ---- changes ---- */

static bool row_write(struct buf *b, const struct certmap_row *r)
{
    return buf_printf(b, "%s\t" SLICE_FMT "\t" SLICE_FMT "\t" SLICE_FMT "\t" SLICE_FMT "\n", r->enabled ? "on" : "off",
                      SLICE_ARG(r->issuer), SLICE_ARG(r->subject), SLICE_ARG(r->uri), SLICE_ARG(r->user));
}

/* The texts of key that are not empty are the row's. */
static bool is_meant(const struct certmap_row *r, const struct certmap_row *key)
{
    return (key->subject.n == 0 || slice_ieq(r->subject, key->subject)) &&
           (key->issuer.n == 0 || slice_eq(r->issuer, key->issuer)) && (key->uri.n == 0 || slice_eq(r->uri, key->uri)) &&
           (key->user.n == 0 || slice_ieq(r->user, key->user));
}

enum change { CHANGE_ADD, CHANGE_DELETE, CHANGE_ENABLE, CHANGE_USER };

/* The rows as they will be. row: the new one, or the key of those that change. */
static cimf_status rewrite(const struct accounts_place *place, const struct certmap *m, const struct stat *st,
                           enum change change, const struct certmap_row *row, struct error *e)
{
    struct buf text;
    buf_init(&text, CERTMAP_FILE_MAX);
    buf_printf(&text, "%s\n", CERTMAP_HEAD);
    for (unsigned i = 0; m && i < m->count; i++) {
        struct certmap_row r = m->rows[i];
        bool meant = change == CHANGE_USER ? same_key(&r, row) : change != CHANGE_ADD && is_meant(&r, row);
        if (meant && change == CHANGE_DELETE) continue;
        if (meant) r.enabled = row->enabled;
        if (meant && change == CHANGE_USER) r.user = row->user;
        row_write(&text, &r);
    }
    if (change == CHANGE_ADD) row_write(&text, row);
    cimf_status s = buf_ok(&text) ? private_replace(place, m ? st : NULL, buf_slice(&text), e)
                                  : error_set(e, CIMF_OUT_OF_MEMORY, "auth", "the certificate map would be too large");
    buf_free(&text);
    return s;
}

static cimf_status lower_issuer(const struct certmap_row *row, char issuer[CERTMAP_ISSUER], struct certmap_row *out)
{
    *out = *row;
    if (row->issuer.n > CERTMAP_ISSUER) return CIMF_INVALID_PARAMETER;
    for (size_t i = 0; i < row->issuer.n; i++) {
        char c = row->issuer.p[i];
        issuer[i] = (char)(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    }
    out->issuer = slice_of(issuer, row->issuer.n);
    return CIMF_OK;
}

static cimf_status begin(const struct accounts_place *place, int *lock, struct certmap **m, struct stat *st,
                         struct error *e)
{
    *lock = -1;
    *m = NULL;
    cimf_status s = private_lock(place->path, lock, e);
    /* Root's lock is the broker's too, which changes the map for administrators that come over the network. */
    struct stat l;
    if (s == CIMF_OK && place->has_owner && fstat(*lock, &l) == 0 && S_ISREG(l.st_mode) && l.st_nlink == 1 &&
        fchown(*lock, place->owner, place->group) != 0)
        s = error_errno(e, CIMF_IO_ERROR, "auth", errno, "cannot give away the lock of %s", place->path);
    return s == CIMF_OK ? load(place, m, st, e) : s;
}

cimf_status certmap_add(const struct accounts_place *place, const struct certmap_row *given, struct error *e)
{
    int lock;
    struct certmap *m;
    struct stat st;
    struct certmap_row row;
    char issuer[CERTMAP_ISSUER];
    const char *what = lower_issuer(given, issuer, &row) == CIMF_OK
                           ? row_check(&row) : "the issuer is not a thumbprint of 40 hexadecimal digits";
    if (what) return error_set(e, CIMF_INVALID_PARAMETER, "auth", "%s", what);
    cimf_status s = begin(place, &lock, &m, &st, e);
    if (s == CIMF_NOT_FOUND) s = CIMF_OK;
    for (unsigned i = 0; s == CIMF_OK && m && i < m->count; i++)
        if (same_key(&m->rows[i], &row))
            s = error_set(e, CIMF_ALREADY_EXISTS, "auth", "this issuer, subject and URI are mapped already");
    if (s == CIMF_OK && m && m->count >= CERTMAP_ROWS_MAX - 2)
        s = error_set(e, CIMF_QUOTA_VIOLATION, "auth", "the certificate map has too many rows");
    if (s == CIMF_OK) s = rewrite(place, m, &st, CHANGE_ADD, &row, e);
    certmap_unref(m);
    if (lock >= 0) close(lock);
    return s;
}

cimf_status certmap_put(const struct accounts_place *place, const struct certmap_row *given, bool keep_enabled,
                        struct error *e)
{
    int lock;
    struct certmap *m;
    struct stat st;
    struct certmap_row row;
    char issuer[CERTMAP_ISSUER];
    const struct certmap_row *was = NULL;
    if (lower_issuer(given, issuer, &row) != CIMF_OK)
        return error_set(e, CIMF_INVALID_PARAMETER, "auth", "the issuer is not a thumbprint of 40 hexadecimal digits");
    cimf_status s = begin(place, &lock, &m, &st, e);
    for (unsigned i = 0; s == CIMF_OK && i < m->count && !was; i++)
        if (same_key(&m->rows[i], &row)) was = &m->rows[i];
    if (s == CIMF_NOT_FOUND || (s == CIMF_OK && !was))
        s = error_set(e, CIMF_NOT_FOUND, "auth", "no such certificate is mapped");
    if (s == CIMF_OK && !row.user.n) row.user = was->user;
    if (s == CIMF_OK && keep_enabled) row.enabled = was->enabled;
    const char *what = s == CIMF_OK ? row_check(&row) : NULL;
    if (what) s = error_set(e, CIMF_INVALID_PARAMETER, "auth", "%s", what);
    if (s == CIMF_OK) s = rewrite(place, m, &st, CHANGE_USER, &row, e);
    certmap_unref(m);
    if (lock >= 0) close(lock);
    return s;
}

static cimf_status change_rows(const struct accounts_place *place, enum change change, const struct certmap_row *given,
                               unsigned *count, struct error *e)
{
    int lock;
    unsigned found = 0;
    struct certmap *m;
    struct stat st;
    struct certmap_row key;
    char issuer[CERTMAP_ISSUER];
    if (count) *count = 0;
    if (lower_issuer(given, issuer, &key) != CIMF_OK)
        return error_set(e, CIMF_INVALID_PARAMETER, "auth", "the issuer is not a thumbprint of 40 hexadecimal digits");
    if (!key.issuer.n && !key.subject.n && !key.uri.n && !key.user.n)
        return error_set(e, CIMF_INVALID_PARAMETER, "auth", "which mapping is meant is not said");
    cimf_status s = begin(place, &lock, &m, &st, e);
    for (unsigned i = 0; s == CIMF_OK && i < m->count; i++) found += is_meant(&m->rows[i], &key);
    if (s == CIMF_NOT_FOUND || (s == CIMF_OK && !found))
        s = error_set(e, CIMF_NOT_FOUND, "auth", "no such certificate is mapped");
    if (s == CIMF_OK) s = rewrite(place, m, &st, change, &key, e);
    if (s == CIMF_OK && count) *count = found;
    certmap_unref(m);
    if (lock >= 0) close(lock);
    return s;
}

cimf_status certmap_del(const struct accounts_place *place, const struct certmap_row *key, unsigned *count,
                        struct error *e)
{
    return change_rows(place, CHANGE_DELETE, key, count, e);
}

cimf_status certmap_enable(const struct accounts_place *place, const struct certmap_row *key, bool enabled,
                           unsigned *count, struct error *e)
{
    struct certmap_row k = *key;
    k.enabled = enabled;
    return change_rows(place, CHANGE_ENABLE, &k, count, e);
}
