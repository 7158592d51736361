/*
 * hostile_tool PORT USER NAMESPACE: a client of WMI that behaves badly, over real connections. The password is in CIM_PASSWORD. Reads
 * lines and answers each with one:
 *
 *   serve QUERY        logs in, reads all results, goes: their number
 *   deaf N QUERY       N clients log in, ask for all results at once, and never read the answer
 *   abandon N QUERY    one client asks N times and forgets the enumerators: how many it was given
 *   pings N M          one client adds M objects that never were to a ping set, N times, and asks for N sets more: how many it was given
 *   half N             N connections that stop in the middle of a login: how many could begin one
 *   logins N           N logins on one connection: how many it took, with calls that use one now and then
 *   nobody N BYTES     N connections without a login send so much of a call that does not end: how many the server still listened to
 *   halves N BYTES     the same with a login each
 *   silent N           N connections that say half of a bind, and nothing more
 *   gone N QUERY       N clients ask for results one after the other and hang up without reading
 *   pile N QUERY       one client asks N times and does not wait for results: how many it was given
 *   behind             whether the last of the pile has no result yet
 *   drop               closes what is open
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rpc_link.h"
#include "wmi/stubs.h"

static struct link_login who = { .host = "127.0.0.1", .level = RPC_LEVEL_PRIVACY };
static int port;
static const char *ns;
static const struct guid resolver = { 0x99fcfec4, 0x5260, 0x101b, { 0xbb, 0xcb, 0x00, 0xaa, 0x00, 0x21, 0x34, 0x7a } };
static const struct guid activator = { 0x1a0, 0, 0, { 0xc0, 0, 0, 0, 0, 0, 0, 0x46 } };
static const struct guid login_clsid = { 0x8bc3f05e, 0xd86b, 0x11d0, { 0xa0, 0x75, 0x00, 0xc0, 0x4f, 0xb6, 0x88, 0x20 } };

static struct link open_links[4096];
static unsigned open_count;

static struct link *new_link(void)
{
    if (open_count == sizeof open_links / sizeof *open_links) die("too many");
    return &open_links[open_count++];
}

static void drop(void)
{
    while (open_count) link_close(&open_links[--open_count]);
}

static struct guid ipid_of(struct arena *a, struct slice objref)
{
    struct dcom_objref ref = { 0 };
    if (dcom_objref_read(a, objref, &ref, NULL) != CIMF_OK) die("reference");
    return ref.std.ipid;
}

/* The IPID of an IWbemServices. */
static struct guid log_in(struct link *l)
{
    struct link first;
    struct guid ipid, unknown;
    struct arena a;
    int at;
    struct stub_ntlm_login r = { .network = slice_str(ns) };
    arena_init(&a, 0);
    link_open(&first, &who, port, &activator);
    link_activate(&first, &login_clsid, &wmi_login_interface.iid, &ipid, &unknown, &at);
    link_close(&first);
    link_open(l, &who, at, &wmi_login_interface.iid);
    if (link_method(l, &ipid, &wmi_login_interface, 6, &a, &r, true)) die("NTLMLogin");
    ipid = ipid_of(&a, r.services);
    arena_free(&a);
    return ipid;
}

/* False: there is no enumerator. */
static bool query(struct link *l, const struct guid *services, const char *text, uint32_t flags, struct guid *out)
{
    struct arena a;
    struct stub_services r = { .text = SLICE("WQL"), .method = slice_str(text), .flags = flags };
    arena_init(&a, 0);
    uint32_t hresult = link_method(l, services, &wmi_services_interface, 20, &a, &r, true);
    if (!hresult) *out = ipid_of(&a, r.enumerator);
    arena_free(&a);
    return !hresult;
}

static void serve(const char *text)
{
    struct link l;
    struct guid services = log_in(&l), e;
    uint32_t hresult = 0, total = 0;
    if (!query(&l, &services, text, 0x30, &e)) die("query");
    while (hresult != 1) {
        struct stub_next r = { .timeout = UINT32_MAX, .count = 1000 };
        hresult = link_method(&l, &e, &wmi_enum_interface, 4, NULL, &r, false);
        if (hresult & 0x80000000u) die("Next");
        struct cursor at = cursor_of(slice_sub(buf_slice(&l.stub), l.stub.n - 8));
        total += cursor_u32le(&at);
    }
    link_close(&l);
    printf("%u\n", total);
}

static void ask_for_all(struct link *l, const struct guid *e)
{
    struct stub_next r = { .timeout = UINT32_MAX, .count = UINT32_MAX };
    link_send(l, e, &wmi_enum_interface, 4, &r);
}

