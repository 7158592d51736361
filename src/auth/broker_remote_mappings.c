/* The certificate map as cimd-core asks for it. A long one comes in several messages; when it changes between two of
 * them it is asked for anew. */
#include <stdlib.h>

#include "auth/broker_remote_priv.h"

enum { TRIES = 8 };

struct mapping_pages {
    struct arena arena;
    char id[WIRE_ID + 1];         /* who asks */
    struct auth_mapping asked;    /* texts in the arena */
    struct certmap_row *rows;
    unsigned count, room, tries;
    uint64_t generation;
    struct error error;
};

void mapping_pages_free(struct mapping_pages *p)
{
    if (!p) return;
    arena_free(&p->arena);
    free(p);
}

static bool copy_row(struct arena *a, const struct certmap_row *from, struct certmap_row *to)
{
    *to = (struct certmap_row){ arena_dup(a, from->issuer), arena_dup(a, from->subject), arena_dup(a, from->uri),
                                arena_dup(a, from->user), from->enabled };
    return !a->overflow;
}

static bool add_row(struct mapping_pages *p, const struct certmap_row *r)
{
    if (p->count >= CERTMAP_ROWS_MAX) return false;
    if (p->count == p->room) {
        unsigned room = p->room ? p->room * 2 : 16;
        struct certmap_row *rows = ARENA_ARRAY(&p->arena, room, struct certmap_row);
        if (!rows) return false;
        if (p->count) memcpy(rows, p->rows, p->count * sizeof *rows);
        p->rows = rows;
        p->room = room;
    }
    return copy_row(&p->arena, r, &p->rows[p->count++]);
}

static void send(struct question *q, uint32_t from)
{
    struct mapping_pages *p = q->pages;
    struct slice id = slice_str(p->id);
    struct wire_question w = { .mapping = p->asked, .from = from, .principals = &id, .principal_count = 1 };
    remote_ask(q->b, q, &w);
}

static void fail(struct question *q, cimf_status status, struct slice reason)
{
    q->status = status;
    if (reason.n) error_set(&q->pages->error, status, "auth", SLICE_FMT, SLICE_ARG(slice_head(reason, 400)));
}

bool remote_mappings_take(struct question *q, const struct wire_answer *a)
{
    struct mapping_pages *p = q->pages;
    q->status = CIMF_OK;
    if (a->status != CIMF_OK) {
        fail(q, a->status, a->reason);
        return true;
    }
    if (p->count && a->generation != p->generation) { /* another map than that of the first rows */
        p->count = 0;
        if (++p->tries == TRIES) {
            fail(q, CIMF_SERVER_TOO_BUSY, SLICE("the certificate map changes all the time"));
            return true;
        }
        send(q, 0);
        return false;
    }
    p->generation = a->generation;
    for (unsigned i = 0; i < a->row_count; i++) {
        if (add_row(p, &a->rows[i])) continue;
        fail(q, CIMF_OUT_OF_MEMORY, SLICE("the certificate map is too large"));
        return true;
    }
    if (!a->next || a->row_count == 0 || p->asked.verb != AUTH_MAPPING_LIST) return true;
    send(q, a->next);
    return false;
}

void remote_mappings_deliver(struct question *q)
{
    struct mapping_pages *p = q->pages;
    bool ok = q->status == CIMF_OK;
    const struct auth_mappings_answer a = { q->status, ok ? p->rows : NULL, ok ? p->count : 0, p->generation, &p->error };
    q->done.mappings(q->arg, &a);
}

void remote_mappings(struct auth_broker *base, const struct principal *by, const struct auth_mapping *m, struct exec *home,
                     auth_mappings_done *done, void *arg)
{
    struct broker_remote *b = remote_of(base);
    struct question *q = remote_question(b, WIRE_MAPPING, home, arg);
    struct mapping_pages *p = q ? calloc(1, sizeof *p) : NULL;
    static const struct auth_mappings_answer no_memory = { .status = CIMF_OUT_OF_MEMORY };
    if (q && !p) remote_question_free(q);
    if (!p) {
        done(arg, &no_memory);
        return;
    }
    arena_init(&p->arena, 2 * CERTMAP_FILE_MAX);
    memcpy(p->id, by->id, sizeof p->id);
    p->asked = *m;
    q->pages = p;
    q->done.mappings = done;
    if (!copy_row(&p->arena, &m->row, &p->asked.row)) {
        remote_question_free(q);
        done(arg, &no_memory);
        return;
    }
    send(q, 0);
}
