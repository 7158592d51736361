/* Layouts and records of instances. */
#include "repo/record_priv.h"

enum { INSTANCE_QUALIFIERS = 1, INSTANCE_PROPERTY_QUALIFIERS = 2 };

/* --- layouts ---------------------------------------------------------------------------------- */

bool write_layout(struct buf *out, const struct cim_class *cls)
{
    bool ok = write_v(out, cls->property_count);
    for (uint32_t i = 0; i < cls->property_count && ok; i++) {
        ok = write_v(out, cls->properties[i].type) && write_text(out, cls->properties[i].name);
    }
    return ok;
}

bool record_layout_encode(struct buf *out, const struct cim_class *cls) { return write_layout(out, cls); }

/* Steps over the layout; true when it is that of cls. On a mismatch r may stop anywhere. */
static bool layout_same(struct reader *r, const struct cim_class *cls)
{
    if (read_v32(r) != cls->property_count) return false;
    for (uint32_t i = 0; i < cls->property_count; i++) {
        const struct cim_property *p = &cls->properties[i];
        if (read_v32(r) != p->type || !slice_eq(read_text(r), p->name)) return false;
    }
    return !r->bad;
}

bool record_layout_is(struct slice layout, const struct cim_class *cls)
{
    struct reader r = reader_of(layout);
    return layout_same(&r, cls) && reader_left(&r) == 0;
}

/* cls NULL: only the types are of interest. */
void read_plan(struct decode *d, struct reader *r, const struct cim_class *cls,
               struct record_plan *plan)
{
    struct reader again = *r;
    *plan = (struct record_plan){ .cls = cls };
    if (cls && layout_same(r, cls)) {
        plan->same = true;
        plan->count = cls->property_count;
        return;
    }
    *r = again;
    uint32_t n = read_v32(r);
    bool fits = n <= LIMIT_PROPERTIES && n <= reader_left(r) / 2;
    int32_t *target = fits ? ARENA_ARRAY(d->a, n ? n : 1, int32_t) : NULL;
    uint16_t *type = fits ? ARENA_ARRAY(d->a, n ? n : 1, uint16_t) : NULL;
    if (!target || !type) {
        reader_fail(r);
        return;
    }
    for (uint32_t i = 0; i < n && !r->bad; i++) {
        type[i] = read_type(r, false);
        struct slice name = read_text(r);
        target[i] = cls ? cim_class_property(cls, name) : -1;
    }
    plan->count = n;
    plan->target = target;
    plan->type = type;
}

cimf_status record_plan(struct arena *a, struct slice layout, const struct cim_class *cls,
                        struct record_plan *out, struct error *e)
{
    struct decode d = { .a = a };
    struct reader r = reader_of(layout);
    read_plan(&d, &r, cls, out);
    return record_end(&d, &r, "an instance layout", e);
}

/* --- instances -------------------------------------------------------------------------------- */

static unsigned stored_state(const struct cim_instance *in, uint32_t i)
{
    return in->state[i] == CIM_UNSENT ? CIM_DEFAULTED : in->state[i];
}

static bool write_property_qualifiers(struct buf *out, const struct cim_instance *in, unsigned depth)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < in->cls->property_count; i++) n += in->property_qualifiers[i].n != 0;
    bool ok = write_v(out, n);
    for (uint32_t i = 0; i < in->cls->property_count && ok; i++) {
        if (!in->property_qualifiers[i].n) continue;
        ok = write_v(out, i) && write_qualifiers(out, in->property_qualifiers[i], depth);
    }
    return ok;
}

bool write_instance(struct buf *out, const struct cim_instance *in, unsigned depth)
{
    uint32_t n = in->cls->property_count;
    unsigned bits = (in->qualifiers.n ? INSTANCE_QUALIFIERS : 0) |
                    (in->property_qualifiers ? INSTANCE_PROPERTY_QUALIFIERS : 0);
    if (!buf_byte(out, (int)bits)) return false;
    char *states = buf_reserve(out, (n + 3) / 4);
    if (!states) return false;
    memset(states, 0, (n + 3) / 4);
    for (uint32_t i = 0; i < n; i++) states[i / 4] |= (char)(stored_state(in, i) << i % 4 * 2);
    buf_added(out, (n + 3) / 4);
    bool ok = true;
    for (uint32_t i = 0; i < n && ok; i++) {
        if (in->state[i] == CIM_SET) ok = write_value(out, in->cls->properties[i].type, &in->slot[i], depth);
    }
    if (ok && bits & INSTANCE_QUALIFIERS) ok = write_qualifiers(out, in->qualifiers, depth);
    if (ok && bits & INSTANCE_PROPERTY_QUALIFIERS) ok = write_property_qualifiers(out, in, depth);
    return ok;
}

