/* What of Kerberos needs no KDC: framing, names of tickets, keytabs, exported bytes. tests/peer/test_kerberos.py
 * has the rest. */
#include <krb5/krb5.h>
#include <stdlib.h>

#include "codec/der.h"
#include "mech/export_priv.h"
#include "mech/kerberos_priv.h"
#include "mech/spnego.h"
#include "mech/spnego_token.h"
#include "mech/test_hex.h"

/* A keytab in this process' memory with a key of HTTP/localhost; open as long as the tests run. */
static krb5_context library;
static krb5_keytab keys;
#define KEYTAB "MEMORY:cimfony-test"

static int begin(void **state)
{
    krb5_keytab_entry entry;
    unsigned char bytes[32] = "a key of thirty-two bytes......";
    memset(&entry, 0, sizeof entry);
    setenv("KRB5_CONFIG", "/dev/null", 1);
    if (krb5_init_context(&library) || krb5_kt_resolve(library, KEYTAB, &keys)) return 1;
    if (krb5_parse_name(library, "HTTP/localhost@TEST", &entry.principal)) return 1;
    entry.vno = 1;
    entry.key = (krb5_keyblock){ .enctype = ENCTYPE_AES256_CTS_HMAC_SHA1_96, .length = 32, .contents = bytes };
    int failed = krb5_kt_add_entry(library, keys, &entry) != 0;
    krb5_free_principal(library, entry.principal);
    return failed;
}

static int end(void **state)
{
    krb5_kt_close(library, keys);
    krb5_free_context(library);
    return 0;
}

/* An AP-REQ with a ticket that nobody could decrypt. Parts end with NULL. */
static void request(struct buf *b, const char *const *parts, const char *realm)
{
    size_t start = b->n, mark, inner, name;
    der_put_u31(b, DER_INTEGER, 5);
    der_wrap(b, start, DER_CONTEXT | 0);
    mark = b->n;
    der_put_u31(b, DER_INTEGER, 14);
    der_wrap(b, mark, DER_CONTEXT | 1);
    mark = b->n;
    der_put(b, 3, slice_of("\0\0\0\0\0", 5));
    der_wrap(b, mark, DER_CONTEXT | 2);
    mark = inner = b->n;
    der_put_u31(b, DER_INTEGER, 5);
    der_wrap(b, inner, DER_CONTEXT | 0);
    inner = b->n;
    der_put(b, DER_GENERAL_STRING, slice_str(realm));
    der_wrap(b, inner, DER_CONTEXT | 1);
    name = inner = b->n;
    der_put_u31(b, DER_INTEGER, 2);
    der_wrap(b, inner, DER_CONTEXT | 0);
    inner = b->n;
    for (; *parts; parts++) der_put(b, DER_GENERAL_STRING, slice_str(*parts));
    der_wrap(b, inner, DER_SEQUENCE);
    der_wrap(b, inner, DER_CONTEXT | 1);
    der_wrap(b, name, DER_SEQUENCE);
    der_wrap(b, name, DER_CONTEXT | 2);
    for (unsigned field = 3; field <= 4; field++) { /* the ticket's encrypted part, then the authenticator */
        inner = b->n;
        der_put_u31(b, DER_INTEGER, 18);
        der_wrap(b, inner, DER_CONTEXT | 0);
        name = b->n;
        der_put(b, DER_OCTETS, SLICE("sixty bytes of what is no ticket and is not one any time soon."));
        der_wrap(b, name, DER_CONTEXT | 2);
        der_wrap(b, inner, DER_SEQUENCE);
        der_wrap(b, inner, DER_CONTEXT | field);
        if (field == 4) break;
        der_wrap(b, mark, DER_SEQUENCE);
        der_wrap(b, mark, DER_APPLICATION | 1);
        der_wrap(b, mark, DER_CONTEXT | 3);
    }
    der_wrap(b, start, DER_SEQUENCE);
    assert_true(der_wrap(b, start, DER_APPLICATION | 14));
}

static void framed(struct buf *b, struct slice oid, const char *id, struct slice message)
{
    size_t mark = b->n;
    der_put(b, DER_OID, oid);
    buf_add(b, id, 2);
    buf_slice_add(b, message);
    assert_true(der_wrap(b, mark, DER_APPLICATION | 0));
}

static void names_of_tickets(void **state)
{
    struct buf b, name;
    buf_init(&b, 0);
    buf_init(&name, 0);
    request(&b, (const char *[]){ "HTTP", "localhost", NULL }, "TEST");
    assert_true(kerberos_ticket_service(buf_slice(&b), &name));
    assert_slice(buf_slice(&name), "HTTP/localhost@TEST");
    size_t whole = b.n;
    for (size_t n = 0; n < whole; n++) {
        buf_clear(&name);
        assert_false(kerberos_ticket_service(slice_of(b.p, n), &name));
    }
    static const char *const wrong[][4] = {
        { NULL }, { "" , NULL }, { "HTTP", "", NULL }, { "HTTP", "a/b", NULL }, { "HT@P", "a", NULL },
        { "HTTP", "a\\b", NULL }, { "HTTP", "\xff", NULL }, { "HTTP", "a\n", NULL },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        buf_clear(&b);
        buf_clear(&name);
        request(&b, wrong[i], "TEST");
        assert_false(kerberos_ticket_service(buf_slice(&b), &name));
    }
    buf_free(&b);
    buf_free(&name);
}

