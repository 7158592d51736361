#include "wsman/config_tree.h"

#include "soap/names.h"

enum config_kind {
    GROUP,
    TEXT,
    NUMBER,
    BOOL,    /* the setting says on and off */
    CHOICE,  /* lower case in the setting, a capital in XML */
};

/* In the order of the schemas (MS-WSMV 2.2.4.4 to 2.2.4.6, 2.2.4.10, 2.2.4.34 to 2.2.4.36, 2.2.4.42), parents
 * before their children. */
struct config_element {
    unsigned depth;
    enum config_kind kind;
    const char *name;
    const char *key;     /* of the setting, or NULL */
    const char *value;   /* without key: what is always said */
    uint64_t min, max;
};

static const struct config_element tree[] = {
    { 0, GROUP, "Config", NULL, NULL, 0, 0 },
    { 1, NUMBER, "MaxEnvelopeSizekb", "quota.max_envelope_size_kb", NULL, 32, 1048576 },
    { 1, NUMBER, "MaxTimeoutms", "quota.max_timeout_ms", NULL, 500, UINT32_MAX },
    { 1, NUMBER, "MaxBatchItems", "quota.max_batch_items", NULL, 1, UINT32_MAX },
    { 1, NUMBER, "MaxProviderRequests", NULL, "4294967295", 1, UINT32_MAX },
    { 1, GROUP, "Client", NULL, NULL, 0, 0 },
    /* Values for where nobody knows the client's settings. */
    { 2, NUMBER, "NetworkDelayms", "client.network_delay_ms", "5000", 500, UINT32_MAX },
    { 2, TEXT, "URLPrefix", NULL, "wsman", 0, 0 },
    { 2, BOOL, "AllowUnencrypted", "client.allow_unencrypted", "false", 0, 0 },
    { 2, GROUP, "Auth", NULL, NULL, 0, 0 },
    { 3, BOOL, "Basic", "client.basic", "true", 0, 0 },
    { 3, BOOL, "Digest", "client.digest", "true", 0, 0 },
    { 3, BOOL, "Kerberos", "client.kerberos", "true", 0, 0 },
    { 3, BOOL, "Negotiate", "client.negotiate", "true", 0, 0 },
    { 3, BOOL, "Certificate", "client.certificate", "true", 0, 0 },
    { 3, BOOL, "CredSSP", "client.credssp", "false", 0, 0 },
    { 2, GROUP, "DefaultPorts", NULL, NULL, 0, 0 },
    { 3, NUMBER, "HTTP", NULL, "5985", 1, 65535 },
    { 3, NUMBER, "HTTPS", NULL, "5986", 1, 65535 },
    { 2, TEXT, "TrustedHosts", "client.trusted_hosts", "", 0, 0 },
    { 1, GROUP, "Service", NULL, NULL, 0, 0 },
    { 2, TEXT, "RootSDDL", "wsman.root_sddl", NULL, 0, 0 },
    { 2, NUMBER, "MaxConcurrentOperations", NULL, "4294967295", 1, UINT32_MAX },
    { 2, NUMBER, "MaxConcurrentOperationsPerUser", "quota.max_concurrent_operations_per_user", NULL, 1, UINT32_MAX },
    { 2, NUMBER, "EnumerationTimeoutms", "quota.enumeration_timeout_ms", NULL, 500, UINT32_MAX },
    { 2, NUMBER, "MaxConnections", "quota.max_connections", NULL, 1, 1000000 },
    { 2, NUMBER, "MaxPacketRetrievalTimeSeconds", "quota.max_packet_retrieval_time_seconds", NULL, 1, 86400 },
    { 2, BOOL, "AllowUnencrypted", "auth.allow_unencrypted", NULL, 0, 0 },
    { 2, GROUP, "Auth", NULL, NULL, 0, 0 },
    { 3, BOOL, "Basic", "auth.basic", NULL, 0, 0 },
    { 3, BOOL, "Kerberos", "auth.kerberos", NULL, 0, 0 },
    { 3, BOOL, "Negotiate", "auth.negotiate", NULL, 0, 0 },
    { 3, BOOL, "Certificate", "auth.certificate", NULL, 0, 0 },
    { 3, BOOL, "CredSSP", "auth.credssp", NULL, 0, 0 },
    { 3, CHOICE, "CbtHardeningLevel", "auth.cbt", NULL, 0, 0 },
    { 2, GROUP, "DefaultPorts", NULL, NULL, 0, 0 },
    { 3, NUMBER, "HTTP", NULL, "5985", 1, 65535 },
    { 3, NUMBER, "HTTPS", NULL, "5986", 1, 65535 },
    { 2, TEXT, "IPv4Filter", NULL, "*", 0, 0 },
    { 2, TEXT, "IPv6Filter", NULL, "*", 0, 0 },
    { 2, BOOL, "EnableCompatibilityHttpListener", NULL, "false", 0, 0 },
    { 2, BOOL, "EnableCompatibilityHttpsListener", NULL, "false", 0, 0 },
    { 2, TEXT, "CertificateThumbprint", NULL, "", 0, 0 },
    { 2, BOOL, "AllowRemoteAccess", NULL, "true", 0, 0 },
    { 1, GROUP, "Winrs", NULL, NULL, 0, 0 },
    { 2, BOOL, "AllowRemoteShellAccess", NULL, "false", 0, 0 }, /* there are no shells yet */
};
enum { TREE = sizeof tree / sizeof *tree };

