/* Encoded objects that lie, one field at a time: lengths, references, counts, types, names. The bytes are made here by hand, so that what the
 * writer would never write can be said. Each is read from a block of exactly its size: the sanitizer sees what lies outside. */
#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "wmi/wmio_write_priv.h"

static struct arena a;

static int setup(void **state)
{
    arena_init(&a, 64 << 20);
    return 0;
}
static int teardown(void **state)
{
    arena_free(&a);
    return 0;
}

static const struct cim_class *known;
static const struct cim_class *find(void *arg, struct slice name) { return slice_ieq(name, known->name) ? known : NULL; }

static cimf_status read_exactly(struct slice bytes, struct wmio_object *o)
{
    struct error e = ERROR_INIT;
    struct wmio_read r = { .arena = &a, .find = known ? find : NULL };
    char *copy = malloc(bytes.n ? bytes.n : 1);
    memcpy(copy, bytes.p, bytes.n);
    cimf_status status = wmio_read_unit(&r, slice_of(copy, bytes.n), o, &e);
    free(copy);
    return status;
}

/* ---- an instance of class C with two properties, and where its fields are ---- */

enum { CLASS_LENGTH, CLASS_NAME, TABLE_LENGTH, DERIVATION, QUALIFIERS, COUNT, NAME0, INFO0, NAME1, INFO1, CLASS_HEAP, NAME_TEXT, TYPE0, ORDER0, OFFSET0,
       ORIGIN0, INFO_QUALIFIERS0, TYPE1, ORDER1, OFFSET1, INSTANCE_LENGTH, VALUE0, VALUE1, INSTANCE_QUALIFIERS, PROPERTY_FLAG, INSTANCE_HEAP, TEXT,
       UNIT_LENGTH, FLAGS, FIELDS };
static size_t at[FIELDS];

static void u32(struct buf *b, int field, uint32_t v)
{
    if (field >= 0) at[field] = b->n;
    wmio_u32(b, v);
}

static void text(struct buf *b, const char *s)
{
    buf_byte(b, 0);
    buf_add(b, s, strlen(s) + 1);
}

static void info(struct buf *b, unsigned i, uint32_t type, uint16_t order, uint32_t offset)
{
    u32(b, i ? TYPE1 : TYPE0, type);
    at[i ? ORDER1 : ORDER0] = b->n;
    wmio_u16(b, order);
    u32(b, i ? OFFSET1 : OFFSET0, offset);
    u32(b, i ? -1 : ORIGIN0, 0);
    u32(b, i ? -1 : INFO_QUALIFIERS0, 4);
}

static void put_class_part(struct buf *b, const char *first, const char *second)
{
    size_t start = b->n;
    u32(b, CLASS_LENGTH, 0);
    buf_byte(b, 0);
    u32(b, CLASS_NAME, 0);
    u32(b, TABLE_LENGTH, 9); /* a byte of bits, two slots */
    u32(b, DERIVATION, 4);
    u32(b, QUALIFIERS, 4);
    u32(b, COUNT, 2);
    for (int f = NAME0; f <= INFO1; f++) u32(b, f, 0);
    buf_byte(b, 0x0f); /* both NULL, inherited */
    u32(b, -1, 0xffffffff);
    u32(b, -1, 0xffffffff);
    u32(b, CLASS_HEAP, 0);
    size_t heap = b->n;
    at[NAME_TEXT] = b->n;
    text(b, "C");
    wmio_patch32(b, at[NAME0], (uint32_t)(b->n - heap));
    text(b, first);
    wmio_patch32(b, at[INFO0], (uint32_t)(b->n - heap));
    info(b, 0, CIM_UINT32, 0, 0);
    wmio_patch32(b, at[NAME1], (uint32_t)(b->n - heap));
    text(b, second);
    wmio_patch32(b, at[INFO1], (uint32_t)(b->n - heap));
    info(b, 1, CIM_STRING, 1, 4);
    wmio_patch32(b, at[CLASS_HEAP], (uint32_t)(b->n - heap) | 0x80000000u);
    wmio_patch32(b, start, (uint32_t)(b->n - start));
}

