/* Protected bodies: both directions, and everything that may be wrong with one. NTLM on both sides, with the keys of
 * a finished login. */
#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "net/http_protect.h"
#include "net/http_protect_pair.h"

#define TYPE "multipart/encrypted;protocol=\"application/HTTP-SPNEGO-session-encrypted\";boundary=\"Encrypted Boundary\""
#define SOAP "application/soap+xml;charset=UTF-8"

struct both {
    struct http_protect client, server;
    struct arena arena;
    struct buf body;
    struct slice outer, text, original;
    struct error e;
};

static void both_init(struct both *b, enum http_protect_kind kind)
{
    memset(b, 0, sizeof *b);
    b->client.kind = b->server.kind = kind;
    http_protect_pair(&b->client.mech, &b->server.mech);
    arena_init(&b->arena, 0);
    buf_init(&b->body, 0);
}

static void both_free(struct both *b)
{
    mech_free(b->client.mech);
    mech_free(b->server.mech);
    arena_free(&b->arena);
    buf_free(&b->body);
}

/* The receiving side as it was. */
static void renew(struct both *b)
{
    struct mech *client;
    mech_free(b->server.mech);
    http_protect_pair(&client, &b->server.mech);
    mech_free(client);
}

static void seal(struct both *b, const char *text)
{
    struct slice s[] = { slice_head(slice_str(text), 3), slice_sub(slice_str(text), 3) };
    buf_clear(&b->body);
    assert_int_equal(http_protect_seal(&b->client, &b->arena, SLICE(SOAP), s, 2, &b->body, &b->outer, &b->e), CIMF_OK);
}

/* In memory of exactly that size, so that a sanitizer sees a step too far. */
static cimf_status open_bytes(struct both *b, struct slice type, struct slice body, char **keep)
{
    char *exact = malloc(body.n ? body.n : 1);
    memcpy(exact, body.p, body.n);
    b->e = (struct error)ERROR_INIT;
    cimf_status status = http_protect_open(&b->server, &b->arena, type, exact, body.n, &b->text, &b->original, &b->e);
    if (keep && status == CIMF_OK) *keep = exact;
    else free(exact);
    return status;
}

/* covers: security:S36 */
static void test_round_trip(void **state)
{
    for (int kind = HTTP_PROTECT_SPNEGO; kind <= HTTP_PROTECT_KERBEROS; kind++) {
        struct both b;
        both_init(&b, (enum http_protect_kind)kind);
        for (int i = 0; i < 3; i++) {
            char *keep = NULL;
            seal(&b, "<question number='1'/>");
            assert_true(http_protect_is(b.outer));
            assert_null(memmem(b.body.p, b.body.n, "question", 8));
            assert_int_equal(open_bytes(&b, b.outer, buf_slice(&b.body), &keep), CIMF_OK);
            assert_slice(b.text, "<question number='1'/>");
            assert_int_equal(b.text.p[b.text.n], 0);
            assert_slice(b.original, SOAP);
            free(keep);
        }
        both_free(&b);
    }
}

/* The layout of MS-WSMV 2.2.9.1.1, byte by byte. */
static void test_layout(void **state)
{
    static const char head[] = "--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n"
                               "\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=7\r\n"
                               "--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n\x10\0\0\0\x01\0\0\0";
    static const char tail[] = "--Encrypted Boundary--\r\n";
    struct both b;
    both_init(&b, HTTP_PROTECT_SPNEGO);
    seal(&b, "<hello>");
    assert_slice(b.outer, TYPE);
    assert_int_equal(b.body.n, sizeof head - 1 + 12 + 7 + sizeof tail - 1);
    assert_memory_equal(b.body.p, head, sizeof head - 1);
    assert_memory_equal(b.body.p + b.body.n - (sizeof tail - 1), tail, sizeof tail - 1);
    /* What some servers write: a blank in the boundary, and no line end behind the last one. */
    struct buf other;
    buf_init(&other, 0);
    buf_lit(&other, "-- Encrypted Boundary\r\n");
    buf_add(&other, b.body.p + 22, b.body.n - 24);
    char *keep = NULL;
    assert_int_equal(open_bytes(&b, SLICE(TYPE), buf_slice(&other), &keep), CIMF_OK);
    assert_slice(b.text, "<hello>");
    free(keep);
    buf_free(&other);
    both_free(&b);
}

static void test_truncated(void **state)
{
    struct both b;
    both_init(&b, HTTP_PROTECT_SPNEGO);
    seal(&b, "<hello/>");
    for (size_t n = 0; n < b.body.n; n++) {
        if (n == b.body.n - 2) continue; /* without the last line end it is whole */
        assert_int_not_equal(open_bytes(&b, b.outer, slice_of(b.body.p, n), NULL), CIMF_OK);
        renew(&b);
    }
    both_free(&b);
}

