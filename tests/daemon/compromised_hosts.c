/*
 * What an attacker who owns cimd-core can get from the supervisor: hosts. The names and passwords of accounts are in the
 * environment, as what a spying core has seen of a login: CIMFONY_ATTACK_PASSWORD for alice (a local user), plain (none)
 * and mighty (root). A line each, "name STATUS", goes to the file `attempts`.
 */
#include "compromised.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/role.h"
#include "daemon/role_message.h"

/* --- logging in ---------------------------------------------------------------------------------------- */

struct home {
    struct exec exec; /* first */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    void (*fn)(void *arg);
    void *arg;
};

static bool home_post(struct exec *self, void (*fn)(void *arg), void *arg)
{
    struct home *h = (struct home *)self;
    pthread_mutex_lock(&h->lock);
    h->fn = fn;
    h->arg = arg;
    pthread_cond_signal(&h->wake);
    pthread_mutex_unlock(&h->lock);
    return true;
}

static bool home_here(struct exec *self) { return self == NULL; }

static void on_login(void *arg, cimf_status status, const struct principal *p)
{
    *(const struct principal **)arg = status == CIMF_OK ? p : NULL;
}

static const struct principal *login(struct auth_broker *broker, const char *name)
{
    struct home h = { .exec = { home_post, home_here }, .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER };
    const struct principal *p = NULL;
    const struct auth_password q = { .user = slice_str(name), .password = slice_str(getenv("CIMFONY_ATTACK_PASSWORD")),
                                     .address = SLICE("127.0.0.1"), .scheme = AUTH_BASIC };
    auth_check_password(broker, &q, &h.exec, on_login, &p);
    pthread_mutex_lock(&h.lock);
    while (!h.fn) pthread_cond_wait(&h.wake, &h.lock);
    pthread_mutex_unlock(&h.lock);
    h.fn(h.arg);
    if (!p) abort();
    return p;
}

/* --- asking -------------------------------------------------------------------------------------------- */

static cimf_status ask(const char *id)
{
    static uint32_t number;
    struct role_message m = { .word = ROLE_HOST, .number = ++number }, answer;
    struct error e = ERROR_INIT;
    int fd;
    snprintf(m.id, sizeof m.id, "%s", id);
    if (role_message_send(ROLE_FD_SUPERVISOR, &m, -1, &e) != CIMF_OK) abort();
    do {
        if (role_message_receive(ROLE_FD_SUPERVISOR, &answer, &fd, &e) != CIMF_OK) abort();
    } while (answer.word == ROLE_RELOAD);
    if (answer.word != ROLE_HOSTED || answer.number != number || (answer.status == CIMF_OK) != (fd >= 0)) abort();
    if (fd >= 0) close(fd);
    return (cimf_status)answer.status;
}

/* What is forgotten over there a moment later. */
static cimf_status ask_until_denied(const char *id)
{
    cimf_status status = CIMF_OK;
    for (int i = 0; i < 100 && status != CIMF_ACCESS_DENIED; i++) {
        if (i) usleep(200000);
        status = ask(id);
    }
    return status;
}

static void wait_for(const char *file)
{
    while (access(file, F_OK) != 0) usleep(2000);
}

static void with_accounts(FILE *out, struct auth_broker *broker)
{
    char id[40];
    const struct principal *p = login(broker, "alice"), *plain = login(broker, "plain"), *mighty = login(broker, "mighty");
    snprintf(id, sizeof id, "%s", p->id);
    fprintf(out, "logged-in %s\n", cimf_status_name(ask(id)));
    id[35] = (char)(id[35] == '0' ? '1' : '0');
    fprintf(out, "one-digit-off %s\n", cimf_status_name(ask(id)));
    fprintf(out, "no-local-user %s\n", cimf_status_name(ask(plain->id)));
    fprintf(out, "root %s\n", cimf_status_name(ask(mighty->id)));
    fprintf(out, "again %s\n", cimf_status_name(ask(p->id)));
    close(open("close-alice", O_WRONLY | O_CREAT, 0600));
    wait_for("alice-is-closed");
    fprintf(out, "closed %s\n", cimf_status_name(ask_until_denied(p->id)));
    principal_unref(p);
    principal_unref(plain);
    principal_unref(mighty);
}

void attack_hosts(struct auth_broker *broker)
{
    static const char *const invented[] = { "", "alice", "0", "00000000-0000-0000-0000-000000000000", "S-1-5-32-544",
                                            "ffffffff-ffff-4fff-bfff-ffffffffffff", "................................." };
    FILE *out = fopen("attempts.part", "w");
    if (!out) abort();
    setvbuf(out, NULL, _IOLBF, 0);
    for (unsigned i = 0; i < sizeof invented / sizeof *invented; i++) fprintf(out, "invented-%u %s\n", i, cimf_status_name(ask(invented[i])));
    with_accounts(out, broker);
    int busy = 0;
    for (int i = 0; i < 500; i++) busy += ask("guess") == CIMF_SERVER_TOO_BUSY;
    fprintf(out, "guesses %s\n", busy > 250 ? "SERVER_TOO_BUSY" : "OK");
    fclose(out);
    rename("attempts.part", "attempts");
}

bool attack_supervisor(const char *how)
{
    struct role_message m = { .word = ROLE_HOST, .number = 1 };
    struct error e = ERROR_INIT;
    if (strcmp(how, "descriptor") == 0) {
        role_message_send(ROLE_FD_SUPERVISOR, &m, 0, &e);
    } else if (strcmp(how, "answer") == 0) {
        m.word = ROLE_RESOLVED;
        role_message_send(ROLE_FD_SUPERVISOR, &m, -1, &e);
    } else if (strcmp(how, "deaf") == 0) { /* asks and does not read what it is told */
        for (cimf_status s = CIMF_OK; s == CIMF_OK || s == CIMF_SERVER_TOO_BUSY;) s = role_message_send(ROLE_FD_SUPERVISOR, &m, -1, &e);
    } else {
        return false;
    }
    return true;
}