static const struct config_element *branch_end(const struct config_element *at)
{
    const struct config_element *end = at + 1;
    while (end < tree + TREE && end->depth > at->depth) end++;
    return end;
}

/* The child of that name (a group if group), or NULL. */
static const struct config_element *find_child(const struct config_element *parent, struct slice name)
{
    for (const struct config_element *x = parent + 1; x < branch_end(parent); x++)
        if (x->depth == parent->depth + 1 && slice_is(name, x->name)) return x;
    return NULL;
}

const struct config_element *config_branch(struct slice rest)
{
    const struct config_element *at = tree;
    while (rest.n && rest.p[rest.n - 1] == '/') rest.n--;
    if (rest.n && rest.p[0] != '/') return NULL;
    while (rest.n) {
        struct slice tail, part = slice_split(slice_sub(rest, 1), '/', &tail);
        const struct config_element *next = NULL;
        for (const struct config_element *x = at + 1; x < branch_end(at) && !next; x++)
            if (x->depth == at->depth + 1 && x->kind == GROUP && slice_ieq(part, slice_str(x->name))) next = x;
        if (!next) return NULL;
        at = next;
        rest = tail.p ? slice_of(tail.p - 1, tail.n + 1) : SLICE("");
    }
    return at;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* The value as XML has it. */
static struct slice value_of(const struct config_element *x, struct wsman_settings *s, struct arena *a,
                             bool *locked)
{
    struct slice v;
    *locked = false;
    if (!x->key || !s || !s->get(s, x->key, a, &v, locked)) return slice_str(x->value ? x->value : "");
    if (x->kind == BOOL) return slice_is(v, "on") ? SLICE("true") : SLICE("false");
    char *copy = x->kind == CHOICE && v.n ? arena_strz(a, v) : NULL;
    if (copy && copy[0] >= 'a' && copy[0] <= 'z') copy[0] = (char)(copy[0] - 32);
    return copy ? slice_of(copy, v.n) : v;
}

static void put_name(struct buf *out, const char *open, const char *name)
{
    buf_slice_add(out, slice_str(open));
    buf_slice_add(out, slice_str(name));
}

bool config_write(struct buf *out, const struct config_element *branch, struct wsman_settings *s,
                  struct arena *a)
{
    const struct config_element *open[8];
    unsigned depth = 0;
    const struct config_element *end = branch_end(branch);
    for (const struct config_element *x = branch; x < end; x++) {
        while (depth && open[depth - 1]->depth >= x->depth) {
            put_name(out, "</cfg:", open[--depth]->name);
            buf_byte(out, '>');
        }
        put_name(out, "<cfg:", x->name);
        if (x == branch) buf_lit(out, " xmlns:cfg=\"" WSMAN_CONFIG_URI "\" xml:lang=\"en-US\"");
        if (x->kind == GROUP) {
            buf_byte(out, '>');
            open[depth++] = x;
            continue;
        }
        bool locked;
        struct slice v = value_of(x, s, a, &locked);
        if (locked) buf_lit(out, " Source=\"GPO\"");
        if (!v.n) {
            buf_lit(out, "/>");
            continue;
        }
        buf_byte(out, '>');
        xml_escape(out, v);
        put_name(out, "</cfg:", x->name);
        buf_byte(out, '>');
    }
    while (depth) {
        put_name(out, "</cfg:", open[--depth]->name);
        buf_byte(out, '>');
    }
    return buf_ok(out) && !a->overflow;
}

/* --- reading ---------------------------------------------------------------------------------- */

static cimf_status refuse(struct error *e, cimf_status status, const char *name, const char *why)
{
    error_set(e, status, "wsman", "the setting %s %s", name, why);
    error_subject(e, slice_str(name));
    return status;
}

static bool number_ok(struct slice v, uint64_t min, uint64_t max)
{
    uint64_t n = 0;
    if (v.n == 0 || v.n > 10) return false;
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] < '0' || v.p[i] > '9') return false;
        n = n * 10 + (uint64_t)(v.p[i] - '0');
    }
    return n >= min && n <= max;
}

