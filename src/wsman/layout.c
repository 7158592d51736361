#include "wsman/layout.h"

#include <stdatomic.h>
#include <stdlib.h>

/* cim_class.cache: number of this room's slot. */
enum { CACHE_SLOT = 1 };

#define COMMON_NS " xmlns:cim=\"http://schemas.dmtf.org/wbem/wscim/1/common\"" \
                  " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""

static int compare(const void *a, const void *b)
{
    const struct wsman_column *x = a, *y = b;
    int c = slice_casecmp(x->name, y->name);
    return c ? c : (int)x->index - (int)y->index;
}

static void tags_write(struct buf *b, const struct cim_class *cls, const struct wsman_layout *l, bool fragment)
{
    const char *prefix = fragment ? "" : "p:";
    for (uint32_t i = 0; i < l->count; i++) {
        struct slice name = l->column[i].name;
        buf_printf(b, "<%s" SLICE_FMT "></%s" SLICE_FMT "><%s" SLICE_FMT " xsi:nil=\"true\"/>", prefix,
                   SLICE_ARG(name), prefix, SLICE_ARG(name), prefix, SLICE_ARG(name));
    }
    if (fragment) {
        buf_lit(b, "<w:XmlFragment" COMMON_NS "></w:XmlFragment>");
        return;
    }
    buf_printf(b, "<p:" SLICE_FMT " xsi:type=\"p:" SLICE_FMT "_Type\" xmlns:p=\"", SLICE_ARG(cls->name),
               SLICE_ARG(cls->name));
    struct wsman_form wmi = { .kind = WSMAN_URI_WMI };
    wsman_uri_write(b, &wmi, cls->ns, cls->name);
    buf_printf(b, "\"" COMMON_NS "></p:" SLICE_FMT ">", SLICE_ARG(cls->name));
}

static struct slice take(struct slice *rest)
{
    /* No '>' inside these tags: names are identifiers, URIs are escaped. */
    size_t n = slice_find(*rest, '>') + 1;
    struct slice tag = slice_head(*rest, n);
    *rest = slice_sub(*rest, n);
    return tag;
}

static void tags_assign(struct wsman_layout *l, struct slice text)
{
    for (uint32_t i = 0; i < l->count; i++) {
        l->column[i].open = take(&text);
        l->column[i].close = take(&text);
        l->column[i].null = take(&text);
    }
    l->open = take(&text);
    l->close = take(&text);
}

/* One block: the columns, then the text of the tags. In the arena, or malloced without one. */
static struct wsman_layout *make(const struct cim_class *cls, struct arena *a)
{
    bool fragment = (cls->flags & CIM_CLASS_PROJECTED) != 0;
    uint32_t count = cls->property_count;
    size_t head = sizeof(struct wsman_layout) + count * sizeof(struct wsman_column);
    struct wsman_layout *draft = calloc(1, head);
    if (!draft) return NULL;
    draft->count = count;
    for (uint32_t i = 0; i < count; i++) {
        draft->column[i].index = (uint16_t)i;
        draft->column[i].type = cls->properties[i].type;
        draft->column[i].name = cls->properties[i].name;
    }
    qsort(draft->column, count, sizeof draft->column[0], compare);
    struct buf b;
    buf_init(&b, 0);
    tags_write(&b, cls, draft, fragment);
    char *block = NULL;
    if (buf_ok(&b)) block = a ? arena_alloc(a, head + b.n) : malloc(head + b.n);
    if (block) {
        memcpy(block, draft, head);
        memcpy(block + head, b.p, b.n);
        tags_assign((struct wsman_layout *)block, slice_of(block + head, b.n));
    }
    buf_free(&b);
    free(draft);
    return (struct wsman_layout *)block;
}

static const struct wsman_layout *cached(const struct cim_class *cls)
{
    struct cim_class *mutable = (struct cim_class *)cls; /* only the cache slot is written, atomically */
    void *found = atomic_load_explicit(&mutable->cache[CACHE_SLOT], memory_order_acquire);
    if (found) return found;
    struct wsman_layout *made = make(cls, NULL);
    if (!made) return NULL;
    atomic_store(&mutable->cache_free[CACHE_SLOT], free);
    if (atomic_compare_exchange_strong(&mutable->cache[CACHE_SLOT], &found, made)) return made;
    free(made);
    return found;
}

const struct wsman_layout *wsman_layout_get(struct wsman_codec *c, const struct cim_class *cls)
{
    /* Classes that live in an arena are not freed one by one: nobody would free their cache. */
    bool own = cls->ns.n && !cls->owner && !(cls->flags & CIM_CLASS_PROJECTED);
    if (own) return cached(cls);
    if (c->layout_class != cls) {
        c->layout = make(cls, c->arena);
        c->layout_class = c->layout ? cls : NULL;
    }
    return c->layout;
}
