#include "cimom/test_driver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "auth/access.h"
#include "base/log.h"

static const struct slice managers[] = { SLICE("Remote Management Users") };
struct principal driver_admin = {
    .magic = 0x50524e43,
    .refs = 1 << 20,
    .name = SLICE("root"),
    .administrator = true,
    .scheme = AUTH_LOCAL,
    .sid = "S-1-5-21-1-2-3-500",
};
struct principal driver_user = {
    .magic = 0x50524e43,
    .refs = 1 << 20,
    .name = SLICE("alice"),
    .groups = managers,
    .group_count = 1,
    .scheme = AUTH_BASIC,
    .sid = "S-1-5-21-1-2-3-1001",
};
struct principal driver_plain = {
    .magic = 0x50524e43,
    .refs = 1 << 20,
    .name = SLICE("bob"),
    .scheme = AUTH_BASIC,
    .sid = "S-1-5-21-1-2-3-1002",
};

/* Kept until the test program ends, as the principals are. */
static void driver_tokens(void)
{
    static struct arena a;
    if (driver_admin.token) return;
    arena_init(&a, 0);
    struct principal *all[] = { &driver_admin, &driver_user, &driver_plain };
    for (size_t i = 0; i < 3; i++) {
        assert_status(access_token_make(&a, all[i], NULL, 0, &all[i]->token, NULL), OK);
    }
}

/* --- the home thread -------------------------------------------------------------------------- */

static bool home_post(struct exec *self, void (*fn)(void *), void *arg)
{
    struct driver *d = (struct driver *)self;
    pthread_mutex_lock(&d->lock);
    if (d->head + d->count == d->room) {
        if (d->count) memmove(d->queue, d->queue + d->head, d->count * sizeof *d->queue);
        d->head = 0;
        if (d->count * 2 > d->room || !d->room) {
            d->room = d->room ? d->room * 2 : 64;
            d->queue = realloc(d->queue, d->room * sizeof *d->queue);
        }
    }
    d->queue[d->head + d->count++] = (struct driver_post){ fn, arg };
    pthread_cond_signal(&d->posted);
    pthread_mutex_unlock(&d->lock);
    return true;
}

static bool home_here(struct exec *self)
{
    return pthread_equal(pthread_self(), ((struct driver *)self)->thread);
}

bool driver_step(struct driver *d, int wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&d->lock);
    while (!d->count && pthread_cond_timedwait(&d->posted, &d->lock, &until) != ETIMEDOUT) {
    }
    struct driver_post p = { NULL, NULL };
    if (d->count) {
        p = d->queue[d->head++];
        d->count--;
    }
    pthread_mutex_unlock(&d->lock);
    if (p.fn) p.fn(p.arg);
    return p.fn != NULL;
}

/* --- opening ---------------------------------------------------------------------------------- */

static void open_manager(struct driver *d)
{
    struct error e = ERROR_INIT;
    struct repo_options o = { .no_sync = true, .map_size = (size_t)1 << 30 };
    cimf_status s = repo_open(d->dir, &o, &d->repo, &e);
    if (s) fail_msg("repo_open: %s", error_text(&e));
    d->pool = pool_new("test", 4, 0, &e);
    assert_non_null(d->pool);
    d->config.repo = d->repo;
    d->config.pool = pool_exec(d->pool);
    s = cimom_create(&d->config, &d->m, &e);
    if (s)
        fail_msg("cimom_create: %s: %s (%s %u:%u)", cimf_status_name(s), error_text(&e), e.subject,
                 e.line, e.column);
    d->manager = cimom_manager(d->m);
}

static void close_manager(struct driver *d)
{
    while (driver_step(d, 0)) {
    }
    assert_int_equal(cimom_active(d->m), 0);
    pool_free(d->pool);
    while (driver_step(d, 0)) {
    }
    cimom_stop(d->m);
    repo_close(d->repo);
    cimom_destroy(d->m);
}

static void log_nothing(enum log_level level, const char *line, void *arg) {}

