/*
 * cimom_bench [MOF-FILE]: what the object manager costs without any protocol: starts, gets, scans,
 * queries, writes, open enumerations, and the durable compilation of MOF-FILE into a namespace of
 * its own. For the figures of docs/performance.md.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "auth/access.h"
#include "base/clock.h"
#include "cimom/cimom.h"
#include "mof/test_disk.h"
#include "os/pool.h"

enum { INSTANCES = 100000, GETS = 200000, OPEN = 10000 };

static bool queue_post(struct exec *self, void (*fn)(void *), void *arg);
static bool always_here(struct exec *self)
{
    return true;
}

static struct {
    pthread_mutex_t lock;
    pthread_cond_t posted;
    struct {
        void (*fn)(void *);
        void *arg;
    } queue[4096];
    size_t head, count;
} Q = { .lock = PTHREAD_MUTEX_INITIALIZER, .posted = PTHREAD_COND_INITIALIZER };
static struct exec home = { queue_post, always_here };

static bool queue_post(struct exec *self, void (*fn)(void *), void *arg)
{
    pthread_mutex_lock(&Q.lock);
    size_t at = (Q.head + Q.count++) % 4096;
    Q.queue[at].fn = fn;
    Q.queue[at].arg = arg;
    pthread_cond_signal(&Q.posted);
    pthread_mutex_unlock(&Q.lock);
    return true;
}

static void step(void)
{
    pthread_mutex_lock(&Q.lock);
    while (!Q.count) pthread_cond_wait(&Q.posted, &Q.lock);
    void (*fn)(void *) = Q.queue[Q.head].fn;
    void *arg = Q.queue[Q.head].arg;
    Q.head = (Q.head + 1) % 4096;
    Q.count--;
    pthread_mutex_unlock(&Q.lock);
    fn(arg);
}

static struct principal admin = {
    .magic = 0x50524e43, .refs = 1 << 20, .name = { "root", 4 }, .administrator = true,
    .scheme = AUTH_BASIC, .sid = "S-1-5-21-1-2-3-500",
};
static struct arena arena;
static struct cim_manager *manager;
static struct cimom *cimom;
static struct repo *repo;
static struct pool *pool;
static char dir[] = "/tmp/cimom-bench-XXXXXX";
static const char *store;
static uint64_t objects;
static cimf_status last;
static bool done, paging;

static enum cim_sink_answer on_object(struct cim_op *op, const struct cim_object *o)
{
    objects++;
    return paging ? CIM_SINK_PAUSE : CIM_SINK_MORE;
}

static void on_done(struct cim_op *op, cimf_status status)
{
    done = true;
    last = status;
    if (status && status != CIMF_CALL_CANCELLED) fprintf(stderr, "%s\n", error_text(&op->error));
}

static const struct cim_sink sink = { on_object, on_done };

static struct cim_op make(enum cim_verb verb)
{
    return (struct cim_op){ .verb = verb,
                            .ns = SLICE("root/bench"),
                            .language = SLICE("WQL"),
                            .principal = &admin,
                            .arena = &arena,
                            .home = &home,
                            .sink = &sink };
}

static void run(struct cim_op *op)
{
    done = false;
    cim_submit(manager, op);
    while (!done) step();
}

static void report(const char *what, int64_t us, uint64_t n)
{
    printf("%-44s %10.3f us each  %12.0f /s\n", what, (double)us / (double)n,
           (double)n * 1e6 / (double)us);
}

static void die(struct error *e)
{
    fprintf(stderr, "%s: %s (%s:%u:%u)\n", cimf_status_name(e->status), error_text(e), e->subject,
            e->line, e->column);
    exit(1);
}

static void start(const char *what)
{
    struct error e = ERROR_INIT;
    int64_t t0 = clock_mono_us();
    if (repo_open(store, NULL, &repo, &e)) die(&e);
    pool = pool_new("bench", 0, 0, &e);
    struct cimom_config c = { .repo = repo,
                              .pool = pool_exec(pool),
                              .files = schema_files,
                              .file_count = schema_file_count,
                              .namespaces = schema_namespaces,
                              .version = schema_version,
                              .server = SLICE("bench") };
    int64_t t1 = clock_mono_us();
    if (cimom_create(&c, &cimom, &e)) die(&e);
    manager = cimom_manager(cimom);
    int64_t t2 = clock_mono_us();
    struct cim_op op = make(CIM_OP_QUERY);
    op.ns = SLICE("root/cimv2");
    op.query = SLICE("SELECT * FROM __NAMESPACE");
    run(&op);
    int64_t t3 = clock_mono_us();
    printf("%-44s %10.3f ms (repository %.3f, manager %.3f, first query %.3f)\n", what,
           (double)(t3 - t0) / 1e3, (double)(t1 - t0) / 1e3, (double)(t2 - t1) / 1e3,
           (double)(t3 - t2) / 1e3);
}

static void stop(void)
{
    pool_free(pool);
    repo_close(repo);
    cimom_destroy(cimom);
}

static void compile(const struct mof_source *source, const char *ns, bool tell)
{
    struct error e = ERROR_INIT;
    struct mof_unit unit;
    struct mof_counts counts;
    struct arena a;
    arena_init(&a, (size_t)512 << 20);
    struct mof_options options = { .ns = slice_str(ns), .include = disk_include };
    int64_t t0 = clock_mono_us();
    if (mof_parse(&a, source, &options, &unit, &e)) die(&e);
    int64_t t1 = clock_mono_us();
    if (cimom_compile_mof_sync(cimom, &unit, &admin, &counts, &e)) die(&e);
    int64_t t2 = clock_mono_us();
    if (tell) {
        printf("%-44s %10.3f ms (parse %.3f, apply and commit %.3f), %u classes, %u qualifiers\n",
               "compile", (double)(t2 - t0) / 1e3, (double)(t1 - t0) / 1e3, (double)(t2 - t1) / 1e3,
               counts.classes, counts.qualifiers);
    }
    arena_free(&a);
}

static void compile_text(const char *ns, const char *text)
{
    struct mof_source source = { SLICE("bench"), slice_str(text) };
    compile(&source, ns, false);
}

static void fill(void)
{
    struct buf b;
    buf_init(&b, (size_t)256 << 20);
    buf_str(&b, "class Item { [key] string Name; uint32 Size; string Owner; boolean On; };\n");
    for (unsigned i = 0; i < INSTANCES; i++) {
        buf_printf(&b,
                   "instance of Item { Name=\"item%u\"; Size=%u; Owner=\"alice\"; On=TRUE; };\n", i,
                   i % 1000);
    }
    int64_t t0 = clock_mono_us();
    compile_text("root/bench", buf_strz(&b));
    report("MOF instances, one transaction", clock_mono_us() - t0, INSTANCES);
    buf_free(&b);
}

static void gets(void)
{
    struct cim_op op = make(CIM_OP_GET_INSTANCE);
    struct cim_path path;
    if (cim_path_parse(&arena, SLICE("Item.Name=\"item777\""), &path, NULL)) abort();
    op.path = path;
    int64_t t0 = clock_mono_us();
    for (unsigned i = 0; i < GETS; i++) run(&op);
    report("GetInstance, repository", clock_mono_us() - t0, GETS);
}

/* Namespace, rights by its descriptor, schema: what every operation begins with. The user comes in by the last ACE of
 * the default descriptor, a denied one is looked for in all of them. */
