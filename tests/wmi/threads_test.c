/* Clients on two loops over a real object manager: they share logins, enumerators and refreshers, hang up in the middle of a call, and never say that they
 * are done with some objects. Every call is answered once, on its own loop; in the end nothing runs and nothing is left. Meant for TSan. */
#include "site.h"

#include "wmi/refresh.h"

enum { LOOPS = 2, CLIENTS = 8, ROUNDS = 30, ROWS = 300 };

static sem_t finished;
static unsigned answers, objects_read, refreshed; /* atomic */

/* What two clients of different loops share. */
static struct shared {
    struct guid login, enumerator; /* under the lock */
} shared[CLIENTS / 2];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

enum step { LOGIN, QUERY, NEXT, NEXT_OF_OTHER, CLONE, CLONE_NEXT, ASK_FETCH, SMART, SMART_NEXT, GET, GET_RESULT, ASK_REFRESHING, ADD, REFRESH,
            STOP, RELEASE, LEAVE, STEPS };

struct client {
    struct rpc_call rpc;   /* first */
    struct arena arena;
    struct loop *loop;
    struct shared *with;
    unsigned index, round;
    enum step step;
    bool answered;
    uint32_t fault;
    const struct ndr_type *type; /* of the answer */
    struct guid services, enumerator, clone, fetch, smart, result, refreshing, refresher;
    uint32_t item;         /* of the refresher */
    union {
        struct stub_ntlm_login login;
        struct stub_services services;
        struct stub_next next;
        struct stub_reference reference;
        struct stub_smart smart;
        struct stub_result result;
        struct stub_refresh_add add;
        struct stub_refresh refresh;
        struct stub_refresh_stop stop;
    } r;
    struct slice pair, result_pair;
};
static struct client clients[CLIENTS];

static void next(void *arg);

static void answered(struct rpc_call *c, uint32_t fault)
{
    struct client *k = (struct client *)c;
    assert_ptr_equal(loop_current(), k->loop);
    assert_false(k->answered);
    k->answered = true;
    k->fault = fault;
    __atomic_add_fetch(&answers, 1, __ATOMIC_RELAXED);
    assert_true(exec_post(loop_exec(k->loop), next, k));
}
void rpc_reply(struct rpc_call *c) { answered(c, 0); }
void rpc_fault(struct rpc_call *c, uint32_t status) { answered(c, status); }

/* ---- requests ---- */

static void send_stub(struct client *k, const struct guid *ipid, uint16_t opnum, struct buf *b)
{
    buf_free(&k->rpc.reply);
    k->answered = false;
    k->rpc = (struct rpc_call){ .interface = dcom_server_interfaces(dcom, DCOM_EXPORTER)[0], .opnum = opnum, .has_object = true, .object = *ipid,
                                .stub = arena_dup(&k->arena, buf_slice(b)), .arena = &k->arena, .principal = &driver_admin,
                                .level = RPC_LEVEL_PRIVACY, .peer = "192.0.2.1", .local = "192.0.2.2:135", .connection = k->index + 1,
                                .home = loop_exec(k->loop) };
    buf_free(b);
    buf_init(&k->rpc.reply, 0);
    k->rpc.interface->call(&k->rpc);
    /* Every few calls the client is gone before the answer is there. */
    if (!k->answered && k->rpc.on_abort && k->round % 4 == 1) k->rpc.on_abort(&k->rpc);
}

/* A method with its record, which is k->r. */
static void call(struct client *k, const struct guid *ipid, const struct dcom_interface *i, uint16_t opnum)
{
    struct buf b;
    struct ndr_writer w;
    begin(&b);
    ndr_writer_init(&w, &b);
    k->type = i->methods[opnum].parameters;
    assert_true(ndr_write_parameters(&w, k->type, NDR_IN, &k->r));
    send_stub(k, ipid, opnum, &b);
}

static void ask_interface(struct client *k, const struct guid *ipid, const struct guid *iid)
{
    struct buf b;
    query_stub(&b, ipid, iid);
    send_stub(k, &dcom->unknown, 3, &b);
}

