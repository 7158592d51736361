/* Any bytes as HTTP bodies, through the whole server with a fake object manager. Messages are separated by
 * a line "%%"; "CONTEXT" in one stands for the context of the last reply. */
#include "wsman/server_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one(struct fixture *f, struct slice text, struct slice *context)
{
    static const struct slice types[] = { SLICE("application/soap+xml;charset=UTF-8"), SLICE("application/soap+xml"),
                                          SLICE("application/soap+xml;charset=utf-16") };
    struct buf b;
    buf_init(&b, 0);
    const char *at = memmem(text.p, text.n, "CONTEXT", 7);
    if (at && context->n) {
        buf_add(&b, text.p, (size_t)(at - text.p));
        buf_slice_add(&b, *context);
        buf_add(&b, at + 7, (size_t)(text.p + text.n - at - 7));
        text = buf_slice(&b);
    }
    if (f->x.reply.p) exchange_free(&f->x);
    exchange_send(&f->x, f->server, f->alice, (int)(text.n % 2), types[text.n % 3], text);
    fake_run();
    if (!f->x.replied) {
        fake_now += 60000000;
        fake_current = &loops[text.n % 2];
        wsman_request_expire(&f->x.request);
        fake_run();
    }
    if (!f->x.replied) abort();
    fixture_reply(f); /* what we write is well formed, whatever came in */
    const struct xml_node *n = f->reply.content ? xml_child(f->reply.content, NS_N, "EnumerationContext") : NULL;
    if (n && n->text.n) *context = n->text;
    buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fixture f;
    struct slice rest = slice_of((const char *)data, size), context = SLICE("");
    fixture_open(&f);
    fake_fill(&f.m, 4);
    fake_row(&f.m, "Single");
    fixture_serve(&f);
    f.m.mode = size % 2 ? FAKE_SYNC : FAKE_ASYNC;
    for (int i = 0; i < 8; i++) {
        const char *at = memmem(rest.p, rest.n, "\n%%\n", 4);
        struct slice text = at ? slice_head(rest, (size_t)(at - rest.p)) : rest;
        one(&f, text, &context);
        if (!at) break;
        rest = slice_sub(rest, (size_t)(at + 4 - rest.p));
    }
    fixture_close(&f);
    return 0;
}
