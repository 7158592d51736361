/* Messages of the broker. Each field is named once, for both directions. */
#include "auth/broker_wire.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/guid.h"
#include "base/limits.h"

/* Writes to out, or (out NULL) reads. */
struct wire {
    struct buf *out;
    struct cursor in;
    struct arena *arena;
    bool bad;
};

static void u64(struct wire *w, uint64_t *v)
{
    if (!w->out) {
        *v = cursor_u64le(&w->in);
        return;
    }
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(*v >> 8 * i);
    buf_add(w->out, bytes, sizeof bytes);
}

static void u32(struct wire *w, uint32_t *v)
{
    if (!w->out) {
        *v = cursor_u32le(&w->in);
        return;
    }
    unsigned char bytes[4];
    for (int i = 0; i < 4; i++) bytes[i] = (unsigned char)(*v >> 8 * i);
    buf_add(w->out, bytes, sizeof bytes);
}

/* A number below `count`. */
static unsigned choice(struct wire *w, unsigned v, unsigned count)
{
    if (w->out) buf_byte(w->out, (int)v);
    else v = cursor_u8(&w->in);
    if (v < count) return v;
    w->bad = true;
    return 0;
}

static void flag(struct wire *w, bool *v) { *v = choice(w, *v, 2) != 0; }

static void text(struct wire *w, struct slice *s, size_t max)
{
    uint32_t n = (uint32_t)s->n;
    if (w->out && s->n > max) w->bad = true;
    if (w->bad) return;
    u32(w, &n);
    if (n > max) w->bad = true;
    if (w->bad) return;
    if (w->out) buf_slice_add(w->out, *s);
    else *s = cursor_bytes(&w->in, n);
}

/* Hexadecimal text in an array. */
static void hex(struct wire *w, char s[DIGEST_HEX])
{
    struct slice view = slice_str(w->out ? s : "");
    text(w, &view, DIGEST_HEX - 1);
    if (w->out) return;
    for (size_t i = 0; i < view.n; i++)
        if (!strchr("0123456789abcdef", view.p[i]) || !view.p[i]) w->bad = true;
    if (w->bad) view.n = 0;
    if (view.n) memcpy(s, view.p, view.n);
    s[view.n] = 0;
}

static unsigned list_count(struct wire *w, unsigned count, unsigned max)
{
    uint32_t n = count;
    u32(w, &n);
    /* Each item has four bytes at least. */
    if (n > max || (!w->out && n > cursor_left(&w->in) / 4)) w->bad = true;
    return w->bad ? 0 : n;
}

static void texts(struct wire *w, const struct slice **list, unsigned *count, unsigned max, size_t longest)
{
    *count = list_count(w, *count, max);
    if (w->bad) return;
    struct slice *to = w->out ? NULL : ARENA_ARRAY(w->arena, (size_t)*count + 1, struct slice);
    if (!w->out && !to) {
        w->bad = true;
        return;
    }
    for (unsigned i = 0; i < *count; i++) {
        struct slice s = w->out ? (*list)[i] : SLICE_NULL;
        text(w, &s, longest);
        if (to) to[i] = s;
    }
    if (to) *list = to;
}

static void sid_field(struct wire *w, struct sid *s)
{
    char bytes[SID_BYTES];
    struct slice view = { bytes, 0 };
    if (w->out) {
        sid_write(s, bytes);
        view.n = sid_size(s);
    }
    text(w, &view, SID_BYTES);
    if (w->out || w->bad) return;
    struct cursor c = cursor_of(view);
    if (!sid_read(&c, s) || cursor_left(&c)) w->bad = true;
}

