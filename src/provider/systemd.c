#include "provider/systemd.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/map.h"
#include "provider/libsystemd.h"
#include "provider/source.h"
#include "provider/text.h"

#define DESTINATION "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"
#define CALL_TIMEOUT_US 10000000u

static const char *test_address;
static const struct libsystemd *lib; /* while a bus is open */

void systemd_set_address(const char *address)
{
    test_address = address;
}

bool systemd_runs(void)
{
    return test_address || source_exists("/run/systemd/system");
}

static int open_address(sd_bus **out, const char *address)
{
    int e = lib->sd_bus_new(out);
    if (e >= 0) e = lib->sd_bus_set_address(*out, address);
    if (e >= 0) e = lib->sd_bus_start(*out);
    if (e < 0) *out = lib->sd_bus_unref(*out);
    return e;
}

cimf_status systemd_open(struct sd_bus **out, struct error *e)
{
    *out = NULL;
    const struct libsystemd *library = libsystemd();
    if (!library) return error_set(e, CIMF_PROVIDER_FAILURE, "provider", "libsystemd cannot be loaded");
    __atomic_store_n(&lib, library, __ATOMIC_RELAXED);
    int failed = test_address ? open_address(out, test_address) : lib->sd_bus_open_system(out);
    if (failed < 0 && !test_address) /* no message bus: root reaches the manager itself */
        failed = open_address(out, "unix:path=/run/systemd/private");
    if (failed < 0)
        return error_errno(e, CIMF_PROVIDER_FAILURE, "provider", -failed,
                           "cannot reach systemd over D-Bus");
    lib->sd_bus_set_method_call_timeout(*out, CALL_TIMEOUT_US);
    return CIMF_OK;
}

void systemd_close(struct sd_bus *bus)
{
    if (bus) lib->sd_bus_flush_close_unref(bus); /* without a bus the library may not be there */
}

/* "ssh" -> "[sS][sS][hH].service": names compare without case here, patterns of systemd do not. */
static bool pattern_of(struct buf *b, struct slice only)
{
    if (only.n == 0) return buf_str(b, "*" SERVICE_SUFFIX);
    for (size_t i = 0; i < only.n; i++) {
        char c = only.p[i];
        if (c >= 'a' && c <= 'z')
            buf_printf(b, "[%c%c]", c, c - 32);
        else if (c >= 'A' && c <= 'Z')
            buf_printf(b, "[%c%c]", c + 32, c);
        else if (strchr("*?[]\\", c))
            buf_printf(b, "\\%c", c);
        else
            buf_byte(b, c);
    }
    return buf_str(b, SERVICE_SUFFIX);
}

static int call_list(sd_bus *bus, const char *method, const char *pattern, sd_bus_message **reply)
{
    sd_bus_error error = SD_BUS_ERROR_NULL;
    int r = lib->sd_bus_call_method(bus, DESTINATION, MANAGER_PATH, MANAGER, method, &error, reply,
                               "asas", 0, 1, pattern);
    lib->sd_bus_error_free(&error);
    return r;
}

struct listing {
    struct arena *arena;
    struct service_unit *list;
    size_t count, room;
    struct map by_name; /* name -> number + 1 */
};

static struct service_unit *unit_of(struct listing *l, const char *name)
{
    struct slice n = slice_str(name), base = text_base(n);
    size_t at = (size_t)map_get(&l->by_name, base);
    if (at) return &l->list[at - 1];
    if (l->count == l->room) {
        size_t room = l->room ? l->room * 2 : 256;
        struct service_unit *bigger =
            room <= SERVICES_MAX ? ARENA_ARRAY(l->arena, room, struct service_unit) : NULL;
        if (!bigger) return NULL;
        if (l->count) memcpy(bigger, l->list, l->count * sizeof *bigger);
        l->list = bigger;
        l->room = room;
    }
    struct slice copy = arena_dup(l->arena, base);
    if (!copy.p || !map_put(&l->by_name, copy, (void *)(l->count + 1), NULL)) return NULL;
    struct service_unit *u = &l->list[l->count++];
    *u = (struct service_unit){ .name = copy,
                                .description = SLICE(""),
                                .active = SLICE(""),
                                .file_state = SLICE(""),
                                .object = SLICE(""),
                                .path = SLICE("") };
    return u;
}

static int read_units(struct listing *l, sd_bus_message *m)
{
    const char *name, *description, *load, *active, *sub, *following, *object, *job_type, *job;
    uint32_t job_id;
    int r = lib->sd_bus_message_enter_container(m, 'a', "(ssssssouso)");
    while (r >= 0 &&
           (r = lib->sd_bus_message_read(m, "(ssssssouso)", &name, &description, &load, &active, &sub,
                                    &following, &object, &job_id, &job_type, &job)) > 0) {
        if (!strcmp(load, "not-found")) continue; /* only named by others */
        struct service_unit *u = unit_of(l, name);
        if (!u) return -ENOMEM;
        u->description = text_clean(l->arena, slice_str(description));
        u->active = arena_dup(l->arena, slice_str(active));
        u->object = arena_dup(l->arena, slice_str(object));
        if (!strcmp(load, "masked")) u->file_state = SLICE("masked");
    }
    return r;
}