/* From XML to the form of the setting; p NULL: not of its type. */
static struct slice setting_form(const struct config_element *x, struct slice v, struct arena *a)
{
    bool yes;
    char *copy;
    v = slice_trim(v);
    switch (x->kind) {
    case BOOL: return xml_bool(v, &yes) ? yes ? SLICE("on") : SLICE("off") : SLICE_NULL;
    case NUMBER: return number_ok(v, x->min, x->max) ? v : SLICE_NULL;
    case CHOICE:
        if (!slice_is(v, "Strict") && !slice_is(v, "Relaxed") && !slice_is(v, "None")) return SLICE_NULL;
        copy = arena_strz(a, v);
        if (!copy) return SLICE_NULL;
        copy[0] = (char)(copy[0] + 32);
        return slice_of(copy, v.n);
    default: return v.p ? v : SLICE("");
    }
}

static cimf_status take(struct arena *a, const struct config_element *x, struct slice text,
                        struct wsman_settings *s, struct wsman_setting *changes, unsigned *count,
                        struct error *e)
{
    bool locked;
    struct slice now = value_of(x, s, a, &locked), want = slice_trim(text), unused;
    struct slice form = setting_form(x, text, a);
    if (!form.p) return refuse(e, CIMF_WSMAN_SCHEMA_VALIDATION, x->name, "does not take this value");
    bool yes;
    if (x->kind == BOOL && xml_bool(want, &yes)) want = yes ? SLICE("true") : SLICE("false");
    if (slice_eq(now, want)) return CIMF_OK; /* sent along, not changed */
    if (!x->key || !s || !s->get(s, x->key, a, &unused, &locked))
        return refuse(e, CIMF_WSMAN_FEATURE_RETIRED, x->name, "cannot be changed here");
    if (locked) return refuse(e, CIMF_ACCESS_DENIED, x->name, "is locked by policy");
    for (unsigned i = 0; i < *count; i++)
        if (changes[i].key == x->key) return refuse(e, CIMF_WSMAN_SCHEMA_VALIDATION, x->name, "is there twice");
    if (*count == WSMAN_CONFIG_CHANGES) return refuse(e, CIMF_WSMAN_SCHEMA_VALIDATION, x->name, "is one too many");
    changes[(*count)++] = (struct wsman_setting){ x->key, form };
    return CIMF_OK;
}

static cimf_status read_branch(struct arena *a, const struct xml_node *n,
                               const struct config_element *branch, struct wsman_settings *s,
                               struct wsman_setting *changes, unsigned *count, struct error *e)
{
    for (const struct xml_node *c = xml_first(n); c; c = xml_next(c)) {
        const struct config_element *x = find_child(branch, c->name);
        cimf_status status = CIMF_OK;
        if (!x || c->ns != NS_CFG) {
            error_set(e, CIMF_WSMAN_SCHEMA_VALIDATION, "wsman", "the configuration has no element " SLICE_FMT " in %s",
                      SLICE_ARG(slice_head(c->name, 80)), branch->name);
            return CIMF_WSMAN_SCHEMA_VALIDATION;
        }
        if (x->kind == GROUP) status = read_branch(a, c, x, s, changes, count, e);
        else if (xml_first(c)) status = refuse(e, CIMF_WSMAN_SCHEMA_VALIDATION, x->name, "holds elements");
        else status = take(a, x, c->text, s, changes, count, e);
        if (status != CIMF_OK) return status;
    }
    return CIMF_OK;
}

cimf_status config_read_put(struct arena *a, const struct xml_node *n,
                            const struct config_element *branch, struct wsman_settings *s,
                            struct wsman_setting *changes, unsigned *count, struct error *e)
{
    *count = 0;
    if (!n || n->ns != NS_CFG || !slice_is(n->name, branch->name))
        return error_set(e, CIMF_WSMAN_SCHEMA_VALIDATION, "wsman", "the body is not a cfg:%s", branch->name);
    return read_branch(a, n, branch, s, changes, count, e);
}
