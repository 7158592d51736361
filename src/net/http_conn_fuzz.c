/* A server connection: any bytes, in pieces whose sizes the input chooses, with the end of input, time and
 * late answers mixed in. First byte: mode and step. */
#include "base/log.h"
#include "net/http_conn_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void answer_held(struct harness *h, unsigned how)
{
    struct http_request *r = h->held;
    struct slice part = SLICE("chunk");
    if (!r) return;
    h->held = NULL;
    if (how % 3 == 0) {
        http_reply_simple(r, 200, "text/plain", r->body);
    } else {
        http_reply_begin(r, 200, NULL, 0);
        http_reply_chunk(r, &part, 1);
        if (how % 3 == 1) http_reply_end(r);
        else http_reply_cut(r);
    }
}

/* What must hold whatever came in. */
static void check(const struct harness *h)
{
    if (h->conn.state == HTTP_CONN_IDLE && (h->conn.slot || h->conn.pending)) abort();
    if (h->conn.state != HTTP_CONN_CLOSED && h->closed) abort();
    if (h->conn.pending_n > h->site.limits.max_pipelined + (1 << 16)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    log_set_level(LOG_ERROR_);
    struct harness *h = harness_new();
    unsigned mode = data[0] & 3;
    size_t step = (size_t)(data[0] >> 2) + 1;
    if (step == 64) step = 1 << 20;
    for (size_t at = 1; at < size && !h->closed; at += step) {
        size_t n = size - at < step ? size - at : step;
        char *exact = malloc(n);
        if (!exact) abort();
        memcpy(exact, data + at, n);
        if (h->reading) http_conn_input(&h->conn, slice_of(exact, n));
        free(exact);
        check(h);
        if (h->held && (mode & 1)) answer_held(h, (unsigned)at);
        if (!h->reading) answer_held(h, (unsigned)at);
        check(h);
    }
    if (mode & 2) http_conn_timeout(&h->conn);
    else http_conn_eof(&h->conn);
    answer_held(h, mode);
    harness_free(h);
    return 0;
}
