/*
 * Our DCE/RPC client for tests in other languages: reads lines until the end of its input, makes all calls of them side by
 * side, answers a line each in the order of the calls.
 *   rpc_tool ADDRESS PORT none|ntlm|spnego|kerberos|spnego-kerberos LEVEL KEY=VALUE...
 *     user domain password | ccache user | target ("HOST/name") max=BYTES of a response
 *   call UUID MAJOR.MINOR OPNUM HEX [OBJECT] -> "ok HEX", "fault XXXXXXXX"
 * Then "level N" with the one in force, or "lost STATUS TEXT".
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mech/kerberos.h"
#include "mech/ntlm.h"
#include "mech/spnego.h"
#include "os/loop.h"
#include "rpc/client.h"

enum { CALLS = 64, LINE = 256 << 10 };

struct asked {
    struct rpc_request r; /* first */
    struct buf stub, answer;
    uint32_t fault;
};
static struct asked asked[CALLS];
static unsigned count, waiting;
static struct loop *loop;
static struct rpc_client *client;
static struct error lost;
static enum rpc_level level_at_end;

static const char *value(char **argv, const char *key)
{
    size_t n = strlen(key);
    for (; *argv; argv++)
        if (strncmp(*argv, key, n) == 0 && (*argv)[n] == '=') return *argv + n + 1;
    return NULL;
}

static struct mech *make_mech(const char *kind, enum rpc_level level, char **argv)
{
    struct mech_options options = { .want = MECH_DCE_STYLE | MECH_MUTUAL | (level >= RPC_LEVEL_PACKET ? MECH_SIGN : 0) |
                                            (level == RPC_LEVEL_PRIVACY ? MECH_SEAL : 0), .target = slice_str(value(argv, "target")) };
    struct mech *m = NULL, *outer = NULL;
    struct error e = ERROR_INIT;
    if (strstr(kind, "kerberos")) {
        struct kerberos_client_config c = { .options = options, .ccache = value(argv, "ccache"), .user = slice_str(value(argv, "user")),
                                            .password = slice_str(value(argv, "password")) };
        if (kerberos_client_new(&c, &m, &e) != CIMF_OK) fprintf(stderr, "%s\n", error_text(&e));
    } else {
        options.want &= ~(uint32_t)(MECH_DCE_STYLE | MECH_MUTUAL);
        struct ntlm_client_config c = { .options = options, .user = slice_str(value(argv, "user")), .domain = slice_str(value(argv, "domain")),
                                        .password = slice_str(value(argv, "password")) };
        if (ntlm_client_new(&c, &m, &e) != CIMF_OK) fprintf(stderr, "%s\n", error_text(&e));
    }
    if (m && strncmp(kind, "spnego", 6) == 0) {
        if (spnego_client_new(&m, 1, &outer, &e) != CIMF_OK) return NULL;
        return outer;
    }
    return m;
}

static void finish(void)
{
    level_at_end = rpc_client_level(client);
    rpc_client_free(client);
    loop_stop(loop);
}

static void on_done(struct rpc_request *r, uint32_t fault, struct slice stub, bool big_endian)
{
    struct asked *a = (struct asked *)r;
    a->fault = fault;
    buf_slice_add(&a->answer, stub);
    if (--waiting == 0 && lost.status == CIMF_OK && fault != RPC_CLIENT_LOST) finish();
}

static void on_lost(void *arg, struct rpc_client *c, const struct error *why)
{
    lost = *why;
    finish();
}

static bool read_call(char *line)
{
    struct asked *a = &asked[count];
    char *save = NULL, *word = strtok_r(line, " \n", &save), *uuid, *version, *opnum, *hex, *object;
    if (!word || strcmp(word, "call") != 0 || count == CALLS) return false;
    uuid = strtok_r(NULL, " \n", &save);
    version = strtok_r(NULL, " \n", &save);
    opnum = strtok_r(NULL, " \n", &save);
    hex = strtok_r(NULL, " \n", &save);
    object = hex ? strtok_r(NULL, " \n", &save) : NULL;
    if (!hex || !guid_parse(slice_str(uuid), &a->r.interface)) return false;
    a->r.has_object = object && guid_parse(slice_str(object), &a->r.object);
    unsigned major = 0, minor = 0, op = 0;
    if (sscanf(version, "%u.%u", &major, &minor) != 2 || sscanf(opnum, "%u", &op) != 1) return false;
    a->r.major = (uint16_t)major;
    a->r.minor = (uint16_t)minor;
    a->r.opnum = (uint16_t)op;
    a->r.done = on_done;
    buf_init(&a->stub, 0);
    buf_init(&a->answer, 0);
    for (unsigned byte; hex[0] && hex[1] && sscanf(hex, "%2x", &byte) == 1; hex += 2) buf_byte(&a->stub, (int)byte);
    a->r.stub = buf_slice(&a->stub);
    count++;
    return true;
}

static void begin(void *arg)
{
    for (unsigned i = 0; i < count; i++) {
        waiting++;
        rpc_client_request(client, &asked[i].r);
    }
}

int main(int argc, char **argv)
{
    static char line[LINE];
    if (argc < 5) return 2;
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2])) };
    const char *kind = argv[3], *max = value(argv, "max");
    struct rpc_client_config config = { .level = (enum rpc_level)atoi(argv[4]), .fd = socket(AF_INET, SOCK_STREAM, 0), .lost = on_lost,
                                        .max_response = max ? (uint32_t)atoi(max) : 0 };
    inet_pton(AF_INET, argv[1], &to.sin_addr);
    if (connect(config.fd, (struct sockaddr *)&to, sizeof to) != 0) return 2;
    fcntl(config.fd, F_SETFL, O_NONBLOCK);
    while (fgets(line, sizeof line, stdin))
        if (!read_call(line)) return 2;
    config.loop = loop = loop_new("rpc", NULL);
    config.type = strncmp(kind, "spnego", 6) == 0 ? RPC_AUTH_SPNEGO : strcmp(kind, "ntlm") == 0 ? RPC_AUTH_NTLM : RPC_AUTH_KERBEROS;
    if (strcmp(kind, "none") != 0) config.initiator = rpc_initiator_mech(make_mech(kind, config.level, argv));
    struct error e = ERROR_INIT;
    if (rpc_client_new(&config, &client, &e) != CIMF_OK) {
        printf("lost %d %s\n", (int)e.status, error_text(&e));
        return 1;
    }
    exec_post(loop_exec(loop), begin, NULL);
    loop_run(loop);
    loop_free(loop);
    for (unsigned i = 0; i < count; i++) {
        if (asked[i].fault) printf("fault %08x", asked[i].fault);
        else printf("ok ");
        for (size_t k = 0; !asked[i].fault && k < asked[i].answer.n; k++) printf("%02x", (unsigned char)asked[i].answer.p[k]);
        printf("\n");
        buf_free(&asked[i].stub);
        buf_free(&asked[i].answer);
    }
    if (lost.status) printf("lost %d %s\n", (int)lost.status, error_text(&lost));
    else printf("level %d\n", (int)level_at_end);
    return 0;
}
