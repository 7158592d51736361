/*
 * What an attacker who owns cimd-core can get from the supervisor: sockets to other machines. CIMFONY_ATTACK_PORT is a port of the machine
 * whose connections to the WMI listener and to the HTTP listener come in meanwhile. A line each, "name STATUS", goes to the file
 * `attempts`.
 */
#include "compromised.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/role.h"
#include "daemon/role_message.h"

/* Asks as callout.c does; nobody else reads the answers yet. */
static cimf_status ask(uint16_t port, int proof, int *fd)
{
    static uint32_t number;
    const struct role_message m = { .word = ROLE_CONNECT, .number = ++number, .port = port };
    struct role_message got = { 0 };
    struct error e = ERROR_INIT;
    *fd = -1;
    if (role_message_send(ROLE_FD_SUPERVISOR, &m, proof, &e) != CIMF_OK) abort();
    do {
        if (*fd >= 0) close(*fd);
        if (role_message_receive(ROLE_FD_SUPERVISOR, &got, fd, &e) != CIMF_OK) abort();
    } while (got.word != ROLE_CONNECTED || got.number != number);
    return (cimf_status)got.status;
}

static void attempt(FILE *out, const char *name, uint16_t port, int proof)
{
    int fd;
    cimf_status status = ask(port, proof, &fd);
    fprintf(out, "%s %s%s\n", name, cimf_status_name(status), (status == CIMF_OK) == (fd >= 0) ? "" : " and a descriptor");
    if (fd >= 0) close(fd);
}

static uint16_t local_port(int fd, bool peer)
{
    struct sockaddr_in a = { 0 };
    socklen_t n = sizeof a;
    if ((peer ? getpeername(fd, (struct sockaddr *)&a, &n) : getsockname(fd, (struct sockaddr *)&a, &n)) != 0 || a.sin_family != AF_INET) return 0;
    return ntohs(a.sin_port);
}

/* A connection that this listener took: the loops have it among their descriptors by now. */
static int accepted_by(int listener)
{
    for (;;) {
        for (int fd = ROLE_FD_LISTEN; fd < 1024; fd++)
            if (fd != listener && local_port(fd, false) == local_port(listener, false) && local_port(fd, true)) return fd;
        usleep(2000);
    }
}

/* Goes where it should: to the peer of the connection that went along. */
static void reach(FILE *out, uint16_t port, int proof)
{
    int fd, error = -1;
    socklen_t n = sizeof error;
    cimf_status status = ask(port, proof, &fd);
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    if (status == CIMF_OK && poll(&p, 1, 30000) == 1) getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n);
    fprintf(out, "the-peer %s\n", status != CIMF_OK ? cimf_status_name(status) : error ? "LOST" : "OK");
    /* And only there. */
    const struct sockaddr none = { .sa_family = AF_UNSPEC };
    struct sockaddr_in other = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1) };
    if (fd >= 0) {
        connect(fd, &none, sizeof none);
        fprintf(out, "made-another %s\n", connect(fd, (struct sockaddr *)&other, sizeof other) == 0 ? "OK" : "REFUSED");
        close(fd);
    }
}

void attack_connect(void)
{
    /* Listeners come as HTTP, endpoint mapper, WMI. */
    int http = ROLE_FD_LISTEN, wmi = ROLE_FD_LISTEN + 2, pair[2], busy = 0, fd;
    uint16_t port = (uint16_t)atoi(getenv("CIMFONY_ATTACK_PORT"));
    FILE *out = fopen("attempts.part", "w");
    if (!out || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) abort();
    int by_wmi = accepted_by(wmi), by_http = accepted_by(http);
    attempt(out, "no-proof", port, -1);
    attempt(out, "local-socket", port, pair[0]);
    attempt(out, "file", port, STDERR_FILENO);
    attempt(out, "listener", port, wmi);
    attempt(out, "connection-of-another-listener", port, by_http);
    attempt(out, "port-22", 22, by_wmi);
    attempt(out, "port-445", 445, by_wmi);
    attempt(out, "port-0", 0, by_wmi);
    reach(out, port, by_wmi);
    for (int i = 0; i < 2000; i++) busy += ask(1, by_wmi, &fd) == CIMF_SERVER_TOO_BUSY;
    fprintf(out, "scanning %s\n", busy > 1000 ? "SERVER_TOO_BUSY" : "OK");
    fclose(out);
    rename("attempts.part", "attempts");
}
