/* The turns of a task: which message comes next, and when there are items to take. */
#include <stdlib.h>

#include "wsman/classxml.h"
#include "wsman/client_priv.h"

cimf_status wsman_client_new(const struct wsman_client_config *config, struct wsman_client **out)
{
    struct wsman_client *c = calloc(1, sizeof *c);
    if (!c) return CIMF_OUT_OF_MEMORY;
    arena_init(&c->arena, 0);
    c->config = *config;
    c->config.to = arena_dup(&c->arena, config->to);
    c->config.ns = arena_dup(&c->arena, config->ns);
    c->config.locale = arena_dup(&c->arena, config->locale);
    if (arena_status(&c->arena) != CIMF_OK) {
        wsman_client_free(c);
        return CIMF_OUT_OF_MEMORY;
    }
    *out = c;
    return CIMF_OK;
}

void wsman_client_free(struct wsman_client *c)
{
    if (!c) return;
    while (c->spaces) {
        struct client_space *s = c->spaces;
        c->spaces = s->next;
        cim_schema_unref(s->schema);
        map_free(&s->missing);
        free(s);
    }
    arena_free(&c->arena);
    free(c);
}

/* --- making one --------------------------------------------------------------------------------- */

static cimf_status copy_request(struct wsman_task *t, const struct wsman_request *r, struct error *e)
{
    struct arena *a = &t->arena;
    t->request = *r;
    t->request.class_name = arena_dup(a, r->class_name);
    t->request.query = arena_dup(a, r->query);
    t->request.method = arena_dup(a, r->method);
    t->request.path = arena_dup(a, r->path);
    struct slice ns = r->ns;
    if (r->path.n) {
        cimf_status status = cim_path_parse(a, t->request.path, &t->path, e);
        if (status != CIMF_OK) return status;
        if (!t->path.class_name.n) {
            return error_set(e, CIMF_INVALID_OBJECT_PATH, "wsman", "the path names no class");
        }
        if (t->path.ns.n) ns = t->path.ns;
    }
    if (r->instance) {
        t->request.instance = cim_instance_copy(a, r->instance);
        if (!t->request.instance) return CIMF_OUT_OF_MEMORY;
        if (r->verb == WSMAN_ASK_CREATE) t->request.class_name = t->request.instance->cls->name;
    }
    t->space = client_space_get(t->client, ns);
    return t->space ? arena_status(a) : CIMF_OUT_OF_MEMORY;
}

cimf_status wsman_task_new(struct wsman_client *c, const struct wsman_request *r, struct wsman_task **out,
                           struct error *e)
{
    struct wsman_task *t = calloc(1, sizeof *t);
    if (!t) return CIMF_OUT_OF_MEMORY;
    t->client = c;
    size_t room = (size_t)(c->config.max_envelope > ((uint64_t)64 << 20) / 32 ? c->config.max_envelope * 32
                                                                             : (uint64_t)64 << 20);
    arena_init(&t->arena, r->verb == WSMAN_ASK_CLASSES ? (size_t)512 << 20 : 0);
    arena_init(&t->batch, room);
    arena_init(&t->want_arena, 0);
    buf_init(&t->message, 0);
    buf_init(&t->context, 0);
    cimf_status status = copy_request(t, r, e);
    if (status == CIMF_OK && r->verb == WSMAN_ASK_QUERY) status = client_query_scan(t);
    if (status != CIMF_OK) {
        wsman_task_free(t);
        return status;
    }
    t->state = WSMAN_TASK_SEND;
    *out = t;
    return CIMF_OK;
}

void wsman_task_free(struct wsman_task *t)
{
    if (!t) return;
    buf_free(&t->message);
    buf_free(&t->context);
    arena_free(&t->want_arena);
    arena_free(&t->batch);
    arena_free(&t->arena);
    free(t);
}

/* --- classes on the way ------------------------------------------------------------------------- */

