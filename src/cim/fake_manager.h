/* cim/fake_manager.h - for tests and fuzzing of what stands above cim/op.h: a fake object manager with a few classes and
 * rows, and executors that run when told. Included by one file of a program each. */
#ifndef CIM_FAKE_MANAGER_H
#define CIM_FAKE_MANAGER_H

#include <stdio.h>
#include <stdlib.h>

#include "cim/op.h"
#include "cim/schema.h"

#define UNUSED_OK __attribute__((unused))

/* --- executors -------------------------------------------------------------------------------- */

struct fake_task {
    void (*fn)(void *);
    void *arg;
};
struct fake_exec {
    struct exec exec;
    struct fake_task *tasks;
    size_t count, room;
    bool closed;
};
static struct fake_exec *fake_current; /* whose thread this is, as it were */

static bool fake_post(struct exec *self, void (*fn)(void *), void *arg)
{
    struct fake_exec *x = (struct fake_exec *)self;
    if (x->closed) return false;
    if (x->count == x->room) {
        x->room = x->room ? x->room * 2 : 64;
        x->tasks = realloc(x->tasks, x->room * sizeof *x->tasks);
        if (!x->tasks) abort();
    }
    x->tasks[x->count++] = (struct fake_task){ fn, arg };
    return true;
}
static bool fake_here(struct exec *self)
{
    return fake_current == (struct fake_exec *)self;
}
static struct fake_exec loops[2] = { { .exec = { fake_post, fake_here } }, { .exec = { fake_post, fake_here } } };

/* Runs what was posted to both, until nothing is left. */
UNUSED_OK static void fake_run(void)
{
    struct fake_exec *before = fake_current;
    for (bool any = true; any;) {
        any = false;
        for (int i = 0; i < 2; i++) {
            for (size_t k = 0; k < loops[i].count; k++) {
                struct fake_task t = loops[i].tasks[k];
                fake_current = &loops[i];
                t.fn(t.arg);
                any = true;
            }
            loops[i].count = 0;
        }
    }
    fake_current = before;
}

/* --- the fake object manager ------------------------------------------------------------------ */

enum fake_mode {
    FAKE_SYNC,  /* everything inside submit and resume */
    FAKE_ASYNC, /* one result a task on the home executor */
    FAKE_BLOCK, /* nothing happens until fake_go */
};

struct fake_manager {
    struct cim_manager base;
    struct cim_schema *schema;
    struct arena arena;
    struct cim_instance **rows;
    size_t row_count;
    enum fake_mode mode;
    cimf_status fail;          /* instead of / after fail_after results */
    size_t fail_after;
    bool no_schema;            /* schema() answers NULL; operations INVALID_NAMESPACE */
    unsigned active, submitted, resumed, cancelled, events;
    struct cim_op last;        /* as submitted; pointers may be stale */
    struct slice last_query;
    struct cim_context_value context[8];
    unsigned context_count;
    bool without_principal;
    struct cim_op *blocked;
};

struct fake_state {
    struct fake_manager *m;
    size_t at, sent;
    bool again, cancelled, posted, ending, waiting;
    struct arena arena;        /* of projections */
    const struct cim_class *projection;
};

static cimf_status fake_write(struct fake_manager *m, struct cim_op *op);
static cimf_status fake_invoke(struct fake_manager *m, struct cim_op *op);

static void fake_end(struct cim_op *op, cimf_status status)
{
    struct fake_state *s = op->state;
    if (status != CIMF_OK && op->error.status == CIMF_OK) error_set(&op->error, status, "fake", "the fake says no");
    s->m->active--;
    arena_free(&s->arena);
    free(s);
    op->sink->done(op, status);
}

static bool fake_keys_match(const struct cim_op *op, const struct cim_instance *in)
{
    for (uint32_t i = 0; i < op->path.key_count; i++) {
        int at = cim_class_property(in->cls, op->path.keys[i].name);
        union cim_data v;
        if (at < 0 || !cim_get(in, (unsigned)at, &v)) return false;
        unsigned type = in->cls->properties[at].type;
        if (op->path.keys[i].value.type != type) return false; /* the protocol has to type keys */
        bool same = cim_type_is_text(type) ? slice_ieq(v.s, op->path.keys[i].value.v.s)
                                           : cim_data_equal(type, &v, &op->path.keys[i].value.v);
        if (!same) return false;
    }
    return true;
}

