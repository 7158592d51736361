/* The session: password from standard input, the environment or a prompt. */
#define _XOPEN_SOURCE 700
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli.h"

enum { PASSWORD_MAX = 4096 };

static void wipe(char *p, size_t n)
{
    volatile char *v = p;
    while (n--) *v++ = 0;
}

/* One line without its end. */
static bool read_line(FILE *in, char *out)
{
    if (!fgets(out, PASSWORD_MAX, in)) return false;
    out[strcspn(out, "\r\n")] = 0;
    return true;
}

/* From the terminal itself, so that standard input may be anything. */
static bool prompt(const struct cli *c, cimf_str user, char *out)
{
    FILE *tty = fopen("/dev/tty", "r+e");
    struct termios old, quiet;
    if (!tty) return false;
    fprintf(tty, "Password of %.*s for %s: ", (int)user.n, user.p, c->operands[0]);
    fflush(tty);
    bool echo = tcgetattr(fileno(tty), &old) == 0;
    if (echo) {
        quiet = old;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(fileno(tty), TCSAFLUSH, &quiet);
    }
    bool ok = read_line(tty, out);
    if (echo) tcsetattr(fileno(tty), TCSAFLUSH, &old);
    fputc('\n', tty);
    fclose(tty);
    return ok;
}

static int find_password(struct cli *c, cimf_str user)
{
    const char *environment = getenv("CIM_PASSWORD");
    c->password = calloc(1, PASSWORD_MAX);
    if (!c->password) return cli_no_memory(c);
    if (c->password_stdin) {
        if (!read_line(stdin, c->password)) return cli_failed_usage(c, "--password-stdin, but standard input is empty");
    } else if (environment) {
        if (strlen(environment) >= PASSWORD_MAX) return cli_failed_usage(c, "CIM_PASSWORD is too long");
        strcpy(c->password, environment);
    } else if (!prompt(c, user, c->password)) {
        return cli_failed_usage(c, "a password is needed: set CIM_PASSWORD, or pass --password-stdin");
    }
    c->options.password = cimf_str_of(c->password);
    return 0;
}

int cli_connect(struct cli *c)
{
    cimf_error e;
    cimf_str user = c->options.user;
    if (!user.n && cimf_url_user(cli_operand(c, 0), &user, &e) != CIMF_OK) return cli_failed(c, &e);
    /* What is refused is refused before anybody types a password. A ticket makes one unnecessary; one that was
     * given anyhow is taken along. */
    bool needed = false;
    if (cimf_session_needs_password(cli_operand(c, 0), &c->options, &needed, &e) != CIMF_OK) return cli_failed(c, &e);
    if (user.n && (needed || c->password_stdin || getenv("CIM_PASSWORD"))) {
        int code = find_password(c, user);
        if (code) return code;
    } else if (c->password_stdin) {
        return cli_failed_usage(c, "--password-stdin needs a user: -u NAME or in the URL");
    }
    if (cimf_session_open(cli_operand(c, 0), &c->options, &c->session, &e) != CIMF_OK) return cli_failed(c, &e);
    return 0;
}

void cli_disconnect(struct cli *c)
{
    cimf_session_free(c->session);
    c->session = NULL;
    if (c->password) wipe(c->password, PASSWORD_MAX);
    free(c->password);
    c->password = NULL;
}
