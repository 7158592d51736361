#include "os/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"

static char top[] = "/tmp/cimfony-file-XXXXXX";
static char path_[512];

static const char *in_top(const char *name)
{
    snprintf(path_, sizeof path_, "%s/%s", top, name);
    return path_;
}

static int make_top(void **state) { return mkdtemp(top) ? 0 : -1; }

static void remove_all(const char *folder)
{
    DIR *d = opendir(folder);
    struct dirent *entry;
    while (d && (entry = readdir(d))) {
        char name[1024];
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        snprintf(name, sizeof name, "%s/%s", folder, entry->d_name);
        struct stat st;
        if (lstat(name, &st) == 0 && S_ISDIR(st.st_mode)) {
            remove_all(name);
        } else {
            unlink(name);
        }
    }
    if (d) closedir(d);
    rmdir(folder);
}

static int remove_top(void **state)
{
    remove_all(top);
    return 0;
}

static unsigned entries(void)
{
    DIR *d = opendir(top);
    unsigned n = 0;
    while (readdir(d)) n++;
    closedir(d);
    return n - 2;
}

static void proc_files_have_no_size(void **state)
{
    struct arena a;
    struct slice s;
    struct error e = ERROR_INIT;
    arena_init(&a, 0);
    assert_int_equal(file_read(&a, "/proc/self/status", FILE_SMALL, &s, &e), CIMF_OK);
    assert_true(slice_starts(s, SLICE("Name:")));
    assert_int_equal(s.p[s.n], 0);
    int dir = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(file_read_at(&a, dir, "stat", FILE_SMALL, &s, &e), CIMF_OK);
    assert_int_equal(atoi(s.p), getpid());
    close(dir);
    arena_free(&a);
}

/* Around every step of the reader, below, at and above the cap. */
static void sizes_and_caps(void **state)
{
    static const size_t sizes[] = { 0, 1, 16383, 16384, 16385, 81920, 200000 };
    static char bytes[200000];
    struct error e = ERROR_INIT;
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i * 31 >> 3);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct slice want = slice_of(bytes, sizes[i]), got;
        struct arena a;
        struct buf b;
        const char *path = in_top("sized");
        assert_int_equal(file_replace(path, want, 0600, &e), CIMF_OK);
        arena_init(&a, 0);
        assert_int_equal(file_read(&a, path, FILE_SMALL, &got, &e), CIMF_OK);
        assert_true(slice_eq(got, want));
        if (want.n > 1) {
            assert_int_equal(file_read(&a, path, want.n, &got, &e), CIMF_OK);
            assert_true(slice_eq(got, want));
            assert_int_equal(file_read(&a, path, want.n - 1, &got, &e), CIMF_OUT_OF_MEMORY);
            assert_null(got.p);
            assert_string_equal(e.subject, path);
            buf_init(&b, want.n + 1);
            assert_true(buf_lit(&b, "xx"));
            assert_int_equal(file_read_buf(&b, path, &e), CIMF_OUT_OF_MEMORY);
            assert_true(slice_is(buf_slice(&b), "xx"));
            assert_true(buf_ok(&b));
            buf_cut(&b, 1);
            assert_int_equal(file_read_buf(&b, path, &e), CIMF_OK);
            assert_true(slice_eq(slice_sub(buf_slice(&b), 1), want));
            buf_free(&b);
        }
        arena_free(&a);
        arena_init(&a, 8);
        assert_int_equal(file_read(&a, path, FILE_SMALL, &got, &e), CIMF_OUT_OF_MEMORY);
        arena_free(&a);
    }
}

static void missing_files(void **state)
{
    struct arena a;
    struct slice s;
    struct error e = ERROR_INIT;
    arena_init(&a, 0);
    assert_int_equal(file_read(&a, in_top("absent"), 10, &s, &e), CIMF_NOT_FOUND);
    assert_int_equal(e.native, ENOENT);
    assert_string_equal(e.subject, path_);
    assert_int_equal(file_read(&a, top, 10, &s, &e), CIMF_IO_ERROR); /* a folder */
    assert_int_equal(file_read(&a, in_top("absent"), 10, &s, NULL), CIMF_NOT_FOUND);
    arena_free(&a);
}

