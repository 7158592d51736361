/*
 * Kerberos contexts of several threads at once: kerberos_threads KEYTAB CCACHE THREADS ROUNDS. Each thread
 * authenticates, moves the server's context through bytes and protects messages, ROUNDS times. 0: all went well.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "mech/kerberos.h"

static const char *keytab, *ccache;
static int rounds;

static bool protect(struct mech *from, struct mech *to)
{
    unsigned char text[] = "sixteen bytes...", signature[MECH_SIGNATURE_MAX];
    struct mech_part part = { MECH_PART_SEAL, text, sizeof text };
    size_t size = from->ops->signature_size(from, true);
    return mech_seal(from, &part, 1, signature) == CIMF_OK &&
           mech_unseal(to, &part, 1, slice_of((char *)signature, size)) == CIMF_OK &&
           memcmp(text, "sixteen bytes...", sizeof text) == 0;
}

static bool authenticate(struct mech *client, struct mech *server, struct error *e)
{
    struct buf request, reply, nothing;
    buf_init(&request, 0);
    buf_init(&reply, 0);
    buf_init(&nothing, 0);
    bool ok = mech_step(client, SLICE(""), &request, e) == MECH_CONTINUE &&
              mech_step(server, buf_slice(&request), &reply, e) == MECH_COMPLETE &&
              mech_step(client, buf_slice(&reply), &nothing, e) == MECH_COMPLETE;
    buf_free(&request);
    buf_free(&reply);
    buf_free(&nothing);
    return ok && slice_is(server->user, "alice");
}

static bool once(struct error *e)
{
    struct kerberos_client_config c = { .options = { .want = MECH_SIGN | MECH_SEAL }, .ccache = ccache };
    struct kerberos_server_config s = { .options = c.options, .keytab = keytab };
    struct mech *client = NULL, *server = NULL, *moved = NULL;
    struct buf bytes;
    c.options.target = SLICE("HTTP/localhost");
    buf_init(&bytes, 0);
    bool ok = kerberos_client_new(&c, &client, e) == CIMF_OK &&
              kerberos_server_new(&s, &server, e) == CIMF_OK && authenticate(client, server, e) &&
              protect(client, server) && mech_export(server, &bytes, e) == CIMF_OK &&
              mech_import(buf_slice(&bytes), &moved, e) == CIMF_OK && protect(moved, client) &&
              protect(client, moved);
    buf_wipe(&bytes);
    mech_free(client);
    mech_free(server);
    mech_free(moved);
    return ok;
}

static void *run(void *arg)
{
    struct error e = ERROR_INIT;
    for (int i = 0; i < rounds; i++) {
        if (once(&e)) continue;
        fprintf(stderr, "round %d: %s\n", i, error_text(&e));
        return arg;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[64];
    if (argc != 5) return 2;
    keytab = argv[1];
    ccache = argv[2];
    int count = atoi(argv[3]), failed = 0;
    rounds = atoi(argv[4]);
    if (count < 1 || count > 64) return 2;
    for (int i = 0; i < count; i++) {
        if (pthread_create(&threads[i], NULL, run, &failed)) return 2;
    }
    for (int i = 0; i < count; i++) {
        void *result;
        pthread_join(threads[i], &result);
        if (result) failed = 1;
    }
    return failed;
}