/* "select a, b from Class": the class, and the projection. */
static const struct cim_class *fake_query(struct fake_state *s, struct cim_op *op, cimf_status *status)
{
    char list[256], name[256];
    char *text = arena_strz(&s->arena, op->query);
    if (!text || sscanf(text, "select %255[^$] $", list) != 1) {
        *status = CIMF_INVALID_QUERY;
        return NULL;
    }
    char *from = strstr(list, " from ");
    if (!from || sscanf(from + 6, "%255s", name) != 1) {
        *status = CIMF_INVALID_QUERY;
        return NULL;
    }
    *from = 0;
    const struct cim_class *cls = cim_schema_class(s->m->schema, slice_str(name));
    if (!cls) {
        *status = CIMF_INVALID_CLASS;
        return NULL;
    }
    if (list[0] != '*') {
        uint16_t index[64];
        uint32_t n = 0;
        for (char *save, *word = strtok_r(list, ", ", &save); word && n < 64; word = strtok_r(NULL, ", ", &save)) {
            int at = cim_class_property(cls, slice_str(word));
            if (at < 0) *status = CIMF_INVALID_QUERY;
            else index[n++] = (uint16_t)at;
        }
        cim_class_project(&s->arena, cls, index, n, &s->projection);
    }
    return cls;
}

static const struct cim_object *fake_next(struct fake_state *s, struct cim_op *op, cimf_status *status)
{
    struct fake_manager *m = s->m;
    *status = CIMF_OK;
    if (m->fail != CIMF_OK && s->sent >= m->fail_after) {
        *status = m->fail;
        return NULL;
    }
    if (op->verb == CIM_OP_GET_CLASS) {
        const struct cim_class *cls = cim_schema_class(m->schema, op->path.class_name);
        *status = cls ? CIMF_OK : CIMF_INVALID_CLASS;
        return cls && s->at == 0 ? &cls->object : NULL;
    }
    if (op->verb == CIM_OP_ENUM_CLASSES) {
        const struct cim_class *top = cim_schema_class(m->schema, op->path.class_name), *c;
        if (op->flags & CIM_SHALLOW) return (c = cim_schema_child(m->schema, top, s->at)) ? &c->object : NULL;
        size_t at = 0;
        size_t skip = s->at + (top ? 1 : 0);
        do c = cim_schema_walk(m->schema, top, &at); while (c && skip--);
        return c ? &c->object : NULL;
    }
    const struct cim_class *cls = cim_schema_class(m->schema, op->path.class_name);
    if (op->verb == CIM_OP_QUERY || op->verb == CIM_OP_SUBSCRIBE) cls = fake_query(s, op, status);
    if (!cls && *status == CIMF_OK) *status = CIMF_INVALID_CLASS;
    if (op->verb == CIM_OP_GET_INSTANCE && s->sent) return NULL;
    for (; cls && s->at < m->row_count; s->at++) {
        const struct cim_instance *in = m->rows[s->at];
        bool exact = op->flags & (CIM_EXACT_CLASS | CIM_SHALLOW);
        if (exact ? in->cls != cls : !cim_class_isa(in->cls, cls->name)) continue;
        if (op->verb == CIM_OP_GET_INSTANCE && !fake_keys_match(op, in)) continue;
        if (op->verb == CIM_OP_QUERY && s->projection) in = cim_instance_cast(&s->arena, in, s->projection);
        else if (op->flags & CIM_CAST_TO_BASE) in = cim_instance_cast(&s->arena, in, cls);
        return &in->object;
    }
    if (op->verb == CIM_OP_GET_INSTANCE && s->sent == 0 && *status == CIMF_OK) *status = CIMF_NOT_FOUND;
    return NULL;
}

/* One step; false when the operation paused or ended. */
static bool fake_step(struct cim_op *op)
{
    struct fake_state *s = op->state;
    cimf_status status = CIMF_OK;
    if (s->cancelled) {
        fake_end(op, CIMF_CALL_CANCELLED);
        return false;
    }
    if (op->verb == CIM_OP_PUT_INSTANCE || op->verb == CIM_OP_DELETE_INSTANCE || op->verb == CIM_OP_INVOKE) {
        status = s->m->fail;
        if (status == CIMF_OK) status = op->verb == CIM_OP_INVOKE ? fake_invoke(s->m, op) : fake_write(s->m, op);
        fake_end(op, status);
        return false;
    }
    if (op->verb == CIM_OP_SEND_EVENT && s->m->fail == CIMF_OK) {
        s->m->events += op->instance != NULL;
        fake_end(op, CIMF_OK);
        return false;
    }
    const struct cim_object *o = fake_next(s, op, &status);
    if (!o) {
        fake_end(op, status);
        return false;
    }
    enum cim_sink_answer answer = op->sink->object(op, o);
    if (answer != CIM_SINK_AGAIN) {
        s->at++;
        s->sent++;
    }
    s->waiting = answer != CIM_SINK_MORE;
    return !s->waiting;
}