/* The token: the user's own SID first, as text it is principal.sid. */
static void token_field(struct wire *w, struct principal_data *d)
{
    struct access_token *t = NULL;
    unsigned count = list_count(w, d->token ? d->token->count : 0, ACCESS_TOKEN_SIDS);
    struct sid *sids = NULL, own;
    bool security = w->out && d->token->security, take = w->out && d->token->take_ownership;
    if (w->bad) return;
    if (!w->out) {
        t = ARENA_NEW(w->arena, struct access_token);
        sids = ARENA_ARRAY(w->arena, (size_t)count + 1, struct sid);
        w->bad = !t || !sids;
    }
    for (unsigned i = 0; i < count && !w->bad; i++) {
        struct sid s = w->out ? d->token->sids[i] : (struct sid){ .count = 0 };
        sid_field(w, &s);
        if (sids) sids[i] = s;
    }
    flag(w, &security);
    flag(w, &take);
    if (w->out || w->bad) return;
    if (count == 0 || !sid_parse(slice_str(d->sid), &own) || !sid_eq(&own, &sids[0])) w->bad = true;
    *t = (struct access_token){ .sids = sids, .count = count, .security = security, .take_ownership = take };
    d->token = t;
}

static bool id_ok(struct slice id)
{
    struct guid g;
    return id.n == WIRE_ID && id.p[0] != '{' && guid_parse(id, &g);
}

static void principal_field(struct wire *w, struct principal_data *d)
{
    struct slice sid = slice_str(w->out ? d->sid : ""), id = slice_str(w->out ? d->id : "");
    text(w, &d->name, WIRE_TEXT_MAX);
    text(w, &d->domain, WIRE_TEXT_MAX);
    texts(w, &d->groups, &d->group_count, WIRE_LIST_MAX, WIRE_TEXT_MAX);
    flag(w, &d->administrator);
    flag(w, &d->has_posix);
    u32(w, &d->uid);
    u32(w, &d->gid);
    d->scheme = (enum auth_scheme)choice(w, d->scheme, AUTH_LOCAL + 1);
    text(w, &sid, sizeof((struct principal *)NULL)->sid - 1);
    text(w, &id, WIRE_ID);
    if (!w->out && !w->bad) {
        d->sid = arena_strz(w->arena, sid);
        d->id = arena_strz(w->arena, id);
        if (!d->sid || !d->id || !id_ok(id) || d->scheme == AUTH_NONE) w->bad = true;
    }
    texts(w, &d->uri_patterns, &d->uri_pattern_count, WIRE_LIST_MAX, WIRE_TEXT_MAX);
    if (!w->bad) token_field(w, d);
}

static struct principal_data data_of(const struct principal *p)
{
    return (struct principal_data){ .name = p->name, .domain = p->domain, .groups = p->groups,
        .group_count = p->group_count, .administrator = p->administrator, .has_posix = p->has_posix,
        .uid = p->uid, .gid = p->gid, .scheme = p->scheme, .sid = p->sid, .id = p->id, .token = p->token,
        .uri_patterns = p->uri_patterns, .uri_pattern_count = p->uri_pattern_count };
}

static void digest_fields(struct wire *w, struct wire_question *q)
{
    struct digest_response *r = &q->digest;
    r->algorithm = (enum digest_algorithm)choice(w, r->algorithm, DIGEST_ALGORITHMS);
    r->qop = (enum digest_qop)choice(w, r->qop, DIGEST_QOP_AUTH_INT + 1);
    struct slice *const all[] = { &r->username, &r->realm, &r->nonce, &r->uri, &r->response,
                                  &r->cnonce, &r->opaque, &r->nc_text };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) text(w, all[i], WIRE_TEXT_MAX);
    u32(w, &r->nc);
    flag(w, &r->userhash);
    hex(w, q->ha2);
    hex(w, q->ha2_reply);
    text(w, &q->address, WIRE_TEXT_MAX);
}

static void config_fields(struct wire *w, struct auth_exchange_config *c)
{
    c->mechanism = (enum auth_mechanism)choice(w, c->mechanism, AUTH_MECH_KERBEROS + 1);
    c->service = (enum auth_service)choice(w, c->service, AUTH_SERVICE_RPC + 1);
    u32(w, &c->want);
    c->binding_level = (enum mech_binding)choice(w, c->binding_level, MECH_BINDING_STRICT + 1);
    text(w, &c->bindings, WIRE_TEXT_MAX);
    text(w, &c->more_bindings, WIRE_TEXT_MAX);
    text(w, &c->address, WIRE_TEXT_MAX);
    flag(w, &c->credssp);
    flag(w, &c->initiate);
    text(w, &c->target, WIRE_TARGET_MAX);
}

