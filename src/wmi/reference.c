/* IWbemClassObject and IWbemContext by value (MS-WMI 2.2.4, 2.2.13): OBJREF_CUSTOM around their bytes. */
#include "base/utf.h"
#include "dcom/objref.h"
#include "wmi/wmi_priv.h"

static const struct guid class_object_iid = { 0xdc12a681, 0x737f, 0x11cf, { 0x88, 0x4d, 0x00, 0xaa, 0x00, 0x4b, 0x2e, 0x24 } };
static const struct guid class_object_clsid = { 0x4590f812, 0x1d3a, 0x11d0, { 0x89, 0x1f, 0x00, 0xaa, 0x00, 0x4b, 0x2e, 0x24 } };
static const struct guid context_clsid = { 0x674b6698, 0xee92, 0x11d0, { 0xad, 0x71, 0x00, 0xc0, 0x4f, 0xd8, 0xfd, 0xff } };

static void put32(char *at, uint32_t v)
{
    for (int i = 0; i < 4; i++) at[i] = (char)(v >> 8 * i);
}

static bool add32(struct buf *b, uint32_t v)
{
    char bytes[4];
    put32(bytes, v);
    return buf_add(b, bytes, 4);
}

static bool add_guid(struct buf *b, const struct guid *g)
{
    char bytes[16];
    put32(bytes, g->data1);
    bytes[4] = (char)g->data2;
    bytes[5] = (char)(g->data2 >> 8);
    bytes[6] = (char)g->data3;
    bytes[7] = (char)(g->data3 >> 8);
    memcpy(bytes + 8, g->data4, 8);
    return buf_add(b, bytes, 16);
}

/* Up to the data; *at: where their length goes, which Windows writes into the reserved word. */
static bool begin(struct buf *b, size_t *at)
{
    buf_lit(b, "MEOW");
    add32(b, OBJREF_CUSTOM);
    add_guid(b, &class_object_iid);
    add_guid(b, &class_object_clsid);
    add32(b, 0);
    *at = b->n;
    return add32(b, 0);
}

static bool end(struct buf *b, size_t at)
{
    if (!buf_ok(b)) return false;
    put32(b->p + at, (uint32_t)(b->n - at - 4));
    return true;
}

struct wmio_origin wmi_origin(const struct wmi_session *x)
{
    return (struct wmio_origin){ x->server->settings.machine, x->shown };
}

unsigned wmi_object_flags(const struct cim_op *op, const struct cim_object *o)
{
    const struct cim_class *cls = cim_as_class(o);
    bool prototype = cls && op->verb == CIM_OP_QUERY && op->flags & CIM_PROTOTYPE;
    if (!prototype || !(cls->flags & CIM_CLASS_PROJECTED)) return 0; /* SELECT * leaves nothing out */
    bool lost = cls->lender && cls->key_count < cls->lender->key_count;
    return WMIO_PROTOTYPE | (lost ? WMIO_KEYS_REMOVED : 0);
}

static bool write_unit(struct buf *b, const struct wmi_session *x, const struct cim_object *o, unsigned flags)
{
    struct wmio_origin from = wmi_origin(x);
    size_t mark = b->n, at;
    bool ok = begin(b, &at) && (o ? wmio_write_unit(b, o, &from, flags) : wmio_write_empty_class(b, &from)) && end(b, at);
    if (!ok) buf_cut(b, mark);
    return ok;
}

bool wmi_reference_write(struct buf *b, const struct wmi_session *x, const struct cim_op *op, const struct cim_object *o)
{
    return write_unit(b, x, o, wmi_object_flags(op, o));
}

bool wmi_reference_empty(struct buf *b, const struct wmi_session *x)
{
    return write_unit(b, x, NULL, 0);
}

/* What the reference holds, or a status. */
static cimf_status custom(struct arena *a, struct slice objref, const struct guid *clsid, struct slice *data,
                          struct error *e)
{
    struct dcom_objref r;
    if (!objref.p) return error_set(e, CIMF_INVALID_PARAMETER, "wmi", "there is no object");
    cimf_status status = dcom_objref_read(a, objref, &r, e);
    if (status != CIMF_OK || r.form != OBJREF_CUSTOM || !guid_eq(&r.clsid, clsid))
        return error_set(e, CIMF_INVALID_OBJECT, "wmi", "the reference is not one to an object by value");
    *data = r.data;
    return CIMF_OK;
}

static const struct cim_class *find_class(void *arg, struct slice name)
{
    const struct wmi_work *w = arg;
    return w->schema ? cim_schema_class(w->schema, name) : NULL;
}

cimf_status wmi_reference_read(struct wmi_work *w, struct slice objref, bool with_schema, struct wmio_object *out,
                               struct error *e)
{
    struct wmio_read r = { .arena = &w->arena, .find = with_schema ? find_class : NULL, .arg = w };
    struct slice data;
    cimf_status status = custom(&w->arena, objref, &class_object_clsid, &data, e);
    return status == CIMF_OK ? wmio_read_unit(&r, data, out, e) : status;
}

/* ---- contexts ---- */

enum { VT_NULL = 1, VT_ARRAY = 0x2000, CONTEXT_VALUES = 1024 };

struct context {
    struct cursor c;
    struct arena *arena;
    const char *wrong;
};

