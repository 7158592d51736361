/*
 * auth/broker.h - the one place that decides who a caller is and makes principals.
 *
 * Two kinds of `struct auth_broker` behind the same functions: the real one (auth_broker_new), which reads
 * accounts, certificate map and keytab and lives in the process cimd-auth; and a stand-in over a socket
 * (auth_broker_connect), which is what cimd-core holds. Callers see questions and answers only: every check is
 * asynchronous, answers come on the home executor.
 *
 * Passwords and mechanisms: the same work and the same answer for unknown users, disabled accounts and wrong
 * credentials. Failures slow later attempts down exponentially, by (user, address), by address and, more
 * mildly, by user; waiting attempts are queued within bounds. A verified password is remembered (as a keyed
 * hash, bounded, for some minutes) so that a reconnecting client is not hashed again. Changes of the
 * accounts file take effect at once: the next use of any cached decision notices (generation). Every
 * success and failure is an audit record (auth/audit.h), written here and nowhere else.
 */
#ifndef AUTH_BROKER_H
#define AUTH_BROKER_H

#include "auth/certmap.h"
#include "auth/principal.h"
#include "base/exec.h"
#include "base/status.h"
#include "mech/digest.h"
#include "mech/mech.h"

struct auth_broker;

struct auth_broker_config {
    const char *accounts_path;
    const char *key_path;         /* of the key that password-equivalent secrets are encrypted with; NULL:
                                     "<accounts_path>.key" */
    const char *certificates_path;/* certificate map; NULL: certificates log nobody in */
    bool certificates_fixed;      /* auth_mappings only lists it: the administrator has locked auth.certificates */
    struct exec *pool;            /* workers: hashing, keytab, user database; addresses take turns there
                                     (exec_post_for). NULL: everything inside the call (tests), then nothing is
                                     delayed */
    unsigned max_concurrent;      /* hashes at once; 0: half the processors, at least 1 */
    unsigned max_waiting;         /* attempts queued or delayed; 0: 256 */
    unsigned max_waiting_address; /* of these from one address; 0: 16 */
    unsigned max_exchanges;       /* unfinished ones; 0: 4096 */
    unsigned max_exchanges_address; /* 0: 64; loopback is not exempt */
    int64_t exchange_timeout_us;  /* life of an unfinished one; 0: 30 s */
    int64_t cache_us;             /* life of a remembered password; 0: 5 minutes; < 0: never */
    int64_t delay_us;             /* first delay, doubled for each further failure; 0: 250 ms */
    int64_t max_delay_us;         /* 0: 30 s */
    unsigned free_failures;       /* failures before the first delay; 0: 2 */
    unsigned long dummy_cost;     /* yescrypt cost of the work done for unknown users; 0: default */

    /* Which ways in there are. What is off here is off whatever a caller asks. */
    bool basic, digest, ntlm, kerberos, certificate;
    const char *pam_service;      /* passwords of system users through PAM; NULL: only our accounts */
    const char *keytab;           /* NULL: the system's */
    const char *realm;            /* of Digest secrets; NULL: "WSMAN" */
    const char *netbios_name;     /* NULL: the host name's first label, upper case, 15 bytes */
    enum mech_binding binding_level;
    bool ntlm_allow_v1, ntlm_allow_no_mic, ntlm_allow_weak;
    /* Who the daemon is to others (auth_exchange_config.initiate): DOMAIN\\name, or name@realm; NULL: nobody, such
     * exchanges are refused. The password is borrowed for good. By NTLM, below SPNEGO. */
    const char *initiate_user;
    struct slice initiate_password;
    const char *const *admin_groups; /* groups (ours, POSIX or SIDs "S-1-..." of a ticket) whose members
                                        are administrators, or users of a realm ("user@REALM", with case);
                                        NULL-terminated; NULL: "administrators" */
};

cimf_status auth_broker_new(const struct auth_broker_config *config, struct auth_broker **out,
                            struct error *e);
/* Waits for work on the pool; waiting attempts are answered CIMF_SHUTTING_DOWN by post. The pool and the
 * home executors must still run. */
void auth_broker_free(struct auth_broker *b);

/* The stand-in: fd is one end of a SOCK_SEQPACKET pair, taken. A thread of its own reads answers. When the
 * other end dies every question is answered CIMF_SHUTTING_DOWN and the generation moves for good: nothing that was
 * decided holds without a broker. binding_level etc. are decided over there. Principals may outlive it. auth_reload
 * waits for the answer, so not on a loop. */