static int read_files(struct listing *l, sd_bus_message *m)
{
    const char *path, *state;
    int r = lib->sd_bus_message_enter_container(m, 'a', "(ss)");
    while (r >= 0 && (r = lib->sd_bus_message_read(m, "(ss)", &path, &state)) > 0) {
        struct slice name = text_base(slice_str(path));
        size_t at = slice_find(name, '@');
        if (!strcmp(state, "alias") || (at + 1 < name.n && name.p[at + 1] == '.')) continue;
        struct service_unit *u = unit_of(l, name.p);
        if (!u) return -ENOMEM;
        u->file_state = arena_dup(l->arena, slice_str(state));
    }
    return r;
}

cimf_status systemd_services(struct sd_bus *bus, struct arena *a, struct slice only,
                             struct service_unit **list, size_t *count, struct error *e)
{
    struct listing l = { .arena = a };
    struct buf pattern;
    sd_bus_message *units = NULL, *files = NULL;
    buf_init(&pattern, 1 << 20);
    map_init(&l.by_name, false);
    int r = pattern_of(&pattern, only) && buf_strz(&pattern) ? 0 : -ENOMEM;
    if (r >= 0) r = call_list(bus, "ListUnitsByPatterns", pattern.p, &units);
    if (r >= 0) r = read_units(&l, units);
    if (r >= 0) r = call_list(bus, "ListUnitFilesByPatterns", pattern.p, &files);
    if (r >= 0) r = read_files(&l, files);
    lib->sd_bus_message_unref(units);
    lib->sd_bus_message_unref(files);
    map_free(&l.by_name);
    buf_free(&pattern);
    *list = l.list;
    *count = l.count;
    if (r == -ENOMEM) return CIMF_OUT_OF_MEMORY;
    if (r < 0)
        return error_errno(e, CIMF_PROVIDER_FAILURE, "provider", -r,
                           "systemd does not list its units");
    return CIMF_OK;
}

/* First command of ExecStart: a(path, argv, ...). */
static int read_command(struct arena *a, sd_bus_message *m, struct slice *out)
{
    char **argv = NULL;
    const char *path;
    struct buf b;
    int r = lib->sd_bus_message_enter_container(m, 'a', "(sasbttttuii)");
    if (r < 0) return r;
    buf_init(&b, 1 << 20);
    for (bool first = true; (r = lib->sd_bus_message_enter_container(m, 'r', "sasbttttuii")) > 0;
         first = false) {
        if ((r = lib->sd_bus_message_read(m, "s", &path)) < 0 ||
            (r = lib->sd_bus_message_read_strv(m, &argv)) < 0 ||
            (r = lib->sd_bus_message_skip(m, "bttttuii")) < 0 ||
            (r = lib->sd_bus_message_exit_container(m)) < 0)
            break;
        if (first) buf_str(&b, path);
        for (char **p = argv; p && *p; p++) {
            if (first && p != argv) buf_printf(&b, " %s", *p); /* argv[0] is the program again */
            free(*p);
        }
        free(argv);
        argv = NULL;
    }
    if (buf_ok(&b) && b.n) *out = text_clean(a, buf_slice(&b));
    buf_free(&b);
    return r < 0 ? r : lib->sd_bus_message_exit_container(m);
}

static int read_text(struct arena *a, sd_bus_message *m, struct slice *out)
{
    const char *text;
    int r = lib->sd_bus_message_read(m, "s", &text);
    if (r >= 0) *out = text_clean(a, slice_str(text));
    return r;
}

static int read_bool(sd_bus_message *m, bool *out)
{
    int v, r = lib->sd_bus_message_read(m, "b", &v);
    if (r >= 0) *out = v != 0;
    return r;
}

/* Array of strings: only whether there is one. */
static int read_any(sd_bus_message *m, bool *out)
{
    const char *text;
    int r = lib->sd_bus_message_enter_container(m, 'a', "s");
    while (r >= 0 && (r = lib->sd_bus_message_read(m, "s", &text)) > 0) *out = true;
    return r < 0 ? r : lib->sd_bus_message_exit_container(m);
}

