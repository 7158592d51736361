/* TSRequest and TSCredentials: the example of MS-CSSP 4, every field, both forms of errorCode, hostile DER. */
#include "mech/credssp_request.h"
#include "mech/test_hex.h"

/* MS-CSSP 4: credentials of a smart card. */
static const char smart_card[] =
    "30 82 01 0f a0 03 02 01 02 a1 82 01 06 04 82 01 02 30 81 ff a0 1a 04 18 62 00 62 00 62 00 62 00"
    "62 00 62 00 62 00 62 00 62 00 62 00 62 00 62 00 a1 81 e0 30 81 dd a0 03 02 01 01 a2 2e 04 2c 4f"
    "00 4d 00 4e 00 49 00 4b 00 45 00 59 00 20 00 43 00 61 00 72 00 64 00 4d 00 61 00 6e 00 20 00 33"
    "00 78 00 32 00 31 00 20 00 30 00 a3 50 04 4e 6c 00 65 00 2d 00 4d 00 53 00 53 00 6d 00 61 00 72"
    "00 74 00 63 00 61 00 72 00 64 00 55 00 73 00 65 00 72 00 2d 00 38 00 62 00 64 00 61 00 30 00 31"
    "00 39 00 66 00 2d 00 31 00 32 00 36 00 36 00 2d 00 2d 00 35 00 33 00 32 00 36 00 38 00 a4 54 04"
    "52 4d 00 69 00 63 00 72 00 6f 00 73 00 6f 00 66 00 74 00 20 00 42 00 61 00 73 00 65 00 20 00 53"
    "00 6d 00 61 00 72 00 74 00 20 00 43 00 61 00 72 00 64 00 20 00 43 00 72 00 79 00 70 00 74 00 6f"
    "00 20 00 50 00 72 00 6f 00 76 00 69 00 64 00 65 00 72 00";

static void example_of_the_specification(void **state)
{
    unsigned char bytes[512];
    struct credssp_credentials k;
    size_t n = hex_bytes(smart_card, bytes, sizeof bytes);
    assert_int_equal(n, 275);
    assert_int_equal(credssp_credentials_read(slice_of((char *)bytes, n), &k, NULL), CIMF_OK);
    assert_int_equal(k.kind, CREDSSP_SMART_CARD);
    assert_int_equal(k.password.n, 0);
    for (size_t cut = 0; cut < n; cut++)
        assert_int_equal(credssp_credentials_read(slice_of((char *)bytes, cut), &k, NULL),
                         CIMF_BAD_REQUEST);
}

static void passwords(void **state)
{
    struct credssp_credentials k;
    struct buf b;
    buf_init(&b, 0);
    assert_true(credssp_credentials_write(&b, SLICE("D"), SLICE("\xc3\xa9"), SLICE("")));
    assert_int_equal(b.n, 29);
    assert_hex(b.p, "30 1b a0 03 02 01 01 a1 14 04 12 30 10 a0 04 04 02 44 00 a1 04 04 02 e9 00 a2 02 04 00");
    assert_int_equal(credssp_credentials_read(buf_slice(&b), &k, NULL), CIMF_OK);
    assert_int_equal(k.kind, CREDSSP_PASSWORD);
    assert_int_equal(k.user.n, 2);
    assert_memory_equal(k.user.p, "\xe9\0", 2);
    buf_clear(&b);
    assert_false(credssp_credentials_write(&b, SLICE("\xff"), SLICE(""), SLICE("")));
    static char many[CREDSSP_CREDENTIAL_MAX];
    memset(many, 'x', sizeof many);
    buf_clear(&b);
    assert_true(credssp_credentials_write(&b, SLICE(""), SLICE(""), slice_of(many, sizeof many / 2)));
    assert_int_equal(credssp_credentials_read(buf_slice(&b), &k, NULL), CIMF_OK);
    buf_clear(&b);
    assert_false(
        credssp_credentials_write(&b, SLICE(""), SLICE(""), slice_of(many, sizeof many / 2 + 1)));
    buf_free(&b);
}