static void deaf(int n, const char *text)
{
    for (int i = 0; i < n; i++) {
        struct link *l = new_link();
        struct guid services = log_in(l), e;
        int little = 4096;
        setsockopt(l->fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
        if (!query(l, &services, text, 0x30, &e)) die("query");
        ask_for_all(l, &e);
    }
    printf("%d\n", n);
}

static void gone(int n, const char *text)
{
    for (int i = 0; i < n; i++) {
        struct link *l = new_link();
        struct guid services = log_in(l), e;
        if (!query(l, &services, text, 0x30, &e)) die("query");
        ask_for_all(l, &e);
        drop();
    }
    printf("%d\n", n);
}

static void abandon(int n, const char *text)
{
    struct link *l = new_link();
    struct guid services = log_in(l), e;
    int given = 0;
    while (given < n && query(l, &services, text, 0, &e)) given++;
    printf("%d\n", given);
}

static struct guid last_piled;

static void pile(int n, const char *text)
{
    struct link *l = new_link();
    struct guid services = log_in(l);
    int given = 0;
    while (given < n && query(l, &services, text, 0x30, &last_piled)) given++;
    printf("%d\n", given);
}

/* WBEM_S_TIMEDOUT. */
static void behind(void)
{
    struct stub_next r = { .timeout = 0, .count = 1 };
    printf("%d\n", link_method(&open_links[open_count - 1], &last_piled, &wmi_enum_interface, 4, NULL, &r, false) == 0x40004);
}

/* ComplexPing: set, sequence, counts, then what is added. */
static uint32_t complex_ping(struct link *l, uint64_t set, unsigned sequence, unsigned count)
{
    struct buf b;
    buf_init(&b, 0);
    rpc_put32(&b, (uint32_t)set);
    rpc_put32(&b, (uint32_t)(set >> 32));
    rpc_put16(&b, sequence);
    rpc_put16(&b, count);
    rpc_put16(&b, 0);
    rpc_put16(&b, 0);
    rpc_put32(&b, count ? 0x20000 : 0);
    if (count) {
        rpc_put32(&b, count);
        for (unsigned i = 0; i < 2 * count; i++) rpc_put32(&b, 0x10000 * sequence + i);
    }
    rpc_put32(&b, 0);
    if (link_call(l, 2, NULL, buf_slice(&b))) die("ComplexPing");
    buf_free(&b);
    struct cursor at = cursor_of(slice_sub(buf_slice(&l->stub), l->stub.n - 4));
    return cursor_u32le(&at);
}

static void pings(int n, unsigned m)
{
    struct link *l = new_link();
    int given = 0;
    link_open(l, &who, port, &resolver);
    if (complex_ping(l, 0, 1, 0)) die("set");
    struct cursor at = cursor_of(buf_slice(&l->stub));
    uint64_t set = cursor_u64le(&at);
    for (int i = 0; i < n; i++) complex_ping(l, set, (unsigned)i + 2, m);
    for (int i = 0; i < n; i++) given += !complex_ping(l, 0, 1, 0);
    printf("%d\n", given);
}

/* The first leg of a login, and a byte of the next PDU. */
static void half(int n)
{
    int begun = 0;
    for (int i = 0; i < n; i++) {
        struct link *l = new_link();
        if (!link_open_half(l, &who, port, &resolver)) continue;
        begun++;
        if (write(l->fd, "\5", 1) != 1) die("write");
    }
    printf("%d\n", begun);
}

static void logins(int n)
{
    struct link *l = new_link();
    int taken = 1;
    link_open(l, &who, port, &resolver);
    while (taken < n && link_login_again(l, &who, &resolver)) {
        if (++taken % 128 == 0 && link_call(l, 3, NULL, SLICE(""))) die("ServerAlive");
    }
    printf("%d\n", taken);
}

/* The rest of a call is never sent. */
static void halves(int n, size_t bytes, bool anonymous)
{
    int heard = 0;
    struct link_login nobody = { .host = who.host, .level = RPC_LEVEL_NONE };
    for (int i = 0; i < n; i++) {
        struct link *l = new_link();
        link_open(l, anonymous ? &nobody : &who, port, &activator);
        heard += link_send_half(l, &login_clsid, bytes);
    }
    printf("%d\n", heard);
}

static void silent(int n)
{
    static const char half[] = { 5, 0, RPC_BIND, RPC_FIRST | RPC_LAST, 0x10, 0, 0, 0, 72, 0, 0, 0, 1, 0, 0, 0, 0, 0x10 };
    for (int i = 0; i < n; i++) {
        struct link *l = new_link();
        *l = (struct link){ .fd = link_connect(who.host, port) };
        if (write(l->fd, half, sizeof half) != sizeof half) die("write");
    }
    printf("%d\n", n);
}

int main(int argc, char **argv)
{
    char line[4096], text[4000];
    int n, m;
    if (argc != 4) return 2;
    port = atoi(argv[1]);
    who.user = argv[2];
    who.password = getenv("CIM_PASSWORD");
    ns = argv[3];
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "serve %3999[^\n]", text) == 1) serve(text);
        else if (sscanf(line, "deaf %d %3999[^\n]", &n, text) == 2) deaf(n, text);
        else if (sscanf(line, "gone %d %3999[^\n]", &n, text) == 2) gone(n, text);
        else if (sscanf(line, "abandon %d %3999[^\n]", &n, text) == 2) abandon(n, text);
        else if (sscanf(line, "pile %d %3999[^\n]", &n, text) == 2) pile(n, text);
        else if (strcmp(line, "behind\n") == 0 && open_count) behind();
        else if (sscanf(line, "pings %d %d", &n, &m) == 2) pings(n, (unsigned)m);
        else if (sscanf(line, "half %d", &n) == 1) half(n);
        else if (sscanf(line, "logins %d", &n) == 1) logins(n);
        else if (sscanf(line, "nobody %d %d", &n, &m) == 2) halves(n, (size_t)m, true);
        else if (sscanf(line, "halves %d %d", &n, &m) == 2) halves(n, (size_t)m, false);
        else if (sscanf(line, "silent %d", &n) == 1) silent(n);
        else {
            drop();
            printf("0\n");
        }
        fflush(stdout);
    }
    return 0;
}