void driver_open(struct driver *d, const struct cimom_config *config)
{
    *d = (struct driver){ .home = { home_post, home_here }, .thread = pthread_self() };
    if (config) d->config = *config;
    log_set_sink(log_nothing, NULL);
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->posted, NULL);
    arena_init(&d->arena, (size_t)1 << 30);
    snprintf(d->dir, sizeof d->dir, "/tmp/cimom-test-XXXXXX");
    assert_non_null(mkdtemp(d->dir));
    if (!d->config.files) {
        d->config.files = schema_files;
        d->config.file_count = schema_file_count;
        d->config.namespaces = schema_namespaces;
        d->config.version = schema_version;
    }
    driver_tokens();
    if (!d->config.server.n) d->config.server = SLICE("testhost");
    open_manager(d);
    driver_mof(d, "root", "instance of __Namespace { Name = \"test\"; };");
}

void driver_reopen(struct driver *d)
{
    close_manager(d);
    open_manager(d);
}

void driver_close(struct driver *d)
{
    close_manager(d);
    arena_free(&d->arena);
    free(d->queue);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", d->dir);
    if (system(command)) fail_msg("cannot remove %s", d->dir);
    pthread_mutex_destroy(&d->lock);
    pthread_cond_destroy(&d->posted);
}

/* --- operations ------------------------------------------------------------------------------- */

static enum cim_sink_answer sink_object(struct cim_op *op, const struct cim_object *o)
{
    struct answer *a = op->owner;
    assert_true(home_here(op->home));
    assert_false(a->done);
    if (a->again && (a->count + 1) % a->again == 0 && !a->refused) {
        a->refused = true;
        a->pauses++;
        return CIM_SINK_AGAIN;
    }
    a->refused = false;
    const struct cim_instance *in = cim_as_instance(o);
    const struct cim_object *keep = o;
    if (in) {
        struct cim_instance *copy = cim_instance_copy(&a->d->arena, in);
        assert_non_null(copy);
        keep = &copy->object;
    } else {
        assert_true(cim_class_hold(&a->d->arena, cim_as_class(o)));
    }
    if ((a->count & (a->count - 1)) == 0) {
        const struct cim_object **more =
            ARENA_ARRAY(&a->d->arena, a->count ? a->count * 2 : 1, const struct cim_object *);
        if (a->count) memcpy(more, a->objects, a->count * sizeof *more);
        a->objects = more;
    }
    a->objects[a->count++] = keep;
    if (a->cancel_after && a->count == a->cancel_after) cim_cancel(a->d->manager, op);
    if (a->page && a->count % a->page == 0) {
        a->pauses++;
        return CIM_SINK_PAUSE;
    }
    return CIM_SINK_MORE;
}

static void sink_done(struct cim_op *op, cimf_status status)
{
    struct answer *a = op->owner;
    assert_true(home_here(op->home));
    assert_false(a->done);
    a->done = true;
    a->status = status;
    a->error = op->error;
    if (op->out) {
        const struct cim_instance *copy = cim_instance_copy(&a->d->arena, op->out);
        a->objects = ARENA_ARRAY(&a->d->arena, 1, const struct cim_object *);
        a->objects[0] = &copy->object;
        a->count = 1;
    }
}

static const struct cim_sink sink = { sink_object, sink_done };

struct cim_op driver_op(struct driver *d, enum cim_verb verb)
{
    return (struct cim_op){ .verb = verb,
                            .ns = SLICE("root/test"),
                            .language = SLICE("WQL"),
                            .principal = &driver_admin,
                            .arena = &d->arena,
                            .home = &d->home,
                            .sink = &sink };
}

void driver_start(struct driver *d, struct cim_op *op, struct answer *a)
{
    a->d = d;
    op->owner = a;
    cim_submit(d->manager, op);
}

void driver_pump(struct driver *d, const struct answer *a)
{
    while (!a->done) {
        if (!driver_step(d, 20000)) fail_msg("the operation does not end");
    }
}

void driver_run(struct driver *d, struct cim_op *op, struct answer *a)
{
    driver_start(d, op, a);
    unsigned seen = 0;
    while (!a->done) {
        if (a->pauses > seen) {
            seen = a->pauses;
            cim_resume(d->manager, op);
        } else if (!driver_step(d, 20000)) {
            fail_msg("the operation does not end");
        }
    }
}

cimf_status driver_mof_status(struct driver *d, const char *ns, const char *text, struct error *e)
{
    struct mof_source source = { SLICE("test.mof"), slice_str(text) };
    struct cimom_mof_scope scope = { d->m, &d->arena };
    struct mof_options options = { .ns = slice_str(ns),
                                   .qualifier = cimom_mof_qualifier,
                                   .arg = &scope };
    struct mof_unit unit;
    cimf_status s = mof_parse(&d->arena, &source, &options, &unit, e);
    return s ? s : cimom_compile_mof_sync(d->m, &unit, &driver_admin, NULL, e);
}

