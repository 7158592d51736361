/*
 * mof_bench FILE [ROUNDS]: time to parse a MOF file with its includes and to compile it into memory.
 * Prints the best of the rounds. For the figures of docs/performance.md.
 */
#include "base/clock.h"
#include "mof/memory.h"
#include "mof/test_disk.h"

static int fail(const struct error *e)
{
    fprintf(stderr, "%s:%u:%u: %s (%s)\n", e->subject, e->line, e->column, error_text(e),
            cimf_status_name(e->status));
    return 1;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: mof_bench FILE [ROUNDS]\n");
        return 2;
    }
    int rounds = argc > 2 ? atoi(argv[2]) : 5;
    int64_t best_parse = INT64_MAX, best_apply = INT64_MAX;
    size_t bytes = 0, memory = 0;
    struct mof_counts counts = { 0 };
    for (int i = 0; i < rounds; i++) {
        struct arena a;
        struct mof_source source;
        struct mof_unit unit;
        struct error e = ERROR_INIT;
        struct mof_options options = { .ns = SLICE("root/dmtf"), .include = disk_include };
        arena_init(&a, (size_t)512 << 20);
        if (!disk_source(&a, argv[1], &source)) {
            perror(argv[1]);
            return 1;
        }
        int64_t t0 = clock_mono_us();
        if (mof_parse(&a, &source, &options, &unit, &e)) return fail(&e);
        int64_t t1 = clock_mono_us();
        bytes = 0;
        for (uint32_t f = 0; f < unit.file_count; f++) bytes += unit.files[f].text.n;
        memory = a.used;
        struct mof_memory *m = mof_memory_new(SLICE("root/dmtf"));
        int64_t t2 = clock_mono_us();
        if (mof_memory_apply(m, &a, &unit, &counts, &e)) return fail(&e);
        int64_t t3 = clock_mono_us();
        mof_memory_free(m);
        arena_free(&a);
        if (t1 - t0 < best_parse) best_parse = t1 - t0;
        if (t3 - t2 < best_apply) best_apply = t3 - t2;
    }
    printf("%zu bytes, %zu bytes of memory: parse %.1f ms (%.0f MB/s), apply %.1f ms; "
           "%u classes, %u qualifiers, %u instances\n",
           bytes, memory, (double)best_parse / 1e3, (double)bytes / (double)best_parse,
           (double)best_apply / 1e3, counts.classes, counts.qualifiers, counts.instances);
    return 0;
}
