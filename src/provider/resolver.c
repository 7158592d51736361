#include "provider/resolver.h"

#include "provider/source.h"
#include "provider/text.h"

static void add(struct arena *a, struct slice list[RESOLVER_MAX], uint32_t *n, struct slice word)
{
    if (*n < RESOLVER_MAX && word.n) list[(*n)++] = text_clean(a, word);
}

void resolver_parse(struct arena *a, struct slice text, struct resolver_facts *out)
{
    struct slice line;
    memset(out, 0, sizeof *out);
    out->domain = SLICE("");
    while (text_line(&text, &line)) {
        struct slice key = text_word(&line);
        if (slice_is(key, "nameserver")) {
            add(a, out->server, &out->servers, text_word(&line));
        } else if (slice_is(key, "domain")) {
            out->domain = text_clean(a, text_word(&line));
        } else if (slice_is(key, "search")) { /* the last line counts */
            out->searches = 0;
            for (struct slice w = text_word(&line); w.n; w = text_word(&line))
                add(a, out->search, &out->searches, w);
        }
    }
    if (out->domain.n == 0 && out->searches) out->domain = out->search[0];
}

/* "DNS=192.0.2.1 192.0.2.2", "DOMAINS=example.org" */
static bool read_link(struct arena *a, uint32_t link, struct resolver_facts *out)
{
    struct slice text, value;
    memset(out, 0, sizeof *out);
    out->domain = SLICE("");
    if (!source_read(a, &text, "/run/systemd/netif/links/%u", link)) return false;
    if (text_field(text, "DNS", '=', &value))
        for (struct slice w = text_word(&value); w.n; w = text_word(&value))
            add(a, out->server, &out->servers, slice_head(w, slice_find(w, '#')));
    if (text_field(text, "DOMAINS", '=', &value))
        for (struct slice w = text_word(&value); w.n; w = text_word(&value))
            if (w.p[0] != '~') add(a, out->search, &out->searches, w);
    if (out->searches) out->domain = out->search[0];
    return out->servers > 0;
}

void resolver_read(struct arena *a, uint32_t link, struct resolver_facts *out)
{
    struct slice text;
    if (read_link(a, link, out)) return;
    if (source_read(a, &text, "/run/systemd/resolve/resolv.conf") ||
        source_read(a, &text, "/etc/resolv.conf"))
        resolver_parse(a, text, out);
}
