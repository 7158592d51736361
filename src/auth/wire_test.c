/* The stand-in in core, and the broker that serves it: every question, and many at once. */
#include "auth/wire_harness.h"

static void passwords(void **state)
{
    struct result r;
    struct auth_password q = password("secret");
    assert_null(auth_check_cached(stand_in, &q));
    barrier(); /* the greeting is here */
    assert_int_equal(ask("secret", &r), CIMF_OK);
    assert_true(slice_is(r.p->name, "alice") && r.p->administrator && r.p->scheme == AUTH_BASIC && !r.p->has_posix);
    struct sid s = sid_known(SID_ADMINISTRATORS);
    assert_true(access_token_has(r.p->token, &s));
    const struct principal *known = auth_resolve(real, slice_str(r.p->id));
    assert_true(known && known != r.p && principal_same(known, r.p) && known->administrator);
    principal_unref(known);
    assert_null(auth_resolve(stand_in, slice_str(r.p->id)));
    const struct principal *cached = auth_check_cached(stand_in, &q);
    assert_ptr_equal(cached, r.p); /* no question */
    principal_unref(cached);
    char id[37];
    strcpy(id, r.p->id);
    /* Still the same, with a principal of today. */
    struct result f = { .done = false };
    auth_refresh(stand_in, r.p, loop_exec(home), on_answer, &f);
    await(&f);
    assert_true(f.status == CIMF_OK && principal_same(f.p, r.p));
    principal_unref(f.p);
    /* A change of the accounts is told. */
    uint64_t generation = auth_generation(stand_in);
    assert_int_equal(accounts_enable(path, SLICE("alice"), false, NULL), CIMF_OK);
    barrier(); /* the new generation was sent before this answer */
    assert_true(auth_generation(stand_in) != generation);
    assert_null(auth_check_cached(stand_in, &q));
    assert_null(auth_resolve(real, slice_str(id))); /* in use, but closed */
    auth_refresh(stand_in, r.p, loop_exec(home), on_answer, &f);
    await(&f);
    assert_int_equal(f.status, CIMF_NOT_AUTHENTICATED);
    const struct principal *own = auth_local_principal(false); /* core itself stays who it is */
    auth_refresh(stand_in, own, loop_exec(home), on_answer, &f);
    await(&f);
    assert_ptr_equal(f.p, own);
    principal_unref(f.p);
    principal_unref(own);
    assert_int_equal(accounts_enable(path, SLICE("alice"), true, NULL), CIMF_OK);
    struct result wrong;
    assert_int_equal(ask("Secret", &wrong), CIMF_NOT_AUTHENTICATED);
    assert_null(wrong.p);
    principal_unref(r.p);
}

static void released_ids(void **state)
{
    struct result r;
    char id[37];
    struct auth_password q = password("secret");
    assert_int_equal(ask("secret", &r), CIMF_OK); /* before the greeting or not: perhaps remembered */
    strcpy(id, r.p->id);
    const struct principal *second = principal_ref(r.p);
    principal_unref(r.p);
    barrier();
    const struct principal *known = auth_resolve(real, slice_str(id));
    assert_non_null(known);
    principal_unref(known);
    principal_unref(second);
    struct account_change bob = { .name = SLICE("bob"), .password = SLICE("x"), .cost = 1 };
    assert_int_equal(accounts_add(path, &bob, NULL), CIMF_OK);
    barrier();
    end_serving(); /* nothing of it is left */
    assert_int_equal(served, CIMF_OK);
    assert_null(auth_resolve(real, slice_str(id)));
    assert_null(auth_resolve(real, SLICE("")));
    start_serving();
    assert_int_equal(auth_broker_connect(core_fd, &stand_in, NULL), CIMF_OK);
    barrier();
    assert_int_equal(ask("secret", &r), CIMF_OK);
    principal_unref(r.p);
    known = auth_check_cached(stand_in, &q);
    assert_non_null(known); /* core's memory has it */
    struct result out = { .done = false };
    auth_refresh(stand_in, known, loop_exec(home), on_answer, &out);
    principal_unref(known);
    await(&out);
    strcpy(id, out.p->id);
    known = auth_resolve(real, slice_str(id));
    assert_non_null(known);
    principal_unref(known);
    principal_unref(out.p);
    barrier();
    assert_null(auth_resolve(real, slice_str(id))); /* given back */
}

/* In one turn of the loop, so that no answer comes between. */
static void leg_step_and_free(void *arg)
{
    leg_step(arg);
    leg_free(arg);
}

