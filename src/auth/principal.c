#include "auth/principal_priv.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/guid.h"

enum { PRINCIPAL_MAGIC = 0x50524e43 };

/* One block: the principal, the group slices, then the text they point to. */
const struct principal *principal_make(const struct principal_data *d)
{
    if (d->name.n > 4096 || d->domain.n > 4096 || d->group_count > 65536) return NULL;
    size_t size = sizeof(struct principal) + d->group_count * sizeof(struct slice);
    size_t text = d->name.n + d->domain.n;
    for (unsigned i = 0; i < d->group_count; i++) text += d->groups[i].n;
    struct principal *p = calloc(1, size + text);
    if (!p) return NULL;
    struct slice *groups = (struct slice *)(p + 1);
    char *t = (char *)p + size;
    p->magic = PRINCIPAL_MAGIC;
    p->refs = 1;
    p->administrator = d->administrator;
    p->has_posix = d->has_posix;
    /* Never 0 by accident: whoever forgets to look at has_posix is nobody, not root. */
    p->uid = d->has_posix ? d->uid : UINT32_MAX;
    p->gid = d->has_posix ? d->gid : UINT32_MAX;
    p->scheme = d->scheme;
    snprintf(p->sid, sizeof p->sid, "%s", d->sid ? d->sid : "");
    struct guid id;
    guid_random(&id);
    guid_format(&id, false, p->id);
    const struct slice *from[2] = { &d->name, &d->domain };
    struct slice *to[2] = { &p->name, &p->domain };
    for (unsigned i = 0; i < 2 + d->group_count; i++) {
        const struct slice *f = i < 2 ? from[i] : &d->groups[i - 2];
        struct slice *s = i < 2 ? to[i] : &groups[i - 2];
        if (f->n) memcpy(t, f->p, f->n);
        *s = slice_of(t, f->n);
        t += f->n;
    }
    p->groups = groups;
    p->group_count = d->group_count;
    return p;
}

const struct principal *principal_ref(const struct principal *p)
{
    assert(p->magic == PRINCIPAL_MAGIC);
    __atomic_add_fetch(&((struct principal *)(uintptr_t)p)->refs, 1, __ATOMIC_RELAXED);
    return p;
}

void principal_unref(const struct principal *p)
{
    if (!p) return;
    assert(p->magic == PRINCIPAL_MAGIC);
    struct principal *own = (struct principal *)(uintptr_t)p;
    if (__atomic_sub_fetch(&own->refs, 1, __ATOMIC_ACQ_REL) != 0) return;
    own->magic = 0;
    free(own);
}

bool principal_same(const struct principal *a, const struct principal *b)
{
    if (a == b) return true;
    return strcmp(a->sid, b->sid) == 0 && slice_ieq(a->name, b->name) &&
           slice_ieq(a->domain, b->domain);
}