static void release(struct client *k, const struct guid *const *ipids, unsigned n)
{
    struct buf b;
    release_stub(&b, ipids, n);
    send_stub(k, &dcom->unknown, 5, &b);
}

/* ---- answers ---- */

static uint32_t result(struct client *k)
{
    if (k->fault) return k->fault;
    struct slice stub = arena_dup(&k->arena, buf_slice(&k->rpc.reply));
    assert_true(stub.n >= 12);
    struct cursor end = cursor_of(slice_sub(stub, stub.n - 4));
    uint32_t hresult = cursor_u32le(&end);
    if (k->type && !(hresult & 0x80000000u)) {
        struct ndr_reader r;
        ndr_reader_init(&r, &k->arena, stub, false);
        cursor_skip(&r.c, 8);
        assert_int_equal(ndr_read_parameters(&r, k->type, NDR_OUT, &k->r, NULL), CIMF_OK);
    }
    return hresult;
}

/* The only references that may be missing are those of calls that were given up, and of enumerators that another let go. */
static bool fine(const struct client *k, uint32_t code)
{
    return !(code & 0x80000000u) || k->round % 4 == 1 || code == DCOM_E_DISCONNECTED || (k->step == STOP && code == 0x80041002); /* the pair's other released it */
}

static void take_answer(struct client *k)
{
    uint32_t code = result(k);
    if (!fine(k, code)) fail_msg("client %u, round %u, step %d: %08x", k->index, k->round, k->step, code);
    bool ok = !(code & 0x80000000u) && !k->fault;
    const struct guid none = { 0 };
    switch (k->step) {
    case LOGIN:
        assert_true(ok);
        k->services = ipid_of(&k->arena, k->r.login.services);
        break;
    case QUERY:
        k->enumerator = ok ? ipid_of(&k->arena, k->r.services.enumerator) : none;
        pthread_mutex_lock(&lock);
        k->with->enumerator = k->enumerator;
        pthread_mutex_unlock(&lock);
        break;
    case NEXT: case NEXT_OF_OTHER: case CLONE_NEXT:
        if (ok) __atomic_add_fetch(&objects_read, k->r.next.returned, __ATOMIC_RELAXED);
        break;
    case CLONE: k->clone = ok ? ipid_of(&k->arena, k->r.reference.reference) : none; break;
    case ASK_FETCH: k->fetch = ok ? query_result(buf_slice(&k->rpc.reply)) : none; break;
    case SMART: k->smart = ok ? ipid_of(&k->arena, k->r.reference.reference) : none; break;
    case GET: k->result = ok && k->result_pair.p ? ipid_of(&k->arena, k->result_pair) : none; break;
    case ASK_REFRESHING: k->refreshing = ok ? query_result(buf_slice(&k->rpc.reply)) : none; break;
    case ADD:
        k->refresher = ok ? ipid_of(&k->arena, k->r.add.info.of.remote.refresher) : none;
        k->item = ok ? k->r.add.info.cancel : 0;
        if (ok) assert_int_equal(k->r.add.info.type, REFRESH_REMOTE);
        break;
    case REFRESH:
        if (ok) __atomic_add_fetch(&refreshed, k->r.refresh.count, __ATOMIC_RELAXED);
        break;
    default: break;
    }
}

/* ---- the script ---- */

