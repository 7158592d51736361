/* Security descriptors of namespaces and what they decide. */
#include "cimom/test_driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/access.h"
#include "auth/sddl.h"
#include "cim/object.h"

static const char things[] = "class Thing { [key] uint32 Id; string Text; };"
                             "instance of Thing { Id = 1; Text = \"one\"; };";

static int setup(void **state)
{
    struct driver *d = calloc(1, sizeof *d);
    driver_open(d, NULL);
    driver_mof(d, "root/test", things);
    *state = d;
    return 0;
}

static int teardown(void **state)
{
    driver_close(*state);
    free(*state);
    return 0;
}

/* --- calls -------------------------------------------------------------------------------------- */

static cimf_status call(struct driver *d, const struct principal *p, const char *ns, const char *method,
                        const struct cim_context_value *param, struct answer *a)
{
    struct cim_op op = driver_op(d, CIM_OP_INVOKE);
    memset(a, 0, sizeof *a);
    op.ns = slice_str(ns);
    op.principal = p;
    op.path = driver_path(d, "__SystemSecurity=@");
    op.method = slice_str(method);
    op.params = param;
    op.param_count = param ? 1 : 0;
    driver_run(d, &op, a);
    return a->status;
}

static cimf_status get_as(struct driver *d, const struct principal *p, const char *ns, const char *path)
{
    struct cim_op op = driver_op(d, CIM_OP_GET_INSTANCE);
    struct answer a = { 0 };
    op.ns = slice_str(ns);
    op.principal = p;
    op.path = driver_path(d, path);
    driver_run(d, &op, &a);
    return a.status;
}

static struct slice bytes_of(struct driver *d, const char *sddl)
{
    const struct sd *sd;
    struct buf b;
    buf_init(&b, 0);
    assert_status(sddl_parse(&d->arena, slice_str(sddl), NULL, &sd, NULL), OK);
    assert_status(sd_write(sd, &b, NULL), OK);
    struct slice s = arena_dup(&d->arena, buf_slice(&b));
    buf_free(&b);
    return s;
}

static cimf_status set_bytes(struct driver *d, const struct principal *p, const char *ns, struct slice bytes)
{
    struct cim_context_value v = { SLICE("SD"), { .type = CIM_UINT8 | CIM_ARRAY } };
    struct answer a;
    v.value.v.a.p = bytes.p;
    v.value.v.a.n = (uint32_t)bytes.n;
    return call(d, p, ns, "SetSD", &v, &a);
}

static cimf_status set_sddl(struct driver *d, const struct principal *p, const char *ns, const char *sddl)
{
    return set_bytes(d, p, ns, bytes_of(d, sddl));
}

static struct slice get_bytes(struct driver *d, const struct principal *p, const char *ns)
{
    struct answer a;
    struct cim_value v;
    assert_status(call(d, p, ns, "GetSD", NULL, &a), OK);
    const struct cim_instance *out = cim_as_instance(a.objects[0]);
    assert_status(cim_get_named(&d->arena, out, SLICE("SD"), &v), OK);
    assert_false(v.null);
    return slice_of(v.v.a.p, v.v.a.n);
}

static const char *get_sddl(struct driver *d, const struct principal *p, const char *ns)
{
    const struct sd *sd;
    struct buf b;
    buf_init(&b, 0);
    assert_status(sd_parse(&d->arena, get_bytes(d, p, ns), &sd, NULL), OK);
    assert_status(sddl_write(sd, &b, NULL), OK);
    const char *text = arena_strz(&d->arena, buf_slice(&b));
    buf_free(&b);
    return text;
}

static uint32_t rights(struct driver *d, const struct principal *p, const char *ns)
{
    struct answer a;
    if (call(d, p, ns, "GetCallerAccessRights", NULL, &a)) return 0;
    return (uint32_t)strtoul(driver_text(d, &a, 0, "rights"), NULL, 10);
}

#define DOMAIN_USER "S-1-5-21-1-2-3-1001"
#define ADMINS "(A;CI;CCDCLCSWRPWPRCWD;;;BA)"

/* --- who may do what by default ------------------------------------------------------------------ */