/* Nothing that was sealed or that says how to open it can be changed. */
static void test_flipped(void **state)
{
    struct both b;
    both_init(&b, HTTP_PROTECT_SPNEGO);
    seal(&b, "<hello/>");
    size_t sealed = b.body.n - 24 - 8 - 16;
    for (size_t i = 0; i < b.body.n; i++) {
        b.body.p[i] ^= 0x20;
        cimf_status status = open_bytes(&b, b.outer, buf_slice(&b.body), NULL);
        if (i >= sealed && i < b.body.n - 24) assert_int_equal(status, CIMF_ACCESS_DENIED);
        else if (status == CIMF_OK) assert_slice(b.text, "<hello/>"); /* the name of the text's type */
        b.body.p[i] ^= 0x20;
        renew(&b);
    }
    both_free(&b);
}

static void test_replay(void **state)
{
    struct both b;
    both_init(&b, HTTP_PROTECT_SPNEGO);
    seal(&b, "<hello/>");
    char *keep = NULL;
    assert_int_equal(open_bytes(&b, b.outer, buf_slice(&b.body), &keep), CIMF_OK);
    free(keep);
    assert_int_equal(open_bytes(&b, b.outer, buf_slice(&b.body), NULL), CIMF_ACCESS_DENIED);
    assert_int_not_equal(open_bytes(&b, b.outer, buf_slice(&b.body), NULL), CIMF_OK);
    both_free(&b);
}

static void test_refused(void **state)
{
#define PART "--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n"
#define SECOND "--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
#define END "--Encrypted Boundary--\r\n"
    static const struct {
        const char *type;
        struct slice body;
    } rows[] = {
        { "text/xml", SLICE("") },
        { "multipart/encrypted", SLICE("") },
        { "multipart/encrypted;protocol=\"application/HTTP-CredSSP-session-encrypted\";boundary=\"Encrypted Boundary\"", SLICE("") },
        { "multipart/encrypted;protocol=\"application/HTTP-Kerberos-session-encrypted\"", SLICE("") },
        { "multipart/x-multi-encrypted;protocol=\"application/HTTP-SPNEGO-session-encrypted\"", SLICE("") },
        { TYPE, SLICE("") },
        { TYPE, SLICE(PART SECOND "\0\0\0\0" END) },
        { TYPE, SLICE(PART "\tOriginalContent: type=a;Length=-1\r\n" SECOND "\0\0\0\0" END) },
        { TYPE, SLICE(PART "\tOriginalContent: type=a;Length=99999999999\r\n" SECOND "\0\0\0\0" END) },
        { TYPE, SLICE(PART "\tOriginalContent: type=a;Length=\r\n" SECOND "\0\0\0\0" END) },
        { TYPE, SLICE(PART "\tOriginalContent: a;Length=1\r\n" SECOND "\0\0\0\0" END) },
        { TYPE, SLICE(PART "OriginalContent: type=a;Length=1\r\n" SECOND "\0\0\0\0" END) },
        { TYPE, SLICE(PART "\tOriginalContent: type=a;Length=1\r\n" SECOND "\0\0\0" END) },
        { TYPE, SLICE(PART "\tOriginalContent: type=a;Length=1\r\n" SECOND "\xff\xff\xff\xff" "abcd" END) },
        { TYPE, SLICE(PART "\tOriginalContent: type=a;Length=1\r\n" SECOND "\x05\0\0\0" "abcd" END) },
        { TYPE, SLICE(PART "\tOriginalContent: type=a;Length=0\r\n" SECOND "\0\0\0\0" END) },
        { TYPE, SLICE(PART "\tOriginalContent: type=a;Length=0\r\n" SECOND "\x10\0\0\0" "0123456789abcdef" END) },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct both b;
        both_init(&b, HTTP_PROTECT_SPNEGO);
        assert_int_not_equal(open_bytes(&b, slice_str(rows[i].type), rows[i].body, NULL), CIMF_OK);
        assert_true(b.e.text[0]);
        both_free(&b);
    }
    /* A length that is not the text's, though the signature is right. */
    struct both b;
    both_init(&b, HTTP_PROTECT_SPNEGO);
    seal(&b, "<hello/>");
    char *length = memmem(b.body.p, b.body.n, "Length=8", 8);
    length[7] = '7';
    assert_int_equal(open_bytes(&b, b.outer, buf_slice(&b.body), NULL), CIMF_BAD_REQUEST);
    assert_non_null(strstr(b.e.text, "Length"));
    /* Nothing is not protected. */
    struct slice none = SLICE("");
    assert_int_equal(http_protect_seal(&b.client, &b.arena, SLICE(""), &none, 1, &b.body, &b.outer, &b.e), CIMF_INVALID_OPERATION);
    both_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_layout), cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_flipped), cmocka_unit_test(test_replay), cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