static void do_step(struct client *k)
{
    static const uint32_t deliveries[] = { 0x10, 0, 0x30, 0x20 };
    struct guid ipid;
    memset(&k->r, 0, sizeof k->r);
    k->type = NULL;
    switch (k->step) {
    case LOGIN:
        k->r.login.network = SLICE("//./root/test");
        call(k, &k->with->login, &wmi_login_interface, 6);
        break;
    case QUERY:
        k->r.services = (struct stub_services){ .text = SLICE("WQL"), .method = SLICE("SELECT * FROM Thing WHERE Number > 3"),
                                                .flags = deliveries[k->round / 2 % 4] };
        call(k, &k->services, &wmi_services_interface, 20);
        break;
    case NEXT: case NEXT_OF_OTHER: case CLONE_NEXT:
        pthread_mutex_lock(&lock);
        ipid = k->step == NEXT ? k->enumerator : k->step == CLONE_NEXT ? k->clone : k->with->enumerator;
        pthread_mutex_unlock(&lock);
        k->r.next = (struct stub_next){ .timeout = k->round % 3 ? UINT32_MAX : 1, .count = k->step == CLONE_NEXT ? ROWS : 11 };
        call(k, &ipid, &wmi_enum_interface, 4);
        break;
    case CLONE: call(k, &k->enumerator, &wmi_enum_interface, 6); break;
    case ASK_FETCH: ask_interface(k, &k->enumerator, &wmi_fetch_interface.iid); break;
    case SMART: call(k, &k->fetch, &wmi_fetch_interface, 3); break;
    case SMART_NEXT:
        k->r.smart = (struct stub_smart){ .timeout = UINT32_MAX, .count = 20 };
        call(k, &k->smart, &wmi_smart_interface, 3);
        break;
    case GET:
        k->pair = k->result_pair = SLICE_NULL;
        k->r.services = (struct stub_services){ .text = SLICE("Thing.Id=\"7\""), .flags = 0x10, .out = &k->pair, .result = &k->result_pair };
        call(k, &k->services, &wmi_services_interface, 6);
        break;
    case GET_RESULT:
        k->r.result.timeout = UINT32_MAX;
        call(k, &k->result, &wmi_result_interface, 3);
        break;
    case ASK_REFRESHING: ask_interface(k, &k->services, &wmi_refreshing_interface.iid); break;
    case ADD: /* both clients of a pair have one refresher, which lives where the first of them asked for it */
        k->r.add = (struct stub_refresh_add){ .id.client.data1 = k->index / 2 + 1, .text = SLICE("__QualifierDeclaration") };
        call(k, &k->refreshing, &wmi_refreshing_interface, 5);
        break;
    case REFRESH: call(k, &k->refresher, &wmi_refresher_interface, 3); break;
    case STOP:
        k->r.stop = (struct stub_refresh_stop){ .count = 1, .ids = &k->item };
        call(k, &k->refresher, &wmi_refresher_interface, 4);
        break;
    case RELEASE: /* every third round is forgotten: the server's clock ends those */
        if (k->round % 3) release(k, (const struct guid *const[]){ &k->clone, &k->enumerator, &k->fetch, &k->smart, &k->result,
                                                                    &k->refreshing, &k->refresher }, 7);
        else release(k, (const struct guid *const[]){ &k->clone }, 1);
        break;
    default: release(k, (const struct guid *const[]){ &k->services }, 1); break;
    }
}

static bool forward_only(const struct client *k) { return k->round / 2 % 4 >= 2; }

static void next(void *arg)
{
    struct client *k = arg;
    if (k->answered) {
        take_answer(k);
        k->step++;
    }
    if (k->step == RELEASE + 1 && ++k->round < ROUNDS) k->step = QUERY;
    if (k->step == CLONE && forward_only(k)) k->step = ASK_FETCH; /* what is read once has no copy */
    if (k->step == STEPS) {
        buf_free(&k->rpc.reply);
        arena_free(&k->arena);
        sem_post(&finished);
        return;
    }
    arena_reset(&k->arena);
    do_step(k);
}

static void many_clients(void **state)
{
    open_server(LOOPS, ROWS);
    sem_init(&finished, 0, 0);
    for (unsigned i = 0; i < CLIENTS / 2; i++) shared[i].login = make_login();
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i].loop = loops_at(loops, i % LOOPS);
        clients[i].with = &shared[i / 2];
        clients[i].index = i;
        arena_init(&clients[i].arena, 0);
        exec_post(loop_exec(clients[i].loop), next, &clients[i]);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        sem_wait(&finished);
        dcom_server_tick(dcom);
    }
    assert_true(__atomic_load_n(&answers, __ATOMIC_RELAXED) > CLIENTS * ROUNDS * 8);
    assert_true(__atomic_load_n(&objects_read, __ATOMIC_RELAXED) > CLIENTS * ROUNDS);
    assert_true(__atomic_load_n(&refreshed, __ATOMIC_RELAXED) > CLIENTS * ROUNDS / 2);
    close_server();
    sem_destroy(&finished);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(many_clients) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
