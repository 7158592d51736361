/*
 * One end of an authentication for tests in other languages: reads lines, answers lines.
 *   token_tool client|server ntlm|spnego USER DOMAIN PASSWORD [BINDINGS]
 * First phase: "token BASE64" (empty for a client's first) -> "continue|complete|failed BASE64".
 * After complete: "seal BASE64" -> "BASE64 of signature and sealed bytes"; "unseal BASE64" -> the
 * bytes or "bad"; "sign BASE64" -> signature; "key" -> session key; "who" -> user and domain. All
 * base64.
 */
#include <stdio.h>
#include <string.h>

#include "codec/base64.h"
#include "mech/ntlm.h"
#include "mech/ntlm_crypto.h"
#include "mech/spnego.h"

struct account {
    struct slice user, password;
};

static bool lookup(void *arg, struct slice user, struct slice domain, unsigned char hash[16])
{
    const struct account *a = arg;
    return slice_ieq(user, a->user) && ntlm_ntowf_v1(a->password, hash);
}

static struct mech *make(char **argv, struct account *account, struct error *e)
{
    struct slice bindings = slice_str(argv[6] ? argv[6] : "");
    struct mech *m = NULL, *outer = NULL;
    bool client = strcmp(argv[1], "client") == 0;
    if (client) {
        struct ntlm_client_config c = { .user = slice_str(argv[3]),
                                        .domain = slice_str(argv[4]),
                                        .password = slice_str(argv[5]),
                                        .workstation = SLICE("TOOL") };
        c.options.want = MECH_SIGN | MECH_SEAL;
        c.options.target = SLICE("HTTP/server");
        c.options.bindings = bindings;
        if (ntlm_client_new(&c, &m, e) != CIMF_OK) return NULL;
    } else {
        struct ntlm_server_config c = { .lookup = lookup,
                                        .lookup_arg = account,
                                        .computer = SLICE("SERVER"),
                                        .domain = SLICE("DOMAIN"),
                                        .dns_computer = SLICE("server.example") };
        c.options.want = MECH_SIGN | MECH_SEAL;
        c.options.bindings = bindings;
        c.options.binding_level = bindings.n ? MECH_BINDING_STRICT : MECH_BINDING_NONE;
        if (ntlm_server_new(&c, &m, e) != CIMF_OK) return NULL;
    }
    if (strcmp(argv[2], "spnego") != 0) return m;
    if (client) {
        spnego_client_new(&m, 1, &outer, e);
    } else {
        spnego_server_new(&m, 1, &outer, e);
    }
    return outer;
}

static void say(const char *word, struct slice bytes)
{
    struct buf b;
    buf_init(&b, 0);
    base64_encode(&b, bytes);
    printf("%s%s" SLICE_FMT "\n", word, *word ? " " : "", SLICE_ARG(buf_slice(&b)));
    fflush(stdout);
    buf_free(&b);
}

static void protect(struct mech *m, const char *verb, char *bytes, size_t n)
{
    unsigned char signature[MECH_SIGNATURE_MAX];
    struct mech_part part = { MECH_PART_SEAL, (unsigned char *)bytes, n };
    size_t size = m->ops->signature_size(m, true);
    struct buf b;
    buf_init(&b, 0);
    if (strcmp(verb, "seal") == 0 && mech_seal(m, &part, 1, signature) == CIMF_OK) {
        buf_add(&b, signature, size);
        buf_add(&b, bytes, n);
        say("", buf_slice(&b));
    } else if (strcmp(verb, "sign") == 0 && mech_sign(m, &part, 1, signature) == CIMF_OK) {
        say("", slice_of((char *)signature, size));
    } else if (strcmp(verb, "unseal") == 0 && n >= size) {
        part.p += size;
        part.n -= size;
        if (mech_unseal(m, &part, 1, slice_of(bytes, size)) == CIMF_OK) {
            say("", slice_of(bytes + size, n - size));
        } else {
            puts("bad");
        }
    } else {
        puts("bad");
    }
    fflush(stdout);
    buf_free(&b);
}

static void answer(struct mech *m, const char *verb, struct slice bytes)
{
    static const char *const words[] = { "continue", "complete", "failed" };
    struct error e = ERROR_INIT;
    struct buf out;
    buf_init(&out, 0);
    if (strcmp(verb, "token") == 0) {
        enum mech_result r = mech_step(m, bytes, &out, &e);
        if (r == MECH_FAILED) fprintf(stderr, "%s\n", error_text(&e));
        say(words[r], buf_slice(&out));
    } else if (strcmp(verb, "key") == 0) {
        say("", slice_of((char *)m->session_key, m->session_key_n));
    } else if (strcmp(verb, "who") == 0) {
        buf_slice_add(&out, m->domain);
        buf_lit(&out, "\\");
        buf_slice_add(&out, m->user);
        say("", buf_slice(&out));
    } else {
        protect(m, verb, (char *)bytes.p, bytes.n);
    }
    buf_free(&out);
}

int main(int argc, char **argv)
{
    static char line[200000];
    struct error e = ERROR_INIT;
    if (argc < 6 || argc > 7) return 2;
    struct account account = { slice_str(argv[3]), slice_str(argv[5]) };
    struct mech *m = make(argv, &account, &e);
    if (!m) {
        fprintf(stderr, "%s\n", error_text(&e));
        return 1;
    }
    while (fgets(line, sizeof line, stdin)) {
        struct arena a;
        struct slice bytes, rest;
        struct slice verb = slice_split(slice_trim(slice_str(line)), ' ', &rest);
        arena_init(&a, 0);
        char *word = arena_strz(&a, verb);
        if (base64_decode(&a, rest, BASE64_STRICT, &bytes) == CIMF_OK && word) {
            answer(m, word, bytes);
        } else {
            puts("bad");
            fflush(stdout);
        }
        arena_free(&a);
    }
    mech_free(m);
    return 0;
}
