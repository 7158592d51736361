/* Passwords of system users through PAM, against pam_matrix: alone and behind the broker. */
#include "base/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/access.h"
#include "auth/accounts.h"
#include "auth/broker_priv.h"
#include "auth/pam_priv.h"
#include "base/log.h"

static char folder[64], path[96];

static void put(const char *name, const char *text)
{
    char full[160];
    snprintf(full, sizeof full, "%s/%s", folder, name);
    int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static int setup(void **state)
{
    char text[512];
    strcpy(folder, "/tmp/cimfony-pam-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/accounts", folder);
    snprintf(text, sizeof text, "auth required " PAM_MATRIX " passdb=%s/users verbose\naccount required " PAM_MATRIX " passdb=%s/users\n",
             folder, folder);
    put("cimfony", text);
    put("other", "auth required pam_deny.so\naccount required pam_deny.so\n");
    /* name:password:service that the account phase allows */
    put("users", "nobody:right:cimfony\nroot:right:cimfony\ndaemon:right:another\nghost:right:cimfony\n");
    pam_folder = folder;
    log_set_level(LOG_ERROR_);
    return 0;
}

static int teardown(void **state)
{
    char command[96];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static cimf_status check(const char *user, const char *password)
{
    struct error e = ERROR_INIT;
    cimf_status s = pam_check("cimfony", slice_str(user), slice_str(password), SLICE("192.0.2.1"), &e);
    assert_int_equal(e.status, CIMF_OK); /* a refusal gives no reason away */
    return s;
}

static void answers(void **state)
{
    struct error e = ERROR_INIT;
    assert_int_equal(check("nobody", "right"), CIMF_OK);
    assert_int_equal(check("nobody", "wrong"), CIMF_NOT_AUTHENTICATED);
    assert_int_equal(check("nobody", ""), CIMF_NOT_AUTHENTICATED);
    assert_int_equal(check("", "right"), CIMF_NOT_AUTHENTICATED);
    assert_int_equal(check("missing", "right"), CIMF_NOT_AUTHENTICATED);
    assert_int_equal(check("daemon", "right"), CIMF_NOT_AUTHENTICATED); /* right, but the account may not */
    assert_int_equal(check("root", "right"), CIMF_NOT_AUTHENTICATED);
    assert_int_equal(pam_check("cimfony", SLICE("nobody\0x"), SLICE("right"), SLICE(""), &e), CIMF_NOT_AUTHENTICATED);
    assert_int_equal(pam_check("cimfony", SLICE("nobody"), SLICE("right\0x"), SLICE(""), &e), CIMF_NOT_AUTHENTICATED);
    assert_int_equal(pam_check("cimfony", SLICE("nobody\xff"), SLICE("right"), SLICE(""), &e), CIMF_NOT_AUTHENTICATED);
    char big[2000];
    memset(big, 'x', sizeof big);
    assert_int_equal(pam_check("cimfony", SLICE("nobody"), slice_of(big, sizeof big), SLICE(""), &e), CIMF_NOT_AUTHENTICATED);
    assert_int_equal(pam_check("cimfony", slice_of(big, sizeof big), SLICE("right"), SLICE(""), &e), CIMF_NOT_AUTHENTICATED);
    assert_true(pam_check("missing", SLICE("nobody"), SLICE("right"), SLICE(""), &e) != CIMF_OK);
}

struct answer {
    cimf_status status;
    const struct principal *p;
};
static void on_answer(void *arg, cimf_status status, const struct principal *p)
{
    *(struct answer *)arg = (struct answer){ status, p };
}

static struct answer login(struct auth_broker *b, const char *user, const char *password)
{
    struct answer a = { CIMF_FAILED, NULL };
    struct auth_password q = { slice_str(user), slice_str(password), SLICE("192.0.2.1"), AUTH_BASIC };
    auth_check_password(b, &q, NULL, on_answer, &a);
    return a;
}

static struct auth_broker *broker(const char *service, const char *const *admins)
{
    struct auth_broker *b;
    struct auth_broker_config config = { .accounts_path = path, .basic = true, .dummy_cost = 1, .pam_service = service,
                                         .admin_groups = admins };
    assert_int_equal(auth_broker_new(&config, &b, NULL), CIMF_OK);
    return b;
}

static void behind_the_broker(void **state)
{
    const char *const admins[] = { "nogroup", NULL };
    struct auth_broker *b = broker("cimfony", NULL);
    struct answer a = login(b, "nobody", "right"), again = { CIMF_FAILED, NULL };
    assert_int_equal(a.status, CIMF_OK);
    assert_slice(a.p->name, "nobody");
    assert_true(a.p->has_posix && a.p->uid != 0 && !a.p->administrator && a.p->group_count == 0 && a.p->domain.n == 0);
    char sid[64];
    snprintf(sid, sizeof sid, "S-1-22-1-%u", a.p->uid);
    assert_string_equal(a.p->sid, sid);
    struct sid gid;
    assert_true(sid_of_gid(a.p->gid, &gid) && access_token_has(a.p->token, &gid));
    auth_refresh(b, a.p, NULL, on_answer, &again);
    assert_int_equal(again.status, CIMF_OK);
    principal_unref(again.p);
    assert_int_equal(auth_life(a.p, INT64_C(300000000)), 60000000);
    assert_int_equal(auth_life(a.p, 5), 5);
    principal_unref(a.p);
    assert_int_equal(login(b, "nobody", "wrong").status, CIMF_NOT_AUTHENTICATED);
    assert_int_equal(login(b, "root", "right").status, CIMF_NOT_AUTHENTICATED);
    assert_null(login(b, "ghost", "right").p); /* PAM knows it, the system doesn't */
    a = login(b, ".\\nobody", "right");
    assert_int_equal(a.status, CIMF_OK);
    principal_unref(a.p);
    assert_int_equal(login(b, "ELSEWHERE\\nobody", "right").status, CIMF_NOT_AUTHENTICATED);
    auth_broker_free(b);

    /* Administrators by a POSIX group. */
    b = broker("cimfony", admins);
    a = login(b, "nobody", "right");
    assert_true(a.p && a.p->administrator);
    principal_unref(a.p);
    auth_broker_free(b);

    b = broker(NULL, NULL); /* not configured */
    assert_int_equal(login(b, "nobody", "right").status, CIMF_NOT_AUTHENTICATED);
    auth_broker_free(b);

    /* An account of ours of that name stands before it, also a disabled one; a damaged file stands before all. */
    struct account_change c = { .name = SLICE("Nobody"), .password = SLICE("ours"), .cost = 1 };
    assert_int_equal(accounts_add(path, &c, NULL), CIMF_OK);
    b = broker("cimfony", NULL);
    assert_int_equal(login(b, "nobody", "right").status, CIMF_NOT_AUTHENTICATED);
    assert_int_equal(accounts_enable(path, SLICE("nobody"), false, NULL), CIMF_OK);
    assert_int_equal(auth_reload(b, NULL), CIMF_OK);
    assert_int_equal(login(b, "nobody", "right").status, CIMF_NOT_AUTHENTICATED);
    put("accounts", "damaged\n");
    assert_true(auth_reload(b, NULL) != CIMF_OK);
    assert_int_equal(login(b, "nobody", "right").status, CIMF_NOT_AUTHENTICATED);
    auth_broker_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers, setup, teardown),
        cmocka_unit_test_setup_teardown(behind_the_broker, setup, teardown),
    };
    if (access(PAM_MATRIX, R_OK) != 0) return 77; /* skipped: pam_wrapper is not installed */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
