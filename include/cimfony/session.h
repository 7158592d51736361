/*
 * cimfony/session.h - a connection to one management server, chosen by URL.
 *
 *   wsmv://host[:5985][/namespace]         WS-Management over HTTP (WinRM, OMI, cimd)
 *   wsmv+https://host[:5986][/namespace]   the same over TLS
 *
 * with an optional user before the host: wsmv://alice@host. IPv6 addresses stand in brackets. The namespace
 * defaults to root/cimv2. Opening makes no connection yet; the first operation does, and later ones reuse it.
 *
 * Credentials never go over the wire in the clear except to loopback, unless the options allow it.
 *
 * Two ways to use a session:
 *   - blocking: start an operation and call cimf_operation_next (cimfony/operation.h) until it ends;
 *   - in a loop of your own: start an operation; poll(2) cimf_session_fd for cimf_session_events, at most
 *     cimf_session_timeout milliseconds; call cimf_session_step; look at cimf_operation_ready; repeat. None
 *     of these four calls blocks, with one exception: resolving the host name when a connection is made.
 */
#ifndef CIMFONY_SESSION_H
#define CIMFONY_SESSION_H

#include <cimfony/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cimf_session cimf_session;

/* How to authenticate. Others than BASIC are CIMF_NOT_SUPPORTED so far. */
enum cimf_auth {
    CIMF_AUTH_BASIC,
    CIMF_AUTH_DIGEST,
    CIMF_AUTH_NTLM,
    CIMF_AUTH_KERBEROS,
    CIMF_AUTH_NEGOTIATE,
    CIMF_AUTH_CREDSSP,
    CIMF_AUTH_CERTIFICATE
};
/* In which form classes are named in WS-Management (DSP0227 5.1, MS-WSMV 2.2.4.42). */
enum cimf_class_uri {
    CIMF_URI_WMI, /* .../wbem/wsman/1/wmi/NAMESPACE/CLASS: Windows, cimd */
    CIMF_URI_DMTF /* .../wbem/wscim/1/cim-schema/2/CLASS and a __cimnamespace selector: OMI, Openwsman */
};

typedef struct cimf_session_options {
    uint32_t version;          /* CIMF_SESSION_OPTIONS_VERSION, set by the INIT macro */
    uint32_t auth;             /* enum cimf_auth */
    cimf_str user;             /* wins over the user in the URL */
    cimf_str password;
    const char *ca_file;       /* PEM of trusted authorities; NULL: the system's */
    bool insecure;             /* TLS without any verification of the server */
    bool allow_clear_password; /* Basic over plain HTTP to a host that is not loopback */
    uint32_t operation_timeout_ms; /* what the server may take for one message; 60000 */
    uint32_t network_delay_ms; /* added to that before the client gives up (MS-WSMV 3.2.2); 5000 */
    uint32_t connect_timeout_ms; /* 10000 */
    uint32_t max_envelope;     /* octets of one reply; 512000 */
    uint32_t max_elements;     /* objects in one reply; 32000 */
    const char *locale;        /* "en-US"; NULL: the server's own language */
    uint32_t class_uri;        /* enum cimf_class_uri */
    const char *http_path;     /* "/wsman" */
} cimf_session_options;

#define CIMF_SESSION_OPTIONS_VERSION 1
/* clang-format off */
#define CIMF_SESSION_OPTIONS_INIT { CIMF_SESSION_OPTIONS_VERSION, 0, { NULL, 0 }, { NULL, 0 }, NULL, false, false, \
                                    60000, 5000, 10000, 512000, 32000, NULL, 0, "/wsman" }
/* clang-format on */

/* options may be NULL. Everything is copied. CIMF_INVALID_PARAMETER: the URL, or options of another version;
 * CIMF_NOT_SUPPORTED: a scheme or an authentication that this library does not have; CIMF_ACCESS_DENIED: the
 * password would travel in the clear; CIMF_TLS_FAILED: the CA file. */
CIMF_API cimf_status cimf_session_open(cimf_str url, const cimf_session_options *options,
                                       cimf_session **out, cimf_error *e);
/* Frees its operations too: do not touch them afterwards. Enumerations that were not read to the end are
 * released on the server first: that may block for up to a second. */
CIMF_API void cimf_session_free(cimf_session *s);

/* Of the URL and the options; as long as the session. */
CIMF_API cimf_str cimf_session_host(const cimf_session *s);
CIMF_API cimf_str cimf_session_user(const cimf_session *s);
CIMF_API cimf_str cimf_session_namespace(const cimf_session *s);
/* Splits a URL without opening a session: the user in it ("" if none), borrowed from url. */
CIMF_API cimf_status cimf_url_user(cimf_str url, cimf_str *user, cimf_error *e);

/* For a loop of your own. */
CIMF_API int cimf_session_fd(const cimf_session *s);     /* -1: nothing to wait for; may change at a step */
CIMF_API short cimf_session_events(const cimf_session *s); /* POLLIN, POLLOUT */
CIMF_API int cimf_session_timeout(const cimf_session *s); /* ms until a step is due; 0 now; -1 never */
/* Moves everything on as far as it goes without waiting. What fails is reported by its operation. */
CIMF_API void cimf_session_step(cimf_session *s);

#ifdef __cplusplus
}
#endif
#endif
