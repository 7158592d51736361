/* The texts of Authorization and WWW-Authenticate (RFC 7616 3.3 and 3.4; RFC 9110 11.2 for the grammar). */
#include "base/utf.h"
#include "mech/digest.h"

/* Parameters of either header that mean something here. Others are skipped, as the RFC asks. */
enum param {
    USERNAME, USERNAME_EXT, REALM, NONCE, URI, RESPONSE, CNONCE, OPAQUE, NC, QOP, ALGORITHM, USERHASH,
    STALE, CHARSET, PARAMS
};
static const struct {
    const char *name;
    size_t max; /* bytes, unescaped */
} known[PARAMS] = {
    [USERNAME] = { "username", 1024 }, [USERNAME_EXT] = { "username*", 3200 },
    [REALM] = { "realm", 1024 },       [NONCE] = { "nonce", 1024 },
    [URI] = { "uri", 8192 },           [RESPONSE] = { "response", 64 },
    [CNONCE] = { "cnonce", 1024 },     [OPAQUE] = { "opaque", 1024 },
    [NC] = { "nc", 8 },                [QOP] = { "qop", 128 },
    [ALGORITHM] = { "algorithm", 32 }, [USERHASH] = { "userhash", 8 },
    [STALE] = { "stale", 8 },          [CHARSET] = { "charset", 32 },
};
#define PARAMETERS_MAX 64 /* in one header, unknown ones included */

static const char *const algorithm_names[DIGEST_ALGORITHMS] = {
    [DIGEST_MD5] = "MD5",
    [DIGEST_MD5_SESS] = "MD5-sess",
    [DIGEST_SHA256] = "SHA-256",
    [DIGEST_SHA256_SESS] = "SHA-256-sess",
};

struct params {
    struct slice v[PARAMS]; /* p NULL: absent */
};

static cimf_status refuse(struct error *e, const char *name, const char *why)
{
    error_set(e, CIMF_BAD_REQUEST, "digest", "%s%s%s", name, *name ? ": " : "", why);
    if (*name) error_subject(e, slice_str(name));
    return CIMF_BAD_REQUEST;
}

/* ------------------------------------------------------------------------------- reading */

static bool token_char(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static struct slice skip_space(struct slice s)
{
    while (s.n && (*s.p == ' ' || *s.p == '\t')) s = slice_sub(s, 1);
    return s;
}

static struct slice take_token(struct slice *s)
{
    size_t n = 0;
    while (n < s->n && token_char((unsigned char)s->p[n])) n++;
    struct slice token = slice_head(*s, n);
    *s = slice_sub(*s, n);
    return token;
}

/* The inside of a quoted-string, still escaped; p NULL when it is not one. */
static struct slice take_quoted(struct slice *s)
{
    for (size_t i = 1; i < s->n; i++) {
        unsigned char c = (unsigned char)s->p[i];
        if (c == '"') {
            struct slice inside = slice_of(s->p + 1, i - 1);
            *s = slice_sub(*s, i + 1);
            return inside;
        }
        if (c == '\\' && ++i < s->n) c = (unsigned char)s->p[i];
        if ((c < ' ' && c != '\t') || c == 0x7f) break;
    }
    return SLICE_NULL;
}

static struct slice unescape(struct arena *a, struct slice s)
{
    char *p = arena_alloc(a, s.n + 1);
    size_t n = 0;
    if (!p) return SLICE_NULL;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\\' && i + 1 < s.n) i++;
        p[n++] = s.p[i];
    }
    p[n] = '\0';
    return slice_of(p, n);
}

static enum param known_param(struct slice name)
{
    int p = 0;
    while (p < PARAMS && !slice_ieq(name, slice_str(known[p].name))) p++;
    return (enum param)p;
}

static cimf_status keep(struct arena *a, struct params *out, struct slice name, struct slice value,
                        struct error *e)
{
    enum param p = known_param(name);
    if (p == PARAMS) return CIMF_OK;
    if (out->v[p].p) return refuse(e, known[p].name, "sent twice");
    if (value.n > 2 * known[p].max) return refuse(e, known[p].name, "too long");
    out->v[p] = unescape(a, value);
    if (!out->v[p].p) return error_set(e, CIMF_OUT_OF_MEMORY, "digest", "no memory");
    return out->v[p].n > known[p].max ? refuse(e, known[p].name, "too long") : CIMF_OK;
}