cimf_status record_instance_encode(struct buf *out, const struct cim_instance *in)
{
    if (write_instance(out, in, 0)) return CIMF_OK;
    return buf_ok(out) ? CIMF_QUOTA_VIOLATION : CIMF_OUT_OF_MEMORY;
}

/* Puts a stored value where the class of today wants it, or leaves the property defaulted. */
static void place(struct decode *d, struct cim_instance *in, int32_t target, unsigned state,
                  unsigned type, union cim_data v)
{
    if (target < 0) return;
    unsigned wanted = in->cls->properties[target].type;
    if (state == CIM_NULL) {
        in->state[target] = CIM_NULL;
        return;
    }
    if (wanted != type) {
        struct cim_value from = { .type = (uint16_t)type, .v = v }, to;
        if (cim_value_convert(d->a, &from, wanted, &to) || to.null) return;
        v = to.v;
    }
    in->state[target] = CIM_SET;
    in->slot[target] = v;
}

static void read_values(struct decode *d, struct reader *r, const struct record_plan *plan,
                        struct cim_instance *in)
{
    struct slice states = read_bytes(r, (plan->count + 3) / 4);
    for (uint32_t i = 0; i < plan->count && !r->bad; i++) {
        unsigned state = (unsigned char)states.p[i / 4] >> i % 4 * 2 & 3;
        if (state == CIM_DEFAULTED) continue;
        if (state == CIM_UNSENT) {
            reader_fail(r);
        } else if (plan->same) {
            in->state[i] = (uint8_t)state;
            if (state == CIM_SET) read_value(d, r, in->cls->properties[i].type, &in->slot[i]);
        } else {
            union cim_data v = { .u = 0 };
            if (state == CIM_SET) read_value(d, r, plan->type[i], &v);
            if (in && !r->bad) place(d, in, plan->target[i], state, plan->type[i], v);
        }
    }
}

static void read_property_qualifiers(struct decode *d, struct reader *r, const struct record_plan *plan,
                                     struct cim_instance *in)
{
    uint32_t n = read_v32(r);
    struct cim_qualifiers *sets = NULL;
    if (n > plan->count) reader_fail(r);
    if (in && n && !r->bad) {
        sets = ARENA_ARRAY(d->a, in->cls->property_count ? in->cls->property_count : 1, struct cim_qualifiers);
        in->property_qualifiers = sets;
    }
    while (n-- && !r->bad) {
        uint32_t i = read_v32(r);
        struct cim_qualifiers set = read_qualifiers(d, r);
        if (i >= plan->count) {
            reader_fail(r);
            return;
        }
        int32_t target = plan->same ? (int32_t)i : plan->target[i];
        if (sets && target >= 0) sets[target] = set;
    }
}

/* plan->cls NULL: only reads; the answer is NULL then too. */
struct cim_instance *read_instance(struct decode *d, struct reader *r, const struct record_plan *plan)
{
    if (r->bad) return NULL;
    struct cim_instance *in = plan->cls ? cim_instance_new(d->a, plan->cls) : NULL;
    if (plan->cls && !in) {
        reader_fail(r);
        return NULL;
    }
    uint8_t bits = read_u8(r);
    read_values(d, r, plan, in);
    if (bits & INSTANCE_QUALIFIERS) {
        struct cim_qualifiers set = read_qualifiers(d, r);
        if (in) in->qualifiers = set;
    }
    if (bits & INSTANCE_PROPERTY_QUALIFIERS) read_property_qualifiers(d, r, plan, in);
    return r->bad ? NULL : in;
}

cimf_status record_instance_decode(struct arena *a, const struct record_plan *plan, struct slice bytes,
                                   const struct repo_classes *classes, struct cim_instance **out,
                                   struct error *e)
{
    struct decode d = { .a = a, .classes = classes };
    struct reader r = reader_of(arena_dup(a, bytes));
    *out = read_instance(&d, &r, plan);
    return record_end(&d, &r, "an instance record", e);
}

cimf_status record_instance_check(struct arena *a, struct slice layout, struct slice bytes,
                                  struct error *e)
{
    struct decode d = { .a = a };
    struct record_plan plan;
    struct reader r = reader_of(layout);
    read_plan(&d, &r, NULL, &plan);
    cimf_status status = record_end(&d, &r, "an instance layout", e);
    if (status) return status;
    r = reader_of(arena_dup(a, bytes));
    read_instance(&d, &r, &plan);
    return record_end(&d, &r, "an instance record", e);
}