cimf_status auth_broker_connect(int fd, struct auth_broker **out, struct error *e);
/* cimd-auth: answers questions on fd with b until the other end closes. Blocks. Principals that went out are
 * known to auth_resolve until the other end released them or closed. Malformed messages end it:
 * CIMF_PROTOCOL_ERROR. */
cimf_status auth_broker_serve(struct auth_broker *b, int fd, struct error *e);
/* Of the real one: who the principal with this id is now, if it went out, is still in use and may still log in: with the
 * rights and the local user of today, whatever it had when it logged in. One reference or NULL. Any thread. */
const struct principal *auth_resolve(struct auth_broker *b, struct slice id);

/* status CIMF_OK and a principal (one reference for the callee), or NULL and CIMF_NOT_AUTHENTICATED
 * (one answer for every wrong credential), CIMF_SERVER_TOO_BUSY, CIMF_SHUTTING_DOWN, CIMF_FAILED. */
typedef void auth_done(void *arg, cimf_status status, const struct principal *p);

struct auth_password {
    struct slice user;            /* name, DOMAIN\name, name@realm, .\name; UTF-8 */
    struct slice password;
    struct slice address;         /* of the peer, as text; the delay key */
    enum auth_scheme scheme;
};
/* Copies what it needs. done runs on home, never inside this call (except without a pool). */
void auth_check_password(struct auth_broker *b, const struct auth_password *q, struct exec *home,
                         auth_done *done, void *arg);
/* The principal of a password that was verified a moment ago, one reference, or NULL: ask then. Cheap
 * (a MAC and a lock); any thread. */
const struct principal *auth_check_cached(struct auth_broker *b, const struct auth_password *q);

/* HTTP Digest: the caller checked nonce, nc, uri and realm; here the secret is looked up. reply gets
 * rspauth when ha2_reply is given. */
struct auth_digest {
    const struct digest_response *response;
    const char *ha2, *ha2_reply;  /* hexadecimal; ha2_reply NULL: no rspauth */
    struct slice address;
};
typedef void auth_digest_done(void *arg, cimf_status status, const struct principal *p,
                              const char *rspauth);
void auth_check_digest(struct auth_broker *b, const struct auth_digest *q, struct exec *home,
                       auth_digest_done *done, void *arg);

/* A TLS client certificate whose chain was verified by the caller: DER of it and of its issuer. Mapped by
 * issuer thumbprint, then UPN or subject pattern (MS-WSMV 2.2.4.3). */
struct auth_certificate {
    struct slice certificate, issuer;
    struct slice address;
};
void auth_check_certificate(struct auth_broker *b, const struct auth_certificate *q,
                            struct exec *home, auth_done *done, void *arg);

/*
 * Mechanisms of several legs. One exchange belongs to one connection and is never moved; its owner gives each
 * token of the peer to auth_exchange_step, one at a time.
 */
