/* Which login is open: scheme, settings, trust, tickets. */
#include "base/test.h"

#include <stdio.h>

#include <cimfony/session.h>

#include "client/login.h"

struct row {
    unsigned auth;
    const char *url;     /* "https", "http", "insecure", "local": the way to the server */
    const char *user, *ticket;
    const char *set;     /* "client.trusted_hosts=*" or NULL */
    cimf_status want;
    enum http_login login;
    const char *inside;  /* letters: n NTLM, k Kerberos, b Basic may follow, p needs a password, x no plain messages */
};

static enum client_setting find(const char *name)
{
    for (int k = 0; k < CLIENT_SETTINGS; k++)
        if (strcmp(client_setting_name((enum client_setting)k), name) == 0) return (enum client_setting)k;
    fail_msg("%s", name);
    return CLIENT_SETTINGS;
}

static void set(struct client_settings *s, const char *list)
{
    for (struct slice rest = slice_str(list); rest.p && rest.n;) {
        char name[64], value[64];
        struct slice v, one = slice_split(rest, ';', &rest), n = slice_split(one, '=', &v);
        struct error e = ERROR_INIT;
        snprintf(name, sizeof name, SLICE_FMT, SLICE_ARG(n));
        snprintf(value, sizeof value, SLICE_FMT, SLICE_ARG(v));
        assert_int_equal(client_settings_option(s, find(name), value, "test", &e), CIMF_OK);
    }
}

static void check(const struct row *r, size_t number)
{
    struct client_settings s;
    struct client_login login;
    struct error e = ERROR_INIT;
    assert_int_equal(client_settings_read(&s, NULL, NULL, &e), CIMF_OK);
    set(&s, r->set);
    bool tls = strcmp(r->url, "http") != 0 && strcmp(r->url, "local") != 0;
    struct client_login_question q = {
        .auth = r->auth, .host = strcmp(r->url, "local") == 0 ? SLICE("localhost") : SLICE("srv.example.org"), .user = slice_str(r->user),
        .ticket = slice_str(r->ticket), .tls = tls, .insecure = strcmp(r->url, "insecure") == 0,
        .loopback = strcmp(r->url, "local") == 0, .certificate = r->auth == CIMF_AUTH_CERTIFICATE,
    };
    cimf_status status = client_login_choose(&s, &q, &login, &e);
    if (status != r->want) fail_msg("%zu: %s: %s", number, cimf_status_name(status), e.text);
    if (status == CIMF_OK) {
        char inside[8] = "";
        snprintf(inside, sizeof inside, "%s%s%s%s%s", login.ntlm ? "n" : "", login.kerberos ? "k" : "", login.basic_fallback ? "b" : "",
                 login.needs_password ? "p" : "", login.messages_plain ? "x" : "");
        if (login.login != r->login || strcmp(inside, r->inside) != 0) fail_msg("%zu: %d '%s'", number, (int)login.login, inside);
    } else if (!e.text[0] || !login.hint[0]) {
        fail_msg("%zu: '%s', '%s'", number, e.text, login.hint);
    }
    client_settings_free(&s);
}

#define T "alice@EXAMPLE.ORG"
#define TRUST "client.trusted_hosts=*.example.org"
#define OPEN "client.allow_unencrypted=on"

