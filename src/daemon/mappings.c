/* The certificate map, which is cimd-auth's: it is asked, and decides who may ask. */
#include <stdlib.h>

#include "daemon/tables.h"

struct mapping_table {
    struct wsman_rows rows; /* first: the protocol's pointer is ours */
    struct auth_broker *broker;
};

struct asking {
    struct arena *arena;
    wsman_rows_listed *listed;
    wsman_rows_changed *changed;
    void *arg;
};

static struct slice text_of(struct slice s) { return s.p ? s : SLICE(""); }

static void from_row(const struct wsman_row *row, struct certmap_row *to)
{
    const struct slice *f = row->field;
    *to = (struct certmap_row){
        .issuer = text_of(f[WSMAN_MAPPING_ISSUER]), .subject = text_of(f[WSMAN_MAPPING_SUBJECT]),
        .uri = text_of(f[WSMAN_MAPPING_URI]), .user = text_of(f[WSMAN_MAPPING_USER]),
        .enabled = !slice_is(text_of(f[WSMAN_MAPPING_ENABLED]), "false"),
    };
}

static void to_row(const struct certmap_row *from, struct arena *a, struct wsman_row *to)
{
    *to = (struct wsman_row){ { SLICE_NULL } };
    to->field[WSMAN_MAPPING_URI] = arena_dup(a, from->uri);
    to->field[WSMAN_MAPPING_SUBJECT] = arena_dup(a, from->subject);
    to->field[WSMAN_MAPPING_ISSUER] = arena_dup(a, from->issuer);
    to->field[WSMAN_MAPPING_USER] = arena_dup(a, from->user);
    to->field[WSMAN_MAPPING_ENABLED] = from->enabled ? SLICE("true") : SLICE("false");
}

/* --- listing ---------------------------------------------------------------------------------- */

static void on_listed(void *arg, const struct auth_mappings_answer *answer)
{
    struct asking *x = arg;
    cimf_status status = answer->status;
    struct wsman_row *rows = status == CIMF_OK ? ARENA_ARRAY(x->arena, (size_t)answer->count + 1, struct wsman_row) : NULL;
    for (unsigned i = 0; rows && i < answer->count; i++) to_row(&answer->rows[i], x->arena, &rows[i]);
    if (status == CIMF_OK && (!rows || x->arena->overflow)) status = CIMF_OUT_OF_MEMORY;
    x->listed(x->arg, status, rows, status == CIMF_OK ? answer->count : 0, answer->error);
    free(x);
}

static void list(struct wsman_rows *rows, const struct principal *by, const struct wsman_row *key, struct arena *a,
                 struct exec *home, wsman_rows_listed *done, void *arg)
{
    struct mapping_table *t = (struct mapping_table *)rows;
    struct auth_mapping q = { .verb = AUTH_MAPPING_LIST, .row = { SLICE(""), SLICE(""), SLICE(""), SLICE(""), true } };
    struct asking *x = malloc(sizeof *x);
    if (!x) {
        done(arg, CIMF_OUT_OF_MEMORY, NULL, 0, NULL);
        return;
    }
    *x = (struct asking){ .arena = a, .listed = done, .arg = arg };
    if (key) from_row(key, &q.row);
    q.row.user = SLICE("");
    auth_mappings(t->broker, by, &q, home, on_listed, x);
}

/* --- changing --------------------------------------------------------------------------------- */

static void on_changed(void *arg, const struct auth_mappings_answer *answer)
{
    struct asking *x = arg;
    x->changed(x->arg, answer->status, answer->error);
    free(x);
}

static void change(struct wsman_rows *rows, const struct principal *by, enum wsman_row_change kind,
                   const struct wsman_row *row, struct slice peer, struct exec *home, wsman_rows_changed *done, void *arg)
{
    static const enum auth_mapping_verb verbs[] = {
        [WSMAN_ROW_CREATE] = AUTH_MAPPING_ADD, [WSMAN_ROW_PUT] = AUTH_MAPPING_PUT, [WSMAN_ROW_DELETE] = AUTH_MAPPING_DELETE,
    };
    struct mapping_table *t = (struct mapping_table *)rows;
    struct auth_mapping q = { .verb = verbs[kind], .keep_enabled = !row->field[WSMAN_MAPPING_ENABLED].p };
    struct asking *x = malloc(sizeof *x);
    if (!x) {
        done(arg, CIMF_OUT_OF_MEMORY, NULL);
        return;
    }
    *x = (struct asking){ .changed = done, .arg = arg };
    from_row(row, &q.row);
    auth_mappings(t->broker, by, &q, home, on_changed, x);
}

/* --- life ------------------------------------------------------------------------------------- */

cimf_status mapping_table_new(struct auth_broker *broker, struct mapping_table **out, struct error *e)
{
    struct mapping_table *t = calloc(1, sizeof *t);
    *out = t;
    if (!t) return error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "no memory for the certificate map");
    t->rows = (struct wsman_rows){ list, change };
    t->broker = broker;
    return CIMF_OK;
}

void mapping_table_free(struct mapping_table *t) { free(t); }

struct wsman_rows *mapping_table_rows(struct mapping_table *t) { return &t->rows; }
