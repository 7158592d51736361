/*
 * The listeners as MS-WSMV 2.2.4.19 has them. They are those of the configuration file, for as long as the daemon runs:
 * cimd-core can open no socket, so Put, Create and Delete are refused with a sentence that says where to go. Sockets of
 * one transport and port that listen everywhere, of IPv4 and IPv6, are one listener with the address "*".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/certmap.h"
#include "daemon/tables.h"

enum { LISTENERS_MAX = 64 };

struct listener {
    bool tls, everywhere, v4, v6; /* v4, v6: of which families, when everywhere */
    unsigned port;
    char address[INET6_ADDRSTRLEN];
};

struct listener_table {
    struct wsman_rows rows; /* first: the protocol's pointer is ours */
    struct arena arena;
    struct slice host, prefix;
    char thumbprint[CERTMAP_ISSUER + 1];
    struct listener list[LISTENERS_MAX];
    unsigned count;
};

/* --- listing ---------------------------------------------------------------------------------- */

/* The addresses that this machine has now. */
static struct slice addresses_of(const struct listener *l, struct arena *a)
{
    struct ifaddrs *all = NULL;
    struct buf words;
    char text[INET6_ADDRSTRLEN];
    if (!l->everywhere) return arena_dup(a, slice_str(l->address));
    buf_init(&words, 1 << 20);
    if (getifaddrs(&all) != 0) all = NULL;
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        int family = i->ifa_addr ? i->ifa_addr->sa_family : AF_UNSPEC;
        const void *bytes = family == AF_INET && l->v4 ? (const void *)&((struct sockaddr_in *)i->ifa_addr)->sin_addr
                            : family == AF_INET6 && l->v6 ? (const void *)&((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr : NULL;
        if (bytes && inet_ntop(family, bytes, text, sizeof text)) buf_printf(&words, "%s%s", words.n ? " " : "", text);
    }
    if (all) freeifaddrs(all);
    struct slice out = arena_dup(a, buf_slice(&words));
    buf_free(&words);
    return out;
}

static void to_row(const struct listener_table *t, const struct listener *l, struct arena *a, struct wsman_row *to)
{
    *to = (struct wsman_row){ { SLICE_NULL } };
    to->field[WSMAN_LISTENER_ADDRESS] = l->everywhere ? SLICE("*") : arena_printf(a, "IP:%s", l->address);
    to->field[WSMAN_LISTENER_TRANSPORT] = l->tls ? SLICE("HTTPS") : SLICE("HTTP");
    to->field[WSMAN_LISTENER_PORT] = arena_printf(a, "%u", l->port);
    to->field[WSMAN_LISTENER_HOSTNAME] = l->tls ? t->host : SLICE("");
    to->field[WSMAN_LISTENER_ENABLED] = SLICE("true");
    to->field[WSMAN_LISTENER_PREFIX] = t->prefix;
    to->field[WSMAN_LISTENER_THUMBPRINT] = l->tls ? slice_str(t->thumbprint) : SLICE("");
    to->field[WSMAN_LISTENER_ON] = addresses_of(l, a);
}

static void list(struct wsman_rows *rows, const struct principal *by, const struct wsman_row *key, struct arena *a,
                 struct exec *home, wsman_rows_listed *done, void *arg)
{
    const struct listener_table *t = (const struct listener_table *)rows;
    struct wsman_row *out = ARENA_ARRAY(a, t->count + 1, struct wsman_row);
    size_t count = 0;
    for (unsigned i = 0; out && i < t->count; i++) {
        struct wsman_row *r = &out[count];
        to_row(t, &t->list[i], a, r);
        count += !key || (slice_ieq(key->field[WSMAN_LISTENER_ADDRESS], r->field[WSMAN_LISTENER_ADDRESS]) &&
                          slice_ieq(key->field[WSMAN_LISTENER_TRANSPORT], r->field[WSMAN_LISTENER_TRANSPORT]));
    }
    done(arg, out && !a->overflow ? CIMF_OK : CIMF_OUT_OF_MEMORY, out, count, NULL);
}

static void change(struct wsman_rows *rows, const struct principal *by, enum wsman_row_change kind,
                   const struct wsman_row *row, struct slice peer, struct exec *home, wsman_rows_changed *done, void *arg)
{
    struct error e = ERROR_INIT;
    error_set(&e, CIMF_WSMAN_FEATURE_RETIRED, "cimd", "listeners are not changed while cimd runs: set listen.http, "
              "listen.https and [tls] in its configuration file and start it again");
    done(arg, CIMF_WSMAN_FEATURE_RETIRED, &e);
}

/* --- life ------------------------------------------------------------------------------------- */

static void read_thumbprint(struct listener_table *t, int fd)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    FILE *f = fopen(path, "re"); /* from its beginning, whoever read it before */
    X509 *x = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
    unsigned char *der = NULL;
    int size = x ? i2d_X509(x, &der) : 0;
    if (size > 0) certmap_thumbprint(slice_of((char *)der, (size_t)size), t->thumbprint);
    OPENSSL_free(der);
    X509_free(x);
    if (f) fclose(f);
}

cimf_status listener_table_new(const struct config *config, const char *host, int certificate,
                               struct listener_table **out, struct error *e)
{
    struct listener_table *t = calloc(1, sizeof *t);
    *out = t;
    if (!t) return error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "no memory for the listeners");
    t->rows = (struct wsman_rows){ list, change };
    arena_init(&t->arena, 1 << 16);
    t->host = arena_dup(&t->arena, slice_str(host));
    t->prefix = arena_dup(&t->arena, slice_str(config_text(config, CONFIG_wsman_url_prefix)));
    if (certificate >= 0) read_thumbprint(t, certificate);
    return t->host.p && t->prefix.p ? CIMF_OK : error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "no memory for the listeners");
}

void listener_table_free(struct listener_table *t)
{
    if (!t) return;
    arena_free(&t->arena);
    free(t);
}

static struct listener *merge(struct listener_table *t, const struct listener *l)
{
    for (unsigned i = 0; l->everywhere && i < t->count; i++) {
        struct listener *x = &t->list[i];
        if (x->everywhere && x->tls == l->tls && x->port == l->port) return x;
    }
    return NULL;
}

cimf_status listener_table_add(struct listener_table *t, int fd, bool tls, struct error *e)
{
    struct sockaddr_storage at;
    socklen_t size = sizeof at;
    struct listener l = { .tls = tls };
    if (getsockname(fd, (struct sockaddr *)&at, &size) != 0)
        return error_errno(e, CIMF_FAILED, "cimd", errno, "a socket to listen on has no address");
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&at;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&at;
    l.v4 = at.ss_family == AF_INET;
    l.v6 = at.ss_family == AF_INET6;
    l.port = ntohs(l.v4 ? v4->sin_port : v6->sin6_port);
    l.everywhere = l.v4 ? v4->sin_addr.s_addr == htonl(INADDR_ANY) : IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
    if (!inet_ntop(at.ss_family, l.v4 ? (const void *)&v4->sin_addr : (const void *)&v6->sin6_addr, l.address, sizeof l.address))
        return error_errno(e, CIMF_FAILED, "cimd", errno, "a socket to listen on has no address");
    struct listener *x = merge(t, &l);
    if (x) {
        x->v4 |= l.v4;
        x->v6 |= l.v6;
    } else if (t->count < LISTENERS_MAX) {
        t->list[t->count++] = l;
    }
    return CIMF_OK;
}

struct wsman_rows *listener_table_rows(struct listener_table *t) { return &t->rows; }
