/* authorize_check: the answer, the sentence, the records. */
#include "base/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/audit_priv.h"
#include "auth/authorize.h"
#include "auth/sddl.h"
#include "base/log.h"

static char file[] = "/tmp/cimfony-authorize-XXXXXX";
static off_t seen;

/* Lines since the last call; the last of them. */
static unsigned records(char last[2048])
{
    char text[65536];
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t n = pread(fd, text, sizeof text - 1, seen);
    close(fd);
    unsigned count = 0;
    text[n > 0 ? n : 0] = 0;
    seen += n > 0 ? n : 0;
    last[0] = 0;
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1, count++)
        snprintf(last, 2048, "%.*s", (int)(end - line), line);
    return count;
}

static const struct sd *sd(struct arena *a, const char *text)
{
    const struct sd *out;
    assert_int_equal(sddl_parse(a, slice_str(text), NULL, &out, NULL), CIMF_OK);
    return out;
}

static struct principal *person(struct arena *a, const char *sid)
{
    struct principal *p = ARENA_NEW(a, struct principal);
    *p = (struct principal){ .name = SLICE("alice"), .scheme = AUTH_NTLM };
    snprintf(p->sid, sizeof p->sid, "%s", sid);
    if (access_token_make(a, p, NULL, 0, &p->token, NULL) != CIMF_OK) p->token = NULL;
    return p;
}

static void answers(void **state)
{
    struct arena a;
    struct error e = ERROR_INIT;
    uint32_t granted;
    char last[2048];
    arena_init(&a, 0);
    struct authorize q = { .principal = person(&a, "S-1-5-21-1-2-3-1000"), .sd = sd(&a, "O:BAG:BAD:(A;;CCWP;;;AU)"),
                           .wanted = ACCESS_WMI_ENABLE, .mapping = &access_namespace, .object = SLICE("root/answers"),
                           .peer = SLICE("192.0.2.1") };
    assert_int_equal(authorize_check(&q, &granted, &e), CIMF_OK);
    assert_int_equal(granted, ACCESS_WMI_ENABLE | ACCESS_WMI_REMOTE_ENABLE);
    assert_int_equal(records(last), 0);
    q.wanted = ACCESS_WMI_ENABLE | ACCESS_WMI_FULL_WRITE | ACCESS_WRITE_DAC;
    assert_int_equal(authorize_check(&q, &granted, &e), CIMF_ACCESS_DENIED);
    assert_int_equal(granted, ACCESS_WMI_ENABLE | ACCESS_WMI_REMOTE_ENABLE);
    assert_string_equal(e.text, "access is denied: the caller lacks FULL_WRITE_REP, WRITE_DAC on root/answers");
    assert_int_equal(records(last), 1);
    assert_non_null(strstr(last, "event=denied status=ACCESS_DENIED name=\"alice\""));
    assert_non_null(strstr(last, "peer=\"192.0.2.1\" scheme=\"NTLM\" object=\"root/answers\" wanted=0x00040005 granted=0x00000021"));
    /* What is forgotten opens nothing. */
    struct authorize none = q;
    none.principal = NULL;
    none.object = SLICE("none/principal");
    assert_int_equal(authorize_check(&none, NULL, &e), CIMF_ACCESS_DENIED);
    none = q;
    none.sd = NULL;
    none.object = SLICE("none/sd");
    assert_int_equal(authorize_check(&none, &granted, NULL), CIMF_ACCESS_DENIED);
    assert_int_equal(granted, 0);
    none = q;
    none.principal = person(&a, "nonsense");
    none.object = SLICE("none/token");
    assert_int_equal(authorize_check(&none, NULL, &e), CIMF_ACCESS_DENIED);
    none = q;
    none.wanted = 0;
    none.object = SLICE("none/wanted");
    assert_int_equal(authorize_check(&none, NULL, &e), CIMF_ACCESS_DENIED);
    none = q;
    none.mapping = NULL;
    none.object = SLICE("none/mapping");
    assert_int_equal(authorize_check(&none, NULL, &e), CIMF_ACCESS_DENIED);
    assert_int_equal(records(last), 5);
    arena_free(&a);
}

