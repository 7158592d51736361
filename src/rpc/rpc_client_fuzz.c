/* Any bytes as what a server of DCE/RPC sends, with a mechanism that finds every signature right: what a server may do that
 * one really logged in to. Each request is told at most once, and all are after the end. */
#include <stdlib.h>

#include "rpc/client_conn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REQUESTS = 4, ROUNDS = 8 };
enum { MODE_LEVEL = 3, MODE_NTLM = 4, MODE_AGAIN = 8, MODE_FREE = 16, MODE_FORGET = 32, MODE_EXPIRE = 64 };

/* ---- the mechanism ---- */

static size_t signature_size(const struct mech *m, bool seal) { return 16; }
static cimf_status seal(struct mech *m, struct mech_part *parts, size_t count, unsigned char *signature)
{
    memset(signature, 0, 16);
    return CIMF_OK;
}
static cimf_status unseal(struct mech *m, struct mech_part *parts, size_t count, struct slice signature)
{
    for (size_t i = 0; i < count; i++) /* reads all of it, as a real one does */
        if (parts[i].n && parts[i].kind == MECH_PART_SEAL) memmove(parts[i].p, parts[i].p, parts[i].n);
    return signature.n == 16 ? CIMF_OK : CIMF_ACCESS_DENIED;
}
static cimf_status sign(struct mech *m, const struct mech_part *parts, size_t count, unsigned char *signature)
{
    memset(signature, 0, 16);
    return CIMF_OK;
}
static cimf_status verify(struct mech *m, const struct mech_part *parts, size_t count, struct slice signature)
{
    return signature.n == 16 ? CIMF_OK : CIMF_ACCESS_DENIED;
}
static void free_mech(struct mech *m) { free(m); }
static const struct mech_ops mech_ops = { .name = "any", .signature_size = signature_size, .seal = seal, .unseal = unseal,
                                          .sign = sign, .verify = verify, .free = free_mech };

static void step(struct rpc_initiator *i, struct slice in,
                 void (*done)(void *arg, enum mech_result result, struct slice token, struct mech *context), void *arg)
{
    if (in.n == 0) {
        done(arg, MECH_CONTINUE, SLICE("first"), NULL);
        return;
    }
    if (in.p[0] == 'c') {
        done(arg, MECH_CONTINUE, SLICE("more"), NULL);
        return;
    }
    struct mech *m = calloc(1, sizeof *m);
    if (!m) abort();
    *m = (struct mech){ .ops = &mech_ops, .state = MECH_DONE, .flags = MECH_SIGN | MECH_SEAL };
    done(arg, MECH_COMPLETE, in.p[0] == 'e' ? SLICE("") : SLICE("last"), m);
}
static void free_initiator(struct rpc_initiator *i) {}

/* ---- the client ---- */

struct asked {
    struct rpc_request r;      /* first */
    struct play *play;
    bool waits;
};
struct play {
    struct rpc_client_conn c;
    unsigned mode, rounds;
    bool asked, freed;
    struct asked requests[REQUESTS];
};

static void on_send(struct rpc_client_conn *c, struct slice bytes)
{
    volatile char last = bytes.p[bytes.n - 1];
    (void)last;
}
static void on_later(struct rpc_client_conn *c) { ((struct play *)c)->asked = true; }
static const struct rpc_client_ops ops = { on_send, on_later };

static void ask(struct asked *a)
{
    a->waits = true;
    rpc_client_conn_request(&a->play->c, &a->r);
}

static void on_done(struct rpc_request *r, uint32_t fault, struct slice stub, bool big_endian)
{
    struct asked *a = (struct asked *)r;
    struct play *p = a->play;
    if (!a->waits || (fault && stub.n)) abort();
    a->waits = false;
    for (size_t i = 0; i < stub.n; i++) p->rounds += stub.p[i] == 0x7f && p->rounds < ROUNDS;
    if (p->mode & MODE_FREE && p->rounds++ == 2) {
        p->freed = true;
        rpc_client_conn_free(&p->c);
    } else if (p->mode & MODE_AGAIN && p->rounds++ < ROUNDS) {
        ask(a);
    }
}

static void deliver(struct play *p)
{
    while (p->asked && !p->freed) {
        p->asked = false;
        rpc_client_conn_deliver(&p->c);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum rpc_level levels[] = { RPC_LEVEL_NONE, RPC_LEVEL_CONNECT, RPC_LEVEL_INTEGRITY, RPC_LEVEL_PRIVACY };
    static struct rpc_initiator initiator = { step, free_initiator };
    static const char stub[7000];
    struct play p = { .mode = size > 1 ? data[1] : 0 };
    size_t piece = size ? data[0] + 1u : 1;
    struct error end = ERROR_INIT;
    rpc_client_conn_init(&p.c, &ops, levels[p.mode & MODE_LEVEL], p.mode & MODE_NTLM ? RPC_AUTH_NTLM : RPC_AUTH_SPNEGO,
                         p.mode & MODE_LEVEL ? &initiator : NULL, 20000);
    for (unsigned i = 0; i < REQUESTS; i++) {
        struct asked *a = &p.requests[i];
        *a = (struct asked){ .r = { .interface = { .data1 = i / 3 }, .opnum = (uint16_t)i, .has_object = i == 1, .done = on_done,
                                    .deadline = 1 + i, .stub = slice_of(stub, i == 2 ? sizeof stub : 8) }, .play = &p };
        ask(a);
    }
    rpc_client_conn_connected(&p.c);
    for (size_t at = 2; at < size && !p.freed; at += piece) {
        rpc_client_conn_input(&p.c, slice_of((const char *)data + at, size - at < piece ? size - at : piece));
        if (p.freed) break;
        if (p.mode & MODE_FORGET && data[at] == 0xaa) {
            rpc_client_conn_forget(&p.c, &p.requests[at % REQUESTS].r);
            p.requests[at % REQUESTS].waits = false;
        }
        if (p.mode & MODE_EXPIRE && data[at] == 0xbb) rpc_client_conn_expire(&p.c, (int64_t)(at % 5));
        deliver(&p);
    }
    if (!p.freed) {
        error_set(&end, CIMF_CONNECTION_LOST, "rpc", "the end");
        rpc_client_conn_fail(&p.c, &end);
        p.mode = 0;
        deliver(&p);
        for (unsigned i = 0; i < REQUESTS; i++)
            if (p.requests[i].waits) abort();
        rpc_client_conn_free(&p.c);
    }
    return 0;
}