static cimf_status params_read(struct arena *a, struct slice s, struct params *out, struct error *e)
{
    memset(out, 0, sizeof *out);
    for (unsigned count = 0;; count++) {
        for (s = skip_space(s); s.n && *s.p == ','; s = skip_space(slice_sub(s, 1))) {}
        if (s.n == 0) return CIMF_OK;
        if (count == PARAMETERS_MAX) return refuse(e, "", "too many parameters");
        struct slice name = take_token(&s), value;
        s = skip_space(s);
        if (name.n == 0 || s.n == 0 || *s.p != '=') return refuse(e, "", "not a list of parameters");
        s = skip_space(slice_sub(s, 1));
        if (s.n && *s.p == '"') {
            value = take_quoted(&s);
        } else {
            value = take_token(&s);
            if (value.n == 0) value = SLICE_NULL;
        }
        s = skip_space(s);
        if (!value.p || (s.n && *s.p != ',')) {
            enum param p = known_param(name);
            return refuse(e, p == PARAMS ? "" : known[p].name, "its value is malformed");
        }
        cimf_status status = keep(a, out, name, value, e);
        if (status != CIMF_OK) return status;
    }
}

static bool all_hex(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (hex_digit(s.p[i]) < 0) return false;
    }
    return true;
}

/* Bytes of the hexadecimal text of a hash. */
static size_t hash_text(enum digest_algorithm algorithm)
{
    return algorithm == DIGEST_SHA256 || algorithm == DIGEST_SHA256_SESS ? 64 : 32;
}

/* A boolean parameter; absent is false. */
static cimf_status read_bool(const struct params *p, enum param which, bool *out, struct error *e)
{
    *out = p->v[which].p && slice_ieq(p->v[which], SLICE("true"));
    return !p->v[which].p || *out || slice_ieq(p->v[which], SLICE("false"))
               ? CIMF_OK
               : refuse(e, known[which].name, "neither true nor false");
}

static cimf_status read_algorithm(const struct params *p, enum digest_algorithm *out,
                                  struct error *e)
{
    *out = DIGEST_MD5;
    if (!p->v[ALGORITHM].p) return CIMF_OK;
    for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
        *out = (enum digest_algorithm)i;
        if (slice_ieq(p->v[ALGORITHM], slice_str(algorithm_names[i]))) return CIMF_OK;
    }
    return refuse(e, "algorithm", "not one of MD5, SHA-256 and their -sess forms");
}

/* RFC 5987: UTF-8'language'percent-encoded. */
static cimf_status read_extended(struct arena *a, struct slice s, struct slice *out, struct error *e)
{
    struct slice rest, text;
    struct slice charset = slice_split(s, '\'', &rest);
    slice_split(rest, '\'', &text);
    if (!slice_ieq(charset, SLICE("UTF-8")) || !text.p)
        return refuse(e, "username*", "not of the form UTF-8''text");
    char *p = arena_alloc(a, text.n + 1);
    if (!p) return error_set(e, CIMF_OUT_OF_MEMORY, "digest", "no memory");
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] != '%') {
            p[n++] = text.p[i];
            continue;
        }
        int high = i + 2 < text.n ? hex_digit(text.p[i + 1]) : -1;
        int low = i + 2 < text.n ? hex_digit(text.p[i + 2]) : -1;
        if (high < 0 || low < 0) return refuse(e, "username*", "its percent-encoding is malformed");
        p[n++] = (char)(high << 4 | low);
        i += 2;
    }
    p[n] = '\0';
    *out = slice_of(p, n);
    return CIMF_OK;
}

static cimf_status read_username(struct arena *a, const struct params *p,
                                 struct digest_response *out, struct error *e)
{
    bool extended = p->v[USERNAME_EXT].p != NULL;
    const char *name = extended ? "username*" : "username";
    if (!extended && !p->v[USERNAME].p) return refuse(e, "username", "missing");
    if (extended && p->v[USERNAME].p) return refuse(e, "username*", "sent beside username");
    if (extended && out->userhash) return refuse(e, "username*", "sent with userhash");
    if (out->userhash) {
        if (p->v[USERNAME].n != hash_text(out->algorithm) || !all_hex(p->v[USERNAME]))
            return refuse(e, "username", "not a hash of the algorithm");
        out->username = arena_lower(a, p->v[USERNAME]);
        return out->username.p ? CIMF_OK
                               : error_set(e, CIMF_OUT_OF_MEMORY, "digest", "no memory");
    }
    out->username = p->v[USERNAME];
    if (extended) {
        cimf_status status = read_extended(a, p->v[USERNAME_EXT], &out->username, e);
        if (status != CIMF_OK) return status;
    }
    if (out->username.n > known[USERNAME].max) return refuse(e, name, "too long");
    if (!utf8_valid(out->username)) return refuse(e, name, "not UTF-8");
    for (size_t i = 0; i < out->username.n; i++) {
        unsigned char c = (unsigned char)out->username.p[i];
        if (c < ' ' || c == 0x7f) return refuse(e, name, "has a control character");
    }
    return CIMF_OK;
}

