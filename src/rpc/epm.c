/* The map and the six operations. Stubs are small and laid out by hand. */
#include "rpc/epm.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "rpc/tower.h"

enum { OP_INSERT, OP_DELETE, OP_LOOKUP, OP_MAP, OP_FREE, OP_INQUIRE, OP_MGMT_DELETE, OPS };
enum { MAX_ASKED = 500 }; /* MS-RPCE 2.2.1.2.4: range(0,500) */

struct entry {
    uint32_t serial;         /* rising; a search goes on behind the last one that it gave */
    struct rpc_syntax interface;
    struct guid object;      /* zeros: any */
    uint16_t port;
    char annotation[EPM_ANNOTATION];
};

struct epm {
    struct rpc_interface interface;
    pthread_mutex_t lock;    /* below */
    struct entry *entries;   /* by serial */
    unsigned count;
    uint32_t serial;
    uint64_t key[2];         /* of handles */
};

/* ---- the map ---- */

static void on_call(struct rpc_call *c);

struct epm *epm_new(void)
{
    struct epm *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    m->interface = (struct rpc_interface){
        .uuid = { 0xe1af8308, 0x5d1f, 0x11c9, { 0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa } }, .major = 3,
        .name = "epmapper", .opnums = OPS, .floor = RPC_LEVEL_NONE, .call = on_call, .arg = m,
    };
    pthread_mutex_init(&m->lock, NULL);
    random_bytes(m->key, sizeof m->key);
    return m;
}

void epm_free(struct epm *m)
{
    if (!m) return;
    pthread_mutex_destroy(&m->lock);
    free(m->entries);
    free(m);
}

const struct rpc_interface *epm_interface(const struct epm *m) { return &m->interface; }

static struct entry *find(struct epm *m, const struct entry *like)
{
    for (unsigned i = 0; i < m->count; i++) {
        struct entry *x = &m->entries[i];
        if (rpc_syntax_eq(&x->interface, &like->interface) && guid_eq(&x->object, &like->object) && x->port == like->port)
            return x;
    }
    return NULL;
}

static struct entry *add(struct epm *m, const struct entry *x)
{
    struct entry *more = m->count < EPM_ENTRIES ? realloc(m->entries, (m->count + 1) * sizeof *more) : NULL;
    if (!more) return NULL;
    m->entries = more;
    more[m->count] = *x;
    more[m->count].serial = ++m->serial;
    return &more[m->count++];
}

cimf_status epm_register(struct epm *m, const struct rpc_interface *i, const struct guid *object, uint16_t port,
                         const char *annotation, struct error *e)
{
    struct entry x = { .interface = { i->uuid, i->major, i->minor }, .port = port };
    if (object) x.object = *object;
    pthread_mutex_lock(&m->lock);
    struct entry *at = find(m, &x);
    if (!at) at = add(m, &x);
    if (at) snprintf(at->annotation, sizeof at->annotation, "%s", annotation);
    pthread_mutex_unlock(&m->lock);
    return at ? CIMF_OK : error_set(e, CIMF_QUOTA_VIOLATION, "epmapper", "too many interfaces are registered");
}

void epm_unregister(struct epm *m, uint16_t port)
{
    unsigned kept = 0;
    pthread_mutex_lock(&m->lock);
    for (unsigned i = 0; i < m->count; i++)
        if (m->entries[i].port != port) m->entries[kept++] = m->entries[i];
    m->count = kept;
    pthread_mutex_unlock(&m->lock);
}

/* ---- searches ---- */

/* What a client asks for. */
struct search {
    bool by_interface, by_object;
    uint32_t versions;       /* RPC_C_VERS_... */
    struct rpc_syntax interface;
    struct guid object;
    uint32_t from;           /* serial of the first entry to look at */
    uint32_t max;
    bool any_object;         /* entries for no object in particular match, too: ept_map */
};
enum { VERS_ALL = 1, VERS_COMPATIBLE, VERS_EXACT, VERS_MAJOR_ONLY, VERS_UPTO };

