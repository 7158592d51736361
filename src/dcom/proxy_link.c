/* The way to a client's exporter (MS-DCOM 3.2.4.1.2): its resolver is asked without security whether it lives, with
 * security where the exporter listens, then calls go there. All three connections go to the address that the caller's
 * own came from. */
#include "dcom/proxy_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

/* ---- the table ---- */

struct dcom_link *dcom_link_ref(struct dcom_link *l)
{
    __atomic_add_fetch(&l->refs, 1, __ATOMIC_RELAXED);
    return l;
}

void dcom_link_unref(struct dcom_link *l)
{
    if (__atomic_sub_fetch(&l->refs, 1, __ATOMIC_ACQ_REL)) return;
    buf_free(&l->resolver.stub);
    buf_free(&l->pinger.stub);
    principal_unref(l->owner);
    free(l->gone);
    free(l);
}

/* Locked. */
static struct dcom_link *link_new(struct dcom_call *c, struct dcom_user *u, const char *key, uint64_t oxid)
{
    struct dcom_server *s = c->server;
    struct dcom_link *l;
    if (u->links >= PROXY_LINKS_USER || s->links.count >= PROXY_LINKS || !(l = calloc(1, sizeof *l))) return NULL;
    l->refs = 1;
    l->server = s;
    l->home = c->home;
    l->owner = principal_ref(c->principal);
    l->user = u;
    l->oxid = oxid;
    snprintf(l->peer, sizeof l->peer, "%s", c->peer);
    snprintf(l->key, sizeof l->key, "%s", key);
    l->resolver.link = l->exporter.link = l->pinger.link = l;
    buf_init(&l->resolver.stub, 1 << 16);
    buf_init(&l->pinger.stub, 1 << 20);
    l->resolver.service = l->pinger.service = "RPCSS";
    l->exporter.service = "HOST";
    l->version = dcom_version;
    l->advice = "";
    l->plain = !s->settings.outbound->credentials;
    l->listed = map_put(&s->links, slice_str(l->key), l, NULL);
    if (l->listed) {
        u->links++;
        return l;
    }
    dcom_link_unref(l);
    return NULL;
}

uint32_t dcom_link_get(struct dcom_call *c, uint64_t oxid, uint16_t resolver_port, struct dcom_link **out)
{
    struct dcom_server *s = c->server;
    char key[256];
    uint32_t result = DCOM_E_OUTOFMEMORY;
    if (__atomic_load_n(&s->hung_up, __ATOMIC_ACQUIRE)) return DCOM_E_SERVER_STOPPING;
    snprintf(key, sizeof key, "%p %s %s %016llx %u", (void *)c->home, c->principal->sid, c->peer, (unsigned long long)oxid,
             resolver_port);
    dcom_lock(s);
    struct dcom_user *u = dcom_user_get(s, c->principal);
    struct dcom_link *l = u && u->proxies < PROXY_PROXIES_USER ? map_get(&s->links, slice_str(key)) : NULL;
    if (!l && u && u->proxies < PROXY_PROXIES_USER && (l = link_new(c, u, key, oxid))) l->resolver_port = resolver_port;
    if (l) {
        dcom_link_ref(l);
        u->proxies++;
        result = DCOM_OK;
    } else {
        dcom_user_put(s, u);
    }
    dcom_unlock(s);
    if (l) l->connection = c->connection;
    *out = l;
    return result;
}

void dcom_link_put(struct dcom_link *l)
{
    struct dcom_server *s = l->server;
    dcom_lock(s);
    l->user->proxies--;
    dcom_user_put(s, l->user);
    dcom_unlock(s);
    l->idle = dcom_now(s);
    dcom_link_unref(l);
}

/* Out of the table; its reference is the caller's now. */
static bool unlist(struct dcom_link *l)
{
    struct dcom_server *s = l->server;
    dcom_lock(s);
    bool listed = l->listed;
    if (listed) {
        l->listed = false;
        map_del(&s->links, slice_str(l->key));
        l->user->links--;
        dcom_user_put(s, l->user);
    }
    dcom_unlock(s);
    return listed;
}

/* ---- a connection ---- */

static void on_lost(void *arg, struct rpc_client *c, const struct error *why)
{
    struct dcom_leg *leg = arg;
    struct dcom_link *l = leg->link;
    if (leg->client != c) return;
    log_debug("dcom", "a connection to a client has ended peer=%s why=%s", l->peer, error_text(why));
    leg->client = NULL;
    rpc_client_free(c);
    if (leg == &l->exporter && l->state == LINK_UP) l->state = LINK_DOWN; /* its calls were told: the next looks anew */
}

