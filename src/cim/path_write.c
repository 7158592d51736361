/* Canonical text of paths; paths of instances; binding the keys to a class. */
#include "cim/path.h"

static bool write_string(struct buf *out, struct slice s)
{
    buf_byte(out, '"');
    size_t from = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '"' && s.p[i] != '\\') continue;
        buf_add(out, s.p + from, i - from);
        buf_byte(out, '\\');
        from = i;
    }
    if (s.n > from) buf_add(out, s.p + from, s.n - from);
    return buf_byte(out, '"');
}

static bool write_value(struct buf *out, const struct cim_value *v)
{
    if (v->null) return buf_lit(out, "NULL");
    if (cim_type_is_text(v->type)) return write_string(out, v->v.s);
    if (v->type == CIM_CHAR16) return buf_u64(out, v->v.u);
    return cim_data_text(out, v->type, &v->v);
}

static bool write_namespace(struct buf *out, struct slice ns)
{
    for (size_t i = 0; i < ns.n; i++) buf_byte(out, ns.p[i] == '/' ? '\\' : ns.p[i]);
    return buf_ok(out);
}

bool cim_path_write(struct buf *out, const struct cim_path *path, bool relative)
{
    if (!relative || path->kind == CIM_PATH_NAMESPACE) {
        if (path->server.n) {
            buf_lit(out, "\\\\");
            buf_slice_add(out, path->server);
            if (path->ns.n) buf_byte(out, '\\');
        }
        write_namespace(out, path->ns);
        /* A lone "root" would read as a class. */
        bool lone = !path->server.n && slice_find(path->ns, '/') == path->ns.n;
        if (path->ns.n && (path->kind != CIM_PATH_NAMESPACE || lone)) buf_byte(out, ':');
    }
    if (path->kind == CIM_PATH_NAMESPACE) return buf_ok(out);
    buf_slice_add(out, path->class_name);
    if (path->kind == CIM_PATH_SINGLETON) buf_lit(out, "=@");
    if (path->kind == CIM_PATH_INSTANCE) {
        for (uint32_t i = 0; i < path->key_count; i++) {
            const struct cim_key *key = &path->keys[i];
            if (key->name.n) buf_byte(out, i ? ',' : '.');
            buf_slice_add(out, key->name);
            buf_byte(out, '=');
            write_value(out, &key->value);
        }
    }
    return buf_ok(out);
}

cimf_status cim_path_of(struct arena *a, const struct cim_instance *in, struct cim_path *out,
                        struct error *e)
{
    const struct cim_class *cls = in->cls;
    /* A projection may lack keys that its class has. */
    const struct cim_class *whole = cls->lender ? cls->lender : cls;
    *out = (struct cim_path){ .kind = CIM_PATH_INSTANCE, .server = in->server, .ns = in->ns,
                              .class_name = cls->name };
    if (!whole->key_count) {
        if (cls->flags & CIM_CLASS_SINGLETON) {
            out->kind = CIM_PATH_SINGLETON;
            return CIMF_OK;
        }
        error_set(e, CIMF_NO_KEY, "cim", "the class " SLICE_FMT " has no keys", SLICE_ARG(cls->name));
        error_subject(e, cls->name);
        return CIMF_NO_KEY;
    }
    struct cim_key *keys = ARENA_ARRAY(a, whole->key_count, struct cim_key);
    if (!keys) return error_set(e, CIMF_OUT_OF_MEMORY, "cim", "no memory for an object path");
    for (uint32_t i = 0; i < whole->key_count; i++) {
        const struct cim_property *p = &whole->properties[whole->keys[i]];
        int at = whole == cls ? whole->keys[i] : cim_class_property(cls, p->name);
        keys[i].name = p->name;
        keys[i].value.type = p->type;
        if (at < 0 || !cim_get(in, (unsigned)at, &keys[i].value.v)) {
            error_set(e, CIMF_ILLEGAL_NULL, "cim", "the key " SLICE_FMT "." SLICE_FMT " has no value",
                      SLICE_ARG(cls->name), SLICE_ARG(p->name));
            error_subject(e, p->name);
            return CIMF_ILLEGAL_NULL;
        }
    }
    out->keys = keys;
    out->key_count = whole->key_count;
    return CIMF_OK;
}

static cimf_status not_bound(struct error *e, const struct cim_class *cls, struct slice key,
                             const char *what)
{
    error_set(e, CIMF_INVALID_OBJECT_PATH, "cim", "the object path of " SLICE_FMT " %s " SLICE_FMT,
              SLICE_ARG(cls->name), what, SLICE_ARG(key));
    error_subject(e, key.n ? key : cls->name);
    return CIMF_INVALID_OBJECT_PATH;
}

/* Index of the key among those of cls, or -1. */
static int key_place(const struct cim_class *cls, struct slice name)
{
    if (!name.n) return cls->key_count == 1 ? 0 : -1; /* the short form Class="x" */
    for (uint32_t i = 0; i < cls->key_count; i++) {
        if (slice_ieq(cls->properties[cls->keys[i]].name, name)) return (int)i;
    }
    return -1;
}

static cimf_status bind_keys(struct arena *a, const struct cim_path *in,
                             const struct cim_class *cls, struct cim_key *keys, struct error *e)
{
    for (uint32_t i = 0; i < in->key_count; i++) {
        const struct cim_key *key = &in->keys[i];
        int at = key_place(cls, key->name);
        if (at < 0) return not_bound(e, cls, key->name, "names what is not a key:");
        const struct cim_property *p = &cls->properties[cls->keys[at]];
        if (keys[at].name.p) return not_bound(e, cls, p->name, "gives twice the key");
        cimf_status st = key->value.null ? CIMF_TYPE_MISMATCH
                                         : cim_value_convert(a, &key->value, p->type, &keys[at].value);
        if (st == CIMF_OUT_OF_MEMORY) return st;
        if (st != CIMF_OK) return not_bound(e, cls, p->name, "gives a value of the wrong type for");
        keys[at].name = p->name;
    }
    for (uint32_t i = 0; i < cls->key_count; i++) {
        struct slice name = cls->properties[cls->keys[i]].name;
        if (!keys[i].name.p) return not_bound(e, cls, name, "lacks the key");
    }
    return CIMF_OK;
}

cimf_status cim_path_bind(struct arena *a, const struct cim_path *in, const struct cim_class *cls,
                          struct cim_path *out, struct error *e)
{
    struct cim_path bound = *in;
    if (in->kind == CIM_PATH_SINGLETON && cls->key_count) {
        return not_bound(e, cls, cls->properties[cls->keys[0]].name, "lacks the key");
    }
    if (in->kind == CIM_PATH_INSTANCE) {
        bound.keys = ARENA_ARRAY(a, cls->key_count, struct cim_key);
        if (!bound.keys) return error_set(e, CIMF_OUT_OF_MEMORY, "cim", "no memory for keys");
        cimf_status st = bind_keys(a, in, cls, bound.keys, e);
        if (st != CIMF_OK) return st;
        bound.key_count = cls->key_count;
    }
    if (in->kind != CIM_PATH_NAMESPACE) bound.class_name = cls->name;
    *out = bound;
    return CIMF_OK;
}