static void requests(void **state)
{
    static const char nonce[CREDSSP_NONCE] = "nonce";
    struct credssp_request r = { .version = 6,
                                 .token = SLICE("tok"),
                                 .auth_info = SLICE("ai"),
                                 .public_key = SLICE("pk"),
                                 .nonce = slice_of(nonce, sizeof nonce),
                                 .error = 0xC000006D },
                           got;
    struct buf b;
    buf_init(&b, 0);
    assert_true(credssp_request_write(&b, &r));
    assert_hex(b.p, "30 4a a0 03 02 01 06 a1 0b 30 09 30 07 a0 05 04 03 74 6f 6b a2 04 04 02 61 69 a3 04 04 02"
                    "70 6b a4 06 02 04 c0 00 00 6d a5 22 04 20");
    assert_int_equal(credssp_request_read(buf_slice(&b), &got, NULL), CIMF_OK);
    assert_int_equal(got.version, 6);
    assert_slice(got.token, "tok");
    assert_slice(got.auth_info, "ai");
    assert_slice(got.public_key, "pk");
    assert_int_equal(got.nonce.n, CREDSSP_NONCE);
    assert_int_equal(got.error, 0xC000006D);
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(credssp_request_read(slice_of(b.p, n), &got, NULL), CIMF_BAD_REQUEST);
    buf_free(&b);
}

static void forms(void **state)
{
    static const struct {
        const char *hex;
        cimf_status status;
        const char *subject;
        uint32_t error;
    } rows[] = {
        { "30 05 a0 03 02 01 02", CIMF_OK, "", 0 },
        { "30 07 a0 03 02 01 02 a1 00", CIMF_BAD_REQUEST, "negoTokens", 0 },
        { "30 09 a0 03 02 01 02 a1 02 30 00", CIMF_OK, "", 0 },
        { "30 0f a0 03 02 01 06 a4 08 02 06 00 00 c0 00 00 6d", CIMF_BAD_REQUEST, "errorCode", 0 },
        { "30 0e a0 03 02 01 06 a4 07 02 05 00 c0 00 00 6d", CIMF_OK, "", 0xC000006D },
        { "30 0d a0 03 02 01 06 a4 06 02 04 c0 00 00 6d", CIMF_OK, "", 0xC000006D },
        { "30 0a a0 03 02 01 06 a4 03 02 01 05", CIMF_OK, "", 5 },
        { "30 09 a0 03 02 01 06 a4 02 02 00", CIMF_BAD_REQUEST, "errorCode", 0 },
        { "30 0a a0 03 02 01 06 a5 03 04 01 00", CIMF_BAD_REQUEST, "clientNonce", 0 },
        { "30 05 a0 03 02 01 ff", CIMF_BAD_REQUEST, "version", 0 },
        { "30 00", CIMF_BAD_REQUEST, "version", 0 },
        { "30 05 a1 03 02 01 02", CIMF_BAD_REQUEST, "version", 0 },
        { "30 05 a0 03 02 01 02 00", CIMF_BAD_REQUEST, "TSRequest", 0 },
        { "30 84 7f ff ff ff a0 03 02 01 02", CIMF_BAD_REQUEST, "TSRequest", 0 },
        { "30 0b a0 03 02 01 02 a2 84 ff ff ff ff", CIMF_BAD_REQUEST, "authInfo", 0 },
        { "30 07 a0 03 02 01 02 a3 00", CIMF_BAD_REQUEST, "pubKeyAuth", 0 },
        { "30 08 a0 03 02 01 02 a6 01 00", CIMF_BAD_REQUEST, "TSRequest", 0 },
        /* two tokens */
        { "30 17 a0 03 02 01 02 a1 10 30 0e 30 05 a0 03 04 01 61 30 05 a0 03 04 01 61", CIMF_BAD_REQUEST,
          "negoTokens", 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned char bytes[64];
        struct credssp_request r;
        struct error e = ERROR_INIT;
        size_t n = hex_bytes(rows[i].hex, bytes, sizeof bytes);
        if (credssp_request_read(slice_of((char *)bytes, n), &r, &e) != rows[i].status)
            fail_msg("row %zu", i);
        assert_string_equal(e.subject, rows[i].subject);
        if (rows[i].status == CIMF_OK) assert_int_equal(r.error, rows[i].error);
    }
}

static void error_numbers(void **state)
{
    static const uint32_t numbers[] = { 1, 0x7f, 0x80, 0xff, 0x8000, 0x800000, 0x7fffffff, 0x80000000, 0xffffffff };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct credssp_request r = { .version = 6, .error = numbers[i] }, got;
        struct buf b;
        buf_init(&b, 0);
        assert_true(credssp_request_write(&b, &r));
        assert_int_equal(credssp_request_read(buf_slice(&b), &got, NULL), CIMF_OK);
        assert_int_equal(got.error, numbers[i]);
        buf_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example_of_the_specification), cmocka_unit_test(passwords),
        cmocka_unit_test(requests),                     cmocka_unit_test(forms),
        cmocka_unit_test(error_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