/* covers: security:S45 security:S50 cim-core:C11 cim-core:C12 */
static void defaults(void **state)
{
    struct driver *d = *state;
    assert_int_equal(rights(d, &driver_admin, "root/test"), 0x6003f);
    assert_int_equal(rights(d, &driver_user, "root/cimv2"), 0x20033);
    assert_int_equal(rights(d, &driver_plain, "root/cimv2"), 0); /* not from the network */
    assert_status(get_as(d, &driver_plain, "root/test", "Thing.Id=1"), ACCESS_DENIED);
    assert_status(get_as(d, &driver_user, "root/test", "Thing.Id=1"), OK);
    assert_status(get_as(d, &driver_user, "root/security", "__SystemSecurity=@"), ACCESS_DENIED);
    assert_status(get_as(d, &driver_admin, "root/security", "__SystemSecurity=@"), OK);
    assert_string_equal(get_sddl(d, &driver_admin, "root/security"), "O:BAG:BAD:P(A;CI;CCDCLCSWRPWPRCWD;;;BA)");
    assert_string_equal(get_sddl(d, &driver_user, "root"), ACCESS_NAMESPACE_SDDL);
    assert_string_equal(get_sddl(d, &driver_user, "root/cimv2"),
                        "O:BAG:BAD:(A;CIID;CCDCLCSWRPWPRCWD;;;BA)(A;CIID;CCDCRP;;;NS)(A;CIID;CCDCRP;;;LS)"
                        "(A;CIID;CCDCRP;;;AU)(A;CIID;CCDCWPRC;;;RM)");
    struct answer a;
    assert_status(call(d, &driver_admin, "root/test", "Get9XUserList", NULL, &a), METHOD_DISABLED);
    assert_status(call(d, &driver_admin, "root/test", "Set9XUserList", NULL, &a), METHOD_DISABLED);
    assert_status(set_sddl(d, &driver_user, "root/test", "O:BAG:BAD:(A;CI;GA;;;WD)"), ACCESS_DENIED);
}

/* Whether a namespace exists is told to those who may look at what is above it. */
static void existence(void **state)
{
    struct driver *d = *state;
    assert_status(get_as(d, &driver_user, "root/test/none", "Thing.Id=1"), INVALID_NAMESPACE);
    assert_status(get_as(d, &driver_plain, "root/test/none", "Thing.Id=1"), ACCESS_DENIED);
    assert_status(get_as(d, &driver_user, "root/security/none", "Thing.Id=1"), ACCESS_DENIED);
    assert_status(get_as(d, &driver_plain, "nowhere", "Thing.Id=1"), ACCESS_DENIED);
}

/* Every right of MS-WMI 5.2 with every kind of operation: needed, and enough. */
static cimf_status attempt(struct driver *d, unsigned what)
{
    struct cim_op op = driver_op(d, what < 3 ? CIM_OP_GET_INSTANCE : what < 5 ? CIM_OP_PUT_INSTANCE
                                 : what == 5 ? CIM_OP_PUT_CLASS : CIM_OP_INVOKE);
    struct answer a = { 0 };
    struct cim_schema *schema = d->manager->schema(d->manager, SLICE("root/test"), &driver_admin);
    arena_hold(&d->arena, schema, (void (*)(void *))cim_schema_unref);
    op.principal = &driver_user;
    struct cim_class_decl decl = { .name = SLICE("Fresh") };
    op.path = driver_path(d, what == 2 ? "Thing" : "Thing.Id=1");
    if (what == 1) {
        op.verb = CIM_OP_QUERY;
        op.query = SLICE("SELECT * FROM Thing");
        op.language = SLICE("WQL");
    } else if (what == 2) {
        op.verb = CIM_OP_GET_CLASS;
    } else if (what == 3 || what == 4) {
        const char *name = what == 3 ? "Thing" : "__EventFilter";
        struct cim_instance *in = cim_instance_new(&d->arena, cim_schema_class(schema, slice_str(name)));
        if (what == 3) cim_put_u64(in, "Id", 7);
        cim_put_strz(in, "Name", "f");
        cim_put_strz(in, "Query", "SELECT * FROM __Event");
        op.instance = in;
    } else if (what == 5) {
        op.class_decl = &decl;
    } else if (what == 6) {
        op.path = driver_path(d, "__SystemSecurity=@");
        op.method = SLICE("GetSD");
    } else if (what == 7) {
        op.path = driver_path(d, "__SystemSecurity=@");
        op.method = SLICE("GetCallerAccessRights");
    }
    driver_run(d, &op, &a);
    return a.status;
}

