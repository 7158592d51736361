/* The head of a request: collecting it from llhttp's spans, and what llhttp lets through but we do not. */
#include <stdlib.h>

#include "net/http_conn.h"

enum { TEXT_FIRST = 2048 };

struct http_slot *http_slot_take(struct http_site *site)
{
    struct http_slot *s = site->pool;
    if (s) {
        site->pool = s->next;
        site->pooled--;
    } else {
        s = malloc(sizeof *s);
        if (!s) return NULL;
        arena_init(&s->arena, 0);
    }
    struct arena kept = s->arena;
    memset(s, 0, offsetof(struct http_slot, inline_spans));
    memset(&s->authorization, 0, sizeof *s - offsetof(struct http_slot, authorization));
    s->arena = kept;
    s->spans = s->inline_spans;
    s->span_room = HTTP_INLINE_HEADERS;
    return s;
}

void http_slot_give(struct http_site *site, struct http_slot *s)
{
    if (s->collected) http_sealed_drop(s);
    principal_unref(s->r.principal);
    s->r.principal = NULL;
    site->unproved -= s->unproved;
    if (site->pooled >= HTTP_SITE_POOL) {
        arena_free(&s->arena);
        free(s);
        return;
    }
    arena_reset(&s->arena);
    s->next = site->pool;
    site->pool = s;
    site->pooled++;
}

bool http_slot_text(struct http_slot *s, const char *at, size_t n)
{
    if (n > s->text_room - s->text_n) {
        size_t room = s->text_room ? s->text_room * (size_t)2 : TEXT_FIRST;
        while (room < s->text_n + n) room *= 2;
        char *more = arena_alloc(&s->arena, room);
        if (!more) return false;
        if (s->text_n) memcpy(more, s->text, s->text_n);
        s->text = more;
        s->text_room = (uint32_t)room;
    }
    memcpy(s->text + s->text_n, at, n);
    s->text_n += (uint32_t)n;
    return true;
}

static struct http_slot *slot_of(llhttp_t *p) { return ((struct http_conn *)p->data)->slot; }

static int fail(struct http_slot *s, int status)
{
    if (!s->trouble) s->trouble = status;
    return -1;
}

static int on_url(llhttp_t *p, const char *at, size_t n)
{
    struct http_slot *s = slot_of(p);
    if (!http_slot_text(s, at, n)) return fail(s, 503);
    s->target_n += (uint32_t)n;
    return 0;
}

static int more_spans(struct http_slot *s, unsigned limit)
{
    if (s->span_count >= limit) return fail(s, 431);
    if (s->span_count < s->span_room) return 0;
    unsigned room = s->span_room * 2;
    struct http_span *more = ARENA_ARRAY(&s->arena, room, struct http_span);
    if (!more) return fail(s, 503);
    memcpy(more, s->spans, s->span_count * sizeof *more);
    s->spans = more;
    s->span_room = room;
    return 0;
}

static int on_field(llhttp_t *p, const char *at, size_t n)
{
    struct http_conn *c = p->data;
    struct http_slot *s = c->slot;
    if (c->state != HTTP_CONN_HEAD) return 0; /* trailers of a chunked body: not used */
    if (s->in_value || s->span_count == 0) {
        if (more_spans(s, c->site->limits.max_headers) != 0) return -1;
        s->spans[s->span_count++] = (struct http_span){ .name = s->text_n };
        s->in_value = 0;
    }
    if (!http_slot_text(s, at, n)) return fail(s, 503);
    s->spans[s->span_count - 1].name_n += (uint32_t)n;
    return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t n)
{
    struct http_conn *c = p->data;
    struct http_slot *s = c->slot;
    if (c->state != HTTP_CONN_HEAD || s->span_count == 0) return 0;
    struct http_span *x = &s->spans[s->span_count - 1];
    if (!s->in_value) {
        x->value = s->text_n;
        s->in_value = 1;
    }
    if (!http_slot_text(s, at, n)) return fail(s, 503);
    x->value_n += (uint32_t)n;
    return 0;
}

