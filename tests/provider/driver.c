#include "driver.h"

#include <stdio.h>

#include "mof/memory.h"
#include "schema/schema.h"

static struct mof_memory *memory;

static bool compile(const struct schema_file *file)
{
    struct arena a;
    struct mof_unit unit;
    struct error e = ERROR_INIT;
    struct mof_source source = { .name = slice_str(file->name),
                                 .text = slice_of(file->text, file->length) };
    struct mof_options options = { .ns = SLICE("root/cimv2"),
                                   .qualifier = mof_memory_qualifier,
                                   .arg = memory };
    arena_init(&a, 0);
    cimf_status s = mof_parse(&a, &source, &options, &unit, &e);
    if (!s) s = mof_memory_apply(memory, &a, &unit, NULL, &e);
    if (s)
        fprintf(stderr, "%s:%u:%u: %s: %s\n", file->name, e.line, e.column,
                cimf_status_info(s)->text, e.text);
    arena_free(&a);
    return s == CIMF_OK;
}

const struct cim_schema *driver_schema(void)
{
    if (!memory) {
        memory = mof_memory_new(SLICE("root/cimv2"));
        for (size_t i = 0; memory && i < schema_file_count; i++) {
            const char *ns = schema_files[i].ns;
            if ((!strcmp(ns, "*") || !strcmp(ns, "root/cimv2")) && !compile(&schema_files[i])) {
                driver_end();
                return NULL;
            }
        }
    }
    return memory ? mof_memory_schema(memory, SLICE("root/cimv2")) : NULL;
}

void driver_end(void)
{
    mof_memory_free(memory);
    memory = NULL;
}

static const struct provider_class *provider_of(struct slice name)
{
    for (const struct provider_class *const *p = provider_classes; *p; p++)
        if (slice_ieq(name, slice_str((*p)->class_name))) return *p;
    return NULL;
}

static bool never_cancelled(const struct provider_call *c)
{
    (void)c;
    return false;
}

static bool prepare(struct arena *a, const struct driver_query *q, struct provider_call *c)
{
    const struct cim_schema *schema = driver_schema();
    *c = (struct provider_call){ .verb = CIM_OP_ENUM_INSTANCES,
                                 .ns = SLICE("root/cimv2"),
                                 .arena = a,
                                 .scratch = a,
                                 .cancelled = never_cancelled };
    c->cls = schema ? cim_schema_class(schema, slice_str(q->class_name)) : NULL;
    if (!c->cls) return false;
    struct cim_context_value *keys = ARENA_ARRAY(a, q->keys + 1u, struct cim_context_value);
    uint8_t *wants = arena_zalloc(a, c->cls->property_count + 1u);
    if (!keys || !wants) return false;
    for (unsigned i = 0; i < q->keys; i++) {
        keys[i].name = slice_str(q->key[i]);
        keys[i].value = (struct cim_value){ .type = CIM_STRING, .v.s = slice_str(q->value[i]) };
    }
    c->keys = q->keys ? keys : NULL;
    c->key_count = q->keys;
    for (const char *const *p = q->wanted; p && *p; p++) {
        int at = cim_class_property(c->cls, slice_str(*p));
        if (at >= 0) wants[at] = 1;
    }
    if (q->wanted) c->wants = wants;
    return true;
}

cimf_status driver_rows(struct arena *a, const struct driver_query *q, struct cim_instance ***list,
                        size_t *count, struct error *e)
{
    const struct provider_class *p = provider_of(slice_str(q->class_name));
    struct provider_call c;
    void *state = NULL;
    size_t rows = 0;
    *count = 0;
    if (!p || !prepare(a, q, &c)) return CIMF_INVALID_CLASS;
    c.error = e;
    cimf_status s = p->open(&c, &state, &rows);
    if (s) return s;
    *list = ARENA_ARRAY(a, rows + 1, struct cim_instance *);
    for (size_t i = 0; *list && i < rows && !s; i++) {
        struct cim_instance *in = cim_instance_new(a, c.cls);
        if (!in) return CIMF_OUT_OF_MEMORY;
        for (uint32_t k = 0; c.wants && k < c.cls->property_count; k++)
            if (!c.wants[k] && !(c.cls->properties[k].flags & CIM_PROP_KEY))
                in->state[k] = CIM_UNSENT;
        s = p->fill(&c, state, i, in);
        if (s == CIMF_NOT_FOUND)
            s = CIMF_OK;
        else if (!s)
            (*list)[(*count)++] = in;
    }
    if (p->close) p->close(&c, state);
    return s;
}

struct slice driver_text(struct arena *a, const struct cim_instance *in, const char *property)
{
    int at = cim_class_property(in->cls, slice_str(property));
    union cim_data v;
    if (at < 0 || !cim_get(in, (unsigned)at, &v)) return SLICE("");
    unsigned type = in->cls->properties[at].type;
    struct buf b;
    buf_init(&b, 0);
    if (!CIM_IS_ARRAY(type)) {
        cim_data_text(&b, type, &v);
    } else {
        for (uint32_t i = 0; i < v.a.n; i++) {
            union cim_data x = cim_array_get(CIM_BASE(type), v.a, i);
            if (i) buf_str(&b, ", ");
            cim_data_text(&b, CIM_BASE(type), &x);
        }
    }
    struct slice out = arena_dup(a, buf_slice(&b));
    buf_free(&b);
    return out;
}

cimf_status driver_invoke(struct arena *a, const struct cim_instance *target, const char *method,
                          struct cim_instance **out, struct error *e)
{
    const struct provider_class *p = provider_of(target->cls->name);
    const struct cim_method *m = cim_class_method(target->cls, slice_str(method));
    struct driver_query q = { .class_name = p ? p->class_name : "" };
    struct provider_call c;
    if (!p || !m || !prepare(a, &q, &c)) return CIMF_INVALID_METHOD;
    if (!p->invoke) return CIMF_METHOD_NOT_IMPLEMENTED;
    c.error = e;
    c.verb = CIM_OP_INVOKE;
    *out = m->out ? cim_instance_new(a, m->out) : NULL;
    return p->invoke(&c, m, target, NULL, *out);
}