static void ids(struct wire *w, struct wire_question *q, unsigned max)
{
    texts(w, &q->principals, &q->principal_count, max, WIRE_ID);
    for (unsigned i = 0; !w->bad && i < q->principal_count; i++) w->bad = !id_ok(q->principals[i]);
    if (q->principal_count == 0) w->bad = true;
}

static void row_field(struct wire *w, struct certmap_row *r)
{
    text(w, &r->issuer, CERTMAP_URI_MAX + 1);
    text(w, &r->subject, CERTMAP_URI_MAX + 1);
    text(w, &r->uri, CERTMAP_URI_MAX + 1);
    text(w, &r->user, CERTMAP_URI_MAX + 1);
    flag(w, &r->enabled);
}

static void rows_field(struct wire *w, struct wire_answer *a)
{
    a->row_count = list_count(w, a->row_count, CERTMAP_ROWS_MAX);
    struct certmap_row *to = w->out || w->bad ? NULL : ARENA_ARRAY(w->arena, (size_t)a->row_count + 1, struct certmap_row);
    if (!w->out && !to) w->bad = true;
    for (unsigned i = 0; i < a->row_count && !w->bad; i++) {
        struct certmap_row r = w->out ? a->rows[i] : (struct certmap_row){ .enabled = false };
        row_field(w, &r);
        if (to) to[i] = r;
    }
    if (to) a->rows = to;
}

static void question(struct wire *w, struct wire_question *q)
{
    q->kind = (enum wire_kind)choice(w, q->kind, WIRE_QUESTIONS);
    u64(w, &q->id);
    switch (q->kind) {
    case WIRE_PASSWORD:
        text(w, &q->password.user, WIRE_TEXT_MAX);
        text(w, &q->password.password, WIRE_TEXT_MAX);
        text(w, &q->password.address, WIRE_TEXT_MAX);
        q->password.scheme = (enum auth_scheme)choice(w, q->password.scheme, AUTH_LOCAL);
        break;
    case WIRE_DIGEST: digest_fields(w, q); break;
    case WIRE_CERTIFICATE:
        text(w, &q->certificate, WIRE_CERTIFICATE_MAX);
        text(w, &q->issuer, WIRE_CERTIFICATE_MAX);
        text(w, &q->address, WIRE_TEXT_MAX);
        break;
    case WIRE_REFRESH: ids(w, q, 1); break;
    case WIRE_MAPPING:
        ids(w, q, 1);
        q->mapping.verb = (enum auth_mapping_verb)choice(w, q->mapping.verb, AUTH_MAPPING_DELETE + 1);
        row_field(w, &q->mapping.row);
        flag(w, &q->mapping.keep_enabled);
        u32(w, &q->from);
        break;
    case WIRE_RELEASE: ids(w, q, WIRE_RELEASES); break;
    case WIRE_EXCHANGE:
        u64(w, &q->exchange);
        config_fields(w, &q->config);
        break;
    case WIRE_STEP:
        u64(w, &q->exchange);
        text(w, &q->token, LIMIT_MECH_TOKEN + 1); /* one more, so that the broker says what it thinks of it */
        break;
    case WIRE_EXCHANGE_END: u64(w, &q->exchange); break;
    case WIRE_RELOAD:
    case WIRE_LOOK: break;
    default: w->bad = true;
    }
}

static void answer_principal(struct wire *w, struct wire_answer *a)
{
    flag(w, &a->has_data);
    if (a->has_data && !w->bad) principal_field(w, &a->data);
    if (a->has_data && a->status != CIMF_OK) w->bad = true;
}

static void status_field(struct wire *w, cimf_status *status)
{
    uint32_t row = (uint32_t)-*status;
    u32(w, &row);
    if (row >= CIMF_STATUS_COUNT) w->bad = true;
    *status = w->bad ? CIMF_FAILED : (cimf_status)-(int)row;
}

