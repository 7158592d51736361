/* The public error of an internal one, with what to try. */
#include <stdio.h>

#include "client/protocol.h"

static void hint_connection(const struct cimf_session *s, char *out, size_t room)
{
    snprintf(out, room, "see whether " SLICE_FMT " is up, its management service runs, and port %u is open to you",
             SLICE_ARG(slice_head(s->host, 80)), s->port);
}

static const char *hint_of(cimf_status status)
{
    switch (status) {
    case CIMF_NOT_AUTHENTICATED:
        return "check user name and password (klist shows Kerberos tickets); --auth picks another scheme";
    case CIMF_ACCESS_DENIED: case CIMF_PRIVILEGE_NOT_HELD:
        return "use an account with rights on this namespace or object";
    case CIMF_AUTH_SCHEME: return "pass one that the server offers with --auth, or switch yours on at the server";
    case CIMF_TLS_FAILED:
        return "pass the authority that signed the server's certificate (--cacert FILE), and use the name that "
               "stands in the certificate; --insecure skips the check";
    case CIMF_INVALID_CLASS: return "cim classes lists the classes of a namespace";
    case CIMF_INVALID_NAMESPACE: return "put another namespace into the URL, such as /root/cimv2";
    case CIMF_INVALID_METHOD: return "cim class shows the methods of a class";
    case CIMF_INVALID_PROPERTY: return "cim class shows the properties of a class";
    case CIMF_INVALID_OBJECT_PATH:
        return "a path looks like Class.Key=\"text\",Other=5 or Class=@ for a singleton; quote it for the shell";
    case CIMF_INVALID_QUERY: case CIMF_UNPARSABLE_QUERY:
        return "WQL looks like SELECT Name,State FROM Win32_Service WHERE State = 'Running'";
    case CIMF_TIMED_OUT: case CIMF_WSMAN_TIMED_OUT: case CIMF_PROVIDER_TIMED_OUT:
        return "allow more time with --timeout SECONDS, or ask for less";
    case CIMF_SERVER_TOO_BUSY: case CIMF_WSMAN_QUOTA: case CIMF_WSMAN_CONNECTIONS_QUOTA: return "try again later";
    case CIMF_CONNECTION_LOST: return "try again; if it happens again, look at the server's log";
    default: return "";
    }
}

cimf_status client_fail(const struct cimf_session *s, const struct client_failure *f, cimf_error *out)
{
    cimf_status status = f->error.status == CIMF_OK ? CIMF_FAILED : f->error.status;
    if (!out) return status;
    *out = (cimf_error){
        .status = status, .native = f->error.native, .protocol = f->fault_code, .http_status = f->http_status,
        .line = f->error.line, .column = f->error.column,
    };
    snprintf(out->subject, sizeof out->subject, "%s", f->error.subject);
    snprintf(out->text, sizeof out->text, "%s", f->error.text[0] ? f->error.text : cimf_status_info(status)->text);
    if (s && status == CIMF_CONNECT_FAILED) hint_connection(s, out->hint, sizeof out->hint);
    else if (s && s->login.hint[0]) snprintf(out->hint, sizeof out->hint, "%s", s->login.hint);
    else if (status == CIMF_PROTOCOL_ERROR && (f->http_status == 404 || f->http_status == 405)) {
        snprintf(out->hint, sizeof out->hint, "see whether this port is the one of the management service");
    } else snprintf(out->hint, sizeof out->hint, "%s", hint_of(status));
    return status;
}

cimf_status client_fail_error(const struct cimf_session *s, const struct error *e, cimf_error *out)
{
    struct client_failure f = { .error = *e };
    return client_fail(s, &f, out);
}

cimf_status client_fail_status(cimf_status status, cimf_error *out)
{
    struct client_failure f = { .error = { .status = status } };
    return status == CIMF_OK ? CIMF_OK : client_fail(NULL, &f, out);
}
