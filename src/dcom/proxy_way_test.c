/* The client role: which references are taken, and the way to their exporter: what is asked of a client's resolver, in which order,
 * at which level, and what a way that fails says. */
#include "base/log.h"
#include "dcom/proxy_harness.h"

/* covers: wmi-dcom:X10 */
static void test_references(void **state)
{
    static const struct guid other = { 1, 2, 3, { 4 } };
    char context[48] = { 1, 0, 1, 0 };
    assert_int_equal(refused(&(struct reference){ .iid = &other }), DCOM_E_INVALID_OBJREF);
    assert_int_equal(refused(&(struct reference){ .oxid = server->oxid }), DCOM_E_INVALID_OBJREF);
    assert_int_equal(refused(&(struct reference){ .form = OBJREF_CUSTOM, .data = SLICE("x") }), DCOM_E_INVALID_OBJREF);
    assert_int_equal(refused(&(struct reference){ .port = 22 }), DCOM_E_ACCESSDENIED);
    assert_int_equal(refused(&(struct reference){ .form = OBJREF_EXTENDED, .data = SLICE("short") }), DCOM_E_INVALID_OBJREF);
    context[28] = 1;
    assert_int_equal(refused(&(struct reference){ .form = OBJREF_EXTENDED, .data = slice_of(context, 48) }), DCOM_E_INVALID_OBJREF);
    context[28] = 0;
    struct dcom_proxy *p = proxy_with(&(struct reference){ .form = OBJREF_EXTENDED, .data = slice_of(context, 48) }, &alice);
    struct dcom_proxy *q = proxy_with(&(struct reference){ .form = OBJREF_HANDLER }, &alice);
    current = &loops[0];
    dcom_proxy_unref(p);
    dcom_proxy_unref(q);
    current = NULL;
    struct dcom_call c = call_of(&alice);
    assert_int_equal(dcom_proxy_new(&c, SLICE("MEOW"), &sink_iid, &p), DCOM_E_INVALID_OBJREF);
}

static void test_not_allowed(void **state)
{
    fake_outbound.credentials = false;
    assert_int_equal(refused(&(struct reference){ 0 }), DCOM_E_ACCESSDENIED);
    server->settings.outbound = NULL;
    assert_int_equal(refused(&(struct reference){ 0 }), DCOM_E_ACCESSDENIED);
    server->settings.outbound = &fake_outbound;
    assert_int_equal(fake_connects, 0);
}

static void test_anonymous(void **state)
{
    fake_outbound.credentials = false;
    fake_outbound.anonymous = true;
    struct dcom_proxy *p = proxy_new();
    struct dcom_proxy_call c;
    struct dcom_resolve r = resolved();
    call_with(&c, p, NULL);
    answer_alive(7);
    answer_record(expect_resolve(RPC_LEVEL_NONE, RESOLVER_RESOLVE2), &dcom_resolve2_type, &r, false);
    expect_connection(49200, RPC_LEVEL_NONE);
    let_go(p);
}

/* j-Interop's answer to ServerAlive2 reads as one without bindings and with a status; one without a version is none. */
static void test_odd_alive(void **state)
{
    struct dcom_proxy *p = proxy_new();
    struct dcom_proxy_call c;
    const struct dcom_alive odd = { .version = { 5, 2 }, .reserved = 0x3a, .status = 0x17001b }, failed = { .status = 5 };
    call_with(&c, p, NULL);
    answer_record(expect_connection(135, RPC_LEVEL_NONE), &dcom_alive2_type, &failed, false);
    settle();
    assert_int_equal(done_count, 1);
    assert_int_equal(done_hresult, DCOM_E_ACCESSDENIED);
    call_with(&c, p, NULL);
    answer_record(expect_connection(135, RPC_LEVEL_NONE), &dcom_alive2_type, &odd, false);
    expect_resolve(RPC_LEVEL_PRIVACY, RESOLVER_RESOLVE2);
    current = &loops[0];
    dcom_proxy_unref(p);
    current = NULL;
}