/* covers: security:S46 security:S47 cim-core:P24 */
static void matrix(void **state)
{
    struct driver *d = *state;
    static const uint32_t needed[] = { 0x21, 0x21, 0x21, 0x29, 0x25, 0x25, 0x20022, 0x21 };
    for (unsigned what = 0; what < sizeof needed / sizeof *needed; what++) {
        for (uint32_t bit = 0; bit <= 0x20000; bit = bit ? bit << 1 : 1) {
            if (bit && !(needed[what] & bit)) continue;
            char text[128];
            uint32_t mask = needed[what] & ~bit; /* FULL_WRITE comes with the lesser writing rights */
            if (mask & 4) mask |= 0x18;
            snprintf(text, sizeof text, "O:BAG:BAD:P" ADMINS "(A;;0x%x;;;" DOMAIN_USER ")", mask | 0x40000);
            assert_status(set_sddl(d, &driver_admin, "root/test", text), OK);
            /* Takes what it inherits away again: the parent gives RM its rights. */
            assert_status(set_sddl(d, &driver_admin, "root", "O:BAG:BAD:(A;CI;CCDCLCSWRPWPRCWD;;;BA)"), OK);
            cimf_status s = attempt(d, what);
            if ((s == CIMF_ACCESS_DENIED) != (bit != 0)) {
                fail_msg("operation %u, mask 0x%x: %s", what, mask, cimf_status_name(s));
            }
        }
    }
}

/* --- changes ------------------------------------------------------------------------------------- */

/* covers: security:S48 cim-core:C11 */
static void set_and_get(void **state)
{
    struct driver *d = *state;
    const char *own = "O:BAG:BAD:" ADMINS "(D;;CC;;;" DOMAIN_USER ")";
    assert_status(set_sddl(d, &driver_admin, "root/test", own), OK);
    assert_status(get_as(d, &driver_user, "root/test", "Thing.Id=1"), ACCESS_DENIED);
    assert_status(get_as(d, &driver_user, "root/cimv2", "__SystemSecurity=@"), OK);
    /* What was read may be written: nothing grows. */
    struct slice once = arena_dup(&d->arena, get_bytes(d, &driver_admin, "root/test"));
    assert_status(set_bytes(d, &driver_admin, "root/test", once), OK);
    assert_true(slice_eq(once, get_bytes(d, &driver_admin, "root/test")));
    driver_reopen(d);
    assert_true(slice_eq(once, get_bytes(d, &driver_admin, "root/test")));
    assert_status(get_as(d, &driver_user, "root/test", "Thing.Id=1"), ACCESS_DENIED);
}

/* covers: security:S49 */
static void inheritance(void **state)
{
    struct driver *d = *state;
    driver_mof(d, "root/test", "instance of __Namespace { Name = \"a\"; };"
                               "#pragma namespace(\"//./root/test/a\")\n"
                               "instance of __Namespace { Name = \"b\"; };");
    assert_status(set_sddl(d, &driver_admin, "root/test",
                           "O:BAG:BAD:(D;CINP;CC;;;" DOMAIN_USER ")(A;CIIO;DT;;;" DOMAIN_USER ")"), OK);
    assert_int_equal(rights(d, &driver_user, "root/test"), 0);
    assert_int_equal(rights(d, &driver_user, "root/test/a"), 0);         /* handed down once */
    assert_int_equal(rights(d, &driver_user, "root/test/a/b"), 0x20073); /* and no further */
    driver_mof(d, "root/test", "instance of __Namespace { Name = \"later\"; };");
    assert_status(get_as(d, &driver_user, "root/test/later", "__SystemSecurity=@"), ACCESS_DENIED);
    assert_status(get_as(d, &driver_user, "root/test/a/b", "__SystemSecurity=@"), OK);
    driver_reopen(d);
    assert_int_equal(rights(d, &driver_user, "root/test/later"), 0);
    assert_int_equal(rights(d, &driver_user, "root/test/a/b"), 0x20073);
    /* From a protected DACL nothing is inherited: what has one of its own keeps just that. */
    assert_status(set_sddl(d, &driver_admin, "root/test/a/b", "O:BAG:BAD:(A;;CCWP;;;" DOMAIN_USER ")"), OK);
    assert_status(set_sddl(d, &driver_admin, "root/test/a", "O:BAG:BAD:P" ADMINS), OK);
    assert_int_equal(rights(d, &driver_user, "root/test/a/b"), 0x21);
    /* Its owner could change it, but not come in: the way back is to change it from above. */
    assert_int_equal(rights(d, &driver_admin, "root/test/a/b"), 0);
    /* A new one below it gets the parent's. */
    driver_mof(d, "root/test/a", "instance of __Namespace { Name = \"new\"; };");
    assert_string_equal(get_sddl(d, &driver_admin, "root/test/a/new"), get_sddl(d, &driver_admin, "root/test/a"));
    /* Deleted and made again: nothing is left of the former. */
    assert_status(driver_delete(d, "root/test/a", "__Namespace.Name=\"b\""), OK);
    driver_mof(d, "root/test/a", "instance of __Namespace { Name = \"b\"; };");
    assert_status(get_as(d, &driver_user, "root/test/a/b", "__SystemSecurity=@"), ACCESS_DENIED);
}