/* The class has to be fetched first. */
static bool want(struct wsman_task *t, struct client_space *s, struct slice name)
{
    if (!name.n || client_class_find(s, name) || client_class_missing(t->client, s, name)) return false;
    t->want_space = s;
    t->want = t->want_now = arena_dup(&t->arena, name);
    if (!t->want.p) return false; /* out of room: go on without */
    t->chain = (struct client_decls){ 0 };
    arena_reset(&t->want_arena);
    t->state = WSMAN_TASK_SEND;
    return true;
}

/* Its declaration came, or not: on to the superclass, or done with it. */
static void want_step(struct wsman_task *t, cimf_status status)
{
    struct client_space *s = t->want_space;
    if (status == CIMF_OK) {
        const struct cim_class_decl *last = t->chain.d[t->chain.n - 1];
        bool again = false;
        for (uint32_t i = 0; i < t->chain.n; i++) again = again || slice_ieq(t->chain.d[i]->name, last->super);
        if (last->super.n && !again && !client_class_find(s, last->super) && t->chain.n < LIMIT_DERIVATION) {
            t->want_now = last->super;
            return; /* still SEND */
        }
        status = client_class_add(s, (const struct cim_class_decl *const *)t->chain.d, t->chain.n,
                                  &t->failure.error);
    }
    if (status != CIMF_OK && client_class_mark_missing(t->client, s, t->want) != CIMF_OK) t->client->classes_untold = true;
    t->want = SLICE("");
}

/* --- the turns ---------------------------------------------------------------------------------- */

static void fail(struct wsman_task *t, cimf_status status)
{
    if (t->failure.error.status == CIMF_OK || !t->failure.error.room) {
        error_set(&t->failure.error, status, "wsman", "%s", cimf_status_info(status)->text);
    }
    t->failure.error.status = status;
    t->state = WSMAN_TASK_FAILED;
}

/* A key without a name, or one that may be a reference, needs the class. */
static bool path_needs_class(const struct wsman_task *t)
{
    if (t->request.verb != WSMAN_ASK_DELETE) return true;
    for (uint32_t i = 0; i < t->path.key_count; i++) {
        const struct cim_key *k = &t->path.keys[i];
        bool text = k->value.type == CIM_STRING && !k->value.null;
        if (!k->name.n || (text && slice_find(k->value.v.s, '=') < k->value.v.s.n)) return true;
    }
    return false;
}

static bool start_wants(struct wsman_task *t)
{
    switch (t->request.verb) {
    case WSMAN_ASK_GET: case WSMAN_ASK_PUT: case WSMAN_ASK_DELETE: case WSMAN_ASK_INVOKE:
        return path_needs_class(t) && want(t, t->space, t->path.class_name);
    case WSMAN_ASK_CLASS: return want(t, t->space, t->request.class_name);
    default: return false;
    }
}

static void class_items(struct wsman_task *t, const struct cim_class *cls)
{
    arena_reset(&t->batch);
    t->items = ARENA_NEW(&t->batch, struct wsman_item);
    if (!t->items || !cim_class_hold(&t->batch, cls)) {
        fail(t, CIMF_OUT_OF_MEMORY);
        return;
    }
    t->items[0].object = &cls->object;
    t->item_count = 1;
    t->item_at = 0;
    t->phase = PHASE_TYPES;
    t->state = WSMAN_TASK_ITEMS;
}

/* The class is known, or cannot be. */
static void begin_main(struct wsman_task *t)
{
    const struct cim_class *cls = t->path.class_name.n ? client_class_find(t->space, t->path.class_name) : NULL;
    if (t->request.verb == WSMAN_ASK_CLASS) {
        cls = client_class_find(t->space, t->request.class_name);
        if (cls) class_items(t, cls);
        else if (t->failure.error.status != CIMF_OK) fail(t, t->failure.error.status);
        else fail(t, CIMF_INVALID_CLASS);
        return;
    }
    t->failure = (struct wsman_failure){ 0 };
    if (cls) {
        struct cim_path bound;
        cimf_status status = cim_path_bind(&t->arena, &t->path, cls, &bound, &t->failure.error);
        if (status != CIMF_OK) {
            fail(t, status);
            return;
        }
        t->path = bound;
    }
    t->phase = PHASE_MAIN;
    t->state = WSMAN_TASK_SEND;
}