static void checks(const char *what, const struct principal *p)
{
    int64_t t0 = clock_mono_us();
    for (unsigned i = 0; i < 5 * GETS; i++) {
        cim_schema_unref(manager->schema(manager, SLICE("root/bench"), p));
    }
    report(what, clock_mono_us() - t0, 5 * GETS);
}

static void check_all(void)
{
    static const struct slice groups[] = { SLICE("Remote Management Users"), SLICE("staff") };
    struct principal users[] = {
        { .name = SLICE("alice"), .scheme = AUTH_BASIC, .sid = "S-1-5-21-1-2-3-1001", .groups = groups, .group_count = 2 },
        { .name = SLICE("bob"), .scheme = AUTH_BASIC, .sid = "S-1-5-21-1-2-3-1002" },
    };
    for (int i = 0; i < 2; i++) {
        if (access_token_make(&arena, &users[i], NULL, 0, &users[i].token, NULL)) abort();
    }
    checks("access check, administrator", &admin);
    checks("access check, remote user", &users[0]);
    checks("access check, denied", &users[1]);
}

static void query(const char *what, const char *text, unsigned rounds, bool per_row)
{
    struct cim_op op = make(CIM_OP_QUERY);
    op.query = slice_str(text);
    objects = 0;
    int64_t t0 = clock_mono_us();
    for (unsigned i = 0; i < rounds; i++) run(&op);
    report(what, clock_mono_us() - t0, per_row ? (uint64_t)INSTANCES * rounds : rounds);
}

