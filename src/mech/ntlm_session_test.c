/* The GSS_WrapEx examples of MS-NLMP 4.2, both ends against each other, and every flipped bit. */
#include "mech/ntlm_message.h"
#include "mech/ntlm_session.h"
#include "mech/test_hex.h"

static const unsigned char plaintext[18] = "P\0l\0a\0i\0n\0t\0e\0x\0t";
static const unsigned char random_key[16] = { 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
                                              0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55 };
enum { STRONG = NTLM_ESS | NTLM_128 | NTLM_KEY_EXCH | NTLM_SIGN | NTLM_SEAL };

static void example(uint32_t flags, const unsigned char key[16], const char *data, const char *mac)
{
    struct ntlm_session client, server;
    unsigned char text[18], signature[16];
    memcpy(text, plaintext, sizeof text);
    struct mech_part part = { MECH_PART_SEAL, text, sizeof text };
    ntlm_session_init(&client, flags, key, true);
    ntlm_session_init(&server, flags, key, false);
    ntlm_seal(&client, &part, 1, signature);
    assert_hex(text, data);
    if (flags & NTLM_ESS) {
        assert_hex(signature, mac);
    } else { /* the example leaves the random pad in place that 3.4.4.1 zeroes */
        assert_hex(signature + 8, mac);
    }
    assert_true(ntlm_unseal(&server, &part, 1, slice_of((char *)signature, 16)));
    assert_memory_equal(text, plaintext, sizeof text);
}

static void wrap_examples(void **state)
{
    unsigned char key[16];
    hex_bytes("eb93429a8bd952f8 b89c55b87f475edc", key, sizeof key);
    example(0xe2028233, random_key, "56fe04d861f9319af0d7238a2e3b4d457fb8", "09dcd1df2e459d36");
    example(0x820a8233, key, "a02372f6530273f3aa1eb90190ce5200c99d",
            "01000000ff2aeb52f681793a00000000");
    example(0xe28a8233, random_key, "54e50165bf1936dc996020c1811b0f06fb5f",
            "010000007fb38ec5c55d497600000000");
}

struct pdu {
    unsigned char head[24], body[64], tail[8], signature[16];
};

static void parts_of(struct pdu *p, struct mech_part parts[3])
{
    parts[0] = (struct mech_part){ MECH_PART_SIGN, p->head, sizeof p->head };
    parts[1] = (struct mech_part){ MECH_PART_SEAL, p->body, sizeof p->body };
    parts[2] = (struct mech_part){ MECH_PART_SIGN, p->tail, sizeof p->tail };
}

static void sealed_pdu(struct ntlm_session *client, struct pdu *p)
{
    struct mech_part parts[3];
    memset(p, 0x5a, sizeof *p);
    parts_of(p, parts);
    ntlm_seal(client, parts, 3, p->signature);
    for (size_t i = 0; i < sizeof p->head; i++) assert_int_equal(p->head[i], 0x5a);
}

static void every_flipped_bit_is_noticed(void **state)
{
    struct ntlm_session client, server;
    struct pdu sent;
    ntlm_session_init(&client, STRONG, random_key, true);
    ntlm_session_init(&server, STRONG, random_key, false);
    sealed_pdu(&client, &sent);
    for (size_t bit = 0; bit < 8 * sizeof sent; bit++) {
        struct ntlm_session copy = server;
        struct pdu got = sent;
        struct mech_part parts[3];
        ((unsigned char *)&got)[bit / 8] ^= (unsigned char)(1 << bit % 8);
        parts_of(&got, parts);
        assert_false(ntlm_unseal(&copy, parts, 3, slice_of((char *)got.signature, 16)));
    }
    struct mech_part parts[3];
    struct pdu got = sent;
    parts_of(&got, parts);
    struct ntlm_session copy = server;
    assert_false(ntlm_unseal(&copy, parts, 3, slice_of((char *)sent.signature, 15)));
    got = sent;
    copy = server;
    assert_false(ntlm_unseal(&copy, parts, 3, SLICE("")));
    got = sent;
    copy = server; /* a part left out */
    assert_false(ntlm_unseal(&copy, parts, 2, slice_of((char *)sent.signature, 16)));
}

static void many_messages_and_replay(void **state)
{
    struct ntlm_session client, server;
    struct pdu p, first;
    struct mech_part parts[3];
    ntlm_session_init(&client, STRONG, random_key, true);
    ntlm_session_init(&server, STRONG, random_key, false);
    for (int i = 0; i < 20; i++) {
        sealed_pdu(&client, &p);
        if (i == 0) first = p;
        parts_of(&p, parts);
        assert_true(ntlm_unseal(&server, parts, 3, slice_of((char *)p.signature, 16)));
        assert_int_equal(p.body[0], 0x5a);
        sealed_pdu(&server, &p); /* and the other way, with other keys */
        parts_of(&p, parts);
        assert_true(ntlm_unseal(&client, parts, 3, slice_of((char *)p.signature, 16)));
        ntlm_sign(&client, parts, 3, p.signature);
        assert_true(ntlm_verify(&server, parts, 3, slice_of((char *)p.signature, 16)));
    }
    parts_of(&first, parts);
    assert_false(ntlm_unseal(&server, parts, 3, slice_of((char *)first.signature, 16)));
    sealed_pdu(&client, &p); /* back to its sender: wrong direction */
    parts_of(&p, parts);
    assert_false(ntlm_unseal(&client, parts, 3, slice_of((char *)p.signature, 16)));
}

static void list_mic_leaves_the_key_stream(void **state)
{
    struct ntlm_session client, server, fresh;
    unsigned char mic[16], a[4] = "abc", b[4] = "abc", signature[16];
    struct mech_part pa = { MECH_PART_SEAL, a, 4 }, pb = { MECH_PART_SEAL, b, 4 };
    ntlm_session_init(&client, STRONG, random_key, true);
    ntlm_session_init(&server, STRONG, random_key, false);
    fresh = client;
    ntlm_sign_list(&client, SLICE("list"), mic);
    struct ntlm_session copy = server;
    assert_false(ntlm_verify_list(&copy, SLICE("lisT"), slice_of((char *)mic, 16)));
    assert_true(ntlm_verify_list(&server, SLICE("list"), slice_of((char *)mic, 16)));
    ntlm_seal(&client, &pa, 1, signature);
    assert_int_equal(signature[12], 1);
    assert_true(ntlm_unseal(&server, &pa, 1, slice_of((char *)signature, 16)));
    ntlm_session_init(&server, STRONG, random_key, false);
    ntlm_seal(&fresh, &pb, 1, signature);
    struct mech_part again = { MECH_PART_SEAL, a, 4 };
    ntlm_session_init(&client, STRONG, random_key, true);
    ntlm_sign_list(&client, SLICE("list"), mic);
    memcpy(a, "abc", 4);
    ntlm_seal(&client, &again, 1, mic);
    assert_memory_equal(a, b, 4); /* same key stream as without a MIC before */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrap_examples),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(many_messages_and_replay),
        cmocka_unit_test(list_mic_leaves_the_key_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
