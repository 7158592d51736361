/* wsman/enumerate_harness.h - for tests: a server of five instances, and Enumerate, Pull and Release in a line each. */
#ifndef WSMAN_ENUMERATE_HARNESS_H
#define WSMAN_ENUMERATE_HARNESS_H

#include "wsman/server_asserts.h"

static int setup(void **state)
{
    fixture_open(&f);
    fake_fill(&f.m, 5);
    f.config.max_operations_per_user = 20000;
    fixture_serve(&f);
    return 0;
}

UNUSED_OK static struct xml_node *response(const char *name)
{
    if (!f.x.replied) fail_msg("no reply");
    if (f.x.status != 200) fail_msg("fault %s", buf_strz(&f.x.reply));
    assert_true(xml_is(f.reply.content, NS_N, name));
    return f.reply.content;
}

UNUSED_OK static size_t items(unsigned ns)
{
    size_t n = 0;
    const struct xml_node *list = xml_child(f.reply.content, ns, "Items");
    for (const struct xml_node *i = list ? xml_first(list) : NULL; i; i = xml_next(i)) n++;
    return n;
}

UNUSED_OK static struct xml_node *item(unsigned ns, size_t at)
{
    struct xml_node *i = xml_first(xml_child(f.reply.content, ns, "Items"));
    while (at--) i = xml_next(i);
    return i;
}

UNUSED_OK static bool ended(unsigned ns)
{
    return xml_child(f.reply.content, ns, "EndOfSequence") != NULL;
}

/* The context of the last reply, kept in the arena. */
UNUSED_OK static const char *context(void)
{
    struct xml_node *n = xml_child(f.reply.content, NS_N, "EnumerationContext");
    return n ? arena_strz(&f.arena, n->text) : NULL;
}

UNUSED_OK static void enumerate(const char *uri, const char *inside)
{
    char body[2048];
    snprintf(body, sizeof body, "<n:Enumerate>%s</n:Enumerate>", inside);
    ask(&f, ENUM("Enumerate"), uri, "", body);
}

UNUSED_OK static void pull_more(const char *uri, const char *id, const char *inside, const char *headers)
{
    char body[1024];
    snprintf(body, sizeof body, "<n:Pull><n:EnumerationContext>%s</n:EnumerationContext>%s</n:Pull>", id, inside);
    ask(&f, ENUM("Pull"), uri, headers, body);
}

UNUSED_OK static void pull(const char *id, const char *max)
{
    char inside[100];
    snprintf(inside, sizeof inside, "<n:MaxElements>%s</n:MaxElements>", max);
    pull_more(WMI_URI "MyClass", id, inside, "");
}

UNUSED_OK static void release(const char *uri, const char *id)
{
    char body[512];
    snprintf(body, sizeof body, "<n:Release><n:EnumerationContext>%s</n:EnumerationContext></n:Release>", id);
    ask(&f, ENUM("Release"), uri, "", body);
}

/* Numbers of open operations and contexts. */
UNUSED_OK static void assert_idle(void)
{
    struct wsman_server_stats stats;
    fake_run();
    wsman_server_stats(f.server, &stats);
    assert_int_equal(stats.enumerations_open, 0);
    assert_int_equal(stats.operations, 0);
    assert_int_equal(f.m.active, 0);
}

static const enum fake_mode both[] = { FAKE_SYNC, FAKE_ASYNC };
#define EACH_MODE for (size_t mode_ = 0; mode_ < 2 && (f.m.mode = both[mode_], true); mode_++)

/* All there is, with the answer to Enumerate. */
#define ALL "<w:OptimizeEnumeration/><w:MaxElements>99</w:MaxElements>"

#endif
