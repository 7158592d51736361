#include "provider/unitfiles.h"

#include <limits.h>
#include <stdlib.h>

#include "provider/source.h"
#include "provider/text.h"

/* First folder wins. */
static const char *const folders[] = {
    "/etc/systemd/system",     "/run/systemd/system", "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system", "/lib/systemd/system",
};
#define FOLDERS (sizeof folders / sizeof folders[0])

static bool is_service(struct slice name)
{
    struct slice suffix = SLICE(SERVICE_SUFFIX);
    size_t at = slice_find(name, '@');
    return name.n > suffix.n && slice_eq(slice_sub(name, name.n - suffix.n), suffix) &&
           !(at + 1 < name.n && name.p[at + 1] == '.');
}

static bool is_wants(struct slice name)
{
    struct slice a = SLICE(".wants"), b = SLICE(".requires");
    return (name.n > a.n && slice_eq(slice_sub(name, name.n - a.n), a)) ||
           (name.n > b.n && slice_eq(slice_sub(name, name.n - b.n), b));
}

static bool known(const struct service_unit *list, size_t n, struct slice name)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(list[i].name, name)) return true;
    return false;
}

/* A link to a unit of another name is an alias of that one; a link to /dev/null is a mask. */
static bool look(struct arena *a, const char *folder, struct slice name, struct service_unit *u)
{
    struct slice target;
    *u = (struct service_unit){ .name = name,
                                .description = SLICE(""),
                                .active = SLICE("inactive"),
                                .file_state = SLICE(""),
                                .object = SLICE("") };
    u->path = arena_printf(a, "%s/" SLICE_FMT, folder, SLICE_ARG(name));
    if (!source_link(a, &target, SLICE_FMT, SLICE_ARG(u->path))) return true;
    if (slice_is(target, "/dev/null"))
        u->file_state = SLICE("masked");
    else if (!slice_eq(text_base(target), name))
        return false;
    return true;
}

/* Links in folders "X.wants" and "X.requires": those of /etc were made by an administrator. */
static void mark_wanted(struct arena *a, const char *folder, bool enabled,
                        struct service_unit *list, size_t count)
{
    struct slice *dirs, *names;
    size_t n, m;
    if (!source_names(a, is_wants, &dirs, &n, "%s", folder)) return;
    for (size_t i = 0; i < n; i++) {
        if (!source_names(a, is_service, &names, &m, "%s/" SLICE_FMT, folder, SLICE_ARG(dirs[i])))
            continue;
        for (size_t j = 0; j < m; j++)
            for (size_t k = 0; k < count; k++)
                if (slice_eq(names[j], list[k].name) && list[k].file_state.n == 0)
                    list[k].file_state = enabled ? SLICE("enabled") : SLICE("static-wanted");
    }
}

bool unitfiles_services(struct arena *a, struct slice only, struct service_unit **list,
                        size_t *count)
{
    struct service_unit *all = NULL;
    size_t n = 0, room = 0;
    for (size_t f = 0; f < FOLDERS; f++) {
        struct slice *names;
        size_t m;
        if (!source_names(a, is_service, &names, &m, "%s", folders[f]) || m == 0) continue;
        room = n + m;
        struct service_unit *bigger = ARENA_ARRAY(a, room, struct service_unit);
        if (!bigger) return false;
        if (n) memcpy(bigger, all, n * sizeof *all);
        all = bigger;
        for (size_t i = 0; i < m && n < SERVICES_MAX; i++)
            if (!known(all, n, names[i]) && look(a, folders[f], names[i], &all[n])) n++;
    }
    for (size_t f = 0; f < FOLDERS; f++) mark_wanted(a, folders[f], f == 0, all, n);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (only.n == 0 || slice_ieq(service_short_name(all[i].name), only)) all[kept++] = all[i];
    *list = all;
    *count = kept;
    return true;
}

/* "-@:+!" before a program change how it is started, not what. */
static struct slice plain_command(struct arena *a, struct slice s)
{
    while (s.n && strchr("-@:+!|", s.p[0])) s = slice_sub(s, 1);
    return text_clean(a, s);
}

