/*
 * Normal forms of paths for look-up and comparison: folded, keys in a fixed order, every value quoted.
 * References that are keys themselves are brought to the same form inside.
 */
#include "base/utf.h"
#include "cim/path.h"

static void fold(struct buf *out, struct slice s)
{
    const char *p = s.p, *end = s.p + s.n;
    while (p < end) {
        unsigned char c = (unsigned char)*p;
        if (c < 0x80) {
            buf_byte(out, c >= 'A' && c <= 'Z' ? c | 0x20 : c);
            p++;
            continue;
        }
        const char *from = p;
        bool valid = true;
        uint32_t point = utf8_next(&p, end, true, &valid);
        if (valid) utf8_put(out, utf_fold(point));
        else buf_add(out, from, (size_t)(p - from));
    }
}

/* Quotes and backslashes escaped, so that no two lists of values read the same. */
static void add_quoted(struct buf *out, struct slice s, bool folded)
{
    buf_byte(out, '"');
    size_t from = 0;
    for (size_t i = 0; i <= s.n; i++) {
        if (i < s.n && s.p[i] != '"' && s.p[i] != '\\') continue;
        struct slice run = slice_of(s.p + from, i - from);
        if (run.n && folded) buf_slice_add(out, run);
        else if (run.n) fold(out, run);
        if (i < s.n) {
            buf_byte(out, '\\');
            buf_byte(out, s.p[i]);
        }
        from = i + 1;
    }
    buf_byte(out, '"');
}

static cimf_status reference_form(struct arena *a, struct slice text, struct slice ns,
                                  unsigned depth, struct buf *out);

/* A reference in its normal form, or as folded text when it is no path. */
static cimf_status add_reference(struct arena *a, struct slice text, struct slice ns,
                                 unsigned depth, struct buf *out)
{
    struct buf inner;
    buf_init(&inner, 0);
    cimf_status st = depth < LIMIT_EPR_DEPTH ? reference_form(a, text, ns, depth + 1, &inner)
                                             : CIMF_INVALID_OBJECT_PATH;
    if (st == CIMF_OK) add_quoted(out, buf_slice(&inner), true);
    else if (st != CIMF_OUT_OF_MEMORY) add_quoted(out, text, false);
    buf_free(&inner);
    return st == CIMF_OUT_OF_MEMORY ? st : CIMF_OK;
}

static void add_scalar(struct buf *out, const struct cim_value *v)
{
    if (cim_type_is_text(v->type)) {
        add_quoted(out, v->v.s, false);
        return;
    }
    buf_byte(out, '"');
    if (v->type == CIM_BOOLEAN) v->v.u ? buf_lit(out, "true") : buf_lit(out, "false");
    else if (v->type == CIM_CHAR16) buf_u64(out, v->v.u);
    else cim_data_text(out, v->type, &v->v);
    buf_byte(out, '"');
}

static cimf_status finish(struct arena *a, struct buf *b, cimf_status st, struct slice *out)
{
    if (st == CIMF_OK) {
        *out = arena_dup(a, buf_slice(b));
        if (!buf_ok(b) || !out->p) st = CIMF_OUT_OF_MEMORY;
    }
    buf_free(b);
    return st;
}

cimf_status cim_path_key_text(struct arena *a, const struct cim_path *bound, struct slice ns,
                              struct slice *out)
{
    struct buf b;
    buf_init(&b, 0);
    cimf_status st = CIMF_OK;
    *out = SLICE_NULL;
    if (bound->kind == CIM_PATH_SINGLETON) buf_byte(&b, '@');
    for (uint32_t i = 0; i < bound->key_count && st == CIMF_OK; i++) {
        const struct cim_value *v = &bound->keys[i].value;
        if (i) buf_byte(&b, ',');
        if (v->type == CIM_REFERENCE) st = add_reference(a, v->v.s, ns, 0, &b);
        else add_scalar(&b, v);
    }
    return finish(a, &b, st, out);
}

static void sort_keys(struct cim_path *p)
{
    for (uint32_t i = 1; i < p->key_count; i++) { /* few, and mostly sorted already */
        struct cim_key key = p->keys[i];
        uint32_t j = i;
        for (; j && slice_casecmp(p->keys[j - 1].name, key.name) > 0; j--) p->keys[j] = p->keys[j - 1];
        p->keys[j] = key;
    }
}

/* Without a schema a string that reads as the path of an instance is taken for a reference. */
static bool looks_like_path(struct slice s)
{
    size_t at = slice_find(s, '=');
    return at > 0 && at + 1 < s.n;
}

static cimf_status reference_form(struct arena *a, struct slice text, struct slice ns,
                                  unsigned depth, struct buf *out)
{
    struct cim_path p;
    cimf_status st = cim_path_parse(a, text, &p, NULL);
    if (st != CIMF_OK) return st;
    fold(out, p.ns.n ? p.ns : ns);
    buf_byte(out, ':');
    if (p.kind == CIM_PATH_NAMESPACE) return CIMF_OK;
    fold(out, p.class_name);
    if (p.kind == CIM_PATH_SINGLETON) buf_lit(out, "=@");
    if (p.kind != CIM_PATH_INSTANCE) return CIMF_OK;
    sort_keys(&p);
    for (uint32_t i = 0; i < p.key_count && st == CIMF_OK; i++) {
        const struct cim_key *key = &p.keys[i];
        if (p.key_count > 1) { /* one key may also be written without its name */
            buf_byte(out, i ? ',' : '.');
            fold(out, key->name);
        }
        buf_byte(out, '=');
        if (key->value.type == CIM_STRING && looks_like_path(key->value.v.s)) {
            st = add_reference(a, key->value.v.s, ns, depth, out);
        } else {
            add_scalar(out, &key->value);
        }
    }
    return st;
}

cimf_status cim_reference_key(struct arena *a, struct slice text, struct slice ns,
                              struct slice *out)
{
    struct buf b;
    buf_init(&b, 0);
    *out = SLICE_NULL;
    return finish(a, &b, reference_form(a, text, ns, 0, &b), out);
}
