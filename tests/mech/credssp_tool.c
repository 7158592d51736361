/*
 * One end of CredSSP for tests in other languages: reads lines, answers lines.
 *   credssp_tool client|server ntlm|kerberos KEY=VALUE...
 *     user domain password | target ccache | keytab | min max: versions | tls=1.2 | cipher | inner=raw: no SPNEGO
 * "token BASE64" (empty for a client's first) -> "continue|complete|failed BASE64". After complete: "wrap BASE64"
 * -> "TRAILER BASE64", "unwrap BASE64" -> BASE64 or "bad". "password" -> domain, user and password, with NUL
 * between; "who" -> user and domain of the inner mechanism; "forget"; "why" -> the last error.
 * The server's inner context is exported and imported, as it comes from another process in real life.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base64.h"
#include "mech/credssp_priv.h"
#include "mech/kerberos.h"
#include "mech/ntlm.h"
#include "mech/ntlm_crypto.h"
#include "mech/spnego.h"

static char **words;
static struct error last;
static struct mech *inner; /* the server's */
static char who[256];

static const char *value(const char *key)
{
    size_t n = strlen(key);
    for (char **at = words; *at; at++) {
        if (strncmp(*at, key, n) == 0 && (*at)[n] == '=') return *at + n + 1;
    }
    return NULL;
}
static struct slice slice_value(const char *key)
{
    return slice_str(value(key) ? value(key) : "");
}
static unsigned number(const char *key)
{
    return value(key) ? (unsigned)atoi(value(key)) : 0;
}

static bool lookup(void *arg, struct slice user, struct slice domain, unsigned char hash[16])
{
    return slice_ieq(user, slice_value("user")) && ntlm_ntowf_v1(slice_value("password"), hash);
}

static struct mech *make_inner(bool client, bool kerberos)
{
    static const char *const services[] = { "HTTP", NULL };
    struct mech_options o = { .want = MECH_SIGN | MECH_SEAL, .target = slice_value("target") };
    struct mech *m = NULL, *outer = NULL;
    if (kerberos && client) {
        struct kerberos_client_config c = { .options = o, .ccache = value("ccache") };
        kerberos_client_new(&c, &m, &last);
    } else if (kerberos) {
        struct kerberos_server_config c = { .options = o, .keytab = value("keytab") };
        c.services = services;
        kerberos_server_new(&c, &m, &last);
    } else if (client) {
        struct ntlm_client_config c = { .options = o,
                                        .user = slice_value("user"),
                                        .domain = slice_value("domain"),
                                        .password = slice_value("password") };
        ntlm_client_new(&c, &m, &last);
    } else {
        struct ntlm_server_config c = { .options = { .want = o.want }, .lookup = lookup, .computer = SLICE("SERVER") };
        ntlm_server_new(&c, &m, &last);
    }
    if (!m || (value("inner") && strcmp(value("inner"), "raw") == 0)) return m;
    if (client) {
        spnego_client_new(&m, 1, &outer, &last);
    } else {
        spnego_server_new(&m, 1, &outer, &last);
    }
    return outer;
}

static struct credssp *make(bool client, bool kerberos)
{
    struct credssp *c = NULL;
    struct mech *m = make_inner(client, kerberos);
    if (!m) return NULL;
    if (client) {
        struct credssp_client_config config = { .inner = m,
                                                .domain = slice_value("domain"),
                                                .user = slice_value("user"),
                                                .password = slice_value("password"),
                                                .min_version = number("min"),
                                                .max_version = number("max") };
        credssp_client_new(&config, &c, &last);
    } else {
        struct credssp_server_config config = { .min_version = number("min"), .max_version = number("max") };
        struct credssp_server *s;
        inner = m;
        if (credssp_server_new(&config, &s, &last) == CIMF_OK) credssp_accept(s, &c, &last);
        credssp_server_free(s);
    }
    if (c && value("tls")) SSL_set_max_proto_version(c->tls.ssl, TLS1_2_VERSION);
    if (c && value("cipher")) SSL_set_cipher_list(c->tls.ssl, value("cipher"));
    return c;
}

