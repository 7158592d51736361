/* CredSSP over HTTP: the client against the acceptor of mech/credssp.h with SPNEGO and NTLM inside; both layouts of
 * protected bodies. */
#include "net/http_client_auth_harness.h"

#include "mech/credssp.h"

#define AGAIN HTTP_CLIENT_AUTH_AGAIN
#define DELIVER HTTP_CLIENT_AUTH_DELIVER
#define FAILED HTTP_CLIENT_AUTH_FAILED

struct peer {
    struct bench b;
    struct credssp_server *shared;
    struct credssp *session;
    struct mech *inner;
    bool complete;
};

static void peer_open(struct peer *p)
{
    struct credssp_server_config config = { 0 };
    memset(p, 0, sizeof *p);
    bench_init(&p->b, HTTP_LOGIN_CREDSSP);
    p->b.config.ntlm = true;
    assert_int_equal(credssp_server_new(&config, &p->shared, NULL), CIMF_OK);
    assert_int_equal(credssp_accept(p->shared, &p->session, NULL), CIMF_OK);
    struct ntlm_server_config n = { .options = p->b.server_options, .lookup = bench_lookup, .computer = SLICE("SERVER"),
                                    .dns_computer = SLICE("server.example") };
    struct mech *candidate;
    assert_int_equal(ntlm_server_new(&n, &candidate, NULL), CIMF_OK);
    assert_int_equal(spnego_server_new(&candidate, 1, &p->inner, NULL), CIMF_OK);
}

static void peer_free(struct peer *p)
{
    credssp_free(p->session);
    mech_free(p->inner);
    credssp_server_free(p->shared);
    bench_free(&p->b);
}

/* One leg at the server. */
static enum http_client_auth_answer serve(struct peer *p)
{
    struct slice value = bench_header(&p->b, "Authorization"), token, ask;
    struct buf out, b64, inner;
    char *head = malloc(100000);
    assert_true(slice_istarts(value, SLICE("CredSSP ")));
    assert_int_equal(base64_decode(&p->b.arena, slice_sub(value, 8), BASE64_STRICT, &token), CIMF_OK);
    buf_init(&out, 0);
    buf_init(&b64, 0);
    buf_init(&inner, 0);
    enum credssp_result result = credssp_step(p->session, token, &out, &ask, &p->b.e);
    if (result == CREDSSP_ASK) {
        enum mech_result step = mech_step(p->inner, ask, &inner, &p->b.e);
        struct mech *done = step == MECH_COMPLETE ? p->inner : NULL;
        result = credssp_inner(p->session, step, buf_slice(&inner), done, &out, &p->b.e);
        if (done) p->inner = NULL;
    }
    p->complete = result == CREDSSP_COMPLETE;
    base64_encode(&b64, buf_slice(&out));
    head[0] = 0;
    if (b64.n) snprintf(head, 100000, "WWW-Authenticate: CredSSP %.*s", (int)b64.n, b64.p);
    else if (!p->complete) snprintf(head, 100000, "WWW-Authenticate: CredSSP");
    enum http_client_auth_answer answer = bench_reply(&p->b, p->complete ? 200 : 401, head);
    free(head);
    buf_free(&out);
    buf_free(&b64);
    buf_free(&inner);
    return answer;
}

static enum http_client_auth_answer log_in(struct peer *p, const char *text)
{
    bench_open(&p->b, "");
    for (int leg = 0; leg < 12; leg++) {
        bench_next(&p->b, text);
        if (!bench_header(&p->b, "Authorization").p) return AGAIN;
        assert_int_equal(p->b.sent.body.n, 0);
        enum http_client_auth_answer answer = serve(p);
        if (answer != AGAIN) return answer;
    }
    return FAILED;
}

static struct slice open_request(struct peer *p)
{
    struct http_protect protect = { .kind = HTTP_PROTECT_CREDSSP, .credssp = p->session };
    struct slice text, original, copy = arena_dup(&p->b.arena, p->b.sent.body);
    if (http_protect_open(&protect, &p->b.arena, bench_header(&p->b, "Content-Type"), (char *)copy.p, copy.n, &text, &original,
                          &p->b.e) != CIMF_OK) fail_msg("%s", p->b.e.text);
    assert_slice(original, "application/soap+xml;charset=UTF-8");
    return text;
}

