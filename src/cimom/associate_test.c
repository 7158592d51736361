/* ASSOCIATORS OF and REFERENCES OF: stored and provided associations, every keyword, SchemaOnly. */
#include <stdio.h>
#include <stdlib.h>

#include "cimom/test_driver.h"

static const char schema_mof[] =
    "[abstract] class Element { [key] string Name; string Note; };\n"
    "class Host : Element { };\n"
    "[Marked] class Disk : Element { };\n"
    "class Ssd : Disk { };\n"
    "class Part : Element { };\n"
    "[association, abstract] class Link { };\n"
    "[association, Owned] class HostDisk : Link { [key] Host ref Owner; [key] Disk ref Item; "
    "uint32 Slot; };\n"
    "[association] class DiskPart : Link { [key] Disk ref Whole; [key] Part ref Piece; };\n"
    "[association] class Peer : Link { [key] Host ref Left; [key] Host ref Right; };\n"
    "[dynamic, provider(\"t\")] class Live : Element { };\n"
    "[association, dynamic, provider(\"t\")] class LiveLink : Link { [key] Live ref From; [key] "
    "Element ref To; };\n"
    "instance of Host { Name = \"h1\"; }; instance of Host { Name = \"h2\"; };\n"
    "instance of Disk { Name = \"d1\"; }; instance of Ssd { Name = \"d 2, x\"; };\n"
    "instance of Part { Name = \"p1\"; };\n"
    "instance of HostDisk { Owner = \"Host.Name=\\\"h1\\\"\"; Item = \"Disk.Name=\\\"d1\\\"\"; "
    "Slot = 1; };\n"
    "instance of HostDisk { Owner = \"Host=\\\"H1\\\"\"; Item = "
    "\"\\\\\\\\.\\\\root\\\\test:Ssd.Name=\\\"d 2, x\\\"\"; };\n"
    "instance of HostDisk { Owner = \"Host.Name=\\\"h1\\\"\"; Item = \"Disk.Name=\\\"gone\\\"\"; "
    "};\n"
    "instance of DiskPart { Whole = \"Disk.Name=\\\"d 2, x\\\"\"; Piece = "
    "\"Part.Name=\\\"p1\\\"\"; };\n"
    "instance of Peer { Left = \"Host.Name=\\\"h1\\\"\"; Right = \"Host.Name=\\\"h2\\\"\"; };\n"
    "instance of Peer { Left = \"Host.Name=\\\"h2\\\"\"; Right = \"Host.Name=\\\"h2\\\"\"; };\n";

enum { LIVE = 20 };
static unsigned live_fills, link_fills;

static cimf_status live_open(struct provider_call *c, void **state, size_t *rows)
{
    struct slice name;
    *rows = LIVE;
    if (provider_key_text(c, "Name", &name)) {
        *state = ARENA_NEW(c->arena, int);
        *(int *)*state = atoi(arena_strz(c->arena, slice_sub(name, 1)));
        *rows = 1;
    }
    return CIMF_OK;
}

static cimf_status live_fill(struct provider_call *c, void *state, size_t row,
                             struct cim_instance *out)
{
    char name[16];
    snprintf(name, sizeof name, "l%d", state ? *(int *)state : (int)row);
    live_fills++;
    cim_put_strz(out, "Name", name);
    return CIMF_OK;
}

/* l(n) -> l(n+1), and l0 -> Host h1. */
static cimf_status link_open(struct provider_call *c, void **state, size_t *rows)
{
    struct slice cls, name;
    int *only = ARENA_NEW(c->arena, int);
    *state = only;
    *only = -1;
    *rows = LIVE;
    if (provider_key_reference(c, "From", "Name", &cls, &name)) {
        *only = atoi(arena_strz(c->arena, slice_sub(name, 1)));
        *rows = 1;
    }
    return CIMF_OK;
}