/* A header without a value: llhttp gives an empty value span or none at all. */
static int on_value_complete(llhttp_t *p)
{
    struct http_slot *s = slot_of(p);
    s->in_value = 1;
    return 0;
}

static int on_head(llhttp_t *p)
{
    p->upgrade = 0; /* Upgrade and CONNECT are not for us: read on as HTTP */
    return HPE_PAUSED;
}

static int on_body(llhttp_t *p, const char *at, size_t n)
{
    struct http_conn *c = p->data;
    struct http_slot *s = c->slot;
    if (c->state == HTTP_CONN_DRAIN) {
        s->drained += n;
        return s->drained > s->body_max ? -1 : 0;
    }
    if (n > s->body_max - s->body_n) return fail(s, 413);
    if (s->body_n + n + 1 > s->body_room) {
        size_t room = s->body_room ? s->body_room * 2 : 4096;
        while (room < s->body_n + n + 1) room *= 2;
        char *more = arena_alloc(&s->arena, room);
        if (!more) return fail(s, 503);
        if (s->body_n) memcpy(more, s->body, s->body_n);
        s->body = more;
        s->body_room = room;
    }
    memcpy(s->body + s->body_n, at, n);
    s->body_n += n;
    return 0;
}

static int on_message(llhttp_t *p) { return HPE_PAUSED; }

const llhttp_settings_t http_conn_settings = {
    .on_url = on_url, .on_header_field = on_field, .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_head, .on_body = on_body, .on_message_complete = on_message,
};

/* RFC 9110 5.6.2 */
static bool token_ok(struct slice s)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c | 32) >= 'a' && (c | 32) <= 'z') continue;
        if (c >= '0' && c <= '9') continue;
        if (c == 0 || !memchr(marks, c, sizeof marks - 1)) return false;
    }
    return s.n > 0;
}

static bool name_is(struct slice name, struct slice lower)
{
    if (name.n != lower.n) return false;
    for (size_t i = 0; i < name.n; i++)
        if ((name.p[i] | 32) != lower.p[i]) return false;
    return true;
}

struct slice http_request_header(const struct http_request *r, const char *name)
{
    struct slice want = slice_str(name);
    for (unsigned i = 0; i < r->header_count; i++) {
        struct slice have = r->headers[i].name;
        size_t k = 0;
        if (have.n != want.n) continue;
        while (k < have.n && ((have.p[k] ^ want.p[k]) & ~(((have.p[k] | 32) >= 'a' &&
               (have.p[k] | 32) <= 'z') ? 32 : 0)) == 0) k++;
        if (k == have.n) return r->headers[i].value;
    }
    return SLICE_NULL;
}

/* Headers as slices; those that this layer acts on are picked out. 0 or the status to answer. */
static int headers_take(struct http_slot *s)
{
    struct http_header *list = s->inline_headers;
    unsigned hosts = 0, authorizations = 0;
    if (s->span_count > HTTP_INLINE_HEADERS)
        list = ARENA_ARRAY(&s->arena, s->span_count, struct http_header);
    if (!list) return 503;
    for (unsigned i = 0; i < s->span_count; i++) {
        const struct http_span *x = &s->spans[i];
        struct http_header *h = &list[i];
        h->name = slice_of(s->text + x->name, x->name_n);
        h->value = slice_trim(slice_of(s->text + x->value, x->value_n));
        if (!token_ok(h->name)) return 400;
        switch (h->name.n) {
        case 4: hosts += name_is(h->name, SLICE("host")); break;
        case 6:
            if (name_is(h->name, SLICE("expect"))) {
                if (!slice_ieq(h->value, SLICE("100-continue"))) return 417;
                s->expect = 1;
            }
            break;
        case 12:
            if (name_is(h->name, SLICE("content-type"))) s->r.content_type = h->value;
            break;
        case 13:
            if (!name_is(h->name, SLICE("authorization"))) break;
            authorizations++;
            s->authorization = h->value;
            break;
        case 14: s->has_length |= name_is(h->name, SLICE("content-length")); break;
        case 17:
            if (!name_is(h->name, SLICE("transfer-encoding"))) break;
            if (s->chunk_coded) return 400;
            if (!slice_ieq(h->value, SLICE("chunked"))) return 501;
            s->chunk_coded = 1;
            break;
        default: break;
        }
    }
    s->r.headers = list;
    s->r.header_count = s->span_count;
    if (hosts > 1 || (hosts == 0 && !s->http10) || authorizations > 1) return 400;
    return s->chunk_coded && s->http10 ? 400 : 0;
}

