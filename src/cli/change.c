/* set, create, delete, call. */
#include <string.h>

#include "cli/cli.h"

enum { NAME_MAX_BYTES = 16384 };

/* The class of a path, or of a name, in *out (NULL when the server tells no classes); exit code. */
static int class_of(struct cli *c, cimf_str ns, cimf_str name, const cimf_class **out)
{
    cimf_error e;
    cimf_operation *op;
    *out = NULL;
    if (cimf_get_class(c->session, ns, name, &op, &e) != CIMF_OK) return cli_failed(c, &e);
    const cimf_class *found;
    cimf_status status = cimf_operation_next_class(op, &found, &e);
    if (status == CIMF_OK && found) *out = cimf_class_ref(found);
    cimf_operation_free(op);
    /* The server may not tell classes (older Windows, Openwsman): then values travel as text. */
    int exit_code = cimf_status_info(status)->exit_code;
    bool untold = status != CIMF_INVALID_CLASS && status != CIMF_INVALID_NAMESPACE && exit_code != 4 && exit_code != 5 && exit_code != 6;
    return untold ? 0 : cli_failed(c, &e);
}

/* An instance of the class of a path (or of a class by name) with the given words set; ns is the namespace of
 * the path, "" if it has none. */
static int make_instance(struct cli *c, cimf_str path, int first_word, char ns[NAME_MAX_BYTES], cimf_instance **out)
{
    char name[NAME_MAX_BYTES];
    cimf_error e;
    const cimf_class *cls;
    if (cimf_path_split(path, ns, NAME_MAX_BYTES, name, sizeof name, &e) != CIMF_OK) return cli_failed(c, &e);
    int code = class_of(c, cimf_str_of(ns), cimf_str_of(name), &cls);
    if (code) return code;
    cimf_status status = cls ? cimf_instance_new(cls, out) : cimf_instance_new_untyped(cimf_str_of(name), out);
    cimf_class_unref(cls);
    if (status != CIMF_OK) return cli_no_memory(c);
    code = cli_assign(c, *out, c->operands + first_word, c->operand_count - first_word);
    if (code) cimf_instance_free(*out);
    return code;
}

int cli_set(struct cli *c)
{
    cimf_error e;
    cimf_operation *op;
    cimf_instance *changes;
    const cimf_instance *after = NULL;
    char ns[NAME_MAX_BYTES];
    int code = make_instance(c, cli_operand(c, 1), 2, ns, &changes);
    if (code) return code;
    cimf_status status = cimf_put(c->session, cimf_str_of(""), cli_operand(c, 1), changes, &op, &e);
    cimf_instance_free(changes);
    if (status != CIMF_OK) return cli_failed(c, &e);
    struct output o;
    status = cimf_operation_next(op, &after, &e);
    bool memory = true;
    if (status == CIMF_OK && after) {
        memory = output_begin(&o, c->format, stdout, true) && output_add(&o, after);
        if (memory) memory = output_end(&o);
        else output_abandon(&o);
    }
    cimf_operation_free(op);
    if (status != CIMF_OK) return cli_failed(c, &e);
    return memory ? 0 : cli_no_memory(c);
}

int cli_create(struct cli *c)
{
    cimf_error e;
    cimf_operation *op;
    cimf_instance *in;
    char ns[NAME_MAX_BYTES];
    int code = make_instance(c, cli_operand(c, 1), 2, ns, &in);
    if (code) return code;
    cimf_status status = cimf_create(c->session, cimf_str_of(ns), in, &op, &e);
    cimf_instance_free(in);
    if (status != CIMF_OK) return cli_failed(c, &e);
    status = cimf_operation_finish(op, &e);
    if (status == CIMF_OK) {
        struct text t = { 0 };
        cimf_value path = { .type = CIMF_STRING, .v = { .s = cimf_operation_path(op) } };
        text_value(&t, &path);
        if (t.n) printf("%s\n", t.p);
        text_free(&t);
    }
    cimf_operation_free(op);
    return status == CIMF_OK ? 0 : cli_failed(c, &e);
}

int cli_delete(struct cli *c)
{
    cimf_error e;
    cimf_operation *op;
    if (cimf_delete(c->session, cimf_str_of(""), cli_operand(c, 1), &op, &e) != CIMF_OK) return cli_failed(c, &e);
    cimf_status status = cimf_operation_finish(op, &e);
    cimf_operation_free(op);
    return status == CIMF_OK ? 0 : cli_failed(c, &e);
}

/* The in-parameters; *in stays NULL when none are given. */
static int make_parameters(struct cli *c, cimf_instance **in)
{
    char ns[NAME_MAX_BYTES], name[NAME_MAX_BYTES];
    cimf_error e;
    const cimf_class *cls;
    *in = NULL;
    if (c->operand_count <= 3) return 0;
    if (cimf_path_split(cli_operand(c, 1), ns, sizeof ns, name, sizeof name, &e) != CIMF_OK) return cli_failed(c, &e);
    int code = class_of(c, cimf_str_of(ns), cimf_str_of(name), &cls);
    if (code) return code;
    int method = cls ? cimf_class_find_method(cls, cli_operand(c, 2)) : -1;
    const cimf_class *parameters = method >= 0 ? cimf_class_method_in(cls, (uint32_t)method) : NULL;
    if (cls && method < 0) {
        e = (cimf_error){ .status = CIMF_INVALID_METHOD, .hint = "cim class shows the methods of a class" };
        snprintf(e.text, sizeof e.text, "%.100s has no method %.100s", name, c->operands[2]);
        code = cli_failed(c, &e);
    } else if (cls && !parameters) {
        code = cli_failed_usage(c, "%.80s takes no parameters", c->operands[2]);
    } else {
        cimf_status status = cls ? cimf_instance_new(parameters, in) : cimf_instance_new_untyped(cimf_str_of("__PARAMETERS"), in);
        code = status == CIMF_OK ? cli_assign(c, *in, c->operands + 3, c->operand_count - 3) : cli_no_memory(c);
    }
    cimf_class_unref(cls);
    if (code) {
        cimf_instance_free(*in);
        *in = NULL;
    }
    return code;
}

int cli_call(struct cli *c)
{
    cimf_error e;
    cimf_operation *op;
    cimf_instance *in;
    const cimf_instance *out = NULL;
    int code = make_parameters(c, &in);
    if (code) return code;
    cimf_status status = cimf_invoke(c->session, cimf_str_of(""), cli_operand(c, 1), cli_operand(c, 2), in, &op, &e);
    cimf_instance_free(in);
    if (status != CIMF_OK) return cli_failed(c, &e);
    status = cimf_operation_next(op, &out, &e);
    bool memory = true;
    if (status == CIMF_OK && out) {
        struct output o;
        memory = output_begin(&o, c->format, stdout, true) && output_add(&o, out);
        if (memory) memory = output_end(&o);
        else output_abandon(&o);
    }
    cimf_operation_free(op);
    if (status != CIMF_OK) return cli_failed(c, &e);
    return memory ? 0 : cli_no_memory(c);
}