static cimf_status read_qop(const struct params *p, struct digest_response *out, struct error *e)
{
    struct slice qop = p->v[QOP];
    bool session = out->algorithm == DIGEST_MD5_SESS || out->algorithm == DIGEST_SHA256_SESS;
    out->qop = DIGEST_QOP_NONE;
    if (qop.p) {
        out->qop = slice_ieq(qop, SLICE("auth")) ? DIGEST_QOP_AUTH : DIGEST_QOP_AUTH_INT;
        if (out->qop == DIGEST_QOP_AUTH_INT && !slice_ieq(qop, SLICE("auth-int")))
            return refuse(e, "qop", "neither auth nor auth-int");
        if (!p->v[NC].p) return refuse(e, "nc", "missing");
    }
    if ((qop.p || session) && p->v[CNONCE].n == 0) return refuse(e, "cnonce", "missing");
    out->cnonce = p->v[CNONCE];
    out->nc_text = p->v[NC];
    out->nc = 0;
    if (!out->nc_text.p) return CIMF_OK;
    if (out->nc_text.n != 8 || !all_hex(out->nc_text))
        return refuse(e, "nc", "not eight hexadecimal digits");
    for (size_t i = 0; i < 8; i++) out->nc = out->nc << 4 | (uint32_t)hex_digit(out->nc_text.p[i]);
    return CIMF_OK;
}

cimf_status digest_response_read(struct arena *a, struct slice value, struct digest_response *out,
                                 struct error *e)
{
    struct params p;
    memset(out, 0, sizeof *out);
    cimf_status status = params_read(a, value, &p, e);
    if (status == CIMF_OK) status = read_algorithm(&p, &out->algorithm, e);
    if (status == CIMF_OK) status = read_bool(&p, USERHASH, &out->userhash, e);
    if (status == CIMF_OK) status = read_username(a, &p, out, e);
    if (status != CIMF_OK) return status;
    if (!p.v[REALM].p) return refuse(e, "realm", "missing");
    if (p.v[NONCE].n == 0) return refuse(e, "nonce", "missing");
    if (p.v[URI].n == 0) return refuse(e, "uri", "missing");
    if (!p.v[RESPONSE].p) return refuse(e, "response", "missing");
    if (p.v[RESPONSE].n != hash_text(out->algorithm) || !all_hex(p.v[RESPONSE]))
        return refuse(e, "response", "not a hash of the algorithm");
    out->realm = p.v[REALM];
    out->nonce = p.v[NONCE];
    out->uri = p.v[URI];
    out->opaque = p.v[OPAQUE];
    out->response = arena_lower(a, p.v[RESPONSE]);
    if (!out->response.p) return error_set(e, CIMF_OUT_OF_MEMORY, "digest", "no memory");
    return read_qop(&p, out, e);
}

cimf_status digest_challenge_read(struct arena *a, struct slice value, struct digest_challenge *out,
                                  struct error *e)
{
    struct params p;
    memset(out, 0, sizeof *out);
    cimf_status status = params_read(a, value, &p, e);
    if (status == CIMF_OK) status = read_algorithm(&p, &out->algorithm, e);
    if (status == CIMF_OK) status = read_bool(&p, USERHASH, &out->userhash, e);
    if (status == CIMF_OK) status = read_bool(&p, STALE, &out->stale, e);
    if (status != CIMF_OK) return status;
    if (!p.v[REALM].p) return refuse(e, "realm", "missing");
    if (p.v[NONCE].n == 0) return refuse(e, "nonce", "missing");
    out->realm = p.v[REALM];
    out->nonce = p.v[NONCE];
    out->opaque = p.v[OPAQUE];
    out->utf8 = p.v[CHARSET].p && slice_ieq(p.v[CHARSET], SLICE("UTF-8"));
    for (struct slice rest = p.v[QOP]; rest.p;) {
        struct slice one = slice_trim(slice_split(rest, ',', &rest));
        if (slice_ieq(one, SLICE("auth"))) out->qop_auth = true;
        if (slice_ieq(one, SLICE("auth-int"))) out->qop_auth_int = true;
    }
    /* Falling back to the form without qop because the offer is not understood would be a downgrade. */
    if (p.v[QOP].p && !out->qop_auth && !out->qop_auth_int)
        return refuse(e, "qop", "neither auth nor auth-int");
    return CIMF_OK;
}

