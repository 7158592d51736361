/* First byte: 0 the name of a ticket in an AP-REQ, 1 a server's tokens, 2 a server of SPNEGO's, each split at its
 * length bytes. Nothing of this may authenticate. */
#include <krb5/krb5.h>
#include <stdlib.h>

#include "base/utf.h"
#include "mech/kerberos_priv.h"
#include "mech/spnego.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void keytab_make(void)
{
    static bool made;
    krb5_context context;
    krb5_keytab keytab; /* stays open: a keytab in memory lives as long as someone has it */
    krb5_keytab_entry entry;
    unsigned char bytes[32] = "nobody knows this key, not even.";
    if (made) return;
    memset(&entry, 0, sizeof entry);
    setenv("KRB5_CONFIG", "/dev/null", 1);
    entry.vno = 1;
    entry.key = (krb5_keyblock){ .enctype = ENCTYPE_AES256_CTS_HMAC_SHA1_96, .length = 32, .contents = bytes };
    made = krb5_init_context(&context) == 0 && krb5_kt_resolve(context, "MEMORY:fuzz", &keytab) == 0 &&
           krb5_parse_name(context, "HTTP/localhost@TEST", &entry.principal) == 0 &&
           krb5_kt_add_entry(context, keytab, &entry) == 0;
    if (!made) abort();
    krb5_free_principal(context, entry.principal);
    krb5_free_context(context);
}

static void machine(bool spnego, struct slice s)
{
    struct kerberos_server_config c = { .keytab = "MEMORY:fuzz", .replay_cache_off = true };
    struct mech *kerberos = NULL, *m = NULL;
    struct buf out;
    buf_init(&out, 0);
    if (kerberos_server_new(&c, &kerberos, NULL) != CIMF_OK) abort();
    if (spnego) {
        if (spnego_server_new(&kerberos, 1, &m, NULL) != CIMF_OK) abort();
    } else {
        m = kerberos;
    }
    enum mech_result result = MECH_CONTINUE;
    while (result == MECH_CONTINUE && s.n > 1) {
        size_t n = (unsigned char)s.p[0] | (size_t)(unsigned char)s.p[1] << 8;
        s = slice_sub(s, 2);
        result = mech_step(m, slice_head(s, n), &out, NULL);
        s = slice_sub(s, n < s.n ? n : s.n);
    }
    if (result == MECH_COMPLETE) abort();
    mech_free(m);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct slice s = slice_of((const char *)data + 1, size - 1);
    if (data[0] % 3 == 0) {
        struct buf name;
        buf_init(&name, 0);
        if (kerberos_ticket_service(s, &name) && (name.n < 3 || !utf8_valid(buf_slice(&name)))) abort();
        buf_free(&name);
        return 0;
    }
    keytab_make();
    machine(data[0] % 3 == 2, s);
    return 0;
}
