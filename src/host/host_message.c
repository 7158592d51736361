#include "host/host_message.h"

#include "base/cursor.h"

/* --- what a job may say -------------------------------------------------------------------------------- */

static bool has_nul(struct slice s) { return s.n && memchr(s.p, 0, s.n); }

static cimf_status wrong(struct error *e, const char *what)
{
    return error_set(e, CIMF_INVALID_PARAMETER, "host", "%s", what);
}

static cimf_status check_words(const struct slice *words, uint32_t count, bool variables, size_t *all, struct error *e)
{
    if (count > HOST_WORDS) return wrong(e, variables ? "too many environment variables" : "too many arguments");
    for (uint32_t i = 0; i < count; i++) {
        size_t name = slice_find(words[i], '=');
        if (has_nul(words[i])) return wrong(e, "a text has a NUL character");
        if (variables && (name == 0 || name == words[i].n)) return wrong(e, "an environment variable is not NAME=value");
        *all += words[i].n;
    }
    return CIMF_OK;
}

static cimf_status check_program(const struct host_job *j, struct error *e)
{
    size_t all = j->folder.n + j->input.n;
    cimf_status status = check_words(j->argv, j->argc, false, &all, e);
    if (status == CIMF_OK) status = check_words(j->env, j->env_count, true, &all, e);
    if (status != CIMF_OK) return status;
    if (!j->argc || !j->argv[0].n) return wrong(e, "no program is named");
    if (j->shell && j->argc != 1) return wrong(e, "a command line is one text");
    if (has_nul(j->folder)) return wrong(e, "the working folder has a NUL character");
    if (all > HOST_TEXT) return wrong(e, "arguments, environment and input together are too long");
    if (j->kind == HOST_SPAWN && (j->input.n || j->timeout_ms)) return wrong(e, "a program that goes on by itself has no input");
    if (j->kind == HOST_RUN && (j->timeout_ms == 0 || j->timeout_ms > HOST_RUN_LIMIT_MS)) return wrong(e, "the time limit of a program is out of range");
    return j->pid || j->signal ? wrong(e, "a program to start has no pid") : CIMF_OK;
}

static cimf_status check_job(const struct host_job *j, struct error *e)
{
    if (j->kind == HOST_SPAWN || j->kind == HOST_RUN) return check_program(j, e);
    if (j->kind != HOST_SIGNAL) return wrong(e, "an unknown kind of job");
    if (j->argc || j->shell || j->env_count || j->folder.n || j->input.n || j->timeout_ms) return wrong(e, "a signal has no program");
    return j->pid > 0 && j->signal > 0 && j->signal <= 64 ? CIMF_OK : wrong(e, "a process number and a signal are above 0");
}

/* --- reading ------------------------------------------------------------------------------------------- */

static struct slice take_text(struct cursor *c)
{
    uint32_t n = cursor_u32le(c);
    return cursor_bytes(c, n);
}

/* Each text takes four bytes at least, so the count is bounded by the packet before memory is asked for. */
static const struct slice *take_list(struct cursor *c, struct arena *a, uint32_t *count)
{
    uint32_t n = cursor_u32le(c);
    *count = 0;
    if (n > HOST_WORDS || n > cursor_left(c) / 4) {
        c->bad = true;
        return NULL;
    }
    struct slice *list = n ? ARENA_ARRAY(a, n, struct slice) : NULL;
    for (uint32_t i = 0; i < n && list; i++) list[i] = take_text(c);
    if (list) *count = n;
    return list;
}

static void take_job(struct cursor *c, struct arena *a, struct host_job *j)
{
    j->pid = (int32_t)cursor_u32le(c);
    j->signal = (int32_t)cursor_u32le(c);
    j->timeout_ms = cursor_u32le(c);
    j->folder = take_text(c);
    j->input = take_text(c);
    j->argv = take_list(c, a, &j->argc);
    j->env = take_list(c, a, &j->env_count);
}