static void fake_task_step(void *arg)
{
    struct cim_op *op = arg;
    struct fake_state *s = op->state;
    s->posted = false;
    if (s->waiting && !s->cancelled) return;
    if (fake_step(op)) {
        s->posted = true;
        if (!exec_post(op->home, fake_task_step, op)) abort();
    }
}

static void fake_start(struct fake_manager *m, struct cim_op *op)
{
    if (m->mode == FAKE_SYNC) {
        while (fake_step(op)) { }
        return;
    }
    struct fake_state *s = op->state;
    if (s->posted) return;
    s->posted = true;
    if (!exec_post(op->home, fake_task_step, op)) {
        s->posted = false;
        while (fake_step(op)) { }
    }
}

static void fake_submit(struct cim_manager *base, struct cim_op *op)
{
    struct fake_manager *m = (struct fake_manager *)base;
    struct fake_state *s = calloc(1, sizeof *s);
    if (!s) abort();
    s->m = m;
    arena_init(&s->arena, 0);
    op->state = s;
    op->begun = !m->no_schema;
    m->active++;
    m->submitted++;
    m->last = *op;
    m->context_count = op->context_count < 8 ? op->context_count : 8;
    for (unsigned i = 0; i < m->context_count; i++) {
        m->context[i].name = arena_dup(&m->arena, op->context[i].name);
        m->context[i].value = op->context[i].value;
        if (!op->context[i].value.null) {
            cim_data_copy(&m->arena, op->context[i].value.type, &op->context[i].value.v, &m->context[i].value.v);
        }
    }
    m->last_query = arena_dup(&m->arena, op->query);
    if (!op->principal) m->without_principal = true;
    if (m->no_schema) {
        fake_end(op, CIMF_INVALID_NAMESPACE);
    } else if (m->mode == FAKE_BLOCK) {
        m->blocked = op;
    } else {
        fake_start(m, op);
    }
}

static void fake_resume(struct cim_manager *base, struct cim_op *op)
{
    struct fake_manager *m = (struct fake_manager *)base;
    struct fake_state *s = op->state;
    m->resumed++;
    if (!s->waiting) abort(); /* resumed though it was not paused */
    s->waiting = false;
    if (m->mode == FAKE_BLOCK) m->blocked = op;
    else fake_start(m, op);
}

static void fake_cancel(struct cim_manager *base, struct cim_op *op)
{
    struct fake_manager *m = (struct fake_manager *)base;
    struct fake_state *s = op->state;
    m->cancelled++;
    if (!exec_here(op->home) && !((struct fake_exec *)op->home)->closed) abort();
    s->cancelled = true;
    if (m->blocked == op) m->blocked = NULL;
    if (!s->posted) fake_end(op, CIMF_CALL_CANCELLED);
}

static struct cim_schema *fake_schema(struct cim_manager *base, struct slice ns, const struct principal *p)
{
    struct fake_manager *m = (struct fake_manager *)base;
    if (m->no_schema || !slice_ieq(ns, SLICE("root/test")) || !p) return NULL;
    return cim_schema_ref(m->schema);
}

/* A blocked operation goes on (on its home). */
UNUSED_OK static void fake_go(struct fake_manager *m)
{
    struct cim_op *op = m->blocked;
    m->blocked = NULL;
    m->mode = FAKE_ASYNC;
    if (op) fake_start(m, op);
}

/* --- its classes and rows --------------------------------------------------------------------- */

static struct cim_qualifier fake_key_q = { .name = { "key", 3 }, .value = { .type = CIM_BOOLEAN, .v.u = 1 },
                                           .flavor = CIM_FLAVOR_TO_INSTANCE | CIM_FLAVOR_TO_SUBCLASS };
static struct cim_qualifier fake_static_q = { .name = { "Static", 6 }, .value = { .type = CIM_BOOLEAN, .v.u = 1 },
                                              .flavor = CIM_FLAVOR_TO_SUBCLASS };
static struct cim_qualifier fake_in_q = { .name = { "In", 2 }, .value = { .type = CIM_BOOLEAN, .v.u = 1 } };
static struct cim_qualifier fake_out_q = { .name = { "Out", 3 }, .value = { .type = CIM_BOOLEAN, .v.u = 1 } };
static struct cim_qualifier fake_abstract_q = { .name = { "abstract", 8 }, .value = { .type = CIM_BOOLEAN, .v.u = 1 } };
static struct cim_qualifier fake_singleton_q = { .name = { "singleton", 9 },
                                                 .value = { .type = CIM_BOOLEAN, .v.u = 1 } };

