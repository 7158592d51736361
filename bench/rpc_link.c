#include "rpc_link.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mech/ntlm.h"

enum { AUTH_CONTEXT = 1, REQUEST_HEAD = 24, STUB_ROOM = 5760 };

void die(const char *what)
{
    perror(what);
    exit(1);
}

static void fail(const char *what, uint32_t code)
{
    fprintf(stderr, "%s: 0x%08x\n", what, code);
    exit(1);
}

int link_connect(const char *host, int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    inet_pton(AF_INET, host, &a.sin_addr);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* ---- PDUs ---- */

static void send_out(struct link *l)
{
    if (!buf_ok(&l->out)) fail("memory", 0);
    for (size_t at = 0; at < l->out.n;) {
        ssize_t n = write(l->fd, l->out.p + at, l->out.n - at);
        if (n <= 0) die("write");
        at += (size_t)n;
    }
    buf_clear(&l->out);
}

/* The next fragment, valid until the next is asked for. */
static struct rpc_pdu next_pdu(struct link *l)
{
    struct rpc_pdu p;
    for (;;) {
        size_t left = l->in.n - l->read_at;
        const unsigned char *at = (const unsigned char *)l->in.p + l->read_at;
        uint16_t n = left >= RPC_HEADER ? rpc_pdu_length(at) : 0;
        if (left >= RPC_HEADER && !n) fail("no PDU", 0);
        if (n && n <= left) {
            if (rpc_pdu_read(slice_of((const char *)at, n), &p, NULL) != CIMF_OK) fail("broken PDU", p.type);
            l->read_at += n;
            l->bytes_in += n;
            return p;
        }
        buf_consume(&l->in, l->read_at);
        l->read_at = 0;
        char *room = buf_reserve(&l->in, 65536);
        ssize_t got = room ? read(l->fd, room, 65536) : -1;
        if (got <= 0) die("read");
        buf_added(&l->in, (size_t)got);
    }
}

static bool signs(const struct link *l) { return l->mech && l->level >= RPC_LEVEL_PACKET; }

/* NTLM covers the whole PDU. */
static void parts_of(const struct link *l, unsigned char *pdu, size_t stub_at, size_t trailer_at, struct mech_part parts[3])
{
    parts[0] = (struct mech_part){ MECH_PART_SIGN, pdu, stub_at };
    parts[1] = (struct mech_part){ l->level == RPC_LEVEL_PRIVACY ? MECH_PART_SEAL : MECH_PART_SIGN, pdu + stub_at, trailer_at - stub_at };
    parts[2] = (struct mech_part){ MECH_PART_SIGN, pdu + trailer_at, RPC_TRAILER };
}

static void protect(struct link *l, size_t start, size_t stub_at)
{
    struct rpc_auth a = { .type = RPC_AUTH_NTLM, .level = (uint8_t)l->level, .context = l->context };
    struct mech_part parts[3];
    unsigned char signature[MECH_SIGNATURE_MAX];
    size_t size = l->mech->ops->signature_size(l->mech, l->level == RPC_LEVEL_PRIVACY);
    rpc_trailer_put(&l->out, start + stub_at - RPC_HEADER, 16, &a);
    size_t trailer_at = l->out.n - start - RPC_TRAILER;
    buf_add(&l->out, signature, size);
    rpc_pdu_end(&l->out, start, (uint16_t)size);
    parts_of(l, (unsigned char *)l->out.p + start, stub_at, trailer_at, parts);
    cimf_status status = l->level == RPC_LEVEL_PRIVACY ? mech_seal(l->mech, parts, 3, signature) : mech_sign(l->mech, parts, 3, signature);
    if (status != CIMF_OK) fail("sign", status);
    memcpy(l->out.p + l->out.n - size, signature, size);
}

static void unprotect(struct link *l, const struct rpc_pdu *p)
{
    struct mech_part parts[3];
    parts_of(l, (unsigned char *)(uintptr_t)p->whole.p, REQUEST_HEAD, RPC_HEADER + p->body.n, parts);
    cimf_status status = l->level == RPC_LEVEL_PRIVACY ? mech_unseal(l->mech, parts, 3, p->auth.token)
                                                       : mech_verify(l->mech, parts, 3, p->auth.token);
    if (status != CIMF_OK) fail("signature", status);
}

/* ---- bind ---- */

static void put_bind(struct link *l, enum rpc_pdu_type type, const struct guid *interface, struct slice token)
{
    struct rpc_auth a = { .type = RPC_AUTH_NTLM, .level = (uint8_t)l->level, .context = l->context };
    size_t start = rpc_pdu_begin(&l->out, type, RPC_FIRST | RPC_LAST | RPC_HEADER_SIGN, ++l->call_id);
    rpc_put16(&l->out, RPC_FRAGMENT_MAX);
    rpc_put16(&l->out, RPC_FRAGMENT_MAX);
    rpc_put32(&l->out, 0);
    rpc_put32(&l->out, 1);
    rpc_put16(&l->out, 0);
    rpc_put16(&l->out, 1);
    rpc_guid_put(&l->out, interface);
    rpc_put32(&l->out, 0);
    rpc_guid_put(&l->out, &rpc_ndr.uuid);
    rpc_put32(&l->out, rpc_ndr.major);
    if (l->mech) rpc_trailer_put(&l->out, start, 4, &a);
    buf_slice_add(&l->out, token);
    rpc_pdu_end(&l->out, start, (uint16_t)token.n);
}

static void put_auth3(struct link *l, struct slice token)
{
    struct rpc_auth a = { .type = RPC_AUTH_NTLM, .level = (uint8_t)l->level, .context = l->context };
    size_t start = rpc_pdu_begin(&l->out, RPC_AUTH3, RPC_FIRST | RPC_LAST, l->call_id);
    rpc_put32(&l->out, 0);
    rpc_trailer_put(&l->out, start, 4, &a);
    buf_slice_add(&l->out, token);
    rpc_pdu_end(&l->out, start, (uint16_t)token.n);
}

static struct mech *new_mech(const struct link_login *who)
{
    struct mech *m;
    struct error e = ERROR_INIT;
    struct ntlm_client_config config = { .options.want = MECH_SIGN | (who->level == RPC_LEVEL_PRIVACY ? MECH_SEAL : 0) | MECH_DCE_STYLE,
                                         .user = slice_str(who->user), .password = slice_str(who->password) };
    if (ntlm_client_new(&config, &m, &e) != CIMF_OK) fail(e.text, 0);
    return m;
}

static struct rpc_pdu begin_login(struct link *l, const struct link_login *who, int port, const struct guid *interface)
{
    struct buf token;
    *l = (struct link){ .fd = link_connect(who->host, port), .level = who->level, .context = AUTH_CONTEXT };
    buf_init(&l->out, 0);
    buf_init(&l->in, 0);
    buf_init(&l->stub, 0);
    buf_init(&token, 0);
    if (who->level > RPC_LEVEL_NONE) {
        l->mech = new_mech(who);
        if (mech_step(l->mech, SLICE_NULL, &token, NULL) != MECH_CONTINUE) fail("first token", 0);
    }
    put_bind(l, RPC_BIND, interface, buf_slice(&token));
    buf_free(&token);
    send_out(l);
    return next_pdu(l);
}

bool link_open_half(struct link *l, const struct link_login *who, int port, const struct guid *interface)
{
    return begin_login(l, who, port, interface).type == RPC_BIND_ACK;
}

static void end_login(struct link *l, const struct rpc_pdu *p)
{
    struct buf token;
    buf_init(&token, 0);
    if (mech_step(l->mech, p->auth.token, &token, NULL) != MECH_COMPLETE) fail("second token", 0);
    put_auth3(l, buf_slice(&token));
    buf_free(&token);
    send_out(l);
}

void link_open(struct link *l, const struct link_login *who, int port, const struct guid *interface)
{
    struct rpc_pdu p = begin_login(l, who, port, interface);
    if (p.type != RPC_BIND_ACK) fail("bind", p.type);
    if (l->mech) end_login(l, &p);
}

bool link_login_again(struct link *l, const struct link_login *who, const struct guid *interface)
{
    struct buf token;
    buf_init(&token, 0);
    mech_free(l->mech);
    l->mech = new_mech(who);
    l->context++;
    if (mech_step(l->mech, SLICE_NULL, &token, NULL) != MECH_CONTINUE) fail("first token", 0);
    put_bind(l, RPC_ALTER, interface, buf_slice(&token));
    buf_free(&token);
    send_out(l);
    struct rpc_pdu p = next_pdu(l);
    if (p.type != RPC_ALTER_RESPONSE) return false;
    end_login(l, &p);
    return true;
}

void link_close(struct link *l)
{
    close(l->fd);
    mech_free(l->mech);
    buf_free(&l->out);
    buf_free(&l->in);
    buf_free(&l->stub);
}

/* ---- calls ---- */

static void send_request(struct link *l, uint16_t opnum, const struct guid *object, struct slice stub)
{
    l->call_id++;
    for (size_t at = 0, n; at == 0 || at < stub.n; at += n) {
        n = stub.n - at < STUB_ROOM ? stub.n - at : STUB_ROOM;
        unsigned flags = (at ? 0 : RPC_FIRST) | (at + n == stub.n ? RPC_LAST : 0) | (object ? RPC_OBJECT : 0);
        size_t start = rpc_pdu_begin(&l->out, RPC_REQUEST, flags, l->call_id);
        rpc_put32(&l->out, (uint32_t)(stub.n - at));
        rpc_put16(&l->out, 0);
        rpc_put16(&l->out, opnum);
        if (object) rpc_guid_put(&l->out, object);
        size_t stub_at = l->out.n - start;
        buf_add(&l->out, stub.p + at, n);
        if (signs(l)) protect(l, start, stub_at);
        else rpc_pdu_end(&l->out, start, 0);
        if (!n) break;
    }
    send_out(l);
}

static uint32_t receive(struct link *l)
{
    buf_clear(&l->stub);
    for (;;) {
        struct rpc_pdu p = next_pdu(l);
        if (signs(l) && !p.has_auth && p.type != RPC_FAULT) fail("unprotected", p.type);
        if (p.has_auth && signs(l)) unprotect(l, &p);
        if (p.type == RPC_FAULT) {
            struct rpc_reader r = rpc_reader_of(&p, slice_sub(p.body, 8));
            return rpc_u32(&r);
        }
        if (p.type != RPC_RESPONSE) fail("response", p.type);
        buf_add(&l->stub, p.body.p + 8, p.body.n - 8 - (p.has_auth ? p.auth.pad : 0));
        if (p.flags & RPC_LAST) return 0;
    }
}

uint32_t link_call(struct link *l, uint16_t opnum, const struct guid *object, struct slice stub)
{
    send_request(l, opnum, object, stub);
    return receive(l);
}

static void orpc_this(struct buf *b)
{
    static const char head[32] = { 5, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'b', 'e', 'n', 'c', 'h' };
    buf_add(b, head, sizeof head);
}

void link_send(struct link *l, const struct guid *ipid, const struct dcom_interface *i, uint16_t opnum, const void *record)
{
    const struct ndr_type *t = i->methods[opnum].parameters;
    struct ndr_writer w;
    struct buf stub;
    buf_init(&stub, 0);
    ndr_writer_init(&w, &stub);
    orpc_this(&stub);
    if (t && !ndr_write_parameters(&w, t, NDR_IN, record)) fail(i->methods[opnum].name, 0);
    send_request(l, opnum, ipid, buf_slice(&stub));
    buf_free(&stub);
}

bool link_send_half(struct link *l, const struct guid *object, size_t n)
{
    static const char zeros[STUB_ROOM];
    bool open = true;
    l->call_id++;
    for (size_t at = 0; open && at < n; at += STUB_ROOM) {
        size_t start = rpc_pdu_begin(&l->out, RPC_REQUEST, (at ? 0 : RPC_FIRST) | RPC_OBJECT, l->call_id);
        rpc_put32(&l->out, (uint32_t)(n - at));
        rpc_put16(&l->out, 0);
        rpc_put16(&l->out, 3);
        rpc_guid_put(&l->out, object);
        size_t stub_at = l->out.n - start;
        buf_add(&l->out, zeros, STUB_ROOM);
        if (signs(l)) protect(l, start, stub_at);
        else rpc_pdu_end(&l->out, start, 0);
        for (size_t sent = 0; open && sent < l->out.n;) {
            ssize_t got = send(l->fd, l->out.p + sent, l->out.n - sent, MSG_NOSIGNAL);
            open = got > 0;
            sent += open ? (size_t)got : 0;
        }
        buf_clear(&l->out);
    }
    return open;
}

uint32_t link_method(struct link *l, const struct guid *ipid, const struct dcom_interface *i, uint16_t opnum, struct arena *a,
                     void *record, bool read)
{
    const struct ndr_type *t = i->methods[opnum].parameters;
    struct ndr_reader r;
    link_send(l, ipid, i, opnum, record);
    uint32_t fault = receive(l);
    if (fault || l->stub.n < 12) fail(i->methods[opnum].name, fault);
    struct cursor end = cursor_of(slice_sub(buf_slice(&l->stub), l->stub.n - 4));
    if (read && t) {
        ndr_reader_init(&r, a, buf_slice(&l->stub), false);
        cursor_skip(&r.c, 8);
        if (ndr_read_parameters(&r, t, NDR_OUT, record, NULL) != CIMF_OK) fail(i->methods[opnum].name, 1);
    }
    return cursor_u32le(&end);
}

struct activate {
    uint32_t outer;
    struct slice properties;
};
static const struct ndr_row activate_rows[] = {
    { NDR_AT(struct activate, outer, U32), .flags = NDR_IN },
    { NDR_AT(struct activate, properties, INTERFACE), .flags = NDR_IN | NDR_OUT },
};
static const struct ndr_type activate_type = NDR_TYPE("RemoteCreateInstance", struct activate, activate_rows);
static const struct dcom_method activate_methods[] = { [4] = { "RemoteCreateInstance", &activate_type, NULL } };
static const struct dcom_interface activator = { { 0 }, "IRemoteSCMActivator", activate_methods, 5 };

void link_activate(struct link *l, const struct guid *clsid, const struct guid *iid, struct guid *ipid, struct guid *unknown, int *port)
{
    struct arena a;
    struct buf properties;
    struct guid iids[1] = { *iid };
    uint16_t tcp = TOWER_TCP;
    struct dcom_activation asked = { .clsid = *clsid, .iid_count = 1, .iids = iids, .protseq_count = 1, .protseqs = &tcp };
    struct dcom_activated done;
    struct dcom_objref ref;
    struct dcom_bindings bindings;
    arena_init(&a, 0);
    buf_init(&properties, 0);
    if (!dcom_activation_write(&properties, &asked)) fail("activation", 0);
    struct activate record = { .properties = buf_slice(&properties) };
    uint32_t hresult = link_method(l, NULL, &activator, 4, &a, &record, true);
    if (hresult) fail("activation", hresult);
    if (dcom_activated_read(&a, record.properties, &done, NULL) != CIMF_OK || dcom_objref_read(&a, done.interfaces[0], &ref, NULL) != CIMF_OK ||
        dcom_dual_parse(&a, done.bindings, &bindings, NULL) != CIMF_OK || !bindings.string_count)
        fail("activation", 1);
    *ipid = ref.std.ipid;
    *unknown = done.unknown;
    *port = bindings.strings[0].port;
    buf_free(&properties);
    arena_free(&a);
}

struct guid link_query(struct link *l, const struct guid *unknown, const struct guid *ipid, const struct guid *iid)
{
    struct buf stub;
    struct cursor at;
    struct guid out;
    buf_init(&stub, 0);
    orpc_this(&stub);
    rpc_guid_put(&stub, ipid);
    rpc_put32(&stub, 1);
    rpc_put32(&stub, 1);
    rpc_put32(&stub, 1);
    rpc_guid_put(&stub, iid);
    uint32_t fault = link_call(l, 3, unknown, buf_slice(&stub));
    buf_free(&stub);
    if (fault || l->stub.n < 64) fail("RemQueryInterface", fault);
    at = cursor_of(slice_sub(buf_slice(&l->stub), 16));
    uint32_t hresult = cursor_u32le(&at);
    if (hresult) fail("RemQueryInterface", hresult);
    cursor_skip(&at, 28);
    struct rpc_reader r = { at, false };
    rpc_guid(&r, &out);
    return out;
}
