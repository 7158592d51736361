/* Instances as the public header shows them. */
#include <stdlib.h>

#include "client/protocol.h"
#include "cim/path.h"

static const struct cim_instance *inner(const cimf_instance *in)
{
    return (const struct cim_instance *)in;
}

static struct cim_instance *mutable(cimf_instance *in)
{
    return (struct cim_instance *)in;
}

/* The caller's instances have an arena of their own on the heap. */
static cimf_status take(struct arena *a, struct cim_instance *in, cimf_instance **out)
{
    if (in) {
        *out = (cimf_instance *)in;
        return CIMF_OK;
    }
    arena_free(a);
    free(a);
    return CIMF_OUT_OF_MEMORY;
}

static struct arena *own_arena(void)
{
    struct arena *a = malloc(sizeof *a);
    if (a) arena_init(a, 0);
    return a;
}

cimf_status cimf_instance_new(const cimf_class *c, cimf_instance **out)
{
    struct arena *a = own_arena();
    if (!a) return CIMF_OUT_OF_MEMORY;
    struct cim_instance *in = cim_instance_new(a, (const struct cim_class *)c);
    if (in) memset(in->state, CIM_UNSENT, in->cls->property_count);
    return take(a, in, out);
}

cimf_status cimf_instance_new_untyped(cimf_str class_name, cimf_instance **out)
{
    const struct cim_class *cls;
    if (!cim_name_valid(client_slice(class_name), true)) return CIMF_INVALID_PARAMETER;
    struct arena *a = own_arena();
    if (!a) return CIMF_OUT_OF_MEMORY;
    struct slice name = arena_dup(a, client_slice(class_name));
    bool ok = name.p && cim_class_adhoc(a, name, NULL, 0, &cls) == CIMF_OK;
    return take(a, ok ? cim_instance_new(a, cls) : NULL, out);
}

cimf_status cimf_instance_copy(const cimf_instance *in, cimf_instance **out)
{
    struct arena *a = own_arena();
    if (!a) return CIMF_OUT_OF_MEMORY;
    return take(a, cim_instance_copy(a, inner(in)), out);
}

void cimf_instance_free(cimf_instance *in)
{
    if (!in) return;
    struct arena *a = mutable(in)->arena;
    arena_free(a);
    free(a);
}

const cimf_class *cimf_instance_class(const cimf_instance *in)
{
    return (const cimf_class *)inner(in)->cls;
}

cimf_str cimf_instance_class_name(const cimf_instance *in)
{
    return client_str(inner(in)->cls->name);
}

uint32_t cimf_instance_count(const cimf_instance *in)
{
    return inner(in)->cls->property_count;
}

enum cimf_property_state cimf_instance_state(const cimf_instance *in, uint32_t i)
{
    if (i >= inner(in)->cls->property_count) return CIMF_STATE_ABSENT;
    return (enum cimf_property_state)inner(in)->state[i]; /* the same numbers */
}
_Static_assert((int)CIMF_STATE_ABSENT == (int)CIM_UNSENT && (int)CIMF_STATE_SET == (int)CIM_SET, "same states");

cimf_value cimf_instance_at(const cimf_instance *in, uint32_t i)
{
    cimf_value out = { .null = true };
    const struct cim_instance *n = inner(in);
    if (i >= n->cls->property_count) return out;
    out.type = n->cls->properties[i].type;
    union cim_data d;
    if (!cim_is_sent(n, i) || !cim_get(n, i, &d)) return out;
    out.null = false;
    memcpy(&out.v, &d, sizeof d);
    return out;
}

cimf_status cimf_instance_get(const cimf_instance *in, cimf_str name, cimf_value *out)
{
    int i = cim_class_property(inner(in)->cls, client_slice(name));
    if (i >= 0) {
        *out = cimf_instance_at(in, (uint32_t)i);
        return CIMF_OK;
    }
    struct cim_value v;
    cimf_status status = cim_get_named(inner(in)->arena, inner(in), client_slice(name), &v);
    if (status == CIMF_OK) memcpy(out, &v, sizeof v);
    return status;
}

