#include "daemon/role_message.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

cimf_status role_message_read(struct slice packet, struct role_message *out, struct error *e)
{
    struct role_message m;
    if (packet.n != sizeof m) return error_set(e, CIMF_PROTOCOL_ERROR, "cimd", "a packet of %zu bytes between processes", packet.n);
    memcpy(&m, packet.p, sizeof m);
    if (m.word == ROLE_WORD_NONE || m.word >= ROLE_WORD_COUNT)
        return error_set(e, CIMF_PROTOCOL_ERROR, "cimd", "an unknown word between processes: %u", m.word);
    bool texts = memchr(m.id, 0, sizeof m.id) && memchr(m.name, 0, sizeof m.name) && memchr(m.sid, 0, sizeof m.sid);
    if (!texts || m.status > 0 || m.status <= -CIMF_STATUS_COUNT)
        return error_set(e, CIMF_PROTOCOL_ERROR, "cimd", "a malformed packet between processes");
    *out = m;
    return CIMF_OK;
}

cimf_status role_message_send(int socket, const struct role_message *m, int fd, struct error *e)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct iovec part = { (void *)(uintptr_t)m, sizeof *m };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    if (fd >= 0) {
        message.msg_control = control.room;
        message.msg_controllen = sizeof control.room;
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    ssize_t n;
    do n = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT); while (n < 0 && errno == EINTR);
    if (n == (ssize_t)sizeof *m) return CIMF_OK;
    cimf_status status = n < 0 && (errno == EAGAIN || errno == ENOBUFS) ? CIMF_SERVER_TOO_BUSY : CIMF_CONNECTION_LOST;
    return error_errno(e, status, "cimd", errno, "cannot speak to another process of the daemon");
}

/* The one descriptor; any more are closed, and the packet is refused. */
static bool take_descriptor(struct msghdr *message, int *fd)
{
    bool ok = !(message->msg_flags & MSG_CTRUNC);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int got;
            memcpy(&got, CMSG_DATA(c) + i * sizeof got, sizeof got);
            if (ok && *fd < 0) *fd = got;
            else {
                close(got);
                ok = false;
            }
        }
    }
    return ok;
}

cimf_status role_message_receive(int socket, struct role_message *m, int *fd, struct error *e)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(4 * sizeof(int))];
    } control;
    char packet[sizeof *m + 1]; /* one more: a longer one shows */
    struct iovec part = { packet, sizeof packet };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room };
    ssize_t n;
    *fd = -1;
    do n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC); while (n < 0 && errno == EINTR);
    if (n <= 0) return error_errno(e, CIMF_CONNECTION_LOST, "cimd", n ? errno : ECONNRESET, "another process of the daemon has ended");
    cimf_status status = take_descriptor(&message, fd) ? role_message_read(slice_of(packet, (size_t)n), m, e)
                                                       : error_set(e, CIMF_PROTOCOL_ERROR, "cimd", "too many descriptors in a packet");
    if (status != CIMF_OK && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    return status;
}