static void put_instance(struct buf *b, const char *first, const char *second)
{
    buf_init(b, 0);
    u32(b, -1, WMIO_SIGNATURE);
    u32(b, UNIT_LENGTH, 0);
    at[FLAGS] = b->n;
    buf_byte(b, WMIO_INSTANCE);
    put_class_part(b, first, second);
    size_t start = b->n;
    u32(b, INSTANCE_LENGTH, 0);
    buf_byte(b, 0);
    u32(b, -1, 0);
    buf_byte(b, 0);
    u32(b, VALUE0, 42);
    u32(b, VALUE1, 3);
    u32(b, INSTANCE_QUALIFIERS, 4);
    at[PROPERTY_FLAG] = b->n;
    buf_byte(b, 1);
    u32(b, INSTANCE_HEAP, 0);
    size_t heap = b->n;
    text(b, "C");
    at[TEXT] = b->n;
    text(b, "hello");
    wmio_patch32(b, at[INSTANCE_HEAP], (uint32_t)(b->n - heap) | 0x80000000u);
    wmio_patch32(b, start, (uint32_t)(b->n - start));
    wmio_patch32(b, at[UNIT_LENGTH], (uint32_t)(b->n - at[UNIT_LENGTH] - 4));
    assert_true(buf_ok(b));
}

static void the_truth(void **state)
{
    struct buf b;
    struct wmio_object o;
    put_instance(&b, "A", "B");
    assert_int_equal(read_exactly(buf_slice(&b), &o), CIMF_OK);
    assert_true(slice_is(o.instance->cls->name, "C"));
    assert_int_equal(o.instance->slot[0].u, 42);
    assert_true(slice_is(o.instance->slot[1].s, "hello"));
    buf_free(&b);
}

/* Section 5 of the digest, MS-WMIO layer: each of these is told, and not followed. */
static void one_field_lies(void **state)
{
    static const struct { const char *what; unsigned field, width; uint32_t value; bool fine; } lies[] = {
        { "a unit longer than it is", UNIT_LENGTH, 4, 0x10000, true }, /* as the printed samples do */
        { "a unit that ends early", UNIT_LENGTH, 4, 30, false },
        { "a class part shorter than its length", CLASS_LENGTH, 4, 3, false },
        { "a class part without a length", CLASS_LENGTH, 4, 0, false },
        { "a class part larger than its container", CLASS_LENGTH, 4, 0x7fffffff, false },
        { "a class part that ends early", CLASS_LENGTH, 4, 20, false },
        { "tables that are missing", TABLE_LENGTH, 4, 0, false },
        { "tables too short for the types", TABLE_LENGTH, 4, 5, false },
        { "tables longer than there is", TABLE_LENGTH, 4, 0xfffffff0, false },
        { "a derivation list longer than there is", DERIVATION, 4, 0x40000000, false },
        { "a derivation list shorter than its length", DERIVATION, 4, 2, false },
        { "qualifiers longer than there is", QUALIFIERS, 4, 0xffffffff, false },
        { "a count that overflows times eight", COUNT, 4, 0x20000002, false },
        { "the largest count", COUNT, 4, 0xffffffff, false },
        { "more properties than entries", COUNT, 4, 3, false },
        { "a class name past the heap", CLASS_NAME, 4, 0x10000, false },
        { "a class name of the dictionary's end", CLASS_NAME, 4, 0x8000000b, false },
        { "a property's name past the heap", NAME0, 4, 0x7fffffff, false },
        { "a property's name the dictionary does not have", NAME0, 4, 0x80000100, false },
        { "a property without a name", NAME0, 4, 0xffffffff, false },
        { "a property past the heap", INFO0, 4, 0xfffffff0, false },
        { "a property at the heap's last byte", INFO1, 4, 60, false },
        { "one property for two", INFO1, 4, 6, false },
        { "a class heap without its mark", CLASS_HEAP, 4, 20, false },
        { "a class heap larger than the rest", CLASS_HEAP, 4, 0xffffffff, false },
        { "an order past the count", ORDER0, 2, 2, false },
        { "the largest order", ORDER0, 2, 0xffff, false },
        { "an order twice", ORDER1, 2, 0, false },
        { "a value past the table", OFFSET0, 4, 6, false },
        { "a value far past the table", OFFSET1, 4, 0xfffffffd, false },
        { "a class of origin that is none", ORIGIN0, 4, 999, true }, /* nobody looks */
        { "qualifiers of a property longer than there is", INFO_QUALIFIERS0, 4, 0x1000, false },
        { "a type that is none", TYPE0, 4, 1, false },
        { "an array of a type that is none", TYPE0, 4, 0x2001, false },
        { "reserved bits of a type", TYPE0, 4, 0x10000 | CIM_UINT32, true },
        { "an instance part shorter than its length", INSTANCE_LENGTH, 4, 1, false },
        { "an instance part larger than its container", INSTANCE_LENGTH, 4, 0x1000, false },
        { "text past the heap", VALUE1, 4, 0x7ffffff0, false },
        { "text the dictionary does not have", VALUE1, 4, 0x80000050, false },
        { "text in the middle of another", VALUE1, 4, 4, false }, /* 'h' is no flag of a string */
        { "qualifiers of the instance longer than there is", INSTANCE_QUALIFIERS, 4, 0x100, false },
        { "a flag of qualifiers that is none", PROPERTY_FLAG, 1, 3, false },
        { "qualifiers of properties that are not there", PROPERTY_FLAG, 1, 2, false },
        { "an instance heap without its mark", INSTANCE_HEAP, 4, 10, false },
        { "an instance heap larger than the rest", INSTANCE_HEAP, 4, 0x80001000, false },
        { "a string's flag that is none", TEXT, 1, 2, false },
        { "UTF-16 with half a unit and no end", TEXT, 1, 1, false },
        { "neither class nor instance", FLAGS, 1, 0, false },
        { "class and instance", FLAGS, 1, 3, false },
        { "decorated, and no decoration", FLAGS, 1, 6, false },
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct buf b;
        struct wmio_object o;
        put_instance(&b, "A", "B");
        for (unsigned k = 0; k < lies[i].width; k++) b.p[at[lies[i].field] + k] = (char)(lies[i].value >> 8 * k);
        cimf_status status = read_exactly(buf_slice(&b), &o);
        if ((status == CIMF_OK) != lies[i].fine) fail_msg("%s: %s", lies[i].what, cimf_status_name(status));
        buf_free(&b);
    }
}

