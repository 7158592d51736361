/* Bodies under the connection's context: opened before the handler, sealed behind it (MS-WSMV 2.2.9.1). */
#include "net/http_conn.h"

enum { COLLECT_MAX = 16 << 20, SEALED_KEEP = 1 << 20 };

int http_sealed_open(struct http_conn *c)
{
    struct http_slot *s = c->slot;
    struct http_protect p;
    struct slice text, type;
    if (!http_auth_protection(&c->auth, &p)) return 401;
    if (http_protect_open(&p, &s->arena, s->r.content_type, s->body ? s->body : (char[1]){ 0 }, s->body_n, &text, &type,
                          NULL) != CIMF_OK)
        return 400;
    size_t most = s->route->max_body ? s->route->max_body : c->site->limits.max_body;
    if (text.n > most) return 413;
    s->r.body = text;
    s->r.content_type = type;
    s->r.sealed = true;
    return 0;
}

bool http_sealed_reply(struct http_conn *c, struct http_sealed *x)
{
    struct http_slot *s = c->slot;
    struct http_protect p;
    struct slice type = SLICE(""), outer;
    struct buf *out = &c->site->sealed;
    struct http_header *list = ARENA_ARRAY(&s->arena, x->header_count + 1, struct http_header);
    unsigned n = 0;
    if (!list || !http_auth_protection(&c->auth, &p)) return false;
    for (unsigned i = 0; i < x->header_count; i++) {
        if (slice_ieq(x->headers[i].name, SLICE("Content-Type"))) type = x->headers[i].value;
        else list[n++] = x->headers[i];
    }
    if (out->room > SEALED_KEEP) buf_free(out);
    buf_clear(out);
    if (http_protect_seal(&p, &s->arena, type, x->body, x->count, out, &outer, NULL) != CIMF_OK) return false;
    list[n++] = (struct http_header){ SLICE("Content-Type"), outer };
    x->whole = buf_slice(out);
    x->headers = list;
    x->header_count = n;
    x->body = &x->whole;
    x->count = 1;
    return true;
}

/* ---- replies in pieces ---- */

struct http_collected {
    int status;
    const struct http_header *headers;
    unsigned header_count;
    struct buf body;
};

bool http_sealed_begin(struct http_slot *s, int status, const struct http_header *headers, unsigned header_count)
{
    struct http_collected *x = ARENA_ARRAY(&s->arena, 1, struct http_collected);
    struct http_header *list = ARENA_ARRAY(&s->arena, header_count + 1, struct http_header);
    if (!x || !list) return false;
    for (unsigned i = 0; i < header_count; i++) {
        list[i].name = arena_dup(&s->arena, headers[i].name);
        list[i].value = arena_dup(&s->arena, headers[i].value);
        if (!list[i].name.p || !list[i].value.p) return false;
    }
    *x = (struct http_collected){ .status = status, .headers = list, .header_count = header_count };
    buf_init(&x->body, COLLECT_MAX);
    s->collected = x;
    return true;
}

bool http_sealed_add(struct http_slot *s, const struct slice *data, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (!buf_slice_add(&s->collected->body, data[i])) return false;
    return true;
}

void http_sealed_end(struct http_slot *s)
{
    struct http_collected x = *s->collected; /* the slot goes with the reply */
    struct slice body = buf_slice(&x.body);
    s->collected = NULL;
    http_reply(&s->r, x.status, x.headers, x.header_count, &body, 1);
    buf_free(&x.body);
}

void http_sealed_drop(struct http_slot *s)
{
    buf_free(&s->collected->body);
    s->collected = NULL;
}