/* The login is refused: without it only where the administrator allows that. */
static void test_step_down(void **state)
{
    struct dcom_proxy *p = proxy_new();
    struct dcom_proxy_call c;
    call_with(&c, p, NULL);
    answer_alive(7);
    fake_answer(expect_resolve(RPC_LEVEL_PRIVACY, RESOLVER_RESOLVE2), RPC_FAULT_ACCESS_DENIED, SLICE(""));
    settle();
    assert_int_equal(done_count, 1);
    assert_true(done_failed);
    assert_int_equal(done_hresult, DCOM_E_ACCESSDENIED);
    fake_outbound.anonymous = true;
    call_with(&c, p, NULL);
    answer_alive(7);
    fake_answer(expect_resolve(RPC_LEVEL_PRIVACY, RESOLVER_RESOLVE2), RPC_CLIENT_LOST, SLICE(""));
    expect_resolve(RPC_LEVEL_NONE, RESOLVER_RESOLVE2);
    let_go(p);
}

/* The exporter may want more than is configured here. */
static void test_hint(void **state)
{
    struct dcom_proxy *p = proxy_new();
    struct dcom_proxy_call c;
    struct dcom_resolve r = resolved();
    fake_outbound.level = RPC_LEVEL_INTEGRITY;
    call_with(&c, p, NULL);
    answer_alive(7);
    answer_record(expect_resolve(RPC_LEVEL_INTEGRITY, RESOLVER_RESOLVE2), &dcom_resolve2_type, &r, false);
    fake_answer(expect_connection(49200, RPC_LEVEL_INTEGRITY), RPC_CLIENT_LOST, SLICE(""));
    settle();
    r.hint = RPC_LEVEL_PRIVACY;
    call_with(&c, p, NULL);
    answer_alive(7);
    answer_record(expect_resolve(RPC_LEVEL_INTEGRITY, RESOLVER_RESOLVE2), &dcom_resolve2_type, &r, false);
    expect_connection(49200, RPC_LEVEL_PRIVACY);
    let_go(p);
}

static void test_old_resolver(void **state)
{
    struct dcom_proxy *p = proxy_new();
    struct dcom_proxy_call c;
    struct dcom_resolve r = resolved();
    call_with(&c, p, NULL);
    fake_answer(expect_connection(135, RPC_LEVEL_NONE), RPC_FAULT_OP_RANGE, SLICE(""));
    fake_answer(expect_resolve(RPC_LEVEL_PRIVACY, RESOLVER_RESOLVE2), RPC_FAULT_OP_RANGE, SLICE(""));
    answer_record(expect_resolve(RPC_LEVEL_PRIVACY, RESOLVER_RESOLVE), &dcom_resolve_type, &r, false);
    struct fake_connection *x = expect_connection(49200, RPC_LEVEL_PRIVACY);
    assert_memory_equal(fake_request(x)->stub.p, "\5\0\1\0", 4); /* which has to be 5.1 then */
    let_go(p);
}

static void fails_with(struct dcom_proxy *p, uint32_t hresult)
{
    settle();
    assert_int_equal(done_count, 1);
    assert_true(done_failed);
    assert_int_equal(done_hresult, hresult);
    assert_int_equal(fake_open(), 0);
    done_count = 0;
}

static void test_out_of_reach(void **state)
{
    struct dcom_proxy *p = proxy_new();
    struct dcom_proxy_call c;
    struct dcom_resolve r = resolved();
    fake_unreachable = true;
    call_with(&c, p, NULL);
    fails_with(p, DCOM_E_UNREACHABLE);
    fake_unreachable = false;
    call_with(&c, p, NULL);
    fake_answer(expect_connection(135, RPC_LEVEL_NONE), RPC_FAULT_CANCELLED, SLICE(""));
    fails_with(p, DCOM_E_TIMED_OUT);
    call_with(&c, p, NULL);
    fake_answer(expect_connection(135, RPC_LEVEL_NONE), 0, SLICE("\5\0"));
    fails_with(p, DCOM_E_BAD_STUB);
    call_with(&c, p, NULL);
    answer_alive(7);
    r.status = DCOM_INVALID_OXID;
    answer_record(expect_resolve(RPC_LEVEL_PRIVACY, RESOLVER_RESOLVE2), &dcom_resolve2_type, &r, false);
    fails_with(p, DCOM_WIN32(DCOM_INVALID_OXID));
    r = resolved();
    r.version.major = 6;
    call_with(&c, p, NULL);
    answer_alive(7);
    answer_record(expect_resolve(RPC_LEVEL_PRIVACY, RESOLVER_RESOLVE2), &dcom_resolve2_type, &r, false);
    fails_with(p, DCOM_E_VERSION_MISMATCH);
    r = resolved();
    r.bindings = dual_of("203.0.113.3", 445); /* not a port of users */
    call_with(&c, p, NULL);
    answer_alive(7);
    answer_record(expect_resolve(RPC_LEVEL_PRIVACY, RESOLVER_RESOLVE2), &dcom_resolve2_type, &r, false);
    fails_with(p, DCOM_E_UNREACHABLE);
    let_go(p);
}

