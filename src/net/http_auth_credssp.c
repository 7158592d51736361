/* CredSSP (MS-CSSP): its TLS session lives here, the mechanism inside it with the broker. The password that the
 * client delegates has no use here and is wiped at once. */
#include "codec/base64.h"
#include "net/http_auth_priv.h"

static bool enabled(const struct http_auth *a, bool tls) { return a->policy->credssp && a->policy->credssp_server; }

static void offer(const struct http_auth *a, struct slice peer, struct http_auth_output *out)
{
    http_auth_header(out, SLICE("WWW-Authenticate"), SLICE("CredSSP"));
}

/* What the session said, as if it were the exchange's answer: conclude does the rest. */
static enum http_auth_answer say(struct http_auth *a, enum credssp_result result, const struct error *e,
                                 const struct http_auth_input *in, struct http_auth_output *out)
{
    struct http_auth_context *x = a->context;
    x->asks = false;
    x->result = result == CREDSSP_CONTINUE ? MECH_CONTINUE : result == CREDSSP_COMPLETE ? MECH_COMPLETE : MECH_FAILED;
    if (x->result == MECH_FAILED && x->status == CIMF_OK) x->status = e->status;
    if (x->result == MECH_COMPLETE) credssp_forget(x->credssp);
    return http_auth_context_conclude(a, in, out);
}

enum http_auth_answer http_auth_credssp_go_on(struct http_auth *a, const struct http_auth_input *in,
                                              struct http_auth_output *out)
{
    struct http_auth_context *x = a->context;
    struct error e = ERROR_INIT;
    struct buf answer;
    struct mech *inner = x->mech;
    x->mech = NULL; /* the session's from here on */
    buf_init(&answer, 1 << 17);
    enum credssp_result result = credssp_inner(x->credssp, x->result, buf_slice(&x->token), inner, &answer, &e);
    buf_wipe(&x->token);
    x->token = answer;
    return say(a, result, &e, in, out);
}

static enum http_auth_answer step(struct http_auth *a, const struct http_auth_input *in, struct slice text,
                                  struct http_auth_output *out, const struct http_auth_wait *wait)
{
    struct arena scratch;
    struct slice token, ask = SLICE_NULL;
    struct error e = ERROR_INIT;
    enum http_auth_answer answer = HTTP_AUTH_PENDING;
    struct http_auth_context *x = a->context;
    if (!x) x = a->context = http_auth_context_new(a, &http_auth_credssp, HTTP_PROTECT_CREDSSP);
    if (!x || (!x->credssp && credssp_accept(a->policy->credssp_server, &x->credssp, NULL) != CIMF_OK))
        return HTTP_AUTH_BUSY;
    arena_init(&scratch, 1 << 18);
    enum credssp_result result = CREDSSP_FAILED;
    x->status = CIMF_OK;
    buf_clear(&x->token);
    if (base64_decode(&scratch, text, BASE64_STRICT, &token) == CIMF_OK)
        result = credssp_step(x->credssp, token, &x->token, &ask, &e);
    else error_set(&e, CIMF_BAD_REQUEST, "net", "the token is not base64");
    if (result != CREDSSP_ASK) answer = say(a, result, &e, in, out);
    else {
        x->asks = true;
        if (!http_auth_context_ask(x, AUTH_MECH_NEGOTIATE, in, ask, wait)) answer = say(a, CREDSSP_FAILED, &e, in, out);
        else if (!x->pending) answer = http_auth_credssp_go_on(a, in, out);
    }
    arena_free(&scratch);
    return answer;
}

const struct http_auth_scheme http_auth_credssp = {
    .name = "CredSSP", .connection = true, .enabled = enabled, .offer = offer, .step = step,
};