static struct mech *server(const char *keytab, const char *const *services, cimf_status expected)
{
    struct kerberos_server_config c = { .keytab = keytab, .services = services, .replay_cache_off = true };
    struct mech *m = NULL;
    struct error e = ERROR_INIT;
    assert_int_equal(kerberos_server_new(&c, &m, &e), expected);
    if (expected == CIMF_OK) assert_non_null(m);
    else assert_null(m);
    return m;
}

static cimf_status refused(struct mech *m, struct slice token)
{
    struct buf out;
    struct error e = ERROR_INIT;
    buf_init(&out, 0);
    assert_int_equal(mech_step(m, token, &out, &e), MECH_FAILED);
    assert_int_equal(out.n, 0); /* nothing tells the peer */
    assert_int_equal(m->session_key_n, 0);
    assert_null(m->user.p);
    assert_null(m->target.p);
    assert_int_equal(m->state, MECH_DEAD);
    buf_free(&out);
    mech_free(m);
    return e.status;
}

static void keytabs(void **state)
{
    const char *many[18] = { NULL };
    for (int i = 0; i < 17; i++) many[i] = "HTTP";
    mech_free(server(KEYTAB, NULL, CIMF_OK));
    server("FILE:/nonexistent/keytab", NULL, CIMF_NOT_FOUND);
    server("MEMORY:empty", NULL, CIMF_NOT_FOUND);
    server(KEYTAB, many, CIMF_INVALID_PARAMETER);
}

static void tokens_of_nobody(void **state)
{
    const struct slice oids[] = { SPNEGO_OID_KERBEROS, SPNEGO_OID_MS_KERBEROS };
    struct buf message, b;
    buf_init(&message, 0);
    buf_init(&b, 0);
    request(&message, (const char *[]){ "HTTP", "localhost", NULL }, "TEST");
    for (int i = 0; i < 2; i++) {
        buf_clear(&b);
        framed(&b, oids[i], "\1\0", buf_slice(&message));
        assert_int_equal(refused(server(KEYTAB, NULL, CIMF_OK), buf_slice(&b)), CIMF_NOT_AUTHENTICATED);
    }
    assert_int_equal(refused(server(KEYTAB, NULL, CIMF_OK), buf_slice(&message)), CIMF_NOT_AUTHENTICATED);
    /* An answer, an error, another mechanism, nothing. */
    for (int id = 2; id <= 3; id++) {
        buf_clear(&b);
        framed(&b, oids[0], id == 2 ? "\2\0" : "\3\0", buf_slice(&message));
        assert_int_equal(refused(server(KEYTAB, NULL, CIMF_OK), buf_slice(&b)), CIMF_BAD_REQUEST);
    }
    buf_clear(&b);
    framed(&b, SPNEGO_OID, "\1\0", buf_slice(&message));
    assert_int_equal(refused(server(KEYTAB, NULL, CIMF_OK), buf_slice(&b)), CIMF_BAD_REQUEST);
    assert_int_equal(refused(server(KEYTAB, NULL, CIMF_OK), SLICE("")), CIMF_BAD_REQUEST);
    assert_int_equal(refused(server(KEYTAB, NULL, CIMF_OK), SLICE("\x6e\x82\xff\xff")), CIMF_BAD_REQUEST);
    buf_free(&message);
    buf_free(&b);
}

/* A server of SPNEGO knows a bare token of Kerberos under both OIDs and without any. */
static void bare_tokens_choose_kerberos(void **state)
{
    const struct slice oids[] = { SPNEGO_OID_KERBEROS, SPNEGO_OID_MS_KERBEROS, SLICE_NULL };
    for (int i = 0; i < 3; i++) {
        struct mech *inner = server(KEYTAB, NULL, CIMF_OK), *m;
        struct buf message, b, out;
        struct error e = ERROR_INIT;
        buf_init(&message, 0);
        buf_init(&b, 0);
        buf_init(&out, 0);
        request(&message, (const char *[]){ "HTTP", "localhost", NULL }, "TEST");
        if (oids[i].p) framed(&b, oids[i], "\1\0", buf_slice(&message));
        else buf_slice_add(&b, buf_slice(&message));
        assert_int_equal(spnego_server_new(&inner, 1, &m, &e), CIMF_OK);
        assert_int_equal(mech_step(m, buf_slice(&b), &out, &e), MECH_FAILED);
        assert_int_equal(e.status, CIMF_NOT_AUTHENTICATED); /* so the ticket was looked at */
        assert_ptr_equal(spnego_chosen(m), inner);
        assert_int_equal(out.n, 0);
        mech_free(m);
        buf_free(&message);
        buf_free(&b);
        buf_free(&out);
    }
}

