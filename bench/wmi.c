/*
 * bench/wmi.c - what WMI over DCOM costs the server. Prints a line of JSON with the processor time of its processes.
 *
 *   wmi [options] calls              one small call over and over on -c connections for -t seconds: ServerAlive2 without
 *                                    a login (-l none), EstablishPosition of a login object otherwise
 *   wmi [options] query TEXT         ExecQuery, forward only, and all its results, -r times; -n objects a Next; -s: SmartEnum
 *   wmi [options] clients            -c clients log in to a namespace and stay: prints "ready", ends with its input
 *   wmi [options] connections        the same with connections that have made one call without a login
 *   wmi [options] echo IN OUT        no RPC: sends IN bytes and reads OUT bytes, over and over (beside bench/ceiling)
 *
 * Options: -l none|integrity|privacy  -c connections  -t seconds  -n count  -r rounds  -s  -u user  -x namespace
 *          -p pid[,pid...]  -P port (135, or the echo's)  -H host. The password is in CIM_PASSWORD.
 */
#include <pthread.h>
#include <unistd.h>

#include "cpu.h"
#include "rpc_link.h"
#include "wmi/stubs.h"

static struct {
    struct link_login who;
    int port, connections, rounds;
    uint32_t count;
    double seconds;
    const char *ns, *pids;
    bool smart;
    size_t in, out;
} o = { .who = { .host = "127.0.0.1", .user = "", .level = RPC_LEVEL_PRIVACY }, .port = 135, .connections = 16, .rounds = 3,
        .count = 1000, .seconds = 3, .ns = "//./root/default" };

static const struct guid resolver = { 0x99fcfec4, 0x5260, 0x101b, { 0xbb, 0xcb, 0x00, 0xaa, 0x00, 0x21, 0x34, 0x7a } };
static const struct guid activator = { 0x1a0, 0, 0, { 0xc0, 0, 0, 0, 0, 0, 0, 0x46 } };
static const struct guid login_clsid = { 0x8bc3f05e, 0xd86b, 0x11d0, { 0xa0, 0x75, 0x00, 0xc0, 0x4f, 0xb6, 0x88, 0x20 } };
enum { SERVER_ALIVE2 = 5, S_FALSE = 1 };

struct client {
    struct link link;
    struct guid ipid, unknown; /* of the object at hand, of IRemUnknown */
    uint64_t done;
    pthread_t thread;
};

/* ---- logging in ---- */

static void must(const char *what, uint32_t hresult)
{
    if (!hresult) return;
    fprintf(stderr, "wmi: %s: 0x%08x\n", what, hresult);
    exit(1);
}

static void open_client(struct client *c)
{
    if (o.who.level == RPC_LEVEL_NONE) {
        link_open(&c->link, &o.who, o.port, &resolver);
        return;
    }
    struct link first;
    int port;
    link_open(&first, &o.who, o.port, &activator);
    link_activate(&first, &login_clsid, &wmi_login_interface.iid, &c->ipid, &c->unknown, &port);
    link_close(&first);
    link_open(&c->link, &o.who, port, &wmi_login_interface.iid);
}

static struct guid ipid_of(struct slice objref)
{
    struct arena a;
    struct dcom_objref ref;
    arena_init(&a, 0);
    if (dcom_objref_read(&a, objref, &ref, NULL) != CIMF_OK) must("reference", 1);
    arena_free(&a);
    return ref.std.ipid;
}

static void login(struct client *c)
{
    struct arena a;
    struct stub_ntlm_login r = { .network = slice_str(o.ns) };
    arena_init(&a, 0);
    must("NTLMLogin", link_method(&c->link, &c->ipid, &wmi_login_interface, 6, &a, &r, true));
    c->ipid = ipid_of(r.services);
    arena_free(&a);
}

/* ---- small calls ---- */

static volatile bool stop;

static void *call_often(void *arg)
{
    struct client *c = arg;
    while (!stop) {
        struct stub_position r = { 0 };
        if (o.out) {
            static char bytes[1 << 16];
            if (write(c->link.fd, bytes, o.in) != (ssize_t)o.in) die("write");
            for (size_t got = 0; got < o.out;) {
                char in[65536];
                ssize_t n = read(c->link.fd, in, sizeof in);
                if (n <= 0) die("read");
                got += (size_t)n;
            }
        } else if (o.who.level == RPC_LEVEL_NONE) {
            must("ServerAlive2", link_call(&c->link, SERVER_ALIVE2, NULL, SLICE_NULL));
        } else {
            must("EstablishPosition", link_method(&c->link, &c->ipid, &wmi_login_interface, 3, NULL, &r, false));
        }
        c->done++;
    }
    return NULL;
}

static void calls(struct client *all)
{
    uint64_t done = 0, bytes = 0;
    for (int i = 0; i < o.connections; i++) {
        if (o.out) all[i].link.fd = link_connect(o.who.host, o.port);
        else open_client(&all[i]);
    }
    for (int i = 0; i < o.connections; i++) pthread_create(&all[i].thread, NULL, call_often, &all[i]);
    usleep(300000);
    for (int i = 0; i < o.connections; i++) done -= __atomic_load_n(&all[i].done, __ATOMIC_RELAXED);
    double cpu = cpu_seconds(o.pids);
    int64_t began = now_ns();
    usleep((useconds_t)(o.seconds * 1e6));
    for (int i = 0; i < o.connections; i++) done += __atomic_load_n(&all[i].done, __ATOMIC_RELAXED);
    cpu = cpu_seconds(o.pids) - cpu;
    double wall = (double)(now_ns() - began) / 1e9;
    stop = true;
    uint64_t total = 0;
    for (int i = 0; i < o.connections; i++) {
        pthread_join(all[i].thread, NULL);
        bytes += all[i].link.bytes_in;
        total += all[i].done;
    }
    printf("{\"calls\":%llu,\"per_second\":%.0f,\"bytes_per_reply\":%.0f,\"cpu_us_per_call\":%.2f}\n", (unsigned long long)done,
           (double)done / wall, (double)bytes / (double)total, cpu * 1e6 / (double)done);
}