static cimf_status client_new(struct dcom_leg *leg, int fd, struct error *e)
{
    struct dcom_link *l = leg->link;
    struct dcom_outbound *o = l->server->settings.outbound;
    struct rpc_client_config config = {
        .loop = o->loop(o, l->home), .fd = fd, .interfaces = leg == &l->exporter ? NULL : &dcom_resolver_iid,
        .interface_count = leg != &l->exporter, .level = RPC_LEVEL_NONE, .connect_timeout_us = PROXY_LEG_US,
        .max_response = 1 << 20, .lost = on_lost, .arg = leg,
    };
    if (leg->secure) {
        char target[80];
        snprintf(target, sizeof target, "%s/%s", leg->service, l->peer);
        bool seal = !o->level || o->level == RPC_LEVEL_PRIVACY || (leg == &l->exporter && l->hint == RPC_LEVEL_PRIVACY);
        config.level = seal ? RPC_LEVEL_PRIVACY : RPC_LEVEL_INTEGRITY;
        config.initiator = o->initiate(o, slice_str(target), l->home, &config.type);
        if (!config.initiator) {
            close(fd);
            return error_set(e, CIMF_ACCESS_DENIED, "dcom", "no credentials for calls to clients");
        }
    }
    return rpc_client_new(&config, &leg->client, e);
}

static void on_socket(void *arg, int fd)
{
    struct dcom_dial *d = arg;
    struct dcom_leg *leg = d->leg;
    struct dcom_link *l = d->link;
    struct error e = ERROR_INIT;
    free(d);
    if (!leg) {
        if (fd >= 0) close(fd);
    } else {
        leg->dial = NULL;
        bool ok = fd >= 0 && client_new(leg, fd, &e) == CIMF_OK;
        if (fd < 0) {
            dcom_link_note_socket(leg, -fd);
        } else if (!ok) {
            snprintf(l->why, sizeof l->why, "%s", error_text(&e));
            l->advice = "";
        }
        leg->opened(leg, ok);
    }
    dcom_link_unref(l);
}

void dcom_leg_open(struct dcom_leg *leg, uint16_t port)
{
    struct dcom_link *l = leg->link;
    struct dcom_outbound *o = l->server->settings.outbound;
    dcom_leg_close(leg);
    leg->port = l->port_asked = port;
    if (!(leg->dial = calloc(1, sizeof *leg->dial))) {
        dcom_link_note_socket(leg, ENOMEM);
        leg->opened(leg, false);
        return;
    }
    *leg->dial = (struct dcom_dial){ dcom_link_ref(l), leg };
    o->connect(o, l->connection, l->peer, port, l->home, on_socket, leg->dial);
}

void dcom_leg_close(struct dcom_leg *leg)
{
    struct rpc_client *c = leg->client;
    if (leg->dial) leg->dial->leg = NULL;
    leg->dial = NULL;
    leg->client = NULL;
    if (c && leg->asked) rpc_client_forget(c, &leg->request);
    leg->asked = false;
    if (c) rpc_client_free(c);
}

static void on_answer(struct rpc_request *r, uint32_t fault, struct slice stub, bool big_endian)
{
    struct dcom_leg *leg = r->arg;
    leg->asked = false;
    leg->answered(leg, fault, stub, big_endian);
}

void dcom_leg_ask(struct dcom_leg *leg, uint16_t opnum, const struct ndr_type *t, const void *record)
{
    struct ndr_writer w;
    buf_clear(&leg->stub);
    ndr_writer_init(&w, &leg->stub);
    leg->request = (struct rpc_request){ .interface = dcom_resolver_iid, .opnum = opnum, .timeout_us = PROXY_LEG_US,
                                         .done = on_answer, .arg = leg };
    if (t && !ndr_write_parameters(&w, t, NDR_IN, record)) buf_clear(&leg->stub); /* no memory: it refuses */
    leg->request.stub = buf_slice(&leg->stub);
    leg->asked = true;
    rpc_client_request(leg->client, &leg->request);
}

bool dcom_leg_read(struct arena *a, struct slice stub, bool big_endian, const struct ndr_type *t, void *record)
{
    struct ndr_reader r;
    ndr_reader_init(&r, a, stub, big_endian);
    return ndr_read_parameters(&r, t, NDR_OUT, record, NULL) == CIMF_OK;
}

/* ---- from one state to the next ---- */