static void order_of_aces(void **state)
{
    struct driver *d = *state;
    assert_status(set_sddl(d, &driver_admin, "root/test",
                           "O:BAG:BAD:(D;;CC;;;AU)(A;;CCDCWP;;;" DOMAIN_USER ")"), OK);
    assert_status(get_as(d, &driver_user, "root/test", "Thing.Id=1"), ACCESS_DENIED);
    assert_status(set_sddl(d, &driver_admin, "root/test",
                           "O:BAG:BAD:(A;;CCDCWP;;;" DOMAIN_USER ")(D;;CC;;;" DOMAIN_USER ")"), OK);
    assert_status(get_as(d, &driver_user, "root/test", "Thing.Id=1"), OK);
    /* An owner may always change it back, unless OWNER RIGHTS says otherwise. */
    assert_status(set_sddl(d, &driver_admin, "root/test", "O:" DOMAIN_USER "G:BAD:(A;;DCWP;;;" DOMAIN_USER ")"), OK);
    assert_status(set_sddl(d, &driver_user, "root/test", "O:" DOMAIN_USER "G:BAD:(A;;DCWP;;;" DOMAIN_USER ")"
                                                         "(A;;RC;;;OW)"), OK);
    assert_status(set_sddl(d, &driver_user, "root/test", "O:BAG:BAD:(A;;GA;;;WD)"), ACCESS_DENIED);
    struct answer a;
    assert_status(call(d, &driver_user, "root/test", "GetSD", NULL, &a), OK);
}

static void refused(void **state)
{
    struct driver *d = *state;
    static const char *const texts[] = {
        "O:BAG:BA", "O:BAD:(A;;CC;;;WD)", "G:BAD:(A;;CC;;;WD)", "O:BAG:BAD:NO_ACCESS_CONTROL",
        "O:BAG:BAD:(A;;SD;;;WD)", "O:BAG:BAD:(A;;LC;;;WD)", "O:BAG:BAD:(A;IO;CC;;;WD)",
        "O:BAG:BAD:(OA;;CC;;bf967aba-0de6-11d0-a285-00aa003049e2;WD)",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (set_sddl(d, &driver_admin, "root/test", texts[i]) == CIMF_OK) fail_msg("taken: %s", texts[i]);
    }
    assert_status(set_sddl(d, &driver_admin, "root/test", "O:BAG:BAD:"), OK); /* empty: what it inherits */
    assert_int_equal(rights(d, &driver_user, "root/test"), 0x20033);
    struct slice good = bytes_of(d, "O:BAG:BAD:" ADMINS "(A;CI;CC;;;WD)");
    for (size_t n = 0; n < good.n; n++) {
        assert_int_not_equal(set_bytes(d, &driver_admin, "root/test", slice_head(good, n)), CIMF_OK);
    }
    struct slice large = { memset(arena_alloc(&d->arena, 70000), 1, 70000), 70000 };
    assert_int_not_equal(set_bytes(d, &driver_admin, "root/test", large), CIMF_OK);
    for (size_t i = 0; i < good.n; i++) {
        char copy[256];
        memcpy(copy, good.p, good.n);
        copy[i] = (char)(copy[i] ^ 0xff);
        set_bytes(d, &driver_admin, "root/test", slice_of(copy, good.n)); /* whatever it says: no harm */
    }
    struct answer a;
    assert_status(call(d, &driver_admin, "root/test", "SetSD", NULL, &a), INVALID_METHOD_PARAMETERS);
    assert_status(call(d, &driver_admin, "root/test", "SetSecurityDescriptor", NULL, &a), INVALID_METHOD_PARAMETERS);
}

/* --- object form --------------------------------------------------------------------------------- */