static void say(const char *word, struct slice bytes)
{
    struct buf b;
    buf_init(&b, 0);
    base64_encode(&b, bytes);
    printf("%s%s" SLICE_FMT "\n", word, *word ? " " : "", SLICE_ARG(buf_slice(&b)));
    buf_free(&b);
}

static struct mech *moved(void)
{
    struct buf b;
    struct mech *m = NULL;
    buf_init(&b, 0);
    snprintf(who, sizeof who, SLICE_FMT "\\" SLICE_FMT, SLICE_ARG(inner->domain), SLICE_ARG(inner->user));
    if (mech_export(inner, &b, &last) == CIMF_OK) mech_import(buf_slice(&b), &m, &last);
    buf_wipe(&b);
    return m;
}

static void token(struct credssp *c, struct slice bytes)
{
    static const char *const names[] = { "continue", "ask", "complete", "failed" };
    struct slice ask;
    struct buf out, answer;
    buf_init(&out, 0);
    buf_init(&answer, 0);
    enum credssp_result r = credssp_step(c, bytes, &out, &ask, &last);
    if (r == CREDSSP_ASK) {
        enum mech_result m = mech_step(inner, ask, &answer, &last);
        r = credssp_inner(c, m, buf_slice(&answer), m == MECH_COMPLETE ? moved() : NULL, &out, &last);
    }
    say(names[r], buf_slice(&out));
    buf_free(&out);
    buf_free(&answer);
}

static void answer(struct credssp *c, const char *verb, struct slice bytes)
{
    struct slice domain, user, password;
    struct buf out;
    size_t trailer;
    char text[32];
    buf_init(&out, 0);
    if (strcmp(verb, "token") == 0) {
        token(c, bytes);
    } else if (strcmp(verb, "wrap") == 0 && credssp_wrap(c, bytes, &out, &trailer, &last) == CIMF_OK) {
        snprintf(text, sizeof text, "%zu", trailer);
        say(text, buf_slice(&out));
    } else if (strcmp(verb, "unwrap") == 0 && credssp_unwrap(c, bytes, &out, &last) == CIMF_OK) {
        say("", buf_slice(&out));
    } else if (strcmp(verb, "password") == 0 && credssp_password(c, &domain, &user, &password)) {
        buf_slice_add(&out, domain);
        buf_byte(&out, 0);
        buf_slice_add(&out, user);
        buf_byte(&out, 0);
        buf_slice_add(&out, password);
        say("", buf_slice(&out));
    } else if (strcmp(verb, "who") == 0) {
        say("", slice_str(who));
    } else if (strcmp(verb, "forget") == 0) {
        credssp_forget(c);
        say("", SLICE(""));
    } else if (strcmp(verb, "why") == 0) {
        say("", slice_str(error_text(&last)));
    } else {
        puts("bad");
    }
    fflush(stdout);
    buf_free(&out);
}

int main(int argc, char **argv)
{
    static char line[400000];
    if (argc < 3) return 2;
    words = argv + 3;
    struct credssp *c = make(strcmp(argv[1], "client") == 0, strcmp(argv[2], "kerberos") == 0);
    if (!c) {
        fprintf(stderr, "%s\n", error_text(&last));
        return 1;
    }
    while (fgets(line, sizeof line, stdin)) {
        struct arena a;
        struct slice bytes, rest;
        struct slice verb = slice_split(slice_trim(slice_str(line)), ' ', &rest);
        arena_init(&a, 0);
        char *word = arena_strz(&a, verb);
        if (base64_decode(&a, rest, BASE64_STRICT, &bytes) == CIMF_OK && word) {
            answer(c, word, bytes);
        } else {
            puts("bad");
            fflush(stdout);
        }
        arena_free(&a);
    }
    credssp_free(c);
    mech_free(inner);
    return 0;
}