static void puts_(unsigned n)
{
    struct cim_schema *schema = manager->schema(manager, SLICE("root/bench"), &admin);
    const struct cim_class *c = cim_schema_class(schema, SLICE("Item"));
    struct cim_instance *in = cim_instance_new(&arena, c);
    cim_put_strz(in, "Name", "written");
    struct cim_op op = make(CIM_OP_PUT_INSTANCE);
    op.instance = in;
    int64_t t0 = clock_mono_us();
    for (unsigned i = 0; i < n; i++) run(&op);
    report("PutInstance, durable, one at a time", clock_mono_us() - t0, n);
    cim_schema_unref(schema);
}

static long resident(void)
{
    long pages = 0, rss = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%ld %ld", &pages, &rss) != 2) rss = 0;
    if (f) fclose(f);
    return rss * 4;
}

static void open_enumerations(void)
{
    static struct cim_op op[OPEN];
    long before = resident();
    paging = true;
    int64_t t0 = clock_mono_us();
    for (unsigned i = 0; i < OPEN; i++) {
        op[i] = make(CIM_OP_QUERY);
        op[i].query = SLICE("SELECT Name, Size FROM Item");
        cim_submit(manager, &op[i]);
    }
    report("query paused after one result", clock_mono_us() - t0, OPEN);
    printf("%-44s %10.3f KB each (%u open)\n", "memory of a paused query",
           (double)(resident() - before) / OPEN, cimom_active(cimom));
    for (unsigned i = 0; i < OPEN; i++) cim_cancel(manager, &op[i]);
    paging = false;
}

int main(int argc, char **argv)
{
    arena_init(&arena, (size_t)1 << 30);
    if (access_token_make(&arena, &admin, NULL, 0, &admin.token, NULL)) return 1;
    if (!mkdtemp(dir)) return 1;
    store = dir;
    start("first start");
    stop();
    start("later start");
    compile_text("root", "instance of __Namespace { Name = \"bench\"; };"
                         "instance of __Namespace { Name = \"dmtf2\"; };");
    fill();
    check_all();
    gets();
    query("SELECT * scan", "SELECT * FROM Item", 5, true);
    query("SELECT Name, Size scan", "SELECT Name, Size FROM Item", 5, true);
    query("filter that nothing passes", "SELECT * FROM Item WHERE Size = 5000", 5, true);
    query("SELECT by key", "SELECT Size FROM Item WHERE Name = 'item5'", 100000, false);
    puts_(200);
    open_enumerations();
    if (argc > 1) {
        struct mof_source source;
        if (!disk_source(&arena, argv[1], &source)) {
            perror(argv[1]);
            return 1;
        }
        compile(&source, "root/dmtf2", true);
    }
    stop();
    start("start with what was added");
    if (argc > 1) {
        long before = resident();
        int64_t t0 = clock_mono_us();
        struct cim_op op = make(CIM_OP_ENUM_CLASSES);
        op.ns = SLICE("root/dmtf2");
        objects = 0;
        run(&op);
        printf("%-44s %10.3f ms, %llu classes, %ld KB\n", "load and list the compiled namespace",
               (double)(clock_mono_us() - t0) / 1e3, (unsigned long long)objects,
               resident() - before);
    }
    stop();
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    printf("%-44s %10ld KB\n", "peak memory", use.ru_maxrss);
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) != 0;
}