static bool take_answer(struct cursor *c, struct host_answer *r)
{
    uint32_t status = cursor_u32le(c);
    r->number = (int32_t)cursor_u32le(c);
    r->pid = (int32_t)cursor_u32le(c);
    r->exit_code = (int32_t)cursor_u32le(c);
    uint32_t truncated = cursor_u32le(c);
    r->out = take_text(c);
    r->err = take_text(c);
    r->text = take_text(c);
    if (status >= CIMF_STATUS_COUNT || truncated > 1 || r->out.n > HOST_OUTPUT || r->err.n > HOST_OUTPUT ||
        r->text.n > HOST_REASON)
        return false;
    r->status = (cimf_status)(-(int32_t)status);
    r->truncated = truncated == 1;
    return true;
}

cimf_status host_message_read(struct slice packet, struct arena *a, struct host_message *out, struct error *e)
{
    struct cursor c = cursor_of(packet);
    *out = (struct host_message){ .what = cursor_u8(&c) };
    uint32_t kind = cursor_u8(&c), flags = cursor_u16le(&c);
    out->number = cursor_u32le(&c);
    bool ok = flags <= 1 && packet.n <= HOST_PACKET;
    if (ok && out->what == HOST_ASKS) {
        out->job.kind = kind;
        out->job.shell = flags == 1;
        take_job(&c, a, &out->job);
    } else {
        ok = ok && out->what == HOST_ANSWERS && kind == 0 && flags == 0 && take_answer(&c, &out->answer);
    }
    if (arena_status(a) != CIMF_OK) return error_set(e, CIMF_OUT_OF_MEMORY, "host", "no memory for a packet");
    if (!ok || c.bad || cursor_left(&c)) return error_set(e, CIMF_PROTOCOL_ERROR, "host", "a malformed packet of %zu bytes", packet.n);
    if (out->what == HOST_ASKS && check_job(&out->job, e) != CIMF_OK) {
        if (e) e->status = CIMF_PROTOCOL_ERROR;
        return CIMF_PROTOCOL_ERROR;
    }
    return CIMF_OK;
}

/* --- writing ------------------------------------------------------------------------------------------- */

static void put_u32(struct buf *b, uint32_t v)
{
    const unsigned char bytes[4] = { v & 0xff, (v >> 8) & 0xff, (v >> 16) & 0xff, v >> 24 };
    buf_add(b, bytes, sizeof bytes);
}

static void put_text(struct buf *b, struct slice s)
{
    put_u32(b, (uint32_t)s.n);
    buf_slice_add(b, s);
}

static void put_list(struct buf *b, const struct slice *list, uint32_t count)
{
    put_u32(b, count);
    for (uint32_t i = 0; i < count; i++) put_text(b, list[i]);
}

static void put_job(struct buf *b, const struct host_job *j)
{
    put_u32(b, (uint32_t)j->pid);
    put_u32(b, (uint32_t)j->signal);
    put_u32(b, j->timeout_ms);
    put_text(b, j->folder);
    put_text(b, j->input);
    put_list(b, j->argv, j->argc);
    put_list(b, j->env, j->env_count);
}

static void put_answer(struct buf *b, const struct host_answer *r)
{
    put_u32(b, (uint32_t)-r->status);
    put_u32(b, (uint32_t)r->number);
    put_u32(b, (uint32_t)r->pid);
    put_u32(b, (uint32_t)r->exit_code);
    put_u32(b, r->truncated || r->out.n > HOST_OUTPUT || r->err.n > HOST_OUTPUT);
    put_text(b, slice_head(r->out, HOST_OUTPUT));
    put_text(b, slice_head(r->err, HOST_OUTPUT));
    put_text(b, slice_head(r->text, HOST_REASON));
}

cimf_status host_message_write(struct buf *out, const struct host_message *m, struct error *e)
{
    size_t mark = out->n;
    cimf_status status = m->what == HOST_ASKS ? check_job(&m->job, e) : CIMF_OK;
    if (status != CIMF_OK) return status;
    buf_byte(out, m->what);
    buf_byte(out, m->what == HOST_ASKS ? (int)m->job.kind : 0);
    buf_byte(out, m->what == HOST_ASKS && m->job.shell);
    buf_byte(out, 0);
    put_u32(out, m->number);
    if (m->what == HOST_ASKS) put_job(out, &m->job);
    else put_answer(out, &m->answer);
    if (buf_ok(out)) return CIMF_OK;
    buf_cut(out, mark);
    return error_set(e, CIMF_OUT_OF_MEMORY, "host", "no memory for a packet");
}
