/*
 * provider/environment.c - Win32_Environment: variables that new sessions or services get, all of
 * the system: /etc/environment (pam_env), environment.d(5), and the environment of the service
 * manager. The first source that has a name counts.
 */
#include "provider/environment.h"

#include "base/map.h"
#include "provider/host.h"
#include "provider/source.h"
#include "provider/systemd.h"
#include "provider/table.h"
#include "provider/text.h"

#define VARIABLES_MAX 2048
#define SYSTEM_USER "<SYSTEM>"

struct variable {
    struct slice name, value;
};

struct variables {
    struct variable *list;
    size_t count;
    struct map seen;
    struct slice only; /* n == 0: all */
};

bool environment_next(struct arena *a, struct slice *rest, struct slice *name, struct slice *value)
{
    struct slice line;
    while (text_line(rest, &line)) {
        line = slice_trim(line);
        if (line.n == 0 || line.p[0] == '#') continue;
        if (slice_starts(line, SLICE("export "))) line = slice_trim(slice_sub(line, 7));
        size_t at = slice_find(line, '=');
        if (at == 0 || at == line.n) continue;
        *name = slice_head(line, at);
        *value = text_unquote(a, slice_sub(line, at + 1));
        return value->p != NULL;
    }
    return false;
}

static void add(struct arena *a, struct variables *v, struct slice name, struct slice value)
{
    name = text_clean(a, name);
    if (v->count == VARIABLES_MAX || name.n == 0 || map_get(&v->seen, name) ||
        (v->only.n && !slice_ieq(name, v->only)) || !map_put(&v->seen, name, v, NULL))
        return;
    v->list[v->count++] = (struct variable){ .name = name, .value = text_clean(a, value) };
}

static void add_file(struct arena *a, struct variables *v, struct slice text)
{
    struct slice name, value;
    while (environment_next(a, &text, &name, &value)) add(a, v, name, value);
}

static bool is_conf(struct slice name)
{
    return name.n > 5 && slice_is(slice_sub(name, name.n - 5), ".conf");
}

/* Later files win over earlier ones in environment.d: read from the end. */
static void add_folder(struct arena *a, struct variables *v, const char *folder)
{
    struct slice *names, text;
    size_t n;
    if (!source_names(a, is_conf, &names, &n, "%s", folder)) return;
    while (n--)
        if (source_read(a, &text, "%s/" SLICE_FMT, folder, SLICE_ARG(names[n])))
            add_file(a, v, text);
}

static cimf_status environment_open(struct provider_call *c, void **state, size_t *rows)
{
    struct variables *v = ARENA_NEW(c->arena, struct variables);
    struct slice text, user, *manager;
    uint32_t n;
    *rows = 0;
    if (!v || !(v->list = ARENA_ARRAY(c->arena, VARIABLES_MAX, struct variable)))
        return CIMF_OUT_OF_MEMORY;
    *state = v;
    if (provider_key_text(c, "UserName", &user) && !slice_ieq(user, SLICE(SYSTEM_USER)))
        return CIMF_OK;
    if (!provider_key_text(c, "Name", &v->only)) v->only = SLICE("");
    map_init(&v->seen, false);
    if (source_read(c->arena, &text, "/etc/environment")) add_file(c->arena, v, text);
    add_folder(c->arena, v, "/etc/environment.d");
    add_folder(c->arena, v, "/run/environment.d");
    add_folder(c->arena, v, "/usr/lib/environment.d");
    if (systemd_environment(c->arena, &manager, &n))
        for (uint32_t i = 0; i < n; i++) {
            struct slice value, name = slice_split(manager[i], '=', &value);
            add(c->arena, v, name, value);
        }
    map_free(&v->seen);
    *rows = v->count;
    return CIMF_OK;
}

static cimf_status environment_fill(struct provider_call *c, void *state, size_t row,
                                    struct cim_instance *out)
{
    const struct variables *v = state;
    const struct variable *x = &v->list[row];
    struct slice caption = arena_printf(c->scratch, SYSTEM_USER "\\" SLICE_FMT, SLICE_ARG(x->name));
    cim_put_str(out, "Name", x->name);
    cim_put_strz(out, "UserName", SYSTEM_USER);
    cim_put_str(out, "VariableValue", x->value);
    cim_put_bool(out, "SystemVariable", true);
    cim_put_str(out, "Caption", caption);
    cim_put_str(out, "Description", caption);
    cim_put_strz(out, "Status", "OK");
    return arena_status(c->scratch);
}

const struct provider_class provider_environment = {
    .ns = "root/cimv2",
    .class_name = "Win32_Environment",
    .flags = PROVIDER_BLOCKING,
    .open = environment_open,
    .fill = environment_fill,
};
