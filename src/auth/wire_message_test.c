/* The messages between core and broker: both directions, every truncation, lengths that lie. */
#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth/broker_serve.h"

#define ID "01234567-89ab-4def-8123-456789abcdef"

static struct wire_question *questions(unsigned *count)
{
    static struct slice ids[] = { { ID, 36 }, { ID, 36 } };
    static struct wire_question q[] = {
        { .kind = WIRE_PASSWORD, .id = 1, .password = { SLICE("alice"), SLICE("secret"), SLICE("::1"), AUTH_BASIC } },
        { .kind = WIRE_DIGEST, .id = 2, .digest = { .algorithm = DIGEST_SHA256, .qop = DIGEST_QOP_AUTH,
          .username = SLICE("alice"), .realm = SLICE("WSMAN"), .nonce = SLICE("n"), .uri = SLICE("/"),
          .response = SLICE("00"), .cnonce = SLICE("c"), .opaque = SLICE(""), .nc = 7, .nc_text = SLICE("00000007"),
          .userhash = true }, .ha2 = "0123456789abcdef", .ha2_reply = "ff", .address = SLICE("::1") },
        { .kind = WIRE_CERTIFICATE, .id = 3, .certificate = SLICE("cert"), .issuer = SLICE(""), .address = SLICE("::1") },
        { .kind = WIRE_REFRESH, .id = 4, .principals = ids, .principal_count = 1 },
        { .kind = WIRE_RELOAD, .id = 5 },
        { .kind = WIRE_STEP, .id = UINT64_MAX, .exchange = 9, .token = SLICE("token\0more") },
        { .kind = WIRE_EXCHANGE, .exchange = 9, .config = { AUTH_MECH_KERBEROS, AUTH_SERVICE_RPC, MECH_SIGN,
          MECH_BINDING_STRICT, SLICE("tls-server-end-point:x"), SLICE("\1x"), SLICE("192.0.2.1") } },
        { .kind = WIRE_EXCHANGE_END, .exchange = 9 },
        { .kind = WIRE_RELEASE, .principals = ids, .principal_count = 2 },
        { .kind = WIRE_LOOK },
        { .kind = WIRE_MAPPING, .id = 6, .principals = ids, .principal_count = 1, .from = 3, .mapping = { AUTH_MAPPING_PUT,
          { SLICE("0123"), SLICE("*"), SLICE("http://x"), SLICE("alice"), true }, true } },
    };
    *count = sizeof q / sizeof q[0];
    return q;
}

static const struct principal *somebody(void)
{
    static const struct slice groups[] = { { "a", 1 }, { "Event Log Readers", 17 } }, uris[] = { { "http://x/*", 10 } };
    struct sid more;
    assert_true(sid_parse(SLICE("S-1-5-21-1-2-3-513"), &more));
    struct principal_data d = { .name = SLICE("alice"), .domain = SLICE("EXAMPLE.NET"), .groups = groups,
        .group_count = 2, .administrator = true, .has_posix = true, .uid = 1000, .gid = 1001, .scheme = AUTH_KERBEROS,
        .sid = "S-1-5-21-1-2-3-1104", .more = &more, .more_count = 1, .uri_patterns = uris, .uri_pattern_count = 1 };
    const struct principal *p = principal_make(&d);
    assert_non_null(p);
    return p;
}

static struct wire_answer *answers(const struct principal *p, unsigned *count)
{
    static struct wire_answer a[8];
    static const struct certmap_row rows[] = {
        { SLICE("01"), SLICE("*"), SLICE("http://x"), SLICE("alice"), true }, { SLICE("02"), SLICE("s"), SLICE("*"), SLICE(""), false },
    };
    a[0] = (struct wire_answer){ .kind = WIRE_HELLO, .version = 1, .generation = 3, .cache_us = -1 };
    a[1] = (struct wire_answer){ .kind = WIRE_GENERATION, .generation = 4 };
    a[2] = (struct wire_answer){ .kind = WIRE_ANSWER, .id = 1, .status = CIMF_NOT_AUTHENTICATED };
    a[3] = (struct wire_answer){ .kind = WIRE_ANSWER, .id = 2, .rspauth = SLICE("0123"), .principal = p };
    a[4] = (struct wire_answer){ .kind = WIRE_STEP_ANSWER, .id = 3, .result = MECH_CONTINUE, .token = SLICE("t") };
    a[5] = (struct wire_answer){ .kind = WIRE_STEP_ANSWER, .id = 4, .result = MECH_COMPLETE, .token = SLICE(""),
                                 .context = SLICE("context"), .mechanism = SLICE("NTLM"), .principal = p };
    a[6] = a[5]; /* the last one has a principal */
    a[5] = (struct wire_answer){ .kind = WIRE_MAPPINGS, .id = 5, .generation = 9, .next = 2, .rows = rows, .row_count = 2 };
    a[7] = a[6];
    a[6] = (struct wire_answer){ .kind = WIRE_MAPPINGS, .id = 5, .status = CIMF_NOT_FOUND, .reason = SLICE("why") };
    *count = 8;
    return a;
}

