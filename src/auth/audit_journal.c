/*
 * The journal's native protocol: datagrams of KEY=value lines; a value with line ends is written as key,
 * line end, 64-bit little-endian length, bytes. By hand, as libsystemd opens its socket at the first use, and
 * the process that denies access may then open none any more.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "auth/audit_priv.h"

int journal_open(const char *path)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof to.sun_path || access(path, F_OK) != 0) return -1;
    memcpy(to.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0) return fd;
    close(fd);
    return -1;
}

bool journal_field(struct buf *out, const char *key, struct slice value)
{
    if (!value.n || !memchr(value.p, '\n', value.n))
        return buf_str(out, key) && buf_byte(out, '=') && buf_slice_add(out, value) && buf_byte(out, '\n');
    unsigned char length[8];
    for (int i = 0; i < 8; i++) length[i] = (unsigned char)((uint64_t)value.n >> (8 * i));
    return buf_str(out, key) && buf_byte(out, '\n') && buf_add(out, length, 8) && buf_slice_add(out, value) &&
           buf_byte(out, '\n');
}

bool journal_send(int fd, struct slice message)
{
    ssize_t n;
    do n = send(fd, message.p, message.n, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)message.n;
}