static void classes(void **state)
{
    const char *services[] = { "HTTP", "host", NULL };
    struct mech *m = server(KEYTAB, services, CIMF_OK);
    const struct kerberos *k = (const struct kerberos *)m;
    assert_true(kerberos_class_served(k, SLICE("http/x@R")));
    assert_true(kerberos_class_served(k, SLICE("HOST/x@R")));
    assert_false(kerberos_class_served(k, SLICE("HTTPS/x@R")));
    assert_false(kerberos_class_served(k, SLICE("HTT/x@R")));
    assert_false(kerberos_class_served(k, SLICE("HTTP@R")));
    assert_true(kerberos_key_served(k, SLICE("HTTP/localhost@TEST")));
    assert_true(kerberos_key_served(k, SLICE("MACHINE$@TEST")));
    assert_false(kerberos_key_served(k, SLICE("machine@TEST")));
    assert_false(kerberos_key_served(k, SLICE("x/MACHINE$@TEST")));
    mech_free(m);
    services[0] = "RPCSS";
    services[1] = NULL;
    m = server(KEYTAB, services, CIMF_OK); /* the keytab's only key is HTTP's */
    assert_false(kerberos_key_served((const struct kerberos *)m, SLICE("HTTP/localhost@TEST")));
    mech_free(m);
}

/* One key under two names: the one that the library finds first does not matter. */
static void shared_keys(void **state)
{
    const char *services[] = { "HTTP", NULL };
    krb5_keytab_entry entry;
    unsigned char bytes[32] = "a key of thirty-two bytes......";
    memset(&entry, 0, sizeof entry);
    assert_int_equal(krb5_parse_name(library, "RestrictedKrbHost/localhost@TEST", &entry.principal), 0);
    entry.vno = 1;
    entry.key = (krb5_keyblock){ .enctype = ENCTYPE_AES256_CTS_HMAC_SHA1_96, .length = 32, .contents = bytes };
    struct mech *m = server(KEYTAB, services, CIMF_OK);
    assert_false(kerberos_key_served((struct kerberos *)m, SLICE("RestrictedKrbHost/localhost@TEST")));
    assert_int_equal(krb5_kt_add_entry(library, keys, &entry), 0);
    assert_true(kerberos_key_served((struct kerberos *)m, SLICE("RestrictedKrbHost/localhost@TEST")));
    assert_int_equal(krb5_kt_remove_entry(library, keys, &entry), 0);
    bytes[0]++; /* another key */
    assert_int_equal(krb5_kt_add_entry(library, keys, &entry), 0);
    assert_false(kerberos_key_served((struct kerberos *)m, SLICE("RestrictedKrbHost/localhost@TEST")));
    assert_int_equal(krb5_kt_remove_entry(library, keys, &entry), 0);
    krb5_free_principal(library, entry.principal);
    mech_free(m);
}

static void clients_without_tickets(void **state)
{
    struct kerberos_client_config c = { .ccache = "MEMORY:nothing" };
    struct mech *m;
    struct arena a;
    struct error e = ERROR_INIT;
    arena_init(&a, 0);
    c.options.target = SLICE("HTTP/localhost");
    assert_int_equal(kerberos_client_new(&c, &m, &e), CIMF_NOT_AUTHENTICATED);
    assert_null(m);
    assert_null(kerberos_default_user(&a, "MEMORY:nothing").p);
    assert_null(kerberos_default_user(&a, "NOSUCHTYPE:x").p);
    static const char *const targets[] = { "", "HTTP", "HTTP/", "/localhost" };
    for (size_t i = 0; i < 4; i++) {
        c.options.target = slice_str(targets[i]);
        assert_int_equal(kerberos_client_new(&c, &m, &e), CIMF_INVALID_PARAMETER);
    }
    c.options.target = SLICE("HTTP/localhost");
    c.user = SLICE("al\0ice");
    assert_int_equal(kerberos_client_new(&c, &m, &e), CIMF_BAD_REQUEST);
    c.user = SLICE("alice");
    c.password = SLICE("\xff");
    assert_int_equal(kerberos_client_new(&c, &m, &e), CIMF_BAD_REQUEST);
    c.user = SLICE("alice@TEST");
    c.password = SLICE("x"); /* no KDC is known */
    assert_int_equal(kerberos_client_new(&c, &m, &e), CIMF_NOT_AUTHENTICATED);
    arena_free(&a);
}

static void no_exported_context(void **state)
{
    struct mech head = { .side = MECH_SERVER, .flags = MECH_SIGN, .session_key_n = 32 };
    struct mech *m;
    struct buf b;
    buf_init(&b, 0);
    mech_export_head(&head, MECH_EXPORT_KERBEROS, &b);
    for (size_t n = 0; n < 3; n++) {
        assert_int_equal(mech_import(buf_slice(&b), &m, NULL), CIMF_BAD_REQUEST);
        assert_null(m);
        buf_lit(&b, "\0\0\0\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02 what is no context");
    }
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_tickets),
        cmocka_unit_test(keytabs),
        cmocka_unit_test(tokens_of_nobody),
        cmocka_unit_test(bare_tokens_choose_kerberos),
        cmocka_unit_test(classes),
        cmocka_unit_test(shared_keys),
        cmocka_unit_test(clients_without_tickets),
        cmocka_unit_test(no_exported_context),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