/* ------------------------------------------------------------------------------- writing */

/* name="value", escaped. A control character, which could end the header, fails. */
static bool put_quoted(struct buf *b, const char *name, struct slice s)
{
    buf_printf(b, "%s=\"", name);
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c < ' ' && c != '\t') || c == 0x7f) return false;
        if (c == '"' || c == '\\') buf_byte(b, '\\');
        buf_byte(b, c);
    }
    return buf_byte(b, '"');
}

static bool put_username(struct buf *b, struct slice s)
{
    if (utf8_is_ascii(s)) return put_quoted(b, "username", s);
    if (!utf8_valid(s)) return false;
    buf_lit(b, "username*=UTF-8''");
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (token_char(c) && !strchr("*'%", c)) {
            buf_byte(b, c);
        } else {
            buf_printf(b, "%%%02X", c);
        }
    }
    return buf_ok(b);
}

/* What failed half-way is taken back, so that no torn header is sent. */
static bool written(struct buf *b, size_t mark, bool good)
{
    if (good && buf_ok(b)) return true;
    buf_cut(b, mark);
    return false;
}

bool digest_response_write(const struct digest_response *r, struct buf *out)
{
    size_t mark = out->n;
    buf_lit(out, "Digest ");
    bool good = put_username(out, r->username);
    good = good && buf_lit(out, ", ") && put_quoted(out, "realm", r->realm);
    good = good && buf_lit(out, ", ") && put_quoted(out, "nonce", r->nonce);
    good = good && buf_lit(out, ", ") && put_quoted(out, "uri", r->uri);
    good = good && buf_printf(out, ", algorithm=%s", algorithm_names[r->algorithm]);
    good = good && buf_lit(out, ", ") && put_quoted(out, "response", r->response);
    if (r->qop != DIGEST_QOP_NONE)
        good = good && buf_str(out, r->qop == DIGEST_QOP_AUTH ? ", qop=auth" : ", qop=auth-int");
    if (r->nc_text.n)
        good = good && r->nc_text.n == 8 && all_hex(r->nc_text) && buf_lit(out, ", nc=") &&
               buf_slice_add(out, r->nc_text);
    if (r->cnonce.n) good = good && buf_lit(out, ", ") && put_quoted(out, "cnonce", r->cnonce);
    if (r->opaque.p) good = good && buf_lit(out, ", ") && put_quoted(out, "opaque", r->opaque);
    if (r->userhash) good = good && buf_lit(out, ", userhash=true");
    return written(out, mark, good);
}

bool digest_challenge_write(const struct digest_challenge *c, struct buf *out)
{
    size_t mark = out->n;
    buf_lit(out, "Digest ");
    bool good = put_quoted(out, "realm", c->realm);
    if (c->qop_auth || c->qop_auth_int)
        good = good && buf_printf(out, ", qop=\"%s%s%s\"", c->qop_auth ? "auth" : "",
                                  c->qop_auth && c->qop_auth_int ? ", " : "",
                                  c->qop_auth_int ? "auth-int" : "");
    good = good && buf_printf(out, ", algorithm=%s", algorithm_names[c->algorithm]);
    good = good && buf_lit(out, ", ") && put_quoted(out, "nonce", c->nonce);
    if (c->opaque.p) good = good && buf_lit(out, ", ") && put_quoted(out, "opaque", c->opaque);
    if (c->stale) good = good && buf_lit(out, ", stale=true");
    if (c->utf8) good = good && buf_lit(out, ", charset=UTF-8");
    if (c->userhash) good = good && buf_lit(out, ", userhash=true");
    return written(out, mark, good);
}