static void answer(struct wire *w, struct wire_answer *a)
{
    uint64_t cache = (uint64_t)a->cache_us;
    a->kind = (enum wire_kind)choice(w, a->kind, WIRE_ANSWERS);
    u64(w, &a->id);
    switch (a->kind) {
    case WIRE_HELLO:
        u32(w, &a->version);
        u64(w, &a->generation);
        u64(w, &cache);
        a->cache_us = (int64_t)cache;
        break;
    case WIRE_GENERATION: u64(w, &a->generation); break;
    case WIRE_ANSWER:
        status_field(w, &a->status);
        text(w, &a->rspauth, DIGEST_HEX - 1);
        answer_principal(w, a);
        break;
    case WIRE_MAPPINGS:
        status_field(w, &a->status);
        text(w, &a->reason, WIRE_TEXT_MAX);
        u64(w, &a->generation);
        u32(w, &a->next);
        rows_field(w, a);
        break;
    case WIRE_STEP_ANSWER:
        status_field(w, &a->status);
        a->result = (enum mech_result)choice(w, a->result, MECH_FAILED + 1);
        text(w, &a->token, LIMIT_MECH_TOKEN);
        text(w, &a->mechanism, 32);
        text(w, &a->context, LIMIT_MECH_TOKEN);
        answer_principal(w, a);
        /* A context comes with the end, and a principal, unless the daemon itself has logged in. */
        if ((a->result == MECH_COMPLETE) != (a->context.n != 0) || (a->has_data && !a->context.n)) w->bad = true;
        break;
    default: w->bad = true;
    }
}

bool wire_question_write(const struct wire_question *q, struct buf *out)
{
    struct wire w = { .out = out };
    struct wire_question own = *q;
    question(&w, &own);
    return !w.bad && buf_ok(out);
}

bool wire_answer_write(const struct wire_answer *a, struct buf *out)
{
    struct wire w = { .out = out };
    struct wire_answer own = *a;
    own.has_data = a->principal != NULL;
    if (a->principal) own.data = data_of(a->principal);
    answer(&w, &own);
    return !w.bad && buf_ok(out);
}

static cimf_status finish(const struct wire *w, struct error *e)
{
    if (w->arena->overflow) return error_set(e, CIMF_OUT_OF_MEMORY, "auth", "no memory for a message");
    if (w->bad || w->in.bad || cursor_left(&w->in))
        return error_set(e, CIMF_PROTOCOL_ERROR, "auth", "a message between core and broker is malformed");
    return CIMF_OK;
}

cimf_status wire_question_read(struct arena *a, struct slice message, struct wire_question *out,
                               struct error *e)
{
    struct wire w = { .in = cursor_of(message), .arena = a };
    memset(out, 0, sizeof *out);
    question(&w, out);
    return finish(&w, e);
}

cimf_status wire_answer_read(struct arena *a, struct slice message, struct wire_answer *out,
                             struct error *e)
{
    struct wire w = { .in = cursor_of(message), .arena = a };
    memset(out, 0, sizeof *out);
    answer(&w, out);
    return finish(&w, e);
}

int wire_send(int fd, struct slice message, bool wait)
{
    for (;;) {
        ssize_t n = send(fd, message.p, message.n, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
        if (n >= 0) return 0;
        if (errno != EINTR) return errno;
    }
}

cimf_status wire_receive(int fd, char *room, struct slice *message, struct error *e)
{
    ssize_t n;
    do {
        n = recv(fd, room, WIRE_MESSAGE_MAX, MSG_TRUNC);
    } while (n < 0 && errno == EINTR);
    *message = slice_of(room, n > 0 ? (size_t)n : 0);
    if (n < 0 && errno != ECONNRESET)
        return error_errno(e, CIMF_IO_ERROR, "auth", errno, "the socket between core and broker");
    if (n > (ssize_t)WIRE_MESSAGE_MAX)
        return error_set(e, CIMF_PROTOCOL_ERROR, "auth", "a packet of %zd bytes", n);
    return CIMF_OK;
}
