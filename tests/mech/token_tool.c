/*
 * One end of an authentication for tests in other languages: reads lines, answers lines.
 *   token_tool client|server ntlm|spnego USER DOMAIN PASSWORD [BINDINGS]
 *   token_tool client|server kerberos|spnego-kerberos|spnego-both KEY=VALUE...
 *     target ccache user password | keytab service... level=none|relaxed|strict replay=off | bindings
 *     want=LETTERS: s sign, e seal, c DCE style, i identify, d delegate; default se
 *     more=BINDINGS: of another certificate that is right too
 *   "both": Kerberos, then NTLM as alice in DOMAIN with the password "NTLM secret".
 * First phase: "token BASE64" (empty for a client's first) -> "continue|complete|failed BASE64".
 * After complete: "seal BASE64" -> "BASE64 of signature and sealed bytes"; "unseal BASE64" -> the
 * bytes or "bad"; "sign BASE64" -> signature; "key" -> session key; "who" -> user and domain. All
 * base64. "verify SIGNATURE TEXT" -> "" or "bad". "seal3 HEAD BODY TAIL" -> signature and body of a PDU whose
 * head and tail are signed only; "unseal3 SIGNATURE HEAD BODY TAIL" -> body. "flags" -> MECH_* as a number,
 * "target", "name" of the mechanism chosen, "pac" -> account, domain, then SIDs in hexadecimal, a line's worth,
 * "drop": the process gives up root, and with it the files of the realm, "move": the context is exported and imported, "store PATH": the delegated ticket, "why": the last error,
 * "default CACHE": whose granting ticket is in it.
 */
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "codec/base64.h"
#include "mech/kerberos.h"
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

/* The value of a KEY=VALUE, the nth of its kind; NULL: none. */
static const char *value(char **argv, const char *key, unsigned nth)
{
    size_t n = strlen(key);
    for (; *argv; argv++) {
        if (strncmp(*argv, key, n) == 0 && (*argv)[n] == '=' && nth-- == 0) return *argv + n + 1;
    }
    return NULL;
}

static uint32_t wanted(const char *letters)
{
    static const struct {
        char letter;
        uint32_t flag;
    } map[] = { { 's', MECH_SIGN }, { 'e', MECH_SEAL }, { 'c', MECH_DCE_STYLE }, { 'i', MECH_IDENTIFY },
                { 'd', MECH_DELEGATE } };
    uint32_t flags = 0;
    for (size_t i = 0; i < sizeof map / sizeof *map; i++) {
        if (strchr(letters, map[i].letter)) flags |= map[i].flag;
    }
    return flags;
}

static struct mech *make_kerberos(char **argv, struct error *e)
{
    static const char *services[8];
    const char *level = value(argv, "level", 0), *letters = value(argv, "want", 0), *service;
    const char *replay = value(argv, "replay", 0);
    struct mech_options options = { .want = wanted(letters ? letters : "se") };
    struct mech *m = NULL;
    options.bindings = slice_str(value(argv, "bindings", 0));
    options.target = slice_str(value(argv, "target", 0));
    const char *other = value(argv, "more", 0);
    static char more[256];
    if (other && strlen(other) > sizeof "tls-server-end-point:") {
        int n = snprintf(more, sizeof more, "%c%s", (char)(strlen(other) - 21), other + 21);
        options.more_bindings = slice_of(more, (size_t)n);
    }
    if (level && strcmp(level, "none") != 0) {
        options.binding_level = strcmp(level, "strict") == 0 ? MECH_BINDING_STRICT : MECH_BINDING_RELAXED;
    }
    if (strcmp(argv[1], "client") == 0) {
        struct kerberos_client_config c = { .options = options,
                                            .ccache = value(argv, "ccache", 0),
                                            .user = slice_str(value(argv, "user", 0)),
                                            .password = slice_str(value(argv, "password", 0)) };
        kerberos_client_new(&c, &m, e);
        return m;
    }
    struct kerberos_server_config c = { .options = options, .keytab = value(argv, "keytab", 0) };
    for (unsigned i = 0; i < 7 && (service = value(argv, "service", i)); i++) services[i] = service;
    if (services[0]) c.services = services;
    c.replay_cache_off = replay && strcmp(replay, "off") == 0;
    kerberos_server_new(&c, &m, e);
    return m;
}

static struct mech *make_ntlm(char **argv, struct account *account, struct error *e)
{
    struct slice bindings = slice_str(argv[6] ? argv[6] : "");
    struct mech *m = NULL;
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
    return m;
}

