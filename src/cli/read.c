/* identify, query, ls, get: operations whose results are printed as they come. */
#include "cli/cli.h"

static int print_results(struct cli *c, cimf_operation *op, bool single)
{
    cimf_error e;
    const cimf_instance *in = NULL;
    struct output o;
    bool memory = output_begin(&o, c->format, stdout, single);
    cimf_status status = CIMF_OK;
    while (memory && (status = cimf_operation_next(op, &in, &e)) == CIMF_OK && in) {
        memory = output_add(&o, in);
        if (ferror(stdout)) break;
    }
    if (memory && (status == CIMF_OK || o.count)) memory = output_end(&o);
    else output_abandon(&o);
    cimf_operation_free(op);
    if (status != CIMF_OK) return cli_failed(c, &e);
    return memory ? 0 : cli_no_memory(c);
}

int cli_identify(struct cli *c)
{
    cimf_error e;
    cimf_operation *op;
    if (cimf_identify(c->session, &op, &e) != CIMF_OK) return cli_failed(c, &e);
    return print_results(c, op, true);
}

int cli_query(struct cli *c)
{
    cimf_error e;
    cimf_operation *op;
    if (cimf_query(c->session, cimf_str_of(""), cli_operand(c, 1), &op, &e) != CIMF_OK) return cli_failed(c, &e);
    return print_results(c, op, false);
}

int cli_ls(struct cli *c)
{
    cimf_error e;
    cimf_operation *op;
    unsigned flags = c->exact ? CIMF_EXACT_CLASS : 0;
    if (cimf_enumerate(c->session, cimf_str_of(""), cli_operand(c, 1), flags, &op, &e) != CIMF_OK) return cli_failed(c, &e);
    return print_results(c, op, false);
}

int cli_get(struct cli *c)
{
    cimf_error e;
    cimf_operation *op;
    if (cimf_get(c->session, cimf_str_of(""), cli_operand(c, 1), &op, &e) != CIMF_OK) return cli_failed(c, &e);
    return print_results(c, op, true);
}
