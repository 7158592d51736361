/* systemd.c against a manager made of sd-bus itself, on a private socket: no systemd is needed. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "base/test.h"
#include "provider/systemd.h"

struct manager {
    char dir[32], path[64], address[80];
    int listener;
    pthread_t thread;
    atomic_bool stop;
};

static int on_list_units(sd_bus_message *m, void *user, sd_bus_error *error)
{
    sd_bus_message *r = NULL;
    const char *pattern;
    (void)user;
    (void)error;
    sd_bus_message_skip(m, "as");
    sd_bus_message_enter_container(m, 'a', "s");
    sd_bus_message_read(m, "s", &pattern);
    bool all = !strcmp(pattern, "*.service"), web = !strcmp(pattern, "[wW][eE][bB].service");
    sd_bus_message_new_method_return(m, &r);
    sd_bus_message_open_container(r, 'a', "(ssssssouso)");
    if (all || web)
        sd_bus_message_append(r, "(ssssssouso)", "web.service", "Web server", "loaded", "active",
                              "running", "", "/unit/web", 0, "", "/");
    if (all) {
        sd_bus_message_append(r, "(ssssssouso)", "gone.service", "gone.service", "not-found",
                              "inactive", "dead", "", "/unit/gone", 0, "", "/");
        sd_bus_message_append(r, "(ssssssouso)", "broken.service", "Broken", "loaded", "failed",
                              "failed", "", "/unit/broken", 0, "", "/");
    }
    sd_bus_message_close_container(r);
    int e = sd_bus_send(NULL, r, NULL);
    sd_bus_message_unref(r);
    return e < 0 ? e : 1;
}

static int on_list_files(sd_bus_message *m, void *user, sd_bus_error *error)
{
    (void)user;
    (void)error;
    return sd_bus_reply_method_return(m, "a(ss)", 5, "/lib/systemd/system/web.service", "enabled",
                                      "/lib/systemd/system/getty@.service", "enabled",
                                      "/lib/systemd/system/www.service", "alias",
                                      "/lib/systemd/system/idle.service", "disabled",
                                      "/lib/systemd/system/broken.service", "static");
}

static int on_load(sd_bus_message *m, void *user, sd_bus_error *error)
{
    (void)user;
    (void)error;
    return sd_bus_reply_method_return(m, "o", "/unit/idle");
}

static int environment_of(sd_bus *bus, const char *path, const char *interface,
                          const char *property, sd_bus_message *reply, void *user,
                          sd_bus_error *error)
{
    (void)bus;
    (void)path;
    (void)interface;
    (void)property;
    (void)user;
    (void)error;
    return sd_bus_message_append(reply, "as", 2, "LANG=C.UTF-8", "PATH=/bin");
}

static const sd_bus_vtable manager_vtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("ListUnitsByPatterns", "asas", "a(ssssssouso)", on_list_units,
                  SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("ListUnitFilesByPatterns", "asas", "a(ss)", on_list_files,
                  SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("LoadUnit", "s", "o", on_load, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_PROPERTY("Environment", "as", environment_of, 0, 0),
    SD_BUS_VTABLE_END,
};

/* GetAll of /unit/NAME: the same values for each, some that must be skipped among them. */
static int on_unit(sd_bus_message *m, void *user, sd_bus_error *error)
{
    const char *interface;
    sd_bus_message *r = NULL;
    (void)user;
    (void)error;
    if (!sd_bus_message_is_method_call(m, "org.freedesktop.DBus.Properties", "GetAll")) return 0;
    sd_bus_message_read(m, "s", &interface);
    sd_bus_message_new_method_return(m, &r);
    if (strstr(interface, "Unit"))
        sd_bus_message_append(r, "a{sv}", 5, "Id", "s", "x.service", "Description", "s",
                              "From the unit", "UnitFileState", "s", "enabled", "CanStop", "b", 1,
                              "WantedBy", "as", 1, "multi-user.target");
    else
        sd_bus_message_append(r, "a{sv}", 7, "Restart", "s", "no", "MainPID", "u", 4711u,
                              "ExecMainStatus", "i", 3, "Result", "s", "exit-code", "User", "s",
                              "www", "CPUWeight", "t", 1ull, "ExecStart", "a(sasbttttuii)", 1,
                              "/usr/sbin/webd", 3, "webd", "-D", "x y", 0, 1ull, 1ull, 1ull, 1ull,
                              1u, 0, 0);
    int e = sd_bus_send(NULL, r, NULL);
    sd_bus_message_unref(r);
    return e < 0 ? e : 1;
}

static void serve(struct manager *m, int fd)
{
    sd_bus *bus = NULL;
    sd_id128_t id = SD_ID128_MAKE(01, 02, 03, 04, 05, 06, 07, 08, 09, 0a, 0b, 0c, 0d, 0e, 0f, 10);
    sd_bus_new(&bus);
    sd_bus_set_fd(bus, fd, fd);
    sd_bus_set_server(bus, 1, id);
    sd_bus_set_anonymous(bus, 1);
    sd_bus_start(bus);
    sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/systemd1",
                             "org.freedesktop.systemd1.Manager", manager_vtable, NULL);
    sd_bus_add_fallback(bus, NULL, "/unit", on_unit, NULL);
    while (!atomic_load(&m->stop)) {
        int r = sd_bus_process(bus, NULL);
        if (r < 0) break;
        if (r == 0) sd_bus_wait(bus, 20000);
    }
    sd_bus_flush_close_unref(bus);
}