static struct mech *make(char **argv, struct account *account, struct error *e)
{
    static char *both[] = { "", "", "", "alice", "DOMAIN", "NTLM secret", NULL };
    struct mech *mechs[2] = { NULL, NULL }, *outer = NULL;
    size_t count = 0;
    if (strstr(argv[2], "kerberos") || strstr(argv[2], "both")) {
        if (!(mechs[count++] = make_kerberos(argv, e))) return NULL;
    }
    if (strcmp(argv[2], "spnego-both") == 0) {
        both[1] = argv[1];
        *account = (struct account){ slice_str(both[3]), slice_str(both[5]) };
    }
    if (!strstr(argv[2], "kerberos")) {
        char **words = strcmp(argv[2], "spnego-both") == 0 ? both : argv;
        if (!(mechs[count++] = make_ntlm(words, account, e))) return NULL;
    }
    if (strncmp(argv[2], "spnego", 6) != 0) return mechs[0];
    if (strcmp(argv[1], "client") == 0) {
        spnego_client_new(mechs, count, &outer, e);
    } else {
        spnego_server_new(mechs, count, &outer, e);
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

static void bad(void)
{
    puts("bad");
    fflush(stdout);
}

/* RC4 without DCE style has a byte of padding behind the text. */
static void seal(struct mech *m, const struct slice *in, unsigned count)
{
    unsigned char signature[MECH_SIGNATURE_MAX], pad[16];
    struct mech_part parts[4];
    size_t size, padding;
    struct buf b;
    for (unsigned i = 0; i < count; i++) {
        bool body = count == 1 || i == 1;
        parts[i] = (struct mech_part){ body ? MECH_PART_SEAL : MECH_PART_SIGN, (unsigned char *)in[i].p, in[i].n };
    }
    struct slice body = in[count == 1 ? 0 : 1];
    mech_seal_sizes(m, body.n, &size, &padding);
    parts[count] = (struct mech_part){ MECH_PART_PAD, pad, padding };
    if (padding > sizeof pad || mech_seal(m, parts, count + 1, signature) != CIMF_OK) {
        bad();
        return;
    }
    buf_init(&b, 0);
    buf_add(&b, signature, size);
    buf_slice_add(&b, body);
    buf_add(&b, pad, padding);
    say("", buf_slice(&b));
    buf_free(&b);
}

/* in: signature, then the parts. */
static void unseal(struct mech *m, const struct slice *in, unsigned count)
{
    struct mech_part parts[3];
    for (unsigned i = 1; i < count; i++) {
        bool body = count == 2 || i == 2;
        parts[i - 1] = (struct mech_part){ body ? MECH_PART_SEAL : MECH_PART_SIGN, (unsigned char *)in[i].p,
                                           in[i].n };
    }
    const struct mech_part *body = &parts[count == 2 ? 0 : 1];
    if (mech_unseal(m, parts, count - 1, in[0]) == CIMF_OK) {
        say("", slice_of((char *)body->p, body->n));
    } else {
        bad();
    }
}

static void sign(struct mech *m, struct slice text)
{
    unsigned char signature[MECH_SIGNATURE_MAX];
    struct mech_part part = { MECH_PART_SIGN, (unsigned char *)text.p, text.n };
    if (mech_sign(m, &part, 1, signature) == CIMF_OK) {
        say("", slice_of((char *)signature, m->ops->signature_size(m, false)));
    } else {
        bad();
    }
}

static void verify(struct mech *m, struct slice signature, struct slice text)
{
    struct mech_part part = { MECH_PART_SIGN, (unsigned char *)text.p, text.n };
    if (mech_verify(m, &part, 1, signature) == CIMF_OK) {
        say("", SLICE(""));
    } else {
        bad();
    }
}

/* Signature and sealed bytes in one: as long as ours would be for what is behind it. */
static void unseal_joined(struct mech *m, struct slice in)
{
    size_t size = m->ops->signature_size(m, true), padding;
    for (int i = 0; i < 3 && size < in.n; i++) mech_seal_sizes(m, in.n - size, &size, &padding);
    if (size == 0 || size > in.n) {
        bad();
        return;
    }
    struct slice parts[2] = { slice_head(in, size), slice_sub(in, size) };
    unseal(m, parts, 2);
}

static void pac(struct mech *m, struct buf *out)
{
    struct kerberos_pac pac;
    struct arena a;
    struct error e = ERROR_INIT;
    arena_init(&a, 0);
    if (kerberos_pac_read(&a, m->pac_logon_info, &pac, &e) != CIMF_OK) {
        buf_str(out, error_text(&e));
    } else {
        buf_printf(out, SLICE_FMT " " SLICE_FMT, SLICE_ARG(pac.account), SLICE_ARG(pac.domain));
        for (unsigned i = 0; i < pac.sid_count; i++) {
            buf_byte(out, ' ');
            for (size_t k = 0; k < pac.sids[i].n; k++)
                buf_printf(out, "%02x", (unsigned char)pac.sids[i].p[k]);
        }
    }
    arena_free(&a);
}

static struct mech *move(struct mech *m, struct error *e)
{
    struct buf b;
    struct mech *moved = NULL;
    buf_init(&b, 0);
    if (mech_export(m, &b, e) == CIMF_OK) mech_import(buf_slice(&b), &moved, e);
    buf_wipe(&b);
    if (!moved) return m;
    mech_free(m);
    return moved;
}

static void query(struct mech *m, const char *verb, struct buf *out, const struct error *e)
{
    const struct mech *chosen = spnego_chosen(m);
    if (strcmp(verb, "key") == 0) {
        buf_add(out, m->session_key, m->session_key_n);
    } else if (strcmp(verb, "who") == 0) {
        buf_printf(out, SLICE_FMT "\\" SLICE_FMT, SLICE_ARG(m->domain), SLICE_ARG(m->user));
    } else if (strcmp(verb, "flags") == 0) {
        buf_printf(out, "%u", m->flags);
    } else if (strcmp(verb, "target") == 0) {
        buf_slice_add(out, m->target);
    } else if (strcmp(verb, "name") == 0) {
        buf_str(out, chosen ? chosen->ops->name : m->ops->name);
    } else if (strcmp(verb, "pac") == 0) {
        pac(m, out);
    } else if (strcmp(verb, "raw-pac") == 0) {
        buf_slice_add(out, m->pac_logon_info);
    } else if (strcmp(verb, "why") == 0) {
        buf_str(out, error_text(e));
    } else {
        bad();
        return;
    }
    say("", buf_slice(out));
}

/* Answers one line; the context may be another one afterwards. */
static struct mech *answer(struct mech *m, const char *verb, const struct slice *in, unsigned count,
                           struct error *e)
{
    static const char *const words[] = { "continue", "complete", "failed" };
    struct buf out;
    buf_init(&out, 0);
    if (strcmp(verb, "token") == 0) {
        enum mech_result r = mech_step(m, in[0], &out, e);
        if (r == MECH_FAILED) fprintf(stderr, "%s\n", error_text(e));
        say(words[r], buf_slice(&out));
    } else if (strcmp(verb, "seal") == 0) {
        seal(m, in, 1);
    } else if (strcmp(verb, "seal3") == 0 && count == 3) {
        seal(m, in, 3);
    } else if (strcmp(verb, "unseal") == 0) {
        unseal_joined(m, in[0]);
    } else if (strcmp(verb, "unseal3") == 0 && count == 4) {
        unseal(m, in, 4);
    } else if (strcmp(verb, "sign") == 0) {
        sign(m, in[0]);
    } else if (strcmp(verb, "verify") == 0 && count == 2) {
        verify(m, in[0], in[1]);
    } else if (strcmp(verb, "move") == 0) {
        m = move(m, e);
        say("", SLICE(""));
    } else if (strcmp(verb, "drop") == 0) {
        kerberos_without_files();
        bool dropped = setgroups(0, NULL) == 0 && setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0;
        say("", dropped ? SLICE("") : SLICE("not root"));
    } else if (strcmp(verb, "default") == 0) {
        struct arena a;
        arena_init(&a, 0);
        say("", kerberos_default_user(&a, in[0].n ? in[0].p : NULL));
        arena_free(&a);
    } else if (strcmp(verb, "store") == 0) {
        cimf_status status = kerberos_store_delegated(m, in[0].p, e);
        say("", status == CIMF_OK ? SLICE("") : slice_str(error_text(e)));
    } else {
        query(m, verb, &out, e);
    }
    buf_free(&out);
    return m;
}

enum { WORDS = 4 };

/* Bytes of the words behind the verb; in[0] is always there. 0: not base64, or too many. */
static unsigned words_read(struct arena *a, struct slice rest, struct slice in[WORDS])
{
    unsigned count = 0;
    do {
        struct slice word = slice_split(rest, ' ', &rest);
        if (count == WORDS || base64_decode(a, word, BASE64_STRICT, &in[count++]) != CIMF_OK) return 0;
        in[count - 1] = arena_dup(a, in[count - 1]); /* with a NUL behind it */
    } while (rest.p);
    return count;
}

int main(int argc, char **argv)
{
    static char line[400000];
    struct error e = ERROR_INIT;
    struct account account = { SLICE_NULL, SLICE_NULL };
    bool pairs = argc > 2 && (strstr(argv[2], "kerberos") || strstr(argv[2], "both"));
    if (argc < 3 || (!pairs && (argc < 6 || argc > 7))) return 2;
    if (!pairs) account = (struct account){ slice_str(argv[3]), slice_str(argv[5]) };
    struct mech *m = make(argv, &account, &e);
    if (!m) {
        fprintf(stderr, "%s\n", error_text(&e));
        return 1;
    }
    while (fgets(line, sizeof line, stdin)) {
        struct arena a;
        struct slice in[WORDS], rest;
        struct slice verb = slice_split(slice_trim(slice_str(line)), ' ', &rest);
        arena_init(&a, 0);
        char *word = arena_strz(&a, verb);
        unsigned count = words_read(&a, rest, in);
        if (count && word) {
            m = answer(m, word, in, count, &e);
        } else {
            bad();
        }
        arena_free(&a);
    }
    mech_free(m);
    return 0;
}