static void exchanges(void **state)
{
    struct leg l;
    struct mech *client = run_exchange(&l, "secret");
    assert_int_equal(l.r.result, MECH_COMPLETE);
    assert_true(slice_is(l.r.p->name, "alice") && l.r.p->scheme == AUTH_NTLM);
    assert_string_equal(l.r.mechanism, "NTLM");
    unsigned char text[] = "sealed", signature[MECH_SIGNATURE_MAX];
    struct mech_part part = { MECH_PART_SEAL, text, sizeof text };
    assert_int_equal(mech_seal(l.r.context, &part, 1, signature), CIMF_OK);
    assert_int_equal(mech_unseal(client, &part, 1, slice_of((char *)signature, 16)), CIMF_OK);
    assert_string_equal((char *)text, "sealed");
    mech_free(client);
    mech_free(l.r.context);
    principal_unref(l.r.p);
    assert_true(loop_call(home, leg_free, &l));
    client = run_exchange(&l, "wrong");
    assert_int_equal(l.r.status, CIMF_NOT_AUTHENTICATED);
    assert_null(l.r.p);
    mech_free(client);
    assert_true(loop_call(home, leg_free, &l));
    /* Too long a token; the end of an exchange whose step is under way: no answer comes. */
    static char big[70000];
    l = (struct leg){ .token = { big, sizeof big } };
    assert_true(loop_call(home, leg_new, &l) && loop_call(home, leg_step, &l));
    await(&l.r);
    assert_int_equal(l.r.status, CIMF_BAD_REQUEST);
    assert_true(loop_call(home, leg_step_and_free, &l));
    barrier();
    assert_false(l.r.done);
}

static void digest_and_certificate(void **state)
{
    char ha1[DIGEST_HEX], ha2[DIGEST_HEX], want[DIGEST_HEX], text[DIGEST_HEX];
    struct digest_response d = { .algorithm = DIGEST_MD5_SESS, .qop = DIGEST_QOP_AUTH, .username = SLICE("alice"),
                                 .realm = SLICE("WSMAN"), .nonce = SLICE("n"), .uri = SLICE("/"), .cnonce = SLICE("c"),
                                 .nc = 1, .nc_text = SLICE("00000001"), .opaque = SLICE("") };
    struct auth_digest q = { .response = &d, .ha2 = ha2, .ha2_reply = ha2, .address = SLICE("::1") };
    struct result r = { .done = false };
    digest_ha1(d.algorithm, d.username, d.realm, SLICE("secret"), ha1);
    digest_ha2(d.algorithm, d.qop, SLICE("GET"), d.uri, SLICE(""), ha2);
    digest_compute(&d, ha1, ha2, text);
    digest_compute(&d, ha1, ha2, want);
    d.response = slice_str(text);
    auth_check_digest(stand_in, &q, loop_exec(home), on_digest, &r);
    await(&r);
    assert_int_equal(r.status, CIMF_OK);
    assert_string_equal(r.rspauth, want);
    principal_unref(r.p);
    text[0] ^= 1;
    auth_check_digest(stand_in, &q, loop_exec(home), on_digest, &r);
    await(&r);
    assert_int_equal(r.status, CIMF_NOT_AUTHENTICATED);
    struct auth_certificate c = { SLICE("no certificate"), SLICE(""), SLICE("::1") };
    auth_check_certificate(stand_in, &c, loop_exec(home), on_answer, &r);
    await(&r);
    assert_int_equal(r.status, CIMF_NOT_AUTHENTICATED);
}

/* ---- the certificate map ---- */

struct mapped {
    struct result r;
    unsigned count, wrong;
    char reason[256], user[32];
    bool enabled;
};

#define ISSUER "0123456789abcdef0123456789abcdef01234567"

static void on_mappings(void *arg, const struct auth_mappings_answer *a)
{
    struct mapped *m = arg;
    m->count = a->count;
    m->wrong = 0;
    for (unsigned i = 0; i < a->count; i++) {
        char uri[64];
        snprintf(uri, sizeof uri, "http://x/%04u/", i);
        m->wrong += !slice_starts(a->rows[i].uri, slice_str(uri)) || !slice_is(a->rows[i].issuer, ISSUER);
    }
    snprintf(m->user, sizeof m->user, SLICE_FMT, a->count ? (int)a->rows[0].user.n : 0, a->count ? a->rows[0].user.p : "");
    m->enabled = a->count && a->rows[0].enabled;
    snprintf(m->reason, sizeof m->reason, "%s", a->error && a->status ? error_text(a->error) : "");
    on_answer(&m->r, a->status, NULL);
}

static cimf_status mapping(const struct principal *by, enum auth_mapping_verb verb, const char *uri, const char *user,
                           struct mapped *m)
{
    struct auth_mapping q = { verb, { SLICE(ISSUER), SLICE("alice"), slice_str(uri), slice_str(user), true }, true };
    *m = (struct mapped){ .count = 0 };
    auth_mappings(stand_in, by, &q, loop_exec(home), on_mappings, m);
    await(&m->r);
    return m->r.status;
}

