/* Any bytes as a server's reply. First byte: step. */
#include <stdlib.h>

#include "net/http_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_client *c;
    struct error e = ERROR_INIT;
    if (size < 1 || http_client_new("h", 80, NULL, NULL, &c, &e) != CIMF_OK) return 0;
    size_t step = data[0] ? data[0] : 1 << 20;
    if (http_client_send(c, HTTP_POST, SLICE("/wsman"), NULL, 0, SLICE("x"), &e) != CIMF_OK) abort();
    http_client_wrote(c, 1 << 20);
    cimf_status status = CIMF_OK;
    for (size_t at = 1; at < size && status == CIMF_OK; at += step) {
        size_t n = size - at < step ? size - at : step;
        char *exact = malloc(n);
        if (!exact) abort();
        memcpy(exact, data + at, n);
        status = http_client_input(c, slice_of(exact, n), &e);
        free(exact);
    }
    if (status == CIMF_OK) http_client_input(c, SLICE(""), &e);
    const struct http_client_reply *r = http_client_reply(c);
    if (r && (r->status < 200 || r->body.p[r->body.n] != 0)) abort();
    http_client_reply_clear(c);
    http_client_free(c);
    return 0;
}
