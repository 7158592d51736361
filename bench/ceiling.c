/*
 * bench/ceiling.c - the yardstick: a libuv program that answers every read with one fixed reply in one
 * write, without looking at it. No server on libuv can be cheaper; figures are given relative to it.
 *
 *   ceiling [body bytes, default 200] [loops, default 1] [raw]     prints the port
 *
 * raw: the reply is these bytes without an HTTP head.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

static char reply[1 << 20];
static size_t reply_n;
static char buffer[64][65536];
static unsigned threads;

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
    *b = uv_buf_init(h->loop->data, 65536);
}

static void on_close(uv_handle_t *h) { free(h); }

static void on_written(uv_write_t *w, int status) { free(w); }

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    uv_buf_t out = uv_buf_init(reply, (unsigned)reply_n);
    if (n < 0) uv_close((uv_handle_t *)s, on_close);
    if (n <= 0) return;
    int sent = uv_try_write(s, &out, 1);
    if (sent == (int)reply_n) return;
    uv_write_t *w = malloc(sizeof *w); /* larger than the socket's buffer */
    if (!w) abort();
    if (sent < 0) sent = 0;
    out = uv_buf_init(reply + sent, (unsigned)(reply_n - (size_t)sent));
    uv_write(w, s, &out, 1, on_written);
}

static void on_connection(uv_stream_t *server, int status)
{
    uv_tcp_t *c = malloc(sizeof *c);
    if (!c) abort();
    uv_tcp_init(server->loop, c);
    if (uv_accept(server, (uv_stream_t *)c) != 0) abort();
    uv_tcp_nodelay(c, 1);
    uv_read_start((uv_stream_t *)c, on_alloc, on_read);
}

static void *run(void *arg)
{
    int fd = *(int *)arg;
    uv_loop_t loop;
    uv_tcp_t server;
    uv_loop_init(&loop);
    loop.data = buffer[__atomic_fetch_add(&threads, 1, __ATOMIC_RELAXED) % 64];
    uv_tcp_init(&loop, &server);
    uv_tcp_open(&server, dup(fd));
    if (uv_listen((uv_stream_t *)&server, 128, on_connection) != 0) abort();
    uv_run(&loop, UV_RUN_DEFAULT);
    return NULL;
}

int main(int argc, char **argv)
{
    size_t body = argc > 1 ? strtoul(argv[1], NULL, 10) : 200;
    int loops = argc > 2 ? atoi(argv[2]) : 1;
    if (body > sizeof reply - 256 || loops < 1 || loops > 64) return 2;
    if (argc <= 3)
        reply_n = (size_t)snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\nContent-Type: "
                                   "application/soap+xml;charset=UTF-8\r\nContent-Length: %zu\r\n"
                                   "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n", body);
    memset(reply + reply_n, 'x', body);
    reply_n += body;
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || getsockname(fd, (struct sockaddr *)&a, &size) != 0)
        return 1;
    printf("%d\n", ntohs(a.sin_port));
    fflush(stdout);
    for (int i = 1; i < loops; i++) {
        pthread_t t;
        pthread_create(&t, NULL, run, &fd);
    }
    run(&fd);
    return 0;
}