/* Every key of the class is here. */
static bool keys_known(const struct cim_instance *in)
{
    for (uint32_t i = 0; i < in->cls->key_count; i++) {
        union cim_data v;
        if (!cim_is_sent(in, in->cls->keys[i]) || !cim_get(in, in->cls->keys[i], &v)) return false;
    }
    return in->cls->key_count > 0 || (in->cls->flags & CIM_CLASS_SINGLETON);
}

cimf_str cimf_instance_path(const cimf_instance *in)
{
    struct cim_path path;
    struct slice text = SLICE("");
    if (inner(in)->path.n) return client_str(inner(in)->path);
    if (!keys_known(inner(in)) || cim_path_of(inner(in)->arena, inner(in), &path, NULL) != CIMF_OK) return client_str(text);
    struct buf b;
    buf_init(&b, 0);
    if (cim_path_write(&b, &path, true)) text = arena_dup(inner(in)->arena, buf_slice(&b));
    buf_free(&b);
    return client_str(text.p ? text : SLICE(""));
}

/* --- setters ------------------------------------------------------------------------------------ */

static cimf_status fails(cimf_status status, const struct cim_instance *in, struct slice name, unsigned type, cimf_error *e)
{
    struct error error = ERROR_INIT;
    const char *type_name = cim_type_name(type);
    if (status == CIMF_INVALID_PROPERTY) {
        error_set(&error, status, "client", SLICE_FMT " has no property or parameter " SLICE_FMT,
                  SLICE_ARG(slice_head(in->cls->name, 80)), SLICE_ARG(slice_head(name, 80)));
    } else if (status == CIMF_TYPE_MISMATCH && type_name) {
        error_set(&error, status, "client", "the value of " SLICE_FMT " is not a %s%s", SLICE_ARG(slice_head(name, 80)), type_name,
                  CIM_IS_ARRAY(type) ? " array" : "");
    } else {
        error.status = status;
    }
    error_subject(&error, name);
    return client_fail_error(NULL, &error, e);
}

/* Of an untyped instance: one more property, as text. */
static cimf_status grow(struct cim_instance *in, struct slice name, unsigned type, int *at)
{
    const struct cim_class *old = in->cls;
    if (old->ns.n || old->super || old->method_count || old->qualifiers.n) return CIMF_INVALID_PROPERTY; /* a real class */
    if (old->property_count && old->properties[0].param_id >= 0) return CIMF_INVALID_PROPERTY; /* a method's parameters */
    if (!cim_name_valid(name, true) || old->property_count >= LIMIT_PROPERTIES) return CIMF_INVALID_PROPERTY;
    uint32_t n = old->property_count;
    struct cim_property_decl *props = ARENA_ARRAY(in->arena, n + 1, struct cim_property_decl);
    uint8_t *state = arena_zalloc(in->arena, n + 1);
    union cim_data *slot = ARENA_ARRAY(in->arena, n + 1, union cim_data);
    if (!props || !state || !slot) return CIMF_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        props[i] = (struct cim_property_decl){ .name = old->properties[i].name, .type = old->properties[i].type };
        state[i] = in->state[i];
        slot[i] = in->slot[i];
    }
    props[n] = (struct cim_property_decl){ .name = arena_dup(in->arena, name), .type = (uint16_t)type };
    const struct cim_class *cls;
    cimf_status status = cim_class_adhoc(in->arena, old->name, props, n + 1, &cls);
    if (status != CIMF_OK) return status;
    in->cls = cls;
    in->state = state;
    in->slot = slot;
    *at = (int)n;
    return CIMF_OK;
}

static cimf_status index_of(struct cim_instance *in, struct slice name, unsigned type, int *at)
{
    *at = cim_class_property(in->cls, name);
    return *at >= 0 ? CIMF_OK : grow(in, name, type, at);
}