/* Cut at each byte, one byte longer, each byte changed: refused or at least harmless. */
static void torture(struct slice message, cimf_status (*read)(struct arena *a, struct slice m))
{
    struct arena arena;
    char *copy = malloc(message.n + 1);
    arena_init(&arena, 8 << 20);
    for (size_t n = 0; n < message.n; n++) {
        char *cut = malloc(n + 1); /* of its own size, for the address sanitizer */
        memcpy(cut, message.p, n);
        assert_int_equal(read(&arena, slice_of(cut, n)), CIMF_PROTOCOL_ERROR);
        free(cut);
    }
    memcpy(copy, message.p, message.n);
    copy[message.n] = 0;
    assert_int_equal(read(&arena, slice_of(copy, message.n + 1)), CIMF_PROTOCOL_ERROR);
    for (size_t i = 0; i < message.n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            copy[i] ^= (char)(1 << bit);
            read(&arena, slice_of(copy, message.n));
            copy[i] ^= (char)(1 << bit);
            arena_reset(&arena);
        }
    }
    arena_free(&arena);
    free(copy);
}

static cimf_status read_question(struct arena *a, struct slice m)
{
    struct wire_question q;
    return wire_question_read(a, m, &q, NULL);
}
static cimf_status read_answer(struct arena *a, struct slice m)
{
    struct wire_answer x;
    return wire_answer_read(a, m, &x, NULL);
}

/* CIMFONY_SEEDS names a folder: the messages are put there, as seeds for the fuzz target. */
static void seed(const char *what, unsigned i, struct slice m)
{
    const char *folder = getenv("CIMFONY_SEEDS");
    char name[256];
    if (!folder) return;
    snprintf(name, sizeof name, "%s/%s-%u", folder, what, i);
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    fwrite(m.p, 1, m.n, f);
    fclose(f);
}

static void messages(void **state)
{
    const struct principal *p = somebody();
    struct buf b, again;
    struct arena arena;
    unsigned count;
    struct wire_question *q = questions(&count), back;
    buf_init(&b, WIRE_MESSAGE_MAX);
    buf_init(&again, WIRE_MESSAGE_MAX);
    arena_init(&arena, 0);
    for (unsigned i = 0; i < count; i++) {
        buf_clear(&b);
        buf_clear(&again);
        assert_true(wire_question_write(&q[i], &b));
        assert_int_equal(wire_question_read(&arena, buf_slice(&b), &back, NULL), CIMF_OK);
        assert_true(back.kind == q[i].kind && back.id == q[i].id);
        assert_true(wire_question_write(&back, &again) && slice_eq(buf_slice(&b), buf_slice(&again)));
        torture(buf_slice(&b), read_question);
        seed("question", i, buf_slice(&b));
    }
    struct wire_answer *a = answers(p, &count), read;
    for (unsigned i = 0; i < count; i++) {
        buf_clear(&b);
        assert_true(wire_answer_write(&a[i], &b));
        assert_int_equal(wire_answer_read(&arena, buf_slice(&b), &read, NULL), CIMF_OK);
        assert_true(read.kind == a[i].kind && read.status == a[i].status && read.has_data == (a[i].principal != NULL));
        torture(buf_slice(&b), read_answer);
        seed("answer", i, buf_slice(&b));
    }
    const struct principal *r = principal_make(&read.data); /* the last one */
    assert_true(principal_same(p, r) && strcmp(p->id, r->id) == 0 && r->administrator && r->uid == 1000 && r->gid == 1001);
    assert_true(r->group_count == 2 && slice_is(r->groups[1], "Event Log Readers") && r->scheme == AUTH_KERBEROS);
    assert_true(r->uri_pattern_count == 1 && slice_is(r->uri_patterns[0], "http://x/*"));
    assert_true(r->token->count == p->token->count && r->token->security && r->token->take_ownership);
    for (unsigned i = 0; i < r->token->count; i++) assert_true(sid_eq(&r->token->sids[i], &p->token->sids[i]));
    principal_unref(r);
    principal_unref(p);
    /* Too long to be written. */
    static char big[WIRE_MESSAGE_MAX];
    struct wire_question long_one = { .kind = WIRE_PASSWORD, .password.user = { big, WIRE_TEXT_MAX + 1 } };
    assert_false(wire_question_write(&long_one, &b));
    buf_free(&b);
    buf_free(&again);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