static void *run(void *arg)
{
    struct manager *m = arg;
    while (!atomic_load(&m->stop)) {
        struct pollfd p = { .fd = m->listener, .events = POLLIN };
        if (poll(&p, 1, 20) <= 0) continue;
        int fd = accept4(m->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) serve(m, fd);
    }
    return NULL;
}

static int setup(void **state)
{
    struct manager *m = calloc(1, sizeof *m);
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    strcpy(m->dir, "/tmp/systemd_test.XXXXXX");
    if (!mkdtemp(m->dir)) return -1;
    snprintf(m->path, sizeof m->path, "%s/bus", m->dir);
    snprintf(m->address, sizeof m->address, "unix:path=%s", m->path);
    memcpy(name.sun_path, m->path, strlen(m->path) + 1);
    m->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(m->listener, (struct sockaddr *)&name, sizeof name) || listen(m->listener, 8))
        return -1;
    systemd_set_address(m->address);
    *state = m;
    return pthread_create(&m->thread, NULL, run, m);
}

static int teardown(void **state)
{
    struct manager *m = *state;
    atomic_store(&m->stop, true);
    pthread_join(m->thread, NULL);
    close(m->listener);
    unlink(m->path);
    rmdir(m->dir);
    systemd_set_address(NULL);
    free(m);
    return 0;
}

static const struct service_unit *named(const struct service_unit *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (slice_is(list[i].name, name)) return &list[i];
    return NULL;
}

static void test_list(void **state)
{
    struct arena a;
    struct sd_bus *bus;
    struct service_unit *list;
    size_t n;
    struct error e = ERROR_INIT;
    (void)state;
    arena_init(&a, 0);
    assert_int_equal(systemd_open(&bus, &e), CIMF_OK);
    assert_int_equal(systemd_services(bus, &a, SLICE(""), &list, &n, &e), CIMF_OK);
    assert_int_equal(n, 3); /* not the missing one, the template, the alias */
    assert_slice(named(list, n, "web.service")->description, "Web server");
    assert_slice(named(list, n, "web.service")->active, "active");
    assert_slice(named(list, n, "web.service")->file_state, "enabled");
    assert_slice(named(list, n, "broken.service")->active, "failed");
    assert_slice(named(list, n, "idle.service")->file_state, "disabled");
    systemd_close(bus);
    arena_free(&a);
}

static void test_details(void **state)
{
    struct arena a;
    struct sd_bus *bus;
    struct service_unit loaded = { .name = SLICE("web.service"), .object = SLICE("/unit/web") };
    struct service_unit unloaded = { .name = SLICE("idle.service") };
    struct service_details d;
    (void)state;
    arena_init(&a, 0);
    assert_int_equal(systemd_open(&bus, NULL), CIMF_OK);
    assert_true(systemd_details(bus, &a, &loaded, SYSTEMD_UNIT | SYSTEMD_SERVICE, &d));
    assert_slice(d.description, "From the unit");
    assert_slice(d.file_state, "enabled");
    assert_slice(d.command, "/usr/sbin/webd -D x y");
    assert_slice(d.user, "www");
    assert_slice(d.result, "exit-code");
    assert_int_equal(d.pid, 4711);
    assert_int_equal(d.status, 3);
    assert_true(d.can_stop);
    assert_true(d.wanted);
    assert_true(systemd_details(bus, &a, &unloaded, SYSTEMD_SERVICE, &d));
    assert_int_equal(d.pid, 4711);
    assert_int_equal(d.description.n, 0); /* not asked for */
    systemd_close(bus);
    arena_free(&a);
}

static void test_environment(void **state)
{
    struct arena a;
    struct slice *list;
    uint32_t n;
    (void)state;
    arena_init(&a, 0);
    assert_true(systemd_environment(&a, &list, &n));
    assert_int_equal(n, 2);
    assert_slice(list[0], "LANG=C.UTF-8");
    arena_free(&a);
}

static void test_nobody_there(void **state)
{
    struct sd_bus *bus;
    struct error e = ERROR_INIT;
    (void)state;
    systemd_set_address("unix:path=/nowhere/at/all");
    assert_int_equal(systemd_open(&bus, &e), CIMF_PROVIDER_FAILURE);
    assert_null(bus);
    assert_true(e.text[0] != 0);
    systemd_set_address(NULL);
}

static void test_what_systemctl_says(void **state)
{
    static const struct {
        cimf_status status;
        int exit_code;
        const char *err;
        uint32_t code;
    } cases[] = {
        { CIMF_OK, 0, "", 0 },
        { CIMF_OK, 1, "Failed to start cron.service: Access denied\nSee system logs", 2 },
        { CIMF_OK, 1, "Failed to stop cron.service: Interactive authentication required.", 2 },
        { CIMF_OK, 4, "", 2 },
        { CIMF_OK, 1, "Failed to start a.service: Unit a.service is masked.", 14 },
        { CIMF_OK, 1, "A dependency job for a.service failed. See 'journalctl -xe' for details.", 13 },
        { CIMF_OK, 1, "Job for a.service failed because the control process exited with error code.", 8 },
        { CIMF_TIMED_OUT, 0, "", 7 },
        { CIMF_NOT_FOUND, 0, "", 1 },
        { CIMF_SERVER_TOO_BUSY, 0, "", 8 },
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(service_change_code(cases[i].status, cases[i].exit_code, slice_str(cases[i].err)), cases[i].code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_systemctl_says),
        cmocka_unit_test_setup_teardown(test_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_details, setup, teardown),
        cmocka_unit_test_setup_teardown(test_environment, setup, teardown),
        cmocka_unit_test(test_nobody_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
