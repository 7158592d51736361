#include "rpc/mgmt.h"

#include <stdlib.h>

enum { OP_IF_IDS, OP_STATS, OP_LISTENING, OP_STOP, OP_NAME, OPS };
enum { MAX_STATS = 50, MAX_NAME = 4096 }; /* MS-RPCE 2.2.1.3.2, 2.2.1.3.4 */
enum { STATS = 4 };                       /* calls in and out, packets in and out */
enum { STATUS_ACCESS_DENIED = 5, STATUS_SMALL = 122, STATUS_UNKNOWN_AUTH = 1747 };

struct rpc_mgmt {
    struct rpc_interface interface;
    struct rpc_server *server;
    const struct rpc_interface *const *served;
    const char *principal;
};

static void on_call(struct rpc_call *c);

struct rpc_mgmt *rpc_mgmt_new(struct rpc_server *server, const struct rpc_interface *const *interfaces, const char *principal)
{
    struct rpc_mgmt *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    m->interface = (struct rpc_interface){
        .uuid = { 0xafa8bd80, 0x7d8a, 0x11c9, { 0xbe, 0xf4, 0x08, 0x00, 0x2b, 0x10, 0x29, 0x89 } }, .major = 1,
        .name = "mgmt", .opnums = OPS, .floor = RPC_LEVEL_NONE, .call = on_call, .arg = m,
    };
    m->server = server;
    m->served = interfaces;
    m->principal = principal;
    return m;
}

void rpc_mgmt_free(struct rpc_mgmt *m) { free(m); }
const struct rpc_interface *rpc_mgmt_interface(const struct rpc_mgmt *m) { return &m->interface; }

/* A vector of pointers to interface identifiers. */
static void if_ids(const struct rpc_mgmt *m, struct buf *b)
{
    uint32_t n = 0;
    while (m->served[n]) n++;
    rpc_put32(b, 0x00020000);
    rpc_put32(b, n);
    rpc_put32(b, n);
    for (uint32_t i = 0; i < n; i++) rpc_put32(b, 0x00020004 + i * 4);
    for (uint32_t i = 0; i < n; i++) {
        rpc_guid_put(b, &m->served[i]->uuid);
        rpc_put16(b, m->served[i]->major);
        rpc_put16(b, m->served[i]->minor);
    }
    rpc_put32(b, 0);
}

static bool stats(const struct rpc_mgmt *m, struct rpc_reader *r, struct buf *b)
{
    uint32_t asked = rpc_u32(r), n = asked < STATS ? asked : STATS;
    if (r->c.bad || asked > MAX_STATS) return false;
    struct rpc_stats s;
    rpc_server_stats(m->server, &s);
    const uint64_t values[STATS] = { s.calls_in, s.calls_out, s.packets_in, s.packets_out };
    rpc_put32(b, n);
    rpc_put32(b, n);
    for (uint32_t i = 0; i < n; i++) rpc_put32(b, (uint32_t)values[i]);
    rpc_put32(b, 0);
    return true;
}

static bool princ_name(const struct rpc_mgmt *m, struct rpc_reader *r, struct buf *b)
{
    uint32_t protocol = rpc_u32(r), room = rpc_u32(r), status = 0;
    if (r->c.bad || room > MAX_NAME) return false;
    const char *name = "";
    if (protocol == RPC_AUTH_SPNEGO || protocol == RPC_AUTH_KERBEROS) name = m->principal;
    else if (protocol != RPC_AUTH_NTLM && protocol != RPC_AUTH_DEFAULT) status = STATUS_UNKNOWN_AUTH;
    if (strlen(name) >= room) {
        status = status ? status : STATUS_SMALL;
        name = "";
    }
    uint32_t n = room ? (uint32_t)strlen(name) + 1 : 0;
    rpc_put32(b, room);
    rpc_put32(b, 0);
    rpc_put32(b, n);
    buf_add(b, name, n);
    while (b->n % 4) buf_byte(b, 0);
    rpc_put32(b, status);
    return true;
}

static void on_call(struct rpc_call *c)
{
    const struct rpc_mgmt *m = c->interface->arg;
    struct rpc_reader r = { cursor_of(c->stub), c->big_endian };
    bool ok = true;
    switch (c->opnum) {
    case OP_IF_IDS: if_ids(m, &c->reply); break;
    case OP_STATS: ok = stats(m, &r, &c->reply); break;
    case OP_LISTENING:
        rpc_put32(&c->reply, 0); /* status */
        rpc_put32(&c->reply, 1);
        break;
    case OP_STOP: rpc_put32(&c->reply, STATUS_ACCESS_DENIED); break;
    default: ok = princ_name(m, &r, &c->reply);
    }
    if (ok) rpc_reply(c);
    else rpc_fault(c, RPC_FAULT_BAD_STUB);
}