static bool version_fits(const struct rpc_syntax *have, const struct search *s)
{
    const struct rpc_syntax *want = &s->interface;
    switch (s->versions) {
    case VERS_ALL: return true;
    case VERS_COMPATIBLE: return have->major == want->major && have->minor >= want->minor;
    case VERS_EXACT: return have->major == want->major && have->minor == want->minor;
    case VERS_MAJOR_ONLY: return have->major == want->major;
    case VERS_UPTO: return have->major < want->major || (have->major == want->major && have->minor <= want->minor);
    default: return false;
    }
}

static bool fits(const struct entry *x, const struct search *s)
{
    static const struct guid nothing;
    if (s->by_interface && (!guid_eq(&x->interface.uuid, &s->interface.uuid) || !version_fits(&x->interface, s))) return false;
    return !s->by_object || guid_eq(&x->object, &s->object) || (s->any_object && guid_eq(&x->object, &nothing));
}

/* Copies of at most s->max entries that fit, into the call's arena; *next: serial to go on with, 0: no more of them. */
static struct entry *collect(struct epm *m, const struct search *s, struct arena *a, unsigned *count, uint32_t *next)
{
    struct entry *found = NULL;
    *count = 0;
    *next = 0;
    pthread_mutex_lock(&m->lock);
    found = arena_alloc(a, (m->count ? m->count : 1) * sizeof *found);
    for (unsigned i = 0; found && i < m->count && !*next; i++) {
        const struct entry *x = &m->entries[i];
        if (x->serial < s->from || !fits(x, s)) continue;
        if (*count == s->max) *next = x->serial;
        else found[(*count)++] = *x;
    }
    pthread_mutex_unlock(&m->lock);
    return found;
}

/* ---- handles: where a search goes on. They are not remembered but signed, for the connection they were given on, so
 * that nothing has to be kept for clients that never finish. ---- */

struct handle {
    uint32_t attributes;
    struct guid uuid;        /* data1: the serial; data4: the signature */
};
static const struct handle no_handle;

static uint64_t sign(const struct epm *m, uint64_t connection, uint32_t serial, uint16_t opnum)
{
    struct { uint64_t connection; uint32_t serial, opnum; } said = { connection, serial, opnum };
    return hash_keyed(slice_of((const char *)&said, sizeof said), m->key[0], m->key[1]);
}

/* serial 0: there is no more, which clients see by the missing handle. */
static struct handle handle_of(const struct epm *m, const struct rpc_call *c, uint32_t serial)
{
    if (!serial) return no_handle;
    struct handle h = { 0, { .data1 = serial, .data2 = c->opnum } };
    uint64_t s = sign(m, c->connection, serial, c->opnum);
    memcpy(h.uuid.data4, &s, sizeof s);
    return h;
}

/* The serial of a handle that we gave; false: we did not. */
static bool handle_open(const struct epm *m, const struct rpc_call *c, const struct handle *h, uint32_t *serial)
{
    uint64_t s = sign(m, c->connection, h->uuid.data1, h->uuid.data2);
    *serial = h->uuid.data1;
    if (guid_eq(&h->uuid, &no_handle.uuid)) return true;
    if (c->opnum != OP_FREE && h->uuid.data2 != c->opnum) return false; /* of the other operation */
    return !h->attributes && !h->uuid.data3 && memcmp(h->uuid.data4, &s, sizeof s) == 0;
}

/* ---- stubs ---- */

static struct rpc_reader reader_of(const struct rpc_call *c)
{
    return (struct rpc_reader){ cursor_of(c->stub), c->big_endian };
}

static void get_handle(struct rpc_reader *r, struct handle *h)
{
    cursor_align(&r->c, 4);
    h->attributes = rpc_u32(r);
    rpc_guid(r, &h->uuid);
}

static void put_handle(struct buf *b, const struct handle *h)
{
    rpc_put32(b, h->attributes);
    rpc_guid_put(b, &h->uuid);
}