void driver_mof(struct driver *d, const char *ns, const char *text)
{
    struct error e = ERROR_INIT;
    cimf_status s = driver_mof_status(d, ns, text, &e);
    if (s)
        fail_msg("mof: %s: %s (%s %u:%u)", cimf_status_name(s), error_text(&e), e.subject, e.line,
                 e.column);
}

struct cim_path driver_path(struct driver *d, const char *text)
{
    struct cim_path p;
    struct error e = ERROR_INIT;
    if (cim_path_parse(&d->arena, slice_str(text), &p, &e))
        fail_msg("path %s: %s", text, error_text(&e));
    return p;
}

cimf_status driver_query(struct driver *d, const char *ns, const char *text, struct answer *a)
{
    struct cim_op op = driver_op(d, CIM_OP_QUERY);
    op.ns = slice_str(ns);
    op.query = slice_str(text);
    driver_run(d, &op, a);
    return a->status;
}

cimf_status driver_get(struct driver *d, const char *ns, const char *path, struct answer *a)
{
    struct cim_op op = driver_op(d, CIM_OP_GET_INSTANCE);
    op.ns = slice_str(ns);
    op.path = driver_path(d, path);
    driver_run(d, &op, a);
    return a->status;
}

cimf_status driver_enum(struct driver *d, const char *ns, const char *cls, uint32_t flags,
                        struct answer *a)
{
    struct cim_op op = driver_op(d, CIM_OP_ENUM_INSTANCES);
    op.ns = slice_str(ns);
    op.flags = flags;
    op.path.kind = CIM_PATH_CLASS;
    op.path.class_name = slice_str(cls);
    driver_run(d, &op, a);
    return a->status;
}

cimf_status driver_delete(struct driver *d, const char *ns, const char *path)
{
    struct cim_op op = driver_op(d, CIM_OP_DELETE_INSTANCE);
    struct answer a = { 0 };
    op.ns = slice_str(ns);
    op.path = driver_path(d, path);
    driver_run(d, &op, &a);
    return a.status;
}

cimf_status driver_put(struct driver *d, const char *ns, const char *cls, uint32_t flags, ...)
{
    struct cim_schema *schema = d->manager->schema(d->manager, slice_str(ns), &driver_admin);
    assert_non_null(schema);
    const struct cim_class *c = cim_schema_class(schema, slice_str(cls));
    assert_non_null(c);
    struct cim_instance *in = cim_instance_new(&d->arena, c);
    if (flags & CIM_PARTIAL) memset(in->state, CIM_UNSENT, c->property_count);
    va_list args;
    va_start(args, flags);
    const char *pair;
    while ((pair = va_arg(args, const char *))) {
        struct slice value, name = slice_split(slice_str(pair), '=', &value);
        struct cim_value v = { .type = CIM_STRING, .null = !value.n, .v.s = value };
        cimf_status s = cim_set_named(in, name, &v);
        if (s) fail_msg("%s: %s", pair, cimf_status_name(s));
    }
    va_end(args);
    cim_schema_unref(schema);
    struct cim_op op = driver_op(d, CIM_OP_PUT_INSTANCE);
    struct answer a = { 0 };
    op.ns = slice_str(ns);
    op.flags = flags;
    op.instance = in;
    driver_run(d, &op, &a);
    return a.status;
}

const char *driver_text(struct driver *d, const struct answer *a, unsigned n, const char *property)
{
    assert_true(n < a->count);
    const struct cim_instance *in = cim_as_instance(a->objects[n]);
    assert_non_null(in);
    int at = cim_class_property(in->cls, slice_str(property));
    if (at >= 0 && in->state[at] == CIM_UNSENT) return "UNSENT";
    struct cim_value v;
    if (cim_get_named(&d->arena, in, slice_str(property), &v)) return "ABSENT";
    if (v.null) return "NULL";
    struct buf b;
    buf_init(&b, 0);
    cim_data_text(&b, v.type, &v.v);
    const char *z = arena_strz(&d->arena, buf_slice(&b));
    buf_free(&b);
    return z;
}

const char *driver_class_name(const struct answer *a, unsigned n)
{
    assert_true(n < a->count);
    return arena_strz(&a->d->arena, cim_object_class(a->objects[n])->name);
}
