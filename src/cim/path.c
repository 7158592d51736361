/* Parsing object paths, MS-WMI 2.2.2 and what clients really send (cim-core.md 2.3). */
#include "cim/path.h"

#include "base/utf.h"

/* Works on a private copy of the text: strings are unescaped in place and borrowed from it. */
struct parser {
    char *start, *at, *end;
    struct arena *a;
    struct cim_path *out;
    struct error *e;
    uint32_t room; /* of out->keys */
};

static cimf_status bad(struct parser *p, const char *at, const char *what)
{
    error_set(p->e, CIMF_INVALID_OBJECT_PATH, "cim", "%s at column %u of the object path", what,
              (unsigned)(at - p->start) + 1);
    error_subject(p->e, slice_of(p->start, (size_t)(p->end - p->start)));
    if (p->e) error_place(p->e, 1, (unsigned)(at - p->start) + 1);
    return CIMF_INVALID_OBJECT_PATH;
}

static cimf_status too_long(struct error *e, const char *what)
{
    return error_set(e, CIMF_QUOTA_VIOLATION, "cim", "the object path has %s", what);
}

static cimf_status no_room(struct error *e)
{
    return error_set(e, CIMF_OUT_OF_MEMORY, "cim", "no memory for an object path");
}

static bool is_separator(char c) { return c == '\\' || c == '/'; }

/* --- namespaces ------------------------------------------------------------------------------- */

static bool part_valid(struct slice part)
{
    if (!part.n) return false;
    for (size_t i = 0; i < part.n; i++) {
        unsigned char c = (unsigned char)part.p[i];
        bool letter = (unsigned char)((c | 0x20) - 'a') < 26 || (unsigned char)(c - '0') < 10;
        if (!letter && c != '_' && c != '-' && c != '.' && c < 0x80) return false;
    }
    return utf8_is_ascii(part) || utf8_valid(part);
}

/* Turns the separators of [p, p+n) into '/' in place and cuts them off both ends. */
static bool namespace_clean(char *p, size_t n, struct slice *out)
{
    if (n && is_separator(*p)) p++, n--;
    if (n > 1 && is_separator(p[n - 1])) n--;
    *out = slice_of(p, n);
    if (!n) return true;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\\') p[i] = '/';
    }
    struct slice rest = *out;
    do {
        struct slice part = slice_split(rest, '/', &rest);
        if (!part_valid(part)) return false;
    } while (rest.p);
    return true;
}

/* Length of "\\server" at the start of the text, 0 if it does not begin so. */
static size_t server_length(const char *p, size_t n)
{
    if (n < 3 || !is_separator(p[0]) || !is_separator(p[1])) return 0;
    size_t i = 2;
    while (i < n && !is_separator(p[i])) i++;
    return i;
}

cimf_status cim_namespace_normal(struct arena *a, struct slice text, struct slice *out)
{
    *out = SLICE("");
    if (text.n > LIMIT_NAMESPACE && utf16_units(text) > LIMIT_NAMESPACE) return CIMF_QUOTA_VIOLATION;
    char *copy = arena_strz(a, text);
    if (!copy) return CIMF_OUT_OF_MEMORY;
    size_t server = server_length(copy, text.n);
    if (!namespace_clean(copy + server, text.n - server, out)) return CIMF_INVALID_NAMESPACE;
    return CIMF_OK;
}

/* --- values ----------------------------------------------------------------------------------- */

static cimf_status parse_string(struct parser *p, struct cim_value *v)
{
    char quote = *p->at, *open = p->at++, *to = p->at;
    struct slice s = slice_of(p->at, 0);
    for (;;) {
        if (p->at == p->end) return bad(p, open, "a string that does not end");
        char c = *p->at++;
        if (c == quote) break;
        if (c == '\\') {
            if (p->at == p->end) return bad(p, open, "a string that does not end");
            c = *p->at++;
        }
        *to++ = c;
    }
    s.n = (size_t)(to - s.p);
    *v = (struct cim_value){ .type = CIM_STRING, .v.s = s };
    return CIMF_OK;
}

static cimf_status parse_number(struct parser *p, struct slice word, struct cim_value *v)
{
    union cim_data d;
    unsigned type = word.p[0] == '-' ? CIM_SINT64 : CIM_UINT64;
    if (cim_data_parse(p->a, type, word, &d) != CIMF_OK) {
        return bad(p, word.p, "a number that is not a 64-bit integer");
    }
    if (type == CIM_UINT64 && d.u <= INT64_MAX) type = CIM_SINT64;
    *v = (struct cim_value){ .type = (uint16_t)type, .v = d };
    return CIMF_OK;
}

static cimf_status parse_value(struct parser *p, struct cim_value *v)
{
    if (p->at == p->end) return bad(p, p->at, "a missing key value");
    if (*p->at == '"' || *p->at == '\'') return parse_string(p, v);
    char *from = p->at;
    while (p->at < p->end && *p->at != ',') p->at++;
    struct slice word = slice_of(from, (size_t)(p->at - from));
    bool yes = slice_ieq(word, SLICE("TRUE"));
    if (yes || slice_ieq(word, SLICE("FALSE"))) {
        *v = (struct cim_value){ .type = CIM_BOOLEAN, .v.u = yes };
        return CIMF_OK;
    }
    if (word.n && ((word.p[0] >= '0' && word.p[0] <= '9') || word.p[0] == '-' || word.p[0] == '+') &&
        word.p[word.n - 1] > ' ') {
        return parse_number(p, word, v);
    }
    return bad(p, from, "a key value that is neither quoted nor a number");
}