static struct cim_qualifier fake_live_q[] = {
    { .name = { "dynamic", 7 }, .value = { .type = CIM_BOOLEAN, .v.u = 1 }, .flavor = CIM_FLAVOR_TO_INSTANCE },
    { .name = { "provider", 8 }, .value = { .type = CIM_STRING, .v.s = { "Fake", 4 } }, .flavor = CIM_FLAVOR_TO_INSTANCE },
};

#define FAKE_Q(q) { &(q), 1 }
#define FAKE_PROP(n, t) { .name = { n, sizeof n - 1 }, .type = (t) }
#define FAKE_SPROP(n, t, qq) { .name = { n, sizeof n - 1 }, .type = (t), .qualifiers = FAKE_Q(qq) }

static struct cim_property_decl fake_base_props[] = { FAKE_SPROP("id", CIM_SINT32, fake_key_q) };
static struct cim_property_decl fake_my_props[] = {
    FAKE_PROP("Data1", CIM_STRING), FAKE_PROP("Number", CIM_UINT64), FAKE_PROP("List", CIM_STRING | CIM_ARRAY),
    FAKE_PROP("When", CIM_DATETIME), FAKE_PROP("Flag", CIM_BOOLEAN), FAKE_PROP("Peer", CIM_REFERENCE),
    FAKE_PROP("Inner", CIM_OBJECT), FAKE_PROP("Letter", CIM_CHAR16), FAKE_PROP("Real", CIM_REAL64),
    { .name = { "Level", 5 }, .type = CIM_UINT8, .has_default = true, .value = { .type = CIM_UINT8, .v.u = 7 } },
};
static struct cim_property_decl fake_extra_props[] = { FAKE_PROP("Extra", CIM_STRING) };
static struct cim_property_decl fake_add_params[] = {
    FAKE_SPROP("A", CIM_UINT32, fake_in_q), FAKE_SPROP("B", CIM_UINT32, fake_in_q),
    FAKE_SPROP("Sum", CIM_UINT32, fake_out_q),
};
static struct cim_method_decl fake_methods[] = {
    { .name = { "Add", 3 }, .return_type = CIM_UINT32, .params = fake_add_params, .param_count = 3 },
    { .name = { "Ping", 4 }, .return_type = CIM_UINT32, .qualifiers = FAKE_Q(fake_static_q) },
};
static struct cim_property_decl fake_one_props[] = { FAKE_PROP("Value", CIM_STRING) };
static struct cim_property_decl fake_named_props[] = {
    FAKE_SPROP("Name", CIM_STRING, fake_key_q), FAKE_SPROP("Link", CIM_REFERENCE, fake_key_q),
    FAKE_PROP("Note", CIM_STRING),
};
static struct cim_property_decl fake_live_props[] = {
    FAKE_SPROP("Name", CIM_STRING, fake_key_q), FAKE_PROP("Count", CIM_UINT32), FAKE_PROP("Note", CIM_STRING),
    { .name = { "Level", 5 }, .type = CIM_UINT8, .has_default = true, .value = { .type = CIM_UINT8, .v.u = 7 } },
};
static struct cim_class_decl fake_decls[] = {
    { .name = { "Base", 4 }, .qualifiers = FAKE_Q(fake_abstract_q), .properties = fake_base_props, .property_count = 1 },
    { .name = { "MyClass", 7 }, .super = { "Base", 4 }, .properties = fake_my_props, .property_count = 10,
      .methods = fake_methods, .method_count = 2 },
    { .name = { "Derived", 7 }, .super = { "MyClass", 7 }, .properties = fake_extra_props, .property_count = 1 },
    { .name = { "Single", 6 }, .qualifiers = FAKE_Q(fake_singleton_q), .properties = fake_one_props,
      .property_count = 1 },
    { .name = { "Named", 5 }, .properties = fake_named_props, .property_count = 3 },
    { .name = { "Empty", 5 }, .super = { "Base", 4 } },
    { .name = { "Live", 4 }, .qualifiers = { fake_live_q, 2 }, .properties = fake_live_props, .property_count = 4 },
    { .name = { "LiveMore", 8 }, .super = { "Live", 4 }, .properties = fake_extra_props, .property_count = 1 },
};

static struct cim_instance *fake_row(struct fake_manager *m, const char *class_name)
{
    const struct cim_class *cls = cim_schema_class(m->schema, slice_str(class_name));
    if (!cls) abort();
    struct cim_instance *in = cim_instance_new(&m->arena, cls);
    m->rows = realloc(m->rows, (m->row_count + 1) * sizeof *m->rows);
    if (!in || !m->rows) abort();
    m->rows[m->row_count++] = in;
    return in;
}

