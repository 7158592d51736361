/* Lifetime of resolved classes, look-up by name, names. */
#include "cim/class.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/utf.h"
#include "cim/cim_priv.h"

uint32_t class_generation(void)
{
    static uint32_t last;
    return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

struct cim_class *class_new(size_t size)
{
    struct arena a;
    arena_init(&a, 0);
    if (!arena_reserve(&a, size + sizeof(struct cim_class) + 16)) return NULL;
    struct cim_class *c = ARENA_NEW(&a, struct cim_class);
    if (!c) {
        arena_free(&a);
        return NULL;
    }
    c->object.magic = CIM_OBJECT_MAGIC;
    c->object.kind = CIM_KIND_CLASS;
    c->refs = 1;
    c->generation = class_generation();
    c->arena = a;
    return c;
}

static int32_t *counter(const struct cim_class *c)
{
    if (c->owner) c = c->owner;
    return (int32_t *)(uintptr_t)&c->refs; /* the one field of a class that changes */
}

const struct cim_class *cim_class_ref(const struct cim_class *c)
{
    if (c) __atomic_add_fetch(counter(c), 1, __ATOMIC_RELAXED);
    return c;
}

static void caches_free(const struct cim_class *c)
{
    struct cim_class *w = (struct cim_class *)(uintptr_t)c;
    for (unsigned i = 0; i < sizeof w->cache / sizeof w->cache[0]; i++) {
        void *cache = atomic_exchange(&w->cache[i], NULL);
        void (*release)(void *) = atomic_load(&w->cache_free[i]);
        if (cache && release) release(cache);
    }
}

static void class_free(struct cim_class *c)
{
    caches_free(c);
    for (uint32_t i = 0; i < c->method_count; i++) {
        const struct cim_method *m = &c->methods[i];
        if (m->in && m->in->owner == c) caches_free(m->in);
        if (m->out && m->out->owner == c) caches_free(m->out);
    }
    c->object.magic = 0;
    struct arena a = c->arena; /* c itself lies in it */
    arena_free(&a);
}

void cim_class_unref(const struct cim_class *c)
{
    /* A loop, not a recursion: the last user of a leaf may be the last of its whole line. */
    while (c) {
        assert(c->object.magic == CIM_OBJECT_MAGIC);
        struct cim_class *own = (struct cim_class *)(uintptr_t)(c->owner ? c->owner : c);
        if (__atomic_sub_fetch(&own->refs, 1, __ATOMIC_ACQ_REL)) return;
        const struct cim_class *super = own->super, *lender = own->lender;
        class_free(own);
        if (lender) cim_class_unref(lender);
        c = super;
    }
}

static void unref_held(void *c) { cim_class_unref(c); }

bool cim_class_hold(struct arena *a, const struct cim_class *c)
{
    if (arena_holds(a, c)) return true;
    return arena_hold(a, (void *)(uintptr_t)cim_class_ref(c), unref_held);
}

/* Position of name in by_name (first entry not before it); *found if it is there. */
static uint32_t position(const struct cim_class *c, const uint16_t *by_name, uint32_t n,
                         struct slice name, bool *found)
{
    uint32_t low = 0, high = n;
    *found = false;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        int sign = slice_casecmp(c->properties[by_name[middle]].name, name);
        if (sign == 0) {
            *found = true;
            return middle;
        }
        if (sign < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

bool class_index_add(const struct cim_class *c, uint16_t *by_name, uint32_t n, uint32_t i)
{
    bool found;
    uint32_t at = position(c, by_name, n, c->properties[i].name, &found);
    if (found) return false;
    memmove(by_name + at + 1, by_name + at, (n - at) * sizeof *by_name);
    by_name[at] = (uint16_t)i;
    return true;
}

int cim_class_property(const struct cim_class *c, struct slice name)
{
    bool found;
    uint32_t at = position(c, c->by_name, c->property_count, name, &found);
    return found ? c->by_name[at] : -1;
}

const struct cim_method *cim_class_method(const struct cim_class *c, struct slice name)
{
    for (uint32_t i = 0; i < c->method_count; i++) {
        if (slice_ieq(c->methods[i].name, name)) return &c->methods[i];
    }
    return NULL;
}

bool cim_class_isa(const struct cim_class *c, struct slice ancestor)
{
    for (; c; c = c->super) {
        if (slice_ieq(c->name, ancestor)) return true;
    }
    return false;
}

bool cim_name_valid(struct slice name, bool system)
{
    if (!name.n) return false;
    unsigned char first = (unsigned char)name.p[0];
    if (first >= '0' && first <= '9') return false;
    if (first == '_' && !system) return false;
    bool ascii = true;
    for (size_t i = 0; i < name.n; i++) {
        unsigned char ch = (unsigned char)name.p[i];
        bool letter = (unsigned char)((ch | 0x20) - 'a') < 26;
        if (ch >= 0x80) ascii = false;
        else if (!letter && ch != '_' && (unsigned char)(ch - '0') >= 10) return false;
    }
    return ascii || utf8_valid(name);
}