/* --- keys ------------------------------------------------------------------------------------- */

static struct cim_key *key_add(struct parser *p)
{
    struct cim_path *out = p->out;
    if (out->key_count == p->room) {
        uint32_t room = p->room ? p->room * 4 : 4;
        struct cim_key *keys = ARENA_ARRAY(p->a, room, struct cim_key);
        if (!keys) return NULL;
        if (out->key_count) memcpy(keys, out->keys, out->key_count * sizeof *keys);
        out->keys = keys;
        p->room = room;
    }
    return &out->keys[out->key_count++];
}

static cimf_status parse_key(struct parser *p)
{
    char *from = p->at;
    while (p->at < p->end && *p->at != '=') p->at++;
    struct slice name = slice_of(from, (size_t)(p->at - from));
    if (p->at == p->end || !cim_name_valid(name, true)) return bad(p, from, "not a key name");
    for (uint32_t i = 0; i < p->out->key_count; i++) {
        if (slice_ieq(p->out->keys[i].name, name)) return bad(p, from, "a key that is given twice");
    }
    if (p->out->key_count == LIMIT_KEYS) return too_long(p->e, "too many keys");
    struct cim_key *key = key_add(p);
    if (!key) return no_room(p->e);
    key->name = name;
    p->at++;
    return parse_value(p, &key->value);
}

static cimf_status parse_keys(struct parser *p)
{
    for (;;) {
        cimf_status st = parse_key(p);
        if (st != CIMF_OK || p->at == p->end) return st;
        if (*p->at != ',') return bad(p, p->at, "text behind a key value");
        p->at++;
    }
}

static cimf_status parse_short_key(struct parser *p)
{
    if (p->end - p->at == 1 && *p->at == '@') {
        p->out->kind = CIM_PATH_SINGLETON;
        return CIMF_OK;
    }
    struct cim_key *key = key_add(p);
    if (!key) return no_room(p->e);
    key->name = SLICE("");
    cimf_status st = parse_value(p, &key->value);
    if (st == CIMF_OK && p->at != p->end) return bad(p, p->at, "text behind the key value");
    return st;
}

/* --- the whole -------------------------------------------------------------------------------- */

/* Where the namespace ends: a ':' before any class separator; with none, the whole text is one when it
 * has a '\' or '/'. Names cannot hold these characters, and keys come later. */
static char *namespace_end(struct parser *p, bool server)
{
    bool separated = server;
    char *at = p->at;
    for (; at < p->end && *at != ':' && *at != '=' && *at != '"' && *at != '\''; at++) {
        separated |= is_separator(*at);
    }
    if (at < p->end && *at == ':') return at;
    return separated && at == p->end ? at : NULL;
}

static cimf_status parse_namespace(struct parser *p)
{
    size_t server = server_length(p->at, (size_t)(p->end - p->at));
    struct cim_path *out = p->out;
    if (server == 2) return bad(p, p->at, "an empty server name");
    if (server) {
        out->server = slice_of(p->at + 2, server - 2);
        p->at += server;
    }
    char *end = namespace_end(p, server != 0);
    if (!end) return server ? bad(p, p->at, "a missing ':' behind the namespace") : CIMF_OK;
    struct slice text = slice_of(p->at, (size_t)(end - p->at));
    if (text.n > LIMIT_NAMESPACE && utf16_units(text) > LIMIT_NAMESPACE) {
        return too_long(p->e, "too long a namespace");
    }
    if (!namespace_clean(p->at, text.n, &out->ns) || (!out->ns.n && !server)) {
        return bad(p, p->at, "not a namespace");
    }
    p->at = end < p->end ? end + 1 : end;
    out->kind = p->at == p->end ? CIM_PATH_NAMESPACE : CIM_PATH_CLASS;
    if (!out->ns.n && out->kind != CIM_PATH_NAMESPACE) return bad(p, end, "a missing namespace");
    return CIMF_OK;
}

static cimf_status parse_object(struct parser *p)
{
    struct cim_path *out = p->out;
    char *from = p->at;
    while (p->at < p->end && *p->at != '.' && *p->at != '=') p->at++;
    out->class_name = slice_of(from, (size_t)(p->at - from));
    out->kind = CIM_PATH_CLASS;
    if (!cim_name_valid(out->class_name, true)) return bad(p, from, "not a class name");
    if (p->at == p->end) return CIMF_OK;
    out->kind = CIM_PATH_INSTANCE;
    return *p->at++ == '=' ? parse_short_key(p) : parse_keys(p);
}

cimf_status cim_path_parse(struct arena *a, struct slice text, struct cim_path *out,
                           struct error *e)
{
    *out = (struct cim_path){ .kind = CIM_PATH_CLASS, .server = SLICE(""), .ns = SLICE(""),
                              .class_name = SLICE("") };
    if (text.n > LIMIT_PATH && utf16_units(text) > LIMIT_PATH) return too_long(e, "too many characters");
    char *copy = arena_strz(a, text);
    if (!copy) return no_room(e);
    struct parser p = { copy, copy, copy + text.n, a, out, e, 0 };
    if (!text.n) return bad(&p, p.at, "nothing");
    cimf_status st = parse_namespace(&p);
    if (st != CIMF_OK || out->kind == CIM_PATH_NAMESPACE) return st;
    return parse_object(&p);
}