/* More rows than a message holds. */
static void write_map(unsigned rows)
{
    FILE *f = fopen(map_path, "w");
    assert_non_null(f);
    fprintf(f, "cimfony-certificates 1\n");
    for (unsigned i = 0; i < rows; i++) {
        fprintf(f, "on\t" ISSUER "\talice\thttp://x/%04u/", i);
        for (int k = 0; k < 1900; k++) fputc('x', f);
        fprintf(f, "\talice\n");
    }
    fclose(f);
    assert_int_equal(chmod(map_path, 0600), 0);
    assert_int_equal(auth_reload(real, NULL), CIMF_OK);
}

/* covers: security:S11 */
static void mappings(void **state)
{
    struct result r;
    struct mapped m;
    assert_int_equal(ask("secret", &r), CIMF_OK);
    const struct principal *alice = r.p, *forged = auth_local_principal(true);
    struct auth_password q = { SLICE("carl"), SLICE("secret"), SLICE("192.0.2.9"), AUTH_BASIC };
    r = (struct result){ .done = false };
    auth_check_password(stand_in, &q, loop_exec(home), on_answer, &r);
    await(&r);
    const struct principal *carl = r.p;
    assert_true(alice && carl && alice->administrator && !carl->administrator);
    assert_int_equal(mapping(alice, AUTH_MAPPING_LIST, "", "", &m), CIMF_OK);
    assert_int_equal(m.count, 0);
    assert_int_equal(mapping(alice, AUTH_MAPPING_ADD, "http://x/0000/", "alice", &m), CIMF_OK);
    assert_int_equal(mapping(alice, AUTH_MAPPING_ADD, "http://x/0000/", "alice", &m), CIMF_ALREADY_EXISTS);
    assert_true(m.reason[0] != 0);
    assert_int_equal(mapping(alice, AUTH_MAPPING_ADD, "http://x/1", "nobody", &m), CIMF_INVALID_PARAMETER);
    assert_int_equal(mapping(alice, AUTH_MAPPING_PUT, "http://x/0000/", "carl", &m), CIMF_OK);
    assert_int_equal(mapping(alice, AUTH_MAPPING_LIST, "http://x/0000/", "", &m), CIMF_OK);
    assert_true(m.count == 1 && strcmp(m.user, "carl") == 0 && m.enabled && !m.wrong);
    /* Whatever core says: the broker issued these, or did not. */
    for (enum auth_mapping_verb v = AUTH_MAPPING_LIST; v <= AUTH_MAPPING_DELETE; v++) {
        assert_int_equal(mapping(carl, v, "http://x/0000/", "carl", &m), CIMF_ACCESS_DENIED);
        assert_int_equal(mapping(forged, v, "http://x/0000/", "carl", &m), CIMF_ACCESS_DENIED);
    }
    assert_int_equal(mapping(alice, AUTH_MAPPING_DELETE, "http://x/0000/", "", &m), CIMF_OK);
    assert_int_equal(mapping(alice, AUTH_MAPPING_DELETE, "http://x/0000/", "", &m), CIMF_NOT_FOUND);
    write_map(400);
    assert_int_equal(mapping(alice, AUTH_MAPPING_LIST, "", "", &m), CIMF_OK);
    assert_true(m.count == 400 && m.wrong == 0);
    /* He is none any more. */
    assert_int_equal(accounts_del(path, SLICE("alice"), NULL), CIMF_OK);
    assert_int_equal(auth_reload(real, NULL), CIMF_OK);
    assert_int_equal(mapping(alice, AUTH_MAPPING_LIST, "", "", &m), CIMF_ACCESS_DENIED);
    principal_unref(alice);
    principal_unref(carl);
    principal_unref(forged);
}

/* ---- many at once ---- */

enum { THREADS = 4, EACH = 60 };

static void *hammer(void *arg)
{
    unsigned *right = arg;
    for (int i = 0; i < EACH; i++) {
        struct auth_password q = password("secret");
        const struct principal *p = auth_check_cached(stand_in, &q);
        struct result r = { .done = false };
        if (p) {
            auth_refresh(stand_in, p, loop_exec(home), on_answer, &r);
            principal_unref(p);
        } else {
            auth_check_password(stand_in, &q, loop_exec(home), on_answer, &r);
        }
        await(&r);
        *right += r.p != NULL;
        principal_unref(r.p);
        if (i % 20 == 10) auth_reload(stand_in, NULL); /* a new generation */
    }
    return NULL;
}

static void together(void **state)
{
    pthread_t threads[THREADS];
    unsigned right[THREADS] = { 0 };
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, hammer, &right[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(right[i], EACH);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(passwords), WITH(released_ids), WITH(exchanges), WITH(digest_and_certificate), WITH(mappings), WITH(together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
