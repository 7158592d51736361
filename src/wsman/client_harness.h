/* wsman/client_harness.h - for tests of the client half: a peer that answers from files and texts. */
#ifndef WSMAN_CLIENT_HARNESS_H
#define WSMAN_CLIENT_HARNESS_H

#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "wsman/client.h"

/* One exchange: what the request has to contain, and the answer. */
struct exchange {
    const char *want;  /* NULL: anything */
    int status;
    const char *reply; /* a file of tests/data/replies, or the text itself when it begins with '<' */
};

struct peer {
    struct wsman_client *client;
    struct wsman_task *task;
    const struct exchange *script;
    unsigned at;
};

static inline struct wsman_client *peer_client(enum wsman_uri_kind form)
{
    struct wsman_client_config config = {
        .to = SLICE("http://server:5985/wsman"), .ns = SLICE("root/cimv2"), .timeout_us = 60000000, .max_envelope = 512000,
        .max_elements = 100, .form = form,
    };
    struct wsman_client *c = NULL;
    assert_int_equal(wsman_client_new(&config, &c), CIMF_OK);
    return c;
}

/* Replaces every $ID in the text. malloced. */
static inline char *peer_fill(const char *text, struct slice id)
{
    struct buf b;
    buf_init(&b, (size_t)1 << 30);
    for (const char *p = text; *p;) {
        if (strncmp(p, "$ID", 3) == 0) {
            buf_slice_add(&b, id);
            p += 3;
        } else {
            buf_byte(&b, *p++);
        }
    }
    assert_non_null(buf_strz(&b));
    return b.p;
}

static inline char *peer_read(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, REPLIES "/%s", name);
    FILE *in = fopen(path, "rb");
    if (!in) fail_msg("no %s", path);
    struct buf b;
    buf_init(&b, 0);
    char piece[4096];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, in)) > 0) buf_add(&b, piece, n);
    fclose(in);
    assert_non_null(buf_strz(&b));
    return b.p;
}

/* The text between two marks of the message, "" if it is not there. */
static inline struct slice peer_between(struct slice message, const char *from, const char *to)
{
    const char *p = memmem(message.p, message.n, from, strlen(from));
    if (!p) return SLICE("");
    p += strlen(from);
    const char *end = memmem(p, message.n - (size_t)(p - message.p), to, strlen(to));
    return end ? slice_of(p, (size_t)(end - p)) : SLICE("");
}

static inline struct slice peer_id(struct slice message)
{
    struct slice id = peer_between(message, "<a:MessageID>", "</a:MessageID>");
    return id;
}

static inline void peer_answer(struct wsman_task *t, struct slice message, int status, const char *reply)
{
    char *file = *reply == '<' ? NULL : peer_read(reply);
    char *text = peer_fill(file ? file : reply, peer_id(message));
    wsman_task_reply(t, status, SLICE("application/soap+xml;charset=UTF-8"), slice_str(text));
    free(text);
    free(file);
}

/* Plays the script until the task has items or has ended. */
static inline enum wsman_task_state peer_run(struct peer *p)
{
    struct wsman_item none;
    if (wsman_task_state(p->task) == WSMAN_TASK_ITEMS && !wsman_task_ready(p->task)) wsman_task_next(p->task, &none);
    while (wsman_task_state(p->task) == WSMAN_TASK_SEND) {
        struct slice message = wsman_task_message(p->task);
        if (wsman_task_state(p->task) != WSMAN_TASK_WAIT) continue;
        const struct exchange *x = &p->script[p->at];
        if (!x->reply) fail_msg("unexpected request " SLICE_FMT, SLICE_ARG(message));
        if (x->want && !memmem(message.p, message.n, x->want, strlen(x->want))) {
            fail_msg("request lacks %s: " SLICE_FMT, x->want, SLICE_ARG(message));
        }
        p->at++;
        peer_answer(p->task, message, x->status, x->reply);
    }
    return wsman_task_state(p->task);
}

static inline const struct cim_instance *peer_next(struct peer *p)
{
    struct wsman_item item;
    if (peer_run(p) != WSMAN_TASK_ITEMS || !wsman_task_next(p->task, &item)) return NULL;
    return cim_as_instance(item.object);
}

static inline struct wsman_task *peer_start(struct wsman_client *c, const struct wsman_request *r)
{
    struct wsman_task *t = NULL;
    struct error e = ERROR_INIT;
    if (wsman_task_new(c, r, &t, &e) != CIMF_OK) fail_msg("%s", error_text(&e));
    return t;
}

static inline struct cim_value peer_value(const struct cim_instance *in, const char *name)
{
    struct cim_value v = { 0 };
    assert_int_equal(cim_get_named(in->arena, in, slice_str(name), &v), CIMF_OK);
    return v;
}

#endif