cimf_status cimf_instance_set(cimf_instance *in, cimf_str name, const cimf_value *value, cimf_error *e)
{
    struct cim_instance *n = mutable(in);
    struct cim_value typed, given;
    int at;
    memcpy(&given, value, sizeof given);
    if (given.null) return cimf_instance_set_null(in, name, e);
    cimf_status status = index_of(n, client_slice(name), given.type, &at);
    if (status != CIMF_OK) return fails(status, n, client_slice(name), 0, e);
    unsigned type = n->cls->properties[at].type;
    union cim_data copy;
    status = cim_value_convert(n->arena, &given, type, &typed);
    if (status == CIMF_OK) status = cim_data_copy(n->arena, type, &typed.v, &copy);
    if (status != CIMF_OK) return fails(status, n, client_slice(name), type, e);
    cim_set(n, (unsigned)at, copy);
    return CIMF_OK;
}

cimf_status cimf_instance_set_null(cimf_instance *in, cimf_str name, cimf_error *e)
{
    int at;
    cimf_status status = index_of(mutable(in), client_slice(name), CIM_STRING, &at);
    if (status != CIMF_OK) return fails(status, mutable(in), client_slice(name), 0, e);
    cim_set_null(mutable(in), (unsigned)at);
    return CIMF_OK;
}

static cimf_status read_text(struct arena *a, unsigned type, struct slice text, union cim_data *out)
{
    if (type == CIM_OBJECT) return CIMF_TYPE_MISMATCH;
    struct slice copy = arena_dup(a, text);
    if (!copy.p) return CIMF_OUT_OF_MEMORY;
    if (type == CIM_STRING) {
        out->s = copy;
        return CIMF_OK;
    }
    struct cim_value given = { .type = CIM_STRING, .v = { .s = copy } }, typed;
    cimf_status status = cim_value_convert(a, &given, type, &typed);
    if (status == CIMF_OK) *out = typed.v;
    return status;
}

cimf_status cimf_instance_set_texts(cimf_instance *in, cimf_str name, const cimf_str *texts, uint32_t count, cimf_error *e)
{
    struct cim_instance *n = mutable(in);
    int at;
    cimf_status status = index_of(n, client_slice(name), CIM_STRING | CIM_ARRAY, &at);
    if (status != CIMF_OK) return fails(status, n, client_slice(name), 0, e);
    unsigned type = n->cls->properties[at].type, base = CIM_BASE(type);
    if (!CIM_IS_ARRAY(type)) return fails(CIMF_TYPE_MISMATCH, n, client_slice(name), type, e);
    union cim_data value;
    if (!cim_array_new(n->arena, base, count, &value.a)) status = CIMF_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < count && status == CIMF_OK; i++) {
        union cim_data element;
        status = read_text(n->arena, base, client_slice(texts[i]), &element);
        if (status == CIMF_OK) cim_array_set(value.a, base, i, element);
    }
    if (status != CIMF_OK) return fails(status, n, client_slice(name), type, e);
    cim_set(n, (unsigned)at, value);
    return CIMF_OK;
}

cimf_status cimf_instance_set_text(cimf_instance *in, cimf_str name, cimf_str text, cimf_error *e)
{
    struct cim_instance *n = mutable(in);
    int at;
    cimf_status status = index_of(n, client_slice(name), CIM_STRING, &at);
    if (status != CIMF_OK) return fails(status, n, client_slice(name), 0, e);
    unsigned type = n->cls->properties[at].type;
    if (CIM_IS_ARRAY(type)) return cimf_instance_set_texts(in, name, &text, 1, e);
    union cim_data value;
    status = read_text(n->arena, type, client_slice(text), &value);
    if (status != CIMF_OK) return fails(status, n, client_slice(name), type, e);
    cim_set(n, (unsigned)at, value);
    return CIMF_OK;
}

bool cimf_instance_equal(const cimf_instance *a, const cimf_instance *b)
{
    return cim_instance_equal(inner(a), inner(b));
}
