/*
 * tests/provider/dump.c - prints the instances of provider classes, as MOF for people or as JSON
 * for tests.
 *
 *   provider_dump                      the classes and how many instances each has
 *   provider_dump CLASS [-j] [-s PROPERTY]... [KEY=VALUE]...
 */
#include <stdio.h>

#include "base/clock.h"
#include "driver.h"
#include "mof/mof.h"

static void json_text(struct slice s)
{
    putchar('"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

/* One line: every value as its text, arrays as lists, NULL as null. */
static void json_instance(const struct cim_instance *in)
{
    struct buf b;
    buf_init(&b, 0);
    putchar('{');
    for (uint32_t i = 0, shown = 0; i < in->cls->property_count; i++) {
        const struct cim_property *p = &in->cls->properties[i];
        union cim_data v;
        if (!cim_is_sent(in, i)) continue;
        if (shown++) putchar(',');
        json_text(p->name);
        putchar(':');
        bool set = cim_get(in, i, &v), list = CIM_IS_ARRAY(p->type);
        uint32_t n = !set ? 0 : list ? v.a.n : 1;
        if (!set)
            fputs("null", stdout);
        else if (list)
            putchar('[');
        for (uint32_t k = 0; k < n; k++) {
            union cim_data x = list ? cim_array_get(CIM_BASE(p->type), v.a, k) : v;
            buf_clear(&b);
            cim_data_text(&b, CIM_BASE(p->type), &x);
            if (k) putchar(',');
            json_text(buf_slice(&b));
        }
        if (set && list) putchar(']');
    }
    puts("}");
    buf_free(&b);
}

static int summary(void)
{
    int failed = 0;
    for (const struct provider_class *const *p = provider_classes; *p; p++) {
        struct arena a;
        struct error e = ERROR_INIT;
        struct driver_query q = { .class_name = (*p)->class_name };
        struct cim_instance **list;
        size_t n;
        arena_init(&a, 0);
        int64_t from = clock_mono_us();
        cimf_status s = driver_rows(&a, &q, &list, &n, &e);
        printf("%-36s %5zu %8.2f ms %8zu KB  %s\n", (*p)->class_name, n,
               (double)(clock_mono_us() - from) / 1000, a.used / 1024,
               s ? e.text[0] ? e.text : cimf_status_name(s) : "");
        failed |= s != CIMF_OK;
        arena_free(&a);
    }
    return failed;
}

int main(int argc, char **argv)
{
    const char *wanted[64] = { NULL };
    unsigned wants = 0;
    bool json = false;
    if (!driver_schema()) return 1;
    if (argc < 2) return summary();
    struct driver_query q = { .class_name = argv[1] };
    for (int i = 2; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (!strcmp(argv[i], "-j")) {
            json = true;
        } else if (!strcmp(argv[i], "-s") && i + 1 < argc && wants < 63) {
            wanted[wants++] = argv[++i];
        } else if (equals && q.keys < 4) {
            *equals = 0;
            q.key[q.keys] = argv[i];
            q.value[q.keys++] = equals + 1;
        }
    }
    if (wants) q.wanted = wanted;
    struct arena a;
    struct error e = ERROR_INIT;
    struct cim_instance **list;
    size_t n;
    arena_init(&a, 0);
    cimf_status s = driver_rows(&a, &q, &list, &n, &e);
    if (s) fprintf(stderr, "%s: %s\n", cimf_status_name(s), e.text);
    for (size_t i = 0; !s && i < n; i++) {
        struct buf b;
        if (json) {
            json_instance(list[i]);
            continue;
        }
        buf_init(&b, 0);
        mof_write_instance(&b, list[i], NULL);
        fwrite(b.p, 1, b.n, stdout);
        buf_free(&b);
    }
    arena_free(&a);
    driver_end();
    return s != CIMF_OK;
}