static char logged[2048];
static void on_log(enum log_level level, const char *line, void *arg)
{
    if (strstr(line, "out of reach")) snprintf(logged, sizeof logged, "%s", line);
}

/* What the log says of it: words that must be there, in any order; then it forgets. */
static void says(struct dcom_proxy *p, uint32_t hresult, const char *const words[])
{
    fails_with(p, hresult);
    for (; *words; words++)
        if (!strstr(logged, *words)) fail_msg("no %s in %s", *words, logged);
    logged[0] = 0;
}
#define SAYS(p, hresult, ...) says(p, hresult, (const char *const[]){ __VA_ARGS__, NULL })

/* Nobody there, nobody answers, the login is refused, more protection is wanted: each has its own words. */
static void test_what_the_log_says(void **state)
{
    struct dcom_proxy *p = proxy_new();
    struct dcom_proxy_call c;
    struct dcom_resolve r = resolved();
    log_set_level(LOG_INFO_);
    log_set_sink(on_log, NULL);
    fake_unreachable = true;
    call_with(&c, p, NULL);
    SAYS(p, DCOM_E_UNREACHABLE, "port=135", "lives", "Connection refused", "firewall");
    fake_unreachable = false;
    error_set(&fake_why, CIMF_CONNECT_FAILED, "rpc", "nobody accepted the connection in time");
    call_with(&c, p, NULL);
    fake_answer(expect_connection(135, RPC_LEVEL_NONE), RPC_CLIENT_LOST, SLICE(""));
    SAYS(p, DCOM_WIN32(RPC_CLIENT_LOST), "nobody accepted", "firewall");
    call_with(&c, p, NULL);
    answer_alive(7);
    fake_answer(expect_resolve(RPC_LEVEL_PRIVACY, RESOLVER_RESOLVE2), RPC_FAULT_ACCESS_DENIED, SLICE(""));
    SAYS(p, DCOM_E_ACCESSDENIED, "log in at its resolver", "login is refused with status 0x00000005", "wmi.callback_password_file");
    assert_null(strstr(logged, "callback_level"));
    error_set(&fake_why, CIMF_NOT_AUTHENTICATED, "rpc", "the server leaves the login unfinished");
    fake_outbound.level = RPC_LEVEL_INTEGRITY;
    call_with(&c, p, NULL);
    answer_alive(7);
    fake_answer(expect_resolve(RPC_LEVEL_INTEGRITY, RESOLVER_RESOLVE2), RPC_CLIENT_LOST, SLICE(""));
    SAYS(p, DCOM_WIN32(RPC_CLIENT_LOST), "login is refused: the server leaves", "wmi.callback_user", "wmi.callback_level = privacy");
    call_with(&c, p, NULL);
    answer_alive(7);
    answer_record(expect_resolve(RPC_LEVEL_INTEGRITY, RESOLVER_RESOLVE2), &dcom_resolve2_type, &r, false);
    fake_answer(expect_connection(49200, RPC_LEVEL_INTEGRITY), RPC_FAULT_ACCESS_DENIED, SLICE(""));
    settle();
    assert_non_null(strstr(logged, "port=49200"));
    assert_non_null(strstr(logged, "failed=\"call\""));
    fake_why = ERROR_INIT;
    log_set_sink(NULL, NULL);
    let_go(p);
}

static void test_log_without_login(void **state)
{
    fake_outbound.credentials = false;
    fake_outbound.anonymous = true;
    struct dcom_proxy *p = proxy_new();
    struct dcom_proxy_call c;
    log_set_level(LOG_INFO_);
    log_set_sink(on_log, NULL);
    call_with(&c, p, NULL);
    answer_alive(7);
    fake_answer(expect_resolve(RPC_LEVEL_NONE, RESOLVER_RESOLVE2), RPC_FAULT_ACCESS_DENIED, SLICE(""));
    SAYS(p, DCOM_E_ACCESSDENIED, "where the object is", "without a login is refused with status 0x00000005", "set wmi.callback_user");
    log_set_sink(NULL, NULL);
    let_go(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_references), T(test_not_allowed), T(test_anonymous), T(test_odd_alive), T(test_step_down), T(test_hint), T(test_old_resolver),
        T(test_out_of_reach), T(test_what_the_log_says), T(test_log_without_login),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