/* ---- queries ---- */

static uint32_t next(struct client *c, const struct guid *ipid, uint32_t *returned)
{
    uint32_t hresult;
    struct slice stub;
    if (o.smart) {
        struct stub_smart r = { .timeout = UINT32_MAX, .count = o.count };
        hresult = link_method(&c->link, ipid, &wmi_smart_interface, 3, NULL, &r, false);
        stub = buf_slice(&c->link.stub);
        struct cursor at = cursor_of(slice_sub(stub, 8));
        *returned = cursor_u32le(&at);
    } else {
        struct stub_next r = { .timeout = UINT32_MAX, .count = o.count };
        hresult = link_method(&c->link, ipid, &wmi_enum_interface, 4, NULL, &r, false);
        stub = buf_slice(&c->link.stub);
        struct cursor at = cursor_of(slice_sub(stub, stub.n - 8));
        *returned = cursor_u32le(&at);
    }
    return hresult;
}

static uint64_t one_query(struct client *c, const char *text)
{
    struct arena a;
    struct stub_services r = { .text = SLICE("WQL"), .method = slice_str(text), .flags = 0x30 };
    uint64_t total = 0;
    uint32_t hresult = 0, returned;
    arena_init(&a, 0);
    must("ExecQuery", link_method(&c->link, &c->ipid, &wmi_services_interface, 20, &a, &r, true));
    struct guid ipid = ipid_of(r.enumerator);
    if (o.smart) {
        struct stub_reference s = { SLICE_NULL };
        struct guid fetch = link_query(&c->link, &c->unknown, &ipid, &wmi_fetch_interface.iid);
        must("GetSmartEnum", link_method(&c->link, &fetch, &wmi_fetch_interface, 3, &a, &s, true));
        ipid = ipid_of(s.reference);
    }
    while (hresult != S_FALSE) {
        hresult = next(c, &ipid, &returned);
        if (hresult & 0x80000000u) must("Next", hresult);
        total += returned;
    }
    arena_free(&a);
    return total;
}

static void query(struct client *c, const char *text)
{
    open_client(c);
    login(c);
    uint64_t objects = one_query(c, text), rounds = 0; /* what only the first one pays */
    uint64_t bytes = c->link.bytes_in;
    double cpu = cpu_seconds(o.pids);
    int64_t began = now_ns();
    for (int i = 0; i < o.rounds; i++) rounds += one_query(c, text);
    double wall = (double)(now_ns() - began) / 1e9;
    cpu = cpu_seconds(o.pids) - cpu;
    bytes = c->link.bytes_in - bytes;
    printf("{\"objects\":%llu,\"per_second\":%.0f,\"bytes\":%llu,\"cpu_us_per_object\":%.3f}\n", (unsigned long long)objects,
           (double)rounds / wall, (unsigned long long)(bytes / (uint64_t)o.rounds), cpu * 1e6 / (double)rounds);
}

/* ---- holding ---- */

static void hold(struct client *all, bool logged_in)
{
    for (int i = 0; i < o.connections; i++) {
        open_client(&all[i]);
        if (logged_in) login(&all[i]);
        else must("ServerAlive2", link_call(&all[i].link, SERVER_ALIVE2, NULL, SLICE_NULL));
    }
    printf("ready\n");
    fflush(stdout);
    while (getchar() != EOF) {}
}

static void options(int argc, char **argv)
{
    int option;
    while ((option = getopt(argc, argv, "l:c:t:n:r:su:x:p:P:H:")) != -1) {
        switch (option) {
        case 'l':
            o.who.level = !strcmp(optarg, "none") ? RPC_LEVEL_NONE : !strcmp(optarg, "integrity") ? RPC_LEVEL_INTEGRITY : RPC_LEVEL_PRIVACY;
            break;
        case 'c': o.connections = atoi(optarg); break;
        case 't': o.seconds = atof(optarg); break;
        case 'n': o.count = (uint32_t)strtoul(optarg, NULL, 0); break;
        case 'r': o.rounds = atoi(optarg); break;
        case 's': o.smart = true; break;
        case 'u': o.who.user = optarg; break;
        case 'x': o.ns = optarg; break;
        case 'p': o.pids = optarg; break;
        case 'P': o.port = atoi(optarg); break;
        case 'H': o.who.host = optarg; break;
        default: exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    options(argc, argv);
    const char *what = optind < argc ? argv[optind] : "", *password = getenv("CIM_PASSWORD");
    struct client *all = o.connections > 0 ? calloc((size_t)o.connections, sizeof *all) : NULL;
    o.who.password = password ? password : "";
    if (!all) die("memory");
    if (!strcmp(what, "echo") && argc - optind == 3) {
        o.in = strtoul(argv[optind + 1], NULL, 10);
        o.out = strtoul(argv[optind + 2], NULL, 10);
        calls(all);
    } else if (!strcmp(what, "calls")) {
        calls(all);
    } else if (!strcmp(what, "query") && argc - optind == 2) {
        query(all, argv[optind + 1]);
    } else if (!strcmp(what, "clients") || !strcmp(what, "connections")) {
        bool in = !strcmp(what, "clients");
        if (!in) o.who.level = RPC_LEVEL_NONE;
        hold(all, in);
    } else {
        fprintf(stderr, "wmi: see the head of bench/wmi.c\n");
        return 2;
    }
    return 0;
}
