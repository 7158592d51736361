/* classes, class. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static bool write_text(cimf_str text, void *arg)
{
    return fwrite(text.p, 1, text.n, arg) == text.n;
}

struct names {
    char **p;
    size_t n, room;
};

static bool names_add(struct names *list, cimf_str name)
{
    if (list->n == list->room) {
        size_t room = list->room ? list->room * 2 : 256;
        char **more = realloc(list->p, room * sizeof *more);
        if (!more) return false;
        list->p = more;
        list->room = room;
    }
    list->p[list->n] = strndup(name.p, name.n);
    return list->p[list->n++] != NULL;
}

static void names_free(struct names *list)
{
    for (size_t i = 0; i < list->n; i++) free(list->p[i]);
    free(list->p);
}

static int compare(const void *a, const void *b)
{
    return strcasecmp(*(char *const *)a, *(char *const *)b);
}

static void names_print(struct cli *c, const struct names *list)
{
    bool json = c->format == OUTPUT_JSON;
    if (json) putchar('[');
    for (size_t i = 0; i < list->n; i++) {
        /* Names are identifiers; whatever else a server sends is made harmless. */
        struct text t = { 0 };
        cimf_value v = { .type = CIMF_STRING, .v = { .s = cimf_str_of(list->p[i]) } };
        text_value(&t, &v);
        for (size_t k = 0; k < t.n; k++) {
            if (t.p[k] == '"' || t.p[k] == '\\') t.p[k] = '?';
        }
        if (json) printf("%s\n  \"%s\"", i ? "," : "", t.n ? t.p : "");
        else printf("%s\n", t.n ? t.p : "");
        text_free(&t);
    }
    if (json) fputs(list->n ? "\n]\n" : "]\n", stdout);
}

int cli_classes(struct cli *c)
{
    cimf_error e;
    cimf_operation *op;
    cimf_status status = cimf_classes(c->session, cimf_str_of(""), cimf_str_of(""), CIMF_CLASS_NAMES, &op, &e);
    if (status != CIMF_OK) return cli_failed(c, &e);
    struct names list = { 0 };
    cimf_str name;
    bool memory = true;
    while (memory && (status = cimf_operation_next_name(op, &name, &e)) == CIMF_OK && name.p) {
        memory = names_add(&list, name);
        bool fits = memory && (c->operand_count < 2 || fnmatch(c->operands[1], list.p[list.n - 1], FNM_CASEFOLD) == 0);
        if (memory && !fits) free(list.p[--list.n]);
    }
    cimf_operation_free(op);
    if (memory && status == CIMF_OK) {
        if (list.n) qsort(list.p, list.n, sizeof *list.p, compare);
        names_print(c, &list);
    }
    names_free(&list);
    if (!memory) return cli_no_memory(c);
    return status == CIMF_OK ? 0 : cli_failed(c, &e);
}

int cli_class(struct cli *c)
{
    cimf_error e;
    cimf_operation *op;
    const cimf_class *cls = NULL;
    cimf_status status = cimf_get_class(c->session, cimf_str_of(""), cli_operand(c, 1), &op, &e);
    if (status != CIMF_OK) return cli_failed(c, &e);
    status = cimf_operation_next_class(op, &cls, &e);
    if (status == CIMF_OK && cls) cimf_mof_class(cls, c->declared ? 0 : CIMF_MOF_FULL, write_text, stdout);
    cimf_operation_free(op);
    if (status == CIMF_NOT_FOUND && !e.hint[0]) snprintf(e.hint, sizeof e.hint, "cim classes lists the classes of a namespace");
    return status == CIMF_OK ? 0 : cli_failed(c, &e);
}
