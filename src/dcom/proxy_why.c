/* What the log says of a client whose objects cannot be called: where, why, and what to try. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "dcom/proxy_priv.h"

static const char *advice(const struct dcom_link *l, const struct dcom_leg *leg, cimf_status status)
{
    const struct dcom_outbound *o = l->server->settings.outbound;
    bool sealed = !o->level || o->level == RPC_LEVEL_PRIVACY || (leg == &l->exporter && l->hint == RPC_LEVEL_PRIVACY);
    switch (status) {
    case CIMF_CONNECT_FAILED: return "a firewall there must let this host in (TCP 135 and the ports of DCOM), and the client must still run";
    case CIMF_TIMED_OUT: return "a firewall there, or on the way, may drop what this host sends (TCP 135 and the ports of DCOM)";
    case CIMF_ACCESS_DENIED:
    case CIMF_NOT_AUTHENTICATED:
    case CIMF_CONNECTION_LOST:
        if (!leg->secure) return status == CIMF_CONNECTION_LOST ? "" : "it takes no calls without a login: set wmi.callback_user";
        return sealed ? "wmi.callback_user must be an account there, with the password of wmi.callback_password_file and the right to reach DCOM"
                      : "wmi.callback_user must be an account there, with the password of wmi.callback_password_file and the right to reach DCOM; "
                        "or it wants wmi.callback_level = privacy";
    default: return "";
    }
}

static void note(struct dcom_link *l, const struct dcom_leg *leg, cimf_status status)
{
    l->port_asked = leg->port;
    l->advice = advice(l, leg, status);
}

void dcom_link_note_socket(struct dcom_leg *leg, int number)
{
    struct dcom_link *l = leg->link;
    note(l, leg, number == ECONNREFUSED || number == EHOSTUNREACH || number == ENETUNREACH ? CIMF_CONNECT_FAILED : CIMF_FAILED);
    if (number == EAGAIN) snprintf(l->why, sizeof l->why, "too many connections to clients are made at the moment");
    else snprintf(l->why, sizeof l->why, "the connection could not be made: %s", strerror(number));
}

void dcom_link_note_fault(struct dcom_leg *leg, uint32_t fault)
{
    struct dcom_link *l = leg->link;
    const struct error *lost = fault == RPC_CLIENT_LOST && leg->client ? rpc_client_why(leg->client) : NULL;
    bool login = fault == RPC_FAULT_ACCESS_DENIED || fault == RPC_FAULT_SEC_PKG;
    cimf_status status = lost ? lost->status : fault == RPC_FAULT_CANCELLED ? CIMF_TIMED_OUT : login ? CIMF_ACCESS_DENIED : CIMF_FAILED;
    note(l, leg, status);
    if (lost && leg->secure && (status == CIMF_ACCESS_DENIED || status == CIMF_NOT_AUTHENTICATED))
        snprintf(l->why, sizeof l->why, "the login is refused: %s", error_text(lost));
    else if (lost) snprintf(l->why, sizeof l->why, "%s", error_text(lost));
    else if (fault == RPC_CLIENT_LOST) snprintf(l->why, sizeof l->why, "the connection broke");
    else if (fault == RPC_FAULT_CANCELLED) snprintf(l->why, sizeof l->why, "no answer in time");
    else if (login) snprintf(l->why, sizeof l->why, "%s is refused with status 0x%08x", leg->secure ? "the login" : "the call without a login", fault);
    else snprintf(l->why, sizeof l->why, "it answers with fault 0x%08x", fault);
}

void dcom_link_tell(struct dcom_link *l, uint32_t hresult)
{
    static const char *const steps[] = { "begin", "ask its resolver whether it lives", "log in at its resolver", "reach its exporter", "call" };
    const char *step = l->state == LINK_RESOLVE && l->plain ? "ask its resolver where the object is" : steps[l->state];
    log_info("dcom", "the objects of a client are out of reach peer=%s port=%u user=" SLICE_FMT " failed=\"%s\" why=\"%s\"%s%s%s hresult=0x%08x", l->peer,
             l->port_asked, SLICE_ARG(l->owner->name), step, l->why, *l->advice ? " try=\"" : "", l->advice, *l->advice ? "\"" : "", hresult);
}