/* why: NULL, what was noted. */
static void fail(struct dcom_link *l, uint32_t hresult, const char *why)
{
    if (why) {
        snprintf(l->why, sizeof l->why, "%s", why);
        l->advice = "";
    }
    dcom_link_tell(l, hresult);
    l->state = LINK_DOWN;
    dcom_leg_close(&l->resolver);
    dcom_leg_close(&l->exporter);
    dcom_link_end_calls(l, hresult, true);
}

static void on_exporter_open(struct dcom_leg *leg, bool ok)
{
    struct dcom_link *l = leg->link;
    if (!ok) {
        fail(l, DCOM_E_UNREACHABLE, NULL);
        return;
    }
    l->state = LINK_UP;
    l->answered = false;
    if (!l->pinged) l->pinged = dcom_now(l->server); /* the first is due a period from now */
    dcom_link_send_calls(l);
}

/* The port that its first binding by TCP names; what address it names is not looked at. */
static uint16_t exporter_port(struct arena *a, const struct dcom_dual *d)
{
    struct dcom_bindings b = { 0 };
    if (!d || dcom_dual_parse(a, d, &b, NULL) != CIMF_OK) return 0;
    for (unsigned i = 0; i < b.string_count; i++)
        if (b.strings[i].tower == TOWER_TCP && b.strings[i].port >= PROXY_USER_PORTS) return b.strings[i].port;
    return 0;
}

/* The lower one is spoken (MS-DCOM 1.7). */
static bool agree(struct dcom_link *l, struct dcom_version theirs)
{
    if (theirs.major != DCOM_MAJOR) return false;
    if (theirs.minor < l->version.minor) l->version.minor = theirs.minor;
    return true;
}

static void resolve(struct dcom_link *l);

/* Without security, where that is allowed. */
static bool step_down(struct dcom_link *l)
{
    if (l->plain || !l->server->settings.outbound->anonymous) return false;
    l->plain = true;
    log_info("dcom", "a client does not take the daemon's login and is called back without peer=%s why=\"%s\"", l->peer, l->why);
    resolve(l);
    return true;
}

static uint32_t found(struct dcom_link *l, struct arena *a, const struct dcom_resolve *q)
{
    if (q->status) return dcom_fault_hresult(q->status);
    if (!agree(l, l->old ? (struct dcom_version){ DCOM_MAJOR, 1 } : q->version)) return DCOM_E_VERSION_MISMATCH;
    l->unknown = q->unknown;
    l->hint = q->hint;
    l->port = exporter_port(a, q->bindings);
    return l->port ? DCOM_OK : DCOM_E_UNREACHABLE;
}

static void on_resolved(struct dcom_leg *leg, uint32_t fault, struct slice stub, bool big_endian)
{
    struct dcom_link *l = leg->link;
    const struct ndr_type *t = l->old ? &dcom_resolve_type : &dcom_resolve2_type;
    struct dcom_resolve q = { 0 };
    struct arena a;
    uint32_t result = DCOM_OK;
    if (fault == RPC_FAULT_OP_RANGE && !l->old) {
        l->old = true;
        resolve(l);
        return;
    }
    if (fault) {
        dcom_link_note_fault(leg, fault);
        if (step_down(l)) return;
        fail(l, dcom_fault_hresult(fault), NULL);
        return;
    }
    arena_init(&a, 4 << 20);
    if (!dcom_leg_read(&a, stub, big_endian, t, &q)) result = DCOM_E_BAD_STUB;
    if (result == DCOM_OK) result = found(l, &a, &q);
    arena_free(&a);
    dcom_leg_close(leg);
    if (result != DCOM_OK) {
        fail(l, result, result == DCOM_E_UNREACHABLE ? "it names no TCP port of 1024 or above where the object is" :
                        result == DCOM_E_BAD_STUB || result == DCOM_E_VERSION_MISMATCH ? "its answer makes no sense here" : "it does not know the object any more");
        return;
    }
    l->state = LINK_EXPORTER;
    l->exporter.secure = !l->plain;
    l->exporter.opened = on_exporter_open;
    dcom_leg_open(&l->exporter, l->port);
}

static void on_resolver_open(struct dcom_leg *leg, bool ok)
{
    struct dcom_link *l = leg->link;
    uint16_t tcp = TOWER_TCP;
    const struct dcom_resolve q = { .oxid = l->oxid, .count = 1, .protseqs = &tcp };
    if (!ok) {
        if (!step_down(l)) fail(l, DCOM_E_UNREACHABLE, NULL);
        return;
    }
    leg->answered = on_resolved;
    dcom_leg_ask(leg, l->old ? RESOLVER_RESOLVE : RESOLVER_RESOLVE2, l->old ? &dcom_resolve_type : &dcom_resolve2_type, &q);
}

