/*
 * bench/load.c - HTTP load driver: N keep-alive connections send one raw request file over and over, one
 * request at a time each, and read the whole reply (Content-Length). Prints requests per second, latency
 * percentiles and the processor time of the server's processes from the kernel's accounting.
 *
 *   load [-c connections] [-t seconds] [-w warmup seconds] [-p pid[,pid...]] host port request-file...
 *
 * With several files one operation is all of them in turn. Where a later one holds CONTEXT_MARK, the
 * enumeration context of the reply before it (of the same length) is put in its place.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUCKETS = 4096 }; /* of 2 us each to 1 ms, then of 100 us */

#define CONTEXT_MARK "uuid:00000000-0000-0000-0000-000000000000"
enum { STEPS = 4 };

struct request {
    char *text;
    size_t n;
    char *context; /* where the mark stands, or NULL */
};

struct connection {
    int fd;
    int step;
    int64_t began_at;
    char *in;
    size_t have, room, expect; /* expect 0: head not whole yet */
};

static struct request requests[STEPS];
static int step_count;
static uint64_t done_count, bad_status, bytes_in;
static uint32_t histogram[BUCKETS];
static bool measuring;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static unsigned bucket(int64_t us) { return us < 1000 ? (unsigned)us / 2 : us < 350000 ? 500 + (unsigned)(us - 1000) / 100 : BUCKETS - 1; }
static double bucket_us(unsigned b) { return b < 500 ? b * 2 + 1 : 1000 + (b - 500) * 100 + 50; }

static double percentile(double p)
{
    uint64_t want = (uint64_t)((double)done_count * p), seen = 0;
    for (unsigned i = 0; i < BUCKETS; i++)
        if ((seen += histogram[i]) > want) return bucket_us(i);
    return 0;
}

/* Ticks of user and system time of all threads of these processes. */
static double cpu_seconds(const char *pids)
{
    double total = 0;
    while (pids && *pids) {
        char name[64], text[1024];
        snprintf(name, sizeof name, "/proc/%ld/stat", strtol(pids, NULL, 10));
        int fd = open(name, O_RDONLY);
        ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
        if (fd >= 0) close(fd);
        if (n > 0) {
            unsigned long user = 0, sys = 0;
            text[n] = 0;
            char *p = strrchr(text, ')');
            if (p) sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys);
            total += (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
        }
        pids = strchr(pids, ',');
        if (pids) pids++;
    }
    return total;
}

/* Puts the context of the last reply into the request; requests are shared, but sent whole at once. */
static void fill_context(struct connection *c, struct request *r)
{
    if (!r->context) return;
    char *found = strstr(c->in, "EnumerationContext>uuid:");
    if (!found) {
        fprintf(stderr, "the reply before holds no enumeration context\n");
        exit(1);
    }
    memcpy(r->context, found + sizeof "EnumerationContext>" - 1, sizeof CONTEXT_MARK - 1);
}

static void send_request(struct connection *c)
{
    struct request *r = &requests[c->step];
    fill_context(c, r);
    if (c->step == 0) c->began_at = now_ns();
    c->have = c->expect = 0;
    for (size_t at = 0; at < r->n;) {
        ssize_t n = send(c->fd, r->text + at, r->n - at, MSG_NOSIGNAL);
        if (n > 0) at += (size_t)n;
        else if (errno != EAGAIN && errno != EINTR) die("send");
    }
}

/* Size of head and body once the head is there. */
static size_t reply_size(struct connection *c)
{
    c->in[c->have] = 0;
    char *end = strstr(c->in, "\r\n\r\n");
    if (!end) return 0;
    char *length = strcasestr(c->in, "\r\nContent-Length:");
    size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    if (strncmp(c->in + 9, "200", 3) != 0 && bad_status++ == 0) fprintf(stderr, "reply: %.*s\n", (int)(end - c->in), c->in);
    return (size_t)(end - c->in) + 4 + body;
}

static void on_readable(struct connection *c)
{
    if (c->room - c->have < 16384) {
        c->room = c->room * 2 + 32768;
        c->in = realloc(c->in, c->room + 1);
        if (!c->in) die("memory");
    }
    ssize_t n = recv(c->fd, c->in + c->have, c->room - c->have, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        fprintf(stderr, "the server closed a connection\n");
        exit(1);
    }
    c->have += (size_t)n;
    if (!c->expect) c->expect = reply_size(c);
    if (!c->expect || c->have < c->expect) return;
    c->in[c->have] = 0;
    if (measuring) bytes_in += c->have;
    c->step = (c->step + 1) % step_count;
    if (measuring && c->step == 0) {
        done_count++;
        histogram[bucket((now_ns() - c->began_at) / 1000)]++;
    }
    send_request(c);
}

static void read_request(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) die(path);
    struct request *r = &requests[step_count++];
    r->text = calloc(1, (1 << 20) + 1);
    r->n = r->text ? fread(r->text, 1, 1 << 20, f) : 0;
    r->context = r->text ? strstr(r->text, CONTEXT_MARK) : NULL;
    fclose(f);
}

static int connect_to(const char *host, int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    inet_pton(AF_INET, host, &a.sin_addr);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void run_until(int ep, int64_t end)
{
    struct epoll_event events[64];
    while (now_ns() < end) {
        int n = epoll_wait(ep, events, 64, 100);
        for (int i = 0; i < n; i++) on_readable(events[i].data.ptr);
    }
}

int main(int argc, char **argv)
{
    int count = 16, option;
    double seconds = 5, warmup = 1;
    const char *pids = NULL;
    while ((option = getopt(argc, argv, "c:t:w:p:")) != -1) {
        if (option == 'c') count = atoi(optarg);
        else if (option == 't') seconds = atof(optarg);
        else if (option == 'w') warmup = atof(optarg);
        else if (option == 'p') pids = optarg;
        else return 2;
    }
    if (argc - optind < 3 || argc - optind > 2 + STEPS || count < 1) {
        fprintf(stderr, "usage: load [-c n] [-t seconds] [-w warmup] [-p pids] host port request-file...\n");
        return 2;
    }
    for (int i = optind + 2; i < argc; i++) read_request(argv[i]);
    struct connection *all = calloc((size_t)count, sizeof *all);
    int ep = epoll_create1(0);
    if (!all || ep < 0) die("start");
    for (int i = 0; i < count; i++) {
        all[i].fd = connect_to(argv[optind], atoi(argv[optind + 1]));
        struct epoll_event e = { .events = EPOLLIN, .data.ptr = &all[i] };
        epoll_ctl(ep, EPOLL_CTL_ADD, all[i].fd, &e);
        send_request(&all[i]);
    }
    run_until(ep, now_ns() + (int64_t)(warmup * 1e9));
    measuring = true;
    double cpu = cpu_seconds(pids);
    int64_t begun = now_ns();
    run_until(ep, begun + (int64_t)(seconds * 1e9));
    double wall = (double)(now_ns() - begun) / 1e9;
    cpu = cpu_seconds(pids) - cpu;
    printf("{\"connections\":%d,\"seconds\":%.2f,\"requests\":%llu,\"per_second\":%.0f,\"not_200\":%llu,"
           "\"p50_us\":%.0f,\"p99_us\":%.0f,\"bytes_per_reply\":%.0f,\"cpu_us_per_request\":%.2f}\n",
           count, wall, (unsigned long long)done_count, (double)done_count / wall,
           (unsigned long long)bad_status, percentile(0.5), percentile(0.99),
           done_count ? (double)bytes_in / (double)done_count : 0,
           done_count && pids ? cpu * 1e6 / (double)done_count : 0);
    return bad_status ? 1 : 0;
}