/* Each right may be had, but not all at once: then all are named. */
static void deny_first(void **state)
{
    struct arena a;
    struct error e = ERROR_INIT;
    arena_init(&a, 0);
    struct authorize q = { .principal = person(&a, "S-1-5-21-1-2-3-1000"), .sd = sd(&a, "O:BAG:BAD:(D;;CC;;;AU)(A;;CCDC;;;AU)"),
                           .wanted = 3, .mapping = &access_namespace, .object = SLICE("root/deny") };
    assert_int_equal(authorize_check(&q, NULL, &e), CIMF_ACCESS_DENIED);
    assert_non_null(strstr(e.text, "lacks ENABLE on"));
    q.mapping = &access_wsman;
    q.sd = sd(&a, "O:BAG:BAD:(A;;GR;;;AU)");
    q.wanted = ACCESS_GENERIC_WRITE;
    q.object = SLICE("http://x");
    assert_int_equal(authorize_check(&q, NULL, &e), CIMF_ACCESS_DENIED);
    assert_non_null(strstr(e.text, "lacks GENERIC_WRITE on http://x"));
    char last[2048];
    assert_int_equal(records(last), 2);
    arena_free(&a);
}

/* Many denials of the same kind are few records: one when they begin, and at most one for each second that passes. */
static void limited(void **state)
{
    enum { CALLS = 2000 };
    struct arena a;
    char last[2048], object[32];
    arena_init(&a, 0);
    struct principal *p = person(&a, "S-1-5-21-1-2-3-1000"), *other = person(&a, "S-1-5-21-1-2-3-1001");
    struct authorize q = { .principal = p, .sd = sd(&a, "O:BAG:BAD:"), .wanted = 1, .mapping = &access_namespace,
                           .object = SLICE("root/limited") };
    for (int i = 0; i < CALLS; i++) authorize_check(&q, NULL, NULL);
    assert_in_range(records(last), 1, CALLS / 10);
    q.principal = other; /* somebody else, or something else, is another record */
    authorize_check(&q, NULL, NULL);
    assert_int_equal(records(last), 1);
    q.principal = p;
    for (int i = 0; i < 20; i++) {
        snprintf(object, sizeof object, "root/limited%d", i);
        q.object = slice_str(object);
        authorize_check(&q, NULL, NULL);
    }
    assert_int_equal(records(last), 20);
    /* Ever new objects: as many as refused logins, for each caller. */
    for (int i = 0; i < 4 * CALLS; i++) {
        snprintf(object, sizeof object, "root/new%d", i);
        q.object = slice_str(object);
        authorize_check(&q, NULL, NULL);
    }
    assert_in_range(records(last), AUDIT_FAILURES / 2, CALLS);
    q.principal = other;
    authorize_check(&q, NULL, NULL);
    assert_int_equal(records(last), 1);
    arena_free(&a);
}

/* The SACL asks for successes of some rights: each use is a record. covers: security:S42 */
static void audited(void **state)
{
    struct arena a;
    char last[2048];
    arena_init(&a, 0);
    struct authorize q = { .principal = person(&a, "S-1-5-21-1-2-3-1000"), .mapping = &access_wsman, .object = SLICE("wsman"),
                           .sd = sd(&a, "O:NSG:BAD:P(A;;GA;;;AU)S:P(AU;FA;GA;;;WD)(AU;SA;GXGW;;;WD)") };
    q.wanted = ACCESS_GENERIC_READ;
    assert_int_equal(authorize_check(&q, NULL, NULL), CIMF_OK);
    assert_int_equal(records(last), 0);
    q.wanted = ACCESS_GENERIC_WRITE;
    for (int i = 0; i < 3; i++) assert_int_equal(authorize_check(&q, NULL, NULL), CIMF_OK);
    assert_int_equal(records(last), 3);
    assert_non_null(strstr(last, "event=granted status=OK name=\"alice\""));
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(answers), cmocka_unit_test(deny_first), cmocka_unit_test(limited),
                                        cmocka_unit_test(audited) };
    int fd = mkostemp(file, O_APPEND | O_CLOEXEC);
    log_set_level(LOG_ERROR_);
    audit_attach_at(fd, "/nonexistent");
    int failed = fd < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
    audit_attach_at(-1, "/nonexistent");
    unlink(file);
    return failed;
}