/* The value of one property when it is one of ours; 0 = skip it. */
static int read_property(struct arena *a, sd_bus_message *m, const char *name, const char *type,
                         struct service_details *d)
{
    static const struct {
        const char *name, *type;
        size_t at;
    } texts[] = {
        { "Description", "s", offsetof(struct service_details, description) },
        { "UnitFileState", "s", offsetof(struct service_details, file_state) },
        { "User", "s", offsetof(struct service_details, user) },
        { "Type", "s", offsetof(struct service_details, type) },
        { "Result", "s", offsetof(struct service_details, result) },
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!strcmp(name, texts[i].name) && !strcmp(type, "s"))
            return read_text(a, m, (struct slice *)((char *)d + texts[i].at)) < 0 ? -EBADMSG : 1;
    int r = 0;
    if (!strcmp(name, "MainPID") && !strcmp(type, "u"))
        r = lib->sd_bus_message_read(m, "u", &d->pid);
    else if (!strcmp(name, "ExecMainStatus") && !strcmp(type, "i"))
        r = lib->sd_bus_message_read(m, "i", &d->status);
    else if (!strcmp(name, "CanStop") && !strcmp(type, "b"))
        r = read_bool(m, &d->can_stop);
    else if ((!strcmp(name, "WantedBy") || !strcmp(name, "RequiredBy")) && !strcmp(type, "as"))
        r = read_any(m, &d->wanted);
    else if (!strcmp(name, "ExecStart") && !strcmp(type, "a(sasbttttuii)"))
        r = read_command(a, m, &d->command);
    else
        return 0;
    return r < 0 ? r : 1;
}

static int read_properties(struct arena *a, sd_bus_message *m, struct service_details *d)
{
    int r = lib->sd_bus_message_enter_container(m, 'a', "{sv}");
    while (r >= 0 && (r = lib->sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
        const char *name, *type;
        if ((r = lib->sd_bus_message_read(m, "s", &name)) < 0 ||
            (r = lib->sd_bus_message_peek_type(m, NULL, &type)) < 0 ||
            (r = lib->sd_bus_message_enter_container(m, 'v', type)) < 0)
            break;
        r = read_property(a, m, name, type, d);
        if (r == 0) r = lib->sd_bus_message_skip(m, type);
        if (r >= 0) r = lib->sd_bus_message_exit_container(m);
        if (r >= 0) r = lib->sd_bus_message_exit_container(m);
    }
    return r;
}

static int get_all(sd_bus *bus, struct arena *a, const char *object, const char *interface,
                   struct service_details *d)
{
    sd_bus_message *reply = NULL;
    sd_bus_error error = SD_BUS_ERROR_NULL;
    int r = lib->sd_bus_call_method(bus, DESTINATION, object, "org.freedesktop.DBus.Properties",
                               "GetAll", &error, &reply, "s", interface);
    lib->sd_bus_error_free(&error);
    if (r >= 0) r = read_properties(a, reply, d);
    lib->sd_bus_message_unref(reply);
    return r;
}

/* Loading a unit that is not in memory reads its file and changes nothing. */
static struct slice load(sd_bus *bus, struct arena *a, struct slice unit)
{
    sd_bus_message *reply = NULL;
    sd_bus_error error = SD_BUS_ERROR_NULL;
    const char *object;
    struct slice out = SLICE("");
    char *name = arena_strz(a, unit);
    int r = name ? lib->sd_bus_call_method(bus, DESTINATION, MANAGER_PATH, MANAGER, "LoadUnit", &error,
                                      &reply, "s", name)
                 : -ENOMEM;
    lib->sd_bus_error_free(&error);
    if (r >= 0 && lib->sd_bus_message_read(reply, "o", &object) > 0)
        out = arena_dup(a, slice_str(object));
    lib->sd_bus_message_unref(reply);
    return out;
}

bool systemd_details(struct sd_bus *bus, struct arena *a, const struct service_unit *unit,
                     unsigned what, struct service_details *out)
{
    memset(out, 0, sizeof *out);
    out->description = out->file_state = out->command = out->user = out->type = out->result =
        SLICE("");
    struct slice object = unit->object.n ? unit->object : load(bus, a, unit->name);
    char *path = object.n ? arena_strz(a, object) : NULL;
    if (!path) return false;
    return (!(what & SYSTEMD_UNIT) ||
            get_all(bus, a, path, "org.freedesktop.systemd1.Unit", out) >= 0) &&
           (!(what & SYSTEMD_SERVICE) ||
            get_all(bus, a, path, "org.freedesktop.systemd1.Service", out) >= 0);
}

bool systemd_environment(struct arena *a, struct slice **list, uint32_t *count)
{
    struct sd_bus *bus;
    sd_bus_error error = SD_BUS_ERROR_NULL;
    char **strings = NULL;
    bool ok = false;
    *count = 0;
    if (!systemd_runs() || (!test_address && !source_is_real()) || systemd_open(&bus, NULL))
        return false;
    if (lib->sd_bus_get_property_strv(bus, DESTINATION, MANAGER_PATH, MANAGER, "Environment", &error,
                                 &strings) >= 0) {
        uint32_t n = 0;
        while (strings && strings[n]) n++;
        *list = ARENA_ARRAY(a, n + 1u, struct slice);
        ok = *list != NULL;
        for (uint32_t i = 0; i < n; i++) {
            if (ok) (*list)[(*count)++] = arena_dup(a, slice_str(strings[i]));
            free(strings[i]);
        }
        free(strings);
    }
    lib->sd_bus_error_free(&error);
    systemd_close(bus);
    return ok && arena_status(a) == CIMF_OK;
}
