#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/host_main_priv.h"

extern char **environ;

static cimf_status cannot(struct error *e, int number, const char *what, const char *name)
{
    cimf_status status = number == ENOENT || number == ENOTDIR ? CIMF_NOT_FOUND
                         : number == EACCES || number == EPERM ? CIMF_ACCESS_DENIED
                                                               : CIMF_FAILED;
    error_errno(e, status, "host", number, "cannot use the %s %.200s", what, name);
    error_subject(e, slice_str(name));
    return status;
}

static cimf_status check_folder(const char *folder, struct error *e)
{
    struct stat st;
    if (stat(folder, &st) != 0) return cannot(e, errno, "folder", folder);
    if (!S_ISDIR(st.st_mode)) return cannot(e, ENOTDIR, "folder", folder);
    return access(folder, X_OK) == 0 ? CIMF_OK : cannot(e, errno, "folder", folder);
}

/* What the shell knows without a file. */
static bool is_shell_word(struct slice word)
{
    static const char *const words[] = {
        ".", "alias", "bg", "break", "case", "cd", "command", "continue", "echo", "eval", "exec", "exit", "export", "false", "fg", "for",
        "getopts", "hash", "if", "jobs", "kill", "local", "printf", "pwd", "read", "readonly", "return", "set", "shift", "test", "times",
        "trap", "true", "type", "ulimit", "umask", "unalias", "unset", "until", "wait", "while",
    };
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_is(word, words[i])) return true;
    return false;
}

static int executable(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) return errno;
    if (!S_ISREG(st.st_mode)) return EACCES;
    return access(path, X_OK) == 0 ? 0 : errno;
}

static int find_in_path(struct arena *a, struct slice word)
{
    const char *path = getenv("PATH");
    int number = ENOENT;
    for (struct slice rest = slice_str(path ? path : "/usr/bin:/bin"), folder; rest.p && number;) {
        folder = slice_split(rest, ':', &rest);
        const char *full = arena_printf(a, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(folder), SLICE_ARG(word)).p;
        int this = full ? executable(full) : ENOMEM;
        if (this != ENOENT && this != ENOTDIR) number = this;
    }
    return number;
}

/* A shell starts also when the program does not; so that its absence is an answer, the first word is looked up, where
 * it is a plain one and does not depend on the working folder. */
static cimf_status check_first_word(struct arena *a, struct slice line, struct error *e)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+@%-";
    struct slice word = slice_trim(line);
    size_t n = 0;
    while (n < word.n && strchr(plain, word.p[n])) n++;
    bool ends = n == word.n || strchr(" \t\r\n;|&<>", word.p[n]);
    word.n = n;
    if (!n || !ends || is_shell_word(word)) return CIMF_OK;
    char *name = arena_strz(a, word);
    if (!name) return error_set(e, CIMF_OUT_OF_MEMORY, "host", "no memory for a program");
    bool absolute = name[0] == '/';
    if (!absolute && strchr(name, '/')) return CIMF_OK;
    int number = absolute ? executable(name) : find_in_path(a, word);
    return number ? cannot(e, number, "program", name) : CIMF_OK;
}

static const char **words(struct arena *a, const struct host_job *j)
{
    const char **argv = ARENA_ARRAY(a, (size_t)j->argc + 3, const char *);
    unsigned n = 0;
    if (!argv) return NULL;
    if (j->shell) {
        argv[n++] = "/bin/sh";
        argv[n++] = "-c";
    }
    for (uint32_t i = 0; i < j->argc; i++) argv[n++] = arena_strz(a, j->argv[i]);
    return argv;
}

static bool same_name(const char *variable, struct slice other)
{
    size_t n = slice_find(other, '=') + 1;
    return strncmp(variable, other.p, n) == 0;
}

/* The job's over the process's own; of the same name, the last. */
static const char **environment(struct arena *a, const struct host_job *j)
{
    size_t own = 0, n = 0;
    while (environ[own]) own++;
    const char **env = ARENA_ARRAY(a, own + j->env_count + 1, const char *);
    for (size_t i = 0; env && i < own; i++) {
        bool replaced = false;
        for (uint32_t k = 0; k < j->env_count && !replaced; k++) replaced = same_name(environ[i], j->env[k]);
        if (!replaced) env[n++] = environ[i];
    }
    for (uint32_t i = 0; env && i < j->env_count; i++) {
        bool replaced = false;
        for (uint32_t k = i + 1; k < j->env_count && !replaced; k++) {
            size_t name = slice_find(j->env[i], '=') + 1;
            replaced = slice_starts(j->env[k], slice_head(j->env[i], name));
        }
        if (!replaced) env[n++] = arena_strz(a, j->env[i]);
    }
    return env;
}

cimf_status host_program(struct arena *a, const struct host_job *j, struct process_spec *out, struct error *e)
{
    *out = (struct process_spec){ .argv = words(a, j), .env = environment(a, j) };
    if (j->folder.n) out->folder = arena_strz(a, j->folder);
    if (arena_status(a) != CIMF_OK) return error_set(e, CIMF_OUT_OF_MEMORY, "host", "no memory for a program");
    cimf_status status = out->folder ? check_folder(out->folder, e) : CIMF_OK;
    return status == CIMF_OK && j->shell ? check_first_word(a, j->argv[0], e) : status;
}