enum auth_mechanism {
    AUTH_MECH_NEGOTIATE, /* SPNEGO; also bare NTLM and Kerberos tokens */
    AUTH_MECH_NTLM,      /* DCE/RPC type 10 */
    AUTH_MECH_KERBEROS,  /* "Authorization: Kerberos"; DCE/RPC type 16 */
};
enum auth_service { AUTH_SERVICE_HTTP /* HTTP, WSMAN, HOST */, AUTH_SERVICE_RPC /* HOST, RPCSS, RestrictedKrbHost */ };
struct auth_exchange;
struct auth_exchange_config {
    enum auth_mechanism mechanism;
    enum auth_service service;
    uint32_t want;           /* MECH_SIGN, MECH_SEAL, MECH_DCE_STYLE */
    /* Of the two, this and the broker's own, the stricter counts. */
    enum mech_binding binding_level;
    struct slice bindings;   /* "tls-server-end-point:" and the hash; empty: no TLS, then no level applies */
    struct slice more_bindings; /* accepted as well: hashes of a proxy in front, one after the other, each
                                   preceded by a length byte */
    struct slice address;
    bool credssp;            /* the login inside CredSSP: the record says so */
    /* The other way round: the daemon logs in to `target` ("RPCSS/name", "HOST/name") with its own credentials, which
     * the asking process never sees. NEGOTIATE and DCE/RPC only; messages are always signed, and the other side may know us,
     * not act as us. The first step takes no token; COMPLETE brings a context and no principal. */
    bool initiate;
    struct slice target;
};
struct auth_exchange_answer {
    enum mech_result result;
    cimf_status status;      /* OK for CONTINUE and COMPLETE */
    struct slice token;      /* for the peer; may be empty; borrowed for the call */
    /* COMPLETE: one reference for the callee; else NULL, as of an exchange that initiates. A Kerberos user has its name, the realm as domain and
     * the PAC's SIDs; without a PAC S-1-22-16 and 128 bits of SHA-256(realm, NUL, name). The account called
     * "user@REALM" gives it groups and a local user (never uid 0). */
    const struct principal *principal;
    struct mech *context;    /* COMPLETE: protects messages; owned by the callee */
    const char *mechanism;   /* COMPLETE: "NTLM", "Kerberos" */
};
typedef void auth_exchange_done(void *arg, const struct auth_exchange_answer *a);
/* Everything is copied. CIMF_SERVER_TOO_BUSY when too many are open. home: where answers come. */
cimf_status auth_exchange_new(struct auth_broker *b, const struct auth_exchange_config *config,
                              struct exec *home, struct auth_exchange **out, struct error *e);
/* done comes on home, never inside this call (except without a pool). After COMPLETE or FAILED only free. */
void auth_exchange_step(struct auth_exchange *x, struct slice token, auth_exchange_done *done,
                        void *arg);
/* On home. A pending done will not come. NULL is fine. */
void auth_exchange_free(struct auth_exchange *x);

/* Changes whenever accounts change: a decision kept elsewhere (on a connection) holds as long as the
 * number that was current before the decision does. Looks at the file at most once a second. */
uint64_t auth_generation(struct auth_broker *b);
/* How long a password's decision about p may be kept, of `life`: a system user's (PAM) not longer than a minute, as changes
 * of its password or account are not told here. */
int64_t auth_life(const struct principal *p, int64_t life);
/* p's account still exists and may log in: what a connection asks when the generation has moved, before it
 * goes on with an identity proved by a mechanism of several legs. done gets its principal as it is now (other
 * groups, perhaps). Users of a realm (Kerberos) keep what their ticket brought; what their account here gave them is
 * given anew, and they are refused when it is closed. A certificate's login is refused: ask auth_check_certificate
 * again. */
void auth_refresh(struct auth_broker *b, const struct principal *p, struct exec *home, auth_done *done,
                  void *arg);
/*
 * The certificate map, read and changed for `by`: whom this broker issued and who is an administrator now, whatever the
 * asking process says, else CIMF_ACCESS_DENIED. Changes are in force when done is called, and recorded.
 */
enum auth_mapping_verb { AUTH_MAPPING_LIST, AUTH_MAPPING_ADD, AUTH_MAPPING_PUT, AUTH_MAPPING_DELETE };
struct auth_mapping {
    enum auth_mapping_verb verb;
    /* LIST: those that have the texts that are not "". PUT: as certmap_put. DELETE: issuer, subject and uri. */
    struct certmap_row row;
    bool keep_enabled;
};
struct auth_mappings_answer {
    cimf_status status;           /* and CIMF_NOT_FOUND, CIMF_ALREADY_EXISTS, CIMF_INVALID_PARAMETER, CIMF_IO_ERROR */
    const struct certmap_row *rows; /* LIST, in the map's order; valid during the call */
    unsigned count;
    uint64_t generation;          /* of the map that was read */
    const struct error *error;    /* unless CIMF_OK: why */
};
typedef void auth_mappings_done(void *arg, const struct auth_mappings_answer *a);
/* Copies what it needs. done runs on home, never inside this call (except without a pool). */
void auth_mappings(struct auth_broker *b, const struct principal *by, const struct auth_mapping *q, struct exec *home,
                   auth_mappings_done *done, void *arg);

/* Reads the accounts file now. */
cimf_status auth_reload(struct auth_broker *b, struct error *e);

/* A principal without credentials, for callers that are this very user (local socket, tests, `cimd`'s own
 * work): the account of the process. Administrator if uid 0 or `administrator`. */
const struct principal *auth_local_principal(bool administrator);

#endif
