/* clang-format off */
#include "base/test.h"

/* clang-format on */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/role_message.h"

static void pair(int fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
}

static void test_words_and_descriptors_arrive(void **state)
{
    int fds[2], fd, null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct role_message m = { .word = ROLE_RELOAD }, got;
    pair(fds);
    assert_int_equal(role_message_send(fds[0], &m, -1, NULL), CIMF_OK);
    assert_int_equal(role_message_send(fds[0], &m, null, NULL), CIMF_OK);
    assert_int_equal(role_message_receive(fds[1], &got, &fd, NULL), CIMF_OK);
    assert_int_equal(got.word, ROLE_RELOAD);
    assert_int_equal(fd, -1);
    assert_int_equal(role_message_receive(fds[1], &got, &fd, NULL), CIMF_OK);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
    close(null);
    close(fds[0]);
    assert_int_equal(role_message_receive(fds[1], &got, &fd, NULL), CIMF_CONNECTION_LOST);
    close(fds[1]);
}

static int descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 256; fd++) n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void test_bad_packets_are_refused_and_leave_nothing(void **state)
{
    int fds[2], fd, three[3] = { 0, 0, 0 };
    struct role_message m = { .word = ROLE_WORD_COUNT }, got;
    char longer[sizeof m + 8] = { ROLE_STOP };
    pair(fds);
    int before = descriptors();
    assert_int_equal(role_message_send(fds[0], &m, 0, NULL), CIMF_OK);
    assert_int_equal(role_message_receive(fds[1], &got, &fd, NULL), CIMF_PROTOCOL_ERROR);
    assert_int_equal(fd, -1);
    for (size_t n = 1; n <= sizeof longer; n++) {
        if (n == sizeof m) continue;
        assert_int_equal(send(fds[0], longer, n, 0), (ssize_t)n);
        assert_int_equal(role_message_receive(fds[1], &got, &fd, NULL), CIMF_PROTOCOL_ERROR);
    }
    m.word = ROLE_STOP;
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof three)];
    } control = { 0 };
    struct iovec part = { &m, sizeof m };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room };
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof three);
    memcpy(CMSG_DATA(c), three, sizeof three);
    assert_int_equal(sendmsg(fds[0], &message, 0), (ssize_t)sizeof m);
    assert_int_equal(role_message_receive(fds[1], &got, &fd, NULL), CIMF_PROTOCOL_ERROR);
    assert_int_equal(fd, -1);
    assert_int_equal(descriptors(), before);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_and_descriptors_arrive),
        cmocka_unit_test(test_bad_packets_are_refused_and_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