/* All classes are declared here: the schema has them in order. */
static void classes_done(struct wsman_task *t)
{
    arena_reset(&t->batch);
    struct map names;
    map_init(&names, true);
    bool ok = true;
    for (uint32_t i = 0; i < t->decls.n && ok; i++) ok = map_put(&names, t->decls.d[i]->name, t, NULL);
    t->items = ok ? ARENA_ARRAY(&t->batch, t->decls.n + 1, struct wsman_item) : NULL;
    size_t at = 0;
    const struct cim_class *cls;
    while (t->items && t->item_count < t->decls.n && (cls = cim_schema_walk(t->space->schema, NULL, &at))) {
        if (!map_get(&names, cls->name)) continue;
        if (!cim_class_hold(&t->batch, cls)) break;
        t->items[t->item_count++].object = &cls->object;
    }
    map_free(&names);
    t->phase = PHASE_TYPES;
    t->state = t->items ? WSMAN_TASK_ITEMS : WSMAN_TASK_DONE;
    if (!t->items) fail(t, CIMF_OUT_OF_MEMORY);
}

/* CLASSES, after the last page: what is still missing, then everything. */
static void classes_step(struct wsman_task *t)
{
    struct map names;
    map_init(&names, true);
    bool wanted = false;
    for (uint32_t i = 0; i < t->decls.n && !t->by_names; i++) map_put(&names, t->decls.d[i]->name, t, NULL);
    for (uint32_t i = 0; i < t->decls.n && !wanted; i++) {
        struct slice name = t->by_names ? t->decls.d[i]->name : t->decls.d[i]->super;
        wanted = name.n && !map_get(&names, name) && want(t, t->space, name);
    }
    map_free(&names);
    if (wanted) return;
    t->failure = (struct wsman_failure){ 0 };
    cimf_status status = CIMF_OK;
    if (!t->by_names) {
        status = client_class_add(t->space, (const struct cim_class_decl *const *)t->decls.d, t->decls.n,
                                  &t->failure.error);
    }
    if (status == CIMF_OK) classes_done(t);
    else fail(t, status);
}

/* Name of the class that an item of class metadata is about. */
static struct slice metadata_name(struct wsman_task *t, const struct xml_node *n)
{
    if (slice_is(n->name, "Item") && xml_first(n)) n = xml_first(n);
    if (slice_is(n->name, "CLASS")) return xml_attr_value(n, "NAME");
    if (slice_is(n->name, "CLASSNAME")) return xml_attr_value(n, "NAME");
    const struct xml_node *params = xml_child(n, NS_A, "ReferenceParameters");
    const struct xml_node *set = params ? xml_child(params, NS_W, "SelectorSet") : NULL;
    struct wsman_selectors selectors;
    if (!set || wsman_selectors_read(&t->batch, set, &selectors, NULL) != CIMF_OK) return SLICE("");
    const struct wsman_selector *s = wsman_selector_find(&selectors, "ClassName");
    return s ? slice_trim(s->value) : SLICE("");
}

static cimf_status metadata_item(struct wsman_task *t, const struct xml_node *n)
{
    if (slice_is(n->name, "Item") && xml_first(n)) n = xml_first(n);
    struct cim_class_decl decl = { .name = metadata_name(t, n) };
    if (!decl.name.n) return error_set(&t->failure.error, CIMF_PROTOCOL_ERROR, "wsman", "an item of the reply is no class");
    if (t->request.verb == WSMAN_ASK_CLASS_NAMES) {
        t->items[t->item_count++].name = decl.name;
        return CIMF_OK;
    }
    if (slice_is(n->name, "CLASS") && !t->by_names) {
        cimf_status status = wsman_class_read(&t->batch, n, &decl, &t->failure.error);
        if (status != CIMF_OK) return status;
    } else {
        t->by_names = true;
    }
    if (t->decls.n >= CLIENT_CLASSES) {
        return error_set(&t->failure.error, CIMF_QUOTA_VIOLATION, "wsman", "the namespace has more than %d classes", CLIENT_CLASSES);
    }
    return client_decls_add(&t->arena, &t->decls, &decl);
}