static const char *seal_reply(struct peer *p, struct slice text)
{
    struct http_protect protect = { .kind = HTTP_PROTECT_CREDSSP, .credssp = p->session };
    struct slice outer, pieces[2] = { slice_head(text, text.n / 3), slice_sub(text, text.n / 3) };
    buf_clear(&p->b.body);
    assert_int_equal(http_protect_seal(&protect, &p->b.arena, SLICE("application/soap+xml;charset=UTF-8"), pieces, 2, &p->b.body, &outer,
                                       &p->b.e), CIMF_OK);
    return arena_strz(&p->b.arena, outer);
}

/* covers: security:S37 */
static void test_both_layouts(void **state)
{
    static const size_t sizes[] = { 1, 100, 16383, 16384, 16385, 32768, 100000 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct peer p;
        peer_open(&p);
        char *text = malloc(sizes[i] + 1);
        for (size_t k = 0; k < sizes[i]; k++) text[k] = (char)('a' + k % 26);
        text[sizes[i]] = 0;
        if (log_in(&p, text) != AGAIN) fail_msg("%s", p.b.e.text);
        assert_string_equal(http_client_auth_name(p.b.a), "CredSSP");
        struct slice domain, user, password;
        assert_true(credssp_password(p.session, &domain, &user, &password));
        assert_slice(user, "alice");
        assert_slice(password, "Secret");
        bool several = slice_starts(bench_header(&p.b, "Content-Type"), SLICE("multipart/x-multi-encrypted;"));
        assert_int_equal(several, sizes[i] > 16384);
        assert_slice(open_request(&p), text);
        const char *type = seal_reply(&p, slice_str(text));
        if (bench_reply_body(&p.b, 200, "", type, buf_slice(&p.b.body)) != DELIVER) fail_msg("%s", p.b.e.text);
        assert_slice(p.b.got.body, text);
        /* And the second message of the connection. */
        http_client_auth_begin(p.b.a);
        bench_next(&p.b, "<more/>");
        assert_slice(open_request(&p), "<more/>");
        free(text);
        peer_free(&p);
    }
}

static void test_changed(void **state)
{
    static const size_t sizes[] = { 20, 20000 };
    for (size_t i = 0; i < 2; i++) {
        for (int way = 0; way < 4; way++) {
            struct peer p;
            peer_open(&p);
            assert_int_equal(log_in(&p, "<a/>"), AGAIN);
            char *text = calloc(1, sizes[i] + 1);
            memset(text, 'x', sizes[i]);
            const char *type = seal_reply(&p, slice_str(text));
            size_t n = p.b.body.n;
            if (way == 0) p.b.body.p[n - 40] ^= 1;                   /* the last record */
            else if (way == 1) n -= 30;                              /* cut inside it */
            else if (way == 2) *(char *)memmem(p.b.body.p, n, "Length=", 7) ^= 1;
            else p.b.body.p[n - 3] ^= 1;                             /* the end */
            assert_int_equal(bench_reply_body(&p.b, 200, "", type, slice_of(p.b.body.p, n)), FAILED);
            assert_int_equal(p.b.e.status, CIMF_PROTOCOL_ERROR);
            free(text);
            peer_free(&p);
        }
    }
}

static void test_wrong_password(void **state)
{
    struct peer p;
    peer_open(&p);
    p.b.config.password = SLICE("wrong");
    assert_int_equal(log_in(&p, "<a/>"), FAILED);
    assert_int_equal(p.b.e.status, CIMF_NOT_AUTHENTICATED);
    assert_false(p.complete);
    peer_free(&p);
}

/* A server that says yes before it has bound its key to the login gets no password. */
static void test_early_yes(void **state)
{
    for (int after = 0; after < 4; after++) {
        struct peer p;
        peer_open(&p);
        bench_open(&p.b, "");
        for (int leg = 0; leg < after; leg++) {
            bench_next(&p.b, "<a/>");
            assert_int_equal(serve(&p), AGAIN);
        }
        bench_next(&p.b, "<a/>");
        assert_int_equal(bench_reply(&p.b, 200, ""), FAILED);
        assert_int_equal(p.b.e.status, CIMF_PROTOCOL_ERROR);
        peer_free(&p);
    }
    struct peer p;
    peer_open(&p);
    bench_open(&p.b, "");
    bench_next(&p.b, "<a/>");
    assert_int_equal(bench_reply(&p.b, 401, "WWW-Authenticate: Negotiate\nWWW-Authenticate: Basic realm=\"r\""), FAILED);
    assert_int_equal(p.b.e.status, CIMF_AUTH_SCHEME);
    peer_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_layouts), cmocka_unit_test(test_changed), cmocka_unit_test(test_wrong_password),
        cmocka_unit_test(test_early_yes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
