/* Landlock by its system calls: Debian 12 has headers of an older kernel and no library. */
#include "os/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { /* of linux/landlock.h */
    RULE_PATH_BENEATH = 1,
    CREATE_VERSION = 1,
    WRITE_FILE = 1 << 1,
    READ_FILE = 1 << 2,
    READ_DIR = 1 << 3,
    ALL_1 = (1 << 13) - 1,     /* Linux 5.13 */
    REFER = 1 << 13,           /* 5.19 */
    TRUNCATE = 1 << 14,        /* 6.2 */
    IOCTL_DEV = 1 << 15,       /* 6.10 */
    NET_BIND_AND_CONNECT = 3,  /* 6.7 */
    SCOPE_SOCKETS_SIGNALS = 3, /* 6.12 */
};

struct ruleset_attributes {
    uint64_t files, network, scope;
};

struct path_rule {
    uint64_t allowed;
    int32_t fd;
} __attribute__((packed));

static struct ruleset_attributes known_to(int version)
{
    struct ruleset_attributes a = { .files = ALL_1 };
    if (version >= 2) a.files |= REFER;
    if (version >= 3) a.files |= TRUNCATE;
    if (version >= 4) a.network = NET_BIND_AND_CONNECT;
    if (version >= 5) a.files |= IOCTL_DEV;
    if (version >= 6) a.scope = SCOPE_SOCKETS_SIGNALS;
    return a;
}

static int allow(int set, const struct sandbox_tree *tree, uint64_t known)
{
    struct stat st;
    int fd = open(tree->path, O_PATH | O_CLOEXEC);
    if (fd < 0) return 0;
    uint64_t allowed = READ_FILE | READ_DIR;
    if (tree->write) allowed |= known & ~(uint64_t)(1 | 1 << 6 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12 | IOCTL_DEV);
    if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode)) allowed &= READ_FILE | WRITE_FILE | TRUNCATE;
    struct path_rule rule = { .allowed = allowed & known, .fd = fd };
    int number = syscall(SYS_landlock_add_rule, set, RULE_PATH_BENEATH, &rule, 0) == 0 ? 0 : errno;
    close(fd);
    return number;
}

cimf_status sandbox_files(const struct sandbox_tree *trees, unsigned count, int *level, struct error *e)
{
    *level = 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return error_errno(e, CIMF_FAILED, "os", errno, "cannot give up new privileges");
    int version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);
    if (version <= 0) return CIMF_OK; /* not built in, or not switched on */
    struct ruleset_attributes known = known_to(version);
    int set = (int)syscall(SYS_landlock_create_ruleset, &known, version >= 6 ? sizeof known : version >= 4 ? 16 : 8, 0);
    int number = set < 0 ? errno : 0;
    for (unsigned i = 0; i < count && !number; i++) number = allow(set, &trees[i], known.files);
    if (!number && syscall(SYS_landlock_restrict_self, set, 0) != 0) number = errno;
    if (set >= 0) close(set);
    if (number) return error_errno(e, CIMF_FAILED, "os", number, "cannot restrict the files of this process");
    *level = version;
    return CIMF_OK;
}

void sandbox_no_dumps(bool hidden)
{
    const struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
    if (hidden) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
