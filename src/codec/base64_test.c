/* Vectors of RFC 4648 section 10, round trips, and what must be refused. */
#include "base/test.h"

#include "codec/base64.h"

static const char *const vectors[][2] = {
    { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
    { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
};

static void rfc_vectors(void **state)
{
    struct arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct buf b;
        struct slice out;
        buf_init(&b, 0);
        assert_true(base64_encode(&b, slice_str(vectors[i][0])));
        assert_true(slice_is(buf_slice(&b), vectors[i][1]));
        assert_int_equal(b.n, base64_encoded_size(strlen(vectors[i][0])));
        assert_int_equal(base64_decode(&a, buf_slice(&b), BASE64_STRICT, &out), CIMF_OK);
        assert_true(slice_is(out, vectors[i][0]));
        assert_int_equal(out.p[out.n], 0);
        buf_free(&b);
    }
    arena_free(&a);
}

static void every_byte_round_trips(void **state)
{
    struct arena a;
    unsigned char bytes[512];
    for (unsigned i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(i * 7 + i / 256);
    for (size_t n = 0; n <= sizeof bytes; n++) {
        struct buf b;
        struct slice out;
        arena_init(&a, 0);
        buf_init(&b, 0);
        assert_true(base64_encode(&b, slice_of((char *)bytes, n)));
        assert_int_equal(base64_decode(&a, buf_slice(&b), BASE64_STRICT, &out), CIMF_OK);
        assert_int_equal(out.n, n);
        if (n) assert_memory_equal(out.p, bytes, n);
        buf_free(&b);
        arena_free(&a);
    }
}

static void refused(void **state)
{
    static const char *const bad[] = { "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm8==", "=", "==",
        "====", "Z===", "Zg==Zg==", "Zm9v=", "Zm9v\n", " Zm9v", "Zm-v", "Zm_v", "Zm9\xc3", "Zg=a",
        "Zm9v====" };
    struct arena a;
    struct slice out;
    arena_init(&a, 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(base64_decode(&a, slice_str(bad[i]), BASE64_STRICT, &out),
                         CIMF_BAD_REQUEST);
        assert_null(out.p);
    }
    assert_int_equal(base64_decode(&a, slice_of("Zm9v\0", 5), BASE64_STRICT, &out),
                     CIMF_BAD_REQUEST);
    assert_int_equal(base64_decode(&a, SLICE("\r\n Z g=\t= "), BASE64_XML, &out), CIMF_OK);
    assert_true(slice_is(out, "f"));
    assert_int_equal(base64_decode(&a, SLICE("Zg==Zg=="), BASE64_XML, &out), CIMF_BAD_REQUEST);
    arena_free(&a);
}

static void no_memory(void **state)
{
    struct arena a;
    struct slice out;
    struct buf b;
    char text[4096];
    memset(text, 'A', sizeof text);
    arena_init(&a, 1024);
    assert_int_equal(base64_decode(&a, slice_of(text, sizeof text), BASE64_STRICT, &out),
                     CIMF_OUT_OF_MEMORY);
    buf_init(&b, 100);
    assert_false(base64_encode(&b, slice_of(text, sizeof text)));
    assert_false(buf_ok(&b));
    assert_true(base64_encoded_size(SIZE_MAX) == SIZE_MAX);
    buf_free(&b);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_vectors),
        cmocka_unit_test(every_byte_round_trips),
        cmocka_unit_test(refused),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
