/*
 * Operations on their way through the object manager. A sink may be called from within submit and resume or by itself;
 * both end in settle, which never runs within the manager: whoever drives calls it afterwards, otherwise it is posted.
 */
#include <stdlib.h>

#include "wmi/wmi_priv.h"

void *wmi_work_new(struct dcom_call *c, struct wmi_session *x, size_t size, const struct cim_sink *sink)
{
    struct wmi_work *w = calloc(1, size);
    if (!w) return NULL;
    arena_init(&w->arena, 0);
    w->refs = 1;
    w->session = wmi_session_ref(x);
    w->home = c->home;
    w->level = c->level;
    w->op = (struct cim_op){
        .ns = x->ns, .locale = x->locale, .principal = principal_ref(c->principal),
        .encrypted = c->level == RPC_LEVEL_PRIVACY, .peer = arena_dup(&w->arena, slice_str(c->peer)),
        .arena = &w->arena, .home = c->home, .sink = sink, .owner = w, .error = ERROR_INIT,
    };
    return w;
}

static void work_ref(struct wmi_work *w)
{
    __atomic_add_fetch(&w->refs, 1, __ATOMIC_RELAXED);
}

void wmi_work_unref(struct wmi_work *w)
{
    if (!w || __atomic_sub_fetch(&w->refs, 1, __ATOMIC_ACQ_REL)) return;
    if (w->free) w->free(w);
    principal_unref(w->op.principal);
    arena_free(&w->arena);
    wmi_inputs_give(w->session, &w->inputs);
    wmi_session_unref(w->session);
    free(w);
}

void wmi_work_forget(struct wmi_work *w)
{
    if (w->arena.used <= WMI_INPUTS_SMALL) return;
    struct cim_op *op = &w->op;
    op->peer = op->query = op->method = SLICE_NULL;
    op->path = op->path_out = (struct cim_path){ 0 };
    op->context = op->params = NULL;
    op->context_count = op->param_count = 0;
    op->instance = op->out = NULL;
    op->class_decl = NULL;
    w->schema = NULL;
    arena_free(&w->arena);
    wmi_inputs_give(w->session, &w->inputs);
}

uint32_t wmi_work_context(struct wmi_work *w, struct slice objref)
{
    struct cim_context_value *values;
    if (!objref.p) return DCOM_OK;
    cimf_status status = wmi_context_read(&w->arena, objref, &values, &w->op.context_count, &w->op.error);
    w->op.context = values;
    return wmi_hresult(status);
}

struct slice wmi_work_path(struct wmi_work *w)
{
    struct buf b;
    struct cim_path path = w->op.path_out;
    path.server = path.ns = SLICE("");
    buf_init(&b, 0);
    buf_printf(&b, "\\\\" SLICE_FMT "\\" SLICE_FMT ":", SLICE_ARG(w->session->server->settings.machine),
               SLICE_ARG(w->session->shown));
    struct slice text = cim_path_write(&b, &path, true) && buf_ok(&b) ? arena_dup(&w->arena, buf_slice(&b)) : SLICE_NULL;
    buf_free(&b);
    return text;
}

static void schema_unref(void *schema)
{
    cim_schema_unref(schema);
}

uint32_t wmi_work_schema(struct wmi_work *w)
{
    if (w->schema) return DCOM_OK;
    struct cim_manager *m = w->session->server->settings.manager;
    struct cim_schema *schema = m->schema(m, w->session->ns, w->op.principal);
    if (!schema) return wmi_hresult(CIMF_ACCESS_DENIED);
    w->schema = schema;
    return arena_hold(&w->arena, schema, schema_unref) ? DCOM_OK : wmi_hresult(CIMF_OUT_OF_MEMORY);
}

void wmi_work_settle(struct wmi_work *w)
{
    w->again = true;
    if (w->settling) return;
    work_ref(w);
    w->settling = true;
    while (w->again) {
        w->again = false;
        w->settle(w);
    }
    w->settling = false;
    wmi_work_unref(w);
}

static void drive(struct wmi_work *w, void (*step)(struct cim_manager *m, struct cim_op *op))
{
    struct cim_manager *m = w->session->server->settings.manager;
    work_ref(w);
    w->driving = true;
    step(m, &w->op);
    w->driving = false;
    wmi_work_settle(w);
    wmi_work_unref(w);
}

void wmi_work_submit(struct wmi_work *w)
{
    struct wmi_server *s = w->session->server;
    cimf_status status = wmi_session_status(w->session);
    if (status == CIMF_OK && !w->inputs && !wmi_inputs_take(w->session, w->arena.used, WMI_INPUTS_SMALL, &w->inputs)) status = CIMF_QUOTA_VIOLATION;
    pthread_mutex_lock(&s->lock);
    if (s->stopped) status = CIMF_SHUTTING_DOWN;
    if (status == CIMF_OK) {
        work_ref(w);
        w->running = true;
        w->next = s->works;
        if (w->next) w->next->prev = w;
        s->works = w;
    }
    pthread_mutex_unlock(&s->lock);
    if (status == CIMF_OK) {
        drive(w, s->settings.manager->submit);
        return;
    }
    work_ref(w); /* done takes one */
    w->driving = true;
    w->op.sink->done(&w->op, status);
    w->driving = false;
    wmi_work_settle(w);
}

void wmi_work_resume(struct wmi_work *w)
{
    if (w->running && !w->driving) drive(w, w->session->server->settings.manager->resume);
}

void wmi_work_cancel(struct wmi_work *w)
{
    if (w->running && !w->driving) drive(w, w->session->server->settings.manager->cancel);
}

static void settle(void *arg)
{
    struct wmi_work *w = arg;
    w->posted = false;
    wmi_work_settle(w);
    wmi_work_unref(w);
}

void wmi_work_changed(struct wmi_work *w)
{
    if (w->driving || w->posted) return;
    work_ref(w);
    w->posted = true;
    if (exec_post(w->home, settle, w)) return;
    settle(w); /* the loop ends: nothing will come after this */
}

void wmi_work_done(struct wmi_work *w)
{
    struct wmi_server *s = w->session->server;
    pthread_mutex_lock(&s->lock);
    if (w->running) {
        if (w->prev) w->prev->next = w->next;
        else s->works = w->next;
        if (w->next) w->next->prev = w->prev;
        w->next = w->prev = NULL;
        w->running = false;
    }
    pthread_mutex_unlock(&s->lock);
    wmi_work_changed(w);
    wmi_work_unref(w);
}

static void stop_one(void *arg)
{
    struct wmi_work *w = arg;
    wmi_work_cancel(w);
    wmi_work_unref(w);
}

void wmi_server_stop(struct wmi_server *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopped = true;
    for (struct wmi_work *w = s->works; w; w = w->next) {
        work_ref(w);
        if (!exec_post(w->home, stop_one, w)) __atomic_sub_fetch(&w->refs, 1, __ATOMIC_ACQ_REL); /* done holds one */
    }
    wmi_backup_stop(s);
    pthread_mutex_unlock(&s->lock);
    wmi_sinks_stop(s);
}