/* covers: security:S51 cim-core:C11 */
static void object_form(void **state)
{
    struct driver *d = *state;
    struct answer a, b;
    assert_status(set_sddl(d, &driver_admin, "root/test",
                           "O:BAG:SYD:(D;CI;CC;;;" DOMAIN_USER ")" ADMINS "S:(AU;CISAFA;CC;;;WD)"), OK);
    struct slice before = arena_dup(&d->arena, get_bytes(d, &driver_admin, "root/test"));
    assert_status(call(d, &driver_admin, "root/test", "GetSecurityDescriptor", NULL, &a), OK);
    struct cim_context_value v = { SLICE("Descriptor"), { .null = true } };
    assert_status(cim_get_named(&d->arena, cim_as_instance(a.objects[0]), v.name, &v.value), OK);
    assert_false(v.value.null);
    assert_status(set_sddl(d, &driver_admin, "root/test", "O:BAG:BAD:"), OK);
    assert_status(call(d, &driver_admin, "root/test", "SetSecurityDescriptor", &v, &b), OK);
    assert_true(slice_eq(before, get_bytes(d, &driver_admin, "root/test")));
    assert_status(call(d, &driver_user, "root/test", "SetSecurityDescriptor", &v, &b), ACCESS_DENIED);
}

/* SACLs are seen and kept by those with the privilege only. */
static void audit_part(void **state)
{
    struct driver *d = *state;
    const char *with = "O:BAG:BAD:" ADMINS "(A;;CCDCWPRCWD;;;" DOMAIN_USER ")S:(AU;FA;CC;;;WD)";
    assert_status(set_sddl(d, &driver_admin, "root/test", with), OK);
    assert_null(strstr(get_sddl(d, &driver_user, "root/test"), "S:"));
    assert_status(set_bytes(d, &driver_user, "root/test", get_bytes(d, &driver_user, "root/test")), OK);
    assert_non_null(strstr(get_sddl(d, &driver_admin, "root/test"), "S:(AU;FA;CC;;;WD)"));
}

/* --- MOF ----------------------------------------------------------------------------------------- */

/* covers: cim-core:C13 */
static void qualifiers(void **state)
{
    struct driver *d = *state;
    driver_mof(d, "root/test",
               "[NamespaceSecuritySDDL(\"O:BAG:BAD:(D;CI;CC;;;" DOMAIN_USER ")\")] "
               "instance of __Namespace { Name = \"given\"; };"
               "[RequiresEncryption] instance of __Namespace { Name = \"sealed\"; };");
    assert_status(get_as(d, &driver_user, "root/test/given", "__SystemSecurity=@"), ACCESS_DENIED);
    for (int turn = 0; turn < 2; turn++) {
        struct cim_op op = driver_op(d, CIM_OP_GET_INSTANCE);
        struct answer a = { 0 }, b = { 0 };
        op.ns = SLICE("root/test/sealed");
        op.principal = &driver_user;
        op.path = driver_path(d, "__SystemSecurity=@");
        driver_run(d, &op, &a);
        assert_status(a.status, ACCESS_DENIED);
        op.encrypted = true;
        driver_run(d, &op, &b);
        assert_status(b.status, OK);
        assert_true(cim_qualifier_true(cim_as_instance(b.objects[0])->qualifiers, "RequiresEncryption"));
        driver_reopen(d);
    }
    driver_mof(d, "root/test/sealed", "[RequiresEncryption(FALSE)] instance of __SystemSecurity { };");
    assert_status(get_as(d, &driver_user, "root/test/sealed", "__SystemSecurity=@"), OK);
    struct error e = ERROR_INIT;
    assert_int_not_equal(driver_mof_status(d, "root/test", "[NamespaceSecuritySDDL(\"O:BAG:BA\")] instance of "
                                           "__Namespace { Name = \"open\"; };", &e), CIMF_OK);
    assert_status(get_as(d, &driver_admin, "root/test/open", "__SystemSecurity=@"), INVALID_NAMESPACE);
}

/* __thisNAMESPACE shows the descriptor to those who may read it. */
static void this_namespace(void **state)
{
    struct driver *d = *state;
    struct answer a = { 0 };
    assert_status(driver_get(d, "root/test", "__thisNAMESPACE=@", &a), OK);
    assert_string_not_equal(driver_text(d, &a, 0, "SECURITY_DESCRIPTOR"), "NULL");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(defaults), T(existence), T(matrix), T(set_and_get), T(inheritance), T(order_of_aces), T(refused),
        T(object_form), T(audit_part), T(qualifiers), T(this_namespace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