static void pad(struct buf *b)
{
    while (b->n % 4) buf_byte(b, 0);
}

/* twr_t: maximum count, length, octets. */
static void put_tower(struct rpc_call *c, const struct entry *x)
{
    struct tower t = { .interface = x->interface, .transfer = rpc_ndr, .port = x->port };
    unsigned a, b, p, q;
    struct buf octets;
    if (sscanf(c->local, "%3u.%3u.%3u.%3u:", &a, &b, &p, &q) == 4) { /* IPv6 has no floor of its own */
        const unsigned parts[4] = { a, b, p, q };
        for (int i = 0; i < 4; i++) t.address[i] = (uint8_t)parts[i];
    }
    buf_init(&octets, 0);
    tower_put(&octets, &t);
    rpc_put32(&c->reply, (uint32_t)octets.n);
    rpc_put32(&c->reply, (uint32_t)octets.n);
    buf_slice_add(&c->reply, buf_slice(&octets));
    if (!buf_ok(&octets)) c->reply.failed = true;
    pad(&c->reply);
    buf_free(&octets);
}

/* The handle, the count, and the head of a conformant varying array. */
static void put_head(struct buf *b, const struct handle *h, uint32_t max, uint32_t count)
{
    put_handle(b, h);
    rpc_put32(b, count);
    rpc_put32(b, max);
    rpc_put32(b, 0);
    rpc_put32(b, count);
}

static void answer_nothing(struct rpc_call *c, uint32_t max, uint32_t status)
{
    put_head(&c->reply, &no_handle, max, 0);
    rpc_put32(&c->reply, status);
    rpc_reply(c);
}

/* ---- ept_lookup ---- */

static bool read_lookup(struct rpc_call *c, struct search *s, struct handle *h)
{
    struct rpc_reader r = reader_of(c);
    uint32_t type = rpc_u32(&r);
    bool object = rpc_u32(&r) != 0;
    if (object) rpc_guid(&r, &s->object);
    bool interface = rpc_u32(&r) != 0;
    if (interface) {
        rpc_guid(&r, &s->interface.uuid);
        s->interface.major = rpc_u16(&r);
        s->interface.minor = rpc_u16(&r);
    }
    s->versions = rpc_u32(&r);
    get_handle(&r, h);
    s->max = rpc_u32(&r);
    s->by_interface = type & 1;
    s->by_object = type & 2;
    if (r.c.bad || s->max > MAX_ASKED) return false;
    /* What it says it looks for it has to name. */
    if (type > 3 || (s->by_interface && (!interface || s->versions < VERS_ALL || s->versions > VERS_UPTO)) ||
        (s->by_object && !object))
        s->max = 0;
    return true;
}

static void put_entry(struct buf *b, const struct entry *x, unsigned i)
{
    size_t n = strlen(x->annotation) + 1;
    rpc_guid_put(b, &x->object);
    rpc_put32(b, 0x00020000 + i * 4); /* referent of the tower */
    rpc_put32(b, 0);
    rpc_put32(b, (uint32_t)n);
    buf_add(b, x->annotation, n);
    pad(b);
}

static void lookup(struct epm *m, struct rpc_call *c)
{
    struct search s = { 0 };
    struct handle h;
    unsigned count;
    uint32_t next;
    if (!read_lookup(c, &s, &h)) {
        rpc_fault(c, RPC_FAULT_BAD_STUB);
        return;
    }
    if (!handle_open(m, c, &h, &s.from)) {
        rpc_fault(c, RPC_FAULT_CONTEXT_MISMATCH);
        return;
    }
    if (s.max == 0) {
        answer_nothing(c, s.max, EPM_STATUS_CANNOT);
        return;
    }
    struct entry *found = collect(m, &s, c->arena, &count, &next);
    if (!found) {
        rpc_fault(c, RPC_FAULT_NO_MEMORY);
        return;
    }
    if (count == 0) {
        answer_nothing(c, s.max, EPM_STATUS_NOT_REGISTERED);
        return;
    }
    h = handle_of(m, c, next);
    put_head(&c->reply, &h, s.max, count);
    for (unsigned i = 0; i < count; i++) put_entry(&c->reply, &found[i], i);
    for (unsigned i = 0; i < count; i++) put_tower(c, &found[i]);
    rpc_put32(&c->reply, 0);
    rpc_reply(c);
}

