/* What a hostile client has to say: the reference it hands in, then whatever its resolver and exporter answer to the calls and pings that
 * follow. Input: a reference, behind two bytes of length; then steps of a kind, and for an answer a fault and a stub behind two bytes of
 * length. */
#include <assert.h>
#include <stdint.h>

#include "base/log.h"
#include "dcom/harness.h"
#include "dcom/proxy_fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct guid sink_iid = { 0x7c857801, 0x7381, 0x11cf, { 0x88, 0x4d, 0x00, 0xaa, 0x00, 0x4b, 0x2e, 0x24 } };
static const struct dcom_method method = { "Echo", &echo_type, NULL };
enum { STEPS = 64, CALLS = 16 };

static struct dcom_proxy_call calls[CALLS];
static struct echo outs[CALLS];
static unsigned made, told;

static void on_done(struct dcom_proxy_call *c, bool failed, uint32_t hresult)
{
    told++;
    assert(told <= made);
}

static void settle(void)
{
    while (turn(0) + turn(1)) {
    }
}

static struct slice piece(struct slice *rest)
{
    size_t n = rest->n < 2 ? 0 : (unsigned char)rest->p[0] | (size_t)(unsigned char)rest->p[1] << 8;
    *rest = slice_sub(*rest, 2);
    struct slice s = slice_head(*rest, n);
    *rest = slice_sub(*rest, s.n);
    return s;
}

/* The newest connection that waits for an answer. */
static struct fake_connection *waiting(void)
{
    for (unsigned i = fake_count; i > 0; i--)
        if (fake_connections[i - 1]->open && fake_connections[i - 1]->request_count) return fake_connections[i - 1];
    return NULL;
}

static void answer(struct slice *rest, bool big_endian)
{
    static const uint32_t faults[] = { 0, 0, 0, 0, RPC_FAULT_ACCESS_DENIED, RPC_FAULT_OP_RANGE, RPC_CLIENT_LOST, RPC_FAULT_CANCELLED, DCOM_E_DISCONNECTED };
    unsigned which = rest->n ? (unsigned char)rest->p[0] % (sizeof faults / sizeof *faults) : 0;
    *rest = slice_sub(*rest, 1);
    struct slice stub = piece(rest);
    struct fake_connection *c = waiting();
    if (c) fake_answer_order(c, faults[which], faults[which] ? SLICE("") : stub, big_endian);
}

static void call(struct dcom_proxy *p, struct arena *a)
{
    static const struct echo in = { .text = { "text", 4 } };
    if (made == CALLS) return;
    struct dcom_proxy_call *c = &calls[made];
    outs[made] = (struct echo){ 0 };
    *c = (struct dcom_proxy_call){ .method = &method, .opnum = 3, .record = &in, .done = on_done, .out = made % 2 ? &outs[made] : NULL, .arena = a };
    made++;
    current = &loops[0];
    dcom_proxy_call(p, c);
    current = NULL;
}

static void steps(struct dcom_server *s, struct dcom_proxy *p, struct slice rest, struct arena *a)
{
    call(p, a);
    for (unsigned i = 0; i < STEPS && rest.n; i++) {
        unsigned char kind = (unsigned char)rest.p[0];
        rest = slice_sub(rest, 1);
        settle();
        switch (kind & 7) {
        case 0: call(p, a); break;
        case 1:
            fake_time += MINUTES(2);
            dcom_server_tick(s);
            break;
        case 2:
            current = &loops[0];
            dcom_proxy_cancel(p);
            current = NULL;
            break;
        default: answer(&rest, kind & 8); break;
        }
    }
    settle();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of((const char *)data, size), reference = piece(&rest);
    struct dcom_server *s;
    struct dcom_proxy *p = NULL;
    struct fake_call in;
    fake_reset();
    log_set_level(LOG_ERROR_);
    struct dcom_settings settings = fake_settings(NULL);
    settings.outbound = &fake_outbound;
    fake_outbound.anonymous = size % 2;
    made = told = 0;
    if (dcom_server_new(&settings, &s, NULL) != CIMF_OK) return 0;
    call_init(&in, NULL, 0, SLICE(""));
    struct dcom_call c = { .server = s, .principal = size & 2 ? &bob : &alice, .peer = "192.0.2.9", .connection = 1, .arena = &in.arena, .home = &loops[0].exec };
    if (dcom_proxy_new(&c, reference, &sink_iid, &p) == DCOM_OK) {
        steps(s, p, rest, &in.arena);
        current = &loops[0];
        dcom_proxy_unref(p);
        current = NULL;
        settle();
    }
    dcom_server_hang_up(s);
    settle();
    assert(fake_open() == 0);
    dcom_server_free(s);
    call_free(&in);
    return 0;
}
