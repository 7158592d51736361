/*
 * client/login.h - which ways of proving who one is are open for this session, decided before anything is sent
 * (MS-WSMV 3.2.4.1.22): settings, trusted hosts, whether messages would travel unprotected, and whether there
 * is a Kerberos ticket. Pure but for the look into the credential cache.
 */
#ifndef CLIENT_LOGIN_H
#define CLIENT_LOGIN_H

#include "client/settings.h"
#include "net/http_client_auth.h"

struct client_login_question {
    unsigned auth;            /* enum cimf_auth */
    struct slice host, user;  /* user "" : none was named */
    bool password;            /* there is one */
    bool tls, insecure;       /* insecure: the server's certificate is not looked at */
    bool loopback;
    bool certificate;         /* there is a client certificate */
    struct slice ticket;      /* "user@REALM" of the credential cache; "" : none */
};

struct client_login {
    enum http_login login;
    bool ntlm, kerberos, basic_fallback;
    bool needs_password;      /* it cannot begin without one */
    bool messages_plain;      /* messages would travel unprotected to another machine, and may not */
    char hint[200];           /* what to try after a failure; "" : nothing of our own */
};

/* CIMF_ACCESS_DENIED: settings forbid it (the text says which, and who set it); CIMF_NOT_AUTHENTICATED: neither user
 * nor ticket; CIMF_INVALID_PARAMETER: what the scheme needs is missing. The hint is filled then too. */
cimf_status client_login_choose(const struct client_settings *s, const struct client_login_question *q,
                                struct client_login *out, struct error *e);

/* The user asked for owns the ticket: no user, "user@REALM", or "user". */
bool client_ticket_fits(struct slice ticket, struct slice user);

#endif
