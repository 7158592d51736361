/* Calls to objects (MS-DCOM 3.1.1.5.4): by IPID, to the object's home, and back. */
#include "dcom/dcom_priv.h"

#include <stdlib.h>

/* refs: one of the answer that is owed, one of an abort on its way. */
struct job {
    struct dcom_call call;     /* first: methods hold a pointer to it */
    struct rpc_call *rpc;
    struct ndr_writer out;
    void *record;
    int refs;                  /* atomic */
    bool answered, aborted;    /* on the object's home */
    uint32_t fault;
};

static bool here(struct exec *x) { return !x || exec_here(x); }

static void job_unref(struct job *j)
{
    if (__atomic_sub_fetch(&j->refs, 1, __ATOMIC_ACQ_REL)) return;
    free(j);
}

/* On the connection's loop. */
static void deliver(void *arg)
{
    struct job *j = arg;
    struct rpc_call *rpc = j->rpc;
    uint32_t fault = j->fault;
    rpc->on_abort = NULL;
    job_unref(j);
    if (fault) rpc_fault(rpc, fault);
    else rpc_reply(rpc);
}

static void leave(struct dcom_object *o)
{
    dcom_lock(o->server);
    o->running--;
    o->used = dcom_now(o->server);
    dcom_unlock(o->server);
    dcom_object_unref(o);
}

static void finish(struct job *j, uint32_t fault)
{
    struct exec *home = j->rpc->home;
    struct dcom_object *o = j->call.object;
    j->answered = true;
    j->fault = fault;
    if (here(home)) deliver(j);
    else if (!exec_post(home, deliver, j)) job_unref(j); /* that loop has ended, and its connections with it */
    leave(o);
}

void dcom_reply(struct dcom_call *c, const void *record, uint32_t hresult)
{
    struct job *j = (struct job *)c;
    struct ndr_writer *w = &j->out;
    ndr_writer_init(w, &j->rpc->reply);
    dcom_that_write(w);
    bool ok = !c->method->parameters || ndr_write_parameters(w, c->method->parameters, NDR_OUT, record);
    ok = ok && ndr_write(w, &ndr_u32, &hresult);
    if (!ok) buf_clear(&j->rpc->reply);
    finish(j, ok ? 0 : RPC_FAULT_NO_MEMORY);
}

void dcom_fault(struct dcom_call *c, uint32_t status)
{
    struct job *j = (struct job *)c;
    buf_clear(&j->rpc->reply);
    finish(j, status ? status : RPC_FAULT_PROTOCOL);
}

static void run(void *arg)
{
    struct job *j = arg;
    /* Another client may have let the object go while the call was on its way here. */
    if (j->call.object->closed) dcom_fault(&j->call, DCOM_E_DISCONNECTED);
    else j->call.method->run(&j->call, j->record);
}

static void run_abort(void *arg)
{
    struct job *j = arg;
    if (!j->answered && !j->aborted) {
        j->aborted = true;
        if (j->call.on_abort) j->call.on_abort(&j->call);
    }
    job_unref(j);
}

static void on_abort(struct rpc_call *rpc)
{
    struct job *j = rpc->user;
    struct exec *home = j->call.home; /* the object itself may have ended */
    __atomic_add_fetch(&j->refs, 1, __ATOMIC_RELAXED);
    if (here(home)) run_abort(j);
    else if (!exec_post(home, run_abort, j)) job_unref(j);
}

/* The object behind the IPID, held and at work for this call; or the status of a fault. */
static uint32_t enter(struct dcom_server *s, struct rpc_call *c, struct dcom_object **object,
                      const struct dcom_interface **interface)
{
    uint32_t fault = 0;
    dcom_lock(s);
    struct dcom_ipid *i = dcom_ipid_find(s, &c->object);
    if (!i) {
        fault = DCOM_E_DISCONNECTED;
    } else if (!principal_same(i->object->owner, c->principal)) {
        fault = i->object->type->foreign ? i->object->type->foreign : RPC_FAULT_ACCESS_DENIED;
    } else {
        *object = dcom_object_ref(i->object);
        *interface = i->interface;
        (*object)->running++;
        (*object)->used = dcom_now(s);
        if (!(*object)->home) (*object)->home = c->home;
        dcom_line_watch(s, c);
        dcom_line_hold(*object, c->connection);
    }
    dcom_unlock(s);
    return fault;
}

static struct job *job_new(struct dcom_server *s, struct rpc_call *c, struct dcom_object *o,
                           const struct dcom_interface *i, const struct dcom_this *header)
{
    struct job *j = calloc(1, sizeof *j);
    if (!j) return NULL;
    j->call = (struct dcom_call){
        .server = s, .object = o, .self = o->self, .interface = i, .method = &i->methods[c->opnum], .opnum = c->opnum,
        .principal = c->principal, .level = c->level, .flags = c->flags, .peer = c->peer, .local = c->local,
        .connection = c->connection, .causality = header->causality, .arena = c->arena,
        .home = o->home,
    };
    j->rpc = c;
    j->refs = 1;
    return j;
}

/* The record of the parameters; or the status of a fault. */
static uint32_t read_record(struct job *j, struct ndr_reader *r)
{
    const struct ndr_type *t = j->call.method->parameters;
    if (!t) return 0;
    j->record = arena_zalloc(j->rpc->arena, t->size ? t->size : 1);
    if (!j->record) return RPC_FAULT_NO_MEMORY;
    cimf_status status = ndr_read_parameters(r, t, NDR_IN, j->record, NULL);
    return status == CIMF_OK ? 0 : status == CIMF_OUT_OF_MEMORY ? RPC_FAULT_NO_MEMORY : RPC_FAULT_BAD_STUB;
}

static void call_object(struct dcom_server *s, struct rpc_call *c, struct ndr_reader *r, const struct dcom_this *header)
{
    struct dcom_object *o = NULL;
    const struct dcom_interface *i = NULL;
    struct job *j = NULL;
    uint32_t fault = enter(s, c, &o, &i);
    if (fault) {
        rpc_fault(c, fault);
        return;
    }
    if (c->opnum < 3 || c->opnum >= i->count || !i->methods[c->opnum].run) fault = RPC_FAULT_OP_RANGE;
    else if (!(j = job_new(s, c, o, i, header))) fault = RPC_FAULT_NO_MEMORY;
    else fault = read_record(j, r);
    if (!fault) {
        c->user = j;
        c->on_abort = on_abort;
        if (here(j->call.home)) {
            run(j);
            return;
        }
        if (exec_post(j->call.home, run, j)) return;
        c->on_abort = NULL;
        fault = RPC_FAULT_BUSY;
    }
    free(j);
    leave(o);
    rpc_fault(c, fault);
}

void dcom_exporter_call(struct rpc_call *c)
{
    struct dcom_server *s = c->interface->arg;
    struct dcom_this header = { 0 };
    struct ndr_reader r;
    ndr_reader_init(&r, c->arena, c->stub, c->big_endian);
    uint32_t fault = dcom_this_read(&r, s->settings.accept_local_flag, &header);
    if (!fault && !c->has_object) fault = DCOM_E_DISCONNECTED;
    if (!fault && !c->principal) fault = RPC_FAULT_ACCESS_DENIED;
    if (fault) rpc_fault(c, fault);
    else if (guid_eq(&c->object, &s->unknown)) dcom_remote_unknown(s, c, &r);
    else call_object(s, c, &r, &header);
}