static void replacing(void **state)
{
    struct error e = ERROR_INIT;
    struct arena a;
    struct slice s;
    struct stat st;
    char path[512];
    snprintf(path, sizeof path, "%s", in_top("replaced"));
    arena_init(&a, 0);
    unsigned before = entries();
    mode_t mask = umask(077);
    assert_int_equal(file_replace(path, SLICE("one"), 0644, &e), CIMF_OK);
    umask(mask);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644); /* whatever the umask */
    assert_int_equal(file_replace(path, SLICE("two"), 0600, &e), CIMF_OK);
    assert_int_equal(file_read(&a, path, 10, &s, &e), CIMF_OK);
    assert_slice(s, "two");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(file_replace(in_top("no/such"), SLICE("x"), 0600, &e), CIMF_NOT_FOUND);
    assert_int_equal(mkdir(in_top("taken"), 0700), 0);
    assert_int_not_equal(file_replace(in_top("taken"), SLICE("x"), 0600, &e), CIMF_OK);
    assert_int_equal(entries(), before + 2); /* no temporary file stayed */
    int here = open(".", O_RDONLY | O_CLOEXEC);
    assert_int_equal(chdir(top), 0);
    assert_int_equal(file_replace("bare", SLICE("x"), 0600, &e), CIMF_OK);
    assert_int_equal(fchdir(here), 0);
    close(here);
    arena_free(&a);
}

static void folders(void **state)
{
    struct error e = ERROR_INIT;
    struct stat st;
    mode_t mask = umask(077);
    assert_int_equal(file_make_folders(in_top("a//b/c/"), 0750, &e), CIMF_OK);
    umask(mask);
    assert_int_equal(stat(in_top("a/b/c"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0750);
    assert_int_equal(file_make_folders(in_top("a/b/c"), 0700, &e), CIMF_OK);
    assert_int_equal(stat(in_top("a/b/c"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0750); /* what exists is left alone */
    assert_int_equal(file_replace(in_top("plain"), SLICE(""), 0600, &e), CIMF_OK);
    assert_int_equal(file_make_folders(in_top("plain"), 0700, &e), CIMF_ALREADY_EXISTS);
    assert_int_equal(file_make_folders(in_top("plain/x"), 0700, &e), CIMF_NOT_FOUND);
    assert_int_equal(file_make_folders("", 0700, &e), CIMF_NOT_FOUND);
    assert_int_equal(file_make_folders("/", 0700, &e), CIMF_OK);
}

static void locks(void **state)
{
    struct error e = ERROR_INIT;
    int one, two;
    assert_int_equal(file_lock(in_top("lock"), &one, &e), CIMF_OK);
    assert_true(fcntl(one, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(file_lock(in_top("lock"), &two, &e), CIMF_ALREADY_EXISTS);
    assert_int_equal(two, -1);
    assert_non_null(strstr(e.text, "another process"));
    close(one);
    assert_int_equal(file_lock(in_top("lock"), &two, &e), CIMF_OK);
    close(two);
    assert_int_equal(symlink("lock", in_top("link")), 0);
    assert_int_not_equal(file_lock(in_top("link"), &two, &e), CIMF_OK);
}

static void private_files(void **state)
{
    struct error e = ERROR_INIT;
    const char *path = in_top("secret");
    assert_int_equal(file_replace(path, SLICE("s"), 0600, &e), CIMF_OK);
    assert_int_equal(file_check_private(path, getuid(), 0600, &e), CIMF_OK);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(file_check_private(path, getuid(), 0600, &e), CIMF_ACCESS_DENIED);
    assert_non_null(strstr(e.text, "mode 0640"));
    assert_int_equal(file_check_private(path, getuid(), 0640, &e), CIMF_OK);
    if (getuid() == 0) {
        assert_int_equal(chown(path, 12345, 0), 0);
        assert_int_equal(file_check_private(path, 0, 0640, &e), CIMF_ACCESS_DENIED);
        assert_int_equal(file_check_private(path, 12345, 0640, &e), CIMF_OK);
    }
    assert_int_equal(symlink("secret", in_top("to-secret")), 0);
    assert_int_equal(file_check_private(in_top("to-secret"), getuid(), 0777, &e), CIMF_ACCESS_DENIED);
    assert_int_equal(file_check_private(in_top("none"), getuid(), 0600, &e), CIMF_NOT_FOUND);
    assert_int_equal(file_check_private(top, getuid(), 0700, &e), CIMF_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proc_files_have_no_size),
        cmocka_unit_test(sizes_and_caps),
        cmocka_unit_test(missing_files),
        cmocka_unit_test(replacing),
        cmocka_unit_test(folders),
        cmocka_unit_test(locks),
        cmocka_unit_test(private_files),
    };
    return cmocka_run_group_tests(tests, make_top, remove_top);
}
