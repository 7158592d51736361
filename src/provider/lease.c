#include "provider/lease.h"

#include "provider/source.h"
#include "provider/text.h"

/* "option dhcp-server-identifier 192.0.2.1;" inside of lease { interface "eth0"; ... } */
bool lease_dhclient(struct slice text, struct slice name, struct slice *server)
{
    struct slice line, found = SLICE("");
    bool ours = false, any = false;
    while (text_line(&text, &line)) {
        struct slice word = text_word(&line);
        if (slice_is(word, "lease")) ours = false;
        if (slice_is(word, "interface")) {
            struct slice value = slice_trim(line);
            ours = value.n == name.n + 3 && value.p[0] == '"' &&
                   slice_eq(slice_head(slice_sub(value, 1), name.n), name);
        }
        if (ours && slice_is(word, "option") &&
            slice_is(text_word(&line), "dhcp-server-identifier")) {
            found = slice_trim(line);
            found = slice_head(found, slice_find(found, ';'));
            any = found.n > 0;
        }
    }
    if (any) *server = found;
    return any;
}

static bool is_leases(struct slice name)
{
    return slice_starts(name, SLICE("dhclient")) || slice_starts(name, SLICE("internal-"));
}

static bool in_folder(struct arena *a, const char *folder, struct slice name, struct slice *server)
{
    struct slice *names, text, dash = arena_printf(a, "-" SLICE_FMT ".lease", SLICE_ARG(name));
    size_t n;
    if (!source_names(a, is_leases, &names, &n, "%s", folder)) return false;
    for (size_t i = 0; i < n && i < 256; i++) {
        if (!source_read(a, &text, "%s/" SLICE_FMT, folder, SLICE_ARG(names[i]))) continue;
        if (lease_dhclient(text, name, server)) return true;
        /* NetworkManager's own client: "internal-UUID-eth0.lease" with SERVER_ADDRESS= */
        if (names[i].n > dash.n && slice_eq(slice_sub(names[i], names[i].n - dash.n), dash) &&
            text_field(text, "SERVER_ADDRESS", '=', server) && server->n)
            return true;
    }
    return false;
}

bool lease_server(struct arena *a, uint32_t index, struct slice name, struct slice *server)
{
    static const char *const folders[] = { "/var/lib/dhcp", "/var/lib/NetworkManager", "/run",
                                           "/var/lib/dhclient" };
    struct slice text;
    if (source_read(a, &text, "/run/systemd/netif/leases/%u", index) &&
        text_field(text, "SERVER_ADDRESS", '=', server) && server->n)
        return true;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (in_folder(a, folders[i], name, server)) return true;
    return false;
}