static void resolve(struct dcom_link *l)
{
    l->state = LINK_RESOLVE;
    l->resolver.secure = !l->plain;
    l->resolver.opened = on_resolver_open;
    dcom_leg_open(&l->resolver, l->resolver_port);
}

/* A resolver that does not know ServerAlive2 lives too (3.2.4.1.2.1). Its version is all that is wanted of the answer:
 * j-Interop's comes with a NULL pointer before the bindings, so that they read as what follows, the status too. */
static void on_alive(struct dcom_leg *leg, uint32_t fault, struct slice stub, bool big_endian)
{
    struct dcom_link *l = leg->link;
    struct dcom_alive q = { 0 };
    struct arena a;
    uint32_t result = fault && fault != RPC_FAULT_OP_RANGE ? dcom_fault_hresult(fault) : DCOM_OK;
    arena_init(&a, 4 << 20);
    if (!fault && !dcom_leg_read(&a, stub, big_endian, &dcom_alive2_type, &q)) result = DCOM_E_BAD_STUB;
    else if (!fault && q.status && q.version.major != DCOM_MAJOR) result = dcom_fault_hresult(q.status);
    else if (!fault && !agree(l, q.version)) result = DCOM_E_VERSION_MISMATCH;
    arena_free(&a);
    if (fault) dcom_link_note_fault(leg, fault);
    dcom_leg_close(leg);
    if (result == DCOM_OK) resolve(l);
    else fail(l, result, fault ? NULL : "its answer makes no sense here");
}

static void on_alive_open(struct dcom_leg *leg, bool ok)
{
    if (!ok) {
        fail(leg->link, DCOM_E_UNREACHABLE, NULL);
        return;
    }
    leg->answered = on_alive;
    dcom_leg_ask(leg, RESOLVER_ALIVE2, NULL, NULL);
}

void dcom_link_start(struct dcom_link *l)
{
    l->state = LINK_ALIVE;
    l->version = dcom_version;
    l->old = false;
    l->resolver.secure = false; /* the specification forbids it here */
    l->resolver.opened = on_alive_open;
    dcom_leg_open(&l->resolver, l->resolver_port);
}

/* ---- time, and the end ---- */

/* On its home. */
static void close_link(struct dcom_link *l)
{
    l->closed = true;
    l->state = LINK_DOWN;
    dcom_leg_close(&l->resolver);
    dcom_link_end_calls(l, DCOM_E_SERVER_STOPPING, false);
    dcom_leg_close(&l->exporter);
    dcom_leg_close(&l->pinger);
    if (unlist(l)) dcom_link_unref(l);
}

static void run_close(void *arg)
{
    close_link(arg);
    dcom_link_unref(arg);
}

static void run_tick(void *arg)
{
    struct dcom_link *l = arg;
    int64_t now = dcom_now(l->server);
    __atomic_store_n(&l->ticked, 0, __ATOMIC_RELEASE);
    if (l->closed) { /* nothing is left */
    } else if (!l->proxies && !l->calls && now - l->idle >= PROXY_IDLE_US) close_link(l);
    else if (l->port) dcom_link_ping(l, now);
    dcom_link_unref(l);
}

/* All links, a reference each. */
static struct dcom_link *collect(struct dcom_server *s, bool tick)
{
    struct dcom_link *list = NULL;
    struct slice key;
    void *value;
    dcom_lock(s);
    for (size_t at = 0; map_next(&s->links, &at, &key, &value);) {
        struct dcom_link *l = value;
        if (tick && __atomic_exchange_n(&l->ticked, 1, __ATOMIC_ACQ_REL)) continue;
        l->next = list;
        list = dcom_link_ref(l);
    }
    dcom_unlock(s);
    return list;
}

static void post_all(struct dcom_link *list, void (*run)(void *arg))
{
    for (struct dcom_link *l; (l = list);) {
        list = l->next;
        if (exec_post(l->home, run, l)) continue;
        __atomic_store_n(&l->ticked, 0, __ATOMIC_RELEASE);
        dcom_link_unref(l);
    }
}

void dcom_links_tick(struct dcom_server *s) { post_all(collect(s, true), run_tick); }

void dcom_server_hang_up(struct dcom_server *s)
{
    __atomic_store_n(&s->hung_up, true, __ATOMIC_RELEASE);
    post_all(collect(s, false), run_close);
}

void dcom_links_free(struct dcom_server *s)
{
    for (struct dcom_link *l = collect(s, false), *next; l; l = next) {
        next = l->next;
        l->closed = true;
        if (unlist(l)) dcom_link_unref(l);
        dcom_link_unref(l);
    }
}
