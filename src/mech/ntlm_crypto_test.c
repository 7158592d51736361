/* Every calculation of MS-NLMP 4.2. */
#include "mech/ntlm_crypto.h"
#include "mech/ntlm_message.h"
#include "mech/test_hex.h"

static const unsigned char challenge[8] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef };
static const unsigned char client_challenge[8] = { 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa };
static const unsigned char random_key[16] = { 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
                                              0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55 };

static void version_1(void **state)
{
    unsigned char nt[16], lm[16], base[16], key[16], out[16], response[24], lm_response[24];
    assert_true(ntlm_lmowf_v1(SLICE("Password"), lm));
    assert_hex(lm, "e52cac67419a9a22 4a3b108f3fa6cb6d");
    assert_true(ntlm_ntowf_v1(SLICE("Password"), nt));
    assert_hex(nt, "a4f49c406510bdca b6824ee7c30fd852");
    ntlm_v1_base_key(nt, base);
    assert_hex(base, "d87262b0cde4b1cb 7499becccdf10784");
    ntlm_desl(nt, challenge, response);
    assert_hex(response, "67c43011f30298a2 ad35ece64f16331c 44bdbed927841f94");
    ntlm_desl(lm, challenge, lm_response);
    assert_hex(lm_response, "98def7b87f88aa5d afe2df779688a172 def11c7d5ccdef13");
    assert_true(ntlm_v1_kxkey(0, base, NULL, lm_response, challenge, key));
    ntlm_rc4k(key, random_key, out);
    assert_hex(out, "518822b1b3f350c8 958682ecbb3e3cb7");
    assert_false(ntlm_v1_kxkey(NTLM_LM_KEY, base, NULL, lm_response, challenge, key));
    assert_true(ntlm_v1_kxkey(NTLM_NON_NT_KEY, base, lm, lm_response, challenge, key));
    ntlm_rc4k(key, random_key, out);
    assert_hex(out, "7452ca55c225a1ca 04b48fae32cf56fc");
    assert_true(ntlm_v1_kxkey(NTLM_LM_KEY, base, lm, lm_response, challenge, key));
    assert_hex(key, "b09e379f7fbecb1e af0afdcb0383c8a0");
    ntlm_rc4k(key, random_key, out);
    assert_hex(out, "4cd7bb57d697ef9b 549f02b8f9b37864");
    assert_false(ntlm_lmowf_v1(SLICE("fifteen letters"), lm));
    assert_false(ntlm_lmowf_v1(SLICE("p\xc3\xa4ss"), lm));
}

static void version_1_with_client_challenge(void **state)
{
    unsigned char nt[16], base[16], key[16], out[16], response[24], lm_response[24] = { 0 };
    uint32_t flags = 0x820a8233;
    memcpy(lm_response, client_challenge, 8);
    assert_true(ntlm_ntowf_v1(SLICE("Password"), nt));
    ntlm_v1_base_key(nt, base);
    ntlm_v1_ess(nt, challenge, client_challenge, response);
    assert_hex(response, "7537f803ae367128 ca458204bde7caf8 1e97ed2683267232");
    assert_true(ntlm_v1_kxkey(flags, base, NULL, lm_response, challenge, key));
    assert_hex(key, "eb93429a8bd952f8 b89c55b87f475edc");
    ntlm_sign_key(flags, key, true, out);
    assert_hex(out, "60e799be5c72fc92 922ae8ebe961fb8d");
    assert_int_equal(ntlm_seal_key(flags, key, true, out), 16);
    assert_hex(out, "04dd7f014d8504d2 65a25cc86a3a7c06");
}

static void version_2(void **state)
{
    unsigned char nt[16], out[16], lm[24], bytes[256];
    struct ntlm_v2_proof p;
    struct buf blob;
    buf_init(&blob, 0);
    assert_true(ntlm_ntowf_v1(SLICE("Password"), nt));
    assert_true(ntlm_ntowf_v2(nt, SLICE("User"), SLICE("Domain"), p.response_key));
    assert_hex(p.response_key, "0c868a403bfd7a93 a3001ef22ef02e3f");
    size_t n =
        hex_bytes("02000c0044006f006d00610069006e00 01000c0053006500720076006500720000000000",
                  bytes, sizeof bytes);
    assert_true(ntlm_v2_blob_write(&blob, 0, client_challenge, slice_of((char *)bytes, n)));
    n = hex_bytes(
        "01010000000000000000000000000000 aaaaaaaaaaaaaaaa00000000"
        "02000c0044006f006d00610069006e00 01000c00530065007200760065007200 0000000000000000",
        bytes, sizeof bytes);
    assert_int_equal(blob.n, n);
    assert_memory_equal(blob.p, bytes, n);
    ntlm_v2_prove(&p, challenge, buf_slice(&blob));
    assert_hex(p.proof, "68cd0ab851e51c96 aabc927bebef6a1c");
    assert_hex(p.base_key, "8de40ccadbc14a82 f15cb0ad0de95ca3");
    ntlm_lm_v2(p.response_key, challenge, client_challenge, lm);
    assert_hex(lm, "86c35097ac9cec10 2554764a57cccc19 aaaaaaaaaaaaaaaa");
    ntlm_rc4k(p.base_key, random_key, out);
    assert_hex(out, "c5dad2544fc97990 94ce1ce90bc9d03e");
    ntlm_sign_key(0xe28a8233, random_key, true, out);
    assert_hex(out, "4788dc861b4782f3 5d43fd98fe1a2d39");
    assert_int_equal(ntlm_seal_key(0xe28a8233, random_key, true, out), 16);
    assert_hex(out, "59f600973cc4960a 25480a7c196e4c58");
    buf_free(&blob);
}

static void names(void **state)
{
    unsigned char nt[16] = { 1 }, a[16], b[16];
    assert_true(ntlm_ntowf_v2(nt, SLICE("j\xc3\xbcrgen"), SLICE("d"), a));
    assert_true(ntlm_ntowf_v2(nt, SLICE("J\xc3\x9cRGEN"), SLICE("d"), b));
    assert_memory_equal(a, b, 16);
    assert_true(
        ntlm_ntowf_v2(nt, SLICE("J\xc3\x9cRGEN"), SLICE("D"), b)); /* domains keep their case */
    assert_memory_not_equal(a, b, 16);
    assert_false(ntlm_ntowf_v2(nt, SLICE("j\xff"), SLICE("d"), a));
    assert_false(ntlm_ntowf_v1(SLICE("\xc3"), a));
    assert_true(ntlm_ntowf_v1(SLICE(""), a));
    assert_hex(a, "31d6cfe0d16ae931b73c59d7e0c089c0");
}

static void short_keys(void **state)
{
    unsigned char out[16];
    assert_int_equal(ntlm_seal_key(NTLM_LM_KEY | NTLM_56, random_key, true, out), 8);
    assert_hex(out, "55555555555555a0");
    assert_int_equal(ntlm_seal_key(NTLM_LM_KEY, random_key, true, out), 8);
    assert_hex(out, "5555555555e538b0");
    assert_int_equal(ntlm_seal_key(0, random_key, true, out), 16);
    assert_memory_equal(out, random_key, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1),  cmocka_unit_test(version_1_with_client_challenge),
        cmocka_unit_test(version_2),  cmocka_unit_test(names),
        cmocka_unit_test(short_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