static enum http_method method_of(llhttp_t *p)
{
    switch (llhttp_get_method(p)) {
    case LLHTTP_GET: return HTTP_GET;
    case LLHTTP_HEAD: return HTTP_HEAD;
    case LLHTTP_POST: return HTTP_POST;
    case LLHTTP_PUT: return HTTP_PUT;
    case LLHTTP_DELETE: return HTTP_DELETE;
    case LLHTTP_MERGE: return HTTP_MERGE;
    case LLHTTP_PATCH: return HTTP_PATCH;
    case LLHTTP_OPTIONS: return HTTP_OPTIONS;
    default: return HTTP_OTHER;
    }
}

/* Origin form, or absolute form with scheme and host cut off. */
static bool target_take(struct http_slot *s)
{
    struct slice t = slice_of(s->text, s->target_n);
    if (t.n == 0) return false;
    if (t.p[0] != '/' && !slice_is(t, "*")) {
        size_t colon = slice_find(t, ':');
        struct slice rest = slice_sub(t, colon);
        if (!slice_starts(rest, SLICE("://"))) return false;
        rest = slice_sub(rest, 3);
        t = slice_sub(rest, slice_find(rest, '/'));
        if (t.n == 0) t = SLICE("/");
    }
    t = slice_head(t, slice_find(t, '#'));
    size_t q = slice_find(t, '?');
    s->r.path = slice_head(t, q);
    s->r.query = q < t.n ? slice_sub(t, q + 1) : SLICE("");
    return true;
}

int http_head_check(struct http_conn *c)
{
    struct http_slot *s = c->slot;
    llhttp_t *p = &c->parser;
    s->http10 = p->http_minor == 0;
    s->r.method = method_of(p);
    if (p->http_major != 1 || p->http_minor > 1) return 505;
    if (!target_take(s)) return 400;
    int status = headers_take(s);
    if (status) return status;
    s->keep_alive = (uint8_t)llhttp_should_keep_alive(p);
    s->r.chunked = s->chunk_coded;
    s->r.tls = c->tls;
    s->r.peer = slice_str(c->peer);
    s->r.local = slice_str(c->local);
    s->r.arena = &s->arena;
    if (!c->auth.principal &&
        c->head_bytes - s->authorization.n > c->site->limits.max_head_anonymous)
        return 431;
    return 0;
}

static bool path_fits(const struct http_route *route, struct slice path)
{
    if (route->below && path.n > route->path.n && slice_istarts(path, route->path) &&
        (path.p[route->path.n] == '/' || path.p[route->path.n] == '('))
        return true;
    if (path.n == route->path.n + 1 && path.p[path.n - 1] == '/') path.n--;
    return slice_ieq(path, route->path);
}

const struct http_route *http_head_route(struct http_conn *c, bool *path_known, unsigned *methods)
{
    const struct http_request *r = &c->slot->r;
    *path_known = false;
    *methods = 0;
    for (int below = 0; below < 2; below++) {
        for (unsigned i = 0; i < c->site->route_count; i++) {
            const struct http_route *route = &c->site->routes[i];
            if (route->below != below || !path_fits(route, r->path)) continue;
            *path_known = true;
            *methods |= route->methods;
            if (route->methods & r->method) return route;
        }
    }
    return NULL;
}