/* ---- ept_map ---- */

static bool read_map(struct rpc_call *c, struct search *s, struct slice *octets, struct handle *h)
{
    struct rpc_reader r = reader_of(c);
    s->by_object = rpc_u32(&r) != 0;
    if (s->by_object) rpc_guid(&r, &s->object);
    *octets = SLICE_NULL;
    if (rpc_u32(&r) != 0) {
        uint32_t room = rpc_u32(&r), n = rpc_u32(&r);
        if (room != n || n > TOWER_SIZE) return false;
        *octets = cursor_bytes(&r.c, n);
    }
    get_handle(&r, h);
    s->max = rpc_u32(&r);
    return !r.c.bad && s->max <= MAX_ASKED;
}

static void map(struct epm *m, struct rpc_call *c)
{
    struct search s = { .by_interface = true, .versions = VERS_COMPATIBLE, .any_object = true };
    struct slice octets;
    struct handle h;
    struct tower t;
    unsigned count = 0;
    uint32_t next = 0;
    if (!read_map(c, &s, &octets, &h)) {
        rpc_fault(c, RPC_FAULT_BAD_STUB);
        return;
    }
    if (!handle_open(m, c, &h, &s.from)) {
        rpc_fault(c, RPC_FAULT_CONTEXT_MISMATCH);
        return;
    }
    if (!octets.p || !tower_read(octets, &t) || s.max == 0) {
        answer_nothing(c, s.max, EPM_STATUS_CANNOT);
        return;
    }
    s.interface = t.interface;
    struct entry *found = collect(m, &s, c->arena, &count, &next);
    if (!found) {
        rpc_fault(c, RPC_FAULT_NO_MEMORY);
        return;
    }
    if (count == 0 || !t.tcp || !rpc_syntax_eq(&t.transfer, &rpc_ndr)) {
        answer_nothing(c, s.max, EPM_STATUS_NOT_REGISTERED);
        return;
    }
    h = handle_of(m, c, next);
    put_head(&c->reply, &h, s.max, count);
    for (unsigned i = 0; i < count; i++) rpc_put32(&c->reply, 0x00020000 + i * 4);
    for (unsigned i = 0; i < count; i++) put_tower(c, &found[i]);
    rpc_put32(&c->reply, 0);
    rpc_reply(c);
}

/* ---- the others ---- */

static void free_handle(struct epm *m, struct rpc_call *c)
{
    struct rpc_reader r = reader_of(c);
    struct handle h;
    uint32_t serial;
    get_handle(&r, &h);
    if (r.c.bad) {
        rpc_fault(c, RPC_FAULT_BAD_STUB);
        return;
    }
    if (!handle_open(m, c, &h, &serial)) { /* none at all is fine */
        rpc_fault(c, RPC_FAULT_CONTEXT_MISMATCH);
        return;
    }
    put_handle(&c->reply, &no_handle);
    rpc_put32(&c->reply, 0);
    rpc_reply(c);
}

static void on_call(struct rpc_call *c)
{
    struct epm *m = c->interface->arg;
    static const struct guid nothing;
    switch (c->opnum) {
    case OP_LOOKUP: lookup(m, c); return;
    case OP_MAP: map(m, c); return;
    case OP_FREE: free_handle(m, c); return;
    case OP_INQUIRE: rpc_guid_put(&c->reply, &nothing); break;
    default: break;
    }
    rpc_put32(&c->reply, EPM_STATUS_CANT_PERFORM_OP); /* what strangers change, or MS-RPCE took away */
    rpc_reply(c);
}