static struct slice context_text(struct context *x)
{
    uint32_t n = cursor_u32le(&x->c);
    struct slice raw = cursor_bytes(&x->c, (size_t)n * 2), text = SLICE_NULL;
    if (x->c.bad || utf16_to_utf8(x->arena, raw, UTF16_LE, false, &text) != CIMF_OK) x->wrong = "a string";
    return text.p ? text : SLICE("");
}

/* size: bytes that the value takes; those of its type come first. */
static union cim_data context_scalar(struct context *x, unsigned type, size_t size)
{
    union cim_data v = { .u = 0 };
    if (type == CIM_STRING) {
        v.s = context_text(x);
        return v;
    }
    struct cursor c = cursor_of(cursor_bytes(&x->c, size));
    uint64_t bits = 0;
    size_t n = type == CIM_BOOLEAN ? 2 : cim_type_size(type);
    for (size_t i = 0; i < n; i++) bits |= (uint64_t)cursor_u8(&c) << 8 * i;
    if (c.bad) x->wrong = "a number";
    if (type == CIM_REAL64) memcpy(&v.r, &bits, 8);
    else if (type == CIM_REAL32) {
        uint32_t low = (uint32_t)bits;
        float f;
        memcpy(&f, &low, 4);
        v.r = f;
    } else if (type == CIM_BOOLEAN) v.u = bits != 0;
    else if (cim_type_is_signed(type)) v.i = (int64_t)(bits << (64 - 8 * n)) >> (64 - 8 * n);
    else v.u = bits;
    return v;
}

static bool known_type(unsigned type)
{
    return type == CIM_SINT16 || type == CIM_SINT32 || type == CIM_REAL32 || type == CIM_REAL64 || type == CIM_STRING ||
           type == CIM_BOOLEAN || type == CIM_SINT8 || type == CIM_UINT8 || type == CIM_UINT16 || type == CIM_UINT32;
}

static void context_array(struct context *x, unsigned type, union cim_data *v)
{
    uint32_t n = cursor_u32le(&x->c);
    cursor_u32le(&x->c); /* size of an element: not to be relied on */
    size_t size = type == CIM_REAL32 ? 8 : type == CIM_BOOLEAN ? 2 : type == CIM_STRING ? 4 : cim_type_size(type);
    if (x->c.bad || n > cursor_left(&x->c) / size || !cim_array_new(x->arena, type, n, &v->a)) {
        x->wrong = "a count";
        return;
    }
    for (uint32_t i = 0; i < n && !x->wrong; i++) cim_array_set(v->a, type, i, context_scalar(x, type, size));
}

/* Of an object within a context: its encoding unit says how long it is. */
static void context_object(struct context *x, union cim_data *v)
{
    struct slice rest = slice_of((const char *)x->c.at, cursor_left(&x->c));
    struct cursor head = cursor_of(rest);
    struct wmio_read r = { .arena = x->arena };
    struct wmio_object o;
    uint32_t signature = cursor_u32le(&head), length = cursor_u32le(&head);
    if (head.bad || signature != 0x12345678 || length > cursor_left(&head) ||
        wmio_read_unit(&r, cursor_bytes(&x->c, 8 + (size_t)length), &o, NULL) != CIMF_OK || !o.instance) {
        x->wrong = "an object";
        return;
    }
    v->o = &o.instance->object;
}

static void context_value(struct context *x, struct cim_context_value *out)
{
    out->name = context_text(x);
    cursor_u32le(&x->c); /* flags */
    unsigned type = cursor_u16le(&x->c);
    out->value = (struct cim_value){ .type = (uint16_t)type };
    if (type == VT_NULL) out->value = (struct cim_value){ .null = true };
    else if (type == CIM_OBJECT) context_object(x, &out->value.v);
    else if (!known_type(type & ~(unsigned)VT_ARRAY)) x->wrong = "a type";
    else if (type & VT_ARRAY) context_array(x, type & ~(unsigned)VT_ARRAY, &out->value.v);
    else out->value.v = context_scalar(x, type, 8);
    if (x->c.bad && !x->wrong) x->wrong = "its end";
}

cimf_status wmi_context_read(struct arena *a, struct slice objref, struct cim_context_value **out, uint32_t *count,
                             struct error *e)
{
    struct slice data;
    *out = NULL;
    *count = 0;
    cimf_status status = custom(a, objref, &context_clsid, &data, e);
    if (status != CIMF_OK) return error_set(e, CIMF_INVALID_CONTEXT, "wmi", "the context cannot be read");
    struct context x = { .c = cursor_of(data), .arena = a };
    if (cursor_u32le(&x.c) != 1) x.wrong = "the count of identifiers";
    cursor_skip(&x.c, 16);
    uint32_t n = cursor_u32le(&x.c);
    if (n > CONTEXT_VALUES || n > cursor_left(&x.c) / 10) x.wrong = "the count of properties";
    struct cim_context_value *values = x.wrong ? NULL : ARENA_ARRAY(a, n + 1, struct cim_context_value);
    for (uint32_t i = 0; values && i < n && !x.wrong; i++) context_value(&x, &values[i]);
    if (x.wrong || x.c.bad)
        return error_set(e, CIMF_INVALID_CONTEXT, "wmi", "the context cannot be read: %s", x.wrong ? x.wrong : "its end");
    if (!values) return error_set(e, CIMF_OUT_OF_MEMORY, "wmi", "no memory");
    *out = values;
    *count = n;
    return CIMF_OK;
}
