/* ObjectArray (MS-WMI 2.2.14): objects of one answer packed, each class told a reader once. */
#include <stdlib.h>

#include "wmi/wmi_priv.h"

enum { HEADER1 = 0x1a, HEADER2 = 8, HEADER3 = 12, PREFIX = HEADER1 + HEADER2 + HEADER3, OBJECT = 9 };
enum { TYPE_CLASS = 1, TYPE_INSTANCE = 2, TYPE_NO_CLASS = 3, TOLD_LIMIT = 4096 };

static void put32(char *at, size_t v)
{
    for (int i = 0; i < 4; i++) at[i] = (char)(v >> 8 * i);
}

void wmi_packet_forget(struct wmi_packet *p)
{
    for (unsigned i = 0; i < p->count; i++) cim_class_unref(p->told[i].cls);
    free(p->told);
    *p = (struct wmi_packet){ 0 };
}

/* What is known of the class by this reader; *fresh: he has to be told. NULL: no memory. */
static const struct wmi_told *tell(struct wmi_packet *p, const struct cim_class *cls, bool *fresh)
{
    *fresh = false;
    for (unsigned i = p->count; i-- > 0;)
        if (p->told[i].generation == cls->generation) return &p->told[i];
    if (p->count == TOLD_LIMIT) wmi_packet_forget(p); /* told again, under other names */
    if (p->count == p->room) {
        unsigned room = p->room ? p->room * 2 : 4;
        struct wmi_told *more = realloc(p->told, room * sizeof *more);
        if (!more) return NULL;
        p->told = more;
        p->room = room;
    }
    struct wmi_told *t = &p->told[p->count++];
    *t = (struct wmi_told){ .generation = cls->generation, .cls = cim_class_ref(cls) };
    guid_random(&t->id);
    *fresh = true;
    return t;
}

bool wmi_packet_begin(struct buf *b)
{
    static const char zero[PREFIX];
    return buf_add(b, zero, PREFIX);
}

bool wmi_packet_end(struct buf *b, uint32_t count)
{
    if (!buf_ok(b)) return false;
    size_t objects = b->n - PREFIX;
    memcpy(b->p + 4, "WBEMDATA", 8);
    put32(b->p + 12, HEADER1);
    put32(b->p + 16, b->n - HEADER1);
    b->p[24] = 1; /* version */
    b->p[25] = 1; /* of IWbemWCOSmartEnum::Next */
    put32(b->p + 26, HEADER2);
    put32(b->p + 30, objects + HEADER3);
    put32(b->p + 34, HEADER3);
    put32(b->p + 38, objects);
    put32(b->p + 42, count);
    return true;
}

static void guid_bytes(const struct guid *g, char out[16])
{
    put32(out, g->data1);
    out[4] = (char)g->data2;
    out[5] = (char)(g->data2 >> 8);
    out[6] = (char)g->data3;
    out[7] = (char)(g->data3 >> 8);
    memcpy(out + 8, g->data4, 8);
}

bool wmi_packet_add(struct wmi_packet *p, struct buf *b, const struct wmi_session *x, const struct cim_op *op,
                    const struct cim_object *o)
{
    const struct cim_instance *in = cim_as_instance(o);
    struct wmio_origin from = wmi_origin(x);
    size_t mark = b->n, inner = in ? 0x18 : 8;
    char head[OBJECT + 0x18] = { OBJECT };
    bool fresh = false;
    const struct wmi_told *t = in ? tell(p, in->cls, &fresh) : NULL;
    if (in && !t) return false;
    head[8] = (char)(!in ? TYPE_CLASS : fresh ? TYPE_INSTANCE : TYPE_NO_CLASS);
    head[OBJECT] = (char)inner;
    if (in) guid_bytes(&t->id, head + OBJECT + 8);
    bool ok = buf_add(b, head, OBJECT + inner);
    if (ok && in && !fresh) ok = wmio_write_no_class(b, in, &from);
    else if (ok) ok = wmio_write_block(b, o, &from, wmi_object_flags(op, o));
    if (!ok) {
        if (fresh) cim_class_unref(p->told[--p->count].cls);
        buf_cut(b, mark);
        return false;
    }
    put32(b->p + mark + 4, b->n - mark - OBJECT);
    put32(b->p + mark + OBJECT + 4, b->n - mark - OBJECT - inner);
    return true;
}
