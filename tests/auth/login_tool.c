/*
 * One login by a mechanism of several legs: our client against the broker, through its stand-in over a socket, as
 * cimd-core has it. For tests with a real KDC.
 *   login_tool accounts=PATH mechanism=negotiate|kerberos|ntlm [service=rpc] [keytab= ccache= target=]
 *     [user= password= (NTLM)] [admin=GROUP] [level=none|relaxed|strict] [server=, client=: bindings] [more=: hash]
 * Prints "status=.. mechanism=.. name=.. domain=.. sid=.. administrator=.. posix=.. bound=.. sealed=.." and ends 0
 * when the login succeeded.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/access.h"
#include "auth/broker.h"
#include "base/buf.h"
#include "base/log.h"
#include "mech/kerberos.h"
#include "mech/ntlm.h"
#include "mech/spnego.h"
#include "os/pool.h"

static char **words;
static struct auth_broker *real;
static int broker_fd;

static const char *value(const char *key)
{
    size_t n = strlen(key);
    for (char **at = words; *at; at++)
        if (strncmp(*at, key, n) == 0 && (*at)[n] == '=') return *at + n + 1;
    return NULL;
}
static struct slice text(const char *key) { return slice_str(value(key) ? value(key) : ""); }
static bool is(const char *key, const char *word) { return slice_is(text(key), word); }

static void *serve(void *arg)
{
    auth_broker_serve(real, broker_fd, NULL);
    return NULL;
}

static struct mech *client_new(void)
{
    struct mech_options o = { .want = MECH_SIGN | MECH_SEAL, .target = text("target"), .bindings = text("client") };
    struct mech *m[2];
    size_t count = 0;
    if (value("ccache")) {
        struct kerberos_client_config c = { .options = o, .ccache = value("ccache") };
        if (kerberos_client_new(&c, &m[count], NULL) == CIMF_OK) count++;
    }
    if (value("user")) {
        struct ntlm_client_config c = { .options = o, .user = text("user"), .password = text("password") };
        if (ntlm_client_new(&c, &m[count], NULL) == CIMF_OK) count++;
    }
    if (count == 0) return NULL;
    if (!is("mechanism", "negotiate")) return m[0];
    struct mech *outer;
    return spnego_client_new(m, count, &outer, NULL) == CIMF_OK ? outer : NULL;
}

/* What the last answer was. */
static struct {
    sem_t there;
    enum mech_result result;
    cimf_status status;
    struct buf token;
    const struct principal *principal;
    struct mech *context;
    const char *mechanism;
} last;

static void on_answer(void *arg, const struct auth_exchange_answer *a)
{
    last.result = a->result;
    last.status = a->status;
    buf_clear(&last.token);
    buf_slice_add(&last.token, a->token);
    last.principal = a->principal;
    last.context = a->context;
    last.mechanism = a->mechanism;
    sem_post(&last.there);
}

static bool sealed(struct mech *from, struct mech *to)
{
    unsigned char bytes[] = "some text", signature[MECH_SIGNATURE_MAX];
    struct mech_part part = { MECH_PART_SEAL, bytes, sizeof bytes };
    size_t n = 0, padding = 0;
    mech_seal_sizes(from, sizeof bytes, &n, &padding);
    return padding == 0 && mech_seal(from, &part, 1, signature) == CIMF_OK && strcmp((char *)bytes, "some text") != 0 &&
           mech_unseal(to, &part, 1, slice_of((char *)signature, n)) == CIMF_OK && strcmp((char *)bytes, "some text") == 0;
}

static void talk(struct auth_broker *b, struct mech *client, struct exec *home)
{
    char more[256] = "";
    struct auth_exchange_config c = {
        .mechanism = is("mechanism", "kerberos") ? AUTH_MECH_KERBEROS : is("mechanism", "ntlm") ? AUTH_MECH_NTLM
                                                                                                : AUTH_MECH_NEGOTIATE,
        .service = is("service", "rpc") ? AUTH_SERVICE_RPC : AUTH_SERVICE_HTTP,
        .want = MECH_SIGN | MECH_SEAL, .bindings = text("server"), .address = SLICE("192.0.2.1"),
    };
    if (value("more") && text("more").n < sizeof more - 1) {
        more[0] = (char)text("more").n;
        memcpy(more + 1, text("more").p, text("more").n);
        c.more_bindings = slice_of(more, text("more").n + 1);
    }
    struct auth_exchange *x;
    struct buf token;
    buf_init(&token, 0);
    last.status = CIMF_FAILED;
    enum mech_result mine = mech_step(client, SLICE(""), &token, NULL);
    if (mine == MECH_FAILED || auth_exchange_new(b, &c, home, &x, NULL) != CIMF_OK) return;
    do {
        auth_exchange_step(x, buf_slice(&token), on_answer, NULL);
        sem_wait(&last.there);
        buf_clear(&token);
        if (last.token.n && client->state == MECH_RUNNING) mine = mech_step(client, buf_slice(&last.token), &token, NULL);
    } while (last.result == MECH_CONTINUE && mine != MECH_FAILED);
    auth_exchange_free(x);
    buf_free(&token);
}

int main(int argc, char **argv)
{
    int fds[2];
    pthread_t server;
    struct auth_broker *b;
    const char *admins[] = { NULL, NULL };
    words = argv + 1;
    log_set_level(LOG_ERROR_);
    admins[0] = value("admin") ? value("admin") : "administrators";
    struct pool *pool = pool_new("work", 2, 0, NULL);
    struct auth_broker_config c = {
        .accounts_path = value("accounts"), .pool = pool_exec(pool), .ntlm = true, .kerberos = true,
        .keytab = value("keytab"), .admin_groups = admins,
        .binding_level = is("level", "strict") ? MECH_BINDING_STRICT : is("level", "none") ? MECH_BINDING_NONE
                                                                                           : MECH_BINDING_RELAXED,
    };
    sem_init(&last.there, 0, 0);
    buf_init(&last.token, 0);
    struct mech *client = client_new();
    if (!client || auth_broker_new(&c, &real, NULL) != CIMF_OK ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
        return 2;
    broker_fd = fds[0];
    if (pthread_create(&server, NULL, serve, NULL) != 0 || auth_broker_connect(fds[1], &b, NULL) != CIMF_OK) return 2;
    talk(b, client, NULL);
    bool ok = last.status == CIMF_OK && last.principal;
    printf("status=%s", cimf_status_name(last.status));
    if (ok) {
        const struct principal *p = last.principal;
        printf(" mechanism=%s name=" SLICE_FMT " domain=" SLICE_FMT " sid=%s administrator=%d posix=%d bound=%d sealed=%d",
               last.mechanism, SLICE_ARG(p->name), SLICE_ARG(p->domain), p->sid, p->administrator, p->has_posix,
               (last.context->flags & MECH_BOUND) != 0, sealed(client, last.context) && sealed(last.context, client));
        bool out = auth_resolve(real, slice_str(p->id)) != NULL;
        printf(" resolved=%d", out);
    }
    printf("\n");
    fflush(stdout);
    _exit(ok ? 0 : 1); /* what is still open does not matter any more */
}