static void metadata_page(struct wsman_task *t)
{
    cimf_status status = CIMF_OK;
    t->items = ARENA_ARRAY(&t->batch, t->node_count + 1, struct wsman_item);
    if (!t->items) status = CIMF_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < t->node_count && status == CIMF_OK; i++) status = metadata_item(t, t->nodes[i]);
    if (status != CIMF_OK) {
        fail(t, status);
    } else if (t->request.verb == WSMAN_ASK_CLASS_NAMES) {
        t->state = WSMAN_TASK_ITEMS;
    } else if (t->context.n) {
        t->phase = PHASE_PULL;
        t->state = WSMAN_TASK_SEND;
    } else {
        t->phase = PHASE_NAMES;
        classes_step(t);
    }
}

/* A class that a reply mentions. Servers that mention too many get what they deserve: guessed types. */
static bool want_mentioned(struct wsman_task *t, struct slice ns, struct slice name)
{
    if (t->wanted >= CLIENT_INNER_CLASSES || !cim_name_valid(name, true)) return false;
    struct client_space *s = client_space_get(t->client, ns);
    if (!s || !want(t, s, name)) return false;
    t->wanted++;
    return true;
}

/* Items came: the classes they mention, then themselves. */
static void types_step(struct wsman_task *t)
{
    for (; t->node_at < t->node_count; t->node_at++) {
        const struct xml_node *item = t->nodes[t->node_at], *at = NULL;
        struct slice ns, name;
        bool output = t->request.verb == WSMAN_ASK_INVOKE; /* its element is no class */
        if (!output && client_item_class(t, item, &ns, &name) && want_mentioned(t, ns, name)) return;
        while (client_item_inner_class(t, item, &at, &ns, &name)) {
            if (want_mentioned(t, ns, name)) return;
        }
    }
    t->failure = (struct wsman_failure){ 0 };
    cimf_status status = t->request.verb == WSMAN_ASK_INVOKE ? client_output_read(t, &t->failure.error)
                                                             : client_items_read(t, &t->failure.error);
    if (status == CIMF_OK) t->state = WSMAN_TASK_ITEMS;
    else fail(t, status);
}

/* After the reply of the phase was read. */
static void main_step(struct wsman_task *t)
{
    enum wsman_ask verb = t->request.verb;
    if (t->phase == PHASE_RELEASE) {
        t->state = WSMAN_TASK_DONE;
    } else if (verb == WSMAN_ASK_CLASSES || verb == WSMAN_ASK_CLASS_NAMES) {
        t->item_at = t->item_count = 0;
        metadata_page(t);
    } else if (verb == WSMAN_ASK_IDENTIFY) {
        t->state = WSMAN_TASK_ITEMS;
    } else {
        t->phase = PHASE_TYPES;
        t->node_at = 0;
        types_step(t);
    }
}

static void step(struct wsman_task *t)
{
    switch (t->phase) {
    case PHASE_START:
        if (!start_wants(t)) begin_main(t);
        break;
    case PHASE_TYPES: types_step(t); break;
    case PHASE_NAMES: classes_step(t); break;
    default: main_step(t); break;
    }
}

/* --- what drivers call -------------------------------------------------------------------------- */

enum wsman_task_state wsman_task_state(const struct wsman_task *t)
{
    return t->state;
}

struct slice wsman_task_message(struct wsman_task *t)
{
    if (t->phase == PHASE_START && !t->want.n) step(t);
    if (t->state != WSMAN_TASK_SEND) return SLICE("");
    cimf_status status = client_message_write(t);
    if (status != CIMF_OK) {
        fail(t, status);
        return SLICE("");
    }
    t->state = WSMAN_TASK_WAIT;
    return buf_slice(&t->message);
}