static cimf_status fake_write(struct fake_manager *m, struct cim_op *op)
{
    size_t at = 0;
    struct cim_path path = op->path;
    if (op->verb == CIM_OP_PUT_INSTANCE && (op->flags & CIM_CREATE_ONLY)) {
        cimf_status status = cim_path_of(op->arena, op->instance, &path, &op->error);
        if (status != CIMF_OK) return status;
    }
    struct cim_op probe = { .path = path };
    const struct cim_class *cls = cim_schema_class(m->schema, path.class_name);
    if (!cls) return CIMF_INVALID_CLASS;
    while (at < m->row_count && !(cim_class_isa(m->rows[at]->cls, cls->name) && fake_keys_match(&probe, m->rows[at]))) at++;
    bool found = at < m->row_count;
    if (op->verb == CIM_OP_DELETE_INSTANCE) {
        if (!found) return CIMF_NOT_FOUND;
        m->rows[at] = m->rows[--m->row_count];
        return CIMF_OK;
    }
    if (op->flags & CIM_CREATE_ONLY && found) return CIMF_ALREADY_EXISTS;
    if (op->flags & CIM_UPDATE_ONLY && !found) return CIMF_NOT_FOUND;
    struct cim_instance *in = found ? m->rows[at] : fake_row(m, "Base"), *given = cim_instance_copy(&m->arena, op->instance);
    if (!found) m->rows[m->row_count - 1] = in = given;
    for (uint32_t i = 0; found && i < given->cls->property_count; i++) {
        if (!cim_is_sent(given, i)) continue;
        in->state[i] = given->state[i];
        in->slot[i] = given->slot[i];
    }
    op->path_out = path;
    op->created = !found;
    return CIMF_OK;
}

static cimf_status fake_invoke(struct fake_manager *m, struct cim_op *op)
{
    const struct cim_class *cls = cim_schema_class(m->schema, op->path.class_name);
    const struct cim_method *method = cls ? cim_class_method(cls, op->method) : NULL;
    if (!method) return CIMF_INVALID_METHOD;
    if (!(method->flags & CIM_METHOD_STATIC) && op->path.kind == CIM_PATH_CLASS) return CIMF_INVALID_METHOD_PARAMETERS;
    struct cim_instance *out = cim_instance_new(op->arena, method->out);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < op->param_count; i++) {
        if (!method->in || cim_class_property(method->in, op->params[i].name) < 0) return CIMF_INVALID_METHOD_PARAMETERS;
        sum += op->params[i].value.v.u;
    }
    if (method->in && op->param_count != 2) return CIMF_INVALID_METHOD_PARAMETERS;
    if (method->in) cim_put_u64(out, "Sum", sum);
    cim_put_u64(out, "ReturnValue", 0);
    op->out = out;
    return CIMF_OK;
}

static void fake_init(struct fake_manager *m)
{
    *m = (struct fake_manager){ .base = { fake_submit, fake_resume, fake_cancel, fake_schema } };
    arena_init(&m->arena, 0);
    struct cim_schema *empty = cim_schema_new(SLICE("root/test"));
    struct cim_schema_editor *ed = cim_schema_edit(empty);
    struct error e = ERROR_INIT;
    for (size_t i = 0; i < sizeof fake_decls / sizeof *fake_decls; i++) {
        const struct cim_class *cls;
        if (cim_schema_put(ed, &fake_decls[i], 0, &cls, &e) != CIMF_OK) {
            fprintf(stderr, "%s\n", error_text(&e));
            abort();
        }
    }
    if (cim_schema_commit(ed, &m->schema, &e) != CIMF_OK) abort();
    cim_schema_unref(empty);
}

static void fake_free(struct fake_manager *m)
{
    cim_schema_unref(m->schema);
    free(m->rows);
    arena_free(&m->arena);
    for (int i = 0; i < 2; i++) {
        free(loops[i].tasks);
        loops[i].tasks = NULL;
        loops[i].count = loops[i].room = 0;
        loops[i].closed = false;
    }
}

/* n instances of MyClass with ids from 1. */
UNUSED_OK static void fake_fill(struct fake_manager *m, size_t n)
{
    for (size_t i = 1; i <= n; i++) {
        struct cim_instance *in = fake_row(m, "MyClass");
        cim_put_i64(in, "id", (int64_t)i);
        cim_put_strz(in, "Data1", "Hello World");
    }
}

#endif
