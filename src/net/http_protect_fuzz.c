/* Any bytes as a protected body of a connection whose keys are known. First byte: what the content type says. */
#include <stdlib.h>

#include "net/http_protect.h"
#include "net/http_protect_pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {
        "multipart/encrypted;protocol=\"application/HTTP-SPNEGO-session-encrypted\";boundary=\"Encrypted Boundary\"",
        "multipart/encrypted;protocol=\"application/HTTP-Kerberos-session-encrypted\";boundary=\"Encrypted Boundary\"",
        "multipart/x-multi-encrypted;protocol=\"application/HTTP-SPNEGO-session-encrypted\"",
        "multipart/encrypted",
    };
    struct mech *client;
    struct http_protect p = { .kind = HTTP_PROTECT_SPNEGO };
    struct slice text, original;
    struct error e = ERROR_INIT;
    struct arena a;
    if (size < 1) return 0;
    http_protect_pair(&client, &p.mech);
    mech_free(client);
    arena_init(&a, 1 << 20);
    if (data[0] & 4) p.kind = HTTP_PROTECT_KERBEROS;
    char *body = malloc(size);
    if (!body) abort();
    memcpy(body, data + 1, size - 1);
    if (http_protect_open(&p, &a, slice_str(types[data[0] & 3]), body, size - 1, &text, &original, &e) == CIMF_OK) {
        if (text.p[text.n] != 0 || original.n > size) abort();
    } else if (!e.text[0]) {
        abort();
    }
    free(body);
    arena_free(&a);
    mech_free(p.mech);
    return 0;
}
