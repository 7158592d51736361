/* dump: a namespace as MOF that compiles back to an equal repository. */
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"

struct dump {
    struct cli *c;
    bool progress;             /* standard error is a terminal */
    const cimf_class **classes;
    size_t class_count, room;
    unsigned long instances;
    cimf_error e;
};

static bool write_text(cimf_str text, void *arg)
{
    return fwrite(text.p, 1, text.n, arg) == text.n;
}

static void show(const struct dump *d, const char *what, size_t at)
{
    if (d->progress) fprintf(stderr, "\r\033[K%s %zu of %zu, %lu instances", what, at, d->class_count, d->instances);
}

static bool keep(struct dump *d, const cimf_class *cls)
{
    if (d->class_count == d->room) {
        size_t room = d->room ? d->room * 2 : 256;
        const cimf_class **more = realloc(d->classes, room * sizeof *more);
        if (!more) return false;
        d->classes = more;
        d->room = room;
    }
    d->classes[d->class_count++] = cimf_class_ref(cls);
    return true;
}

static int read_classes(struct dump *d)
{
    cimf_operation *op;
    const cimf_class *cls = NULL;
    cimf_status status = cimf_classes(d->c->session, cimf_str_of(""), cimf_str_of(""), 0, &op, &d->e);
    if (status != CIMF_OK) return cli_failed(d->c, &d->e);
    bool memory = true;
    while (memory && (status = cimf_operation_next_class(op, &cls, &d->e)) == CIMF_OK && cls) memory = keep(d, cls);
    cimf_operation_free(op);
    if (!memory) return cli_no_memory(d->c);
    return status == CIMF_OK ? 0 : cli_failed(d->c, &d->e);
}

static bool is_system(const cimf_class *cls)
{
    return (cimf_class_traits(cls) & CIMF_CLASS_SYSTEM) != 0;
}

/* Stored instances only; what the object manager itself makes of a namespace is not data. */
static bool has_data(const cimf_class *cls)
{
    static const char *const own[] = { "__NAMESPACE", "__SystemSecurity", "__CIMOMIdentification", "__thisNAMESPACE" };
    unsigned traits = cimf_class_traits(cls);
    if (traits & (CIMF_CLASS_ABSTRACT | CIMF_CLASS_DYNAMIC | CIMF_CLASS_INDICATION)) return false;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (cimf_name_equal(cimf_class_name(cls), cimf_str_of(own[i]))) return false;
    }
    bool keyed = (traits & CIMF_CLASS_SINGLETON) != 0;
    for (uint32_t i = 0; !keyed && i < cimf_class_property_count(cls); i++) {
        keyed = cimf_class_property(cls, i).traits & CIMF_PROPERTY_KEY;
    }
    return keyed;
}

static int dump_instances(struct dump *d, const cimf_class *cls)
{
    cimf_operation *op;
    const cimf_instance *in = NULL;
    cimf_status status = cimf_enumerate(d->c->session, cimf_str_of(""), cimf_class_name(cls), CIMF_EXACT_CLASS, &op, &d->e);
    if (status != CIMF_OK) return cli_failed(d->c, &d->e);
    while ((status = cimf_operation_next(op, &in, &d->e)) == CIMF_OK && in) {
        /* Servers that do not know the exact mode send subclasses too: those come with their own class. */
        if (!cimf_name_equal(cimf_instance_class_name(in), cimf_class_name(cls))) continue;
        putchar('\n');
        status = cimf_mof_instance(in, write_text, stdout);
        if (status != CIMF_OK) break;
        d->instances++;
    }
    cimf_operation_free(op);
    /* No provider, or none that lists: there is nothing stored. */
    if (status != CIMF_OK && cimf_status_info(status)->exit_code == 7) return 0;
    if (status == CIMF_IO_ERROR && ferror(stdout)) return 1;
    return status == CIMF_OK ? 0 : cli_failed(d->c, &d->e);
}

static const cimf_class *find(const struct dump *d, cimf_str name)
{
    for (size_t i = 0; i < d->class_count; i++) {
        if (cimf_name_equal(cimf_class_name(d->classes[i]), name)) return d->classes[i];
    }
    return NULL;
}

/* Some class is abstract below one that is not: DSP0004 allows it, WMI does not. A server that shows no qualifier
 * declarations may still hold such a schema; a namespace that follows DSP0004 is known by having one of Abstract. */
static bool follows_dsp0004(const struct dump *d)
{
    for (size_t i = 0; i < d->class_count; i++) {
        if (!(cimf_class_traits(d->classes[i]) & CIMF_CLASS_ABSTRACT)) continue;
        cimf_str name = cimf_class_superclass(d->classes[i]);
        const cimf_class *super = name.n ? find(d, name) : NULL;
        if (super && !(cimf_class_traits(super) & CIMF_CLASS_ABSTRACT)) return true;
    }
    return false;
}

/* Declared qualifiers, where the server shows them (ours does): a schema of DMTF does not compile without. Answers how
 * many there are. */
static unsigned write_qualifiers(struct dump *d)
{
    unsigned count = 0;
    cimf_operation *op;
    const cimf_instance *in = NULL;
    cimf_error quiet = { 0 };
    cimf_str name = cimf_str_of("__QualifierDeclaration");
    if (cimf_enumerate(d->c->session, cimf_str_of(""), name, 0, &op, &quiet) != CIMF_OK) return 0;
    while (cimf_operation_next(op, &in, &quiet) == CIMF_OK && in) {
        cimf_value value;
        if (cimf_instance_get(in, cimf_str_of("Declaration"), &value) != CIMF_OK || value.type != CIMF_STRING || value.null) continue;
        putchar('\n');
        write_text(value.v.s, stdout);
        putchar('\n');
        count++;
    }
    cimf_operation_free(op);
    return count;
}

static int write_all(struct dump *d)
{
    cimf_str ns = cimf_session_namespace(d->c->session);
    cimf_mof_namespace(ns, write_text, stdout);
    if (write_qualifiers(d) == 0 && follows_dsp0004(d)) {
        fputs("\nQualifier Abstract : boolean = false, Scope(class, association, indication), Flavor(Restricted);\n", stdout);
    }
    for (size_t i = 0; i < d->class_count; i++) {
        if (is_system(d->classes[i])) continue; /* every namespace has them */
        putchar('\n');
        cimf_mof_class(d->classes[i], 0, write_text, stdout);
    }
    int code = 0;
    for (size_t i = 0; i < d->class_count && code == 0 && !ferror(stdout); i++) {
        if (!has_data(d->classes[i])) continue;
        show(d, "class", i + 1);
        code = dump_instances(d, d->classes[i]);
    }
    return code;
}

int cli_dump(struct cli *c)
{
    struct dump d = { .c = c, .progress = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO) };
    if (d.progress) fputs("reading classes", stderr);
    int code = read_classes(&d);
    if (code == 0) code = write_all(&d);
    if (d.progress) fprintf(stderr, "\r\033[K");
    if (d.progress && code == 0) fprintf(stderr, "%zu classes, %lu instances\n", d.class_count, d.instances);
    for (size_t i = 0; i < d.class_count; i++) cimf_class_unref(d.classes[i]);
    free(d.classes);
    return code;
}