/* Every byte, every value: nothing outside is read, nothing is endless. */
static void every_byte_lies(void **state)
{
    static const unsigned char values[] = { 0, 1, 2, 0x7f, 0x80, 0xfe, 0xff };
    struct buf b;
    struct wmio_object o;
    put_instance(&b, "A", "B");
    for (size_t i = 0; i < b.n; i++) {
        char was = b.p[i];
        for (size_t v = 0; v < sizeof values; v++) {
            b.p[i] = (char)values[v];
            (void)read_exactly(buf_slice(&b), &o);
        }
        b.p[i] = was;
        arena_reset(&a);
    }
    buf_free(&b);
}

static void strings_without_end(void **state)
{
    struct buf b;
    struct wmio_object o;
    put_instance(&b, "A", "B");
    b.p[b.n - 1] = 'x'; /* the last NUL of the last heap */
    assert_int_not_equal(read_exactly(buf_slice(&b), &o), CIMF_OK);
    buf_free(&b);
}

/* Names that are the same, that differ by case, that are long: an instance goes to the class that we know, or nowhere. */
static void names(void **state)
{
    struct cim_property_decl ours[] = { { .name = SLICE("A"), .type = CIM_UINT32 }, { .name = SLICE("B"), .type = CIM_STRING } };
    static char many[5000];
    static const char *const pairs[][2] = { { "A", "A" }, { "A", "a" }, { "b", "B" }, { "", "B" }, { many, "B" }, { "A\x01", "B" } };
    struct buf b;
    struct wmio_object o;
    memset(many, 'n', sizeof many - 1);
    for (int mapped = 0; mapped < 2; mapped++) {
        for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
            assert_int_equal(cim_class_adhoc(&a, SLICE("C"), ours, 2, &known), CIMF_OK);
            if (!mapped) known = NULL;
            put_instance(&b, pairs[i][0], pairs[i][1]);
            cimf_status status = read_exactly(buf_slice(&b), &o);
            if (status == CIMF_OK && (mapped || i < 4)) fail_msg("names %zu are taken", i);
            buf_free(&b);
        }
    }
    known = NULL;
}

/* ---- work without end ---- */