static cimf_status link_fill(struct provider_call *c, void *state, size_t row,
                             struct cim_instance *out)
{
    char from[32], to[64];
    int n = *(int *)state >= 0 ? *(int *)state : (int)row;
    link_fills++;
    snprintf(from, sizeof from, "Live.Name=\"l%d\"", n);
    snprintf(to, sizeof to, n ? "\\\\testhost\\root\\test:Live.Name=\"l%d\"" : "Host.Name=\"h1\"",
             n + 1);
    cim_put_strz(out, "From", from);
    cim_put_strz(out, "To", to);
    return CIMF_OK;
}

static const struct provider_class live = { "root/test", "Live", 0,    live_open, live_fill,
                                            NULL,        NULL,   NULL, NULL };
static const struct provider_class link_ = { "root/test", "LiveLink", PROVIDER_BLOCKING,
                                             link_open,   link_fill,  NULL,
                                             NULL,        NULL,       NULL };
static const struct provider_class *const providers[] = { &live, &link_, NULL };

static int setup(void **state)
{
    static struct driver d;
    struct cimom_config config = { .providers = providers };
    driver_open(&d, &config);
    driver_mof(&d, "root/test", schema_mof);
    *state = &d;
    return 0;
}

static int teardown(void **state)
{
    driver_close(*state);
    return 0;
}

/* Sorted "Class:Name" of all results, joined by blanks. */
static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static const char *answer_of(struct driver *d, const char *query)
{
    struct answer a = { .page = 2 };
    char *item[64], *all = arena_alloc(&d->arena, 4096);
    cimf_status s = driver_query(d, "root/test", query, &a);
    all[0] = 0;
    if (s) return cimf_status_name(s);
    for (unsigned i = 0; i < a.count; i++) {
        item[i] = arena_alloc(&d->arena, 200);
        const char *name = cim_as_instance(a.objects[i]) ? driver_text(d, &a, i, "Name") : "class";
        snprintf(item[i], 200, "%s:%s", driver_class_name(&a, i), name);
    }
    qsort(item, a.count, sizeof *item, by_text);
    for (unsigned i = 0; i < a.count; i++) {
        if (i) strcat(all, " ");
        strcat(all, item[i]);
    }
    return all;
}

#define assert_answer(query, want) assert_string_equal(answer_of(d, query), want)

/* covers: cim-core:Q7 */
static void associators(void **state)
{
    struct driver *d = *state;
    assert_answer("ASSOCIATORS OF {Host.Name='h1'}", "Disk:d1 Host:h2 Live:l0 Ssd:d 2, x");
    assert_answer("ASSOCIATORS OF {Host='h1'} WHERE AssocClass=HostDisk", "Disk:d1 Ssd:d 2, x");
    assert_answer("ASSOCIATORS OF {Host='h1'} WHERE AssocClass=Link ResultClass=Disk",
                  "Disk:d1 Ssd:d 2, x");
    assert_answer("ASSOCIATORS OF {Host='h1'} WHERE ResultClass=Ssd", "Ssd:d 2, x");
    assert_answer("ASSOCIATORS OF {Host='h1'} WHERE Role=Left", "Host:h2");
    assert_answer("ASSOCIATORS OF {Host='h1'} WHERE Role=Right", "");
    assert_answer("ASSOCIATORS OF {Host='h1'} WHERE ResultRole=Item", "Disk:d1 Ssd:d 2, x");
    assert_answer("ASSOCIATORS OF {Host='h1'} WHERE RequiredAssocQualifier=Owned",
                  "Disk:d1 Ssd:d 2, x");
    assert_answer("ASSOCIATORS OF {Host='h1'} WHERE RequiredQualifier=Marked", "Disk:d1");
    assert_answer("ASSOCIATORS OF {Host='h2'}", "Host:h1 Host:h2");
    /* Through the class of the reference, a superclass, and with blanks in the key. */
    assert_answer("ASSOCIATORS OF {Ssd.Name=\"d 2, x\"}", "Host:h1 Part:p1");
    assert_answer("ASSOCIATORS OF {Disk.Name=\"D 2, X\"} WHERE ResultClass=Part", "Part:p1");
    assert_answer("ASSOCIATORS OF {Host='h1'} WHERE ResultClass=Disk ClassDefsOnly",
                  "INVALID_QUERY");
    assert_answer("ASSOCIATORS OF {Host='h1'} WHERE AssocClass=HostDisk ClassDefsOnly",
                  "Disk:class Ssd:class");
    assert_answer("ASSOCIATORS OF {Host='none'}", "NOT_FOUND");
    assert_answer("ASSOCIATORS OF {Nothing='none'}", "INVALID_CLASS");
    assert_answer("ASSOCIATORS OF {Host}", "INVALID_QUERY");
}

