/* cim - the client command. This file is the table of its subcommands. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include <cimfony/version.h>

#include "cli/cli.h"

#define NO_MOF (OUTPUT_ALL & ~(1u << OUTPUT_MOF))

const struct cli_command cli_commands[] = {
    { "identify", "URL", 1, 1, "ask what kind of server answers",
      "Prints vendor, version and protocol of the server. Useful to test address, port, TLS and password.",
      OUTPUT_LIST, NO_MOF, cli_identify },
    { "query", "URL 'WQL'", 2, 2, "run a WQL query",
      "SELECT * gives whole instances, SELECT a,b those properties in that order. ASSOCIATORS OF {path} and\n"
      "REFERENCES OF {path} follow associations.",
      OUTPUT_TABLE, OUTPUT_ALL, cli_query },
    { "ls", "URL CLASS", 2, 2, "list all instances of a class",
      "Instances of subclasses are listed too; --exact leaves them out.", OUTPUT_TABLE, OUTPUT_ALL, cli_ls },
    { "get", "URL PATH", 2, 2, "show one instance",
      "PATH is Class.Key=\"value\", with several keys Class.A=\"x\",B=5, or Class=@ for a singleton.\n"
      "A namespace other than that of the URL may stand before it: root/other:Class.Key=\"value\".",
      OUTPUT_LIST, OUTPUT_ALL, cli_get },
    { "set", "URL PATH NAME=VALUE...", 3, -1, "change properties of an instance",
      "Only the properties named change. See VALUES in cim(1).", OUTPUT_LIST, OUTPUT_ALL, cli_set },
    { "create", "URL CLASS NAME=VALUE...", 2, -1, "make an instance, and print its path",
      "See VALUES in cim(1).", OUTPUT_LIST, 0, cli_create },
    { "delete", "URL PATH", 2, 2, "delete an instance", "Asks nothing and prints nothing.", OUTPUT_LIST, 0, cli_delete },
    { "call", "URL PATH METHOD [NAME=VALUE...]", 3, -1, "call a method",
      "PATH is that of an instance, or a class for its static methods. Prints ReturnValue and the out-parameters.",
      OUTPUT_LIST, NO_MOF, cli_call },
    { "classes", "URL [PATTERN]", 1, 2, "list the classes of the namespace",
      "PATTERN takes * and ?, and matches without case.", OUTPUT_TABLE, 1u << OUTPUT_TABLE | 1u << OUTPUT_JSON, cli_classes },
    { "class", "URL CLASS", 2, 2, "show a class as MOF",
      "Inherited properties and methods are shown too; --declared prints only what the class itself declares, which\n"
      "compiles.", OUTPUT_MOF, 0, cli_class },
    { "dump", "URL", 1, 1, "print the whole namespace as MOF",
      "Classes, superclasses first, then the instances that are stored (not those that providers make). The result\n"
      "compiles with cimd mof to the same classes and instances.", OUTPUT_MOF, 0, cli_dump },
    { "config", "", 0, 0, "show what clients may do here, and who says so",
      "Settings of /etc/cimfony/client.ini, of the user's own file and of the options. Needs no server.",
      OUTPUT_TABLE, 1u << OUTPUT_TABLE | 1u << OUTPUT_JSON, cli_config },
    { NULL },
};

int main(int argc, char **argv)
{
    /* Only for the widths of characters; nothing else depends on the locale. */
    if (!setlocale(LC_CTYPE, "C.UTF-8")) setlocale(LC_CTYPE, "");
    if (argc < 2) {
        cli_usage(stderr);
        return cimf_status_info(CIMF_USAGE)->exit_code;
    }
    struct cli c = { .options = CIMF_SESSION_OPTIONS_INIT };
    int code = cli_read_arguments(&c, argc, argv);
    bool local = c.command && c.command->min == 0;
    if (code < 0) code = local ? cli_finish(&c, c.command->run(&c)) : cli_connect(&c);
    if (code == 0 && c.session) code = cli_finish(&c, c.command->run(&c));
    cli_disconnect(&c);
    free(c.operands);
    return code;
}