/* Four thousand references to one large object: each costs, and so it ends. */
static void overlapping_objects(void **state)
{
    enum { N = 4000 };
    struct cim_property_decl p[] = { { .name = SLICE("O"), .type = CIM_OBJECT | CIM_ARRAY }, { .name = SLICE("S"), .type = CIM_STRING } };
    static char large[32768];
    const struct cim_class *c;
    struct cim_array array;
    struct buf b;
    struct wmio_object o;
    memset(large, 's', sizeof large - 1);
    assert_int_equal(cim_class_adhoc(&a, SLICE("Many"), p, 2, &c), CIMF_OK);
    struct cim_instance *in = cim_instance_new(&a, c), *inner = cim_instance_new(&a, c), *small = cim_instance_new(&a, c);
    cim_set(inner, 1, (union cim_data){ .s = slice_str(large) });
    assert_true(cim_array_new(&a, CIM_OBJECT, N, &array));
    for (uint32_t i = 0; i < N; i++) cim_array_set(array, CIM_OBJECT, i, (union cim_data){ .o = i ? &small->object : &inner->object });
    cim_set(in, 0, (union cim_data){ .a = array });
    buf_init(&b, 0);
    assert_true(wmio_write_unit(&b, &in->object, NULL, 0));
    assert_int_equal(read_exactly(buf_slice(&b), &o), CIMF_OK);
    size_t table = 0;
    for (size_t i = 0; i + 8 < b.n && !table; i++) {
        struct cursor k = cursor_of(slice_of(b.p + i, 8));
        if (cursor_u32le(&k) == N && cursor_u32le(&k) > N * 4) table = i + 4;
    }
    assert_true(table);
    for (size_t i = 1; i < N; i++) memcpy(b.p + table + 4 * i, b.p + table, 4);
    assert_int_equal(read_exactly(buf_slice(&b), &o), CIMF_QUOTA_VIOLATION);
    buf_free(&b);
}

/* Puts the block of a unit in the place of the object that ends another one, which is within it alone: every length that ends there grows. */
static void graft(struct buf *outer, struct slice unit)
{
    struct slice block = slice_sub(unit, 8);
    size_t n = outer->n, item = 0, fields[8], count = 0;
    bool heap[8];
    for (size_t i = 4; i + 4 <= n && !item; i++) { /* the outer frames first; the item's length is that of what remains */
        struct cursor k = cursor_of(slice_of(outer->p + i, 4));
        uint32_t v = cursor_u32le(&k);
        bool marked = v == (0x80000000u | (n - i - 4));
        if (marked || v == n - i || v == n - i - 4) {
            assert_true(count < 8);
            heap[count] = marked;
            fields[count++] = i;
            if (i > 8 && v == n - i - 4) item = i;
        }
    }
    assert_true(item);
    buf_cut(outer, item + 4);
    buf_slice_add(outer, block);
    for (size_t f = 0; f < count; f++) {
        size_t i = fields[f], rest = outer->n - i;
        bool itself = f > 0 && !heap[f] && i != item; /* the instance part counts its own length */
        wmio_patch32(outer, i, (uint32_t)(itself ? rest : rest - 4) | (heap[f] ? 0x80000000u : 0));
    }
}

/* An object within an object ... as deep as may be, and one deeper. */
static void embedded(void **state)
{
    struct buf deepest, shallow;
    buf_init(&deepest, 0);
    buf_init(&shallow, 0);
    struct cim_property_decl p = { .name = SLICE("O"), .type = CIM_OBJECT };
    const struct cim_class *c;
    struct wmio_object o;
    assert_int_equal(cim_class_adhoc(&a, SLICE("Loop"), &p, 1, &c), CIMF_OK);
    struct cim_instance *deep = cim_instance_new(&a, c);
    for (int depth = 1; depth <= WMIO_DEPTH + 1; depth++) {
        struct buf b;
        struct cim_instance *outer = cim_instance_new(&a, c);
        cim_set(outer, 0, (union cim_data){ .o = &deep->object });
        deep = outer;
        buf_init(&b, 0);
        bool ok = wmio_write_unit(&b, &deep->object, NULL, 0);
        assert_int_equal(ok, depth <= WMIO_DEPTH);
        if (ok) {
            assert_int_equal(read_exactly(buf_slice(&b), &o), CIMF_OK);
            assert_int_not_equal(read_exactly(slice_head(buf_slice(&b), b.n - 1), &o), CIMF_OK);
        }
        if (depth == 1) buf_slice_add(&shallow, buf_slice(&b));
        if (depth == WMIO_DEPTH) buf_slice_add(&deepest, buf_slice(&b));
        buf_free(&b);
    }
    struct buf grown;
    buf_init(&grown, 0);
    buf_slice_add(&grown, buf_slice(&shallow));
    graft(&grown, buf_slice(&shallow));
    assert_int_equal(read_exactly(buf_slice(&grown), &o), CIMF_OK); /* two deep */
    graft(&shallow, buf_slice(&deepest));
    assert_int_equal(read_exactly(buf_slice(&shallow), &o), CIMF_INVALID_OBJECT);
    buf_free(&grown);
    buf_free(&shallow);
    buf_free(&deepest);
}

