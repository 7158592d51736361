/* config: what clients may do on this machine. */
#include <string.h>

#include <cimfony/settings.h>

#include "cli/cli.h"

static void put(cimf_str s)
{
    struct text t = { 0 };
    cimf_value v = { .type = CIMF_STRING, .v = { .s = s } };
    text_value(&t, &v);
    fputs(t.n ? t.p : "", stdout);
    text_free(&t);
}

static void put_json(const char *before, cimf_str s)
{
    printf("%s\"", before);
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\') printf("\\%c", c);
        else if (c < ' ' || c == 0x7f) printf("\\u%04x", c);
        else putchar(c);
    }
    putchar('"');
}

static void print_json(const cimf_settings *s)
{
    for (size_t i = 0; i < cimf_settings_count(s); i++) {
        cimf_setting one;
        cimf_settings_at(s, i, &one);
        printf("%s\n  {", i ? "," : "[");
        put_json("\"Name\": ", one.name);
        put_json(", \"Value\": ", one.value);
        put_json(", \"Source\": ", one.source);
        printf(", \"Locked\": %s", one.locked ? "true" : "false");
        put_json(", \"Text\": ", one.text);
        putchar('}');
    }
    puts("\n]");
}

static void print_text(const cimf_settings *s)
{
    for (size_t i = 0; i < cimf_settings_count(s); i++) {
        cimf_setting one;
        cimf_settings_at(s, i, &one);
        printf("%s; ", i ? "\n" : "");
        put(one.text);
        fputs("\n; ", stdout);
        put(one.source);
        if (one.locked) fputs(", locked", stdout);
        if (one.ignored.n) {
            fputs("; what follows from ", stdout);
            put(one.ignored);
            fputs(" does not count", stdout);
        }
        putchar('\n');
        put(one.name);
        fputs(" = ", stdout);
        put(one.value);
        putchar('\n');
    }
}

int cli_config(struct cli *c)
{
    cimf_settings *s = NULL;
    cimf_error e;
    if (cimf_settings_open(&c->options, &s, &e) != CIMF_OK) return cli_failed(c, &e);
    if (c->format == OUTPUT_JSON) print_json(s);
    else print_text(s);
    cimf_settings_free(s);
    return 0;
}
