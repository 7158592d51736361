/*
 * cimfony/session.h - a connection to one management server, chosen by URL.
 *
 *   wsmv://host[:5985][/namespace]         WS-Management over HTTP (WinRM, OMI, cimd)
 *   wsmv+https://host[:5986][/namespace]   the same over TLS
 *
 * with an optional user before the host: wsmv://alice@host. IPv6 addresses stand in brackets. The namespace
 * defaults to root/cimv2. Opening makes no connection yet; the first operation does, and later ones reuse it.
 *
 * Logging in. Unless the options say how, a Kerberos ticket in the credential cache is used if it belongs to the
 * user (or if no user is named), else the user and the password by NTLM, inside Negotiate; with a client
 * certificate the certificate. Neither user nor ticket: nothing is sent for it. A server that offers Basic and
 * nothing else gets Basic, but only over TLS or on loopback.
 *
 * Without TLS messages travel sealed by the login (Negotiate, Kerberos, CredSSP). What would travel in the clear to
 * another machine is refused unless allowed; so is a login that does not prove who the server is (all but
 * Kerberos, unless TLS proves it), unless the host is trusted. Both before anything is sent. What is allowed and
 * trusted stands in /etc/cimfony/client.ini and the user's cimfony/client.ini ($XDG_CONFIG_HOME or ~/.config), and
 * in the options unless the former locks it (cimfony/settings.h).
 *
 * Two ways to use a session:
 *   - blocking: start an operation and call cimf_operation_next (cimfony/operation.h) until it ends;
 *   - in a loop of your own: start an operation; poll(2) cimf_session_fd for cimf_session_events, at most
 *     cimf_session_timeout milliseconds; call cimf_session_step; look at cimf_operation_ready; repeat. None
 *     of these four calls blocks, with two exceptions, when a connection is made: resolving the host name, and
 *     asking for a Kerberos ticket.
 */
#ifndef CIMFONY_SESSION_H
#define CIMFONY_SESSION_H

#include <cimfony/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cimf_session cimf_session;

/* How to log in. */
enum cimf_auth {
    CIMF_AUTH_BASIC,       /* the password itself */
    CIMF_AUTH_DIGEST,      /* protects the password only, not the messages */
    CIMF_AUTH_NTLM,        /* inside Negotiate */
    CIMF_AUTH_KERBEROS,    /* a ticket of the cache; or one that the user's password gets */
    CIMF_AUTH_NEGOTIATE,   /* Kerberos with a ticket of the cache, else NTLM */
    CIMF_AUTH_CREDSSP,     /* gives the password to the server, which can log in elsewhere with it */
    CIMF_AUTH_CERTIFICATE, /* the TLS client certificate */
    CIMF_AUTH_DEFAULT      /* see above */
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
    bool allow_clear_password; /* for this session: the host is trusted, and what travels to it in the clear,
                                  be it the password, is allowed */
    uint32_t operation_timeout_ms; /* what the server may take for one message; 60000 */
    uint32_t network_delay_ms; /* added to that before the client gives up (MS-WSMV 3.2.2);
                                  CIMF_NETWORK_DELAY_SETTING: what the settings say */
    uint32_t connect_timeout_ms; /* 10000 */
    uint32_t max_envelope;     /* octets of one reply; 512000 */
    uint32_t max_elements;     /* objects in one reply; 32000 */
    const char *locale;        /* "en-US"; NULL: the server's own language */
    uint32_t class_uri;        /* enum cimf_class_uri */
    const char *http_path;     /* "/wsman" */
    /* Since version 2. */
    const char *certificate;   /* PEM of the client's certificate (and its chain), for HTTPS */
    const char *key;           /* PEM of its key; NULL: in the same file */
    const char *trusted_hosts; /* instead of the settings': "*", or "name,*suffix,prefix*,<local>" */
    bool allow_unencrypted;    /* messages may travel unprotected to another machine */
    bool delegate;             /* Kerberos: the server gets a ticket that lets it act as the user elsewhere */
    bool no_user_settings;     /* the user's client.ini is not read (that of /etc always is) */
} cimf_session_options;

/* Options of version 1 are taken too. */
#define CIMF_SESSION_OPTIONS_VERSION 2
#define CIMF_NETWORK_DELAY_SETTING UINT32_MAX
/* clang-format off */
#define CIMF_SESSION_OPTIONS_INIT { CIMF_SESSION_OPTIONS_VERSION, CIMF_AUTH_DEFAULT, { NULL, 0 }, { NULL, 0 }, NULL, false, \
                                    false, 60000, CIMF_NETWORK_DELAY_SETTING, 10000, 512000, 32000, NULL, 0, \
                                    "/wsman", NULL, NULL, NULL, false, false, false }
/* clang-format on */

/* options may be NULL. Everything is copied. CIMF_INVALID_PARAMETER: the URL, the settings, or options that do not
 * fit (each other, this version); CIMF_NOT_SUPPORTED: a URL scheme that this library does not have;
 * CIMF_ACCESS_DENIED: settings forbid it (something would travel in the clear, the host is not trusted, the
 * login is off); CIMF_NOT_AUTHENTICATED: neither a user nor a ticket; CIMF_TLS_FAILED: CA, certificate or key
 * files. */
CIMF_API cimf_status cimf_session_open(cimf_str url, const cimf_session_options *options,
                                       cimf_session **out, cimf_error *e);
/* Frees its operations too: do not touch them afterwards. Enumerations that were not read to the end are
 * released on the server first: that may block for up to a second. */
CIMF_API void cimf_session_free(cimf_session *s);

/* Of the URL and the options; as long as the session. */
CIMF_API cimf_str cimf_session_host(const cimf_session *s);
CIMF_API cimf_str cimf_session_user(const cimf_session *s);
CIMF_API cimf_str cimf_session_namespace(const cimf_session *s);
/* How the session logs in: "Kerberos", "Negotiate (NTLM)", "Basic", "none"; what was agreed once an operation got
 * its answer, before that what is meant. As long as no operation runs. */
CIMF_API cimf_str cimf_session_login(const cimf_session *s);
/* Would this session need a password for its login? Then ask for it before opening: without one it is taken to be
 * empty. Fails as opening does. options may be NULL; their password is not looked at. */
CIMF_API cimf_status cimf_session_needs_password(cimf_str url, const cimf_session_options *options, bool *needed,
                                                 cimf_error *e);
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