/* ---- classes ---- */

/* A class with one method, as bytes; where its methods part begins. */
static size_t class_with_method(struct buf *b)
{
    struct cim_property_decl params[] = { { .name = SLICE("X"), .type = CIM_UINT32 }, { .name = SLICE("Y"), .type = CIM_STRING } };
    struct cim_method_decl method = { .name = SLICE("M"), .return_type = CIM_UINT32, .params = params, .param_count = 2 };
    struct cim_property_decl property = { .name = SLICE("A"), .type = CIM_UINT32 };
    struct cim_class_decl decl = { .name = SLICE("C"), .super = SLICE(""), .properties = &property, .property_count = 1, .methods = &method, .method_count = 1 };
    const struct cim_class *c;
    struct error e = ERROR_INIT;
    if (cim_class_resolve(&decl, NULL, SLICE("root"), CIM_RESOLVE_SYSTEM, &c, &e) != CIMF_OK) fail_msg("%s", error_text(&e));
    buf_init(b, 0);
    assert_true(wmio_write_unit(b, &c->object, NULL, 0));
    cim_class_unref(c);
    size_t i = 9; /* class part and methods part of no parent, class part */
    for (int part = 0; part < 3; part++) {
        struct cursor k = cursor_of(slice_of(b->p + i, 4));
        i += cursor_u32le(&k);
    }
    return i;
}

static void methods_that_lie(void **state)
{
    static const struct { const char *what; size_t at; unsigned width; uint32_t value; } lies[] = {
        { "more methods than there are", 4, 2, 65535 },   { "one more", 4, 2, 2 },
        { "a part longer than there is", 0, 4, 0x10000 }, { "a part shorter than its length", 0, 4, 3 },
        { "a name past the heap", 8, 4, 0x10000 },        { "qualifiers past the heap", 20, 4, 0x7fffff00 },
        { "a signature past the heap", 24, 4, 0x10000 },  { "a signature in the middle of nothing", 24, 4, 1 },
        { "answers past the heap", 28, 4, 0x10000 },      { "a heap without its mark", 32, 4, 5 },
        { "a heap larger than the rest", 32, 4, 0xffffffff },
    };
    struct buf b;
    struct wmio_object o;
    size_t start = class_with_method(&b);
    assert_int_equal(read_exactly(buf_slice(&b), &o), CIMF_OK);
    assert_int_equal(o.cls->all.method_count, 1);
    assert_int_equal(o.cls->all.methods[0].param_count, 2);
    buf_free(&b);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        class_with_method(&b);
        for (unsigned k = 0; k < lies[i].width; k++) b.p[start + lies[i].at + k] = (char)(lies[i].value >> 8 * k);
        if (read_exactly(buf_slice(&b), &o) == CIMF_OK) fail_msg("%s", lies[i].what);
        buf_free(&b);
    }
    class_with_method(&b);
    for (size_t i = start; i < b.n; i++) { /* signatures, parameters with the same number, lengths within them */
        char was = b.p[i];
        for (int v = 0; v < 4; v++) {
            b.p[i] = (char[]){ 0, 1, (char)0x80, (char)0xff }[v];
            (void)read_exactly(buf_slice(&b), &o);
        }
        b.p[i] = was;
        arena_reset(&a);
    }
    buf_free(&b);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_truth), T(one_field_lies), T(every_byte_lies), T(strings_without_end), T(names), T(overlapping_objects), T(embedded), T(methods_that_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
