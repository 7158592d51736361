/* TLS client certificates (profile https/mutual): the header says that the one of the handshake is meant. */
#include "net/http_auth_priv.h"

static bool enabled(const struct http_auth *a, bool tls) { return a->policy->certificate && tls; }

static enum http_auth_answer step(struct http_auth *a, const struct http_auth_input *in, struct slice token,
                                  struct http_auth_output *out, const struct http_auth_wait *wait)
{
    struct auth_certificate q = { .address = in->peer };
    if (in->channel) q.certificate = tls_peer_certificate(in->channel);
    if (!q.certificate.n || token.n) return http_auth_challenge(a, in, out);
    q.issuer = tls_peer_issuer(in->channel);
    struct http_auth_leg *leg = http_auth_leg_new(a, in->authorization);
    if (!leg) return HTTP_AUTH_BUSY;
    leg->conclude = http_auth_keep;
    auth_check_certificate(a->broker, &q, wait->home, http_auth_leg_told, leg);
    return http_auth_leg_wait(a, in, out, wait);
}

/* Not offered: the name is no token (RFC 9110 11.1), and clients that have a certificate know. */
const struct http_auth_scheme http_auth_certificate = {
    .name = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual", .enabled = enabled, .step = step,
};