/* covers: security:S8 security:S9 security:S15 */
static void test_choices(void **state)
{
    static const struct row rows[] = {
        /* No scheme named. */
        { CIMF_AUTH_DEFAULT, "http", "", "", NULL, CIMF_OK, HTTP_LOGIN_NONE, "x" },
        { CIMF_AUTH_DEFAULT, "http", "", "", OPEN, CIMF_OK, HTTP_LOGIN_NONE, "" },
        { CIMF_AUTH_DEFAULT, "https", "", "", NULL, CIMF_OK, HTTP_LOGIN_NONE, "" },
        { CIMF_AUTH_DEFAULT, "http", "", T, NULL, CIMF_OK, HTTP_LOGIN_NEGOTIATE, "k" },
        { CIMF_AUTH_DEFAULT, "http", "alice", T, NULL, CIMF_OK, HTTP_LOGIN_NEGOTIATE, "k" },
        { CIMF_AUTH_DEFAULT, "http", "alice", T, TRUST, CIMF_OK, HTTP_LOGIN_NEGOTIATE, "nk" },
        { CIMF_AUTH_DEFAULT, "http", "bob", T, TRUST, CIMF_OK, HTTP_LOGIN_NEGOTIATE, "np" },
        { CIMF_AUTH_DEFAULT, "http", "bob", T, NULL, CIMF_ACCESS_DENIED, 0, "" },
        { CIMF_AUTH_DEFAULT, "https", "bob", T, NULL, CIMF_OK, HTTP_LOGIN_NEGOTIATE, "nbp" },
        { CIMF_AUTH_DEFAULT, "https", "alice", T, NULL, CIMF_OK, HTTP_LOGIN_NEGOTIATE, "nkb" },
        { CIMF_AUTH_DEFAULT, "https", "bob", "", "auth.basic=off", CIMF_OK, HTTP_LOGIN_NEGOTIATE, "np" },
        { CIMF_AUTH_DEFAULT, "insecure", "bob", "", NULL, CIMF_ACCESS_DENIED, 0, "" },
        { CIMF_AUTH_DEFAULT, "insecure", "alice", T, NULL, CIMF_ACCESS_DENIED, 0, "" },
        { CIMF_AUTH_DEFAULT, "insecure", "bob", "", TRUST, CIMF_OK, HTTP_LOGIN_NEGOTIATE, "nbp" },
        { CIMF_AUTH_DEFAULT, "local", "bob", "", NULL, CIMF_OK, HTTP_LOGIN_NEGOTIATE, "nbp" },
        { CIMF_AUTH_DEFAULT, "local", "alice", T, NULL, CIMF_OK, HTTP_LOGIN_NEGOTIATE, "nbp" },
        { CIMF_AUTH_DEFAULT, "local", "", T, NULL, CIMF_OK, HTTP_LOGIN_NONE, "" },
        { CIMF_AUTH_DEFAULT, "http", "alice", T, "auth.kerberos=off", CIMF_ACCESS_DENIED, 0, "" },
        { CIMF_AUTH_DEFAULT, "https", "bob", "", "auth.negotiate=off", CIMF_ACCESS_DENIED, 0, "" },
        { CIMF_AUTH_DEFAULT, "http", "alice", T, "auth.negotiate=off", CIMF_OK, HTTP_LOGIN_KERBEROS, "k" },
        /* Negotiate is the same without Basic. */
        { CIMF_AUTH_NEGOTIATE, "https", "bob", "", NULL, CIMF_OK, HTTP_LOGIN_NEGOTIATE, "np" },
        { CIMF_AUTH_NEGOTIATE, "http", "", T, NULL, CIMF_OK, HTTP_LOGIN_NEGOTIATE, "k" },
        { CIMF_AUTH_NEGOTIATE, "http", "", "", NULL, CIMF_NOT_AUTHENTICATED, 0, "" },
        { CIMF_AUTH_NTLM, "https", "alice", T, NULL, CIMF_OK, HTTP_LOGIN_NEGOTIATE, "np" },
        { CIMF_AUTH_NTLM, "http", "alice", T, NULL, CIMF_ACCESS_DENIED, 0, "" },
        { CIMF_AUTH_NTLM, "https", "", T, NULL, CIMF_INVALID_PARAMETER, 0, "" },
        { CIMF_AUTH_NTLM, "https", "bob", "", "auth.negotiate=off", CIMF_ACCESS_DENIED, 0, "" },
        /* Kerberos proves the server by itself. */
        { CIMF_AUTH_KERBEROS, "http", "", T, NULL, CIMF_OK, HTTP_LOGIN_KERBEROS, "k" },
        { CIMF_AUTH_KERBEROS, "http", "bob", T, NULL, CIMF_OK, HTTP_LOGIN_KERBEROS, "kp" },
        { CIMF_AUTH_KERBEROS, "http", "", "", NULL, CIMF_NOT_AUTHENTICATED, 0, "" },
        { CIMF_AUTH_KERBEROS, "insecure", "", T, NULL, CIMF_ACCESS_DENIED, 0, "" },
        { CIMF_AUTH_KERBEROS, "https", "", T, "auth.kerberos=off", CIMF_ACCESS_DENIED, 0, "" },
        /* What protects no messages. */
        { CIMF_AUTH_BASIC, "https", "bob", "", NULL, CIMF_OK, HTTP_LOGIN_BASIC, "p" },
        { CIMF_AUTH_BASIC, "http", "bob", "", TRUST, CIMF_ACCESS_DENIED, 0, "" },
        { CIMF_AUTH_BASIC, "http", "bob", "", OPEN, CIMF_ACCESS_DENIED, 0, "" },
        { CIMF_AUTH_BASIC, "http", "bob", "", OPEN ";" TRUST, CIMF_OK, HTTP_LOGIN_BASIC, "p" },
        { CIMF_AUTH_BASIC, "local", "bob", "", NULL, CIMF_OK, HTTP_LOGIN_BASIC, "p" },
        { CIMF_AUTH_BASIC, "insecure", "bob", "", NULL, CIMF_ACCESS_DENIED, 0, "" },
        { CIMF_AUTH_BASIC, "https", "bob", "", "auth.basic=off", CIMF_ACCESS_DENIED, 0, "" },
        { CIMF_AUTH_DIGEST, "https", "bob", "", NULL, CIMF_OK, HTTP_LOGIN_DIGEST, "p" },
        { CIMF_AUTH_DIGEST, "http", "bob", "", TRUST, CIMF_ACCESS_DENIED, 0, "" },
        { CIMF_AUTH_DIGEST, "http", "bob", "", OPEN ";" TRUST, CIMF_OK, HTTP_LOGIN_DIGEST, "p" },
        { CIMF_AUTH_DIGEST, "https", "bob", "", "auth.digest=off", CIMF_ACCESS_DENIED, 0, "" },
        /* The password leaves only when asked for by name. */
        { CIMF_AUTH_CREDSSP, "https", "bob", "", NULL, CIMF_OK, HTTP_LOGIN_CREDSSP, "np" },
        { CIMF_AUTH_CREDSSP, "https", "bob", "", "auth.credssp=off", CIMF_ACCESS_DENIED, 0, "" },
        { CIMF_AUTH_CREDSSP, "http", "bob", "", NULL, CIMF_ACCESS_DENIED, 0, "" },
        { CIMF_AUTH_CREDSSP, "http", "bob", "", TRUST, CIMF_OK, HTTP_LOGIN_CREDSSP, "np" },
        { CIMF_AUTH_CREDSSP, "http", "alice", T, NULL, CIMF_OK, HTTP_LOGIN_CREDSSP, "kp" },
        { CIMF_AUTH_CERTIFICATE, "https", "", "", NULL, CIMF_OK, HTTP_LOGIN_CERTIFICATE, "" },
        { CIMF_AUTH_CERTIFICATE, "http", "", "", NULL, CIMF_INVALID_PARAMETER, 0, "" },
        { CIMF_AUTH_CERTIFICATE, "insecure", "", "", NULL, CIMF_ACCESS_DENIED, 0, "" },
        { CIMF_AUTH_CERTIFICATE, "https", "", "", "auth.certificate=off", CIMF_ACCESS_DENIED, 0, "" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) check(&rows[i], i);
}

static void test_whose_ticket(void **state)
{
    assert_true(client_ticket_fits(SLICE(T), SLICE("")));
    assert_true(client_ticket_fits(SLICE(T), SLICE("alice")));
    assert_true(client_ticket_fits(SLICE(T), SLICE("alice@example.org")));
    assert_false(client_ticket_fits(SLICE(T), SLICE("alic")));
    assert_false(client_ticket_fits(SLICE(T), SLICE("alice@other.org")));
    assert_false(client_ticket_fits(SLICE(T), SLICE("EXAMPLE\\alice")));
    assert_false(client_ticket_fits(SLICE(""), SLICE("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_choices), cmocka_unit_test(test_whose_ticket) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
