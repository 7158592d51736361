/* rpc/call_harness.h - one call of an interface without a login, through a real association: for tests and fuzz targets. */
#ifndef RPC_CALL_HARNESS_H
#define RPC_CALL_HARNESS_H

#include "rpc/conn.h"

struct harness {
    struct rpc_site site;
    const struct rpc_interface *interfaces[2];
    struct rpc_conn conn;
    struct buf out;
    bool big;                 /* requests are big-endian */
};
static struct harness *harness_at; /* whose output comes */

static void harness_send(struct rpc_conn *c, struct slice bytes) { buf_slice_add(&harness_at->out, bytes); }
static void harness_close(struct rpc_conn *c) {}
static void harness_reading(struct rpc_conn *c, bool on) {}
static const struct rpc_conn_ops harness_ops = { harness_send, harness_close, harness_reading, harness_close };

static void harness_feed(struct harness *h, struct buf *b)
{
    buf_clear(&h->out);
    rpc_conn_input(&h->conn, buf_slice(b));
    buf_free(b);
}

static inline void harness_open(struct harness *h, const struct rpc_interface *i, const char *local)
{
    struct buf b;
    *h = (struct harness){ .interfaces = { i, NULL } };
    h->site.ops = &harness_ops;
    h->site.interfaces = h->interfaces;
    rpc_site_defaults(&h->site);
    harness_at = h;
    buf_init(&h->out, 0);
    rpc_conn_init(&h->conn, &h->site, "192.0.2.1", local);
    buf_init(&b, 0);
    size_t start = rpc_pdu_begin(&b, RPC_BIND, RPC_FIRST | RPC_LAST, 1);
    rpc_put16(&b, 5840);
    rpc_put16(&b, 5840);
    rpc_put32(&b, 0);
    rpc_put32(&b, 1);
    rpc_put16(&b, 0);
    rpc_put16(&b, 1);
    rpc_guid_put(&b, &i->uuid);
    rpc_put32(&b, (uint32_t)i->minor << 16 | i->major);
    rpc_guid_put(&b, &rpc_ndr.uuid);
    rpc_put32(&b, rpc_ndr.major);
    rpc_pdu_end(&b, start, 0);
    harness_feed(h, &b);
}

static inline void harness_shut(struct harness *h)
{
    rpc_conn_end(&h->conn);
    rpc_conn_free(&h->conn);
    buf_free(&h->out);
}

/* The reply's stub (into *reply, which is initialised) and 0, or the status of the fault. ~0: neither came. */
static inline uint32_t harness_call(struct harness *h, uint16_t opnum, struct slice stub, struct buf *reply)
{
    struct buf b;
    buf_init(&b, 0);
    size_t start = rpc_pdu_begin(&b, RPC_REQUEST, RPC_FIRST | RPC_LAST, 2);
    rpc_put32(&b, 0);
    rpc_put16(&b, 0);
    rpc_put16(&b, opnum);
    buf_slice_add(&b, stub);
    rpc_pdu_end(&b, start, 0);
    if (h->big) { /* numbers of the header swapped: length, no token, call, context, operation */
        b.p[4] = 0;
        const size_t words[] = { 8, 20, 22 };
        for (size_t i = 0; i < 3; i++) {
            char *w = b.p + words[i], first = w[0];
            w[0] = w[1];
            w[1] = first;
        }
        b.p[15] = b.p[12];
        b.p[12] = 0;
    }
    harness_at = h;
    harness_feed(h, &b);
    struct slice left = buf_slice(&h->out);
    struct rpc_pdu p;
    while (left.n >= RPC_HEADER) {
        uint16_t n = rpc_pdu_length((const unsigned char *)left.p);
        if (n == 0 || n > left.n || rpc_pdu_read(slice_head(left, n), &p, NULL) != CIMF_OK) return ~0u;
        struct rpc_reader r = rpc_reader_of(&p, slice_sub(p.body, 8));
        if (p.type == RPC_FAULT) return rpc_u32(&r);
        if (p.type != RPC_RESPONSE) return ~0u;
        buf_slice_add(reply, slice_sub(p.body, 8));
        if (p.flags & RPC_LAST) return 0;
        left = slice_sub(left, n);
    }
    return ~0u;
}

#endif