/* covers: cim-core:Q8 */
static void references(void **state)
{
    struct driver *d = *state;
    struct answer a = { 0 }, b = { 0 };
    assert_status(
        driver_query(d, "root/test", "REFERENCES OF {Host='h1'} WHERE ResultClass=HostDisk", &a),
        OK);
    assert_int_equal(a.count, 3);
    assert_string_equal(driver_text(d, &a, 0, "Slot"), "1");
    assert_status(driver_query(d, "root/test", "REFERENCES OF {Host='h2'} WHERE KeysOnly", &b), OK);
    assert_int_equal(b.count, 2);
    assert_answer("REFERENCES OF {Host='h1'} WHERE Role=Owner ClassDefsOnly", "HostDisk:class");
    assert_answer("REFERENCES OF {Host='h1'} WHERE RequiredQualifier=Owned ClassDefsOnly",
                  "HostDisk:class");
}

/* covers: cim-core:Q7 cim-core:Q8 */
static void schema_only(void **state)
{
    struct driver *d = *state;
    assert_answer("REFERENCES OF {Host} WHERE SchemaOnly",
                  "HostDisk:class LiveLink:class Peer:class");
    assert_answer("ASSOCIATORS OF {Host} WHERE SchemaOnly", "Disk:class Host:class Live:class");
    assert_answer("ASSOCIATORS OF {Ssd} WHERE SchemaOnly AssocClass=DiskPart", "Part:class");
    assert_answer("ASSOCIATORS OF {Host} WHERE SchemaOnly Role=Owner", "Disk:class");
}

/* Providers are asked with the reference fixed: no walk over all pairs. */
static void dynamic(void **state)
{
    struct driver *d = *state;
    assert_answer("ASSOCIATORS OF {Live='l3'} WHERE Role=From", "Live:l4");
    live_fills = link_fills = 0;
    assert_answer("ASSOCIATORS OF {Live.Name='l3'} WHERE Role=From", "Live:l4");
    assert_int_equal(link_fills, 1);
    assert_int_equal(live_fills, 2);
    assert_answer("ASSOCIATORS OF {Live='l3'}", "Live:l2 Live:l4");
    assert_answer("ASSOCIATORS OF {Live='l0'}", "Host:h1");
}

/* Many references to one object come page by page. */
static void many(void **state)
{
    struct driver *d = *state;
    assert_status(driver_put(d, "root/test", "Host", 0, "Name=hub", NULL), OK);
    for (unsigned i = 0; i < 200; i++) {
        char disk[32], item[64];
        snprintf(disk, sizeof disk, "Name=m%u", i);
        snprintf(item, sizeof item, "Item=Disk.Name=\"m%u\"", i);
        assert_status(driver_put(d, "root/test", "Disk", 0, disk, NULL), OK);
        assert_status(
            driver_put(d, "root/test", "HostDisk", 0, "Owner=Host.Name=\"hub\"", item, NULL), OK);
    }
    struct answer a = { .page = 13 }, b = { .again = 3 };
    assert_status(driver_query(d, "root/test", "ASSOCIATORS OF {Host='hub'}", &a), OK);
    assert_int_equal(a.count, 200);
    assert_status(driver_query(d, "root/test", "REFERENCES OF {Host='hub'}", &b), OK);
    assert_int_equal(b.count, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(associators), cmocka_unit_test(references), cmocka_unit_test(schema_only),
        cmocka_unit_test(dynamic),     cmocka_unit_test(many),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