/* A server that enumerates no whole classes may still enumerate their names. */
static bool try_names(struct wsman_task *t)
{
    bool refused = cimf_status_info(t->failure.error.status)->exit_code == 7;
    if (t->request.verb != WSMAN_ASK_CLASSES || t->phase != PHASE_MAIN || t->by_names || !refused) return false;
    t->by_names = true;
    t->failure = (struct wsman_failure){ 0 };
    t->state = WSMAN_TASK_SEND;
    return true;
}

void wsman_task_reply(struct wsman_task *t, int http_status, struct slice content_type, struct slice body)
{
    if (t->state != WSMAN_TASK_WAIT) return;
    if (t->want.n) {
        /* The batch may hold items that wait for this class: their tree stays, this one goes. */
        struct arena_mark mark = arena_mark(&t->batch);
        cimf_status status = client_reply_read(t, http_status, content_type, body);
        arena_rewind(&t->batch, mark);
        bool dead = t->failure.http_status == 401 || status == CIMF_OUT_OF_MEMORY;
        t->state = WSMAN_TASK_SEND;
        if (dead) {
            t->want = SLICE("");
            fail(t, status);
            return;
        }
        want_step(t, status);
        if (!t->want.n) step(t);
        return;
    }
    arena_reset(&t->batch);
    t->nodes = NULL;
    t->items = NULL;
    t->node_count = t->node_at = t->item_count = t->item_at = 0;
    t->failure = (struct wsman_failure){ 0 };
    cimf_status status = client_reply_read(t, http_status, content_type, body);
    if (status == CIMF_OK) {
        step(t);
        return;
    }
    if (t->phase == PHASE_PULL) buf_clear(&t->context); /* whatever it was, it is not ours to go on with */
    t->failure.error.status = status;
    if (!try_names(t)) fail(t, status);
}

bool wsman_task_repeatable(const struct wsman_task *t)
{
    if (t->state != WSMAN_TASK_WAIT) return false;
    if (t->want.n) return true; /* Get of a class */
    if (t->phase != PHASE_MAIN) return false;
    switch (t->request.verb) {
    case WSMAN_ASK_PUT: case WSMAN_ASK_CREATE: case WSMAN_ASK_DELETE: case WSMAN_ASK_INVOKE: return false;
    default: return true;
    }
}

void wsman_task_repeat(struct wsman_task *t)
{
    t->state = WSMAN_TASK_SEND;
}

void wsman_task_fail(struct wsman_task *t, const struct error *e)
{
    t->want = SLICE("");
    t->failure = (struct wsman_failure){ .error = *e };
    fail(t, e->status);
}

bool wsman_task_next(struct wsman_task *t, struct wsman_item *out)
{
    if (t->state != WSMAN_TASK_ITEMS) return false;
    if (t->item_at < t->item_count) {
        *out = t->items[t->item_at++];
        return true;
    }
    if (t->context.n && t->request.verb != WSMAN_ASK_CLASSES) {
        t->phase = PHASE_PULL;
        t->state = WSMAN_TASK_SEND;
    } else {
        t->state = WSMAN_TASK_DONE;
    }
    return false;
}

bool wsman_task_ready(const struct wsman_task *t)
{
    return t->state == WSMAN_TASK_DONE || t->state == WSMAN_TASK_FAILED ||
           (t->state == WSMAN_TASK_ITEMS && t->item_at < t->item_count);
}

bool wsman_task_release(struct wsman_task *t)
{
    if (!t->context.n || t->phase == PHASE_RELEASE) return false;
    t->want = SLICE("");
    t->phase = PHASE_RELEASE;
    t->state = WSMAN_TASK_SEND;
    return true;
}

const struct wsman_failure *wsman_task_failure(const struct wsman_task *t)
{
    return &t->failure;
}

struct slice wsman_task_path(const struct wsman_task *t)
{
    return t->created;
}