bool unitfiles_details(struct arena *a, const struct service_unit *unit,
                       struct service_details *out)
{
    struct slice text, line, section = SLICE("");
    bool has_install = false;
    memset(out, 0, sizeof *out);
    out->description = out->command = out->user = out->type = out->result = SLICE("");
    out->file_state = unit->file_state;
    if (slice_is(unit->file_state, "masked")) return true;
    if (!source_read(a, &text, SLICE_FMT, SLICE_ARG(unit->path))) return false;
    while (text_line(&text, &line)) {
        line = slice_trim(line);
        if (line.n == 0 || line.p[0] == '#' || line.p[0] == ';') continue;
        if (line.p[0] == '[') {
            section = line;
            has_install |= slice_is(line, "[Install]");
            continue;
        }
        struct slice value, key = slice_trim(slice_split(line, '=', &value));
        value = slice_trim(value);
        if (slice_is(section, "[Unit]") && slice_is(key, "Description"))
            out->description = text_clean(a, value);
        if (!slice_is(section, "[Service]")) continue;
        if (slice_is(key, "ExecStart") && out->command.n == 0)
            out->command = plain_command(a, value);
        if (slice_is(key, "User")) out->user = text_clean(a, value);
        if (slice_is(key, "Type")) out->type = text_clean(a, value);
    }
    if (out->file_state.n == 0) out->file_state = has_install ? SLICE("disabled") : SLICE("static");
    if (slice_is(out->file_state, "static-wanted")) {
        out->file_state = SLICE("static");
        out->wanted = true;
    }
    return arena_status(a) == CIMF_OK;
}

bool unitfiles_processes(struct arena *a, struct unitfiles_process_list *out)
{
    struct slice *names;
    size_t n;
    memset(out, 0, sizeof *out);
    if (!source_names(a, source_is_number, &names, &n, "/proc")) return arena_status(a) == CIMF_OK;
    out->process = ARENA_ARRAY(a, n + 1, struct unitfiles_process);
    if (!out->process) return false;
    for (size_t i = 0; i < n; i++) {
        struct unitfiles_process *p = &out->process[out->count];
        uint64_t pid;
        if (!text_u64(names[i], &pid) || pid > INT32_MAX ||
            !source_read(a, &p->cmdline, "/proc/" SLICE_FMT "/cmdline", SLICE_ARG(names[i])) ||
            p->cmdline.n == 0)
            continue;
        p->pid = (uint32_t)pid;
        if (!source_link(a, &p->exe, "/proc/" SLICE_FMT "/exe", SLICE_ARG(names[i])))
            p->exe = SLICE("");
        out->count++;
    }
    return true;
}

/* Programs that run whatever their arguments say. */
static bool is_generic(struct slice program)
{
    static const char names[] =
        "sh bash dash zsh env python python3 perl ruby node java php mono dotnet "
        "systemctl true false sleep echo";
    struct slice base = text_base(program), rest = slice_str(names);
    for (struct slice w = text_word(&rest); w.n; w = text_word(&rest))
        if (slice_eq(w, base)) return true;
    return slice_starts(base, SLICE("python3."));
}

/* The arguments of a process are those of the command, as far as no variable stands in it; with `whole` it has no more
 * of them: /bin/bash alone is not every script. */
static bool same_arguments(struct slice command, struct slice cmdline, bool whole)
{
    for (struct slice want = text_word(&command); want.n; want = text_word(&command)) {
        if (slice_find(want, '$') < want.n || slice_find(want, '%') < want.n || want.p[0] == '"' ||
            want.p[0] == '\'')
            return true;
        struct slice have = slice_head(cmdline, slice_find(cmdline, 0));
        if (!slice_eq(want, have)) return false;
        cmdline = slice_sub(cmdline, have.n + 1);
    }
    return !whole || cmdline.n == 0;
}

uint32_t unitfiles_running(struct arena *a, const struct unitfiles_process_list *list,
                           struct slice command)
{
    struct slice rest = command, program = text_word(&rest), real = program;
    char path[PATH_MAX], target[PATH_MAX];
    if (program.n == 0) return 0;
    if (source_is_real() && source_path(path, sizeof path, SLICE_FMT, SLICE_ARG(program)) &&
        realpath(path, target))
        real = arena_dup(a, slice_str(target));
    bool generic = is_generic(program);
    for (size_t i = 0; i < list->count; i++) {
        const struct unitfiles_process *p = &list->process[i];
        if (!generic && p->exe.n && (slice_eq(p->exe, real) || slice_eq(p->exe, program)))
            return p->pid;
        if (same_arguments(command, p->cmdline, generic)) return p->pid;
        /* a script: the interpreter is the first argument */
        struct slice tail = slice_sub(p->cmdline, slice_find(p->cmdline, 0) + 1);
        if (!generic && tail.n && same_arguments(command, tail, false)) return p->pid;
    }
    return 0;
}
