#include "provider/domain.h"

#include "provider/host.h"
#include "provider/source.h"
#include "provider/text.h"

bool domain_ini(struct slice text, const char *section, const char *key, struct slice *value)
{
    bool inside = false, found = false;
    struct slice line;
    while (text_line(&text, &line)) {
        line = slice_trim(line);
        if (line.n == 0 || line.p[0] == '#' || line.p[0] == ';') continue;
        if (line.p[0] == '[') {
            struct slice name =
                slice_trim(slice_head(slice_sub(line, 1), slice_find(slice_sub(line, 1), ']')));
            inside = slice_ieq(name, slice_str(section));
            continue;
        }
        struct slice right, left = slice_split(line, '=', &right);
        if (inside && right.p && slice_ieq(slice_trim(left), slice_str(key))) {
            *value = slice_trim(right);
            found = true;
        }
    }
    return found;
}

struct slice domain_of_hosts(struct slice hosts, struct slice host)
{
    struct slice line;
    while (text_line(&hosts, &line)) {
        line = slice_head(line, slice_find(line, '#'));
        text_word(&line); /* the address */
        struct slice dotted = SLICE("");
        bool named = false;
        for (struct slice w = text_word(&line); w.n; w = text_word(&line)) {
            size_t dot = slice_find(w, '.');
            if (slice_ieq(w, host)) named = true;
            if (dot > 0 && dot < w.n && slice_ieq(slice_head(w, dot), host) && dotted.n == 0) {
                dotted = slice_sub(w, dot + 1);
                named = true;
            }
        }
        if (named && dotted.n) return dotted;
    }
    return SLICE("");
}

static bool joined_by_samba(struct arena *a, struct domain_facts *out)
{
    struct slice text, value;
    if (!source_read(a, &text, "/etc/samba/smb.conf")) return false;
    if (domain_ini(text, "global", "workgroup", &value)) out->workgroup = text_clean(a, value);
    if (!domain_ini(text, "global", "security", &value)) return false;
    if (slice_ieq(value, SLICE("ads")) && domain_ini(text, "global", "realm", &value)) {
        out->name = text_clean(a, value);
        return true;
    }
    if (!slice_ieq(value, SLICE("domain"))) return false;
    out->name = out->workgroup;
    return out->name.n > 0;
}

/* A list of domains; only those of a directory count. */
static bool joined_by_sssd(struct arena *a, struct domain_facts *out)
{
    struct slice text, domains, provider;
    if (!source_read(a, &text, "/etc/sssd/sssd.conf") ||
        !domain_ini(text, "sssd", "domains", &domains))
        return false;
    struct slice first = slice_trim(slice_head(domains, slice_find(domains, ',')));
    struct slice section = arena_printf(a, "domain/" SLICE_FMT, SLICE_ARG(first));
    if (!section.p || !domain_ini(text, section.p, "id_provider", &provider)) return false;
    if (!slice_ieq(provider, SLICE("ad")) && !slice_ieq(provider, SLICE("ipa"))) return false;
    out->name = text_clean(a, first);
    return out->name.n > 0;
}

void domain_read(struct arena *a, struct domain_facts *out)
{
    struct slice text;
    memset(out, 0, sizeof *out);
    out->name = out->workgroup = SLICE("");
    out->joined = joined_by_samba(a, out) || joined_by_sssd(a, out);
    if (out->joined) return;
    struct slice node = host_node(a);
    size_t dot = slice_find(node, '.');
    out->name = slice_sub(node, dot + 1);
    if (out->name.n == 0 && source_read(a, &text, "/etc/hosts"))
        out->name = text_clean(a, domain_of_hosts(text, host_name(a)));
}
